"""Bad input: whatever is wrong with an argument, a ValueError names the argument, the value and what would be right.

`CALLS` names every public callable with arguments that work; `BAD` lists what goes wrong with each argument, and the
words that the message must hold. Two tests keep both complete: they read the signatures.
"""

from __future__ import annotations

import contextlib
import inspect
import pkgutil
import tempfile
from importlib import import_module
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds import EDGES, FIELD_EDGES, FIELD_NODES, TABLES, dag_world, field_world

import linrep_core
from linrep_core import (
    ConceptGraph,
    LatentConditionalModel,
    LinearityReport,
    SoftmaxPredictor,
    Vocabulary,
    figures,
    linearity,
    train,
)
from linrep_core.concepts import concept_vectors
from linrep_core.ensemble import train_many
from linrep_core.geometry import (
    embedding_steering_vectors,
    mean_cosine_between,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)
from linrep_core.kernel import tiled_cross_entropy
from linrep_core.language import subset_sums
from linrep_core.logit_distance import near_zero_divergence_pair
from linrep_core.phase_diagram import Diagram, cells, diagrams, method_settings, method_steps, phase_cell
from linrep_core.predictor import cross_entropy
from linrep_core.reproduction import (
    compare,
    estimate,
    history_rows,
    likeliest_length,
    masked_contexts,
    n_stuck,
    paper_block,
    paper_heat_maps,
    paper_runs,
    paper_world,
    random_masks,
    runs_at,
)
from linrep_core.sentences import Sentences, SentenceWorld
from linrep_core.sweeps import Sweep, read_results, run_sweep
from linrep_core.training import logarithmic_steps
from linrep_core.transformer import Transformer
from linrep_core.transformer_training import (
    as_predictor,
    layer_reports,
    sentence_cosines,
    train_transformer,
    word_cosines,
)

NAN, INF, HUGE = float("nan"), float("inf"), 10**400

DAG = dag_world()
FIELD = field_world()
MODEL = LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=0))
OTHER_MODEL = LatentConditionalModel(ConceptGraph.random(3, 1.0, seed=0))
LARGE = ConceptGraph.random(13, 0.1, seed=0)
START = SoftmaxPredictor.initialize(MODEL, 2)
F, G = START.embeddings, START.unembeddings
WORDS = Vocabulary.court(2)
CONTEXTS = [[0, -1], [1, -1], [-1, 1]]
SUBSET_START = SoftmaxPredictor.initialize(MODEL, 2, contexts=CONTEXTS)
RUN = train(MODEL, 2, steps=3, n_snapshots=2, progress=False)
REPORT = linearity(MODEL, RUN.predictor)
TWO_NODES = nx.Graph([(0, 1)])
RECORDS_OF_TABLE_1 = paper_block("table-1-m3", steps=2, first_seed=0, n_seeds=2)
CELL = {"n_concepts": 2, "dim": 2, "method": "adam", "start": "small", "context_weights": "masked"}
PHASES = [{**CELL, **record} for record in phase_cell(**CELL, steps=2, n_seeds=1)]
DIAGRAM = Diagram("adam", "small", "masked", tuple(cells(PHASES)))
COMPARISONS = compare("table-1-m3", RECORDS_OF_TABLE_1)

WORLD = SentenceWorld(MODEL)
SPOKEN = WORLD.sample(3)[0]
SHAPE = {"n_layers": 1, "width": 4, "n_heads": 2, "tied": False}
READER = Transformer(n_words=WORLD.n_words, n_positions=WORLD.length, **SHAPE)
READING = train_transformer(WORLD, **SHAPE, steps=1, progress=False)


def squares(n, power=2):
    """What a sweep runs at every point of its grid."""
    return {"power_of_n": n**power}


SWEEP = Sweep(squares, {"n": [1, 2]})
FOLDER = tempfile.TemporaryDirectory()  # gone when the tests end
RESULTS = Path(FOLDER.name) / "squares.csv"
run_sweep(SWEEP, RESULTS, n_jobs=1, progress=False)

PLANE = near_zero_divergence_pair(1.0)
STATEMENTS = nx.DiGraph([("lem-a", "thm-b")])
for _label in STATEMENTS:
    STATEMENTS.nodes[_label].update(title=f"title of {_label}", source="this book")


def with_entry(table, value):
    changed = torch.as_tensor(table).clone()
    changed[0, 0] = value
    return changed


