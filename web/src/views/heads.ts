// All heads, a small map each: by layer and head, or in the order of a measure; filtered by kind.
import { button, el } from "../dom.ts";
import { draw_map, sink_cells } from "../drawing.ts";
import { entropy_words } from "../format.ts";
import { head_name, type OpenText, type Page, type View } from "../page.ts";
import { text_of } from "../selection.ts";
import type { HeadData } from "../data.ts";
import type { Sort } from "../state.ts";
import { term } from "../terms.ts";
import { pick_head } from "../moves.ts";

/** The letter in the empty corner of a map. */
const badges: Record<string, string> = {
  "previous token": "P",
  self: "S",
  "first token": "F",
  sink: "K",
  "duplicate token": "D",
  induction: "I",
  local: "L",
  broad: "B",
};

/** So many, in an order of their own, are drawn larger. */
const few_heads = 12;

const sorts: [Sort, string][] = [
  ["layer", "layer and head"],
  ["portrait", "strongest portrait"],
  ["entropy", "entropy, least first"],
  ["sink", "weight on the first token"],
];

function rank_of(head: HeadData, sort: Sort): number {
  if (sort === "portrait") return -(head.labels[0]?.kind === "local" ? 0 : (head.labels[0]?.number ?? -1));
  if (sort === "entropy") return head.entropy.rows > 0 ? head.entropy.mean : Infinity;
  return sort === "sink" ? -head.first.mean : 0;
}

export function kind_of(head: HeadData): string {
  return head.labels[0]?.kind ?? "none";
}

/** "17.5: induction 0.79, as if 1.9 tokens" */
export function head_words(text: OpenText, head: HeadData): string {
  const spread = head.entropy.rows > 0 ? ` · ${entropy_words(head.entropy.mean)}` : "";
  const open = text.is_kept(head.layer, head.head) ? "" : " · rows not in this page";
  return `${head_name(head.layer, head.head)} · ${head.summary}${spread}${open}`;
}

export function heads_view(page: Page): View {
  const grid = el("div.heads", { id: "heads", role: "listbox", "aria-label": "Heads" });
  const kinds = el("div.kinds", { role: "group", "aria-label": "Show heads of one kind", "data-control": "kind" });
  const reading = el("p.reading", { "aria-hidden": "true" });
  const sort = sort_select(page);
  const foot = el("div");
  const root = el(
    "section.card.heads-card",
    { "aria-label": "Heads" },
    el("div.card-head", {}, el("h2", {}, term("head", "Heads")), el("label.sort", {}, "by ", sort)),
    kinds,
    reading,
    grid,
    foot,
  );
  const cells = new Cells(page, grid);
  listen(grid, page, (head) => {
    const { state } = page.store;
    reading.textContent = head_words(text_of(page), head ?? text_of(page).head_data(state.layer, state.head));
  });
  return {
    root,
    update(changed) {
      const { state } = page.store;
      const text = text_of(page);
      if (changed.has("text")) {
        fill_kinds(kinds, page);
        foot.replaceChildren(key_line(page));
      }
      if (changed.has("text") || changed.has("sort") || changed.has("kind")) cells.lay_out();
      if (!["text", "layer", "head", "sort", "kind", "sinks"].some((key) => changed.has(key))) return;
      cells.pick();
      sort.value = state.sort;
      for (const one of kinds.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.dataset["value"] === state.kind));
      reading.textContent = head_words(text, text.head_data(state.layer, state.head));
      const sinks = changed.has("sinks") && sink_cells(text_of(page)).size > 0;
      if (changed.has("text") || sinks) cells.draw();
    },
  };
}

function sort_select(page: Page): HTMLSelectElement {
  const select = el("select", { id: "heads-sort", "aria-label": "Sort heads" }, ...sorts.map(([value, text]) => el("option", { value }, text)));
  select.addEventListener("change", () => page.store.change({ sort: select.value as Sort }));
  return select;
}

/** The fewer are marked: the heads that can be opened, or those that cannot. */
function marks_kept(text: OpenText): boolean {
  return 2 * text.data.kept.length <= text.data.heads.length;
}

function key_line(page: Page): HTMLElement {
  const { kept, heads } = text_of(page).data;
  if (kept.length === heads.length) return el("p.note", {}, "Rows look, columns are looked at.");
  const few = marks_kept(text_of(page));
  const words = term("kept head", `${few ? kept.length : heads.length - kept.length} of ${heads.length} heads`);
  return el("p.note", {}, "Rows look, columns are looked at; ", el("span.nowrap", {}, el("span.head-mark", { "aria-hidden": "true" }), words), few ? " can be opened row by row." : " cannot be opened row by row.");
}

