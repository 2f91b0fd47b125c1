"""Checks of the exercises of Part V, Real language models. None of them loads a language model."""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations, product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core import llm_study as study
from linrep_core import steering
from linrep_core.concepts import ConceptGraph
from linrep_core.exercises.checking import Array, Choice, Members, Mistake, Number, answer, array, condition
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.language import LatentConditionalModel
from linrep_core.llm import CausalInnerProduct, cosine, within_concept_cosines
from linrep_core.reproduction import RESULTS
from linrep_core.word_pairs import token_concepts

Vectors = NDArray[np.float64]
MODELS = RESULTS / "models"
BUNDLED = "smollm2-135m-instruct"

# ------------------------------------------------------------------------------ Steering vectors in a real model

THREE_STEPS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def _three_pairs() -> Vectors:
    """Pairs of points with these steering vectors: (3, 2, 2)."""
    return np.stack([np.zeros_like(THREE_STEPS), THREE_STEPS], axis=1)


answer(
    "ex-leave-one-out",
    asks="the mean leave-one-out cosine of the three steering vectors (1, 0), (0, 1) and (1, 1), a number",
    kind=Number(),
    right=lambda: within_concept_cosines(_three_pairs()).mean(),
    mistakes=[
        Mistake(
            lambda: within_concept_cosines(_three_pairs(), leave_one_out=False).mean(),
            "that compares each vector with a mean that holds itself: leave it out",
        ),
        Mistake(
            lambda: mean_pairwise_cosine(THREE_STEPS),
            "that is the mean cosine of pairs of single vectors, as on the picture's diagonal; "
            "compare each vector with the mean of the others",
        ),
        Mistake(
            lambda: np.mean([v @ (THREE_STEPS.sum(axis=0) - v) / 2 for v in THREE_STEPS]),
            "those are inner products; a cosine divides by both lengths",
        ),
    ],
)


def _colours() -> tuple[str, ...]:
    """The colours of the first eight things of the book's list."""
    return tuple(colour for _, colour in token_concepts()["thing-color"].pairs[:8])


def _other_colours() -> Vectors:
    """Round in a circle of the things sorted by colour, by as many places as the commonest colour has things."""
    colours = _colours()
    order = np.argsort(colours, kind="stable")
    dealt = np.empty(len(colours))
    dealt[order] = np.roll(order, max(map(colours.count, colours)))
    return dealt


@condition(
    "ex-equal-colours",
    asks="eight numbers from 0 to 7: thing k gets the colour of thing number partners[k]",
    right=_other_colours,
    mistakes=[lambda: np.arange(8), lambda: np.roll(np.arange(8), 1), lambda: [1, 0, 0, 2, 0, 4, 0, 6]],
    because="Such a deal exists as long as no colour has more than half of the things.",
)
def _equal_colours(given: Any) -> str | None:
    partners, colours = array(given, (8,)), _colours()
    if sorted(partners) != list(range(8)):
        return "a deal uses every thing's partner exactly once; this draws some twice and some never"
    same = [k for k, partner in enumerate(partners.astype(int)) if colours[k] == colours[partner]]
    if any(partners[k] == k for k in same):
        return "a thing has kept its own partner; that is no wrong partner"
    if same:
        return f"thing {same[0]} has another thing's colour, but it is {colours[same[0]]} again: right by accident"
    return None


# ------------------------------------------------------------------------------ Do contexts and tokens agree?

LANGUAGES = ("en", "fr", "de", "es")
DIRECTIONS = ("en-fr", "fr-de", "fr-es", "de-es")


def _step(names: str) -> Vectors:
    """The step between two languages if each had a direction of its own, at right angles to the others'."""
    first, second = names.split("-")
    axes = dict(zip(LANGUAGES, np.eye(len(LANGUAGES)), strict=True))
    return axes[second] - axes[first]


answer(
    "ex-contexts-1",
    asks="four signs, each 1, -1 or 0, in the order en-fr, fr-de, fr-es, de-es",
    kind=Array((4,)),
    right=lambda: [np.sign(_step("fr-de") @ _step(names)) for names in DIRECTIONS],
    mistakes=[
        Mistake(lambda: [1, 1, 1, 1], "absolute values have such signs; a step can also go against another"),
        Mistake(lambda: [0, 1, 0, 0], "the other three share a language with this one, so they are not unrelated"),
        Mistake(
            lambda: [1, 1, 1, -1], "en-fr arrives where the step from French to German departs: which sign has that?"
        ),
        Mistake(
            lambda: [-1, 1, 1, 1], "de-es departs where the step from French to German arrives: which sign has that?"
        ),
    ],
)

