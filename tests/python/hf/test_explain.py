"""The page of any model: what it says is what the weights say."""

import re

import pytest
import torch
from models import make_model, under
from words import TEXT, make_tokenizer

import fovea


def explained(family, text=TEXT, **options):
    model = make_model(family)
    return model, fovea.explain(model, make_tokenizer(), text, **options)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "gemma2", "gpt_oss"])
def test_says_what_eager_says(family):
    model, explanation = explained(family)
    data = explanation.data
    ids = torch.tensor([make_tokenizer()(TEXT)["input_ids"]])
    answer = under(model, "eager", ids, output_attentions=True)
    assert data["model"]["layers"] == 2 and data["model"]["heads"] == 4 and len(data["heads"]) == 8
    assert data["map_cell"] == 1  # a short text: the map is the weights
    for head in data["heads"]:
        weights = answer.attentions[head["layer"]][0, head["head"]]
        expected = weights / weights.sum(-1, keepdim=True) if family == "gpt_oss" else weights
        got = torch.tensor(head["map"])
        got = got / got.sum(-1, keepdim=True) if family == "gpt_oss" else got
        torch.testing.assert_close(got, expected, atol=2e-6, rtol=1e-5)
    if family != "bert":
        probabilities, likeliest = answer.logits[0, -1].softmax(-1).topk(5)
        assert [guess["id"] for guess in data["guesses"]] == likeliest.tolist()
        torch.testing.assert_close(torch.tensor([guess["probability"] for guess in data["guesses"]]), probabilities, atol=1e-6, rtol=1e-4)


def test_tokens_have_their_place_in_the_text():
    text = "ünïcode journey"
    data = explained("llama", text)[1].data
    assert [token["bytes"] for token in data["tokens"]] == [[0, 9], [10, 17]]
    assert [text.encode()[first:end].decode() for first, end in (token["bytes"] for token in data["tokens"])] == text.split()


def test_an_encoder_has_a_sentence_vector():
    model = make_model("bert").bert
    data = fovea.explain(model, make_tokenizer(), TEXT).data
    vector = torch.tensor(data["sentence_vector"])
    assert vector.shape == (32,) and abs(float(vector.norm()) - 1) < 1e-6 and not data["model"]["causal"]


def test_the_page_stands_alone(tmp_path):
    _, explanation = explained("llama", most_bytes=0)
    line = explanation.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == explanation.html and "Content-Security-Policy" in page and "8 of 8 heads can be opened" in line
    assert not re.search(r"""(src|href)=["']https?:""", page)


def test_in_a_notebook_it_is_a_frame_of_its_own():
    shown = explained("llama")[1]._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts"') and shown.count("<") == 2
    assert "8 of 8 heads" in repr(explained("llama")[1])


def test_hostile_text_is_escaped():
    text = "journey </script><script>alert(1)</script> --> \u202e"
    page = explained("llama", text)[1].html
    assert "<script>alert(1)" not in page
    assert "\u202e" not in page[: page.index("</title>")] and "\\u{202e}" in page


def test_some_heads_alone():
    data = explained("llama", only_heads=[(1, 2)])[1].data
    assert [(head["layer"], head["head"]) for head in data["heads"]] == [(1, 2)]
    with pytest.raises(ValueError, match="there is no head 7.0; the model has layers 0 to 1"):
        explained("llama", only_heads=[(7, 0)])


def test_an_encoders_stack_with_biases_keeps_maps_alone():
    encoder = make_model("t5").get_encoder()
    explanation = fovea.explain(encoder, make_tokenizer(), TEXT)
    assert len(explanation.data["heads"]) == 8 and "0 of 8 heads can be opened" in repr(explanation)


def test_what_cannot_be_explained_is_said():
    with pytest.raises(ValueError, match=r"is an encoder and a decoder; wanted one: model\.get_encoder\(\)"):
        explained("t5")
    with pytest.raises(ValueError, match="a text without any token"):
        explained("llama", "")


def test_the_model_is_left_as_it_was():
    model = make_model("llama")
    model.set_attn_implementation("sdpa")
    fovea.explain(model, make_tokenizer(), TEXT)
    assert model.config._attn_implementation == "sdpa"
    with pytest.raises(ValueError):
        fovea.explain(model, make_tokenizer(), TEXT, only_heads=[(9, 9)])
    assert model.config._attn_implementation == "sdpa"


def test_one_token_of_an_encoder_is_no_decoders():
    data = explained("bert", "journey")[1].data
    assert len(data["tokens"]) == 1 and data["model"]["causal"] is False
    assert explained("gpt2", "journey")[1].data["model"]["causal"] is True


def test_a_model_in_float64_is_refused_by_that_name():
    with pytest.raises(ValueError, match="computes in float64; wanted float32"):
        fovea.explain(make_model("llama").double(), make_tokenizer(), TEXT)


@pytest.mark.parametrize("fails", [False, True])
def test_parts_of_a_model_keep_their_own_implementations(fails):
    import transformers

    text = make_model("llama").config
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    model = transformers.LlavaForConditionalGeneration(transformers.LlavaConfig(text_config=text, vision_config=vision)).eval()
    model.set_attn_implementation({"text_config": "eager", "vision_config": "sdpa"})

    def implementations() -> list[str]:
        return [part.config._attn_implementation for part in model.modules() if hasattr(part, "config")]

    before = implementations()
    assert {"eager", "sdpa"} <= set(before)
    if fails:
        with pytest.raises(ValueError):
            fovea.explain(model, make_tokenizer(), TEXT, only_heads=[(99, 0)])
    else:
        fovea.explain(model, make_tokenizer(), TEXT)
    assert implementations() == before


def test_what_is_left_out_is_said_in_words_of_python():
    explanation = explained("llama", most_bytes=1)[1]
    assert "(most_bytes=0 keeps all)" in repr(explanation)
