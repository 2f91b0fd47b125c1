"""Worlds whose words do not tell their concepts, and what a predictor of the next word represents there.

A concept vector c causes a context x, which reports it with noise, and the next token y, which need not tell it:

    p(y | x) = sum_c p(c | x) p(y | c),    x and y independent given c,

all sums exact, by enumeration. For every c that can emit y, Bayes' rule gives

    ln p(y | x) = ln p(c | x) + ln p(y | c) - ln p(c | x, y).

If the context and the token together tell c, the last term is nearly 0, and the logits are log posteriors up to
constants of the token. If a token tells next to nothing, ln p(y | x) is nearly a linear function of the posterior
itself. Both are statements of this book (part "Identifiability", chapter "Concepts as log posteriors").

Source of the question: arXiv 2503.08980 ("I Predict Therefore I Am"), whose abstract says that representations learnt
by next-token prediction are approximately log posteriors of latent concepts, up to a linear map, also where the map
from concepts to text is not invertible. Its conditions could not be checked; worlds and measures here are this book's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_choice, check_instance, check_integer, check_number
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.identifiability import balanced_factors, centred_logits
from linrep_core.logit_distance import centred_log_probabilities
from linrep_core.natural_gradient import MAX_UNKNOWNS, NaturalGradient
from linrep_core.predictor import SoftmaxPredictor, cross_entropy

Array = NDArray[np.float64]

AMBIGUITIES = ("careless", "homonyms")
REPORTS = ("separate", "joint")
WORLD_CONCEPTS = 5  # a table of p(x | c) has 32 rows then, and with 5 levels 3125 columns
MAX_CONTEXTS = 4096
MAX_LEVELS = 15
MAX_SYNONYMS = 8
SUM_TOLERANCE = 1e-9
ROUNDING = 1e-12  # singular values up to this share of the largest count as zero in an exact factorisation
FIRST_SCALE = 0.1  # of the tables before training
FAINTEST = 1e-3  # directions of features this much shorter than the longest are left out of a regression
ENOUGH = 1e-12  # nats that ten steps must still gain for training to go on


# ---- worlds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AmbiguousWorld:
    """Concepts, contexts that report them with noise, and tokens that need not tell them.

    Attributes
    ----------
    graph : ConceptGraph
        p(c), over 2**m concept vectors.
    reports : array of shape (2**m, n_contexts)
        p(x | c); rows sum to 1, every context is possible under some c.
    emission : array of shape (2**m, n_tokens)
        p(y | c); rows sum to 1, every token is possible under some c.

    Raises
    ------
    ValueError
        For tables of other shapes, negative entries, rows that do not sum to 1, or a column of zeros.

    Examples
    --------
    >>> world = AmbiguousWorld(ConceptGraph.random(1, seed=0), [[0.9, 0.1], [0.1, 0.9]], [[1.0, 0.0], [0.5, 0.5]])
    >>> world.next_token_distribution.shape
    (2, 2)
    """

    graph: ConceptGraph
    reports: Array
    emission: Array

    def __post_init__(self) -> None:
        """Check the tables."""
        check_instance("graph", self.graph, ConceptGraph)
        if not self.graph.is_binary:
            raise ValueError(
                f"graph must have two values a concept, got {self.graph.n_values} (see linrep_core.language)"
            )
        for name in ("reports", "emission"):
            object.__setattr__(self, name, _conditional(name, getattr(self, name), 2**self.graph.n_concepts))

    @cached_property
    def context_probabilities(self) -> Array:
        """p(x), shape (n_contexts,)."""
        return self.graph.joint() @ self.reports

    @cached_property
    def posterior(self) -> Array:
        """p(c | x) over whole concept vectors, shape (n_contexts, 2**m)."""
        together = self.graph.joint()[:, None] * self.reports
        return (together / together.sum(axis=0)).T

    @cached_property
    def marginal_posteriors(self) -> Array:
        """p(c_i | x) of each concept, shape (n_contexts, m, 2): for values 0 and 1."""
        ones = self.posterior @ concept_vectors(self.graph.n_concepts)
        return np.stack([1 - ones, ones], axis=-1)

    @cached_property
    def next_token_distribution(self) -> Array:
        """p(y | x), shape (n_contexts, n_tokens)."""
        return self.posterior @ self.emission

    @property
    def entropy_floor(self) -> float:
        """The smallest mean cross-entropy that any predictor can reach, in nats."""
        p = self.next_token_distribution
        return -float(self.context_probabilities @ (p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1))

    @cached_property
    def meanings(self) -> NDArray[np.int64]:
        """Number of the concept vector that each token is likeliest under, shape (n_tokens,)."""
        return self.emission.argmax(axis=0)

    @cached_property
    def surprises(self) -> Array:
        """-ln p(c_y | x, y), shape (n_contexts, n_tokens), in nats: what context and token leave open of the meaning.

        c_y is the token's entry in `meanings`. All 0 when every token can come from one concept vector only.
        """
        own = self.emission[self.meanings, np.arange(self.emission.shape[1])]
        told = self.posterior[:, self.meanings] * own / self.next_token_distribution
        return -np.log(np.minimum(told, 1.0))  # rounding can take a certainty above 1

    @property
    def doubt(self) -> float:
        """Root of the mean over contexts of the sum over tokens of the squared `surprises`, in nats."""
        return float(np.sqrt((self.surprises**2).sum(axis=1).mean()))


def _conditional(name: str, value: Any, n_rows: int) -> Array:
    table = check_array(name, value, shape=(n_rows, "n"))
    if table.shape[1] == 0 or table.min() < 0:
        found = f"{table.min():g}" if table.size else f"shape {table.shape}"
        raise ValueError(f"{name} must hold probabilities, at least one a row, got {found}")
    sums = table.sum(axis=1)
    if np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ValueError(f"{name} must have rows that sum to 1, got {sums[np.abs(sums - 1).argmax()]:g}")
    if (table.max(axis=0) == 0).any():
        raise ValueError(f"{name} must leave every column possible, got zeros in column {table.max(axis=0).argmin()}")
    return table


def separate_reports(n_concepts: int, sharpness: float, levels: int = 5) -> Array:
    """p(x | c) for contexts that report each concept by itself, on a scale from "surely 0" to "surely 1".

    A report is a level s in [-1, 1], with probability proportional to exp(sharpness * s) if the concept is 1 and to
    exp(-sharpness * s) if it is 0. So it is evidence of exactly 2 * sharpness * s nats.

    Parameters
    ----------
    n_concepts
        Number of concepts *m*, 1 to 5.
    sharpness
        At least 0; with 0 no context tells anything.
    levels
        How many levels, evenly spaced: 2 to 15, with levels**m at most 4096.

    Returns
    -------
    array of shape (2**m, levels**m)
        The last concept's report changes fastest.

    Raises
    ------
    ValueError
        For arguments out of range.

    Examples
    --------
    >>> table = separate_reports(1, sharpness=1.0, levels=3)
    >>> np.log(table[1] / table[0]).round(6).tolist()
    [-2.0, 0.0, 2.0]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=WORLD_CONCEPTS)
    sharp = check_number("sharpness", sharpness, low=0.0, high=50.0)
    n = check_integer("levels", levels, low=2, high=MAX_LEVELS)
    if n**m > MAX_CONTEXTS:
        raise ValueError(f"levels must be at most {int(MAX_CONTEXTS ** (1 / m) + 1e-9)} for {m} concepts, got {n}")
    raised = np.exp(sharp * np.linspace(-1, 1, n))
    one = raised / raised.sum()
    single = np.stack([one[::-1], one])
    table = np.ones((1, 1))
    for _ in range(m):
        table = np.kron(table, single)
    return table


