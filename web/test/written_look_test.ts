// Whoever follows the panel with a calculator, from the numbers as they are written, gets each result to its last digit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { first_state, within } from "../src/begin.ts";
import { Numbers } from "../src/decode.ts";
import { digits_for, number_text, weight_text, written_number } from "../src/format.ts";
import { look_of } from "../src/look.ts";
import { OpenText } from "../src/page.ts";
import { Store } from "../src/state.ts";
import { written_look } from "../src/written_look.ts";
import { sample_page, type SampleOptions } from "./sample_page.ts";

const sentence = "a b c d e f g h i j k l m n o p q r s t".split(" ");

/** As many digits after the point as a text has; none behind an exponent, where the digits that count are held against. */
function written_like(value: number, text: string): string {
  return number_text(value, text.match(/\.(\d+)$/)?.[1]!.length ?? 3);
}

const variants: [string, Partial<SampleOptions>][] = [
  ["a causal head", {}],
  ["a softcap", { softcap: 3 }],
  ["a sink", { sink: 0.7 }],
  ["a head of 64 numbers", { head_size: 64 }],
];

for (const [name, options] of variants) {
  test(`every number of ${name} comes out of those before it`, () => {
    const { data, numbers } = sample_page({ texts: [sentence], ...options });
    const texts = data.texts.map((text) => new OpenText(text, new Numbers(numbers)));
    const store = new Store(first_state(data, texts), within(texts));
    const read = written_number;
    let looks = 0;
    for (let token = 0; token < sentence.length; ++token) {
      for (let other = 0; other <= token; ++other) {
        store.change({ token, other });
        const look = look_of({ data, texts, store })!;
        const { product, scale, scaled, score, row_max, grown, row_sum } = written_look(look);
        const where = `${token} to ${other}: ${[product, scale, scaled, score, row_max, grown, row_sum].join(" ")}`;
        assert.equal(written_like(read(product) * read(scale), scaled), scaled, where);
        const cap = look.head.kept.softcap;
        if (cap > 0) assert.equal(written_like(cap * Math.tanh(read(scaled) / cap), score), score, where);
        else assert.equal(scaled, score);
        if (!grown.includes("e")) assert.equal(written_like(Math.exp(read(score) - read(row_max)), grown), grown, where);
        assert.equal(weight_text(read(grown) / read(row_sum)), weight_text(look.weight), where);
        ++looks;
      }
    }
    assert.equal(looks, 210);
  });
}

test("a written number is read as it is written", () => {
  assert.equal(written_number(number_text(-12.5, 2)), -12.5);
  assert.equal(written_number(number_text(-1.2e-7, 3)), -1.2e-7);
  assert.equal(written_number(number_text(-Infinity)), -Infinity);
  assert.ok(Number.isNaN(written_number(number_text(NaN))));
});

test("digits are as few as will do, and the least where none will", () => {
  assert.equal(digits_for(2, (digits) => digits >= 5), 5);
  assert.equal(digits_for(3, () => true), 3);
  assert.equal(digits_for(3, () => false), 3);
});
