"""Worlds that break one assumption of arXiv 2403.03867 by a measured dose, and what becomes of the lines.

The paper (section 2) assumes that tokens and concept vectors correspond one to one, that a context tells its core
concepts for certain, and that all contexts and all tokens occur. A `ViolatedWorld` drops one of these, by a strength
that is 0 in the paper's own world:

- ``"equal synonyms"``, ``"unequal synonyms"``: so many more words for each concept vector, equally frequent or each
  half as frequent as the one before;
- ``"homonyms"``, ``"careless words"``: the probability that the word is taken from a pair of vectors that differ in
  the last concept, or from all words (`linrep_core.log_posteriors.emission_table`);
- ``"ignored contexts"``: the probability that the next word does not depend on the context;
- ``"wrong contexts"``: the probability that a told concept is told wrongly, for each concept by itself;
- ``"few contexts"``, ``"missing words"``: the share of contexts, or of words, that never occur.

A steering vector of a concept is the step between two tokens whose meanings, or two contexts whose tellings, differ in
this concept only. With synonyms there are several such steps for the same pair of meanings; cosines are taken between
steps of different pairs only, since synonyms that lie on one spot would agree with themselves (`mean_cosine_across`).

Book: part "Beyond the assumptions", chapter "Synonyms, ambiguity, noise". Worlds, predictions and study are this
book's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from linrep_core import geometry
from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_iterable,
    check_number,
    check_records,
    check_seeds,
)
from linrep_core._stepping import few_threads, first_order_optimizer
from linrep_core.geometry import mean_cosine_between, mean_pairwise_cosine
from linrep_core.identifiability import balanced_factors, log_probabilities
from linrep_core.intervals import interval
from linrep_core.language import LatentConditionalModel
from linrep_core.log_posteriors import AMBIGUITIES, Fit, emission_table
from linrep_core.logit_distance import centred_log_probabilities
from linrep_core.phase_diagram import FULL_BATCH_STEPS, method_settings
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.reproduction import paper_world

Array = NDArray[np.float64]

# the doses of the study; 0 is the paper's world
DOSES: dict[str, tuple[float, ...]] = {
    "equal synonyms": (0, 1, 2, 3, 5),
    "unequal synonyms": (0, 1, 2, 3, 5),
    "homonyms": (0.0, 0.05, 0.1, 0.3, 0.6, 0.9),
    "careless words": (0.0, 0.01, 0.05, 0.1, 0.3, 0.6),
    "ignored contexts": (0.0, 0.01, 0.05, 0.1, 0.3, 0.6),
    "wrong contexts": (0.0, 0.01, 0.05, 0.1, 0.2, 0.3),
    "few contexts": (0.0, 0.2, 0.4, 0.6, 0.8),
    "missing words": (0.0, 0.125, 0.25, 0.375, 0.5),
}
VIOLATIONS = tuple(DOSES)
UNITS = {
    "equal synonyms": "more words a meaning, as frequent",
    "unequal synonyms": "more words a meaning, each half as frequent",
    "homonyms": "probability of a word blind to one concept",
    "careless words": "probability of any word",
    "ignored contexts": "probability that the context is ignored",
    "wrong contexts": "probability that a concept is told wrongly",
    "few contexts": "share of contexts that never occur",
    "missing words": "share of words that never occur",
}
# Written down before the first run, from the log-odds argument (the chapter gives it): what the mean cosine within
# unembeddings, and within embeddings, does between no dose and the strongest, for three concepts in 3, 4, 6 dimensions.
PREDICTED: dict[str, dict[str, tuple[str, str, str]]] = {
    "equal synonyms": {"unembedding": ("stays", "stays", "stays"), "embedding": ("stays", "stays", "stays")},
    "unequal synonyms": {"unembedding": ("falls", "falls", "falls"), "embedding": ("falls", "stays", "stays")},
    "homonyms": {"unembedding": ("stays", "stays", "stays"), "embedding": ("stays", "stays", "stays")},
    "careless words": {"unembedding": ("falls", "falls", "falls"), "embedding": ("falls", "falls", "falls")},
    "ignored contexts": {"unembedding": ("falls", "falls", "falls"), "embedding": ("falls", "falls", "falls")},
    "wrong contexts": {"unembedding": ("stays", "rises", "rises"), "embedding": ("stays", "rises", "rises")},
    "few contexts": {"unembedding": ("falls", "falls", "falls"), "embedding": ("falls", "falls", "falls")},
    "missing words": {"unembedding": ("falls", "falls", "stays"), "embedding": ("falls", "falls", "falls")},
}
PREDICTED_DIMS = (3, 4, 6)
ENOUGH_SEEDS = 10  # with fewer that have a measure, a dose is not judged
SMALL_CHANGE = 0.05  # of a mean cosine; what changes less than this is said to stay
MAX_SYNONYMS = 7
MAX_STUDY_CONCEPTS = 5
METHODS = ("adam", "gradient descent")
MEASURES = (*geometry.MEASURES, "agreement")


# ---- worlds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ViolatedWorld:
    """p(y | x) with what its tokens mean and what its contexts tell.

    Attributes
    ----------
    distribution : array of shape (n_contexts, n_tokens)
        p(y | x); rows sum to 1.
    weights : array of shape (n_contexts,)
        How often each context is seen; they sum to 1.
    contexts : array of shape (n_contexts, m), int8
        What each tells, entries 0, 1 and -1 (unknown).
    meanings : array of shape (n_tokens, m), int8
        The concept vector that each token stands for; with ambiguity, the one it is likeliest under.

    Examples
    --------
    >>> world = violated_world("equal synonyms", 1, n_concepts=2)
    >>> world.distribution.shape, world.meanings[:3].tolist()
    ((9, 8), [[0, 0], [0, 0], [0, 1]])
    """

    distribution: Array
    weights: Array
    contexts: NDArray[np.int8]
    meanings: NDArray[np.int8]

    @cached_property
    def token_occurs(self) -> NDArray[np.bool_]:
        """Whether each token has positive probability somewhere, shape (n_tokens,)."""
        return self.distribution.max(axis=0) > 0

    @property
    def is_positive(self) -> bool:
        """Whether no token is impossible in any context, so that a best predictor exists."""
        return bool(self.distribution.min() > 0)

    def excess_loss(self, predictor: Any) -> float:
        """Mean cross-entropy of a predictor above the entropy floor, in nats."""
        p = self.distribution
        gap = np.log(np.where(p > 0, p, 1.0)) - log_probabilities(predictor)
        return max(0.0, float(self.weights @ (p * gap).sum(axis=1)))  # rounding can take 0 below 0


def violated_world(
    violation: str, strength: float, *, n_concepts: int = 3, edge_probability: float = 0.5, seed: int = 0
) -> ViolatedWorld:
    """The paper's random world with one assumption broken.

    Parameters
    ----------
    violation
        One of `VIOLATIONS`; see the module's text.
    strength
        Its dose; 0 is the world of `linrep_core.reproduction.paper_world`. Synonyms: an integer from 0 to 7. The others
        are probabilities or shares, from 0 and below 1; wrong contexts at most 1/2, where they tell nothing.
    n_concepts
        Number of concepts *m*, 1 to 5.
    edge_probability
        How many concepts depend directly on each other.
    seed
        Fixes graph and tables, and which contexts or words are missing.

    Raises
    ------
    ValueError
        For arguments out of range.

    Examples
    --------
    >>> violated_world("wrong contexts", 0.0).is_positive, violated_world("wrong contexts", 0.1).is_positive
    (False, True)
    """
    check_choice("violation", violation, VIOLATIONS)
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_STUDY_CONCEPTS)
    dose = _check_strength(violation, strength)
    kept = 1.0 - dose if violation == "missing words" else 1.0
    model, contexts = paper_world(m, seed, share_of_tokens=kept, edge_probability=edge_probability)
    contexts = model.contexts() if contexts is None else contexts
    if violation == "wrong contexts":
        told = [[1 - dose, dose], [dose, 1 - dose]]
        model = LatentConditionalModel(model.graph, tellings=[told] * m)
    if violation == "few contexts":
        n_kept = max(1, round((1 - dose) * len(contexts)))
        contexts = contexts[np.sort(np.random.default_rng([seed, 2]).permutation(len(contexts))[:n_kept])]
    p, weights = model.next_token_distribution(contexts), model.weights(contexts)
    if violation == "ignored contexts":
        p = (1 - dose) * p + dose * p[-1]  # the last context tells nothing
    emission = _emission(violation, dose, m)
    return ViolatedWorld(p @ emission, weights, contexts, model.tokens()[emission.argmax(axis=0)])


def _check_strength(violation: str, strength: Any) -> float:
    if violation.endswith("synonyms"):
        return check_integer("strength", strength, low=0, high=MAX_SYNONYMS)
    dose = check_number("strength", strength, low=0.0, high=0.5 if violation == "wrong contexts" else 1.0)
    if dose == 1:
        raise ValueError(f"strength must be below 1 for {violation}, which would leave nothing, got 1.0")
    return dose


def _emission(violation: str, dose: float, n_concepts: int) -> Array:
    """p(y | c), shape (2**m, n_tokens)."""
    if violation.endswith("synonyms"):
        frequencies = 0.5 ** np.arange(dose + 1) if violation == "unequal synonyms" else np.ones(int(dose) + 1)
        return np.kron(np.eye(2**n_concepts), frequencies / frequencies.sum())
    kind = violation.split()[0]
    if kind in AMBIGUITIES:
        return emission_table(n_concepts, dose, kind, synonyms=1)
    return np.eye(2**n_concepts)


# ---- measures -------------------------------------------------------------------------------------------------------


def differing_pairs(labels: Any, concept: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows whose labels differ in one concept only: those with 0 there, and their partners with 1; every combination.

    Parameters
    ----------
    labels
        Shape (n, m): meanings of tokens or tellings of contexts (unknown = -1). Rows may be repeated.
    concept
        0 to m - 1.

    Examples
    --------
    >>> lower, upper = differing_pairs([[0, 0], [0, 1], [0, 1], [1, 1]], concept=1)
    >>> lower.tolist(), upper.tolist()
    ([0, 0], [1, 2])
    """
    table = as_array("labels", labels)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"labels must have shape (n, m) with at least one row, got {table.shape}")
    i = check_integer("concept", concept, low=0, high=table.shape[1] - 1)
    others = np.delete(table, i, axis=1)
    zeros, ones = (np.flatnonzero(table[:, i] == value) for value in (0, 1))
    agree = (others[zeros][:, None] == others[ones][None]).all(axis=2)
    lower, upper = np.nonzero(agree)
    return zeros[lower], ones[upper]


