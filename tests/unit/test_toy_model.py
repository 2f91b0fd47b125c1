"""The ReLU autoencoder beside brute force, and its known arrangements."""

from __future__ import annotations

import numpy as np
import pytest

from linrep_core.toy_model import ToyModel, known_features, toy_cell, train_toy

RANDOM = np.random.default_rng(0)


def test_the_model_is_its_formula():
    w, b, x = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=3), RANDOM.random((4, 3))
    expected = [[max(0.0, sum(w[:, i] @ w[:, j] * row[j] for j in range(3)) + b[i]) for i in range(3)] for row in x]
    np.testing.assert_allclose(ToyModel(w, b)(x), expected)


def test_what_is_known_of_binary_features_is_what_a_sum_over_patterns_finds():
    model = ToyModel(RANDOM.normal(size=(1, 2)), RANDOM.normal(size=2))
    error = np.zeros(2)
    for x, p in (([0, 0], 0.49), ([0, 1], 0.21), ([1, 0], 0.21), ([1, 1], 0.09)):
        error += p * (np.array(x) - model(np.array([x]))[0]) ** 2
    np.testing.assert_allclose(known_features(model, 0.3, values="binary"), 1 - error / 0.21)


def test_who_answers_the_mean_knows_nothing():
    assert known_features(ToyModel(np.zeros((1, 3)), np.full(3, 0.3)), 0.3, values="binary") == pytest.approx(0)
    assert known_features(ToyModel(np.zeros((1, 3)), np.full(3, 0.15)), 0.3) == pytest.approx(0, abs=0.02)


@pytest.mark.slow
def test_sparse_features_share_a_line_and_dense_ones_do_not():
    (sparse,) = toy_cell(2, 1, 0.05, n_seeds=1, steps=1000)
    (dense,) = toy_cell(2, 1, 1.0, n_seeds=1, steps=500)
    assert (sparse["n_known"], sparse["n_long"]) == (2, 2)
    assert dense["known"] < 0.55


@pytest.mark.slow
def test_the_important_feature_is_kept():
    (model,) = train_toy(2, 1, 1.0, importance=[1.0, 10.0], seeds=[0], steps=700, progress=False)
    first, last = known_features(model, 1.0)
    assert last > 0.9 > first


def test_many_starts_at_once_are_what_each_would_be_and_binary_ones_draw_nothing():
    both = train_toy(3, 2, 0.2, values="binary", seeds=[4, 5], steps=20, progress=False)
    (alone,) = train_toy(3, 2, 0.2, values="binary", seeds=[5], steps=20, progress=False)
    np.testing.assert_allclose(both[1].weights, alone.weights)
    np.testing.assert_allclose(both[1].bias, alone.bias)


MODEL = ToyModel(np.eye(2), np.zeros(2))
SETTINGS = {"seeds": [0], "steps": 0}
BAD = {
    "features": (lambda: train_toy(9, 1, 0.1, **SETTINGS), "n_features must be at most 8, got 9"),
    "dim": (lambda: train_toy(2, 0, 0.1, **SETTINGS), "dim must be at least 1, got 0"),
    "never": (lambda: train_toy(2, 1, 0.0, **SETTINGS), "chance must be above 0, got 0.0"),
    "chance": (lambda: train_toy(2, 1, 1.5, **SETTINGS), "chance must lie between 0 and 1, got 1.5"),
    "importance": (lambda: train_toy(2, 1, 0.1, importance=[1, 0], **SETTINGS), r"importance must be positive, got \["),
    "shape": (lambda: train_toy(2, 1, 0.1, importance=[1], **SETTINGS), r"importance must have shape \(2,\)"),
    "values": (lambda: train_toy(2, 1, 0.1, values="any", **SETTINGS), "values must be one of 'graded', 'binary'"),
    "no seed": (lambda: train_toy(2, 1, 0.1, seeds=[]), "seeds must name at least one run, got none"),
    "seed": (lambda: train_toy(2, 1, 0.1, seeds=[-1]), r"seeds\[0\] must be at least 0, got -1"),
    "steps": (lambda: train_toy(2, 1, 0.1, seeds=[0], steps=-1), "steps must be at least 0, got -1"),
    "rows": (lambda: MODEL([[1.0]]), r"x must have shape \(rows, 2\), got \(1, 1\)"),
    "model": (lambda: known_features(None, 0.1), "model must be a ToyModel, got NoneType None"),
    "certain": (lambda: known_features(MODEL, 1.0, values="binary"), "chance must leave a binary feature uncertain"),
    "ratio": (lambda: toy_cell(2, 1, 0.1, ratio=0.0), "ratio must be above 0, got 0.0"),
    "n_seeds": (lambda: toy_cell(2, 1, 0.1, n_seeds=0), "n_seeds must be at least 1, got 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
