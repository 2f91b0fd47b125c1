"""Figures of tables: probabilities, cosines between concepts, dots by concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_distinct_words, check_instance, check_mapping, check_words
from linrep_core.figures.pieces import (
    DIVERGING,
    PALETTE,
    SEQUENTIAL,
    check_vocabulary,
    finish_figure,
    keep_height,
    named_values,
    names_or_numbers,
    one_at_a_time,
    rounded,
    style_menu,
)
from linrep_core.geometry import LinearityReport
from linrep_core.language import LatentConditionalModel, Vocabulary, check_distinct_contexts


def next_token_table(
    model: LatentConditionalModel, contexts: Any = None, vocabulary: Vocabulary | None = None
) -> go.Figure:
    """p(y | x) as a heat map: one row a context (all of them if none are given), one column a token."""
    check_instance("model", model, LatentConditionalModel)
    words = Vocabulary.bits(model.n_concepts) if vocabulary is None else vocabulary
    check_vocabulary(words, model.n_tokens)
    contexts = model.contexts() if contexts is None else check_distinct_contexts(contexts, model.n_concepts)
    table = model.next_token_distribution(contexts)
    rows = [words.describe(context) for context in contexts]
    figure = go.Figure(
        go.Heatmap(
            z=rounded(table),
            x=list(words.tokens),
            y=rows,
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=float(table.max()),
            xgap=1,
            ygap=1,
            # above the table: beside it, a narrow screen would have no room for the table itself
            colorbar={
                "title": {"text": "p(y | x)", "side": "top"},
                "orientation": "h",
                "thickness": 12,
                "nticks": 3,
                "tickangle": 0,
                "y": 1,
                "yanchor": "bottom",
            },
            hovertemplate="after “%{y}”<br>%{x}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="token y", type="category")
    figure.update_yaxes(autorange="reversed", type="category")
    zeros = int((table == 0).sum())
    description = (
        f"Heat map of next-token probabilities: {len(rows)} contexts by {table.shape[1]} tokens. "
        f"{zeros} of the {table.size} entries are zero, because the token contradicts the context."
    )
    return finish_figure(figure, description, height=max(300, 180 + 28 * len(rows)))


def cosine_heat_map(report: LinearityReport, names: Sequence[str] | None = None) -> go.Figure:
    """Mean cosine between the unembedding steering vectors of each two concepts (diagonal: within a concept)."""
    check_instance("report", report, LinearityReport)
    names = list(names_or_numbers(len(report.unembedding), names))
    figure = go.Figure(_cosine_squares(report.heat_map, names))
    figure.update_yaxes(autorange="reversed", scaleanchor="x")
    description = (
        f"Heat map of mean cosines between the steering vectors of {len(names)} concepts. Diagonal, within a concept: "
        f"{report.unembedding.min():.2f} to {report.unembedding.max():.2f}. Off the diagonal: mean absolute value "
        f"{report.mean['between']:.2f}."
    )
    return finish_figure(figure, description, height=400)


def cosine_tables(tables: Mapping[str, Any], names: Sequence[str]) -> go.Figure:
    """Named square tables of mean cosines between concepts, one at a time, chosen from a list."""
    names = check_words("names", names)
    check_words("tables", list(check_mapping("tables", tables)))
    if not tables:
        raise ValueError("tables must hold at least one table, got none")
    shape = (len(names), len(names))
    arrays = {name: check_array(f"tables[{name!r}]", table, shape=shape) for name, table in tables.items()}
    figure, parts = go.Figure(), []
    for position, (name, array) in enumerate(arrays.items()):
        figure.add_trace(_cosine_squares(array, names, name=name, visible=position == 0))
        diagonal, off = np.diag(array), array[~np.eye(len(names), dtype=bool)]
        within = f"on the diagonal {diagonal.min():.2f} to {diagonal.max():.2f}"
        parts.append(f"{name}: {within}" + (f", elsewhere {off.min():.2f} to {off.max():.2f}" if off.size else ""))
    figure.update_yaxes(autorange="reversed", scaleanchor="x")
    menu = style_menu("Whose", list(arrays), one_at_a_time(len(arrays)), traces=len(arrays))
    figure.update_layout(updatemenus=[menu])
    return finish_figure(figure, f"Mean cosines between concepts. {'; '.join(parts)}.", height=430)


def _cosine_squares(table: NDArray, names: Sequence[str], **about: Any) -> go.Heatmap:
    return go.Heatmap(
        z=rounded(table),
        x=list(names),
        y=list(names),
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        xgap=2,
        ygap=2,
        text=[[f"{value:.2f}" for value in row] for row in table],
        texttemplate="%{text}",
        colorbar={"title": {"text": "cosine"}},
        hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
        **about,
    )


def concept_heat_maps(tables: Mapping[str, Any], names: Sequence[str]) -> go.Figure:
    """Square tables of cosines between many concepts, one at a time, chosen from a list.

    Parameters
    ----------
    tables
        Named arrays of shape (n, n), all drawn in one scale of colours that is symmetric about 0.
    names
        Of the n concepts.
    """
    names = _concept_names(names)
    shape = (len(names), len(names))
    found = {
        name: check_array(f"tables[{name!r}]", table, shape=shape)
        for name, table in zip(*named_values("tables", tables), strict=True)
    }
    limit = max(float(np.abs(table).max(initial=0.0)) for table in found.values())
    figure = go.Figure()
    for position, (title, table) in enumerate(found.items()):
        figure.add_trace(
            go.Heatmap(
                z=rounded(table.round(3)),
                x=names,
                y=names,
                zmin=-rounded(limit),
                zmax=rounded(limit),
                colorscale=DIVERGING,
                visible=position == 0,
                name=title,
                hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
                # above the table: beside it, a narrow screen would have no room for the table itself
                colorbar={"orientation": "h", "thickness": 12, "nticks": 5, "y": 1, "yanchor": "bottom"},
            )
        )
    figure.update_xaxes(tickangle=90, tickfont={"size": 9}, dtick=1, showgrid=False)
    figure.update_yaxes(autorange="reversed", tickfont={"size": 9}, dtick=1, showgrid=False)
    if len(found) > 1:
        figure.update_layout(updatemenus=[style_menu("Which table", list(found), one_at_a_time(len(found)))])
    told = []
    for title, table in found.items():
        others = table[~np.eye(len(names), dtype=bool)]
        between = f", between them {np.abs(others).mean():.3f} in absolute value" if others.size else ""
        told.append(f"{title}: mean within the concepts {np.diag(table).mean():.3f}{between}")
    figure = finish_figure(figure, f"Heat map of cosines between {len(names)} concepts. {'; '.join(told)}.", height=640)
    return keep_height(figure)


def concept_dots(charts: Mapping[str, Mapping[str, Any]], names: Sequence[str], *, x_title: str) -> go.Figure:
    """Some numbers for each of many concepts, as dots in a row; several charts are chosen from a list.

    Parameters
    ----------
    charts
        For each chart its named series, arrays of shape (n,); the series have the same names in all charts.
    names
        Of the n concepts.
    x_title
        What the numbers are.
    """
    names = _concept_names(names)
    check_words("x_title", [x_title])
    titles, contents = named_values("charts", charts)
    series = {title: named_values(f"charts[{title!r}]", each) for title, each in zip(titles, contents, strict=True)}
    labels = next(iter(series.values()))[0]
    values = {}
    for title, (found, arrays) in series.items():
        if found != labels:
            raise ValueError(f"charts[{title!r}] must have the series {labels} like the first chart, got {found}")
        name = f"charts[{title!r}]"
        values[title] = [rounded(check_array(name, array, shape=(len(names),)).round(4)) for array in arrays]
    figure = go.Figure()
    symbols = ("circle", "diamond", "square", "cross", "x", "triangle-up")
    for position, (label, x) in enumerate(zip(labels, values[titles[0]], strict=True)):
        symbol = symbols[position % len(symbols)] + ("-open" if position == 0 else "")
        marker = {"size": 9, "symbol": symbol, "color": PALETTE[position % len(PALETTE)], "line": {"width": 2}}
        hover = "%{y}: %{x:.3f}"
        figure.add_trace(go.Scatter(x=x, y=names, mode="markers", name=label, marker=marker, hovertemplate=hover))
    figure.update_xaxes(title=x_title, rangemode="tozero")
    figure.update_yaxes(autorange="reversed", tickfont={"size": 11}, dtick=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.12})
    if len(titles) > 1:
        figure.update_layout(
            updatemenus=[style_menu("Which chart", titles, [{"x": values[title]} for title in titles])]
        )
    told = []
    for title in titles:
        tops = [
            f"{names[int(np.argmax(x))]} {max(x):.2f} in {label}"
            for label, x in zip(labels, values[title], strict=True)
        ]
        told.append(f"{title}: largest for {', '.join(tops)}")
    description = f"Dots for {len(names)} concepts: {x_title}. {'; '.join(told)}."
    figure = finish_figure(figure, description, height=220 + 20 * len(names))
    return keep_height(figure)


def _concept_names(names: Any) -> list[str]:
    found = check_distinct_words("names", names)
    if not found:
        raise ValueError("names must hold at least one name, got none")
    return found
