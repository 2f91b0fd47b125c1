"""Two trainings of one world, and how near they come to two members of one class.

A pair is the same world trained from two seeds. Equal distributions would make the seen parts of the two related by a
linear map (`identifiability.extended_linear_relation`). Trained distributions are never equal, and a trained table has
full rank as a computer counts it; so how near a pair is depends on which singular values count as zero. The measures
here make no such decision: each predictor is first replaced by the shortest one with its distribution
(`class_members.smallest_member`), in which a direction is as long as it matters for the logits; then the share of one
predictor's tables is measured that no linear map of the other's tables gives.

In the worlds of arXiv 2403.03867 a context forbids every word that contradicts it, so the best logits are infinite and
training never arrives. In a `NoisyWorld` all probabilities are positive and the best logits finite.

Source: the question is that of arXiv 2410.23501, asked of trained predictors; measures and study are this book's own.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from linrep_core._checks import check_choice, check_instance, check_integer, check_iterable, check_number
from linrep_core.class_members import smallest_member
from linrep_core.concepts import ConceptGraph
from linrep_core.ensemble import train_many
from linrep_core.identifiability import log_probabilities, share_left, tables, two_predictors
from linrep_core.language import LatentConditionalModel, Values
from linrep_core.logit_distance import kl_divergence, logit_distance, representation_dissimilarity
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.training import train

Array = NDArray[np.float64]
WORLDS = ("masked", "noisy")
RECIPES: dict[str, dict[str, Any]] = {
    "adam, small start": {"optimizer": "adam"},
    "adam, large start": {"optimizer": "adam", "initialization": "gaussian", "scale": 1.0},
    "natural gradient": {"optimizer": "natural"},
}
STEPS = {"adam": (0, 10, 100, 300, 1000), "natural": (0, 3, 10, 30, 100)}  # at which pairs are compared
N_CONCEPTS = 3
NOISE = 0.1


# ---- a world in which no word is impossible -------------------------------------------------------------------------


class NoisyWorld(LatentConditionalModel):
    """A world whose contexts are sometimes overheard: with probability `noise` the next word ignores its context.

    p(y | x) is (1 - noise) p(C = y | C_D = x_D) + noise p(C = y): positive everywhere. For training on the exact loss.

    Parameters
    ----------
    graph
        The world of concepts.
    noise
        Strictly between 0 and 1.

    Raises
    ------
    ValueError
        For bad arguments; also when it is sampled, which relies on contexts that are always heeded.

    Examples
    --------
    >>> world = NoisyWorld(ConceptGraph.random(n_concepts=2, seed=0), noise=0.5)
    >>> bool(world.next_token_distribution().min() > 0)
    True
    """

    def __init__(self, graph: ConceptGraph, *, noise: float = NOISE) -> None:
        super().__init__(graph)
        self.noise = check_number("noise", noise, low=0.0, high=1.0, open_interval=True)

    def next_token_distribution(self, contexts: Any = None) -> Array:
        """p(y | x), shape (n_contexts, 2**m)."""
        heeded = super().next_token_distribution(contexts)
        return (1.0 - self.noise) * heeded + self.noise * self._joint

    def expected_unembedding(self, unembeddings: Values, contexts: Any = None) -> Values:
        """sum_y p(y | x) g(y) for each context, shape (n_contexts, d)."""
        every = super().expected_unembedding(unembeddings)
        ignored = every[-1:]  # the last context tells nothing
        heeded = every if contexts is None else every[self.context_index(contexts)]
        return (1.0 - self.noise) * heeded + self.noise * ignored

    def entropies(self, contexts: Any = None) -> Array:
        """The entropy of p(y | x) for each context, in nats."""
        p = self.next_token_distribution(contexts)
        return -(p * np.log(p)).sum(axis=1)

    def context_probabilities(self, contexts: Any = None) -> NoReturn:
        """Refused: p(y | x) is not the joint over this probability, as large or sampled trainings take it to be."""
        raise ValueError("model must be a world whose contexts are always heeded, got a NoisyWorld")

    def sampler(self, contexts: Any = None) -> NoReturn:
        """Refused: only the exact loss is there."""
        raise ValueError("batch_size must be None in a NoisyWorld: it has an exact loss only")


# ---- how near two predictors are ------------------------------------------------------------------------------------


def unexplained_share(first: Any, second: Any) -> float:
    """The largest share of a table of one predictor that no linear map of the other's table gives; both ways.

    Embeddings are fitted by embeddings and centred unembeddings by centred unembeddings, by least squares: 0 for
    predictors that are linearly related, and near 1 for unrelated ones with many more contexts than dimensions.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.

    Examples
    --------
    >>> one = ([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> other = ([[2.0, 0.0], [0.0, 3.0], [4.0, 9.0]], [[0.0, 0.0], [0.5, 0.0], [0.0, 0.2]])
    >>> unexplained_share(one, other) < 1e-12
    True
    """
    (f, g), (other_f, other_g) = two_predictors(first, second)
    centred, other_centred = g - g.mean(axis=0), other_g - other_g.mean(axis=0)
    pairs = ((f, other_f), (other_f, f), (centred, other_centred), (other_centred, centred))
    return max(_unexplained(given, wanted) for given, wanted in pairs)


def _unexplained(given: Array, wanted: Array) -> float:
    weights = np.linalg.lstsq(given, wanted, rcond=1e-12)[0]
    return share_left(wanted, given @ weights)


def seen_share(first: Any, second: Any) -> float:
    """`unexplained_share` of the shortest predictors with the two distributions: what is not seen plays no part.

    It depends on the distributions alone and decides about no rank: what moves the logits little is short, and counts
    little. Values below 1e-6 are rounding (lengths are roots of singular values, so float64's 1e-16 becomes 1e-8).

    Examples
    --------
    >>> from linrep_core.identifiability import equivalent_predictor
    >>> one = ([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> other = equivalent_predictor(one, 5, seed=1)
    >>> seen_share(one, other) < 1e-6, unexplained_share(one, other) > 0.1
    (True, True)
    """
    two_predictors(first, second)
    return unexplained_share(smallest_member(first), smallest_member(second))


def pair_measures(first: Any, second: Any, weights: Any = None, *, seed: int = 0) -> dict[str, float]:
    """How near two predictors are: their distributions, their seen parts, their whole tables.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.
    weights
        Of contexts in the divergence, shape (n_contexts,); equal when None.
    seed
        Of the shuffle behind ``chance``.

    Returns
    -------
    dict
        ``kl`` (nats, mean of both directions), ``logit`` (logit distance, as a share of the logits' root mean square),
        ``prescribed`` (`representation_dissimilarity`, as a share of the root mean square of what is seen of f; mean
        of both directions), ``seen`` (`seen_share`), ``whole`` (`unexplained_share`), ``chance`` (`seen_share` with
        the contexts of the second in random order).

    Examples
    --------
    >>> one = ([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> {name: round(value, 6) for name, value in pair_measures(one, one).items() if name != "chance"}
    {'kl': 0.0, 'logit': 0.0, 'prescribed': 0.0, 'seen': 0.0, 'whole': 0.0}
    """
    _, (other_f, other_g) = two_predictors(first, second)
    order = np.random.default_rng(check_integer("seed", seed, low=0)).permutation(len(other_f))
    both = ((first, second), (second, first))
    return {
        "kl": float(np.mean([kl_divergence(*pair, weights) for pair in both])),
        "logit": float(np.mean([_relative(logit_distance, *pair) for pair in both])),
        "prescribed": float(np.mean([_relative(representation_dissimilarity, *pair) for pair in both])),
        "seen": seen_share(first, second),
        "whole": unexplained_share(first, second),
        "chance": seen_share(first, (other_f[order], other_g)),
    }


def _relative(distance: Any, first: Any, second: Any) -> float:
    """A distance of two predictors over that of the first from one that says nothing."""
    f, g = tables(second)
    return distance(first, second) / distance(first, (0.0 * f, g))


# ---- the study ------------------------------------------------------------------------------------------------------


def pair_world(world: str, seed: int) -> LatentConditionalModel:
    """A random world of three concepts: one that forbids words, or one that does not.

    Examples
    --------
    >>> [pair_world(kind, 0).next_token_distribution().min() > 0 for kind in WORLDS]
    [np.False_, np.True_]
    """
    graph = ConceptGraph.random(N_CONCEPTS, edge_probability=0.5, seed=check_integer("seed", seed, low=0))
    return LatentConditionalModel(graph) if check_choice("world", world, WORLDS) == "masked" else NoisyWorld(graph)


def train_pairs(
    models: Any, dim: int, recipe: str, *, steps: int, first_seed: int = 0, progress: bool = True
) -> list[tuple[SoftmaxPredictor, SoftmaxPredictor]]:
    """Each world trained from two seeds, all at once where the recipe allows it.

    Parameters
    ----------
    models
        A list of worlds with the same number of concepts.
    dim
        Dimension of all predictors.
    recipe
        One of `RECIPES`.
    steps
        Length of each training.
    first_seed
        World i is trained with the seeds 2 (first_seed + i) and that plus 1.
    progress
        Whether to show a progress bar.

    Returns
    -------
    list of pairs of predictors, in the order of the worlds

    Examples
    --------
    >>> ((one, other),) = train_pairs([pair_world("noisy", 0)], 4, "adam, small start", steps=5, progress=False)
    >>> one.embeddings.shape == other.embeddings.shape
    True
    """
    worlds = check_iterable("models", models)
    for i, world in enumerate(worlds):
        check_instance(f"models[{i}]", world, LatentConditionalModel)
    settings = {**RECIPES[check_choice("recipe", recipe, tuple(RECIPES))], "steps": steps}
    start = 2 * check_integer("first_seed", first_seed, low=0)
    seeds = range(start, start + 2 * len(worlds))
    twice = [world for world in worlds for _ in range(2)]
    if settings["optimizer"] == "natural":
        bar = tqdm(zip(twice, seeds, strict=True), total=len(twice), disable=not progress, leave=False)
        runs = [train(world, dim, **settings, seed=seed, progress=False) for world, seed in bar]
    else:
        runs = train_many(twice, dim, seeds=seeds, n_records=2, progress=progress, **settings)
    found = [run.predictor for run in runs]
    return list(zip(found[::2], found[1::2], strict=True))


def excess_loss(model: LatentConditionalModel, predictor: Any) -> float:
    """Mean loss above the entropy floor: the divergence of the predictor's p from the world's, in nats.

    Examples
    --------
    >>> world = pair_world("noisy", 0)
    >>> optimum = (np.log(world.next_token_distribution()), np.eye(8))
    >>> round(excess_loss(world, optimum), 9)
    0.0
    """
    check_instance("model", model, LatentConditionalModel)
    losses = -(model.next_token_distribution() * log_probabilities(predictor)).sum(axis=1)
    return max(0.0, float(model.weights() @ (losses - model.entropies())))  # rounding can take 0 below 0


def trained_pair_cell(world: str, recipe: str, dim: int, n_seeds: int = 10) -> list[dict[str, Any]]:
    """Pairs of one cell of the study, each in a world of its own.

    Parameters
    ----------
    world
        One of `WORLDS`.
    recipe
        One of `RECIPES`.
    dim
        Dimension of the predictors of three concepts.
    n_seeds
        Number of worlds, and so of pairs.

    Returns
    -------
    list of dict
        For each pair and each step that was kept: ``seed``, ``step``, ``excess`` and the entries of `pair_measures`.

    Examples
    --------
    >>> rows = trained_pair_cell("noisy", "natural gradient", 4, n_seeds=1)
    >>> [row["step"] for row in rows], rows[0]["seen"] > 0.5, rows[-1]["seen"] < 1e-4
    ([0, 3, 10, 30, 100], True, True)
    """
    n_seeds = check_integer("n_seeds", n_seeds, low=1)
    check_choice("recipe", recipe, tuple(RECIPES))
    models = [pair_world(world, seed) for seed in range(n_seeds)]
    rows = []
    for steps in STEPS[RECIPES[recipe]["optimizer"]]:  # a shorter training is the beginning of a longer one
        pairs = train_pairs(models, dim, recipe, steps=steps, progress=False)
        for seed, (model, pair) in enumerate(zip(models, pairs, strict=True)):
            excess = float(np.mean([excess_loss(model, each) for each in pair]))
            rows.append({"seed": seed, "step": steps, "excess": excess, **pair_measures(*pair, model.weights())})
    return rows