EXPLORER = {
    "contexts": ["x"],
    "concepts": ["c"],
    "strengths": [0, 2],
    "pairs": [["a", "b"]],
    "tokens": [[[["y", "a", "b"]] * 2]],
    "probabilities": [[[[0.5, 0.2, 0.1], [0.4, 0.1, 0.2]]]],
    "log_odds": [[0.1]],
    "slopes": [[1.0]],
}
TOLD = [[0.9, 0.2], [0.1, 0.8]]
CALLS = {
    "concept_vectors": (concept_vectors, {"n_concepts": 2, "n_values": (2, 3)}),
    "ConceptGraph": (
        ConceptGraph,
        {
            "n_concepts": 4,
            "markov_random_field": DAG.markov_random_field,
            "dag": DAG.dag,
            "tables": DAG.tables,
            "log_potential": None,
            "n_values": 2,
        },
    ),
    "ConceptGraph.random": (
        ConceptGraph.random,
        {"n_concepts": 3, "edge_probability": 0.5, "n_values": 2, "parameter_range": (0.3, 0.7), "seed": 0},
    ),
    "ConceptGraph.with_random_tables": (
        ConceptGraph.with_random_tables,
        {"dag": nx.DiGraph(EDGES), "n_values": 2, "parameter_range": (0.3, 0.7), "seed": 0},
    ),
    "ConceptGraph.from_dag": (ConceptGraph.from_dag, {"dag": nx.DiGraph(EDGES), "cpts": TABLES, "n_values": 2}),
    "ConceptGraph.from_markov_random_field": (
        ConceptGraph.from_markov_random_field,
        {
            "graph": nx.Graph(list(FIELD_EDGES)),
            "edge_potentials": FIELD_EDGES,
            "node_potentials": FIELD_NODES,
            "n_values": 2,
        },
    ),
    "ConceptGraph.marginal": (DAG.marginal, {"concepts": [0, 2]}),
    "ConceptGraph.conditional": (DAG.conditional, {"concept": 0, "given": {1: 1}, "value": 1}),
    "ConceptGraph.neighbours": (DAG.neighbours, {"concept": 0}),
    "ConceptGraph.separated": (FIELD.separated, {"first": 0, "second": 3, "given": [1]}),
    "ConceptGraph.d_separated": (DAG.d_separated, {"first": 0, "second": 3, "given": [1]}),
    "ConceptGraph.sample": (DAG.sample, {"n_samples": 3, "seed": 0}),
    "ConceptGraph.gibbs_sample": (FIELD.gibbs_sample, {"n_samples": 3, "burn_in": 1, "thin": 1, "seed": 0}),
    "subset_sums": (subset_sums, {"values": np.ones((4, 2)), "n_concepts": 2}),
    "LatentConditionalModel": (
        LatentConditionalModel,
        {
            "graph": DAG,
            "tellings": [TOLD, None, None, TOLD],
            "context_weights": "masked",
            "mask_probability": 0.5,
            "possible_tokens": np.eye(4),
        },
    ),
    "LatentConditionalModel.context_index": (MODEL.context_index, {"contexts": CONTEXTS}),
    "LatentConditionalModel.weights": (MODEL.weights, {"contexts": CONTEXTS}),
    "LatentConditionalModel.next_token_distribution": (MODEL.next_token_distribution, {"contexts": CONTEXTS}),
    "LatentConditionalModel.sums_over_tokens": (MODEL.sums_over_tokens, {"values": G}),
    "LatentConditionalModel.expected_unembedding": (
        MODEL.expected_unembedding,
        {"unembeddings": G, "contexts": CONTEXTS},
    ),
    "LatentConditionalModel.entropies": (MODEL.entropies, {"contexts": CONTEXTS}),
    "LatentConditionalModel.entropy_floor": (MODEL.entropy_floor, {"contexts": CONTEXTS}),
    "LatentConditionalModel.context_probabilities": (MODEL.context_probabilities, {"contexts": CONTEXTS}),
    "LatentConditionalModel.sampler": (MODEL.sampler, {"contexts": CONTEXTS}),
    "LatentConditionalModel.sample": (MODEL.sample, {"n_samples": 3, "contexts": CONTEXTS, "seed": 0}),
    "Vocabulary": (
        Vocabulary,
        {"concepts": ("a", "b"), "values": (("c", "d"), ("e", "f")), "tokens": ("g", "h", "i", "j")},
    ),
    "Vocabulary.court": (Vocabulary.court, {"n_concepts": 2}),
    "Vocabulary.bits": (Vocabulary.bits, {"n_concepts": 2}),
    "Vocabulary.describe": (WORDS.describe, {"context": [0, -1]}),
    "SoftmaxPredictor": (
        SoftmaxPredictor,
        {"embeddings": F[:3], "unembeddings": G, "contexts": CONTEXTS, "n_tellings": 2},
    ),
    "SoftmaxPredictor.initialize": (
        SoftmaxPredictor.initialize,
        {
            "model": MODEL,
            "dim": 2,
            "contexts": CONTEXTS,
            "initialization": "gaussian",
            "scale": 0.1,
            "seed": 0,
            "dtype": torch.float64,
        },
    ),
    "SoftmaxPredictor.loss": (START.loss, {"model": MODEL}),
    "SoftmaxPredictor.excess_loss": (START.excess_loss, {"model": MODEL}),
    "cross_entropy": (
        cross_entropy,
        {
            "embeddings": F,
            "unembeddings": G,
            "expected_unembedding": MODEL.expected_unembedding(G),
            "weights": torch.as_tensor(MODEL.weights()),
        },
    ),
    "tiled_cross_entropy": (
        tiled_cross_entropy,
        {
            "embeddings": F,
            "unembeddings": G,
            "expected_unembedding": MODEL.expected_unembedding(G),
            "weights": torch.as_tensor(MODEL.weights()),
        },
    ),
    "train_many": (
        train_many,
        {
            "models": [MODEL, MODEL],
            "dim": 2,
            "seeds": [0, 1],
            "steps": 2,
            "optimizer": "momentum",
            "learning_rate": 0.1,
            "momentum": 0.9,
            "batch_size": 4,
            "contexts": CONTEXTS,
            "initialization": "gaussian",
            "scale": 0.1,
            "dtype": torch.float64,
            "n_records": 2,
            "progress": False,
        },
    ),
    "random_masks": (random_masks, {"n_concepts": 2, "n_masks": 3, "seed": 0}),
    "masked_contexts": (masked_contexts, {"tokens": [[0, 1]], "masks": [[0, 1]]}),
    "paper_world": (
        paper_world,
        {
            "n_concepts": 2,
            "seed": 0,
            "n_masks": 3,
            "share_of_tokens": 0.5,
            "edge_probability": 0.5,
            "context_weights": "masked",
        },
    ),
    "paper_runs": (
        paper_runs,
        {
            "n_concepts": 2,
            "seeds": [0, 1],
            "steps": 2,
            "optimizer": "sgd",
            "dim": 2,
            "n_masks": 3,
            "share_of_tokens": 0.5,
            "edge_probability": 0.5,
            "learning_rate": 0.1,
            "n_records": 2,
            "progress": False,
        },
    ),
    "history_rows": (history_rows, {"runs": [RUN]}),
    "method_settings": (method_settings, {"method": "adam", "n_concepts": 3}),
    "method_steps": (method_steps, {"method": "adam", "n_concepts": 3}),
    "phase_cell": (phase_cell, {**CELL, "steps": 2, "n_seeds": 1, "n_masks": 2, "share_of_tokens": 0.5}),
    "cells": (cells, {"records": PHASES}),
    "diagrams": (diagrams, {"records": PHASES}),
    "estimate": (estimate, {"values": [0.9, 1.0]}),
    "runs_at": (runs_at, {"records": RECORDS_OF_TABLE_1, "step": 2}),
    "compare": (compare, {"row": "table-1-m3", "records": RECORDS_OF_TABLE_1, "step": 2}),
    "n_stuck": (n_stuck, {"records": RECORDS_OF_TABLE_1}),
    "likeliest_length": (likeliest_length, {"row": "table-1-m3", "records": RECORDS_OF_TABLE_1}),
    "paper_block": (paper_block, {"row": "table-1-m3", "steps": 2, "first_seed": 0, "n_seeds": 1}),
    "paper_heat_maps": (paper_heat_maps, {"row": "table-1-m3", "steps": 2, "first_seed": 0, "n_seeds": 1}),
    "Sweep": (Sweep, {"function": squares, "grid": {"n": [1, 2]}}),
    "run_sweep": (
        run_sweep,
        {"sweep": SWEEP, "path": RESULTS, "backend": "loky", "n_jobs": 1, "progress": False},
    ),
    "read_results": (read_results, {"path": RESULTS}),
    "train": (
        train,
        {
            "model": MODEL,
            "dim": 2,
            "steps": 2,
            "optimizer": "momentum",
            "learning_rate": 0.1,
            "momentum": 0.9,
            "batch_size": 4,
            "contexts": CONTEXTS,
            "initialization": "gaussian",
            "scale": 0.1,
            "seed": 0,
            "dtype": torch.float64,
            "device": "cpu",
            "stop_when": {"excess_loss": 0.01},
            "n_snapshots": 1,
            "callback": print,
            "progress": False,
        },
    ),
    "logarithmic_steps": (logarithmic_steps, {"steps": 10, "count": 3}),
    "unembedding_steering_vectors": (unembedding_steering_vectors, {"unembeddings": G, "concept": 0}),
    "embedding_steering_vectors": (
        embedding_steering_vectors,
        {"embeddings": F[:3], "contexts": CONTEXTS, "concept": 0},
    ),
    "mean_pairwise_cosine": (mean_pairwise_cosine, {"vectors": G}),
    "mean_cosine_between": (mean_cosine_between, {"first": G, "second": F}),
    "linearity": (linearity, {"model": MODEL, "predictor": START}),
    "LinearityReport": (
        LinearityReport,
        {"unembedding": [1, 1], "embedding": [1, NAN], "alignment": [1, 1], "between": [0, 0], "heat_map": np.eye(2)},
    ),
    "SentenceWorld": (
        SentenceWorld,
        {
            "model": MODEL,
            "vocabulary": WORDS,
            "n_synonyms": 2,
            "shuffled": True,
            "negations": True,
            "named": False,
            "n_fillers": 1,
        },
    ),
    "SentenceWorld.write": (WORLD.write, {"contexts": CONTEXTS, "seed": 0}),
    "SentenceWorld.paraphrases": (WORLD.paraphrases, {"contexts": CONTEXTS, "n_variants": 2, "seed": 0}),
    "SentenceWorld.sample": (WORLD.sample, {"n_sentences": 3, "seed": 0}),
    "SentenceWorld.texts": (lambda sentences: list(WORLD.texts(sentences)), {"sentences": SPOKEN}),
    "Transformer": (Transformer, {"n_words": 5, "n_positions": 3, **SHAPE}),
    "Transformer.streams": (READER.streams, {"words": torch.as_tensor(SPOKEN.words)}),
    "Transformer.forward": (READER.forward, {"words": torch.as_tensor(SPOKEN.words)}),
    "train_transformer": (
        train_transformer,
        {
            "world": WORLD,
            **SHAPE,
            "n_sentences": 5,
            "steps": 1,
            "batch_size": 2,
            "learning_rate": 0.01,
            "seed": 0,
            "dtype": torch.float64,
            "device": "cpu",
            "callback": lambda step, excess: None,
            "progress": False,
        },
    ),
    "as_predictor": (as_predictor, {"run": READING, "n_sentences": 2, "seed": 0}),
    "layer_reports": (layer_reports, {"run": READING, "n_sentences": 2, "seed": 0}),
    "sentence_cosines": (sentence_cosines, {"run": READING, "n_sentences": 2, "seed": 0}),
    "word_cosines": (word_cosines, {"run": READING}),
    "concept_graph": (figures.concept_graph, {"graph": DAG, "names": ["a", "b", "c", "d"]}),
    "moral_graph": (figures.moral_graph, {"graph": DAG, "names": ["a", "b", "c", "d"]}),
    "next_token_table": (
        figures.next_token_table,
        {"model": MODEL, "contexts": CONTEXTS, "vocabulary": WORDS},
    ),
    "statement_graph": (figures.statement_graph, {"graph": STATEMENTS}),
    "cosine_tables": (figures.cosine_tables, {"tables": {"here": [[1.0]]}, "names": ["a"]}),
    "phase_map": (figures.phase_map, {"diagrams": [DIAGRAM], "limits": {2: (3, 0.27)}}),
    "beside_the_paper": (figures.beside_the_paper, {"rows": {"m = 3": COMPARISONS}}),
    "unembedding_space": (
        figures.unembedding_space,
        {"unembeddings": G, "vocabulary": WORDS, "concepts": [0], "color_by": 0},
    ),
    "unembedding_animation": (
        figures.unembedding_animation,
        {"run": RUN, "vocabulary": WORDS, "concepts": [0], "color_by": 0},
    ),
    "unembedding_slider": (
        figures.unembedding_slider,
        {"tables": {"0": G}, "vocabulary": WORDS, "concepts": [0], "color_by": 0, "prefix": "moved by "},
    ),
    "pair_slider": (
        figures.pair_slider,
        {"pairs": {1: PLANE}, "curves": {"c": [1]}, "x_title": "x", "y_title": "y", "description": "A pair."},
    ),
    "context_slider": (
        figures.context_slider,
        {"places": {"0": F[:4]}, "values": [1, 2, 3, 4], "shape": (2, 2), "prefix": "at ", "values_title": "nats"},
    ),
    "equivalence_slider": (
        figures.equivalence_slider,
        {"predictors": {"0": START}, "vocabulary": WORDS, "contexts": list("abcdefghi"), "color_by": 0, "prefix": ""},
    ),
    "value_space": (
        figures.value_space,
        {"shapes": {"a": np.ones((1, 3, 2))}, "rings": ["a"], "title": "Which"},
    ),
    "strips": (figures.strips, {"rows": {"a": {"s": [1, 2]}}, "x_title": "x", "description": "Dots."}),
    "training_curves": (figures.training_curves, {"run": RUN}),
    "concept_heat_maps": (figures.concept_heat_maps, {"tables": {"t": [[1, 0], [0, 1]]}, "names": ["a", "b"]}),
    "intervals": (figures.intervals, {"rows": {"m": {"s": [1, 0, 2]}}, "x_title": "x", "description": "One."}),
    "intervals_slider": (
        figures.intervals_slider,
        {"charts": {"c": {"m": {"s": [1, 0, 2]}}}, "x_title": "x", "prefix": "at ", "description": "One."},
    ),
    "plane_slider": (
        figures.plane_slider,
        {"places": {"0": {"one": [[1, 0]]}}, "prefix": "p = ", "description": "Words."},
    ),
    "concept_dots": (figures.concept_dots, {"charts": {"c": {"s": [1, 2]}}, "names": ["a", "b"], "x_title": "x"}),
    "steering_explorer": (figures.steering_explorer, {"data": EXPLORER}),
    "cosine_heat_map": (figures.cosine_heat_map, {"report": REPORT, "names": ["a", "b"]}),
    "means": (
        figures.means,
        {"series": {"a": {1: [3, 4], 2: [5]}}, "x_title": "x", "y_title": "y", "description": "A mean.", "log": "x"},
    ),
    "dose_response": (
        figures.dose_response,
        {"charts": {"c": {"s": {1: [3, 4], 2: [5]}}}, "x_title": "x", "y_title": "y"},
    ),
    "lines": (
        figures.lines,
        {
            "series": {"a": ([1, 2], [3, 4])},
            "x_title": "x",
            "y_title": "y",
            "description": "A line.",
            "log": "x",
            "joined": True,
        },
    ),
}

# Records that only the package fills, and whose fields it reads back: no door for a reader's numbers.
HERE = (
    "concepts",
    "language",
    "kernel",
    "predictor",
    "geometry",
    "training",
    "ensemble",
    "reproduction",
    "phase_diagram",
    "sweeps",
    "sentences",
    "transformer",
    "transformer_training",
    "figures",
)
# natural_gradient has no arguments of its own: `train` checks them
ELSEWHERE = {
    *("distillation", "identifiability", "intervals", "linear_properties", "log_posteriors", "logit_distance"),
    *("chains", "class_members", "depth", "llm_equivalence", "objectives", "trained_pairs"),
    *("exercises", "lab", "llm", "llm_study", "llm_zeros", "natural_gradient", "steering", "theorems"),
    *("transformer_study", "word_pairs", "word_vectors"),
    *("many_values", "mechanisms", "superposition", "superposition_study", "toy_model", "violations", "word_orders"),
}
RECORDS = {"Sentences", "TransformerRun"} | {
    "TrainingRun",
    "TrainingDiverged",
    "Snapshot",
    "Estimate",
    "Comparison",
    "Row",
    "Cell",
    "Diagram",
}

# ---- what goes wrong with each kind of argument: (value, words of the message besides the argument's name) ------

