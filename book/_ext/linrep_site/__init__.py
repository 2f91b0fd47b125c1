"""Sphinx extension of the book: light pages that load nothing from outside the site.

``assets``
    copies third-party files (KaTeX, plotly, the few icons) from the installed packages.
``formulas``
    has them typeset by KaTeX while the site is built.
``figures``
    shows a plotly output as a picture that becomes interactive when the reader arrives.
``exercises``
    says of every exercise how hard it is and how long it takes, hides its hint, and lists all of them.
``figure_data``, ``figure_tables``
    read a figure's data and write them as a page of tables and as a file.
``pictures``
    makes the pictures of figures a fifth as heavy.
``explain``
    links symbols and terms to what they mean.
``lab``
    shows the lab as a picture that comes alive when the reader arrives.
``gathered``
    has pages written again whose contents come from other pages.
``prerequisites``
    draws the map of chapters from what each says it needs.
``quiz``
    asks questions with answers to choose from.
``class_settings``
    lists settings of the lab for who teaches, each a link that sets it up.
``slides``
    writes a page of sections as slides, with notes for the speaker.
``pieces``
    puts pieces of chapters on them.
``launch``
    offers Binder and Colab on the pages of notebooks, once `_config.yml` names the repository.
``pages``
    takes out of every written page what it does not need and mends what accessibility checks find.
"""

from sphinx.application import Sphinx

from linrep_site import (
    assets,
    class_settings,
    exercises,
    explain,
    figures,
    formulas,
    gathered,
    lab,
    launch,
    pages,
    pictures,
    pieces,
    prerequisites,
    quiz,
    slides,
)


def setup(app: Sphinx) -> dict[str, object]:
    """Connect its parts to Sphinx."""
    assets.setup(app)
    formulas.setup(app)
    figures.setup(app)
    pictures.setup(app)
    gathered.setup(app)
    exercises.setup(app)
    explain.setup(app)
    lab.setup(app)
    class_settings.setup(app)
    prerequisites.setup(app)
    quiz.setup(app)
    pieces.setup(app)
    slides.setup(app)
    launch.setup(app)
    pages.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
