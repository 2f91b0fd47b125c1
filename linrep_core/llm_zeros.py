"""Proposition 11 of arXiv 2403.03867 in a real language model: what probabilities near zero do to its vectors.

Book: "Zero probabilities in the wild". Two kinds of contexts are looked at. *Seen words*: places in the book's own
sentences where one word of a concept's pair comes next, so that its partner is (nearly) impossible. *Frames*:
beginnings of sentences in pairs, of which the first asks for one value of a concept and the second for the other.

The log-odds of two words after a context is the inner product f(x)·(g(right) - g(wrong)), so it must go along with the
cosine of these two vectors. What the identity does not force is the cosine with *other* pairs of the same concept. All
comparisons here keep the two apart.

The `*_study` functions are rows of ``results/models/``; the others are their pieces, which the chapter calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import log_softmax

from linrep_core._checks import (
    check_array,
    check_instance,
    check_integer,
    check_records,
    check_sequence,
)
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.llm import causal_inner_product, concept_direction, cosine, random_pairs
from linrep_core.llm_study import (
    LANGUAGE_PAIRS,
    Geometry,
    _with_contexts,
    concept_directions,
    context_steps,
    cosine_table,
)
from linrep_core.word_pairs import (
    DATA,
    LANGUAGES,
    SingleTokens,
    single_token_pairs,
    token_concepts,
    translations,
    winograd_pairs,
)

Array = NDArray[np.float64]
PER_CONCEPT = 20  # seen words that a concept brings at most: half of all would be "the" and "The"
FRAMES_OF_LANGUAGES = 6  # sentences that stand in for frames where the concept is the language
CUT = 3  # their last words, which are cut off: a context ends before its next word
DECADES = tuple(range(0, 15, 2))  # probabilities are grouped by 10^-0 to 10^-2, 10^-2 to 10^-4, ...
RESAMPLES = 999


# ---- contexts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SeenWord:
    """A place in a sentence whose next word has a partner in one concept.

    Attributes
    ----------
    concept : str
    sentence : int
        The number of the sentence; contexts of one sentence are not independent.
    context : str
        The sentence up to the word.
    right, wrong : str
        The word that comes, and its partner.
    side : int
        0 if the word is the base of its pair, 1 if it is the target.
    tokens : (int, int)
        Of `right` and `wrong`.
    """

    concept: str
    sentence: int
    context: str
    right: str
    wrong: str
    side: int
    tokens: tuple[int, int]


def seen_words(single_token: Callable[[str], int | None], *, per_concept: int = PER_CONCEPT, seed: int = 0) -> list:
    """Words of the book's sentences that have a partner in a concept, with what stands before them.

    English words are looked for in the English sentences, those of the concepts between languages in their own. If a
    concept has more, a random choice of them.

    Parameters
    ----------
    single_token
        As `word_pairs.single_token_pairs` takes it.
    per_concept
        Most of them for a concept.
    seed
        Of the choice.

    Returns
    -------
    list of SeenWord, in the order of the concepts

    Examples
    --------
    >>> vocabulary = {"king": 7, "queen": 9}
    >>> [(seen.context[-16:], seen.right, seen.wrong) for seen in seen_words(vocabulary.get)][1]
    ('knees before the', 'king', 'queen')
    """
    per_concept = check_integer("per_concept", per_concept, low=1)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    texts = _sentences()
    chosen = []
    for name, concept in token_concepts().items():
        languages = name.split("-") if name in LANGUAGE_PAIRS else ["en", "en"]
        kept = single_token_pairs(concept, single_token)
        found = [seen for side in (0, 1) for seen in _seen_on_one_side(kept, side, texts[languages[side]])]
        order = generator.permutation(len(found))[:per_concept]
        chosen += [found[i] for i in sorted(order)]
    return chosen


def _sentences() -> dict[str, list[tuple[int, str]]]:
    """All sentences of each language with their numbers; translations of one text have the same number."""
    texts = {}
    for language in LANGUAGES:
        other = "fr" if language == "en" else "en"
        texts[language] = [(i, pair.first) for i, pair in enumerate(translations(language, other))]
    n = len(texts["en"])
    texts["en"] += [(n + i, pair.first) for i, pair in enumerate(winograd_pairs())]
    return texts


def _seen_on_one_side(kept: SingleTokens, side: int, texts: list[tuple[int, str]]) -> list[SeenWord]:
    """Where the bases (0) or the targets (1) of a concept come next; the same context is taken once."""
    partners: dict[str, tuple[str, tuple[int, int]]] = {}
    for pair, tokens in zip(kept.kept, kept.ids, strict=True):
        partners.setdefault(pair[side], (pair[1 - side], (tokens[side], tokens[1 - side])))
    found: dict[str, SeenWord] = {}
    for number, text in texts:
        for match in re.finditer(r"(?<= )[^\W\d_]+", text):  # words after a space, without their punctuation
            word, context = match.group(), text[: match.start() - 1]
            if word in partners and context:
                wrong, tokens = partners[word]
                found.setdefault(context, SeenWord(kept.concept.name, number, context, word, wrong, side, tokens))
    return list(found.values())


def frames() -> dict[str, list[tuple[str, str]]]:
    """Beginnings of sentences that ask for the two values of a concept, by concept.

    For the concepts between languages these are the book's translations without their last words.

    Returns
    -------
    dict of str to list of (first, second), in the order of `word_pairs.token_concepts`

    Examples
    --------
    >>> frames()["noun-plural"][1]
    ('She showed me a single', 'She showed me several')
    """
    content = json.loads((DATA / "frames.json").read_text("utf8"))
    found: dict[str, list[tuple[str, str]]] = {}
    for record in check_records("frames", content["frames"], ("concept", "first", "second")):
        found.setdefault(record["concept"], []).append((record["first"], record["second"]))
    for languages in LANGUAGE_PAIRS:
        pairs = translations(*languages.split("-"))[:FRAMES_OF_LANGUAGES]
        found[languages] = [(_cut(pair.first), _cut(pair.second)) for pair in pairs]
    return {name: found[name] for name in token_concepts() if name in found}


def _cut(text: str) -> str:
    return " ".join(text.split()[:-CUT])


# ---- how small, and at which angle ----------------------------------------------------------------------------------


def probability_layers(features: Any, unembeddings: Any) -> list[dict[str, Any]]:
    """Tokens by the size of their probability: how many, with which logits, and at which angle to f(x).

    Parameters
    ----------
    features
        f(x), shape (n_contexts, dim).
    unembeddings
        g(y), shape (n_tokens, dim), more tokens than dimensions.

    Returns
    -------
    one record for each two decades that hold a token: ``from`` and ``to`` (log10 of the probability), ``share`` of all
    pairs (context, token), ``below_top`` (the mean logit below that of the likeliest token, nats), and the mean
    ``euclidean`` and ``causal`` cosine of f(x) with g(y) - mean of all g

    Examples
    --------
    >>> table = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> layers = probability_layers([[6.0, 0.0]], table)
    >>> [(row["from"], row["share"], round(row["below_top"], 1), round(row["causal"], 1)) for row in layers]
    [(0, 0.25, 0.0, 1.0), (-2, 0.5, 6.0, 0.0), (-4, 0.25, 12.0, -1.0)]
    """
    inner = causal_inner_product(unembeddings)
    table = check_array("unembeddings", unembeddings, shape=("n_tokens", "dim"))
    contexts = check_array("features", features, shape=("n_contexts", table.shape[1]))
    if not len(contexts):
        raise ValueError("features must hold at least one context, got none")
    logits = contexts @ table.T
    log10 = log_softmax(logits, axis=1) / np.log(10)
    below = logits.max(axis=1, keepdims=True) - logits
    centred = table - table.mean(axis=0)
    cosines = {
        "euclidean": cosine_table(contexts, centred),
        "causal": cosine_table(inner.whiten_embeddings(contexts), inner.whiten(centred)),
    }
    rows = []
    for top, bottom in zip(DECADES, (*DECADES[1:], np.inf), strict=True):
        inside = (log10 <= -top) & (log10 > -bottom)
        if inside.any():
            means = {"below_top": below, **cosines}
            rows.append(
                {
                    "from": -top,
                    "to": -bottom,
                    "share": float(inside.mean()),
                    **{name: float(values[inside].mean()) for name, values in means.items()},
                }
            )
    return rows


# ---- does one go along with the other? ------------------------------------------------------------------------------


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation with a bootstrap interval and a permutation test."""

    value: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}], p = {self.p_value:.3f}"


