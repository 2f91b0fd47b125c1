"""Pieces of a chapter on a slide: copied from the chapter while the site is built, so that no slide can say otherwise.

    ```{from-chapter} thm-king-queen
    ```
    ```{from-chapter} book/model/a-world-of-concepts#six-sentences
    :show: output
    ```

What can be named: the label of a statement (sphinx-proof) or of an equation; a code cell of a notebook by its name
(``name`` in its metadata, which edits around the cell do not change); the n-th question of a page, as ``page#quiz-2``.
Of a cell, ``:show:`` takes ``figure`` (a figure or a lab, which is also what is taken when there is one and nothing is
said), ``picture`` (a figure that stays the picture of itself, and loads nothing), ``output``, ``code`` or ``all``. What
is not there is a warning, which stops the build.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from linrep_site.figures import linrep_figure
from linrep_site.gathered import gathered
from linrep_site.lab import linrep_lab
from linrep_site.quiz import quiz

logger = logging.getLogger(__name__)

SHOWN = ("figure", "picture", "output", "code", "all")


class from_chapter(gathered):
    """Where a piece is to stand."""


class piece(nodes.container):
    """A piece that was copied; ``source`` is the page it came from, ``anchor`` the section there."""


class FromChapter(Directive):
    """Put a piece of a chapter here."""

    required_arguments = 1
    option_spec = {"show": lambda given: directives.choice(given, SHOWN)}  # noqa: RUF012 (docutils reads a class attribute)

    def run(self) -> list[nodes.Node]:
        """Leave a place for it: the chapter may not have been read yet."""
        env = self.state.document.settings.env
        target = self.arguments[0]
        page = target.partition("#")[0]
        if "#" in target and page in env.found_docs:
            env.note_dependency(env.doc2path(page))
        return [from_chapter(target=target, show=self.options.get("show"), line=self.lineno)]


class CopyPieces(SphinxPostTransform):
    """Copy the pieces before anything in them is resolved, so that references in them lead from their new place."""

    default_priority = 1

    def run(self, **kwargs: Any) -> None:
        """Replace every place by its piece."""
        for place in list(self.document.findall(from_chapter)):
            try:
                page, found = find(self.env, place["target"], place["show"])
            except LookupError as error:
                logger.warning(f"from-chapter: {error.args[0]}", location=(self.env.docname, place["line"]))
                place.parent.remove(place)
                continue
            made = piece(classes=["deck-piece"], source=page, anchor=_section_of(found[0]))
            made += [node.deepcopy() for node in found]
            for figure in made.findall(linrep_figure):
                figure["still"] = place["show"] == "picture"
            _settle(made, self.env, page)
            place.replace_self(made)


def find(env: BuildEnvironment, target: str, show: str | None = None) -> tuple[str, list[nodes.Element]]:
    """Return the page that holds a piece, and the nodes of the piece.

    Raises
    ------
    LookupError
        If there is no such piece, or not what `show` asks of it.
    """
    if "#" not in target:
        return _labelled(env, target)
    page, _, name = target.partition("#")
    if page not in env.found_docs:
        raise LookupError(f"there is no page {page!r}")
    if name.startswith("quiz-"):
        questions = list(env.get_doctree(page).findall(quiz))
        number = int(name.removeprefix("quiz-"))
        if not 1 <= number <= len(questions):
            raise LookupError(f"{page} has {len(questions)} questions, not a question {number}")
        return page, [questions[number - 1]]
    return page, _shown(_cell(env, page, name), show, target)


def _labelled(env: BuildEnvironment, label: str) -> tuple[str, list[nodes.Element]]:
    """Return a statement or an equation by its label."""
    equation = env.domains["math"].equations.get(label)
    page = equation[0] if equation else getattr(env, "proof_list", {}).get(label, {}).get("docname")
    if page is None:
        raise LookupError(f"no statement and no equation has the label {label!r}")
    for node in env.get_doctree(page).findall(nodes.Element):
        if equation and isinstance(node, nodes.math_block) and node.get("label") == label:
            return page, [node]
        if not equation and label in node.get("ids", []) and node.get("realtype"):
            return page, [node]
    raise LookupError(f"{page} has lost what the label {label!r} names")


def _cell(env: BuildEnvironment, page: str, name: str) -> nodes.Element:
    """Return the node of a code cell by the name that it has in the notebook."""
    path = Path(env.doc2path(page))
    cells = json.loads(path.read_text("utf8"))["cells"] if path.suffix == ".ipynb" else []
    numbers = [number for number, cell in enumerate(cells) if cell["metadata"].get("name") == name]
    for node in env.get_doctree(page).findall(nodes.container):
        if node.get("nb_element") == "cell_code" and node["cell_index"] in numbers:
            return node
    raise LookupError(f"{page} has no code cell {name!r}")


def _shown(cell: nodes.Element, show: str | None, target: str) -> list[nodes.Element]:
    """Return the part of a cell that is to be shown."""
    figures = [node for kind in (linrep_figure, linrep_lab) for node in cell.findall(kind)]
    parts = {"cell_code_source": [], "cell_code_output": []}
    for node in cell.findall(nodes.container):
        if node.get("nb_element") in parts:
            parts[node["nb_element"]].append(node)
    code, output = parts.values()
    chosen = {
        "figure": figures,
        "picture": figures,
        "output": output,
        "code": code,
        "all": [*code, *output],
        None: figures or [cell],
    }[show]
    if not chosen:
        raise LookupError(f"{target} has no {show}")
    return chosen


def _section_of(node: nodes.Node) -> str:
    """Return the id of the section in which a node stands."""
    while node is not None and not (isinstance(node, nodes.section) and node["ids"]):
        node = node.parent
    return node["ids"][0] if node is not None else ""


def _settle(made: piece, env: BuildEnvironment, page: str) -> None:
    """Make references, numbers and questions right on the page that the piece came to."""
    for reference in made.findall(addnodes.pending_xref):
        if "refdoc" in reference:
            reference["refdoc"] = env.docname
    for formula in made.findall(nodes.math_block):
        formula["label"] = formula["number"] = None
    # the text of a statement is a section of its chapter; here it would be taken for a slide
    for section in list(made.findall(nodes.section)):
        # without its id, which all statements share
        section.parent.replace(section, nodes.container("", *section.children, classes=["statement"]))
    for question in made.findall(quiz):
        question["number"] = f"{question['number']}-{env.new_serialno('quiz-on-slide')}"
    ids = {name for node in made.findall(nodes.Element) for name in node.get("ids", [])}
    own = env.toc_fignumbers.setdefault(env.docname, {})
    for kind, numbers in env.toc_fignumbers.get(page, {}).items():
        own.setdefault(kind, {}).update({name: number for name, number in numbers.items() if name in ids})


def setup(app: Sphinx) -> None:
    """Register the directive and what fills its place."""
    app.add_node(from_chapter)
    visit = lambda self, node: self.visit_container(node)  # noqa: E731 (the same as any container)
    depart = lambda self, node: self.depart_container(node)  # noqa: E731
    app.add_node(piece, html=(visit, depart), latex=(visit, depart), text=(visit, depart))
    app.add_directive("from-chapter", FromChapter)
    app.add_post_transform(CopyPieces)
