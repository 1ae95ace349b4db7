"""SmolLM2, a real model, where `fovea model get smollm2` has put it."""

import json
import os
import pathlib

import pytest
import torch
from models import under

import fovea

HOME = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share")
FILE = HOME / "fovea" / "models" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
GOLDEN = json.loads((pathlib.Path(__file__).parents[2] / "golden" / "models" / "smollm2.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="no smollm2: fovea model get smollm2")


@pytest.fixture(scope="module")
def loaded():
    pytest.importorskip("gguf")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FILE.parent, gguf_file=FILE.name)
    model = AutoModelForCausalLM.from_pretrained(
        FILE.parent, gguf_file=FILE.name, dtype=torch.float32, attn_implementation="fovea"
    )
    return model.eval(), tokenizer


@pytest.mark.parametrize("text", GOLDEN["texts"], ids=range(len(GOLDEN["texts"])))
def test_logits_and_weights_are_those_of_eager(loaded, text):
    """The goldens are eager's, made by tools/make_model_goldens.py; logits are about 20 in size."""
    model, tokenizer = loaded
    assert tokenizer(text["text"])["input_ids"] == text["ids"]
    answer = under(model, "fovea", torch.tensor([text["ids"]]), output_attentions=True)
    logits = answer.logits[0, -1]
    assert logits.topk(5).indices.tolist() == text["top_ids"]
    torch.testing.assert_close(logits[text["logit_ids"]], torch.tensor(text["logits"]), atol=5e-4, rtol=1e-4)
    for one in text["attention"]:
        row = answer.attentions[one["layer"]].row(one["head"], one["row"])
        torch.testing.assert_close(row, torch.tensor(one["weights"]), atol=5e-5, rtol=1e-3)


def test_generates_what_eager_does(loaded):
    model, _ = loaded
    for one in GOLDEN["generation"][:2]:
        ids = torch.tensor([one["ids"]])
        model.set_attn_implementation("fovea")
        said = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=64)
        assert said[0, ids.shape[1] :].tolist() == one["new"]


def test_portraits_are_the_goldens(loaded):
    model, tokenizer = loaded
    ids = tokenizer(GOLDEN["portraits"]["text"], return_tensors="pt").input_ids
    lenses = under(model, "fovea", ids, output_attentions=True).attentions
    for one in GOLDEN["portraits"]["heads"]:
        portrait = lenses[one["layer"]].portraits(ids)[one["head"]]
        for name, member in (("previous", "previous"), ("self", "own"), ("first", "first")):
            assert getattr(portrait, member) == pytest.approx(one[name], abs=1e-4), (one, name)


def test_the_page_names_the_likeliest_tokens(loaded, tmp_path):
    model, tokenizer = loaded
    text = GOLDEN["texts"][0]
    explanation = fovea.explain(model, tokenizer, text["text"])
    assert [guess["id"] for guess in explanation.data["guesses"]] == text["top_ids"]
    assert len(explanation.data["heads"]) == 270
    explanation.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 100_000
