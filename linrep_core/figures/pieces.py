"""What figures share: colours, the frame, checks of what is drawn, lists and sliders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import (
    as_array,
    check_distinct_words,
    check_instance,
    check_mapping,
    check_sequence,
    check_words,
    shown,
)
from linrep_core.language import Vocabulary

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A500")
SEQUENTIAL = [[0.0, "#F7FBFF"], [0.5, "#6BAED6"], [1.0, "#08306B"]]
DIVERGING = [[0.0, "#B35806"], [0.5, "#F7F7F7"], [1.0, "#08519C"]]
HEIGHT = 380


def keep_height(figure: go.Figure) -> go.Figure:
    """Let a figure keep its height on a phone, where every row needs it."""
    figure.layout.meta = {**figure.layout.meta, "tall": True}
    return figure


def style_menu(
    name: str, labels: Sequence[str], changes: Sequence[dict[str, Any]], *, traces: int | None = None
) -> dict[str, Any]:
    """A list that restyles all traces, or the first so many; the site draws it beside the figure."""
    which = [] if traces is None else [list(range(traces))]
    buttons = [
        {"label": label, "method": "restyle", "args": [change, *which]}
        for label, change in zip(labels, changes, strict=True)
    ]
    return {"name": name, "buttons": buttons}


def one_at_a_time(n: int) -> list[dict[str, list[bool]]]:
    """The changes of a list that shows one of n traces."""
    return [{"visible": [i == j for j in range(n)]} for i in range(n)]


def named_values(name: str, values: Any) -> tuple[list[str], list[Any]]:
    """The names and the values of a mapping that has at least one entry."""
    found = check_mapping(name, values)
    if not found:
        raise ValueError(f"{name} must have at least one entry, got none")
    return check_words(f"the names of {name}", list(found)), list(found.values())


def finish_figure(figure: go.Figure, description: str, *, height: int = HEIGHT) -> go.Figure:
    """The frame of every figure: the page's colours show through, room for labels, a description in words."""
    figure.update_layout(
        template="none",
        meta={"description": description},
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 14},
        hovermode="closest",
        margin={"l": 60, "r": 40, "t": 30, "b": 50},
        showlegend=figure.layout.showlegend,
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def rounded(values: Any) -> list:
    """Plain lists with five significant digits: half the page weight, and the same on every machine."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(f"{array:.5g}") if np.isfinite(array) else None
    return [rounded(entry) for entry in array]


def names_or_numbers(n_concepts: int, names: Sequence[str] | None) -> Sequence[str]:
    """Names of the concepts, checked; C0, C1, ... where none are given."""
    if names is None:
        return [f"C{i}" for i in range(n_concepts)]
    return check_distinct_words("names", names, length=n_concepts)


def check_vocabulary(vocabulary: Vocabulary, n_tokens: int) -> None:
    """Raise a ValueError unless there is a word for each token."""
    check_instance("vocabulary", vocabulary, Vocabulary)
    if len(vocabulary.tokens) != n_tokens:
        raise ValueError(
            f"vocabulary must have a word for each of {n_tokens} tokens (rows of unembeddings), "
            f"got {len(vocabulary.tokens)}"
        )


def checked_line(name: str, pair: Any, log: str) -> tuple[NDArray, NDArray]:
    """The x and y of one line: as many of one as of the other, and positive on a logarithmic axis."""
    x, y = (as_array(name, values) for values in check_sequence(name, pair, length=2))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"{name} must be two lists of one length, got shapes {x.shape} and {y.shape}")
    for axis, values in (("x", x), ("y", y)):
        if axis in log and (values <= 0).any():
            raise ValueError(f"{name} must be above 0 on the logarithmic {axis} axis, got {shown(values.min())}")
    return x, y


def frame_slider(steps: Sequence[str], prefix: str, active: int) -> dict[str, Any]:
    """A slider with a step for each frame, named as the frames are."""
    args = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    return {
        "active": active,
        "x": 0,
        "len": 1,
        "pad": {"t": 60},
        "currentvalue": {"prefix": prefix},
        "steps": [{"label": step, "method": "animate", "args": [[step], args]} for step in steps],
    }
