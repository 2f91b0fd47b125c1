"""Plotly figures on the static page: a picture first, interactive when the reader comes near.

A notebook's output carries the figure twice: as plotly's JSON and as the PNG that ``make notebooks`` drew
from it. The page shows the PNG; the JSON is written beside it as a small script, and
``linrep-figures.js`` loads both it and plotly when the figure nears the viewport.
A script, because a page opened from ``file://`` may run neighbouring scripts but not fetch neighbouring files.
Beside it lie the figure's data as a page of tables and as a file, for those who want the numbers (`figure_tables`).
"""

import hashlib
import json
import struct
from itertools import combinations
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from linrep_site.assets import PLOTLY_BUNDLES
from linrep_site.figure_tables import Names, csv_text, html_page

logger = logging.getLogger(__name__)

PLOTLY_MIME = "application/vnd.plotly.v1+json"
FOLDER = "_figures"


class linrep_figure(nodes.General, nodes.Element):
    """A plotly figure; its only child is the picture of it."""


class PlotlyMime(render.MimeRenderPlugin):
    """Let myst-nb accept plotly's output type and prefer it over the picture in the same output."""

    mime_priority_overrides = [("*", PLOTLY_MIME, 1)]  # noqa: RUF012 (myst-nb reads a class attribute)

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Wrap the figure's JSON in a node of our own."""
        if data.mime_type != PLOTLY_MIME or inline:
            return None
        return [linrep_figure(figure=data.content)]


class PutPictureIntoFigure(SphinxTransform):
    """Give each figure the PNG of the same output, before Sphinx collects the images of the page."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Move the picture and check that the figure can be shown to every reader."""
        for figure in list(self.document.findall(linrep_figure)):
            bundle = figure.parent.parent
            picture = take_picture(figure)
            description = (figure["figure"].get("layout", {}).get("meta") or {}).get("description", "")
            if picture is None:
                logger.warning("a plotly figure has no static picture: run `make notebooks`", location=bundle)
            else:
                picture["alt"] = description
                figure += picture
            if not description:
                logger.warning("a plotly figure has no layout.meta['description']", location=bundle)
            if not smallest_bundle(figure["figure"]):
                logger.warning("no plotly bundle of the site draws all traces of a figure", location=bundle)


def take_picture(node: nodes.Element) -> nodes.image | None:
    """Take the picture out of the notebook output that also holds this node."""
    picture = next(node.parent.parent.findall(nodes.image), None)
    if picture is not None:
        picture.parent.remove(picture)
    return picture


def trace_types(figure: dict[str, Any]) -> set[str]:
    """Return the types of all traces of a figure, those of its frames included."""
    frames = [trace for frame in figure.get("frames") or [] for trace in frame.get("data") or []]
    return {trace["type"] for trace in [*figure["data"], *frames] if "type" in trace}


def smallest_bundle(figure: dict[str, Any]) -> str | None:
    """Return the name of the first bundle that draws every trace of the figure."""
    needed = trace_types(figure)
    return next((name for name, drawn in PLOTLY_BUNDLES.items() if needed <= drawn), None)


def bundles(figures: list[dict[str, Any]]) -> set[str]:
    """Return the fewest bundles that draw all figures of a page, each 400 kB and more; of as few, the smallest."""
    needed = [types for types in map(trace_types, figures) if any(types <= drawn for drawn in PLOTLY_BUNDLES.values())]
    for count in range(1, len(PLOTLY_BUNDLES) + 1):
        for chosen in combinations(PLOTLY_BUNDLES, count):
            if all(any(types <= PLOTLY_BUNDLES[name] for name in chosen) for types in needed):
                return set(chosen)
    return set()


def bundle_on_page(figure: dict[str, Any], figures: list[dict[str, Any]]) -> str | None:
    """Return the bundle that draws a figure on a page with these figures."""
    needed = trace_types(figure)
    chosen = bundles(figures)
    return next((name for name, drawn in PLOTLY_BUNDLES.items() if name in chosen and needed <= drawn), None)


def _png_size(path: Path) -> tuple[int, int]:
    """Read width and height from a PNG's header."""
    return struct.unpack(">II", path.read_bytes()[16:24])


def _trimmed(figure: dict[str, Any]) -> dict[str, Any]:
    """Drop plotly's default template, 7 kB of styling that the page's own template replaces."""
    layout = {key: value for key, value in figure.get("layout", {}).items() if key != "template"}
    kept = {"data": figure["data"], "layout": layout}
    if figure.get("frames"):
        kept["frames"] = figure["frames"]
    return kept


def _room_for_controls(figure: dict[str, Any]) -> str:
    """Return the row that the script fills with the figure's sliders and buttons once these can do something."""
    layout = figure["layout"]
    count = len(layout.get("sliders") or []) + len(layout.get("updatemenus") or [])
    return f'<div class="linrep-controls" style="--controls:{count}"></div>' if count else ""


