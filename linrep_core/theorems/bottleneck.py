"""T3, the bottleneck: two tables of logits that solve the full problem, one linear and one cheaper.

In words: gradient descent on the full problem tends in direction to tables of logits of small nuclear norm that keep a
margin between the tokens that agree with a context and the others, and no difference among those that agree. Two such
tables, both with margin 2, over all 3^m contexts and 2^m tokens:

    linear   Z(x, y) = sum_(i told by x) s_i(x) t_i(y)             rank m        |Z|_* = m sqrt(2^(m+1) 3^(m-1))
    product  Z(x, y) = 2 [y agrees with x], rows centred           rank 2^m - 1  |Z|_* = 2 ((1 + sqrt 3)^m - 3^(m/2))

Proof. Linear: Z = S T^T with S^T S = 2 3^(m-1) I and T^T T = 2^m I. Product: [y agrees with x] is the m-fold Kronecker
product of the 3 x 2 table of one concept, whose singular values are sqrt 3 and 1; centring the rows removes the largest
singular value of the product, 3^(m/2), and nothing else.

For 2 <= m <= 18 the product table is cheaper, but it needs 2^m - 1 dimensions where the linear one needs m. So in d = m
dimensions the linear table is the affordable one of the two, while with d large descent has no reason to stay linear.
Two cautions. For m = 1 the tables are the same, and from m = 19 on the linear one is cheaper again (the ratio grows
like ((1 + sqrt 3) / sqrt 6)^m / m), so this comparison says nothing about worlds of many concepts. And neither table is
optimal: `unlimited_dimension` computes the cheapest one of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linrep_core._checks import check_integer
from linrep_core.concepts import concept_vectors
from linrep_core.theorems.descent import Array
from linrep_core.theorems.exact_fit import agreement, all_contexts
from linrep_core.theorems.nuclear_norm import nuclear_norm
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, at_most, worst_of

MARGIN = 2.0
SAME_RANK = 1e-9  # singular values below this share of the largest count as zero


@dataclass(frozen=True)
class Case:
    """The two tables, each of shape (n_contexts, 2^m), with the contexts they belong to (n_contexts, m)."""

    linear: Array
    product: Array
    contexts: Array

    @property
    def n_concepts(self) -> int:
        """The number of concepts m."""
        return self.contexts.shape[1]


def linear_table(n_concepts: int) -> Array:
    """Z(x, y) = sum over told concepts of s_i(x) t_i(y), shape (3^m, 2^m)."""
    told = np.where(all_contexts(n_concepts) == -1, 0.0, 2.0 * all_contexts(n_concepts) - 1)
    return told @ (2.0 * concept_vectors(n_concepts) - 1).T


def product_table(n_concepts: int) -> Array:
    """Z(x, y) = 2 [y agrees with x], rows centred, shape (3^m, 2^m)."""
    table = MARGIN * agreement(n_concepts)
    return table - table.mean(axis=1, keepdims=True)


def linear_cost(n_concepts: int) -> float:
    """The nuclear norm m sqrt(2^(m+1) 3^(m-1)) of the linear table.

    Examples
    --------
    >>> [round(linear_cost(m), 1) for m in range(1, 8)]
    [2.0, 9.8, 36.0, 117.6, 360.0, 1058.2, 3024.0]
    """
    m = check_integer("n_concepts", n_concepts, low=1)
    return float(m * np.sqrt(2.0 ** (m + 1) * 3.0 ** (m - 1)))


def product_cost(n_concepts: int) -> float:
    """The nuclear norm 2 ((1 + sqrt 3)^m - 3^(m/2)) of the product table.

    Examples
    --------
    >>> [round(product_cost(m), 1) for m in range(1, 8)]
    [2.0, 8.9, 30.4, 93.4, 273.2, 777.7, 2178.7]
    """
    m = check_integer("n_concepts", n_concepts, low=1)
    return float(2 * ((1 + 3**0.5) ** m - 3 ** (m / 2)))


def constraint_error(table: Array, contexts: Array) -> float:
    """How far a table is from: equal logits for tokens that agree, and others lower by MARGIN or more."""
    tokens = concept_vectors(contexts.shape[1])
    agrees = ((contexts[:, None] == -1) | (contexts[:, None] == tokens[None])).all(axis=2)
    highest, lowest = (np.where(agrees, table, -side * np.inf) for side in (1, -1))
    unequal = (highest.max(axis=1) - lowest.min(axis=1)).max()
    others = np.where(agrees, -np.inf, table).max(axis=1)
    return float(max(unequal, (MARGIN - (lowest.min(axis=1) - others)).max()))


def hypotheses(case: Case) -> list[Hypothesis]:
    """All contexts are there; both tables satisfy the constraints, with some pair at the margin itself."""
    missing = 3**case.n_concepts - len(np.unique(case.contexts, axis=0))
    errors = [constraint_error(table, case.contexts) for table in (case.linear, case.product)]
    return [at_most("all contexts", missing, 0), at_most("margin 2", max(errors), 1e-12)]


def rank(table: Array) -> int:
    """The number of singular values that are not 0."""
    singular_values = np.linalg.svd(table, compute_uv=False)
    return int((singular_values > SAME_RANK * singular_values[0]).sum())


def conclusion(case: Case) -> Conclusion:
    """Nuclear norms and ranks from singular values, against the closed forms."""
    m = case.n_concepts
    costs = {"linear": linear_cost(m), "product": product_cost(m)}
    ranks = {"linear": m, "product": 2**m - 1}
    parts = []
    for name, table in (("linear", case.linear), ("product", case.product)):
        error = abs(nuclear_norm(table) / costs[name] - 1)
        parts.append(Conclusion(f"relative error of the {name} table's nuclear norm", error, 1e-9))
        parts.append(Conclusion(f"wrong dimensions of the {name} table", abs(rank(table) - ranks[name]), 0.5))
    return worst_of(*parts)


def example(seed: int, size: int) -> Case:
    """The two tables for m = `size`, rows in random order; a number added to a row changes nothing that counts."""
    order = np.random.default_rng(seed).permutation(3**size)
    return Case(linear_table(size)[order], product_table(size)[order], all_contexts(size)[order])


def counterexamples() -> dict[str, Case]:
    """Only the contexts that tell one concept; tables of half the margin."""
    linear, product, contexts = linear_table(3), product_table(3), all_contexts(3)
    few = (contexts != -1).sum(axis=1) == 1
    return {
        "all contexts": Case(linear[few], product[few], contexts[few]),
        "margin 2": Case(linear / 2, product / 2, contexts),
    }


STATEMENT = Statement(
    label="thm-bottleneck",
    title="The linear table and the product table (T3)",
    source="this book",
    claim="nuclear norms m sqrt(2^(m+1) 3^(m-1)) in m dimensions, 2((1+sqrt 3)^m - 3^(m/2)) in 2^m - 1",
    uses=("lem-nuclear-norm", "prop-enough-dimensions"),
    size="number of concepts m",
    sizes=(1, 2, 3, 4, 5),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
