"""What a linear probe can read along differences of unembeddings, it can read in all equivalent predictors.

In words: a probe w.f(x) + b is to give a number v(x), for example 1 where a concept is on. If w is a combination of
differences of unembeddings, the probe with the same combination gives the same numbers in every predictor with the same
distribution; so the best such probe misses the same share. In a formula, in the notation of `relational_linearity`:

    p = p'   =>   residual of  v(x) ~ sum_j a_j f(x).gamma_j + b  is the same for (f, g) and (f', g').

Proof: the regressors f(x).gamma_j = sum_y w_jy ln p(y | x) are functions of p.

A probe along other directions can read what p does not depend on at all, and that another predictor does not have.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import equivalent_predictor
from linrep_core.linear_properties import LinearProperty, linear_probe
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
    random_predictor,
    whole_vectors,
    zero_sum,
)


def measure_of(pair: Pair, values: Array) -> Measure:
    """How much of the values no probe reads."""

    def measure(number: int, directions: Array) -> LinearProperty:
        return linear_probe(pair.tables[number][0], values, directions)

    return measure


def example(seed: int, size: int) -> LookedAt:
    """Values that a probe reads exactly (odd seeds) or that are random (even ones)."""
    rng = np.random.default_rng(seed)
    core = random_predictor(rng, size)
    pair = equivalent_pair(rng, core)
    values = core[0] @ rng.standard_normal(core[0].shape[1]) + 1.0
    if seed % 2 == 0:
        values = rng.standard_normal(len(values))
    return along(pair, measure_of(pair, values), zero_sum(rng, size, size))


def counterexamples() -> dict[str, LookedAt]:
    """Another distribution; a probe of whole vectors that reads the first predictor's free part."""
    rng = np.random.default_rng(0)
    core = random_predictor(rng, 8, complexity=3)
    other = Pair(core, disturbed(rng, another(rng, core, 4)))
    noisy = equivalent_predictor(core, 4, embedding_room=1, seed=1)
    free = Pair(noisy, equivalent_predictor(core, 4, embedding_room=0))
    hidden = free.tables[0][0] @ rng.standard_normal(4)
    return {
        "same distribution": along(other, measure_of(other, core[0][:, 0]), zero_sum(rng, 8, 8)),
        "probes along differences of unembeddings": whole_vectors(free, measure_of(free, hidden)),
    }


STATEMENT = all_or_none(
    label="thm-linear-probing",
    title="Linear probes: all or none",
    claim="p = p' => probes along the same differences of unembeddings miss the same share of any values in both",
    looks="probes along differences of unembeddings",
    example=example,
    counterexamples=counterexamples,
)