BAD_SEEDS = [
    (-1, "at least 0, got -1"),
    (0.5, "integer, got 0.5"),
    (None, "integer, got None"),
    ("zero", "integer, got 'zero'"),
    (True, "integer, got True"),
    ([0], "integer, got [0]"),
]
BAD_COUNTS = [
    (-1, "at least 0, got -1"),
    (2.0, "integer, got 2.0"),
    ("3", "integer, got '3'"),
    (True, "integer, got True"),
    (10**30, "at most", "got 1000000000000000000000000000000"),
    (HUGE, "at most", "number of 1329 bits"),
    (NAN, "integer, got nan"),
]
BAD_DIMS = [
    (0, "at least 1, got 0"),
    (-3, "at least 1, got -3"),
    (2.0, "integer, got 2.0"),
    (None, "integer, got None"),
    ("2", "integer, got '2'"),
    (False, "integer, got False"),
    (10**12, "at most", "got 1000000000000"),
]
BAD_CONCEPTS = [
    (-1, "at least 0, got -1"),
    (4, "at most", "got 4"),
    (0.0, "integer, got 0.0"),
    ("0", "integer, got '0'"),
    (None, "integer, got None"),
]
BAD_METHODS = [("lbfgs", "one of 'gradient descent', 'sgd', 'adam', got 'lbfgs'"), (None, "got None")]
BAD_PAPER_ROWS = [("table-9", "one of 'table-1-m3', ", "got 'table-9'"), (None, "got None")]
BAD_RECORDS = [
    ([], "at least one row, got none"),
    (None, "a list, a tuple or the like, got None"),
    ([3], "[0]", "mapping, got 3"),
    ([{"seed": 0}], "[0]", "an entry 'step', got ['seed']"),
]
BAD_CONCEPT_LISTS = [
    ([0, 9], "at most", "got 9"),
    ([0.5], "integer, got 0.5"),
    (3, "a list, a tuple or the like, got 3"),
    ("0", "a list, a tuple or the like, got '0'"),
]
BAD_PROBABILITIES = [
    (-0.1, "got -0.1"),
    (1.5, "got 1.5"),
    (NAN, "finite number, got nan"),
    (INF, "finite number, got inf"),
    ("0.5", "finite number, got '0.5'"),
    (None, "finite number, got None"),
    (True, "finite number, got True"),
    (HUGE, "finite number, got a number of 1329 bits"),
]
BAD_POSITIVES = [
    (0, "above 0, got 0"),
    (-1.0, "above 0, got -1"),
    (NAN, "finite number, got nan"),
    (INF, "finite number, got inf"),
    ("fast", "finite number, got 'fast'"),
    ([0.1], "finite number, got [0.1]"),
    (1 + 2j, "finite number, got (1+2j)"),
    (HUGE, "finite number"),
]
BAD_SIZES = [
    (0, "at least 1, got 0"),
    (13, "at most 12, got 13"),
    (2.0, "integer, got 2.0"),
    ("2", "integer, got '2'"),
    (None, "integer, got None"),
]
BAD_RANGES = [
    ((0.0, 0.5), "parameter_range[0]", "strictly between 0 and 1, got 0"),
    ((0.5, 1.0), "parameter_range[1]", "strictly between 0 and 1, got 1"),
    ((0.7, 0.3), "low <= high, got (0.7, 0.3)"),
    ((NAN, 0.5), "finite number, got nan"),
    ((0.1, 0.2, 0.3), "length 2, got (0.1, 0.2, 0.3)"),
    (0.5, "sequence, got 0.5"),
    (None, "sequence, got None"),
    ("ab", "sequence, got 'ab'"),
    ({0.3: 0.7}, "sequence, got {0.3: 0.7}"),
]
BAD_DAGS = [
    (nx.DiGraph([(0, 1), (1, 2), (2, 0), (2, 3)]), "no cycle, got one through the concepts [0, 1, 2]"),
    (nx.DiGraph([(0, 0), (0, 1), (1, 2), (2, 3)]), "no cycle, got one through the concepts [0]"),
    (nx.DiGraph([(1, 2)]), "nodes 0..m-1 (m at least 1), got [1, 2]"),
    (nx.DiGraph([("a", "b")]), "nodes 0..m-1 (m at least 1), got ['a', 'b']"),
    (nx.DiGraph(), "nodes 0..m-1 (m at least 1), got []"),
    (nx.Graph(EDGES), "networkx DiGraph, got Graph"),
    (nx.MultiDiGraph(EDGES), "networkx DiGraph, got MultiDiGraph"),
    (EDGES, "networkx DiGraph, got list [(3, 0),"),
    (None, "networkx DiGraph, got NoneType None"),
    (nx.DiGraph([(i, 17) for i in range(17)]), "at most 16 parents for each concept, got 17"),
    (nx.DiGraph([(i, i + 1) for i in range(63)]), "at most 63 concepts, got 64"),
]
BAD_TABLES = [
    ({**TABLES, 2: {(): 0.0}}, "[2][()]", "strictly between 0 and 1, got 0"),
    ({**TABLES, 2: {(): 1.0}}, "[2][()]", "strictly between 0 and 1, got 1"),
    ({**TABLES, 2: {(): -0.3}}, "[2][()]", "strictly between 0 and 1, got -0.3"),
    ({**TABLES, 2: {(): NAN}}, "[2][()]", "finite number, got nan"),
    ({**TABLES, 2: {(): "half"}}, "[2][()]", "finite number, got 'half'"),
    ({**TABLES, 2: NAN}, "[2]", "finite entries, got nan"),
    ({**TABLES, 2: 1.5}, "[2][()]", "strictly between 0 and 1, got 1.5"),
    ({**TABLES, 2: {(0,): 0.5, (1,): 0.5}}, "[2]", "exactly the 1 keys [()], got [(0,), (1,)]"),
    ({**TABLES, 0: {(0, 0): 0.5}}, "[0]", "exactly the 4 keys", "got [(0, 0)]"),
    ({**TABLES, 0: [0.5, 0.5]}, "[0]", "shape (2, 2), got (2,)"),
    ({**TABLES, 0: [[0.5], [0.5, 0.5]]}, "[0]", "without ragged rows, got [[0.5], [0.5, 0.5]]"),
    ({**TABLES, 0: None}, "[0]", "array of real numbers, got None"),
    ({0: TABLES[0]}, "one table for each concept 0..3, got tables for [0]"),
    ({**TABLES, 4: {(): 0.5}}, "one table for each concept 0..3"),
    ([0.5, 0.5], "one table for each of the 4 concepts, got 2"),
    (0.5, "sequence, got 0.5"),
    (None, "sequence, got None"),
    ("cpts", "sequence, got 'cpts'"),
]
BAD_CONTEXTS = [
    ([[0, 2]], "entries 0, 1 or -1 (unknown), got 2"),
    ([[0, 0.5]], "entries 0, 1 or -1 (unknown), got 0.5"),
    ([[0, NAN]], "entries 0, 1 or -1 (unknown), got nan"),
    ([[0, 257]], "entries 0, 1 or -1 (unknown), got 257"),
    ([[0, 1], [0]], "without ragged rows, got [[0, 1], [0]]"),
    ([[0, 1, 1]], "shape (n, 2), got (1, 3)"),
    ([0, 1], "shape (n, 2), got (2,)"),
    ([[[0, 1]]], "shape (n, 2), got (1, 1, 2)"),
    (0, "shape (n, 2), got ()"),
    ([], "at least one context, got an empty set"),
    (np.empty((0, 2)), "at least one context, got an empty set"),
    ([["0", "1"]], "array of real numbers, got [['0', '1']]"),
    ([[None, 1]], "array of real numbers, got [[None, 1]]"),
    ("01", "array of real numbers, got '01'"),
    (np.array([[0, 1j]]), "array of real numbers"),
    ({0: 1}, "array of real numbers, got {0: 1}"),
]
WIDE = BAD_CONTEXTS.pop(5)  # wrong for a model of two concepts, right by itself
OF_ANY_WIDTH = [(value, words.replace("(n, 2)", "(n, m)")) for value, words in BAD_CONTEXTS]
BAD_CONTEXTS.append(WIDE)
TWICE = [([[0, 1], [1, 1], [0, 1]], "each context once, got [0, 1] 2 times")]
BAD_MODELS = [
    (DAG, "a LatentConditionalModel, got ConceptGraph"),
    (None, "a LatentConditionalModel, got NoneType"),
    (LatentConditionalModel, "a LatentConditionalModel, got type"),
]
WRONG_MODELS = [*BAD_MODELS, (OTHER_MODEL, "8 unembeddings for this model, got 4")]
BAD_DTYPES = [
    (torch.float16, "torch.float32 or torch.float64, got torch.float16"),
    (torch.int64, "torch.float32 or torch.float64, got torch.int64"),
    ("float32", "torch.float32 or torch.float64, got 'float32'"),
    (np.float64, "torch.float32 or torch.float64, got <class 'numpy.float64'>"),
    (None, "torch.float32 or torch.float64, got None"),
    (np.zeros(2), "torch.float32 or torch.float64, got array"),
]
BAD_VECTORS = [
    ([1.0, 2.0], "shape", "got (2,)"),
    (3.0, "shape", "got ()"),
    ([[1.0], [1.0, 2.0]], "without ragged rows"),
    ([["a"]], "array of real numbers, got [['a']]"),
    ([[NAN, 0.0]] * 4, "finite entries, got nan"),
    (None, "array of real numbers, got None"),
    (np.ones((2, 2)) * 1j, "array of real numbers"),
    (torch.ones(2, 2, dtype=torch.complex64), "array of real numbers"),
]
BAD_PREDICTOR_TABLES = [
    (with_entry(F, NAN), "finite entries, got nan"),
    (with_entry(F, -INF), "finite entries, got -inf"),
    (torch.ones(3), "table of shape (rows, dim), got torch.float32 of shape (3,)"),
    (torch.ones(3, 0), "table of shape (rows, dim), got torch.float32 of shape (3, 0)"),
    (torch.ones(0, 2), "table of shape (rows, dim), got torch.float32 of shape (0, 2)"),
    (torch.ones(3, 2, dtype=torch.int64), "floating-point", "got torch.int64 of shape (3, 2)"),
    ([[1, 2]], "floating-point", "got torch.int64 of shape (1, 2)"),
    ([[1.0], [1.0, 2.0]], "without ragged rows"),
    ("table", "array of real numbers, got 'table'"),
    (None, "array of real numbers, got None"),
]
BAD_TENSORS = [
    (np.ones((9, 2)), "floating-point tensor with 2 axes"),
    (torch.ones(9), "floating-point tensor with 2 axes"),
    (torch.ones(9, 2, dtype=torch.int64), "floating-point tensor with 2 axes"),
    (None, "floating-point tensor with 2 axes", "got None"),
]
BAD_NAMES = [(["a"], "length", "got ['a']"), ("abcd", "sequence, got 'abcd'"), (7, "sequence, got 7")]
BAD_VOCABULARIES = [
    (Vocabulary.court(3), "a word for each of 4 tokens (rows of unembeddings), got 8"),
    ("court", "a Vocabulary, got str 'court'"),
]
BAD_RUNS = [(REPORT, "a TrainingRun, got LinearityReport"), (None, "a TrainingRun, got NoneType")]
BAD_FLAGS = [(1, "True or False, got 1"), ("no", "True or False, got 'no'"), (None, "True or False, got None")]
BAD_SHAPES = {
    "n_layers": BAD_COUNTS,
    "width": [(3, "a multiple of n_heads = 2, got 3"), *BAD_DIMS],
    "n_heads": [(3, "n_heads = 3, got 4"), *BAD_DIMS[:-1]],
    "tied": BAD_FLAGS,
}
BAD_WORD_NUMBERS = [
    ([[0, 1]], "a tensor of int64 and shape (batch, length)", "got [[0, 1]]"),
    (torch.zeros(2, 3), "got torch.float32 and shape (2, 3)"),
    (torch.zeros(3, dtype=torch.int64), "got torch.int64 and shape (3,)"),
    (torch.zeros((0, 3), dtype=torch.int64), "not empty, got torch.int64 and shape (0, 3)"),
    (torch.zeros((1, 9), dtype=torch.int64), "at most 5 columns (n_positions), got 9"),
    (torch.tensor([[-1]]), "between 0 and", "got -1"),
    (torch.tensor([[99]]), "between 0 and", "got 99"),
]
LOOKING = {
    "run": [(RUN, "a TransformerRun, got TrainingRun"), (None, "a TransformerRun, got NoneType")],
    "n_sentences": BAD_DIMS,
    "seed": BAD_SEEDS,
}
BAD_PATHS = [
    ("results.parquet", "ends in .csv, got 'results.parquet'"),
    (RESULTS.parent, "ends in .csv, got"),
    (FOLDER, "ends in .csv, got <TemporaryDirectory"),
    ("", "ends in .csv, got ''"),
    (None, "ends in .csv, got None"),
    (3, "ends in .csv, got 3"),
    ("a" * 300 + ".csv", "a name that this machine can use, got 'aaaa"),
]
BAD_WORDS = [(5, "hold strings, got 5"), (None, "hold strings, got None")]
BAD_MEASURES = [
    ([1, 1, 1], "shape", "got (3,)"),
    ("ab", "array of real numbers, got 'ab'"),
    (None, "array of real numbers, got None"),
]

