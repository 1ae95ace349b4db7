"""The notebooks' lessons: HTML in a notebook, text in a terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from fovea._fovea import LessonData, list_lessons, make_lesson
from fovea._lesson_html import lesson_html


class Lesson:
    """A lesson, computed: ``print`` it, or let a notebook show it."""

    def __init__(self, made: LessonData, digits: int = 4) -> None:
        self._made = made
        self._digits = digits

    @property
    def data(self) -> dict[str, Any]:
        """Title, summary and steps with their sentences, formulas and numbers, as ``fovea walk --json`` gives them."""
        lesson: dict[str, Any] = json.loads(self._made.json())["lessons"][0]
        return lesson

    def text(self, columns: int = 80) -> str:
        """Return the lesson drawn in lines of at most so many columns (40 or more)."""
        return self._made.text(columns=columns)

    def _repr_html_(self) -> str:
        return lesson_html(self.data, self._digits)

    def __str__(self) -> str:
        return self.text(min(shutil.get_terminal_size().columns, 120))

    def __repr__(self) -> str:
        return f"<fovea lesson: {self._made.title}; print(lesson) shows it>"


def walk(
    lesson: str = "one-query",
    *,
    tokens: str | Sequence[str] | None = None,
    vectors: Any = None,
    query: int | str | None = None,
    seed: int | None = None,
    d_out: int = 2,
    heads: int = 2,
    digits: int = 4,
) -> Lesson:
    """Return a lesson on attention, each number computed from the words and vectors given.

    ``lesson`` is a name of ``fovea.list_lessons()``. ``tokens`` are the words, in one string or a sequence; the notebooks'
    sentence unless given. ``vectors`` [words, size] are theirs, floating; made up from the words unless given. ``query`` is
    the word that asks, or its index. ``seed``, ``d_out``, ``heads`` are of the projections, ``digits`` the decimals shown.
    Raises ValueError for an unknown lesson (the text lists the known ones), for numbers out of range, and for a word that
    is not there or there twice.
    """
    words = tokens.split() if isinstance(tokens, str) else (list(tokens) if tokens is not None else None)
    for text in [lesson, *(words or [])]:
        if not isinstance(text, str):
            raise TypeError(f"walk: {text!r} is not a str")
        text.encode()  # a lone surrogate is no text: UnicodeEncodeError
    if isinstance(query, str):
        known = words if words is not None else _notebook_words()
        if known.count(query) != 1:
            raise ValueError(f"walk: query {query!r} is {known.count(query)} of the words; wanted one of them, or an index")
        query = known.index(query)
    return Lesson(
        make_lesson(
            lesson, words=words, vectors=vectors, query=query, seed=seed, d_out=d_out, heads=heads, digits=digits
        ),
        digits,
    )


def _notebook_words() -> list[str]:
    """Return the words of the notebooks' sentence."""
    return "Your journey starts with one step".split()


__all__ = ["Lesson", "list_lessons", "walk"]
