"""Concepts with more than two values, contexts that tell them unsurely: against plain loops, and the binary case."""

from __future__ import annotations

import math
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from worlds import assert_frequencies_agree, dag_world, field_world

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, linearity, train
from linrep_core.concepts import concept_vectors
from linrep_core.ensemble import train_many
from linrep_core.violations import violated_world

SIZES = (3, 2, 4)
DAG = nx.DiGraph([(1, 0), (2, 0), (1, 2)])
MASK = 0.3


def many_graph(seed=0):
    return ConceptGraph.with_random_tables(DAG, n_values=SIZES, parameter_range=(0.1, 0.9), seed=seed)


def random_telling(n_tellings, n_values, seed):
    table = np.random.default_rng(seed).dirichlet(np.ones(n_tellings), size=n_values).T
    table[0, 0] = 0.0  # some telling rules some value out
    return table / table.sum(axis=0)


TELLINGS = {
    "certain": None,
    "unsure": [random_telling(5, 3, 0), random_telling(2, 2, 1), random_telling(3, 4, 2)],
    "one unsure": [None, None, random_telling(6, 4, 3)],
}


@pytest.fixture(params=TELLINGS)
def model(request):
    return LatentConditionalModel(many_graph(), tellings=TELLINGS[request.param], mask_probability=MASK)


def chances(model, context, token):
    """p(the context tells what it does | the token), by the definition."""
    told = [(i, x) for i, x in enumerate(context) if x >= 0]
    return math.prod(float(model.tellings[i][x, token[i]]) for i, x in told)


def joint_by_loops(graph):
    """p(c) as a dict."""
    found = {}
    for c in product(*map(range, graph.n_values)):
        found[c] = 1.0
        for j, table in enumerate(graph.tables):
            entry = table[tuple(c[i] for i in sorted(graph.dag.predecessors(j)))]
            row = (1 - entry, entry) if np.ndim(entry) == 0 else entry
            found[c] *= row[c[j]]
    return found


def together(model):
    """p(y) p(x tells what it does | y), one row a context."""
    joint = joint_by_loops(model.graph)
    contexts = list(product(*([*range(n), -1] for n in model.n_tellings)))
    return contexts, np.array([[p * chances(model, x, y) for y, p in joint.items()] for x in contexts])


# ---- graphs -----------------------------------------------------------------------------------------------------


def test_the_joint_is_the_product_of_the_tables():
    graph = many_graph()
    np.testing.assert_allclose(graph.joint(), list(joint_by_loops(graph).values()), atol=1e-15)
    assert graph.n_values == SIZES
    assert repr(graph).startswith("ConceptGraph(3 concepts with 3, 2, 4 values, DAG")


def test_vectors_come_in_the_order_of_their_numbers():
    assert [tuple(row) for row in concept_vectors(3, SIZES).tolist()] == list(product(*map(range, SIZES)))
    np.testing.assert_array_equal(concept_vectors(3, 2), concept_vectors(3))


def test_tables_may_be_arrays_of_rows():
    graph = many_graph()
    arrays = [np.array(list(table.values())) for table in graph.tables]
    shapes = [(2, 4, 3), (), (2, 4)]
    again = ConceptGraph.from_dag(
        DAG, [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)], n_values=SIZES
    )
    np.testing.assert_allclose(again.joint(), graph.joint(), atol=1e-15)


def test_marginals_and_conditionals_are_sums_of_the_joint():
    graph, joint = many_graph(), joint_by_loops(many_graph())
    expected = [[sum(p for c, p in joint.items() if (c[2], c[0]) == (k, i)) for i in range(3)] for k in range(4)]
    np.testing.assert_allclose(graph.marginal([2, 0]), expected, atol=1e-15)
    given = sum(expected[3])
    assert graph.conditional(0, {2: 3}, value=2) == pytest.approx(expected[3][2] / given, abs=1e-15)
    assert sum(graph.conditional(0, {2: 3}, value=v) for v in range(3)) == pytest.approx(1, abs=1e-15)


def test_potentials_of_any_size_are_multiplied():
    table, single = np.arange(1.0, 7).reshape(3, 2), [1.0, 5.0]
    field = ConceptGraph.from_markov_random_field(nx.Graph([(0, 1)]), {(1, 0): table.T}, {1: single}, n_values=(3, 2))
    weights = table * single
    np.testing.assert_allclose(field.joint(), (weights / weights.sum()).reshape(-1), atol=1e-15)


@pytest.mark.parametrize("draw", ["sample", "gibbs_sample"])
def test_samples_have_the_joints_frequencies(draw):
    graph = many_graph()
    sample = getattr(graph, draw)(20_000, seed=0)
    numbers = np.ravel_multi_index(sample.T, SIZES)
    assert_frequencies_agree(numbers, graph.joint(), inflation=1.0 if draw == "sample" else 4.0)


