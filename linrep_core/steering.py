"""Steering: a concept's direction is added to f(x), and the probabilities of the next token move.

Book: "Steering". At the last layer everything is exact: adding t·v to f(x) adds t·v·(g(b) - g(a)) to the log-odds of
any two tokens a and b, whatever the context. Which v moves one concept and leaves the others alone is a question of
geometry: the Euclidean choice is the concept's mean step, the causal one (arXiv 2311.03658) is the inverse covariance
of the unembeddings times that step.

The `*_study` functions are rows of ``results/models/``; `explorer_data` is what the book's figure shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from linrep_core._checks import check_array, check_instance, check_integer, check_mapping, check_number, check_words
from linrep_core.llm import LanguageModel
from linrep_core.llm_study import GEOMETRIES, Geometry, _studied, _with_contexts
from linrep_core.word_pairs import single_token_pairs, token_concepts

Array = NDArray[np.float64]
SCHEMA = 1  # of the explorer's file
STRENGTHS = (-16, -8, -4, -2, 0, 2, 4, 8, 16, 32)  # nats that the concept's own pairs gain on average
EXPLORED = (-16, -12, -8, -6, -4, -2, 0, 2, 4, 6, 8, 12, 16)  # strengths of the book's figure
CONTINUED = (0, 4, 8, 16)  # strengths at which texts are continued
N_TOKENS = 8  # of a continuation
N_SHOWN = 10  # of the likeliest tokens that the explorer shows
# beginnings of sentences, and a concept that fits each
CONTEXTS = {
    "The ruler of the kingdom is a": "male-female",
    "My best friend is a": "male-female",
    "Every day she": "3pSg-Ved",
    "Yesterday evening the children": "verb-Ving",
    "In the garden there was a": "noun-plural",
    "We went to the market to buy some": "noun-plural",
    "The road to the village is": "adj-comparative",
    "They spent the summer in": "country-capital",
    "I opened the door and": "lower-upper",
    "The cat sat on the": "en-fr",
}
# concepts of the explorer, and the pair that it shows; the direction is made from the other pairs
SHOWN_PAIRS = {
    "male-female": ("king", "queen"),
    "noun-plural": ("book", "books"),
    "verb-Ving": ("play", "playing"),
    "3pSg-Ved": ("says", "said"),
    "adj-comparative": ("long", "longer"),
    "country-capital": ("France", "Paris"),
    "lower-upper": ("he", "He"),
    "en-fr": ("the", "le"),
}


# ---- directions -----------------------------------------------------------------------------------------------------


def steering_direction(pairs: Any, geometry: Geometry) -> Array:
    """What is added to f(x) for one unit of strength: the log-odds of the concept's pairs gain 1 nat on average.

    With A the map of the geometry for unembeddings and m the mean step of the pairs, it is AᵀA m / |A m|². In the
    Euclidean geometry that is m itself, in the causal one the inverse covariance times m, up to their lengths.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim): g(base), g(target).
    geometry
        One of `llm_study.geometries`.

    Returns
    -------
    array of shape (dim,)

    Raises
    ------
    ValueError
        If the steps cancel.

    Examples
    --------
    >>> plain = Geometry("euclidean", np.asarray, np.asarray)
    >>> steering_direction([[[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [2.0, 1.0]]], plain).tolist()
    [0.5, 0.0]
    """
    check_instance("geometry", geometry, Geometry)
    array = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    if not len(array):
        raise ValueError("pairs must hold at least one pair of vectors, got none")
    mean = geometry.unembeddings((array[:, 1] - array[:, 0]).mean(axis=0))
    if not mean @ mean > 0:
        raise ValueError("pairs must have steps that do not cancel, got a mean of zero")
    return geometry.unembeddings(np.eye(array.shape[2])) @ mean / (mean @ mean)


def log_odds_change(direction: Any, pairs: Any) -> Array:
    """How many nats the log-odds of each pair (target against base) gain for one unit of strength: (n_pairs,).

    Examples
    --------
    >>> log_odds_change([0.5, 0.0], [[[0.0, 0.0], [2.0, 9.0]]]).tolist()
    [1.0]
    """
    array = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    return (array[:, 1] - array[:, 0]) @ check_array("direction", direction, shape=(array.shape[2],))


def held_out_change(pairs: Any, geometry: Geometry) -> Array:
    """The same for each pair of a concept under the direction that the *other* pairs make: (n_pairs,).

    Examples
    --------
    >>> plain = Geometry("euclidean", np.asarray, np.asarray)
    >>> held_out_change([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [2.0, 2.0]]], plain).tolist()
    [0.25, 2.0]
    """
    array = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    if len(array) < 2:
        raise ValueError(f"pairs must be at least 2 where one is held out, got {len(array)}")
    check_instance("geometry", geometry, Geometry)
    steps = geometry.unembeddings(array[:, 1] - array[:, 0])
    means = (steps.sum(axis=0) - steps) / (len(steps) - 1)
    lengths = (means * means).sum(axis=1)
    return np.divide((means * steps).sum(axis=1), lengths, out=np.zeros(len(steps)), where=lengths > 0)


def side_effects(pairs: Mapping[str, Any], geometry: Geometry) -> Array:
    """What steering one concept does to the pairs of each other, for one nat that a held-out pair of its own gains.

    Parameters
    ----------
    pairs
        As `llm_study.concept_pairs` gives them.
    geometry
        One of `llm_study.geometries`.

    Returns
    -------
    array of shape (n_concepts, n_concepts): row, the concept that is steered; column, the one whose pairs are looked
    at; the mean absolute change of their log-odds. 1 on the diagonal, by definition; the rest of a row is nan where
    held-out pairs of the concept gain nothing, as in an untrained model

    Examples
    --------
    >>> plain = Geometry("euclidean", np.asarray, np.asarray)
    >>> concepts = {"a": [[[0.0, 0.0], [1.0, 0.0]]] * 2, "b": [[[0.0, 0.0], [0.5, 1.0]], [[0.0, 0.0], [-0.5, 1.0]]]}
    >>> side_effects(concepts, plain).round(2).tolist()
    [[1.0, 0.5], [0.0, 1.0]]
    """
    check_mapping("pairs", pairs)
    directions = [steering_direction(each, geometry) for each in pairs.values()]
    gains = [float(held_out_change(each, geometry).mean()) for each in pairs.values()]
    table = np.array([[np.abs(log_odds_change(v, each)).mean() for each in pairs.values()] for v in directions])
    table = table / np.where(np.array(gains) > 0, gains, np.nan)[:, None]
    np.fill_diagonal(table, 1.0)
    return table


def steered_log_probabilities(features: Any, unembeddings: Any, direction: Any, strength: float) -> Array:
    """Ln p(y | x) when strength times the direction has been added to f(x).

    Parameters
    ----------
    features
        f(x), shape (n, dim).
    unembeddings
        g(y), shape (n_tokens, dim).
    direction
        Shape (dim,), such as `steering_direction` gives it.
    strength
        Nats.

    Returns
    -------
    array of shape (n, n_tokens)

    Examples
    --------
    >>> found = steered_log_probabilities([[0.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]], [0.5, 0.0], 3.0)[0]
    >>> round(float(found[0] - found[1]), 6)
    3.0
    """
    table = check_array("unembeddings", unembeddings, shape=("n_tokens", "dim"))
    moved = check_array("features", features, shape=("n", table.shape[1])) + check_number(
        "strength", strength, low=-np.inf
    ) * check_array("direction", direction, shape=(table.shape[1],))
    return log_softmax(moved @ table.T, axis=1)


# ---- the rows of results/models/ ------------------------------------------------------------------------------------


def shared_words(single_token: Any, names: Any) -> NDArray[np.bool_]:
    """Whether two concepts have a word in common: a square table.

    Parameters
    ----------
    single_token
        As `word_pairs.single_token_pairs` takes it.
    names
        Of the concepts.

    Examples
    --------
    >>> shared_words({"add": 1, "adds": 2, "adding": 3}.get, ["verb-3pSg", "verb-Ving"]).tolist()
    [[True, True], [True, True]]
    """
    concepts = token_concepts()
    words = []
    for name in check_words("names", names):
        kept = single_token_pairs(concepts[name], single_token).kept
        words.append({word for pair in kept for word in pair})
    return np.array([[bool(first & second) for second in words] for first in words])


def side_effect_study(model: str) -> list[dict[str, Any]]:
    """For each concept: what steering it does to the others.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    one record for each geometry and concept: ``held_out``, nats that a pair gains for one unit of a strength which the
    other pairs define; for one nat so gained, the mean absolute change of the log-odds of all other concepts' pairs
    (``others``), of those without a common word (``unrelated``), and the largest mean of a concept (``worst``)
    """
    read, pairs, found = _studied(model)
    names = list(pairs)
    share = shared_words(lambda word: read.single_token(f" {word}"), names)
    rows = []
    for geometry in found.values():
        table = side_effects(pairs, geometry)
        for i, name in enumerate(names):
            rest = np.delete(np.arange(len(names)), i)
            worst = rest[table[i, rest].argmax()]  # of a row of nan, the first
            numbers = {
                "held_out": held_out_change(pairs[name], geometry).mean(),
                "others": table[i, rest].mean(),
                "unrelated": table[i, ~share[i]].mean(),
                "worst": table[i, worst],
            }
            made = {"name": read.name, "geometry": geometry.name, "concept": name, "worst_concept": names[worst]}
            finite = {key: round(float(v), 6) if np.isfinite(v) else None for key, v in numbers.items()}
            rows.append({**made, **finite})
    return rows


def strength_study(model: str) -> list[dict[str, Any]]:
    """What becomes of the next token's distribution, the stronger one steers.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    one record for each geometry, concept and strength; means over `CONTEXTS` of ``entropy`` (nats), ``top`` (the
    probability of the likeliest token), ``divergence`` (Kullback-Leibler from the unsteered distribution, nats) and
    ``changed`` (whether the likeliest token is another)
    """
    read, pairs, found = _with_contexts(model)
    table = read.unembeddings.numpy().astype(np.float64)
    logits = read.embed(list(CONTEXTS), progress=False).numpy() @ table.T
    plain = log_softmax(logits, axis=1)
    rows = []
    for geometry in found.values():
        for concept, each in pairs.items():
            gained = table @ steering_direction(each, geometry)  # by each token's logit, for one unit of strength
            for strength in STRENGTHS:
                numbers = _damage(plain, log_softmax(logits + strength * gained, axis=1))
                made = {"name": read.name, "geometry": geometry.name, "concept": concept, "strength": strength}
                rows.append({**made, **{key: round(value, 5) for key, value in numbers.items()}})
    return rows


def _damage(plain: Array, steered: Array) -> dict[str, float]:
    """How far a distribution is from what it was; log-probabilities of shape (n, n_tokens)."""
    p = np.exp(steered)
    return {
        "entropy": float(-(p * steered).sum(axis=1).mean()),
        "top": float(p.max(axis=1).mean()),
        "divergence": float((p * (steered - plain)).sum(axis=1).mean()),
        "changed": float((plain.argmax(axis=1) != steered.argmax(axis=1)).mean()),
    }


def continuation_study(model: str) -> list[dict[str, Any]]:
    """Texts that a steered model writes: always the likeliest token, eight times.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    one record for each geometry, context (with the concept that `CONTEXTS` names) and strength: ``continuation``, and
    ``surprise``, the mean of -ln p of its tokens in the model as it is
    """
    read, pairs, found = _with_contexts(model)
    chosen = {context: concept for context, concept in CONTEXTS.items() if concept in pairs}
    rows = []
    for geometry in found.values():
        directions = {concept: steering_direction(pairs[concept], geometry) for concept in set(chosen.values())}
        places = [(context, strength) for context in chosen for strength in CONTINUED]
        pushes = np.array([strength * directions[chosen[context]] for context, strength in places])
        texts, surprise = continue_texts(read, [context for context, _ in places], pushes)
        for (context, strength), text, surprised in zip(places, texts, surprise, strict=True):
            made = {"name": read.name, "geometry": geometry.name, "context": context, "concept": chosen[context]}
            told = {"continuation": json.dumps(text, ensure_ascii=False), "surprise": round(float(surprised), 4)}
            rows.append({**made, "strength": strength, **told})
    return rows


def continue_texts(
    model: LanguageModel, texts: Any, pushes: Any, *, n_tokens: int = N_TOKENS
) -> tuple[list[str], Array]:
    """Go on with each text by the likeliest token, again and again, with a push added to every f(x).

    The text is read anew after each token, as a text: where the model would write the same characters in other tokens,
    it reads those.

    Parameters
    ----------
    model
        A `LanguageModel`.
    texts
        Strings, n of them.
    pushes
        What is added to f(x), shape (n, dim).
    n_tokens
        How many tokens to add.

    Returns
    -------
    what was added to each text, and the mean of -ln p of its tokens without the push, shape (n,)
    """
    check_instance("model", model, LanguageModel)
    grown = check_words("texts", texts)
    push = check_array("pushes", pushes, shape=(len(grown), model.dim))
    n_tokens = check_integer("n_tokens", n_tokens, low=1)
    starts, table = [len(text) for text in grown], model.unembeddings.numpy().astype(np.float64)
    surprise = np.zeros(len(grown))
    for _ in range(n_tokens):
        features = model.embed(grown, progress=False).numpy().astype(np.float64)
        chosen = ((features + push) @ table.T).argmax(axis=1)
        surprise -= log_softmax(features @ table.T, axis=1)[np.arange(len(grown)), chosen]
        grown = [text + model.token_text(int(token)) for text, token in zip(grown, chosen, strict=True)]
    return [text[start:] for text, start in zip(grown, starts, strict=True)], surprise / n_tokens


# ---- what the book's figure shows -----------------------------------------------------------------------------------


def explorer_data(model: str) -> dict[str, Any]:
    """The likeliest next tokens for each context, concept and strength, in the causal geometry.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    dict
        ``contexts``, ``concepts``, ``strengths``, ``pairs`` (two words for each concept, left out of its direction);
        ``tokens`` and ``probabilities``: for each context, concept and strength the likeliest tokens other than the
        pair, then base and target; ``log_odds``: for each context and concept that of its pair, unsteered; ``slopes``:
        for each concept that is steered, and each pair, what one unit of strength adds
    """
    read, pairs, found = _with_contexts(model)
    geometry, table = found[GEOMETRIES[-1]], read.unembeddings.numpy().astype(np.float64)
    ids = {name: [read.single_token(f" {word}") for word in pair] for name, pair in SHOWN_PAIRS.items()}
    shown = {name: pair for name, pair in SHOWN_PAIRS.items() if name in pairs and None not in ids[name]}
    if not shown:
        raise ValueError(f"model must have a pair of SHOWN_PAIRS as single tokens, got none in {read.name!r}")
    rows = np.array([ids[name] for name in shown])
    own = table[rows]
    directions = [steering_direction(_others(pairs[name], own[i]), geometry) for i, name in enumerate(shown)]
    features = read.embed(list(CONTEXTS), progress=False).numpy().astype(np.float64)
    gains = [table @ direction for direction in directions]
    states = [
        [_states(read, logits, gained, rows[j]) for j, gained in enumerate(gains)] for logits in features @ table.T
    ]
    return {
        "schema": SCHEMA,
        "model": read.name,
        "contexts": list(CONTEXTS),
        "concepts": list(shown),
        "strengths": list(EXPLORED),
        "pairs": [list(pair) for pair in shown.values()],
        "tokens": [[[tokens for tokens, _ in each] for each in row] for row in states],
        "probabilities": [[[values for _, values in each] for each in row] for row in states],
        "log_odds": (features @ (own[:, 1] - own[:, 0]).T).round(3).tolist(),
        "slopes": [log_odds_change(direction, own).round(4).tolist() for direction in directions],
    }


def _others(pairs: Array, own: Array) -> Array:
    """The pairs that share no word with this one."""
    shares = np.array([[(np.abs(pairs[:, k] - own[s]).max(axis=1) < 1e-9) for s in (0, 1)] for k in (0, 1)])
    return pairs[~shares.any(axis=(0, 1))]


def _states(
    model: LanguageModel, logits: Array, gained: Array, pair: NDArray[Any]
) -> list[tuple[list[str], list[float]]]:
    """The tokens and probabilities of one context and concept, strength by strength."""
    states = []
    for strength in EXPLORED:
        logs = log_softmax(logits + strength * gained)
        order = [int(token) for token in np.argsort(-logs)[: N_SHOWN + 2] if token not in pair][:N_SHOWN]
        chosen = [*order, *map(int, pair)]
        probabilities = [float(f"{np.exp(logs[token]):.3g}") for token in chosen]
        states.append(([model.token_text(token) for token in chosen], probabilities))
    return states


def write_explorer(data: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write what `explorer_data` returned, whole or not at all."""
    target = Path(path)
    text = json.dumps(check_mapping("data", data), ensure_ascii=False, separators=(",", ":"))
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(f"{text}\n", "utf8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read_explorer(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read such a file.

    Raises
    ------
    ValueError
        If there is none, or it is of another kind.
    """
    try:
        data = json.loads(Path(path).read_text("utf8"))
    except (OSError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"path must be a file that explorer_data made, got {path!r}: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or "slopes" not in data:
        raise ValueError(f"path must be a file that explorer_data made, of schema {SCHEMA}, got {path!r}")
    return data
