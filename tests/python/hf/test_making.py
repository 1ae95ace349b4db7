"""How layers made query and key: what the page says of it is what torch's modules did, and nothing where they did otherwise."""

import numpy
import pytest
import torch
import transformers
from hf_families.tiny import tiny_model
from models import CONFIGS, make_model, under
from page_reader import ReadPage, turned
from words import TEXT, make_tokenizer

import fovea

_SIZES = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 48, "vocab_size": 96}
_GROUPED = {**_SIZES, "num_key_value_heads": 2, "head_dim": 8}
HEADS = [(layer, head) for layer in range(2) for head in range(4)]


def made(cls, config, **fields):
    return tiny_model(cls, config(**fields, attn_implementation="eager"))


def phi3():
    return made(transformers.Phi3ForCausalLM, transformers.Phi3Config, **_SIZES, num_key_value_heads=2, pad_token_id=0)


def gpt_neox():
    rope = {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.5}
    return made(transformers.GPTNeoXForCausalLM, transformers.GPTNeoXConfig, **_SIZES, rope_parameters=rope)


def cohere():
    return made(transformers.CohereForCausalLM, transformers.CohereConfig, **_SIZES, num_key_value_heads=2)


def qwen3():
    return made(transformers.Qwen3ForCausalLM, transformers.Qwen3Config, **_GROUPED)


def gemma3():
    kinds = ["sliding_attention", "full_attention"]
    return made(transformers.Gemma3ForCausalLM, transformers.Gemma3TextConfig, **_GROUPED, sliding_window=4, layer_types=kinds)


def smollm3():
    return made(transformers.SmolLM3ForCausalLM, transformers.SmolLM3Config, **_GROUPED, no_rope_layers=[1, 0], pad_token_id=0)


def opt():
    return made(transformers.OPTForCausalLM, transformers.OPTConfig, **_SIZES, ffn_dim=48, word_embed_proj_dim=32)


def llama(**rope):
    cls, config, sizes = CONFIGS["llama"]
    return made(cls, config, **sizes, **({"rope_parameters": {"rope_theta": 500.0, **rope}} if rope else {}))


def separate(attention, query, key):
    """Rows of two matrices, as heads of 8: weights [heads, 8, 32] and biases."""
    names = (getattr(attention, query), getattr(attention, key))
    return [(one.weight.view(-1, 8, 32), None if one.bias is None else one.bias.view(-1, 8)) for one in names]


def fused(weight, bias, key_heads):
    """Of [query, key, value] rows."""
    ends = (0, 32, 32 + 8 * key_heads)
    parts = [(weight[a:b].reshape(-1, 8, 32), None if bias is None else bias[a:b].view(-1, 8)) for a, b in zip(ends, ends[1:])]
    return parts


def interleaved(module):
    """Of a head's query, key and value, then the next head's."""
    weight, bias = module.weight.view(4, 3, 8, 32), module.bias.view(4, 3, 8)
    return [(weight[:, i], bias[:, i]) for i in range(2)]


# A model, its attention modules, and by name what each's query and key are products with.
PROJECTED = {
    "llama": (llama, lambda m, i: m.model.layers[i].self_attn, lambda a: separate(a, "q_proj", "k_proj")),
    "gemma2": (lambda: make_model("gemma2"), lambda m, i: m.model.layers[i].self_attn, lambda a: separate(a, "q_proj", "k_proj")),
    "bert": (lambda: make_model("bert"), lambda m, i: m.bert.encoder.layer[i].attention.self, lambda a: separate(a, "query", "key")),
    "gpt2": (
        lambda: make_model("gpt2"),
        lambda m, i: m.transformer.h[i].attn,
        lambda a: fused(a.c_attn.weight.T, a.c_attn.bias, 4),
    ),
    "phi3": (phi3, lambda m, i: m.model.layers[i].self_attn, lambda a: fused(a.qkv_proj.weight, None, 2)),
    "gpt_neox": (gpt_neox, lambda m, i: m.gpt_neox.layers[i].attention, lambda a: interleaved(a.query_key_value)),
    "cohere": (cohere, lambda m, i: m.model.layers[i].self_attn, lambda a: separate(a, "q_proj", "k_proj")),
}
ROPES = {"llama": "half_split", "gemma2": "half_split", "phi3": "half_split", "gpt_neox": "half_split", "cohere": "interleaved"}


