#!/usr/bin/env python3
"""Attention against its peers: script/bench attend [--only GROUP,...] [--shape B,Hq,Hkv,Nq,Nkv,D ...] [--json].

Loads libfovea and torch into one process and has them answer the same questions from the same memory in turn; measure.py
says how, cases.py what. A table goes to stdout, or with --json one object a line:
  fovea_ms_min, fovea_ms_median     milliseconds a call, over all calls; likewise for each rival
  gflops, percent_of_peak           of visible pairs, and of the multiply-adds that the cores can do (peak_gflops)
  percent_of_bandwidth              few queries: of the rate at which keys and values can be read (read_gb_s)
  ratio_torch_sdpa, ratio_torch_eager, ratio_torch_packed, ratio_ort_mha, ratio_ort_attention
                                    the peer's time over fovea's: above 1 fovea is faster; null where it has no such rule
  ratio_own                         fovea's time in the case that this one is compared with over its time here
  max_error                         largest difference from torch, as a share of the largest |output|
  steady                            whether the spread became small at the machine's full rate
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

import cases
import measure

PEERS = ("torch_sdpa", "torch_packed", "torch_eager", "ort_mha", "ort_attention")
COLUMNS = (("case", 44), ("ms", 9), ("median", 9), ("GFLOP/s", 8), ("%peak", 6), ("%read", 6), ("xSDPA", 6),
           ("xpack", 6), ("xeager", 7), ("xMHA", 6), ("xAttn", 6), ("xown", 6), ("steady", 6), ("goals", 0))


def keep_freed_memory():
    """Rivals that allocate their output get the same pages back, as fovea writes to the same ones: page faults took 10 %
    of a call of 1.5 ms."""
    mmap_max, trim_threshold = -4, -1
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, -1)


class Bench:
    def __init__(self, library_folder, bits, seconds):
        import fovea_library
        import rivals

        self._fovea = fovea_library.Library(str(library_folder / "libfovea.so"))
        self._machine = measure.Machine(str(library_folder / "libfovea_bench_peak.so"), bits)
        self._onnxruntime = rivals.Onnxruntime()
        self._seconds = seconds

    def run(self, case):
        """Measures a case; returns its result as a dictionary."""
        import torch

        from inputs import make_inputs

        torch.set_num_threads(case.threads)
        inputs = make_inputs(case)
        output = inputs.empty_output()
        call = self._fovea.prepare(inputs, output, case.threads)
        peers = self._peers(inputs, case.threads)
        call()
        error = self._largest_error(output, peers)
        contestants = [measure.Rival("fovea", call, case.threads)]
        contestants += [measure.Rival(name, peer, case.threads) for name, peer in peers.items()]
        if case.against is not None:
            other = make_inputs(case.against)
            own = self._fovea.prepare(other, other.empty_output(), case.against.threads)
            contestants.append(measure.Rival("own", own, case.against.threads))
        if case.is_decode():
            read = lambda: self._machine.read_seconds([inputs.key, inputs.value], case.threads)
            contestants.append(measure.Rival("read", read, case.threads, times_itself=True))
        steady = measure.measure(contestants, self._machine, self._seconds)
        return self._result(case, {rival.name: rival for rival in contestants}, inputs, steady) | {
            "max_error": error, "plan": call.explain().splitlines()[0]}

    def _peers(self, inputs, threads):
        import rivals

        calls = {
            "torch_sdpa": rivals.torch_sdpa(inputs), "torch_packed": rivals.torch_packed(inputs),
            "torch_eager": rivals.torch_eager(inputs),
            "ort_mha": self._onnxruntime.multi_head_attention(inputs, threads),
            "ort_attention": self._onnxruntime.attention(inputs, threads),
        }
        return {name: call for name, call in calls.items() if call is not None}

    @staticmethod
    def _largest_error(output, peers):
        peer = peers.get("torch_sdpa") or peers.get("torch_eager")
        if peer is None:
            return None
        expected = peer().float()
        return float((output.float() - expected).abs().max() / expected.abs().max())

    def _result(self, case, rivals, inputs, steady):
        fovea = rivals["fovea"]
        gflops = case.flops() / fovea.seconds() * 1e-9
        peak = self._machine.peak(case.threads)
        result = {"case": case.name(), "group": case.group, "shape": case.shape, "causal": case.causal,
                  "window": case.window, "dtype": case.dtype, "threads": case.threads, "steady": steady,
                  "spread": fovea.spread(), "visits": len(fovea.visits), "gflops": gflops, "peak_gflops": peak,
                  "percent_of_peak": 100 * gflops / peak, "percent_of_bandwidth": None}
        for name in ("fovea", *PEERS, "own"):
            rival = rivals.get(name)
            result[f"{name}_ms_min"] = rival and min(rival.calls) * 1e3
            result[f"{name}_ms_median"] = rival and statistics.median(rival.calls) * 1e3
            if name != "fovea":
                result[f"ratio_{name}"] = rival and rival.seconds() / fovea.seconds()
        if "read" in rivals:
            size = sum(tensor.numel() * tensor.element_size() for tensor in (inputs.key, inputs.value))
            result["read_gb_s"] = size / rivals["read"].seconds() * 1e-9
            result["percent_of_bandwidth"] = 100 * rivals["read"].seconds() / fovea.seconds()
        return result


def judgement(case, result):
    """The goals of a case in a few characters each: what is wanted, and whether it is met."""
    words = []
    for goal in case.goals:
        value = result[goal.key]
        if value is None:
            continue
        met = "ok" if value >= goal.required else "MISSED"
        words.append(f"{goal.key.removeprefix('ratio_').removeprefix('percent_of_')} {goal.required:g} {met}")
    return ", ".join(words)


def table_row(case, result):
    def number(value, digits):
        return "-" if value is None else f"{value:.{digits}f}"

    cells = [result["case"], number(result["fovea_ms_min"], 3), number(result["fovea_ms_median"], 3),
             number(result["gflops"], 1), number(result["percent_of_peak"], 1),
             number(result["percent_of_bandwidth"], 1)]
    cells += [number(result[f"ratio_{name}"], 2) for name in (*PEERS, "own")]
    cells += ["yes" if result["steady"] else "no", judgement(case, result)]
    return "  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                     for i, (text, (_, width)) in enumerate(zip(cells, COLUMNS)))


def whole_numbers(text):
    numbers = tuple(int(number) for number in text.split(","))
    if len(numbers) != 6 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not six whole numbers from 1 up, B,Hq,Hkv,Nq,Nkv,D")
    if numbers[1] % numbers[2]:
        raise argparse.ArgumentTypeError(f"{numbers[1]} query heads are not a multiple of {numbers[2]} key heads")
    return numbers


def two_bounds(text):
    bounds = tuple(math.inf if bound == "inf" else float(int(bound)) for bound in text.split(","))
    if len(bounds) != 2 or min(bounds) < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not LEFT,RIGHT, each 0 or more or inf")
    return bounds


def group_names(text):
    names = text.split(",")
    unknown = [name for name in names if name not in cases.GROUPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no group is named '{unknown[0]}'; there are {', '.join(cases.GROUPS)}")
    return names


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench attend", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--only", type=group_names, metavar="GROUP,...", help=", ".join(cases.GROUPS))
    choice.add_argument("--shape", type=whole_numbers, metavar="B,Hq,Hkv,Nq,Nkv,D", help="one case, by these flags:")
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--window", type=two_bounds, metavar="LEFT,RIGHT")
    parser.add_argument("--dtype", choices=("f32", "bf16", "f16"), default="f32")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--softcap", type=float, default=0)
    for flag in ("bias", "keep", "alibi", "sinks"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--layout", choices=("heads", "tokens"), default="heads")
    parser.add_argument("--logits", type=float, default=1, help="factor of the query")
    parser.add_argument("--target", help="instruction set of fovea, as FOVEA_TARGET takes it")
    parser.add_argument("--seconds", type=float, default=20, help="at most this long a case")
    parser.add_argument("--json", action="store_true", help="one object a line instead of the table")
    parser.add_argument("--libraries", type=pathlib.Path, help="folder of libfovea.so and libfovea_bench_peak.so",
                        default=pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "lib")
    return parser.parse_args()


def chosen_cases(arguments):
    if arguments.shape:
        flags = ("shape", "causal", "window", "dtype", "threads", "softcap", "bias", "keep", "alibi", "sinks",
                 "layout", "logits")
        return [cases.Case(**{flag: getattr(arguments, flag) for flag in flags})]
    # The AVX2 cases need another process: a library chooses its instructions once.
    groups = arguments.only or [group for group in cases.GROUPS if group != "avx2"]
    return [case for group in groups for case in cases.cases_of(group)]


def print_geomeans(results):
    """Of the group "geomean", for each number of threads."""
    for threads in (2, 1):
        ratios = [result["ratio_torch_sdpa"] for result in results
                  if result["group"] == "geomean" and result["threads"] == threads]
        if ratios:
            print(f"geomean over torch SDPA, {threads} thread{'s' * (threads > 1)}: "
                  f"{statistics.geometric_mean(ratios):.3f} (least {min(ratios):.3f})")


def main():
    arguments = parse_arguments()
    target = arguments.target or ("avx2" if arguments.only == ["avx2"] else None)
    if target:
        os.environ["FOVEA_TARGET"] = target
    keep_freed_memory()
    bench = Bench(arguments.libraries, 256 if target and target.lower() == "avx2" else None, arguments.seconds)
    if not arguments.json:
        print("  ".join(name.ljust(width) if i == 0 else name.rjust(width) for i, (name, width) in enumerate(COLUMNS)))
    results = []
    for case in chosen_cases(arguments):
        result = bench.run(case)
        results.append(result)
        print(json.dumps(result) if arguments.json else table_row(case, result), flush=True)
    if not arguments.json:
        print_geomeans(results)
    if not arguments.only and not arguments.shape:
        sys.stdout.flush()
        command = [sys.executable, __file__, "--only", "avx2", "--libraries", str(arguments.libraries),
                   "--seconds", str(arguments.seconds), *(["--json"] if arguments.json else [])]
        return subprocess.run(command, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
