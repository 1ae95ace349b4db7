// Where the page begins, and what a state may be.
import type { OpenText } from "./page.ts";
import { telling_row } from "./selection.ts";
import type { ComparisonData, PageData } from "./data.ts";
import type { State } from "./state.ts";

/** Of the farthest pair, the text in which the first head looked at more. */
function first_text({ pairs, farthest, heads }: ComparisonData): number {
  const [a, b] = pairs[farthest]?.texts ?? [0, 0];
  const seen = (looks: readonly { weight: number }[]): number => looks.reduce((sum, { weight }) => sum + weight, 0);
  return heads[0] && seen(heads[0].in_b) > seen(heads[0].in_a) ? b : a;
}

interface First {
  layer: number;
  head: number;
  token: number;
}

/** A row that gives this much to one token shows what its head does. */
const enough = 0.5;
/** So many heads are opened to find one. */
const most_opened = 8;

/** The head to begin with and its row that shows it best: one that tells the newcomer most, else the most telling; in a text where
 *  those rest on a sink, the first that has more to show. */
function first_look(text: OpenText): First {
  const is_induction = ({ layer, head }: { layer: number; head: number }): boolean => text.head_data(layer, head).labels[0]?.kind === "induction";
  const { kept, telling } = text.data;
  const order = [...kept.filter(is_induction).slice(0, 1), ...kept].slice(0, most_opened);
  let best: (First & { shows: number }) | null = null;
  for (const { layer, head } of order) {
    const row = telling_row(text, text.open(layer, head)!);
    if (!best || row.shows > best.shows) best = { layer, head, ...row };
    if (row.shows >= enough) break;
  }
  return best ?? { ...(telling[0] ?? { layer: 0, head: 0 }), token: text.size - 1 };
}

/** Whether one token would leave the others without a shade: then the scale is logarithmic to begin with. */
function is_lopsided(text: OpenText): boolean {
  const received = text.data.tokens.filter(({ sink }) => !sink).map((token) => token.received);
  received.sort((a, b) => a - b);
  return (received.at(-1) ?? 0) > 8 * (received[Math.floor(0.95 * received.length)] ?? 0);
}

/** The head that tells most and can be opened, at the token that shows it best; a comparison begins at its word. */
export function first_state(data: PageData, texts: readonly OpenText[]): State {
  const comparison = data.comparison;
  const index = comparison ? first_text(comparison) : 0;
  const text = texts[index]!;
  const moved = comparison?.heads.find(({ layer, head }) => text.is_kept(layer, head));
  const first = { ...first_look(text), ...moved };
  const token = comparison?.texts[index]?.token ?? first.token;
  return {
    text: index,
    layer: first.layer,
    head: first.head,
    token,
    other: null,
    column: false,
    step: "project",
    dimension: null,
    temperature: 1,
    dropped: [],
    unmasked: false,
    what_if: false,
    table: false,
    sort: "layer",
    kind: null,
    shade: "all",
    log: is_lopsided(text),
    sinks: true,
  };
}

function between(value: number, last: number): number {
  return Math.max(0, Math.min(last, value));
}

/** Returns the state with everything inside the text: links can say anything. */
export function within(texts: readonly OpenText[]): (state: State) => State {
  return (state) => {
    const text = between(state.text, texts.length - 1);
    const { size, data } = texts[text]!;
    const head = texts[text]!.nearest(state.layer, state.head) ?? data.heads[0]!;
    return {
      ...state,
      text,
      layer: head.layer,
      head: head.head,
      token: between(state.token, size - 1),
      other: state.other === null ? null : between(state.other, size - 1),
      dropped: state.dropped.filter((key) => key < size),
    };
  };
}
