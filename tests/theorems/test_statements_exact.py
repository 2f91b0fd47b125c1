"""The algebra behind the statements in exact fractions and integers, for up to three concepts: no tolerance at all."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from brute_force import agrees, all_contexts, all_tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core.theorems import bottleneck, growing_fraction
from linrep_core.theorems.exact_fit import agreement

SEEDS = st.integers(0, 2**31 - 1)


def fractions(rng, count, low, high):
    """Random fractions between low and high with denominators up to 12."""
    below = rng.integers(1, 13, size=count)
    return [Fraction(int(rng.integers(low * d, high * d + 1)), int(d)) for d in below]


def positive(rng, count):
    """Random fractions above 0 and up to 7."""
    return [x + Fraction(1, 12) for x in fractions(rng, count, 0, 6)]


def switched(c, concept, value):
    return (*c[:concept], value, *c[concept + 1 :])


def ratio_of_flip(p, c, concept):
    """p(c_(i -> 1)) / p(c_(i -> 0)), exactly."""
    return p[switched(c, concept, 1)] / p[switched(c, concept, 0)]


def exact_world(rng, n_concepts):
    """A joint distribution over n_concepts binary concepts, in fractions, without structure."""
    weights = positive(rng, 2**n_concepts)
    return {c: weight / sum(weights) for c, weight in zip(all_tokens(n_concepts), weights, strict=True)}


def exact_field(rng, edges):
    """A pairwise Markov random field over three concepts, in fractions."""
    tables = {edge: positive(rng, 4) for edge in edges}
    weights = {}
    for c in all_tokens(3):
        weights[c] = Fraction(1)
        for i, j in edges:
            weights[c] *= tables[i, j][2 * c[i] + c[j]]
    return {c: weight / sum(weights.values()) for c, weight in weights.items()}


# ---- log-odds -------------------------------------------------------------------------------------------------------


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS, m=st.integers(1, 3))
def test_the_context_cancels_in_the_odds_of_a_flip(seed, m):
    world = exact_world(np.random.default_rng(seed), m)
    for context in all_contexts(m):
        told = sum(p for c, p in world.items() if agrees(context, c))
        given_x = {c: p / told for c, p in world.items() if agrees(context, c)}
        for c, i in product(given_x, range(m)):
            if context[i] == -1:
                assert ratio_of_flip(given_x, c, i) == ratio_of_flip(world, c, i)


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS)
def test_only_neighbours_move_the_odds(seed):
    world = exact_field(np.random.default_rng(seed), [(0, 2), (1, 2)])
    for c in world:
        assert ratio_of_flip(world, switched(c, 1, 0), 0) == ratio_of_flip(world, switched(c, 1, 1), 0)


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS)
def test_an_edge_moves_the_odds_by_its_interaction(seed):
    world = exact_field(np.random.default_rng(seed), [(0, 1), (0, 2), (1, 2)])
    interaction = ratio_of_flip(world, (0, 1, 0), 0) / ratio_of_flip(world, (0, 0, 0), 0)
    others = ratio_of_flip(world, (0, 1, 1), 0) / ratio_of_flip(world, (0, 0, 1), 0)
    assert interaction == others  # pairwise: the same whatever the third concept is


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS, m=st.integers(1, 3), cost=st.integers(2, 50))
def test_the_additive_table_gives_agreeing_tokens_their_exact_odds(seed, m, cost):
    # exp of the logits: p(y) / cost^(concepts contradicted), here with a whole number for e^B
    world = exact_world(np.random.default_rng(seed), m)
    for context in all_contexts(m):
        score = {
            c: p / Fraction(cost) ** sum(told not in (-1, value) for told, value in zip(context, c, strict=True))
            for c, p in world.items()
        }
        agreeing = [c for c in world if agrees(context, c)]
        assert all(score[c] * world[agreeing[0]] == score[agreeing[0]] * world[c] for c in agreeing)
        wrong = sum(score.values()) - sum(score[c] for c in agreeing)
        assert wrong <= (1 - sum(world[c] for c in agreeing)) / cost


# ---- the pull of gradient descent -----------------------------------------------------------------------------------


def dot(u, v):
    return sum(x * y for x, y in zip(u, v, strict=True))


def step_of_two_vectors(seed):
    """Two vectors in three dimensions, and eta L, which may be above 1."""
    rng = np.random.default_rng(seed)
    return fractions(rng, 3, -4, 4), fractions(rng, 3, -4, 4), positive(rng, 1)[0]


def signed_square_of_cosine(u, v):
    return dot(u, v) * abs(dot(u, v)) / (dot(u, u) * dot(v, v))


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS)
def test_no_step_lowers_the_cosine_of_two_vectors(seed):
    u, v, share = step_of_two_vectors(seed)
    after_u = [x + share * y for x, y in zip(u, v, strict=True)]
    after_v = [y + share * x for x, y in zip(u, v, strict=True)]
    if any(u) and any(v) and any(after_u) and any(after_v):
        assert signed_square_of_cosine(after_u, after_v) >= signed_square_of_cosine(u, v)


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS)
def test_sum_and_difference_are_only_scaled_by_a_step(seed):
    u, v, share = step_of_two_vectors(seed)
    after_u = [x + share * y for x, y in zip(u, v, strict=True)]
    after_v = [y + share * x for x, y in zip(u, v, strict=True)]
    for x, y, new_x, new_y in zip(u, v, after_u, after_v, strict=True):
        assert new_x + new_y == (1 + share) * (x + y)
        assert new_x - new_y == (1 - share) * (x - y)
    s, r = [x + y for x, y in zip(u, v, strict=True)], [x - y for x, y in zip(u, v, strict=True)]
    assert 4 * dot(u, v) == dot(s, s) - dot(r, r)


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=st.integers(0, 2**31 - 1), digits=st.integers(1, 4))
def test_a_growing_fraction_grows_exactly(seed, digits):
    case = growing_fraction.example(seed, digits)
    old = case.x / (case.y * case.z)
    assert old < (case.x + case.dx) / ((case.y + case.dy) * (case.z + case.dz))


@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS)
def test_the_squares_of_the_joint_optimum_are_complete(seed):
    # n = 4 vectors a and k = 1 vector b, so that sqrt(n) and sqrt(n k) are whole numbers
    rng = np.random.default_rng(seed)
    *first, b = (fractions(rng, 2, -4, 4) for _ in range(5))
    mean = tuple(sum(column) / 4 for column in zip(*first, strict=True))
    squares = sum(dot(d, d) for d in ([x - y for x, y in zip(a, mean, strict=True)] for a in first))
    between = [2 * x - y for x, y in zip(mean, b, strict=True)]
    cost = (sum(dot(a, a) for a in first) + dot(b, b)) / 2
    assert cost == 2 * dot(mean, b) + (squares + dot(between, between)) / 2


# ---- the bottleneck -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 3])
def test_gram_matrices_of_the_two_tables_are_as_the_proof_says(m):
    contexts, tokens = np.array(all_contexts(m)), np.array(all_tokens(m))
    s, t = np.where(contexts == -1, 0, 2 * contexts - 1), 2 * tokens - 1
    np.testing.assert_array_equal(s.T @ s, 2 * 3 ** (m - 1) * np.eye(m, dtype=int))
    np.testing.assert_array_equal(t.T @ t, 2**m * np.eye(m, dtype=int))
    np.testing.assert_array_equal(bottleneck.linear_table(m), s @ t.T)
    one, gram = np.array([[2, 1], [1, 2]]), np.eye(1, dtype=int)
    for _ in range(m):
        gram = np.kron(gram, one)
    agreeing = np.array([[agrees(x, y) for y in all_tokens(m)] for x in all_contexts(m)]).astype(int)
    np.testing.assert_array_equal(agreeing, agreement(m))
    np.testing.assert_array_equal(agreeing.T @ agreeing, gram)
    np.testing.assert_array_equal(gram @ np.ones(2**m, dtype=int), 3**m * np.ones(2**m, dtype=int))
