"""Sphinx extension of the book: light pages that load nothing from outside the site.

``assets``
    copies third-party files (KaTeX, plotly, the few icons) from the installed packages.
``formulas``
    has them typeset by KaTeX while the site is built.
``figures``
    shows a plotly output as a picture that becomes interactive when the reader arrives.
``lab``
    shows the lab as a picture that comes alive when the reader arrives.
``launch``
    offers Binder and Colab on the pages of notebooks, once `_config.yml` names the repository.
``pages``
    takes out of every written page what it does not need and mends what accessibility checks find.
"""

from sphinx.application import Sphinx

from linrep_site import assets, figures, formulas, lab, launch, pages


def setup(app: Sphinx) -> dict[str, object]:
    """Connect the six parts to Sphinx."""
    assets.setup(app)
    formulas.setup(app)
    figures.setup(app)
    lab.setup(app)
    launch.setup(app)
    pages.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
