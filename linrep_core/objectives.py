"""Other losses and other optimisers: the same two tables, trained in another way, and looked at when equally far.

Book: part "Beyond the assumptions", chapter "Optimisers and losses". Every loss here is a function of two tables: the
logits z(x, y), and how often each pair comes, J(x, y) = w(x) p(y | x). With the exact J it is the expected loss; with
the shares of the pairs in a sampled batch it is the loss of that batch, negatives included. All losses are in nats or
plain numbers, means over pairs.

What the losses aim at, were the dimension free (z up to a number for each context):

- `cross_entropy`: z = ln p(y | x); infinite where a word is impossible.
- `smoothed_cross_entropy`: the same for the smoothed distribution; always finite.
- `contrastive`: z = ln p(y | x) / p(y). It is InfoNCE with the batch's own words as negatives (van den Oord, Li,
  Vinyals 2018, "Representation Learning with Contrastive Predictive Coding"), and with the exact J its limit of large
  batches, up to the logarithm of the batch's size.
- `squared_probabilities`: softmax(z) = p; infinite logits again.
- `squared_logits`: z = p(y | x), no softmax.
- `hinge`: the margin loss of Weston and Watkins (1999): the word that comes should lead every other word by 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_iterable,
    check_number,
    check_seeds,
    check_sequence,
)
from linrep_core._stepping import few_threads
from linrep_core.class_members import excess_cost, smallest_cost, smallest_member
from linrep_core.geometry import MEASURES, linearity
from linrep_core.language import LatentConditionalModel
from linrep_core.natural_gradient import NaturalGradient
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.trained_pairs import WORLDS, pair_world

Array = NDArray[np.float64]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

SMOOTHING = 0.1
TEMPERATURE = 0.25
LEVELS = (0.1, 0.03, 0.01, 0.003)  # shares of what there is to learn; a run is looked at when it first falls below
LOOKS_PER_STEP = 50  # the exact loss is computed at steps that are about a fiftieth of the way apart
AHEAD = 250  # sampled batches drawn at once
LBFGS_ITERATIONS = 4  # a step


# ---- losses ---------------------------------------------------------------------------------------------------------


def cross_entropy(logits: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """Mean of -ln softmax(z)(y) over pairs (x, y).

    Parameters
    ----------
    logits, joint
        Shape (..., n_contexts, n_tokens); the joint sums to 1 over the last two axes. So for all losses here.

    Returns
    -------
    tensor of shape (...,), in nats

    Examples
    --------
    >>> joint = torch.tensor([[0.5, 0.0], [0.25, 0.25]])
    >>> round(float(cross_entropy(torch.zeros(2, 2), joint)), 4)
    0.6931
    """
    return _total(joint, -torch.log_softmax(logits, dim=-1))


def smoothed_cross_entropy(logits: torch.Tensor, joint: torch.Tensor, smoothing: float = SMOOTHING) -> torch.Tensor:
    """Cross-entropy where the word is replaced, with probability `smoothing`, by any word at random.

    Examples
    --------
    >>> joint = torch.tensor([[1.0, 0.0]])
    >>> z = torch.tensor([[3.0, 0.0]]).requires_grad_()
    >>> smoothed_cross_entropy(z, joint).backward()  # too sure: the best z here is ln 19 = 2.94
    >>> bool(z.grad[0, 0] > 0)
    True
    """
    return cross_entropy(logits, smoothed(joint, smoothing))


def contrastive(logits: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """InfoNCE with the words of the batch as negatives: -z(x, y) + ln mean over the batch of exp z(x, y').

    Parameters
    ----------
    logits
        As for `cross_entropy`.
    joint
        The shares of the pairs of a batch; or the exact joint, the limit of large batches.

    Examples
    --------
    >>> joint = torch.tensor([[0.5, 0.0], [0.25, 0.25]])
    >>> round(float(contrastive(joint.clamp(min=1e-30).log() - joint.sum(dim=0).log(), joint)), 3)  # its least
    -0.216
    """
    words = joint.sum(dim=-2, keepdim=True)
    share_of_all = torch.logsumexp(logits + words.log(), dim=-1, keepdim=True)
    return _total(joint, share_of_all - logits)


def squared_probabilities(logits: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of softmax(z) from the word that came, as a one-hot vector (Brier's score).

    Examples
    --------
    >>> float(squared_probabilities(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])))
    0.5
    """
    return _distance_to_words(torch.softmax(logits, dim=-1), joint)


def squared_logits(logits: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """Mean squared distance of the logits themselves from the one-hot word, both centred over words.

    Examples
    --------
    >>> float(squared_logits(torch.tensor([[9.0, 8.0]]), torch.tensor([[1.0, 0.0]])))
    0.0
    """
    n_tokens = logits.shape[-1]
    centred = logits - logits.mean(dim=-1, keepdim=True) + 1.0 / n_tokens
    return _distance_to_words(centred, joint)


def hinge(logits: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of the sum over other words y' of max(0, 1 - z(x, y) + z(x, y')).

    Examples
    --------
    >>> joint = torch.tensor([[1.0, 0.0, 0.0]])
    >>> [float(hinge(torch.tensor([[z, 0.0, 0.0]]), joint)) for z in (0.0, 0.5, 1.0)]
    [2.0, 1.0, 0.0]
    """
    lacking = torch.relu(1.0 - logits[..., :, None] + logits[..., None, :])
    return _total(joint, lacking.sum(dim=-1) - 1.0)  # the word against itself


def sharp_cross_entropy(logits: torch.Tensor, joint: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """Cross-entropy of softmax(z / temperature).

    Examples
    --------
    >>> joint = torch.tensor([[0.5, 0.0], [0.25, 0.25]])
    >>> z = torch.tensor([[1.0, 0.0], [0.0, 0.5]])
    >>> bool(torch.isclose(sharp_cross_entropy(z, joint, 0.5), cross_entropy(2 * z, joint)))
    True
    """
    return cross_entropy(logits / temperature, joint)


def smoothed(joint: torch.Tensor, smoothing: float = SMOOTHING) -> torch.Tensor:
    """The joint of contexts and words when a share of the words is replaced by any word at random.

    Examples
    --------
    >>> smoothed(torch.tensor([[1.0, 0.0]]), 0.1).tolist()
    [[0.949999988079071, 0.05000000074505806]]
    """
    return (1.0 - smoothing) * joint + smoothing * joint.mean(dim=-1, keepdim=True)


def _total(joint: torch.Tensor, terms: torch.Tensor) -> torch.Tensor:
    return (joint * terms).sum(dim=(-2, -1))


def _distance_to_words(table: torch.Tensor, joint: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of |table(x) - e_y|^2."""
    squares = (table**2).sum(dim=-1, keepdim=True)
    return _total(joint, squares - 2.0 * table + 1.0)


OBJECTIVES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "label smoothing": smoothed_cross_entropy,
    "sharp softmax": sharp_cross_entropy,
    "squared, probabilities": squared_probabilities,
    "squared, logits": squared_logits,
    "hinge": hinge,
    "contrastive": contrastive,
}


