"""T4: what separation adds, and the right angle between the embedding directions of j and the direction of i.

In words: let an exact fit have the same unembedding steering vector of i whether j is off or on. Then learning the
value of j, from 0 to 1, moves the context at right angles to it. In a formula: if

    D = g(y_(i -> 1)) - g(y_(i -> 0)) is the same at y_(j -> 0) and y_(j -> 1),
    then (f(x_(j -> 1)) - f(x_(j -> 0))).D = 0

for every x that leaves i open, knows j, and agrees with y off j. Proof: Theorem 7 at y_(j -> 1) and at y_(j -> 0),
both with the same D; subtract.

Where separation comes in: under an exact fit, D can be the same at both values of j only if the log-odds of i are, so
only if the joint distribution has no interaction between i and j there. "Not adjacent" is therefore implied, and with
an edge i-j the hypothesis "constant across j" cannot be met. But separation does not give it: an exact fit of a
separated pair may still have a D that changes with c_j in directions that no agreeing context sees (counterexample).
The inner product is one of f with g, so it survives every change of coordinates f A, g A^-T; the right angle of
Corollary 8, of g with g, does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.concepts import ConceptGraph
from linrep_core.theorems.exact_fit import (
    EXACT,
    LOW,
    NATS,
    Fit,
    Rows,
    additive_fit,
    all_contexts,
    change_coordinates,
    context_with,
    disturb_embeddings,
    free_fit,
    open_pairs,
    random_invertible,
    token_with,
)
from linrep_core.theorems.flip_odds import both_flips, pair_hypotheses
from linrep_core.theorems.markov_flip import separated_pair
from linrep_core.theorems.statement import Conclusion, Hypothesis, NotNeeded, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A world with its graph and predictor, two concepts, and pairs (context open in both, token)."""

    graph: ConceptGraph
    fit: Fit
    first: int
    second: int
    contexts: Rows
    tokens: Rows


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive, not adjacent, exact at both values of j, constant across j; open in i and agreeing off j."""
    fit, m = case.fit, case.fit.n_concepts
    with_j, without_j = both_flips(case.tokens, case.second, m)
    told = [context_with(case.contexts, case.second, value, m) for value in (1, 0)]
    both = np.concatenate(told), np.concatenate([with_j, without_j])
    vectors = fit.steering(case.first, with_j)
    change = np.abs(vectors - fit.steering(case.first, without_j)).max() / np.abs(vectors).max()
    return [
        above("positive", fit.joint.min()),
        at_most("not adjacent", 0 if case.graph.separated(case.first, case.second) else 1, 0),
        at_most("exact fit", fit.flip_fit_error(case.first, *both), EXACT),
        at_most("constant across j", change, 1e-10),
        *pair_hypotheses(case.first, *both, m),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest inner product of an embedding step of j with a steering vector of i."""
    fit, m = case.fit, case.fit.n_concepts
    on, off = (context_with(case.contexts, case.second, value, m) for value in (1, 0))
    step = fit.predicted_log_odds(case.first, on, case.tokens) - fit.predicted_log_odds(case.first, off, case.tokens)
    return Conclusion("largest |inner product|, nats", float(np.abs(step).max()), NATS)


def example(seed: int, size: int) -> Case:
    """A separated pair and the additive fit, whose steering vector (log-odds, 2 e_i) ignores j; random coordinates."""
    rng = np.random.default_rng(seed)
    graph, i, j = separated_pair(rng, size)
    strengths = LOW * rng.uniform(1.0, 2.0, size=(3**size, size))
    fit = change_coordinates(additive_fit(graph.joint(), strengths), random_invertible(rng, size + 1))
    return Case(graph, fit, i, j, *open_pairs(size, [i, j]))


def counterexamples() -> dict[str, Case]:
    """An i that never happens; noise on f; a free fit; contexts that know i; tokens that contradict the context."""
    rng = np.random.default_rng(0)
    graph, i, j = separated_pair(rng, 3)
    fit, pairs = additive_fit(graph.joint(), LOW * rng.uniform(1.0, 2.0, size=(27, 3))), open_pairs(3, [i, j])
    contexts = all_contexts(3)
    knows = np.flatnonzero((contexts[:, i] == 1) & (contexts[:, j] == -1))
    agreeing = np.array([np.flatnonzero(fit.target[row])[0] for row in knows])
    return {
        "positive": Case(graph, _never(fit, i, j), i, j, *pairs),
        "exact fit": Case(graph, disturb_embeddings(fit, rng), i, j, *pairs),
        "constant across j": Case(graph, free_fit(graph.joint(), rng), i, j, *pairs),
        "context leaves i open": Case(graph, fit, i, j, knows, agreeing),
        "token agrees with context": Case(
            graph, _marked_where_contradicted(fit, i, j), i, j, *open_pairs(3, [i, j], agreeing=False)
        ),
    }


def _never(fit: Fit, i: int, j: int) -> Fit:
    """A world in which i is always off; how far off is up to the predictor, and may depend on what it knows of j."""
    contexts, tokens = all_contexts(fit.n_concepts), np.arange(len(fit.joint))
    always_off = np.where(tokens == token_with(tokens, i, 1, fit.n_concepts), 0.0, fit.joint)
    how_far = -LOW * np.where(contexts[:, j] == 1, 1.5, 1.0)
    switched_on = 1.0 * (always_off == 0)
    return Fit(
        always_off / always_off.sum(),
        np.column_stack([fit.embeddings, how_far]),
        np.column_stack([fit.unembeddings, switched_on]),
    )


def _marked_where_contradicted(fit: Fit, i: int, j: int) -> Fit:
    """Three concepts. A new coordinate of g marks i among tokens with c_k = 0, and of f, j among contexts with d_k = 1.

    Every product of the two belongs to a token that contradicts its context, so the fit stays exact.
    """
    (k,) = {0, 1, 2} - {i, j}
    contexts, tokens = all_contexts(3), all_contexts(3)[(all_contexts(3) != -1).all(axis=1)]
    mark_f = 10.0 * (contexts[:, k] == 1) * contexts[:, j]
    mark_g = 1.0 * (tokens[:, k] == 0) * tokens[:, i]
    return Fit(fit.joint, np.column_stack([fit.embeddings, mark_f]), np.column_stack([fit.unembeddings, mark_g]))


STATEMENT = Statement(
    label="thm-orthogonal-directions",
    title="Embedding directions of j, unembedding direction of i (T4)",
    source="this book",
    claim="exact fit, steering vector D of i constant across j => (f(x_j:=1) - f(x_j:=0)).D = 0",
    uses=("thm-orthogonality", "lem-markov-flip"),
    size="number of concepts m",
    sizes=(2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={
        "not adjacent": NotNeeded("implied by exact fit and constant across j: the log-odds of i ignore j"),
    },
)
