"""Sweeps: one function at every point of a grid, on all cores or on many machines, into one tidy table.

A sweep can be killed and called again. While it runs, every finished configuration is a line of a journal beside the
table; the next call skips these. The table is written when all are done, in the order of the grid, so that it does not
depend on the backend or on who finished first.

A script that makes a table::

    def cell(n_concepts, dim, seed):
        model = LatentConditionalModel(ConceptGraph.random(n_concepts, 0.5, seed=seed))
        run = train(model, dim, seed=seed, progress=False)
        return {"excess_loss": run.excess_loss, **linearity(model, run.predictor).mean}

    if __name__ == "__main__":  # worker processes import this file
        run_sweep(Sweep(cell, {"n_concepts": [2, 3], "dim": [1, 2, 3], "seed": range(20)}), "results/dimension.csv")

On many machines: start a ``distributed.Client`` for the cluster (or ``ray.init``), then ``run_sweep(...,
backend="dask")`` (or ``"ray"``).
"""

from __future__ import annotations

import csv
import inspect
import io
import json
import math
import os
import platform
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import joblib
import numpy as np
import torch
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_mapping,
    check_sequence,
    shown,
)

SCHEMA = 1  # of journal and table; a file with another number is refused, not guessed at
NEEDS = {"loky": "joblib", "dask": "distributed", "ray": "ray"}  # the package behind each backend
MAX_CONFIGURATIONS = 10**6
MAX_JOBS = 4096
MEASURED = ("python", "numpy", "torch", "linrep_core", "seconds")  # the columns that every row ends with
PIECE = 4  # configurations a core in one go where a backend only hands back whole lists

Row = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A function and the grid of its arguments.

    Parameters
    ----------
    function : callable
        Defined at the top level of a module. Called with one value for each name of the grid; returns a record (a dict
        of numbers, words, booleans or None) or a list of records, for instance one for each seed of a batch.
    grid : mapping of names to sequences
        All combinations are run; the last name varies fastest. Values are numbers, words, booleans, None or lists of
        these.

    Examples
    --------
    >>> from linrep_core.concepts import ConceptGraph
    >>> sweep = Sweep(ConceptGraph.random, {"n_concepts": [2, 3], "seed": range(2)})
    >>> sweep.configurations()[1]
    {'n_concepts': 2, 'seed': 1}
    """

    function: Callable[..., Row | list[Row]]
    grid: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        """Check the function and every value, and copy the grid."""
        _check_function(self.function)
        grid = check_mapping("grid", self.grid)
        if not grid:
            raise ValueError("grid must name at least one argument of function, got none")
        checked = {name: _check_values(name, values) for name, values in grid.items()}
        size = math.prod(map(len, checked.values()))
        if size > MAX_CONFIGURATIONS:
            raise ValueError(f"grid must have at most {MAX_CONFIGURATIONS} configurations, got {size}")
        try:
            inspect.signature(self.function).bind(**dict.fromkeys(checked))
        except TypeError as error:
            raise ValueError(f"grid must name the arguments of function, got {shown(list(checked))}: {error}") from None
        object.__setattr__(self, "grid", checked)

    def configurations(self) -> list[Row]:
        """All points of the grid, as keyword arguments of the function."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]

    def _identity(self) -> Row:
        """What a results file says about its origin, as JSON gives it back."""
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        return json.loads(json.dumps({"schema": SCHEMA, "function": name, "grid": self.grid}))


def run_sweep(
    sweep: Sweep,
    path: str | os.PathLike[str],
    *,
    backend: str = "loky",
    n_jobs: int = -1,
    progress: bool = True,
) -> list[Row]:
    """Run what is not yet done of a sweep, and return its table.

    Every configuration is computed with one thread of torch: the cores are shared out between configurations, and the
    numbers do not depend on how many there are.

    Parameters
    ----------
    sweep
        Function and grid.
    path
        Where the table goes, ``.csv``; read it with `read_results`. A finished table of the same sweep is returned as
        it is (delete it to run anew); any other file there is refused and left alone.
    backend
        ``"loky"``: processes on this machine; ``"dask"``: the current `distributed.Client`, or else a cluster on this
        machine; ``"ray"``: likewise with ray, which must be installed by hand.
    n_jobs
        Processes on this machine, or -1 for one a core. A cluster that runs already has its own number.
    progress
        Show how many configurations are done, and the time that remains.

    Returns
    -------
    list of dict
        One row for each record, in the order of the grid: the configuration, the record, the versions it was computed
        with, and ``seconds``, the wall time of the whole configuration.

    Raises
    ------
    ValueError, RuntimeError
        The function failed for some configurations (ValueError: it refused their values). All others are done and kept.
    OSError, KeyboardInterrupt
        The disk is full, or someone pressed Ctrl+C. What is done is kept, and the same call continues.
    """
    check_instance("sweep", sweep, Sweep)
    table = _check_path(path)
    check_choice("backend", backend, NEEDS)
    if not (isinstance(n_jobs, int) and n_jobs == -1):
        n_jobs = check_integer("n_jobs (-1 for all cores)", n_jobs, low=1, high=MAX_JOBS)
    check_flag("progress", progress)
    if find_spec(NEEDS[backend]) is None:
        raise ValueError(f"backend must be one that is installed, got {backend!r}: pip install {NEEDS[backend]}")

    journal = table.with_name(f"{table.name}.journal")
    if not table.exists():
        done = _complete_journal(sweep, journal, backend=backend, n_jobs=n_jobs, progress=progress)
        with _kept(f"{table} could not be written", journal):
            _write_table(sweep, table, [done[_key(configuration)] for configuration in sweep.configurations()])
        journal.unlink(missing_ok=True)
    identity, rows = _read_table(table)
    _check_identity(sweep, table, identity)
    return rows


