"""What the exact distributions must satisfy in every world, and where a plausible claim stops being true."""

from __future__ import annotations

import math
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
import torch
from brute_force import UNKNOWN, agrees, all_contexts, all_tokens, entropy, event, masked_weights, next_token_row
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import (
    SEEDS,
    dag_worlds,
    independent_world,
    joint_of,
    known,
    models,
    replaced,
    row_of,
    worlds,
)

from linrep_core import ConceptGraph, LatentConditionalModel
from linrep_core.language import subset_sums

# ---- the joint --------------------------------------------------------------------------------------------------


@given(world=worlds())
def test_joint_is_positive_and_sums_to_one(world):
    assert (world.joint() > 0).all()
    assert world.joint().sum() == pytest.approx(1.0, abs=1e-12)


@given(world=worlds(high=4), data=st.data())
def test_chain_rule_holds_in_any_order(world, data):
    order = data.draw(st.permutations(range(world.n_concepts)))
    for token, probability in joint_of(world).items():
        product = 1.0
        for position, concept in enumerate(order):
            p_one = world.conditional(concept, {j: token[j] for j in order[:position]})
            product *= p_one if token[concept] else 1 - p_one
        assert product == pytest.approx(probability, rel=1e-10)


@given(world=dag_worlds())
def test_tables_of_a_dag_are_its_conditionals(world):
    for j, table in enumerate(world.tables):
        parents = sorted(world.dag.predecessors(j))
        for values, probability in table.items():
            assert world.conditional(j, dict(zip(parents, values, strict=True))) == pytest.approx(probability)


@given(world=worlds(), data=st.data())
def test_marginal_of_a_marginal_is_the_marginal(world, data):
    order = data.draw(st.permutations(range(world.n_concepts)))
    chosen = order[: data.draw(st.integers(1, len(order)))]
    table = world.marginal(chosen)
    for axis in range(len(chosen)):
        rest = [c for c in chosen if c != chosen[axis]]
        np.testing.assert_allclose(table.sum(axis=axis), world.marginal(rest), rtol=1e-12)
    np.testing.assert_allclose(table.transpose(), world.marginal(chosen[::-1]), rtol=1e-12)


# ---- p(y | x) ---------------------------------------------------------------------------------------------------


@given(model=models())
def test_rows_of_the_conditional_table_sum_to_one_and_vanish_where_the_token_contradicts(model):
    table, joint = model.next_token_distribution(), joint_of(model.graph)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-12)
    for row, context in zip(table, all_contexts(model.n_concepts), strict=True):
        assert [p > 0 for p in row] == [agrees(context, token) for token in all_tokens(model.n_concepts)]
        np.testing.assert_allclose(row, next_token_row(joint, context), rtol=1e-11)


@given(model=models(), data=st.data())
def test_an_unknown_concept_averages_over_its_two_values(model, data):
    """p(y | x) = p(C_i = 0 | x) p(y | x, C_i = 0) + p(C_i = 1 | x) p(y | x, C_i = 1)."""
    context = model.contexts()[data.draw(st.integers(0, model.n_contexts - 1))].tolist()
    i = data.draw(st.integers(0, model.n_concepts - 1))
    context = replaced(tuple(context), i, UNKNOWN)
    average, *told = model.next_token_distribution([context, replaced(context, i, 0), replaced(context, i, 1)])
    p_one = model.graph.conditional(i, known(context))
    np.testing.assert_allclose(average, (1 - p_one) * told[0] + p_one * told[1], atol=1e-13)
    ones = [token[i] == 1 for token in all_tokens(model.n_concepts)]
    assert average[ones].sum() == pytest.approx(p_one, rel=1e-11)


@given(model=models(), data=st.data())
def test_telling_what_was_already_certain_changes_nothing_but_telling_news_does(model, data):
    token = data.draw(st.sampled_from(all_tokens(model.n_concepts)))
    (certain,) = model.next_token_distribution([token])
    assert certain.tolist() == [float(t == token) for t in all_tokens(model.n_concepts)]
    (news,) = model.next_token_distribution([replaced(token, 0, UNKNOWN)])
    assert 0 < news.max() < 1  # the joint is positive: an unknown concept is never certain


@given(seed=SEEDS, m=st.integers(1, 4), dim=st.integers(1, 3))
def test_subset_sums_are_sums_over_the_tokens_that_agree(seed, m, dim):
    values = np.random.default_rng(seed).normal(size=(2**m, dim))
    sums = subset_sums(values, m)
    for context, found in zip(all_contexts(m), sums, strict=True):
        expected = sum(values[y] for y, token in enumerate(all_tokens(m)) if agrees(context, token))
        np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(subset_sums(torch.as_tensor(values), m).numpy(), sums, atol=1e-14)
    np.testing.assert_allclose(subset_sums(2 * values + 1, m), 2 * sums + subset_sums(np.ones((2**m, 1)), m))


@given(model=models(), seed=SEEDS)
def test_expected_unembedding_is_the_tables_product(model, seed):
    g = np.random.default_rng(seed).normal(size=(model.n_tokens, 3))
    np.testing.assert_allclose(model.expected_unembedding(g), model.next_token_distribution() @ g, atol=1e-12)


# ---- how often a context is seen --------------------------------------------------------------------------------


@given(world=worlds(high=4), q=st.floats(0.05, 0.95))
def test_masked_weights_are_those_of_drawing_and_hiding(world, q):
    model = LatentConditionalModel(world, mask_probability=q)
    expected = masked_weights(joint_of(world), world.n_concepts, q)
    np.testing.assert_allclose(model.weights(), [expected[x] for x in all_contexts(world.n_concepts)], rtol=1e-11)


