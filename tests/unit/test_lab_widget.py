"""The lab in Python: settings checked by name, a world of one's own, vectors in and out, runs read back."""

import json
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
import torch

import linrep_core
from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, linearity, train
from linrep_core.lab import read_run, widget
from linrep_core.lab.config import changed_config, check_config, contexts_of, default_config, graph_of, model_of
from linrep_core.lab.run import HISTORY
from linrep_core.lab.widget import LAB_MIME
from linrep_core.mechanisms import mechanism_model


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The widget needs the browser part only as text."""
    module = tmp_path / "lab.mjs"
    module.write_text("export default { render() {} }", "utf8")
    monkeypatch.setattr(widget, "BUILT", module)


@pytest.fixture
def lab(built):
    return linrep_core.TrainingLab(m=3, d=2)


# ---- the widget -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_the_package_loads_no_widget_library():
    code = "import linrep_core, sys; print('anywidget' in sys.modules, 'ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_lab_that_is_not_built_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(widget, "BUILT", tmp_path / "missing.mjs")
    with pytest.raises(RuntimeError, match=r"build\.mjs"):
        linrep_core.TrainingLab()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"m": 1}, "m"),
        ({"m": 9}, "m"),
        ({"m": 3.5}, "m"),
        ({"m": True}, "m"),
        ({"d": 0}, "d"),
        ({"d": 17}, "d"),
        ({"d": None}, "d"),
        ({"graph": "tree"}, "graph"),
        ({"graph": "given"}, "joint"),
        ({"graph_seed": -1}, "graph_seed"),
        ({"graph_seed": 2**32}, "graph_seed"),
        ({"edge_probability": 1.5}, "edge_probability"),
        ({"edge_probability": float("nan")}, "edge_probability"),
        ({"graph": "drawn", "edges": [[0, 5]]}, "edges"),
        ({"graph": "drawn", "edges": [[0, 1], [1, 0]]}, "edges"),
        ({"graph": "drawn", "edges": [[0, 1], [1, 2], [2, 0]]}, "edges"),
        ({"graph": "drawn", "edges": "0-1"}, "edges"),
        ({"graph": "given", "m": 2, "joint": [0.5, 0.5, 0.5, 0.5]}, "joint"),
        ({"graph": "given", "m": 2, "joint": [1.0, 0.0, 0.0, 0.0]}, "joint"),
        ({"graph": "given", "m": 2, "joint": [0.5, 0.5]}, "joint"),
        ({"context_set": "5"}, "context_set"),
        ({"context_set": "0,0"}, "context_set"),
        ({"context_set": "0,,1"}, "context_set"),
        ({"context_set": 0}, "context_set"),
        ({"context_weights": "random"}, "context_weights"),
        ({"mask_probability": 0}, "mask_probability"),
        ({"optimizer": "lbfgs"}, "optimizer"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"momentum": 1}, "momentum"),
        ({"start_scale": 0}, "start_scale"),
        ({"seed": -1}, "seed"),
        ({"precision": "float16"}, "precision"),
        ({"told_wrongly": 0.5}, "told_wrongly"),
        ({"told_wrongly": -0.1}, "told_wrongly"),
        ({"concept": 5}, "concept"),
        ({"context": "1?"}, "context"),
        ({"context": "1???x"}, "context"),
        ({"speed": "warp"}, "speed"),
        ({"dim": 3}, "dim"),
        ({"size": "huge"}, "size"),
    ],
)
def test_a_bad_setting_is_a_value_error_that_names_it(built, settings, name):
    with pytest.raises(ValueError, match=name):
        linrep_core.TrainingLab(**settings)
    attribute = next(iter(settings))
    if attribute in default_config() and len(settings) == 1:
        fresh = linrep_core.TrainingLab()
        before = getattr(fresh, attribute)
        with pytest.raises(ValueError, match=attribute):
            setattr(fresh, attribute, settings[attribute])
        assert getattr(fresh, attribute) == before


def test_fewer_concepts_cut_what_no_longer_fits(built):
    lab = linrep_core.TrainingLab(
        m=5, graph="drawn", edges=[[0, 1], [1, 4]], context_set="4", concept=4, context="10?01"
    )
    lab.m = 3
    assert (lab.edges, lab.context_set, lab.concept, lab.context) == ([[0, 1]], "all", 2, "10?")
    assert check_config(lab.config) == lab.config


def test_settings_from_the_browser_are_taken_together(lab):
    lab.set_state({"context": "1?0?", "edges": [[2, 3]], "graph": "drawn", "m": 4})
    assert (lab.m, lab.graph, lab.edges, lab.context) == (4, "drawn", [[2, 3]], "1?0?")
    with pytest.raises(ValueError, match="context"):
        lab.set_state({"seed": 7, "context": "1?"})
    assert lab.seed == 0


def test_before_training_the_predictor_is_the_start_of_the_run(lab):
    start = SoftmaxPredictor.initialize(lab.model, 2, seed=lab.seed)
    assert torch.equal(lab.predictor.embeddings, start.embeddings)
    lab.start_scale = 2.0
    assert torch.equal(lab.predictor.unembeddings, 2 * start.unembeddings)


def test_trained_vectors_come_from_the_browser_as_bytes_and_go_back(lab):
    run = train(lab.model, 2, steps=50, progress=False)
    sent = {
        name: {"shape": list(table.shape), "data": memoryview(table.numpy().tobytes())}
        for name, table in (("embeddings", run.predictor.embeddings), ("unembeddings", run.predictor.unembeddings))
    }
    lab.set_state({"step": 50, "loss": run.loss, **sent})
    assert lab.predictor.loss(lab.model).item() == pytest.approx(run.loss, abs=1e-15)
    assert linearity(lab.model, lab.predictor).mean == linearity(lab.model, run.predictor).mean
    back = lab.get_state(["embeddings"])["embeddings"]
    assert back["shape"] == [27, 2]
    assert bytes(back["data"]) == bytes(sent["embeddings"]["data"])


def test_a_predictor_is_loaded_if_it_fits_and_forgotten_with_its_run(lab):
    run = train(lab.model, 2, steps=10, progress=False)
    lab.predictor = run.predictor
    assert torch.equal(lab.predictor.unembeddings, run.predictor.unembeddings)
    for wrong in (SoftmaxPredictor(torch.zeros(27, 3), torch.zeros(8, 3)), "predictor"):
        with pytest.raises(ValueError, match="predictor"):
            lab.predictor = wrong
    with pytest.raises(ValueError, match="unembeddings"):
        lab.unembeddings = np.zeros((4, 2))
    with pytest.raises(ValueError, match="embeddings"):
        lab.embeddings = np.full((27, 2), np.nan)
    lab.learning_rate = 0.1  # goes on with the same run
    assert len(lab.unembeddings)
    lab.seed = 5
    assert lab.embeddings.size == lab.unembeddings.size == 0
    assert torch.equal(lab.predictor.unembeddings, SoftmaxPredictor.initialize(lab.model, 2, seed=5).unembeddings)


def test_a_world_of_ones_own(built):
    graph = ConceptGraph.from_markov_random_field(
        nx.Graph([(0, 1), (1, 2)]), {(0, 1): [[3, 1], [1, 3]], (1, 2): [[1, 2], [2, 1]]}
    )
    model = LatentConditionalModel(graph, context_weights="uniform")
    lab = linrep_core.TrainingLab(model=model, d=3)
    assert lab.model.graph is graph
    assert (lab.m, lab.graph, lab.edges, lab.context_weights) == (3, "given", [[0, 1], [1, 2]], "uniform")
    assert np.array_equal(lab.joint, graph.joint())
    lab.mask_probability = 0.3
    assert lab.model.mask_probability == 0.3
    lab.graph = "chain"
    assert lab.model.graph is not graph
    assert lab.joint is None
    with pytest.raises(ValueError, match="graph"):
        lab.graph = "given"


def test_a_world_whose_contexts_may_be_wrong(built):
    model = mechanism_model(True, False, False)
    lab = linrep_core.TrainingLab(model=model, size="mechanisms")
    assert lab.told_wrongly == pytest.approx(0.1)
    assert np.allclose(lab.model.next_token_distribution(), model.next_token_distribution())
    lab.told_wrongly = 0.2
    assert lab.model.graph is model.graph
    assert lab.model.tellings[0][0, 1] == 0.2
    lab.told_wrongly = 0.0
    assert lab.model.next_token_distribution().min() == 0


def test_a_switch_pressed_in_the_browser_is_another_world_here(built):
    lab = linrep_core.TrainingLab(model=mechanism_model(True, True, True), size="mechanisms", d=4)
    wanted = mechanism_model(False, False, True)
    lab.set_state({"told_wrongly": 0.1, "edges": [[0, 3]], "joint": wanted.graph.joint().tolist(), "d": 8})
    assert lab.graph == "given"
    assert np.allclose(lab.model.next_token_distribution(), wanted.next_token_distribution())
    assert lab.predictor.dim == 8


@pytest.mark.parametrize("tellings", [[[[0.9, 0.1], [0.1, 0.9]], [[1, 0], [0, 1]]], [[[0.9, 0.2], [0.1, 0.8]]] * 2])
def test_contexts_that_are_wrong_in_another_way_are_refused(built, tellings):
    model = LatentConditionalModel(ConceptGraph.random(2), tellings=tellings)
    with pytest.raises(ValueError, match="model must tell two values of each concept, wrongly with one probability"):
        linrep_core.TrainingLab(model=model)


@pytest.mark.parametrize("model", [3, "random", ConceptGraph.random(1), ConceptGraph.random(9)])
def test_a_world_that_the_lab_cannot_show_is_refused(built, model):
    with pytest.raises(ValueError, match="model"):
        linrep_core.TrainingLab(model=model)
    with pytest.raises(ValueError, match="m must not"):
        linrep_core.TrainingLab(model=ConceptGraph.random(3), m=3)


def test_it_shows_itself_the_same_on_every_run(built):
    first, second = (
        linrep_core.TrainingLab(m=4, seed=2, size="small"),
        linrep_core.TrainingLab(m=4, seed=2, size="small"),
    )
    assert repr(first) == repr(second) == "TrainingLab(m=4, d=5, seed=2)"
    bundle, _ = first._repr_mimebundle_()
    assert bundle["text/plain"] == repr(first)
    assert bundle[LAB_MIME] == {"m": 4, "d": 5, "seed": 2, "size": "small", "autoplay": False}
    json.dumps(bundle[LAB_MIME])


# ---- what a configuration means ---------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", ["random", "chain", "independent", "drawn"])
def test_a_configuration_names_a_world(graph):
    config = check_config({"m": 4, "graph": graph, "edges": [[0, 2], [2, 3]], "graph_seed": 3})
    world = graph_of(config)
    edges = {"chain": [(0, 1), (1, 2), (2, 3)], "independent": [], "drawn": [(0, 2), (2, 3)]}
    if graph in edges:
        assert sorted(world.dag.edges) == edges[graph]
    else:
        assert np.array_equal(world.joint(), ConceptGraph.random(4, 0.5, seed=3).joint())


@pytest.mark.parametrize("seed", range(4))
def test_a_given_joint_is_kept_and_its_graph_where_it_holds(seed):
    graph = ConceptGraph.random(4, seed=seed)
    edges = [list(edge) for edge in graph.dag.edges]
    config = check_config({"m": 4, "graph": "given", "joint": graph.joint().tolist(), "edges": edges})
    again = graph_of(config)
    assert np.allclose(again.joint(), graph.joint(), rtol=1e-12, atol=0)
    assert set(again.dag.edges) == set(graph.dag.edges)
    without = graph_of({**config, "edges": []})
    assert np.allclose(without.joint(), graph.joint(), rtol=1e-12, atol=0)


def test_context_sets_keep_the_order_of_all_contexts():
    config = check_config({"m": 3, "context_set": "1|none|0,2"})
    every = model_of(config).contexts()
    known = [set(np.flatnonzero(row != -1)) for row in every]
    wanted = every[[seen in ({1}, set(), {0, 2}) for seen in known]]
    assert config["context_set"] == "1|none|0,2"
    assert np.array_equal(contexts_of(config), wanted)
    assert contexts_of(check_config({})) is None


def test_changed_config_is_valid_whatever_it_was():
    for m in range(2, 9):
        config = check_config({"m": 8, "context_set": "7", "concept": 7, "graph": "drawn", "edges": [[0, 7]]})
        assert check_config(changed_config(config, m=m))["m"] == m


# ---- runs -------------------------------------------------------------------------------------------------------


def _run_as_json(**settings):
    config = check_config(settings)
    model, contexts = model_of(config), contexts_of(config)
    run = train(model, config["d"], contexts=contexts, steps=20, progress=False)
    history = {name: [None if np.isnan(value) else value for value in run.history[name].tolist()] for name in HISTORY}
    tables = {
        "embeddings": run.predictor.embeddings.tolist(),
        "unembeddings": run.predictor.unembeddings.tolist(),
    }
    return run, {"format": "linrep-run/1", "config": config, "tables": tables, "history": history}


@pytest.mark.parametrize(
    "settings", [{"m": 3, "d": 2, "context": "1??"}, {"m": 3, "context_set": "0|1", "context": "1??"}]
)
def test_a_saved_run_is_read_whole(tmp_path, settings):
    run, data = _run_as_json(**settings)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(data), "utf8")
    for source in (path, str(path), json.dumps(data)):
        model, predictor, history = read_run(source)
        assert predictor.loss(model).item() == pytest.approx(run.loss, rel=1e-12)
        assert torch.equal(predictor.embeddings, run.predictor.embeddings)
        assert np.array_equal(history["excess_loss"], run.history["excess_loss"])
        assert np.array_equal(history["embedding"], run.history["embedding"], equal_nan=True)


def _damaged():
    _, data = _run_as_json(m=3, d=2, context="1??")
    deep = "[" * 100_000
    yield "{"
    yield "{}"
    yield '{"format": ' + deep
    for change in (
        {"format": "linrep-run/2"},
        {"config": None},
        {"config": {**data["config"], "m": 4}},
        {"config": {**data["config"], "d": 3}},
        {"config": {**data["config"], "graph": "<img src=x onerror=alert(1)>"}},
        {"config": {**data["config"], "__class__": 1}},
        {"tables": None},
        {"tables": {"embeddings": data["tables"]["embeddings"]}},
        {"tables": {**data["tables"], "unembeddings": [[0, "1"]] * 8}},
        {"tables": {**data["tables"], "unembeddings": [[0, None]] * 8}},
        {"tables": {**data["tables"], "unembeddings": [[0, True]] * 8}},
        {"tables": {**data["tables"], "unembeddings": [[0, 1e308]] * 8}},
        {"history": None},
        {"history": {**data["history"], "step": data["history"]["step"][::-1]}},
        {"history": {**data["history"], "loss": data["history"]["loss"][:-1]}},
        {"history": {**data["history"], "loss": ["a"] * len(data["history"]["loss"])}},
    ):
        yield json.dumps({**data, **change})
    yield json.dumps(data).replace('"history"', '"histoire"')
    yield json.dumps(data)[:-40]
    yield json.dumps(data).replace("0.", "NaN, 0.", 1)


@pytest.mark.parametrize("text", list(_damaged()), ids=lambda _: "damaged")
def test_a_damaged_run_is_a_value_error(text):
    with pytest.raises(ValueError) as caught:
        read_run(text)
    assert len(str(caught.value)) < 2000
