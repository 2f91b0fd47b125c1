"""Directions of concepts in a real model's vectors, and what chance would give: for `linrep_core.llm`.

A concept is given by pairs of words (man, woman), (king, queen), ...: an array of shape (n_pairs, 2, dim) whose rows
are g(base), g(target). Its steering vectors are the differences. All numbers here are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_number,
)
from linrep_core.geometry import _normalize

Array = NDArray[np.float64]
ROWS = 8192  # of the unembedding table that are held in float64 at once
ALTERNATIVES = ("greater", "less", "two-sided")
MAX_RESAMPLES = 10_000_000
BATCH = 10_000_000  # numbers that resampling holds at once


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
    mean = table.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise ValueError(f"unembeddings must have finite entries, got a mean of {mean[~np.isfinite(mean)][0]}")
    covariance = np.zeros((table.shape[1], table.shape[1]))
    for start in range(0, len(table), ROWS):  # a large model's table in float64 would take gigabytes
        centred = table[start : start + ROWS] - mean
        covariance += centred.T @ centred
    factor, failed = linalg.lapack.dpotrf(covariance / len(table), lower=True, clean=True)
    pivots = np.diag(factor) ** 2
    if failed or pivots.min() <= len(pivots) * np.finfo(np.float64).eps * pivots.max():
        raise ValueError(
            f"unembeddings must vary in all {table.shape[1]} dimensions, got {len(table)} rows that leave one out"
        )
    return CausalInnerProduct(factor)


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
    length = np.linalg.norm(mean if inner_product is None else _whiten(mean, inner_product))
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


# ---- what chance would give -----------------------------------------------------------------------------------------


def random_pairs(vectors: Any, n_pairs: int, *, seed: int = 0) -> Array:
    """Pairs of different rows drawn from a table: steering vectors of nothing.

    Parameters
    ----------
    vectors
        Shape (n, dim): the unembeddings, or those of ordinary words.
    n_pairs
        At most n / 2: no row comes twice.
    seed
        Of the drawing.

    Returns
    -------
    array of shape (n_pairs, 2, dim)

    Examples
    --------
    >>> random_pairs(np.eye(6), 3).sum(axis=(0, 1)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    table = as_array("vectors", vectors)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"vectors must have shape (n, dim) with n at least 2, got {table.shape}")
    n_pairs = check_integer("n_pairs", n_pairs, low=1, high=len(table) // 2)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    rows = generator.choice(len(table), size=(n_pairs, 2), replace=False)
    return check_array("vectors", table[rows], shape=(n_pairs, 2, "dim"))


def wrong_partners(pairs: Any, *, seed: int = 0) -> Array:
    """The same words, but each base word with the target of another pair: (man, queen), (king, woman).

    What remains within a concept then is due to which words stand on which side, not to who belongs to whom.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim), at least two.
    seed
        Of the drawing.

    Returns
    -------
    array of the same shape; no target stays where it was

    Examples
    --------
    >>> wrong_partners([[[0.0], [1.0]], [[2.0], [3.0]]]).tolist()
    [[[0.0], [3.0]], [[2.0], [1.0]]]
    """
    array = _pairs(pairs)
    if len(array) < 2:
        raise ValueError("pairs must be at least 2 to change partners, got 1")
    order = np.random.default_rng(check_integer("seed", seed, low=0)).permutation(len(array))
    changed = array.copy()
    changed[order, 1] = array[np.roll(order, 1), 1]  # round in a circle: nobody keeps a partner
    return changed


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that a resampling of the values puts around it."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_interval(values: Any, *, confidence: float = 0.95, n_resamples: int = 9999, seed: int = 0) -> Interval:
    """Mean of the values with its bootstrap interval (bias-corrected and accelerated, Efron 1987; by scipy).

    Parameters
    ----------
    values
        Shape (n,), at least two, one for each pair, sentence or concept: what is resampled must be what was sampled.
        The n (n - 1) / 2 cosines between pairs are not; `within_concept_cosines` nearly are.
    confidence
        Strictly between 0 and 1.
    n_resamples
        How often to resample.
    seed
        Of the resampling.

    Examples
    --------
    >>> print(bootstrap_interval([0.1, 0.2, 0.3, 0.4, 0.5]))
    0.300 [0.180, 0.420]
    """
    array = _sample("values", values)
    confidence = check_number("confidence", confidence, low=0.0, high=1.0, open_interval=True)
    n_resamples = check_integer("n_resamples", n_resamples, low=1, high=MAX_RESAMPLES)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    mean = float(array.mean())
    if np.ptp(array) == 0:  # nothing varies; the corrections would divide by that
        return Interval(mean, mean, mean)
    found = stats.bootstrap(
        (array,),
        np.mean,
        confidence_level=confidence,
        n_resamples=n_resamples,
        batch=max(1, BATCH // len(array)),
        rng=generator,
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def permutation_p_value(
    first: Any,
    second: Any,
    *,
    paired: bool = False,
    alternative: str = "greater",
    n_resamples: int = 9999,
    seed: int = 0,
) -> float:
    """How often chance alone makes the mean of `first` exceed that of `second` by as much (by scipy).

    Parameters
    ----------
    first, second
        Shapes (n,) and (k,), at least two each.
    paired
        Whether entry i of both belongs together (the same words with the right and with a wrong partner); then chance
        swaps the two, otherwise it deals all values out anew.
    alternative
        ``"greater"``: the mean of first is greater; ``"less"``; ``"two-sided"``.
    n_resamples
        How often to permute; all permutations are tried where there are no more.
    seed
        Of the permutations.

    Returns
    -------
    p-value, at least 1 / (n_resamples + 1)

    Examples
    --------
    >>> permutation_p_value([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])  # 1 of the 20 ways to deal six values out
    0.05
    """
    left, right = _sample("first", first), _sample("second", second)
    if check_flag("paired", paired) and len(left) != len(right):
        raise ValueError(f"second must have {len(left)} values like first where they are paired, got {len(right)}")
    result = stats.permutation_test(
        (left, right),
        _difference_of_means,
        permutation_type="samples" if paired else "independent",
        alternative=check_choice("alternative", alternative, ALTERNATIVES),
        n_resamples=check_integer("n_resamples", n_resamples, low=1, high=MAX_RESAMPLES),
        batch=max(1, BATCH // (len(left) + len(right))),
        vectorized=True,
        rng=np.random.default_rng(check_integer("seed", seed, low=0)),
    )
    return float(result.pvalue)


def _difference_of_means(first: Array, second: Array, axis: int) -> Array:
    return first.mean(axis=axis) - second.mean(axis=axis)


def _sample(name: str, values: Any) -> Array:
    array = check_array(name, values, shape=("n",))
    if len(array) < 2:
        raise ValueError(f"{name} must hold at least 2 numbers, got {len(array)}")
    return array


def _pairs(pairs: Any) -> Array:
    array = check_array("pairs", pairs, shape=("n_pairs", 2, "dim"))
    if not array.size:
        raise ValueError(f"pairs must hold at least one pair of vectors, got an array of shape {array.shape}")
    return array


def _steering_vectors(pairs: Any) -> Array:
    array = _pairs(pairs)
    return array[:, 1] - array[:, 0]  # (n_pairs, dim)


def _vectors(name: str, vectors: Any, dim: int | None) -> Array:
    """Vectors along the last axis of an array, float64 and finite."""
    array = as_array(name, vectors)
    if not array.ndim or not array.shape[-1] or dim not in (None, array.shape[-1]):
        raise ValueError(f"{name} must have shape (..., {dim or 'dim'}), got {array.shape}")
    return check_array(name, array, shape=array.shape)


def _whiten(vectors: Array, inner_product: CausalInnerProduct) -> Array:
    check_instance("inner_product", inner_product, CausalInnerProduct)
    if vectors.shape[-1] != inner_product.dim:
        raise ValueError(
            f"inner_product must be one of {vectors.shape[-1]} dimensions like the vectors, got {inner_product.dim}"
        )
    return inner_product.whiten(vectors)


def _unit(vectors: Array, inner_product: CausalInnerProduct | None) -> Array:
    white = vectors if inner_product is None else _whiten(vectors, inner_product)
    return _normalize(white.reshape(-1, white.shape[-1])).reshape(white.shape)
