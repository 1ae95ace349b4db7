"""The notebooks' numbers, torch's draws, and the lessons."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import fovea

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = np.array(
    [[0.43, 0.15, 0.89], [0.55, 0.87, 0.66], [0.57, 0.85, 0.64], [0.22, 0.58, 0.33], [0.77, 0.25, 0.10], [0.05, 0.80, 0.55]],
    np.float32,
)



def test_modules_give_the_notebooks_numbers():
    fovea.random.manual_seed(123)
    plain = fovea.nn.TinySelfAttentionQKV(3, 2)
    np.testing.assert_allclose(plain(WORDS)[1], [0.3061, 0.8210], atol=5e-5)
    fovea.random.manual_seed(789)
    layers = fovea.nn.TinySelfAttentionQKVLinear(3, 2)
    np.testing.assert_allclose(layers(WORDS)[0], [-0.0739, 0.0713], atol=5e-5)
    fovea.random.manual_seed(123)
    heads = fovea.nn.MultiHeadAttention(3, 2, 6, 0.0, num_heads=2)
    np.testing.assert_allclose(heads(np.stack([WORDS, WORDS]))[1, 0], [0.3190, 0.4858], atol=5e-5)
    np.testing.assert_allclose(fovea.nn.softmax(WORDS @ WORDS[1]), [0.1385, 0.2379, 0.2333, 0.1240, 0.1082, 0.1581], atol=5e-5)


def test_modules_show_their_steps():
    fovea.random.manual_seed(789)
    layers = fovea.nn.TinySelfAttentionQKVLinear(3, 2)
    steps = layers.steps(WORDS)
    assert list(steps) == ["query", "key", "value", "scores", "weights", "context"]
    np.testing.assert_allclose(steps["query"], WORDS @ layers.W_query.weight.T, rtol=1e-5)
    assert np.array_equal(steps["context"], layers(WORDS))
    causal = fovea.nn.CausalAttention(3, 2, 6)
    assert not np.triu(causal.steps(WORDS)["weights"], 1).any()
    with pytest.raises(ValueError, match=r"6|context"):
        causal(np.concatenate([WORDS, WORDS]))


def test_modules_take_over_each_others_weights():
    plain, layers = fovea.nn.TinySelfAttentionQKV(3, 2), fovea.nn.TinySelfAttentionQKVLinear(3, 2)
    plain.set_weights(layers)
    np.testing.assert_allclose(plain(WORDS), layers(WORDS), rtol=1e-6)
    weight = np.ones((2, 3), np.float32)
    layers.W_query.set_weight(weight)
    assert np.array_equal(layers.W_query.weight, weight)
    assert repr(layers.W_query) == "Linear(in_features=3, out_features=2, bias=False)"


def test_draws_are_torchs():
    torch = pytest.importorskip("torch")
    for seed in (0, 123, 2**63, -1):
        torch.manual_seed(seed)
        fovea.random.manual_seed(seed)
        assert np.array_equal(fovea.random.rand(3, 5), torch.rand(3, 5).numpy())
        np.testing.assert_allclose(fovea.random.randn(4, 7), torch.randn(4, 7).numpy(), rtol=4e-7, atol=1e-7)
        layer = torch.nn.Linear(6, 4)
        weight, bias = fovea.random.linear(6, 4)
        assert np.array_equal(weight, layer.weight.detach().numpy())
        assert np.array_equal(bias, layer.bias.detach().numpy())
    assert fovea.random.rand((2, 3)).shape == (2, 3) and fovea.random.linear(2, 3, bias=False)[1] is None


def test_modules_answer_in_the_inputs_kind():
    torch = pytest.importorskip("torch")
    layer = fovea.nn.Linear(3, 2)
    assert torch.equal(layer(torch.from_numpy(WORDS)), torch.from_numpy(layer(WORDS)))


@pytest.mark.parametrize("lesson", fovea.list_lessons())
def test_every_lesson_is_html_text_and_data(lesson):
    made = fovea.walk(lesson)
    page, text = made._repr_html_(), str(made)
    assert page.startswith("<div") and page.endswith("</div>") and page.count("<div") == page.count("</div>")
    assert "\\n" not in page
    for step in made.data["steps"]:
        assert step["title"].split()[0] in text
    assert made.data["id"] == lesson and all(len(line) <= 80 for line in made.text(80).splitlines())


def test_lessons_are_of_ones_own_words():
    made = fovea.walk("one-query", tokens="The cat ran", query="ran", digits=2)
    first = made.data["steps"][0]["figures"][0]
    assert first["rows"] == ["The", "cat", "ran"] and first["focus"] == 2
    vectors = np.eye(3)
    given = fovea.walk(vectors=vectors, query=0).data["steps"][0]["figures"][0]
    assert given["values"] == vectors.tolist() and given["rows"] == ["x0", "x1", "x2"]
    with pytest.raises(ValueError, match="one-query"):
        fovea.walk("nothing")
    with pytest.raises(ValueError, match="'cow' is 0 of the words"):
        fovea.walk(tokens="The cat ran", query="cow")
    with pytest.raises(ValueError, match=r"\[words, size\]"):
        fovea.walk(vectors=np.ones(3, np.float32))


def test_the_command_line_is_there():
    done = subprocess.run([sys.executable, "-m", "fovea", "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"fovea {fovea.__version__}\n" and done.returncode == 0
    assert f"VERSION {fovea.__version__}" in (ROOT / "CMakeLists.txt").read_text()
    failed = subprocess.run([sys.executable, "-m", "fovea", "wlak"], capture_output=True, text=True, timeout=60)
    assert failed.returncode == 2 and "walk" in failed.stderr


def test_what_the_machine_has():
    info = fovea.cpu_info()
    assert 1 <= info["cores"] <= (os.cpu_count() or 1) and info["threads"] >= 1
