// The row (or column) as a table, all of it: for screen readers, and for copying.
import { score_of } from "../arithmetic.ts";
import { button, el, fill } from "../dom.ts";
import { count_text, number_text, weight_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";

/** A table of more rows is made when it is asked for. */
const first_rows = 200;

export function table_view(page: Page): View {
  let all = false;
  const more = button("", { class: "toggle", "data-control": "all-rows" }, () => {
    all = true;
    show();
  });
  const close = button("close", { class: "toggle" }, () => page.store.change({ table: false }));
  const holder = el("div.table-holder", { tabindex: 0, role: "region", "aria-label": "Table of weights" });
  const root = el("section.card.table-card", { id: "table", "aria-label": "The weights as a table" }, el("div.card-head", {}, el("h2", {}, "As a table"), close), holder, more);
  const show = (): void => {
    const { head, ranked } = selection_of(page);
    root.hidden = !page.store.state.table || head === null;
    more.hidden = all || ranked.length <= first_rows;
    more.textContent = `all ${count_text(ranked.length, "row")}`;
    if (root.hidden) fill(holder);
    else fill(holder, table_of(page, all ? ranked.length : first_rows));
  };
  return {
    root,
    update() {
      all = false;
      show();
    },
  };
}

function table_of(page: Page, most: number): HTMLElement {
  const { state } = page.store;
  const { head, text, ranked } = selection_of(page);
  const name = (token: number): string => shown_token(text.data.tokens[token]!.text);
  const rows = ranked.slice(0, most).map(({ token, weight }) => {
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
