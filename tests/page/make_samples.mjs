// Makes the pages that the tests open, and the JSON that they are held against. Before the other tests of this folder.
import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { folder, fovea } from "./program.mjs";
import { commandOf, isComparison, kHostileName, listPath, planSamples } from "./samples.mjs";
import { writeTinyModel } from "./tiny_model.mjs";

mkdirSync(folder, { recursive: true });
const tiny = join(folder, "tiny.gguf");
const hostile = join(folder, "hostile.gguf");
writeTinyModel(tiny, "Tiny");
writeTinyModel(hostile, kHostileName);

const planned = planSamples(tiny, hostile);
for (const sample of planned) {
  const { args, input } = commandOf(sample);
  console.log(`${sample.name}: ${fovea([...args, "--html", sample.page, ...(sample.flags ?? [])], input).trim()}`);
  const json = fovea([...args, "--json"], input);
  writeFileSync(sample.facts, json);
  const facts = JSON.parse(json);
  if (!isComparison(sample) && sample.tokens !== null) assert.equal(facts.tokens.length, sample.tokens, sample.name);
  // The goal of the page's size: 4 MB at 2,000 tokens.
  if (!sample.flags) assert.ok(statSync(sample.page).size <= 4e6, `${sample.page} has ${statSync(sample.page).size} bytes`);
}
writeFileSync(listPath, JSON.stringify(planned));
