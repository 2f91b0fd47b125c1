"""Chains and readers in training: beside the book's own trainer, their measures, and how predictions are judged."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from linrep_core.chains import Architecture, shortest_chain
from linrep_core.depth import (
    ARCHITECTURES,
    METHODS,
    PREDICTIONS,
    READERS,
    SECOND_PREDICTIONS,
    DepthLook,
    Prediction,
    chain_excess,
    column,
    context_cosine,
    depth_cell,
    directions,
    outcome,
    price_cell,
    reader_cell,
    shortest_layers,
    train_chain,
)
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.reproduction import RESULTS, paper_world
from linrep_core.sweeps import read_results
from linrep_core.training import train

WORLDS = [paper_world(2, seed)[0] for seed in range(2)]
QUIET = {"seeds": [0, 1], "progress": False}
KIND = {"architecture": "table", "dim": 3, "level": 0.01, "method": "gradient descent", "start": "usual"}
LOOK = DepthLook(None, 0, 1.0, [torch.eye(9)[:, :4], torch.eye(4)], [torch.eye(9)[:, :4]], [torch.eye(4)])
SAID = Prediction("x rises", "why", "x", 3, None, "table", 0.0, 1.0)


def test_a_table_is_trained_as_the_books_own_trainer_does():
    rate = METHODS["gradient descent"].rate
    looks = train_chain(WORLDS, 3, steps=50, levels=[], **QUIET)
    for seed, (world, (last,)) in enumerate(zip(WORLDS, looks, strict=True)):
        settings = {"optimizer": "sgd", "learning_rate": rate, "dtype": torch.float64, "progress": False}
        book = train(world, 3, steps=50, seed=seed, **settings)
        torch.testing.assert_close(last.predictor.embeddings, book.predictor.embeddings)
        torch.testing.assert_close(last.predictor.unembeddings, book.predictor.unembeddings)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_learns_and_a_run_does_not_depend_on_the_others(name):
    both = train_chain(WORLDS, 3, architecture=name, method="adam", steps=200, levels=[0.5], **QUIET)
    alone = train_chain(WORLDS[1:], 3, architecture=name, method="adam", seeds=[1], steps=200, levels=[0.5])
    assert all(looks[0].share < 0.5 for looks in both)
    torch.testing.assert_close(both[1][0].predictor.unembeddings, alone[0][0].predictor.unembeddings)


def test_looks_come_in_the_order_of_time_and_training_ends_when_all_have_arrived():
    (looks, _) = train_chain(WORLDS, 3, method="adam", levels=[0.1, 0.3], **QUIET)
    assert [look.level for look in looks] == [0.3, 0.1, None]
    assert looks[0].step <= looks[1].step <= looks[2].step < METHODS["adam"].steps


def test_the_product_of_the_matrices_is_the_table_of_logits():
    (looks, _) = train_chain(WORLDS, 3, architecture="both, 2 layers", steps=3, **QUIET)
    look = looks[-1]
    torch.testing.assert_close(torch.linalg.multi_dot(look.matrices), look.predictor.logits())
    assert chain_excess(look) >= 1


def test_a_shortest_chain_has_no_excess():
    matrices = [torch.as_tensor(each) for each in shortest_chain(np.random.default_rng(0).normal(size=(9, 4)), 3)]
    look = DepthLook(None, 0, 1.0, matrices, [matrices[0]], [matrices[-1].T])
    assert chain_excess(look) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["table", "names, 3 layers", "both, 2 layers", "parts, 2 layers"])
def test_the_shortest_layers_have_the_same_distribution_and_the_least_sum_of_squares(name):
    look = train_chain(WORLDS, 3, architecture=name, steps=20, levels=[], **QUIET)[0][-1]
    contexts, words = shortest_layers(name, look)
    theirs = SoftmaxPredictor(contexts[-1], words[-1])
    torch.testing.assert_close(theirs.probabilities(), look.predictor.probabilities())
    sizes = [float((table**2).sum()) for table in (words[0], look.word_layers[0])]
    assert sizes[0] > 0
    if name == "table":
        assert float((contexts[-1] ** 2).sum()) + sizes[0] <= sum(float((w**2).sum()) for w in look.matrices)


def test_directions_count_equal_singular_values():
    cube = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    assert directions(SoftmaxPredictor(cube, cube)) == pytest.approx(2.0)


def test_parts_have_straight_contexts_before_any_training():
    (looks, _) = train_chain(WORLDS, 3, architecture="parts", steps=0, **QUIET)
    assert context_cosine(WORLDS[0], looks[-1].context_layers[-1]) == pytest.approx(1.0)


def test_a_cell_has_a_row_for_each_look_and_a_column_for_each_layer():
    rows = depth_cell("names, 3 layers", 3, "adam", n_concepts=2, n_seeds=2, steps=60)
    assert {row["seed"] for row in rows} == {0, 1}
    assert all(row["context layer 2"] is not None and row["context layer 3"] is None for row in rows)
    assert all(row["gain inside"] == pytest.approx(row["embedding"] - row["context layer 1"]) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_has_looks_and_streams(reader):
    rows = reader_cell(reader, 0, 1, steps=60)
    assert rows[-1]["level"] is None
    assert rows[-1]["stream 1"] is not None


@pytest.mark.slow
def test_prices_are_found_before_training():
    (row,) = price_cell("names, 2 layers", 2, 3, n_seeds=1)
    assert row["mean cosine"] == pytest.approx(1.0, abs=1e-3)
    assert row["shortfall"] < 1e-5


@pytest.mark.parametrize(("low", "high", "verdict"), [(0.0, 1.0, "held"), (0.7, 1.0, "refuted"), (0.6, 1.0, "open")])
def test_a_prediction_is_held_inside_refuted_outside_and_open_in_between(low, high, verdict):
    rows = [{**KIND, "seed": seed, "x": value} for seed, value in enumerate((0.59, 0.6, 0.61))]
    said = Prediction("x", "why", "x", 3, None, "table", low, high)
    assert outcome(said, rows).verdict == verdict


def test_differences_are_taken_world_by_world():
    rows = [{**KIND, "seed": seed, "x": float(seed)} for seed in range(3)]
    rows += [{**KIND, "architecture": "parts", "seed": seed, "x": seed + 0.5} for seed in (1, 2, 3)]
    found = outcome(Prediction("x", "why", "x", 3, "table", "parts", 0.0, 1.0), rows)
    assert (found.mean, found.n_runs, found.low, found.high) == pytest.approx((0.5, 2, 0.5, 0.5))


def test_the_tables_have_what_the_predictions_are_about():
    rows = [{"start": "usual", **row} for row in read_results(RESULTS / "depth.csv")]
    rows += read_results(RESULTS / "depth-starts.csv")
    readers = {"dim": 12, "method": "gradient descent", "start": "usual", "directions": None}
    rows += [{"architecture": r["reader"], **readers, **r} for r in read_results(RESULTS / "depth-readers.csv")]
    for said in (*PREDICTIONS, *SECOND_PREDICTIONS):
        chosen = [row for row in rows if said.measure in row]
        assert outcome(said, chosen).n_runs >= 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_chain(WORLDS, 3, seeds=[0]), "models must have length 1"),
        (lambda: train_chain([], 3, seeds=[]), "seeds must name at least one run, got none"),
        (lambda: train_chain([1, 2], 3, **QUIET), "models[0] must be a LatentConditionalModel, got int 1"),
        (lambda: train_chain([WORLDS[0], paper_world(3, 0)[0]], 3, **QUIET), "models[1] must have 2 concepts, got 3"),
        (lambda: train_chain(WORLDS, 0, **QUIET), "dim must be at least 1, got 0"),
        (lambda: train_chain(WORLDS, 3, architecture="deep", **QUIET), "architecture must be one of"),
        (lambda: train_chain(WORLDS, 3, method="sgd", **QUIET), "method must be one of"),
        (lambda: train_chain(WORLDS, 3, scale=0, **QUIET), "scale must be above 0, got 0"),
        (lambda: train_chain(WORLDS, 3, word_scale=-1, **QUIET), "word_scale must be above 0, got -1"),
        (lambda: train_chain(WORLDS, 3, steps=-1, **QUIET), "steps must be at least 0, got -1"),
        (lambda: train_chain(WORLDS, 3, levels=[-1], **QUIET), "levels[0] must be at least 0, got -1"),
        (lambda: train_chain(WORLDS, 3, seeds=[0, 1], progress=2), "progress must be True or False, got 2"),
        (lambda: context_cosine(WORLDS[0], [[1.0]]), "table must have shape (9, width), got (1, 1)"),
        (lambda: context_cosine("world", [[1.0]]), "model must be a LatentConditionalModel"),
        (lambda: directions([[1.0]]), "predictor must be a SoftmaxPredictor"),
        (lambda: shortest_layers("table", 1), "look must be a DepthLook, got int 1"),
        (lambda: shortest_layers("names, perceptron", LOOK), "architecture must be the linear one of the look"),
        (lambda: shortest_layers("names, 2 layers", LOOK), "architecture must be the linear one of the look"),
        (lambda: shortest_layers("deep", LOOK), "architecture must be one of"),
        (lambda: chain_excess(1), "look must be a DepthLook, got int 1"),
        (lambda: depth_cell("deep", 3), "architecture must be one of"),
        (lambda: depth_cell("table", 3, start="none"), "start must be one of"),
        (lambda: depth_cell("table", 3, n_concepts=6), "n_concepts must be at most 5, got 6"),
        (lambda: depth_cell("table", 3, n_seeds=0), "n_seeds must be at least 1, got 0"),
        (lambda: price_cell("deep", 2, 3), "architecture must be one of"),
        (lambda: price_cell("table", 2, 3, n_seeds=0), "n_seeds must be at least 1, got 0"),
        (lambda: reader_cell("parrot", 0, 1), "reader must be one of"),
        (lambda: reader_cell("bag, parts", -1, 1), "first_seed must be at least 0, got -1"),
        (lambda: reader_cell("bag, parts", 0, 0), "n_seeds must be at least 1, got 0"),
        (lambda: column([{"seed": 0}], "x"), "records[0] must have an entry 'x'"),
        (lambda: outcome("x rises", []), "prediction must be a Prediction, got str 'x rises'"),
        (lambda: outcome(SAID, [{**KIND, "seed": 0, "x": 1.0}]), "records must have at least two worlds for 'x rises'"),
    ],
)
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_an_architecture_of_ones_own_is_trained():
    looks = train_chain(WORLDS, 3, architecture=Architecture("parts", 1, 3), steps=1, **QUIET)
    assert len(looks[0][-1].matrices) == 4
