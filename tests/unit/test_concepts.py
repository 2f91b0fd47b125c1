"""Worlds of concepts: probabilities, independence and sampling against enumeration."""

from __future__ import annotations

from itertools import combinations, permutations, product

import networkx as nx
import numpy as np
import pytest
from brute_force import all_tokens, as_joint, conditionally_independent, event
from worlds import (
    EDGES,
    FIELD_EDGES,
    FIELD_NODES,
    TABLES,
    assert_frequencies_agree,
    dag_joint,
    dag_world,
    field_joint,
    field_world,
    numbers,
)

from linrep_core import ConceptGraph
from linrep_core.concepts import concept_vectors

WORLDS = {"dag": (dag_world, dag_joint), "field": (field_world, field_joint)}


@pytest.fixture(params=WORLDS)
def world_and_joint(request):
    world, joint = WORLDS[request.param]
    return world(), joint()


def subsets(values):
    return [chosen for size in range(len(values) + 1) for chosen in combinations(values, size)]


# ---- vectors and joint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 5])
def test_concept_vectors_are_the_binary_digits_with_concept_0_highest(m):
    vectors = concept_vectors(m)
    assert vectors.dtype == np.int8
    assert [tuple(row) for row in vectors.tolist()] == all_tokens(m)
    assert [int("".join(map(str, row)), 2) for row in vectors.tolist()] == list(range(2**m))


def test_joint_is_the_product_of_the_tables_or_potentials(world_and_joint):
    world, expected = world_and_joint
    assert world.joint().dtype == np.float64
    np.testing.assert_allclose(world.joint(), list(expected.values()), rtol=1e-13)


def test_joint_is_a_copy_that_the_caller_may_spoil(world_and_joint):
    world, expected = world_and_joint
    world.joint()[:] = 0.0
    np.testing.assert_allclose(world.joint(), list(expected.values()), rtol=1e-13)


def test_tables_may_be_a_list_and_arrays_indexed_by_parents_in_ascending_order():
    arrays = [np.array([[TABLES[j][a, b] for b in (0, 1)] for a in (0, 1)]) for j in (0, 1)]
    world = ConceptGraph.from_dag(nx.DiGraph(EDGES), [*arrays, 0.62, 0.29])
    np.testing.assert_array_equal(world.joint(), dag_world().joint())


def test_the_callers_graph_is_copied():
    dag = nx.DiGraph(EDGES)
    world = ConceptGraph.from_dag(dag, TABLES)
    dag.remove_edge(3, 0)
    assert sorted(world.dag.edges) == sorted(EDGES)


def test_isolated_concepts_and_whole_number_nodes_of_other_types_are_taken():
    dag = nx.DiGraph([(np.int64(2), np.int64(0))])
    dag.add_node(1)
    world = ConceptGraph.from_dag(dag, [{(0,): 0.2, (1,): 0.4}, {(): 0.5}, {(): 0.3}])
    assert world.joint()[0b101] == pytest.approx(0.3 * 0.4 * 0.5)
    assert world.sample(3).shape == (3, 3)


def test_potentials_may_be_keyed_in_either_order_of_the_edge():
    swapped = {(j, i): np.array(table).T for (i, j), table in FIELD_EDGES.items()}
    world = ConceptGraph.from_markov_random_field(nx.Graph(list(FIELD_EDGES)), swapped, FIELD_NODES)
    np.testing.assert_allclose(world.joint(), field_world().joint(), rtol=1e-14)


def test_potentials_of_any_size_are_normalised_without_overflow():
    table = np.array([[1.0, 2.0], [3.0, 4.0]])
    field = nx.Graph([(0, 1)])
    huge = ConceptGraph.from_markov_random_field(field, {(0, 1): 1e300 * table}, {0: [1e300, 1e300]})
    np.testing.assert_allclose(huge.joint(), table.reshape(-1) / 10, rtol=1e-12)


# ---- random worlds ----------------------------------------------------------------------------------------------