def joint_reports(n_concepts: int, n_contexts: int, sharpness: float, seed: int = 0) -> Array:
    """p(x | c) for contexts that report whole concept vectors, each in its own way: nothing splits into concepts.

    ln p(x | c) is `sharpness` times a standard normal number, up to the constant that makes rows sum to 1.

    Parameters
    ----------
    n_concepts
        Number of concepts *m*, 1 to 5.
    n_contexts
        2 to 4096.
    sharpness
        At least 0, in nats.
    seed
        Fixes the numbers.

    Examples
    --------
    >>> joint_reports(2, 30, sharpness=1.0).shape
    (4, 30)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=WORLD_CONCEPTS)
    n = check_integer("n_contexts", n_contexts, low=2, high=MAX_CONTEXTS)
    sharp = check_number("sharpness", sharpness, low=0.0, high=50.0)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    table = np.exp(sharp * rng.standard_normal((2**m, n)))
    return table / table.sum(axis=1, keepdims=True)


def emission_table(
    n_concepts: int, ambiguity: float, kind: str = "careless", *, synonyms: int = 2, seed: int = 0
) -> Array:
    """p(y | c) for tokens that tell their concept vector with ambiguity 0, and less the larger it is.

    Every concept vector has words of its own, some more frequent than others. With probability `ambiguity` the speaker

    - ``"careless"``: says any word, whatever c is, by one distribution for all c;
    - ``"homonyms"``: with even chances takes a word of the concept vector that differs from c in the last concept. With
      ambiguity 1 no word tells the last concept.

    Parameters
    ----------
    n_concepts
        Number of concepts *m*, 1 to 5.
    ambiguity
        0 to 1; below 1 for ``"careless"``, since nothing could be predicted otherwise.
    kind
        ``"careless"`` or ``"homonyms"``.
    synonyms
        Words for each concept vector, 1 to 8.
    seed
        Fixes how frequent each word is.

    Returns
    -------
    array of shape (2**m, 2**m * synonyms)
        Words of concept vector c are in columns c * synonyms and following.

    Raises
    ------
    ValueError
        For arguments out of range.

    Examples
    --------
    >>> emission_table(1, 0.5, "homonyms", synonyms=1).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=WORLD_CONCEPTS)
    share = check_number("ambiguity", ambiguity, low=0.0, high=1.0)
    check_choice("kind", kind, AMBIGUITIES)
    per_vector = check_integer("synonyms", synonyms, low=1, high=MAX_SYNONYMS)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    frequencies = rng.uniform(0.5, 1.5, size=(2**m, per_vector))
    frequencies /= frequencies.sum(axis=1, keepdims=True)
    if kind == "careless":
        if share == 1:
            raise ValueError("ambiguity must be below 1 for careless speakers, who would tell nothing, got 1.0")
        mixing = np.full((2**m, 2**m), share / 2**m) + (1 - share) * np.eye(2**m)
    else:
        mixing = (1 - share / 2) * np.eye(2**m) + share / 2 * np.kron(np.eye(2 ** (m - 1)), [[0, 1], [1, 0]])
    return (mixing[:, :, None] * frequencies).reshape(2**m, -1)


