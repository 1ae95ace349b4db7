// The text as its tokens: shade is the attention that each gets, and the line under a token the weight that the picked row
// (or column) gives it.
import { choice, el, toggle } from "../dom.ts";
import { count_text, weight_text } from "../format.ts";
import { head_name, type OpenText, type Page, type View } from "../page.ts";
import { selection_of, text_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";
import type { Shade } from "../state.ts";
import { term } from "../terms.ts";
import { finder } from "./find.ts";

/** From here on tokens are set close, like text. */
const close_from = 240;
/** On the log scale nothing below this part of the largest has a shade. */
const log_range = 1000;

function values_of(page: Page): ArrayLike<number> {
  const { state } = page.store;
  const text = text_of(page);
  if (state.shade === "row") return selection_of(page).weights ?? text.received_by(state.layer, state.head);
  if (state.shade === "head") return text.received_by(state.layer, state.head);
  return text.data.tokens.map(({ received }) => received);
}

/** 0 to 100. */
function shade_of(value: number, full: number, log: boolean): number {
  const share = Math.max(0, Math.min(1, value / full));
  if (!log) return Math.round(100 * share);
  return share === 0 ? 0 : Math.max(0, Math.round(100 * (1 + Math.log(share) / Math.log(log_range))));
}

export function tokens_view(page: Page): View {
  const strip = el("div.tokens", { id: "tokens", role: "listbox", "aria-label": "Tokens of the text", "aria-orientation": "horizontal" });
  const reading = el("p.reading", { "aria-hidden": "true" });
  const key = legend();
  const shade = choice<Shade>(
    "shade",
    "What shades the tokens",
    [["all", "all heads"], ["head", "this head"], ["row", "this row"]],
    (value) => page.store.change({ shade: value }),
  );
  const scale = choice<"linear" | "log">("scale", "Scale", [["linear", "linear"], ["log", "log"]], (value) =>
    page.store.change({ log: value === "log" }),
  );
  const sinks = toggle("sinks off the scale", "sinks", () => page.store.change({ sinks: !page.store.state.sinks }));
  const controls = el(
    "div.controls",
    {},
    el("span.control", {}, term("received"), " by ", shade.root),
    scale.root,
    sinks.root,
    key.root,
    finder(page),
  );
  const root = el("section.card.text-card", { "aria-label": "Text" }, controls, strip, reading);
  const chips = new Chips(strip);
  listen(strip, page, (token) => say(reading, page, token));

  return {
    root,
    update(changed) {
      const { state } = page.store;
      if (changed.has("text")) chips.make(text_of(page));
      chips.pick(state.token);
      const values = values_of(page);
      const full = full_of(values, text_of(page), state.sinks);
      chips.shade(values, full, state.log);
      chips.hatch(text_of(page), state.sinks);
      chips.underline(selection_of(page).weights);
      shade.show(state.shade);
      scale.show(state.log ? "log" : "linear");
      sinks.show(state.sinks);
      key.show(full, state.log);
      say(reading, page, null);
    },
  };
}

/** What has full shade: the largest value, of those that are no sinks where these are off the scale. */
function full_of(values: ArrayLike<number>, text: OpenText, sinks_off: boolean): number {
  let most = 0;
  text.data.tokens.forEach(({ sink }, token) => {
    if (!(sink && sinks_off)) most = Math.max(most, values[token] ?? 0);
  });
  return most || 1;
}

function legend(): { root: HTMLElement; show: (full: number, log: boolean) => void } {
  const from = el("span", {}, "0");
  const to = el("span");
  const root = el("span.legend", {}, from, el("span.ramp"), to, el("span.swatch"), term("sink"));
  return {
    root,
    show(full, log) {
      from.textContent = log ? weight_text(full / log_range) : "0";
      to.textContent = weight_text(full);
    },
  };
}

/** The chips; only those that change are touched. */
class Chips {
  private chips: HTMLElement[] = [];
  private shades: number[] = [];
  private lines: number[] = [];
  private hatched = false;
  private picked = -1;

  constructor(private readonly strip: HTMLElement) {}

  make(text: OpenText): void {
    this.chips = text.data.tokens.map(({ text: token }, index) => {
      const chip = document.createElement("span");
      chip.className = token.startsWith(" ") ? "chip spaced" : "chip";
      chip.setAttribute("role", "option");
      chip.setAttribute("aria-selected", "false");
      chip.tabIndex = -1;
      chip.dataset["token"] = String(index);
      chip.textContent = shown_token(token);
      return chip;
    });
    this.shades = this.chips.map(() => -1);
    this.lines = this.chips.map(() => 0);
    this.picked = -1;
    this.hatched = false;
    this.strip.classList.toggle("close", text.size >= close_from);
    this.strip.replaceChildren(...this.chips);
  }

  pick(token: number): void {
    if (token === this.picked) return;
    const before = this.chips[this.picked];
    const chip = this.chips[token]!;
    // It asks for places: before anything is changed, when they are known.
    reveal(this.strip, chip);
    before?.setAttribute("aria-selected", "false");
    if (before) before.tabIndex = -1;
    chip.setAttribute("aria-selected", "true");
    chip.tabIndex = 0;
    this.picked = token;
    if (before && before === document.activeElement) chip.focus({ preventScroll: true });
  }

  shade(values: ArrayLike<number>, full: number, log: boolean): void {
    this.chips.forEach((chip, token) => {
      const shade = shade_of(values[token] ?? 0, full, log);
      if (shade === this.shades[token]) return;
      this.shades[token] = shade;
      chip.dataset["shade"] = String(shade);
      chip.style.setProperty("--amount", `${shade}%`);
    });
  }

  hatch(text: OpenText, on: boolean): void {
    if (on === this.hatched) return;
    this.hatched = on;
    text.data.tokens.forEach(({ sink }, token) => {
      if (sink) this.chips[token]!.toggleAttribute("data-sink", on);
    });
  }

  underline(weights: ArrayLike<number> | null): void {
    this.chips.forEach((chip, token) => {
      const line = Math.round(100 * Math.min(1, weights?.[token] ?? 0));
      if (line === this.lines[token]) return;
      this.lines[token] = line;
      chip.toggleAttribute("data-line", line > 0);
      chip.style.setProperty("--line-share", `${line}%`);
    });
  }
}

/** Scrolls inside the strip only, and only where the chip is out of sight. */
function reveal(strip: HTMLElement, chip: HTMLElement): void {
  if (strip.scrollHeight <= strip.clientHeight) return;
  const top = chip.offsetTop;
  if (top < strip.scrollTop || top + chip.offsetHeight > strip.scrollTop + strip.clientHeight) {
    strip.scrollTop = top - strip.clientHeight / 2;
  }
}

function token_at(event: Event): number | null {
  const chip = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-token]") : null;
  return chip ? Number(chip.dataset["token"]) : null;
}

