"""Checks of arguments, so that every bad value gets the same kind of clear error."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN = 100  # characters of a bad value that a message repeats


def shown(value: Any) -> str:
    """A bad value for an error message, shortened."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def check_integer(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int, or raise a ValueError that names it and its bounds."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be an integer, got {shown(value)}")
    value = int(value)
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {_digits(value)}")
    if high is not None and value > high:
        raise ValueError(f"{name} must be at most {high}, got {_digits(value)}")
    return value


def _digits(value: int) -> str:
    """An int in decimal, or its size where Python would refuse to write so many digits."""
    return str(value) if value.bit_length() < 256 else f"a number of {value.bit_length()} bits"


def check_number(name: str, value: Any, *, low: float, high: float = math.inf, open_interval: bool = False) -> float:
    """Return `value` as a float, or raise a ValueError that names it and the interval it must lie in."""
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    except OverflowError:  # an integer or a fraction beyond the largest float
        number = math.inf
    if not math.isfinite(number):
        text = _digits(value) if isinstance(value, int) and not isinstance(value, bool) else shown(value)
        raise ValueError(f"{name} must be a finite number, got {text}")
    if high == math.inf:
        if number < low or (open_interval and number == low):
            raise ValueError(f"{name} must be {'above' if open_interval else 'at least'} {low:g}, got {number}")
    elif open_interval and not low < number < high:
        raise ValueError(f"{name} must lie strictly between {low:g} and {high:g}, got {number}")
    elif not low <= number <= high:
        raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {number}")
    return number


def check_flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise a ValueError."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of the named choices, or raise a ValueError that lists them."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}")
    return value


def check_instance(name: str, value: Any, kind: type) -> None:
    """Raise a ValueError unless `value` is of that kind."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ValueError(f"{name} must be {article} {kind.__name__}, got {type(value).__name__} {shown(value)}")


def check_function(name: str, value: Any, *, of: str) -> None:
    """Raise a ValueError unless `value` can be called, or is None."""
    if value is not None and not callable(value):
        raise ValueError(f"{name} must be a function of {of}, got {shown(value)}")


def check_mapping(name: str, value: Any) -> Mapping[Any, Any]:
    """Return `value` if it is a mapping, or raise a ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a mapping, got {shown(value)}")
    return value


def check_sequence(name: str, value: Any, *, length: int | None = None) -> Sequence[Any]:
    """Return `value` if it is a sequence (of that length), or raise a ValueError."""
    unlike = isinstance(value, str | bytes | Mapping) or not hasattr(value, "__getitem__")
    try:
        size = -1 if unlike else len(value)
    except TypeError:  # an array without axes
        size = -1
    if size < 0:
        raise ValueError(f"{name} must be a sequence, got {shown(value)}")
    if length is not None and size != length:
        raise ValueError(f"{name} must have length {length}, got {shown(value)}")
    return value


def check_iterable(name: str, value: Any) -> list[Any]:
    """Return the entries of `value` as a list, or raise a ValueError."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise ValueError(f"{name} must be a list, a tuple or the like, got {shown(value)}")
    return list(value)


def check_seeds(name: str, value: Any) -> list[int]:
    """Return the entries of `value` as seeds, or raise a ValueError that names the one which is none."""
    return [check_integer(f"{name}[{i}]", seed, low=0) for i, seed in enumerate(check_iterable(name, value))]


def check_records(name: str, value: Any, entries: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return `value` as a list of mappings that have all these entries, or raise a ValueError."""
    records = check_iterable(name, value)
    for i, record in enumerate(records):
        check_mapping(f"{name}[{i}]", record)
        missing = [entry for entry in entries if entry not in record]
        if missing:
            raise ValueError(f"{name}[{i}] must have an entry {missing[0]!r}, got {shown(list(record))}")
    return records


def check_words(name: str, value: Any, *, length: int | None = None) -> list[str]:
    """Return `value` as a list of strings (that many), or raise a ValueError."""
    words = list(check_sequence(name, value, length=length))
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"{name} must hold strings, got {shown(word)}")
    return words


def check_distinct_words(name: str, value: Any, *, length: int | None = None) -> list[str]:
    """The same for strings that must tell things apart."""
    words = check_words(name, value, length=length)
    twice = [word for word in words if words.count(word) > 1] if len(set(words)) < len(words) else []
    if twice:
        raise ValueError(
            f"{name} must be different from each other, got {shown(twice[0])} {words.count(twice[0])} times"
        )
    return words


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of real numbers, or raise a ValueError."""
    try:
        # a tensor may need a gradient or live on a GPU; numpy takes neither
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be an array of numbers without ragged rows, got {shown(value)}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got {shown(value)}")
    return array


def check_array(name: str, value: Any, *, shape: tuple[int | str, ...]) -> NDArray[np.float64]:
    """Return `value` as a float64 array with finite entries, or raise a ValueError.

    `shape` has a number for an axis of known length and a letter for any other: ``(4, "dim")``.
    """
    array = as_array(name, value)
    fits = array.ndim == len(shape) and all(
        isinstance(wanted, str) or wanted == found for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must have finite entries, got {array[~np.isfinite(array)][0]}")
    return array
