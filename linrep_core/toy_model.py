"""The ReLU autoencoder of "Toy Models of Superposition" (Elhage et al. 2022), the named peer of `superposition`.

Features x_1..x_n are each 0, or active with a small probability; the model squeezes them into d < n dimensions and
reads them out again through the same matrix,

    x_hat = ReLU(W^T W x + b),    loss = mean of sum_i I_i (x_i - x_hat_i)^2.

As in the article an active feature is uniform in [0, 1] (``"graded"``); with ``"binary"`` it is 1, like a concept of
this book. Which features are active is summed over exactly, all 2**n patterns by their probabilities; how strongly is
drawn anew at every step.

Book: part "Beyond the assumptions", chapter "Superposition". Source: Elhage et al. 2022, sections "Demonstrating
Superposition", "Superposition as a Phase Change" and "The Geometry of Superposition".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_number,
    check_seeds,
)
from linrep_core._stepping import few_threads
from linrep_core.concepts import concept_vectors
from linrep_core.superposition import KNOWN, feature_dimensionality

Array = NDArray[np.float64]

VALUES = ("graded", "binary")
MAX_FEATURES = 8
TOY_STEPS = 3000
RATE = 0.01  # of Adam
DRAWS = 4  # strengths for each pattern of active features, a step
DRAWS_MEASURED = 64
START = 0.3  # standard deviation of the entries of W


@dataclass(frozen=True)
class ToyModel:
    """A trained autoencoder.

    Attributes
    ----------
    weights : array of shape (dim, n)
        W; its columns are the features' vectors.
    bias : array of shape (n,)
    """

    weights: Array
    bias: Array

    @property
    def vectors(self) -> Array:
        """The features' vectors as rows, shape (n, dim)."""
        return self.weights.T

    def __call__(self, x: Any) -> Array:
        """x_hat for features of shape (rows, n)."""
        features = check_array("x", x, shape=("rows", len(self.bias)))
        return np.maximum(features @ self.weights.T @ self.weights + self.bias, 0.0)


def train_toy(
    n_features: int,
    dim: int,
    chance: float,
    *,
    importance: Any = None,
    values: str = "graded",
    seeds: Any,
    steps: int = TOY_STEPS,
    progress: bool = True,
) -> list[ToyModel]:
    """Train the autoencoder from several starts at once.

    Parameters
    ----------
    n_features
        Number of features *n*, 1 to 8.
    dim
        Dimension *d*.
    chance
        Probability that a feature is active, above 0 and at most 1: the article's 1 - S.
    importance
        Weights I_i of the features in the loss, shape (n,), positive; None: all 1.
    values
        ``"graded"`` or ``"binary"``; see the module's text.
    seeds
        Of the starts. The strengths of active features are those of the first seed, for all.
    steps
        Steps of Adam.
    progress
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> (model,) = train_toy(2, 1, 0.05, seeds=[0], steps=1000, progress=False)
    >>> bool(model.weights[0, 0] * model.weights[0, 1] < -0.5)  # opposite: an antipodal pair
    True
    """
    n = check_integer("n_features", n_features, low=1, high=MAX_FEATURES)
    d, n_steps = check_integer("dim", dim, low=1), check_integer("steps", steps, low=0)
    weighed = torch.as_tensor(_importance(importance, n))
    numbers = check_seeds("seeds", seeds)
    if not numbers:
        raise ValueError("seeds must name at least one run, got none")
    kind = check_choice("values", values, VALUES)
    patterns, often = _patterns(n, chance)
    starts = [START * np.random.default_rng(seed).standard_normal((d, n)) for seed in numbers]
    w = torch.as_tensor(np.stack(starts)).requires_grad_()
    b = torch.zeros(len(numbers), 1, n, dtype=w.dtype, requires_grad=True)
    optimizer = torch.optim.Adam([w, b], lr=RATE)
    rng = np.random.default_rng([numbers[0], 1])
    with few_threads(len(numbers) * patterns.size * DRAWS):
        for _ in tqdm(range(n_steps), disable=not check_flag("progress", progress), leave=False):
            x, share = (torch.as_tensor(each) for each in _draw(patterns, often, kind, DRAWS, rng))
            error = x - torch.relu(x @ w.mT @ w + b)  # (runs, rows, n)
            optimizer.zero_grad()
            ((error**2 * weighed).sum(dim=2) @ share).sum().backward()
            optimizer.step()
    found = zip(w.detach().numpy(), b.detach().numpy()[:, 0], strict=True)
    return [ToyModel(weights.copy(), bias.copy()) for weights, bias in found]


