"""Worlds of three switches, their read-outs and predictions, beside brute force and formulas on paper."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from linrep_core import SoftmaxPredictor, linearity
from linrep_core.mechanisms import (
    DIMS,
    N_CONCEPTS,
    PREDICTED,
    READ_OUTS,
    READINGS,
    REASONS,
    SAME,
    SWITCHES,
    WRONG,
    Interval,
    Prediction,
    interval,
    mean_length,
    mechanism_cell,
    mechanism_model,
    mechanism_world,
    read_outs,
    runs_of,
    settled_read_outs,
    switch_effect,
)
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results

ON_OFF = (True, False)
ALL = list(product(ON_OFF, repeat=3))
RANDOM = np.random.default_rng(0)


# ---- worlds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("matched", "zeros", "separated"), ALL)
def test_each_switch_does_what_it_says_and_nothing_else(matched, zeros, separated):
    model = mechanism_model(matched, zeros, separated)
    joint = model.graph.joint().reshape(2, 2, 2, 2)
    odds = np.log(joint[1] / joint[0])  # of concept 0, given the others
    assert (np.ptp(odds) < 1e-12) == matched
    assert matched or (odds.min() < -1 and odds.max() > 1)  # they change in sign
    assert model.graph.separated(1, 2) == separated
    assert (model.next_token_distribution().min() == 0) == zeros
    for concept in range(N_CONCEPTS):
        assert model.graph.marginal([concept])[1] == pytest.approx(0.5)


@pytest.mark.parametrize(("matched", "separated"), list(product(ON_OFF, ON_OFF)))
def test_without_zeros_each_told_concept_is_wrong_once_in_ten_times(matched, separated):
    world = mechanism_world(matched, False, separated)
    joint = mechanism_model(matched, False, separated).graph.joint()
    for context, p, weight in zip(world.contexts, world.distribution, world.weights, strict=True):
        told = [i for i in range(N_CONCEPTS) if context[i] >= 0]
        together = [
            joint[y] * np.prod([1 - WRONG if word[i] == context[i] else WRONG for i in told])
            for y, word in enumerate(world.meanings)
        ]
        np.testing.assert_allclose(p, np.array(together) / sum(together), rtol=1e-10)
        assert weight == pytest.approx(2.0**-N_CONCEPTS * sum(together))


# ---- what the distribution alone settles ----------------------------------------------------------------------------


@pytest.mark.parametrize(("matched", "separated"), list(product(ON_OFF, ON_OFF)))
def test_the_shortest_predictor_has_the_cosines_that_paper_gives(matched, separated):
    pairs = 2 - matched - separated
    found = settled_read_outs(matched, separated)
    assert [found[name] for name in ("contexts", "growth", "crossing", "between")] == pytest.approx([1, 1, 0, 0])
    evidence, odds = np.log((1 - WRONG) / WRONG), np.log(SAME / (1 - SAME))
    ratio = np.sqrt(1.5) * odds / (evidence * np.sqrt(pairs)) if pairs else 0.0
    opposite = 1.0 if matched else (1 - ratio) / (1 + ratio)
    assert found["words"] == pytest.approx((12 + 16 * opposite) / 28)
    assert found["alignment"] == pytest.approx(1 - pairs / 2 + pairs / 2 / np.sqrt(1 + ratio))


def test_with_as_many_dimensions_as_concepts_only_the_independent_world_fits():
    for matched, separated in product(ON_OFF, ON_OFF):
        settled = settled_read_outs(matched, separated, dim=5)
        assert settled == pytest.approx(settled_read_outs(matched, separated))  # m + 1 are enough for each
    assert settled_read_outs(True, True, dim=4) == pytest.approx(settled_read_outs(True, True))


# ---- predictions ----------------------------------------------------------------------------------------------------


def test_there_is_a_reasoned_prediction_for_each_number_of_each_combination():
    assert PREDICTED.keys() == set(product(ON_OFF, ON_OFF, ON_OFF, DIMS))
    for said in PREDICTED.values():
        assert said.keys() == READ_OUTS.keys()
        assert all(each.low < each.high and each.reason in REASONS for each in said.values())
    assert {each.reason for said in PREDICTED.values() for each in said.values()} == REASONS.keys()


def test_with_room_and_without_zeros_predictions_are_what_is_settled():
    for matched, separated in product(ON_OFF, ON_OFF):
        for name, value in settled_read_outs(matched, separated).items():
            said = PREDICTED[matched, False, separated, DIMS[1]][name]
            assert said.low <= round(value, 3) <= said.high
            assert said.high - said.low <= 0.1 + 1e-12


def test_each_mechanism_is_read_in_two_numbers():
    assert [reading.mechanism for reading in READINGS] == [1, 1, 2, 2, 3, 3]
    assert sorted(reading.read_out for reading in READINGS) == sorted(READ_OUTS)
    assert [reading.switch for reading in READINGS[::2]] == list(SWITCHES)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [((0.3, 0.4), "confirmed"), ((0.4, 0.6), "open"), ((0.6, 0.7), "refuted"), ((0.0, 0.9), "open")],
)
def test_a_verdict_is_of_the_whole_interval(measured, verdict):
    assert Prediction(0.2, 0.5, "odds").verdict(*measured) == verdict


def test_an_end_that_cannot_be_passed_bounds_nothing():
    assert Prediction(0.9, 1, "tight").verdict(0.95, 1.03) == "confirmed"
    assert Prediction(-1, 0.9, "odds").verdict(-1.1, 0.2) == "confirmed"
    assert Prediction(1.05, 3, "push").verdict(2.0, 4.0) == "confirmed"


# ---- read-outs ------------------------------------------------------------------------------------------------------


def test_read_outs_are_the_numbers_of_the_linearity_report():
    world, model = mechanism_world(False, True, False), mechanism_model(False, True, False)
    f, g = RANDOM.normal(size=(81, 5)), RANDOM.normal(size=(16, 5))
    found, report = read_outs(world, (f, g), g / 3), linearity(model, SoftmaxPredictor(f, g))
    assert found["words"] == pytest.approx(report.unembedding[0])
    assert found["contexts"] == pytest.approx(report.embedding[0])
    assert found["alignment"] == pytest.approx(report.mean["alignment"])
    assert found["between"] == pytest.approx(report.heat_map[1, 2])
    assert found["growth"] == pytest.approx(3)


def test_crossing_is_symmetric_in_the_two_concepts():
    world = mechanism_world(True, True, True)
    f, g = RANDOM.normal(size=(81, 5)), RANDOM.normal(size=(16, 5))
    swap_words = np.arange(16).reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).ravel()
    swap_contexts = np.arange(81).reshape(3, 3, 3, 3).transpose(0, 2, 1, 3).ravel()
    swapped = read_outs(world, (f[swap_contexts], g[swap_words]))
    assert swapped["crossing"] == pytest.approx(read_outs(world, (f, g))["crossing"])


def test_a_start_of_zeros_has_no_growth():
    assert np.isnan(read_outs(mechanism_world(True, True, True), (np.ones((81, 2)), np.zeros((16, 2))))["growth"])
    assert mean_length(np.zeros((16, 2))) == 0


# ---- the study ------------------------------------------------------------------------------------------------------


def test_intervals_are_students():
    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.n) == (2, 3)
    assert found.high - found.mean == pytest.approx(4.302652729911275 / np.sqrt(3))
    assert np.isnan(interval([1.0]).low)
    assert str(Interval(0.5, 0.4, 0.6, 3)) == "+0.50 [+0.40, +0.60]"


def rows_of(effect, seeds=range(5)):
    return [
        {"matched": on, "zeros": True, "dim": 4, "seed": seed, "words": seed + effect * on}
        for on in ON_OFF
        for seed in seeds
    ]


def test_an_effect_is_paired_over_seeds():
    found = switch_effect(rows_of(0.25), "matched", "words", zeros=True, dim=4)
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


@pytest.mark.parametrize("others", [{"dim": 8}, {"zeros": False}])
def test_an_effect_needs_runs_with_the_others_as_asked(others):
    with pytest.raises(ValueError, match="records must have one row a seed with matched on and off, got 0"):
        switch_effect(rows_of(0.25), "matched", "words", **others)


def test_an_effect_needs_the_same_seeds_once_each():
    for wrong in (rows_of(0)[1:], rows_of(0) * 2):
        with pytest.raises(ValueError, match="records must have one row a seed"):
            switch_effect(wrong, "matched", "words")


def test_a_cell_has_a_row_a_seed_and_does_not_change():
    kind = {"n_seeds": 2, "steps": 20}
    rows = mechanism_cell(True, False, False, 5, **kind)
    assert [row["seed"] for row in rows] == [0, 1]
    assert all({"excess_loss", *READ_OUTS} < row.keys() for row in rows)
    assert rows == mechanism_cell(True, False, False, 5, **kind)
    assert rows[0]["growth"] > 1


def test_the_table_has_twelve_runs_of_each_combination():
    rows = read_results(RESULTS / "mechanisms.csv")
    for matched, zeros, separated, dim in PREDICTED:
        cell = runs_of(rows, matched=matched, zeros=zeros, separated=separated, dim=dim)
        assert sorted(row["seed"] for row in cell) == list(range(12))


@pytest.mark.slow
def test_the_table_is_made_again():
    kept = runs_of(read_results(RESULTS / "mechanisms.csv"), matched=False, zeros=False, separated=True, dim=8)
    for live, row in zip(mechanism_cell(False, False, True, 8, n_seeds=2), kept, strict=False):
        assert {name: live[name] for name in READ_OUTS} == pytest.approx({n: row[n] for n in READ_OUTS}, abs=1e-6)


# ---- bad input ------------------------------------------------------------------------------------------------------

PAPER = mechanism_world(True, True, True)
F, G = np.ones((81, 2)), np.ones((16, 2))
BAD_INPUT = {
    "matched": (lambda: mechanism_model(1, True, True), "matched must be True or False, got 1"),
    "zeros": (lambda: mechanism_model(True, "no", True), "zeros must be True or False, got 'no'"),
    "separated": (lambda: mechanism_model(True, True, None), "separated must be True or False, got None"),
    "no world": (lambda: read_outs(None, (F, G)), "world must be"),
    "too few contexts": (
        lambda: read_outs(PAPER, (F[1:], G)),
        "contexts must have one row for each of the 80 embeddings",
    ),
    "not all words": (lambda: read_outs(PAPER, (F, G[1:])), "unembeddings must have shape"),
    "no words before": (lambda: read_outs(PAPER, (F, G), G[0]), "unembeddings must have shape"),
    "no table": (lambda: mean_length("g"), "unembeddings must"),
    "no dimension": (lambda: settled_read_outs(True, True, dim=0), "dim must be at least 1, got 0"),
    "no method": (lambda: mechanism_cell(True, True, True, 4, method="sgd"), "method must be one of"),
    "no seed": (lambda: mechanism_cell(True, True, True, 4, n_seeds=0), "n_seeds must be at least 1, got 0"),
    "no tenth": (lambda: mechanism_cell(True, True, True, 4, steps=9), "steps must be at least 10, got 9"),
    "no rate": (lambda: mechanism_cell(True, True, True, 4, learning_rate=-1), "learning_rate must"),
    "no start": (lambda: mechanism_cell(True, True, True, 4, start_scale=0.0), "start_scale must"),
    "nothing": (lambda: interval([]), "values must"),
    "no entry": (lambda: runs_of([{"dim": 4}], zeros=True), "records\\[0\\] must have an entry 'zeros'"),
    "no switch": (lambda: switch_effect(rows_of(0), "room", "words"), "switch must be one of"),
    "no number": (lambda: switch_effect(rows_of(0), "matched", "loss"), "read_out must be one of"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD_INPUT[name]
    with pytest.raises(ValueError, match=message):
        call()