def test_random_worlds_are_acyclic_and_their_parameters_stay_in_range():
    for seed in range(20):
        world = ConceptGraph.random(6, 0.6, parameter_range=(0.4, 0.45), seed=seed)
        assert nx.is_directed_acyclic_graph(world.dag)
        assert sorted(world.dag.nodes) == list(range(6))
        entries = [p for table in world.tables for p in table.values()]
        assert 0.4 <= min(entries) <= max(entries) <= 0.45
        assert [len(table) for table in world.tables] == [2 ** world.dag.in_degree(j) for j in range(6)]


def test_default_parameters_fill_the_range_of_the_paper():
    entries = [p for seed in range(20) for t in ConceptGraph.random(5, seed=seed).tables for p in t.values()]
    assert 0.3 <= min(entries) < 0.31
    assert 0.69 < max(entries) <= 0.7
    assert np.mean(entries) == pytest.approx(0.5, abs=0.02)


def test_edge_probability_0_gives_no_edge_and_1_gives_them_all():
    assert ConceptGraph.random(5, 0.0, seed=3).dag.number_of_edges() == 0
    assert ConceptGraph.random(5, 1.0, seed=3).dag.number_of_edges() == 10


def test_edges_come_with_the_probability_asked_for_and_in_both_directions():
    edges = [edge for seed in range(300) for edge in ConceptGraph.random(4, 0.3, seed=seed).dag.edges]
    assert len(edges) / (300 * 6) == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 1800))
    assert np.mean([i < j for i, j in edges]) == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / len(edges)))


def test_same_seed_same_world_other_seed_other_world():
    first, again, other = (ConceptGraph.random(4, seed=seed) for seed in (7, 7, 8))
    assert first.tables == again.tables
    assert set(first.dag.edges) == set(again.dag.edges)
    assert first.tables != other.tables


def test_joint_of_a_random_world_is_the_product_of_its_tables():
    from brute_force import joint_from_tables

    for seed in range(5):
        world = ConceptGraph.random(5, 0.6, seed=seed)
        expected = joint_from_tables(5, list(world.dag.edges), world.tables)
        np.testing.assert_allclose(world.joint(), list(expected.values()), rtol=1e-12)


def test_twelve_concepts_have_a_joint_and_more_can_only_be_sampled():
    assert ConceptGraph.random(12, 0.3, seed=0).joint().sum() == pytest.approx(1.0, abs=1e-12)
    large = ConceptGraph.random(20, 0.1, seed=0)
    assert large.sample(5).shape == (5, 20)
    with pytest.raises(ValueError, match="n_concepts must be at most 12"):
        large.joint()


# ---- marginals and conditionals ---------------------------------------------------------------------------------


def test_marginal_has_one_axis_for_each_concept_in_the_order_given(world_and_joint):
    world, joint = world_and_joint
    for size in range(5):
        for chosen in permutations(range(4), size):
            table = world.marginal(chosen)
            assert table.shape == (2,) * size
            for values in product((0, 1), repeat=size):
                expected = event(joint, dict(zip(chosen, values, strict=True)))
                assert table[values] == pytest.approx(expected, rel=1e-12)


def test_conditional_is_the_ratio_of_two_events(world_and_joint):
    world, joint = world_and_joint
    for target in range(4):
        for given in subsets([i for i in range(4) if i != target]):
            for values in product((0, 1), repeat=len(given)):
                known = dict(zip(reversed(given), reversed(values), strict=True))
                expected = event(joint, {target: 1, **known}) / event(joint, known)
                assert world.conditional(target, known) == pytest.approx(expected, rel=1e-12)


# ---- independence -----------------------------------------------------------------------------------------------


def test_moral_graph_marries_the_parents():
    assert {frozenset(edge) for edge in dag_world().markov_random_field.edges} == {
        frozenset(edge) for edge in [*EDGES, (2, 3)]
    }
    assert dag_world().neighbours(3) == [0, 1, 2]
    assert dag_world().neighbours(2) == [0, 3]


