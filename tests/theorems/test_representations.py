"""Directions: what survives a change of coordinates, what a cosine can be, and what a linear table looks like."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from brute_force import UNKNOWN, all_contexts, all_tokens, cosine
from hypothesis import given
from hypothesis import strategies as st
from random_worlds import SEEDS, fitted_pairs

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, linearity
from linrep_core.geometry import (
    embedding_steering_vectors,
    mean_cosine_between,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)

SIZES = st.integers(1, 4)  # concepts


def model_of(m):
    return LatentConditionalModel(ConceptGraph.random(m, 0.5, seed=0))


def well_conditioned(dim, rng):
    """An invertible matrix that is neither orthogonal nor nearly singular."""
    left, right = (np.linalg.qr(rng.normal(size=(dim, dim)))[0] for _ in range(2))
    return left @ np.diag(np.geomspace(0.5, 4.0, dim)) @ right


def changed(predictor, matrix):
    """(A f, A^-T g) as rows: the same logits in other coordinates."""
    matrix = torch.as_tensor(matrix)
    return SoftmaxPredictor(
        predictor.embeddings @ matrix.T,
        predictor.unembeddings @ torch.linalg.inv(matrix),
        predictor.contexts,
    )


# ---- coordinates ------------------------------------------------------------------------------------------------


@given(pair=fitted_pairs(), seed=SEEDS)
def test_an_invertible_linear_change_leaves_the_predictions_alone(pair, seed):
    model, predictor = pair
    other = changed(predictor, well_conditioned(predictor.dim, np.random.default_rng(seed)))
    torch.testing.assert_close(other.logits(), predictor.logits(), atol=1e-10, rtol=1e-9)
    torch.testing.assert_close(other.probabilities(), predictor.probabilities(), atol=1e-11, rtol=1e-9)
    assert other.excess_loss(model) == pytest.approx(predictor.excess_loss(model), rel=1e-8, abs=1e-10)


@given(pair=fitted_pairs(), seed=SEEDS)
def test_the_same_change_of_both_tables_does_not(pair, seed):
    """f -> A f needs g -> A^-T g: with A f and A g the logits are f A^T A g."""
    _, predictor = pair
    matrix = torch.as_tensor(2.0 * np.linalg.qr(np.random.default_rng(seed).normal(size=(predictor.dim,) * 2))[0])
    both = SoftmaxPredictor(predictor.embeddings @ matrix.T, predictor.unembeddings @ matrix.T, predictor.contexts)
    torch.testing.assert_close(both.logits(), 4 * predictor.logits(), atol=1e-10, rtol=1e-9)


def table_with_parallel_steering(m, dim, rng, concept):
    """A random table whose steering vectors of one concept are positive multiples of one direction."""
    direction = rng.normal(size=dim)
    table = rng.normal(size=(2**m, dim))
    for row, token in enumerate(all_tokens(m)):
        if token[concept]:
            partner = row - 2 ** (m - 1 - concept)
            table[row] = table[partner] + rng.uniform(0.2, 3.0) * direction
    return table


@given(m=SIZES, dim=st.integers(1, 5), data=st.data(), seed=SEEDS)
def test_parallel_steering_vectors_stay_parallel_in_any_coordinates(m, dim, data, seed):
    rng = np.random.default_rng(seed)
    concept = data.draw(st.integers(0, m - 1))
    table = table_with_parallel_steering(m, dim, rng, concept)
    matrix = well_conditioned(dim, rng)
    assert mean_pairwise_cosine(unembedding_steering_vectors(table, concept)) == pytest.approx(1.0, abs=1e-12)
    moved = unembedding_steering_vectors(table @ np.linalg.inv(matrix), concept)
    assert mean_pairwise_cosine(moved) == pytest.approx(1.0, abs=1e-12)
    assert np.linalg.matrix_rank(moved, tol=1e-9) == 1


@given(m=st.integers(2, 4), dim=st.integers(2, 5), seed=SEEDS)
def test_and_those_that_are_not_parallel_do_not_become_so(m, dim, seed):
    rng = np.random.default_rng(seed)
    table, matrix = rng.normal(size=(2**m, dim)), well_conditioned(dim, rng)
    before, after = (unembedding_steering_vectors(t, 0) for t in (table, table @ np.linalg.inv(matrix)))
    assert np.linalg.matrix_rank(before) == np.linalg.matrix_rank(after) == min(dim, 2 ** (m - 1))
    assert mean_pairwise_cosine(after) < 1 - 1e-6


def test_cosines_between_concepts_and_alignment_depend_on_the_coordinates():
    """A cube with orthogonal, aligned concepts; sheared, it predicts the same and is neither."""
    model = model_of(2)
    contexts = np.where(model.contexts() == UNKNOWN, 0.5, model.contexts()) - 0.5
    cube = SoftmaxPredictor(contexts, model.tokens().astype(float))
    sheared = changed(cube, np.array([[1.0, 0.0], [2.0, 1.0]]))
    torch.testing.assert_close(sheared.logits(), cube.logits())
    before, after = linearity(model, cube), linearity(model, sheared)
    assert before.mean == pytest.approx({"unembedding": 1, "embedding": 1, "alignment": 1, "between": 0})
    assert after.mean["unembedding"] == pytest.approx(1.0)
    assert after.mean["embedding"] == pytest.approx(1.0)
    assert after.mean["between"] > 0.8
    assert after.mean["alignment"] < 0.5


def test_cosines_within_a_concept_that_is_not_linear_depend_on_the_coordinates_too():
    table = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, -1.0]])  # concept 1 points up or down
    cosines = [
        mean_pairwise_cosine(unembedding_steering_vectors(table @ np.diag([stretch, 1.0]), 1))
        for stretch in (0.1, 1.0, 10.0)
    ]
    assert cosines == pytest.approx([-99 / 101, 0.0, 99 / 101])


@given(pair=fitted_pairs(), seed=SEEDS, scale=st.floats(1e-3, 1e3))
def test_rotations_and_scales_leave_every_cosine_alone(pair, seed, scale):
    model, predictor = pair
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(predictor.dim,) * 2))[0]
    before, after = linearity(model, predictor), linearity(model, changed(predictor, scale * rotation))
    for name in ("unembedding", "embedding", "alignment", "between", "heat_map"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-9)


@given(pair=fitted_pairs(), seed=SEEDS)
def test_shifts_of_either_table_leave_every_cosine_alone(pair, seed):
    model, predictor = pair
    shifts = torch.as_tensor(np.random.default_rng(seed).normal(size=(2, predictor.dim)))
    moved = SoftmaxPredictor(predictor.embeddings + shifts[0], predictor.unembeddings + shifts[1], predictor.contexts)
    before, after = linearity(model, predictor), linearity(model, moved)
    for name in ("unembedding", "embedding", "alignment", "between"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-6)


# ---- mean cosines -----------------------------------------------------------------------------------------------

VECTOR_SETS = st.builds(
    lambda n, dim, seed: np.random.default_rng(seed).normal(size=(n, dim)), st.integers(2, 8), st.integers(1, 5), SEEDS
)


@given(vectors=VECTOR_SETS, data=st.data())
def test_mean_pairwise_cosine_lies_between_minus_one_over_n_less_one_and_one(vectors, data):
    n = len(vectors)
    one, factor = data.draw(st.integers(0, n - 1)), data.draw(st.sampled_from([0.0, 1e-200, 1.0, 1e200]))
    vectors[one] *= float(factor > 0)
    pairs = [cosine(a, b) for i, a in enumerate(vectors) for b in vectors[:i]]
    vectors[one] *= factor  # a length, however extreme, is not a direction
    assert mean_pairwise_cosine(vectors) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert -1 / (n - 1) - 1e-12 <= mean_pairwise_cosine(vectors) <= 1 + 1e-12


@given(n=st.integers(2, 8), seed=SEEDS)
def test_the_lower_bound_is_that_of_the_simplex(n, seed):
    simplex = np.eye(n) - 1 / n
    rng = np.random.default_rng(seed)
    turned = simplex @ np.linalg.qr(rng.normal(size=(n, n)))[0] * rng.uniform(0.1, 10.0, size=(n, 1))
    assert mean_pairwise_cosine(turned) == pytest.approx(-1 / (n - 1), abs=1e-12)


@given(n=st.integers(2, 8), dim=st.integers(1, 5), seed=SEEDS, bend=st.floats(1e-3, 1.0))
def test_it_is_one_exactly_when_all_are_positive_multiples_of_one_vector(n, dim, seed, bend):
    rng = np.random.default_rng(seed)
    multiples = rng.uniform(0.1, 10.0, size=(n, 1)) * rng.normal(size=dim)
    assert mean_pairwise_cosine(multiples) == pytest.approx(1.0, abs=1e-12)
    reversed_one = multiples.copy()
    reversed_one[0] *= -1  # parallel, in the other sense: n - 1 of the n (n - 1) / 2 pairs turn to -1
    assert mean_pairwise_cosine(reversed_one) == pytest.approx(1 - 4 / n, abs=1e-12)
    wider = np.hstack([multiples, np.zeros((n, 1))])
    wider[0, -1] = bend * np.linalg.norm(wider[0])
    assert mean_pairwise_cosine(wider) < 1 - 1e-8


@given(vectors=VECTOR_SETS, seed=SEEDS)
def test_cosines_know_neither_lengths_nor_order(vectors, seed):
    rng = np.random.default_rng(seed)
    lengths = 10.0 ** rng.uniform(-180, 180, size=(len(vectors), 1))
    shuffled = rng.permutation(vectors * lengths)
    assert mean_pairwise_cosine(shuffled) == pytest.approx(mean_pairwise_cosine(vectors), abs=1e-12)
    one = rng.normal(size=(3, vectors.shape[1]))
    assert mean_cosine_between(shuffled, one) == pytest.approx(mean_cosine_between(vectors, one), abs=1e-12)
    assert mean_cosine_between(one, vectors) == pytest.approx(mean_cosine_between(vectors, one), abs=1e-14)
    assert abs(mean_cosine_between(one, vectors)) <= 1 + 1e-12


@given(vectors=VECTOR_SETS)
def test_a_set_compared_with_itself_includes_the_self_pairs(vectors):
    n = len(vectors)
    expected = (n + n * (n - 1) * mean_pairwise_cosine(vectors)) / n**2
    assert mean_cosine_between(vectors, vectors) == pytest.approx(expected, abs=1e-12)


# ---- linear tables ----------------------------------------------------------------------------------------------


def linear_unembeddings(m, directions, offset):
    """g(y) = offset + sum of the directions of the concepts that are 1."""
    return np.array([offset + sum((directions[i] for i in range(m) if y[i]), 0 * offset) for y in all_tokens(m)])


def linear_embeddings(m, directions, unknown):
    """f(x) = sum of +- directions of what is known, and of another vector for each unknown concept."""
    parts = {1: directions, 0: -directions, UNKNOWN: unknown}
    return np.array([sum(parts[value][i] for i, value in enumerate(x)) for x in all_contexts(m)])


@given(m=SIZES, dim=st.integers(1, 5), seed=SEEDS)
def test_steering_vectors_of_a_linear_table_are_its_directions(m, dim, seed):
    u, v, w = np.random.default_rng(seed).normal(size=(3, m, dim))
    g, f = linear_unembeddings(m, u, w[0]), linear_embeddings(m, v, w)
    for i in range(m):
        np.testing.assert_allclose(unembedding_steering_vectors(g, i), [u[i]] * 2 ** (m - 1), atol=1e-12)
        np.testing.assert_allclose(
            embedding_steering_vectors(f, all_contexts(m), i), [2 * v[i]] * 3 ** (m - 1), atol=1e-12
        )
    report = linearity(model_of(m), SoftmaxPredictor(f, g))
    np.testing.assert_allclose(report.unembedding, 1.0, atol=1e-12)
    np.testing.assert_allclose(report.embedding, 1.0, atol=1e-12)
    np.testing.assert_allclose(report.alignment, [cosine(u[i], v[i]) for i in range(m)], atol=1e-12)
    expected = [[cosine(u[i], u[j]) if i != j else 1.0 for j in range(m)] for i in range(m)]
    np.testing.assert_allclose(report.heat_map, expected, atol=1e-12)
    if m > 1:
        others = [np.mean([abs(expected[i][j]) for j in range(m) if j != i]) for i in range(m)]
        np.testing.assert_allclose(report.between, others, atol=1e-12)


@given(m=st.integers(2, 4), dim=st.integers(2, 5), seed=SEEDS, strength=st.floats(0.1, 3.0))
def test_an_interaction_of_two_concepts_bends_these_two_and_no_other(m, dim, seed, strength):
    rng = np.random.default_rng(seed)
    u, extra = rng.normal(size=(m, dim)), rng.normal(size=dim)
    g = linear_unembeddings(m, u, 0 * extra)
    g += strength * np.array([[y[0] * y[1]] for y in all_tokens(m)]) * extra
    straight = [mean_pairwise_cosine(unembedding_steering_vectors(g, i)) for i in range(m)]
    assert max(straight[:2]) < 1 - 1e-7
    assert straight[2:] == pytest.approx([1.0] * (m - 2), abs=1e-12)


@given(m=st.integers(2, 4), dim=st.integers(1, 4), seed=SEEDS)
def test_two_steps_reach_the_same_token_in_either_order(m, dim, seed):
    """D_i at y_j = 0, then D_j at y_i = 1, is D_j at y_i = 0, then D_i at y_j = 1: in any table at all."""
    g = np.random.default_rng(seed).normal(size=(2**m, dim))
    row = {y: g[n] for n, y in enumerate(all_tokens(m))}
    steps = {i: iter(unembedding_steering_vectors(g, i)) for i in range(2)}
    along = {(i, y): next(steps[i]) for i in range(2) for y in all_tokens(m) if y[i] == 0}
    for y in all_tokens(m):
        if y[:2] == (0, 0):
            across, up = (1, 0, *y[2:]), (0, 1, *y[2:])
            np.testing.assert_allclose(along[0, y] + along[1, across], along[1, y] + along[0, up], atol=1e-12)
            np.testing.assert_allclose(along[0, y] + along[1, across], row[1, 1, *y[2:]] - row[y], atol=1e-12)


@given(seed=SEEDS)
def test_random_directions_in_many_dimensions_are_nearly_orthogonal(seed):
    """The size to compare a cosine with: 1 / sqrt(dim). In few dimensions chance gives large ones."""
    rng = np.random.default_rng(seed)
    for dim in (2, 400):
        cosines = [cosine(*rng.normal(size=(2, dim))) for _ in range(40)]
        assert math.sqrt(np.mean(np.square(cosines))) == pytest.approx(1 / math.sqrt(dim), rel=0.6)
