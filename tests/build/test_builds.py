"""The build as such: nothing to do the second time, and no fault of a page passes it."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 15  # that a build of an unchanged site may take


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, not as a part of the make that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={**environment, "LC_ALL": "C"}, capture_output=True, text=True
    )


@pytest.mark.site
def test_an_unchanged_site_is_not_built_again() -> None:
    if not (ROOT / "_build" / "html" / ".built").is_file():
        pytest.fail("The site is not built. Run `make site`.", pytrace=False)
    first = make(ROOT, "site")  # in case that a page changed since
    assert first.returncode == 0, first.stdout + first.stderr
    start = time.perf_counter()
    second = make(ROOT, "site")
    assert time.perf_counter() - start < SECONDS
    assert "Nothing to be done" in second.stdout
    assert make(ROOT, "-q", "site").returncode == 0


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a book of a single page, everything installed standing where it stands."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Makefile", "_config.yml", "requirements.txt", "requirements-llm.txt", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("package.json", "package-lock.json", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    shutil.copytree(ROOT / "linrep_core" / "lab", folder / "linrep_core" / "lab")
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    stamps = folder / "_build" / "setup"
    stamps.mkdir(parents=True)
    for stamp in (ROOT / "_build" / "setup").iterdir():
        (stamps / stamp.name).touch()
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


@pytest.mark.slow
def test_a_sound_page_is_built(small_book: Path) -> None:
    status, said = build(small_book, "", notebook_with(output(FIGURE)))
    assert status == 0, said
    assert 'class="linrep-figure"' in (small_book / "_build/html/book/index.html").read_text("utf8")


FAULTS = {
    "an undefined reference": ("See {ref}`nowhere`.", "undefined label: 'nowhere'"),
    "an undefined equation": ("See {eq}`nowhere`.", "equation not found: nowhere"),
    "an undefined theorem": ("See {prf:ref}`nowhere`.", "nowhere"),
    "an unknown citation": ("See {cite:t}`nobody1900`.", "nobody1900"),
    "a link to a missing page": ("See [this](missing.md).", "missing.md"),
    "a missing picture": ("![a picture](missing.png)", "missing.png"),
    "an unknown directive": (":::{no-such-box}\nText.\n:::", "no-such-box"),
}


@pytest.mark.slow
def test_faults_of_the_text_fail_the_build(small_book: Path) -> None:
    """All at once, since each build takes seconds: `--keep-going` names them all."""
    status, said = build(small_book, "# A title\n\n" + "\n\n".join(fault for fault, _ in FAULTS.values()) + "\n")
    assert status != 0
    assert [name for name, (_, complaint) in FAULTS.items() if complaint not in said] == [], said


@pytest.mark.slow
def test_a_formula_that_does_not_parse_fails_the_build(small_book: Path) -> None:
    status, said = build(small_book, "# A title\n\nLet $\\frac{1}{$ be.\n")
    assert status != 0
    assert "KaTeX" in said or "katex" in said


@pytest.mark.slow
def test_figures_that_some_reader_cannot_see_fail_the_build(small_book: Path) -> None:
    without_picture = output(FIGURE, picture=False)
    without_words = output({**FIGURE, "layout": {}})
    without_bundle = output({**FIGURE, "data": [{"type": "sankey"}]})
    status, said = build(small_book, "", notebook_with(without_picture, without_words, without_bundle))
    assert status != 0
    for complaint in ("no static picture", "no layout.meta['description']", "no plotly bundle"):
        assert complaint in said
