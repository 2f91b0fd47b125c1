"""Gradient descent on sum_xy exp(-a_x.b_y), for as long as one likes: to t = 1e8, or to t = e^1000.

This one loss is behind Theorems 4, 5 and 12 and the book's T2. Near its end everything happens in ln t, so equal steps
are hopeless. Three things make long times cheap, and none changes what is computed:

- Plain gradient descent is run, a <- a + eta sum_y exp(-a.b_y) b_y. First with the given step; then the step is
  doubled whenever twice the step still moves no exponent by more than MAX_CHANGE, and halved when it moves one by more
  or when the loss would rise. Every stage is gradient descent with a fixed step, started where the last one ended.
  Time is the sum of the steps.
- The loss is kept as a logarithm: the weights exp(-a.b) are divided by their largest, so e^-1000 is no problem.
- The step is controlled by exponents, so the path follows the gradient flow within a few per cent (tested).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_CHANGE = 0.5  # of any exponent a.b in one step; above 2, the late stage of explicit steps becomes unstable
MAX_SHARE = 0.5  # step times total weight on one vector; Theorem 12 asks for less than 1
RUNAWAY = 50.0  # nats by which the largest term of the loss may exceed its start before descent counts as diverged
STATIONARY = 1e-6  # a gradient this small beside its terms moves the loss by rounding only: descent has arrived
VANISHED = 1e-100  # vectors this short are on their way to 0
MOST_STEPS = 20_000  # a run to ln t = 1000 takes about 3000; only runs that go nowhere take more
ROUNDING = 1e-12  # by which the logarithm of the loss may rise in a step
FIXED_STEPS = 20  # steps taken with the given step before it is adapted


@dataclass(frozen=True)
class Descended:
    """Where gradient descent has arrived.

    Attributes
    ----------
    first, second : arrays of shape (n, dim) and (k, dim)
        The rows a_x and b_y.
    log_time : float
        The logarithm of the sum of all steps; less than was asked for if descent has stopped early.
    log_loss : float
        The logarithm of sum_xy exp(-a_x.b_y).
    n_steps : int
    diverged : bool
        Whether the loss has run away upwards. Descent also stops early, without this, at a stationary point, near 0
        and after MOST_STEPS.
    """

    first: Array
    second: Array
    log_time: float
    log_loss: float
    n_steps: int
    diverged: bool


def descend(
    first: Array,
    second: Array,
    *,
    log_time: float,
    step: float = 0.05,
    learn_second: bool = True,
    fixed_steps: int = FIXED_STEPS,
) -> Descended:
    """Run gradient descent from the rows given until the sum of the steps reaches e^log_time.

    Parameters
    ----------
    first, second
        Starting rows a_x, shape (n, dim), and b_y, shape (k, dim).
    log_time
        When to stop.
    step
        The first step eta.
    learn_second
        Whether the b_y move too; otherwise they are data, and the a_x are n separate problems.
    fixed_steps
        How many steps are taken before the step is adapted.

    Examples
    --------
    >>> end = descend(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), log_time=np.log(1e8))
    >>> bool(end.first[0] @ end.second[0] > 17)
    True
    """
    a, b = first.copy(), second.copy()
    log_step, elapsed, n_steps = float(np.log(step)), -np.inf, 0
    low, weight, log_loss = _terms(a, b)
    ceiling = max(0.0, log_loss) + RUNAWAY
    while elapsed < log_time and log_loss < ceiling and n_steps < MOST_STEPS:
        rate_a = weight @ b
        rate_b = weight.T @ a if learn_second else np.zeros_like(b)
        speed, scale = max(np.abs(rate_a).max(), np.abs(rate_b).max()), max(np.abs(a).max(), np.abs(b).max())
        if speed <= STATIONARY * scale or scale < VANISHED:
            break
        if n_steps >= fixed_steps:
            strain = np.abs(rate_a @ b.T + a @ rate_b.T).max() / MAX_CHANGE
            if learn_second:
                strain = max(strain, weight.sum(axis=0).max() / MAX_SHARE, weight.sum(axis=1).max() / MAX_SHARE)
            log_step += np.log(2.0) * _doublings(log_step - low + np.log(strain))
        eta = np.exp(log_step - low)  # the step in units of the largest term
        new_a, new_b = a + eta * rate_a, b + eta * rate_b
        new_low, new_weight, new_log_loss = _terms(new_a, new_b)
        if n_steps >= fixed_steps and new_log_loss > log_loss + ROUNDING:
            log_step -= np.log(4.0)
            continue
        a, b, low, weight, log_loss = new_a, new_b, new_low, new_weight, new_log_loss
        elapsed, n_steps = float(np.logaddexp(elapsed, log_step)), n_steps + 1
    return Descended(a, b, elapsed, log_loss, n_steps, diverged=not log_loss < ceiling)


def _terms(a: Array, b: Array) -> tuple[float, Array, float]:
    """The smallest exponent a.b, the terms exp(-a.b) over the largest of them, and the logarithm of their sum."""
    products = a @ b.T  # (n, k)
    low = float(products.min())
    weight = np.exp(low - products)
    return low, weight, float(np.log(weight.sum()) - low)


def _doublings(log_strain: float) -> int:
    """1 to double the step, 0 to keep it, -n to halve it n times: the logarithm of the allowed change it uses."""
    if log_strain > 0:
        return -int(np.ceil(log_strain / np.log(2.0)))
    return 1 if log_strain <= -np.log(2.0) else 0
