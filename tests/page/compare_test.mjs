// The page of a comparison: the texts, a line a pair, the heads that moved the word, and one click into each.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { comparisons, factsOf } from "./samples.mjs";
import { bars, control, painted, picked, pickToken, text } from "./screen.mjs";

for (const sample of comparisons()) {
  test(`${sample.name}: every text and a line for each pair, with --json's cosines`, async () => {
    const page = await open(sample);
    const facts = factsOf(sample);
    assert.equal(await page.locator("#compare [data-text]").count(), facts.texts.length);
    for (const { texts, cosines } of facts.pairs) {
      const line = page.locator(`#compare [data-pair="${texts.join("-")}"]`).first();
      assert.equal(await line.count(), 1, texts.join("-"));
      assert.ok((await text(page)).includes(cosines.at(-1).toFixed(2)), `the last cosine, ${cosines.at(-1)}`);
    }
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });

  test(`${sample.name}: a click on a head opens it, on the word`, async () => {
    const page = await open(sample);
    const facts = factsOf(sample);
    assert.ok(facts.heads.length > 0);
    const { layer, head } = facts.heads[0];
    await page.locator(`#compare [data-head="${layer}.${head}"]`).first().click();
    await painted(page);
    assert.equal((await picked(page)).head, `${layer}.${head}`);
    const word = facts.texts[facts.pairs[facts.farthest].texts[0]];
    const tokens = facts.texts.map(({ token }) => String(token));
    assert.ok(tokens.includes((await picked(page)).token), `of ${word.text}`);
    assert.ok((await bars(page)).length > 0);
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });

  test(`${sample.name}: each text is opened by its tab`, async () => {
    const page = await open(sample);
    for (const [index, { tokens }] of factsOf(sample).texts.entries()) {
      await control(page, "text", index).click();
      await painted(page);
      assert.equal(await page.locator("#tokens [role=option]").count(), tokens.length);
      await pickToken(page, tokens.length - 1);
      assert.equal((await picked(page)).token, String(tokens.length - 1));
    }
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });
}
