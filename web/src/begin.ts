// Where the page begins, and what a state may be.
import type { OpenText } from "./page.ts";
import { telling_token } from "./selection.ts";
import type { PageData } from "./data.ts";
import type { State } from "./state.ts";

/** The head that tells most and can be opened, at the token that shows it best; a comparison begins at its word. */
export function first_state(data: PageData, texts: readonly OpenText[]): State {
  const comparison = data.comparison;
  const index = comparison?.pairs[comparison.farthest]?.texts[0] ?? 0;
  const text = texts[index]!;
  const moved = comparison?.heads.find(({ layer, head }) => text.is_kept(layer, head));
  const first = moved ?? text.data.kept[0] ?? text.data.telling[0] ?? { layer: 0, head: 0 };
  const open = text.open(first.layer, first.head);
  const token = comparison?.texts[index]?.token ?? (open ? telling_token(text, open) : text.size - 1);
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
    log: false,
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
    return {
      ...state,
      text,
      layer: between(state.layer, data.model.layers - 1),
      head: between(state.head, data.model.heads - 1),
      token: between(state.token, size - 1),
      other: state.other === null ? null : between(state.other, size - 1),
      dropped: state.dropped.filter((key) => key < size),
    };
  };
}
