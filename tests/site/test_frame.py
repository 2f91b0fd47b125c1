"""What surrounds the text of every page: search, theme, contents, keyboard."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import HEIGHT, NARROW, SITE, Visit, built_pages
from bs4 import BeautifulSoup
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

START = "book/index.html"


@pytest.fixture(params=["http", "file"])
def base(request: pytest.FixtureRequest, site: Path) -> str:
    return request.getfixturevalue("served") if request.param == "http" else SITE.as_uri() + "/"


@pytest.fixture
def start(base: str, visit: Callable[..., Visit]) -> Visit:
    return visit(base + START, base)


def word_of_the_landing_page() -> str:
    """A word that a reader would look for: the longest of the book's title."""
    heading = BeautifulSoup((SITE / START).read_text("utf8"), "html.parser").h1
    return max(re.findall(r"[A-Za-z]{5,}", heading.get_text()), key=len)


def test_search_finds_a_word(start: Visit, base: str) -> None:
    page = start.page
    page.keyboard.press("Control+k")
    page.keyboard.type(word_of_the_landing_page())
    page.keyboard.press("Enter")
    results = page.locator("#search-results li a")
    expect(results.first).to_be_visible(timeout=20_000)
    assert "book/" in results.first.evaluate("link => link.href")
    results.first.click()
    expect(page.locator(".bd-article h1")).to_be_visible()
    assert start.complaints == []


def test_search_for_nonsense_says_that_it_found_nothing(base: str, visit: Callable[..., Visit]) -> None:
    opened = visit(base + "search.html?q=qqxxzz", base)
    expect(opened.page.locator("#search-results")).to_contain_text("did not match", timeout=20_000)
    assert opened.page.locator("#search-results li a").count() == 0
    assert opened.complaints == []


def test_the_root_leads_to_the_landing_page(base: str, visit: Callable[..., Visit]) -> None:
    opened = visit(base + "index.html", base)
    opened.page.wait_for_url("**/" + START)
    assert opened.complaints == []


def test_the_theme_switch_changes_the_colours_and_is_remembered(start: Visit, base: str) -> None:
    page = start.page
    colours = "getComputedStyle(document.body).backgroundColor"
    seen = {page.evaluate(colours)}
    for _ in range(2):
        page.locator(".theme-switch-button:visible").first.click()
        page.mouse.move(0, 0)
        seen.add(page.evaluate(colours))
    assert len(seen) == 2, "the page is always in the same colours"
    mode, colour = page.evaluate(f"[document.documentElement.dataset.mode, {colours}]")
    page.reload()
    assert page.evaluate(f"[document.documentElement.dataset.mode, {colours}]") == [mode, colour]
    assert start.complaints == []


def test_the_contents_open_on_a_phone(base: str, visit: Callable[..., Visit]) -> None:
    opened = visit(base + START, base, viewport={"width": NARROW, "height": HEIGHT}, has_touch=True)
    contents = opened.page.locator(".bd-sidebar-primary nav.bd-links a:visible").first
    assert not contents.is_visible()
    opened.page.locator("button.primary-toggle:visible, .sidebar-toggle.primary-toggle:visible").first.tap()
    expect(contents).to_be_visible()
    assert opened.complaints == []


def test_the_first_press_of_tab_offers_the_text(start: Visit) -> None:
    start.page.keyboard.press("Tab")
    assert start.page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
    assert start.page.locator("#main-content").count() == 1


def test_without_scripts_the_text_and_the_pictures_are_there(base: str, visit: Callable[..., Visit]) -> None:
    with_figures = [page for page in built_pages() if 'class="linrep-figure"' in (SITE / page).read_text("utf8")]
    assert with_figures, "no page of the book has a figure"
    opened = visit(base + with_figures[0], base, java_script_enabled=False)
    picture = opened.page.locator(".linrep-figure img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 300
    expect(opened.page.locator(".bd-article h1")).to_be_visible()
    assert opened.page.locator(".linrep-controls :is(input, button)").count() == 0, "a control that cannot work"
    assert opened.complaints == []
