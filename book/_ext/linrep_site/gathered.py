"""Places on a page that are filled from other pages: a map of chapters, a list of decks, a sheet of exercises.

A directive leaves a node of a class made from `gathered`; when all pages are read, its own module fills it. Sphinx
writes only pages whose source has changed; those with such a place are written whenever any page is.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


class gathered(nodes.General, nodes.Element):
    """A place that other pages fill."""


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages that have such a place."""
    return [page for page in env.all_docs if any(True for _ in env.get_doctree(page).findall(gathered))]


def setup(app: Sphinx) -> None:
    """Have them written."""
    app.connect("env-updated", write_again)
