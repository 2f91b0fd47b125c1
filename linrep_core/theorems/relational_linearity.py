"""Relational linearity, looked at along differences of unembeddings, holds in all equivalent predictors or in none.

In words: a query turns contexts s into contexts t ("Paris" into "Paris is the capital of"). Ask whether one affine map
takes the coordinates of f(s) along some differences of unembeddings to those of f(t). The answer is the same for all
predictors with the same distribution, and so is the share of f(t) that the best map misses. In a formula, with rows
gamma_j = sum_y w_jy g(y), sum_y w_jy = 0, and the same weights in both predictors:

    p = p'   =>   residual of  (f(t).gamma_j)_j ~ A (f(s).gamma_j)_j + b  is the same for (f, g) and (f', g').

Proof: f(x).gamma_j = sum_y w_jy ln p(y | x), since the weights sum to 0. Both sides of the regression are numbers that
only p determines.

Along other directions it may hold in one and fail in the other: what f has outside S follows no query.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import equivalent_predictor
from linrep_core.linear_properties import LinearProperty, relational_linearity
from linrep_core.theorems.equivalent_pairs import (
    Array,
    LookedAt,
    Measure,
    Pair,
    all_or_none,
    along,
    another,
    disturbed,
    equivalent_pair,
    random_complexity,
    whole_vectors,
    zero_sum,
)


def queried(rng: np.random.Generator, n_tokens: int, *, linear: bool, complexity: int | None = None) -> tuple:
    """A predictor with contexts s in the first half of the rows and t in the second, f(t) affine in f(s) or random."""
    k = random_complexity(rng, n_tokens) if complexity is None else complexity
    sources = rng.standard_normal((2 * k + 6, k))
    targets = sources @ rng.standard_normal((k, k)) + rng.standard_normal(k)
    if not linear:
        targets = rng.standard_normal(sources.shape)
    return np.vstack([sources, targets]), rng.standard_normal((n_tokens, k))


def measure_of(pair: Pair) -> Measure:
    """Relational linearity of a predictor's second half of contexts on the first half."""

    def measure(number: int, directions: Array) -> LinearProperty:
        f = pair.tables[number][0]
        half = len(f) // 2
        return relational_linearity(f[:half], f[half:], directions)

    return measure


def example(seed: int, size: int) -> LookedAt:
    """An equivalent pair in which the relation is linear (odd seeds) or not (even ones)."""
    rng = np.random.default_rng(seed)
    core = queried(rng, size, linear=bool(seed % 2))
    pair = equivalent_pair(rng, core)
    # all coordinates that p sees, so that an affine map of f is one of them
    return along(pair, measure_of(pair), zero_sum(rng, size, size))


def counterexamples() -> dict[str, LookedAt]:
    """Another distribution; whole vectors, of which one predictor's have a part that p does not see."""
    rng = np.random.default_rng(0)
    core = queried(rng, 8, linear=True, complexity=3)
    other = Pair(core, disturbed(rng, another(rng, core, 4)))
    noisy = equivalent_predictor(core, 4, embedding_room=1, seed=1)
    free = Pair(equivalent_predictor(core, 4, embedding_room=0), noisy)
    return {
        "same distribution": along(other, measure_of(other), zero_sum(rng, 8, 8)),
        "looks along differences of unembeddings": whole_vectors(free, measure_of(free)),
    }


STATEMENT = all_or_none(
    label="thm-relational-linearity",
    title="Relational linearity: all or none",
    claim="p = p' => along the same differences of unembeddings, f(t) ~ A f(s) + b misses the same share in both",
    looks="looks along differences of unembeddings",
    example=example,
    counterexamples=counterexamples,
)
