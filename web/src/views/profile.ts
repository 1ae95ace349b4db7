// All weights of the row or column by position, on a log scale: where in the text they lie.
import { theme_colours } from "../colour.ts";
import { el } from "../dom.ts";
import { Drawing } from "../drawing.ts";
import { weight_text } from "../format.ts";
import type { Page, View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_token } from "../shown_text.ts";

/** Decades that are shown: from 1 down to 0.0001. */
const decades = 4;

function height_of(weight: number): number {
  return weight > 0 ? Math.max(0, 1 + Math.log10(weight) / decades) : 0;
}

/** Of a head that cannot be opened: what each token receives. */
function shown_weights(page: Page): Float64Array {
  const { text, weights } = selection_of(page);
  return weights ?? text.received_by(page.store.state.layer, page.store.state.head);
}

export function profile(page: Page): View {
  const canvas = el("canvas.profile", { role: "img", "aria-label": "All weights by position, on a log scale" });
  const reading = el("figcaption", { "aria-hidden": "true" });
  const root = el("figure.profile-figure", {}, canvas, reading);
  const drawing = new Drawing(canvas, (pen, width, height) => draw_profile(pen, width, height, page));
  const about = (): string => `${selection_of(page).weights ? "every weight" : "received"} by place in the text, log scale from 0.0001 to 1`;
  const token_at = (event: MouseEvent): number => {
    const at = canvas.getBoundingClientRect();
    const size = selection_of(page).text.size;
    return Math.max(0, Math.min(size - 1, Math.floor(((event.clientX - at.left) / at.width) * size)));
  };
  canvas.addEventListener("pointermove", (event) => {
    const token = token_at(event);
    reading.textContent = `${token} “${shown_token(selection_of(page).text.data.tokens[token]!.text)}” ${weight_text(shown_weights(page)[token] ?? 0)}`;
  });
  canvas.addEventListener("pointerleave", () => (reading.textContent = about()));
  canvas.addEventListener("click", (event) => {
    const token = token_at(event);
    if ((selection_of(page).weights?.[token] ?? 0) > 0) page.store.change({ other: token });
  });
  return {
    root,
    update() {
      reading.textContent = about();
      drawing.draw();
    },
  };
}

function draw_profile(pen: CanvasRenderingContext2D, width: number, height: number, page: Page): void {
  const { text, head, query, key } = selection_of(page);
  const weights = shown_weights(page);
  const { hue, accent, line, soft } = theme_colours();
  const { token, column } = page.store.state;
  const other = head === null ? -1 : column ? query : key;
  const step = width / text.size;
  const gap = step > 4 ? 1 : 0;
  pen.fillStyle = line;
  for (let decade = 0; decade <= decades; ++decade) pen.fillRect(0, Math.min(height - 1, (decade / decades) * height), width, 1);
  weights.forEach((weight, at) => {
    const tall = height_of(weight) * height;
    if (tall <= 0) return;
    pen.fillStyle = at === other ? accent : text.data.tokens[at]!.sink ? soft : hue;
    pen.fillRect(at * step, height - tall, Math.max(at === other ? 2 : 0.75, step - gap), tall);
  });
  pen.fillStyle = accent;
  const middle = (token + 0.5) * step;
  pen.beginPath();
  pen.moveTo(middle - 4, 0);
  pen.lineTo(middle + 4, 0);
  pen.lineTo(middle, 6);
  pen.fill();
}
