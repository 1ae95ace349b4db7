"""A lesson as HTML for notebooks: inline styles alone, so that it looks the same wherever a notebook is shown."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from fovea._fovea import printable

_FACE = "font-family:system-ui,sans-serif;line-height:1.5;max-width:46em"
_MONO = "font-family:ui-monospace,monospace;font-size:90%"
_CELL = f"{_MONO};text-align:right;padding:1px 8px;border:0"
_NAME = "text-align:left;padding:1px 8px;border:0;font-weight:normal;opacity:.8"
_CAPTION = "opacity:.7;font-size:90%;margin:.6em 0 .1em"
_BLUE = "58,110,180"
_MOST_ROWS = 40


def lesson_html(lesson: dict[str, Any], digits: int = 4) -> str:
    """Return the lesson's page part. All text in it is escaped. Tables and maps of more than 40 rows are cut, and say so."""
    parts = [f'<div style="{_FACE}"><h3>{_text(lesson["title"])}</h3><p>{_text(lesson["summary"])}</p>']
    for number, step in enumerate(lesson["steps"], 1):
        parts.append(f'<h4>{number}&nbsp; {_text(step["title"])}</h4><p>{_text(step["sentence"])}</p>')
        if step["formula"]:
            parts.append(f'<p style="{_MONO};margin-left:2em">{"<br>".join(map(_text, step["formula"].splitlines()))}</p>')
        parts.extend(_DRAW[figure["kind"]](figure, digits) for figure in step["figures"])
    parts.append("</div>")
    return "".join(parts)


def _text(text: str) -> str:
    """Return text for HTML: what would turn other text round, or hide, stands there as an escape."""
    return html.escape(printable(text))


def _number(value: float | str, digits: int) -> str:
    """Return a number as people read it; "nan", "inf" and "-inf" come as text."""
    if isinstance(value, str):
        return _text(value)
    if value != 0 and not 10.0**-digits <= abs(value) < 1e7:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def _caption(name: str) -> str:
    return f'<div style="{_CAPTION}">{_text(name)}</div>' if name else ""


def _more(count: int) -> str:
    return f'<div style="{_CAPTION}">and {count - _MOST_ROWS} more</div>' if count > _MOST_ROWS else ""


def _row(name: str, cells: Sequence[str], style: str = "") -> str:
    return f'<tr style="background:none;{style}"><td style="{_NAME}">{_text(name)}</td>{"".join(cells)}</tr>'


def _head(columns: Sequence[str]) -> str:
    names = "".join(f'<td style="{_CELL};opacity:.7">{_text(name)}</td>' for name in columns[:_MOST_ROWS])
    return f'<tr style="background:none"><td style="border:0"></td>{names}</tr>'


def _table(figure: dict[str, Any], digits: int) -> str:
    rows, first_total = figure["rows"], len(figure["rows"]) - figure["totals"]
    lines = [_head(figure["columns"])] if figure["columns"] else []
    for index, (name, values) in enumerate(zip(rows[:_MOST_ROWS], figure["values"], strict=False)):
        style = "border-top:1px solid;" if index == first_total and figure["totals"] else ""
        style += "font-weight:bold" if index == figure["focus"] else ""
        cells = [f'<td style="{_CELL}">{_number(value, digits)}</td>' for value in values[:_MOST_ROWS]]
        lines.append(_row(name, cells, style))
    table = f'<table style="border-collapse:collapse;margin:.2em 0 .8em 1em">{"".join(lines)}</table>'
    return _caption(figure["name"]) + table + _more(len(rows))


def _bars(figure: dict[str, Any], digits: int) -> str:
    finite = [abs(value) for value in figure["values"] if not isinstance(value, str)]
    largest = max([*finite, 1e-30])
    lines = []
    for index, (name, value) in enumerate(zip(figure["labels"][:_MOST_ROWS], figure["values"], strict=False)):
        share = 0.0 if isinstance(value, str) else abs(value) / largest
        shade = ".9" if index == figure["focus"] else ".5"
        bar = f'<div style="height:.8em;width:{16 * share:.2f}em;background:rgba({_BLUE},{shade})"></div>'
        lines.append(
            _row(name, [f'<td style="{_CELL}">{_number(value, digits)}</td>', f'<td style="border:0">{bar}</td>'])
        )
    table = f'<table style="border-collapse:collapse;margin:.2em 0 .8em 1em">{"".join(lines)}</table>'
    return _caption(figure["name"]) + table + _more(len(figure["labels"]))


def _map(figure: dict[str, Any], digits: int) -> str:
    low, high = figure.get("low", 0.0), figure.get("high", 1.0)
    lines = [_head(figure["columns"])]
    for name, values in zip(figure["rows"][:_MOST_ROWS], figure["values"], strict=False):
        cells = []
        for value in values[:_MOST_ROWS]:
            share = 0.0 if isinstance(value, str) or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
            cells.append(
                f'<td style="{_CELL};background:rgba({_BLUE},{0.6 * share:.2f})">{_number(value, digits)}</td>'
            )
        lines.append(_row(name, cells))
    table = f'<table style="border-collapse:collapse;margin:.2em 0 .8em 1em">{"".join(lines)}</table>'
    return _caption(figure["name"]) + table + _more(len(figure["rows"]))


def _worked(figure: dict[str, Any], digits: int) -> str:
    lines = "".join(
        f'<div>{_text(line["name"])} = {_text(line["expression"])}{" = " if line["expression"] else ""}'
        f'<b>{_number(line["value"], digits)}</b></div>'
        for line in figure["lines"][:_MOST_ROWS]
    )
    return f'<div style="{_MONO};margin:.2em 0 .8em 2em">{lines}</div>' + _more(len(figure["lines"]))


def _comparison(figure: dict[str, Any], digits: int) -> str:
    lines = "".join(
        _row(
            f"{mark} {side['how']}",
            [f'<td style="{_CELL}">{_number(value, digits)}</td>' for value in side["values"][:_MOST_ROWS]],
        )
        for mark, side in (("✗", figure["wrong"]), ("✓", figure["right"]))
    )
    return _caption(figure["name"]) + f'<table style="border-collapse:collapse;margin-left:1em">{lines}</table>'


def _note(figure: dict[str, Any], digits: int) -> str:
    return f"<p>{_text(figure['text'])}</p>"


_DRAW: dict[str, Callable[[dict[str, Any], int], str]] = {
    "table": _table,
    "bars": _bars,
    "map": _map,
    "worked": _worked,
    "comparison": _comparison,
    "note": _note,
}