def ambiguous_world(
    n_concepts: int = 3,
    *,
    ambiguity: float = 0.0,
    kind: str = "careless",
    sharpness: float = 1.0,
    reports: str = "separate",
    edge_probability: float = 1.0,
    synonyms: int = 2,
    levels: int = 5,
    seed: int = 0,
) -> AmbiguousWorld:
    """A random world: concepts that depend on each other, soft reports, ambiguous words.

    Parameters
    ----------
    n_concepts, ambiguity, kind, synonyms
        See `emission_table`.
    sharpness, levels
        See `separate_reports`.
    reports
        ``"separate"`` or ``"joint"`` (as many contexts; sharpness is then the spread of ln p(x | c)).
    edge_probability
        How many concepts depend directly on each other: 0 for none, 1 for all. Tables are drawn in [0.1, 0.9].
    seed
        Fixes everything that is random.

    Examples
    --------
    >>> world = ambiguous_world(2, ambiguity=0.0)
    >>> world.posterior.shape, world.doubt < 1e-12
    ((25, 4), True)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=WORLD_CONCEPTS)
    emission = emission_table(m, ambiguity, kind, synonyms=synonyms, seed=seed)
    separate = separate_reports(m, sharpness, levels)
    if check_choice("reports", reports, REPORTS) == "joint":
        separate = joint_reports(m, separate.shape[1], sharpness, seed)
    graph = ConceptGraph.random(m, edge_probability, parameter_range=(0.1, 0.9), seed=seed)
    return AmbiguousWorld(graph, separate, emission)


# ---- predictors -----------------------------------------------------------------------------------------------------


def exact_predictor(world: AmbiguousWorld) -> tuple[Array, Array]:
    """Embeddings and unembeddings that give p(y | x) exactly, in as few dimensions as can be had.

    Raises
    ------
    ValueError
        If a token is impossible after some context, or nothing can be predicted.

    Examples
    --------
    >>> f, g = exact_predictor(ambiguous_world(2, ambiguity=0.0))
    >>> f.shape, g.shape  # one dimension for each concept, and one for what words have in all contexts
    ((25, 3), (8, 3))
    """
    check_instance("world", world, AmbiguousWorld)
    logs = centred_log_probabilities(world.next_token_distribution)
    if np.abs(logs).max() < ROUNDING:
        raise ValueError("world must have a token that is likelier than another, got all the same")
    return balanced_factors(logs, int(np.linalg.matrix_rank(logs, rtol=ROUNDING)))


@dataclass(frozen=True)
class Fit:
    """A trained predictor and how far it is from the distribution.

    Attributes
    ----------
    predictor : SoftmaxPredictor
    excess_loss : float
        Mean cross-entropy minus the entropy floor, in nats.
    steps : int
        Steps taken.
    """

    predictor: SoftmaxPredictor
    excess_loss: float
    steps: int


def fit_predictor(world: AmbiguousWorld, dim: int, *, steps: int = 200, seed: int = 0) -> Fit:
    """Train two lookup tables on the exact p(y | x), contexts weighted by p(x), from a small random start.

    Steps are those of `NaturalGradient`; training stops early when ten of them gain less than 1e-12 nats.

    Parameters
    ----------
    world
        What to predict.
    dim
        Dimension *d*, from 1 to the number of tokens - 1, beyond which no distribution needs it; dim times the number
        of tokens is at most 4096.
    steps
        The most steps to take, at least 1.
    seed
        Fixes the start.

    Raises
    ------
    ValueError
        For arguments out of range.

    Examples
    --------
    >>> fit_predictor(ambiguous_world(2, ambiguity=0.0), dim=3).excess_loss < 1e-6
    True
    """
    check_instance("world", world, AmbiguousWorld)
    n_contexts, n_tokens = world.next_token_distribution.shape
    d = check_integer("dim", dim, low=1, high=min(max(n_tokens - 1, 1), MAX_UNKNOWNS // n_tokens))
    most = check_integer("steps", steps, low=1, high=100_000)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    f, g = (torch.as_tensor(FIRST_SCALE * rng.standard_normal((n, d))) for n in (n_contexts, n_tokens))
    p, weights = (torch.as_tensor(a) for a in (world.next_token_distribution, world.context_probabilities))

    def loss(embeddings: torch.Tensor, unembeddings: torch.Tensor) -> torch.Tensor:
        return cross_entropy(embeddings, unembeddings, p @ unembeddings, weights)

    walker = NaturalGradient(f, g, p, weights, loss)
    losses = []
    while len(losses) < most and not (len(losses) > 10 and losses[-11] - losses[-1] < ENOUGH):
        losses.append(walker.step())
    excess = float(loss(f, g)) - world.entropy_floor
    return Fit(SoftmaxPredictor(f, g), excess, len(losses))


# ---- measures -------------------------------------------------------------------------------------------------------


def posterior_features(world: AmbiguousWorld) -> dict[str, Array]:
    """What a representation may be an affine function of, one row a context each.

    Returns
    -------
    dict
        ``"log joint"``: ln p(c | x); ``"joint"``: p(c | x); ``"log marginals"``: ln p(c_i | x); ``"marginals"``:
        p(c_i = 1 | x).

    Raises
    ------
    ValueError
        If a posterior is 0, so that it has no logarithm.

    Examples
    --------
    >>> {name: table.shape for name, table in posterior_features(ambiguous_world(2)).items()}
    {'log joint': (25, 4), 'joint': (25, 4), 'log marginals': (25, 4), 'marginals': (25, 2)}
    """
    check_instance("world", world, AmbiguousWorld)
    joint, marginals = world.posterior, world.marginal_posteriors
    if joint.min() <= 0:
        raise ValueError("world must leave every concept vector possible in every context, got a posterior of 0")
    return {
        "log joint": np.log(joint),
        "joint": joint,
        "log marginals": np.log(marginals).reshape(len(joint), -1),
        "marginals": marginals[:, :, 1],
    }


def held_out_r_squared(representations: Any, features: Any, seed: int = 0) -> float:
    """How much of the representations an affine map of features explains in contexts it was not fitted on.

    The contexts are cut in two halves at random; each half is predicted by the least-squares map of the other.

    Parameters
    ----------
    representations
        f(x), shape (n_contexts, dim), not all the same; at least 4 contexts.
    features
        Shape (n_contexts, n_features).
    seed
        Fixes the halves.

    Returns
    -------
    float
        1 - squared length of what is missed over squared length of f around its mean. 1 is the best; below 0 the map
        does worse than the mean would.

    Raises
    ------
    ValueError
        For tables that do not fit together, or representations that are all the same.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> round(held_out_r_squared(3 * x + 1, x), 6), held_out_r_squared(x**2, x) < 0.1
    (1.0, True)
    """
    f = check_array("representations", representations, shape=("n_contexts", "dim"))
    if len(f) < 4 or f.shape[1] == 0:
        raise ValueError(f"representations must have at least 4 contexts and one dimension, got shape {f.shape}")
    inputs = check_array("features", features, shape=(len(f), "n_features"))
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    around = f - f.mean(axis=0)
    if np.abs(around).max() <= 1e-14 * np.abs(f).max():
        raise ValueError(f"representations must differ between contexts, got {f[0].tolist()} in all")
    halves = np.array_split(rng.permutation(len(f)), 2)
    missed = 0.0
    for fitted, tested in (halves, halves[::-1]):
        middle, level = inputs[fitted].mean(axis=0), f[fitted].mean(axis=0)
        matrix = np.linalg.lstsq(inputs[fitted] - middle, f[fitted] - level, rcond=FAINTEST)[0]
        missed += float(((f[tested] - level - (inputs[tested] - middle) @ matrix) ** 2).sum())
    return 1 - missed / float((around**2).sum())


# ---- the study ------------------------------------------------------------------------------------------------------


def posterior_cell(
    dim: int,
    ambiguity: float,
    kind: str = "careless",
    sharpness: float = 1.0,
    reports: str = "separate",
    edge_probability: float = 1.0,
    n_seeds: int = 10,
) -> list[dict[str, Any]]:
    """Train a predictor in a world of three concepts for each seed, and regress what it holds on posteriors.

    Parameters
    ----------
    dim
        Dimension of the predictors.
    ambiguity, kind, sharpness, reports, edge_probability
        See `ambiguous_world`.
    n_seeds
        How many worlds; a world and a start each.

    Returns
    -------
    list of dict
        One record a seed. ``excess_loss`` (nats) and ``doubt`` of the world; held-out R squared of the trained f
        (``"f on log joint"``, ...) and of the centred logits (``"z on log joint"``, ...) on each of
        `posterior_features`; ``"z on shuffled"``, on the log joint posteriors of other contexts; ``"first from z"`` and
        ``"last from z"``, of the log-odds of the first and of the last concept on the logits.

    Examples
    --------
    >>> (record,) = posterior_cell(dim=4, ambiguity=0.0, n_seeds=1)
    >>> record["z on log joint"] > 0.9999, record["z on shuffled"] < 0.1
    (True, True)
    """
    records = []
    for seed in range(check_integer("n_seeds", n_seeds, low=1, high=10_000)):
        world = ambiguous_world(
            ambiguity=ambiguity,
            kind=kind,
            sharpness=sharpness,
            reports=reports,
            edge_probability=edge_probability,
            seed=seed,
        )
        fit = fit_predictor(world, dim, seed=seed)
        records.append({"seed": seed, "excess_loss": fit.excess_loss, "doubt": world.doubt, **_measured(world, fit)})
    return records


def _measured(world: AmbiguousWorld, fit: Fit) -> dict[str, float]:
    """The held-out R squared of one record."""
    features = posterior_features(world)
    f, z = fit.predictor.embeddings.numpy(), centred_logits(fit.predictor)
    found = {f"f on {name}": held_out_r_squared(f, table) for name, table in features.items()}
    found |= {f"z on {name}": held_out_r_squared(z, table) for name, table in features.items()}
    order = np.random.default_rng(1).permutation(len(z))
    found["z on shuffled"] = held_out_r_squared(z, features["log joint"][order])
    log_odds = np.diff(np.log(world.marginal_posteriors), axis=2)[:, :, 0]
    for name, concept in (("first", 0), ("last", -1)):
        found[f"{name} from z"] = held_out_r_squared(log_odds[:, [concept]], z)
    return found
