"""The map of the phase diagram: a cell that is pointed at or touched tells its numbers and opens the lab."""

import re
from pathlib import Path

import pytest
from browsing import NARROW, Visit
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.site]
CHAPTER = "book/simulations/phase-diagram.html"


def drawn_map(visit: Visit) -> Locator:
    """The figure with the told line, drawn and in view."""
    figure = visit.page.locator(".linrep-figure", has=visit.page.locator(".linrep-told"))
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-state", "drawn", timeout=30_000)
    return figure


def place_of_cell(figure: Locator, m: int, d: int) -> dict[str, float]:
    """Where on the page the middle of a cell is, by the figure's own axes."""
    x, y = figure.locator(".js-plotly-plot").evaluate(
        """(plot, [m, d]) => {
          const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
          return [box.left + xaxis._offset + xaxis.d2p(d), box.top + yaxis._offset + yaxis.d2p(m)];
        }""",
        [m, d],
    )
    return {"x": x, "y": y}


def test_a_cell_that_is_pointed_at_tells_its_numbers_and_opens_the_lab(visit, site: Path) -> None:
    opened = visit((site / CHAPTER).as_uri(), site.as_uri())
    figure = drawn_map(opened)
    told, link = figure.locator(".linrep-told"), figure.locator(".linrep-told a")
    expect(link).to_be_hidden()
    opened.page.mouse.move(**place_of_cell(figure, 4, 6))
    expect(told).to_contain_text(re.compile(r"m = 4, d = 6: cosine 0\.\d\d, alignment 0\.\d\d"))
    opened.page.mouse.move(**place_of_cell(figure, 3, 3))
    expect(told).to_contain_text("m = 3, d = 3")
    link.click()
    expect(opened.page.locator(".linrep-lab").first).to_be_visible(timeout=30_000)
    assert "book/lab/the-lab.html" in opened.page.url
    assert re.search(r"[#&]m=3(&|$)", opened.page.url)
    assert not opened.complaints


def test_a_cell_that_is_touched_tells_its_numbers(visit, site: Path) -> None:
    size = {"width": NARROW, "height": 780}
    opened = visit((site / CHAPTER).as_uri(), site.as_uri(), viewport=size, has_touch=True)
    figure = drawn_map(opened)
    opened.page.touchscreen.tap(**place_of_cell(figure, 4, 2))
    expect(figure.locator(".linrep-told")).to_contain_text("m = 4, d = 2")
    assert not opened.complaints


def test_another_way_of_training_tells_other_numbers(visit, site: Path) -> None:
    opened = visit((site / CHAPTER).as_uri(), site.as_uri())
    figure = drawn_map(opened)
    told = figure.locator(".linrep-told")
    words = set()
    for number in ("0", "1"):
        figure.get_by_label("How it was trained").select_option(number)
        opened.page.mouse.move(5, 5)
        opened.page.mouse.move(**place_of_cell(figure, 4, 8))
        expect(told).to_contain_text("m = 4, d = 8")
        words.add(told.inner_text())
    assert len(words) == 2
