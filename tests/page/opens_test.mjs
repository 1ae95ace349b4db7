// Every page opens from file://, says what it is of, and asks for nothing else; nothing is stopped by its own policy.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { keepPicture, open } from "./browser.mjs";
import { factsOf, isComparison, samples, textRuns } from "./samples.mjs";
import { picked, text, tokenAt } from "./screen.mjs";

for (const sample of samples()) {
  test(`${sample.name} opens without a fault`, async () => {
    const page = await open(sample);
    assert.notEqual((await page.title()).trim(), "");
    await keepPicture(page, sample.name);
    assert.deepEqual(await page.faults(), []);
    await page.done();
  });
}

for (const sample of textRuns()) {
  test(`${sample.name} shows all tokens and picks one`, async () => {
    const page = await open(sample);
    const facts = factsOf(sample);
    // A long text may be drawn in parts; its first and, once it is asked for, its last token are there.
    assert.ok((await tokenAt(page, 0).count()) === 1);
    const { token, head } = await picked(page);
    assert.ok(Number(token) >= 0 && Number(token) < facts.tokens.length);
    assert.match(head, /^\d+\.\d+$/);
    assert.ok((await text(page)).includes(`${facts.tokens.length.toLocaleString("en")} token`));
    await page.done();
  });
}

test("the policy allows nothing but the page's own script and style, by their sha256", () => {
  for (const sample of samples()) {
    const html = readFileSync(sample.page, "utf8");
    const policy = html.match(/<meta http-equiv="Content-Security-Policy" content="([^"]*)">/)?.[1] ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'(; |$)/, sample.name);
    assert.doesNotMatch(policy, /unsafe|https?:|\*|data:|blob:/, sample.name);
    // Nothing but the policy, the character set and comments stands before what it governs.
    assert.ok(html.indexOf("Content-Security-Policy") < html.search(/<(style|script|title|body)/), sample.name);
    assert.ok(isComparison(sample) || html.length < 4e6 || sample.flags, sample.name);
  }
});

test("a page works without a script policy being the only guard: it has no inline handler, no link outside", () => {
  for (const sample of samples()) {
    const html = readFileSync(sample.page, "utf8").replace(/<script[^]*?<\/script>/g, "").replace(/<style[^]*?<\/style>/g, "");
    assert.doesNotMatch(html, /\son[a-z]+\s*=|<(link|img|iframe|object|embed|base|form)\b|(src|href)=/i, sample.name);
  }
});
