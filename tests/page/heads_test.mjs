// The grid of heads: each with its kind, sorted and filtered by what --json measured.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, factsOf } from "./samples.mjs";
import { control, painted, shownHeads } from "./screen.mjs";

const nameOf = ({ layer, head }) => `${layer}.${head}`;
const kindOf = (head) => head.labels[0]?.kind ?? "none";
const notDimmed = async (page) => (await shownHeads(page)).filter(({ dim }) => !dim).map(({ name }) => name).sort();

async function sortedBy(page, order) {
  await page.locator("#heads-sort").selectOption(order);
  await painted(page);
  return (await shownHeads(page)).map(({ name }) => name);
}

test("every head is there, by layer, with the kind that --json gives it", async () => {
  const page = await open(best("twenty"));
  const { heads } = factsOf(best("twenty"));
  const shown = await shownHeads(page);
  assert.deepEqual(shown.map(({ name }) => name), heads.map(nameOf));
  for (const [index, { kind }] of shown.entries()) assert.equal(kind, kindOf(heads[index]), shown[index].name);
  await page.done();
});

test("sorted by a measure they stand in its order, and by layer again as they stood", async () => {
  const page = await open(best("twenty"));
  const { heads } = factsOf(best("twenty"));
  const of = new Map(heads.map((head) => [nameOf(head), head]));
  const measures = {
    entropy: (head) => (head.entropy.rows > 0 ? head.entropy.mean : Infinity),
    sink: (head) => -head.first.mean,
  };
  for (const [order, measure] of Object.entries(measures)) {
    const values = (await sortedBy(page, order)).map((name) => measure(of.get(name)));
    assert.deepEqual(values, heads.map(measure).sort((a, b) => a - b), order);
  }
  const kinds = (await sortedBy(page, "portrait")).map((name) => kindOf(of.get(name)));
  assert.equal(kinds.length, heads.length);
  assert.ok(kinds.indexOf("none") > kinds.findLastIndex((kind) => kind !== "none"), "heads without a kind come last");
  assert.deepEqual(await sortedBy(page, "layer"), heads.map(nameOf));
  await page.done();
});

test("a kind's button leaves the heads of that kind, and in the grid keeps the others back", async () => {
  const page = await open(best("twenty"));
  const { heads } = factsOf(best("twenty"));
  for (const kind of new Set(heads.map(kindOf))) {
    const wanted = heads.filter((head) => kindOf(head) === kind).map(nameOf).sort();
    await control(page, "kind", kind).click();
    assert.deepEqual((await sortedBy(page, "entropy")).sort(), wanted, kind);
    await sortedBy(page, "layer");
    assert.deepEqual(await notDimmed(page), wanted, kind);
    await control(page, "kind", kind).click();
    await painted(page);
    assert.equal((await notDimmed(page)).length, heads.length);
  }
  assert.deepEqual(await page.faults(), []);
  await page.done();
});
