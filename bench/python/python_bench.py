#!/usr/bin/env python3
"""What fovea costs from Python: script/bench python [--seconds S] [--json].

The calls take turns in one process, with a canary of the machine's rate before and after each visit (bench/attend/measure.py
says how). One line a case; with --json one object a line.
"""

import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "attend")]

import call_overhead  # noqa: E402
import hf_prefill  # noqa: E402
import measure  # noqa: E402

PEAK = HERE.parent.parent / "build" / "release" / "lib" / "libfovea_bench_peak.so"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="at most so long")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    machine = measure.Machine(str(PEAK))
    for result in call_overhead.run(machine, options.seconds):
        if options.json:
            print(json.dumps(result), flush=True)
        else:
            note = "" if result["settled"] else "  (unsteady machine)"
            print(f"{result['case']}: {result['name']:<16} {result['microseconds']:6.2f} us{note}", flush=True)
    for result in hf_prefill.run(machine, options.seconds):
        print(json.dumps(result) if options.json else hf_prefill.line(result), flush=True)


if __name__ == "__main__":
    main()
