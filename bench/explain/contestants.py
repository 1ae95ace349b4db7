"""Who runs: the fovea program, a process a run, and transformers, a process that stays. A run is a dictionary."""

import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


class Fovea:
    """Peak memory is the kernel's own count of the ended process, the same as VmHWM. It begins with this process's, which
    therefore must stay small: no torch here."""

    def __init__(self, program, model, threads):
        self._program, self._model, self._threads = program, model, str(threads)

    def _run(self, words, text, reader):
        command = [self._program, *words, "--model", self._model]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(text.encode())
        process.stdin.close()
        answer = reader(process.stdout)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"explain: fovea {words[0]} ended with {process.returncode}")
        return answer | {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
                         "peak_bytes": usage.ru_maxrss * 1024}

    def load(self):
        """All that comes before the first layer: the process, the file, the tokenizer."""
        return self._run(["generate", "-", "--tokens", "0", "--threads", self._threads], "a", _read_all)

    def explain(self, text):
        return self._run(["explain", "-", "--threads", self._threads], text, _read_all)

    def generate(self, text, count):
        words = ["generate", "-", "--ids", "--tokens", str(count), "--threads", self._threads]
        return self._run(words, text, _read_ids)

    def facts(self):
        """What `fovea model show` says; its error is the user's to read."""
        done = subprocess.run([self._program, "model", "show", self._model, "--json"], stdout=subprocess.PIPE,
                              check=False)
        if done.returncode != 0:
            raise SystemExit(done.returncode)
        return json.loads(done.stdout)


def _read_all(pipe):
    if not pipe.read():
        raise SystemExit("explain: fovea printed nothing")
    return {}


def _read_ids(pipe):
    """Ids come one by one, as they are known: those after the first part, by the time that they took."""
    first = content = os.read(pipe.fileno(), 1 << 16)
    start = end = time.perf_counter()
    while part := os.read(pipe.fileno(), 1 << 16):
        end = time.perf_counter()
        content += part
    ids = [int(word) for word in content.split()]
    return {"ids": ids, "tokens_per_second": (len(ids) - len(first.split())) / (end - start) if end > start else 0}


class Transformers:
    def __init__(self, path, attention, threads, peak_library):
        command = [sys.executable, str(HERE / "transformers_peer.py"), str(path), attention, str(threads),
                   str(peak_library)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loading = self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"explain: transformers ended with {self._process.wait()}")
        return json.loads(line)

    def ask(self, request):
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self):
        self._process.stdin.close()
        self._process.wait()
