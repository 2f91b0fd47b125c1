"""Pairs of trainings and the noisy world, beside brute force and known answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, train
from linrep_core.ensemble import train_many
from linrep_core.identifiability import equivalent_predictor
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results
from linrep_core.trained_pairs import (
    RECIPES,
    STEPS,
    WORLDS,
    NoisyWorld,
    excess_loss,
    pair_measures,
    pair_world,
    seen_share,
    train_pairs,
    trained_pair_cell,
    unexplained_share,
)

GRAPH = ConceptGraph.random(3, edge_probability=0.5, seed=0)
WORLD = NoisyWorld(GRAPH, noise=0.25)
RANDOM = np.random.default_rng(0)
ONE = RANDOM.normal(size=(12, 3)), RANDOM.normal(size=(7, 3))


# ---- the noisy world ------------------------------------------------------------------------------------------------


def test_a_noisy_context_is_ignored_now_and_then():
    p, heeded = WORLD.next_token_distribution(), LatentConditionalModel(GRAPH).next_token_distribution()
    np.testing.assert_allclose(p, 0.75 * heeded + 0.25 * GRAPH.joint())
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(WORLD.entropies(), [-sum(q * np.log(q) for q in row) for row in p])
    g = RANDOM.normal(size=(8, 4))
    np.testing.assert_allclose(WORLD.expected_unembedding(g), p @ g)
    some = [[0, -1, 1], [-1, -1, -1]]
    np.testing.assert_allclose(WORLD.expected_unembedding(g, some), WORLD.next_token_distribution(some) @ g)
    torch.testing.assert_close(WORLD.expected_unembedding(torch.tensor(g)), torch.tensor(p @ g))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "natural"])
def test_training_reaches_the_noisy_distribution(optimizer):
    run = train(WORLD, 7, steps=60 if optimizer == "natural" else 800, optimizer=optimizer, progress=False)
    assert run.excess_loss < 1e-3
    assert excess_loss(WORLD, run.predictor) == pytest.approx(run.excess_loss, abs=1e-9)


@pytest.mark.parametrize("world", [WORLD, LatentConditionalModel(GRAPH)])
def test_many_trainings_at_once_are_what_each_would_be(world):
    runs = train_many(world, 4, seeds=[3, 4], steps=30, progress=False)
    for seed, run in zip((3, 4), runs, strict=True):
        alone = train(world, 4, seed=seed, steps=30, progress=False)
        torch.testing.assert_close(run.predictor.embeddings, alone.predictor.embeddings)
        assert run.excess_loss == pytest.approx(alone.excess_loss)


# ---- measures -------------------------------------------------------------------------------------------------------


def test_an_unexplained_share_is_the_residual_of_least_squares():
    other = RANDOM.normal(size=(12, 2)), RANDOM.normal(size=(7, 2))
    residuals = []
    for a, b in ((ONE[0], other[0]), (*(t - t.mean(axis=0) for t in (ONE[1], other[1])),)):
        for given, wanted in ((a, b), (b, a)):
            projected = given @ np.linalg.inv(given.T @ given) @ given.T @ wanted
            residuals.append(np.linalg.norm(wanted - projected) / np.linalg.norm(wanted))
    assert unexplained_share(ONE, other) == pytest.approx(max(residuals))


@pytest.mark.parametrize("dim", [3, 5, 9])
def test_equivalent_predictors_are_near_and_related_where_seen(dim):
    found = pair_measures(ONE, equivalent_predictor(ONE, dim, seed=dim))
    assert max(found[name] for name in ("kl", "logit", "prescribed", "seen")) < 1e-6
    assert (found["whole"] > 0.1) == (dim > 3)
    assert found["chance"] > 0.3


def test_noise_takes_a_pair_apart():
    shares = [seen_share(ONE, (ONE[0] + s * RANDOM.normal(size=(12, 3)), ONE[1])) for s in (1e-4, 1e-2, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 1e-3 < 0.1 < shares[2]


def test_excess_is_a_divergence_from_the_world():
    run = SoftmaxPredictor(RANDOM.normal(size=(27, 3)), RANDOM.normal(size=(8, 3)))
    for world in (WORLD, LatentConditionalModel(GRAPH)):
        assert excess_loss(world, run) == pytest.approx(run.loss(world).item() - world.entropy_floor())


# ---- the study ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_shorter_training_begins_a_longer_one():
    rows = trained_pair_cell("noisy", "natural gradient", 3, n_seeds=1)
    ((one, other),) = train_pairs([pair_world("noisy", 0)], 3, "natural gradient", steps=10, progress=False)
    found = pair_measures(one, other, pair_world("noisy", 0).weights())
    (row,) = [row for row in rows if row["step"] == 10]
    assert row["seen"] == pytest.approx(found["seen"])
    assert [row["step"] for row in rows] == list(STEPS["natural"])


def test_pairs_are_the_same_world_from_two_seeds():
    worlds = [pair_world("masked", seed) for seed in (0, 1)]
    pairs = train_pairs(worlds, 4, "adam, small start", steps=5, first_seed=3, progress=False)
    for i, (world, pair) in enumerate(zip(worlds, pairs, strict=True)):
        for k, predictor in enumerate(pair):
            alone = train(world, 4, seed=2 * (3 + i) + k, steps=5, progress=False).predictor
            torch.testing.assert_close(predictor.unembeddings, alone.unembeddings)


@pytest.mark.slow
def test_a_committed_row_comes_out_again():
    filed = read_results(RESULTS / "trained-pairs.csv")
    assert len(filed) == len(WORLDS) * len(RECIPES) * 4 * 10 * 5
    for row in trained_pair_cell("noisy", "natural gradient", 6, n_seeds=2)[-2:]:
        kind = {"world": "noisy", "recipe": "natural gradient", "dim": 6, "seed": row["seed"], "step": row["step"]}
        (kept,) = [each for each in filed if kind.items() <= each.items()]
        assert max(kept["seen"], row["seen"]) < 1e-6
        assert kept["excess"] == pytest.approx(row["excess"], abs=1e-6)


# ---- bad input ------------------------------------------------------------------------------------------------------

BAD = {
    "noise": (lambda: NoisyWorld(GRAPH, noise=1.0), "noise must lie strictly between 0 and 1, got 1.0"),
    "graph": (lambda: NoisyWorld(3), "graph must be a ConceptGraph, got int 3"),
    "sampled": (lambda: train(WORLD, 3, steps=1, batch_size=5, progress=False), "batch_size must be None"),
    "sampled at once": (
        lambda: train_many(WORLD, 3, seeds=[0], steps=1, batch_size=5, progress=False),
        "model must be a world whose contexts are always heeded",
    ),
    "sample": (lambda: WORLD.sample(3), "batch_size must be None in a NoisyWorld"),
    "other contexts": (lambda: seen_share(ONE, (ONE[0][:3], ONE[1])), "second must have the 12 contexts"),
    "other tokens": (lambda: unexplained_share(ONE, (ONE[0], ONE[1][:3])), "second must have the 7 tokens"),
    "seed": (lambda: pair_measures(ONE, ONE, seed=-1), "seed must be at least 0, got -1"),
    "weights": (lambda: pair_measures(ONE, ONE, [1.0]), r"weights must have shape \(12,\)"),
    "world": (lambda: pair_world("quiet", 0), "world must be one of .*'quiet'"),
    "world's seed": (lambda: pair_world("noisy", -1), "seed must be at least 0, got -1"),
    "models": (lambda: train_pairs([3], 3, "natural gradient", steps=1), r"models\[0\] must be a LatentConditional"),
    "one model": (lambda: train_pairs(WORLD, 3, "natural gradient", steps=1), "models must be"),
    "recipe": (lambda: train_pairs([WORLD], 3, "sgd", steps=1), "recipe must be one of .*'sgd'"),
    "first_seed": (
        lambda: train_pairs([WORLD], 3, "natural gradient", steps=1, first_seed=-1),
        "first_seed must be at least 0, got -1",
    ),
    "steps": (lambda: train_pairs([WORLD], 3, "natural gradient", steps=-1), "steps must be at least 0, got -1"),
    "dim": (lambda: train_pairs([WORLD], 0, "natural gradient", steps=1), "dim must be at least 1, got 0"),
    "n_seeds": (lambda: trained_pair_cell("noisy", "natural gradient", 3, n_seeds=0), "n_seeds must be at least 1"),
    "cell's recipe": (lambda: trained_pair_cell("noisy", "sgd", 3), "recipe must be one of .*'sgd'"),
    "model": (lambda: excess_loss(3, ONE), "model must be a LatentConditionalModel, got int 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
