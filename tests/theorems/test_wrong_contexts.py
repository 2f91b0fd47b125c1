"""Contexts that may be wrong settle every cosine; a matched concept is separated from all others. Any world."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core import ConceptGraph, LatentConditionalModel
from linrep_core.geometry import embedding_steering_vectors, unembedding_steering_vectors
from linrep_core.violations import ViolatedWorld, shortest_predictor

M = 3
SEEDS = st.integers(0, 10**6)
EDGES = st.sampled_from([0.0, 0.5, 1.0])
WRONG = st.floats(0.02, 0.45)


def world_of(graph, wrong):
    model = LatentConditionalModel(graph, tellings=[[[1 - wrong, wrong], [wrong, 1 - wrong]]] * M)
    contexts = model.contexts()
    return ViolatedWorld(model.next_token_distribution(), model.weights(contexts), contexts, model.tokens())


def odds_of(graph, concept):
    """ln p(y with concept 1) / p(y with concept 0), in the order of the steering vectors."""
    joint = graph.joint().reshape(2**concept, 2, -1)
    return np.log(joint[:, 1] / joint[:, 0]).ravel()


@settings(deadline=None)
@given(seed=SEEDS, edges=EDGES, wrong=WRONG)
def test_in_the_shortest_tables_evidence_adds_up_and_telling_j_does_not_touch_i(seed, edges, wrong):
    graph = ConceptGraph.random(M, edges, seed=seed)
    world = world_of(graph, wrong)
    f, g = shortest_predictor(world, M + 1)
    assert world.excess_loss((f, g)) < 1e-10
    evidence = np.log((1 - wrong) / wrong)
    for i in range(M):
        steps = unembedding_steering_vectors(g, i)
        told = np.array([-1.0, 1.0, 0.0])[world.contexts[:, i]]  # -1, unknown, is the last
        np.testing.assert_allclose(f @ steps.T, odds_of(graph, i)[None] + evidence * told[:, None], atol=1e-8)
        for j in range(M):
            moved = embedding_steering_vectors(f, world.contexts, j)
            np.testing.assert_allclose(moved @ steps.T, 2 * evidence * (i == j), atol=1e-8)
            np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-7)


@settings(deadline=None)
@given(seed=SEEDS, edges=EDGES, wrong=WRONG)
def test_words_are_straight_exactly_where_the_odds_match(seed, edges, wrong):
    graph = ConceptGraph.random(M, edges, seed=seed)
    _, g = shortest_predictor(world_of(graph, wrong), M + 1)
    for i in range(M):
        spread = np.abs(unembedding_steering_vectors(g, i) - unembedding_steering_vectors(g, i)[0]).max()
        assert (spread < 1e-7) == (np.ptp(odds_of(graph, i)) < 1e-9)


@given(seed=SEEDS, edges=EDGES)
def test_matched_odds_are_independence_of_all_others(seed, edges):
    graph = ConceptGraph.random(M, edges, seed=seed)
    joint = graph.joint().reshape((2,) * M)
    for i in range(M):
        alone = np.moveaxis(joint, i, 0)
        product = alone.sum(axis=tuple(range(1, M))).reshape(2, *(1,) * (M - 1)) * alone.sum(axis=0)
        assert (np.ptp(odds_of(graph, i)) < 1e-9) == np.allclose(alone, product, rtol=1e-9, atol=0)


def test_without_positive_errors_there_is_no_such_predictor():
    with pytest.raises(ValueError, match="world must leave every token possible"):
        shortest_predictor(world_of(ConceptGraph.random(M, seed=1), 0.0), M + 1)
