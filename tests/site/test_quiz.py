"""Questions of the chapters: each answer says whether it is right and why, by keyboard and without scripts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Visit
from playwright.sync_api import Page, expect
from selectolax.lexbor import LexborHTMLParser

PAGE = "book/proofs/log-odds.html"


@pytest.mark.site
def test_every_question_has_one_right_answer_and_words_for_each(site: Path) -> None:
    questions = 0
    for path in sorted((site / "book").glob("*/*.html")):
        for quiz in LexborHTMLParser(path.read_text("utf8")).css(".quiz"):
            questions += 1
            assert len(quiz.css(".is-right")) == 1, path
            assert len(quiz.css(".is-wrong")) >= 1, path
            assert all(len(words.text().split()) > 1 for words in quiz.css(".quiz-said")), path
            names = {button.attributes["name"] for button in quiz.css("input")}
            assert len(names) == 1, path
    assert questions > 50


def said(page: Page, kind: str) -> str:
    """What is visible of the words on answers of a kind."""
    return " ".join(page.locator(f".quiz >> nth=0 >> .{kind} .quiz-said:visible").all_inner_texts())


@pytest.mark.browser
def test_the_arrow_keys_choose_and_each_choice_is_spoken(served: str, visit: Callable[..., Visit]) -> None:
    opened = visit(served + PAGE, served)
    page, quiz = opened.page, opened.page.locator(".quiz").first
    kinds = [each.get_attribute("class").split()[1] for each in quiz.locator(".quiz-answer").all()]
    assert not said(page, "is-right") + said(page, "is-wrong")
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    for kind in kinds:
        other = ({"is-right", "is-wrong"} - {kind}).pop()
        expect(quiz.get_by_role("status")).to_have_text("Right." if kind == "is-right" else "Not this one.")
        assert said(page, kind)
        assert not said(page, other)
        page.keyboard.press("ArrowDown")
    assert {"is-right", "is-wrong"} == set(kinds)
    assert not opened.complaints


@pytest.mark.browser
def test_without_scripts_a_choice_still_shows_its_words(served: str, visit: Callable[..., Visit]) -> None:
    page = visit(served + PAGE, served, java_script_enabled=False).page
    right = page.locator(".quiz").first.locator(".is-right")
    expect(right.locator(".quiz-said")).to_be_hidden()
    right.locator("input").check()
    expect(right.locator(".quiz-said")).to_be_visible()
