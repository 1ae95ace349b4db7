// Debian's chromium, driven by playwright-core: for the tests, the benchmark and the pictures.
import { chromium } from "playwright-core";

/** Starts the browser. In a container chromium's own sandbox cannot be set up; pages here are our own, from file://. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
}