@pytest.mark.parametrize("seed", range(6))
def test_separated_means_no_path_around_the_given_concepts(seed):
    field = ConceptGraph.random(5, 0.4, seed=seed).markov_random_field
    world = ConceptGraph.random(5, 0.4, seed=seed)
    for first, second in combinations(range(5), 2):
        for given in subsets([i for i in range(5) if i not in (first, second)]):
            paths = nx.all_simple_paths(field, first, second)
            expected = all(set(path) & set(given) for path in paths)
            assert world.separated(first, second, given) == expected
            assert world.separated(second, first, given) == expected
        assert world.separated(first, second) == (second not in field[first])


@pytest.mark.parametrize("seed", range(6))
def test_d_separation_is_conditional_independence_in_the_joint(seed):
    world = ConceptGraph.random(4, 0.5, seed=seed)
    joint = as_joint(world.joint(), 4)
    for first, second in combinations(range(4), 2):
        for given in subsets([i for i in range(4) if i not in (first, second)]):
            answer = world.d_separated(first, second, given)
            assert answer == nx.is_d_separator(world.dag, {first}, {second}, set(given))
            assert answer == conditionally_independent(joint, 4, first, second, given)  # generic tables: faithful
            if world.separated(first, second, given):
                assert answer


def test_separation_in_a_field_is_conditional_independence_in_the_joint():
    world, joint = field_world(), field_joint()
    for first, second in combinations(range(4), 2):
        for given in subsets([i for i in range(4) if i not in (first, second)]):
            assert world.separated(first, second, given) == conditionally_independent(joint, 4, first, second, given)


def test_a_collider_couples_its_causes_only_when_it_is_known():
    tables = [{(): 0.4}, {(): 0.3}, {(0, 0): 0.1, (0, 1): 0.5, (1, 0): 0.6, (1, 1): 0.9}]
    world = ConceptGraph.from_dag(nx.DiGraph([(0, 2), (1, 2)]), tables)
    assert world.d_separated(0, 1)
    assert not world.d_separated(0, 1, [2])
    assert not world.separated(0, 1, [])  # the moral graph has forgotten that
    assert world.conditional(0, {}) == pytest.approx(world.conditional(0, {1: 1}))
    assert world.conditional(0, {2: 1}) != pytest.approx(world.conditional(0, {1: 1, 2: 1}))


# ---- sampling ---------------------------------------------------------------------------------------------------


def test_samples_follow_the_joint(world_and_joint):
    world, joint = world_and_joint
    sample = world.sample(40_000, seed=1)
    assert sample.dtype == np.int8
    assert_frequencies_agree(numbers(sample), list(joint.values()))


def test_gibbs_samples_follow_the_joint(world_and_joint):
    world, joint = world_and_joint
    sample = world.gibbs_sample(6_000, burn_in=50, thin=2, seed=1)
    assert sample.dtype == np.int8
    assert_frequencies_agree(numbers(sample), list(joint.values()), inflation=2.0)


def test_gibbs_keeps_the_state_after_each_thin_th_sweep():
    world = dag_world()
    every = world.gibbs_sample(30, burn_in=0, thin=1, seed=4)
    np.testing.assert_array_equal(world.gibbs_sample(10, burn_in=0, thin=3, seed=4), every[2::3])
    np.testing.assert_array_equal(world.gibbs_sample(20, burn_in=10, thin=1, seed=4), every[10:])


def test_same_seed_same_sample_other_seed_other_sample(world_and_joint):
    world, _ = world_and_joint
    for draw in (world.sample, world.gibbs_sample):
        np.testing.assert_array_equal(draw(50, seed=5), draw(50, seed=5))
        assert (draw(50, seed=5) != draw(50, seed=6)).any()
        assert draw(0).shape == (0, 4)


def test_repr_names_the_edges():
    assert repr(dag_world()) == f"ConceptGraph(4 concepts, DAG, edges {sorted(EDGES)})"
    assert "Markov random field" in repr(field_world())
