"""The tiled loss against the dense formula and torch's own cross-entropy: values, gradients, tiles, many problems."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, kernel
from linrep_core.kernel import tiled_cross_entropy
from linrep_core.predictor import cross_entropy


def problem(m: int, d: int, seed: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    model = LatentConditionalModel(ConceptGraph.random(m, seed=seed))
    start = SoftmaxPredictor.initialize(model, d, initialization="gaussian", scale=1.0, seed=seed, dtype=dtype)
    expected = model.expected_unembedding(start.unembeddings)
    tensors = [start.embeddings, start.unembeddings, expected, torch.as_tensor(model.weights()).to(dtype)]
    return [tensor.clone().requires_grad_() for tensor in tensors]


@settings(max_examples=40, deadline=None)
@given(m=st.integers(1, 5), d=st.integers(1, 6), seed=st.integers(0, 99), tile=st.integers(3, 18))
def test_it_is_the_dense_loss_with_the_same_gradients_whatever_the_tile(m, d, seed, tile):
    tensors = problem(m, d, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "TILE_BYTES", 2**tile)
        tiled = tiled_cross_entropy(*tensors)
    dense = cross_entropy(*tensors)
    torch.testing.assert_close(tiled, dense, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(torch.autograd.grad(tiled, tensors), torch.autograd.grad(dense, tensors), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_many_problems_are_each_their_own(monkeypatch):
    monkeypatch.setattr(kernel, "TILE_BYTES", 2**12)  # 2**12 bytes are 2 problems of 27 contexts and 8 tokens
    problems = [problem(3, 4, seed) for seed in range(5)]
    stacked = [torch.stack(parts).detach().requires_grad_() for parts in zip(*problems, strict=True)]
    losses = tiled_cross_entropy(*(part.unflatten(0, (5, 1)) for part in stacked))
    assert losses.shape == (5, 1)
    alone = torch.stack([cross_entropy(*tensors) for tensors in problems])
    torch.testing.assert_close(losses[:, 0], alone)
    factors = torch.arange(1.0, 6.0, dtype=torch.float64)  # each problem's gradient follows its own factor
    gradients = torch.autograd.grad((factors * losses[:, 0]).sum(), stacked)
    wanted = torch.autograd.grad((factors * alone).sum(), [tensor for tensors in problems for tensor in tensors])
    for i, gradient in enumerate(gradients):
        torch.testing.assert_close(gradient, torch.stack(wanted[i::4]))


def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(tiled_cross_entropy, problem(2, 2, seed=3))


def test_single_precision_is_close_and_large_logits_do_not_overflow():
    f, g, expected, w = (tensor.detach() for tensor in problem(4, 4, seed=1))
    single = tiled_cross_entropy(*(tensor.float() for tensor in (f, g, expected, w)))
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(tiled_cross_entropy(f, g, expected, w)), rel=1e-5)
    large = tiled_cross_entropy(1000 * f, 1000 * g, 1000 * expected, w)
    assert torch.isfinite(large)
    torch.testing.assert_close(large, cross_entropy(1000 * f, 1000 * g, 1000 * expected, w))


def test_a_nan_comes_through():
    f, g, expected, w = (tensor.detach() for tensor in problem(2, 2, seed=0))
    f[3, 1] = torch.nan
    assert torch.isnan(tiled_cross_entropy(f, g, expected, w))


def test_without_gradients_nothing_is_kept():
    f, g, expected, w = problem(2, 2, seed=0)
    with torch.no_grad():
        assert tiled_cross_entropy(f, g, expected, w).grad_fn is None
    first = torch.autograd.grad(tiled_cross_entropy(f, g, expected, w) ** 2, [f], create_graph=True)[0].sum()
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.backward()
