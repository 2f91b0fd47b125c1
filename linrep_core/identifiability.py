"""When two predictors give the same distribution: what of their representations must agree, and what is free.

Write g0(y) = g(y) - g(pivot). A softmax sees f and g only through the log-odds f(x).g0(y), so two predictors give the
same p(y | x) exactly when these agree. With S = span{g0(y)} and M = the projection of span{f(x)} on S,

    f(x).g0(y) = (P_S f(x)).(P_M g0(y)),    both factors spanning M,    k = dim M = rank of the table of log-odds.

k is the effective complexity. A table of rank k has one factorisation of rank k, up to an invertible map; so predictors
with the same p have P_S' f' = L P_S f and P_M' g0' = L^-T P_M g0 for one linear bijection L: M -> M'. What f has
outside S and g0 has outside M never reaches p, and is free. Proofs: book, part "Identifiability".

Source: the question, and that the answer needs no diversity, are arXiv 2410.23501's ("All or None"; its Theorem 5
matches distributions with classes of predictors). Its full text could not be checked while this was written:
definitions and proofs here are this book's own.

A predictor is a `SoftmaxPredictor` or a pair (embeddings, unembeddings) of tables with rows of the same length. A rank
is the number of singular values above `RANK_TOLERANCE` times the largest; a direction of span{f(x)} counts as seen if
its cosine with S is above the root of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from linrep_core._checks import check_array, check_integer, check_number, shown
from linrep_core.predictor import SoftmaxPredictor

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-9  # singular values up to this share of the largest count as zero
NATS_TOLERANCE = 1e-9  # ln p may differ by so much in predictors that are called equivalent


# ---- what a predictor is made of ------------------------------------------------------------------------------------


def tables(predictor: Any, name: str = "predictor") -> tuple[Array, Array]:
    """The embeddings, shape (n_contexts, dim), and unembeddings, shape (n_tokens, dim), in float64.

    Parameters
    ----------
    predictor
        A `SoftmaxPredictor` or a pair of tables.
    name
        What an error calls it.

    Raises
    ------
    ValueError
        If it is neither, or the tables are empty or of different dimensions.

    Examples
    --------
    >>> f, g = tables(([[1.0, 0.0]], [[0.0, 2.0], [1.0, 1.0]]))
    >>> f.shape, g.shape
    ((1, 2), (2, 2))
    """
    if isinstance(predictor, SoftmaxPredictor):
        pair: Any = (predictor.embeddings, predictor.unembeddings)
    elif isinstance(predictor, tuple | list) and len(predictor) == 2:
        pair = predictor
    else:
        raise ValueError(
            f"{name} must be a SoftmaxPredictor or a pair (embeddings, unembeddings), got {shown(predictor)}"
        )
    f = check_array(f"embeddings of {name}", pair[0], shape=("n_contexts", "dim"))
    g = check_array(f"unembeddings of {name}", pair[1], shape=("n_tokens", "dim"))
    if 0 in f.shape or 0 in g.shape or f.shape[1] != g.shape[1]:
        raise ValueError(f"{name} must have tables with rows of the same length, got shapes {f.shape} and {g.shape}")
    return f, g


def two_predictors(first: Any, second: Any) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The tables of two predictors for the same contexts and tokens; their dimensions may differ.

    Raises
    ------
    ValueError
        If they have different numbers of contexts or tokens, or both name their contexts and name different ones.

    Examples
    --------
    >>> one, other = two_predictors(([[1.0]], [[0.0], [1.0]]), ([[1.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]]))
    >>> other[1].shape
    (2, 2)
    """
    (f, g), (other_f, other_g) = tables(first, "first"), tables(second, "second")
    if len(f) != len(other_f):
        raise ValueError(f"second must have the {len(f)} contexts of first, got {len(other_f)}")
    if len(g) != len(other_g):
        raise ValueError(f"second must have the {len(g)} tokens of first, got {len(other_g)}")
    named = [getattr(predictor, "contexts", None) for predictor in (first, second)]
    if named[0] is not None and named[1] is not None and not np.array_equal(*named):
        raise ValueError(f"second must have the contexts of first in the same order, got {shown(named[1].tolist())}")
    return (f, g), (other_f, other_g)


