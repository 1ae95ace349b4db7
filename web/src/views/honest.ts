// The honest line: what these numbers are, how exact they are, and what they do not say.
import { recomputed_difference } from "../arithmetic.ts";
import { el, fill } from "../dom.ts";
import { small_text } from "../format.ts";
import { head_name, type Page, type View } from "../page.ts";
import { selection_of } from "../selection.ts";
import { shown_text } from "../shown_text.ts";
import { term } from "../terms.ts";

export function honest_view(page: Page): View {
  const model = el("p");
  const exact = el("p");
  const caution = el(
    "p",
    {},
    el("b", {}, "Weights are not explanations: "),
    "they say where a head took its values from, not why the model answers as it does. See Jain & Wallace 2019, “Attention is not Explanation” (arXiv:1902.10186), and Wiegreffe & Pinter 2019, “Attention is not not Explanation” (arXiv:1908.04626).",
  );
  const root = el("footer.honest", { id: "honest" }, model, exact, caution);
  return {
    root,
    update() {
      const { text } = selection_of(page);
      const { model: data } = text.data;
      fill(
        model,
        `${shown_text(data.name)} (${shown_text(data.family)}), weights stored as ${shown_text(data.weights)}, computed in f32 by ${shown_text(page.data.program)} in one `,
        term("fused pass"),
        " a layer.",
      );
      fill(exact, ...exactness(page));
    },
  };
}

function exactness(page: Page): (Node | string)[] {
  const { head, query } = selection_of(page);
  const { layer, head: index } = page.store.state;
  if (!head) return [`The rows of head ${head_name(layer, index)} are not in this page.`];
  const deviation = head.deviation?.[query];
  const checked =
    deviation === undefined
      ? "The top weights of this row are the pass’s own; they were not checked against float64. "
      : `Row ${query} of head ${head_name(layer, index)}: its top weights are the pass’s own, at most ${small_text(deviation)} from float64. `;
  return [
    checked,
    "Vectors in this page are rounded to 16-bit steps; weights that are made from them again differ here by at most ",
    el("span.number", {}, small_text(recomputed_difference(head, query))),
    " from the pass’s own.",
  ];
}
