// Texts and model names that want to run, to break out of their place, or to turn the line around: they are shown.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { keepPicture, open } from "./browser.mjs";
import { kHostile, kHostileName, samples } from "./samples.mjs";
import { pickHead, pickToken, shownHeads, text, tokenAt } from "./screen.mjs";

const hostile = samples().find(({ name }) => name === "hostile");
// What cannot be seen or acts on its neighbours: bidirectional, zero-width, controls but for line ends and tabs.
const kUnseen = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/u;

test("nothing of a hostile text or name runs, and no element comes of it", async () => {
  const page = await open(hostile);
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await page.locator("img, iframe, object, embed, svg [onload], [onerror], [onfocus], [onload]").count(), 0);
  assert.equal(await page.locator("#born").count(), 0);
  assert.ok(await page.locator("body").isVisible());
  await keepPicture(page, "hostile_text");
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("it is shown as it is, and what cannot be seen as an escape", async () => {
  const page = await open(hostile);
  const shown = await text(page);
  assert.ok(shown.includes('<img src=x onerror="window.ran=7">'), "the model's name");
  assert.doesNotMatch(shown, kUnseen);
  assert.doesNotMatch(await page.title(), kUnseen);
  for (const character of "\u202E\u202C\u200B\u200D\u2060\uFEFF\u2028\u2029\u0001\u001B") {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    assert.ok(shown.includes(`U+${code}`), `U+${code} is not on the screen`);
  }
  await page.done();
});

test("with a token of it picked in every head, and all panels open, nothing runs either", async () => {
  const page = await open(hostile);
  const heads = (await shownHeads(page)).filter((head) => head.kept);
  const count = await page.locator("#tokens [role=option]").count();
  for (const token of [0, 1, Math.floor(count / 2), count - 1]) {
    await pickHead(page, heads[token % heads.length].name);
    await tokenAt(page, token).scrollIntoViewIfNeeded();
    await pickToken(page, token);
    await page.locator("#step-on").click();
  }
  await page.locator('[data-control="table"]').click();
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.doesNotMatch(await text(page), kUnseen);
  // Attributes are read aloud.
  const spoken = await page.locator("[aria-label], [title]").evaluateAll((all) =>
    all.map((one) => `${one.getAttribute("aria-label") ?? ""} ${one.getAttribute("title") ?? ""}`).join("\n"),
  );
  assert.doesNotMatch(spoken, kUnseen);
  assert.deepEqual(await page.faults(), []);
  await page.done();
});

test("in the file the text stands escaped, whatever it says", () => {
  const html = readFileSync(hostile.page, "utf8");
  const data = html.match(/<script type="application\/json" id="fovea-data">([^]*?)<\/script>/)[1];
  assert.doesNotMatch(data, /[<>&\u2028\u2029]/);
  const { texts } = JSON.parse(data);
  assert.equal(texts[0].text, kHostile);
  assert.equal(texts[0].model.name, kHostileName);
  // The page's own two elements of data, its script and its style: no more came of the text.
  assert.equal(html.match(/<script/g).length, 3);
  assert.equal(html.match(/<style/g).length, 1);
});
