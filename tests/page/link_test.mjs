// A link to a state opens that state: the same screen, and the address follows what is picked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best } from "./samples.mjs";
import { control, painted, pickHead, pickToken, picked, shownHeads, text } from "./screen.mjs";

const addressOf = async (page) => new URL(page.url()).hash;

test("a link opened again gives the same screen", async () => {
  const sample = best("twenty");
  const page = await open(sample);
  const kept = (await shownHeads(page)).filter((head) => head.kept);
  await pickHead(page, kept.at(-1).name);
  await pickToken(page, 11);
  await page.locator("#step-on").click();
  await control(page, "scale", "log").click();
  await page.waitForFunction(() => /i=11\b.*log=1/.test(location.hash)); // the address follows a little later
  const link = await addressOf(page);
  const [layer, head] = kept.at(-1).name.split(".");
  assert.match(link, new RegExp(`^#.*\\bl=${layer}&h=${head}&i=11\\b`));
  const again = await open(sample, { at: link });
  assert.deepEqual(await picked(again), await picked(page));
  assert.equal(await text(again), await text(page));
  assert.deepEqual(await again.faults(), []);
  await page.done();
  await again.done();
});

test("another link in an open page is followed, and so is going back", async () => {
  const page = await open(best("twenty"));
  const [first, second] = (await shownHeads(page)).filter((head) => head.kept);
  const linkOf = ({ name }, token) => `#l=${name.split(".")[0]}&h=${name.split(".")[1]}&i=${token}`;
  for (const [head, token] of [[first, 4], [second, 7]]) {
    await page.evaluate((link) => (location.hash = link), linkOf(head, token));
    await painted(page);
    await painted(page);
    assert.deepEqual(await picked(page), { token: String(token), head: head.name });
  }
  await page.done();
});

test("a link to what is not there is put right, not run", async () => {
  for (const at of ["#l=999&h=999&i=99999", "#l=-1&h=a&i=1e9", "#l=0&h=0&i=3&s=<img src=x onerror=alert(1)>", "#%", "#i=2&i=3"]) {
    const page = await open(best("twenty"), { at });
    const { token, head } = await picked(page);
    assert.ok(token !== null && head !== null, at);
    assert.deepEqual(await page.faults(), [], at);
    await page.done();
  }
});
