"""Fewer dimensions than concepts cannot do it, and with just as many the words stand at the corners of a cube.

In words: let f and g be tables for which every context gives the words that fit it the same logit, and every other
word a smaller one: a direction in which cross-entropy can be driven to its floor by making f and g longer. Then the
words need at least m dimensions. In a formula, with y ~ x for "y agrees with x":

    f(x).(g(y) - g(y')) = 0 for y, y' ~ x,  > 0 for y ~ x, y' not ~ x   =>   dim aff{g(y)} >= m.

And if the dimension is exactly m, the words that fit a context telling n concepts span exactly m - n dimensions, so
every square (king, queen, man, woman) is flat, and the polytope of the words has the faces of a cube.

Proof: let x_0, x_1, .., x_m tell the first 0, 1, .., m concepts, and let A_k be the affine hull of the words that fit
x_k. Then A_(k+1) lies in A_k. On A_(k+1) the function f(x_(k+1)).v is constant, by the ties; but some word fits x_k and
not x_(k+1), and has a smaller value. So A_(k+1) is strictly smaller, which costs a dimension at each of m steps.
Corners of a cube need not be joined by parallel edges: see `frustum` below. That is left to `unlimited_dimension` and
to the bottleneck's smallest norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linrep_core.concepts import concept_vectors
from linrep_core.language import UNKNOWN
from linrep_core.theorems.exact_fit import agreement, all_contexts, random_invertible
from linrep_core.theorems.statement import Conclusion, Hypothesis, NotNeeded, Statement, above, at_most

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Embeddings of all contexts, shape (3**m, dim), and unembeddings, shape (2**m, dim)."""

    embeddings: Array
    unembeddings: Array


def affine_dimension(points: Array) -> int:
    """The dimension of the affine hull of the rows."""
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return int((values > 1e-9 * max(values[0], 1e-300)).sum())


def spread_and_margin(case: Case) -> tuple[float, float]:
    """The largest difference of logits among agreeing tokens, and the smallest step down to the others, in nats."""
    logits = case.embeddings @ case.unembeddings.T
    agrees = agreement(logits.shape[1].bit_length() - 1)
    highest = np.where(agrees, logits, -np.inf).max(axis=1)
    lowest = np.where(agrees, logits, np.inf).min(axis=1)
    below = lowest - np.where(agrees, -np.inf, logits).max(axis=1)
    return float((highest - lowest).max()), float(below.min())


def hypotheses(case: Case) -> list[Hypothesis]:
    """Ties among the words that fit; all others strictly lower."""
    spread, margin = spread_and_margin(case)
    return [at_most("ties", spread, 1e-9), above("margins", margin, 1e-6)]


def conclusion(case: Case) -> Conclusion:
    """Concepts over dimensions."""
    m = len(case.unembeddings).bit_length() - 1
    dimension = affine_dimension(case.unembeddings)
    return Conclusion("concepts / dimensions of the words", m / dimension if dimension else np.inf, 1.0)


def frustum(n_concepts: int, slants: Array) -> Case:
    """A cube seen in perspective: g(y) = t / (1 + slants.t) with t in {-1, +1}^m, |slants|_1 < 1.

    A perspective keeps faces and loses parallels. The face t_i = s is where the linear function s t_i - 1 vanishes
    after multiplication with 1 + slants.t, so in the new coordinates it is s v_i - (1 - slants.v).
    """
    corners = 2.0 * concept_vectors(n_concepts) - 1
    unembeddings = corners / (1 + corners @ slants)[:, None]
    contexts = all_contexts(n_concepts)
    told = np.where(contexts == UNKNOWN, 0.0, 2.0 * contexts - 1)
    # s v_i + slants.v is largest, and equal to 1, on the face t_i = s; a context adds up what it tells
    embeddings = told + (contexts != UNKNOWN).sum(axis=1)[:, None] * slants
    return Case(embeddings, unembeddings)


def example(seed: int, size: int) -> Case:
    """A cube in perspective and random coordinates (m dimensions), or random gaps in a table of many dimensions."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        logits = np.where(agreement(size), 0.0, -rng.uniform(1, 3, size=(3**size, 2**size)))
        return Case(logits, np.eye(2**size))
    cube = frustum(size, rng.uniform(-0.8, 0.8, size=size) / size)
    matrix = random_invertible(rng, size)
    return Case(cube.embeddings @ matrix, cube.unembeddings @ np.linalg.inv(matrix).T)


def without_ties(seed: int, size: int) -> Case:
    """A cube with every word shaken a little: margins, but no ties."""
    rng = np.random.default_rng(seed)
    cube = frustum(size, np.zeros(size))
    return Case(cube.embeddings, cube.unembeddings + 0.05 / size * rng.uniform(-1, 1, size=cube.unembeddings.shape))


def counterexamples() -> dict[str, Case]:
    """All words in one point."""
    return {"margins": Case(np.ones((9, 1)), np.ones((4, 1)))}


STATEMENT = Statement(
    label="thm-word-cube",
    title="The words stand at the corners of a cube",
    source="this book",
    claim="ties among fitting words, all others lower => at least m dimensions; in m, the faces of a cube",
    uses=(),
    size="number of concepts m",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={
        "ties": NotNeeded(
            "without ties half-spaces still cut the m words with a single 0 in all 2^m ways, so the dimension is at "
            "least m - 1; whether m - 1 ever suffices we do not know",
            without_ties,
        )
    },
)
