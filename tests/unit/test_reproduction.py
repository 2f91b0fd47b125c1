"""The paper's procedure: masks, contexts, incomplete tokens, and a short run of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from brute_force import all_contexts

from linrep_core import linearity
from linrep_core.geometry import embedding_steering_vectors, mean_pairwise_cosine
from linrep_core.reproduction import (
    COSINES,
    FIGURE_6,
    FIGURE_7A,
    ROWS,
    RUNS,
    TABLES,
    Comparison,
    Estimate,
    compare,
    estimate,
    history_rows,
    likeliest_length,
    masked_contexts,
    n_stuck,
    paper_block,
    paper_heat_maps,
    paper_runs,
    paper_world,
    random_masks,
    runs_at,
)


def test_masks_are_fair_coins_and_differ():
    masks = random_masks(10, 400, seed=1)
    assert len(np.unique(masks, axis=0)) == len(masks) <= 400
    assert abs(masks.mean() - 0.5) < 0.03
    assert len(random_masks(2, 1000, seed=0)) == 4
    assert not np.array_equal(random_masks(6, 5, seed=0), random_masks(6, 5, seed=1))


def test_masked_contexts_are_every_token_behind_every_mask():
    tokens = [[0, 0, 1], [1, 0, 1]]
    found = masked_contexts(tokens, [[1, 0, 0], [0, 0, 0]])
    assert sorted(found.tolist()) == [[-1, 0, 1], [0, 0, 1], [1, 0, 1]]
    every = masked_contexts(np.indices((2, 2)).reshape(2, -1).T, random_masks(2, 1000, seed=0))
    assert sorted(every.tolist()) == sorted(map(list, all_contexts(2)))


def test_incomplete_tokens_have_probability_zero_and_contexts_agree_with_one():
    model, contexts = paper_world(4, seed=3, n_masks=5, share_of_tokens=0.5)
    assert model.token_occurs.sum() == 8
    table = model.next_token_distribution(contexts)
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    assert (table[:, ~model.token_occurs] == 0).all()
    rows, tokens = model.sample(2000, contexts, seed=0)
    assert model.token_occurs[tokens].all()
    told = contexts[rows] != -1
    assert (contexts[rows][told] == model.tokens()[tokens][told]).all()


def test_without_masks_or_shares_it_is_the_complete_problem():
    model, contexts = paper_world(3, seed=0)
    assert contexts is None
    assert model.token_occurs.all()


def test_only_pairs_of_tokens_that_occur_are_measured():
    model, _ = paper_world(4, seed=3, n_masks=5, share_of_tokens=0.5)
    (run,) = paper_runs(4, [3], steps=30, n_masks=5, share_of_tokens=0.5, progress=False)
    report = linearity(model, run.predictor)
    occurs = model.token_occurs
    g = run.predictor.unembeddings.double()[torch.as_tensor(occurs)]
    vectors = embedding_steering_vectors(g, model.tokens()[occurs], 0)
    assert 0 < len(vectors) < 8
    assert report.unembedding[0] == pytest.approx(mean_pairwise_cosine(vectors))


@pytest.mark.slow
def test_a_short_run_of_table_1_is_well_on_its_way():
    runs = paper_runs(3, range(4), steps=4000, n_records=3, progress=False)
    assert {run.predictor.embeddings.dtype for run in runs} == {torch.float32}
    assert np.mean([run.history["unembedding"][-1] for run in runs]) > 0.8
    assert np.mean([run.excess_loss for run in runs]) < 0.15


def test_rows_hold_the_history():
    runs = paper_runs(2, [4, 7], steps=10, n_records=2, progress=False)
    rows = history_rows(runs)
    assert [(row["seed"], row["step"]) for row in rows] == [(4, 0), (4, 10), (7, 0), (7, 10)]
    assert rows[3]["unembedding"] == runs[1].history["unembedding"][-1]


def test_what_the_paper_printed_is_complete():
    assert {number: list(table) for number, table in TABLES.items()} == {
        1: [3, 4, 5, 6, 7],
        2: [3, 4, 5, 6, 7],
        3: [50, 100],
        4: [10, 12],
    }
    cells = [cell for table in TABLES.values() for row in table.values() for cell in row]
    assert all(0.5 < cell.mean < 1 and 0 <= cell.error < 0.02 for cell in cells)
    assert list(RUNS) == list(TABLES[1])


# ---- the comparison ---------------------------------------------------------------------------------------------


def records(*runs: tuple[float, float], steps: tuple[int, ...] = (0, 10)) -> list[dict]:
    """Rows of runs with these (cosine, excess loss) at the last step and cosines 0 before."""
    return [
        {"seed": seed, "step": step, "excess_loss": excess}
        | dict.fromkeys(COSINES, cosine if step == steps[-1] else 0.0)
        for seed, (cosine, excess) in enumerate(runs)
        for step in steps
    ]


def test_a_mean_and_its_standard_error():
    values = [0.1, 0.4, 0.9, 0.2]
    found = estimate(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.error == pytest.approx(np.std(values) / np.sqrt(len(values) - 1))
    assert np.isnan(estimate([1.0]).error)
    with pytest.raises(ValueError, match="values must hold at least one run"):
        estimate([])


@pytest.mark.parametrize(("ours", "verdict"), [(0.90, "agrees"), (0.86, "agrees"), (0.84, "lower"), (0.96, "higher")])
def test_two_standard_errors_of_the_difference_decide(ours, verdict):
    found = Comparison("unembedding", Estimate(0.9, 0.02), Estimate(ours, 0.015))
    assert found.difference == pytest.approx((ours - 0.9) / 0.025)
    assert found.verdict == verdict


def test_a_row_is_compared_at_the_last_step_or_at_another():
    rows = records((0.95, 0.0), (0.99, 0.0), (0.97, 0.1))
    assert [(run["seed"], run["step"]) for run in runs_at(rows)] == [(0, 10), (1, 10), (2, 10)]
    for found, printed in zip(compare("table-1-m3", rows), TABLES[1][3], strict=True):
        assert found.printed == printed
        assert found.ours.mean == pytest.approx(0.97)
    assert compare("table-1-m3", rows, 0)[0].ours.mean == 0.0
    assert n_stuck(rows) == 1
    with pytest.raises(ValueError, match=r"step must be one of the recorded 0, 10, got 5"):
        compare("table-1-m3", rows, 5)


def test_the_likeliest_length_is_where_the_numbers_come_nearest():
    printed = [value.mean for value in TABLES[1][3]]
    rows = []
    for step, shift in ((0, -0.9), (10, -0.1), (100, 0.001), (1000, 0.02)):
        for seed, noise in enumerate((-0.01, 0.01)):
            cosines = (value + shift + noise for value in printed)
            rows.append({"seed": seed, "step": step, "excess_loss": 0.0, **dict(zip(COSINES, cosines, strict=True))})
    assert likeliest_length("table-1-m3", rows) == 100


def test_every_row_of_the_paper_can_be_run():
    assert [row.printed for name, row in ROWS.items() if name.startswith("table-2")] == list(TABLES[2].values())
    assert [row.printed for name, row in ROWS.items() if name.startswith("figure-6")] == list(FIGURE_6.values())
    for name in ("table-2-m3", "table-3-masks50", "figure-6-m7-d5"):
        rows = paper_block(name, steps=2, first_seed=1, n_seeds=2)
        assert {row["seed"] for row in rows} == {1, 2}
        assert {row["step"] for row in rows} == {0, 1, 2}
    assert all(row.n_seeds % row.block == 0 for row in ROWS.values())


def test_heat_maps_are_of_the_same_runs_as_the_table():
    block = {"steps": 300, "first_seed": 3, "n_seeds": 2}
    table = runs_at(paper_block("table-1-m3", **block))
    maps = paper_heat_maps("table-1-m3", **block)
    for run in table:
        within = [row["cosine"] for row in maps if row["seed"] == run["seed"] and row["first"] == row["second"]]
        assert np.mean(within) == pytest.approx(run["unembedding"], abs=1e-6)


def test_heat_maps_are_of_the_words_that_occur():
    rows = paper_heat_maps("table-4-m10", steps=1, first_seed=0, n_seeds=1)
    assert len(rows) == 55
    world, _ = paper_world(10, 0, n_masks=50, share_of_tokens=0.5)
    assert not world.token_occurs.all()
    table = runs_at(paper_block("table-4-m10", steps=1, first_seed=0, n_seeds=1))
    within = [row["cosine"] for row in rows if row["first"] == row["second"]]
    assert np.mean(within) == pytest.approx(table[0]["unembedding"], abs=1e-6)


def test_the_printed_heat_map_is_symmetric_and_has_the_mean_of_table_4():
    printed = np.array(FIGURE_7A)
    assert (printed == printed.T).all()
    assert np.diag(printed).mean() == pytest.approx(TABLES[4][10][0].mean, abs=0.002)


def test_a_higher_rate_takes_the_same_course_in_fewer_steps():
    slow = paper_runs(3, range(4), steps=1600, n_records=2, progress=False)
    fast = paper_runs(3, range(4), steps=200, learning_rate=0.8, n_records=2, progress=False)
    for one, other in zip(slow, fast, strict=True):
        assert one.excess_loss == pytest.approx(other.excess_loss, abs=0.15)
        assert one.excess_loss < 0.7 * one.history["excess_loss"][0]
