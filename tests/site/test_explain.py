"""Symbols and terms of the built pages say what they mean: to a mouse, to a keyboard, where their link leads."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import NARROW, Visit, chapter_pages
from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

pytestmark = pytest.mark.site

CHAPTER = "book/proofs/log-odds.html"


def explained(site: Path, page: str) -> dict[str, str]:
    """Address and title of every explained symbol and term of a page."""
    links = [link.attributes for link in LexborHTMLParser((site / page).read_text("utf8")).css("a.explained")]
    return {link["href"]: link["title"] for link in links}


def test_chapters_explain_their_symbols_and_terms(site: Path) -> None:
    chapters = chapter_pages()
    assert len(chapters) > 30
    for page in chapters:
        addresses = explained(site, page)
        assert any("glossary.html#" in address for address in addresses), page
        assert all(addresses.values()), page


def test_a_link_leads_to_the_row_that_says_the_same(site: Path) -> None:
    ends = {name: BeautifulSoup((site / "book" / name).read_text("utf8"), "html.parser") for name in PLACES}
    links = explained(site, CHAPTER)
    compared = 0
    for address, title in links.items():
        name, _, anchor = address.rpartition("/")[2].partition("#")
        place = ends[name].find(id=anchor)
        assert place is not None, address
        told = place.find_all("td")[1] if name == "notation.html" else place.find_next("dd").p
        if not told.select_one(".katex"):  # a formula is drawn there and plain text here
            compared += 1
            assert " ".join(told.get_text().split()) == " ".join(title.split()), address
    assert compared > 5


PLACES = ("notation.html", "glossary.html")


def test_headings_and_code_are_left_alone(site: Path) -> None:
    html = BeautifulSoup((site / CHAPTER).read_text("utf8"), "html.parser")
    assert not html.select("h1 a.explained, h2 a.explained, h3 a.explained, pre a.explained, a a.explained")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, NARROW])
def test_a_keyboard_shows_the_meaning(served: str, visit: Callable[..., Visit], width: int) -> None:
    opened = visit(served + CHAPTER, served, viewport={"width": width, "height": 900})
    link = opened.page.locator("a.explained").first
    opened.page.keyboard.press("Tab")  # from now on the browser shows where the focus is
    link.focus()
    shown = link.evaluate("link => getComputedStyle(link, '::after').content")
    assert link.get_attribute("title") in shown
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.page.locator("h1").first.evaluate("() => document.activeElement.blur()")
    assert link.evaluate("link => getComputedStyle(link, '::after').content") == "none"
    assert not opened.complaints
