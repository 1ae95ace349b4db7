// Pages of random numbers that are consistent: weights are softmax of the very q and k, so that the page's arithmetic can be
// tested without a model. The same bytes each time.
import type { HeadData, KeptHead, KeptInput, KeptKeys, KeptProjection, PageData, RowMean, TextData } from "../src/data.ts";
import { pair_of, type PairLayout } from "../src/turning.ts";
import { NumberWriter, random_matrix, random_numbers } from "./sample_numbers.ts";

export interface SampleOptions {
  texts: string[][];
  layers: number;
  heads: number;
  key_heads: number;
  head_size: number;
  hidden_size: number;
  causal: boolean;
  window: KeptHead["window"];
  softcap: number;
  sink: number | null;
  rope: PairLayout | null;
  /** The heads that are in the page, by their place; null: all. */
  only: number[] | null;
  /** How many heads, from head 0 of layer 0 on, keep their rows. */
  kept: number;
  compared: number[] | null;
}

export const usual: SampleOptions = {
  texts: ["Your| journey| starts| with| one| step|.".split("|")],
  layers: 2,
  heads: 4,
  key_heads: 2,
  head_size: 8,
  hidden_size: 12,
  causal: true,
  window: null,
  softcap: 0,
  sink: null,
  rope: "half_split",
  only: null,
  kept: 3,
  compared: null,
};

/** A row as the fused call makes it. */
export interface SampleRow {
  scores: Float64Array;
  weights: Float64Array;
  max: number;
  sum: number;
}

export interface Sample {
  data: PageData;
  numbers: string;
  /** rows[text][kept head][query] */
  rows: SampleRow[][][];
}

const top_keys = 8;

function turned(vectors: readonly Float64Array[], angles: readonly number[], layout: PairLayout): Float64Array[] {
  return vectors.map((vector, position) => {
    const after = Float64Array.from(vector);
    angles.forEach((angle, pair) => {
      const [a, b] = pair_of(layout, pair, angles.length);
      const [cos, sin] = [Math.cos(position * angle), Math.sin(position * angle)];
      after[a] = vector[a]! * cos - vector[b]! * sin;
      after[b] = vector[b]! * cos + vector[a]! * sin;
    });
    return after;
  });
}

function product(inputs: readonly Float64Array[], weight: readonly Float64Array[], bias: readonly number[]): Float64Array[] {
  return inputs.map((input) => Float64Array.from(weight, (row, c) => row.reduce((sum, value, d) => sum + value * input[d]!, bias[c] ?? 0)));
}

function sees(options: SampleOptions, query: number, key: number): boolean {
  if (options.causal && key > query) return false;
  const { left = null, right = null } = options.window ?? {};
  return (left === null || key >= query - left) && (right === null || key <= query + right);
}

function attended(options: SampleOptions, q: Float64Array, k: readonly Float64Array[], query: number): SampleRow {
  const scale = 1 / Math.sqrt(q.length);
  const scores = Float64Array.from(k, (key, j) => {
    const score = scale * key.reduce((sum, value, c) => sum + value * q[c]!, 0);
    const bent = options.softcap > 0 ? options.softcap * Math.tanh(score / options.softcap) : score;
    return sees(options, query, j) ? bent : -Infinity;
  });
  const sink = options.sink ?? -Infinity;
  const max = scores.reduce((a, b) => Math.max(a, b), sink);
  const sum = scores.reduce((all, score) => all + Math.exp(score - max), Math.exp(sink - max));
  return { scores, weights: scores.map((score) => Math.exp(score - max) / sum), max, sum };
}

function mean_of(rows: readonly SampleRow[], key_of: (query: number) => number): RowMean {
  const seen = rows.map((row, query) => row.weights[key_of(query)] ?? 0).slice(1);
  return { mean: seen.reduce((a, b) => a + b, 0) / Math.max(1, seen.length), rows: seen.length };
}

function entropy_of(row: SampleRow): number {
  return row.weights.reduce((sum, weight) => (weight > 0 ? sum - weight * Math.log(weight) : sum), 0);
}

const none: RowMean = { mean: 0, rows: 0 };

function head_data(layer: number, head: number, rows: readonly SampleRow[], map_max: number, received_max: number): HeadData {
  const [previous, self, first] = [mean_of(rows, (query) => query - 1), mean_of(rows, (query) => query), mean_of(rows, () => 0)];
  const kinds: [string, RowMean][] = [["previous token", previous], ["self", self], ["first token", first]];
  const labels = kinds.filter(([, { mean }]) => mean > 0.35).map(([kind, { mean }]) => ({ kind, number: mean }));
  const entropy = rows.map(entropy_of).reduce((a, b) => a + b, 0) / rows.length;
  return {
    layer,
    head,
    summary: labels.length > 0 ? labels.map(({ kind, number }) => `${kind} ${number.toFixed(2)}`).join(", ") : "none; spread",
    labels,
    previous,
    self,
    first,
    duplicate: none,
    induction: none,
    entropy: { mean: entropy, rows: rows.length },
    breadth: none,
    local_width: 0,
    map_max,
    received_max,
  };
}

