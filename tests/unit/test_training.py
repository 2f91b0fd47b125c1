"""Training: what each step does, what is recorded, when it stops, and that no work is lost."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from brute_force import agrees, all_contexts, all_tokens
from worlds import dag_world, field_world

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, TrainingDiverged, linearity, train
from linrep_core._stepping import Descent
from linrep_core.training import DEFAULT_LEARNING_RATES, HISTORY, logarithmic_steps

SMALL = LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=0))  # 9 contexts, 4 tokens
UNIFORM = LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=0), context_weights="uniform")
SUBSET = [[1, -1], [-1, -1], [0, 1], [0, 0]]


def quick(model=SMALL, dim=3, **arguments):
    return train(model, dim, **{"steps": 20, "progress": False, "seed": 3, **arguments})


def start_of(model=SMALL, dim=3, **arguments):
    return SoftmaxPredictor.initialize(model, dim, **{"seed": 3, **arguments})


def same_tables(first, second):
    return torch.equal(first.embeddings, second.embeddings) and torch.equal(first.unembeddings, second.unembeddings)


def dense_loss(model, f, g, contexts=None):
    """Cross-entropy with the whole table of targets, as anybody would write it first."""
    targets = torch.as_tensor(model.next_token_distribution(contexts))
    per_context = torch.nn.functional.cross_entropy(f @ g.T, targets, reduction="none")
    return torch.as_tensor(model.weights(contexts)) @ per_context


def dense_gradients(model, predictor, contexts=None):
    f = predictor.embeddings.detach().clone().requires_grad_()
    g = predictor.unembeddings.detach().clone().requires_grad_()
    return torch.autograd.grad(dense_loss(model, f, g, contexts), [f, g])


def gradients_of_one_step(model, dim, *, contexts=None, **arguments):
    """Plain gradient descent at rate 1 moves by minus the gradient: read it off one step of `train`."""
    start = start_of(model, dim, contexts=contexts, initialization="gaussian", scale=1.0)
    run = quick(
        model,
        dim,
        contexts=contexts,
        initialization="gaussian",
        scale=1.0,
        steps=1,
        optimizer="sgd",
        learning_rate=1.0,
        **arguments,
    )
    return start, (
        start.embeddings - run.predictor.embeddings,
        start.unembeddings - run.predictor.unembeddings,
    )


# ---- one step ---------------------------------------------------------------------------------------------------

GRADIENT_CASES = {
    "masked": (LatentConditionalModel(dag_world(), mask_probability=0.3), None),
    "uniform": (LatentConditionalModel(field_world(), context_weights="uniform"), None),
    "subset": (LatentConditionalModel(dag_world()), [[1, -1, 0, -1], [-1, -1, -1, -1], [0, 1, 1, 0]]),
}


@pytest.mark.parametrize("case", GRADIENT_CASES)
def test_a_full_batch_step_follows_the_gradient_of_the_dense_cross_entropy(case):
    model, contexts = GRADIENT_CASES[case]
    start, found = gradients_of_one_step(model, 3, contexts=contexts)
    for ours, theirs in zip(found, dense_gradients(model, start, contexts), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize("case", GRADIENT_CASES)
def test_that_gradient_is_the_slope_of_the_loss_by_finite_differences(case):
    model, contexts = GRADIENT_CASES[case]
    start, found = gradients_of_one_step(model, 2, contexts=contexts)
    width = 1e-5
    for which, gradient in enumerate(found):
        for row in range(0, len(gradient), 5):
            for column in range(2):
                losses = []
                for sign in (1, -1):
                    tables = [start.embeddings.clone(), start.unembeddings.clone()]
                    tables[which][row, column] += sign * width
                    losses.append(SoftmaxPredictor(*tables, start.contexts).loss(model).item())
                slope = (losses[0] - losses[1]) / (2 * width)
                assert gradient[row, column].item() == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize(("model", "contexts"), [(SMALL, None), (UNIFORM, None), (SMALL, SUBSET)])
def test_a_sampled_step_follows_the_same_gradient_on_average(model, contexts):
    """20 000 pairs in a batch: within five standard errors of the exact gradient, entry by entry."""
    n = 20_000
    start, found = gradients_of_one_step(model, 3, contexts=contexts, batch_size=n)
    shown = all_contexts(2) if contexts is None else [tuple(x) for x in contexts]
    pairs = model.weights(contexts)[:, None] * model.next_token_distribution(contexts)
    second_moment = [torch.zeros_like(start.embeddings), torch.zeros_like(start.unembeddings)]
    for row, context in enumerate(shown):
        for token, vector in enumerate(all_tokens(2)):
            assert agrees(context, vector) == (pairs[row, token] > 0)
            f = start.embeddings.clone().requires_grad_()
            g = start.unembeddings.clone().requires_grad_()
            loss = -torch.log_softmax(f[row] @ g.T, dim=0)[token]
            for moment, gradient in zip(second_moment, torch.autograd.grad(loss, [f, g]), strict=True):
                moment += pairs[row, token] * gradient**2
    exact = dense_gradients(model, start, contexts)
    for ours, theirs, moment in zip(found, exact, second_moment, strict=True):
        bound = 5 * torch.sqrt((moment - theirs**2) / n)
        assert (bound > 0).all()
        assert ((ours - theirs).abs() <= bound).all()


def test_each_batch_is_drawn_afresh():
    one, two = (quick(steps=steps, optimizer="sgd", learning_rate=1e-9, batch_size=5) for steps in (1, 2))
    start = start_of()
    first = (start.embeddings - one.predictor.embeddings) / 1e-9
    second = (one.predictor.embeddings - two.predictor.embeddings) / 1e-9
    assert (first - second).abs().max() > 0.01


def three_steps_by_hand(rule):
    predictor, state = start_of(), [{}, {}]
    tables = [predictor.embeddings, predictor.unembeddings]
    for step in (1, 2, 3):
        gradients = dense_gradients(SMALL, SoftmaxPredictor(*tables))
        tables = [rule(table, g, s, step) for table, g, s in zip(tables, gradients, state, strict=True)]
    return tables


def plain(table, gradient, state, step):
    return table - 0.5 * gradient


def heavy_ball(table, gradient, state, step):
    state["velocity"] = 0.8 * state.get("velocity", 0.0) + gradient
    return table - 0.5 * state["velocity"]


def adam(table, gradient, state, step):
    state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * gradient
    state["square"] = 0.999 * state.get("square", 0.0) + 0.001 * gradient**2
    mean, square = state["mean"] / (1 - 0.9**step), state["square"] / (1 - 0.999**step)
    return table - 0.5 * mean / (square.sqrt() + 1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_small_run_is_to_the_last_bit_what_pytorchs_autograd_and_optimisers_make(optimizer, dtype):
    model = LatentConditionalModel(ConceptGraph.random(3, 1.0, seed=0))
    run = quick(model, 5, optimizer=optimizer, dtype=dtype, steps=100)
    start = start_of(model, 5, dtype=dtype)
    f, g = start.embeddings.clone().requires_grad_(), start.unembeddings.clone().requires_grad_()
    rate = {"lr": DEFAULT_LEARNING_RATES[optimizer]}
    made = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    theirs = made([f, g], **rate, **({"momentum": run.settings["momentum"]} if optimizer == "momentum" else {}))
    p, weights = torch.as_tensor(model.next_token_distribution()).to(f), torch.as_tensor(model.weights()).to(f)
    for _ in range(100):
        theirs.zero_grad()
        (weights @ torch.nn.functional.cross_entropy(f @ g.T, p, reduction="none")).backward()
        theirs.step()
    assert torch.equal(run.predictor.embeddings, f)
    assert torch.equal(run.predictor.unembeddings, g)


@pytest.mark.parametrize(("optimizer", "rule"), [("sgd", plain), ("momentum", heavy_ball), ("adam", adam)])
def test_three_steps_are_those_of_the_textbook(optimizer, rule):
    run = quick(steps=3, optimizer=optimizer, learning_rate=0.5, momentum=0.8)
    f, g = three_steps_by_hand(rule)
    torch.testing.assert_close(run.predictor.embeddings, f, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(run.predictor.unembeddings, g, atol=1e-10, rtol=1e-8)


# ---- whole runs -------------------------------------------------------------------------------------------------

NEAR_THE_FLOOR = {
    "sgd": ({"steps": 400, "learning_rate": 1.0}, 2e-3),
    "momentum": ({"steps": 400}, 2e-3),
    "adam": ({"steps": 400}, 2e-3),
    "lbfgs": ({"steps": 20}, 1e-5),
}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", NEAR_THE_FLOOR)
@pytest.mark.parametrize("model", [SMALL, UNIFORM], ids=["masked", "uniform"])
def test_every_optimiser_comes_near_the_floor_and_never_below(optimizer, model):
    arguments, bound = NEAR_THE_FLOOR[optimizer]
    run = quick(model, optimizer=optimizer, **arguments)
    assert 0 < run.excess_loss < bound
    assert (run.history["excess_loss"] > 0).all()
    exact = torch.as_tensor(model.next_token_distribution())
    assert (run.predictor.probabilities() - exact).abs().max() < 0.1


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 1.0), ("momentum", 0.1), ("adam", 0.01)])
def test_sampled_batches_come_near_the_floor_too(optimizer, rate):
    run = quick(steps=400, optimizer=optimizer, learning_rate=rate, batch_size=100)
    assert 0 < run.excess_loss < 0.03 < run.history["excess_loss"][0] / 10


def test_a_few_contexts_are_fitted_to_their_own_floor():
    run = quick(steps=400, contexts=SUBSET)
    assert tuple(run.predictor.embeddings.shape) == (4, 3)
    assert run.predictor.contexts.tolist() == SUBSET
    assert run.entropy_floor == SMALL.entropy_floor(SUBSET) != SMALL.entropy_floor()
    assert 0 < run.excess_loss < 2e-3
    exact = torch.as_tensor(SMALL.next_token_distribution(SUBSET))
    assert (run.predictor.probabilities() - exact).abs().max() < 0.05
    sampled = quick(steps=400, contexts=SUBSET, learning_rate=0.01, batch_size=100)
    assert 0 < sampled.excess_loss < 0.03


def test_one_concept_in_one_dimension_is_learned():
    model = LatentConditionalModel(ConceptGraph.random(1, seed=0))
    run = quick(model, 1, steps=500)
    assert 0 < run.excess_loss < 0.01
    assert math.isnan(run.history["between"][-1])


def test_no_step_returns_the_start():
    run = quick(steps=0)
    assert same_tables(run.predictor, start_of())
    assert run.history["step"].tolist() == [0]
    assert (run.steps, run.stop_reason) == (0, "all steps done")


def test_start_is_the_one_asked_for():
    run = quick(steps=0, initialization="gaussian", scale=0.7, seed=5)
    assert same_tables(run.predictor, start_of(initialization="gaussian", scale=0.7, seed=5))


@pytest.mark.parametrize("batch_size", [None, 7])
def test_same_seed_same_numbers_other_seed_other_numbers(batch_size):
    first, again, other = (quick(seed=seed, batch_size=batch_size) for seed in (1, 1, 2))
    assert same_tables(first.predictor, again.predictor)
    for name in HISTORY:
        np.testing.assert_array_equal(first.history[name], again.history[name])
    assert not same_tables(first.predictor, other.predictor)
    assert first.excess_loss != other.excess_loss


def test_training_leaves_the_global_generators_alone():
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    quick(batch_size=3)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_single_precision_keeps_its_type_and_stays_close_to_double():
    single, double = (quick(steps=50, dtype=dtype, n_snapshots=2) for dtype in (torch.float32, torch.float64))
    assert single.predictor.embeddings.dtype == single.predictor.unembeddings.dtype == torch.float32
    assert double.predictor.embeddings.dtype == torch.float64
    assert single.excess_loss == pytest.approx(double.excess_loss, abs=1e-5)
    assert single.snapshots[-1].embeddings.dtype == np.float64


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_device_may_be_named(device):
    run = quick(device=device)
    assert same_tables(run.predictor, quick().predictor)
    assert run.predictor.embeddings.device.type == "cpu"
    assert not run.predictor.embeddings.requires_grad


# ---- records ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2, 9, 10, 500, 10**6])
def test_logarithmic_steps_run_from_0_to_the_end_at_even_ratios(steps):
    spaced = logarithmic_steps(steps)
    assert spaced[0] == 0
    assert spaced[-1] == steps
    assert spaced == sorted(set(spaced))
    assert all(isinstance(step, int) for step in spaced)
    for lower, upper in pairwise(spaced[1:]):
        assert upper <= max(lower + 1, 1 + 1.13 * lower)  # 20 to a decade: the ratio is 10^(1/20) = 1.122
    if steps == 10**6:
        assert 95 <= len(spaced) <= 122


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [100]), (2, [0, 100]), (3, [0, 1, 100]), (4, [0, 1, 10, 100]), (10**4, range(101))]
)
def test_logarithmic_steps_come_in_the_number_asked_for(count, expected):
    assert logarithmic_steps(100, count) == list(expected)


def test_history_holds_exact_measures_at_logarithmic_steps():
    run = quick(steps=60, batch_size=10)
    assert tuple(run.history) == HISTORY
    assert run.history["step"].tolist() == logarithmic_steps(60)
    for position, predictor in ((0, start_of()), (-1, run.predictor)):
        expected = {
            "loss": predictor.loss(SMALL).item(),
            "excess_loss": predictor.excess_loss(SMALL),
            **linearity(SMALL, predictor).mean,
            "unembedding_norm": np.linalg.norm(predictor.unembeddings.numpy(), axis=1).mean(),
            "embedding_norm": np.linalg.norm(predictor.embeddings.numpy(), axis=1).mean(),
        }
        for name, value in expected.items():
            assert run.history[name][position] == pytest.approx(value, abs=1e-13), name
    assert run.loss == run.history["loss"][-1]
    assert run.excess_loss == run.history["excess_loss"][-1]
    assert run.loss - run.excess_loss == pytest.approx(run.entropy_floor) == pytest.approx(SMALL.entropy_floor())


def test_callback_hears_every_record():
    heard = []
    run = quick(steps=30, callback=lambda step, excess: heard.append((step, excess)))
    assert heard == list(zip(run.history["step"], run.history["excess_loss"], strict=True))


def test_what_a_callback_raises_comes_through():
    def complain(step, excess):
        raise LookupError(step)

    with pytest.raises(LookupError):
        quick(callback=complain)


def test_snapshots_are_copies_of_the_tables_at_logarithmic_steps():
    run = quick(steps=100, n_snapshots=4)
    assert [snapshot.step for snapshot in run.snapshots] == [0, 1, 10, 100]
    for snapshot in run.snapshots:
        there = quick(steps=snapshot.step).predictor
        np.testing.assert_array_equal(snapshot.embeddings, there.embeddings)
        np.testing.assert_array_equal(snapshot.unembeddings, there.unembeddings)
    run.predictor.embeddings.zero_()
    assert run.snapshots[-1].embeddings.any()


def test_no_snapshot_unless_asked_for_and_one_is_the_last():
    assert quick().snapshots == []
    assert [snapshot.step for snapshot in quick(n_snapshots=1).snapshots] == [20]


def test_settings_name_what_was_done():
    run = quick(steps=5, optimizer="momentum", momentum=0.5, seed=4)
    assert run.settings == {
        "dim": 3,
        "steps": 5,
        "optimizer": "momentum",
        "learning_rate": 0.1,
        "momentum": 0.5,
        "batch_size": None,
        "initialization": "lookup_table",
        "scale": 0.1,
        "seed": 4,
        "dtype": torch.float64,
        "device": None,
    }
    assert DEFAULT_LEARNING_RATES == {"sgd": 0.1, "momentum": 0.1, "adam": 0.02, "lbfgs": 1.0, "natural": 1.0}
    for optimizer, rate in DEFAULT_LEARNING_RATES.items():
        assert quick(steps=0, optimizer=optimizer).settings["learning_rate"] == rate
    assert quick(steps=0, learning_rate=0.3).settings["learning_rate"] == 0.3


def test_repr_says_how_far_it_came():
    run = quick()
    assert repr(run) == f"TrainingRun(steps=20, excess_loss={run.excess_loss:.4f}, 'all steps done')"


def test_progress_is_shown_unless_told_otherwise(capsys):
    train(SMALL, 2, steps=5)
    assert "m=2, d=2" in capsys.readouterr().err
    train(SMALL, 2, steps=5, progress=False)
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""


# ---- stopping ---------------------------------------------------------------------------------------------------


def gradient_norm(predictor):
    return math.sqrt(sum(float((g * g).sum()) for g in dense_gradients(SMALL, predictor)))


MEASURES = {
    "excess_loss": (0.01, lambda predictor: predictor.excess_loss(SMALL)),
    "gradient_norm": (0.02, gradient_norm),
    "unembedding_cosine": (0.9, lambda predictor: linearity(SMALL, predictor).mean["unembedding"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_each_criterion_stops_the_run_once_it_is_met(name):
    threshold, measure = MEASURES[name]
    above = name == "unembedding_cosine"
    run = quick(dim=2, steps=1000, stop_when={name: threshold}, n_snapshots=3)
    assert 0 < run.steps < 1000
    assert run.stop_reason == f"{name} {'above' if above else 'below'} {threshold:g}"
    assert (measure(run.predictor) > threshold) == above
    assert run.history["step"][-1] == run.steps == run.snapshots[-1].step
    np.testing.assert_array_equal(run.snapshots[-1].unembeddings, run.predictor.unembeddings)
    looks = {*range(0, run.steps, 100), *(step for step in logarithmic_steps(1000) if step < run.steps)}
    before = quick(dim=2, steps=max(looks)).predictor  # one look earlier it was not met
    assert (measure(before) > threshold) != above


def test_criteria_are_looked_at_every_hundred_steps_between_records():
    assert 300 not in logarithmic_steps(450)
    excess = quick(steps=300).excess_loss
    run = quick(steps=450, stop_when={"excess_loss": excess * (1 + 1e-9)})
    assert run.steps == 300
    assert run.history["step"][-2:].tolist() == [max(n for n in logarithmic_steps(450) if n < 300), 300]


def test_a_criterion_that_is_not_met_lets_all_steps_be_done():
    run = quick(stop_when={"excess_loss": 1e-9, "gradient_norm": 1e-9, "unembedding_cosine": 1.0})
    assert (run.steps, run.stop_reason) == (20, "all steps done")
    assert same_tables(run.predictor, quick().predictor)


def test_the_criterion_that_is_met_gives_the_reason():
    run = quick(steps=1000, stop_when={"gradient_norm": 1e-9, "excess_loss": 0.1})
    assert run.stop_reason == "excess_loss below 0.1"


def test_a_criterion_met_at_the_start_leaves_the_start():
    run = quick(stop_when={"excess_loss": 100.0})
    assert run.steps == 0
    assert same_tables(run.predictor, start_of())


def interrupt_at(step):
    def callback(now, excess):
        if now == step:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("step", [0, 1, 10])
def test_an_interrupt_between_steps_keeps_what_is_done(step):
    run = quick(callback=interrupt_at(step))
    assert (run.steps, run.stop_reason) == (step, "interrupted")
    assert run.history["step"].tolist() == [s for s in logarithmic_steps(20) if s <= step]
    assert same_tables(run.predictor, quick(steps=step).predictor)


@pytest.mark.parametrize("calls", [1, 12])
def test_an_interrupt_within_a_step_keeps_the_steps_before(monkeypatch, calls):
    expected = quick(steps=calls - 1, optimizer="sgd")
    original, made = Descent.step, []

    def stop(self, *closure):
        made.append(1)
        if len(made) == calls:
            raise KeyboardInterrupt
        return original(self, *closure)

    monkeypatch.setattr(Descent, "step", stop)
    run = quick(optimizer="sgd")
    assert (run.steps, run.stop_reason) == (calls - 1, "interrupted")
    assert same_tables(run.predictor, expected.predictor)
    assert run.history["step"][-1] == calls - 1
    assert run.excess_loss == expected.excess_loss


DIVERGES = {"initialization": "gaussian", "scale": 1.0, "optimizer": "sgd", "learning_rate": 1e4}


@pytest.mark.parametrize("batch_size", [None, 10])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_divergence_names_the_step_suggests_a_rate_and_keeps_the_record(batch_size, dtype):
    with pytest.raises(TrainingDiverged) as caught:
        quick(steps=500, batch_size=batch_size, dtype=dtype, n_snapshots=30, **DIVERGES)
    run, message = caught.value.run, str(caught.value)
    assert isinstance(caught.value, ValueError)
    step = int(re.search(r"diverged at step (\d+)", message)[1])
    assert step == run.steps >= 1
    assert "learning_rate, for example 1000 instead of 10000" in message
    assert run.stop_reason == "diverged"
    assert run.history["step"][0] == 0
    assert run.history["step"][-1] < run.steps
    for name in ("loss", "unembedding_norm", "embedding_norm"):
        assert np.isfinite(run.history[name]).all()
    assert run.predictor.embeddings.isfinite().all()  # the tables of the last record
    assert run.predictor.loss(SMALL).item() == pytest.approx(run.loss)


def test_divergence_in_the_last_step_is_noticed():
    with pytest.raises(TrainingDiverged, match="diverged at step 1:"):
        quick(steps=1, **{**DIVERGES, "learning_rate": 1e30})


def test_the_rate_that_divergence_suggests_can_be_followed_until_it_works():
    rate = 1e6
    for _ in range(12):
        try:
            run = quick(steps=300, **{**DIVERGES, "learning_rate": rate})
        except TrainingDiverged as trouble:
            rate = float(re.search(r"for example (\S+) instead", str(trouble))[1])
        else:
            break
    assert run.excess_loss < 0.1


def test_a_start_far_from_the_floor_is_no_divergence():
    run = quick(steps=400, initialization="gaussian", scale=60.0, learning_rate=2.0)
    assert run.history["excess_loss"][0] > 1000 * math.log(4)
    assert run.excess_loss < run.history["excess_loss"][0] / 10


@pytest.mark.parametrize("optimizer", ["adam", "natural"])
def test_small_and_large_problems_are_trained_alike(monkeypatch, optimizer):
    settings = {"steps": 30, "optimizer": optimizer, "progress": False}
    model = LatentConditionalModel(ConceptGraph.random(3, seed=0))
    with_table = train(model, 3, **settings)
    monkeypatch.setattr("linrep_core.training.THREADED_LOGITS", 0)
    in_tiles = train(model, 3, **settings)
    np.testing.assert_allclose(in_tiles.history["excess_loss"], with_table.history["excess_loss"], atol=1e-10)
