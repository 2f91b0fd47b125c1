"""What steering with combinations of embeddings can do, it can do in all equivalent predictors.

In words: adding v to every f(x) adds v.g(y) to the logit of y. If v is a combination of embeddings (a difference
f(t) - f(s), say), the same combination changes the log-odds by the same amounts in every predictor with the same
distribution. In a formula, with v_j = sum_x w_jx f(x) and the same weights in both predictors:

    p = p'   =>   residual of  c(y) ~ sum_j a_j v_j.g(y) + b  is the same for (f, g) and (f', g'), for any change c.

Proof: v_j.(g(y) - g(pivot)) = sum_x w_jx ln p(y | x) / p(pivot | x); the common b takes the pivot.

It is the statement on probes with f and g exchanged. A vector that is no combination of embeddings can move tokens in a
way that no vector of another predictor can.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import equivalent_predictor
from linrep_core.linear_properties import LinearProperty, linear_steering
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
)


def measure_of(pair: Pair, change: Array) -> Measure:
    """How much of the change no steering vector makes."""

    def measure(number: int, directions: Array) -> LinearProperty:
        return linear_steering(pair.tables[number][1], change, directions)

    return measure


def example(seed: int, size: int) -> LookedAt:
    """A change that some vector makes (odd seeds) or a random one (even seeds)."""
    rng = np.random.default_rng(seed)
    core = random_predictor(rng, size)
    pair = equivalent_pair(rng, core)
    change = core[1] @ rng.standard_normal(core[1].shape[1])
    if seed % 2 == 0:
        change = rng.standard_normal(size)
    return along(pair, measure_of(pair, change), rng.standard_normal((len(core[0]), len(core[0]))), table=0)


def counterexamples() -> dict[str, LookedAt]:
    """Another distribution; a vector that moves the first predictor's unembeddings where no context looks."""
    rng = np.random.default_rng(0)
    core = random_predictor(rng, 8, complexity=3)
    other = Pair(core, disturbed(rng, another(rng, core, 4)))
    all_contexts = np.eye(len(core[0]))
    first_and_last = all_contexts[[0, -1]]
    noisy = equivalent_predictor(core, 4, embedding_room=0, seed=1)
    free = Pair(noisy, equivalent_predictor(core, 4, embedding_room=1, seed=2))
    hidden = free.tables[0][1] @ rng.standard_normal(4)
    return {
        "same distribution": along(other, measure_of(other, core[1] @ core[0][0]), first_and_last, table=0),
        "steers with combinations of embeddings": whole_vectors(free, measure_of(free, hidden), table=0),
    }


STATEMENT = all_or_none(
    label="thm-linear-steering",
    title="Linear steering: all or none",
    claim="p = p' => the same combinations of embeddings miss the same share of any change of log-odds in both",
    looks="steers with combinations of embeddings",
    example=example,
    counterexamples=counterexamples,
)