/** Mean weight that each token gets from the others that see it. */
function received_of(rows: readonly SampleRow[], options: SampleOptions): number[] {
  return rows.map((_, key) => {
    const others = rows.filter((_row, query) => query !== key && sees(options, query, key));
    return others.length > 0 ? others.reduce((sum, row) => sum + row.weights[key]!, 0) / others.length : 0;
  });
}

function byte_of(value: number, full: number): number {
  return full > 0 ? Math.round(255 * Math.sqrt(value / full)) : 0;
}

/** One head of one text, with all that may be kept of it. */
interface MadeHead {
  layer: number;
  head: number;
  q: Float64Array[];
  rows: SampleRow[];
}

/** Writes one text of a sample. */
class TextWriter {
  private readonly random: () => number;
  private readonly angles: number[] | null;
  private made: MadeHead[] = [];
  private readonly keys: { layer: number; key_head: number; key: Float64Array[]; value: Float64Array[] }[] = [];
  private readonly inputs: { layer: number; input: Float64Array[] }[] = [];
  private readonly projections: { layer: number; head: number; query: Float64Array[]; key: Float64Array[] }[] = [];

  constructor(private readonly options: SampleOptions, private readonly tokens: readonly string[], private readonly out: NumberWriter, seed: number) {
    this.random = random_numbers(seed);
    const pairs = options.head_size / 2;
    this.angles = options.rope ? Array.from({ length: pairs }, (_, i) => 100 ** (-i / pairs)) : null;
    for (let layer = 0; layer < options.layers; ++layer) this.make_layer(layer);
    if (options.only) this.made = options.only.map((place) => this.made[place]!);
  }

  private turned(vectors: Float64Array[]): Float64Array[] {
    return this.angles && this.options.rope ? turned(vectors, this.angles, this.options.rope) : vectors;
  }

  private make_layer(layer: number): void {
    const { head_size, hidden_size, heads, key_heads } = this.options;
    const input = random_matrix(this.random, this.tokens.length, hidden_size, 1);
    this.inputs.push({ layer, input });
    const spread = 1.4 / Math.sqrt(hidden_size);
    const weight = (): Float64Array[] => random_matrix(this.random, head_size, hidden_size, spread);
    const group = Array.from({ length: key_heads }, () => ({ key: weight(), value: weight() }));
    group.forEach(({ key, value }, key_head) => this.keys.push({ layer, key_head, key: this.turned(product(input, key, [])), value: product(input, value, []) }));
    for (let head = 0; head < heads; ++head) {
      const key_head = Math.floor(head / (heads / key_heads));
      const query = weight();
      this.projections.push({ layer, head, query, key: group[key_head]!.key });
      const q = this.turned(product(input, query, []));
      const { key } = this.keys[layer * key_heads + key_head]!;
      this.made.push({ layer, head, q, rows: q.map((vector, at) => attended(this.options, vector, key, at)) });
    }
  }

  rows(): SampleRow[][] {
    return this.made.slice(0, this.options.kept).map(({ rows }) => rows);
  }

  private kept_head({ layer, head, q, rows }: MadeHead): KeptHead {
    const { heads, key_heads, head_size, causal, window, softcap, sink } = this.options;
    const top = rows.map(({ weights }) => Array.from(weights.keys()).filter((key) => weights[key]! > 0).sort((a, b) => weights[b]! - weights[a]!).slice(0, top_keys));
    const padded = top.flatMap((keys) => [...keys, ...Array<number>(top_keys - keys.length).fill(-1)]);
    const weights = padded.map((key, at) => (key < 0 ? 0 : rows[Math.floor(at / top_keys)]!.weights[key]!));
    const count = rows.length;
    return {
      layer,
      head,
      key_head: Math.floor(head / (heads / key_heads)),
      scale: 1 / Math.sqrt(head_size),
      causal,
      window,
      softcap,
      sink,
      rope: this.angles ? 0 : null,
      projected: true,
      query: this.out.stepped(q),
      row_max: this.out.f32(rows.map(({ max }) => max), [count]),
      row_sum: this.out.f32(rows.map(({ sum }) => sum), [count]),
      entropy: this.out.f32(rows.map(entropy_of), [count]),
      top_keys: this.out.i32(padded, [count, top_keys]),
      top_weights: this.out.f32(weights, [count, top_keys]),
      deviation: this.out.f32(rows.map(() => 2e-8), [count]),
    };
  }

