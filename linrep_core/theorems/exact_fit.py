"""Predictors that fit a world exactly, in closed form, and the quantities that the statements read off them.

A softmax never gives probability zero, but it can give less than the rounding of a probability. Write a(x, y) for the
number of told concepts that y contradicts. With

    f(x).g(y) = ln p(y) - B a(x, y)

the tokens that agree with x have exactly the right odds among themselves, and all the others together have a share of
at most about exp(-B). At B = 40 that is 4e-18, so |p_hat - p| is rounding error (1e-15). That is what "exact fit"
means in this package, and the only meaning it can have for finite f and g as soon as a context tells something.

The table has rank m + 1: with s_i(x) in {-1, 0, +1} (0 = unknown) and t_i(y) in {-1, +1} it is, up to a constant in
every row, f(x) = (1, B s(x) / 2) and g(y) = (ln p(y), t(y)). So every world is fitted exactly in m + 1 dimensions
(`additive_fit`). Where y contradicts x the logits are free as long as they are low: `free_fit` uses this freedom to
make predictors with the same p_hat and a very different geometry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.language import UNKNOWN, LatentConditionalModel, check_certain
from linrep_core.predictor import SoftmaxPredictor

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

LOW = 40.0  # logits that far down make probabilities of e^-40 = 4e-18, below the rounding of a probability
EXACT = 1e-11  # largest |p_hat - p| that counts as an exact fit: rounding of logits of size 100, with room
NATS = 1e-7  # tolerance on log-odds of exact fits: EXACT over the smallest probabilities used here (1e-4)


# ---- tokens and contexts by number ----------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def all_contexts(n_concepts: int) -> NDArray[np.int8]:
    """All 3^m contexts, entries 0, 1, -1 (unknown), in the order of their ternary numbers with unknown = 2."""
    digits = np.indices((3,) * n_concepts, dtype=np.int8).reshape(n_concepts, -1).T.copy()
    digits[digits == 2] = UNKNOWN
    digits.setflags(write=False)
    return digits


@lru_cache(maxsize=16)
def agreement(n_concepts: int) -> NDArray[np.bool_]:
    """Whether token y contradicts nothing that context x tells: shape (3^m, 2^m)."""
    told, tokens = all_contexts(n_concepts)[:, None], concept_vectors(n_concepts)[None]
    table = ((told == UNKNOWN) | (told == tokens)).all(axis=2)
    table.setflags(write=False)
    return table


def token_with(tokens: Rows, concept: int, value: int, n_concepts: int) -> Rows:
    """The tokens c with entry `concept` set to `value`: the paper's c_(i -> value)."""
    bit = 1 << (n_concepts - 1 - concept)
    return (tokens & ~bit) | (value * bit)


