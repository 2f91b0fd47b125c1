"""Plotly figures of the book's objects: pure functions of data that compute nothing they could be given.

Every figure uses one colour-blind safe palette (Okabe and Ito), has a transparent background that follows the page's
theme, and carries a description for those who cannot see it in ``figure.layout.meta["description"]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core import identifiability
from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_distinct_words,
    check_flag,
    check_instance,
    check_integer,
    check_iterable,
    check_mapping,
    check_number,
    check_sequence,
    check_words,
    shown,
)
from linrep_core.concepts import ConceptGraph, concept_vectors
from linrep_core.geometry import LinearityReport
from linrep_core.identifiability import log_probabilities
from linrep_core.identifiability import tables as tables_of
from linrep_core.language import LatentConditionalModel, Vocabulary, check_distinct_contexts
from linrep_core.phase_diagram import Cell, Diagram
from linrep_core.reproduction import AGREES, COSINES, STUCK_ABOVE, Comparison, estimate
from linrep_core.training import TrainingRun
from linrep_core.transformer_training import TransformerRun

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A500")
SEQUENTIAL = [[0.0, "#F7FBFF"], [0.5, "#6BAED6"], [1.0, "#08306B"]]
DIVERGING = [[0.0, "#B35806"], [0.5, "#F7F7F7"], [1.0, "#08519C"]]
HEIGHT = 380
CAMERA = {"eye": {"x": 1.0, "y": 1.0, "z": 0.65}}  # nearer than plotly's own, which leaves half of the frame empty
NAME_ROOM = 2.7  # columns of a table of probabilities that the names of its rows take
MOST_TICKS = 6  # of an axis that names its very values
PHASE_MEASURES = {
    "unembedding": "mean cosine",
    "alignment": "alignment",
    "excess_loss": "excess loss (nats)",
    "stuck": "share above the floor",
}
HISTORY_LABELS = {
    "unembedding": "within unembeddings",
    "embedding": "within embeddings",
    "alignment": "between the two",
    "between": "between concepts, |cosine|",
}


def concept_graph(graph: ConceptGraph, names: Sequence[str] | None = None) -> go.Figure:
    """The concepts as nodes: arrows of the DAG, or plain lines of a Markov random field."""
    check_instance("graph", graph, ConceptGraph)
    names = _names(graph.n_concepts, names)
    network = graph.dag if graph.dag is not None else graph.markov_random_field
    place = _around_the_clock(graph.n_concepts)
    figure = go.Figure()
    for start, end in sorted(network.edges):
        figure.add_annotation(
            x=place[end][0],
            y=place[end][1],
            ax=place[start][0],
            ay=place[start][1],
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            showarrow=True,
            standoff=24,
            startstandoff=24,
            arrowhead=2 if graph.dag is not None else 0,
            arrowwidth=2,
            arrowcolor=PALETTE[6],
            text="",
        )
    _add_concepts(figure, place, names)
    arrow = "->" if graph.dag is not None else "-"
    edges = ", ".join(f"{names[i]} {arrow} {names[j]}" for i, j in sorted(network.edges)) or "no edges"
    return _finish(figure, f"A graph of {graph.n_concepts} concepts: {edges}.", height=300)


def moral_graph(graph: ConceptGraph, names: Sequence[str] | None = None) -> go.Figure:
    """The moral graph of a DAG: its arrows without heads, and dashed lines that join the parents of a common child."""
    check_instance("graph", graph, ConceptGraph)
    if graph.dag is None:
        raise ValueError("graph must have a DAG, got a Markov random field, which is its own moral graph")
    names = _names(graph.n_concepts, names)
    place = _around_the_clock(graph.n_concepts)
    arrows = {frozenset(edge) for edge in graph.dag.edges}
    edges = sorted(tuple(sorted(edge)) for edge in graph.markov_random_field.edges)
    groups = {
        "from an arrow": [edge for edge in edges if frozenset(edge) in arrows],
        "joined parents": [edge for edge in edges if frozenset(edge) not in arrows],
    }
    figure = go.Figure()
    for (label, group), color, dash in zip(groups.items(), (PALETTE[6], PALETTE[1]), ("solid", "dash"), strict=True):
        if group:
            x, y = ([_short(v) for i, j in group for v in (place[i][k], place[j][k], np.nan)] for k in (0, 1))
            style = {"color": color, "dash": dash, "width": 2}
            figure.add_trace(go.Scatter(x=x, y=y, mode="lines", name=label, line=style, hoverinfo="skip"))
    _add_concepts(figure, place, names)
    figure.data[-1].showlegend = False
    figure.update_layout(legend={"orientation": "h", "y": -0.05})
    kept, joined = (", ".join(f"{names[i]} - {names[j]}" for i, j in group) or "none" for group in groups.values())
    description = f"A moral graph of {graph.n_concepts} concepts. Lines: {kept}. Joined parents: {joined}."
    return _finish(figure, description, height=300)


def next_token_table(
    model: LatentConditionalModel, contexts: Any = None, vocabulary: Vocabulary | None = None
) -> go.Figure:
    """p(y | x) as a heat map: one row a context (all of them if none are given), one column a token."""
    check_instance("model", model, LatentConditionalModel)
    words = Vocabulary.bits(model.n_concepts) if vocabulary is None else vocabulary
    _check_vocabulary(words, model.n_tokens)
    contexts = model.contexts() if contexts is None else check_distinct_contexts(contexts, model.n_concepts)
    table = model.next_token_distribution(contexts)
    rows = [words.describe(context) for context in contexts]
    figure = go.Figure(
        go.Heatmap(
            z=_short(table),
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
    return _finish(figure, description, height=max(300, 180 + 28 * len(rows)))


def unembedding_space(
    unembeddings: Any,
    vocabulary: Vocabulary,
    concepts: Sequence[int] | None = None,
    *,
    color_by: int = 0,
) -> go.Figure:
    """Tokens as points in the first three dimensions, with the steering vectors of some concepts as lines."""
    points, tokens = _token_table(unembeddings, vocabulary)
    m = tokens.shape[1]
    color_by = check_integer("color_by", color_by, low=0, high=m - 1)
    chosen = _chosen(concepts, m)
    figure = go.Figure()
    for concept in chosen:
        figure.add_trace(_steering_lines(points, tokens, concept, vocabulary))
    figure.add_traces(_token_points(points, tokens, color_by, vocabulary))
    figure.update_layout(
        scene=_scene(np.abs(points).max() * 1.15),
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0},  # below: the scene gets the whole width
    )
    names = ", ".join(vocabulary.concepts[concept] for concept in chosen) or "no concept chosen"
    description = (
        f"{len(points)} tokens as points in space, coloured by {vocabulary.concepts[color_by]}; "
        f"lines join tokens that differ in one concept only ({names}). Drag to turn."
    )
    return _finish(figure, description, height=460)


def unembedding_animation(
    run: TrainingRun, vocabulary: Vocabulary, concepts: Sequence[int] | None = None, *, color_by: int = 0
) -> go.Figure:
    """`unembedding_space` moving during training: one frame for each snapshot of the run."""
    check_instance("run", run, TrainingRun)
    if not run.snapshots:
        raise ValueError("run must have snapshots, got none; train with n_snapshots=40, say")
    frames = {str(snapshot.step): _token_table(snapshot.unembeddings, vocabulary)[0] for snapshot in run.snapshots}
    figure, told = _moving_unembeddings(frames, vocabulary, concepts, color_by, shown_first="last")
    figure.update_layout(updatemenus=[_play_buttons()], sliders=[_slider(list(frames), "step ", len(frames) - 1)])
    description = (
        f"Animation of {len(vocabulary.tokens)} unembeddings in three dimensions over {run.steps} training steps, "
        f"{told}"
    )
    return _finish(figure, description, height=560)


def unembedding_slider(
    tables: Mapping[str, Any],
    vocabulary: Vocabulary,
    concepts: Sequence[int] | None = None,
    *,
    color_by: int = 0,
    prefix: str = "",
) -> go.Figure:
    """`unembedding_space` with a slider: one frame for each table, under its label; the first is shown first.

    Parameters
    ----------
    tables
        Label of a place on the slider -> unembeddings, all of one shape (n_tokens, dim) with dim at most 3: one
        predictor on its way through those with the same distribution, for example.
    prefix
        Stands before the label above the slider.
    """
    labels, values = _named("tables", tables)
    check_words("prefix", [prefix])
    frames = {
        label: _token_table(value, vocabulary, f"tables[{label!r}]")[0]
        for label, value in zip(labels, values, strict=True)
    }
    figure, told = _moving_unembeddings(frames, vocabulary, concepts, color_by, shown_first="first")
    above = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"}  # full width for the scene
    figure.update_layout(sliders=[_slider(labels, prefix, 0)], legend=above)
    description = (
        f"{len(vocabulary.tokens)} unembeddings in three dimensions at {len(labels)} places of a slider, "
        f"{told} Places: {', '.join(labels)}."
    )
    return _finish(figure, description, height=520)


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
    places, contents = _named("charts", charts)
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
        sliders=[_slider(places, prefix, 0)], legend={"y": 1, "yanchor": "bottom"}, height=figure.layout.height + 80
    )
    return figure


def pair_slider(
    pairs: Mapping[float, Any], curves: Mapping[str, Any], *, x_title: str, y_title: str, description: str
) -> go.Figure:
    """Two predictors in the plane side by side, a slider that moves both, and below it what is measured of them.

    Contexts are numbered and have the colour of the token that wins in their own predictor. Their distance from the
    middle is to scale, the same for all places. Tokens are diamonds on the rim: of them the picture shows directions.

    Parameters
    ----------
    pairs
        Number at a place of the slider -> two predictors (pairs of tables of two dimensions) with the same
        contexts and tokens at every place; the middle place is shown first.
    curves
        Name -> one value above 0 for each place, on a logarithmic axis.
    """
    check_words("x_title, y_title and description", [x_title, y_title, description])
    places = [check_number("places of pairs", place, low=-np.inf) for place in check_mapping("pairs", pairs)]
    labels, contents = _named("pairs", dict(zip([f"{place:g}" for place in places], pairs.values(), strict=True)))
    drawn = [_plane_pair(f"pairs[{label}]", pair) for label, pair in zip(labels, contents, strict=True)]
    if len({(len(f), len(g)) for ((f, g), _) in drawn}) > 1:
        raise ValueError("pairs must have the same contexts and tokens at every place, got different numbers of them")
    longest = max(float(np.linalg.norm(f, axis=1).max()) for pair in drawn for f, _ in pair)
    shown = [_plane_traces(pair, longest or 1.0) for pair in drawn]
    names, values = _named("curves", curves)
    series = {name: _coordinates(f"curves[{name!r}]", (places, y), "y") for name, y in zip(names, values, strict=True)}
    lines = [
        go.Scatter(
            x=_short(x), y=_short(y), name=name, mode="lines", line={"color": PALETTE[5 + i]}, xaxis="x3", yaxis="y3"
        )
        for i, (name, (x, y)) in enumerate(series.items())
    ]
    frames = []
    for i, (label, traces) in enumerate(zip(labels, shown, strict=True)):
        now = {"x": [_short(places[i])] * len(series), "y": _short([y[i] for _, y in series.values()])}
        dot = go.Scatter(**now, mode="markers", marker={"size": 11, "color": PALETTE[6]}, xaxis="x3", yaxis="y3")
        frames.append(go.Frame(name=label, data=[*traces, dot.update(showlegend=False)], traces=[0, 1, 2, 3, 4]))
    first = len(frames) // 2
    figure = go.Figure(data=[*frames[first].data, *lines], frames=frames)
    square = {
        "range": [-1.5, 1.5],
        "showticklabels": False,
        "zeroline": False,
        "showgrid": False,
        "constrain": "domain",
    }
    figure.update_layout(
        xaxis={**square, "domain": [0, 0.48], "title": "first", "anchor": "y"},
        xaxis2={**square, "domain": [0.52, 1], "title": "second", "anchor": "y2"},
        yaxis={**square, "domain": [0.5, 1], "scaleanchor": "x", "anchor": "x"},
        yaxis2={**square, "domain": [0.5, 1], "scaleanchor": "x2", "anchor": "x2"},
        xaxis3={"domain": [0, 1], "title": x_title, "anchor": "y3"},
        yaxis3={"domain": [0, 0.34], "type": "log", "title": y_title, "anchor": "x3", "exponentformat": "power"},
        sliders=[_slider(labels, f"{x_title}: ", first)],
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"},
    )
    return _finish(figure, description, height=640)


def _plane_pair(name: str, pair: Any) -> list[tuple[NDArray, NDArray]]:
    """The tables of two predictors that can be drawn in the plane, one colour a token."""
    found = [
        identifiability.tables(predictor, f"predictor of {name}") for predictor in check_sequence(name, pair, length=2)
    ]
    if len({(len(f), len(g)) for f, g in found}) > 1:
        raise ValueError(f"{name} must have two predictors for the same contexts and tokens, got other numbers of them")
    for f, g in found:
        if f.shape[1] != 2:
            raise ValueError(f"{name} must have predictors of 2 dimensions, got {f.shape[1]}")
        if len(g) > len(PALETTE) - 3:
            raise ValueError(f"{name} must have at most {len(PALETTE) - 3} tokens, one for each colour, got {len(g)}")
    return found


def _plane_traces(pair: Sequence[tuple[NDArray, NDArray]], longest: float) -> list[go.Scatter]:
    """Contexts and tokens of the first predictor and of the second, on the two pairs of axes above."""
    traces = []
    for axes, (f, g) in zip(({"xaxis": "x", "yaxis": "y"}, {"xaxis": "x2", "yaxis": "y2"}), pair, strict=True):
        winners = [PALETTE[token] for token in (f @ g.T).argmax(axis=1)]
        numbers = {
            "text": [str(i + 1) for i in range(len(f))],
            "mode": "markers+text",
            "hoverinfo": "text",
            "textfont": {"size": 11},
        }
        tokens = {"text": [f"token {i + 1}" for i in range(len(g))], "mode": "markers", "hoverinfo": "text"}
        rim = 1.25 * g / max(np.linalg.norm(g, axis=1).max(), 1e-300)
        marks = {"size": 14, "opacity": 0.75, "color": winners}
        diamonds = {"size": 12, "symbol": "diamond", "color": list(PALETTE[: len(g)])}
        for (x, y), marker, words in ((f.T / longest, marks, numbers), (rim.T, diamonds, tokens)):
            traces.append(go.Scatter(x=_short(x), y=_short(y), marker=marker, showlegend=False, **words, **axes))
    return traces


def context_slider(
    places: Mapping[str, Any], values: Any, shape: Sequence[int], *, prefix: str = "", values_title: str = ""
) -> go.Figure:
    """Contexts in space with a slider, coloured by a value; those that are neighbours in a grid of reports are joined.

    Parameters
    ----------
    places
        Label of a place on the slider -> points, shape (rows * columns, dim) with dim at most 3, the last report
        changing fastest.
    values
        One for each context, for its colour: a log posterior, for example.
    shape
        (rows, columns) of the grid of reports.
    prefix
        Stands before the label above the slider.
    values_title
        What the colours mean.
    """
    labels, tables = _named("places", places)
    for name, text in (("prefix", prefix), ("values_title", values_title)):
        check_words(name, [text])
    rows, columns = (check_integer("shape", n, low=1) for n in check_sequence("shape", shape, length=2))
    colors = check_array("values", values, shape=(rows * columns,))
    frames = {
        label: _in_space(f"places[{label!r}]", check_array(f"places[{label!r}]", table, shape=(len(colors), "dim")))
        for label, table in zip(labels, tables, strict=True)
    }
    limit = float(np.abs(colors).max()) or 1.0
    bar = {"title": {"text": values_title, "side": "top"}, "orientation": "h", "thickness": 10, "y": 1, "len": 0.8}
    marker = {"size": 5, "color": _short(colors), "colorscale": DIVERGING, "cmin": -limit, "cmax": limit}
    marker |= {"colorbar": {**bar, "yanchor": "bottom", "nticks": 5}, "line": {"color": PALETTE[6], "width": 1}}
    traces = {label: _grid_traces(points, (rows, columns), marker) for label, points in frames.items()}
    figure = go.Figure(data=traces[labels[0]])
    figure.frames = [go.Frame(name=label, data=data) for label, data in traces.items()]
    scene = _scene(max(float(np.abs(points).max()) for points in frames.values()) * 1.1)
    figure.update_layout(scene=scene, sliders=[_slider(labels, prefix, 0)], showlegend=False)
    thickness = ", ".join(f"{label}: {_off_plane(points):.3f}" for label, points in frames.items())
    description = (
        f"{rows} by {columns} contexts as points in space, joined to a net, at {len(labels)} places of a slider, "
        f"coloured by {values_title or 'a value'}; the first frame is shown first. Share of the net's size that lies "
        f"off its best plane, by place: {thickness}. Drag to turn."
    )
    return _finish(figure, description, height=540)


def _off_plane(points: NDArray) -> float:
    """Root of the share of the points' squared distance from their mean that lies off the best plane."""
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    whole = float(np.linalg.norm(values))
    return float(values[2] / whole) if len(values) > 2 and whole > 0 else 0.0


