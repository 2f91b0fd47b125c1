"""What separation says: the odds of flipping a concept depend on its neighbours only.

If C_i and C_j are not adjacent in the Markov random field of a positive p, then the log-odds
l_i(c) = ln p(c_(i -> 1)) / p(c_(i -> 0)) do not depend on c_j: no factor of p holds both c_i and c_j, so every factor
with c_j in it cancels in the ratio (Hammersley and Clifford; for the pairwise worlds used here, by inspection). So
l_i is a function of c_ne(i), and takes at most 2^|ne(i)| values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.concepts import ConceptGraph
from linrep_core.theorems.exact_fit import (
    Array,
    dependent_world,
    impossible_token,
    random_field,
    token_with,
    two_concepts,
)
from linrep_core.theorems.flip_odds import both_flips
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A world (its graph and its joint distribution) and two concepts."""

    graph: ConceptGraph
    joint: Array
    first: int
    second: int


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive; no edge between the two."""
    edges = 0 if case.graph.separated(case.first, case.second) else 1
    return [above("positive", case.joint.min()), at_most("not adjacent", edges, 0)]


def conclusion(case: Case) -> Conclusion:
    """How much the log-odds of i change when c_j is flipped; no number where they are not defined."""
    m = case.graph.n_concepts
    upper, lower = both_flips(np.arange(2**m), case.first, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(case.joint[upper]) - np.log(case.joint[lower])
        with_j, without_j = both_flips(np.arange(2**m), case.second, m)
        change = np.abs(odds[with_j] - odds[without_j]).max()
    return Conclusion("largest change of the log-odds of i with c_j, nats", float(change), 1e-10)


def separated_pair(rng: np.random.Generator, n_concepts: int) -> tuple[ConceptGraph, int, int]:
    """A random Markov random field and two concepts without an edge between them."""
    first, second = two_concepts(rng, n_concepts)
    return random_field(rng, n_concepts, without=[(first, second)]), first, second


def example(seed: int, size: int) -> Case:
    """A random Markov random field with that one edge missing, or a directed graph with a separated pair."""
    rng = np.random.default_rng(seed)
    graph = dependent_world(rng, size)
    free = [(i, j) for i in range(size) for j in range(size) if i != j and graph.separated(i, j)]
    if seed % 2 and free:
        first, second = free[int(rng.integers(len(free)))]
    else:
        graph, first, second = separated_pair(rng, size)
    return Case(graph, graph.joint(), first, second)


def counterexamples() -> dict[str, Case]:
    """An impossible token; an edge."""
    rng = np.random.default_rng(1)
    apart, first, second = separated_pair(rng, 3)
    token = int(token_with(np.array([0b111]), second, 0, 3)[0])
    joined = random_field(rng, 3, edge_probability=1.0)
    return {
        "positive": Case(apart, impossible_token(apart.joint(), token), first, second),
        "not adjacent": Case(joined, joined.joint(), 0, 1),
    }


STATEMENT = Statement(
    label="lem-markov-flip",
    title="Only neighbours move the odds",
    source="arXiv 2403.03867, proof of Theorem 7 (Hammersley-Clifford)",
    claim="C_i, C_j not adjacent => ln p(c_i:=1) / p(c_i:=0) does not depend on c_j",
    uses=(),
    size="number of concepts m",
    sizes=(2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
