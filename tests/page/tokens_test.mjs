// The shaded tokens: by what they received, the sink apart, on a linear or a log scale; and the way to one of 2,000.
import assert from "node:assert/strict";
import { test } from "node:test";

import { keepPicture, open } from "./browser.mjs";
import { best, factsOf, textRuns } from "./samples.mjs";
import { control, painted, picked, tokenAt } from "./screen.mjs";

const shades = (page) =>
  page.locator("#tokens [role=option]").evaluateAll((all) => all.map((one) => Number(one.dataset.shade)));

/** The first does not fall where the second rises. */
function assertSameOrder(shade, received, where) {
  const order = [...received.keys()].sort((a, b) => received[a] - received[b]);
  for (let at = 1; at < order.length; ++at) {
    assert.ok(shade[order[at]] >= shade[order[at - 1]], `${where}: tokens ${order[at - 1]} and ${order[at]}`);
  }
}

test("more received is never lighter, in either scale; sinks are hatched and left out", async () => {
  const sample = best("twenty");
  const page = await open(sample);
  const { tokens } = factsOf(sample);
  const plain = tokens.map((_, index) => index).filter((index) => !tokens[index].sink);
  const of = (all) => plain.map((index) => all[index]);
  const received = of(tokens.map((token) => token.received));
  await control(page, "scale", "linear").click();
  const linear = of(await shades(page));
  assertSameOrder(linear, received, "linear");
  assert.equal(Math.max(...linear), 100);
  // A shade is a whole percentage.
  const most = Math.max(...received);
  for (const [at, shade] of linear.entries()) assert.ok(Math.abs(shade - (100 * received[at]) / most) <= 1, plain[at]);
  await control(page, "scale", "log").click();
  await painted(page);
  const log = of(await shades(page));
  assertSameOrder(log, received, "log");
  assert.notDeepEqual(log, linear);
  await keepPicture(page, "tokens_log");
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("with the sinks on the scale, a sink is the darkest", async () => {
  const sample = best("twenty");
  const { tokens } = factsOf(sample);
  const sink = tokens.findIndex((token) => token.sink);
  if (sink < 0) return; // the small model rests on none
  const page = await open(sample);
  const before = await control(page, "sinks").getAttribute("aria-pressed");
  await control(page, "sinks").click();
  await painted(page);
  assert.notEqual(await control(page, "sinks").getAttribute("aria-pressed"), before);
  const all = await shades(page);
  assert.equal(all[sink], Math.max(...all));
  await page.done();
});

test("what shades can be one head, or the picked row", async () => {
  const page = await open(best("twenty"));
  const seen = new Set();
  for (const what of ["all", "head", "row"]) {
    await control(page, "shade", what).click();
    await painted(page);
    assert.equal(await control(page, "shade", what).getAttribute("aria-pressed"), "true");
    seen.add((await shades(page)).join());
  }
  assert.equal(seen.size, 3);
  await page.done();
});

/** Whether the picked token lies in the part of the strip that is seen. */
const isInSight = (page) =>
  page.evaluate(() => {
    const [strip, chip] = ["#tokens", '#tokens [aria-selected="true"]'].map((one) => document.querySelector(one).getBoundingClientRect());
    return chip.top >= strip.top && chip.bottom <= strip.bottom;
  });

test("the picked one of 2,000 tokens is in sight: the first, one by its link, and those that the keyboard picks", async () => {
  const page = await open(best("long"));
  assert.ok(await page.evaluate(() => document.querySelector("#tokens").scrollHeight > 2 * document.querySelector("#tokens").clientHeight));
  assert.ok(await isInSight(page));
  for (const key of ["End", "Home", "ArrowRight"]) {
    await page.keyboard.press(key);
    await painted(page);
    assert.ok(await isInSight(page), key);
  }
  await page.done();
  const linked = await open(best("long"), { at: "#i=1700" });
  assert.equal((await picked(linked)).token, "1700");
  assert.ok(await isInSight(linked));
  await linked.done();
});

test("the first row of 2,000 tokens rests on no sink", async () => {
  const page = await open(best("long"));
  const { tokens } = factsOf(best("long"));
  const key = Number(await page.locator('#row [role=option][aria-selected="true"]').getAttribute("data-key"));
  assert.ok(key > 0 && !tokens[key].sink, `it looks at ${key}`);
  await page.done();
});

test("a token that is a part of a character shows its bytes", async () => {
  const sample = textRuns().find(({ name }) => name === "hostile");
  const page = await open(sample);
  const given = Buffer.from(sample.text);
  const parts = factsOf(sample).tokens.flatMap(({ text, bytes }, token) => (text.includes("\uFFFD") ? [{ token, bytes }] : []));
  assert.ok(parts.length > 0);
  for (const { token, bytes } of parts) {
    const named = [...given.subarray(...bytes)].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
    assert.equal(await tokenAt(page, token).textContent(), `⟨${named}⟩`);
  }
  assert.equal((await page.evaluate(() => document.body.innerText)).includes("\uFFFD"), false);
  await page.done();
});

test("a token of 2,000 is found by its number and by its text", async () => {
  const sample = best("long");
  const { tokens } = factsOf(sample);
  const page = await open(sample);
  const find = page.locator("#find");
  await find.fill("1234");
  await find.press("Enter");
  await painted(page);
  assert.equal((await picked(page)).token, "1234");
  assert.ok(await tokenAt(page, 1234).isVisible());
  const word = tokens[700].text;
  await find.fill(word.trim() === "" ? tokens[701].text : word);
  await find.press("Enter");
  await painted(page);
  const found = Number((await picked(page)).token);
  assert.ok(tokens[found].text.toLowerCase().includes((await find.inputValue()).trim().toLowerCase()));
  assert.deepEqual(await page.faults(), []);
  await page.done();
});
