"""Plotly figures of the book's objects: pure functions of data that compute nothing they could be given.

Every figure uses one colour-blind safe palette (Okabe and Ito), has a transparent background that follows the page's
theme, and carries a description for those who cannot see it in ``figure.layout.meta["description"]``.

One module a kind of picture; `pieces` is what they share. A new figure goes where its kind is, or into a module of its
own, and is named here.
"""

from __future__ import annotations

from linrep_core.figures.charts import (
    beside_the_paper,
    dose_response,
    intervals,
    intervals_slider,
    lines,
    means,
    strips,
    training_curves,
)
from linrep_core.figures.explorer import steering_explorer
from linrep_core.figures.graphs import concept_graph, moral_graph, statement_graph
from linrep_core.figures.phases import phase_map
from linrep_core.figures.pieces import DIVERGING, PALETTE, SEQUENTIAL
from linrep_core.figures.planes import plane_slider
from linrep_core.figures.shapes import value_space
from linrep_core.figures.spaces import (
    context_slider,
    equivalence_slider,
    pair_slider,
    unembedding_animation,
    unembedding_slider,
    unembedding_space,
)
from linrep_core.figures.tables import concept_dots, concept_heat_maps, cosine_heat_map, cosine_tables, next_token_table

__all__ = [
    "DIVERGING",
    "PALETTE",
    "SEQUENTIAL",
    "beside_the_paper",
    "concept_dots",
    "concept_graph",
    "concept_heat_maps",
    "context_slider",
    "cosine_heat_map",
    "cosine_tables",
    "dose_response",
    "equivalence_slider",
    "intervals",
    "intervals_slider",
    "lines",
    "means",
    "moral_graph",
    "next_token_table",
    "pair_slider",
    "phase_map",
    "plane_slider",
    "statement_graph",
    "steering_explorer",
    "strips",
    "training_curves",
    "unembedding_animation",
    "unembedding_slider",
    "unembedding_space",
    "value_space",
]