def test_a_field_is_sampled_from_its_joint():
    field = ConceptGraph.from_markov_random_field(nx.Graph([(0, 1)]), {(0, 1): np.eye(3) + 1}, n_values=3)
    assert_frequencies_agree(np.ravel_multi_index(field.sample(20_000, seed=0).T, (3, 3)), field.joint())


def test_a_row_of_probabilities_must_be_one():
    with pytest.raises(
        ValueError, match=r"cpts\[0\]\[\(\)\] must have entries .* that sum to 1, got \[0.5, 0.4, 0.2\]"
    ):
        ConceptGraph.from_dag(nx.empty_graph(1, nx.DiGraph), [[0.5, 0.4, 0.2]], n_values=3)


# ---- contexts ---------------------------------------------------------------------------------------------------


def test_contexts_are_all_tellings_in_the_order_of_their_numbers(model):
    contexts, _ = together(model)
    assert [tuple(row) for row in model.contexts().tolist()] == contexts
    assert model.n_contexts == len(contexts)
    np.testing.assert_array_equal(model.context_index(model.contexts()), np.arange(model.n_contexts))
    np.testing.assert_array_equal(model.context_index(model.contexts()[[5, 2]]), [5, 2])


def test_a_telling_that_does_not_exist_is_refused(model):
    impossible = np.full((1, 3), -1)
    impossible[0, 2] = model.n_tellings[2]
    with pytest.raises(ValueError, match=r"contexts must have entries from 0 on, below .* got"):
        model.context_index(impossible)


def test_weights_are_those_of_masked_tellings(model):
    contexts, table = together(model)
    masks = [math.prod(MASK if told == -1 else 1 - MASK for told in context) for context in contexts]
    np.testing.assert_allclose(model.context_probabilities(), table.sum(axis=1), atol=1e-15)
    np.testing.assert_allclose(model.weights(), table.sum(axis=1) * masks, atol=1e-15)
    assert model.weights(model.contexts()[:4]).sum() == pytest.approx(1)


def test_every_entry_of_the_distribution_is_bayes_rule(model):
    _, table = together(model)
    expected = table / table.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.next_token_distribution(), expected, atol=1e-15)
    rows = [7, 0, 3]
    np.testing.assert_allclose(model.next_token_distribution(model.contexts()[rows]), expected[rows], atol=1e-15)


def test_expected_unembeddings_are_those_of_the_table(model):
    g = np.random.default_rng(0).normal(size=(model.n_tokens, 3))
    expected = model.next_token_distribution() @ g
    np.testing.assert_allclose(model.expected_unembedding(g), expected, atol=1e-14)
    np.testing.assert_allclose(model.expected_unembedding(torch.as_tensor(g)).numpy(), expected, atol=1e-14)
    subset = model.contexts()[[4, 1]]
    np.testing.assert_allclose(model.expected_unembedding(g, subset), expected[[4, 1]], atol=1e-14)


def test_entropies_are_those_of_the_table(model):
    p = model.next_token_distribution()
    expected = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    np.testing.assert_allclose(model.entropies(), expected, atol=1e-13)
    assert model.entropy_floor() == pytest.approx(float(model.weights() @ expected), abs=1e-13)


def test_words_that_do_not_occur_have_no_chance():
    possible = concept_vectors(3, SIZES)[[0, 3, 9, 23]]
    model = LatentConditionalModel(many_graph(), possible_tokens=possible)
    assert set(np.flatnonzero(model.next_token_distribution([[-1, -1, -1]])[0])) == {0, 3, 9, 23}
    contexts = model.possible_contexts()
    agrees = (contexts[:, None] == -1) | (contexts[:, None] == possible)
    assert agrees.all(axis=2).any(axis=1).all()
    assert len(contexts) < model.n_contexts


@pytest.mark.parametrize("weights", ["masked", "uniform"])
@pytest.mark.parametrize("tellings", TELLINGS)
def test_sampled_pairs_have_their_frequencies(weights, tellings):
    model = LatentConditionalModel(many_graph(), tellings=TELLINGS[tellings], context_weights=weights)
    given = None if weights == "masked" else model.contexts()[:40]
    pairs = model.weights(given)[:, None] * model.next_token_distribution(given)
    contexts, tokens = model.sample(20_000, given, seed=0)
    chance, drawn = pairs.reshape(-1), contexts * model.n_tokens + tokens
    often = np.flatnonzero(chance > 1e-4)  # a rare pair that comes once is no evidence
    kinds = np.full(len(chance), len(often))
    kinds[often] = np.arange(len(often))
    assert_frequencies_agree(kinds[drawn], [*chance[often], 1 - chance[often].sum()])
    assert (chance[drawn] > 0).all()


