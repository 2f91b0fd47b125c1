"""Losses on tables against sums over pairs, their least values, and the runs that are trained on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from linrep_core import ConceptGraph, LatentConditionalModel, linearity, train
from linrep_core.class_members import excess_cost, tables
from linrep_core.objectives import (
    LEVELS,
    METHODS,
    OBJECTIVES,
    RECIPES,
    SMOOTHING,
    TEMPERATURE,
    best_logits,
    best_predictor,
    joint_table,
    least_loss,
    make_world,
    objective_cell,
    train_on,
)

RNG = np.random.default_rng(0)
LOGITS = torch.as_tensor(RNG.standard_normal((3, 4)))
JOINT = torch.as_tensor(RNG.dirichlet(np.ones(12)).reshape(3, 4))
WORLDS = [LatentConditionalModel(ConceptGraph.random(2, seed=seed)) for seed in range(2)]
QUIET = {"seeds": [0, 1], "progress": False}


def of_a_pair(name: str, z: np.ndarray, y: int, words: np.ndarray) -> float:
    """The loss of one pair, in the words of its definition."""
    q, one = np.exp(z) / np.exp(z).sum(), np.eye(len(z))[y]
    sharp = np.exp(z / TEMPERATURE) / np.exp(z / TEMPERATURE).sum()
    return {
        "cross-entropy": lambda: -np.log(q[y]),
        "label smoothing": lambda: -(1 - SMOOTHING) * np.log(q[y]) - SMOOTHING * np.log(q).mean(),
        "sharp softmax": lambda: -np.log(sharp[y]),
        "squared, probabilities": lambda: ((q - one) ** 2).sum(),
        "squared, logits": lambda: ((z - z.mean() - one + 1 / len(z)) ** 2).sum(),
        "hinge": lambda: sum(max(0.0, 1 - z[y] + z[other]) for other in range(len(z)) if other != y),
        "contrastive": lambda: -z[y] + np.log((words * np.exp(z)).sum()),
    }[name]()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_loss_is_the_mean_over_pairs(name):
    z, joint = LOGITS.numpy(), JOINT.numpy()
    words = joint.sum(axis=0)
    mean = sum(joint[x, y] * of_a_pair(name, z[x], y, words) for x in range(3) for y in range(4))
    assert float(OBJECTIVES[name](LOGITS, JOINT)) == pytest.approx(mean)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_of_stacked_runs_are_those_of_each(name):
    stacked = OBJECTIVES[name](torch.stack([LOGITS, -LOGITS]), torch.stack([JOINT, JOINT]))
    assert stacked.tolist() == pytest.approx([float(OBJECTIVES[name](z, JOINT)) for z in (LOGITS, -LOGITS)])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_number_for_each_context_changes_no_loss(name):
    shifted = LOGITS + torch.tensor([[1.0], [-2.0], [0.5]])
    assert float(OBJECTIVES[name](shifted, JOINT)) == pytest.approx(float(OBJECTIVES[name](LOGITS, JOINT)))


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_descent_falls_below_the_least_loss_and_a_long_one_reaches_it(name):
    z = LOGITS.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([z], lr=0.1 if name == "hinge" else 1.0, max_iter=1000, tolerance_change=1e-14)

    def closure():
        optimizer.zero_grad()
        loss = OBJECTIVES[name](z, JOINT)
        loss.backward()
        return loss

    optimizer.step(closure)
    least, found = float(least_loss(name, JOINT)), float(OBJECTIVES[name](z.detach(), JOINT))
    assert least - 1e-9 <= found <= least + (0.05 if name == "hinge" else 1e-6)  # the hinge has corners


def test_the_least_loss_of_cross_entropy_is_the_entropy_floor():
    for world in WORLDS:
        least = least_loss("cross-entropy", joint_table(world))
        assert float(least) == pytest.approx(world.entropy_floor())
        assert float(least_loss("sharp softmax", joint_table(world))) == pytest.approx(float(least))


def test_two_words_and_the_hinge_by_hand():
    # a lead of 1 for the likelier word costs 2 x 0.3; no other lead costs less
    assert float(least_loss("hinge", torch.tensor([[0.7, 0.3]]))) == pytest.approx(0.6)


def test_in_a_batch_the_negatives_are_the_other_words_of_the_batch():
    pairs = [(0, 1), (0, 3), (2, 1)]
    counts = torch.zeros(3, 4, dtype=torch.float64)
    for x, y in pairs:
        counts[x, y] += 1 / 3
    one_by_one = [
        -LOGITS[x, y] + torch.logsumexp(torch.stack([LOGITS[x, other] for _, other in pairs]), dim=0) - np.log(3)
        for x, y in pairs
    ]
    assert float(OBJECTIVES["contrastive"](LOGITS, counts)) == pytest.approx(float(sum(one_by_one)) / 3)


def test_the_best_contrastive_logits_are_the_information_of_context_and_word():
    best = best_logits("contrastive", JOINT) - best_logits("cross-entropy", JOINT)
    assert torch.allclose(best, -JOINT.sum(dim=0).log().expand(3, 4))


def test_the_best_predictor_has_the_best_logits_where_there_is_room():
    joint = joint_table(make_world("noisy", 0))
    for name in ("cross-entropy", "contrastive", "label smoothing", "squared, logits"):
        best = best_logits(name, joint)
        made = best_predictor(name, joint, 8).logits()
        assert torch.allclose(made, best - best.mean(dim=1, keepdim=True), atol=1e-9)


@pytest.mark.slow
def test_squared_logits_end_where_the_singular_vectors_say():
    worlds = [make_world("masked", seed) for seed in (0, 1)]
    runs = train_on(worlds, 3, objective="squared, logits", steps=1500, **QUIET)
    for world, looks in zip(worlds, runs, strict=True):
        wanted = best_predictor("squared, logits", joint_table(world), 3)
        loss = OBJECTIVES["squared, logits"]
        ends = [float(loss(each.logits(), joint_table(world))) for each in (wanted, looks[-1].predictor)]
        assert ends[0] <= ends[1] + 1e-12
        assert ends[1] == pytest.approx(ends[0], abs=1e-3)
        cosines = [linearity(world, each).mean["unembedding"] for each in (wanted, looks[-1].predictor)]
        assert cosines[1] == pytest.approx(cosines[0], abs=0.03)


def test_plain_descent_is_what_train_does():
    looks = train_on(WORLDS, 3, steps=50, **QUIET)
    for seed, world in enumerate(WORLDS):
        run = train(world, 3, seed=seed, steps=50, optimizer="sgd", learning_rate=1.0, progress=False)
        ends = [tables(each) for each in (looks[seed][-1].predictor, run.predictor)]
        assert all(np.allclose(one, other, atol=1e-9) for one, other in zip(*ends, strict=True))
        nothing = float(np.log(4)) - world.entropy_floor()
        assert looks[seed][-1].share == pytest.approx(run.excess_loss / nothing)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(method):
    looks = train_on(WORLDS, 4, method=method, **QUIET, steps=min(METHODS[method].steps, 200))
    assert all(each[-1].share < 0.3 for each in looks)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("method", ["Adam", "batches of 100", "L-BFGS"])
def test_every_loss_can_be_learned(objective, method):
    looks = train_on(WORLDS, 4, objective=objective, method=method, **QUIET, steps=min(METHODS[method].steps, 150))
    assert all(each[-1].share < 0.5 for each in looks)


def test_sign_descent_moves_every_entry_by_its_rate():
    (looks,) = train_on(WORLDS[:1], 2, method="sign descent", seeds=[0], steps=1, progress=False)
    (start,) = train_on(WORLDS[:1], 2, method="sign descent", seeds=[0], steps=0, progress=False)
    for before, after in zip(tables(start[-1].predictor), tables(looks[-1].predictor), strict=True):
        assert np.abs(after - before) == pytest.approx(METHODS["sign descent"].rate)


def test_temperature_is_a_larger_start_and_a_larger_rate():
    # tables divided by the root of the temperature see the plain loss, and move 1 / temperature times as fast
    scale, steps = 0.2, 30
    common = {"seeds": [3], "progress": False}
    (sharp,) = train_on(WORLDS[:1], 3, objective="sharp softmax", scale=scale, steps=steps, **common)
    rate = METHODS["gradient descent"].rate / (1 + 3 * scale**2) / TEMPERATURE
    start = {"initialization": "gaussian", "scale": scale / TEMPERATURE**0.5}
    run = train(WORLDS[0], 3, seed=3, steps=steps, optimizer="sgd", learning_rate=rate, progress=False, **start)
    for one, other in zip(tables(sharp[-1].predictor), tables(run.predictor), strict=True):
        assert np.allclose(one / TEMPERATURE**0.5, other, atol=1e-9)


def test_weight_decay_ends_in_the_shortest_tables():
    looks = train_on(WORLDS, 4, method="weight decay 0.01", steps=500, **QUIET)
    assert [excess_cost(each[-1].predictor) for each in looks] == pytest.approx([1.0, 1.0], abs=1e-3)


@pytest.mark.slow
def test_looks_are_taken_when_a_level_is_first_passed():
    for looks in train_on(WORLDS, 3, **QUIET):
        passed = [look.level for look in looks[:-1]]
        assert passed == list(LEVELS[: len(passed)])
        assert len(passed) >= 3
        assert all(look.share < look.level for look in looks[:-1])
        assert [look.step for look in looks] == sorted(look.step for look in looks)
        assert looks[-1].level is None


def test_runs_repeat_and_do_not_depend_on_their_neighbours():
    for method in ("batches of 10", "natural gradient"):
        both = train_on(WORLDS, 3, method=method, steps=20, **QUIET)
        (alone,) = train_on(WORLDS[1:], 3, method=method, steps=20, seeds=[1], progress=False)
        assert np.allclose(both[1][-1].predictor.embeddings, alone[-1].predictor.embeddings)


def test_a_cell_tells_of_every_look():
    rows = objective_cell("gradient descent, start 1", 3, n_seeds=2, steps=300)
    ends = [row for row in rows if row["level"] is None]
    assert [row["seed"] for row in ends] == [0, 1]
    assert all(row["step"] == 300 and row["excess cost"] >= 1 and row["moved"] > 0 for row in ends)
    assert objective_cell("Adam", 2, "noisy", n_seeds=1, steps=0)[0]["moved"] == 0


def test_recipes_name_what_is_there():
    for settings in RECIPES.values():
        assert settings["method"] in METHODS
        assert settings.get("objective", "hinge") in OBJECTIVES


BAD = {
    "a loss": (lambda: train_on(WORLDS, 2, objective="exponential", **QUIET), "objective must be one of 'cross-entr"),
    "a method": (lambda: train_on(WORLDS, 2, method="newton", **QUIET), "method must be one of 'gradient descent', "),
    "natural gradient of another loss": (
        lambda: train_on(WORLDS, 2, objective="hinge", method="natural gradient", **QUIET),
        "method must be another than 'natural gradient' for 'hinge'",
    ),
    "seeds": (lambda: train_on(WORLDS, 2, seeds=[0, -1]), r"seeds\[1\] must be at least 0, got -1"),
    "no seed": (lambda: train_on([], 2, seeds=[]), "seeds must name at least one run, got none"),
    "one world for two": (lambda: train_on(WORLDS[:1], 2, **QUIET), "models must have length 2"),
    "no world": (lambda: train_on([1, 2], 2, **QUIET), r"models\[0\] must be a LatentConditionalModel, got int 1"),
    "worlds of two sizes": (
        lambda: train_on([WORLDS[0], make_world("masked", 0)], 2, **QUIET),
        r"models\[1\] must have 2 concepts, got 3",
    ),
    "dim": (lambda: train_on(WORLDS, 0, **QUIET), "dim must be at least 1, got 0"),
    "scale": (lambda: train_on(WORLDS, 2, scale=0.0, **QUIET), "scale must be above 0, got 0"),
    "steps": (lambda: train_on(WORLDS, 2, steps=-1, **QUIET), "steps must be at least 0, got -1"),
    "levels": (lambda: train_on(WORLDS, 2, levels=[-0.1], **QUIET), r"levels\[0\] must be at least 0, got -0.1"),
    "progress": (lambda: train_on(WORLDS, 2, seeds=[0, 1], progress=1), "progress must be True or False, got 1"),
    "best hinge": (lambda: best_logits("hinge", JOINT), "objective must be one of 'cross-entropy', "),
    "least loss": (lambda: least_loss("zero", JOINT), "objective must be one of 'cross-entropy', "),
    "infinite logits": (
        lambda: best_predictor("cross-entropy", joint_table(WORLDS[0]), 2),
        "joint must have finite best logits for 'cross-entropy', got a word that is impossible",
    ),
    "rank": (lambda: best_predictor("squared, logits", JOINT, 0), "dim must be at least 1, got 0"),
    "world": (lambda: joint_table("world"), "model must be a LatentConditionalModel, got str 'world'"),
    "kind": (lambda: make_world("dry", 0), "kind must be one of 'masked', 'noisy', got 'dry'"),
    "recipe": (lambda: objective_cell("luck", 2), "recipe must be one of 'gradient descent', "),
    "runs": (lambda: objective_cell("Adam", 2, n_seeds=0), "n_seeds must be at least 1, got 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
