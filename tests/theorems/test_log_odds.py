"""The log-odds identity, and what it makes of independence: exact fits in closed form, with every break shown.

A context that tells something forbids tokens, so no finite predictor has p_hat = p. What it can have is the exact
distribution among the tokens that a context allows, whatever it gives to the others; that is all these statements use.
"""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from brute_force import UNKNOWN, agrees, all_contexts, all_tokens, next_token_row
from hypothesis import assume, given
from hypothesis import strategies as st
from random_worlds import (
    SEEDS,
    compatible,
    dag_worlds,
    independent_world,
    joint_of,
    number,
    replaced,
    row_of,
    worlds,
)

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, linearity
from linrep_core.geometry import unembedding_steering_vectors


def exact_fit(world, seed):
    """A predictor with the exact distribution among the tokens that each context allows, generic otherwise.

    Its logits are ln p(y) plus any number of the context's own where y agrees with x, and anything low elsewhere;
    its coordinates are any basis.
    """
    rng = np.random.default_rng(seed)
    tokens, contexts = all_tokens(world.n_concepts), all_contexts(world.n_concepts)
    allowed = np.array([[agrees(x, y) for y in tokens] for x in contexts])
    logits = np.where(allowed, np.log(world.joint()), -rng.uniform(15.0, 20.0, size=allowed.shape))
    logits += rng.normal(size=(len(contexts), 1))
    basis = np.linalg.qr(rng.normal(size=(len(tokens),) * 2))[0] * rng.uniform(0.5, 2.0, size=len(tokens))
    return SoftmaxPredictor(logits @ basis, np.linalg.inv(basis).T)


def steering(g, token, i):
    """D_{y,i} g: the unembedding of the token with concept i set to 1, less that with it set to 0."""
    return g[number(replaced(token, i, 1))] - g[number(replaced(token, i, 0))]


def log_odds(joint, token, i):
    return math.log(joint[replaced(token, i, 1)] / joint[replaced(token, i, 0)])


def tables(predictor):
    return predictor.embeddings.numpy(), predictor.unembeddings.numpy()


# ---- the identity -----------------------------------------------------------------------------------------------


@given(world=worlds(high=4), seed=SEEDS)
def test_the_fit_is_exact_among_allowed_tokens(world, seed):
    guesses = exact_fit(world, seed).probabilities().numpy()
    for context, guess in zip(all_contexts(world.n_concepts), guesses, strict=True):
        allowed = [agrees(context, y) for y in all_tokens(world.n_concepts)]
        row = np.array(next_token_row(joint_of(world), context))
        np.testing.assert_allclose(guess[allowed] / guess[allowed].sum(), row[allowed], rtol=1e-9)


@given(world=worlds(high=4), seed=SEEDS)
def test_the_context_cancels(world, seed):
    """f(x).D_{y,i}g = ln p(y with i := 1) / p(y with i := 0) for x not knowing i and y compatible with x."""
    joint, (f, g) = joint_of(world), tables(exact_fit(world, seed))
    for context in all_contexts(world.n_concepts):
        for i in [i for i, value in enumerate(context) if value == UNKNOWN]:
            for token in compatible(context):
                found = f[row_of(context)] @ steering(g, token, i)
                assert found == pytest.approx(log_odds(joint, token, i), abs=1e-9)


@given(world=worlds(low=2, high=3), seed=SEEDS)
def test_it_needs_a_context_that_leaves_the_concept_open(world, seed):
    """Told concept i, the fit only has to make one of the two tokens improbable: by how much is free."""
    joint = joint_of(world)
    first, second = (tables(exact_fit(world, s)) for s in (seed, seed + 1))
    context, token = replaced((UNKNOWN,) * world.n_concepts, 0, 1), (1,) * world.n_concepts
    values = [f[row_of(context)] @ steering(g, token, 0) for f, g in (first, second)]
    assert abs(values[0] - values[1]) > 1e-6
    assert min(abs(value - log_odds(joint, token, 0)) for value in values) > 1e-6


