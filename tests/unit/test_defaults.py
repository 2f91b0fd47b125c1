"""What one gets without asking: the values that the docstrings and the book promise."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from worlds import EDGES, FIELD_EDGES, dag_world, field_world

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, train

MODEL = LatentConditionalModel(dag_world())


def stop_at_once(step, excess):
    raise KeyboardInterrupt


PAIRS = {
    "random": (
        lambda: ConceptGraph.random(5).joint(),
        lambda: ConceptGraph.random(5, 0.5, parameter_range=(0.3, 0.7), seed=0).joint(),
    ),
    "with_random_tables": (
        lambda: ConceptGraph.with_random_tables(nx.DiGraph(EDGES)).joint(),
        lambda: ConceptGraph.with_random_tables(nx.DiGraph(EDGES), parameter_range=(0.3, 0.7), seed=0).joint(),
    ),
    "from_markov_random_field": (
        lambda: ConceptGraph.from_markov_random_field(nx.Graph(list(FIELD_EDGES)), FIELD_EDGES).joint(),
        lambda: ConceptGraph.from_markov_random_field(nx.Graph(list(FIELD_EDGES)), FIELD_EDGES, {}).joint(),
    ),
    "sample": (lambda: dag_world().sample(20), lambda: dag_world().sample(20, seed=0)),
    "gibbs_sample": (
        lambda: field_world().gibbs_sample(20),
        lambda: field_world().gibbs_sample(20, burn_in=100, thin=1, seed=0),
    ),
    "weights": (
        lambda: MODEL.weights(),
        lambda: LatentConditionalModel(dag_world(), context_weights="masked", mask_probability=0.5).weights(),
    ),
    "corpus": (lambda: np.array(MODEL.sample(20)), lambda: np.array(MODEL.sample(20, None, seed=0))),
    "initialize": (
        lambda: SoftmaxPredictor.initialize(MODEL, 2).embeddings,
        lambda: (
            SoftmaxPredictor.initialize(
                MODEL, 2, contexts=None, initialization="lookup_table", seed=0, dtype=torch.float64
            ).embeddings
        ),
    ),
    "scale": (
        lambda: SoftmaxPredictor.initialize(MODEL, 2, initialization="gaussian").embeddings,
        lambda: SoftmaxPredictor.initialize(MODEL, 2, initialization="gaussian", scale=0.1).embeddings,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_default_is_the_documented_value(name):
    default, explicit = (np.asarray(call()) for call in PAIRS[name])
    np.testing.assert_array_equal(default, explicit)
    assert default.dtype == explicit.dtype


def test_training_is_adam_on_the_full_batch_for_2000_steps():
    run = train(MODEL, 3, callback=stop_at_once, progress=False)
    assert run.settings == {
        "dim": 3,
        "steps": 2000,
        "optimizer": "adam",
        "learning_rate": 0.02,
        "momentum": 0.9,
        "batch_size": None,
        "initialization": "lookup_table",
        "scale": 0.1,
        "seed": 0,
        "dtype": torch.float64,
        "device": None,
    }
    assert run.snapshots == []
