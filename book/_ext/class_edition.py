"""The book for a class that is to solve its exercises: the same source without any solution. ``make class``.

Solutions are taken out of the source before anything is built: text and code cells between ``solution-start`` and
``solution-end``, and plain ``solution`` directives. (sphinx-exercise's ``hide_solutions`` knows the plain directive
alone, and would leave solutions in the notebooks that the pages offer for download.) So neither a page nor the search
index, a picture or a notebook of the class edition can hold one. Pages for the lecturer go as well.
"""

import argparse
import ast
import re
import shutil
import symtable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from offline_copy import FOLDER, pack

# What a reader needs to run the notebooks and to build the pages. No tests: they quote solutions.
PROJECT = (
    ".ci", ".npmrc", "LICENSE", "LICENSE-TEXT", "Makefile", "README.md", "_config.yml", "_toc.yml", "constraints.txt",
    "package-lock.json", "package.json", "pyproject.toml", "requirements-llm.txt", "requirements.txt",
    "book", "linrep_core", "results",
)  # fmt: skip
JUNK = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "*.journal")

READ_ME = """Where Linear Representations Come From: the edition for a class, without solutions

1. Unpack the whole file first; inside the packed file the pages do not find one another.
2. To read: open START-HERE.html in a browser. Nothing is installed, nothing is sent anywhere.
3. To run and to change the notebooks: `make lab` in the folder "project". It installs what it needs, once, from the
   network (Linux or macOS, Python 3.11 or newer).

Exercises and their numbers are those of the full book. Its tests quote solutions and are not here.

Licences: LICENSE.txt (code), LICENSE-TEXT.txt (text and figures).
"""

_FENCE = re.compile(r"^\s*(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<argument>.*)$")
_LABEL = re.compile(r"^\s*(?::(?:label|name):\s*(\S+)|\(([^()\s]+)\)=)\s*$", re.M)
_ROLE = re.compile(r"\{(?:ref|numref|doc|eq|prf:ref)\}`(?:(?P<text>[^`<]*?)\s*<(?P<target>[^`>]+)>|(?P<bare>[^`<>]+))`")
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\((?P<target>[^()\s]+)\)")


@dataclass
class Removed:
    """What has been taken out: labels, and the words that stand for a reference to each."""

    instead: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class Cutter:
    """Cuts the solutions out of the texts of one page, in order; a solution may run through many of them."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.closing: str | None = None  # the fence that ends what is being cut
        self.gated = False
        self.removed = Removed()
        self._exercise = ""

    @property
    def inside(self) -> bool:
        """Whether the next text begins within a solution."""
        return self.gated or self.closing is not None

    def cut(self, text: str) -> str:
        """Return a text without its lines that belong to a solution."""
        kept: list[str] = []
        gone: list[str] = []
        for line in text.split("\n"):
            if self._belongs(line):
                gone.append(line)
                words = f"the solution of {{ref}}`{self._exercise}`"
                self.removed.instead |= dict.fromkeys(labels_in(line), words)
            else:
                kept.append(line)
        if any(line.strip() for line in gone):
            self.removed.texts.append("\n".join(gone))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n") if gone else text

    def _belongs(self, line: str) -> bool:
        """Whether a line is part of a solution; keeps track of where in it we are."""
        if self.closing is not None:
            if line.strip() and set(line.strip()) == {self.closing[0]} and len(line.strip()) >= len(self.closing):
                self.closing = None
            return True
        found = _FENCE.match(line)
        name = found["name"] if found else ""
        if name in ("solution-start", "solution", "solution-end") and self.gated != (name == "solution-end"):
            raise ValueError(f"{self.page}: {name} does not fit what stands before it")
        if name.startswith("solution"):
            self.closing, self._exercise = found["fence"], found["argument"].strip() or self._exercise
            self.gated = name == "solution-start"
            return True
        return self.gated

    def finish(self) -> Removed:
        """Return what was taken out; a solution must have ended."""
        if self.inside:
            raise ValueError(f"{self.page}: a solution does not end")
        return self.removed


def labels_in(text: str) -> list[str]:
    r"""Labels that a text defines.

    Examples
    --------
    >>> labels_in("(sec-one)=\n# One\n\n```{math}\n:label: eq-two\n```")
    ['sec-one', 'eq-two']
    """
    return [first or second for first, second in _LABEL.findall(text)]


def count_solutions(text: str) -> int:
    """How many solutions begin in a text."""
    return len(re.findall(r"\{solution(?:-start)?\}", text))


def cut_notebook(notebook: nbformat.NotebookNode, page: str) -> tuple[nbformat.NotebookNode, Removed]:
    """Return a notebook without solutions, and what was taken out; other cells keep their outputs and ids."""
    cutter, cells = Cutter(page), []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            cell.source = cutter.cut(cell.source)
            cells += [cell] if cell.source.strip() else []
        elif cutter.inside:
            cutter.removed.texts.append(cell.source)
        else:
            cells.append(cell)
    notebook.cells = cells
    return notebook, cutter.finish()


def statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; IPython's own commands are none."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.M)).body


def names_of(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Names of the notebook that a statement needs, and those that it gives a meaning to.

    Examples
    --------
    >>> needed, bound = names_of(statements("f = lambda x: [x + y for y in z]")[0])
    >>> needed, bound
    ({'z'}, {'f'})
    """
    top = symtable.symtable(ast.unparse(statement), "cell", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    needed = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    inner = list(top.get_children())
    while inner:
        table = inner.pop()
        needed |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        inner += table.get_children()
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        needed |= {statement.target.id}
    # an assignment asks first and binds then; a loop, a `with` or a recursive function binds what it asks for
    return (needed if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign) else needed - bound), bound