@given(world=worlds(low=2, high=3), seed=SEEDS)
def test_it_needs_a_token_that_the_context_allows(world, seed):
    context = replaced((UNKNOWN,) * world.n_concepts, 1, 0)
    token = replaced((0,) * world.n_concepts, 1, 1)
    values = [
        f[row_of(context)] @ steering(g, token, 0) for f, g in (tables(exact_fit(world, s)) for s in (seed, seed + 1))
    ]
    assert abs(values[0] - values[1]) > 1e-6


@given(world=worlds(low=2, high=3), seed=SEEDS, noise=st.floats(0.05, 1.0))
def test_it_needs_the_exact_fit(world, seed, noise):
    joint, fit = joint_of(world), exact_fit(world, seed)
    f, g = tables(fit)
    f = f + noise * np.random.default_rng(seed).normal(size=f.shape)
    context = (UNKNOWN,) * world.n_concepts
    gaps = [abs(f[row_of(context)] @ steering(g, y, 0) - log_odds(joint, y, 0)) for y in compatible(context)]
    assert max(gaps) > 1e-4


# ---- equal log-odds make steering vectors equal, as far as the contexts can tell --------------------------------


def common_contexts(m, i, first, second):
    """Contexts that do not know i and are compatible with both tokens."""
    return [x for x in all_contexts(m) if x[i] == UNKNOWN and agrees(x, first) and agrees(x, second)]


@given(m=st.integers(2, 4), seed=SEEDS, data=st.data())
def test_steering_vectors_of_an_independent_concept_agree_on_the_span_of_the_contexts(m, seed, data):
    """Theorem 3 of arXiv 2403.03867 for independent concepts; the projections are equal, not only parallel."""
    world = independent_world(m, seed)
    f, g = tables(exact_fit(world, seed))
    i = data.draw(st.integers(0, m - 1))
    first, second = (data.draw(st.sampled_from(all_tokens(m))) for _ in range(2))
    difference = steering(g, first, i) - steering(g, second, i)
    span = np.array([f[row_of(x)] for x in common_contexts(m, i, first, second)])
    np.testing.assert_allclose(span @ difference, 0.0, atol=1e-9)
    projection = np.linalg.pinv(span, rcond=1e-10) @ span
    np.testing.assert_allclose(projection @ difference, 0.0, atol=1e-7)


@given(m=st.integers(2, 3), seed=SEEDS)
def test_outside_that_span_they_may_differ(m, seed):
    """Contexts that forbid one of the two tokens, or know i, leave the fit free there."""
    _, g = tables(exact_fit(independent_world(m, seed), seed))
    first, second = (0,) * m, (1,) * m
    assert np.linalg.norm(steering(g, first, 0) - steering(g, second, 0)) > 1e-6


@given(world=worlds(low=2, high=4), seed=SEEDS, data=st.data())
def test_for_dependent_concepts_the_difference_is_the_interaction_term(world, seed, data):
    joint, (f, g) = joint_of(world), tables(exact_fit(world, seed))
    m = world.n_concepts
    i = data.draw(st.integers(0, m - 1))
    first, second = (data.draw(st.sampled_from(all_tokens(m))) for _ in range(2))
    interaction = log_odds(joint, first, i) - log_odds(joint, second, i)
    for x in common_contexts(m, i, first, second):
        found = f[row_of(x)] @ (steering(g, first, i) - steering(g, second, i))
        assert found == pytest.approx(interaction, abs=1e-9)
    changed = [j for j in range(m) if first[j] != second[j] and j != i]
    if all(world.separated(i, j) for j in changed):
        assert interaction == pytest.approx(0.0, abs=1e-10)


def test_an_arrow_makes_the_interaction_show():
    """Two concepts, one arrow: the projected steering vectors differ by ln 9."""
    world = ConceptGraph.from_dag(nx.DiGraph([(0, 1)]), [0.5, {(0,): 0.25, (1,): 0.75}])
    f, g = tables(exact_fit(world, seed=0))
    nothing = f[row_of((UNKNOWN, UNKNOWN))]
    found = nothing @ (steering(g, (1, 0), 1) - steering(g, (0, 0), 1))
    assert found == pytest.approx(math.log(9))


