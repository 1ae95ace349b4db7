"""What the documents show runs."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "docs/how-to/python.md"]


def python_blocks() -> list:
    found = []
    for document in DOCUMENTS:
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)):
            found.append(pytest.param(block, id=f"{document}-{number}"))
    return found


def test_there_are_blocks():
    assert len(python_blocks()) >= 5


@pytest.mark.parametrize("block", python_blocks())
def test_a_block_runs(block):
    for name in ("torch", "transformers"):
        if re.search(rf"^(import|from) {name}\b", block, re.MULTILINE):
            pytest.importorskip(name)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0 and done.stdout, done.stderr
