// Light and dark, a phone's width and a desk's, print: nothing sticks out, and a picture of each is kept.
import assert from "node:assert/strict";
import { test } from "node:test";

import { keepPicture, open } from "./browser.mjs";
import { best, comparisons } from "./samples.mjs";
import { overhang, pickToken, tokenAt } from "./screen.mjs";

const kWidths = [380, 1400];
/** Of the page of 20 tokens, with all steps open. */
const kMostSheets = 6;
const kThemes = ["light", "dark"];
const shown = ["six", "twenty", "long"].map(best).concat(comparisons());

for (const sample of shown) {
  for (const colorScheme of kThemes) {
    for (const width of kWidths) {
      test(`${sample.name}, ${colorScheme}, ${width} pixels wide: the page is no wider than its window`, async () => {
        const page = await open(sample, { colorScheme, viewport: { width, height: 900 } });
        assert.ok((await overhang(page)) <= 0, `${await overhang(page)} pixels stick out`);
        await keepPicture(page, `${sample.name}_${colorScheme}_${width}`, { fullPage: !sample.name.endsWith("long") });
        assert.deepEqual(await page.faults(), []);
        await page.done();
      });
    }
  }
}

test("the two themes differ, and each has text that stands out from its ground", async () => {
  const grounds = new Set();
  for (const colorScheme of kThemes) {
    const page = await open(best("six"), { colorScheme });
    const { ground, ink } = await page.evaluate(() => {
      const luminance = (color) => {
        const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
        return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
      };
      const style = getComputedStyle(document.body);
      const root = getComputedStyle(document.documentElement).backgroundColor;
      const clear = style.backgroundColor === "rgba(0, 0, 0, 0)";
      return { ground: luminance(clear ? root : style.backgroundColor), ink: luminance(style.color) };
    });
    assert.ok(colorScheme === "light" ? ground - ink > 0.6 : ink - ground > 0.6, `${colorScheme}: ${ground}, ${ink}`);
    grounds.add(ground);
    await page.done();
  }
  assert.equal(grounds.size, 2);
});

test("on paper all of it stands, in light colours, without what only a screen can do", async () => {
  const page = await open(best("twenty"), { colorScheme: "dark" });
  await pickToken(page, 14);
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  await page.setViewportSize({ width: 794, height: 1123 }); // A4 at 96 dots per inch
  assert.ok((await overhang(page)) <= 0);
  assert.ok(await tokenAt(page, 14).isVisible());
  assert.ok(await page.locator('#notebook [data-step="softmax"]').isVisible());
  assert.ok(await page.locator('#notebook [data-step="sum"]').isVisible());
  assert.equal(await page.locator("#step-slider").isVisible(), false);
  await keepPicture(page, "print", { fullPage: true });
  const sheets = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type\s*\/Page\b/g).length;
  assert.ok(sheets <= kMostSheets, `${sheets} sheets of paper`);
  await page.done();
});

test("who wants no motion sees none", async () => {
  const page = await open(best("twenty"), { reducedMotion: "reduce" });
  await pickToken(page, 14);
  const moving = await page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length);
  assert.equal(moving, 0);
  await page.done();
});
