"""Figures: they show what they were given, in words too, and the pages can draw them."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
from pathlib import Path

import networkx as nx
import numpy as np
import plotly.graph_objects as go
import pytest
from brute_force import all_contexts, all_tokens, next_token_row
from worlds import EDGES, dag_joint, dag_world, field_world

from linrep_core import ConceptGraph, LatentConditionalModel, Vocabulary, figures, linearity, train
from linrep_core.figures.charts import HISTORY_LABELS
from linrep_core.identifiability import tables
from linrep_core.logit_distance import near_zero_divergence_pair
from linrep_core.phase_diagram import MEASURES, Cell, Diagram
from linrep_core.reproduction import COSINES, Comparison, Estimate
from linrep_core.sentences import SentenceWorld
from linrep_core.training import HISTORY
from linrep_core.transformer_training import train_transformer

M = 2
MODEL = LatentConditionalModel(ConceptGraph.random(M, 1.0, seed=0))
WORDS = Vocabulary.court(M)
RUN = train(MODEL, 3, steps=40, n_snapshots=5, progress=False)
REPORT = linearity(MODEL, RUN.predictor)
POINTS = RUN.predictor.unembeddings.numpy()
READING = train_transformer(SentenceWorld(MODEL), n_layers=1, width=4, steps=10, progress=False)

SHAPES = {"arc": np.arange(12.0).reshape(1, 4, 3) ** 2, "ring": np.arange(24.0).reshape(2, 6, 2) % 5}
FIGURES = {
    "concept_graph": lambda: figures.concept_graph(dag_world()),
    "concept_graph of a field": lambda: figures.concept_graph(field_world(), names=list("abcd")),
    "moral_graph": lambda: figures.moral_graph(dag_world()),
    "next_token_table": lambda: figures.next_token_table(MODEL, [[1, -1], [-1, -1]], WORDS),
    "unembedding_space": lambda: figures.unembedding_space(POINTS, WORDS),
    "unembedding_animation": lambda: figures.unembedding_animation(RUN, WORDS),
    "unembedding_slider": lambda: figures.unembedding_slider({"0": POINTS, "1": 2 * POINTS}, WORDS, prefix="moved by "),
    "pair_slider": lambda: figures.pair_slider(
        PAIRS, {"divergence": [1e-2, 1e-9]}, x_title="length", y_title="nats", description="Two pairs."
    ),
    "context_slider": lambda: figures.context_slider({"0": NET, "1": 2 * NET}, range(6), (2, 3), values_title="nats"),
    "equivalence_slider": lambda: figures.equivalence_slider({"0": RUN.predictor, "1": FLAT}, WORDS, CONTEXT_NAMES),
    "value_space": lambda: figures.value_space(SHAPES, rings=["ring"]),
    "strips": lambda: figures.strips(STRIPS, x_title="share", description="Dots in two rows."),
    "training_curves": lambda: figures.training_curves(RUN),
    "cosine_heat_map": lambda: figures.cosine_heat_map(REPORT),
    "lines": lambda: figures.lines(
        {"one": ([1, 2], [3.0, 4.0]), "two": ([1, 2], [5.0, 6.0])}, x_title="x", y_title="y", description="Two lines."
    ),
    "lines that are points": lambda: figures.lines(
        {"cloud": ([1, 2], [3, 4])}, x_title="x", y_title="y", description="Two points.", joined=False
    ),
    "means": lambda: figures.means(
        {"one": {1: [3.0, 4.0], 2: [5.0]}}, x_title="x", y_title="y", description="A mean with its errors."
    ),
    "dose_response": lambda: figures.dose_response(
        {"noise": {"d = 3": {0: [1.0, 0.5], 0.1: [0.25]}, "d = 4": {0: [0.5]}}, "synonyms": {"d = 3": {0: [0.75]}}},
        x_title="strength",
        y_title="cosine",
    ),
    "training_curves of a transformer": lambda: figures.training_curves(READING),
    "concept_heat_maps": lambda: figures.concept_heat_maps({"here": HEAT, "paper": -HEAT / 2}, ["a", "b"]),
    "concept_dots": lambda: figures.concept_dots(DOTS, ["a", "b", "c"], x_title="cosine"),
    "steering_explorer": lambda: figures.steering_explorer(EXPLORER),
    "intervals": lambda: figures.intervals(
        {"here": {"model": [0.5, 0.25, 1.0], "bag": [0.75, 0.5, 1.5]}, "paper": {"model": [0.25, np.nan, np.nan]}},
        x_title="cosine",
        description="Two models.",
    ),
    "intervals_slider": lambda: figures.intervals_slider(
        {
            "early": {
                "here": {"d = 3": [0.5, 0.25, 1.0], "d = 12": [0.75, 0.5, 1.5]},
                "there": {"d = 3": [0.5, 0.5, 1]},
            },
            "late": {
                "here": {"d = 3": [0.25, 0.25, 0.5], "d = 12": [0.5, 0.5, 0.5]},
                "there": {"d = 3": [2.0, 1.0, 3.0]},
            },
        },
        x_title="cosine",
        prefix="when ",
        description="Two moments.",
    ),
    "plane_slider": lambda: figures.plane_slider(
        {"0.5": {"one": [[1, 0], [0, 2]], "two": [[3, 3]]}, "0.1": {"one": [[0, 1], [1, 1]], "two": [[0, 4]]}},
        prefix="p = ",
        description="Words in the plane.",
    ),
    "statement_graph": lambda: figures.statement_graph(statements()),
    "phase_map": lambda: figures.phase_map([diagram("small"), diagram("large")], {2: (3, 0.268), 5: (25, 0.13)}),
    "cosine_tables": lambda: figures.cosine_tables({"here": np.eye(2), "paper": np.full((2, 2), 0.5)}, ["a", "b"]),
    "beside_the_paper": lambda: figures.beside_the_paper({"m = 3": comparisons(0.97), "m = 4": comparisons(0.5)}),
}

PAIRS = {10: near_zero_divergence_pair(10.0), 40: near_zero_divergence_pair(40.0)}
NET = np.column_stack([[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [0, 0, 1, 0, 0, -1]])
CONTEXT_NAMES = [WORDS.describe(context) for context in all_contexts(M)]
FLAT = (RUN.predictor.embeddings[:, :2], RUN.predictor.unembeddings[:, :2])
STRIPS = {"probe": {"seen": [0.1, 0.1, 0.2, 0.3], "whole": [0.5]}, "steering": {"whole": [0.75, 1.0]}}
HEAT = np.array([[0.5, -0.25], [0.125, 1.0]])
DOTS = {"one": {"paper": [1, 2, 3], "here": [0.1, 0.3, 0.2]}, "two": {"paper": [3, 2, 1], "here": [0.5, 0.4, 0.3]}}
EXPLORER = {
    "contexts": ["one", "two"],
    "concepts": ["sex", "number"],
    "strengths": [-2, 0, 2],
    "pairs": [["king", "queen"], ["book", "books"]],
    "tokens": [[[[f" {i}{j}{k}", " base", "<b>"] for k in range(3)] for j in range(2)] for i in range(2)],
    "probabilities": [[[[0.5, i / 10, (j + k) / 10] for k in range(3)] for j in range(2)] for i in range(2)],
    "log_odds": [[0.5, -0.5], [1.0, -1.0]],
    "slopes": [[1.0, 0.25], [0.125, 1.0]],
}


def diagram(start):
    """Three cells, of two sizes, whose mean cosine is m / 10 + d / 100 (and a tenth of it from a large start)."""
    cells = []
    for m, d in ((2, 2), (2, 4), (3, 3)):
        cosine = (m / 10 + d / 100) * (1.0 if start == "small" else 0.1)
        means = {name: Estimate(cosine if name == "unembedding" else 0.25, 0.01) for name in MEASURES}
        cells.append(Cell(m, d, 4, means, n_stuck=1, n_diverged=2))
    return Diagram("adam", start, "masked", tuple(cells))


def comparisons(mean):
    """The three printed numbers of a row beside ours, which all have this mean."""
    printed, ours = Estimate(0.98, 0.02), Estimate(mean, 0.01)
    return [Comparison(measure, printed, ours) for measure in COSINES]


def statements():
    """Two statements used in the proof of a third, and one used in the proof of the second."""
    graph = nx.DiGraph([("lem-a", "thm-b"), ("thm-b", "thm-c"), ("lem-a", "thm-c"), ("thm-d", "thm-c")])
    sources = {"lem-a": "arXiv 1, Lemma 1", "thm-b": "this book", "thm-c": "this book, after arXiv 1", "thm-d": "Euler"}
    for label, source in sources.items():
        graph.nodes[label].update(title=f"title of {label}", source=source)
    return graph


@pytest.fixture(params=FIGURES)
def figure(request):
    return FIGURES[request.param]()


def walk(value):
    """Every key and plain value of nested dicts and lists."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield key, entry
            yield from walk(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from walk(entry)


def plain(figure):
    return json.loads(figure.to_json())


def rounded(values):
    return [float(f"{value:.5g}") for value in np.ravel(values)]


def bundles():
    """The trace types that the site's plotly bundles draw, from the site's own table."""
    path = Path(__file__).parents[2] / "book" / "_ext" / "linrep_site" / "assets.py"
    spec = importlib.util.spec_from_file_location("site_assets", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PLOTLY_BUNDLES


# ---- what every figure has --------------------------------------------------------------------------------------


def test_every_public_figure_is_tested_here():
    public = {name for name, value in vars(figures).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert public == {name.split()[0] for name in FIGURES}


def test_it_is_a_plotly_figure_that_survives_json(figure):
    assert isinstance(figure, go.Figure)
    again = go.Figure(plain(figure), skip_invalid=False)
    assert plain(again) == plain(figure)
    assert "NaN" not in figure.to_json()
    assert "bdata" not in figure.to_json()  # lists of numbers: the older bundles cannot read packed arrays


def test_it_says_in_words_what_it_shows(figure):
    description = figure.layout.meta["description"]
    assert not description[0].islower()
    assert description.endswith((".", "!"))
    assert len(description) >= 10
    assert "nan" not in description


def test_one_bundle_of_the_site_draws_all_its_traces(figure):
    types = {trace.type for trace in figure.data}
    types |= {trace.type for frame in figure.frames for trace in frame.data}
    assert any(types <= drawn for drawn in bundles().values()), types


def test_its_colours_come_from_the_palettes(figure):
    scales = {colour for scale in (figures.SEQUENTIAL, figures.DIVERGING) for _, colour in scale}
    allowed = {*figures.PALETTE, *scales, "rgba(0,0,0,0)"}
    found = set()
    for _, value in walk(plain(figure)):
        entries = value if isinstance(value, list) else [value]
        found |= {e for e in entries if isinstance(e, str) and re.fullmatch(r"#[0-9A-Fa-f]{3,8}|rgba?\(.*\)", e)}
        found |= {e for e in entries if isinstance(e, str) and e in {"red", "blue", "green", "black", "white"}}
    assert found <= allowed


def test_it_follows_the_theme_of_the_page(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert not plain(figure)["layout"].get("template", {}).get("layout")
    assert figure.layout.height >= 260
    assert figure.layout.width is None  # as wide as the column


def test_the_palette_can_be_told_apart_by_the_colour_blind():
    """Lightness alone, and hue through the eyes of a deuteranope, leaves no two neighbours alike."""
    to_linear = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in figures.PALETTE]) ** 2.2
    # Vienot, Brettel and Mollon (1999): the red and green channels as seen without green cones
    seen = to_linear @ np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]).T
    seen = np.clip(seen, 0, 1) ** (1 / 2.2)
    assert len(set(figures.PALETTE)) == len(figures.PALETTE)
    for first in range(5):
        for second in range(first):
            assert np.linalg.norm(seen[first] - seen[second]) > 0.12, (first, second)


