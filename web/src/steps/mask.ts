// The mask: which keys stay, which are removed, and why.
import { theme_colours } from "../colour.ts";
import { el } from "../dom.ts";
import { Drawing } from "../drawing.ts";
import { count_text } from "../format.ts";
import type { Look } from "../look.ts";
import { always, note, token_of, type Step, type StepBody } from "../step.ts";
import { term } from "../terms.ts";

function draw(pen: CanvasRenderingContext2D, width: number, height: number, look: Look): void {
  const { hue, accent, line } = theme_colours();
  const size = look.head.tokens;
  const step = width / size;
  const gap = step > 5 ? 1 : 0;
  for (let key = 0; key < size; ++key) {
    const seen = key >= look.visible[0] && key <= look.visible[1];
    pen.fillStyle = key === look.key ? accent : seen ? hue : line;
    pen.globalAlpha = seen && key !== look.key ? 0.45 : 1;
    const tall = seen ? height : height / 3;
    pen.fillRect(key * step, height - tall, Math.max(key === look.key ? 2 : 0.75, step - gap), tall);
  }
  pen.globalAlpha = 1;
}

/** "5 later tokens (15 to 19)" */
function removed(first: number, last: number, why: "later" | "window"): string | null {
  if (last < first) return null;
  const range = first === last ? `${first}` : `${first} to ${last}`;
  const count = last - first + 1;
  return `${why === "later" ? count_text(count, "later token") : count_text(count, "token", " beyond the window")} (${range})`;
}

function window_words(window: NonNullable<Look["head"]["kept"]["window"]>, causal: boolean): string {
  const left = window.left === null ? "all before it" : `${window.left} before it`;
  const right = window.right === null ? "all after it" : `${window.right} after it`;
  return `The window of this layer: a token, ${causal ? left : `${left} and ${right}`}.`;
}

function make(look: Look): StepBody {
  const [first, last] = look.visible;
  const { causal, window } = look.head.kept;
  const canvas = el("canvas.strip", { role: "img", "aria-label": `Tokens ${first} to ${last} stay` });
  const strip = new Drawing(canvas, (pen, width, height) => draw(pen, width, height, look));
  const gone = [
    removed(0, first - 1, "window"),
    removed(last + 1, look.head.tokens - 1, causal ? "later" : "window"),
  ].filter((part) => part !== null);
  const stays = first === last ? `token ${first} stays` : `tokens ${first} to ${last} stay`;
  const lead = el("p.line", {}, stays, gone.length > 0 ? `; removed (score −∞): ${gone.join(" and ")}` : "; nothing is removed");
  const own = look.seen ? null : el("p.line", {}, token_of(look, look.key), " is removed: its weight is ", el("b", {}, "0"));
  const why = causal
    ? ": a decoder guesses the next token, so none may look at what comes later."
    : gone.length > 0
      ? ": each token looks only at those near it."
      : ": an encoder reads the whole text at once; all tokens see each other.";
  return {
    lead: [lead, ...(own ? [own] : []), strip.root],
    more: [note(term("mask"), why, window ? ` ${window_words(window, causal)}` : "")],
  };
}

export const mask_step: Step = {
  id: "mask",
  title: "Mask",
  formula: (look) => (look.head.kept.causal ? "j ≤ i, else s = −∞" : "all j"),
  applies: always,
  make,
};
