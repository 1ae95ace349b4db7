"""The mask function of transformers' AttentionMaskInterface: says the pattern where it knows it, else makes the bools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import masking_utils

from .keep_mask import KeepMask, Pattern

# A rule is known by its code, which all that its maker returns share; what it was made with is in its closure.
_CAUSAL = masking_utils.causal_mask_function.__code__
_BIDIRECTIONAL = masking_utils.bidirectional_mask_function.__code__
_WINDOW = masking_utils.sliding_window_overlay(1).__code__
_WINDOW_BOTH_SIDES = masking_utils.sliding_window_bidirectional_overlay(1).__code__
_AND = masking_utils.and_masks().__code__


class _Unknown(Exception):
    """A rule that has no pattern."""


def _closure(rule: Callable[..., Any], name: str) -> Any:
    return (rule.__closure__ or ())[rule.__code__.co_freevars.index(name)].cell_contents


def _least(a: int | None, b: int | None) -> int | None:
    return a if b is None else b if a is None else min(a, b)


def _read(rule: Callable[..., Any]) -> tuple[bool, int | None, int | None]:
    """Returns (causal, left, right) of a rule of masking_utils. Raises _Unknown for any other."""
    code = getattr(rule, "__code__", None)
    if code is _CAUSAL:
        return True, None, None
    if code is _BIDIRECTIONAL:
        return False, None, None
    if code is _WINDOW:  # key > query - size
        return False, _closure(rule, "sliding_window") - 1, None
    if code is _WINDOW_BOTH_SIDES:  # |query - key| <= size
        size = _closure(rule, "sliding_window")
        return False, size, size
    if code is _AND:
        causal, left, right = False, None, None
        for part in _closure(rule, "mask_functions"):
            is_causal, part_left, part_right = _read(part)
            causal, left, right = causal or is_causal, _least(left, part_left), _least(right, part_right)
        return causal, left, right
    raise _Unknown


def _padding(attention_mask: torch.Tensor | None, kv_length: int, kv_offset: int) -> torch.Tensor | None:
    """The part of the 2-D mask that is about the keys at hand: bool [batch, keys], or None where it hides none."""
    if attention_mask is None:
        return None
    whole = masking_utils.prepare_padding_mask(attention_mask, kv_length, kv_offset)
    assert whole is not None
    padded = whole[:, kv_offset : kv_offset + kv_length].to(torch.bool)
    return None if bool(padded.all()) else padded


def mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int | torch.Tensor = 0,
    kv_offset: int = 0,
    mask_function: Callable[..., Any] = masking_utils.causal_mask_function,
    attention_mask: torch.Tensor | None = None,
    device: torch.device | str = "cpu",
    **others: Any,
) -> torch.Tensor:
    """Returns which keys each query may see: bool [batch, 1, queries, keys], True = may.

    Causal and windowed rules with or without padding are kept as a pattern, others (packed sequences, chunks, blocks, a
    caller's own) as elements. Never None: what None means depends on lengths and on the module, and a model with a static
    cache, or without causality, has been got wrong by it.
    """
    q_offset, kv_offset = int(q_offset), int(kv_offset)
    try:
        causal, left, right = _read(mask_function)
    except _Unknown:
        others.update(allow_is_causal_skip=False, allow_is_bidirectional_skip=False)
        dense = masking_utils.sdpa_mask(
            batch_size, q_length, kv_length, q_offset, kv_offset, mask_function, attention_mask, device=device, **others
        )
        assert dense is not None
        return KeepMask(dense.shape, dense, device)
    pattern = Pattern(causal, q_offset - kv_offset, (left, right), _padding(attention_mask, kv_length, kv_offset))
    return KeepMask((batch_size, 1, q_length, kv_length), pattern, device)
