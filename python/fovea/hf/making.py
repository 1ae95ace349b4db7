"""How a layer made its query and key of what it was given: found by the numbers, and shown only where they agree.

A family's code is not asked: what counts is that x · W + b, turned by positions, is the query that the layer asked with. Query
and key are looked for among the outputs of the attention module's own submodules, at token 0, which RoPE does not turn: there
the numbers of a head must stand one after the other, with the same bits. So separate, fused and interleaved projections are
found alike, and what changes the numbers in between (a norm, a scale, a clip) is not taken for a projection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from .questions import Question

# Tokens at which a projection's output is computed again: the same matrix serves all tokens, so a few tell.
_SAMPLED = 8


@dataclass(frozen=True)
class Rope:
    """Pair i of a token at position p turns by p * angles[i] radians; what comes after the pairs does not turn."""

    layout: str  # "half_split": i turns with i + pairs; "interleaved": 2i with 2i + 1
    angles: tuple[float, ...]

    @property
    def base(self) -> float:
        """angles[i] = base^(-i / pairs) to float32's rounding, the base to six digits; 0 where they are not of that form, as
        those of scaled RoPE."""
        pairs = len(self.angles)
        if pairs < 2 or self.angles[-1] <= 0:
            return 0.0
        base = float(f"{self.angles[-1] ** (-pairs / (pairs - 1)):.6g}")
        # A power in float32, whose exponent is rounded too and counts ln(base) times; and the base's six digits.
        return base if all(abs(angle * base ** (i / pairs) - 1) < 1e-5 for i, angle in enumerate(self.angles)) else 0.0

    def pairs_of(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The numbers of rows [..., size] that turn together: two views [..., pairs]."""
        pairs = len(self.angles)
        if self.layout == "interleaved":
            return rows[..., 0 : 2 * pairs : 2], rows[..., 1 : 2 * pairs : 2]
        return rows[..., :pairs], rows[..., pairs : 2 * pairs]

    def turns(self, before: torch.Tensor, after: torch.Tensor) -> bool:
        """Whether it makes `after` of `before`, both [tokens, size], to the rounding of their type.

        Of a pair of length r a model may be off by r * 6u, u half a step of its type: cosine, sine, two products and their
        sum are rounded; and by r * p * angle * 2^-24, for the angle itself is a float32.
        """
        if 2 * len(self.angles) > before.shape[-1]:
            return False
        turn, cos, sin = _turns(self.angles, before.shape[0])
        a, b = self.pairs_of(before.double())
        seen_a, seen_b = self.pairs_of(after.double())
        bound = torch.hypot(a, b) * (6 * _unit(after) + turn * 2**-24)
        off_a = (a * cos - b * sin - seen_a).abs()
        off_b = (b * cos + a * sin - seen_b).abs()
        rest = slice(2 * len(self.angles), None)
        return bool((off_a <= bound).all() and (off_b <= bound).all()) and torch.equal(before[:, rest], after[:, rest])


