"""Where context and token together tell the meaning, representations are log posteriors up to an affine map.

In words: let every token have one concept vector c_y, its meaning, among those that can emit it. If hearing the token
in its context leaves next to no doubt about the meaning, then what the probabilities see of f(x) is an affine function
of the log posteriors ln p(c | x), up to that doubt. In a formula, with G the centred unembeddings, sigma their smallest
singular value that is not 0, G^+ the pseudo-inverse, and means over contexts:

    P_S f(x) = G^+ [ln p(c_y | x) + ln p(y | c_y)]_y + r(x),    mean |r(x)|^2 <= doubt^2 / sigma^2,
    doubt^2 = mean_x sum_y (ln p(c_y | x, y))^2.

Proof: x and y are independent given c, so p(c | x, y) p(y | x) = p(c | x) p(y | c). With c = c_y, in logarithms:
ln p(y | x) = ln p(c_y | x) + ln p(y | c_y) + e_y(x), e_y(x) = -ln p(c_y | x, y). The logits minus their mean over
tokens, G f(x), are ln p(. | x) minus its mean; G^+ G = P_S, and G^+ takes the same number in every entry to 0, as the
columns of G sum to 0. So r(x) = G^+ e(x), and G^+ makes no vector longer than 1/sigma times its length.

With one concept vector for each token (synonyms allowed) the doubt is 0, and the affine map is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from linrep_core.identifiability import RANK_TOLERANCE, equivalent_predictor, log_probabilities, tables
from linrep_core.log_posteriors import AMBIGUITIES, REPORTS, AmbiguousWorld, ambiguous_world, exact_predictor
from linrep_core.logit_distance import smallest_stretch
from linrep_core.theorems.equivalent_pairs import Array, disturbed
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most

NATS = 1e-6  # ln p of a predictor that counts as exact
CONCEPTS = (1, 2, 3)  # sizes at which worlds are drawn
SURE = 1e-6  # eps is at least so large, in units of f's length: what rounding leaves of an exact relation


@dataclass(frozen=True)
class Learnt:
    """A world and a predictor of its tokens."""

    world: AmbiguousWorld
    predictor: Any

    @cached_property
    def back(self) -> Array:
        """G^+, shape (dim, n_tokens): from centred logits to what they say about f."""
        _, g = tables(self.predictor)
        return np.linalg.pinv(g - g.mean(axis=0), rcond=RANK_TOLERANCE)

    @cached_property
    def seen(self) -> Array:
        """P_S f(x), shape (n_contexts, dim)."""
        f, g = tables(self.predictor)
        return f @ (self.back @ (g - g.mean(axis=0))).T

    @property
    def length(self) -> float:
        """Root mean square length of the seen parts."""
        return float(np.sqrt((self.seen**2).sum(axis=1).mean()))

    def apart(self, logits: Array) -> float:
        """Root mean square distance of the seen parts from G^+ of these logits, shape (n_contexts, n_tokens)."""
        return float(np.sqrt(((self.seen - logits @ self.back.T) ** 2).sum(axis=1).mean()))

    def same_distribution(self) -> Hypothesis:
        """The hypothesis that the predictor gives every token the world's ln p(y | x)."""
        error = np.abs(log_probabilities(self.predictor) - np.log(self.world.next_token_distribution)).max()
        return at_most("same distribution", error, NATS)


@dataclass(frozen=True)
class Case:
    """A world with its predictor, and the distance eps that is claimed, in the units of its embeddings."""

    learnt: Learnt
    epsilon: float


def learnt_exactly(rng: np.random.Generator, world: AmbiguousWorld) -> Learnt:
    """Any predictor with the world's distribution, up to four dimensions more than needed."""
    core = exact_predictor(world)
    dim = core[0].shape[1] + int(rng.integers(5))
    return Learnt(world, equivalent_predictor(core, dim, seed=int(rng.integers(2**31))))


def random_world(rng: np.random.Generator, n_concepts: int, **settings: Any) -> AmbiguousWorld:
    """A world of any sharpness and dependence, its words ambiguous to any degree; `settings` fix some of this."""
    chosen = {
        "ambiguity": float(rng.choice([0.0, rng.uniform(0.01, 0.9)])),
        "kind": str(rng.choice(AMBIGUITIES)),
        "sharpness": float(rng.uniform(0.3, 1.5)),
        "reports": str(rng.choice(REPORTS)),
        "synonyms": int(rng.integers(1, 4)),
        "seed": int(rng.integers(2**31)),
    }
    return ambiguous_world(n_concepts, **{**chosen, **settings})


def hypotheses(case: Case) -> list[Hypothesis]:
    """The distribution is the world's, and the doubt is at most sigma eps."""
    allowed = case.epsilon * smallest_stretch(case.learnt.predictor)
    doubt = at_most("little doubt about the meaning", case.learnt.world.doubt, allowed)
    return [case.learnt.same_distribution(), doubt]


def conclusion(case: Case) -> Conclusion:
    """The distance of the seen parts from the affine function of log posteriors, in units of eps."""
    world = case.learnt.world
    own = world.emission[world.meanings, np.arange(world.emission.shape[1])]
    logits = np.log(world.posterior[:, world.meanings]) + np.log(own)
    return Conclusion("distance from the log posteriors / eps", case.learnt.apart(logits) / case.epsilon, 1 + 1e-6)


def smallest_claim(learnt: Learnt) -> Case:
    """The smallest eps that the doubt allows, or what rounding leaves."""
    epsilon = learnt.world.doubt / smallest_stretch(learnt.predictor)
    return Case(learnt, max((1 + 1e-9) * epsilon, SURE * learnt.length))


def example(seed: int, size: int) -> Case:
    """Any world, any predictor that has its distribution, and the smallest eps."""
    rng = np.random.default_rng(seed)
    return smallest_claim(learnt_exactly(rng, random_world(rng, size)))


def counterexamples() -> dict[str, Case]:
    """Noise on f where no word is ambiguous; and ambiguous words whose doubt is denied."""
    rng = np.random.default_rng(0)
    clear = smallest_claim(learnt_exactly(rng, ambiguous_world(2)))
    vague = learnt_exactly(rng, ambiguous_world(2, ambiguity=0.3))
    noisy = Learnt(clear.learnt.world, disturbed(rng, clear.learnt.predictor))
    return {
        "same distribution": Case(noisy, clear.epsilon),
        "little doubt about the meaning": Case(vague, 0.01 * vague.length),
    }


STATEMENT = Statement(
    label="thm-joint-log-posterior",
    title="Where the meaning is told, representations are log posteriors",
    source="this book's own condition and proof; the question is arXiv 2503.08980's",
    claim="doubt <= sigma eps => P_S f(x) is within eps (root mean square) of an affine function of ln p(c | x)",
    uses=(),
    size="number of concepts m",
    sizes=CONCEPTS,
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
