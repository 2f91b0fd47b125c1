"""A divergence near 0 says nothing about representations: an explicit family.

In words: if in every context the same token wins by m nats in both predictors, their divergence is below a number that
falls like exp(-m), whatever else they do. `near_zero_divergence_pair` is such a family: with contexts of length s the
margin is s (cos a - sin a), and no linear map explains more than a fixed share of one predictor's embeddings from the
other's. In a formula, with V tokens and R the largest lead of a winner over any token in the second predictor:

    KL <= (V - 1) e^-m (1 + ln V + R),     residual of the best linear map = sin(2a) / sqrt(2) for every s.

Proof: with w the winner, p'_w = 1 / (1 + sum of the others' odds) gives -ln p'_w <= (V - 1) e^-m, so w adds at most
that to the divergence (ln p_w <= 0). Any other token has p_y <= e^-m and -ln p'_y <= R + ln V, and adds at most the
product. For the family, F^T F = 4 s^2 times the identity and F'^T F = 4 s^2 diag(cos 2a, 1), so the best matrix is
diag(cos 2a, 1), which explains the share (cos^2 2a + 1) / 2 of the squared length of F'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.identifiability import linear_relation
from linrep_core.logit_distance import kl_divergence, near_zero_divergence_pair
from linrep_core.theorems.equivalent_pairs import Array, Pair
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most, worst_of


@dataclass(frozen=True)
class Case:
    """Two predictors, the margin m that is claimed, in nats, and the residual claimed for the best linear map."""

    pair: Pair
    margin: float
    residual: float

    def leads(self) -> tuple[Array, Array]:
        """By how much the first predictor's winner leads each other token, in each predictor: (n_contexts, V - 1)."""
        one, other = (f @ g.T for f, g in self.pair.tables)
        winner = one.argmax(axis=1)[:, None]
        losers = np.arange(one.shape[1]) != winner
        lead = [(np.take_along_axis(z, winner, axis=1) - z)[losers].reshape(len(z), -1) for z in (one, other)]
        return lead[0], lead[1]


def hypotheses(case: Case) -> list[Hypothesis]:
    """In both predictors the same token leads by m."""
    smallest = min(lead.min() for lead in case.leads())
    return [at_most("the same clear winners", case.margin - smallest, 1e-9)]


def conclusion(case: Case) -> Conclusion:
    """The divergence over its bound, and whether the representations are as far apart as claimed."""
    first, second = case.pair.first, case.pair.second
    n_tokens, farthest = case.pair.tables[0][1].shape[0], case.leads()[1].max()
    bound = (n_tokens - 1) * np.exp(-case.margin) * (1 + np.log(n_tokens) + farthest)
    missed = abs(linear_relation(first, second).embedding_residual - case.residual)
    return worst_of(
        Conclusion("divergence / its bound", kl_divergence(first, second) / float(bound), 1.0),
        Conclusion("|residual of the best linear map - sin(2a)/sqrt(2)|", missed, 1e-9),
    )


def family(scale: float, angle: float) -> Case:
    """The pair of that length and angle (in degrees) with its margin and residual."""
    side = np.deg2rad(angle)
    margin = scale * (np.cos(side) - np.sin(side))
    return Case(Pair(*near_zero_divergence_pair(scale, angle)), margin, np.sin(2 * side) / 2**0.5)


def example(seed: int, size: int) -> Case:
    """The family at length `size` and a random angle."""
    return family(float(size), float(np.random.default_rng(seed).uniform(2.0, 43.0)))


def counterexamples() -> dict[str, Case]:
    """The second predictor's contexts turned by a right angle: other winners, and the same linear relation."""
    case = family(20.0, 20.0)
    (f, g) = case.pair.tables[1]
    turned = np.column_stack([-f[:, 1], f[:, 0]])
    return {"the same clear winners": Case(Pair(case.pair.first, (turned, g)), case.margin, case.residual)}


STATEMENT = Statement(
    label="prop-clear-winners",
    title="A divergence near zero bounds nothing",
    source="this book; that KL need not bound dissimilarity is arXiv 2506.03784's and 2602.15438's",
    claim="the same winners by m nats => KL <= (V-1) e^-m (1 + ln V + R); in the family f' is never near a map of f",
    uses=(),
    size="length of every f(x), nats",
    sizes=(1, 5, 20, 80),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
