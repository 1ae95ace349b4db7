#!/usr/bin/env python3
"""Makes examples/notebooks/*.ipynb of their sources, with outputs: build/python/bin/python tools/make_notebooks.py [NAME...]

A source is examples/notebooks/source/NAME.py: cells begin with "# %%", text cells with "# %% [markdown]". The notebooks are
run; what they print is committed, so that a code host shows it. (docs/pictures/notebook.png is the first one by
`jupyter nbconvert --to html` in a window of 900 x 1350.)
"""

import pathlib
import sys

import nbclient
import nbformat

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "examples" / "notebooks"
MARK = "# %%"


def cells_of(source):
    """Yields (is_text, content) of each cell."""
    for part in ("\n" + source).split("\n" + MARK)[1:]:
        head, _, body = part.partition("\n")
        if "[markdown]" in head:
            lines = (line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines())
            yield True, "\n".join(lines)
        else:
            yield False, body.strip()


def notebook_of(source):
    """Returns the notebook of a source, not yet run."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, (is_text, content) in enumerate(cells_of(source)):
        make = nbformat.v4.new_markdown_cell if is_text else nbformat.v4.new_code_cell
        notebook.cells.append(make(content, id=f"cell-{number}"))
    return notebook


def run(notebook, folder):
    """Runs all cells in place, in `folder`. Raises nbclient's CellExecutionError where one fails."""
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(folder)}}).execute()
    notebook.metadata.pop("language_info", None)
    return notebook


def sources(names=()):
    """Yields (source file, notebook file), those named or all."""
    for source in sorted((FOLDER / "source").glob("*.py")):
        if not names or source.stem in names:
            yield source, FOLDER / f"{source.stem}.ipynb"


def main():
    for source, target in sources(sys.argv[1:]):
        notebook = run(notebook_of(source.read_text()), FOLDER)
        target.write_text(nbformat.writes(notebook) + "\n")
        print(target)


if __name__ == "__main__":
    main()