# ---- what each shows --------------------------------------------------------------------------------------------


def test_graph_has_a_node_for_each_concept_and_an_arrow_for_each_edge():
    figure = figures.concept_graph(dag_world())
    (nodes,) = figure.data
    assert list(nodes.text) == ["C0", "C1", "C2", "C3"]
    place = dict(enumerate(zip(nodes.x, nodes.y, strict=True)))
    assert len(set(place.values())) == 4
    arrows = [((a.ax, a.ay), (a.x, a.y)) for a in figure.layout.annotations]
    assert sorted(arrows) == sorted((place[i], place[j]) for i, j in EDGES)
    assert {a.arrowhead for a in figure.layout.annotations} == {2}
    assert figure.layout.meta["description"] == ("A graph of 4 concepts: C0 -> C1, C2 -> C0, C3 -> C0, C3 -> C1.")
    assert len(set(nodes.marker.color)) == 4


def test_graph_of_a_field_has_lines_without_heads():
    figure = figures.concept_graph(field_world(), names=["a", "b", "c", "d"])
    assert {a.arrowhead for a in figure.layout.annotations} == {0}
    assert len(figure.layout.annotations) == 3
    assert figure.layout.meta["description"] == "A graph of 4 concepts: a - b, a - c, b - d."


def test_graph_without_edges_says_so():
    lonely = nx.DiGraph()
    lonely.add_node(0)
    figure = figures.concept_graph(ConceptGraph.from_dag(lonely, [0.5]))
    assert figure.layout.meta["description"].endswith("no edges.")


