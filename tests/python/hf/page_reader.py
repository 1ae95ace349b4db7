"""Reads a page as a browser would: its JSON and its numbers."""

import base64
import json
import math
import re

import numpy

_TYPES = {"f32": "<f4", "i32": "<i4", "i16": "<i2", "u8": "u1"}


class ReadPage:
    """A page of one text, taken apart. `text` is its TextData (web/src/data.ts)."""

    def __init__(self, html):
        self.text = json.loads(_script(html, "fovea-data"))["texts"][0]
        self._numbers = base64.b64decode(_script(html, "fovea-numbers"))

    def block(self, at):
        kind = numpy.dtype(_TYPES[at["type"]])
        numbers = numpy.frombuffer(self._numbers, kind, math.prod(at["shape"]), at["at"])
        return numbers.reshape(at["shape"]).astype(numpy.float64)

    def vectors(self, stepped):
        """Numbers [rows, size], and how far each may be from what it was made of [rows, 1]: half a step."""
        steps = self.block(stepped["steps"])[:, None]
        return self.block(stepped["values"]) * steps, steps * 0.5001

    def kept(self, layer, head):
        return _one(self.text["kept"], layer=layer, head=head)

    def key(self, layer, head):
        """The keys that a query head uses."""
        return _one(self.text["kept_keys"], layer=layer, key_head=self.kept(layer, head)["key_head"])["key"]

    def input(self, layer):
        return _one(self.text["kept_inputs"], layer=layer)["input"]

    def projection(self, layer, head):
        return _one(self.text["kept_projections"], layer=layer, head=head)

    def rope(self, layer, head):
        """What turned the head's query and key, or None."""
        place = self.kept(layer, head)["rope"]
        return None if place is None else self.text["ropes"][place]


def turned(rows, rope):
    """Rows [tokens, size] turned by their positions: pairs as complex numbers."""
    if rope is None:
        return rows
    pairs = len(rope["angles"])
    real, imaginary = (
        (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if rope["layout"] == "interleaved" else (slice(0, pairs), slice(pairs, 2 * pairs))
    )
    turn = numpy.exp(1j * numpy.arange(len(rows))[:, None] * numpy.array(rope["angles"]))
    after = (rows[:, real] + 1j * rows[:, imaginary]) * turn
    made = rows.copy()
    made[:, real], made[:, imaginary] = after.real, after.imag
    return made


def _script(html, name):
    found = re.search(f'<script type="[a-z/]+" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert found, f"no {name}"
    return found[1]


def _one(all_of_them, **wanted):
    return next(one for one in all_of_them if wanted.items() <= one.items())
