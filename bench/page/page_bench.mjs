// How soon the page of 2,000 tokens is there, and how soon it answers: script/bench page [--loads N] [--clicks N] [--page FILE] [--model NAME] [--json].
//
// Each load is a new profile's first look at the file; each click is a real one, on a token or a head in view. Before and
// after each load, and around each round of clicks, a canary measures the multiply-adds that the machine gives.
// A line a case; --json, one object a line:
//   first_paint_ms  from the start of the navigation to the first paint with content
//   ready_ms        ... to the frame in which the page says that it is drawn
//   token_ms, head_ms  from the click (the event's own time) to the end of the next frame, which shows the new row
//   token_drawn_ms, head_drawn_ms  ... to the end of the first frame in which the page says that all is drawn: the arithmetic
//                   of the row, what if and the portrait, too, which the page makes after the frame that answers
//   median, p95, most  of all loads, or clicks
//   cpu_median      of the processor time of the page's main thread until all is drawn: what is left of a measurement on a busy machine
//   steady          whether the canary gave 90 % of its best each time
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { launch } from "../../tests/page/chromium.mjs";
import { hasModel, program } from "../../tests/page/program.mjs";
import { longText } from "../../tests/page/samples.mjs";
import { writeTinyModel } from "../../tests/page/tiny_model.mjs";

const kGoals = { first_paint_ms: ["median", 1500], ready_ms: ["median", 1500], token_ms: ["median", 50], token_drawn_ms: ["median", 100], head_ms: ["median", 50], head_drawn_ms: ["median", 100] };
const kCanaryShare = 0.9;

/** A fixed number of multiply-adds on one thread: how fast is the machine right now, and at its best so far? */
class Canary {
  #best = Infinity;
  steady = true;

  look() {
    const start = performance.now();
    let sum = 1;
    for (let i = 0; i < 3e6; ++i) sum = sum * 0.999999 + 1e-6;
    const took = performance.now() - start + (sum < 0 ? 1 : 0);
    this.#best = Math.min(this.#best, took);
    this.steady &&= this.#best >= kCanaryShare * took;
    return took;
  }
  warmUp() {
    for (let i = 0; i < 20; ++i) this.look();
    this.steady = true;
  }
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

function summary(name, values, { cpu, canary }) {
  const result = {
    case: name,
    count: values.length,
    median: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    most: Math.max(...values),
    cpu_median: quantile(cpu, 0.5),
    steady: canary.steady,
  };
  const [which, goal] = kGoals[name];
  return { ...result, goal: `${which} <= ${goal} ms`, is_met: result[which] <= goal };
}

/** Runs in the page before its scripts: when it says that it is drawn, and when a click's frames have ended. */
function watch() {
  const isReady = () => document.documentElement.dataset.ready === "true";
  /** Tells when the next frame ends, and whether all was drawn when it began. */
  const frameEnd = (tell) =>
    requestAnimationFrame(() => {
      const whole = isReady();
      const channel = new MessageChannel();
      channel.port1.onmessage = () => tell(performance.now(), whole);
      channel.port2.postMessage(0);
    });
  const wholeFrameEnd = (tell) => frameEnd((now, whole) => (whole ? tell(now) : wholeFrameEnd(tell)));
  window.firstPaint = new Promise((tell) => {
    new PerformanceObserver((list) => {
      const [paint] = list.getEntriesByName("first-contentful-paint");
      if (paint) tell(paint.startTime);
    }).observe({ type: "paint", buffered: true });
  });
  window.ready = new Promise((tell) => {
    new MutationObserver((_, observer) => {
      if (!isReady()) return;
      observer.disconnect();
      frameEnd(tell);
    }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] });
  });
  window.addEventListener("click", (event) => {
    const after = (end) => new Promise((tell) => end((now) => tell(now - event.timeStamp)));
    [window.answered, window.drawn] = [after(frameEnd), after(wholeFrameEnd)];
  }, { capture: true });
}

async function openPage(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  const cpu = await processorTime(page);
  await page.addInitScript(watch);
  await page.goto(address);
  const ready = await page.evaluate(() => window.ready);
  return { page, context, ready, cpu };
}

/** Milliseconds of processor time that the page's main thread has taken so far. */
async function processorTime(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
  };
}

async function timeLoads(browser, address, loads) {
  const canary = new Canary();
  canary.warmUp();
  const [paints, readies, cpus] = [[], [], []];
  for (let load = -1; load < loads; ++load) {
    canary.look();
    const { page, context, ready, cpu } = await openPage(browser, address);
    const paint = await page.evaluate(() => window.firstPaint);
    const took = await cpu();
    await context.close();
    if (load < 0) continue; // the first also starts the browser's own parts
    canary.look();
    paints.push(paint);
    readies.push(ready);
    cpus.push(took);
  }
  const how = { cpu: cpus, canary };
  return [summary("first_paint_ms", paints, how), summary("ready_ms", readies, how)];
}

