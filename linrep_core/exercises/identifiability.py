"""Checks of the exercises of Part IV, Identifiability."""

from __future__ import annotations

from functools import cache
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core.class_members import causal_member
from linrep_core.concepts import ConceptGraph
from linrep_core.exercises.checking import Array, Members, Mistake, Number, answer, condition
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.identifiability import (
    change_basis,
    distribution_gap,
    equivalent_predictor,
    intersection,
    parts,
    tables,
    two_predictors,
)
from linrep_core.language import LatentConditionalModel
from linrep_core.linear_properties import linear_probe
from linrep_core.log_posteriors import AmbiguousWorld, emission_table
from linrep_core.logit_distance import kl_divergence, logit_distance
from linrep_core.training import train

Table = NDArray[np.float64]
Pair = tuple[Table, Table]
SAME = 1e-6  # nats; what counts as the same ln p in an answer
N_TWINS = 8


def _constant(values: dict[str, list[float]]) -> set[str]:
    """The names of the numbers that all models of a distribution have in common."""
    return {name for name, found in values.items() if np.ptp(found) < SAME}


# ---- two models, one distribution -----------------------------------------------------------------------------------


@cache
def _any_predictor() -> Pair:
    """Nine contexts, four tokens, two dimensions."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((9, 2)), rng.standard_normal((4, 2))


def _harmless() -> set[str]:
    """The changes that leave all probabilities as they are."""
    f, g = _any_predictor()
    changed = {
        "double f": (2 * f, g),
        "double f, halve g": (2 * f, g / 2),
        "shift g": (f, g + 5),
        "shift f": (f + 5, g),
    }
    return {name for name, other in changed.items() if distribution_gap((f, g), other) < SAME}


answer(
    "ex-two-models-1",
    asks='the names of the harmless changes, a list of some of "double f", "double f, halve g", "shift g", "shift f"',
    kind=Members(),
    right=_harmless,
    mistakes=[
        Mistake(
            lambda: ["double f, halve g"], "one more is harmless: what does a softmax do with a logit that all share?"
        ),
        Mistake(
            lambda: ["double f, halve g", "shift g", "shift f"],
            "a shift of all f by v adds v·g(y) to the logit of y, which differs between words",
        ),
        Mistake(
            lambda: ["double f", "double f, halve g", "shift g"],
            "doubling f alone doubles every log-odds: the model becomes surer of itself",
        ),
    ],
    because="The second is a change of coordinates, the third the pivot's own vector.",
)


def _facts() -> set[str]:
    """The measurements of ex-two-models-3 that come out the same in every equivalent model."""
    found: dict[str, list[float]] = {}
    for seed in range(N_TWINS):
        f, g = tables(equivalent_predictor(_any_predictor(), 4 + seed % 3, seed=seed))
        man, woman, king, queen = g
        numbers = {
            "length": float(np.linalg.norm(queen)),
            "cosine": mean_pairwise_cosine([queen, king]),
            "logit": float(f[-1] @ queen),
            "log-odds": float(f[-1] @ (queen - king)),
            "cosine of steps": mean_pairwise_cosine([king - man, queen - woman]),
            "rank f": float(np.linalg.matrix_rank(f)),
            "k": float(parts((f, g)).effective_complexity),
        }
        for name, number in numbers.items():
            found.setdefault(name, []).append(number)
    return _constant(found)


answer(
    "ex-two-models-3",
    asks='a list of names: some of "length", "cosine", "logit", "log-odds", "cosine of steps", "rank f", "k"',
    kind=Members(),
    right=_facts,
    mistakes=[
        Mistake(lambda: ["log-odds"], "one more is made of log-odds alone"),
        Mistake(
            lambda: ["logit", "log-odds", "k"],
            "a single logit moves with the pivot's own vector; only differences of logits are in the distribution",
        ),
        Mistake(
            lambda: ["log-odds", "rank f", "k"],
            "f may have directions that no probability sees, and they count in its rank",
        ),
        Mistake(
            lambda: ["log-odds", "cosine of steps", "k"],
            "a change of coordinates changes a cosine, and so does an unseen part of a word",
        ),
    ],
    because="A log-odds, and the rank of the table of all of them; five of the seven are the model's own.",
)


# ---- all or none ----------------------------------------------------------------------------------------------------


def _probe_weights() -> dict[str, Table]:
    """The weights of the eight words in the direction of each probe; words in the order of their bits."""
    king, queen = np.eye(8)[6:]
    return {
        "queen - king": queen - king,
        "queen": queen,
        "queen + king": queen + king,
        "queen - mean": queen - 1 / 8,
    }


@cache
def _straight() -> Pair:
    """The straight model of the chapter: words at the corners of a cube."""
    contexts = LatentConditionalModel(ConceptGraph.random(3, 1.0, seed=0)).contexts()
    bits = np.array([[y >> 2 & 1, y >> 1 & 1, y & 1] for y in range(8)])
    return 2 * np.where(contexts == -1, 0.0, 2.0 * contexts - 1), 2.0 * bits - 1


def _transferring_probes() -> set[str]:
    """The probes whose failure is one number in all equivalent models."""
    told = _straight()[0][:, 2]
    found: dict[str, list[float]] = {name: [] for name in _probe_weights()}
    for seed in range(N_TWINS):
        f, g = tables(equivalent_predictor(_straight(), 4 + seed % 3, seed=seed))
        for name, weights in _probe_weights().items():
            found[name].append(linear_probe(f, told, (weights @ g)[None]).residual)
    return _constant(found)


answer(
    "ex-all-or-none-1",
    asks='a list of the probes that transfer, some of "queen - king", "queen", "queen + king", "queen - mean"',
    kind=Members(),
    right=_transferring_probes,
    mistakes=[
        Mistake(
            lambda: ["queen - king"],
            "a word less the mean of all words is a combination of differences of words, too",
        ),
        Mistake(
            lambda: ["queen - king", "queen", "queen - mean"],
            "a single unembedding is no difference: the pivot's free vector is in it",
        ),
        Mistake(
            lambda: ["queen - king", "queen + king", "queen - mean"],
            "the weights of a sum of two words do not sum to 0, so the pivot's free vector is in it twice",
        ),
        Mistake(list, "a direction whose weights sum to 0 sees log-odds, and these belong to the distribution"),
    ],
    because="Weights that sum to 0 make log-odds. (Whether the probe succeeds is another question.)",
)


@cache
def _bent() -> Any:
    """The bent model of the chapter."""
    world = LatentConditionalModel(ConceptGraph.random(3, 1.0, seed=0))
    return train(world, 5, steps=300, seed=0, progress=False).predictor


def _steps(predictor: Any) -> tuple[Table, Table]:
    """The steps to king from man and to prince from boy."""
    g = tables(predictor)[1]
    return g[6] - g[2], g[4] - g[0]


def _stretch(cosine: float) -> Table:
    """The map of g that gives the two steps this cosine: along the sum of their directions."""
    one, other = (step / np.linalg.norm(step) for step in _steps(_bent()))
    along = (one + other) / np.linalg.norm(one + other)
    ratio = (1 - one @ other) / (1 + one @ other) * (1 + cosine) / (1 - cosine)
    return np.eye(5) + (ratio**0.5 - 1) * np.outer(along, along)


@condition(
    "ex-all-or-none-5",
    asks="a predictor, or a pair (f, g), with the bent model's probabilities, in which the two steps are orthogonal",
    right=lambda: change_basis(_bent(), np.linalg.inv(_stretch(0.0))),
    mistakes=[
        _bent,
        lambda: change_basis(_bent(), _stretch(0.0)),
        lambda: (tables(_bent())[0], tables(_bent())[1] @ _stretch(0.0)),
    ],
    because="A cosine other than 1 can be had for the asking: it belongs to the coordinates.",
)
def _orthogonal_steps(predictor: Any) -> str | None:
    two_predictors(_bent(), predictor)
    if (gap := distribution_gap(_bent(), predictor)) > SAME:
        return f"the probabilities have changed, ln p by up to {gap:.2g}: whatever is done to g, f must undo"
    cosine, before = mean_pairwise_cosine(_steps(predictor)), mean_pairwise_cosine(_steps(_bent()))
    if abs(cosine) < 1e-3:
        return None
    if abs(cosine - before) < 1e-3:
        return f"the cosine is {cosine:.2f}, as before: find a map that does not stretch all directions alike"
    if cosine > before:
        return (
            f"the cosine has grown, to {cosine:.2f}: change_basis gives f the matrix and g its inverse transpose, so "
            "what shrinks one direction of f stretches it in g"
        )
    return f"the probabilities are the same, and the cosine is {cosine:.3f}"


# ---- close is not equal ---------------------------------------------------------------------------------------------


def _promise(n_tokens: int, distance: float) -> float:
    """The divergence that promises a logit distance: sqrt(KL) / tau <= distance, at the largest tau there is."""
    return (distance / n_tokens) ** 2


answer(
    "ex-close-1",
    asks="the largest divergence that promises it, in nats",
    kind=Number(absolute=0.0),
    right=lambda: _promise(50_000, 0.1),
    mistakes=[
        Mistake(lambda: 0.1 / 50_000, "that is its root: the bound has the square root of the divergence"),
        Mistake(lambda: 0.1**2 / 50_000, "the floor has to be squared, too"),
        Mistake(lambda: (1 / 50_000) ** 2, "that promises a distance of 1 nat; a tenth of a nat is asked for"),
    ],
    because="No loss is measured to so many decimals, and few models have so high a floor.",
)


@condition(
    "ex-close-3",
    asks="a list of two predictors, each a pair (f, g) of tables of shapes (1, d) and (3, d)",
    right=lambda: [([[1.0]], [[0.0], [-30.0], [-30.0]]), ([[1.0]], [[0.0], [-30.0], [-200.0]])],
    mistakes=[
        lambda: [([[1.0]], [[0.0], [-30.0], [-30.0]]), ([[1.0]], [[0.0], [-30.0], [-40.0]])],
        lambda: [([[1.0]], [[0.0], [-30.0], [-30.0]]), ([[1.0]], [[-200.0], [0.0], [-30.0]])],
        lambda: [([[1.0]], [[0.0], [1.0], [0.0]]), ([[1.0]], [[0.0], [1.0], [-200.0]])],
    ],
    because="What a token of tiny probability does costs the divergence nothing.",
)
def _close_and_far(given: Any) -> str | None:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError("answer must be two predictors")
    (f, g), _ = two_predictors(*given)
    if (len(f), len(g)) != (1, 3):
        raise ValueError(f"answer must have one context and three tokens, got {len(f)} and {len(g)}")
    divergence, distance = kl_divergence(*given), logit_distance(*given)
    if divergence < 1e-8:
        far = f"the divergence is small, and so is the logit distance: {distance:.1f}"
        return None if distance > 100 else f"{far}. An unlikely token has further to fall"
    logits = [(np.asarray(f) @ np.asarray(g).T)[0] for f, g in map(tables, given)]
    if len({int(each.argmax()) for each in logits}) > 1:
        return f"the divergence is {divergence:.1g}: the two do not even have the same likeliest token"
    return f"the divergence is {divergence:.1g}: move only a token whose probability is tiny in both"


# ---- concepts as log posteriors -------------------------------------------------------------------------------------

SLIP, MEANINGS = 0.1, 8
POSTERIORS = np.array([0.1, 1.0, 10.0]) * SLIP / MEANINGS / (1 - SLIP)  # as multiples of the floor


def _slopes() -> Table:
    """The slope of ln p(y | x) against the log posterior of the meaning, by differences, with three concepts."""
    emission = emission_table(3, SLIP, synonyms=1)

    def log_probability(posterior: float) -> float:
        others = np.full(MEANINGS - 1, (1 - posterior) / (MEANINGS - 1))
        return float(np.log(np.concatenate([[posterior], others]) @ emission[:, 0]))

    step = 1e-5
    gained = [log_probability(p * (1 + step)) - log_probability(p * (1 - step)) for p in POSTERIORS]
    return np.array(gained) / np.log((1 + step) / (1 - step))


def _slope_of(rule: Any) -> Any:
    return lambda: rule(POSTERIORS, SLIP / MEANINGS / (1 - SLIP))


answer(
    "ex-log-posteriors-2",
    asks="three slopes: where the posterior is a tenth of the floor, the floor itself, and ten times the floor",
    kind=Array((3,)),
    right=_slopes,
    mistakes=[
        Mistake(_slope_of(lambda p, floor: floor / (p + floor)), "that is the probability of a slip"),
        Mistake(
            _slope_of(lambda p, floor: 1 / (p + floor)),
            "that is the derivative by p; the slope against ln p has a factor p more",
        ),
        Mistake(
            _slope_of(lambda p, floor: p / floor),
            "that is right far below the floor only, where p is left out of p + τ",
        ),
        Mistake(lambda: np.ones(3), "that is the slope without a floor, where no word is a slip"),
    ],
    because="The slope is the probability that the word was meant.",
)


@cache
def _two_words() -> AmbiguousWorld:
    """One concept that is 1 four times in five, one context that tells nothing of it, a slip in five words."""
    coin = ConceptGraph.from_dag(nx.empty_graph(1, nx.DiGraph), [0.8])
    return AmbiguousWorld(coin, np.ones((2, 1)), np.array([[0.9, 0.1], [0.1, 0.9]]))


answer(
    "ex-log-posteriors-7",
    asks="the doubt of this world, in nats",
    kind=Number(),
    right=lambda: _two_words().doubt,
    mistakes=[
        Mistake(lambda: _two_words().doubt ** 2, "that is its square"),
        Mistake(
            lambda: np.sqrt((_two_words().next_token_distribution * _two_words().surprises ** 2).sum()),
            "you weighed the words by their probability; the doubt counts each word once",
        ),
        Mistake(lambda: np.abs(_two_words().surprises).sum(), "square the logarithms before you add them"),
        Mistake(
            lambda: np.sqrt((np.log(np.diag(_two_words().emission)) ** 2).sum()),
            "that is made of p(y | c), how likely a meaning is to get its word; turn it round with Bayes' rule",
        ),
    ],
    because="Nearly all of it comes from the unlikely word, which may well have been a slip.",
)


# ---- what this says about the first paper ---------------------------------------------------------------------------


def _distances(columns_of: Any) -> float:
    """The largest distance of two of eight words in seven dimensions, after some whitening."""
    g = columns_of(np.random.default_rng(0).standard_normal((8, 7)))
    return float(np.linalg.norm(g[:, None] - g[None], axis=2).max())


def _whitened(g: Table) -> Table:
    return causal_member((np.ones((1, 7)), g)).unembeddings.numpy()


answer(
    "ex-what-this-says-2",
    asks="the common distance, a number",
    kind=Number(),
    right=lambda: _distances(_whitened),
    mistakes=[
        Mistake(
            lambda: _distances(lambda g: _whitened(g) / np.sqrt(8)),
            "that is for orthonormal columns; of a covariance of 1 the columns' squares have the mean 1",
        ),
        Mistake(
            lambda: _distances(lambda g: _whitened(g) * np.sqrt(7 / 8)),
            "that divides the covariance by 7; here it is the mean over all eight words",
        ),
        Mistake(lambda: _distances(_whitened) ** 2, "that is the square of the distance"),
    ],
    because="And that whatever the model has learnt: such distances say nothing about it.",
)


def _shared_comparisons() -> set[str]:
    """The comparisons of two steps that come out the same in every change of coordinates of the straight model."""
    found: dict[str, list[float]] = {}
    for seed in range(N_TWINS):
        matrix = np.random.default_rng(seed).standard_normal((3, 3))
        g = tables(change_basis(_straight(), matrix))[1]
        king_man, queen_woman, woman_man = g[6] - g[2], g[7] - g[3], g[3] - g[2]
        for name, other in (("same", queen_woman), ("two", woman_man)):
            found.setdefault(f"cosine, {name}", []).append(mean_pairwise_cosine([king_man, other]))
            ratio = np.linalg.norm(king_man) / np.linalg.norm(other)
            found.setdefault(f"ratio, {name}", []).append(float(ratio))
    return _constant(found)


answer(
    "ex-what-this-says-6",
    asks='a list of the shared ones, some of "cosine, same", "ratio, same", "cosine, two", "ratio, two"',
    kind=Members(),
    right=_shared_comparisons,
    mistakes=[
        Mistake(
            lambda: ["cosine, same"], "one more is shared: a linear map stretches parallel steps by the same factor"
        ),
        Mistake(
            lambda: ["cosine, same", "ratio, same", "ratio, two"],
            "a linear map may stretch the step of one concept and not that of another",
        ),
        Mistake(
            lambda: ["cosine, same", "cosine, two", "ratio, same"],
            "an angle between two directions changes with the coordinates, unless the two are parallel",
        ),
        Mistake(
            lambda: ["cosine, same", "cosine, two"],
            "a cosine is shared only where it is 1 or -1; and of lengths, ask which two are stretched alike",
        ),
    ],
    because="A linear map keeps steps parallel, and stretches parallel steps alike; nothing else is safe from it.",
)


# ---- the proofs -----------------------------------------------------------------------------------------------------


def _free_numbers(pivot: bool = True, coordinates: bool = True, words: int = 9) -> int:
    """What can change while S, M and p stay, if d = 5, dim S = 3, k = 2, with 20 contexts and 10 tokens."""
    d, s, k = 5, 3, 2
    return 20 * (d - s) + words * (s - k) + d * pivot + k * k * coordinates


answer(
    "ex-identifiability-1",
    asks="how many numbers are free, a whole number",
    kind=Number(relative=1e-6),
    right=_free_numbers,
    mistakes=[
        Mistake(lambda: _free_numbers(pivot=False), "the pivot's own vector is free, too"),
        Mistake(lambda: _free_numbers(coordinates=False), "inside M coordinates can be changed by an invertible map"),
        Mistake(lambda: _free_numbers(words=10), "the pivot's g0 is 0 and has no unseen part: nine words, not ten"),
        Mistake(
            lambda: _free_numbers() - 20 * 2 + 20 * 3,
            "what a context has outside M but in S is seen; it is free only orthogonal to S",
        ),
    ],
    because="Most of them are in the contexts, each of which has two coordinates that no word meets.",
)


@condition(
    "ex-identifiability-2",
    asks="a predictor in two dimensions, a pair (f, g) of tables with rows of length 2",
    right=lambda: ([[1.0, 1.0], [-1.0, -1.0]], [[0.0, 0.0], [2.0, 0.0]]),
    mistakes=[
        lambda: ([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]),
        lambda: ([[0.0, 1.0], [0.0, -1.0]], [[0.0, 0.0], [2.0, 0.0]]),
        lambda: ([[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 0.0]]),
        lambda: ([[1.0, 1.0], [-1.0, 2.0]], [[0.0, 0.0], [2.0, 0.0]]),
    ],
    because="The intersection is {0}, and yet contexts differ: M has to be the projection.",
)
def _tilted(predictor: Any) -> str | None:
    f, g = tables(predictor, "answer")
    if f.shape[1] != 2:
        raise ValueError(f"answer must have rows of length 2, got {f.shape[1]}")
    seen = parts((f, g))
    if seen.embedding_span.shape[1] == 2:
        return "the f(x) span the whole plane, so they share a direction with any S"
    if seen.effective_complexity == 0:
        return "every context gives all words the same log-odds 0: the two spans may not be orthogonal"
    if np.ptp(seen.log_odds, axis=0).max() < SAME:
        return "it predicts the same in every context"
    if intersection(f, seen.differences).shape[1]:
        return "the two spans share a direction"
    return None


answer(
    "ex-identifiability-4",
    asks="the largest divergence that promises it, in nats",
    kind=Number(absolute=0.0),
    right=lambda: _promise(1000, 1.0),
    mistakes=[
        Mistake(lambda: 1 / 1000, "that is the floor itself; the bound has the square root of the divergence"),
        Mistake(lambda: 1000.0**2, "the floor is one over the number of tokens"),
    ],
    because="And that is for a model that knows nothing: any other has a lower floor.",
)
