"""Tellings, shapes and the study of concepts with more than two values."""

from __future__ import annotations

import numpy as np
import pytest

from linrep_core import ConceptGraph, LatentConditionalModel, many_values
from linrep_core.geometry import mean_pairwise_cosine, unembedding_steering_vectors
from linrep_core.many_values import (
    KINDS,
    MEASURES,
    PREDICTED,
    ROOMS,
    Prediction,
    ValueShape,
    likeness,
    mean_interval,
    needed_dims,
    order_test,
    overlap,
    predicted_shape,
    room_dim,
    shape_measures,
    shortest_tables,
    table_rank,
    telling,
    telling_translation,
    template,
    value_cell,
    value_shapes,
    value_world,
)
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results

# ---- tellings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_table_of_probabilities(kind):
    table = telling(kind)
    n_values, _ = KINDS[kind]
    assert table.shape == (12 if kind == "hierarchical" else n_values, n_values)
    np.testing.assert_allclose(table.sum(axis=0), 1)
    assert (table > 0).all() or kind == "certain"


def test_an_ordinal_telling_falls_with_the_distance_and_a_circular_one_knows_no_end():
    ordinal, circular = telling("ordinal", 6), telling("circular", 6)
    assert (np.diff(ordinal[:, 2])[2:] < 0).all()
    assert circular[0, 5] == pytest.approx(circular[3, 4])
    assert ordinal[0, 5] < ordinal[3, 4]


def test_half_of_what_is_told_in_a_hierarchy_is_the_group():
    table = telling("hierarchical")
    assert table[:3].sum(axis=0) == pytest.approx(0.5)
    np.testing.assert_allclose(table[:3, :3], np.repeat([[0.4], [0.05], [0.05]], 3, axis=1))


# ---- shapes -----------------------------------------------------------------------------------------------------


def test_likeness_forgets_rotation_size_and_place():
    rng = np.random.default_rng(0)
    points, turn = rng.normal(size=(6, 4)), np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert likeness(points, 3 * points @ turn + 7) == pytest.approx(1)
    assert likeness(points, rng.permutation(points)) < 0.99
    assert likeness(points, np.ones((6, 2))) == 0


def test_an_order_is_tested_against_other_orders():
    ring, rng = template("circle", 7), np.random.default_rng(0)
    own = order_test(ring + 0.1 * rng.normal(size=ring.shape), "circle")
    mixed = order_test(rng.permutation(ring), "circle")
    assert own["p_value"] < 0.02 < mixed["p_value"]
    assert own["likeness"] > 0.9 > 0.5 > own["shuffled"]


def test_overlap_of_pairs_of_points_is_the_cosine():
    first, second = np.array([[0.0, 0], [3, 4]]), np.array([[1.0, 1], [1, 2]])
    assert overlap(first, second) == pytest.approx(0.8)
    assert overlap(first, first) == pytest.approx(1)
    assert overlap(np.eye(3)[:2], np.ones((4, 3))) == 0


def test_shares_and_steps_of_a_line_and_of_a_bent_one():
    line, bent = template("line", 5), np.array([[0.0, 0], [1, 0], [1, 3]])
    assert ValueShape(line, 1.0).shares[0] == pytest.approx(1)
    assert ValueShape(line, 1.0).steps == pytest.approx(1)
    assert ValueShape(bent - bent.mean(axis=0), 1.0).steps == pytest.approx(1 / 3)


def test_with_two_values_translation_is_the_papers_cosine():
    model = LatentConditionalModel(ConceptGraph.random(3, seed=0))
    g = np.random.default_rng(0).normal(size=(8, 3))
    for concept, shape in enumerate(value_shapes(model, (np.zeros((27, 3)), g))):
        expected = mean_pairwise_cosine(unembedding_steering_vectors(g, concept))
        assert shape.translation == pytest.approx(expected)
        np.testing.assert_allclose(
            np.diff(shape.points, axis=0)[0], unembedding_steering_vectors(g, concept).mean(axis=0)
        )


def test_a_shape_is_averaged_over_the_values_of_the_others():
    model = LatentConditionalModel(ConceptGraph.random(2, n_values=(3, 2), seed=0))
    corners = np.random.default_rng(0).normal(size=(3, 2))
    g = np.array([np.r_[corners[v] * (1 + w), w] for v, w in model.tokens()])
    shape = value_shapes(model, (np.zeros((12, 3)), g))[0]
    np.testing.assert_allclose(shape.points[:, :2], 1.5 * (corners - corners.mean(axis=0)))
    assert shape.translation == pytest.approx(1)  # the same directions, at another size
    assert np.allclose(shape.points[:, 2], 0)


def test_what_is_told_is_compared_at_every_telling_of_the_others():
    model = LatentConditionalModel(ConceptGraph.random(2, n_values=(3, 2), seed=0))
    corners = np.random.default_rng(0).normal(size=(4, 2))
    f = np.array([[*corners[told], other] for told, other in model.contexts()])
    assert telling_translation(model, f, 0) == pytest.approx(1)
    f[model.contexts()[:, 1] == 1, :2] *= -1
    assert telling_translation(model, f, 0) == pytest.approx(-1 / 3)  # one pair of three agrees


# ---- worlds and training ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_room_is_what_the_ranks_add_up_to(kind):
    model = value_world(kind)
    rank = KINDS[kind][0] - 1 if kind == "certain" else table_rank(many_values.centred_log_table(telling(kind)))
    assert needed_dims(model) == rank + 2  # the binary concept, and ln p(y)
    assert [room_dim(model, room) for room in ROOMS] == [rank + 1, rank + 2, 2 * rank + 4]


