// What is written on the page: numbers, words, and text from outside.
import assert from "node:assert/strict";
import { test } from "node:test";
import { entropy_words, number_text, percent_text, weight_text } from "../src/format.ts";
import { found_tokens } from "../src/found.ts";
import { shown_text, shown_token } from "../src/shown_text.ts";

test("weights have three digits, and small ones two that count", () => {
  assert.equal(weight_text(0.89396), "0.894");
  assert.equal(weight_text(1), "1.000");
  assert.equal(weight_text(0), "0");
  assert.equal(weight_text(0.000499), "5.0e−4");
  assert.equal(weight_text(0.0005), "0.001");
  assert.equal(weight_text(Number.NaN), "not a number");
});

test("numbers have a true minus", () => {
  assert.equal(number_text(-1.2345, 2), "−1.23");
  assert.equal(number_text(-Infinity), "−∞");
  assert.equal(number_text(-0.00004, 3), "−4.0e−5");
});

test("what is not all is not written as all, nor what is something as nothing", () => {
  assert.equal(percent_text(0.93), "93 %");
  assert.equal(percent_text(1), "100 %");
  assert.equal(percent_text(0.9999), "over 99.9 %");
  assert.equal(percent_text(0.996), "99.6 %");
  assert.equal(percent_text(0.0001), "under 0.1 %");
  assert.equal(percent_text(-0.004), "−0.4 %");
  assert.equal(percent_text(0), "0 %");
});

test("entropy in words", () => {
  assert.equal(entropy_words(Math.log(1.6)), "as if 1.6 tokens");
  assert.equal(entropy_words(Math.log(42)), "as if 42 tokens");
});

test("what cannot be seen is written out", () => {
  assert.equal(shown_text("a\u202eb"), "a⟨U+202E⟩b");
  assert.equal(shown_text("\u200b\u0000\ufeff"), "⟨U+200B⟩⟨U+0000⟩⟨U+FEFF⟩");
  assert.equal(shown_text("\u{e0041}"), "⟨U+E0041⟩");
  assert.equal(shown_text("ünïcode 你好"), "ünïcode 你好");
});

test("a token's spaces and line ends are seen", () => {
  assert.equal(shown_token(" with"), "␣with");
  assert.equal(shown_token("\n\t"), "↵⇥");
  assert.equal(shown_token(""), "∅");
  assert.equal(Array.from(shown_token("x".repeat(500))).length, 49);
});

test("bytes that are no whole character stay as they are named", () => {
  assert.equal(shown_token(" ⟨F0 9F⟩ x"), "␣⟨F0 9F⟩␣x");
  assert.equal(shown_token("⟨A6⟩"), "⟨A6⟩");
  assert.equal(shown_token("⟨not bytes⟩ ⟨F0 9"), "⟨not␣bytes⟩␣⟨F0␣9");
});

test("a token is found by text or number", () => {
  const tokens = [{ text: "Your" }, { text: " journey" }, { text: " your" }];
  assert.deepEqual(found_tokens(tokens, "YOUR"), [0, 2]);
  assert.deepEqual(found_tokens(tokens, "1"), [1]);
  assert.deepEqual(found_tokens(tokens, ""), []);
  assert.deepEqual(found_tokens(tokens, "7"), []);
});
