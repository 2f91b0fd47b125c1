"""A question that nobody can answer, or an answer that teaches nothing, stops the build."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small_books import build

pytestmark = pytest.mark.slow

SOUND = """# A title

```{quiz} How much is $1 + 1$?
* [ ] 3

  One too many.
* [x] $2$

  As everybody *knows*.
```
"""
QUESTION = SOUND.partition("\n\n")[2]
FAULTS = {
    "two right answers": (QUESTION.replace("[ ]", "[x]"), "exactly one of them marked"),
    "an unmarked answer": (QUESTION.replace("[ ] ", ""), "must mark each answer"),
    "an answer without words": (QUESTION.replace("  One too many.\n", ""), "must say something about each answer"),
}


def test_a_sound_question_has_its_answers_their_words_and_formulas(small_book: Path) -> None:
    status, said = build(small_book, SOUND)
    assert status == 0, said
    (quiz,) = BeautifulSoup((small_book / "_build/html/book/index.html").read_text("utf8"), "html.parser").select(
        ".quiz"
    )
    assert quiz.legend.select_one(".katex")
    assert [answer["class"][1] for answer in quiz.select(".quiz-answer")] == ["is-wrong", "is-right"]
    assert [words.get_text().strip() for words in quiz.select(".quiz-said")] == ["One too many.", "As everybody knows."]
    assert quiz.select("label")[1].select_one(".katex")


def test_questions_without_an_answer_stop_the_build(small_book: Path) -> None:
    """All at once, since each build takes seconds."""
    status, said = build(small_book, "# A title\n\n" + "\n".join(fault for fault, _ in FAULTS.values()))
    assert status != 0
    assert [name for name, (_, complaint) in FAULTS.items() if complaint not in said] == [], said
