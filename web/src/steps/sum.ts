// The weighted sum of values: the head's answer, what this key brings to it, and what the model expects next.
import { row_of } from "../decode.ts";
import { share_of_length, top_of_row } from "../arithmetic.ts";
import { el, token_mark } from "../dom.ts";
import { vector_strip } from "../drawing.ts";
import { percent_text, weight_text } from "../format.ts";
import type { Guess } from "../data.ts";
import type { Look } from "../look.ts";
import { always, named_strip, note, token_of, vector_text, written_size, type Step, type StepBody } from "../step.ts";
import { shown_token } from "../shown_text.ts";
import { term } from "../terms.ts";
import { formula, number_table } from "../written.ts";

function guesses_of(look: Look): readonly Guess[] {
  const { row_guesses, guesses } = look.text.data;
  if (row_guesses) return row_guesses[look.query] ?? [];
  return look.query === look.text.size - 1 ? guesses : [];
}

function guess_line(look: Look): HTMLElement | null {
  const guesses = guesses_of(look).slice(0, 3);
  if (guesses.length === 0) return null;
  const parts = guesses.flatMap(({ text, probability }, i) => [i > 0 ? ", " : "", token_mark(text), ` ${percent_text(probability)}`]);
  return el("p.line", { "data-guesses": true }, "After ", token_of(look, look.query), " the model, with all its heads and layers, expects ", ...parts);
}

function make(look: Look): StepBody {
  const share = share_of_length(look.part, look.answer);
  const full = look.answer.length <= written_size;
  const scale = Math.max(...Array.from(look.answer, Math.abs), ...Array.from(look.part, Math.abs)) || 1;
  const part = vector_strip(look.part, { label: "weight times value of this key", full: scale });
  const answer = vector_strip(look.answer, { label: "the head’s answer", full: scale });
  const rows = top_of_row(look.head, look.query)
    .slice(0, 6)
    .map(({ key, weight }) => {
      const brings = Float64Array.from(row_of(look.head.value, key), (number) => weight * number);
      return [`${key} ${shown_token(look.text.data.tokens[key]!.text)}`, weight_text(weight), percent_text(share_of_length(brings, look.answer))];
    });
  const guesses = guess_line(look);
  return {
    lead: [
      named_strip(formula("w v_j"), part),
      named_strip(formula("Σ w v"), answer),
      ...(full ? [el("p.sum-line.vector-line", {}, formula("w v_j = "), vector_text(look.part)), el("p.sum-line.vector-line", {}, formula("Σ w v = "), vector_text(look.answer))] : []),
      el("p.line", {}, token_of(look, look.key), " brings ", el("b.result", {}, percent_text(share)), " of the answer’s length"),
      ...(guesses ? [guesses] : []),
    ],
    more: [
      number_table(["key", "weight", "of the answer’s length"], rows, (row) => top_of_row(look.head, look.query)[row]?.key === look.key),
      note("Each ", term("value"), " is taken as often as its weight says, and all are added up. A large weight on a short value brings little: so with ", term("sink", "sinks"), ". Shares are along the answer and add up to 100 %; one below 0 pulls the other way."),
    ],
  };
}

export const sum_step: Step = {
  id: "sum",
  title: "Weighted sum",
  formula: () => "o_i = Σ_j w_{ij} v_j",
  applies: always,
  make,
};
