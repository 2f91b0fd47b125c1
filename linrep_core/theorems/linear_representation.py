"""Definition 2: a concept is linearly encoded when its steering vectors all point the same way.

In words: there is one direction u such that switching the concept on moves every token's vector along u, by some
positive length. In a formula: g(c_(i -> 1)) - g(c_(i -> 0)) = a_c u with a_c > 0 for every c. (The same for f.)

Equivalently, and so it is measured everywhere in this book: the steering vectors are not zero and every pair of them
has cosine 1. Two separate things are asked, which "parallel" would blur: the vectors lie on one line, and they have
the same sense.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """The steering vectors of one concept, shape (n, dim)."""

    steering_vectors: Array


def smallest_cosine(vectors: Array, others: Array | None = None) -> float:
    """The smallest cosine over all pairs (of one set, or of one vector from each set); nan if a vector is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        other = unit if others is None else others / np.linalg.norm(others, axis=1, keepdims=True)
    return float((unit @ other.T).min())


def off_line(vectors: Array) -> float:
    """How far vectors are from one line through 0: second over first singular value, 0 when they are on it."""
    singular_values = np.linalg.svd(vectors, compute_uv=False)
    return float(singular_values[1] / singular_values[0]) if len(singular_values) > 1 else 0.0


def encoding_error(steering_vectors: Array) -> float:
    """1 - smallest cosine: 0 for a linearly encoded concept, 1 at right angles, 2 for opposite vectors."""
    return 1.0 - smallest_cosine(steering_vectors)


def hypotheses(case: Case) -> list[Hypothesis]:
    """All on one line, all on the same side of 0."""
    products = case.steering_vectors @ case.steering_vectors.T
    return [
        at_most("one line", off_line(case.steering_vectors), 1e-7),
        above("same sense", products.min()),
    ]


def conclusion(case: Case) -> Conclusion:
    """Every pair has cosine 1."""
    return Conclusion("1 - smallest cosine of two steering vectors", encoding_error(case.steering_vectors), 1e-12)


def example(seed: int, size: int) -> Case:
    """Random positive multiples of one random direction; `size` is the dimension."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(size)
    return Case(np.outer(rng.uniform(0.1, 3.0, size=2**size), direction))


def counterexamples() -> dict[str, Case]:
    """Two directions at 60 degrees; two opposite vectors."""
    return {
        "one line": Case(np.array([[1.0, 0.0], [0.5, 0.75**0.5]])),
        "same sense": Case(np.array([[1.0, 0.0], [-1.0, 0.0]])),
    }


STATEMENT = Statement(
    label="def-linear-representation",
    title="Linear encoding",
    source="arXiv 2403.03867, Definition 2",
    claim="steering vectors a_c u with a_c > 0 <=> every pair of them has cosine 1",
    uses=(),
    size="dimension d",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