def test_moral_graph_joins_the_parents_of_a_common_child():
    figure = figures.moral_graph(dag_world(), names=["a", "b", "c", "d"])
    kept, joined, nodes = figure.data
    place = dict(zip(nodes.text, zip(nodes.x, nodes.y, strict=True), strict=True))
    found = {
        trace.name: [(trace.x[k], trace.y[k], trace.x[k + 1], trace.y[k + 1]) for k in range(0, len(trace.x), 3)]
        for trace in (kept, joined)
    }
    wanted = {"from an arrow": ["ab", "ac", "ad", "bd"], "joined parents": ["cd"]}
    for label, pairs in wanted.items():
        ends = [[*rounded(place[pair[0]]), *rounded(place[pair[1]])] for pair in pairs]
        assert [list(line) for line in found[label]] == ends
    assert kept.line.dash != joined.line.dash
    assert figure.layout.meta["description"] == (
        "A moral graph of 4 concepts. Lines: a - b, a - c, a - d, b - d. Joined parents: c - d."
    )


def test_moral_graph_needs_a_dag():
    with pytest.raises(ValueError, match="graph must have a DAG"):
        figures.moral_graph(field_world())


def test_moral_graph_tells_arrows_from_joined_parents():
    figure = figures.moral_graph(dag_world())
    kept, joined, nodes = figure.data
    place = list(zip(nodes.x, nodes.y, strict=True))
    pieces = {}
    for trace in (kept, joined):
        rows = list(zip(trace.x, trace.y, strict=True))
        assert all(row == (None, None) for row in rows[2::3])
        pieces[trace.name] = {frozenset(ends) for ends in zip(rows[0::3], rows[1::3], strict=True)}

    def ends(i, j):
        return frozenset(tuple(float(f"{v:.5g}") for v in place[k]) for k in (i, j))

    assert pieces["from an arrow"] == {ends(i, j) for i, j in EDGES}
    assert pieces["joined parents"] == {ends(2, 3)}
    assert kept.line.dash != joined.line.dash
    assert kept.line.color != joined.line.color
    assert figure.layout.meta["description"] == (
        "A moral graph of 4 concepts. Lines: C0 - C1, C0 - C2, C0 - C3, C1 - C3. Joined parents: C2 - C3."
    )


def test_table_shows_the_conditional_probabilities():
    model, joint = LatentConditionalModel(dag_world()), dag_joint()
    contexts = [[1, -1, 0, -1], [-1, -1, -1, -1]]
    figure = figures.next_token_table(model, contexts)
    (heat,) = figure.data
    for row, context in zip(heat.z, contexts, strict=True):
        assert list(row) == rounded(next_token_row(joint, context))
    assert list(heat.x) == ["".join(map(str, token)) for token in all_tokens(4)]
    assert list(heat.y) == ["C0=1, ?, C2=0, ?", "?, ?, ?, ?"]
    assert (heat.zmin, heat.zmax) == (0, pytest.approx(np.max(heat.z), rel=1e-4))
    assert "2 contexts by 16 tokens. 12 of the 32 entries are zero" in figure.layout.meta["description"]


