"""Checks of the exercises of Part II, The proofs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb
from typing import Any

import networkx as nx
import numpy as np

from linrep_core._checks import shown
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.exercises.checking import Array, Members, Mistake, Number, answer, array, condition
from linrep_core.geometry import mean_pairwise_cosine, unembedding_steering_vectors
from linrep_core.language import UNKNOWN, LatentConditionalModel
from linrep_core.theorems import STATEMENTS, dependency_graph, growing_fraction
from linrep_core.theorems.bottleneck import linear_cost, linear_table, product_cost, product_table
from linrep_core.theorems.exact_fit import Fit, additive_fit, all_contexts, free_fit, open_pairs, widen
from linrep_core.theorems.hard_margin import hard_margin
from linrep_core.training import train

# ---- Log-odds -------------------------------------------------------------------------------------------------------


def _steps(n_concepts: int) -> int:
    """How many steering vectors all concepts have together."""
    words = np.zeros((2**n_concepts, 1))
    return sum(len(unembedding_steering_vectors(words, concept)) for concept in range(n_concepts))


answer(
    "ex-log-odds-1",
    asks="how many inner products the theorem fixes for this context in a world of five concepts",
    kind=Number(1e-6),
    right=lambda: _steps(5),
    mistakes=[
        Mistake(lambda: 2 * _steps(5), "a pair of words has one steering vector: its two ends were counted both"),
        Mistake(lambda: 5, "so many different values they have if the concepts are independent; the question before"),
        Mistake(lambda: 2**5, "that is one for each word; each concept has a steering vector for half of the words"),
    ],
    because="For independent concepts they have only five different values.",
)


@cache
def _trained_on_the_first_world() -> tuple[np.ndarray, np.ndarray]:
    """The embeddings and the unembeddings of a run on the world with which the chapter begins."""
    model = LatentConditionalModel(ConceptGraph.random(3, edge_probability=1.0, seed=2))
    predictor = train(model, 3, steps=200, seed=0, progress=False).predictor
    return predictor.embeddings.numpy(), predictor.unembeddings.numpy()


def _singular_values(chosen: str) -> np.ndarray:
    """The singular values of some of the run's vectors."""
    embeddings, unembeddings = _trained_on_the_first_world()
    is_open = all_contexts(3)[:, 0] == UNKNOWN
    vectors = {
        "open": embeddings[is_open],
        "told": embeddings[~is_open],
        "steps": unembedding_steering_vectors(unembeddings, 0),
    }
    return np.linalg.svd(vectors[chosen], compute_uv=False)


answer(
    "ex-log-odds-thin",
    asks="the three singular values, the largest first",
    kind=Array((3,), relative=0.02),
    right=lambda: _singular_values("open"),
    mistakes=[
        Mistake(lambda: _singular_values("told"), "these belong to the contexts that tell *royal*, the other ones"),
        Mistake(lambda: _singular_values("steps"), "these belong to the steering vectors; take the embeddings"),
        Mistake(lambda: _singular_values("open") ** 2, "these are the squares, the eigenvalues of F^T F"),
    ],
    because="The open contexts span all three dimensions, the third one only just.",
)

answer(
    "ex-log-odds-4",
    asks="how many triples of a context, a concept that it leaves open, and a token that agrees there are",
    kind=Number(1e-6),
    right=lambda: sum(len(open_pairs(3, [concept])[0]) for concept in range(3)),
    mistakes=[
        Mistake(
            lambda: sum(len(open_pairs(3, [concept])[0]) for concept in range(3)) / 2,
            "each pair of twins was counted once; here both words of it are tokens that agree",
        ),
        Mistake(lambda: 3 * 9 * 8, "so many with any token; one that contradicts the context has odds 0/0"),
    ],
    because="In each of them the two ratios are equal as fractions.",
)

# ---- Zero probabilities push ----------------------------------------------------------------------------------------

ASKED = [(0, UNKNOWN, UNKNOWN), (1, 0, UNKNOWN), (1, 1, UNKNOWN)]


def _pushed(contexts: list[tuple[int, ...]]) -> set[int]:
    """The concepts that some pair of these contexts tells both ways while all else is equal."""
    return {
        i for x in contexts for i, value in enumerate(x) if value == 0 and (*x[:i], 1, *x[i + 1 :]) in set(contexts)
    }


