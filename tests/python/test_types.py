"""The package's types hold, and the stubs say what the extension has."""

import inspect
import os
import pathlib
import subprocess
import sys

import pytest

import fovea
from fovea import _fovea

pytestmark = pytest.mark.skipif("FOVEA_SANITIZED" in os.environ, reason="stubs are made of the plain build")

PACKAGE = pathlib.Path(fovea.__file__).parent

USE = """
from typing import assert_type
import numpy as np
import fovea

query = np.zeros((2, 3), np.float32)
answer = fovea.attend(query, query, query, causal=True, window=(3, None), diagonal="top_left")
assert_type(answer, fovea.Attended)
assert_type(answer.empty_rows, int)
assert_type(fovea.Lens(answer).top(0, 1, 2), list[tuple[int, float]])
assert_type(fovea.plan(query, query, query).explain(), str)
assert_type(fovea.walk().data, dict[str, object])  # type: ignore[assert-type]
fovea.attend(query, query, query, diagonal="up")  # type: ignore[arg-type]
fovea.Observe(entropy="yes")  # type: ignore[arg-type]
fovea.KvCache(head_size="4")  # type: ignore[arg-type]
"""


def test_the_package_and_its_use_pass_mypy(tmp_path):
    for name in ("mypy", "torch", "transformers"):  # fovea.hf is typed by theirs
        pytest.importorskip(name)
    use = tmp_path / "use.py"
    use.write_text(USE)
    for target in (["-p", "fovea"], [str(use)]):
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path}", *target],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout


def test_stubs_name_everything_that_is_there():
    stub = (PACKAGE / "_fovea.pyi").read_text()
    assert (PACKAGE / "py.typed").exists()
    for name in vars(_fovea):
        if not name.startswith("_"):
            assert any(f"{begin}{name}{end}" in stub for begin, end in (("class ", ""), ("def ", "("), ("\n", ": "))), name


def test_what_is_public_is_documented():
    for name in fovea.__all__:
        thing = getattr(fovea, name)
        if inspect.isclass(thing) or callable(thing):
            assert len(inspect.getdoc(thing) or "") > 20, name
