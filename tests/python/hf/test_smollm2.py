"""SmolLM2, a real model, where `fovea model get smollm2` has put it."""

import json
import os
import pathlib
import subprocess
import sys

import numpy
import pytest
import torch
from models import under
from page_reader import ReadPage

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


@pytest.fixture(scope="module")
def pages(loaded, tmp_path_factory):
    """Of one text: the page of fovea.explain, and that of the program, which runs the model itself."""
    model, tokenizer = loaded
    text = GOLDEN["portraits"]["text"]
    file = tmp_path_factory.mktemp("page") / "page.html"
    command = [sys.executable, "-m", "fovea", "explain", text, "--model", str(FILE), "--html", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return ReadPage(fovea.explain(model, tokenizer, text).html), ReadPage(file.read_text(encoding="utf-8"))


def as_in_the_file(numbers):
    """A head's 64 numbers (last dimension) in the order of a GGUF file, whose pairs are neighbours: transformers has them as
    halves."""
    return numbers.reshape(*numbers.shape[:-1], 2, 32).swapaxes(-1, -2).reshape(numbers.shape)


def test_turns_as_in_fovea_explain(pages):
    ours, theirs = (page.text for page in pages)
    assert (ours["model"]["rope"], theirs["model"]["rope"]) == (
        {"layout": "half_split", "base": 100000.0},
        {"layout": "interleaved", "base": 100000.0},
    )
    angles = [page["ropes"][0]["angles"] for page in (ours, theirs)]
    assert angles[0] == pytest.approx(angles[1], rel=1e-6) and len(ours["ropes"]) == len(theirs["ropes"]) == 1


def test_inputs_and_matrices_are_those_of_fovea_explain(pages):
    """Two programs run the layers before: their numbers differ as logits do, by 1e-4 of the largest."""
    ours, theirs = pages
    shown = [{(one["layer"], one["head"]) for one in page.text["kept_projections"]} for page in pages]
    assert shown[0] == shown[1] and len(shown[0]) >= 4
    for layer, head in shown[0]:
        given, off = ours.vectors(ours.input(layer))
        expected, expected_off = theirs.vectors(theirs.input(layer))
        assert (numpy.abs(given - expected) <= off + expected_off + 1e-4 * numpy.abs(expected).max()).all()
        vectors = ours.vectors(ours.kept(layer, head)["query"])[0]
        expected = theirs.vectors(theirs.kept(layer, head)["query"])[0]
        assert numpy.abs(as_in_the_file(vectors) - expected).max() <= 2e-4 * numpy.abs(expected).max()
        for name in ("query_weight", "key_weight"):
            weight, off = (as_in_the_file(part.T).T for part in rows_of(ours, layer, head, name))
            expected, expected_off = theirs.vectors(theirs.projection(layer, head)[name])
            assert (numpy.abs(weight - expected) <= off + expected_off).all()


def rows_of(page, layer, head, name):
    """A weight, and how far each number of it may be off."""
    weight, off = page.vectors(page.projection(layer, head)[name])
    return weight, numpy.broadcast_to(off, weight.shape)
