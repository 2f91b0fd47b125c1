"""Ambiguous worlds against plain enumeration; predictors and measures against what is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core import ConceptGraph
from linrep_core.identifiability import distribution_gap, equivalent_predictor, log_probabilities
from linrep_core.log_posteriors import (
    AmbiguousWorld,
    ambiguous_world,
    centred_logits,
    emission_table,
    exact_predictor,
    fit_predictor,
    held_out_r_squared,
    joint_reports,
    posterior_cell,
    posterior_features,
    separate_reports,
)
from linrep_core.logit_distance import kl_divergence, log_posterior_regression

SEEDS = st.integers(0, 2**31 - 1)
ALONE = ConceptGraph.random(1, seed=0)


def small_world(seed):
    rng = np.random.default_rng(seed)
    reports, emission = (rng.dirichlet(np.ones(n), size=4) for n in (6, 5))
    return AmbiguousWorld(ConceptGraph.random(2, 1.0, seed=seed), reports, emission)


def enumerated(world):
    """p(c, x, y) as a dict, by the definition."""
    joint, (n, n_contexts), n_tokens = world.graph.joint(), world.reports.shape, world.emission.shape[1]
    triples = product(range(n), range(n_contexts), range(n_tokens))
    return {(c, x, y): joint[c] * world.reports[c, x] * world.emission[c, y] for c, x, y in triples}


def total(table, c=None, x=None, y=None):
    """The probability of what is given."""
    given = (c, x, y)
    return sum(p for key, p in table.items() if all(g is None or g == k for g, k in zip(given, key, strict=True)))


# ---- worlds ---------------------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(seed=SEEDS)
def test_a_world_is_what_enumeration_says(seed):
    world = small_world(seed)
    table = enumerated(world)
    for x in range(6):
        px = total(table, x=x)
        assert world.context_probabilities[x] == pytest.approx(px)
        for c in range(4):
            assert world.posterior[x, c] == pytest.approx(total(table, c=c, x=x) / px)
        for y in range(5):
            pxy = total(table, x=x, y=y)
            assert world.next_token_distribution[x, y] == pytest.approx(pxy / px)
            told = total(table, c=int(world.meanings[y]), x=x, y=y) / pxy
            assert world.surprises[x, y] == pytest.approx(-np.log(told))
        first = sum(total(table, c=c, x=x) for c in (2, 3)) / px
        second = sum(total(table, c=c, x=x) for c in (1, 3)) / px
        np.testing.assert_allclose(world.marginal_posteriors[x], [[1 - first, first], [1 - second, second]])
    entropy = -sum(total(table, x=x, y=y) * np.log(total(table, x=x, y=y) / total(table, x=x)) for x, y in PAIRS)
    assert world.entropy_floor == pytest.approx(entropy)
    assert world.doubt == pytest.approx(np.sqrt(np.mean([sum(row**2) for row in world.surprises])))


PAIRS = list(product(range(6), range(5)))


def test_the_meaning_of_a_token_is_the_vector_it_is_likeliest_under():
    emission = [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]]
    world = AmbiguousWorld(ALONE, np.full((2, 2), 0.5), emission)
    assert world.meanings.tolist() == [0, 1, 0]


def test_a_token_that_cannot_come_counts_nothing_in_the_entropy():
    sure = AmbiguousWorld(ALONE, np.eye(2), np.eye(2))
    assert sure.entropy_floor == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("m", "levels"), [(1, 2), (2, 5), (3, 3)])
def test_separate_reports_are_evidence_of_as_many_nats_as_they_say(m, levels):
    table = separate_reports(m, 0.7, levels)
    assert table.shape == (2**m, levels**m)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    scale = np.linspace(-1, 1, levels)
    for x, reported in enumerate(product(scale, repeat=m)):
        for c, vector in enumerate(product((0, 1), repeat=m)):
            evidence = sum(2 * 0.7 * s * v for s, v in zip(reported, vector, strict=True))
            assert np.log(table[c, x] / table[0, x]) == pytest.approx(evidence)


def test_joint_reports_have_the_spread_that_is_asked_for():
    table = joint_reports(3, 4000, 0.5, seed=1)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert np.log(table).std(axis=1) == pytest.approx(np.full(8, 0.5), rel=0.05)
    np.testing.assert_array_equal(table, joint_reports(3, 4000, 0.5, seed=1))
    assert (table != joint_reports(3, 4000, 0.5, seed=2)).any()


@pytest.mark.parametrize("kind", ["careless", "homonyms"])
def test_without_ambiguity_every_word_has_one_meaning(kind):
    table = emission_table(2, 0.0, kind, synonyms=3)
    assert table.shape == (4, 12)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert [np.flatnonzero(row).tolist() for row in table] == [list(range(3 * c, 3 * c + 3)) for c in range(4)]


def test_a_careless_speaker_says_any_word_that_often():
    clear, vague = emission_table(2, 0.0), emission_table(2, 0.3)
    np.testing.assert_allclose(vague, 0.7 * clear + 0.3 * clear.mean(axis=0))


def test_full_homonyms_do_not_tell_the_last_concept_and_half_ones_do():
    full, half = emission_table(2, 1.0, "homonyms"), emission_table(2, 0.5, "homonyms")
    np.testing.assert_allclose(full[0::2], full[1::2])
    assert np.abs(half[0] - half[1]).max() > 0.1
    np.testing.assert_allclose(half[:, 0], emission_table(2, 0.0, "homonyms")[0, 0] * np.array([0.75, 0.25, 0, 0]))


def test_a_random_world_is_made_of_these_and_repeats_itself():
    world = ambiguous_world(2, ambiguity=0.2, kind="homonyms", sharpness=0.5, levels=3, synonyms=1, seed=4)
    np.testing.assert_array_equal(world.reports, separate_reports(2, 0.5, 3))
    np.testing.assert_array_equal(world.emission, emission_table(2, 0.2, "homonyms", synonyms=1, seed=4))
    joint = ambiguous_world(2, reports="joint", levels=3, seed=4)
    np.testing.assert_array_equal(joint.reports, joint_reports(2, 9, 1.0, seed=4))
    assert ambiguous_world(2, edge_probability=0.0).graph.dag.number_of_edges() == 0


# ---- predictors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"ambiguity": 0.3}, {"ambiguity": 0.3, "kind": "homonyms"}])
@pytest.mark.parametrize("reports", ["separate", "joint"])
def test_the_exact_predictor_is_exact(settings, reports):
    world = ambiguous_world(2, reports=reports, **settings)
    f, g = exact_predictor(world)
    np.testing.assert_allclose(log_probabilities((f, g)), np.log(world.next_token_distribution), atol=1e-9)
    assert f.shape[1] <= world.posterior.shape[1]


def test_separate_reports_and_clear_words_need_one_dimension_more_than_concepts():
    assert [exact_predictor(ambiguous_world(m))[0].shape[1] for m in (1, 2, 3)] == [2, 3, 4]


def test_training_reaches_the_distribution_where_there_is_room():
    world = ambiguous_world(2, ambiguity=0.1)
    fit = fit_predictor(world, 4)
    assert abs(fit.excess_loss) < 1e-9
    assert distribution_gap(fit.predictor, exact_predictor(world)) < 1e-3
    assert fit.steps < 200


def test_the_excess_loss_is_the_divergence_and_short_of_room_it_is_a_stationary_one():
    world = ambiguous_world(2)
    fits = [fit_predictor(world, 1, seed=seed) for seed in range(3)]
    log_p, log_q = np.log(world.next_token_distribution), log_probabilities(fits[0].predictor)
    divergence = world.context_probabilities @ (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
    assert fits[0].excess_loss == pytest.approx(divergence)
    assert fits[0].excess_loss > 0.01
    assert fit_predictor(world, 1, steps=1000).excess_loss == pytest.approx(fits[0].excess_loss, abs=1e-6)
    assert max(fit.excess_loss for fit in fits) == pytest.approx(min(fit.excess_loss for fit in fits), abs=1e-4)


def test_training_repeats_itself_and_stops_when_told():
    world = ambiguous_world(2, ambiguity=0.1)
    one, again, other = (fit_predictor(world, 2, steps=3, seed=seed) for seed in (5, 5, 6))
    assert one.steps == 3
    assert one.predictor.embeddings.equal(again.predictor.embeddings)
    assert not one.predictor.embeddings.equal(other.predictor.embeddings)


# ---- measures -------------------------------------------------------------------------------------------------------


def test_centred_logits_are_shared_by_equivalent_predictors():
    core = exact_predictor(ambiguous_world(2, ambiguity=0.3))
    moved = equivalent_predictor(core, 7, seed=3)
    np.testing.assert_allclose(centred_logits(core), centred_logits(moved), atol=1e-9)
    assert kl_divergence(core, moved) < 1e-12


def test_features_are_the_posteriors():
    world = small_world(0)
    found = posterior_features(world)
    np.testing.assert_allclose(np.exp(found["log joint"]), world.posterior)
    np.testing.assert_array_equal(found["joint"], world.posterior)
    np.testing.assert_allclose(np.exp(found["log marginals"][:, 1::2]), found["marginals"])
    np.testing.assert_allclose(found["marginals"][:, 0], world.posterior[:, 2:].sum(axis=1))


@settings(max_examples=20)
@given(seed=SEEDS)
def test_an_exact_relation_is_found_in_and_out_of_sample(seed):
    rng = np.random.default_rng(seed)
    posteriors = rng.dirichlet(np.ones(3), size=40)
    f = np.log(posteriors) @ rng.standard_normal((3, 2)) + 5
    assert held_out_r_squared(f, np.log(posteriors), seed % 100) == pytest.approx(1.0, abs=1e-6)
    assert log_posterior_regression(f, posteriors).r_squared == pytest.approx(1.0, abs=1e-9)


def test_held_out_r_squared_is_that_of_two_fits_by_hand():
    rng = np.random.default_rng(0)
    x, f = rng.standard_normal((11, 2)), rng.standard_normal((11, 3))
    halves = np.array_split(np.random.default_rng(7).permutation(11), 2)
    missed = 0.0
    for fitted, tested in (halves, halves[::-1]):
        design = np.column_stack([x, np.ones(11)])
        missed += ((f[tested] - design[tested] @ np.linalg.pinv(design[fitted]) @ f[fitted]) ** 2).sum()
    assert held_out_r_squared(f, x, seed=7) == pytest.approx(1 - missed / ((f - f.mean(axis=0)) ** 2).sum())


def test_many_useless_features_explain_the_sample_and_nothing_else():
    rng = np.random.default_rng(0)
    f, x = rng.standard_normal((40, 2)), rng.standard_normal((40, 15))
    posteriors = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    assert log_posterior_regression(f, posteriors).r_squared > 0.25
    assert held_out_r_squared(f, x) < 0


@pytest.mark.slow
def test_a_cell_measures_what_the_functions_measure():
    (record,) = posterior_cell(4, 0.1, "homonyms", 0.5, "joint", 0.0, n_seeds=1)
    world = ambiguous_world(ambiguity=0.1, kind="homonyms", sharpness=0.5, reports="joint", edge_probability=0.0)
    fit = fit_predictor(world, 4)
    assert (record["seed"], record["excess_loss"], record["doubt"]) == (0, fit.excess_loss, world.doubt)
    z, f = centred_logits(fit.predictor), fit.predictor.embeddings.numpy()
    for name, table in posterior_features(world).items():
        assert record[f"z on {name}"] == held_out_r_squared(z, table)
        assert record[f"f on {name}"] == held_out_r_squared(f, table)
    ones = world.marginal_posteriors[:, :, 1]
    for name, concept in (("first", 0), ("last", 2)):
        log_odds = np.log(ones[:, [concept]] / (1 - ones[:, [concept]]))
        assert record[f"{name} from z"] == pytest.approx(held_out_r_squared(log_odds, z))
    assert record["z on shuffled"] < 0.3 < record["z on log joint"]
    assert len(posterior_cell(1, 0.0, n_seeds=2)) == 2


# ---- bad input ------------------------------------------------------------------------------------------------------

HALVES = np.full((2, 2), 0.5)
WORLD = ambiguous_world(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AmbiguousWorld("graph", HALVES, HALVES), "graph must be a ConceptGraph, got str"),
        (lambda: AmbiguousWorld(ALONE, np.ones((3, 2)), HALVES), r"reports must have shape \(2, n\), got \(3, 2\)"),
        (lambda: AmbiguousWorld(ALONE, HALVES, [[2.0, -1.0], [0.5, 0.5]]), "emission must hold prob.*, got -1"),
        (lambda: AmbiguousWorld(ALONE, HALVES, np.ones((2, 0))), r"emission must hold prob.*, got shape \(2, 0\)"),
        (lambda: AmbiguousWorld(ALONE, 0.6 + 0 * HALVES, HALVES), "reports must have rows that sum to 1, got 1.2"),
        (lambda: AmbiguousWorld(ALONE, [[1, 0], [1, 0]], HALVES), "reports must leave .* got zeros in column 1"),
        (lambda: separate_reports(0, 1.0), "n_concepts must be at least 1, got 0"),
        (lambda: separate_reports(6, 1.0), "n_concepts must be at most 5, got 6"),
        (lambda: separate_reports(2, -1.0), "sharpness must lie between 0 and 50, got -1"),
        (lambda: separate_reports(2, 1.0, 1), "levels must be at least 2, got 1"),
        (lambda: separate_reports(4, 1.0, 9), "levels must be at most 8 for 4 concepts, got 9"),
        (lambda: joint_reports(2, 1, 1.0), "n_contexts must be at least 2, got 1"),
        (lambda: joint_reports(2, 9, "much"), "sharpness must be a finite number, got 'much'"),
        (lambda: joint_reports(2, 9, 1.0, seed=-1), "seed must be at least 0, got -1"),
        (lambda: emission_table(2, 1.5), "ambiguity must lie between 0 and 1, got 1.5"),
        (lambda: emission_table(2, 1.0), "ambiguity must be below 1 for careless speakers, .*, got 1.0"),
        (lambda: emission_table(2, 0.5, "rude"), "kind must be one of 'careless', 'homonyms', got 'rude'"),
        (lambda: emission_table(2, 0.5, synonyms=0), "synonyms must be at least 1, got 0"),
        (lambda: emission_table(2, 0.5, seed=0.5), "seed must be an integer, got 0.5"),
        (lambda: ambiguous_world(2, reports="loud"), "reports must be one of 'separate', 'joint', got 'loud'"),
        (lambda: ambiguous_world(2, edge_probability=2.0), "edge_probability must lie between 0 and 1, got 2"),
        (lambda: exact_predictor(3), "world must be an AmbiguousWorld, got int 3"),
        (lambda: exact_predictor(AmbiguousWorld(ALONE, HALVES, HALVES)), "world must have a token that is likelier"),
        (lambda: exact_predictor(AmbiguousWorld(ALONE, np.eye(2), np.eye(2))), "probabilities must be above 0.*got 0"),
        (lambda: fit_predictor(None, 1), "world must be an AmbiguousWorld, got NoneType None"),
        (lambda: fit_predictor(WORLD, 0), "dim must be at least 1, got 0"),
        (lambda: fit_predictor(WORLD, 4), "dim must be at most 3, got 4"),
        (lambda: fit_predictor(WORLD, 1, steps=0), "steps must be at least 1, got 0"),
        (lambda: fit_predictor(WORLD, 1, seed="a"), "seed must be an integer, got 'a'"),
        (lambda: centred_logits("me"), "predictor must be a SoftmaxPredictor or a pair .* got 'me'"),
        (lambda: posterior_features(0), "world must be an AmbiguousWorld, got int 0"),
        (
            lambda: posterior_features(AmbiguousWorld(ALONE, np.eye(2), HALVES)),
            "world must leave every .* of 0",
        ),
        (lambda: held_out_r_squared(np.ones((3, 1)), np.ones((3, 1))), r"at least 4 contexts .* got shape \(3, 1\)"),
        (lambda: held_out_r_squared(np.eye(4), np.ones((3, 1))), r"features must have shape \(4, n_features\), got"),
        (lambda: held_out_r_squared(np.ones((4, 1)), np.eye(4)), r"representations must differ .*, got \[1.0\] in all"),
        (lambda: held_out_r_squared(np.eye(4), np.eye(4), seed=-1), "seed must be at least 0, got -1"),
        (lambda: posterior_cell(4, 0.1, n_seeds=0), "n_seeds must be at least 1, got 0"),
        (lambda: posterior_cell(0, 0.1), "dim must be at least 1, got 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
