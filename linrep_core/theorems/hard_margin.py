"""Soudry et al. 2018: gradient descent on separable data goes to infinity in the hard-margin direction.

In words: if some vector has a positive inner product with every example, then gradient descent on the exponential
loss finds, of all such vectors, the direction with the largest margin. In a formula, for examples z_1..z_n:

    L(w) = sum_k exp(-z_k.w), some w with all z_k.w > 0, step at most 1 / (L(w_0) max |z_k|^2)
    =>  w_t / |w_t| -> w* / |w*|,   w* = argmin |w|^2 subject to z_k.w >= 1 for all k.

Source: Theorem 3 of D. Soudry et al., The implicit bias of gradient descent on separable data, JMLR 19 (2018), for
losses with an exponential tail; the condition on the step is theirs (step < 2 / smoothness) with the smoothness on
the sublevel set of w_0, where the loss stays. Convergence is slow: |w_t| = |w*| ln t + O(1), so 1 - cosine falls like
1 / (ln t)^2 (and for special data, where a support vector has weight 0, slower). The check runs to ln t = 100.

The direction w* is computed independently of any descent, as the least distance problem that it is, by non-negative
least squares (C. L. Lawson and R. J. Hanson, Solving least squares problems, chapter 23).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from linrep_core.theorems.descent import Array, descend
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, at_most

LOG_TIME = 100.0


@dataclass(frozen=True)
class Case:
    """Examples z_k (n, dim), each already multiplied by its label; a start (dim,); a step."""

    examples: Array
    start: Array
    step: float


def hard_margin(examples: Array) -> Array | None:
    """The shortest w with z.w >= 1 for every example z, or None if there is none.

    Examples
    --------
    >>> hard_margin(np.array([[2.0, 0.0], [0.0, 1.0]])).round(6).tolist()
    [0.5, 1.0]
    """
    n, dim = examples.shape
    system = np.vstack([examples.T, np.ones(n)])
    target = np.zeros(dim + 1)
    target[-1] = 1.0
    multipliers, residual_norm = nnls(system, target)
    if residual_norm < 1e-9:
        return None
    residual = system @ multipliers - target
    return -residual[:dim] / residual[dim]


def cosine(first: Array, second: Array) -> float:
    """The cosine of two vectors."""
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def largest_safe_step(examples: Array, starts: Array) -> float:
    """1 / (L(w_0) max |z|^2) for the worst of several starts (n, dim)."""
    losses = np.exp(-(starts @ examples.T)).sum(axis=1)
    return float(1.0 / (losses.max() * (examples**2).sum(axis=1).max()))


def hypotheses(case: Case) -> list[Hypothesis]:
    """A positive margin (1 / |w*|, or 0 without w*); a small enough step."""
    w = hard_margin(case.examples)
    return [
        above("separable", 0.0 if w is None else 1 / np.linalg.norm(w)),
        at_most("step at most 1 / smoothness", case.step, largest_safe_step(case.examples, case.start[None])),
    ]


def conclusion(case: Case) -> Conclusion:
    """1 - cosine to the hard-margin direction at ln t = 100; nothing to compare with counts as 2."""
    w = hard_margin(case.examples)
    end = descend(case.start[None], case.examples, log_time=LOG_TIME, step=case.step, learn_second=False)
    value = 2.0 if w is None or end.diverged else 1.0 - cosine(end.first[0], w)
    return Conclusion("1 - cosine to the hard-margin direction at ln t = 100", value, 0.01)


def example(seed: int, size: int) -> Case:
    """`size` random examples on one side of a plane through 0, at distance 0.3 or more from it."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(2, 6))
    normal = rng.standard_normal(dim)
    normal /= np.linalg.norm(normal)
    examples = rng.standard_normal((size, dim))
    examples += np.outer(0.3 + np.abs(examples @ normal) - examples @ normal, normal)
    start = rng.standard_normal(dim)
    return Case(examples, start, float(rng.uniform(0.2, 1.0)) * largest_safe_step(examples, start[None]))


def counterexamples() -> dict[str, Case]:
    """Two examples on opposite sides of 0; a step of a million."""
    opposite = Case(np.array([[2.0, 0.0], [-1.0, 0.0]]), np.array([0.0, 1.0]), 0.05)
    apart = np.array([[1.0, 0.2], [-0.8, 0.2]])
    return {
        "separable": opposite,
        "step at most 1 / smoothness": Case(apart, np.array([1.0, 0.0]), 1e6),
    }


STATEMENT = Statement(
    label="thm-hard-margin",
    title="The pull towards the hard margin",
    source="Soudry et al. 2018, Theorem 3",
    claim="separable data, exponential loss, small step => gradient descent converges to the hard-margin direction",
    uses=(),
    size="number of examples",
    sizes=(1, 2, 3, 4),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
