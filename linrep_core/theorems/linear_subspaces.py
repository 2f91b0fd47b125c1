"""A small subspace of differences of embeddings, looked at along differences of unembeddings: in all or in none.

In words: switching a concept on moves f(s) to f(t). Ask whether all these moves, seen along some differences of
unembeddings, fill only r dimensions. The answer, and the share outside the best r dimensions, are the same for all
predictors with the same distribution. In a formula, in the notation of `relational_linearity`:

    p = p'   =>   the matrix ((f(t) - f(s)).gamma_j)_(t, j) is the same for (f, g) and (f', g'),

and with it its rank and its singular values.

Proof: an entry is a difference of two numbers f(x).gamma_j = sum_y w_jy ln p(y | x).

Whole vectors need not agree: what f has outside S can fill all the dimensions there are.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import equivalent_predictor
from linrep_core.linear_properties import LinearProperty, linear_subspace
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


def switched(rng: np.random.Generator, n_tokens: int, rank: int, *, complexity: int | None = None) -> tuple:
    """A predictor whose second half of contexts is the first half moved within `rank` dimensions."""
    k = random_complexity(rng, n_tokens) if complexity is None else complexity
    sources = rng.standard_normal((2 * k + 6, k))
    moves = rng.standard_normal((len(sources), rank)) @ rng.standard_normal((rank, k))
    return np.vstack([sources, sources + moves]), rng.standard_normal((n_tokens, k))


def measure_of(pair: Pair, rank: int) -> Measure:
    """How much of the moves from the first half of the contexts to the second is outside `rank` dimensions."""

    def measure(number: int, directions: Array) -> LinearProperty:
        f = pair.tables[number][0]
        half = len(f) // 2
        return linear_subspace(f[half:] - f[:half], rank, directions)

    return measure


def example(seed: int, size: int) -> LookedAt:
    """Moves along one line, looked at in one dimension (odd seeds), or along two directions (even ones)."""
    rng = np.random.default_rng(seed)
    core = switched(rng, size, rank=2 - seed % 2)
    pair = equivalent_pair(rng, core)
    return along(pair, measure_of(pair, 1), zero_sum(rng, size, size))


def counterexamples() -> dict[str, LookedAt]:
    """Another distribution; whole vectors."""
    rng = np.random.default_rng(0)
    core = switched(rng, 8, 1, complexity=3)
    other = Pair(core, disturbed(rng, another(rng, core, 4)))
    noisy = equivalent_predictor(core, 4, embedding_room=1, seed=1)
    free = Pair(equivalent_predictor(core, 4, embedding_room=0), noisy)
    return {
        "same distribution": along(other, measure_of(other, 1), zero_sum(rng, 8, 8)),
        "looks along differences of unembeddings": whole_vectors(free, measure_of(free, 1)),
    }


STATEMENT = all_or_none(
    label="thm-linear-subspaces",
    title="Linear subspaces: all or none",
    claim="p = p' => along the same differences of unembeddings, f(t) - f(s) fill equally few dimensions in both",
    looks="looks along differences of unembeddings",
    example=example,
    counterexamples=counterexamples,
)
