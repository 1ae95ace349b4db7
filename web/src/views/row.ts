// The picked row: what a token looks at, or the picked column: who looks at it. Of a head whose rows are not in the page: what
// it receives, and how to get them.
import { sum_of } from "../arithmetic.ts";
import { bars_with, fill_bars, on_bar, shown_bars } from "../bars.ts";
import { choice, el, fill, toggle, token_mark } from "../dom.ts";
import { count_text, entropy_words, number_text, percent_text, weight_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { selection_of, text_of, type Ranked, type Selection } from "../selection.ts";
import { term } from "../terms.ts";
import { profile } from "./profile.ts";

export function row_view(page: Page): View {
  const title = el("h2", { id: "row-title" });
  const sub = el("p.sub");
  const list = el("div.bars", { role: "listbox", "aria-labelledby": "row-title" });
  const coverage = el("p.coverage");
  const whole = profile(page);
  const closed = el("div.closed", { id: "how-to-open" });
  const direction = choice<"row" | "column">("direction", "Row or column", [["row", "looks at"], ["column", "looked at by"]], (value) =>
    page.store.change({ column: value === "column", other: null, dropped: [] }),
  );
  const table = toggle("table", "table", () => page.store.change({ table: !page.store.state.table }));
  const tools = el("div.controls", {}, direction.root, table.root);
  const root = el("section.card.row-card", { id: "row", "aria-labelledby": "row-title" }, el("div.card-head", {}, title, tools), sub, list, coverage, whole.root, closed);
  on_bar(list, (token) => page.store.change({ other: token }));
  return {
    root,
    update(changed) {
      const { state } = page.store;
      const selection = selection_of(page);
      const open = selection.head !== null;
      root.dataset["open"] = String(open);
      closed.hidden = open;
      coverage.hidden = !open;
      tools.hidden = !open;
      direction.show(state.column ? "column" : "row");
      table.show(state.table);
      if (open) show_open(page, selection, { title, sub, list, coverage });
      else show_closed(page, { title, sub, list, closed });
      whole.update(changed);
    },
  };
}

interface Parts {
  title: HTMLElement;
  sub: HTMLElement;
  list: HTMLElement;
  coverage: HTMLElement;
}

function show_open(page: Page, selection: Selection, parts: Parts): void {
  const { state } = page.store;
  const { text, ranked } = selection;
  const where = ["head ", el("span.number", {}, head_name(state.layer, state.head))];
  const token = token_mark(text.data.tokens[state.token]!.text);
  const position = el("span.at", {}, String(state.token));
  if (state.column) fill(parts.title, "Who looks at ", token, position, " in ", ...where);
  else fill(parts.title, "What ", token, position, " looks at in ", ...where);
  const other = state.column ? selection.query : selection.key;
  fill_bars(parts.list, bars_with(ranked, other), {
    text,
    names: state.column ? "query" : "key",
    picked: other,
    sinks_off: state.sinks,
  });
  if (state.column) describe_column(page, selection, parts);
  else describe_row(page, selection, parts);
}

function describe_row(page: Page, { head, ranked, weights }: Selection, { sub, coverage }: Parts): void {
  const { token } = page.store.state;
  const nats = head!.entropy[token]!;
  fill(sub, term("entropy"), ` ${number_text(nats, 2)} nats: it looks `, el("b", {}, entropy_words(nats)), ` of the ${count_text(ranked.length, "token")} that it sees`);
  fill(coverage, ...coverage_of(ranked, sum_of(weights!)));
}

/** "top 8 = 93 %, the rest 7 % in 504 tokens" */
function coverage_of(ranked: readonly Ranked[], total: number): (Node | string)[] {
  const first = ranked.slice(0, shown_bars);
  const rest = ranked.length - first.length;
  if (rest === 0) return [el("b", {}, `all ${count_text(first.length, "token")}`), " that it sees are shown"];
  const share = sum_of(first.map(({ weight }) => weight)) / total;
  return [el("b", {}, `top ${first.length} = ${percent_text(share)}`.replace("= over", ">")), `, the rest ${percent_text(1 - share)} in ${count_text(rest, "token")}`];
}

function describe_column(page: Page, { text, ranked, weights }: Selection, { sub, coverage }: Parts): void {
  const { token } = page.store.state;
  const others = ranked.filter((one) => one.token !== token);
  const seen = text.data.model.causal ? text.size - 1 - token : text.size - 1;
  const mean = others.length > 0 ? sum_of(others.map(({ weight }) => weight)) / Math.max(1, seen) : 0;
  fill(sub, term("received"), ` ${weight_text(mean)}: the mean over the `, el("b", {}, count_text(seen, "other token")), " that can see it");
  const total = sum_of(weights!);
  const share = total > 0 ? sum_of(ranked.slice(0, shown_bars).map(({ weight }) => weight)) / total : 0;
  const rest = ranked.length - Math.min(shown_bars, ranked.length);
  fill(
    coverage,
    el("b", {}, `${number_text(total, 2)} rows’ worth of looking`),
    rest > 0 ? `: ${percent_text(share)} from these ${shown_bars}, the rest from ${count_text(rest, "token")}` : " in all, from these",
  );
}

function show_closed(page: Page, { title, sub, list, closed }: Omit<Parts, "coverage"> & { closed: HTMLElement }): void {
  const { layer, head, sinks } = page.store.state;
  const text = text_of(page);
  const name = head_name(layer, head);
  fill(title, "What head ", el("span.number", {}, name), " looks at most");
  fill(sub, term("received"), " by each token in this head: the mean weight from the others that see it");
  const received = Array.from(text.received_by(layer, head), (weight, token) => ({ token, weight }));
  received.sort((a, b) => b.weight - a.weight || a.token - b.token);
  fill_bars(list, received.slice(0, shown_bars), { text, names: "key", picked: null, sinks_off: sinks });
  const kept = text.data.kept.slice(0, 12).map((one) => head_link(page, one.layer, one.head));
  fill(
    closed,
    el("p", {}, "The rows of this head are not in this page. To open them, write the page again with ", el("code", {}, `--only-heads ${name}`), " (this head), or with ", el("code", {}, "--full"), " (all heads; a larger file)."),
    kept.length > 0 ? el("p", {}, "Heads that can be opened: ", ...kept) : null,
  );
}

function head_link(page: Page, layer: number, head: number): HTMLElement {
  const link = el("button.pill", { type: "button", "data-open-head": head_name(layer, head) }, head_name(layer, head));
  link.addEventListener("click", () => page.store.change({ layer, head, other: null, dropped: [], dimension: null }));
  return link;
}
