"""Means over seeds with 95 % intervals: what every prediction of Part VI is judged by.

Book: part "Beyond the assumptions". The intervals are Student's t over independent runs; where two conditions are
compared, over the differences of runs that share world and start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy import stats

from linrep_core.reproduction import estimate


@dataclass(frozen=True)
class Interval:
    """A mean over runs and its 95 % interval.

    Attributes
    ----------
    mean, low, high : float
        The bounds are nan for a single run.
    n : int
        How many runs.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def interval(values: Any) -> Interval:
    """Mean of independent runs and its 95 % interval by Student's t.

    Parameters
    ----------
    values
        A number for each run, at least one.

    Raises
    ------
    ValueError
        For no runs, or numbers that are not finite.

    Examples
    --------
    >>> print(interval([0.9, 1.0, 1.1]))
    +1.00 [+0.75, +1.25]
    """
    found = estimate(values)
    n = len(values)
    reach = float(stats.t.ppf(0.975, n - 1)) * found.error if n > 1 else float("nan")
    return Interval(found.mean, found.mean - reach, found.mean + reach, n)
