"""Random inputs for a model of any kind, by the names that its forward takes."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from transformers import PreTrainedModel

from .tiny import IMAGE, VOCABULARY

BATCH, TOKENS, DECODER_TOKENS = 2, 11, 5
_PADDED = 3


def random_inputs(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Returns the inputs of the model's main kind: text, an image, sound, or sound's features."""
    torch.manual_seed(1)
    names = inspect.signature(model.forward).parameters
    config: Any = model.config
    inputs: dict[str, torch.Tensor] = {}
    if "input_ids" in names:
        inputs["input_ids"] = torch.randint(10, VOCABULARY, (BATCH, TOKENS))
    if "decoder_input_ids" in names:
        inputs["decoder_input_ids"] = torch.randint(10, VOCABULARY, (BATCH, DECODER_TOKENS))
    if "pixel_values" in names and (not inputs or model.main_input_name == "pixel_values" or _both(model)):
        inner = getattr(config, "vision_config", config)
        side = getattr(inner, "image_size", IMAGE) or IMAGE
        side = side if isinstance(side, int) else side[0]
        inputs["pixel_values"] = torch.randn(BATCH, getattr(inner, "num_channels", 3) or 3, side, side)
    if "input_values" in names:
        inputs["input_values"] = torch.randn(BATCH, 4000)
    if "input_features" in names and "input_ids" not in names:
        bins = getattr(config, "num_mel_bins", getattr(config, "feature_size", 16))
        inputs["input_features"] = torch.randn(BATCH, bins, 128)
    if "bbox" in names:
        inputs["bbox"] = torch.zeros(BATCH, TOKENS, 4, dtype=torch.long)
    if not inputs:
        raise ValueError(f"its input is {model.main_input_name}")
    return inputs


def _both(model: PreTrainedModel) -> bool:
    """Whether it is one of those that compare a text with an image and want both."""
    return hasattr(model, "get_image_features") and hasattr(model, "get_text_features")


def paddings() -> dict[str, torch.Tensor]:
    """2-D masks with one entry of the batch padded on either side."""
    right = torch.ones(BATCH, TOKENS, dtype=torch.long)
    right[0, -_PADDED:] = 0
    return {"padded right": right, "padded left": right.flip(1)}
