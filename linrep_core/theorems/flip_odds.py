"""The context cancels: the odds of flipping a concept are those of the world, whatever else the context tells.

If x leaves concept i open and y agrees with x, then both y_(i -> 0) and y_(i -> 1) agree with x, and

    ln p(y_(i -> 1) | x) / p(y_(i -> 0) | x) = ln p(y_(i -> 1)) / p(y_(i -> 0)),

for *any* positive p: conditioning on x divides both by the same p(C_D = x_D). No independence is used. This is why
Theorem 7 of the paper does not need its concepts to be separated (see `orthogonality`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.exact_fit import (
    Array,
    Rows,
    agreement,
    all_contexts,
    conditional_table,
    dependent_world,
    impossible_token,
    open_pairs,
    random_field,
    token_with,
)
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most


@dataclass(frozen=True)
class Case:
    """A joint distribution (2**m,), a concept, and pairs (context, token) given by their numbers."""

    joint: Array
    concept: int
    contexts: Rows
    tokens: Rows


def both_flips(tokens: Rows, concept: int, n_concepts: int) -> tuple[Rows, Rows]:
    """y_(i -> 1) and y_(i -> 0)."""
    return token_with(tokens, concept, 1, n_concepts), token_with(tokens, concept, 0, n_concepts)


def pair_hypotheses(concept: int, contexts: Rows, tokens: Rows, n_concepts: int) -> list[Hypothesis]:
    """What "x leaves i open and y agrees with x" means; the number of pairs for which it is wrong."""
    upper, lower = both_flips(tokens, concept, n_concepts)
    knows = all_contexts(n_concepts)[contexts, concept] != -1
    agrees = agreement(n_concepts)[contexts, upper] | agreement(n_concepts)[contexts, lower]
    return [
        at_most("context leaves i open", knows.sum(), 0),
        at_most("token agrees with context", (~agrees).sum(), 0),
    ]


def hypotheses(case: Case) -> list[Hypothesis]:
    """Positive; for every pair, open and agreeing."""
    m = len(case.joint).bit_length() - 1
    return [
        above("positive", case.joint.min()),
        *pair_hypotheses(case.concept, case.contexts, case.tokens, m),
    ]


def conclusion(case: Case) -> Conclusion:
    """The largest difference between the log-odds in context and those in the world; no number where they are 0/0."""
    upper, lower = both_flips(case.tokens, case.concept, len(case.joint).bit_length() - 1)
    table = conditional_table(case.joint)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_context = np.log(table[case.contexts, upper]) - np.log(table[case.contexts, lower])
        in_world = np.log(case.joint[upper]) - np.log(case.joint[lower])
        gap = np.abs(in_context - in_world).max()
    return Conclusion("largest difference of log-odds, nats", float(gap), 1e-10)


def example(seed: int, size: int) -> Case:
    """A random dependent world, all pairs."""
    rng = np.random.default_rng(seed)
    graph = dependent_world(rng, size) if seed % 2 else random_field(rng, size)
    concept = int(rng.integers(size))
    return Case(graph.joint(), concept, *open_pairs(size, [concept]))


def counterexamples() -> dict[str, Case]:
    """A token that is impossible with and without i; a context that knows i; a token that contradicts the context."""
    joint = dependent_world(np.random.default_rng(0), 3).joint()
    nobody = impossible_token(impossible_token(joint, 0b111), 0b011)
    knows = np.flatnonzero(all_contexts(3)[:, 0] == 1)
    return {
        "positive": Case(nobody, 0, *open_pairs(3, [0])),
        "context leaves i open": Case(joint, 0, knows[:1], np.array([0b100])),
        "token agrees with context": Case(joint, 0, *(part[:1] for part in open_pairs(3, [0], agreeing=False))),
    }


STATEMENT = Statement(
    label="lem-flip-odds",
    title="The context cancels",
    source="this book (used silently in the proof of Theorem 7)",
    claim="ln p(y_i:=1|x) / p(y_i:=0|x) = ln p(y_i:=1) / p(y_i:=0) whenever x leaves i open and y agrees with x",
    uses=(),
    size="number of concepts m",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
