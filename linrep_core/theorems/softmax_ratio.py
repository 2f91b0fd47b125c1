"""The normaliser cancels: a difference of unembeddings is a ratio of probabilities.

For every context x and tokens y, y':   ln p_hat(y | x) / p_hat(y' | x) = f(x).(g(y) - g(y')).

It needs nothing, since a softmax is never zero. Everything the book says about log-odds starts here. Only the
differences g(y) - g(y') show in p_hat; a vector added to all g(y) does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from linrep_core.predictor import SoftmaxPredictor
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement


@dataclass(frozen=True)
class Case:
    """Any predictor."""

    predictor: SoftmaxPredictor


def hypotheses(case: Case) -> list[Hypothesis]:
    """None."""
    return []


def conclusion(case: Case) -> Conclusion:
    """Compare log-probabilities with inner products, over all contexts and all pairs of tokens."""
    log_probability = case.predictor.log_probabilities().numpy()
    ratios = log_probability[:, :, None] - log_probability[:, None, :]  # (n_contexts, n_tokens, n_tokens)
    f, g = case.predictor.embeddings.numpy(), case.predictor.unembeddings.numpy()
    products = np.einsum("xd,yzd->xyz", f, g[:, None] - g[None])
    return Conclusion("largest |log ratio - inner product|, nats", float(np.abs(ratios - products).max()), 1e-10)


def example(seed: int, size: int) -> Case:
    """Normal tables for 3^size contexts and 2^size tokens, in a random dimension."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 7))
    tables = (3.0 * rng.standard_normal((rows, dim)) for rows in (3**size, 2**size))
    return Case(SoftmaxPredictor(*map(torch.as_tensor, tables)))


def counterexamples() -> dict[str, Case]:
    """There is no hypothesis to drop."""
    return {}


STATEMENT = Statement(
    label="lem-softmax-ratio",
    title="The normaliser cancels",
    source="arXiv 2403.03867, proof of Theorem 3",
    claim="ln p_hat(y|x) / p_hat(y'|x) = f(x).(g(y) - g(y'))",
    uses=(),
    size="number of concepts m",
    sizes=(1, 2, 3),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
