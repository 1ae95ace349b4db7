"""How a layer made its query and key of what it was given: found by the numbers, and shown only where they agree.

A family's code is not asked: what counts is that x · W + b, turned by positions, is the query that the layer asked with. Query
and key are looked for among the outputs of the attention module's own submodules, at token 0, which RoPE does not turn: there
the numbers of a head must stand one after the other, with the same bits. So separate, fused and interleaved projections are
found alike, and what changes the numbers in between (a norm, a scale, a clip) is not taken for a projection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from .questions import Question

# Tokens at which a projection's output is computed again: the same matrix serves all tokens, so a few tell.
_SAMPLED = 8
# Heads are compared some at a time, so that of a long text no second copy of all is made.
_MOST_NUMBERS = 1 << 20


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
        """Whether it makes `after` of `before`, both [heads, tokens, size], to the rounding of their type.

        A model may be off by 6u of a pair's length, u half a step of its type: cosine, sine, two products and their sum are
        rounded; and by p * angle * 2^-24, for the angle itself is a float32. The same in float32 here is another 4u at most.
        The sum of a pair's sizes stands for its length: it is no less.
        """
        if 2 * len(self.angles) > before.shape[-1]:
            return False
        turn, cos, sin = _turns(self.angles, before.shape[1])
        a, b = self.pairs_of(before.float())
        seen_a, seen_b = self.pairs_of(after.float())
        bound = (a.abs() + b.abs()) * (10 * _unit(after) + turn * 2**-24)
        off_a = torch.addcmul(a * cos - seen_a, b, sin, value=-1).abs()
        if not bool((off_a <= bound).all()):
            return False
        off_b = torch.addcmul(b * cos - seen_b, a, sin).abs()
        rest = slice(2 * len(self.angles), None)
        return bool((off_b <= bound).all()) and torch.equal(before[..., rest], after[..., rest])


@lru_cache(maxsize=2)
def _turns(angles: tuple[float, ...], tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Radians, cosines and sines of each position and pair, [tokens, pairs]: the float64's nearest float32."""
    turn = torch.arange(tokens, dtype=torch.float64)[:, None] * torch.tensor(angles, dtype=torch.float64)
    return turn.float(), turn.cos().float(), turn.sin().float()


@dataclass
class _Call:
    """A submodule's call, just made."""

    module: torch.nn.Module
    given: torch.Tensor  # [tokens, size]
    output: torch.Tensor  # [tokens, size]

    @cached_property
    def is_product(self) -> bool:
        """Whether its output is given · weight + bias.

        A sum of n products, of one rounding each, in any order is off by n * 2^-24 of the sum of their sizes at most, and
        that by Cauchy and Schwarz is no more than the product of two lengths: once in the model and once here. Then the model
        rounds the result to its type.
        """
        if not _is_linear(self.module):
            return False
        last = self.given.shape[0] - 1
        some = sorted({round(i * last / (_SAMPLED - 1)) for i in range(_SAMPLED)})
        given, output = self.given[some].float(), self.output[some].float()
        weight, bias = (part.float() for part in self.weights)
        expected = given @ weight.T + bias
        sizes = given.norm(dim=1)[:, None] * weight.norm(dim=1) + bias.abs()
        bound = 2 * (given.shape[1] + 2) * 2**-24 * sizes + 2 * _unit(self.output) * (expected.abs() + bias.abs())
        return bool(((output - expected).abs() <= bound).all())

    @property
    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight [size, size given] and bias [size], or [1] of 0 where there is none."""
        module: Any = self.module
        weight = (module.weight.T if isinstance(module, Conv1D) else module.weight).detach()
        return weight, weight.new_zeros(1) if module.bias is None else module.bias.detach()


@dataclass
class Source:
    """Where heads stand in the output of a submodule: head h in columns starts[h] to starts[h] + size."""

    call: _Call
    starts: list[int]
    size: int

    def agrees(self, heads: torch.Tensor, same: Callable[[torch.Tensor, torch.Tensor], bool]) -> bool:
        """Whether `same` holds of its numbers and those of heads [heads, tokens, size], some heads at a time."""
        some = max(1, _MOST_NUMBERS // heads[0].numel())
        chunks = (slice(first, first + some) for first in range(0, len(heads), some))
        return all(same(self._of_heads(chunk), heads[chunk]) for chunk in chunks)

    def _of_heads(self, chunk: slice) -> torch.Tensor:
        """[heads, tokens, size]."""
        return torch.stack([self.call.output[:, at : at + self.size] for at in self.starts[chunk]])

    def weights(self, head: int) -> tuple[torch.Tensor, list[float]]:
        """A head's weight [size, size given], float32, and bias; empty where there is none."""
        weight, bias = self.call.weights
        rows = slice(self.starts[head], self.starts[head] + self.size)
        return weight[rows].float(), bias[rows].tolist() if len(bias) == len(weight) else []


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
        return query_weight, key_weight, query_bias, key_bias


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
        of_query, of_key = _source(seen, query), _source(seen, key)
        if of_query is None or of_key is None:
            return Making()
        rope = None
        if not (of_query.agrees(query, torch.equal) and of_key.agrees(key, torch.equal)):
            rope = self._turned_by(lambda turns: of_query.agrees(query, turns) and of_key.agrees(key, turns), query)
            if rope is None:
                return Making()
        given, other = of_query.call.given, of_key.call.given
        is_one = given.dim() == 2 and given.shape[0] == tokens and given.shape == other.shape and torch.equal(given, other)
        if not (is_one and of_query.call.is_product and of_key.call.is_product):
            return Making(rope=rope)
        return Making(given, rope, of_query, of_key)

    def _turned_by(self, is_so: Callable[[Callable[[torch.Tensor, torch.Tensor], bool]], bool], query: torch.Tensor) -> Rope | None:
        """The turn for which `is_so` holds, of more tokens than one: that of the layer before is tried first."""
        if query.shape[1] < 2:
            return None
        if self._last is None or not is_so(self._last.turns):
            ropes = _ropes(self._model, query.shape[2])
            found = next((rope for rope in ropes if is_so(rope.turns)), None)
            self._last = found or self._last
            return found
        return self._last


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
