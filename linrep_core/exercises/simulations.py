"""Checks of the exercises of Part III, Simulations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import count, permutations, product
from math import ceil, log
from typing import Any

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import ortho_group

from linrep_core import reproduction as paper
from linrep_core.concepts import ConceptGraph
from linrep_core.exercises.checking import Array, Choice, Members, Mistake, Number, answer, array, called, condition
from linrep_core.language import LatentConditionalModel
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.sweeps import read_results

Floats = NDArray[np.float64]


def _numbers(function: Any, cases: Iterable[tuple[Any, ...]]) -> Floats:
    """The numbers that a reader's function returns in several cases."""
    values = [np.asarray(called(function, *case)).reshape(-1)[:1].tolist() for case in cases]
    return array(values, ("n", 1))[:, 0]


def _named(given: Floats, known: dict[str, Floats]) -> str | None:
    """The words of the first known result that is the given one."""
    return next((words for words, values in known.items() if np.allclose(given, values, rtol=1e-6, atol=1e-9)), None)


# ----------------------------------------------------------------------------------------------------- fast and exact


def _table_sizes(n_concepts: int) -> tuple[int, int]:
    """Entries of the table of p(y | x), and how many of them are not 0."""
    contexts = LatentConditionalModel(ConceptGraph.random(n_concepts, seed=0)).contexts()
    return len(contexts) * 2**n_concepts, int((2 ** (contexts < 0).sum(axis=1)).sum())


answer(
    "ex-fast-1",
    asks="two numbers for ten concepts: the entries of the table, and those that are not 0",
    kind=Array((2,), relative=1e-9),
    right=lambda: _table_sizes(10),
    mistakes=[
        Mistake(lambda: (6**10, 6**10 - 4**10), "the second number counts the zeros"),
        Mistake(lambda: (6**10, 3**10), "the second has one entry a context; one that leaves k open allows 2^k words"),
        Mistake(lambda: (6**10, 2**10), "the second counts the words, not the entries"),
        Mistake(lambda: (4**10, 4**10), "the first counts two values a concept; a context can also leave it open"),
    ],
    because="For each concept 4 of 6 entries are left: a share of (2/3)^m.",
)


def _first_above(gibibytes: float, base: int, size: int) -> int:
    """The least m at which base^m numbers of this size in bytes take more room than that."""
    return next(m for m in count(1) if base**m * size > gibibytes * 2**30)


answer(
    "ex-fast-5",
    asks="a number of concepts",
    kind=Number(relative=1e-9),
    right=lambda: _first_above(16, 6, 4),
    mistakes=[
        Mistake(lambda: _first_above(16, 6, 8), "that is with 8 bytes a number; single precision has 4"),
        Mistake(lambda: _first_above(16, 6, 1), "that counts numbers; each of them has 4 bytes"),
        Mistake(
            lambda: _first_above(16, 3, 4), "that is one number a context; the table has one for each word as well"
        ),
    ],
    because="And automatic differentiation keeps several tables of that size.",
)


def _gradient(f: Floats, g: Floats, p: Floats, w: Floats) -> Floats:
    """Of the loss with respect to f: a weight times the difference of two average words."""
    return w[:, None] * ((softmax(f @ g.T, axis=1) - p) @ g)


