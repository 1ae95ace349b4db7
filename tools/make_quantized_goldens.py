#!/usr/bin/env python3
"""Writes tests/golden/quantized.gguf: blocks of each type that fovea reads, with the float32 numbers that PyPI's gguf
makes of them; and tests/golden/plain.safetensors, written by PyPI's safetensors. Both are read by tests/formats.

Run: pip install gguf==0.19.0 safetensors==0.8.0 in any environment, then python tools/make_quantized_goldens.py.
A tensor "q4_1" holds the blocks, "q4_1.floats" what they mean. Most blocks are random bytes with a finite scale, so that
every bit of a block counts; "q4_1.made" (and its floats) are normal numbers that gguf quantised itself, for the types
that it can quantise to.
"""

import pathlib

import gguf
import numpy
import safetensors.numpy
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "golden"
ROWS = 4
# The type, the blocks in a row, and the bytes of a block at which its binary16 scales lie.
TYPES = [(Type.F16, 32, [0]), (Type.BF16, 32, []), (Type.Q8_0, 3, [0]), (Type.Q4_0, 3, [0]), (Type.Q4_1, 3, [0, 2]),
         (Type.Q4_K, 2, [0, 2]), (Type.Q6_K, 2, [208])]


def random_blocks(draw, kind, blocks, scales):
    size = gguf.GGML_QUANT_SIZES[kind][1]
    data = draw.integers(0, 256, (ROWS, blocks, size), dtype=numpy.uint8)
    for at in scales:
        # Any finite bits: of both signs, subnormals and zeros among them.
        bits = draw.integers(0, 0x7C00, (ROWS, blocks), dtype=numpy.uint16)
        bits[0, 0] = draw.integers(1, 0x400)
        bits |= draw.integers(0, 2, bits.shape, dtype=numpy.uint16) << 15
        data[..., at:at + 2] = bits[..., None].view(numpy.uint8)
    if kind == Type.BF16:
        data[..., 1] &= 0xBF  # no infinity, no NaN: the exponent's top bit is 0
    return data.reshape(ROWS, blocks * size)


def add(writer, name, kind, stored):
    raw = stored.view({Type.F16: numpy.float16, Type.BF16: numpy.uint8}.get(kind, numpy.uint8))
    writer.add_tensor(name, raw, raw_dtype=None if kind == Type.F16 else kind)
    writer.add_tensor(name + ".floats", dequantize(raw, kind).astype(numpy.float32))


def main():
    draw = numpy.random.default_rng(20)
    writer = gguf.GGUFWriter(FOLDER / "quantized.gguf", "golden")
    writer.add_array("golden.numbers", [1, -2, 3])
    writer.add_array("golden.texts", ["", "ä", "a text of more than fifteen bytes"])
    writer.add_float32("golden.half", 0.5)
    writer.add_uint64("golden.large", 2**64 - 1)
    writer.add_bool("golden.true", True)
    for kind, blocks, scales in TYPES:
        name = kind.name.lower()
        add(writer, name, kind, random_blocks(draw, kind, blocks, scales))
        if kind in (Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.BF16):
            numbers = draw.standard_normal((ROWS, blocks * gguf.GGML_QUANT_SIZES[kind][0])).astype(numpy.float32)
            add(writer, name + ".made", kind, quantize(numbers, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    safetensors.numpy.save_file(
        {"halves": numpy.array([[0.5, -2, 65504]], numpy.float16), "floats": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
         "wholes": numpy.array([-1, 2**40], numpy.int64), "none": numpy.zeros((0, 3), numpy.float32),
         "scalar": numpy.array(7, numpy.float64)},
        FOLDER / "plain.safetensors", metadata={"made by": "safetensors"})


if __name__ == "__main__":
    main()
