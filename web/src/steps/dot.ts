// The dot product as a written sum, its largest terms marked.
import { sum_of } from "../arithmetic.ts";
import { el } from "../dom.ts";
import { vector_strip } from "../drawing.ts";
import { digits_for, number_text, written_number } from "../format.ts";
import type { Look } from "../look.ts";
import { always, named_strip, note, pick_dimension, written_size, type Step, type StepBody } from "../step.ts";
import { term } from "../terms.ts";
import { formula, largest_terms, number_table, plain_terms, written_sum } from "../written.ts";
import { written_look } from "../written_look.ts";

const marked_terms = 5;

function make(look: Look): StepBody {
  const full = look.q.length <= written_size;
  const indices = full ? Array.from(look.q.keys()) : largest_terms(look.terms, marked_terms);
  const bars = vector_strip(look.terms, {
    label: "q[c]·k[c] of each number c",
    bars: true,
    picked: [look.dimension],
    on_pick: pick_dimension(look),
  });
  const sum = written_sum(plain_terms(look.terms, indices, full ? 4 : 2), written_look(look).product, !full);
  const rest = look.product - sum_of(indices.map((c) => look.terms[c]!));
  const comes_out = (c: number, digits: number): boolean =>
    number_text(written_number(number_text(look.q[c]!, digits)) * written_number(number_text(look.k[c]!, digits)), 3) === number_text(look.terms[c]!, 3);
  const digits = digits_for(3, (many) => indices.every((c) => comes_out(c, many)));
  const rows = indices.map((c) => [`number ${c}`, number_text(look.q[c]!, digits), "×", number_text(look.k[c]!, digits), "=", number_text(look.terms[c]!, 3)]);
  if (!full) rows.push([`the other ${look.q.length - indices.length}`, "", "", "", "", number_text(rest, 3)]);
  return {
    lead: [
      el("p.sum-line", {}, sum),
      named_strip(formula("q·k"), bars),
    ],
    more: [
      el("p.line", {}, term("dot product"), `: ${look.q.length} products, added up`, full ? "" : `; the ${marked_terms} largest:`),
      number_table(["", "q", "", "k", "", "q·k"], rows, (row) => indices[row] === look.dimension),
      note("Blue products speak for this key, orange ones against it. Pick one to see how its q and k were made."),
    ],
  };
}

export const dot_step: Step = {
  id: "dot",
  title: "Dot product",
  formula: () => "q_i · k_j",
  applies: always,
  make,
};
