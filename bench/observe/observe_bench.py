#!/usr/bin/env python3
"""What observing costs: script/bench observe [--keys N,...] [--sizes D,...] [--scores KIND] [--json] [--picture FILE].

Each observer's call and the plain one take turns in one process (bench/attend/measure.py says how), beside torch's
scaled_dot_product_attention, which shows nothing, and the two ways to the same facts in torch: from the whole matrix of
weights, and block by block after the output. One line a case; --json, one object a line:
  cost_NAME             time of a call with that observer over the plain call
  all_ms, plain_ms      the first five (lse, row max, entropy, pooled map, received, top-8) together; the plain call
  ratio_sdpa, ratio_eager, ratio_two_pass    torch's time over all_ms
  memory_all, memory_eager, memory_two_pass  peak bytes beyond the inputs, each in a process of its own
"""

import argparse
import ctypes
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "attend"))

import cases  # noqa: E402
import measure  # noqa: E402

FIVE = {"row_statistics": 1, "entropy": 1, "pooled_map": 1, "received": 1, "top_weights": 8}
OBSERVERS = {"lse": {"row_statistics": 1}, "entropy": {"entropy": 1}, "pooled": {"pooled_map": 1},
             "received": {"received": 1}, "top8": {"top_weights": 8}, "top64": {"top_weights": 64},
             "distance": {"distance": 1}, "all": FIVE}
GOALS = {"lse": 1.015, "entropy": 1.03, "pooled": 1.03, "received": 1.10, "top8": 1.12, "top64": 1.40, "distance": 1.06,
         "all": 1.20}
MOST_EAGER_BYTES = 5 << 30
EAGER_COPIES = 4  # scores, weights and what entropy and topk make of them


def make_inputs(case, scores):
    """Inputs of a case; or queries and keys whose scores rise or fall along the keys, or are all equal."""
    import torch

    from inputs import make_inputs

    inputs = make_inputs(case)
    if scores != "normal":
        keys = case.shape[4]
        along = {"rising": torch.arange(keys), "falling": -torch.arange(keys), "equal": torch.zeros(keys)}[scores]
        inputs.query.zero_()[..., 0] = 8
        inputs.key.zero_()[..., 0] = along.float() * (10 / keys)
    return inputs


def resident(name):
    """Bytes of this process in memory: VmRSS now, VmHWM at the peak."""
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) * 1024


class Bench:
    def __init__(self, folder, seconds):
        self._library = ctypes.CDLL(str(folder / "libfovea.so"))
        self._machine = measure.Machine(str(folder / "libfovea_bench_peak.so"))
        self._seconds = seconds

    def fovea(self, inputs, asked, threads):
        import torch

        from fovea_library import Call
        from observing import ObservingCall, results

        output = inputs.empty_output()
        if not asked:
            return Call(self._library, inputs, output, threads, "")
        return ObservingCall(self._library, inputs, output, results(torch, inputs, asked), asked, threads)

    def torch_calls(self, inputs):
        import facts

        batch, heads, queries, _ = inputs.query.shape
        calls = {"sdpa": facts.sdpa(inputs), "two_pass": facts.two_pass(inputs, 8)}
        if EAGER_COPIES * 4 * batch * heads * queries * inputs.key.shape[2] <= MOST_EAGER_BYTES:
            calls["eager"] = facts.eager(inputs, 8)
        return calls

    def run(self, case, scores):
        import torch

        torch.set_num_threads(case.threads)
        inputs = make_inputs(case, scores)
        calls = {"plain": self.fovea(inputs, {}, case.threads)}
        calls |= {name: self.fovea(inputs, asked, case.threads) for name, asked in OBSERVERS.items()}
        calls |= self.torch_calls(inputs)
        rivals = {name: measure.Rival(name, call, case.threads) for name, call in calls.items()}
        steady = measure.measure(list(rivals.values()), self._machine, self._seconds)
        seconds = {name: rival.seconds() for name, rival in rivals.items()}
        result = {"case": case.name(), "scores": scores, "shape": case.shape, "causal": case.causal,
                  "threads": case.threads, "steady": steady, "plain_ms": seconds["plain"] * 1e3,
                  "all_ms": seconds["all"] * 1e3}
        result |= {f"cost_{name}": seconds[name] / seconds["plain"] for name in OBSERVERS}
        result |= {f"ratio_{name}": seconds[name] / seconds["all"] if name in seconds else None
                   for name in ("sdpa", "eager", "two_pass")}
        return result

    def memory(self, case, contestant):
        """Peak bytes beyond the inputs of one call in this process, where what is freed is given back at once."""
        import torch

        mmap_threshold = -3
        ctypes.CDLL(None).mallopt(mmap_threshold, 1 << 16)

        torch.set_num_threads(case.threads)
        inputs = make_inputs(case, "normal")
        call = (self.fovea(inputs, FIVE, case.threads) if contestant == "all"
                else self.torch_calls(inputs).get(contestant))
        if call is None:
            return None
        before = resident("VmRSS")
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        answer = call()
        del answer
        return resident("VmHWM") - before


