// Makes the pictures of the page in docs/pictures: node tools/make_page_pictures.mjs [NAME...]
//
// From pages that build/release/bin/fovea writes (FOVEA_BINARY, if set), with SmolLM2 and the model that is built in; needs
// script/bootstrap page and `fovea model get smollm2`. Each picture is at most 200 KB.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "../tests/page/chromium.mjs";
import { fovea, root } from "../tests/page/program.mjs";
import { kJourney, kRoad } from "../tests/page/samples.mjs";

const kMostBytes = 200_000;
const kPages = {
  six: ["explain", kJourney, "--model", "built-in"],
  road: ["explain", kRoad, "--model", "smollm2"],
};

/**
 * What is pictured: the page, its state, the parts (all of it from the top, without), the window's width, the theme, how
 * many screen pixels a pixel has, and for the whole page, how high it is.
 */
const kPictures = {
  page: { of: "road", at: "#l=17&h=5&i=14&s=softmax", width: 1120, height: 800, scale: 1 },
  page_dark: { of: "road", at: "#l=17&h=5&i=14&s=softmax", width: 1120, height: 800, theme: "dark", scale: 1 },
  six_row: { of: "six", at: "#l=0&h=0&i=1&s=softmax", parts: ["#row"] },
  six_steps: { of: "six", at: "#l=0&h=0&i=1&s=sum", parts: ["#notebook"] },
  road_tokens: { of: "road", at: "#l=17&h=5&i=14", parts: [".text-card"], width: 1100 },
  road_heads: { of: "road", at: "#l=17&h=5&i=14&kind=induction", parts: [".heads-card"], scale: 1.25 },
  road_row: { of: "road", at: "#l=17&h=5&i=14", parts: ["#row"] },
  road_dot: { of: "road", at: "#l=17&h=5&i=14&s=dot", parts: ['#notebook [data-step="dot"]', '#notebook [data-step="scale"]'] },
  road_softmax: { of: "road", at: "#l=17&h=5&i=14&s=softmax", parts: ['#notebook [data-step="mask"]', '#notebook [data-step="softmax"]'] },
  road_sum: { of: "road", at: "#l=17&h=5&i=14&s=sum", parts: ['#notebook [data-step="sum"]'] },
  road_column: { of: "road", at: "#l=17&h=5&i=3&c=1", parts: ["#row"] },
  road_what_if: { of: "road", at: "#l=17&h=5&i=14&w=1&x=3", parts: ["#what-if"] },
};

/** The smallest rectangle around all parts, with a margin. */
async function around(page, parts) {
  const margin = 8;
  const boxes = [];
  for (const part of parts) boxes.push(await page.locator(part).first().boundingBox());
  const left = Math.min(...boxes.map(({ x }) => x)) - margin;
  const top = Math.min(...boxes.map(({ y }) => y)) - margin;
  const right = Math.max(...boxes.map(({ x, width }) => x + width)) + margin;
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height)) + margin;
  return { x: Math.max(0, left), y: Math.max(0, top), width: right - Math.max(0, left), height: bottom - Math.max(0, top) };
}

async function take(browser, folder, name) {
  const { of, at, parts, width = 1280, height = 2600, theme = "light", scale = 1.5 } = kPictures[name];
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    deviceScaleFactor: scale,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(folder, `${of}.html`)).href + at);
  await page.waitForSelector("html[data-ready=true]");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const path = join(root, "docs", "pictures", `${name}.png`);
  await page.screenshot({ path, ...(parts ? { clip: await around(page, parts) } : {}) });
  await context.close();
  const { size } = statSync(path);
  console.log(`${path}: ${(size / 1000).toFixed(0)} KB`);
  if (size > kMostBytes) throw new Error(`${path} has ${size} bytes, at most ${kMostBytes} are wanted`);
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(kPictures);
const unknown = wanted.filter((name) => kPictures[name] === undefined);
if (unknown.length > 0) throw new Error(`no picture '${unknown[0]}'; known are ${Object.keys(kPictures).join(", ")}`);
const folder = mkdtempSync(join(tmpdir(), "fovea-pictures-"));
const browser = await launch();
try {
  for (const of of new Set(wanted.map((name) => kPictures[name].of))) fovea([...kPages[of], "--html", join(folder, `${of}.html`)]);
  for (const name of wanted) await take(browser, folder, name);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
