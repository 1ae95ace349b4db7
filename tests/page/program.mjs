// The program under test, and where its pages lie.
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = process.env.FOVEA_BINARY ?? join(root, "build/release/bin/fovea");
/** Pages, their facts and pictures of them. */
export const folder = resolve(process.env.FOVEA_PAGES ?? join(root, "build/page"));

const kMostOutput = 1 << 30;

/** Returns what the program prints; `input` is its standard input. Throws, with its words, when it fails. */
export function fovea(args, input = "") {
  return execFileSync(program, args, { input, encoding: "utf8", maxBuffer: kMostOutput, stdio: ["pipe", "pipe", "pipe"] });
}

export const foveaJson = (args, input) => JSON.parse(fovea(args, input));

export function hasModel(name) {
  try {
    fovea(["model", "show", name]);
    return true;
  } catch {
    return false;
  }
}
