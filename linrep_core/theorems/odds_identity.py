"""T1, the log-odds identity: for an exact fit, the context cancels in every steering vector.

In words: a context that leaves concept i open sees the same thing in every steering vector of i, namely the world's
log-odds at that token. In a formula, for every x with x_i open and every y that agrees with x:

    f(x).(g(y_(i -> 1)) - g(y_(i -> 0))) = ln p(y_(i -> 1)) / p(y_(i -> 0)).

Proof: `softmax_ratio` turns the left side into ln p_hat(y_(i -> 1) | x) / p_hat(y_(i -> 0) | x); exact fit takes off
the hat; `flip_odds` takes away the context.

Where care is needed: a softmax cannot be exactly zero, so an exact fit of a context that tells something exists only
up to e^-B (see `exact_fit`). The identity itself then holds to rounding, because it compares tokens that agree with x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    EXACT,
    NATS,
    Fit,
    Rows,
    additive_fit,
    all_contexts,
    change_coordinates,
    dependent_world,
    disturb_unembeddings,
    free_fit,
    impossible_token,
    open_pairs,
    random_invertible,
)
from linrep_core.theorems.flip_odds import pair_hypotheses
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A world and its predictor, a concept, and pairs (context, token)."""

    fit: Fit
    concept: int
    contexts: Rows
    tokens: Rows


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive, exact at both flips of each token, open and agreeing."""
    error = case.fit.flip_fit_error(case.concept, case.contexts, case.tokens)
    return [
        above("positive", case.fit.joint.min()),
        at_most("exact fit", error, EXACT),
        *pair_hypotheses(case.concept, case.contexts, case.tokens, case.fit.n_concepts),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest difference between the two sides."""
    predicted = case.fit.predicted_log_odds(case.concept, case.contexts, case.tokens)
    with np.errstate(invalid="ignore"):
        gap = np.abs(predicted - case.fit.log_odds(case.concept, case.tokens)).max()
    return Conclusion("largest |f.(difference of g) - log-odds|, nats", float(gap), NATS)


def exact_example(seed: int, size: int) -> Fit:
    """A random dependent world with an exact fit: additive in random coordinates, or free off the agreeing pairs."""
    rng = np.random.default_rng(seed)
    joint = dependent_world(rng, size).joint()
    if seed % 2:
        return free_fit(joint, rng)
    return change_coordinates(additive_fit(joint), random_invertible(rng, size + 1))


def example(seed: int, size: int) -> Case:
    """All pairs of a random exact fit and a random concept."""
    concept = seed % size
    return Case(exact_example(seed, size), concept, *open_pairs(size, [concept]))


def counterexamples() -> dict[str, Case]:
    """An impossible token; noise on g; contexts that know i; tokens that contradict the context."""
    rng = np.random.default_rng(0)
    joint = dependent_world(rng, 3).joint()
    fit, pairs = free_fit(joint, rng), open_pairs(3, [0])
    knows = np.flatnonzero(all_contexts(3)[:, 0] == 1)
    return {
        "positive": Case(free_fit(impossible_token(joint, 0b111), rng), 0, np.array([26, 26]), np.array([0b111, 0])),
        "exact fit": Case(disturb_unembeddings(fit, rng), 0, *pairs),
        "context leaves i open": Case(fit, 0, knows[:1], np.array([0b100])),
        "token agrees with context": Case(fit, 0, *open_pairs(3, [0], agreeing=False)),
    }


STATEMENT = Statement(
    label="thm-odds-identity",
    title="The log-odds identity (T1)",
    source="this book",
    claim="exact fit => f(x).(g(y_i:=1) - g(y_i:=0)) = ln p(y_i:=1) / p(y_i:=0): the context cancels",
    uses=("lem-softmax-ratio", "lem-flip-odds"),
    size="number of concepts m",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
