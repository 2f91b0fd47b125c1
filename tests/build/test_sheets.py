"""The pages for who teaches are made from the chapters and from data, and say so when something is missing."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small_books import build, make, small_project

pytestmark = pytest.mark.slow

EXERCISE = """(sec-here)=
# A title

```{exercise} Counting
:label: ex-count
:level: easy
:minutes: 10
How many?
```
```{exercise-hint} ex-count
Look at {ref}`sec-here`, and at $m$.
```
```{solution} ex-count
:label: sol-count
Two.
```
"""
SETTINGS = """[[setting]]
name = "the box"
chapter = "sec-here"
address = "m=3&d=3"
guess = "Which *figure*?"
comes = "A box."
step = 1000
"""
FAULTS = {
    "a hint to nothing": ("```{exercise-hint} ex-other\nAsk.\n```\n", "a hint must follow its exercise"),
    "a level nobody knows": ("```{exercise} A\n:level: trivial\n:label: ex-a\nWhy?\n```\n", '"trivial" unknown'),
    "minutes in words": ("```{exercise} B\n:minutes: ten\n:label: ex-b\nWhy?\n```\n", "ten"),
}


def test_exercise_hint_sheet_and_settings(small_book: Path) -> None:
    (small_book / "book/settings.toml").write_text(SETTINGS)
    page = EXERCISE + "\n```{exercise-sheet}\n```\n\n```{class-settings} settings.toml\n```\n"
    status, said = build(small_book, page)
    assert status == 0, said
    html = BeautifulSoup((small_book / "_build/html/book/index.html").read_text("utf8"), "html.parser")

    assert html.select_one("#ex-count .effort").get_text() == "easy · 10 minutes"
    hint = html.select_one("details.exercise-hint")
    assert not hint.has_attr("open")
    assert hint.select_one(".katex")

    row, total = html.select("table.exercise-sheet tbody tr")
    cells = [" ".join(cell.get_text().split()) for cell in row.select("td")]
    assert cells[0] == "1 Counting"
    assert cells[1:3] == ["easy", "10"]
    assert cells[3].startswith("Look at A title, and at")
    assert "that is the share of entries that are not zero" in cells[3]  # what the check of this label says
    assert [link["href"] for link in row.select("a")] == ["#ex-count", "#sec-here", "#sol-count"]
    assert [cell.get_text().strip() for cell in total.select("td")] == ["1 exercises", "", "10", "", ""]

    (setting,) = html.select("table.class-settings tbody tr")
    assert setting.a["href"] == "the-lab.html#lab=1&m=3&d=3"
    assert setting.em.get_text() == "figure"
    assert "(step 1,000)" in setting.get_text()


def test_what_is_missing_stops_the_build(small_book: Path) -> None:
    """All at once, since each build takes seconds."""
    status, said = build(small_book, "# A title\n\n" + "\n".join(fault for fault, _ in FAULTS.values()))
    assert status != 0
    assert [name for name, (_, complaint) in FAULTS.items() if complaint not in said] == [], said


def test_a_sheet_follows_what_a_chapter_changes(tmp_path: Path) -> None:
    """Sphinx writes pages that have changed, and the sheet has not."""
    book = small_project(tmp_path)
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: book/chapter\n  - file: book/sheet\n"
    )
    (book / "book/index.md").write_text("# A book\n")
    (book / "book/sheet.md").write_text("# A sheet\n\n```{exercise-sheet}\n```\n")
    for hint in ("Look at", "Think of"):
        (book / "book/chapter.md").write_text(EXERCISE.replace("Look at", hint))
        done = make(book, "site")
        assert done.returncode == 0, done.stdout + done.stderr
        page = BeautifulSoup((book / "_build/html/book/sheet.html").read_text("utf8"), "html.parser")
        assert f"{hint} A title" in page.select_one("table.exercise-sheet").get_text()
