// The runs whose pages are tested: with models that are here anyway, and, where it was fetched, with SmolLM2.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { folder, fovea, foveaJson, hasModel, root } from "./program.mjs";

export const kJourney = "Your journey starts with one step";
export const kRoad =
  "Your journey starts with one step. When the road bends, your journey starts again with one step.";
/** Ends every context that text can stand in, and asks to run in each. */
export const kHostile =
  `</script><script>window.ran=1</script><!--<script>]]></style><style>body{display:none}</style>` +
  `<img src=x onerror="window.ran=2"><svg onload="window.ran=3">javascript:window.ran=4 "' onfocus='window.ran=5' ` +
  `\${window.ran=6} {{7*7}} &lt;b&gt; \u202Eesrever\u202C a\u200Bb\u200D\u2060c\uFEFFd \u2028e\u2029f \u0001g\u001B[31mh\u0085`;
export const kHostileName = `</title><img src=x onerror="window.ran=7">\u202E--><u id="born">Tiny</u>`;

const kLongTokens = 2000;

/** A text of exactly so many tokens: the beginning of the licence, which never changes. */
export function longText(model) {
  const all = readFileSync(join(root, "LICENSE"), "utf8");
  const { tokens } = foveaJson(["tokenize", "-", "--json", "--model", model], all);
  const last = tokens[kLongTokens - 1];
  return Buffer.from(all).subarray(0, last.first_byte + last.byte_count).toString("utf8");
}

/**
 * Returns the samples of one text each, what the page and the JSON are made of: `name`, `model`, `text`, `tokens` (how
 * many are wanted; null = as many as there are), `flags` of the page alone.
 */
function textSamples(tiny, hostile) {
  const samples = [
    { name: "six", model: "built-in", text: kJourney, tokens: 6 },
    { name: "twenty", model: tiny, text: "Your journey begins.", tokens: 20 },
    { name: "long", model: tiny, text: longText(tiny), tokens: kLongTokens },
    { name: "full", model: tiny, text: "To be, or not to be, that is the question.", tokens: 42, flags: ["--full"] },
    { name: "one", model: tiny, text: "a", tokens: 1 },
    { name: "hostile", model: hostile, text: kHostile, tokens: null },
  ];
  if (!hasModel("smollm2")) return samples;
  return [
    ...samples,
    { name: "smollm2_six", model: "smollm2", text: kJourney, tokens: 6 },
    { name: "smollm2_twenty", model: "smollm2", text: kRoad, tokens: 20 },
    { name: "smollm2_long", model: "smollm2", text: longText("smollm2"), tokens: kLongTokens },
  ];
}

function comparisonSamples(tiny) {
  const samples = [
    { name: "compare", model: tiny, word: "bat", texts: ["A bat flew out.", "He swung a bat.", "One bat, two."] },
  ];
  if (!hasModel("smollm2")) return samples;
  const texts = ["At night a bat flew out of the cave.", "The batter swung his bat at the ball."];
  return [...samples, { name: "smollm2_compare", model: "smollm2", word: "bat", texts }];
}

/** All samples, with the files that they have in the folder of pages. */
export function planSamples(tiny, hostile) {
  return [...textSamples(tiny, hostile), ...comparisonSamples(tiny)].map((sample) => ({
    ...sample,
    page: join(folder, `${sample.name}.html`),
    facts: join(folder, `${sample.name}.json`),
  }));
}

export const isComparison = (sample) => sample.texts !== undefined;

/** The arguments, and the standard input, of `fovea explain` for a sample. */
export function commandOf(sample) {
  if (isComparison(sample)) {
    return { args: ["explain", "--compare", sample.word, ...sample.texts, "--model", sample.model], input: "" };
  }
  return { args: ["explain", "-", "--model", sample.model], input: sample.text };
}

const kList = join(folder, "samples.json");
export const listPath = kList;

/** The samples that make_samples.mjs made. */
export function samples() {
  if (!existsSync(kList)) throw new Error(`${kList} is not there; tests/page/make_samples.mjs makes it`);
  return JSON.parse(readFileSync(kList, "utf8"));
}

export const textRuns = () => samples().filter((sample) => !isComparison(sample));
export const comparisons = () => samples().filter(isComparison);

/** The sample of a name, of SmolLM2 where it is here. */
export function best(name) {
  const all = samples();
  const found = all.find((sample) => sample.name === `smollm2_${name}`) ?? all.find((sample) => sample.name === name);
  if (found === undefined) throw new Error(`there is no sample '${name}'`);
  return found;
}

/** What `fovea explain --json` says of a sample. */
export const factsOf = (sample) => JSON.parse(readFileSync(sample.facts, "utf8"));

/** What `fovea explain --at` says of a row: `figures` of its steps, by name, and the row's `entropy` as the text says it. */
export function rowFacts(sample, layer, head, token) {
  const { args, input } = commandOf(sample);
  const { steps } = JSON.parse(fovea([...args, "--at", `${layer}.${head}:${token}`, "--json"], input)).steps;
  const figures = new Map(steps.flatMap((step) => step.figures.map((figure) => [figure.name, figure])));
  const said = steps.map(({ sentence }) => sentence.match(/entropy, ([\d.e-]*\d)/)).find((match) => match !== null);
  return { figures, entropy: said === undefined ? "0" : said[1] };
}
