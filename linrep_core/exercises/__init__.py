"""Exercises that check themselves, and say what is wrong.

``check("ex-label")`` says what kind of answer an exercise of the book waits for; ``check("ex-label", answer)`` says
whether that is the answer, and if not, what may have gone wrong: the typical mistakes of each exercise are known by
name. No answer is written down here: the right one is computed by the package, and compared.

How to write a check. Each part of the book has a module here (`model`, `proofs`, `simulations`, ...). An exercise
with one right answer is an `answer`:

    answer(
        "ex-count",
        asks="the share of zeros in the table p(y | x) of six concepts, between 0 and 1",
        kind=Number(),
        right=lambda: share_of_zeros(6),
        mistakes=[
            Mistake(lambda: (2 / 3) ** 6, "that is the share of entries that are not zero"),
            Mistake(lambda: 1 - 2 / 3, "that is the share for one concept; with six, all six must agree"),
        ],
        because="It tends to 1: nearly all that a large world teaches is what cannot follow.",
    )

One with many right answers has a `condition` that they must meet, a function that returns None, or what is wrong:

    @condition("ex-orthogonal", asks="two vectors at right angles, shape (2, 3)", right=lambda: ..., mistakes=[...])
    def _orthogonal(vectors):
        first, second = array(vectors, (2, 3))
        return None if abs(first @ second) < 1e-9 else "their inner product is not 0"

The tests try every right answer and every mistake of every exercise, and ask that no two mistakes be told alike.
"""

from __future__ import annotations

import difflib
import textwrap
from importlib import import_module
from types import EllipsisType

from linrep_core.exercises.checking import EXERCISES, Exercise, Verdict

__all__ = ["check", "exercise", "judge", "labels"]

PARTS = ("model", "proofs", "simulations", "identifiability", "language_models", "beyond")
WIDTH = 72


def _load() -> dict[str, Exercise]:
    """All exercises; the parts are imported when first asked for, since they need most of the package."""
    for part in PARTS:
        import_module(f"{__name__}.{part}")
    return EXERCISES


def labels() -> list[str]:
    """Return the labels of all exercises that check themselves.

    Examples
    --------
    >>> from linrep_core import exercises
    >>> all(label.startswith("ex-") for label in exercises.labels())
    True
    """
    return list(_load())


def exercise(label: str) -> Exercise:
    """Return one exercise: what it asks for, its right answer as a function, its known mistakes.

    Parameters
    ----------
    label : str
        The exercise's label in the book, such as ``"ex-count"``.

    Raises
    ------
    ValueError
        If no exercise of that label checks itself; the message names the nearest that does.

    Examples
    --------
    >>> from linrep_core import exercises
    >>> exercises.exercise("ex-cuont")
    Traceback (most recent call last):
    ...
    ValueError: label must be one of an exercise that checks itself, got 'ex-cuont'; did you mean 'ex-count'?
    """
    known = _load()
    if not isinstance(label, str) or label not in known:
        near = difflib.get_close_matches(str(label), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"label must be one of an exercise that checks itself, got {label!r}{hint}")
    return known[label]


def judge(label: str, answer: object) -> Verdict:
    """Return what `check` would print, as a value: ``verdict.right`` and ``verdict.words``.

    Parameters
    ----------
    label : str
        The exercise's label in the book.
    answer : object
        What is offered as its answer.

    Raises
    ------
    ValueError
        If no exercise of that label checks itself.

    Examples
    --------
    >>> from linrep_core import exercises
    >>> exercises.judge("ex-count", 1 - (2 / 3) ** 6).right
    True
    """
    return exercise(label).judge(answer)


def check(label: str, answer: object | EllipsisType = ...) -> None:
    """Print whether this is an answer to the exercise, and if not, what may have gone wrong.

    Parameters
    ----------
    label : str
        The exercise's label in the book, such as ``"ex-count"``.
    answer : object, optional
        Your answer. Without one, the kind of answer that is waited for is printed.

    Raises
    ------
    ValueError
        If no exercise of that label checks itself.

    Examples
    --------
    >>> from linrep_core import exercises
    >>> exercises.check("ex-count", (2 / 3) ** 6)
    Not yet: that is the share of entries that are not zero
    """
    asked = exercise(label)
    if answer is ...:
        words = f'{label} waits for {asked.asks}: exercises.check("{label}", your_answer)'
    else:
        verdict = asked.judge(answer)
        words = f"{'Right' if verdict.right else 'Not yet'}: {verdict.words}" if verdict.words else "Right."
    print(textwrap.fill(words, WIDTH, break_on_hyphens=False, break_long_words=False))
