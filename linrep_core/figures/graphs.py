"""Figures of graphs: concepts that depend on each other, statements that use each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np
import plotly.graph_objects as go

from linrep_core._checks import check_instance, check_words, shown
from linrep_core.concepts import ConceptGraph
from linrep_core.figures.pieces import PALETTE, finish_figure, names_or_numbers, rounded


def concept_graph(graph: ConceptGraph, names: Sequence[str] | None = None) -> go.Figure:
    """The concepts as nodes: arrows of the DAG, or plain lines of a Markov random field."""
    check_instance("graph", graph, ConceptGraph)
    names = names_or_numbers(graph.n_concepts, names)
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
    return finish_figure(figure, f"A graph of {graph.n_concepts} concepts: {edges}.", height=300)


def moral_graph(graph: ConceptGraph, names: Sequence[str] | None = None) -> go.Figure:
    """The moral graph of a DAG: its arrows without heads, and dashed lines that join the parents of a common child."""
    check_instance("graph", graph, ConceptGraph)
    if graph.dag is None:
        raise ValueError("graph must have a DAG, got a Markov random field, which is its own moral graph")
    names = names_or_numbers(graph.n_concepts, names)
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
            x, y = ([rounded(v) for i, j in group for v in (place[i][k], place[j][k], np.nan)] for k in (0, 1))
            style = {"color": color, "dash": dash, "width": 2}
            figure.add_trace(go.Scatter(x=x, y=y, mode="lines", name=label, line=style, hoverinfo="skip"))
    _add_concepts(figure, place, names)
    figure.data[-1].showlegend = False
    figure.update_layout(legend={"orientation": "h", "y": -0.05})
    kept, joined = (", ".join(f"{names[i]} - {names[j]}" for i, j in group) or "none" for group in groups.values())
    description = f"A moral graph of {graph.n_concepts} concepts. Lines: {kept}. Joined parents: {joined}."
    return finish_figure(figure, description, height=300)


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
    x, y = rounded(np.array(ends).reshape(-1, 2).T)
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
                y=[rounded(place[label][1]) for label in labels],
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
    return finish_figure(figure, f"A graph of {len(graph)} statements ({counts}): {arrows_in_words}.", height=620)


def _source_group(source: str) -> str:
    """Whose statement it is: the paper's, this book's, or another's."""
    return "paper" if source.startswith("arXiv") else "this book" if source.startswith("this book") else "literature"


def _around_the_clock(n: int) -> dict[int, tuple[float, float]]:
    """Places on a circle, the first at the top, the next to its right."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    return {i: (rounded(np.cos(a)), rounded(np.sin(a))) for i, a in enumerate(angle)}


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
