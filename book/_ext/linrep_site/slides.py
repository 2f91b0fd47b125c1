"""Slides: a page whose front matter says ``deck: FOLDER`` is written as a deck for reveal.js.

Its title is the first slide, each section below it one more, each section below that a slide under the other. Without
the script, on a narrow screen and with ``?page`` it reads from top to bottom, notes included (linrep-deck.js).
``FOLDER`` holds the chapters that the deck is about; symbols mean on its slides what they mean there.

``{speaker-notes} 5`` holds what the speaker needs for a slide of five minutes; a slide without is a warning, which
stops the build. ``{deck-list}`` lists all decks with their lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from linrep_site.gathered import gathered
from linrep_site.pieces import piece

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = "deck.html"
INDEX = "book/slides/index"
# of the scripts that pages load, those which make something on a slide alive; the theme's would find nothing to do
SCRIPTS = ("linrep-", "lab/")


class speaker_notes(nodes.General, nodes.Element):
    """What the audience does not see; ``minutes`` is how long the slide takes."""


class slide(nodes.section):
    """A section that is a slide, or a stack of slides; ``level`` is that of its heading."""


class deck_list(gathered):
    """Where the list of decks is to stand."""


class SpeakerNotes(Directive):
    """Notes for the speaker; the argument is the slide's minutes."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse them as any text."""
        notes = speaker_notes(minutes=int(self.arguments[0]))
        self.state.nested_parse(self.content, self.content_offset, notes)
        return [notes]


class DeckList(Directive):
    """List the decks here."""

    def run(self) -> list[nodes.Node]:
        """Leave a place for the list; the decks may not have been read yet."""
        return [deck_list()]


def folder_of(env: BuildEnvironment, page: str) -> str:
    """Return the folder of chapters that a deck is about; nothing for a page that is no deck."""
    return env.metadata.get(page, {}).get("deck", "")


def decks(env: BuildEnvironment) -> list[str]:
    """Return the decks in the order of their names."""
    return sorted(page for page in env.all_docs if folder_of(env, page))


def sections_of(document: nodes.document) -> Iterator[tuple[nodes.section, int]]:
    """Go through the sections of a deck, each one a slide, with the level of its heading."""
    open_ends = [(document, 0)]
    while open_ends:
        node, level = open_ends.pop()
        if level:
            yield node, level
        open_ends += [(part, level + 1) for part in reversed(node.children) if isinstance(part, nodes.section)]


def own_parts(section: nodes.section) -> list[nodes.Node]:
    """Return what stands on the slide of a section itself, without those below it."""
    return [part for part in section.children if not isinstance(part, nodes.section)]


def minutes_of(section: nodes.section) -> int:
    """Return the minutes of the slide of a section."""
    return sum(part["minutes"] for part in own_parts(section) if isinstance(part, speaker_notes))


def lay_out(app: Sphinx, document: nodes.document, page: str) -> None:
    """Turn the nested sections of a deck into the two levels that reveal.js knows."""
    if not folder_of(app.env, page) or app.builder.format != "html":
        return
    clock, made, stack = 0, [], None
    for section, level in list(sections_of(document)):
        minutes = minutes_of(section)
        if not minutes:
            logger.warning("a slide has no speaker notes", location=section)
        one = _slide(app, section, level, page, f"{minutes} min, from {clock} to {clock + minutes}")
        clock += minutes
        if level <= 2:
            stack = [one]
            made.append(stack)
        else:
            stack.append(one)
    document.children = []
    for stack in made:
        document += stack[0] if len(stack) == 1 else slide("", *stack, level=0)


def _slide(app: Sphinx, section: nodes.section, level: int, page: str, time: str) -> slide:
    """One slide: what stands in its section, where its pieces come from, and the notes last."""
    parts = own_parts(section)
    notes = [part for part in parts if isinstance(part, speaker_notes)]
    made = slide("", *(part for part in parts if part not in notes), level=level, ids=section["ids"])
    sources = {(each["source"], each["anchor"]): None for each in made.findall(piece)}
    if sources:
        made += _came_from(app, page, list(sources))
    for part in notes:
        part.insert(0, nodes.paragraph("", time, classes=["deck-time"]))
    made += notes
    return made


