"""Close logits mean close representations, after the linear map that the unembeddings prescribe.

In words: with G and G' the centred unembeddings, the part of f that p sees is G^+ G f. In an equivalent predictor it is
G^+ G' f'. If the centred logits of two predictors are close, these two are close. In a formula, with sigma the smallest
singular value of G that is not 0, and means over contexts:

    mean |G f - G' f'|^2 <= (sigma eps)^2   =>   mean |G^+ G f - G^+ G' f'|^2 <= eps^2.

Proof: G^+ is 1/sigma long at most, so |G^+ (G f(x) - G' f'(x))| <= |G f(x) - G' f'(x)| / sigma for every x.

That the divergence is small is not enough: see `clear_winners`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.identifiability import tables
from linrep_core.logit_distance import (
    logit_distance,
    near_zero_divergence_pair,
    representation_dissimilarity,
    smallest_stretch,
)
from linrep_core.theorems.equivalent_pairs import TOKENS, Pair, another, disturbed, random_pair
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """Two predictors and the distance eps that is claimed, in the units of the first one's embeddings."""

    pair: Pair
    epsilon: float


def hypotheses(case: Case) -> list[Hypothesis]:
    """The logit distance is at most sigma eps."""
    first, second = case.pair.first, case.pair.second
    allowed = case.epsilon * smallest_stretch(first)
    return [at_most("logits are close", logit_distance(first, second), allowed)]


def conclusion(case: Case) -> Conclusion:
    """The dissimilarity of the representations, in units of eps."""
    apart = representation_dissimilarity(case.pair.first, case.pair.second)
    return Conclusion("dissimilarity of representations / eps", apart / case.epsilon, 1 + 1e-7)


def example(seed: int, size: int) -> Case:
    """Two predictors near each other's class, and the smallest eps that their logits allow."""
    rng = np.random.default_rng(seed)
    pair = random_pair(rng, size)
    near = Pair(pair.first, disturbed(rng, another(rng, pair.second), size=10.0 ** rng.uniform(-3, 0)))
    distance = logit_distance(near.first, near.second)
    return Case(near, (1 + 1e-9) * distance / smallest_stretch(near.first))


def counterexamples() -> dict[str, Case]:
    """Eight contexts with clear winners: a divergence of 1e-9 nats, and representations half their length apart."""
    first, second = near_zero_divergence_pair(40.0)
    length = float(np.linalg.norm(tables(first)[0], axis=1).max())
    return {"logits are close": Case(Pair(first, second), 0.01 * length)}


STATEMENT = Statement(
    label="thm-logit-distance-bound",
    title="The logit distance bounds the distance of representations",
    source="this book's own constant and proof; arXiv 2602.15438 proves a bound of this kind",
    claim="logit distance <= sigma eps => the seen part of f is within eps of the prescribed linear map of f'",
    uses=(),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
