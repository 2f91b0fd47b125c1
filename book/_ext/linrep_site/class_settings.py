"""A table of settings of the lab, each a link that sets it up: for who teaches.

The settings stand in a file beside the page, so that a test can hold each promise against a run:

    ```{class-settings} for-class.toml
    ```

Each has a ``name``, the ``chapter`` it belongs to (a label), the ``address`` of the lab (what follows ``#lab=1&``), a
``guess`` to ask for, and what then ``comes`` by which ``step``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LAB = "the-lab"  # the page on which every address is set up, beside the page with the table
HEADS = ("Set it up", "Ask before it runs", "What comes")
WIDTHS = (22, 39, 39)


def read_settings(path: Path) -> list[dict[str, Any]]:
    """Return the settings of a file."""
    return tomllib.loads(path.read_text("utf8"))["setting"]


def address_of(setting: dict[str, Any]) -> str:
    """Return the address of the lab in this setting, from a page beside it."""
    return f"{LAB}.html#lab=1&{setting['address']}"


class ClassSettings(SphinxDirective):
    """The table; the file's name is the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write a heading for every chapter and a table below it."""
        relative, absolute = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        by_chapter: dict[str, list[dict[str, Any]]] = {}
        for setting in read_settings(Path(absolute)):
            by_chapter.setdefault(setting["chapter"], []).append(setting)
        made: list[nodes.Node] = []
        for chapter, settings in by_chapter.items():
            made += [nodes.rubric("", "", self._chapter(chapter), classes=["sheet-chapter"]), self._table(settings)]
        return made

    def _chapter(self, label: str) -> addnodes.pending_xref:
        link = addnodes.pending_xref(
            "",
            refdomain="std",
            reftype="ref",
            reftarget=label,
            refexplicit=False,
            refwarn=True,
            refdoc=self.env.docname,
        )
        link += nodes.inline("", label)
        return link

    def _table(self, settings: list[dict[str, Any]]) -> nodes.table:
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in WIDTHS), cols=len(WIDTHS))
        group += nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph("", head)) for head in HEADS)))
        group += nodes.tbody("", *(self._row(setting) for setting in settings))
        return nodes.table("", group, classes=["class-settings", "colwidths-given"])

    def _row(self, setting: dict[str, Any]) -> nodes.row:
        link = nodes.reference("", setting["name"], refuri=address_of(setting), internal=True)
        said = [self.state.inline_text(setting[key], self.lineno)[0] for key in ("guess", "comes")]
        by = nodes.inline("", f" (step {setting['step']:,})", classes=["effort"])
        cells = [[link], said[0], [*said[1], by]]
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("class-settings", ClassSettings)
