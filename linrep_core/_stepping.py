"""What one training and many trainings at once share: threads, optimisers, batches, records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from linrep_core.geometry import MEASURES, linearity
from linrep_core.language import LatentConditionalModel
from linrep_core.predictor import SoftmaxPredictor

SAMPLED_AHEAD = 256  # batches drawn at once: one call of the sampler costs as much as many
MAX_AHEAD = 2**20  # pairs drawn at once
DIVERGED_ABOVE = 1000.0  # times ln(number of tokens), the loss of the predictor that knows nothing, or the first loss
THREADED_LOGITS = 2**17  # with fewer, threads cost more than they save: ten times the step on a busy machine


@contextmanager
def few_threads(n_logits: int) -> Iterator[None]:
    """One thread for small tables; the sums then also round the same on every machine."""
    before = torch.get_num_threads()
    if n_logits < THREADED_LOGITS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def first_order_optimizer(parameters: list[torch.Tensor], settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    """SGD, momentum or Adam for these tables, as the settings of a run name it."""
    rate = settings["learning_rate"]
    if settings["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=rate)
    momentum = settings["momentum"] if settings["optimizer"] == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum)


def batches_ahead(batch_size: int) -> int:
    """How many batches are drawn at once."""
    return max(1, min(SAMPLED_AHEAD, MAX_AHEAD // batch_size))


def loss_limit(n_tokens: int, first_loss: float) -> float:
    """The loss in nats from which on a run counts as diverged."""
    return DIVERGED_ABOVE * max(float(np.log(n_tokens)), first_loss)


def measured(
    model: LatentConditionalModel, predictor: SoftmaxPredictor, step: int, loss: float, floor: float
) -> dict[str, float]:
    """One entry of a run's history; the cosines are nan where concepts are not binary."""
    cosines = linearity(model, predictor).mean if model.is_binary else dict.fromkeys(MEASURES, float("nan"))
    return {
        "step": step,
        "loss": loss,
        "excess_loss": loss - floor,
        **cosines,
        "unembedding_norm": float(predictor.unembeddings.norm(dim=1).mean()),
        "embedding_norm": float(predictor.embeddings.norm(dim=1).mean()),
    }