def needed_by_others(notebook: nbformat.NotebookNode, page: str) -> list[tuple[str, str]]:
    """Names that a cell outside of solutions takes from a solution: pairs of the cell's id and the name.

    Without the solution such a cell would fail, or would find another value under the name.
    """
    cutter, from_solution, found = Cutter(page), set(), []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            cutter.cut(cell.source)
        elif cutter.inside:
            from_solution |= set().union(*(names_of(statement)[1] for statement in statements(cell.source)))
        else:
            for statement in statements(cell.source):
                needed, bound = names_of(statement)
                found += [(cell.id, name) for name in sorted(needed & from_solution)]
                from_solution -= bound
    return found


def mend_references(text: str, instead: dict[str, str]) -> str:
    """Let references to what is gone be words.

    Parameters
    ----------
    text
        Text of a page or of a cell.
    instead
        The words for each label, and for each page without its ending.

    Examples
    --------
    >>> mend_references("See {ref}`here <sol-1>` or {ref}`sol-1`.", {"sol-1": "the solution"})
    'See here or the solution.'
    """

    def role(match: re.Match[str]) -> str:
        target = (match["target"] or match["bare"]).strip()
        key = _page_of(target) if target not in instead else target
        return (match["text"] or instead[key]) if key in instead else match[0]

    def link(match: re.Match[str]) -> str:
        target = match["target"].removeprefix("#")
        return match["text"] if target in instead or _page_of(target) in instead else match[0]

    return _LINK.sub(link, _ROLE.sub(role, text))


def _page_of(target: str) -> str:
    """Name of the page that an address leads to, without folder and ending."""
    return re.sub(r"\.(md|ipynb|html)$", "", target.partition("#")[0]).rpartition("/")[2]


def leave_out(book: Path, pages: tuple[str, ...]) -> Removed:
    """Delete pages, named as in the table of contents, from a copied project."""
    contents = book / "_toc.yml"
    toc = yaml.safe_load(contents.read_text("utf8"))
    contents.write_text(yaml.safe_dump(_without(toc, pages), sort_keys=False, allow_unicode=True), "utf8")
    removed = Removed()
    for page in pages:
        for path in (book / f"{page}.md", book / f"{page}.ipynb"):
            if path.is_file():
                text = path.read_text("utf8")
                notebook = path.suffix == ".ipynb"
                text = "\n".join(cell.source for cell in nbformat.reads(text, 4).cells) if notebook else text
                title = next(re.finditer(r"^#\s+(.*)$", text, re.M))[1]
                removed.instead |= dict.fromkeys([*labels_in(text), path.stem], title)
                path.unlink()
    return removed


