"""scaled_dot_product_attention against torch's."""

import numpy as np
import pytest

import fovea

torch = pytest.importorskip("torch")
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.nn.functional import scaled_dot_product_attention  # noqa: E402


def expect_as_torch(*arguments, **options):
    """The output is of torch's shape and type, and errs at most twice as much as torch's math."""
    ours = fovea.scaled_dot_product_attention(*arguments, **options)
    exact = [tensor.double() if tensor.is_floating_point() else tensor for tensor in arguments]
    mask = options.get("attn_mask")
    wide = dict(options, attn_mask=mask.double() if mask is not None and mask.is_floating_point() else mask)
    with sdpa_kernel(SDPBackend.MATH):
        theirs = scaled_dot_product_attention(*arguments, **options)
        truth = scaled_dot_product_attention(*exact, **wide)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    if truth.numel() == 0:
        return
    value = arguments[2]
    floor = 0 if value.numel() == 0 else value.abs().max().item() * torch.finfo(value.dtype).eps
    assert (ours.double() - truth).abs().max() <= 2 * (theirs.double() - truth).abs().max() + floor


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("masking", ["none", "causal", "bool", "float", "bool_broadcast"])
def test_is_torchs(seed, dtype, masking):
    generator = torch.Generator().manual_seed(seed)
    for queries, keys in [(6, 6), (5, 9), (9, 5), (1, 33), (65, 64), (3, 1)]:
        query = torch.randn(2, 4, queries, 16, generator=generator).to(dtype)
        key, value = (torch.randn(2, 4, keys, size, generator=generator).to(dtype) for size in (16, 8))
        keep = torch.rand(2, 1, queries, keys, generator=generator) < 0.6
        options = {
            "none": {},
            "causal": {"is_causal": True},
            "bool": {"attn_mask": keep},
            "bool_broadcast": {"attn_mask": keep[:1, :, :1]},
            "float": {"attn_mask": torch.randn(queries, keys, generator=generator).to(dtype)},
        }[masking]
        expect_as_torch(query, key, value, **options)
        expect_as_torch(query, key, value, scale=0.3, **options)


def test_takes_grouped_heads_only_when_told():
    query, key = torch.randn(2, 6, 5, 8), torch.randn(2, 2, 7, 8)
    expect_as_torch(query, key, key, enable_gqa=True)
    with pytest.raises(ValueError, match="enable_gqa"):
        fovea.scaled_dot_product_attention(query, key, key)


@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8), (2, 3, 5, 8), (2, 1, 3, 5, 8), (2, 2, 2, 3, 5, 8)])
def test_takes_any_rank(shape):
    expect_as_torch(*(torch.randn(shape) for _ in range(3)), is_causal=True)
    mask = torch.rand(5, 5) < 0.8
    expect_as_torch(*(torch.randn(shape) for _ in range(3)), attn_mask=mask)


def test_leading_axes_broadcast():
    expect_as_torch(torch.randn(4, 3, 5, 8), torch.randn(1, 3, 6, 8), torch.randn(4, 3, 6, 8))
    expect_as_torch(torch.randn(2, 4, 3, 5, 8), torch.randn(2, 1, 3, 6, 8), torch.randn(2, 4, 3, 6, 8))


def test_a_row_that_may_look_at_nothing_is_0():
    keep = torch.ones(4, 4, dtype=torch.bool)
    keep[2] = False
    output = fovea.scaled_dot_product_attention(*(torch.randn(4, 8) for _ in range(3)), attn_mask=keep)
    assert not output[2].any() and output.isfinite().all()


def test_empty_arrays_give_empty_outputs():
    expect_as_torch(torch.randn(2, 3, 0, 8), torch.randn(2, 3, 4, 8), torch.randn(2, 3, 4, 8))
    output = fovea.scaled_dot_product_attention(torch.randn(2, 3, 4, 8), torch.randn(2, 3, 0, 8), torch.randn(2, 3, 0, 8))
    assert output.shape == (2, 3, 4, 8) and not output.any()


def test_refuses_what_it_does_not_compute():
    query = torch.randn(2, 3, 4, 8)
    with pytest.raises(ValueError, match="dropout_p is 0.1"):
        fovea.scaled_dot_product_attention(query, query, query, dropout_p=0.1)
    with pytest.raises(ValueError, match="together with is_causal"):
        fovea.scaled_dot_product_attention(query, query, query, torch.zeros(4, 4), is_causal=True)
    with pytest.raises(ValueError, match="query needs a gradient"):
        fovea.scaled_dot_product_attention(query.clone().requires_grad_(), query, query)
    with pytest.raises(ValueError, match="do not broadcast"):
        fovea.scaled_dot_product_attention(query, query[:1].expand(3, 3, 4, 8), query)


def test_takes_numpy_arrays_too():
    query = np.random.default_rng(0).standard_normal((2, 3, 4, 8)).astype(np.float32)
    ours = fovea.scaled_dot_product_attention(query, query, query, is_causal=True)
    theirs = scaled_dot_product_attention(*[torch.from_numpy(query)] * 3, is_causal=True)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6)
