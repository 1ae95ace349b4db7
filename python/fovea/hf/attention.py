"""The attention function of transformers' AttentionInterface."""

from __future__ import annotations

from typing import Any

import torch

from .lens import Lens
from .observing import current
from .questions import Question, attend, make_question
from .refusals import refuse_place, refuse_training, refuse_unknown


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **arguments: Any,
) -> tuple[torch.Tensor, Lens | None]:
    """Returns the output [batch, queries, heads, value size] and a Lens on the weights, which costs nothing until it is asked.

    query [batch, heads, queries, size]; key and value [batch, key heads, keys, size], of any strides, copied nowhere.
    Threads are torch's: torch.set_num_threads. Raises NotImplementedError, by name, for what it cannot compute as the model
    wants it: gradients, dropout in training, other devices, arguments that it does not know.
    """
    tensors = (query, key, value)
    refuse_place(module, query)
    refuse_unknown(module, arguments)
    refuse_training(module, dropout, (*tensors, attention_mask, arguments.get("position_bias"), arguments.get("s_aux")))
    question = make_question(module, tensors, attention_mask, {"scaling": scaling, **arguments})
    heads, queries = question.query.shape[1:3]
    output = query.new_empty(question.query.shape[0], queries, heads, value.shape[-1])
    lengths = arguments.get("cu_seq_lens_q")
    if lengths is not None and "keep" not in question.modifiers:  # a mask of bools has the sequences' borders in it
        _attend_packed(question, output, lengths.tolist(), arguments["cu_seq_lens_k"].tolist())
        return output, None
    observing = current()
    if observing.answer is not None:
        observing.answer(module, question, output)
        return output, None
    answered = attend(question, observing.of(module), output.transpose(1, 2))
    lens = Lens(question, answered, keep=observing.keep)
    if observing.on_layer is not None:
        observing.on_layer(module, lens)
    return output, lens


def _attend_packed(question: Question, output: torch.Tensor, queries: list[int], keys: list[int]) -> None:
    """Sequences one after the other along the tokens, each by itself: sequence n has tokens [queries[n], queries[n + 1])."""
    for n in range(len(queries) - 1):
        rows = slice(queries[n], queries[n + 1])
        part = question.part(rows, slice(keys[n], keys[n + 1]))
        attend(part, out=output[:, rows].transpose(1, 2))
