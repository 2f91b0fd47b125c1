"""Every exercise that checks itself accepts its right answer, and tells each typical mistake in words of its own."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from linrep_core import exercises
from linrep_core.exercises.checking import EXERCISES, Array, Choice, Members, Mistake, Number, answer, condition

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted(BOOK.glob("*/*.ipynb"))
LABELS = exercises.labels()


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.setattr("linrep_core.exercises.checking.EXERCISES", made := {})
    return made


@pytest.mark.parametrize("label", LABELS)
def test_the_right_answer_is_right(label):
    asked = exercises.exercise(label)
    right = asked.right()
    started = time.process_time()
    verdict = asked.judge(right)
    assert verdict.right, verdict.words
    assert verdict.words == asked.because
    assert time.process_time() - started < 10, "an answer should not have to be waited for"


@pytest.mark.parametrize("label", LABELS)
def test_each_mistake_is_told_in_its_own_words(label):
    asked = exercises.exercise(label)
    verdicts = [asked.judge(mistake()) for mistake in asked.mistakes]
    words = [verdict.words for verdict in verdicts]
    assert not any(verdict.right for verdict in verdicts)
    assert all(len(said.split()) >= 3 for said in words)
    assert len(set(words)) == len(words) >= 2, words


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "nonsense",
    [None, "no answer", object(), {}, [[1], [2, 3]], float("nan"), 1j, True],
    ids=lambda given: type(given).__name__,
)
def test_nonsense_is_told_what_is_waited_for(label, nonsense):
    verdict = exercises.judge(label, nonsense)
    assert not verdict.right or nonsense is True  # which may be the answer to a question
    assert verdict.words or verdict.right


@cache
def checks_in_the_book():
    """Every call of `check` in a notebook: page, label, whether it has an answer, what was printed."""
    calls = []
    for page in PAGES:
        for cell in (cell for cell in nbformat.read(page, 4).cells if cell.cell_type == "code"):
            printed = "".join(output.get("text", "") for output in cell.outputs)
            found = re.findall(r'exercises\.check\(\s*"([^"]+)"(.)', cell.source)
            calls += [(page, label, after == ",", printed) for label, after in found]
    return calls


@cache
def homes():
    """The pages on which each label is given to something."""
    found = {}
    for page in PAGES:
        for label in re.findall(r":label: (ex-[\w-]+)\\n", page.read_text("utf8")):
            found.setdefault(label, []).append(page)
    return found


@pytest.mark.parametrize("label", LABELS)
def test_the_book_asks_it_and_answers_it(label):
    calls = [(page, answered, printed) for page, found, answered, printed in checks_in_the_book() if found == label]
    assert {page for page, *_ in calls} == set(homes()[label]), "checked on the page of its exercise"
    open_calls = [printed for _, answered, printed in calls if not answered]
    assert len(open_calls) == 1, "one cell waits for the reader's answer"
    assert f"{label} waits for" in open_calls[0]
    assert any("Right" in printed for _, answered, printed in calls if answered), "its solution passes"


def test_every_check_in_the_book_is_known():
    assert {label for _, label, _, _ in checks_in_the_book()} == set(LABELS)


def test_check_prints_what_judge_says(capsys):
    exercises.check("ex-count")
    assert capsys.readouterr().out.startswith("ex-count waits for the share of zeros")
    exercises.check("ex-count", (2 / 3) ** 6)
    assert capsys.readouterr().out == "Not yet: that is the share of entries that are not zero\n"
    exercises.check("ex-count", torch.tensor(1 - (2 / 3) ** 6))
    assert capsys.readouterr().out.startswith("Right: It tends to 1")


@pytest.mark.parametrize("label", ["ex-cuont", "", None, 3])
def test_an_unknown_label_is_an_error_that_helps(label):
    with pytest.raises(ValueError, match=r"^label must be .*, got " + re.escape(repr(label))):
        exercises.check(label)


WRONG_NUMBERS = [
    (-2.0, "the sign is not"),
    (2 / np.log(2), "in bits"),
    (200, "per cent"),
    (4.0, "twice"),
    (1.0, "half"),
    (2.5, "too large"),
    (1.7, "too small"),
    ("2", "array of real numbers"),
    (True, "must be one number"),
    ([1.0, 2.0], "must be one number"),
    (float("inf"), "finite"),
]


@pytest.mark.parametrize(("given", "words"), WRONG_NUMBERS, ids=str)
def test_numbers(empty_registry, given, words):
    answer("ex", asks="a number", kind=Number(), right=lambda: 2.0, mistakes=[Mistake(lambda: 0, "zero")] * 2)
    judge = empty_registry["ex"].judge
    assert judge(2.01).right
    assert judge(np.array([[2.0]])).right
    assert not judge(given).right
    assert words in judge(given).words


WRONG_ARRAYS = [
    ([[1, 2], [3, 4], [5, 6]], "its shape is (3, 2)"),
    ([[-1, -2, -3], [-4, -5, -6]], "all signs"),
    ([[3, 2, 1], [6, 5, 4]], "their order is not"),
    ([[1, 2, 3], [4, 0, 6]], "1 of 6 entries are wrong; the first is at [1, 1], 0"),
    ([1, 2, 3], "must have shape"),
]


@pytest.mark.parametrize(("given", "words"), WRONG_ARRAYS, ids=str)
def test_arrays(empty_registry, given, words):
    right = [[1, 2, 3], [4, 5, 6]]
    zeros = Mistake(lambda: np.zeros((2, 3)), "nothing")
    answer("ex", asks="an array", kind=Array(("n", "m")), right=lambda: right, mistakes=[zeros] * 2)
    judge = empty_registry["ex"].judge
    assert judge(torch.tensor(right)).right
    assert judge(np.zeros((2, 3))).words == "nothing"
    assert not judge(given).right
    assert words in judge(given).words


def test_a_square_array_may_be_turned_round(empty_registry):
    mistakes = [Mistake(lambda: np.zeros((2, 2)), "nothing")] * 2
    answer("ex", asks="an array", kind=Array((2, 2)), right=lambda: [[1, 2], [3, 4]], mistakes=mistakes)
    assert empty_registry["ex"].judge([[1, 3], [2, 4]]).words == "rows and columns are exchanged"


def test_choices_and_sets(empty_registry):
    mistakes = [Mistake(lambda: "left", "it is the other left"), Mistake(lambda: "up", "it lies")]
    answer("side", asks="a side", kind=Choice(("left", "right", "up")), right=lambda: "right", mistakes=mistakes)
    judge = empty_registry["side"].judge
    assert judge(" Right ").right
    assert judge("left").words == "it is the other left"
    assert "must be one of 'left', 'right', 'up'" in judge("down").words
    mistakes = [Mistake(set, "there are some"), Mistake(lambda: [(0, 1)], "one is not enough")]
    pairs = Members(unordered_pairs=True)
    answer("set", asks="edges", kind=pairs, right=lambda: [(0, 1), (1, 2)], mistakes=mistakes)
    judge = empty_registry["set"].judge
    assert judge({(1, 0), (2, 1)}).right
    assert judge([(np.int64(1), 0), (2, 1)]).right
    assert judge([(0, 2), (0, 1)]).words == "1 of 2 are missing and (0, 2) does not belong"
    assert "must be a list" in judge(3).words


def test_wrong_choices_are_all_explained():
    for label in LABELS:
        asked = EXERCISES[label]
        kinds = [cell.cell_contents for cell in asked.fault.__closure__ or () if isinstance(cell.cell_contents, Choice)]
        for kind in kinds:
            told = {kind.read(mistake()) for mistake in asked.mistakes}
            assert told == set(kind.choices) - {kind.read(asked.right())}, label


def test_conditions(empty_registry):
    @condition("even", asks="an even number", right=lambda: 2, mistakes=[lambda: 3, lambda: -2])
    def _even(given):
        if given % 2:
            return "it is odd"
        return None if given > 0 else "it is not positive"

    judge = empty_registry["even"].judge
    assert judge(4).right
    assert [judge(given).words for given in (3, -2)] == ["it is odd", "it is not positive"]


def test_registering_twice_or_with_one_mistake_is_an_error(empty_registry):
    two = [Mistake(lambda: 1, "one"), Mistake(lambda: 3, "three")]
    answer("ex", asks="a number", kind=Number(), right=lambda: 2, mistakes=two)
    with pytest.raises(ValueError, match="label must be new, got 'ex'"):
        answer("ex", asks="a number", kind=Number(), right=lambda: 2, mistakes=two)
    with pytest.raises(ValueError, match="mistakes must be at least two, got 1"):
        answer("other", asks="a number", kind=Number(), right=lambda: 2, mistakes=two[:1])
