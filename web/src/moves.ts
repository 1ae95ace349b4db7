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

/** The head `by` places on in the layer, or into the next one; after the last the first. */
export function step_head(page: Page, by: number): void {
  const { heads } = text_of(page).data;
  const { layer, head } = page.store.state;
  const at = heads.findIndex((one) => one.layer === layer && one.head === head);
  const next = heads[(at + by + heads.length) % heads.length];
  if (next) pick_head(page, next.layer, next.head);
}

/** The same head of the layer before (-1) or after (1), of those that are in the page; else the nearest there. */
export function step_layer(page: Page, by: -1 | 1): void {
  const { layer, head } = page.store.state;
  const beyond = text_of(page).data.heads.filter((one) => (one.layer - layer) * by > 0);
  const next = text_of(page).nearest(layer, head, beyond);
  if (next) pick_head(page, next.layer, next.head);
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
