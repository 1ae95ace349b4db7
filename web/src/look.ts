// One look, from a query to a key, with every number on the way: what the notebook panel's steps write out.
import { answer_of, dot, is_visible, score_of, top_of_row, uncapped, visible_keys, weight_of, type OpenHead } from "./arithmetic.ts";
import type { RopeData } from "./data.ts";
import { row_of, type Matrix } from "./decode.ts";
import type { OpenText, Page, Projection } from "./page.ts";
import { selection_of } from "./selection.ts";
import type { State } from "./state.ts";

export interface Look {
  page: Page;
  state: Readonly<State>;
  text: OpenText;
  head: OpenHead;
  query: number;
  key: number;
  /** Vectors as they meet in the dot product: turned by position where the model does that. */
  q: Float32Array;
  k: Float32Array;
  /** q[c] * k[c] */
  terms: Float64Array;
  /** The dot product: taken back from the score, so that it leads to the weight exactly. */
  product: number;
  /** Times the scale, before a softcap. */
  scaled: number;
  score: number;
  visible: [first: number, last: number];
  seen: boolean;
  row_max: number;
  row_sum: number;
  weight: number;
  weights: Float64Array;
  answer: Float64Array;
  /** w * v of this key. */
  part: Float64Array;
  /** How q and k were turned. */
  rope: RopeData | null;
  /** The layer's hidden states, and the matrices that made q and k of them, where the page has them. */
  input: Matrix | null;
  projection: Projection | null;
  /** The number of the vectors that is written out. */
  dimension: number;
  is_top: boolean;
}

function largest_at(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (Math.abs(values[i]!) > Math.abs(values[best]!)) best = i;
  return best;
}

/** Returns null where the head's rows are not in the page. */
export function look_of(page: Page): Look | null {
  const { head, text, query, key, row: weights } = selection_of(page);
  if (!head || !weights) return null;
  const { state } = page.store;
  const { kept } = head;
  const [q, k] = [row_of(head.query, query), row_of(head.key, key)];
  const terms = Float64Array.from(q, (number, c) => number * k[c]!);
  const score = score_of(head, query, key);
  const scaled = uncapped(score, kept.softcap);
  const weight = weight_of(head, query, key);
  const wanted = state.dimension;
  return {
    page,
    state,
    text,
    head,
    query,
    key,
    q,
    k,
    terms,
    product: kept.scale === 0 ? dot(q, k) : scaled / kept.scale,
    scaled,
    score,
    visible: visible_keys(kept, head.tokens, query),
    seen: is_visible(head, query, key),
    row_max: head.row_max[query]!,
    row_sum: head.row_sum[query]!,
    weight,
    weights,
    answer: answer_of(head, weights),
    part: Float64Array.from(row_of(head.value, key), (number) => weight * number),
    rope: kept.rope === null ? null : text.data.ropes[kept.rope]!,
    input: text.input(state.layer),
    projection: text.projection(state.layer, state.head),
    dimension: wanted !== null && wanted < q.length ? wanted : largest_at(terms),
    is_top: top_of_row(head, query).some((one) => one.key === key),
  };
}