# ---- the binary case --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [dag_world, field_world])
def test_identity_tellings_are_the_paper_bit_for_bit(world):
    plain = LatentConditionalModel(world())
    told = LatentConditionalModel(world(), tellings=[np.eye(2), None, [[1, 0], [0, 1]], np.eye(2)])
    g = np.random.default_rng(0).normal(size=(16, 3))
    assert told.is_binary
    assert told.tells_for_certain
    for name in ("weights", "next_token_distribution", "entropies", "context_probabilities", "contexts"):
        np.testing.assert_array_equal(getattr(plain, name)(), getattr(told, name)())
    np.testing.assert_array_equal(plain.expected_unembedding(g), told.expected_unembedding(g))
    for given in (None, plain.contexts()[:30]):
        np.testing.assert_array_equal(plain.sample(50, given, seed=1), told.sample(50, given, seed=1))


@pytest.mark.parametrize("wrong", [0.05, 0.3, 0.5])
def test_equal_errors_are_the_wrong_contexts_of_the_chapter_on_broken_assumptions(wrong):
    world = violated_world("wrong contexts", wrong, seed=3)
    told, same = world.contexts[:, None] >= 0, world.contexts[:, None] == world.meanings
    joint = ConceptGraph.random(3, seed=3).joint()
    both = joint * np.where(told, np.where(same, 1 - wrong, wrong), 1.0).prod(axis=2)
    np.testing.assert_allclose(world.distribution, both / both.sum(axis=1, keepdims=True), atol=1e-15)
    np.testing.assert_allclose(world.weights, both.sum(axis=1) / both.sum(), atol=1e-15)


def test_unsure_tellings_of_binary_concepts_can_be_measured_as_lines():
    model = LatentConditionalModel(ConceptGraph.random(2, 0.0, seed=0), tellings=[[[0.9, 0.1], [0.1, 0.9]]] * 2)
    run = train(model, 2, steps=40, optimizer="natural", progress=False)
    assert run.excess_loss < 1e-9
    assert linearity(model, run.predictor).mean["unembedding"] == pytest.approx(1, abs=1e-6)
    assert run.history["unembedding"][-1] == linearity(model, run.predictor).mean["unembedding"]


# ---- training ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "steps", "left"), [("adam", 400, 1e-2), ("natural", 60, 1e-9)])
def test_training_reaches_a_floor_that_can_be_reached(optimizer, steps, left):
    tellings = [0.8 * np.eye(k) + 0.2 / k for k in SIZES]
    model = LatentConditionalModel(many_graph(), tellings=tellings)
    run = train(model, 8, steps=steps, optimizer=optimizer, progress=False)
    assert -1e-12 < run.excess_loss < left
    assert np.isnan(run.history["unembedding"]).all()
    assert run.excess_loss == pytest.approx(run.predictor.excess_loss(model), abs=1e-12)


def test_training_on_some_contexts_keeps_what_they_tell():
    model = LatentConditionalModel(many_graph())
    run = train(model, 3, steps=10, contexts=model.contexts()[:20], batch_size=5, progress=False)
    assert run.predictor.n_tellings == SIZES
    assert run.predictor.contexts.max() == 3


def test_many_trainings_are_what_each_would_be():
    models = [LatentConditionalModel(many_graph(seed), tellings=TELLINGS["unsure"]) for seed in range(2)]
    for tabled in (None, models[0].contexts()[:30]):
        many = train_many(models, 3, seeds=[4, 5], steps=20, contexts=tabled, progress=False)
        one = train(models[1], 3, seed=5, steps=20, contexts=tabled, progress=False)
        np.testing.assert_allclose(many[1].predictor.embeddings, one.predictor.embeddings, atol=1e-12)


def test_many_trainings_without_tables_use_the_same_sums(monkeypatch):
    monkeypatch.setattr("linrep_core.ensemble.TILE_BYTES", 0)
    model = LatentConditionalModel(many_graph(), tellings=TELLINGS["one unsure"])
    (many,) = train_many(model, 3, seeds=[4], steps=5, progress=False)
    one = train(model, 3, seed=4, steps=5, progress=False)
    np.testing.assert_allclose(many.predictor.embeddings, one.predictor.embeddings, atol=1e-12)


def test_many_trainings_need_the_same_tellings():
    models = [LatentConditionalModel(many_graph(), tellings=TELLINGS[name]) for name in ("unsure", "certain")]
    with pytest.raises(ValueError, match=r"models must have the same tellings, got others for models\[1\]"):
        train_many(models, 2, seeds=[0, 1])


def test_lines_are_for_two_values_and_the_error_says_what_others_have():
    model = LatentConditionalModel(many_graph())
    predictor = SoftmaxPredictor.initialize(model, 2)
    with pytest.raises(
        ValueError, match=r"two values and two tellings a concept for linearity .*many_values.value_shapes"
    ):
        linearity(model, predictor)