BAD_N_VALUES = [
    (1, "at least 2, got 1"),
    (128, "at most 127, got 128"),
    (2.0, "sequence, got 2.0"),
    ("23", "sequence, got '23'"),
    (None, "sequence, got None"),
]

BAD = {
    "concept_vectors": {
        "n_concepts": BAD_SIZES,
        "n_values": [*BAD_N_VALUES, ((2, 3, 2), "length 2, got (2, 3, 2)"), ((127, 40), "at most 4096, got (127, 40)")],
    },
    "ConceptGraph": {
        "n_concepts": [
            (3, "markov_random_field", "n_concepts = 3 nodes, got 4"),
            (64, "at most 63, got 64"),
            *BAD_SIZES[2:],
        ],
        "markov_random_field": [(DAG.dag, "networkx Graph, got DiGraph"), (None, "networkx Graph, got NoneType None")],
        "dag": [*BAD_DAGS[:8], (None, "with tables, or else log_potential")],
        "tables": [*BAD_TABLES[:-2], (None, "with tables, or else log_potential")],
        "log_potential": [(np.zeros(16), "with tables, or else log_potential")],
        "n_values": [
            *BAD_N_VALUES,
            ((2, 3), "length 4, got (2, 3)"),
        ],
    },
    "ConceptGraph.random": {
        "n_concepts": [(64, "at most 63, got 64"), BAD_SIZES[0], *BAD_SIZES[2:]],
        "edge_probability": BAD_PROBABILITIES,
        "n_values": [*BAD_N_VALUES, ((2, 3), "length 3, got (2, 3)")],
        "parameter_range": BAD_RANGES,
        "seed": BAD_SEEDS,
    },
    "ConceptGraph.with_random_tables": {
        "dag": BAD_DAGS,
        "n_values": [*BAD_N_VALUES, ((2, 3), "length 4, got (2, 3)")],
        "parameter_range": BAD_RANGES,
        "seed": BAD_SEEDS,
    },
    "ConceptGraph.from_dag": {
        "dag": BAD_DAGS,
        "cpts": BAD_TABLES,
        "n_values": BAD_N_VALUES,
    },
    "ConceptGraph.from_markov_random_field": {
        "graph": [
            (nx.DiGraph(list(FIELD_EDGES)), "networkx Graph, got DiGraph"),
            (nx.Graph([(0, 5)]), "nodes 0..m-1 (m at least 1), got [0, 5]"),
            (nx.Graph([*FIELD_EDGES, (2, 2)]), "no self-loop, got [(2, 2)]"),
            (nx.path_graph(13), "at most 12 concepts, got 13"),
            (None, "networkx Graph, got NoneType None"),
        ],
        "edge_potentials": [
            ({(0, 1): FIELD_EDGES[0, 1]}, "one table for each edge [[0, 1], [0, 2], [1, 3]], got [(0, 1)]"),
            ({**FIELD_EDGES, (2, 3): [[1, 1], [1, 1]]}, "one table for each edge"),
            ({**FIELD_EDGES, (1, 0): [[1, 1], [1, 1]]}, "one table for each edge"),
            ({**FIELD_EDGES, 5: [[1, 1], [1, 1]]}, "one table for each edge"),
            ({**FIELD_EDGES, (0, 1): [[1, 0], [1, 1]]}, "[0, 1]", "entries above 0, got [[1.0, 0.0], [1.0, 1.0]]"),
            ({**FIELD_EDGES, (0, 1): [[1, -2], [1, 1]]}, "[0, 1]", "entries above 0"),
            ({**FIELD_EDGES, (0, 1): [[1, NAN], [1, 1]]}, "[0, 1]", "finite entries, got nan"),
            ({**FIELD_EDGES, (0, 1): [[1, INF], [1, 1]]}, "[0, 1]", "finite entries, got inf"),
            ({**FIELD_EDGES, (0, 1): [1, 1]}, "[0, 1]", "shape (2, 2), got (2,)"),
            ({**FIELD_EDGES, (0, 1): [[1], [1, 1]]}, "[0, 1]", "without ragged rows"),
            ([1, 2], "mapping, got [1, 2]"),
            (None, "mapping, got None"),
        ],
        "node_potentials": [
            ({4: [1, 1]}, "keyed by concepts 0..3, got [4]"),
            ({1: [1, 0]}, "[1]", "entries above 0, got [1.0, 0.0]"),
            ({1: [1, NAN]}, "[1]", "finite entries, got nan"),
            ({1: 2.0}, "[1]", "shape (2,), got ()"),
            ([[1, 1]], "mapping, got [[1, 1]]"),
        ],
        "n_values": [
            *BAD_N_VALUES,
            (10, "product of at most 4096, got (10, 10, 10, 10)"),
        ],
    },
    "ConceptGraph.marginal": {"concepts": [*BAD_CONCEPT_LISTS, ([0, 0], "at most once, got [0, 0]")]},
    "ConceptGraph.conditional": {
        "concept": [*BAD_CONCEPTS, (1, "not be among the given concepts [1], got 1")],
        "given": [
            ({1: 2}, "at most 1, got 2"),
            ({1: 0.5}, "integer, got 0.5"),
            ({7: 1}, "at most 3, got 7"),
            ({"a": 1}, "integer, got 'a'"),
            ([1], "mapping, got [1]"),
            (None, "mapping, got None"),
        ],
        "value": [(2, "at most 1, got 2"), (-1, "at least 0, got -1"), (0.5, "integer, got 0.5"), (None, "got None")],
    },
    "ConceptGraph.neighbours": {"concept": BAD_CONCEPTS},
    "ConceptGraph.separated": {
        "first": [*BAD_CONCEPTS, (3, "at most once, got [3, 3]")],
        "second": BAD_CONCEPTS,
        "given": [*BAD_CONCEPT_LISTS, ([0], "not contain the concepts 0 and 3, got [0]"), ([3], "got [3]")],
    },
    "ConceptGraph.d_separated": {
        "first": [*BAD_CONCEPTS, (3, "at most once, got [3, 3]")],
        "second": BAD_CONCEPTS,
        "given": [*BAD_CONCEPT_LISTS, ([0], "not contain the concepts 0 and 3, got [0]"), ([3], "got [3]")],
    },
    "ConceptGraph.sample": {"n_samples": BAD_COUNTS, "seed": BAD_SEEDS},
    "ConceptGraph.gibbs_sample": {
        "n_samples": BAD_COUNTS,
        "burn_in": BAD_COUNTS,
        "thin": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]],
        "seed": BAD_SEEDS,
    },
    "subset_sums": {
        "values": [
            (np.ones(3), "array or tensor with 4 rows, got ndarray of float64 and shape (3,)"),
            (torch.ones(8, 2), "array or tensor with 4 rows, got Tensor of torch.float32 and shape (8, 2)"),
            (np.float64(1), "array or tensor with 4 rows"),
            ([1.0] * 4, "array or tensor with 4 rows, got list [1.0, 1.0, 1.0, 1.0]"),
            (None, "array or tensor with 4 rows, got NoneType None"),
        ],
        "n_concepts": BAD_SIZES,
    },
    "LatentConditionalModel": {
        "graph": [
            (nx.DiGraph(EDGES), "a ConceptGraph, got DiGraph"),
            (None, "a ConceptGraph, got NoneType None"),
            (LARGE, "at most 12 concepts, got 13"),
        ],
        "tellings": [
            ([TOLD], "length 4, got [[[0.9, 0.2], [0.1, 0.8]]]"),
            ([None, TOLD, TOLD, [[0.9, 0.2], [0.2, 0.8]]], "tellings[3]", "columns of probabilities that sum to 1"),
            ([[[1.5, 1], [-0.5, 0]], None, None, None], "tellings[0]", "columns of probabilities"),
            ([[[1, 1], [0, 0]], None, None, None], "tellings[0]", "no row of zeros, which is never told"),
            ([np.eye(3), None, None, None], "tellings[0]", "shape (n_tellings, 2), got (3, 3)"),
            ([np.full((128, 2), 1 / 128), None, None, None], "rows of tellings[0]", "at most 127, got 128"),
            ([np.full((127, 2), 1 / 127)] * 4, "at most 531441 contexts, got 268435456"),
            ([[[1, NAN], [0, 1]], None, None, None], "tellings[0]", "finite entries, got nan"),
            ("sure", "sequence, got 'sure'"),
            (0.9, "sequence, got 0.9"),
        ],
        "context_weights": [
            ("even", "one of 'masked', 'uniform', got 'even'"),
            (None, "one of 'masked', 'uniform', got None"),
            (["masked"], "got ['masked']"),
        ],
        "mask_probability": [
            (0.0, "strictly between 0 and 1, got 0"),
            (1.0, "strictly between 0 and 1, got 1"),
            *BAD_PROBABILITIES,
        ],
        "possible_tokens": [
            (np.eye(3), "shape (n, 4), got (3, 3)"),
            ([[0, 0, 0, 2], [1, 1, 1, 1]], "0, 1 or -1 (unknown), got 2"),
            ([[0, 0, 0, -1], [1, 1, 1, 1]], "entries 0 or 1, got -1"),
            ([[0, 0, 0, 1]], "at least 2 different concept vectors, got [[0, 0, 0, 1]]"),
            ([[0, 0, 0, 1]] * 2, "at least 2 different concept vectors, got [[0, 0, 0, 1], [0, 0, 0, 1]]"),
            ([], "at least one"),
            ("all", "array of real numbers, got 'all'"),
        ],
    },
    **{
        f"LatentConditionalModel.{name}": {"contexts": BAD_CONTEXTS}
        for name in (
            "context_index",
            "weights",
            "next_token_distribution",
            "entropies",
            "entropy_floor",
            "context_probabilities",
            "sampler",
        )
    },
    "LatentConditionalModel.sums_over_tokens": {
        "values": [
            (G[:3], "array or tensor with 4 rows"),
            (np.float64(1), "array or tensor with 4 rows"),
            ([1.0] * 4, "array or tensor with 4 rows, got list [1.0, 1.0, 1.0, 1.0]"),
            (None, "array or tensor with 4 rows, got NoneType None"),
        ]
    },
    "LatentConditionalModel.expected_unembedding": {
        "unembeddings": [
            (G[:3], "shape (4, dim), got (3, 2)"),
            (G[:, 0], "shape (4, dim), got (4,)"),
            (G.long(), "floating-point numbers, got Tensor of torch.int64"),
            (np.ones((4, 2)) * 1j, "array of real numbers"),
            ([[1.0], [1.0, 2.0], [1.0], [1.0]], "without ragged rows"),
            (None, "array of real numbers, got None"),
        ],
        "contexts": BAD_CONTEXTS,
    },
    "LatentConditionalModel.sample": {"n_samples": BAD_COUNTS, "contexts": BAD_CONTEXTS, "seed": BAD_SEEDS},
    "Vocabulary": {
        "concepts": [
            (("a",), "values", "one pair for each of the 1 concepts, got 2"),
            ((), "1 to 12 names, got 0"),
            (("a", "a"), "different from each other, got 'a' 2 times"),
            (("a", 1), "hold strings, got 1"),
            ("ab", "sequence, got 'ab'"),
            (None, "sequence, got None"),
        ],
        "values": [
            ((("c", "d"),), "one pair for each of the 2 concepts, got 1"),
            ((("c", "d"), ("e",)), "values[1]", "length 2, got ('e',)"),
            ((("c", "d"), "ef"), "values[1]", "sequence, got 'ef'"),
            ((("c", "c"), ("e", "f")), "values[0]", "different from each other, got 'c' 2 times"),
            ((("c", 0), ("e", "f")), "values[0]", "hold strings, got 0"),
            (None, "sequence, got None"),
        ],
        "tokens": [
            (("g", "h", "i"), "length 4, got ('g', 'h', 'i')"),
            (("g", "h", "i", "g"), "different from each other, got 'g' 2 times"),
            (("g", "h", "i", None), "hold strings, got None"),
            ("ghij", "sequence, got 'ghij'"),
        ],
    },
    "Vocabulary.court": {"n_concepts": [(1, "at least 2, got 1"), (6, "at most 5, got 6"), *BAD_SIZES[2:]]},
    "Vocabulary.bits": {"n_concepts": BAD_SIZES},
    "Vocabulary.describe": {
        "context": [
            ([0, 2], "entries 0, 1 or -1 (unknown), got 2"),
            ([0, 1, 1], "shape (n, 2), got (1, 3)"),
            ([], "at least one context"),
            (0, "shape (n, 2), got (1,)"),
            ("01", "array of real numbers, got '01'"),
        ]
    },
    "SoftmaxPredictor": {
        "embeddings": [
            *BAD_PREDICTOR_TABLES,
            (F[:2], "one row for each row of embeddings (2), got 3"),
            (F[:3, :1], "the embeddings' dimension 1, got 2"),
            (F[:3].float(), "torch.float32 on cpu as the embeddings, got torch.float64 on cpu"),
        ],
        "unembeddings": [
            *BAD_PREDICTOR_TABLES,
            (torch.ones(4, 3, dtype=torch.float64), "the embeddings' dimension 2, got 3"),
            (G.float(), "torch.float64 on cpu as the embeddings, got torch.float32 on cpu"),
        ],
        "contexts": [
            *OF_ANY_WIDTH,
            ([[0, 1]], "one row for each row of embeddings (3), got 1"),
            *TWICE,
        ],
        "n_tellings": [
            ((2, 2, 2), "one number, or one for each of the 2 concepts, got (2, 2, 2)"),
            (2.5, "integer, got 2.5"),
            (None, "integer, got None"),
        ],
    },
    "SoftmaxPredictor.initialize": {
        "model": BAD_MODELS,
        "dim": BAD_DIMS,
        "contexts": BAD_CONTEXTS + TWICE,
        "initialization": [
            ("zeros", "one of 'lookup_table', 'gaussian', got 'zeros'"),
            (None, "one of 'lookup_table', 'gaussian', got None"),
        ],
        "scale": [*BAD_POSITIVES, (1e308, "at most 2e+306 for torch.float64, got 1e+308")],
        "seed": BAD_SEEDS,
        "dtype": BAD_DTYPES,
    },
    "SoftmaxPredictor.loss": {"model": WRONG_MODELS},
    "SoftmaxPredictor.excess_loss": {"model": WRONG_MODELS},
    "cross_entropy": {
        "embeddings": [
            *BAD_TENSORS,
            (F[:5], "shape (5, 2) beside the embeddings, got (9, 2)"),
            (F.float(), "torch.float32 on cpu"),
        ],
        "unembeddings": [
            *BAD_TENSORS,
            (G[:, :1], "shape (4, 2) beside the embeddings, got (4, 1)"),
            (G.float(), "torch.float64 on cpu"),
        ],
        "expected_unembedding": [*BAD_TENSORS, (F[:5], "shape (9, 2) beside the embeddings, got (5, 2)")],
        "weights": [
            (torch.ones(3, dtype=torch.float64), "shape (9,) beside the embeddings, got (3,)"),
            (torch.ones(9, 1), "floating-point tensor with 1 axes"),
            (MODEL.weights(), "floating-point tensor with 1 axes"),
        ],
    },
    "tiled_cross_entropy": {
        "embeddings": [
            *BAD_TENSORS,
            (F[:5], "shape (5, 2) beside the embeddings, got (9, 2)"),
            (F.float(), "torch.float32 on cpu"),
        ],
        "unembeddings": [*BAD_TENSORS, (G[:, :1], "shape (4, 2) beside the embeddings, got (4, 1)")],
        "expected_unembedding": [*BAD_TENSORS, (F[:5], "shape (9, 2) beside the embeddings, got (5, 2)")],
        "weights": [
            (torch.ones(2, 9, dtype=torch.float64), "shape (9,) beside the embeddings, got (2, 9)"),
            (MODEL.weights(), "floating-point tensor with 1 axes or more"),
        ],
    },
    "train_many": {
        "models": [
            (None, "a sequence, got None"),
            ([MODEL], "length 2, got [LatentConditionalModel"),
            ([MODEL, None], "models[1] must be a LatentConditionalModel, got NoneType"),
            ([MODEL, OTHER_MODEL], "the same number of concepts, got 2 and 3"),
        ],
        "dim": BAD_DIMS,
        "seeds": [
            (0, "a list, a tuple or the like, got 0"),
            ([], "at least one run, got none"),
            ([0, -1], "seeds[1] must be at least 0, got -1"),
            ([0.5, 0], "seeds[0] must be an integer, got 0.5"),
        ],
        "steps": [*BAD_COUNTS, (None, "integer, got None")],
        "optimizer": [("lbfgs", "one of 'sgd', 'momentum', 'adam', got 'lbfgs'"), (None, "got None")],
        "learning_rate": BAD_POSITIVES,
        "momentum": [*BAD_PROBABILITIES, (1.0, "below 1, got 1.0")],
        "batch_size": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]],
        "contexts": [
            *[row for row in BAD_CONTEXTS if repr(row[0]) != "[[[0, 1]]]"],
            *TWICE,
            ([CONTEXTS], "length 2"),
            ([CONTEXTS, [[0, 2]]], "entries 0, 1 or -1 (unknown), got 2"),
        ],
        "initialization": [("zeros", "one of 'lookup_table', 'gaussian', got 'zeros'")],
        "scale": [*BAD_POSITIVES, (1e300, "finite first loss, got 1e+300")],
        "dtype": BAD_DTYPES,
        "n_records": [(0, "at least 1, got 0"), (10**6, "at most 10000"), (2.0, "integer, got 2.0")],
        "progress": [("no", "True or False, got 'no'"), (None, "True or False, got None")],
    },
    "random_masks": {
        "n_concepts": BAD_SIZES,
        "n_masks": [(0, "at least 1, got 0"), (2**17, "at most 65536"), (2.5, "integer, got 2.5")],
        "seed": BAD_SEEDS,
    },
    "masked_contexts": {
        "tokens": [
            ([0, 1], "shape (n, m), got (2,)"),
            ([[0, 2]], "entries 0 or 1, got 2"),
            ([], "shape (n, m), got (0,)"),
            ("01", "array of real numbers"),
        ],
        "masks": [([[0, 1, 1]], "shape (n, 2), got (1, 3)"), ([[0, 0.5]], "entries 0 or 1, got 0.5")],
    },
    "paper_world": {
        "n_concepts": BAD_SIZES,
        "seed": BAD_SEEDS,
        "n_masks": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5")],
        "share_of_tokens": [(0.0, "above 0"), *BAD_PROBABILITIES],
        "edge_probability": BAD_PROBABILITIES,
        "context_weights": [("fair", "one of 'masked', 'uniform', got 'fair'"), (None, "got None")],
    },
    "paper_runs": {
        "n_concepts": BAD_SIZES,
        "seeds": [(3, "a list, a tuple or the like, got 3"), ([], "at least one run, got none")],
        "steps": [*BAD_COUNTS, (None, "integer, got None")],
        "optimizer": [("momentum", "one of 'sgd', 'adam', got 'momentum'"), (None, "got None")],
        "dim": [row for row in BAD_DIMS if row[0] is not None],
        "n_masks": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5")],
        "share_of_tokens": [(0.0, "above 0"), *BAD_PROBABILITIES],
        "edge_probability": BAD_PROBABILITIES,
        "learning_rate": [bad for bad in BAD_POSITIVES if bad[0] is not None],
        "n_records": [(0, "at least 1, got 0"), (2.0, "integer, got 2.0")],
        "progress": [("no", "True or False, got 'no'"), (None, "True or False, got None")],
    },
    "paper_block": {
        "row": BAD_PAPER_ROWS,
        "steps": BAD_COUNTS,
        "first_seed": BAD_SEEDS,
        "n_seeds": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5"), (10**6, "at most 10000")],
    },
    "paper_heat_maps": {
        "row": BAD_PAPER_ROWS,
        "steps": BAD_COUNTS,
        "first_seed": BAD_SEEDS,
        "n_seeds": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5"), (10**6, "at most 10000")],
    },
    "method_settings": {"method": BAD_METHODS, "n_concepts": [*BAD_DIMS[:3], (9, "at most 8, got 9")]},
    "method_steps": {"method": BAD_METHODS, "n_concepts": [*BAD_DIMS[:3], (9, "at most 8, got 9")]},
    "phase_cell": {
        "n_concepts": [*BAD_DIMS[:3], (9, "at most 8, got 9")],
        "dim": BAD_DIMS,
        "method": BAD_METHODS,
        "start": [("huge", "one of 'small', 'large', got 'huge'"), (None, "got None"), (["small"], "got ['small']")],
        "context_weights": [("fair", "one of 'masked', 'uniform', got 'fair'"), (None, "got None")],
        "steps": [bad for bad in BAD_COUNTS if bad[0] is not None],  # None: as long as the diagram's cells
        "n_seeds": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5"), (10**6, "at most 10000")],
        "n_masks": [(0, "at least 1, got 0"), (2.5, "integer, got 2.5"), ("2", "integer, got '2'")],
        "share_of_tokens": [(0.0, "above 0"), *BAD_PROBABILITIES],
    },
    "diagrams": {
        "records": [
            (None, "a list, a tuple or the like, got None"),
            ([3], "[0]", "mapping, got 3"),
            ([{"n_concepts": 2}], "[0]", "an entry 'method', got ['n_concepts']"),
            ([{**PHASES[0], "start": "huge"}], "[0]['start']", "one of 'small', 'large', got 'huge'"),
            ([{**PHASES[0], "method": ["adam"]}], "[0]['method']", "got ['adam']"),
        ]
    },
    "cells": {
        "records": [
            (None, "a list, a tuple or the like, got None"),
            ([3], "[0]", "mapping, got 3"),
            ([{"n_concepts": 2}], "[0]", "an entry 'alignment', got ['n_concepts']"),
        ]
    },
    "estimate": {"values": [([], "at least one run, got none"), ([NAN], "finite entries"), (3.0, "shape (n,)")]},
    "runs_at": {"records": BAD_RECORDS, "step": [(1.5, "one of the recorded 0, 1, 2, got 1.5"), ("2", "got '2'")]},
    "compare": {"row": BAD_PAPER_ROWS, "records": BAD_RECORDS, "step": [(7, "one of the recorded 0, 1, 2, got 7")]},
    "n_stuck": {"records": BAD_RECORDS},
    "likeliest_length": {"row": BAD_PAPER_ROWS, "records": BAD_RECORDS},
    "history_rows": {"runs": [(RUN, "a list, a tuple or the like"), ([None], "a TrainingRun, got NoneType")]},
    "Sweep": {
        "function": [
            (lambda n: {"n": n}, "at the top level of a module (not a lambda", "got <function <lambda>"),
            (with_entry, "must name the arguments of function, got ['n']: missing a required argument: 'table'"),
            (MODEL.entropy_floor, "at the top level of a module", "got <bound method"),
            (MODEL, "at the top level of a module", "got LatentConditionalModel"),
            (int, "at the top level of a module", "got <class 'int'>"),
            ("squares", "at the top level of a module", "got 'squares'"),
            (None, "at the top level of a module", "got None"),
        ],
        "grid": [
            ({}, "at least one argument of function, got none"),
            ({"n": []}, "grid['n'] must have 1 to 1000000 values, got 0"),
            ({"n": [1], "m": [2]}, "the arguments of function, got ['n', 'm']: got an unexpected keyword argument 'm'"),
            ({"power": [2]}, "the arguments of function, got ['power']: missing a required argument: 'n'"),
            ({"n": 3}, "grid['n'] must be a sequence, got 3"),
            ({"n": "abc"}, "grid['n'] must be a sequence, got 'abc'"),
            ({"n": {1, 2}}, "grid['n'] must be a sequence, got {1, 2}"),
            ({"n": iter([1])}, "grid['n'] must be a sequence, got <list_iterator"),
            ({"n": torch.ones(2)}, "grid['n'] must be a list, a range or the like, got tensor([1., 1.])"),
            ({"n": [1, 2, 1]}, "grid['n'] must have each value once, got 1 twice"),
            ({"n": [1j]}, "grid['n'] must be made of numbers, words, booleans or None, got 1j"),
            ({"n": [MODEL]}, "grid['n'] must be made of numbers, words, booleans or None, got LatentConditionalModel"),
            ({"n": range(10**7)}, "grid['n'] must have 1 to 1000000 values, got 10000000"),
            ({"n": range(10**4), "power": range(10**4)}, "at most 1000000 configurations, got 100000000"),
            ({"seconds": [1]}, "names of arguments as keys (none of python, ", "got 'seconds'"),
            ({1: [1]}, "names of arguments as keys", "got 1"),
            ([("n", [1])], "grid must be a mapping, got [('n', [1])]"),
        ],
    },
    "run_sweep": {
        "sweep": [(squares, "a Sweep, got function <function squares"), (None, "a Sweep, got NoneType None")],
        "path": BAD_PATHS,
        "backend": [
            ("threads", "one of 'loky', 'dask', 'ray', got 'threads'"),
            (None, "one of 'loky', 'dask', 'ray', got None"),
        ],
        "n_jobs": [
            (0, "(-1 for all cores) must be at least 1, got 0"),
            (-2, "must be at least 1, got -2"),
            (1.0, "an integer, got 1.0"),
            (True, "an integer, got True"),
            (None, "an integer, got None"),
            (10**30, "at most 4096"),
        ],
        "progress": [("no", "True or False, got 'no'"), (None, "True or False, got None")],
    },
    "read_results": {
        "path": [*BAD_PATHS, (RESULTS.with_name("none.csv"), "none.csv', which does not exist")],
    },
    "train": {
        "model": BAD_MODELS,
        "dim": BAD_DIMS,
        "steps": [*BAD_COUNTS, (None, "integer, got None")],
        "optimizer": [
            ("newton", "one of 'sgd', 'momentum', 'adam', 'lbfgs', 'natural', got 'newton'"),
            ("lbfgs", "batch_size must be None for the optimizer lbfgs, got 4"),
            ("natural", "batch_size must be None for the optimizer natural, got 4"),
            (None, "got None"),
            (torch.optim.Adam, "one of 'sgd'"),
        ],
        "learning_rate": BAD_POSITIVES,
        "momentum": [*BAD_PROBABILITIES, (1.0, "below 1, got 1.0")],
        "batch_size": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]],
        "contexts": BAD_CONTEXTS + TWICE,
        "initialization": [("zeros", "one of 'lookup_table', 'gaussian', got 'zeros'")],
        "scale": [*BAD_POSITIVES, (1e300, "finite first loss, got 1e+300")],
        "seed": BAD_SEEDS,
        "dtype": BAD_DTYPES,
        "device": [
            ("gpu", "None or a device of this machine, such as 'cpu', got 'gpu'"),
            ("cuda:99", "None or a device of this machine, such as 'cpu', got 'cuda:99'"),
            ("meta", "None or a device of this machine, such as 'cpu', got 'meta'"),
            (torch.device("meta"), "None or a device of this machine, such as 'cpu', got device(type='meta')"),
            (0.5, "None or a device of this machine, such as 'cpu', got 0.5"),
            ("", "None or a device of this machine, such as 'cpu', got ''"),
        ],
        "stop_when": [
            ({"loss": 0.1}, "one of 'excess_loss', 'gradient_norm', 'unembedding_cosine', got 'loss'"),
            ({"excess_loss": -0.1}, "['excess_loss']", "above 0, got -0.1"),
            ({"gradient_norm": 0}, "['gradient_norm']", "above 0, got 0"),
            ({"excess_loss": NAN}, "['excess_loss']", "finite number, got nan"),
            ({"excess_loss": "small"}, "['excess_loss']", "finite number, got 'small'"),
            ({"unembedding_cosine": 1.1}, "['unembedding_cosine']", "between -1 and 1, got 1.1"),
            ({3: 0.1}, "got 3"),
            (0.01, "mapping, got 0.01"),
            ("excess_loss", "mapping, got 'excess_loss'"),
            ([("excess_loss", 0.1)], "mapping, got"),
        ],
        "n_snapshots": BAD_COUNTS,
        "callback": [("print", "a function of step and excess loss, got 'print'"), (3, "function", "got 3")],
        "progress": [("no", "True or False, got 'no'"), (None, "True or False, got None"), (2, "True or False, got 2")],
    },
    "logarithmic_steps": {"steps": BAD_COUNTS, "count": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]]},
    "unembedding_steering_vectors": {
        "unembeddings": [*BAD_VECTORS, (G[:3], "shape (2**m, dim) with m at least 1, got (3, 2)"), (G[:1], "(1, 2)")],
        "concept": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
    },
    "embedding_steering_vectors": {
        "embeddings": [*BAD_VECTORS, (F, "contexts", "one row for each of the 9 embeddings, got 3")],
        "contexts": [*OF_ANY_WIDTH, *TWICE, (np.eye(3, 40), "at most 39 concepts, got 40")],
        "concept": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
    },
    "mean_pairwise_cosine": {"vectors": BAD_VECTORS},
    "mean_cosine_between": {
        "first": BAD_VECTORS,
        "second": [*BAD_VECTORS, (np.ones((2, 3)), "shape (n, 2), got (2, 3)")],
    },
    "linearity": {
        "model": WRONG_MODELS,
        "predictor": [
            ((F, G), "a SoftmaxPredictor, got tuple"),
            (None, "a SoftmaxPredictor, got NoneType None"),
            (SoftmaxPredictor(F, F), "4 unembeddings for this model, got 9"),
            (SoftmaxPredictor(G, G), "9 embeddings for this model, or name its contexts; got 4"),
            (SoftmaxPredictor(F[:1], G, [[0, 1, 1]]), "contexts of shape (1, 2) for this model, got (1, 3)"),
        ],
    },
    "LinearityReport": {
        "unembedding": [([1, 1, 1], "shape (3,) beside 3 values of unembedding, got (2,)"), *BAD_MEASURES[1:]],
        **dict.fromkeys(("embedding", "alignment", "between"), BAD_MEASURES),
        "heat_map": [(np.eye(3), "shape (2, 2) beside 2 values of unembedding, got (3, 3)"), *BAD_MEASURES],
    },
    "SentenceWorld": {
        "model": BAD_MODELS,
        "vocabulary": [
            (Vocabulary.court(3), "2 concepts like the model, got 3"),
            ("words", "a Vocabulary, got str"),
            (Vocabulary(("a", "b"), (("c", "d"), ("e", "f")), ("not", "h", "i", "j")), "got 'not' 2 times"),
        ],
        "n_synonyms": BAD_DIMS,
        "shuffled": BAD_FLAGS,
        "negations": BAD_FLAGS,
        "named": BAD_FLAGS,
        "n_fillers": BAD_COUNTS,
    },
    "SentenceWorld.write": {"contexts": BAD_CONTEXTS, "seed": BAD_SEEDS},
    "SentenceWorld.paraphrases": {
        "contexts": BAD_CONTEXTS,
        "n_variants": BAD_DIMS,
        "seed": BAD_SEEDS,
    },
    "SentenceWorld.sample": {"n_sentences": BAD_COUNTS, "seed": BAD_SEEDS},
    "SentenceWorld.texts": {
        "sentences": [
            (["royal the"], "a Sentences, got list"),
            (Sentences(SPOKEN.words, SPOKEN.last[:2]), "of shape (..., length)", "(2,)"),
            (Sentences(SPOKEN.words * 1.0, SPOKEN.last), "integer words", "got float64"),
            (Sentences(SPOKEN.words + 100, SPOKEN.last), "numbers from 0 to"),
            (Sentences(SPOKEN.words, SPOKEN.last + 100), "numbers from 0 to"),
        ]
    },
    "Transformer": {"n_words": BAD_DIMS, "n_positions": BAD_DIMS, **BAD_SHAPES},
    "Transformer.streams": {"words": BAD_WORD_NUMBERS},
    "Transformer.forward": {"words": BAD_WORD_NUMBERS},
    "train_transformer": {
        "world": [(MODEL, "a SentenceWorld, got LatentConditionalModel"), (None, "a SentenceWorld, got NoneType")],
        **BAD_SHAPES,
        "n_sentences": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]],
        "steps": [*BAD_COUNTS, (None, "integer, got None")],
        "batch_size": [(0, "at least 1, got 0"), *BAD_COUNTS[1:]],
        "learning_rate": BAD_POSITIVES,
        "seed": BAD_SEEDS,
        "dtype": BAD_DTYPES,
        "device": [("abacus", "a device of this machine"), (0.5, "a device of this machine")],
        "callback": [("print", "a function of step and excess loss, got 'print'"), (3, "got 3")],
        "progress": BAD_FLAGS,
    },
    "as_predictor": LOOKING,
    "layer_reports": LOOKING,
    "sentence_cosines": LOOKING,
    "word_cosines": {"run": LOOKING["run"]},
    "concept_graph": {
        "graph": [(nx.DiGraph(EDGES), "a ConceptGraph, got DiGraph"), (None, "a ConceptGraph, got NoneType None")],
        "names": [
            *BAD_NAMES,
            (["a", "b", "c", 4], "hold strings, got 4"),
            (list("abca"), "different from each other, got 'a' 2 times"),
        ],
    },
    "moral_graph": {
        "graph": [
            (nx.DiGraph(EDGES), "a ConceptGraph, got DiGraph"),
            (FIELD, "a DAG, got a Markov random field"),
        ],
        "names": [*BAD_NAMES, (["a", "b", "c", 4], "hold strings, got 4")],
    },
    "next_token_table": {
        "model": BAD_MODELS,
        "contexts": BAD_CONTEXTS + TWICE,
        "vocabulary": BAD_VOCABULARIES,
    },
    "cosine_tables": {
        "tables": [
            ({}, "at least one table, got none"),
            ([[1.0]], "mapping, got [[1.0]]"),
            ({"here": [[1.0, 0.0]]}, "['here']", "shape (1, 1)"),
            ({"here": [[NAN]]}, "['here']", "finite"),
        ],
        "names": [("a b", "sequence"), ([1], "strings"), (None, "a sequence, got None")],
    },
    "phase_map": {
        "diagrams": [
            ([], "at least one cell, got none"),
            (None, "a sequence, got None"),
            ([MODEL], "[0]", "a Diagram, got LatentConditionalModel"),
        ],
        "limits": [
            (None, "mapping, got None"),
            ([2], "mapping, got [2]"),
            ({2: 3}, "[2]", "sequence, got 3"),
            ({2: (3,)}, "[2]", "length 2, got (3,)"),
            ({2: (0, 0.3)}, "[2][0]", "at least 1, got 0"),
            ({2: (3, 3.0)}, "[2][1]", "1, got 3"),
        ],
    },
    "beside_the_paper": {
        "rows": [
            (None, "mapping, got None"),
            ({1: COMPARISONS}, "hold strings, got 1"),
            ({"a": COMPARISONS[:2]}, "['a']", "length 3"),
            ({"a": [1, 2, 3]}, "['a'][0]", "a Comparison, got int"),
        ]
    },
    "statement_graph": {
        "graph": [
            (nx.Graph([(0, 1)]), "a DiGraph, got Graph"),
            (None, "a DiGraph, got NoneType None"),
            (nx.DiGraph([("a", "b"), ("b", "a")]), "no cycle, got one: [('a', 'b'), ('b', 'a')]"),
            (nx.DiGraph(), "at least one statement, got none"),
            (nx.DiGraph([(0, 1)]), "hold strings, got 0"),
            (nx.DiGraph([("a", "b")]), "a title for 'a', got None"),
        ]
    },
    "unembedding_space": {
        "unembeddings": [
            *BAD_VECTORS,
            (np.ones((4, 4)), "1 to 3 dimensions to be drawn, got 4"),
            (np.ones((4, 0)), "1 to 3 dimensions to be drawn, got 0"),
            (np.ones((8, 2)), "vocabulary", "a word for each of 8 tokens (rows of unembeddings), got 4"),
        ],
        "vocabulary": [*BAD_VOCABULARIES, (None, "a Vocabulary, got NoneType None")],
        "concepts": BAD_CONCEPT_LISTS,
        "color_by": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
    },
    "unembedding_animation": {
        "run": [*BAD_RUNS, (train(MODEL, 2, steps=0, progress=False), "snapshots, got none; train with n_snapshots")],
        "vocabulary": [*BAD_VOCABULARIES, (None, "a Vocabulary, got NoneType None")],
        "concepts": BAD_CONCEPT_LISTS,
        "color_by": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
    },
    "pair_slider": {
        "pairs": [
            ({}, "at least one entry, got none"),
            ([PLANE], "mapping, got"),
            ({1: PLANE[0]}, "pairs[1]", "pair (embeddings, unembeddings)"),
            ({1: PLANE, 2: [(np.ones((2, 2)), np.ones((4, 2)))] * 2}, "at every place, got different numbers"),
            ({1: [PLANE[0], (np.ones((2, 2)), np.ones((4, 2)))]}, "pairs[1]", "the same contexts and tokens"),
            ({1: [(np.ones((2, 3)), np.ones((2, 3)))] * 2}, "2 dimensions, got 3"),
            ({1: [(np.ones((2, 2)), np.ones((9, 2)))] * 2}, "at most 5 tokens, one for each colour, got 9"),
            ({"one": PLANE}, "finite number, got 'one'"),
        ],
        "curves": [
            ({}, "at least one entry, got none"),
            ({"c": [1, 2]}, "curves['c']", "two lists of one length, got shapes (1,) and (2,)"),
            ({"c": [0]}, "curves['c']", "above 0 on the logarithmic y axis, got"),
        ],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "y_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "description": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "unembedding_slider": {
        "tables": [
            ({}, "at least one entry, got none"),
            ([G], "mapping, got"),
            ({"0": np.ones((4, 4))}, "tables['0']", "1 to 3 dimensions to be drawn, got 4"),
            ({"0": G, "1": np.full((4, 2), NAN)}, "tables['1']", "finite entries, got nan"),
        ],
        "vocabulary": [*BAD_VOCABULARIES, (None, "a Vocabulary, got NoneType None")],
        "concepts": BAD_CONCEPT_LISTS,
        "color_by": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
        "prefix": BAD_WORDS,
    },
    "context_slider": {
        "places": [
            ({}, "at least one entry, got none"),
            ([F], "mapping, got"),
            ({"0": np.ones((4, 4))}, "places['0']", "1 to 3 dimensions to be drawn, got 4"),
            ({"0": np.ones((3, 2))}, "places['0']", "shape (4, dim), got (3, 2)"),
            ({"0": F[:4], "1": np.full((4, 2), NAN)}, "places['1']", "finite entries, got nan"),
        ],
        "values": [([1, 2], "shape (4,), got (2,)"), ([1, 2, 3, NAN], "finite entries, got nan")],
        "shape": [(4, "sequence, got 4"), ((4,), "length 2, got (4,)"), ((0, 4), "at least 1, got 0")],
        "prefix": BAD_WORDS,
        "values_title": BAD_WORDS,
    },
    "equivalence_slider": {
        "predictors": [
            ({}, "at least one entry, got none"),
            ([START], "mapping, got"),
            ({"0": G}, "predictors['0']", "SoftmaxPredictor or a pair"),
            ({"0": (np.ones((9, 4)), np.ones((4, 4)))}, "predictors['0']", "1 to 3 dimensions to be drawn, got 4"),
            ({"0": START, "1": (F[:8], G)}, "predictors['1']", "one of the 9 contexts in each row, got 8 rows"),
        ],
        "vocabulary": [*BAD_VOCABULARIES, (None, "a Vocabulary, got NoneType None")],
        "contexts": [(["a", "a"], "different from each other"), (7, "sequence, got 7"), ([1], "hold strings, got 1")],
        "color_by": [*BAD_CONCEPTS, (2, "at most 1, got 2")],
        "prefix": BAD_WORDS,
    },
    "value_space": {
        "shapes": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"a": np.ones((3, 2))}, "shapes['a']", "shape (groups, k, dim), got (3, 2)"),
            ({"a": [[[NAN, 1.0]]]}, "shapes['a']", "finite entries, got nan"),
        ],
        "rings": [(["b"], "labels of shapes, got 'b'"), (3, "a list, a tuple or the like, got 3")],
        "title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "strips": {
        "rows": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"a": {}}, "rows['a']", "at least one entry, got none"),
            ({"a": {"s": [1, NAN]}}, "rows['a']['s']", "finite entries, got nan"),
            ({"a": {"s": [[1, 2]]}}, "rows['a']['s']", "shape (n,), got (1, 2)"),
            ({3: {"s": [1, 0]}}, "hold strings, got 3"),
        ],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "description": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "training_curves": {"run": BAD_RUNS},
    "dose_response": {
        "charts": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"c": {}}, "charts['c']", "at least one entry, got none"),
            ({"c": {"s": [1]}}, "charts['c']['s']", "mapping, got [1]"),
            ({"c": {"s": {1: []}}}, "charts['c']['s'][1]", "at least one run, got none"),
            ({"c": {"s": {1: [NAN]}}}, "charts['c']['s'][1]", "finite entries, got nan"),
            ({3: {"s": {1: [1]}}}, "hold strings, got 3"),
        ],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "y_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "plane_slider": {
        "places": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"0": {}}, "places['0']", "at least one entry, got none"),
            ({"0": {"one": [1, 2]}}, "places['0']['one']", "shape (n, 2), got (2,)"),
            ({"0": {"one": [[1, NAN]]}}, "finite entries, got nan"),
            ({"0": {"one": [[1, 2]]}, "1": {"two": [[1, 2]]}}, "places['1']", "groups of the first place, got ['two']"),
        ],
        "prefix": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "description": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "concept_heat_maps": {
        "tables": [
            ({}, "at least one entry, got none"),
            ([[1, 0], [0, 1]], "mapping, got [[1, 0], [0, 1]]"),
            ({"t": [[1, 0]]}, "tables['t']", "shape (2, 2), got (1, 2)"),
            ({"t": [[1, NAN], [0, 1]]}, "tables['t']", "finite entries, got nan"),
            ({3: [[1, 0], [0, 1]]}, "hold strings, got 3"),
        ],
        "names": [(["a", "a"], "different from each other"), ([], "at least one name"), (7, "sequence, got 7")],
    },
    "intervals": {
        "rows": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"m": {}}, "rows['m']", "at least one entry, got none"),
            ({"m": {"s": [1, 2]}}, "rows['m']['s']", "a value and the bounds of its interval", "got [1, 2]"),
            ({"m": {"s": [NAN, 0, 1]}}, "a value and the bounds of its interval"),
            ({"m": {"s": [1, NAN, 2]}}, "a value and the bounds of its interval"),
            ({"m": {"s": [3, 0, 2]}}, "between the bounds of its interval, got [3, 0, 2]"),
            ({3: {"s": [1, 0, 2]}}, "hold strings, got 3"),
        ],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "description": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "intervals_slider": {
        "charts": [
            ({}, "at least one entry, got none"),
            ([1], "mapping, got [1]"),
            ({"c": {}}, "at least one entry, got none"),
            ({"c": {"m": {"s": [1, 2]}}}, "a value and the bounds of its interval", "got [1, 2]"),
            (
                {"c": {"m": {"s": [1, 0, 2]}}, "d": {"m": {"t": [1, 0, 2]}}},
                "charts['d']",
                "rows and series of the first chart, got (['m'], ['t'])",
            ),
            ({3: {"m": {"s": [1, 0, 2]}}}, "hold strings, got 3"),
        ],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "prefix": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
        "description": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "concept_dots": {
        "charts": [
            ({}, "at least one entry, got none"),
            ({"c": {}}, "charts['c']", "at least one entry, got none"),
            ({"c": [1, 2]}, "charts['c']", "mapping, got [1, 2]"),
            ({"c": {"s": [1, 2, 3]}}, "charts['c']", "shape (2,), got (3,)"),
            ({"c": {"s": [1, INF]}}, "charts['c']", "finite entries, got inf"),
            ({"c": {"s": [1, 2]}, "d": {"t": [1, 2]}}, "charts['d']", "series ['s'] like the first chart, got ['t']"),
        ],
        "names": [(["a", "a"], "different from each other"), ([], "at least one name"), (7, "sequence, got 7")],
        "x_title": [(3, "hold strings, got 3"), (None, "hold strings, got None")],
    },
    "steering_explorer": {
        "data": [
            (None, "mapping, got None"),
            ({}, "an entry 'contexts', got []"),
            ({**EXPLORER, "contexts": ["x", "x"]}, "different from each other"),
            ({**EXPLORER, "strengths": [1, 2]}, "the strength 0, got strengths array([1., 2.])"),
            ({**EXPLORER, "pairs": [["a"]]}, "have length 2"),
            ({**EXPLORER, "pairs": []}, "have length 1, got []"),
            ({**EXPLORER, "probabilities": [[[[0.5]]]]}, "shape (1, 1, 2, n_shown), got (1, 1, 1, 1)"),
            ({**EXPLORER, "tokens": [[[["y"]]]]}, "the shape (1, 1, 2, 3) of the probabilities"),
            ({**EXPLORER, "log_odds": [[NAN]]}, "finite entries, got nan"),
            ({**EXPLORER, "slopes": [1.0]}, "shape (1, 1), got (1,)"),
        ],
    },
    "cosine_heat_map": {
        "report": [(MODEL, "a LinearityReport, got LatentConditionalModel"), (None, "a LinearityReport, got NoneType")],
        "names": [*BAD_NAMES, (["a", "a"], "different from each other, got 'a' 2 times")],
    },
    "means": {
        "series": [
            ({"a": {}}, "['a']", "at least one entry, got none"),
            ({"a": {1: []}}, "['a'][1]", "at least one run, got none"),
            ({"a": {1: [INF]}}, "['a'][1]", "finite entries, got inf"),
            ({"a": {1: 3}}, "['a'][1]", "shape (n,), got ()"),
            ({"a": {0: [1]}}, "['a']", "above 0 on the logarithmic x axis, got"),
            ({"a": {"one": [1]}}, "['a']", "array of real numbers, got ['one']"),
            ({"a": [1, 2]}, "['a']", "mapping, got [1, 2]"),
            ({1: {1: [1]}}, "hold strings, got 1"),
            ({}, "at least one entry, got none"),
        ],
        "x_title": BAD_WORDS,
        "y_title": BAD_WORDS,
        "description": BAD_WORDS,
        "log": [("z", "one of '', 'x', 'y', 'xy', got 'z'"), (None, "got None")],
    },
    "lines": {
        "series": [
            ({"a": ([1, 2], [3])}, "['a']", "two lists of one length, got shapes (2,) and (1,)"),
            ({"a": [1, 2, 3]}, "['a']", "length 2, got [1, 2, 3]"),
            ({"a": ([0, 1], [1, 2])}, "['a']", "above 0 on the logarithmic x axis, got"),
            ({"a": (["x"], [1])}, "['a']", "array of real numbers, got ['x']"),
            ({1: ([1], [1])}, "hold strings, got 1"),
            ([([1], [1])], "mapping, got [([1], [1])]"),
        ],
        "x_title": BAD_WORDS,
        "y_title": BAD_WORDS,
        "description": BAD_WORDS,
        "log": [("z", "one of '', 'x', 'y', 'xy', got 'z'"), (True, "got True"), (None, "got None")],
        "joined": [(0, "True or False, got 0"), ("no", "True or False, got 'no'"), (None, "got None")],
    },
}

