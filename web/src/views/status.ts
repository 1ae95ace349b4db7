// What is said to those who hear the page: one line, after each pick.
import { el } from "../dom.ts";
import { weight_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";

const line = el("div.unseen", { id: "status", role: "status" });

export function announce(text: string): void {
  line.textContent = text;
}

function sentence(page: Page): string {
  const { state } = page.store;
  const { ranked, text, head } = selection_of(page);
  const name = (token: number): string => `${token} ${shown_token(text.data.tokens[token]!.text)}`;
  const where = `head ${head_name(state.layer, state.head)}`;
  if (!head) return `${where}: its rows are not in this page. ${text.head_data(state.layer, state.head).summary}`;
  const top = ranked.slice(0, 3).map(({ token, weight }) => `${name(token)} ${weight_text(weight)}`);
  return `${name(state.token)} in ${where} ${state.column ? "is looked at by" : "looks at"} ${top.join(", ") || "nothing"}`;
}

export function status_view(page: Page): View {
  return {
    root: line,
    update(changed) {
      if (["text", "layer", "head", "token", "column"].some((key) => changed.has(key))) announce(sentence(page));
    },
  };
}
