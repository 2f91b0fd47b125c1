"""The hard-margin problem in a given dimension, solved numerically: the independent route for the bottleneck.

    minimise (|F|^2 + |G|^2) / 2   subject to   f(x).(g(y) - g(y')) >= 2 for y ~ x, y' not ~ x.

Its value is the smallest nuclear norm of a table of rank at most d with these margins (the factors of a table Z cost at
least |Z|_*, see `nuclear_norm`). It is not convex in F and G: with few dimensions a start may end in a worse local
minimum, so several are tried and all are reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from linrep_core._checks import check_integer
from linrep_core.geometry import mean_pairwise_cosine, unembedding_steering_vectors
from linrep_core.theorems.bottleneck import MARGIN
from linrep_core.theorems.exact_fit import agreement
from linrep_core.theorems.unlimited_dimension import smallest_margin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MarginSolution:
    """A local minimum: F of shape (3**m, d), G of shape (2**m, d), its cost, and how far its margins fall short."""

    embeddings: Array
    unembeddings: Array
    cost: float
    shortfall: float

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of the unembedding steering vectors, averaged over the concepts."""
        m = len(self.unembeddings).bit_length() - 1
        return float(
            np.mean([mean_pairwise_cosine(unembedding_steering_vectors(self.unembeddings, i)) for i in range(m)])
        )


def margin_pairs(n_concepts: int) -> NDArray[np.int64]:
    """All (x, y, y') with y ~ x and y' not ~ x, shape (n, 3)."""
    agrees = agreement(n_concepts)
    return np.array(np.nonzero(agrees[:, :, None] & ~agrees[:, None, :])).T


def solve_margin_problem(n_concepts: int, dim: int, seed: int = 0) -> MarginSolution:
    """Sequential quadratic programming from a random start.

    Parameters
    ----------
    n_concepts
        1 to 3: the program has (3^m + 2^m) d unknowns.
    dim
        At least 1; below m there is no solution and the shortfall says so.
    """
    m, d = check_integer("n_concepts", n_concepts, low=1, high=3), check_integer("dim", dim, low=1)
    pairs, n_contexts = margin_pairs(m), 3**m
    rows = np.arange(len(pairs))

    def tables(v: Array) -> tuple[Array, Array]:
        return v[: n_contexts * d].reshape(-1, d), v[n_contexts * d :].reshape(-1, d)

    def margins(v: Array) -> Array:
        f, g = tables(v)
        return np.einsum("nd,nd->n", f[pairs[:, 0]], g[pairs[:, 1]] - g[pairs[:, 2]]) - MARGIN

    def gradients(v: Array) -> Array:
        f, g = tables(v)
        by_f, by_g = np.zeros((len(pairs), n_contexts, d)), np.zeros((len(pairs), 2**m, d))
        by_f[rows, pairs[:, 0]] = g[pairs[:, 1]] - g[pairs[:, 2]]
        by_g[rows, pairs[:, 1]] = f[pairs[:, 0]]
        by_g[rows, pairs[:, 2]] = -f[pairs[:, 0]]
        return np.concatenate([by_f.reshape(len(pairs), -1), by_g.reshape(len(pairs), -1)], axis=1)

    start = np.random.default_rng(check_integer("seed", seed, low=0)).standard_normal((n_contexts + 2**m) * d)
    constraint = {"type": "ineq", "fun": margins, "jac": gradients}
    options = {"maxiter": 500, "ftol": 1e-12}
    found = minimize(
        lambda v: (v @ v / 2, v), start, jac=True, constraints=[constraint], method="SLSQP", options=options
    )
    f, g = tables(found.x)
    return MarginSolution(f, g, float(found.fun), max(0.0, MARGIN - smallest_margin(f @ g.T)))
