// The data of the page, opened: the texts, their heads, and the store.
import { open_head, type OpenHead } from "./arithmetic.ts";
import { Numbers, type Matrix } from "./decode.ts";
import type { HeadData, KeptProjection, PageData, TextData } from "./data.ts";
import type { Store } from "./state.ts";

/** The learned matrices of a head. */
export interface Projection {
  query_weight: Matrix;
  key_weight: Matrix;
  query_bias: number[];
  key_bias: number[];
}

function made_once<T>(made: Map<number, T>, index: number, make: () => T): T {
  const found = made.get(index);
  if (found !== undefined) return found;
  const value = make();
  made.set(index, value);
  return value;
}

/** One text: what the page knows of it, opened when asked. */
export class OpenText {
  readonly size: number;
  /** Where a head stands in the data: a page may be of some heads only. */
  private readonly places = new Map<string, number>();
  private readonly heads = new Map<number, OpenHead | null>();
  private readonly inputs = new Map<number, Matrix | null>();
  private readonly projections = new Map<number, Projection | null>();
  private readonly maps: Uint8Array;
  private readonly received: Uint8Array;

  constructor(readonly data: TextData, private readonly numbers: Numbers) {
    this.size = data.tokens.length;
    this.maps = numbers.u8(data.maps);
    this.received = numbers.u8(data.received);
    data.heads.forEach(({ layer, head }, place) => this.places.set(head_name(layer, head), place));
  }

  /** Throws for a head that is not in the page. */
  private index(layer: number, head: number): number {
    const place = this.places.get(head_name(layer, head));
    if (place === undefined) throw new Error(`page: head ${head_name(layer, head)} is not in it`);
    return place;
  }

  has(layer: number, head: number): boolean {
    return this.places.has(head_name(layer, head));
  }

  /** The head, or the one in the page that is nearest: by layer, then in it. */
  nearest(layer: number, head: number, among: readonly HeadData[] = this.data.heads): HeadData | undefined {
    const far = (one: HeadData): number => Math.abs(one.layer - layer) * 1e6 + Math.abs(one.head - head);
    return among.reduce<HeadData | undefined>((best, one) => (best && far(best) <= far(one) ? best : one), undefined);
  }

  head_data(layer: number, head: number): HeadData {
    return this.data.heads[this.index(layer, head)]!;
  }

  /** Whether its rows can be opened. */
  is_kept(layer: number, head: number): boolean {
    return this.data.kept.some((kept) => kept.layer === layer && kept.head === head);
  }

  open(layer: number, head: number): OpenHead | null {
    if (!this.has(layer, head)) return null;
    return made_once(this.heads, this.index(layer, head), () => {
      const kept = this.data.kept.find((one) => one.layer === layer && one.head === head);
      const keys = this.data.kept_keys.find((one) => one.layer === layer && one.key_head === kept?.key_head);
      return kept && keys ? open_head(this.numbers, kept, keys) : null;
    });
  }

  /** What a layer's projections were given, where the page has it. */
  input(layer: number): Matrix | null {
    return made_once(this.inputs, layer, () => {
      const found = this.data.kept_inputs.find((one) => one.layer === layer);
      return found ? this.numbers.stepped(found.input) : null;
    });
  }

  projection(layer: number, head: number): Projection | null {
    return made_once(this.projections, this.index(layer, head), () => {
      const found = this.data.kept_projections.find((one) => one.layer === layer && one.head === head);
      return found ? this.opened(found) : null;
    });
  }

  private opened(found: KeptProjection): Projection {
    return {
      query_weight: this.numbers.stepped(found.query_weight),
      key_weight: this.numbers.stepped(found.key_weight),
      query_bias: found.query_bias,
      key_bias: found.key_bias,
    };
  }

  /** A byte of a head's map: how much the tokens of cell `row` look at those of cell `column`, 0 to 255 (a square root). */
  map_byte(layer: number, head: number, row: number, column: number): number {
    const cells = this.data.map_cells;
    if (!this.data.model.causal) return this.maps[(this.index(layer, head) * cells + row) * cells + column]!;
    if (column > row) return 0;
    return this.maps[this.index(layer, head) * ((cells * (cells + 1)) / 2) + (row * (row + 1)) / 2 + column]!;
  }

  /** Mean weight of the other tokens that see it, in one head. */
  received_by(layer: number, head: number): Float64Array {
    const from = this.index(layer, head) * this.size;
    const most = this.head_data(layer, head).received_max;
    return Float64Array.from(this.received.subarray(from, from + this.size), (byte) => (byte / 255) ** 2 * most);
  }
}

export interface Page {
  data: PageData;
  texts: OpenText[];
  store: Store;
}

/** A part of the page: made once, and told what changed. It asks for no sizes, or the page would be laid out for each answer. */
export interface View {
  root: HTMLElement;
  update: (changed: ReadonlySet<string>) => void;
}

/** "17.5": how the program writes a head too. */
export function head_name(layer: number, head: number): string {
  return `${layer}.${head}`;
}
