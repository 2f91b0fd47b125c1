"""Directions of concepts in a real model's vectors, Euclidean or in the causal inner product: for `linrep_core.llm`.

A concept is given by pairs of words (man, woman), (king, queen), ...: an array of shape (n_pairs, 2, dim) whose rows
are g(base), g(target). Its steering vectors are the differences. All numbers here are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from linrep_core._checks import (
    as_array,
    check_array,
    check_flag,
    check_instance,
)
from linrep_core.geometry import _normalize

Array = NDArray[np.float64]
ROWS = 8192  # of the unembedding table that are held in float64 at once


# ---- the inner product in which a step of the unembeddings says what it does to the others --------------------------


@dataclass(frozen=True)
class CausalInnerProduct:
    """<a, b> = a·S⁻¹b for differences of unembeddings, with S the covariance of the rows of the unembedding table.

    Source: Park, Choe, Veitch, arXiv 2311.03658. S = L Lᵀ by Cholesky; S⁻¹ is never formed. L⁻¹ takes unembeddings,
    and Lᵀ takes embeddings, to coordinates in which the inner product is the ordinary one; f·g stays what it was.

    Attributes
    ----------
    factor : array of shape (dim, dim)
        L, lower triangular, with positive diagonal.
    """

    factor: Array

    def __post_init__(self) -> None:
        factor = check_array("factor", self.factor, shape=("dim", "dim"))
        if factor.shape[0] != factor.shape[1] or np.triu(factor, 1).any() or not (np.diag(factor) > 0).all():
            raise ValueError(
                f"factor must be lower triangular with a positive diagonal, got an array of shape {factor.shape}"
            )
        object.__setattr__(self, "factor", factor)

    @property
    def dim(self) -> int:
        """Entries of a vector."""
        return len(self.factor)

    def whiten(self, vectors: Any) -> Array:
        """L⁻¹ v: unembeddings, or their differences, in coordinates where the inner product is the ordinary one.

        Parameters
        ----------
        vectors
            Shape (..., dim).

        Returns
        -------
        array of the same shape

        Examples
        --------
        >>> CausalInnerProduct(np.diag([2.0, 4.0])).whiten([[2.0, 4.0]]).tolist()
        [[1.0, 1.0]]
        """
        array = _vectors("vectors", vectors, self.dim)
        columns = linalg.solve_triangular(self.factor, array.reshape(-1, self.dim).T, lower=True)
        return columns.T.reshape(array.shape)

    def whiten_embeddings(self, vectors: Any) -> Array:
        """Lᵀ v: embeddings f(x), or their differences, in the same coordinates; their products with g(y) are kept.

        Examples
        --------
        >>> inner = CausalInnerProduct(np.array([[2.0, 0.0], [1.0, 4.0]]))
        >>> f, g = np.array([[1.0, 3.0]]), np.array([[5.0, 7.0]])
        >>> float((inner.whiten_embeddings(f) * inner.whiten(g)).sum()), float((f * g).sum())
        (26.0, 26.0)
        """
        return _vectors("vectors", vectors, self.dim) @ self.factor

    def cosine(self, first: Any, second: Any) -> Array:
        """Cosine of unembedding vectors in this inner product, row by row; see `cosine`."""
        return cosine(first, second, self)


def causal_inner_product(unembeddings: Any) -> CausalInnerProduct:
    """The causal inner product of a model: from the covariance of its unembedding rows, every token counting once.

    Parameters
    ----------
    unembeddings
        Shape (n_tokens, dim), more tokens than dimensions.

    Raises
    ------
    ValueError
        If the rows leave out a direction: there every step would be infinitely long.

    Examples
    --------
    >>> causal_inner_product([[2.0, 1.0], [-2.0, 1.0], [2.0, -1.0], [-2.0, -1.0]]).factor.tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    table = as_array("unembeddings", unembeddings)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"unembeddings must have shape (n_tokens, dim), got {table.shape}")
    return inner_product_of(covariance_of_rows("unembeddings", table), len(table))


def inner_product_of(covariance: Array, n_tokens: int) -> CausalInnerProduct:
    """The causal inner product from the covariance of so many unembeddings."""
    factor, failed = linalg.lapack.dpotrf(covariance, lower=True, clean=True)
    pivots = np.diag(factor) ** 2
    if failed or pivots.min() <= len(pivots) * np.finfo(np.float64).eps * pivots.max():
        raise ValueError(
            f"unembeddings must vary in all {len(covariance)} dimensions, got {n_tokens} rows that leave one out"
        )
    return CausalInnerProduct(factor)


def covariance_of_rows(name: str, table: NDArray[Any]) -> Array:
    """Covariance of a table's rows, (dim, dim), every row counting once; piece by piece, as a table can be large."""
    mean = table.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise ValueError(f"{name} must have finite entries, got {mean[~np.isfinite(mean)][0]} in their mean")
    covariance = np.zeros((table.shape[1], table.shape[1]))
    for start in range(0, len(table), ROWS):  # a large model's table in float64 would take gigabytes
        centred = table[start : start + ROWS] - mean
        covariance += centred.T @ centred
    return covariance / len(table)


