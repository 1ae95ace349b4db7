"""A layer's weights, as far as they are asked for: what a model returns in `attentions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

import fovea

from .questions import Question, attend


class Lens:
    """The attention weights of a layer, in the place of a tensor [batch, heads, queries, keys] that nobody makes.

    What `fovea.hf.observe` asked for was computed with the output; the rest is computed when it is asked for, from the layer's
    query, key and value, which the Lens keeps (unless observe(keep=False)): in the same bits. Heads are query heads. Rows that
    see no key (left padding) have weights 0.

    A cache that is written in place (StaticCache) takes the keys away with the next step; the Lens then says so (RuntimeError).
    Under torch.inference_mode nobody can tell: ask before the next step there.
    """

    def __init__(self, question: Question, attended: Any, *, keep: bool) -> None:
        batch, query_heads, queries, _ = question.query.shape
        self.shape: tuple[int, int, int, int] = (batch, query_heads, queries, question.key.shape[2])
        self._question = question if keep else None
        # Copies, O(tokens) each: the arrays as they are would keep the whole answer with its output alive.
        self._observed: Mapping[str, torch.Tensor] = {
            name: array.clone() for name, array in (attended.observed or {}).items()
        }
        self._log_sum_exp: torch.Tensor = attended.log_sum_exp.clone()
        self._versions = _versions(question)
        self._lens: fovea.Lens | None = None

    def __repr__(self) -> str:
        return f"fovea.hf.Lens(batch, heads, queries, keys = {', '.join(map(str, self.shape))})"

    @property
    def log_sum_exp(self) -> torch.Tensor:
        """[batch, heads, queries], natural logarithm; -inf of a row that sees no key."""
        return self._log_sum_exp

    @property
    def entropy(self) -> torch.Tensor:
        """[batch, heads, queries] in nats: exp of it is how many keys the row looks as if at."""
        return self._seen("entropy", entropy=True)

    @property
    def received(self) -> torch.Tensor:
        """[batch, heads, keys]: the weight that each key gets from all rows."""
        return self._seen("received", received=True)

    def pooled(self) -> torch.Tensor:
        """A picture of each head: [batch, heads, cells of queries, cells of keys], at most 64 x 64 unless
        observe(pooled_map=(queries, keys)) gave the cells' sizes in tokens. A row adds to 1.
        """
        return self._seen("pooled_map", pooled_map=True)

    def top(self, k: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the k largest weights of each row and their keys, each [batch, heads, queries, k], by falling weight;
        weight 0 and key -1 where a row sees fewer. k is 1 to 64.
        """
        observed = self._observed
        if "top_weights" not in observed or observed["top_weights"].shape[-1] < k:
            observed = self._ask(f"top({k})", top_weights=k)
        return observed["top_weights"][..., :k], observed["top_indices"][..., :k]

    def row(self, head: int, query: int, batch: int = 0) -> torch.Tensor:
        """What a query gives to all keys: [keys]."""
        row: torch.Tensor = self._whole("row").row(head, query, batch=batch)
        return row

    def column(self, head: int, key: int, batch: int = 0) -> torch.Tensor:
        """What a key gets from all queries: [queries]."""
        column: torch.Tensor = self._whole("column").column(head, key, batch=batch)
        return column

    def dense(self, heads: Iterable[int] | None = None, batch: int | None = None) -> torch.Tensor:
        """All weights, [batch, heads, queries, keys]: the O(tokens²) tensor that "eager" returns; of some heads or of one
        batch entry (then without that axis) where they are given.
        """
        lens = self._whole("dense")
        entries, query_heads, queries, keys = self.shape
        picked = range(query_heads) if heads is None else list(heads)
        if batch is None:
            return torch.stack([self.dense(picked, entry) for entry in range(entries)])
        return torch.stack([lens.block(head, range(queries), range(keys), batch=batch) for head in picked])

    def __getitem__(self, index: Any) -> LensPart:
        """A part of the weights, as some models cut them; made by its `dense()`."""
        return LensPart(self, index)

    def portraits(self, tokens: torch.Tensor | None = None) -> list[fovea.Portrait]:
        """What kind of head each is: a fovea.Portrait a head. With the keys' token ids (input_ids: [batch, keys] or [keys])
        also whether it is a duplicate-token or an induction head.
        """
        if tokens is None:  # a negative id is no token
            tokens = torch.full((self.shape[3],), -1)
        return self._whole("portraits").portraits(tokens.to(torch.int32))

    def _asked(self, what: str) -> Question:
        question = self._question
        if question is None:
            raise RuntimeError(
                f"fovea.hf.Lens: {what} was not observed, and observe(keep=False) kept nothing to compute it from"
            )
        if _versions(question) != self._versions:
            raise RuntimeError(
                f"fovea.hf.Lens: the layer's keys were written over since (by a static cache?), so {what} cannot be computed; "
                "observe it, or ask before the next step"
            )
        return question

    def _ask(self, what: str, **fields: Any) -> Mapping[str, torch.Tensor]:
        observed: Mapping[str, torch.Tensor] = attend(self._asked(what), fovea.Observe(**fields)).observed
        return observed

    def _seen(self, name: str, **fields: Any) -> torch.Tensor:
        return self._observed[name] if name in self._observed else self._ask(name, **fields)[name]

    def _whole(self, what: str) -> fovea.Lens:
        question = self._asked(what)
        if self._lens is None:
            self._lens = fovea.Lens(attend(question, fovea.Observe(row_statistics=True)))
        return self._lens


class LensPart:
    """A part of a layer's weights: lens[...]."""

    def __init__(self, lens: Lens, index: Any) -> None:
        self._lens = lens
        self._index = index

    def dense(self) -> torch.Tensor:
        """Those weights."""
        return self._lens.dense()[self._index]


def _versions(question: Question) -> tuple[int, ...]:
    """How often each tensor was written to, as far as torch counts."""
    tensors = (question.query, question.key, question.value)
    return tuple(0 if tensor.is_inference() else tensor._version for tensor in tensors)
