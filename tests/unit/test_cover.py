"""The picture of the landing page is what its run draws, not a picture of a run that once was."""

import runpy
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.mark.slow
def test_the_landing_page_shows_what_its_run_draws():
    cover = runpy.run_path(str(BOOK / "_ext" / "draw_cover.py"))["cover"]
    assert cover() == (BOOK / "_static" / "cover.svg").read_text("utf8")
