// The word's cosine by layer, a line for each pair of texts, named where it ends.
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { svg } from "../dom.ts";
import type { ComparisonData } from "../data.ts";
import { text_letter } from "./header.ts";

const width = 560;
const height = 250;
const margin = { top: 12, right: 100, bottom: 34, left: 50 };
/** Names of lines stand this far apart or more. */
const name_height = 15;

/** "embedding", "0" …, "end" */
function place_names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (i === 0 ? "embedding" : i === count - 1 ? "end" : String(i - 1)));
}

/** Moves names apart that would stand on one another. */
export function apart(heights: readonly number[], least: number): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  const moved = [...heights];
  for (let i = 1; i < order.length; ++i) moved[order[i]!] = Math.max(moved[order[i]!]!, moved[order[i - 1]!]! + least);
  return moved;
}

export function cosine_lines(comparison: ComparisonData): { root: SVGElement } {
  const { pairs, farthest } = comparison;
  const count = pairs[0]?.cosines.length ?? 1;
  const all = pairs.flatMap(({ cosines }) => cosines);
  const x = scaleLinear().domain([0, Math.max(1, count - 1)]).range([margin.left, width - margin.right]);
  const y = scaleLinear().domain([Math.min(...all, 0.9), Math.max(1, ...all)]).nice(5).range([height - margin.bottom, margin.top]);
  const label = pairs.map(({ texts: [a, b], cosines }) => `${text_letter(a)} and ${text_letter(b)}: ${cosines[0]?.toFixed(3)} at first, ${cosines.at(-1)?.toFixed(3)} in the end`).join("; ");
  const root = svg("svg", { class: "lines", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Cosine by layer. ${label}` });
  const chart = select(root);
  const rows = chart.selectAll("g.rule").data(y.ticks(5)).join("g").attr("class", "rule");
  rows.append("line").attr("x1", margin.left).attr("x2", width - margin.right).attr("y1", y).attr("y2", y);
  rows.append("text").attr("x", margin.left - 8).attr("y", y).attr("dy", "0.35em").attr("text-anchor", "end").text((tick) => tick.toFixed(2));
  draw_places(root, place_names(count), x);
  const ends = apart(pairs.map(({ cosines }) => y(cosines.at(-1) ?? 1)), name_height);
  pairs.forEach(({ texts: [a, b], cosines }, i) => {
    const line = chart.append("g").attr("class", i === farthest ? "pair farthest" : `pair dash-${i % 3}`).attr("data-pair", `${a}-${b}`);
    line.append("path").attr("d", `M${cosines.map((cosine, at) => `${x(at).toFixed(1)},${y(cosine).toFixed(1)}`).join("L")}`);
    if (count <= 16) line.selectAll("circle").data(cosines).join("circle").attr("cx", (_, at) => x(at)).attr("cy", y).attr("r", 2.5);
    line.append("text").attr("x", width - margin.right + 8).attr("y", ends[i]!).attr("dy", "0.35em").text(`${text_letter(a)} ${text_letter(b)}  ${cosines.at(-1)?.toFixed(3)}`);
  });
  return { root };
}

function draw_places(root: SVGElement, names: readonly string[], x: (at: number) => number): void {
  const every = Math.ceil(names.length / 10);
  const last = names.length - 1;
  const room = (at: number, of: number): boolean => Math.abs(x(at) - x(of)) > 26;
  const kept = names
    .map((name, at) => ({ name, at }))
    .filter(({ at }) => at === 0 || at === last || ((at - 1) % every === 0 && room(at, 0) && room(at, last)));
  select(root)
    .selectAll("text.place")
    .data(kept)
    .join("text")
    .attr("class", "place")
    .attr("x", ({ at }) => x(at))
    .attr("y", height - margin.bottom + 20)
    .attr("text-anchor", "middle")
    .text(({ name }) => (name === "embedding" ? "emb." : name));
}