def test_table_of_all_contexts_is_the_default():
    figure = figures.next_token_table(MODEL, vocabulary=WORDS)
    assert list(figure.data[0].y) == [WORDS.describe(x) for x in all_contexts(M)]
    assert list(figure.data[0].x) == list(WORDS.tokens)


def drawn_points(trace):
    return {word: point for word, *point in zip(trace.text, trace.x, trace.y, trace.z, strict=True)}


def test_space_has_a_point_for_each_token_coloured_by_one_concept():
    figure = figures.unembedding_space(POINTS, WORDS, color_by=1)
    points = [trace for trace in figure.data if "markers" in trace.mode]
    assert [trace.name for trace in points] == ["male", "female"]
    assert [list(trace.text) for trace in points] == [["man", "king"], ["woman", "queen"]]
    for trace in points:
        for word, point in drawn_points(trace).items():
            assert point == rounded(POINTS[WORDS.tokens.index(word)])
    assert len({trace.marker.color for trace in points}) == len({trace.marker.symbol for trace in points}) == 2
    assert "coloured by female" in figure.layout.meta["description"]


def segments(trace):
    """The pieces of a line trace: pairs of end points between gaps."""
    rows = list(zip(trace.x, trace.y, trace.z, strict=True))
    assert all(row == (None, None, None) for row in rows[2::3])
    return list(zip(rows[0::3], rows[1::3], strict=True))


def test_space_joins_tokens_that_differ_in_one_concept_from_0_to_1():
    figure = figures.unembedding_space(POINTS, WORDS)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [trace.name for trace in lines] == ["commoner → royal", "male → female"]
    place = {token: tuple(rounded(POINTS[y])) for y, token in enumerate(all_tokens(M))}
    assert segments(lines[0]) == [(place[0, 0], place[1, 0]), (place[0, 1], place[1, 1])]
    assert segments(lines[1]) == [(place[0, 0], place[0, 1]), (place[1, 0], place[1, 1])]
    assert len({trace.line.color for trace in lines}) == 2
    only = figures.unembedding_space(POINTS, WORDS, concepts=[1])
    assert [trace.name for trace in only.data if trace.mode == "lines"] == ["male → female"]


@pytest.mark.parametrize("dim", [1, 2])
def test_space_of_fewer_dimensions_is_flat(dim):
    figure = figures.unembedding_space(POINTS[:, :dim], WORDS)
    for trace in figure.data:
        if "markers" in trace.mode:
            flat = [trace.y, trace.z] if dim == 1 else [trace.z]
            assert all(set(values) == {0.0} for values in flat)


def test_space_shows_everything_within_a_cube():
    figure = figures.unembedding_space(POINTS, WORDS)
    ranges = {tuple(figure.layout.scene[axis].range) for axis in ("xaxis", "yaxis", "zaxis")}
    ((low, high),) = ranges
    assert low == -high
    assert 1.5 * np.abs(POINTS).max() > high > np.abs(POINTS).max()
    assert figure.layout.scene.aspectmode == "cube"


def test_animation_has_a_frame_for_each_snapshot_and_shows_the_last_first():
    figure = figures.unembedding_animation(RUN, WORDS, [1], color_by=1)
    steps = [str(snapshot.step) for snapshot in RUN.snapshots]
    assert [frame.name for frame in figure.frames] == steps
    assert [step.label for step in figure.layout.sliders[0].steps] == steps
    assert [list(step.args[0]) for step in figure.layout.sliders[0].steps] == [[step] for step in steps]
    assert figure.layout.sliders[0].active == len(steps) - 1
    for frame, snapshot in zip(figure.frames, RUN.snapshots, strict=True):
        for trace in frame.data[1:]:
            for word, point in drawn_points(trace).items():
                assert point == rounded(snapshot.unembeddings[WORDS.tokens.index(word)])
    assert [trace.to_plotly_json() for trace in figure.data] == [
        trace.to_plotly_json() for trace in figure.frames[-1].data
    ]
    assert [button.label for button in figure.layout.updatemenus[0].buttons] == ["Play", "Pause"]
    high = figure.layout.scene.xaxis.range[1]
    assert high > max(np.abs(snapshot.unembeddings).max() for snapshot in RUN.snapshots)
    assert "over 40 training steps, coloured by female" in figure.layout.meta["description"]


def test_slider_has_a_frame_for_each_table_and_shows_the_first():
    tables = {"0": POINTS, "1 nat": 2 * POINTS, "2 nats": -POINTS}
    figure = figures.unembedding_slider(tables, WORDS, [1], color_by=1, prefix="moved by ")
    (slider,) = figure.layout.sliders
    assert [frame.name for frame in figure.frames] == [step.label for step in slider.steps] == list(tables)
    assert [list(step.args[0]) for step in slider.steps] == [[label] for label in tables]
    assert (slider.active, slider.currentvalue.prefix) == (0, "moved by ")
    for frame, table in zip(figure.frames, tables.values(), strict=True):
        for trace in frame.data[1:]:
            for word, point in drawn_points(trace).items():
                assert point == rounded(table[WORDS.tokens.index(word)])
    assert [trace.to_plotly_json() for trace in figure.data] == [
        trace.to_plotly_json() for trace in figure.frames[0].data
    ]
    assert figure.layout.scene.xaxis.range[1] > 2 * np.abs(POINTS).max()
    assert "at 3 places of a slider, coloured by female; the first frame" in figure.layout.meta["description"]


