"""Linear properties of representations, each measured by how much of it is missing: 0 when the property holds exactly.

Five properties: one linear map takes the representations of one context to those of another (relational linearity);
differences fill a small subspace; vectors are parallel; a linear function of f reads a number (probing); one vector
added to every f changes the log-odds as asked (steering).

Each takes vectors as rows and, if asked, looks at them only along given directions. Along differences of unembeddings,
g(y) - g(y'), the coordinates of f(x) are log-odds, which all predictors with the same distribution share: what is
measured there is a property of the distribution. Along other directions it may be a property of one predictor alone.

Source: the list of properties, and the question which of them all equivalent predictors share, are those of arXiv
2410.23501. How they are measured is this book's own (the paper's definitions could not be checked).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import as_array, check_array, check_integer, check_number
from linrep_core.identifiability import share_left

Array = NDArray[np.float64]

HOLDS = 1e-6  # a property counts as held when no more than this share of it is missing


@dataclass(frozen=True)
class LinearProperty:
    """How far a linear property is from holding.

    Attributes
    ----------
    residual : float
        The share of what is asked for that is missing: 0 when the property holds.
    tolerance : float
        Up to which residual it counts as held.
    spare : int
        How many more cases there are than the fit can meet whatever they are; with 0 or fewer, nothing was tested.
    """

    residual: float
    tolerance: float
    spare: int

    @property
    def holds(self) -> bool:
        """Whether the residual is within the tolerance."""
        return bool(self.residual <= self.tolerance)


def relational_linearity(
    sources: Any, targets: Any, directions: Any = None, *, tolerance: float = HOLDS
) -> LinearProperty:
    """Whether one affine map takes f(s) to f(t), for every pair of a source and its target.

    A pair is a context and the same context with a query added to it ("Paris" and "Paris is the capital of").

    Parameters
    ----------
    sources, targets
        Representations, shape (n, dim), a row of one belonging to the same row of the other.
    directions
        Shape (r, dim): only the coordinates along these rows are looked at, on both sides; all when None.
    tolerance
        Up to which residual the property counts as held.

    Returns
    -------
    LinearProperty
        The residual is |targets - best affine map of sources| over |targets - their mean|, along the directions.

    Raises
    ------
    ValueError
        For tables that do not fit together.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(9, 2))
    >>> relational_linearity(points, points @ [[0.0, 1.0], [2.0, 0.0]] + 3).holds
    True
    >>> relational_linearity(points, points**2).holds
    False
    """
    start, end = _same_shape("sources", sources, "targets", targets)
    along = _directions(directions, start.shape[1])
    return _affine(start @ along.T, end @ along.T, tolerance)


def linear_subspace(vectors: Any, rank: int, directions: Any = None, *, tolerance: float = HOLDS) -> LinearProperty:
    """Whether vectors lie in a subspace of `rank` dimensions through 0.

    Parameters
    ----------
    vectors
        Shape (n, dim): differences f(t) - f(s), or g(y) - g(y').
    rank
        Dimension of the subspace, at least 1.
    directions, tolerance
        As in `relational_linearity`.

    Returns
    -------
    LinearProperty
        The residual is the length of all vectors off the best subspace over their whole length.

    Examples
    --------
    >>> linear_subspace([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 3.0]], rank=2).holds
    True
    """
    rows = _vectors("vectors", vectors)
    wanted = check_integer("rank", rank, low=1)
    limit = _tolerance(tolerance)
    seen = rows @ _directions(directions, rows.shape[1]).T
    values = np.linalg.svd(seen, compute_uv=False)
    whole = np.linalg.norm(values)
    residual = float(np.linalg.norm(values[wanted:]) / whole) if whole > 0 else 0.0
    return LinearProperty(residual, limit, min(seen.shape) - wanted)


def parallelism(vectors: Any, directions: Any = None, *, tolerance: float = HOLDS) -> LinearProperty:
    """Whether vectors all point the same way.

    Parameters
    ----------
    vectors
        Shape (n, dim), at least two: steering vectors of one concept, for example.
    directions, tolerance
        As in `relational_linearity`.

    Returns
    -------
    LinearProperty
        The residual is the largest distance between two of the vectors after each is scaled to length 1: 0 when they
        are parallel, 2 when two are opposite, nan if a vector is 0.

    Examples
    --------
    >>> parallelism([[1.0, 1.0], [3.0, 3.0]]).holds, parallelism([[1.0, 0.0], [-1.0, 0.0]]).residual
    (True, 2.0)
    """
    rows = _vectors("vectors", vectors)
    limit = _tolerance(tolerance)
    if len(rows) < 2:
        raise ValueError(f"vectors must have at least two rows to compare, got {len(rows)}")
    seen = rows @ _directions(directions, rows.shape[1]).T
    lengths = np.linalg.norm(seen, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(lengths > np.finfo(float).eps * np.linalg.norm(rows), seen / lengths, np.nan)
    farthest = max(float(np.linalg.norm(unit - row, axis=1).max()) for row in unit)
    return LinearProperty(farthest, limit, len(rows) - 1)


def linear_probe(
    representations: Any, values: Any, directions: Any = None, *, tolerance: float = HOLDS
) -> LinearProperty:
    """Whether values are an affine function of the representations.

    Parameters
    ----------
    representations
        f(x), shape (n, dim).
    values
        What is to be read, shape (n,) or (n, r): log-odds of a concept, for example.
    directions, tolerance
        As in `relational_linearity`: a probe may then only use these directions.

    Returns
    -------
    LinearProperty
        The residual is |values - best affine function| over |values - their mean|.

    Examples
    --------
    >>> linear_probe([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).holds
    True
    """
    rows = _vectors("representations", representations)
    wanted = _values("values", values, len(rows), "representations")
    return _affine(rows @ _directions(directions, rows.shape[1]).T, wanted, tolerance)


def linear_steering(
    unembeddings: Any, change: Any, directions: Any = None, *, tolerance: float = HOLDS
) -> LinearProperty:
    """Whether one vector, added to every f(x), changes the tokens' log-odds as asked.

    Adding v to f(x) adds v.g(y) to the logit of y, in every context; a number that is the same for all tokens does
    not matter. So this is probing with tokens in the place of contexts.

    Parameters
    ----------
    unembeddings
        g(y), shape (n_tokens, dim).
    change
        What is to be added to ln p(y | x), up to a number common to all tokens: shape (n_tokens,), in nats.
    directions
        Rows whose combinations v may be, shape (r, dim); any v when None.
    tolerance
        Up to which residual the property counts as held.

    Returns
    -------
    LinearProperty
        The residual is |change - best change that a v makes| over |change|, the common number taken out.

    Examples
    --------
    >>> corners = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> linear_steering(corners, [0, 0, 1, 1]).holds, linear_steering(corners, [0, 1, 1, 0]).holds
    (True, False)
    """
    rows = _vectors("unembeddings", unembeddings)
    wanted = _values("change", change, len(rows), "unembeddings")
    return _affine(rows @ _directions(directions, rows.shape[1]).T, wanted, tolerance)


def _affine(inputs: Array, outputs: Array, tolerance: Any) -> LinearProperty:
    """How much of the outputs' variation no affine function of the inputs gives."""
    limit = _tolerance(tolerance)
    centred, wanted = inputs - inputs.mean(axis=0), outputs - outputs.mean(axis=0)
    if np.abs(wanted).max() <= 1e-14 * np.abs(outputs).max():  # a constant is an affine function of anything
        wanted = np.zeros_like(wanted)
    weights, _, rank, _ = np.linalg.lstsq(centred, wanted, rcond=1e-12)
    return LinearProperty(share_left(wanted, centred @ weights), limit, len(inputs) - 1 - int(rank))


def _tolerance(value: Any) -> float:
    return check_number("tolerance", value, low=0.0)


def _vectors(name: str, value: Any) -> Array:
    rows = check_array(name, value, shape=("n", "dim"))
    if 0 in rows.shape:
        raise ValueError(f"{name} must have at least one row and one column, got shape {rows.shape}")
    return rows


def _values(name: str, value: Any, n: int, beside: str) -> Array:
    columns = check_array(name, value, shape=("n",) if as_array(name, value).ndim == 1 else ("n", "r"))
    if len(columns) != n or columns.size == 0:
        raise ValueError(f"{name} must have one entry for each of the {n} rows of {beside}, got shape {columns.shape}")
    return columns.reshape(n, -1)


def _same_shape(name: str, value: Any, other_name: str, other: Any) -> tuple[Array, Array]:
    first, second = _vectors(name, value), _vectors(other_name, other)
    if first.shape != second.shape:
        raise ValueError(f"{other_name} must have the shape {first.shape} of {name}, got {second.shape}")
    return first, second


def _directions(value: Any, dim: int) -> Array:
    if value is None:
        return np.eye(dim)
    rows = _vectors("directions", value)
    if rows.shape[1] != dim:
        raise ValueError(f"directions must have rows of length {dim}, got {rows.shape[1]}")
    return rows
