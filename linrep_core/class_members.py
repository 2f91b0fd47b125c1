"""One predictor among all that have its distribution: what it shares with them, and what is its own.

`conclusions` measures what arXiv 2403.03867 says of a trained predictor, each conclusion as a number; `in_the_class`
does so in many equivalent predictors. A number that is the same in all of them is a property of the distribution; any
other is a property of the member that training happened to find.

`smallest_member` is the member with the shortest tables. It is balanced (F^T F = G^T G), and its length is fixed by the
distribution: the nuclear norm of the table of logits, centred over tokens (see `linrep_core.theorems.nuclear_norm`).

Source: the conclusions are those of arXiv 2403.03867; the comparison within a class is this book's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from tqdm.auto import tqdm

from linrep_core._checks import check_flag, check_instance, check_integer
from linrep_core.geometry import (
    embedding_steering_vectors,
    linearity,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)
from linrep_core.identifiability import balanced_factors, centred_logits, equivalent_predictor, span_basis, tables
from linrep_core.language import UNKNOWN, LatentConditionalModel
from linrep_core.linear_properties import linear_probe
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.theorems.nuclear_norm import nuclear_norm

Array = NDArray[np.float64]
CONCLUSIONS = (
    "log-odds agree",
    "probe reads",
    "step steers",
    "unembedding",
    "embedding",
    "alignment",
    "between",
    "causal unembedding",
    "causal between",
)
OF_THE_DISTRIBUTION = CONCLUSIONS[:3]


# ---- what a predictor is measured by --------------------------------------------------------------------------------


def conclusions(model: LatentConditionalModel, predictor: SoftmaxPredictor) -> dict[str, float]:
    """The conclusions of arXiv 2403.03867 on one predictor, as cosines: 1 where a conclusion holds exactly, or 0.

    Parameters
    ----------
    model
        The world the predictor was made for.
    predictor
        Embeddings and unembeddings.

    Returns
    -------
    dict
        Means over concepts. ``"log-odds agree"``: cosine between the log-odds, over contexts, of two pairs of words
        that differ in the concept. ``"probe reads"``: correlation of what a context tells of the concept (1, 0, or
        -1 for its opposite) with the best linear function of the log-odds. ``"step steers"``: cosine between the
        change of the logits that the concept's mean embedding step makes and the change asked for. ``"unembedding"``,
        ``"embedding"``, ``"alignment"`` and ``"between"``: see `LinearityReport`. ``"causal unembedding"`` and
        ``"causal between"``: the same in `causal_member`. All should be 1, those with "between" 0.

    Raises
    ------
    ValueError
        If the tables do not have the model's numbers of tokens and contexts.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> tokens, contexts = model.tokens(), np.where(model.contexts() == -1, 0.5, model.contexts())
    >>> cube = SoftmaxPredictor(contexts - 0.5, tokens.astype(float))
    >>> {name: round(value, 6) + 0.0 for name, value in conclusions(model, cube).items()}["step steers"]
    1.0
    """
    report = linearity(model, predictor).mean
    causal = linearity(model, causal_member(predictor)).mean
    concepts = range(model.n_concepts)
    return {
        "log-odds agree": float(np.mean([_log_odds_agree(predictor, i) for i in concepts])),
        "probe reads": float(np.mean([_probe_reads(model, predictor, i) for i in concepts])),
        "step steers": float(np.mean([_step_steers(model, predictor, i) for i in concepts])),
        **report,
        "causal unembedding": causal["unembedding"],
        "causal between": causal["between"],
    }


def _contexts(model: LatentConditionalModel, predictor: SoftmaxPredictor) -> NDArray[np.int8]:
    return model.contexts() if predictor.contexts is None else predictor.contexts


def _log_odds_agree(predictor: SoftmaxPredictor, concept: int) -> float:
    """Mean cosine between the log-odds of the concept's pairs of words, each a vector over contexts."""
    f, g = tables(predictor)
    return mean_pairwise_cosine(unembedding_steering_vectors(g @ f.T, concept))


def _probe_reads(model: LatentConditionalModel, predictor: SoftmaxPredictor, concept: int) -> float:
    """Correlation of what contexts tell of a concept with what the log-odds say best."""
    f, g = tables(predictor)
    told = _contexts(model, predictor)[:, concept]
    values = np.where(told == UNKNOWN, 0.0, 2.0 * told - 1.0)
    missed = linear_probe(f, values, directions=g - g.mean(axis=0)).residual
    return float(np.sqrt(max(0.0, 1.0 - missed**2)))


def _step_steers(model: LatentConditionalModel, predictor: SoftmaxPredictor, concept: int) -> float:
    """Cosine of the change that the mean embedding step of a concept makes with the concept's bit, both centred."""
    f, g = tables(predictor)
    step = embedding_steering_vectors(f, _contexts(model, predictor), concept).mean(axis=0)
    made, asked = (g - g.mean(axis=0)) @ step, model.tokens()[:, concept] - 0.5
    return float(made @ asked / (np.linalg.norm(made) * np.linalg.norm(asked)))


# ---- the same numbers in other members of the class -----------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """One conclusion in a predictor, and in others with the same distribution."""

    found: float
    smallest: float
    median: float
    largest: float

    @property
    def shared(self) -> bool:
        """Whether all members agree to 1e-6: then it is a property of the distribution."""
        return max(abs(self.largest - self.found), abs(self.smallest - self.found)) <= 1e-6


