"""What cannot be computed as the model wants it is refused, by name."""

import pytest
import torch
from models import make_model, token_ids, under

import fovea.hf


def test_gradients():
    model = make_model("llama")
    with torch.enable_grad(), pytest.raises(NotImplementedError, match="layer 0 wants gradients.*wanted torch.no_grad"):
        under(model, "fovea", token_ids(1, 4))


def test_dropout_in_training():
    model = make_model("gpt2").train()
    with pytest.raises(NotImplementedError, match=r"training with a dropout of 0\.1.*wanted model\.eval\(\)"):
        under(model, "fovea", token_ids(1, 4))


def test_an_argument_that_is_not_known():
    model = make_model("llama")
    with pytest.raises(NotImplementedError, match="LlamaAttention of layer 0 hands 'head_mask'.*after the softmax"):
        under(model, "fovea", token_ids(1, 4), head_mask=torch.ones(4))
    with pytest.raises(NotImplementedError, match="hands 'twist'"):
        under(model, "fovea", token_ids(1, 4), twist=0.5)


def test_an_argument_that_is_not_known_but_not_given():
    model = make_model("llama")
    assert torch.isfinite(under(model, "fovea", token_ids(1, 4), twist=None).logits).all()


def test_masks_of_whole_numbers():
    mask = torch.ones(1, 1, 4, 4, dtype=torch.long)
    with pytest.raises(TypeError, match="mask of torch.int64; wanted bools"):
        under(make_model("llama"), "fovea", token_ids(1, 4), attention_mask=mask)


def test_another_device():
    model = make_model("llama").to("meta")
    with pytest.raises(NotImplementedError, match="is on meta; fovea computes on the CPU"):
        under(model, "fovea", token_ids(1, 4).to("meta"))


def test_names_that_transformers_reads_a_meaning_into():
    for name in ("flash_fovea", "fovea_sdpa", "paged|fovea", "fovea/attention", "eager"):
        with pytest.raises(ValueError, match="another meaning"):
            fovea.hf.register(name)


def test_a_mask_added_to_numbers():
    """What a hand-written attention does with the masks of "eager" would make a bias of 0 and 1 of this one."""
    from fovea.hf.masks import mask

    with pytest.raises(NotImplementedError, match="adds its mask of bools to numbers"):
        torch.zeros(4, 4) + mask(1, 4, 4)
    with pytest.raises(NotImplementedError, match="adds its mask of bools to numbers"):
        torch.zeros(4, 4).add_(mask(1, 4, 4)[0, 0])
