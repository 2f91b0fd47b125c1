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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_choice, check_instance, check_integer, check_iterable, check_number
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.ensemble import train_many
from linrep_core.language import UNKNOWN, LatentConditionalModel
from linrep_core.training import TrainingRun

LEARNING_RATES = {"sgd": 0.1, "adam": 0.001}
BATCH_SIZE = 100
SHARE_OF_TOKENS = 0.5  # of Table 4's incomplete sets of concept vectors; the paper does not give its size
STUCK_ABOVE = 0.03  # nats above the entropy floor; in between lie few runs (the chapters show the histogram)


@dataclass(frozen=True)
class Published:
    """A mean cosine that the paper prints, with its standard error."""

    mean: float
    error: float


# (unembedding, embedding, alignment) by the first column of each table
TABLES: dict[int, dict[int, tuple[Published, Published, Published]]] = {
    1: {
        3: (Published(0.972, 0.006), Published(0.982, 0.005), Published(0.980, 0.005)),
        4: (Published(0.975, 0.005), Published(0.971, 0.005), Published(0.973, 0.005)),
        5: (Published(0.988, 0.004), Published(0.981, 0.004), Published(0.984, 0.004)),
        6: (Published(0.997, 0.000), Published(0.985, 0.002), Published(0.990, 0.001)),
        7: (Published(0.995, 0.001), Published(0.972, 0.004), Published(0.981, 0.003)),
    },
    2: {
        3: (Published(0.910, 0.015), Published(0.923, 0.013), Published(0.926, 0.012)),
        4: (Published(0.972, 0.005), Published(0.959, 0.005), Published(0.965, 0.005)),
        5: (Published(0.985, 0.004), Published(0.970, 0.004), Published(0.975, 0.004)),
        6: (Published(0.996, 0.001), Published(0.977, 0.002), Published(0.983, 0.001)),
        7: (Published(0.966, 0.012), Published(0.918, 0.016), Published(0.929, 0.015)),
    },
    3: {  # m = 10; at most so many masks
        50: (Published(0.974, 0.009), Published(0.946, 0.014), Published(0.959, 0.011)),
        100: (Published(0.957, 0.009), Published(0.915, 0.013), Published(0.934, 0.011)),
    },
    4: {  # incomplete tokens and contexts; so many concepts
        10: (Published(0.951, 0.011), Published(0.777, 0.010), Published(0.855, 0.011)),
        12: (Published(0.896, 0.011), Published(0.551, 0.008), Published(0.696, 0.009)),
    },
}
RUNS = {3: 100, 4: 100, 5: 50, 6: 20, 7: 10}  # of tables 1 and 2; 10 in all others
RECORDS = 13  # entries of each run's history in results/


@dataclass(frozen=True)
class Row:
    """How this book runs one row of the paper's tables.

    Attributes
    ----------
    table, label
        Where the paper prints it: table number and first column.
    settings : dict
        For `paper_runs`.
    steps, n_seeds
        Batches of training (the paper does not say; here until the curves of most runs are flat), and the paper's
        number of runs.
    block
        Runs trained together.
    """

    table: int
    label: int
    settings: dict[str, Any]
    steps: int
    n_seeds: int
    block: int = 10


def _rows() -> dict[str, Row]:
    steps = {3: 100_000, 4: 100_000, 5: 120_000, 6: 180_000, 7: 250_000}
    rows = {}
    for table, optimizer in ((1, "sgd"), (2, "adam")):
        for m, n_seeds in RUNS.items():
            settings = {"n_concepts": m, "optimizer": optimizer}
            rows[f"table-{table}-m{m}"] = Row(table, m, settings, steps[m], n_seeds)
    for n_masks in TABLES[3]:
        settings = {"n_concepts": 10, "n_masks": n_masks}
        rows[f"table-3-masks{n_masks}"] = Row(3, n_masks, settings, 400_000, 10, block=5)
    for m in TABLES[4]:
        settings = {"n_concepts": m, "n_masks": 50, "share_of_tokens": SHARE_OF_TOKENS}
        rows[f"table-4-m{m}"] = Row(4, m, settings, 400_000, 10, block=5)
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
    contexts = np.where(masks[:, None] == 1, UNKNOWN, tokens[None]).reshape(-1, tokens.shape[1])
    return np.unique(contexts.astype(np.int8), axis=0)


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
    model = LatentConditionalModel(graph, possible_tokens=None if possible is None else tokens)
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
        ``"sgd"`` (rate 0.1) or ``"adam"`` (rate 0.001).
    dim
        Dimension of the representations; None: as many as concepts.

    Returns
    -------
    list of TrainingRun, in single precision as the paper's
    """
    seeds = [check_integer(f"seeds[{i}]", seed, low=0) for i, seed in enumerate(check_iterable("seeds", seeds))]
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
        learning_rate=rate,
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
    columns = ("excess_loss", "unembedding", "embedding", "alignment", "between")
    return [
        {"seed": run.settings["seed"], "step": int(step), **{name: float(run.history[name][i]) for name in columns}}
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
    settings = ROWS[check_choice("row", row, tuple(ROWS))].settings
    first = check_integer("first_seed", first_seed, low=0)
    count = check_integer("n_seeds", n_seeds, low=1, high=10_000)
    seeds = range(first, first + count)
    return history_rows(paper_runs(**settings, seeds=seeds, steps=steps, n_records=RECORDS, progress=False))
