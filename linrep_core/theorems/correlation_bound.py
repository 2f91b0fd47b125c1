"""Close logits mean correlated embeddings, most of all where the logits vary most.

In words: let lambda_1 >= lambda_2 >= ... be the variances of the first predictor's logits along their principal axes,
and rho_1 >= rho_2 >= ... the canonical correlations of the two predictors' embeddings, 0 beyond the last. In a formula:

    logit distance <= eps   =>   sum_i (1 - rho_i^2) lambda_i <= eps^2.

Both are about the mean context, or both about 0; with one of each the sum is bounded by nothing.

Proof: tables have a row for each context, divided by the root of their number. P' projects on the columns of F'. Those
of Z' = F' G'^T lie there, so |Z - Z'|^2 >= |(I - P') Z|^2 = sum_i lambda_i (1 - |P' u_i|^2), with u_i the left singular
vectors of Z. They lie in the span of F's columns; so |P' u_1|^2 + ... + |P' u_k|^2 is at most rho_1^2 + ... + rho_k^2
(Ky Fan), for every k, and as the lambda descend, sum_i lambda_i |P' u_i|^2 <= sum_i lambda_i rho_i^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.logit_distance import (
    canonical_correlations,
    logit_distance,
    logit_spectrum,
    missing_variance,
    near_zero_divergence_pair,
)
from linrep_core.theorems.equivalent_pairs import TOKENS, Pair, another, disturbed, random_pair
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """Two predictors, the distance eps that is claimed, in nats, and what is taken about the mean context."""

    pair: Pair
    epsilon: float
    centred_correlations: bool = True
    centred_variances: bool = True


def hypotheses(case: Case) -> list[Hypothesis]:
    """The logit distance is at most eps; correlations and variances are about the same point."""
    return [
        at_most("logits are close", logit_distance(case.pair.first, case.pair.second), case.epsilon),
        at_most("about the same point", case.centred_correlations != case.centred_variances, 0.0),
    ]


def conclusion(case: Case) -> Conclusion:
    """The sum, in units of eps^2."""
    (f, _), (other_f, _) = case.pair.tables
    missing = missing_variance(
        canonical_correlations(f, other_f, centred=case.centred_correlations),
        logit_spectrum(case.pair.first, centred=case.centred_variances),
    )
    return Conclusion("sum of (1 - rho^2) lambda / eps^2", missing / case.epsilon**2, 1 + 1e-7)


def example(seed: int, size: int) -> Case:
    """Two predictors near each other's class, about the mean context or about 0, and the smallest eps."""
    rng = np.random.default_rng(seed)
    pair = random_pair(rng, size)
    near = Pair(pair.first, disturbed(rng, another(rng, pair.second), size=10.0 ** rng.uniform(-3, 0)))
    centred = bool(rng.integers(2))
    return Case(near, (1 + 1e-9) * logit_distance(near.first, near.second), centred, centred)


def counterexamples() -> dict[str, Case]:
    """Clear winners with a small eps; and a common large logit that both predictors have, beside unrelated noise."""
    first, second = near_zero_divergence_pair(40.0)
    g = np.array([[0.0], [1.0]])
    one, other = (np.array([[11.0 + a] for a in noise]) for noise in ((1, 1, -1, -1), (1, -1, 1, -1)))
    common = Pair((one, g), (other, g))
    epsilon = logit_distance(common.first, common.second)
    return {
        "logits are close": Case(Pair(first, second), 1.0),
        "about the same point": Case(common, epsilon, centred_correlations=True, centred_variances=False),
    }


STATEMENT = Statement(
    label="thm-correlation-bound",
    title="The logit distance bounds what canonical correlations miss",
    source="this book's proof; the two sides are plotted in the public code of arXiv 2602.15438 as its theorem F.1",
    claim="logit distance <= eps => sum of (1 - rho^2) lambda <= eps^2, both from the largest on",
    uses=(),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
