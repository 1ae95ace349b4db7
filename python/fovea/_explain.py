"""fovea.explain, which needs torch and transformers only when it is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fovea.hf.explaining import Explanation


def explain(
    model: Any,
    tokenizer: Any,
    text: str,
    *,
    only_heads: Iterable[tuple[int, int]] = (),
    first_heads: Iterable[tuple[int, int]] = (),
    guesses: int = 5,
    most_bytes: int | None = None,
) -> Explanation:
    """Run a Hugging Face model over the text with observers on every head: the page of ``fovea explain``, for any model.

        page = fovea.explain(model, tokenizer, "Your journey starts with one step.")
        page  # a notebook shows it
        page.save("page.html"), page.data["telling"]

    ``model`` is a decoder or an encoder on transformers' attention interface; it runs under fovea here, whatever it is set
    to. ``only_heads`` are the (layer, head) to look at, all unless given; ``first_heads`` those whose rows the page keeps
    before others; ``guesses`` how many likely next tokens to name; ``most_bytes`` of the page: 0 = no limit, None = as
    ``fovea explain --html``.

    Layers are those that attend, in their order, from 0. Where a layer's scores have a bias, or a mask that is no pattern,
    the page has its maps and portraits and cannot open its rows. Raises ValueError for a text without tokens, for heads that
    are not there, for a model of two stacks, or with other numbers of heads in other layers; and as the model does.
    """
    from fovea.hf.explaining import explain as explain_model

    return explain_model(
        model, tokenizer, text, only_heads=only_heads, first_heads=first_heads, guesses=guesses, most_bytes=most_bytes
    )
