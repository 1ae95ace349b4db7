// Writes pages of random numbers into out/pages, to look at: npm run build, then npm run pages.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { sample_page, type SampleOptions } from "./sample_page.ts";

const sentence = "Your| journey| starts| with| one| step|.| When| the| road| bends|,| your| journey| starts| again| with| one| step|.".split("|");
const hostile = ["<script>alert(1)</script>", " \u202eevil\u202c", "\u200b", "</style>", "\u0000\u0007", "\n\n", "javascript:", " <!--", "]]>", " \u05e9\u05dc\u05d5\u05dd", " e\u0301", "\t", "\ufeff", "a".repeat(90)];
const bats = ["Out| of| the| dark| cave| flew| a| bat", "In| the| night| sky| flew| a| bat", "To| hit| the| ball| he| swung| a| bat"].map((text) => text.split("|"));

const pages: Record<string, Partial<SampleOptions>> = {
  sentence: { texts: [sentence], layers: 12, heads: 9, key_heads: 3, head_size: 64, hidden_size: 96, rope: "interleaved", kept: 12 },
  small: { texts: [sentence.slice(0, 6)], layers: 1, heads: 1, key_heads: 1, head_size: 2, hidden_size: 3, rope: null, kept: 1 },
  some: { texts: [sentence], layers: 6, only: [1, 9, 10, 22], kept: 2 },
  hostile: { texts: [hostile], causal: false },
  window: { texts: [sentence], window: { left: 4, right: null }, softcap: 20, sink: 0.5, kept: 8 },
  compared: { texts: bats, layers: 6, heads: 12, key_heads: 12, head_size: 32, hidden_size: 64, causal: false, rope: null, kept: 20, compared: [7, 6, 7] },
};

function escaped(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const template = readFileSync("../src/report/page_template.html", "utf8");
mkdirSync("out/pages", { recursive: true });
for (const [name, options] of Object.entries(pages)) {
  const { data, numbers } = sample_page(options);
  const blocks = `<script type="application/json" id="fovea-data">${escaped(JSON.stringify(data))}</script>\n<script type="text/plain" id="fovea-numbers">${numbers}</script>`;
  writeFileSync(`out/pages/${name}.html`, template.replace("<!--fovea:title-->", () => `fovea: ${name}`).replace("<!--fovea:data-->", () => blocks));
}
