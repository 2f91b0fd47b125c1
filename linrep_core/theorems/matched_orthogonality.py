"""Corollary 8: matched representations of two separated concepts are orthogonal in the unembeddings.

In words: if an exact fit encodes concepts i and j linearly, and each of them in the same direction in f as in g, then
the unembedding steering vectors of i and of j are at right angles. In a formula:

    (g(c_(i -> 1)) - g(c_(i -> 0))).(g(c_(j -> 1)) - g(c_(j -> 0))) = 0 for every c.

Proof: by Theorem 7 at two tokens that differ in j only, the direction of i is orthogonal to f(d_(j -> 1)) -
f(d_(j -> unknown)) and to f(d_(j -> 0)) - f(d_(j -> unknown)), so to their difference, an embedding steering vector of
j, which is a positive multiple of the direction of j.

Where care is needed: "matched" speaks of angles, which p_hat does not fix. An invertible change of coordinates f A,
g A^-T leaves p_hat alone and breaks both "matched" and the right angle: the counterexample. Which inner product is
meant, then? (See the book's chapter on identifiability; the causal inner product is one answer.) Separation is not
needed beyond what Theorem 7 needs, which is nothing; and exact linearity is rare for dependent concepts (`one_sign`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.concepts import ConceptGraph
from linrep_core.theorems.exact_fit import (
    EXACT,
    Fit,
    agreement,
    change_coordinates,
    impossible_token,
    matched_fit,
    random_field,
    random_orthogonal,
    two_concepts,
)
from linrep_core.theorems.linear_representation import smallest_cosine
from linrep_core.theorems.statement import Conclusion, Hypothesis, NotNeeded, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A world with its graph and predictor, and two concepts."""

    graph: ConceptGraph
    fit: Fit
    first: int
    second: int


def mismatch(fit: Fit, concept: int) -> float:
    """1 - smallest cosine over all pairs of steering vectors of a concept, from either space or both."""
    everything = np.vstack([fit.steering(concept), fit.context_steering(concept)])
    return 1.0 - smallest_cosine(everything)


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive, separated, exact in every possible context, both concepts matched."""
    fit, m = case.fit, case.fit.n_concepts
    possible = fit.target.any(axis=1)  # contexts that occur
    pairs = np.nonzero(agreement(m) & possible[:, None])
    mismatched = max(mismatch(fit, case.first), mismatch(fit, case.second))
    return [
        above("positive", fit.joint.min()),
        at_most("separated", 0 if case.graph.separated(case.first, case.second) else 1, 0),
        at_most("exact fit", fit.fit_error(*pairs), EXACT),
        at_most("matched", mismatched, 1e-10),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest |cosine| between an unembedding steering vector of i and one of j."""
    first, second = case.fit.steering(case.first), case.fit.steering(case.second)
    lengths = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    return Conclusion("largest |cosine| between concepts", float(np.abs(first @ second.T / lengths).max()), 1e-9)


def lonely_pair(rng: np.random.Generator, n_concepts: int) -> tuple[ConceptGraph, int, int]:
    """A random Markov random field in which two concepts have no neighbours at all."""
    i, j = two_concepts(rng, n_concepts)
    edges = [(lonely, k) for lonely in (i, j) for k in range(n_concepts) if k != lonely]
    return random_field(rng, n_concepts, without=edges), i, j


def example(seed: int, size: int) -> Case:
    """Two concepts that depend on nothing, matched in an exact fit of a world where the others depend on each other."""
    rng = np.random.default_rng(seed)
    graph, i, j = lonely_pair(rng, size)
    fit = matched_fit(graph.joint(), (i, j))
    return Case(graph, change_coordinates(fit, random_orthogonal(rng, fit.embeddings.shape[1])), i, j)


def impossible_example(seed: int, size: int) -> Case:
    """Some values of the other concepts are impossible: only "positive" fails, and the conclusion holds."""
    rng = np.random.default_rng(seed)
    graph, i, j = lonely_pair(rng, size)
    bits = (1 << (size - 1 - i)) | (1 << (size - 1 - j))
    joint, forbidden = graph.joint(), int(rng.integers(2**size)) & ~bits
    for token in range(2**size):
        if token & ~bits == forbidden:
            joint = impossible_token(joint, token)
    fit = matched_fit(joint, (i, j))
    return Case(graph, change_coordinates(fit, random_orthogonal(rng, fit.embeddings.shape[1])), i, j)


def counterexamples() -> dict[str, Case]:
    """A predictor of another world, with oblique directions; the same predictor in other coordinates."""
    rng = np.random.default_rng(0)
    graph, i, j = lonely_pair(rng, 3)
    fit = matched_fit(graph.joint(), (i, j))
    oblique = np.eye(fit.embeddings.shape[1])
    oblique[0, 1] = 1.0  # the direction of j now leans towards that of i
    leaning = Fit(fit.joint, fit.embeddings @ oblique, fit.unembeddings @ oblique)
    return {
        "exact fit": Case(graph, leaning, i, j),
        "matched": Case(graph, change_coordinates(fit, oblique), i, j),
    }


STATEMENT = Statement(
    label="cor-matched-orthogonality",
    title="Matched concepts are orthogonal",
    source="arXiv 2403.03867, Corollary 8",
    claim="exact fit, i and j matched => their unembedding steering vectors are orthogonal",
    uses=("thm-orthogonality", "def-linear-representation"),
    size="number of concepts m",
    sizes=(3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={
        "positive": NotNeeded(
            "one setting of the other concepts at which all four values of (c_i, c_j) are possible is enough",
            impossible_example,
        ),
        "separated": NotNeeded("as in Theorem 7; two adjacent concepts cannot both be matched in an exact fit"),
    },
)
