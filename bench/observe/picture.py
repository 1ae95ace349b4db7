"""Draws time and memory against the number of keys, both axes logarithmic, as an SVG of lines and text alone."""

import html
import math

SERIES = (("fovea, observing", "#0b6e99", "all"), ("torch, all weights in memory", "#b3541e", "eager"),
          ("torch, block by block", "#7a7a7a", "two_pass"))
WIDTH, HEIGHT, LEFT, TOP, INNER_WIDTH, INNER_HEIGHT = 860, 340, 70, 50, 300, 220
GAP = 430


def seconds(result, name):
    if name == "all":
        return result["all_ms"] / 1e3
    ratio = result[f"ratio_{name}"]
    return ratio and ratio * result["all_ms"] / 1e3


def per_head(number, result):
    return number and number / result["shape"][1]


def curves(results):
    """For each panel and series: points (keys, number a head)."""
    chosen = [r for r in results if not r["causal"] and r["shape"][5] == results[0]["shape"][5]]
    panels = {"time a head": seconds, "memory a head beyond the inputs": lambda r, name: r[f"memory_{name}"]}
    return {title: {label: [(r["shape"][4], per_head(value(r, name), r)) for r in chosen if value(r, name)]
                    for label, _, name in SERIES} for title, value in panels.items()}


def readable(number, title):
    if title.startswith("time"):
        return f"{number:g} s" if number >= 1 else f"{number * 1e3:g} ms"
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g} B"


def panel(title, lines, left):
    points = [point for line in lines.values() for point in line]
    low_x, high_x = (f(math.log2(x) for x, _ in points) for f in (min, max))
    base = 10 if title.startswith("time") else 4
    low_y = math.floor(min(math.log(y, base) for _, y in points))
    high_y = math.ceil(max(math.log(y, base) for _, y in points))
    at_x = lambda x: left + (math.log2(x) - low_x) / max(1, high_x - low_x) * INNER_WIDTH
    at_y = lambda y: TOP + INNER_HEIGHT - (math.log(y, base) - low_y) / max(1, high_y - low_y) * INNER_HEIGHT
    parts = [f'<text x="{left}" y="{TOP - 18}" font-weight="bold">{html.escape(title)}</text>']
    for power in range(low_y, high_y + 1):
        y = at_y(base**power)
        parts.append(f'<line x1="{left}" x2="{left + INNER_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{readable(base**power, title)}</text>')
    for x in sorted({x for x, _ in points}):
        parts.append(f'<text x="{at_x(x):.1f}" y="{TOP + INNER_HEIGHT + 18}" text-anchor="middle">{x:,}</text>')
    for (label, colour, _), line in zip(SERIES, lines.values()):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
    parts.append(f'<text x="{left + INNER_WIDTH / 2}" y="{TOP + INNER_HEIGHT + 38}" text-anchor="middle">keys</text>')
    return parts


def draw(results):
    parts = []
    for i, (title, lines) in enumerate(curves(results).items()):
        parts += panel(title, lines, LEFT + i * GAP)
    for i, (label, colour, _) in enumerate(SERIES):
        x = LEFT + i * 250
        parts.append(f'<rect x="{x}" y="{HEIGHT - 14}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 20}" y="{HEIGHT - 8}">{html.escape(label)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>' + "\n".join(parts) + "</svg>\n")
