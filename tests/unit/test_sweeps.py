"""A sweep computes what a plain loop does, whatever stops it, wherever it runs; and no file is lost or mistaken."""

from __future__ import annotations

import errno
import functools
import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from linrep_core import ConceptGraph, LatentConditionalModel, linearity, sweeps, train
from linrep_core.sweeps import MEASURED, Sweep, read_results, run_sweep

GRID = {"n_concepts": [2, 3], "dim": [3, 1], "seed": range(2)}


def cell(n_concepts, dim, seed):
    """A short training."""
    model = LatentConditionalModel(ConceptGraph.random(n_concepts, 0.5, seed=seed))
    run = train(model, dim, steps=5, seed=seed, progress=False)
    return {"excess_loss": run.excess_loss, **linearity(model, run.predictor).mean}


def batch(factor, seeds):
    """One record for each seed, of every type that a table holds."""
    kinds = [None, True, 'a, "b"\nc', "3", "", "null", math.nan, -math.inf, np.float32(0.1), torch.tensor(2), 10**30]
    return [{"s": seed, "value": kinds[(factor * seed) % len(kinds)]} for seed in seeds]


def slow(n):
    """Long enough to be killed in between."""
    time.sleep(0.1)
    return {"root": math.sqrt(n)}


def awkward(n):
    """Refuse one value, break at another."""
    if n == 2:
        raise ValueError("n must be odd, got 2")
    if n == 4:
        raise ZeroDivisionError("four")
    return {"double": 2 * n}


def refusing(n):
    """As a function does that checks its arguments."""
    raise ValueError(f"n must be at most 0, got {n}")


def interrupting(n):
    """Press Ctrl+C in the middle."""
    if n == 2:
        raise KeyboardInterrupt
    return {"double": 2 * n}


def wrong(kind):
    """Return what a table cannot hold."""
    return {"list": 3, "value": {"x": [1]}, "argument": {"kind": 1}, "column": {"seconds": 1}, "name": {1: 2}}[kind]


def many_columns(n):
    """Return other names in other configurations."""
    return {"always": n} | ({"odd": n} if n % 2 else {"even": n})


def timeless(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def quiet(function, grid, path, **settings):
    return run_sweep(Sweep(function, grid), path, **{"n_jobs": 1, "progress": False, **settings})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def journal_of(path):
    return path.with_name("table.csv.journal")


# ---- what it computes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_sweep_is_a_plain_loop_in_the_order_of_the_grid(path, n_jobs):
    rows = quiet(cell, GRID, path, n_jobs=n_jobs)
    loop = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    assert [{name: row[name] for name in row if name not in MEASURED} for row in rows] == [
        {**configuration, **cell(**configuration)} for configuration in loop
    ]
    assert all(row["torch"] == torch.__version__ and row["numpy"] == np.__version__ for row in rows)
    assert all(0 < row["seconds"] < 60 for row in rows)
    assert list(rows[0])[-len(MEASURED) :] == list(MEASURED)
    assert sorted(os.listdir(path.parent)) == ["table.csv"]


def test_every_value_comes_back_from_the_table_as_it_was(path):
    grid = {"factor": [1], "seeds": [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9, 10)]}
    rows = quiet(batch, grid, path)
    expected = [record for seeds in grid["seeds"] for record in batch(1, seeds)]
    expected[8]["value"], expected[9]["value"] = float(np.float32(0.1)), 2
    assert [repr(row["value"]) for row in rows] == [repr(record["value"]) for record in expected]
    assert [row["s"] for row in rows] == list(range(11))
    assert rows[0]["seeds"] == [0, 1, 2, 3, 4]
    assert str(read_results(path)) == str(rows)  # as text, since NaN differs from itself


def test_records_may_have_different_names(path):
    rows = quiet(many_columns, {"n": [1, 2]}, path)
    assert [(row["always"], row["odd"], row["even"]) for row in rows] == [(1, 1, None), (2, None, 2)]


def test_numbers_of_numpy_are_numbers_of_a_grid():
    assert Sweep(cell, {**GRID, "seed": np.arange(2)}) == Sweep(cell, {**GRID, "seed": (0, 1)})


