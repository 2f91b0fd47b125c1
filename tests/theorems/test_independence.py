"""Graphs and independence: separation is a promise about every joint, and a generic joint keeps no other."""

from __future__ import annotations

import math
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from brute_force import conditionally_independent
from hypothesis import given
from random_worlds import dag_worlds, field_worlds, joint_of, replaced, worlds

from linrep_core import ConceptGraph


def subsets(values):
    return [chosen for size in range(len(values) + 1) for chosen in combinations(values, size)]


def questions(n_concepts):
    """Every pair of concepts with every set of other concepts to be given."""
    for first, second in combinations(range(n_concepts), 2):
        for given_ in subsets([i for i in range(n_concepts) if i not in (first, second)]):
            yield first, second, given_


def blocked(dag, path, given_):
    """Whether a path is blocked: at a known chain or fork, or at a collider none of whose descendants is known."""
    for before, middle, after in zip(path, path[1:], path[2:], strict=False):
        collider = dag.has_edge(before, middle) and dag.has_edge(after, middle)
        if collider and not ({middle} | nx.descendants(dag, middle)) & set(given_):
            return True
        if not collider and middle in given_:
            return True
    return False


def d_separated_by_paths(dag, first, second, given_):
    """The definition, path by path."""
    paths = nx.all_simple_paths(dag.to_undirected(), first, second)
    return all(blocked(dag, path, given_) for path in paths)


# ---- directed graphs --------------------------------------------------------------------------------------------


@given(world=dag_worlds(low=2, high=5))
def test_d_separation_is_that_of_the_definition_and_of_networkx(world):
    for first, second, given_ in questions(world.n_concepts):
        answer = world.d_separated(first, second, given_)
        assert answer == d_separated_by_paths(world.dag, first, second, given_)
        assert answer == nx.is_d_separator(world.dag, {first}, {second}, set(given_))
        assert answer == world.d_separated(second, first, given_[::-1])


@given(world=dag_worlds(low=2, high=4))
def test_d_separation_is_independence_in_the_joint_and_with_generic_tables_nothing_else_is(world):
    joint = joint_of(world)
    for first, second, given_ in questions(world.n_concepts):
        independent = conditionally_independent(joint, world.n_concepts, first, second, given_, tolerance=1e-14)
        assert world.d_separated(first, second, given_) == independent


def test_tables_may_conspire_so_that_connected_concepts_are_independent():
    """Without generic tables the converse fails: the arrow 0 -> 2 and the way round by 1 cancel."""
    p_1 = {(0,): 0.3, (1,): 0.8}
    p_2 = {(0, 0): 0.2, (0, 1): 0.7, (1, 0): 0.15}
    wanted = 0.7 * p_2[0, 0] + 0.3 * p_2[0, 1]
    p_2[1, 1] = (wanted - 0.2 * p_2[1, 0]) / 0.8
    dag = nx.DiGraph([(0, 1), (0, 2), (1, 2)])
    world = ConceptGraph.from_dag(dag, [0.4, p_1, p_2])
    assert not world.d_separated(0, 2)
    assert conditionally_independent(joint_of(world), 3, 0, 2, ())
    moved = ConceptGraph.from_dag(dag, [0.4, p_1, {**p_2, (1, 1): p_2[1, 1] + 0.01}])
    assert not conditionally_independent(joint_of(moved), 3, 0, 2, (), tolerance=1e-4)


# ---- undirected graphs ------------------------------------------------------------------------------------------


@given(world=worlds(low=2, high=4))
def test_the_markov_random_field_promises_independence_wherever_it_separates(world):
    """The global Markov property: of the potentials' graph, or of the moral graph of a DAG."""
    joint = joint_of(world)
    for first, second, given_ in questions(world.n_concepts):
        separated = world.separated(first, second, given_)
        if separated:
            assert conditionally_independent(joint, world.n_concepts, first, second, given_)
            assert world.dag is None or world.d_separated(first, second, given_)
        paths = nx.all_simple_paths(world.markov_random_field, first, second)
        assert separated == all(set(path) & set(given_) for path in paths)


@given(world=worlds(low=2, high=5))
def test_two_concepts_are_adjacent_exactly_when_they_depend_on_each_other_given_all_the_rest(world):
    """The pairwise Markov property, and with generic numbers its converse."""
    joint = joint_of(world)
    for first, second in combinations(range(world.n_concepts), 2):
        rest = tuple(i for i in range(world.n_concepts) if i not in (first, second))
        independent = conditionally_independent(joint, world.n_concepts, first, second, rest, tolerance=1e-15)
        assert world.separated(first, second) == independent
        assert (second in world.neighbours(first)) != independent


