"""Numbers whose digits are the values of concepts, and draws of such digits; with binary concepts, bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def place_values(n_values: Sequence[int]) -> NDArray[np.int64]:
    """What a step of each digit adds to a number with so many values at each place: powers of 2 for binary digits."""
    return np.array([math.prod(n_values[i + 1 :]) for i in range(len(n_values))], dtype=np.int64)


def draw_digits(uniform: Any, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """A digit for each number u uniform in [0, 1): the greatest v with u < p(v or more); shapes (...) and (..., k)."""
    at_least = probabilities[..., ::-1].cumsum(axis=-1)[..., -2::-1]  # p(1 or more), p(2 or more), ...
    return (np.asarray(uniform)[..., None] < at_least).sum(axis=-1)
