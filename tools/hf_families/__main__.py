#!/usr/bin/env python3
"""Tries fovea under every model family that transformers has, and writes docs/hf-families.md: tools/hf_families [FAMILY...].

    PYTHONPATH=tools build/python/bin/python -m hf_families        # all of them, some minutes: writes the table
    PYTHONPATH=tools build/python/bin/python -m hf_families llama  # some: prints what came of each

A family's config is made small by one general rule (tiny.py), its weights are random, its input too (inputs.py); it runs
under "eager" and under "fovea", text also padded right and left (compare.py).
"""

from __future__ import annotations

import pathlib
import sys

import torch
import transformers

import fovea.hf

from .compare import TOLERANCE, Verdict, try_family
from .tiny import families

TARGET = pathlib.Path(__file__).parents[2] / "docs" / "hf-families.md"
_HEAD = """# Model families under `fovea.hf`

Written by `python -m hf_families` (tools/hf_families) with transformers {transformers} and torch {torch}: every model type that
transformers names, as a tiny model of random weights, under "eager" and under "fovea". The largest difference is over all
float outputs but attention weights, relative to the largest number of that output (or 1); text was also padded right and left,
where the rows of padding are left out. [How to use it](how-to/hugging-face.md).

| | families |
| --- | --- |
| the same to {tolerance:g} | {same} |
| refused, by name | {refused} |
| fails | {fails} |
| attends by code of its own, not on transformers' interface | {outside} |
| not tried: no tiny model or input by the general rule | {untried} |
| a part of another family, without a model class of its own | {parts} |
"""
_FAILING = """A row that sees no key, as left padding has them, is 0 here and the mean of all values under "eager": recurrent_gemma's
recurrence carries those rows into the text.
"""


def _table(verdicts: list[Verdict], columns: tuple[str, ...]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for verdict in verdicts:
        cells = [_cell(verdict, column) for column in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(verdict: Verdict, column: str) -> str:
    if column == "largest difference":
        return f"{verdict.difference:.1e}"
    if column == "input":
        return verdict.runs
    text = str(getattr(verdict, "family" if column == "family" else column))
    return text.replace("|", "\\|").replace("<", "&lt;")


def document(verdicts: list[Verdict]) -> str:
    """The page: first what works, then what does not and why."""
    by = {result: [v for v in verdicts if v.result == result] for result in {v.result for v in verdicts}}
    same, refused = by.get("same", []), by.get("refused", [])
    failing = by.get("fails", []) + by.get("differs", [])
    untried = [v for v in by.get("not tried", []) if v.model]
    parts = [v for v in by.get("not tried", []) if not v.model]
    outside = by.get("not on the interface", [])
    head = _HEAD.format(
        transformers=transformers.__version__, torch=torch.__version__.split("+")[0], tolerance=TOLERANCE, same=len(same),
        refused=len(refused), fails=len(failing), outside=len(outside), untried=len(untried), parts=len(parts),
    )  # fmt: skip
    lines = [head, "## The same", "", *_table(same, ("family", "model", "input", "largest difference")), ""]
    lines += ["## Refused", "", *_table(refused, ("family", "model", "reason")), ""]
    lines += ["## Failing", "", *_table(failing, ("family", "model", "reason")), "", _FAILING]
    lines += ["## Not on the interface", "", ", ".join(v.family for v in outside) + ".", ""]
    lines += ["## Not tried", "", *_table(untried, ("family", "model", "reason")), ""]
    lines += ["## Parts", "", ", ".join(v.family for v in parts) + ".", ""]
    return "\n".join(lines)


def main() -> None:
    """Tries the families named, or all, and writes the table of all."""
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    fovea.hf.register()
    named = sys.argv[1:]
    verdicts = []
    for family in named or families():
        verdict = try_family(family)
        verdicts.append(verdict)
        print(f"{family}: {verdict.result} {verdict.reason or verdict.runs} {verdict.difference:.1e}", flush=True)
    if not named:
        TARGET.write_text(document(verdicts), encoding="utf-8")


if __name__ == "__main__":
    main()
