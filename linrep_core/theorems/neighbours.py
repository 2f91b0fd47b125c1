"""Theorem 10: with dependent concepts the projected steering vectors lie in at most 2^neighbours dimensions.

In words: let the log-odds of concept i be right under every context that leaves i open and tells all its neighbours
in the Markov random field. Project the steering vectors of i on the span of those contexts. They lie in a subspace
of dimension at most 2^|ne(i)|. In a formula, for every c and every d with d_i unknown and d_ne(i) known:

    ln p_hat(c_(i -> 1) | d) / p_hat(c_(i -> 0) | d) = ln p(C_i = 1 | C_ne = d_ne) / p(C_i = 0 | C_ne = d_ne)
    =>  dim span{P (g(c_(i -> 1)) - g(c_(i -> 0))) : c} <= 2^|ne(i)|.

Where care is needed: as printed, "every c" includes tokens that contradict d. Then the right side does not depend on c
at all, every context sees the same in all steering vectors, and as in Theorem 3 the projections are *equal*: the
dimension is at most 1, whatever the graph (the proof's own sum over neighbour values has coefficients that do not
depend on c). Asked only of tokens that agree with d, which is all that the world decides, the hypothesis bounds
nothing: the counterexample below is an exact fit with dimension 2^(m-1). The bound 2^|ne(i)| is the right one, and is
reached, under the hypothesis of `neighbour_values`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    NATS,
    Array,
    Fit,
    Rows,
    all_contexts,
    fit_from_logits,
    free_fit,
    free_logits,
    independent_world,
    random_field,
    token_with,
)
from linrep_core.theorems.log_odds import project
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most

SAME_RANK = 1e-7  # singular values below this share of the largest count as zero


@dataclass(frozen=True)
class Case:
    """A world and its predictor, a concept and its neighbours in ascending order."""

    fit: Fit
    concept: int
    neighbours: tuple[int, ...]


def informed_contexts(case: Case) -> Rows:
    """The contexts that leave i open and tell all its neighbours."""
    contexts = all_contexts(case.fit.n_concepts)
    told = (contexts[:, list(case.neighbours)] != -1).all(axis=1)
    return np.flatnonzero(told & (contexts[:, case.concept] == -1))


def neighbour_log_odds(joint: Array, concept: int, neighbours: tuple[int, ...]) -> Array:
    """Log-odds ln p(C_i = 1 | C_ne) / p(C_i = 0 | C_ne): shape (2,) * len(neighbours), in nats."""
    m = len(joint).bit_length() - 1
    dropped = tuple(j for j in range(m) if j != concept and j not in neighbours)
    table = joint.reshape((2,) * m).sum(axis=dropped)
    table = np.moveaxis(table, sum(j < concept for j in neighbours), -1)
    return np.log(table[..., 1] / table[..., 0])


def true_log_odds(case: Case) -> Array:
    """What the world says of i in each of the informed contexts, in nats."""
    told = all_contexts(case.fit.n_concepts)[informed_contexts(case)]
    table = neighbour_log_odds(case.fit.joint, case.concept, case.neighbours)
    return table[tuple(told[:, j] for j in case.neighbours)]


def seen_log_odds(case: Case) -> Array:
    """f(d).(g(c_(i -> 1)) - g(c_(i -> 0))) for informed d and all c: shape (n_contexts, 2^(m-1)), in nats."""
    return case.fit.embeddings[informed_contexts(case)] @ case.fit.steering(case.concept).T


def projected_rank(case: Case) -> int:
    """The dimension of the span of the steering vectors projected on the informed contexts."""
    visible = case.fit.embeddings[informed_contexts(case)]
    singular_values = np.linalg.svd(project(case.fit.steering(case.concept), onto=visible), compute_uv=False)
    return int((singular_values > SAME_RANK * singular_values[0]).sum())


def hypotheses(case: Case) -> list[Hypothesis]:
    """The log-odds given the neighbours, in every informed context and for every token."""
    error = np.abs(seen_log_odds(case) - np.atleast_1d(true_log_odds(case))[:, None]).max()
    return [at_most("log-odds matched at every token", error, NATS)]


def conclusion(case: Case) -> Conclusion:
    """The dimension over its bound."""
    bound = 2 ** len(case.neighbours)
    return Conclusion("dimension of the projected steering vectors / 2^neighbours", projected_rank(case) / bound, 1.0)


def matched_logits(joint: Array, concept: int, neighbours: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Logits of an exact fit that give every token, agreeing or not, the odds of i given the told neighbours."""
    m = len(joint).bit_length() - 1
    logits = free_logits(joint, rng)
    case = Case(Fit(joint, logits, np.eye(2**m)), concept, neighbours)
    rows, lower = informed_contexts(case)[:, None], np.unique(token_with(np.arange(2**m), concept, 0, m))
    upper = token_with(lower, concept, 1, m)
    logits[rows, upper] = logits[rows, lower] + np.atleast_1d(true_log_odds(case))[:, None]
    return logits


def random_case(seed: int, size: int) -> tuple[Array, int, tuple[int, ...], np.random.Generator]:
    """A random Markov random field and a concept of it with its neighbours."""
    rng = np.random.default_rng(seed)
    graph = random_field(rng, size, edge_probability=0.5)
    concept = int(rng.integers(size))
    return graph.joint(), concept, tuple(graph.neighbours(concept)), rng


def example(seed: int, size: int) -> Case:
    """An exact fit of a random Markov random field that meets the hypothesis at contradicted tokens too."""
    joint, concept, neighbours, rng = random_case(seed, size)
    return Case(fit_from_logits(joint, matched_logits(joint, concept, neighbours, rng), rng), concept, neighbours)


def counterexamples() -> dict[str, Case]:
    """An exact fit of an independent world of 4 concepts: no neighbours, and 8 dimensions."""
    rng = np.random.default_rng(0)
    return {"log-odds matched at every token": Case(free_fit(independent_world(rng, 4).joint(), rng), 0, ())}


STATEMENT = Statement(
    label="thm-neighbours",
    title="Few neighbours, few dimensions",
    source="arXiv 2403.03867, Theorem 10",
    claim="log-odds of i right given its neighbours => projected steering vectors in at most 2^|ne(i)| dimensions",
    uses=("thm-log-odds", "lem-softmax-ratio"),
    size="number of concepts m",
    sizes=(2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
