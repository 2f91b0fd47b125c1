"""Transformers of many sizes, corpora and ways of speaking: what becomes of the straight lines.

Book: part "Real language models", chapter "A model you can train yourself". Source: this book; arXiv 2403.03867 names
scale and architecture as open.
"""

from __future__ import annotations

import math
from typing import Any

from linrep_core._checks import check_choice, check_integer
from linrep_core.concepts import ConceptGraph
from linrep_core.geometry import MEASURES
from linrep_core.language import LatentConditionalModel
from linrep_core.sentences import SentenceWorld
from linrep_core.transformer_training import TransformerRun, sentence_cosines, train_transformer, word_cosines

N_CONCEPTS = 4
WIDTHS = (8, 16, 32, 64)
DEPTHS = (0, 1, 2)
CORPORA = (250, 1000, 4000, 16000)  # sentences
RECORDED = ("excess_loss", "training_excess", *MEASURES)

# each with what differs from two layers of width 32 that see fresh sentences
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    **{f"{n} sentences": {"n_sentences": n} for n in CORPORA},
    "width 2": {"width": 2},
    "width 4": {"width": 4},
    "tied": {"tied": True},
    "one word a value": {"n_synonyms": 1},
    "concepts in order": {"shuffled": False},
    "negations": {"negations": True, "steps": 4000, "learning_rate": 0.003},
    "negations, bag of words": {"negations": True, "n_layers": 0},
    "a word for each context": {"named": True},
    "a word for each context, bag of words": {"named": True, "n_layers": 0},
}
OF_THE_WORLD = ("n_synonyms", "shuffled", "negations", "named", "n_fillers")


def study_world(seed: int, **sentences: Any) -> SentenceWorld:
    """The world of one run: a random graph of four concepts, and words for it (see `SentenceWorld`).

    Examples
    --------
    >>> study_world(0).length
    7
    """
    return SentenceWorld(LatentConditionalModel(ConceptGraph.random(N_CONCEPTS, 0.5, seed=seed)), **sentences)


def study_run(variant: str, seed: int, *, progress: bool = False, **settings: Any) -> TransformerRun:
    """One run of a variant: its own world and its own start, both from the seed.

    Parameters
    ----------
    variant
        A name in `VARIANTS`.
    seed
        Of graph, tables, corpus and start.
    settings
        Further arguments of `train_transformer`, which the variant overrules.

    Examples
    --------
    >>> study_run("one word a value", 0, steps=0).world.n_synonyms
    1
    """
    chosen = {**settings, **VARIANTS[check_choice("variant", variant, tuple(VARIANTS))]}
    world = study_world(seed, **{name: value for name, value in chosen.items() if name in OF_THE_WORLD})
    rest = {name: value for name, value in chosen.items() if name not in OF_THE_WORLD}
    return train_transformer(world, seed=seed, progress=progress, **rest)


def size_cell(n_layers: int, width: int, first_seed: int, n_seeds: int) -> list[dict[str, float | None]]:
    """Some runs of one size, as rows of a table: what `Sweep` calls.

    Examples
    --------
    >>> from linrep_core.sweeps import Sweep
    >>> Sweep(size_cell, {"n_layers": [2], "width": [8], "first_seed": [0], "n_seeds": [1]}).configurations()
    [{'n_layers': 2, 'width': 8, 'first_seed': 0, 'n_seeds': 1}]
    """
    return [_row(study_run("base", seed, n_layers=n_layers, width=width)) for seed in _seeds(first_seed, n_seeds)]


def variant_cell(variant: str, first_seed: int, n_seeds: int) -> list[dict[str, float | None]]:
    """Some runs of one of `VARIANTS`, as rows of a table."""
    return [_row(study_run(variant, seed)) for seed in _seeds(first_seed, n_seeds)]


def _seeds(first_seed: int, n_seeds: int) -> range:
    first = check_integer("first_seed", first_seed, low=0, high=10**6)
    return range(first, first + check_integer("n_seeds", n_seeds, low=1, high=1000))


def _or_none(value: float) -> float | None:
    """A cell of a table: empty where there is no number, as for the corpus of a run that had none."""
    return None if math.isnan(value) else float(value)


def _row(run: TransformerRun) -> dict[str, float | None]:
    """The end of a run: measures of means over sentences, of single sentences, and of the words that are read."""
    single = sentence_cosines(run)
    read = {} if run.world.named else word_cosines(run)
    return {
        "seed": run.settings["seed"],
        "n_parameters": run.n_parameters,
        "steps": run.steps,
        **{name: _or_none(run.history[name][-1]) for name in RECORDED},
        **{f"sentence_{name}": value for name, value in single.items()},
        **{f"word_{name}": value for name, value in read.items()},
    }
