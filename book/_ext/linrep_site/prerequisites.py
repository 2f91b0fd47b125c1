"""The map of chapters: who needs whom, read from the line "You need" at the head of each, as a picture of links.

The directive ``chapter-map`` draws it. Nothing is written twice: a chapter that names another in that line gets an
arrow from it, and parts and their order are those of the table of contents.
"""

from __future__ import annotations

from html import escape
from textwrap import wrap

import networkx as nx
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

from linrep_site.gathered import gathered

NEED = "You need"
COLUMNS = 3  # parts beside each other
WIDTH, HEIGHT = 192, 40  # of a chapter's box, in pixels
BETWEEN, BELOW, TITLE = 32, 12, 30
LETTERS = 25  # of a title in one line


class chapter_map(gathered):
    """Where the map is to stand."""


class ChapterMap(Directive):
    """Draw the map of chapters here."""

    def run(self) -> list[nodes.Node]:
        """Leave a place for it; what it shows is known when all pages are read."""
        return [chapter_map()]


class ReadNeeds(SphinxTransform):
    """Remember which labels the line "You need" of a page names."""

    default_priority = 800

    def apply(self, **kwargs: object) -> None:
        """Look at the first paragraphs of the page."""
        needs = _needs_of(self.env)
        needs.pop(self.env.docname, None)
        for paragraph in self.document.findall(nodes.paragraph):
            if any(strong.astext() == NEED for strong in paragraph.findall(nodes.strong)):
                found = paragraph.findall(addnodes.pending_xref)
                needs[self.env.docname] = [link["reftarget"] for link in found if link["reftype"] == "ref"]
                return


def _needs_of(env: BuildEnvironment) -> dict[str, list[str]]:
    if not hasattr(env, "linrep_needs"):
        env.linrep_needs = {}
    return env.linrep_needs


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """A page that is read anew, or gone, has no needs."""
    _needs_of(env).pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: list[str], other: BuildEnvironment) -> None:
    """What another process has read."""
    _needs_of(env).update({page: needs for page, needs in _needs_of(other).items() if page in pages})


def parts_of(app: Sphinx) -> dict[str, list[str]]:
    """The chapters of each part that has a number, in the order of the table of contents."""
    parts: dict[str, list[str]] = {}
    for tree in app.env.get_doctree(app.config.root_doc).findall(addnodes.toctree):
        caption = tree.get("caption") or ""
        if caption.startswith("Part "):
            parts[caption] = list(tree["includefiles"])
    return parts


def needs_graph(needs: dict[str, list[str]], pages: dict[str, str], chapters: list[str]) -> nx.DiGraph:
    """Arrows from the chapter that is needed to the one that needs it.

    Parameters
    ----------
    needs
        The labels that each page names.
    pages
        The page of each label.
    chapters
        The pages that are drawn; needs of others, and needs that are no chapter, are left out.

    Examples
    --------
    >>> list(needs_graph({"b": ["sec-a", "elsewhere"]}, {"sec-a": "a"}, ["a", "b"]).edges)
    [('a', 'b')]
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(chapters)
    for page, labels in needs.items():
        for needed in {pages.get(label) for label in labels}:
            if page in graph and needed in graph and needed != page:
                graph.add_edge(needed, page)
    # the shortest way through is drawn; an arrow that only repeats a longer way would be noise
    return nx.transitive_reduction(graph) if nx.is_directed_acyclic_graph(graph) else graph


def places_of(parts: dict[str, list[str]]) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]], int]:
    """Upper left corners of the chapters and of the parts' titles, and the height of the whole."""
    chapters, titles, top = {}, {}, 0
    rows = [list(parts.items())[i : i + COLUMNS] for i in range(0, len(parts), COLUMNS)]
    for row in rows:
        for column, (title, pages) in enumerate(row):
            left = column * (WIDTH + BETWEEN)
            titles[title] = (left, top)
            for number, page in enumerate(pages):
                chapters[page] = (left, top + TITLE + number * (HEIGHT + BELOW))
        top += TITLE + max(len(pages) for _, pages in row) * (HEIGHT + BELOW) + BELOW
    return chapters, titles, top


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    """From the right edge of one box to the left edge of another, or round the left side within a column."""
    (x, y), (u, v) = start, end
    y, v = y + HEIGHT // 2, v + HEIGHT // 2
    if x == u:
        return f"M{x},{y} C{x - 20},{y} {u - 20},{v} {u},{v}"
    x, u, bend = (x + WIDTH, u, 40) if x < u else (x, u + WIDTH, -40)
    return f"M{x},{y} C{x + bend},{y} {u - bend},{v} {u},{v}"


