"""Every statement of the book, one module each: its hypotheses checked, its conclusion measured, and what breaks it.

`STATEMENTS` holds them all, by label, in the order in which the book proves them. The module of ``"thm-log-odds"`` is
`log_odds`, and so on. What the modules share: `statement` (what a statement is), `exact_fit` (predictors that fit a
world exactly, in closed form), `descent` (gradient descent for as long as one likes) and `equivalent_pairs` (predictors
with the same distribution).

    from linrep_core.theorems import STATEMENTS, check_statement
    print(check_statement(STATEMENTS["thm-log-odds"], n_instances=200))
"""

from __future__ import annotations

from importlib import import_module

import networkx as nx

from linrep_core.theorems.statement import (
    Conclusion,
    Hypothesis,
    NotNeeded,
    Statement,
    StatementCheck,
    check_statement,
)

MODULES = (
    # log-odds
    "linear_representation",
    "softmax_ratio",
    "flip_odds",
    "markov_flip",
    "odds_identity",
    "equal_odds",
    "log_odds",
    "neighbours",
    "neighbour_values",
    "one_sign",
    # the pull of gradient descent
    "hard_margin",
    "fixed_embeddings",
    "growing_fraction",
    "two_vectors",
    "trained_together",
    "nuclear_norm",
    "joint_optimum",
    "joint_kkt",
    "joint_alignment",
    # zero probabilities push
    "zero_push",
    # orthogonality
    "orthogonality",
    "matched_orthogonality",
    "orthogonal_directions",
    # the bottleneck
    "enough_dimensions",
    "word_cube",
    "bottleneck",
    "unlimited_dimension",
    # two models, one distribution
    "extended_linear_relation",
    "related_parts",
    "diverse_relation",
    # all or none
    "relational_linearity",
    "linear_subspaces",
    "linear_probing",
    "linear_steering",
    "parallel_transfer",
    # close is not equal
    "logit_distance_bound",
    "correlation_bound",
    "clear_winners",
    "probability_floor",
    # concepts as log posteriors
    "joint_log_posterior",
    "marginal_log_posteriors",
    "faint_tokens",
)


def _registry() -> dict[str, Statement]:
    found = (import_module(f"{__name__}.{module}").STATEMENT for module in MODULES)
    return {statement.label: statement for statement in found}


STATEMENTS: dict[str, Statement] = _registry()


def dependency_graph() -> nx.DiGraph:
    """Which statement is used in the proof of which: an arrow from the one used to the one that uses it.

    Returns
    -------
    networkx.DiGraph
        Nodes are labels, with the attributes ``kind``, ``title`` and ``source``.

    Examples
    --------
    >>> graph = dependency_graph()
    >>> nx.is_directed_acyclic_graph(graph), graph.has_edge("lem-softmax-ratio", "thm-log-odds")
    (True, True)
    """
    graph = nx.DiGraph()
    for statement in STATEMENTS.values():
        graph.add_node(statement.label, kind=statement.kind, title=statement.title, source=statement.source)
    for statement in STATEMENTS.values():
        for used in statement.uses:
            if used not in STATEMENTS:
                raise ValueError(f"uses of {statement.label} must be labels of statements, got {used!r}")
            graph.add_edge(used, statement.label)
    return graph


__all__ = [
    "STATEMENTS",
    "Conclusion",
    "Hypothesis",
    "NotNeeded",
    "Statement",
    "StatementCheck",
    "check_statement",
    "dependency_graph",
]
