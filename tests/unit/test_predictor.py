"""The softmax predictor against the dense table and torch's own cross-entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from brute_force import all_contexts, next_token_row
from worlds import dag_joint, dag_world, field_world

import linrep_core
from linrep_core import LatentConditionalModel, SoftmaxPredictor

SUBSET = [[1, -1, 0, -1], [-1, -1, -1, -1], [0, 1, 1, 0], [1, -1, 1, -1]]
MODELS = {
    "masked": LatentConditionalModel(dag_world(), mask_probability=0.3),
    "uniform": LatentConditionalModel(field_world(), context_weights="uniform"),
}


def dense_loss(model, f, g, contexts=None):
    """Cross-entropy with the whole table of targets, as anybody would write it first."""
    targets = torch.as_tensor(model.next_token_distribution(contexts))
    per_context = torch.nn.functional.cross_entropy(f @ g.T, targets, reduction="none")
    return torch.as_tensor(model.weights(contexts)) @ per_context


# ---- probabilities and loss -------------------------------------------------------------------------------------


def test_probabilities_are_the_normalised_exponentials_of_inner_products():
    predictor = SoftmaxPredictor(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert predictor.dim == 2
    assert predictor.logits().tolist() == [[1.0, 1.5], [0.0, -0.5]]
    first = [math.exp(1.0), math.exp(1.5)]
    assert predictor.probabilities()[0].tolist() == pytest.approx([v / sum(first) for v in first])
    torch.testing.assert_close(predictor.log_probabilities().exp(), predictor.probabilities())


def test_tables_may_be_numpy_arrays():
    predictor = SoftmaxPredictor(np.eye(2), np.ones((3, 2)))
    assert isinstance(predictor.embeddings, torch.Tensor)
    assert predictor.logits().tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("weights", MODELS)
@pytest.mark.parametrize("contexts", [None, SUBSET], ids=["all contexts", "subset"])
def test_loss_and_its_gradient_are_those_of_the_dense_table(weights, contexts):
    model = MODELS[weights]
    predictor = SoftmaxPredictor.initialize(model, 3, contexts=contexts, initialization="gaussian", scale=1.0, seed=1)
    f, g = predictor.embeddings.requires_grad_(), predictor.unembeddings.requires_grad_()
    loss, expected = predictor.loss(model), dense_loss(model, f, g, contexts)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    for ours, theirs in zip(torch.autograd.grad(loss, [f, g]), torch.autograd.grad(expected, [f, g]), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-13, rtol=1e-11)


def test_excess_loss_is_the_mean_kullback_leibler_divergence():
    model, joint = MODELS["masked"], dag_joint()
    predictor = SoftmaxPredictor.initialize(model, 2, initialization="gaussian", scale=1.0, seed=0)
    guesses = predictor.probabilities().tolist()
    expected = 0.0
    for weight, x, guess in zip(model.weights(), all_contexts(4), guesses, strict=True):
        row = next_token_row(joint, x)
        expected += weight * sum(p * math.log(p / q) for p, q in zip(row, guess, strict=True) if p > 0)
    assert predictor.excess_loss(model) == pytest.approx(expected, abs=1e-12)


def test_loss_of_huge_logits_is_finite():
    model = MODELS["uniform"]
    start = SoftmaxPredictor.initialize(model, 2, initialization="gaussian", scale=100.0, seed=0)
    assert math.isfinite(start.loss(model).item())


# ---- initialisation ---------------------------------------------------------------------------------------------


def test_lookup_tables_start_uniform_within_one_over_the_root_of_their_rows():
    start = SoftmaxPredictor.initialize(MODELS["masked"], 40, seed=0)
    for table, rows in ((start.embeddings, 81), (start.unembeddings, 16)):
        assert tuple(table.shape) == (rows, 40)
        bound = 1 / math.sqrt(rows)
        assert 0.98 * bound < table.max() <= bound
        assert -bound <= table.min() < -0.98 * bound
        assert table.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    torch_default = torch.nn.Linear(81, 40).weight
    assert torch_default.abs().max() <= 1 / math.sqrt(81)
    assert torch_default.abs().max() > 0.98 / math.sqrt(81)


def test_gaussian_start_has_the_scale_asked_for():
    start = SoftmaxPredictor.initialize(MODELS["masked"], 40, initialization="gaussian", scale=0.7, seed=0)
    for table in (start.embeddings, start.unembeddings):
        assert table.mean().item() == pytest.approx(0.0, abs=0.1)
        assert table.std().item() == pytest.approx(0.7, rel=0.08)
    assert start.embeddings.abs().max() > 1.4  # a uniform table would stop at 1.21


def test_first_loss_is_near_that_of_the_predictor_that_knows_nothing():
    for model in MODELS.values():
        start = SoftmaxPredictor.initialize(model, 4, seed=0)
        assert start.loss(model).item() == pytest.approx(math.log(16), abs=0.02)


def test_same_seed_same_start_other_seed_other_start():
    for initialization in ("lookup_table", "gaussian"):
        first, again, other = (
            SoftmaxPredictor.initialize(MODELS["masked"], 3, initialization=initialization, seed=seed)
            for seed in (1, 1, 2)
        )
        assert torch.equal(first.embeddings, again.embeddings)
        assert torch.equal(first.unembeddings, again.unembeddings)
        assert not torch.equal(first.embeddings, other.embeddings)
        assert not torch.equal(first.unembeddings, other.unembeddings)
        assert not torch.equal(first.embeddings[:16], first.unembeddings)  # two independent tables


def test_the_start_is_the_same_in_both_precisions():
    double, single = (
        SoftmaxPredictor.initialize(MODELS["masked"], 3, seed=1, dtype=dtype)
        for dtype in (torch.float64, torch.float32)
    )
    assert single.embeddings.dtype == single.unembeddings.dtype == torch.float32
    assert torch.equal(double.embeddings.float(), single.embeddings)


def test_the_size_of_a_start_is_bounded_and_the_bound_is_allowed(monkeypatch):
    monkeypatch.setattr(linrep_core.predictor, "MAX_PARAMETERS", 81 * 2)
    assert SoftmaxPredictor.initialize(MODELS["masked"], 2).dim == 2
    with pytest.raises(ValueError, match="dim must be at most 2 for 81 rows, got 3"):
        SoftmaxPredictor.initialize(MODELS["masked"], 3)
    few = SoftmaxPredictor.initialize(MODELS["masked"], 10, contexts=SUBSET)  # 16 tokens are the longer table
    assert tuple(few.unembeddings.shape) == (16, 10)
    with pytest.raises(ValueError, match="dim must be at most 10 for 16 rows, got 11"):
        SoftmaxPredictor.initialize(MODELS["masked"], 11, contexts=SUBSET)


def test_a_start_on_a_subset_keeps_the_contexts():
    start = SoftmaxPredictor.initialize(MODELS["masked"], 3, contexts=SUBSET)
    assert tuple(start.embeddings.shape) == (4, 3)
    assert start.contexts.tolist() == SUBSET
