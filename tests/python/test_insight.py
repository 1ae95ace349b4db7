"""Observers, Lens, KvCache and portraits against dense weights."""

import dense
import numpy as np
import problems
import pytest

import fovea

EVERYTHING = {
    "top_weights": 3,
    "entropy": True,
    "received": True,
    "pooled_map": (4, 4),
    "distance": True,
    "mass_first": 2,
    "mass_self": True,
    "mass_previous": True,
    "row_statistics": True,
}


def entropy(weights: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.where(weights > 0, weights * np.log(weights), 0).sum(-1)


def at_distance(weights: np.ndarray, back: np.ndarray, distance: int) -> np.ndarray:
    return np.where(back == distance, weights, 0).sum(-1)


def test_observers_say_what_dense_weights_say(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        query, key, value, modifiers = problems.random_problem(rng)
        if 0 in (query.shape[2], key.shape[2]):
            continue
        _, weights = dense.attention(query, key, value, modifiers)
        observe = fovea.Observe(**EVERYTHING, rows=[0], columns=[key.shape[2] - 1])
        answer = fovea.attend(query, key, value, observe=observe, **modifiers)
        assert np.array_equal(answer.output, fovea.attend(query, key, value, **modifiers).output)
        seen = answer.observed
        close = {"rtol": 1e-4, "atol": 2e-5}  # softcap and scores of 30 cost digits
        np.testing.assert_allclose(seen.entropy, entropy(weights), **close)
        np.testing.assert_allclose(seen.received, weights.sum(-2), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(seen.rows[:, :, 0], weights[:, :, 0], **close)
        np.testing.assert_allclose(seen.columns[:, :, 0], weights[..., -1], **close)
        np.testing.assert_allclose(seen.mass_first, weights[..., :2].sum(-1), **close)
        expected = np.sort(weights, axis=-1)[..., ::-1][..., :3]
        np.testing.assert_allclose(seen.top_weights[..., : expected.shape[-1]], expected, **close)
        found = np.take_along_axis(weights, np.maximum(seen.top_indices, 0).astype(np.int64), -1)
        np.testing.assert_allclose(np.where(seen.top_indices < 0, 0, found), seen.top_weights, **close)
        if "key_lengths" not in modifiers:
            back = dense.positions(query.shape[2], key.shape[2], modifiers.get("diagonal"))
            np.testing.assert_allclose(seen.mass_self, at_distance(weights, back, 0), **close)
            np.testing.assert_allclose(seen.mass_previous, at_distance(weights, back, 1), **close)


def test_observers_agree_with_torchs_dense_weights():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(5)
    query, key = (torch.randn(2, 4, 40, 16, generator=generator) for _ in range(2))
    weights = torch.softmax((query @ key.mT / 4).masked_fill(torch.ones(40, 40).triu(1).bool(), -torch.inf), -1)
    seen = fovea.attend(query, key, key, causal=True, observe=fovea.Observe(received=True, top_weights=5)).observed
    torch.testing.assert_close(seen.received, weights.sum(-2), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.top_weights, weights.topk(5).values, rtol=1e-4, atol=1e-6)


def test_observed_is_a_mapping_of_what_was_asked_for():
    query = np.ones((2, 3, 4), np.float32)
    seen = fovea.attend(query, query, query, observe=fovea.Observe(entropy=True, top_weights=2)).observed
    assert list(seen) == ["top_weights", "top_indices", "entropy"] and len(seen) == 3
    assert seen["entropy"] is seen.entropy and seen.entropy.shape == (2, 3)
    assert "top_weights [2, 3, 2]" in repr(seen)
    with pytest.raises(AttributeError, match="received was not asked for; there is top_weights"):
        _ = seen.received
    assert len(fovea.attend(query, query, query).observed) == 0


def test_labels_and_heads_choose_what_is_observed():
    rng = np.random.default_rng(0)
    query = rng.standard_normal((3, 5, 4)).astype(np.float32)
    labels = np.array([0, 1, 0, 1, 0], np.int32)
    observe = fovea.Observe(heads=[0, 2], query_labels=labels, key_labels=labels, rows=[4])
    seen = fovea.attend(query, query, query, observe=observe).observed
    _, weights = dense.attention(query[None], query[None], query[None], {})
    assert seen.rows.shape == (2, 1, 5)
    expected = np.where(labels[:, None] == labels, weights[0], 0).sum(-1)
    np.testing.assert_allclose(seen.mass_match, expected[[0, 2]], rtol=1e-5)
    with pytest.raises(ValueError, match="observe"):
        fovea.attend(query, query, query, observe=fovea.Observe(heads=[3], entropy=True))


def lens_of(query, key, value, **modifiers) -> fovea.Lens:
    return fovea.Lens(fovea.attend(query, key, value, observe=fovea.Observe(row_statistics=True), **modifiers))


def test_a_lens_gives_any_part_of_the_weights(seed):
    rng = np.random.default_rng(seed)
    query, key = (rng.standard_normal((2, 4, tokens, 8)).astype(np.float32) for tokens in (7, 9))
    lens = lens_of(query, key, key, causal=True)
    _, weights = dense.attention(query, key, key, {"causal": True})
    assert (lens.batch, lens.query_heads, lens.queries, lens.keys, lens.heads) == (2, 4, 7, 9, [0, 1, 2, 3])
    np.testing.assert_allclose(lens.dense(1), weights[1], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(lens.row(2, 3, batch=1), lens.dense(1)[2, 3])
    np.testing.assert_array_equal(lens.column(2, 3, batch=1), lens.dense(1)[2, :, 3])
    np.testing.assert_array_equal(lens.block(0, range(1, 4), range(2, 9)), lens.dense()[0, 1:4, 2:9])
    assert lens.cell(3, 6, 0) == lens.dense()[3, 6, 0]
    best = lens.top(1, 5, 2)
    assert [key for key, _ in best] == list(np.argsort(-weights[0, 1, 5])[:2])
    with pytest.raises(ValueError, match="head is 4; there are 4"):
        lens.row(4, 0)
    with pytest.raises(ValueError, match="rises by 1"):
        lens.block(0, range(0, 4, 2), range(9))
    with pytest.raises(ValueError, match="row_statistics=True"):
        fovea.Lens(fovea.attend(query, key, key))


def test_a_cache_answers_with_the_bits_of_plain_keys(seed):
    rng = np.random.default_rng(seed)
    key, value = (rng.standard_normal((2, 3, 300, size)).astype(np.float32) for size in (16, 8))
    query = rng.standard_normal((2, 6, 2, 16)).astype(np.float32)
    cache = fovea.KvCache(batch=2, key_heads=3, head_size=16, value_size=8)
    for first in range(0, 300, 50):
        cache.append(key[:, :, first : first + 50], value[:, :, first : first + 50])
    assert (len(cache), cache.tokens) == (300, 300) and cache.capacity >= 300
    assert np.array_equal(cache.attend(query, causal=True).output, fovea.attend(query, key, value, causal=True).output)
    cache.truncate(7)
    plain = fovea.attend(query, key[:, :, :7], value[:, :, :7])
    assert np.array_equal(cache.attend(query).output, plain.output)
    with pytest.raises(ValueError, match=r"key is \[1, 3, 300, 16\]; \[2, 3, tokens, 16\]"):
        cache.append(key[:1], value[:1])
    with pytest.raises(ValueError, match="dtype is 'int8'"):
        fovea.KvCache(head_size=4, dtype="int8")


def test_portraits_name_a_head_that_looks_back():
    tokens = np.arange(40, dtype=np.int32)
    query = np.zeros((1, 2, 40, 64), np.float32)
    key = np.zeros((1, 2, 40, 64), np.float32)
    for token in range(40):
        query[0, 0, token, (token - 1) % 40] = 100  # head 0 asks for the key before its own
        key[0, :, token, token] = 1
    previous, broad = lens_of(query, key, key, causal=True).portraits(tokens)
    assert [name for name, _ in previous.labels] == ["previous token"]
    assert previous.previous > 0.9 and previous.head == 0
    assert [name for name, _ in broad.labels] == ["broad"]
    assert str(previous).startswith("previous token")