def test_threads_are_as_before(path):
    torch.set_num_threads(2)
    quiet(many_columns, {"n": [1]}, path)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_a_finished_table_is_not_computed_again(path):
    first = quiet(slow, {"n": [1, 2]}, path)
    before = path.stat().st_mtime_ns
    assert quiet(slow, {"n": [1, 2]}, path) == first  # with the same wall times
    assert path.stat().st_mtime_ns == before


def test_progress_counts_what_was_done_before(path, capsys):
    partly_done(path)
    quiet(awkward, {"n": [1, 3, 5]}, path, progress=True)
    shown = capsys.readouterr().err
    assert "table.csv" in shown
    assert "2/3" in shown
    assert "3/3" in shown


@pytest.mark.slow
def test_dask_gives_the_same_table(path):
    here = quiet(cell, GRID, path, n_jobs=2)
    text = path.read_text()
    path.unlink()
    assert timeless(quiet(cell, GRID, path, backend="dask", n_jobs=2)) == timeless(here)
    assert len(text.splitlines()) == len(path.read_text().splitlines())


@pytest.mark.slow
def test_dask_uses_the_cluster_that_runs(path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = set(client.scheduler_info()["workers"])
        rows = quiet(whereabouts, {"n": list(range(8))}, path, backend="dask")
    assert {row["worker"] for row in rows} == workers


def whereabouts(n):
    """The dask worker that computes."""
    from distributed import get_worker

    time.sleep(0.05)
    return {"worker": get_worker().address}


@pytest.mark.slow
def test_ray_gives_the_same_table(path):
    pytest.importorskip("ray")
    here = quiet(cell, GRID, path, n_jobs=1)
    path.unlink()
    assert timeless(quiet(cell, GRID, path, backend="ray", n_jobs=2)) == timeless(here)


# ---- what stops it ----------------------------------------------------------------------------------------------

CONTINUES = "the same call continues"


def partly_done(path):
    """Two of three configurations of `awkward`, then a full disk."""
    with pytest.MonkeyPatch.context() as patch:
        full_after(patch, 3)  # the first line says whose journal it is
        with pytest.raises(OSError, match="2 of 3 configurations are done") as caught:
            quiet(awkward, {"n": [1, 3, 5]}, path)
    return caught.value


def full_after(patch, writes):
    """A disk with room for so many lines; of the next one it takes half."""
    real = sweeps._append
    count = iter(range(writes))

    class HalfFull:
        def __init__(self, file):
            self.file, self.room = file, 10

        def write(self, line):
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room = 0
            return self.file.write(line[:10])

    patch.setattr(
        sweeps, "_append", lambda file, entry: real(HalfFull(file) if next(count, None) is None else file, entry)
    )


@contextmanager
def running(path, lines, **settings):
    """A sweep of `slow` with two processes, in a process of its own; its journal has so many lines already."""
    program = path.with_name("program.py")
    program.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_sweeps as t\n"
        "if __name__ == '__main__':\n"
        f"    t.quiet(t.slow, {{'n': range(20)}}, {str(path)!r}, n_jobs=2)\n"
    )
    # a shell starts what it runs in the background deaf to Ctrl-C, and so all that comes from it; this one must hear
    hear = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([sys.executable, program], start_new_session=True, preexec_fn=hear, **settings)
    try:
        deadline = time.time() + 60
        while not journal_of(path).exists() or journal_of(path).read_bytes().count(b"\n") < lines:
            assert process.poll() is None, "the sweep ended before it could be stopped"
            assert time.time() < deadline
            time.sleep(0.01)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_a_killed_sweep_continues_to_the_same_table(tmp_path, path):
    with running(path, lines=4) as process:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not path.exists()
    kept = {entry["configuration"]["n"]: entry["measured"]["seconds"] for entry in kept_in(path)}
    assert 3 <= len(kept) < 20
    rows = quiet(slow, {"n": range(20)}, path)
    assert {row["n"]: row["seconds"] for row in rows}.items() >= kept.items()  # not computed again
    assert timeless(rows) == timeless(quiet(slow, {"n": range(20)}, tmp_path / "whole.csv"))
    assert not journal_of(path).exists()