@given(world=worlds(low=2, high=5))
def test_given_its_neighbours_nothing_else_tells_of_a_concept(world):
    """The local Markov property: p(C_i | all others) = p(C_i | neighbours); one neighbour less and it fails."""
    for i in range(world.n_concepts):
        neighbours = world.neighbours(i)
        others = [j for j in range(world.n_concepts) if j != i]
        for token in joint_of(world):
            everything = world.conditional(i, {j: token[j] for j in others})
            assert world.conditional(i, {j: token[j] for j in neighbours}) == pytest.approx(everything, rel=1e-11)
        for left_out in neighbours:
            fewer = [j for j in neighbours if j != left_out]
            differences = [
                world.conditional(i, {j: token[j] for j in others}) - world.conditional(i, {j: token[j] for j in fewer})
                for token in joint_of(world)
            ]
            assert max(map(abs, differences)) > 1e-6


@given(world=dag_worlds(low=2, high=5))
def test_the_moral_graph_marries_parents_and_keeps_arrows(world):
    expected = {frozenset(edge) for edge in world.dag.edges}
    for child in world.dag:
        expected |= {frozenset(pair) for pair in combinations(world.dag.predecessors(child), 2)}
    assert {frozenset(edge) for edge in world.markov_random_field.edges} == expected


def test_without_the_marriage_the_promise_is_broken():
    """The skeleton of a collider separates the parents by the child, and knowing the child couples them."""
    tables = [0.4, 0.3, {(0, 0): 0.1, (0, 1): 0.5, (1, 0): 0.6, (1, 1): 0.9}]
    world = ConceptGraph.from_dag(nx.DiGraph([(0, 2), (1, 2)]), tables)
    skeleton = nx.restricted_view(world.dag.to_undirected(), [2], [])
    assert not nx.has_path(skeleton, 0, 1)
    assert not conditionally_independent(joint_of(world), 3, 0, 1, (2,), tolerance=1e-4)
    assert not world.separated(0, 1, [2])


def test_the_moral_graph_forgets_independences_that_the_dag_knows():
    tables = [0.4, 0.3, {(0, 0): 0.1, (0, 1): 0.5, (1, 0): 0.6, (1, 1): 0.9}]
    world = ConceptGraph.from_dag(nx.DiGraph([(0, 2), (1, 2)]), tables)
    assert world.d_separated(0, 1)
    assert not world.separated(0, 1, [])
    assert conditionally_independent(joint_of(world), 3, 0, 1, ())


# ---- log-odds ---------------------------------------------------------------------------------------------------


def log_odds(joint, token, i):
    """Log-odds of concept i given all other concepts as in the token."""
    return math.log(joint[replaced(token, i, 1)] / joint[replaced(token, i, 0)])


@given(world=worlds(low=2, high=5))
def test_the_log_odds_of_a_concept_move_with_its_neighbours_only(world):
    joint = joint_of(world)
    for i in range(world.n_concepts):
        for j in range(world.n_concepts):
            if i == j:
                continue
            moves = [log_odds(joint, replaced(t, j, 1), i) - log_odds(joint, replaced(t, j, 0), i) for t in joint]
            if world.separated(i, j):
                assert max(map(abs, moves)) < 1e-10
            else:
                assert max(map(abs, moves)) > 1e-6


@given(world=field_worlds(low=2, high=5))
def test_in_a_pairwise_field_they_move_by_the_same_step_whatever_the_rest(world):
    """The interaction of i and j is one number, ln [phi(1,1) phi(0,0) / (phi(1,0) phi(0,1))], for every context."""
    joint = joint_of(world)
    for i, j in combinations(range(world.n_concepts), 2):
        moves = [log_odds(joint, replaced(t, j, 1), i) - log_odds(joint, replaced(t, j, 0), i) for t in joint]
        back = [log_odds(joint, replaced(t, i, 1), j) - log_odds(joint, replaced(t, i, 0), j) for t in joint]
        np.testing.assert_allclose(moves, moves[0], atol=1e-10)
        np.testing.assert_allclose(back, moves[0], atol=1e-10)


def test_in_a_dag_with_two_parents_the_step_depends_on_the_third():
    """Marrying the parents makes a triple interaction: the step is not one number any more."""
    tables = [0.4, 0.3, {(0, 0): 0.1, (0, 1): 0.5, (1, 0): 0.6, (1, 1): 0.9}]
    joint = joint_of(ConceptGraph.from_dag(nx.DiGraph([(0, 2), (1, 2)]), tables))
    steps = [log_odds(joint, (0, 1, c), 0) - log_odds(joint, (0, 0, c), 0) for c in (0, 1)]
    assert abs(steps[0] - steps[1]) > 0.1
