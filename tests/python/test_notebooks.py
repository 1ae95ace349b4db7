"""The notebooks run, and show what they print now."""

import pathlib
import sys

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import make_notebooks  # noqa: E402

ALL = list(make_notebooks.sources())
SAME_EVERYWHERE = {"01-attention-from-nothing"}  # the others print times


def printed(notebook) -> list:
    """What each cell put out, as text."""
    return [
        [output.get("text") or output.get("data", {}).get("text/plain") for output in cell.get("outputs", [])]
        for cell in notebook.cells
    ]


@pytest.mark.parametrize("source,target", ALL, ids=[source.stem for source, _ in ALL])
def test_a_notebook_runs_and_is_committed_as_it_runs(source, target):
    committed = nbformat.read(target, as_version=4)
    made = make_notebooks.notebook_of(source.read_text())
    assert [cell.source for cell in committed.cells] == [cell.source for cell in made.cells]
    if source.stem.startswith("02-"):
        pytest.importorskip("transformers")
    ran = make_notebooks.run(made, target.parent)
    assert all(bool(cell.outputs) == bool(old.outputs) for cell, old in zip(ran.cells, committed.cells) if "outputs" in cell)
    if source.stem in SAME_EVERYWHERE:
        assert printed(ran) == printed(committed)
