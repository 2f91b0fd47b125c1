"""T2, the descent: gradient descent on all pairs at once aligns everything with everything.

In words: train vectors a_x (embedding differences) and b_y (unembedding differences) so that every product a_x.b_y is
pushed up by an exponential loss. All of them, of both kinds, end up pointing the same way. In a formula:

    L = sum_xy exp(-a_x.b_y),  L < 1 at some time  =>  every cosine among the a_x and b_y tends to 1.

Proof. The model (A, B) -> a_x.b_y is smooth and homogeneous of degree 2. K. Lyu and J. Li, Gradient descent maximizes
the margin of homogeneous neural networks (2020), show for gradient flow on such a model with the exponential loss that
has reached L < 1: L -> 0, |(A, B)| -> infinity, and every limit point of the direction is along a KKT point of
min |A|^2 + |B|^2 subject to a_x.b_y >= 1. By `joint_kkt` those are global optima, and in them, by `joint_optimum`, all
vectors point the same way. (They treat gradient descent with small enough steps as well.)

The paper's Theorem 5 is the case of two b, f1 and -f0, with a special start; its Remark 6 doubts that this start is
needed. It is not: what matters is that L gets below 1, and it is hard not to: all stationary points of L are strict
saddles, with all products a_x.b_y = 0. (At a stationary point every a_x minimises the convex function a -> sum_y
exp(-a.b_y), so all a_x have the same products with every b_y, and the other way round; then all products are equal,
the a_x and the b_y have mean 0, so the products are 0. Let e be orthogonal to all b_y; if there is none, all a_x are
0 and the roles change. Moving all a_x by s e and all b_y by t e changes L by -n k s t + k t^2 sum (a_x.e)^2 / 2, which
is negative for small t / s.)
Starts that run into a saddle exist, such as exactly opposite vectors. Not excluded by this argument is a run to
infinity with L stuck above 1; no run has done so.

What breaks it, each run below: a squared loss or targets with positive probability (nothing pushes to infinity, and
what the start had at right angles stays); stopping early; a start that runs into a saddle. Three things that one would
expect to break it do not: one dimension with mixed signs; Adam; and weight decay, which even helps, because it forgets
the start (below sqrt(n k) the regularised optimum is not 0, and by the identity of `joint_optimum` and Jensen's
inequality all its vectors are parallel).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linrep_core.theorems.descent import Array, descend
from linrep_core.theorems.linear_representation import smallest_cosine
from linrep_core.theorems.statement import Conclusion, Hypothesis, NotNeeded, Statement, at_most

LONG = 100.0  # ln t of a long run
PLAIN_STEPS = 3000  # of the runs that do not go to infinity, or not with gradient descent


@dataclass(frozen=True)
class Case:
    """Starting vectors and how they are trained.

    Attributes
    ----------
    first, second : arrays of shape (n, dim) and (k, dim)
    loss : str
        ``"exponential"``, or ``"squared"``: sum (1 - a.b)^2 / 2.
    wrong_probability : float
        Where the wrong one of two answers has probability q > 0, the loss is the cross-entropy
        -(1 - q) ln sigma(z) - q ln sigma(-z) of z = a.b instead.
    optimizer : str
        ``"gradient descent"`` or ``"adam"``.
    weight_decay : float
        The factor of (|A|^2 + |B|^2) / 2 in the loss.
    log_time : float
        ln of the sum of the steps at which gradient descent on the exponential loss stops.
    """

    first: Array
    second: Array
    loss: str = "exponential"
    wrong_probability: float = 0.0
    optimizer: str = "gradient descent"
    weight_decay: float = 0.0
    log_time: float = LONG

    @cached_property
    def end(self) -> Trained:
        """Where training ends."""
        return trained(self)


@dataclass(frozen=True)
class Trained:
    """The vectors after training, and the logarithm of the exponential loss there."""

    first: Array
    second: Array
    log_loss: float


def trained(case: Case) -> Trained:
    """Train as the case says."""
    if plain(case):
        end = descend(case.first, case.second, log_time=case.log_time)
        return Trained(end.first, end.second, end.log_loss)
    both = np.vstack([case.first, case.second])
    update = adam() if case.optimizer == "adam" else lambda gradient: 0.05 * gradient
    slope = slope_of_loss(case)
    for _ in range(PLAIN_STEPS):
        a, b = both[: len(case.first)], both[len(case.first) :]
        slopes = slope(a @ b.T)  # (n, k)
        gradient = np.vstack([slopes @ b, slopes.T @ a]) + case.weight_decay * both
        both = both - update(gradient)
    a, b = both[: len(case.first)], both[len(case.first) :]
    return Trained(a, b, float(np.logaddexp.reduce(-(a @ b.T), axis=None)))


def plain(case: Case) -> bool:
    """Whether the case is the theorem's: gradient descent on the exponential loss and nothing else."""
    return (case.loss, case.wrong_probability, case.optimizer, case.weight_decay) == (
        "exponential",
        0.0,
        "gradient descent",
        0.0,
    )