def mean_cosine_across(vectors: Any, groups: Any) -> float:
    """Mean cosine over all pairs of vectors of different groups; nan if there is one group, or none.

    Parameters
    ----------
    vectors
        Shape (n, dim).
    groups
        A whole number for each vector, shape (n,).

    Examples
    --------
    >>> vectors = [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
    >>> mean_cosine_across(vectors, [0, 0, 1]), round(mean_cosine_across(vectors, [0, 1, 2]), 6)
    (0.0, 0.333333)
    """
    table = check_array("vectors", vectors, shape=("n", "dim"))
    labels = check_array("groups", groups, shape=(len(table),))
    kinds, counts = np.unique(labels, return_counts=True)
    if len(kinds) < 2:
        return float("nan")
    pairs = counts * (counts - 1)
    within = sum(n * mean_pairwise_cosine(table[labels == kind]) for kind, n in zip(kinds, pairs, strict=True))
    n = len(table)
    return float((n * (n - 1) * mean_pairwise_cosine(table) - within) / (n * (n - 1) - pairs.sum()))


def _straight(steps: Array, labels: NDArray, lower: NDArray, concept: int) -> float:
    """`mean_cosine_across` of steps, grouped by what their ends have in common."""
    if len(lower) == 0:
        return float("nan")
    shared = np.delete(labels[lower], concept, axis=1)
    return mean_cosine_across(steps, np.unique(shared, axis=0, return_inverse=True)[1].ravel())