def assert_within_five_sigma(counts, probabilities):
    """Cell by cell; the cells too rare for a normal approximation are taken together."""
    n, probabilities = counts.sum(), np.asarray(probabilities)
    rare = n * probabilities < 10
    counts = np.append(counts[~rare], counts[rare].sum())
    probabilities = np.append(probabilities[~rare], probabilities[rare].sum())
    sigma = np.sqrt(n * probabilities * (1 - probabilities))
    assert (np.abs(counts - n * probabilities) <= 5 * sigma + 5 * (n * probabilities < 10)).all()


@settings(max_examples=10)
@given(world=worlds(high=3), q=st.floats(0.2, 0.8), seed=SEEDS)
def test_masked_weights_are_the_frequencies_of_a_simulation(world, q, seed):
    rng, n, m = np.random.default_rng(seed), 20_000, world.n_concepts
    drawn = np.array(all_tokens(m))[rng.choice(2**m, size=n, p=world.joint())]
    hidden = rng.random((n, m)) < q
    rows = np.where(hidden, 2, drawn) @ (3 ** np.arange(m)[::-1])
    model = LatentConditionalModel(world, mask_probability=q)
    assert_within_five_sigma(np.bincount(rows, minlength=3**m), model.weights())


@settings(max_examples=10)
@given(model=models(high=3), seed=SEEDS)
def test_a_sampled_corpus_has_the_frequencies_of_weight_times_conditional(model, seed):
    contexts, tokens = model.sample(20_000, seed=seed)
    pairs = model.weights()[:, None] * model.next_token_distribution()
    counts = np.bincount(contexts * model.n_tokens + tokens, minlength=pairs.size)
    assert_within_five_sigma(counts, pairs.reshape(-1))


@given(world=worlds(high=4), data=st.data())
def test_a_context_is_rarer_than_each_context_that_tells_less_of_the_same_for_a_fair_mask(world, data):
    """With q = 1/2 every mask is as likely as another, so only p(c_D) counts; for other q this fails."""
    m = world.n_concepts
    context = data.draw(st.sampled_from([x for x in all_contexts(m) if set(x) != {UNKNOWN}]))
    i = data.draw(st.sampled_from(sorted(known(context))))
    less = replaced(context, i, UNKNOWN)
    fair = LatentConditionalModel(world).weights()
    assert fair[row_of(context)] < fair[row_of(less)]
    rarely_hidden = LatentConditionalModel(world, mask_probability=1e-6).weights()
    assert rarely_hidden[row_of(context)] > rarely_hidden[row_of(less)]


# ---- entropy ----------------------------------------------------------------------------------------------------


@given(model=models())
def test_entropy_of_a_context_is_at_most_ln_2_for_each_unknown_concept(model):
    table = model.next_token_distribution()
    for context, row, found in zip(all_contexts(model.n_concepts), table, model.entropies(), strict=True):
        assert found == pytest.approx(entropy(row), abs=1e-12)
        assert 0 <= found <= context.count(UNKNOWN) * math.log(2) + 1e-12


@given(world=worlds(), data=st.data())
def test_entropy_floor_grows_with_the_share_that_is_hidden(world, data):
    low, high = sorted(data.draw(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2)))
    floors = [LatentConditionalModel(world, mask_probability=q).entropy_floor() for q in (low, high)]
    assert floors[0] <= floors[1] + 1e-12
    if high - low > 0.01:
        assert floors[0] < floors[1]
    assert floors[1] < entropy(world.joint())


@given(n_concepts=st.integers(1, 4), seed=SEEDS, q=st.floats(0.01, 0.99))
def test_entropy_floor_of_independent_concepts_is_q_times_their_entropies(n_concepts, seed, q):
    world = independent_world(n_concepts, seed)
    model = LatentConditionalModel(world, mask_probability=q)
    assert model.entropy_floor() == pytest.approx(q * entropy(world.joint()), rel=1e-10)


@given(world=worlds(low=2), data=st.data())
def test_knowing_a_concept_lowers_the_entropy_on_average_over_its_values(world, data):
    model = LatentConditionalModel(world)
    context = data.draw(st.sampled_from([x for x in all_contexts(world.n_concepts) if UNKNOWN in x]))
    i = context.index(UNKNOWN)
    before, *after = model.entropies([context, replaced(context, i, 0), replaced(context, i, 1)])
    p_one = world.conditional(i, known(context))
    assert (1 - p_one) * after[0] + p_one * after[1] < before


def test_but_one_value_of_it_may_raise_the_entropy():
    """Rare news that upsets everything: the average of the theorem above is needed."""
    tables = [0.05, {(0,): 0.01, (1,): 0.5}]
    model = LatentConditionalModel(ConceptGraph.from_dag(nx.DiGraph([(0, 1)]), tables))
    before, upset = model.entropies([[UNKNOWN, UNKNOWN], [1, UNKNOWN]])
    assert upset == pytest.approx(math.log(2))
    assert upset > 2 * before


@given(world=worlds(low=2))
def test_mutual_information_is_never_negative(world):
    joint = joint_of(world)
    for i, j in combinations(range(world.n_concepts), 2):
        information = 0.0
        for a in (0, 1):
            for b in (0, 1):
                both = event(joint, {i: a, j: b})
                information += both * math.log(both / (event(joint, {i: a}) * event(joint, {j: b})))
        table = world.marginal([i, j])
        expected = (table * np.log(table / np.outer(table.sum(1), table.sum(0)))).sum()
        assert information == pytest.approx(expected, abs=1e-13)
        assert information >= -1e-13
