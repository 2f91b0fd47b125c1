"""The configuration of a lab in Python: the same fields, bounds and defaults as ``state.mjs``, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import check_choice, check_integer, check_number
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.language import UNKNOWN, LatentConditionalModel

GRAPHS = ("random", "chain", "independent", "drawn", "given")
MAX_SEED = 2**32 - 1
MAX_JOINT_ERROR = 1e-9  # of the sum of a joint distribution from 1

Config = dict[str, Any]


def default_config(m: int = 5) -> Config:
    """The configuration of a fresh lab."""
    return {
        "m": m,
        "d": 5,
        "graph": "random",
        "graph_seed": 0,
        "edge_probability": 0.5,
        "edges": [],
        "joint": None,
        "context_set": "all",
        "context_weights": "masked",
        "mask_probability": 0.5,
        "told_wrongly": 0.0,
        "optimizer": "adam",
        "learning_rate": 0.02,
        "momentum": 0.9,
        "start_scale": 1.0,
        "seed": 0,
        "precision": "float64",
        "concept": 0,
        "context": "1" + "?" * (m - 1),
        "speed": "accelerating",
    }


VIEW_FIELDS = ("concept", "context", "speed")  # what one looks at, not what is trained
FIELDS = tuple(default_config())


# ---- checks -----------------------------------------------------------------------------------------------------


def check_config(given: Mapping[str, Any]) -> Config:
    """The defaults with `given` laid over them.

    Raises
    ------
    ValueError
        Naming the field, for an unknown name or a bad value.
    """
    unknown = set(given) - set(FIELDS)
    if unknown:
        raise ValueError(f"config must have the fields {', '.join(FIELDS)}, got {sorted(unknown, key=str)[0]!r}")
    config = default_config(_CHECKS["m"](given.get("m", 5), {}))
    for name in FIELDS:  # later fields are checked against earlier ones
        if name in given:
            config[name] = check_field(name, given[name], config)
    if config["graph"] == "given" and config["joint"] is None:
        raise ValueError("joint must be given with graph='given', got None")
    return config


def check_field(name: str, value: Any, config: Mapping[str, Any]) -> Any:
    """The checked value of one field, in a configuration that holds the fields before it."""
    return _CHECKS[name](value, config)


def changed_config(config: Config, **change: Any) -> Config:
    """The configuration with some fields changed, and whatever no longer fits (edges of a lost concept) cut."""
    new = {**config, **change}
    if new["m"] != config["m"]:
        m = new["m"]
        new["edges"] = [edge for edge in new["edges"] if max(edge) < m]
        new["context"] = new["context"][:m].ljust(m, "?")
        new["concept"] = min(new["concept"], m - 1)
        if max((i for known in known_sets(new["context_set"]) or [()] for i in known), default=0) >= m:
            new["context_set"] = "all"
        if new["graph"] == "given":
            new.update(graph="random", joint=None, edges=[])
    if new["graph"] != "given":
        new["joint"] = None
        if new["graph"] != "drawn":
            new["edges"] = []
    return new


def _edges(value: Any, config: Mapping[str, Any]) -> list[list[int]]:
    m = config["m"]
    wrong = f"edges must be pairs of different concepts below {m}, each pair once, got {value!r}"
    if not isinstance(value, list | tuple) or len(value) > m * (m - 1) // 2:
        raise ValueError(wrong)
    seen = set()
    for edge in value:
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            raise ValueError(wrong)
        pair = frozenset(check_integer("edges", concept, low=0, high=m - 1) for concept in edge)
        if len(pair) < 2 or pair in seen:
            raise ValueError(wrong)
        seen.add(pair)
    edges = [[int(i), int(j)] for i, j in value]
    if config["graph"] == "drawn" and not nx.is_directed_acyclic_graph(nx.DiGraph(edges)):
        raise ValueError(f"edges must have no cycle, got {edges}")
    return edges


def _joint(value: Any, config: Mapping[str, Any]) -> list[float] | None:
    if value is None:
        return None
    wrong = f"joint must be {2 ** config['m']} positive probabilities that sum to 1"
    if isinstance(value, str | Mapping) or not hasattr(value, "__len__") or len(value) != 2 ** config["m"]:
        raise ValueError(f"{wrong}, got {value!r}"[:300])
    table = [check_number("joint", float(p) if isinstance(p, np.floating) else p, low=0.0, high=1.0) for p in value]
    if min(table) <= 0 or abs(sum(table) - 1) > MAX_JOINT_ERROR:
        raise ValueError(f"{wrong}, got a sum of {sum(table)} and a smallest entry of {min(table)}")
    return table


def _context_set(value: Any, config: Mapping[str, Any]) -> str:
    part = r"(none|\d(,\d)*)"
    known = known_sets(value) if isinstance(value, str) and re.fullmatch(rf"all|{part}(\|{part})*", value) else [(9,)]
    if known is None:
        return "all"
    if any(len(set(concepts)) < len(concepts) or max(concepts, default=0) >= config["m"] for concepts in known):
        raise ValueError(
            f"context_set must be 'all', 'none' or sets of concepts below {config['m']} such as '0', '0,1' or '0|1', "
            f"got {value!r}"
        )
    return "|".join(dict.fromkeys(",".join(map(str, sorted(concepts))) or "none" for concepts in known))


def known_sets(context_set: str) -> list[tuple[int, ...]] | None:
    """The sets of concepts that contexts know; None stands for all of them."""
    if context_set == "all":
        return None
    return [() if part == "none" else tuple(map(int, part.split(","))) for part in context_set.split("|")]


def _context(value: Any, config: Mapping[str, Any]) -> str:
    if not isinstance(value, str) or len(value) != config["m"] or set(value) - set("01?"):
        raise ValueError(f"context must be {config['m']} letters 0, 1 or ?, one a concept, got {value!r}")
    return value


def _integer(name: str, low: int, high: int) -> Callable[[Any, Mapping[str, Any]], int]:
    return lambda value, config: check_integer(name, value, low=low, high=high)


def _choice(name: str, *choices: str) -> Callable[[Any, Mapping[str, Any]], str]:
    return lambda value, config: check_choice(name, value, choices)


def _number(name: str, low: float, high: float, *, open_ends: str = "") -> Callable[[Any, Mapping[str, Any]], float]:
    def check(value: Any, config: Mapping[str, Any]) -> float:
        number = check_number(name, value, low=low, high=high)
        if (number == low and "low" in open_ends) or (number == high and "high" in open_ends):
            raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {value}")
        return number

    return check


_CHECKS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "m": _integer("m", 2, 8),
    "d": _integer("d", 1, 16),
    "graph": _choice("graph", *GRAPHS),
    "graph_seed": _integer("graph_seed", 0, MAX_SEED),
    "edge_probability": _number("edge_probability", 0, 1),
    "edges": _edges,
    "joint": _joint,
    "context_set": _context_set,
    "context_weights": _choice("context_weights", "masked", "uniform"),
    "mask_probability": _number("mask_probability", 0, 1, open_ends="low high"),
    "told_wrongly": _number("told_wrongly", 0, 0.5, open_ends="high"),
    "optimizer": _choice("optimizer", "sgd", "momentum", "adam"),
    "learning_rate": _number("learning_rate", 0, 1000, open_ends="low"),
    "momentum": _number("momentum", 0, 1, open_ends="high"),
    "start_scale": _number("start_scale", 0, 100, open_ends="low"),
    "seed": _integer("seed", 0, MAX_SEED),
    "precision": _choice("precision", "float64", "float32"),
    "concept": lambda value, config: check_integer("concept", value, low=0, high=config["m"] - 1),
    "context": _context,
    "speed": _choice("speed", "slow", "accelerating", "full"),
}


# ---- what a configuration means ---------------------------------------------------------------------------------


def graph_of(config: Mapping[str, Any]) -> ConceptGraph:
    """The world of a configuration: the same graph and tables as in the browser."""
    m, seed = config["m"], config["graph_seed"]
    if config["graph"] == "random":
        return ConceptGraph.random(m, config["edge_probability"], seed=seed)
    if config["graph"] == "given":
        return _graph_from_joint(np.array(config["joint"]), config["edges"])
    edges = {"chain": [[i, i + 1] for i in range(m - 1)], "independent": [], "drawn": config["edges"]}[config["graph"]]
    return ConceptGraph.with_random_tables(_dag(m, edges), seed=seed)


def model_of(config: Mapping[str, Any]) -> LatentConditionalModel:
    """The latent conditional model of a configuration."""
    return LatentConditionalModel(
        graph_of(config),
        context_weights=config["context_weights"],
        mask_probability=config["mask_probability"],
        tellings=tellings_of(config),
    )


def tellings_of(config: Mapping[str, Any]) -> list[list[list[float]]] | None:
    """How surely a context tells each concept, as `LatentConditionalModel` takes it; None for certain."""
    wrong = config["told_wrongly"]
    return [[[1 - wrong, wrong], [wrong, 1 - wrong]]] * config["m"] if wrong > 0 else None


def told_wrongly_in(model: LatentConditionalModel) -> float:
    """The one probability with which a model's contexts tell a concept wrongly.

    Raises
    ------
    ValueError
        If the model's tellings are not those of `tellings_of`.
    """
    wrong = float(model.tellings[0][-1, 0])
    wanted = np.array([[1 - wrong, wrong], [wrong, 1 - wrong]])
    if wrong >= 0.5 or not all(np.shape(table) == (2, 2) and np.allclose(table, wanted) for table in model.tellings):
        raise ValueError(
            "model must tell two values of each concept, wrongly with one probability below 1/2, "
            f"got tellings {[table.tolist() for table in model.tellings]}"[:300]
        )
    return wrong


def contexts_of(config: Mapping[str, Any]) -> NDArray[np.int8] | None:
    """The contexts that are trained, in the order of `LatentConditionalModel.contexts`; None for all of them."""
    sets = known_sets(config["context_set"])
    if sets is None:
        return None
    digits = np.indices((3,) * config["m"], dtype=np.int8).reshape(config["m"], -1).T
    contexts = np.where(digits == 2, UNKNOWN, digits).astype(np.int8)
    known = contexts != UNKNOWN
    wanted = np.zeros((len(sets), config["m"]), dtype=bool)
    for row, concepts in zip(wanted, sets, strict=True):
        row[list(concepts)] = True
    return contexts[(known[:, None, :] == wanted[None]).all(axis=2).any(axis=1)]


def _dag(m: int, edges: Any) -> nx.DiGraph:
    dag = nx.DiGraph([tuple(edge) for edge in edges])
    dag.add_nodes_from(range(m))
    return dag


def _graph_from_joint(joint: NDArray[np.float64], edges: list[list[int]]) -> ConceptGraph:
    """A graph with this joint: over `edges` if the joint factorises along them, else over the complete graph."""
    m = len(joint).bit_length() - 1
    dag = _dag(m, edges)
    if nx.is_directed_acyclic_graph(dag):
        graph = _with_tables_from(joint, dag)
        if np.allclose(graph.joint(), joint, rtol=1e-9, atol=0):
            return graph
    return _with_tables_from(joint, _dag(m, [[i, j] for j in range(m) for i in range(j)]))


def _with_tables_from(joint: NDArray[np.float64], dag: nx.DiGraph) -> ConceptGraph:
    tokens = concept_vectors(len(dag))
    tables = {}
    for j in range(len(dag)):
        parents = sorted(dag.predecessors(j))
        tables[j] = {}
        for values in map(tuple, concept_vectors(len(parents)) if parents else [()]):
            agree = (tokens[:, parents] == np.array(values, dtype=int)).all(axis=1)
            tables[j][tuple(map(int, values))] = float(joint[agree & (tokens[:, j] == 1)].sum() / joint[agree].sum())
    return ConceptGraph.from_dag(dag, tables)