def log_odds_agreement(logits: Any, meanings: Any) -> float:
    """Do all pairs of tokens that differ in one concept only see the same evidence for it? Mean over concepts.

    For each such pair the log-odds, less their mean over contexts, are a vector with an entry a context. The mean
    cosine between these vectors (`mean_cosine_across`) is 1 if each context moves all pairs of a concept alike, up to
    a factor a pair. It depends on the distribution alone: not on which of its predictors one has, nor on constants of
    a token.

    Parameters
    ----------
    logits
        Shape (n_contexts, n_tokens); constants of a context do not matter, so log-probabilities will do.
    meanings
        Shape (n_tokens, m).

    Returns
    -------
    float
        nan if no concept has two pairs.

    Examples
    --------
    >>> meanings = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> additive = np.array([[3.0, 1.0], [-2.0, 0.5]]) @ np.array(meanings).T
    >>> round(log_odds_agreement(additive, meanings), 6)
    1.0
    """
    labels = as_array("meanings", meanings)
    table = check_array("logits", logits, shape=("n_contexts", len(labels) if labels.ndim else "n_tokens"))
    found = []
    for concept in range(labels.shape[1] if labels.ndim == 2 else 1):
        lower, upper = differing_pairs(labels, concept)
        odds = table[:, upper] - table[:, lower]
        found.append(_straight((odds - odds.mean(axis=0)).T, labels, lower, concept))
    return _mean_of_known(found)


