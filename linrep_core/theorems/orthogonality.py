"""Theorem 7: telling one concept moves the context at right angles to the steering vectors of another.

In words: for an exact fit, the step from "j is open" to "j is known, and as in c" is orthogonal to the unembedding
steering vector of concept i at c. In a formula, for every c and every d with d_i unknown that agrees with c:

    (g(c_(i -> 1)) - g(c_(i -> 0))).(f(d_(j -> c_j)) - f(d_(j -> unknown))) = 0.

Proof: both contexts leave i open and agree with c, so by `odds_identity` both give the same log-odds of i at c.

Where care is needed: the paper asks that C_i and C_j be separated in the graph. The proof above does not use it, and
random fits of fully connected worlds obey the conclusion as well (`not_needed` below). This fits the paper's remark
that near-orthogonality appears in simulations whatever the graph. What separation does add stands in
`orthogonal_directions`: the vector g(c_(i -> 1)) - g(c_(i -> 0)) need not change with c_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.concepts import ConceptGraph
from linrep_core.theorems.exact_fit import (
    EXACT,
    NATS,
    Array,
    Fit,
    Rows,
    additive_fit,
    all_contexts,
    change_coordinates,
    context_with,
    disturb_unembeddings,
    free_fit,
    impossible_token,
    open_pairs,
    random_field,
    random_invertible,
    two_concepts,
)
from linrep_core.theorems.flip_odds import pair_hypotheses
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

    @property
    def told(self) -> Rows:
        """The contexts with the second concept known, as in the token: d_(j -> c_j)."""
        m = self.fit.n_concepts
        values = (self.tokens >> (m - 1 - self.second)) % 2
        set_to = [context_with(self.contexts, self.second, value, m) for value in (0, 1)]
        return np.where(values == 1, set_to[1], set_to[0])


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive, separated, exact in both contexts of each pair, and what "d belongs to D_c" means."""
    fit, i = case.fit, case.first
    both = np.concatenate([case.contexts, case.told]), np.tile(case.tokens, 2)
    return [
        above("positive", fit.joint.min()),
        at_most("separated", 0 if case.graph.separated(i, case.second) else 1, 0),
        at_most("exact fit", fit.flip_fit_error(i, *both), EXACT),
        *pair_hypotheses(i, *both, fit.n_concepts),
    ]


def inner_products(case: Case) -> Array:
    """(g(c_(i -> 1)) - g(c_(i -> 0))).(f(d_(j -> c_j)) - f(d_(j -> unknown))) for each pair, in nats."""
    fit, i = case.fit, case.first
    return fit.predicted_log_odds(i, case.told, case.tokens) - fit.predicted_log_odds(i, case.contexts, case.tokens)


def conclusion(case: Case) -> Conclusion:
    """The largest inner product."""
    return Conclusion("largest |inner product|, nats", float(np.abs(inner_products(case)).max()), NATS)


def example(seed: int, size: int) -> Case:
    """A random Markov random field with a separated pair; a free or an additive exact fit."""
    rng = np.random.default_rng(seed)
    graph, i, j = separated_pair(rng, size)
    return Case(graph, random_exact_fit(graph, rng), i, j, *open_pairs(size, [i, j]))


def random_exact_fit(graph: ConceptGraph, rng: np.random.Generator) -> Fit:
    """Free off the agreeing pairs, or additive in random coordinates."""
    if rng.random() < 0.5:
        return free_fit(graph.joint(), rng)
    return change_coordinates(additive_fit(graph.joint()), random_invertible(rng, graph.n_concepts + 1))


def connected_example(seed: int, size: int) -> Case:
    """A fully connected world: only "separated" fails, and the conclusion holds all the same."""
    rng = np.random.default_rng(seed)
    graph = random_field(rng, size, edge_probability=1.0)
    i, j = two_concepts(rng, size)
    return Case(graph, free_fit(graph.joint(), rng), i, j, *open_pairs(size, [i, j]))


def counterexamples() -> dict[str, Case]:
    """An impossible token; noise on g; a context that knows i; a token that contradicts the context."""
    rng = np.random.default_rng(0)
    graph, i, j = separated_pair(rng, 3)
    (k,) = {0, 1, 2} - {i, j}
    joint, pairs = graph.joint(), open_pairs(3, [i, j])
    fit = free_fit(joint, rng)
    contexts = all_contexts(3)
    knows = np.flatnonzero((contexts[:, i] == 1) & (contexts[:, j] == -1) & (contexts[:, k] == -1))
    clash = open_pairs(3, [i, j], agreeing=False)
    return {
        "positive": Case(graph, free_fit(impossible_token(joint, 0b111), rng), i, j, *_only(pairs, 0b111)),
        "exact fit": Case(graph, disturb_unembeddings(fit, rng), i, j, *pairs),
        "context leaves i open": Case(graph, fit, i, j, knows, np.full(len(knows), 0b111)),
        "token agrees with context": Case(graph, fit, i, j, *clash),
    }


def _only(pairs: tuple[Rows, Rows], token: int) -> tuple[Rows, Rows]:
    """The pairs with one token and the context that tells nothing."""
    contexts, tokens = pairs
    kept = (tokens == token) & (contexts == contexts.max())
    return contexts[kept], tokens[kept]


STATEMENT = Statement(
    label="thm-orthogonality",
    title="Telling j does not touch i",
    source="arXiv 2403.03867, Theorem 7",
    claim="exact fit => g(c_i:=1) - g(c_i:=0) is orthogonal to f(d_j:=c_j) - f(d_j:=unknown)",
    uses=("thm-odds-identity",),
    size="number of concepts m",
    sizes=(2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={
        "separated": NotNeeded("the proof compares log-odds at one token c, where c_j does not move", connected_example)
    },
)
