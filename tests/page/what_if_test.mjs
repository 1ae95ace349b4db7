// What if: with nothing changed the row stays, and a change does what softmax says.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { WrittenPage } from "./page_data.mjs";
import { best } from "./samples.mjs";
import { bars, control, painted, pickHead, pickToken, shownHeads, whatIf } from "./screen.mjs";
import { assertShows, numberIn } from "./shown.mjs";

const kToken = 14;

async function openWhatIf(sample) {
  const page = await open(sample);
  const { name } = (await shownHeads(page)).find((head) => head.kept);
  await pickHead(page, name);
  await pickToken(page, sample.name.endsWith("six") ? 5 : kToken);
  const [layer, head] = name.split(".").map(Number);
  return { page, layer, head };
}

/** The slider stands at 100 log10 of the temperature, in whole steps; returns the temperature that it makes. */
async function setTemperature(page, value) {
  const at = Math.round(100 * Math.log10(value));
  await page.locator("#temperature").fill(String(at));
  await painted(page);
  return Number((10 ** (at / 100)).toFixed(3));
}

/** The row's weights at a temperature, made again from those of temperature 1: w^(1/T) over their sum. */
function sharpened(weights, temperature) {
  const powers = weights.map((weight) => weight ** (1 / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

for (const name of ["six", "twenty"]) {
  test(`${name}: at temperature 1, with nothing dropped, the row is the row`, async () => {
    const { page } = await openWhatIf(best(name));
    const row = new Map((await bars(page)).map(({ end, weight }) => [end, weight]));
    await setTemperature(page, 2);
    await setTemperature(page, 1);
    const rows = await whatIf(page);
    for (const { end, before, after } of rows) {
      assert.equal(before, after, `key ${end}`);
      if (row.has(end)) assert.equal(before, row.get(end), `key ${end}`);
    }
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });
}

test("a temperature of about 2 makes the weights that softmax of half the scores gives", async () => {
  const sample = best("twenty");
  const { page, layer, head } = await openWhatIf(sample);
  const written = new WrittenPage(sample);
  const weights = Array.from({ length: kToken + 1 }, (_, key) => written.weight(layer, head, kToken, key));
  const even = sharpened(weights, await setTemperature(page, 2));
  const rows = await whatIf(page);
  assert.ok(rows.length > 0);
  // Scores from q and k in 16-bit steps, as the page has them.
  for (const { end, after } of rows) assertShows(after, even[end], `key ${end}`, 2e-3 * even[end] + 1e-12);
  await page.done();
});

test("a dropped key has no weight, and the others share it in proportion", async () => {
  const { page } = await openWhatIf(best("twenty"));
  await setTemperature(page, 1);
  const dropped = (await bars(page))[0].end;
  await page.locator(`#what-if [data-drop="${dropped}"]`).click();
  await painted(page);
  const rows = await whatIf(page);
  const gone = rows.find(({ end }) => end === dropped);
  assert.equal(numberIn(gone.after).value, 0);
  const share = numberIn(gone.before).value;
  for (const { end, before, after } of rows.filter((row) => row.end !== dropped)) {
    const [was, is] = [numberIn(before), numberIn(after)];
    const scale = 1 / (1 - share);
    // Half a digit of each, and of the dropped weight.
    const error = scale * (was.half + was.value * scale * 0.0005) + is.half;
    assert.ok(Math.abs(is.value - was.value * scale) <= error * 1.01, `key ${end}: ${before} became ${after}`);
  }
  await control(page, "reset").click();
  await painted(page);
  for (const { before, after } of await whatIf(page)) assert.equal(before, after);
  await page.done();
});

test("without the mask a row looks at later tokens too", async () => {
  const { page } = await openWhatIf(best("twenty"));
  await control(page, "mask").click();
  await painted(page);
  const later = (await whatIf(page)).filter(({ end }) => end > kToken);
  assert.ok(later.length > 0);
  for (const { before } of later) assert.equal(numberIn(before).value, 0);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});
