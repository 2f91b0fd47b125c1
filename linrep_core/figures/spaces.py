"""Figures of words and contexts as points in space, to turn, to play, to slide along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core import identifiability
from linrep_core._checks import (
    check_array,
    check_distinct_words,
    check_instance,
    check_integer,
    check_iterable,
    check_mapping,
    check_number,
    check_sequence,
    check_words,
)
from linrep_core.concepts import concept_vectors
from linrep_core.figures.pieces import (
    DIVERGING,
    PALETTE,
    check_vocabulary,
    checked_line,
    finish_figure,
    frame_slider,
    keep_height,
    named_values,
    rounded,
)
from linrep_core.identifiability import log_probabilities
from linrep_core.identifiability import tables as tables_of
from linrep_core.language import Vocabulary
from linrep_core.training import TrainingRun

CAMERA = {"eye": {"x": 1.0, "y": 1.0, "z": 0.65}}  # nearer than plotly's own, which leaves half of the frame empty
NAME_ROOM = 2.7  # columns of a table of probabilities that the names of its rows take


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
    return finish_figure(figure, description, height=460)


def unembedding_animation(
    run: TrainingRun, vocabulary: Vocabulary, concepts: Sequence[int] | None = None, *, color_by: int = 0
) -> go.Figure:
    """`unembedding_space` moving during training: one frame for each snapshot of the run."""
    check_instance("run", run, TrainingRun)
    if not run.snapshots:
        raise ValueError("run must have snapshots, got none; train with n_snapshots=40, say")
    frames = {str(snapshot.step): _token_table(snapshot.unembeddings, vocabulary)[0] for snapshot in run.snapshots}
    figure, told = _moving_unembeddings(frames, vocabulary, concepts, color_by, shown_first="last")
    figure.update_layout(updatemenus=[_play_buttons()], sliders=[frame_slider(list(frames), "step ", len(frames) - 1)])
    description = (
        f"Animation of {len(vocabulary.tokens)} unembeddings in three dimensions over {run.steps} training steps, "
        f"{told}"
    )
    return finish_figure(figure, description, height=560)


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
    labels, values = named_values("tables", tables)
    check_words("prefix", [prefix])
    frames = {
        label: _token_table(value, vocabulary, f"tables[{label!r}]")[0]
        for label, value in zip(labels, values, strict=True)
    }
    figure, told = _moving_unembeddings(frames, vocabulary, concepts, color_by, shown_first="first")
    above = {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"}  # full width for the scene
    figure.update_layout(sliders=[frame_slider(labels, prefix, 0)], legend=above)
    description = (
        f"{len(vocabulary.tokens)} unembeddings in three dimensions at {len(labels)} places of a slider, "
        f"{told} Places: {', '.join(labels)}."
    )
    return finish_figure(figure, description, height=520)


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
    labels, contents = named_values("pairs", dict(zip([f"{place:g}" for place in places], pairs.values(), strict=True)))
    drawn = [_plane_pair(f"pairs[{label}]", pair) for label, pair in zip(labels, contents, strict=True)]
    if len({(len(f), len(g)) for ((f, g), _) in drawn}) > 1:
        raise ValueError("pairs must have the same contexts and tokens at every place, got different numbers of them")
    longest = max(float(np.linalg.norm(f, axis=1).max()) for pair in drawn for f, _ in pair)
    shown = [_plane_traces(pair, longest or 1.0) for pair in drawn]
    names, values = named_values("curves", curves)
    series = {name: checked_line(f"curves[{name!r}]", (places, y), "y") for name, y in zip(names, values, strict=True)}
    lines = [
        go.Scatter(
            x=rounded(x), y=rounded(y), name=name, mode="lines", line={"color": PALETTE[5 + i]}, xaxis="x3", yaxis="y3"
        )
        for i, (name, (x, y)) in enumerate(series.items())
    ]
    frames = []
    for i, (label, traces) in enumerate(zip(labels, shown, strict=True)):
        now = {"x": [rounded(places[i])] * len(series), "y": rounded([y[i] for _, y in series.values()])}
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
        sliders=[frame_slider(labels, f"{x_title}: ", first)],
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"},
    )
    return finish_figure(figure, description, height=640)


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
            traces.append(go.Scatter(x=rounded(x), y=rounded(y), marker=marker, showlegend=False, **words, **axes))
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
    labels, tables = named_values("places", places)
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
    marker = {"size": 5, "color": rounded(colors), "colorscale": DIVERGING, "cmin": -limit, "cmax": limit}
    marker |= {"colorbar": {**bar, "yanchor": "bottom", "nticks": 5}, "line": {"color": PALETTE[6], "width": 1}}
    traces = {label: _grid_traces(points, (rows, columns), marker) for label, points in frames.items()}
    figure = go.Figure(data=traces[labels[0]])
    figure.frames = [go.Frame(name=label, data=data) for label, data in traces.items()]
    scene = _scene(max(float(np.abs(points).max()) for points in frames.values()) * 1.1)
    figure.update_layout(scene=scene, sliders=[frame_slider(labels, prefix, 0)], showlegend=False)
    thickness = ", ".join(f"{label}: {_off_plane(points):.3f}" for label, points in frames.items())
    description = (
        f"{rows} by {columns} contexts as points in space, joined to a net, at {len(labels)} places of a slider, "
        f"coloured by {values_title or 'a value'}; the first frame is shown first. Share of the net's size that lies "
        f"off its best plane, by place: {thickness}. Drag to turn."
    )
    return finish_figure(figure, description, height=540)


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
    x, y, z = (rounded(v) for v in np.concatenate([part for thread in threads for part in (thread, gap)]).T)
    line = {"color": PALETTE[6], "width": 2}
    net = go.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip")
    x, y, z = rounded(points.T)
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
    labels, values = named_values("predictors", predictors)
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
        sliders=[frame_slider(labels, prefix, 0)],
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
    figure = keep_height(finish_figure(figure, description, height=720))
    return figure.update_layout(margin={"l": 10, "r": 10, "b": 10})  # the names of the rows stand inside


def _token_table(
    unembeddings: Any, vocabulary: Vocabulary, name: str = "unembeddings"
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The tokens' points in three dimensions and their concept vectors."""
    points = check_array(name, unembeddings, shape=("n_tokens", "dim"))
    check_vocabulary(vocabulary, len(points))
    return _in_space(name, points), concept_vectors(len(vocabulary.concepts))


