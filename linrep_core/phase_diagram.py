"""The phase diagram of dimension: how straight the lines are for m concepts in d dimensions.

Book: part "Simulations", chapter "The phase diagram". The paper (section 5.1) trains with d <= m only and names the
effect of dimension as open. Here every cell (m, d) is trained on the exact loss or on samples, from a small and from a
large start, and with two ways of weighing contexts; `linrep_core.theorems.bottleneck` says what to expect at d = m and
with room to spare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch

from linrep_core import geometry
from linrep_core._checks import check_choice, check_integer, check_records
from linrep_core.ensemble import train_many
from linrep_core.language import CONTEXT_WEIGHTS
from linrep_core.reproduction import BATCH_SIZE, STUCK_ABOVE, Estimate, estimate, paper_world

# "lookup_table" is the paper's start as far as its curves tell; from the large one the words begin far apart
STARTS: dict[str, dict[str, Any]] = {
    "small": {"initialization": "lookup_table"},
    "large": {"initialization": "gaussian", "scale": 1.0},
}
METHODS = ("gradient descent", "sgd", "adam")
FULL_BATCH_STEPS = 1000  # then four times as many move a mean cosine by a few hundredths
BATCHES_PER_TOKEN = 250  # of sgd: so every word is drawn 25 000 times, however many there are
MEASURES = (*geometry.MEASURES, "excess_loss")
KINDS: dict[str, tuple[str, ...]] = {"method": METHODS, "start": tuple(STARTS), "context_weights": CONTEXT_WEIGHTS}
MAX_CELL_CONCEPTS = 8
LAB_MAX_DIM = 16


@dataclass(frozen=True)
class Cell:
    """What the runs of one cell have in common.

    Attributes
    ----------
    n_concepts, dim, n_runs
        Which cell, and how many of its runs did not diverge.
    means : dict
        Mean and standard error of each of `MEASURES` over these runs.
    n_stuck : int
        Runs that end more than `STUCK_ABOVE` nats above the entropy floor. With fewer dimensions than concepts all do:
        the floor is out of reach.
    n_diverged : int
        Runs that are left out of all other numbers.
    """

    n_concepts: int
    dim: int
    n_runs: int
    means: dict[str, Estimate]
    n_stuck: int
    n_diverged: int


@dataclass(frozen=True)
class Diagram:
    """All cells of one method, start and way of weighing contexts."""

    method: str
    start: str
    context_weights: str
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """In words, for a menu."""
        return f"{self.method}, {self.start} start, {self.context_weights} contexts"

    def mean(self, n_concepts: int, dim: int, measure: str = "unembedding") -> float:
        """The mean over a cell's runs of one of `MEASURES`; nan where there is no cell."""
        check_choice("measure", measure, MEASURES)
        there = [cell for cell in self.cells if (cell.n_concepts, cell.dim) == (n_concepts, dim)]
        return there[0].means[measure].mean if there else float("nan")

    def lab_address(self, cell: Cell) -> str:
        """The fragment of the lab's address for a run like those of the cell; empty where the lab has no such run.

        The lab has no sampled batches: gradient descent stands for them. Its large start is that of the paper,
        enlarged until the words are as far apart as here.
        """
        m, dim = cell.n_concepts, cell.dim
        if dim > LAB_MAX_DIM:
            return ""
        settings = method_settings("adam" if self.method == "adam" else "gradient descent", m)
        fields = {"m": m, "d": dim, "context_weights": self.context_weights, **settings}
        if self.start == "large":
            fields["start_scale"] = round((3 * 2**m) ** 0.5, 1)
        return "&".join(["lab=1", *(f"{name}={value}" for name, value in fields.items())])


def method_settings(method: str, n_concepts: int) -> dict[str, Any]:
    """Optimiser, rate and batch of a cell.

    Plain descent needs a rate that grows with the number of words: a word's gradient is weighted with its probability,
    about 2**-m. So all m are equally far after equally many steps, which a fixed rate would not give.

    Examples
    --------
    >>> method_settings("gradient descent", 3)
    {'optimizer': 'sgd', 'learning_rate': 4.0}
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CELL_CONCEPTS)
    check_choice("method", method, METHODS)
    if method == "adam":
        return {"optimizer": "adam", "learning_rate": 0.02}
    if method == "gradient descent":
        return {"optimizer": "sgd", "learning_rate": 2.0**m / 2}
    return {"optimizer": "sgd", "learning_rate": 1.0, "batch_size": BATCH_SIZE}


def method_steps(method: str, n_concepts: int) -> int:
    """How long a cell is trained.

    Examples
    --------
    >>> method_steps("adam", 3), method_steps("sgd", 3)
    (1000, 2000)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CELL_CONCEPTS)
    return BATCHES_PER_TOKEN * 2**m if check_choice("method", method, METHODS) == "sgd" else FULL_BATCH_STEPS


