// A comparison: the texts side by side with the word marked, how alike its vectors are layer by layer, and the heads that moved
// it; a head opens as its rows in two texts.
import { row_weights } from "../arithmetic.ts";
import { fill_bars, on_bar, shown_bars } from "../bars.ts";
import { el, fill } from "../dom.ts";
import { number_text, weight_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { ranked_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";
import type { ComparisonData, TokenData } from "../data.ts";
import { term } from "../terms.ts";
import { pick_at_word, pick_text } from "./compare_pick.ts";
import { cosine_lines } from "./cosine_lines.ts";
import { text_letter } from "./header.ts";

export function compare_view(page: Page): View {
  const comparison = page.data.comparison!;
  const texts = el("div.compared-texts", {}, ...comparison.texts.map((_, i) => text_block(page, comparison, i)));
  const lines = cosine_lines(comparison);
  const heads = el("div.moved", { role: "list" }, ...comparison.heads.map((head) => moved_head(page, comparison, head)));
  const rows = el("div.both-rows");
  const root = el(
    "section.card.compare-card",
    { id: "compare", "aria-labelledby": "compare-title" },
    el("h2", { id: "compare-title" }, "The word ", el("bdi.token-mark", {}, shown_token(comparison.word)), " in other company"),
    texts,
    el("div.compare-grid", {}, el("div", {}, el("h3", {}, "How alike its vectors are, layer by layer"), lines.root, words(comparison)), el("div", {}, ...moved_title(comparison), heads)),
    rows,
  );
  return {
    root,
    update() {
      const { state } = page.store;
      for (const block of texts.children) block.toggleAttribute("data-picked", block.getAttribute("data-text") === String(state.text));
      for (const row of heads.querySelectorAll<HTMLElement>("button")) row.setAttribute("aria-pressed", String(row.dataset["head"] === head_name(state.layer, state.head)));
      fill(rows, ...both_rows(page, comparison));
    },
  };
}

function text_block(page: Page, comparison: ComparisonData, index: number): HTMLElement {
  const { tokens, token } = comparison.texts[index]!;
  const pieces = tokens.flatMap((text, at) => {
    const shown = shown_token(text);
    const word = el(at === token ? "mark.word" : "span", {}, el("bdi", {}, shown.replace(/^␣/, "")));
    return shown.startsWith("␣") || is_apart(page.texts[index]!.data.tokens, at) ? [" ", word] : [word];
  });
  const open = el("button.letter", { type: "button", "aria-label": `Show text ${text_letter(index)}` }, text_letter(index));
  open.addEventListener("click", () => pick_text(page, index));
  return el("div.compared-text", { "data-text": index }, open, el("p", {}, ...pieces));
}

/** Whether something that no token stands for, white space, lies before it in the text. */
function is_apart(tokens: TokenData[], at: number): boolean {
  return at > 0 && tokens[at]!.bytes[0] > tokens[at - 1]!.bytes[1];
}

/** The notebooks' two words, and whether anything could have moved the word. */
function words(comparison: ComparisonData): HTMLElement {
  const { by_hand, embedding, in_the_end } = comparison.starts_and_journey;
  const own = embedding === null || in_the_end === null ? "" : `; in this model ${embedding.toFixed(2)} as embeddings, ${in_the_end.toFixed(2)} in the end`;
  return el("p.note", {}, term("cosine"), ` of the notebooks’ “starts” and “journey”: ${by_hand.toFixed(4)} by the vectors made by hand${own}.`);
}

function moved_title(comparison: ComparisonData): HTMLElement[] {
  if (comparison.same_past) return [el("h3", {}, "Nothing can have moved it"), el("p.note", {}, "In a decoder only what stands before the word can move it, and that is the same in all these texts.")];
  const [a, b] = comparison.pairs[comparison.farthest]?.texts ?? [0, 1];
  return [el("h3", {}, `Heads that moved ${text_letter(a)} and ${text_letter(b)} apart`), el("p.note", {}, "By their ", term("share"), "; pick one to open it at the word.")];
}

function looked(list: ComparisonData["heads"][number]["in_a"], letter: string): HTMLElement {
  const parts = list.slice(0, 3).flatMap(({ text, weight }, i) => [i > 0 ? " · " : "", el("bdi", {}, shown_token(text.trim())), el("span.number.faint", {}, ` ${weight_text(weight)}`)]);
  return el("span.looked", {}, el("b.letter-mark", {}, letter), ...(parts.length > 0 ? parts : ["–"]));
}

function moved_head(page: Page, comparison: ComparisonData, head: ComparisonData["heads"][number]): HTMLElement {
  const [a, b] = comparison.pairs[comparison.farthest]!.texts;
  const bar = el("span.measure-bar");
  const most = Math.max(...comparison.heads.map(({ share }) => Math.abs(share)), 1e-30);
  bar.style.setProperty("--share", `${((100 * Math.abs(head.share)) / most).toFixed(1)}%`);
  const open = el(
    "button.moved-head",
    { type: "button", "data-head": head_name(head.layer, head.head), "aria-pressed": "false" },
    el("span.number.name", {}, head_name(head.layer, head.head)),
    bar,
    el("span.number", {}, `${number_text(100 * head.share, 1)} %`),
    el("span.looks", {}, looked(head.in_a, text_letter(a)), looked(head.in_b, text_letter(b))),
  );
  open.addEventListener("click", () => {
    const { text } = page.store.state;
    pick_at_word(page, text === a || text === b ? text : a, head.layer, head.head, null);
  });
  return el("div", { role: "listitem" }, open);
}

/** The farthest pair; with another text picked, that one and the first of the pair. */
function shown_pair(page: Page, comparison: ComparisonData): [number, number] {
  const [a, b] = comparison.pairs[comparison.farthest]?.texts ?? [0, 1];
  const { text } = page.store.state;
  return text === a || text === b ? [a, b] : [a, text];
}

function both_rows(page: Page, comparison: ComparisonData): HTMLElement[] {
  const { layer, head } = page.store.state;
  return shown_pair(page, comparison).map((index) => {
    const text = page.texts[index]!;
    const word = comparison.texts[index]!.token;
    const title = el("h3", {}, el("b.letter-mark", {}, text_letter(index)), " what ", el("bdi.token-mark", {}, shown_token(text.data.tokens[word]!.text)), el("span.at", {}, String(word)), ` looks at in head ${head_name(layer, head)}`);
    const open = text.open(layer, head);
    if (!open) return el("div.one-row", { "data-row-of": index }, title, el("p.note", {}, `Not in this page: --only-heads ${head_name(layer, head)} or --full keeps it.`));
    const ranked = ranked_of(row_weights(open, word));
    const list = el("div.bars", { role: "listbox", "aria-label": `Row of the word in text ${text_letter(index)}` });
    const { state } = page.store;
    const picked = state.text === index && state.token === word ? state.other : null;
    fill_bars(list, ranked.slice(0, shown_bars), { text, names: "key", picked, sinks_off: state.sinks });
    on_bar(list, (token) => pick_at_word(page, index, layer, head, token));
    return el("div.one-row", { "data-row-of": index }, title, list);
  });
}
