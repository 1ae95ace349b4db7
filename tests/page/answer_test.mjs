// A pick is answered in two steps: the tokens and the row at once, the rest after the paint; nobody is left with half of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { best } from "./samples.mjs";
import { painted, shownHeads } from "./screen.mjs";

/** Runs in the page: which token each part shows, and whether the page says that it is whole. */
function shown() {
  const number = (place) => Number(document.querySelector(place).textContent);
  return {
    tokens: Number(document.querySelector('#tokens [aria-selected="true"]').dataset.token),
    row: number("#row h2 .at"),
    notebook: number("#notebook > .sub .token-at .at"),
    whatIf: number("#what-if > .sub .at"),
    ready: document.documentElement.dataset.ready,
  };
}
const whole = (token) => ({ tokens: token, row: token, notebook: token, whatIf: token, ready: "true" });
const half = (token, before) => ({ ...whole(before), tokens: token, row: token, ready: "false" });

/** A page at a head that can be opened, at token 5; `window.shown` tells what it shows. */
async function opened() {
  const page = await open(best("twenty"));
  const [layer, head] = (await shownHeads(page)).find(({ kept }) => kept).name.split(".");
  await page.evaluate((link) => (location.hash = link), `#l=${layer}&h=${head}&i=5`);
  await painted(page);
  await page.evaluate(`window.shown = ${shown}`);
  assert.deepEqual(await page.evaluate(() => window.shown()), whole(5));
  return page;
}

async function closed(page) {
  assert.deepEqual(await page.faults(), []);
  await page.done();
}

test("a click changes the tokens and the row in its own frame, the rest in a task after it", async () => {
  const page = await opened();
  const seen = await page.evaluate(async () => {
    document.querySelector('#tokens [data-token="11"]').click();
    const atOnce = window.shown();
    const inFrame = await new Promise((tell) => requestAnimationFrame(() => tell(window.shown())));
    return [atOnce, inFrame];
  });
  assert.deepEqual(seen, [half(11, 5), half(11, 5)]);
  await painted(page);
  assert.deepEqual(await page.evaluate(() => window.shown()), whole(11));
  await closed(page);
});

test("a newer pick takes the place of one whose rest is not made yet", async () => {
  const page = await opened();
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push(window.shown().notebook)).observe(document.querySelector("#notebook > .sub"), { childList: true });
    document.querySelector('#tokens [data-token="9"]').click();
    requestAnimationFrame(() => document.querySelector('#tokens [data-token="12"]').click());
  });
  await painted(page);
  await painted(page);
  assert.deepEqual(await page.evaluate(() => window.shown()), whole(12));
  assert.deepEqual(await page.evaluate(() => window.seen), [12]);
  await closed(page);
});

test("what is not a pick, a link and paper show the whole at once, and what a pick left waiting with it", async () => {
  const page = await opened();
  const seen = await page.evaluate(async () => {
    const pick = (token) => document.querySelector(`#tokens [data-token="${token}"]`).click();
    pick(9);
    document.querySelector("#step-on").click();
    const afterStep = window.shown();
    pick(12);
    const address = location.hash.replace(/\bi=\d+/, "i=14");
    const followed = new Promise((tell) => addEventListener("hashchange", () => tell(window.shown()), { once: true }));
    location.hash = address;
    const afterLink = await followed;
    pick(7);
    dispatchEvent(new Event("beforeprint"));
    const onPaper = window.shown();
    dispatchEvent(new Event("afterprint"));
    return [afterStep, afterLink, onPaper];
  });
  assert.deepEqual(seen, [whole(9), whole(14), whole(7)]);
  await closed(page);
});

test("the keyboard notices nothing: the focus stays in the notebook, and what is said is the new row", async () => {
  const page = await opened();
  await page.locator('#notebook [data-step="scale"] .step-head').focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator("#status").textContent(), /^7 /);
  await painted(page);
  assert.deepEqual(await page.evaluate(() => window.shown()), whole(7));
  const step = () => document.activeElement.closest("[data-step]")?.dataset.step;
  assert.equal(await page.evaluate(step), "scale");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press(".");
  await painted(page);
  assert.deepEqual(await page.evaluate(() => window.shown()), whole(8));
  assert.equal(await page.evaluate(step), "scale");
  await closed(page);
});

/** Whether a canvas holds anything. */
const isDrawn = (page, place) =>
  page.locator(place).first().evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0));

test("canvases are drawn at the size that they have, also when that changes and on paper", async () => {
  const page = await opened();
  const places = ["#notebook .strip", "#row .profile", "#portrait .cross"];
  const fits = (place) =>
    page.locator(place).first().evaluate((canvas) => Math.abs(canvas.width - canvas.getBoundingClientRect().width * devicePixelRatio) <= 1);
  for (const width of [1400, 700]) {
    await page.setViewportSize({ width, height: 900 });
    await painted(page);
    await painted(page);
    for (const place of places) assert.ok((await fits(place)) && (await isDrawn(page, place)), `${place} at ${width}`);
  }
  await page.evaluate(() => document.querySelector('[data-control="theme"]').click());
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  for (const place of places) assert.ok(await isDrawn(page, place), `${place} on paper`);
  await closed(page);
});
