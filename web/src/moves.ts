// Moves between tokens, heads and keys that more than one part of the page makes.
import type { Page } from "./page.ts";
import { selection_of, text_of } from "./selection.ts";

export function pick_head(page: Page, layer: number, head: number): void {
  page.store.change({ layer, head, other: null, dimension: null, dropped: [] });
}

export function pick_token(page: Page, token: number): void {
  const last = text_of(page).size - 1;
  page.store.change({ token: Math.max(0, Math.min(last, token)), other: null, dropped: [] });
}

/** The head `by` places on in the layer, or into the next one. */
export function step_head(page: Page, by: number): void {
  const { layers, heads } = text_of(page).data.model;
  const { layer, head } = page.store.state;
  const at = (layer * heads + head + by + layers * heads) % (layers * heads);
  pick_head(page, Math.floor(at / heads), at % heads);
}

export function step_layer(page: Page, by: number): void {
  const { layers } = text_of(page).data.model;
  const { layer, head } = page.store.state;
  pick_head(page, Math.max(0, Math.min(layers - 1, layer + by)), head);
}

/** The other end: by falling weight. */
export function step_other(page: Page, by: number): void {
  const { ranked, query, key } = selection_of(page);
  const other = page.store.state.column ? query : key;
  const at = ranked.findIndex(({ token }) => token === other);
  const next = ranked[Math.max(0, Math.min(ranked.length - 1, at + by))];
  if (next) page.store.change({ other: next.token });
}

/** Takes a key out of the what-if row, or puts it back. */
export function toggle_dropped(page: Page, key: number): void {
  const { dropped } = page.store.state;
  const without = dropped.filter((one) => one !== key);
  page.store.change({ what_if: true, dropped: without.length < dropped.length ? without : [...dropped, key].sort((a, b) => a - b) });
}
