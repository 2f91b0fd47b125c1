"""The natural-gradient direction against the whole Fisher matrix, and where its steps lead."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, train
from linrep_core import natural_gradient as module
from linrep_core.natural_gradient import NaturalGradient

MODEL = LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=1))


def optimizer(dim: int, seed: int = 0) -> NaturalGradient:
    start = SoftmaxPredictor.initialize(MODEL, dim, initialization="gaussian", scale=1.0, seed=seed)
    table = torch.as_tensor(MODEL.next_token_distribution())
    weights = torch.as_tensor(MODEL.weights())

    def loss(f, g):
        return -(weights * (table * torch.log_softmax(f @ g.T, 1)).sum(1)).sum()

    return NaturalGradient(start.embeddings, start.unembeddings, table, weights, loss)


def damped_direction_with_the_whole_matrix(natural: NaturalGradient) -> torch.Tensor:
    """Solve (Fisher + damping) change = -gradient for both tables at once, as the definition says."""
    f, g, w = natural.f, natural.g, natural.weights
    flat = torch.cat([f.reshape(-1), g.reshape(-1)])
    n = f.numel()

    def logits(parameters):
        return parameters[:n].view_as(f) @ parameters[n:].view_as(g).T

    jacobian = torch.autograd.functional.jacobian(logits, flat)  # (contexts, tokens, parameters)
    q = torch.softmax(f @ g.T, 1)
    covariance = torch.diag_embed(q) - q[:, :, None] * q[:, None]
    fisher = torch.einsum("x,xya,xyz,xzb->ab", w, jacobian, covariance, jacobian)
    gradient = torch.einsum("x,xya,xy->a", w, jacobian, q - natural.table)
    metric_f = module._with_ridge(g.T @ g / len(g))
    metric_g = module._with_ridge((f * w[:, None]).T @ f) / len(g)
    damping = torch.block_diag(*[weight * metric_f for weight in w], *[metric_g] * len(g))
    return -torch.linalg.solve(fisher + natural.damping * damping, gradient)


@pytest.mark.parametrize("tile", [2**21, 32])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_eliminated_system_has_the_solution_of_the_whole_one(monkeypatch, dim, tile):
    monkeypatch.setattr(module, "TILE_ENTRIES", tile)  # 32 entries: two contexts at a time
    natural = optimizer(dim)
    change_f, change_g = natural._direction()
    wanted = damped_direction_with_the_whole_matrix(natural)
    torch.testing.assert_close(torch.cat([change_f.reshape(-1), change_g.reshape(-1)]), wanted, rtol=1e-6, atol=1e-8)


def test_no_step_raises_the_loss():
    natural = optimizer(2)
    losses = [natural.step() for _ in range(30)]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0] / 2


@pytest.mark.slow
def test_it_reaches_the_floor_that_adam_only_approaches():
    worlds = [LatentConditionalModel(ConceptGraph.random(3, seed=seed)) for seed in range(6)]
    stop = {"excess_loss": 1e-6}
    runs = [
        train(world, 4, optimizer="natural", steps=100, seed=seed, stop_when=stop, progress=False)
        for seed, world in enumerate(worlds)
    ]
    reached = [(world, run) for world, run in zip(worlds, runs, strict=True) if run.excess_loss < 1e-6]
    assert len(reached) >= 4  # the others end in a poor minimum, as some runs of every optimiser do
    world, run = reached[0]
    adam = train(world, 4, steps=10 * run.steps, progress=False)
    assert adam.excess_loss > 100 * run.excess_loss


def test_tables_that_are_too_large_are_refused():
    world = LatentConditionalModel(ConceptGraph.random(8, seed=0))
    with pytest.raises(ValueError, match="dim must be at most 16 for natural with 256 tokens, got 17"):
        train(world, 17, optimizer="natural", steps=1, progress=False)
