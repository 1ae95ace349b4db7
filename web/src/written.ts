// Arithmetic as it is written on paper: sums with their terms, formulas with indices, tables of numbers.
import { el } from "./dom.ts";
import { number_text } from "./format.ts";

export interface WrittenTerm {
  text: string;
  value: number;
  marked: boolean;
}

/** The indices of the values that are largest without their sign, the largest first. */
export function largest_terms(values: ArrayLike<number>, count: number): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i);
  return order.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b).slice(0, count);
}

/** "−43.90 + 22.79 − … = 65.43": the terms, what is left of the total as "…" when `rest`, and the total. */
export function written_sum(terms: readonly WrittenTerm[], total: string, rest: boolean): HTMLElement {
  const line = el("span.written");
  terms.forEach(({ text, value, marked }, i) => {
    const negative = value < 0;
    if (i > 0 || negative) line.append(i === 0 ? "−" : negative ? " − " : " + ");
    line.append(el(marked ? "b.term-number" : "span", {}, text.replace(/^−/, "")));
  });
  if (rest) line.append(el("span.faint", {}, terms.length > 0 ? " + …" : "…"));
  line.append(" = ", el("b.result", {}, total));
  return line;
}

/** Terms of a sum as "value", those of `marked` set off. */
export function plain_terms(values: ArrayLike<number>, indices: readonly number[], digits: number): WrittenTerm[] {
  return indices.map((i) => ({ text: number_text(values[i]!, digits), value: values[i]!, marked: true }));
}

/** A formula: letters slanted, "_x" an index, "^x" raised. */
export function formula(text: string): HTMLElement {
  const line = el("span.formula");
  for (const part of text.match(/[_^](\{[^}]*\}|.)|[A-Za-z]{2,}|[A-Za-z]|[^A-Za-z_^]+/gu) ?? []) {
    const inner = part.replace(/^[_^]/, "").replace(/[{}]/g, "");
    if (part.startsWith("_")) line.append(el("sub", {}, inner));
    else if (part.startsWith("^")) line.append(el("sup", {}, inner));
    else line.append(/^[A-Za-z]$/.test(part) ? el("i", {}, part) : part);
  }
  return line;
}

/** A table whose first column names its rows. */
export function number_table(head: readonly string[], rows: readonly (readonly (Node | string)[])[], marked: (row: number) => boolean): HTMLElement {
  const cells = (row: readonly (Node | string)[]): HTMLElement[] => row.map((cell, i) => (i === 0 ? el("th", { scope: "row" }, cell) : el("td", {}, cell)));
  return el(
    "table.numbers",
    {},
    el("thead", {}, el("tr", {}, ...head.map((text) => (text === "" ? el("td") : el("th", { scope: "col" }, text))))),
    el("tbody", {}, ...rows.map((row, i) => el("tr", { "data-marked": marked(i) }, ...cells(row)))),
  );
}
