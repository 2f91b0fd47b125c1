"""Contexts, tokens and the exact next-token distribution against enumeration."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from brute_force import (
    UNKNOWN,
    agrees,
    all_contexts,
    all_tokens,
    as_joint,
    entropy,
    masked_weights,
    next_token_row,
)
from worlds import assert_frequencies_agree, dag_joint, dag_world, field_joint, field_world

from linrep_core import ConceptGraph, LatentConditionalModel, Vocabulary, language
from linrep_core.language import subset_sums

SUBSET = [[1, -1, 0, -1], [-1, -1, -1, -1], [0, 1, 1, 0], [1, -1, 1, -1]]


@pytest.fixture(params=["dag", "field"])
def model_and_joint(request):
    world, joint = {"dag": (dag_world, dag_joint), "field": (field_world, field_joint)}[request.param]
    return LatentConditionalModel(world()), joint()


# ---- contexts and tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 4])
def test_contexts_come_in_ternary_order_with_unknown_as_digit_2(m):
    model = LatentConditionalModel(ConceptGraph.random(m, seed=0))
    assert model.contexts().dtype == np.int8
    assert [tuple(row) for row in model.contexts().tolist()] == all_contexts(m)
    assert (model.n_concepts, model.n_tokens, model.n_contexts) == (m, 2**m, 3**m)


def test_context_index_finds_each_context():
    model = LatentConditionalModel(dag_world())
    np.testing.assert_array_equal(model.context_index(model.contexts()), np.arange(81))
    np.testing.assert_array_equal(model.contexts()[model.context_index(SUBSET)], SUBSET)
    assert model.context_index([[0, 0, 0, 1]]).tolist() == [1]
    assert model.context_index([[-1, 0, 0, 0]]).tolist() == [54]


def test_tokens_come_in_binary_order():
    assert [tuple(row) for row in LatentConditionalModel(dag_world()).tokens().tolist()] == all_tokens(4)


def test_subset_sums_add_the_tokens_that_agree_with_each_context():
    values = np.random.default_rng(0).normal(size=(8, 2, 3))
    expected = [sum(values[y] for y, token in enumerate(all_tokens(3)) if agrees(x, token)) for x in all_contexts(3)]
    np.testing.assert_allclose(subset_sums(values, 3), expected, atol=1e-13)
    np.testing.assert_allclose(subset_sums(torch.as_tensor(values), 3).numpy(), expected, atol=1e-13)


# ---- exact distribution -----------------------------------------------------------------------------------------


def test_next_token_distribution_is_the_joint_given_what_is_told(model_and_joint):
    model, joint = model_and_joint
    table = model.next_token_distribution()
    assert table.shape == (81, 16)
    assert table.dtype == np.float64
    np.testing.assert_allclose(table, [next_token_row(joint, x) for x in all_contexts(4)], atol=1e-14)
    np.testing.assert_allclose(
        model.next_token_distribution(SUBSET), [next_token_row(joint, x) for x in SUBSET], atol=1e-14
    )


def test_tokens_that_contradict_the_context_have_probability_zero_and_the_others_have_not(model_and_joint):
    model, _ = model_and_joint
    compatible = [[agrees(x, y) for y in all_tokens(4)] for x in all_contexts(4)]
    np.testing.assert_array_equal(model.next_token_distribution() > 0, compatible)


@pytest.mark.parametrize("contexts", [None, SUBSET], ids=["all contexts", "subset"])
def test_expected_unembedding_is_the_table_times_the_unembeddings(model_and_joint, contexts):
    model, _ = model_and_joint
    unembeddings = np.random.default_rng(1).normal(size=(16, 3))
    expected = model.next_token_distribution(contexts) @ unembeddings
    numpy_result = model.expected_unembedding(unembeddings, contexts)
    assert isinstance(numpy_result, np.ndarray)
    np.testing.assert_allclose(numpy_result, expected, atol=1e-13)
    torch_result = model.expected_unembedding(torch.as_tensor(unembeddings), contexts)
    assert isinstance(torch_result, torch.Tensor)
    np.testing.assert_allclose(torch_result.numpy(), expected, atol=1e-13)
    single = model.expected_unembedding(torch.as_tensor(unembeddings).float(), contexts)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, atol=1e-5)


def test_expected_unembedding_takes_plain_lists_and_whole_numbers():
    model = LatentConditionalModel(ConceptGraph.random(2, seed=0))
    whole = [[0, 1], [2, 3], [4, 5], [6, 7]]
    expected = model.next_token_distribution() @ np.array(whole)
    np.testing.assert_allclose(model.expected_unembedding(whole), expected, atol=1e-14)
    np.testing.assert_allclose(model.expected_unembedding(np.array(whole)), expected, atol=1e-14)


def test_expected_unembedding_passes_gradients_to_the_unembeddings():
    model = LatentConditionalModel(dag_world())
    g = torch.randn(16, 2, dtype=torch.float64, requires_grad=True)
    pull = torch.randn(4, 2, dtype=torch.float64)
    (model.expected_unembedding(g, SUBSET) * pull).sum().backward()
    expected = model.next_token_distribution(SUBSET).T @ pull.numpy()
    np.testing.assert_allclose(g.grad.numpy(), expected, atol=1e-13)


def test_ten_concepts_need_little_memory():
    model = LatentConditionalModel(ConceptGraph.random(10, 0.3, seed=0))
    unembeddings = np.ones((1024, 10))
    tracemalloc.start()
    result = model.expected_unembedding(unembeddings)
    model.entropy_floor()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(result, 1.0, rtol=1e-12)
    table = 8 * 3**10 * 2**10
    assert peak < table / 20


def test_a_table_beyond_one_gibibyte_is_refused_before_it_is_made():
    model = LatentConditionalModel(ConceptGraph.random(11, 0.2, seed=0))
    with pytest.raises(ValueError, match="expected_unembedding"):
        model.next_token_distribution()
    assert model.next_token_distribution(model.contexts()[:3]).shape == (3, 2048)


# ---- weights and entropies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0.5, 0.2, 0.9])
def test_masked_weights_are_the_chances_of_drawing_and_hiding(model_and_joint, q):
    model, joint = model_and_joint
    model = LatentConditionalModel(model.graph, mask_probability=q)
    expected = masked_weights(joint, 4, q)
    np.testing.assert_allclose(model.weights(), list(expected.values()), rtol=1e-12)
    subset = np.array([expected[tuple(x)] for x in SUBSET])
    np.testing.assert_allclose(model.weights(SUBSET), subset / subset.sum(), rtol=1e-12)


def test_masked_is_the_default_with_fair_coins():
    world = dag_world()
    default, fair = LatentConditionalModel(world), LatentConditionalModel(world, mask_probability=0.5)
    assert default.context_weights == "masked"
    np.testing.assert_array_equal(default.weights(), fair.weights())


def test_uniform_weights_are_all_the_same():
    model = LatentConditionalModel(dag_world(), context_weights="uniform")
    np.testing.assert_allclose(model.weights(), 1 / 81, rtol=1e-14)
    np.testing.assert_allclose(model.weights(SUBSET), 1 / 4, rtol=1e-14)


def test_rare_masks_do_not_spoil_the_weights_of_a_subset():
    model = LatentConditionalModel(dag_world(), mask_probability=1e-100)
    np.testing.assert_allclose(model.weights([[-1, -1, -1, -1]]), 1.0)


@pytest.mark.parametrize("contexts", [None, SUBSET], ids=["all contexts", "subset"])
def test_entropies_are_those_of_the_rows(model_and_joint, contexts):
    model, joint = model_and_joint
    expected = [entropy(next_token_row(joint, x)) for x in (contexts or all_contexts(4))]
    np.testing.assert_allclose(model.entropies(contexts), expected, atol=1e-13)
    assert (model.entropies(contexts) >= 0).all()


@pytest.mark.parametrize("q", [0.5, 0.25])
def test_entropy_floor_of_masked_contexts_is_the_mean_surprise_over_all_draws_and_masks(model_and_joint, q):
    model, joint = model_and_joint
    weights = masked_weights(joint, 4, q)
    expected = sum(weight * entropy(next_token_row(joint, x)) for x, weight in weights.items())
    floor = LatentConditionalModel(model.graph, mask_probability=q).entropy_floor()
    assert floor == pytest.approx(expected, abs=1e-13)


def test_entropy_floor_of_uniform_contexts_is_the_plain_mean(model_and_joint):
    model, joint = model_and_joint
    model = LatentConditionalModel(model.graph, context_weights="uniform")
    entropies = {x: entropy(next_token_row(joint, x)) for x in all_contexts(4)}
    assert model.entropy_floor() == pytest.approx(np.mean(list(entropies.values())), abs=1e-13)
    assert model.entropy_floor(SUBSET) == pytest.approx(np.mean([entropies[tuple(x)] for x in SUBSET]), abs=1e-13)


def test_entropy_floor_of_a_masked_subset_weighs_as_the_model_does(model_and_joint):
    model, joint = model_and_joint
    weights = masked_weights(joint, 4, 0.5)
    total = sum(weights[tuple(x)] for x in SUBSET)
    expected = sum(weights[tuple(x)] * entropy(next_token_row(joint, x)) for x in SUBSET) / total
    assert model.entropy_floor(SUBSET) == pytest.approx(expected, abs=1e-13)


def test_weights_of_very_different_size_neither_overflow_nor_vanish_together():
    weights = LatentConditionalModel(dag_world(), mask_probability=1e-100).weights()  # from 1 down to 1e-400
    assert weights.sum() == pytest.approx(1.0)
    assert weights[:1] > 0
    assert weights[-1] == 0.0  # nothing known: too rare for a float64


def test_the_size_of_a_table_is_bounded_and_the_bound_is_allowed(monkeypatch):
    model = LatentConditionalModel(ConceptGraph.random(2, seed=0))
    monkeypatch.setattr(language, "MAX_TABLE_ENTRIES", 36)
    assert model.next_token_distribution().size == 36
    monkeypatch.setattr(language, "MAX_TABLE_ENTRIES", 35)
    with pytest.raises(ValueError, match="at most 35 entries, got 9 contexts by 4 tokens"):
        model.next_token_distribution()


def test_subset_sums_of_no_columns_have_no_columns():
    assert subset_sums(np.zeros((4, 0)), 2).shape == (9, 0)
    assert subset_sums(np.zeros(4), 2).shape == (9,)


# ---- sampled corpora --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context_weights", ["masked", "uniform"])
@pytest.mark.parametrize("q", [0.5, 0.3])
@pytest.mark.parametrize("subset", [None, [[1, -1], [-1, -1], [-1, 0]]], ids=["all contexts", "subset"])
def test_sampled_pairs_follow_weight_times_conditional(context_weights, q, subset):
    world = ConceptGraph.random(2, 1.0, parameter_range=(0.1, 0.9), seed=3)
    model = LatentConditionalModel(world, context_weights=context_weights, mask_probability=q)
    contexts, tokens = model.sample(40_000, subset, seed=2)
    joint = as_joint(world.joint(), 2)
    shown = subset or all_contexts(2)
    if context_weights == "masked":
        weights = np.array([masked_weights(joint, 2, q)[tuple(x)] for x in shown])
    else:
        weights = np.ones(len(shown))
    table = np.array([next_token_row(joint, x) for x in shown])
    pairs = (weights / weights.sum())[:, None] * table
    assert_frequencies_agree(contexts * 4 + tokens, pairs.reshape(-1))


def test_sampled_tokens_never_contradict_their_context():
    model = LatentConditionalModel(dag_world(), context_weights="uniform")
    contexts, tokens = model.sample(5_000, seed=0)
    assert all(agrees(x, y) for x, y in zip(model.contexts()[contexts], model.tokens()[tokens], strict=True))


def test_samples_are_integer_rows_and_depend_on_the_seed_only():
    for weights in ("masked", "uniform"):
        model = LatentConditionalModel(dag_world(), context_weights=weights)
        first, again, other = (model.sample(200, seed=seed) for seed in (1, 1, 2))
        assert first[0].dtype == first[1].dtype == np.int64
        np.testing.assert_array_equal(first, again)
        assert (np.array(first) != np.array(other)).any()
        assert [len(part) for part in model.sample(0)] == [0, 0]


def test_a_generator_goes_on_where_it_was():
    model, rng = LatentConditionalModel(dag_world()), np.random.default_rng(0)
    first, second = model.sample(100, seed=rng), model.sample(100, seed=rng)
    assert (np.array(first) != np.array(second)).any()


def test_blocks_of_sampled_pairs_join_without_a_seam():
    model = LatentConditionalModel(ConceptGraph.random(10, 0.2, seed=0), context_weights="uniform")
    contexts, tokens = model.sample(5_000, model.contexts()[-7:], seed=0)  # more than one block of 4096 pairs
    assert all(agrees(x, y) for x, y in zip(model.contexts()[-7:][contexts], model.tokens()[tokens], strict=True))


def test_repr_tells_the_sizes():
    assert repr(LatentConditionalModel(dag_world())) == (
        "LatentConditionalModel(4 concepts, 81 contexts, 16 tokens, context_weights='masked')"
    )


# ---- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_the_court_has_a_different_word_for_every_token(m):
    words = Vocabulary.court(m)
    assert len(words.concepts) == len(words.values) == m
    assert len(words.tokens) == len(set(words.tokens)) == 2**m


def test_the_courts_words_mean_what_their_bits_say():
    words = Vocabulary.court(5)
    meaning = {
        (1, 1, 0, 0, 0): "king",
        (1, 1, 1, 0, 0): "queen",
        (0, 1, 0, 0, 0): "man",
        (0, 0, 1, 0, 0): "girl",
        (1, 0, 0, 1, 0): "princes",
        (1, 1, 0, 0, 1): "rey",
        (0, 1, 1, 1, 1): "mujeres",
    }
    for bits, word in meaning.items():
        assert words.tokens[all_tokens(5).index(bits)] == word
    assert Vocabulary.court(2).tokens == ("man", "woman", "king", "queen")
    for bits, word in meaning.items():
        if bits[4] == 0:
            assert Vocabulary.court(4).tokens[all_tokens(4).index(bits[:4])] == word
        if bits[3:] == (0, 0):
            assert Vocabulary.court(3).tokens[all_tokens(3).index(bits[:3])] == word


def test_bits_spell_the_concept_vector():
    words = Vocabulary.bits(3)
    assert words.tokens == tuple("".join(map(str, token)) for token in all_tokens(3))
    assert words.concepts == ("C0", "C1", "C2")


def test_a_context_is_described_by_what_it_tells():
    words = Vocabulary.court(3)
    assert words.describe([1, UNKNOWN, 0]) == "royal, ?, male"
    assert words.describe(np.array([-1, -1, -1], dtype=np.int8)) == "?, ?, ?"
