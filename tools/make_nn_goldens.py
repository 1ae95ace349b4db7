#!/usr/bin/env python3
"""Writes tests/golden/nn.json: what torch's norms, activations and a rotary embedding make of given numbers.

Needs torch 2.13 (`pip install torch==2.13.0`), CPU only. Run from anywhere: tools/make_nn_goldens.py

All results are computed in float64 from float32 inputs, so that they are the exact ones for float32 code.
"""

import json
import pathlib

import torch
from torch.nn import functional

SIZES = (1, 5, 64, 67)


def numbers(tensor):
    """9 significant digits: they name a float32 exactly, and a float64 to 5e-10 of itself."""
    return [float(f"{value:.9g}") for value in tensor.reshape(-1).tolist()]


def norms(generator):
    for size in SIZES:
        # The third row's mean is a thousand times its deviation, the last is constant.
        x = torch.randn(4, size, generator=generator)
        x[1] *= 30
        x[2] += 1000
        x[3] = 0.75
        scale = torch.rand(size, generator=generator) + 0.5
        shift = torch.randn(size, generator=generator)
        for epsilon in (1e-5, 1e-12):
            wide = [tensor.double() for tensor in (x, scale, shift)]
            yield {
                "size": size, "epsilon": epsilon, "x": numbers(x), "scale": numbers(scale), "shift": numbers(shift),
                "layer_norm": numbers(functional.layer_norm(wide[0], (size,), wide[1], wide[2], epsilon)),
                "rms_norm": numbers(functional.rms_norm(wide[0], (size,), wide[1], epsilon)),
            }


def activations(generator):
    x = torch.cat([torch.linspace(-12, 12, 49), torch.randn(100, generator=generator),
                   torch.tensor([-30.0, 30.0, 1e-30, -1e-8, 0.0])])
    up = torch.randn(len(x), generator=generator)
    wide = x.double()
    return {
        "x": numbers(x), "up": numbers(up),
        "gelu_exact": numbers(functional.gelu(wide)),
        "gelu_tanh": numbers(functional.gelu(wide, approximate="tanh")),
        "silu_times": numbers(functional.silu(wide) * up.double()),
    }


def turned(x, base, layout):
    """x [tokens, size] in float64, turned as complex numbers: neither half-split's nor interleaved's usual code."""
    size = x.shape[-1]
    pairs = torch.stack([x[:, : size // 2], x[:, size // 2 :]], -1) if layout == "half_split" else x.view(len(x), -1, 2)
    angle = torch.arange(len(x)).double()[:, None] * base ** (-torch.arange(0, size, 2).double() / size)
    result = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones_like(angle), angle))
    return result.transpose(1, 2).reshape(x.shape) if layout == "half_split" else result.reshape(x.shape)


def ropes(generator):
    for size, base in ((2, 10000.0), (6, 1e5), (32, 500000.0)):
        x = torch.randn(9, size, generator=generator)
        yield {"size": size, "base": base, "x": numbers(x),
               "half_split": numbers(turned(x.double(), base, "half_split")),
               "interleaved": numbers(turned(x.double(), base, "interleaved"))}


def feed_forward():
    """The book's FeedForward(5) from seed 123, and what it makes of the numbers drawn next."""
    torch.manual_seed(123)
    layers = torch.nn.Sequential(torch.nn.Linear(5, 20), torch.nn.GELU(approximate="tanh"), torch.nn.Linear(20, 5))
    x = torch.rand(3, 5)
    return {"x": numbers(x), "y": numbers(layers.double()(x.double()).detach())}


def main():
    generator = torch.Generator().manual_seed(6)
    document = {"torch": torch.__version__, "norms": list(norms(generator)), "activations": activations(generator),
                "ropes": list(ropes(generator)), "feed_forward": feed_forward()}
    path = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "nn.json"
    path.write_text(json.dumps(document, separators=(",", ":")).replace("],", "],\n") + "\n")


if __name__ == "__main__":
    main()
