"""The checks of the lab's configuration, run under Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from linrep_core import linearity
from linrep_core.lab import read_run

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_configuration_survives_addresses_files_and_hostile_input():
    done = subprocess.run(["node", "--test", HERE / "state.test.mjs"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"m": 3, "d": 2, "graph": "chain", "context_weights": "uniform", "optimizer": "sgd", "learning_rate": 0.5},
        {"m": 4, "d": 4, "graph": "drawn", "edges": [[3, 1], [1, 0]], "context_set": "0|1|2,3", "start_scale": 2},
        {"m": 3, "d": 4, "told_wrongly": 0.2, "context_set": "0,1|2"},
        {"m": 2, "d": 3, "graph": "given", "joint": [0.1, 0.2, 0.3, 0.4], "edges": [[0, 1]], "mask_probability": 0.3},
    ],
)
def test_a_run_written_by_the_browser_is_the_same_run_in_python(settings):
    done = subprocess.run(
        ["node", HERE / "write_run.mjs", json.dumps(settings)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    written = json.loads(done.stdout)
    model, predictor, history = read_run(written["run"])
    assert predictor.loss(model).item() == pytest.approx(written["loss"], abs=1e-9)
    assert history["loss"].tolist() == [written["loss"]]
    mean = linearity(model, predictor).mean
    for name, value in written["cosines"].items():
        expected = float("nan") if value is None else value
        assert mean[name] == pytest.approx(expected, abs=1e-9, nan_ok=True)
