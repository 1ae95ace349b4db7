// What if: a row's weights under another temperature, without some keys, or without the mask. Not the model's own answer.
import { score_by_vectors, score_of, visible_keys, type OpenHead } from "./arithmetic.ts";

export interface WhatIf {
  /** Scores are divided by it: below 1 sharper, above 1 more even. */
  temperature: number;
  dropped: readonly number[];
  /** Keys that the mask hides are seen too. */
  unmasked: boolean;
}

export const as_it_is: WhatIf = { temperature: 1, dropped: [], unmasked: false };

export function is_altered(what_if: WhatIf): boolean {
  return what_if.temperature !== 1 || what_if.dropped.length > 0 || what_if.unmasked;
}

/** Returns the row's weights, [tokens], made anew from all its scores (and the head's sink, which is not dropped); all 0 when
 *  no key is left. */
export function altered_weights(head: OpenHead, row: number, what_if: WhatIf): Float64Array {
  const [first, last] = what_if.unmasked ? [0, head.tokens - 1] : visible_keys(head.kept, head.tokens, row);
  const scores = new Float64Array(head.tokens).fill(-Infinity);
  for (let key = first; key <= last; ++key) scores[key] = score_by_vectors(head, row, key) / what_if.temperature;
  for (const key of top_keys_of(head, row)) scores[key] = score_of(head, row, key) / what_if.temperature;
  for (const key of what_if.dropped) scores[key] = -Infinity;
  const sink = head.kept.sink === null ? -Infinity : head.kept.sink / what_if.temperature;
  const most = scores.reduce((a, b) => Math.max(a, b), sink);
  const weights = new Float64Array(head.tokens);
  if (most === -Infinity) return weights;
  let sum = Math.exp(sink - most);
  for (let key = 0; key < head.tokens; ++key) sum += weights[key] = Math.exp(scores[key]! - most);
  return weights.map((weight) => weight / sum);
}

function top_keys_of(head: OpenHead, row: number): number[] {
  const width = head.kept.top_keys.shape[1] ?? 0;
  return [...head.top_keys.subarray(row * width, (row + 1) * width)].filter((key) => key >= 0);
}