def pivoted_unembeddings(unembeddings: Any, pivot: int = 0) -> Array:
    """g0(y) = g(y) - g(pivot), shape (n_tokens, dim): all that the probabilities see of g.

    Raises
    ------
    ValueError
        If the pivot is no row of the table.

    Examples
    --------
    >>> pivoted_unembeddings([[1.0, 1.0], [3.0, 2.0]], pivot=1).tolist()
    [[-2.0, -1.0], [0.0, 0.0]]
    """
    g = check_array("unembeddings", unembeddings, shape=("n_tokens", "dim"))
    if len(g) == 0:
        raise ValueError(f"unembeddings must have at least one row, got shape {g.shape}")
    return g - g[check_integer("pivot", pivot, low=0, high=len(g) - 1)]


def span_basis(vectors: Any, tolerance: float = RANK_TOLERANCE) -> Array:
    """An orthonormal basis of the span of the rows, shape (dim, rank).

    Parameters
    ----------
    vectors
        Shape (n, dim).
    tolerance
        Singular values up to this share of the largest count as zero.

    Examples
    --------
    >>> span_basis([[3.0, 0.0], [-1.0, 0.0]]).shape
    (2, 1)
    """
    rows = check_array("vectors", vectors, shape=("n", "dim"))
    share = check_number("tolerance", tolerance, low=0.0, high=1.0, open_interval=True)
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    rank = int((values > share * values[0]).sum()) if values.size else 0
    return _canonical(right[:rank].T)


def intersection(first: Any, second: Any, tolerance: float = RANK_TOLERANCE) -> Array:
    """An orthonormal basis of the directions that lie in both of two spans, shape (dim, rank).

    Parameters
    ----------
    first, second
        Rows that span the two subspaces, shapes (n, dim) and (n', dim).
    tolerance
        A direction of the first counts as lying in the second if the sine of its angle to it is at most
        sqrt(tolerance): what a cosine in float64 can tell.

    Raises
    ------
    ValueError
        If the rows have different lengths.

    Examples
    --------
    >>> abs(intersection([[1.0, 0, 0], [0, 1.0, 0]], [[0, 1.0, 0], [0, 0, 1.0]]).round(6)).tolist()
    [[0.0], [1.0], [0.0]]
    """
    a, b = (check_array(n, v, shape=("n", "dim")) for n, v in (("first", first), ("second", second)))
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"second must have rows of length {a.shape[1]} as first, got {b.shape[1]}")
    one, other = span_basis(a, tolerance), span_basis(b, tolerance)
    left, cosines, _ = np.linalg.svd(one.T @ other)
    return _canonical(one @ left[:, : int((cosines > 1 - tolerance / 2).sum())])


@dataclass(frozen=True)
class Parts:
    """A predictor's spaces, and the parts of its tables that the probabilities see.

    Attributes
    ----------
    embeddings, unembeddings : arrays of shape (n_contexts, dim) and (n_tokens, dim)
        f(x) and g(y).
    pivot : int
        The token whose unembedding is subtracted; the spaces do not depend on it.
    tolerance : float
        Of rank decisions.
    """

    embeddings: Array
    unembeddings: Array
    pivot: int = 0
    tolerance: float = RANK_TOLERANCE

    @cached_property
    def differences(self) -> Array:
        """g0(y) = g(y) - g(pivot), shape (n_tokens, dim)."""
        return pivoted_unembeddings(self.unembeddings, self.pivot)

    @cached_property
    def log_odds(self) -> Array:
        """f(x).g0(y) = ln p(y | x) / p(pivot | x), shape (n_contexts, n_tokens), in nats."""
        return self.embeddings @ self.differences.T

    @cached_property
    def embedding_span(self) -> Array:
        """Basis of span{f(x)}, shape (dim, rank)."""
        return span_basis(self.embeddings, self.tolerance)

    @cached_property
    def unembedding_span(self) -> Array:
        """Basis of S = span{g0(y)}, shape (dim, rank): the directions in which f matters."""
        return span_basis(self.differences, self.tolerance)

    @cached_property
    def seen_space(self) -> Array:
        """Basis of M, the projection of span{f(x)} on S, shape (dim, k): the directions in which g matters."""
        onto_s = self.unembedding_span @ (self.unembedding_span.T @ self.embedding_span)
        # the projected basis has singular values of at most 1: compare with 1, so that no overlap at all counts as none
        left, values, _ = np.linalg.svd(onto_s, full_matrices=False)
        return _canonical(left[:, values > self.tolerance**0.5])

    @property
    def effective_complexity(self) -> int:
        """The dimension k of M, which is the rank of the table of log-odds."""
        return self.seen_space.shape[1]

    @property
    def seen_embeddings(self) -> Array:
        """P_S f(x) in the basis of M, shape (n_contexts, k)."""
        return self.embeddings @ self.seen_space

    @property
    def seen_differences(self) -> Array:
        """P_M g0(y) in the basis of M, shape (n_tokens, k)."""
        return self.differences @ self.seen_space


