// The keys. Arrows move in the list that has the focus; elsewhere they move the token and the key.
import { pick_head, pick_token, step_head, step_layer, step_other, toggle_dropped } from "./moves.ts";
import type { Page } from "./page.ts";
import { selection_of, text_of } from "./selection.ts";

interface KeyLine {
  shown: string[];
  does: string;
}

export const key_list: readonly KeyLine[] = [
  { shown: ["←", "→"], does: "the token before, after" },
  { shown: ["↑", "↓"], does: "the other end: by falling weight" },
  { shown: ["Home", "End"], does: "the first, the last token" },
  { shown: ["[", "]"], does: "the head before, after" },
  { shown: ["Page Up", "Page Down"], does: "the layer before, after" },
  { shown: [",", "."], does: "the step before, after" },
  { shown: ["c"], does: "column: who looks at it; and back" },
  { shown: ["w"], does: "to what if" },
  { shown: ["x"], does: "what if: drop the picked key, or put it back" },
  { shown: ["t"], does: "the table of all weights" },
  { shown: ["/"], does: "find a token" },
  { shown: ["s"], does: "sinks on or off the scale" },
  { shown: ["?"], does: "these keys" },
];

function step_walk(by: number): void {
  document.getElementById(by < 0 ? "step-back" : "step-on")?.click();
}

/** What each key does, wherever the focus is (but not in a field). */
function actions(page: Page, open_help: () => void): Record<string, () => void> {
  const { store } = page;
  return {
    ArrowLeft: () => pick_token(page, store.state.token - 1),
    ArrowRight: () => pick_token(page, store.state.token + 1),
    ArrowUp: () => step_other(page, -1),
    ArrowDown: () => step_other(page, 1),
    Home: () => pick_token(page, 0),
    End: () => pick_token(page, text_of(page).size - 1),
    "[": () => step_head(page, -1),
    "]": () => step_head(page, 1),
    PageUp: () => step_layer(page, -1),
    PageDown: () => step_layer(page, 1),
    ",": () => step_walk(-1),
    ".": () => step_walk(1),
    c: () => store.change({ column: !store.state.column, other: null, dropped: [] }),
    w: () => show_what_if(page),
    x: () => toggle_dropped(page, selection_of(page).key),
    t: () => store.change({ table: !store.state.table }),
    s: () => store.change({ sinks: !store.state.sinks }),
    "/": () => document.getElementById("find")?.focus(),
    "?": open_help,
  };
}

function show_what_if(page: Page): void {
  page.store.change({ what_if: true });
  document.getElementById("what-if")?.scrollIntoView({ block: "nearest" });
  document.getElementById("temperature")?.focus({ preventScroll: true });
}

function move_by_layer(page: Page, grid: HTMLElement, key: string): boolean {
  const moves: Record<string, () => void> = {
    ArrowLeft: () => step_head(page, -1),
    ArrowRight: () => step_head(page, 1),
    ArrowUp: () => step_layer(page, -1),
    ArrowDown: () => step_layer(page, 1),
  };
  if (!run(moves[key])) return false;
  grid.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  return true;
}

/** In the map of heads arrows move as they look: along the order that is shown. */
function move_in_heads(page: Page, grid: HTMLElement, key: string): boolean {
  if (grid.dataset["sort"] === "layer") return move_by_layer(page, grid, key);
  const cells = [...grid.querySelectorAll<HTMLElement>("[data-head]")];
  const at = cells.findIndex((cell) => cell.getAttribute("aria-selected") === "true");
  const top = cells[0]?.offsetTop;
  const columns = cells.filter((cell) => cell.offsetTop === top).length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (by === undefined) return false;
  const next = cells[at < 0 ? 0 : at + by];
  if (!next) return true;
  const [layer, head] = next.dataset["head"]!.split(".").map(Number) as [number, number];
  pick_head(page, layer, head);
  next.focus();
  return true;
}

/** In a list of bars Enter and the space bar pick what has the focus. */
function press_option(target: Element, key: string): boolean {
  if (key !== "Enter" && key !== " ") return false;
  const option = target.closest<HTMLElement>("[role=option]");
  option?.click();
  return option !== null;
}

function is_field(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, select, textarea");
}

/** A slider and a choice keep the keys that are their own. */
function is_own_key(target: EventTarget | null, key: string): boolean {
  if (!is_field(target)) return false;
  const range = target instanceof HTMLInputElement && target.type === "range";
  return !range || /^(Arrow|Home|End|Page)/.test(key);
}

export function listen_to_keys(page: Page, open_help: () => void): void {
  const all = actions(page, open_help);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (is_own_key(target, event.key) || target.closest("dialog")) return;
    if (event.shiftKey && event.key.startsWith("Arrow")) return;
    if (target.closest(".table-holder") && /^(Arrow|Home|End|Page)/.test(event.key)) return;
    const grid = target.closest<HTMLElement>("#heads");
    const done = (grid && move_in_heads(page, grid, event.key)) || press_option(target, event.key) || run(all[event.key]);
    if (done) event.preventDefault();
  });
}

function run(action: (() => void) | undefined): boolean {
  action?.();
  return action !== undefined;
}
