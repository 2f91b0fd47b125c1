"""Checks of the exercises of Part I, The model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import permutations
from typing import Any

import networkx as nx
import numpy as np
from scipy.special import rel_entr

from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.exercises.checking import Array, Members, Mistake, Number, answer, array, condition
from linrep_core.geometry import mean_pairwise_cosine, unembedding_steering_vectors
from linrep_core.language import LatentConditionalModel
from linrep_core.training import train

# ---- What is a linear representation? -------------------------------------------------------------------------------

MAN, WOMAN, KING = np.array([1.0, 2]), np.array([4.0, 1]), np.array([2.0, 5])

answer(
    "ex-fourth-word",
    asks="the place of queen, two numbers",
    kind=Array((2,)),
    right=lambda: KING - MAN + WOMAN,
    mistakes=[
        Mistake(lambda: KING + MAN - WOMAN, "the step of *female* was taken backwards: from woman to man"),
        Mistake(lambda: KING + WOMAN, "man must be subtracted: woman is a place, and woman - man is a step"),
        Mistake(lambda: WOMAN - MAN, "that is the step of *female*, not yet the place where it leads from king"),
    ],
    because="By the parallelogram law no length is left to choose.",
)

answer(
    "ex-wrong-sense",
    asks="the smallest mean pairwise cosine that eight vectors can have",
    kind=Number(),
    right=lambda: mean_pairwise_cosine(np.eye(8) - 1 / 8),
    mistakes=[
        Mistake(lambda: -1, "two vectors can be opposite, but a third cannot be opposite to both"),
        Mistake(lambda: 0, "that is the least with each vector compared with itself, too: leave the diagonal out"),
        Mistake(lambda: -1 / 8, "each vector has seven partners, not eight: it is no partner of its own"),
    ],
    because="It is reached when the unit vectors sum to zero.",
)


def _female_steps(vectors: np.ndarray) -> str | None:
    """What is wrong with the two steps of *female*, which should be at right angles."""
    man, woman, king, queen = vectors[:4]
    first, second = woman - man, queen - king
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    if lengths == 0:
        return "one of the two steps of *female* has no length, so no direction"
    cosine = first @ second / lengths
    return None if abs(cosine) < 1e-6 else f"the two steps of *female* are not at right angles: cosine {cosine:.2f}"


@condition(
    "ex-excluded-words",
    asks="the places of man, woman, king, queen and apple, shape (5, 2)",
    right=lambda: [[5, 0], [5, 1], [0, 5], [1, 5], [3, -5]],
    mistakes=[
        lambda: [[0, 1], [2, 2], [1, 4], [3, 5], [3, -5]],
        lambda: [[5, 0], [5, 1], [0, 5], [6, 5], [1, 5]],
        lambda: [[5, 0], [5, 2], [1, 5], [0.7, 5], [3, -5]],
    ],
    because="Such a test is passed by neighbourhood alone.",
)
def _excluded_words(given: Any) -> str | None:
    vectors = array(given, (5, 2))
    target = vectors[2] - vectors[0] + vectors[1]
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(target)
    if (lengths == 0).any():
        return "a word, or the sum, lies at the origin, and has no cosine with anything"
    if fault := _female_steps(vectors):
        return fault
    cosines = vectors @ target / lengths
    if cosines[4] >= cosines[3]:
        return "the test answers apple, not queen: bring queen nearer to the sum"
    nearest = ("man", "woman", "king", "queen")[int(cosines[:4].argmax())]
    return None if nearest == "king" else f"with nothing left out the nearest word is {nearest}, not king"


@condition(
    "ex-straighten",
    asks="a matrix P of shape (3, 8), column y for the word with number y",
    right=lambda: concept_vectors(3).T,
    mistakes=[
        lambda: np.zeros((3, 8)),
        lambda: concept_vectors(3).T ^ concept_vectors(3).T[[1, 0, 2]] * [[0], [1], [0]],
        lambda: np.vstack([concept_vectors(3).T[:2], np.arange(8) ** 2]),
    ],
    because="Many matrices do; none of them keeps the predictions.",
)
def _straighten(given: Any) -> str | None:
    words = array(given, (3, 8)).T
    for concept, name in enumerate(("royal", "adult", "female")):
        steps = unembedding_steering_vectors(words, concept)
        lengths = np.linalg.norm(steps, axis=1, keepdims=True)
        if lengths.min() < 1e-9:
            return f"a step of *{name}* has no length, and a vector of no length lies in no cone"
        units = steps / lengths
        if (least := (units @ units.T).min()) < 1 - 1e-9:
            return f"*{name}* is not linear: two of its steps have cosine {least:.2f}"
    return None


@cache
def _female_of_the_first_run() -> np.ndarray:
    """The steering vectors of *female* in the run of the first chapter."""
    model = LatentConditionalModel(ConceptGraph.random(3, edge_probability=0.5, seed=4))
    run = train(model, dim=3, steps=400, seed=0, progress=False)
    return unembedding_steering_vectors(run.predictor.unembeddings.numpy(), 2)


def _stretch_along_female(factor: float) -> np.ndarray:
    """A matrix that multiplies lengths along the mean direction of *female* by `factor`."""
    mean = _female_of_the_first_run().mean(axis=0)
    return np.eye(3) - (1 - factor) * np.outer(mean, mean) / (mean @ mean)


@condition(
    "ex-squeeze",
    asks="an invertible matrix A of shape (3, 3), for the run that was trained from seed 0 for 400 steps",
    right=lambda: _stretch_along_female(0.1),
    mistakes=[lambda: np.eye(3), lambda: _stretch_along_female(0.0), lambda: _stretch_along_female(20.0)],
    because="No probability has changed.",
)
def _squeeze(given: Any) -> str | None:
    matrix = array(given, (3, 3))
    if np.linalg.cond(matrix) > 1e12:
        return "A has no inverse, so there is no A^-T for the embeddings, and the predictions change"
    cosine = mean_pairwise_cosine(_female_of_the_first_run() @ matrix.T)
    return None if cosine < 0.5 else f"the mean cosine of *female* is {cosine:.3f} then"


# ---- A world of concepts --------------------------------------------------------------------------------------------


def _share_of_zeros(n_concepts: int) -> float:
    """How much of the table p(y | x) is zero; the same for all graphs without impossible tokens."""
    model = LatentConditionalModel(ConceptGraph.random(n_concepts, 0.5, seed=0))
    return float((model.next_token_distribution() == 0).mean())


answer(
    "ex-count",
    asks="the share of zeros in the table p(y | x) of six concepts, between 0 and 1",
    kind=Number(),
    right=lambda: _share_of_zeros(6),
    mistakes=[
        Mistake(lambda: (2 / 3) ** 6, "that is the share of entries that are not zero"),
        Mistake(lambda: 1 - 2 / 3, "that is the share for one concept; with six, all six must agree"),
    ],
    because="It tends to 1: nearly all that a large world teaches is what cannot follow.",
)

ROYAL, ADULT, FEMALE, PLURAL = range(4)


@cache
def _tale() -> ConceptGraph:
    """The world of the tale, with which the chapter begins."""
    tables = {
        ADULT: {(): 0.6},
        FEMALE: {(): 0.5},
        ROYAL: {(0, 0): 0.3, (0, 1): 0.6, (1, 0): 0.45, (1, 1): 0.3},
        PLURAL: {(0,): 0.6, (1,): 0.3},
    }
    return ConceptGraph.from_dag(nx.DiGraph([(ADULT, ROYAL), (FEMALE, ROYAL), (ADULT, PLURAL)]), tables)


def _royal_among(age: int) -> float:
    """P(royal | adult = age), by the law of total probability."""
    return sum(_tale().conditional(ROYAL, {ADULT: age, FEMALE: sex}) / 2 for sex in (0, 1))


answer(
    "ex-by-hand",
    asks="the probability that somebody royal is adult",
    kind=Number(1e-3),
    right=lambda: _tale().conditional(ADULT, {ROYAL: 1}),
    mistakes=[
        Mistake(lambda: _tale().conditional(ADULT, {}), "that is p(adult): being told *royal* changes it"),
        Mistake(lambda: 0.6 * _royal_among(1), "that is p(adult, royal); divide by the probability of being royal"),
        Mistake(lambda: _royal_among(1), "that is p(royal | adult), the other way round"),
    ],
    because="It lies a little below p(adult): in this tale royals are younger than others.",
)


def _parted(separated: Callable[..., bool]) -> set[tuple[int, int]]:
    """The pairs of concepts of the tale that one kind of separation parts when nothing is known."""
    return {(i, j) for i in range(4) for j in range(i + 1, 4) if separated(i, j, ())}


answer(
    "ex-separations",
    asks="the pairs of concepts that are independent when nothing is known although the moral graph does not separate "
    "them, with 0 for royal, 1 for adult, 2 for female, 3 for plural; such as {(0, 1), (0, 2)}",
    kind=Members(unordered_pairs=True),
    right=lambda: _parted(_tale().d_separated) - _parted(_tale().separated),
    mistakes=[
        Mistake(lambda: {(ADULT, FEMALE)}, "one is missing: news from the other parent passes no collider either"),
        Mistake(
            lambda: {(ROYAL, PLURAL), (ADULT, FEMALE), (FEMALE, PLURAL)},
            "these are all pairs without an arrow; but royal and plural tell of each other through adult",
        ),
        Mistake(set, "there are some: look for a collider that nobody has told"),
    ],
    because="Moralising has joined the parents of *royal* for good.",
)


def _silence(chance: float, hidden: float) -> float:
    """P(royal | nothing said about it), if *royal* is hidden always when it is 0 and else with probability `hidden`."""
    return chance * hidden / (chance * hidden + 1 - chance)


answer(
    "ex-discreet",
    asks="P(royal | X = (?, ?, ?, 0)) for q = 1/2",
    kind=Number(1e-3),
    right=lambda: _silence(_tale().conditional(ROYAL, {PLURAL: 0}), 0.5),
    mistakes=[
        Mistake(lambda: _tale().conditional(ROYAL, {PLURAL: 0}), "so a fair teller; of a discreet one, silence tells"),
        Mistake(
            lambda: _tale().conditional(ROYAL, {PLURAL: 0}) / 2,
            "that is the probability of being royal and not named; divide by that of not being named",
        ),
        Mistake(lambda: _silence(_tale().conditional(ROYAL, {}), 0.5), "the context also tells that it is one person"),
    ],
    because="Silence makes *royal* less likely, though nobody has denied it.",
)


def _floor_of_coins(n_concepts: int) -> float:
    """The entropy floor of fair, independent coins, half of which are hidden."""
    coins = ConceptGraph.from_dag(nx.empty_graph(n_concepts, nx.DiGraph), [0.5] * n_concepts)
    return LatentConditionalModel(coins).entropy_floor()


answer(
    "ex-floor-bound",
    asks="the entropy floor of eight fair, independent coins for q = 1/2, in nats",
    kind=Number(1e-3),
    right=lambda: _floor_of_coins(8),
    mistakes=[
        Mistake(lambda: 8 * np.log(2), "that is the entropy of all eight; those that the context tells cost nothing"),
        Mistake(lambda: _floor_of_coins(1), "that is the floor for one coin"),
        Mistake(lambda: _floor_of_coins(8) / 2**8, "the floor is a mean over contexts, not over tokens"),
    ],
    because="Half of the bits.",
)

# ---- Predicting the next token --------------------------------------------------------------------------------------


def _parts(allowed: list[float], predicted: list[float]) -> list[float]:
    """Leak and misfit of one context, from the true and the predicted probabilities of its allowed words."""
    kept = sum(predicted)
    return [-np.log(kept), float(rel_entr(allowed, np.divide(predicted, kept)).sum())]


TRUE, GUESS = [0.6, 0.4], [0.45, 0.45]

answer(
    "ex-leak-by-hand",
    asks="leak and misfit of this context, two numbers, in nats",
    kind=Array((2,)),
    right=lambda: _parts(TRUE, GUESS),
    mistakes=[
        Mistake(lambda: [0.1, _parts(TRUE, GUESS)[1]], "leak is -ln of the probability kept, not what is wasted"),
        Mistake(
            lambda: [_parts(TRUE, GUESS)[0], rel_entr(TRUE, GUESS).sum()],
            "for the misfit divide the prediction by what it keeps: the leak was counted a second time",
        ),
        Mistake(lambda: _parts(TRUE, GUESS)[::-1], "these are the right numbers, the misfit first"),
        Mistake(
            lambda: [_parts(TRUE, GUESS)[0], rel_entr([0.5, 0.5], TRUE).sum()],
            "in the misfit the true probabilities come first: it is the mean under p",
        ),
    ],
    because="Their sum is the divergence from p to the prediction.",
)


def _push(weight: float, p_hat: float, embedding: list[float]) -> float:
    """Change of the logit of a forbidden word when its unembedding takes one step downhill, with rate 1."""
    return -weight * p_hat * float(np.dot(embedding, embedding))


answer(
    "ex-one-push",
    asks="the change of the logit, with its sign",
    kind=Number(),
    right=lambda: _push(1 / 4, 1 / 5, [3, 4]),
    mistakes=[
        Mistake(lambda: -_push(1 / 4, 1 / 5, [3, 4]), "that is a step uphill: a forbidden word is pushed away"),
        Mistake(lambda: _push(1, 1 / 5, [3, 4]), "a context pushes by its weight w(x)"),
        Mistake(lambda: -1 / 4 * 1 / 5 * 5, "that is the length of the step; multiply it by that of f(x)"),
    ],
    because="The push is as strong as the probability that is still wasted.",
)


def _first_with_too_few(equations: Callable[[int], int], numbers: Callable[[int], int]) -> int:
    """The first number of concepts, from 2 on, with more equations than numbers to satisfy them."""
    return next(m for m in range(2, 40) if numbers(m) < equations(m))


def _free_numbers(m: int) -> int:
    """Entries of both tables with d = m, less an invertible matrix and a shift."""
    return (3**m + 2**m) * m - m**2 - m


answer(
    "ex-count-equations",
    asks="the smallest m from which on there are fewer numbers than equations",
    kind=Number(1e-6),
    right=lambda: _first_with_too_few(lambda m: 4**m - 3**m, _free_numbers),
    mistakes=[
        Mistake(
            lambda: _first_with_too_few(lambda m: 4**m, _free_numbers),
            "of the 2^k words that a context allows only the ratios count, 2^k - 1 equations",
        ),
        Mistake(
            lambda: _first_with_too_few(lambda m: 4**m - 3**m, lambda m: 2**m * m),
            "the embeddings of the contexts are free as well",
        ),
    ],
    because="A count is a hint and not a proof: all right sides come from one p.",
)


# ---- Which contexts make lines --------------------------------------------------------------------------------------


def _heaps(told: list[list[int]], n_concepts: int) -> list[int]:
    """Number of heaps and words in a heap, if contexts tell these sets of concepts: by what allows which word."""
    words = np.array(concept_vectors(n_concepts))
    marks = [tuple(tuple(word[concepts]) for concepts in told) for word in words]
    return [len(set(marks)), len(words) // len(set(marks))]


TOLD = [[0, 1], [1, 2]]

answer(
    "ex-heaps",
    asks="the number of heaps and the number of words in each, two numbers",
    kind=Array((2,)),
    right=lambda: _heaps(TOLD, 4),
    mistakes=[
        Mistake(lambda: _heaps(TOLD[:1], 4), "the contexts that tell the third concept divide these heaps once more"),
        Mistake(lambda: _heaps([[0, 1, 2, 3]], 4), "no context tells the fourth concept, so two words stay together"),
        Mistake(lambda: _heaps(TOLD, 4)[::-1], "these are the right numbers, the words in each heap first"),
    ],
    because="Words are told apart by all contexts together.",
)


def _share_stuck(deviation: float) -> float:
    """The share of runs with cosine 0.45 among straight ones that gives mean 0.972 and this standard deviation."""
    odds = (deviation / (0.972 - 0.45)) ** 2
    return odds / (1 + odds)


answer(
    "ex-standard-error",
    asks="the share of stuck runs, between 0 and 1",
    kind=Number(5e-3),
    right=lambda: _share_stuck(0.006 * 10),
    mistakes=[
        Mistake(lambda: _share_stuck(0.006), "0.006 is the error of a mean over 100 runs; one run deviates by more"),
        Mistake(lambda: 0.06 / (0.972 - 0.45), "a share s has variance s (1 - s): the ratio must be squared"),
        Mistake(lambda: (0.06 / (0.972 - 0.45)) ** 2, "that is s / (1 - s), the odds; the share is a little smaller"),
    ],
    because="One or two runs in a hundred.",
)


def _cosines_on_a_square() -> set[float]:
    """The cosine of the two steps of *adult* for every way of putting the four groups on the corners of a square."""
    corners = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    found = set()
    for order in permutations(range(4)):
        steps = unembedding_steering_vectors(corners[list(order)], 1)
        found.add(round(mean_pairwise_cosine(steps)))
    return found


answer(
    "ex-square",
    asks="the set of all cosines that occur, rounded to whole numbers, such as {0, 1}",
    kind=Members(),
    right=_cosines_on_a_square,
    mistakes=[
        Mistake(lambda: {1}, "that would be a box in every run; nothing asks for one"),
        Mistake(lambda: {-1, 1}, "the two steps can also be the diagonals of the square"),
        Mistake(lambda: {0, 1}, "which group stands opposite to (commoner, young)? There are three"),
    ],
    because="Three groups can stand opposite to (commoner, young), and the question prefers none.",
)
