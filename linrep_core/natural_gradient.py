"""Natural-gradient steps for the two tables, solved exactly: the embeddings are eliminated, context by context.

Book: part "Simulations", chapter "Fast and exact". This book's own use of two old ideas: the Fisher information of the
predicted distribution as the metric (Amari 1998, "Natural gradient works efficiently in learning"), damped as Levenberg
and Marquardt do, and the Schur complement.

With logits z(x, y) = f(x).g(y) and C(x) = diag(q) - q q^T for q = p_hat(. | x), the Fisher matrix of the loss is
sum_x w(x) J(x)^T C(x) J(x). A change of f(x) moves the logits of x alone, so the block of the embeddings falls apart
into one d by d matrix a context; what is left is one system for the 2^m d numbers of the unembeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

MAX_UNKNOWNS = 4096  # 2**m times d: the system for the unembeddings takes 128 MiB then
TILE_ENTRIES = 2**21  # of the covariances C(x) held at a time
FIRST_DAMPING = 10.0  # strong: long first steps end more often in a poor minimum
LEAST_DAMPING = 1e-14
SHORTEST_STEP = 2.0**-10
RIDGE = 1e-9  # of the trace: moving along the predictor's symmetries costs nothing, so something must


class NaturalGradient:
    """Steps on the embeddings and unembeddings of one predictor, in place.

    Parameters
    ----------
    embeddings, unembeddings
        The tables, shapes (n_contexts, dim) and (n_tokens, dim); changed by `step`.
    table
        p(y | x), shape (n_contexts, n_tokens).
    weights
        Of the contexts, summing to 1.
    loss
        The exact loss of two tables, in nats.

    Attributes
    ----------
    damping : float
        How strongly a step is held back: in units of the mean squared change of the logits.
    """

    def __init__(
        self,
        embeddings: torch.Tensor,
        unembeddings: torch.Tensor,
        table: torch.Tensor,
        weights: torch.Tensor,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.f, self.g, self.table, self.weights, self._loss = embeddings, unembeddings, table, weights, loss
        self.damping = FIRST_DAMPING

    @torch.no_grad()
    def step(self, longest: float = 1.0) -> float:
        """Take one step; return the loss before it. `longest` scales the first length that is tried."""
        before = float(self._loss(self.f, self.g))
        direction = self._direction()
        if direction is None:
            self.damping *= 10
            return before
        length, after = self._search(direction, longest, before)
        if after < before:
            self._move(direction, length)
        # long steps ask for less damping, short ones for more
        factor = 0.25 if length >= longest else 1.0 if length >= longest / 4 else 2.0
        self.damping = max(self.damping * (factor if after < before else 10.0), LEAST_DAMPING)
        return before

    def _move(self, direction: tuple[torch.Tensor, torch.Tensor], length: float) -> None:
        self.f.add_(direction[0], alpha=length)
        self.g.add_(direction[1], alpha=length)

    def _search(
        self, direction: tuple[torch.Tensor, torch.Tensor], length: float, before: float
    ) -> tuple[float, float]:
        """Halve the step until the loss falls, or double it while the loss falls further."""

        def loss_at(length: float) -> float:
            return float(self._loss(self.f + length * direction[0], self.g + length * direction[1]))

        after = loss_at(length)
        if after < before:
            while (further := loss_at(2 * length)) < after:
                length, after = 2 * length, further
            return length, after
        while not after < before and length > SHORTEST_STEP:
            length /= 2
            after = loss_at(length)
        return length, after

    def _direction(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The damped natural-gradient direction; None where the system is not positive definite to rounding."""
        f, g, w = self.f, self.g, self.weights
        (n_tokens, dim), damping = g.shape, self.damping
        metric_f = damping * _with_ridge(g.mT @ g / n_tokens)
        metric_g = damping / n_tokens * _with_ridge((f * w[:, None]).mT @ f)
        system = torch.zeros(n_tokens**2, dim**2).to(g)
        right = torch.zeros_like(g)
        parts = []
        for rows in self._tiles():
            q = torch.softmax(f[rows] @ g.mT, dim=1)
            mean = q @ g
            u = q[:, :, None] * (g - mean[:, None])  # C(x) G: (contexts, tokens, dim)
            factor, failed = torch.linalg.cholesky_ex(u.mT @ g + metric_f)
            if failed.any():
                return None
            slope = mean - self.table[rows] @ g
            pulled = torch.cholesky_solve(slope[:, :, None], factor)
            covariance = torch.diag_embed(q) - q[:, :, None] * q[:, None] - u @ torch.cholesky_solve(u.mT, factor)
            weighted = w[rows, None] * f[rows]
            squares = (weighted[:, :, None] * f[rows, None]).flatten(1)
            system.addmm_(covariance.flatten(1).mT, squares)
            right += (q - self.table[rows] - (u @ pulled)[:, :, 0]).mT @ weighted
            parts.append((rows, u, factor, slope))
        size = n_tokens * dim
        system = system.view(n_tokens, n_tokens, dim, dim).transpose(1, 2).reshape(size, size)
        system += torch.block_diag(*[metric_g] * n_tokens)
        factor_g, failed = torch.linalg.cholesky_ex(system)
        if failed.any():
            return None
        change_g = -torch.cholesky_solve(right.reshape(-1, 1), factor_g).view_as(g)
        change_f = torch.empty_like(f)
        for rows, u, factor, slope in parts:
            shift = (f[rows] @ change_g.mT)[:, None] @ u  # C(x)'s answer to the change of g
            change_f[rows] = -torch.cholesky_solve(slope[:, :, None] + shift.mT, factor)[:, :, 0]
        return change_f, change_g

    def _tiles(self) -> Iterator[slice]:
        rows = max(1, TILE_ENTRIES // len(self.g) ** 2)
        for start in range(0, len(self.f), rows):
            yield slice(start, start + rows)


def _with_ridge(matrix: torch.Tensor) -> torch.Tensor:
    """The matrix with a small multiple of the identity added, so that it can be inverted."""
    size = len(matrix)
    return matrix + RIDGE * (matrix.trace() / size + 1e-30) * torch.eye(size).to(matrix)
