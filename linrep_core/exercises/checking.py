"""How an answer is read, compared with the right one, and told what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import as_array, check_array, check_choice, check_iterable, check_number, shown

EXERCISES: dict[str, Exercise] = {}


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what is to be said about it."""

    right: bool
    words: str


@dataclass(frozen=True)
class Mistake:
    """An answer that people give, as a function that computes it, and what was done there."""

    answer: Callable[[], Any]
    words: str


@dataclass(frozen=True)
class Exercise:
    """One exercise that checks itself.

    Attributes
    ----------
    label : str
        Its label in the book.
    asks : str
        What kind of answer it waits for, to follow the words "waits for".
    fault : callable
        Returns None for a right answer, else what is wrong with it; raises ValueError for what is no answer at all.
    right : callable
        Computes a right answer.
    mistakes : tuple of callable
        Each computes a wrong answer that is expected.
    because : str
        Said to a right answer: what it means.
    """

    label: str
    asks: str
    fault: Callable[[Any], str | None]
    right: Callable[[], Any]
    mistakes: tuple[Callable[[], Any], ...]
    because: str

    def judge(self, answer: object) -> Verdict:
        """Return the verdict on an answer, whatever is offered as one."""
        try:
            fault = self.fault(answer)
        except ValueError as error:
            fault = f"{error}. What is waited for: {self.asks}"
        return Verdict(True, self.because) if fault is None else Verdict(False, fault)


class Kind(Protocol):
    """A kind of answer: how it is read, when two of it are the same, what to say when they are not."""

    def read(self, answer: object) -> Any:
        """Return the answer in one form, or raise a ValueError."""

    def same(self, answer: Any, right: Any) -> bool:
        """Whether the two are the same answer."""

    def difference(self, answer: Any, right: Any) -> str:
        """What can be said about a wrong answer without giving the right one away."""


@dataclass(frozen=True)
class Number:
    """A number. `relative` and `absolute` say how near it has to come."""

    relative: float = 1e-2
    absolute: float = 1e-9

    def read(self, answer: object) -> float:
        """Return the answer as a float; an array of one number will do."""
        values = as_array("answer", answer)
        if values.size != 1 or values.dtype.kind == "b":
            raise ValueError(f"answer must be one number, got {shown(answer)}")
        return check_number("answer", values.reshape(-1)[0].item(), low=-math.inf)

    def same(self, answer: float, right: float) -> bool:
        """Whether they agree within the tolerances."""
        return math.isclose(answer, right, rel_tol=self.relative, abs_tol=self.absolute)

    def difference(self, answer: float, right: float) -> str:
        """Name a slip of sign, unit or scale; else the direction."""
        slips = {
            "the size is right, the sign is not": -1.0,
            "that is in bits; the book counts in nats (natural logarithms)": 1 / math.log(2),
            "that is in per cent; a share between 0 and 1 is waited for": 100.0,
            "that is twice what is waited for": 2.0,
            "that is half of what is waited for": 0.5,
        }
        for words, factor in slips.items():
            if right != 0 and self.same(answer, factor * right):
                return words
        return "that is too large" if answer > right else "that is too small"