def parts(predictor: Any, pivot: int = 0, tolerance: float = RANK_TOLERANCE) -> Parts:
    """What of a predictor the probabilities see, and what they do not.

    Parameters
    ----------
    predictor
        A `SoftmaxPredictor` or a pair (embeddings, unembeddings).
    pivot
        The token whose unembedding is subtracted from all others.
    tolerance
        Singular values up to this share of the largest count as zero.

    Raises
    ------
    ValueError
        If the pivot is no token, or for tables that do not fit together.

    Examples
    --------
    >>> seen = parts(([[1.0, 5.0], [2.0, 7.0]], [[0.0, 1.0], [3.0, 1.0]]))  # both g have the same second entry
    >>> seen.effective_complexity, seen.embedding_span.shape[1]
    (1, 2)
    """
    f, g = tables(predictor)
    row = check_integer("pivot", pivot, low=0, high=len(g) - 1)
    share = check_number("tolerance", tolerance, low=0.0, high=1.0, open_interval=True)
    return Parts(f, g, row, share)


def effective_complexity(predictor: Any, tolerance: float = RANK_TOLERANCE) -> int:
    """The rank of the table of log-odds: the smallest dimension in which the same p can be had.

    Examples
    --------
    >>> effective_complexity(([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    1
    """
    return parts(predictor, tolerance=tolerance).effective_complexity


def is_diverse(predictor: Any, tolerance: float = RANK_TOLERANCE) -> bool:
    """Whether the f(x) span all dimensions, and so do the g0(y).

    Examples
    --------
    >>> is_diverse(([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]]))
    True
    """
    seen = parts(predictor, tolerance=tolerance)
    dim = seen.embeddings.shape[1]
    return seen.embedding_span.shape[1] == dim == seen.unembedding_span.shape[1]


# ---- the same distribution ------------------------------------------------------------------------------------------


def log_probabilities(predictor: Any) -> Array:
    """Log-probabilities ln p(y | x), shape (n_contexts, n_tokens), in nats; finite also where p is below any float.

    Examples
    --------
    >>> log_probabilities(([[2000.0]], [[0.0], [1.0]])).tolist()
    [[-2000.0, 0.0]]
    """
    f, g = tables(predictor)
    return log_softmax(f @ g.T, axis=1)


def centred_logits(predictor: Any) -> Array:
    """z(x): the logits minus their mean over tokens, shape (n_contexts, n_tokens), in nats.

    All of f that the probabilities see, in coordinates that equivalent predictors have in common.

    Examples
    --------
    >>> centred_logits(([[1.0]], [[0.0], [2.0]])).tolist()
    [[-1.0, 1.0]]
    """
    f, g = tables(predictor)
    return f @ (g - g.mean(axis=0)).T


def distribution_gap(first: Any, second: Any) -> float:
    """The largest |ln p(y | x) - ln p'(y | x)| of two predictors, in nats: 0 for the same distribution.

    Logarithms are compared, not probabilities: two probabilities of 1e-20 and 1e-30 differ by nothing that a
    tolerance on p could see, and by 23 nats.

    Raises
    ------
    ValueError
        If the predictors are over different contexts or tokens.

    Examples
    --------
    >>> distribution_gap(([[1.0]], [[0.0], [2.0]]), ([[2.0, 9.0]], [[0.0, 4.0], [1.0, 4.0]]))
    0.0
    """
    two_predictors(first, second)
    return float(np.abs(log_probabilities(first) - log_probabilities(second)).max())