def test_a_concept_alone_with_even_values_has_the_predicted_shape():
    graph = ConceptGraph.random(1, n_values=7, parameter_range=(0.5, 0.5))
    model = LatentConditionalModel(graph, tellings=[telling("ordinal")])
    (shape,) = value_shapes(model, shortest_tables(model, needed_dims(model)))
    assert likeness(shape.points, predicted_shape("ordinal")) == pytest.approx(1)


def test_a_cell_measures_what_it_trains():
    rows = value_cell("circular", "enough", n_seeds=2, steps=300)
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert row["circle"] == pytest.approx(row["exact_circle"], abs=0.05)
        assert row["circle_shuffled"] < 0.6
        assert row["levels"] is None
        assert row["excess_loss"] < 0.05
    exact = shape_measures(value_world("circular", seed=1), shortest_tables(value_world("circular", seed=1), 4))
    assert rows[1]["exact_circle"] == exact["circle"]


def test_a_committed_row_comes_out_again():
    rows = read_results(RESULTS / "many-values.csv")
    kept = [row for row in rows if (row["kind"], row["room"]) == ("circular", "enough")][:2]
    for row, again in zip(kept, value_cell("circular", n_seeds=2), strict=True):
        for measure in ("translation", "circle", "exact_circle", "evenness"):
            assert again[measure] == pytest.approx(row[measure], abs=0.01)


# ---- predictions ------------------------------------------------------------------------------------------------


def test_predictions_name_cells_and_measures_that_exist():
    for one in PREDICTED:
        assert one.kind in KINDS
        assert one.room in ROOMS
        assert one.measure in (*MEASURES, "circle_shuffled")
        assert one.reason


def _rows(values, room="enough"):
    return [{"kind": "ordinal", "room": room, "seed": i, "line": v} for i, v in enumerate(values)]


@pytest.mark.parametrize(
    ("relation", "value", "expected"),
    [
        ("at least", 0.5, "holds"),
        ("at least", 0.7, "refuted"),
        ("at most", 0.6, "unsure"),
        ("near", 0.62, "holds"),
        ("near", 0.9, "refuted"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(relation, value, expected):
    prediction = Prediction("ordinal", "enough", "line", relation, value, "-")
    assert prediction.verdict(_rows([0.59, 0.6, 0.61]))[3] == expected


def test_a_change_is_over_the_same_seeds():
    rows = [*_rows([0.2, 0.6, 0.9]), *_rows([0.1, 0.5, 0.8], "twice")]
    assert Prediction("ordinal", "twice", "line", "falls", None, "-").verdict(rows)[3] == "holds"
    assert Prediction("ordinal", "twice", "line", "stays", None, "-").verdict(rows)[3] == "refuted"


# ---- bad input --------------------------------------------------------------------------------------------------

MODEL = value_world("circular")
BAD = {
    "kind": (lambda: telling("linear"), "kind must be one of 'certain'"),
    "n_values": (lambda: telling("ordinal", 1), "n_values must be at least 2, got 1"),
    "no tree": (lambda: telling("hierarchical", 8), "n_values must be 9 for hierarchical, got 8"),
    "no width": (lambda: telling("ordinal", 5, 0.0), "width must be above 0 for ordinal, got 0.0"),
    "chance": (lambda: telling("categorical", 5, 1.0), "width must be above 0 and below 1 for categorical, got 1.0"),
    "zero": (lambda: many_values.centred_log_table(np.eye(3)), "table must have entries above 0"),
    "rank": (lambda: table_rank([1.0, 2.0]), "table must have shape (n, k), got (2,)"),
    "template": (lambda: template("cube", 3), "name must be one of 'simplex', 'line', 'circle', got 'cube'"),
    "points": (lambda: likeness(np.eye(3), np.eye(4)), "second must have shape (3, dim), got (4, 4)"),
    "spaces": (lambda: overlap(np.eye(3), np.eye(4)), "second must have shape (k, 3), got (4, 4)"),
    "template of a test": (lambda: order_test(np.eye(4), "cube"), "name must be one of"),
    "n_shuffles": (lambda: order_test(np.eye(4), "line", n_shuffles=0), "n_shuffles must be at least 1, got 0"),
    "seed": (lambda: order_test(np.eye(4), "line", seed=-1), "seed must be at least 0, got -1"),
    "levels": (lambda: ValueShape(np.eye(4), 1.0).levels, "points must be 9 for groups of 3, got 4"),
    "predictor": (lambda: value_shapes(MODEL, (np.eye(3), np.eye(3))), "predictor must have 14 unembeddings"),
    "model": (
        lambda: value_shapes(None, (np.eye(3), np.eye(3))),
        "model must be a LatentConditionalModel, got NoneType",
    ),
    "embeddings": (
        lambda: telling_translation(MODEL, np.eye(3), 0),
        "embeddings must have shape (24, dim), got (3, 3)",
    ),
    "concept": (lambda: telling_translation(MODEL, np.ones((24, 2)), 2), "concept must be at most 1, got 2"),
    "dim": (lambda: shortest_tables(MODEL, 0), "dim must be at least 1, got 0"),
    "certain": (lambda: shortest_tables(value_world("certain"), 2), "probabilities must"),
    "room": (lambda: room_dim(MODEL, "much"), "room must be one of 'one less', 'enough', 'twice', got 'much'"),
    "method": (lambda: value_cell("circular", method="luck"), "method must be one of 'adam', 'gradient descent'"),
    "n_seeds": (lambda: value_cell("circular", n_seeds=0), "n_seeds must be at least 1, got 0"),
    "values": (lambda: mean_interval([1.0]), "values must hold at least two runs, got 1"),
    "records": (lambda: PREDICTED[0].verdict([{"kind": "certain"}]), "records[0] must have an entry 'room'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
