"""One family under "eager" and under "fovea": does it come to the same?"""

from __future__ import annotations

import contextlib
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import fovea.hf

from .inputs import DECODER_TOKENS, paddings, random_inputs
from .tiny import VARIANTS, model_class, tiny_config, tiny_model

TOLERANCE = 1e-5
_SECONDS = 60


@dataclass
class Verdict:
    """What came of a family. result: "same", "refused", "differs", "fails", "not on the interface" or "not tried"."""

    family: str
    model: str = ""
    result: str = "not tried"
    reason: str = ""
    difference: float = 0.0
    calls: int = 0
    runs: str = ""


def _line(error: BaseException) -> str:
    text = " ".join((str(error).strip() or type(error).__name__).split())
    if (at := text.find("ValueError: ")) > 0:  # a config's own words, inside of what says where it was checked
        text = text[at + len("ValueError: ") :]
    if "requires the" in text and "library" in text:
        return "wants the " + text.split("requires the ")[1].split()[0] + " library"
    return f"{type(error).__name__}: {text[:140]}"


def floats(answer: Any, prefix: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """All float tensors in a model's answer but attention weights and caches, with their names."""
    if isinstance(answer, torch.Tensor):
        if answer.is_floating_point():
            yield prefix, answer
    elif hasattr(answer, "items"):
        for name, item in answer.items():
            if "attention" not in name and name != "past_key_values":
                yield from floats(item, f"{prefix}.{name}" if prefix else name)
    elif isinstance(answer, (tuple, list)):
        for number, item in enumerate(answer):
            yield from floats(item, f"{prefix}[{number}]")


def difference(expected: Any, got: Any, real: torch.Tensor | None = None) -> float:
    """The largest difference, over the larger of 1 and the largest number; `real` [batch, tokens] bool says which rows count."""
    worst = 0.0
    others = dict(floats(got))
    for name, tensor in floats(expected):
        other = others[name]
        if real is not None:
            if tensor.dim() < 3 or tensor.shape[1] not in (real.shape[1], DECODER_TOKENS):
                continue
            if tensor.shape[1] == real.shape[1]:
                tensor, other = tensor[real], other[real]
        if not bool(torch.isfinite(tensor).all()):
            raise ArithmeticError(f"eager's {name} is not finite")
        if tensor.numel():
            worst = max(worst, float((tensor - other).abs().nan_to_num(torch.inf).max() / tensor.abs().max().clamp(min=1)))
    return worst


@contextlib.contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Calls:
    """Counts the layers that fovea computed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: Any) -> None:
        self.count += 1


def run(model: PreTrainedModel, implementation: str, inputs: dict[str, Any], calls: Calls | None = None) -> Any:
    """The model's answer under an implementation."""
    model.set_attn_implementation(implementation)
    torch.manual_seed(2)
    with torch.no_grad(), fovea.hf.observe(on_layer=calls):
        return model(**inputs)


def try_family(family: str) -> Verdict:
    """Runs a tiny random model of the family as it is and, where its input is text, padded right and left."""
    verdict = Verdict(family)
    cls = model_class(family)
    if cls is None:
        verdict.reason = "transformers names no model for it"
        return verdict
    verdict.model = cls.__name__
    try:
        with warnings.catch_warnings(), _limit(_SECONDS):
            warnings.simplefilter("ignore")
            _try(verdict)
    except Exception as error:  # a family may fail in any way that its code can
        verdict.reason = _line(error)
    return verdict


def runnable(family: str) -> tuple[PreTrainedModel, dict[str, torch.Tensor], Any]:
    """A tiny model of the family that runs, its inputs and its answer under "eager". Raises what the first try raised."""
    cls = model_class(family)
    first: Exception | None = None
    for variant in VARIANTS:
        try:
            config = tiny_config(cls.config_class or CONFIG_MAPPING[family], variant)
            config._attn_implementation = "eager"
            model = tiny_model(cls, config)
            inputs = random_inputs(model)
            answer = run(model, "eager", inputs)
            difference(answer, answer)
            return model, inputs, answer
        except Exception as error:  # a family may fail in any way that its code can
            first = first or error
    assert first is not None
    raise first


def _try(verdict: Verdict) -> None:
    model, inputs, expected = runnable(verdict.family)
    verdict.result = "fails"
    calls = Calls()
    try:
        answer = run(model, "fovea", inputs, calls)
    except NotImplementedError as error:
        verdict.result = "refused"
        verdict.reason = str(error).splitlines()[0]
        return
    except Exception as error:
        verdict.reason = _line(error)
        with contextlib.suppress(Exception):
            run(model, "sdpa", inputs)
            return
        verdict.reason += '; under "sdpa" too'
        return
    verdict.calls = calls.count
    if calls.count == 0:
        verdict.result = "not on the interface"
        return
    runs = {" + ".join(inputs): difference(expected, answer)}
    if set(inputs) <= {"input_ids", "decoder_input_ids", "bbox"}:
        for name, mask in paddings().items():
            padded = {**inputs, "attention_mask": mask}
            try:
                expected = run(model, "eager", padded)
            except Exception:  # a family without padding
                continue
            runs[name] = difference(expected, run(model, "fovea", padded), mask.bool())
    verdict.runs = ", ".join(runs)
    verdict.difference = max(runs.values())
    verdict.result = "same" if verdict.difference <= TOLERANCE else "differs"
    if verdict.result == "differs":
        verdict.reason = ", ".join(f"{name}: {worst:.2g}" for name, worst in runs.items())
