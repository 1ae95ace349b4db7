// Without a mouse: Tab reaches everything and shows where it is; each key of the help does what the help says.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, comparisons, factsOf } from "./samples.mjs";
import { bars, control, currentStep, painted, picked, shownHeads, stepNames, whatIf } from "./screen.mjs";

async function press(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
    await painted(page);
  }
}

/** What has the focus: a name, and whether the screen shows it. */
const focused = (page) =>
  page.evaluate(() => {
    const one = document.activeElement;
    if (one === null || one === document.body) return null;
    const style = getComputedStyle(one);
    const list = one.closest("#tokens, #heads, #row, #compare, [data-control]");
    return {
      place: one.id || list?.id || one.dataset.control || list?.dataset.control || one.dataset.term || one.className,
      outlined: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none",
      html: one.outerHTML.slice(0, 120),
    };
  });

/** Everything that Tab stops at, in order, once around. */
async function stops(page) {
  const all = [];
  for (let count = 0; count < 400; ++count) {
    await page.keyboard.press("Tab");
    const stop = await focused(page);
    if (stop === null) return all;
    all.push(stop);
  }
  assert.fail("Tab never comes to the end");
}

test("Tab reaches every control once around, and each shows that it has the focus", async () => {
  const page = await open(best("twenty"));
  const all = await stops(page);
  const places = new Set(all.map(({ place }) => place));
  const wanted = ["tokens", "heads", "row", "heads-sort", "kind", "scale", "sinks", "shade", "direction", "table", "find", "theme", "help"];
  for (const place of [...wanted, "step-slider", "step-on", "temperature", "mask"]) {
    assert.ok(places.has(place), `${place} is not among ${[...places].join(", ")}`);
  }
  for (const { outlined, html } of all) assert.ok(outlined, `nothing shows the focus on ${html}`);
  // A list is one stop: 20 tokens and 270 heads would be a long way.
  for (const list of ["tokens", "heads"]) assert.equal(all.filter(({ place }) => place === list).length, 1, list);
  await page.done();
});

test("arrows, Home and End pick tokens and keys", async () => {
  const page = await open(best("twenty"));
  await press(page, "Home");
  assert.equal((await picked(page)).token, "0");
  await press(page, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft");
  assert.equal((await picked(page)).token, "2");
  await press(page, "End");
  assert.equal((await picked(page)).token, "19");
  const written = () => page.locator('#notebook [data-step="softmax"] .result').first().textContent();
  await press(page, ...Array(12).fill("ArrowUp")); // to the key with the most weight
  const row = await bars(page);
  assert.equal((await written()).trim(), row[0].weight);
  await press(page, "ArrowDown");
  assert.equal((await written()).trim(), row[1].weight);
  await page.done();
});

test("brackets and Page keys pick heads and layers; arrows in the grid go as they look", async () => {
  const page = await open(best("twenty"));
  const { model } = factsOf(best("twenty"));
  const at = async () => (await picked(page)).head;
  await page.evaluate(() => (location.hash = "#l=1&h=1&i=5"));
  await painted(page);
  await press(page, "]");
  assert.equal(await at(), "1.2");
  await press(page, "[", "[");
  assert.equal(await at(), "1.0");
  await press(page, "PageDown");
  assert.equal(await at(), "2.0");
  await press(page, "PageUp", "PageUp");
  assert.equal(await at(), "0.0");
  while ((await focused(page))?.place !== "heads") await page.keyboard.press("Tab");
  await press(page, "ArrowRight", "ArrowDown");
  assert.equal(await at(), "1.1");
  await press(page, "ArrowLeft", "ArrowUp");
  assert.equal(await at(), "0.0");
  assert.ok(model.heads > 1);
  await page.done();
});

test("comma and full stop walk the steps", async () => {
  const page = await open(best("twenty"));
  const names = await stepNames(page);
  for (const name of names.slice(1)) {
    await press(page, ".");
    assert.equal(await currentStep(page), name);
  }
  await press(page, ",");
  assert.equal(await currentStep(page), names.at(-2));
  while ((await focused(page))?.place !== "step-slider") await page.keyboard.press("Tab");
  await press(page, "Home");
  assert.equal(await currentStep(page), names[0]);
  await press(page, "ArrowRight");
  assert.equal(await currentStep(page), names[1]);
  await page.done();
});

test("c, t, s, w, x, / and ? open the column, the table, the sinks, the what-if, the finder and the help", async () => {
  const page = await open(best("twenty"));
  await press(page, "End");
  await press(page, "c");
  assert.equal(await control(page, "direction", "column").getAttribute("aria-pressed"), "true");
  await press(page, "c", "t");
  assert.ok(await page.locator("#table table").isVisible());
  await press(page, "t");
  assert.equal(await page.locator("#table").isVisible(), false);
  const sinks = await control(page, "sinks").getAttribute("aria-pressed");
  await press(page, "s");
  assert.notEqual(await control(page, "sinks").getAttribute("aria-pressed"), sinks);
  await press(page, "x");
  assert.ok((await whatIf(page)).some(({ before, after }) => before !== "0" && after === "0"));
  await press(page, "x", "w");
  assert.equal((await focused(page)).place, "temperature");
  await press(page, "ArrowRight", "ArrowRight");
  assert.ok((await whatIf(page)).some(({ before, after }) => before !== after));
  await press(page, "/");
  assert.equal((await focused(page)).place, "find");
  await page.keyboard.type("7");
  await press(page, "Enter", "Escape");
  assert.equal((await picked(page)).token, "7");
  await press(page, "?");
  assert.ok(await page.locator("#keys").isVisible());
  await press(page, "Escape");
  assert.equal(await page.locator("#keys").isVisible(), false);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("the kinds, the sort, the scale and the theme answer to Enter and the space bar", async () => {
  const page = await open(best("twenty"));
  const stopAt = async (place) => {
    for (let count = 0; count < 400 && (await focused(page))?.place !== place; ++count) await page.keyboard.press("Tab");
    assert.equal((await focused(page)).place, place);
  };
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor);
  const before = await ground();
  await stopAt("theme");
  await press(page, "Enter");
  assert.notEqual(await ground(), before);
  await stopAt("kind");
  await press(page, "Space");
  assert.equal(await page.locator('[data-control="kind"] [aria-pressed="true"]').count(), 1);
  await page.locator("#heads-sort").focus();
  await press(page, "ArrowDown");
  assert.notEqual(await page.locator("#heads-sort").inputValue(), "layer");
  assert.ok((await shownHeads(page)).length > 0);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("a bar is picked with Enter", async () => {
  const page = await open(best("twenty"));
  await press(page, "End");
  while ((await focused(page))?.place !== "row" || !(await page.evaluate(() => document.activeElement.matches("[role=option]")))) {
    await page.keyboard.press("Tab");
  }
  await press(page, "Enter");
  const key = await page.evaluate(() => document.querySelector('#row [role=option][aria-selected="true"]').dataset.key);
  assert.match(key, /^\d+$/);
  await page.done();
});

for (const sample of comparisons()) {
  test(`${sample.name}: the texts and the heads that moved the word are reached and opened`, async () => {
    const page = await open(sample);
    const all = await stops(page);
    assert.ok(all.some(({ place }) => place === "compare"));
    for (const { outlined, html } of all) assert.ok(outlined, `nothing shows the focus on ${html}`);
    const { layer, head } = factsOf(sample).heads[1];
    await page.locator(`#compare [data-head="${layer}.${head}"]`).focus();
    await press(page, "Enter");
    assert.equal((await picked(page)).head, `${layer}.${head}`);
    await page.done();
  });
}
