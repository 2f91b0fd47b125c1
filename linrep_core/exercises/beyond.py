"""Checks of the exercises of Part VI, Beyond the assumptions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import permutations
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import softmax

from linrep_core import many_values, objectives, superposition, violations
from linrep_core._checks import check_array
from linrep_core.chains import SymmetricTable, chain_cost, cheapest_symmetric, linear_price, product_price
from linrep_core.concepts import ConceptGraph
from linrep_core.depth import ARCHITECTURES
from linrep_core.exercises.checking import Array, Members, Mistake, Number, answer, array, called, condition
from linrep_core.language import LatentConditionalModel
from linrep_core.log_posteriors import emission_table
from linrep_core.mechanisms import SAME, mechanism_model, mechanism_world, read_outs

Table = NDArray[np.float64]


# ---- optimisers and losses ------------------------------------------------------------------------------------------


def _without_bound() -> set[str]:
    """The losses whose best logits are infinite in a world with impossible words."""
    joint = objectives.joint_table(objectives.make_world("masked", 0))
    with_formula = [name for name in objectives.OBJECTIVES if name != "hinge"]
    return {name for name in with_formula if objectives.best_logits(name, joint).isinf().any()}


answer(
    "ex-optimisers-6",
    asks="a set of names of losses, written as in the table of this chapter's losses",
    kind=Members(),
    right=_without_bound,
    mistakes=[
        Mistake(
            lambda: _without_bound() | {"label smoothing"},
            "label smoothing gives every word a part of the probability, so no logit has to be infinite",
        ),
        Mistake(
            lambda: _without_bound() - {"squared, probabilities"},
            "a bounded loss can have its best logits at infinity: look at squared error on probabilities",
        ),
        Mistake(lambda: _without_bound() | {"hinge"}, "the hinge is content with a lead of 1"),
    ],
    because="Their least value is only approached: a training on them has no end.",
)

_START = 0.15

answer(
    "ex-optimisers-1",
    asks="the size of the start whose row of plain descent on cross-entropy it is, a number",
    kind=Number(),
    right=lambda: _START / objectives.TEMPERATURE**0.5,
    mistakes=[
        Mistake(
            lambda: _START * objectives.TEMPERATURE**0.5,
            "the tables are divided by the root of the temperature, which is below 1: they become larger",
        ),
        Mistake(
            lambda: _START / objectives.TEMPERATURE,
            "that divides by the temperature itself; each of the two tables takes a root of it",
        ),
        Mistake(lambda: _START, "that is the start of the sharp softmax itself"),
    ],
    because="A temperature below 1 is a larger start, and larger starts bend.",
)


@cache
def _contrastive_case() -> tuple[Table, Table, Table]:
    """Best contrastive logits of a world, with a number of each context's own; how often words come; p(y | x)."""
    joint = objectives.joint_table(objectives.make_world("noisy", 0))
    logits = objectives.best_logits("contrastive", joint).numpy()
    own = np.random.default_rng(0).normal(size=(len(logits), 1))
    return logits + own, joint.sum(dim=0).numpy(), (joint / joint.sum(dim=1, keepdim=True)).numpy()


@condition(
    "ex-optimisers-4",
    asks="a function of the logits, shape (n_contexts, n_tokens), and of how often each word comes, shape (n_tokens,), "
    "that returns p(y | x)",
    right=lambda: lambda logits, words: softmax(logits + np.log(words), axis=1),
    mistakes=[
        lambda: lambda logits, words: softmax(logits, axis=1),
        lambda: lambda logits, words: softmax(logits - np.log(words), axis=1),
        lambda: lambda logits, words: np.exp(logits) * words,
    ],
    because="Contrastive learning leaves out how often a word comes; one number a word puts it back.",
)
def _corrects(given: Any) -> str | None:
    logits, words, p = _contrastive_case()
    found = check_array("what it returns", called(given, logits.copy(), words.copy()), shape=p.shape)
    if np.allclose(found, p, atol=1e-6):
        return None
    if not np.allclose(found.sum(axis=1), 1.0):
        return "its rows do not sum to 1: the logits have a number of each context's own, which a softmax takes out"
    if np.allclose(found, softmax(logits, axis=1)):
        return "that is the softmax of the logits as they are, in which frequent words are too rare"
    if np.allclose(found, softmax(logits - np.log(words), axis=1)):
        return "that makes frequent words rarer still: the sign is wrong"
    return "its rows sum to 1, but it is not p(y | x)"