def phase_cell(
    n_concepts: int,
    dim: int,
    method: str = "adam",
    start: str = "small",
    context_weights: str = "masked",
    *,
    steps: int | None = None,
    n_seeds: int = 20,
    n_masks: int | None = None,
    share_of_tokens: float = 1.0,
) -> list[dict[str, Any]]:
    """Train one cell of the diagram: a world, a start and a run for each seed, all at once.

    Parameters
    ----------
    n_concepts, dim
        m and d.
    method
        ``"gradient descent"`` (exact loss), ``"sgd"`` (batches of 100) or ``"adam"`` (exact loss).
    start
        ``"small"`` or ``"large"``.
    context_weights
        ``"masked"`` or ``"uniform"``, see `LatentConditionalModel`.
    steps, n_seeds
        Length (None: see `method_steps`) and number of runs.
    n_masks, share_of_tokens
        A world with few contexts or few words, see `paper_world`.

    Returns
    -------
    list of dict
        One record a seed: cosines, excess loss in nats, and ``diverged`` (then of the last good step).

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> [record["unembedding"] > 0.9 for record in phase_cell(2, 2, steps=500, n_seeds=3)]
    [True, True, True]
    """
    settings = method_settings(method, n_concepts)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    kind = {"n_masks": n_masks, "share_of_tokens": share_of_tokens, "context_weights": context_weights}
    worlds = [paper_world(n_concepts, seed, **kind) for seed in seeds]
    runs = train_many(
        [world for world, _ in worlds],
        dim,
        seeds=seeds,
        steps=method_steps(method, n_concepts) if steps is None else steps,
        contexts=None if worlds[0][1] is None else [contexts for _, contexts in worlds],
        dtype=torch.float32,
        n_records=2,
        progress=False,
        **settings,
        **STARTS[check_choice("start", start, tuple(STARTS))],
    )
    return [
        {
            "seed": seed,
            **{name: float(run.history[name][-1]) for name in MEASURES},
            "diverged": run.stop_reason == "diverged",
        }
        for seed, run in zip(seeds, runs, strict=True)
    ]


def diagrams(records: Any) -> list[Diagram]:
    """Group the rows of sweeps over `phase_cell` by method, start and way of weighing contexts, in that order.

    Examples
    --------
    >>> setting = {"n_concepts": 2, "dim": 2, "method": "adam", "start": "small", "context_weights": "masked"}
    >>> [diagram.title for diagram in diagrams([{**setting, **record} for record in phase_cell(**setting, n_seeds=2)])]
    ['adam, small start, masked contexts']
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for i, record in enumerate(check_records("records", records, tuple(KINDS))):
        key = [check_choice(f"records[{i}][{name!r}]", record[name], there) for name, there in KINDS.items()]
        groups.setdefault(tuple(key), []).append(record)
    keys = [key for key in product(*KINDS.values()) if key in groups]
    return [Diagram(*key, tuple(cells(groups[key]))) for key in keys]


def cells(records: Any) -> list[Cell]:
    """Group the rows of a sweep over `phase_cell` by concepts and dimension; a cell without a good run is left out.

    Examples
    --------
    >>> records = [{"n_concepts": 2, "dim": 2, **record} for record in phase_cell(2, 2, steps=500, n_seeds=3)]
    >>> [(cell.n_concepts, cell.dim, cell.n_runs, cell.n_stuck) for cell in cells(records)]
    [(2, 2, 3, 0)]
    """
    groups: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for record in check_records("records", records, sorted(("n_concepts", "dim", "diverged", *MEASURES))):
        groups.setdefault((record["n_concepts"], record["dim"]), []).append(record)
    summaries = []
    for (m, dim), runs in sorted(groups.items()):
        good = [run for run in runs if not run["diverged"]]
        if good:
            means = {name: estimate([run[name] for run in good]) for name in MEASURES}
            n_stuck = sum(run["excess_loss"] > STUCK_ABOVE for run in good)
            summaries.append(Cell(m, dim, len(good), means, n_stuck, len(runs) - len(good)))
    return summaries
