"""The engine trains as `linrep_core.train` does, in both precisions and without WebAssembly.

Relative differences are of the largest entry of a table. In float64 they are at most 1e-6 after 100 steps and, at
rates that do not make the run chaotic, near rounding (1e-13). In float32, where the softmax has 7 digits and all else
16, the tables agree to 1e-3 and the loss to 1e-5 nats. A loss is compared with at most 1e-9 nats beside the relative
bound: it is a difference of terms about a million times as large when a run has almost learnt a world without entropy.
"""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import torch
from engine_reference import array, configuration, contexts_of, difference, model_of, trained
from hypothesis import given
from hypothesis import strategies as st

from linrep_core import SoftmaxPredictor

STEPS = 100
RATES = {"sgd": 0.5, "momentum": 0.2, "adam": 0.02}
KERNELS = {
    "WebAssembly, float64": {"precision": "float64", "plain": False},
    "WebAssembly, float32": {"precision": "float32", "plain": False},
    "JavaScript, float64": {"precision": "float64", "plain": True},
}
TABLE_BOUND = {"float64": 1e-6, "float32": 1e-3}
LOSS_BOUND = {"float64": (1e-6, 1e-9), "float32": (0.0, 1e-5)}  # relative, and nats


@functools.lru_cache(maxsize=200)
def torch_run(config: str) -> dict:
    return trained(json.loads(config), STEPS)


def check_run(ask, config: dict, expected: dict, kernel: str) -> None:
    precision, plain = KERNELS[kernel].values()
    found = ask("train", config={**config, "precision": precision}, plain=plain, steps=STEPS)
    assert found["kernel"] == kernel
    assert found["step"] == STEPS
    relative, nats = LOSS_BOUND[precision]
    assert found["loss"] == pytest.approx(expected["loss"], rel=relative, abs=nats)
    assert found["excessLoss"] == pytest.approx(expected["excessLoss"], rel=relative, abs=nats)
    for table in ("embeddings", "unembeddings"):
        assert difference(found[table], expected[table]) <= TABLE_BOUND[precision]