# ---- depth and attention --------------------------------------------------------------------------------------------

_CHAINS = ("table", "names, 3 layers", "words, 2 layers", "both, 2 layers")

answer(
    "ex-depth-6",
    asks=f"the four numbers K, in the order {'; '.join(_CHAINS)}",
    kind=Array((4,)),
    right=lambda: [ARCHITECTURES[name].n_factors for name in _CHAINS],
    mistakes=[
        Mistake(
            lambda: [ARCHITECTURES[name].context_layers for name in _CHAINS],
            "those are the matrices up to f(x); the chain goes on to the words",
        ),
        Mistake(
            lambda: [max(ARCHITECTURES[name].context_layers, ARCHITECTURES[name].word_layers) for name in _CHAINS],
            "those are the layers in the names of the networks; K counts both sides",
        ),
    ],
    because="A lookup table is the shortest chain, and the only one of them with K = 2.",
)


def _price(values: Any, k: float, power: float = 2.0) -> float:
    return float(k * (np.asarray(values, float) ** (power / k)).sum())


@condition(
    "ex-depth-1",
    asks="a function of a list of singular values and of K that returns the least cost of a chain",
    right=lambda: _price,
    mistakes=[
        lambda: partial(_price, power=1.0),
        lambda: lambda values, k: _price(values, k) / k,
        lambda: lambda values, k: k * float(np.sum(values)) ** (2 / k),
    ],
    because="K = 2 gives twice the nuclear norm; for large K it counts the singular values.",
)
def _prices(given: Any) -> str | None:
    values, ks = [5.0, 2.0, 0.5], (1, 2, 3, 6)
    found = np.array([check_array("what it returns", called(given, np.array(values), k), shape=()) for k in ks])
    wanted = np.array([chain_cost(np.diag(values), k) for k in ks])
    if np.allclose(found, wanted):
        return None
    if np.allclose(found * ks, wanted):
        return "that is the cost of one of the K matrices"
    if np.allclose(found, [_price(values, k, 1.0) for k in ks]):
        return "that takes the K-th root, and not its square: costs are sums of squares"
    if np.allclose(found, [k * sum(values) ** (2 / k) for k in ks]):
        return "that adds the singular values up first; each has its own root"
    wrong = int(np.argmax(~np.isclose(found, wanted)))
    return f"for the singular values 5, 2 and 0.5 and K = {ks[wrong]} it returns {found[wrong]:.4g}"


def _equal_prices(m: int) -> float:
    return float(brentq(lambda k: linear_price(m, k) - product_price(m, k), 2, 3))


answer(
    "ex-depth-2",
    asks="the three numbers K at which the two tables cost the same, for m = 2, 3 and 6",
    kind=Array((3,), relative=5e-3),
    right=lambda: [_equal_prices(m) for m in (2, 3, 6)],
    mistakes=[
        Mistake(
            lambda: [brentq(lambda k: 4 ** (1 / k) - 1 - 3 ** (-1 / k), 2, 3)] * 3,
            "that is where the proof's inequality begins to hold; the prices are equal before",
        ),
        Mistake(lambda: [2] * 3, "at K = 2 the product table is the cheaper for all three"),
        Mistake(lambda: [3] * 3, "at K = 3 the linear table is the cheaper for all three"),
    ],
    because="The more concepts, the less depth it takes.",
)


@cache
def _bent() -> SymmetricTable:
    return cheapest_symmetric(3, 2)


answer(
    "ex-depth-4",
    asks="the two mean cosines of the words: contexts deep, words deep",
    kind=Array((2,), relative=2e-2),
    right=lambda: [_bent().mean_cosine(power) for power in (2 / 3, 4 / 3)],
    mistakes=[
        Mistake(
            lambda: [_bent().mean_cosine(power) for power in (1 / 3, 2 / 3)],
            "the exponent of mean_cosine is that of the squares of coordinates",
        ),
        Mistake(
            lambda: [_bent().mean_cosine(power) for power in (4 / 3, 2 / 3)],
            "that is the other way round: the side with more matrices looks straighter",
        ),
        Mistake(lambda: [_bent().mean_cosine()] * 2, "that is the shortest chain of two"),
    ],
    because="One table of logits, and two answers to the question how straight its words are.",
)