answer(
    "ex-zero-squares",
    asks="the set of concepts, by number, on which the proposition can stand for these three contexts, such as {0, 2}",
    kind=Members(),
    right=lambda: _pushed(ASKED),
    mistakes=[
        Mistake(
            lambda: {0, 1},
            "concept 0 is told both ways, but the contexts that tell it differ in concept 1 as well: no square",
        ),
        Mistake(lambda: {0}, "its two contexts must agree in all else; those that differ in 1 alone are another pair"),
        Mistake(lambda: {0, 1, 2}, "no context tells concept 2"),
    ],
    because="Words that differ in concept 0 are pushed apart all the same, but not by this proposition.",
)


def _least_product(eps: float, probability: float = 0.5) -> float:
    """What the proposition promises for two words of equal probability."""
    return 2 * np.log((probability - eps) / eps)


answer(
    "ex-zero-1",
    asks="the two inner products, for eps = 0.01 and for eps = 0.0001",
    kind=Array((2,)),
    right=lambda: [_least_product(eps) for eps in (1e-2, 1e-4)],
    mistakes=[
        Mistake(
            lambda: [_least_product(eps) / 2 for eps in (1e-2, 1e-4)],
            "there are two zeros in the square: eps enters squared",
        ),
        Mistake(
            lambda: [2 * np.log(0.5 / eps) for eps in (1e-2, 1e-4)],
            "a predicted probability of 1/2 can be too small by eps",
        ),
        Mistake(lambda: [-_least_product(eps) for eps in (1e-2, 1e-4)], "the exponent is minus the inner product"),
    ],
    because="Two digits more cost about 9.2.",
)


@cache
def _straight_fit() -> Fit:
    """The additive fit of the linked world, in which the two steps of *royal* are parallel."""
    return additive_fit(ConceptGraph.random(3, edge_probability=0.5, seed=4).joint(), 6.0)


def _tables(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """The two tables that the exercise asks for."""
    return fit.embeddings, fit.unembeddings


def _noise(size: float) -> np.ndarray:
    """Where the words stand in a dimension in which no context looks."""
    return size * np.random.default_rng(0).standard_normal((8, 1))


@condition(
    "ex-zero-4",
    asks="two tables (f, g), of shapes (27, d) and (8, d), that predict as additive_fit(linked.graph.joint(), 6.0) "
    "does, with a cosine below 0.1 between the first steering vectors of royal, of words and of contexts",
    right=lambda: _tables(widen(_straight_fit(), _noise(100.0))),
    mistakes=[
        lambda: _tables(_straight_fit()),
        lambda: (_straight_fit().embeddings, _straight_fit().unembeddings[:, ::-1]),
        lambda: _tables(widen(_straight_fit(), _noise(1.0))),
    ],
    because="The inner product is fixed by four probabilities, the angle is not.",
)
def _wide_angle(given: Any) -> str | None:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"answer must be two tables (f, g), got {shown(given)}")
    f, g = array(given[0], (27, "d")), array(given[1], (8, "d"))
    if f.shape[1] != g.shape[1]:
        raise ValueError(f"f and g must have equally many columns, got {f.shape[1]} and {g.shape[1]}")
    fit = Fit(_straight_fit().joint, f, g)
    change = np.abs(fit.predicted - _straight_fit().predicted).max()
    if change > 1e-9:
        return f"a probability has changed by {change:.2g}"
    words, contexts = fit.steering(0)[0], fit.context_steering(0)[0]
    cosine = mean_pairwise_cosine([words, contexts])
    return None if abs(cosine) < 0.1 else f"no probability has changed, but the cosine is still {cosine:.2f}"


# ---- The pull of gradient descent -----------------------------------------------------------------------------------

TOLD_ONE, TOLD_ZERO = np.array([3.0, 0.0]), np.array([0.0, 4.0])


def _unit(vector: np.ndarray) -> np.ndarray:
    """The direction of a vector."""
    return vector / np.linalg.norm(vector)


def _limit(told_one: np.ndarray, told_zero: np.ndarray) -> np.ndarray:
    """The limit direction of gradient descent with fixed embeddings."""
    margin = hard_margin(np.vstack([told_one, -told_zero]))
    assert margin is not None
    return _unit(margin)


