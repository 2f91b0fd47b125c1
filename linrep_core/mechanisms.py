"""Three mechanisms, three switches: which of them makes lines straight, long, or meet at right angles? An experiment.

The founding documents of this book name three mechanisms: log-odds that match make steering vectors parallel; zero
probabilities push representations apart; concepts that are separated in the graph become orthogonal. Here each can be
switched on and off by itself, in worlds of four fair concepts, since each has a place of its own:

- ``matched``: concept 0 is independent of concept 3, or equal to it nine times out of ten, so that its log-odds change
  with concept 3, in sign too. Read where concept 0 lies.
- ``zeros``: contexts tell for certain, or each told concept is told wrongly once in ten times, so that no word is
  impossible. Read in lengths and alignment.
- ``separated``: concepts 1 and 2 are independent, or equal nine times out of ten. Read in the angle between them.

A fourth choice is the room: as many dimensions as concepts, or twice as many. Predictions for all sixteen combinations
lie in ``data/mechanisms.json``, which the lab of the page shows; they were written before the first training.

Book: part "Beyond the assumptions", chapter "Mechanisms on and off". Worlds, predictions and study are this book's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_choice, check_flag, check_instance, check_integer, check_records
from linrep_core.concepts import ConceptGraph
from linrep_core.geometry import (
    embedding_steering_vectors,
    mean_cosine_between,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)
from linrep_core.intervals import Interval, interval
from linrep_core.language import LatentConditionalModel
from linrep_core.violations import METHODS, ViolatedWorld, shortest_predictor, train_violated

Array = NDArray[np.float64]

DATA = Path(__file__).parent / "data" / "mechanisms.json"
N_CONCEPTS = 4
DIMS = (N_CONCEPTS, 2 * N_CONCEPTS)  # without and with room
SWITCHES = ("matched", "zeros", "separated")
READ_OUTS = {
    "words": "mean cosine within the unembedding steps of concept 0",
    "contexts": "mean cosine within the embedding steps of concept 0",
    "growth": "mean length of all unembedding steps, over that at a tenth of the steps",
    "alignment": "mean cosine of unembedding and embedding steps, over concepts",
    "crossing": "mean cosine of embedding steps of 1 and unembedding steps of 2, and the other way",
    "between": "mean cosine of unembedding steps of 1 and of 2",
}
STRAIGHT = 0.9
ORTHOGONAL = 0.1
GROWS = 1.05


@dataclass(frozen=True)
class Prediction:
    """Where a read-out was said to lie, and why.

    Attributes
    ----------
    low, high : float
        Ends of the interval that was written down before the first training. An end that the read-out cannot pass (a
        cosine of -1 or 1, a growth of 0 or 3) bounds nothing, so that an interval of means may reach over it.
    reason : str
        A key of `REASONS`.
    """

    low: float
    high: float
    reason: str

    def verdict(self, low: float, high: float) -> str:
        """What an interval of measured means says: it lies inside (``"confirmed"``), outside (``"refuted"``), or both.

        Examples
        --------
        >>> said = Prediction(0.9, 1.0, "tight")
        >>> said.verdict(0.93, 0.95), said.verdict(0.2, 0.4), said.verdict(0.85, 0.95)
        ('confirmed', 'refuted', 'open')
        """
        floor = -math.inf if self.low in (-1, 0) else self.low
        ceiling = math.inf if self.high in (1, 3) else self.high
        if floor <= low and high <= ceiling:
            return "confirmed"
        return "refuted" if high < floor or low > ceiling else "open"


@dataclass(frozen=True)
class Reading:
    """One mechanism as the founding documents put it: a switch decides a read-out, whatever the other switches do."""

    mechanism: int
    switch: str
    read_out: str
    on: Prediction
    off: Prediction


def _kept() -> dict[str, Any]:
    return json.loads(DATA.read_text("utf8"))


_DATA = _kept()
SAME: float = _DATA["same"]  # probability that two dependent concepts are equal
WRONG: float = _DATA["told_wrongly"]  # probability that a told concept is wrong, where no word is impossible
LEARNING_RATE: float = _DATA["learning_rate"]  # of plain descent: small enough for the loss to fall at every step
STEPS: int = _DATA["steps"]
REASONS: dict[str, str] = _DATA["reasons"]
PREDICTED: dict[tuple[bool, bool, bool, int], dict[str, Prediction]] = {
    (*(cell[name] for name in SWITCHES), DIMS[cell["room"]]): {
        name: Prediction(*said) for name, said in cell["predicted"].items()
    }
    for cell in _DATA["cells"]
}
# The documents' three mechanisms, taken at their word; kept beside this book's own predictions.
READINGS = (
    Reading(1, "matched", "words", Prediction(STRAIGHT, 1, "odds"), Prediction(-1, STRAIGHT, "odds")),
    Reading(1, "matched", "contexts", Prediction(STRAIGHT, 1, "odds"), Prediction(-1, STRAIGHT, "odds")),
    Reading(2, "zeros", "growth", Prediction(GROWS, 3, "push"), Prediction(0, GROWS, "rest")),
    Reading(2, "zeros", "alignment", Prediction(STRAIGHT, 1, "push"), Prediction(-1, STRAIGHT, "rest")),
    Reading(3, "separated", "crossing", Prediction(-ORTHOGONAL, ORTHOGONAL, "apart"), Prediction(0.1, 1, "crowded")),
    Reading(3, "separated", "between", Prediction(-ORTHOGONAL, ORTHOGONAL, "apart"), Prediction(0.1, 1, "crowded")),
)


# ---- worlds ---------------------------------------------------------------------------------------------------------


def mechanism_model(matched: bool, zeros: bool, separated: bool) -> LatentConditionalModel:
    """The world of three switches.

    Parameters
    ----------
    matched
        Whether concept 0 is independent of concept 3, so that its log-odds are the same whatever the rest is.
    zeros
        Whether contexts tell for certain, so that words are impossible.
    separated
        Whether concepts 1 and 2 are independent.

    Examples
    --------
    >>> model = mechanism_model(matched=True, zeros=False, separated=False)
    >>> model.graph.neighbours(0), model.graph.neighbours(1)
    ([], [2])
    >>> bool(model.next_token_distribution().min() > 0)
    True
    """
    joined = [
        *([] if check_flag("matched", matched) else [(0, 3)]),
        *([] if check_flag("separated", separated) else [(1, 2)]),
    ]
    dag = nx.DiGraph(joined)
    dag.add_nodes_from(range(N_CONCEPTS))
    copied = {effect for _, effect in joined}
    tables = {j: {(0,): 1 - SAME, (1,): SAME} if j in copied else {(): 0.5} for j in range(N_CONCEPTS)}
    graph = ConceptGraph.from_dag(dag, tables)
    if check_flag("zeros", zeros):
        return LatentConditionalModel(graph)
    return LatentConditionalModel(graph, tellings=[[[1 - WRONG, WRONG], [WRONG, 1 - WRONG]]] * N_CONCEPTS)


@cache
def mechanism_world(matched: bool, zeros: bool, separated: bool) -> ViolatedWorld:
    """`mechanism_model` as a table p(y | x), for `linrep_core.violations.train_violated`."""
    model = mechanism_model(matched, zeros, separated)
    contexts = model.contexts()
    return ViolatedWorld(model.next_token_distribution(), model.weights(contexts), contexts, model.tokens())


# ---- read-outs ------------------------------------------------------------------------------------------------------


def read_outs(world: ViolatedWorld, tables: Any, earlier: Any = None) -> dict[str, float]:
    """The numbers of `READ_OUTS` for a predictor.

    Parameters
    ----------
    world
        With four concepts and all contexts.
    tables
        A predictor, or a pair of tables of embeddings and unembeddings.
    earlier
        Unembeddings at a tenth of the steps; without them growth is 1, as of a predictor at rest.

    Raises
    ------
    ValueError
        For tables of another shape.

    Examples
    --------
    >>> world = mechanism_world(True, True, True)
    >>> cube = (np.where(world.contexts < 0, 0.5, world.contexts) - 0.5, world.meanings - 0.5)
    >>> {name: round(value, 6) + 0.0 for name, value in read_outs(world, cube, cube[1] / 2).items()}
    {'words': 1.0, 'contexts': 1.0, 'growth': 2.0, 'alignment': 1.0, 'crossing': 0.0, 'between': 0.0}
    """
    check_instance("world", world, ViolatedWorld)
    f, g = (tables.embeddings, tables.unembeddings) if hasattr(tables, "embeddings") else tables
    words = [unembedding_steering_vectors(g, i) for i in range(N_CONCEPTS)]
    contexts = [embedding_steering_vectors(f, world.contexts, i) for i in range(N_CONCEPTS)]
    before = mean_length(g if earlier is None else earlier)
    crossing = [mean_cosine_between(contexts[i], words[j]) for i, j in ((1, 2), (2, 1))]
    return {
        "words": mean_pairwise_cosine(words[0]),
        "contexts": mean_pairwise_cosine(contexts[0]),
        "growth": mean_length(g) / before if before > 0 else float("nan"),
        "alignment": float(np.mean([mean_cosine_between(w, c) for w, c in zip(words, contexts, strict=True)])),
        "crossing": float(np.mean(crossing)),
        "between": mean_cosine_between(words[1], words[2]),
    }


def mean_length(unembeddings: Any) -> float:
    """Mean length of all unembedding steps, first within a concept, then over concepts.

    Examples
    --------
    >>> mean_length([[0.0], [1.0], [5.0], [7.0]])
    3.5
    """
    table = check_array("unembeddings", unembeddings, shape=("2**m", "dim"))
    n_concepts = max(1, len(table).bit_length() - 1)
    steps = [unembedding_steering_vectors(table, i) for i in range(n_concepts)]
    return float(np.mean([np.linalg.norm(step, axis=1).mean() for step in steps]))


def settled_read_outs(matched: bool, separated: bool, dim: int = DIMS[1]) -> dict[str, float]:
    """What the distribution alone settles where no word is impossible: the read-outs of the shortest predictor.

    Examples
    --------
    >>> {name: round(value, 2) + 0.0 for name, value in settled_read_outs(False, True).items()}
    {'words': 0.37, 'contexts': 1.0, 'growth': 1.0, 'alignment': 0.84, 'crossing': 0.0, 'between': 0.0}
    """
    world = mechanism_world(matched, False, separated)
    return read_outs(world, shortest_predictor(world, dim))


# ---- the study ------------------------------------------------------------------------------------------------------


def mechanism_cell(
    matched: bool,
    zeros: bool,
    separated: bool,
    dim: int,
    *,
    method: str = "gradient descent",
    learning_rate: float | None = LEARNING_RATE,
    start_scale: float = 1.0,
    n_seeds: int = 12,
    steps: int = STEPS,
) -> list[dict[str, Any]]:
    """One combination of switches: a training for each seed of the start, and what is read.

    Parameters
    ----------
    matched, zeros, separated
        See `mechanism_model`.
    dim
        Dimension *d*.
    method, learning_rate, start_scale
        See `linrep_core.violations.train_violated`.
    n_seeds
        Number of starts.
    steps
        Length of each training, at least 10.

    Returns
    -------
    list of dict
        ``seed``, ``excess_loss`` (nats) and the entries of `READ_OUTS`, a row a seed.

    Examples
    --------
    >>> (row,) = mechanism_cell(True, False, True, 4, n_seeds=1, steps=1000)
    >>> row["words"] > 0.9, row["excess_loss"] < 1e-2
    (True, True)
    """
    check_choice("method", method, METHODS)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    n_steps = check_integer("steps", steps, low=10)
    world = mechanism_world(matched, zeros, separated)
    kind = {"method": method, "learning_rate": learning_rate, "start_scale": start_scale, "progress": False}
    early, late = (
        train_violated([world] * len(seeds), dim, seeds=seeds, steps=n, **kind) for n in (n_steps // 10, n_steps)
    )
    rows = []
    for seed, before, after in zip(seeds, early, late, strict=True):
        found = read_outs(world, after.predictor, before.predictor.unembeddings)
        rows.append({"seed": seed, "excess_loss": after.excess_loss, **found})
    return rows


def runs_of(records: Any, **switches: Any) -> list[Mapping[str, Any]]:
    """The rows of a table with these values of switches, dimension or method.

    Examples
    --------
    >>> runs_of([{"matched": True, "dim": 4}, {"matched": False, "dim": 4}], matched=True)
    [{'matched': True, 'dim': 4}]
    """
    return [row for row in check_records("records", records, tuple(switches)) if switches.items() <= row.items()]


def switch_effect(records: Any, switch: str, read_out: str, **others: Any) -> Interval:
    """What a switch does to a read-out: on minus off, seed by seed, with the others held.

    Parameters
    ----------
    records
        Rows of `mechanism_cell` with their switches.
    switch, read_out
        Which.
    **others
        Values of the other switches and of ``dim``.

    Raises
    ------
    ValueError
        If on and off do not have the same seeds, one row each.

    Examples
    --------
    >>> rows = [{"zeros": on, "dim": 4, "seed": k, "growth": 1.0 + on * k} for on in (True, False) for k in (1, 2, 3)]
    >>> print(switch_effect(rows, "zeros", "growth", dim=4))
    +2.00 [-0.48, +4.48]
    """
    check_choice("switch", switch, SWITCHES)
    check_choice("read_out", read_out, tuple(READ_OUTS))
    on, off = (
        {r["seed"]: r[read_out] for r in runs_of(records, **{switch: value}, **others)} for value in (True, False)
    )
    n_rows = len(runs_of(records, **others))
    if not on or on.keys() != off.keys() or n_rows != 2 * len(on):
        raise ValueError(f"records must have one row a seed with {switch} on and off, got {n_rows} for {len(on)} seeds")
    return interval([on[seed] - off[seed] for seed in sorted(on)])