def _without(part: Any, pages: tuple[str, ...]) -> Any:
    """Return a table of contents without these pages, and without lists and parts that are then empty."""
    if isinstance(part, list):
        kept = [_without(each, pages) for each in part if not (isinstance(each, dict) and each.get("file") in pages)]
        return [each for each in kept if not isinstance(each, dict) or {"file", "url", "glob", "chapters"} & set(each)]
    if isinstance(part, dict):
        return {name: kept for name, each in part.items() if (kept := _without(each, pages)) != []}
    return part


def copy_project(source: Path, target: Path) -> None:
    """Copy what a reader needs; a link to the public repository would lead to the solutions."""
    target.mkdir(parents=True)
    for name in PROJECT:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=JUNK)
        elif (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    config = target / "_config.yml"
    config.write_text(re.sub(r"(?m)^(repository:\s*\n\s+url:).*$", r'\1 ""', config.read_text("utf8")), "utf8")


def make_edition(source: Path, target: Path, without: tuple[str, ...] = ()) -> Removed:
    """Write the project without solutions.

    Parameters
    ----------
    source
        Folder of the project.
    target
        Folder that is to hold the class edition; must not exist.
    without
        Pages to leave out, as the table of contents names them (``book/instructors-sheet``).

    Raises
    ------
    ValueError
        If a solution does not end, or ends before it began; the page is named.
    """
    copy_project(source, target)
    removed = leave_out(target, without)
    pages = sorted(path for path in (target / "book").rglob("*") if path.suffix in (".md", ".ipynb"))
    for path in pages:
        name = path.relative_to(target).as_posix()
        if path.suffix == ".md":
            cutter = Cutter(name)
            path.write_text(cutter.cut(path.read_text("utf8")).rstrip("\n") + "\n", "utf8")
            gone = cutter.finish()
        else:
            notebook, gone = cut_notebook(nbformat.read(path, 4), name)
            nbformat.write(notebook, path)
        removed.instead |= gone.instead
        removed.texts += gone.texts
    for path in pages:
        mend_page(path, removed.instead)
    return removed


def mend_page(path: Path, instead: dict[str, str]) -> None:
    """Mend the references of one page."""
    if path.suffix == ".md":
        path.write_text(mend_references(path.read_text("utf8"), instead), "utf8")
        return
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = mend_references(cell.source, instead)
    nbformat.write(notebook, path)


def pack_edition(folder: Path, target: Path) -> int:
    """Pack the built pages and the project into one file; return the number of its files."""
    project = folder / "project"
    # the build has compiled its extension there
    files = sorted(path for path in project.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    more = {f"project/{path.relative_to(project).as_posix()}": path.read_bytes() for path in files}
    return pack(folder / "html", target, f"{FOLDER}-class", {"READ-ME.txt": READ_ME.encode(), **more})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the edition without solutions.")
    parser.add_argument("step", choices=("source", "pack"))
    parser.add_argument("folder", type=Path, help="of the class edition")
    parser.add_argument("--archive", type=Path, help="file to pack it into")
    parser.add_argument("--without", nargs="*", default=[], help="pages to leave out")
    arguments = parser.parse_args()
    if arguments.step == "source":
        made = make_edition(Path(), arguments.folder / "project", tuple(arguments.without))
        print(f"{arguments.folder / 'project'}: {sum(map(count_solutions, made.texts))} solutions taken out")
    else:
        count = pack_edition(arguments.folder, arguments.archive)
        size = arguments.archive.stat().st_size / 1e6
        print(f"{arguments.archive}: {count} files, {size:.0f} MB, without solutions")
