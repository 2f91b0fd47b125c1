"""Every notebook is committed as the site publishes it: executed, whole, in short cells, with its pictures."""

import base64
import re
import struct
from pathlib import Path
from typing import Any

import nbformat
import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTEBOOKS = sorted(path for path in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
LINES = 15  # of code in one cell: what a reader takes in at a glance beside the formula
PLOTLY_MIME = "application/vnd.plotly.v1+json"
# Outputs that the site shows and nbval compares; anything else needs a kernel or differs from run to run.
SHOWN = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png", PLOTLY_MIME}
SHOWN |= {"application/vnd.linrep.lab+json", "application/vnd.jupyter.widget-view+json", "application/papermill.record"}


def code_lines(source: str) -> int:
    """Number of lines that are neither empty nor a comment."""
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in source.splitlines())


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """What keeps a notebook from being published."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    for position, cell in enumerate(cells, 1):
        name = f"{cell.id} ({cell.source.strip().splitlines()[0][:40] if cell.source.strip() else 'empty'})"
        tags = cell.metadata.get("tags", [])
        if cell.execution_count != position:
            found.append(f"{name}: not executed in order (count {cell.execution_count}, expected {position})")
        if code_lines(cell.source) > LINES:
            found.append(f"{name}: {code_lines(cell.source)} lines of code, at most {LINES}")
        if not cell.source.strip():
            found.append(f"{name}: no code")
        for output in cell.outputs:
            found += [f"{name}: {complaint}" for complaint in _output_complaints(output, tags)]
    ids = [cell.get("id") for cell in notebook.cells]
    if len(ids) != len(set(ids)) or None in ids:
        found.append("cells without an id of their own")
    return found


def _output_complaints(output: nbformat.NotebookNode, tags: list[str]) -> list[str]:
    if output.output_type == "error":
        # a chapter may show an error on purpose, and says so
        return [] if "raises-exception" in tags else [f"an error: {output.ename}"]
    if output.output_type == "stream":
        return [f"text on {output.name}: {output.text[:80]!r}"] if output.name != "stdout" else []
    data: dict[str, Any] = output.data
    found = []
    if PLOTLY_MIME in data:
        found += _figure_complaints(data, tags)
    kinds = {kind for kind in data if not kind.startswith("application/papermill.record")}
    if kinds - SHOWN:
        found.append(f"an output that the site cannot show: {sorted(kinds - SHOWN)}")
    if re.search(r"\bat 0x[0-9a-f]{6,}|\b0x[0-9a-f]{8,}", str(data.get("text/plain", ""))):
        found.append("a memory address, which differs from run to run")
    return found


def _figure_complaints(data: dict[str, Any], tags: list[str]) -> list[str]:
    found = []
    if "image/png" not in data:
        found.append("a figure without its static picture: run `make notebooks`")
    else:
        header = base64.b64decode(data["image/png"])[:24]
        is_png = header[:8] == b"\x89PNG\r\n\x1a\n"
        if not is_png or struct.unpack(">II", header[16:24])[0] < 600:
            found.append("a static picture that is no PNG of the column's width")
    if not (data[PLOTLY_MIME].get("layout", {}).get("meta") or {}).get("description"):
        found.append("a figure without layout.meta['description']")
    if "nbval-ignore-output" not in tags:
        found.append("a figure in a cell without the tag nbval-ignore-output")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[str(path.relative_to(BOOK)) for path in NOTEBOOKS])
def test_a_notebook_is_fit_to_be_published(path: Path) -> None:
    found = complaints(nbformat.read(path, as_version=4))
    assert not found, "\n" + "\n".join(found)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


def cell(source: str = "1", count: int | None = 1, tags: tuple[str, ...] = (), **data: Any) -> nbformat.NotebookNode:
    """A code cell with one output of these types (underscores stand for the slash)."""
    made = nbformat.v4.new_code_cell(source, execution_count=count, id="c", metadata={"tags": list(tags)})
    made.outputs = [nbformat.v4.new_output("display_data", data=data)] if data else []
    return made


FIGURE = {"data": [], "layout": {"meta": {"description": "words"}}}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 1440, 900)).decode()
PUBLISHED = {PLOTLY_MIME: FIGURE, "image/png": PNG}


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (cell(), ""),
        (cell("# a comment\n" * 30 + "x = 1\n" * 15), ""),
        (cell(tags=("nbval-ignore-output",), **PUBLISHED), ""),
        (cell("x = 1\n" * 16), "16 lines"),
        (cell(count=None), "not executed"),
        (cell(count=2), "not executed in order"),
        (cell(tags=("nbval-ignore-output",), **{PLOTLY_MIME: FIGURE}), "without its static picture"),
        (cell(tags=("nbval-ignore-output",), **{**PUBLISHED, PLOTLY_MIME: {"layout": {}}}), "description"),
        (cell(tags=("nbval-ignore-output",), **{**PUBLISHED, "image/png": "AAAA"}), "no PNG"),
        (cell(**PUBLISHED), "without the tag"),
        (cell(**{"text/plain": "<object at 0x7f2b1c0>"}), "memory address"),
        (cell(**{"application/x-unknown": "1"}), "cannot show"),
    ],
)
def test_the_check_of_notebooks_can_fail(bad: nbformat.NotebookNode, complaint: str) -> None:
    found = complaints(nbformat.v4.new_notebook(cells=[bad]))
    assert bool(found) == bool(complaint), found
    assert all(complaint in each for each in found)


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (nbformat.v4.new_output("stream", name="stderr", text="careful"), "text on stderr"),
        (nbformat.v4.new_output("stream", name="stdout", text="fine"), ""),
        (nbformat.v4.new_output("error", ename="NameError", evalue="", traceback=[]), "NameError"),
    ],
)
def test_the_check_of_outputs_can_fail(output: nbformat.NotebookNode, complaint: str) -> None:
    bad = cell()
    bad.outputs = [output]
    found = complaints(nbformat.v4.new_notebook(cells=[bad]))
    assert bool(found) == bool(complaint)
    assert all(complaint in each for each in found)