/** Those of a list's options that lie in the window, but the picked one. */
async function inView(page, selector) {
  return page.locator(selector).evaluateAll((all) => {
    const boxes = [];
    for (const one of all) {
      const { left, top, width, height, bottom, right } = one.getBoundingClientRect();
      const isIn = width > 0 && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
      const [x, y] = [left + width / 2, top + height / 2];
      if (isIn && one.contains(document.elementFromPoint(x, y))) boxes.push({ x, y });
    }
    return boxes;
  });
}

async function timeClicks(browser, address, { name, list, options }, clicks) {
  const canary = new Canary();
  canary.warmUp();
  const { page, context, cpu } = await openPage(browser, address);
  const [answers, wholes, cpus] = [[], [], []];
  for (let click = -3; click < clicks; ++click) {
    if (click % 10 === 0) canary.look();
    await page.locator(list).evaluate((one) => one.scrollIntoView({ block: "start" }));
    const targets = await inView(page, options);
    if (targets.length < 2) throw new Error(`page: fewer than two of ${options} can be seen`);
    // By the golden ratio: far from the last one, and the same each time.
    const { x, y } = targets[Math.floor((((click + 3) * 0.618034) % 1) * targets.length)];
    const before = await cpu();
    await page.mouse.click(x, y);
    const [answered, drawn] = await page.evaluate(() => Promise.all([window.answered, window.drawn]));
    if (click < 0) continue; // they warm the page's code
    answers.push(answered);
    wholes.push(drawn);
    cpus.push((await cpu()) - before);
  }
  await context.close();
  const how = { cpu: cpus, canary };
  return [summary(`${name}_ms`, answers, how), summary(`${name}_drawn_ms`, wholes, how)];
}

function lineOf(result) {
  const number = (value) => value.toFixed(1).padStart(8);
  const verdict = `${result.goal} ${result.is_met ? "ok" : "MISSED"}${result.steady ? "" : "  (unsteady: other programs kept the machine busy)"}`;
  return `  ${result.case.padEnd(15)}${number(result.median)}${number(result.p95)}${number(result.most)}${number(result.cpu_median)}   ${verdict}`;
}

/** The page to measure: the one given, or that of the licence's first 2,000 tokens. */
function makePage(options, folder) {
  if (options.page) return resolve(options.page);
  const tiny = join(folder, "tiny.gguf");
  const model = options.model ?? (hasModel("smollm2") ? "smollm2" : tiny);
  if (model === tiny) writeTinyModel(tiny, "Tiny");
  const page = join(folder, "page.html");
  execFileSync(program, ["explain", "-", "--model", model, "--html", page], { input: longText(model), stdio: ["pipe", "ignore", "inherit"] });
  return page;
}

function parseOptions() {
  const { values } = parseArgs({
    options: {
      loads: { type: "string", default: "9" },
      clicks: { type: "string", default: "60" },
      page: { type: "string" },
      model: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    const lines = readFileSync(fileURLToPath(import.meta.url), "utf8").split("\n");
    console.log(lines.slice(0, lines.findIndex((line) => !line.startsWith("//"))).map((line) => line.slice(3)).join("\n"));
    process.exit(0);
  }
  for (const name of ["loads", "clicks"]) {
    if (!/^[1-9]\d{0,4}$/.test(values[name])) throw new Error(`page: --${name} is '${values[name]}'; a number from 1 on is wanted`);
  }
  return { ...values, loads: Number(values.loads), clicks: Number(values.clicks) };
}

async function main() {
  let options;
  try {
    options = parseOptions();
  } catch (error) {
    console.error(error.message.startsWith("page: ") ? error.message : `page: ${error.message}`);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), "fovea-page-"));
  const browser = await launch();
  const show = (result) => console.log(options.json ? JSON.stringify(result) : lineOf(result));
  try {
    const page = makePage(options, folder);
    const address = pathToFileURL(page).href;
    if (!options.json) console.log(`${(statSync(page).size / 1e6).toFixed(1)} MB; milliseconds: median, 95th percentile, most, median of the main thread's processor time`);
    for (const result of await timeLoads(browser, address, options.loads)) show(result);
    const tokens = { name: "token", list: "#tokens", options: "#tokens [role=option]" };
    const heads = { name: "head", list: "#heads", options: "#heads [role=option]" };
    for (const what of [tokens, heads]) (await timeClicks(browser, address, what, options.clicks)).forEach(show);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
  return 0;
}

process.exitCode = await main();
