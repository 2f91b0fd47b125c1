"""T2, the gap closed: every Karush-Kuhn-Tucker point of the joint margin problem is its global optimum.

Lyu and Li (2020) say that gradient descent on an exponential loss of a homogeneous model tends in direction to KKT
points of a margin problem. For factorised problems KKT points need not be optimal. Here they are.

In a formula: let a_x.b_y >= 1 for all pairs, and let multipliers l_xy >= 0, zero where a_x.b_y > 1, satisfy
a_x = sum_y l_xy b_y and b_y = sum_x l_xy a_x. Then (|A|^2 + |B|^2) / 2 = sqrt(n k), and all a_x and all b_y point the
same way.

Proof of this book. Write A = L B, B = L^T A, so A = L L^T A: the columns of A are eigenvectors of L L^T with eigenvalue
1. L L^T has no negative entry, so its largest eigenvalue r has an eigenvector w >= 0, w != 0 (Perron and Frobenius). If
r > 1, then w is orthogonal to the columns of A, that is sum_x w_x a_x = 0, and for any y
0 = sum_x w_x a_x.b_y >= sum_x w_x > 0, a contradiction. So the spectral norm of L is at most 1, and for any A', B' that
satisfy the constraints

    (|A'|^2 + |B'|^2) / 2 >= <A', L B'> = sum l_xy a'_x.b'_y >= sum l_xy = sum l_xy a_x.b_y = |A|^2 = |B|^2.

So (A, B) is optimal, and `joint_optimum` says what it looks like. Nothing is assumed about the dimension.

The examples are what a general-purpose optimiser (scipy's SLSQP) returns from random starts; the multipliers are found
by non-negative least squares, independently of it.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from linrep_core.theorems.joint_optimum import Case, cost, least_cost, numerical_optimum
from linrep_core.theorems.linear_representation import smallest_cosine
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most, worst_of

SOLVED = 1e-5  # SLSQP stops at about 1e-7


def stationarity_error(case: Case) -> float:
    """The smallest |(A, B) - (L B, L^T A)| / |(A, B)| over multipliers L >= 0 that live on pairs with product 1."""
    active = np.argwhere(case.first @ case.second.T <= 1.0 + SOLVED)
    pull = np.zeros((len(case.first) + len(case.second), case.first.shape[1], len(active)))
    for number, (x, y) in enumerate(active):
        pull[x, :, number] = case.second[y]
        pull[len(case.first) + y, :, number] = case.first[x]
    both = np.vstack([case.first, case.second])
    _, residual = nnls(pull.reshape(both.size, -1), both.reshape(-1))
    return float(residual / np.linalg.norm(both))


def hypotheses(case: Case) -> list[Hypothesis]:
    """Feasible; stationary with multipliers that are not negative and vanish off the active pairs."""
    return [
        above("margins at least 1", (case.first @ case.second.T).min(), 1.0 - SOLVED),
        at_most("stationary with multipliers >= 0", stationarity_error(case), 10 * SOLVED),
    ]


def conclusion(case: Case) -> Conclusion:
    """The excess cost, and 1 - smallest cosine among all vectors of both kinds."""
    together = np.vstack([case.first, case.second])
    return worst_of(
        Conclusion("cost / sqrt(n k) - 1", abs(cost(case) / least_cost(case) - 1), 1e-4),
        Conclusion("1 - smallest cosine of any two vectors", 1 - smallest_cosine(together), 1e-4),
    )


def example(seed: int, size: int) -> Case:
    """Where SLSQP stops, for up to `size` vectors of either kind in 1 to 3 dimensions.

    Rarely it stops short of stationarity, where all constraints are tight; then it starts anew.
    """
    rng = np.random.default_rng(seed)
    n, k, dim = int(rng.integers(1, size + 1)), size, int(rng.integers(1, 4))
    while True:
        case = numerical_optimum(n, k, dim, seed=int(rng.integers(2**31)))
        if all(hypothesis.holds for hypothesis in hypotheses(case)):
            return case


def counterexamples() -> dict[str, Case]:
    """Two pairs that keep to themselves, stationary with L = 1; vectors that keep the margins at too great a cost."""
    return {
        "margins at least 1": Case(np.eye(2), np.eye(2)),
        "stationary with multipliers >= 0": Case(np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[1.0, 0.0]])),
    }


STATEMENT = Statement(
    label="thm-joint-kkt",
    title="Every KKT point is optimal (T2)",
    source="this book",
    claim="KKT point of min |A|^2 + |B|^2 subject to a_x.b_y >= 1 => global optimum: all vectors parallel",
    uses=("thm-joint-optimum",),
    size="largest number of vectors of either kind",
    sizes=(1, 2, 3),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