answer(
    "ex-pull-1",
    asks="the limit direction for f1 = (3, 0) and f0 = (0, 4), as a vector of length 1",
    kind=Array((2,)),
    right=lambda: _limit(TOLD_ONE, TOLD_ZERO),
    mistakes=[
        Mistake(
            lambda: _unit(TOLD_ONE - TOLD_ZERO),
            "that is the direction of f1 - f0; the shorter embedding needs the longer component",
        ),
        Mistake(lambda: _limit(TOLD_ONE, -TOLD_ZERO), "its product with f0 must be -1 or less"),
        Mistake(lambda: [1 / 3, -1 / 4], "so far its direction is right, and it is w itself; divide it by its length"),
    ],
    because="The longer an embedding, the less has to be done in its direction.",
)

PAIRS = {"a": ((1, 0), (2, 0)), "b": ((-1, 0), (2, 0)), "c": ((1, 1), (1, 0)), "d": ((0, 0), (1, 0))}
PAIRS["e"] = ((1, 0), (0, 0))


def _separable(told_one: tuple[int, ...], told_zero: tuple[int, ...]) -> bool:
    """Whether some vector has a positive product with f1 and, unless it is 0, a negative one with f0."""
    examples = [told_one] + [tuple(-entry for entry in told_zero)] * any(told_zero)
    return hard_margin(np.array(examples, float)) is not None


answer(
    "ex-pull-cone",
    asks='the set of letters of the pairs to which the theorem applies, such as {"a", "b"}',
    kind=Members(),
    right=lambda: {letter for letter, pair in PAIRS.items() if _separable(*pair)},
    mistakes=[
        Mistake(
            lambda: {letter for letter, (one, zero) in PAIRS.items() if one != zero},
            "all five have f1 different from f0, and that is not enough",
        ),
        Mistake(lambda: {"c", "e"}, "in (b) the two are opposite: then one vector serves both contexts best of all"),
        Mistake(lambda: {"b", "c"}, "the cone of 0 is 0 alone, and in (e) f1 is not 0"),
        Mistake(lambda: {"b", "c", "d", "e"}, "in (d) f1 is 0, and 0 is in every cone (alpha may be 0)"),
    ],
    because="In (a) each step that helps one context harms the other. In (d) the theorem is silent, no more.",
)


def _slow(log_time: float, n_vectors: int) -> float:
    """1 - cosine of two unit steering vectors, by the estimate after the theorem."""
    return np.sqrt(n_vectors / 2) / log_time


answer(
    "ex-pull-3",
    asks="ln t, the natural logarithm of the sum of all steps",
    kind=Number(),
    right=lambda: _slow(0.01, 4),
    mistakes=[
        Mistake(lambda: 1 / 0.01, "that is the time for two vectors; the number K comes in under a root"),
        Mistake(lambda: 4**0.5 / 0.01, "under the root stands K / 2"),
        Mistake(lambda: _slow(0.01, 4) / np.log(10), "that is the number of digits of t: the decimal logarithm"),
        Mistake(lambda: _slow(0.99, 4), "0.99 is the cosine; the estimate is for 1 minus the cosine"),
    ],
    because="In steps of 0.05 that is a number with 63 digits or so.",
)

# ---- Orthogonality --------------------------------------------------------------------------------------------------


@cache
def _products(seed: int) -> dict[str, float]:
    """The products of the exercise in an exact predictor of a chain that is random otherwise."""
    chain = ConceptGraph.with_random_tables(nx.path_graph(3, create_using=nx.DiGraph), seed=seed)
    fit = free_fit(chain.joint(), np.random.default_rng(seed))
    row = {tuple(context): fit.embeddings[k] for k, context in enumerate(all_contexts(3).tolist())}
    number = {tuple(token): k for k, token in enumerate(concept_vectors(3).tolist())}

    def moved(context: tuple[int, ...]) -> np.ndarray:
        return row[context] - row[UNKNOWN, UNKNOWN, UNKNOWN]

    def step(concept: int, token: tuple[int, ...]) -> np.ndarray:
        return fit.steering(concept, np.array([number[token]]))[0]

    return {
        "a": moved((UNKNOWN, UNKNOWN, 1)) @ step(0, (0, 0, 1)),
        "b": moved((UNKNOWN, UNKNOWN, 1)) @ step(0, (0, 0, 0)),
        "c": moved((UNKNOWN, 1, UNKNOWN)) @ step(0, (0, 1, 0)),
        "d": moved((1, UNKNOWN, UNKNOWN)) @ step(0, (1, 0, 0)),
        "e": step(0, (0, 0, 0)) @ step(2, (0, 0, 0)),
    }


