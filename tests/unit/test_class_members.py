"""What equivalent predictors share and what the shortest of them is, beside brute force."""

from __future__ import annotations

import numpy as np
import pytest

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, linearity, train
from linrep_core.class_members import (
    CONCLUSIONS,
    OF_THE_DISTRIBUTION,
    Spread,
    causal_member,
    conclusions,
    cost,
    distance_to_smallest,
    excess_cost,
    in_the_class,
    smallest_cost,
    smallest_member,
    unseen_share,
)
from linrep_core.identifiability import change_basis, distribution_gap, equivalent_predictor
from linrep_core.llm import causal_inner_product, cosine

MODEL = LatentConditionalModel(ConceptGraph.random(3, edge_probability=0.5, seed=0))
RUNS = {dim: train(MODEL, dim, steps=200, progress=False).predictor for dim in (3, 4, 10)}
RANDOM = np.random.default_rng(0)


def tables(predictor):
    return predictor.embeddings.numpy(), predictor.unembeddings.numpy()


# ---- conclusions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", RUNS)
def test_log_odds_and_steps_are_what_loops_over_words_give(dim):
    f, g = tables(RUNS[dim])
    tokens, contexts = MODEL.tokens(), MODEL.contexts()
    agree, steers = [], []
    for i in range(3):
        lower = [y for y in range(8) if tokens[y, i] == 0]
        odds = [f @ (g[y + 2 ** (2 - i)] - g[y]) for y in lower]
        agree.append(np.mean([cosine(a, b) for j, a in enumerate(odds) for b in odds[:j]]))
        known = {tuple(x): r for r, x in enumerate(contexts.tolist())}
        pairs = [(known[(*x[:i], 1, *x[i + 1 :])], r) for x, r in known.items() if x[i] == 0]
        step = np.mean([f[up] - f[down] for up, down in pairs], axis=0)
        logits = g @ step
        steers.append(cosine(logits - logits.mean(), tokens[:, i] - 0.5))
    found = conclusions(MODEL, RUNS[dim])
    assert found["log-odds agree"] == pytest.approx(np.mean(agree))
    assert found["step steers"] == pytest.approx(np.mean(steers))
    assert tuple(found) == CONCLUSIONS


def test_a_probe_reads_what_regression_on_log_odds_explains():
    f, g = tables(RUNS[3])
    inputs = np.column_stack([f @ (g - g.mean(axis=0)).T, np.ones(27)])
    correlations = []
    for i in range(3):
        told = MODEL.contexts()[:, i]
        values = np.array([{0: -1.0, 1: 1.0, -1: 0.0}[each] for each in told.tolist()])
        fitted = inputs @ np.linalg.lstsq(inputs, values, rcond=1e-10)[0]
        correlations.append(np.corrcoef(fitted, values)[0, 1])
    assert conclusions(MODEL, RUNS[3])["probe reads"] == pytest.approx(np.mean(correlations))


@pytest.mark.parametrize("dim", RUNS)
def test_the_class_shares_what_its_distribution_says(dim):
    spreads = in_the_class(MODEL, RUNS[dim], n_members=6, progress=False)
    shared = {name for name, each in spreads.items() if each.shared}
    assert shared == {*OF_THE_DISTRIBUTION, "causal unembedding", "causal between"}
    for each in spreads.values():
        assert each.smallest <= each.median <= each.largest
    report = linearity(MODEL, RUNS[dim]).mean
    assert spreads["alignment"].found == report["alignment"]


def test_a_spread_is_shared_up_to_a_millionth():
    assert Spread(0.5, 0.5, 0.5, 0.5 + 1e-9).shared
    assert not Spread(0.5, 0.5 - 1e-3, 0.5, 0.5).shared


# ---- members that stand out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", RUNS)
def test_the_smallest_member_is_equivalent_balanced_and_shorter_than_all_others(dim):
    member = smallest_member(RUNS[dim])
    assert distribution_gap(RUNS[dim], member) < 1e-9
    f, g = tables(member)
    assert f.shape == (27, dim)
    np.testing.assert_allclose(f.T @ f, g.T @ g, atol=1e-9)
    assert cost(member) == pytest.approx(smallest_cost(RUNS[dim]))
    assert excess_cost(member) == pytest.approx(1.0)
    for seed in range(20):
        other = equivalent_predictor(RUNS[dim], seed=seed)
        assert cost(other) > cost(member)
        assert excess_cost(other) > 1
        assert distance_to_smallest(other) > 0.01
    for shift in RANDOM.normal(size=(5, 27)):  # a row of the logits may be shifted; it never pays
        f, g = tables(RUNS[dim])
        shifted = f @ (g - g.mean(axis=0)).T + shift[:, None]
        assert np.linalg.svd(shifted, compute_uv=False).sum() > cost(member) - 1e-9


def test_a_turned_smallest_member_is_no_farther_away():
    member = smallest_member(RUNS[4])
    turn = np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
    assert distance_to_smallest(change_basis(member, turn)) < 1e-6
    f, g = tables(change_basis(member, turn))
    assert distance_to_smallest((f, g + 7.0)) < 1e-6  # a shift of all words is none


def test_the_causal_member_has_the_angles_of_the_causal_inner_product():
    _, g = tables(RUNS[4])
    member = causal_member(RUNS[4])
    assert distribution_gap(RUNS[4], member) < 1e-9
    found = tables(member)[1]
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.T @ found / 8, np.eye(4), atol=1e-12)
    inner = causal_inner_product(g)
    assert cosine(found[1] - found[0], found[5] - found[4]) == pytest.approx(inner.cosine(g[1] - g[0], g[5] - g[4]))


def test_in_as_many_dimensions_as_words_the_causal_member_is_a_simplex():
    g = tables(causal_member(RUNS[10]))[1]
    assert g.shape == (8, 7)
    distances = np.linalg.norm(g[:, None] - g[None], axis=2)[np.triu_indices(8, 1)]
    np.testing.assert_allclose(distances, 4.0)


def test_the_unseen_share_is_what_least_squares_leaves():
    f, g = tables(RUNS[10])
    centred = (g - g.mean(axis=0)).T
    left = f.T - centred @ np.linalg.lstsq(centred, f.T, rcond=1e-9)[0]
    assert unseen_share(RUNS[10]) == pytest.approx((left**2).sum() / (f**2).sum())
    assert unseen_share(RUNS[3]) < 1e-12


# ---- bad input ------------------------------------------------------------------------------------------------------

TOO_FEW = SoftmaxPredictor(np.zeros((2, 3)), np.zeros((8, 3)))
BAD = {
    "no model": (lambda: in_the_class(None, RUNS[3]), "model must be a LatentConditionalModel, got None"),
    "no members": (lambda: in_the_class(MODEL, RUNS[3], n_members=0), "n_members must be at least 1, got 0"),
    "seed": (lambda: in_the_class(MODEL, RUNS[3], seed=-1), "seed must be at least 0, got -1"),
    "progress": (lambda: in_the_class(MODEL, RUNS[3], progress=1), "progress must be"),
    "other contexts": (lambda: conclusions(MODEL, TOO_FEW), "predictor must have .*27"),
    "no predictor": (lambda: cost(3), "predictor must be a SoftmaxPredictor or a pair .* got 3"),
    "one table": (lambda: smallest_member(([[1.0]],)), "predictor must be a SoftmaxPredictor or a pair"),
    "other dimensions": (lambda: unseen_share(([[1.0]], [[1.0, 2.0]])), "predictor must have tables .*same length"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