def distribution_equivalent(first: Any, second: Any, tolerance: float = NATS_TOLERANCE) -> bool:
    """Whether two predictors give every token the same ln p(y | x), up to `tolerance` nats.

    Examples
    --------
    >>> distribution_equivalent(([[1.0]], [[0.0], [2.0]]), ([[1.0]], [[0.0], [3.0]]))
    False
    """
    return distribution_gap(first, second) <= check_number("tolerance", tolerance, low=0.0)


# ---- the relation between their representations ---------------------------------------------------------------------


@dataclass(frozen=True)
class Relation:
    """The best linear map from one predictor's representations to another's.

    Attributes
    ----------
    matrix : array of shape (dim of the second, dim of the first)
        A, with f' ~ A f and g0 ~ A^T g0' (of the parts compared).
    embedding_residual : float
        |f' - A f| over |f'|, both summed over contexts as a root of squares.
    unembedding_residual : float
        |g0 - A^T g0'| over |g0|, the same over tokens.
    complexities : pair of int
        Effective complexities of the two.
    """

    matrix: Array
    embedding_residual: float
    unembedding_residual: float
    complexities: tuple[int, int]

    @property
    def residual(self) -> float:
        """The larger of the two: 0 when f and g0 are related by A and its inverse transpose."""
        return max(self.embedding_residual, self.unembedding_residual)


def share_left(wanted: Array, found: Array) -> float:
    """Length of what is missing over length of what is wanted, all entries together; 0 when both are 0."""
    left, whole = np.linalg.norm(wanted - found), np.linalg.norm(wanted)
    return float(left / whole) if whole > 0 else float(left > 0)


def _related(f: Array, g0: Array, other_f: Array, other_g0: Array) -> tuple[Array, float, float]:
    """Least squares f' = A f, and how far f' and g0 are from it: A, and the two residuals.

    What A does outside span{f} is left open by f, and chosen to suit the unembeddings.
    """
    matrix = np.linalg.lstsq(f, other_f, rcond=RANK_TOLERANCE)[0].T
    basis = span_basis(f)
    unreached = g0 - g0 @ basis @ basis.T
    matrix = matrix + np.linalg.lstsq(other_g0, unreached, rcond=RANK_TOLERANCE)[0]
    return matrix, share_left(other_f, f @ matrix.T), share_left(g0, other_g0 @ matrix)


def linear_relation(first: Any, second: Any) -> Relation:
    """The classical relation of whole representations: f' = A f and g0 = A^T g0'.

    It holds for every pair with the same distribution that is diverse on both sides, and for a change of basis; for
    other pairs with the same distribution it holds by chance only.

    Examples
    --------
    >>> one = ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(linear_relation(one, change_basis(one, [[2.0, 1.0], [0.0, 1.0]])).residual, 12)
    0.0
    """
    two_predictors(first, second)
    one, other = parts(first), parts(second)
    fitted = _related(one.embeddings, one.differences, other.embeddings, other.differences)
    return Relation(*fitted, (one.effective_complexity, other.effective_complexity))


def extended_linear_relation(first: Any, second: Any, tolerance: float = RANK_TOLERANCE) -> Relation:
    """The relation of the parts that are seen: P_S' f' = L P_S f and P_M g0 = L^T P_M' g0'.

    Parameters
    ----------
    first, second
        Predictors for the same contexts and tokens.
    tolerance
        Of rank decisions: with noise in the tables, its relative size.

    Returns
    -------
    Relation
        `matrix` maps M to M' and is 0 on what is orthogonal to M. The residual is 0 exactly for predictors with the
        same distribution.

    Examples
    --------
    >>> one = ([[1.0, 0.0], [0.0, 1.0], [3.0, 2.0]], [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> other = equivalent_predictor(one, 5, seed=1)
    >>> relation = extended_linear_relation(one, other)
    >>> relation.complexities, relation.residual < 1e-12, linear_relation(one, other).residual > 0.1
    ((1, 1), True, True)
    """
    two_predictors(first, second)
    one, other = parts(first, tolerance=tolerance), parts(second, tolerance=tolerance)
    matrix, *residuals = _related(
        one.seen_embeddings, one.seen_differences, other.seen_embeddings, other.seen_differences
    )
    whole = other.seen_space @ matrix @ one.seen_space.T
    return Relation(whole, *residuals, (one.effective_complexity, other.effective_complexity))


