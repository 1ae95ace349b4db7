// What is drawn on canvases: maps of heads, vectors as strips, bars above and below a line.
import { theme_colours } from "./colour.ts";
import { el } from "./dom.ts";
import type { OpenText } from "./page.ts";

/** A canvas in plain memory: these are small, drawn once a pick, and a graphics card's copies of those out of sight can be coarse
 *  when the page is printed or taken as a picture. */
function context_of(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext("2d", { willReadFrequently: true })!;
}

/** Draws with a pen in CSS pixels on an empty canvas of that width and height. */
export type Paint = (pen: CanvasRenderingContext2D, width: number, height: number) => void;

/** What stands on a canvas. */
interface Drawn {
  draw: () => void;
  resize?: (width: number, height: number) => void;
}

const drawings = new WeakMap<Element, Drawn>();

/** Sizes come from here, when the page is laid out: to ask a canvas for its own would lay the page out for the answer. */
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    drawings.get(target)?.resize?.(contentRect.width, contentRect.height);
    if (!target.isConnected) sizes.unobserve(target);
  }
});

/** A canvas that is drawn when the page gives it a size, and again with each other one. */
export class Drawing implements Drawn {
  private width = 0;
  private height = 0;

  constructor(readonly root: HTMLCanvasElement, private readonly paint: Paint) {
    drawings.set(root, this);
    sizes.observe(root);
  }

  resize(width: number, height: number): void {
    [this.width, this.height] = [width, height];
    this.draw();
  }

  /** Draws anew what has changed; nothing while the page does not show it. */
  draw(): void {
    if (this.width === 0 || this.height === 0) return;
    const dense = Math.min(3, devicePixelRatio || 1);
    const [width, height] = [Math.round(this.width * dense), Math.round(this.height * dense)];
    // A size that is set, even the same, makes a new canvas of it.
    if (this.root.width !== width) this.root.width = width;
    if (this.root.height !== height) this.root.height = height;
    const pen = context_of(this.root);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.scale(dense, dense);
    this.paint(pen, this.width, this.height);
  }
}

/** Draws all that is in the page anew: in other colours. */
export function redraw_all(): void {
  for (const canvas of document.querySelectorAll("canvas")) drawings.get(canvas)?.draw();
}

/** Columns of a text's maps that hold a sink. */
export function sink_cells(text: OpenText): Set<number> {
  const sinks = new Set<number>();
  text.data.tokens.forEach(({ sink }, token) => {
    if (sink) sinks.add(Math.floor(token / text.data.map_cell));
  });
  return sinks;
}

/** A mean weight that is full shade even where nothing reaches it: so that a head that looks at sinks alone stays pale. */
const full_shade = 0.15;

/** The largest byte outside the sinks, or one that stands for full_shade. */
function largest_byte(text: OpenText, layer: number, head: number, sinks: Set<number>): number {
  const cells = text.data.map_cells;
  let most = 0;
  for (let row = 0; row < cells; ++row) {
    for (let column = 0; column < cells; ++column) {
      if (!sinks.has(column)) most = Math.max(most, text.map_byte(layer, head, row, column));
    }
  }
  const { map_max } = text.head_data(layer, head);
  const least = map_max > 0 ? 255 * Math.sqrt(Math.min(1, full_shade / map_max)) : 255;
  return Math.max(most, least, 1);
}

/** Draws a head's map, a point a cell; columns of sinks are grey and off the scale. */
export function draw_map(canvas: HTMLCanvasElement, text: OpenText, layer: number, head: number, sinks: Set<number>): void {
  drawings.set(canvas, { draw: () => draw_map(canvas, text, layer, head, sinks) });
  const cells = text.data.map_cells;
  if (canvas.width !== cells) canvas.width = cells;
  if (canvas.height !== cells) canvas.height = cells;
  const pen = context_of(canvas);
  const image = pen.createImageData(cells, cells);
  const { weight, sink } = theme_colours();
  const full = sinks.size > 0 ? largest_byte(text, layer, head, sinks) : 255;
  for (let row = 0; row < cells; ++row) {
    const last = text.data.model.causal ? row : cells - 1;
    for (let column = 0; column <= last; ++column) {
      const byte = text.map_byte(layer, head, row, column);
      const off = sinks.has(column);
      const from = 3 * (off ? byte : Math.min(255, Math.round((byte * 255) / full)));
      const shades = off ? sink : weight;
      const at = 4 * (row * cells + column);
      for (let c = 0; c < 3; ++c) image.data[at + c] = shades[from + c]!;
      image.data[at + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
}

/** A number of a short vector is not drawn wider, in CSS pixels. */
const widest_number = 44;

export interface StripOptions {
  label: string;
  picked?: readonly number[];
  on_pick?: (index: number) => void;
  /** Says what the number under the pointer is; null when none is. */
  on_hover?: (index: number | null) => void;
  /** Values reach full colour here; else at the largest. */
  full?: number;
  /** Bars above and below a line, not shades. */
  bars?: boolean;
}

function largest(vector: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < vector.length; ++i) most = Math.max(most, Math.abs(vector[i]!));
  return most || 1;
}

/** Full colour of a long vector: what all but one in a hundred stay below, or one number would leave the others pale. */
export function most_but_outliers(vector: ArrayLike<number>): number {
  const sizes = Float64Array.from(vector, Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || largest(vector);
}

function draw_strip(pen: CanvasRenderingContext2D, [width, height]: [number, number], vector: ArrayLike<number>, options: StripOptions): void {
  const { signed, hue, accent, ink, line } = theme_colours();
  const full = options.full ?? largest(vector);
  const step = width / vector.length;
  const gap = step > 5 ? 1 : 0;
  if (options.bars) {
    pen.fillStyle = line;
    pen.fillRect(0, height / 2 - 0.5, width, 1);
  }
  for (let i = 0; i < vector.length; ++i) {
    const share = Math.max(-1, Math.min(1, vector[i]! / full));
    if (options.bars) {
      pen.fillStyle = share < 0 ? accent : hue;
      const tall = Math.max(0.75, (Math.abs(share) * height) / 2);
      pen.fillRect(i * step, share < 0 ? height / 2 : height / 2 - tall, Math.max(0.5, step - gap), tall);
    } else {
      pen.fillStyle = signed(share);
      pen.fillRect(i * step, 0, Math.max(0.5, step - gap), height);
    }
  }
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  for (const i of options.picked ?? []) pen.strokeRect(i * step + 0.25, 0.75, Math.max(2, step - gap) - 0.5, height - 1.5);
}

/** A vector as a strip of colours, or of bars. */
export function vector_strip(vector: ArrayLike<number>, options: StripOptions): HTMLElement {
  const canvas = el(options.bars ? "canvas.strip.strip-bars" : "canvas.strip", { role: "img", "aria-label": options.label });
  const index_of = (event: PointerEvent | MouseEvent): number => {
    const at = canvas.getBoundingClientRect();
    return Math.max(0, Math.min(vector.length - 1, Math.floor(((event.clientX - at.left) / at.width) * vector.length)));
  };
  if (options.on_pick) {
    canvas.classList.add("can-pick");
    canvas.addEventListener("click", (event) => options.on_pick!(index_of(event)));
  }
  if (options.on_hover) {
    canvas.addEventListener("pointermove", (event) => options.on_hover!(index_of(event)));
    canvas.addEventListener("pointerleave", () => options.on_hover!(null));
  }
  canvas.style.maxWidth = `${vector.length * widest_number}px`;
  return new Drawing(canvas, (pen, width, height) => draw_strip(pen, [width, height], vector, options)).root;
}
