"""With as many dimensions as concepts, the words stand at the corners of a cube.

In words: let every context give the words that fit it the same logit and all other words a smaller one: a direction in
which cross-entropy is driven to its floor by making f and g longer. If the words lie in m dimensions (fewer are
impossible, see `enough_dimensions`), then the words that fit a context telling n concepts span exactly m - n of them.
In a formula, with y ~ x for "y agrees with x":

    f(x).(g(y) - g(y')) = 0 for y, y' ~ x,  > 0 for y ~ x, y' not ~ x,  d = m   =>   dim aff{g(y) : y ~ x} = m - |D(x)|.

So every square (king, queen, man, woman) is flat, and the polytope of the words has the faces of a cube.

Proof: let x_0, x_1, .., x_m tell ever more concepts, one at a time, and let A_k be the affine hull of the words that
fit x_k. Then A_(k+1) lies in A_k. On A_(k+1) the function f(x_(k+1)).v is constant, by the ties; but some word fits x_k
and not x_(k+1), and has a smaller value. So A_(k+1) is strictly smaller, which costs a dimension at each step. Put x
at place n = |D(x)| of such a chain: the m - n steps after it show dim A_n >= m - n, the n steps before it
dim A_n <= m - n.

The corners of a cube need not be joined by parallel edges: `frustum` is a cube in perspective, and satisfies every
hypothesis. What makes the edges parallel is not what must be learnt but what is cheapest: see `bottleneck`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linrep_core.concepts import concept_vectors
from linrep_core.language import UNKNOWN
from linrep_core.theorems.exact_fit import agreement, all_contexts, random_invertible
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most

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
    """Ties among the words that fit; all others strictly lower; no more dimensions than concepts."""
    spread, margin = spread_and_margin(case)
    m = len(case.unembeddings).bit_length() - 1
    return [
        at_most("ties", spread, 1e-9),
        above("margins", margin, 1e-6),
        at_most("as few dimensions as concepts", affine_dimension(case.unembeddings), m),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest difference, over all contexts, between the dimension of the words that fit and m - |D(x)|."""
    m = len(case.unembeddings).bit_length() - 1
    told = (all_contexts(m) != UNKNOWN).sum(axis=1)
    fitting = (case.unembeddings[row] for row in agreement(m))
    wrong = max(abs(affine_dimension(words) - (m - n)) for words, n in zip(fitting, told, strict=True))
    return Conclusion("largest |dimension of the words that fit - concepts left open|", wrong, 0.5)


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
    """A cube in perspective, in random coordinates."""
    rng = np.random.default_rng(seed)
    cube = frustum(size, rng.uniform(-0.8, 0.8, size=size) / size)
    matrix = random_invertible(rng, size)
    return Case(cube.embeddings @ matrix, cube.unembeddings @ np.linalg.inv(matrix).T)


def counterexamples() -> dict[str, Case]:
    """A cube with every corner shaken a little; corners anywhere, seen by no context; a simplex in 8 dimensions."""
    rng = np.random.default_rng(0)
    cube = frustum(3, np.zeros(3))
    simplex_logits = np.where(agreement(3), 0.0, -2.0)
    return {
        "ties": Case(cube.embeddings, cube.unembeddings + 0.05 * rng.uniform(-1, 1, size=(8, 3))),
        "margins": Case(np.zeros((27, 3)), rng.standard_normal((8, 3))),
        "as few dimensions as concepts": Case(simplex_logits, np.eye(8)),
    }


STATEMENT = Statement(
    label="thm-word-cube",
    title="The words stand at the corners of a cube",
    source="this book",
    claim="ties among fitting words, all others lower, d = m => words that fit x span m - |D(x)| dimensions",
    uses=("prop-enough-dimensions",),
    size="number of concepts m",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