def kept_in(path):
    """The entries of the journal, read without the module's help."""
    return [json.loads(line[9:]) for line in journal_of(path).read_bytes().rpartition(b"\n")[0].split(b"\n")[1:]]


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_torn_last_line_is_computed_again(path, left):
    partly_done(path)
    whole = journal_of(path).read_bytes().rpartition(b"\n")[0]
    lines = whole.split(b"\n")
    journal_of(path).write_bytes(b"\n".join([*lines[:-1], lines[-1][:left]]))
    rows = quiet(awkward, {"n": [1, 3, 5]}, path)
    assert [row["double"] for row in rows] == [2, 6, 10]


@pytest.mark.parametrize("left", [0, 1, 30, -1])
def test_a_torn_first_line_holds_nothing(path, left):
    partly_done(path)
    first = journal_of(path).read_bytes().split(b"\n")[0]
    journal_of(path).write_bytes(first[:left] if left else b"")
    assert [row["double"] for row in quiet(awkward, {"n": [1, 3, 5]}, path)] == [2, 6, 10]


def test_a_full_disk_keeps_what_is_done(path):
    error = partly_done(path)
    assert error.errno == errno.ENOSPC
    assert CONTINUES in str(error)
    assert len(kept_in(path)) == 2
    assert [row["double"] for row in quiet(awkward, {"n": [1, 3, 5]}, path)] == [2, 6, 10]


def test_a_disk_that_is_full_for_the_table_keeps_the_journal(path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match=rf"No space left .* could not be written.*{CONTINUES}"):
            quiet(awkward, {"n": [1, 3]}, path)
    assert os.listdir(path.parent) == ["table.csv.journal"]
    assert len(quiet(awkward, {"n": [1, 3]}, path)) == 2


def test_an_interrupted_sweep_says_how_much_is_done(path):
    with pytest.raises(KeyboardInterrupt, match=f"1 of 3 configurations are done; .*{CONTINUES}"):
        quiet(interrupting, {"n": [1, 2, 3]}, path)
    assert [entry["configuration"] for entry in kept_in(path)] == [{"n": 1}]


@pytest.mark.slow
def test_ctrl_c_reaches_a_sweep_in_other_processes(path):
    with running(path, lines=3, stderr=subprocess.PIPE, text=True) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "of 20 configurations are done" in message
    assert CONTINUES in message
    assert len(kept_in(path)) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_a_function_cannot_do_is_reported_when_all_else_is_done(path, n_jobs):
    with pytest.raises(RuntimeError, match="failed for 2") as caught:
        quiet(awkward, {"n": [1, 2, 3, 4, 5]}, path, n_jobs=n_jobs)
    assert "3 of 5 configurations are done" in str(caught.value)
    assert "n must be odd, got 2" in str(caught.value) or "ZeroDivisionError: four" in str(caught.value)
    assert {entry["configuration"]["n"] for entry in kept_in(path)} == {1, 3, 5}


