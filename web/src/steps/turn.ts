// Position by turning (RoPE): one pair of numbers of the query and of the key, before and after.
import { el, svg } from "../dom.ts";
import { vector_strip } from "../drawing.ts";
import { digits_for, number_text, written_number } from "../format.ts";
import type { Look } from "../look.ts";
import { dimension_picker, named_strip, note, pick_dimension, token_of, type Step, type StepBody } from "../step.ts";
import { term } from "../terms.ts";
import { pair_of, pair_with, type PairLayout } from "../turning.ts";
import { formula } from "../written.ts";
import { sides_of } from "./project.ts";

type Point = [number, number];

function arrow(to: Point, full: number, kind: string): SVGElement {
  const [x, y] = [(44 * to[0]) / full, (-44 * to[1]) / full];
  return svg("g", { class: kind }, svg("line", { x1: 0, y1: 0, x2: x, y2: y }), svg("circle", { cx: x, cy: y, r: 3.5 }));
}

/** The pair as a hand of a clock, before (pale) and after. */
function clock(before: Point, after: Point, full: number, label: string): SVGElement {
  return svg(
    "svg",
    { class: "clock", viewBox: "-52 -52 104 104", role: "img", "aria-label": label },
    svg("circle", { class: "rim", r: 44 }),
    svg("line", { class: "rim", x1: -48, x2: 48, y1: 0, y2: 0 }),
    svg("line", { class: "rim", x1: 0, x2: 0, y1: -48, y2: 48 }),
    arrow(before, full, "before"),
    arrow(after, full, "after"),
  );
}

function pair_text([a, b]: Point): string {
  return `(${number_text(a, 3)}, ${number_text(b, 3)})`;
}

function turned_pair(look: Look, side: ReturnType<typeof sides_of>[number], pair: number): HTMLElement {
  const { angles, layout } = look.rope!;
  const [a, b] = pair_of(layout, pair, angles.length);
  const now = side.letter === "q" ? look.q : look.k;
  const before: Point = [side.vector[a]!, side.vector[b]!];
  const after: Point = [now[a]!, now[b]!];
  const angle = side.token * angles[pair]!;
  const turn = number_text(angles[pair]!, digits_for(4, (d) => number_text(side.token * written_number(number_text(angles[pair]!, d)), 3) === number_text(angle, 3)));
  const label = `Numbers ${a} and ${b} of ${side.letter} turned by ${number_text(angle, 3)} radians: ${pair_text(before)} to ${pair_text(after)}`;
  const full = Math.hypot(...before) || 1;
  return el(
    "div.turned",
    {},
    clock(before, after, full, label),
    el(
      "p.line",
      {},
      formula(`${side.letter}[${a}], ${side.letter}[${b}]`),
      " of ",
      token_of(look, side.token),
      el("br"),
      el("span.number", {}, pair_text(before)),
      el("br"),
      el("span.faint", {}, `turned by ${side.token} × ${turn} = ${number_text(angle, 3)} rad`),
      el("br"),
      el("b.number", {}, pair_text(after)),
    ),
  );
}

/** A turn that can be seen, in radians. */
const visible_turn = 0.4;

/** Nothing picked: the pair that brings most of those whose turn can be seen, for most of q·k comes from pairs that hardly turn. */
function telling_pair(look: Look, angles: readonly number[], layout: PairLayout): number {
  const picked = Math.min(angles.length - 1, pair_with(layout, look.dimension, angles.length));
  if (look.state.dimension !== null) return picked;
  let best = { pair: picked, size: -1 };
  angles.forEach((angle, pair) => {
    const [a, b] = pair_of(layout, pair, angles.length);
    const size = Math.hypot(look.q[a]!, look.q[b]!) * Math.hypot(look.k[a]!, look.k[b]!);
    if (angle * look.query >= visible_turn && angle * look.query < 2 * Math.PI && size > best.size) best = { pair, size };
  });
  return best.pair;
}

function make(look: Look): StepBody {
  const { angles, layout } = look.rope!;
  const pair = telling_pair(look, angles, layout);
  const picked = pair_of(layout, pair, angles.length);
  const on_pick = pick_dimension(look);
  const q = vector_strip(look.q, { label: "the query, turned", picked, on_pick });
  const k = vector_strip(look.k, { label: "the key, turned", picked, on_pick });
  const distance = look.query - look.key;
  return {
    lead: [
      el("p.line", {}, term("RoPE"), `: pairs of numbers are turned by the position, q by ${look.query} and k by ${look.key} steps; only their distance, `, el("b", {}, number_text(distance, 0)), ", is left in q·k"),
      named_strip(formula("q"), q),
      named_strip(formula("k"), k),
    ],
    more: [
      el("p.line", {}, `Pair ${pair} of ${angles.length}, with `, dimension_picker(look, picked.includes(look.dimension) ? look.dimension : picked[0])),
      el("div.clocks", {}, ...sides_of(look).map((side) => turned_pair(look, side, pair))),
      note(
        "The first pairs turn fast and tell near tokens apart; the last hardly turn and carry what does not depend on place. Lengths stay.",
        ...(2 * angles.length < look.q.length ? [` Numbers from ${2 * angles.length} on are not turned.`] : []),
      ),
    ],
  };
}

export const turn_step: Step = {
  id: "turn",
  title: "Turned by position",
  formula: () => "q ← R^i q, k ← R^j k",
  applies: (look) => look.rope !== null,
  make,
};
