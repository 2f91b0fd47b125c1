"""The engine's random numbers, worlds and languages are those of numpy and `linrep_core`."""

from __future__ import annotations

import numpy as np
import pytest
from engine_reference import array, configuration, contexts_of, graph_of, model_of
from hypothesis import given
from hypothesis import strategies as st

WRONG = (0.0, 1e-9, 0.1, 0.3, 0.499)  # probability that a told concept is told wrongly
SETS = ("all", "none", "0", "1", "0,1", "0|1", "none|1", "1,0|none|0")

calls = st.one_of(
    st.just(["random"]),
    st.tuples(st.just("uniform"), st.floats(-10, 0), st.floats(0, 10)).map(list),
    st.tuples(st.just("permutation"), st.integers(0, 70)).map(list),
)


@given(seed=st.integers(0, 2**53 - 1), calls=st.lists(calls, min_size=1, max_size=20))
def test_random_numbers_are_numpys_bit_for_bit(ask, seed, calls):
    rng = np.random.default_rng(seed)
    drawn = [getattr(rng, method)(*arguments) for method, *arguments in calls]
    found = ask("random", seed=seed, calls=calls)["values"]
    assert found == [value.tolist() if isinstance(value, np.ndarray) else value for value in drawn]


def test_random_numbers_of_many_seeds(ask):
    seeds = [*range(300), 2**31, 2**32 - 1, 2**32, 2**53 - 1]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        expected = [*rng.permutation(8).tolist(), *rng.random(4).tolist()]
        order, *numbers = ask("random", seed=seed, calls=[["permutation", 8], *[["random"]] * 4])["values"]
        assert [*order, *numbers] == expected, seed


@pytest.mark.parametrize("seed", [-1, 0.5, 2**53, "1", None])
def test_bad_seeds_are_refused(ask, seed):
    answer = ask("random", seed=seed, calls=[["random"]])
    assert answer["error"]["type"] == "RangeError"
    assert "seed must be" in answer["error"]["message"]


@st.composite
def worlds(draw):
    m = draw(st.integers(2, 8))
    kind = draw(st.sampled_from(["random", "chain", "independent", "drawn"]))
    order = draw(st.permutations(range(m)))
    pairs = [[order[i], order[j]] for j in range(m) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique_by=tuple, max_size=10))
    return configuration(
        m=m,
        graph=kind,
        graph_seed=draw(st.integers(0, 2**32)),
        edge_probability=draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        edges=edges,
        context_weights=draw(st.sampled_from(["masked", "uniform"])),
        mask_probability=draw(st.floats(0.01, 0.99)),
        told_wrongly=draw(st.sampled_from(WRONG)),
        context_set=draw(st.sampled_from(SETS)),
    )


@given(config=worlds())
def test_worlds_and_languages(ask, config):
    world = ask("world", config=config)
    graph, model, contexts = graph_of(config), model_of(config), contexts_of(config)

    assert world["edges"] == sorted(map(list, graph.dag.edges))
    assert world["moralGraph"] == sorted(sorted(edge) for edge in graph.markov_random_field.edges)
    assert world["tables"] == [list(table.values()) for table in graph.tables]
    assert world["joint"] == graph.joint().tolist()

    assert world["contexts"] == model.context_index(contexts).tolist()
    np.testing.assert_allclose(world["weights"], model.weights(contexts), rtol=1e-12)
    assert world["entropyFloor"] == pytest.approx(model.entropy_floor(contexts), abs=1e-12)
    np.testing.assert_allclose(array(world["nextToken"]), model.next_token_distribution(), rtol=1e-12)


def test_without_a_probability_nothing_is_told_wrongly(ask):
    with_it = configuration(told_wrongly=0)
    without = {name: value for name, value in with_it.items() if name != "told_wrongly"}
    assert ask("world", config=without) == ask("world", config=with_it)


def test_a_given_joint_is_taken_as_it_is(ask):
    joint = (np.arange(1, 9) / 36).tolist()
    world = ask("world", config=configuration(graph="given", joint=joint, edges=[[0, 2], [2, 1]]))
    assert world["joint"] == joint
    assert world["edges"] == [[0, 2], [2, 1]]
    assert world["tables"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("m", value) for value in (1, 9, 2.5, "3", None)],
        *[("d", value) for value in (0, 17, 1.5, "3", None)],
        ("graph", "ring"),
        *[("graph_seed", value) for value in (-1, 0.1, 2**53, None)],
        *[("edge_probability", value) for value in (-0.1, 1.1, None, "0.5")],
        ("context_set", None),
        *[("context_set", value) for value in ("", "3", "0,0", "0,", "|", "0;1", "every", "-1", "<b>")],
        ("context_weights", "equal"),
        *[("mask_probability", value) for value in (0, 1, -1, None)],
        *[("told_wrongly", value) for value in (0.5, 1, -0.1, None, "0.1")],
        ("optimizer", "lbfgs"),
        *[("learning_rate", value) for value in (0, -1, None, "fast")],
        *[("start_scale", value) for value in (0, -1, None)],
        *[("seed", value) for value in (-1, 0.5, None)],
        ("precision", "float16"),
    ],
)
def test_a_bad_configuration_names_its_field(ask, field, value):
    answer = ask("train", config=configuration(**{field: value}))
    assert answer["error"]["type"] == "RangeError"
    assert answer["error"]["field"] == field
    assert answer["error"]["message"].startswith(f"{field} must be ")


@pytest.mark.parametrize("edges", [None, "0-1", [[0, 3]], [[0]], [[1, 1]], [[0, 1], [0, 1]], [[0, 1], [1, 2], [2, 0]]])
def test_bad_edges(ask, edges):
    error = ask("train", config=configuration(graph="drawn", edges=edges))["error"]
    assert (error["type"], error["field"]) == ("RangeError", "edges")


@pytest.mark.parametrize("joint", [None, [], [0.125] * 7, [0.25] * 8, [0, 0.3] + [0.7 / 6] * 6, ["0.125"] * 8])
def test_bad_joints(ask, joint):
    error = ask("train", config=configuration(graph="given", joint=joint))["error"]
    assert (error["type"], error["field"]) == ("RangeError", "joint")


@pytest.mark.parametrize("momentum", [-0.1, 1, 1.5, None])
def test_bad_momentum(ask, momentum):
    error = ask("train", config=configuration(optimizer="momentum", momentum=momentum))["error"]
    assert (error["type"], error["field"]) == ("RangeError", "momentum")


def test_what_a_configuration_does_not_use_is_not_looked_at(ask):
    answer = ask("train", config=configuration(joint="none", edges=None, momentum=7, optimizer="adam"))
    assert answer["step"] == 0