@dataclass(frozen=True)
class Array:
    """An array of numbers, entry by entry. `shape` has numbers for axes of known length and letters for any other."""

    shape: tuple[int | str, ...]
    relative: float = 1e-3
    absolute: float = 1e-6

    def read(self, answer: object) -> NDArray[np.float64]:
        """Return the answer as an array of that shape."""
        return array(answer, self.shape)

    def same(self, answer: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
        """Whether all entries agree within the tolerances."""
        return answer.shape == right.shape and bool(np.all(self._near(answer, right)))

    def difference(self, answer: NDArray[np.float64], right: NDArray[np.float64]) -> str:
        """Name a slip of shape, sign or order; else count the wrong entries and name the first."""
        if answer.shape != right.shape:
            return f"its shape is {answer.shape}, and {right.shape} is waited for"
        if self.same(-answer, right):
            return "all signs are turned round"
        if answer.ndim == 2 and answer.T.shape == right.shape and self.same(answer.T, right):
            return "rows and columns are exchanged"
        if self.same(np.sort(answer, axis=None), np.sort(right, axis=None)):
            return "the numbers are right, their order is not"
        wrong = np.argwhere(~self._near(answer, right))
        place = ", ".join(map(str, wrong[0].tolist()))
        return (
            f"{len(wrong)} of {answer.size} entries are wrong; the first is at [{place}], {answer[tuple(wrong[0])]:.4g}"
        )

    def _near(self, answer: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.isclose(answer, right, rtol=self.relative, atol=self.absolute)


@dataclass(frozen=True)
class Choice:
    """One of some words. Every wrong one needs a `Mistake` that says why it is wrong."""

    choices: tuple[str, ...]

    def read(self, answer: object) -> str:
        """Return the word, in small letters and without spaces around it."""
        return check_choice("answer", answer.strip().lower() if isinstance(answer, str) else answer, self.choices)

    def same(self, answer: str, right: str) -> bool:
        """Whether it is the same word."""
        return answer == right

    def difference(self, answer: str, right: str) -> str:
        """Nothing more can be said."""
        return f"it is not {answer!r}"


@dataclass(frozen=True)
class Members:
    """A set of things: numbers, words, pairs (in which the order does not count if `unordered_pairs`)."""

    unordered_pairs: bool = False

    def read(self, answer: object) -> frozenset[Any]:
        """Return the answer as a set."""
        members = list(answer) if isinstance(answer, set | frozenset) else check_iterable("answer", answer)
        return frozenset(self._member(member) for member in members)

    def same(self, answer: frozenset[Any], right: frozenset[Any]) -> bool:
        """Whether they have the same members."""
        return answer == right

    def difference(self, answer: frozenset[Any], right: frozenset[Any]) -> str:
        """Count what is missing, and name one that should not be there."""
        missing, extra = right - answer, answer - right
        parts = [f"{len(missing)} of {len(right)} are missing"] if missing else []
        if extra:
            one = min(extra, key=repr)
            parts.append(f"{shown(tuple(one) if isinstance(one, frozenset) else one)} does not belong")
        return " and ".join(parts)

    def _member(self, member: Any) -> Any:
        if isinstance(member, list | tuple | set | frozenset | np.ndarray):
            entries = [_plain(entry) for entry in member]
            return frozenset(entries) if self.unordered_pairs else tuple(entries)
        return _plain(member)


def _plain(value: Any) -> Any:
    """A number of numpy or torch as Python's own, so that equal ones are one member."""
    return value.item() if hasattr(value, "item") else value


def array(answer: object, shape: tuple[int | str, ...]) -> NDArray[np.float64]:
    """Return an answer as a float64 array of that shape, or raise a ValueError: for the conditions of the parts."""
    return check_array("answer", answer, shape=shape)


def called(function: object, *arguments: Any) -> Any:
    """Return what a function that is an answer returns, or raise a ValueError that says why it does not."""
    if not callable(function):
        raise ValueError(f"answer must be a function, got {shown(function)}")
    try:
        return function(*arguments)
    except Exception as error:  # whatever a reader's function raises is for the reader to see
        raise ValueError(f"answer must be a function that runs; it raised {type(error).__name__}: {error}") from error


def answer(
    label: str,
    *,
    asks: str,
    kind: Kind,
    right: Callable[[], Any],
    mistakes: Sequence[Mistake],
    because: str = "",
) -> None:
    """Register an exercise with one right answer.

    Parameters
    ----------
    label : str
        Its label in the book.
    asks : str
        What kind of answer it waits for, to follow the words "waits for".
    kind : Kind
        How answers are read and compared: `Number`, `Array`, `Choice`, `Members`.
    right : callable
        Computes the right answer (in less than two seconds).
    mistakes : sequence of Mistake
        Wrong answers that are expected, at least two.
    because : str, optional
        Said to a right answer: what it means, or what to ask next.
    """

    def fault(given: Any) -> str | None:
        given, wanted = kind.read(given), kind.read(right())
        if kind.same(given, wanted):
            return None
        known = (mistake.words for mistake in mistakes if kind.same(given, kind.read(mistake.answer())))
        return next(known, None) or kind.difference(given, wanted)

    _register(Exercise(label, asks, fault, right, tuple(mistake.answer for mistake in mistakes), because))


def condition(
    label: str,
    *,
    asks: str,
    right: Callable[[], Any],
    mistakes: Sequence[Callable[[], Any]],
    because: str = "",
) -> Callable[[Callable[[Any], str | None]], Callable[[Any], str | None]]:
    """Register an exercise with many right answers: those for which the decorated function returns None.

    Parameters
    ----------
    label, asks, because
        As for `answer`.
    right : callable
        Computes one right answer.
    mistakes : sequence of callables
        Each computes an answer that the function finds fault with, at least two, each in other words.
    """

    def register(fault: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
        _register(Exercise(label, asks, fault, right, tuple(mistakes), because))
        return fault

    return register


def _register(exercise: Exercise) -> None:
    """Keep an exercise, once."""
    if exercise.label in EXERCISES:
        raise ValueError(f"label must be new, got {exercise.label!r} a second time")
    if len(exercise.mistakes) < 2:
        raise ValueError(f"mistakes must be at least two, got {len(exercise.mistakes)} for {exercise.label!r}")
    EXERCISES[exercise.label] = exercise
