// The weights that the page makes again are those of the rows that it was given.
import assert from "node:assert/strict";
import { test } from "node:test";
import { altered_weights, as_it_is } from "../src/altered.ts";
import {
  answer_of,
  column_weights,
  entropy_of,
  open_head,
  recomputed_difference,
  row_weights,
  score_of,
  share_of_length,
  sum_of,
  top_of_row,
  weight_of,
  type OpenHead,
} from "../src/arithmetic.ts";
import { Numbers, row_of } from "../src/decode.ts";
import { weight_text } from "../src/format.ts";
import { sample_page, type Sample, type SampleOptions } from "./sample_page.ts";

const sentence = "a b c d e f g h i j k l m n o p q r s t".split(" ");

/** Scores reach 10 or so; a 16-bit step of a vector of length 5 moves them by 1e-4 or less. */
const step_error = 5e-4;

function opened(sample: Sample, index = 0): OpenHead {
  const text = sample.data.texts[0]!;
  const kept = text.kept[index]!;
  const keys = text.kept_keys.find((one) => one.layer === kept.layer && one.key_head === kept.key_head)!;
  return open_head(new Numbers(sample.numbers), kept, keys);
}

const variants: [string, Partial<SampleOptions>][] = [
  ["a causal head", {}],
  ["an encoder's head", { causal: false }],
  ["a window", { window: { left: 3, right: 1 }, causal: false }],
  ["a causal window", { window: { left: 3, right: null } }],
  ["a softcap", { softcap: 3 }],
  ["a sink", { sink: 0.7 }],
  ["interleaved pairs", { rope: "interleaved" }],
  ["no turning", { rope: null }],
];

for (const [name, options] of variants) {
  test(`every weight of ${name} comes back`, () => {
    const sample = sample_page({ texts: [sentence], ...options });
    for (const index of [0, 2]) {
      const head = opened(sample, index);
      sample.rows[0]![index]!.forEach((row, query) => {
        const weights = row_weights(head, query);
        row.weights.forEach((weight, key) => assert.ok(Math.abs(weight - weights[key]!) < step_error, `${query} ${key}`));
        assert.ok(recomputed_difference(head, query) < step_error);
      });
    }
  });

  test(`the top keys of ${name} have the weights and scores that were stored`, () => {
    const sample = sample_page({ texts: [sentence], ...options });
    const head = opened(sample);
    sample.rows[0]![0]!.forEach((row, query) => {
      for (const { key, weight } of top_of_row(head, query)) {
        assert.equal(weight, Math.fround(row.weights[key]!));
        assert.equal(weight_of(head, query, key), weight);
        const again = Math.exp(score_of(head, query, key) - head.row_max[query]!) / head.row_sum[query]!;
        assert.ok(Math.abs(again / weight - 1) < 1e-12);
        assert.equal(weight_text(again), weight_text(weight));
        assert.ok(Math.abs(score_of(head, query, key) - row.scores[key]!) < 1e-5);
      }
    });
  });

  test(`nothing changed is no change in ${name}`, () => {
    const head = opened(sample_page({ texts: [sentence], ...options }));
    const before = row_weights(head, 11);
    altered_weights(head, 11, as_it_is).forEach((weight, key) => assert.ok(Math.abs(weight - before[key]!) < step_error));
  });
}

test("a column is what the rows give to one key", () => {
  const sample = sample_page({ texts: [sentence] });
  const column = column_weights(opened(sample), 4);
  sample.rows[0]![0]!.forEach((row, query) => assert.ok(Math.abs(row.weights[4]! - column[query]!) < step_error));
  assert.equal(sum_of(column.subarray(0, 4)), 0);
});

test("shares of the answer's length add up to 1", () => {
  const head = opened(sample_page({ texts: [sentence] }));
  const weights = row_weights(head, 15);
  const answer = answer_of(head, weights);
  const parts = Array.from(weights, (weight, key) => share_of_length(Float64Array.from(row_of(head.value, key), (value) => weight * value), answer));
  assert.ok(Math.abs(sum_of(parts) - 1) < 1e-12);
});

test("entropy is in nats", () => {
  assert.ok(Math.abs(entropy_of([0.25, 0.25, 0.25, 0.25, 0]) - Math.log(4)) < 1e-12);
});

test("what if: a dropped key has no weight and the others keep their proportions", () => {
  const head = opened(sample_page({ texts: [sentence] }));
  const before = row_weights(head, 10);
  const after = altered_weights(head, 10, { ...as_it_is, dropped: [3, 7] });
  assert.equal(after[3], 0);
  assert.equal(after[7], 0);
  assert.ok(Math.abs(sum_of(after) - 1) < 1e-12);
  assert.ok(Math.abs(after[1]! / after[2]! - before[1]! / before[2]!) < 1e-3 * (before[1]! / before[2]!));
});

test("what if: a higher temperature spreads the look, a lower one sharpens it", () => {
  const head = opened(sample_page({ texts: [sentence] }));
  const entropy = (temperature: number): number => entropy_of(altered_weights(head, 12, { ...as_it_is, temperature }));
  assert.ok(entropy(3) > entropy(1) && entropy(1) > entropy(0.3));
});

test("what if: no mask lets later keys in", () => {
  const sample = sample_page({ texts: [sentence] });
  const free = sample_page({ texts: [sentence], causal: false });
  const after = altered_weights(opened(sample), 5, { ...as_it_is, unmasked: true });
  free.rows[0]![0]![5]!.weights.forEach((weight, key) => assert.ok(Math.abs(weight - after[key]!) < step_error));
});

test("what if: with every key dropped all weights are 0", () => {
  const head = opened(sample_page({ texts: [sentence] }));
  const after = altered_weights(head, 2, { ...as_it_is, dropped: [0, 1, 2] });
  assert.ok(after.every((weight) => weight === 0));
});
