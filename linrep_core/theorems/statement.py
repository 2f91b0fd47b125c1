"""What a statement of the book is: hypotheses that can be checked, a conclusion that can be measured, what breaks it.

Every module beside this one holds one statement and ends with its entry, a `Statement`. The prose proof stands in the
book; here stands the part that runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from linrep_core._checks import check_integer

KINDS = {
    "def": "Definition",
    "lem": "Lemma",
    "prop": "Proposition",
    "thm": "Theorem",
    "cor": "Corollary",
}
ROUNDING = 1e-8


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of a statement, checked on one case.

    Attributes
    ----------
    name : str
        A few words; a counterexample that drops it is filed under the same name.
    holds : bool
    by_how_much : float
        Distance to the bound in the units of `measured`: not negative when the hypothesis holds, negative when it
        fails.
    measured, bound : float
        The number that was looked at and the number it was compared with.
    """

    name: str
    holds: bool
    by_how_much: float
    measured: float
    bound: float


def at_most(name: str, measured: float, bound: float) -> Hypothesis:
    """The hypothesis that a number is at most its bound.

    Examples
    --------
    >>> at_most("exact fit", 0.25, bound=1e-11).by_how_much
    -0.24999999999
    """
    measured = float(measured)
    return Hypothesis(name, measured <= bound, bound - measured, measured, float(bound))


def above(name: str, measured: float, bound: float = 0.0) -> Hypothesis:
    """The hypothesis that a number is strictly above its bound.

    Examples
    --------
    >>> above("positive", 0.125).holds
    True
    """
    measured = float(measured)
    return Hypothesis(name, measured > bound, measured - bound, measured, float(bound))


@dataclass(frozen=True)
class Conclusion:
    """What a statement claims, measured on one case: it holds when `value` is at most `tolerance`.

    Attributes
    ----------
    quantity : str
        What was measured and in which units.
    value, tolerance : float
        A value that is not a number does not hold.
    """

    quantity: str
    value: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the value is within the tolerance."""
        return bool(self.value <= self.tolerance)

    @property
    def share(self) -> float:
        """The part of the tolerance that is used up: above 1 the conclusion fails; infinite for no number at all.

        What is only rounding uses up nothing: which of several such values is the largest differs between machines.
        """
        if math.isnan(self.value):
            return math.inf
        return 0.0 if self.is_rounding else self.value / self.tolerance

    @property
    def is_rounding(self) -> bool:
        """Whether the value holds and is so small that it differs from machine to machine."""
        return self.holds and abs(self.value) < ROUNDING


def worst_of(*parts: Conclusion) -> Conclusion:
    """Of several conclusions, the one that uses most of its tolerance: it holds only if all of them do.

    Examples
    --------
    >>> worst_of(Conclusion("angle", 0.1, 1.0), Conclusion("loss", 0.3, 0.5)).quantity
    'loss'
    """
    return max(parts, key=lambda part: part.share)


@dataclass(frozen=True)
class NotNeeded:
    """A hypothesis that can be dropped, as far as is known.

    Attributes
    ----------
    reason : str
        A proof in a line, or the words "in every run" for what only experiments say.
    example : callable (seed, size) -> case, or None
        Cases where exactly this hypothesis fails and the conclusion still holds. None when no case exists because
        the other hypotheses imply this one.
    """

    reason: str
    example: Callable[[int, int], Any] | None = None


@dataclass(frozen=True)
class Statement:
    """A labelled statement of the book with the code that checks it.

    Attributes
    ----------
    label : str
        As in the book, for example ``"thm-log-odds"``; the module has the same name.
    title, source : str
        A name for people; where the statement comes from.
    claim : str
        The statement in one line.
    uses : tuple of str
        Labels of the statements that its proof uses.
    size : str
        What `size` counts in `example`.
    sizes : tuple of int
        The sizes at which random cases are drawn.
    hypotheses : callable (case) -> list of Hypothesis
    conclusion : callable (case) -> Conclusion
    example : callable (seed, size) -> case
        A random case that satisfies every hypothesis.
    counterexamples : callable () -> dict
        Name of a hypothesis -> a case in which exactly that hypothesis fails, and the conclusion with it.
    not_needed : mapping
        Name of a hypothesis -> why no counterexample is given for it.
    """

    label: str
    title: str
    source: str
    claim: str
    uses: tuple[str, ...]
    size: str
    sizes: tuple[int, ...]
    hypotheses: Callable[[Any], list[Hypothesis]]
    conclusion: Callable[[Any], Conclusion]
    example: Callable[[int, int], Any]
    counterexamples: Callable[[], dict[str, Any]]
    not_needed: Mapping[str, NotNeeded] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Definition, Lemma, Proposition, Theorem or Corollary."""
        return KINDS[self.label.split("-")[0]]

    def failing(self, case: Any) -> list[str]:
        """The names of the hypotheses that do not hold in a case."""
        return [hypothesis.name for hypothesis in self.hypotheses(case) if not hypothesis.holds]


