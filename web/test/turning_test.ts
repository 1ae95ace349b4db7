// Turning back by the position gives what the projections made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Numbers, row_of } from "../src/decode.ts";
import { pair_of, pair_with, unturned, type PairLayout } from "../src/turning.ts";
import { sample_page } from "./sample_page.ts";

for (const layout of ["half_split", "interleaved"] as const satisfies PairLayout[]) {
  test(`a query turned back is input times weight (${layout})`, () => {
    const { data, numbers: base64 } = sample_page({ rope: layout });
    const numbers = new Numbers(base64);
    const text = data.texts[0]!;
    const query = numbers.stepped(text.kept[0]!.query);
    const input = numbers.stepped(text.kept_inputs[0]!.input);
    const weight = numbers.stepped(text.kept_projections[0]!.query_weight);
    for (let token = 0; token < query.rows; ++token) {
      unturned(row_of(query, token), token, text.ropes[0]!).forEach((number, c) => {
        const made = row_of(input, token).reduce((sum, value, d) => sum + value * row_of(weight, c)[d]!, 0);
        assert.ok(Math.abs(number - made) < 2e-3, `${token} ${c}: ${number}, ${made}`);
      });
    }
  });

  test(`numbers after the pairs are not turned (${layout})`, () => {
    const before = unturned([1, 2, 3, 4, 5, 6], 3, { layout, angles: [1, 0.5] });
    assert.deepEqual([...before.subarray(4)], [5, 6]);
    assert.ok(before.subarray(0, 4).every((number, c) => Math.abs(number - (c + 1)) > 0.1));
  });

  test(`every number has its pair (${layout})`, () => {
    for (let index = 0; index < 8; ++index) assert.ok(pair_of(layout, pair_with(layout, index, 4), 4).includes(index));
  });
}
