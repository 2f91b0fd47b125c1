"""Distillation: students learn what they are asked to learn, and the measures say what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor
from linrep_core.distillation import (
    LEVELS,
    OBJECTIVES,
    distil,
    distillation_cell,
    student_measures,
    teachers,
)
from linrep_core.identifiability import change_basis, equivalent_predictor
from linrep_core.logit_distance import kl_divergence, logit_distance
from linrep_core.training import train

WORLDS, TRAINED = teachers(2, [0, 1], steps=200)
QUICK = {"seeds": [5, 6], "progress": False}


def test_teachers_are_trained_one_a_world():
    runs = [train(world, 3, seed=seed, steps=200, progress=False) for seed, world in enumerate(WORLDS)]
    for run, teacher in zip(runs, TRAINED, strict=True):
        torch.testing.assert_close(run.predictor.embeddings, teacher.embeddings)
    assert WORLDS[0].weights() == pytest.approx(1 / 9)


def test_temperature_changes_confidence_and_no_direction():
    _, (cool,) = teachers(2, [0], steps=200, temperature=4.0)
    torch.testing.assert_close(4 * cool.embeddings, TRAINED[0].embeddings)
    torch.testing.assert_close(cool.unembeddings, TRAINED[0].unembeddings)


def loss(objective, world, teacher, student):
    """Each objective from its definition, with a loop over contexts."""
    total = 0.0
    pairs = (each.logits().numpy() for each in (teacher, student))
    for z, other, world_p in zip(*pairs, world.next_token_distribution(), strict=True):
        p, q = softmax(z), softmax(other)
        total += {
            "kl": (p * np.log(p / q)).sum(),
            "logits": ((z - z.mean() - other + other.mean()) ** 2).sum(),
            "data": -(world_p * np.log(q)).sum(),
        }[objective]
    return total / world.n_contexts


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_first_step_goes_down_its_own_objective(objective):
    settings = {"objective": objective, "learning_rate": 1e-3, **QUICK}
    start, after = (distil(WORLDS, TRAINED, 2, steps=steps, **settings) for steps in (1, 40))
    for world, before, made in zip(WORLDS, start, after, strict=True):
        assert loss(objective, world, made.teacher, made.student) < loss(
            objective, world, before.teacher, before.student
        )
    # Adam's first step moves every number by the rate against its derivative: checked on one of them
    fresh = SoftmaxPredictor.initialize(WORLDS[0], 2, seed=5)
    shifted = SoftmaxPredictor(fresh.embeddings.clone(), fresh.unembeddings.clone())
    shifted.embeddings[3, 1] += 1e-5
    slope = loss(objective, WORLDS[0], TRAINED[0], shifted) - loss(objective, WORLDS[0], TRAINED[0], fresh)
    moved = float(start[0].student.embeddings[3, 1] - fresh.embeddings[3, 1])
    assert moved == pytest.approx(-1e-3 * np.sign(slope), rel=1e-3)


def test_a_student_learns_alone_what_it_learns_among_others():
    both = distil(WORLDS, TRAINED, 3, objective="kl", steps=30, **QUICK)
    (alone,) = distil(WORLDS[1:], TRAINED[1:], 3, objective="kl", steps=30, seeds=[6], progress=False)
    torch.testing.assert_close(both[1].student.embeddings, alone.student.embeddings)


def test_looks_are_the_first_steps_below_each_level():
    made, _ = distil(WORLDS, TRAINED, 3, objective="logits", steps=400, **QUICK)
    assert [look.level for look in made.looks] == [*LEVELS, None]
    assert [look.step for look in made.looks] == sorted(look.step for look in made.looks)
    for look in made.looks[:-1]:
        assert kl_divergence(made.teacher, look.student) < look.level
        before, _ = distil(WORLDS, TRAINED, 3, objective="logits", steps=look.step - 1, **QUICK)
        assert kl_divergence(made.teacher, before.student) >= look.level


def test_an_equivalent_student_is_as_good_as_its_teacher():
    turned = change_basis(TRAINED[0], [[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 3.0]])
    found = student_measures(WORLDS[0], TRAINED[0], turned)
    for name in ("logit_distance", "dissimilarity", "teacher_missed", "student_missed", "probe_missed"):
        assert found[name] < 1e-6, name
    assert found["steps_cosine"] == pytest.approx(found["correlation"]) == pytest.approx(1.0)


def test_free_parts_of_a_student_count_in_one_direction_only():
    wider = equivalent_predictor(TRAINED[0], 6, seed=1)
    found = student_measures(WORLDS[0], TRAINED[0], wider)
    assert max(found[name] for name in ("logit_distance", "teacher_missed", "probe_missed")) < 1e-6
    assert found["student_missed"] > 0.1


def test_a_silent_student_misses_everything():
    teacher = TRAINED[0]
    tiny = SoftmaxPredictor(
        1e-9 * torch.randn(9, 1, generator=torch.Generator().manual_seed(0)).double(), teacher.unembeddings[:, :1]
    )
    found = student_measures(WORLDS[0], teacher, tiny)
    assert found["dissimilarity"] == pytest.approx(1.0, abs=1e-6)
    assert found["logit_distance"] == pytest.approx(
        logit_distance(teacher, (0 * teacher.embeddings, teacher.unembeddings)), rel=1e-6
    )
    assert found["teacher_missed"] > 0.5


def test_a_cell_measures_every_look():
    rows = distillation_cell("diffuse", 2, 1, "logits", "large", n_seeds=2, first_seed=3, steps=60)
    assert {row["seed"] for row in rows} == {3, 4}
    assert [row["step"] for row in rows if row["level"] is None] == [60, 60]
    assert all(row["kl"] < row["level"] for row in rows if row["level"] is not None)


# ---- bad input ------------------------------------------------------------------------------------------------------

OTHER = LatentConditionalModel(ConceptGraph.random(3, 0.5, seed=0))
SOME = SoftmaxPredictor(TRAINED[0].embeddings[:2], TRAINED[0].unembeddings, [[0, 0], [1, 1]])


def student_of(worlds=WORLDS, trained=TRAINED, dim=2, **changed):
    return lambda: distil(worlds, trained, dim, **{"objective": "kl", "steps": 1, **QUICK, **changed})


BAD = {
    "objective": (student_of(objective="l1"), "objective must be one of 'kl', 'logits', 'data', got 'l1'"),
    "start": (student_of(start="huge"), "start must be one of 'small', 'large', got 'huge'"),
    "no seeds": (student_of(seeds=[]), "seeds must name at least one student, got none"),
    "seed": (student_of(seeds=[0, -1]), r"seeds\[1\] must be at least 0, got -1"),
    "one world": (student_of(worlds=WORLDS[:1]), "models must have length 2"),
    "one teacher": (student_of(trained=TRAINED[:1]), "trained must have length 2"),
    "no world": (student_of(worlds=[WORLDS[0], 3]), r"models\[1\] must be a LatentConditionalModel"),
    "no teacher": (student_of(trained=[TRAINED[0], 3]), r"trained\[1\] must be a SoftmaxPredictor"),
    "other world": (student_of(worlds=[WORLDS[0], OTHER]), "predictor must have 8 unembeddings"),
    "some contexts": (
        student_of(trained=[TRAINED[0], SOME]),
        r"trained\[1\] must be for all contexts .* got 2 contexts",
    ),
    "dim": (student_of(dim=0), "dim must be at least 1, got 0"),
    "steps": (student_of(steps=0), "steps must be at least 1, got 0"),
    "rate": (student_of(learning_rate=0.0), "learning_rate must be above 0, got 0"),
    "level": (student_of(levels=[-1.0]), r"levels\[0\] must be at least 0, got -1"),
    "progress": (student_of(progress=1), "progress must be True or False, got 1"),
    "teacher seed": (lambda: teachers(2, [0.5]), r"seeds\[0\] must be an integer, got 0.5"),
    "temperature": (lambda: teachers(2, [0], temperature=0), "temperature must be above 0, got 0"),
    "concepts": (lambda: teachers(0, [0]), "n_concepts must be at least 1, got 0"),
    "measured world": (lambda: student_measures(3, TRAINED[0], TRAINED[0]), "model must be a LatentConditionalModel"),
    "measured student": (lambda: student_measures(OTHER, TRAINED[0], TRAINED[0]), "predictor must have 8 unembeddings"),
    "kind of teacher": (lambda: distillation_cell("sure", 2, 0, "kl", "small"), "teacher must be one of 'confident', "),
    "too few dims": (lambda: distillation_cell("diffuse", 2, -3, "kl", "small"), "extra_dims must be at least -2"),
    "runs": (lambda: distillation_cell("diffuse", 2, 0, "kl", "small", n_seeds=0), "n_seeds must be at least 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_would_be_right(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()
