// Rotary position embedding: pairs of numbers turned by an angle that grows with the position.
// Source: Su et al. 2021, arXiv:2104.09864.

import type { RopeData } from "./data.ts";

export type PairLayout = RopeData["layout"];

/** The two numbers of a vector that turn together. */
export function pair_of(layout: PairLayout, pair: number, pairs: number): [number, number] {
  return layout === "interleaved" ? [2 * pair, 2 * pair + 1] : [pair, pair + pairs];
}

/** The pair that number `index` of a vector turns with. */
export function pair_with(layout: PairLayout, index: number, pairs: number): number {
  return layout === "interleaved" ? Math.floor(index / 2) : index % pairs;
}

/** Returns the vector as it was before its position turned it; numbers beyond the pairs are not turned. */
export function unturned(vector: ArrayLike<number>, position: number, { angles, layout }: RopeData): Float64Array {
  const before = Float64Array.from(vector);
  angles.forEach((angle, pair) => {
    const [a, b] = pair_of(layout, pair, angles.length);
    const cos = Math.cos(position * angle);
    const sin = Math.sin(position * angle);
    before[a] = vector[a]! * cos + vector[b]! * sin;
    before[b] = vector[b]! * cos - vector[a]! * sin;
  });
  return before;
}