def best_logits(objective: str, joint: torch.Tensor) -> torch.Tensor:
    """A table of logits of least loss: unique up to a number for each context, for all losses but the hinge.

    Parameters
    ----------
    objective
        One of `OBJECTIVES` but ``"hinge"``, which has many best tables and no formula for one.
    joint
        As the losses take it, every context with a probability above 0.

    Returns
    -------
    tensor of the shape of `joint`
        Minus infinity where the loss asks for it: at impossible words, unless they are smoothed.

    Raises
    ------
    ValueError
        For another objective.

    Examples
    --------
    >>> best_logits("squared, logits", torch.tensor([[0.5, 0.0], [0.25, 0.25]])).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    check_choice("objective", objective, [name for name in OBJECTIVES if name != "hinge"])
    aim = smoothed(joint) if objective == "label smoothing" else joint
    p = aim / aim.sum(dim=-1, keepdim=True)
    if objective == "squared, logits":
        return p
    if objective == "contrastive":
        return (p / joint.sum(dim=-2, keepdim=True)).log()
    return TEMPERATURE * p.log() if objective == "sharp softmax" else p.log()


def least_loss(objective: str, joint: torch.Tensor) -> torch.Tensor:
    """The least value of a loss over all tables of logits, of any rank (approached only, where logits are infinite).

    Parameters
    ----------
    objective
        One of `OBJECTIVES`.
    joint
        As `best_logits` takes it.

    Raises
    ------
    ValueError
        For another objective.

    Examples
    --------
    >>> joint = torch.tensor([[0.5, 0.0], [0.25, 0.25]], dtype=torch.float64)
    >>> {name: round(float(least_loss(name, joint)), 3) for name in ("cross-entropy", "contrastive", "hinge")}
    {'cross-entropy': 0.347, 'contrastive': -0.216, 'hinge': 0.5}
    """
    if check_choice("objective", objective, OBJECTIVES) == "hinge":
        rows = joint.reshape(-1, *joint.shape[-2:])
        least = [sum(map(_least_hinge, each.tolist())) for each in rows]
        return torch.tensor(least).to(joint).reshape(joint.shape[:-2])
    # a finite number in place of minus infinity, beyond what a float64 sees of its exponential
    return OBJECTIVES[objective](best_logits(objective, joint).clamp(min=-1e3), joint)


def best_predictor(objective: str, joint: torch.Tensor, dim: int) -> SoftmaxPredictor:
    """Where the shortest tables for a loss lie, when its best logits are finite: a prediction without any training.

    The best table is centred over words and, where `dim` is below its rank, replaced by the nearest one of that rank,
    contexts weighted as they come: for ``"squared, logits"`` that is the least loss in this dimension (Eckart and
    Young). Its factors are the shortest, as plain descent from a small start or a little weight decay would have them.

    Parameters
    ----------
    objective, joint
        As for `best_logits`; shape (n_contexts, n_tokens).
    dim
        At least 1.

    Raises
    ------
    ValueError
        If a best logit is infinite.

    Examples
    --------
    >>> joint = torch.tensor([[0.5, 0.0], [0.0, 0.5]])
    >>> best_predictor("squared, logits", joint, dim=1).logits().round(decimals=3).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    best = best_logits(objective, joint).double().numpy()
    if not np.isfinite(best).all():
        raise ValueError(f"joint must have finite best logits for {objective!r}, got a word that is impossible")
    weights = np.sqrt(joint.double().numpy().sum(axis=1, keepdims=True))
    left, sizes, right = np.linalg.svd(weights * (best - best.mean(axis=1, keepdims=True)), full_matrices=False)
    kept = check_integer("dim", dim, low=1)
    factors = (left * sizes)[:, :kept] / weights, right.T[:, :kept]
    return smallest_member(SoftmaxPredictor(*(torch.as_tensor(factor.copy()) for factor in factors)))


