"""Cross-entropy, its floor and what an excess means: for random worlds, contexts and predictors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from brute_force import UNKNOWN, agrees, all_contexts, all_tokens, entropy, next_token_row
from hypothesis import assume, given
from hypothesis import strategies as st
from random_worlds import SEEDS, fitted_pairs, joint_of, models

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor
from linrep_core.predictor import cross_entropy


def rows(model, predictor):
    """For each context of a predictor: weight, exact row, predicted row, by brute force on the logits."""
    contexts = all_contexts(model.n_concepts) if predictor.contexts is None else predictor.contexts.tolist()
    joint = joint_of(model.graph)
    for weight, context, logits in zip(
        model.weights(predictor.contexts), contexts, predictor.logits().tolist(), strict=True
    ):
        highest = max(logits)
        exponentials = [math.exp(z - highest) for z in logits]
        total = sum(exponentials)
        logs = [z - highest - math.log(total) for z in logits]
        yield weight, next_token_row(joint, context), [e / total for e in exponentials], logs


@given(pair=fitted_pairs())
def test_loss_is_the_weighted_mean_of_minus_log_p_hat(pair):
    model, predictor = pair
    expected = sum(w * -sum(p * q for p, q in zip(row, logs, strict=True)) for w, row, _, logs in rows(*pair))
    assert predictor.loss(model).item() == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(predictor.probabilities(), [guess for _, _, guess, _ in rows(*pair)], atol=1e-14)
    np.testing.assert_allclose(predictor.log_probabilities(), [logs for *_, logs in rows(*pair)], rtol=1e-9, atol=1e-12)


@given(pair=fitted_pairs())
def test_excess_loss_is_the_mean_kullback_leibler_divergence_and_never_negative(pair):
    model, predictor = pair
    divergence = 0.0
    for weight, row, _, logs in rows(*pair):
        divergence += weight * sum(p * (math.log(p) - q) for p, q in zip(row, logs, strict=True) if p > 0)
    assert predictor.excess_loss(model) == pytest.approx(divergence, rel=1e-9, abs=1e-11)
    assert predictor.excess_loss(model) >= -1e-12
    assert predictor.loss(model).item() >= model.entropy_floor(predictor.contexts) - 1e-12


@given(pair=fitted_pairs())
def test_the_floor_is_the_mean_entropy_of_the_exact_rows(pair):
    model, predictor = pair
    expected = sum(weight * entropy(row) for weight, row, *_ in rows(*pair))
    assert model.entropy_floor(predictor.contexts) == pytest.approx(expected, abs=1e-12)


@given(pair=fitted_pairs())
def test_a_small_excess_means_a_close_fit(pair):
    """Pinsker: the excess is at least twice the mean squared total variation; zero only at the exact distribution."""
    model, predictor = pair
    bound = 0.0
    for weight, row, guess, _ in rows(*pair):
        variation = sum(abs(p - q) for p, q in zip(row, guess, strict=True)) / 2
        bound += weight * 2 * variation**2
    assert predictor.excess_loss(model) >= bound - 1e-12


def exact_on_compatible_tokens(model, low):
    """Logits ln p(y) where y agrees with x and ln p(y) - low elsewhere, as the tables F = logits, G = identity."""
    tokens, joint = all_tokens(model.n_concepts), model.graph.joint()
    logits = np.log(joint) - low * np.array(
        [[not agrees(x, y) for y in tokens] for x in all_contexts(model.n_concepts)]
    )
    return SoftmaxPredictor(logits, np.eye(model.n_tokens))


@given(model=models(), low=st.floats(0.5, 30.0))
def test_the_floor_is_approached_exponentially_and_not_reached(model, low):
    """Excess at x: ln(1 + exp(-low) (1 - p(x)) / p(x)), which only the context that knows nothing brings to zero."""
    joint = joint_of(model.graph)
    expected = 0.0
    for weight, context in zip(model.weights(), all_contexts(model.n_concepts), strict=True):
        probability = sum(p for token, p in joint.items() if agrees(context, token))
        expected += weight * math.log1p(math.exp(-low) * max(0.0, 1 - probability) / probability)
    excess = exact_on_compatible_tokens(model, low).excess_loss(model)
    assert excess == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert expected > 0
    assert exact_on_compatible_tokens(model, low + 2).excess_loss(model) < excess or excess < 1e-11


@given(model=models())
def test_without_told_concepts_one_dimension_fits_exactly(model):
    """f = 1, g(y) = ln p(y): on the context that knows nothing the floor is reached."""
    nothing = [[UNKNOWN] * model.n_concepts]
    predictor = SoftmaxPredictor([[1.0]], np.log(model.graph.joint())[:, None], nothing)
    assert predictor.excess_loss(model) == pytest.approx(0.0, abs=1e-12)
    f, g = predictor.embeddings.requires_grad_(), predictor.unembeddings.requires_grad_()
    for gradient in torch.autograd.grad(predictor.loss(model), [f, g]):
        assert gradient.abs().max() < 1e-12


@given(pair=fitted_pairs(), seed=SEEDS)
def test_unembeddings_may_be_shifted_together_and_embeddings_may_not(pair, seed):
    model, predictor = pair
    shift = torch.as_tensor(np.random.default_rng(seed).normal(size=predictor.dim))
    moved = SoftmaxPredictor(predictor.embeddings, predictor.unembeddings + shift, predictor.contexts)
    torch.testing.assert_close(moved.probabilities(), predictor.probabilities(), atol=1e-12, rtol=1e-9)
    assert moved.loss(model).item() == pytest.approx(predictor.loss(model).item(), rel=1e-9)
    assume((predictor.unembeddings @ shift).std() > 0.01)
    other = SoftmaxPredictor(predictor.embeddings + shift, predictor.unembeddings, predictor.contexts)
    assert (other.log_probabilities() - predictor.log_probabilities()).abs().max() > 1e-4


@given(pair=fitted_pairs())
def test_loss_is_convex_in_each_table_alone(pair):
    """Halfway between two embeddings (or two unembeddings) the loss is at most the mean of theirs."""
    model, first = pair
    second = SoftmaxPredictor.initialize(
        model, first.dim, contexts=first.contexts, initialization="gaussian", scale=2.0, seed=1
    )
    for which in (0, 1):
        losses = []
        for share in (0.0, 0.5, 1.0):
            tables = [first.embeddings, first.unembeddings]
            ours, theirs = tables[which], (second.embeddings, second.unembeddings)[which]
            tables[which] = (1 - share) * ours + share * theirs
            losses.append(SoftmaxPredictor(*tables, first.contexts).loss(model).item())
        assert losses[1] <= (losses[0] + losses[2]) / 2 + 1e-9


def test_loss_is_not_convex_in_both_tables_together():
    """(f, g) and (-f, -g) fit equally well, and halfway between them is the predictor that knows nothing."""
    model = LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=0))
    fit = exact_on_compatible_tokens(model, 5.0)
    mirrored = SoftmaxPredictor(-fit.embeddings, -fit.unembeddings)
    middle = SoftmaxPredictor(0 * fit.embeddings, 0 * fit.unembeddings)
    assert fit.loss(model).item() == pytest.approx(mirrored.loss(model).item())
    assert middle.loss(model).item() == pytest.approx(math.log(4))
    assert middle.loss(model) > fit.loss(model) + 0.1


@given(pair=fitted_pairs(), seed=SEEDS)
def test_loss_needs_only_the_expected_unembedding(pair, seed):
    """Two worlds with the same expected unembeddings have the same loss, and it is linear in them."""
    model, predictor = pair
    f, g = predictor.embeddings, predictor.unembeddings
    expected = model.expected_unembedding(g, predictor.contexts)
    weights = torch.as_tensor(model.weights(predictor.contexts))
    step = torch.as_tensor(np.random.default_rng(seed).normal(size=tuple(expected.shape)))
    loss, moved = cross_entropy(f, g, expected, weights), cross_entropy(f, g, expected + step, weights)
    assert (loss - moved).item() == pytest.approx((weights @ (f * step).sum(dim=1)).item(), abs=1e-9)