function fill_kinds(kinds: HTMLElement, page: Page): void {
  const counts = new Map<string, number>();
  for (const head of text_of(page).data.heads) counts.set(kind_of(head), (counts.get(kind_of(head)) ?? 0) + 1);
  const order = [...Object.keys(badges), "none"].filter((kind) => counts.has(kind));
  const pills = order.map((kind) => {
    const pill = button("", { "data-value": kind, "aria-pressed": "false", class: "pill" }, () =>
      page.store.change({ kind: page.store.state.kind === kind ? null : kind }),
    );
    const letter = badges[kind];
    pill.append(letter ? el("b.badge", { "aria-hidden": "true" }, letter) : "", `${kind} `, el("span.count", {}, String(counts.get(kind))));
    return pill;
  });
  kinds.replaceChildren(...pills);
}

/** The maps; made once a text, moved when the order changes. */
class Cells {
  private cells: HTMLElement[] = [];
  private made_of: OpenText | null = null;
  private picked: HTMLElement | null = null;

  constructor(private readonly page: Page, private readonly grid: HTMLElement) {}

  lay_out(): void {
    const text = text_of(this.page);
    const { sort, kind } = this.page.store.state;
    if (this.made_of !== text) this.make(text);
    const { heads } = text.data;
    this.grid.dataset["sort"] = sort;
    if (sort === "layer") {
      this.cells.forEach((cell, i) => cell.classList.toggle("dim", kind !== null && kind_of(heads[i]!) !== kind));
      this.grid.replaceChildren(...this.by_layer(heads));
      return;
    }
    const order = heads.map((_, i) => i).filter((i) => kind === null || kind_of(heads[i]!) === kind);
    order.sort((a, b) => rank_of(heads[a]!, sort) - rank_of(heads[b]!, sort) || a - b);
    this.cells.forEach((cell) => cell.classList.remove("dim"));
    this.grid.toggleAttribute("data-few", order.length <= few_heads);
    this.grid.replaceChildren(...order.map((i) => this.cells[i]!));
  }

  /** A row a layer, a column a head; a gap where the page has no such head. */
  private by_layer(heads: readonly HeadData[]): HTMLElement[] {
    const axis = (text: string): HTMLElement => el("span.axis", { role: "presentation", "aria-hidden": "true" }, text);
    const rows = [...new Set(heads.map(({ layer }) => layer))];
    const columns = [...new Set(heads.map(({ head }) => head))].sort((a, b) => a - b);
    const cells = new Map(heads.map(({ layer, head }, i) => [head_name(layer, head), this.cells[i]!]));
    this.grid.style.setProperty("--heads", String(columns.length));
    const top = [axis(""), ...columns.map((head) => axis(String(head)))];
    return top.concat(...rows.map((layer) => [axis(String(layer)), ...columns.map((head) => cells.get(head_name(layer, head)) ?? axis(""))]));
  }

  private make(text: OpenText): void {
    const marked = marks_kept(text);
    const square = !text.data.model.causal;
    this.made_of = text;
    this.picked = null;
    this.cells = text.data.heads.map((head) => {
      const name = head_name(head.layer, head.head);
      const letter = badges[kind_of(head)];
      const kept = text.is_kept(head.layer, head.head);
      return el(
        "div.cell",
        {
          role: "option",
          tabindex: -1,
          "aria-selected": "false",
          "aria-label": `head ${name}, ${head.summary}${kept ? "" : ", rows not in this page"}`,
          "data-head": name,
          "data-kind": kind_of(head),
          "data-kept": kept,
          "data-marked": kept === marked,
        },
        el("canvas", { "aria-hidden": "true" }),
        letter ? el(square ? "b.badge.on-map" : "b.badge", { "aria-hidden": "true" }, letter) : null,
        el("span.name", { "aria-hidden": "true" }, name),
      );
    });
  }

  draw(): void {
    const text = text_of(this.page);
    const sinks = this.page.store.state.sinks ? sink_cells(text) : new Set<number>();
    text.data.heads.forEach(({ layer, head }, i) => draw_map(this.cells[i]!.querySelector("canvas")!, text, layer, head, sinks));
  }

  pick(): void {
    const { layer, head } = this.page.store.state;
    const cell = this.cells[text_of(this.page).data.heads.findIndex((one) => one.layer === layer && one.head === head)]!;
    if (cell === this.picked) return;
    const had_focus = this.picked !== null && this.picked === document.activeElement;
    this.picked?.setAttribute("aria-selected", "false");
    if (this.picked) this.picked.tabIndex = -1;
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    if (had_focus) cell.focus({ preventScroll: false });
    this.picked = cell;
  }
}

function head_at(event: Event, page: Page): HeadData | null {
  const cell = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-head]") : null;
  if (!cell) return null;
  const [layer, head] = cell.dataset["head"]!.split(".").map(Number) as [number, number];
  return text_of(page).head_data(layer, head);
}

function listen(grid: HTMLElement, page: Page, hover: (head: HeadData | null) => void): void {
  grid.addEventListener("click", (event) => {
    const head = head_at(event, page);
    if (!head) return;
    pick_head(page, head.layer, head.head);
    grid.querySelector<HTMLElement>("[tabindex='0']")?.focus({ preventScroll: true });
  });
  grid.addEventListener("pointerover", (event) => hover(head_at(event, page)));
  grid.addEventListener("pointerleave", () => hover(null));
}