SPREAD, CONTEXT_STEP, WORD_STEP = CausalInnerProduct(np.diag([2.0, 1.0])), np.array([1.0, 3.0]), np.array([2.0, 1.0])

answer(
    "ex-causal-cosine",
    asks="the cosine of the two steps in the causal geometry, a number",
    kind=Number(),
    right=lambda: cosine(SPREAD.whiten_embeddings(CONTEXT_STEP), SPREAD.whiten(WORD_STEP)),
    mistakes=[
        Mistake(lambda: cosine(CONTEXT_STEP, WORD_STEP), "that is the Euclidean cosine"),
        Mistake(
            lambda: cosine(SPREAD.whiten(CONTEXT_STEP), SPREAD.whiten(WORD_STEP)),
            "that maps both steps as unembeddings; the step of contexts is multiplied by the transpose of L",
        ),
        Mistake(
            lambda: cosine(SPREAD.whiten_embeddings(CONTEXT_STEP), SPREAD.whiten_embeddings(WORD_STEP)),
            "that maps both steps as embeddings; the step of words is multiplied by the inverse of L",
        ),
        Mistake(
            lambda: cosine(CONTEXT_STEP @ SPREAD.factor @ SPREAD.factor.T, SPREAD.whiten(SPREAD.whiten(WORD_STEP))),
            "that uses the covariance in place of its root L",
        ),
    ],
    because="The inner product is 5 in both geometries, so every probability stays; only the angle has changed.",
)

# ------------------------------------------------------------------------------ Zero probabilities in the wild

# p(a | x0), p(b | x0), p(a | x1), p(b | x1)
SQUARE = (0.2, 1e-6, 1e-4, 0.1)


def _square(log: Any = math.log) -> float:
    a0, b0, a1, b1 = SQUARE
    return log(b1) + log(a0) - log(a1) - log(b0)


answer(
    "ex-square-product",
    asks="the inner product of the two steps, in nats",
    kind=Number(),
    right=_square,
    mistakes=[
        Mistake(lambda: _square(math.log10), "that is with logarithms to base 10; the book's are natural"),
        Mistake(lambda: -_square(), "that is the step from x1 to x0, or from b to a: the sign is turned round"),
        Mistake(
            lambda: math.log(SQUARE[3] / SQUARE[2]),
            "those are the log-odds after the second context only; subtract those after the first",
        ),
        Mistake(
            lambda: math.log(SQUARE[3] / SQUARE[2]) + math.log(SQUARE[1] / SQUARE[0]),
            "those are the sums of the two log-odds; the step between the contexts is a difference",
        ),
    ],
)

LONG_F, LONG_STEP, TIMES = 43.0, 4.0, 1e6

answer(
    "ex-small-cosine",
    asks="the cosine of f(x) and the step of the words, a number",
    kind=Number(),
    right=lambda: math.log(TIMES) / (LONG_F * LONG_STEP),
    mistakes=[
        Mistake(
            lambda: math.log10(TIMES) / (LONG_F * LONG_STEP),
            "that is with logarithms to base 10; log-odds here are natural",
        ),
        Mistake(lambda: math.log(TIMES) / LONG_F, "the inner product has two lengths in it: divide by the step's, too"),
        Mistake(
            lambda: math.degrees(math.acos(math.log(TIMES) / (LONG_F * LONG_STEP))),
            "that is the angle in degrees; its cosine is waited for",
        ),
    ],
    because="A word can be a million times likelier than another though f(x) is nearly at right angles to their step.",
)

PRODUCTS = np.array([3.0, 1.0, -1.0, 0.5])


def _with_the_rest(rest: Vectors) -> float:
    return float(np.corrcoef(PRODUCTS, rest)[0, 1])


answer(
    "ex-rest-of-list",
    asks="the correlation over the pairs of a list of a pair's product with f(x) and the sum of the others', a number",
    kind=Number(),
    right=lambda: _with_the_rest(PRODUCTS.sum() - PRODUCTS),
    mistakes=[
        Mistake(
            lambda: _with_the_rest(PRODUCTS.sum() + PRODUCTS),
            "that would be so if the own pair were counted twice; the others are the sum without it",
        ),
        Mistake(
            lambda: 0.0,
            "pairs drawn at random share nothing, but here the sum of the whole list is one number: what one pair has, "
            "the others do not have",
        ),
    ],
)

# ------------------------------------------------------------------------------ Steering


def _king_and_queen() -> tuple[float, float]:
    """Log-odds of queen against king after the first context, and what they gain for a unit of strength."""
    data = steering.read_explorer(MODELS / f"{BUNDLED}-steering.json")
    return data["log_odds"][0][0], data["slopes"][0][0]


