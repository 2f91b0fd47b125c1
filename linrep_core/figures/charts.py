"""Charts: lines, means with their errors, intervals, strips of dots, training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_mapping,
    check_sequence,
    check_words,
    shown,
)
from linrep_core.figures.pieces import (
    PALETTE,
    checked_line,
    finish_figure,
    frame_slider,
    named_values,
    rounded,
    style_menu,
)
from linrep_core.reproduction import AGREES, COSINES, Comparison, estimate
from linrep_core.training import TrainingRun
from linrep_core.transformer_training import TransformerRun

MOST_TICKS = 6  # of an axis that names its very values
HISTORY_LABELS = {
    "unembedding": "within unembeddings",
    "embedding": "within embeddings",
    "alignment": "between the two",
    "between": "between concepts, |cosine|",
}


def intervals_slider(
    charts: Mapping[str, Mapping[str, Mapping[str, Any]]], *, x_title: str, prefix: str, description: str
) -> go.Figure:
    """Charts of `intervals` on a slider: ``{place: {row: {series: (value, low, high)}}}``; the first is shown first.

    Parameters
    ----------
    charts
        For each place on the slider its chart; all have the same rows and, in the same order, the same series.
    x_title
        What the numbers are.
    prefix
        Stands before the name of the place, above the slider.
    description
        For those who cannot see the figure.
    """
    check_words("prefix", [prefix])
    places, contents = named_values("charts", charts)
    drawn = [
        _interval_chart(f"charts[{place!r}]", chart, x_title, description)
        for place, chart in zip(places, contents, strict=True)
    ]
    names = [([*chart], [trace.name for trace in each.data]) for chart, each in zip(contents, drawn, strict=True)]
    for place, found in zip(places, names, strict=True):
        if found != names[0]:
            raise ValueError(f"charts[{place!r}] must have the rows and series of the first chart, got {shown(found)}")
    figure = drawn[0]
    figure.frames = [go.Frame(name=place, data=each.data) for place, each in zip(places, drawn, strict=True)]
    reach = [value for each in drawn for trace in each.data for value in trace.x]
    room = 0.1 * (max(reach) - min(reach)) + 0.02
    figure.update_xaxes(range=[min(*reach, 0.0) - room, max(*reach, 0.0) + room])
    figure.update_layout(
        sliders=[frame_slider(places, prefix, 0)],
        legend={"y": 1, "yanchor": "bottom"},
        height=figure.layout.height + 80,
    )
    return figure


def strips(rows: Mapping[str, Mapping[str, Any]], *, x_title: str, description: str) -> go.Figure:
    """Many values of a number as dots in a row, beside those of other series: ``{row: {series: values}}``.

    Parameters
    ----------
    rows
        For each row its named series, lists of numbers; a row may lack a series.
    x_title
        What the numbers are.
    description
        For those who cannot see the figure.
    """
    check_words("x_title and description", [x_title, description])
    names, contents = named_values("rows", rows)
    found = {
        name: dict(zip(*named_values(f"rows[{name!r}]", each), strict=True))
        for name, each in zip(names, contents, strict=True)
    }
    labels = list(dict.fromkeys(label for each in found.values() for label in each))
    figure = go.Figure()
    for position, label in enumerate(labels):
        x: list[float] = []
        y: list[float] = []
        for row, name in enumerate(names):
            if label in found[name]:
                values = check_array(f"rows[{name!r}][{label!r}]", found[name][label], shape=("n",))
                x += rounded(values)
                # series side by side, and their dots on three lines, so that fewer hide each other
                middle = row + 0.36 * (position - (len(labels) - 1) / 2)
                y += rounded(middle + 0.1 * (np.arange(len(values)) % 3 - 1))
        symbol = ("circle", "diamond", "square", "cross", "x", "triangle-up")[position % 6]
        marker = {"size": 7, "symbol": symbol, "color": PALETTE[position % len(PALETTE)], "opacity": 0.6}
        figure.add_trace(go.Scatter(x=x, y=y, mode="markers", name=label, marker=marker, hovertemplate="%{x:.3f}"))
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return finish_figure(figure, description, height=200 + 44 * len(names))


def training_curves(run: TrainingRun | TransformerRun) -> go.Figure:
    """Excess loss (left axis, logarithmic) and mean cosines (right axis) over the training steps."""
    if not isinstance(run, TransformerRun):
        check_instance("run", run, TrainingRun)
    history = run.history
    if not len(history.get("step", ())):
        raise ValueError("run must have a history, got none")
    step = history["step"] + 1  # a logarithmic axis has no zero
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=rounded(step),
            y=rounded(np.maximum(history["excess_loss"], 1e-16)),
            name="excess loss",
            line={"color": PALETTE[6], "width": 3},
        )
    )
    dashes = ("solid", "dash", "dot", "dashdot")
    for position, (name, label) in enumerate(HISTORY_LABELS.items()):
        if not np.isnan(history[name]).all():
            figure.add_trace(
                go.Scatter(
                    x=rounded(step),
                    y=rounded(history[name]),
                    name=label,
                    yaxis="y2",
                    line={"color": PALETTE[position], "width": 2, "dash": dashes[position]},
                )
            )
    figure.update_layout(
        xaxis={"type": "log", "title": "step + 1"},
        yaxis={"type": "log", "title": "excess loss (nats)", "exponentformat": "power"},
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [-0.05, 1.05],
            "tickmode": "linear",  # else the ticks follow those of the left axis
            "dtick": 0.2,
            "title": "cosine",
            "showgrid": False,
        },
        legend={"orientation": "h", "y": -0.25},
    )
    description = (
        f"Training over {run.steps} steps: the excess loss falls from {history['excess_loss'][0]:.2f} to "
        f"{history['excess_loss'][-1]:.4f} nats while the mean cosine of unembedding steering vectors goes from "
        f"{history['unembedding'][0]:.2f} to {history['unembedding'][-1]:.2f}."
    )
    return finish_figure(figure, description, height=420)


def lines(
    series: Mapping[str, tuple[Any, Any]],
    *,
    x_title: str,
    y_title: str,
    description: str,
    log: str = "",
    joined: bool = True,
) -> go.Figure:
    """Named lines ``{name: (x, y)}``; `log` names the logarithmic axes: "", "x", "y" or "xy". A nan leaves a gap.

    Without `joined` each series is a cloud of points, the last one small dots.
    """
    check_choice("log", log, ("", "x", "y", "xy"))
    mode = "lines+markers" if check_flag("joined", joined) else "markers"
    check_words("x_title, y_title and description", [x_title, y_title, description])
    check_words("series", list(check_mapping("series", series)))
    figure = go.Figure()
    for position, (name, pair) in enumerate(series.items()):
        x, y = checked_line(f"series[{name!r}]", pair, log)
        style = _line_style(position)
        dots = {"color": style["color"], **({} if joined or position < len(series) - 1 else {"size": 3})}
        figure.add_trace(go.Scatter(x=rounded(x), y=rounded(y), name=name, mode=mode, line=style, marker=dots))
    return finish_figure(_line_axes(figure, x_title, y_title, log), description)


def means(
    series: Mapping[str, Mapping[float, Any]], *, x_title: str, y_title: str, description: str, log: str = ""
) -> go.Figure:
    """Means over runs with two standard errors: ``{name: {x: values of the runs at x}}``; `log` as for `lines`."""
    check_choice("log", log, ("", "x", "y", "xy"))
    check_words("x_title, y_title and description", [x_title, y_title, description])
    figure = go.Figure(_mean_traces("series", series, log))
    there = sorted({float(x) for runs in series.values() for x in runs})
    few = {"tickvals": there} if len(there) <= MOST_TICKS else {}  # else plotly's own, which suit a long axis
    figure.update_xaxes(**few)
    return finish_figure(_line_axes(figure, x_title, y_title, log), description)


def _line_style(position: int) -> dict[str, str]:
    """Colour and dashes of a line: either tells it from its neighbours."""
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    return {"color": PALETTE[position % len(PALETTE)], "dash": dashes[position % len(dashes)]}


def _line_axes(figure: go.Figure, x_title: str, y_title: str, log: str) -> go.Figure:
    """Titles and kinds of the two axes, and the legend below them."""
    figure.update_xaxes(title=x_title, type="log" if "x" in log else "linear")
    figure.update_yaxes(title=y_title, type="log" if "y" in log else "linear")
    return figure.update_layout(legend={"orientation": "h", "y": -0.25})


def _mean_traces(title: str, series: Any, log: str = "") -> list[go.Scatter]:
    """A line for each named series of runs, with two standard errors."""
    traces = []
    for position, (name, runs) in enumerate(zip(*named_values(title, series), strict=True)):
        label = f"{title}[{name!r}]"
        named_values(label, {str(x): values for x, values in check_mapping(label, runs).items()})
        for x, values in runs.items():
            if not check_array(f"{label}[{x!r}]", values, shape=("n",)).size:
                raise ValueError(f"{label}[{x!r}] must hold at least one run, got none")
        found = [estimate(values) for values in runs.values()]
        x, y = checked_line(label, ([*runs], [each.mean for each in found]), log)
        errors = {"type": "data", "array": rounded(np.nan_to_num([2 * each.error for each in found])), "thickness": 1}
        marks = {"x": rounded(x), "y": rounded(y), "error_y": errors, "name": name}
        traces.append(go.Scatter(**marks, mode="lines+markers", line=_line_style(position)))
    return traces


def dose_response(charts: Mapping[str, Mapping[str, Mapping[float, Any]]], *, x_title: str, y_title: str) -> go.Figure:
    """`means` for each of several charts, one at a time, chosen from a list: ``{chart: {series: {x: runs}}}``.

    Parameters
    ----------
    charts
        For each title its series, as `means` takes them. All charts share the vertical axis.
    x_title, y_title
        Of the axes of all charts.
    """
    check_words("x_title and y_title", [x_title, y_title])
    titles, contents = named_values("charts", charts)
    groups = [_mean_traces(f"charts[{title!r}]", series) for title, series in zip(titles, contents, strict=True)]
    figure = go.Figure([trace for group in groups for trace in group])
    owner = [i for i, group in enumerate(groups) for _ in group]
    for trace, chart in zip(figure.data, owner, strict=True):
        trace.visible = chart == 0
    heights = np.array([y for trace in figure.data for y in trace.y], dtype=np.float64)  # None becomes nan
    low, high = min(0.0, float(np.nanmin(heights))), max(1.0, float(np.nanmax(heights)))
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title, range=[rounded(low - 0.03), rounded(high + 0.05)])
    figure.update_layout(legend={"orientation": "h", "y": -0.32})
    if len(titles) > 1:
        changes = [{"visible": [chart == i for chart in owner]} for i in range(len(titles))]
        figure.update_layout(updatemenus=[style_menu("Which chart", titles, changes)])
    told = []
    for title, group in zip(titles, groups, strict=True):
        ends = [f"{trace.name} from {trace.y[0]:.2f} to {trace.y[-1]:.2f}" for trace in group if None not in trace.y]
        told.append(f"{title}: {', '.join(ends)}")
    return finish_figure(figure, f"Means over runs of {y_title}, against {x_title}. {'; '.join(told)}.")


def beside_the_paper(rows: Mapping[str, Sequence[Comparison]]) -> go.Figure:
    """Printed mean cosines (rings) beside ours (discs), with two standard errors, for each named row of a table."""
    check_words("rows", list(check_mapping("rows", rows)))
    for name, comparisons in rows.items():
        for i, each in enumerate(check_sequence(f"rows[{name!r}]", comparisons, length=len(COSINES))):
            check_instance(f"rows[{name!r}][{i}]", each, Comparison)
    figure = go.Figure()
    for position, measure in enumerate(COSINES):
        cells = [comparisons[position] for comparisons in rows.values()]
        for source, symbol, shift in (("printed", "circle-open", -0.04), ("ours", "circle", 0.04)):
            values = [getattr(cell, source) for cell in cells]
            places = np.arange(len(cells)) + 0.24 * (position - 1) + shift
            bars = {"type": "data", "array": rounded([AGREES * value.error for value in values]), "thickness": 1.5}
            marker = {"symbol": symbol, "size": 9, "color": PALETTE[position], "line": {"width": 2}}
            means = rounded([value.mean for value in values])
            label = f"{measure}, {'paper' if source == 'printed' else 'here'}"
            figure.add_trace(
                go.Scatter(x=rounded(places), y=means, error_y=bars, mode="markers", marker=marker, name=label)
            )
    figure.update_xaxes(tickvals=list(range(len(rows))), ticktext=list(rows), showgrid=False, zeroline=False)
    figure.update_yaxes(title="mean cosine")
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    every = [each for comparisons in rows.values() for each in comparisons]
    agree = sum(each.verdict == "agrees" for each in every)
    description = (
        f"Mean cosines that the paper prints beside those of this book, with two standard errors, for "
        f"{', '.join(rows)}: {agree} of {len(every)} agree within two standard errors of the difference."
    )
    return finish_figure(figure, description, height=420)


def intervals(rows: Mapping[str, Mapping[str, Any]], *, x_title: str, description: str) -> go.Figure:
    """Estimates with their intervals, one row a name: ``{row: {series: (value, low, high)}}``.

    Parameters
    ----------
    rows
        For each row its series; one that lacks a series has no mark of it. Where there is no interval, low and high are
        nan and the mark stands alone.
    x_title
        What the numbers are.
    description
        For those who cannot see the figure.
    """
    return _interval_chart("rows", rows, x_title, description)


def _interval_chart(argument: str, rows: Any, x_title: str, description: str) -> go.Figure:
    check_words("x_title and description", [x_title, description])
    names, contents = named_values(argument, rows)
    found = {
        name: dict(zip(*named_values(f"{argument}[{name!r}]", each), strict=True))
        for name, each in zip(names, contents, strict=True)
    }
    labels = list(dict.fromkeys(label for each in found.values() for label in each))
    figure = go.Figure()
    for position, label in enumerate(labels):
        here = [name for name in names if label in found[name]]
        marks = np.array([_estimate(f"{argument}[{name!r}][{label!r}]", found[name][label]) for name in here])
        reach = np.nan_to_num(np.abs(marks[:, 1:] - marks[:, :1]))
        symbol = ("circle", "diamond", "square", "cross", "x", "triangle-up")[position % 6]
        color = PALETTE[position % len(PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=rounded(marks[:, 0]),
                # side by side: intervals on one line would hide each other
                y=rounded([names.index(name) + 0.22 * (position - (len(labels) - 1) / 2) for name in here]),
                text=here,
                name=label,
                mode="markers",
                marker={"size": 10, "symbol": symbol, "color": color},
                error_x={"array": rounded(reach[:, 1]), "arrayminus": rounded(reach[:, 0]), "color": color},
                hovertemplate="%{text}: %{x:.3f}",
            )
        )
    figure.add_vline(x=0, line={"color": PALETTE[6], "dash": "dot"})
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_layout(legend={"orientation": "h", "y": -0.3})
    return finish_figure(figure, description, height=200 + 34 * len(names))


def _estimate(name: str, value: Any) -> NDArray[np.float64]:
    """A value between its bounds, or alone between nans."""
    array = as_array(name, value)
    if array.shape != (3,) or not np.isfinite(array[0]) or np.isnan(array[1]) != np.isnan(array[2]):
        raise ValueError(f"{name} must be a value and the bounds of its interval (or nan twice), got {shown(value)}")
    if not (np.isnan(array[1]) or array[1] <= array[0] <= array[2]):
        raise ValueError(f"{name} must lie between the bounds of its interval, got {shown(value)}")
    return array.astype(np.float64)
