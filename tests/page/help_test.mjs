// Help in place: each term in a sentence, the keys, the table for who cannot see bars, and the honest line.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best, factsOf, rowFacts } from "./samples.mjs";
import { control, painted, pickHead, pickToken, shownHeads } from "./screen.mjs";
import { assertShows } from "./shown.mjs";

test("each term is explained on hover and on focus, in a sentence", async () => {
  const page = await open(best("twenty"));
  const names = await page.locator("[data-term]").evaluateAll((all) => [...new Set(all.map((one) => one.dataset.term))]);
  for (const term of ["entropy", "sink", "received"]) assert.ok(names.includes(term), `${term}: ${names.join(", ")}`);
  const tip = page.locator("#term-tip");
  for (const name of names) {
    const term = page.locator(`[data-term="${name}"]:visible`).first();
    if ((await term.count()) === 0) continue;
    await term.focus();
    await painted(page);
    assert.ok(await tip.isVisible(), name);
    assert.match(await tip.textContent(), /[a-z]{3}.*[.]$/s, name);
    await page.keyboard.press("Escape");
    await term.scrollIntoViewIfNeeded(); // scrolling takes the tip away
    await painted(page);
    await term.hover();
    await painted(page);
    assert.ok(await tip.isVisible(), `${name}, hovered`);
    await page.mouse.move(1, 1);
  }
  await page.done();
});

test("the table has every key's weight in words and numbers", async () => {
  const sample = best("twenty");
  const page = await open(sample);
  const { name } = (await shownHeads(page)).find((head) => head.kept);
  await pickHead(page, name);
  await pickToken(page, 14);
  await control(page, "table").click();
  await painted(page);
  const rows = await page.locator("#table table tbody tr").evaluateAll((all) =>
    all.map((row) => [...row.cells].map((cell) => cell.textContent.trim())),
  );
  assert.equal(rows.length, 15);
  const [layer, head] = name.split(".").map(Number);
  const weights = rowFacts(sample, layer, head, 14).figures.get("weights");
  for (const [at, label] of weights.labels.entries()) {
    const row = rows.find(([key]) => key === label.split(" ")[0]);
    assertShows(row[3], weights.values[at], `key ${row[0]}`);
  }
  await page.done();
});

test("the honest line names the model, its weights' type and the deviation from float64, and warns", async () => {
  for (const name of ["six", "twenty"]) {
    const page = await open(best(name));
    const line = await page.locator("#honest").textContent();
    assert.ok(line.includes(factsOf(best(name)).model.name), line);
    assert.match(line, /float64/);
    assert.match(line, /not explanations/);
    assert.match(line, /\d/);
    await page.done();
  }
});
