"""Distillation: students that learn a trained predictor's distribution, and how close their representations come.

Book: part "Identifiability", chapter "Close is not equal". The question is arXiv 2602.15438's, whose abstract says that
students by divergence can match predictions and lose linear properties, and that students by logit distance are more
similar and keep concepts better. Worlds, teachers and measures here are this book's own.

Three objectives, each a plain mean over all contexts: ``"kl"``, the divergence KL(teacher || student); ``"logits"``,
the squared logit distance; ``"data"``, the cross-entropy on the world's own p(y | x), which never sees the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_iterable,
    check_number,
    check_seeds,
    check_sequence,
)
from linrep_core._stepping import few_threads
from linrep_core.ensemble import train_many
from linrep_core.geometry import embedding_steering_vectors, linearity, unembedding_steering_vectors
from linrep_core.identifiability import linear_relation, tables
from linrep_core.language import LatentConditionalModel
from linrep_core.linear_properties import linear_probe
from linrep_core.logit_distance import canonical_correlations, kl_divergence, logit_distance
from linrep_core.logit_distance import representation_dissimilarity as dissimilarity
from linrep_core.phase_diagram import STARTS
from linrep_core.predictor import SoftmaxPredictor, check_predictor
from linrep_core.reproduction import paper_world

Array = NDArray[np.float64]

OBJECTIVES = ("kl", "logits", "data")
LEVELS = (0.1, 0.01, 0.001, 0.0001)  # nats; a student is looked at when its divergence first falls below each
TEACHER_STEPS = 2000
STUDENT_STEPS = 3000
SEED_SHIFT = 1000  # a student's start is not its teacher's
TEACHERS = {"confident": 1.0, "diffuse": 8.0}  # temperatures: what the teacher's embeddings are divided by


@dataclass(frozen=True)
class Look:
    """A student at one moment.

    Attributes
    ----------
    level : float or None
        The divergence below which it had just fallen, in nats; None for the last step.
    step : int
    student : SoftmaxPredictor
    """

    level: float | None
    step: int
    student: SoftmaxPredictor


@dataclass
class Distillation:
    """How one student learned: looks in the order of time, the last at the end.

    Attributes
    ----------
    teacher : SoftmaxPredictor
    objective : str
    looks : list of Look
    """

    teacher: SoftmaxPredictor
    objective: str
    looks: list[Look] = field(default_factory=list)

    @property
    def student(self) -> SoftmaxPredictor:
        """The student at the end."""
        return self.looks[-1].student


def teachers(
    n_concepts: int, seeds: Any, *, dim: int | None = None, temperature: float = 1.0, steps: int = TEACHER_STEPS
) -> tuple[list[LatentConditionalModel], list[SoftmaxPredictor]]:
    """Random worlds with equal weights for all contexts, and a trained predictor of each.

    Parameters
    ----------
    n_concepts
        Number of concepts *m* of every world.
    seeds
        One world, and one training, for each.
    dim
        Dimension of the predictors; m + 1 when None.
    temperature
        Every embedding is divided by it: above 1 the same geometry with less confident predictions.
    steps
        Of full-batch Adam.

    Examples
    --------
    >>> worlds, trained = teachers(2, seeds=[0], steps=200)
    >>> trained[0].dim, trained[0].excess_loss(worlds[0]) < 0.1
    (3, True)
    """
    numbers = check_seeds("seeds", seeds)
    divisor = check_number("temperature", temperature, low=0.0, open_interval=True)
    worlds = [paper_world(n_concepts, seed, context_weights="uniform")[0] for seed in numbers]
    size = n_concepts + 1 if dim is None else dim
    runs = train_many(worlds, size, seeds=numbers, steps=steps, n_records=2, progress=False)
    found = [run.predictor for run in runs]
    return worlds, [SoftmaxPredictor(each.embeddings / divisor, each.unembeddings) for each in found]


def distil(
    models: Any,
    trained: Any,
    dim: int,
    *,
    objective: str,
    seeds: Any,
    steps: int = STUDENT_STEPS,
    learning_rate: float = 0.02,
    start: str = "small",
    levels: Any = LEVELS,
    progress: bool = True,
) -> list[Distillation]:
    """Train a student of each teacher, all at once, by full-batch Adam on every context.

    Parameters
    ----------
    models, trained
        Lists as `teachers` returns them: worlds of one number of concepts, and a predictor of each.
    dim
        Dimension of the students.
    objective
        One of `OBJECTIVES`.
    seeds
        Of the students' starts, one for each teacher.
    steps, learning_rate
        Of Adam.
    start
        ``"small"`` or ``"large"``, as in `linrep_core.phase_diagram.STARTS`.
    levels
        Divergences, in nats, at which a student is looked at when it first falls below; the largest first.

    Returns
    -------
    list of Distillation

    Raises
    ------
    ValueError
        For lists of different lengths, worlds of different sizes, or bad numbers.

    Examples
    --------
    >>> worlds, trained = teachers(2, seeds=[0], steps=200)
    >>> (made,) = distil(worlds, trained, 3, objective="logits", seeds=[1], steps=300, progress=False)
    >>> kl_divergence(made.teacher, made.student) < 1e-3
    True
    """
    check_choice("objective", objective, OBJECTIVES)
    check_choice("start", start, tuple(STARTS))
    numbers = check_seeds("seeds", seeds)
    if not numbers:
        raise ValueError("seeds must name at least one student, got none")
    worlds = check_sequence("models", models, length=len(numbers))
    masters = check_sequence("trained", trained, length=len(numbers))
    for i, (world, master) in enumerate(zip(worlds, masters, strict=True)):
        check_instance(f"models[{i}]", world, LatentConditionalModel)
        check_instance(f"trained[{i}]", master, SoftmaxPredictor)
        check_predictor(world, master)
        if world.n_concepts != worlds[0].n_concepts or len(master.embeddings) != world.n_contexts:
            raise ValueError(
                f"trained[{i}] must be for all contexts of a world of {worlds[0].n_concepts} concepts as models[0], "
                f"got {len(master.embeddings)} contexts of {world.n_concepts} concepts"
            )
    below = [check_number(f"levels[{i}]", x, low=0.0) for i, x in enumerate(check_iterable("levels", levels))]
    n_steps = check_integer("steps", steps, low=1)
    rate = check_number("learning_rate", learning_rate, low=0.0, open_interval=True)
    starts = [
        SoftmaxPredictor.initialize(world, dim, seed=seed, **STARTS[start])
        for world, seed in zip(worlds, numbers, strict=True)
    ]
    with few_threads(starts[0].logits().numel() * len(starts)):
        students = _Students(worlds, masters, starts, objective, rate, sorted(below, reverse=True))
        title = f"{objective}, d={dim}, {len(starts)} students"
        for step in tqdm(range(n_steps), disable=not check_flag("progress", progress), desc=title, leave=False):
            students.step(step)
        return students.finish(n_steps)


class _Students:
    """The tables of all students, stacked, beside their teachers' logits and distributions."""

    def __init__(
        self, worlds: Any, masters: Any, starts: Any, objective: str, rate: float, levels: list[float]
    ) -> None:
        self.f = torch.stack([each.embeddings for each in starts]).requires_grad_()
        self.g = torch.stack([each.unembeddings for each in starts]).requires_grad_()
        self.optimizer = torch.optim.Adam([self.f, self.g], lr=rate)
        logits = torch.stack([each.logits() for each in masters])
        self.wanted = logits - logits.mean(dim=2, keepdim=True)
        self.logs = logits.log_softmax(dim=2)
        self.world_p = torch.as_tensor(np.stack([each.next_token_distribution() for each in worlds]))
        self.objective, self.levels = objective, levels
        self.made = [Distillation(master, objective) for master in masters]

    def step(self, number: int) -> None:
        self.optimizer.zero_grad()
        logits = self.f @ self.g.mT
        logs = logits.log_softmax(dim=2)
        divergences = (self.logs.exp() * (self.logs - logs)).sum(dim=2).mean(dim=1)
        self._look(number, divergences.detach())
        if self.objective == "kl":
            losses = divergences
        elif self.objective == "logits":
            centred = logits - logits.mean(dim=2, keepdim=True)
            losses = ((centred - self.wanted) ** 2).sum(dim=2).mean(dim=1)
        else:
            losses = -(self.world_p * logs).sum(dim=2).mean(dim=1)
        losses.sum().backward()
        self.optimizer.step()

    def _look(self, number: int, divergences: torch.Tensor) -> None:
        """Keep each student that has just fallen below its next level; several levels at once count once each."""
        for i, divergence in enumerate(divergences.tolist()):
            looks = self.made[i].looks
            while len(looks) < len(self.levels) and divergence < self.levels[len(looks)]:
                looks.append(Look(self.levels[len(looks)], number, self._student(i)))

    def _student(self, i: int) -> SoftmaxPredictor:
        return SoftmaxPredictor(self.f[i].detach().clone(), self.g[i].detach().clone())

    def finish(self, steps: int) -> list[Distillation]:
        for i, made in enumerate(self.made):
            made.looks.append(Look(None, steps, self._student(i)))
        return self.made