# ---- orthogonality ----------------------------------------------------------------------------------------------


@given(world=worlds(low=2, high=4), seed=SEEDS)
def test_telling_a_concept_that_is_not_adjacent_leaves_the_log_odds_where_they_were(world, seed):
    """f(x, j := 1).D_{y,i}g at y_j = 1 less f(x, j := 0).D_{y,i}g at y_j = 0: zero exactly without an edge i - j."""
    f, g = tables(exact_fit(world, seed))
    m = world.n_concepts
    nothing = (UNKNOWN,) * m
    for i in range(m):
        for j in [j for j in range(m) if j != i]:
            gaps = []
            for y in all_tokens(m):
                ones = f[row_of(replaced(nothing, j, 1))] @ steering(g, replaced(y, j, 1), i)
                zeros = f[row_of(replaced(nothing, j, 0))] @ steering(g, replaced(y, j, 0), i)
                gaps.append(abs(ones - zeros))
            assert (max(gaps) < 1e-8) == world.separated(i, j)


def linear_fit_of_independent_concepts(world, seed):
    """g(y) = y in a random basis: exact among allowed tokens, with every steering vector of a concept the same."""
    rng = np.random.default_rng(seed)
    m = world.n_concepts
    lambdas = [math.log(p / (1 - p)) for p in (world.conditional(i, {}) for i in range(m))]
    parts = [{UNKNOWN: lambdas[i], 1: rng.uniform(15, 20), 0: -rng.uniform(15, 20)} for i in range(m)]
    f = np.array([[parts[i][value] for i, value in enumerate(x)] for x in all_contexts(m)])
    basis = np.linalg.qr(rng.normal(size=(m, m)))[0] @ np.diag(rng.uniform(0.5, 2.0, size=m))
    return SoftmaxPredictor(f @ basis, np.array(all_tokens(m)) @ np.linalg.inv(basis).T)


@given(m=st.integers(1, 4), seed=SEEDS)
def test_independent_concepts_have_a_fit_in_as_many_dimensions_that_is_linear_in_both_tables(m, seed):
    world = independent_world(m, seed)
    predictor = linear_fit_of_independent_concepts(world, seed)
    model = LatentConditionalModel(world)
    assert 0 < predictor.excess_loss(model) < 1e-5
    report = linearity(model, predictor)
    np.testing.assert_allclose(report.unembedding, 1.0, atol=1e-9)
    f, g = tables(predictor)
    for i in range(m):
        for j in [j for j in range(m) if j != i]:
            for x in all_contexts(m):
                told = f[row_of(replaced(x, j, 1))] - f[row_of(replaced(x, j, 0))]
                assert told @ steering(g, (0,) * m, i) == pytest.approx(0.0, abs=1e-9)
            own = f[row_of(replaced((UNKNOWN,) * m, i, 1))] - f[row_of(replaced((UNKNOWN,) * m, i, 0))]
            assert own @ steering(g, (0,) * m, i) > 20


@given(world=dag_worlds(low=2, high=4), seed=SEEDS)
def test_no_linear_table_fits_a_world_whose_log_odds_change_sign(world, seed):
    """f(x).D_{y,i}g is the log-odds of i at y: of both signs, the steering vectors cannot share a sense."""
    joint, predictor = joint_of(world), exact_fit(world, seed)
    odds = [[log_odds(joint, y, i) for y in all_tokens(world.n_concepts)] for i in range(world.n_concepts)]
    mixed = [i for i, row in enumerate(odds) if min(row) < -1e-6 and max(row) > 1e-6]
    assume(mixed)
    f, g = tables(predictor)
    nothing = f[row_of((UNKNOWN,) * world.n_concepts)]
    for i in mixed:
        side = unembedding_steering_vectors(g, i) @ nothing
        assert min(side) < 0 < max(side)
        assert linearity(LatentConditionalModel(world), predictor).unembedding[i] < 1 - 1e-9