@condition(
    "ex-fast-6",
    asks="a function gradient(f, g, p, w) of four arrays that returns an array of the shape of f",
    right=lambda: _gradient,
    mistakes=[
        lambda: lambda f, g, p, w: _gradient(f, g, p, np.ones_like(w)),
        lambda: lambda f, g, p, w: -_gradient(f, g, p, w),
        lambda: lambda f, g, p, w: w[:, None] * (softmax(f @ g.T, axis=1) @ g),
        lambda: lambda f, g, p, w: (w[:, None] * (softmax(f @ g.T, axis=1) - p)).T @ f,
    ],
    because="It agrees with automatic differentiation. The world enters only through p times g, its average words.",
)
def _gradient_fault(function: Any) -> str | None:
    world = LatentConditionalModel(ConceptGraph.random(3, seed=1))
    start = SoftmaxPredictor.initialize(world, 2, initialization="gaussian", scale=1.0, seed=1)
    f, g = start.embeddings.clone().requires_grad_(), start.unembeddings.clone().requires_grad_()
    SoftmaxPredictor(f, g).loss(world).backward()
    p, w = world.next_token_distribution(), world.weights()
    plain = f.detach().numpy(), g.detach().numpy()
    given = array(called(function, *plain, p, w), ("n", "d"))
    right = f.grad.numpy()
    if given.shape != right.shape:
        return f"its shape is {given.shape}; is it the gradient of g? One row for each context is waited for"
    known = {
        "that is uphill: the gradient has the other sign": -right,
        "each row still has to be multiplied by its context's weight w": _gradient(*plain, p, np.ones_like(w)),
        "the world is missing: subtract the average word under p": w[:, None]
        * (softmax(plain[0] @ plain[1].T, axis=1) @ plain[1]),
    }
    if np.allclose(given, right, rtol=1e-6, atol=1e-9):
        return None
    far = np.argmax(np.abs(given - right).sum(axis=1))
    return _named(given, known) or f"it is not the gradient; the row of context number {far} is furthest off"


# ------------------------------------------------------------------------------------------------------------ table 1


def _runs_needed(error: float, n_runs: int, apart: float, factor: float) -> int:
    """Runs of each kind until that distance of two means is `factor` times a run's squared standard deviation."""
    return ceil(factor * (error * n_runs**0.5 / apart) ** 2 - 1e-6)


def _printed_error() -> float:
    """The paper's standard error for three concepts, over 100 runs."""
    return paper.ROWS["table-1-m3"].printed[0].error


answer(
    "ex-table-1-1",
    asks="the least number of runs of each kind",
    kind=Number(relative=5e-3),
    right=lambda: _runs_needed(_printed_error(), 100, 0.01, 8),
    mistakes=[
        Mistake(lambda: _runs_needed(_printed_error(), 100, 0.01, 4), "as if one of the two means had no error"),
        Mistake(lambda: _runs_needed(_printed_error(), 100, 0.01, 2), "that makes the difference one standard error"),
        Mistake(lambda: _runs_needed(_printed_error(), 1, 0.01, 8), "0.006 is the error of a mean, not of a run"),
    ],
    because="A second digit is cheap, a third is not: ten times the precision takes a hundred times the runs.",
)


def _with_itself(cosine: float, n_concepts: int) -> float:
    """The mean over all pairs, if it is `cosine` over pairs of different vectors."""
    n = 2 ** (n_concepts - 1)
    return (1 + (n - 1) * cosine) / n


_SELF_CASES = ((0.965, 3), (0.0, 7), (0.5, 5))


@condition(
    "ex-table-1-2",
    asks="a function with_itself(c, m) of a mean cosine and a number of concepts that returns a mean cosine",
    right=lambda: _with_itself,
    mistakes=[
        lambda: lambda c, m: _with_itself(c, m + 1),
        lambda: lambda c, m: (1 + (m - 1) * c) / m,
        lambda: lambda c, m: c + 1 / 2 ** (m - 1),
        lambda: lambda c, m: _with_itself(c, m) - c,
    ],
    because="Before training it would be 1 over the number of vectors, not 0.",
)
def _with_itself_fault(function: Any) -> str | None:
    given = _numbers(function, _SELF_CASES)

    def values(formula: Callable[[float, int], float]) -> Floats:
        return np.array([formula(*case) for case in _SELF_CASES])

    if np.allclose(given, values(_with_itself), rtol=1e-6):
        return None
    known = {
        "a concept has a steering vector for each *pair* of words: half as many as words": lambda c, m: _with_itself(
            c, m + 1
        ),
        "the vectors of one concept are compared, and there are 2^(m-1) of these, not m": lambda c, m: (
            (1 + (m - 1) * c) / m
        ),
        "the other pairs have a smaller share then: (n - 1) / n": lambda c, m: c + 1 / 2 ** (m - 1),
        "that is by how much it is higher; the mean itself is waited for": lambda c, m: _with_itself(c, m) - c,
    }
    off = np.argmax(np.abs(given - values(_with_itself)))
    named = _named(given, {words: values(formula) for words, formula in known.items()})
    return named or f"it is not right for a mean cosine of {_SELF_CASES[off][0]} and {_SELF_CASES[off][1]} concepts"