# ---- synonyms, ambiguity, noise -------------------------------------------------------------------------------------


def _without_zeros() -> set[str]:
    doses = violations.DOSES
    return {name for name in doses if violations.violated_world(name, doses[name][1]).is_positive}


answer(
    "ex-broken-6",
    asks="a set of names of departures, written as in the table of the eight",
    kind=Members(),
    right=_without_zeros,
    mistakes=[
        Mistake(
            lambda: _without_zeros() | {"homonyms"},
            "a homonym is silent on the last concept only; words that contradict another told one stay impossible",
        ),
        Mistake(
            lambda: {"wrong contexts"},
            "a careless word, or one that ignores the context, can be any word as well",
        ),
        Mistake(
            lambda: _without_zeros() - {"ignored contexts"},
            "drawn as if nothing had been told, every word can come",
        ),
    ],
    because="In these three the distribution can be reached, and nothing need grow without end.",
)

_A, _BOTH, _SECOND = 0.1, [0, 0, 0, 1.0], [0, 0.5, 0, 0.5]


def _odds(emission: Table, posterior: list[float]) -> Table:
    """The odds of the second concept, between 00 and 01 and between 10 and 11."""
    p = np.array(posterior) @ emission
    return p[[1, 3]] / p[[0, 2]]


def _careless(emission: Table | None = None) -> Table:
    emission = emission_table(2, _A, "careless", synonyms=1) if emission is None else emission
    return np.log([_odds(emission, _BOTH), _odds(emission, _SECOND)])


answer(
    "ex-broken-3",
    asks="an array of shape (2, 2): a row for each context, both told and then only the second; a column for each pair "
    "of words, from 00 to 01 and then from 10 to 11",
    kind=Array((2, 2), relative=5e-3),
    right=_careless,
    mistakes=[
        Mistake(
            lambda: _careless((1 - _A) * np.eye(4) + _A / 3 * (1 - np.eye(4))),
            "that draws one of the three other words; a careless word is any of the four",
        ),
        Mistake(
            lambda: _careless()[:, [1, 1]],
            "after the context that tells both, 00 and 01 both contradict it, and 10 and 11 do not",
        ),
        Mistake(lambda: np.exp(_careless()), "those are odds; take their logarithm"),
    ],
    because="The same concept, the same context, and two different amounts of evidence.",
)