@dataclass(frozen=True)
class StatementCheck:
    """The worst of many random cases of one statement, and what its counterexamples measure.

    Attributes
    ----------
    label : str
    n_instances : int
    worst : Conclusion
        Of the instance that uses most of its tolerance.
    worst_size, worst_seed : int
        ``statement.example(worst_seed, worst_size)`` is that instance.
    breaks : dict
        Name of a hypothesis -> the conclusion measured where exactly that hypothesis fails.
    """

    label: str
    n_instances: int
    worst: Conclusion
    worst_size: int
    worst_seed: int
    breaks: dict[str, Conclusion]

    @property
    def holds(self) -> bool:
        """Whether every instance satisfied the conclusion and every counterexample broke it."""
        return self.worst.holds and not any(conclusion.holds for conclusion in self.breaks.values())

    def __str__(self) -> str:
        """The measured quantity, its worst value, and its value in each counterexample, for people to read."""
        worst = f"worst of {self.n_instances} cases: {_rounded(self.worst)}, allowed {self.worst.tolerance:.4g}"
        broken = (f"    without “{name}”: {_rounded(part)}" for name, part in self.breaks.items())
        return "\n".join([f"{self.label}: {self.worst.quantity}", f"    {worst}", *broken])


def _rounded(part: Conclusion) -> str:
    """Two digits; what is only rounding differs from machine to machine and is called 0."""
    return "0 up to rounding" if part.is_rounding else f"{part.value:.2g}"


def check_statement(statement: Statement, n_instances: int = 200, seed: int = 0) -> StatementCheck:
    """Measure a statement's conclusion on random cases that satisfy its hypotheses, and keep the worst.

    Parameters
    ----------
    statement
        The entry of the statement.
    n_instances
        How many cases, spread evenly over `statement.sizes`; at least 1.
    seed
        Fixes the cases.

    Raises
    ------
    RuntimeError
        If an example does not satisfy the hypotheses: then the example is wrong, not the statement.

    Examples
    --------
    >>> from linrep_core.theorems import STATEMENTS
    >>> check_statement(STATEMENTS["lem-softmax-ratio"], n_instances=6).holds
    True
    """
    check_integer("n_instances", n_instances, low=1)
    seeds = np.random.default_rng(check_integer("seed", seed, low=0)).integers(0, 2**31, size=n_instances)
    worst: tuple[Conclusion, int, int] | None = None
    for number, instance_seed in enumerate(map(int, seeds)):
        size = statement.sizes[number % len(statement.sizes)]
        case = statement.example(instance_seed, size)
        if failing := statement.failing(case):
            raise RuntimeError(f"{statement.label}: example(seed={instance_seed}, size={size}) fails {failing}")
        conclusion = statement.conclusion(case)
        if worst is None or conclusion.share > worst[0].share:
            worst = (conclusion, size, instance_seed)
    assert worst is not None
    breaks = {name: statement.conclusion(case) for name, case in statement.counterexamples().items()}
    return StatementCheck(statement.label, n_instances, *worst, breaks)