# the four pairs of the exercise, in thousandths: (mean, standard error) twice
_PAIRS = {
    "a": ((979, 12), (995, 1)),
    "b": ((960, 8), (980, 8)),
    "c": ((940, 10), (970, 10)),
    "d": ((995, 1), (990, 1)),
}


def _agree(error: Callable[[float, float], float], times: float = 2) -> set[str]:
    """Which pairs differ by no more than that many errors, for a rule that makes one error of two."""
    return {name for name, ((a, s), (b, t)) in _PAIRS.items() if abs(a - b) <= times * error(s, t)}


answer(
    "ex-table-1-5",
    asks='the letters of the pairs that agree, such as {"c", "d"}',
    kind=Members(),
    right=lambda: _agree(np.hypot),
    mistakes=[
        Mistake(lambda: _agree(lambda s, t: s + t), "errors were added; it is their squares that add"),
        Mistake(lambda: _agree(max), "only the larger error was used; both means have one"),
        Mistake(lambda: _agree(np.hypot, 1), "that is within one standard error; the chapter takes two"),
    ],
    because="The last pair differs least of all, and disagrees: its errors are the smallest.",
)


# ------------------------------------------------------------------------------------------------------------ table 2

_FIRST_GRADIENT = (3.0, -1e-4, 2.0)


def _first_step_of_adam() -> Floats:
    """How far Adam's first step moves three numbers with these gradients, in units of the rate."""
    numbers = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([numbers], lr=1.0)
    numbers.grad = torch.tensor(_FIRST_GRADIENT, dtype=torch.float64)
    adam.step()
    return numbers.detach().numpy()


answer(
    "ex-table-2-5",
    asks="three numbers: how far each coordinate moves, with its sign, in units of the rate",
    kind=Array((3,)),
    right=_first_step_of_adam,
    mistakes=[
        Mistake(lambda: np.sign(_FIRST_GRADIENT), "that is uphill: a step goes against the gradient"),
        Mistake(lambda: -np.array(_FIRST_GRADIENT), "that is the step of plain gradient descent"),
        Mistake(
            lambda: -0.1 * np.sign(_FIRST_GRADIENT) / np.sqrt(1e-3),
            "the averages start at 0, and Adam corrects both for that: divide by 1 - 0.9 and by 1 - 0.999",
        ),
    ],
    because="Three gradients of very different size, three steps of one length: only the signs are left.",
)


def _courses(rule: str, turn: torch.Tensor, steps: int = 6) -> torch.Tensor:
    """Probabilities after some steps of a rule from a small start, turned."""
    world = LatentConditionalModel(ConceptGraph.random(2, seed=0))
    start = SoftmaxPredictor.initialize(world, 3, initialization="gaussian", scale=0.5, seed=0)
    tables = [(table @ turn).requires_grad_() for table in (start.embeddings, start.unembeddings)]
    made = {
        "descent": lambda: torch.optim.SGD(tables, lr=0.5),
        "momentum": lambda: torch.optim.SGD(tables, lr=0.1, momentum=0.9),
        "decay": lambda: torch.optim.SGD(tables, lr=0.5, weight_decay=0.1),
        "adam": lambda: torch.optim.Adam(tables, lr=0.05),
    }
    plain = made.get(rule, lambda: torch.optim.SGD(tables, lr=0.05))()
    for _ in range(steps):
        plain.zero_grad()
        SoftmaxPredictor(*tables).loss(world).backward()
        for table in tables:
            if rule == "sign":
                table.grad = table.grad.sign()
            elif rule == "rows":
                table.grad = table.grad / table.grad.norm(dim=1, keepdim=True)
        plain.step()
    return SoftmaxPredictor(*(table.detach() for table in tables)).probabilities()


