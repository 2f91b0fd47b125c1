"""Where no probability is below tau, the divergence bounds the logit distance, with a factor 1/tau.

In words: if both predictors give every token at least probability tau in every context, a small divergence means a
small logit distance. In a formula, with means over contexts:

    p, p' >= tau   =>   mean |z - z'|^2 <= mean KL(p || p') / tau^2,    z, z' the centred logits.

Proof, for one context: centring shortens, so |z - z'| <= |ln p - ln p'|. By the mean value theorem
|ln p_y - ln p'_y| <= |p_y - p'_y| / tau. The differences sum to 0, so their positive and negative parts have the same
sum, half of the 1-norm, and the squared length is at most twice the square of that: |p - p'|_1^2 / 2. Pinsker's
inequality says |p - p'|_1^2 <= 2 KL. Together |z - z'|^2 <= KL / tau^2.

Useful it is not: tau is at most 1 / |V|, and for a trained model far smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.logit_distance import (
    kl_divergence,
    logit_distance,
    near_zero_divergence_pair,
    smallest_probability,
)
from linrep_core.theorems.equivalent_pairs import TOKENS, Pair, disturbed, random_predictor
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """Two predictors and the floor tau that is claimed for their probabilities."""

    pair: Pair
    floor: float


def hypotheses(case: Case) -> list[Hypothesis]:
    """No probability of either is below tau."""
    smallest = min(map(smallest_probability, (case.pair.first, case.pair.second)))
    return [at_most("no probability below tau", case.floor - smallest, 0.0)]


def conclusion(case: Case) -> Conclusion:
    """The logit distance over its bound."""
    first, second = case.pair.first, case.pair.second
    bound = float(np.sqrt(kl_divergence(first, second))) / case.floor
    return Conclusion("logit distance * tau / sqrt(KL)", logit_distance(first, second) / bound, 1 + 1e-7)


def example(seed: int, size: int) -> Case:
    """A random predictor with small logits, a disturbed copy, and their own floor."""
    rng = np.random.default_rng(seed)
    f, g = random_predictor(rng, size)
    pair = Pair((f, g), disturbed(rng, (f, g), size=10.0 ** rng.uniform(-1, 0)))
    return Case(pair, min(map(smallest_probability, (pair.first, pair.second))))


def counterexamples() -> dict[str, Case]:
    """Clear winners: the others' probabilities are far below what is claimed."""
    return {"no probability below tau": Case(Pair(*near_zero_divergence_pair(40.0)), 0.05)}


STATEMENT = Statement(
    label="prop-probability-floor",
    title="With a floor under the probabilities, the divergence bounds the logit distance",
    source="this book's own constant and proof; arXiv 2602.15438 proves a bound of this kind",
    claim="p, p' >= tau => logit distance <= sqrt(KL) / tau",
    uses=(),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
