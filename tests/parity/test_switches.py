"""The switches of the page set the worlds of `linrep_core.mechanisms`, and read a run as it does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linrep_core import train
from linrep_core.lab.config import check_config, model_of
from linrep_core.mechanisms import (
    DIMS,
    LEARNING_RATE,
    PREDICTED,
    REASONS,
    SWITCHES,
    mechanism_model,
    mechanism_world,
    read_outs,
)

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    done = subprocess.run(["node", HERE / "mechanisms.mjs"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_each_combination_is_the_same_world_in_python_and_is_read_back(page):
    assert len(page["cells"]) == len(PREDICTED) == 16
    for cell in page["cells"]:
        assert cell["problems"] == []
        assert cell["back"] == cell["switches"]
        config = check_config(cell["config"])
        on = [cell["switches"][name] for name in SWITCHES]
        found, wanted = model_of(config), mechanism_model(*on)
        np.testing.assert_allclose(found.next_token_distribution(), wanted.next_token_distribution(), atol=1e-12)
        np.testing.assert_allclose(found.weights(found.contexts()), wanted.weights(wanted.contexts()), atol=1e-12)
        assert sorted(map(tuple, config["edges"])) == sorted(wanted.graph.dag.edges)
        assert (config["d"], config["learning_rate"]) == (DIMS[cell["switches"]["room"]], LEARNING_RATE)


def test_the_page_predicts_what_the_module_predicts(page):
    for cell in page["cells"]:
        on, room = [cell["switches"][name] for name in SWITCHES], cell["switches"]["room"]
        for name, said in PREDICTED[(*on, DIMS[room])].items():
            assert cell["predicted"][name] == {"low": said.low, "high": said.high, "reason": REASONS[said.reason]}


def test_the_page_reads_a_run_as_the_module_does(page):
    config = page["config"]
    model, world = mechanism_model(True, False, False), mechanism_world(True, False, False)
    kind = {"optimizer": "sgd", "learning_rate": LEARNING_RATE, "seed": config["seed"], "progress": False}
    early, late = (train(model, config["d"], steps=steps, **kind).predictor for steps in (20, 200))
    found = read_outs(world, late, early.unembeddings)
    assert page["seen"] == pytest.approx(found, abs=1e-9)
