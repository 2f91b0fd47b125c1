"""T1, second half: where a concept has the same log-odds at two tokens, no context can tell its steering vectors apart.

In a formula: if ln p(y_(i -> 1)) / p(y_(i -> 0)) is the same at y and at y', then

    f(x).(D_y - D_y') = 0,   D_y = g(y_(i -> 1)) - g(y_(i -> 0)),

for every x that leaves i open and agrees with both y and y'. If those f(x) span the space, then D_y = D_y'; if they do
not, D_y - D_y' is free in the directions they miss. For dependent concepts the left side is exactly the interaction,
the difference of the two log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    EXACT,
    NATS,
    Fit,
    Rows,
    all_contexts,
    dependent_world,
    disturb_unembeddings,
    free_fit,
    independent_world,
    open_pairs,
)
from linrep_core.theorems.flip_odds import pair_hypotheses
from linrep_core.theorems.markov_flip import separated_pair
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """A world and its predictor, a concept, and triples (context, token, other token)."""

    fit: Fit
    concept: int
    contexts: Rows
    tokens: Rows
    others: Rows


def hypotheses(case: Case) -> list[Hypothesis]:
    """Exact, the same finite log-odds, and contexts that leave i open and agree with both tokens."""
    fit, i = case.fit, case.concept
    both = np.tile(case.contexts, 2), np.concatenate([case.tokens, case.others])
    difference = np.abs(fit.log_odds(i, case.tokens) - fit.log_odds(i, case.others)).max()
    return [
        at_most("exact fit", fit.flip_fit_error(i, *both), EXACT),
        at_most("equal log-odds", difference, 1e-10),
        *pair_hypotheses(i, *both, fit.n_concepts),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest inner product of a context with a difference of steering vectors."""
    first = case.fit.predicted_log_odds(case.concept, case.contexts, case.tokens)
    second = case.fit.predicted_log_odds(case.concept, case.contexts, case.others)
    return Conclusion("largest |f(x).(D_y - D_y')|, nats", float(np.abs(first - second).max()), NATS)


def triples(n_concepts: int, concept: int, switched: int) -> tuple[Rows, Rows, Rows]:
    """All (x, y, y') in which y' is y with one other concept flipped, and x leaves both concepts open."""
    contexts, tokens = open_pairs(n_concepts, [concept, switched])
    return contexts, tokens, tokens ^ (1 << (n_concepts - 1 - switched))


def example(seed: int, size: int) -> Case:
    """A concept and one it has no edge to: flipping the latter leaves the log-odds of the former alone."""
    rng = np.random.default_rng(seed)
    graph, i, j = separated_pair(rng, size)
    return Case(free_fit(graph.joint(), rng), i, *triples(size, i, j))


def counterexamples() -> dict[str, Case]:
    """Noise on g; an edge; contexts that know i; tokens that contradict the context."""
    rng = np.random.default_rng(0)
    apart = free_fit(independent_world(rng, 3).joint(), rng)
    joined = free_fit(dependent_world(rng, 3).joint(), rng)
    contexts, tokens = open_pairs(3, [0, 1], agreeing=False)
    knows = np.flatnonzero((all_contexts(3)[:, 0] == 1) & (all_contexts(3)[:, 1] == -1))
    return {
        "exact fit": Case(disturb_unembeddings(apart, rng), 0, *triples(3, 0, 1)),
        "equal log-odds": Case(joined, 0, *triples(3, 0, 1)),
        "context leaves i open": Case(apart, 0, knows[:1], np.array([0b100]), np.array([0b110])),
        "token agrees with context": Case(apart, 0, contexts, tokens, tokens ^ 0b010),
    }


STATEMENT = Statement(
    label="cor-equal-odds",
    title="Equal odds, equal steering (T1)",
    source="this book",
    claim="same log-odds of i at y and y' => f(x).(D_y - D_y') = 0 for every x open in i that agrees with both",
    uses=("thm-odds-identity",),
    size="number of concepts m",
    sizes=(2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
