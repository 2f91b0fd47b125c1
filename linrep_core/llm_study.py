"""Section 5.2 and appendix F of arXiv 2403.03867 on any language model: whether its contexts and its tokens agree.

Book: part "Real language models". Concepts are pairs of words (`word_pairs.token_concepts`), and their steering vectors
are differences of unembeddings. Contexts that differ in one concept are sentences in two languages and sentences that
differ in their last word; their steering vectors are differences of embeddings. Everything is measured in several
geometries, each given as coordinates in which cosines are the ordinary ones, and beside controls.

The `*_study` functions are rows of ``results/models/``; the others are their pieces, which the chapters call.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_instance,
    check_integer,
    check_mapping,
    check_sequence,
    check_words,
    shown,
)
from linrep_core._llm_geometry import covariance_of_rows, inner_product_of
from linrep_core.geometry import _mean_cosines_of_sets, _normalize
from linrep_core.llm import (
    LanguageModel,
    bootstrap_interval,
    concept_direction,
    partner_p_value,
    random_pairs,
    within_concept_cosines,
    wrong_partners,
)
from linrep_core.sweeps import read_results
from linrep_core.word_pairs import DATA, TokenConcept, single_token_pairs, token_concepts, translations, winograd_pairs
from linrep_core.word_vectors import WordVectors

Array = NDArray[np.float64]
BUNDLED = "bundled"  # the name of the model that installs from the package registry
GLOVE = "glove"  # and of the word vectors that do
TABLES = ("summary", "unembeddings", "translations", "sentences", "winograd", "depth")
VECTOR_FILES = (".txt", ".vec")  # endings of files of word vectors
VARIANT = re.compile(r"(?P<model>.+)#(?P<change>untrained|layers|words)(=(?P<number>[0-9]+))?")
GEOMETRIES = ("euclidean", "first component removed", "causal")
LANGUAGE_PAIRS = ("fr-es", "fr-de", "en-fr", "de-es")  # of the paper's figures 4 and 8 to 11
SHORTEST, LONGEST = 20, 150  # tokens of a context that the paper keeps
MIN_PAIRS = 5  # a mean over fewer steering vectors is no direction of a concept
RESAMPLES = 999
N_RANDOM = 50  # directions of random pairs that a cosine is compared with
PAIRS_OF_A_DIRECTION = 25  # words that make one of them: as many as the smallest concepts have


# ---- what can be measured -------------------------------------------------------------------------------------------


def read_model(name: Any) -> LanguageModel | WordVectors:
    """Load what a results file calls by this name: a language model, a variant of one, or word vectors.

    Parameters
    ----------
    name
        ``"bundled"``, or whatever `LanguageModel.load` takes; ``"glove"`` (`WordVectors.packaged`) or a file of word
        vectors that ends in .txt or .vec. Behind it, for a variant: ``"#untrained"`` or ``"#untrained=1"`` (the same
        model with random weights, from a seed), ``"#layers=6"`` (its first layers alone), ``"#words=50000"`` (the most
        common words alone).

    Raises
    ------
    ValueError
        If there is no such model, or it has no such variant.

    Examples
    --------
    >>> read_model("bundled#layers=6").name  # doctest: +SKIP
    'SmolLM2-135M-Instruct, 6 layers'
    """
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"model must be {BUNDLED!r}, a folder, a .gguf file, a hub name, {GLOVE!r} or a file of word vectors, got "
            f"{shown(name)}"
        )
    variant = VARIANT.fullmatch(name)
    if variant:
        number = None if variant["number"] is None else int(variant["number"])
        return _changed(_loaded(variant["model"])[0], variant["change"], number)
    if name == GLOVE:
        return WordVectors.packaged()
    if name.endswith(VECTOR_FILES):
        return WordVectors.read(name)
    return LanguageModel.bundled() if name == BUNDLED else LanguageModel.load(name)


def _changed(model: LanguageModel | WordVectors, change: str, number: int | None) -> LanguageModel | WordVectors:
    """One variant of a model."""
    if (change == "words") != isinstance(model, WordVectors):
        kind = "word vectors" if change == "words" else "a language model"
        raise ValueError(f"model must be {kind} to have the variant #{change}, got {shown(model.name)}")
    if change == "untrained":
        return model.untrained(seed=number or 0)
    if number is None:
        raise ValueError(f"model must have a number in its variant, such as #{change}=6, got #{change}")
    return model.cut(number) if change == "layers" else model.most_common(number)


# ---- what a right angle is ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """Coordinates in which the ordinary cosine is the one that is meant.

    Attributes
    ----------
    name : str
    unembeddings, embeddings : functions of arrays of shape (..., dim)
        Take g(y) and f(x), or their differences, to these coordinates.
    """

    name: str
    unembeddings: Callable[[Array], Array]
    embeddings: Callable[[Array], Array]


def geometries(unembeddings: Any) -> dict[str, Geometry]:
    """The three geometries of a model, by name.

    ``"euclidean"`` leaves the vectors as they are. ``"first component removed"`` takes away their part along the first
    principal component of the unembeddings. ``"causal"`` is the causal inner product (`llm.causal_inner_product`).

    Parameters
    ----------
    unembeddings
        Shape (n_tokens, dim), more tokens than dimensions, at least two dimensions.

    Raises
    ------
    ValueError
        If the rows leave out a direction.

    Examples
    --------
    >>> found = geometries([[4.0, 1.0], [-4.0, 1.0], [4.0, -1.0], [-4.0, -1.0]])
    >>> [each.unembeddings(np.array([4.0, 1.0])).round(2).tolist() for each in found.values()]
    [[4.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    """
    covariance = _covariance(unembeddings)
    direction, _ = _first_component(covariance)
    inner = inner_product_of(covariance, len(unembeddings))

    def without(vectors: Array) -> Array:
        return vectors - (vectors @ direction)[..., None] * direction

    maps = ((lambda vectors: vectors,) * 2, (without, without), (inner.whiten, inner.whiten_embeddings))
    return {name: Geometry(name, *both) for name, both in zip(GEOMETRIES, maps, strict=True)}


def first_component(unembeddings: Any) -> tuple[Array, float]:
    """First principal component of the unembeddings, of length 1, and the share of the variance that it holds.

    Of its two senses, the one whose largest entry is positive.

    Examples
    --------
    >>> direction, share = first_component([[4.0, 1.0], [-4.0, 1.0], [4.0, -1.0], [-4.0, -1.0]])
    >>> direction.round(2).tolist(), round(share, 2)
    ([1.0, 0.0], 0.94)
    """
    return _first_component(_covariance(unembeddings))


def _covariance(unembeddings: Any) -> Array:
    """Of the rows of a table with at least two rows and two dimensions."""
    table = as_array("unembeddings", unembeddings)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"unembeddings must have shape (n_tokens, dim), got {table.shape}")
    covariance = covariance_of_rows("unembeddings", table)
    if min(table.shape) < 2:
        raise ValueError(f"unembeddings must have at least 2 rows and 2 dimensions, got {table.shape}")
    return covariance


def _first_component(covariance: Array) -> tuple[Array, float]:
    variances, directions = np.linalg.eigh(covariance)
    if not variances[-1] > 0:
        raise ValueError("unembeddings must have rows that differ, got equal ones")
    direction = directions[:, -1]
    sense = np.sign(direction[np.abs(direction).argmax()])
    return sense * direction, float(variances[-1] / variances.sum())


def cosine_table(first: Any, second: Any) -> Array:
    """Cosine of each vector with each other, (n, k); 0 where one of them is zero.

    Examples
    --------
    >>> cosine_table([[2.0, 0.0]], [[0.0, 1.0], [3.0, 0.0]]).tolist()
    [[0.0, 1.0]]
    """
    left = check_array("first", first, shape=("n", "dim"))
    right = check_array("second", second, shape=("k", left.shape[1]))
    return _normalize(left) @ _normalize(right).T


# ---- concepts in the unembeddings -----------------------------------------------------------------------------------


def concept_pairs(model: Any, concepts: Mapping[str, TokenConcept] | None = None) -> dict[str, Array]:
    """g(base) and g(target) of the pairs of each concept that are single tokens, (n_pairs, 2, dim).

    Parameters
    ----------
    model
        A `LanguageModel`, or `WordVectors`, whose vectors then stand for g.
    concepts
        As `word_pairs.token_concepts` gives them; None for all of these. One with fewer than five such pairs is left
        out.

    Raises
    ------
    ValueError
        If nothing is left.

    Examples
    --------
    >>> pairs = concept_pairs(LanguageModel.bundled())  # doctest: +SKIP
    >>> pairs["male-female"].shape  # doctest: +SKIP
    (55, 2, 576)
    """
    table = vectors_of_words(model)
    return {name: table[rows].astype(np.float64) for name, rows in concept_tokens(model, concepts).items()}


def concept_tokens(model: Any, concepts: Mapping[str, TokenConcept] | None = None) -> dict[str, NDArray[np.int64]]:
    """The tokens behind `concept_pairs`, (n_pairs, 2) for each concept; arguments and errors are the same.

    Examples
    --------
    >>> concept_tokens(LanguageModel.bundled())["male-female"].shape  # doctest: +SKIP
    (55, 2)
    """
    vectors_of_words(model)  # what has none is refused
    chosen = token_concepts() if concepts is None else check_mapping("concepts", concepts)
    found = {}
    for name, concept in chosen.items():
        rows = single_token_pairs(concept, lambda word: model.single_token(f" {word}")).ids
        if len(rows) >= MIN_PAIRS:
            found[name] = np.array(rows)
    if not found:
        raise ValueError(f"concepts must have one with {MIN_PAIRS} pairs of single tokens, got {shown(list(chosen))}")
    return found


def vectors_of_words(model: Any) -> NDArray[np.float32]:
    """The table g of a `LanguageModel`, or the vectors of `WordVectors`: (n_tokens, dim)."""
    if isinstance(model, WordVectors):
        return model.vectors
    check_instance("model", model, LanguageModel)
    return model.unembeddings.numpy()


def concept_directions(pairs: Mapping[str, Any], geometry: Geometry) -> Array:
    """The direction of each concept in the coordinates of a geometry, of length 1: (n_concepts, dim)."""
    return np.stack([concept_direction(each) for each in _in_coordinates(pairs, geometry)])


def steering_heat_map(pairs: Mapping[str, Any], geometry: Geometry) -> Array:
    """Mean cosine between the steering vectors of each two concepts, and (diagonal) within each: the paper's figure 7.

    Parameters
    ----------
    pairs
        As `concept_pairs` gives them.
    geometry
        One of `geometries`.

    Returns
    -------
    array of shape (n_concepts, n_concepts); a vector is not compared with itself

    Examples
    --------
    >>> plain = Geometry("plain", np.asarray, np.asarray)
    >>> steering_heat_map({"a": [[[0, 0], [1, 0]], [[0, 0], [0, 1]]], "b": [[[0, 0], [0, 2]]] * 2}, plain).tolist()
    [[0.0, 0.5], [0.5, 1.0]]
    """
    steering = [each[:, 1] - each[:, 0] for each in _in_coordinates(pairs, geometry)]
    return _mean_cosines_of_sets([check_array("steering", each, shape=("n", "dim")) for each in steering])


def off_diagonal(table: Any) -> Array:
    """The entries of a square table off its diagonal, (n * (n - 1),).

    Examples
    --------
    >>> off_diagonal([[1, 2], [3, 4]]).tolist()
    [2.0, 3.0]
    """
    array = check_array("table", table, shape=("n", "n"))
    if array.shape[0] != array.shape[1]:
        raise ValueError(f"table must be square, got {array.shape}")
    return array[~np.eye(len(array), dtype=bool)]


# ---- concepts in the contexts ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ContextSteps:
    """What changes from the first context of each pair to the second.

    Attributes
    ----------
    embeddings : array of shape (n_pairs, dim)
        f(second) - f(first).
    words : array of shape (n_pairs, dim)
        The same difference of bags of words (`LanguageModel.bag_of_words`), the control: what the words of a text say
        before any layer has read them. It lives among the unembeddings.
    """

    embeddings: Array
    words: Array

    def __post_init__(self) -> None:
        embeddings = check_array("embeddings", self.embeddings, shape=("n_pairs", "dim"))
        if not embeddings.size:
            raise ValueError(f"embeddings must hold at least one pair, got an array of shape {embeddings.shape}")
        words = check_array("words", self.words, shape=embeddings.shape)
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "words", words)

    def sources(self, geometry: Geometry) -> dict[str, Array]:
        """Both in the coordinates of a geometry, by name: ``"model"`` and ``"bag of words"``."""
        check_instance("geometry", geometry, Geometry)
        return {"model": geometry.embeddings(self.embeddings), "bag of words": geometry.unembeddings(self.words)}


def context_steps(model: Any, contexts: Any, *, progress: bool = True) -> ContextSteps:
    """Embed pairs of contexts and subtract.

    Parameters
    ----------
    model
        A `LanguageModel`.
    contexts
        Pairs of texts (first, second).
    progress
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        If there is no pair, or a text is empty or too long for the model.
    """
    check_instance("model", model, LanguageModel)
    texts = _texts(contexts)
    features, bags = model.embed(texts, progress=progress), model.bag_of_words(texts)
    n = len(texts) // 2
    return ContextSteps((features[n:] - features[:n]).numpy(), (bags[n:] - bags[:n]).numpy())


def within_length(model: Any, contexts: Any, shortest: int = SHORTEST, longest: int = LONGEST) -> list[tuple[str, str]]:
    """The pairs of contexts that both have so many tokens; the paper keeps 20 to 150."""
    check_instance("model", model, LanguageModel)
    shortest = check_integer("shortest", shortest, low=1)
    longest = check_integer("longest", longest, low=shortest)
    texts = _texts(contexts)
    fits = [shortest <= length <= longest for length in model.lengths(texts)]
    n = len(texts) // 2
    return [(texts[i], texts[n + i]) for i in range(n) if fits[i] and fits[n + i]]


def mean_cosines(steps: Any, directions: Any) -> Array:
    """Cosine of the mean of the steps, all in one geometry's coordinates, with each direction: (n_directions,).

    The paper's figures show its absolute value.

    Examples
    --------
    >>> mean_cosines([[1.0, 0.0], [3.0, 0.0]], [[1.0, 0.0], [0.0, -1.0], [-2.0, 0.0]]).tolist()
    [1.0, 0.0, -1.0]
    """
    steps = _steps(steps)
    return cosine_table(steps.mean(axis=0, keepdims=True), directions)[0]


def mean_cosine_intervals(steps: Any, directions: Any, *, seed: int = 0) -> Array:
    """95 % bootstrap intervals of the absolute values of `mean_cosines`, (n_directions, 2): sentences are resampled.

    Percentiles, as the absolute value has no simple correction. The interval tells how much depends on the choice of
    sentences; where the true cosine is near zero, the absolute value lifts it.

    Examples
    --------
    >>> mean_cosine_intervals([[1.0, 0.0], [3.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    steps = _steps(steps)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    weights = generator.multinomial(len(steps), np.full(len(steps), 1 / len(steps)), size=RESAMPLES) / len(steps)
    found = np.abs(cosine_table(weights @ steps, directions))
    return np.percentile(found, (2.5, 97.5), axis=0).T


# ---- the rows of results/models/ ------------------------------------------------------------------------------------


def summary_study(model: str) -> list[dict[str, Any]]:
    """The whole set of concepts in each geometry: how straight within, how much at right angles between.

    Parameters
    ----------
    model
        As `read_model` takes it.

    Returns
    -------
    one record a geometry
    """
    read, pairs, found = _studied(model)
    share = first_component(vectors_of_words(read))[1]
    rows = []
    for geometry in found.values():
        mapped = _in_coordinates(pairs, geometry)
        heat_map = steering_heat_map(pairs, geometry)
        between = np.abs(off_diagonal(cosine_table(*[concept_directions(pairs, geometry)] * 2)))
        rows.append(
            {
                "name": read.name,
                "n_tokens": read.n_tokens,
                "dim": read.dim,
                "tied": read.tied if isinstance(read, LanguageModel) else None,  # word vectors have no other table
                "first_component": round(share, 6),
                "geometry": geometry.name,
                "n_concepts": len(pairs),
                "within": _mean(within_concept_cosines(each).mean() for each in mapped),
                "wrong_partners": _mean(within_concept_cosines(wrong_partners(each)).mean() for each in mapped),
                "steering_within": _mean(np.diag(heat_map)),
                "steering_between": _mean(np.abs(off_diagonal(heat_map))),
                "directions_between": _mean(between),
                "directions_between_max": round(float(between.max()), 6),
            }
        )
    return rows


def unembedding_study(model: str, concept: str) -> list[dict[str, Any]]:
    """How straight one concept is among the unembeddings, with interval, controls and a test.

    Parameters
    ----------
    model
        As `summary_study` takes it.
    concept
        Of `word_pairs.token_concepts`.

    Returns
    -------
    one record a geometry; none where the model has too few of the words as single tokens
    """
    check_choice("concept", concept, tuple(token_concepts()))
    read, pairs, found = _studied(model)
    if concept not in pairs:
        return []
    table = vectors_of_words(read)
    return [
        {"name": read.name, "geometry": geometry.name, **straightness(pairs[concept], table, geometry)}
        for geometry in found.values()
    ]


def straightness(pairs: Any, unembeddings: Any, geometry: Geometry) -> dict[str, Any]:
    """Mean leave-one-out cosine of a concept, its interval, controls and test, in one geometry.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim).
    unembeddings
        Shape (n_tokens, dim), for as many pairs of random tokens.
    geometry
        One of `geometries`.

    Returns
    -------
    dict
        ``n_pairs``; ``within``, ``low`` and ``high``: the mean of `within_concept_cosines` and its 95 % interval;
        ``wrong_partners`` and ``random``: the same mean for the controls; ``p_value`` of `partner_p_value`.
    """
    check_instance("geometry", geometry, Geometry)
    mapped = geometry.unembeddings(check_array("pairs", pairs, shape=("n_pairs", 2, "dim")))
    interval = bootstrap_interval(within_concept_cosines(mapped))
    chance = geometry.unembeddings(random_pairs(unembeddings, len(mapped)))
    return {
        "n_pairs": len(mapped),
        "within": round(interval.mean, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "wrong_partners": _mean(within_concept_cosines(wrong_partners(mapped))),
        "random": _mean(within_concept_cosines(chance)),
        "p_value": round(partner_p_value(mapped, n_resamples=RESAMPLES), 6),
    }


def translation_study(model: str, languages: str) -> list[dict[str, Any]]:
    """The mean step between two languages beside the directions of all concepts: the paper's figures 4 and 8 to 11.

    Parameters
    ----------
    model
        As `summary_study` takes it.
    languages
        One of `LANGUAGE_PAIRS`, such as ``"fr-es"``.

    Returns
    -------
    one record for each geometry, source (the model, and a bag of words) and concept; the last, "random pairs", has the
    mean absolute cosine with directions made of random words
    """
    check_choice("languages", languages, LANGUAGE_PAIRS)
    read, pairs, found = _with_contexts(model)
    steps = _translation_steps(model, languages)
    rows = []
    for geometry in found.values():
        directions = concept_directions(pairs, geometry)
        chance = np.stack([concept_direction(each) for each in _random_concepts(read, geometry)])
        for source, vectors in steps.sources(geometry).items():
            made = {"name": read.name, "geometry": geometry.name, "source": source, "n_sentences": len(vectors)}
            cosines, intervals = mean_cosines(vectors, directions), mean_cosine_intervals(vectors, directions)
            for concept, cosine, (low, high) in zip(pairs, cosines, intervals, strict=True):
                numbers = {"cosine": cosine, "low": low, "high": high}
                rows.append({**made, "concept": concept, **{key: round(float(v), 6) for key, v in numbers.items()}})
            rows.append({**made, "concept": "random pairs", "cosine": _mean(np.abs(mean_cosines(vectors, chance)))})
    return rows


def sentence_study(model: str, languages: str) -> list[dict[str, Any]]:
    """How parallel the steps between two languages are from sentence to sentence (leave-one-out).

    Parameters are those of `translation_study`.

    Returns
    -------
    one record for each geometry and source
    """
    check_choice("languages", languages, LANGUAGE_PAIRS)
    read, _, found = _with_contexts(model)
    steps = _translation_steps(model, languages)
    rows = []
    for geometry in found.values():
        for source, vectors in steps.sources(geometry).items():
            interval = bootstrap_interval(sentence_cosines(vectors))
            numbers = {"within": interval.mean, "low": interval.low, "high": interval.high}
            rows.append(
                {
                    "name": read.name,
                    "geometry": geometry.name,
                    "source": source,
                    "n_sentences": len(vectors),
                    **{key: round(value, 6) for key, value in numbers.items()},
                }
            )
    return rows


def sentence_cosines(steps: Any) -> Array:
    """Cosine of each step with the mean of the others, (n_pairs,).

    Examples
    --------
    >>> sentence_cosines([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]).round(2).tolist()
    [0.89, 0.71, 0.0]
    """
    steps = _steps(steps)
    if len(steps) < 2:
        raise ValueError("steps must be at least 2 where each is compared with the others, got 1")
    return within_concept_cosines(np.stack([np.zeros_like(steps), steps], axis=1))


def winograd_study(model: str) -> list[dict[str, Any]]:
    """Contexts that differ in their last word, beside the step between the two words: section 5.2 and table 8.

    Pairs whose words are not single tokens are left out.

    Parameters
    ----------
    model
        As `summary_study` takes it.

    Returns
    -------
    one record for each geometry, source and pair of contexts: ``own`` is the cosine with the step of its own words,
    ``others_mean`` and ``others_max`` those with the steps of all other pairs, ``best`` the largest with a concept's
    direction, ``own_concept`` that with its own concept's (empty where it has none)
    """
    read, pairs, found = _with_contexts(model)
    kept = [pair for pair in winograd_pairs() if all(read.single_token(f" {word}") is not None for word in pair.words)]
    if len(kept) < 2:
        raise ValueError(f"model must know the words of at least 2 pairs as single tokens, got {len(kept)}")
    steps = context_steps(read, [(pair.first, pair.second) for pair in kept], progress=False)
    tokens = np.array([[read.single_token(f" {word}") for word in pair.words] for pair in kept])
    words = read.unembeddings.numpy()[tokens].astype(np.float64)
    rows = []
    for geometry in found.values():
        own_words = geometry.unembeddings(words[:, 1] - words[:, 0])
        directions = concept_directions(pairs, geometry)
        for source, vectors in steps.sources(geometry).items():
            tables = cosine_table(vectors, own_words), cosine_table(vectors, directions)
            made = {"name": read.name, "geometry": geometry.name, "source": source}
            rows += [{**made, **row} for row in _winograd_rows(kept, list(pairs), *tables)]
    return rows


def _winograd_rows(kept: list[Any], concepts: list[str], with_words: Array, with_concepts: Array) -> list[dict]:
    rows = []
    for i, pair in enumerate(kept):
        others = np.delete(with_words[i], i)
        best = int(with_concepts[i].argmax())
        own_concept = with_concepts[i, concepts.index(pair.concept)] if pair.concept in concepts else None
        numbers = {
            "own": with_words[i, i],
            "others_mean": others.mean(),
            "others_max": others.max(),
            "best": with_concepts[i, best],
            "own_concept": own_concept,
        }
        made = {"pair": i, "words": " ".join(pair.words), "concept": pair.concept, "best_concept": concepts[best]}
        rows.append({**made, **{key: None if v is None else round(float(v), 6) for key, v in numbers.items()}})
    return rows


def depth_study(model: str, n_layers: int, contexts: str) -> list[dict[str, Any]]:
    """How far contexts and tokens agree when the model is stopped after so many layers (`LanguageModel.cut`).

    Parameters
    ----------
    model
        As `read_model` takes it; a language model.
    n_layers
        0 to the number of layers.
    contexts
        One of `LANGUAGE_PAIRS`, or ``"winograd"``.

    Returns
    -------
    one record a geometry: ``own`` is the cosine with the own direction (languages: of the mean step, with the interval
    of its absolute value; Winograd: the mean over pairs, with its interval), ``chance`` what random pairs give
    (languages) or the steps of other pairs' words (Winograd), ``leader`` the concept with the largest absolute cosine
    (languages), ``within`` how parallel the steps are from sentence to sentence (languages)
    """
    check_choice("contexts", contexts, (*LANGUAGE_PAIRS, "winograd"))
    name = f"{model}#layers={check_integer('n_layers', n_layers, low=0)}"
    if contexts == "winograd":
        return _depth_of_winograd(winograd_study(name))
    return _depth_of_languages(translation_study(name, contexts), sentence_study(name, contexts), contexts)


def _depth_of_languages(rows: list[dict], sentences: list[dict], languages: str) -> list[dict]:
    """What is kept of the rows of one depth, of two languages."""
    found = []
    for row in rows:
        if row["source"] == "model" and row["concept"] == languages:
            beside = [each for each in rows if all(each[key] == row[key] for key in ("geometry", "source"))]
            cosines = {each["concept"]: abs(each["cosine"]) for each in beside}
            chance = cosines.pop("random pairs")
            within = next(each for each in sentences if all(each[key] == row[key] for key in ("geometry", "source")))
            kept = {"own": row["cosine"], "low": row["low"], "high": row["high"], "chance": chance}
            leader = max(cosines, key=cosines.__getitem__)
            made = {"name": row["name"], "geometry": row["geometry"], "n_contexts": row["n_sentences"]}
            found.append({**made, **kept, "leader": leader, "within": within["within"]})
    return found


def _depth_of_winograd(rows: list[dict]) -> list[dict]:
    """What is kept of the rows of one depth, of pairs that differ in their last word."""
    found = []
    for name in GEOMETRIES:
        chosen = [row for row in rows if (row["geometry"], row["source"]) == (name, "model")]
        own = bootstrap_interval([row["own"] for row in chosen])
        numbers = {"own": own.mean, "low": own.low, "high": own.high}
        kept = {key: round(value, 6) for key, value in numbers.items()}
        chance = _mean(row["others_mean"] for row in chosen)
        made = {"name": chosen[0]["name"], "geometry": name, "n_contexts": len(chosen)}
        found.append({**made, **kept, "chance": chance, "leader": None, "within": None})
    return found


# ---- what the paper printed -----------------------------------------------------------------------------------------


def paper_numbers() -> dict[str, Any]:
    """What arXiv 2403.03867 shows for LLaMA-2-7B; heights and colours of its figures were measured by this book.

    Returns
    -------
    dict
        ``concepts``: 27 names in the order of `word_pairs.token_concepts`; ``heat_map``: figure 7(b), (27, 27);
        ``contexts``: absolute cosines of figures 8 to 11, 27 for each of `LANGUAGE_PAIRS`; ``winograd``: means and
        largest values of section 5.2; ``best``: table 8; ``source``: where and how exactly.

    Examples
    --------
    >>> paper_numbers()["contexts"]["fr-es"][25], paper_numbers()["concepts"][25]
    (0.337, 'fr-es')
    """
    return json.loads((DATA / "llama2.json").read_text("utf8"))


# ---- what the tables say of a model ---------------------------------------------------------------------------------


def measured(folder: Any, name: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of one model in a folder of results, ``{table: rows}``; empty where the model was not measured.

    Parameters
    ----------
    folder
        Such as ``RESULTS / "models"``.
    name
        The beginning of the files: ``"smollm2-135m-instruct"``.
    """
    if not isinstance(folder, str | os.PathLike) or not Path(folder).is_dir():
        raise ValueError(f"folder must be a folder of results, got {shown(folder)}")
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name must be the beginning of a file of results, got {shown(name)}")
    paths = {table: Path(folder) / f"{name}-{table}.csv" for table in TABLES}
    return {table: read_results(path) for table, path in paths.items() if path.is_file()}


def headline(tables: Mapping[str, list[dict[str, Any]]], geometry: str) -> dict[str, float]:
    """The few numbers by which models are compared; what was not measured is not there.

    Parameters
    ----------
    tables
        As `measured` gives them.
    geometry
        One of `GEOMETRIES`.

    Returns
    -------
    dict
        ``within`` and ``between``: mean cosines of steering vectors of one concept, and (absolute) of two, as in the
        paper's figure 7(b); ``gap``: mean leave-one-out cosine less that of wrong partners, over concepts, with ``low``
        and ``high`` of its 95 % interval; ``languages``: mean absolute cosine of the four steps between languages with
        their own directions, ``bag`` of bags of words; ``words``: mean cosine of the steps of Winograd pairs with those
        of their own words, ``others`` with those of other pairs.

    Examples
    --------
    >>> headline({"summary": [{"geometry": "causal", "steering_within": 0.2, "steering_between": 0.01}]}, "causal")
    {'within': 0.2, 'between': 0.01}
    """
    check_choice("geometry", geometry, GEOMETRIES)
    chosen = {
        table: [row for row in rows if row["geometry"] == geometry]
        for table, rows in check_mapping("tables", tables).items()
    }
    found: dict[str, float] = {}
    for row in chosen.get("summary", []):
        found |= {"within": row["steering_within"], "between": row["steering_between"]}
    if chosen.get("unembeddings"):
        gap = bootstrap_interval([row["within"] - row["wrong_partners"] for row in chosen["unembeddings"]])
        found |= {"gap": gap.mean, "low": gap.low, "high": gap.high}
    own = [row for row in chosen.get("translations", []) if row["concept"] == row["languages"]]
    for name, source in {"languages": "model", "bag": "bag of words"}.items():
        if own:
            found[name] = _mean(abs(row["cosine"]) for row in own if row["source"] == source)
    pairs = [row for row in chosen.get("winograd", []) if row["source"] == "model"]
    if pairs:
        found |= {"words": _mean(row["own"] for row in pairs), "others": _mean(row["others_mean"] for row in pairs)}
    return found


def paper_headline() -> dict[str, float]:
    """What of `headline` the paper shows for LLaMA-2-7B (Euclidean).

    Examples
    --------
    >>> {name: round(value, 3) for name, value in paper_headline().items()}
    {'within': 0.168, 'between': 0.011, 'languages': 0.249, 'words': 0.042, 'others': 0.011}
    """
    paper = paper_numbers()
    heat_map = np.array(paper["heat_map"])
    own = [paper["contexts"][languages][paper["concepts"].index(languages)] for languages in LANGUAGE_PAIRS]
    means = [value for name, value in paper["winograd"].items() if "mean" in name]
    within, between = _mean(np.diag(heat_map)), _mean(np.abs(off_diagonal(heat_map)))
    return {"within": within, "between": between, "languages": _mean(own), "words": means[0], "others": means[1]}


# ---- pieces ---------------------------------------------------------------------------------------------------------


def _studied(name: Any) -> tuple[LanguageModel | WordVectors, dict[str, Array], dict[str, Geometry]]:
    """A model, its concepts and its geometries."""
    return _loaded(name) if isinstance(name, str) else read_model(name)


@functools.lru_cache(maxsize=2)  # a variant, and what it is a variant of
def _loaded(name: str) -> tuple[LanguageModel | WordVectors, dict[str, Array], dict[str, Geometry]]:
    """The same; a worker that measures one model many times loads it once."""
    model = read_model(name)
    return model, concept_pairs(model), geometries(vectors_of_words(model))


def _with_contexts(name: Any) -> tuple[LanguageModel, dict[str, Array], dict[str, Geometry]]:
    """The same for what reads contexts."""
    model, pairs, found = _studied(name)
    check_instance("model", model, LanguageModel)
    return model, pairs, found


@functools.lru_cache(maxsize=len(LANGUAGE_PAIRS))
def _translation_steps(name: str, languages: str) -> ContextSteps:
    model, _, _ = _with_contexts(name)
    first, second = languages.split("-")
    contexts = [(pair.first, pair.second) for pair in translations(first, second)]
    return context_steps(model, within_length(model, contexts), progress=False)


def _random_concepts(model: LanguageModel, geometry: Geometry) -> list[Array]:
    n_pairs = min(PAIRS_OF_A_DIRECTION, model.n_tokens // 2)
    return [geometry.unembeddings(random_pairs(model.unembeddings, n_pairs, seed=seed)) for seed in range(N_RANDOM)]


def _in_coordinates(pairs: Any, geometry: Any) -> list[Array]:
    check_instance("geometry", geometry, Geometry)
    if not check_mapping("pairs", pairs):
        raise ValueError("pairs must hold at least one concept, got none")
    return [
        geometry.unembeddings(check_array(f"pairs[{name!r}]", each, shape=("n_pairs", 2, "dim")))
        for name, each in pairs.items()
    ]


def _texts(contexts: Any) -> list[str]:
    """All first texts, then all second ones."""
    rows = [
        check_words(f"contexts[{i}]", pair, length=2) for i, pair in enumerate(check_sequence("contexts", contexts))
    ]
    if not rows:
        raise ValueError("contexts must hold at least one pair of texts, got none")
    return [pair[side] for side in (0, 1) for pair in rows]


def _steps(steps: Any) -> Array:
    array = check_array("steps", steps, shape=("n_pairs", "dim"))
    if not array.size:
        raise ValueError(f"steps must hold at least one vector, got an array of shape {array.shape}")
    return array


def _mean(values: Any) -> float:
    return round(float(np.mean(as_array("values", list(values)))), 6)
