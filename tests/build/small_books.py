"""Books of a page or two, built with the project's own tools and settings."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, not as a part of the make that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={**environment, "LC_ALL": "C"}, capture_output=True, text=True
    )


def small_project(folder: Path) -> Path:
    """The project with a book of a single page, everything installed standing where it stands."""
    for name in ("Makefile", "_config.yml", "requirements.txt", "requirements-llm.txt", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("package.json", "package-lock.json", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".ci", folder / ".ci", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    for name in ("lab", "data"):  # the lab's bundle holds the predictions of the chapter on mechanisms
        shutil.copytree(ROOT / "linrep_core" / name, folder / "linrep_core" / name)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    stamps = folder / "_build" / "setup"
    stamps.mkdir(parents=True)
    for stamp in (ROOT / "_build" / "setup").iterdir():
        (stamps / stamp.name).touch()
    # all of one time and later than what they depend on: a stamp that seemed old would have make install anew, and
    # `npm ci` empties the folder that a link leads to; and the lab's scripts stand
    later = time.time() + 1
    lab = folder / "linrep_core" / "lab" / "_built"
    for stamp in (*stamps.iterdir(), *lab.iterdir()):
        os.utime(stamp, (later, later))
    (stamps / "pages").unlink(missing_ok=True)
    installs = re.findall(r"^.*\b(?:npm|pip)\b.*$", make(folder, "-n", "site").stdout, re.M)
    assert not installs, f"the small book would install: {installs}"
    return folder


def build(folder: Path, page: str, notebook: nbformat.NotebookNode | None = None) -> tuple[int, str]:
    """Build the book with this landing page alone; return the exit status and what was said."""
    for old in (folder / "book").glob("index.*"):
        old.unlink()
    if notebook is None:
        (folder / "book" / "index.md").write_text(page)
    else:
        (folder / "book" / "index.ipynb").write_text(nbformat.writes(notebook))
    done = make(folder, "site")
    return done.returncode, done.stdout + done.stderr


FIGURE = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"meta": {"description": "Two points, rising."}}}


def notebook_with(*outputs: dict) -> nbformat.NotebookNode:
    """A notebook with a title and a cell for each of these outputs."""
    cells = [nbformat.v4.new_markdown_cell("# A title", id="title")]
    for number, data in enumerate(outputs):
        cell = nbformat.v4.new_code_cell("figure", execution_count=number + 1, id=f"cell-{number}")
        cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
        cells.append(cell)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def output(figure: dict, picture: bool = True) -> dict:
    """A figure and, unless it is to be missing, a picture of a single pixel."""
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    return {"application/vnd.plotly.v1+json": figure, **({"image/png": pixel} if picture else {})}
