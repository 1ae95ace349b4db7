// What the program writes into the page: the one statement of the page's data (the C++ side is src/report/page_data.cc).
//
// In the page stand <script type="application/json" id="fovea-data"> with a PageData, in which <, >, &, U+2028 and U+2029
// are \u escapes, and <script type="text/plain" id="fovea-numbers"> with the base64 of all arrays, one after the other.
// Layers, heads and tokens count from 0.

/** An array in the numbers: little-endian, from byte `at` (a multiple of 4) on, row-major. */
export interface Block {
  at: number;
  type: "f32" | "i32" | "i16" | "u8";
  shape: number[];
}

/** Vectors in 16-bit steps: number [row, i] = values[row, i] * steps[row]. */
export interface SteppedVectors {
  values: Block; // i16 [rows, size]
  steps: Block; // f32 [rows]
}

export interface ModelData {
  family: string;
  name: string;
  origin: string;
  weights: string; // how the file stores them: "Q4_1, F32"
  layers: number;
  heads: number;
  key_heads: number;
  head_size: number;
  hidden_size: number;
  vocabulary: number;
  context_length: number;
  parameters: number;
  causal: boolean;
  rope: null | { layout: RopeData["layout"]; base: number | null }; // of all layers; base null: see RopeData.angles
}

/** Pair i of a vector at position p is turned by p * angles[i] radians; numbers after the pairs are not turned. */
export interface RopeData {
  layout: "half_split" | "interleaved";
  angles: number[]; // at most head_size / 2
}

export interface TokenData {
  id: number;
  text: string; // bytes that are no whole character are named, as ⟨F0 9F⟩: here, and in every other text
  piece: string;
  bytes: [number, number]; // first, after the last
  received: number; // mean weight from other tokens that see it, over the heads
  sink: boolean;
}

export interface RowMean {
  mean: number;
  rows: number; // 0: not measured
}

/** As in `fovea explain --json`, without the map. */
export interface HeadData {
  layer: number;
  head: number;
  summary: string;
  labels: { kind: string; number: number }[]; // the strongest first; kinds: previous token, self, first token, sink, ...
  previous: RowMean;
  self: RowMean;
  first: RowMean;
  duplicate: RowMean;
  induction: RowMean;
  entropy: RowMean;
  breadth: RowMean;
  local_width: number;
  /** Byte b of the head's map or received stands for (b / 255)^2 times this. */
  map_max: number;
  received_max: number;
}

/** A head whose every weight can be computed again: w(i, j) = exp(scale * q_i . k_j - row_max[i]) / row_sum[i]. */
export interface KeptHead {
  layer: number;
  head: number;
  key_head: number;
  scale: number;
  /** Keys that row i sees: with causal up to i; with a window, i - left to i + right (null = without bound). */
  causal: boolean;
  window: null | { left: number | null; right: number | null };
  softcap: number; // 0 = none; else s = softcap * tanh(s / softcap) after the scale
  sink: number | null; // one more logit in the row's softmax
  rope: number | null; // place in TextData.ropes; null: not turned, or nobody knows how
  projected: boolean; // q and k are x . W + b, then turned: see KeptProjection, kept or not; false: made otherwise, or unknown
  query: SteppedVectors; // [tokens, head_size], with RoPE turned
  row_max: Block; // f32 [tokens], natural units
  row_sum: Block; // f32 [tokens]
  entropy: Block; // f32 [tokens], nats
  top_keys: Block; // i32 [tokens, 8], -1 = the row sees fewer
  top_weights: Block; // f32 [tokens, 8], by falling weight: the fused call's own
  deviation: Block | null; // f32 [tokens]: of the top weights from float64
}

export interface KeptKeys {
  layer: number;
  key_head: number;
  key: SteppedVectors; // [tokens, head_size]
  value: SteppedVectors; // [tokens, value_size]
}

/** What a layer's projections were given (after its norm). */
export interface KeptInput {
  layer: number;
  input: SteppedVectors; // [tokens, hidden_size]
}

/** q = input . W + b before it is turned: row c of a weight makes number c. */
export interface KeptProjection {
  layer: number;
  head: number;
  query_weight: SteppedVectors; // [head_size, hidden_size]
  key_weight: SteppedVectors;
  query_bias: number[]; // [head_size], or empty
  key_bias: number[];
}

export interface Guess {
  text: string;
  probability: number;
}

/** One text, explained. */
export interface TextData {
  model: ModelData;
  text: string;
  tokens: TokenData[];
  ropes: RopeData[]; // of the heads kept, each once
  heads: HeadData[]; // by layer, then head
  map_cell: number; // tokens to a side of a cell
  map_cells: number; // cells to a side
  /** u8 [heads, cells * (cells + 1) / 2] of a causal model (row r has r + 1 cells), else [heads, cells, cells]: weight of a
   *  cell's queries on its keys, see map_max. */
  maps: Block;
  received: Block; // u8 [heads, tokens]: mean weight of the other tokens that see it, see received_max
  telling: { layer: number; head: number }[];
  guesses: Guess[]; // after the last token
  row_guesses: Guess[][] | null; // after each token, three, or one where there is little room; null = not kept
  kept: KeptHead[]; // the most telling first
  kept_keys: KeptKeys[];
  kept_inputs: KeptInput[];
  kept_projections: KeptProjection[];
}

/** As in `fovea explain --compare --json`. */
export interface ComparisonData {
  model: { name: string; origin: string };
  word: string;
  texts: { text: string; tokens: string[]; token: number }[];
  pairs: { texts: [number, number]; cosines: number[] }[]; // after the embeddings, each layer, the model's end
  farthest: number;
  heads: {
    layer: number;
    head: number;
    share: number;
    in_a: { token: number; text: string; weight: number }[];
    in_b: { token: number; text: string; weight: number }[];
  }[];
  same_past: boolean;
  starts_and_journey: { by_hand: number; embedding: number | null; in_the_end: number | null };
}

export interface PageData {
  version: 1;
  program: string; // "fovea 0.1.0"
  texts: TextData[]; // one, or those of the comparison
  comparison: ComparisonData | null;
}