answer(
    "ex-orthogonality-which",
    asks='the set of letters of the products that must be 0, such as {"a", "b"}',
    kind=Members(),
    right=lambda: {x for x in "abcde" if all(abs(_products(seed)[x]) < 1e-7 for seed in range(3))},
    mistakes=[
        Mistake(lambda: {"a"}, "one is missing: the graph plays no part in this theorem"),
        Mistake(lambda: {"a", "b", "c"}, "in (b) the context is told the opposite of what is true of the word"),
        Mistake(lambda: {"a", "c", "e"}, "(e) is about two steps of words, of which exactness says nothing"),
        Mistake(lambda: {"a", "c", "d"}, "in (d) the context is told concept 0 itself: then the odds are infinite"),
    ],
    because="Adjacent or not, what counts is that the word fits and that concept 0 stays open.",
)

BY_HAND = np.array([[0.0, 0], [2, 1], [1, 3], [3, 4]])  # man, woman, king, queen


def _cosine_in(metric: np.ndarray) -> float:
    """The cosine of the first steps of *royal* and of *female* of the words made by hand, in an inner product."""
    royal, female = (unembedding_steering_vectors(BY_HAND, concept)[0] for concept in (0, 1))
    return royal @ metric @ female / np.sqrt((royal @ metric @ royal) * (female @ metric @ female))


answer(
    "ex-orthogonality-box",
    asks="the causal cosine of royal and female for these four words",
    kind=Number(absolute=1e-6),
    right=lambda: _cosine_in(np.linalg.inv(np.cov(BY_HAND.T))),
    mistakes=[
        Mistake(lambda: _cosine_in(np.eye(2)), "that is the Euclidean cosine"),
        Mistake(lambda: _cosine_in(np.cov(BY_HAND.T)), "the inner product takes the inverse of the covariance"),
        Mistake(
            lambda: _cosine_in(np.linalg.inv(BY_HAND.T @ BY_HAND)),
            "the mean has to be taken off before the products are averaged: that is what makes a covariance",
        ),
    ],
    because="So it is for every box, whatever it has learnt.",
)

# ---- Putting it together: the bottleneck ----------------------------------------------------------------------------


def _pieces(cuts: int, dim: int) -> int:
    """How many pieces so many cuts make at most of a space of that dimension."""
    return sum(comb(cuts, j) for j in range(dim + 1))


answer(
    "ex-bottleneck-1",
    asks="the largest number of words that four cuts can keep apart in three dimensions",
    kind=Number(1e-6),
    right=lambda: _pieces(4, 3),
    mistakes=[
        Mistake(lambda: 2**4, "each cut would have to halve every piece; that takes four dimensions"),
        Mistake(lambda: _pieces(3, 3), "that is what three cuts make"),
        Mistake(lambda: _pieces(4, 2), "that is what four cuts make of a plane"),
    ],
    because="One less than the words of four concepts.",
)

answer(
    "ex-bottleneck-cost",
    asks="the rank and the nuclear norm of the linear table of eight concepts, two numbers",
    kind=Array((2,)),
    right=lambda: [8, linear_cost(8)],
    mistakes=[
        Mistake(lambda: [2**8 - 1, product_cost(8)], "these belong to the product table"),
        Mistake(
            lambda: [8, np.linalg.norm(linear_table(8))],
            "the second is the root of the sum of squares; the nuclear norm is the sum of the singular values",
        ),
        Mistake(lambda: [8, linear_cost(8) / 8], "the second is one singular value; there are eight, all equal"),
        Mistake(lambda: [2**8, linear_cost(8)], "the rank is smaller: the table is a product of thin ones, S and T"),
    ],
    because="All its singular values are equal.",
)


def _first_cheaper(linear: Callable[[int], float], product: Callable[[int], float]) -> int:
    """The first number of concepts above 1 for which the linear table costs less."""
    return next(m for m in range(2, 99) if linear(m) < product(m))


