// A page in Debian's chromium, and all that it must not do: complain, ask for anything, be stopped by its own policy.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";

import { launch } from "./chromium.mjs";
import { folder } from "./program.mjs";

let running = null;

/** The browser of this process, started when it is first asked for. */
export async function browser() {
  running ??= launch();
  return running;
}
after(async () => (await running)?.close());

/** Writes down in the page, before its scripts run, what its policy stops and which dialogs it opens. */
function watchPolicy() {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`),
  );
}

/**
 * Opens the page of a sample and waits until it is ready. Returns the playwright page, with `faults()`: what went wrong
 * so far, a text each. `at` is the state to open, as in "#l=0&h=1&i=2"; `context` is playwright's, as in {colorScheme}.
 */
export async function open(sample, { at = "", ...context } = {}) {
  const owner = await (await browser()).newContext({ viewport: { width: 1400, height: 900 }, ...context });
  const page = await owner.newPage();
  const address = pathToFileURL(sample.page).href;
  const seen = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") seen.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => seen.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => {
    seen.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("popup", (popup) => seen.push(`window: ${popup.url()}`));
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) seen.push(`request: ${request.url().slice(0, 200)}`);
  });
  await page.addInitScript(watchPolicy);
  await page.goto(address + at);
  await page.waitForSelector("html[data-ready=true]", { timeout: 30_000 });
  return Object.assign(page, {
    faults: async () => [...seen, ...(await page.evaluate(() => window.violations.map((text) => `policy: ${text}`)))],
    done: () => owner.close(),
  });
}

/** Keeps a picture of the screen as NAME.png among the pages. */
export async function keepPicture(page, name, options = {}) {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), ...options });
}
