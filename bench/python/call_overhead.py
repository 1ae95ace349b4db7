"""What a call from Python costs before any work: attention over 6 tokens of size 3, as in the notebooks.

fovea.attend on numpy and torch arrays, its output taken, beside torch's own scaled_dot_product_attention.
"""

import measure

CALLS = 2000  # to a timed visit: one call is too short for the clock
GOAL_MICROSECONDS = 5.0
TOKENS, SIZE = 6, 3


def repeated(call):
    def many():
        for _ in range(CALLS):
            call()

    return many


def rivals():
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    import fovea

    torch.manual_seed(0)
    plain = [torch.rand(TOKENS, SIZE) for _ in range(3)]
    arrays = [tensor.numpy() for tensor in plain]
    four_axes = [tensor[None, None] for tensor in plain]
    observe = fovea.Observe(entropy=True, top_weights=2)
    calls = {
        "numpy": lambda: fovea.attend(*arrays).output,
        "torch": lambda: fovea.attend(*plain).output,
        "numpy causal": lambda: fovea.attend(*arrays, causal=True).output,
        "numpy observed": lambda: fovea.attend(*arrays, observe=observe).observed.entropy,
        "fovea sdpa": lambda: fovea.scaled_dot_product_attention(*four_axes),
        "torch sdpa": lambda: scaled_dot_product_attention(*four_axes),
    }
    return [measure.Rival(name, repeated(call), threads=1) for name, call in calls.items()]


def run(machine, seconds):
    """Yields one result a way to call: name, microseconds, settled."""
    import torch

    with torch.no_grad():
        all_rivals = rivals()
        settled = measure.measure(all_rivals, machine, seconds)
    for rival in all_rivals:
        yield {"case": "call overhead", "name": rival.name, "microseconds": rival.seconds() / CALLS * 1e6,
               "settled": settled}