def _even() -> float:
    odds, slope = _king_and_queen()
    return -odds / slope


answer(
    "ex-steering-1",
    asks="the strength of male-female at which queen is as probable as king, a number",
    kind=Number(),
    right=_even,
    mistakes=[
        Mistake(lambda: -_even(), "walk the other way: the log-odds of queen are below 0 and have to rise"),
        Mistake(
            lambda: math.exp(_even()),
            "that is how many times likelier king was; log-odds, not odds, grow in proportion to the strength",
        ),
        Mistake(lambda: 2 * _even(), "there queen is ahead of king by as much as king was before"),
    ],
)

MEAN_STEP, HALF = np.array([1.0, 1.0]), np.diag([0.5, 1.0])


def _direction(map_: Vectors) -> Vectors:
    """The steering direction of a concept of one pair with this step, in a geometry that maps unembeddings so."""
    geometry = study.Geometry("", lambda vectors: vectors @ map_.T, lambda vectors: vectors @ np.linalg.inv(map_))
    return steering.steering_direction([[np.zeros(2), MEAN_STEP]], geometry)


answer(
    "ex-causal-direction",
    asks="the causal direction for one unit of strength, an array of shape (2,)",
    kind=Array((2,)),
    right=lambda: _direction(HALF),
    mistakes=[
        Mistake(lambda: _direction(np.eye(2)), "that is the Euclidean direction: the inverse covariance is missing"),
        Mistake(
            lambda: HALF @ HALF @ MEAN_STEP,
            "the direction is right, its length is not: the pair should gain one nat for each unit",
        ),
        Mistake(
            lambda: _direction(np.linalg.inv(HALF)),
            "that multiplies by the covariance; the causal direction takes its inverse",
        ),
        Mistake(
            lambda: HALF @ HALF @ MEAN_STEP / np.linalg.norm(HALF @ HALF @ MEAN_STEP),
            "that has length 1; what should be 1 is its inner product with the step",
        ),
    ],
    because="It leans on the axis along which the words vary little, so it disturbs the others less.",
)

WALK = {"king": (3.0, 0.0), "queen": (2.0, 2.0), "she": (0.2, 1.5), "strugg": (-1.0, 3.0)}
FAR, START = np.array([0.0, 1.0]), np.array([2.0, 0.0])


def _best(score: Any) -> str:
    return max(WALK, key=lambda word: score(np.array(WALK[word])))


answer(
    "ex-far-walk",
    asks="one of the words king, queen, she, strugg",
    kind=Choice(tuple(WALK)),
    right=lambda: _best(lambda g: 1e6 * FAR @ g + START @ g),
    mistakes=[
        Mistake(lambda: _best(lambda g: START @ g), "king is the likeliest before the walk, and gains nothing on it"),
        Mistake(
            lambda: _best(lambda g: 1.5 * FAR @ g + START @ g),
            "queen is the likeliest at a strength of 1.5; some other word gains more for each unit",
        ),
        Mistake(
            lambda: _best(lambda g: FAR @ g / np.linalg.norm(g)),
            "she has the largest cosine with v; a logit has the length of g(y) in it, too",
        ),
    ],
    because="It lies far out along v. At a large strength neither the text nor the concept's own words matter.",
)

# ------------------------------------------------------------------------------ A model you can train yourself


def _sentences(*, repeats: bool = True, orders: bool = True, fillers: bool = True, placed: bool = True) -> int:
    """How many sentences tell two concepts, by writing all of them; the switches make mistakes."""
    count = 0
    for words in product(("a1", "a2", "a3"), ("b1", "b2", "b3")):
        for _order in permutations(words) if orders else [words]:
            for n in range(3) if fillers else [0]:
                for chosen in product("1234", repeat=n):
                    if repeats or len(set(chosen)) == n:
                        count += math.comb(2 + n, n) if placed else 1
    return count


answer(
    "ex-train-yourself-1",
    asks="the number of sentences, a whole number",
    kind=Number(relative=1e-6),
    right=_sentences,
    mistakes=[
        Mistake(lambda: _sentences(fillers=False), "those are the sentences without a filler"),
        Mistake(lambda: _sentences(orders=False), "the two concepts can also be told in the other order"),
        Mistake(lambda: _sentences(repeats=False), "the same filler may come twice in a sentence"),
        Mistake(lambda: _sentences(placed=False), "a filler may stand anywhere before the last word: count the places"),
    ],
)

BEFORE = (1.0, 4.0, 7.0)


