"""Parallel differences of unembeddings are parallel in an equivalent predictor if its contexts see all of them.

In words: let the differences g(y_1) - g(y_0) of some pairs of tokens all point the same way in one predictor. In
another one with the same distribution they do so too if no difference of its unembeddings has a part that no context
sees; otherwise they need not. In a formula, in the notation of `extended_linear_relation`:

    p = p',  g(y_1) - g(y_0) parallel for all pairs, not orthogonal to all of M,  S' = M'
    =>   g'(y_1) - g'(y_0) parallel for all pairs.

Proof: let gamma_j be the differences, gamma_j = a_j u with a_j > 0. Their seen parts P_M gamma_j = a_j P_M u are
parallel, and not 0. In the other predictor P_M' gamma_j' = L^-T P_M gamma_j = a_j L^-T P_M u, parallel again, since
L^-T is linear and invertible. gamma_j' lies in S' = M', so it is its own seen part.

Without S' = M' every gamma_j' can have any part in S' orthogonal to M': this is how parallelism is lost. The log-odds
f(x).gamma_j' stay proportional to each other in every context: that is what all equivalent predictors share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.linear_properties import parallelism
from linrep_core.theorems.equivalent_pairs import (
    EXACT,
    Array,
    Pair,
    Rows,
    another,
    random_predictor,
)
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """Two predictors, and pairs of tokens: shape (n_pairs, 2), from the first column to the second."""

    pair: Pair
    tokens: Rows

    def differences(self, number: int) -> Array:
        """g(y_1) - g(y_0) in the first (0) or second (1) predictor."""
        g = self.pair.tables[number][1]
        return g[self.tokens[:, 1]] - g[self.tokens[:, 0]]


def hypotheses(case: Case) -> list[Hypothesis]:
    """The same p; parallel and seen in the first; nothing unseen in the second."""
    first, second = case.pair.parts
    steering = case.differences(0)
    seen = np.linalg.norm(steering @ first.seen_space, axis=1).min() / np.linalg.norm(steering, axis=1).max()
    unseen = second.unembedding_span.shape[1] - second.effective_complexity
    return [
        case.pair.same_distribution(),
        at_most("parallel in the first", parallelism(steering).residual, EXACT),
        above("contexts of the first see them", seen, 1e-6),
        at_most("contexts of the second see all unembeddings", unseen, 0),
    ]


def conclusion(case: Case) -> Conclusion:
    """How far the differences of the second predictor are from pointing the same way."""
    apart = parallelism(case.differences(1)).residual
    return Conclusion("largest distance of two differences, each of length 1", apart, 1e-7)


def parallel_predictor(rng: np.random.Generator, n_pairs: int, dim: int) -> tuple[Array, Array]:
    """A predictor for 2 n_pairs tokens: token n_pairs + j is token j moved along one direction."""
    lower, direction = rng.standard_normal((n_pairs, dim)), rng.standard_normal(dim)
    upper = lower + rng.uniform(0.3, 3.0, size=(n_pairs, 1)) * direction
    return rng.standard_normal((dim + 8, dim)), np.vstack([lower, upper])


def pairs_of(n_pairs: int) -> Rows:
    """Token j and token n_pairs + j, for each j."""
    return np.column_stack([np.arange(n_pairs), n_pairs + np.arange(n_pairs)])


def example(seed: int, size: int) -> Case:
    """Parallel differences; the second predictor has room for embeddings only."""
    rng = np.random.default_rng(seed)
    core = parallel_predictor(rng, size, int(rng.integers(2, min(8, size) + 1)))
    dim = int(rng.integers(core[0].shape[1], 17))
    second = another(rng, core, dim, room=dim - core[0].shape[1])
    return Case(Pair(another(rng, core, core[0].shape[1]), second), pairs_of(size))


def counterexamples() -> dict[str, Case]:
    """Another p; no parallels at all; parallels that no context sees; a second predictor with room for unembeddings."""
    rng = np.random.default_rng(0)
    core, tokens = parallel_predictor(rng, 4, 3), pairs_of(4)
    f, g = core
    plain = random_predictor(rng, 8, complexity=3)
    twins = np.vstack([g[:4], g[:4]])  # p cannot tell y_1 from y_0; a fourth coordinate does
    hidden = np.column_stack([twins, np.repeat([0.0, 1.0], 4)])
    return {
        "same distribution": Case(Pair(core, (f, g + 0.3 * rng.standard_normal(g.shape))), tokens),
        "parallel in the first": Case(Pair(plain, another(rng, plain, 3)), tokens),
        "contexts of the first see them": Case(
            Pair((np.column_stack([f, np.zeros(len(f))]), hidden), (f, twins)), tokens
        ),
        "contexts of the second see all unembeddings": Case(Pair(core, another(rng, core, 4, room=0)), tokens),
    }


STATEMENT = Statement(
    label="thm-parallel-transfer",
    title="When parallelism transfers",
    source="this book's own condition and proof; that it can fail is in the abstract and summaries of arXiv 2410.23501",
    claim="p = p', differences of g parallel and seen, S' = M' => the same differences of g' are parallel",
    uses=("def-linear-representation", "thm-extended-linear-relation"),
    size="number of pairs of tokens",
    sizes=(2, 3, 8, 32),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
