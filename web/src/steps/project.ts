// Hidden state to query and key: x times the learned matrices.
import { row_of, type Matrix } from "../decode.ts";
import { el } from "../dom.ts";
import { most_but_outliers, vector_strip } from "../drawing.ts";
import { number_text } from "../format.ts";
import type { Look } from "../look.ts";
import type { Projection } from "../page.ts";
import { always, dimension_picker, named_strip, note, pick_dimension, token_of, vector_text, written_size, type Step, type StepBody } from "../step.ts";
import { term } from "../terms.ts";
import { unturned } from "../turning.ts";
import { formula, largest_terms, written_sum } from "../written.ts";

interface Side {
  letter: "q" | "k";
  token: number;
  /** Before it is turned. */
  vector: ArrayLike<number>;
  weight: "query_weight" | "key_weight";
  bias: "query_bias" | "key_bias";
}

/** What q and k were made of. */
interface Made {
  input: Matrix;
  projection: Projection;
}

/** Query and key as the projections made them. */
export function sides_of(look: Look): [Side, Side] {
  const before = (vector: Float32Array, token: number): ArrayLike<number> =>
    look.rope ? unturned(vector, token, look.rope) : vector;
  return [
    { letter: "q", token: look.query, vector: before(look.q, look.query), weight: "query_weight", bias: "query_bias" },
    { letter: "k", token: look.key, vector: before(look.k, look.key), weight: "key_weight", bias: "key_bias" },
  ];
}

/** One number of q or k as a written sum: x[d] W[c][d] + ... (+ b). */
function number_sum({ input, projection }: Made, side: Side, c: number): HTMLElement {
  const x = row_of(input, side.token);
  const weights = row_of(projection[side.weight], c);
  const products = Float64Array.from(x, (number, d) => number * weights[d]!);
  const full = x.length <= written_size;
  const indices = full ? Array.from(x.keys()) : largest_terms(products, 4);
  const digits = full ? 4 : 3;
  const terms = indices.map((d) => ({
    text: `${number_text(Math.abs(x[d]!), digits)}·${number_text(Math.abs(weights[d]!), digits)}`,
    value: products[d]!,
    marked: full ? false : true,
  }));
  const bias = projection[side.bias][c];
  if (bias !== undefined) terms.push({ text: `${number_text(Math.abs(bias), digits)} (bias)`, value: bias, marked: false });
  const line = written_sum(terms, number_text(side.vector[c]!, digits), !full);
  line.prepend(formula(`${side.letter}[${c}] = `));
  return el("p.sum-line", { "data-sum": `${side.letter}${c}` }, line);
}

/** x, the matrix and what comes out, where they are small. */
function whole_product({ input, projection }: Made, side: Side, picked: number): HTMLElement {
  const matrix = projection[side.weight];
  const x = row_of(input, side.token);
  const rows = Array.from({ length: matrix.size }, (_, d) =>
    el("tr", {}, ...Array.from({ length: matrix.rows }, (_, c) => el("td", { "data-marked": c === picked }, number_text(row_of(matrix, c)[d]!, 3)))),
  );
  const cells = (values: ArrayLike<number>, marked: number): HTMLElement =>
    el("table.matrix", {}, el("tbody", {}, el("tr", {}, ...Array.from(values, (value, c) => el("td", { "data-marked": c === marked }, number_text(value, 3))))));
  return el("div.product", {}, cells(x, -1), "×", el("table.matrix", {}, el("tbody", {}, ...rows)), "=", cells(side.vector, picked));
}

function more_of(look: Look, made: Made, sides: Side[]): (Node | string)[] {
  const small = made.input.size <= written_size && look.q.length <= written_size;
  const numbers = small ? Array.from(look.q.keys()) : [look.dimension];
  return [
    el("p.line", {}, "Written out: ", dimension_picker(look)),
    ...(small ? sides.map((side) => whole_product(made, side, look.dimension)) : []),
    ...sides.flatMap((side) => numbers.map((c) => number_sum(made, side, c))),
    note(
      "Each number of q and k is a dot product of the token’s hidden state x (",
      el("span.number", {}, String(made.input.size)),
      " numbers, as the layer’s projections get it) with a row of a learned matrix",
      small ? "." : "; its largest terms are shown, and … is what the others bring.",
    ),
  ];
}

/** Where the page has no matrices of the head. */
function without_matrices({ head, rope }: Look): string {
  const colours = "Blue is above 0, orange below.";
  if (head.kept.projected) return `q = x Wq and k = x Wk: the matrices of this head are not in this page, only what they made. ${colours}`;
  return `${rope ? "These are q and k before they are turned" : "These are q and k as they meet in q·k"}: how the model made them of the token’s hidden state, with a norm or a scale in between perhaps, is not in this page. ${colours}`;
}

function make(look: Look): StepBody {
  const sides = sides_of(look);
  const strip = (label: string, vector: ArrayLike<number>, can_pick: boolean): HTMLElement => {
    const picks = { label, picked: [look.dimension], on_pick: pick_dimension(look) };
    return vector_strip(vector, can_pick ? picks : { label, full: most_but_outliers(vector) });
  };
  const lead: Node[] = sides.flatMap(({ letter, token, vector }) => {
    const what = letter === "q" ? "query" : "key";
    const x = look.input ? row_of(look.input, token) : null;
    return [
      el("p.line", {}, term(what), " of ", token_of(look, token)),
      ...(x ? [named_strip(formula("x"), strip(`hidden state of token ${token}`, x, false))] : []),
      named_strip(formula(letter), strip(`${what} of token ${token}`, vector, true)),
      ...(vector.length <= written_size ? [el("p.sum-line.vector-line", {}, formula(`${letter} = `), vector_text(vector))] : []),
    ];
  });
  const { input, projection } = look;
  const more = input && projection
    ? more_of(look, { input, projection }, sides)
    : [note(without_matrices(look))];
  return { lead, more };
}

export const project_step: Step = {
  id: "project",
  title: "Query and key",
  formula: (look) => (look.head.kept.projected ? "q = x_i W_q, k = x_j W_k" : "q_i, k_j"),
  applies: always,
  make,
};