answer(
    "ex-bottleneck-2",
    asks="the smallest m above 1 for which the linear table is the cheaper of the two",
    kind=Number(1e-6),
    right=lambda: _first_cheaper(linear_cost, product_cost),
    mistakes=[
        Mistake(
            lambda: _first_cheaper(lambda m: m * 6 ** (m / 2), lambda m: (1 + 3**0.5) ** m),
            "that compares the growth alone; the constants of the theorem shift the place",
        ),
        Mistake(lambda: 2, "at m = 2 the product table costs 8.9 and the linear one 9.8"),
    ],
    because="And neither of the two is the cheapest table of all.",
)

answer(
    "ex-bottleneck-centre",
    asks="the nuclear norm of the product table of three concepts, before its rows are shifted to mean 0",
    kind=Number(1e-4),
    right=lambda: 2 * (1 + 3**0.5) ** 3,
    mistakes=[
        Mistake(lambda: product_cost(3), "that is the norm of the shifted table"),
        Mistake(lambda: (1 + 3**0.5) ** 3, "a word that fits gets 2, not 1"),
        Mistake(lambda: np.linalg.norm(product_table(3)), "that is the root of the sum of the squares of its entries"),
    ],
    because="The shift takes away one singular value, and with it a good part of the cost.",
)

# ---- All statements -------------------------------------------------------------------------------------------------

COROLLARY = STATEMENTS["cor-matched-orthogonality"]

answer(
    "ex-all-not-needed",
    asks='the set of names of the hypotheses that can go, such as {"exact fit"}',
    kind=Members(),
    right=lambda: set(COROLLARY.not_needed),
    mistakes=[
        Mistake(lambda: set(COROLLARY.counterexamples()), "these are needed: without each the conclusion fails"),
        Mistake(lambda: {"separated"}, "one is missing: see what else its row calls not needed"),
        Mistake(lambda: {"positive"}, "one is missing: the graph plays no part, either"),
    ],
    because="The proof uses neither.",
)

LEMMA = "lem-softmax-ratio"

answer(
    "ex-all-falls",
    asks="how many other statements rest on the lemma, directly or through others",
    kind=Number(1e-6),
    right=lambda: len(nx.descendants(dependency_graph(), LEMMA)),
    mistakes=[
        Mistake(lambda: dependency_graph().out_degree(LEMMA), "these use it directly; others use those"),
        Mistake(lambda: len(nx.descendants(dependency_graph(), LEMMA)) + 1, "the lemma itself is not one of them"),
        Mistake(lambda: len(nx.ancestors(dependency_graph(), LEMMA)), "the arrows were followed backwards"),
    ],
    because="No other statement carries so many.",
)

answer(
    "ex-all-rests-on",
    asks="the set of labels on which the theorem rests, directly or through others",
    kind=Members(),
    right=lambda: nx.ancestors(dependency_graph(), "thm-orthogonal-directions"),
    mistakes=[
        Mistake(
            lambda: set(STATEMENTS["thm-orthogonal-directions"].uses),
            "these its own proof uses; their proofs use others",
        ),
        Mistake(
            lambda: nx.ancestors(dependency_graph(), "thm-orthogonal-directions") | {"thm-orthogonal-directions"},
            "a proof that rests on its own claim is none: leave the theorem itself out",
        ),
    ],
    because="At the bottom of nearly everything in Part II stand two lemmas on ratios.",
)


@condition(
    "ex-all-breaks",
    asks="six numbers X, Y, Z, dX, dY, dZ",
    right=lambda: [4, 1, 1, 4, 1, 1],
    mistakes=[
        lambda: [0.5, 1, 1, 4, 1, 1],
        lambda: [4, 1, 1, 4, -0.5, 1],
        lambda: [4, 1, 1, 2, 1, 1],
        lambda: [2, 1, 1, 7, 1, 1],
    ],
    because="A fraction above 1 needs a numerator that grows in proportion, not only by more.",
)
def _breaks_the_lemma(given: Any) -> str | None:
    numbers = array(given, (6,))
    if (numbers <= 0).any():
        return "not all six are positive, so a second hypothesis fails"
    case = growing_fraction.Case(*map(Fraction, numbers))
    failing = growing_fraction.STATEMENT.failing(case)
    if "fraction below 1" not in failing:
        return "the fraction X / YZ is below 1: the hypothesis that should fail holds"
    if len(failing) > 1:
        return f"{failing[1]!r} fails as well: then one cannot tell which of the two was needed"
    if growing_fraction.conclusion(case).value < 1:
        return "only the right hypothesis fails, but the fraction grows all the same"
    return None
