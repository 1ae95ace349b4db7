// What the program wrote into a page, read without the page's own code: web/src/data.ts says how it lies there.
import { readFileSync } from "node:fs";

const kElements = { f32: Float32Array, i32: Int32Array, i16: Int16Array, u8: Uint8Array };

function textOf(html, id) {
  const found = html.match(new RegExp(`<script type="[^"]*" id="${id}">([^<]*)</script>`));
  if (found === null) throw new Error(`the page has no element '${id}'`);
  return found[1];
}

export class WrittenPage {
  #numbers;

  constructor(sample) {
    const html = readFileSync(sample.page, "utf8");
    this.data = JSON.parse(textOf(html, "fovea-data"));
    this.#numbers = new Uint8Array(Buffer.from(textOf(html, "fovea-numbers"), "base64"));
  }

  get text() {
    return this.data.texts[0];
  }

  array(block) {
    const Elements = kElements[block.type];
    const count = block.shape.reduce((product, size) => product * size, 1);
    return new Elements(this.#numbers.slice(block.at, block.at + count * Elements.BYTES_PER_ELEMENT).buffer);
  }

  /** Row `row` of vectors in 16-bit steps, in double. */
  vector(vectors, row) {
    const [, size] = vectors.values.shape;
    const step = this.array(vectors.steps)[row];
    return [...this.array(vectors.values).subarray(row * size, (row + 1) * size)].map((value) => value * step);
  }

  kept(layer, head) {
    const found = this.text.kept.find((one) => one.layer === layer && one.head === head);
    if (found === undefined) throw new Error(`head ${layer}.${head} is not kept`);
    return found;
  }

  /** The weight of key j in row i of a kept head, by the definition, in double; 0 where it is hidden. */
  weight(layer, head, i, j) {
    const kept = this.kept(layer, head);
    const keys = this.text.kept_keys.find((one) => one.layer === layer && one.key_head === kept.key_head);
    if (kept.causal && j > i) return 0;
    const query = this.vector(kept.query, i);
    const key = this.vector(keys.key, j);
    let score = query.reduce((sum, number, c) => sum + number * key[c], 0) * kept.scale;
    if (kept.softcap > 0) score = kept.softcap * Math.tanh(score / kept.softcap);
    return Math.exp(score - this.array(kept.row_max)[i]) / this.array(kept.row_sum)[i];
  }
}
