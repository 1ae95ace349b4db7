"""Attention by the textbook in numpy's float64: the truth that the tests measure by."""

import numpy as np


def positions(queries: int, keys: int, diagonal) -> np.ndarray:
    """Return diagonal(i) - j: [queries, keys]."""
    offset = {"bottom_right": keys - queries, None: keys - queries, "top_left": 0}.get(diagonal, diagonal)
    return np.arange(queries)[:, None] + offset - np.arange(keys)[None, :]


def scores(query, key, modifiers, dtype=np.float64):
    """Return scores [batch, heads, queries, keys] with every modifier, -inf = hidden."""
    query, key = query.astype(dtype), key.astype(dtype)
    groups = query.shape[1] // key.shape[1]
    key = np.repeat(key, groups, axis=1)
    scale = modifiers.get("scale")
    s = np.einsum("bhid,bhjd->bhij", query, key) * dtype(1 / np.sqrt(query.shape[-1]) if scale is None else scale)
    if modifiers.get("softcap"):
        s = modifiers["softcap"] * np.tanh(s / modifiers["softcap"])
    if modifiers.get("bias") is not None:
        s = s + modifiers["bias"].astype(dtype)
    back = positions(query.shape[2], key.shape[2], modifiers.get("diagonal"))
    if modifiers.get("alibi") is not None:
        s = s - modifiers["alibi"].astype(dtype)[:, None, None] * np.abs(back).astype(dtype)
    hidden = np.zeros(s.shape, bool)
    if modifiers.get("causal"):
        hidden |= back < 0
    if modifiers.get("window"):
        left, right = modifiers["window"]
        hidden |= (back > left) if left is not None else False
        hidden |= (back < -right) if right is not None else False
    if modifiers.get("keep") is not None:
        hidden |= ~modifiers["keep"]
    if modifiers.get("key_lengths") is not None:
        hidden |= np.arange(key.shape[2]) >= modifiers["key_lengths"][:, None, None, None]
    return np.where(hidden, -np.inf, s)


def attention(query, key, value, modifiers, dtype=np.float64):
    """Return (output, weights), rows without a key being 0."""
    s = scores(query, key, modifiers, dtype)
    keys = s.shape[-1]
    if modifiers.get("sinks") is not None:
        sink = np.broadcast_to(modifiers["sinks"].astype(dtype)[:, None], s.shape[:-1])[..., None]
        s = np.concatenate([s, sink], axis=-1)
    if s.shape[-1] == 0:
        return np.zeros((*s.shape[:3], value.shape[-1])), s
    top = s.max(axis=-1, keepdims=True)
    e = np.exp(s - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    weights = (e / np.where(total == 0, 1, total))[..., :keys]
    value = np.repeat(value.astype(dtype), query.shape[1] // value.shape[1], axis=1)
    return np.einsum("bhij,bhjc->bhic", weights, value), weights
