"""Steering vectors and cosines against plain double loops."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
import torch
from brute_force import UNKNOWN, all_contexts, all_tokens, cosine

from linrep_core import ConceptGraph, LatentConditionalModel, LinearityReport, SoftmaxPredictor, linearity
from linrep_core.geometry import (
    embedding_steering_vectors,
    mean_cosine_between,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)

M = 3
MODEL = LatentConditionalModel(ConceptGraph.random(M, seed=0))


def random_table(rows, dim=3, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dim))


def replaced(vector, i, value):
    return (*vector[:i], value, *vector[i + 1 :])


def token_steering(table, concept):
    """Differences over all tokens y with y_concept = 0, by looking the rows up."""
    row = {y: table[n] for n, y in enumerate(all_tokens(M))}
    return [row[replaced(y, concept, 1)] - row[y] for y in all_tokens(M) if y[concept] == 0]


def context_steering(table, contexts, concept):
    """Differences over all contexts whose partner is there too."""
    row = {tuple(x): table[n] for n, x in enumerate(contexts)}
    return [row[replaced(x, concept, 1)] - row[x] for x in row if x[concept] == 0 and replaced(x, concept, 1) in row]


def mean_over_pairs(vectors):
    return np.mean([cosine(a, b) for a, b in combinations(vectors, 2)])


def mean_over_products(first, second):
    return np.mean([cosine(a, b) for a, b in product(first, second)])


# ---- steering vectors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concept", range(M))
def test_unembedding_steering_vectors_flip_one_concept_from_0_to_1(concept):
    table = random_table(8)
    np.testing.assert_allclose(unembedding_steering_vectors(table, concept), token_steering(table, concept))
    np.testing.assert_allclose(
        unembedding_steering_vectors(torch.tensor(table, requires_grad=True), concept),
        token_steering(table, concept),
    )


@pytest.mark.parametrize("concept", range(M))
def test_embedding_steering_vectors_flip_one_known_concept(concept):
    table, contexts = random_table(27), all_contexts(M)
    found = embedding_steering_vectors(table, contexts, concept)
    assert found.shape == (9, 3)
    np.testing.assert_allclose(found, context_steering(table, contexts, concept))


@pytest.mark.parametrize("seed", range(5))
def test_only_pairs_that_are_both_there_make_a_steering_vector(seed):
    rng = np.random.default_rng(seed)
    contexts = [all_contexts(M)[row] for row in rng.permutation(27)[:14]]  # in no order
    table = random_table(14, seed=seed)
    for concept in range(M):
        expected = context_steering(table, contexts, concept)
        np.testing.assert_allclose(embedding_steering_vectors(table, contexts, concept), np.reshape(expected, (-1, 3)))


def test_no_pair_no_steering_vector():
    contexts = [[0, 1, UNKNOWN], [1, 0, UNKNOWN], [UNKNOWN, 1, UNKNOWN]]
    assert embedding_steering_vectors(random_table(3), contexts, 0).shape == (0, 3)
    last = [[1, 1, 1], [0, 0, 0]]  # a partner's number beyond the largest one there
    assert embedding_steering_vectors(random_table(2), last, 2).shape == (0, 3)


# ---- mean cosines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_mean_cosines_are_means_over_pairs(seed):
    first, second = random_table(6, seed=seed), random_table(4, seed=seed + 10)
    assert mean_pairwise_cosine(first) == pytest.approx(mean_over_pairs(first), abs=1e-14)
    assert mean_cosine_between(first, second) == pytest.approx(mean_over_products(first, second), abs=1e-14)
    assert mean_cosine_between(second, first) == pytest.approx(mean_over_products(first, second), abs=1e-14)


def test_parallel_is_1_and_anti_parallel_is_not_linear():
    u = np.array([1.0, 2.0, -2.0])
    assert mean_pairwise_cosine([u, 3 * u, 0.1 * u]) == pytest.approx(1.0)
    assert mean_pairwise_cosine([u, -u]) == pytest.approx(-1.0)  # Definition 2 wants the same sense
    assert mean_pairwise_cosine([u, u, -u, -u]) == pytest.approx(-1 / 3)


def test_a_zero_vector_has_cosine_0_with_everything():
    vectors = [[1.0, 0.0], [0.0, 0.0], [2.0, 0.0]]
    assert mean_pairwise_cosine(vectors) == pytest.approx(1 / 3) == pytest.approx(mean_over_pairs(vectors))
    assert mean_cosine_between(vectors, [[1.0, 0.0]]) == pytest.approx(2 / 3)
    assert mean_pairwise_cosine(np.zeros((3, 2))) == 0.0


def test_one_vector_is_parallel_to_itself_and_none_has_no_cosine():
    assert mean_pairwise_cosine([[3.0, 4.0]]) == 1.0
    assert math.isnan(mean_pairwise_cosine(np.empty((0, 2))))
    assert math.isnan(mean_cosine_between(np.empty((0, 2)), [[1.0, 0.0]]))
    assert math.isnan(mean_cosine_between([[1.0, 0.0]], np.empty((0, 2))))


# ---- the report -------------------------------------------------------------------------------------------------


def check_report(report, unembeddings, embeddings, contexts):
    by_token = [token_steering(unembeddings, i) for i in range(M)]
    by_context = [context_steering(embeddings, contexts, i) for i in range(M)]
    for i in range(M):
        assert report.unembedding[i] == pytest.approx(mean_over_pairs(by_token[i]), abs=1e-13)
        assert report.embedding[i] == pytest.approx(mean_over_pairs(by_context[i]), abs=1e-13)
        assert report.alignment[i] == pytest.approx(mean_over_products(by_token[i], by_context[i]), abs=1e-13)
        others = [mean_over_products(by_token[i], by_token[j]) for j in range(M) if j != i]
        assert report.between[i] == pytest.approx(np.mean(np.abs(others)), abs=1e-13)
        assert report.heat_map[i, i] == report.unembedding[i]
        for j in range(M):
            if j != i:
                expected = mean_over_products(by_token[i], by_token[j])
                assert report.heat_map[i, j] == pytest.approx(expected, abs=1e-13)


def test_report_on_all_contexts_holds_the_means_of_the_double_loops():
    g, f = random_table(8, seed=1), random_table(27, seed=2)
    check_report(linearity(MODEL, SoftmaxPredictor(f, g)), g, f, all_contexts(M))


def test_report_on_a_subset_uses_the_pairs_that_are_there():
    contexts = [x for n, x in enumerate(all_contexts(M)) if n % 5 != 3][::-1]
    g, f = random_table(8, seed=1), random_table(len(contexts), seed=2)
    predictor = SoftmaxPredictor(f, g, np.array(contexts, dtype=np.int8))
    check_report(linearity(MODEL, predictor), g, f, contexts)


def test_report_of_a_cube_is_linear_aligned_and_orthogonal():
    contexts = MODEL.contexts().astype(float)
    cube = SoftmaxPredictor(np.where(contexts == UNKNOWN, 0.5, contexts) - 0.5, MODEL.tokens().astype(float))
    report = linearity(MODEL, cube)
    assert report.mean == pytest.approx({"unembedding": 1.0, "embedding": 1.0, "alignment": 1.0, "between": 0.0})
    np.testing.assert_allclose(report.heat_map, np.eye(M), atol=1e-15)


def test_a_concept_that_turns_round_is_not_linear():
    """Exclusive-or of two bits in one dimension: the same line, both senses."""
    model = LatentConditionalModel(ConceptGraph.random(2, seed=0))
    exclusive_or = np.array([[0.0], [1.0], [1.0], [0.0]])
    report = linearity(model, SoftmaxPredictor(np.ones((9, 1)), exclusive_or))
    np.testing.assert_allclose(report.unembedding, [-1.0, -1.0])


def test_contexts_without_pairs_have_no_embedding_cosine_and_do_not_count_in_the_mean():
    contexts = np.array([[0, -1, -1], [1, -1, -1], [0, 1, -1], [1, 1, -1]], dtype=np.int8)
    report = linearity(MODEL, SoftmaxPredictor(random_table(4), random_table(8), contexts))
    assert np.isnan(report.embedding).tolist() == [False, True, True]
    assert np.isnan(report.alignment).tolist() == [False, True, True]
    assert report.mean["embedding"] == report.embedding[0]
    nowhere = linearity(MODEL, SoftmaxPredictor(random_table(1), random_table(8), contexts[:1]))
    assert math.isnan(nowhere.mean["embedding"])


def test_a_single_concept_is_linear_and_has_no_other():
    model = LatentConditionalModel(ConceptGraph.random(1, seed=0))
    report = linearity(model, SoftmaxPredictor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [-1.0, 1.0]]))
    assert report.unembedding.tolist() == [1.0]
    assert report.embedding.tolist() == [1.0]
    np.testing.assert_allclose(report.alignment, [1.0])
    assert np.isnan(report.between).tolist() == [True]
    assert report.heat_map.tolist() == [[1.0]]


def test_mean_is_over_concepts_and_the_text_shows_it():
    report = LinearityReport(
        unembedding=np.array([0.5, 1.0]),
        embedding=np.array([np.nan, 0.25]),
        alignment=np.array([0.0, 0.5]),
        between=np.array([0.125, 0.125]),
        heat_map=np.eye(2),
    )
    assert report.mean == {"unembedding": 0.75, "embedding": 0.25, "alignment": 0.25, "between": 0.125}
    assert [line.split() for line in str(report).splitlines()] == [
        ["concept", "unembedding", "embedding", "alignment", "between"],
        ["0", "0.500", "nan", "0.000", "0.125"],
        ["1", "1.000", "0.250", "0.500", "0.125"],
        ["mean", "0.750", "0.250", "0.250", "0.125"],
    ]
