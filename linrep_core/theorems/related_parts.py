"""The converse: seen parts related by L and its inverse transpose give the same distribution, whatever the rest.

In a formula, in the notation of `extended_linear_relation`:

    P_S' f' = L P_S f  and  P_M' g0' = L^-T P_M g0   =>   p = p'.

Proof: f'(x).g0'(y) = (P_S' f'(x)).(P_M' g0'(y)) = (L P_S f(x)).(L^-T P_M g0(y)) = (P_S f(x)).(P_M g0(y)) = f(x).g0(y),
and a softmax sees nothing else.

So the class of a predictor is known completely: L is free, f is free outside S, g0 is free outside M, and the
unembedding of the pivot is free.
"""

from __future__ import annotations

import numpy as np

from linrep_core.identifiability import distribution_gap, extended_linear_relation
from linrep_core.theorems.equivalent_pairs import EXACT, TOKENS, Pair, random_pair, random_predictor
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


def hypotheses(case: Pair) -> list[Hypothesis]:
    """One map for the embeddings, its inverse transpose for the unembeddings."""
    relation = extended_linear_relation(case.first, case.second)
    return [
        at_most("seen embeddings related", relation.embedding_residual, EXACT),
        at_most("unembeddings by the inverse transpose", relation.unembedding_residual, EXACT),
    ]


def conclusion(case: Pair) -> Conclusion:
    """The largest difference of log-probabilities."""
    return Conclusion("largest |ln p - ln p'|, nats", distribution_gap(case.first, case.second), 1e-7)


def example(seed: int, size: int) -> Pair:
    """Any two predictors whose seen parts are related."""
    return random_pair(np.random.default_rng(seed), size)


def counterexamples() -> dict[str, Pair]:
    """Noise that the best map cannot see; unembeddings twice as long."""
    rng = np.random.default_rng(0)
    f, g = random_predictor(rng, 8, complexity=3)
    noise = rng.standard_normal(f.shape)
    unexplained = noise - f @ np.linalg.lstsq(f, noise, rcond=None)[0]  # orthogonal to the columns of f: L stays 1
    return {
        "seen embeddings related": Pair((f, g), (f + unexplained, g)),
        "unembeddings by the inverse transpose": Pair((f, g), (f, 2 * g)),
    }


STATEMENT = Statement(
    label="prop-related-parts",
    title="What is enough for equal distributions",
    source="this book's own proof; arXiv 2410.23501 characterises these classes (its Theorem 5)",
    claim="P_S' f' = L P_S f and P_M' g0' = L^-T P_M g0 => p = p', whatever f is outside S and g0 outside M",
    uses=(),
    size="number of tokens |V|",
    sizes=TOKENS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