# ---- the shortest tables ---------------------------------------------------------------------------------------------


def balanced_factors(table: Any, rank: int | None = None) -> tuple[Array, Array]:
    """The shortest two tables F, G with F G^T = Z: U sqrt(S) and V sqrt(S), so that F^T F = G^T G = S.

    Singular values that are lost in rounding (as for `numpy.linalg.matrix_rank`) count as 0.

    Parameters
    ----------
    table
        Z, shape (n, k).
    rank
        How many of the largest singular values are kept; all when None. With fewer than there are, F G^T is the table
        of this rank that is nearest to Z.

    Returns
    -------
    arrays of shape (n, rank) and (k, rank)

    Examples
    --------
    >>> f, g = balanced_factors([[0.0, 4.0], [1.0, 0.0]])
    >>> (f @ g.T).round(12).tolist(), (f.T @ f).round(12).tolist()
    ([[0.0, 4.0], [1.0, 0.0]], [[4.0, 0.0], [0.0, 1.0]])
    """
    rows = check_array("table", table, shape=("n", "k"))
    if rows.size == 0:
        raise ValueError(f"table must have at least one row and one column, got shape {rows.shape}")
    kept = min(rows.shape) if rank is None else check_integer("rank", rank, low=1)
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    # rounding of 1e-16 in the table would come back as 1e-8 in both factors
    values[values <= values[0] * max(rows.shape) * np.finfo(float).eps] = 0
    root = np.sqrt(values[:kept])
    return left[:, :kept] * root, right[:kept].T * root


# ---- other predictors with the same distribution --------------------------------------------------------------------


def change_basis(predictor: Any, matrix: Any) -> SoftmaxPredictor:
    """Other coordinates, the same logits: f' = A f and g' = A^-T g.

    Parameters
    ----------
    predictor
        The predictor, dimension d.
    matrix
        A, shape (d, d), invertible.

    Raises
    ------
    ValueError
        If the matrix is singular (by `RANK_TOLERANCE`) or of another shape.

    Examples
    --------
    >>> change_basis(([[1.0]], [[0.0], [1.0]]), [[4.0]]).unembeddings.tolist()
    [[0.0], [0.25]]
    """
    f, g = tables(predictor)
    a = check_array("matrix", matrix, shape=(f.shape[1], f.shape[1]))
    rank = span_basis(a).shape[1]
    if rank < len(a):
        raise ValueError(f"matrix must be invertible, got rank {rank} of {len(a)}")
    return _predictor(f @ a.T, np.linalg.solve(a.T, g.T).T, predictor)


def move_along(predictor: Any, embedding_shifts: Any, unembedding_shifts: Any) -> SoftmaxPredictor:
    """Shift f(x) and g(y) by what p does not see of two tables; what it would see of them is taken out first.

    The embeddings' shifts keep their part outside S, the unembeddings' shifts theirs in S and outside M. So a
    predictor can be moved continuously (multiply the shifts by a number) while every probability stays the same.

    Parameters
    ----------
    predictor
        The predictor, dimension d.
    embedding_shifts, unembedding_shifts
        Shapes (n_contexts, d) and (n_tokens, d), or anything that broadcasts to them, such as 0.

    Examples
    --------
    >>> one = ([[1.0, 0.0]], [[0.0, 0.0], [3.0, 0.0]])
    >>> move_along(one, [[2.0, 5.0]], 0).embeddings.tolist()
    [[1.0, 5.0]]
    """
    seen = parts(predictor)
    f, g = seen.embeddings, seen.unembeddings
    moved_f = _broadcast("embedding_shifts", embedding_shifts, f.shape)
    moved_g = _broadcast("unembedding_shifts", unembedding_shifts, g.shape)
    onto_s = seen.unembedding_span @ seen.unembedding_span.T
    onto_m = seen.seen_space @ seen.seen_space.T
    return _predictor(f + moved_f - moved_f @ onto_s, g + moved_g @ onto_s - moved_g @ onto_m, predictor)


