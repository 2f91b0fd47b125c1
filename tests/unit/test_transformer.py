"""The transformer: causal, with right derivatives, able to learn; its training exact, repeatable, interruptible."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from worlds import dag_world

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, TrainingDiverged, linearity
from linrep_core import transformer_training as training
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.sentences import SentenceWorld
from linrep_core.training import logarithmic_steps
from linrep_core.transformer import Transformer
from linrep_core.transformer_study import VARIANTS, size_cell, study_run, study_world, variant_cell
from linrep_core.transformer_training import (
    HISTORY,
    as_predictor,
    layer_reports,
    sentence_cosines,
    train_transformer,
    word_cosines,
)

WORLD = SentenceWorld(LatentConditionalModel(ConceptGraph.random(2, 1.0, seed=0)))
LARGER = SentenceWorld(LatentConditionalModel(dag_world()))
SHAPES = [{"n_layers": 0}, {"n_layers": 1}, {"n_layers": 3, "n_heads": 4}, {"tied": True}]


def made(seed=0, **shape):
    torch.manual_seed(seed)
    transformer = Transformer(n_words=11, n_positions=6, **{"width": 8, **shape})
    for parameter in transformer.parameters():  # far from the small start, where every layer does nearly nothing
        torch.nn.init.normal_(parameter)
    return transformer


def quick(world=WORLD, **settings):
    return train_transformer(world, **{"n_layers": 1, "width": 8, "steps": 20, "progress": False, **settings})


def weights_of(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.transformer.parameters()])


# ---- the architecture -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_later_word_changes_nothing_before_it(shape):
    transformer = made(**shape)
    words = torch.randint(11, (5, 6), generator=torch.Generator().manual_seed(0))
    before = transformer(words)
    for position in range(6):
        changed = words.clone()
        changed[:, position] = (changed[:, position] + 1) % 11
        after = transformer(changed)
        torch.testing.assert_close(after[:, :position], before[:, :position], rtol=1e-5, atol=1e-5)
        moved = (after - before).abs().amax(dim=(0, 2))
        assert (moved[position:] > 1e-3).all()


def test_a_position_sees_words_in_their_order_and_a_bag_does_not():
    words, swapped = torch.tensor([[1, 2, 3]]), torch.tensor([[2, 1, 3]])
    apart = [(made(n_layers=n)(words) - made(n_layers=n)(swapped))[0, -1].abs().max().item() for n in (0, 2)]
    assert apart[0] < 1e-5
    assert apart[1] > 1e-2


def test_logits_are_products_of_the_last_stream_with_the_unembeddings():
    transformer = made(n_layers=2)
    words = torch.tensor([[1, 2, 3, 4]])
    streams = transformer.streams(words)
    assert len(streams) == 4
    torch.testing.assert_close(transformer(words), streams[-1] @ transformer.unembedding.weight.T)
    torch.testing.assert_close(streams[0], transformer.embedding(words) + transformer.position.weight[:4])
    torch.testing.assert_close(streams[1], transformer.blocks[0](streams[0]))


def test_attention_is_the_formula_position_by_position():
    attention = made(n_layers=1, width=6, n_heads=3).blocks[0].attention
    x = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(1))
    queries, keys, values = (x[0] @ attention.queries_keys_values.weight.T + attention.queries_keys_values.bias).split(
        6, dim=1
    )
    expected = torch.zeros(4, 6)
    for position in range(4):
        for head in (slice(0, 2), slice(2, 4), slice(4, 6)):
            scores = keys[: position + 1, head] @ queries[position, head] / math.sqrt(2)
            expected[position, head] = scores.softmax(dim=0) @ values[: position + 1, head]
    torch.testing.assert_close(attention(x)[0], attention.out(expected), rtol=1e-4, atol=1e-5)


def test_a_bag_is_the_normalised_mean_of_its_words():
    transformer = made(n_layers=0)
    table, norm = transformer.embedding.weight, transformer.norm
    words = torch.tensor([[3, 1, 4]])
    torch.testing.assert_close(transformer.streams(words)[-1][0, 2], norm((table[3] + table[1] + table[4]) / 3))
    assert transformer.position is None


@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_agree_with_differences(shape):
    transformer = made(**shape).double()
    words = torch.tensor([[1, 2, 3, 4], [5, 6, 1, 0]])
    parameters = {name: value.detach().clone() for name, value in transformer.named_parameters()}

    def loss(*values):
        logits = torch.func.functional_call(transformer, dict(zip(parameters, values, strict=True)), (words,))
        return torch.nn.functional.cross_entropy(logits[:, -1], torch.tensor([7, 8]))

    inputs = [value.requires_grad_() for value in parameters.values()]
    assert torch.autograd.gradcheck(loss, inputs, fast_mode=True)


def test_tied_tables_are_one():
    tied, untied = made(tied=True), made(tied=False)
    assert tied.embedding.weight is tied.unembedding.weight
    assert untied.embedding.weight is not untied.unembedding.weight
    sizes = [sum(p.numel() for p in each.parameters()) for each in (tied, untied)]
    assert sizes[1] - sizes[0] == 11 * 8


@pytest.mark.slow
def test_a_sentence_with_one_continuation_is_learned_by_heart():
    world = SentenceWorld(LARGER.model, n_fillers=0)
    run = quick(world, n_sentences=8, steps=300, n_layers=2, width=16)
    sentences, contexts, tokens = world.sample(8, seed=np.random.default_rng(0))
    logits = run.transformer(torch.as_tensor(sentences.words))[torch.arange(8), torch.as_tensor(sentences.last)]
    assert torch.nn.functional.cross_entropy(logits, torch.as_tensor(tokens)).item() < 0.1
    # better than the truth on what it has seen, worse on what it has not
    assert run.history["training_excess"][-1] < -0.5
    assert run.excess_loss > 1
    p = world.model.next_token_distribution()[contexts, tokens]
    assert run.history["training_excess"][-1] == pytest.approx(np.log(p).mean(), abs=0.1)


# ---- training ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_training_finds_the_distribution_and_straight_matched_lines():
    run = quick(n_layers=2, width=16, steps=400)
    assert 0 < run.excess_loss < 0.03
    first, last = ({name: values[i] for name, values in run.history.items()} for i in (0, -1))
    assert first["excess_loss"] > 1
    assert last["unembedding"] > 0.8 > 0.5 > abs(first["unembedding"])
    assert last["alignment"] > 0.8 > 0.5 > abs(first["alignment"])


@pytest.mark.parametrize("settings", [{}, {"n_sentences": 30}, {"n_layers": 0, "tied": True}])
def test_same_seed_same_numbers_other_seed_other_numbers(settings):
    first, again, other = (quick(seed=seed, **settings) for seed in (1, 1, 2))
    assert torch.equal(weights_of(first), weights_of(again))
    assert not torch.equal(weights_of(first), weights_of(other))
    for name in HISTORY:
        np.testing.assert_array_equal(first.history[name], again.history[name])


def test_training_leaves_the_global_generators_alone():
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    quick()
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@pytest.mark.parametrize("negations", [False, True])
def test_the_history_is_what_a_direct_computation_gives(negations):
    model = WORLD.model
    world = SentenceWorld(model, negations=negations)
    run = quick(world, steps=60)
    assert tuple(run.history) == HISTORY
    assert run.history["step"].tolist() == logarithmic_steps(60)
    sentences = world.paraphrases(model.contexts(), training.N_PARAPHRASES, seed=training.PARAPHRASES_SEED)
    loss, means = 0.0, []
    with torch.no_grad():
        for row, weight in enumerate(model.weights()):
            features = []
            for words, last in zip(sentences.words[row], sentences.last[row], strict=True):
                alone = torch.as_tensor(words[: last + 1])[None]  # without what fills it up
                log_p = run.transformer(alone)[0, -1].double().log_softmax(dim=0).numpy()
                p = model.next_token_distribution(model.contexts()[row][None])[0]
                loss -= weight * float(p @ log_p[: model.n_tokens]) / training.N_PARAPHRASES
                features.append(run.transformer.streams(alone)[-1][0, -1].double())
            means.append(torch.stack(features).mean(dim=0))
        predictor = SoftmaxPredictor(torch.stack(means), run.transformer.unembedding.weight[:4].double())
    assert run.history["loss"][-1] == pytest.approx(loss, abs=1e-5)
    assert run.excess_loss == pytest.approx(loss - model.entropy_floor(), abs=1e-5)
    for name, value in linearity(model, predictor).mean.items():
        assert run.history[name][-1] == pytest.approx(value, abs=1e-4), name
    assert np.isnan(run.history["training_excess"]).all()


def test_the_callback_hears_every_record_and_an_interruption_keeps_them():
    heard = []

    def listen(step, excess):
        heard.append((step, excess))
        if step >= 10:
            raise KeyboardInterrupt

    run = quick(steps=1000, callback=listen)
    assert run.stop_reason == "interrupted"
    assert run.steps == 10
    assert heard == list(zip(run.history["step"], run.history["excess_loss"], strict=True))
    assert "interrupted" in repr(run)
    assert as_predictor(run).dim == 8


def test_what_is_interrupted_between_records_gets_a_last_one(monkeypatch):
    steps = training._Trainer.step

    def stop(trainer):
        if trainer.run.steps == 13:
            raise KeyboardInterrupt
        steps(trainer)

    monkeypatch.setattr(training._Trainer, "step", stop)
    run = quick(steps=500)
    assert (run.steps, run.history["step"][-1]) == (13, 13)


def test_divergence_is_named_with_a_rate_to_try():
    with pytest.raises(TrainingDiverged, match="try a smaller learning_rate, for example 1e\\+29") as caught:
        quick(learning_rate=1e30, steps=200)
    assert caught.value.run.stop_reason == "diverged"
    assert len(caught.value.run.history["step"]) >= 1


def test_double_precision_stays_close_to_single():
    single, double = (quick(steps=50, dtype=dtype) for dtype in (torch.float32, torch.float64))
    assert weights_of(double).dtype == torch.float64
    assert single.excess_loss == pytest.approx(double.excess_loss, abs=1e-3)
    assert single.excess_loss != double.excess_loss


def test_no_step_returns_the_start_and_settings_say_what_was_done():
    run = quick(steps=0, device="cpu", n_sentences=5)
    assert run.history["step"].tolist() == [0]
    assert run.stop_reason == "all steps done"
    assert run.settings["n_sentences"] == 5
    assert run.n_parameters == len(weights_of(run))


# ---- looking into it --------------------------------------------------------------------------------------------


def test_the_last_layer_report_is_that_of_the_predictor():
    run = quick(steps=100, n_layers=2)
    reports = layer_reports(run, n_sentences=16, seed=3)
    assert len(reports) == 4
    whole = linearity(WORLD.model, as_predictor(run, n_sentences=16, seed=3))
    np.testing.assert_allclose(reports[-1].alignment, whole.alignment)
    np.testing.assert_allclose(reports[-1].embedding, whole.embedding)


def test_before_the_first_block_the_last_word_knows_nothing():
    first = layer_reports(quick(steps=50))[0]
    assert first.mean["embedding"] == first.mean["alignment"] == 0.0


def test_with_one_way_to_say_it_single_sentences_are_their_mean():
    world = SentenceWorld(WORLD.model, n_synonyms=1, shuffled=False, n_fillers=0)
    run = quick(world, steps=100)
    single = sentence_cosines(run, n_sentences=1)
    whole = linearity(world.model, as_predictor(run, n_sentences=5)).mean
    assert single["embedding"] == pytest.approx(whole["embedding"], abs=1e-6)
    assert single["alignment"] == pytest.approx(whole["alignment"], abs=1e-6)


def test_words_are_compared_value_by_value():
    run = quick(steps=0)
    words, table = WORLD.value_words(), run.transformer.embedding.weight
    with torch.no_grad():
        for concept, sign in ((0, 1.0), (1, -1.0)):
            for value in (0, 1):
                table[words[concept, value]] = 0.0
                table[words[concept, value], concept] = torch.tensor([1.0, 2.0, 3.0]) * (2 * value - 1) * sign
        run.transformer.unembedding.weight[:4] = 0.0
        run.transformer.unembedding.weight[[2, 3], 0] = 5.0
        run.transformer.unembedding.weight[[1, 3], 1] = 7.0
    found = word_cosines(run)
    assert found["synonyms"] == pytest.approx(1.0)
    assert found["opposites"] == pytest.approx(-1.0)
    assert found["alignment"] == pytest.approx(0.0)  # concept 0 along its unembeddings, concept 1 against
    assert mean_pairwise_cosine(table[words[0, 1]].detach().double()) == pytest.approx(1.0)


# ---- the study --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_of_the_study_can_be_run(variant):
    short = {**VARIANTS[variant], "steps": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, variant, short)
        (row,) = variant_cell(variant, first_seed=3, n_seeds=1)
        run = study_run(variant, 3)
    assert row["seed"] == 3
    assert row["steps"] == 2
    assert row["excess_loss"] == run.excess_loss
    assert (row["training_excess"] is None) == (run.settings["n_sentences"] is None)
    for name, value in short.items():
        assert run.settings.get(name, getattr(run.world, name, None)) == value


def test_sizes_of_the_study_grow_with_layers_and_width():
    rows = {(n, w): study_run("base", 0, n_layers=n, width=w, steps=0).n_parameters for n in (0, 2) for w in (8, 16)}
    assert rows[0, 8] < rows[0, 16] < rows[2, 16]
    assert rows[2, 8] < rows[2, 16]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "base", {"steps": 1})
        table = size_cell(0, 8, first_seed=1, n_seeds=2)
    assert [row["seed"] for row in table] == [1, 2]
    assert study_world(0).model.n_concepts == 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: study_world(-1), "seed must be at least 0, got -1"),
        (lambda: study_world(0, n_fillers=-1), "n_fillers must be at least 0, got -1"),
        (lambda: study_run("sideways", 0), "variant must be one of 'base', .*, got 'sideways'"),
        (lambda: study_run("base", 0.5), "seed must be an integer, got 0.5"),
        (lambda: study_run("base", 0, width=7), "width must be a multiple of n_heads = 2, got 7"),
        (lambda: size_cell(-1, 8, 0, 1), "n_layers must be at least 0, got -1"),
        (lambda: size_cell(1, 8, -1, 1), "first_seed must be at least 0, got -1"),
        (lambda: variant_cell("tied", 0, 0), "n_seeds must be at least 1, got 0"),
    ],
)
def test_bad_input_to_the_study(call, words):
    with pytest.raises(ValueError, match=words):
        call()