def test_pairs_have_a_frame_for_each_place_to_scale_and_a_dot_on_each_curve():
    figure = FIGURES["pair_slider"]()
    (slider,) = figure.layout.sliders
    assert [frame.name for frame in figure.frames] == [step.label for step in slider.steps] == ["10", "40"]
    for frame, (length, pair), divergence in zip(figure.frames, PAIRS.items(), (1e-2, 1e-9), strict=True):
        for trace, (f, g) in zip(frame.data[:4:2], pair, strict=True):
            np.testing.assert_allclose(np.column_stack([trace.x, trace.y]), f / 40, atol=1e-4)
            assert list(trace.marker.color) == [figures.PALETTE[token] for token in (f @ g.T).argmax(axis=1)]
        dot = frame.data[4]
        assert (list(dot.x), list(dot.y)) == ([length], [divergence])
    assert list(figure.data[5].y) == [1e-2, 1e-9]
    assert slider.active == 1
    assert list(figure.data[4].x) == [40]  # the middle one of two


def test_context_slider_joins_neighbours_and_says_how_bent_the_net_is():
    flat, values = NET[:, :2], [-3, 1, 2, 0, 0, 0]
    figure = figures.context_slider({"a": flat, "b": NET}, values, (2, 3), prefix="at ", values_title="evidence")
    (slider,) = figure.layout.sliders
    assert [frame.name for frame in figure.frames] == [step.label for step in slider.steps] == ["a", "b"]
    assert (slider.active, slider.currentvalue.prefix) == (0, "at ")
    for frame, points in zip(figure.frames, (np.pad(flat, ((0, 0), (0, 1))), NET), strict=True):
        net, knots = frame.data
        assert np.column_stack([knots.x, knots.y, knots.z]).tolist() == points.tolist()
        assert list(knots.marker.color) == values
        threads = [[]]
        for place in zip(net.x, net.y, net.z, strict=True):
            threads[-1].append(place) if None not in place else threads.append([])
        joined = [[points.tolist().index(list(place)) for place in thread] for thread in threads if thread]
        assert joined == [[0, 1, 2], [3, 4, 5], [0, 3], [1, 4], [2, 5]]
    assert [trace.to_plotly_json() for trace in figure.data] == [
        trace.to_plotly_json() for trace in figure.frames[0].data
    ]
    assert figure.data[1].marker.cmax == -figure.data[1].marker.cmin == 3
    off = np.linalg.svd(NET - NET.mean(axis=0), compute_uv=False)
    description = figure.layout.meta["description"]
    assert f"by place: a: 0.000, b: {off[2] / np.linalg.norm(off):.3f}. Drag" in description
    assert "coloured by evidence" in description


def test_equivalence_slider_shows_each_predictor_above_its_own_probabilities():
    predictors = {"trained": RUN.predictor, "flat": FLAT, "even": (np.zeros((9, 3)), POINTS)}
    figure = figures.equivalence_slider(predictors, WORDS, CONTEXT_NAMES, color_by=1, prefix="now: ")
    (slider,) = figure.layout.sliders
    assert [frame.name for frame in figure.frames] == [step.label for step in slider.steps] == list(predictors)
    assert (slider.active, slider.currentvalue.prefix) == (0, "now: ")
    assert [trace.to_plotly_json() for trace in figure.data] == [
        trace.to_plotly_json() for trace in figure.frames[0].data
    ]
    for frame, predictor in zip(figure.frames, predictors.values(), strict=True):
        f, g = tables(predictor)
        logits = np.exp(f @ g.T)
        wanted = logits / logits.sum(axis=1, keepdims=True)
        *words, contexts, bars, numbers = frame.data[2:]
        assert [trace.name for trace in words] == ["male", "female"]
        for trace in words:
            for word, point in drawn_points(trace).items():
                assert point[: g.shape[1]] == rounded(g[WORDS.tokens.index(word)])
        drawn = drawn_points(contexts)
        assert list(drawn) == CONTEXT_NAMES
        assert [point[: f.shape[1]] for point in drawn.values()] == [rounded(row) for row in f]
        assert list(numbers.text) == [*CONTEXT_NAMES, *(f"{value:.2f}" for value in wanted.ravel())]
        x, y = np.array([np.nan if v is None else v for v in bars.x]).reshape(-1, 3), list(bars.y)
        assert np.allclose((x[:, 1] - x[:, 0]) / 0.45, wanted.ravel(), atol=5e-4)
        assert np.floor(x[:, 0]).tolist() == list(range(4)) * 9
        assert y == [row for row in range(9) for _ in range(12)]


def test_equivalence_slider_says_how_much_the_probabilities_change():
    same = {"one": FLAT, "other": (2 * FLAT[0], FLAT[1] / 2)}
    words = figures.equivalence_slider(same, WORDS, CONTEXT_NAMES).layout.meta["description"]
    assert "The largest change of a probability is 0.00." in words
    flat, even = {"one": FLAT, "other": (0 * FLAT[0], FLAT[1])}, np.full((9, 4), 0.25)
    logits = np.exp((FLAT[0] @ FLAT[1].T).numpy())
    change = np.abs(logits / logits.sum(axis=1, keepdims=True) - even).max()
    words = figures.equivalence_slider(flat, WORDS, CONTEXT_NAMES).layout.meta["description"]
    assert f"The largest change of a probability is {change:.2f}." in words
    assert change > 0.1