function listen(strip: HTMLElement, page: Page, hover: (token: number | null) => void): void {
  strip.addEventListener("click", (event) => {
    const token = token_at(event);
    if (token === null) return;
    const column = event.shiftKey ? true : page.store.state.column;
    page.store.change({ token, other: null, dropped: [], column });
    strip.querySelector<HTMLElement>("[tabindex='0']")?.focus({ preventScroll: true });
  });
  // Shift and a click would mark text.
  strip.addEventListener("mousedown", (event) => {
    if (event.shiftKey) event.preventDefault();
  });
  strip.addEventListener("pointerover", (event) => hover(token_at(event)));
  strip.addEventListener("pointerleave", () => hover(null));
}

function say(reading: HTMLElement, page: Page, token: number | null): void {
  const { state } = page.store;
  const text = text_of(page);
  if (token === null) {
    const rows = state.column ? "the line under a token: its weight on the picked one" : "the line under a token: the weight it gets from the picked one";
    reading.textContent = `${count_text(text.size, "token")} · ${rows} · click to pick, Shift-click: who looks at it`;
    return;
  }
  const { id, text: piece, received } = text.data.tokens[token]!;
  const weight = selection_of(page).weights?.[token];
  const parts = [
    `${token} “${shown_token(piece)}”`,
    `id ${id}`,
    `receives ${weight_text(received)} (all heads), ${weight_text(text.received_by(state.layer, state.head)[token]!)} (head ${head_name(state.layer, state.head)})`,
  ];
  if (weight !== undefined) parts.push(state.column ? `gives ${weight_text(weight)} to ${state.token}` : `gets ${weight_text(weight)} from ${state.token}`);
  reading.textContent = parts.join(" · ");
}
