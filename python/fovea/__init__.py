"""fovea: attention you can see into, on numpy and torch arrays.

    answer = fovea.attend(query, key, value, causal=True, observe=fovea.Observe(entropy=True, top_weights=3))
    answer.output, answer.observed.entropy, answer.observed.top_indices
"""

import importlib
from typing import Any

from fovea import nn, random
from fovea._explain import explain
from fovea._fovea import (
    Attended,
    KvCache,
    Lens,
    Observe,
    Plan,
    Portrait,
    Tile,
    attend,
    cpu_info,
    list_implementations,
    list_observers,
    plan,
)
from fovea._fovea import version as __version__
from fovea._observed import Observed
from fovea._scaled_dot_product_attention import scaled_dot_product_attention
from fovea._walk import Lesson, list_lessons, walk

__all__ = [
    "Attended",
    "KvCache",
    "Lens",
    "Lesson",
    "Observe",
    "Observed",
    "Plan",
    "Portrait",
    "Tile",
    "__version__",
    "attend",
    "cpu_info",
    "explain",
    "list_implementations",
    "list_lessons",
    "list_observers",
    "nn",
    "plan",
    "random",
    "scaled_dot_product_attention",
    "walk",
]


def __getattr__(name: str) -> Any:
    """Import fovea.hf, which needs transformers, when it is asked for."""
    if name != "hf":
        raise AttributeError(f"module 'fovea' has no attribute {name!r}")
    return importlib.import_module("fovea.hf")
