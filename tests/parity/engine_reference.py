"""What `linrep_core` says to a configuration of the lab."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core import ConceptGraph, LatentConditionalModel, linearity, train
from linrep_core.geometry import embedding_steering_vectors, mean_cosine_between, unembedding_steering_vectors

Config = dict[str, Any]
MEASURES = ("unembedding", "embedding", "alignment", "between")


def configuration(**changes: Any) -> Config:
    """A small run with every field, and some of them changed."""
    return {
        "m": 3,
        "d": 3,
        "graph": "random",
        "graph_seed": 7,
        "edge_probability": 0.5,
        "edges": [],
        "joint": None,
        "context_set": "all",
        "context_weights": "masked",
        "mask_probability": 0.5,
        "told_wrongly": 0,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "start_scale": 1,
        "seed": 5,
        "precision": "float64",
        **changes,
    }


def graph_of(config: Config) -> ConceptGraph:
    m, seed = config["m"], config["graph_seed"]
    if config["graph"] == "random":
        return ConceptGraph.random(m, config["edge_probability"], seed=seed)
    chain = [(i, i + 1) for i in range(m - 1)]
    dag = nx.DiGraph({"drawn": map(tuple, config["edges"]), "chain": chain, "independent": []}[config["graph"]])
    dag.add_nodes_from(range(m))
    return ConceptGraph.with_random_tables(dag, seed=seed)


def model_of(config: Config) -> LatentConditionalModel:
    wrong = config["told_wrongly"]
    return LatentConditionalModel(
        graph_of(config),
        context_weights=config["context_weights"],
        mask_probability=config["mask_probability"],
        tellings=[[[1 - wrong, wrong], [wrong, 1 - wrong]]] * config["m"] if wrong else None,
    )


def contexts_of(config: Config) -> NDArray[np.int8]:
    """The contexts trained on: all, or those that know exactly one of the sets, in the order of all."""
    contexts = LatentConditionalModel(ConceptGraph.random(config["m"])).contexts()
    if config["context_set"] == "all":
        return contexts
    sets = [set() if part == "none" else set(map(int, part.split(","))) for part in config["context_set"].split("|")]
    return contexts[[set(np.flatnonzero(context != -1)) in sets for context in contexts]]


def trained(config: Config, steps: int) -> dict[str, Any]:
    """The fields of the engine's answer to "train", from torch in float64."""
    model, contexts = model_of(config), contexts_of(config)
    run = train(
        model,
        config["d"],
        steps=steps,
        optimizer=config["optimizer"],
        learning_rate=config["learning_rate"],
        momentum=config["momentum"],
        contexts=None if config["context_set"] == "all" else contexts,
        seed=config["seed"],
        progress=False,
    )
    report = linearity(model, run.predictor)
    words = [unembedding_steering_vectors(run.predictor.unembeddings, i) for i in range(config["m"])]
    told = [embedding_steering_vectors(run.predictor.embeddings, contexts, i) for i in range(config["m"])]
    return {
        "loss": run.loss,
        "excessLoss": run.excess_loss,
        "entropyFloor": run.entropy_floor,
        "embeddings": np.asarray(run.predictor.embeddings).ravel(),
        "unembeddings": np.asarray(run.predictor.unembeddings).ravel(),
        "perConcept": {name: getattr(report, name) for name in MEASURES},
        "cosines": report.mean,
        "heatMap": report.heat_map.ravel(),
        "crossing": [mean_cosine_between(steps, others) for steps in words for others in told],
        "lengths": [np.linalg.norm(steps, axis=1).mean() for steps in words],
        "pHat": np.exp(np.asarray(run.predictor.log_probabilities())),
    }


def array(values: Any) -> NDArray[np.float64]:
    """Numbers from the engine, null being NaN."""
    return np.asarray(values, dtype=float)


def difference(found: Any, expected: Any) -> float:
    """The largest difference of two tables, relative to the largest entry of the second."""
    found, expected = array(found), array(expected)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())
