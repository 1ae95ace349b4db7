// One head's weights again, from its queries, keys, and each row's max and sum; in double precision.
//
// The weights that the fused call itself gave (the top 8 of a row) are used as they are, and their scores are taken back
// from them, s = max + ln(w * sum): so a number on the page never differs from the one it is said to come from. All other
// weights come from q and k in 16-bit steps.
import { Numbers, row_of, type Matrix } from "./decode.ts";
import type { KeptHead, KeptKeys } from "./data.ts";

export interface TopKey {
  key: number;
  weight: number;
}

/** A head whose rows can be computed again. */
export interface OpenHead {
  kept: KeptHead;
  tokens: number;
  query: Matrix;
  key: Matrix;
  value: Matrix;
  row_max: Float32Array;
  row_sum: Float32Array;
  entropy: Float32Array;
  top_keys: Int32Array;
  top_weights: Float32Array;
  deviation: Float32Array | null;
}

export function open_head(numbers: Numbers, kept: KeptHead, keys: KeptKeys): OpenHead {
  const query = numbers.stepped(kept.query);
  return {
    kept,
    tokens: query.rows,
    query,
    key: numbers.stepped(keys.key),
    value: numbers.stepped(keys.value),
    row_max: numbers.f32(kept.row_max),
    row_sum: numbers.f32(kept.row_sum),
    entropy: numbers.f32(kept.entropy),
    top_keys: numbers.i32(kept.top_keys),
    top_weights: numbers.f32(kept.top_weights),
    deviation: kept.deviation ? numbers.f32(kept.deviation) : null,
  };
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; ++i) sum += a[i]! * b[i]!;
  return sum;
}

export function length_of(vector: ArrayLike<number>): number {
  return Math.sqrt(dot(vector, vector));
}

/** Returns the cosine, 0 where a vector is 0. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const lengths = length_of(a) * length_of(b);
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

/** The keys that row i may see: from first to last. */
export function visible_keys(kept: KeptHead, tokens: number, row: number): [first: number, last: number] {
  const { left = null, right = null } = kept.window ?? {};
  const first = left === null ? 0 : Math.max(0, row - left);
  const bound = right === null ? tokens - 1 : Math.min(tokens - 1, row + right);
  return [first, kept.causal ? Math.min(row, bound) : bound];
}

export function is_visible(head: OpenHead, row: number, key: number): boolean {
  const [first, last] = visible_keys(head.kept, head.tokens, row);
  return key >= first && key <= last;
}

export function capped(score: number, softcap: number): number {
  return softcap > 0 ? softcap * Math.tanh(score / softcap) : score;
}

export function uncapped(score: number, softcap: number): number {
  return softcap > 0 ? softcap * Math.atanh(score / softcap) : score;
}

/** The score of any key by the row's query, seen or not: scaled and capped, from the vectors in the page. */
export function score_by_vectors(head: OpenHead, row: number, key: number): number {
  const product = dot(row_of(head.query, row), row_of(head.key, key));
  return capped(product * head.kept.scale, head.kept.softcap);
}

function weight_by_vectors(head: OpenHead, row: number, key: number): number {
  return Math.exp(score_by_vectors(head, row, key) - head.row_max[row]!) / head.row_sum[row]!;
}

/** The fused call's own largest weights of a row. */
export function top_of_row(head: OpenHead, row: number): TopKey[] {
  const width = head.kept.top_keys.shape[1] ?? 0;
  const top: TopKey[] = [];
  for (let at = row * width; at < (row + 1) * width; ++at) {
    if (head.top_keys[at]! >= 0) top.push({ key: head.top_keys[at]!, weight: head.top_weights[at]! });
  }
  return top;
}

/** The weight of one key in a row; the fused call's own where the page has it. */
export function weight_of(head: OpenHead, row: number, key: number): number {
  const top = top_of_row(head, row).find((one) => one.key === key);
  if (top) return top.weight;
  return is_visible(head, row, key) ? weight_by_vectors(head, row, key) : 0;
}

/** All weights of a row, [tokens]; 0 where it does not look. */
export function row_weights(head: OpenHead, row: number): Float64Array {
  const weights = new Float64Array(head.tokens);
  const [first, last] = visible_keys(head.kept, head.tokens, row);
  for (let key = first; key <= last; ++key) weights[key] = weight_by_vectors(head, row, key);
  for (const { key, weight } of top_of_row(head, row)) weights[key] = weight;
  return weights;
}

/** The weight that each row gives to one key, [tokens]. */
export function column_weights(head: OpenHead, key: number): Float64Array {
  return Float64Array.from({ length: head.tokens }, (_, row) => weight_of(head, row, key));
}

/** A key's score (scaled, capped, before the mask), such that exp(score - max) / sum is its weight. */
export function score_of(head: OpenHead, row: number, key: number): number {
  const top = top_of_row(head, row).find((one) => one.key === key);
  if (top && top.weight > 0) return head.row_max[row]! + Math.log(top.weight * head.row_sum[row]!);
  return score_by_vectors(head, row, key);
}

/** The head's answer for weights over all keys: their sum of value vectors. */
export function answer_of(head: OpenHead, weights: ArrayLike<number>): Float64Array {
  const answer = new Float64Array(head.value.size);
  for (let key = 0; key < head.tokens; ++key) {
    if (weights[key] === 0) continue;
    const value = row_of(head.value, key);
    for (let c = 0; c < answer.length; ++c) answer[c]! += weights[key]! * value[c]!;
  }
  return answer;
}

/** How much of the answer's length one part brings, along the answer: the shares of all parts add to 1. */
export function share_of_length(part: ArrayLike<number>, answer: ArrayLike<number>): number {
  const squared = dot(answer, answer);
  return squared > 0 ? dot(part, answer) / squared : 0;
}

export function sum_of(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; ++i) sum += values[i]!;
  return sum;
}

/** In nats. */
export function entropy_of(weights: ArrayLike<number>): number {
  let entropy = 0;
  for (let i = 0; i < weights.length; ++i) if (weights[i]! > 0) entropy -= weights[i]! * Math.log(weights[i]!);
  return entropy;
}

/** How far the weights from the page's vectors are from the fused call's own, at most, in a row's top keys. */
export function recomputed_difference(head: OpenHead, row: number): number {
  return top_of_row(head, row).reduce(
    (most, { key, weight }) => Math.max(most, Math.abs(weight - weight_by_vectors(head, row, key))),
    0,
  );
}
