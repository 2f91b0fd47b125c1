"""Train a softmax predictor on a latent conditional model and keep a record of what happened.

Book: part "The model", chapter "Predicting the next token". Source: arXiv 2403.03867, sections 3.2 and 5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_choice,
    check_flag,
    check_function,
    check_instance,
    check_integer,
    check_mapping,
    check_number,
    shown,
)
from linrep_core._stepping import (
    THREADED_LOGITS,
    FirstOrder,
    batches_ahead,
    few_threads,
    first_order_optimizer,
    loss_limit,
    measured,
)
from linrep_core.geometry import linearity
from linrep_core.kernel import tiled_cross_entropy
from linrep_core.language import LatentConditionalModel
from linrep_core.natural_gradient import MAX_UNKNOWNS, NaturalGradient
from linrep_core.predictor import SoftmaxPredictor, check_dtype

DEFAULT_LEARNING_RATES = {"sgd": 0.1, "momentum": 0.1, "adam": 0.02, "lbfgs": 1.0, "natural": 1.0}
OPTIMIZERS = tuple(DEFAULT_LEARNING_RATES)
STOP_CRITERIA = {"excess_loss": "below", "gradient_norm": "below", "unembedding_cosine": "above"}
RECORDS_PER_DECADE = 20  # the history is kept at logarithmically spaced steps
CHECK_EVERY = 100  # steps between two looks at the stop criteria
MAX_BATCH = 2**24
MAX_SNAPSHOTS = 10_000
LBFGS_ITERATIONS = 20  # a step; with 1, torch restarts from steepest descent each time and sticks
DEVICE_LOGITS = 2**20  # with fewer logits a step on a GPU is slower than on the CPU

HISTORY = (
    "step",
    "loss",
    "excess_loss",
    "unembedding",
    "embedding",
    "alignment",
    "between",
    "unembedding_norm",
    "embedding_norm",
)


class TrainingDiverged(ValueError):
    """The loss became NaN, infinite or absurdly large: the learning rate was too high.

    A ValueError, because the argument to change is `learning_rate`. `run` (a `TrainingRun`, or a `TransformerRun`)
    holds what was recorded before, with the tables of the last record.
    """

    def __init__(self, run: Any, loss: float) -> None:
        rate = run.settings["learning_rate"]
        super().__init__(
            f"training diverged at step {run.steps}: the loss is {loss:g} nats; "
            f"try a smaller learning_rate, for example {rate / 10:g} instead of {rate:g}"
        )
        self.run = run


@dataclass(frozen=True)
class Snapshot:
    """The two tables at one step, for animations: shapes (n_contexts, dim) and (n_tokens, dim)."""

    step: int
    embeddings: NDArray[np.float64]
    unembeddings: NDArray[np.float64]


@dataclass
class TrainingRun:
    """What `train` returns.

    Attributes
    ----------
    predictor : SoftmaxPredictor
        The trained tables, on the CPU.
    history : dict of arrays
        At logarithmically spaced steps: ``step``, exact ``loss`` and ``excess_loss`` (nats, over all contexts trained
        on, also when training saw sampled batches), mean cosines ``unembedding``, ``embedding``, ``alignment``,
        ``between`` (see `LinearityReport`), and mean ``unembedding_norm`` and ``embedding_norm``.
    excess_loss : float
        Final mean cross-entropy minus the entropy floor, in nats.
    entropy_floor : float
        The smallest loss that any predictor can reach, in nats.
    steps : int
        Steps done.
    stop_reason : str
        ``"all steps done"``, ``"interrupted"``, or the criterion that was met.
    snapshots : list of Snapshot
    settings : dict
        The arguments of the run, for tables of results.
    """

    predictor: SoftmaxPredictor
    entropy_floor: float
    settings: dict[str, Any]
    history: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    steps: int = 0
    stop_reason: str = "all steps done"

    @property
    def loss(self) -> float:
        """Final exact mean cross-entropy, in nats."""
        return float(self.history["loss"][-1])

    @property
    def excess_loss(self) -> float:
        """Final mean cross-entropy minus the entropy floor, in nats."""
        return float(self.history["excess_loss"][-1])

    def __repr__(self) -> str:
        return f"TrainingRun(steps={self.steps}, excess_loss={self.excess_loss:.4f}, {self.stop_reason!r})"


def train(
    model: LatentConditionalModel,
    dim: int,
    *,
    steps: int = 2000,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    momentum: float = 0.9,
    batch_size: int | None = None,
    contexts: Any = None,
    initialization: str = "lookup_table",
    scale: float = 0.1,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device | None = None,
    stop_when: Mapping[str, float] | None = None,
    n_snapshots: int = 0,
    callback: Callable[[int, float], None] | None = None,
    progress: bool = True,
) -> TrainingRun:
    """Fit embeddings and unembeddings to the model's next-token distribution by cross-entropy.

    Without `batch_size` each step sees the exact loss over all contexts (no sampling noise); with it, that many
    sampled (context, token) pairs, as in the paper (SGD, rate 0.1, batches of 100).

    Parameters
    ----------
    model
        The world to predict.
    dim
        Dimension *d* of the representations, at least 1.
    steps
        Optimiser steps, at least 0.
    optimizer
        ``"sgd"`` (plain gradient descent when full batch), ``"momentum"``, ``"adam"``, ``"lbfgs"`` (full batch only;
        a step is up to 20 iterations) or ``"natural"`` (full batch only, 2**m d at most 4096; see
        `linrep_core.natural_gradient`).
    learning_rate
        Step size; by default 0.1 for sgd and momentum, 0.02 for adam, 1 for lbfgs and natural (with line search).
    momentum
        For ``"momentum"`` only, in [0, 1).
    batch_size
        Sampled pairs a step, or None for the exact full batch.
    contexts
        Shape (n, m): the contexts to train on, none twice, or None for all.
    initialization, scale
        See `SoftmaxPredictor.initialize`.
    seed
        Fixes the start and the sampled batches.
    dtype
        float64, or float32 for speed.
    device
        None chooses a GPU for large tables when there is one, else the CPU.
    stop_when
        Named criteria, checked every 100 steps and at each recorded step: ``{"excess_loss": 0.01}`` (nats, stops
        below), ``{"gradient_norm": 1e-6}`` (stops below), ``{"unembedding_cosine": 0.99}`` (stops above).
    n_snapshots
        How many copies of the tables to keep, at logarithmically spaced steps.
    callback
        Called as ``callback(step, excess_loss)`` at each recorded step.
    progress
        Whether to show a progress bar.

    Returns
    -------
    TrainingRun
        Also after Ctrl-C (or the notebook's stop button): what is done is kept and `stop_reason` says so.

    Raises
    ------
    ValueError
        For bad arguments.
    TrainingDiverged
        If the loss is no longer finite, or a thousand times what it was; names the step and suggests a rate.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> run = train(model, dim=2, steps=300, progress=False)
    >>> run.excess_loss < 0.1
    True
    """
    check_instance("model", model, LatentConditionalModel)
    settings = check_settings(locals())
    steps = settings["steps"]
    predictor = SoftmaxPredictor.initialize(
        model, dim, contexts=contexts, initialization=initialization, scale=scale, seed=seed, dtype=dtype
    )
    with few_threads(len(predictor.embeddings) * model.n_tokens):
        trainer = _Trainer(model, predictor, settings)
        run = TrainingRun(predictor, trainer.entropy_floor, settings)
        title = f"m={model.n_concepts}, d={dim}"
        try:
            with tqdm(total=steps, disable=not progress, desc=title, unit="step", leave=False) as bar:
                _take_steps(run, trainer, steps, stop_when, n_snapshots, callback, bar)
        except _NotFinite as trouble:
            run.stop_reason = "diverged"
            raise TrainingDiverged(run, trouble.loss) from None
        finally:
            run.predictor = trainer.recorded
            run.history = {name: np.array([record[name] for record in trainer.records]) for name in HISTORY}
    return run


def _take_steps(
    run: TrainingRun,
    trainer: _Trainer,
    steps: int,
    stop_when: Mapping[str, float] | None,
    n_snapshots: int,
    callback: Callable[[int, float], None] | None,
    bar: tqdm,
) -> None:
    snapshot_steps = set(logarithmic_steps(steps, count=n_snapshots)) if n_snapshots else set()
    record_steps = set(logarithmic_steps(steps))
    try:
        for step in range(steps + 1):
            look = step in record_steps
            if look or step in snapshot_steps or (stop_when and step % CHECK_EVERY == 0):
                met = trainer.criterion_met(stop_when)
                if look or met:
                    record = trainer.record(step)
                    bar.set_postfix(excess=f"{record['excess_loss']:.4f}", refresh=False)
                    if callback is not None:
                        callback(step, record["excess_loss"])
                if step in snapshot_steps or (met and n_snapshots):
                    run.snapshots.append(trainer.snapshot(step))
                if met:
                    run.stop_reason = met
                    break
            if step < steps:
                trainer.step()
                run.steps = step + 1
                bar.update()
    except KeyboardInterrupt:
        run.stop_reason = "interrupted"
        if not trainer.records or trainer.records[-1]["step"] != run.steps:
            trainer.record(run.steps)


def logarithmic_steps(steps: int, count: int | None = None) -> list[int]:
    """0, `steps` and logarithmically spaced step numbers between them, ascending and distinct.

    Examples
    --------
    >>> logarithmic_steps(100, count=4)
    [0, 1, 10, 100]
    """
    steps = check_integer("steps", steps, low=0, high=2**53)
    if count is not None:
        count = check_integer("count", count, low=1, high=MAX_SNAPSHOTS)
    if steps == 0:
        return [0]
    if count is None:
        count = 2 + int(np.ceil(RECORDS_PER_DECADE * np.log10(steps + 1)))
    if count <= 2:
        return sorted({0, steps}) if count == 2 else [steps]
    spaced = np.geomspace(1, steps, count - 1).round().astype(int)
    return sorted({0, steps, *map(int, spaced)})


class _NotFinite(Exception):
    def __init__(self, loss: float) -> None:
        super().__init__()
        self.loss = loss


class _Trainer:
    """The moving parts of one run: parameters, optimiser, exact loss, stream of batches."""

    def __init__(self, model: LatentConditionalModel, predictor: SoftmaxPredictor, settings: dict[str, Any]) -> None:
        self.model, self.contexts = model, predictor.contexts
        self.records: list[dict[str, float]] = []
        self.recorded = predictor
        n_logits = len(predictor.embeddings) * model.n_tokens
        device = _choose_device(settings["device"], n_logits)
        self.embeddings = predictor.embeddings.clone().to(device).requires_grad_()
        self.unembeddings = predictor.unembeddings.clone().to(device).requires_grad_()
        self.weights = torch.as_tensor(model.weights(self.contexts)).to(self.embeddings)
        # a small step is made of calls, and with the table of p(y | x) there are few; a large one needs tiles
        self.p = self._probabilities() if n_logits < THREADED_LOGITS else None
        self.by_log_q = None if self.p is None else self.p * -self.weights[:, None]  # derivative of the loss
        self.entropy_floor = model.entropy_floor(self.contexts)
        self.batch_size, self.rate = settings["batch_size"], settings["learning_rate"]
        if self.batch_size is not None:
            self.batches = self._draw_batches(np.random.default_rng(settings["seed"]))
        self.optimizer = self._make_optimizer(settings)
        with torch.no_grad():
            first_loss = self.exact_loss().item()
        if not np.isfinite(first_loss):
            raise ValueError(f"scale must be small enough for a finite first loss, got {settings['scale']:g}")
        self.loss_limit = loss_limit(model.n_tokens, first_loss)

    def _make_optimizer(self, settings: dict[str, Any]) -> FirstOrder | torch.optim.LBFGS | NaturalGradient:
        tables = [self.embeddings, self.unembeddings]
        rate = settings["learning_rate"]
        if settings["optimizer"] == "lbfgs":
            return torch.optim.LBFGS(
                tables, lr=rate, max_iter=LBFGS_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
            )
        if settings["optimizer"] != "natural":
            return first_order_optimizer(tables, settings)
        n_tokens, dim = self.unembeddings.shape
        if n_tokens * dim > MAX_UNKNOWNS:
            raise ValueError(
                f"dim must be at most {MAX_UNKNOWNS // n_tokens} for natural with {n_tokens} tokens, got {dim}"
            )
        p = self._probabilities() if self.p is None else self.p
        return NaturalGradient(self.embeddings.detach(), self.unembeddings.detach(), p, self.weights, self.loss_of)

    def _probabilities(self) -> torch.Tensor:
        return torch.as_tensor(self.model.next_token_distribution(self.contexts)).to(self.embeddings)

    def loss_of(self, embeddings: torch.Tensor, unembeddings: torch.Tensor) -> torch.Tensor:
        if self.p is not None:
            logits = embeddings @ unembeddings.T
            return self.weights @ torch.nn.functional.cross_entropy(logits, self.p, reduction="none")
        expected = self.model.expected_unembedding(unembeddings, self.contexts)
        return tiled_cross_entropy(embeddings, unembeddings, expected, self.weights)

    def exact_loss(self) -> torch.Tensor:
        return self.loss_of(self.embeddings, self.unembeddings)

    def batch_loss(self) -> torch.Tensor:
        contexts, tokens = next(self.batches)
        logits = self.embeddings[contexts] @ self.unembeddings.T
        return torch.nn.functional.cross_entropy(logits, tokens)

    def step(self) -> None:
        def closure() -> torch.Tensor:
            self.optimizer.zero_grad()
            loss = self.exact_loss() if self.batch_size is None else self.batch_loss()
            loss.backward()
            return loss

        # the loss before the update; a line search may have tried worse points, which is no divergence
        if isinstance(self.optimizer, NaturalGradient):
            loss = self.optimizer.step(self.rate)
        elif self.p is not None and self.batch_size is None and isinstance(self.optimizer, FirstOrder):
            loss = self._tabled_step(self.p)
        else:
            loss = self.optimizer.step(closure).item()
        if not loss < self.loss_limit:  # also true for nan
            raise _NotFinite(loss)

    @torch.no_grad()
    def _tabled_step(self, p: torch.Tensor) -> float:
        """One step on the exact loss, by the operations with which autograd would find it, in half the time."""
        f, g = self.embeddings, self.unembeddings
        log_q = torch.log_softmax(f @ g.T, dim=1)
        loss = self.weights @ -(log_q * p).sum(dim=1)
        by_logits = torch.ops.aten._log_softmax_backward_data(self.by_log_q, log_q, 1, log_q.dtype)
        f.grad, g.grad = by_logits @ g, by_logits.T @ f
        self.optimizer.step()
        return loss.item()

    def _draw_batches(self, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        size, device = self.batch_size, self.embeddings.device
        draw = self.model.sampler(self.contexts)
        while True:
            contexts, tokens = draw(size * batches_ahead(size), rng)
            pairs = zip(
                torch.as_tensor(contexts, device=device).split(size),
                torch.as_tensor(tokens, device=device).split(size),
                strict=True,
            )
            yield from pairs

    def current(self) -> SoftmaxPredictor:
        tables = [table.detach().cpu().clone() for table in (self.embeddings, self.unembeddings)]
        if not all(table.isfinite().all() for table in tables):
            raise _NotFinite(np.nan)
        return SoftmaxPredictor(*tables, self.contexts, self.model.n_tellings)

    def snapshot(self, step: int) -> Snapshot:
        now = self.current()
        return Snapshot(step, now.embeddings.double().numpy(), now.unembeddings.double().numpy())

    def record(self, step: int) -> dict[str, float]:
        with torch.no_grad():
            loss = self.exact_loss().item()
        if not loss < self.loss_limit:
            raise _NotFinite(loss)
        now = self.current()
        record = measured(self.model, now, step, loss, self.entropy_floor)
        self.records.append(record)
        self.recorded = now
        return record

    def criterion_met(self, stop_when: Mapping[str, float] | None) -> str | None:
        for name, threshold in (stop_when or {}).items():
            if name == "excess_loss":
                with torch.no_grad():
                    value = self.exact_loss().item() - self.entropy_floor
            elif name == "gradient_norm":
                gradients = torch.autograd.grad(self.exact_loss(), [self.embeddings, self.unembeddings])
                value = float(torch.sqrt(sum((g * g).sum() for g in gradients)))
            else:
                value = linearity(self.model, self.current()).mean["unembedding"]
            side = STOP_CRITERIA[name]
            if value > threshold if side == "above" else value < threshold:
                return f"{name} {side} {threshold:g}"
        return None


def _choose_device(device: Any, n_logits: int) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() and n_logits >= DEVICE_LOGITS else "cpu")
    return torch.device(device)


def check_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The checked arguments of `train`, without the objects that do not belong in a table of results."""
    kept = ("dim", "steps", "optimizer", "learning_rate", "momentum", "batch_size", "initialization", "scale")
    settings = {name: arguments[name] for name in (*kept, "seed", "dtype", "device")}
    for name, low in (("dim", 1), ("steps", 0), ("seed", 0)):
        settings[name] = check_integer(name, settings[name], low=low)
    check_integer("n_snapshots", arguments["n_snapshots"], low=0, high=MAX_SNAPSHOTS)
    check_choice("optimizer", settings["optimizer"], tuple(OPTIMIZERS))
    settings["momentum"] = check_number("momentum", settings["momentum"], low=0.0, high=1.0)
    if settings["momentum"] == 1.0:
        raise ValueError("momentum must be below 1, got 1.0")
    if settings["learning_rate"] is None:
        settings["learning_rate"] = DEFAULT_LEARNING_RATES[settings["optimizer"]]
    settings["learning_rate"] = check_number("learning_rate", settings["learning_rate"], low=0.0, open_interval=True)
    settings["scale"] = check_number("scale", settings["scale"], low=0.0, open_interval=True)
    if settings["batch_size"] is not None:
        settings["batch_size"] = check_integer("batch_size", settings["batch_size"], low=1, high=MAX_BATCH)
        if settings["optimizer"] in ("lbfgs", "natural"):
            raise ValueError(
                f"batch_size must be None for the optimizer {settings['optimizer']}, got {settings['batch_size']}"
            )
    check_dtype("dtype", settings["dtype"])
    if settings["device"] is not None:
        check_device(settings["device"], settings["dtype"])
    if arguments["stop_when"] is not None:
        _check_stop_when(arguments["stop_when"])
    check_function("callback", arguments["callback"], of="step and excess loss")
    check_flag("progress", arguments["progress"])
    return settings


def check_device(device: Any, dtype: torch.dtype) -> None:
    """Raise a ValueError unless numbers of that kind can be put on this device of this machine."""
    try:
        if not isinstance(device, str | torch.device):
            raise TypeError("not a name")
        torch.ones(1, dtype=dtype, device=device).item()  # a device that is named but not there fails here
    except (RuntimeError, TypeError, ValueError, AssertionError, AttributeError, ImportError) as trouble:
        reason = str(trouble).partition("\n")[0]
        raise ValueError(
            f"device must be None or a device of this machine, such as 'cpu', got {shown(device)} ({reason})"
        ) from None


def _check_stop_when(stop_when: Any) -> None:
    for name, threshold in check_mapping("stop_when", stop_when).items():
        check_choice("stop_when", name, tuple(STOP_CRITERIA))
        if name == "unembedding_cosine":
            check_number(f"stop_when[{name!r}]", threshold, low=-1.0, high=1.0)
        else:
            check_number(f"stop_when[{name!r}]", threshold, low=0.0, open_interval=True)
