#!/usr/bin/env python3
"""Writes tests/golden/torch_errors.json: how far torch's attention in float32 is from float64, on fixed questions.

Run with torch 2.13 on a CPU: build/peers/bin/python tools/make_torch_errors.py (after script/bootstrap peers).
tests/engine/accuracy_test.cc draws the same numbers and holds fovea to these errors. So that both draw the same bits,
all numbers are made of torch.rand, which fovea::rand repeats exactly: a normal number is the sum of 12 uniform ones
less 6, exact in double and rounded once. They are drawn in the order query, key, value, bias, keep, sinks.
"""

import json
import math
import pathlib
import warnings

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

SEED = 2024


def cases():
    """Each a dictionary: shape = batch, query heads, key heads, queries, keys, head size, value size; and its rules."""
    for size in (3, 16, 64, 128, 256):
        for tokens in (1, 2, 7, 17, 64, 129, 300):
            yield {"shape": [1, 2, 2, tokens, tokens, size, size]}
    for size in (1, 5, 33, 80, 96):
        yield {"shape": [2, 4, 2, 50, 70, size, size]}
    yield {"shape": [1, 1, 1, 3, 2000, 64, 64]}
    yield {"shape": [1, 8, 2, 1, 4096, 128, 128]}
    yield {"shape": [1, 1, 1, 257, 7, 64, 64]}
    yield {"shape": [1, 2, 2, 40, 200, 64, 24]}
    yield {"shape": [1, 1, 1, 1024, 1024, 64, 64]}
    yield {"shape": [1, 1, 1, 1024, 1024, 64, 64], "causal": True}
    rules = [{"causal": True}, {"window": [30, 5]}, {"window": [16, 0]}, {"keep": True}, {"bias": True}, {"alibi": True},
             {"softcap": 1.5}, {"softcap": 30.0}, {"sinks": True}, {"scale": 0.0}, {"scale": 1.0}, {"scale": 0.02},
             {"logits": 5.0}, {"logits": 20.0}, {"logits": 40.0}]
    for rule in rules:
        yield {"shape": [2, 4, 2, 64, 200, 64, 64], **rule}
        yield {"shape": [1, 2, 2, 200, 200, 128, 128], **rule}
    pairs = [{"causal": True, "bias": True}, {"causal": True, "alibi": True}, {"keep": True, "bias": True},
             {"window": [20, 20], "softcap": 5.0}, {"causal": True, "sinks": True}, {"keep": True, "logits": 20.0}]
    for pair in pairs:
        yield {"shape": [1, 4, 2, 150, 150, 64, 64], **pair}
    for rule in ({"scale": 1.0}, {"logits": 20.0}, {"logits": 0.01}):
        yield {"shape": [1, 2, 1, 9, 500, 64, 64], **rule}


def normal(generator, *sizes):
    return (torch.rand(12, *sizes, generator=generator).double().sum(0) - 6).float()


def draw(case, seed):
    batch, query_heads, key_heads, queries, keys, head_size, value_size = case["shape"]
    generator = torch.Generator().manual_seed(seed)
    tensors = {"query": normal(generator, batch, query_heads, queries, head_size) * case.get("logits", 1.0),
               "key": normal(generator, batch, key_heads, keys, head_size),
               "value": normal(generator, batch, key_heads, keys, value_size)}
    tensors["bias"] = normal(generator, queries, keys) if case.get("bias") else None
    tensors["keep"] = torch.rand(queries, keys, generator=generator) < 0.75 if case.get("keep") else None
    tensors["sinks"] = normal(generator, query_heads) if case.get("sinks") else None
    return tensors


def visible_and_bias(case, tensors):
    """[.., queries, keys]: a bool mask, and what is added to the scores (None when nothing is)."""
    _, query_heads, _, queries, keys, _, _ = case["shape"]
    distance = torch.arange(keys)[None, :] - (torch.arange(queries)[:, None] + keys - queries)
    left, right = case.get("window", [math.inf, math.inf])
    visible = (distance >= -left) & (distance <= (min(right, 0) if case.get("causal") else right))
    if tensors["keep"] is not None:
        visible = visible & tensors["keep"]
    bias = tensors["bias"]
    if case.get("alibi"):
        bias = -(0.5 ** torch.arange(1, query_heads + 1))[:, None, None] * distance.abs()
    return visible, bias


def textbook(case, tensors, dtype):
    """Attention line by line in one type, with every rule."""
    _, query_heads, key_heads, _, _, head_size, _ = case["shape"]
    query, key, value = (tensors[name].to(dtype) for name in ("query", "key", "value"))
    key, value = (tensor.repeat_interleave(query_heads // key_heads, dim=1) for tensor in (key, value))
    scores = query @ key.transpose(-2, -1) * case.get("scale", 1 / math.sqrt(head_size))
    if "softcap" in case:
        scores = case["softcap"] * torch.tanh(scores / case["softcap"])
    visible, bias = visible_and_bias(case, tensors)
    if bias is not None:
        scores = scores + bias.to(dtype)
    scores = scores.masked_fill(~visible, -math.inf)
    if tensors["sinks"] is not None:
        sinks = tensors["sinks"].to(dtype)[None, :, None, None].expand(*scores.shape[:3], 1)
        scores = torch.cat([scores, sinks], dim=-1)
    weights = torch.softmax(scores, dim=-1)[..., :tensors["key"].shape[2]]
    return torch.nan_to_num(weights, nan=0.0) @ value


def fused(case, tensors, backend):
    """scaled_dot_product_attention by one of its kernels, None where it has no such rule or refuses."""
    if "softcap" in case or tensors["sinks"] is not None:
        return None
    visible, bias = visible_and_bias(case, tensors)
    mask = None if bias is None and bool(visible.all()) else torch.zeros(visible.shape)
    if mask is not None:
        mask = (mask if bias is None else bias).masked_fill(~visible, -math.inf)
        mask = mask.expand(tensors["query"].shape[:2] + mask.shape[-2:])
    try:
        with sdpa_kernel(backend):
            output = scaled_dot_product_attention(tensors["query"], tensors["key"], tensors["value"], attn_mask=mask,
                                                  scale=case.get("scale"), enable_gqa=True)
    except RuntimeError:
        return None
    return torch.nan_to_num(output, nan=0.0)


def errors_of(output, exact):
    """Largest and root mean square difference, or None."""
    if output is None:
        return None
    difference = output.double() - exact
    return {"max": float(f"{difference.abs().max():.6g}"), "rms": float(f"{difference.square().mean().sqrt():.6g}")}


def main():
    warnings.simplefilter("ignore")  # torch says at length why its flash kernel refuses
    torch.set_num_threads(1)
    lines = []
    for number, case in enumerate(cases()):
        seed = SEED + number
        tensors = draw(case, seed)
        exact = textbook(case, tensors, torch.float64)
        math_output = fused(case, tensors, SDPBackend.MATH)
        if math_output is None:
            math_output = textbook(case, tensors, torch.float32)
        flash = errors_of(fused(case, tensors, SDPBackend.FLASH_ATTENTION), exact)
        entry = {"seed": seed, **case, "math": errors_of(math_output, exact), "flash": flash,
                 "first": float(f"{exact.flatten()[0]:.17g}")}
        lines.append(json.dumps(entry))
    path = pathlib.Path(__file__).parents[1] / "tests" / "golden" / "torch_errors.json"
    path.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
