// Arrays out of the page's numbers, which stand in it as base64.
import type { Block, SteppedVectors } from "./data.ts";

/** Rows of numbers, one after the other. */
export interface Matrix {
  rows: number;
  size: number;
  values: Float32Array;
}

function bytes_of_base64(text: string): Uint8Array {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function product(shape: number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}

/** The numbers that a page carries; each array is a view into them. The page runs on little-endian machines only, as all
 *  that browsers run on are. */
export class Numbers {
  private readonly buffer: ArrayBuffer;

  constructor(base64: string) {
    this.buffer = bytes_of_base64(base64).buffer as ArrayBuffer;
  }

  f32(block: Block): Float32Array {
    return new Float32Array(this.buffer, block.at, this.checked(block, "f32"));
  }

  i32(block: Block): Int32Array {
    return new Int32Array(this.buffer, block.at, this.checked(block, "i32"));
  }

  u8(block: Block): Uint8Array {
    return new Uint8Array(this.buffer, block.at, this.checked(block, "u8"));
  }

  /** The vectors, a row each, in the float32 nearest to value times step. */
  stepped(vectors: SteppedVectors): Matrix {
    const whole = new Int16Array(this.buffer, vectors.values.at, this.checked(vectors.values, "i16"));
    const steps = this.f32(vectors.steps);
    const [rows = 0, size = 0] = vectors.values.shape;
    const values = new Float32Array(rows * size);
    for (let row = 0; row < rows; ++row) {
      for (let i = row * size; i < (row + 1) * size; ++i) values[i] = whole[i]! * steps[row]!;
    }
    return { rows, size, values };
  }

  private checked(block: Block, type: Block["type"]): number {
    if (block.type !== type) throw new Error(`page: an array of ${block.type}, ${type} is wanted`);
    return product(block.shape);
  }
}

export function row_of(matrix: Matrix, row: number): Float32Array {
  return matrix.values.subarray(row * matrix.size, (row + 1) * matrix.size);
}
