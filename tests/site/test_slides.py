"""Slides in a browser: each one fits, what is alive works, and nothing needs a server, a network or a script."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import SITE, Visit
from bs4 import BeautifulSoup
from page_checks import accessibility_violations
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

DECKS = sorted(path.relative_to(SITE).as_posix() for path in (SITE / "book" / "slides").glob("part-*.html"))
FIRST = "book/slides/part-1.html"
PROJECTOR = {"width": 1280, "height": 720}
PATIENCE = 60_000  # milliseconds, on a busy machine
READABLE = 20  # pixels, of text to be read from the last row

READY = "window.linrepDeck?.isReady()"
STEP = "document.querySelector('section.present .linrep-lab').lab?.report()?.step"

# What of the present slide lies outside it, or can be seen only by scrolling.
_OUTSIDE = """() => {
  const slide = window.linrepDeck.getCurrentSlide(), room = slide.getBoundingClientRect(), found = [];
  const foot = slide.querySelector(".deck-from")?.getBoundingClientRect().top ?? room.bottom;
  for (const part of slide.querySelectorAll("*")) {
    if (part.closest(".notes, .deck-from, .katex, .linrep-plot, svg, .quiz-verdict, .ll-spoken, .ll-unseen")) continue;
    const box = part.getBoundingClientRect();
    const inside = box.bottom <= foot + 1 && box.top >= room.top && box.right <= room.right + 1 &&
      box.left >= room.left;
    if (box.width && box.height && !inside)
      found.push(`${part.tagName} ${part.className} ${part.textContent.trim().slice(0, 40)}`);
    if (part.matches("pre, .katex-display, table") && part.scrollWidth > part.clientWidth + 1)
      found.push(`scrolls: ${part.textContent.trim().slice(0, 40)}`);
  }
  for (const figure of slide.querySelectorAll(".linrep-stage"))
    if (figure.clientHeight < 0.4 * room.height) found.push(`a figure only ${figure.clientHeight} pixels high`);
  return found.map(words => slide.id + ": " + words);
}"""

_SMALL_TEXT = """least => [...document.querySelectorAll(".slides section :is(p, li, legend, label, .guess)")]
  .filter(part => !part.closest(".notes, .deck-from, .linrep-lab, .linrep-figure, .quiz-said"))
  .filter(part => parseFloat(getComputedStyle(part).fontSize) < least).map(part => part.textContent.slice(0, 40))"""


def slides_of(deck: str) -> list[str]:
    """Ids of the slides of a deck in their order, read from the page."""
    page = BeautifulSoup((SITE / deck).read_text("utf8"), "html.parser")
    return [section["id"] for section in page.select("section") if not section.select("section")]


def where(page: Page) -> str:
    return page.evaluate("window.linrepDeck.getCurrentSlide().id")


@pytest.fixture
def open_deck(site: Path, visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """Open a deck from its folder, as from a memory stick."""

    def open_it(deck: str, after: str = "", **context: object) -> Visit:
        options = {"viewport": PROJECTOR, "reduced_motion": "reduce", **context}
        opened = visit(f"{(SITE / deck).as_uri()}{after}", SITE.as_uri(), **options)
        opened.page.wait_for_function(READY, timeout=PATIENCE)
        return opened

    return open_it


def test_there_is_a_deck_for_every_part() -> None:
    assert [Path(deck).stem for deck in DECKS] == [f"part-{number}" for number in range(1, 7)]


@pytest.mark.parametrize("deck", DECKS)
def test_arrows_walk_all_slides_and_each_fits(open_deck: Callable[..., Visit], deck: str) -> None:
    opened = open_deck(deck)
    page, seen, outside = opened.page, [], []
    for _ in slides_of(deck):
        seen.append(where(page))
        outside += page.evaluate(_OUTSIDE)
        page.keyboard.press("ArrowRight")
    assert seen == slides_of(deck)
    assert where(page) == seen[-1], "the last slide is the end"
    assert outside == []
    assert page.evaluate(_SMALL_TEXT, READABLE) == []
    page.keyboard.press("Home")
    assert where(page) == seen[0]
    assert opened.complaints == []


def test_a_figure_draws_itself_and_follows_the_pointer(open_deck: Callable[..., Visit]) -> None:
    """Slides are laid out and not scaled, so the mark that is named is the one that the pointer is over."""
    opened = open_deck(FIRST, "#left-of-the-price-there-is-no-box", viewport={"width": 1920, "height": 1080})
    page = opened.page
    page.mouse.move(5, 5)
    page.wait_for_selector("section.present .linrep-figure[data-state=drawn]", timeout=PATIENCE)
    plot = page.locator("section.present .linrep-plot")
    stage = page.locator("section.present .linrep-stage").bounding_box()
    assert plot.locator(".main-svg").first.bounding_box() == pytest.approx(stage, abs=1)
    marks = plot.locator(".scatterlayer .trace").nth(1).locator("path.point")
    box = marks.nth(3).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    label = plot.locator(".hoverlayer .hovertext")
    expect(label.first).to_be_visible(timeout=PATIENCE)
    meant = plot.evaluate("plot => [plot.data[1].x[3], plot.data[1].y[3]]")
    found = page.evaluate(
        "() => document.querySelector('section.present .linrep-plot')._hoverdata.map(p => [p.x, p.y])"
    )
    assert meant in found
    assert opened.complaints == []


def test_the_lab_trains_on_its_slide_and_keeps_its_keys(open_deck: Callable[..., Visit]) -> None:
    opened = open_deck(FIRST, "#one-dimension-more")
    page = opened.page
    play = page.locator("section.present .ll-play")
    play.click(timeout=PATIENCE)
    page.wait_for_function(f"{STEP} >= 100", timeout=PATIENCE)
    play.click()
    slider = page.locator("section.present [data-field=d]")
    slider.focus()
    before = slider.input_value()
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == int(before) + 1
    assert where(page) == "one-dimension-more"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    assert where(page) != "one-dimension-more"
    page.keyboard.press("ArrowRight")
    slider.focus()
    page.keyboard.press("PageUp")
    assert where(page) != "one-dimension-more", "a remote control moves the slides, whatever has the focus"
    assert opened.complaints == []


def test_a_question_is_answered_by_keys(open_deck: Callable[..., Visit]) -> None:
    opened = open_deck("book/slides/part-2.html", "#what-is-left")
    page = opened.page
    page.locator("section.present .quiz input").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("section.present .quiz input").nth(1)).to_be_checked()
    expect(page.locator("section.present .quiz-said:visible")).to_have_count(1)
    assert where(page) == "what-is-left"
    assert page.evaluate(_OUTSIDE) == []


def test_the_speaker_sees_the_notes(open_deck: Callable[..., Visit]) -> None:
    opened = open_deck(FIRST)
    with opened.page.expect_popup() as opening:
        opened.page.keyboard.press("s")
    speaker = opening.value
    notes = speaker.locator(".speaker-controls-notes .value")
    opened.page.keyboard.press("ArrowRight")
    expected = opened.page.evaluate("window.linrepDeck.getCurrentSlide().querySelector('.notes').textContent")
    for words in re.findall(r"\w+ min, from \d+ to \d+", expected):
        expect(notes).to_contain_text(words, timeout=PATIENCE)
    expect(speaker.frame_locator("#current-slide iframe").locator("section.present h2")).to_be_visible(timeout=PATIENCE)
    assert opened.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_slides(open_deck: Callable[..., Visit], theme: str) -> None:
    """All that stands on slides is looked at as a page (`test_pages`); here two of them and what is around them."""
    opened = open_deck(FIRST, color_scheme=theme)
    for slide in ("what-straight-means", "one-dimension-more"):
        # not by the address: the deck writes its own there a second after a move, and may write over it
        opened.page.evaluate(
            "id => { const { h, v } = linrepDeck.getIndices(document.getElementById(id)); linrepDeck.slide(h, v); }",
            slide,
        )
        assert where(opened.page) == slide
        assert accessibility_violations(opened.page) == []
    assert opened.page.evaluate("document.documentElement.dataset.theme") == theme
    opened.page.keyboard.press("t")
    assert opened.page.evaluate("document.documentElement.dataset.theme") != theme


def test_without_scripts_a_deck_is_a_page(site: Path, visit: Callable[..., Visit]) -> None:
    opened = visit((SITE / FIRST).as_uri(), SITE.as_uri(), viewport=PROJECTOR, java_script_enabled=False)
    for heading in opened.page.locator("main :is(h1, h2, h3)").all():
        expect(heading).to_be_visible()
    assert opened.page.locator("main :is(h1, h2, h3)").count() == len(slides_of(FIRST))
    expect(opened.page.locator("main .notes").last).to_be_visible()
    assert opened.page.locator(".deck-nav a:visible").count() == 2, "a link that only a script could follow"
    assert opened.complaints == []


@pytest.mark.parametrize("after", ["", "?page"])
def test_paper_gets_one_slide_a_page(open_deck: Callable[..., Visit], visit: Callable[..., Visit], after: str) -> None:
    opened = visit((SITE / FIRST).as_uri() + after, SITE.as_uri(), viewport=PROJECTOR)
    if not after:
        opened.page.wait_for_function(READY, timeout=PATIENCE)
    paper = opened.page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type /Page\b", paper)) == len(slides_of(FIRST))