def rank_correlation(
    first: Any, second: Any, *, clusters: Any = None, strata: Any = None, n_resamples: int = RESAMPLES, seed: int = 0
) -> RankCorrelation:
    """Rank correlation of two lists of numbers; interval by percentiles, test two-sided.

    Parameters
    ----------
    first, second
        Shape (n,), at least three, not all equal.
    clusters
        Shape (n,): what is not independent (words of one sentence) has one label and is resampled together. None: each
        by itself.
    strata
        Shape (n,): the test deals `first` out anew only among those with one label (one concept). What differs between
        the labels then counts as chance. None: among all.
    n_resamples
        How often to resample, and how often to permute.
    seed
        Of both.

    Examples
    --------
    >>> print(rank_correlation(range(20), [*range(1, 20), 0]))
    0.71 [0.22, 1.00], p = 0.001
    """
    x, y = (check_array(name, values, shape=("n",)) for name, values in (("first", first), ("second", second)))
    if len(x) < 3 or len(y) != len(x):
        raise ValueError(f"second must have as many values as first, at least 3, got {len(y)} beside {len(x)}")
    for name, values in (("first", x), ("second", y)):
        if np.ptp(values) == 0:
            raise ValueError(f"{name} must hold values that differ, got {values[0]:g} only")
    together = _labels("clusters", clusters, len(x), np.arange(len(x)))
    among = _labels("strata", strata, len(x), np.zeros(len(x), dtype=int))
    n_resamples = check_integer("n_resamples", n_resamples, low=1)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    places = [np.unique(values, return_inverse=True)[1] for values in (x, y)]  # whose ranks are those of the values
    value = _spearman(*places)
    members = [np.flatnonzero(together == label) for label in np.unique(together)]
    drawn = []
    for _ in range(n_resamples):
        rows = np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])
        drawn.append(_spearman(*(numbers[rows] for numbers in places)))
    groups = [np.flatnonzero(among == label) for label in np.unique(among)]
    ranks, fixed = (stats.zscore(stats.rankdata(values)) for values in (x, y))  # dealing out anew leaves them
    extreme = 0
    for _ in range(n_resamples):
        dealt = ranks.copy()
        for rows in groups:
            dealt[rows] = ranks[generator.permutation(rows)]
        extreme += abs(dealt @ fixed) / len(x) >= abs(value) - 1e-12
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return RankCorrelation(value, float(low), float(high), (extreme + 1) / (n_resamples + 1))