def _room_for_words(figure: dict[str, Any]) -> str:
    """Return the line in which the script tells about the mark that the reader points at."""
    tells = (figure["layout"].get("meta") or {}).get("tells")
    return '<p class="linrep-told" aria-live="polite"></p>' if tells else ""


def _least_height(figure: dict[str, Any], height: int) -> str:
    """Return the style of a figure that stays as high on a narrow screen: one that names something in every row."""
    return f";--least:{height}px" if (figure["layout"].get("meta") or {}).get("tall") else ""


def _number(document: nodes.document, node: linrep_figure) -> int:
    """Return which of its page's figures this is, from 1."""
    return 1 + [id(figure) for figure in document.findall(linrep_figure)].index(id(node))


def write_script(builder: Any, figure: dict[str, Any]) -> str:
    """Write a figure's JSON as a script; return the script's name, which tells its contents."""
    text = json.dumps(_trimmed(figure), separators=(",", ":"), sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = Path(builder.outdir) / FOLDER / f"{name}.js"
    path.write_text(f'(window.linrepFigures??={{}})["{name}"]={text};\n', "utf8")
    return name


def write_data(builder: Any, figure: dict[str, Any], number: int) -> str:
    """Write a figure's data as a page and as a file; return the page's name, which stays when the numbers change."""
    chapter = builder.current_docname
    name = f"{chapter.removeprefix('book/').replace('/', '-')}-{number}"
    title = builder.env.titles[chapter].astext()
    names = Names(
        title=f"{title}, figure {number}",
        chapter=title,
        description=(figure.get("layout", {}).get("meta") or {}).get("description", ""),
        back=f"../{builder.get_target_uri(chapter)}#linrep-figure-{number}",
        file=f"{name}.csv",
        root="../",
    )
    folder = Path(builder.outdir) / FOLDER
    (folder / f"{name}.html").write_text(html_page(figure, names), "utf8")
    (folder / f"{name}.csv").write_text(csv_text(figure), "utf8")
    return f"{name}.html"


def visit_html(self: SphinxTranslator, node: linrep_figure) -> None:
    """Write the figure: the picture, and where its data and its drawing script lie."""
    up = "../" * self.builder.current_docname.count("/")
    number = _number(self.document, node)
    (Path(self.builder.outdir) / FOLDER).mkdir(exist_ok=True)
    drawn = controls = ""
    if not node.get("still"):  # which is a picture and no more: what would draw it is not worth its weight here
        alive = [other["figure"] for other in self.document.findall(linrep_figure) if not other.get("still")]
        name = write_script(self.builder, node["figure"])
        bundle = bundle_on_page(node["figure"], alive)
        drawn = f'data-name="{name}" data-src="{up}{FOLDER}/{name}.js" data-bundle="{bundle}" '
        controls = _room_for_controls(node["figure"]) + _room_for_words(node["figure"])
    data = write_data(self.builder, node["figure"], number)
    picture = next(node.findall(nodes.image), None)
    if picture is None:
        raise nodes.SkipNode
    width, height = _png_size(Path(self.builder.srcdir) / picture["uri"])
    # pictures are drawn at twice the size, for sharp screens
    width, height = width // 2, height // 2
    src = up + f"{self.builder.imagedir}/{self.builder.images[picture['uri']]}"
    size = f"--width:{width};--height:{height}{_least_height(node['figure'], height)}"
    self.body.append(
        f'<figure class="linrep-figure" id="linrep-figure-{number}" {drawn}style="{size}">'
        f'<div class="linrep-stage"><img src="{src}" alt="{self.attval(picture["alt"])}"'
        f' width="{width}" height="{height}" loading="lazy" decoding="async"></div>'
        f"{controls}"
        f'<p class="linrep-data"><a href="{up}{FOLDER}/{data}">The data of this figure, as a table</a></p></figure>\n'
    )
    raise nodes.SkipNode


def visit_other(self: SphinxTranslator, node: linrep_figure) -> None:
    """Elsewhere (LaTeX, text) a figure is its picture."""


def depart_other(self: SphinxTranslator, node: linrep_figure) -> None:
    """Nothing follows the picture."""


def setup(app: Sphinx) -> None:
    """Register the node, the output type and the script of the figures."""
    plugins = render.load_mime_renders()
    if PlotlyMime not in plugins:
        plugins.append(PlotlyMime)
    other = (visit_other, depart_other)
    app.add_node(linrep_figure, html=(visit_html, None), latex=other, text=other)
    app.add_transform(PutPictureIntoFigure)
    app.add_js_file("linrep-figures.js", loading_method="defer")
