"""The same distribution: the parts that are seen are related by one invertible linear map.

In words: two predictors that give every token the same probability in every context have the same representations, up
to one invertible linear map, if one looks only at the parts that reach the probabilities. Their dimensions may differ.
In a formula, with g0(y) = g(y) - g(pivot), S = span{g0(y)}, M = P_S span{f(x)}, and a prime for the second predictor:

    p = p'   =>   P_S' f'(x) = L P_S f(x)  and  P_M' g0'(y) = L^-T P_M g0(y)   for one linear bijection L: M -> M'.

Proof: p determines f(x).g0(y) = ln p(y | x) / p(pivot | x), and this is (P_S f(x)).(P_M g0(y)), because g0(y) lies in S
and P_S f(x) in M. Write it in a basis of M as Z = F G^T, with k = dim M columns. The rows of F span M by definition;
those of G span P_M S, which is M since M lies in S. So rank Z = k, and k' = k. From F G^T = F' G'^T and the full column
rank of G', F' = F L^T with L^T = G^T G' (G'^T G')^-1. L is invertible, because F' has rank k. Put this in:
F (G^T - L^T G'^T) = 0, and F has full column rank, so G = G' L.

Nothing is said of the rest: of f outside S and of g0 outside M. `related_parts` is the converse.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import extended_linear_relation
from linrep_core.theorems.equivalent_pairs import (
    EXACT,
    TOKENS,
    Pair,
    another,
    disturbed,
    random_pair,
    random_predictor,
)
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, worst_of


def hypotheses(case: Pair) -> list[Hypothesis]:
    """The same p, no more."""
    return [case.same_distribution()]


def conclusion(case: Pair) -> Conclusion:
    """What the best map leaves unexplained of the seen parts, and the difference of their dimensions."""
    relation = extended_linear_relation(case.first, case.second)
    one, other = relation.complexities
    return worst_of(
        Conclusion("share of the seen parts that no linear bijection explains", relation.residual, EXACT),
        Conclusion("difference of effective complexities", abs(one - other), 0.5),
    )


def example(seed: int, size: int) -> Pair:
    """Any two predictors with the same distribution."""
    return random_pair(np.random.default_rng(seed), size)


def counterexamples() -> dict[str, Pair]:
    """Noise on the embeddings of one."""
    rng = np.random.default_rng(0)
    core = random_predictor(rng, 8, complexity=3)
    return {"same distribution": Pair(core, disturbed(rng, another(rng, core, 5)))}


STATEMENT = Statement(
    label="thm-extended-linear-relation",
    title="What equal distributions have in common",
    source="this book's own proof; arXiv 2410.23501 characterises these classes (its Theorem 5)",
    claim="p = p' => P_S' f' = L P_S f and P_M' g0' = L^-T P_M g0 for one linear bijection L",
    uses=(),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