def _in_space(name: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of up to three dimensions, with zeros for those that are not there."""
    if not 1 <= points.shape[1] <= 3:
        raise ValueError(f"{name} must have 1 to 3 dimensions to be drawn, got {points.shape[1]}; project them first")
    return np.pad(points, ((0, 0), (0, 3 - points.shape[1])))


def _token_points(points: NDArray, tokens: NDArray, color_by: int, vocabulary: Vocabulary) -> list[go.Scatter3d]:
    traces = []
    for value in (0, 1):
        rows = np.flatnonzero(tokens[:, color_by] == value)
        x, y, z = rounded(points[rows].T)
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
            coordinates[axis] += [rounded(points[row, axis]), rounded(points[row | bit, axis]), None]
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
    x, y, z = rounded(places.T)
    marker = {"size": 4, "color": PALETTE[6], "symbol": "square"}
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", text=list(names), hoverinfo="text", name="context", marker=marker
    )


def _small_bars(table: NDArray, names: Sequence[str]) -> list[go.Scatter]:
    """A table of probabilities: the rows' names, and in each cell the number and beside it a bar of that length."""
    rows, columns = np.indices(table.shape)
    ends = np.stack([columns + 0.5, columns + 0.5 + 0.45 * table, np.full(table.shape, np.nan)], axis=-1)
    bars = go.Scatter(x=rounded(ends.ravel()), y=np.repeat(rows.ravel(), 3).tolist(), mode="lines")
    bars.update(line={"width": 8, "color": PALETTE[5]}, hoverinfo="skip", showlegend=False)
    numbers = go.Scatter(
        x=[-NAME_ROOM] * len(names) + rounded(columns.ravel()),
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