def context_with(rows: Rows, concept: int, value: int, n_concepts: int) -> Rows:
    """The contexts d with entry `concept` set to `value` (-1 = unknown): the paper's d_(j -> value)."""
    place = 3 ** (n_concepts - 1 - concept)
    digit = UNKNOWN % 3 if value == UNKNOWN else value  # unknown is the ternary digit 2
    return rows + (digit - rows // place % 3) * place


def open_pairs(n_concepts: int, unknown: Iterable[int], *, agreeing: bool = True) -> tuple[Rows, Rows]:
    """All pairs (x, y) in which x leaves the given concepts open and y agrees (or, if asked, disagrees) with x.

    Returns
    -------
    contexts, tokens : arrays of row numbers, of equal length
    """
    leaves_open = (all_contexts(n_concepts)[:, list(unknown)] == UNKNOWN).all(axis=1)
    return np.nonzero(leaves_open[:, None] & (agreement(n_concepts) == agreeing))


def conditional_table(joint: Array) -> Array:
    """p(y | x), shape (3**m, 2**m), also for worlds with impossible tokens: an impossible context has a row of 0."""
    table = joint * agreement(len(joint).bit_length() - 1)
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


# ---- a world beside a predictor of it -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """A joint distribution and a predictor for all 3^m contexts.

    Attributes
    ----------
    joint : array of shape (2**m,)
        p(c), in the order of the tokens' binary numbers.
    embeddings : array of shape (3**m, dim)
        f(x), contexts in the order of `all_contexts`.
    unembeddings : array of shape (2**m, dim)
        g(y).
    """

    joint: Array
    embeddings: Array
    unembeddings: Array

    @classmethod
    def of_predictor(cls, model: LatentConditionalModel, predictor: SoftmaxPredictor) -> Fit:
        """The world and tables of a predictor trained on all contexts."""
        check_certain(model, "the statements on an exact fit")
        if predictor.contexts is not None:
            raise ValueError("predictor must have been trained on all contexts, got one trained on a subset")
        tables = (table.detach().cpu().double().numpy() for table in (predictor.embeddings, predictor.unembeddings))
        return cls(model.graph.joint(), *tables)

    @property
    def n_concepts(self) -> int:
        """The number of concepts m."""
        return len(self.joint).bit_length() - 1

    @cached_property
    def target(self) -> Array:
        """The exact p(y | x), shape (3**m, 2**m)."""
        return conditional_table(self.joint)

    @cached_property
    def predicted(self) -> Array:
        """The predictor's p_hat(y | x), shape (3**m, 2**m)."""
        logits = self.embeddings @ self.unembeddings.T
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def steering(self, concept: int, tokens: Rows | None = None) -> Array:
        """g(c_(i -> 1)) - g(c_(i -> 0)), one row a token; without `tokens`, one for every pair of tokens."""
        m = self.n_concepts
        if tokens is None:
            tokens = np.unique(token_with(np.arange(2**m), concept, 0, m))
        upper, lower = (token_with(tokens, concept, value, m) for value in (1, 0))
        return self.unembeddings[upper] - self.unembeddings[lower]

    def context_steering(self, concept: int) -> Array:
        """f(d_(i -> 1)) - f(d_(i -> 0)), one row for each of the 3^(m-1) settings of the other concepts."""
        rows = np.unique(context_with(np.arange(3**self.n_concepts), concept, 0, self.n_concepts))
        return self.embeddings[context_with(rows, concept, 1, self.n_concepts)] - self.embeddings[rows]

    def log_odds(self, concept: int, tokens: Rows) -> Array:
        """The world's ln p(c_(i -> 1)) / p(c_(i -> 0)), in nats; infinite where one of the two is impossible."""
        upper, lower = (token_with(tokens, concept, value, self.n_concepts) for value in (1, 0))
        with np.errstate(divide="ignore"):
            return np.log(self.joint[upper]) - np.log(self.joint[lower])

    def predicted_log_odds(self, concept: int, contexts: Rows, tokens: Rows) -> Array:
        """The predictor's f(x).(g(y_(i -> 1)) - g(y_(i -> 0))) for each pair (x, y), in nats."""
        return np.einsum("nd,nd->n", self.embeddings[contexts], self.steering(concept, tokens))

    def fit_error(self, contexts: Rows, tokens: Rows) -> float:
        """The largest |p_hat(y | x) - p(y | x)| over the pairs given."""
        return float(np.abs(self.predicted - self.target)[contexts, tokens].max(initial=0.0))

    def flip_fit_error(self, concept: int, contexts: Rows, tokens: Rows) -> float:
        """The same over both y_(i -> 0) and y_(i -> 1)."""
        flipped = [token_with(tokens, concept, value, self.n_concepts) for value in (0, 1)]
        return max(self.fit_error(contexts, tokens) for tokens in flipped)


# ---- exact fits -----------------------------------------------------------------------------------------------------


def additive_fit(joint: Array, strengths: Array | float = LOW, *, spread: float = 1.0) -> Fit:
    """f(x) = (1, b(x) s(x) / (2 spread)), g(y) = (ln p(y), spread t(y)): an exact fit in m + 1 dimensions.

    Parameters
    ----------
    joint
        Shape (2**m,), strictly positive.
    strengths
        b, how many nats a contradicted concept costs: a number, or a table of shape (3**m, m).
    spread
        Moves length from f to g: the larger it is, the more parallel the unembedding steering vectors
        (ln p ratio, 2 spread e_i) of a concept become, without any change of p_hat.
    """
    n_concepts = len(joint).bit_length() - 1
    contexts = all_contexts(n_concepts)
    told = np.where(contexts == UNKNOWN, 0.0, 2.0 * contexts - 1)  # s(x)
    embeddings = np.column_stack([np.ones(len(contexts)), strengths * told / (2 * spread)])
    unembeddings = np.column_stack([np.log(joint), spread * (2.0 * concept_vectors(n_concepts) - 1)])
    return Fit(joint, embeddings, unembeddings)


def free_logits(joint: Array, rng: np.random.Generator) -> Array:
    """Logits ln p(y) where y agrees with x, and -LOW or lower, at random, where it does not or where p(y) = 0."""
    n_concepts = len(joint).bit_length() - 1
    possible = agreement(n_concepts) & (joint > 0)
    low = -LOW * rng.uniform(1.5, 2.0, size=possible.shape)
    return np.where(possible, np.log(np.where(joint > 0, joint, 1.0)), low)


def fit_from_logits(joint: Array, logits: Array, rng: np.random.Generator) -> Fit:
    """The predictor with these logits, f(x).g(y) = logits[x, y], in random coordinates of 2^m dimensions."""
    left, singular_values, right = np.linalg.svd(logits, full_matrices=False)
    root = np.sqrt(singular_values)
    return change_coordinates(Fit(joint, left * root, right.T * root), random_invertible(rng, len(joint)))


def free_fit(joint: Array, rng: np.random.Generator) -> Fit:
    """An exact fit whose logits are arbitrary (and low) wherever p(y | x) = 0; also for worlds with p(y) = 0."""
    return fit_from_logits(joint, free_logits(joint, rng), rng)


def one_direction_fit(joint: Array, concept: int) -> Fit:
    """An exact fit in which one concept is a line: g(c_(i -> 1)) - g(c_(i -> 0)) = l(c) e_0.

    Here l(c) = ln p(c_(i -> 1)) / p(c_(i -> 0)) and e_0 is the first unit vector. Needs l(c) > 0 for every c: see
    `one_sign`. Coordinates of g: c_i l(c), ln p(c_(i -> 0)), l(c), and t_j for the other concepts.
    """
    m = len(joint).bit_length() - 1
    tokens, contexts = np.arange(2**m), all_contexts(m)
    upper, lower = (np.log(joint[token_with(tokens, concept, value, m)]) for value in (1, 0))
    odds = upper - lower
    if odds.min() <= 0:
        raise ValueError(f"joint must favour concept {concept} given all others, got log-odds {odds.min():.3g}")
    strength = LOW / odds.min()
    others = [j for j in range(m) if j != concept]
    told = np.where(contexts == UNKNOWN, 0.0, 2.0 * contexts - 1)
    pull = np.select([contexts[:, concept] == 1, contexts[:, concept] == 0], [strength, -strength], 1.0)
    repair = np.where(contexts[:, concept] == 1, 1.0 - strength, 0.0)  # gives l(c) back its weight 1
    embeddings = np.column_stack([pull, np.ones(3**m), repair, LOW * told[:, others] / 2])
    digits = concept_vectors(m)
    unembeddings = np.column_stack([digits[:, concept] * odds, lower, odds, 2.0 * digits[:, others] - 1])
    return Fit(joint, embeddings, unembeddings)


def matched_fit(joint: Array, lonely: tuple[int, int]) -> Fit:
    """An exact fit in which two concepts that depend on nothing are matched: their g and f directions coincide.

    g(y) = (t_i, t_j, ln p(rest), t_rest); f(x) has half the log-odds of i in coordinate i when it leaves i open, and
    +-LOW when it knows i. So both steering vectors of i are multiples of e_i, with a positive factor.
    """
    m = len(joint).bit_length() - 1
    contexts, digits = all_contexts(m), concept_vectors(m)
    told = np.where(contexts == UNKNOWN, 0.0, 2.0 * contexts - 1)
    tokens, embeddings, unembeddings = np.arange(2**m), [], []
    for i in lonely:
        upper, lower = (joint[token_with(tokens, i, value, m)].sum() for value in (1, 0))
        embeddings.append(np.where(contexts[:, i] == UNKNOWN, np.log(upper / lower) / 2, LOW * told[:, i]))
        unembeddings.append(2.0 * digits[:, i] - 1)
    rest = [j for j in range(m) if j not in lonely]
    marginal = sum(
        joint[token_with(token_with(tokens, lonely[0], a, m), lonely[1], b, m)] for a in (0, 1) for b in (0, 1)
    )
    log_rest = np.log(np.where(marginal > 0, marginal, np.exp(-2 * LOW)))
    embeddings += [np.ones(3**m), *(LOW * told[:, j] / 2 for j in rest)]
    unembeddings += [log_rest, *(2.0 * digits[:, j] - 1 for j in rest)]
    return Fit(joint, np.column_stack(embeddings), np.column_stack(unembeddings))


# ---- other coordinates, other predictors ----------------------------------------------------------------------------


def change_coordinates(fit: Fit, matrix: Array) -> Fit:
    """The predictor f A, g A^-T: another geometry, the same logits."""
    return Fit(fit.joint, fit.embeddings @ matrix, fit.unembeddings @ np.linalg.inv(matrix).T)


def widen(fit: Fit, noise: Array) -> Fit:
    """More dimensions, in which every f is 0 and g is `noise` (2**m, extra): invisible to p_hat."""
    silent = np.zeros((len(fit.embeddings), noise.shape[1]))
    return Fit(fit.joint, np.column_stack([fit.embeddings, silent]), np.column_stack([fit.unembeddings, noise]))


def disturb_unembeddings(fit: Fit, rng: np.random.Generator, size: float = 0.3) -> Fit:
    """Random noise on every g(y): no longer an exact fit."""
    noise = size * rng.standard_normal(fit.unembeddings.shape)
    return Fit(fit.joint, fit.embeddings, fit.unembeddings + noise)


def disturb_embeddings(fit: Fit, rng: np.random.Generator, size: float = 0.3) -> Fit:
    """Random noise on every f(x), the unembeddings as they were: no longer an exact fit."""
    noise = size * rng.standard_normal(fit.embeddings.shape)
    return Fit(fit.joint, fit.embeddings + noise, fit.unembeddings)


def random_orthogonal(rng: np.random.Generator, dim: int) -> Array:
    """A random rotation (or reflection) matrix."""
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0]