def cosine(first: Any, second: Any, inner_product: CausalInnerProduct | None = None) -> Array:
    """Cosine of each vector with its partner; 0 where one of them is zero.

    Parameters
    ----------
    first, second
        Shapes (..., dim); the leading axes broadcast, so ``cosine(a[:, None], a[None])`` is a heat map.
    inner_product
        None: the Euclidean one.

    Returns
    -------
    array of the leading axes

    Examples
    --------
    >>> directions = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> cosine(directions[:, None], directions[None]).round(3).tolist()
    [[1.0, 0.707], [0.707, 1.0]]
    """
    left, right = _vectors("first", first, None), _vectors("second", second, None)
    if left.shape[-1] != right.shape[-1]:
        raise ValueError(f"second must have vectors of {left.shape[-1]} entries like first, got {right.shape[-1]}")
    left, right = _unit(left, inner_product), _unit(right, inner_product)
    try:
        return (left * right).sum(axis=-1)
    except ValueError:
        raise ValueError(
            f"second must have leading axes that broadcast with those of first, got {right.shape} beside {left.shape}"
        ) from None


# ---- concepts as directions -----------------------------------------------------------------------------------------


def concept_direction(pairs: Any, inner_product: CausalInnerProduct | None = None) -> Array:
    """The mean of a concept's steering vectors, of length 1 in the inner product.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim): base and target, such as ``model.unembeddings[tokens]`` with tokens (n_pairs, 2).
    inner_product
        None: the Euclidean one.

    Returns
    -------
    array of shape (dim,), in the coordinates of the pairs

    Raises
    ------
    ValueError
        If the steering vectors cancel.

    Examples
    --------
    >>> concept_direction([[[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [5.0, 7.0]]]).round(3).tolist()
    [0.6, 0.8]
    """
    mean = _steering_vectors(pairs).mean(axis=0)
    length = np.linalg.norm(whitened(mean, inner_product))
    if not length > 0:
        raise ValueError("pairs must have steering vectors that do not cancel, got a mean of zero")
    return mean / length


def within_concept_cosines(
    pairs: Any, inner_product: CausalInnerProduct | None = None, leave_one_out: bool = True
) -> Array:
    """Cosine of each steering vector of a concept with the concept's direction.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim).
    inner_product
        None: the Euclidean one.
    leave_one_out
        Whether the direction is the mean of the other pairs only. With False each vector is compared with a mean that
        holds itself, and even random vectors have cosines of about 1/sqrt(n_pairs).

    Returns
    -------
    array of shape (n_pairs,)

    Examples
    --------
    >>> pairs = [[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 2.0]]]
    >>> within_concept_cosines(pairs).tolist(), within_concept_cosines(pairs, leave_one_out=False).round(2).tolist()
    ([0.0, 0.0], [0.45, 0.89])
    """
    steering = _steering_vectors(pairs)
    if check_flag("leave_one_out", leave_one_out):
        if len(steering) < 2:
            raise ValueError("pairs must be at least 2 where one is left out, got 1")
        means = (steering.sum(axis=0) - steering) / (len(steering) - 1)
    else:
        means = np.broadcast_to(steering.mean(axis=0), steering.shape)
    return cosine(steering, means, inner_product)


def check_pairs(pairs: Any) -> Array:
    """Return a concept's pairs as an array, or raise a ValueError."""
    array = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    if not array.size:
        raise ValueError(f"pairs must hold at least one pair of vectors, got an array of shape {array.shape}")
    return array


def _steering_vectors(pairs: Any) -> Array:
    array = check_pairs(pairs)
    return array[:, 1] - array[:, 0]  # (n_pairs, dim)


def _vectors(name: str, vectors: Any, dim: int | None) -> Array:
    """Vectors along the last axis of an array, float64 and finite."""
    array = as_array(name, vectors)
    if not array.ndim or not array.shape[-1] or dim not in (None, array.shape[-1]):
        raise ValueError(f"{name} must have shape (..., {dim or 'dim'}), got {array.shape}")
    return check_array(name, array, shape=array.shape)


def whitened(vectors: Array, inner_product: CausalInnerProduct | None) -> Array:
    """Unembedding vectors in coordinates where the inner product (None: the Euclidean one) is the ordinary one."""
    if inner_product is None:
        return vectors
    check_instance("inner_product", inner_product, CausalInnerProduct)
    if vectors.shape[-1] != inner_product.dim:
        raise ValueError(
            f"inner_product must be one of {vectors.shape[-1]} dimensions like the vectors, got {inner_product.dim}"
        )
    return inner_product.whiten(vectors)


def _unit(vectors: Array, inner_product: CausalInnerProduct | None) -> Array:
    white = whitened(vectors, inner_product)
    return _normalize(white.reshape(-1, white.shape[-1])).reshape(white.shape)
