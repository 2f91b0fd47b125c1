"""More concepts than dimensions: sparse worlds, what a dimension is shared by, and the arrangement that theory offers.

A world is sparse in two ways. Its *words* have few active concepts: each is active with a small probability, or at most
so many are at once. Its *contexts* say little: a ``"naming"`` context names some of the active concepts and is silent
on all others, so it never says that a concept is absent; a ``"telling"`` context is the paper's and tells of some
concepts whether they are active; a ``"certain"`` one tells of all.

- `known_shares`: for each concept, how much of what contexts tell of it a predictor knows;
- `feature_dimensionality`: the fraction of a dimension that a concept has for itself, as in Elhage et al. 2022;
- `moment_curve_predictor`: with naming contexts and at most s active concepts, 2 s dimensions suffice for any number of
  concepts, and f(x) is then a sum of one fixed vector for each concept named;
- `least_dimension`: below min(2 s, m - 1) it is impossible, and so many are enough (`simplex_predictor`).

Book: part "Beyond the assumptions", chapter "Superposition". The measures of sharing are those of "Toy Models of
Superposition" (Elhage et al. 2022); worlds, theorems and study are this book's own. The article's own model is in
`linrep_core.toy_model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import log_softmax, xlogy

from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_instance,
    check_integer,
    check_number,
)
from linrep_core.concepts import concept_vectors
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.language import UNKNOWN
from linrep_core.phase_diagram import FULL_BATCH_STEPS
from linrep_core.violations import METHODS, ViolatedWorld, differing_pairs, train_tables

Array = NDArray[np.float64]

CONTEXT_KINDS = ("naming", "telling", "certain")
MAX_STUDY_CONCEPTS = 8
KNOWN = 0.5  # a concept counts as known from this share on
FEW_ACTIVE = 2  # straightness is measured on words with at most so many active concepts: the others hardly occur
SEPARATES = (
    1e-7  # half the width of a strip between words, of those whose largest coordinate is 1, from which it counts
)
DESCENT_RATE = 2.0  # of plain descent; the rates of the phase diagram suit words that are all about as frequent
STUDY_STEPS = 2 * FULL_BATCH_STEPS
CHANCE = 0.2  # that a concept is active, before words with too many active ones are taken out


# ---- worlds ---------------------------------------------------------------------------------------------------------


def sparse_world(
    n_concepts: int,
    chance: float = CHANCE,
    *,
    contexts: str = "naming",
    most_active: int | None = None,
    told: Any = None,
) -> ViolatedWorld:
    """Independent concepts that are seldom active, with words for the vectors that occur and contexts of one kind.

    Parameters
    ----------
    n_concepts
        Number of concepts *m*, 1 to 8.
    chance
        Probability that a concept is active, strictly between 0 and 1.
    contexts
        ``"naming"``, ``"telling"`` or ``"certain"``; see the module's text.
    most_active
        Words with more active concepts do not occur, and the others share their probability. None: all 2**m occur.
    told
        Probability with which each concept is told, where it can be; shape (m,), strictly between 0 and 1. None: 1/2,
        the paper's fair coins. Certain contexts have no use for it.

    Returns
    -------
    ViolatedWorld
        p(y | x) = p(C = y | what x tells), tokens without those that do not occur.

    Examples
    --------
    >>> world = sparse_world(3, 0.5, most_active=1)
    >>> world.meanings.tolist()
    [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    >>> world.contexts.tolist()
    [[-1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_STUDY_CONCEPTS)
    p = check_number("chance", chance, low=0.0, high=1.0, open_interval=True)
    kind = check_choice("contexts", contexts, CONTEXT_KINDS)
    most = m if most_active is None else check_integer("most_active", most_active, low=1, high=m)
    shown = np.full(m, 0.5) if told is None else check_array("told", told, shape=(m,))
    if not ((shown > 0) & (shown < 1)).all():
        raise ValueError(f"told must lie strictly between 0 and 1, got {shown.tolist()}")
    words = concept_vectors(m)[concept_vectors(m).sum(axis=1) <= most]
    joint = np.where(words == 1, p, 1 - p).prod(axis=1)
    said = _contexts(m, kind)
    agrees = ((said[:, None] == UNKNOWN) | (said[:, None] == words)).all(axis=2)
    said, agrees = said[agrees.any(axis=1)], agrees[agrees.any(axis=1)]
    together = agrees * joint / joint.sum()
    true = together.sum(axis=1)
    is_told = said != UNKNOWN
    masks = np.where(is_told, shown, 1 - shown).prod(axis=1) if kind != "certain" else 1.0
    weights = true * masks
    return ViolatedWorld(together / true[:, None], weights / weights.sum(), said, words)


def _contexts(n_concepts: int, kind: str) -> NDArray[np.int8]:
    """All contexts of a kind; the one that tells nothing comes first."""
    if kind == "certain":
        return concept_vectors(n_concepts)
    values = np.array([UNKNOWN, 1] if kind == "naming" else [UNKNOWN, 0, 1], dtype=np.int8)
    return values[np.indices((len(values),) * n_concepts).reshape(n_concepts, -1).T]


# ---- measures -------------------------------------------------------------------------------------------------------


def known_shares(world: ViolatedWorld, logits: Any) -> Array:
    """For each concept, the share of what contexts tell of it that a predictor knows, shape (m,).

    1 minus the mean divergence of the predicted from the true p(C_i | x), over the same for the best prediction that
    takes no notice of the context. So 1 for a perfect predictor, 0 for one that ignores the concept, and below 0 for
    one that is worse than that.

    Parameters
    ----------
    world
        See `sparse_world`.
    logits
        Shape (n_contexts, n_tokens).

    Examples
    --------
    >>> world = sparse_world(2, 0.3)
    >>> exact = np.log(np.maximum(world.distribution, 1e-300))
    >>> known_shares(world, exact).round(6).tolist(), bool(known_shares(world, 0 * exact).max() < 0)
    ([1.0, 1.0], True)
    """
    check_instance("world", world, ViolatedWorld)
    table = check_array("logits", logits, shape=world.distribution.shape)
    active = world.meanings.astype(float)
    true = np.clip(world.distribution @ active, 0.0, 1.0)  # (n_contexts, m): p(C_i = 1 | x), rounding cut off
    log_p = log_softmax(table, axis=1)
    log_yes, log_no = (_log_of_sum(log_p, active == value) for value in (1, 0))
    ignorant = world.weights @ true
    # from the logarithms: a probability may lie below any float
    lost = xlogy(true, true) + xlogy(1 - true, 1 - true) - _times(true, log_yes) - _times(1 - true, log_no)
    stake = world.weights @ (xlogy(true, true) + xlogy(1 - true, 1 - true))
    stake = stake - xlogy(ignorant, ignorant) - xlogy(1 - ignorant, 1 - ignorant)
    return 1 - world.weights @ lost / stake


def _log_of_sum(log_p: Array, chosen: NDArray[np.bool_]) -> Array:
    """Log-probability of the tokens chosen for each concept, shape (n_contexts, m)."""
    columns = [np.logaddexp.reduce(log_p[:, chosen[:, i]], axis=1) for i in range(chosen.shape[1])]
    return np.stack(columns, axis=1)


def _times(weight: Array, value: Array) -> Array:
    return np.where(weight > 0, weight * np.where(weight > 0, value, 0.0), 0.0)


def stake(world: ViolatedWorld) -> float:
    """What contexts are worth: the excess loss in nats of the best predictor that takes no notice of them.

    Examples
    --------
    >>> round(stake(sparse_world(1, 0.5, contexts="certain")), 4)
    0.6931
    """
    check_instance("world", world, ViolatedWorld)
    marginal = world.weights @ world.distribution
    return float(
        world.weights @ xlogy(world.distribution, world.distribution).sum(axis=1) - xlogy(marginal, marginal).sum()
    )


def first_steps(unembeddings: Any, meanings: Any) -> Array:
    """g(only concept i is active) - g(none is), shape (m, dim): the commonest step of each concept in a sparse world.

    Examples
    --------
    >>> first_steps([[1.0], [3.0], [0.0], [9.0]], [[0, 0], [0, 1], [1, 0], [1, 1]]).tolist()
    [[-1.0], [2.0]]
    """
    labels = as_array("meanings", meanings)
    if labels.ndim != 2:
        raise ValueError(f"meanings must have shape (n, m), got {labels.shape}")
    g = check_array("unembeddings", unembeddings, shape=(len(labels), "dim"))
    m = labels.shape[1]
    wanted = np.vstack([np.zeros((1, m)), np.eye(m)])
    rows = [np.flatnonzero((labels == word).all(axis=1)) for word in wanted]
    if not all(len(row) == 1 for row in rows):
        raise ValueError("meanings must hold the word without active concepts and those with one, each once")
    places = np.concatenate(rows)
    return g[places[1:]] - g[places[0]]


def feature_dimensionality(vectors: Any) -> Array:
    """D_i = |v_i|^2 / sum_j (v_i . v_j / |v_i|)^2, the fraction of a dimension that each vector has for itself.

    1 for a vector that is orthogonal to all others, 1/2 for one of two opposite ones, 2/5 in a regular pentagon, 0 for
    a vector of length 0. The sum is at most the number of dimensions that the vectors span.

    Parameters
    ----------
    vectors
        Shape (n, dim).

    Returns
    -------
    array of shape (n,)

    Examples
    --------
    >>> feature_dimensionality([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]]).tolist()
    [0.5, 0.5, 1.0]
    """
    v = check_array("vectors", vectors, shape=("n", "dim"))
    squares = (v * v).sum(axis=1)
    shared = ((v @ v.T) ** 2).sum(axis=1)
    return np.divide(squares**2, shared, out=np.zeros(len(v)), where=shared > 0)


def word_straightness(unembeddings: Any, meanings: Any) -> float:
    """Mean cosine between the steps of one concept, words with at most two active concepts; nan if none has two steps.

    Examples
    --------
    >>> word_straightness([[0.0], [1.0], [2.0], [3.0]], [[0, 0], [0, 1], [1, 0], [1, 1]])
    1.0
    """
    labels = as_array("meanings", meanings)
    if labels.ndim != 2:
        raise ValueError(f"meanings must have shape (n, m), got {labels.shape}")
    g = check_array("unembeddings", unembeddings, shape=(len(labels), "dim"))
    return _straightness(g, labels)


def naming_straightness(embeddings: Any, contexts: Any) -> float:
    """The same for contexts: steps from a context that is silent on a concept to one that names it too.

    Examples
    --------
    >>> naming_straightness([[0.0], [1.0], [2.0], [3.0]], [[-1, -1], [-1, 1], [1, -1], [1, 1]])
    1.0
    """
    labels = as_array("contexts", contexts)
    if labels.ndim != 2:
        raise ValueError(f"contexts must have shape (n, m), got {labels.shape}")
    f = check_array("embeddings", embeddings, shape=(len(labels), "dim"))
    silent = (labels != 0).all(axis=1)
    return _straightness(f[silent], np.where(labels[silent] == 1, 1, 0))


def _straightness(table: Array, labels: NDArray) -> float:
    common = labels.sum(axis=1) <= FEW_ACTIVE
    rows, kinds = table[common], labels[common]
    found = []
    for concept in range(labels.shape[1]):
        lower, upper = differing_pairs(kinds, concept)
        if len(lower) > 1:
            found.append(mean_pairwise_cosine(rows[upper] - rows[lower]))
    return float(np.mean(found)) if found else float("nan")


# ---- what theory offers ---------------------------------------------------------------------------------------------


def least_dimension(n_concepts: int, most_active: int) -> int:
    """The dimensions that m concepts need with naming contexts, if up to s are active: min(2 s, m - 1), or m if s = m.

    Fewer cannot tell the concepts apart, each named alone; so many are enough (`moment_curve_predictor`,
    `simplex_predictor`). Constants of words, or one dimension more, take care of how often a word comes.

    Examples
    --------
    >>> [least_dimension(6, s) for s in range(1, 7)]
    [2, 4, 5, 5, 5, 6]
    """
    m = check_integer("n_concepts", n_concepts, low=1)
    s = check_integer("most_active", most_active, low=1, high=m)
    return m if s == m else min(2 * s, m - 1)


def separable(unembeddings: Any, meanings: Any) -> NDArray[np.bool_]:
    """For each concept, whether some f puts all words with it above all words without it, shape (m,).

    Parameters
    ----------
    unembeddings
        Shape (n, dim).
    meanings
        Shape (n, m), entries 0 and 1, each in every column.

    Examples
    --------
    >>> separable([[0.0], [-1.0], [1.0]], [[0, 0], [0, 1], [1, 0]]).tolist()  # two on a line
    [True, True]
    >>> separable([[0.0], [-1.0], [1.0], [2.0]], [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]).tolist()
    [True, False, True]
    """
    labels = as_array("meanings", meanings)
    if labels.ndim != 2 or not all(set(column) == {0, 1} for column in labels.T.tolist()):
        raise ValueError("meanings must have shape (n, m) with a 0 and a 1 in every column")
    g = check_array("unembeddings", unembeddings, shape=(len(labels), "dim"))
    centred = g - g.mean(axis=0)
    centred = centred / max(np.abs(centred).max(), 1e-300)
    return np.array([_widest_strip(centred, column) > SEPARATES for column in labels.T])


def _widest_strip(points: Array, side: NDArray) -> float:
    """The largest t with f.z >= threshold + t on side 1, <= threshold - t on side 0, for |f_k| <= 1."""
    signs = np.where(side == 1, 1.0, -1.0)[:, None]
    rows = np.hstack([-signs * points, signs, np.ones((len(points), 1))])  # of f, the threshold, t
    n = points.shape[1]
    bounds = [(-1, 1)] * n + [(None, None), (0, None)]
    found = linprog(np.eye(n + 2)[-1] * -1, A_ub=rows, b_ub=np.zeros(len(rows)), bounds=bounds)
    return float(found.x[-1])


def moment_curve_predictor(world: ViolatedWorld, margin: float) -> tuple[Array, Array]:
    """A predictor of a naming world in 2 s + 1 dimensions, where s is the largest number of active concepts.

    Each concept is an angle theta_i. A word y is the trigonometric polynomial prod (1 - cos(theta - theta_i)) over its
    active concepts, divided by its mean: it is 0 at the angles of these and positive at all others. f(x) is the sum of
    the values' functionals at the angles named. One dimension more holds ln p(y). For s = 1 the words are the corners
    and the centre of a regular polygon.

    Parameters
    ----------
    world
        With naming contexts.
    margin
        By how many nats at least a word that does not fit lies below those that do, up to ln p(y).

    Returns
    -------
    f, g
        Shapes (n_contexts, 2 s + 1) and (n_tokens, 2 s + 1); the last column is the one of ln p(y).

    Examples
    --------
    >>> world = sparse_world(8, most_active=2)
    >>> f, g = moment_curve_predictor(world, margin=20.0)
    >>> f.shape[1], world.excess_loss((f, g)) < 1e-6
    (5, True)
    """
    words = _naming_words(world)
    m, s = words.shape[1], max(1, int(words.sum(axis=1).max()))
    angles = 2 * np.pi * np.arange(m) / m
    grid = 2 * np.pi * np.arange(2 * s + 1) / (2 * s + 1)  # enough points for a polynomial of degree s
    values = np.stack([(1 - np.cos(grid[:, None] - angles[word == 1])).prod(axis=1) for word in words])
    values /= values.mean(axis=1, keepdims=True)
    g = -values @ _waves(grid, s) * 2 / len(grid)  # Fourier coefficients; the constant one is the same for all words
    return _with_margin(world, _waves(angles, s), g, margin)


def _waves(angles: Array, degree: int) -> Array:
    """The waves cos k theta and sin k theta for k up to the degree, shape (n, 2 * degree)."""
    multiples = np.outer(angles, np.arange(1, degree + 1))
    return np.hstack([np.cos(multiples), np.sin(multiples)])


def simplex_predictor(world: ViolatedWorld, margin: float) -> tuple[Array, Array]:
    """A predictor of a naming world in m dimensions, if some concept is always absent.

    A concept is a facet of a simplex with m facets, in m - 1 dimensions. A word is the centre of the face in which the
    facets of its active concepts meet. One dimension more holds ln p(y).

    Parameters
    ----------
    world, margin
        See `moment_curve_predictor`; no word may have all concepts active.

    Returns
    -------
    f, g
        Shapes (n_contexts, m) and (n_tokens, m).

    Examples
    --------
    >>> world = sparse_world(4, most_active=3)
    >>> f, g = simplex_predictor(world, margin=20.0)
    >>> f.shape[1], world.excess_loss((f, g)) < 1e-6
    (4, True)
    """
    words = _naming_words(world)
    m = words.shape[1]
    if words.all(axis=1).any():
        raise ValueError("world must have no word with all concepts active, got one")
    distances = (words == 0) / (m - words.sum(axis=1, keepdims=True))  # from the facets; they add up to 1
    flat = np.linalg.svd(np.ones((1, m)))[2][1:].T  # (m, m - 1), orthogonal to the vector of ones
    return _with_margin(world, flat, -distances @ flat, margin)


def _naming_words(world: Any) -> NDArray[np.int8]:
    check_instance("world", world, ViolatedWorld)
    if (world.contexts == 0).any():
        raise ValueError("world must have naming contexts, got one that tells that a concept is absent")
    return world.meanings


def _with_margin(world: ViolatedWorld, ways: Array, g: Array, margin: float) -> tuple[Array, Array]:
    """f(x) is the sum of the ways of the concepts named, so long that the margin is kept; and ln p(y) beside it."""
    least = check_number("margin", margin, low=0.0)
    heights = g @ ways.T  # (n_tokens, m)
    narrowest = (heights.max(axis=0) - heights)[world.meanings == 0].min()
    named = world.contexts == 1
    f = named @ ways * (least / narrowest)
    prior = world.distribution[~named.any(axis=1)][0]
    return np.column_stack([f, np.ones(len(f))]), np.column_stack([g, np.log(prior)])


def polytope_margin(n_words: int, dim: int) -> float:
    """The margin of the best-known arrangements of words of length 1: min over pairs of 1 - g(y).g(y').

    A regular polygon for dim = 2, opposite pairs for n = 2 dim, a simplex for n <= dim + 1; nan for others.

    Examples
    --------
    >>> [round(polytope_margin(n, 2), 3) for n in (3, 4, 6, 8)], polytope_margin(6, 3), polytope_margin(5, 4)
    ([1.5, 1.0, 0.5, 0.293], 1.0, 1.25)
    """
    n, d = check_integer("n_words", n_words, low=2), check_integer("dim", dim, low=1)
    if n <= d + 1:
        return 1 + 1 / (n - 1)
    if d == 2:
        return float(1 - np.cos(2 * np.pi / n))
    return 1.0 if n == 2 * d else float("nan")


# ---- training -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """Tables of a predictor with a constant for each word.

    Attributes
    ----------
    embeddings, unembeddings : arrays of shape (n_contexts, dim) and (n_tokens, dim)
    constants : array of shape (n_tokens,)
        0 if they were not trained.
    """

    embeddings: Array
    unembeddings: Array
    constants: Array

    @property
    def logits(self) -> Array:
        """f(x).g(y) + b(y), shape (n_contexts, n_tokens)."""
        return self.embeddings @ self.unembeddings.T + self.constants

    @property
    def with_constants(self) -> tuple[Array, Array]:
        """The same predictor without constants, in one dimension more."""
        ones = np.ones((len(self.embeddings), 1))
        return np.hstack([self.embeddings, ones]), np.column_stack([self.unembeddings, self.constants])


def train_sparse(
    world: ViolatedWorld,
    dim: int,
    *,
    seeds: Any,
    method: str = "adam",
    steps: int = FULL_BATCH_STEPS,
    constants: bool = True,
    progress: bool = True,
) -> list[Trained]:
    """Train predictors of one world from several starts, all at once; see `linrep_core.violations.train_tables`.

    Parameters
    ----------
    world
        See `sparse_world`.
    dim
        Dimension *d*.
    seeds
        Of the starts.
    method
        ``"adam"`` or ``"gradient descent"``.
    steps
        Length of each training.
    constants
        Whether each word has a constant in its logits, so that how often a word comes takes no dimension.
    progress
        Whether to show a progress bar.

    Examples
    --------
    >>> world = sparse_world(5, most_active=1)
    >>> (run,) = train_sparse(world, 2, seeds=[0], progress=False)
    >>> bool(known_shares(world, run.logits).min() > 0.9)
    True
    """
    check_instance("world", world, ViolatedWorld)
    rate = DESCENT_RATE if check_choice("method", method, METHODS) == "gradient descent" else None
    numbers = list(seeds) if isinstance(seeds, range) else seeds
    worlds = [world] * (len(numbers) if hasattr(numbers, "__len__") else 1)
    settings = {"method": method, "steps": steps, "constants": constants, "learning_rate": rate, "progress": progress}
    return [
        Trained(f.numpy(), g.numpy(), b.numpy()) for f, g, b in train_tables(worlds, dim, seeds=numbers, **settings)
    ]


def superposition_cell(
    n_concepts: int,
    dim: int,
    *,
    contexts: str = "naming",
    chance: float = CHANCE,
    most_active: int | None = None,
    told_first: float = 0.5,
    told_last: float = 0.5,
    method: str = "adam",
    constants: bool = True,
    n_seeds: int = 10,
    steps: int = STUDY_STEPS,
) -> list[dict[str, Any]]:
    """One cell of the diagram: runs of one world from different starts.

    Parameters
    ----------
    n_concepts, contexts, chance, most_active
        See `sparse_world`.
    told_first, told_last
        Probabilities with which the first and the last concept are told; the others lie in equal steps between.
    dim, method, constants, steps
        See `train_sparse`.
    n_seeds
        Number of starts.

    Returns
    -------
    list of dict
        For each seed: ``left``, the excess loss as a share of `stake`; ``known``, ``least_known``, ``first_known`` and
        ``last_known``, the mean and least of `known_shares` and those of the first and last concept; ``n_known``,
        how many exceed 1/2; ``dimensionality``, the sum of `feature_dimensionality` of the first steps;
        ``unembedding`` and ``embedding``, `word_straightness` and `naming_straightness`; None where there is none.

    Examples
    --------
    >>> (row,) = superposition_cell(4, 2, most_active=1, n_seeds=1, steps=1000)
    >>> row["n_known"], row["dimensionality"] < 2.000001, row["unembedding"] is None
    (4, True, True)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_STUDY_CONCEPTS)
    ends = {"told_first": told_first, "told_last": told_last}
    first, last = (check_number(name, end, low=0.0, high=1.0, open_interval=True) for name, end in ends.items())
    told = np.linspace(first, last, m)
    world = sparse_world(m, chance, contexts=contexts, most_active=most_active, told=told)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    settings = {"method": method, "steps": steps, "constants": constants}
    runs = train_sparse(world, dim, seeds=seeds, progress=False, **settings)
    return [{"seed": seed, **_measured(world, run)} for seed, run in zip(seeds, runs, strict=True)]


def _measured(world: ViolatedWorld, run: Trained) -> dict[str, Any]:
    known = known_shares(world, run.logits)
    steps = first_steps(run.unembeddings, world.meanings)
    found = {
        "left": world.excess_loss(run.with_constants) / stake(world),
        "known": float(known.mean()),
        "least_known": float(known.min()),
        "first_known": float(known[0]),
        "last_known": float(known[-1]),
        "n_known": int((known > KNOWN).sum()),
        "dimensionality": float(feature_dimensionality(steps).sum()),
        "unembedding": _straightness(run.unembeddings, world.meanings),
        "embedding": naming_straightness(run.embeddings, world.contexts),
    }
    return {name: None if np.isnan(value) else value for name, value in found.items()}