def random_invertible(rng: np.random.Generator, dim: int) -> Array:
    """A random matrix with singular values between 0.6 and 1.65."""
    stretch = np.exp(rng.uniform(-0.5, 0.5, size=dim))
    return random_orthogonal(rng, dim) * stretch @ random_orthogonal(rng, dim)


# ---- worlds ---------------------------------------------------------------------------------------------------------


def dependent_world(rng: np.random.Generator, n_concepts: int) -> ConceptGraph:
    """A random directed acyclic graph with probabilities in [0.2, 0.8]."""
    return ConceptGraph.random(n_concepts, 0.7, parameter_range=(0.2, 0.8), seed=int(rng.integers(2**31)))


def independent_world(rng: np.random.Generator, n_concepts: int) -> ConceptGraph:
    """Jointly independent concepts with probabilities in [0.2, 0.8]."""
    return ConceptGraph.random(n_concepts, 0.0, parameter_range=(0.2, 0.8), seed=int(rng.integers(2**31)))


def random_field(
    rng: np.random.Generator, n_concepts: int, *, edge_probability: float = 0.7, without: Iterable[tuple[int, int]] = ()
) -> ConceptGraph:
    """A random pairwise Markov random field in which certain edges are missing."""
    missing = {frozenset(edge) for edge in without}
    graph = nx.empty_graph(n_concepts)
    pairs = ((i, j) for i in range(n_concepts) for j in range(i + 1, n_concepts))
    graph.add_edges_from(pair for pair in pairs if frozenset(pair) not in missing and rng.random() < edge_probability)
    potentials = {edge: np.exp(rng.uniform(-0.7, 0.7, size=(2, 2))) for edge in graph.edges}
    return ConceptGraph.from_markov_random_field(
        graph, potentials, {i: np.exp(rng.uniform(-0.7, 0.7, size=2)) for i in range(n_concepts)}
    )


def two_concepts(rng: np.random.Generator, n_concepts: int) -> tuple[int, int]:
    """Two different concepts, at random."""
    first, second = rng.choice(n_concepts, size=2, replace=False)
    return int(first), int(second)


def impossible_token(joint: Array, token: int) -> Array:
    """The world in which one token has become impossible and the others keep their odds."""
    joint = joint.copy()
    joint[token] = 0.0
    return joint / joint.sum()
