"""Many trainings as one: predictors of the same size, each with its own world and seed, step together.

Book: part "Simulations", chapter "Fast and exact". A small training spends its time in calls, not in sums; sixteen of
them in one batch of matrix products cost little more than one. Every run is what `train` with its seed would give, up
to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from linrep_core._checks import (
    as_array,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_seeds,
    check_sequence,
)
from linrep_core._stepping import batches_ahead, few_threads, first_order_optimizer, loss_limit, measured
from linrep_core.kernel import TILE_BYTES, tiled_cross_entropy
from linrep_core.language import LatentConditionalModel
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.training import HISTORY, TrainingRun, check_settings, logarithmic_steps

OPTIMIZERS = ("sgd", "momentum", "adam")
MAX_RECORDS = 10_000


def train_many(
    models: Any,
    dim: int,
    *,
    seeds: Any,
    steps: int = 2000,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    momentum: float = 0.9,
    batch_size: int | None = None,
    contexts: Any = None,
    initialization: str = "lookup_table",
    scale: float = 0.1,
    dtype: torch.dtype = torch.float64,
    n_records: int | None = None,
    progress: bool = True,
) -> list[TrainingRun]:
    """Train a predictor for each seed, all at once; the arguments not explained here are those of `train`.

    Parameters
    ----------
    models
        One world for all seeds, or a list with a world for each seed; all with the same number of concepts.
    seeds
        A list of integers, one a run: start and sampled batches.
    optimizer
        ``"sgd"``, ``"momentum"`` or ``"adam"``.
    contexts
        None for all, an array of shape (n, m) for every run, or a list with an array for each run.
    n_records
        How many entries each history has, at logarithmically spaced steps; None: 20 a tenfold of steps.

    Returns
    -------
    list of TrainingRun
        In the order of `seeds`. A run whose loss stops being finite does not stop the others: it ends with its last
        good record and ``stop_reason`` ``"diverged"``. After Ctrl-C all that is done is kept.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> worlds = [LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=seed)) for seed in range(3)]
    >>> runs = train_many(worlds, dim=2, seeds=[0, 1, 2], steps=300, progress=False)
    >>> [run.excess_loss < 0.1 for run in runs]
    [True, True, True]
    """
    seeds = check_seeds("seeds", seeds)
    if not seeds:
        raise ValueError("seeds must name at least one run, got none")
    worlds = _one_each("models", models, len(seeds), single=isinstance(models, LatentConditionalModel))
    for i, world in enumerate(worlds):
        check_instance(f"models[{i}]", world, LatentConditionalModel)
        if world.n_concepts != worlds[0].n_concepts:
            raise ValueError(
                f"models must have the same number of concepts, got {worlds[0].n_concepts} and {world.n_concepts}"
            )
        if not all(map(np.array_equal, world.tellings, worlds[0].tellings)):
            raise ValueError(f"models must have the same tellings, got others for models[{i}] than for the first")
    check_choice("optimizer", optimizer, OPTIMIZERS)
    if n_records is not None:
        n_records = check_integer("n_records", n_records, low=1, high=MAX_RECORDS)
    check_flag("progress", progress)
    given = {"seed": seeds[0], "device": None, "stop_when": None, "n_snapshots": 0, "callback": None}
    settings = check_settings({**locals(), **given})
    starts = [
        SoftmaxPredictor.initialize(
            world, dim, contexts=subset, initialization=initialization, scale=scale, seed=seed, dtype=dtype
        )
        for world, subset, seed in zip(worlds, _contexts_each(contexts, len(seeds)), seeds, strict=True)
    ]
    n_logits = sum(len(start.embeddings) * len(start.unembeddings) for start in starts)
    with few_threads(n_logits):
        ensemble = _Ensemble(worlds, starts, seeds, settings)
        title = f"m={worlds[0].n_concepts}, d={dim}, {len(seeds)} runs"
        with tqdm(total=settings["steps"], disable=not progress, desc=title, unit="step", leave=False) as bar:
            _take_steps(ensemble, settings["steps"], n_records, bar)
    return ensemble.finish()


def _one_each(name: str, value: Any, count: int, *, single: bool) -> Sequence[Any]:
    return [value] * count if single else check_sequence(name, value, length=count)


def _contexts_each(contexts: Any, count: int) -> Sequence[Any]:
    """One array of contexts for every run: a list of arrays, or the same array again."""
    several = isinstance(contexts, list | tuple) and len(contexts) > 0 and _is_table(contexts[0])
    return _one_each("contexts", contexts, count, single=not several)


def _is_table(value: Any) -> bool:
    try:
        return as_array("contexts", value).ndim == 2
    except ValueError:
        return False


def _take_steps(ensemble: _Ensemble, steps: int, n_records: int | None, bar: tqdm) -> None:
    record_steps = set(logarithmic_steps(steps, n_records))
    try:
        for step in range(steps + 1):
            if step in record_steps:
                ensemble.record(step)
                bar.set_postfix(excess=f"{ensemble.mean_excess():.4f}", refresh=False)
            if step < steps:
                ensemble.step()
                ensemble.done = step + 1
                bar.update()
    except KeyboardInterrupt:
        ensemble.interrupted = True
        ensemble.record(ensemble.done)


class _Ensemble:
    """The tables of all runs, stacked: f of shape (runs, contexts, dim), g of shape (runs, dim, tokens).

    So a product's rows are as long as there are tokens; with g as it stands in a predictor, two of the three products
    of a sampled step take three to eight times as long. Where the runs have different numbers of contexts, the shorter
    tables are filled up with rows of weight zero.
    """

    def __init__(
        self,
        models: Sequence[LatentConditionalModel],
        starts: Sequence[SoftmaxPredictor],
        seeds: Sequence[int],
        settings: dict[str, Any],
    ) -> None:
        self.models, self.contexts = models, [start.contexts for start in starts]
        self.settings = [{**settings, "seed": seed} for seed in seeds]
        self.sizes = [len(start.embeddings) for start in starts]
        self.f = torch.nn.utils.rnn.pad_sequence([start.embeddings for start in starts], batch_first=True)
        self.g = torch.stack([start.unembeddings.mT for start in starts]).contiguous()
        self.f.requires_grad_(), self.g.requires_grad_()
        self.floors = [model.entropy_floor(rows) for model, rows in zip(models, self.contexts, strict=True)]
        self.rate, self.batch_size = settings["learning_rate"], settings["batch_size"]
        self._tabulate()
        self.runs = [
            TrainingRun(start, floor, setting)
            for start, floor, setting in zip(starts, self.floors, self.settings, strict=True)
        ]
        self.records: list[list[dict[str, float]]] = [[] for _ in models]
        first = self.losses().tolist()
        if not np.isfinite(first).all():
            raise ValueError(f"scale must be small enough for a finite first loss, got {settings['scale']:g}")
        self.limits = [loss_limit(models[0].n_tokens, loss) for loss in first]
        self.diverged = [False] * len(models)
        self.interrupted, self.done = False, 0
        self.plain = settings["optimizer"] == "sgd"
        self.optimizer = first_order_optimizer([self.f, self.g], settings)
        if self.batch_size is not None:
            self.draws = [model.sampler(rows) for model, rows in zip(models, self.contexts, strict=True)]
            self.generators = [np.random.default_rng(seed) for seed in seeds]
            self.drawn: list[tuple[torch.Tensor, torch.Tensor]] = []

    def _tabulate(self) -> None:
        """What the exact loss needs of each world: p(y | x), or joint and context probabilities; and weights."""
        self.table = self._table() if self.batch_size is None else None
        m = self.models[0].n_concepts
        unknown = np.full((1, m), -1)
        joint = np.stack([model.next_token_distribution(unknown)[0] for model in self.models])
        self.joint = torch.as_tensor(joint.T[:, :, None]).to(self.f)  # (tokens, runs, 1)
        shape = self.f.shape[:2]
        weights, probability, rows = np.zeros(shape), np.ones(shape), np.zeros(shape, dtype=np.int64)
        for i, (model, subset, size) in enumerate(zip(self.models, self.contexts, self.sizes, strict=True)):
            weights[i, :size] = model.weights(subset)
            if self.table is None:
                probability[i, :size] = model.context_probabilities(subset)
            rows[i, :size] = np.arange(size) if subset is None else model.context_index(subset)
        self.weights = torch.as_tensor(weights).to(self.f)
        self.probability = torch.as_tensor(probability[:, :, None]).to(self.f)
        self.rows = None if all(subset is None for subset in self.contexts) else torch.as_tensor(rows[:, :, None])

    def _table(self) -> torch.Tensor | None:
        """p(y | x) of all runs, shape (runs, contexts, tokens), while it fits into the cache of the processor.

        A step with it costs three products and a softmax; `tiled_cross_entropy`, which does without, has three times
        as many small operations, and these are what a small step is made of.
        """
        shape = (*self.f.shape[:2], self.models[0].n_tokens)
        if math.prod(shape) * self.f.element_size() > TILE_BYTES:
            return None
        table = torch.zeros(shape, dtype=self.f.dtype)
        for i, (model, subset, size) in enumerate(zip(self.models, self.contexts, self.sizes, strict=True)):
            table[i, :size] = torch.as_tensor(model.next_token_distribution(subset))
        return table

    def losses(self) -> torch.Tensor:
        """The exact loss of every run, shape (runs,), in nats."""
        g = self.g.mT
        if self.table is not None:
            return tiled_cross_entropy(self.f, g, torch.bmm(self.table, g), self.weights)
        total = self.models[0].sums_over_tokens(self.joint * g.transpose(0, 1)).transpose(0, 1)
        if self.rows is not None:
            total = total.gather(1, self.rows.expand(-1, -1, g.shape[2]))
        return tiled_cross_entropy(self.f, g, total / self.probability, self.weights)

    def step(self) -> None:
        if self.batch_size is not None:
            with torch.no_grad():
                self._sampled_step(*self._next_batch())
        elif self.table is not None:
            with torch.no_grad():
                self._tabled_step(self.table)
        else:
            self.optimizer.zero_grad()
            self.losses().sum().backward()
            self.optimizer.step()

    def _tabled_step(self, table: torch.Tensor) -> None:
        """One step on the exact loss; its derivative by a logit is w(x) (p_hat(y | x) - p(y | x))."""
        residual = torch.softmax(torch.bmm(self.f, self.g), dim=2).sub_(table).mul_(self.weights[:, :, None])
        self.f.grad, self.g.grad = self._gradients(self.f, residual)
        self.optimizer.step()

    def _gradients(self, f: torch.Tensor, residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Derivatives by rows f, shape (runs, rows, dim), and by g, from those by the logits."""
        return torch.bmm(self.g, residual.mT).mT, torch.bmm(f.mT, residual)

    def _sampled_step(self, rows: torch.Tensor, tokens: torch.Tensor) -> None:
        """One step on (run, pair) batches: rows of the flattened f, and tokens, each of shape (runs, batch)."""
        flat_f = self.f.view(-1, self.f.shape[2])
        f = flat_f[rows]  # (runs, batch, dim)
        residual = torch.softmax(torch.bmm(f, self.g), dim=2)
        minus_one = torch.full((1, 1, 1), -1.0).to(residual).expand(*tokens.shape, 1)
        residual.scatter_add_(2, tokens[:, :, None], minus_one).div_(tokens.shape[1])
        grad_f, grad_g = self._gradients(f, residual)
        flat_rows, flat_grad = rows.reshape(-1), grad_f.reshape(-1, f.shape[2])
        if self.plain:  # plain descent leaves the rows of f alone that the batch does not name
            flat_f.index_add_(0, flat_rows, flat_grad, alpha=-self.rate)
            self.g.sub_(grad_g, alpha=self.rate)
            return
        if self.f.grad is None:
            self.f.grad = torch.zeros_like(self.f)
        self.f.grad.zero_()
        self.f.grad.view_as(flat_f).index_add_(0, flat_rows, flat_grad)
        self.g.grad = grad_g
        self.optimizer.step()

    def _next_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.drawn:
            size, ahead = self.batch_size, batches_ahead(self.batch_size)
            pairs = [draw(size * ahead, rng) for draw, rng in zip(self.draws, self.generators, strict=True)]
            first_row = np.arange(len(pairs))[:, None] * self.f.shape[1]
            rows = torch.as_tensor(np.stack([context for context, _ in pairs]) + first_row)
            tokens = torch.as_tensor(np.stack([token for _, token in pairs]))
            batches = zip(rows.split(size, dim=1), tokens.split(size, dim=1), strict=True)
            self.drawn = [(row.contiguous(), token.contiguous()) for row, token in batches][::-1]
        return self.drawn.pop()

    def record(self, step: int) -> None:
        with torch.no_grad():
            losses = self.losses().tolist()
        for i, (model, loss) in enumerate(zip(self.models, losses, strict=True)):
            f, g = self.f[i, : self.sizes[i]].detach(), self.g[i].detach().mT
            good = loss < self.limits[i] and bool(f.isfinite().all()) and bool(g.isfinite().all())
            self.diverged[i] = self.diverged[i] or not good
            if self.diverged[i] or (self.records[i] and self.records[i][-1]["step"] == step):
                continue
            tables = f.clone(), g.clone(memory_format=torch.contiguous_format)
            now = SoftmaxPredictor(*tables, self.contexts[i], model.n_tellings)
            self.records[i].append(measured(model, now, step, loss, self.floors[i]))
            self.runs[i].predictor, self.runs[i].steps = now, step

    def mean_excess(self) -> float:
        return float(np.mean([record[-1]["excess_loss"] for record in self.records]))

    def finish(self) -> list[TrainingRun]:
        for run, records, diverged in zip(self.runs, self.records, self.diverged, strict=True):
            run.history = {name: np.array([record[name] for record in records]) for name in HISTORY}
            if diverged:
                run.stop_reason = "diverged"
            elif self.interrupted:
                run.stop_reason = "interrupted"
        return self.runs
