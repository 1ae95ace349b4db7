"""Random questions with any of the modifiers, in any memory layout."""

import numpy as np


def strided(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the same numbers in memory of another order."""
    kind = rng.integers(4)
    if kind == 0:
        return array
    if kind == 1:  # [batch, tokens, heads, size] seen as [batch, heads, tokens, size]
        return np.ascontiguousarray(array.swapaxes(1, 2)).swapaxes(1, 2)
    if kind == 2:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    return array[:, :, ::-1].copy()[:, :, ::-1]


def random_modifiers(rng, batch, heads, queries, keys) -> dict:
    """Return keyword arguments of attend, each with a chance of its own."""

    def chance(share=0.3):
        return rng.random() < share

    made = {}
    if chance():
        made["scale"] = float(rng.uniform(-0.5, 1))
    if chance():
        made["softcap"] = float(rng.uniform(0.5, 5))
    if chance():
        shape = (batch if chance(0.5) else 1, heads if chance(0.5) else 1, queries if chance(0.7) else 1, keys)
        made["bias"] = rng.standard_normal(shape).astype(np.float32)
        made["bias"][rng.random(shape) < 0.1] = -np.inf
    if chance():
        made["keep"] = rng.random((batch if chance(0.5) else 1, 1, queries if chance(0.7) else 1, keys)) < 0.7
    made["causal"] = chance(0.5)
    if chance():
        made["window"] = (int(rng.integers(0, keys + 1)) if chance(0.7) else None, int(rng.integers(0, 5)))
    if chance() and "key_lengths" not in made:
        made["diagonal"] = ("top_left", "bottom_right", int(rng.integers(-3, keys + 3)))[rng.integers(3)]
    if chance():
        made["alibi"] = rng.uniform(0, 1, heads).astype(np.float32)
    if chance():
        made["sinks"] = rng.standard_normal(heads).astype(np.float32)
    if chance(0.2):
        made["key_lengths"] = rng.integers(0, keys + 1, batch)
        made["diagonal"] = int(rng.integers(-2, keys + 1))  # otherwise each entry has its own
    return made


def random_problem(rng) -> tuple:
    """Return (query, key, value, modifiers): float32 arrays of 4 axes, in some layout; empties among them."""
    batch, key_heads, group = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    queries, keys = (int(rng.choice([0, 1, 2, 6, 17, 64, 130])) for _ in range(2))
    size, value_size = (int(rng.choice([1, 3, 8, 16, 64])) for _ in range(2))
    spread = float(rng.choice([0.1, 1, 3]))
    query = (rng.standard_normal((batch, key_heads * group, queries, size)) * spread).astype(np.float32)
    key = rng.standard_normal((batch, key_heads, keys, size)).astype(np.float32)
    value = rng.standard_normal((batch, key_heads, keys, value_size)).astype(np.float32)
    modifiers = random_modifiers(rng, batch, key_heads * group, queries, keys)
    return strided(query, rng), strided(key, rng), strided(value, rng), modifiers
