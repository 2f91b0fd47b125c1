"""Theorem 5, the paper's main result: training f and g together aligns all steering vectors, and f with g.

In words: train on the two contexts that tell concept i and nothing else, now with their embeddings f1 and f0 trained
as well. From a start in which f1, f0 and all D_c = g(c_(i -> 1)) - g(c_(i -> 0)) are orthogonal, the f as long as each
other and the D_c as long as each other, all D_c become parallel, and parallel to f1 - f0. In a formula:

    L = sum_c exp(-D_c.f1) + exp(D_c.f0)  =>  cos(D_c, D_c') -> 1 and cos(D_c, f1 - f0) -> 1.

Idea of the proof: by symmetry all terms of L stay equal, so D_c = D_c(0) + (the same for all c); for the sum of the
D_c and f1 - f0 what remains is Theorem 12's recursion.

Where care is needed:

- Only logarithmic: |D|^2 grows like sqrt(2 / K) ln t, so 1 - cos(D_c, D_c') is about |D_c(0)|^2 sqrt(K / 2) / ln t.
  For K = 4 and unit vectors the cosine is 0.91 after 400 000 steps of 0.05. The check runs to ln t = 100.
- The start is far more special than needed (Remark 6 of the paper says so from experiments). `joint_alignment` does
  without it: with a_x = D_c and b_y = {f1, -f0} this is T2's problem. Without equal lengths no run has failed (see
  `not_needed`); without orthogonality exceptional starts fail, such as exactly opposite ones (counterexample).
- Orthogonality of K + 2 vectors needs d >= K + 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.descent import Array, descend
from linrep_core.theorems.exact_fit import random_orthogonal
from linrep_core.theorems.linear_representation import smallest_cosine
from linrep_core.theorems.statement import Conclusion, Hypothesis, NotNeeded, Statement, above, at_most, worst_of

LOG_TIME = 100.0


@dataclass(frozen=True)
class Case:
    """The starting embeddings f1, f0 (dim,) and steering vectors (K, dim)."""

    told_one: Array
    told_zero: Array
    steering_vectors: Array


def hypotheses(case: Case) -> list[Hypothesis]:
    """Nothing is 0; inner products 0; f1 as long as f0, and all D_c as long as each other."""
    vectors = np.vstack([case.told_one, case.told_zero, case.steering_vectors])
    lengths = np.linalg.norm(vectors, axis=1)
    products = np.abs(vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)]
    return [
        above("no zero vector", lengths.min()),
        at_most("mutually orthogonal", products.max(), 1e-10),
        at_most("equal lengths", max(np.ptp(lengths[:2]), np.ptp(lengths[2:])), 1e-10),
    ]


def trained(case: Case, log_time: float = LOG_TIME) -> Case:
    """The same three after gradient descent on all of them; the loss is exp(-D.f1) + exp(-D.(-f0))."""
    end = descend(case.steering_vectors, np.vstack([case.told_one, -case.told_zero]), log_time=log_time)
    return Case(end.second[0], -end.second[1], end.first)


def conclusion(case: Case) -> Conclusion:
    """1 - smallest cosine of two D_c, and of a D_c with f1 - f0, at ln t = 100."""
    end = trained(case)
    difference = (end.told_one - end.told_zero)[None]
    return worst_of(
        Conclusion("1 - cosine of two D_c at ln t = 100", 1 - smallest_cosine(end.steering_vectors), 0.05),
        Conclusion(
            "1 - cosine of D_c with f1 - f0 at ln t = 100", 1 - smallest_cosine(end.steering_vectors, difference), 0.05
        ),
    )


def example(seed: int, size: int) -> Case:
    """`size` steering vectors and two embeddings, orthogonal, of two random lengths."""
    rng = np.random.default_rng(seed)
    frame = random_orthogonal(rng, size + 2 + int(rng.integers(3)))
    of_embeddings, of_steering_vectors = rng.uniform(0.3, 1.2, size=2)
    return Case(of_embeddings * frame[0], of_embeddings * frame[1], of_steering_vectors * frame[2 : size + 2])


def unequal_example(seed: int, size: int) -> Case:
    """The same with a random length for each: only "equal lengths" fails."""
    rng = np.random.default_rng(seed)
    frame = random_orthogonal(rng, size + 3) * rng.uniform(0.3, 1.2, size=(size + 3, 1))
    return Case(frame[0], frame[1], frame[2 : size + 2])


def counterexamples() -> dict[str, Case]:
    """All zero; f1 = e, f0 = -e, both D_c = -e, which shrink to 0 and stay opposite to f1 - f0."""
    e = np.array([1.0, 0.0])
    return {
        "no zero vector": Case(0 * e, 0 * e, np.zeros((2, 2))),
        "mutually orthogonal": Case(e, -e, np.array([-e, -e])),
    }


STATEMENT = Statement(
    label="thm-trained-together",
    title="Gradient descent aligns representations",
    source="arXiv 2403.03867, Theorem 5 (lengths as in its Theorem 14)",
    claim="f1, f0, D_c orthogonal at the start, of equal lengths => cos(D_c, D_c') -> 1 and cos(D_c, f1 - f0) -> 1",
    uses=("thm-two-vectors", "def-linear-representation"),
    size="number of steering vectors K",
    sizes=(1, 2, 4, 8),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={"equal lengths": NotNeeded("in every run; T2 proves it once the loss is below 1", unequal_example)},
)
