"""The notebooks' modules by their names, on arrays: float32, numpy or torch, answers of the same kind.

Weights are drawn as torch draws them, after ``fovea.random.manual_seed``. Up to 64 tokens every digit is the
notebooks'; beyond, a call goes through ``fovea.attend``.
"""

from fovea._fovea import (
    CausalAttention,
    Embedding,
    FeedForward,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    MultiHeadAttentionWrapper,
    TinySelfAttentionQKV,
    TinySelfAttentionQKVLinear,
    hide_future,
    naive_softmax,
    normalise_by_sum,
    softmax,
)

__all__ = [
    "CausalAttention",
    "Embedding",
    "FeedForward",
    "LayerNorm",
    "Linear",
    "MultiHeadAttention",
    "MultiHeadAttentionWrapper",
    "TinySelfAttentionQKV",
    "TinySelfAttentionQKVLinear",
    "hide_future",
    "naive_softmax",
    "normalise_by_sum",
    "softmax",
]
