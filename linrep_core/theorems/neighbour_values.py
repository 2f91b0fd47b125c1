"""Theorem 10 as this book reads it: what counts is that the token speaks only through its neighbours.

In words: let the log-odds of concept i that a context sees at token c depend on c only through the values c_ne(i) of
the neighbours of i. Then the projected steering vectors of i take at most 2^|ne(i)| different values. In a formula:

    f(d).(g(c_(i -> 1)) - g(c_(i -> 0))) = h(d, c_ne(i)) for all c and all informed d
    =>  P (g(c_(i -> 1)) - g(c_(i -> 0))) takes at most 2^|ne(i)| values, so spans at most 2^|ne(i)| dimensions.

Proof: a vector in a span is determined by its inner products with the vectors that span it, and these are given by
c_ne(i). For an exact fit, `markov_flip` and `odds_identity` give the hypothesis wherever c agrees with d, with
h = ln p(C_i = 1 | c_ne(i)) / p(C_i = 0 | c_ne(i)); where c contradicts d it is an assumption about the predictor.
Unlike the printed Theorem 10 (see `neighbours`) this bound is reached: the random examples here, all of them exact
fits, have dimension min(2^|ne(i)|, 2^(m-1)) exactly.
"""

from __future__ import annotations

import numpy as np

from linrep_core.theorems.exact_fit import (
    NATS,
    Array,
    Fit,
    all_contexts,
    fit_from_logits,
    free_fit,
    free_logits,
    independent_world,
    token_with,
)
from linrep_core.theorems.neighbours import (
    Case,
    conclusion,
    informed_contexts,
    neighbour_log_odds,
    random_case,
    seen_log_odds,
)
from linrep_core.theorems.statement import Hypothesis, Statement, at_most


def neighbour_values(case: Case) -> Array:
    """For each of the 2^(m-1) pairs of tokens, the number of its neighbours' values: 0 to 2^|ne(i)| - 1."""
    m = case.fit.n_concepts
    tokens = np.unique(token_with(np.arange(2**m), case.concept, 0, m))
    number = np.zeros(len(tokens), dtype=np.int64)
    for j in case.neighbours:
        number = 2 * number + (tokens >> (m - 1 - j)) % 2
    return number


def hypotheses(case: Case) -> list[Hypothesis]:
    """How much the log-odds vary between tokens with the same values of the neighbours of i, in informed contexts."""
    seen, values = seen_log_odds(case), neighbour_values(case)
    spread = max(np.ptp(seen[:, values == value], axis=1).max() for value in np.unique(values))
    return [at_most("token speaks through its neighbours", spread, NATS)]


def local_logits(joint: Array, concept: int, neighbours: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Logits of an exact fit in which the odds of i depend on the token through its neighbours only."""
    m = len(joint).bit_length() - 1
    logits = free_logits(joint, rng)
    case = Case(Fit(joint, logits, np.eye(2**m)), concept, neighbours)
    rows, values = informed_contexts(case), neighbour_values(case)
    odds = neighbour_log_odds(joint, concept, neighbours).reshape(-1)  # the value of h where token and context agree
    told = all_contexts(m)[rows][:, list(neighbours)] @ (2 ** np.arange(len(neighbours))[::-1]).astype(np.int64)
    h = odds + 3.0 * rng.standard_normal((len(rows), len(odds)))
    h[np.arange(len(rows)), told] = odds[told]
    lower = np.unique(token_with(np.arange(2**m), concept, 0, m))
    logits[rows[:, None], token_with(lower, concept, 1, m)] = logits[rows[:, None], lower] + h[:, values]
    return logits


def example(seed: int, size: int) -> Case:
    """An exact fit of a random Markov random field with such logits."""
    joint, concept, neighbours, rng = random_case(seed, size)
    return Case(fit_from_logits(joint, local_logits(joint, concept, neighbours, rng), rng), concept, neighbours)


def counterexamples() -> dict[str, Case]:
    """An exact fit of an independent world of 4 concepts that treats contradicted tokens in its own way."""
    rng = np.random.default_rng(0)
    return {"token speaks through its neighbours": Case(free_fit(independent_world(rng, 4).joint(), rng), 0, ())}


STATEMENT = Statement(
    label="thm-neighbour-values",
    title="One steering vector for each value of the neighbours",
    source="this book, after arXiv 2403.03867, Theorem 10",
    claim="log-odds of i depend on the token through c_ne(i) => at most 2^|ne(i)| projected steering vectors",
    uses=("lem-markov-flip", "thm-odds-identity"),
    size="number of concepts m",
    sizes=(2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
