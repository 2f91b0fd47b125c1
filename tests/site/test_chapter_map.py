"""The map of chapters on the built page: every chapter is a link, by mouse and by keyboard, and stands in words too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import NARROW, Visit, chapter_pages
from bs4 import BeautifulSoup

PAGE = "book/how-to-read.html"


@pytest.mark.site
def test_every_chapter_of_a_part_is_on_the_map_and_in_words(site: Path) -> None:
    html = BeautifulSoup((site / PAGE).read_text("utf8"), "html.parser")
    drawn = [link["href"] for link in html.select(".chapter-map a")]
    chapters = {page.removeprefix("book/") for page in chapter_pages()}
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {page for page in chapters if not page.startswith("lab/")}
    assert {link["href"] for link in html.select(".chapter-map-words li > a")} == set(drawn)
    assert len(html.select(".chapter-map path")) > len(drawn) / 2


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, NARROW])
def test_a_chapter_shows_its_lines_and_leads_to_itself(served: str, visit: Callable[..., Visit], width: int) -> None:
    opened = visit(served + PAGE, served, viewport={"width": width, "height": 900})
    page = opened.page
    line = page.locator(".chapter-map path").first
    number = line.get_attribute("class").split()[0].removeprefix("from-")
    before = line.evaluate("line => getComputedStyle(line).strokeWidth")
    page.locator(f".chapter-map .at-{number}").focus()
    assert line.evaluate("line => getComputedStyle(line).strokeWidth") != before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    address = page.locator(f".chapter-map .at-{number}").get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{address}")
    assert not opened.complaints