def _least_hinge(row: list[float]) -> float:
    """A linear program for one context: minimise sum_y J(y) sum_(y' != y) s(y, y'), s >= 1 - z(y) + z(y'), s >= 0."""
    n = len(row)
    pairs = [(y, other) for y in range(n) for other in range(n) if other != y and row[y] > 0]
    margins = np.zeros((len(pairs), n + len(pairs)))
    for k, (y, other) in enumerate(pairs):
        margins[k, [y, other, n + k]] = -1.0, 1.0, -1.0
    cost = np.concatenate([np.zeros(n), [row[y] for y, _ in pairs]])
    bounds = [(None, None)] * n + [(0, None)] * len(pairs)
    return float(linprog(cost, A_ub=margins, b_ub=-np.ones(len(pairs)), bounds=bounds).fun)


# ---- optimisers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """Who takes the steps.

    Attributes
    ----------
    optimizer : str
        ``"sgd"``, ``"adam"``, ``"sign"``, ``"adamw"``, ``"lbfgs"`` or ``"natural"``.
    rate : float
    steps : int
    momentum, weight_decay : float
        A weight decay of lambda adds lambda (|F|^2 + |G|^2) / 2 to the loss (with adamw it shrinks the tables instead).
    batch_size : int or None
        Pairs (context, word) sampled for a step; None: the exact joint.
    cooled : bool
        Whether the rate falls to 0, linearly, in the second half: for steps that would not become small by themselves.
    """

    optimizer: str
    rate: float
    steps: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch_size: int | None = None
    cooled: bool = False


METHODS: dict[str, Method] = {
    "gradient descent": Method("sgd", 1.0, 2000),
    "momentum": Method("sgd", 0.1, 2000, momentum=0.9),
    "batches of 1000": Method("sgd", 1.0, 2000, batch_size=1000, cooled=True),
    "batches of 100": Method("sgd", 1.0, 2000, batch_size=100, cooled=True),
    "batches of 10": Method("sgd", 1.0, 4000, batch_size=10, cooled=True),
    "Adam": Method("adam", 0.02, 1500),
    "Adam, batches of 100": Method("adam", 0.02, 1500, batch_size=100, cooled=True),
    "sign descent": Method("sign", 0.01, 1500, cooled=True),
    "weight decay 0.01": Method("sgd", 2.0, 1500, weight_decay=0.01),
    "weight decay 0.001": Method("sgd", 2.0, 4000, weight_decay=0.001),
    "weight decay 0.0003": Method("sgd", 2.0, 8000, weight_decay=0.0003),
    "AdamW": Method("adamw", 0.02, 1500, weight_decay=0.1),
    "L-BFGS": Method("lbfgs", 1.0, 40),
    "natural gradient": Method("natural", 1.0, 40),
}


def _make_optimizer(method: Method, tables: list[torch.Tensor]) -> torch.optim.Optimizer:
    rate, decay = method.rate, method.weight_decay
    if method.optimizer == "adam":
        return torch.optim.Adam(tables, lr=rate, weight_decay=decay)
    if method.optimizer == "adamw":
        return torch.optim.AdamW(tables, lr=rate, weight_decay=decay)
    if method.optimizer == "sign":  # Adam without memory divides each entry of the gradient by its size
        return torch.optim.Adam(tables, lr=rate, betas=(0.0, 0.0), eps=1e-30)
    if method.optimizer == "lbfgs":
        line_search = {"line_search_fn": "strong_wolfe", "history_size": 20}
        return torch.optim.LBFGS(tables, lr=rate, max_iter=LBFGS_ITERATIONS, **line_search)
    return torch.optim.SGD(tables, lr=rate, momentum=method.momentum, weight_decay=decay)


# ---- training -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """A run at one moment.

    Attributes
    ----------
    level : float or None
        The share of `LEVELS` below which it had just fallen; None for the last step.
    step : int
    share : float
        Loss above the least, as a share of that of the predictor that knows nothing (all logits 0): 1 at a small start.
    predictor : SoftmaxPredictor
    """

    level: float | None
    step: int
    share: float
    predictor: SoftmaxPredictor


def joint_table(model: LatentConditionalModel) -> torch.Tensor:
    """J(x, y) = w(x) p(y | x), shape (n_contexts, n_tokens).

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> round(float(joint_table(model).sum()), 12)
    1.0
    """
    check_instance("model", model, LatentConditionalModel)
    return torch.as_tensor(model.weights()[:, None] * model.next_token_distribution())


def check_worlds(models: Any, seeds: Any) -> tuple[Sequence[LatentConditionalModel], list[int]]:
    """A world for each seed, all with as many concepts, and the seeds; or a ValueError that names what is wrong."""
    numbers = check_seeds("seeds", seeds)
    if not numbers:
        raise ValueError("seeds must name at least one run, got none")
    worlds = check_sequence("models", models, length=len(numbers))
    for i, world in enumerate(worlds):
        check_instance(f"models[{i}]", world, LatentConditionalModel)
        if world.n_concepts != worlds[0].n_concepts:
            raise ValueError(f"models[{i}] must have {worlds[0].n_concepts} concepts, got {world.n_concepts}")
    return worlds, numbers


def train_on(
    models: Any,
    dim: int,
    *,
    objective: str = "cross-entropy",
    method: str = "gradient descent",
    seeds: Any,
    scale: float | None = None,
    steps: int | None = None,
    levels: Any = LEVELS,
    progress: bool = True,
) -> list[list[Look]]:
    """Train a predictor of each world on a loss, all at once.

    Parameters
    ----------
    models
        A list of worlds with the same number of concepts.
    dim
        Dimension *d*.
    objective, method
        Names in `OBJECTIVES` and `METHODS`; the natural gradient is there for cross-entropy only.
    seeds
        One for each world: of its start and its batches.
    scale
        Standard deviation of a Gaussian start; None for the paper's small one. Plain descent from a large start takes
        smaller steps, as the loss is steeper there.
    steps
        None: those of the method.
    levels
        Shares below which a run is looked at, when it first falls below; the largest first.

    Returns
    -------
    list of lists of Look
        For each world its looks in the order of time, the last step at the end.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> worlds = [LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=seed)) for seed in range(2)]
    >>> looks = train_on(worlds, 3, objective="hinge", method="Adam", seeds=[0, 1], steps=300, progress=False)
    >>> [each[-1].share < 0.01 for each in looks]
    [True, True]
    """
    check_choice("objective", objective, OBJECTIVES)
    chosen = METHODS[check_choice("method", method, METHODS)]
    if chosen.optimizer == "natural" and objective != "cross-entropy":
        raise ValueError(f"method must be another than 'natural gradient' for {objective!r}, got 'natural gradient'")
    worlds, numbers = check_worlds(models, seeds)
    n_steps = chosen.steps if steps is None else check_integer("steps", steps, low=0)
    below = [check_number(f"levels[{i}]", x, low=0.0) for i, x in enumerate(check_iterable("levels", levels))]
    starts = [_start(world, dim, seed, scale) for world, seed in zip(worlds, numbers, strict=True)]
    joints = [joint_table(world) for world in worlds]
    alone = chosen.optimizer in ("lbfgs", "natural")  # a line search is for one run
    groups = [[i] for i in range(len(starts))] if alone else [list(range(len(starts)))]
    found: list[list[Look]] = []
    with few_threads(len(starts) * joints[0].numel()):
        for group in tqdm(groups, disable=not check_flag("progress", progress), desc=method, leave=False):
            runs = _Runs([joints[i] for i in group], [starts[i] for i in group], objective, chosen, scale, n_steps)
            found += runs.train([numbers[i] for i in group], sorted(below, reverse=True))
    return found


def _start(world: LatentConditionalModel, dim: int, seed: int, scale: float | None) -> SoftmaxPredictor:
    kind = {} if scale is None else {"initialization": "gaussian", "scale": scale}
    return SoftmaxPredictor.initialize(world, dim, seed=seed, **kind)


class _Runs:
    """The tables of all runs, stacked: f of shape (runs, contexts, dim), g of shape (runs, tokens, dim)."""

    def __init__(
        self,
        joints: list[torch.Tensor],
        starts: list[SoftmaxPredictor],
        objective: str,
        method: Method,
        scale: float | None,
        steps: int,
    ) -> None:
        self.f = torch.stack([start.embeddings for start in starts]).requires_grad_()
        self.g = torch.stack([start.unembeddings for start in starts]).requires_grad_()
        self.joint, self.loss, self.method, self.steps = torch.stack(joints), OBJECTIVES[objective], method, steps
        self.least = least_loss(objective, self.joint)
        self.to_learn = self.loss(torch.zeros_like(self.joint), self.joint) - self.least
        if method.optimizer == "natural":
            weights = joints[0].sum(dim=1)
            self.table = (joints[0] / weights[:, None], weights)
            self.natural = NaturalGradient(self.f.detach()[0], self.g.detach()[0], *self.table, self._loss_of_one)
            return
        self.optimizer = _make_optimizer(method, [self.f, self.g])
        if method.optimizer == "sgd" and scale is not None:  # the curvature grows with the square of the tables
            self.optimizer.param_groups[0]["lr"] /= 1.0 + self.f.shape[2] * scale**2
        full = self.optimizer.param_groups[0]["lr"]
        self.rates = [full * (min(1.0, 2.0 - 2.0 * step / steps) if method.cooled else 1.0) for step in range(steps)]

    def _loss_of_one(self, f: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return self.loss(f @ g.mT, self.joint[0])

    def train(self, seeds: list[int], levels: list[float]) -> list[list[Look]]:
        looks: list[list[Look]] = [[] for _ in seeds]
        batches = self._batches([np.random.default_rng(seed) for seed in seeds])
        next_look = 0
        for step in range(self.steps):
            if step == next_look:
                next_look += max(1, step // LOOKS_PER_STEP)
                self._look(step, looks, levels)
            self._step(step, next(batches))
        self._look(self.steps, looks, levels)
        for run, share in enumerate(self._shares()):
            looks[run].append(Look(None, self.steps, share, self._predictor(run)))
        return looks

    def _step(self, step: int, joint: torch.Tensor) -> None:
        if self.method.optimizer == "natural":
            self.natural.step(self.method.rate)
            return

        def closure() -> torch.Tensor:
            self.optimizer.zero_grad()
            loss = self.loss(self.f @ self.g.mT, joint).sum()
            loss.backward()
            return loss

        self.optimizer.param_groups[0]["lr"] = self.rates[step]
        self.optimizer.step(closure)

    def _batches(self, generators: list[np.random.Generator]) -> Any:
        """The exact joint for ever, or shares of sampled pairs: shape (runs, contexts, tokens)."""
        size = self.method.batch_size
        while size is None:
            yield self.joint
        flat = [each.flatten().numpy() for each in self.joint]
        while True:
            counts = [
                rng.multinomial(size, each / each.sum(), size=AHEAD) for rng, each in zip(generators, flat, strict=True)
            ]
            for batch in np.stack(counts, axis=1):
                yield torch.as_tensor(batch).to(self.joint).view_as(self.joint) / size

    @torch.no_grad()
    def _shares(self) -> list[float]:
        return ((self.loss(self.f @ self.g.mT, self.joint) - self.least) / self.to_learn).tolist()

    def _look(self, step: int, looks: list[list[Look]], levels: list[float]) -> None:
        for run, share in enumerate(self._shares()):
            while len(looks[run]) < len(levels) and share < levels[len(looks[run])]:
                looks[run].append(Look(levels[len(looks[run])], step, share, self._predictor(run)))

    def _predictor(self, run: int) -> SoftmaxPredictor:
        return SoftmaxPredictor(self.f[run].detach().clone(), self.g[run].detach().clone())


# ---- the study ------------------------------------------------------------------------------------------------------


SCALES = (0.001, 0.01, 0.1, 0.3, 1.0, 2.0, 4.0)


def _recipes() -> dict[str, dict[str, Any]]:
    recipes: dict[str, dict[str, Any]] = {method: {"method": method} for method in METHODS}
    recipes |= {
        f"{objective}, {method}": {"objective": objective, "method": method}
        for objective in OBJECTIVES
        for method in ("gradient descent", "Adam")
        if objective != "cross-entropy"
    }
    recipes["contrastive, batches of 100"] = {"objective": "contrastive", "method": "batches of 100"}
    recipes |= {
        f"{method}, start {scale:g}": {"method": method, "scale": scale}
        for method in ("gradient descent", "Adam")
        for scale in SCALES
    }
    recipes["weight decay 0.001, start 1"] = {"method": "weight decay 0.001", "scale": 1.0}
    return recipes


RECIPES = _recipes()


def make_world(kind: str, seed: int) -> LatentConditionalModel:
    """A random world of three concepts: `linrep_core.trained_pairs.pair_world`.

    Examples
    --------
    >>> [bool((joint_table(make_world(kind, 0)) > 0).all()) for kind in WORLDS]
    [False, True]
    """
    return pair_world(check_choice("kind", kind, WORLDS), seed)


def objective_cell(
    recipe: str, dim: int, world: str = "masked", *, n_seeds: int = 12, steps: int | None = None
) -> list[dict[str, Any]]:
    """Every look at the runs of one recipe: a world, a start and a run for each seed, all at once.

    Parameters
    ----------
    recipe
        One of `RECIPES`: a method, a loss and a method, or a method and a start.
    dim
        Dimension *d*.
    world
        ``"masked"`` or ``"noisy"``.
    n_seeds, steps
        Number of runs, and their length (None: that of the method).

    Returns
    -------
    list of dict
        A record for each look: seed, level (None: the last step), step and share, see `Look`; the mean cosines of
        `LinearityReport`; `excess_cost`, and ``nuclear norm``, that of the centred logits; ``moved``, how far the
        tables are from their start, as a share of the start's length: small in a lazy run.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> rows = objective_cell("natural gradient", 3, n_seeds=2, steps=20)
    >>> [row["share"] < 0.1 for row in rows if row["level"] is None]
    [True, True]
    """
    settings = RECIPES[check_choice("recipe", recipe, RECIPES)]
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    worlds = [make_world(world, seed) for seed in seeds]
    runs = train_on(worlds, dim, seeds=seeds, steps=steps, progress=False, **settings)
    starts = [_start(model, dim, seed, settings.get("scale")) for model, seed in zip(worlds, seeds, strict=True)]
    return [
        {
            "seed": seed,
            "level": look.level,
            "step": look.step,
            "share": look.share,
            **{name: linearity(model, look.predictor).mean[name] for name in MEASURES},
            "excess cost": excess_cost(look.predictor),
            "nuclear norm": smallest_cost(look.predictor),
            "moved": _moved(start, look.predictor),
        }
        for seed, model, start, looks in zip(seeds, worlds, starts, runs, strict=True)
        for look in looks
    ]


def _moved(start: SoftmaxPredictor, end: SoftmaxPredictor) -> float:
    before, after = (torch.cat([each.embeddings, each.unembeddings]) for each in (start, end))
    return float((after - before).norm() / before.norm())
