// The row (or column) as a table, all of it: for screen readers, and for copying.
import { score_of } from "../arithmetic.ts";
import { button, el, fill } from "../dom.ts";
import { number_text, weight_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";

export function table_view(page: Page): View {
  const close = button("close", { class: "toggle" }, () => page.store.change({ table: false }));
  const holder = el("div.table-holder", { tabindex: 0, role: "region", "aria-label": "Table of weights" });
  const root = el("section.card.table-card", { id: "table", "aria-label": "The weights as a table" }, el("div.card-head", {}, el("h2", {}, "As a table"), close), holder);
  return {
    root,
    update() {
      const { head } = selection_of(page);
      root.hidden = !page.store.state.table || head === null;
      if (root.hidden || !head) return fill(holder);
      fill(holder, table_of(page));
    },
  };
}

function table_of(page: Page): HTMLElement {
  const { state } = page.store;
  const { head, text, ranked } = selection_of(page);
  const name = (token: number): string => shown_token(text.data.tokens[token]!.text);
  const rows = ranked.map(({ token, weight }) => {
    const [query, key] = state.column ? [token, state.token] : [state.token, token];
    return el(
      "tr",
      { [state.column ? "data-query" : "data-key"]: token },
      el("th", { scope: "row" }, String(token)),
      el("td", {}, el("bdi", {}, name(token))),
      el("td", {}, number_text(score_of(head!, query, key), 3)),
      el("td.weight", {}, weight_text(weight)),
    );
  });
  const picked = `${state.token} “${name(state.token)}”`;
  const where = `head ${head_name(state.layer, state.head)}`;
  return el(
    "table",
    {},
    el("caption", {}, state.column ? `Who looks at ${picked} in ${where}` : `What ${picked} looks at in ${where}`),
    el("thead", {}, el("tr", {}, ...[state.column ? "query" : "key", "token", "score", "weight"].map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, ...rows),
  );
}
