#!/usr/bin/env python3
"""Writes tests/golden/printing.json: tensors of all kinds, as bits, with torch's text of each.

Needs torch 2.13 (`pip install torch==2.13.0`), CPU only. Run from anywhere:

    tools/make_printing_goldens.py                       writes the committed cases
    tools/make_printing_goldens.py --random 5000 --seed 1 --output FILE
                                                         writes random ones, to hunt for differences with
                                                         FOVEA_PRINTING_CASES=FILE build/dev/bin/fovea_core_tests
"""

import argparse
import json
import math
import pathlib
import random

import torch

DTYPES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16, "bool": torch.bool,
    "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64, "u8": torch.uint8,
    "u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64,
}
INF, NAN = math.inf, math.nan
TORCH_OPTIONS = {"line_width": "linewidth", "edge_items": "edgeitems", "scientific": "sci_mode"}


def with_grad_fn(tensor, name):
    """Returns the tensor as the result of an operation that torch prints as grad_fn=<name>."""
    operations = {
        "MmBackward0": lambda t: torch.mm(torch.eye(len(t)), t) if t.dim() == 2 else None,
        "AddBackward0": lambda t: t + -0.0,  # the one term that keeps -0
        "UnsafeViewBackward0": lambda t: torch.ops.aten._unsafe_view(t, t.shape),
        "CatBackward0": lambda t: torch.cat([t]),
    }
    return operations[name](tensor.clone().requires_grad_())


def to_text(tensor, options):
    """Returns repr(tensor) under the options of a case."""
    options = dict(options)
    grad_fn, requires_grad, parameter = (options.pop(key, None) for key in ("grad_fn", "requires_grad", "parameter"))
    if grad_fn:
        tensor = with_grad_fn(tensor, grad_fn)
    if requires_grad:
        tensor = tensor.clone().requires_grad_()
    if parameter:
        tensor = torch.nn.Parameter(tensor)
    with torch._tensor_str.printoptions(**{TORCH_OPTIONS.get(key, key): value for key, value in options.items()}):
        return repr(tensor)


def case(values, dtype="f32", shape=None, strides=None, **options):
    """A case: `values` in storage order, seen through `shape` and `strides` (in elements) where given."""
    storage = torch.tensor(values, dtype=DTYPES[dtype]) if not torch.is_tensor(values) else values
    shape = list(storage.shape) if shape is None else shape
    tensor = storage.reshape(shape) if strides is None else storage.reshape(-1).as_strided(shape, strides)
    flat = storage.reshape(-1).contiguous()
    result = {"dtype": dtype, "shape": shape}
    if strides is not None:
        result["strides"] = strides
    if options:
        result["options"] = options
    result["bits"] = flat.view(torch.uint8).numpy().tobytes().hex() if flat.numel() else ""
    result["printed"] = to_text(tensor, options)
    return result


def chosen_cases():
    """Each rule of torch's printing, and what goes wrong first when one is misread."""
    yield case(0.5, shape=[])
    yield case(-0.0, shape=[])
    yield case(NAN, shape=[])
    yield case(True, "bool", shape=[])
    yield case(7, "i64", shape=[])
    yield case(1e-5, shape=[])
    # Whole numbers, and what stands among them without a point.
    yield case([1.0, 2.0, -3.0])
    yield case([0.0, -0.0])
    yield case([1.0, INF, -INF, NAN])
    yield case([INF, NAN])
    yield case([-INF, 0.0])
    yield case([100.0, NAN, 0.0])
    # Fractions beside them.
    yield case([0.5, INF, -INF, NAN])
    yield case([0.9999999, 1.00001])
    yield case([0.99995, 9.99995, 99.99995])
    yield case([-0.00004, 1.0])
    # Scientific or not: the borders.
    yield case([1.0, 1000.0])
    yield case([1.0, 1001.0])
    yield case([1.0, 2000.0])
    yield case([0.5, 500.0])
    yield case([0.5, 500.5])
    yield case([1e8])
    yield case([100000008.0])
    yield case([1e-4])
    yield case([1e-4], "f64")
    yield case([0.00010001])
    yield case([1e-4, 0.0, INF, NAN])
    yield case([3.4028235e38, 1.4e-45])
    yield case([1e300, 1e-300], "f64")
    yield case([-1e-10, 1.0, -INF])
    yield case([16777216.0, 99999.0])
    # Widths, wrapping and batches.
    yield case([-1.5] + [0.25] * 20)
    yield case([float(i) for i in range(40)])
    yield case([i / 7 for i in range(60)], shape=[3, 20])
    yield case([i / 7 for i in range(24)], shape=[2, 3, 4])
    yield case([i / 7 for i in range(16)], shape=[2, 2, 2, 2])
    yield case([i / 7 for i in range(16)], shape=[1, 1, 1, 16])
    yield case([123456.0] * 5, line_width=10)
    # Nothing in it.
    for dtype in ("f32", "i64", "bool", "f16"):
        yield case([], dtype, shape=[0])
        yield case([], dtype, shape=[2, 0, 3])
    yield case([], shape=[0], requires_grad=True)
    yield case([], shape=[0, 3], parameter=True)
    # Other types.
    yield case([0.1, 0.2], "f64")
    yield case([0.1, 65504.0], "f16")
    yield case([0.1, 3e38], "bf16")
    yield case([True, False] * 20, "bool")
    yield case([[True], [True]], "bool")
    yield case([-128, 127], "i8")
    yield case([-(2**63), 2**63 - 1, 0], "i64")
    yield case([2**64 - 1, 0], "u64")
    yield case([0, 255], "u8")
    yield case(list(range(-20, 20)), "i16")
    # Summarised: the width is that of the shown elements only.
    yield case([1.5] * 7, threshold=6)
    yield case([1.5] * 6, threshold=5)
    yield case([0.25] * 3 + [12345.5] * 4 + [0.25] * 3, threshold=9)
    yield case([1.0] * 3 + [0.5] * 4 + [1.0] * 3, threshold=9)
    yield case(list(range(10)), "i64", threshold=9)
    yield case([True, False], "bool", shape=[501, 2], strides=[0, 1])
    yield case([0.5], shape=[1001], strides=[0])
    yield case([0.5], shape=[1000], strides=[0])
    yield case([0.5, 1.5, 2.5], shape=[400, 3], strides=[0, 1])
    yield case([0.5, -1.5, 2.5], shape=[3, 400], strides=[1, 0])
    yield case([0.5, 1.5], shape=[2, 7, 80], strides=[1, 0, 0])
    yield case([0.5], shape=[8, 8, 8, 8], strides=[0, 0, 0, 0])
    yield case([0.5] * 40, shape=[40], threshold=10, edge_items=12)
    yield case([i / 3 for i in range(100)], shape=[10, 10], threshold=50, edge_items=1)
    # Strides.
    yield case([i / 7 for i in range(12)], shape=[4, 3], strides=[1, 4])
    # Suffixes: on the line while they fit into 80 columns, by torch's count.
    for size in range(3, 9):
        yield case([0.5] * size, grad_fn="AddBackward0")
        yield case([0.5] * size, requires_grad=True)
        yield case([0.5] * size, "f64", requires_grad=True)
        yield case([0.5] * 2 * size, shape=[2, size], grad_fn="MmBackward0")
    yield case([0.5] * 14, shape=[2, 7], parameter=True)
    yield case([0.5] * 12, shape=[2, 2, 3], grad_fn="UnsafeViewBackward0")
    yield case([0.5] * 6, "f16", shape=[2, 3], grad_fn="CatBackward0", line_width=30)
    # Digits and forced forms.
    for precision in (0, 1, 2, 8, 12):
        yield case([0.1, 1.25, -33.333], precision=precision)
    yield case([1e-7, 1.0], scientific=False)
    yield case([0.5, 1.0], scientific=True)
    yield case([1.0, 2.0, INF, 0.0], scientific=True)
    yield case([1e10, 2.0], scientific=False)


