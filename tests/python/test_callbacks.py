"""Observers of one's own: functions that are shown the tiles."""

import gc
import signal
import subprocess
import sys
import threading
import time
import weakref

import dense
import numpy as np
import pytest

import fovea


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = ((2, 4, 150, 16), (2, 2, 300, 16), (2, 2, 300, 8))
    return tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)


def put_together(tiles: list, name: str) -> np.ndarray:
    whole = np.zeros((2, 4, 150, 300), np.float32)
    for tile in tiles:
        part = getattr(tile, name)
        rows = slice(tile.first_query, tile.first_query + part.shape[0])
        keys = slice(tile.first_key, tile.first_key + part.shape[1])
        whole[tile.batch, tile.head, rows, keys] = part
    return whole


@pytest.mark.parametrize("threads", [1, 2])
def test_tiles_put_together_are_the_weights(seed, threads):
    arrays = problem(seed)
    early, late = [], []
    observe = fovea.Observe(on_tile=early.append, on_weights=late.append)
    answer = fovea.attend(*arrays, causal=True, observe=observe, threads=threads)
    assert np.array_equal(answer.output, fovea.attend(*arrays, causal=True).output)
    _, weights = dense.attention(*arrays, {"causal": True})
    np.testing.assert_allclose(put_together(late, "weights"), weights, rtol=1e-4, atol=1e-6)
    assert all(tile.scores is None for tile in late)
    scores = put_together(early, "scores")[np.asarray(weights) > 0]
    expected = (arrays[0].reshape(2, 2, 2, 150, 16) @ arrays[1][:, :, None].mT / 4).reshape(2, 4, 150, 300)
    np.testing.assert_allclose(scores, expected[np.asarray(weights) > 0], rtol=1e-4, atol=1e-5)


def test_a_small_question_is_shown_too_and_tiles_outlive_the_call():
    query = np.eye(3, dtype=np.float32)
    tiles = []
    fovea.attend(query, query, query, observe=fovea.Observe(on_weights=tiles.append))
    (tile,) = tiles
    assert (tile.batch, tile.head, tile.first_query, tile.first_key) == (0, 0, 0, 0)
    np.testing.assert_allclose(tile.weights.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["on_tile", "on_weights"])
def test_p11_what_a_callback_raises_comes_out_once(name):
    arrays = problem(0)
    raised = []

    def fail(tile: fovea.Tile) -> None:
        raised.append(KeyError(tile.head))
        raise raised[-1]

    with pytest.raises(KeyError) as caught:
        fovea.attend(*arrays, observe=fovea.Observe(**{name: fail}))
    assert any(caught.value is one for one in raised) and len(raised) < 8
    assert caught.value.__traceback__ is not None
    assert np.isfinite(fovea.attend(*arrays).output).all()


def test_p11_ctrl_c_in_a_callback_ends_the_call():
    def interrupt(_: fovea.Tile) -> None:
        signal.raise_signal(signal.SIGINT)

    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fovea.attend(*problem(0), observe=fovea.Observe(on_tile=interrupt))
    finally:
        signal.signal(signal.SIGINT, old)
    assert np.isfinite(fovea.attend(*problem(0)).output).all()


def test_a_callback_may_ask_something_itself():
    inner = np.ones((1, 2, 100, 64), np.float32)
    sums = []
    observe = fovea.Observe(on_tile=lambda _: sums.append(fovea.attend(inner, inner, inner).output.sum()))
    fovea.attend(*problem(0), observe=observe)
    assert sums and set(sums) == {np.float32(inner.size)}


def test_a_call_shows_one_tile_at_a_time():
    inside, most = [0], [0]

    def look(_: fovea.Tile) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.002)  # gives up the GIL, as numpy does
        inside[0] -= 1

    fovea.attend(*problem(0), observe=fovea.Observe(on_tile=look), threads=2)
    assert most == [1]


def test_a_callback_may_ask_with_its_own_observe():
    depth, seen = [0], []

    def look(tile: fovea.Tile) -> None:
        seen.append(depth[0])
        if depth[0] == 0:
            depth[0] = 1
            fovea.attend(*problem(0), observe=observe)
            depth[0] = 0

    observe = fovea.Observe(heads=[0], on_weights=look)
    fovea.attend(*[array[:1, :, :40] for array in problem(0)], observe=observe)
    assert seen.count(0) >= 1 and seen.count(1) >= 1


@pytest.mark.parametrize("change", ["append", "truncate"])
def test_a_callback_cannot_change_the_cache_that_is_asked(change):
    cache = fovea.KvCache(head_size=16)
    token = np.ones((200, 16), np.float32)
    cache.append(token, token)

    def touch(_: fovea.Tile) -> None:
        cache.append(token, token) if change == "append" else cache.truncate(1)

    with pytest.raises(ValueError, match="KvCache: a function that is shown tiles cannot change"):
        cache.attend(np.ones((1, 1, 2, 16), np.float32), observe=fovea.Observe(on_weights=touch))
    assert len(cache) == 200
    cache.append(token, token)
    assert len(cache) == 400


def test_what_observes_with_its_own_method_is_freed():
    class Watcher:
        def __init__(self):
            self.observe = fovea.Observe(on_weights=self.look)

        def look(self, _: fovea.Tile) -> None:
            pass

    watcher = weakref.ref(Watcher())
    gc.collect()
    assert watcher() is None


def test_an_observe_that_lives_to_the_end_is_no_leak():
    code = """
import numpy as np, fovea
def look(tile):
    pass
query = np.ones((3, 4), np.float32)
observe = fovea.Observe(on_weights=look)
fovea.attend(query, query, query, observe=observe)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_tile_and_an_observe_say_what_they_are():
    def look(tile: fovea.Tile) -> None:
        shown.append(repr(tile))

    shown: list[str] = []
    observe = fovea.Observe(on_tile=look)
    query = np.ones((2, 70, 4), np.float32)
    fovea.attend(query, query, query, observe=observe)
    assert "fovea.Tile(batch 0, head 1, queries 64 to 69, keys 0 to 69)" in shown
    assert repr(observe) == "fovea.Observe(on_tile=look)"


def test_threads_with_callbacks_wait_for_each_other_without_end():
    counts = [0] * 4

    def ask(index: int) -> None:
        def count(_: fovea.Tile) -> None:
            counts[index] += 1

        fovea.attend(*problem(index), observe=fovea.Observe(on_weights=count))

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(set(counts)) == 1 and counts[0] > 0


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="observe: on_tile is 3; wanted a function"):
        fovea.Observe(on_tile=3)
    query = np.ones((3, 4))
    with pytest.raises(NotImplementedError, match="the reference shows no tiles"):
        fovea.attend(query, query, query, observe=fovea.Observe(on_tile=print))
