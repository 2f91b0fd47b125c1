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

from linrep_core._checks import check_choice, check_instance, check_integer, check_number
from linrep_core.class_members import smallest_member
from linrep_core.concepts import ConceptGraph
from linrep_core.identifiability import log_probabilities, share_left, tables, two_predictors
from linrep_core.language import LatentConditionalModel, Values
from linrep_core.logit_distance import kl_divergence, logit_distance, representation_dissimilarity
from linrep_core.training import TrainingRun, train

Array = NDArray[np.float64]
WORLDS = ("masked", "noisy")
RECIPES: dict[str, dict[str, Any]] = {
    "adam, small start": {"optimizer": "adam", "steps": 640},
    "adam, large start": {"optimizer": "adam", "steps": 640, "initialization": "gaussian", "scale": 1.0},
    "natural gradient": {"optimizer": "natural", "steps": 160},
}
N_SNAPSHOTS = 6
N_CONCEPTS = 3
NOISE = 0.1


# ---- a world in which no word is impossible -------------------------------------------------------------------------


class NoisyWorld(LatentConditionalModel):
    """A world whose contexts are sometimes overheard: with probability `noise` the next word ignores its context.

    p(y | x) is (1 - noise) p(C = y | C_D = x_D) + noise p(C = y): positive everywhere. For `train` on the exact loss.

    Parameters
    ----------
    graph
        The world of concepts.
    noise
        Strictly between 0 and 1.

    Raises
    ------
    ValueError
        For bad arguments; also when sampled, or given to `train_many`: both rely on contexts that are always heeded.

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
        """Refused: p(y | x) is not the joint over this probability, as `train_many` takes it to be."""
        raise ValueError("model must be a world whose contexts are always heeded, got a NoisyWorld; use train")

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


def train_pair(model: LatentConditionalModel, dim: int, recipe: str, seed: int = 0) -> tuple[TrainingRun, TrainingRun]:
    """The same world trained from two seeds, 2 seed and 2 seed + 1, with copies of the tables on the way.

    Parameters
    ----------
    model
        The world.
    dim
        Dimension of both.
    recipe
        One of `RECIPES`.
    seed
        Of the pair.

    Examples
    --------
    >>> one, other = train_pair(pair_world("noisy", 0), 4, "natural gradient")
    >>> len(one.snapshots) == len(other.snapshots) == N_SNAPSHOTS
    True
    """
    check_instance("model", model, LatentConditionalModel)
    settings = RECIPES[check_choice("recipe", recipe, tuple(RECIPES))]
    first = 2 * check_integer("seed", seed, low=0)
    one, other = (
        train(model, dim, **settings, seed=s, n_snapshots=N_SNAPSHOTS, progress=False) for s in (first, first + 1)
    )
    return one, other


def pair_rows(model: LatentConditionalModel, pair: tuple[TrainingRun, TrainingRun]) -> list[dict[str, float]]:
    """`pair_measures` at every step of which both runs kept a copy, with the mean ``excess`` loss of the two (nats)."""
    check_instance("model", model, LatentConditionalModel)
    rows = []
    for one, other in zip(pair[0].snapshots, pair[1].snapshots, strict=True):
        both = [(each.embeddings, each.unembeddings) for each in (one, other)]
        excess = np.mean([_excess(model, each) for each in both])
        rows.append({"step": one.step, "excess": float(excess), **pair_measures(*both, model.weights())})
    return rows


def _excess(model: LatentConditionalModel, predictor: Any) -> float:
    """Mean loss above the entropy floor: the weighted divergence of the world's p from the predictor's, in nats."""
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
    >>> len(rows), rows[-1]["kl"] < rows[0]["kl"] + 1
    (6, True)
    """
    n_seeds = check_integer("n_seeds", n_seeds, low=1)
    rows = []
    for seed in range(n_seeds):
        model = pair_world(world, seed)
        pair = train_pair(model, dim, recipe, seed)
        rows += [{"seed": seed, **row} for row in pair_rows(model, pair)]
    return rows