def _spearman(x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    """Rank correlation of numbers from 0 on: counting them gives the ranks, without sorting at every resampling."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:  # a resampling may draw one value again and again
        return float("nan")
    return float(np.corrcoef(*(_ranks(numbers) for numbers in (x, y)))[0, 1])


def _ranks(numbers: NDArray[np.int64]) -> Array:
    """As `scipy.stats.rankdata` has them: what is equal shares its mean rank."""
    counts = np.bincount(numbers)
    return (counts.cumsum() - (counts - 1) / 2)[numbers]


def _labels(name: str, labels: Any, n: int, default: NDArray[Any]) -> NDArray[Any]:
    return default if labels is None else np.unique(check_sequence(name, labels, length=n), return_inverse=True)[1]


# ---- the rows of results/models/ ------------------------------------------------------------------------------------


def zeros_study(model: str) -> list[dict[str, Any]]:
    """Seen words: how improbable the wrong partner is, and how far f(x) is aligned with the concept.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    one record for each geometry and seen word: ``ln_right`` and ``ln_wrong`` (log-probabilities); cosines of f(x) with
    the step from the wrong word to the right one (``own``), with the mean step of the concept's other pairs, in the
    same sense (``others``), and the mean absolute one with the directions of all other concepts (``elsewhere``). As a
    control ``random_odds`` and ``random_own`` are the log-odds and the cosine for two random tokens.
    """
    read, pairs, found = _with_contexts(model)
    seen = [each for each in seen_words(lambda word: read.single_token(f" {word}")) if each.concept in pairs]
    features = read.embed([each.context for each in seen], progress=False).numpy().astype(np.float64)
    table = read.unembeddings.numpy()
    logs = log_softmax(features @ table.T, axis=1)
    tokens = np.array([each.tokens for each in seen])
    own = table[tokens[:, 0]].astype(np.float64) - table[tokens[:, 1]]
    drawn = random_pairs(table, min(len(seen), len(table) // 2))
    chance = (drawn[:, 1] - drawn[:, 0])[np.arange(len(seen)) % len(drawn)]
    rows = []
    for geometry in found.values():
        columns = {
            "ln_right": logs[np.arange(len(seen)), tokens[:, 0]],
            "ln_wrong": logs[np.arange(len(seen)), tokens[:, 1]],
            **seen_cosines(seen, features, own, pairs, geometry),
            "random_odds": (features * chance).sum(axis=1),
            "random_own": cosine(geometry.embeddings(features), geometry.unembeddings(chance)),
        }
        for i, each in enumerate(seen):
            place = {"concept": each.concept, "sentence": each.sentence, "right": each.right, "wrong": each.wrong}
            numbers = {name: round(float(values[i]), 5) for name, values in columns.items()}
            rows.append({"name": read.name, "geometry": geometry.name, **place, "side": each.side, **numbers})
    return rows


def seen_cosines(seen: Any, features: Any, own: Any, pairs: dict[str, Array], geometry: Geometry) -> dict[str, Array]:
    """The three cosines of each seen word: with its own step, with its concept's other pairs, with other concepts.

    Parameters
    ----------
    seen
        As `seen_words` gives them, n of them.
    features
        f(x) of their contexts, (n, dim).
    own
        g(right) - g(wrong), (n, dim).
    pairs
        As `llm_study.concept_pairs` gives them.
    geometry
        One of `llm_study.geometries`.

    Returns
    -------
    dict of ``own``, ``others`` and ``elsewhere``, each of shape (n,)
    """
    check_instance("geometry", geometry, Geometry)
    words = list(check_sequence("seen", seen))
    own = check_array("own", own, shape=(len(words), "dim"))
    contexts = geometry.embeddings(check_array("features", features, shape=own.shape))
    steps = geometry.unembeddings(own)
    directions = dict(zip(pairs, concept_directions(pairs, geometry), strict=True))
    mapped = {name: geometry.unembeddings(each) for name, each in pairs.items()}
    others = np.array(
        [
            _without(mapped[each.concept], steps[i] if each.side else -steps[i]) * (1 if each.side else -1)
            for i, each in enumerate(words)
        ]
    )
    table = np.abs(cosine_table(contexts, list(directions.values())))
    place = {name: i for i, name in enumerate(directions)}
    elsewhere = [np.delete(row, place[each.concept]).mean() for row, each in zip(table, words, strict=True)]
    return {"own": cosine(contexts, steps), "others": cosine(contexts, others), "elsewhere": np.array(elsewhere)}


def _without(pairs: Array, step: Array) -> Array:
    """The mean step of a concept's pairs that share no word with the pair of this step."""
    steps = pairs[:, 1] - pairs[:, 0]
    mine = int(np.abs(steps - step).sum(axis=1).argmin())
    shares = (np.abs(pairs - pairs[mine]).max(axis=2) == 0).any(axis=1)
    return steps[~shares].mean(axis=0) if not shares.all() else np.zeros_like(step)


def squares_study(model: str) -> list[dict[str, Any]]:
    """Frames: the products of both steps, as Proposition 11 has them, and the angle between the steps.

    Half of the frames and half of the words give the push, the other half of both the angles, so that the two do not
    share a vector; then the halves change places.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.

    Returns
    -------
    one record for each geometry and concept that has frames: ``push`` is the mean of Δf·Δg in nats, ``low`` and
    ``high`` its 5 % and 95 % quantiles, ``positive`` the share above 0; ``own`` the mean cosine of a step of contexts
    with a step of words; ``f_length`` and ``g_length`` mean lengths; for each half ``push_1``, ``push_2``, the cosine
    between the mean steps of contexts and of words (``aligned_1``, ``aligned_2``) and the mean cosine between two steps
    of words (``straight_1``, ``straight_2``)
    """
    read, pairs, found = _with_contexts(model)
    contexts = {name: each for name, each in frames().items() if name in pairs}
    texts = [pair for each in contexts.values() for pair in each]
    steps = context_steps(read, texts, progress=False).embeddings
    ends = np.cumsum([len(each) for each in contexts.values()])
    by_concept = dict(zip(contexts, np.split(steps, ends[:-1]), strict=True))
    rows = []
    for geometry in found.values():
        for name, moves in by_concept.items():
            numbers = square_numbers(moves, pairs[name], geometry)
            numbers = {key: round(value, 5) for key, value in numbers.items()}
            counts = {"n_frames": len(moves), "n_pairs": len(pairs[name])}
            rows.append({"name": read.name, "geometry": geometry.name, "concept": name, **counts, **numbers})
    return rows


def square_numbers(steps: Any, pairs: Any, geometry: Geometry) -> dict[str, float]:
    """The numbers of one row of `squares_study`.

    Parameters
    ----------
    steps
        Δf, shape (n_frames, dim), at least two.
    pairs
        Shape (n_pairs, 2, dim), at least four.
    geometry
        One of `llm_study.geometries`.
    """
    check_instance("geometry", geometry, Geometry)
    words = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    moves = check_array("steps", steps, shape=("n_frames", words.shape[2]))
    if len(moves) < 2 or len(words) < 4:
        raise ValueError(f"steps must be at least 2 and pairs at least 4, got {len(moves)} and {len(words)}")
    changes = words[:, 1] - words[:, 0]
    products = moves @ changes.T
    white_moves, white_changes = geometry.embeddings(moves), geometry.unembeddings(changes)
    low, high = np.quantile(products, (0.05, 0.95))
    found = {
        "push": products.mean(),
        "low": low,
        "high": high,
        "positive": (products > 0).mean(),
        "own": cosine_table(white_moves, white_changes).mean(),
        "f_length": np.linalg.norm(white_moves, axis=1).mean(),
        "g_length": np.linalg.norm(white_changes, axis=1).mean(),
    }
    for half in (0, 1):
        rest = white_moves[1 - half :: 2], words[1 - half :: 2]
        mapped = geometry.unembeddings(rest[1])
        direction = concept_direction(mapped)
        found[f"push_{half + 1}"] = products[half::2, half::2].mean()
        found[f"aligned_{half + 1}"] = cosine_table([rest[0].mean(axis=0)], [direction])[0, 0]
        found[f"straight_{half + 1}"] = mean_pairwise_cosine(mapped[:, 1] - mapped[:, 0])
    return {name: float(value) for name, value in found.items()}


__all__ = [
    "RankCorrelation",
    "SeenWord",
    "frames",
    "probability_layers",
    "rank_correlation",
    "seen_cosines",
    "seen_words",
    "square_numbers",
    "squares_study",
    "zeros_study",
]
