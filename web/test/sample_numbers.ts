// The page's numbers in the making: random ones that are the same each time, and arrays written one after the other.
import type { Block, SteppedVectors } from "../src/data.ts";

/** Source: Tommy Ettinger's mulberry32. */
export function random_numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Of mean 0 and about the given spread. */
export function random_matrix(random: () => number, rows: number, size: number, spread: number): Float64Array[] {
  const one = (): number => (random() + random() + random() - 1.5) * 2 * spread;
  return Array.from({ length: rows }, () => Float64Array.from({ length: size }, one));
}

export class NumberWriter {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  f32(values: readonly number[], shape: number[]): Block {
    return this.add(Float32Array.from(values), "f32", shape);
  }

  i32(values: readonly number[], shape: number[]): Block {
    return this.add(Int32Array.from(values), "i32", shape);
  }

  u8(values: readonly number[], shape: number[]): Block {
    return this.add(Uint8Array.from(values), "u8", shape);
  }

  stepped(rows: readonly Float64Array[]): SteppedVectors {
    const size = rows[0]?.length ?? 0;
    const steps = rows.map((row) => Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 32767 || 1));
    const whole = rows.flatMap((row, i) => Array.from(row, (value) => Math.round(value / steps[i]!)));
    return { values: this.add(Int16Array.from(whole), "i16", [rows.length, size]), steps: this.f32(steps, [rows.length]) };
  }

  base64(): string {
    return Buffer.concat(this.parts).toString("base64");
  }

  private add(values: Float32Array | Int32Array | Int16Array | Uint8Array, type: Block["type"], shape: number[]): Block {
    const bytes = new Uint8Array(values.buffer);
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const at = this.size;
    this.parts.push(padded);
    this.size += padded.length;
    return { at, type, shape };
  }
}
