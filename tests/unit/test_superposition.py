"""Sparse worlds, what is known in them, and what theory offers in few dimensions, beside brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from linrep_core import ConceptGraph, LatentConditionalModel
from linrep_core.superposition import (
    CONTEXT_KINDS,
    Trained,
    feature_dimensionality,
    first_steps,
    known_shares,
    least_dimension,
    moment_curve_predictor,
    naming_straightness,
    polytope_margin,
    separable,
    simplex_predictor,
    sparse_world,
    stake,
    superposition_cell,
    train_sparse,
    word_straightness,
)
from linrep_core.superposition_study import PREDICTED, Prediction, judge, rows_of

RANDOM = np.random.default_rng(0)
WORLD = sparse_world(3, 0.3, contexts="telling")


def independent(n_concepts, chance):
    graph = ConceptGraph.random(n_concepts, 0.0, parameter_range=(chance, chance), seed=0)
    return LatentConditionalModel(graph)


# ---- worlds ---------------------------------------------------------------------------------------------------------


def test_with_telling_contexts_and_all_words_it_is_the_papers_world():
    model = independent(3, 0.3)
    rows = model.context_index(WORLD.contexts)
    np.testing.assert_array_equal(np.sort(rows), np.arange(27))
    np.testing.assert_allclose(WORLD.distribution, model.next_token_distribution()[rows])
    np.testing.assert_allclose(WORLD.weights, model.weights()[rows])


@pytest.mark.parametrize("kind", CONTEXT_KINDS)
@pytest.mark.parametrize("most_active", [1, 2, 4])
def test_every_world_is_that_of_bayes_rule_on_its_words(kind, most_active):
    told = [0.2, 0.4, 0.5, 0.9]
    world = sparse_world(4, 0.3, contexts=kind, most_active=most_active, told=told)
    words = [c for c in product((0, 1), repeat=4) if sum(c) <= most_active]
    joint = {c: 0.3 ** sum(c) * 0.7 ** (4 - sum(c)) for c in words}
    assert [tuple(word) for word in world.meanings] == words
    weights = []
    for context, row in zip(world.contexts, world.distribution, strict=True):
        fits = [all(x in (-1, y) for x, y in zip(context, c, strict=True)) for c in words]
        p = np.array([joint[c] * fit for c, fit in zip(words, fits, strict=True)])
        np.testing.assert_allclose(row, p / p.sum())
        mask = (
            1.0 if kind == "certain" else np.prod([t if x >= 0 else 1 - t for x, t in zip(context, told, strict=True)])
        )
        weights.append(p.sum() * mask)
    np.testing.assert_allclose(world.weights, np.array(weights) / sum(weights))


def test_naming_contexts_never_say_that_a_concept_is_absent():
    assert set(np.unique(sparse_world(4).contexts)) == {-1, 1}
    assert len(sparse_world(4).contexts) == 16
    assert len(sparse_world(4, most_active=2).contexts) == 1 + 4 + 6


# ---- measures -------------------------------------------------------------------------------------------------------


def test_a_perfect_predictor_knows_all_whatever_the_rounding():
    for most_active in (1, 2, 3):
        world = sparse_world(6, 0.2, most_active=most_active)
        known = known_shares(world, np.log(np.maximum(world.distribution, 1e-300)))
        np.testing.assert_allclose(known, 1)


def test_what_is_known_is_what_a_double_loop_finds():
    logits = RANDOM.normal(size=WORLD.distribution.shape)
    p_hat = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    def divergence(p, q):
        return sum(a * np.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)

    for i, share in enumerate(known_shares(WORLD, logits)):
        has = WORLD.meanings[:, i] == 1
        true, guess = WORLD.distribution[:, has].sum(axis=1), p_hat[:, has].sum(axis=1)
        base = WORLD.weights @ true
        lost = sum(w * divergence(p, q) for w, p, q in zip(WORLD.weights, true, guess, strict=True))
        at_stake = sum(w * divergence(p, base) for w, p in zip(WORLD.weights, true, strict=True))
        assert share == pytest.approx(1 - lost / at_stake)


def test_who_takes_no_notice_of_contexts_knows_nothing_and_loses_the_stake():
    marginal = np.log(WORLD.weights @ WORLD.distribution)
    constants = np.tile([0.0, 1.0], (27, 1)), np.column_stack([np.zeros(8), marginal])
    np.testing.assert_allclose(known_shares(WORLD, constants[0] @ constants[1].T), 0, atol=1e-12)
    assert WORLD.excess_loss(constants) == pytest.approx(stake(WORLD))


def test_first_steps_are_from_the_word_without_active_concepts():
    g = RANDOM.normal(size=(8, 2))
    np.testing.assert_allclose(first_steps(g, WORLD.meanings), g[[4, 2, 1]] - g[0])


@pytest.mark.parametrize(
    ("n", "expected"), [(2, 0.5), (3, 2 / 3), (4, 0.5), (5, 0.4), (8, 0.25)]
)  # 2/3, 1/2, 2/5 as in the article
def test_a_regular_polygon_shares_two_dimensions_evenly(n, expected):
    angles = 2 * np.pi * np.arange(n) / n
    corners = np.column_stack([np.cos(angles), np.sin(angles)])
    np.testing.assert_allclose(feature_dimensionality(corners), expected)


def test_a_tetrahedron_gives_three_quarters():
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(feature_dimensionality(corners), 0.75)


def test_straightness_counts_common_words_only():
    meanings = sparse_world(3, 0.3).meanings
    g = meanings @ RANDOM.normal(size=(3, 2))
    bent = g + 9 * (meanings.sum(axis=1) == 3)[:, None]
    assert word_straightness(g, meanings) == pytest.approx(1)
    assert word_straightness(bent, meanings) == pytest.approx(1)
    assert word_straightness(bent + 9 * (meanings.sum(axis=1) == 2)[:, None], meanings) < 0.99
    assert np.isnan(word_straightness(RANDOM.normal(size=(4, 2)), sparse_world(3, most_active=1).meanings))


def test_contexts_that_tell_of_absence_have_no_part_in_naming_straightness():
    named = np.where(WORLD.contexts == 1, 1, 0)
    f = named @ RANDOM.normal(size=(3, 2))
    f[(WORLD.contexts == 0).any(axis=1)] = RANDOM.normal(size=2)
    assert naming_straightness(f, WORLD.contexts) == pytest.approx(1)


# ---- what theory offers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s"), [(3, 1), (6, 1), (8, 1), (6, 2), (8, 2), (7, 3), (8, 3), (4, 2), (4, 3), (8, 7)])
def test_what_theory_offers_ties_the_words_that_fit_above_all_others_in_the_least_dimension(m, s):
    world = sparse_world(m, 0.2, most_active=s)
    f, g = (moment_curve_predictor if 2 * s < m else simplex_predictor)(world, margin=7.0)
    assert f.shape[1] == least_dimension(m, s) + 1
    logits, fits = f[:, :-1] @ g[:, :-1].T, world.distribution > 0
    highest, lowest = np.where(fits, logits, -np.inf).max(axis=1), np.where(fits, logits, np.inf).min(axis=1)
    np.testing.assert_allclose(highest, lowest, atol=1e-9)
    others = np.where(fits, -np.inf, logits).max(axis=1)
    assert (lowest - others).min() == pytest.approx(7)
    assert s == 1 or naming_straightness(f, world.contexts) == pytest.approx(1)


def test_with_one_active_concept_the_moment_curve_is_a_polygon_with_its_centre():
    world = sparse_world(5, most_active=1)
    g = moment_curve_predictor(world, margin=1.0)[1][:, :-1]
    np.testing.assert_allclose(g[0], 0, atol=1e-12)
    corners = g[1:]
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1), 1)
    assert 1 - np.sort(corners[0] @ corners[1:].T)[-1] == pytest.approx(polytope_margin(5, 2))


def test_the_least_dimension_is_two_for_each_active_concept_and_never_above_m():
    for m in range(1, 9):
        for s in range(1, m + 1):
            assert least_dimension(m, s) <= min(m, 2 * s)
            assert least_dimension(m, s) >= s  # Schlaefli's count of cells


@pytest.mark.parametrize(("n", "dim"), [(3, 2), (6, 2), (4, 3), (6, 3), (8, 4)])
def test_margins_are_those_of_the_corners(n, dim):
    corners = {
        (3, 2): [[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(3) / 3],
        (6, 2): [[np.cos(a), np.sin(a)] for a in 2 * np.pi * np.arange(6) / 6],
        (4, 3): np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5,
        (6, 3): np.vstack([np.eye(3), -np.eye(3)]),
        (8, 4): np.vstack([np.eye(4), -np.eye(4)]),
    }[n, dim]
    closest = max(float(np.dot(a, b)) for a, b in combinations(np.asarray(corners), 2))
    assert polytope_margin(n, dim) == pytest.approx(1 - closest)


# ---- training -------------------------------------------------------------------------------------------------------


def test_six_concepts_fit_into_the_plane_if_one_is_active_at_a_time():
    world = sparse_world(6, most_active=1)
    (run,) = train_sparse(world, 2, seeds=[0], steps=1000, progress=False)
    assert known_shares(world, run.logits).min() > 0.9
    steps = first_steps(run.unembeddings, world.meanings)
    assert feature_dimensionality(steps).sum() <= 2 + 1e-9


def test_constants_are_one_more_dimension():
    run = Trained(RANDOM.normal(size=(5, 2)), RANDOM.normal(size=(4, 2)), RANDOM.normal(size=4))
    f, g = run.with_constants
    np.testing.assert_allclose(f @ g.T, run.logits)


def test_a_cell_has_a_row_for_each_start_and_one_start_is_what_it_would_be_alone():
    settings = {"most_active": 2, "steps": 50}
    rows = superposition_cell(4, 2, n_seeds=3, **settings)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert rows[0]["left"] == pytest.approx(superposition_cell(4, 2, n_seeds=1, **settings)[0]["left"])
    assert superposition_cell(4, 2, n_seeds=1, most_active=1, steps=0)[0]["unembedding"] is None


# ---- predictions ----------------------------------------------------------------------------------------------------


def test_a_prediction_is_confirmed_refuted_or_open():
    rows = [{"dim": d, "seed": k, "x": d + 0.1 * k} for d in (1, 2) for k in range(10)]
    said = {
        ("at most", 2.0): "confirmed",
        ("at most", 1.0): "refuted",
        ("at least", 1.45): "open",
        ("at least", 1.0): "confirmed",
        ("at least", 2.0): "refuted",
    }
    for (word, bound), verdict in said.items():
        assert judge(Prediction("", "", {"dim": 1}, "x", word, bound, ""), rows).verdict == verdict
    found = judge(Prediction("", "", {"dim": 2}, "x", "above", 0.5, "", {"dim": 1}), rows)
    assert (found.mean, found.verdict, found.n) == (pytest.approx(1.0), "confirmed", 10)
    assert found.high - found.low < 1e-9  # start by start, the difference is the same


@pytest.mark.parametrize("prediction", PREDICTED, ids=lambda prediction: prediction.claim)
def test_every_prediction_has_its_runs(prediction):
    assert judge(prediction, rows_of(prediction.table)).n >= 10


# ---- bad input ------------------------------------------------------------------------------------------------------

TABLE = np.zeros(WORLD.distribution.shape)
SAID = Prediction("", "", {}, "x", "at most", 1.0, "")
ROWS = [{"seed": seed, "x": 1.0} for seed in range(2)]
BAD = {
    "no concepts": (lambda: sparse_world(0), "n_concepts must be at least 1, got 0"),
    "too many": (lambda: sparse_world(9), "n_concepts must be at most 8, got 9"),
    "chance": (lambda: sparse_world(2, 1.0), "chance must lie strictly between 0 and 1, got 1.0"),
    "kind": (lambda: sparse_world(2, contexts="silent"), "contexts must be one of 'naming', .* got 'silent'"),
    "active": (lambda: sparse_world(2, most_active=3), "most_active must be at most 2, got 3"),
    "told": (lambda: sparse_world(2, told=[0.5, 1.0]), r"told must lie strictly between 0 and 1, got \[0.5, 1.0\]"),
    "told, shape": (lambda: sparse_world(2, told=[0.5]), r"told must have shape \(2,\), got \(1,\)"),
    "not a world": (lambda: known_shares(None, TABLE), "world must be a ViolatedWorld, got NoneType None"),
    "logits": (lambda: known_shares(WORLD, TABLE[1:]), r"logits must have shape \(27, 8\), got \(26, 8\)"),
    "stake": (lambda: stake(3), "world must be a ViolatedWorld, got int 3"),
    "flat meanings": (lambda: first_steps([[1.0]], [1]), r"meanings must have shape \(n, m\), got \(1,\)"),
    "no empty word": (lambda: first_steps([[1.0], [2.0]], [[1], [1]]), "meanings must hold the word without"),
    "unembeddings": (lambda: first_steps([[1.0]], [[0], [1]]), r"unembeddings must have shape \(2, dim\)"),
    "vectors": (lambda: feature_dimensionality([1.0]), r"vectors must have shape \(n, dim\), got \(1,\)"),
    "words": (lambda: word_straightness([[1.0]], [1]), r"meanings must have shape \(n, m\), got \(1,\)"),
    "contexts": (lambda: naming_straightness([[1.0]], [1]), r"contexts must have shape \(n, m\), got \(1,\)"),
    "least, m": (lambda: least_dimension(0, 1), "n_concepts must be at least 1, got 0"),
    "least, s": (lambda: least_dimension(2, 3), "most_active must be at most 2, got 3"),
    "labels": (lambda: separable([[1.0], [2.0]], [[0], [0]]), "meanings must have shape .* a 0 and a 1 in every"),
    "places": (lambda: separable([[1.0]], [[0], [1]]), r"unembeddings must have shape \(2, dim\)"),
    "telling curve": (lambda: moment_curve_predictor(WORLD, 1.0), "world must have naming contexts, got one that"),
    "margin": (lambda: moment_curve_predictor(sparse_world(2), -1.0), "margin must be at least 0, got -1.0"),
    "all active": (lambda: simplex_predictor(sparse_world(2), 1.0), "world must have no word with all concepts"),
    "telling simplex": (lambda: simplex_predictor(WORLD, 1.0), "world must have naming contexts, got one that"),
    "one word": (lambda: polytope_margin(1, 2), "n_words must be at least 2, got 1"),
    "no dimension": (lambda: polytope_margin(3, 0), "dim must be at least 1, got 0"),
    "method": (lambda: train_sparse(WORLD, 2, seeds=[0], method="sgd"), "method must be one of 'adam'"),
    "seeds": (lambda: train_sparse(WORLD, 2, seeds=3), "seeds must be a list"),
    "seed": (lambda: train_sparse(WORLD, 2, seeds=[-1]), r"seeds\[0\] must be at least 0, got -1"),
    "dim": (lambda: train_sparse(WORLD, 0, seeds=[0]), "dim must be at least 1, got 0"),
    "n_seeds": (lambda: superposition_cell(2, 1, n_seeds=0), "n_seeds must be at least 1, got 0"),
    "told_last": (lambda: superposition_cell(2, 1, told_last=1.0), "told_last must lie strictly between 0 and 1"),
    "prediction": (lambda: judge(None, ROWS), "prediction must be a Prediction, got NoneType None"),
    "records": (lambda: judge(SAID, ROWS[:1]), "records must have at least two rows"),
    "partners": (
        lambda: judge(Prediction("", "", {"d": 1}, "x", "above", 0.0, "", {"d": 2}), _unpaired()),
        "records must have the same seeds on both sides",
    ),
}


def _unpaired():
    return [{"seed": k, "x": 1.0, "d": d} for d, seeds in ((1, (0, 1)), (2, (1, 2))) for k in seeds]


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
