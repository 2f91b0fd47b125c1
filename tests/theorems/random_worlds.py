"""Random worlds, contexts and predictors for hypothesis.

The structure (how many concepts, which edges, what is known) is drawn by hypothesis, so that a failure shrinks to the
smallest graph. The numbers come from a seed: hypothesis likes round numbers such as 0.5, and those are not generic.
"""

from __future__ import annotations

from itertools import combinations, product

import networkx as nx
import numpy as np
from brute_force import UNKNOWN, as_joint
from hypothesis import strategies as st

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def dags(draw, low=1, high=5):
    """A directed acyclic graph over low..high concepts, any set of edges along any order."""
    order = draw(st.permutations(range(draw(st.integers(low, high)))))
    dag = nx.DiGraph()
    dag.add_nodes_from(range(len(order)))
    dag.add_edges_from(pair for pair in combinations(order, 2) if draw(st.booleans()))
    return dag


@st.composite
def dag_worlds(draw, low=1, high=5):
    """A DAG with tables uniform in [0.05, 0.95]."""
    return ConceptGraph.with_random_tables(draw(dags(low, high)), parameter_range=(0.05, 0.95), seed=draw(SEEDS))


@st.composite
def field_worlds(draw, low=1, high=5):
    """A pairwise Markov random field with log-normal potentials."""
    field = nx.Graph(draw(dags(low, high)).to_undirected())
    rng = np.random.default_rng(draw(SEEDS))
    edges = {(i, j): np.exp(rng.normal(size=(2, 2))) for i, j in field.edges}
    nodes = {i: np.exp(rng.normal(size=2)) for i in field.nodes if rng.random() < 0.7}
    return ConceptGraph.from_markov_random_field(field, edges, nodes)


def worlds(low=1, high=5):
    """Either kind."""
    return st.one_of(dag_worlds(low, high), field_worlds(low, high))


def independent_world(n_concepts, seed):
    """Concepts that know nothing of each other."""
    lonely = nx.DiGraph()
    lonely.add_nodes_from(range(n_concepts))
    return ConceptGraph.with_random_tables(lonely, parameter_range=(0.05, 0.95), seed=seed)


@st.composite
def models(draw, low=1, high=4):
    """A latent conditional model with either weighting and any mask probability."""
    return LatentConditionalModel(
        draw(worlds(low, high)),
        context_weights=draw(st.sampled_from(["masked", "uniform"])),
        mask_probability=draw(st.floats(0.1, 0.9)),
    )


@st.composite
def context_sets(draw, model):
    """Some contexts of a model in any order, or None for all."""
    rows = draw(st.lists(st.integers(0, model.n_contexts - 1), unique=True, max_size=6))
    return model.contexts()[rows] if rows else None


@st.composite
def fitted_pairs(draw, low=1, high=4):
    """A model and a random predictor on some of its contexts; logits from tiny to large."""
    model = draw(models(low, high))
    contexts = draw(context_sets(model))
    predictor = SoftmaxPredictor.initialize(
        model,
        draw(st.integers(1, 4)),
        contexts=contexts,
        initialization="gaussian",
        scale=draw(st.sampled_from([0.01, 1.0, 5.0])),
        seed=draw(SEEDS),
    )
    return model, predictor


def joint_of(world):
    """The joint of a world as a dict, for brute force."""
    return as_joint(world.joint(), world.n_concepts)


def replaced(vector, i, value):
    """The vector with entry i set to a value."""
    return (*vector[:i], value, *vector[i + 1 :])


def known(context):
    """What a context tells, as a dict."""
    return {i: int(value) for i, value in enumerate(context) if value != UNKNOWN}


def compatible(context):
    """The tokens that agree with a context."""
    return list(product(*[(0, 1) if value == UNKNOWN else (int(value),) for value in context]))


def number(token):
    """Row of a token."""
    return int("".join(map(str, token)), 2)


def row_of(context):
    """Row of a context."""
    digits = [2 if value == UNKNOWN else int(value) for value in context]
    return sum(digit * 3**place for place, digit in enumerate(reversed(digits)))
