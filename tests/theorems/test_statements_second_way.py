"""The numbers behind the statements, computed a second way: brute force, other solvers, other arithmetic, limits."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from itertools import pairwise

import numpy as np
import pytest
from brute_force import as_joint, next_token_row
from scipy.optimize import linprog, minimize

from linrep_core import LatentConditionalModel, train
from linrep_core.concepts import concept_vectors
from linrep_core.theorems import (
    bottleneck,
    enough_dimensions,
    exact_fit,
    fixed_embeddings,
    hard_margin,
    joint_alignment,
    joint_optimum,
    linear_representation,
    log_odds,
    neighbour_values,
    neighbours,
    nuclear_norm,
    one_sign,
    orthogonality,
    trained_together,
    two_vectors,
    zero_push,
)
from linrep_core.theorems.descent import descend

LONELY = [(lonely, other) for lonely in (0, 1) for other in range(4) if other != lonely]  # no edges of 0 and 1

# ---- exact fits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_conditional_table_is_the_enumerated_one(seed):
    graph = exact_fit.dependent_world(np.random.default_rng(seed), 3)
    table = exact_fit.conditional_table(graph.joint())
    joint = as_joint(graph.joint(), 3)
    for context, row in zip(exact_fit.all_contexts(3), table, strict=True):
        np.testing.assert_allclose(row, next_token_row(joint, context), atol=1e-15)
    np.testing.assert_allclose(table, LatentConditionalModel(graph).next_token_distribution(), atol=1e-15)


@pytest.mark.parametrize("make", ["additive", "free", "one direction", "matched"])
def test_closed_form_fits_are_exact_to_rounding_for_every_context(make):
    rng = np.random.default_rng(7)
    dependent = exact_fit.dependent_world(rng, 4).joint()
    fits = {
        "additive": lambda: exact_fit.additive_fit(dependent),
        "free": lambda: exact_fit.free_fit(dependent, rng),
        "one direction": lambda: exact_fit.one_direction_fit(one_sign.favouring_world(rng, 4, 2).joint(), 2),
        "matched": lambda: exact_fit.matched_fit(exact_fit.random_field(rng, 4, without=LONELY).joint(), (0, 1)),
    }
    fit = fits[make]()
    np.testing.assert_allclose(fit.predicted, fit.target, atol=1e-13)


def test_an_exact_fit_can_be_as_straight_as_one_likes_but_not_straight():
    joint = exact_fit.dependent_world(np.random.default_rng(0), 3).joint()
    for spread, low, high in ((1.0, 0.4, 0.9), (10.0, 0.99, 0.9999), (100.0, 0.9999, 1 - 1e-7)):
        fit = exact_fit.additive_fit(joint, spread=spread)
        assert fit.fit_error(*np.nonzero(exact_fit.agreement(3))) < exact_fit.EXACT
        cosine = min(linear_representation.smallest_cosine(fit.steering(i)) for i in range(3))
        assert low < cosine < high


def test_tokens_and_contexts_are_switched_entry_by_entry():
    tokens, contexts = concept_vectors(3), exact_fit.all_contexts(3)
    for concept in range(3):
        for value in (0, 1):
            switched = tokens.copy()
            switched[:, concept] = value
            np.testing.assert_array_equal(tokens[exact_fit.token_with(np.arange(8), concept, value, 3)], switched)
        for value in (0, 1, -1):
            switched = contexts.copy()
            switched[:, concept] = value
            np.testing.assert_array_equal(contexts[exact_fit.context_with(np.arange(27), concept, value, 3)], switched)


# ---- log-odds -------------------------------------------------------------------------------------------------------


def test_an_exact_fit_of_independent_concepts_need_not_have_parallel_projected_steering_vectors():
    (case,) = log_odds.counterexamples().values()
    assert case.fit.fit_error(*np.nonzero(exact_fit.agreement(3))) < exact_fit.EXACT
    assert linear_representation.off_line(log_odds.projected_steering(case)) > 0.3


@pytest.mark.parametrize("seed", range(12))
def test_theorem_10_as_printed_leaves_one_dimension(seed):
    case = neighbours.example(seed, 4)
    assert neighbours.projected_rank(case) == 1
    fit, pairs = case.fit, np.nonzero(exact_fit.agreement(4))
    assert fit.fit_error(*pairs) < exact_fit.EXACT


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_on_dimensions_is_reached_when_tokens_speak_through_their_neighbours(seed):
    case = neighbour_values.example(seed, 4)
    assert neighbours.projected_rank(case) == min(2 ** len(case.neighbours), 8)
    assert case.fit.fit_error(*np.nonzero(exact_fit.agreement(4))) < exact_fit.EXACT


def test_log_odds_given_the_neighbours_are_those_of_the_graph():
    graph = exact_fit.random_field(np.random.default_rng(3), 4, edge_probability=0.5)
    for concept in range(4):
        around = tuple(graph.neighbours(concept))
        table = neighbours.neighbour_log_odds(graph.joint(), concept, around)
        for values in np.ndindex(table.shape):
            p = graph.conditional(concept, dict(zip(around, values, strict=True)))
            assert table[values] == pytest.approx(math.log(p / (1 - p)))


# ---- gradient descent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_the_hard_margin_direction_is_the_one_that_slsqp_finds(seed):
    examples = hard_margin.example(seed, 1 + seed % 4).examples
    found = minimize(
        lambda w: w @ w / 2,
        np.ones(examples.shape[1]),
        jac=lambda w: w,
        constraints={"type": "ineq", "fun": lambda w: examples @ w - 1, "jac": lambda w: examples},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    np.testing.assert_allclose(hard_margin.hard_margin(examples), found.x, atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_there_is_a_hard_margin_exactly_when_a_linear_program_is_feasible(seed):
    examples = np.random.default_rng(seed).standard_normal((5, 2))
    feasible = linprog(np.zeros(2), A_ub=-examples, b_ub=-np.ones(5), bounds=(None, None)).status == 0
    assert (hard_margin.hard_margin(examples) is not None) == feasible


def plain_descent(a, b, step, steps, learn_second=True):
    """Gradient descent as in the textbook: a fixed step, no logarithms."""
    for _ in range(steps):
        weight = np.exp(-a @ b.T)
        a, b = a + step * weight @ b, b + step * weight.T @ a if learn_second else b
    return a, b


@pytest.mark.parametrize("learn_second", [True, False])
def test_descent_takes_the_steps_of_plain_gradient_descent(learn_second):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, 4)), rng.standard_normal((2, 4))
    end = descend(*start, log_time=math.log(0.05 * 199.5), step=0.05, learn_second=learn_second, fixed_steps=10**9)
    assert end.n_steps == 200
    for ours, plain in zip((end.first, end.second), plain_descent(*start, 0.05, 200, learn_second), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_growing_steps_follow_the_path_of_fixed_ones(seed):
    rng = np.random.default_rng(seed)
    start = 0.5 * rng.standard_normal((3, 4)), 0.5 * rng.standard_normal((2, 4))
    a, b = plain_descent(*start, 0.02, 20_000)  # to t = 400
    end = descend(*start, log_time=math.log(400), step=0.02)
    assert end.n_steps < 200
    np.testing.assert_allclose(end.first @ end.second.T, a @ b.T, atol=0.5)  # nats, of about 10: long steps gain more
    assert linear_representation.smallest_cosine(end.first) == pytest.approx(
        linear_representation.smallest_cosine(a), abs=0.03
    )


def test_descent_to_a_finite_optimum_stops_there():
    (_, case), *_ = fixed_embeddings.counterexamples().items()  # f1 = 2 f0
    end = fixed_embeddings.trained(case)
    assert not end.diverged
    np.testing.assert_allclose(end.first[:, 0], math.log(2) / 3, atol=1e-4)
    np.testing.assert_array_equal(end.first[:, 1:], case.steering_vectors[:, 1:])


@pytest.mark.parametrize("seed", range(8))
def test_fixed_embeddings_pull_to_the_hard_margin_direction(seed):
    case = fixed_embeddings.example(seed, 4)
    end, limit = fixed_embeddings.trained(case, log_time=400.0), fixed_embeddings.limit_direction(case)
    assert linear_representation.smallest_cosine(end.first, limit[None]) > 0.999


def test_the_limit_is_the_difference_of_embeddings_only_if_they_are_equally_long():
    f1, f0 = np.array([2.0, 0.0]), np.array([0.0, 1.0])
    starts = np.random.default_rng(0).standard_normal((3, 2))
    unequal = fixed_embeddings.Case(f1, f0, starts, 0.01)
    np.testing.assert_allclose(fixed_embeddings.limit_direction(unequal), f1 / 4 - f0, atol=1e-9)
    end = fixed_embeddings.trained(unequal).first
    assert linear_representation.smallest_cosine(end, np.array([f1 / 4 - f0])) > 0.995
    assert linear_representation.smallest_cosine(end, np.array([f1 - f0])) < 0.9
    equal = fixed_embeddings.Case(f1 / 2, f0, starts, 0.01)
    assert linear_representation.smallest_cosine(fixed_embeddings.trained(equal).first, np.array([f1 / 2 - f0])) > 0.995


def test_fixed_embeddings_converge_like_one_over_log_time_squared():
    case = fixed_embeddings.example(1, 4)
    errors = {
        log_time: 1 - linear_representation.smallest_cosine(fixed_embeddings.trained(case, log_time).first)
        for log_time in (100.0, 200.0, 400.0)
    }
    scaled = [error * log_time**2 for log_time, error in errors.items()]
    assert max(scaled) < 1.3 * min(scaled)


def decimal_path(case, steps):
    """Gradient descent on (u, v) itself in 60-digit arithmetic: the cosine and u.v after each step."""
    getcontext().prec = 60
    u, v = [Decimal(x) for x in case.u.tolist()], [Decimal(x) for x in case.v.tolist()]
    eta, rows = Decimal(case.step), []
    for _ in range(steps + 1):
        dot = sum(x * y for x, y in zip(u, v, strict=True))
        norms = (sum(x * x for x in u) * sum(x * x for x in v)).sqrt()
        rows.append((dot / norms, dot))
        push = eta * (-dot).exp()
        u, v = (
            [x + push * y for x, y in zip(u, v, strict=True)],
            [y + push * x for x, y in zip(u, v, strict=True)],
        )
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_two_vectors_in_logarithms_are_two_vectors_in_sixty_digits(seed):
    case = two_vectors.example(seed, 3)
    path = two_vectors.follow(case, log_time=math.inf, doubling=False, most_steps=200)
    rows = decimal_path(case, 200)
    cosines, dots = (np.array([float(row[k]) for row in rows]) for k in (0, 1))
    np.testing.assert_allclose(path.cosine[:201], cosines, atol=1e-13)
    np.testing.assert_allclose(-path.log_loss[:201], dots, rtol=1e-11)
    assert all(after[0] >= before[0] for before, after in pairwise(rows))


def test_two_vectors_doubling_the_step_reaches_the_time_of_many_fixed_steps():
    case = two_vectors.example(0, 3)
    gentle = two_vectors.Case(case.u, case.v, 0.02)
    fixed = two_vectors.follow(gentle, log_time=math.log(300), doubling=False)
    doubled = two_vectors.follow(gentle, log_time=math.log(300))
    assert len(doubled.cosine) < len(fixed.cosine) / 10
    assert doubled.cosine[-1] == pytest.approx(fixed.cosine[-1], abs=2e-3)
    assert doubled.log_loss[-1] == pytest.approx(fixed.log_loss[-1], abs=0.5)


def test_two_vectors_need_only_a_sum_that_is_not_zero():
    v = np.array([0.3, -0.4])
    case = two_vectors.Case(-2 * v, v, 0.1)  # a negative multiple, which the paper excludes
    path = two_vectors.follow(case)
    assert set(np.sign(path.cosine)) == {-1.0, 1.0}
    np.testing.assert_allclose(np.abs(path.cosine), 1.0)
    assert (np.diff(path.cosine) >= 0).all()
    assert two_vectors.conclusion(case).holds


@pytest.mark.parametrize("factor", [0.3, 1.5, 10.0, 300.0])
def test_the_cosine_of_two_vectors_rises_for_every_step(factor):
    case = two_vectors.example(2, 3)
    wild = two_vectors.Case(case.u, case.v, factor * math.exp(case.u @ case.v))
    assert (np.diff(two_vectors.follow(wild, doubling=False, most_steps=300).cosine) >= -1e-14).all()


def test_theorem_5_runs_as_measured_for_four_steering_vectors():
    # K = 4, unit vectors, steps of 0.05: measured for this book before, to three digits
    frame = np.eye(6)
    start = frame[2:], np.vstack([frame[0], -frame[1]])
    for steps, within, across in ((10, 0.342, 0.680), (100, 0.746, 0.898), (1000, 0.834, 0.935)):
        a, b = plain_descent(*start, 0.05, steps)
        assert linear_representation.smallest_cosine(a) == pytest.approx(within, abs=6e-4)
        difference = (b[0] + b[1])[None]
        assert linear_representation.smallest_cosine(a, difference) == pytest.approx(across, abs=6e-4)


@pytest.mark.parametrize("n_vectors", [2, 4, 8])
def test_theorem_5_converges_at_the_stated_rate(n_vectors):
    frame = 0.8 * np.eye(n_vectors + 2)
    case = trained_together.Case(frame[0], frame[1], frame[2:])
    end = trained_together.trained(case, log_time=1000.0)
    error = 1 - linear_representation.smallest_cosine(end.steering_vectors)
    assert error * 1000 == pytest.approx(0.8**2 * math.sqrt(n_vectors / 2), rel=0.1)


def test_one_dimension_with_mixed_signs_aligns_too():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.choice([-1.0, 1.0], size=(4, 1)), rng.choice([-1.0, 1.0], size=(3, 1))
        first, second = first * rng.uniform(0.1, 1.0, size=(4, 1)), second * rng.uniform(0.1, 1.0, size=(3, 1))
        assert joint_alignment.conclusion(joint_alignment.Case(first, second)).holds


# ---- the joint margin problem ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_first", "n_second", "dim"), [(1, 1, 2), (2, 3, 1), (3, 2, 2), (4, 3, 3)])
def test_a_general_optimiser_finds_the_optimum_of_the_squares(n_first, n_second, dim):
    for seed in range(3):
        best = joint_optimum.numerical_optimum(n_first, n_second, dim, seed)
        assert joint_optimum.cost(best) == pytest.approx(math.sqrt(n_first * n_second), rel=0.01)
        assert joint_optimum.cost(best) > math.sqrt(n_first * n_second) - 1e-6


def test_descent_approaches_the_cost_of_the_optimum():
    first, second = joint_alignment.random_start(3, 4)
    end = descend(first, second, log_time=300.0)
    scale = math.sqrt((end.first @ end.second.T).min())
    normalised = joint_optimum.Case(end.first / scale, end.second / scale)
    assert joint_optimum.cost(normalised) == pytest.approx(joint_optimum.least_cost(normalised), rel=0.02)


def test_weight_decay_forgets_the_start():
    case = joint_alignment.Case(*joint_alignment.random_start(1, 4), weight_decay=0.1)
    together = np.vstack([case.end.first, case.end.second])
    assert 1 - linear_representation.smallest_cosine(together) < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_no_factorisation_is_cheaper_than_the_nuclear_norm_and_one_is_as_cheap(seed):
    rng = np.random.default_rng(seed)
    table = 1 + rng.exponential(size=(3, 2))
    first, second = nuclear_norm.balanced_factors(table)
    np.testing.assert_allclose(first @ second.T, table)
    reached = ((first**2).sum() + (second**2).sum()) / 2
    assert reached == pytest.approx(nuclear_norm.nuclear_norm(table))

    def cost(entries):  # every other factorisation is (A M, B M^-T)
        mixing = np.linalg.inv(np.eye(2) + entries.reshape(2, 2))
        return ((first @ np.linalg.inv(mixing)) ** 2).sum() / 2 + ((second @ mixing.T) ** 2).sum() / 2

    found = minimize(cost, 0.1 * rng.standard_normal(4), method="BFGS")
    assert found.fun == pytest.approx(reached, rel=1e-6)


# ---- zero probabilities, orthogonality ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_proposition_11_is_false_with_the_sign_as_printed(seed):
    case = zero_push.example(seed, 1 + seed % 4)
    assert zero_push.conclusion(case).value < 1
    assert zero_push.printed_sign_ratio(case) > 100


def test_a_trained_predictor_obeys_proposition_11_and_not_its_printed_sign():
    model = LatentConditionalModel(exact_fit.dependent_world(np.random.default_rng(1), 2), context_weights="uniform")
    run = train(model, dim=3, steps=600, seed=0, progress=False)
    fit = exact_fit.Fit.of_predictor(model, run.predictor)
    pairs = exact_fit.open_pairs(2, [1])
    case = zero_push.Case(fit, 1.01 * zero_push.largest_error(fit), 1, *pairs)
    assert all(hypothesis.holds for hypothesis in zero_push.hypotheses(case))
    assert zero_push.conclusion(case).holds
    assert zero_push.printed_sign_ratio(case) > 1


def test_a_predictor_trained_on_some_contexts_is_refused():
    model = LatentConditionalModel(exact_fit.dependent_world(np.random.default_rng(1), 2))
    run = train(model, dim=2, steps=1, contexts=model.contexts()[:4], progress=False)
    with pytest.raises(ValueError, match="predictor must have been trained on all contexts"):
        exact_fit.Fit.of_predictor(model, run.predictor)


@pytest.mark.parametrize("seed", range(6))
def test_theorem_7_holds_for_adjacent_concepts(seed):
    case = orthogonality.connected_example(seed, 4)
    assert not case.graph.separated(case.first, case.second)
    assert np.abs(orthogonality.inner_products(case)).max() < 1e-9


def test_a_concept_with_odds_of_both_signs_has_no_one_direction_fit():
    with pytest.raises(ValueError, match=r"joint must favour concept 1 given all others, got log-odds -0\.405"):
        exact_fit.one_direction_fit(np.array([0.3, 0.2, 0.1, 0.4]), 1)


# ---- the bottleneck -------------------------------------------------------------------------------------------------


def test_the_two_tables_cost_what_was_computed_before():
    linear = [2.0, 9.8, 36.0, 117.6, 360.0, 1058.2, 3024.0]
    product = [2.0, 8.9, 30.4, 93.4, 273.2, 777.7, 2178.7]
    for m in range(1, 8):
        assert bottleneck.linear_cost(m) == pytest.approx(linear[m - 1], abs=0.05)
        assert bottleneck.product_cost(m) == pytest.approx(product[m - 1], abs=0.05)
    for m in range(1, 7):
        assert nuclear_norm.nuclear_norm(bottleneck.linear_table(m)) == pytest.approx(linear[m - 1], abs=0.05)
        assert nuclear_norm.nuclear_norm(bottleneck.product_table(m)) == pytest.approx(product[m - 1], abs=0.05)


def test_the_product_table_is_cheaper_for_two_to_eighteen_concepts_and_for_no_other_number():
    cheaper = [m for m in range(1, 60) if bottleneck.product_cost(m) < 0.999 * bottleneck.linear_cost(m)]
    assert cheaper == list(range(2, 19))


def test_the_plane_has_no_room_for_three_concepts():
    rng = np.random.default_rng(0)
    corners = 2.0 * concept_vectors(3) - 1
    for _ in range(100):
        drawn = corners @ rng.standard_normal((3, 2)) + rng.uniform(0, 0.5) * rng.standard_normal((8, 2))
        case = enough_dimensions.Case(drawn)
        assert min(enough_dimensions.separation(case, i) for i in range(3)) == 0.0


@pytest.mark.parametrize("seed", range(12))
def test_separation_of_a_concept_is_what_a_linear_program_says(seed):
    rng = np.random.default_rng(seed)
    points, values = rng.standard_normal((8, 3)), concept_vectors(3)[:, 0]
    lifted = np.column_stack([points, np.ones(8)]) * np.where(values == 1, 1.0, -1.0)[:, None]
    feasible = linprog(np.zeros(4), A_ub=-lifted, b_ub=-np.ones(8), bounds=(None, None)).status == 0
    assert (enough_dimensions.separation(enough_dimensions.Case(points), 0) > 0) == feasible
