"""Buttons that open a page's notebook on Binder and Colab, once `_config.yml` names the book's repository.

There is one setting, ``repository: url``. Without it no page has such a button, since it would lead nowhere.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"
EXPLANATION = "book/run-it"  # the page that says what runs where, and what Colab needs first

_ADDRESS = re.compile(r"https://(github|gitlab)\.com/[\w.-]+/[\w.-]+/?")


def launchers(address: str) -> dict[str, str]:
    """Return the theme's setting `launch_buttons` for a repository; Colab opens notebooks from GitHub alone.

    Raises
    ------
    ConfigError
        If the address is not one that Binder knows.
    """
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise ConfigError(f"repository url must be https://github.com/OWNER/NAME (or gitlab.com), got {address!r}")
    colab = {"colab_url": COLAB} if found[1] == "github" else {}
    return {"notebook_interface": "jupyterlab", "binderhub_url": BINDER, **colab}


def configure(app: Sphinx, config: Config) -> None:
    """Hand the theme its launchers, if there is a repository to launch from."""
    address = config.html_theme_options.get("repository_url")
    if address:
        config.html_theme_options["launch_buttons"] = launchers(address)


def explain(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Put the page that says what runs where into the menu of launchers."""
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons" and EXPLANATION in app.env.found_docs:
            link = {"type": "link", "text": "What runs where", "url": context["pathto"](EXPLANATION)}
            group["buttons"].append({**link, "tooltip": "What each of them can do", "icon": "fas fa-circle-info"})


def setup(app: Sphinx) -> None:
    """Connect both steps: before the theme asks, and after it has made the menu."""
    app.connect("config-inited", configure)
    app.connect("html-page-context", explain, priority=510)