ROWS = [
    pytest.param(call, argument, value, words, id=f"{call}-{argument}-{number}")
    for call, arguments in BAD.items()
    for argument, rows in arguments.items()
    for number, (value, *words) in enumerate(rows)
]


def message_of(call, argument, value):
    function, arguments = CALLS[call]
    with pytest.raises(ValueError) as caught:
        function(**{**arguments, argument: value})
    return str(caught.value)


@pytest.mark.parametrize(("call", "argument", "value", "words"), ROWS)
def test_a_bad_argument_is_a_value_error_that_says_what_would_be_right(call, argument, value, words):
    message = message_of(call, argument, value)
    assert argument in message
    assert "must" in message
    for word in words:
        assert word in message
    assert len(message) < 500


@pytest.mark.parametrize("call", CALLS)
def test_the_arguments_that_the_table_starts_from_are_good(call):
    function, arguments = CALLS[call]
    function(**arguments)


# ---- the table is complete --------------------------------------------------------------------------------------


def public_callables():
    """Functions, classes, and methods with arguments of the modules that belong to the model part."""
    names = {}
    for module_name in HERE:
        module = import_module(f"linrep_core.{module_name}")
        for name, value in vars(module).items():
            if name.startswith(("_", "check_")) or not belongs(value, module):
                continue
            if inspect.isfunction(value):
                names[name] = value
            elif inspect.isclass(value) and name not in RECORDS:
                names[name] = value
                for method, member in vars(value).items():
                    if not method.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod)):
                        names[f"{name}.{method}"] = getattr(value, method)
    return names


