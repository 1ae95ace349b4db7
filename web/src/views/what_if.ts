// What if: the row again under another temperature, without some keys or without the mask; old and new side by side.
import { altered_weights, is_altered, type WhatIf } from "../altered.ts";
import { answer_of, cosine, entropy_of, visible_keys, type OpenHead } from "../arithmetic.ts";
import { full_bar } from "../bars.ts";
import { button, el, fill, toggle, token_mark } from "../dom.ts";
import { entropy_words, number_text, weight_text } from "../format.ts";
import { toggle_dropped } from "../moves.ts";
import type { OpenText, Page, View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";
import { term } from "../terms.ts";

const shown_keys = 6;
/** The slider's ends stand for a tenth and ten times. */
const slider_end = 100;

/** Sinks aside, old and new are on one scale. */
interface Change {
  text: OpenText;
  before: Float64Array;
  after: Float64Array;
  dropped: readonly number[];
  sinks_off: boolean;
}

/** The keys with the largest weights before or after, and the dropped ones, by weight before. */
function keys_of({ before, after, dropped }: Change): number[] {
  const largest = (weights: Float64Array): number[] =>
    Array.from(weights.keys()).filter((key) => weights[key]! > 0).sort((a, b) => weights[b]! - weights[a]!).slice(0, shown_keys);
  const keys = [...new Set([...largest(before), ...largest(after).slice(0, 4), ...dropped])];
  return keys.sort((a, b) => before[b]! - before[a]! || after[b]! - after[a]! || a - b);
}

function pair_row(page: Page, change: Change, key: number, full: number): HTMLElement {
  const { text, before, after, dropped } = change;
  const out = dropped.includes(key);
  const name = shown_token(text.data.tokens[key]!.text);
  const drop = button(out ? "+" : "×", { class: "small drop", "data-drop": key, "aria-pressed": String(out), "aria-label": `${out ? "Put back" : "Drop"} token ${key} ${name}` }, () => toggle_dropped(page, key));
  const bar = (weight: number, kind: string): HTMLElement => {
    const made = el(`span.${kind}` as "span");
    made.className = `bar ${kind}`;
    made.style.setProperty("--share", `${Math.min(100, (100 * weight) / full).toFixed(2)}%`);
    return made;
  };
  return el(
    "div.pair-row",
    { role: "listitem", "data-key": key, "data-dropped": out, "data-sink": text.data.tokens[key]!.sink, "data-over": Math.max(before[key]!, after[key]!) > full * 1.0001 },
    drop,
    el("span.position", {}, String(key)),
    el("bdi.token", {}, name),
    el("span.track", {}, bar(before[key]!, "bar-old"), bar(after[key]!, "bar-new")),
    el("span.weight.old", {}, weight_text(before[key]!)),
    el("span.weight.new", {}, weight_text(after[key]!)),
  );
}

function full_of({ text, before, after, sinks_off }: Change, keys: readonly number[]): number {
  const weights = keys.map((key) => ({ token: key, weight: Math.max(before[key]!, after[key]!) }));
  return full_bar(weights, text, sinks_off);
}

function outcome(head: OpenHead, before: Float64Array, after: Float64Array): string {
  const looks = `${entropy_words(entropy_of(before))} → ${entropy_words(entropy_of(after))}`;
  if (after.every((weight) => weight === 0)) return "No key is left: the answer is 0.";
  return `It looks ${looks}; old and new answer of the head: cosine ${number_text(cosine(answer_of(head, before), answer_of(head, after)), 3)}.`;
}

function hides_something(head: OpenHead): boolean {
  return head.kept.causal || head.kept.window !== null;
}

export function what_if_view(page: Page): View {
  const slider = el("input", { id: "temperature", type: "range", min: -slider_end, max: slider_end, step: 1, "aria-label": "Temperature" });
  const temperature = el("output.number", { for: "temperature" });
  slider.addEventListener("input", () =>
    page.store.change({ what_if: true, temperature: Number((10 ** (Number(slider.value) / slider_end)).toFixed(3)) }),
  );
  const mask = toggle("no mask", "mask", () => page.store.change({ what_if: true, unmasked: !page.store.state.unmasked }));
  const reset = button("as it is", { class: "toggle", "data-control": "reset" }, () => page.store.change({ temperature: 1, dropped: [], unmasked: false }));
  const list = el("div.pairs", { role: "list", "aria-label": "Weights before and after" });
  const about = el("p.sub");
  const result = el("p.coverage");
  const root = el(
    "section.card.what-if-card",
    { id: "what-if", "aria-labelledby": "what-if-title" },
    el("div.card-head", {}, el("h2", { id: "what-if-title" }, "What if …"), el("span.tag", {}, "not the model’s own answer")),
    about,
    el("div.controls", {}, el("label.slider", {}, term("temperature"), " ", slider, temperature), mask.root, reset),
    el("div.pair-head", { "aria-hidden": "true" }, el("span", {}, el("i.dot-old"), "as it is"), el("span", {}, el("i.dot-new"), "what if")),
    list,
    result,
  );
  return {
    root,
    update() {
      const { state } = page.store;
      const { head, text, query, row: before } = selection_of(page);
      root.hidden = head === null;
      if (!head || !before) return;
      const what_if: WhatIf = { temperature: state.temperature, dropped: state.dropped, unmasked: state.unmasked };
      const altered = is_altered(what_if);
      const after = altered ? altered_weights(head, query, what_if) : before;
      const change: Change = { text, before, after, dropped: state.dropped, sinks_off: state.sinks };
      const keys = keys_of(change);
      const full = full_of(change, keys);
      const focused = document.activeElement?.getAttribute("data-drop");
      fill(list, ...keys.map((key) => pair_row(page, change, key, full)));
      if (focused) list.querySelector<HTMLElement>(`[data-drop="${focused}"]`)?.focus({ preventScroll: true });
      root.dataset["altered"] = String(altered);
      slider.value = String(Math.round(slider_end * Math.log10(state.temperature)));
      temperature.textContent = number_text(state.temperature, 2);
      mask.root.hidden = !hides_something(head);
      mask.show(state.unmasked);
      reset.disabled = !altered;
      const hidden = head.tokens - (visible_keys(head.kept, head.tokens, query)[1] - visible_keys(head.kept, head.tokens, query)[0] + 1);
      fill(about, "How would ", token_mark(text.data.tokens[query]!.text), el("span.at", {}, String(query)), " look otherwise? × drops a key", hides_something(head) ? `; no mask shows it ${hidden} more.` : ".");
      result.textContent = altered ? outcome(head, before, after) : "Nothing is changed yet.";
    },
  };
}
