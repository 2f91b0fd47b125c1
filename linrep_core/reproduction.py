"""Section 5.1 and appendix E of arXiv 2403.03867: the paper's own procedure, and what it printed.

Book: part "Simulations". The paper draws a random graph and random tables, samples concept vectors, hides entries by a
fresh random mask, and lets two lookup tables learn to fill them in: SGD with rate 0.1 (Adam with 0.001 in Table 2),
batches of 100, as many dimensions as concepts. It does not say how long it trained, how likely an edge or a hidden
entry is, how the tables start, or how large its incomplete sets are. Here these are arguments, and their defaults are
the choices of this book: edges and hidden entries with probability 1/2, the start that torch gives linear maps, half of
all tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core import geometry
from linrep_core._checks import (
    check_array,
    check_choice,
    check_instance,
    check_integer,
    check_iterable,
    check_number,
    check_records,
    check_seeds,
    shown,
)
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.ensemble import train_many
from linrep_core.geometry import linearity
from linrep_core.language import UNKNOWN, LatentConditionalModel
from linrep_core.training import TrainingRun

RESULTS = Path(__file__).parents[1] / "results"  # the tables that `make results` writes; read them with `read_results`
LEARNING_RATES = {"sgd": 0.1, "adam": 0.001}
BATCH_SIZE = 100
SHARE_OF_TOKENS = 0.5  # of Table 4's incomplete sets of concept vectors; the paper does not give its size
STUCK_ABOVE = 0.03  # nats above the entropy floor; in between lie few runs (the chapters show the histogram)


@dataclass(frozen=True)
class Estimate:
    """A mean over runs and its standard error (nan for a single run)."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.error:.3f}"


Printed = tuple[Estimate, Estimate, Estimate]  # in the order of `COSINES`
COSINES = geometry.MEASURES[:3]  # unembedding, embedding, alignment
RECORDED = ("seed", "step", "excess_loss", *COSINES)  # in every row of a results file, beside how it was made

