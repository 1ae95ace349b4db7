"""fovea.explain: the page of `fovea explain` for any model on transformers' attention interface."""

from __future__ import annotations

import html
import inspect
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch

from fovea._fovea import Explainer, ExplanationData, most_page_bytes

from .making import Making, Watch
from .observing import answered_by
from .questions import Question

# Guesses after every token are made for texts up to this length: longer ones' logits would take more than the model.
_MOST_GUESSED = 2048
_ROW_GUESSES = 3


class Explanation:
    """What a model's attention did with a text. A notebook shows its page; `save` writes it."""

    def __init__(self, made: ExplanationData, most_bytes: int) -> None:
        self._made = made
        self._most_bytes = most_bytes

    @property
    def data(self) -> dict[str, Any]:
        """All numbers, as `fovea explain --json` gives them: its keys are in docs/explanation.md."""
        data: dict[str, Any] = json.loads(self._made.json())
        return data

    @cached_property
    def _page(self) -> tuple[str, str]:
        """The page, and a line on what it holds: made once, for a notebook asks for both."""
        return self._made.page(self._most_bytes)

    @property
    def html(self) -> str:
        """The page: one file that needs no network."""
        return self._page[0]

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes the page to a file. Returns a line on what it holds."""
        page, line = self._page
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        return line

    def _repr_html_(self) -> str:
        # A frame of its own: the page's style and policy hold inside, the notebook's outside, and neither reads the other.
        page = html.escape(self.html)
        return f'<iframe sandbox="allow-scripts" style="width:100%;height:44rem;border:0" srcdoc="{page}"></iframe>'

    def __repr__(self) -> str:
        return f"<fovea explanation: {self._page[1]}; .save(path) writes the page>"


def explain(
    model: torch.nn.Module,
    tokenizer: Any,
    text: str,
    *,
    only_heads: Iterable[tuple[int, int]],
    first_heads: Iterable[tuple[int, int]],
    guesses: int,
    most_bytes: int | None,
) -> Explanation:
    """What fovea.explain does; what it takes unless told stands there."""
    ids, tokens = _tokens(tokenizer, text)
    with _under_fovea(model), torch.no_grad():
        facts, modules = _facts(model, ids, tokens)
        limit = most_page_bytes(len(tokens)) if most_bytes is None else most_bytes
        explainer = Explainer(facts, tokens, list(only_heads), list(first_heads), limit)
        watch, makings = Watch(model, modules), list[Making]()
        with watch.watching():
            answer = _run(model, ids, _taking(explainer, watch, makings))
        logits = getattr(answer, "logits", None) if facts["has_logits"] else None
        likely = _likely(tokenizer, logits[0, -1:], guesses)[0] if logits is not None else []
        rows = _likely(tokenizer, logits[0], _ROW_GUESSES) if logits is not None and logits.shape[1] == len(tokens) else []
        vector = [] if facts["is_causal"] else _sentence_vector(answer)
        made = explainer.finish(text, likely, rows, vector)
        made.keep_projections(lambda layer, head: makings[layer].projection(head), limit)
    return Explanation(made, limit)


def _tokens(tokenizer: Any, text: str) -> tuple[torch.Tensor, list[tuple[int, str, str, int, int]]]:
    """The ids [1, tokens], and each token's id, text, piece and bytes of the text (first, count)."""
    encoded = tokenizer(text, return_offsets_mapping=bool(getattr(tokenizer, "is_fast", False)))
    ids = list(encoded["input_ids"])
    if not ids:
        raise ValueError("explain: a text without any token")
    byte_at = [0, *itertools.accumulate(len(character.encode("utf-8", "surrogatepass")) for character in text)]
    places = encoded.get("offset_mapping") or [(0, 0)] * len(ids)
    pieces = tokenizer.convert_ids_to_tokens(ids)
    tokens = [
        (number, tokenizer.decode([number]), piece, byte_at[first], byte_at[end] - byte_at[first])
        for number, piece, (first, end) in zip(ids, pieces, places, strict=True)
    ]
    return torch.tensor([ids]), tokens


@contextmanager
def _under_fovea(model: Any) -> Iterator[None]:
    from . import register

    register()
    # Parts of a model have configs of their own, and these may differ.
    parts = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    before = [(config, config._attn_implementation_internal) for config in parts.values()]
    model.set_attn_implementation("fovea")
    try:
        yield
    finally:
        for config, implementation in before:
            config._attn_implementation_internal = implementation