@cache
def _turning_rules() -> set[str]:
    """The rules that take the turned course from a turned start."""
    same = torch.eye(3, dtype=torch.float64)
    turn = torch.as_tensor(ortho_group.rvs(3, random_state=0))
    rules = ("descent", "momentum", "decay", "sign", "adam", "rows")
    return {rule for rule in rules if (_courses(rule, same) - _courses(rule, turn)).abs().max() < 1e-9}


answer(
    "ex-table-2-6",
    asks='the names of the rules that do, such as {"descent", "adam"}',
    kind=Members(),
    right=_turning_rules,
    mistakes=[
        Mistake(lambda: {"descent"}, "others do as well: sums and multiples of gradients turn along with them"),
        Mistake(
            lambda: {"descent", "momentum", "decay"}, "one more: the length of a row does not change when it is turned"
        ),
        Mistake(
            lambda: {"descent", "momentum", "decay", "rows", "sign"},
            "signs are signs of coordinates, and a rotation mixes the coordinates",
        ),
    ],
    because="What treats vectors as vectors turns along; what treats coordinates one by one does not.",
)


# ------------------------------------------------------------------------------------------------------------ table 3


def _share_by_counting(n_masks: int, n_concepts: int) -> float:
    """How many of all lists of masks hide some concept never or always: every list is looked at."""
    lists = np.array(list(product((0, 1), repeat=n_masks * n_concepts))).reshape(-1, n_masks, n_concepts)
    hidden = lists.sum(axis=1)
    return float(((hidden == 0) | (hidden == n_masks)).any(axis=1).mean())


_MASK_CASES = ((2, 2), (3, 3), (4, 3))


def _one_sided(k: int, m: int) -> float:
    return 1 - (1 - 0.5**k) ** m


@condition(
    "ex-table-3-1",
    asks="a function share(k, m) of the numbers of masks and of concepts that returns a probability",
    right=lambda: lambda k, m: 1 - (1 - 2.0 ** (1 - k)) ** m,
    mistakes=[
        lambda: _one_sided,
        lambda: lambda k, m: 2.0 ** (1 - k),
        lambda: lambda k, m: m * 2.0 ** (1 - k),
        lambda: lambda k, m: (1 - 2.0 ** (1 - k)) ** m,
    ],
    because="Every list of masks was looked at for up to four masks and three concepts, and they agree.",
)
def _share_fault(function: Any) -> str | None:
    given = _numbers(function, _MASK_CASES)
    right = np.array([_share_by_counting(*case) for case in _MASK_CASES])
    if np.allclose(given, right, rtol=1e-6):
        return None
    known: dict[str, Callable[[int, int], float]] = {
        "that is for hidden by none; hidden by all counts as well": _one_sided,
        "that is for one given concept; there are m of them": lambda k, m: 2.0 ** (1 - k),
        "that counts cases in which it happens to two concepts twice": lambda k, m: m * 2.0 ** (1 - k),
        "that is the probability that it happens to no concept": lambda k, m: (1 - 2.0 ** (1 - k)) ** m,
    }
    named = _named(given, {words: np.array([f(*case) for case in _MASK_CASES]) for words, f in known.items()})
    k, m = _MASK_CASES[int(np.argmax(np.abs(given - right)))]
    return named or f"it is not right for {k} masks and {m} concepts, as counting all lists of masks shows"


