// axe-core finds nothing in any state of the page: both themes, both widths, each kind of page, each panel open.
//
// axe is put into the page past its policy: that context alone bypasses it, and opens_test.mjs does not.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, comparisons, samples } from "./samples.mjs";
import { control, painted, pickToken, shownHeads } from "./screen.mjs";

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function assertClean(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    // Of 2,000 chips that are all alike the first 60 speak for the rest: axe takes a minute for all.
    window.axe.run({ exclude: ["#tokens [role=option]:nth-child(n+61)"] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((n) => n.html).join(" | ")}`);
  assert.deepEqual(found, [], what);
}

async function inEachLook(sample, prepare, what) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [380, 1400]) {
      const page = await open(sample, { colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
      await prepare(page);
      await painted(page);
      await assertClean(page, `${what}, ${colorScheme}, ${width}`);
      await page.done();
    }
  }
}

const inAllLooks = [best("twenty"), best("long"), comparisons().at(-1)];

for (const sample of inAllLooks) {
  test(`${sample.name} as it opens, in each look`, async () => inEachLook(sample, async () => {}, sample.name));
}

for (const sample of samples().filter(({ name }) => !inAllLooks.some((other) => other.name === name))) {
  test(`${sample.name} as it opens`, async () => {
    const page = await open(sample, { bypassCSP: true });
    await assertClean(page, sample.name);
    await page.done();
  });
}

test("a picked token, the column, the what-if and the table", async () => {
  await inEachLook(
    best("twenty"),
    async (page) => {
      await pickToken(page, 14);
      await control(page, "direction", "column").click();
      await control(page, "table").click();
      await page.locator("#temperature").fill("30");
    },
    "all open",
  );
});

test("each step of the panel", async () => {
  const page = await open(best("twenty"), { bypassCSP: true });
  const count = await page.locator("#notebook [data-step]").count();
  for (let step = 0; step < count; ++step) {
    await assertClean(page, `step ${step}`);
    if (step + 1 < count) await page.locator("#step-on").click();
  }
  await page.done();
});

test("the help, and a term's explanation", async () => {
  const page = await open(best("twenty"), { bypassCSP: true });
  await page.locator("[data-term]").first().focus();
  await assertClean(page, "a term");
  await control(page, "help").click();
  assert.ok(await page.locator("#keys").isVisible());
  await assertClean(page, "the help");
  await page.done();
});

test("a head whose rows are not in the page", async () => {
  const sample = best("long");
  const page = await open(sample, { bypassCSP: true });
  const closed = (await shownHeads(page)).find((head) => !head.kept);
  if (closed !== undefined) {
    await page.locator(`#heads [data-head="${closed.name}"]`).click();
    await painted(page);
    await assertClean(page, "a closed head");
  }
  await page.done();
});