def student_measures(
    model: LatentConditionalModel, teacher: SoftmaxPredictor, student: SoftmaxPredictor
) -> dict[str, float]:
    """How close a student is to its teacher, in distribution and in representations.

    Parameters
    ----------
    model
        The world of both, for its concepts.
    teacher, student
        Predictors for all its contexts and tokens; dimensions may differ.

    Returns
    -------
    dict
        ``kl`` and ``logit_distance`` (nats); ``dissimilarity``, of the representations, as a share of the root mean
        square length of the teacher's seen embeddings; ``teacher_missed`` and ``student_missed``, the shares of the
        teacher's (student's) embeddings that the best linear map of the other's does not give; ``correlation``, the
        mean canonical correlation of the embeddings; ``steps_cosine``, the mean cosine of the teacher's embedding steps
        with the student's after the best linear map; ``probe_missed``, the share of the teacher's readings of all
        concepts that no affine function of the student's embeddings gives; ``unembedding`` and ``embedding``, the
        student's mean cosines within concepts.

    Examples
    --------
    >>> worlds, trained = teachers(2, seeds=[0], steps=200)
    >>> found = student_measures(worlds[0], trained[0], trained[0])
    >>> round(found["dissimilarity"], 6), round(found["steps_cosine"], 6), round(found["probe_missed"], 6)
    (0.0, 1.0, 0.0)
    """
    check_instance("model", model, LatentConditionalModel)
    report = linearity(model, student).mean
    (f, g), (other_f, _) = tables(teacher, "teacher"), tables(student, "student")
    silent = (np.zeros_like(f), g)  # against it, the dissimilarity is the length of what is seen of f
    moved = other_f @ np.linalg.lstsq(other_f, f, rcond=None)[0]
    readings = f @ _concept_directions(model, g).T
    return {
        "kl": kl_divergence(teacher, student),
        "logit_distance": logit_distance(teacher, student),
        "dissimilarity": dissimilarity(teacher, student) / dissimilarity(teacher, silent),
        "teacher_missed": linear_relation(student, teacher).embedding_residual,
        "student_missed": linear_relation(teacher, student).embedding_residual,
        "correlation": float(canonical_correlations(f, other_f).mean()),
        "steps_cosine": _steps_cosine(model, f, moved),
        "probe_missed": linear_probe(other_f, readings).residual,
        "unembedding": report["unembedding"],
        "embedding": report["embedding"],
    }


