// What a step of the notebook panel is.
import { el, token_mark } from "./dom.ts";
import { number_text } from "./format.ts";
import type { Look } from "./look.ts";

export interface StepBody {
  /** Always shown. */
  lead: (Node | string)[];
  /** Shown when the walk stands at this step. */
  more: (Node | string)[];
}

export interface Step {
  id: string;
  title: string;
  formula: (look: Look) => string;
  applies: (look: Look) => boolean;
  make: (look: Look) => StepBody;
}

export function always(): boolean {
  return true;
}

/** A strip of a vector with its name before it and what is under the pointer behind it. */
export function named_strip(name: Node | string, strip: HTMLElement): HTMLElement {
  return el("div.strip-row", {}, el("span.strip-name", {}, name), strip);
}

export function token_of(look: Look, token: number): HTMLElement {
  return el("span.token-at", {}, token_mark(look.text.data.tokens[token]!.text), el("span.at", {}, String(token)));
}

export function note(...children: (Node | string)[]): HTMLElement {
  return el("p.note", {}, ...children);
}

/** Picks the number of the vectors that is written out. */
export function pick_dimension(look: Look): (index: number) => void {
  return (dimension) => look.page.store.change({ dimension });
}

/** "46 of 64", with buttons for the one before and after. */
export function dimension_picker(look: Look, dimension: number = look.dimension): HTMLElement {
  const step = (by: number): void => {
    look.page.store.change({ dimension: (dimension + by + look.q.length) % look.q.length });
  };
  const turn = (label: string, text: string, by: number): HTMLElement => {
    const made = el("button.small", { type: "button", "aria-label": label, "data-dimension-step": by }, text);
    made.addEventListener("click", () => step(by));
    return made;
  };
  return el("span.picker", {}, turn("The number before", "‹", -1), el("span.number", { "data-dimension": dimension }, ` number ${dimension} of ${look.q.length} `), turn("The next number", "›", 1));
}

export function vector_text(values: ArrayLike<number>): string {
  return `[${Array.from(values, (value) => number_text(value, 4)).join("  ")}]`;
}

/** Vectors this short are written out in full. */
export const written_size = 8;