def belongs(value, module):
    """Whether a thing is defined in a module, or in a part of it that it makes public."""
    home = getattr(value, "__module__", None) or ""
    return home == module.__name__ or home.startswith(f"{module.__name__}.")


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def test_every_public_callable_is_in_the_table_with_all_its_arguments():
    expected = {name: parameters(function) for name, function in public_callables().items() if parameters(function)}
    assert {name: list(arguments) for name, (_, arguments) in CALLS.items()} == expected
    assert {name: list(arguments) for name, arguments in BAD.items()} == expected


def test_every_module_is_either_here_or_has_its_own_tests():
    modules = {module.name for module in pkgutil.iter_modules(linrep_core.__path__) if not module.name.startswith("_")}
    assert set(HERE) | ELSEWHERE == modules


# ---- what no single argument shows ------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [LARGE.joint, lambda: LARGE.marginal([0]), lambda: LARGE.gibbs_sample(1)])
def test_a_large_world_can_only_be_sampled(draw):
    with pytest.raises(ValueError, match="n_concepts must be at most 12 for an exact joint distribution, got 13"):
        draw()


def test_a_table_that_does_not_fit_into_memory_is_refused_before_it_is_made():
    model = LatentConditionalModel(ConceptGraph.random(11, 0.2, seed=0))
    with pytest.raises(ValueError, match=r"contexts must be few enough .* got 177147 contexts by 2048 tokens"):
        model.next_token_distribution()


