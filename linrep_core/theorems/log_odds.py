"""Theorem 3: if every context sees the marginal log-odds of a concept, its projected steering vectors are equal.

In words: suppose that under every context that leaves concept i open, and at every token, the predictor gives i the
odds it has in the world at large. Then all contexts see the same thing in every steering vector of i, so what they
can see of it, its projection on the span of those contexts, is one vector. In a formula, for every c and every d with
d_i unknown:

    ln p_hat(c_(i -> 0) | d) / p_hat(c_(i -> 1) | d) = ln p(C_i = 0) / p(C_i = 1)
    =>  P (g(c_(i -> 1)) - g(c_(i -> 0))) is the same for all c,   P onto span{f(d) : d_i unknown}.

Where care is needed:

- The paper says "parallel"; its proof, like the check here, gives *equal*. If p(C_i = 1) = 1/2, they are all 0.
- The hypothesis is asked of *every* token c, also of those that contradict d, where the true odds are 0/0. An exact
  fit of an independent world need not satisfy it, and then the projected steering vectors can point anywhere: that is
  the counterexample below. Training decides what happens there, which is why the paper's second mechanism (the pull
  of gradient descent) is needed.
- Nothing is said about the part of a steering vector that no such context sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    NATS,
    Array,
    Fit,
    Rows,
    additive_fit,
    all_contexts,
    change_coordinates,
    free_fit,
    independent_world,
    random_invertible,
    widen,
)
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """A world and its predictor, and a concept."""

    fit: Fit
    concept: int


def open_contexts(n_concepts: int, concept: int) -> Rows:
    """The contexts that leave a concept open."""
    return np.flatnonzero(all_contexts(n_concepts)[:, concept] == -1)


def project(vectors: Array, onto: Array) -> Array:
    """The orthogonal projection of rows on the span of other rows."""
    _, singular_values, right = np.linalg.svd(onto, full_matrices=False)
    basis = right[singular_values > 1e-10 * singular_values[0]]
    return vectors @ basis.T @ basis


def projected_steering(case: Case) -> Array:
    """Steering vectors projected on the span of the contexts that leave the concept open, shape (2^(m-1), dim)."""
    visible = case.fit.embeddings[open_contexts(case.fit.n_concepts, case.concept)]
    return project(case.fit.steering(case.concept), onto=visible)


def marginal_log_odds(joint: Array, concept: int) -> float:
    """The log-odds ln p(C_i = 1) / p(C_i = 0), in nats."""
    split = joint.reshape(2**concept, 2, -1).sum(axis=(0, 2))
    return float(np.log(split[1] / split[0]))


def hypotheses(case: Case) -> list[Hypothesis]:
    """The log-odds are the marginal ones, for every context that leaves i open and every token."""
    visible = case.fit.embeddings[open_contexts(case.fit.n_concepts, case.concept)]
    seen = visible @ case.fit.steering(case.concept).T  # (n_contexts, 2^(m-1)), nats
    error = np.abs(seen - marginal_log_odds(case.fit.joint, case.concept)).max()
    return [at_most("log-odds matched at every token", error, NATS)]


def conclusion(case: Case) -> Conclusion:
    """The largest distance between two projected steering vectors, relative to the longest steering vector."""
    projected = projected_steering(case)
    distance = np.linalg.norm(projected[:, None] - projected[None], axis=2).max()
    longest = np.linalg.norm(case.fit.steering(case.concept), axis=1).max()
    quantity = "largest distance of two projected steering vectors / longest steering vector"
    return Conclusion(quantity, float(distance / longest), 1e-7)


def example(seed: int, size: int) -> Case:
    """An independent world, fitted exactly; invisible noise on g, then an invertible change of coordinates."""
    rng = np.random.default_rng(seed)
    fit = additive_fit(independent_world(rng, size).joint())
    fit = widen(fit, rng.standard_normal((2**size, 2)))
    return Case(change_coordinates(fit, random_invertible(rng, size + 3)), int(rng.integers(size)))


def counterexamples() -> dict[str, Case]:
    """An exact fit of an independent world that treats contradicted tokens in its own way."""
    rng = np.random.default_rng(0)
    return {"log-odds matched at every token": Case(free_fit(independent_world(rng, 3).joint(), rng), 0)}


STATEMENT = Statement(
    label="thm-log-odds",
    title="Log-odds imply linearity",
    source="arXiv 2403.03867, Theorem 3",
    claim="log-odds of i marginal under every context open in i => projected steering vectors all equal",
    uses=("def-linear-representation", "lem-softmax-ratio"),
    size="number of concepts m",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