def read_results(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows of a table that `run_sweep` wrote, with numbers as numbers and empty cells as None.

    Other programs read it as a csv whose first line is a comment: ``pandas.read_csv(path, skiprows=1)``.
    """
    table = _check_path(path)
    if not table.exists():
        raise ValueError(f"path must be a table of results, got {str(table)!r}, which does not exist")
    return _read_table(table)[1]


# ---- checks -----------------------------------------------------------------------------------------------------


def _check_function(function: Any) -> None:
    """Worker processes import the function by its name, and a results file is recognised by it."""
    try:
        found = attrgetter(function.__qualname__)(sys.modules[function.__module__])
        importable = callable(function) and found == function
        inspect.signature(function)
    except (AttributeError, KeyError, TypeError, ValueError):
        importable = False
    if not importable:
        raise ValueError(
            f"function must be a function defined at the top level of a module (not a lambda, not inside another "
            f"function), so that worker processes can import it; got {shown(function)}"
        )


def _check_values(name: Any, values: Any) -> tuple[Any, ...]:
    """One axis of the grid."""
    if not isinstance(name, str) or not name.isidentifier() or name in MEASURED:
        raise ValueError(
            f"grid must have names of arguments as keys (none of {', '.join(MEASURED)}), got {shown(name)}"
        )
    label = f"grid[{name!r}]"
    if isinstance(values, torch.Tensor):
        raise ValueError(f"{label} must be a list, a range or the like, got {shown(values)}")
    n_values = len(check_sequence(label, values))
    if not 1 <= n_values <= MAX_CONFIGURATIONS:
        raise ValueError(f"{label} must have 1 to {MAX_CONFIGURATIONS} values, got {n_values}")
    checked = tuple(_plain(label, value) for value in values)
    seen: set[str] = set()
    for value in checked:
        if _key(value) in seen:
            raise ValueError(f"{label} must have each value once, got {shown(value)} twice")
        seen.add(_key(value))
    return checked


def _plain(name: str, value: Any, *, nested: bool = True) -> Any:
    """A value as JSON can hold it: numpy's and torch's scalars become Python's."""
    if isinstance(value, np.generic | np.ndarray | torch.Tensor) and value.ndim == 0:
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if nested and isinstance(value, list | tuple | np.ndarray):
        return tuple(_plain(name, entry) for entry in value)
    raise ValueError(f"{name} must be made of numbers, words, booleans or None, got {shown(value)}")


def _check_path(path: Any) -> Path:
    """The path of a table."""
    if not isinstance(path, str | os.PathLike) or not str(path).endswith(".csv"):
        raise ValueError(f"path must be the name of a file that ends in .csv, got {shown(path)}")
    path = Path(path)
    try:
        folder = path.is_dir()
    except OSError as error:  # a name that is too long, a folder one may not look into
        raise ValueError(f"path must be a name that this machine can use, got {shown(str(path))}: {error}") from None
    if folder:
        raise ValueError(f"path must be a file, got the folder {shown(str(path))}")
    return path


def _check_identity(sweep: Sweep, file: Path, found: Any) -> None:
    """Refuse a file that another sweep or another version of this module wrote."""
    wanted = sweep._identity()
    if found == wanted:
        return
    if not isinstance(found, dict) or "schema" not in found:
        _refuse(file, 1, "this is not a results file of a sweep")
    different = next(name for name in wanted if found.get(name) != wanted[name])
    _refuse(
        file,
        1,
        f"it belongs to another {'version of these files' if different == 'schema' else 'sweep'}: its {different} is "
        f"{shown(found.get(different))}, this one's is {shown(wanted[different])}",
    )


def _refuse(file: Path, line: int, reason: str, remedy: str = "move the file away, or give another path") -> NoReturn:
    raise ValueError(
        f"path must lead to undamaged results of this sweep, or to nothing yet: {file}, line {line}: {reason}. Nothing "
        f"was changed; {remedy}"
    )


# ---- running ----------------------------------------------------------------------------------------------------


def _complete_journal(sweep: Sweep, journal: Path, *, backend: str, n_jobs: int, progress: bool) -> dict[str, Row]:
    """Compute what the journal lacks, and return all its entries by configuration."""
    configurations = sweep.configurations()
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        # unbuffered: a line goes to the disk at once and whole, or leaves a torn end that the next call cuts off
        file = journal.open("ab", buffering=0)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"path must be in a folder that can be written, got {str(journal.parent)!r}: {error}"
        ) from None
    with file:
        done = _read_journal(sweep, journal)
        todo = [configuration for configuration in configurations if _key(configuration) not in done]
        failed: list[Row] = []

        def kept() -> str:
            return f"{len(done)} of {len(configurations)} configurations are done"

        bar = tqdm(total=len(configurations), initial=len(done), desc=journal.stem, disable=not progress)
        with _kept(kept, journal), bar, closing(_outcomes(sweep.function, todo, backend, n_jobs)) as outcomes:
            if journal.stat().st_size == 0:
                _append(file, sweep._identity())
            for outcome in outcomes:
                if "error" in outcome:
                    failed.append(outcome)
                    bar.set_postfix(failed=len(failed))
                    continue
                _append(file, outcome)
                done[_key(outcome["configuration"])] = outcome
                bar.update()
    if failed:
        kind = ValueError if all(outcome["refused"] for outcome in failed) else RuntimeError
        raise kind(
            f"function must work for every configuration of grid; it failed for {len(failed)}, the first "
            f"{shown(failed[0]['configuration'])}: {failed[0]['error']}\n{kept()} and kept in {journal}; the same call "
            f"tries the others again. Where it failed first:\n{failed[0]['traceback']}"
        )
    return done


