// Softmax: exp of each score over the sum of all, and the check that the weights add up to 1.
import { sum_of, top_of_row } from "../arithmetic.ts";
import { el } from "../dom.ts";
import { count_text, digits_for, number_text, weight_text, written_number } from "../format.ts";
import type { Look } from "../look.ts";
import { always, note, type Step, type StepBody } from "../step.ts";
import { shown_token } from "../shown_text.ts";
import { term } from "../terms.ts";
import { number_table, written_sum } from "../written.ts";
import { written_look } from "../written_look.ts";

/** "1.145 − 0.634", "−0.3 + 0.2" */
function less(score: string, max: string): string {
  return max.startsWith("−") ? `${score} + ${max.slice(1)}` : `${score} − ${max}`;
}

function fraction(look: Look): HTMLElement {
  if (!look.seen) return el("p.sum-line", {}, "exp(−∞) / Σ = ", el("b.result", {}, weight_text(0)));
  const { score, row_max, grown, row_sum } = written_look(look);
  return el(
    "p.sum-line",
    {},
    `exp(${less(score, row_max)}) / ${row_sum} = ${grown} / ${row_sum} = `,
    el("b.result", {}, weight_text(look.weight)),
  );
}

/** The weight of the head's own sink logit, which is no token. */
function sink_weight(look: Look): number {
  const { sink } = look.head.kept;
  return sink === null ? 0 : Math.exp(sink - look.row_max) / look.row_sum;
}

function make(look: Look): StepBody {
  const seen = look.visible[1] - look.visible[0] + 1;
  const sink = sink_weight(look);
  const total = sum_of(look.weights) + sink;
  const top = top_of_row(look.head, look.query).slice(0, 5);
  const exps = top.map(({ weight }) => weight * look.row_sum);
  const scores = exps.map((value) => Math.log(value) + look.row_max);
  const read = (value: number, digits: number): number => written_number(number_text(value, digits));
  const digits = digits_for(3, (d) => exps.every((value, i) => number_text(Math.exp(read(scores[i]!, d) - read(look.row_max, d)), 4) === number_text(value, 4)));
  const terms = exps.map((value, i) => ({ text: number_text(value, 4), value, marked: top[i]!.key === look.key }));
  const sum = written_sum(terms, number_text(look.row_sum, 4), seen > top.length);
  sum.prepend("Σ = ");
  const rows = top.map(({ key, weight }, i) => [
    `${key} ${shown_token(look.text.data.tokens[key]!.text)}`,
    number_text(scores[i]!, digits),
    number_text(exps[i]!, 4),
    weight_text(weight),
  ]);
  const check = el("span", { "data-check": "weights", "data-sum": total }, number_text(total, 4));
  return {
    lead: [
      fraction(look),
      el("p.line.check", {}, seen === 1 ? "the one weight is " : `the ${count_text(seen, "weight")}${sink > 0 ? " and the sink’s" : ""} add up to `, check, number_text(total, 4) === "1.0000" ? el("span.tick", { "aria-hidden": "true" }, " ✓") : " (the page’s vectors are rounded)"),
    ],
    more: [
      number_table(["key", "score s", "exp(s − max)", "weight"], rows, (row) => top[row]!.key === look.key),
      el("p.sum-line", {}, sum),
      note(term("softmax"), `: max = ${number_text(look.row_max, digits)} is the row’s largest score, Σ the sum over all ${count_text(seen, "key")}; max + ln Σ = ${number_text(look.row_max + Math.log(look.row_sum), 3)} is the row’s `, term("log-sum-exp"), "."),
    ],
  };
}

export const softmax_step: Step = {
  id: "softmax",
  title: "Softmax",
  formula: () => "w = exp(s − max) / Σ",
  applies: always,
  make,
};
