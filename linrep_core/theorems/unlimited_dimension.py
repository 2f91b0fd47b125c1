"""With as many dimensions as one likes, the smallest hard-margin predictor is not linear: here is how bent it is.

In words: gradient descent on tables f and g of any dimension looks, in the end, for the hard-margin table of logits
Z(x, y) = f(x).g(y) of smallest nuclear norm (see `joint_kkt`). This table can be computed exactly. In a formula:

    Z(x, y) - Z(x, y') >= 2 whenever y agrees with x and y' does not   =>   |Z|_* >= N(m),

where N(m) is the value of a convex program in m (m + 1) / 2 numbers, and a table that depends on x and y only through
the number n of concepts told and the number k of those that y contradicts reaches it.

Proof in four steps. (1) Flip a concept in contexts and tokens alike, or permute concepts: rows and columns of Z change
places, which leaves |Z|_* and the constraints alone. (2) The mean of Z over all these symmetries satisfies the
constraints, which are linear, and is not larger, since a norm is convex. It depends on n and k only: Z = -u(n, k) up
to a constant in each row, with u(n, 0) = 0. (3) Such a table maps the character chi_S(y) = prod_(i in S) (-1)^(y_i) to
a multiple of chi_S(x) on the contexts that tell all of S, and to 0 elsewhere; images of different characters are
orthogonal. So the characters are the singular vectors, and the singular value depends on |S| only:

    sigma_s^2 = 2^-m sum_n C(m-s, n-s) 2^n [2^(m-n) sum_k u(n, k) K_k(s; n)]^2,  |Z|_* = sum_s C(m, s) sigma_s,

K_k(s; n) = sum_j (-1)^j C(s, j) C(n-s, k-j) (Krawtchouk's numbers). (4) What is left is to minimise over u(n, k) >= 2.

The number of a dimension's worth: a word's coordinate on chi_S is sqrt(sigma_|S|) chi_S(y) 2^(-m/2). The coordinates
with |S| = 1 are the linear part, all others bend it. The program is a weighted sum of norms and so, like the lasso,
switches whole degrees off: from m = 4 on, the highest ones are exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from linrep_core._checks import check_integer
from linrep_core.theorems.bottleneck import MARGIN, linear_table, product_table
from linrep_core.theorems.exact_fit import agreement
from linrep_core.theorems.nuclear_norm import nuclear_norm
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most

Array = NDArray[np.float64]

ROUNDS = 300  # leaves a duality gap of at most 1e-5 of the norm up to m = 8
SMALLEST_ETA = 1e-9
MAX_CONCEPTS = 8
SWITCHED_OFF = 1e-4  # singular values below this share of sigma_1 count as 0


@dataclass(frozen=True)
class SmallestTable:
    """The optimum of the symmetric program for m concepts.

    Attributes
    ----------
    n_concepts : int
    gaps : dict
        (concepts told n, contradicted k) -> u(n, k), how many nats such a token lies below the agreeing ones.
    singular_values : array of shape (m + 1,)
        sigma_s at index s; sigma_0 = 0. Degree s has C(m, s) of them.
    nuclear_norm : float
    duality_gap : float
        The nuclear norm minus the dual value of the same point: an upper bound on how far it is from N(m).
    """

    n_concepts: int
    gaps: dict[tuple[int, int], float]
    singular_values: Array
    nuclear_norm: float
    duality_gap: float

    @property
    def rank(self) -> int:
        """Dimensions that the table needs."""
        return sum(
            comb(self.n_concepts, s)
            for s in np.flatnonzero(self.singular_values > SWITCHED_OFF * self.singular_values[1])
        )

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of the unembedding steering vectors of a concept, self-pairs excluded (`geometry.linearity`)."""
        m, values = self.n_concepts, self.singular_values
        length = sum(comb(m - 1, s - 1) * values[s] for s in range(1, m + 1))  # of a steering vector, squared
        n_vectors = 2 ** (m - 1)
        if n_vectors == 1:
            return 1.0
        return float((n_vectors * values[1] / length - 1) / (n_vectors - 1))

    def table(self) -> Array:
        """The table itself, shape (3**m, 2**m), each row with mean 0."""
        told, contradicted = counts(self.n_concepts)
        gaps = np.zeros((self.n_concepts + 1,) * 2)
        for (n, k), gap in self.gaps.items():
            gaps[n, k] = gap
        table = -gaps[told[:, None], contradicted]
        return table - table.mean(axis=1, keepdims=True)


