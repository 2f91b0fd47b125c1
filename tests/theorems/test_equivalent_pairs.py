"""Random finite predictors of up to 64 tokens and 16 dimensions: what must hold whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import SEEDS

from linrep_core.identifiability import (
    change_basis,
    distribution_gap,
    extended_linear_relation,
    intersection,
    is_diverse,
    linear_relation,
    move_along,
    parts,
    tables,
)
from linrep_core.linear_properties import linear_probe, linear_steering, parallelism, relational_linearity
from linrep_core.logit_distance import logit_distance, near_zero_divergence_pair, representation_dissimilarity
from linrep_core.theorems import clear_winners, linear_probing, linear_subspaces, parallel_transfer
from linrep_core.theorems import linear_steering as steering_statement
from linrep_core.theorems import relational_linearity as relational_statement
from linrep_core.theorems.equivalent_pairs import another, disturbed, random_pair, random_predictor
from linrep_core.theorems.exact_fit import random_invertible

TOKENS = st.integers(2, 64)
MANY = settings(max_examples=8 * settings.default.max_examples)  # 200 in the full profile


# ---- one predictor --------------------------------------------------------------------------------------------------


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_the_effective_complexity_is_the_rank_of_the_log_odds(seed, n_tokens):
    rng = np.random.default_rng(seed)
    predictor = another(rng, random_predictor(rng, n_tokens))
    seen = parts(predictor)
    assert seen.effective_complexity == np.linalg.matrix_rank(seen.log_odds, tol=1e-9 * np.abs(seen.log_odds).max())
    np.testing.assert_allclose(seen.seen_embeddings @ seen.seen_differences.T, seen.log_odds, atol=1e-10)
    shared = intersection(seen.embeddings, seen.differences).shape[1]
    assert shared <= seen.effective_complexity <= min(seen.embedding_span.shape[1], seen.unembedding_span.shape[1])


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_no_space_depends_on_the_pivot(seed, n_tokens):
    rng = np.random.default_rng(seed)
    predictor = another(rng, random_predictor(rng, n_tokens))
    one, other = parts(predictor, 0), parts(predictor, n_tokens - 1)
    for name in ("unembedding_span", "seen_space", "embedding_span"):
        first, second = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(first @ first.T, second @ second.T, atol=1e-8)


# ---- two predictors -------------------------------------------------------------------------------------------------


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_equivalent_predictors_give_the_same_probabilities(seed, n_tokens):
    pair = random_pair(np.random.default_rng(seed), n_tokens)
    one, other = (predictor.probabilities().numpy() for predictor in (pair.first, pair.second))
    np.testing.assert_allclose(one, other, atol=1e-12)


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_the_relation_of_there_and_back_is_the_projection_on_what_is_seen(seed, n_tokens):
    pair = random_pair(np.random.default_rng(seed), n_tokens)
    there = extended_linear_relation(pair.first, pair.second)
    back = extended_linear_relation(pair.second, pair.first)
    seen = pair.parts[0].seen_space
    np.testing.assert_allclose(back.matrix @ there.matrix, seen @ seen.T, atol=1e-8)


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_a_change_of_basis_is_found_again_up_to_what_is_not_seen(seed, n_tokens):
    rng = np.random.default_rng(seed)
    predictor = another(rng, random_predictor(rng, n_tokens))
    matrix = random_invertible(rng, predictor.dim)
    changed = change_basis(predictor, matrix)
    assert distribution_gap(predictor, changed) < 1e-9
    assert extended_linear_relation(predictor, changed).residual < 1e-9
    assert linear_relation(predictor, changed).residual < 1e-9  # a change of basis moves free parts along
    if is_diverse(predictor):
        np.testing.assert_allclose(linear_relation(predictor, changed).matrix, matrix, atol=1e-7)


@MANY
@given(seed=SEEDS, n_tokens=TOKENS, size=st.floats(0.1, 10))
def test_a_move_along_the_class_stays_in_it(seed, n_tokens, size):
    rng = np.random.default_rng(seed)
    predictor = another(rng, random_predictor(rng, n_tokens))
    f, g = tables(predictor)
    moved = move_along(predictor, size * rng.standard_normal(f.shape), size * rng.standard_normal(g.shape))
    assert distribution_gap(predictor, moved) < 1e-9
    assert extended_linear_relation(predictor, moved).residual < 1e-9


@MANY
@given(seed=SEEDS, n_tokens=TOKENS)
def test_a_disturbed_predictor_is_told_from_its_class(seed, n_tokens):
    rng = np.random.default_rng(seed)
    core = random_predictor(rng, n_tokens)
    other = disturbed(rng, another(rng, core), size=0.01)
    assert distribution_gap(core, other) > 1e-6
    assert logit_distance(core, other) > 1e-6
    assert representation_dissimilarity(core, other) > 1e-6


# ---- all or none ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [relational_statement, linear_subspaces, linear_probing, steering_statement])
@settings(max_examples=2 * settings.default.max_examples)
@given(seed=SEEDS, n_tokens=st.sampled_from([3, 8, 64]))
def test_a_property_holds_in_both_or_in_neither(module, seed, n_tokens):
    one, other = module.example(2 * seed + 1, n_tokens).measured()  # odd seeds: the property was built in
    assert max(one, other) < 1e-9
    case = module.example(2 * seed, n_tokens)
    one, other = case.measured()
    assert (one < 1e-6) == (other < 1e-6)


def test_the_cases_where_a_property_fails_do_fail():
    # otherwise "in neither" would never be looked at
    modules = (relational_statement, linear_subspaces, linear_probing, steering_statement)
    for module in modules:
        residuals = [module.example(seed, 64).measured()[0] for seed in range(0, 20, 2)]
        assert np.median(residuals) > 0.1


def test_a_property_can_be_whole_in_one_and_missing_in_the_other():
    relational = relational_statement.counterexamples()["looks along differences of unembeddings"].measured()
    steering = steering_statement.counterexamples()["steers with combinations of embeddings"].measured()
    probing = linear_probing.counterexamples()["probes along differences of unembeddings"].measured()
    assert min(relational) < 1e-9 < 0.1 < max(relational)
    assert min(steering) < 1e-9 < 0.01 < max(steering)
    assert min(probing) < 1e-9 < 0.1 < max(probing)


@given(seed=SEEDS)
def test_parallels_are_lost_and_their_log_odds_stay_proportional(seed):
    rng = np.random.default_rng(seed)
    core, tokens = parallel_transfer.parallel_predictor(rng, 4, 3), parallel_transfer.pairs_of(4)
    bent = another(rng, core, 5, room=1)
    f, g = tables(bent)
    differences = g[tokens[:, 1]] - g[tokens[:, 0]]
    assert parallelism(differences).residual > 1e-3
    assert parallelism((f @ differences.T).T).residual < 1e-7  # what the contexts see of them


# ---- by hand --------------------------------------------------------------------------------------------------------


def test_integer_tables_are_equivalent_without_any_rounding():
    rng = np.random.default_rng(0)
    f, g = rng.integers(-3, 4, size=(6, 3)), rng.integers(-3, 4, size=(5, 3))
    matrix = np.array([[1, 2, 0], [0, 1, 3], [0, 0, 1]])  # determinant 1: the inverse has integers too
    inverse = np.array([[1, -2, 6], [0, 1, -3], [0, 0, 1]])
    np.testing.assert_array_equal(matrix @ inverse, np.eye(3, dtype=int))
    wide_f = np.hstack([f @ matrix.T, rng.integers(-9, 10, size=(6, 1)), np.zeros((6, 1), dtype=int)])
    wide_g = np.hstack([g @ inverse, np.zeros((5, 1), dtype=int), rng.integers(-9, 10, size=(5, 1))])
    np.testing.assert_array_equal(wide_f @ wide_g.T, f @ g.T)
    assert distribution_gap((f, g), (wide_f, wide_g)) == 0.0
    assert extended_linear_relation((f, g), (wide_f, wide_g)).residual < 1e-12


def test_the_family_of_small_divergence_has_the_matrix_of_the_proof():
    (f, g), (other_f, _) = near_zero_divergence_pair(7.0, 15.0)
    matrix = linear_relation((f, g), (other_f, g)).matrix
    np.testing.assert_allclose(matrix, np.diag([np.cos(np.deg2rad(30)), 1.0]), atol=1e-12)
    leads = clear_winners.family(7.0, 15.0).leads()
    np.testing.assert_allclose([lead.min() for lead in leads], 7.0 / 2**0.5)  # cos 15 - sin 15 = sqrt(1/2)


def test_steering_and_probing_are_one_property_with_the_tables_exchanged():
    rng = np.random.default_rng(0)
    table, values = rng.standard_normal((9, 3)), rng.standard_normal(9)
    assert linear_probe(table, values) == linear_steering(table, values)
    assert relational_linearity(table, values[:, None] * np.ones((1, 3))).residual == pytest.approx(
        linear_probe(table, values).residual
    )