def _grid_traces(points: NDArray, shape: tuple[int, int], marker: dict[str, Any]) -> list[go.Scatter3d]:
    """The lines of the net, with gaps between them, and its knots."""
    grid = points.reshape(*shape, 3)
    gap = np.full((1, 3), np.nan)
    threads = [*grid, *grid.transpose(1, 0, 2)]
    x, y, z = (_short(v) for v in np.concatenate([part for thread in threads for part in (thread, gap)]).T)
    line = {"color": PALETTE[6], "width": 2}
    net = go.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip")
    x, y, z = _short(points.T)
    knots = go.Scatter3d(
        x=x, y=y, z=z, mode="markers", marker=marker, hovertemplate="%{marker.color:.2f}<extra></extra>"
    )
    return [net, knots]


def equivalence_slider(
    predictors: Mapping[str, Any],
    vocabulary: Vocabulary,
    contexts: Sequence[str],
    *,
    color_by: int = 0,
    prefix: str = "",
) -> go.Figure:
    """Words and contexts in space above their p(y | x), at the places of a slider: what moves, and what stands still.

    Parameters
    ----------
    predictors
        Label of a place on the slider -> predictor, in at most 3 dimensions, all over the same tokens and contexts. The
        probabilities are computed from each of them.
    contexts
        A name for each context, in the order of the embeddings.
    color_by
        Concept whose two values colour the words.
    prefix
        Stands before the label above the slider.

    Raises
    ------
    ValueError
        For predictors in more than 3 dimensions, or tokens or contexts without a name.
    """
    labels, values = _named("predictors", predictors)
    names = check_distinct_words("contexts", contexts)
    check_words("prefix", [prefix])
    check_instance("vocabulary", vocabulary, Vocabulary)
    tokens = concept_vectors(len(vocabulary.concepts))
    color_by = check_integer("color_by", color_by, low=0, high=tokens.shape[1] - 1)
    frames, probabilities, reach = {}, {}, 0.0
    for label, value in zip(labels, values, strict=True):
        name = f"predictors[{label!r}]"
        f, g = tables_of(value, name)
        words = _token_table(g, vocabulary, name)[0]
        if len(f) != len(names):
            raise ValueError(f"{name} must have one of the {len(names)} contexts in each row, got {len(f)} rows")
        places = _in_space(name, f)
        probabilities[label] = np.exp(log_probabilities((f, g)))
        reach = max(reach, float(np.abs(words).max()), float(np.abs(places).max()))
        moving = _moving_traces(words, tokens, list(range(tokens.shape[1])), color_by, vocabulary)
        frames[label] = [*moving, _context_points(places, names), *_small_bars(probabilities[label], names)]
    figure = go.Figure(data=frames[labels[0]])
    figure.frames = [go.Frame(name=label, data=data) for label, data in frames.items()]
    n_tokens, share = len(vocabulary.tokens), 0.3
    figure.update_layout(
        scene={**_scene(reach * 1.1), "domain": {"y": [share + 0.06, 1]}},
        sliders=[_slider(labels, prefix, 0)],
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"},
    )
    plain = {"showgrid": False, "zeroline": False}
    words_above = {"tickvals": [j + 0.25 for j in range(n_tokens)], "ticktext": list(vocabulary.tokens), "side": "top"}
    figure.update_xaxes(range=[-NAME_ROOM, n_tokens], tickangle=0, **words_above, **plain)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], domain=[0, share], showticklabels=False, **plain)
    change = max(float(np.abs(table - probabilities[labels[0]]).max()) for table in probabilities.values())
    description = (
        f"{n_tokens} words and {len(names)} contexts as points in space, above the table of their probabilities, at "
        f"{len(labels)} places of a slider: {', '.join(labels)}. The largest change of a probability is {change:.2f}."
    )
    figure = _tall(_finish(figure, description, height=720))
    return figure.update_layout(margin={"l": 10, "r": 10, "b": 10})  # the names of the rows stand inside


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
    names, contents = _named("rows", rows)
    found = {
        name: dict(zip(*_named(f"rows[{name!r}]", each), strict=True))
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
                x += _short(values)
                # series side by side, and their dots on three lines, so that fewer hide each other
                middle = row + 0.36 * (position - (len(labels) - 1) / 2)
                y += _short(middle + 0.1 * (np.arange(len(values)) % 3 - 1))
        symbol = ("circle", "diamond", "square", "cross", "x", "triangle-up")[position % 6]
        marker = {"size": 7, "symbol": symbol, "color": PALETTE[position % len(PALETTE)], "opacity": 0.6}
        figure.add_trace(go.Scatter(x=x, y=y, mode="markers", name=label, marker=marker, hovertemplate="%{x:.3f}"))
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return _finish(figure, description, height=200 + 44 * len(names))


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
            x=_short(step),
            y=_short(np.maximum(history["excess_loss"], 1e-16)),
            name="excess loss",
            line={"color": PALETTE[6], "width": 3},
        )
    )
    dashes = ("solid", "dash", "dot", "dashdot")
    for position, (name, label) in enumerate(HISTORY_LABELS.items()):
        if not np.isnan(history[name]).all():
            figure.add_trace(
                go.Scatter(
                    x=_short(step),
                    y=_short(history[name]),
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
    return _finish(figure, description, height=420)


def cosine_heat_map(report: LinearityReport, names: Sequence[str] | None = None) -> go.Figure:
    """Mean cosine between the unembedding steering vectors of each two concepts (diagonal: within a concept)."""
    check_instance("report", report, LinearityReport)
    names = list(_names(len(report.unembedding), names))
    figure = go.Figure(_cosine_squares(report.heat_map, names))
    figure.update_yaxes(autorange="reversed", scaleanchor="x")
    description = (
        f"Heat map of mean cosines between the steering vectors of {len(names)} concepts. Diagonal, within a concept: "
        f"{report.unembedding.min():.2f} to {report.unembedding.max():.2f}. Off the diagonal: mean absolute value "
        f"{report.mean['between']:.2f}."
    )
    return _finish(figure, description, height=400)


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
    menu = _menu("Whose", list(arrays), _one_at_a_time(len(arrays)), traces=len(arrays))
    figure.update_layout(updatemenus=[menu])
    return _finish(figure, f"Mean cosines between concepts. {'; '.join(parts)}.", height=430)


def _cosine_squares(table: NDArray, names: Sequence[str], **about: Any) -> go.Heatmap:
    return go.Heatmap(
        z=_short(table),
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
        x, y = _coordinates(f"series[{name!r}]", pair, log)
        style = _line_style(position)
        dots = {"color": style["color"], **({} if joined or position < len(series) - 1 else {"size": 3})}
        figure.add_trace(go.Scatter(x=_short(x), y=_short(y), name=name, mode=mode, line=style, marker=dots))
    return _finish(_line_axes(figure, x_title, y_title, log), description)


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
    return _finish(_line_axes(figure, x_title, y_title, log), description)


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
    for position, (name, runs) in enumerate(zip(*_named(title, series), strict=True)):
        label = f"{title}[{name!r}]"
        _named(label, {str(x): values for x, values in check_mapping(label, runs).items()})
        for x, values in runs.items():
            if not check_array(f"{label}[{x!r}]", values, shape=("n",)).size:
                raise ValueError(f"{label}[{x!r}] must hold at least one run, got none")
        found = [estimate(values) for values in runs.values()]
        x, y = _coordinates(label, ([*runs], [each.mean for each in found]), log)
        errors = {"type": "data", "array": _short(np.nan_to_num([2 * each.error for each in found])), "thickness": 1}
        marks = {"x": _short(x), "y": _short(y), "error_y": errors, "name": name}
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
    titles, contents = _named("charts", charts)
    groups = [_mean_traces(f"charts[{title!r}]", series) for title, series in zip(titles, contents, strict=True)]
    figure = go.Figure([trace for group in groups for trace in group])
    owner = [i for i, group in enumerate(groups) for _ in group]
    for trace, chart in zip(figure.data, owner, strict=True):
        trace.visible = chart == 0
    heights = np.array([y for trace in figure.data for y in trace.y], dtype=np.float64)  # None becomes nan
    low, high = min(0.0, float(np.nanmin(heights))), max(1.0, float(np.nanmax(heights)))
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title, range=[_short(low - 0.03), _short(high + 0.05)])
    figure.update_layout(legend={"orientation": "h", "y": -0.32})
    if len(titles) > 1:
        changes = [{"visible": [chart == i for chart in owner]} for i in range(len(titles))]
        figure.update_layout(updatemenus=[_menu("Which chart", titles, changes)])
    told = []
    for title, group in zip(titles, groups, strict=True):
        ends = [f"{trace.name} from {trace.y[0]:.2f} to {trace.y[-1]:.2f}" for trace in group if None not in trace.y]
        told.append(f"{title}: {', '.join(ends)}")
    return _finish(figure, f"Means over runs of {y_title}, against {x_title}. {'; '.join(told)}.")


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
            bars = {"type": "data", "array": _short([AGREES * value.error for value in values]), "thickness": 1.5}
            marker = {"symbol": symbol, "size": 9, "color": PALETTE[position], "line": {"width": 2}}
            means = _short([value.mean for value in values])
            label = f"{measure}, {'paper' if source == 'printed' else 'here'}"
            figure.add_trace(
                go.Scatter(x=_short(places), y=means, error_y=bars, mode="markers", marker=marker, name=label)
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
    return _finish(figure, description, height=420)


def phase_map(diagrams: Sequence[Diagram], limits: Mapping[int, tuple[int, float]]) -> go.Figure:
    """Heat maps of all cells (concepts, dimension), one diagram and one measure at a time, chosen from two lists.

    `limits` is what the theory says of some numbers of concepts: the dimension from which on the cheapest table has all
    the room it wants, and its mean cosine.
    """
    diagrams = check_sequence("diagrams", diagrams)
    for i, diagram in enumerate(diagrams):
        check_instance(f"diagrams[{i}]", diagram, Diagram)
    for m, limit in check_mapping("limits", limits).items():
        rank, cosine = check_sequence(f"limits[{m!r}]", limit, length=2)
        check_integer(f"limits[{m!r}][0]", rank, low=1)
        check_number(f"limits[{m!r}][1]", cosine, low=-1.0, high=1.0)
    every = [cell for diagram in diagrams for cell in diagram.cells]
    if not every:
        raise ValueError("diagrams must hold at least one cell, got none")
    concepts = sorted({cell.n_concepts for cell in every})
    dims = list(range(1, max(cell.dim for cell in every) + 1))
    figure = go.Figure()
    for number, diagram in enumerate(diagrams):
        table = {(cell.n_concepts, cell.dim): cell for cell in diagram.cells}
        told = [[_told(diagram, table[m, d]) if (m, d) in table else ["", ""] for d in dims] for m in concepts]
        look = {"colorscale": SEQUENTIAL, "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1, "hoverongaps": False}
        z = _phase_table(diagram, "unembedding", concepts, dims)
        title = {"title": {"text": PHASE_MEASURES["unembedding"], "side": "right"}}
        hover = "%{customdata[0]}<extra></extra>"
        figure.add_trace(
            go.Heatmap(
                z=z,
                x=dims,
                y=concepts,
                customdata=told,
                hovertemplate=hover,
                colorbar=title,
                visible=number == 0,
                name=diagram.title,
                **look,
            )
        )
    figure.add_traces(_theory_of_phases(limits, concepts, dims))
    figure.update_xaxes(title="dimension d", showgrid=False, zeroline=False)
    figure.update_yaxes(title="concepts m", dtick=1, showgrid=False, zeroline=False)
    figure.update_layout(
        updatemenus=[_diagram_menu(diagrams), _measure_menu(diagrams, concepts, dims)],
        legend={"orientation": "h", "y": -0.2},
    )
    first = {(cell.n_concepts, cell.dim): cell.means["unembedding"].mean for cell in diagrams[0].cells}
    square = [value for (m, d), value in first.items() if m == d]
    wide = [value for (m, d), value in first.items() if d == max(dim for size, dim in first if size == m) > m]
    description = f"Heat map over the dimension and the number of concepts, first for {diagrams[0].title}."
    if square and wide:
        description += (
            f" The mean cosine is {min(square):.2f} to {max(square):.2f} where there are as many dimensions as "
            f"concepts, and {min(wide):.2f} to {max(wide):.2f} in the largest dimension of each row."
        )
    figure = _finish(figure, description, height=430)
    figure.layout.meta = {**figure.layout.meta, "tells": True}
    return figure


def _theory_of_phases(
    limits: Mapping[int, tuple[int, float]], concepts: Sequence[int], dims: Sequence[int]
) -> list[go.Scatter]:
    """Where lines must be straight, and the mean cosine of the cheapest table where it first has its room."""
    line = {"color": PALETTE[1], "width": 3}
    straight = go.Scatter(x=concepts, y=concepts, mode="lines", line=line, name="theory: 1 at d = m", hoverinfo="skip")
    marks = [(rank, m, cosine) for m, (rank, cosine) in limits.items() if m in concepts and rank <= dims[-1]]
    bent = go.Scatter(
        x=[rank for rank, _, _ in marks],
        y=[m for _, m, _ in marks],
        text=[f"{cosine:.2f}" for _, _, cosine in marks],
        mode="markers+text",
        textposition="bottom center",
        textfont={"color": SEQUENTIAL[-1][1]},  # the cells under it are light in both themes
        name="theory: so little from here on",
        hoverinfo="skip",
        marker={"symbol": "star", "size": 12, "color": PALETTE[4]},
    )
    return [straight, bent]


def _told(diagram: Diagram, cell: Cell) -> list[str]:
    """The cell's numbers in words, and the address of such a run in the lab."""
    high = f", {cell.n_stuck} of them more than {STUCK_ABOVE} nats above the floor" if cell.n_stuck else ""
    runs = f"{cell.n_runs} runs{high}"
    lost = f", {cell.n_diverged} diverged" if cell.n_diverged else ""
    words = (
        f"m = {cell.n_concepts}, d = {cell.dim}: cosine {cell.means['unembedding'].mean:.2f}, alignment "
        f"{cell.means['alignment'].mean:.2f}, excess loss {cell.means['excess_loss'].mean:.3f} nats ({runs}{lost})."
    )
    return [words, diagram.lab_address(cell)]


def _phase_table(diagram: Diagram, measure: str, concepts: Sequence[int], dims: Sequence[int]) -> list[list]:
    """Values of one measure, a row for each number of concepts; None where there is no cell."""
    table = {}
    for cell in diagram.cells:
        value = cell.n_stuck / cell.n_runs if measure == "stuck" else cell.means[measure].mean
        table[cell.n_concepts, cell.dim] = _short(value)
    return [[table.get((m, d)) for d in dims] for m in concepts]


def _diagram_menu(diagrams: Sequence[Diagram]) -> dict[str, Any]:
    n = len(diagrams)
    return _menu("How it was trained", [diagram.title for diagram in diagrams], _one_at_a_time(n), traces=n)


def _measure_menu(diagrams: Sequence[Diagram], concepts: Sequence[int], dims: Sequence[int]) -> dict[str, Any]:
    changes = []
    for measure, title in PHASE_MEASURES.items():
        tables = [_phase_table(diagram, measure, concepts, dims) for diagram in diagrams]
        changes.append({"z": tables, "zmax": 0.5 if measure == "excess_loss" else 1, "colorbar.title.text": title})
    return _menu("What is shown", list(PHASE_MEASURES.values()), changes, traces=len(diagrams))


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
        for name, table in zip(*_named("tables", tables), strict=True)
    }
    limit = max(float(np.abs(table).max(initial=0.0)) for table in found.values())
    figure = go.Figure()
    for position, (title, table) in enumerate(found.items()):
        figure.add_trace(
            go.Heatmap(
                z=_short(table.round(3)),
                x=names,
                y=names,
                zmin=-_short(limit),
                zmax=_short(limit),
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
        figure.update_layout(updatemenus=[_menu("Which table", list(found), _one_at_a_time(len(found)))])
    told = []
    for title, table in found.items():
        others = table[~np.eye(len(names), dtype=bool)]
        between = f", between them {np.abs(others).mean():.3f} in absolute value" if others.size else ""
        told.append(f"{title}: mean within the concepts {np.diag(table).mean():.3f}{between}")
    figure = _finish(figure, f"Heat map of cosines between {len(names)} concepts. {'; '.join(told)}.", height=640)
    return _tall(figure)


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
    titles, contents = _named("charts", charts)
    series = {title: _named(f"charts[{title!r}]", each) for title, each in zip(titles, contents, strict=True)}
    labels = next(iter(series.values()))[0]
    values = {}
    for title, (found, arrays) in series.items():
        if found != labels:
            raise ValueError(f"charts[{title!r}] must have the series {labels} like the first chart, got {found}")
        name = f"charts[{title!r}]"
        values[title] = [_short(check_array(name, array, shape=(len(names),)).round(4)) for array in arrays]
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
        figure.update_layout(updatemenus=[_menu("Which chart", titles, [{"x": values[title]} for title in titles])])
    told = []
    for title in titles:
        tops = [
            f"{names[int(np.argmax(x))]} {max(x):.2f} in {label}"
            for label, x in zip(labels, values[title], strict=True)
        ]
        told.append(f"{title}: largest for {', '.join(tops)}")
    description = f"Dots for {len(names)} concepts: {x_title}. {'; '.join(told)}."
    figure = _finish(figure, description, height=220 + 20 * len(names))
    return _tall(figure)


def steering_explorer(data: Mapping[str, Any]) -> go.Figure:
    """Next-token probabilities (bars) and log-odds of some pairs (dots), for a context, a concept and a strength.

    Two lists choose the context and the concept, a slider how strongly the concept is added. Everything is in the
    figure, so that it needs neither a kernel nor a network. The lists and the slider know nothing of each other: a
    trace for each context and concept is hidden by one list through its visibility, by the other through its opacity,
    and the slider moves all traces at once.

    Parameters
    ----------
    data
        As `steering.read_explorer` gives it: for each context, concept and strength as many tokens as ``tokens`` has
        there, the last two of which are the concept's own pair.
    """
    _check_explorer(data)
    contexts, concepts, strengths = (data[name] for name in ("contexts", "concepts", "strengths"))
    rest = strengths.index(0)
    places = [(i, j) for i in range(len(contexts)) for j in range(len(concepts))]
    bars = [[_bars(data, i, j, k) for i, j in places] for k in range(len(strengths))]
    dots = [[_short(_log_odds(data, i, j, k)) for i, j in places] for k in range(len(strengths))]
    figure = go.Figure()
    for (i, j), bar, x in zip(places, bars[rest], dots[rest], strict=True):
        seen = {"visible": i == 0, "opacity": float(j == 0), "hoverinfo": "skip", "showlegend": False}
        figure.add_traces([_bar_trace(*bar, **seen), _dot_trace(x, data["pairs"], j, **seen)])
    for i in range(len(contexts)):
        x = _short(np.array(data["log_odds"][i]))
        seen = {"visible": i == 0, "hoverinfo": "skip", "showlegend": False}
        figure.add_trace(_dot_trace(x, data["pairs"], None, **seen))
    n = 2 * len(places)
    of_context = [i for i, _ in places for _ in (0, 1)] + list(range(len(contexts)))
    of_concept = [j for _, j in places for _ in (0, 1)]
    told = [{"visible": [i == chosen for i in of_context]} for chosen in range(len(contexts))]
    steered = [{"opacity": [float(j == chosen) for j in of_concept]} for chosen in range(len(concepts))]
    labels = [f"{name}: {' → '.join(pair)}" for name, pair in zip(concepts, data["pairs"], strict=True)]
    menus = [
        _menu("Text so far", [f"{text} …" for text in contexts], told) | {"x": 0, "y": 1.22, "xanchor": "left"},
        _menu("Concept that is added", labels, steered, traces=n) | {"x": 0, "y": 1.1, "xanchor": "left"},
    ]
    slider = _strength_slider(strengths, bars, dots)
    figure.update_layout(updatemenus=menus, sliders=[slider], barmode="overlay", bargap=0.15)
    _place_explorer(figure, len(bars[rest][0][0]), float(np.abs(dots).max()))
    return _tall(_finish(figure, _explorer_in_words(data), height=640))


def _check_explorer(data: Any) -> None:
    names = ("contexts", "concepts", "strengths", "pairs", "tokens", "probabilities", "log_odds", "slopes")
    missing = [name for name in names if name not in check_mapping("data", data)]
    if missing:
        raise ValueError(f"data must have an entry {missing[0]!r}, got {shown(list(data))}")
    contexts, concepts = (check_distinct_words(f"data[{name!r}]", data[name]) for name in ("contexts", "concepts"))
    strengths = check_array("data['strengths']", data["strengths"], shape=("n_strengths",))
    if not contexts or not concepts or 0 not in strengths:
        raise ValueError(f"data must have contexts, concepts and the strength 0, got strengths {shown(strengths)}")
    for i, pair in enumerate(check_sequence("data['pairs']", data["pairs"], length=len(concepts))):
        check_words(f"data['pairs'][{i}]", pair, length=2)
    shape = len(contexts), len(concepts), len(strengths), "n_shown"
    found = check_array("data['probabilities']", data["probabilities"], shape=shape).shape
    if np.shape(data["tokens"]) != found:
        raise ValueError(f"data['tokens'] must have the shape {found} of the probabilities, got another")
    check_array("data['log_odds']", data["log_odds"], shape=(len(contexts), len(concepts)))
    check_array("data['slopes']", data["slopes"], shape=(len(concepts), len(concepts)))


def _bars(data: Mapping[str, Any], context: int, concept: int, strength: int) -> tuple[list[float], list[str]]:
    """Lengths and labels of the bars."""
    values = data["probabilities"][context][concept][strength]
    words = [f"{' '.join(token.split()) or '(space)'}" for token in data["tokens"][context][concept][strength]]
    # plotly would read a bracket as the beginning of a tag
    return [_short(round(value, 4)) for value in values], [word.replace("<", "‹").replace(">", "›") for word in words]


def _log_odds(data: Mapping[str, Any], context: int, concept: int, strength: int) -> NDArray:
    """Of every pair, when one concept is added."""
    plain, slopes = np.array(data["log_odds"][context]), np.array(data["slopes"][concept])
    return (plain + data["strengths"][strength] * slopes).round(2)


def _bar_trace(x: list[float], text: list[str], **seen: Any) -> go.Bar:
    own = [PALETTE[0], PALETTE[1]]
    return go.Bar(
        x=x,
        y=list(range(len(x))),
        orientation="h",
        text=text,
        texttemplate="%{text} %{x:.1%}",
        textposition="outside",
        cliponaxis=False,
        marker={"color": [*[PALETTE[6]] * (len(x) - 2), *own]},
        **seen,
    )


def _dot_trace(x: list[float], pairs: Sequence[Sequence[str]], own: int | None, **seen: Any) -> go.Scatter:
    """The log-odds of all pairs as discs, the concept's own in its colour; as rings where there is no own."""
    color = [PALETTE[1] if j == own else PALETTE[6] for j in range(len(x))]
    marker = {"size": 11, "color": color, "symbol": "circle-open" if own is None else "circle", "line": {"width": 2}}
    names = [" → ".join(pair) for pair in pairs]
    return go.Scatter(x=x, y=names, xaxis="x2", yaxis="y2", mode="markers", marker=marker, **seen)


def _strength_slider(strengths: Sequence[float], bars: Sequence, dots: Sequence) -> dict[str, Any]:
    """A slider that moves the bars and the dots of all contexts and concepts."""
    steps = []
    for strength, bar, dot in zip(strengths, bars, dots, strict=True):
        x = [values for (lengths, _), places in zip(bar, dot, strict=True) for values in (lengths, places)]
        text = [words for _, labels in bar for words in (labels, [])]
        change = {"x": x, "text": text}
        steps.append({"label": f"{strength:+g}" if strength else "0", "method": "restyle", "args": [change]})
        steps[-1]["args"].append(list(range(len(x))))
    says = {"prefix": "strength ", "suffix": " nats"}
    return {
        "active": list(strengths).index(0),
        "x": 0,
        "len": 1,
        "pad": {"t": 50},
        "currentvalue": says,
        "steps": steps,
    }


def _place_explorer(figure: go.Figure, n_bars: int, reach: float) -> None:
    """The bars above, the dots below, each with its own axes."""
    title = {"text": "probability of the next token", "standoff": 8}
    figure.update_xaxes(title=title, range=[0, 1.35], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")
    figure.update_yaxes(range=[n_bars - 0.4, -0.6], showticklabels=False, showgrid=False, zeroline=False)
    below = {
        "title": {"text": "log-odds of the pair (nats)", "standoff": 8},
        "anchor": "y2",
        "range": [-1.05 * reach, 1.05 * reach],
    }
    rows = {"anchor": "x2", "domain": [0, 0.3], "autorange": "reversed", "dtick": 1, "tickfont": {"size": 11}}
    figure.update_layout(xaxis2=below, yaxis2=rows, yaxis={"domain": [0.44, 1]})


def _explorer_in_words(data: Mapping[str, Any]) -> str:
    rest, last = data["strengths"].index(0), len(data["strengths"]) - 1
    context, concept, pair = data["contexts"][0], data["concepts"][0], data["pairs"][0]
    parts = []
    for strength in (rest, last):
        base, target = data["probabilities"][0][0][strength][-2:]
        top = " ".join(data["tokens"][0][0][strength][0].split())
        parts.append(
            f"at strength {data['strengths'][strength]:g} the likeliest other token is “{top}”, {pair[0]} has "
            f"probability {base:.2g} and {pair[1]} {target:.2g}"
        )
    return (
        f"Bars of next-token probabilities after one of {len(data['contexts'])} beginnings of a text, and dots for the "
        f"log-odds of {len(data['pairs'])} pairs of words, while one of {len(data['concepts'])} concepts is added. "
        f"After “{context}”, with {concept}: {'; '.join(parts)}. Rings show the log-odds without steering."
    )


def _tall(figure: go.Figure) -> go.Figure:
    """Let a figure keep its height on a phone, where every row needs it."""
    figure.layout.meta = {**figure.layout.meta, "tall": True}
    return figure


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
    names, contents = _named(argument, rows)
    found = {
        name: dict(zip(*_named(f"{argument}[{name!r}]", each), strict=True))
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
                x=_short(marks[:, 0]),
                # side by side: intervals on one line would hide each other
                y=_short([names.index(name) + 0.22 * (position - (len(labels) - 1) / 2) for name in here]),
                text=here,
                name=label,
                mode="markers",
                marker={"size": 10, "symbol": symbol, "color": color},
                error_x={"array": _short(reach[:, 1]), "arrayminus": _short(reach[:, 0]), "color": color},
                hovertemplate="%{text}: %{x:.3f}",
            )
        )
    figure.add_vline(x=0, line={"color": PALETTE[6], "dash": "dot"})
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_layout(legend={"orientation": "h", "y": -0.3})
    return _finish(figure, description, height=200 + 34 * len(names))


def _estimate(name: str, value: Any) -> NDArray[np.float64]:
    """A value between its bounds, or alone between nans."""
    array = as_array(name, value)
    if array.shape != (3,) or not np.isfinite(array[0]) or np.isnan(array[1]) != np.isnan(array[2]):
        raise ValueError(f"{name} must be a value and the bounds of its interval (or nan twice), got {shown(value)}")
    if not (np.isnan(array[1]) or array[1] <= array[0] <= array[2]):
        raise ValueError(f"{name} must lie between the bounds of its interval, got {shown(value)}")
    return array.astype(np.float64)


def _concept_names(names: Any) -> list[str]:
    found = check_distinct_words("names", names)
    if not found:
        raise ValueError("names must hold at least one name, got none")
    return found


def _menu(
    name: str, labels: Sequence[str], changes: Sequence[dict[str, Any]], *, traces: int | None = None
) -> dict[str, Any]:
    """A list that restyles all traces, or the first so many; the site draws it beside the figure."""
    which = [] if traces is None else [list(range(traces))]
    buttons = [
        {"label": label, "method": "restyle", "args": [change, *which]}
        for label, change in zip(labels, changes, strict=True)
    ]
    return {"name": name, "buttons": buttons}


def _one_at_a_time(n: int) -> list[dict[str, list[bool]]]:
    """The changes of a list that shows one of n traces."""
    return [{"visible": [i == j for j in range(n)]} for i in range(n)]


def _named(name: str, values: Any) -> tuple[list[str], list[Any]]:
    """The names and the values of a mapping that has at least one entry."""
    found = check_mapping(name, values)
    if not found:
        raise ValueError(f"{name} must have at least one entry, got none")
    return check_words(f"the names of {name}", list(found)), list(found.values())


def statement_graph(graph: nx.DiGraph) -> go.Figure:
    """Statements as nodes, each to the right of those that its proof uses, coloured by where they come from.

    Parameters
    ----------
    graph
        An acyclic graph with an arrow from each statement used to the one that uses it. Nodes are labels, with the
        attributes ``title`` and ``source``: the paper's begin with "arXiv", this book's with "this book".
    """
    check_instance("graph", graph, nx.DiGraph)
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError(f"graph must have no cycle, got one: {nx.find_cycle(graph)}")
    if len(graph) == 0:
        raise ValueError("graph must have at least one statement, got none")
    check_words("the labels of graph", list(graph))
    for label, attributes in graph.nodes.items():
        for name in ("title", "source"):
            if not isinstance(attributes.get(name), str):
                raise ValueError(f"graph must have a {name} for {label!r}, got {shown(attributes.get(name))}")
    place = {
        label: (column, -(row + 0.5) / len(layer))
        for column, layer in enumerate(nx.topological_generations(graph))
        for row, label in enumerate(sorted(layer))
    }
    ends = [v for used, user in graph.edges for v in (place[used], place[user], (np.nan, np.nan))]
    figure = go.Figure()
    arrows = {"color": PALETTE[6], "width": 1.5}
    x, y = _short(np.array(ends).reshape(-1, 2).T)
    figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=arrows, hoverinfo="skip", showlegend=False))
    labels_by_source = {
        group: [label for label, source in graph.nodes(data="source") if _source_group(source) == group]
        for group in ("paper", "this book", "literature")
    }
    for (group, labels), color, symbol in zip(
        labels_by_source.items(), PALETTE, ("circle", "diamond", "square"), strict=False
    ):
        figure.add_trace(
            go.Scatter(
                x=[place[label][0] for label in labels],
                y=[_short(place[label][1]) for label in labels],
                mode="markers+text",
                name=group,
                text=[label.partition("-")[2].replace("-", " ") for label in labels],
                textposition="top center",
                textfont={"size": 11},
                cliponaxis=False,
                customdata=[[label, graph.nodes[label]["title"]] for label in labels],
                hovertemplate="%{customdata[1]}<br>%{customdata[0]}<extra></extra>",
                marker={"size": 12, "color": color, "symbol": symbol},
            )
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(legend={"orientation": "h", "y": -0.02})
    counts = ", ".join(f"{len(labels)} from {group}" for group, labels in labels_by_source.items())
    arrows_in_words = "; ".join(f"{used} is used in {user}" for used, user in graph.edges) or "none uses another"
    return _finish(figure, f"A graph of {len(graph)} statements ({counts}): {arrows_in_words}.", height=620)


# ---- pieces -----------------------------------------------------------------------------------------------------


def _finish(figure: go.Figure, description: str, *, height: int = HEIGHT) -> go.Figure:
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


def _source_group(source: str) -> str:
    """Whose statement it is: the paper's, this book's, or another's."""
    return "paper" if source.startswith("arXiv") else "this book" if source.startswith("this book") else "literature"


def _short(values: Any) -> list:
    """Plain lists with five significant digits: half the page weight, and the same on every machine."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(f"{array:.5g}") if np.isfinite(array) else None
    return [_short(entry) for entry in array]


def _names(n_concepts: int, names: Sequence[str] | None) -> Sequence[str]:
    if names is None:
        return [f"C{i}" for i in range(n_concepts)]
    return check_distinct_words("names", names, length=n_concepts)


def _check_vocabulary(vocabulary: Vocabulary, n_tokens: int) -> None:
    check_instance("vocabulary", vocabulary, Vocabulary)
    if len(vocabulary.tokens) != n_tokens:
        raise ValueError(
            f"vocabulary must have a word for each of {n_tokens} tokens (rows of unembeddings), "
            f"got {len(vocabulary.tokens)}"
        )


def _token_table(
    unembeddings: Any, vocabulary: Vocabulary, name: str = "unembeddings"
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The tokens' points in three dimensions and their concept vectors."""
    points = check_array(name, unembeddings, shape=("n_tokens", "dim"))
    _check_vocabulary(vocabulary, len(points))
    return _in_space(name, points), concept_vectors(len(vocabulary.concepts))


def _in_space(name: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of up to three dimensions, with zeros for those that are not there."""
    if not 1 <= points.shape[1] <= 3:
        raise ValueError(f"{name} must have 1 to 3 dimensions to be drawn, got {points.shape[1]}; project them first")
    return np.pad(points, ((0, 0), (0, 3 - points.shape[1])))


def _coordinates(name: str, pair: Any, log: str) -> tuple[NDArray, NDArray]:
    """The x and y of one line: as many of one as of the other, and positive on a logarithmic axis."""
    x, y = (as_array(name, values) for values in check_sequence(name, pair, length=2))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"{name} must be two lists of one length, got shapes {x.shape} and {y.shape}")
    for axis, values in (("x", x), ("y", y)):
        if axis in log and (values <= 0).any():
            raise ValueError(f"{name} must be above 0 on the logarithmic {axis} axis, got {shown(values.min())}")
    return x, y


def _around_the_clock(n: int) -> dict[int, tuple[float, float]]:
    """Places on a circle, the first at the top, the next to its right."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    return {i: (_short(np.cos(a)), _short(np.sin(a))) for i, a in enumerate(angle)}


def _add_concepts(figure: go.Figure, place: Mapping[int, tuple[float, float]], names: Sequence[str]) -> None:
    """Draw the concepts as coloured nodes, in a frame without axes."""
    sides = ["middle left" if x < -0.1 else "middle right" if x > 0.1 else "" for x, _ in place.values()]
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in place.values()],
            y=[y for _, y in place.values()],
            mode="markers+text",
            text=list(names),
            cliponaxis=False,
            textposition=[
                side or ("top center" if y > 0 else "bottom center")
                for side, (_, y) in zip(sides, place.values(), strict=True)
            ],
            hoverinfo="text",
            marker={"size": 26, "color": [PALETTE[i % len(PALETTE)] for i in range(len(names))]},
        )
    )
    figure.update_xaxes(visible=False, range=[-1.9, 1.9])
    figure.update_yaxes(visible=False, range=[-1.25, 1.25])


def _token_points(points: NDArray, tokens: NDArray, color_by: int, vocabulary: Vocabulary) -> list[go.Scatter3d]:
    traces = []
    for value in (0, 1):
        rows = np.flatnonzero(tokens[:, color_by] == value)
        x, y, z = _short(points[rows].T)
        traces.append(
            go.Scatter3d(
                x=x,
                y=y,
                z=z,
                mode="markers+text",
                text=[vocabulary.tokens[row] for row in rows],
                name=vocabulary.values[color_by][value],
                hoverinfo="text+name",
                marker={"size": 6, "color": PALETTE[value], "symbol": ("circle", "diamond")[value]},
            )
        )
    return traces


def _steering_lines(points: NDArray, tokens: NDArray, concept: int, vocabulary: Vocabulary) -> go.Scatter3d:
    bit = 1 << (tokens.shape[1] - 1 - concept)
    coordinates: list[list[float | None]] = [[], [], []]
    for row in np.flatnonzero(tokens[:, concept] == 0):
        for axis in range(3):  # from value 0 to value 1, then a gap
            coordinates[axis] += [_short(points[row, axis]), _short(points[row | bit, axis]), None]
    x, y, z = coordinates
    color = PALETTE[(2 + concept) % len(PALETTE)]
    return go.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines",
        line={"color": color, "width": 4},
        hoverinfo="skip",
        name=f"{vocabulary.values[concept][0]} → {vocabulary.values[concept][1]}",
    )


def _context_points(places: NDArray, names: Sequence[str]) -> go.Scatter3d:
    x, y, z = _short(places.T)
    marker = {"size": 4, "color": PALETTE[6], "symbol": "square"}
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", text=list(names), hoverinfo="text", name="context", marker=marker
    )


