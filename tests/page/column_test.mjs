// The column: who looks at me. Against weights made again from the page's q, k, max and sum, and against the rows.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { WrittenPage } from "./page_data.mjs";
import { factsOf, textRuns } from "./samples.mjs";
import { bars, control, painted, pickHead, pickToken, picked, shownHeads } from "./screen.mjs";
import { assertShows } from "./shown.mjs";

/** q and k stand in 16-bit steps: what that can do to a weight, besides the digits. Against the fused call's own weights. */
const kStepError = 2e-3;

for (const sample of textRuns().filter(({ name }) => !name.endsWith("long") && name !== "one")) {
  test(`${sample.name}: the column is every row's weight on one key`, async () => {
    const page = await open(sample);
    const written = new WrittenPage(sample);
    const key = Math.min(2, factsOf(sample).tokens.length - 1);
    const { name } = (await shownHeads(page)).find((head) => head.kept);
    const [layer, head] = name.split(".").map(Number);
    await pickHead(page, name);
    await pickToken(page, key);
    await control(page, "direction", "column").click();
    await painted(page);
    const shown = await bars(page);
    assert.ok(shown.length > 0);
    for (const { end, weight } of shown) {
      const exact = written.weight(layer, head, end, key);
      assertShows(weight, exact, `row ${end} on key ${key}`, kStepError * exact + 1e-12);
    }
    await control(page, "direction", "row").click();
    for (const { end, weight } of shown.slice(0, 4)) await expectInRow(page, end, key, weight);
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });
}

/** The weight that the column showed is, to the character, the one in that row. */
async function expectInRow(page, row, key, weight) {
  await pickToken(page, row);
  const bar = (await bars(page)).find(({ end }) => end === key);
  if (bar !== undefined) assert.equal(bar.weight, weight, `row ${row}, key ${key}`);
}

test("Shift and a click on a token open its column", async () => {
  const page = await open(textRuns().find(({ name }) => name === "twenty"));
  await pickToken(page, 5);
  await pickToken(page, 3, { modifiers: ["Shift"] });
  assert.equal((await picked(page)).token, "3");
  assert.equal(await control(page, "direction", "column").getAttribute("aria-pressed"), "true");
  for (const { end } of await bars(page)) assert.ok(end >= 3, `token ${end} cannot see token 3`);
  await page.done();
});
