// The picked head alone: its map large, with the picked row and column, and what its portrait was measured from.
import { theme_colours } from "../colour.ts";
import { el, fill } from "../dom.ts";
import { draw_map, Drawing, sink_cells } from "../drawing.ts";
import { entropy_words, weight_text } from "../format.ts";
import { head_name, type OpenText, type Page, type View } from "../page.ts";
import { selection_of, text_of } from "../selection.ts";
import type { HeadData, RowMean } from "../data.ts";
import { is_term, sentence_of, term, type Term } from "../terms.ts";

const measures: [Term, (head: HeadData) => RowMean][] = [
  ["previous token", (head) => head.previous],
  ["self", (head) => head.self],
  ["first token", (head) => head.first],
  ["duplicate token", (head) => head.duplicate],
  ["induction", (head) => head.induction],
];

export function portrait_view(page: Page): View {
  const title = el("h2");
  const map = el("canvas.big-map", { "aria-hidden": "true" });
  const cross = el("canvas.cross", { role: "img" });
  const frame = el("div.map-frame", {}, map, cross);
  const facts = el("dl.measures");
  const kinds = el("div.kind-sentences");
  const summary = el("p.sub");
  const root = el("section.card.portrait-card", { id: "portrait", "aria-label": "The picked head" }, title, summary, el("div.portrait-body", {}, frame, el("div", {}, facts, kinds)));
  cross.addEventListener("click", (event) => pick_cell(page, cross, event));
  const crossed = new Drawing(cross, (pen, side) => draw_cross(pen, side, page));
  return {
    root,
    update(changed) {
      const { layer, head, sinks } = page.store.state;
      const text = text_of(page);
      const data = text.head_data(layer, head);
      if (["text", "layer", "head"].some((key) => changed.has(key))) {
        fill(title, "Head ", el("span.number", {}, head_name(layer, head)));
        fill(summary, ...summary_of(data));
        fill(facts, ...measures.flatMap(([name, mean]) => measure(name, mean(data))));
        fill(kinds, ...sentences_of(data));
        cross.setAttribute("aria-label", `Map of head ${head_name(layer, head)}: ${data.summary}`);
      }
      if (["text", "layer", "head", "sinks"].some((key) => changed.has(key))) draw_map(map, text, layer, head, sinks ? sink_cells(text) : new Set());
      crossed.draw();
    },
  };
}

/** "induction 0.79 · as if 1.9 tokens", with the words explained. */
export function summary_of(head: HeadData): (Node | string)[] {
  const parts: (Node | string)[] = [];
  for (const { kind, number } of head.labels) {
    if (parts.length > 0) parts.push(" · ");
    parts.push(is_term(kind) ? term(kind) : kind, ` ${kind === "local" ? `${number} tokens` : number.toFixed(2)}`);
  }
  if (head.labels.length === 0) parts.push(term("portrait"), ` ${head.summary}`);
  if (head.entropy.rows > 0) parts.push(" · looks on average ", term("entropy", entropy_words(head.entropy.mean)));
  return parts;
}

/** What its kinds mean. */
function sentences_of(head: HeadData): HTMLElement[] {
  const known = head.labels.map(({ kind }) => kind).filter(is_term);
  if (known.length === 0) return [el("p.note", {}, "No kind names this head.")];
  return known.map((kind) => el("p.note", {}, el("b", {}, kind), ": ", sentence_of(kind)));
}

function measure(name: Term, mean: RowMean): HTMLElement[] {
  const bar = el("span.measure-bar");
  bar.style.setProperty("--share", `${(100 * mean.mean).toFixed(1)}%`);
  const number = mean.rows > 0 ? weight_text(mean.mean) : "–";
  return [el("dt", {}, term(name)), el("dd", {}, bar, el("span.number", {}, number))];
}

function draw_cross(pen: CanvasRenderingContext2D, side: number, page: Page): void {
  const text = text_of(page);
  const { token, column } = page.store.state;
  const { query, key, head } = selection_of(page);
  const { map_cell, map_cells, model } = text.data;
  const size = side / map_cells;
  const at = (index: number): number => Math.floor(index / map_cell) * size;
  pen.strokeStyle = theme_colours().accent;
  pen.lineWidth = 1.5;
  const picked = at(token);
  if (column) {
    const top = model.causal ? picked : 0;
    pen.strokeRect(picked, top, Math.max(2, size), side - top);
  } else pen.strokeRect(0, picked, model.causal ? picked + size : side, Math.max(2, size));
  if (head) {
    pen.lineWidth = 2.5;
    pen.strokeRect(at(key), at(query), Math.max(4, size), Math.max(4, size));
  }
}

function token_of_cell(text: OpenText, share: number): number {
  return Math.min(text.size - 1, Math.floor(share * text.data.map_cells) * text.data.map_cell);
}

/** Picks the row that was clicked, and the key where cells are single tokens. */
function pick_cell(page: Page, canvas: HTMLCanvasElement, event: MouseEvent): void {
  const text = text_of(page);
  const at = canvas.getBoundingClientRect();
  const row = token_of_cell(text, (event.clientY - at.top) / at.height);
  const key = token_of_cell(text, (event.clientX - at.left) / at.width);
  const seen = text.data.map_cell === 1 && (!text.data.model.causal || key <= row);
  const column = page.store.state.column || event.shiftKey;
  if (column) page.store.change({ column, token: key, other: seen ? row : null, dropped: [] });
  else page.store.change({ token: row, other: seen ? key : null, dropped: [] });
}
