"""Gradient descent on sum_xy exp(-a_x.b_y), for as long as one likes: to t = 1e8, or to t = e^1000.

This one loss is behind Theorems 4, 5 and 12 and the book's T2. Near its end everything happens in ln t, so equal steps
are hopeless. Three things make long times cheap, and none changes what is computed:

- Plain gradient descent is run, a <- a + eta sum_y exp(-a.b_y) b_y. First with the given step; then the step is
  doubled whenever twice the step still moves no exponent by more than MAX_CHANGE, and halved when it moves one by more
  or when the loss would rise. Every stage is gradient descent with a fixed step, started where the last one ended.
  Time is the sum of the steps.
- The loss is kept as a logarithm: the weights exp(-a.b) are divided by their largest, so e^-1000 is no problem.
- The step is controlled by exponents: the path of growing steps is that of small fixed ones up to a constant in ln t of
  less than half a unit (tested), which no limit feels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_CHANGE = 1.0  # of any exponent a.b in one step; above 2, the late stage of explicit steps becomes unstable
MAX_SHARE = 0.5  # step times total weight on one vector; Theorem 12 asks for less than 1
RUNAWAY = 50.0  # nats by which the largest term of the loss may exceed its start before descent counts as diverged
STATIONARY = 1e-6  # a gradient this small beside its terms moves the loss by rounding only: descent has arrived
VANISHED = 1e-100  # vectors this short are on their way to 0
MOST_TRIALS = 20_000  # a run to ln t = 1000 takes about 4000; only runs that go nowhere take more
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
        and after MOST_TRIALS.
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
    state = _State(first, second)
    log_step, elapsed, n_steps = math.log(step), -math.inf, 0
    ceiling = max(0.0, state.log_loss) + RUNAWAY
    for trial in range(MOST_TRIALS):
        if elapsed >= log_time or not state.log_loss < ceiling:
            break
        if trial % 16 == 0 and state.at_rest(learn_second):
            break
        ahead = state.step(log_step, learn_second)
        change = np.abs(ahead.products - state.products).max()
        if n_steps >= fixed_steps:
            too_long = learn_second and state.share(log_step) > MAX_SHARE
            if too_long or change > MAX_CHANGE or ahead.log_loss > state.log_loss + ROUNDING:
                log_step -= math.log(2)
                continue
        elapsed, n_steps = _log_sum(elapsed, log_step), n_steps + 1
        if n_steps >= fixed_steps and change <= MAX_CHANGE / 2:
            log_step += math.log(2)
        state = ahead
    return Descended(state.a, state.b, elapsed, state.log_loss, n_steps, diverged=not state.log_loss < ceiling)


def _log_sum(first: float, second: float) -> float:
    """The logarithm of e^first + e^second."""
    high, low = max(first, second), min(first, second)
    return high + math.log1p(math.exp(low - high))


class _State:
    """The rows, the exponents a.b, and the loss's terms exp(-a.b) over the largest of them."""

    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b = a, b
        self.products = a @ b.T  # (n, k)
        self.low = float(self.products.min())
        self.weight = np.exp(self.low - self.products)
        self.total = float(self.weight.sum())
        self.log_loss = math.log(self.total) - self.low if self.low > -math.inf else math.inf
        self.rate_a, self.rate_b = self.weight @ b, self.weight.T @ a

    def share(self, log_step: float) -> float:
        """Step times the largest total weight on one row: eta L, for two vectors."""
        step = math.exp(log_step - self.low)
        if step * self.total <= MAX_SHARE:  # no row has more than all
            return step * self.total
        return step * max(float(self.weight.sum(axis=0).max()), float(self.weight.sum(axis=1).max()))

    def at_rest(self, learn_second: bool) -> bool:
        """Whether the gradient is rounding beside its terms, or everything is on its way to 0."""
        size = np.vdot(self.a, self.a) + np.vdot(self.b, self.b)
        speed = np.vdot(self.rate_a, self.rate_a) + learn_second * np.vdot(self.rate_b, self.rate_b)
        return bool(speed <= STATIONARY**2 * size or size < VANISHED**2)

    def step(self, log_step: float, learn_second: bool) -> _State:
        """One step of gradient descent; the step is in units of the largest term."""
        eta = math.exp(min(log_step - self.low, 700.0))
        return _State(self.a + eta * self.rate_a, self.b + eta * self.rate_b if learn_second else self.b)
