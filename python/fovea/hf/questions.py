"""What a layer of a model asks, in the words of fovea.attend: masks, biases and sinks sorted into their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

import fovea

from .keep_mask import KeepMask, Pattern
from .refusals import refuse_mask


@dataclass
class Question:
    """One call of attend. query [batch, heads, queries, size]; key and value [batch, key heads, keys, size], as the model has
    them. `modifiers` are fovea.attend's keyword arguments.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    modifiers: dict[str, Any] = field(default_factory=dict)

    def part(self, rows: slice, keys: slice) -> Question:
        """The question about some rows and keys, by themselves."""
        return Question(self.query[:, :, rows], self.key[:, :, keys], self.value[:, :, keys], dict(self.modifiers))


def make_question(
    module: torch.nn.Module,
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mask: torch.Tensor | None,
    arguments: dict[str, Any],
) -> Question:
    """Returns the question that a module asks with those tensors, mask and keyword arguments. Copies no query, key or value."""
    query, key, value = tensors
    if query.shape[0] != key.shape[0]:  # queries that are learned come once for all batch entries
        batch = max(query.shape[0], key.shape[0])
        query, key, value = (tensor.expand(batch, *tensor.shape[1:]) for tensor in (query, key, value))
    question = Question(query, key, value)
    modifiers = question.modifiers
    modifiers["scale"] = arguments.get("scaling")
    modifiers["softcap"] = arguments.get("softcap")
    if (sinks := arguments.get("s_aux")) is not None:
        modifiers["sinks"] = sinks.detach().reshape(-1)
    if (bias := arguments.get("position_bias")) is not None:
        modifiers["bias"] = bias.detach()
    if mask is None:
        _no_mask(module, question, arguments.get("is_causal"))
    else:
        _add_mask(module, modifiers, mask)
    if (indices := arguments.get("indices")) is not None:
        _keep_only(question, indices)
    return question


def _no_mask(module: torch.nn.Module, question: Question, is_causal: bool | None) -> None:
    """The mask function never says None: a model that does has made its own mind up, by the rules of "sdpa"."""
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    if causal and question.query.shape[2] > 1:
        question.modifiers["causal"] = True
        question.modifiers["diagonal"] = "top_left"


def _add_mask(module: torch.nn.Module, modifiers: dict[str, Any], mask: torch.Tensor) -> None:
    if isinstance(mask, KeepMask):
        if mask.pattern is not None:
            return _add_pattern(modifiers, mask.pattern)
        mask = mask.dense()
    refuse_mask(module, mask)
    mask = mask.detach()
    if mask.dtype == torch.bool:
        modifiers["keep"] = mask
    else:
        bias = modifiers.get("bias")
        modifiers["bias"] = mask if bias is None else bias + mask


def _add_pattern(modifiers: dict[str, Any], pattern: Pattern) -> None:
    modifiers["causal"] = pattern.causal
    modifiers["diagonal"] = pattern.offset
    if pattern.window != (None, None):
        modifiers["window"] = pattern.window
    if pattern.padding is not None:
        modifiers["keep"] = pattern.padding[:, None, None, :]


def _keep_only(question: Question, indices: torch.Tensor) -> None:
    """Hides all keys but those that an indexer chose for each row: [batch, queries, chosen]."""
    batch, queries = indices.shape[:2]
    chosen = torch.zeros(batch, queries, question.key.shape[2], dtype=torch.bool)
    chosen.scatter_(-1, indices.long(), True)
    keep = question.modifiers.get("keep")
    question.modifiers["keep"] = chosen[:, None] if keep is None else keep & chosen[:, None]


def attend(question: Question, observe: Any = None, out: torch.Tensor | None = None) -> Any:
    """Returns the fovea.Attended. `out` [batch, heads, queries, value size] is written to. Threads are torch's."""
    arrays = (question.query, question.key, question.value)
    return fovea.attend(*arrays, **question.modifiers, observe=observe, out=out, threads=torch.get_num_threads())
