"""A model's attentions as BertViz takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from .lens import Lens


def to_bertviz(
    attentions: Sequence[Lens], layers: Iterable[int] | None = None, heads: Iterable[int] | None = None, batch: int = 0
) -> tuple[torch.Tensor, ...]:
    """Returns the weights of the layers and heads chosen, None = all: a tensor [1, heads, queries, keys] a layer.

        from bertviz import head_view, model_view
        head_view(fovea.hf.to_bertviz(attentions, layers=[3, 4], heads=[0, 7]), tokens)

    BertViz numbers what it is given from 0. Only those weights are made: O(tokens²) each.
    """
    picked = None if heads is None else list(heads)
    chosen = range(len(attentions)) if layers is None else layers
    return tuple(attentions[layer].dense(picked, batch)[None] for layer in chosen)
