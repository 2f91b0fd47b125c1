"""Chains of matrices: no chain is cheaper than the price of its product, and no sum of parts than the linear table."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from linrep_core.chains import chain_cost, context_inputs, linear_price, product_price, shortest_chain
from linrep_core.theorems.bottleneck import MARGIN, linear_table
from linrep_core.theorems.nuclear_norm import nuclear_norm
from linrep_core.theorems.unlimited_dimension import smallest_margin

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.integers(2, 5))
def test_no_chain_is_cheaper_than_the_price_of_its_product(seed, n_factors):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 7, size=n_factors + 1)
    chain = [rng.normal(size=shape) for shape in itertools.pairwise(widths)]
    squares = sum((matrix**2).sum() for matrix in chain)
    assert squares >= chain_cost(np.linalg.multi_dot(chain), n_factors) * (1 - 1e-9)


@given(SEEDS, st.integers(2, 5))
def test_the_price_is_reached_and_moving_a_factor_costs(seed, n_factors):
    rng = np.random.default_rng(seed)
    chain = shortest_chain(rng.normal(size=(5, 3)), n_factors)
    least = sum((matrix**2).sum() for matrix in chain)
    turn = np.eye(3) + 0.5 * rng.normal(size=(3, 3))
    moved = [chain[0] @ turn, np.linalg.solve(turn, chain[1]), *chain[2:]]
    np.testing.assert_allclose(np.linalg.multi_dot(moved), np.linalg.multi_dot(chain), atol=1e-8)
    assert sum((matrix**2).sum() for matrix in moved) >= least * (1 - 1e-9)


@given(st.integers(2, 40), st.floats(3.0, 50.0))
def test_from_three_matrices_on_the_linear_table_is_cheaper_than_the_product_table(m, n_factors):
    assert linear_price(m, n_factors) < product_price(m, n_factors)


@given(SEEDS, st.integers(1, 3))
def test_no_sum_of_parts_with_the_margins_is_cheaper_than_the_linear_one(seed, m):
    rng = np.random.default_rng(seed)
    parts = context_inputs(m, "parts").numpy()
    straight = np.linalg.lstsq(parts, linear_table(m), rcond=None)[0]
    table = straight + rng.choice([0.01, 0.1, 0.3]) * rng.normal(size=straight.shape)
    margin = smallest_margin(parts @ table)
    if margin > 0:  # scaled to margin 2 it satisfies the theorem's hypothesis
        assert nuclear_norm(table * MARGIN / margin) >= m * 2 ** ((m + 1) / 2) * (1 - 1e-9)


def test_the_linear_table_reaches_the_bound_for_parts():
    for m in (1, 2, 3, 4):
        signs = 2.0 * np.array(np.meshgrid(*[[0, 1]] * m, indexing="ij")).reshape(m, -1) - 1
        table = np.stack([np.stack([-t, t, 0 * t]) for t in signs]).reshape(3 * m, -1)
        assert smallest_margin(context_inputs(m, "parts").numpy() @ table) == MARGIN
        assert np.isclose(nuclear_norm(table), m * 2 ** ((m + 1) / 2))