def _run(model: Any, ids: torch.Tensor, answer: Callable[[torch.nn.Module, Question, torch.Tensor], None]) -> Any:
    names = inspect.signature(model.forward).parameters
    options: dict[str, Any] = {"use_cache": False} if "use_cache" in names else {}
    if ids.shape[1] > _MOST_GUESSED and "logits_to_keep" in names:
        options["logits_to_keep"] = 1
    with answered_by(answer):
        return model(input_ids=ids.to(model.device), **options)


def _facts(model: Any, ids: torch.Tensor, tokens: list[Any]) -> tuple[dict[str, Any], list[torch.nn.Module]]:
    """What the page says of the model, of its config and of what its layers ask over the first two tokens; and the modules
    that ask."""
    config = model.config.get_text_config()
    if "decoder_input_ids" in inspect.signature(model.forward).parameters:
        raise ValueError(f"explain: {type(model).__name__} is an encoder and a decoder; wanted one: model.get_encoder()")
    asked: list[Question] = []
    modules: list[torch.nn.Module] = []

    def answer(module: torch.nn.Module, question: Question, output: torch.Tensor) -> None:
        asked.append(question)
        modules.append(module)
        output.zero_()

    few = ids[:, [0, min(1, ids.shape[1] - 1)]]  # two, for one alone does not show who sees whom
    answered = _run(model, few, answer)
    if not asked:
        raise ValueError(f"explain: no layer of {type(model).__name__} is on transformers' attention interface")
    if asked[0].query.dtype == torch.float64:
        raise ValueError(f"explain: {type(model).__name__} computes in float64; wanted float32, as model.float() has it, or 16 bits")
    heads = {(question.query.shape[1], question.key.shape[1]) for question in asked}
    if len(heads) > 1:
        shapes = ", ".join(f"{of} with {keys} key heads" for of, keys in sorted(heads))
        raise ValueError(f"explain: {type(model).__name__} has layers of other numbers of heads: {shapes}; wanted one number")
    if any(question.query.shape[:3:2] != question.key.shape[:3:2] for question in asked):
        raise ValueError(f"explain: a layer of {type(model).__name__} looks at another text than its own; wanted one text")
    causal = _is_causal(asked[0])
    query_heads, key_heads = heads.pop()
    name = getattr(model, "name_or_path", "") or type(model).__name__
    facts = {
        "family": config.model_type,
        "name": os.path.basename(name.rstrip("/")),
        "origin": name,
        "layers": len(asked),
        "query_heads": query_heads,
        "key_heads": key_heads,
        "head_size": asked[0].query.shape[3],
        "hidden_size": int(getattr(config, "hidden_size", 0)),
        "vocabulary": int(getattr(config, "vocab_size", 0)),
        "context_length": int(getattr(config, "max_position_embeddings", 0) or 0),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "is_causal": causal,
        "has_logits": causal and getattr(answered, "logits", None) is not None,
        "weights": str(model.dtype).removeprefix("torch."),
    }
    return facts, modules


def _is_causal(question: Question) -> bool:
    keep = question.modifiers.get("keep")
    return bool(question.modifiers.get("causal")) or (keep is not None and not bool(keep[0, 0, 0, -1]))


def _taking(
    explainer: Explainer, watch: Watch, makings: list[Making]
) -> Callable[[torch.nn.Module, Question, torch.Tensor], None]:
    """Answers layer after layer, watched by the explainer; how each made its question is added to `makings`."""

    def answer(_: torch.nn.Module, question: Question, output: torch.Tensor) -> None:
        arrays = (question.query, question.key, question.value)
        making = watch.making_of(question)
        made = explainer.attend(len(makings), *arrays, question.modifiers, making.facts(), torch.get_num_threads())
        making.forget_numbers()
        makings.append(making)
        output.copy_(made.transpose(1, 2))

    return answer


def _likely(tokenizer: Any, logits: torch.Tensor, count: int) -> list[list[tuple[int, str, float]]]:
    """The likeliest next tokens after each row of logits [rows, vocabulary]: id, text, probability."""
    found = []
    for first in range(0, logits.shape[0], 128):
        probabilities, ids = logits[first : first + 128].float().softmax(-1).topk(min(count, logits.shape[-1]))
        for row, chosen in zip(probabilities.tolist(), ids.tolist(), strict=True):
            found.append([(number, tokenizer.decode([number]), share) for number, share in zip(chosen, row, strict=True)])
    return found


def _sentence_vector(answer: Any) -> list[float]:
    """The mean of an encoder's hidden states, of length 1. Source: Reimers & Gurevych 2019, arXiv:1908.10084."""
    hidden = getattr(answer, "last_hidden_state", None)
    if hidden is None:
        return []
    mean = hidden[0].float().mean(0)
    return list((mean / mean.norm().clamp(min=1e-12)).tolist())
