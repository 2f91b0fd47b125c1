"""The check of spelling reads prose and nothing else, and finds what is wrong there."""

from pathlib import Path

import nbformat
import pytest
import spelling


def found(text: str, suffix: str = ".md") -> list[str]:
    """Wrong words in the text of a file."""
    return [line.split()[1] for line in spelling.misspelt({f"folder/page{suffix}": spelling.READERS[suffix](text)})]


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("recieve", True),
        ("the the occured", True),
        ("Behavior", True),
        ("coloring", True),
        ("center", True),
        ("generalize", True),
        ("Factorization", True),
        ("vectorizing", True),  # in no dictionary of ours: all words in -ize count
        ("behaviour and colouring at the centre, generalised", False),
        ("size, resized, prizes, seized", False),
        ("steering vectors of unembeddings, softmax, nuclear norm", False),
        ("a program's practice", False),
    ],
)
def test_misspelt_and_american_words_are_found(word: str, wrong: bool) -> None:
    assert bool(found(f"Some words, {word}, and more.")) == wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("# A color", ["color"]),
        ("```python\ncolor = 1\n```\n`color` and {ref}`sec-color` and $\\text{color}$", []),
        ("$$\ncolor\n$$\n[words](https://example.org/color)", []),
        ("It costs 5 $ a color.\n\nAnd 6 $ a flavor.", ["color", "flavor"]),
        (":::{prf:theorem} On color\n:label: thm-color\nA flavor.\n:::", ["color", "flavor"]),
        ("````{dropdown} Proof\n```python\ncolor\n```\nA flavor.\n````", ["flavor"]),
    ],
)
def test_code_formulas_labels_and_addresses_are_no_prose(source: str, wrong: list[str]) -> None:
    assert found(source) == wrong


def test_notebooks_are_read_without_their_code_and_outputs() -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text="color")
    cells = [nbformat.v4.new_code_cell("color = 1", outputs=[output]), nbformat.v4.new_markdown_cell("A flavor.")]
    assert found(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), ".ipynb") == ["flavor"]


MODULE = '''"""Shapes of a color.

>>> color = 1
>>> color
'gray'
"""


def paint(color, center=0):
    """Paint in one flavor.

    Parameters
    ----------
    color
        The hue, given as `color`.
    color, center : str
        Where it is, a ``center``.
    """
    color = "center"  # its neighbor
    return color
'''


def test_docstrings_and_comments_are_read_and_names_are_not() -> None:
    assert sorted(found(MODULE, ".py")) == ["color", "flavor", "neighbor"]


def test_a_mistake_is_told_with_its_file_and_line() -> None:
    text = spelling.READERS[".py"](MODULE)
    assert "package/module.py:9: flavor ==> flavour" not in spelling.misspelt({"package/module.py": text})
    assert "package/module.py:10: flavor ==> flavour" in spelling.misspelt({"package/module.py": text})


@pytest.mark.slow
def test_the_words_let_through_are_few_and_needed() -> None:
    words = spelling.known_words()
    assert words == sorted(set(words))
    assert len(words) < 40
    texts = [spelling.READERS[path.suffix](path.read_text("utf8")).lower() for path in spelling.repository()]
    assert [word for word in words if not any(word in text for text in texts)] == []


def test_the_prose_of_the_whole_repository_is_read() -> None:
    paths = {str(path.relative_to(spelling.ROOT)) for path in spelling.repository()}
    assert {"README.md", "book/index.md", "book/proofs/log-odds.ipynb", "linrep_core/geometry.py"} <= paths
    assert not any(name.startswith(("_build", "node_modules", ".venv")) for name in paths)
    assert "Hammersley" in spelling.of_notebook((spelling.ROOT / "book/proofs/log-odds.ipynb").read_text("utf8"))


def test_an_archive_without_git_is_read_too(tmp_path: Path) -> None:
    for name in (
        "README.md",
        "book/page.ipynb",
        "_build/page.md",
        "node_modules/a/README.md",
        ".venv/b.py",
        "c/__init__.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = {path.relative_to(tmp_path).as_posix() for path in spelling.repository(tmp_path)}
    assert found == {"README.md", "book/page.ipynb", "c/__init__.py"}