def test_values_are_joined_in_their_order_and_a_list_shows_one_concept_at_a_time():
    figure = FIGURES["value_space"]()
    assert [trace.visible for trace in figure.data] == [True, True, False, False]
    arc, ring = figure.data[0], figure.data[2]
    assert sum(x is None for x in arc.x) == 1
    assert ring.x[0] == ring.x[6]  # closed
    assert sum(x is None for x in ring.x) == 2  # a gap after each group
    assert list(figure.data[3].text) == [*"012345", *"012345"]
    (menu,) = figure.layout.updatemenus
    assert [button.label for button in menu.buttons] == ["arc", "ring"]
    assert "ring: 1.00" in figure.layout.meta["description"]


def test_strips_have_a_dot_for_each_value_in_the_row_of_its_name():
    figure = FIGURES["strips"]()
    seen, whole = figure.data
    assert (seen.name, whole.name) == ("seen", "whole")
    assert list(seen.x) == [0.1, 0.1, 0.2, 0.3]
    assert list(whole.x) == [0.5, 0.75, 1.0]
    assert list(figure.layout.yaxis.ticktext) == ["probe", "steering"]
    assert [round(value) for value in (*seen.y, *whole.y)] == [0, 0, 0, 0, 0, 1, 1]
    assert max(seen.y) < whole.y[0]  # the series do not mix
    assert len(set(seen.y)) == 3
    assert seen.marker.symbol != whole.marker.symbol
    assert figure.layout.xaxis.title.text == "share"


def test_curves_show_the_history():
    figure = figures.training_curves(RUN)
    shown = {trace.name: trace for trace in figure.data}
    assert list(shown) == ["excess loss", *HISTORY_LABELS.values()]
    for name, label in {"excess_loss": "excess loss", **HISTORY_LABELS}.items():
        assert name in HISTORY
        assert list(shown[label].y) == rounded(RUN.history[name])
        assert list(shown[label].x) == rounded(RUN.history["step"] + 1)
        assert shown[label].yaxis == (None if name == "excess_loss" else "y2")
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == 5
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    first, last = RUN.history["excess_loss"][[0, -1]]
    assert f"falls from {first:.2f} to {last:.4f} nats" in figure.layout.meta["description"]


def test_curves_leave_out_what_a_single_concept_does_not_have():
    run = train(LatentConditionalModel(ConceptGraph.random(1, seed=0)), 2, steps=5, progress=False)
    assert [trace.name for trace in figures.training_curves(run).data][-1] == "between the two"


def test_heat_map_shows_the_cosines():
    figure = figures.cosine_heat_map(REPORT, names=["royal", "female"])
    (heat,) = figure.data
    assert rounded(heat.z) == rounded(REPORT.heat_map)
    assert [list(row) for row in heat.text] == [[f"{value:.2f}" for value in row] for row in REPORT.heat_map]
    assert list(heat.x) == list(heat.y) == ["royal", "female"]
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert f"{REPORT.unembedding.min():.2f} to {REPORT.unembedding.max():.2f}" in figure.layout.meta["description"]


def test_cosine_tables_show_one_table_at_a_time():
    figure = FIGURES["cosine_tables"]()
    here, paper = figure.data
    assert (here.visible, paper.visible) == (True, False)
    assert rounded(here.z) == [1.0, 0.0, 0.0, 1.0]
    (menu,) = plain(figure)["layout"]["updatemenus"]
    assert [button["label"] for button in menu["buttons"]] == ["here", "paper"]
    assert menu["buttons"][1]["args"] == [{"visible": [False, True]}, [0, 1]]
    assert "here: on the diagonal 1.00 to 1.00, elsewhere 0.00 to 0.00" in figure.layout.meta["description"]


def test_lines_show_their_series_and_leave_a_gap_for_nan():
    series = {"up": ([1, 10, 100], [0.123456789, np.nan, 2.0]), "down": (np.array([1.0]), np.array([3.0]))}
    figure = figures.lines(series, x_title="steps", y_title="loss", description="Up and down.", log="x")
    up, down = figure.data
    assert (list(up.x), list(up.y)) == ([1.0, 10.0, 100.0], [0.12346, None, 2.0])
    assert (list(down.x), list(down.y)) == ([1.0], [3.0])
    assert (up.name, down.name) == ("up", "down")
    assert up.line.color != down.line.color
    assert up.line.dash != down.line.dash
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("steps", "loss")
    assert figure.layout.meta["description"] == "Up and down."


@pytest.mark.parametrize(
    ("log", "types"),
    [("", ("linear", "linear")), ("x", ("log", "linear")), ("y", ("linear", "log")), ("xy", ("log", "log"))],
)
def test_lines_take_logarithmic_axes(log, types):
    figure = figures.lines({"a": ([1, 2], [1, 2])}, x_title="x", y_title="y", description="A line.", log=log)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == types