def test_d_separation_needs_a_dag():
    with pytest.raises(ValueError, match="needs a world with a DAG; use separated"):
        FIELD.d_separated(0, 1)


def test_too_dense_a_random_graph_blames_the_edge_probability():
    with pytest.raises(
        ValueError, match=r"edge_probability must be low enough .* got 1.0: with 20 concepts one has 19"
    ):
        ConceptGraph.random(20, 1.0)


def test_a_joint_that_float64_cannot_hold_is_refused():
    tiny = ConceptGraph.from_dag(nx.DiGraph([(0, 1)]), [1e-200, {(0,): 0.5, (1,): 1e-200}])
    far = ConceptGraph.from_markov_random_field(TWO_NODES, {(0, 1): [[1e-300, 1], [1, 1]]}, {0: [1e-300, 1]})
    for world, vector in ((tiny, 3), (far, 0)):
        with pytest.raises(ValueError, match=f"at least 2.3e-308, .* for vector {vector}"):
            world.joint()
        with pytest.raises(ValueError, match="cpts"):
            LatentConditionalModel(world)


def test_a_table_spoiled_after_the_fact_is_still_noticed():
    predictor = SoftmaxPredictor.initialize(MODEL, 2)
    predictor.embeddings[0, 0] = NAN
    with pytest.raises(ValueError, match="finite entries"):
        linearity(MODEL, predictor)


