"""The same logits as "eager", whatever the model's attention needs."""

import pytest
import torch
from models import CONFIGS, DECODERS, TOLERANCE, inputs_of, make_model, token_ids, under
from transformers import DynamicCache, StaticCache


def assert_close(got, expected):
    torch.testing.assert_close(got, expected, atol=TOLERANCE, rtol=0)


@pytest.fixture(params=CONFIGS)
def family(request):
    return request.param


@pytest.fixture(params=DECODERS)
def decoder(request):
    return request.param


def test_logits_are_eagers(family):
    model = make_model(family)
    inputs = inputs_of(family, token_ids(3, 13))
    assert_close(under(model, "fovea", **inputs).logits, under(model, "eager", **inputs).logits)


def test_weights_matter_to_these_logits(family):
    """Else the tests above could not fail: attention that looks elsewhere changes them by more than the tolerance."""
    model = make_model(family)
    ids = token_ids(1, 13)
    turned = torch.cat([ids[:, 1:-1].flip(1), ids[:, :1], ids[:, -1:]], 1)
    one, other = (under(model, "eager", **inputs_of(family, ids)).logits for ids in (ids, turned))
    assert (one - other)[:, -1].abs().max() > 1000 * TOLERANCE


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_hides(family, side):
    model = make_model(family)
    ids = token_ids(2, 12)
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    mask = mask if side == "left" else mask.flip(1)
    inputs = {**inputs_of(family, ids), "attention_mask": mask}
    got, expected = (under(model, name, **inputs).logits for name in ("fovea", "eager"))
    assert torch.isfinite(got).all()
    if got.shape[1] == mask.shape[1]:
        got, expected = got[mask.bool()], expected[mask.bool()]
    assert_close(got, expected)


def test_what_is_padded_does_not_matter(family):
    model = make_model(family)
    ids, mask = token_ids(2, 12), torch.ones(2, 12, dtype=torch.long)
    mask[0, :4] = 0
    other = ids.clone()
    other[0, :4] = 7
    same = [under(model, "fovea", **{**inputs_of("", ids), "attention_mask": mask}, **decoding(family)).logits for ids in (ids, other)]
    real = mask.bool() if family != "t5" else torch.ones(2, 3, dtype=torch.bool)
    assert torch.equal(same[0][real], same[1][real])


def decoding(family):
    return {"decoder_input_ids": token_ids(2, 3)} if family == "t5" else {}


CACHES = {"dynamic": lambda model: DynamicCache(config=model.config), "static": lambda model: StaticCache(model.config, 16)}


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("padded", [False, True])
def test_chunks_into_a_cache(decoder, cache, padded):
    model = make_model(decoder)
    ids, mask = token_ids(2, 9), torch.ones(2, 9, dtype=torch.long)
    if padded:
        mask[0, :3] = 0
    logits = {}
    for name in ("eager", "fovea"):
        model.set_attn_implementation(name)
        kept, parts, first = CACHES[cache](model), [], 0
        for size in (4, 3, 1, 1):
            rows = slice(first, first + size)
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, rows]
            answer = model(
                ids[:, rows], attention_mask=mask[:, : first + size], position_ids=positions, cache=kept, use_cache=True
            )
            parts.append(answer.logits)
            first += size
        logits[name] = torch.cat(parts, 1)[mask.bool()]
    assert_close(logits["fovea"], logits["eager"])


@pytest.mark.parametrize("cache", [None, "static"])
def test_generates_what_eager_does(decoder, cache):
    model = make_model(decoder)
    ids, mask = token_ids(2, 6), torch.ones(2, 6, dtype=torch.long)
    mask[0, :2] = 0
    said = {}
    for name in ("eager", "fovea"):
        model.set_attn_implementation(name)
        said[name] = model.generate(
            ids, attention_mask=mask, max_new_tokens=8, min_new_tokens=8, do_sample=False, pad_token_id=0,
            cache_implementation=cache,
        )
    assert torch.equal(said["fovea"], said["eager"])


def test_an_encoder_with_a_decoder_generates():
    model = make_model("t5")
    said = []
    for name in ("eager", "fovea"):
        model.set_attn_implementation(name)
        said.append(model.generate(token_ids(2, 6), max_new_tokens=6, min_new_tokens=6, do_sample=False))
    assert torch.equal(*said)


def test_by_name_at_load(tmp_path):
    make_model("llama").save_pretrained(tmp_path)
    from transformers import AutoModelForCausalLM

    models = [AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation=name).eval() for name in ("fovea", "eager")]
    assert models[0].config._attn_implementation == "fovea"
    assert_close(*(model(token_ids(1, 7)).logits for model in models))


def test_masks_of_the_callers_own(decoder):
    """4-D masks, bools or numbers, reach the attention function as they are."""
    model = make_model(decoder)
    keep = torch.ones(8, 8, dtype=torch.bool).tril()
    keep[5:, 1:3] = False
    mask = keep.expand(2, 1, 8, 8)
    numbers = torch.zeros(2, 1, 8, 8).masked_fill(~mask, torch.finfo(torch.float32).min)
    expected = under(model, "eager", token_ids(2, 8), attention_mask=numbers).logits
    assert_close(under(model, "fovea", token_ids(2, 8), attention_mask=numbers).logits, expected)
    assert_close(under(model, "fovea", token_ids(2, 8), attention_mask=mask).logits, expected)


def test_sequences_packed_by_position(decoder):
    model = make_model(decoder)
    ids = token_ids(1, 11)
    positions = torch.cat([torch.arange(5), torch.arange(6)])[None]
    inputs = {"input_ids": ids, "position_ids": positions, "use_cache": False}
    assert_close(under(model, "fovea", **inputs).logits, under(model, "eager", **inputs).logits)


def test_sequences_packed_by_their_borders():
    """cu_seq_lens beside a mask that says nothing of them: each sequence by itself, as flash attention has it."""
    model = make_model("llama")
    ids = token_ids(1, 11)
    borders = torch.tensor([0, 5, 11])
    positions = torch.cat([torch.arange(5), torch.arange(6)])[None]
    packed = under(
        model, "fovea", ids, position_ids=positions, attention_mask=torch.ones(1, 11, dtype=torch.long), use_cache=False,
        cu_seq_lens_q=borders, cu_seq_lens_k=borders, max_length_q=6, max_length_k=6,
    ).logits  # fmt: skip
    alone = torch.cat([under(model, "eager", part).logits for part in (ids[:, :5], ids[:, 5:])], 1)
    assert_close(packed, alone)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_no_farther_from_float32_than_eager(decoder, dtype):
    model = make_model(decoder)
    ids = token_ids(2, 12)
    exact = under(model, "eager", ids).logits
    model = model.to(dtype)
    errors = {name: (under(model, name, ids).logits.float() - exact).norm() for name in ("eager", "fovea")}
    assert errors["fovea"] <= 1.5 * errors["eager"]
