#!/usr/bin/env python3
"""Explaining against transformers, SmolLM2 in both: script/bench explain [--tokens N,...] [--rounds N] [--json].

Contestants take turns: `fovea explain`, a process a run; transformers (float32, the same weights from the same GGUF) in
a process for each kind of attention, which loads once. Eager with output_attentions has the weights of all layers in the
end, sdpa shows nothing. Before and after each run a canary measures the multiply-adds that the machine gives.
One line a case; --json, one object a line:
  fovea_whole_s, fovea_run_s    the process from start to end; the same less the loading, which is a case of its own
  NAME_s_min, NAME_s_median     seconds of a run: of the whole process for fovea, of the forward pass for the others
  NAME_cpu_s                    seconds of all threads, median: what is left of a comparison on a busy machine
  NAME_mib                      peak memory of the process during the run, its program and weights included
  ratio_sdpa, ratio_eager       their time over fovea_run_s
  NAME_tokens_per_s             decoding: tokens after the first
  NAME_percent_of_read          bytes of weights that this takes a second, of the rate of reading them (read_gb_s)
  goals                         what is wanted, and whether it is met
  steady                        whether the canary gave 95 % of its best before and after each run
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "attend"))

import measure  # noqa: E402
from contestants import Fovea, Transformers  # noqa: E402
from texts import Texts  # noqa: E402

MIB = 1 << 20
MOST_WEIGHT_BYTES = 8 << 30  # of eager's attention weights
NEW_TOKENS = 64
PROMPTS = (32, 512)
# Case, key, the bound, and whether it is the least or the most.
GOALS = (("load", "fovea_s_median", 1, "most"),
         ("explain 2048", "ratio_sdpa", 1, "least"), ("explain 2048", "ratio_eager", 3, "least"),
         ("explain 2048", "fovea_mib", 900, "most"), ("explain 8192", "fovea_mib", 1.2 * 1024, "most"),
         *((f"generate {prompt}", "ratio_transformers", 1, "least") for prompt in PROMPTS))


class Turns:
    """Runs contestants one after the other, so many times."""

    def __init__(self, machine, threads, rounds):
        self._machine, self._threads, self._rounds = machine, threads, rounds
        for _ in range(20):
            machine.canary(threads)

    def _canary_is_well(self):
        return self._machine.canary(self._threads) >= measure.CANARY_SHARE * self._machine.peak(self._threads)

    def take(self, calls):
        """{name: call} to {name: [run, ...]}, and whether the machine was steady."""
        runs, steady = {name: [] for name in calls}, True
        for _ in range(self._rounds):
            for name, call in calls.items():
                time.sleep(measure.SLEEP_SECONDS)
                before = self._canary_is_well()
                runs[name].append(call())
                steady = self._canary_is_well() and before and steady
        return runs, steady


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def measured(case, runs, steady):
    result = {"case": case, "steady": steady}
    for name, own in runs.items():
        result |= {f"{name}_s_min": min(run["seconds"] for run in own), f"{name}_s_median": median(own, "seconds"),
                   f"{name}_cpu_s": median(own, "cpu_seconds"),
                   f"{name}_mib": max(run["peak_bytes"] for run in own) / MIB}
    return result


class Bench:
    def __init__(self, arguments):
        self._fovea = Fovea(str(arguments.fovea), arguments.model, arguments.threads)
        self._facts = self._fovea.facts()
        self._library = arguments.libraries / "libfovea_bench_peak.so"
        self._turns = Turns(measure.Machine(str(self._library)), arguments.threads, arguments.rounds)
        self._texts = Texts(str(arguments.fovea), arguments.model, ROOT)
        self._threads = arguments.threads
        self._peers = {}
        self._loading = None

    def peer(self, attention):
        if attention not in self._peers:
            self._peers[attention] = Transformers(self._facts["file"], attention, self._threads, self._library)
        return self._peers[attention]

    def close(self):
        for peer in self._peers.values():
            peer.close()

    def load(self):
        """fovea's as often as all; transformers takes its time once."""
        self._fovea.load()
        runs, steady = self._turns.take({"fovea": self._fovea.load})
        self._loading = median(runs["fovea"], "seconds")
        loading = self.peer("sdpa").loading
        return measured("load", runs, steady) | {
            "transformers_s": loading["seconds"], "transformers_mib": loading["peak_bytes"] / MIB,
            "ratio_transformers": loading["seconds"] / self._loading}

    def _weight_bytes(self, tokens):
        architecture = self._facts["metadata"]["general.architecture"]
        layers, heads = (self._facts["metadata"][f"{architecture}.{key}"]
                         for key in ("block_count", "attention.head_count"))
        return 4 * layers * heads * tokens**2

    def explain(self, tokens):
        text, ids = self._texts.of(tokens)
        request = {"do": "forward", "ids": ids}
        calls = {"fovea": lambda: self._fovea.explain(text), "sdpa": lambda: self.peer("sdpa").ask(dict(request))}
        note = None
        if self._weight_bytes(tokens) <= MOST_WEIGHT_BYTES:
            calls["eager"] = lambda: self.peer("eager").ask(dict(request))
        else:
            note = f"eager left out: its weights alone are {self._weight_bytes(tokens) / 1e9:.0f} GB"
        for call in calls.values():
            if note is None:
                call()  # at this size; where it takes long, what other sizes warmed up must do
        runs, steady = self._turns.take(calls)
        result = measured(f"explain {tokens}", runs, steady) | {"tokens": tokens, "note": note}
        run = result["fovea_s_median"] - self._loading
        result |= {"fovea_whole_s": result["fovea_s_median"], "fovea_run_s": run}
        return result | {f"ratio_{name}": median(runs[name], "seconds") / run if name in runs else None
                         for name in ("sdpa", "eager")}

    def generate(self, prompt):
        text, ids = self._texts.of(prompt)
        request = {"do": "generate", "ids": ids, "count": NEW_TOKENS}
        calls = {"fovea": lambda: self._fovea.generate(text, NEW_TOKENS),
                 "transformers": lambda: self.peer("sdpa").ask(dict(request))}
        for call in calls.values():
            call()
        runs, steady = self._turns.take(calls)
        read = self.peer("sdpa").ask({"do": "read"})
        rate = read["bytes"] / read["seconds"]
        own_bytes = sum(tensor["bytes"] for tensor in self._facts["tensors"])
        ids = runs["fovea"][0]["ids"]
        result = {"case": f"generate {prompt}", "steady": steady, "read_gb_s": rate * 1e-9,
                  "new_tokens": len(ids), "same_tokens": ids == runs["transformers"][0]["ids"][:len(ids)]}
        for name, size in (("fovea", own_bytes), ("transformers", read["bytes"])):
            speed = median(runs[name], "tokens_per_second")
            result |= {f"{name}_tokens_per_s": speed, f"{name}_weight_mb": size * 1e-6,
                       f"{name}_percent_of_read": 100 * speed * size / rate,
                       f"{name}_cpu_s": median(runs[name], "cpu_seconds"),
                       f"{name}_mib": max(run["peak_bytes"] for run in runs[name]) / MIB}
        return result | {"ratio_transformers": result["fovea_tokens_per_s"] / result["transformers_tokens_per_s"]}


