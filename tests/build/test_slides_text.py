"""What a deck says: notes on every slide, a guess before a result, a lesson's length; and what stops the build."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from linrep_site.pieces import find
from small_books import build

ROOT = Path(__file__).resolve().parents[2]
DECKS = sorted((ROOT / "book" / "slides").glob("part-*.md"))
LESSON = range(45, 66)  # minutes
SLIDES = range(10, 18)


def slides(deck: Path) -> list[str]:
    """The text of each slide, its heading first."""
    text = deck.read_text("utf8").split("---\n", 2)[2]
    return [part for part in re.split(r"^(?=#{1,3} )", text, flags=re.M) if part.strip()]


def test_every_part_of_the_book_has_a_deck() -> None:
    parts = re.findall(r'caption: "(Part .*)"', (ROOT / "_toc.yml").read_text("utf8"))
    assert [slides(deck)[0].splitlines()[0].removeprefix("# ") for deck in DECKS] == parts


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_a_deck_is_a_lesson(deck: Path) -> None:
    minutes = [[int(found) for found in re.findall(r"^```\{speaker-notes\} (\d+)$", one, re.M)] for one in slides(deck)]
    assert all(len(found) == 1 for found in minutes), "a slide without notes, or with two"
    assert sum(found[0] for found in minutes) in LESSON
    assert len(minutes) in SLIDES


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_a_guess_comes_before_its_result(deck: Path) -> None:
    kinds = ["guess" if ":::{div} guess" in one else "piece" if "{from-chapter}" in one else "" for one in slides(deck)]
    guesses = [number for number, kind in enumerate(kinds) if kind == "guess"]
    assert len(guesses) >= 3
    assert all(kinds[number + 1] == "piece" for number in guesses)


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_slides_hold_few_words_of_their_own(deck: Path) -> None:
    for one in slides(deck):
        own = re.sub(r"^```\{(?:speaker-notes|from-chapter)\}.*?^```$", "", one, flags=re.M | re.S)
        assert len(own.split()) < 60, own


ENVIRONMENT = SimpleNamespace(
    found_docs={"book/here"},
    domains={"math": SimpleNamespace(equations={})},
    doc2path=lambda page: "here.md",
    get_doctree=lambda page: SimpleNamespace(findall=lambda kind: iter(())),
)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("thm-none", "no statement and no equation has the label 'thm-none'"),
        ("book/elsewhere#no-such", "no page 'book/elsewhere'"),
        ("book/here#no-such", "book/here has no code cell 'no-such'"),
        ("book/here#quiz-1", "has 0 questions"),
    ],
)
def test_a_piece_that_is_not_there_is_named(target: str, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        find(ENVIRONMENT, target)


SOUND = """---
deck: book
---

# A deck

```{speaker-notes} 1
Say *hello*.
```

## A slide

:::{prf:theorem} Nothing
:label: thm-nothing
Nothing is $0$.
:::

```{speaker-notes} 4
Wait.
```

### One below it

```{from-chapter} thm-nothing
```

```{speaker-notes} 2
Ask.
```
"""


@pytest.mark.slow
def test_sections_become_slides_with_what_they_take_from_a_chapter(small_book: Path) -> None:
    status, said = build(small_book, SOUND)
    assert status == 0, said
    page = BeautifulSoup((small_book / "_build/html/book/index.html").read_text("utf8"), "html.parser")
    first, stack = page.select(".deck-slides > section")
    assert first.h1.get_text().startswith("A deck")
    assert [slide.find(["h2", "h3"]).name for slide in stack.find_all("section", recursive=False)] == ["h2", "h3"]
    assert [time.get_text() for time in page.select(".notes .deck-time")] == [
        "1 min, from 0 to 1",
        "4 min, from 1 to 5",
        "2 min, from 5 to 7",
    ]
    own, copied = (box.get_text(" ", strip=True) for box in page.select(".theorem"))
    assert own == copied
    assert "Theorem 1" in copied
    assert page.select_one(".deck-from").get_text() == "From A deck"


@pytest.mark.slow
def test_a_missing_piece_and_missing_notes_stop_the_build(small_book: Path) -> None:
    status, said = build(
        small_book, SOUND.replace("chapter} thm-nothing", "chapter} thm-none").partition("```{speaker-notes} 2")[0]
    )
    assert status != 0
    assert "no statement and no equation has the label 'thm-none'" in said
    assert "a slide has no speaker notes" in said