  private map_of({ rows }: MadeHead): number[] {
    return rows.flatMap(({ weights }, query) => Array.from(weights.subarray(0, this.options.causal ? query + 1 : weights.length)));
  }

  text(): TextData {
    const { options, out, tokens } = this;
    const kept = this.made.slice(0, options.kept);
    const received = this.made.map(({ rows }) => received_of(rows, options));
    const mean = tokens.map((_, token) => received.reduce((sum, one) => sum + one[token]!, 0) / received.length);
    const maps = this.made.map((head) => this.map_of(head));
    const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
    const kept_keys: KeptKeys[] = this.keys.map(({ layer, key_head, key, value }) => ({ layer, key_head, key: out.stepped(key), value: out.stepped(value) }));
    const kept_inputs: KeptInput[] = this.inputs.map(({ layer, input }) => ({ layer, input: out.stepped(input) }));
    const kept_projections: KeptProjection[] = this.projections
      .slice(0, options.kept)
      .map(({ layer, head, query, key }) => ({ layer, head, query_weight: out.stepped(query), key_weight: out.stepped(key), query_bias: [], key_bias: [] }));
    const { layers, heads, key_heads, head_size, hidden_size, causal } = options;
    let at = 0;
    return {
      model: {
        family: "sample",
        name: "random numbers",
        origin: "test/sample_page.ts",
        weights: "F64",
        layers,
        heads,
        key_heads,
        head_size,
        hidden_size,
        vocabulary: 100,
        context_length: 4096,
        parameters: 1000,
        causal,
        rope: options.rope ? { layout: options.rope, base: 100 } : null,
      },
      text: tokens.join(""),
      tokens: tokens.map((text, id) => ({ id, text, piece: text, bytes: [at, (at += text.length)], received: mean[id]!, sink: mean[id]! > 0.4 })),
      ropes: options.rope && this.angles ? [{ layout: options.rope, angles: this.angles }] : [],
      heads: this.made.map(({ layer, head, rows }, i) => head_data(layer, head, rows, most(maps[i]!), most(received[i]!))),
      map_cell: 1,
      map_cells: tokens.length,
      maps: out.u8(maps.flatMap((map) => map.map((value) => byte_of(value, most(map)))), [maps.length, maps[0]!.length]),
      received: out.u8(received.flatMap((one) => one.map((value) => byte_of(value, most(one)))), [received.length, tokens.length]),
      telling: kept.map(({ layer, head }) => ({ layer, head })),
      guesses: causal ? [{ text: " again", probability: 0.3 }] : [],
      row_guesses: causal ? tokens.map(() => [{ text: " again", probability: 0.31 }, { text: ".", probability: 0.2 }]) : null,
      kept: kept.map((head) => this.kept_head(head)),
      kept_keys,
      kept_inputs,
      kept_projections,
    };
  }
}

function comparison_of(options: SampleOptions, words: readonly number[]): PageData["comparison"] {
  const random = random_numbers(99);
  const pairs = options.texts.flatMap((_, a) => options.texts.slice(a + 1).map((_text, b): [number, number] => [a, a + 1 + b]));
  const look = (text: number): { token: number; text: string; weight: number }[] => [{ token: 1, text: options.texts[text]![1] ?? "", weight: random() }];
  return {
    model: { name: "random numbers", origin: "test/sample_page.ts" },
    word: options.texts[0]![words[0]!]!.trim(),
    texts: options.texts.map((tokens, i) => ({ text: tokens.join(""), tokens, token: words[i]! })),
    pairs: pairs.map((texts) => ({ texts, cosines: Array.from({ length: options.layers + 2 }, (_, i) => 1 - 0.05 * i * random()) })),
    farthest: 0,
    heads: Array.from({ length: 4 }, (_, head) => ({ layer: 0, head, share: 0.3 - 0.08 * head, in_a: look(0), in_b: look(1) })),
    same_past: false,
    starts_and_journey: { by_hand: 0.9997, embedding: null, in_the_end: null },
  };
}

export function sample_page(changes: Partial<SampleOptions> = {}): Sample {
  const options = { ...usual, ...changes };
  const out = new NumberWriter();
  const writers = options.texts.map((tokens, i) => new TextWriter(options, tokens, out, 7 + i));
  const data: PageData = {
    version: 1,
    program: "fovea 0.0.0",
    texts: writers.map((writer) => writer.text()),
    comparison: options.compared ? comparison_of(options, options.compared) : null,
  };
  return { data, numbers: out.base64(), rows: writers.map((writer) => writer.rows()) };
}
