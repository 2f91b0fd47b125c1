"""Make the tables of results/: every row of the paper's tables 1 to 4 and of its figure 6, with the paper's procedure.

    python results/reproduce.py                      what is missing; or `make results`
    python results/reproduce.py table-1-m3 ...       these rows only
    python results/reproduce.py --list               the rows, with what is done

A row is one file, results/ROW.csv. Ctrl+C keeps what is done and the same command continues; to run a row anew, delete
its file. Tables 1 and 2 take about an hour on two cores, tables 3 and 4 a day.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from linrep_core.reproduction import ROWS, paper_block
from linrep_core.sweeps import Sweep, run_sweep

FOLDER = Path(__file__).parent


def sweep_of(name: str) -> Sweep:
    """The blocks of runs that make one row."""
    row = ROWS[name]
    first = range(0, row.n_seeds, row.block)
    grid = {"row": [name], "steps": [row.steps], "first_seed": first, "n_seeds": [row.block]}
    return Sweep(paper_block, grid)


SWEEPS = {name: sweep_of(name) for name in ROWS}


def main() -> None:
    """Run the rows that are named, or all."""
    parser = argparse.ArgumentParser(description="Make the tables of results/ from the paper's procedure.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(SWEEPS)}")
    parser.add_argument("--list", action="store_true", help="say what is done")
    parser.add_argument("--backend", default="loky", help="loky, dask or ray")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 for one a core")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in SWEEPS]
    if unknown:
        parser.error(f"no row {unknown[0]!r}; there are {', '.join(SWEEPS)}")
    for name in options.rows or SWEEPS:
        path = FOLDER / f"{name}.csv"
        if options.list:
            print(f"{name:16} {'done' if path.exists() else 'begun' if Path(f'{path}.journal').exists() else '-'}")
            continue
        if not path.exists():
            print(name)
        run_sweep(SWEEPS[name], path, backend=options.backend, n_jobs=options.jobs)


if __name__ == "__main__":
    main()