@contextmanager
def _kept(done: str | Callable[[], str], journal: Path) -> Iterator[None]:
    """Say of whatever stops a sweep how much is done, and that the same call continues."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        state = done if isinstance(done, str) else done()
        message = f"the sweep stopped: {state}; what is done is kept in {journal}, and the same call continues"
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, f"{os.strerror(error.errno)}; {message}") from error
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(message) from None
        raise RuntimeError(f"{message}. Reason: {type(error).__name__}: {error}") from error


def _outcomes(function: Callable[..., Any], todo: list[Row], backend: str, n_jobs: int) -> Iterator[Row]:
    """What `_measure` returns for each configuration, in whatever order they finish."""
    if not todo:
        return
    tasks = [joblib.delayed(_measure)(function, configuration) for configuration in todo]
    with _cluster(backend, n_jobs), joblib.parallel_config(backend=backend, n_jobs=n_jobs):
        if backend == "ray":  # joblib has only lists from it: in pieces, so that little is lost when it is killed
            piece = PIECE * joblib.effective_n_jobs(n_jobs)
            for start in range(0, len(tasks), piece):
                yield from joblib.Parallel(batch_size=1)(tasks[start : start + piece])
        else:
            yield from joblib.Parallel(batch_size=1, return_as="generator_unordered")(tasks)


@contextmanager
def _cluster(backend: str, n_jobs: int) -> Iterator[None]:
    """Workers on this machine for the backends that do not start their own, unless a cluster runs already."""
    n_workers = joblib.cpu_count() if n_jobs == -1 else n_jobs
    with ExitStack() as stack:
        if backend == "dask":
            from distributed import Client, LocalCluster, default_client

            try:
                default_client()
            except ValueError:
                cluster = LocalCluster(n_workers, threads_per_worker=1, dashboard_address=None)
                stack.enter_context(Client(stack.enter_context(cluster)))
        elif backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            register_ray()
            if not ray.is_initialized():
                # unlike the others, ray does not tell its workers where this process finds its modules
                paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
                ray.init(num_cpus=n_workers, runtime_env={"env_vars": paths}, include_dashboard=False)
                stack.callback(ray.shutdown)
        yield


def _measure(function: Callable[..., Any], configuration: Row) -> Row:
    """One configuration, computed by a worker: its records, versions and wall time, or what went wrong."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        records = _check_records(function(**configuration), configuration)
    except Exception as error:
        return {
            "configuration": configuration,
            "error": f"{type(error).__name__}: {error}",
            "refused": isinstance(error, ValueError),
            "traceback": traceback.format_exc(),
        }
    finally:
        torch.set_num_threads(threads)
    measured = (platform.python_version(), np.__version__, torch.__version__, version("linrep-core"))
    seconds = round(time.perf_counter() - start, 4)
    return {
        "configuration": configuration,
        "records": records,
        "measured": dict(zip(MEASURED, (*map(str, measured), seconds), strict=True)),
    }


