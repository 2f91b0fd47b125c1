"""The edition for a class: every exercise, and of no solution a word, whatever file one opens."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import class_edition
import nbformat
import pytest
from small_books import ROOT, make

FENCED = "````{solution-start} ex-one\n:label: sol-one\n:class: dropdown\n````"
END = "````{solution-end}\n````"
EXERCISE = "```{exercise} A task\n:label: ex-one\nShow that sheep are white.\n```"
SHEET = "(sec-sheet)=\n# The sheet\n\nAnswers stand here: wolves.\n"


def page_with_solutions() -> nbformat.NotebookNode:
    """A notebook of one exercise whose solution is text, a code cell with its output, and text again."""
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A title\n\nSee {ref}`sol-one`, {ref}`there <sol-one>` and {ref}`sec-sheet`.", id="a"
        ),
        nbformat.v4.new_code_cell("flock = 3\nprint('kept', flock)", id="b", execution_count=1),
        nbformat.v4.new_markdown_cell(f"## Exercises\n\n{EXERCISE}\n\n{FENCED}\n\nAsk the shepherd.", id="c"),
        nbformat.v4.new_code_cell("print('counted ' + 'sheepishly')", id="d", execution_count=2),
        nbformat.v4.new_markdown_cell(f"Hence the claim of the ram.\n\n{END}\n\nA word after it.", id="e"),
        nbformat.v4.new_code_cell("print(flock + 1)", id="f", execution_count=3),
    ]
    for cell, text in ((cells[1], "kept 3\n"), (cells[3], "counted sheepishly\n"), (cells[5], "4\n")):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


SECRETS = ("shepherd", "sheepishly", "the ram", "wolves", "sol-one", "solution-start")
KEPT = ("sheep are white", "A word after it")


@pytest.fixture(scope="module")
def built(small_book: Path) -> Path:
    """The class edition of a book of that page and a sheet for the lecturer."""
    for name in ("LICENSE", "LICENSE-TEXT", "README.md"):
        shutil.copy(ROOT / name, small_book)
    (small_book / "book" / "index.ipynb").write_text(nbformat.writes(page_with_solutions()))
    (small_book / "book" / "sheet.md").write_text(SHEET)
    (small_book / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n  - file: book/sheet\n")
    done = make(small_book, "class", "WITHOUT=book/sheet book/not-there")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 solutions taken out" in done.stdout
    return small_book / "_build" / "class"


@pytest.mark.slow
class TestSmallClassEdition:
    def test_no_file_holds_a_solution(self, built: Path) -> None:
        with zipfile.ZipFile(next(built.glob("*.zip"))) as packed:
            files = {name: packed.read(name).decode("utf8", "ignore") for name in packed.namelist()}
        texts = {name: text for name, text in files.items() if re.search(r"\.(html|js|ipynb|md|yml|txt|inv)$", name)}
        ours = {
            name: text for name, text in texts.items() if not re.search(r"/_static/|/(linrep_core|results|_ext)/", name)
        }
        assert {"searchindex.js", "index.html", "index.ipynb"} <= {Path(name).name for name in ours}
        assert [(name, secret) for name, text in ours.items() for secret in SECRETS if secret in text] == []
        assert not any(name.endswith(("sheet.html", "sheet.md")) for name in files)
        for ending in ("site/book/index.html", "project/book/index.ipynb", "site/_sources/book/index.ipynb"):
            text = next(text for name, text in files.items() if name.endswith(ending))
            assert [words for words in KEPT if words not in text] == []

    def test_other_cells_are_as_they_were(self, built: Path) -> None:
        notebook = nbformat.read(built / "project/book/index.ipynb", 4)
        nbformat.validate(notebook)
        before = {cell.id: cell for cell in page_with_solutions().cells}
        assert [cell.id for cell in notebook.cells] == ["a", "b", "c", "e", "f"]
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert code == [before["b"], before["f"]]

    def test_references_are_words_or_lead_to_the_exercise(self, built: Path) -> None:
        source = nbformat.read(built / "project/book/index.ipynb", 4).cells[0].source
        assert source == "# A title\n\nSee the solution of {ref}`ex-one`, there and The sheet."

    def test_nothing_of_the_build_is_packed(self, built: Path) -> None:
        names = zipfile.ZipFile(next(built.glob("*.zip"))).namelist()
        assert not [name for name in names if re.search(r"node_modules|\.venv|/_build/|/tests/|__pycache__", name)]
        assert {f"{Path(names[0]).parts[0]}/{name}" for name in ("READ-ME.txt", "START-HERE.html")} <= set(names)
        needed = {f"project/{name}" for name in ("Makefile", "pyproject.toml", ".ci/install.py")}
        assert needed <= {name.partition("/")[2] for name in names}


def cut(*cells: str) -> list[str]:
    cutter = class_edition.Cutter("page")
    kept = [cutter.cut(cell) for cell in cells]
    cutter.finish()
    return kept


def test_a_text_without_solutions_stays_as_it_is() -> None:
    text = "A\n\n\n\n```python\nx = 1\n```\n"
    assert cut(text) == [text]


def test_two_solutions_in_one_text() -> None:
    text = f"one\n\n{FENCED}\nhidden\n{END}\n\ntwo\n\n:::{{solution}} ex-two\n:label: sol-two\nhidden\n:::\n\nthree"
    assert cut(text) == ["one\n\ntwo\n\nthree"]
    cutter = class_edition.Cutter("page")
    cutter.cut(text)
    assert cutter.removed.instead == {
        "sol-one": "the solution of {ref}`ex-one`", "sol-two": "the solution of {ref}`ex-two`"
    }  # fmt: skip


@pytest.mark.parametrize("cells", [(FENCED,), (END,), (FENCED, FENCED)])
def test_a_solution_without_end_or_beginning_is_named(cells: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="page: "):
        cut(*cells)


@pytest.mark.parametrize(
    ("solution", "later", "taken"),
    [
        ("herd = 1", "print(herd)", ["herd"]),
        ("def count(): return 1", "f = lambda: count()", ["count"]),
        ("import numpy as np", "np.zeros(1)", ["np"]),
        ("flock = 4", "print(flock)", ["flock"]),  # would print another value
        ("for i in range(3): pass", "print([i for i in range(2)])", []),
        ("herd = 1", "herd = 2\nprint(herd)", []),
        ("herd = 1", "herd = herd + 1", ["herd"]),
        ("herd = 1", "herd += 1", ["herd"]),
        ("herd = 1", "def f(herd): return herd", []),
        ("for i in range(3): pass", "for i in range(2): print(i)", []),
        ("herd = [i for i in range(3)]", "print(flock)", []),
        ("def count(): inner = 1", "print(flock)", []),
    ],
)
def test_what_a_cell_takes_from_a_solution_is_found(solution: str, later: str, taken: list[str]) -> None:
    notebook = page_with_solutions()
    notebook.cells[3].source, notebook.cells[5].source = solution, later
    assert class_edition.needed_by_others(notebook, "page") == [("f", name) for name in taken]


NOTEBOOKS = sorted((ROOT / "book").glob("*/*.ipynb"))


def lines_of(text: str) -> set[str]:
    """Lines that are long enough to tell where they come from."""
    return {" ".join(line.split()) for line in text.splitlines() if len(line.strip()) > 25}


def test_the_books_notebooks_without_solutions() -> None:
    """Of every chapter: each exercise stays, no line of a solution does, and no cell needs what is gone."""
    problems, solutions = [], 0
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, 4)
        needed = class_edition.needed_by_others(notebook, path.name)
        exercises = re.findall(
            r"^`{3,}\{exercise\}.*?^`{3,}$", "\n".join(c.source for c in notebook.cells), re.M | re.S
        )
        before = [cell.source for cell in notebook.cells]
        kept, removed = class_edition.cut_notebook(notebook, path.name)
        text = "\n".join(cell.source for cell in kept.cells)
        solutions += sum(map(class_edition.count_solutions, removed.texts))
        twice = [line for line in lines_of("\n".join(removed.texts)) if "\n".join(before).count(line) > 1]
        left = lines_of(text) & lines_of("\n".join(removed.texts)) - set(twice)
        lost = [task for task in exercises if task not in text]
        gates = re.findall(r"\{solution[\w-]*\}", text)
        problems += [(path.name, kind, found) for kind, found in
                     (("needs", needed), ("left", left), ("lost", lost), ("gates", gates)) if found]  # fmt: skip
    assert solutions > 150
    assert problems == []


def test_every_notebook_of_the_book_was_looked_at() -> None:
    assert len(NOTEBOOKS) > 30
    assert all(json.loads(path.read_text("utf8"))["nbformat"] == 4 for path in NOTEBOOKS)