def context_set(kind: str, m: int) -> str:
    return ",".join(map(str, range(m))) if kind == "all known" else kind


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weights", ["masked", "uniform"])
@pytest.mark.parametrize("contexts", ["all", "0", "0,1", "0|1", "none|1", "all known"])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("m", [2, *(pytest.param(m, marks=pytest.mark.slow) for m in (3, 4, 5, 6))])
def test_a_hundred_steps(ask, m, optimizer, contexts, weights, kernel):
    config = configuration(
        m=m,
        d=m,
        context_set=context_set(contexts, m),
        context_weights=weights,
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
    )
    check_run(ask, config, torch_run(json.dumps(config)), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weights", ["masked", "uniform"])
@pytest.mark.parametrize("contexts", ["all", "0,1", "none|1"])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize(("m", "d"), [(2, 2), (3, 5), (4, 8)])
def test_a_hundred_steps_where_contexts_may_be_wrong(ask, m, d, optimizer, contexts, weights, kernel):
    config = configuration(
        m=m,
        d=d,
        told_wrongly=0.1,
        context_set=contexts,
        context_weights=weights,
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
    )
    check_run(ask, config, torch_run(json.dumps(config)), kernel)


@pytest.mark.browser
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize(("m", "contexts"), [(2, "none|1"), (4, "all")])
def test_a_hundred_steps_in_chromium(ask_browser, m, contexts, optimizer, kernel):
    config = configuration(m=m, d=m, context_set=contexts, optimizer=optimizer, learning_rate=RATES[optimizer])
    check_run(ask_browser, config, torch_run(json.dumps(config)), kernel)


@st.composite
def runs(draw):
    m = draw(st.integers(2, 5))
    optimizer = draw(st.sampled_from(list(RATES)))
    return configuration(
        m=m,
        d=draw(st.integers(1, 9)),
        graph=draw(st.sampled_from(["random", "chain", "independent"])),
        graph_seed=draw(st.integers(0, 10**6)),
        seed=draw(st.integers(0, 10**6)),
        context_set=context_set(draw(st.sampled_from(["all", "none", "1", "0,1", "0|1|none", "all known"])), m),
        context_weights=draw(st.sampled_from(["masked", "uniform"])),
        mask_probability=draw(st.floats(0.1, 0.9)),
        told_wrongly=draw(st.sampled_from([0, 0.02, 0.1, 0.4])),
        optimizer=optimizer,
        learning_rate=RATES[optimizer] * draw(st.floats(0.1, 1)),
        momentum=draw(st.floats(0, 0.95)),
    )


@pytest.mark.slow
@given(config=runs())
def test_any_run(ask, config):
    expected = trained(config, STEPS)
    for kernel in KERNELS:
        check_run(ask, config, expected, kernel)


@given(config=runs())
def test_geometry_and_predictions(ask, config):
    expected = trained(config, 3)
    contexts = model_of(config).context_index(contexts_of(config)).tolist()
    others = sorted(set(range(3 ** config["m"])) - set(contexts))
    found = ask("train", config=config, steps=3, contexts=contexts + others)
    for name, cosines in expected["perConcept"].items():
        np.testing.assert_allclose(array(found["perConcept"][name]), cosines, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(array(found["cosines"][name]), expected["cosines"][name], atol=1e-9, err_msg=name)
    np.testing.assert_allclose(found["heatMap"], expected["heatMap"], atol=1e-9)
    np.testing.assert_allclose(array(found["crossing"]), expected["crossing"], atol=1e-9)
    np.testing.assert_allclose(found["perConcept"]["length"], expected["lengths"], rtol=1e-9)
    trained_on, unseen = found["predictions"][: len(contexts)], found["predictions"][len(contexts) :]
    np.testing.assert_allclose([one["pHat"] for one in trained_on], expected["pHat"], rtol=1e-9)
    assert all(one["pHat"] is None for one in unseen)
    probabilities = model_of(config).next_token_distribution()[contexts + others]
    np.testing.assert_allclose([one["p"] for one in trained_on + unseen], probabilities, rtol=1e-12)


def test_a_zero_vector_counts_as_cosine_zero(ask):
    unembeddings = np.zeros((4, 2))
    unembeddings[3] = 1
    answer = ask(
        "train",
        config=configuration(m=2, d=2, context_set="none"),
        tables={"embeddings": [0, 0], "unembeddings": unembeddings.ravel().tolist()},
    )
    assert answer["perConcept"]["unembedding"] == [0, 0]
    assert answer["perConcept"]["embedding"] == [None, None]  # no counterfactual pair: NaN
    assert answer["cosines"]["embedding"] is None


@pytest.mark.slow
@pytest.mark.parametrize("m", [7, 8])
@pytest.mark.parametrize("d", [1, 7, 16])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_largest_labs_in_both_kernels(ask, m, d, precision):
    config = configuration(m=m, d=d, precision=precision)
    expected, found = (ask("train", config=config, steps=2, plain=plain) for plain in (True, False))
    assert found["kernel"] == f"WebAssembly, {precision}"
    for table in ("embeddings", "unembeddings"):
        assert difference(found[table], expected[table]) <= {"float64": 1e-13, "float32": 1e-6}[precision]
    assert found["gradientNorm"] == pytest.approx(expected["gradientNorm"], rel=1e-5)


@pytest.mark.parametrize(("precision", "unit"), [("float64", 2.0**-53), ("float32", 2.0**-24)])
@pytest.mark.parametrize("lowest", [0.3, 1, 10, 60])
def test_the_exponential_is_as_exact_as_the_kernel_says(ask, precision, unit, lowest):
    """One context, f = 1: the gradient of token y is p-hat(y) - p(y), where p(y) is made too small to matter."""
    rare = 1e-60
    joint = [1 - 255 * rare, *[rare] * 255]
    config = configuration(m=8, d=1, graph="given", joint=joint, context_set="none")
    logits = np.float32(-lowest * np.random.default_rng(0).random(256)).astype(float)
    logits[0] = 0
    tables = {"embeddings": [1], "unembeddings": logits.tolist()}
    found = array(ask("gradients", config=config, precision=precision, tables=tables)["unembeddingGradient"])
    exact = np.exp(logits.astype(np.longdouble))
    error = np.abs(found / (exact / exact.sum()) - 1)
    assert (error[1:] <= 12 * (1 - logits[1:]) * unit).all()


@given(config=runs())
def test_gradients_are_autograds(ask, config):
    """Both kernels against torch, at random tables with logits of ordinary size."""
    model, contexts = model_of(config), contexts_of(config)
    rng = np.random.default_rng(config["seed"])
    predictor = SoftmaxPredictor(
        torch.tensor(rng.normal(size=(len(contexts), config["d"])), requires_grad=True),
        torch.tensor(rng.normal(size=(model.n_tokens, config["d"])), requires_grad=True),
        contexts,
    )
    loss = predictor.loss(model)
    loss.backward()
    tables = {name: getattr(predictor, name).detach().ravel().tolist() for name in ("embeddings", "unembeddings")}
    for precision, bound in (("float64", 1e-13), ("float32", 1e-5), (None, 1e-13)):
        found = ask("gradients", config=config, precision=precision, tables=tables)
        assert found["loss"] == pytest.approx(loss.item(), rel=bound)
        for table in ("embeddings", "unembeddings"):
            expected = getattr(predictor, table).grad.ravel()
            assert difference(found[f"{table[:-1]}Gradient"], expected) <= bound


@given(config=runs(), factor=st.floats(50, 1e12))
def test_divergence_is_told_where_python_tells_it(ask, config, factor):
    config = {**config, "optimizer": "sgd", "learning_rate": factor}
    diverges = False
    try:
        trained(config, 20)
    except ValueError:
        diverges = True
    answer = ask("train", config=config, steps=20)
    assert diverges == ("error" in answer)
    if diverges:
        assert answer["error"]["type"] == "Diverged"
        assert answer["error"]["step"] <= 20


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("rate", [1e3, 1e10, 1e30, 1e100, 1e300])
def test_absurd_rates_diverge_at_once_and_never_pass(ask, precision, rate):
    config = configuration(m=4, d=4, learning_rate=rate, precision=precision)
    error = ask("train", config=config, steps=50)["error"]
    assert error["type"] == "Diverged"
    assert 1 <= error["step"] <= 5
    assert "smaller learning rate" in error["message"]


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_start_may_be_large_but_not_overflow(ask, precision):
    assert ask("train", config=configuration(start_scale=300, precision=precision))["loss"] > 1000
    error = ask("train", config=configuration(start_scale=1e200, precision=precision))["error"]
    assert (error["type"], error["field"]) == ("RangeError", "start_scale")


def test_the_rate_may_change_on_the_way(ask):
    config = configuration(optimizer="momentum", learning_rate=0.1)
    tables = ask("train", config=config, steps=10)
    changed = ask("train", config=config, steps=10, rates={"5": 0.2})
    same = ask("train", config=config, steps=10, rates={"5": 0.1})
    assert same["loss"] == tables["loss"]
    assert changed["loss"] != tables["loss"]


def test_tables_put_in_are_trained_on_from_there(ask):
    config = configuration(optimizer="sgd")
    first = ask("train", config=config, steps=7)
    tables = {name: first[name] for name in ("embeddings", "unembeddings")}
    assert ask("train", config=config, steps=3, tables=tables)["loss"] == ask("train", config=config, steps=10)["loss"]


@pytest.mark.parametrize(
    ("table", "values"),
    [("embeddings", []), ("unembeddings", [0.0] * 23), ("unembeddings", ["1"] * 24), ("embeddings", None)],
)
def test_bad_tables(ask, table, values):
    tables = {"embeddings": [0.0] * 81, "unembeddings": [0.0] * 24, table: values}
    error = ask("train", config=configuration(), tables=tables)["error"]
    assert (error["type"], error["field"]) == ("RangeError", table)


@given(seed=st.integers(0, 2**32), scale=st.floats(0.01, 3), m=st.integers(2, 5), d=st.integers(1, 16))
def test_the_start_is_that_of_python_times_its_scale(ask, seed, scale, m, d):
    config = configuration(m=m, d=d, seed=seed, start_scale=scale, context_set="0|1|0,1")
    found = ask("train", config=config)
    expected = trained({**config, "start_scale": 1}, 0)
    np.testing.assert_allclose(found["embeddings"], scale * expected["embeddings"], rtol=1e-15)
    np.testing.assert_allclose(found["unembeddings"], scale * expected["unembeddings"], rtol=1e-15)
    unscaled = ask("train", config={**config, "start_scale": 1})
    assert unscaled["embeddings"] == expected["embeddings"].tolist()
    assert unscaled["unembeddings"] == expected["unembeddings"].tolist()
