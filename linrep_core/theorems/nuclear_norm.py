"""T2 by nuclear norms: a table with all entries at least 1 costs at least sqrt(n k), and only one table costs that.

Two facts about the nuclear norm |Z|_* (the sum of singular values) of a table Z of shape (n, k):

1. It is the least cost of a factorisation: (|A|^2 + |B|^2) / 2 >= |Z|_* whenever A B^T = Z, and the balanced
   singular value decomposition A = U sqrt(S), B = V sqrt(S) reaches it.
2. If Z >= 1 in every entry, then |Z|_* >= <Z, 1 1^T> / sqrt(n k) >= sqrt(n k), with equality only at Z = 1 1^T.

Proof of 2: the spectral norm of 1 1^T is sqrt(n k), and |<Z, M>| <= |Z|_* |M| for the spectral norm |M|; the sum of the
entries is at least n k, and equals it only if every entry is 1. Together they say what `joint_optimum` proves by
completing squares; the nuclear norm is what carries over to the full problem (see `bottleneck`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from linrep_core.identifiability import balanced_factors
from linrep_core.theorems.descent import Array
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most, worst_of

ROUNDING = 1e-9


@dataclass(frozen=True)
class Case:
    """A table Z (n, k) and a factorisation A (n, dim), B (k, dim) of it."""

    table: Array
    first: Array
    second: Array


def nuclear_norm(table: Array) -> float:
    """The sum of the singular values."""
    return float(np.linalg.svd(table, compute_uv=False).sum())


def hypotheses(case: Case) -> list[Hypothesis]:
    """Entries of 1 or more; factors whose product is the table."""
    error = np.abs(case.first @ case.second.T - case.table).max()
    return [above("entries at least 1", case.table.min(), 1.0 - ROUNDING), at_most("A B^T = Z", error, ROUNDING)]


def conclusion(case: Case) -> Conclusion:
    """Each quantity over the next larger one: sqrt(n k), <Z, 1 1^T> / sqrt(n k), |Z|_*, cost of A and B."""
    root = float(np.sqrt(case.table.size))
    chain = [root, float(case.table.sum()) / root, nuclear_norm(case.table)]
    chain.append(float((case.first**2).sum() + (case.second**2).sum()) / 2)
    names = ["sqrt(n k) / mean bound", "mean bound / nuclear norm", "nuclear norm / cost of the factors"]
    ratios = [smaller / larger for smaller, larger in pairwise(chain)]
    return worst_of(*(Conclusion(name, ratio, 1 + ROUNDING) for name, ratio in zip(names, ratios, strict=True)))


def example(seed: int, size: int) -> Case:
    """A random table of up to `size` rows and columns with entries 1 + exponential; factors in random coordinates."""
    rng = np.random.default_rng(seed)
    n, k = map(int, rng.integers(1, size + 1, size=2))
    table = 1.0 + rng.exponential(rng.uniform(0.0, 2.0), size=(n, k))
    first, second = balanced_factors(table)
    mixing = np.eye(first.shape[1]) + 0.2 * rng.standard_normal((first.shape[1],) * 2)
    return Case(table, first @ mixing, second @ np.linalg.inv(mixing).T)


def counterexamples() -> dict[str, Case]:
    """An entry of 0 among ones; factors of half the table."""
    gap = np.array([[1.0, 0.0], [0.0, 1.0]])
    ones = np.ones((2, 2))
    return {
        "entries at least 1": Case(0.7 * gap, *balanced_factors(0.7 * gap)),
        "A B^T = Z": Case(ones, *balanced_factors(ones / 2)),
    }


STATEMENT = Statement(
    label="lem-nuclear-norm",
    title="Tables with entries of at least 1",
    source="this book (the first fact: Srebro, Rennie and Jaakkola 2004)",
    claim="Z >= 1 entrywise, A B^T = Z => (|A|^2 + |B|^2) / 2 >= |Z|_* >= sqrt(nk)",
    uses=(),
    size="largest number of rows or columns",
    sizes=(1, 2, 4, 8),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
