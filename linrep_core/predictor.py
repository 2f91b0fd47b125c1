"""The softmax predictor: p_hat(y | x) proportional to exp(f(x).g(y)), with f and g free lookup tables.

Book: part "The model", chapter "Predicting the next token". Source: arXiv 2403.03867, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core._checks import check_choice, check_integer, check_number
from linrep_core.language import LatentConditionalModel, check_contexts

INITIALIZATIONS = ("lookup_table", "gaussian")


@dataclass
class SoftmaxPredictor:
    """Embeddings f of contexts and unembeddings g of tokens; their inner products are the logits.

    Attributes
    ----------
    embeddings : tensor of shape (n_contexts, dim)
        f(x), one row a context.
    unembeddings : tensor of shape (n_tokens, dim)
        g(y), one row a token, in the order of the tokens' binary numbers.
    contexts : array of shape (n_contexts, m), int8, or None
        Which context each row of `embeddings` belongs to; None means all 3**m, in the order of
        `LatentConditionalModel.contexts`.

    Examples
    --------
    >>> predictor = SoftmaxPredictor(torch.tensor([[1.0]]), torch.tensor([[0.0], [0.0]]))
    >>> predictor.probabilities().tolist()
    [[0.5, 0.5]]
    """

    embeddings: torch.Tensor
    unembeddings: torch.Tensor
    contexts: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        for name in ("embeddings", "unembeddings"):
            value = torch.as_tensor(getattr(self, name))
            if value.ndim != 2 or value.shape[0] == 0 or value.shape[1] == 0 or not value.is_floating_point():
                raise ValueError(
                    f"{name} must be a floating-point table of shape (rows, dim), got {value.dtype} of shape "
                    f"{tuple(value.shape)}"
                )
            setattr(self, name, value)
        if self.embeddings.shape[1] != self.unembeddings.shape[1]:
            raise ValueError(
                f"unembeddings must have the embeddings' dimension {self.embeddings.shape[1]}, "
                f"got {self.unembeddings.shape[1]}"
            )
        if self.contexts is not None and len(self.contexts) != len(self.embeddings):
            raise ValueError(
                f"contexts must have one row for each embedding ({len(self.embeddings)}), got {len(self.contexts)}"
            )

    @classmethod
    def initialize(
        cls,
        model: LatentConditionalModel,
        dim: int,
        *,
        contexts: Any = None,
        initialization: str = "lookup_table",
        scale: float = 0.1,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> SoftmaxPredictor:
        """A fresh predictor with random f and g.

        Parameters
        ----------
        dim
            Dimension *d* of the representations, at least 1.
        initialization
            ``"lookup_table"``: linear maps of one-hot codes with torch's default, uniform in +-1/sqrt(number of rows)
            (the paper says lookup tables and no more; this start has its initial loss, ln 2^m).
            ``"gaussian"``: independent normal entries with standard deviation `scale`.
        seed
            Fixes the numbers. They come from numpy's generator, which the browser's engine repeats, so that the same
            seed starts the same run there.
        """
        d = check_integer("dim", dim, low=1)
        check_choice("initialization", initialization, INITIALIZATIONS)
        check_number("scale", scale, low=0.0, open_interval=True)
        kept = None if contexts is None else check_contexts(contexts, model.n_concepts)
        rng = np.random.default_rng(check_integer("seed", seed, low=0))
        tables = []
        for rows in (model.n_contexts if kept is None else len(kept), model.n_tokens):
            if initialization == "gaussian":
                table = scale * rng.standard_normal((rows, d))
            else:
                table = (2 * rng.random((rows, d)) - 1) / rows**0.5
            tables.append(torch.as_tensor(table, dtype=dtype))
        return cls(tables[0], tables[1], kept)

    @property
    def dim(self) -> int:
        """Dimension *d* of the representations."""
        return self.unembeddings.shape[1]

    def logits(self) -> torch.Tensor:
        """f(x).g(y), shape (n_contexts, n_tokens)."""
        return self.embeddings @ self.unembeddings.T

    def log_probabilities(self) -> torch.Tensor:
        """Log-probabilities ln p_hat(y | x), shape (n_contexts, n_tokens)."""
        return torch.log_softmax(self.logits(), dim=1)

    def probabilities(self) -> torch.Tensor:
        """p_hat(y | x), shape (n_contexts, n_tokens); rows sum to 1."""
        return torch.softmax(self.logits(), dim=1)

    def loss(self, model: LatentConditionalModel) -> torch.Tensor:
        """Mean cross-entropy against the exact p(y | x), weighted as the model weighs contexts: a scalar, in nats."""
        return cross_entropy(
            self.embeddings,
            self.unembeddings,
            model.expected_unembedding(self.unembeddings, self.contexts),
            torch.as_tensor(model.weights(self.contexts)).to(self.embeddings),
        )

    def excess_loss(self, model: LatentConditionalModel) -> float:
        """Mean cross-entropy minus the entropy floor: the mean Kullback-Leibler divergence from p to p_hat, in nats."""
        return float(self.loss(model)) - model.entropy_floor(self.contexts)


def cross_entropy(
    embeddings: torch.Tensor,
    unembeddings: torch.Tensor,
    expected_unembedding: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """sum_x w(x) [ log sum_y exp(f(x).g(y)) - f(x).E[g(Y) | x] ]: exact cross-entropy without the table of p(y | x).

    Parameters
    ----------
    embeddings, unembeddings
        Shapes (n_contexts, dim) and (n_tokens, dim).
    expected_unembedding
        Shape (n_contexts, dim), from `LatentConditionalModel.expected_unembedding`.
    weights
        Shape (n_contexts,), summing to 1.

    Returns
    -------
    scalar tensor, in nats
    """
    log_normalizer = torch.logsumexp(embeddings @ unembeddings.T, dim=1)  # (n_contexts,)
    return weights @ (log_normalizer - (embeddings * expected_unembedding).sum(dim=1))
