// What a state picks: the text, the head, and the two ends of a look.
import { column_weights, row_weights, top_of_row, type OpenHead } from "./arithmetic.ts";
import type { OpenText, Page } from "./page.ts";
import type { State } from "./state.ts";

export interface Ranked {
  token: number;
  weight: number;
}

export interface Selection {
  text: OpenText;
  head: OpenHead | null;
  /** Of the picked row, or column; null where the head's rows are not in the page. */
  weights: Float64Array | null;
  /** Of the query's row, whatever is picked; null likewise. */
  row: Float64Array | null;
  /** The tokens at the other ends, by falling weight; those that cannot see each other are left out. */
  ranked: Ranked[];
  query: number;
  key: number;
}

export function text_of(page: Page): OpenText {
  return page.texts[page.store.state.text]!;
}

/** Tokens with their weights, the largest first; those of weight 0 are left out. */
export function ranked_of(weights: Float64Array): Ranked[] {
  const tokens = Array.from(weights, (weight, token) => ({ token, weight }));
  return tokens.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight || a.token - b.token);
}

/** The end that says most: not a sink, and in the column not the token itself, where there is another. */
function telling_end(ranked: Ranked[], text: OpenText, state: State): number {
  const found = ranked.find(({ token }) => (state.column ? token !== state.token : !text.data.tokens[token]!.sink));
  return (found ?? ranked[0])?.token ?? state.token;
}

function selected(page: Page): Selection {
  const { state } = page.store;
  const text = text_of(page);
  const head = text.open(state.layer, state.head);
  if (!head) return { text, head, weights: null, row: null, ranked: [], query: state.token, key: state.token };
  const weights = state.column ? column_weights(head, state.token) : row_weights(head, state.token);
  const ranked = ranked_of(weights);
  const other = state.other ?? telling_end(ranked, text, state);
  const [query, key] = state.column ? [other, state.token] : [state.token, other];
  return { text, head, weights, row: state.column ? row_weights(head, query) : weights, ranked, query, key };
}

let last: { state: Readonly<State>; selection: Selection } | null = null;

/** What is picked now; made once a state. */
export function selection_of(page: Page): Selection {
  if (last?.state !== page.store.state) last = { state: page.store.state, selection: selected(page) };
  return last.selection;
}

/** Whether a token is a word or a part of one: rows of those are easier to read. */
function is_word(text: OpenText, token: number): boolean {
  return /^[^⟨]*\p{L}{2}/u.test(text.data.tokens[token]!.text);
}

/** A row that is not of words shows as much as one of words with half its weight. */
const wordless = 0.5;

/** The row of an open head that shows it best: with the most weight on one other token, and on one that is not where attention
 *  rests (a sink, or the first token, which is none by the numbers in every text). The last row where there is none. */
export function telling_row(text: OpenText, head: OpenHead): { token: number; shows: number } {
  let best = { token: text.size - 1, shows: 0 };
  for (let row = Math.min(2, text.size - 1); row < text.size; ++row) {
    const other = top_of_row(head, row).find(({ key }) => key !== row && key !== 0 && !text.data.tokens[key]!.sink);
    if (!other) continue;
    const shows = other.weight * (is_word(text, row) && is_word(text, other.key) ? 1 : wordless);
    if (shows > best.shows) best = { token: row, shows };
  }
  return best;
}
