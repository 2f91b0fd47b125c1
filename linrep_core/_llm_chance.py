"""What chance would give: controls, intervals and tests beside the cosines of a real model, for `linrep_core.llm`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from linrep_core._checks import as_array, check_array, check_choice, check_flag, check_integer, check_number
from linrep_core._llm_geometry import CausalInnerProduct, check_pairs, whitened
from linrep_core.geometry import mean_pairwise_cosine

Array = NDArray[np.float64]
ALTERNATIVES = ("greater", "less", "two-sided")
MAX_RESAMPLES = 10_000_000
BATCH = 10_000_000  # numbers that resampling holds at once


def random_pairs(vectors: Any, n_pairs: int, *, seed: int = 0) -> Array:
    """Pairs of different rows drawn from a table: steering vectors of nothing.

    Parameters
    ----------
    vectors
        Shape (n, dim): the unembeddings, or those of ordinary words.
    n_pairs
        At most n / 2: no row comes twice.
    seed
        Of the drawing.

    Returns
    -------
    array of shape (n_pairs, 2, dim)

    Examples
    --------
    >>> random_pairs(np.eye(6), 3).sum(axis=(0, 1)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    table = as_array("vectors", vectors)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"vectors must have shape (n, dim) with n at least 2, got {table.shape}")
    n_pairs = check_integer("n_pairs", n_pairs, low=1, high=len(table) // 2)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    rows = generator.choice(len(table), size=(n_pairs, 2), replace=False)
    return check_array("vectors", table[rows], shape=(n_pairs, 2, "dim"))


def wrong_partners(pairs: Any, *, seed: int = 0) -> Array:
    """The same words, but each base word with the target of another pair: (man, queen), (king, woman).

    What remains within a concept then is due to which words stand on which side, not to who belongs to whom.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim), at least two.
    seed
        Of the drawing.

    Returns
    -------
    array of the same shape; no target stays where it was

    Examples
    --------
    >>> wrong_partners([[[0.0], [1.0]], [[2.0], [3.0]]]).tolist()
    [[[0.0], [3.0]], [[2.0], [1.0]]]
    """
    array = _exchangeable(pairs)
    order = np.random.default_rng(check_integer("seed", seed, low=0)).permutation(len(array))
    changed = array.copy()
    changed[order, 1] = array[np.roll(order, 1), 1]  # round in a circle: nobody keeps a partner
    return changed


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that a resampling of the values puts around it."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_interval(values: Any, *, confidence: float = 0.95, n_resamples: int = 9999, seed: int = 0) -> Interval:
    """Mean of the values with its bootstrap interval (bias-corrected and accelerated, Efron 1987; by scipy).

    Parameters
    ----------
    values
        Shape (n,), at least two, one for each pair, sentence or concept: what is resampled must be what was sampled.
        The n (n - 1) / 2 cosines between pairs are not. `within_concept_cosines` share each other's vectors, which
        makes their interval somewhat too narrow; for a test see `partner_p_value`.
    confidence
        Strictly between 0 and 1.
    n_resamples
        How often to resample.
    seed
        Of the resampling.

    Examples
    --------
    >>> print(bootstrap_interval([0.1, 0.2, 0.3, 0.4, 0.5]))
    0.300 [0.180, 0.420]
    """
    array = _sample("values", values)
    confidence = check_number("confidence", confidence, low=0.0, high=1.0, open_interval=True)
    n_resamples = check_integer("n_resamples", n_resamples, low=1, high=MAX_RESAMPLES)
    generator = np.random.default_rng(check_integer("seed", seed, low=0))
    mean = float(array.mean())
    if np.ptp(array) == 0:  # nothing varies; the corrections would divide by that
        return Interval(mean, mean, mean)
    found = stats.bootstrap(
        (array,),
        np.mean,
        confidence_level=confidence,
        n_resamples=n_resamples,
        batch=max(1, BATCH // len(array)),
        rng=generator,
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def permutation_p_value(
    first: Any,
    second: Any,
    *,
    paired: bool = False,
    alternative: str = "greater",
    n_resamples: int = 9999,
    seed: int = 0,
) -> float:
    """How often chance alone makes the mean of `first` exceed that of `second` by as much (by scipy).

    Parameters
    ----------
    first, second
        Shapes (n,) and (k,), at least two each.
    paired
        Whether entry i of both belongs together (the same words with the right and with a wrong partner); then chance
        swaps the two, otherwise it deals all values out anew.
    alternative
        ``"greater"``: the mean of first is greater; ``"less"``; ``"two-sided"``.
    n_resamples
        How often to permute; all permutations are tried where there are no more.
    seed
        Of the permutations.

    Returns
    -------
    p-value, at least 1 / (n_resamples + 1)

    Examples
    --------
    >>> permutation_p_value([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])  # 1 of the 20 ways to deal six values out
    0.05
    """
    left, right = _sample("first", first), _sample("second", second)
    if check_flag("paired", paired) and len(left) != len(right):
        raise ValueError(f"second must have {len(left)} values like first where they are paired, got {len(right)}")
    result = stats.permutation_test(
        (left, right),
        _difference_of_means,
        permutation_type="samples" if paired else "independent",
        alternative=check_choice("alternative", alternative, ALTERNATIVES),
        n_resamples=check_integer("n_resamples", n_resamples, low=1, high=MAX_RESAMPLES),
        batch=max(1, BATCH // (len(left) + len(right))),
        vectorized=True,
        rng=np.random.default_rng(check_integer("seed", seed, low=0)),
    )
    return float(result.pvalue)


def partner_p_value(
    pairs: Any, inner_product: CausalInnerProduct | None = None, *, n_resamples: int = 999, seed: int = 0
) -> float:
    """How often partners dealt out anew are as parallel as the right ones (by scipy).

    The words of each side stay on their side; what is compared is the mean cosine between different steering vectors.
    If it does not matter who belongs to whom, this is an exact test: nothing is assumed about the vectors.

    Parameters
    ----------
    pairs
        Shape (n_pairs, 2, dim), at least two.
    inner_product
        None: the Euclidean one.
    n_resamples
        How often to deal out; all ways are tried where there are no more.
    seed
        Of the dealing.

    Returns
    -------
    p-value, at least 1 / (n_resamples + 1)

    Examples
    --------
    >>> base = np.eye(4)
    >>> partner_p_value(np.stack([base, base + 1.0], axis=1))  # 1 of the 24 ways
    0.041666666666666664
    """
    array = _exchangeable(pairs)
    base, target = np.moveaxis(whitened(array, inner_product), 1, 0)
    result = stats.permutation_test(
        (np.arange(len(array)),),
        lambda order: mean_pairwise_cosine(target[order] - base),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=check_integer("n_resamples", n_resamples, low=1, high=MAX_RESAMPLES),
        vectorized=False,
        rng=np.random.default_rng(check_integer("seed", seed, low=0)),
    )
    return float(result.pvalue)


def _exchangeable(pairs: Any) -> Array:
    array = check_pairs(pairs)
    if len(array) < 2:
        raise ValueError("pairs must be at least 2 to change partners, got 1")
    return array


def _difference_of_means(first: Array, second: Array, axis: int) -> Array:
    return first.mean(axis=axis) - second.mean(axis=axis)


def _sample(name: str, values: Any) -> Array:
    array = check_array(name, values, shape=("n",))
    if len(array) < 2:
        raise ValueError(f"{name} must hold at least 2 numbers, got {len(array)}")
    return array
