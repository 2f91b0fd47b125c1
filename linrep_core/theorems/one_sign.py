"""Exactly linear and exactly fitted: possible only for a concept whose log-odds never change sign.

In words: if the predictor fits the world exactly and concept i is linearly encoded in the unembeddings, then either
i is more likely on than off whatever the other concepts are, or more likely off than on, or an even bet throughout.
In a formula, with l(c) = ln p(c_(i -> 1)) / p(c_(i -> 0)) and g(c_(i -> 1)) - g(c_(i -> 0)) = a_c u, a_c > 0:

    l(c) = a_c (u.f(x)) for the context x that tells nothing, so sign l(c) = sign u.f(x) for every c.

Most dependent worlds have log-odds of both signs. There an exact fit cannot be exactly linear: this is one reason why
the paper's cosines are near 0.98 and not 1, and why they can fall slowly when training goes on for long. The other
way round, `additive_fit` shows that any cosine below 1 is compatible with an exact fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from linrep_core.concepts import ConceptGraph
from linrep_core.theorems.exact_fit import (
    EXACT,
    NATS,
    Fit,
    additive_fit,
    agreement,
    change_coordinates,
    one_direction_fit,
    random_invertible,
)
from linrep_core.theorems.linear_representation import encoding_error
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most


@dataclass(frozen=True)
class Case:
    """A world and its predictor, and a concept."""

    fit: Fit
    concept: int


def hypotheses(case: Case) -> list[Hypothesis]:
    """Exact for the context that tells nothing (the last row), linearly encoded."""
    tokens = np.arange(len(case.fit.joint))
    nothing_told = np.full(len(tokens), len(agreement(case.fit.n_concepts)) - 1)
    return [
        at_most("exact fit", case.fit.fit_error(nothing_told, tokens), EXACT),
        at_most("linearly encoded", encoding_error(case.fit.steering(case.concept)), 1e-10),
    ]


def conclusion(case: Case) -> Conclusion:
    """How far the log-odds reach to the other side of 0."""
    odds = case.fit.log_odds(case.concept, np.arange(len(case.fit.joint)))
    return Conclusion("smaller of the largest log-odds to either side, nats", float(min(odds.max(), -odds.min())), NATS)


def example(seed: int, size: int) -> Case:
    """A concept that is favoured given all the others, though it depends on them; in random coordinates."""
    rng = np.random.default_rng(seed)
    concept = int(rng.integers(size))
    fit = one_direction_fit(favouring_world(rng, size, concept).joint(), concept)
    return Case(change_coordinates(fit, random_invertible(rng, fit.embeddings.shape[1])), concept)


def favouring_world(rng: np.random.Generator, n_concepts: int, concept: int) -> ConceptGraph:
    """A pairwise Markov random field on the complete graph in which one concept has log-odds of at least 0.5 nats.

    Every edge moves them by at most 0.8 nats, the concept's own potential by 0.5 + 0.8 (m - 1) or more.
    """
    graph = nx.complete_graph(n_concepts)
    potentials = {edge: np.exp(rng.uniform(-0.4, 0.4, size=(2, 2))) for edge in graph.edges}
    own = {i: np.exp(rng.uniform(-0.5, 0.5, size=2)) for i in range(n_concepts)}
    own[concept] = np.array([1.0, np.exp(0.5 + 0.8 * (n_concepts - 1) + rng.uniform(0.0, 0.5))])
    return ConceptGraph.from_markov_random_field(graph, potentials, own)


def counterexamples() -> dict[str, Case]:
    """Two concepts, royal and female; royals are mostly female here and commoners mostly not: odds of both signs."""
    joint = np.array([0.3, 0.2, 0.1, 0.4])  # man, woman, king, queen
    cube = additive_fit(np.full(4, 0.25))  # linear, but it believes in even odds
    return {
        "exact fit": Case(Fit(joint, cube.embeddings, cube.unembeddings), 1),
        "linearly encoded": Case(additive_fit(joint), 1),
    }


STATEMENT = Statement(
    label="prop-one-sign",
    title="An exact line needs odds of one sign",
    source="this book",
    claim="exact fit and concept i linearly encoded => ln p(c_i:=1) / p(c_i:=0) has the same sign for every c",
    uses=("def-linear-representation", "thm-odds-identity"),
    size="number of concepts m",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
