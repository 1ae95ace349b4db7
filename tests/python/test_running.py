"""Calls that are interrupted, forked, threaded, or still running when the interpreter ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import fovea

# A job in the background, as a test runner may be, is born with SIGINT ignored, and Python then leaves it so.
LONG_CALL = """
    import signal, sys, numpy as np, fovea
    signal.signal(signal.SIGINT, signal.default_int_handler)
    query = np.ones((1, 8, 1 << 17, 64), np.float32)
    small = np.ones((4, 4), np.float32)
    def long_call():
        print("begins", flush=True)
        fovea.attend(query, query, query)  # minutes
"""


def program(text: str) -> subprocess.Popen:
    code = textwrap.dedent(LONG_CALL) + textwrap.dedent(text)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_p11_ctrl_c_stops_a_long_call_once_and_leaves_the_library_usable():
    process = program(
        """
        try:
            long_call()
        except KeyboardInterrupt:
            print("interrupted")
        print(fovea.attend(small, small, small).output.sum())
        """
    )
    assert process.stdout.readline() == "begins\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    output, errors = process.communicate(timeout=30)
    assert output == "interrupted\n16.0\n", errors
    assert time.monotonic() - began < 10 and process.returncode == 0


def test_p11_a_signals_handler_that_raises_is_heard():
    process = program(
        """
        def raise_own(*_):
            raise ZeroDivisionError("own")
        signal.signal(signal.SIGUSR1, raise_own)
        try:
            long_call()
        except ZeroDivisionError as error:
            print(error)
        """
    )
    assert process.stdout.readline() == "begins\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGUSR1)
    output, errors = process.communicate(timeout=30)
    assert output == "own\n", errors


def test_p11_a_handler_that_returns_lets_the_call_go_on():
    query = np.random.default_rng(0).standard_normal((1, 4, 2048, 64)).astype(np.float32)
    expected = fovea.attend(query, query, query).output
    heard = []
    old = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        for _ in range(3):
            assert np.array_equal(fovea.attend(query, query, query).output, expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert heard


def test_p15_the_interpreter_ends_while_a_call_runs():
    process = program(
        """
        import threading, time
        threading.Thread(target=long_call, daemon=True).start()
        time.sleep(0.5)
        print("ends")
        """
    )
    output, errors = process.communicate(timeout=30)
    assert output == "begins\nends\n" and process.returncode == 0, errors
    assert "leak" not in errors and "terminate" not in errors


def test_p15_a_second_import_is_the_same_module():
    import importlib

    assert importlib.reload(fovea).attend is fovea.attend
    query = np.ones((2, 2), np.float32)
    assert fovea.attend(query, query, query).output.sum() == 4


def test_p15_without_the_gil_it_refuses_to_be_imported():
    code = """
import sys
sys._is_gil_enabled = lambda: False  # as a free-threaded interpreter under PYTHON_GIL=0 says
try:
    import fovea
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "fovea needs the GIL; start Python without PYTHON_GIL=0 and -X gil=0\n", done.stderr
    assert done.returncode == 0


def child_asks(query: np.ndarray, results) -> None:
    results.put(float(fovea.attend(query, query, query).output.sum()))


def test_p10_a_forked_child_finishes():
    query = np.ones((1, 4, 512, 64), np.float32)
    fovea.attend(query, query, query)
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=child_asks, args=(query, results))
    child.start()
    child.join(timeout=20)
    assert child.exitcode == 0
    assert results.get() == pytest.approx(query.size)


def test_p10_os_fork_while_another_thread_is_in_a_call():
    query = np.ones((1, 8, 2048, 64), np.float32)
    small = np.ones((1, 2, 300, 64), np.float32)
    busy = threading.Thread(target=lambda: [fovea.attend(query, query, query) for _ in range(5)])
    busy.start()
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.allclose(fovea.attend(small, small, small).output, 1) else 1)
    deadline = time.monotonic() + 20
    status = (0, 0)
    while status[0] == 0 and time.monotonic() < deadline:
        status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    if status[0] == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    busy.join()
    assert status == (child, 0)


def test_p09_eight_threads_get_the_right_answers(seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal((2, 4, tokens, 32)).astype(np.float32) for tokens in (5, 33, 100, 200, 257, 300, 64, 1)]
    expected = [fovea.attend(array, array, array, causal=True).output for array in arrays]
    wrong = []

    def ask(index: int) -> None:
        for _ in range(20):
            if not np.array_equal(fovea.attend(*[arrays[index]] * 3, causal=True).output, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_p09_an_input_that_changes_disturbs_no_other():
    rng = np.random.default_rng(0)
    moving, still = (rng.standard_normal((2, 4, 400, 64)).astype(np.float32) for _ in range(2))
    expected = fovea.attend(still, still, still).output
    ends = threading.Event()

    def change() -> None:
        while not ends.is_set():
            moving[...] = rng.standard_normal(moving.shape)

    def ask_moving() -> None:
        while not ends.is_set():
            fovea.attend(moving, moving, moving)

    threads = [threading.Thread(target=change), threading.Thread(target=ask_moving)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert np.array_equal(fovea.attend(still, still, still).output, expected)
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def test_p09_a_cache_is_appended_to_while_others_ask():
    cache = fovea.KvCache(head_size=16, key_heads=2)
    token = np.ones((1, 2, 1, 16), np.float32)
    query = np.ones((1, 2, 1, 16), np.float32)
    cache.append(token, token)
    ends = threading.Event()
    wrong = []

    def ask() -> None:
        while not ends.is_set():
            if not np.allclose(cache.attend(query).output, 1):
                wrong.append(cache.tokens)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(600):
        cache.append(token, token)
    ends.set()
    for thread in threads:
        thread.join()
    assert not wrong and len(cache) == 601


def test_the_gil_is_released_while_a_call_runs():
    query = np.ones((1, 8, 2048, 64), np.float32)
    ends = threading.Event()
    counted = [0]

    def count() -> None:
        while not ends.is_set():
            counted[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    began = time.monotonic()
    fovea.attend(query, query, query, threads=1)
    seconds = time.monotonic() - began
    ends.set()
    counter.join()
    assert counted[0] > min(5, seconds / 0.02)
