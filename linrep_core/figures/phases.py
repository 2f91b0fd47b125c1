"""The phase diagram: what becomes of m concepts in d dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from linrep_core._checks import check_instance, check_integer, check_mapping, check_number, check_sequence
from linrep_core.figures.pieces import PALETTE, SEQUENTIAL, finish_figure, one_at_a_time, rounded, style_menu
from linrep_core.phase_diagram import Cell, Diagram
from linrep_core.reproduction import STUCK_ABOVE

PHASE_MEASURES = {
    "unembedding": "mean cosine",
    "alignment": "alignment",
    "excess_loss": "excess loss (nats)",
    "stuck": "share above the floor",
}


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
    figure = finish_figure(figure, description, height=430)
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
        table[cell.n_concepts, cell.dim] = rounded(value)
    return [[table.get((m, d)) for d in dims] for m in concepts]


def _diagram_menu(diagrams: Sequence[Diagram]) -> dict[str, Any]:
    n = len(diagrams)
    return style_menu("How it was trained", [diagram.title for diagram in diagrams], one_at_a_time(n), traces=n)


def _measure_menu(diagrams: Sequence[Diagram], concepts: Sequence[int], dims: Sequence[int]) -> dict[str, Any]:
    changes = []
    for measure, title in PHASE_MEASURES.items():
        tables = [_phase_table(diagram, measure, concepts, dims) for diagram in diagrams]
        changes.append({"z": tables, "zmax": 0.5 if measure == "excess_loss" else 1, "colorbar.title.text": title})
    return style_menu("What is shown", list(PHASE_MEASURES.values()), changes, traces=len(diagrams))