def test_a_grid_that_the_function_refuses_is_a_value_error(path):
    with pytest.raises(
        ValueError, match=r"every configuration of grid; .*\{'n': 1\}: ValueError: n must be at most 0, got 1"
    ):
        quiet(refusing, {"n": [1, 2]}, path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("list", "a dict or a list of dicts, got 3"),
        ("value", r"x must be made of numbers, words, booleans or None, got \[1\]"),
        ("argument", "other than its arguments.*got 'kind'"),
        ("column", "other than its arguments.*got 'seconds'"),
        ("name", "other than its arguments.*got 1"),
    ],
)
def test_a_function_that_returns_no_records_is_told_so(path, kind, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        quiet(wrong, {"kind": [kind]}, path)


def killed(n):
    """What a machine does that has run out of memory."""
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return {"double": 2 * n}


@pytest.mark.slow
def test_a_worker_that_dies_leaves_what_is_done(path):
    with pytest.raises(RuntimeError, match=f"of 6 configurations are done; .*{CONTINUES}.*Terminated"):
        quiet(killed, {"n": [1, 2, 4, 5, 3, 6]}, path, n_jobs=2)
    assert kept_in(path)


# ---- files that are not ours ------------------------------------------------------------------------------------


def refused(path, file, line, words, function=awkward, grid=None):
    before = file.read_bytes()
    with pytest.raises(ValueError) as caught:
        quiet(function, grid or {"n": [1, 3, 5]}, path)
    for part in ("path must", f"{file}, line {line}:", words, "Nothing was changed;"):
        assert part in str(caught.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("function", "grid", "words"),
    [
        (awkward, {"n": [1, 3]}, "another sweep: its grid is {'n': [1, 3, 5]}, this one's is {'n': [1, 3]}"),
        (
            many_columns,
            {"n": [1, 3, 5]},
            "its function is 'test_sweeps.awkward', this one's is 'test_sweeps.many_columns'",
        ),
    ],
)
def test_results_of_another_sweep_are_left_alone(path, finished, function, grid, words):
    if finished:
        quiet(awkward, {"n": [1, 3, 5]}, path)
    else:
        partly_done(path)
    refused(path, path if finished else journal_of(path), 1, words, function, grid)


@pytest.mark.parametrize("finished", [True, False])
def test_results_of_another_version_are_left_alone(path, finished, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sweeps, "SCHEMA", 2)
        if finished:
            quiet(awkward, {"n": [1, 3, 5]}, path)
        else:
            partly_done(path)
    file = path if finished else journal_of(path)
    refused(path, file, 1, "another version of these files: its schema is 2, this one's is 1")


@pytest.mark.parametrize("text", ["", "m,d\n2,3\n", "# a remark\n", "[1, 2]\n", "\x00\x01\xff"])
def test_a_table_from_elsewhere_is_left_alone(path, text):
    path.write_text(text, "latin1")
    refused(path, path, 1, "not a results file of a sweep")
    with pytest.raises(ValueError, match="line 1: this is not a results file of a sweep"):
        read_results(path)


@pytest.mark.parametrize(("text", "words"), [("no line break", "not a journal"), ("a\nb\n", "checksum does not fit")])
def test_a_journal_from_elsewhere_is_left_alone(path, text, words):
    journal_of(path).write_text(text)
    refused(path, journal_of(path), 1, words)


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_damaged_line_of_a_journal_is_named(path, line):
    partly_done(path)
    lines = journal_of(path).read_bytes().split(b"\n")
    lines[line - 1] = (
        lines[line - 1].replace(b"1", b"7") if line == 1 else lines[line - 1].replace(b"double", b"treble")
    )
    journal_of(path).write_bytes(b"\n".join(lines))
    refused(path, journal_of(path), line, "this line is damaged")
    if line > 1:  # as the message says
        journal_of(path).write_bytes(b"\n".join(lines[: line - 1] + lines[line:]))
        assert [row["double"] for row in quiet(awkward, {"n": [1, 3, 5]}, path)] == [2, 6, 10]


@pytest.mark.parametrize(
    ("damage", "line", "words"),
    [
        (lambda lines: [*lines[:3], lines[3] + ",1", *lines[4:]], 4, "this line is damaged"),
        (
            lambda lines: [*lines[:3], lines[3].replace("3,6", "3,7"), *lines[4:]],
            2,
            "this line or a later one was changed",
        ),
        (lambda lines: [*lines[:4], ""], 2, "changed or is missing"),
        (lambda lines: lines[:1], 2, "changed or is missing"),
        (lambda lines: [*lines[:3], lines[3][:5]], 2, "changed or is missing"),
        (lambda lines: [lines[0][:-8], *lines[1:]], 1, "not a results file"),
    ],
)
def test_a_damaged_table_is_left_alone(path, damage, line, words):
    quiet(awkward, {"n": [1, 3, 5]}, path)
    path.write_text("\n".join(damage(path.read_text().split("\n"))))
    refused(path, path, line, words)


def test_line_breaks_of_another_system_are_no_damage(path):
    rows = quiet(awkward, {"n": [1, 3, 5]}, path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert quiet(awkward, {"n": [1, 3, 5]}, path) == rows


# ---- arguments (the others are in test_bad_input.py) --------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_noticed_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"path must be in a folder that can be written, got .*file"):
        quiet(interrupting, {"n": [2]}, tmp_path / "file" / "table.csv")


def test_a_folder_is_made(tmp_path):
    assert len(quiet(many_columns, {"n": [1]}, tmp_path / "new" / "folder" / "table.csv")) == 1


def test_a_backend_that_is_not_installed_says_how_to_get_it(path, monkeypatch):
    monkeypatch.setattr(sweeps, "find_spec", lambda name: None)
    for backend, package in (("ray", "ray"), ("dask", "distributed")):
        with pytest.raises(ValueError, match=f"backend must .* got '{backend}': pip install {package}"):
            quiet(awkward, {"n": [1]}, path, backend=backend)
