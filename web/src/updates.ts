// Brings the parts of the page up to date: some at once, the rest in a task after the paint that shows those.
import type { View } from "./page.ts";

/** A pick changes nearly all that is on the page: what was clicked is answered before the rest is made. */
const picks: readonly string[] = ["layer", "head", "token", "other", "column"];

export class Updates {
  /** What changed since the parts that can wait were up to date. */
  private readonly missed = new Set<string>();
  private frame = 0;
  private task = 0;

  constructor(private readonly first: readonly View[], private readonly rest: readonly View[]) {}

  /** After a pick the rest waits for the paint, and a pick before that takes its place; any other change is shown whole. */
  show(changed: ReadonlySet<string>): void {
    for (const one of changed) this.missed.add(one);
    this.first.forEach((view) => view.update(changed));
    if (picks.some((one) => changed.has(one))) this.wait();
    else this.finish();
  }

  private wait(): void {
    this.cancel();
    mark_ready(false);
    // A timer that is set in a frame runs when the frame is painted.
    this.frame = requestAnimationFrame(() => (this.task = window.setTimeout(() => this.finish())));
  }

  private cancel(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.task);
  }

  /** Brings the rest up to date now, where something is missing. */
  finish(): void {
    this.cancel();
    const missed = new Set(this.missed);
    this.missed.clear();
    if (missed.size > 0) this.rest.forEach((view) => view.update(missed));
    mark_ready(true);
  }
}

/** Says whether all that is shown is of one state. */
function mark_ready(ready: boolean): void {
  document.documentElement.dataset["ready"] = String(ready);
}
