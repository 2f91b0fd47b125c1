"""Worlds with a broken assumption, their measures and trainings, beside brute force and known answers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from linrep_core import ConceptGraph, linearity
from linrep_core.ensemble import train_many
from linrep_core.geometry import MEASURES
from linrep_core.identifiability import equivalent_predictor
from linrep_core.reproduction import RESULTS, paper_world
from linrep_core.sweeps import read_results
from linrep_core.trained_pairs import NoisyWorld
from linrep_core.violations import (
    DOSES,
    PREDICTED,
    PREDICTED_DIMS,
    UNITS,
    VIOLATIONS,
    ViolatedWorld,
    change,
    differing_pairs,
    log_odds_agreement,
    mean_cosine_across,
    shortest_predictor,
    straightness,
    strongest_dose,
    train_violated,
    violated_world,
    violation_cell,
)

RANDOM = np.random.default_rng(0)
MODEL = paper_world(3, 5)[0]
STRONGEST = {violation: doses[-1] for violation, doses in DOSES.items()}


# ---- worlds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_without_a_dose_it_is_the_papers_world(violation):
    world = violated_world(violation, 0, seed=5)
    np.testing.assert_allclose(world.distribution, MODEL.next_token_distribution(), atol=1e-15)
    np.testing.assert_allclose(world.weights, MODEL.weights())
    np.testing.assert_array_equal(world.contexts, MODEL.contexts())
    np.testing.assert_array_equal(world.meanings, MODEL.tokens())
    assert not world.is_positive


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_every_dose_is_a_distribution_whose_tokens_mean_what_they_are_likeliest_under(violation):
    for dose in DOSES[violation]:
        world = violated_world(violation, dose, seed=2)
        np.testing.assert_allclose(world.distribution.sum(axis=1), 1)
        assert world.weights.sum() == pytest.approx(1)
        assert world.distribution.shape == (len(world.contexts), len(world.meanings))
        told = np.flatnonzero((world.contexts >= 0).all(axis=1))  # a context that tells all has its own word on top
        top = world.meanings[world.distribution[told].argmax(axis=1)]
        np.testing.assert_array_equal(top, world.contexts[told])


@pytest.mark.parametrize(("violation", "ratio"), [("equal synonyms", 1.0), ("unequal synonyms", 0.5)])
def test_synonyms_have_the_same_odds_in_every_context(violation, ratio):
    world = violated_world(violation, 2, seed=5)
    words = world.distribution.reshape(27, 8, 3)
    np.testing.assert_allclose(words.sum(axis=2), MODEL.next_token_distribution())
    np.testing.assert_allclose(words[:, :, 1:], ratio * words[:, :, :-1])
    np.testing.assert_array_equal(world.meanings, np.repeat(MODEL.tokens(), 3, axis=0))


def test_a_homonym_shares_its_chances_with_the_vector_that_differs_in_the_last_concept():
    p, world = MODEL.next_token_distribution(), violated_world("homonyms", 0.4, seed=5)
    flipped = p.reshape(27, 4, 2)[:, :, ::-1].reshape(27, 8)
    np.testing.assert_allclose(world.distribution, 0.8 * p + 0.2 * flipped)


def test_a_careless_word_can_be_any():
    world = violated_world("careless words", 0.4, seed=5)
    np.testing.assert_allclose(world.distribution, 0.6 * MODEL.next_token_distribution() + 0.4 / 8)


def test_an_ignored_context_is_that_of_the_noisy_world():
    noisy = NoisyWorld(MODEL.graph, noise=0.3)
    np.testing.assert_allclose(
        violated_world("ignored contexts", 0.3, seed=5).distribution, noisy.next_token_distribution()
    )


def test_a_wrong_context_is_weighed_by_bayes_rule():
    world = violated_world("wrong contexts", 0.1, n_concepts=2, seed=3)
    joint = paper_world(2, 3)[0].graph.joint()
    masses = []
    for row, context in enumerate(world.contexts):
        together = np.array(joint)
        for number, c in enumerate(product((0, 1), repeat=2)):
            for told, true in zip(context, c, strict=True):
                together[number] *= 1.0 if told < 0 else 0.9 if told == true else 0.1
        masses.append(together.sum())
        np.testing.assert_allclose(world.distribution[row], together / together.sum())
    np.testing.assert_allclose(world.weights, np.array(masses) / sum(masses))


def test_missing_contexts_are_a_growing_set():
    sizes, before = [], {tuple(row) for row in violated_world("few contexts", 0.0, seed=1).contexts}
    for dose in DOSES["few contexts"]:
        kept = {tuple(row) for row in violated_world("few contexts", dose, seed=1).contexts}
        assert kept <= before
        sizes.append(len(kept))
        before = kept
    assert sizes == [27, 22, 16, 11, 5]


def test_missing_words_have_no_chance_anywhere():
    world = violated_world("missing words", 0.5, seed=1)
    model, contexts = paper_world(3, 1, share_of_tokens=0.5)
    np.testing.assert_array_equal(world.token_occurs, model.token_occurs)
    np.testing.assert_array_equal(world.contexts, contexts)


# ---- measures -------------------------------------------------------------------------------------------------------


def test_pairs_are_those_that_a_search_finds():
    labels = RANDOM.integers(-1, 2, size=(40, 3))
    for concept in range(3):
        found = set(zip(*map(np.ndarray.tolist, differing_pairs(labels, concept)), strict=True))
        wanted = {
            (i, j)
            for i, j in product(range(40), repeat=2)
            if labels[i, concept] == 0 and labels[j, concept] == 1
            if all(labels[i, k] == labels[j, k] for k in range(3) if k != concept)
        }
        assert found == wanted


def test_without_a_dose_straightness_is_that_of_the_model():
    world = violated_world("equal synonyms", 0, seed=5)
    (run,) = train_many([MODEL], 4, seeds=[1], steps=50, progress=False)
    found, report = straightness(world, run.predictor), linearity(MODEL, run.predictor).mean
    assert {name: found[name] for name in MEASURES} == pytest.approx(report)


def test_cosines_across_groups_are_those_that_a_double_loop_finds():
    vectors, groups = RANDOM.normal(size=(9, 3)), np.array([0, 0, 0, 1, 1, 2, 5, 5, 5])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = [unit[i] @ unit[j] for i in range(9) for j in range(9) if groups[i] != groups[j]]
    assert mean_cosine_across(vectors, groups) == pytest.approx(np.mean(wanted))
    assert np.isnan(mean_cosine_across(vectors, np.zeros(9)))


def test_words_that_are_copied_change_nothing():
    once, twice = violated_world("equal synonyms", 0), violated_world("equal synonyms", 1)
    f, g = RANDOM.normal(size=(27, 3)), RANDOM.normal(size=(8, 3))
    assert straightness(twice, (f, np.repeat(g, 2, axis=0))) == pytest.approx(straightness(once, (f, g)))


def test_a_concept_with_one_pair_is_not_called_straight():
    world = violated_world("equal synonyms", 1, n_concepts=1)
    found = straightness(world, (RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(4, 2))))
    assert np.isnan([found["unembedding"], found["embedding"], found["agreement"], found["between"]]).all()
    assert np.isfinite(found["alignment"])


def test_words_that_never_come_do_not_count():
    world = violated_world("missing words", 0.5, seed=1)
    f, g = RANDOM.normal(size=(len(world.contexts), 3)), RANDOM.normal(size=(8, 3))
    moved = np.where(world.token_occurs[:, None], g, 99.0)
    assert straightness(world, (f, g)) == pytest.approx(straightness(world, (f, moved)), nan_ok=True)


def test_agreement_belongs_to_the_distribution():
    world = violated_world("ignored contexts", 0.3)
    predictor = RANDOM.normal(size=(27, 3)), RANDOM.normal(size=(8, 3))
    other = equivalent_predictor(predictor, 5, seed=1)
    one, two = straightness(world, predictor), straightness(world, other)
    assert one["agreement"] == pytest.approx(two["agreement"])
    assert abs(one["unembedding"] - two["unembedding"]) > 0.01
    constants = RANDOM.normal(size=8)
    logits = predictor[0] @ predictor[1].T
    assert log_odds_agreement(logits + constants, world.meanings) == pytest.approx(one["agreement"])


def test_noise_that_acts_concept_by_concept_leaves_the_log_odds_in_agreement_and_no_other_does():
    wrong = violated_world("wrong contexts", 0.2, edge_probability=1.0, seed=1)
    assert log_odds_agreement(np.log(wrong.distribution), wrong.meanings) == pytest.approx(1)
    for violation in ("careless words", "ignored contexts"):
        world = violated_world(violation, 0.2, edge_probability=0.0, seed=1)
        assert log_odds_agreement(np.log(world.distribution), world.meanings) < 0.8


# ---- training and controls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["adam", "gradient descent"])
def test_training_without_a_dose_is_that_of_the_paper_part(method):
    world = violated_world("few contexts", 0.0, seed=5)
    (fit,) = train_violated([world], 4, seeds=[7], method=method, steps=40, progress=False)
    settings = (
        {"optimizer": "adam", "learning_rate": 0.02} if method == "adam" else {"optimizer": "sgd", "learning_rate": 4}
    )
    (run,) = train_many([MODEL], 4, seeds=[7], steps=40, progress=False, **settings)
    torch.testing.assert_close(fit.predictor.unembeddings, run.predictor.unembeddings)
    torch.testing.assert_close(fit.predictor.embeddings, run.predictor.embeddings)
    assert fit.excess_loss == pytest.approx(run.excess_loss)


def test_many_trainings_at_once_are_what_each_would_be():
    worlds = [violated_world("missing words", 0.5, seed=seed) for seed in (0, 1, 2)]
    assert len({len(world.contexts) for world in worlds}) > 1
    fits = train_violated(worlds, 3, seeds=[4, 5, 6], steps=30, progress=False)
    for world, seed, fit in zip(worlds, (4, 5, 6), fits, strict=True):
        (alone,) = train_violated([world], 3, seeds=[seed], steps=30, progress=False)
        torch.testing.assert_close(fit.predictor.embeddings, alone.predictor.embeddings)


def test_constants_of_tokens_can_be_given_away():
    """Unequal synonyms need m dimensions and a constant each; with the constants given, m will do."""
    worlds = [violated_world("unequal synonyms", 2, n_concepts=1, seed=seed) for seed in (0, 1)]
    settings = {"seeds": [0, 1], "steps": 600, "progress": False}
    assert max(fit.excess_loss for fit in train_violated(worlds, 1, constants=True, **settings)) < 1e-3
    assert min(fit.excess_loss for fit in train_violated(worlds, 1, **settings)) > 1e-2


def test_given_constants_are_those_of_one_more_dimension_that_is_the_same_everywhere():
    world = violated_world("wrong contexts", 0.2, n_concepts=1)
    (fit,) = train_violated([world], 2, seeds=[3], steps=1, method="gradient descent", constants=True, progress=False)
    (plain,) = train_violated([world], 2, seeds=[3], steps=0, progress=False)
    p_hat = plain.predictor.probabilities().numpy()
    b = world.weights @ (world.distribution - p_hat)  # a step of rate 2**m / 2 = 1 from b = 0
    logits = fit.predictor.logits().numpy() + b
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    gap = (world.distribution * (np.log(world.distribution) - log_p)).sum(axis=1)
    assert fit.excess_loss == pytest.approx(world.weights @ gap)


def test_the_shortest_predictor_has_the_distribution_where_there_is_room():
    world = violated_world("careless words", 0.3)
    assert world.excess_loss(shortest_predictor(world, 7)) < 1e-12
    assert world.excess_loss(shortest_predictor(world, 3)) > 1e-3
    f, g = shortest_predictor(world, 7)
    assert np.linalg.norm(f) == pytest.approx(np.linalg.norm(g))
    wider, _ = shortest_predictor(world, 20)
    assert wider.shape == (27, 8)  # no more than there is


# ---- the study ------------------------------------------------------------------------------------------------------


def test_a_change_is_over_the_same_seeds():
    rows = [{"strength": 0.0, "seed": seed, "x": 0.9} for seed in range(4)]
    rows += [{"strength": 0.5, "seed": seed, "x": value} for seed, value in enumerate((0.5, 0.6, 0.7, None))]
    found = change(rows, 0.5, "x")
    assert (found.mean, found.n_pairs, found.verdict) == (pytest.approx(-0.3), 3, "falls")
    assert found.high - found.mean == pytest.approx(4.302653 * 0.1 / 3**0.5)  # t, two degrees of freedom
    assert str(found) == "-0.30 [-0.55, -0.05]"


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.01, 0.02), "stays"),
        ((0.2, 0.21, 0.22), "rises"),
        ((-0.2, -0.2), "falls"),
        ((-0.5, 0.1), "unsure"),
        ((0.3,), "unsure"),
    ],
)
def test_a_verdict_needs_a_size_and_an_interval(differences, verdict):
    rows = [{"strength": s, "seed": k, "x": s * d} for s in (0.0, 1.0) for k, d in enumerate(differences)]
    assert change(rows, 1.0, "x").verdict == verdict


def test_every_violation_has_doses_a_unit_and_predictions():
    assert set(DOSES) == set(UNITS) == set(PREDICTED)
    for violation in VIOLATIONS:
        assert DOSES[violation][0] == 0
        assert list(DOSES[violation]) == sorted(DOSES[violation])
        for measure in ("unembedding", "embedding"):
            assert len(PREDICTED[violation][measure]) == len(PREDICTED_DIMS)
            assert set(PREDICTED[violation][measure]) <= {"falls", "stays", "rises"}


def test_a_cell_measures_what_it_trains():
    rows = violation_cell("wrong contexts", 3, doses=[0.0, 0.1], n_seeds=2, steps=60)
    assert [(row["strength"], row["seed"]) for row in rows] == [(0.0, 0), (0.0, 1), (0.1, 0), (0.1, 1)]
    world = violated_world("wrong contexts", 0.1, seed=1)
    fits = train_violated([world], 3, seeds=[1], steps=60, progress=False)
    assert rows[3]["excess_loss"] == pytest.approx(fits[0].excess_loss)
    assert rows[3]["embedding"] == pytest.approx(straightness(world, fits[0].predictor)["embedding"])
    exact = straightness(world, shortest_predictor(world, 3))
    assert rows[3]["exact_unembedding"] == pytest.approx(exact["unembedding"])
    assert rows[0]["exact_unembedding"] is None


def test_a_committed_row_comes_out_again():
    filed = read_results(RESULTS / "violations.csv")
    assert len(filed) == 4 * 20 * sum(map(len, DOSES.values()))
    kind = {"violation": "wrong contexts", "dim": 4, "strength": 0.2}
    kept = [row for row in filed if kind.items() <= row.items()]
    for row, now in zip(kept, violation_cell("wrong contexts", 4, doses=[0.2], n_seeds=2), strict=False):
        assert (row["seed"], row["unembedding"]) == (now["seed"], pytest.approx(now["unembedding"], abs=1e-3))


def test_a_rate_and_the_size_of_the_start_can_be_chosen():
    world = violated_world("wrong contexts", 0.1)
    kind = {"seeds": [0], "method": "gradient descent", "progress": False}
    (start,) = train_violated([world], 3, steps=0, start_scale=0.1, **kind)
    (full,) = train_violated([world], 3, steps=0, **kind)
    np.testing.assert_allclose(start.predictor.unembeddings, full.predictor.unembeddings / 10)
    (once,) = train_violated([world], 3, steps=1, learning_rate=0.5, **kind)
    (twice,) = train_violated([world], 3, steps=1, learning_rate=1.0, **kind)
    moved = [fit.predictor.embeddings - full.predictor.embeddings for fit in (once, twice)]
    np.testing.assert_allclose(2 * moved[0], moved[1])


# ---- bad input ------------------------------------------------------------------------------------------------------

WORLD = violated_world("wrong contexts", 0.1)
PAIR = (np.zeros((27, 2)), np.zeros((8, 2)))
BAD = {
    "violation": (lambda: violated_world("typos", 0.1), "violation must be one of 'equal synonyms', .*'typos'"),
    "synonyms": (lambda: violated_world("equal synonyms", 0.5), "strength must be an integer, got 0.5"),
    "too many": (lambda: violated_world("unequal synonyms", 8), "strength must be at most 7, got 8"),
    "negative": (lambda: violated_world("homonyms", -0.1), "strength must lie between 0 and 1, got -0.1"),
    "no rate": (
        lambda: train_violated([WORLD], 2, seeds=[0], learning_rate=0.0),
        "learning_rate must be above 0, got 0.0",
    ),
    "no start": (lambda: train_violated([WORLD], 2, seeds=[0], start_scale=-1), "start_scale must"),
    "too wrong": (lambda: violated_world("wrong contexts", 0.6), "strength must lie between 0 and 0.5, got 0.6"),
    "all": (lambda: violated_world("few contexts", 1.0), "strength must be below 1 for few contexts"),
    "n_concepts": (lambda: violated_world("homonyms", 0.1, n_concepts=6), "n_concepts must be at most 5, got 6"),
    "edges": (lambda: violated_world("homonyms", 0.1, edge_probability=2), "edge_probability must lie between 0 and 1"),
    "seed": (lambda: violated_world("homonyms", 0.1, seed=-1), "seed must be at least 0, got -1"),
    "labels": (lambda: differing_pairs([], 0), r"labels must have shape \(n, m\) with at least one row"),
    "concept": (lambda: differing_pairs([[0, 1]], 2), "concept must be at most 1, got 2"),
    "logits": (lambda: log_odds_agreement([[1.0]], [[0], [1]]), r"logits must have shape \(n_contexts, 2\)"),
    "meanings": (lambda: log_odds_agreement([[1.0, 2.0]], [0, 1]), r"labels must have shape \(n, m\)"),
    "predictor": (
        lambda: straightness(WORLD, (PAIR[0], PAIR[1][:3])),
        r"predictor must have logits of shape \(27, 8\)",
    ),
    "world": (lambda: straightness(3, PAIR), "world must be a ViolatedWorld, got int 3"),
    "zeros": (lambda: shortest_predictor(violated_world("homonyms", 0.1), 3), "world must leave every token possible"),
    "shortest dim": (lambda: shortest_predictor(WORLD, 0), "dim must be at least 1, got 0"),
    "shortest world": (lambda: shortest_predictor(None, 1), "world must be a ViolatedWorld"),
    "worlds": (lambda: train_violated([WORLD], 3, seeds=[0, 1]), "worlds must hold one world for each seed"),
    "no worlds": (lambda: train_violated([], 3, seeds=[]), "worlds must hold one world for each seed, at least one"),
    "a world": (lambda: train_violated([3], 3, seeds=[0]), r"worlds\[0\] must be a ViolatedWorld, got int 3"),
    "sizes": (
        lambda: train_violated([WORLD, violated_world("equal synonyms", 1)], 3, seeds=[0, 1]),
        r"worlds\[1\] must have meanings of shape \(8, 3\) like the first, got \(16, 3\)",
    ),
    "dim": (lambda: train_violated([WORLD], 0, seeds=[0]), "dim must be at least 1, got 0"),
    "seeds": (lambda: train_violated([WORLD], 3, seeds=[-1]), r"seeds\[0\] must be at least 0, got -1"),
    "method": (lambda: train_violated([WORLD], 3, seeds=[0], method="sgd"), "method must be one of .*'sgd'"),
    "steps": (lambda: train_violated([WORLD], 3, seeds=[0], steps=-1), "steps must be at least 0, got -1"),
    "progress": (lambda: train_violated([WORLD], 3, seeds=[0], progress=3), "progress must be True or False, got 3"),
    "constants": (
        lambda: train_violated([WORLD], 3, seeds=[0], constants=1),
        "constants must be True or False, got 1",
    ),
    "cell": (lambda: violation_cell("typos", 3), "violation must be one of .*'typos'"),
    "doses": (lambda: violation_cell("homonyms", 3, doses=0.1), "doses must be a list"),
    "n_seeds": (lambda: violation_cell("homonyms", 3, n_seeds=0), "n_seeds must be at least 1, got 0"),
    "groups": (lambda: mean_cosine_across([[1.0], [2.0]], [0]), r"groups must have shape \(2,\), got \(1,\)"),
    "vectors": (lambda: mean_cosine_across([1.0], [0]), r"vectors must have shape \(n, dim\), got \(1,\)"),
    "no dose": (
        lambda: strongest_dose([{"strength": 0.0, "unembedding": 1.0}]),
        "records must have 'unembedding' for at least 10 seeds at some strength",
    ),
    "records": (lambda: change([{"seed": 0}], 0.1), r"records\[0\] must have an entry 'strength'"),
    "no pair": (lambda: change([], 0.1), "records must have a seed with 'unembedding' at strength 0 and at 0.1"),
    "twice": (
        lambda: change([{"strength": 0.0, "seed": 0, "unembedding": 1.0}] * 2, 0.1),
        "records must have one row a seed at strength 0, got 2",
    ),
    "dose": (lambda: change([], -1.0), "strength must be at least 0, got -1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_world_of_ones_own_needs_no_violation():
    """Any table will do: the measures ask for labels only."""
    joint = ConceptGraph.random(1, seed=0).joint()
    world = ViolatedWorld(joint[None], np.ones(1), np.array([[-1]], dtype=np.int8), np.array([[0], [1]], dtype=np.int8))
    (fit,) = train_violated([world], 1, seeds=[0], steps=400, progress=False)
    assert fit.excess_loss < 1e-3
    assert np.isnan(straightness(world, fit.predictor)["embedding"])
