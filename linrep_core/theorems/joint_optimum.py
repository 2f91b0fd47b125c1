"""T2, the optimum: keeping all pairs apart at least cost means one direction for everybody.

In words: let vectors a_x (n of them) and b_y (k of them) satisfy a_x.b_y >= 1 for all pairs, at the least total
squared length. Then all a_x are equal, all b_y are equal, and the two are parallel. In a formula:

    (sum |a_x|^2 + sum |b_y|^2) / 2 >= sqrt(n k),  with equality only for a_x = a, b_y = b, sqrt(n) a = sqrt(k) b.

Proof of this book, by completing squares; a and b are the means:

    (sum |a_x|^2 + sum |b_y|^2) / 2
      = sqrt(n k) a.b + (sum |a_x - a|^2 + sum |b_y - b|^2 + |sqrt(n) a - sqrt(k) b|^2) / 2,

and a.b, the mean of all a_x.b_y, is at least 1. It uses no nuclear norm (that is `nuclear_norm`), works in every
dimension, needs only that the *mean* margin is at least 1, and says how far from the optimum one is: the three squares
together are at most twice the excess cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from linrep_core.theorems.descent import Array
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above

ROUNDING = 1e-12


@dataclass(frozen=True)
class Case:
    """The vectors a_x, shape (n, dim), and b_y, shape (k, dim)."""

    first: Array
    second: Array


def cost(case: Case) -> float:
    """Half the total squared length."""
    return float((case.first**2).sum() + (case.second**2).sum()) / 2


def least_cost(case: Case) -> float:
    """The bound sqrt(n k)."""
    return float(np.sqrt(len(case.first) * len(case.second)))


def spread(case: Case) -> float:
    """The three squares: how far the vectors are from all equal and parallel."""
    a, b = case.first.mean(axis=0), case.second.mean(axis=0)
    within = ((case.first - a) ** 2).sum() + ((case.second - b) ** 2).sum()
    between = ((np.sqrt(len(case.first)) * a - np.sqrt(len(case.second)) * b) ** 2).sum()
    return float(within + between)


def hypotheses(case: Case) -> list[Hypothesis]:
    """Every pair has inner product 1 or more."""
    return [above("margins at least 1", (case.first @ case.second.T).min(), 1.0 - ROUNDING)]


def conclusion(case: Case) -> Conclusion:
    """The bound and half the spread over the cost: at most 1."""
    value = (least_cost(case) + spread(case) / 2) / cost(case)
    return Conclusion("(sqrt(n k) + spread / 2) / cost", value, 1.0 + 1e-9)


def numerical_optimum(n_first: int, n_second: int, dim: int, seed: int = 0) -> Case:
    """The cheapest vectors that a general-purpose optimiser finds from a random start (scipy's SLSQP)."""
    rng = np.random.default_rng(seed)

    def split(flat: Array) -> tuple[Array, Array]:
        table = flat.reshape(-1, dim)
        return table[:n_first], table[n_first:]

    def margins(flat: Array) -> Array:
        a, b = split(flat)
        return (a @ b.T).reshape(-1) - 1.0

    def slopes(flat: Array) -> Array:
        a, b = split(flat)
        by_a = np.einsum("xz,yd->xyzd", np.eye(n_first), b).reshape(n_first * n_second, -1)
        by_b = np.einsum("yz,xd->xyzd", np.eye(n_second), a).reshape(n_first * n_second, -1)
        return np.hstack([by_a, by_b])

    while True:
        found = minimize(
            lambda flat: flat @ flat / 2,
            rng.standard_normal((n_first + n_second) * dim),
            jac=lambda flat: flat,
            constraints={"type": "ineq", "fun": margins, "jac": slopes},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        if found.success and margins(found.x).min() > -1e-6:
            return Case(*split(found.x))


def example(seed: int, size: int) -> Case:
    """Normal vectors around two similar means, scaled until the smallest inner product is 1; up to `size` of each."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 6))
    n, k = map(int, rng.integers(1, size + 1, size=2))
    while True:
        mean = rng.standard_normal(dim)
        first = 2 * mean + rng.uniform(0.05, 1.0) * rng.standard_normal((n, dim))
        second = mean + rng.uniform(0.05, 1.0) * rng.standard_normal((k, dim))
        smallest = (first @ second.T).min()
        if smallest > 0.05:
            return Case(first / np.sqrt(smallest), second / np.sqrt(smallest))


def counterexamples() -> dict[str, Case]:
    """Two pairs that each keep to themselves: margins 1, 1, 0, 0."""
    return {"margins at least 1": Case(np.eye(2), 0.7 * np.eye(2))}


STATEMENT = Statement(
    label="thm-joint-optimum",
    title="The cheapest way to keep all pairs apart (T2)",
    source="this book",
    claim="a_x.b_y >= 1 for all pairs => (|A|^2 + |B|^2) / 2 >= sqrt(nk), equality only if all equal and parallel",
    uses=(),
    size="largest number of vectors of either kind",
    sizes=(1, 2, 4, 8),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
