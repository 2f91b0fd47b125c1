"""Misspelt words, and American spellings, in the prose of pages, documents, docstrings and comments: ``make lint``.

The words are codespell's: its list of misspellings, and its list of British words that Americans write in another way,
read backwards; and whatever ends in -ize, which this book writes -ise. Code, formulas, names of arguments and outputs
are no prose. ``words.txt`` holds what is right all the same: terms of the field, and words that mean two things.

``python tests/build/spelling.py [FILE ...]``; without files all of the repository.
"""

import ast
import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import nbformat
from prose import blank, prose

ROOT = Path(__file__).resolve().parents[2]
WORDS = Path(__file__).with_name("words.txt")
IZE = re.compile(r"\b(?!(?:re|over|under|mid|cap)?siz|priz|seiz)[a-z]{3,}iz(?:e|es|ed|ing|ers?|ations?)\b")
TO_AMERICAN = files("codespell_lib") / "data" / "dictionary_en-GB_to_en-US.txt"


def without_formulas(text: str) -> str:
    """A text with spaces in the place of its formulas, lines kept."""
    # a formula does not go on over an empty line, so that a dollar by itself hides no page
    return re.sub(r"(\$\$?)(?!\$)(?:(?!\n\s*\n).)+?\1", blank, text, flags=re.S)


def docstring_prose(docstring: str) -> str:
    """A docstring without code, examples, underlines and the lines that name arguments and their types."""
    text = re.sub(r"(``?).+?\1", blank, docstring, flags=re.S)
    text = re.sub(r"^[ \t]*>>>.*\n(?:[ \t]*\S.*\n?)*", blank, text, flags=re.M)
    return re.sub(r"^[ \t]*(?:[\w*]+(?:, [\w*]+)*(?: : .*)?|-{3,})$", blank, text, flags=re.M)


def of_python(source: str) -> str:
    """The prose of a module's docstrings and comments, each on the lines where it stands."""
    lines = [""] * (source.count("\n") + 1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = re.sub(r"`.+?`|# noqa.*", "", token.string)
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False):
            text = docstring_prose(ast.get_docstring(node, clean=False))
            first = node.body[0].lineno - 1
            lines[first : first + text.count("\n") + 1] = text.split("\n")
    return "\n".join(lines)


def of_notebook(source: str) -> str:
    """The prose of a notebook's text, cell by cell."""
    cells = nbformat.reads(source, as_version=4).cells
    texts = [f"{prose(cell.source, headings=True)}\n" for cell in cells if cell.cell_type == "markdown"]
    return without_formulas("\n".join(texts))


def of_markdown(source: str) -> str:
    """The prose of a markdown file."""
    return without_formulas(prose(source, headings=True))


READERS = {".ipynb": of_notebook, ".md": of_markdown, ".py": of_python}


def american_words(texts: Iterable[str]) -> str:
    """Codespell's dictionary from British to American words, backwards, with all words in -ize of the texts."""
    pairs = (line.split("->") for line in TO_AMERICAN.read_text("utf8").splitlines() if "->" in line)
    backwards: dict[str, list[str]] = {}
    for british, american in pairs:
        for word in filter(None, map(str.strip, american.split(","))):
            backwards.setdefault(word, []).append(british.strip())
    for word in {word for text in texts for word in IZE.findall(text.lower())} - set(backwards):
        backwards[word] = [word.replace("iz", "is")]
    # codespell takes several corrections for a choice if the line ends with a comma
    return "".join(f"{word}->{', '.join(right)}{',' * (len(right) > 1)}\n" for word, right in backwards.items())


def known_words() -> list[str]:
    """The words of ``words.txt``: one a line, and after a # why it is right."""
    lines = (line.partition("#")[0].strip() for line in WORDS.read_text("utf8").splitlines())
    return [word for word in lines if word]


def misspelt(texts: dict[str, str]) -> list[str]:
    """Words that codespell finds in these texts, by name: ``name:line: wrong ==> right``."""
    with tempfile.TemporaryDirectory() as made:
        folder, american = Path(made) / "texts", Path(made) / "american.txt"
        american.write_text(american_words(texts.values()), "utf8")
        for name, text in texts.items():
            path = folder / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf8")
        command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear,rare", f"--dictionary=-,{american}"]
        command += ["-L", ",".join(known_words()), "--quiet-level", "3", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=made)
        if done.returncode not in (0, 65) or done.stderr:
            raise RuntimeError(f"codespell: {done.stderr or done.stdout}")
        found = done.stdout.replace(f"{folder}/", "").replace(".txt:", ":")
    return sorted(found.splitlines())


def repository(root: Path = ROOT) -> list[Path]:
    """The files whose prose is ours: those that git knows, and new ones that it does not ignore.

    Where there is no git, as in an unpacked archive: those outside of hidden and built folders.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True)
    names = listed.stdout.splitlines()
    if listed.returncode:
        found = (path.relative_to(root) for path in root.rglob("*"))
        names = [
            str(path) for path in found if not any(re.match(r"[._]\w+$|node_modules", part) for part in path.parts[:-1])
        ]
    return [root / name for name in names if Path(name).suffix in READERS and (root / name).is_file()]


def main(names: list[str]) -> int:
    """Print what is misspelt; the exit status is 1 if anything is."""
    paths = [Path(name).resolve() for name in names] or repository()
    found = misspelt({str(path.relative_to(ROOT)): READERS[path.suffix](path.read_text("utf8")) for path in paths})
    print("\n".join(found) or f"{len(paths)} files: no word misspelt")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
