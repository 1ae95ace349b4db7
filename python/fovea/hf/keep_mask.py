"""A mask that says its pattern: causal, a window, padding; O(tokens) where a tensor of bools is O(tokens²)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_map

_SAME = (torch.ops.aten.detach.default, torch.ops.aten.alias.default)
_ADD = (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor)


@dataclass(frozen=True)
class Pattern:
    """Which keys a query may see. Query i stands at key i + offset.

    causal: none after the diagonal. window: (left, right) keys around the diagonal, None = all.
    padding: bool [batch, keys], True = a key that may be seen; None = all may.
    """

    causal: bool
    offset: int
    window: tuple[int | None, int | None] = (None, None)
    padding: torch.Tensor | None = None

    def dense(self, shape: Sequence[int], device: torch.device) -> torch.Tensor:
        """The same as bools of the shape [batch, 1, queries, keys]."""
        queries, keys = shape[-2:]
        diagonal = torch.arange(queries, device=device)[:, None] + self.offset
        key = torch.arange(keys, device=device)[None, :]
        seen = torch.ones(queries, keys, dtype=torch.bool, device=device)
        if self.causal:
            seen &= key <= diagonal
        left, right = self.window
        if left is not None:
            seen &= key >= diagonal - left
        if right is not None:
            seen &= key <= diagonal + right
        dense = seen.expand(tuple(shape))
        return dense & self.padding[:, None, None, :] if self.padding is not None else dense.clone()


class KeepMask(torch.Tensor):
    """A bool mask, True = may attend, that need not hold its elements: [batch, 1, queries, keys] of a Pattern.

    To a model it is a tensor like any other: whatever reads or changes its elements works on `dense()`, made then.
    The attention function takes the pattern instead, as long as nobody can have written to the elements. What is computed
    from it is a KeepMask where it is bools; adding it to numbers, which makes a bias of a mask that is none, is refused.
    """

    pattern: Pattern | None  # None: it has elements, and they may be anything
    _dense: torch.Tensor | None

    @staticmethod
    def __new__(cls, shape: Sequence[int], held: Pattern | torch.Tensor, device: torch.device | str = "cpu") -> KeepMask:
        mask = torch.Tensor._make_wrapper_subclass(cls, tuple(shape), dtype=torch.bool, device=torch.device(device))
        mask.pattern = held if isinstance(held, Pattern) else None
        mask._dense = held if isinstance(held, torch.Tensor) else None
        return mask

    def __init__(self, *_: Any) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"KeepMask(shape={tuple(self.shape)}, {self.pattern or self._dense})"

    def dense(self) -> torch.Tensor:
        """The elements, the same tensor each time."""
        if self._dense is None:
            assert self.pattern is not None
            self._dense = self.pattern.dense(self.shape, self.device)
        return self._dense

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in _SAME or (func is torch.ops.aten.slice.Tensor and _takes_all(*args)):
            if (pattern := args[0].pattern) is not None:
                return KeepMask(args[0].shape, pattern, args[0].device)
        if func in _ADD and any(isinstance(item, torch.Tensor) and item.is_floating_point() for item in args):
            raise NotImplementedError(
                "fovea.hf: a part of the model adds its mask of bools to numbers: attention that is not on transformers' "
                'interface, and goes with the masks of "eager" alone; wanted attn_implementation="eager" there'
            )
        # What writes to its argument, or returns a view of it to write to, says so in its schema.
        writes = any(argument.alias_info is not None for argument in func._schema.arguments)

        def elements(item: Any) -> Any:
            if not isinstance(item, KeepMask):
                return item
            dense = item.dense()
            if writes:
                item.pattern = None
            return dense

        result = func(*tree_map(elements, args), **tree_map(elements, kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype == torch.bool:
            return KeepMask(result.shape, result, result.device)
        return result


def _takes_all(mask: torch.Tensor, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> bool:
    """Whether a slice is the whole: models cut masks to the keys at hand, which they mostly are already."""
    return not start and step == 1 and (end is None or end >= mask.shape[axis])
