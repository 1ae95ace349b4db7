// The notebook's steps with this model's numbers, from the hidden state to the head's answer; a slider walks them.
import { button, el, fill } from "../dom.ts";
import { weight_text } from "../format.ts";
import { look_of, type Look } from "../look.ts";
import type { Page, View } from "../page.ts";
import { token_of, type Step } from "../step.ts";
import { steps } from "../steps.ts";
import { formula } from "../written.ts";

export function notebook_view(page: Page): View {
  const about = el("p.sub");
  const list = el("ol.steps");
  const walk = walker(page);
  const title = el("h2", { id: "notebook-title" }, "The notebook, with this model’s numbers");
  const root = el("section.card.notebook-card", { id: "notebook", "aria-labelledby": "notebook-title" }, el("div.card-head", {}, title, walk.root), about, list);
  return {
    root,
    update() {
      const look = look_of(page);
      root.hidden = look === null;
      if (!look) return;
      const walked = steps.filter((step) => step.applies(look));
      const at = Math.max(0, walked.findIndex((step) => step.id === page.store.state.step));
      const focused = list.contains(document.activeElement) ? focus_name(document.activeElement!) : null;
      fill(list, ...walked.map((step, i) => step_item(look, step, i, i === at)));
      if (focused) list.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
      fill(about, "How ", token_of(look, look.query), " looks at ", token_of(look, look.key), ": ", el("b.number", {}, weight_text(look.weight)), " of its look. Pick another bar to change the key.");
      walk.show(walked, at);
    },
  };
}

/** How to find an element again after the steps were made anew. */
function focus_name(element: Element): string | null {
  const step = element.closest("[data-step]")?.getAttribute("data-step");
  if (!step) return null;
  const by = element.getAttribute("data-dimension-step");
  const word = element.getAttribute("data-term");
  if (by) return `[data-step="${step}"] [data-dimension-step="${by}"]`;
  return word ? `[data-step="${step}"] [data-term="${CSS.escape(word)}"]` : `[data-step="${step}"] .step-head`;
}

function step_item(look: Look, step: Step, index: number, current: boolean): HTMLElement {
  const { lead, more } = step.make(look);
  const head = button("", { class: "step-head", "aria-expanded": String(current), "aria-controls": `more-${step.id}` }, () =>
    look.page.store.change({ step: step.id }),
  );
  head.append(el("span.step-number", {}, String(index + 1)), el("span.step-title", {}, step.title), formula(step.formula(look)));
  const details = el("div.more", { id: `more-${step.id}` }, ...more);
  return el("li.step", { "data-step": step.id, "data-current": String(current) }, head, el("div.step-body", {}, ...lead, details));
}

function walker(page: Page): { root: HTMLElement; show: (walked: readonly Step[], at: number) => void } {
  let shown: readonly Step[] = [];
  let current = 0;
  const go = (to: number): void => {
    const step = shown[Math.max(0, Math.min(shown.length - 1, to))];
    if (step) page.store.change({ step: step.id });
  };
  const slider = el("input", { id: "step-slider", type: "range", min: 0, step: 1, "aria-label": "Step" });
  const place = el("span.faint", { "aria-hidden": "true" });
  const back = button("‹", { id: "step-back", class: "small", "aria-label": "The step before" }, () => go(current - 1));
  const on = button("›", { id: "step-on", class: "small", "aria-label": "The next step" }, () => go(current + 1));
  slider.addEventListener("input", () => go(Number(slider.value)));
  return {
    root: el("div.controls.walk", {}, place, back, slider, on),
    show(walked, at) {
      [shown, current] = [walked, at];
      slider.max = String(walked.length - 1);
      slider.value = String(at);
      slider.setAttribute("aria-valuetext", `${at + 1} of ${walked.length}: ${walked[at]!.title}`);
      place.textContent = `step ${at + 1} of ${walked.length}`;
      back.disabled = at === 0;
      on.disabled = at === walked.length - 1;
    },
  };
}

