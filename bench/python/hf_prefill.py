#!/usr/bin/env python3
"""SmolLM2 under transformers: a prefill with torch's "sdpa", with fovea, and with fovea watching every head.

Time: one model in one process, the three in turn. Memory: each in a process of its own, the peak above the loaded model.
"eager" with its weights stands beside the memory; where those would not fit, their size is told instead.

    hf_prefill.py GGUF NAME TOKENS   measures one in this process: a line of JSON
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TQDM_DISABLE"] = "1"

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "attend"))

import measure  # noqa: E402

DATA = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share")
MODEL = DATA / "fovea" / "models" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENS, LONG = 2048, 16384
OBSERVED = "fovea, observed"  # entropy, received and top 8 of every head
NAMES = ("sdpa", "fovea", OBSERVED)


def load(path):
    import torch
    from transformers import AutoModelForCausalLM

    import fovea.hf

    fovea.hf.register()
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="sdpa").eval()


def forward(model, name, tokens):
    """Seconds of one prefill, and processor seconds of all threads."""
    import torch

    import fovea.hf

    model.set_attn_implementation(name.split(",")[0])
    watched = fovea.hf.observe(top_weights=8, entropy=True, received=True, keep=False)
    ids = torch.randint(1000, 40000, (1, tokens), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), watched if name == OBSERVED else contextlib.nullcontext():
        start, cpu = time.perf_counter(), time.process_time()
        answer = model(ids, use_cache=False, logits_to_keep=1, output_attentions=name in (OBSERVED, "eager"))
        taken = time.perf_counter() - start, time.process_time() - cpu
    if name == OBSERVED:
        assert answer.attentions[-1].received.shape == (1, model.config.num_attention_heads, tokens)
    return taken


def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def measure_here(path, name, tokens):
    model = load(path)
    forward(model, name, 128)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    seconds, cpu_seconds = forward(model, name, tokens)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "bytes": status("VmHWM") - before}))


def in_its_own_process(name, tokens):
    run = subprocess.run([sys.executable, __file__, str(MODEL), name, str(tokens)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def run_times(machine, seconds):
    import torch

    model, threads = load(MODEL), torch.get_num_threads()
    rivals = [
        measure.Rival(name, lambda name=name: forward(model, name, TOKENS)[0], threads, times_itself=True) for name in NAMES
    ]
    settled = measure.measure(rivals, machine, seconds)
    for rival in rivals:
        yield {"case": f"smollm2 prefill of {TOKENS}", "name": rival.name, "seconds": rival.seconds(),
               "over_sdpa": rival.seconds() / rivals[0].seconds(), "threads": threads, "settled": settled}


def run_memory():
    for name in (*NAMES, "eager"):
        yield {"case": f"smollm2 memory at {TOKENS}", "name": name, **in_its_own_process(name, TOKENS)}
    for name in ("sdpa", OBSERVED):
        yield {"case": f"smollm2 memory at {LONG}", "name": name, **in_its_own_process(name, LONG)}
    # 30 layers of 9 heads, float32
    yield {"case": f"smollm2 memory at {LONG}", "name": "eager (computed)", "bytes": 30 * 9 * LONG * LONG * 4}


def run(machine, seconds):
    """Yields a result for each; nothing where the model is not there (fovea model get smollm2)."""
    if not MODEL.exists():
        print("smollm2 is not there: fovea model get smollm2", file=sys.stderr)
        return
    yield from run_times(machine, seconds)
    yield from run_memory()


def line(result):
    """A result for people."""
    parts = [f"{result['case']}: {result['name']:<16}"]
    if "seconds" in result:
        parts.append(f"{result['seconds']:7.2f} s")
    if "over_sdpa" in result:
        parts.append(f"{result['over_sdpa']:5.2f} of sdpa's")
    if "bytes" in result:
        parts.append(f"{result['bytes'] / 2**20:9.0f} MiB")
    if not result.get("settled", True):
        parts.append("(unsteady machine)")
    return "  ".join(parts)


if __name__ == "__main__":
    measure_here(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
