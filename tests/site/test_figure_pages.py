"""The data of a figure, as readers come to them: by keyboard, without a script, in both themes, on a phone.

That the numbers are the figure's is the business of `tests/build/test_figure_data.py`.
"""

import re
from pathlib import Path

import pytest
from browsing import HEIGHT, NARROW, SITE, WIDE, built_pages
from page_checks import accessibility_violations, too_wide, undrawn_figures
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.site]

CHAPTER = "book/simulations/table-1.html"
# one of each form: lines side by side, points in space with a slider, a heat map that tells of its cells, notes
PAGES = ["simulations-table-1-1", "identifiability-the-proofs-1", "proofs-orthogonality-1", "proofs-all-statements-1"]


def test_every_figure_has_a_link_to_its_data(site: Path) -> None:
    linked = []
    for page in built_pages():
        html = (site / page).read_text("utf8")
        links = re.findall(r'class="linrep-data"><a href="([^"]+)">The data of this figure, as a table</a>', html)
        assert len(links) == html.count('class="linrep-figure"'), page
        linked += [((site / page).parent / link).resolve() for link in links]
    assert sorted(linked) == sorted((site / "_figures").glob("*.html")), "a page for each figure, and no other"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_data_are_reached_by_keyboard_and_lead_back(visit, site: Path, script: bool) -> None:
    opened = visit((site / CHAPTER).as_uri(), site.as_uri(), java_script_enabled=script)
    page = opened.page
    if script:  # a figure that came alive between two keys would put its own controls in between
        assert undrawn_figures(page) == []
    page.locator(".linrep-data a").nth(1).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    link = page.locator(".linrep-data a:focus")
    expect(link).to_be_visible()
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") != "none", "the focus is not seen"
    page.keyboard.press("Enter")
    page.wait_for_url("**/simulations-table-1-2.html")
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.get_by_role("columnheader", name="m = 3")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/table-1.html#linrep-figure-2")
    expect(page.locator("#linrep-figure-2")).to_be_in_viewport()
    assert not opened.complaints


def test_the_file_can_be_saved(visit, served: str, site: Path) -> None:
    opened = visit(f"{served}_figures/{PAGES[0]}.html", served, accept_downloads=True)
    with opened.page.expect_download() as download:
        opened.page.get_by_role("link", name="as a file").click()
    assert download.value.path().read_bytes() == (site / "_figures" / f"{PAGES[0]}.csv").read_bytes()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(visit, site: Path, name: str) -> None:
    opened = visit((site / "_figures" / f"{name}.html").as_uri(), site.as_uri())
    page = opened.page
    assert "linrep-data.css" in page.content()
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    for theme in ("light", "dark"):
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=theme)
            assert accessibility_violations(page) == [], (theme, width)
    assert too_wide(page) == []
    assert not opened.complaints


def test_the_theme_that_the_reader_chose_is_kept(visit, served: str) -> None:
    opened = visit(f"{served}_figures/{PAGES[0]}.html", served, color_scheme="light")
    page = opened.page
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.evaluate("localStorage.setItem('mode', 'dark')")
    page.reload()
    assert page.evaluate(ground) != light


def test_the_pages_lie_where_the_tests_look() -> None:
    assert all((SITE / "_figures" / f"{name}.html").is_file() for name in PAGES)