def _came_from(app: Sphinx, page: str, sources: list[tuple[str, str]]) -> nodes.paragraph:
    line = nodes.paragraph("", "", classes=["deck-from"])
    named = set()
    for source, anchor in sources:
        title = app.env.titles[source].astext()
        if title in named:
            continue
        line += nodes.Text(", " if named else "From ")
        named.add(title)
        address = app.builder.get_relative_uri(page, source) + (f"#{anchor}" if anchor else "")
        line += nodes.reference("", "", nodes.inline("", title), internal=True, refuri=address)
    return line


def list_decks(app: Sphinx, document: nodes.document, page: str) -> None:
    """Replace the place of the list by the decks, each with its slides and minutes."""
    for place in list(document.findall(deck_list)):
        items = nodes.bullet_list()
        for deck in decks(app.env):
            sections = [section for section, _ in sections_of(app.env.get_doctree(deck))]
            minutes = sum(map(minutes_of, sections))
            address = app.builder.get_relative_uri(page, deck)
            title = nodes.inline("", app.env.titles[deck].astext())
            line = nodes.paragraph("", "", nodes.reference("", "", title, internal=True, refuri=address))
            line += nodes.Text(f", {len(sections)} slides, {minutes} minutes")
            items += nodes.list_item("", line)
        place.replace_self(items)


def visit_slide(self: SphinxTranslator, node: slide) -> None:
    """Begin a section whose heading has its level."""
    self.section_level = node["level"]
    self.body.append(self.starttag(node, "section"))


def depart_slide(self: SphinxTranslator, node: slide) -> None:
    """End it; the next slide says its own level."""
    self.body.append("</section>\n")


def visit_notes(self: SphinxTranslator, node: speaker_notes) -> None:
    """Begin the notes, in the form in which reveal.js finds them."""
    self.body.append('<aside class="notes">')


def depart_notes(self: SphinxTranslator, node: speaker_notes) -> None:
    """End the notes."""
    self.body.append("</aside>\n")


def visit_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Elsewhere (LaTeX, text) notes are text."""


def depart_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Nothing follows."""


def configure(app: Sphinx, config: Config) -> None:
    """Let Sphinx find the template of the decks."""
    config.templates_path.append(str(TEMPLATES))


def choose_neighbours(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Keep decks out of the way from one page of the book to the next, and say what a deck is."""
    for side in ("prev", "next"):
        _step_over_decks(app, page, context, side)
    if folder_of(app.env, page):
        about = escape(f"Slides with notes for the speaker. {app.env.titles[page].astext()}")
        context["metatags"] = context.get("metatags", "") + f'\n<meta name="description" content="{about}" />'


def choose_template(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> str | None:
    """Give a deck its own template."""
    if not folder_of(app.env, page):
        return None
    names = [str(getattr(script, "filename", "")).rpartition("_static/")[2] for script in context["script_files"]]
    scripts = zip(context["script_files"], names, strict=True)
    context["deck_scripts"] = [script for script, name in scripts if name.startswith(SCRIPTS)]
    context["slides_index"] = INDEX
    return TEMPLATE


def _step_over_decks(app: Sphinx, page: str, context: dict[str, Any], side: str) -> None:
    """Make the neighbour of a page one that is no deck."""
    place = 1 if side == "prev" else 2
    neighbour = app.builder.relations.get(page, [None] * 3)[place]
    if folder_of(app.env, page) or not neighbour or not folder_of(app.env, neighbour):
        return
    while neighbour and folder_of(app.env, neighbour):
        neighbour = app.builder.relations[neighbour][place]
    title = app.env.titles[neighbour].astext() if neighbour else ""
    context[side] = {"link": app.builder.get_relative_uri(page, neighbour), "title": title} if neighbour else None


def setup(app: Sphinx) -> None:
    """Register directives, nodes and the template."""
    other = dict.fromkeys(("latex", "text"), (visit_other, depart_other))
    app.add_node(deck_list)
    app.add_node(slide, html=(visit_slide, depart_slide), **other)
    app.add_node(speaker_notes, html=(visit_notes, depart_notes), **other)
    app.add_directive("speaker-notes", SpeakerNotes)
    app.add_directive("deck-list", DeckList)
    app.connect("config-inited", configure)
    app.connect("doctree-resolved", list_decks)
    app.connect("doctree-resolved", lay_out, priority=900)  # after symbols and terms were linked, section by section
    # before the theme makes links of `prev` and `next`
    app.connect("html-page-context", choose_neighbours, priority=400)
    # when all have said which scripts the page needs
    app.connect("html-page-context", choose_template, priority=900)
