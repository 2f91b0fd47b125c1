"""Last touches on every written page."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    """Connect the clean-up of the written pages."""
