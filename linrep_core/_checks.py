"""Checks of arguments, so that every bad value gets the same kind of clear error."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any


def check_integer(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int, or raise a ValueError that names it and its bounds."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    if high is not None and value > high:
        raise ValueError(f"{name} must be at most {high}, got {value}")
    return int(value)


def check_number(name: str, value: Any, *, low: float, high: float = math.inf, open_interval: bool = False) -> float:
    """Return `value` as a float, or raise a ValueError that names it and the interval it must lie in."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value) or math.isinf(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if high == math.inf:
        if value < low or (open_interval and value == low):
            raise ValueError(f"{name} must be {'above' if open_interval else 'at least'} {low:g}, got {value}")
    elif open_interval and not low < value < high:
        raise ValueError(f"{name} must lie strictly between {low:g} and {high:g}, got {value}")
    elif not low <= value <= high:
        raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {value}")
    return float(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of the named choices, or raise a ValueError that lists them."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_sequence(name: str, value: Any, *, length: int | None = None) -> Sequence[Any]:
    """Return `value` if it is a sequence (of that length), or raise a ValueError."""
    if isinstance(value, str) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        raise ValueError(f"{name} must be a sequence, got {value!r}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name} must have length {length}, got {value!r}")
    return value
