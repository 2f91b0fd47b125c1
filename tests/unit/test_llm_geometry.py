"""Directions of concepts, and what chance would give: what needs no language model and none of its packages."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from linrep_core.llm import (
    CausalInnerProduct,
    bootstrap_interval,
    causal_inner_product,
    concept_direction,
    cosine,
    partner_p_value,
    permutation_p_value,
    random_pairs,
    within_concept_cosines,
    wrong_partners,
)

NAN = float("nan")


def table(n=300, dim=5, seed=0):
    """Rows with directions of very different variance, and a mean."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, dim)) @ generator.normal(size=(dim, dim)) * 3.0 ** np.arange(dim) + 3.0


def concept(n=12, dim=30, noise=0.3, seed=0):
    """Pairs whose steps are one direction and noise."""
    generator = np.random.default_rng(seed)
    base = generator.normal(size=(n, dim))
    return np.stack([base, base + np.eye(dim)[0] + noise * generator.normal(size=(n, dim)) / np.sqrt(dim)], axis=1)


@pytest.mark.slow
def test_importing_the_module_loads_none_of_the_optional_packages():
    optional = {"transformers", "gguf", "safetensors", "huggingface_hub"}
    code = f"import sys, linrep_core.llm; print({optional} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_covariance_is_that_of_numpy_block_by_block(monkeypatch):
    rows = table()
    expected = np.cov(rows.T, bias=True)
    for block in (7, 300, 8192):
        monkeypatch.setattr("linrep_core._llm_geometry.ROWS", block)
        factor = causal_inner_product(rows).factor
        np.testing.assert_allclose(factor @ factor.T, expected, rtol=1e-10)
        assert not np.triu(factor, 1).any()


def test_whitened_rows_have_the_unit_covariance():
    rows = table()
    np.testing.assert_allclose(np.cov(causal_inner_product(rows).whiten(rows).T, bias=True), np.eye(5), atol=1e-8)


def test_the_inner_product_is_that_of_the_inverse_covariance():
    rows = table()
    inner = causal_inner_product(rows)
    first, second = rows[0], rows[1]
    expected = first @ np.linalg.inv(np.cov(rows.T, bias=True)) @ second
    assert inner.whiten(first) @ inner.whiten(second) == pytest.approx(expected, rel=1e-8)


def test_logits_are_the_same_in_white_coordinates():
    rows, features = table(), table(7, seed=1)
    inner = causal_inner_product(rows)
    np.testing.assert_allclose(inner.whiten_embeddings(features) @ inner.whiten(rows).T, features @ rows.T, rtol=1e-9)


def test_causal_cosines_do_not_depend_on_the_coordinates_of_the_unembeddings():
    # g -> A g, f -> A^-T f is the same model (the book's chapter on identifiability)
    rows, change = table(), np.random.default_rng(3).normal(size=(5, 5))
    before = causal_inner_product(rows).cosine(rows[:9], rows[9:18])
    moved = rows @ change.T
    np.testing.assert_allclose(causal_inner_product(moved).cosine(moved[:9], moved[9:18]), before, atol=1e-8)
    assert not np.allclose(cosine(moved[:9], moved[9:18]), cosine(rows[:9], rows[9:18]), atol=1e-2)


def test_float32_tensors_are_taken_as_they_are():
    rows = torch.as_tensor(table()).float()
    np.testing.assert_allclose(causal_inner_product(rows).factor, causal_inner_product(rows.double()).factor, rtol=1e-9)


