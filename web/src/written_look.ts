// The numbers of a look as the steps write them, from q·k to the weight: with so many digits that each comes out of the ones
// before it, by a calculator too.
import { capped } from "./arithmetic.ts";
import { digits_for, number_text, weight_text, written_number } from "./format.ts";
import type { Look } from "./look.ts";
import { written_size } from "./step.ts";

export interface WrittenLook {
  product: string;
  scale: string;
  /** The product times the scale; the score itself where there is no softcap. */
  scaled: string;
  score: string;
  row_max: string;
  /** exp(score − max) */
  grown: string;
  row_sum: string;
}

/** From the weight back: each number gets the digits that the next one asks for. */
export function written_look(look: Look): WrittenLook {
  const { scale, softcap } = look.head.kept;
  const at = (value: number) => (digits: number): string => number_text(value, digits);
  const [score, row_max, scaled, product] = [at(look.score), at(look.row_max), at(look.scaled), at(look.product)];
  const [grown, row_sum] = [at(look.weight * look.row_sum), at(look.row_sum)];
  const read = written_number;

  const shares = digits_for(4, (d) => weight_text(read(grown(d)) / read(row_sum(d))) === weight_text(look.weight));
  const scores = !look.seen ? 3 : digits_for(3, (d) => number_text(Math.exp(read(score(d)) - read(row_max(d))), shares) === grown(shares));
  const before = softcap > 0 ? digits_for(3, (d) => number_text(capped(read(scaled(d)), softcap), scores) === score(scores)) : scores;
  const least = look.q.length <= written_size ? 4 : 2;
  // 1/8 is whole with four digits; 1/√32 is not.
  const is_whole = Math.abs(read(number_text(scale, 4)) - scale) < 1e-9;
  const factor = (d: number): string => number_text(scale, is_whole ? 4 : 4 + d - least);
  const products = digits_for(least, (d) => number_text(read(product(d)) * read(factor(d)), before) === scaled(before));
  return {
    product: product(products),
    scale: factor(products),
    scaled: scaled(before),
    score: score(scores),
    row_max: row_max(scores),
    grown: grown(shares),
    row_sum: row_sum(shares),
  };
}
