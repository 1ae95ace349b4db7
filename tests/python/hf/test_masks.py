"""The mask function: transformers' own elements, said in O(tokens)."""

import pytest
import torch
from transformers import masking_utils

from fovea.hf.keep_mask import KeepMask
from fovea.hf.masks import mask

RULES = {
    "causal": masking_utils.causal_mask_function,
    "both ways": masking_utils.bidirectional_mask_function,
    "window": masking_utils.sliding_window_causal_mask_function(3),
    "window both ways": masking_utils.sliding_window_bidirectional_mask_function(2),
    "two windows": masking_utils.and_masks(
        masking_utils.sliding_window_causal_mask_function(4), masking_utils.sliding_window_overlay(2)
    ),
}
PADDINGS = {"none": None, "both sides": torch.tensor([[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]]).bool()}


def made(rule, padding, q_offset=2, kv_offset=0):
    return mask(2, 4, 6, q_offset, kv_offset, RULES[rule], PADDINGS[padding])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("offsets", [(0, 0), (2, 0), (3, 1)])
def test_has_transformers_elements(rule, padding, offsets):
    got = made(rule, padding, *offsets)
    assert got.pattern is not None
    expected = masking_utils.sdpa_mask(2, 4, 6, *offsets, RULES[rule], PADDINGS[padding], allow_is_causal_skip=False)
    assert torch.equal(got.dense(), expected)


def test_is_a_tensor_to_a_model():
    got = made("causal", "both sides")
    assert isinstance(got, torch.Tensor) and got.dtype == torch.bool and got.shape == (2, 1, 4, 6)
    dense = got.dense()
    assert torch.equal(torch.where(got, 1.0, 0.0), torch.where(dense, 1.0, 0.0))
    assert torch.equal((~got).int(), (~dense).int())
    assert int((got & got[:, :, :1]).sum()) == int((dense & dense[:, :, :1]).sum())


def test_a_cut_that_takes_all_keeps_the_pattern():
    got = made("window", "none")
    assert got[:, :, :, :6].pattern is not None and got[:, :, :, :5].pattern is None


@pytest.mark.parametrize("write", [lambda mask: mask[:, :, 0].fill_(False), lambda mask: mask.logical_not_()])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_is_written_is_seen(write, mode):
    with mode():
        got = made("causal", "none")
        expected = got.dense().clone()
        write(expected)
        write(got)
        assert got.pattern is None and torch.equal(got.dense(), expected)


def test_other_rules_are_elements():
    packed = masking_utils.packed_sequence_mask_function(torch.tensor([[0, 0, 1, 1, 1, 1]]))
    got = mask(1, 6, 6, 0, 0, masking_utils.and_masks(masking_utils.causal_mask_function, packed))
    assert isinstance(got, KeepMask) and got.pattern is None
    assert not bool(got[0, 0, 3, 1]) and bool(got[0, 0, 3, 2])


def test_is_never_none():
    """What None means depends on lengths and on the module: a static cache's prefill has been got wrong by it."""
    for lengths in ((1, 6), (6, 6), (4, 6)):
        assert mask(1, *lengths, allow_is_causal_skip=True) is not None
        rule = masking_utils.bidirectional_mask_function
        assert mask(1, *lengths, mask_function=rule, allow_is_bidirectional_skip=True) is not None