def _small_bars(table: NDArray, names: Sequence[str]) -> list[go.Scatter]:
    """A table of probabilities: the rows' names, and in each cell the number and beside it a bar of that length."""
    rows, columns = np.indices(table.shape)
    ends = np.stack([columns + 0.5, columns + 0.5 + 0.45 * table, np.full(table.shape, np.nan)], axis=-1)
    bars = go.Scatter(x=_short(ends.ravel()), y=np.repeat(rows.ravel(), 3).tolist(), mode="lines")
    bars.update(line={"width": 8, "color": PALETTE[5]}, hoverinfo="skip", showlegend=False)
    numbers = go.Scatter(
        x=[-NAME_ROOM] * len(names) + _short(columns.ravel()),
        y=[*range(len(names)), *rows.ravel().tolist()],
        text=[*names, *(f"{value:.2f}" for value in table.ravel())],
        mode="text",
        textposition="middle right",
        textfont={"size": 11},
        hoverinfo="skip",
        showlegend=False,
    )
    return [bars, numbers]


def _chosen(concepts: Sequence[int] | None, n_concepts: int) -> list[int]:
    given = range(n_concepts) if concepts is None else check_iterable("concepts", concepts)
    return [check_integer("concepts", concept, low=0, high=n_concepts - 1) for concept in given]


