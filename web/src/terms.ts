// The field's words, a sentence each, shown on hover or focus where the word stands.
import { el } from "./dom.ts";

/** A new word is a line here. */
const sentences = {
  attention: "For each token, a share of every token that it may look at; the shares are between 0 and 1 and add up to 1.",
  query: "The vector by which a token asks: its dot product with another token’s key says how well the two fit.",
  key: "The vector by which a token is found: it is compared with the query of the token that looks.",
  value: "The vector that a token hands on to those that look at it.",
  weight: "The share of its look that one token gives to another: between 0 and 1, and a row of them adds up to 1.",
  row: "All the weights by which one token looks at the others.",
  column: "The weights by which all others look at one token.",
  entropy: "How spread a look is, in nats: 0 when all of it is on one token, ln n when n tokens get the same.",
  sink: "A token (mostly the first) on which heads rest a large weight when they have nothing to look for; it says little about the text.",
  received: "The mean weight that a token gets from the other tokens that see it.",
  portrait: "What kind of head it is, by its mean weights over all rows: each kind is measured, and many heads are none.",
  induction: "Looks at what followed an earlier copy of the token: “A B … A” looks at B, which is then likely to come next.",
  "previous token": "Looks at the token just before.",
  self: "Looks at its own token.",
  "first token": "Rests on the first token, as on an attention sink.",
  "duplicate token": "Looks at earlier copies of the same token.",
  local: "Looks at few tokens around its own.",
  broad: "Looks at all tokens nearly alike.",
  RoPE: "Rotary position: pairs of numbers in query and key are turned by an angle that grows with the position, so that the dot product knows how far apart two tokens are.",
  "dot product": "Number times number, added up: large where query and key point the same way.",
  scale: "Scores are multiplied by 1/√d (d numbers in a query), or they would grow with d and softmax would see one token only.",
  mask: "What a token may not see gets the score −∞, and so the weight 0: in a decoder, all later tokens.",
  softmax: "exp of each score over the sum of all: makes shares out of scores. The largest is taken off first, so that exp cannot overflow.",
  "log-sum-exp": "max + ln(sum of exp(score − max)): one number a row, from which any weight is exp(score − it).",
  "fused pass": "Weights are made and used block by block, and no matrix of them is ever stored; what is shown here was taken down on the way or made again from query and key.",
  temperature: "Scores are divided by it before softmax: below 1 the look is sharper, above 1 more even.",
  cosine: "How alike two vectors point: 1 the same way, 0 at right angles.",
  share: "What the head brought to the word from the tokens around it, one text less the other, along the difference of the word’s vectors, over its squared length.",
  head: "One of several attentions that a layer computes side by side, each with its own query, key and value.",
  "kept head": "A head whose query, key and value of every token are in this page, so that each of its weights can be opened.",
  softcap: "Scores are bent by c·tanh(s/c), so that none goes beyond ±c.",
} as const;

export type Term = keyof typeof sentences;

export function is_term(text: string): text is Term {
  return Object.hasOwn(sentences, text);
}

export function sentence_of(name: Term): string {
  return sentences[name];
}

/** The word, with its sentence on hover, focus or touch. */
export function term(name: Term, text: string = name): HTMLElement {
  return el("span.term", { role: "button", tabindex: 0, "data-term": name, "aria-describedby": "term-tip" }, text);
}

function place(tip: HTMLElement, word: Element): void {
  const at = word.getBoundingClientRect();
  const width = Math.min(320, innerWidth - 24);
  const below = at.bottom + 8 + tip.offsetHeight < innerHeight;
  tip.style.maxWidth = `${width}px`;
  tip.style.left = `${Math.max(12, Math.min(at.left, innerWidth - tip.offsetWidth - 12))}px`;
  tip.style.top = `${below ? at.bottom + 6 : at.top - tip.offsetHeight - 6}px`;
}

/** One tip for all words. It stays while the pointer is on it, and Escape takes it away. */
export function show_terms(): void {
  const tip = el("div", { id: "term-tip", role: "tooltip", hidden: true });
  document.querySelector("main")!.append(tip);
  let word: Element | null = null;
  const show = (event: Event): void => {
    const found = event.target instanceof Element ? event.target.closest("[data-term]") : null;
    if (!found) {
      if (event.target !== tip) tip.hidden = true;
      return;
    }
    word = found;
    tip.textContent = sentences[(found as HTMLElement).dataset["term"] as Term];
    tip.hidden = false;
    place(tip, found);
  };
  // Focus scrolls its word into the window: the tip goes along, and away only when the word is out of sight.
  const follow = (): void => {
    if (tip.hidden || !word) return;
    const { top, bottom } = word.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) tip.hidden = true;
    else place(tip, word);
  };
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, show);
  document.addEventListener("focusout", () => (tip.hidden = true));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });
  addEventListener("scroll", follow, { passive: true, capture: true });
}