def test_means_are_those_of_the_runs_with_two_standard_errors():
    runs = {"one": {8: [1.0, 3.0], 16: [4.0]}, "two": {8: [0.0, 0.0, 3.0]}}
    figure = figures.means(runs, x_title="width", y_title="cosine", description="Up.", log="x")
    one, two = figure.data
    assert (list(one.x), list(one.y)) == ([8.0, 16.0], [2.0, 4.0])
    assert list(one.error_y.array) == [2.0, 0.0]  # a single run has no error
    assert (list(two.y), list(two.error_y.array)) == ([1.0], [2.0])
    assert (one.name, two.name) == ("one", "two")
    assert one.line.color != two.line.color
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "linear")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("width", "cosine")
    assert figure.layout.meta["description"] == "Up."


def test_each_chart_of_doses_shows_its_own_means_and_no_other():
    figure = FIGURES["dose_response"]()
    wide, narrow, other = figure.data
    assert (list(wide.x), list(wide.y), list(wide.error_y.array)) == ([0.0, 0.1], [0.75, 0.25], [0.5, 0.0])
    assert [trace.visible for trace in (wide, narrow, other)] == [True, True, False]
    (menu,) = figure.layout.updatemenus
    assert [button.label for button in menu.buttons] == ["noise", "synonyms"]
    assert list(menu.buttons[1].args[0]["visible"]) == [False, False, True]
    assert (narrow.line.color, other.line.color) == (figures.PALETTE[1], wide.line.color)
    low, high = figure.layout.yaxis.range
    assert low < 0 < 1 < high
    told = figure.layout.meta["description"]
    assert "noise: d = 3 from 0.75 to 0.25, d = 4 from 0.50 to 0.50; synonyms: d = 3 from 0.75" in told


def test_the_plane_has_a_line_to_each_point_of_its_first_group_and_one_scale_for_all_places():
    figure = FIGURES["plane_slider"]()
    spokes, dots = figure.data
    assert (spokes.x, spokes.y) == ((0, 1, None, 0, 0, None), (0, 0, None, 0, 2, None))
    assert (list(dots.x), list(dots.y), dots.mode) == ([3], [3], "markers")
    assert [frame.name for frame in figure.frames] == ["0.5", "0.1"]
    assert list(figure.frames[1].data[1].y) == [4]
    assert figure.layout.xaxis.range == figure.layout.yaxis.range == pytest.approx((-4.4, 4.4))
    assert figure.layout.yaxis.scaleanchor == "x"


def test_curves_of_a_transformer_are_its_history():
    by_name = {trace.name: trace for trace in figures.training_curves(READING).data}
    assert by_name["between the two"].y == pytest.approx(READING.history["alignment"], abs=1e-4)
    assert by_name["excess loss"].y == pytest.approx(READING.history["excess_loss"], rel=1e-4)


def test_statements_stand_to_the_right_of_what_they_use_coloured_by_source():
    graph = statements()
    edges, *groups = figures.statement_graph(graph).data
    column = {row[0]: x for trace in groups for row, x in zip(trace.customdata, trace.x, strict=True)}
    assert all(column[used] < column[user] for used, user in graph.edges)
    assert {trace.name: [row[0] for row in trace.customdata] for trace in groups} == {
        "paper": ["lem-a"],
        "this book": ["thm-b", "thm-c"],
        "literature": ["thm-d"],
    }
    assert len({trace.marker.color for trace in groups}) == 3
    assert sum(x is None or np.isnan(x) for x in edges.x) == graph.number_of_edges()


def test_statements_in_a_circle_are_refused():
    with pytest.raises(ValueError, match="graph must have no cycle"):
        figures.statement_graph(nx.DiGraph([("a", "b"), ("b", "a")]))


def test_means_stand_beside_the_papers_with_two_standard_errors():
    figure = FIGURES["beside_the_paper"]()
    assert [trace.name for trace in figure.data[:2]] == ["unembedding, paper", "unembedding, here"]
    for trace, means, bar in zip(figure.data, [[0.98, 0.98], [0.97, 0.5]] * 3, [0.04, 0.02] * 3, strict=True):
        assert list(trace.y) == means
        assert list(trace.error_y.array) == [bar, bar]
    places = np.array([trace.x for trace in figure.data])
    assert (np.abs(places - np.round(places)) < 0.3).all()
    assert len(np.unique(places)) == places.size  # nothing covers anything
    assert "3 of 6 agree" in figure.layout.meta["description"]


def test_a_phase_map_shows_each_cell_once_and_says_what_it_is():
    figure = FIGURES["phase_map"]()
    first, second, diagonal, marks = figure.data
    assert [list(row) for row in first.z] == [[None, 0.22, None, 0.24], [None, None, 0.33, None]]
    assert second.z[0][1] == pytest.approx(0.022)
    assert (first.visible, second.visible) == (True, False)
    words, address = first.customdata[0][1]
    runs = "4 runs, 1 of them more than 0.03 nats above the floor, 2 diverged"
    assert words == f"m = 2, d = 2: cosine 0.22, alignment 0.25, excess loss 0.250 nats ({runs})."
    assert address.startswith("lab=1&m=2&d=2&")
    assert list(first.customdata[0][0]) == ["", ""]
    assert list(diagonal.x) == list(diagonal.y) == [2, 3]
    assert (list(marks.x), list(marks.y), list(marks.text)) == ([3], [2], ["0.27"])  # for five concepts there is no row
    assert figure.layout.meta["tells"]