def straightness(world: ViolatedWorld, predictor: Any) -> dict[str, float]:
    """How straight the concepts of a predictor are; tokens that never occur are left out.

    Parameters
    ----------
    world
        Whose tokens and contexts the predictor has.
    predictor
        A `SoftmaxPredictor`, or a pair of tables.

    Returns
    -------
    dict
        ``unembedding``, ``embedding``, ``alignment``, ``between`` as in `linrep_core.geometry.LinearityReport`, means
        over concepts; the first two by `mean_cosine_across`, so that neither synonyms nor a concept with a single pair
        count as straight. And ``agreement``, see `log_odds_agreement`. nan where no concept has the pairs.

    Raises
    ------
    ValueError
        If the tables do not have the world's numbers of contexts and tokens.

    Examples
    --------
    >>> world = violated_world("equal synonyms", 1)
    >>> cube = (np.where(world.contexts < 0, 0.5, world.contexts) - 0.5, world.meanings - 0.5)
    >>> {name: round(value, 6) for name, value in straightness(world, cube).items()}
    {'unembedding': 1.0, 'embedding': 1.0, 'alignment': 1.0, 'between': 0.0, 'agreement': 1.0}
    """
    check_instance("world", world, ViolatedWorld)
    logs = log_probabilities(predictor)
    if logs.shape != world.distribution.shape:
        raise ValueError(f"predictor must have logits of shape {world.distribution.shape}, got {logs.shape}")
    f, g = (predictor.embeddings, predictor.unembeddings) if hasattr(predictor, "embeddings") else predictor
    occurs = world.token_occurs
    token_steps, straight_tokens = _steps(np.asarray(g)[occurs], world.meanings[occurs])
    context_steps, straight_contexts = _steps(np.asarray(f), world.contexts)
    pairs = [(one, other) for one in token_steps for other in token_steps if one is not other]
    both = zip(token_steps, context_steps, strict=True)
    return {
        "unembedding": _mean_of_known(straight_tokens),
        "embedding": _mean_of_known(straight_contexts),
        "alignment": _mean_of_known([mean_cosine_between(*two) for two in both]),
        "between": _mean_of_known([abs(mean_cosine_between(*two)) for two in pairs]),
        "agreement": log_odds_agreement(logs[:, occurs], world.meanings[occurs]),
    }


def _steps(table: Array, labels: NDArray) -> tuple[list[Array], list[float]]:
    """The steering vectors of each concept, and how straight they are."""
    steps, cosines = [], []
    for concept in range(labels.shape[1]):
        lower, upper = differing_pairs(labels, concept)
        steps.append(table[upper] - table[lower])
        cosines.append(_straight(steps[-1], labels, lower, concept))
    return steps, cosines