@lru_cache(maxsize=2)
def _turns(angles: tuple[float, ...], tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Radians, cosines and sines of each position and pair, [tokens, pairs] float64."""
    turn = torch.arange(tokens, dtype=torch.float64)[:, None] * torch.tensor(angles, dtype=torch.float64)
    return turn, turn.cos(), turn.sin()


@dataclass
class _Call:
    """A submodule's call, just made."""

    module: torch.nn.Module
    given: torch.Tensor  # [tokens, size]
    output: torch.Tensor  # [tokens, size]


@dataclass
class Source:
    """Where heads stand in the output of a submodule: head h in columns starts[h] to starts[h] + size."""

    call: _Call
    starts: list[int]
    size: int

    def of_head(self, head: int) -> torch.Tensor:
        """[tokens, size]."""
        return self.call.output[:, self.starts[head] : self.starts[head] + self.size]

    def is_product(self) -> bool:
        """Whether its numbers are given · weight + bias.

        A sum of n products, of one rounding each, in any order is off by n * 2^-24 of the sum of their sizes at most; then
        the result is rounded to its type.
        """
        if not _is_linear(self.call.module):
            return False
        tokens = self.call.given.shape[0]
        some = sorted({round(i * (tokens - 1) / (_SAMPLED - 1)) for i in range(_SAMPLED)})
        given = self.call.given[some].double()
        for head in range(len(self.starts)):
            weight, bias = (part.double() for part in self.weights(head))
            bias = bias if len(bias) else weight.new_zeros(self.size)
            expected = given @ weight.T + bias
            sizes = given.abs() @ weight.abs().T + bias.abs()
            bound = (given.shape[1] + 2) * 2**-24 * sizes + 2 * _unit(self.call.output) * (expected.abs() + bias.abs())
            if bool(((self.of_head(head)[some].double() - expected).abs() > bound).any()):
                return False
        return True

    def weights(self, head: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A head's weight [size, size of the input] and bias [size], or [0] where there is none."""
        module: Any = self.call.module
        rows = slice(self.starts[head], self.starts[head] + self.size)
        weight = module.weight[:, rows].T if isinstance(module, Conv1D) else module.weight[rows]
        return weight.detach(), weight.new_zeros(0) if module.bias is None else module.bias.detach()[rows]


@dataclass
class Making:
    """What is known of how a layer made its query and key: nothing, how they were turned, what they are a product of."""

    input: torch.Tensor | None = None  # [tokens, hidden size], where both are products of it
    rope: Rope | None = None
    query: Source | None = None
    key: Source | None = None

    def facts(self) -> dict[str, Any]:
        """In the words of Explainer.attend."""
        rope = self.rope
        return {"input": self.input, "rope": None if rope is None else (rope.layout, rope.base, list(rope.angles))}

    def forget_numbers(self) -> None:
        """Lets go of the layer's input and outputs; the weights stay at hand."""
        self.input = None
        for source in (self.query, self.key):
            if source is not None:
                source.call.given = source.call.output = torch.empty(0)

    def projection(self, head: int) -> tuple[torch.Tensor, torch.Tensor, list[float], list[float]]:
        """Query and key weight of a query head, float32, and their biases."""
        assert self.query is not None and self.key is not None
        key_head = head // (len(self.query.starts) // len(self.key.starts))
        query_weight, query_bias = self.query.weights(head)
        key_weight, key_bias = self.key.weights(key_head)
        return query_weight.float(), key_weight.float(), query_bias.tolist(), key_bias.tolist()


class Watch:
    """Sees what the submodules of attention modules are given and make, until the module asks."""

    def __init__(self, model: torch.nn.Module, modules: Iterable[torch.nn.Module]) -> None:
        self._model = model
        self._modules = list(dict.fromkeys(modules))
        self._calls: list[_Call] = []
        self._last: Rope | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it, it sees them. A model's output stays as it is."""
        inner = dict.fromkeys(part for module in self._modules for part in module.modules() if part is not module)
        hooks = [part.register_forward_hook(self._see) for part in inner]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._calls.clear()

    def _see(self, module: torch.nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if given and isinstance(given[0], torch.Tensor) and isinstance(output, torch.Tensor):
            self._calls.append(_Call(module, given[0], output))

    def making_of(self, question: Question) -> Making:
        """How the layer that asks made its query and key; ends the look at it."""
        calls, self._calls = self._calls, []
        query, key = question.query[0], question.key[0]
        tokens = query.shape[1]
        seen = [made for call in calls for made in _by_token(call, tokens)]
        sources = (_source(seen, query), _source(seen, key))
        if sources[0] is None or sources[1] is None:
            return Making()
        pairs = ((sources[0], query), (sources[1], key))
        is_as_made = all(torch.equal(source.of_head(h), heads[h]) for source, heads in pairs for h in range(heads.shape[0]))
        rope = None if is_as_made or tokens < 2 else self._turned_by(pairs)
        if not is_as_made and rope is None:
            return Making()
        given = sources[0].call.given
        is_one = torch.equal(given, sources[1].call.given) if given.shape == sources[1].call.given.shape else False
        if not (is_one and sources[0].is_product() and sources[1].is_product()):
            return Making(rope=rope)
        return Making(given, rope, *sources)

    def _turned_by(self, pairs: tuple[tuple[Source, torch.Tensor], ...]) -> Rope | None:
        ropes = _ropes(self._model, pairs[0][1].shape[-1])
        if self._last in ropes:  # that of the layer before: mostly it is this one's too
            ropes.sort(key=lambda rope: rope != self._last)
        for rope in ropes:
            if all(rope.turns(source.of_head(h), heads[h]) for source, heads in pairs for h in range(heads.shape[0])):
                self._last = rope
                return rope
        return None


def _unit(numbers: torch.Tensor) -> float:
    return torch.finfo(numbers.dtype).eps / 2


def _is_linear(module: torch.nn.Module) -> bool:
    forward = type(module).forward
    return (isinstance(module, torch.nn.Linear) and forward is torch.nn.Linear.forward) or (
        isinstance(module, Conv1D) and forward is Conv1D.forward
    )


def _by_token(call: _Call, tokens: int) -> Iterator[_Call]:
    """The call with a row a token, where its output can be read so: [tokens, size] or [tokens, heads, size], or as some norms
    are given it, [heads, tokens, size]; the batch of one before it or not."""
    output, given = (part[0] if part.dim() > 2 and part.shape[0] == 1 else part for part in (call.output, call.given))
    if not output.is_floating_point():
        return
    if output.dim() in (2, 3) and output.shape[0] == tokens:
        yield _Call(call.module, given, output.flatten(1))
    if output.dim() == 3 and output.shape[1] == tokens:
        yield _Call(call.module, given, output.transpose(0, 1).flatten(1))


def _source(calls: list[_Call], heads: torch.Tensor) -> Source | None:
    """Where query or key [heads, tokens, size] come from: a projection rather than another module with the same numbers."""
    for call in sorted(calls, key=lambda call: not _is_linear(call.module)):
        starts = _starts(call.output[0], heads[:, 0])
        if starts is not None:
            return Source(call, starts, heads.shape[-1])
    return None


def _starts(row: torch.Tensor, heads: torch.Tensor) -> list[int] | None:
    """Where each of heads [heads, size] stands in a row of numbers, with the same bits; None unless all do."""
    size = heads.shape[1]
    if row.shape[0] < size or row.dtype != heads.dtype:
        return None
    windows = row.unfold(0, size, 1)
    starts: list[int] = []
    for head in heads:
        maybe = (windows[:, 0] == head[0]).nonzero()[:, 0]
        found = maybe[(windows[maybe] == head).all(-1)]
        if not len(found):
            return None
        starts.append(int(found[0]))
    return starts


def _ropes(model: Any, head_size: int) -> list[Rope]:
    """What turns may be tried: by the frequencies that the model holds now; by the paper's where it holds none."""
    found = [
        tuple(buffer.double().tolist())
        for name, buffer in model.named_buffers()
        if name.endswith("inv_freq") and buffer.dim() == 1 and not name.endswith("original_inv_freq")
    ]
    if not found:
        size = getattr(model.config.get_text_config(), "rotary_dim", None) or head_size
        found = [tuple(10000.0 ** (-i / size) for i in range(0, size, 2))]
    return [Rope(layout, angles) for angles in dict.fromkeys(found) for layout in ("half_split", "interleaved")]
