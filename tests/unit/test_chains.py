"""What a chain of matrices costs: closed forms against singular values, searches against the closed forms."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from linrep_core.chains import (
    HIDDEN,
    Architecture,
    chain_cost,
    cheapest_chain,
    cheapest_symmetric,
    context_inputs,
    layers,
    linear_price,
    price_with_relu,
    product_price,
    shortest_chain,
    start_chain,
)
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.reproduction import paper_world
from linrep_core.theorems.bottleneck import linear_table, product_table
from linrep_core.theorems.nuclear_norm import nuclear_norm
from linrep_core.theorems.unlimited_dimension import smallest_margin, smallest_table

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((5, 4))


# ---- prices ---------------------------------------------------------------------------------------------------------


def test_a_chain_of_two_costs_twice_the_nuclear_norm_and_one_matrix_its_squares():
    assert chain_cost(TABLE, 2) == pytest.approx(2 * nuclear_norm(TABLE))
    assert chain_cost(TABLE, 1) == pytest.approx((TABLE**2).sum())


@pytest.mark.parametrize("n_factors", [2, 3, 5])
def test_the_shortest_chain_has_the_table_as_its_product_and_the_price_as_its_squares(n_factors):
    chain = shortest_chain(TABLE, n_factors)
    assert len(chain) == n_factors
    np.testing.assert_allclose(np.linalg.multi_dot(chain) if n_factors > 1 else chain[0], TABLE, atol=1e-12)
    assert sum((matrix**2).sum() for matrix in chain) == pytest.approx(chain_cost(TABLE, n_factors))


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("n_factors", [2, 2.5, 3, 4])
def test_the_closed_forms_are_the_costs_of_the_two_tables(m, n_factors):
    assert linear_price(m, n_factors) == pytest.approx(chain_cost(linear_table(m), n_factors))
    assert product_price(m, n_factors) == pytest.approx(chain_cost(product_table(m), n_factors))


def test_one_more_matrix_reverses_the_order_of_the_two_tables():
    assert all(linear_price(m, 2) > product_price(m, 2) for m in range(2, 19))
    assert all(linear_price(m, k) < product_price(m, k) for m in range(2, 60) for k in (3, 4, 10))


@pytest.mark.parametrize("m", [2, 3])
def test_the_symmetric_search_finds_the_known_optimum_of_two_factors(m):
    for start in ("linear", "product"):
        found = cheapest_symmetric(m, 2, start)
        assert found.price == pytest.approx(2 * smallest_table(m).nuclear_norm, rel=1e-4)
        assert found.mean_cosine() == pytest.approx(smallest_table(m).mean_cosine, abs=1e-3)


def test_with_three_factors_the_symmetric_search_stays_linear_and_from_the_product_it_may_stay_bent():
    linear, bent = (cheapest_symmetric(3, 3, start) for start in ("linear", "product"))
    assert linear.is_linear
    assert linear.mean_cosine() == 1
    assert linear.price == pytest.approx(linear_price(3, 3))
    assert not bent.is_linear
    assert bent.price > linear.price


def test_the_more_factors_the_words_have_the_straighter_one_table_looks():
    bent = cheapest_symmetric(3, 2)
    cosines = [bent.mean_cosine(exponent) for exponent in (0.5, 2 / 3, 1, 4 / 3, 2)]
    assert cosines == sorted(cosines)


@pytest.mark.slow
def test_a_hidden_layer_without_negative_numbers_pays_for_the_sign():
    """H = [S+, S-] doubles the columns, and with them the sum of squares that it costs: a factor 2 ** (1 / 3)."""
    assert price_with_relu(linear_table(1), width=4, n_starts=1) == pytest.approx(
        2 ** (1 / 3) * linear_price(1, 3), rel=1e-3
    )


# ---- chains ---------------------------------------------------------------------------------------------------------


def test_the_start_of_a_table_is_the_books_start():
    world = paper_world(2, 0)[0]
    book = SoftmaxPredictor.initialize(world, 3, seed=4)
    f, g = start_chain(Architecture("names", 1), 2, 3, seed=4)
    torch.testing.assert_close(f, book.embeddings)
    torch.testing.assert_close(g.T, book.unembeddings)


@pytest.mark.parametrize("kind", [Architecture("names", 3), Architecture("parts", 1), Architecture("parts", 2)])
def test_f_starts_as_large_as_in_a_table_whatever_makes_it(kind):
    sizes = []
    for seed in range(30):
        contexts, _ = layers(kind, context_inputs(3, kind.inputs), start_chain(kind, 3, 6, seed=seed))
        sizes.append(float((contexts[-1] ** 2).mean()))
    assert np.mean(sizes) == pytest.approx(1 / (3 * 27), rel=0.1)


def test_a_scale_multiplies_f_and_g():
    kind = Architecture("names", 2, 2)
    tables = [
        layers(kind, context_inputs(2, "names"), start_chain(kind, 2, 3, **sizes))
        for sizes in ({}, {"scale": 4.0}, {"word_scale": 4.0})
    ]
    f, g = zip(*[(contexts[-1], words[-1]) for contexts, words in tables], strict=True)
    torch.testing.assert_close(f[1], 4 * f[0])
    torch.testing.assert_close(f[2], f[0])
    torch.testing.assert_close(g[1], 4 * g[0])
    torch.testing.assert_close(g[2], 4 * g[0])


def test_layers_are_the_products_of_the_matrices_with_relu_in_between():
    kind = Architecture("parts", 3, 2, relu=True)
    a, b, c, d, e = matrices = start_chain(kind, 2, 3)
    inputs = context_inputs(2, "parts")
    contexts, words = layers(kind, inputs, matrices)
    torch.testing.assert_close(contexts[-1], torch.relu(torch.relu(inputs @ a) @ b) @ c)
    torch.testing.assert_close(words[-1].T, d @ e)
    assert [x.shape[1] for x in contexts] == [HIDDEN, HIDDEN, 3]
    assert kind.n_factors == 5


# ---- the cheapest chains --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "cost", "cosine"),
    [
        (Architecture("names", 1), 2 * smallest_table(2).nuclear_norm, smallest_table(2).mean_cosine),
        (Architecture("names", 2), linear_price(2, 3), 1.0),
        (Architecture("parts", 1), 2 * 2 * 2**1.5, 1.0),  # 2 m sqrt(2^(m + 1))
    ],
)
def test_the_solver_finds_the_known_prices_without_any_symmetry(kind, cost, cosine):
    found = cheapest_chain(kind, 2, 4)
    assert found.cost == pytest.approx(cost, rel=1e-5)
    assert found.mean_cosine == pytest.approx(cosine, abs=1e-3)
    assert found.shortfall < 1e-5
    assert smallest_margin(found.predictor.logits().numpy()) > 2 - 1e-5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chain_cost([1.0], 2), r"table must have shape (rows, columns), got (1,)"),
        (lambda: chain_cost(TABLE, 0.5), r"n_factors must be at least 1, got 0.5"),
        (lambda: shortest_chain(TABLE, 1), r"n_factors must be at least 2, got 1"),
        (lambda: shortest_chain([1.0], 2), r"table must have shape (rows, columns)"),
        (lambda: linear_price(0, 2), r"n_concepts must be at least 1, got 0"),
        (lambda: linear_price(2, 0), r"n_factors must be at least 1"),
        (lambda: product_price(2.5, 2), r"n_concepts must be an integer, got 2.5"),
        (lambda: product_price(2, "3"), r"n_factors must be a finite number, got '3'"),
        (lambda: cheapest_symmetric(6, 2), r"n_concepts must be at most 5, got 6"),
        (lambda: cheapest_symmetric(2, 1), r"n_factors must be at least 2"),
        (lambda: cheapest_symmetric(2, 2, "flat"), r"start must be one of 'linear', 'product', got 'flat'"),
        (lambda: cheapest_symmetric(2, 2).mean_cosine(-1), r"exponent must be at least 0, got -1"),
        (lambda: price_with_relu([1.0]), r"table must have shape (rows, columns)"),
        (lambda: price_with_relu(TABLE, width=0), r"width must be at least 1, got 0"),
        (lambda: price_with_relu(TABLE, n_starts=0), r"n_starts must be at least 1, got 0"),
        (lambda: price_with_relu(TABLE, seed=-1), r"seed must be at least 0, got -1"),
        (lambda: Architecture("letters", 1), r"inputs must be one of 'names', 'parts', got 'letters'"),
        (lambda: Architecture("names", 0), r"context_layers must be at least 1, got 0"),
        (lambda: Architecture("names", 1, 11), r"word_layers must be at most 10, got 11"),
        (lambda: Architecture("names", 1, relu=1), r"relu must be True or False, got 1"),
        (lambda: context_inputs(0, "names"), r"n_concepts must be at least 1, got 0"),
        (lambda: context_inputs(2, "both"), r"inputs must be one of 'names', 'parts', got 'both'"),
        (lambda: start_chain("table", 2, 3), r"architecture must be an Architecture, got str 'table'"),
        (lambda: start_chain(Architecture("names", 1), 2, 0), r"dim must be at least 1, got 0"),
        (lambda: start_chain(Architecture("names", 1), 2, 3, seed=0.5), r"seed must be an integer, got 0.5"),
        (lambda: start_chain(Architecture("names", 1), 2, 3, scale=0), r"scale must be above 0, got 0"),
        (lambda: start_chain(Architecture("names", 1), 2, 3, word_scale=-1), r"word_scale must be above 0, got -1"),
        (lambda: cheapest_chain(Architecture("names", 1), 4, 3), r"n_concepts must be at most 3, got 4"),
        (lambda: cheapest_chain("table", 2, 3), r"architecture must be an Architecture"),
        (lambda: cheapest_chain(Architecture("names", 1), 2, 0), r"dim must be at least 1, got 0"),
    ],
)
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
