"""What one training and many trainings at once share: threads, optimisers, batches, records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam
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


class FirstOrder:
    """What `Descent` and `Adam` share.

    They do what `torch.optim` does with its defaults, to the last bit, without what surrounds it (hooks, profiling,
    compiling): for a table of a few words that is most of a step, and seconds before the first one.
    """

    def __init__(self, parameters: list[torch.Tensor], rate: float) -> None:
        self.parameters, self.rate = parameters, rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for table in self.parameters:
            table.grad = None

    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """Move along the gradients, which a closure may make first; return what it returns."""
        loss = None if closure is None else closure()
        with torch.no_grad():
            self._move()
        return loss

    def _move(self) -> None:
        raise NotImplementedError


class Descent(FirstOrder):
    """Gradient descent, with or without momentum."""

    def __init__(self, parameters: list[torch.Tensor], rate: float, momentum: float = 0.0) -> None:
        super().__init__(parameters, rate)
        self.momentum = momentum
        self.velocities: list[torch.Tensor] = []

    def _move(self) -> None:
        along = [table.grad for table in self.parameters]
        if self.momentum:
            for velocity, gradient in zip(self.velocities, along, strict=False):  # none yet at the first step
                velocity.mul_(self.momentum).add_(gradient)
            self.velocities = along = self.velocities or [gradient.clone() for gradient in along]
        for table, direction in zip(self.parameters, along, strict=True):
            table.add_(direction, alpha=-self.rate)


class Adam(FirstOrder):
    """Adam, with the constants of its paper."""

    def __init__(self, parameters: list[torch.Tensor], rate: float) -> None:
        super().__init__(parameters, rate)
        self.steps = 0
        self.means = [torch.zeros_like(table, requires_grad=False) for table in parameters]
        self.squares = [torch.zeros_like(table, requires_grad=False) for table in parameters]

    def _move(self) -> None:
        self.steps += 1
        rate = self.rate / (1 - BETAS[0] ** self.steps)
        root = (1 - BETAS[1] ** self.steps) ** 0.5
        for table, mean, square in zip(self.parameters, self.means, self.squares, strict=True):
            mean.lerp_(table.grad, 1 - BETAS[0])
            square.mul_(BETAS[1]).addcmul_(table.grad, table.grad, value=1 - BETAS[1])
            table.addcdiv_(mean, (square.sqrt() / root).add_(EPSILON), value=-rate)


def first_order_optimizer(parameters: list[torch.Tensor], settings: Mapping[str, Any]) -> FirstOrder:
    """SGD, momentum or Adam for these tables, as the settings of a run name it."""
    rate = settings["learning_rate"]
    if settings["optimizer"] == "adam":
        return Adam(parameters, rate)
    return Descent(parameters, rate, settings["momentum"] if settings["optimizer"] == "momentum" else 0.0)


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