def in_the_class(
    model: LatentConditionalModel,
    predictor: SoftmaxPredictor,
    *,
    n_members: int = 50,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Spread]:
    """`conclusions` in a predictor, and their range in random members of its class, of the same dimension.

    Parameters
    ----------
    model, predictor
        As `conclusions` takes them.
    n_members
        How many members `equivalent_predictor` draws, at least 1. Its changes of coordinates are mild (singular
        values from 0.6 to 1.65), so the range is not the whole class's.
    seed
        Of the members.
    progress
        Whether to show a progress bar.

    Returns
    -------
    dict of Spread, by conclusion

    Examples
    --------
    >>> from linrep_core import ConceptGraph, train
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> run = train(model, dim=2, steps=300, progress=False)
    >>> spread = in_the_class(model, run.predictor, n_members=5, progress=False)
    >>> [name for name, each in spread.items() if each.shared]
    ['log-odds agree', 'probe reads', 'step steers', 'causal unembedding', 'causal between']
    """
    check_instance("model", model, LatentConditionalModel)
    n_members = check_integer("n_members", n_members, low=1)
    seed = check_integer("seed", seed, low=0)
    check_flag("progress", progress)
    found = conclusions(model, predictor)
    seeds = tqdm(range(seed, seed + n_members), disable=not progress, desc="members", leave=False)
    members = [conclusions(model, equivalent_predictor(predictor, seed=each)) for each in seeds]
    spreads = {}
    for name, value in found.items():
        others = [member[name] for member in members]
        spreads[name] = Spread(value, float(np.min(others)), float(np.median(others)), float(np.max(others)))
    return spreads


# ---- members that stand out -----------------------------------------------------------------------------------------


def cost(predictor: Any) -> float:
    """(|F|^2 + |G|^2) / 2, the unembeddings shifted to mean 0: the same p for less, were they not.

    Examples
    --------
    >>> cost(([[3.0]], [[1.0], [3.0]]))
    5.5
    """
    f, g = tables(predictor)
    return float(((f**2).sum() + ((g - g.mean(axis=0)) ** 2).sum()) / 2)


def smallest_cost(predictor: Any) -> float:
    """The least `cost` of all predictors with the same distribution: a nuclear norm.

    No shift of rows of the table of logits has a smaller nuclear norm than the centred one, as centring is a
    projection; and the cheapest factors of a table cost its nuclear norm.

    Examples
    --------
    >>> round(smallest_cost(([[3.0]], [[1.0], [3.0]])), 6)
    4.242641
    """
    return nuclear_norm(centred_logits(predictor))


def excess_cost(predictor: Any) -> float:
    """`cost` over `smallest_cost`: 1 for the shortest member of a class, and more for all others.

    Examples
    --------
    >>> round(excess_cost(([[3.0]], [[1.0], [3.0]])), 6)
    1.296362
    """
    return cost(predictor) / smallest_cost(predictor)


def smallest_member(predictor: Any) -> SoftmaxPredictor:
    """The predictor of least `cost` with the same distribution, in the same dimension; unique up to a rotation.

    Its tables are balanced: F^T F = G^T G, diagonal, with the singular values of the centred logits.

    Examples
    --------
    >>> member = smallest_member(([[3.0]], [[1.0], [3.0]]))
    >>> round(cost(member), 6), np.abs(member.embeddings.numpy().round(3)).tolist()
    (4.242641, [[2.06]])
    """
    dim = tables(predictor)[0].shape[1]
    first, second = balanced_factors(centred_logits(predictor), dim)
    missing = dim - first.shape[1]  # more dimensions than tokens or contexts: the others stay empty
    return _like(predictor, np.pad(first, ((0, 0), (0, missing))), np.pad(second, ((0, 0), (0, missing))))


def causal_member(predictor: Any) -> SoftmaxPredictor:
    """The member in which the unembeddings have mean 0 and covariance 1: coordinates of the causal inner product.

    The dimension is that of the span of the centred unembeddings; what f has outside it is left out. Another member
    with the same seen parts, and no free ones in g, gives the same up to a rotation.

    Examples
    --------
    >>> member = causal_member(([[3.0, 7.0]], [[1.0, 0.0], [3.0, 0.0]]))
    >>> np.abs(member.embeddings.numpy()).round(6).tolist(), np.abs(member.unembeddings.numpy()).round(6).tolist()
    ([[3.0]], [[1.0], [1.0]])
    """
    f, g = tables(predictor)
    centred = g - g.mean(axis=0)
    basis = span_basis(centred)
    left, values, right = np.linalg.svd(centred @ basis, full_matrices=False)
    root = np.sqrt(len(g))
    return _like(predictor, f @ basis @ right.T * values / root, left * root)


def distance_to_smallest(predictor: Any) -> float:
    """How far a predictor is from `smallest_member`, turned to meet it: a share of the length of that member's tables.

    Examples
    --------
    >>> one = ([[3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [3.0, 1.0], [0.0, 2.0]])
    >>> distance_to_smallest(one) > 0.1, distance_to_smallest(smallest_member(one)) < 1e-9
    (True, True)
    """
    f, g = tables(predictor)
    own = np.vstack([f, g - g.mean(axis=0)])
    wanted = np.vstack(tables(smallest_member(predictor)))
    turn, _ = orthogonal_procrustes(wanted, own)
    return float(np.linalg.norm(own - wanted @ turn) / np.linalg.norm(wanted))


def unseen_share(predictor: Any) -> float:
    """The share of |F|^2 that lies outside the span of the unembeddings' differences: no probability sees it.

    Examples
    --------
    >>> unseen_share(([[3.0, 4.0]], [[1.0, 0.0], [3.0, 0.0]]))
    0.64
    """
    f, g = tables(predictor)
    basis = span_basis(g - g.mean(axis=0))
    return float(((f - f @ basis @ basis.T) ** 2).sum() / (f**2).sum())


def _like(predictor: Any, f: Array, g: Array) -> SoftmaxPredictor:
    return SoftmaxPredictor(f, g, getattr(predictor, "contexts", None), getattr(predictor, "n_tellings", 2))