def test_cosines_broadcast_to_a_heat_map_and_zero_has_no_direction():
    vectors = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])
    half = np.sqrt(0.5)
    expected = [[1, 0, half, 0], [0, 1, half, 0], [half, half, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(cosine(vectors[:, None], vectors[None]), expected, atol=1e-12)


def test_a_concept_direction_has_length_one_in_its_inner_product():
    pairs = concept(dim=5)
    for inner in (None, causal_inner_product(table())):
        direction = concept_direction(pairs, inner)
        length = np.linalg.norm(direction if inner is None else inner.whiten(direction))
        assert length == pytest.approx(1.0)
        steps = (pairs[:, 1] - pairs[:, 0]).mean(axis=0)
        assert cosine(direction, steps) == pytest.approx(1.0)


@pytest.mark.parametrize("causal", [False, True])
def test_leave_one_out_is_the_mean_of_the_others(causal):
    pairs = concept(n=6, dim=5)
    inner = causal_inner_product(table()) if causal else None
    found = within_concept_cosines(pairs, inner)
    for i in range(6):
        others = concept_direction(np.delete(pairs, i, axis=0), inner)
        assert found[i] == pytest.approx(cosine(pairs[i, 1] - pairs[i, 0], others, inner))
    assert (within_concept_cosines(pairs, inner, leave_one_out=False) > found).all()


def test_random_pairs_show_why_one_is_left_out():
    pairs = random_pairs(np.random.default_rng(0).normal(size=(4000, 50)), 25, seed=1)
    assert abs(within_concept_cosines(pairs).mean()) < 0.05
    assert within_concept_cosines(pairs, leave_one_out=False).mean() == pytest.approx(1 / np.sqrt(25), abs=0.05)


def test_random_pairs_never_take_a_row_twice_and_follow_the_seed():
    rows = np.arange(40.0)[:, None]
    drawn = random_pairs(rows, 20, seed=5)
    assert sorted(drawn.ravel()) == list(range(40))
    np.testing.assert_array_equal(drawn, random_pairs(rows, 20, seed=5))
    assert (drawn != random_pairs(rows, 20, seed=6)).any()


@pytest.mark.parametrize("n", [2, 3, 8])
def test_nobody_keeps_a_partner(n):
    pairs = np.arange(2.0 * n).reshape(n, 2, 1)
    for seed in range(10):
        changed = wrong_partners(pairs, seed=seed)
        np.testing.assert_array_equal(changed[:, 0], pairs[:, 0])
        assert sorted(changed[:, 1, 0]) == sorted(pairs[:, 1, 0])
        assert (changed[:, 1] != pairs[:, 1]).all()


def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    drawn = [bootstrap_interval(generator.normal(size=40), confidence=0.8, n_resamples=400) for _ in range(150)]
    assert 0.68 < np.mean([each.low < 0 < each.high for each in drawn]) < 0.9
    assert all(each.low < each.mean < each.high for each in drawn)


def test_values_that_do_not_vary_have_an_interval_without_width():
    interval = bootstrap_interval([0.25] * 4)
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)


def test_p_values_are_uniform_under_chance_and_small_for_a_difference():
    generator = np.random.default_rng(1)
    chance = [permutation_p_value(*generator.normal(size=(2, 12)), n_resamples=199) for _ in range(120)]
    assert 0.35 < np.mean(chance) < 0.65
    assert np.mean(np.array(chance) <= 0.1) < 0.2
    assert permutation_p_value(generator.normal(size=20) + 3, generator.normal(size=20)) == 1e-4


def test_paired_values_are_swapped_within_their_pairs():
    level = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    assert permutation_p_value(level + 1, level, paired=True) == 1 / 2**6
    assert permutation_p_value(level + 1, level) > 0.3


def test_partners_dealt_out_anew_tell_a_concept_from_two_heaps_of_words():
    assert partner_p_value(concept(), n_resamples=199) == 1 / 200
    heaps = np.random.default_rng(2).normal(size=(12, 2, 30)) + np.array(
        [[0.0], [1.0]]
    )  # a step between heaps, no pairs
    assert within_concept_cosines(heaps).mean() > 0.3
    assert partner_p_value(heaps, n_resamples=199) > 0.02


PAIRS = concept(n=3, dim=2)
INNER = CausalInnerProduct(np.eye(2))
BAD_PAIRS = [
    ([[1.0, 2.0]], "shape (n_pairs, 2, dim), got (1, 2)"),
    (np.zeros((2, 3, 4)), "shape (n_pairs, 2, dim), got (2, 3, 4)"),
    (np.zeros((0, 2, 4)), "at least one pair"),
    (np.full((2, 2, 2), NAN), "finite entries, got nan"),
    ([[["a"]]], "real numbers"),
    (None, "real numbers, got None"),
]
ONE_PAIR = (PAIRS[:1], "at least 2")
BAD_INNER = [
    ("causal", "a CausalInnerProduct, got str 'causal'"),
    (CausalInnerProduct(np.eye(3)), "2 dimensions like the vectors, got 3"),
]
BAD_SEEDS = [(-1, "at least 0, got -1"), (None, "integer, got None")]
BAD_COUNTS = [(0, "at least 1, got 0"), (2.0, "integer, got 2.0"), (10**9, "at most 10000000")]
BAD_SAMPLES = [([0.5], "at least 2 numbers, got 1"), ([[1.0, 2.0]], "shape (n,)"), ([NAN, 1.0], "finite entries")]
CALLS = {
    CausalInnerProduct: {
        "factor": [
            ([[1.0, 1.0], [0.0, 1.0]], "lower triangular"),
            (-np.eye(2), "positive diagonal"),
            (np.ones((2, 3)), "lower triangular"),
            ([1.0], "shape (dim, dim), got (1,)"),
        ]
    },
    INNER.whiten: {"vectors": [([1.0, 2.0, 3.0], "shape (..., 2), got (3,)"), (5.0, "got ()"), ([NAN, 1.0], "finite")]},
    INNER.whiten_embeddings: {"vectors": [([1.0], "shape (..., 2), got (1,)"), ("f", "real numbers")]},
    causal_inner_product: {
        "unembeddings": [
            (np.ones((4, 2)), "vary in all 2 dimensions, got 4 rows"),
            (np.eye(3), "vary in all 3 dimensions"),
            ([1.0, 2.0], "shape (n_tokens, dim), got (2,)"),
            ([[NAN, 1.0]], "finite entries"),
            (np.zeros((0, 3)), "shape (n_tokens, dim), got (0, 3)"),
        ]
    },
    cosine: {
        "first": [(1.0, "shape (..., dim), got ()")],
        "second": [([1.0, 2.0, 3.0], "2 entries like first, got 3"), (np.ones((3, 2)), "broadcast")],
        "inner_product": BAD_INNER,
    },
    concept_direction: {
        "pairs": [*BAD_PAIRS, (np.ones((2, 2, 3)), "do not cancel")],
        "inner_product": BAD_INNER,
    },
    within_concept_cosines: {
        "pairs": [*BAD_PAIRS, ONE_PAIR],
        "inner_product": BAD_INNER,
        "leave_one_out": [("yes", "True or False, got 'yes'"), (None, "got None")],
    },
    random_pairs: {
        "vectors": [([1.0, 2.0], "shape (n, dim)"), ([[1.0]], "n at least 2, got (1, 1)"), (None, "real numbers")],
        "n_pairs": [(0, "at least 1, got 0"), (3, "at most 2, got 3"), (1.5, "integer, got 1.5")],
        "seed": BAD_SEEDS,
    },
    wrong_partners: {"pairs": [*BAD_PAIRS, ONE_PAIR], "seed": BAD_SEEDS},
    bootstrap_interval: {
        "values": BAD_SAMPLES,
        "confidence": [(1.0, "strictly between 0 and 1"), (95, "strictly between 0 and 1")],
        "n_resamples": BAD_COUNTS,
        "seed": BAD_SEEDS,
    },
    permutation_p_value: {
        "first": BAD_SAMPLES,
        "second": [*BAD_SAMPLES, ([1.0, 2.0, 3.0], "2 values like first where they are paired, got 3")],
        "paired": [(1, "True or False, got 1")],
        "alternative": [("more", "one of 'greater', 'less', 'two-sided', got 'more'")],
        "n_resamples": BAD_COUNTS,
        "seed": BAD_SEEDS,
    },
    partner_p_value: {
        "pairs": [*BAD_PAIRS, ONE_PAIR],
        "inner_product": BAD_INNER,
        "n_resamples": BAD_COUNTS,
        "seed": BAD_SEEDS,
    },
}
GOOD = {
    "factor": np.eye(2),
    "unembeddings": np.random.default_rng(0).normal(size=(9, 2)),
    "vectors": np.ones((4, 2)),
    "pairs": PAIRS,
    "n_pairs": 1,
    "values": [0.0, 1.0],
    "first": [1.0, 2.0],
    "second": [1.0, 0.5],
    "paired": True,
    "inner_product": None,
}
ROWS = [
    pytest.param(call, argument, value, words, id=f"{call.__name__}-{argument}-{i}")
    for call, arguments in CALLS.items()
    for argument, bad in arguments.items()
    for i, (value, words) in enumerate(bad)
]


def good_arguments(call):
    special = {"first": np.ones((2, 2)), "second": np.ones((2, 2))} if call is cosine else {}
    return {name: {**GOOD, **special}[name] for name in CALLS[call] if name in GOOD}


@pytest.mark.parametrize("call", CALLS)
def test_the_arguments_that_the_table_starts_from_are_good(call):
    call(**good_arguments(call))


@pytest.mark.parametrize(("call", "argument", "value", "words"), ROWS)
def test_a_bad_argument_is_a_value_error_that_says_what_would_be_right(call, argument, value, words):
    with pytest.raises(ValueError) as caught:
        call(**{**good_arguments(call), argument: value})
    message = str(caught.value)
    assert argument in message
    assert "must" in message
    assert words in message
    assert len(message) < 500