# by the first column of each table
TABLES: dict[int, dict[int, Printed]] = {
    1: {
        3: (Estimate(0.972, 0.006), Estimate(0.982, 0.005), Estimate(0.980, 0.005)),
        4: (Estimate(0.975, 0.005), Estimate(0.971, 0.005), Estimate(0.973, 0.005)),
        5: (Estimate(0.988, 0.004), Estimate(0.981, 0.004), Estimate(0.984, 0.004)),
        6: (Estimate(0.997, 0.000), Estimate(0.985, 0.002), Estimate(0.990, 0.001)),
        7: (Estimate(0.995, 0.001), Estimate(0.972, 0.004), Estimate(0.981, 0.003)),
    },
    2: {
        3: (Estimate(0.910, 0.015), Estimate(0.923, 0.013), Estimate(0.926, 0.012)),
        4: (Estimate(0.972, 0.005), Estimate(0.959, 0.005), Estimate(0.965, 0.005)),
        5: (Estimate(0.985, 0.004), Estimate(0.970, 0.004), Estimate(0.975, 0.004)),
        6: (Estimate(0.996, 0.001), Estimate(0.977, 0.002), Estimate(0.983, 0.001)),
        7: (Estimate(0.966, 0.012), Estimate(0.918, 0.016), Estimate(0.929, 0.015)),
    },
    3: {  # m = 10; at most so many masks
        50: (Estimate(0.974, 0.009), Estimate(0.946, 0.014), Estimate(0.959, 0.011)),
        100: (Estimate(0.957, 0.009), Estimate(0.915, 0.013), Estimate(0.934, 0.011)),
    },
    4: {  # incomplete tokens and contexts; so many concepts
        10: (Estimate(0.951, 0.011), Estimate(0.777, 0.010), Estimate(0.855, 0.011)),
        12: (Estimate(0.896, 0.011), Estimate(0.551, 0.008), Estimate(0.696, 0.009)),
    },
}
# Figure 5 (seven concepts, ten runs), by epoch: the same three, read off its curves to about 0.003
FIGURE_5: dict[int, tuple[float, float, float]] = {
    100: (0.57, 0.41, 0.48),
    200: (0.76, 0.67, 0.71),
    300: (0.84, 0.78, 0.81),
    400: (0.88, 0.83, 0.85),
    500: (0.90, 0.865, 0.88),
    700: (0.934, 0.900, 0.916),
    1000: (0.946, 0.923, 0.934),
    1500: (0.952, 0.934, 0.943),
    2000: (0.966, 0.942, 0.953),
    2500: (0.977, 0.949, 0.962),
    3000: (0.984, 0.953, 0.968),
    3500: (0.990, 0.958, 0.973),
    4900: (0.996, 0.968, 0.981),
}
# Figure 6, by (concepts, dimension): fewer dimensions than concepts. The values are read off its bars, to about 0.003;
# m = 7 is the setting of table 1, m = 10 that of table 4 (whose standard errors stand here for those of m = 10).
FIGURE_6: dict[tuple[int, int], Printed] = {
    (7, 5): (Estimate(0.895, 0.018), Estimate(0.732, 0.021), Estimate(0.797, 0.020)),
    (7, 6): (Estimate(0.952, 0.014), Estimate(0.815, 0.019), Estimate(0.869, 0.017)),
    (10, 8): (Estimate(0.896, 0.011), Estimate(0.586, 0.010), Estimate(0.717, 0.011)),
    (10, 9): (Estimate(0.953, 0.011), Estimate(0.704, 0.010), Estimate(0.811, 0.011)),
}
# Figure 7(a): mean cosine between the unembedding steering vectors of two of ten concepts, read off its colours to 0.01
FIGURE_7A: tuple[tuple[float, ...], ...] = (
    (0.978, 0.041, 0.015, 0.018, 0.010, -0.001, 0.010, -0.001, -0.001, -0.004),
    (0.041, 0.947, -0.041, -0.021, -0.018, -0.013, 0.018, 0.010, -0.004, 0.018),
    (0.015, -0.041, 0.908, -0.021, -0.032, 0.018, 0.046, 0.007, -0.001, -0.010),
    (0.018, -0.021, -0.021, 0.936, 0.007, 0.010, 0.069, -0.001, -0.004, -0.004),
    (0.010, -0.018, -0.032, 0.007, 0.969, 0.035, -0.001, -0.010, -0.001, -0.010),
    (-0.001, -0.013, 0.018, 0.010, 0.035, 0.969, 0.052, 0.010, -0.001, 0.007),
    (0.010, 0.018, 0.046, 0.069, -0.001, 0.052, 0.869, 0.015, 0.010, -0.013),
    (-0.001, 0.010, 0.007, -0.001, -0.010, 0.010, 0.015, 0.978, 0.027, 0.015),
    (-0.001, -0.004, -0.001, -0.004, -0.001, -0.001, 0.010, 0.027, 0.978, 0.027),
    (-0.004, 0.018, -0.010, -0.004, -0.010, 0.007, -0.013, 0.015, 0.027, 0.978),
)
RUNS = {3: 100, 4: 100, 5: 50, 6: 20, 7: 10}  # of tables 1 and 2; 10 in all others
RECORDS = 25  # entries of each run's history in results/
AGREES = 2.0  # standard errors of the difference; beyond it two means are called different


@dataclass(frozen=True)
class Row:
    """How this book runs one row of the paper's tables, or one group of bars of figure 6.

    Attributes
    ----------
    printed : (Estimate, Estimate, Estimate)
        What the paper says: unembedding, embedding, alignment.
    settings : dict
        For `paper_runs`.
    steps, n_seeds
        Batches of training (the paper does not say; here until the curves of most runs are flat), and the paper's
        number of runs.
    block
        Runs trained together.
    """

    printed: Printed
    settings: dict[str, Any]
    steps: int
    n_seeds: int
    block: int