def draw(app: Sphinx, page: str) -> str:
    """The map as a picture of links, and the same in words."""
    parts = parts_of(app)
    chapters = [chapter for each in parts.values() for chapter in each]
    pages = {label: place[0] for label, place in app.env.domains["std"].labels.items()}
    graph = needs_graph(_needs_of(app.env), pages, chapters)
    corners, titles, height = places_of(parts)
    number = {chapter: i for i, chapter in enumerate(chapters)}
    name = {chapter: app.env.titles[chapter].astext() for chapter in chapters}
    address = {chapter: app.builder.get_relative_uri(page, chapter) for chapter in chapters}
    arrows = [
        f'<path class="from-{number[a]} to-{number[b]}" d="{_curve(corners[a], corners[b])}"/>' for a, b in graph.edges
    ]
    boxes = [_box(name[c], address[c], number[c], corners[c]) for c in chapters]
    heads = [
        f'<text class="part" x="{x}" y="{y + 18}">{escape(_short(title))}</text>' for title, (x, y) in titles.items()
    ]
    rules = [f".chapter-map:has(.at-{i}:is(:hover,:focus)) :is(.from-{i},.to-{i})" for i in number.values()]
    width = COLUMNS * (WIDTH + BETWEEN)
    return (
        '<div class="chapter-map" tabindex="0" role="region" aria-label="Map of the chapters">'
        f"<style>{','.join(rules)}{{stroke:var(--pst-color-accent);stroke-width:2.5;opacity:1}}</style>"
        f'<svg viewBox="-20 0 {width} {height}" width="{width}" height="{height}">'
        f'<g aria-hidden="true">{"".join(arrows)}{"".join(heads)}</g>{"".join(boxes)}</svg></div>'
        f"{_in_words(parts, graph, name, address)}"
    )


def _short(part: str) -> str:
    """The title of a part as a column has room for it: "VI · Beyond the assumptions"."""
    return part.removeprefix("Part ").replace(": ", " · ")


def _box(title: str, address: str, number: int, corner: tuple[int, int]) -> str:
    x, y = corner
    lines = wrap(title, LETTERS)[:2]
    first = y + HEIGHT // 2 + (5 if len(lines) == 1 else -3)
    text = "".join(f'<tspan x="{x + 10}" y="{first + 15 * i}">{escape(line)} </tspan>' for i, line in enumerate(lines))
    return (
        f'<a class="at-{number}" href="{address}">'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"/><text>{text}</text></a>'
    )


def _in_words(parts: dict[str, list[str]], graph: nx.DiGraph, name: dict[str, str], address: dict[str, str]) -> str:
    def link(chapter: str) -> str:
        return f'<a href="{address[chapter]}">{escape(name[chapter])}</a>'

    items = []
    for part, chapters in parts.items():
        items.append(f"<p>{escape(part)}</p><ul>")
        for chapter in chapters:
            needed = [link(other) for other in sorted(graph.predecessors(chapter), key=list(graph).index)]
            items.append(f"<li>{link(chapter)}: {', '.join(needed) or 'nothing before it'}</li>")
        items.append("</ul>")
    return f'<details class="chapter-map-words"><summary>The same in words</summary>{"".join(items)}</details>'


def put(app: Sphinx, document: nodes.document, page: str) -> None:
    """Replace the place of the map by the map."""
    for place in list(document.findall(chapter_map)):
        html = draw(app, page) if app.builder.format == "html" else ""
        place.replace_self(nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> None:
    """Register the directive, and collect what each page needs."""
    app.add_node(chapter_map)
    app.add_directive("chapter-map", ChapterMap)
    app.add_transform(ReadNeeds)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", put)
