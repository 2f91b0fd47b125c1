"""The tables of results/ are whole, and are what today's sweeps would make."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from linrep_core.llm_study import GEOMETRIES
from linrep_core.reproduction import RECORDS, ROWS
from linrep_core.steering import CONTEXTS, EXPLORED, N_SHOWN, SHOWN_PAIRS, read_explorer
from linrep_core.sweeps import run_sweep
from linrep_core.training import logarithmic_steps

RESULTS = Path(__file__).parents[2] / "results"
REPRODUCE = runpy.run_path(str(RESULTS / "reproduce.py"))
MEASURE = runpy.run_path(str(RESULTS / "measure_models.py"))
TABLES = sorted(path.stem for path in RESULTS.glob("*.csv") if path.stem != "growth")  # a benchmark's, not a sweep's


def test_every_table_belongs_to_a_row():
    assert TABLES
    assert set(TABLES) <= set(REPRODUCE["SWEEPS"])


def test_the_growth_table_is_whole():
    head, names, *rows = (RESULTS / "growth.csv").read_text("utf8").splitlines()
    assert head.startswith("# ")
    assert names == "m,contexts,tokens,milliseconds,mebibytes"
    table = [[float(entry) for entry in row.split(",")] for row in rows]
    assert [row[:3] for row in table] == [[m, 3**m, 2**m] for m in range(3, 13)]
    assert all(row[3] > 0 and 0 < row[4] < 2048 for row in table)  # twelve concepts in less than 2 GiB


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ROWS])
def test_a_table_of_this_book_is_whole(name):
    sweep = REPRODUCE["SWEEPS"][name]
    records = run_sweep(sweep, RESULTS / f"{name}.csv", progress=False)  # refuses another sweep's
    found = {tuple(record[argument] for argument in sweep.grid) for record in records}
    assert found == {tuple(configuration.values()) for configuration in sweep.configurations()}
    if name == "many-values-words":  # measured on one language model: two geometries, two templates
        assert len(records) == 4 * len(found)
        return
    runs = sum(configuration["n_seeds"] for configuration in sweep.configurations())
    assert len({(*(record[argument] for argument in sweep.grid), record["seed"]) for record in records}) == runs


# three geometries; 27 concepts; four pairs of languages from two sources, with a row for chance; 61 pairs
SIZES = {"summary": 3, "unembeddings": 81, "translations": 24 * 28, "sentences": 24, "winograd": 6 * 61}
# 465 words in sentences; 22 concepts with frames; ten strengths; ten contexts at four strengths; two changes
MORE = {"zeros": 3 * 465, "squares": 66, "side-effects": 81, "strengths": 810, "continuations": 120, "equivalents": 30}
DEPTHS = range(0, 31, 6)
MODELS = {
    "bundled": {**SIZES, **MORE, "depth": 3 * 5 * len(DEPTHS)},
    "bundled#untrained": SIZES,
    # GloVe knows no capitals, and for it a word is one word
    "glove": {"summary": 3, "unembeddings": 78},
    "glove#words=50000": {"summary": 3, "unembeddings": 78},
}


@pytest.mark.parametrize("model", MODELS)
def test_the_tables_of_a_model_are_whole(model):
    depths = DEPTHS if "depth" in MODELS[model] else []
    sweeps = MEASURE["sweeps_of"](model, depths)
    for table, size in MODELS[model].items():
        path = RESULTS / "models" / f"{MEASURE['short_name'](model)}-{table}.csv"
        assert path.is_file()  # otherwise it would be run
        rows = run_sweep(sweeps[table], path, progress=False)  # refuses another sweep's
        assert len(rows) == size
        assert {row["geometry"] for row in rows} == set(GEOMETRIES)


def test_the_data_of_the_steering_figure_are_whole():
    explorer = read_explorer(RESULTS / "models" / f"{MEASURE['short_name']('bundled')}-steering.json")
    shape = len(CONTEXTS), len(SHOWN_PAIRS), len(EXPLORED), N_SHOWN + 2
    assert np.shape(explorer["tokens"]) == np.shape(explorer["probabilities"]) == shape


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("bundled", "smollm2-135m-instruct"),
        ("bundled#untrained", "smollm2-135m-instruct-untrained"),
        ("glove#words=5", "glove-6b-50d-words-5"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b-hf"),
        ("/tmp/A folder/", "a-folder"),
        ("x/Tiny.Q4.gguf", "tiny.q4"),
    ],
)
def test_files_are_named_after_their_model(model, name):
    assert MEASURE["short_name"](model) == name