def _rows() -> dict[str, Row]:
    # Ten and twelve concepts take eight times the paper's rate for an eighth of the steps: the same course (chapter
    # "Table 3" shows it) in an eighth of the time, and the 800 000 steps that this stands for are about the paper's.
    steps = {3: 100_000, 4: 100_000, 5: 120_000, 6: 180_000, 7: 250_000}
    rows = {}
    for table, optimizer in ((1, "sgd"), (2, "adam")):
        for m, n_seeds in RUNS.items():
            settings = {"n_concepts": m, "optimizer": optimizer}
            block = max(5, n_seeds // 2)  # two blocks: one for each of a laptop's two spare cores
            rows[f"table-{table}-m{m}"] = Row(TABLES[table][m], settings, steps[m], n_seeds, block)
    for n_masks, printed in TABLES[3].items():
        settings = {"n_concepts": 10, "n_masks": n_masks, "learning_rate": 0.8}
        rows[f"table-3-masks{n_masks}"] = Row(printed, settings, 100_000, 10, 5)
    for m, printed in TABLES[4].items():
        settings = {"n_concepts": m, "n_masks": 50, "share_of_tokens": SHARE_OF_TOKENS, "learning_rate": 0.8}
        rows[f"table-4-m{m}"] = Row(printed, settings, 100_000, 10, 5)
    for (m, dim), printed in FIGURE_6.items():
        like = rows["table-1-m7" if m == 7 else "table-4-m10"]
        rows[f"figure-6-m{m}-d{dim}"] = Row(printed, {**like.settings, "dim": dim}, like.steps, 10, 5)
    return rows


ROWS = _rows()


def random_masks(n_concepts: int, n_masks: int, seed: int) -> NDArray[np.bool_]:
    """Draw masks that hide each entry with probability 1/2; repeated ones are dropped ("at most" so many).

    Returns
    -------
    array of shape (at most n_masks, n_concepts), bool
        True where an entry is hidden.

    Examples
    --------
    >>> random_masks(3, 4, seed=0).shape
    (4, 3)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=12)
    n = check_integer("n_masks", n_masks, low=1, high=2**16)
    drawn = np.random.default_rng(check_integer("seed", seed, low=0)).random((n, m)) < 0.5
    return np.unique(drawn, axis=0)


def masked_contexts(tokens: Any, masks: Any) -> NDArray[np.int8]:
    """Every context that one of the masks makes of one of the tokens, once.

    Examples
    --------
    >>> masked_contexts([[0, 0], [0, 1]], [[False, True]]).tolist()
    [[0, -1]]
    """
    tokens = _check_bits("tokens", tokens, "m")
    masks = _check_bits("masks", masks, tokens.shape[1])
    # as numbers with the digits 0 (unknown), 1, 2: these sort as the rows do, and much faster
    place = 3.0 ** np.arange(tokens.shape[1])[::-1]
    numbers = np.unique((1 - masks) @ ((tokens + 1) * place).T)
    return (numbers[:, None] // place % 3 + UNKNOWN).astype(np.int8)


def _check_bits(name: str, value: Any, width: int | str) -> NDArray[np.float64]:
    array = check_array(name, value, shape=("n", width))
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must have entries 0 or 1, got {array[~np.isin(array, (0, 1))][0]:g}")
    return array


def paper_world(
    n_concepts: int,
    seed: int,
    *,
    n_masks: int | None = None,
    share_of_tokens: float = 1.0,
    edge_probability: float = 0.5,
    context_weights: str = "masked",
) -> tuple[LatentConditionalModel, NDArray[np.int8] | None]:
    """A random world as the paper draws it, and the contexts it trains on (None: all).

    Parameters
    ----------
    n_concepts, seed
        Number of concepts, and the seed of graph, tables, masks and tokens.
    n_masks
        None: a fresh mask for every sample (tables 1 and 2); else a fixed random set of at most so many (table 3).
    share_of_tokens
        Below 1: only this share of all concept vectors, drawn at random, ever occurs (table 4).
    edge_probability
        Of the random graph.
    context_weights
        See `LatentConditionalModel`; ``"masked"`` as in the paper.
    """
    check_integer("n_concepts", n_concepts, low=1, high=12)
    if check_number("share_of_tokens", share_of_tokens, low=0.0, high=1.0) == 0.0:
        raise ValueError("share_of_tokens must be above 0, got 0")
    graph = ConceptGraph.random(n_concepts=n_concepts, edge_probability=edge_probability, seed=seed)
    tokens = concept_vectors(n_concepts)
    possible = None
    if share_of_tokens < 1.0:
        count = max(2, round(share_of_tokens * len(tokens)))
        possible = np.random.default_rng([seed, 1]).choice(len(tokens), size=count, replace=False)
        tokens = tokens[np.sort(possible)]
    given = None if possible is None else tokens
    model = LatentConditionalModel(graph, possible_tokens=given, context_weights=context_weights)
    if n_masks is None:
        return model, None if possible is None else model.possible_contexts()
    return model, masked_contexts(tokens, random_masks(n_concepts, n_masks, seed))


def paper_runs(
    n_concepts: int,
    seeds: Any,
    *,
    steps: int,
    optimizer: str = "sgd",
    dim: int | None = None,
    n_masks: int | None = None,
    share_of_tokens: float = 1.0,
    edge_probability: float = 0.5,
    learning_rate: float | None = None,
    n_records: int | None = None,
    progress: bool = True,
) -> list[TrainingRun]:
    """Run the paper's experiment once for each seed: a new world, new masks, a new start.

    Parameters
    ----------
    n_concepts, seeds, n_masks, share_of_tokens, edge_probability
        See `paper_world`.
    steps
        Batches of 100 samples. The paper trains "until" its curves are flat and does not say how long.
    optimizer
        ``"sgd"`` or ``"adam"``.
    learning_rate
        None: the paper's, 0.1 for SGD and 0.001 for Adam.
    dim
        Dimension of the representations; None: as many as concepts.

    Returns
    -------
    list of TrainingRun, in single precision as the paper's
    """
    seeds = check_seeds("seeds", seeds)
    rate = LEARNING_RATES[check_choice("optimizer", optimizer, tuple(LEARNING_RATES))]
    worlds = [
        paper_world(
            n_concepts, seed, n_masks=n_masks, share_of_tokens=share_of_tokens, edge_probability=edge_probability
        )
        for seed in seeds
    ]
    complete = all(contexts is None for _, contexts in worlds)
    return train_many(
        [model for model, _ in worlds],
        n_concepts if dim is None else dim,
        seeds=seeds,
        steps=steps,
        optimizer=optimizer,
        learning_rate=rate if learning_rate is None else learning_rate,
        batch_size=BATCH_SIZE,
        contexts=None if complete else [contexts for _, contexts in worlds],
        dtype=torch.float32,
        n_records=n_records,
        progress=progress,
    )


def history_rows(runs: Any) -> list[dict[str, float]]:
    """One row for each run and recorded step, for a table of results: seed, step, excess loss (nats), cosines."""
    runs = check_iterable("runs", runs)
    for i, run in enumerate(runs):
        check_instance(f"runs[{i}]", run, TrainingRun)
    measures = (*RECORDED[2:], "between")
    return [
        {"seed": run.settings["seed"], "step": int(step), **{name: float(run.history[name][i]) for name in measures}}
        for run in runs
        for i, step in enumerate(run.history["step"])
    ]


def paper_block(row: str, steps: int, first_seed: int, n_seeds: int) -> list[dict[str, float]]:
    """Some of the runs behind a row of the paper's tables: one block of a sweep, and of one batch.

    Parameters
    ----------
    row
        A name in `ROWS`, such as ``"table-1-m3"``.
    steps, first_seed, n_seeds
        Batches of training, and which runs.

    Examples
    --------
    >>> records = paper_block("table-1-m3", steps=10, first_seed=0, n_seeds=2)
    >>> sorted({record["seed"] for record in records})
    [0, 1]
    """
    seeds, settings = _block(row, first_seed, n_seeds)
    return history_rows(paper_runs(**settings, seeds=seeds, steps=steps, n_records=RECORDS, progress=False))


def paper_heat_maps(row: str, steps: int, first_seed: int, n_seeds: int) -> list[dict[str, float]]:
    """What figure 7(a) averages: for each run and two concepts the mean cosine between their steering vectors.

    The arguments are those of `paper_block`; a concept with itself has the mean over pairs of different vectors.

    Examples
    --------
    >>> [record["seed"] for record in paper_heat_maps("table-1-m3", steps=10, first_seed=0, n_seeds=2)]
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    """
    seeds, settings = _block(row, first_seed, n_seeds)
    runs = paper_runs(**settings, seeds=seeds, steps=steps, n_records=2, progress=False)
    shape = {name: settings[name] for name in ("n_masks", "share_of_tokens") if name in settings}
    records = []
    for seed, run in zip(seeds, runs, strict=True):
        heat_map = linearity(paper_world(settings["n_concepts"], seed, **shape)[0], run.predictor).heat_map
        for first, second in zip(*np.triu_indices(len(heat_map)), strict=True):
            cosine = float(heat_map[first, second])
            records.append({"seed": seed, "first": int(first), "second": int(second), "cosine": cosine})
    return records


def _block(row: str, first_seed: int, n_seeds: int) -> tuple[range, dict[str, Any]]:
    first = check_integer("first_seed", first_seed, low=0)
    count = check_integer("n_seeds", n_seeds, low=1, high=10_000)
    return range(first, first + count), ROWS[check_choice("row", row, tuple(ROWS))].settings


# ---- the paper's numbers beside ours ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """One printed mean cosine beside the mean of our runs.

    Attributes
    ----------
    measure
        ``"unembedding"``, ``"embedding"`` or ``"alignment"``.
    printed, ours : Estimate
        The paper's, and this book's.
    """

    measure: str
    printed: Estimate
    ours: Estimate

    @property
    def difference(self) -> float:
        """Ours less the paper's, in standard errors of the difference."""
        error = float(np.hypot(self.printed.error, self.ours.error))
        gap = self.ours.mean - self.printed.mean
        return gap / error if error > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """``"agrees"``, or ``"higher"`` or ``"lower"`` when the difference is hardly chance."""
        if abs(self.difference) <= AGREES:
            return "agrees"
        return "higher" if self.difference > 0 else "lower"

    def __str__(self) -> str:
        beside = f"{self.measure:12} {self.printed}   {self.ours}"
        return f"{beside}   {self.difference:+6.1f}  {self.verdict}"


def estimate(values: Any) -> Estimate:
    """Mean and standard error of independent runs, as the paper prints them.

    Examples
    --------
    >>> print(estimate([0.8, 0.9, 1.0]))
    0.900 ± 0.058
    """
    array = check_array("values", values, shape=("n",))
    if len(array) == 0:
        raise ValueError("values must hold at least one run, got none")
    error = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else np.nan
    return Estimate(float(array.mean()), float(error))


def runs_at(records: Any, step: int | None = None) -> list[dict[str, Any]]:
    """Of the rows of a results file those at one step (None: the last), one for each run.

    Examples
    --------
    >>> records = paper_block("table-1-m3", steps=10, first_seed=0, n_seeds=2)
    >>> [(record["seed"], record["step"]) for record in runs_at(records)]
    [(0, 10), (1, 10)]
    """
    groups = _by_step(records)
    wanted = max(groups) if step is None else step
    if wanted not in list(groups):  # a list, since what is asked for may be no key at all
        raise ValueError(f"step must be one of the recorded {', '.join(map(str, groups))}, got {shown(step)}")
    return groups[wanted]


def compare(row: str, records: Any, step: int | None = None) -> list[Comparison]:
    """The paper's three numbers of a row beside those of our runs at one step (None: the last)."""
    printed = ROWS[check_choice("row", row, tuple(ROWS))].printed
    return _beside(printed, runs_at(records, step))


def n_stuck(records: Any) -> int:
    """How many runs end more than `STUCK_ABOVE` nats above the entropy floor."""
    return sum(run["excess_loss"] > STUCK_ABOVE for run in runs_at(records))


def likeliest_length(row: str, records: Any) -> int:
    """The recorded step at which our runs are nearest to what the paper prints: its unstated length of training.

    Nearest is meant in the sum of squared differences, each in standard errors.
    """
    printed = ROWS[check_choice("row", row, tuple(ROWS))].printed
    groups = _by_step(records)
    return min(groups, key=lambda step: sum(each.difference**2 for each in _beside(printed, groups[step])))


def _beside(printed: Printed, runs: list[dict[str, Any]]) -> list[Comparison]:
    ours = [estimate([run[measure] for run in runs]) for measure in COSINES]
    return [Comparison(*columns) for columns in zip(COSINES, printed, ours, strict=True)]


def _by_step(records: Any) -> dict[int, list[dict[str, Any]]]:
    """The rows of a results file by their step, ascending."""
    rows = check_records("records", records, RECORDED)
    if not rows:
        raise ValueError("records must hold at least one row, got none")
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["step"], []).append(row)
    return dict(sorted(groups.items()))
