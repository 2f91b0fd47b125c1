"""Where contexts tell of each concept by itself, log posteriors of single concepts are enough, and steps are parallel.

In words: if every token tells its concept vector, and the concepts are independent in every context, then what the
probabilities see of f(x) is an affine function of the m marginal log-odds ln p(c_i = 1 | x) / p(c_i = 0 | x). And all
steps between words that differ in concept i only look the same to differences of contexts. In a formula:

    p(c | x) = prod_i p(c_i | x),  one meaning a token
    =>  P_S f(x) = A [ln p(c_i = 1 | x) / p(c_i = 0 | x)]_i + b,
        and P (g(y') - g(y)) is one vector for all y, y' that mean c_(i -> 0), c_(i -> 1),  P onto span{f(x) - f(x')}.

Proof: ln p(c | x) = sum_i ln p(c_i | x) = sum_i c_i l_i(x) + constant of x, with l_i the log-odds; a constant of x
drops out of centred logits, so the first part follows from `thm-joint-log-posterior` with doubt 0. For the second,
f(x).(g(y') - g(y)) = ln p(y' | x) / p(y | x) = l_i(x) + constant of (y, y'); so its difference between two contexts is
l_i(x) - l_i(x'), the same for all such pairs of words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linrep_core.concepts import concept_vectors
from linrep_core.identifiability import span_basis, tables
from linrep_core.log_posteriors import AmbiguousWorld, ambiguous_world, exact_predictor
from linrep_core.logit_distance import log_posterior_regression
from linrep_core.theorems.equivalent_pairs import Array, disturbed
from linrep_core.theorems.joint_log_posterior import CONCEPTS, Learnt, learnt_exactly, random_world
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most, worst_of

EXACT = 1e-9  # nats that count as none
ALONE = {"reports": "separate", "edge_probability": 0.0}


def hypotheses(case: Learnt) -> list[Hypothesis]:
    """The world's distribution, no doubt, and a posterior that is the product of its marginals."""
    world = case.world
    tokens = concept_vectors(world.graph.n_concepts)
    logs = np.log(world.marginal_posteriors)
    product = sum(logs[:, i, tokens[:, i]] for i in range(tokens.shape[1]))
    dependence = np.abs(np.log(world.posterior) - product).max()
    return [
        case.same_distribution(),
        at_most("one meaning a token", world.doubt, EXACT),
        at_most("concepts independent in every context", dependence, EXACT),
    ]


def unequal_steps(case: Learnt) -> float:
    """Largest distance between seen steps of one concept over the longest seen step of any."""
    f, g = tables(case.predictor)
    basis = span_basis(f - f.mean(axis=0), tolerance=1e-6)
    apart, longest = 0.0, 0.0
    for concept in range(case.world.graph.n_concepts):
        steps = _steps(g @ basis, case.world.meanings, 1 << concept)
        apart = max(apart, float(np.linalg.norm(steps - steps[0], axis=1).max()))
        longest = max(longest, float(np.linalg.norm(steps, axis=1).max()))
    return apart / longest


def _steps(g: Array, meanings: NDArray[np.int64], bit: int) -> Array:
    """g(y') - g(y) for all words whose meanings differ in that bit only."""
    lower, upper = np.nonzero((meanings[:, None] ^ meanings[None] == bit) & (meanings[:, None] & bit == 0))
    return g[upper] - g[lower]


def conclusion(case: Learnt) -> Conclusion:
    """What the best affine function of marginal log posteriors misses, and how unequal the steps are."""
    missed = 1 - log_posterior_regression(case.seen, case.world.marginal_posteriors).r_squared
    return worst_of(
        Conclusion("share of f that marginal log posteriors miss", missed, 1e-9),
        Conclusion("largest distance of two seen steps / longest step", unequal_steps(case), 1e-5),
    )


def example(seed: int, size: int) -> Learnt:
    """Independent concepts, each reported by itself; synonyms, no ambiguity."""
    rng = np.random.default_rng(seed)
    return learnt_exactly(rng, random_world(rng, size, ambiguity=0.0, **ALONE))


def _shortest(world: AmbiguousWorld) -> Learnt:
    return Learnt(world, exact_predictor(world))


def counterexamples() -> dict[str, Learnt]:
    """Noise on f; careless words; contexts that report concept vectors as wholes.

    The two last in their shortest predictors: how unequal steps are depends on the coordinates, and those of a random
    change of coordinates differ between machines, as the singular vectors of symmetric worlds do.
    """
    rng = np.random.default_rng(0)
    clear = example(0, 2)
    return {
        "same distribution": Learnt(clear.world, disturbed(rng, clear.predictor)),
        "one meaning a token": _shortest(ambiguous_world(2, ambiguity=0.3, **ALONE)),
        "concepts independent in every context": _shortest(ambiguous_world(2, reports="joint")),
    }


STATEMENT = Statement(
    label="prop-marginal-log-posteriors",
    title="Independent concepts: log posteriors one by one, and equal steps",
    source="this book",
    claim="one meaning a token, p(c | x) = prod p(c_i | x) => P_S f affine in the marginal log-odds, seen steps equal",
    uses=("thm-joint-log-posterior",),
    size="number of concepts m",
    sizes=CONCEPTS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
