"""What a Lens says are eager's weights, whether observed with the output or asked for afterwards."""

import asyncio
import threading

import pytest
import torch
from models import CONFIGS, inputs_of, make_model, token_ids, under

import fovea.hf

# Weights come of float32 vectors that differ by rounding alone.
TOLERANCE = 2e-6


def assert_close(got, expected, tolerance=TOLERANCE):
    torch.testing.assert_close(got, expected, atol=tolerance, rtol=1e-5)


def both(family="gemma2", tokens=10, **observed):
    """The Lens of each layer, and eager's weights."""
    model = make_model(family)
    inputs = inputs_of(family, token_ids(2, tokens))
    name = "encoder_attentions" if family == "t5" else "attentions"
    weights = under(model, "eager", **inputs, output_attentions=True)[name]
    with fovea.hf.observe(**observed):
        lenses = under(model, "fovea", **inputs, output_attentions=True)[name]
    assert len(lenses) == len(weights) == 2
    return lenses, weights


@pytest.mark.parametrize("family", CONFIGS)
def test_dense_is_eagers(family):
    for lens, weights in zip(*both(family)):
        assert lens.shape == tuple(weights.shape)
        assert_close(lens.dense(), weights)


@pytest.mark.parametrize("observed", [{}, dict(top_weights=4, entropy=True, received=True, pooled_map=True)])
def test_says_what_the_weights_say(observed):
    for lens, weights in zip(*both(**observed)):
        top, keys = lens.top(3)
        assert_close(top, weights.topk(3).values)
        seen = weights > 0
        assert_close(weights.gather(-1, keys.long().clamp(min=0)).masked_fill(keys < 0, 0), top)
        assert_close(lens.entropy, -torch.xlogy(weights, weights).sum(-1))
        assert_close(lens.received, weights.sum(-2), 1e-5)
        assert_close(lens.pooled(), weights)  # few tokens: a cell is one
        assert lens.log_sum_exp.shape == weights.shape[:3] and seen.any()


def test_rows_columns_and_parts():
    lenses, weights = both("llama")
    lens, weights = lenses[1], weights[1]
    assert_close(lens.row(3, 7, batch=1), weights[1, 3, 7])
    assert_close(lens.column(2, 0), weights[0, 2, :, 0])
    assert_close(lens.dense(heads=[3, 1], batch=1), weights[1, [3, 1]])
    assert_close(lens[..., :4].dense(), weights[..., :4])


def test_observing_changes_no_bit():
    model = make_model("gpt_oss")
    plain = under(model, "fovea", token_ids(2, 10)).logits
    with fovea.hf.observe(top_weights=8, entropy=True, received=True, row_statistics=True):
        watched = under(model, "fovea", token_ids(2, 10)).logits
    assert torch.equal(plain, watched)


def test_asked_later_is_what_was_observed_to_the_bit():
    observed, later = both("llama", entropy=True, received=True)[0], both("llama")[0]
    for one, other in zip(observed, later):
        assert torch.equal(one.entropy, other.entropy) and torch.equal(one.received, other.received)


def test_a_padded_row_has_no_weights():
    model = make_model("llama")
    mask = torch.ones(2, 8, dtype=torch.long)
    mask[0, :3] = 0
    lens = under(model, "fovea", token_ids(2, 8), attention_mask=mask, output_attentions=True).attentions[0]
    assert not lens.dense()[0, :, :3].any() and torch.isneginf(lens.log_sum_exp[0, :, :3]).all()


def test_keep_false_forgets():
    lens = both(entropy=True, keep=False)[0][0]
    assert lens.entropy.shape == (2, 4, 10)
    for ask in (lambda: lens.received, lambda: lens.row(0, 1), lambda: lens.dense(), lambda: lens.top(2)):
        with pytest.raises(RuntimeError, match="was not observed"):
            ask()


def test_layers_and_heads_to_observe():
    lenses, weights = both("llama", heads=[1, 3], entropy=True, layers=[1], keep=False)
    assert lenses[1].entropy.shape == (2, 2, 10)
    with pytest.raises(RuntimeError, match="was not observed"):
        lenses[0].entropy


def test_on_layer_is_called_without_output_attentions():
    model, seen = make_model("llama"), []
    with fovea.hf.observe(entropy=True, on_layer=lambda module, lens: seen.append((module.layer_idx, lens))):
        under(model, "fovea", token_ids(1, 6))
    assert [layer for layer, _ in seen] == [0, 1] and seen[0][1].entropy.shape == (1, 4, 6)


def test_generation_gives_a_lens_a_step_and_layer():
    model = make_model("llama")
    model.set_attn_implementation("fovea")
    answer = model.generate(
        token_ids(1, 5), max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0, output_attentions=True,
        return_dict_in_generate=True,
    )  # fmt: skip
    assert [step[1].shape for step in answer.attentions] == [(1, 4, 5, 5), (1, 4, 1, 6), (1, 4, 1, 7)]
    assert_close(answer.attentions[2][1].dense().sum(-1), torch.ones(1, 4, 1))


def test_keys_that_were_written_over_are_missed():
    model = make_model("llama")
    model.set_attn_implementation("fovea")
    answer = model.generate(
        token_ids(1, 5), max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0, output_attentions=True,
        return_dict_in_generate=True, cache_implementation="static",
    )  # fmt: skip
    answer.attentions[-1][0].row(0, 0)
    with pytest.raises(RuntimeError, match="written over since"):
        answer.attentions[0][0].row(0, 0)


def test_threads_and_tasks_observe_their_own():
    model = make_model("llama")
    model.set_attn_implementation("fovea")
    found = {}

    def ask(name, **fields):
        with fovea.hf.observe(keep=False, **fields), torch.no_grad():
            found[name] = model(token_ids(1, 6), output_attentions=True).attentions[0]

    threads = [threading.Thread(target=ask, args=(n,), kwargs={["entropy", "received"][n % 2]: True}) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, lens in found.items():
        getattr(lens, ["entropy", "received"][n % 2])
        with pytest.raises(RuntimeError, match="was not observed"):
            getattr(lens, ["received", "entropy"][n % 2])

    async def task(field):
        with fovea.hf.observe(keep=False, **{field: True}):
            await asyncio.sleep(0)
            return fovea.hf.observing.current().what

    async def tasks():
        return await asyncio.gather(task("entropy"), task("received"))

    one, other = asyncio.run(tasks())
    assert one is not other


def test_observe_takes_one_way_to_say_it():
    with pytest.raises(TypeError, match="wanted one or the other"):
        with fovea.hf.observe(fovea.Observe(entropy=True), received=True):
            pass


def test_bertviz_gets_what_it_takes():
    lenses, weights = both("llama")
    given = fovea.hf.to_bertviz(lenses, layers=[1], heads=[0, 2], batch=1)
    assert len(given) == 1
    assert_close(given[0], weights[1][1:, [0, 2]])
    assert [tensor.shape for tensor in fovea.hf.to_bertviz(lenses)] == [(1, 4, 10, 10)] * 2


def test_portraits_name_heads():
    lenses, _ = both("llama")
    portraits = lenses[0].portraits()
    assert len(portraits) == 4
