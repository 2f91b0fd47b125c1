"""Theorem 12: two vectors that minimise exp(-u.v) together end up parallel, and get there monotonically.

In a formula: for L(u, v) = exp(-u.v), u_0 + v_0 != 0 and a step eta < 1 / L(u_0, v_0), gradient descent has
(a) L -> 0, (b) |u|, |v| -> infinity, (c) cos(u_t, v_t) never falls, (d) cos(u_t, v_t) -> 1.

The proof of this book in two lines. With s = u + v and r = u - v a step is s <- (1 + eta L) s, r <- (1 - eta L) r, and
L = exp(-(|s|^2 - |r|^2) / 4). The directions of s and r never change, rho = |r|^2 / |s|^2 only falls, and

    cos(u, v) = (1 - rho) / sqrt((1 - rho)^2 + 4 rho sin^2(angle of s and r)),

which rises as rho falls. The rate follows as well, since |s| |r| never grows and |s|^2 - |r|^2 = 4 ln(1 / L):

    tan(angle of u and v) <= |s_0| |r_0| / (2 ln(1 / L_t)) as soon as L_t < 1.

Where care is needed: the paper asks that u_0 be no negative multiple of v_0. What is needed is u_0 + v_0 != 0;
u_0 = -2 v_0 is fine (its cosine jumps from -1 to 1). The bound on the step is used for "|s| |r| never grows" and for
the fall of L; the cosine rises for every step. A step of some hundred times the bound can send descent to L = infinity.

The check runs these recursions in logarithms up to the sum of steps t = 1e8. The step is doubled whenever eta L stays
at most 0.02; each stage satisfies the theorem's own condition on the step. The vectors are those of plain descent on
(u, v): the change to (s, r) is a rotation up to scale (tested against 50-digit arithmetic).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from linrep_core.theorems.descent import Array
from linrep_core.theorems.statement import Conclusion, Hypothesis, Statement, above, worst_of

LOG_TIME = math.log(1e8)
GENTLE = 0.02  # eta L below which the step is doubled


@dataclass(frozen=True)
class Case:
    """The start u_0, v_0 (dim,) and the first step eta."""

    u: Array
    v: Array
    step: float


@dataclass(frozen=True)
class Path:
    """What is recorded along the descent, one entry for each iterate.

    Attributes
    ----------
    log_time : array
        The logarithm of the sum of the steps so far (minus infinity at the start).
    log_loss : array
        -u.v.
    log_sum, log_difference : array
        ln |u + v| and ln |u - v|.
    cosine, tangent : array
        Of the angle between u and v; the tangent is negative for obtuse angles.
    """

    log_time: Array
    log_loss: Array
    log_sum: Array
    log_difference: Array
    cosine: Array
    tangent: Array


def follow(case: Case, log_time: float = LOG_TIME, doubling: bool = True, most_steps: int = 20_000) -> Path:
    """Gradient descent until the sum of the steps is e^log_time, or has diverged, or has taken too many steps."""
    s, r = case.u + case.v, case.u - case.v
    with np.errstate(divide="ignore"):
        log_s, log_r = float(np.log(np.linalg.norm(s))), float(np.log(np.linalg.norm(r)))
    sine = _sine(s, r)
    log_step, elapsed, rows = math.log(case.step), -math.inf, []
    while True:
        log_loss = (_square(log_r) - _square(log_s)) / 4
        rows.append((elapsed, log_loss, log_s, log_r, *_angle(log_s, log_r, sine)))
        if elapsed >= log_time or log_loss + log_step > 300 or len(rows) > most_steps:
            break
        if doubling and log_step + log_loss + math.log(2) <= math.log(GENTLE):
            log_step += math.log(2)
        share = math.exp(log_step + log_loss)  # eta L
        log_s += math.log1p(share)
        log_r += math.log(abs(1 - share)) if share != 1 else -math.inf
        elapsed = float(np.logaddexp(elapsed, log_step))
    return Path(*np.array(rows).T)


def _square(log_length: float) -> float:
    return math.exp(2 * log_length)


def _sine(s: Array, r: Array) -> float:
    """The sine of the angle between s and r, without loss of digits for small angles; 0 if one of them is 0."""
    if not (s.any() and r.any()):
        return 0.0
    s, r = s / np.linalg.norm(s), r / np.linalg.norm(r)
    return float(np.linalg.norm(s - r) * np.linalg.norm(s + r) / 2)


def _angle(log_s: float, log_r: float, sine: float) -> tuple[float, float]:
    """Cosine and tangent of the angle between u and v from ln |s|, ln |r| and the sine of their angle."""
    if log_s == -math.inf:
        return (-1.0, 0.0)  # v = -u
    root = math.exp(log_r - log_s)  # sqrt(rho)
    across, along = 2 * root * sine, (1 - root) * (1 + root)
    length = math.hypot(across, along)
    if length == 0:
        return (math.nan, math.nan)  # u or v is 0
    return along / length, across / along if along else math.inf


def hypotheses(case: Case) -> list[Hypothesis]:
    """A sum that is not 0; a step below 1 / L_0."""
    return [
        above("u + v not 0", np.linalg.norm(case.u + case.v)),
        above("step below 1 / L", math.exp(min(case.u @ case.v, 700.0)) - case.step),
    ]


def conclusion(case: Case) -> Conclusion:
    """(a) to (d) at t = 1e8, and the rate."""
    path = follow(case)
    falls = max(0.0, float(-np.diff(path.cosine).min(initial=0.0)))
    shortest = math.sqrt(max(0.0, -path.log_loss[-1]))  # the longer of |u|, |v| at least; both, once they are alike
    allowed = math.exp(path.log_sum[0] + path.log_difference[0]) / 2
    used = path.tangent[-1] * -path.log_loss[-1] if path.cosine[-1] > 0 else math.inf
    return worst_of(
        Conclusion("ln L at t = 1e8, as a share of ln 1e-6", -math.log(1e6) / min(path.log_loss[-1], -1e-300), 1.0),
        Conclusion("4 / length of the vectors at t = 1e8", 4 / max(shortest, 1e-300), 1.0),
        Conclusion("largest fall of the cosine in one step", falls, 1e-14),
        Conclusion("1 - cosine at t = 1e8", 1 - path.cosine[-1], 0.02),
        Conclusion("tangent of the angle / its bound at t = 1e8", used / max(allowed, 1e-300), 1.0 + 1e-9),
    )


def example(seed: int, size: int) -> Case:
    """Normal vectors of length 0.3 to 1.5 in `size` dimensions, at any angle but exactly opposite; eta L_0 < 1."""
    rng = np.random.default_rng(seed)
    u, v = (rng.uniform(0.3, 1.5) * w / np.linalg.norm(w) for w in rng.standard_normal((2, size)))
    return Case(u, v, float(rng.uniform(0.05, 0.95) * np.exp(u @ v)))


def counterexamples() -> dict[str, Case]:
    """Exactly opposite vectors of equal length, which shrink to 0; an obtuse start with 300 times the largest step."""
    u = np.array([1.0, 0.0])
    v = np.array([-0.5, 0.5])
    return {
        "u + v not 0": Case(u, -u, 0.1),
        "step below 1 / L": Case(u, v, 300 * math.exp(u @ v)),
    }


STATEMENT = Statement(
    label="thm-two-vectors",
    title="Two vectors align",
    source="arXiv 2403.03867, Theorem 12 (u + v != 0 instead of no negative multiple)",
    claim="L = exp(-u.v), u_0 + v_0 != 0, step < 1/L_0 => L -> 0, |u|, |v| -> infinity, cosine rises to 1",
    uses=(),
    size="dimension d",
    sizes=(1, 2, 3, 8),
    hypotheses=hypotheses,
    conclusion=conclusion,
    example=example,
    counterexamples=counterexamples,
)
