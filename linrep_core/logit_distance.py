"""Distances between the distributions of two predictors, and what they say about the distance of representations.

The logit distance is the length of the difference of two predictors' centred logits. It bounds how far apart their
representations are after the best allowed linear map; the Kullback-Leibler divergence does not: where one token has
nearly all the probability, everything else about the logits can differ while the divergence is nearly 0.

Sources: arXiv 2602.15438 (Nielsen, Marconato, Gresele, Dittadi, Buchholz) states that a logit distance bounds
representational dissimilarity, and that KL bounds the logit distance when probabilities stay away from zero. Its
public code (bemigini/logit-distance-bounds-rep-sim) confirms two definitions used here: the logit distance, the root of
the mean over contexts of the squared length of the difference of logits, unembeddings centred over tokens; and the
dissimilarity through sets of labels (`label_dissimilarity`). It also plots, as "theorem F.1", the two sides of
`correlation_shortfall`; the statement could not be read, the proof is this book's own, as are
`representation_dissimilarity` and the constants of all bounds.

The regression on log posteriors asks the question of arXiv 2503.08980 (Liu and others): are representations an affine
function of the log posteriors of the concepts behind the text? Its abstract says so, approximately; the conditions
could not be checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import (
    as_array,
    check_array,
    check_flag,
    check_integer,
    check_number,
    check_sequence,
    shown,
)
from linrep_core.identifiability import (
    RANK_TOLERANCE,
    centred_logits,
    log_probabilities,
    pivoted_unembeddings,
    tables,
    two_predictors,
)

Array = NDArray[np.float64]

MAX_INPUTS = 2**20  # of one token, in `swapped_labels_pair`


# ---- between distributions ------------------------------------------------------------------------------------------


def centred_log_probabilities(probabilities: Any) -> Array:
    """Each row's ln p(y | x) minus its mean over tokens: a predictor's logits, centred, from its distribution alone.

    Parameters
    ----------
    probabilities
        p(y | x), shape (n_contexts, n_tokens); rows sum to 1.

    Raises
    ------
    ValueError
        If a probability is zero (its logit would be minus infinity) or a row does not sum to 1.

    Examples
    --------
    >>> centred_log_probabilities([[0.5, 0.5], [0.8, 0.2]]).round(4).tolist()
    [[0.0, 0.0], [0.6931, -0.6931]]
    """
    logs = np.log(_positive_rows("probabilities", probabilities))
    return logs - logs.mean(axis=-1, keepdims=True)


def logit_distance(first: Any, second: Any, weights: Any = None) -> float:
    """Root of the mean over contexts of |z(x) - z'(x)|^2, with z the logits minus their mean over tokens; in nats.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.
    weights
        Of contexts, shape (n_contexts,), not negative, summing to 1; equal when None.

    Raises
    ------
    ValueError
        For predictors over different contexts or tokens, or weights that are none.

    Examples
    --------
    >>> round(logit_distance(([[1.0]], [[0.0], [2.0]]), ([[1.0]], [[0.0], [4.0]])), 6)
    1.414214
    """
    two_predictors(first, second)
    difference = centred_logits(first) - centred_logits(second)
    return _root_mean_square(difference, _weights(weights, len(difference)))


def kl_divergence(first: Any, second: Any, weights: Any = None) -> float:
    """Mean over contexts of KL(p(. | x) || p'(. | x)), in nats.

    Never infinite: a predictor's probabilities are positive, however small, and their logarithms are used.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.
    weights
        Of contexts; equal when None.

    Examples
    --------
    >>> round(kl_divergence(([[1.0]], [[0.0], [0.0]]), ([[1.0]], [[0.0], [2.0]])), 6)
    0.433781
    """
    (f, _), _ = two_predictors(first, second)
    logs, others = log_probabilities(first), log_probabilities(second)
    each = (np.exp(logs) * (logs - others)).sum(axis=1)
    return max(0.0, float(_weights(weights, len(f)) @ each))  # rounding can take 0 below 0


def smallest_probability(predictor: Any) -> float:
    """The smallest p(y | x) of all, 0 if it is too small for a float.

    Examples
    --------
    >>> smallest_probability(([[0.0], [1.0]], [[0.0], [0.0]]))
    0.5
    """
    return float(np.exp(log_probabilities(predictor).min()))


# ---- between representations ----------------------------------------------------------------------------------------


def representation_dissimilarity(first: Any, second: Any, weights: Any = None) -> float:
    """How far f is, where p sees it, from the linear map of f' that the unembeddings prescribe.

    With G and G' the centred unembeddings (rows are tokens), equal distributions mean G f = G' f', so the part of f
    that is seen is G^+ G' f' (^+ is the pseudo-inverse). This is the root of the mean over contexts of
    |G^+ G f - G^+ G' f'|^2: 0 for equal distributions, and at most `dissimilarity_bound` otherwise.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens; the answer is in the units of the first.
    weights
        Of contexts; equal when None.

    Examples
    --------
    >>> round(representation_dissimilarity(([[1.0]], [[0.0], [2.0]]), ([[1.0]], [[0.0], [4.0]])), 6)
    1.0
    """
    (f, g), (other_f, other_g) = two_predictors(first, second)
    centred, other = g - g.mean(axis=0), other_g - other_g.mean(axis=0)
    back = np.linalg.pinv(centred, rcond=RANK_TOLERANCE)  # (dim, n_tokens)
    return _root_mean_square(f @ (back @ centred).T - other_f @ (back @ other).T, _weights(weights, len(f)))


def smallest_stretch(predictor: Any) -> float:
    """The smallest singular value, above rank decisions, of the centred unembeddings.

    Raises
    ------
    ValueError
        If all unembeddings are equal, so that there is none.

    Examples
    --------
    >>> round(smallest_stretch(([[1.0]], [[0.0], [2.0]])), 6)
    1.414214
    """
    _, g = tables(predictor)
    values = np.linalg.svd(g - g.mean(axis=0), compute_uv=False)
    if values[0] <= RANK_TOLERANCE * np.abs(g).max():
        raise ValueError("predictor must have unembeddings that differ from each other, got all the same")
    return float(values[values > RANK_TOLERANCE * values[0]].min())


def dissimilarity_bound(first: Any, second: Any, weights: Any = None) -> float:
    """The logit distance over the first predictor's smallest stretch: at least `representation_dissimilarity`.

    Proof: G^+ (G f - G' f') is at most |G f - G' f'| / sigma long, with sigma the smallest singular value of G.

    Examples
    --------
    >>> round(dissimilarity_bound(([[1.0]], [[0.0], [2.0]]), ([[1.0]], [[0.0], [4.0]])), 6)
    1.0
    """
    return logit_distance(first, second, weights) / smallest_stretch(first)


def label_dissimilarity(first: Any, second: Any, tokens: Any, pivot: int = 0, weights: Any = None) -> float:
    """The same through d tokens and a pivot only: root of the mean of |f - L^-1 L' f'|^2, rows of L g(y) - g(pivot).

    This is what the public code of arXiv 2602.15438 averages (squared) over random pivots and sets of labels.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.
    tokens
        As many different tokens as the first has dimensions, none of them the pivot.
    pivot
        The token that is subtracted.
    weights
        Of contexts; equal when None.

    Raises
    ------
    ValueError
        If the tokens are not that many, out of range, or their unembeddings minus the pivot's do not span all
        dimensions.

    Examples
    --------
    >>> one = ([[1.0, 2.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> label_dissimilarity(one, one, tokens=[1, 2])
    0.0
    """
    (f, g), (other_f, other_g) = two_predictors(first, second)
    dim = f.shape[1]
    rows = [check_integer("tokens", t, low=0, high=len(g) - 1) for t in check_sequence("tokens", tokens, length=dim)]
    near, other = pivoted_unembeddings(g, pivot)[rows], pivoted_unembeddings(other_g, pivot)[rows]
    values = np.linalg.svd(near, compute_uv=False)
    if values[-1] <= RANK_TOLERANCE * values[0]:
        raise ValueError(
            f"tokens must have unembeddings that span {dim} dimensions with the pivot, got {shown(rows)} and {pivot}"
        )
    return _root_mean_square(f - np.linalg.solve(near, other @ other_f.T).T, _weights(weights, len(f)))


def canonical_correlations(first: Any, second: Any, *, centred: bool = True, weights: Any = None) -> Array:
    """How alike two sets of vectors are up to linear maps: 1 for each direction of one that is linear in the other.

    The cosines of the principal angles between the spans of the two tables' columns. No invertible linear map of either
    table changes them.

    Parameters
    ----------
    first, second
        Shapes (n, dim) and (n, other dim), a row of one belonging to the same row of the other.
    centred
        Whether the mean of each column is taken out first (then affine maps change nothing either).
    weights
        Of rows; equal when None.

    Returns
    -------
    array of shape (smaller of the two ranks,)
        In [0, 1], the largest first.

    Raises
    ------
    ValueError
        For different numbers of rows, or a table without any variation.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(9, 2))
    >>> canonical_correlations(points, points @ [[2.0, 1.0], [0.0, 3.0]] + 5).round(6).tolist()
    [1.0, 1.0]
    """
    one = check_array("first", first, shape=("n", "dim"))
    other = check_array("second", second, shape=("n", "dim"))
    if len(one) != len(other) or 0 in (one.size, other.size):
        raise ValueError(f"second must have a row for each of the {len(one)} rows of first, got {len(other)}")
    bases = [
        _column_basis(name, table, _weights(weights, len(one)), check_flag("centred", centred))
        for name, table in (("first", one), ("second", other))
    ]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).clip(0.0, 1.0)


def logit_spectrum(predictor: Any, *, centred: bool = True, weights: Any = None) -> Array:
    """Eigenvalues of the covariance of the logits z(x) over contexts, the largest first, in squared nats.

    Parameters
    ----------
    predictor
        A `SoftmaxPredictor` or a pair of tables.
    centred
        If False, of the mean of z z^T about 0, not about the mean context.
    weights
        Of contexts; equal when None.

    Returns
    -------
    array of shape (the smaller of n_contexts and n_tokens,)

    Examples
    --------
    >>> logit_spectrum(([[1.0], [-1.0]], [[0.0], [2.0]])).round(6).tolist()
    [2.0, 0.0]
    """
    logits = centred_logits(predictor)
    rows = _about(logits, _weights(weights, len(logits)), check_flag("centred", centred))
    return np.linalg.svd(rows, compute_uv=False) ** 2


def correlation_shortfall(first: Any, second: Any, *, centred: bool = True, weights: Any = None) -> float:
    """Sum over i of (1 - rho_i^2) lambda_i: what missing correlation costs in logits; at most `logit_distance` squared.

    rho are the canonical correlations of the two predictors' embeddings (0 where there are no more), lambda the
    first one's `logit_spectrum`, both from the largest on and both about the same point. So where the first predictor's
    logits vary much, the embeddings of one that is close in logits must vary with them.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens; dimensions may differ.
    centred
        Whether both are about the mean context, or both about 0.
    weights
        Of contexts; equal when None.

    Examples
    --------
    >>> one, other = near_zero_divergence_pair(40.0)
    >>> 0 < correlation_shortfall(one, other) <= logit_distance(one, other) ** 2
    True
    """
    (f, _), (other_f, _) = two_predictors(first, second)
    correlations = canonical_correlations(f, other_f, centred=centred, weights=weights)
    return missing_variance(correlations, logit_spectrum(first, centred=centred, weights=weights))


def missing_variance(correlations: Any, variances: Any) -> float:
    """Sum of (1 - rho_i^2) lambda_i; correlations beyond those given count as 0.

    Parameters
    ----------
    correlations
        rho, in [0, 1], any number of them.
    variances
        lambda, not negative, any number of them.

    Examples
    --------
    >>> missing_variance([1.0, 0.5], [4.0, 2.0, 1.0])
    2.5
    """
    rho = check_array("correlations", correlations, shape=("n",))
    values = check_array("variances", variances, shape=("n",))
    for name, array, high in (("correlations", rho, 1.0), ("variances", values, np.inf)):
        outside = array[(array < 0) | (array > high)]
        if outside.size:
            raise ValueError(f"{name} must lie between 0 and {high:g}, got {outside[0]:g}")
    n = min(len(rho), len(values))
    return float(values.sum() - (rho[:n] ** 2 * values[:n]).sum())


# ---- representations and concepts -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PosteriorRegression:
    """Representations as an affine function of log posteriors of concepts.

    Attributes
    ----------
    matrix : array of shape (dim, number of log posteriors)
        A, in f(x) ~ A [log p(c | x)] + b; the smallest one, as the log posteriors of one concept depend on each other.
    offset : array of shape (dim,)
        The constant b.
    r_squared : float
        1 - squared length of what is left over squared length of f around its mean, over all dimensions.
    spare : int
        Contexts beyond what the fit could meet whatever they are.
    """

    matrix: Array
    offset: Array
    r_squared: float
    spare: int


def log_posterior_regression(representations: Any, posteriors: Any) -> PosteriorRegression:
    """Least squares of f(x) on the logarithms of p(c | x), for all concepts together.

    Parameters
    ----------
    representations
        f(x), shape (n_contexts, dim), not all the same.
    posteriors
        p(c | x), shape (n_contexts, n_values) for one concept or (n_contexts, n_concepts, n_values) for several;
        positive, summing to 1 over values.

    Raises
    ------
    ValueError
        If a posterior is zero or does not sum to 1, for different numbers of contexts, or if all f are equal.

    Examples
    --------
    >>> p = np.array([0.1, 0.3, 0.5, 0.8])
    >>> f = np.log(p / (1 - p))[:, None] * [[2.0, -1.0]] + 5
    >>> round(log_posterior_regression(f, np.column_stack([1 - p, p])).r_squared, 6)
    1.0
    """
    f = check_array("representations", representations, shape=("n_contexts", "dim"))
    table = _positive_rows("posteriors", posteriors)
    if len(table) != len(f) or f.size == 0:
        raise ValueError(f"posteriors must have one row for each of the {len(f)} representations, got {len(table)}")
    logs = np.log(table).reshape(len(f), -1)
    inputs, wanted = logs - logs.mean(axis=0), f - f.mean(axis=0)
    whole = (wanted**2).sum()
    if np.abs(wanted).max() <= 1e-14 * np.abs(f).max():
        raise ValueError(f"representations must differ between contexts, got {shown(f[0].tolist())} in all")
    weights, _, rank, _ = np.linalg.lstsq(inputs, wanted, rcond=1e-12)
    left = ((wanted - inputs @ weights) ** 2).sum()
    offset = f.mean(axis=0) - logs.mean(axis=0) @ weights
    return PosteriorRegression(weights.T, offset, float(1 - left / whole), len(f) - 1 - int(rank))


# ---- two predictors whose divergence is nearly 0 --------------------------------------------------------------------


def near_zero_divergence_pair(scale: float, angle: float = 20.0) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Two predictors with the same winners and unrelated representations: KL goes to 0 as they grow, nothing else does.

    Four tokens stand at the corners of a square. Two contexts a token point near it, one `angle` to its left and one
    to its right; in the second predictor these two are swapped, for every second token. Whatever the scale, no linear
    map takes one predictor's embeddings to the other's, while the divergence falls like exp(-scale (cos - sin)).

    Parameters
    ----------
    scale
        Length of every f(x), above 0; every g(y) has length 1.
    angle
        Degrees, strictly between 0 and 45.

    Returns
    -------
    two pairs of (embeddings, unembeddings), shapes (8, 2) and (4, 2)

    Examples
    --------
    >>> one, other = near_zero_divergence_pair(40.0)
    >>> kl_divergence(one, other) < 1e-8, logit_distance(one, other) > 10
    (True, True)
    """
    length = check_number("scale", scale, low=0.0, open_interval=True)
    side = np.deg2rad(check_number("angle", angle, low=0.0, high=45.0, open_interval=True))
    corners = np.pi / 2 * np.arange(4)
    g = _on_circle(corners)
    sides = np.array([[-side, side]] * 4)
    swapped = np.where((np.arange(4) % 2 == 1)[:, None], -sides, sides)
    first, second = (length * _on_circle((corners[:, None] + each).ravel()) for each in (sides, swapped))
    return (first, g), (second, g.copy())


def swapped_labels_pair(n_inputs: int = 500, *, seed: int = 0) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Two predictors with equal embeddings and two pairs of unembeddings swapped: nearly the same distribution.

    Eight tokens in the plane. Four stand close together, and inputs point at each of them. The other four come in two
    pairs; inputs of a pair point halfway between its two, so that swapping these changes little of what is predicted.

    Parameters
    ----------
    n_inputs
        Inputs drawn for each of the eight tokens, at least 1.
    seed
        Fixes the inputs: angles spread by up to pi / 256, lengths 2 + |normal|.

    Returns
    -------
    two pairs of (embeddings, unembeddings), shapes (8 n_inputs, 2) and (8, 2)
        Inputs in the order of the tokens they were drawn for.

    Notes
    -----
    The worked example of arXiv 2602.15438's public code, file examples/small_kl_eq_emb_unemb_not_linear.py, rebuilt.

    Examples
    --------
    >>> one, other = swapped_labels_pair()
    >>> round(kl_divergence(one, other), 3), round(float(canonical_correlations(one[1], other[1]).mean()), 3)
    (0.005, 0.674)
    """
    count = check_integer("n_inputs", n_inputs, low=1, high=MAX_INPUTS)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    step = np.pi / 16
    g = 5.5 * _on_circle(step * np.array([0, 1, 2, 3, 10, 16, 20, 26]))
    aims = step * np.array([0, 1, 2, 3, 13, 13, 23, 23])
    angles = aims[:, None] + rng.uniform(-np.pi / 256, np.pi / 256, size=(8, count))
    lengths = 2 + np.abs(rng.standard_normal((8, count)))
    f = (lengths[:, :, None] * _on_circle(angles)).reshape(-1, 2)
    return (f, g), (f.copy(), g[[0, 1, 2, 3, 5, 4, 7, 6]])


# ---- helpers --------------------------------------------------------------------------------------------------------


def _on_circle(angles: Array) -> Array:
    """Points at these angles on the circle of radius 1, a last axis of two more."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _about(table: Array, weights: Array, centred: bool) -> Array:
    """Rows times the root of their weights, so that sums of squares are means; about their mean if asked."""
    rows = table - weights @ table if centred else table
    return rows * np.sqrt(weights)[:, None]


def _column_basis(name: str, table: Array, weights: Array, centred: bool) -> Array:
    """An orthonormal basis of the span of the columns, shape (n, rank)."""
    left, values, _ = np.linalg.svd(_about(table, weights, centred), full_matrices=False)
    if values[0] <= 1e-14 * np.abs(table).max():
        raise ValueError(f"{name} must have rows that differ, got {shown(table[0].tolist())} in all")
    return left[:, values > RANK_TOLERANCE * values[0]]


def _root_mean_square(rows: Array, weights: Array) -> float:
    return float(np.sqrt(weights @ (rows**2).sum(axis=1)))


def _weights(weights: Any, n: int) -> Array:
    if weights is None:
        return np.full(n, 1.0 / n)
    given = check_array("weights", weights, shape=(n,))
    if given.min() < 0 or abs(given.sum() - 1) > 1e-9:
        raise ValueError(f"weights must not be negative and sum to 1, got {shown(given.tolist())}")
    return given


def _positive_rows(name: str, value: Any) -> Array:
    several = name == "posteriors" and as_array(name, value).ndim == 3
    shape = ("n", "concepts", "values") if several else ("n", "values")
    table = check_array(name, value, shape=shape)
    if table.size == 0 or table.min() <= 0:
        found = f"{table.min():g}" if table.size else f"shape {table.shape}"
        raise ValueError(f"{name} must be above 0, since their logarithms are taken, got {found}")
    sums = table.sum(axis=-1)
    if np.abs(sums - 1).max() > 1e-9:
        worst = sums.ravel()[np.abs(sums - 1).argmax()]
        raise ValueError(f"{name} must sum to 1 over the last axis, got {worst:g}")
    return table