def _moving_unembeddings(
    frames: Mapping[str, NDArray],
    vocabulary: Vocabulary,
    concepts: Sequence[int] | None,
    color_by: int,
    *,
    shown_first: str,
) -> tuple[go.Figure, str]:
    """A frame for each label's points, the "first" or "last" of them shown, and the end of the description."""
    tokens = concept_vectors(len(vocabulary.concepts))
    color_by = check_integer("color_by", color_by, low=0, high=tokens.shape[1] - 1)
    chosen = _chosen(concepts, tokens.shape[1])
    traces = {label: _moving_traces(points, tokens, chosen, color_by, vocabulary) for label, points in frames.items()}
    figure = go.Figure(data=list(traces.values())[0 if shown_first == "first" else -1])
    figure.frames = [go.Frame(name=label, data=data) for label, data in traces.items()]
    figure.update_layout(scene=_scene(max(float(np.abs(points).max()) for points in frames.values()) * 1.1))
    names = ", ".join(vocabulary.concepts[concept] for concept in chosen) or "no concept chosen"
    told = (
        f"coloured by {vocabulary.concepts[color_by]}; the {shown_first} frame is shown first. Lines join tokens that "
        f"differ in one concept only ({names})."
    )
    return figure, told


def _moving_traces(
    points: NDArray, tokens: NDArray, concepts: list[int], color_by: int, vocabulary: Vocabulary
) -> list[go.Scatter3d]:
    edges = [_steering_lines(points, tokens, concept, vocabulary) for concept in concepts]
    return [*edges, *_token_points(points, tokens, color_by, vocabulary)]


def _scene(limit: float) -> dict[str, Any]:
    axis = {"range": [-float(f"{limit:.3g}"), float(f"{limit:.3g}")], "title": {"text": ""}, "showticklabels": False}
    return {"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "cube", "camera": CAMERA}


def _play_buttons() -> dict[str, Any]:
    play = {"frame": {"duration": 120, "redraw": True}, "transition": {"duration": 0}, "fromcurrent": False}
    pause = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "x": 0,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "pad": {"t": 10},
        "buttons": [
            {"label": "Play", "method": "animate", "args": [None, play]},
            {"label": "Pause", "method": "animate", "args": [[None], pause]},
        ],
    }


def _slider(steps: Sequence[str], prefix: str, active: int) -> dict[str, Any]:
    args = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    return {
        "active": active,
        "x": 0,
        "len": 1,
        "pad": {"t": 60},
        "currentvalue": {"prefix": prefix},
        "steps": [{"label": step, "method": "animate", "args": [[step], args]} for step in steps],
    }