# ---- junk of every kind -----------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.sampled_from(
        [-HUGE, -(10**30), -1, 0, 1, 2, 3, 5, 13, 64, 10**30, HUGE, 0.5, 1e-320, 1e308, -0.0, NAN, INF, -INF]
    ),
    st.floats(),
    st.booleans(),
    st.complex_numbers(max_magnitude=10),
    st.sampled_from([np.float32(0.5), np.int8(3), np.uint8(255), np.bool_(True), np.datetime64("2026-01-01")]),
)
ARRAYS = st.sampled_from(
    [
        np.zeros((4, 2)),
        np.zeros((0, 2)),
        np.zeros((2, 0)),
        np.zeros(()),
        np.full((9, 2), 1e308),
        np.array([["a", "b"]]),
        np.array([None, {}], dtype=object),
        np.ones((9, 2), dtype=np.float16)[::-1],
        np.ones((4, 2), dtype=">f8"),
        np.ma.masked_array(np.ones((4, 2)), mask=True),
        torch.zeros(4, 2),
        torch.zeros(9, 2, requires_grad=True, dtype=torch.float64),
        torch.zeros(4, 2, dtype=torch.bfloat16),
        torch.zeros(4, 2, device="meta"),
        torch.zeros(4, 2).to_sparse(),
    ]
)
OBJECTS = st.sampled_from(
    [
        None, object(), print, int, Ellipsis, NotImplemented, slice(2), range(2), iter([0, 1]), "", "0", "adam", b"01",
        nx.DiGraph(), nx.DiGraph([(0, 1)]), nx.Graph([(0, 1), (1, 1)]), nx.MultiGraph([(0, 1)]), DAG, FIELD, LARGE,
        MODEL, OTHER_MODEL, START, WORDS, RUN, REPORT, torch.float32, torch.device("cpu"), np.random.default_rng(0),
        {"excess_loss": 0.5}, {0: 1}, {(0, 1): [[1, 2], [3, 4]]}, {None: None}, {1, 2}, frozenset(),
    ]
)  # fmt: skip
JUNK = st.recursive(
    st.one_of(NUMBERS, ARRAYS, OBJECTS, st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.filterwarnings("ignore")  # casts of junk may warn
@pytest.mark.parametrize(("call", "argument"), [(call, argument) for call in BAD for argument in BAD[call]])
@settings(suppress_health_check=list(HealthCheck))
@given(value=JUNK)
def test_junk_works_or_is_a_value_error(call, argument, value):
    function, arguments = CALLS[call]
    arguments = {**arguments, argument: value}
    if argument == "device" and isinstance(value, torch.device | str):
        return  # what a machine has differs; the table has the names that none has
    if "callback" in arguments and argument != "callback":
        arguments["callback"] = None
    with contextlib.suppress(ValueError):
        function(**arguments)