def equivalent_predictor(
    predictor: Any,
    dim: int | None = None,
    *,
    embedding_room: int | None = None,
    free_scale: float = 1.0,
    seed: int = 0,
) -> SoftmaxPredictor:
    """A random predictor with the same distribution, in any dimension from k on: every such predictor can come out.

    R^dim is split into M' (k dimensions), room for f alone and room for g alone. The seen parts are mapped into M' by
    a random invertible L and its inverse transpose; the rooms are filled with noise; all is turned at random.

    Parameters
    ----------
    predictor
        The predictor to start from; only its distribution matters.
    dim
        Dimension of the new one, at least the effective complexity k; by default that of the old one.
    embedding_room
        How many of the dim - k spare dimensions f has to itself; g0 has the others. By default half, rounded up.
    free_scale
        Standard deviation of what fills the rooms; 0 leaves them empty.
    seed
        Fixes the numbers.

    Raises
    ------
    ValueError
        If dim is below k, or the room beyond dim - k.

    Examples
    --------
    >>> one = ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> [round(distribution_gap(one, equivalent_predictor(one, dim)), 12) for dim in (1, 2, 7)]
    [0.0, 0.0, 0.0]
    """
    seen = parts(predictor)
    k = seen.effective_complexity
    if k == 0:
        raise ValueError("predictor must tell tokens apart in some context, got effective complexity 0")
    new_dim = seen.embeddings.shape[1] if dim is None else check_integer("dim", dim, low=k)
    spare = new_dim - k
    if embedding_room is None:
        room = (spare + 1) // 2
    else:
        room = check_integer("embedding_room", embedding_room, low=0, high=spare)
    scale = check_number("free_scale", free_scale, low=0.0)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    bijection, turn = _invertible(k, rng), _orthogonal(new_dim, rng)
    n_contexts, n_tokens = len(seen.embeddings), len(seen.unembeddings)
    f_room = scale * rng.standard_normal((n_contexts, room))
    g_room = scale * rng.standard_normal((n_tokens, spare - room))
    f = np.hstack([seen.seen_embeddings @ bijection.T, f_room, np.zeros((n_contexts, spare - room))])
    g = np.hstack([np.linalg.solve(bijection.T, seen.seen_differences.T).T, np.zeros((n_tokens, room)), g_room])
    return _predictor(f @ turn, (g + scale * rng.standard_normal(new_dim)) @ turn, predictor)


def _predictor(f: Array, g: Array, like: Any) -> SoftmaxPredictor:
    """Tables as a predictor, with the contexts that the old one names."""
    contexts, n_tellings = getattr(like, "contexts", None), getattr(like, "n_tellings", 2)
    return SoftmaxPredictor(torch.as_tensor(f), torch.as_tensor(g), contexts, n_tellings)


def _broadcast(name: str, value: Any, shape: tuple[int, int]) -> Array:
    """An array of that shape from a number, a row, or a table."""
    if np.ndim(value) == 0:
        return np.full(shape, check_number(name, value, low=-np.inf))
    return check_array(name, value, shape=shape)


def _canonical(basis: Array) -> Array:
    """The same span in a basis that does not depend on how a machine computes singular vectors."""
    dim, rank = basis.shape
    fixed = np.random.default_rng(0).standard_normal((dim, rank))  # generic columns, projected on the span
    columns, triangle = np.linalg.qr(basis @ (basis.T @ fixed))
    return columns * np.where(np.diag(triangle) < 0, -1.0, 1.0)


def _orthogonal(dim: int, rng: np.random.Generator) -> Array:
    """A random rotation or reflection."""
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0]


def _invertible(dim: int, rng: np.random.Generator) -> Array:
    """A random matrix with singular values between 0.6 and 1.65."""
    return _orthogonal(dim, rng) * np.exp(rng.uniform(-0.5, 0.5, size=dim)) @ _orthogonal(dim, rng)
