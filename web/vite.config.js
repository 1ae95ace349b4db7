// One page, nothing beside it: script and style are put into the HTML.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { page_template } from "./build/page_template.js";

const web = dirname(fileURLToPath(import.meta.url));

export default defineConfig({
  root: web,
  build: {
    target: "es2022",
    outDir: "out/build",
    modulePreload: false,
    cssMinify: true,
    minify: "esbuild",
    reportCompressedSize: false,
  },
  esbuild: { legalComments: "none", charset: "utf8" },
  plugins: [viteSingleFile(), page_template(resolve(web, "../src/report/page_template.html"))],
});
