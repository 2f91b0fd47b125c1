"""What two predictors with the same distribution share, on cases small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core import SoftmaxPredictor
from linrep_core.identifiability import (
    balanced_factors,
    centred_logits,
    change_basis,
    distribution_equivalent,
    distribution_gap,
    effective_complexity,
    equivalent_predictor,
    extended_linear_relation,
    intersection,
    is_diverse,
    linear_relation,
    log_probabilities,
    move_along,
    parts,
    pivoted_unembeddings,
    share_left,
    span_basis,
    tables,
    two_predictors,
)

# Three contexts and three tokens in three dimensions. g moves along the first two axes, f along the first and third:
# S = axes 1 and 2, span f = axes 1 and 3, M = axis 1.
F = np.array([[1.0, 0.0, 4.0], [2.0, 0.0, -1.0], [-1.0, 0.0, 0.5]])
G = np.array([[0.0, 0.0, 7.0], [3.0, 1.0, 7.0], [1.0, -2.0, 7.0]])
HAND = (F, G)
DIVERSE = (np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))


def probabilities(predictor):
    weights = np.exp(log_probabilities(predictor))
    return weights / weights.sum(axis=1, keepdims=True)


def spans_axes(basis, *axes):
    """Whether the columns span exactly these unit vectors."""
    wanted = np.eye(len(basis))[:, list(axes)]
    return basis.shape == wanted.shape and np.allclose(basis @ basis.T, wanted @ wanted.T)


# ---- spaces ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pivot", [0, 1, 2])
def test_the_spaces_of_a_case_by_hand(pivot):
    seen = parts(HAND, pivot)
    assert spans_axes(seen.unembedding_span, 0, 1)
    assert spans_axes(seen.embedding_span, 0, 2)
    assert spans_axes(seen.seen_space, 0)
    assert seen.effective_complexity == effective_complexity(HAND) == 1
    np.testing.assert_allclose(np.abs(seen.seen_embeddings[:, 0]), [1, 2, 1])
    np.testing.assert_allclose(seen.log_odds, np.outer([1, 2, -1], np.array([0, 3, 1]) - [0, 3, 1][pivot]))


def test_the_overlap_of_two_spans():
    assert spans_axes(intersection(F, G - G[0]), 0)
    assert intersection([[1.0, 0.0]], [[1.0, 1.0]]).shape == (2, 0)
    assert spans_axes(intersection(np.eye(3), np.eye(3)), 0, 1, 2)


def test_an_intersection_is_not_what_is_seen():
    # f lies on the diagonal, g on the first axis: they share no direction, and still p depends on x
    tilted = ([[1.0, 1.0], [2.0, 2.0]], [[0.0, 0.0], [1.0, 0.0]])
    seen = parts(tilted)
    assert intersection(seen.embedding_span.T, seen.unembedding_span.T).shape[1] == 0
    assert seen.effective_complexity == 1


@pytest.mark.parametrize(("size", "rank"), [(1e-8, 2), (1e-10, 1), (0.0, 1)])
def test_a_rank_is_decided_at_the_stated_tolerance(size, rank):
    assert span_basis([[1.0, 0.0], [0.0, size]]).shape == (2, rank)


def test_nothing_spans_nothing():
    assert span_basis(np.zeros((3, 2))).shape == (2, 0)
    constant = ([[1.0], [2.0]], [[3.0], [3.0]])
    assert effective_complexity(constant) == 0
    assert not is_diverse(constant)


def test_diversity_needs_both_spans():
    f, g = DIVERSE
    assert is_diverse(DIVERSE)
    assert not is_diverse((f[:1], g))
    assert not is_diverse((f, g[:2]))
    assert not is_diverse(HAND)


# ---- the same distribution ------------------------------------------------------------------------------------------


def test_log_probabilities_are_those_of_the_predictor():
    predictor = SoftmaxPredictor(torch.tensor(F), torch.tensor(G))
    np.testing.assert_allclose(log_probabilities(predictor), predictor.log_probabilities().numpy(), atol=1e-14)
    assert tables(predictor)[0].dtype == np.float64


def test_a_gap_is_seen_where_the_probabilities_are_too_small_to_tell():
    low, lower = (([[1.0]], [[0.0], [-z]]) for z in (60.0, 90.0))
    np.testing.assert_allclose(probabilities(low), probabilities(lower), atol=1e-20)
    assert distribution_gap(low, lower) == pytest.approx(30.0)
    assert not distribution_equivalent(low, lower)
    assert distribution_equivalent(low, lower, tolerance=31.0)


def test_a_number_added_to_every_logit_changes_nothing():
    assert distribution_equivalent(HAND, (F, np.add(G, [1.0, 2.0, 3.0])))


# ---- constructors ---------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 16), room=st.integers(0, 15))
def test_an_equivalent_predictor_of_any_dimension_has_the_same_probabilities(seed, dim, room):
    room = min(room, dim - 1)
    other = equivalent_predictor(HAND, dim, embedding_room=room, seed=seed)
    assert other.dim == dim
    np.testing.assert_allclose(probabilities(other), probabilities(HAND), atol=1e-12)
    seen = parts(other)
    # enough rows fill the rooms: f and g are as wide as they can be
    assert seen.embedding_span.shape[1] == min(1 + room, len(F))
    assert seen.unembedding_span.shape[1] == min(1 + dim - 1 - room, len(G) - 1)


def test_the_smallest_equivalent_predictor_is_diverse():
    small = equivalent_predictor(HAND, 1)
    assert is_diverse(small)
    assert distribution_gap(small, HAND) < 1e-12


def test_no_room_is_filled_when_the_scale_is_zero():
    other = equivalent_predictor(HAND, 5, free_scale=0.0)
    assert parts(other).embedding_span.shape[1] == parts(other).unembedding_span.shape[1] == 1


def test_a_change_of_basis_is_undone_by_its_inverse():
    matrix = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [0.0, 0.0, 1.0]])
    there = change_basis(HAND, matrix)
    back = change_basis(there, np.linalg.inv(matrix))
    np.testing.assert_allclose(tables(back)[0], F, atol=1e-12)
    np.testing.assert_allclose(tables(back)[1], G, atol=1e-12)
    np.testing.assert_allclose(tables(there)[0], F @ matrix.T)


@pytest.mark.parametrize("share", [-3.0, 0.5, 10.0])
def test_moving_along_the_class_changes_no_probability(share):
    rng = np.random.default_rng(0)
    moved = move_along(HAND, share * rng.standard_normal((3, 3)), share * rng.standard_normal((3, 3)))
    np.testing.assert_allclose(probabilities(moved), probabilities(HAND), atol=1e-12)
    f, g = tables(moved)
    assert np.abs(f - F)[:, 2].min() > 0.01  # the third axis is f's own
    np.testing.assert_allclose(f[:, :2], F[:, :2], atol=1e-12)
    assert np.abs(g - G)[:, 1].min() > 0.01  # the second is g's
    np.testing.assert_allclose(g[:, [0, 2]], G[:, [0, 2]], atol=1e-12)


def test_contexts_stay_with_the_predictor():
    contexts = np.array([[0, 1], [1, 0], [1, 1]], dtype=np.int8)
    named = SoftmaxPredictor(torch.tensor(F), torch.tensor(G), contexts)
    for other in (equivalent_predictor(named, 4), change_basis(named, np.eye(3)), move_along(named, 1.0, 0)):
        np.testing.assert_array_equal(other.contexts, contexts)


# ---- relations ------------------------------------------------------------------------------------------------------


def test_the_linear_relation_finds_the_matrix():
    matrix = np.array([[2.0, 1.0], [0.0, 3.0]])
    relation = linear_relation(DIVERSE, change_basis(DIVERSE, matrix))
    np.testing.assert_allclose(relation.matrix, matrix, atol=1e-12)
    assert relation.residual < 1e-12
    assert relation.complexities == (2, 2)


def test_only_the_extended_relation_survives_free_parts():
    other = equivalent_predictor(HAND, 4, seed=3)
    assert extended_linear_relation(HAND, other).residual < 1e-12
    assert linear_relation(HAND, other).residual > 0.05


def test_the_extended_relation_maps_what_is_seen_and_nothing_else():
    other = equivalent_predictor(HAND, 4, seed=3)
    relation, one, two = extended_linear_relation(HAND, other), parts(HAND), parts(other)
    onto = one.unembedding_span @ one.unembedding_span.T
    onto_other = two.unembedding_span @ two.unembedding_span.T
    np.testing.assert_allclose(F @ onto @ relation.matrix.T, two.embeddings @ onto_other, atol=1e-12)
    np.testing.assert_allclose(relation.matrix @ [0.0, 5.0, 5.0], 0, atol=1e-12)


def test_a_residual_grows_with_the_disturbance():
    other = tables(equivalent_predictor(HAND, 4, seed=3))
    noise = np.random.default_rng(1).standard_normal(other[0].shape)
    residuals = [extended_linear_relation(HAND, (other[0] + s * noise, other[1])).residual for s in (0, 0.01, 0.1, 1)]
    assert residuals == sorted(residuals)
    assert residuals[0] < 1e-12 < 1e-4 < residuals[1]


def test_share_left_of_nothing():
    assert share_left(np.zeros(2), np.zeros(2)) == 0.0
    assert share_left(np.zeros(2), np.ones(2)) == 1.0


# ---- bad input ------------------------------------------------------------------------------------------------------

NAMED = SoftmaxPredictor(torch.tensor(F), torch.tensor(G), np.array([[0, 1], [1, 0], [1, 1]], dtype=np.int8))
SWAPPED = SoftmaxPredictor(torch.tensor(F), torch.tensor(G), np.array([[1, 0], [0, 1], [1, 1]], dtype=np.int8))
BAD = {
    "no predictor": (lambda: tables(3), "predictor must be a SoftmaxPredictor or a pair .* got 3"),
    "one table": (lambda: tables((F,)), "predictor must be a SoftmaxPredictor or a pair"),
    "other dimensions": (lambda: tables((F, G[:, :2])), r"predictor must have tables .* \(3, 3\) and \(3, 2\)"),
    "no contexts": (lambda: tables((F[:0], G)), "predictor must have tables .*same length"),
    "a nan": (lambda: tables((F * np.nan, G)), "embeddings of predictor must have finite entries, got nan"),
    "words": (lambda: tables((F, [["a"]])), "unembeddings of predictor must be an array of real numbers"),
    "other contexts": (lambda: distribution_gap(HAND, (F[:2], G)), "second must have the 3 contexts of first, got 2"),
    "other tokens": (lambda: linear_relation(HAND, (F, G[:2])), "second must have the 3 tokens of first, got 2"),
    "contexts in another order": (lambda: two_predictors(NAMED, SWAPPED), "second must have the contexts of first"),
    "pivot too high": (lambda: pivoted_unembeddings(G, 3), "pivot must be at most 2, got 3"),
    "pivot too low": (lambda: parts(HAND, pivot=-1), "pivot must be at least 0, got -1"),
    "pivot of parts": (lambda: parts(HAND, pivot=3), "pivot must be at most 2, got 3"),
    "half a pivot": (lambda: parts(HAND, pivot=0.5), "pivot must be an integer, got 0.5"),
    "no tokens": (lambda: pivoted_unembeddings(np.zeros((0, 2))), "unembeddings must have at least one row"),
    "tolerance": (lambda: span_basis(F, 0.0), "tolerance must lie strictly between 0 and 1, got 0.0"),
    "negative tolerance": (lambda: distribution_equivalent(HAND, HAND, -1.0), "tolerance must be at least 0, got -1"),
    "rows of other lengths": (lambda: intersection(F, F[:, :2]), "second must have rows of length 3 as first, got 2"),
    "singular matrix": (
        lambda: change_basis(HAND, np.diag([1.0, 1.0, 0.0])),
        "matrix must be invertible, got rank 2 of 3",
    ),
    "other matrix": (lambda: change_basis(HAND, np.eye(2)), r"matrix must have shape \(3, 3\), got \(2, 2\)"),
    "too few dimensions": (lambda: equivalent_predictor(DIVERSE, 1), "dim must be at least 2, got 1"),
    "too much room": (
        lambda: equivalent_predictor(HAND, 3, embedding_room=3),
        "embedding_room must be at most 2, got 3",
    ),
    "scale": (lambda: equivalent_predictor(HAND, free_scale=-1.0), "free_scale must be at least 0, got -1.0"),
    "seed": (lambda: equivalent_predictor(HAND, seed=-1), "seed must be at least 0, got -1"),
    "nothing to tell apart": (lambda: equivalent_predictor((F, np.ones((3, 3)))), "predictor must tell tokens apart"),
    "shifts": (
        lambda: move_along(HAND, np.ones((2, 3)), 0),
        r"embedding_shifts must have shape \(3, 3\), got \(2, 3\)",
    ),
    "infinite shift": (lambda: move_along(HAND, 0, np.inf), "unembedding_shifts must be a finite number, got inf"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()


# ---- the shortest tables --------------------------------------------------------------------------------------------


def test_balanced_factors_give_the_table_back_and_are_as_short_as_its_nuclear_norm():
    table = np.random.default_rng(0).normal(size=(5, 3))
    f, g = balanced_factors(table)
    sizes = np.linalg.svd(table, compute_uv=False)
    np.testing.assert_allclose(f @ g.T, table, atol=1e-12)
    for factor in (f, g):
        np.testing.assert_allclose(factor.T @ factor, np.diag(sizes), atol=1e-12)
    assert ((f**2).sum() + (g**2).sum()) / 2 == pytest.approx(sizes.sum())


def test_fewer_factors_leave_out_the_smallest_singular_values():
    table = np.random.default_rng(0).normal(size=(5, 3))
    f, g = balanced_factors(table, 2)
    assert f.shape == (5, 2)
    assert np.linalg.norm(table - f @ g.T) == pytest.approx(np.linalg.svd(table, compute_uv=False)[2])
    assert balanced_factors(table, 9)[0].shape == (5, 3)


def test_rounding_in_a_table_of_low_rank_is_not_magnified_in_its_factors():
    left, right = np.random.default_rng(0).normal(size=(2, 9, 2))
    f, g = balanced_factors(left @ right.T, 3)
    assert np.linalg.svd(left @ right.T, compute_uv=False)[2] > 0  # the rounding
    assert not f[:, 2].any()
    assert not g[:, 2].any()


@pytest.mark.parametrize(
    ("table", "rank", "complaint"),
    [
        (3, None, r"table must have shape \(n, k\)"),
        (np.zeros((0, 2)), None, "table must have at least one row and one column"),
        ([[np.nan]], None, "table must have finite entries"),
        ([[1.0]], 0, "rank must be at least 1, got 0"),
    ],
)
def test_what_has_no_balanced_factors_is_named(table, rank, complaint):
    with pytest.raises(ValueError, match=complaint):
        balanced_factors(table, rank)


def test_centred_logits_are_log_probabilities_less_their_mean():
    logs = log_probabilities(HAND)
    np.testing.assert_allclose(centred_logits(HAND), logs - logs.mean(axis=1, keepdims=True), atol=1e-12)
