"""Each linear property where it holds, where it fails, and by how much, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from linrep_core.identifiability import equivalent_predictor, tables
from linrep_core.linear_properties import (
    LinearProperty,
    linear_probe,
    linear_steering,
    linear_subspace,
    parallelism,
    relational_linearity,
)

RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((12, 3))
SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def test_an_affine_map_is_relational_linearity():
    found = relational_linearity(POINTS, POINTS @ RNG.standard_normal((3, 3)) + 4)
    assert found.holds
    assert found.residual < 1e-12
    assert found.spare == 12 - 1 - 3


def test_what_no_map_explains_is_counted():
    # f(t) is symmetric in f(s): the best affine map is a constant
    sources, targets = np.array([[-1.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [1.0]])
    assert relational_linearity(sources, targets).residual == pytest.approx(1.0)


def test_with_too_few_pairs_nothing_is_tested():
    found = relational_linearity(POINTS[:3], POINTS[:3] ** 2)
    assert found.holds
    assert found.spare == 0


def test_directions_hide_what_is_not_linear():
    targets = POINTS @ np.diag([1.0, 2.0, 0.0])
    targets[:, 2] = POINTS[:, 2] ** 2
    assert not relational_linearity(POINTS, targets).holds
    assert relational_linearity(POINTS, targets, [[1.0, 0, 0], [0, 1.0, 0]]).holds


def test_a_constant_is_affine():
    assert relational_linearity(POINTS, np.full_like(POINTS, 0.1)).holds


def test_the_share_outside_a_subspace():
    vectors = np.diag([3.0, 4.0])
    assert linear_subspace(vectors, 1).residual == pytest.approx(0.6)
    assert linear_subspace(vectors, 2).holds
    assert linear_subspace(vectors, 1, [[1.0, 0.0]]).holds
    assert linear_subspace(np.zeros((2, 2)), 1).residual == 0.0


@pytest.mark.parametrize(
    ("vectors", "residual"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], 0.0),
        ([[1.0, 0.0], [0.0, 5.0]], 2**0.5),
        ([[1.0, 0.0], [-2.0, 0.0]], 2.0),
        ([[1.0, 0.0], [0.0, 0.0]], np.nan),
    ],
)
def test_parallel_means_on_one_line_and_in_one_sense(vectors, residual):
    found = parallelism(vectors)
    np.testing.assert_allclose(found.residual, residual, atol=1e-12)
    assert found.holds == (residual == 0)


def test_a_probe_reads_affine_values_only():
    assert linear_probe(POINTS, POINTS @ [1.0, -2.0, 0.5] + 7).holds
    assert linear_probe(SQUARE, [0.0, 1.0, 1.0, 0.0]).residual == pytest.approx(1.0)  # exclusive or
    assert not linear_probe(POINTS, POINTS[:, 0], [[0.0, 1.0, 0.0]]).holds


def test_steering_does_not_mind_a_number_common_to_all_tokens():
    change = SQUARE @ [2.0, 0.0]
    assert linear_steering(SQUARE, change).holds
    assert linear_steering(SQUARE, change + 100).holds
    assert linear_steering(SQUARE, [0.0, 1.0, 1.0, 0.0]).residual == pytest.approx(1.0)


def test_steering_with_given_vectors_only():
    change = SQUARE @ [2.0, 1.0]
    assert linear_steering(SQUARE, change, [[4.0, 2.0]]).holds
    assert not linear_steering(SQUARE, change, [[1.0, 0.0]]).holds


def test_a_property_says_whether_it_holds():
    assert LinearProperty(0.1, 0.2, 3).holds
    assert not LinearProperty(float("nan"), 0.2, 3).holds


@pytest.mark.parametrize("seed", range(5))
def test_two_models_with_one_distribution_and_parallel_vectors_in_one_of_them(seed):
    f = np.random.default_rng(seed).standard_normal((7, 2))
    square = equivalent_predictor((f, SQUARE), 3, embedding_room=0, seed=seed)
    bent = tables(square)[1]
    assert parallelism(SQUARE[2:] - SQUARE[:2]).residual < 1e-12
    assert parallelism(bent[2:] - bent[:2]).residual > 0.01
    log_odds = f @ (SQUARE[2:] - SQUARE[:2]).T, tables(square)[0] @ (bent[2:] - bent[:2]).T
    np.testing.assert_allclose(*log_odds, atol=1e-12)


# ---- bad input ------------------------------------------------------------------------------------------------------

BAD = {
    "shapes": (lambda: relational_linearity(POINTS, POINTS[:3]), r"targets must have the shape \(12, 3\) of sources"),
    "empty": (lambda: relational_linearity(POINTS[:0], POINTS[:0]), "sources must have at least one row"),
    "directions": (lambda: linear_subspace(POINTS, 1, [[1.0]]), "directions must have rows of length 3, got 1"),
    "one direction": (lambda: linear_probe(POINTS, POINTS[:, 0], [1.0, 0, 0]), "directions must have shape"),
    "rank": (lambda: linear_subspace(POINTS, 0), "rank must be at least 1, got 0"),
    "half a rank": (lambda: linear_subspace(POINTS, 1.5), "rank must be an integer, got 1.5"),
    "one vector": (lambda: parallelism(POINTS[:1]), "vectors must have at least two rows to compare, got 1"),
    "nan": (lambda: parallelism(POINTS * np.nan), "vectors must have finite entries, got nan"),
    "values": (lambda: linear_probe(POINTS, [1.0]), "values must have one entry for each of the 12 rows"),
    "words": (lambda: linear_probe(POINTS, ["a"] * 12), "values must be an array of real numbers"),
    "change": (lambda: linear_steering(SQUARE, [1.0, 2.0]), "change must have one entry for each of the 4 rows"),
    "tolerance": (lambda: linear_probe(POINTS, POINTS[:, 0], tolerance=-1), "tolerance must be at least 0, got -1"),
    "tolerance of a subspace": (
        lambda: linear_subspace(POINTS, 1, tolerance=None),
        "tolerance must be a finite number",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
