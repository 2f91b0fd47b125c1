"""With diversity on both sides nothing is free but the coordinates.

In words: if in both predictors the f(x) span all dimensions, and the g0(y) too, then equal distributions mean equal
representations up to an invertible matrix. In a formula:

    p = p',  span{f} = span{g0} = R^d,  span{f'} = span{g0'} = R^d'   =>   d = d',  f' = A f,  g0' = A^-T g0.

Proof: then S = M = R^d and S' = M' = R^d', so the projections in `extended_linear_relation` do nothing, and A = L.

Both sides are needed: a diverse predictor has equivalent ones in more dimensions, with noise in the spare ones.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import linear_relation
from linrep_core.theorems.equivalent_pairs import EXACT, TOKENS, Pair, another, disturbed, random_predictor
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


def hypotheses(case: Pair) -> list[Hypothesis]:
    """The same p; no dimension is left over in either."""
    spare = [seen.embeddings.shape[1] - seen.effective_complexity for seen in case.parts]
    return [
        case.same_distribution(),
        at_most("first is diverse", spare[0], 0),
        at_most("second is diverse", spare[1], 0),
    ]


def conclusion(case: Pair) -> Conclusion:
    """What the best matrix leaves unexplained of the whole representations."""
    relation = linear_relation(case.first, case.second)
    return Conclusion("share of f' and g0 that no matrix explains", relation.residual, EXACT)


def example(seed: int, size: int) -> Pair:
    """Two predictors in as many dimensions as the effective complexity."""
    rng = np.random.default_rng(seed)
    core = random_predictor(rng, size)
    k = core[0].shape[1]
    return Pair(another(rng, core, k), another(rng, core, k))


def counterexamples() -> dict[str, Pair]:
    """Noise on the embeddings; spare dimensions on one side or the other."""
    rng = np.random.default_rng(0)
    core = random_predictor(rng, 8, complexity=3)
    wide = another(rng, core, 5, room=1)
    return {
        "same distribution": Pair(core, disturbed(rng, another(rng, core, 3))),
        "first is diverse": Pair(wide, core),
        "second is diverse": Pair(core, wide),
    }


STATEMENT = Statement(
    label="cor-diverse-relation",
    title="With diversity, only the coordinates are free",
    source="classical; proof in this book",
    claim="p = p', both diverse => d = d', f' = A f, g0' = A^-T g0",
    uses=("thm-extended-linear-relation",),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
