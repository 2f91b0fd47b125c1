"""Distances between distributions and between representations, against their definitions and by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrep_core.identifiability import equivalent_predictor, linear_relation, log_probabilities
from linrep_core.logit_distance import (
    canonical_correlations,
    centred_log_probabilities,
    correlation_shortfall,
    dissimilarity_bound,
    kl_divergence,
    label_dissimilarity,
    log_posterior_regression,
    logit_distance,
    logit_spectrum,
    missing_variance,
    near_zero_divergence_pair,
    representation_dissimilarity,
    smallest_probability,
    smallest_stretch,
    swapped_labels_pair,
)

SEEDS = st.integers(0, 2**31 - 1)


def random_pair(seed, noise=0.1, n_tokens=6, dim=3):
    rng = np.random.default_rng(seed)
    f, g = rng.standard_normal((9, dim)), rng.standard_normal((n_tokens, dim))
    return (f, g), (f + noise * rng.standard_normal(f.shape), g + noise * rng.standard_normal(g.shape))


# ---- between distributions ------------------------------------------------------------------------------------------


@given(seed=SEEDS)
def test_the_logit_distance_needs_only_the_distributions(seed):
    one, other = random_pair(seed)
    rows = [centred_log_probabilities(np.exp(log_probabilities(predictor))) for predictor in (one, other)]
    by_hand = np.sqrt(np.mean([(a - b) @ (a - b) for a, b in zip(*rows, strict=True)]))
    assert logit_distance(one, other) == pytest.approx(by_hand, rel=1e-9)
    assert logit_distance(other, one) == pytest.approx(by_hand, rel=1e-9)


@given(seed=SEEDS)
def test_distances_vanish_within_a_class_and_obey_the_triangle(seed):
    one, other = random_pair(seed)
    third = random_pair(seed + 1)[0]
    same = equivalent_predictor(one, 5, seed=seed)
    assert logit_distance(one, same) < 1e-11
    assert representation_dissimilarity(one, same) < 1e-11
    assert kl_divergence(one, same) < 1e-11
    assert logit_distance(one, third) <= logit_distance(one, other) + logit_distance(other, third) + 1e-12


def test_a_divergence_by_hand():
    half, quarter = ([[0.0]], [[0.0], [0.0]]), ([[np.log(3)]], [[1.0], [0.0]])
    assert kl_divergence(half, quarter) == pytest.approx(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25))
    assert smallest_probability(quarter) == pytest.approx(0.25)


def test_weights_choose_contexts():
    one, other = random_pair(0)
    only = np.eye(9)[4]
    single = tuple((f[4:5], g) for f, g in (one, other))
    for measure in (logit_distance, kl_divergence, representation_dissimilarity, dissimilarity_bound):
        assert measure(one, other, only) == pytest.approx(measure(*single))


def test_probabilities_too_small_for_a_float_are_a_documented_answer():
    one, other = ([[1.0]], [[0.0], [-2000.0]]), ([[1.0]], [[0.0], [-3000.0]])
    assert smallest_probability(one) == 0.0
    assert kl_divergence(one, other) == 0.0  # e^-2000 (1000 nats) is below every float
    assert logit_distance(one, other) == pytest.approx(1000 / 2**0.5)


# ---- between representations ----------------------------------------------------------------------------------------


@given(seed=SEEDS, noise=st.floats(1e-3, 1.0))
def test_the_logit_distance_bounds_both_dissimilarities(seed, noise):
    one, other = random_pair(seed, noise)
    assert representation_dissimilarity(one, other) <= dissimilarity_bound(one, other) * (1 + 1e-9)
    g = one[1]
    for pivot in (0, 5):
        tokens = [t for t in range(6) if t != pivot][:3]
        stretch = np.linalg.svd(g[tokens] - g[pivot], compute_uv=False)[-1]
        # subtracting a pivot from d of the centred logits lengthens them by at most sqrt(d + 1)
        bound = 2.0 * logit_distance(one, other) / stretch
        assert label_dissimilarity(one, other, tokens, pivot) <= bound * (1 + 1e-9)


def test_over_all_label_sets_the_mean_bound_has_an_exact_constant():
    # mean over pivots and sets of |pivoted logits' difference|^2 = 2 d / (V - 1) |centred difference|^2
    one, other = random_pair(3)
    (f, g), (other_f, other_g) = one, other
    squares = []
    for pivot in range(6):
        for tokens in combinations([t for t in range(6) if t != pivot], 3):
            rows = list(tokens)
            difference = f @ (g[rows] - g[pivot]).T - other_f @ (other_g[rows] - other_g[pivot]).T
            squares.append((difference**2).sum(axis=1).mean())
    assert np.mean(squares) == pytest.approx(2 * 3 / 5 * logit_distance(one, other) ** 2)


def test_the_smallest_stretch_skips_what_does_not_count():
    assert smallest_stretch(([[1.0, 0.0]], [[0.0, 5.0], [2.0, 5.0]])) == pytest.approx(2**0.5)


def test_dissimilarity_is_measured_in_the_first_ones_units():
    one, other = random_pair(1)
    longer = (3 * one[0], one[1] / 3)
    ratio = representation_dissimilarity(longer, other) / representation_dissimilarity(one, other)
    assert ratio == pytest.approx(3.0)


@given(seed=SEEDS)
def test_canonical_correlations_are_what_linear_maps_cannot_change(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((20, 2)), rng.standard_normal((20, 3))
    found = canonical_correlations(one, other)
    moved = canonical_correlations(one @ rng.standard_normal((2, 2)) + 1, other @ rng.standard_normal((3, 3)) - 2)
    np.testing.assert_allclose(moved, found, atol=1e-6)
    assert list(found) == sorted(found, reverse=True)
    # no correlation of two combinations is larger than the first
    weights, others = rng.standard_normal((2, 200)), rng.standard_normal((3, 200))
    pairs = zip((one @ weights).T, (other @ others).T, strict=True)
    assert max(abs(np.corrcoef(a, b)[0, 1]) for a, b in pairs) <= found[0] + 1e-12


def test_canonical_correlations_by_hand():
    rng = np.random.default_rng(0)
    one, noise = rng.standard_normal((2, 30))
    plain = abs(np.corrcoef(one, one + noise)[0, 1])
    assert canonical_correlations(one[:, None], (one + noise)[:, None]) == pytest.approx([plain])
    about_zero = canonical_correlations([[1.0], [1.0]], [[1.0], [2.0]], centred=False)
    assert about_zero == pytest.approx([3 / 10**0.5])
    assert canonical_correlations([[1.0], [1.0]], [[1.0], [2.0]], centred=False, weights=[0.2, 0.8]) == pytest.approx(
        [(0.2 + 1.6) / (1.0 * 3.4) ** 0.5]
    )


def test_the_spectrum_is_that_of_the_covariance_of_the_logits():
    (f, g), _ = random_pair(2)
    logits = f @ (g - g.mean(axis=0)).T
    values = np.linalg.eigvalsh(np.cov(logits.T, bias=True))[::-1]
    np.testing.assert_allclose(logit_spectrum((f, g)), values, atol=1e-10)
    about_zero = np.linalg.eigvalsh(logits.T @ logits / 9)[::-1]
    np.testing.assert_allclose(logit_spectrum((f, g), centred=False), about_zero, atol=1e-10)


@given(seed=SEEDS, noise=st.floats(1e-3, 10.0), centred=st.booleans())
def test_missing_correlation_costs_logit_distance(seed, noise, centred):
    one, other = random_pair(seed, noise)
    rng = np.random.default_rng(seed)
    fewer = (other[0][:, :2], other[1][:, :2])  # with a dimension less, one correlation is missing
    weights = rng.dirichlet(np.ones(9))
    for second in (other, fewer):
        limit = logit_distance(one, second, weights) ** 2
        assert correlation_shortfall(one, second, centred=centred, weights=weights) <= limit * (1 + 1e-9)


def test_missing_correlation_can_cost_all_of_it():
    # the second predictor lacks an axis of the first and has the others exactly
    f, g = np.random.default_rng(0).standard_normal((9, 2)), np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])
    f = np.linalg.qr(f - f.mean(axis=0))[0]
    shortfall = correlation_shortfall((f, g), (f[:, 1:], g[:, 1:]))
    assert shortfall == pytest.approx(logit_distance((f, g), (f[:, 1:], g[:, 1:])) ** 2)
    assert missing_variance([], [2.0, 1.0]) == 3.0


# ---- close is not equal ---------------------------------------------------------------------------------------------


def test_the_divergence_falls_and_nothing_else_does():
    pairs = [near_zero_divergence_pair(scale) for scale in (5.0, 10.0, 20.0, 40.0)]
    divergences = [kl_divergence(*pair) for pair in pairs]
    assert divergences == sorted(divergences, reverse=True)
    assert divergences[-1] < 1e-8
    residuals = [linear_relation(*pair).embedding_residual for pair in pairs]
    np.testing.assert_allclose(residuals, np.sin(np.deg2rad(40)) / 2**0.5)
    shares = [representation_dissimilarity(*pair) / s for pair, s in zip(pairs, (5.0, 10.0, 20.0, 40.0), strict=True)]
    np.testing.assert_allclose(shares, shares[0])
    assert shares[0] > 0.4


def test_the_worked_example_has_its_published_numbers():
    one, other = swapped_labels_pair()
    labels = np.repeat(np.arange(8), 500)
    logs = [log_probabilities(each)[np.arange(4000), labels] for each in (one, other)]
    # what its comments call KL has only the term of the label that an input was drawn for
    assert round(float(np.mean(np.exp(logs[1]) * (logs[1] - logs[0]))), 4) == 0.0020
    assert round(float(np.mean(np.exp(logs[0]) * (logs[0] - logs[1]))), 4) == 0.0017
    assert canonical_correlations(one[1], other[1]).mean() == pytest.approx(0.6737728432158235, abs=1e-6)
    assert kl_divergence(one, other) == pytest.approx(kl_divergence(other, one)) == pytest.approx(0.00455, abs=1e-5)
    np.testing.assert_array_equal(one[0], other[0])
    assert sorted(map(tuple, one[1])) == sorted(map(tuple, other[1]))


# ---- concepts as log posteriors -------------------------------------------------------------------------------------


def posteriors(rng, n, *shape):
    table = rng.uniform(0.05, 1.0, size=(n, *shape))
    return table / table.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_an_affine_function_of_log_posteriors_is_found(shape):
    rng = np.random.default_rng(0)
    table = posteriors(rng, 30, *shape)
    logs = np.log(table).reshape(30, -1)
    f = logs @ rng.standard_normal((logs.shape[1], 5)) + rng.standard_normal(5)
    found = log_posterior_regression(f, table)
    assert found.r_squared == pytest.approx(1.0)
    np.testing.assert_allclose(logs @ found.matrix.T + found.offset, f, atol=1e-10)
    assert found.spare == 30 - 1 - logs.shape[1]


def test_noise_is_what_is_left():
    rng = np.random.default_rng(0)
    table = posteriors(rng, 4000, 2)
    signal = np.log(table[:, 0] / table[:, 1])
    f = (signal + signal.std() * rng.standard_normal(4000))[:, None]
    assert log_posterior_regression(f, table).r_squared == pytest.approx(0.5, abs=0.05)


# ---- bad input ------------------------------------------------------------------------------------------------------

ONE, OTHER = random_pair(0)
TABLE = posteriors(np.random.default_rng(0), 9, 3)
BAD = {
    "zero probability": (lambda: centred_log_probabilities([[1.0, 0.0]]), "probabilities must be above 0.* got 0"),
    "no distribution": (lambda: centred_log_probabilities([[0.5, 0.6]]), "probabilities must sum to 1.*got 1.1"),
    "too many axes": (lambda: centred_log_probabilities(np.ones((2, 2, 1))), "probabilities must have shape"),
    "other tokens": (lambda: logit_distance(ONE, (OTHER[0], OTHER[1][:4])), "second must have the 6 tokens of first"),
    "other contexts": (
        lambda: kl_divergence(ONE, (OTHER[0][:4], OTHER[1])),
        "second must have the 9 contexts of first",
    ),
    "weights": (lambda: logit_distance(ONE, OTHER, np.ones(9)), "weights must not be negative and sum to 1"),
    "few weights": (lambda: kl_divergence(ONE, OTHER, [1.0]), r"weights must have shape \(9,\), got \(1,\)"),
    "equal unembeddings": (
        lambda: smallest_stretch((ONE[0], np.ones((6, 3)))),
        "predictor must have unembeddings that differ",
    ),
    "too few tokens": (lambda: label_dissimilarity(ONE, OTHER, [1, 2]), "tokens must have length 3"),
    "token out of range": (lambda: label_dissimilarity(ONE, OTHER, [1, 2, 6]), "tokens must be at most 5, got 6"),
    "pivot out of range": (lambda: label_dissimilarity(ONE, OTHER, [1, 2, 3], 6), "pivot must be at most 5, got 6"),
    "pivot among the tokens": (
        lambda: label_dissimilarity(ONE, OTHER, [0, 1, 2], 0),
        "tokens must .* span 3 dimensions",
    ),
    "rank-deficient tokens": (lambda: label_dissimilarity(ONE, OTHER, [1, 1, 2]), "tokens must .* span 3 dimensions"),
    "zero posterior": (lambda: log_posterior_regression(ONE[0], np.eye(9)), "posteriors must be above 0"),
    "posteriors that do not sum": (lambda: log_posterior_regression(ONE[0], 2 * TABLE), "posteriors must sum to 1"),
    "other rows": (
        lambda: log_posterior_regression(ONE[0], TABLE[:4]),
        "posteriors must have one row for each of the 9",
    ),
    "constant": (lambda: log_posterior_regression(np.ones((9, 2)), TABLE), "representations must differ"),
    "correlated rows": (
        lambda: canonical_correlations(ONE[0], OTHER[0][:4]),
        "second must have a row for each of the 9 rows of first, got 4",
    ),
    "nothing to correlate": (
        lambda: canonical_correlations(np.ones((9, 2)), OTHER[0]),
        "first must have rows that differ",
    ),
    "centred": (lambda: logit_spectrum(ONE, centred="yes"), "centred must be .*, got 'yes'"),
    "correlation": (lambda: missing_variance([1.5], [1.0]), "correlations must lie between 0 and 1, got 1.5"),
    "variance": (lambda: missing_variance([0.5], [-1.0]), "variances must lie between 0 and inf, got -1"),
    "shortfall": (
        lambda: correlation_shortfall(ONE, (OTHER[0], OTHER[1][:4])),
        "second must have the 6 tokens of first",
    ),
    "inputs": (lambda: swapped_labels_pair(0), "n_inputs must be at least 1, got 0"),
    "seed": (lambda: swapped_labels_pair(seed=-1), "seed must be at least 0, got -1"),
    "scale": (lambda: near_zero_divergence_pair(0.0), "scale must be above 0, got 0"),
    "angle": (lambda: near_zero_divergence_pair(1.0, 45.0), "angle must lie strictly between 0 and 45, got 45"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
