"""The explorer of steering: a context, a concept, a strength, and the next words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from linrep_core._checks import check_array, check_distinct_words, check_mapping, check_sequence, check_words, shown
from linrep_core.figures.pieces import PALETTE, finish_figure, keep_height, rounded, style_menu


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
    dots = [[rounded(_log_odds(data, i, j, k)) for i, j in places] for k in range(len(strengths))]
    figure = go.Figure()
    for (i, j), bar, x in zip(places, bars[rest], dots[rest], strict=True):
        seen = {"visible": i == 0, "opacity": float(j == 0), "hoverinfo": "skip", "showlegend": False}
        figure.add_traces([_bar_trace(*bar, **seen), _dot_trace(x, data["pairs"], j, **seen)])
    for i in range(len(contexts)):
        x = rounded(np.array(data["log_odds"][i]))
        seen = {"visible": i == 0, "hoverinfo": "skip", "showlegend": False}
        figure.add_trace(_dot_trace(x, data["pairs"], None, **seen))
    n = 2 * len(places)
    of_context = [i for i, _ in places for _ in (0, 1)] + list(range(len(contexts)))
    of_concept = [j for _, j in places for _ in (0, 1)]
    told = [{"visible": [i == chosen for i in of_context]} for chosen in range(len(contexts))]
    steered = [{"opacity": [float(j == chosen) for j in of_concept]} for chosen in range(len(concepts))]
    labels = [f"{name}: {' → '.join(pair)}" for name, pair in zip(concepts, data["pairs"], strict=True)]
    menus = [
        style_menu("Text so far", [f"{text} …" for text in contexts], told) | {"x": 0, "y": 1.22, "xanchor": "left"},
        style_menu("Concept that is added", labels, steered, traces=n) | {"x": 0, "y": 1.1, "xanchor": "left"},
    ]
    slider = _strength_slider(strengths, bars, dots)
    figure.update_layout(updatemenus=menus, sliders=[slider], barmode="overlay", bargap=0.15)
    _place_explorer(figure, len(bars[rest][0][0]), float(np.abs(dots).max()))
    return keep_height(finish_figure(figure, _explorer_in_words(data), height=640))


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
    return [rounded(round(value, 4)) for value in values], [word.replace("<", "‹").replace(">", "›") for word in words]


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
