// The score: the dot product times the scale, and bent by a softcap where the model has one.
import { el } from "../dom.ts";
import { number_text } from "../format.ts";
import type { Look } from "../look.ts";
import { always, note, type Step, type StepBody } from "../step.ts";
import { term } from "../terms.ts";
import { written_look } from "../written_look.ts";

/** Whether the scale is 1/sqrt(d), to float32. */
function is_usual(look: Look): boolean {
  return Math.abs(look.head.kept.scale * Math.sqrt(look.q.length) - 1) < 1e-6;
}

function make(look: Look): StepBody {
  const { scale, softcap } = look.head.kept;
  const size = look.q.length;
  const capped = softcap > 0;
  const { product, scale: factor, scaled, score } = written_look(look);
  const line = el("p.sum-line", {}, `${product} × ${factor} = `, el(capped ? "span" : "b.result", {}, scaled));
  const cap = capped
    ? el("p.sum-line", {}, `${number_text(softcap, 1)} · tanh(${scaled} / ${number_text(softcap, 1)}) = `, el("b.result", {}, score))
    : null;
  return {
    lead: [line, ...(cap ? [cap] : [])],
    more: [
      note(
        term("scale"),
        is_usual(look) ? `: 1/√${size} = ${number_text(scale, 4)}. A sum of ${size} products grows with √${size}; without this, softmax would give all to one token.` : `: this head’s own, ${number_text(scale, 4)}.`,
        capped ? " Then " : "",
        capped ? term("softcap") : "",
      ),
    ],
  };
}

export const scale_step: Step = {
  id: "scale",
  title: "Scale",
  formula: (look) => (is_usual(look) ? `s = q_i · k_j × 1/√${look.q.length}` : "s = q_i · k_j × scale"),
  applies: always,
  make,
};
