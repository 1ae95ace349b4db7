// The numbers on the screen are the program's: each that is shown, to each digit shown, against --json and --at.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { WrittenPage } from "./page_data.mjs";
import { factsOf, rowFacts, textRuns } from "./samples.mjs";
import { bars, pickHead, pickToken, shownHeads, stepAt, tokenAt } from "./screen.mjs";
import { assertShows, numberIn } from "./shown.mjs";

const runs = textRuns().filter((sample) => sample.name !== "hostile");

/** Some tokens of a run: the first, the last, and between. */
const someTokens = (count) => [...new Set([0, 1, Math.floor(count / 2), count - 1])].filter((token) => token < count);

for (const sample of runs) {
  test(`${sample.name}: weights, sums, scores and entropy of a row are those of --at`, async () => {
    const page = await open(sample);
    const count = factsOf(sample).tokens.length;
    // Each row is a run of the program; of 2,000 tokens one takes seconds.
    const kept = (await shownHeads(page)).filter((head) => head.kept).slice(0, count > 100 ? 1 : 3);
    assert.ok(kept.length > 0);
    for (const { name } of kept) {
      await pickHead(page, name);
      for (const token of someTokens(count)) {
        await pickToken(page, token);
        await checkRow(page, sample, name, token);
      }
    }
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });

  test(`${sample.name}: what a token received is what --json says`, async () => {
    const page = await open(sample);
    const { tokens } = factsOf(sample);
    const { text } = new WrittenPage(sample);
    assert.deepEqual(text.tokens.map((token) => token.sink), tokens.map((token) => token.sink));
    // The page has seven digits.
    for (const [index, { received }] of tokens.entries()) {
      assert.ok(Math.abs(text.tokens[index].received - received) <= 5e-7 * received, `token ${index}`);
    }
    for (const index of someTokens(tokens.length)) {
      const sink = await tokenAt(page, index).getAttribute("data-sink");
      assert.equal(sink !== null && sink !== "false", tokens[index].sink, `token ${index}`);
    }
    await page.done();
  });
}

async function checkRow(page, sample, head, token) {
  const [layer, index] = head.split(".").map(Number);
  const facts = rowFacts(sample, layer, index, token);
  const where = `${sample.name} ${head}:${token}`;
  const weights = facts.figures.get("weights");
  const exact = new Map(weights.labels.map((label, at) => [Number(label.split(" ")[0]), weights.values[at]]));
  const shown = await bars(page);
  assert.ok(shown.length > 0, where);
  let compared = 0;
  for (const { end, weight } of shown) {
    if (!exact.has(end)) continue;
    assertShows(weight, exact.get(end), `${where}, key ${end}`);
    ++compared;
  }
  assert.equal(compared, Math.min(shown.length, exact.size), `${where}: bars that --at knows`);
  const nats = numberIn((await page.locator("#row .sub").textContent()).match(/(\S+) nats/)[1]);
  const wanted = numberIn(facts.entropy);
  const error = (nats.half + wanted.half) * (1 + 1e-9);
  assert.ok(Math.abs(nats.value - wanted.value) <= error, `${where}: entropy ${nats.value}, it is ${facts.entropy}`);
  await checkSteps(page, facts, where, shown);
}

/** The written-out key: its bar, its score, and the check that all weights add up to 1. */
async function checkSteps(page, facts, where, shown) {
  const result = (await stepAt(page, "softmax").locator(".result").first().textContent()).trim();
  const same = shown.filter(({ weight }) => weight === result);
  assert.ok(same.length > 0, `${where}: the panel's weight ${result} is no bar's`);
  const sum = numberIn(await page.locator('#notebook [data-check="weights"]').textContent());
  assert.ok(Math.abs(sum.value - 1) <= sum.half + 1e-6, `${where}: the weights add up to ${sum.value}`);
  const scores = facts.figures.get("scaled");
  const scaled = (await stepAt(page, "scale").locator(".result").first().textContent()).trim();
  const wanted = scores.values.map((row) => row[1]);
  const { value, half } = numberIn(scaled);
  // Taken back from a weight in float32: its relative error, 2^-23, is the score's own.
  assert.ok(
    wanted.some((score) => Math.abs(score - value) <= half + 2e-6 * (1 + Math.abs(score))),
    `${where}: the scaled score ${scaled} is none of ${wanted}`,
  );
}
