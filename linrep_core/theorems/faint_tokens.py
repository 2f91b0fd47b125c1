"""Where a token tells next to nothing, representations are posteriors, not their logarithms.

In words: if no concept vector makes any token much likelier or less likely than another, what the probabilities see of
f(x) is nearly an affine function of the posterior p(c | x) itself. In a formula, with q(y) any probabilities,
p(y | c) = q(y) (1 + h(c, y)), all |h(c, y)| <= eta < 1, V tokens, and G^+, sigma as in `thm-joint-log-posterior`:

    P_S f(x) = G^+ [ln q(y) + sum_c p(c | x) h(c, y)]_y + r(x),    |r(x)| <= sqrt(V) eta^2 / (2 (1 - eta) sigma).

Proof: ln p(y | x) = ln q(y) + ln(1 + u), with u = sum_c p(c | x) h(c, y) a mean of numbers of size at most eta. The
series of the logarithm gives |ln(1 + u) - u| <= u^2/2 + |u|^3/3 + ... <= (u^2 / 2) (1 + |u| + u^2 + ...), which is
u^2 / (2 (1 - |u|)). There are V entries, and G^+ does the rest as before.

The logits vary by about eta and the error is about eta^2, so the share that is missed goes to 0 with eta, while an
affine function of log posteriors goes on missing what the logarithm bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.log_posteriors import ambiguous_world
from linrep_core.logit_distance import smallest_stretch
from linrep_core.theorems.equivalent_pairs import Array, disturbed
from linrep_core.theorems.joint_log_posterior import CONCEPTS, Learnt, learnt_exactly, random_world
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """A world with its predictor, and the bound eta that is claimed for what a token tells."""

    learnt: Learnt
    eta: float

    def told(self) -> tuple[Array, Array]:
        """q(y), the mean of the rows of p(y | c), and h(c, y)."""
        emission = self.learnt.world.emission
        typical = emission.mean(axis=0)
        return typical, emission / typical - 1


def hypotheses(case: Case) -> list[Hypothesis]:
    """The world's distribution, and tokens that tell at most eta."""
    _, h = case.told()
    return [case.learnt.same_distribution(), at_most("faint tokens", np.abs(h).max(), case.eta)]


def conclusion(case: Case) -> Conclusion:
    """The distance of the seen parts from the affine function of the posterior, over its bound."""
    typical, h = case.told()
    apart = case.learnt.apart(np.log(typical) + case.learnt.world.posterior @ h)
    error = len(typical) ** 0.5 * case.eta**2 / (2 * (1 - case.eta))
    bound = error / smallest_stretch(case.learnt.predictor)
    return Conclusion("distance from the posteriors / its bound", apart / bound, 1 + 1e-6)


def careless(n_concepts: int, eta: float) -> float:
    """The ambiguity at which a careless speaker's words tell exactly eta.

    A word of its own has h = (1 - ambiguity) (2**m - 1), which is the largest.
    """
    return 1 - eta / (2**n_concepts - 1)


def example(seed: int, size: int) -> Case:
    """A careless speaker whose words tell little, eta from 0.05 to 0.9."""
    rng = np.random.default_rng(seed)
    eta = float(rng.uniform(0.05, 0.9))
    world = random_world(rng, size, kind="careless", ambiguity=careless(size, eta))
    return Case(learnt_exactly(rng, world), eta * (1 + 1e-9))


def counterexamples() -> dict[str, Case]:
    """Noise on f; and words that tell their meaning, which is denied."""
    rng = np.random.default_rng(0)
    faint = example(0, 2)
    clear = learnt_exactly(rng, ambiguous_world(2, ambiguity=0.1))
    noisy = Learnt(faint.learnt.world, disturbed(rng, faint.learnt.predictor, size=10.0))
    return {"same distribution": Case(noisy, faint.eta), "faint tokens": Case(clear, 0.1)}


STATEMENT = Statement(
    label="prop-faint-tokens",
    title="Where a token tells little, representations are posteriors",
    source="this book",
    claim="p(y | c) = q(y) (1 + h), |h| <= eta => P_S f within sqrt(V) eta^2 / (2 (1 - eta) sigma) of A p(. | x) + b",
    uses=(),
    size="number of concepts m",
    sizes=CONCEPTS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
