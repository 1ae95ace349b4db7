// Tokens with a bar each: of a row, a column, or what is received.
import { el, fill } from "./dom.ts";
import { weight_text } from "./format.ts";
import type { OpenText } from "./page.ts";
import type { Ranked } from "./selection.ts";
import { shown_token } from "./shown_text.ts";

export const shown_bars = 8;

export interface BarOptions {
  text: OpenText;
  /** The attribute that names a bar's token: "key" or "query". */
  names: "key" | "query";
  picked: number | null;
  /** Sinks do not stretch the scale. */
  sinks_off: boolean;
}

/** Beside a sink of weight 1 a full bar is at least this: bars that are small beside it look small. */
const least_full = 0.1;

/** What fills a bar: the largest weight, of those that are no sinks where these are off the scale. */
export function full_bar(bars: readonly Ranked[], text: OpenText, sinks_off: boolean): number {
  const kept = bars.filter(({ token }) => !(sinks_off && text.data.tokens[token]!.sink));
  const largest = (of: readonly Ranked[]): number => of.reduce((most, { weight }) => Math.max(most, weight), 1e-30);
  return kept.length > 0 ? Math.max(largest(kept), least_full * largest(bars)) : largest(bars);
}

function bar_of({ token, weight }: Ranked, full: number, options: BarOptions): HTMLElement {
  const { text, picked, names } = options;
  const sink = text.data.tokens[token]!.sink;
  const bar = el("span.bar");
  bar.style.setProperty("--share", `${Math.min(100, (100 * weight) / full).toFixed(2)}%`);
  const name = shown_token(text.data.tokens[token]!.text);
  return el(
    "div.bar-row",
    {
      role: "option",
      "aria-selected": String(token === picked),
      tabindex: token === picked ? 0 : -1,
      [`data-${names}`]: token,
      "data-sink": sink,
      "data-over": weight > full * 1.0001,
    },
    el("span.position", {}, String(token)),
    el("bdi.token", {}, name),
    el("span.track", {}, bar),
    el("span.weight", {}, weight_text(weight)),
  );
}

/** Fills a list of role listbox. */
export function fill_bars(list: HTMLElement, bars: readonly Ranked[], options: BarOptions): void {
  const had_focus = list.contains(document.activeElement);
  const full = full_bar(bars, options.text, options.sinks_off);
  fill(list, ...bars.map((bar) => bar_of(bar, full, options)));
  const first = list.querySelector("[tabindex='0']") ?? list.firstElementChild;
  if (first instanceof HTMLElement) {
    first.tabIndex = 0;
    if (had_focus) first.focus({ preventScroll: true });
  }
}

/** Calls back with the token of the bar that was clicked. */
export function on_bar(list: HTMLElement, pick: (token: number) => void): void {
  list.addEventListener("click", (event) => {
    const bar = event.target instanceof Element ? event.target.closest<HTMLElement>(".bar-row") : null;
    const token = bar?.dataset["key"] ?? bar?.dataset["query"];
    if (token !== undefined) pick(Number(token));
  });
}

/** The first bars, and the picked one where it is not among them. */
export function bars_with(ranked: readonly Ranked[], picked: number): Ranked[] {
  const first = ranked.slice(0, shown_bars);
  const other = ranked.find(({ token }) => token === picked);
  return other && !first.includes(other) ? [...first, other] : first;
}
