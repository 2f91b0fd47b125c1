"""Proposition 11: probabilities near zero push the two steering vectors of a concept into each other's direction.

In words: if a predictor is accurate to eps everywhere, the unembedding and the embedding steering vector of concept i
have a large positive inner product. In a formula, with g1, g0 = g(c_(i -> 1)), g(c_(i -> 0)), f1, f0 = f(d_(i -> 1)),
f(d_(i -> 0)) and c agreeing with d off i:

    exp(-(g1 - g0).(f1 - f0)) < eps^2 / ((p(c_(i -> 0) | d_(i -> 0)) - eps) (p(c_(i -> 1) | d_(i -> 1)) - eps)).

Proof: the left side is the product of two ratios, p_hat(c_1 | d_0) / p_hat(c_0 | d_0) and p_hat(c_0 | d_1) /
p_hat(c_1 | d_1). Each numerator estimates 0, so it is below eps; each denominator is above its true value minus eps.

Where care is needed: the paper prints the difference of embeddings as f(d_(i -> 0)) - f(d_(i -> 1)). With that sign
the left side is exp(+...), which is enormous for every good predictor: `printed_sign_ratio` measures it. Its proof
gives the sign used here. And c must agree with d off i; otherwise the probabilities on the right are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    Array,
    Fit,
    Rows,
    additive_fit,
    agreement,
    all_contexts,
    change_coordinates,
    context_with,
    dependent_world,
    disturb_unembeddings,
    impossible_token,
    open_pairs,
    random_invertible,
    token_with,
)
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A world and its predictor, a claimed accuracy eps, a concept, and pairs (context open in i, token)."""

    fit: Fit
    eps: float
    concept: int
    contexts: Rows
    tokens: Rows


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive; eps above the error and below every positive p(c | d); tokens that agree with the context off i."""
    fit, m = case.fit, case.fit.n_concepts
    error = largest_error(fit)
    clash = ~agreement(m)[case.contexts, case.tokens]
    return [
        above("positive", fit.joint.min()),
        above("accurate to eps", case.eps - error),
        above("eps below every positive p", fit.target[fit.target > 0].min() - case.eps),
        at_most("token agrees with context", clash.sum(), 0),
    ]


def largest_error(fit: Fit) -> float:
    """The largest |p_hat(c | d) - p(c | d)| over all tokens and all contexts that can occur."""
    possible = fit.target.any(axis=1)
    return float(np.abs(fit.predicted - fit.target)[possible].max())


def exponent(case: Case) -> Array:
    """(g1 - g0).(f1 - f0) for each pair."""
    rows = (context_with(case.contexts, case.concept, value, case.fit.n_concepts) for value in (1, 0))
    upper, lower = (case.fit.embeddings[row] for row in rows)
    return np.einsum("nd,nd->n", case.fit.steering(case.concept, case.tokens), upper - lower)


def bound(case: Case) -> Array:
    """The right side for each pair."""
    m, factors = case.fit.n_concepts, []
    for value in (0, 1):
        rows = context_with(case.contexts, case.concept, value, m)
        factors.append(case.fit.target[rows, token_with(case.tokens, case.concept, value, m)] - case.eps)
    with np.errstate(divide="ignore"):
        return case.eps**2 / (factors[0] * factors[1])


def largest_ratio(left_exponent: Array, right: Array) -> float:
    """The largest exp(left) / right; infinite when a right side is not even positive."""
    if (right <= 0).any():
        return float("inf")
    return float(np.exp(np.minimum(left_exponent - np.log(right), 700.0)).max())


def printed_sign_ratio(case: Case) -> float:
    """Left over right side with the sign as printed in the paper: above 1 the printed inequality is false."""
    return largest_ratio(exponent(case), bound(case))


def conclusion(case: Case) -> Conclusion:
    """The largest ratio of the left to the right side."""
    quantity = "exp(-inner product of the two steering vectors) / bound"
    return Conclusion(quantity, largest_ratio(-exponent(case), bound(case)), 1.0)


def example(seed: int, size: int) -> Case:
    """A predictor of a random world that is as good as it need be, with eps just above its error.

    A contradicted concept costs 4 to 15 nats, more where the world has small probabilities.
    """
    rng = np.random.default_rng(seed)
    joint, concept = dependent_world(rng, size).joint(), int(rng.integers(size))
    strengths, noise = rng.uniform(4.0, 15.0, size=(3**size, size)), 0.01
    while True:
        fit = change_coordinates(additive_fit(joint, strengths), random_invertible(rng, size + 1))
        fit = disturb_unembeddings(fit, rng, size=noise)
        case = Case(fit, 1.05 * largest_error(fit), concept, *open_pairs(size, [concept]))
        if all(hypothesis.holds for hypothesis in hypotheses(case)):
            return case
        strengths, noise = strengths + 1.0, noise / 2


def counterexamples() -> dict[str, Case]:
    """An impossible token; an eps below the error; an eps above the probabilities; a contradicted token."""
    joint, pairs = dependent_world(np.random.default_rng(2), 2).joint(), open_pairs(2, [0])
    fit = additive_fit(joint, 12.0)
    error = largest_error(fit)
    blocked = impossible_token(joint, 0b11)
    nearly = additive_fit(np.where(blocked > 0, blocked, 1e-6), 12.0)
    backwards = Fit(joint, -fit.embeddings, fit.unembeddings)
    clash = np.array([7]), np.array([0b00])  # context (unknown, 1), token (0, 0)
    return {
        "positive": Case(Fit(blocked, nearly.embeddings, nearly.unembeddings), 1e-3, 0, *pairs),
        "accurate to eps": Case(fit, 0.1 * error, 0, *pairs),
        "eps below every positive p": Case(backwards, 1.0, 0, *pairs),
        "token agrees with context": Case(_reversed_where_contradicted(fit), 2 * error, 0, *clash),
    }


def _reversed_where_contradicted(fit: Fit) -> Fit:
    """Two concepts. A new coordinate of g marks concept 0 among tokens with c_1 = 0, and of f, contexts with d_1 = 1.

    It turns the inner product of the two steering vectors negative where c contradicts d, and nowhere else.
    """
    contexts, tokens = all_contexts(2), np.arange(4)
    mark_f = np.where(contexts[:, 1] == 1, np.where(contexts[:, 0] == 1, -10.0, 10.0) * (contexts[:, 0] != -1), 0.0)
    mark_g = np.where(tokens % 2 == 0, 2.0 * (tokens // 2) - 1, 0.0)
    return Fit(fit.joint, np.column_stack([fit.embeddings, mark_f]), np.column_stack([fit.unembeddings, mark_g]))


STATEMENT = Statement(
    label="prop-zero-push",
    title="Zero probabilities push",
    source="arXiv 2403.03867, Proposition 11 (sign of the f-difference corrected)",
    claim="|p_hat - p| < eps => exp(-(g1 - g0).(f1 - f0)) < eps^2 / ((p(c_0|d_0) - eps)(p(c_1|d_1) - eps))",
    uses=("lem-softmax-ratio",),
    size="number of concepts m",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
