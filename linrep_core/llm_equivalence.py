"""A language model moved within the class of those with its probabilities: which of its cosines move with it.

Two changes leave every probability as it is. *Coordinates*: f' = A f and g' = A^-T g, with A near the identity; nothing
changes in any context. *Unseen*: every g(y) gets a random part at right angles to f(x) for the contexts at hand; they
are far fewer than the model's dimensions, so there is room; other contexts see the change.

The rows of ``results/models/MODEL-equivalents.csv`` are `equivalents_study`'s, the rest are its pieces.

Source: which linear properties a distribution fixes is the question of arXiv 2410.23501; the causal inner product is
that of arXiv 2311.03658; the study is this book's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_choice, check_integer, check_mapping, check_number
from linrep_core._llm_geometry import covariance_of_rows
from linrep_core.identifiability import (
    change_basis,
    distribution_gap,
    extended_linear_relation,
    linear_relation,
    span_basis,
)
from linrep_core.llm_study import _with_contexts, concept_tokens, geometries, off_diagonal, steering_heat_map
from linrep_core.llm_zeros import frames

Array = NDArray[np.float64]
CHANGES = ("coordinates", "unseen")
STRENGTHS = (0.0, 0.01, 0.1, 0.3, 1.0)
N_CONTEXTS = 100  # whose probabilities are kept
N_OTHERS = 50  # contexts on which nobody insisted
N_TOKENS = 2000  # random ones, beside those of the concepts, for the relation between two members


# ---- other members --------------------------------------------------------------------------------------------------


def another_member(
    features: Any, unembeddings: Any, change: str, strength: float, *, seed: int = 0
) -> tuple[Array, Array]:
    """Another model with the same probabilities in some contexts: A, with f'(x) = A f(x) in any context, and g'.

    Parameters
    ----------
    features
        f(x), shape (n_contexts, dim).
    unembeddings
        g(y), shape (n_tokens, dim).
    change
        ``"coordinates"``: A is the identity plus `strength` times a matrix of normal entries of variance 1 / dim, and
        g' = A^-T g. ``"unseen"``: A is the identity, and g' is g plus a random part at right angles to all f(x), its
        root mean square length `strength` times that of g around its mean.
    strength
        0 for no change.
    seed
        Of the random numbers.

    Returns
    -------
    A, shape (dim, dim), and g', shape (n_tokens, dim)

    Raises
    ------
    ValueError
        For bad arguments; and for ``"unseen"`` if the contexts span all dimensions.

    Examples
    --------
    >>> f, g = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [2.0, 1.0]])
    >>> matrix, moved = another_member(f, g, "unseen", 1.0)
    >>> (f @ matrix.T @ moved.T).tolist(), bool((moved == g).all())
    ([[0.0, 2.0]], False)
    """
    g = check_array("unembeddings", unembeddings, shape=("n_tokens", "dim"))
    f = check_array("features", features, shape=("n_contexts", g.shape[1]))
    check_choice("change", change, CHANGES)
    size = check_number("strength", strength, low=0.0)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    dim = g.shape[1]
    if change == "coordinates":
        matrix = np.eye(dim) + size * rng.standard_normal((dim, dim)) / np.sqrt(dim)
        return matrix, change_basis((f, g), matrix).unembeddings.numpy()
    basis = span_basis(f)
    if basis.shape[1] == dim:
        raise ValueError(f"features must leave out a direction, got {len(f)} contexts that span all {dim}")
    noise = rng.standard_normal(g.shape)
    noise -= noise @ basis @ basis.T
    return np.eye(dim), g + noise * size * np.linalg.norm(g - g.mean(axis=0)) / np.linalg.norm(noise)


def concept_cosines(pairs: Mapping[str, Any], unembeddings: Any) -> list[dict[str, Any]]:
    """How straight concepts are and how much at right angles, in each of a table's own geometries.

    Parameters
    ----------
    pairs
        As `llm_study.concept_pairs` gives them.
    unembeddings
        The table they come from, shape (n_tokens, dim): it defines the causal inner product.

    Returns
    -------
    one record a geometry
        ``within``: mean cosine of two steering vectors of one concept; ``between``: mean absolute value of the mean
        cosine of those of two.

    Examples
    --------
    >>> table = np.random.default_rng(0).normal(size=(40, 3))
    >>> rows = concept_cosines({"a": table[:10].reshape(5, 2, 3), "b": table[10:20].reshape(5, 2, 3)}, table)
    >>> [row["geometry"] for row in rows]
    ['euclidean', 'first component removed', 'causal']
    """
    check_mapping("pairs", pairs)
    rows = []
    for geometry in geometries(unembeddings).values():
        table = steering_heat_map(pairs, geometry)
        within, between = np.diag(table).mean(), np.abs(off_diagonal(table)).mean()
        rows.append({"geometry": geometry.name, "within": float(within), "between": float(between)})
    return rows


# ---- the study ------------------------------------------------------------------------------------------------------


def equivalents_study(model: str, change: str) -> list[dict[str, Any]]:
    """A model and other members of its class, further and further away: what stays and what moves.

    Parameters
    ----------
    model
        As `llm_study.summary_study` takes it.
    change
        One of `CHANGES`.

    Returns
    -------
    one record for each of `STRENGTHS` and each geometry
        ``rank_g`` and ``rank_f``: dimensions that the centred unembeddings, and the contexts, span; ``ratio_g``: the
        smallest singular value of the centred unembeddings over the largest; ``gap`` and ``gap_elsewhere``: the
        largest change of a log-probability (nats) in the contexts of the change and in others; ``linear`` and
        ``extended``: residuals of the two relations; and the entries of `concept_cosines`.
    """
    check_choice("change", change, CHANGES)
    read, _, _ = _with_contexts(model)
    tokens = concept_tokens(read)
    texts = list(dict.fromkeys(text for each in frames().values() for pair in each for text in pair))
    chosen = np.random.default_rng(0).permutation(len(texts))[: N_CONTEXTS + N_OTHERS]
    features = read.embed([texts[i] for i in chosen], progress=False).numpy().astype(np.float64)
    table = read.unembeddings.numpy().astype(np.float64)
    few = _few_tokens(tokens, len(table))
    f, others = features[:N_CONTEXTS], features[N_CONTEXTS:]
    known = {"name": read.name, "dim": read.dim, "n_contexts": len(f), **_spans(f, table)}
    rows = []
    for strength in STRENGTHS:
        matrix, moved = another_member(f, table, change, strength)
        pair = (f, table[few]), (f @ matrix.T, moved[few])
        measured = {
            "strength": strength,
            "gap": distribution_gap((f, table), (f @ matrix.T, moved)),
            "gap_elsewhere": distribution_gap((others, table), (others @ matrix.T, moved)),
            "linear": linear_relation(*pair).residual,
            "extended": extended_linear_relation(*pair).residual,
        }
        cosines = concept_cosines({name: moved[rows_of] for name, rows_of in tokens.items()}, moved)
        rows += [{**known, **measured, **each} for each in cosines]
    return rows


def _few_tokens(tokens: Mapping[str, NDArray[np.int64]], n_tokens: int) -> NDArray[np.int64]:
    """The tokens of all concepts, and random ones: a relation that holds for them holds for all, up to rounding."""
    drawn = np.random.default_rng(0).permutation(n_tokens)[:N_TOKENS]
    return np.unique(np.concatenate([drawn, *(rows.ravel() for rows in tokens.values())]))


def _spans(f: Array, table: Array) -> dict[str, float]:
    """How many dimensions contexts and unembeddings span; from the covariance of the latter, whose table is long."""
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance_of_rows("unembeddings", table)), 0.0))
    rank = int((values > 1e-6 * values[-1]).sum())  # the root of float64's rounding, with room
    return {"rank_g": rank, "rank_f": span_basis(f).shape[1], "ratio_g": float(values[0] / values[-1])}
