"""The values of a concept as points in space, to turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_iterable, check_words
from linrep_core.figures.pieces import PALETTE, finish_figure, named_values, rounded, style_menu

CAMERA = {"eye": {"x": 0.9, "y": 0.9, "z": 0.7}}


def value_space(shapes: Mapping[str, Any], *, rings: Any = (), title: str = "Which concept") -> go.Figure:
    """The values of concepts in their first three principal axes, one concept at a time; a list chooses which.

    Parameters
    ----------
    shapes
        Label -> points of shape (groups, k, dim): the k values of the concept for each value of the others. The values
        of a group have one colour (of two, in turn) and are joined in their order. Each shape is drawn with its own
        largest extent as 1.
    rings
        Labels of the shapes whose last value is joined to the first.
    title
        Of the list.

    Raises
    ------
    ValueError
        For shapes that are not of three axes, or rings that are no shapes.
    """
    labels, values = named_values("shapes", shapes)
    check_words("title", [title])
    closed = check_iterable("rings", rings)
    for label in closed:
        if label not in labels:
            raise ValueError(f"rings must be labels of shapes, got {label!r}")
    tables = [
        check_array(f"shapes[{label!r}]", value, shape=("groups", "k", "dim"))
        for label, value in zip(labels, values, strict=True)
    ]
    figure, flat = go.Figure(), {}
    for i, (label, table) in enumerate(zip(labels, tables, strict=True)):
        points, flat[label] = _principal(table)
        for trace in _traces(points, ring=label in closed):
            figure.add_trace(trace.update(visible=i == 0))
    changes = [{"visible": [i == j for j in range(len(labels)) for _ in range(2)]} for i in range(len(labels))]
    axis = {"range": [-1.25, 1.25], "showticklabels": False, "title": {"text": ""}}
    axes = dict.fromkeys(("xaxis", "yaxis", "zaxis"), axis)
    figure.update_layout(
        scene={**axes, "aspectmode": "cube", "camera": CAMERA},
        updatemenus=[style_menu(title, labels, changes)],
        showlegend=False,
    )
    told = "; ".join(f"{label}: {share:.2f}" for label, share in flat.items())
    description = (
        "The values of a concept as numbered points in space, joined in their order, one figure for each value of the "
        f"other concepts; a list chooses the concept. Share of the spread in the first two axes, by concept: {told}. "
        "Drag to turn."
    )
    figure = finish_figure(figure, description, height=460)
    return figure.update_layout(margin={"l": 0, "r": 0, "t": 10})  # a phone needs the whole width


def _principal(table: NDArray) -> tuple[NDArray, float]:
    """Points in the three principal axes of all of them, largest extent 1, and the share of the first two axes."""
    groups, k, dim = table.shape
    points = table.reshape(-1, dim) - table.reshape(-1, dim).mean(axis=0)
    left, sizes, _ = np.linalg.svd(points, full_matrices=False)
    spread = left * sizes
    kept = np.pad(spread, ((0, 0), (0, max(0, 3 - spread.shape[1]))))[:, :3]
    whole = float((sizes**2).sum())
    share = float((sizes[:2] ** 2).sum()) / whole if whole > 0 else 1.0
    return (kept / (np.abs(kept).max() or 1.0)).reshape(groups, k, 3), share


def _traces(points: NDArray, *, ring: bool) -> list[go.Scatter3d]:
    """Lines along each group, with gaps between groups, and the values on them."""
    k = points.shape[1]
    gap = np.full((1, 3), np.nan)
    paths = [part for group in points for part in (group, group[:1] if ring else group[:0], gap)]
    x, y, z = (rounded(v) for v in np.concatenate(paths).T)
    lines = go.Scatter3d(
        x=x, y=y, z=z, mode="lines", line={"color": PALETTE[6], "width": 4}, hoverinfo="skip", connectgaps=False
    )
    x, y, z = (rounded(v) for v in points.reshape(-1, 3).T)
    numbers = [str(value) for _ in points for value in range(k)]
    colours = [PALETTE[i % 2] for i in range(len(points)) for _ in range(k)]
    dots = go.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="markers+text",
        marker={"size": 6, "color": colours},
        text=numbers,
        hovertemplate="value %{text}<extra></extra>",
    )
    return [lines, dots]
