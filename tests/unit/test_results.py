"""The tables of results/ are whole, and are what today's sweeps would make."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from linrep_core.reproduction import RECORDS, ROWS
from linrep_core.sweeps import run_sweep
from linrep_core.training import logarithmic_steps

RESULTS = Path(__file__).parents[2] / "results"
REPRODUCE = runpy.run_path(str(RESULTS / "reproduce.py"))
TABLES = sorted(path.stem for path in RESULTS.glob("*.csv"))


def test_every_table_belongs_to_a_row():
    assert TABLES
    assert set(TABLES) <= set(REPRODUCE["SWEEPS"])


@pytest.mark.parametrize("name", [name for name in TABLES if name in ROWS])
def test_a_table_of_the_paper_is_whole(name):
    row = ROWS[name]
    records = run_sweep(REPRODUCE["SWEEPS"][name], RESULTS / f"{name}.csv", progress=False)  # refuses another sweep's
    steps = logarithmic_steps(row.steps, RECORDS)
    found = {(record["seed"], record["step"]) for record in records}
    missing = {(seed, step) for seed in range(row.n_seeds) for step in steps} - found
    diverged = {seed for seed in range(row.n_seeds) if (seed, row.steps) in missing}
    assert not diverged
    assert not missing
    assert len(records) == len(found) == row.n_seeds * len(steps)
