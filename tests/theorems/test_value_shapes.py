"""The statements of the chapter "Concepts that are not binary", as claims about random tellings and worlds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core import ConceptGraph, LatentConditionalModel
from linrep_core.many_values import (
    centred_log_table,
    likeness,
    needed_dims,
    overlap,
    predicted_shape,
    shortest_tables,
    table_rank,
    telling,
    template,
    value_shapes,
    value_world,
)

seeds = st.integers(0, 10_000)
few = settings(max_examples=20, deadline=None)


def random_telling(n_tellings, n_values, seed):
    table = np.random.default_rng(seed).dirichlet(np.full(n_tellings, 2.0), size=n_values).T
    return (table + 1e-4) / (table + 1e-4).sum(axis=0)


@few
@given(n_values=st.integers(3, 7), n_tellings=st.integers(2, 7), seed=seeds)
def test_no_telling_of_three_different_values_needs_one_dimension_only(n_values, n_tellings, seed):
    assert table_rank(centred_log_table(random_telling(n_tellings, n_values, seed))) >= 2


@few
@given(n_tellings=st.integers(2, 7), seed=seeds)
def test_two_values_need_one_dimension(n_tellings, seed):
    assert table_rank(centred_log_table(random_telling(n_tellings, 2, seed))) == 1


@few
@given(
    sizes=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    tellings=st.integers(2, 5),
    dependent=st.booleans(),
    seed=seeds,
)
def test_a_world_needs_the_sum_of_its_concepts_ranks_and_at_most_one_dimension_for_the_prior(
    sizes, tellings, dependent, seed
):
    tables = [random_telling(tellings, k, seed + i) for i, k in enumerate(sizes)]
    graph = ConceptGraph.random(2, float(dependent), n_values=sizes, seed=seed)
    ranks = sum(table_rank(centred_log_table(table)) for table in tables)
    needed = needed_dims(LatentConditionalModel(graph, tellings=tables))
    assert ranks <= needed <= ranks + 1
    assert needed == ranks + 1 or not dependent


@few
@given(seed=seeds, kind=st.sampled_from(["categorical", "ordinal", "circular", "continuous", "hierarchical"]))
def test_shapes_of_independent_concepts_are_translations_in_every_exact_predictor(seed, kind):
    model = value_world(kind, edge_probability=0.0, seed=seed)
    f, g = shortest_tables(model, needed_dims(model))
    turned = g @ np.random.default_rng(seed).normal(size=(g.shape[1], g.shape[1]))
    for table in (g, turned):
        assert value_shapes(model, (f, table))[0].translation == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("kind", ["categorical", "circular", "hierarchical"])
def test_shapes_of_dependent_concepts_are_not(kind):
    model = value_world(kind, edge_probability=1.0, seed=0)
    assert value_shapes(model, shortest_tables(model, needed_dims(model)))[0].translation < 0.95


@few
@given(k=st.integers(3, 12), width=st.floats(0.1, 10))
def test_a_von_mises_telling_is_a_circle_and_any_shuffle_is_none(k, width):
    shape = predicted_shape("circular", k, width)
    assert shape.shape[1] == 2
    assert likeness(shape, template("circle", k)) == pytest.approx(1, abs=1e-9)


@few
@given(k=st.integers(3, 8), width=st.floats(1.0, 5))
def test_a_gaussian_telling_of_one_width_is_an_arc_in_the_plane(k, width):
    """Not a parabola to the letter: the grid's ends change the normaliser; the contrasts are a line."""
    logs = np.log(telling("continuous", k, width))
    assert table_rank(centred_log_table(np.exp(logs))) == 2
    contrasts = logs[1:] - logs[:-1]
    contrasts -= contrasts.mean(axis=1, keepdims=True)
    assert table_rank(contrasts) == 1


@few
@given(k=st.integers(2, 8), seed=seeds)
def test_margins_of_one_have_a_nuclear_norm_of_at_least_k_minus_one(k, seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(k, k))
    others = np.where(np.eye(k) == 1, -np.inf, table).max(axis=1)
    np.fill_diagonal(table, others + 1 + rng.exponential(size=k))
    assert np.linalg.norm(table, "nuc") >= k - 1
    assert np.linalg.norm(np.eye(k) - 1 / k, "nuc") == pytest.approx(k - 1)


def test_groups_are_orthogonal_to_their_members():
    points = predicted_shape("hierarchical").reshape(3, 3, -1)
    centres = points.mean(axis=1)
    members = (points - centres[:, None]).reshape(9, -1)
    assert overlap(centres, members) == pytest.approx(0, abs=1e-9)
    assert likeness(centres, template("simplex", 3)) == pytest.approx(1, abs=1e-9)
    for group in points:
        assert likeness(group, template("simplex", 3)) == pytest.approx(1, abs=1e-9)
