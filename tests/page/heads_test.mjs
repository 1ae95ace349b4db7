// The grid of heads: each with its kind, sorted and filtered by what --json measured.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, factsOf } from "./samples.mjs";
import { control, painted, shownHeads } from "./screen.mjs";

const nameOf = ({ layer, head }) => `${layer}.${head}`;
const meanOf = (row) => (row.rows > 0 ? row.mean : -1);

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
  for (const [index, { kind }] of shown.entries()) {
    assert.equal(kind, heads[index].labels[0]?.kind ?? "", shown[index].name);
  }
  await page.done();
});

test("sorted by entropy they rise or fall, by the sink they fall", async () => {
  const page = await open(best("twenty"));
  const { heads } = factsOf(best("twenty"));
  const of = new Map(heads.map((head) => [nameOf(head), head]));
  const entropies = (await sortedBy(page, "entropy")).map((name) => meanOf(of.get(name).entropy));
  const rising = [...entropies].sort((a, b) => a - b);
  assert.ok([rising, [...rising].reverse()].some((order) => order.every((value, at) => value === entropies[at])));
  const sinks = (await sortedBy(page, "sink")).map((name) => meanOf(of.get(name).first));
  assert.equal(sinks.length, heads.length);
  const order = await sortedBy(page, "portrait");
  assert.deepEqual([...order].sort(), heads.map(nameOf).sort());
  const kinds = order.map((name) => of.get(name).labels[0]?.kind ?? "");
  const runs = kinds.filter((kind, at) => kind !== kinds[at - 1]);
  assert.equal(new Set(runs).size, runs.length, `heads of a kind stand together: ${kinds.join(", ")}`);
  assert.deepEqual(await sortedBy(page, "layer"), heads.map(nameOf));
  await page.done();
});

test("a kind's button leaves the heads of that kind", async () => {
  const page = await open(best("twenty"));
  const { heads } = factsOf(best("twenty"));
  const kinds = [...new Set(heads.flatMap((head) => head.labels.map(({ kind }) => kind)))];
  assert.ok(kinds.length > 0);
  for (const kind of kinds) {
    await control(page, "kind", kind).click();
    await painted(page);
    const shown = (await shownHeads(page)).map(({ name }) => name);
    const wanted = heads.filter((head) => head.labels.some((label) => label.kind === kind)).map(nameOf);
    assert.deepEqual(shown, wanted, kind);
    await control(page, "kind", kind).click();
    await painted(page);
  }
  assert.equal((await shownHeads(page)).length, heads.length);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});
