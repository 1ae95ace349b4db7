"""The same facts as people get them from torch today: from all weights at once, or a block of rows at a time."""

import math

import torch
import torch.nn.functional as functional

BLOCK_ROWS = 256


def weights_of(inputs, first, last):
    """Weights of rows [first, last)."""
    query, key = inputs.query[:, :, first:last], inputs.key
    scores = torch.matmul(query, key.transpose(-2, -1)).mul_(1 / math.sqrt(query.shape[-1]))
    if inputs.causal:
        offset = key.shape[2] - inputs.query.shape[2] + first
        hidden = torch.ones(last - first, key.shape[2], dtype=torch.bool).triu_(offset + 1)
        scores.masked_fill_(hidden, -math.inf)
    return torch.softmax(scores, dim=-1)


def facts_of(weights, k):
    """Top k, entropy, received and the weights pooled over blocks of keys."""
    top = torch.topk(weights, k, dim=-1)
    entropy = torch.special.entr(weights).sum(-1)
    received = weights.sum(-2)
    cell = max(1, weights.shape[-1] // 64)
    pooled = functional.avg_pool1d(weights.flatten(0, 1), cell).mul_(cell)
    return top, entropy, received, pooled


def eager(inputs, k):
    """Everything from the whole matrix of weights."""

    def call():
        weights = weights_of(inputs, 0, inputs.query.shape[2])
        return torch.matmul(weights, inputs.value), facts_of(weights, k)

    return call


def two_pass(inputs, k):
    """The output by scaled_dot_product_attention; then the weights again, a block of rows at a time."""
    queries = inputs.query.shape[2]

    def call():
        output = functional.scaled_dot_product_attention(inputs.query, inputs.key, inputs.value,
                                                         is_causal=inputs.causal)
        parts = [facts_of(weights_of(inputs, first, min(queries, first + BLOCK_ROWS)), k)
                 for first in range(0, queries, BLOCK_ROWS)]
        return output, parts

    return call


def sdpa(inputs):
    """The output alone."""
    return lambda: functional.scaled_dot_product_attention(inputs.query, inputs.key, inputs.value,
                                                           is_causal=inputs.causal)