def _designed_contexts() -> list[int]:
    """How many contexts the three sets of five masks make, by making them."""
    tokens = LatentConditionalModel(ConceptGraph.random(5, seed=0)).tokens()
    one = np.eye(5, dtype=int)
    return [len(paper.masked_contexts(tokens, masks)) for masks in (one, 1 - one, one | np.roll(one, 1, 1))]


answer(
    "ex-table-3-6",
    asks="three numbers of contexts, for (a), (b) and (c)",
    kind=Array((3,)),
    right=_designed_contexts,
    mistakes=[
        Mistake(
            lambda: [5 * 2**h for h in (1, 4, 2)], "2^h for h hidden concepts counts the words that a context leaves"
        ),
        Mistake(lambda: [2 ** (5 - h) for h in (1, 4, 2)], "that is for a single mask of each kind"),
        Mistake(lambda: [5, 5, 5], "that counts masks; a mask can tell many different things"),
    ],
    because="The masks that hide most make the fewest contexts, and each of these is about the most words.",
)


# ------------------------------------------------------------------------------------------------------------ table 4


def _pairs_left(n_concepts: int) -> float:
    """How many pairs of one concept a random half of all words leaves on average."""
    n_words = 2**n_concepts
    both = (n_words / 2) * (n_words / 2 - 1) / (n_words * (n_words - 1))
    return n_words / 2 * both


def _comparisons(pairs: float) -> float:
    return pairs * (pairs - 1) / 2


answer(
    "ex-table-4-1",
    asks="two numbers, for ten concepts and half of the words: pairs of a concept, and comparisons",
    kind=Array((2,), relative=5e-3),
    right=lambda: (_pairs_left(10), _comparisons(_pairs_left(10))),
    mistakes=[
        Mistake(lambda: (256, _comparisons(256)), "both words of a pair must exist, and each does in one case of two"),
        Mistake(lambda: (128, 128**2 / 2), "no vector is compared with itself: n (n - 1) / 2"),
        Mistake(lambda: (128, 128 * 127), "every comparison is counted twice"),
        Mistake(lambda: (512, _comparisons(512)), "that is with all words"),
    ],
    because="A quarter of the pairs is left, and a sixteenth of the comparisons.",
)

_WORDS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 0))


def _steps_of(concept: int, alone: bool = True) -> int:
    """Pairs of the small vocabulary that differ in a concept, and, if `alone`, in nothing else."""
    words = np.array(_WORDS)
    differ = (words[:, None] != words[None]) & np.triu(np.ones((5, 5), bool))[:, :, None]
    return int((differ[:, :, concept] & ((differ.sum(axis=2) == 1) | (not alone))).sum())


answer(
    "ex-table-4-6",
    asks="three numbers of steering vectors, one a concept",
    kind=Array((3,)),
    right=lambda: [_steps_of(concept) for concept in range(3)],
    mistakes=[
        Mistake(lambda: np.sum(_WORDS, axis=0), "that counts the words that have the concept"),
        Mistake(lambda: [4, 4, 4], "that is with all eight words"),
        Mistake(
            lambda: [_steps_of(concept, alone=False) for concept in range(3)],
            "the two words of a step differ in that concept and in nothing else",
        ),
    ],
    because="Only the last concept has two steps, so only of it can one ask whether they are parallel.",
)


# ----------------------------------------------------------------------------------------------------------- figure 6


def _apart(error: Callable[[float, float], float]) -> list[float]:
    """Distance of five and seven dimensions in the paper's numbers, in errors made of two by some rule."""
    both = zip(paper.FIGURE_6[7, 5], paper.TABLES[1][7], strict=True)
    return [(full.mean - few.mean) / error(full.error, few.error) for few, full in both]


