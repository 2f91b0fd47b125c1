"""Symbols and terms explain themselves: a link to where they are defined, whose title is the meaning.

The tables of ``book/notation`` and the glossary of ``book/glossary`` are the only place where a meaning is written. A
formula in running text that is nothing but a symbol of these tables becomes a link, once in each section of a page; a
term of the glossary once a page. A symbol that means one thing in general and another in the part that a page belongs
to is left alone, unless that very page is named in its row: no explanation is better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from docutils import nodes
from pylatexenc.latex2text import LatexNodes2Text
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

NOTATION = "book/notation"
GLOSSARY = "book/glossary"
GENERAL = "book/model/"  # symbols that its chapters introduce mean the same everywhere
# what stands in these is no running text, or is a link already
NOT_EXPLAINED = (nodes.reference, nodes.title, nodes.term, nodes.literal, nodes.caption, nodes.rubric, nodes.table)
NOT_EXPLAINED += (addnodes.download_reference, nodes.raw, nodes.literal_block, nodes.citation)

_plain = LatexNodes2Text(math_mode="text")


@dataclass(frozen=True)
class Symbol:
    """A row of the notation: what it means, where its row is, and the page that introduces it."""

    meaning: str
    row: str
    page: str


def plain_text(node: nodes.Node, titles: dict[str, str] | None = None) -> str:
    """The text of a node, formulas as Unicode as far as that goes; `titles` names the sections that it refers to."""
    if isinstance(node, addnodes.pending_xref) and not node.get("refexplicit") and node["reftarget"] in (titles or {}):
        return titles[node["reftarget"]]
    if isinstance(node, nodes.math):
        return _plain.latex_to_text(f"${node.astext()}$".replace(r"\ne ", "≠ ")).strip()
    if isinstance(node, nodes.Text) or not node.children:
        return node.astext()
    return "".join(plain_text(child, titles) for child in node.children)


def symbol_keys(formula: str) -> set[str]:
    """How a symbol may be written: the whole formula of its row, and what stands before ``=`` or ``∈`` in it."""
    head = re.split(r"\s*(?:=|\\in\b)", formula)[0]
    return {"".join(part.split()) for part in (formula, head) if part.strip()}


class NumberRowsOfTheNotation(SphinxTransform):
    """Give each row of the notation an anchor, so that a symbol can lead to its own row."""

    default_priority = 300

    def apply(self, **kwargs: object) -> None:
        """Name the rows by their order, and take the page as the only one that has them."""
        if self.env.docname == NOTATION:
            for number, row in enumerate(_rows(self.document)):
                row["ids"].append(f"symbol-{number}")


def _rows(document: nodes.document) -> Iterator[nodes.row]:
    for body in document.findall(nodes.tbody):
        yield from body.findall(nodes.row)


def symbols_of(
    document: nodes.document, pages: dict[str, str], titles: dict[str, str] | None = None
) -> dict[str, list[Symbol]]:
    """Every symbol of the notation with its rows; `pages` and `titles` belong to the labels of the book."""
    found: dict[str, list[Symbol]] = {}
    for row in _rows(document):
        cells = list(row.findall(nodes.entry))
        if len(cells) != 4:  # the comparison with the paper's notation
            continue
        if any(character.isalpha() for text in _words_beside_formulas(cells[0]) for character in text):
            continue  # words that hold a symbol, such as "informed about i", are no symbol
        labels = [reference["reftarget"] for reference in cells[3].findall(addnodes.pending_xref)]
        page = next((pages[label] for label in labels if label in pages), "")
        symbol = Symbol(plain_text(cells[1], titles), row["ids"][-1], page)
        for key in set().union(*(symbol_keys(formula.astext()) for formula in cells[0].findall(nodes.math))):
            found.setdefault(key, []).append(symbol)
    return found


def _words_beside_formulas(cell: nodes.entry) -> list[str]:
    return [text.astext() for text in cell.findall(nodes.Text) if not isinstance(text.parent, nodes.math)]


def chosen(candidates: list[Symbol], page: str) -> Symbol | None:
    """The one row that holds on a page, or None if that is not sure."""
    own = [symbol for symbol in candidates if symbol.page == page]
    if own:
        return own[0] if len(own) == 1 else None
    near = [symbol for symbol in candidates if symbol.page.rpartition("/")[0] == page.rpartition("/")[0]]
    general = [symbol for symbol in candidates if symbol.page.startswith(GENERAL) and symbol not in near]
    holding = [*near, *general]
    return holding[0] if len(holding) == 1 else None


def definitions_of(document: nodes.document, titles: dict[str, str] | None = None) -> dict[str, str]:
    """The first paragraph of each term's definition, by the term in small letters."""
    return {
        " ".join(term.astext().split()).lower(): plain_text(next(item.findall(nodes.definition))[0], titles)
        for item in document.findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
    }


