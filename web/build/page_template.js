// The last steps of the build: one file, whose Content-Security-Policy names its own script and style, where the C++ build
// finds it.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { source_digest } from "./source_digest.js";

function source_of(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** Returns what stands between the tags of the one element of that kind, and the page without the element. */
function taken(html, pattern, what) {
  const found = [...html.matchAll(pattern)];
  if (found.length !== 1) throw new Error(`page_template: ${found.length} ${what} elements, one is wanted`);
  return { body: found[0][1], rest: html.replace(found[0][0], () => "") };
}

function finished(html) {
  const script = taken(html, /[ \t]*<script type="module"[^>]*>([^]*?)<\/script>\n?/g, "script");
  const style = taken(script.rest, /[ \t]*<style[^>]*>([^]*?)<\/style>\n?/g, "style");
  const policy =
    `default-src 'none'; script-src ${source_of(script.body)}; style-src ${source_of(style.body)}; ` +
    "base-uri 'none'; form-action 'none'";
  const head =
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n` +
    `<meta name="fovea-sources" content="sha256-${source_digest()}">\n`;
  // The data come before the script, which is a module: it runs when the whole page is read.
  return style.rest
    .replace("<!--fovea:head-->\n", () => `${head}<style>${style.body}</style>\n`)
    .replace("</body>", () => `<script type="module">${script.body}</script>\n</body>`);
}

/** Writes the finished page to `file` instead of what the build would write. */
export function page_template(file) {
  return {
    name: "fovea-page-template",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      const others = Object.keys(bundle).filter((name) => name !== "index.html");
      if (!page || others.length > 0) throw new Error(`page_template: files beside the page: ${others.join(", ")}`);
      const html = finished(String(page.source));
      for (const mark of ["<!--fovea:title-->", "<!--fovea:data-->"]) {
        if (html.split(mark).length !== 2) throw new Error(`page_template: ${mark} must stand in the page once`);
      }
      writeFileSync(resolve(file), html);
      delete bundle["index.html"];
    },
  };
}
