// Whose attention this is; which text, where there are several; theme and help.
import { button, choice, el, fill } from "../dom.ts";
import { count_text } from "../format.ts";
import type { Page, View } from "../page.ts";
import { text_of } from "../selection.ts";
import { shown_text } from "../shown_text.ts";
import { is_dark } from "../colour.ts";
import { pick_text } from "./compare_pick.ts";

/** A, B, C … */
export function text_letter(text: number): string {
  return text < 26 ? String.fromCharCode(65 + text) : String(text + 1);
}

function change_theme(): void {
  document.documentElement.dataset["theme"] = is_dark() ? "light" : "dark";
  document.dispatchEvent(new Event("fovea-theme"));
}

export function header_view(page: Page, open_help: () => void): View {
  const about = el("p.about");
  const texts = choice("text", "Which text", page.texts.map((_, i) => [String(i), `text ${text_letter(i)}`] as const), (value) => pick_text(page, Number(value)));
  texts.root.hidden = page.texts.length < 2;
  const theme = button("◐", { class: "round", "data-control": "theme", "aria-label": "Light or dark" }, change_theme);
  const help = button("?", { class: "round", "data-control": "help", "aria-label": "Keys and help" }, open_help);
  const root = el("header.top", {}, el("h1", {}, "fovea"), about, texts.root, el("span.round-buttons", {}, theme, help));
  return {
    root,
    update(changed) {
      if (!changed.has("text")) return;
      const { model, tokens } = text_of(page).data;
      fill(
        about,
        el("b", {}, shown_text(model.name)),
        ` · ${count_text(tokens.length, "token")} · ${count_text(model.layers, "layer")} × ${count_text(model.heads, "head")}${model.key_heads !== model.heads ? ` (${model.key_heads} key heads)` : ""}`,
      );
      texts.show(String(page.store.state.text));
    },
  };
}
