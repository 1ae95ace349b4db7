// Links bring the state back, and cannot bring one that is not there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { first_state, within } from "../src/begin.ts";
import type { OpenHead } from "../src/arithmetic.ts";
import { Numbers } from "../src/decode.ts";
import { OpenText } from "../src/page.ts";
import { change_of, link_of, Store, type State } from "../src/state.ts";
import { telling_row } from "../src/selection.ts";
import { sample_page } from "./sample_page.ts";

const { data, numbers } = sample_page();
const texts = data.texts.map((text) => new OpenText(text, new Numbers(numbers)));
const start = first_state(data, texts);

test("a page begins at a head that can be opened", () => {
  assert.ok(texts[0]!.is_kept(start.layer, start.head));
  assert.equal(start.other, null);
});

/** A head of which only the largest weights of its rows count, as [key, weight] pairs. */
function head_of(rows: [number, number][][]): OpenHead {
  const width = Math.max(...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [...row, ...Array<[number, number]>(width - row.length).fill([-1, 0])]);
  const kept = { top_keys: { shape: [rows.length, width] } };
  return { kept, top_keys: Int32Array.from(padded, ([key]) => key), top_weights: Float32Array.from(padded, ([, weight]) => weight) } as unknown as OpenHead;
}

function text_of_tokens(tokens: string[], sink = -1): OpenText {
  return { size: tokens.length, data: { tokens: tokens.map((text, i) => ({ text, sink: i === sink })) } } as unknown as OpenText;
}

test("the first row rests neither on a sink, nor on the first token, nor on itself", () => {
  const head = head_of([[[0, 1]], [[0, 1]], [[0, 0.9], [1, 0.1]], [[3, 0.8], [2, 0.1]], [[1, 0.4], [0, 0.35]], [[3, 0.97]]]);
  const words = ["one", "two", "three", "four", "five", "six"];
  assert.equal(telling_row(text_of_tokens(words, 3), head).token, 4);
  assert.equal(telling_row(text_of_tokens(words), head).token, 5);
});

test("a row of words comes before one of signs that shows little more, and signs before nothing", () => {
  const head = head_of([[[0, 1]], [[0, 1]], [[1, 0.5]], [[1, 0.6]]]);
  assert.equal(telling_row(text_of_tokens(["one", "two", "three", ","]), head).token, 2);
  assert.equal(telling_row(text_of_tokens(["你", "好", "世", "界"]), head).token, 3);
  assert.equal(telling_row(text_of_tokens(["⟨F0 9F⟩", "⟨AE EF⟩", "⟨AE EF⟩", "⟨AE EF⟩"]), head).shows, telling_row(text_of_tokens(["你", "好", "世", "界"]), head).shows);
  assert.deepEqual(telling_row(text_of_tokens(["one", "two", "three", "four"]), head_of([[[0, 1]], [[0, 1]], [[0, 1]], [[0, 1]]])), { token: 3, shows: 0 });
});

test("a link holds what is picked, and brings it back", () => {
  const picked: State = { ...start, layer: 1, head: 3, token: 4, other: 2, column: true, temperature: 0.5, dropped: [0, 2], unmasked: true, log: true, sinks: false, kind: "previous token" };
  const link = link_of(picked, start);
  assert.equal(link, "l=1&h=3&i=4&j=2&c=1&T=0.5&x=0,2&m=1&kind=previous+token&log=1&sinks=0");
  assert.deepEqual({ ...start, ...change_of(`#${link}`) }, picked);
});

test("a link that says nonsense changes nothing", () => {
  assert.deepEqual(change_of("#l=-1&h=x&i=1e3&T=99&x=1,a&c=2&sort=up&s=<b>"), {});
});

test("a link beyond the text is brought inside", () => {
  const store = new Store(start, within(texts));
  store.change(change_of("#t=9&l=99&h=99&i=99999&j=77&x=3,5000"));
  const { text, layer, head, token, other, dropped } = store.state;
  assert.deepEqual({ text, layer, head, token, other, dropped }, { text: 0, layer: 1, head: 3, token: 6, other: 6, dropped: [3] });
});

test("those who listen are told what changed, and nothing when nothing did", () => {
  const store = new Store(start, within(texts));
  const told: string[][] = [];
  store.listen((_, changed) => told.push([...changed]));
  store.change({ token: 3, dropped: [1] });
  store.change({ token: 3, dropped: [1] });
  assert.deepEqual(told, [["token", "dropped"]]);
});

test("of a page with some heads only, every head is found and no other", () => {
  const some = sample_page({ only: [1, 6, 7], kept: 2 });
  const text = new OpenText(some.data.texts[0]!, new Numbers(some.numbers));
  const all = sample_page({ kept: 8 });
  assert.deepEqual([text.has(0, 1), text.has(1, 2), text.has(0, 0), text.has(1, 0)], [true, true, false, false]);
  assert.ok(text.open(1, 2) !== null && text.open(1, 3) === null && text.open(0, 0) === null);
  assert.deepEqual(some.rows[0]![1], all.rows[0]![6]);
  const store = new Store(first_state(some.data, [text]), within([text]));
  store.change({ layer: 0, head: 3 });
  assert.deepEqual([store.state.layer, store.state.head], [0, 1]);
  store.change({ layer: 9, head: 0 });
  assert.deepEqual([store.state.layer, store.state.head], [1, 2]);
});
