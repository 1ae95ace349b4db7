"""What the interface may hand over that would change the answer and is not computed: refused, by name."""

from __future__ import annotations

from typing import Any

import torch
from torch.jit._trace import is_tracing

# Said to every backend, and of no consequence for the numbers: the mask already has it, or it is about what to return.
_HARMLESS = frozenset(
    (
        "cache cache_position deterministic is_causal logits_to_keep max_length_k max_length_q num_items_in_batch "
        "output_attentions output_hidden_states output_router_logits past_key_value past_key_values position_embeddings "
        "position_ids return_dict sliding_window use_cache"
    ).split()
)
# Computed here.
_COMPUTED = frozenset("cu_seq_lens_k cu_seq_lens_q indices position_bias s_aux softcap".split())
# Known by name, to say more than the name.
_REASONS = {
    "sinks": "a sink for each row; fovea computes one for each head",
    "block_indices": "keys chosen by blocks",
    "head_mask": "weights multiplied after the softmax",
}


def _named(module: torch.nn.Module) -> str:
    layer = getattr(module, "layer_idx", None)
    return f"fovea.hf: {type(module).__name__}" + ("" if layer is None else f" of layer {layer}")


def refuse_unknown(module: torch.nn.Module, arguments: dict[str, Any]) -> None:
    """Raises NotImplementedError for an argument, not None, that may change the answer and is not computed."""
    for name, given in arguments.items():
        if given is None or given is False or name in _HARMLESS or name in _COMPUTED:
            continue
        reason = f" ({_REASONS[name]})" if name in _REASONS else ""
        raise NotImplementedError(
            f"{_named(module)} hands {name!r}{reason} to its attention, which fovea does not compute; "
            'wanted a model without it, or attn_implementation="eager"'
        )


def refuse_training(module: torch.nn.Module, dropout: float, tensors: tuple[torch.Tensor | None, ...]) -> None:
    """Raises NotImplementedError for dropout in training and for tensors that want a gradient."""
    if dropout and module.training:
        raise NotImplementedError(
            f"{_named(module)} is in training with a dropout of {dropout}, which fovea does not compute; "
            "wanted model.eval()"
        )
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
        raise NotImplementedError(
            f"{_named(module)} wants gradients, which fovea does not compute; wanted torch.no_grad() or "
            "torch.inference_mode() around the call"
        )


def refuse_place(module: torch.nn.Module, query: torch.Tensor) -> None:
    """Raises NotImplementedError for tensors that are not on the CPU, or are none but stand for some, as in tracing."""
    if query.device.type != "cpu":
        raise NotImplementedError(
            f"{_named(module)} is on {query.device}; fovea computes on the CPU: wanted model.to('cpu')"
        )
    if is_tracing():  # type: ignore[no-untyped-call]
        raise NotImplementedError(f"{_named(module)} is being traced, which fovea cannot be; wanted a plain call")


def refuse_mask(module: torch.nn.Module, mask: torch.Tensor) -> None:
    """Raises TypeError for a mask that is neither bools nor numbers to add."""
    if mask.dtype != torch.bool and not mask.dtype.is_floating_point:
        raise TypeError(
            f"{_named(module)} has a mask of {mask.dtype}; wanted bools (True = may attend) or floats (added to scores)"
        )