def random_values(rng, dtype, count):
    if dtype == "bool":
        return [rng.random() < 0.5 for _ in range(count)]
    if not DTYPES[dtype].is_floating_point:
        info = torch.iinfo(DTYPES[dtype])
        bound = rng.choice([3, 10, 100, 2**7, 2**31, 2**63])
        return [rng.randint(max(info.min, -bound), min(info.max, bound)) for _ in range(count)]
    scale = 10 ** rng.uniform(-12, 12) if rng.random() < 0.4 else 10 ** rng.uniform(-1.2, 1.2)
    spread = rng.choice([0, 0, 1, 2, 4, 8])
    whole, specials = rng.random() < 0.25, rng.random() < 0.3
    values = []
    for _ in range(count):
        value = rng.gauss(0, 1) * scale * 10 ** rng.uniform(-spread, spread)
        if rng.random() < 0.1:
            value = rng.choice([0.0, -0.0, 1.0, 1000.0, 1e-4, 1e8, 0.99995, 9.99995])
        if whole:
            value = float(round(value))
        values.append(rng.choice([INF, -INF, NAN, 0.0, -0.0]) if specials and rng.random() < 0.2 else value)
    return values


def random_case(rng):
    dtype = rng.choice(["f32"] * 6 + list(DTYPES))
    shape = [rng.choice([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 25]) if rng.random() < 0.95 else rng.randint(0, 40)
             for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 4]))]
    count = math.prod(shape)
    if count > 4000:
        shape, count = shape[:1], shape[0]
    options = {}
    if rng.random() < 0.3:
        options["threshold"] = rng.choice([0, 5, 10, 20])
    if rng.random() < 0.15:
        options["edge_items"] = rng.choice([1, 2, 4])
    if rng.random() < 0.15:
        options["precision"] = rng.choice([0, 1, 2, 6, 10])
    if rng.random() < 0.1:
        options["line_width"] = rng.randint(5, 130)
    if rng.random() < 0.05:
        options["scientific"] = rng.random() < 0.5
    if DTYPES[dtype].is_floating_point and rng.random() < 0.4:
        names = ["AddBackward0"] + (["CatBackward0", "UnsafeViewBackward0"] if shape else [])
        options.update(rng.choice([{"grad_fn": rng.choice(names)}, {"requires_grad": True}, {"parameter": True}]))
    values = torch.tensor(random_values(rng, dtype, count), dtype=torch.float64 if DTYPES[dtype].is_floating_point
                          else DTYPES[dtype]).to(DTYPES[dtype])
    return case(values, dtype, shape, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "printing.json"
    parser.add_argument("--output", type=pathlib.Path, default=default)
    parser.add_argument("--random", type=int, default=0, metavar="COUNT", help="write COUNT random cases instead")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    cases = [random_case(rng) for _ in range(arguments.random)] if arguments.random else list(chosen_cases())
    lines = ",\n  ".join(json.dumps(entry) for entry in cases)
    version = torch.__version__.split("+")[0]
    arguments.output.write_text(f'{{\n "torch": "{version}",\n "entries": [\n  {lines}\n ]\n}}\n')
    print(f"{len(cases)} cases written to {arguments.output}")


if __name__ == "__main__":
    main()
