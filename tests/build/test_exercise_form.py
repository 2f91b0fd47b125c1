"""Every chapter has graded exercises for all, with hints and solutions; some check themselves."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from linrep_site.exercises import LEVELS

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("*/*.ipynb"))
WITHOUT_KERNEL = {"the-lab"}  # done by hand in the page
OPTION = r"^:{}: *(.*)$"


@cache
def text_of(path: Path) -> str:
    """The markdown of a chapter."""
    return "\n\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")


def exercises_in(text: str) -> list[dict[str, str]]:
    """The exercises of a text: their options, and what they ask."""
    found = []
    for fence, body in re.findall(r"^(`{3,})\{exercise\}[^\n]*\n(.*?)^\1\s*$", text, re.M | re.S):
        options = {
            name: match[1].strip()
            for name in ("label", "level", "minutes")
            if (match := re.search(OPTION.format(name), body, re.M))
        }
        found.append({"fence": fence, "body": re.sub(r"^:\w+:.*\n", "", body, flags=re.M), **options})
    return found


def hints_in(text: str) -> dict[str, str]:
    """The hints of a text by their exercise's label."""
    return dict(re.findall(r"^`{3,}\{exercise-hint\} (\S+)\n(.*?)^`{3,}\s*$", text, re.M | re.S))


def solutions_in(text: str) -> list[str]:
    """The labels that have a solution."""
    return re.findall(r"^`{3,}\{solution(?:-start)?\} (\S+)", text, re.M)


def test_what_is_read_is_what_is_written():
    text = (
        "```{exercise} One\n:label: ex-a\n:level: easy\n:minutes: 10\nWhy?\n```\n```{exercise-hint} ex-a\nAsk.\n```\n"
    )
    assert exercises_in(text) == [{"fence": "```", "body": "Why?\n", "label": "ex-a", "level": "easy", "minutes": "10"}]
    assert hints_in(text) == {"ex-a": "Ask.\n"}
    assert solutions_in("````{solution-start} ex-a\n````\n```{solution} ex-b\n```") == ["ex-a", "ex-b"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_five_exercises_each_graded_with_a_hint_and_a_solution(path):
    text = text_of(path)
    asked = exercises_in(text)
    assert len(asked) >= 5
    for exercise in asked:
        assert exercise.get("level") in LEVELS, exercise
        assert 1 <= int(exercise.get("minutes", 0)) <= 240, exercise
    labels = [exercise["label"] for exercise in asked]
    assert list(hints_in(text)) == labels, "each has one hint, right after it"
    assert sorted(solutions_in(text)) == sorted(labels)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_there_is_something_easy_and_something_hard(path):
    levels = {exercise.get("level") for exercise in exercises_in(text_of(path))}
    assert {"easy", "medium"} <= levels
    assert levels & {"hard", "open"}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_hint_asks_and_does_not_repeat_the_question(path):
    text = text_of(path)
    bodies = {exercise["label"]: exercise["body"] for exercise in exercises_in(text)}
    for label, hint in hints_in(text).items():
        assert 15 <= len(hint.strip()) <= 600, label
        assert hint.strip() not in bodies.get(label, ""), label


@pytest.mark.parametrize(
    "path", [path for path in CHAPTERS if path.stem not in WITHOUT_KERNEL], ids=lambda path: path.stem
)
def test_two_or_more_check_themselves(path):
    code = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
    assert len(set(re.findall(r'exercises\.check\(\s*"(ex-[\w-]+)"', code))) >= 2