def _check_records(returned: Any, configuration: Row) -> list[Row]:
    """What a function returned, as a list of records."""
    records = [returned] if isinstance(returned, Mapping) else returned
    if not isinstance(records, list | tuple) or not all(isinstance(record, Mapping) for record in records):
        raise TypeError(f"function must return a dict or a list of dicts, got {shown(returned)}")
    for name in {name for record in records for name in record}:
        if not isinstance(name, str) or name in MEASURED or name in configuration:
            raise TypeError(
                f"function must return records whose names are words other than its arguments and "
                f"{', '.join(MEASURED)}; got {shown(name)}"
            )
    return [{name: _plain(name, value, nested=False) for name, value in record.items()} for record in records]


# ---- the journal: one line a configuration, each with its checksum -----------------------------------------------


def _key(value: Any) -> str:
    """What tells two configurations apart."""
    return json.dumps(value, sort_keys=True)


def _append(file: BinaryIO, entry: Row) -> None:
    text = json.dumps(entry).encode()
    line = b"%08x %s\n" % (zlib.crc32(text), text)
    while line:
        line = line[file.write(line) :]
    os.fsync(file.fileno())


def _read_journal(sweep: Sweep, journal: Path) -> dict[str, Row]:
    """Return the entries by configuration; a last line that was cut off while it was written goes."""
    body, newline, torn = journal.read_bytes().rpartition(b"\n")
    entries = []
    for number, line in enumerate(body.split(b"\n") if newline else [], start=1):
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            remedy = "delete this line, and what it held is computed again" if number > 1 else "move the file away"
            _refuse(journal, number, "this line is damaged, its checksum does not fit", remedy)
        entries.append(json.loads(text))
        if number == 1:
            _check_identity(sweep, journal, entries[0])
    if torn:
        first = json.dumps(sweep._identity()).encode()
        if not newline and not (b"%08x %s" % (zlib.crc32(first), first)).startswith(torn):
            _refuse(journal, 1, "this is not a journal of a sweep")
        os.truncate(journal, len(body) + len(newline))
    return {_key(entry["configuration"]): entry for entry in entries[1:]}


# ---- the table: a comment that says where it comes from, the names of the columns, one line a record -------------


def _write_table(sweep: Sweep, table: Path, entries: list[Row]) -> None:
    """Write a file beside the table, then rename it: a table is there whole or not at all."""
    names = dict.fromkeys(name for entry in entries for record in entry["records"] for name in record)
    columns = [*sweep.grid, *names, *MEASURED]
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow(columns)
    for entry in entries:
        for record in entry["records"]:
            row = {**entry["configuration"], **record, **entry["measured"]}
            writer.writerow(_cell(row.get(name)) for name in columns)
    text = body.getvalue()
    origin = {**sweep._identity(), "checksum": zlib.crc32(text.encode())}
    new = table.with_name(f"{table.name}.new")
    try:
        with new.open("w", encoding="utf8", newline="\n") as file:
            file.write(f"# {json.dumps(origin)}\n{text}")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, table)
    finally:
        new.unlink(missing_ok=True)


def _read_table(table: Path) -> tuple[Row, list[Row]]:
    """Return what the table says about its origin, and its rows."""
    first, _, text = table.read_bytes().decode("utf8", "replace").replace("\r\n", "\n").partition("\n")
    try:
        origin = json.loads(first.removeprefix("# "))
        checksum = origin.pop("checksum")
    except (ValueError, AttributeError, KeyError, TypeError):
        _refuse(table, 1, "this is not a results file of a sweep")
    lines = [next(csv.reader([line]), []) for line in text.split("\n")[:-1]]  # no cell holds a line break
    if checksum != zlib.crc32(text.encode()):
        odd = [number for number, cells in enumerate(lines, start=2) if len(cells) != len(lines[0])]
        reason = "this line is damaged" if odd else "this line or a later one was changed or is missing"
        remedy = "put an undamaged copy in its place, or move the file away to compute it again"
        _refuse(table, odd[0] if odd else 2, f"{reason}, the checksum in line 1 does not fit", remedy)
    columns, *rows = lines
    values = _Values()
    return origin, [{name: values[cell] for name, cell in zip(columns, cells, strict=True)} for cells in rows]


class _Values(dict[str, Any]):
    """What cells say; most words and many numbers of a table stand in many cells."""

    def __missing__(self, cell: str) -> Any:
        value = _value(cell)
        if not isinstance(value, list | dict):  # which a row must have for itself
            self[cell] = value
        return value


def _cell(value: Any) -> str:
    """A value as text: words as they are unless they would be read as something else."""
    if value is None:
        return ""
    if isinstance(value, str) and value.isprintable() and value != "" and _value(value) == value:
        return value
    return json.dumps(value)


def _value(cell: str) -> Any:
    if cell == "":
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell
