// Finding a token by its text or number.
import { el } from "../dom.ts";
import { found_tokens } from "../found.ts";
import type { Page } from "../page.ts";
import { text_of } from "../selection.ts";
import { announce } from "./status.ts";

export function finder(page: Page): HTMLElement {
  const input = el("input", { id: "find", type: "search", placeholder: "find a token  /", "aria-label": "Find a token by text or number", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return input.blur();
    if (event.key !== "Enter") return;
    const found = found_tokens(text_of(page).data.tokens, input.value.trim());
    const next = found.find((token) => (event.shiftKey ? false : token > page.store.state.token)) ?? found[0];
    input.toggleAttribute("data-missing", found.length === 0);
    announce(found.length === 0 ? "No token holds that" : `${found.length} found`);
    if (next !== undefined) page.store.change({ token: next, other: null, dropped: [] });
  });
  input.addEventListener("input", () => input.removeAttribute("data-missing"));
  return el("span.find", {}, input);
}