def memory_of(arguments, case, contestant):
    """Bench.memory in a process of its own."""
    shape = ",".join(map(str, case.shape))
    command = [sys.executable, __file__, "--memory-of", contestant, "--shape", shape, "--threads", str(case.threads),
               "--libraries", str(arguments.libraries), *(["--causal"] if case.causal else [])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def whole_numbers(text):
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' has a number below 1")
    return numbers


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench observe", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--keys", type=whole_numbers, default=[1024, 2048, 4096, 8192, 16384], metavar="N,...")
    parser.add_argument("--sizes", type=whole_numbers, default=[64, 128], metavar="D,...", help="head sizes")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--scores", choices=("normal", "rising", "falling", "equal"), default="normal")
    parser.add_argument("--masks", choices=("both", "none", "causal"), default="both")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=12, help="at most this long a case")
    parser.add_argument("--json", action="store_true", help="one object a line instead of the table")
    parser.add_argument("--picture", type=pathlib.Path, help="draw time and memory against keys to this .svg")
    parser.add_argument("--libraries", type=pathlib.Path, default=HERE.parents[1] / "build" / "release" / "lib",
                        help="folder of libfovea.so and libfovea_bench_peak.so")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--shape", type=whole_numbers, help=argparse.SUPPRESS)
    parser.add_argument("--causal", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def table_row(result):
    cells = [result["case"].ljust(34), f"{result['plain_ms']:9.2f}"]
    for name in OBSERVERS:
        cost = result[f"cost_{name}"]
        cells.append(f"{(cost - 1) * 100:6.1f}%{' ' if cost <= GOALS[name] else '!'}")
    for name in ("sdpa", "eager", "two_pass"):
        ratio = result[f"ratio_{name}"]
        cells.append("      -" if ratio is None else f"{ratio:7.2f}")
    for name in ("all", "eager", "two_pass"):
        size = result[f"memory_{name}"]
        cells.append("        -" if size is None else f"{size / 2**20:9.1f}")
    return " ".join(cells)


def main():
    arguments = parse_arguments()
    sys.path.insert(0, str(HERE))
    bench = Bench(arguments.libraries, arguments.seconds)
    if arguments.memory_of:
        case = cases.Case(tuple(arguments.shape), causal=arguments.causal, threads=arguments.threads)
        print(json.dumps(bench.memory(case, arguments.memory_of)))
        return 0
    if not arguments.json:
        names = [name.rjust(7) + " " for name in OBSERVERS]
        print(" ".join(["case".ljust(34), " plain ms", *names, " xSDPA xeager x2pass  MiB all   eager   2pass"]))
    results = []
    for size in arguments.sizes:
        for causal in {"both": (False, True), "none": (False,), "causal": (True,)}[arguments.masks]:
            for keys in arguments.keys:
                heads = arguments.heads if keys <= 4096 else 1
                case = cases.Case((1, heads, heads, keys, keys, size), causal=causal, threads=arguments.threads)
                result = bench.run(case, arguments.scores)
                result |= {f"memory_{name}": memory_of(arguments, case, name)
                           for name in ("all", "eager", "two_pass")}
                results.append(result)
                print(json.dumps(result) if arguments.json else table_row(result), flush=True)
    if arguments.picture:
        import picture

        arguments.picture.write_text(picture.draw(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