def page_of(model, text=TEXT, **options):
    return ReadPage(fovea.explain(model, make_tokenizer(), text, **options).html)


def inputs_under_eager(model, modules):
    """What each attention module is given when the model runs without fovea."""
    given = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda _, args, named, i=i: given.update({i: args[0] if args else named["hidden_states"]}), with_kwargs=True
        )
        for i, module in enumerate(modules)
    ]
    under(model, "eager", torch.tensor([make_tokenizer()(TEXT)["input_ids"]]))
    for hook in hooks:
        hook.remove()
    return [given[i][0].double().numpy() for i in range(len(modules))]


@pytest.mark.parametrize("family", PROJECTED)
def test_matrices_and_inputs_are_the_modules_own(family):
    make, module_of, parts_of = PROJECTED[family]
    model = make()
    page = page_of(model)
    modules = [module_of(model, layer) for layer in range(2)]
    inputs = inputs_under_eager(model, modules)
    for layer, head in HEADS:
        given, off = page.vectors(page.input(layer))
        # Eager and fovea differ by float32's rounding in the layers before: 1e-5 of numbers of about 1, as for logits.
        assert (numpy.abs(given - inputs[layer]) <= off + 1e-5).all()
        projection = page.projection(layer, head)
        for name, place, (weights, biases) in zip(
            ("query", "key"), (head, page.kept(layer, head)["key_head"]), parts_of(modules[layer]), strict=True
        ):
            weight, off = page.vectors(projection[f"{name}_weight"])
            assert (numpy.abs(weight - weights[place].double().numpy()) <= off).all()
            expected = [] if biases is None else biases[place].tolist()
            assert projection[f"{name}_bias"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("family", PROJECTED)
def test_the_pages_rule_makes_query_and_key(family):
    """x · W + b, turned: each number of x and W is off by half a step at most, and that bounds what they make."""
    page = page_of(PROJECTED[family][0]())
    for layer, head in HEADS:
        kept, projection, rope = page.kept(layer, head), page.projection(layer, head), page.rope(layer, head)
        assert kept["projected"] and (rope and rope["layout"]) == ROPES.get(family)
        given, given_off = page.vectors(page.input(layer))
        for name, stepped in (("query", kept["query"]), ("key", page.key(layer, head))):
            weight, weight_off = page.vectors(projection[f"{name}_weight"])
            bias = numpy.array(projection[f"{name}_bias"] or [0.0])
            vectors, off = page.vectors(stepped)
            bound = numpy.abs(given).sum(1, keepdims=True) @ weight_off.T
            bound += given_off @ (numpy.abs(weight) + weight_off).sum(1)[None]
            # A turn mixes two numbers: no more than both bounds. The model's own rounding is below 1e-6.
            bound = bound.max(1, keepdims=True) * 2 + off + 1e-6
            assert (numpy.abs(turned(given @ weight.T + bias, rope) - vectors) <= bound).all()
            assert bound.max() < 0.01 * numpy.abs(vectors).max()


def test_a_part_of_a_head_turns():
    text = page_of(gpt_neox()).text
    assert [len(rope["angles"]) for rope in text["ropes"]] == [2] and text["model"]["head_size"] == 8
    assert text["model"]["rope"] == {"layout": "half_split", "base": 1000.0}


def test_a_norm_between_is_no_projection_but_the_turn_is_shown():
    model = qwen3()
    page = page_of(model)
    assert page.text["kept_inputs"] == page.text["kept_projections"] == []
    assert all(not kept["projected"] and kept["rope"] == 0 for kept in page.text["kept"])
    assert page.text["ropes"][0]["angles"] == pytest.approx(model.model.rotary_emb.inv_freq.tolist())


@pytest.mark.parametrize("tokens", [2, 4, 5])
def test_few_tokens_are_enough(tokens):
    """Four tokens are as many as heads: a norm's output could be read either way."""
    page = page_of(qwen3(), " ".join(TEXT.split()[:tokens]))
    assert [rope["layout"] for rope in page.text["ropes"]] == ["half_split"]


def test_a_token_alone_is_not_turned():
    page = page_of(llama(), "journey")
    assert page.text["ropes"] == [] and page.text["model"]["rope"] is None
    assert len(page.text["kept_projections"]) == 8


def test_layers_that_turn_differently_say_so_each():
    model = gemma3()
    page = page_of(model)
    assert page.text["model"]["rope"] is None and len(page.text["ropes"]) == 2
    rotary = model.model.rotary_emb
    for layer, kind in enumerate(("sliding_attention", "full_attention")):
        for head in range(4):
            assert page.rope(layer, head)["angles"] == pytest.approx(getattr(rotary, f"{kind}_inv_freq").tolist())


def test_a_layer_without_turning_among_others():
    page = page_of(smollm3())
    assert [page.rope(layer, 0) is None for layer in range(2)] == [False, True]
    assert all(kept["projected"] for kept in page.text["kept"]) and page.text["model"]["rope"] is None


def test_scaled_angles_are_the_models_and_have_no_base():
    scaled = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    model = llama(**scaled, original_max_position_embeddings=64)
    page = page_of(model)
    assert page.text["model"]["rope"] == {"layout": "half_split", "base": None}
    assert page.text["ropes"][0]["angles"] == pytest.approx(model.model.rotary_emb.inv_freq.tolist())
    assert len(page.text["kept_projections"]) == 8


@pytest.mark.parametrize(
    "make",
    [lambda: llama(rope_type="yarn", factor=4.0, original_max_position_embeddings=64), opt, lambda: make_model("gpt_oss")],
    ids=["turns and stretches", "scales the query", "turns and stretches, with sinks"],
)
def test_what_the_page_has_no_words_for_is_left_out(make):
    text = page_of(make()).text
    assert text["kept"] and all(not kept["projected"] and kept["rope"] is None for kept in text["kept"])
    assert text["kept_inputs"] == text["kept_projections"] == text["ropes"] == []


class Adapted(torch.nn.Module):
    """A projection and something more, as adapters have it."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, hidden):
        return self.inner(hidden) + 0.01 * hidden


def test_a_projection_with_an_adapter_is_none():
    model = llama()
    attention = model.model.layers[1].self_attn
    attention.q_proj = Adapted(attention.q_proj)
    page = page_of(model)
    assert [page.kept(layer, 0)["projected"] for layer in range(2)] == [True, False]
    assert page.rope(1, 0) is not None  # what was made is turned all the same


def test_a_projection_that_a_hook_changes_is_none():
    model = llama()
    model.model.layers[0].self_attn.k_proj.register_forward_hook(lambda _, given, output: output * 1.001)
    page = page_of(model)
    assert [page.kept(layer, 0)["projected"] for layer in range(2)] == [False, True]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_found_too(dtype):
    page = page_of(llama().to(dtype))
    assert len(page.text["ropes"]) == 1 and len(page.text["kept_projections"]) == 8


def test_the_models_output_keeps_its_bits_and_no_hook_stays():
    model = llama()
    ids = torch.tensor([make_tokenizer()(TEXT)["input_ids"]])
    expected = under(model, "fovea", ids, use_cache=False).logits[0, -1:].softmax(-1).topk(5)
    guesses = fovea.explain(model, make_tokenizer(), TEXT).data["guesses"]
    assert [guess["id"] for guess in guesses] == expected.indices[0].tolist()
    assert [guess["probability"] for guess in guesses] == expected.values[0].tolist()
    assert not any(module._forward_hooks for module in model.modules())


def test_matrices_are_there_with_the_heads_asked_for():
    page = page_of(llama(), only_heads=[(1, 3)])
    assert [(one["layer"], one["head"]) for one in page.text["kept_projections"]] == [(1, 3)]
    assert [one["layer"] for one in page.text["kept_inputs"]] == [1]
    assert page.text["model"]["rope"]["base"] == 10000.0
