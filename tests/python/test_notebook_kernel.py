"""A notebook's kernel, interrupted while fovea computes."""

import time

import pytest

pytest.importorskip("ipykernel")
jupyter_client = pytest.importorskip("jupyter_client")

LONG = """
import numpy as np, fovea
query = np.ones((1, 8, 1 << 17, 64), np.float32)
print("begins", flush=True)
fovea.attend(query, query, query)  # minutes
"""


def reply_of(client, request: str, seconds: float) -> dict:
    """The reply to a request; those to others are dropped."""
    while True:
        reply = client.get_shell_msg(timeout=seconds)
        if reply["parent_header"].get("msg_id") == request:
            return reply["content"]


def next_cell(client, source: str) -> dict:
    """The reply to a cell that is run once the kernel no longer drops those that were queued behind the one that failed."""
    for _ in range(50):
        reply = reply_of(client, client.execute(source), 30)
        if reply["status"] != "aborted":
            break
        time.sleep(0.1)
    return reply


def test_p11_interrupting_the_kernel_ends_the_cell_and_the_next_one_runs():
    manager, client = jupyter_client.manager.start_new_kernel(startup_timeout=60)
    try:
        request = client.execute(LONG)
        while client.get_iopub_msg(timeout=60)["content"].get("text") != "begins\n":
            pass
        time.sleep(0.3)
        manager.interrupt_kernel()
        stopped = reply_of(client, request, 30)
        assert (stopped["status"], stopped["ename"]) == ("error", "KeyboardInterrupt")
        after = next_cell(client, "assert fovea.attend(*[query[:, :, :4]] * 3).output.sum() == 2048")
        assert after["status"] == "ok", after
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
