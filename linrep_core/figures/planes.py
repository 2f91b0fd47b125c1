"""Points and arrows in the plane, on a slider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_words, shown
from linrep_core.figures.pieces import PALETTE, finish_figure, frame_slider, keep_height, named_values, rounded


def plane_slider(places: Mapping[str, Mapping[str, Any]], *, prefix: str, description: str) -> go.Figure:
    """Groups of points in the plane on a slider; the first group has a line from the origin to each point.

    Parameters
    ----------
    places
        Label of a place on the slider -> name of a group -> its points, shape (n, 2). The same groups everywhere; the
        first place is shown first. All places are drawn to one scale.
    prefix
        Stands before the label above the slider.
    description
        For those who cannot see the figure.
    """
    check_words("prefix and description", [prefix, description])
    labels, contents = named_values("places", places)
    drawn, names = [], None
    for label, content in zip(labels, contents, strict=True):
        groups, tables = named_values(f"places[{label!r}]", content)
        if names is not None and groups != names:
            raise ValueError(f"places[{label!r}] must have the groups of the first place, got {shown(groups)}")
        names = groups
        argument = f"places[{label!r}]"
        drawn.append(
            [check_array(f"{argument}[{n!r}]", t, shape=("n", 2)) for n, t in zip(groups, tables, strict=True)]
        )
    figure = go.Figure(_traces(names, drawn[0]))
    figure.frames = [go.Frame(name=label, data=_traces(names, each)) for label, each in zip(labels, drawn, strict=True)]
    reach = rounded(1.1 * max(np.abs(points).max(initial=1e-9) for each in drawn for points in each))
    look = {"range": [-reach, reach], "showgrid": False, "zeroline": False, "showticklabels": False}
    figure.update_xaxes(**look)
    figure.update_yaxes(scaleanchor="x", **look)
    figure.update_layout(
        sliders=[frame_slider(labels, prefix, 0)],
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"},
    )
    return keep_height(finish_figure(figure, description, height=520))


def _traces(names: list[str], tables: list[NDArray[np.float64]]) -> list[go.Scatter]:
    """Dots, smaller from group to group; to each of the first group a line from the origin."""
    traces = []
    for position, (name, points) in enumerate(zip(names, tables, strict=True)):
        if position == 0:
            gap = np.full_like(points, np.nan)
            points = np.stack([np.zeros_like(points), points, gap], axis=1).reshape(-1, 2)
        color, size = PALETTE[position % len(PALETTE)], max(4, 11 - 3 * position)
        sizes = np.tile([0, size, 0], len(points) // 3).tolist() if position == 0 else size
        traces.append(
            go.Scatter(
                x=rounded(points[:, 0]),
                y=rounded(points[:, 1]),
                name=name,
                mode="lines+markers" if position == 0 else "markers",
                line={"color": color, "width": 1.5},
                marker={"color": color, "size": sizes, "opacity": 1},
            )
        )
    return traces
