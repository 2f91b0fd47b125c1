"""Small worlds with every number written out, shared by the unit tests."""

from __future__ import annotations

import networkx as nx
import numpy as np
from brute_force import joint_from_potentials, joint_from_tables

from linrep_core import ConceptGraph

# concept 0 has parents 2 and 3, concept 1 a grandparent and a parent, concept 3 is a root with a high number
EDGES = [(3, 0), (2, 0), (0, 1), (3, 1)]
TABLES = {
    0: {(0, 0): 0.11, (0, 1): 0.72, (1, 0): 0.35, (1, 1): 0.58},  # parents 2, 3
    1: {(0, 0): 0.83, (0, 1): 0.27, (1, 0): 0.44, (1, 1): 0.66},  # parents 0, 3
    2: {(): 0.62},
    3: {(): 0.29},
}

FIELD_EDGES = {
    (0, 1): [[2.0, 0.5], [0.7, 3.0]],
    (3, 1): [[1.5, 0.4], [0.9, 2.5]],  # the higher concept first
    (0, 2): [[1.0, 0.3], [0.6, 1.8]],
}
FIELD_NODES = {1: [0.4, 1.3], 3: [2.0, 0.8]}


def dag_world():
    """A DAG over four concepts."""
    return ConceptGraph.from_dag(nx.DiGraph(EDGES), TABLES)


def dag_joint():
    """Its joint by enumeration."""
    return joint_from_tables(4, EDGES, TABLES)


def field_world():
    """A pairwise Markov random field over four concepts: the path 3 - 1 - 0 - 2."""
    return ConceptGraph.from_markov_random_field(nx.Graph(list(FIELD_EDGES)), FIELD_EDGES, FIELD_NODES)


def field_joint():
    """Its joint by enumeration."""
    return joint_from_potentials(4, FIELD_EDGES, FIELD_NODES)


def frequencies(rows, n_values):
    """Relative frequency of each number in 0..n_values-1."""
    return np.bincount(rows, minlength=n_values) / len(rows)


def numbers(vectors):
    """Binary numbers of concept vectors, concept 0 the highest bit."""
    return np.asarray(vectors, dtype=np.int64) @ (1 << np.arange(np.shape(vectors)[1])[::-1])


def assert_frequencies_agree(rows, probabilities, *, sigmas=5.0, inflation=1.0):
    """Every relative frequency lies within `sigmas` binomial standard deviations of its probability.

    `inflation` multiplies the variance, for dependent draws. With 100 cells a false alarm at 5 sigmas has
    probability below 1e-4; the seeds are fixed anyway.
    """
    probabilities = np.asarray(probabilities)
    bound = sigmas * np.sqrt(inflation * probabilities * (1 - probabilities) / len(rows))
    found = frequencies(rows, len(probabilities))
    worst = np.argmax(np.abs(found - probabilities) - bound)
    assert (np.abs(found - probabilities) <= bound).all(), (
        f"value {worst}: {found[worst]} against {probabilities[worst]} +- {bound[worst]}"
    )
