// Picks of a comparison: a text at its word, or a head at the word.
import type { Page } from "../page.ts";

/** The text, and in it the word that is compared. */
export function pick_text(page: Page, text: number): void {
  const token = page.data.comparison?.texts[text]?.token ?? 0;
  page.store.change({ text, token, other: null, dropped: [], column: false });
}

export function pick_at_word(page: Page, text: number, layer: number, head: number, other: number | null): void {
  const token = page.data.comparison?.texts[text]?.token ?? 0;
  page.store.change({ text, layer, head, token, other, dropped: [], dimension: null, column: false });
}
