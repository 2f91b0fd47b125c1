"""Cells of the phase diagram: what is trained in them, and what is told of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from linrep_core import ConceptGraph, LatentConditionalModel, linearity, train
from linrep_core.lab.config import check_config
from linrep_core.phase_diagram import (
    MEASURES,
    METHODS,
    STARTS,
    Cell,
    Diagram,
    cells,
    diagrams,
    method_settings,
    method_steps,
    phase_cell,
)
from linrep_core.reproduction import STUCK_ABOVE, Estimate


def record(m=2, dim=3, *, diverged=False, **measures):
    return {"n_concepts": m, "dim": dim, "diverged": diverged, **dict.fromkeys(MEASURES, 0.0), **measures}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", STARTS)
def test_a_cell_holds_the_runs_that_train_gives(method, start):
    found = phase_cell(2, 3, method, start, "uniform", steps=40, n_seeds=2)
    for seed, told in enumerate(found):
        world = LatentConditionalModel(ConceptGraph.random(2, seed=seed), context_weights="uniform")
        settings = method_settings(method, 2) | STARTS[start]
        run = train(world, 3, seed=seed, steps=40, progress=False, **settings)
        assert told["seed"] == seed
        assert not told["diverged"]
        assert told["excess_loss"] == pytest.approx(run.excess_loss, abs=1e-4)
        assert told["unembedding"] == pytest.approx(linearity(world, run.predictor).mean["unembedding"], abs=1e-3)


def test_few_masks_leave_contexts_out():
    few = phase_cell(3, 3, steps=0, n_seeds=1, n_masks=1)
    every = phase_cell(3, 3, steps=0, n_seeds=1)
    assert np.isnan(few[0]["embedding"]) or few[0]["embedding"] != every[0]["embedding"]


def test_few_words_leave_tokens_out():
    few = phase_cell(3, 3, steps=0, n_seeds=1, share_of_tokens=0.5)
    every = phase_cell(3, 3, steps=0, n_seeds=1)
    assert few[0]["unembedding"] != every[0]["unembedding"]
    assert few[0]["excess_loss"] != every[0]["excess_loss"]


def test_a_cell_runs_as_long_as_its_method_needs():
    assert phase_cell(2, 2, "sgd", n_seeds=1) == phase_cell(2, 2, "sgd", n_seeds=1, steps=method_steps("sgd", 2))
    assert method_steps("sgd", 8) == 2 * method_steps("sgd", 7)
    assert method_steps("adam", 8) == method_steps("gradient descent", 2)


def test_diagrams_come_in_the_order_of_methods_starts_and_weights():
    kinds = [("sgd", "small", "masked"), ("adam", "large", "uniform"), ("adam", "large", "masked")]
    names = ("method", "start", "context_weights")
    rows = [{**record(dim=dim), **dict(zip(names, kind, strict=True))} for dim in (2, 3) for kind in kinds]
    found = diagrams(rows)
    assert [(each.method, each.start, each.context_weights) for each in found] == [kinds[0], kinds[2], kinds[1]]
    assert [[cell.dim for cell in each.cells] for each in found] == [[2, 3]] * 3


def test_cells_leave_out_what_diverged_and_count_what_is_stuck():
    rows = [
        record(unembedding=0.8),
        record(unembedding=1.0, excess_loss=2 * STUCK_ABOVE),
        record(unembedding=-9.0, diverged=True),
        record(dim=1),
        record(dim=4, diverged=True),
    ]
    first, second = cells(rows)
    assert (first.n_concepts, first.dim) == (2, 1)
    assert (second.n_runs, second.n_stuck, second.n_diverged) == (2, 1, 1)
    assert second.means["unembedding"].mean == pytest.approx(0.9)
    assert second.means["unembedding"].error == pytest.approx(0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("weights", ["masked", "uniform"])
def test_the_lab_understands_the_address_of_a_cell(method, start, weights):
    cell = Cell(4, 6, 1, {name: Estimate(0.0, 0.0) for name in MEASURES}, 0, 0)
    fields = dict(part.split("=") for part in Diagram(method, start, weights, (cell,)).lab_address(cell).split("&"))
    assert fields.pop("lab") == "1"
    config = check_config({name: value if value.isalpha() else json.loads(value) for name, value in fields.items()})
    assert (config["m"], config["d"], config["context_weights"]) == (4, 6, weights)
    assert config["optimizer"] == ("adam" if method == "adam" else "sgd")
    assert config["start_scale"] == (6.9 if start == "large" else 1.0)


def test_the_lab_has_no_room_for_large_dimensions():
    cell = Cell(8, 17, 1, {name: Estimate(0.0, 0.0) for name in MEASURES}, 0, 0)
    assert Diagram("adam", "small", "masked", (cell,)).lab_address(cell) == ""


def test_a_diagram_knows_the_means_of_its_cells():
    cell = Cell(4, 6, 1, {name: Estimate(0.5 * i, 0.0) for i, name in enumerate(MEASURES)}, 0, 0)
    found = Diagram("adam", "small", "masked", (cell,))
    assert found.mean(4, 6) == 0.0
    assert found.mean(4, 6, "excess_loss") == 0.5 * MEASURES.index("excess_loss")
    assert np.isnan(found.mean(6, 4))
    with pytest.raises(ValueError, match="measure must be one of"):
        found.mean(4, 6, "beauty")
