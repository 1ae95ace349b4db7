"""The numbers of a case: tensors that fovea and its rivals read alike."""

import dataclasses
import math

import torch

TORCH_TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


@dataclasses.dataclass
class Inputs:
    """One question. query [batch, query heads, queries, size]; key and value [batch, key heads, keys, size]."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    bias: torch.Tensor | None  # [1, 1, queries, keys]
    keep: torch.Tensor | None
    alibi_slopes: torch.Tensor | None
    sinks: torch.Tensor | None
    softcap: float
    causal: bool
    window: tuple[float, float] | None

    def group_size(self):
        return self.query.shape[1] // self.key.shape[1]

    def empty_output(self):
        """Memory for the output, its pages already there, laid out as the query."""
        return torch.zeros_like(self.query)


def _normal(heads, tokens, case, generator):
    """[batch, heads, tokens, size] of standard normals, in memory as the case's layout has it."""
    batch, size = case.shape[0], case.shape[5]
    if case.layout == "tokens":
        numbers = torch.randn(batch, tokens, heads, size, generator=generator).transpose(1, 2)
    else:
        numbers = torch.randn(batch, heads, tokens, size, generator=generator)
    return numbers.to(TORCH_TYPES[case.dtype])


def make_inputs(case, seed=1):
    _, query_heads, key_heads, queries, keys, _ = case.shape
    generator = torch.Generator().manual_seed(seed)
    query = _normal(query_heads, queries, case, generator) * case.logits
    key = _normal(key_heads, keys, case, generator)
    value = _normal(key_heads, keys, case, generator)
    bias = torch.randn(1, 1, queries, keys, generator=generator) if case.bias else None
    if case.lowest_row:
        bias[..., queries // 2, :] = -1e9
    keep = torch.rand(1, 1, queries, keys, generator=generator) < 0.9 if case.keep else None
    slopes = 2.0 ** (-8 / query_heads * torch.arange(1, query_heads + 1)) if case.alibi else None
    sinks = torch.randn(query_heads, generator=generator) if case.sinks else None
    return Inputs(query, key, value, bias, keep, slopes, sinks, case.softcap, case.causal, case.window)


def position_mask(inputs):
    """[queries, keys], true = may attend: what causal and window say, None when they hide nothing."""
    if not inputs.causal and inputs.window is None:
        return None
    queries, keys = inputs.query.shape[2], inputs.key.shape[2]
    left, right = inputs.window or (math.inf, math.inf)
    distance = torch.arange(keys)[None, :] - (torch.arange(queries)[:, None] + keys - queries)
    visible = distance <= (0 if inputs.causal else right)
    return visible if math.isinf(left) else visible & (distance >= -left)


def torch_mask(inputs):
    """All masks and biases in one tensor as scaled_dot_product_attention takes it: bool, or float when it must be."""
    keep = position_mask(inputs)
    if inputs.keep is not None:
        keep = inputs.keep if keep is None else inputs.keep & keep
    if inputs.bias is None and inputs.alibi_slopes is None:
        return keep
    queries, keys = inputs.query.shape[2], inputs.key.shape[2]
    bias = torch.zeros(1, 1, queries, keys) if inputs.bias is None else inputs.bias
    if inputs.alibi_slopes is not None:
        distance = torch.arange(keys)[None, :] - (torch.arange(queries)[:, None] + keys - queries)
        bias = bias - inputs.alibi_slopes[:, None, None] * distance.abs()
    if keep is not None:
        bias = bias.masked_fill(~keep, -math.inf)
    return bias.to(inputs.query.dtype)