def test_the_lists_of_a_phase_map_choose_a_diagram_and_a_measure():
    runs, measures = plain(FIGURES["phase_map"]())["layout"]["updatemenus"]
    assert runs["buttons"][1]["label"] == "adam, large start, masked contexts"
    assert runs["buttons"][1]["args"] == [{"visible": [False, True]}, [0, 1]]
    change, traces = measures["buttons"][3]["args"]
    assert measures["buttons"][3]["label"] == "share above the floor"
    assert change["z"][0] == [[None, 0.25, None, 0.25], [None, None, 0.25, None]]
    assert traces == [0, 1]


def test_many_tables_share_one_scale_and_a_list_chooses():
    figure = FIGURES["concept_heat_maps"]()
    first, second = figure.data
    assert [list(row) for row in first.z] == HEAT.tolist()
    assert [list(row) for row in second.z] == [[-0.25, 0.125], [-0.062, -0.5]]
    assert {(trace.zmin, trace.zmax) for trace in figure.data} == {(-1.0, 1.0)}
    assert (first.visible, second.visible) == (True, False)
    (menu,) = plain(figure)["layout"]["updatemenus"]
    assert [(button["label"], button["args"]) for button in menu["buttons"]] == [
        ("here", [{"visible": [True, False]}]),
        ("paper", [{"visible": [False, True]}]),
    ]
    told = "here: mean within the concepts 0.750, between them 0.188 in absolute value"
    assert told in figure.layout.meta["description"]
    assert not figures.concept_heat_maps({"here": HEAT}, ["a", "b"]).layout.updatemenus


def test_a_place_on_the_slider_shows_its_own_estimates_on_a_common_axis():
    figure = FIGURES["intervals_slider"]()
    assert [frame.name for frame in figure.frames] == ["early", "late"]
    assert list(figure.data[0].x) == list(figure.frames[0].data[0].x) == [0.5, 0.5]
    assert list(figure.frames[1].data[0].x) == [0.25, 2.0]
    assert list(figure.frames[1].data[1].error_x.array) == [0.0]
    low, high = figure.layout.xaxis.range
    assert low < 0
    assert high > 2


def test_estimates_stand_in_their_row_with_their_intervals():
    model, bag = FIGURES["intervals"]().data
    assert (model.name, list(model.x), list(model.text)) == ("model", [0.5, 0.25], ["here", "paper"])
    assert (list(model.error_x.arrayminus), list(model.error_x.array)) == ([0.25, 0], [0.5, 0])
    assert (bag.name, list(bag.x), list(bag.text)) == ("bag", [0.75], ["here"])
    # each in its row, and not on top of each other
    assert np.round(model.y).tolist() == [0, 1]
    assert round(bag.y[0]) == 0
    assert bag.y[0] != model.y[0]
    assert model.marker.symbol != bag.marker.symbol


def test_dots_stand_in_the_row_of_their_concept():
    figure = FIGURES["concept_dots"]()
    paper, here = figure.data
    assert (paper.name, here.name) == ("paper", "here")
    assert (list(paper.x), list(here.x)) == ([1, 2, 3], [0.1, 0.3, 0.2])
    assert list(paper.y) == list(here.y) == ["a", "b", "c"]
    assert paper.marker.symbol != here.marker.symbol
    (menu,) = plain(figure)["layout"]["updatemenus"]
    assert menu["buttons"][1]["args"] == [{"x": [[3, 2, 1], [0.5, 0.4, 0.3]]}]
    description = figure.layout.meta["description"]
    assert "one: largest for c 3.00 in paper, b 0.30 in here" in description
    assert "two: largest for a 3.00 in paper, a 0.50 in here" in description
    assert figure.layout.meta["tall"]
    assert not figures.concept_dots({"one": DOTS["one"]}, ["a", "b", "c"], x_title="cosine").layout.updatemenus


def test_an_explorer_shows_what_its_lists_and_its_slider_say():
    drawn = plain(FIGURES["steering_explorer"]())
    traces, layout = drawn["data"], drawn["layout"]
    context, concept = ([button["args"] for button in menu["buttons"]] for menu in layout["updatemenus"])
    (slider,) = layout["sliders"]
    assert slider["active"] == 1
    assert [step["label"] for step in slider["steps"]] == ["-2", "0", "+2"]
    for i in range(2):
        for j in range(2):
            for k in range(3):
                visible, opacity = context[i][0]["visible"], [*concept[j][0]["opacity"], 1, 1]
                ((bars, dots),) = [
                    (n, n + 1)
                    for n in range(0, 8, 2)
                    if visible[n] and visible[n + 1] and opacity[n] == opacity[n + 1] == 1
                ]
                change, which = slider["steps"][k]["args"]
                assert which == concept[j][1] == list(range(8))
                assert change["x"][bars] == [0.5, i / 10, (j + k) / 10]
                assert change["text"][bars] == [f"{i}{j}{k}", "base", "‹b›"]
                strength = EXPLORER["strengths"][k]
                line = np.array(EXPLORER["log_odds"][i]) + strength * np.array(EXPLORER["slopes"][j])
                assert change["x"][dots] == pytest.approx(line, abs=0.006)
                ring = traces[8 + i]
                assert (visible[8 + i], visible[9 - i]) == (True, False)
                assert ring["x"] == EXPLORER["log_odds"][i]
    started = [(trace["visible"], trace.get("opacity", 1)) for trace in traces]
    assert started == list(zip(context[0][0]["visible"], [*concept[0][0]["opacity"], 1, 1], strict=True))
    assert [trace["x"] for trace in traces[:8]] == slider["steps"][1]["args"][0]["x"]
