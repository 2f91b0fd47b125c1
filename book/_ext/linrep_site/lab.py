"""The lab on the static page: a picture first, alive when the reader comes near, no kernel needed.

A notebook's output of type ``application/vnd.linrep.lab+json`` is the lab's configuration (`TrainingLab` writes it).
Here it becomes an element that ``lab.js`` fills; inside it stands the picture of the first frame that
``make notebooks`` drew, in the room that the living lab will take, so that nothing jumps.
"""

import json
from typing import Any

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

from linrep_site.figures import take_picture

logger = logging.getLogger(__name__)

LAB_MIME = "application/vnd.linrep.lab+json"
SCRIPT = "lab/lab.js"


class linrep_lab(nodes.General, nodes.Element):
    """The lab; its only child is the picture of its first frame."""


class LabMime(render.MimeRenderPlugin):
    """Let myst-nb accept the lab's output type and prefer it over all others of the same output."""

    mime_priority_overrides = [("*", LAB_MIME, 1)]  # noqa: RUF012 (myst-nb reads a class attribute)

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Wrap the configuration in a node of our own."""
        if data.mime_type != LAB_MIME or inline:
            return None
        return [linrep_lab(config=data.content, heights=data.output_metadata.get(LAB_MIME, {}))]


class PutPictureIntoLab(SphinxTransform):
    """Give each lab the PNG of the same output, before Sphinx collects the images of the page."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Move the picture and describe it."""
        for lab in list(self.document.findall(linrep_lab)):
            picture = take_picture(lab)
            if picture is None:
                logger.warning("a lab has no static picture: run `make notebooks`", location=lab.parent)
                continue
            picture["alt"] = describe(lab["config"])
            lab += picture


class MarkFullLab(SphinxTransform):
    """Name the block of a section that holds a full lab: it may be wider than the text."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Give the block a class."""
        for lab in self.document.findall(linrep_lab):
            if lab["config"].get("size", "full") == "full":
                block = lab
                while not isinstance(block.parent, nodes.section | nodes.document):
                    block = block.parent
                block["classes"].append("full-lab")


def describe(config: dict[str, Any]) -> str:
    """Say what the picture shows: the lab before its first training step."""
    concepts, dimensions = config["m"], config["d"]
    return (
        f"The lab before training: the {2**concepts} words of {concepts} concepts as points in {dimensions} "
        f"dimension{'s' if dimensions > 1 else ''}, with the controls that start the training and set its world."
    )


def visit_html(self: SphinxTranslator, node: linrep_lab) -> None:
    """Write the element that the script fills, with what stands there before."""
    picture = next(node.findall(nodes.image), None)
    if picture is None:
        raise nodes.SkipNode
    up = "../" * self.builder.current_docname.count("/")
    src = up + f"{self.builder.imagedir}/{self.builder.images[picture['uri']]}"
    config = self.attval(json.dumps(node["config"], separators=(",", ":"), sort_keys=True))
    room = ";".join(f"--{name}:{height}" for name, height in sorted(node["heights"].items()))
    size = node["config"].get("size", "full")
    self.body.append(
        f'<div class="linrep-lab" data-size="{size}" data-config="{config}" style="{room}">'
        f'<img src="{src}" alt="{self.attval(picture["alt"])}" decoding="async">'
        "<noscript><p>This is a picture of the lab. The lab itself needs JavaScript.</p></noscript></div>\n"
    )
    raise nodes.SkipNode


def visit_other(self: SphinxTranslator, node: linrep_lab) -> None:
    """Elsewhere (LaTeX, text) the lab is its picture."""


def depart_other(self: SphinxTranslator, node: linrep_lab) -> None:
    """Nothing follows the picture."""


def load_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Load the lab's script on the pages that have a lab, and on no others."""
    if doctree is not None and next(doctree.findall(linrep_lab), None) is not None:
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register the node, the output type and the script."""
    plugins = render.load_mime_renders()
    if LabMime not in plugins:
        plugins.append(LabMime)
    other = (visit_other, depart_other)
    app.add_node(linrep_lab, html=(visit_html, None), latex=other, text=other)
    app.add_transform(PutPictureIntoLab)
    app.add_transform(MarkFullLab)
    app.connect("html-page-context", load_script)
