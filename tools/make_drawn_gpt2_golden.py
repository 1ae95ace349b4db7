#!/usr/bin/env python3
"""Writes tests/golden/models/drawn_gpt2.json: a small GPT-2 drawn by torch, and what it says.

Needs torch 2.13 (`pip install torch==2.13.0`), CPU only. Run from anywhere:

    tools/make_drawn_gpt2_golden.py            writes the committed small model
    tools/make_drawn_gpt2_golden.py --124m     prints the ten tokens of the model of 163,009,536 parameters, 4 s
"""

import argparse
import json
import pathlib

import torch
from torch import nn

from make_model_goldens import numbers


class Attention(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(size, size, bias=False)
        self.key = nn.Linear(size, size, bias=False)
        self.value = nn.Linear(size, size, bias=False)
        self.out = nn.Linear(size, size)

    def forward(self, x):
        split = lambda y: y.view(len(x), self.heads, -1).transpose(0, 1)
        y = nn.functional.scaled_dot_product_attention(
            split(self.query(x)), split(self.key(x)), split(self.value(x)), is_causal=True)
        return self.out(y.transpose(0, 1).reshape(x.shape))


class Layer(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.attention = Attention(size, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(size, 4 * size), nn.GELU(approximate="tanh"), nn.Linear(4 * size, size))
        self.norm_1 = nn.LayerNorm(size)
        self.norm_2 = nn.LayerNorm(size)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.feed_forward(self.norm_2(x))


class Gpt2(nn.Module):
    """Modules in the order in which the parameters are drawn."""

    def __init__(self, vocabulary, context_length, size, layers, heads):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, size)
        self.positions = nn.Embedding(context_length, size)
        self.layers = nn.Sequential(*[Layer(size, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, vocabulary, bias=False)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(len(ids)))
        return self.head(self.norm(self.layers(x)))


def greedy(model, ids, count):
    """`count` tokens, and the least lead that a chosen logit had over the next."""
    ids, margins = list(ids), []
    with torch.no_grad():
        for _ in range(count):
            top = model(torch.tensor(ids))[-1].topk(2)
            ids.append(int(top.indices[0]))
            margins.append(float(top.values[0] - top.values[1]))
    return ids[-count:], min(margins)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--124m", dest="whole", action="store_true")
    torch.manual_seed(123)
    if parser.parse_args().whole:
        # "Hello, I am"
        print(greedy(Gpt2(50257, 1024, 768, 12, 12).eval(), [15496, 11, 314, 716], 10))
        return
    # 61 x 24 and 19 x 24 are no multiples of 16: the last draws of an embedding are special then.
    sizes = {"vocabulary": 61, "context_length": 19, "hidden_size": 24, "layers": 2, "heads": 3}
    model = Gpt2(*list(sizes.values())[:3], sizes["layers"], sizes["heads"]).eval()
    prompt = [5, 60, 0, 17]
    new, margin = greedy(model, prompt, 8)
    with torch.no_grad():
        logits = model(torch.tensor(prompt))
    document = {"torch": torch.__version__, "seed": 123, "sizes": sizes, "prompt": prompt, "new": new,
                "least_margin": margin, "logits": numbers(logits),
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "embedding": numbers(model.tokens.weight), "positions": numbers(model.positions.weight),
                "last_in_weight": numbers(model.layers[-1].feed_forward[0].weight),
                "last_out_bias": numbers(model.layers[-1].feed_forward[2].bias)}
    path = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "models" / "drawn_gpt2.json"
    path.write_text(json.dumps(document, separators=(",", ":")).replace("],", "],\n") + "\n")


if __name__ == "__main__":
    main()
