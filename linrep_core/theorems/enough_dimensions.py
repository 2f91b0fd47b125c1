"""T3, the lower bound: m concepts that contexts can tell need at least m dimensions.

In words: let each of the contexts that tell one concept rule out the tokens that contradict it. Then the differences of
unembeddings span at least m dimensions, so f and g need d >= m. In a formula: if for every concept i there is an f with

    f.g(y) > f.g(y') whenever y_i = 1 and y'_i = 0,   then dim span{g(y) - g(y')} >= m.

Proof. Each such f gives a plane, f.z = threshold, with the tokens y_i = 1 strictly on one side and the others strictly
on the other. The m planes cut the affine span, of dimension k, into at most sum_(j <= k) C(m, j) cells (Schläfli), and
all 2^m sign patterns occur, one for each token. For k < m the sum is smaller than 2^m.

What it means: with d < m no predictor comes close to the entropy floor of the full problem, however long it is trained:
the zero probabilities cannot all be approached. With d = m there is room for the cube and little else.
(See `bottleneck` for d > m.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.concepts import concept_vectors
from linrep_core.theorems.descent import Array
from linrep_core.theorems.hard_margin import hard_margin
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above

SAME_RANK = 1e-8  # singular values below this share of the largest count as zero


@dataclass(frozen=True)
class Case:
    """Unembeddings g(y), shape (2^m, dim)."""

    unembeddings: Array

    @property
    def n_concepts(self) -> int:
        """The number of concepts m."""
        return len(self.unembeddings).bit_length() - 1


def separation(case: Case, concept: int) -> float:
    """Half the width of the widest strip that separates y_i = 1 from y_i = 0, or 0 if nothing does."""
    values = concept_vectors(case.n_concepts)[:, concept]
    centred = case.unembeddings - case.unembeddings.mean(axis=0)
    scale = np.abs(centred).max()
    lifted = np.column_stack([centred / scale, np.full(len(values), 100.0)])  # the long coordinate is the threshold
    plane = hard_margin(lifted * np.where(values == 1, 1.0, -1.0)[:, None])
    return 0.0 if plane is None else float(scale / np.linalg.norm(plane[:-1]))


def affine_dimension(case: Case) -> int:
    """The dimension of the span of all differences g(y) - g(y')."""
    singular_values = np.linalg.svd(case.unembeddings - case.unembeddings.mean(axis=0), compute_uv=False)
    return int((singular_values > SAME_RANK * singular_values[0]).sum())


def hypotheses(case: Case) -> list[Hypothesis]:
    """Every concept is separated; the narrowest strip counts."""
    return [above("every concept separated", min(separation(case, i) for i in range(case.n_concepts)))]


def conclusion(case: Case) -> Conclusion:
    """The number of concepts over the dimension of the unembeddings."""
    return Conclusion("number of concepts m / dimension", case.n_concepts / affine_dimension(case), 1.0)


def example(seed: int, size: int) -> Case:
    """The corners of a cube, shaken and seen in random coordinates of m to 2 m dimensions."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(size, 2 * size + 1))
    corners = np.pad(2.0 * concept_vectors(size) - 1, ((0, 0), (0, dim - size)))
    shaken = corners + rng.uniform(0.0, 0.3) * rng.uniform(-1.0, 1.0, size=corners.shape)
    return Case(shaken @ rng.standard_normal((dim, dim)))


def counterexamples() -> dict[str, Case]:
    """The cube's eight corners drawn in the plane."""
    corners = 2.0 * concept_vectors(3) - 1
    return {"every concept separated": Case(corners @ np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.3]]))}


STATEMENT = Statement(
    label="prop-enough-dimensions",
    title="m concepts need m dimensions (T3)",
    source="this book",
    claim="every concept separable in the unembeddings => they span at least m dimensions",
    uses=(),
    size="number of concepts m",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
