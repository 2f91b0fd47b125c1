"""The map of chapters draws what the chapters say they need, and every chapter says it."""

import json
import re
from pathlib import Path

import pytest
import yaml
from linrep_site.prerequisites import needs_graph, places_of

ROOT = Path(__file__).resolve().parents[2]
PARTS = [part for part in yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"] if "Part" in part.get("caption", "")]
CHAPTERS = [chapter["file"] for part in PARTS for chapter in part["chapters"]]
WITHOUT_HEAD = {"book/proofs/all-statements"}  # a table to look things up in


def head(chapter: str) -> str:
    """The text of a chapter up to its first code."""
    cells = json.loads((ROOT / f"{chapter}.ipynb").read_text("utf8"))["cells"]
    return "".join(cells[0]["source"])


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name not in WITHOUT_HEAD])
def test_a_chapter_begins_with_a_question_a_promise_its_needs_and_a_time(chapter: str) -> None:
    text = head(chapter)
    assert re.search(r"^\*[^*\n]+\?\*", text, re.M), "no question in italics"
    for words in ("**You will be able to**", "**You need**", "**Time**"):
        assert words in text, words
    assert re.search(r"\*\*Time\*\*: \d+ minutes", " ".join(text.split()))


def test_an_arrow_goes_from_the_chapter_that_is_needed() -> None:
    graph = needs_graph({"b": ["sec-a", "sec-outside"], "c": ["sec-b"]}, {"sec-a": "a", "sec-b": "b"}, ["a", "b", "c"])
    assert set(graph.edges) == {("a", "b"), ("b", "c")}


def test_a_need_that_others_imply_is_not_drawn() -> None:
    graph = needs_graph({"b": ["sec-a"], "c": ["sec-a", "sec-b"]}, {"sec-a": "a", "sec-b": "b"}, ["a", "b", "c"])
    assert set(graph.edges) == {("a", "b"), ("b", "c")}


def test_no_two_boxes_lie_on_one_another() -> None:
    parts = {f"Part {i}": [f"{i}-{j}" for j in range(i + 2)] for i in range(5)}
    chapters, titles, height = places_of(parts)
    assert len({*chapters.values(), *titles.values()}) == len(chapters) + len(titles)
    assert all(y < height for _, y in chapters.values())
