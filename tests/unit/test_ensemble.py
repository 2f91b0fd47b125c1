"""Many trainings at once against the same trainings one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from linrep_core import ConceptGraph, LatentConditionalModel, train
from linrep_core.ensemble import train_many

WORLDS = [LatentConditionalModel(ConceptGraph.random(3, 0.7, seed=seed)) for seed in range(4)]
SUBSETS = [world.contexts()[i:] for i, world in enumerate(WORLDS)]  # of different sizes


@pytest.mark.slow
@pytest.mark.parametrize("contexts", [None, SUBSETS, SUBSETS[2]], ids=["all", "one set a run", "one set"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 20},
        {"optimizer": "sgd", "learning_rate": 1.0},
        {"optimizer": "sgd", "batch_size": 20},
        {"optimizer": "momentum", "batch_size": 7, "momentum": 0.5},
        {"initialization": "gaussian", "scale": 0.5, "dtype": torch.float32},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) or "default",
)
def test_every_run_is_the_run_that_train_gives(settings, contexts):
    together = train_many(WORLDS, 2, seeds=range(4), steps=60, contexts=contexts, progress=False, **settings)
    close = 1e-4 if settings.get("dtype") == torch.float32 else 1e-12
    for i, run in enumerate(together):
        subset = contexts[i] if contexts is SUBSETS else contexts
        alone = train(WORLDS[i], 2, seed=i, steps=60, contexts=subset, progress=False, **settings)
        assert run.steps == alone.steps == 60
        assert run.entropy_floor == alone.entropy_floor
        assert run.settings["seed"] == i
        assert run.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            np.testing.assert_allclose(run.history[name], values, rtol=0, atol=10 * close, err_msg=name)
        for table in ("embeddings", "unembeddings"):
            ours, theirs = getattr(run.predictor, table), getattr(alone.predictor, table)
            torch.testing.assert_close(ours, theirs, rtol=0, atol=close)


@pytest.mark.parametrize("contexts", [None, SUBSETS], ids=["all", "one set a run"])
def test_tables_too_large_for_the_cache_give_the_same_runs(monkeypatch, contexts):
    common = {"seeds": range(4), "steps": 60, "contexts": contexts, "progress": False}
    in_cache = train_many(WORLDS, 2, **common)
    monkeypatch.setattr("linrep_core.ensemble.TILE_BYTES", 0)
    tiled = train_many(WORLDS, 2, **common)
    for ours, theirs in zip(tiled, in_cache, strict=True):
        assert not torch.equal(ours.predictor.embeddings, theirs.predictor.embeddings)  # another order of sums
        torch.testing.assert_close(ours.predictor.embeddings, theirs.predictor.embeddings, rtol=0, atol=1e-12)


def test_one_world_serves_all_seeds():
    first, second = train_many(WORLDS[0], 2, seeds=[5, 6], steps=20, progress=False)
    assert not torch.equal(first.predictor.embeddings, second.predictor.embeddings)
    again = train_many([WORLDS[0]], 2, seeds=[6], steps=20, progress=False)[0]
    torch.testing.assert_close(second.predictor.embeddings, again.predictor.embeddings)


def test_a_run_that_diverges_leaves_the_others_alone():
    lone = [[[0, 0, 0]], WORLDS[1].contexts()]
    settings = {"optimizer": "sgd", "steps": 200, "progress": False, "initialization": "gaussian", "scale": 3.0}
    together = train_many(WORLDS[:2], 2, seeds=[0, 1], contexts=lone, learning_rate=40.0, **settings)
    reasons = {run.stop_reason for run in together}
    assert "diverged" in reasons
    for run in together:
        assert np.isfinite(run.history["loss"]).all()
        assert run.predictor.embeddings.isfinite().all()
        assert run.steps == run.history["step"][-1]


def test_interruption_keeps_what_is_done(monkeypatch):
    from linrep_core import ensemble

    calls = []
    step = ensemble._Ensemble.step

    def interrupted(self):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(ensemble._Ensemble, "step", interrupted)
    runs = train_many(WORLDS[:2], 2, seeds=[0, 1], steps=50, progress=False)
    assert [(run.steps, run.stop_reason) for run in runs] == [(7, "interrupted")] * 2
    assert runs[0].history["step"][-1] == 7


def test_the_number_of_records_is_what_was_asked():
    (run,) = train_many(WORLDS[:1], 2, seeds=[0], steps=100, n_records=4, progress=False)
    assert run.history["step"].tolist() == [0, 1, 10, 100]
