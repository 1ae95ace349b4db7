#!/usr/bin/env python3
"""The same model in transformers, float32, in a process of its own.

transformers_peer.py GGUF eager|sdpa THREADS PEAK_LIBRARY
Loads, says how long that took in one line of JSON, then answers a line of JSON with a line:
  {"do": "forward", "ids": [...]}                 seconds, cpu_seconds, peak_bytes
  {"do": "generate", "ids": [...], "count": N}    tokens_per_second after the first token, first_seconds, ids, peak_bytes
  {"do": "read"}                                  bytes of its weights, and seconds to read them all
Eager keeps the weights of all layers, which is how one sees them; logits are asked for of the last token alone.
"""

import contextlib
import json
import os
import pathlib
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TQDM_DISABLE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "attend"))

import measure  # noqa: E402

WARM_UP_TOKENS = 128


def restart_peak():
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak_bytes():
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


class Clock:
    """A streamer: generate hands it the prompt, then each token when it is there."""

    def __init__(self):
        self.times, self.ids = [], []

    def put(self, ids):
        self.times.append(time.perf_counter())
        self.ids += ids.flatten().tolist()

    def end(self):
        pass


class Peer:
    def __init__(self, path, attention, threads, peak_library):
        torch.set_num_threads(threads)
        self._threads, self._peak_library = threads, peak_library
        self._sees = attention == "eager"
        start = time.perf_counter()
        self._model = transformers.AutoModelForCausalLM.from_pretrained(
            str(path.parent), gguf_file=path.name, dtype=torch.float32, attn_implementation=attention)
        self._model.eval()
        self.loading = {"seconds": time.perf_counter() - start, "peak_bytes": peak_bytes()}
        self.forward(range(WARM_UP_TOKENS))

    def forward(self, ids):
        ids = torch.tensor([list(ids)])
        restart_peak()
        start, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            answer = self._model(ids, output_attentions=self._sees, use_cache=False, logits_to_keep=1)
        result = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu,
                  "peak_bytes": peak_bytes()}
        if self._sees and answer.attentions[0] is None:
            raise SystemExit("transformers gave no attention weights")
        return result

    def generate(self, ids, count):
        clock = Clock()
        restart_peak()
        ids = torch.tensor([ids])
        cpu = time.process_time()
        with torch.inference_mode():
            self._model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
                                 num_beams=1, use_cache=True, streamer=clock)
        prompt, first, last = clock.times[0], clock.times[1], clock.times[-1]
        made = clock.ids[ids.shape[1]:]
        return {"tokens_per_second": (len(made) - 1) / (last - first), "first_seconds": first - prompt,
                "cpu_seconds": time.process_time() - cpu, "ids": made, "peak_bytes": peak_bytes()}

    def read(self):
        tensors = [parameter.detach() for parameter in self._model.parameters()]
        machine = measure.Machine(self._peak_library)
        seconds = min(machine.read_seconds(tensors, self._threads) for _ in range(5))
        return {"bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors), "seconds": seconds}


def main():
    path, attention, threads, peak_library = sys.argv[1:]
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # what libraries print is no answer
        peer = Peer(pathlib.Path(path), attention, int(threads), peak_library)
        print(json.dumps(peer.loading), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            answer = getattr(peer, request.pop("do"))(**request)
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
