"""The exact loss and its gradients in one pass over tiles of contexts; the table of logits is never stored.

Book: part "Simulations", chapter "Fast and exact". `linrep_core.predictor.cross_entropy` is the plain formula that this
module must agree with.
Autograd keeps the n_contexts by n_tokens table of logits, and a second one of probabilities, for the way back. Here a
tile of contexts, small enough for the cache of the processor, goes forwards and backwards at once: its logits are
overwritten by their exponentials, which give the loss, the gradient of the embeddings and the share of the tile in the
gradient of the unembeddings.

"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from linrep_core._checks import shown

# The logits of a tile: they should stay in a core's second-level cache while seven operations pass over them
# (the time was flat from a quarter of this size on where it was measured). A GPU wants work for all its cores instead.
TILE_BYTES = 2**21
GPU_TILE_BYTES = 2**28
# Logits of at most this size can be exponentiated as they are: their powers, and sums of 4096 of these, neither over-
# nor underflow. It saves two passes of four over the tile.
SMALL_LOGIT = {torch.float32: 60.0, torch.float64: 600.0}


def tiled_cross_entropy(
    embeddings: torch.Tensor,
    unembeddings: torch.Tensor,
    expected_unembedding: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """sum_x w(x) [ log sum_y exp(f(x).g(y)) - f(x).E[g(Y) | x] ] for one problem, or for many at once.

    Parameters
    ----------
    embeddings, unembeddings
        Shapes (..., n_contexts, dim) and (..., n_tokens, dim); the leading axes count independent problems.
    expected_unembedding
        Shape (..., n_contexts, dim), from `LatentConditionalModel.expected_unembedding`.
    weights
        Shape (..., n_contexts), each problem's summing to 1.

    Returns
    -------
    tensor of shape (...), in nats
        Differentiable once in all four. nan where an entry is nan, so that training can see its own divergence.

    Raises
    ------
    ValueError
        For anything else than tensors of these shapes, of one type and on one device.

    Examples
    --------
    >>> f, g, w = torch.zeros(9, 2), torch.zeros(4, 2), torch.full((9,), 1 / 9)
    >>> round(float(tiled_cross_entropy(f, g, torch.zeros(9, 2), w).exp()), 4)
    4.0
    """
    check_loss_shapes(embeddings, unembeddings, expected_unembedding, weights, many_problems=True)
    lead = embeddings.shape[:-2]
    tensors = (embeddings, unembeddings, expected_unembedding, weights)
    loss: torch.Tensor = _TiledCrossEntropy.apply(*(t.reshape(-1, *t.shape[len(lead) :]) for t in tensors))
    return loss.reshape(lead)


class _TiledCrossEntropy(torch.autograd.Function):
    """Gradients are made on the way forwards, while the tile is in the cache; backward only scales them."""

    @staticmethod
    def forward(ctx: Any, f: torch.Tensor, g: torch.Tensor, expected: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        wanted = any(ctx.needs_input_grad)
        per_context = -(f * expected).sum(dim=2)  # (problems, n_contexts)
        grad_f = -w.unsqueeze(2) * expected if wanted else None
        # the products below are laid out as long rows: as columns they take three to seven times as long
        grad_g = torch.zeros_like(g.mT, memory_format=torch.contiguous_format) if wanted else None
        g_and_one = _with_ones(g)  # one product gives both sums over the tokens
        small = bool(f.norm(dim=2).amax() * g.norm(dim=2).amax() < SMALL_LOGIT.get(f.dtype, 0.0))
        for problems, rows in _tiles(f, g):
            f_tile = f[problems, rows]
            powers = torch.bmm(f_tile, g[problems].mT)
            top = torch.zeros_like(f_tile[:, :, :1]) if small else powers.amax(dim=2, keepdim=True)
            powers = (powers if small else powers.sub_(top)).exp_()
            sums = torch.bmm(powers, g_and_one[problems])  # (problems, rows, dim + 1, rounded up)
            total = sums[:, :, f.shape[2]].unsqueeze(2)
            per_context[problems, rows] += (total.log() + top).squeeze(2)
            if grad_f is not None and grad_g is not None:
                scale = w[problems, rows].unsqueeze(2) / total  # powers * scale = weighted probabilities
                grad_f[problems, rows].addcmul_(sums[:, :, : f.shape[2]], scale)
                grad_g[problems].baddbmm_((f_tile * scale).mT, powers)
        if grad_g is not None:
            ctx.save_for_backward(f, w, per_context, grad_f, grad_g.mT)
        return (w * per_context).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        f, w, per_context, grad_f, grad_g = ctx.saved_tensors
        problem = grad[:, None, None]
        return grad_f * problem, grad_g * problem, -w.unsqueeze(2) * f * problem, per_context * grad[:, None]


def _with_ones(g: torch.Tensor) -> torch.Tensor:
    """Append a column of ones, and zeros up to a width that a processor's vectors divide."""
    n_problems, n_tokens, dim = g.shape
    wide = g.new_zeros(n_problems, n_tokens, 8 * math.ceil((dim + 1) / 8))
    wide[:, :, :dim], wide[:, :, dim] = g, 1
    return wide


def _tiles(f: torch.Tensor, g: torch.Tensor) -> Iterator[tuple[slice, slice]]:
    """Slices of problems and of contexts whose logits fill a tile: several small problems, or a part of a large one."""
    n_problems, n_contexts = f.shape[:2]
    limit = TILE_BYTES if f.device.type == "cpu" else GPU_TILE_BYTES
    rows = max(1, limit // (g.shape[1] * f.element_size()))
    together = max(1, rows // n_contexts)
    for problem in range(0, n_problems, together):
        for row in range(0, n_contexts, rows):
            yield slice(problem, problem + together), slice(row, row + rows)


def check_loss_shapes(
    embeddings: Any, unembeddings: Any, expected_unembedding: Any, weights: Any, *, many_problems: bool = False
) -> None:
    """Raise a ValueError unless the four tensors of the loss fit together; leading axes may count problems."""
    tensors = {
        "embeddings": (embeddings, 2),
        "unembeddings": (unembeddings, 2),
        "expected_unembedding": (expected_unembedding, 2),
        "weights": (weights, 1),
    }
    for name, (tensor, axes) in tensors.items():
        fits = isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
        if not fits or tensor.ndim < axes or (tensor.ndim > axes and not many_problems):
            more = " or more" if many_problems else ""
            raise ValueError(f"{name} must be a floating-point tensor with {axes} axes{more}, got {shown(tensor)}")
        if (tensor.dtype, tensor.device) != (embeddings.dtype, embeddings.device):
            raise ValueError(f"{name} must be {embeddings.dtype} on {embeddings.device} as the embeddings")
    *lead, n_contexts, dim = embeddings.shape
    for name, tensor, shape in (
        ("unembeddings", unembeddings, (*lead, unembeddings.shape[-2], dim)),
        ("expected_unembedding", expected_unembedding, (*lead, n_contexts, dim)),
        ("weights", weights, (*lead, n_contexts)),
    ):
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape} beside the embeddings, got {tuple(tensor.shape)}")