def _normed(*, mean: bool = True, unbiased: bool = False) -> Vectors:
    vector = np.array(BEFORE) - (np.mean(BEFORE) if mean else 0)
    return vector / math.sqrt((vector**2).sum() / (len(vector) - unbiased))


answer(
    "ex-norm-leaves",
    asks="what the norm leaves of (1, 4, 7), an array of shape (3,)",
    kind=Array((3,), relative=1e-2),
    right=lambda: torch.nn.LayerNorm(3)(torch.tensor(BEFORE)).detach().numpy(),
    mistakes=[
        Mistake(lambda: _normed(mean=False), "the norm takes the mean of the entries away first"),
        Mistake(lambda: np.array(BEFORE) - np.mean(BEFORE), "that has lost its mean only; now its length"),
        Mistake(lambda: _normed() / math.sqrt(3), "that has length 1; the norm makes the mean square of the entries 1"),
        Mistake(lambda: _normed(unbiased=True), "that divides the sum of squares by n - 1; the norm divides it by n"),
    ],
    because="Three numbers went in, and a point on a circle came out: a mean and a length are lost.",
)


def _court() -> LatentConditionalModel:
    """The world of that chapter."""
    return LatentConditionalModel(ConceptGraph.random(4, 0.5, seed=0))


def _entropy() -> float:
    joint = _court().graph.joint()
    return float(-joint @ np.log(joint))


answer(
    "ex-no-look",
    asks="the smallest excess loss without a look at the context, in nats",
    kind=Number(relative=2e-3),
    right=lambda: _entropy() - _court().entropy_floor(),
    mistakes=[
        Mistake(_entropy, "that is the cross-entropy; the excess loss is what it has above the entropy floor"),
        Mistake(
            lambda: math.log(16) - _court().entropy_floor(),
            "that is the excess loss of giving all 16 tokens the same probability; some tokens are more common",
        ),
        Mistake(lambda: _court().entropy_floor(), "that is the entropy floor, which only the context lets one reach"),
    ],
    because="It is what contexts tell about the next word, their mutual information.",
)

# ------------------------------------------------------------------------------ Does it hold in other models?


def _between() -> float:
    """Mean absolute cosine between the directions of two of GloVe's concepts, in the causal geometry."""
    rows = study.measured(MODELS, "glove-6b-50d")["summary"]
    return next(row["directions_between"] for row in rows if row["geometry"] == "causal")


answer(
    "ex-glove-dimensions",
    asks="the number of dimensions in which random directions would have GloVe's mean absolute cosine, a number",
    kind=Number(relative=0.05),
    right=lambda: 2 / (math.pi * _between() ** 2),
    mistakes=[
        Mistake(lambda: 2 / (math.pi * _between()), "the cosine goes with one over the root of d: square it"),
        Mistake(
            lambda: 1 / _between() ** 2,
            "that takes the cosine for the root of a mean square; the mean of its absolute value is smaller",
        ),
        Mistake(
            lambda: math.sqrt(2 / (math.pi * _between())),
            "that is a root too many: square the cosine, then solve for d",
        ),
    ],
)


@cache
def _supported() -> dict[str, bool]:
    """Which of the five statements the rows of the chapter's table bear out."""
    files = {"trained": BUNDLED, "untrained": f"{BUNDLED}-untrained", "glove": "glove-6b-50d"}
    found = {name: study.headline(study.measured(MODELS, file), "causal") for name, file in files.items()}
    trained, untrained, glove = found.values()
    return {
        "A": untrained["high"] < 0.01 < trained["low"],
        "B": trained["low"] > glove["high"],
        "C": trained["words"] > 2 * untrained["words"],
        "D": trained["languages"] > 2 * untrained["languages"],
        "E": untrained["bag"] < 0.1 * trained["bag"],
    }


def _letters(flip: str = "") -> list[str]:
    """The letters of what is borne out, some of them taken for their opposite."""
    return [letter for letter, holds in _supported().items() if holds != (letter in flip)]


answer(
    "ex-what-rows-support",
    asks="a list of letters, such as ['B', 'E']",
    kind=Members(),
    right=_letters,
    mistakes=[
        Mistake(lambda: _letters("B"), "B: the intervals of the two gaps overlap, so neither is shown to be ahead"),
        Mistake(lambda: _letters("C"), "C: look at the column words of the model that was never trained"),
        Mistake(lambda: _letters("E"), "E: the bag of the untrained model has a good part of it"),
        Mistake(lambda: _letters("D"), "D: compare languages with and without training"),
        Mistake(lambda: list("ABCDE"), "those are all; at least one of them is contradicted by the untrained model"),
    ],
)
