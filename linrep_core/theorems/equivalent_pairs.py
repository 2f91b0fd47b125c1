"""Random finite predictors, and pairs of them with the same distribution: what the statements on identifiability share.

The number of tokens is up to 64, the dimension up to 16. A pair's second predictor comes from the whole class of those
that are equivalent to the first: see `linrep_core.identifiability.equivalent_predictor`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linrep_core.identifiability import Parts, distribution_gap, equivalent_predictor, parts, share_left, tables
from linrep_core.linear_properties import LinearProperty
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Predictor = SoftmaxPredictor | tuple[Array, Array]

TOKENS = (2, 3, 8, 64)  # sizes at which pairs are drawn
MAX_DIM = 16
SAME = 1e-9  # nats
EXACT = 1e-9  # relative residual that counts as none


@dataclass(frozen=True)
class Pair:
    """Two predictors for the same contexts and tokens."""

    first: Predictor
    second: Predictor

    @cached_property
    def parts(self) -> tuple[Parts, Parts]:
        """What of each the probabilities see."""
        return parts(self.first), parts(self.second)

    @cached_property
    def tables(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Embeddings and unembeddings of each."""
        return tables(self.first), tables(self.second)

    def same_distribution(self) -> Hypothesis:
        """The hypothesis that ln p agrees everywhere."""
        return at_most("same distribution", distribution_gap(self.first, self.second), SAME)


def random_complexity(rng: np.random.Generator, n_tokens: int) -> int:
    """An effective complexity that so many tokens allow, at most 8."""
    return int(rng.integers(1, min(8, n_tokens - 1) + 1))


def random_predictor(rng: np.random.Generator, n_tokens: int, *, complexity: int | None = None) -> Predictor:
    """Normal entries, both spans full: as many dimensions as the effective complexity, at most 8."""
    k = random_complexity(rng, n_tokens) if complexity is None else complexity
    n_contexts = int(rng.integers(k + 2, k + 30))
    return rng.standard_normal((n_contexts, k)), rng.standard_normal((n_tokens, k))


def another(
    rng: np.random.Generator, predictor: Predictor, dim: int | None = None, room: int | None = None
) -> Predictor:
    """An equivalent predictor in `dim` dimensions (any up to 16 when None), `room` of them for f alone."""
    low = parts(predictor).effective_complexity
    chosen = int(rng.integers(low, MAX_DIM + 1)) if dim is None else dim
    room = int(rng.integers(0, chosen - low + 1)) if room is None else room
    return equivalent_predictor(predictor, chosen, embedding_room=room, seed=int(rng.integers(2**31)))


def equivalent_pair(rng: np.random.Generator, core: Predictor) -> Pair:
    """Two predictors with the distribution of `core`, each in any dimension and with any room for its free parts."""
    return Pair(another(rng, core), another(rng, core))


def random_pair(rng: np.random.Generator, n_tokens: int) -> Pair:
    """Two predictors with the same random distribution."""
    return equivalent_pair(rng, random_predictor(rng, n_tokens))


def disturbed(rng: np.random.Generator, predictor: Predictor, size: float = 0.3) -> Predictor:
    """Noise on every f(x): another distribution."""
    f, g = tables(predictor)
    return f + size * rng.standard_normal(f.shape), g


# ---- properties that are looked at along directions -----------------------------------------------------------------

Measure = Callable[[int, Array], LinearProperty]  # of predictor 0 or 1 of a pair, along these directions


@dataclass(frozen=True)
class LookedAt:
    """A pair, a property to be measured in each of the two, and the directions along which.

    Attributes
    ----------
    pair : Pair
    measure : callable, see `Measure`
    weights : array of shape (r, n_tokens) or (r, n_contexts)
        Which combinations of unembeddings (or of embeddings) the directions are claimed to be.
    directions : pair of arrays of shape (r, dim)
        The directions in each predictor.
    table : int
        Of what they are combinations: 0 the embeddings, 1 the unembeddings.
    """

    pair: Pair
    measure: Measure
    weights: Array
    directions: tuple[Array, Array]
    table: int = 1

    def off_directions(self) -> float:
        """The larger share of a predictor's directions that is not the combination claimed."""
        both = zip(self.directions, self.pair.tables, strict=True)
        return max(share_left(rows, self.weights @ of[self.table]) for rows, of in both)

    def measured(self) -> tuple[float, float]:
        """The residual of the property in the first and in the second predictor."""
        one, other = (self.measure(number, rows).residual for number, rows in enumerate(self.directions))
        return one, other

    def conclusion(self) -> Conclusion:
        """By how much the two residuals differ."""
        one, other = self.measured()
        return Conclusion("difference of the property's residuals in the two predictors", abs(one - other), 1e-7)


def along(pair: Pair, measure: Measure, weights: Array, table: int = 1) -> LookedAt:
    """The property along the same combinations of unembeddings (1) or embeddings (0) in both predictors."""
    one, other = (weights @ of[table] for of in pair.tables)
    return LookedAt(pair, measure, weights, (one, other), table)


def zero_sum(rng: np.random.Generator, n_rows: int, n_tokens: int) -> Array:
    """Random weights that sum to 0 in each row: combinations of differences."""
    weights = rng.standard_normal((n_rows, n_tokens))
    return weights - weights.mean(axis=1, keepdims=True)


def whole_vectors(pair: Pair, measure: Measure, table: int = 1) -> LookedAt:
    """The property of whole vectors; the weights are those that come nearest to the unit vectors in the first."""
    matrix = pair.tables[0][table]
    weights = np.linalg.pinv(matrix - matrix.mean(axis=0) if table else matrix)
    dims = [of[table].shape[1] for of in pair.tables]
    return LookedAt(pair, measure, weights, (np.eye(dims[0]), np.eye(dims[1])), table)


def all_or_none(
    *,
    label: str,
    title: str,
    claim: str,
    looks: str,
    example: Callable[[int, int], LookedAt],
    counterexamples: Callable[[], dict[str, LookedAt]],
) -> Statement:
    """The statement that a property looked at along the same combinations has the same residual in both predictors.

    `looks` names the hypothesis that the directions are such combinations; what is measured is the examples' own.
    """

    def hypotheses(case: LookedAt) -> list[Hypothesis]:
        return [case.pair.same_distribution(), at_most(looks, case.off_directions(), EXACT)]

    return Statement(
        label=label,
        title=title,
        source="this book's own conditions and proof; the question is arXiv 2410.23501's",
        claim=claim,
        uses=(),
        size="number of tokens |V|",
        sizes=TOKENS,
        hypotheses=hypotheses,
        conclusion=LookedAt.conclusion,
        example=example,
        counterexamples=counterexamples,
    )
