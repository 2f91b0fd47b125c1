"""The softmax predictor: p_hat(y | x) proportional to exp(f(x).g(y)), with f and g free lookup tables.

Book: part "The model", chapter "Predicting the next token". Source: arXiv 2403.03867, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core._checks import as_array, check_choice, check_instance, check_integer, check_number, shown
from linrep_core.kernel import check_loss_shapes
from linrep_core.language import LatentConditionalModel, check_distinct_contexts

INITIALIZATIONS = ("lookup_table", "gaussian")
DTYPES = (torch.float32, torch.float64)
MAX_PARAMETERS = 2**30  # 8 GiB of float64 for each table


@dataclass
class SoftmaxPredictor:
    """Embeddings f of contexts and unembeddings g of tokens; their inner products are the logits.

    Attributes
    ----------
    embeddings : tensor of shape (n_contexts, dim)
        f(x), one row a context.
    unembeddings : tensor of shape (n_tokens, dim)
        g(y), one row a token, in the order of the tokens' binary numbers. Of the same type and on the same device.
    contexts : array of shape (n_contexts, m), int8, or None
        Which context each row of `embeddings` belongs to, no context twice; None means all 3**m, in the order of
        `LatentConditionalModel.contexts`.
    n_tellings : int or tuple of int
        How many things a context can tell of each concept: 2, unless the world has other concepts or tellings.

    Raises
    ------
    ValueError
        For tables of the wrong shape or with entries that are not finite, or contexts that do not fit them.

    Examples
    --------
    >>> predictor = SoftmaxPredictor(torch.tensor([[1.0]]), torch.tensor([[0.0], [0.0]]))
    >>> predictor.probabilities().tolist()
    [[0.5, 0.5]]
    """

    embeddings: torch.Tensor
    unembeddings: torch.Tensor
    contexts: NDArray[np.int8] | None = None
    n_tellings: int | tuple[int, ...] = 2

    def __post_init__(self) -> None:
        self.embeddings = _check_table("embeddings", self.embeddings)
        self.unembeddings = _check_table("unembeddings", self.unembeddings)
        f, g = self.embeddings, self.unembeddings
        if f.shape[1] != g.shape[1]:
            raise ValueError(f"unembeddings must have the embeddings' dimension {f.shape[1]}, got {g.shape[1]}")
        if (f.dtype, f.device) != (g.dtype, g.device):
            raise ValueError(
                f"unembeddings must be {f.dtype} on {f.device} as the embeddings, got {g.dtype} on {g.device}"
            )
        if self.contexts is not None:
            self.contexts = check_distinct_contexts(self.contexts, None, n_tellings=self.n_tellings)
            if len(self.contexts) != len(f):
                raise ValueError(
                    f"contexts must have one row for each row of embeddings ({len(f)}), got {len(self.contexts)}"
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
        dtype
            ``torch.float64`` or ``torch.float32``.
        """
        check_instance("model", model, LatentConditionalModel)
        d = check_integer("dim", dim, low=1)
        check_choice("initialization", initialization, INITIALIZATIONS)
        scale = check_number("scale", scale, low=0.0, open_interval=True)
        check_dtype("dtype", dtype)
        kept = None
        if contexts is not None:
            kept = check_distinct_contexts(contexts, model.n_concepts, n_tellings=model.n_tellings)
        rng = np.random.default_rng(check_integer("seed", seed, low=0))
        sizes = (model.n_contexts if kept is None else len(kept), model.n_tokens)
        if max(sizes) * d > MAX_PARAMETERS:
            raise ValueError(f"dim must be at most {MAX_PARAMETERS // max(sizes)} for {max(sizes)} rows, got {d}")
        if scale > torch.finfo(dtype).max / 100:  # no normal draw is beyond 100 standard deviations
            raise ValueError(f"scale must be at most {torch.finfo(dtype).max / 100:.0e} for {dtype}, got {scale:g}")
        tables = []
        for rows in sizes:
            if initialization == "gaussian":
                table = scale * rng.standard_normal((rows, d))
            else:
                table = (2 * rng.random((rows, d)) - 1) / rows**0.5
            tables.append(torch.as_tensor(table, dtype=dtype))
        return cls(tables[0], tables[1], kept, model.n_tellings)

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
        """Mean cross-entropy against the exact p(y | x), weighted as the model weighs contexts: a scalar, in nats.

        Raises
        ------
        ValueError
            If the tables do not have the model's numbers of tokens and contexts.
        """
        check_predictor(model, self)
        return cross_entropy(
            self.embeddings,
            self.unembeddings,
            model.expected_unembedding(self.unembeddings, self.contexts),
            torch.as_tensor(model.weights(self.contexts)).to(self.embeddings),
        )

    def excess_loss(self, model: LatentConditionalModel) -> float:
        """Mean cross-entropy minus the entropy floor: the mean Kullback-Leibler divergence from p to p_hat, in nats."""
        return float(self.loss(model)) - model.entropy_floor(self.contexts)


def _check_table(name: str, table: Any) -> torch.Tensor:
    if not isinstance(table, torch.Tensor):
        array = as_array(name, table)
        if array.dtype.kind == "f":  # a copy, in one of the types and layouts that torch takes
            array = array.astype(np.float32 if array.dtype == np.float32 else np.float64, order="C")
        table = torch.as_tensor(array)
    if table.ndim != 2 or 0 in table.shape or not table.is_floating_point():
        raise ValueError(
            f"{name} must be a floating-point table of shape (rows, dim), got {table.dtype} of shape "
            f"{tuple(table.shape)}"
        )
    if not table.isfinite().all():
        raise ValueError(f"{name} must have finite entries, got {table[~table.isfinite()][0].item()}")
    return table


def check_dtype(name: str, dtype: Any) -> None:
    """Raise a ValueError unless `dtype` is one of torch's two precisions for training."""
    if not isinstance(dtype, torch.dtype) or dtype not in DTYPES:
        raise ValueError(f"{name} must be torch.float32 or torch.float64, got {shown(dtype)}")


def check_predictor(model: LatentConditionalModel, predictor: SoftmaxPredictor) -> None:
    """Raise a ValueError unless the predictor's tables have the model's numbers of tokens and contexts."""
    check_instance("model", model, LatentConditionalModel)
    check_instance("predictor", predictor, SoftmaxPredictor)
    found = (len(predictor.embeddings), len(predictor.unembeddings))
    if found[1] != model.n_tokens:
        raise ValueError(f"predictor must have {model.n_tokens} unembeddings for this model, got {found[1]}")
    if predictor.contexts is None and found[0] != model.n_contexts:
        raise ValueError(
            f"predictor must have {model.n_contexts} embeddings for this model, or name its contexts; got {found[0]}"
        )
    if predictor.contexts is not None and predictor.contexts.shape != (found[0], model.n_concepts):
        raise ValueError(
            f"predictor must have contexts of shape {(found[0], model.n_concepts)} for this model, got "
            f"{predictor.contexts.shape}"
        )


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
    scalar tensor, in nats; nan if an entry is nan, so that training can see its own divergence

    Raises
    ------
    ValueError
        For anything else than tensors of these shapes.
    """
    check_loss_shapes(embeddings, unembeddings, expected_unembedding, weights)
    log_normalizer = torch.logsumexp(embeddings @ unembeddings.T, dim=1)  # (n_contexts,)
    return weights @ (log_normalizer - (embeddings * expected_unembedding).sum(dim=1))
