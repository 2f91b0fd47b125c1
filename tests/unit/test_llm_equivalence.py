"""A language model in its class: on random tables, on a tiny random model, and the committed rows."""

from __future__ import annotations

import numpy as np
import pytest
from test_llm_study import folder, model  # noqa: F401 (fixtures)

from linrep_core import llm_equivalence as equivalence
from linrep_core.geometry import mean_cosine_between, mean_pairwise_cosine
from linrep_core.identifiability import distribution_gap, extended_linear_relation, linear_relation
from linrep_core.llm import causal_inner_product
from linrep_core.llm_study import GEOMETRIES
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results

pytestmark = pytest.mark.slow  # the packages alone take seconds to import

RANDOM = np.random.default_rng(5)  # another than that of the changes: one table must not be made from the other
TABLE = RANDOM.normal(size=(60, 8)) @ np.diag([6.0, 1, 1, 1, 1, 1, 1, 0.5]) + 1.0
FEATURES, OTHERS = RANDOM.normal(size=(2, 3, 8))
TOKENS = {"a": np.arange(20).reshape(10, 2), "b": np.arange(20, 32).reshape(6, 2)}
ROWS = read_results(RESULTS / "models" / "smollm2-135m-instruct-equivalents.csv")


@pytest.mark.parametrize("strength", [0.0, 0.1, 1.0])
def test_other_coordinates_change_no_probability_in_any_context(strength):
    matrix, moved = equivalence.another_member(FEATURES, TABLE, "coordinates", strength, seed=1)
    for f in (FEATURES, OTHERS):
        assert distribution_gap((f, TABLE), (f @ matrix.T, moved)) < 1e-9
    assert np.allclose(moved, TABLE) == (strength == 0)


def test_unseen_parts_change_other_contexts_only_and_have_the_length_asked_for():
    matrix, moved = equivalence.another_member(FEATURES, TABLE, "unseen", 0.5)
    np.testing.assert_array_equal(matrix, np.eye(8))
    pair = (FEATURES, TABLE), (FEATURES, moved)
    assert distribution_gap(*pair) < 1e-9
    assert extended_linear_relation(*pair).residual < 1e-9 < 0.1 < linear_relation(*pair).residual
    assert distribution_gap((OTHERS, TABLE), (OTHERS, moved)) > 0.1
    share = np.linalg.norm(moved - TABLE) / np.linalg.norm(TABLE - TABLE.mean(axis=0))
    assert share == pytest.approx(0.5)


def test_cosines_are_those_of_the_plain_and_the_whitened_steps():
    rows = equivalence.concept_cosines({name: TABLE[rows] for name, rows in TOKENS.items()}, TABLE)
    whiten = causal_inner_product(TABLE).whiten
    for row, turn in ((rows[0], np.asarray), (rows[2], whiten)):
        a, b = (turn(TABLE[each[:, 1]] - TABLE[each[:, 0]]) for each in TOKENS.values())
        assert row["within"] == pytest.approx((mean_pairwise_cosine(a) + mean_pairwise_cosine(b)) / 2)
        assert row["between"] == pytest.approx(abs(mean_cosine_between(a, b)))


def test_causal_cosines_stay_under_a_change_of_coordinates_and_move_with_unseen_parts():
    found = {}
    for change in equivalence.CHANGES:
        _, moved = equivalence.another_member(FEATURES, TABLE, change, 0.5)
        rows = equivalence.concept_cosines({name: moved[rows] for name, rows in TOKENS.items()}, moved)
        found[change] = [row["within"] for row in rows]
    start = equivalence.concept_cosines({name: TABLE[rows] for name, rows in TOKENS.items()}, TABLE)
    assert found["coordinates"][2] == pytest.approx(start[2]["within"])
    assert found["coordinates"][0] != pytest.approx(start[0]["within"], abs=1e-3)
    assert found["unseen"][2] != pytest.approx(start[2]["within"], abs=1e-3)


def test_spans_are_those_of_singular_values():
    found = equivalence._spans(FEATURES, TABLE)
    values = np.linalg.svd(TABLE - TABLE.mean(axis=0), compute_uv=False)
    assert (found["rank_g"], found["rank_f"]) == (8, 3)
    assert found["ratio_g"] == pytest.approx(values[-1] / values[0])


# ---- a tiny model, and the bundled one ------------------------------------------------------------------------------


def test_committed_rows_say_what_the_class_promises():
    assert {row["geometry"] for row in ROWS} == set(GEOMETRIES)
    assert len(ROWS) == len(equivalence.CHANGES) * len(equivalence.STRENGTHS) * 3
    start = {row["geometry"]: row for row in ROWS if row["strength"] == 0}
    for row in ROWS:
        assert row["gap"] < 1e-9
        assert row["extended"] < 1e-9
        assert (row["gap_elsewhere"] < 1e-9) == (row["change"] == "coordinates" or row["strength"] == 0)
        if (row["change"], row["geometry"]) == ("coordinates", "causal"):
            assert row["within"] == pytest.approx(start["causal"]["within"], abs=1e-6)


def test_committed_cosines_come_out_again(smollm):
    table = smollm.unembeddings.numpy().astype(float)
    tokens = equivalence.concept_tokens(smollm)
    found = equivalence.concept_cosines({name: table[rows] for name, rows in tokens.items()}, table)
    for row, kept in zip(found, ROWS[:3], strict=True):
        assert row["geometry"] == kept["geometry"]
        assert row["within"] == pytest.approx(kept["within"], abs=1e-4)
        assert row["between"] == pytest.approx(kept["between"], abs=1e-4)


# ---- bad input ------------------------------------------------------------------------------------------------------

BAD = {
    "change": (lambda: equivalence.another_member(FEATURES, TABLE, "all", 1.0), "change must be one of .*'all'"),
    "study": (lambda: equivalence.equivalents_study("bundled", "all"), "change must be one of .*'all'"),
    "model": (lambda: equivalence.equivalents_study("", "unseen"), "model must be 'bundled', a folder"),
    "strength": (lambda: equivalence.another_member(FEATURES, TABLE, "unseen", -1), "strength must be at least 0"),
    "seed": (lambda: equivalence.another_member(FEATURES, TABLE, "unseen", 1, seed=-1), "seed must be at least 0"),
    "features": (
        lambda: equivalence.another_member(FEATURES[:, :2], TABLE, "unseen", 1),
        r"features must have shape \(n_contexts, 8\)",
    ),
    "unembeddings": (
        lambda: equivalence.another_member(FEATURES, TABLE[0], "unseen", 1),
        r"unembeddings must have shape \(n_tokens, dim\)",
    ),
    "no room": (lambda: equivalence.another_member(np.eye(8), TABLE, "unseen", 1), "features must leave out a dir"),
    "pairs": (lambda: equivalence.concept_cosines([TABLE], TABLE), "pairs must be a mapping"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