def counts(n_concepts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Concepts told by each context, shape (3**m,), and contradicted by each token, shape (3**m, 2**m)."""
    told, wrong = np.zeros(1, dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
    for _ in range(n_concepts):
        told = np.add.outer(told, [1, 1, 0]).reshape(-1)
        one = np.array([[0, 1], [1, 0], [0, 0]])  # context 0, 1, unknown by token 0, 1
        wrong = (wrong[:, None, :, None] + one[None, :, None, :]).reshape(3 * len(wrong), -1)
    return told, wrong


def krawtchouk(k: int, s: int, n: int) -> int:
    """sum_j (-1)^j C(s, j) C(n - s, k - j): the sum of chi_S over the tokens with k of n told concepts wrong."""
    return sum((-1) ** j * comb(s, j) * comb(n - s, k - j) for j in range(k + 1))


@lru_cache(maxsize=16)
def singular_maps(n_concepts: int) -> tuple[list[tuple[int, int]], list[Array]]:
    """The pairs (n, k), and for each degree s >= 1 the matrix A_s with sigma_s = |A_s u|."""
    m = n_concepts
    pairs = [(n, k) for n in range(1, m + 1) for k in range(1, n + 1)]
    maps = []
    for s in range(1, m + 1):
        matrix = np.zeros((m + 1 - s, len(pairs)))
        for column, (n, k) in enumerate(pairs):
            if n >= s:
                matrix[n - s, column] = 2 ** (m - n) * sqrt(comb(m - s, n - s) * 2.0 ** (n - m)) * krawtchouk(k, s, n)
        maps.append(matrix)
    return pairs, maps


@lru_cache(maxsize=16)
def smallest_table(n_concepts: int) -> SmallestTable:
    """Minimise the nuclear norm over u(n, k) >= 2 by reweighted least squares, and bound the error by duality.

    Since c |v| = min over eta > 0 of c (|v|^2 / eta + eta) / 2, reached at eta = |v|, each round is a least-squares
    problem with bounds, solved exactly, followed by new weights.

    Examples
    --------
    >>> round(smallest_table(2).nuclear_norm, 4), round(smallest_table(2).mean_cosine, 4)
    (8.9282, 0.2679)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CONCEPTS)
    pairs, maps = singular_maps(m)
    copies = np.array([comb(m, s) for s in range(1, m + 1)], dtype=np.float64)
    u = np.array([MARGIN * k for _, k in pairs])  # the linear table
    for floor in np.geomspace(1.0, SMALLEST_ETA, ROUNDS):
        eta = np.hypot([np.linalg.norm(matrix @ u) for matrix in maps], floor)
        stacked = np.concatenate([sqrt(c / e) * matrix for c, e, matrix in zip(copies, eta, maps, strict=True)])
        solution = lsq_linear(stacked, np.zeros(len(stacked)), bounds=(MARGIN, np.inf), method="bvls", tol=1e-15)
        u = np.maximum(solution.x, MARGIN)

    values = np.array([0.0, *(np.linalg.norm(matrix @ u) for matrix in maps)])
    norm = float(copies @ values[1:])
    weights = [matrix @ u / max(np.linalg.norm(matrix @ u), e) for matrix, e in zip(maps, eta, strict=True)]
    dual = sum(c * matrix.T @ w for c, matrix, w in zip(copies, maps, weights, strict=True))
    # |Z|_* >= dual.u for every feasible u, since the weights have length at most 1, and u >= 2 where the dual is
    # positive; its negative entries are rounding, counted at the u that was found
    lower_bound = MARGIN * float(np.clip(dual, 0, None).sum()) + float(np.clip(dual, None, 0) @ u)
    return SmallestTable(m, dict(zip(pairs, map(float, u), strict=True)), values, norm, norm - lower_bound)


# ---- the statement --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A table of logits for all contexts and tokens, shape (3**m, 2**m)."""

    logits: Array

    @property
    def n_concepts(self) -> int:
        """The number of concepts m."""
        return self.logits.shape[1].bit_length() - 1


def smallest_margin(logits: Array) -> float:
    """The smallest Z(x, y) - Z(x, y') over all y that agree with x and y' that do not, in nats."""
    agrees = agreement(logits.shape[1].bit_length() - 1)
    lowest_good = np.where(agrees, logits, np.inf).min(axis=1)
    highest_bad = np.where(agrees, -np.inf, logits).max(axis=1)
    return float((lowest_good - highest_bad).min())


def hypotheses(case: Case) -> list[Hypothesis]:
    """Every token that agrees lies at least 2 nats above every token that does not."""
    return [at_most("margins", MARGIN - smallest_margin(case.logits), 1e-9)]


def conclusion(case: Case) -> Conclusion:
    """The value of the program over the norm of the table."""
    ratio = smallest_table(case.n_concepts).nuclear_norm / nuclear_norm(case.logits)
    return Conclusion("smallest possible nuclear norm / nuclear norm", ratio, 1 + 1e-6)


def example(seed: int, size: int) -> Case:
    """A random mixture of the smallest, the linear and the product table, disturbed, and scaled back to margin 2."""
    rng = np.random.default_rng(seed)
    mixture = rng.dirichlet([0.5, 0.5, 0.5])
    tables = smallest_table(size).table(), linear_table(size), product_table(size)
    logits = sum(share * table for share, table in zip(mixture, tables, strict=True))
    logits = logits + rng.choice([0.0, 0.01, 0.1]) * rng.uniform(-1, 1, size=logits.shape)
    return Case(logits * MARGIN / smallest_margin(logits))


def counterexamples() -> dict[str, Case]:
    """The optimum at 90 % of its size."""
    return {"margins": Case(0.9 * smallest_table(3).table())}


STATEMENT = Statement(
    label="thm-unlimited-dimension",
    title="The smallest hard-margin table",
    source="this book",
    claim="agreeing tokens 2 nats above all others => nuclear norm at least N(m); the table that reaches it is bent",
    uses=("lem-nuclear-norm", "thm-bottleneck"),
    size="number of concepts m",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