def judged(result):
    """The goals of a case: what is wanted, and whether it is met."""
    words = []
    for case, key, bound, kind in GOALS:
        if case == result["case"] and result.get(key) is not None:
            is_met = result[key] >= bound if kind == "least" else result[key] <= bound
            words.append(f"{key} {'>=' if kind == 'least' else '<='} {bound:g} {'ok' if is_met else 'MISSED'}")
    return result | {"goals": words}


def lines_of(result):
    """A case for people."""
    def line(name, *cells):
        return f"  {name:13} " + "  ".join(cells)

    yield f"{result['case']}{'' if result['steady'] else '  (unsteady: other programs kept the machine busy)'}"
    for name in ("fovea", "sdpa", "eager"):
        if f"{name}_s_median" in result:
            yield line(name, f"median {result[f'{name}_s_median']:8.3f} s", f"min {result[f'{name}_s_min']:8.3f} s",
                       f"cpu {result[f'{name}_cpu_s']:8.2f} s", f"peak {result[f'{name}_mib']:7.0f} MiB")
    if "transformers_s" in result:
        yield line("transformers", f"once   {result['transformers_s']:8.3f} s",
                   f"peak {result['transformers_mib']:7.0f} MiB")
    if "fovea_run_s" in result:
        ratios = [f"{name} takes {result[f'ratio_{name}']:.2f} times that" for name in ("sdpa", "eager")
                  if result[f"ratio_{name}"] is not None]
        yield line("without load", f"       {result['fovea_run_s']:8.3f} s", *ratios)
    for name in ("fovea", "transformers"):
        if f"{name}_tokens_per_s" in result:
            yield line(name, f"{result[f'{name}_tokens_per_s']:7.1f} tokens/s",
                       f"x {result[f'{name}_weight_mb']:.0f} MB of weights",
                       f"{result[f'{name}_percent_of_read']:3.0f} % of {result['read_gb_s']:.1f} GB/s",
                       f"cpu {result[f'{name}_cpu_s']:6.2f} s", f"peak {result[f'{name}_mib']:6.0f} MiB")
    if "same_tokens" in result:
        same = "the same" if result["same_tokens"] else "NOT the same"
        yield line("tokens", f"{result['new_tokens']} new, {same} in both")
    if result.get("note"):
        yield line("", result["note"])
    for goal in result["goals"]:
        yield line("goal", goal)


def whole_numbers(text):
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' has a number below 1")
    return numbers


def parse_arguments():
    release = ROOT / "build" / "release"
    parser = argparse.ArgumentParser(prog="script/bench explain", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--tokens", type=whole_numbers, default=[512, 2048, 8192], metavar="N,...")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--model", default="smollm2", help="a decoder in a .gguf, as fovea's --model takes it")
    parser.add_argument("--no-generate", action="store_true", help="explain alone")
    parser.add_argument("--json", action="store_true", help="one object a line instead of the table")
    parser.add_argument("--fovea", type=pathlib.Path, default=release / "bin" / "fovea", help="the program")
    parser.add_argument("--libraries", type=pathlib.Path, default=release / "lib",
                        help="folder of libfovea_bench_peak.so")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    bench = Bench(arguments)
    cases = [bench.load]
    if not arguments.no_generate:
        cases += [lambda prompt=prompt: bench.generate(prompt) for prompt in PROMPTS]
    cases += [lambda tokens=tokens: bench.explain(tokens) for tokens in arguments.tokens]
    try:
        for case in cases:
            result = judged(case())
            print(json.dumps(result) if arguments.json else "\n".join(lines_of(result)), flush=True)
    finally:
        bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