def explain(app: Sphinx, document: nodes.document, page: str) -> None:
    """Link the symbols and the terms of a page; those that have no place to lead to stay as they are."""
    if app.builder.name != "html" or page in (NOTATION, GLOSSARY) or NOTATION not in app.env.all_docs:
        return
    labels = app.env.domains["std"].labels
    pages, titles = ({label: place[k] for label, place in labels.items()} for k in (0, 2))
    # on slides a symbol means what it means in the chapters that they are about
    place = app.env.metadata.get(page, {}).get("deck", "")
    symbols = symbols_of(app.env.get_doctree(NOTATION), pages, titles)
    _explain_symbols(app, document, page, symbols, f"{place}/" if place else page)
    if GLOSSARY in app.env.all_docs:
        _explain_terms(app, document, page, definitions_of(app.env.get_doctree(GLOSSARY), titles))


def _in_running_text(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, NOT_EXPLAINED):
            return False
    return True


def _section(node: nodes.Node) -> int:
    """Which section of a page a node stands in, those below the page's title."""
    inside = []
    while node is not None:
        inside += [node] if isinstance(node, nodes.section) else []
        node = node.parent
    return id(inside[-2] if len(inside) > 1 else None)


def _link(app: Sphinx, page: str, target: str, anchor: str, meaning: str, *inside: nodes.Node) -> nodes.reference:
    address = f"{app.builder.get_relative_uri(page, target)}#{anchor}"
    return nodes.reference("", "", *inside, internal=True, refuri=address, reftitle=meaning, classes=["explained"])


def _explain_symbols(
    app: Sphinx, document: nodes.document, page: str, symbols: dict[str, list[Symbol]], place: str
) -> None:
    seen = set()
    for formula in list(document.findall(nodes.math)):
        key = "".join(formula.astext().split())
        symbol = chosen(symbols.get(key, []), place)
        once = (key, _section(formula))
        if symbol is None or once in seen or not _in_running_text(formula):
            continue
        seen.add(once)
        formula.replace_self(_link(app, page, NOTATION, symbol.row, symbol.meaning, formula.deepcopy()))


def _explain_terms(app: Sphinx, document: nodes.document, page: str, meanings: dict[str, str]) -> None:
    anchors = {name: place[1] for (kind, name), place in app.env.domains["std"].objects.items() if kind == "term"}
    anchors = {" ".join(name.split()).lower(): anchor for name, anchor in anchors.items()}
    words = "|".join(re.escape(term) for term in sorted(meanings, key=len, reverse=True))
    pattern = re.compile(rf"\b({words})(?:s|es)?\b", re.IGNORECASE)
    seen: set[str] = set()
    for text in list(document.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.paragraph | nodes.emphasis | nodes.strong) or not _in_running_text(text):
            continue
        pieces: list[nodes.Node] = []
        end = 0
        for match in pattern.finditer(text):
            term = match[1].lower()
            if term in seen:
                continue
            seen.add(term)
            link = _link(app, page, GLOSSARY, anchors[term], meanings[term], nodes.Text(match[0]))
            pieces += [nodes.Text(text[end : match.start()]), link]
            end = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def read_all_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> set[str]:
    """When a meaning changes, every page may have to say it."""
    return set(env.all_docs) if {NOTATION, GLOSSARY} & (added | changed) else set()


def setup(app: Sphinx) -> None:
    """Connect the anchors, the links, and the rule which pages to write anew."""
    app.add_transform(NumberRowsOfTheNotation)
    app.connect("env-get-outdated", read_all_again)
    app.connect("doctree-resolved", explain)