answer(
    "ex-figure-6-1",
    asks="three numbers of standard errors: unembedding, embedding, alignment",
    kind=Array((3,), relative=1e-2),
    right=lambda: _apart(np.hypot),
    mistakes=[
        Mistake(lambda: _apart(max), "that is with the larger error only; both means have one"),
        Mistake(lambda: _apart(lambda s, t: s + t), "errors were added; it is their squares that add"),
        Mistake(lambda: _apart(min), "that is with the smaller error only; both means have one"),
        Mistake(lambda: _apart(lambda s, t: 1.0), "that is the difference itself; divide it by its standard error"),
    ],
    because="More than five standard errors in each column: by the usual meaning of the word, significant.",
)


def _excess_of_knowing_nothing(n_concepts: int) -> float:
    """Loss of equal probabilities minus the floor, with independent fair concepts."""
    nobody = nx.empty_graph(n_concepts, create_using=nx.DiGraph)
    world = LatentConditionalModel(ConceptGraph.from_dag(nobody, dict.fromkeys(range(n_concepts), 0.5)))
    return n_concepts * log(2) - world.entropy_floor()


answer(
    "ex-figure-6-6",
    asks="a number of nats",
    kind=Number(),
    right=lambda: _excess_of_knowing_nothing(6),
    mistakes=[
        Mistake(lambda: 6 * log(2), "that is the loss; the floor has still to be subtracted"),
        Mistake(lambda: log(2) / 2, "that is for one of the six concepts"),
        Mistake(lambda: 6 * log(2) - log(2) / 2, "a context leaves three of the six concepts open on average"),
    ],
    because="A half of ln 2 for each concept: so much is to be gained by learning it.",
)


# -------------------------------------------------------------------------------------------------- the phase diagram


def _cosines_on_a_line() -> set[float]:
    """Mean cosines of two concepts whose four words stand on a line, over all orders of the words."""
    steps = (((0, 2), (1, 3)), ((0, 1), (2, 3)))  # the words 00, 01, 10, 11 are numbered in this order
    means = set()
    for place in permutations(range(4)):
        signs = [[np.sign(place[b] - place[a]) for a, b in concept] for concept in steps]
        means.add(float(np.mean([first * second for first, second in signs])))
    return means


answer(
    "ex-phase-2",
    asks="the set of all mean cosines that occur",
    kind=Members(),
    right=_cosines_on_a_line,
    mistakes=[
        Mistake(lambda: {0, 1}, "those are the ones that training finds; look for an order that is worse"),
        Mistake(lambda: {-1, 1}, "each concept has one of these; the mean over two concepts can have one more value"),
        Mistake(lambda: {1}, "that is the best order; there are 24 orders"),
    ],
    because="All 24 orders were tried. Training settles in orders with 0 and with 1.",
)

_SIDES = ("fewer", "as many", "more")


@cache
def _bent_at_the_floor() -> str:
    """Where on the map, in the column of six dimensions, runs are at the floor and bent."""
    cells: dict[str, list[tuple[float, float]]] = {side: [] for side in _SIDES}
    for m in (5, 6, 7):
        kind = {"method": "adam", "start": "small", "context_weights": "masked", "dim": 6}
        for run in read_results(paper.RESULTS / f"phase-m{m}.csv"):
            if all(run[name] == value for name, value in kind.items()):
                side = _SIDES[int(np.sign(m - 6)) + 1]
                cells[side].append((run["excess_loss"], run["unembedding"]))
    medians = {side: np.median(runs, axis=0) for side, runs in cells.items()}
    return next(side for side, (excess, cosine) in medians.items() if excess < paper.STUCK_ABOVE and cosine < 0.9)


answer(
    "ex-phase-6",
    asks="one of the words 'fewer', 'as many', 'more'",
    kind=Choice(_SIDES),
    right=_bent_at_the_floor,
    mistakes=[
        Mistake(lambda: "as many", "with as many, a predictor that reaches the floor is straight: lines are forced"),
        Mistake(lambda: "more", "with more concepts than dimensions the floor is out of reach"),
    ],
    because="It is on the free side: room to spare, and nothing that forces the lines.",
)
