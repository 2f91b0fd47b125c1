"""Every page of the built site, as readers meet it: from a server and from a folder, without a network."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import HEIGHT, NARROW, SITE, WIDE, Visit, as_page, built_pages
from controls import dead_controls, silent_copy_buttons
from page_checks import (
    LOOK_RULES,
    accessibility_violations,
    missing_pictures,
    shut_boxes,
    stuck_toggles,
    too_wide,
    undrawn_figures,
    untypeset_formulas,
)
from playwright.sync_api import Browser
from playwright.sync_api import Page as BrowserPage
from weights import LAB_PAGE

pytestmark = pytest.mark.browser

PAGES = built_pages()
KINDS = [
    "book/index.html",
    LAB_PAGE,
    "book/model/predicting-the-next-token.html",
    "book/beyond/mechanisms.html",
    "book/simulations/phase-diagram.html",
    "book/slides/part-1.html",
    "book/glossary.html",
    "search.html",
]
# Both widths and both themes, the second by the rules about looks: what a width shows or hides is the frame of every
# page, so all rules and all four pairs are for pages that have one of each kind (`..._in_any_look`).
LOOKS = [(WIDE, "light", None), (NARROW, "dark", LOOK_RULES)]


def none(complaints: list[str]) -> None:
    assert not complaints, "\n" + "\n".join(complaints)


def look_at(page: BrowserPage, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    # without motion, since a colour on its way from light to dark has neither's contrast
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)


def test_the_site_is_built(site: Path) -> None:
    assert "book/index.html" in PAGES


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")])
@pytest.mark.parametrize("page", ["book/index.html", LAB_PAGE, "book/simulations/phase-diagram.html"])
def test_axe_finds_no_violation_in_any_look(
    visit: Callable[..., Visit], served: str, page: str, width: int, theme: str
) -> None:
    opened = visit(served + page, served, viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
    none(shut_boxes(opened.page))
    none(undrawn_figures(opened.page))
    look_at(opened.page, width, theme)
    none(accessibility_violations(opened.page))


class Page:
    """A page that is opened once; the tests follow one another as a reader's acts do."""

    open_boxes: Callable[[BrowserPage], list[str]]  # solutions, proofs, hidden cells: complaints about them

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, page: str, base: str, browser: Browser) -> Iterator[Visit]:
        visit = Visit(browser, base + as_page(page), base)
        yield visit
        visit.close()

    def test_a_picture_stands_where_a_figure_will_be(self, opened: Visit) -> None:
        none(missing_pictures(opened.page))
        assert opened.page.locator(".js-plotly-plot").count() == 0, "plotly came before the reader did"

    def test_boxes_open(self, opened: Visit) -> None:
        none(self.open_boxes(opened.page))

    def test_figures_draw_when_the_reader_arrives(self, opened: Visit) -> None:
        none(undrawn_figures(opened.page))
        none(untypeset_formulas(opened.page))

    def test_code_can_be_copied(self, opened: Visit) -> None:
        none(silent_copy_buttons(opened.page))


class TestFromFolder(Page):
    """Every page, whole, as from a memory stick: from there a browser lets a page do less than from a server."""

    @pytest.fixture(scope="class", params=PAGES)
    @classmethod
    def page(cls, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture(scope="class")
    @classmethod
    def base(cls, site: Path) -> str:
        return SITE.as_uri() + "/"

    open_boxes = staticmethod(stuck_toggles)

    @pytest.mark.parametrize(("width", "theme", "rules"), LOOKS)
    def test_axe_finds_no_violation(self, opened: Visit, width: int, theme: str, rules: list[str] | None) -> None:
        look_at(opened.page, width, theme)
        none(accessibility_violations(opened.page, rules))

    def test_nobody_scrolls_sideways(self, opened: Visit) -> None:
        opened.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        none(too_wide(opened.page))

    def test_every_control_changes_something(self, opened: Visit) -> None:
        """On slides one of each figure, whose others are walked in its chapter: it is the same figure."""
        opened.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        _, dead = dead_controls(opened.page, one_a_box="/slides/" in opened.page.url)
        none(dead)

    def test_nothing_failed_and_nothing_came_from_elsewhere(self, opened: Visit) -> None:
        none(opened.complaints)


class TestFromServer(Page):
    """A page of each kind: from a server only the types of files differ, and where the lab gets its worker from."""

    @pytest.fixture(scope="class", params=KINDS)
    @classmethod
    def page(cls, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture(scope="class")
    @classmethod
    def base(cls, served: str) -> str:
        return served

    open_boxes = staticmethod(shut_boxes)

    def test_labs_answer(self, opened: Visit) -> None:
        _, dead = dead_controls(opened.page, ".linrep-lab", one_a_box=True)
        none(dead)

    def test_nothing_failed_and_nothing_came_from_elsewhere(self, opened: Visit) -> None:
        none(opened.complaints)
