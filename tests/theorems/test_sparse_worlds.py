"""What the chapter on superposition proves, as claims about random words, steps and predictors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrep_core.superposition import (
    feature_dimensionality,
    least_dimension,
    moment_curve_predictor,
    separable,
    simplex_predictor,
    sparse_world,
    word_straightness,
)

SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.tuples(st.integers(2, 6), st.integers(1, 5)).filter(lambda pair: pair[1] < pair[0])


@given(seed=SEEDS, size=SIZES)
def test_in_fewer_than_the_least_dimensions_some_concept_is_not_separated(seed, size):
    m, s = size
    d = least_dimension(m, s) - 1
    words = sparse_world(m, most_active=s).meanings
    rng = np.random.default_rng(seed)
    for scale in (0.0, 3.0):  # words anywhere, and words near sums of a vector for each concept
        g = scale * words @ rng.standard_normal((m, max(d, 1))) + rng.standard_normal((len(words), max(d, 1)))
        assert not separable(g if d else 0 * g, words).all()


@pytest.mark.parametrize(("m", "s"), [(3, 1), (4, 1), (4, 2), (5, 2), (6, 2), (4, 3), (6, 5)])
def test_in_the_least_dimension_words_can_be_placed_so_that_every_concept_is_separated(m, s):
    world = sparse_world(m, most_active=s)
    offer = moment_curve_predictor if 2 * s < m else simplex_predictor
    g = offer(world, margin=1.0)[1][:, :-1]
    assert g.shape[1] == least_dimension(m, s)
    assert separable(g, world.meanings).all()
    if s > 1:
        assert word_straightness(g, world.meanings) < 0.99  # straight words would need m dimensions


@given(seed=SEEDS, n=st.integers(1, 8), dim=st.integers(1, 4))
def test_the_fractions_of_a_dimension_add_up_to_at_most_the_rank(seed, n, dim):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, dim)) * rng.exponential(size=(n, 1)) ** 2
    shares = feature_dimensionality(vectors)
    assert shares.sum() <= np.linalg.matrix_rank(vectors) + 1e-9
    assert (shares <= 1 + 1e-12).all()


@given(seed=SEEDS, dim=st.integers(1, 4))
def test_they_add_up_to_it_if_every_vector_is_an_eigenvector_of_the_frame(seed, dim):
    rng = np.random.default_rng(seed)
    first, second = (np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(2))
    assert feature_dimensionality(np.vstack([first, 2 * second])).sum() == pytest.approx(dim)


@given(seed=SEEDS, m=st.integers(2, 6))
def test_telling_absences_one_by_one_makes_a_table_of_full_rank(seed, m):
    """The heart of the proof: large on the diagonal, small off it, is invertible."""
    rng = np.random.default_rng(seed)
    table = rng.uniform(-1, 1, size=(m, m)) / m
    np.fill_diagonal(table, -rng.uniform(1, 100, size=m))
    assert np.linalg.matrix_rank(table) == m
