"""Theorem 4: with fixed embeddings, gradient descent turns all steering vectors of a concept into one direction.

In words: train only on the two contexts that tell concept i and nothing else, with their embeddings f1 and f0 held
fixed. All steering vectors D_c = g(c_(i -> 1)) - g(c_(i -> 0)) converge in direction to the same vector, wherever they
start. In a formula:

    L = sum_c exp(-D_c.f1) + exp(D_c.f0),  gradient descent  =>  cos(D_c, D_c') -> 1 for all c, c'.

Proof: each D_c is its own classification problem with the two examples f1 and -f0; `hard_margin` gives all of them the
same limit.

Where care is needed:

- The paper asks f1 != f0. The two examples are separable, and the theorem true, exactly when f1 is not in Cone(f0):
  f1 = 2 f0 is the counterexample. There D_c settles at D_c.f0 = ln(2) / 3 and keeps what it had at right angles to f0.
- The limit is the hard-margin direction of {f1, -f0}. It is f1 - f0 if |f1| = |f0|, and in general is not:
  for f1 orthogonal to f0 it is f1 / |f1|^2 - f0 / |f0|^2.
- Slow: 1 - cosine falls like 1 / (ln t)^2. The check runs to ln t = 100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.descent import Array, Descended, descend
from linrep_core.theorems.hard_margin import LOG_TIME, hard_margin, largest_safe_step
from linrep_core.theorems.linear_representation import smallest_cosine
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """The embeddings f1, f0 (dim,), the starting steering vectors (K, dim), and a step."""

    told_one: Array
    told_zero: Array
    steering_vectors: Array
    step: float

    @property
    def examples(self) -> Array:
        """The two examples f1 and -f0 of every D_c."""
        return np.vstack([self.told_one, -self.told_zero])


def distance_of_directions(first: Array, second: Array) -> float:
    """The distance of two unit vectors; 0 for a first vector of 0, which lies in the closure of every cone."""
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if min(lengths) == 0:
        return float(lengths[0] > 0)
    return float(np.linalg.norm(first / lengths[0] - second / lengths[1]))


def hypotheses(case: Case) -> list[Hypothesis]:
    """Two directions (the paper: two vectors); a small enough step."""
    safe = largest_safe_step(case.examples, case.steering_vectors)
    return [
        above("f1 not in Cone(f0)", distance_of_directions(case.told_one, case.told_zero), 1e-6),
        at_most("step at most 1 / smoothness", case.step, safe),
    ]


def trained(case: Case, log_time: float = LOG_TIME) -> Descended:
    """The steering vectors after gradient descent."""
    return descend(case.steering_vectors, case.examples, log_time=log_time, step=case.step, learn_second=False)


def limit_direction(case: Case) -> Array | None:
    """The hard-margin direction that all steering vectors tend to."""
    return hard_margin(case.examples)


def conclusion(case: Case) -> Conclusion:
    """1 - smallest cosine of two trained steering vectors."""
    end = trained(case)
    value = 2.0 if end.diverged else 1.0 - smallest_cosine(end.first)
    return Conclusion("1 - smallest cosine of two steering vectors at ln t = 100", value, 0.01)


def example(seed: int, size: int) -> Case:
    """Two embeddings of lengths 0.5 to 2 at an angle of at least 0.3, and `size` normal starts."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(2, 7))
    while True:
        embeddings = rng.standard_normal((2, dim))
        embeddings *= (rng.uniform(0.5, 2.0, size=2) / np.linalg.norm(embeddings, axis=1))[:, None]
        if distance_of_directions(*embeddings) > 0.3:
            break
    starts = rng.standard_normal((size, dim))
    safe = largest_safe_step(np.vstack([embeddings[0], -embeddings[1]]), starts)
    return Case(*embeddings, starts, float(rng.uniform(0.2, 1.0)) * safe)


def counterexamples() -> dict[str, Case]:
    """Embeddings f1 = 2 f0, which the paper's condition f1 != f0 admits; a step of a million."""
    told_zero = np.array([1.0, 0.0, 0.0])
    starts = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 1.0], [0.0, -1.0, 0.0]])
    oblique = np.array([[1.0, 0.2], [0.8, -0.2]])
    return {
        "f1 not in Cone(f0)": Case(2 * told_zero, told_zero, starts, 0.05),
        "step at most 1 / smoothness": Case(*oblique, np.array([[1.0, 0.0], [-1.0, 0.0]]), 1e6),
    }


STATEMENT = Statement(
    label="thm-fixed-embeddings",
    title="Gradient descent with fixed embeddings",
    source="arXiv 2403.03867, Theorem 4 (f1 not in Cone(f0) instead of f1 != f0)",
    claim="f1, f0 fixed, f1 not in Cone(f0) => gradient descent makes all steering vectors parallel",
    uses=("thm-hard-margin", "def-linear-representation"),
    size="number of steering vectors K",
    sizes=(2, 4, 8),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
