"""Lemma 13: when a numerator grows faster than a product of two numbers, the fraction grows.

For positive X, dX, Y, dY, Z, dZ with X / (Y Z) < 1 and dX > Z dY + Y dZ + dY dZ:

    (X + dX) / ((Y + dY) (Z + dZ)) > X / (Y Z).

Proof: (X + dX) Y Z - X (Y + dY) (Z + dZ) = dX Y Z - X (Z dY + Y dZ + dY dZ) > (Y Z - X) (Z dY + Y dZ + dY dZ) > 0.
The paper uses it for the cosine of Theorem 12, with X = u.v; `two_vectors` shows a way without it. All is done in
exact fractions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above


@dataclass(frozen=True)
class Case:
    """Three numbers and their increments, as exact fractions."""

    x: Fraction
    y: Fraction
    z: Fraction
    dx: Fraction
    dy: Fraction
    dz: Fraction

    @property
    def growth(self) -> Fraction:
        """How much the product y z grows."""
        return self.dy * self.z + self.dz * self.y + self.dy * self.dz


def hypotheses(case: Case) -> list[Hypothesis]:
    """All six positive; the fraction below 1; the numerator's increment above that of the product."""
    return [
        above("positive", min(case.x, case.y, case.z, case.dx, case.dy, case.dz)),
        above("fraction below 1", 1 - case.x / (case.y * case.z)),
        above("numerator grows more", case.dx - case.growth),
    ]


def conclusion(case: Case) -> Conclusion:
    """The old fraction over the new one: below 1."""
    old = case.x / (case.y * case.z)
    new = (case.x + case.dx) / ((case.y + case.dy) * (case.z + case.dz))
    return Conclusion("old fraction / new fraction", float(old / new), 1.0)


def example(seed: int, size: int) -> Case:
    """Random fractions with numerators and denominators up to 10^size."""
    rng = np.random.default_rng(seed)

    def fraction() -> Fraction:
        return Fraction(*map(int, rng.integers(1, 10**size + 1, size=2)))

    y, z, dy, dz = (fraction() for _ in range(4))
    share = fraction()
    x = y * z * share / (1 + share)
    growth = Case(x, y, z, Fraction(1), dy, dz).growth
    return Case(x, y, z, growth + fraction(), dy, dz)


def counterexamples() -> dict[str, Case]:
    """Shrinking numbers; a fraction above 1; a numerator that lags behind."""
    half, one = Fraction(1, 2), Fraction(1)
    return {
        "positive": Case(half, one, one, Fraction(-2, 5), -half, Fraction(0)),
        "fraction below 1": Case(Fraction(4), one, one, Fraction(4), one, one),
        "numerator grows more": Case(half, one, one, half, one, one),
    }


STATEMENT = Statement(
    label="lem-growing-fraction",
    title="A growing fraction",
    source="arXiv 2403.03867, Lemma 13",
    claim="X/(YZ) < 1 and dX > Z dY + Y dZ + dY dZ => (X+dX)/((Y+dY)(Z+dZ)) > X/(YZ)",
    uses=(),
    size="digits of the fractions",
    sizes=(1, 2, 3),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