def slope_of_loss(case: Case) -> Callable[[Array], Array]:
    """The derivative of the loss of one pair in z = a.b."""
    if case.wrong_probability > 0:
        return lambda z: 1 / (1 + np.exp(-z)) - (1 - case.wrong_probability)
    if case.loss == "squared":
        return lambda z: z - 1
    return lambda z: -np.exp(-z)


def adam(rate: float = 0.01, decay: float = 0.9, decay_square: float = 0.9) -> Callable[[Array], Array]:
    """Adam's update with a short memory for squares and an epsilon of 1e-300, so that tiny gradients still count.

    With the usual 0.999 it remembers the large gradients of the start, and aligns as slowly as gradient descent.
    """
    state: dict[str, Array] = {}
    count = 0

    def update(gradient: Array) -> Array:
        nonlocal count
        count += 1
        state["mean"] = decay * state.get("mean", 0 * gradient) + (1 - decay) * gradient
        state["square"] = decay_square * state.get("square", 0 * gradient) + (1 - decay_square) * gradient**2
        mean, square = state["mean"] / (1 - decay**count), state["square"] / (1 - decay_square**count)
        return rate * mean / (np.sqrt(square) + 1e-300)

    return update


def hypotheses(case: Case) -> list[Hypothesis]:
    """What is trained and how; and that the loss of the exponential kind gets below 1 (where it is that kind)."""
    reached = case.end.log_loss if case.loss == "exponential" and case.wrong_probability == 0 else -np.inf
    early = case.log_time < LONG
    return [
        at_most("exponential tail", float(case.loss != "exponential"), 0),
        at_most("zero probabilities", case.wrong_probability, 0),
        at_most("trained for long", LONG - case.log_time, 0),
        at_most("loss below 1", -np.inf if early else reached, 0),
        at_most("no weight decay", case.weight_decay, 0),
        at_most("gradient descent", float(case.optimizer != "gradient descent"), 0),
    ]


def conclusion(case: Case) -> Conclusion:
    """1 - smallest cosine among all vectors of both kinds."""
    end = case.end
    value = 1 - smallest_cosine(np.vstack([end.first, end.second]))
    return Conclusion("1 - smallest cosine of any two vectors at ln t = 100", value, 0.05)


def random_start(seed: int, size: int) -> tuple[Array, Array]:
    """Normal entries of deviation 0.3: up to `size` vectors of either kind in 1 to 5 dimensions."""
    rng = np.random.default_rng(seed)
    n, k, dim = size, int(rng.integers(1, size + 1)), int(rng.integers(1, 6))
    return 0.3 * rng.standard_normal((n, dim)), 0.3 * rng.standard_normal((k, dim))


def example(seed: int, size: int) -> Case:
    """A random start, gradient descent to ln t = 100."""
    return Case(*random_start(seed, size))


def decayed_example(seed: int, size: int) -> Case:
    """The same with a weight decay of 0.01."""
    return Case(*random_start(seed, size), weight_decay=0.01)


def adam_example(seed: int, size: int) -> Case:
    """The same with Adam."""
    return Case(*random_start(seed, size), optimizer="adam")


def counterexamples() -> dict[str, Case]:
    """Other losses, little time, and a start that shrinks to 0."""
    start = tuple(3 * table for table in random_start(5, 4))
    return {
        "exponential tail": Case(*start, loss="squared"),
        "zero probabilities": Case(*start, wrong_probability=0.1),
        "trained for long": Case(*start, log_time=0.0),
        "loss below 1": Case(np.array([[1.0, 0.0]] * 2), np.array([[-1.0, 0.0]] * 2)),
    }


STATEMENT = Statement(
    label="thm-joint-alignment",
    title="Trained together, everything aligns (T2)",
    source="this book, with Lyu and Li 2020",
    claim="gradient descent on sum exp(-a_x.b_y) that gets below 1 => all cosines among the a_x and b_y tend to 1",
    uses=("thm-joint-kkt", "thm-joint-optimum", "def-linear-representation"),
    size="number of vectors of the first kind",
    sizes=(1, 2, 4, 6),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
    not_needed={
        "no weight decay": NotNeeded(
            "the regularised optimum is aligned too, and the start is forgotten", decayed_example
        ),
        "gradient descent": NotNeeded("in every run with Adam", adam_example),
    },
)