def _importance(importance: Any, n_features: int) -> Array:
    if importance is None:
        return np.ones(n_features)
    weighed = check_array("importance", importance, shape=(n_features,))
    if not (weighed > 0).all():
        raise ValueError(f"importance must be positive, got {weighed.tolist()}")
    return weighed


def _patterns(n_features: int, chance: Any) -> tuple[Array, Array]:
    """Which features are active, shape (patterns, n), and how probable that is."""
    p = check_number("chance", chance, low=0.0, high=1.0)
    if p == 0:
        raise ValueError("chance must be above 0, got 0.0")
    active = concept_vectors(n_features).astype(float)
    often = np.where(active == 1, p, 1 - p).prod(axis=1)
    return active[often > 0], often[often > 0]


def _draw(
    patterns: Array, often: Array, values: str, draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], Array]:
    """Features, shape (rows, n), and the weight of each row in the mean."""
    if values == "binary":
        return patterns, often
    strengths = rng.random((draws, *patterns.shape))
    return (patterns * strengths).reshape(-1, patterns.shape[1]), np.tile(often / draws, draws)


def known_features(model: ToyModel, chance: float, *, values: str = "graded") -> Array:
    """For each feature the share of its variance that the model gives back, shape (n,).

    1 minus the mean squared error over the variance: 1 for a perfect model, 0 for one that answers the mean.

    Examples
    --------
    >>> known_features(ToyModel(np.eye(2), np.zeros(2)), 0.1).tolist()
    [1.0, 1.0]
    """
    check_instance("model", model, ToyModel)
    kind = check_choice("values", values, VALUES)
    patterns, often = _patterns(len(model.bias), chance)
    x, share = _draw(patterns, often, kind, DRAWS_MEASURED, np.random.default_rng(0))
    variance = share @ x**2 - (share @ x) ** 2
    if not (variance > 0).all():
        raise ValueError("chance must leave a binary feature uncertain, got 1.0")
    return 1 - share @ (x - model(x)) ** 2 / variance


def toy_cell(
    n_features: int,
    dim: int,
    chance: float,
    *,
    ratio: float = 1.0,
    values: str = "graded",
    n_seeds: int = 10,
    steps: int = TOY_STEPS,
) -> list[dict[str, Any]]:
    """One cell of the toy model's diagram: runs from different starts.

    Parameters
    ----------
    n_features, dim, chance, values, steps
        See `train_toy`.
    ratio
        Importance of the last feature; all others have 1.
    n_seeds
        Number of starts.

    Returns
    -------
    list of dict
        For each seed ``known``, ``first_known``, ``last_known``, ``n_known`` as in
        `linrep_core.superposition.superposition_cell`, of `known_features`; ``n_long``, the number of columns of W of
        squared length above 1/2; ``dimensionality``, the sum of `feature_dimensionality`.

    Examples
    --------
    >>> (row,) = toy_cell(2, 1, 0.05, n_seeds=1, steps=1000)
    >>> row["n_known"], round(row["dimensionality"], 2)
    (2, 1.0)
    """
    weight = check_number("ratio", ratio, low=0.0, open_interval=True)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    n = check_integer("n_features", n_features, low=1, high=MAX_FEATURES)
    importance = np.append(np.ones(n - 1), weight)
    settings = {"importance": importance, "values": values, "steps": steps}
    rows = []
    for seed, model in zip(seeds, train_toy(n, dim, chance, seeds=seeds, progress=False, **settings), strict=True):
        known = known_features(model, chance, values=values)
        rows.append(
            {
                "seed": seed,
                "known": float(known.mean()),
                "first_known": float(known[0]),
                "last_known": float(known[-1]),
                "n_known": int((known > KNOWN).sum()),
                "n_long": int(((model.weights**2).sum(axis=0) > KNOWN).sum()),
                "dimensionality": float(feature_dimensionality(model.vectors).sum()),
            }
        )
    return rows