def _share_of_copies(with_itself: bool = False) -> list[float]:
    """How the plain mean cosine is made of that of different pairs and of 1, when every word has a twin."""
    meanings = violations.violated_world("equal synonyms", 0).meanings
    lower, _ = violations.differing_pairs(np.repeat(meanings, 2, axis=0), 0)
    same = (lower // 2)[:, None] == (lower // 2)
    counted = np.ones_like(same) if with_itself else ~np.eye(len(same), dtype=bool)
    return [float(1 - same[counted].mean()), float(same[counted].mean())]


answer(
    "ex-broken-4",
    asks="two numbers a and b: with twins the plain mean cosine is a times the mean between different pairs, plus b",
    kind=Array((2,)),
    right=_share_of_copies,
    mistakes=[
        Mistake(
            lambda: _share_of_copies(with_itself=True),
            "that compares each step with itself as well: leave the diagonal out",
        ),
        Mistake(lambda: [0.5, 0.5], "half of the words are copies, but it is pairs of steps that are averaged"),
        Mistake(lambda: [1, 0], "that leaves copies out, which is the fair measure and not the plain one"),
    ],
    because="A measure that rises without any vector having moved.",
)


# ---- concepts that are not binary -----------------------------------------------------------------------------------

_VALUES = (7, 5, 2)


def _dimensions(edge_probability: float) -> int:
    """Dimensions of a week, five colours and a binary concept, the last two told in the categorical way."""
    kinds = ("circular", "categorical", "categorical")
    fair = {"parameter_range": (0.5, 0.5)} if edge_probability == 0 else {}
    graph = ConceptGraph.random(3, edge_probability, n_values=_VALUES, seed=0, **fair)
    tellings = [many_values.telling(kind, k, 0.1 if k == 2 else None) for kind, k in zip(kinds, _VALUES, strict=True)]
    return many_values.needed_dims(LatentConditionalModel(graph, tellings=tellings))


answer(
    "ex-values-6",
    asks="two numbers of dimensions: for independent concepts, and for concepts that depend on each other",
    kind=Array((2,)),
    right=lambda: [_dimensions(0.0), _dimensions(1.0)],
    mistakes=[
        Mistake(
            lambda: [sum(_VALUES), sum(_VALUES) + 1],
            "that counts values; what counts is the rank of what contexts tell about them",
        ),
        Mistake(
            lambda: [sum(_VALUES) - 3, sum(_VALUES) - 2],
            "that is right for categorical concepts; the table of a circular one has a smaller rank",
        ),
        Mistake(
            lambda: [_dimensions(0.0)] * 2,
            "with dependence, how often words come is one more function, not a sum over concepts",
        ),
        Mistake(
            lambda: [_dimensions(0.0) + 1, _dimensions(1.0)],
            "with independent and equally frequent values all words are equally frequent, which costs nothing",
        ),
    ],
    because="Ranks add up, and the frequencies of words are one direction more.",
)


def _large_or_small() -> int:
    large = 1 / (1 + np.exp(-(np.arange(7) - 3.0)))
    return many_values.table_rank(many_values.centred_log_table([large, 1 - large]))


answer(
    "ex-values-1",
    asks="the rank of A for seven values and s = 1",
    kind=Number(relative=1e-9),
    right=_large_or_small,
    mistakes=[
        Mistake(lambda: 1, "that is the rank of the contrast; what the two tellings have in common depends on v, too"),
        Mistake(lambda: 3, "of the three rows one is zero, so the rank is at most 2"),
        Mistake(lambda: 6, "A has as many columns as there are values, but only two rows that are not zero"),
    ],
    because="So the values stand on an arc in a plane, however many there are.",
)


@cache
def _week() -> Table:
    """The shortest unembeddings of a circular concept with seven values."""
    return many_values.predicted_shape("circular")


def _stretched(factor: float) -> Table:
    return _week() * np.array([factor, 1.0])


def _moved_along() -> Table:
    """One day taken out of its place."""
    moved = _stretched(2.0).copy()
    moved[0] *= 1.5
    return moved


@condition(
    "ex-values-3",
    asks="unembeddings of the seven values in such a predictor, shape (7, 2)",
    right=lambda: _stretched(2.0),
    mistakes=[_week, lambda: _stretched(4.0), _moved_along, lambda: _stretched(0.0)],
    because="Neither the circle nor the ellipse is a fact about the distribution.",
)
def _same_distribution(given: Any) -> str | None:
    g, shortest = array(given, (7, 2)), _week() - _week().mean(axis=0)
    g = g - g.mean(axis=0)
    sizes = np.linalg.svd(g, compute_uv=False) ** 2
    if sizes[1] < 1e-9 * max(sizes[0], 1e-300):
        return "the seven points lie on a line: no embeddings give these the logits of rank 2 that the week has"
    image = np.linalg.lstsq(shortest, g, rcond=None)[0]
    if not np.allclose(shortest @ image, g, atol=1e-6 * np.abs(g).max()):
        return "that is no linear image of the shortest unembeddings, so no embeddings give the same logits"
    share = float(sizes[0] / sizes.sum())
    if share > 0.81:
        return f"the first axis has the share {share:.2f}: shares go with the square of a stretch"
    return None if share > 0.79 else f"the first axis has the share {share:.2f}, which is too little"


# ---- mechanisms on and off ------------------------------------------------------------------------------------------

_FIRST = 0.7  # p(C_0 = 1) in the exercise on log-odds


def _log_odds() -> Table:
    """Log-odds of concept 0 given (C_1, C_2) = 00, 01, 10, 11: C_1 copies C_0 nine times in ten, C_2 is fair."""
    dag = nx.DiGraph([(0, 1)])
    dag.add_node(2)
    tables = {0: {(): _FIRST}, 1: {(0,): 1 - SAME, (1,): SAME}, 2: {(): 0.5}}
    joint = ConceptGraph.from_dag(dag, tables).joint().reshape(2, 4)
    return np.log(joint[1] / joint[0])


answer(
    "ex-mechanisms-6",
    asks="the four log-odds of concept 0, in nats, for (C1, C2) = 00, 01, 10 and 11",
    kind=Array((4,)),
    right=_log_odds,
    mistakes=[
        Mistake(
            lambda: _log_odds() - np.log(_FIRST / (1 - _FIRST)),
            "that leaves out that concept 0 is more often 1 than 0",
        ),
        Mistake(
            lambda: [np.log(_FIRST / (1 - _FIRST))] * 4,
            "those are the log-odds before anything is known; they change with concept 1",
        ),
        Mistake(lambda: np.exp(_log_odds()), "those are odds; take their logarithm"),
        Mistake(lambda: _log_odds()[[0, 2, 1, 3]], "that changes with concept 2, which concept 0 does not depend on"),
    ],
    because="They change with concept 1 and not with concept 2: separated from the one, not matched.",
)


def _separated_not_matched() -> set[tuple[int, int]]:
    """Ordered pairs (i, j): i is separated from j, and has a neighbour."""
    graph = mechanism_model(False, True, True).graph
    pairs = permutations(range(graph.n_concepts), 2)
    return {(i, j) for i, j in pairs if graph.separated(i, j) and graph.neighbours(i)}


answer(
    "ex-mechanisms-2",
    asks="a set of pairs (i, j), concept i being separated from j and not matched",
    kind=Members(),
    right=_separated_not_matched,
    mistakes=[
        Mistake(
            lambda: _separated_not_matched() | {(0, 3), (3, 0)},
            "concepts 0 and 3 are joined in this world",
        ),
        Mistake(
            lambda: _separated_not_matched() | {(j, i) for i, j in _separated_not_matched()},
            "the order counts: concepts 1 and 2 have no neighbours in this world, so they are matched",
        ),
        Mistake(
            lambda: {(i, j) for i, j in _separated_not_matched() if i == 0},
            "what is said of concept 0 is true of the concept that it is joined to as well",
        ),
    ],
    because="Separation is a statement about a pair, matching about a concept and all others.",
)


@cache
def _words_at(q: float) -> float:
    """Mean cosine of the unembedding steps of concept 0 in the shortest tables of a world without zeros."""
    model = LatentConditionalModel(mechanism_model(False, True, True).graph, tellings=[[[1 - q, q], [q, 1 - q]]] * 4)
    x = model.contexts()
    world = violations.ViolatedWorld(model.next_token_distribution(), model.weights(x), x, model.tokens())
    return read_outs(world, violations.shortest_predictor(world, 5))["words"]


def _by_formula(mean: Callable[[float], float]) -> Callable[[float], float]:
    """The mean as a function of q, from the cosine of two steps with opposite odds."""

    def words(q: float) -> float:
        rho = np.sqrt(3 / 2) * np.log(SAME / (1 - SAME)) / np.log((1 - q) / q)
        return float(mean((1 - rho) / (1 + rho)))

    return words


@condition(
    "ex-mechanisms-4",
    asks="a function of q that returns the mean cosine of the unembedding steps of concept 0",
    right=lambda: _by_formula(lambda opposite: (12 + 16 * opposite) / 28),
    mistakes=[
        lambda: _by_formula(lambda opposite: opposite),
        lambda: _by_formula(lambda opposite: (1 + opposite) / 2),
        lambda: _by_formula(lambda opposite: 1.0),
    ],
    because="It goes to 1 as errors become rare, and the world without errors does not.",
)
def _ever_rarer(given: Any) -> str | None:
    rates = (0.1, 0.01)
    found, wanted = (
        [float(check_array("what it returns", called(given, q), shape=())) for q in rates],
        [_words_at(q) for q in rates],
    )
    if np.allclose(found, wanted, atol=2e-3):
        return None
    if np.allclose(found, 1.0):
        return "that is the limit; for q above 0 the odds still bend the steps"
    opposite = [_by_formula(lambda cosine: cosine)(q) for q in rates]
    if np.allclose(found, opposite, atol=2e-3):
        return "that is the cosine of two steps with opposite odds; some pairs of steps have equal odds"
    if np.allclose(found, (1 + np.array(opposite)) / 2, atol=2e-3):
        return "that counts half of the pairs as opposite, and so each step with itself: leave the diagonal out"
    return f"at q = {rates[0]:g} it returns {found[0]:.3f}, which is too {'large' if found[0] > wanted[0] else 'small'}"


@cache
def _box() -> tuple[Table, Table, Table]:
    """p, the product of its concepts' posteriors, and the weights of contexts, with one joined pair and no zeros."""
    world = mechanism_world(False, False, True)
    p, words = world.distribution, world.meanings
    box = np.ones_like(p)
    for i in range(words.shape[1]):
        one = (p @ (words[:, i] == 1))[:, None]
        box *= np.where(words[:, i] == 1, one, 1 - one)
    return p, box, world.weights


def _divergence(first: Table, second: Table) -> Table:
    return (first * np.log(first / second)).sum(axis=1)


answer(
    "ex-mechanisms-5",
    asks="the mean loss of the box predictor above the entropy floor, in nats",
    kind=Number(),
    right=lambda: float(_box()[2] @ _divergence(*_box()[:2])),
    mistakes=[
        Mistake(
            lambda: float(_divergence(*_box()[:2]).mean()),
            "that counts all contexts alike; weigh each by how often it comes",
        ),
        Mistake(
            lambda: float(_divergence(*_box()[:2]).max()),
            "that is the loss where nothing is told; once a concept of the pair is told less is left",
        ),
        Mistake(
            lambda: float(_box()[2] @ _divergence(_box()[1], _box()[0])),
            "that is the divergence the other way round; words are drawn from p",
        ),
    ],
    because="Straight and orthogonal lines cost what concepts still tell about each other.",
)


# ---- superposition --------------------------------------------------------------------------------------------------

_WORLDS = ((6, 1), (6, 3), (8, 3), (1000, 2), (4, 4))

answer(
    "ex-superposition-7",
    asks=f"five numbers of dimensions, for (m, s) = {', '.join(map(str, _WORLDS))}",
    kind=Array((5,)),
    right=lambda: [superposition.least_dimension(m, s) for m, s in _WORLDS],
    mistakes=[
        Mistake(
            lambda: [min(2 * s, m) for m, s in _WORLDS],
            "with fewer active concepts than there are, a simplex needs one dimension less than m",
        ),
        Mistake(lambda: [2 * s for _, s in _WORLDS], "more than m dimensions are never needed"),
        Mistake(lambda: [m for m, _ in _WORLDS], "that is for contexts that can say that a concept is absent"),
    ],
    because="From m = 2s + 1 on, the number of concepts does not matter.",
)

_N_WORDS = 256

answer(
    "ex-superposition-2",
    asks="the margin of the arrangement for 256 words, a number",
    kind=Number(relative=5e-3),
    right=lambda: superposition.polytope_margin(_N_WORDS, 2),
    mistakes=[
        Mistake(lambda: 2 * np.pi / _N_WORDS, "that is the angle between neighbours; the margin falls with its square"),
        Mistake(lambda: 1 - np.cos(np.pi / _N_WORDS), "that is half of the angle between neighbours"),
        Mistake(lambda: superposition.polytope_margin(_N_WORDS, 255), "that is the simplex, in 255 dimensions"),
    ],
    because="Two dimensions are enough, at the price of an embedding thousands of times as long.",
)

_NEIGHBOUR = 2 * np.pi / 8

answer(
    "ex-superposition-4",
    asks="the number a, the squared length of a column",
    kind=Number(),
    right=lambda: brentq(lambda a: a * np.cos(_NEIGHBOUR) + 1 - a, 1, 10),
    mistakes=[
        Mistake(lambda: 1 / (1 - np.cos(_NEIGHBOUR)) ** 0.5, "that is the length of a column; a is its square"),
        Mistake(lambda: 1 / (1 + np.cos(_NEIGHBOUR)), "the sign is wrong: the bias is 1 - a, below 0"),
        Mistake(lambda: 1, "with a = 1 there is no bias, and neighbours are not cut off"),
    ],
    because="One feature is then read exactly; two at once are not.",
)
