// With the mouse: a token, a head, the steps, and back; what was picked is said and shown.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, factsOf, textRuns } from "./samples.mjs";
import { bars, currentStep, painted, pickHead, pickToken, picked, shownHeads, stepNames, tokenAt } from "./screen.mjs";

test("a click on a token shows its row, and says so", async () => {
  const page = await open(best("twenty"));
  for (const token of [3, 14, 19]) {
    await pickToken(page, token);
    assert.equal((await picked(page)).token, String(token));
    // A decoder's row ends at itself.
    for (const { end } of await bars(page)) assert.ok(end <= token, `token ${token} has a bar for ${end}`);
    assert.match(await page.locator("#status").textContent(), new RegExp(`\\b${token}\\b`));
  }
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("a click on a head shows that head's row of the same token", async () => {
  const page = await open(best("twenty"));
  await pickToken(page, 12);
  const kept = (await shownHeads(page)).filter((head) => head.kept);
  assert.ok(kept.length >= 2);
  const rows = new Set();
  for (const { name } of kept.slice(0, 4)) {
    await pickHead(page, name);
    assert.deepEqual(await picked(page), { token: "12", head: name });
    rows.add(JSON.stringify(await bars(page)));
  }
  assert.ok(rows.size > 1, "all heads show the same row");
  await page.done();
});

test("the slider and its buttons walk all steps, one at a time", async () => {
  const page = await open(best("twenty"));
  await pickToken(page, 9);
  const names = await stepNames(page);
  assert.ok(names.includes("dot") && names.includes("softmax") && names.includes("sum"), names.join());
  const slider = page.locator("#step-slider");
  const [least, most] = [Number(await slider.getAttribute("min")), Number(await slider.getAttribute("max"))];
  assert.equal(most - least + 1, names.length);
  for (let at = least; at <= most; ++at) {
    await slider.fill(String(at));
    await painted(page);
    assert.equal(await currentStep(page), names[at - least]);
  }
  for (let at = names.length - 2; at >= 0; --at) {
    await page.locator("#step-back").click();
    await painted(page);
    assert.equal(await currentStep(page), names[at]);
  }
  await page.locator("#step-on").click();
  await painted(page);
  assert.equal(await currentStep(page), names[1]);
  await page.done();
});

test("RoPE is a step only of a model that turns", async () => {
  for (const sample of textRuns()) {
    const page = await open(sample);
    assert.equal((await stepNames(page)).includes("turn"), factsOf(sample).model.rope !== null, sample.name);
    await page.done();
  }
});

test("a head without rows says which flags open it", async () => {
  const page = await open(best("long"));
  const closed = (await shownHeads(page)).find((head) => !head.kept);
  if (closed === undefined) return page.done(); // the small model's heads all fit
  await pickHead(page, closed.name);
  assert.equal(await page.locator("#row").getAttribute("data-open"), "false");
  const flags = await page.locator("#how-to-open").textContent();
  assert.ok(flags.includes("--full") && flags.includes(`--only-heads ${closed.name}`), flags);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("a bar picks the key that the panel writes out", async () => {
  const page = await open(best("twenty"));
  await pickToken(page, 14);
  const all = await bars(page);
  for (const { end, weight } of all.slice(0, 3)) {
    await page.locator(`#row [role=option][data-key="${end}"]`).click();
    await painted(page);
    const written = await page.locator('#notebook [data-step="softmax"] .result').first().textContent();
    assert.equal(written.trim(), weight, `key ${end}`);
  }
  await page.done();
});

test("the last token of 2,000 is picked like the first", async () => {
  const page = await open(best("long"));
  await tokenAt(page, 1999).scrollIntoViewIfNeeded();
  await pickToken(page, 1999);
  assert.equal((await picked(page)).token, "1999");
  assert.ok((await bars(page)).length >= 5);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});