def _concept_directions(model: LatentConditionalModel, g: Array) -> Array:
    """The mean unembedding step of each concept, shape (m, dim): along it a teacher's embedding is read."""
    return np.stack([unembedding_steering_vectors(g, i).mean(axis=0) for i in range(model.n_concepts)])


def _steps_cosine(model: LatentConditionalModel, f: Array, other_f: Array) -> float:
    """The mean, over concepts and pairs of contexts, of the cosine of the same step in two tables."""
    cosines = []
    for concept in range(model.n_concepts):
        one, other = (embedding_steering_vectors(table, model.contexts(), concept) for table in (f, other_f))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines.append(((one * other).sum(axis=1) / lengths).mean())
    return float(np.mean(cosines))


def distillation_cell(
    teacher: str,
    n_concepts: int,
    extra_dims: int,
    objective: str,
    start: str,
    *,
    n_seeds: int = 10,
    first_seed: int = 0,
    steps: int = STUDENT_STEPS,
) -> list[dict[str, float]]:
    """Every look at the students of one cell of the study, measured: a world, a teacher and a student for each seed.

    Parameters
    ----------
    teacher
        ``"confident"`` or ``"diffuse"``, see `TEACHERS`.
    n_concepts
        *m*; teachers have m + 1 dimensions.
    extra_dims
        How many dimensions a student has more than its teacher; negative for fewer.
    objective, start, steps
        See `distil`.
    n_seeds, first_seed
        Which worlds.

    Examples
    --------
    >>> rows = distillation_cell("diffuse", 2, 0, "logits", "small", n_seeds=1, steps=50)
    >>> rows[-1]["step"], rows[-1]["kl"] < 0.1
    (50, True)
    """
    temperature = TEACHERS[check_choice("teacher", teacher, tuple(TEACHERS))]
    extra = check_integer("extra_dims", extra_dims, low=-check_integer("n_concepts", n_concepts, low=1, high=6))
    first = check_integer("first_seed", first_seed, low=0)
    seeds = range(first, first + check_integer("n_seeds", n_seeds, low=1))
    worlds, trained = teachers(n_concepts, seeds, temperature=temperature)
    settings = {"objective": objective, "start": start, "steps": steps, "progress": False}
    made = distil(worlds, trained, n_concepts + 1 + extra, seeds=[SEED_SHIFT + seed for seed in seeds], **settings)
    return [
        {
            "seed": seed,
            "level": look.level,
            "step": look.step,
            **student_measures(world, each.teacher, look.student),
        }
        for seed, world, each in zip(seeds, worlds, made, strict=True)
        for look in each.looks
    ]
