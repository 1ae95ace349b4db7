"""What to observe in the layers of a model, said around the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fovea

if TYPE_CHECKING:
    import torch

    from .lens import Lens
    from .questions import Question


@dataclass(frozen=True)
class Observing:
    """What `observe` was asked for."""

    what: Any  # fovea.Observe, or None
    layers: frozenset[int] | None
    keep: bool
    on_layer: Callable[[torch.nn.Module, Lens], None] | None
    # Answers a layer in the place of attend: is given the module, its question and the output to write to.
    answer: Callable[[torch.nn.Module, Question, torch.Tensor], None] | None = None

    def of(self, module: torch.nn.Module) -> Any:
        """The fovea.Observe of a layer, or None."""
        layer = getattr(module, "layer_idx", None)
        return self.what if self.layers is None or layer is None or layer in self.layers else None


_PLAIN = Observing(what=None, layers=None, keep=True, on_layer=None)
_current: ContextVar[Observing] = ContextVar("fovea_hf_observing", default=_PLAIN)


def current() -> Observing:
    """What is to be observed now, in this thread or task."""
    return _current.get()


@contextmanager
def answered_by(answer: Callable[[torch.nn.Module, Question, torch.Tensor], None]) -> Iterator[None]:
    """Within it, layers are answered by `answer`."""
    token = _current.set(Observing(what=None, layers=None, keep=False, on_layer=None, answer=answer))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def observe(
    what: Any = None,
    *,
    layers: Iterable[int] | None = None,
    keep: bool = True,
    on_layer: Callable[[torch.nn.Module, Lens], None] | None = None,
    **fields: Any,
) -> Iterator[None]:
    """Within it, layers observe their weights in the pass that computes the output; each Lens of `attentions` has the answers.

        with torch.no_grad(), fovea.hf.observe(top_weights=8, entropy=True, received=True):
            attentions = model(**inputs, output_attentions=True).attentions
        attentions[3].entropy  # [batch, heads, queries]

    what: a fovea.Observe; or its fields as keyword arguments (not both: TypeError).
    layers: numbers of the layers to observe, None = all; a module without a number is observed.
    keep: False lets each Lens forget query, key and value, and answer only for what was observed: a long text's layers then
        take O(tokens) each.
    on_layer: called with the module and its Lens when a layer has attended, also where the model returns no attentions.

    Another thread, or another asyncio task, has its own. Without it a Lens computes what it is asked for when it is asked.
    """
    if what is not None and fields:
        raise TypeError(f"observe: given a fovea.Observe and {', '.join(sorted(fields))}; wanted one or the other")
    if fields:
        what = fovea.Observe(**fields)
    chosen = None if layers is None else frozenset(layers)
    token = _current.set(Observing(what, chosen, keep, on_layer))
    try:
        yield
    finally:
        _current.reset(token)
