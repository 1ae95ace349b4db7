// The digest of what the page is built from, which stands in the built page: so a test can tell that the two belong together.
//
// It is the sha256 of the lines that `sha256sum` prints for these files, sorted by path. Without Node, in web/:
//   find index.html package-lock.json vite.config.js build src -type f | LC_ALL=C sort | xargs sha256sum | sha256sum
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Files, and folders with all that is in them; from web/ on. */
const sources = ["index.html", "package-lock.json", "vite.config.js", "build", "src"];

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");

function files_of(path) {
  if (!statSync(join(web, path)).isDirectory()) return [path];
  return readdirSync(join(web, path)).flatMap((name) => files_of(`${path}/${name}`));
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns the digest, as hex. */
export function source_digest() {
  const paths = sources.flatMap(files_of).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const lines = paths.map((path) => `${sha256(readFileSync(join(web, path)))}  ${path}\n`);
  return sha256(lines.join(""));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(source_digest());
