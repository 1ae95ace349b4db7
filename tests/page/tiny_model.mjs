// A decoder drawn from a seed, as a .gguf: for pages that need no download. Each byte of a text is a token; so is each of
// some characters that cannot be seen, or a text would never show them whole.
//
// In each layer heads 0 and 2 ask for what they offer (one matrix for query and key), so that they look at their own
// token and its copies; the others look where chance sends them.
import { writeFileSync } from "node:fs";

const kLayers = 3;
const kHidden = 64;
const kHeads = 4;
const kKeyHeads = 2;
const kHeadSize = 16;
const kFeedForward = 32;
const kByteTokens = 256;
const kUnseen = "\u200B\u200D\u2028\u2029\u202C\u202E\u2060\uFEFF";

// Numbers of GGUF's value types.
const kU32 = 4;
const kI32 = 5;
const kF32 = 6;
const kString = 8;
const kArray = 9;
const kAlignment = 32;

function bytesOf(size, write) {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
}
const u32 = (value) => bytesOf(4, (bytes) => bytes.writeUInt32LE(value));
const i32 = (value) => bytesOf(4, (bytes) => bytes.writeInt32LE(value));
const f32 = (value) => bytesOf(4, (bytes) => bytes.writeFloatLE(value));
const u64 = (value) => bytesOf(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value)));
const string = (text) => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
const array = (type, values) => Buffer.concat([u32(type), u64(values.length), ...values]);
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc((kAlignment - (bytes.length % kAlignment)) % kAlignment)]);

/** GPT-2's spelling of a byte: itself where it prints, else a letter from U+0100 on. */
function spelling(byte) {
  const prints = (b) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  if (prints(byte)) return String.fromCodePoint(byte);
  let before = 0;
  for (let b = 0; b < byte; ++b) before += prints(b) ? 0 : 1;
  return String.fromCodePoint(0x100 + before);
}

/** Returns a function that draws from a normal distribution (mulberry32 and Box-Muller): the same numbers everywhere. */
function normal(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

class Gguf {
  #keys = [];
  #infos = [];
  #data = [];
  #dataSize = 0;

  key(name, type, value) {
    this.#keys.push(Buffer.concat([string(name), u32(type), value]));
  }
  /** Sizes with the innermost axis first, as GGUF has them; values are a Float32Array. */
  tensor(name, sizes, values) {
    const f32Type = 0;
    this.#infos.push(
      Buffer.concat([string(name), u32(sizes.length), ...sizes.map(u64), u32(f32Type), u64(this.#dataSize)]),
    );
    const data = padded(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    this.#data.push(data);
    this.#dataSize += data.length;
  }
  file() {
    const head = [Buffer.from("GGUF"), u32(3), u64(this.#infos.length), u64(this.#keys.length)];
    return Buffer.concat([padded(Buffer.concat([...head, ...this.#keys, ...this.#infos])), ...this.#data]);
  }
}

function addFacts(gguf, name) {
  gguf.key("general.architecture", kString, string("llama"));
  gguf.key("general.name", kString, string(name));
  const sizes = {
    block_count: kLayers,
    context_length: 4096,
    embedding_length: kHidden,
    feed_forward_length: kFeedForward,
    "attention.head_count": kHeads,
    "attention.head_count_kv": kKeyHeads,
    "attention.key_length": kHeadSize,
    "rope.dimension_count": kHeadSize,
  };
  for (const [key, size] of Object.entries(sizes)) gguf.key(`llama.${key}`, kU32, u32(size));
  gguf.key("llama.rope.freq_base", kF32, f32(10000));
  gguf.key("llama.attention.layer_norm_rms_epsilon", kF32, f32(1e-5));
}

/** The pieces by id: bytes, then what merges make of the three bytes of each unseen character, then the end of a text. */
function vocabulary() {
  const pieces = Array.from({ length: kByteTokens }, (_, byte) => spelling(byte));
  const merges = [];
  for (const character of kUnseen) {
    const [first, second, third] = [...Buffer.from(character)].map(spelling);
    for (const [left, right] of [[first, second], [first + second, third]]) {
      if (pieces.includes(left + right)) continue;
      merges.push(`${left} ${right}`);
      pieces.push(left + right);
    }
  }
  return { pieces: [...pieces, "<|endoftext|>"], merges };
}

function addTokenizer(gguf, { pieces, merges }) {
  const [normalToken, control] = [1, 3];
  const types = pieces.map((_, id) => i32(id === pieces.length - 1 ? control : normalToken));
  gguf.key("tokenizer.ggml.model", kString, string("gpt2"));
  gguf.key("tokenizer.ggml.pre", kString, string("smollm"));
  gguf.key("tokenizer.ggml.tokens", kArray, array(kString, pieces.map(string)));
  gguf.key("tokenizer.ggml.token_type", kArray, array(kI32, types));
  gguf.key("tokenizer.ggml.merges", kArray, array(kString, merges.map(string)));
}

function addLayer(gguf, index, draw) {
  const prefix = `blk.${index}.`;
  const keyRows = kKeyHeads * kHeadSize;
  const ones = new Float32Array(kHidden).fill(1);
  const query = draw(kHeads * kHeadSize * kHidden, 0.2);
  const key = draw(keyRows * kHidden, 0.2);
  const headNumbers = kHeadSize * kHidden;
  for (let keyHead = 0; keyHead < kKeyHeads; ++keyHead) {
    const first = (keyHead * kHeads) / kKeyHeads;
    query.set(key.subarray(keyHead * headNumbers, (keyHead + 1) * headNumbers), first * headNumbers);
  }
  gguf.tensor(`${prefix}attn_norm.weight`, [kHidden], ones);
  gguf.tensor(`${prefix}ffn_norm.weight`, [kHidden], ones);
  gguf.tensor(`${prefix}attn_q.weight`, [kHidden, kHeads * kHeadSize], query);
  gguf.tensor(`${prefix}attn_k.weight`, [kHidden, keyRows], key);
  gguf.tensor(`${prefix}attn_v.weight`, [kHidden, keyRows], draw(keyRows * kHidden, 0.1));
  gguf.tensor(`${prefix}attn_output.weight`, [kHeads * kHeadSize, kHidden], draw(kHeads * kHeadSize * kHidden, 0.1));
  gguf.tensor(`${prefix}ffn_gate.weight`, [kHidden, kFeedForward], draw(kFeedForward * kHidden, 0.1));
  gguf.tensor(`${prefix}ffn_up.weight`, [kHidden, kFeedForward], draw(kFeedForward * kHidden, 0.1));
  gguf.tensor(`${prefix}ffn_down.weight`, [kFeedForward, kHidden], draw(kFeedForward * kHidden, 0.1));
}

/** Writes the model, `name` being what it calls itself, to a path that ends in .gguf. */
export function writeTinyModel(path, name) {
  const next = normal(7);
  const draw = (count, scale) => Float32Array.from({ length: count }, () => scale * next());
  const gguf = new Gguf();
  addFacts(gguf, name);
  const words = vocabulary();
  const tokens = words.pieces.length;
  addTokenizer(gguf, words);
  gguf.tensor("token_embd.weight", [kHidden, tokens], draw(tokens * kHidden, 1));
  gguf.tensor("output.weight", [kHidden, tokens], draw(tokens * kHidden, 0.2));
  gguf.tensor("output_norm.weight", [kHidden], new Float32Array(kHidden).fill(1));
  for (let layer = 0; layer < kLayers; ++layer) addLayer(gguf, layer, draw);
  writeFileSync(path, gguf.file());
}