def _mean_of_known(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


# ---- the two controls and the training ------------------------------------------------------------------------------


def shortest_predictor(world: ViolatedWorld, dim: int) -> tuple[Array, Array]:
    """The shortest tables whose logits are ln p(y | x), or what of them fits into so few dimensions.

    The log-probabilities, less their means over the tokens, are cut to their `dim` largest singular values, each shared
    out evenly between the two tables. No training is involved: what is bent here is bent by the distribution.

    Raises
    ------
    ValueError
        If a token is impossible in some context: its logarithm is then infinite, and no such tables exist.

    Examples
    --------
    >>> world = violated_world("wrong contexts", 0.1)
    >>> world.excess_loss(shortest_predictor(world, 4)) < 1e-12
    True
    """
    check_instance("world", world, ViolatedWorld)
    d = check_integer("dim", dim, low=1)
    if not world.is_positive:
        raise ValueError("world must leave every token possible in every context, got a probability of 0")
    return balanced_factors(centred_log_probabilities(world.distribution), d)


def train_violated(
    worlds: Any,
    dim: int,
    *,
    seeds: Any,
    method: str = "adam",
    learning_rate: float | None = None,
    start_scale: float = 1.0,
    steps: int = FULL_BATCH_STEPS,
    constants: bool = False,
    progress: bool = True,
) -> list[Fit]:
    """Train a predictor of each world on its exact loss, all at once, from the small start of lookup tables.

    At strength 0 each is what `linrep_core.ensemble.train_many` would give.

    Parameters
    ----------
    worlds
        A list with a world for each seed; all with the same number of tokens.
    dim
        Dimension *d* of all predictors.
    seeds
        Of the starts.
    method
        ``"adam"`` or ``"gradient descent"``, with the rates of `linrep_core.phase_diagram.method_settings`.
    learning_rate
        Another rate than theirs.
    start_scale
        What the start is multiplied by.
    steps
        Length of each training.
    constants
        Whether each token has a constant b(y) in its logits f(x).g(y) + b(y), trained from 0 beside the tables. It is
        part of the excess loss, and not of the predictor that is returned.
    progress
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        For bad arguments, or worlds with different numbers of tokens.

    Examples
    --------
    >>> world = violated_world("wrong contexts", 0.1)
    >>> (fit,) = train_violated([world], 4, seeds=[0], progress=False)
    >>> fit.excess_loss < 1e-3
    True
    """
    given = check_iterable("worlds", worlds)
    found = train_tables(
        given,
        dim,
        seeds=seeds,
        method=method,
        learning_rate=learning_rate,
        start_scale=start_scale,
        steps=steps,
        constants=constants,
        progress=progress,
    )
    return [_fit(world, *tables, steps) for world, tables in zip(given, found, strict=True)]


def train_tables(
    worlds: Any,
    dim: int,
    *,
    seeds: Any,
    method: str = "adam",
    learning_rate: float | None = None,
    start_scale: float = 1.0,
    steps: int = FULL_BATCH_STEPS,
    constants: bool = False,
    progress: bool = True,
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """What `train_violated` trains, with the constants of the tokens.

    Parameters
    ----------
    worlds, dim, seeds, method, learning_rate, start_scale, steps, constants, progress
        See `train_violated`.

    Returns
    -------
    list of (f, g, b)
        For each world the embeddings, shape (n_contexts, dim), the unembeddings, shape (n_tokens, dim), and the tokens'
        constants, shape (n_tokens,): all 0 without `constants`.

    Examples
    --------
    >>> ((f, g, b),) = train_tables([violated_world("wrong contexts", 0.1)], 4, seeds=[0], steps=10, progress=False)
    >>> f.shape, g.shape, b.shape
    (torch.Size([27, 4]), torch.Size([8, 4]), torch.Size([8]))
    """
    numbers = check_seeds("seeds", seeds)
    given = _check_worlds(worlds, len(numbers))
    d, n_steps = check_integer("dim", dim, low=1), check_integer("steps", steps, low=0)
    m = given[0].meanings.shape[1]
    settings = {"momentum": 0.0, **method_settings(check_choice("method", method, METHODS), m)}
    if learning_rate is not None:
        settings["learning_rate"] = check_number("learning_rate", learning_rate, low=0.0, open_interval=True)
    scale = check_number("start_scale", start_scale, low=0.0, open_interval=True)
    starts = [tuple(scale * table for table in _start(*of, d)) for of in zip(given, numbers, strict=True)]
    f, g = pad_sequence([f for f, _ in starts], batch_first=True), torch.stack([g for _, g in starts])
    p = pad_sequence([torch.as_tensor(world.distribution) for world in given], batch_first=True)
    weights = pad_sequence([torch.as_tensor(world.weights) for world in given], batch_first=True)[:, :, None]
    b = torch.zeros(len(given), 1, p.shape[2], dtype=p.dtype, requires_grad=True)
    trained = [f.requires_grad_(), g.requires_grad_(), b][: 3 if check_flag("constants", constants) else 2]
    optimizer = first_order_optimizer(trained, settings)
    shown = check_flag("progress", progress)
    with few_threads(p.numel()), torch.no_grad():
        for _ in tqdm(range(n_steps), disable=not shown, leave=False):
            # the derivative of the loss by a logit is w(x) (p_hat(y | x) - p(y | x))
            residual = torch.softmax(f @ g.mT + b, dim=2).sub_(p).mul_(weights)
            f.grad, g.grad, b.grad = residual @ g, residual.mT @ f, residual.sum(dim=1, keepdim=True)
            optimizer.step()
    # rows that only fill up a table of contexts are left out
    found = zip(given, f.detach(), g.detach(), b.detach()[:, 0], strict=True)
    return [(f[: len(world.contexts)].clone(), g.clone(), b.clone()) for world, f, g, b in found]


def _fit(world: ViolatedWorld, f: torch.Tensor, g: torch.Tensor, b: torch.Tensor, steps: int) -> Fit:
    """One of the trained predictors and how far it is from its distribution."""
    with_constants = torch.cat([f, torch.ones(len(f), 1).to(f)], 1), torch.cat([g, b[:, None]], 1)
    return Fit(SoftmaxPredictor(f, g), world.excess_loss(with_constants), steps)


def _check_worlds(worlds: Any, count: int) -> list[ViolatedWorld]:
    given = check_iterable("worlds", worlds)
    if not given or len(given) != count:
        raise ValueError(f"worlds must hold one world for each seed, at least one, got {len(given)} for {count} seeds")
    for i, world in enumerate(given):
        check_instance(f"worlds[{i}]", world, ViolatedWorld)
        if world.meanings.shape != given[0].meanings.shape:
            raise ValueError(
                f"worlds[{i}] must have meanings of shape {given[0].meanings.shape} like the first, "
                f"got {world.meanings.shape}"
            )
    return given


def _start(world: ViolatedWorld, seed: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Contexts, then tokens, uniform in +-1/sqrt(rows): the start of `SoftmaxPredictor.initialize`."""
    rng = np.random.default_rng(seed)
    sizes = world.distribution.shape
    f, g = (torch.as_tensor((2 * rng.random((rows, dim)) - 1) / rows**0.5) for rows in sizes)
    return f, g


# ---- the study ------------------------------------------------------------------------------------------------------


def violation_cell(
    violation: str,
    dim: int,
    *,
    doses: Any = None,
    n_concepts: int = 3,
    edge_probability: float = 0.5,
    method: str = "adam",
    n_seeds: int = 20,
    steps: int = FULL_BATCH_STEPS,
) -> list[dict[str, Any]]:
    """All doses of one violation, trained and measured: a world and a run for each dose and seed.

    Parameters
    ----------
    violation, n_concepts, edge_probability
        See `violated_world`.
    dim, method, steps
        See `train_violated`.
    doses
        Strengths; None for those of `DOSES`.
    n_seeds
        Number of worlds, each with the same graph and the same seed of its start at every dose.

    Returns
    -------
    list of dict
        For each dose and seed ``strength``, ``seed``, ``excess_loss`` (nats) and the entries of `straightness`; those
        of `shortest_predictor` too, with names that begin with ``exact_``: None where no such predictor exists, as is
        any entry without a pair.

    Examples
    --------
    >>> (row,) = violation_cell("wrong contexts", 4, doses=[0.2], n_seeds=1)
    >>> round(row["exact_agreement"], 6), row["embedding"] > 0.95
    (1.0, True)
    """
    check_choice("violation", violation, VIOLATIONS)
    strengths = DOSES[violation] if doses is None else check_iterable("doses", doses)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    kind = {"n_concepts": n_concepts, "edge_probability": edge_probability}
    rows = []
    for strength in strengths:
        worlds = [violated_world(violation, strength, **kind, seed=seed) for seed in seeds]
        fits = train_violated(worlds, dim, seeds=seeds, method=method, steps=steps, progress=False)
        for seed, world, fit in zip(seeds, worlds, fits, strict=True):
            rows.append({"strength": strength, "seed": seed, "excess_loss": fit.excess_loss, **_measured(world, fit)})
    return rows


def _measured(world: ViolatedWorld, fit: Fit) -> dict[str, float | None]:
    """The straightness of a trained predictor and of the shortest one of the same dimension, nan as None."""
    trained = straightness(world, fit.predictor)
    shortest = dict.fromkeys(MEASURES, float("nan"))
    if world.is_positive:
        shortest = straightness(world, shortest_predictor(world, fit.predictor.dim))
    found = {**trained, **{f"exact_{name}": value for name, value in shortest.items()}}
    return {name: None if np.isnan(value) else value for name, value in found.items()}


@dataclass(frozen=True)
class Change:
    """How a measure changes between no dose and another, over the same worlds and starts.

    Attributes
    ----------
    mean, low, high : float
        Mean difference over seeds and its 95 % interval (Student's t); nan bounds for a single pair.
    n_pairs : int
        Seeds that have the measure at both doses.
    """

    mean: float
    low: float
    high: float
    n_pairs: int

    @property
    def verdict(self) -> str:
        """``"stays"`` (mean change below 0.05), ``"falls"``, ``"rises"``, or ``"unsure"`` if larger but maybe 0."""
        if abs(self.mean) < SMALL_CHANGE:
            return "stays"
        if not (self.high < 0 or self.low > 0):
            return "unsure"
        return "falls" if self.mean < 0 else "rises"

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def strongest_dose(records: Any, measure: str = "unembedding") -> float:
    """The strongest dose at which at least ten seeds have a measure: where most is missing, few have it.

    Parameters
    ----------
    records
        Rows of one violation in one setting, with ``strength`` and the measure.
    measure
        A name that the rows have.

    Examples
    --------
    >>> strongest_dose([{"strength": s, "x": 1.0 if s < 2 else None} for s in (0, 1, 2) for _ in range(10)], "x")
    1
    """
    rows = check_records("records", records, ("strength", measure))
    known = [row["strength"] for row in rows if row[measure] is not None]
    enough = [dose for dose in set(known) if known.count(dose) >= ENOUGH_SEEDS]
    if not enough:
        raise ValueError(f"records must have {measure!r} for at least {ENOUGH_SEEDS} seeds at some strength, got none")
    return max(enough)


def change(records: Any, strength: float, measure: str = "unembedding") -> Change:
    """The change of a measure from strength 0 to another, seed by seed.

    Parameters
    ----------
    records
        Rows of one violation in one setting, with ``strength``, ``seed`` and the measure.
    strength
        The dose to compare with none.
    measure
        A name that the rows have.

    Raises
    ------
    ValueError
        If no seed has the measure at both doses, or a seed has it twice at one.

    Examples
    --------
    >>> rows = [{"strength": s, "seed": k, "unembedding": 1 - s * k} for s in (0.0, 0.5) for k in (1, 2)]
    >>> print(change(rows, 0.5))
    -0.75 [-3.93, +2.43]
    """
    rows = check_records("records", records, ("strength", "seed", measure))
    dose = check_number("strength", strength, low=0.0)
    values: list[dict[int, float]] = []
    for wanted in (0.0, dose):
        found = [(row["seed"], row[measure]) for row in rows if row["strength"] == wanted and row[measure] is not None]
        values.append(dict(found))
        if len(values[-1]) < len(found):
            raise ValueError(f"records must have one row a seed at strength {wanted:g}, got {len(found)}")
    both = sorted(values[0].keys() & values[1].keys())
    if not both:
        raise ValueError(f"records must have a seed with {measure!r} at strength 0 and at {dose:g}, got none")
    found = interval([values[1][seed] - values[0][seed] for seed in both])
    return Change(found.mean, found.low, found.high, found.n)
