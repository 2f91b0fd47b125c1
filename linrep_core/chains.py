"""Chains of matrices from contexts to words: what flows in them, and what a table of logits costs them.

Book: part "Beyond the assumptions", chapter "Depth and attention". Source: this book; that deeper products of matrices
prefer low rank is known (Arora, Cohen, Hu, Luo, arXiv 1905.13655).

A predictor is a chain of matrices: from a context's input to f(x), then from g(y) to a word's name. The logits are a
product of K matrices, a table Z. The least sum of their squared entries over all such chains is K sum_j sigma_j^(2/K),
sigma_j the singular values of Z: for K = 2 twice the nuclear norm, and the larger K, the dearer is rank.

Inputs are ``"names"``, a number of its own for each context (one-hot), so that contexts share nothing; or ``"parts"``,
for each concept one of *told 0*, *told 1*, *unknown* (m ones of 3m): a bag of words.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from linrep_core._checks import check_array, check_choice, check_flag, check_instance, check_integer, check_number
from linrep_core._stepping import few_threads
from linrep_core.geometry import mean_pairwise_cosine, unembedding_steering_vectors
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.theorems.bottleneck import MARGIN
from linrep_core.theorems.exact_fit import agreement, all_contexts
from linrep_core.theorems.unlimited_dimension import SWITCHED_OFF, singular_maps

Array = NDArray[np.float64]
INPUTS = ("names", "parts")
HIDDEN = 24  # width of every hidden layer: room is scarce at f(x) only
MAX_LAYERS = 10
MAX_CHAIN_CONCEPTS = 5
ROUNDS = 40  # of `cheapest_chain`


# ---- architectures --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Architecture:
    """How f(x) and g(y) are made.

    Attributes
    ----------
    inputs : str
        What a context is told by: ``"names"`` or ``"parts"``.
    context_layers, word_layers : int
        Matrices between a context's input and f(x), and between a word's name and g(y).
    relu : bool
        Whether negative numbers become 0 after each of the context's matrices but the last.

    Examples
    --------
    >>> Architecture("names", 2).n_factors
    3
    """

    inputs: str
    context_layers: int
    word_layers: int = 1
    relu: bool = False

    def __post_init__(self) -> None:
        check_choice("inputs", self.inputs, INPUTS)
        check_integer("context_layers", self.context_layers, low=1, high=MAX_LAYERS)
        check_integer("word_layers", self.word_layers, low=1, high=MAX_LAYERS)
        check_flag("relu", self.relu)

    @property
    def n_factors(self) -> int:
        """Matrices in the chain from contexts to words, K."""
        return self.context_layers + self.word_layers


def _concepts(value: Any) -> int:
    return check_integer("n_concepts", value, low=1, high=MAX_CHAIN_CONCEPTS)


def context_inputs(n_concepts: int, inputs: str) -> torch.Tensor:
    """The input of each context: its name, shape (3**m, 3**m), or its parts, shape (3**m, 3 m).

    Examples
    --------
    >>> context_inputs(2, "parts")[5].tolist()  # the first is told to be 1, the second is unknown
    [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    """
    contexts = all_contexts(_concepts(n_concepts))
    if check_choice("inputs", inputs, INPUTS) == "names":
        return torch.eye(len(contexts), dtype=torch.float64)
    parts = (contexts[:, :, None] == np.array([0, 1, -1])).reshape(len(contexts), -1)
    return torch.as_tensor(parts.astype(np.float64))


def start_chain(
    architecture: Architecture,
    n_concepts: int,
    dim: int,
    *,
    seed: int = 0,
    scale: float = 1.0,
    word_scale: float | None = None,
) -> list[torch.Tensor]:
    """Random matrices: the entries of f and g are on average as large as those of a lookup table's small start.

    Hidden matrices keep the mean square of what passes through them, so the size of f and g does not depend on depth.
    For names without hidden layers and scale 1 it is the start of `SoftmaxPredictor.initialize`, number by number.

    Parameters
    ----------
    architecture, n_concepts, dim
        What passes through, m, and the dimension of f and g.
    seed
        Fixes the numbers.
    scale
        Factor on the entries of f and g, shared out evenly among their matrices.
    word_scale
        That of g, where it is another one.

    Examples
    --------
    >>> [tuple(matrix.shape) for matrix in start_chain(Architecture("parts", 2), 2, 3)]
    [(6, 24), (24, 3), (3, 4)]
    """
    check_instance("architecture", architecture, Architecture)
    kind, m, d = architecture, _concepts(n_concepts), check_integer("dim", dim, low=1)
    size = check_number("scale", scale, low=0.0, open_interval=True)
    of_words = size if word_scale is None else check_number("word_scale", word_scale, low=0.0, open_interval=True)
    rng, n_contexts, n_tokens = np.random.default_rng(check_integer("seed", seed, low=0)), 3**m, 2**m
    ones, n_inputs = (1, n_contexts) if kind.inputs == "names" else (m, 3 * m)
    contexts = _side(rng, [n_inputs, *[HIDDEN] * (kind.context_layers - 1), d], size, kind.relu)
    contexts[0] *= sqrt(n_inputs / (n_contexts * ones))  # as many numbers are added up as an input has ones
    words = _side(rng, [n_tokens, *[HIDDEN] * (kind.word_layers - 1), d], of_words, relu=False)
    return [*contexts, *(matrix.T for matrix in reversed(words))]


def _side(rng: np.random.Generator, widths: list[int], size: float, relu: bool) -> list[torch.Tensor]:
    """Matrices from names to f or g, whose entries are as large as those of one matrix within size / sqrt(names)."""
    gain = sqrt((6.0 if relu else 3.0) / HIDDEN)
    bounds = [1.0 / sqrt(widths[0]), *[gain] * (len(widths) - 2)]
    share = size ** (1 / len(bounds))
    return [
        torch.as_tensor((2 * rng.random((rows, columns)) - 1) * bound * share)
        for rows, columns, bound in zip(widths, widths[1:], bounds, strict=False)
    ]


def layers(
    architecture: Architecture, inputs: torch.Tensor, matrices: list[torch.Tensor]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What flows for contexts, and for words, behind each matrix; the last of each are f and g.

    Parameters
    ----------
    architecture
        Which matrices belong to contexts, and whether ReLU stands between them.
    inputs
        Those of the contexts, see `context_inputs`.
    matrices
        As `start_chain` gives them, or stacked: shape (..., rows, columns).

    Examples
    --------
    >>> kind = Architecture("names", 2)
    >>> contexts, words = layers(kind, context_inputs(2, "names"), start_chain(kind, 2, 3))
    >>> [tuple(each.shape) for each in contexts], [tuple(each.shape) for each in words]
    ([(9, 24), (9, 3)], [(4, 3)])
    """
    n = architecture.context_layers
    contexts = [matrices[0] if architecture.inputs == "names" else inputs @ matrices[0]]
    for matrix in matrices[1:n]:
        contexts.append((torch.relu(contexts[-1]) if architecture.relu else contexts[-1]) @ matrix)
    words = [matrices[-1].mT]
    for matrix in reversed(matrices[n:-1]):
        words.append(words[-1] @ matrix.mT)
    return contexts, words


# ---- what a chain costs ---------------------------------------------------------------------------------------------


def chain_cost(table: Any, n_factors: float) -> float:
    """The least sum of squared entries of K matrices with this product, all of them as wide as its rank or wider.

    It is K sum_j sigma_j^(2/K), sigma_j the singular values; the chapter proves it. For K = 2 twice the nuclear norm.

    Parameters
    ----------
    table
        Shape (rows, columns).
    n_factors
        K, at least 1. A number between whole ones is no chain, but the formula makes sense.

    Examples
    --------
    >>> chain_cost([[8.0, 0.0], [0.0, 1.0]], 1), chain_cost([[8.0, 0.0], [0.0, 1.0]], 3)
    (65.0, 15.0)
    """
    z = check_array("table", table, shape=("rows", "columns"))
    k = check_number("n_factors", n_factors, low=1.0)
    sizes = np.linalg.svd(z, compute_uv=False)
    return float(k * (sizes[sizes > 1e-12 * sizes.max(initial=0.0)] ** (2.0 / k)).sum())


def shortest_chain(table: Any, n_factors: int) -> list[Array]:
    """K matrices with this product and the least sum of squares: each has the K-th roots of the singular values.

    Parameters
    ----------
    table
        Shape (rows, columns).
    n_factors
        K, at least 2.

    Returns
    -------
    list of K arrays
        The first of shape (rows, r), the last of shape (r, columns), those between diagonal, with r = min(rows,
        columns).

    Examples
    --------
    >>> [abs(matrix).round(3).tolist() for matrix in shortest_chain([[8.0]], 3)]
    [[[2.0]], [[2.0]], [[2.0]]]
    """
    z = check_array("table", table, shape=("rows", "columns"))
    k = check_integer("n_factors", n_factors, low=2, high=2 * MAX_LAYERS)
    left, sizes, right = np.linalg.svd(z, full_matrices=False)
    root = sizes ** (1.0 / k)
    return [left * root, *(np.diag(root) for _ in range(k - 2)), root[:, None] * right]


def linear_price(n_concepts: int, n_factors: float) -> float:
    """`chain_cost` of the linear table over all contexts: K m (2^(m+1) 3^(m-1))^(1/K).

    Examples
    --------
    >>> round(linear_price(3, 2), 4), round(linear_price(3, 3), 4)
    (72.0, 47.1733)
    """
    m, k = check_integer("n_concepts", n_concepts, low=1), check_number("n_factors", n_factors, low=1.0)
    return float(k * m * (2.0 ** (m + 1) * 3.0 ** (m - 1)) ** (1 / k))


def product_price(n_concepts: int, n_factors: float) -> float:
    """`chain_cost` of the product table, rows centred: K 4^(1/K) ((1 + 3^(1/K))^m - 3^(m/K)).

    Examples
    --------
    >>> round(product_price(3, 2), 4), round(product_price(3, 3), 4)
    (60.7846, 55.0844)
    """
    m, k = check_integer("n_concepts", n_concepts, low=1), check_number("n_factors", n_factors, low=1.0)
    return float(k * 4.0 ** (1 / k) * ((1.0 + 3.0 ** (1 / k)) ** m - 3.0 ** (m / k)))


@dataclass(frozen=True)
class SymmetricTable:
    """A cheapest table, as far as a search found, among those with all symmetries of the cube.

    Attributes
    ----------
    price : float
        Its `chain_cost`.
    singular_values : array of shape (m,)
        Of degree 1 to m; degree s has C(m, s) of them.
    """

    price: float
    singular_values: Array

    @property
    def is_linear(self) -> bool:
        """Whether only degree 1 is there."""
        return bool((self.singular_values[1:] <= SWITCHED_OFF * self.singular_values[0]).all())

    def mean_cosine(self, exponent: float = 1.0) -> float:
        """Mean cosine of a concept's word steps where a word's coordinates are singular values to exponent / 2.

        1 for the shorter table of two factors; 2 l / K behind l of K matrices, counted from the words.
        """
        power = check_number("exponent", exponent, low=0.0)
        m, n = len(self.singular_values), 2 ** (len(self.singular_values) - 1)
        kept = self.singular_values > SWITCHED_OFF * self.singular_values[0]
        sizes = np.where(kept, self.singular_values, 1.0) ** power * kept
        share = sizes[0] / sum(comb(m - 1, s) * size for s, size in enumerate(sizes))
        return float((n * share - 1) / (n - 1)) if n > 1 else 1.0


def cheapest_symmetric(n_concepts: int, n_factors: float, start: str = "linear") -> SymmetricTable:
    """Search the tables -u(n, k) of `linrep_core.theorems.unlimited_dimension` for a cheap one with margin 2.

    For K = 2 the problem is convex and the answer the cheapest table of all. For K > 2 it is not: the answer is a local
    minimum that depends on the start and is never dearer. Nothing says that the cheapest table of all is symmetric.

    Parameters
    ----------
    n_concepts
        1 to 5.
    n_factors
        K, at least 2, a whole number or not.
    start
        ``"linear"`` or ``"product"``: the table from which the search sets out.

    Examples
    --------
    >>> [cheapest_symmetric(2, k).is_linear for k in (2, 3)]
    [False, True]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CHAIN_CONCEPTS)
    power = 2.0 / check_number("n_factors", n_factors, low=2.0)
    pairs, maps = singular_maps(m)
    from_linear = check_choice("start", start, ("linear", "product")) == "linear"
    u = np.array([MARGIN * k if from_linear else MARGIN for _, k in pairs])
    copies = np.array([comb(m, s) for s in range(1, m + 1)], dtype=np.float64)
    before = _symmetric(u, maps, copies, power)
    for floor in np.geomspace(1.0, 1e-8, 100):  # the floor forgives small singular values less and less
        sizes = np.hypot([np.linalg.norm(each @ u) for each in maps], floor)
        weights = np.sqrt(copies * sizes ** (power - 2.0))
        stacked = np.concatenate([weight * each for weight, each in zip(weights, maps, strict=True)])
        found = lsq_linear(stacked, np.zeros(len(stacked)), bounds=(MARGIN, np.inf), method="bvls", tol=1e-15)
        u = np.maximum(found.x, MARGIN)
    after = _symmetric(u, maps, copies, power)
    return min(before, after, key=lambda table: table.price)


def _symmetric(u: Array, maps: list[Array], copies: Array, power: float) -> SymmetricTable:
    values = np.array([np.linalg.norm(each @ u) for each in maps])
    kept = values > SWITCHED_OFF * values[0]
    return SymmetricTable(float(2.0 / power * (copies[kept] @ values[kept] ** power)), values)


def price_with_relu(table: Any, *, width: int = HIDDEN, n_starts: int = 3, seed: int = 0) -> float:
    """The least sum of squares found for H W G = Z, up to a number for each row of Z, where no entry of H is negative.

    H is what a hidden layer of ReLU gives, and on names it may be anything: so this is what a table costs a perceptron
    of names. Found by L-BFGS on H = P^2 with a growing penalty; a local minimum, the best of some starts.

    Parameters
    ----------
    table
        Shape (rows, columns).
    width
        Columns of H.
    n_starts, seed
        Random starts, and their seed.

    Examples
    --------
    >>> round(price_with_relu([[1.0, -1.0], [-1.0, 1.0]], width=4, n_starts=1), 2)
    6.0
    """
    target = torch.as_tensor(check_array("table", table, shape=("rows", "columns")))
    wide = check_integer("width", width, low=1, high=1000)
    count, first = check_integer("n_starts", n_starts, low=1, high=1000), check_integer("seed", seed, low=0)
    with few_threads(target.numel()):
        return min(_relu_price(target, wide, np.random.default_rng([first, i])) for i in range(count))


def _relu_price(target: torch.Tensor, width: int, rng: np.random.Generator) -> float:
    rows, columns = target.shape
    sizes = ((rows, width), (width, width), (width, columns))
    starts = (rng.uniform(0.3, 0.9, size=sizes[0]), 0.3 * rng.normal(size=sizes[1]), 0.3 * rng.normal(size=sizes[2]))
    p, w, g = matrices = [torch.tensor(start, requires_grad=True) for start in starts]  # H = 0 would be a trap

    def cost() -> torch.Tensor:
        return (p**4).sum() + (w**2).sum() + (g**2).sum()

    for penalty in 10.0 * 4.0 ** np.arange(7):
        optimizer = torch.optim.LBFGS(matrices, max_iter=150, history_size=20, line_search_fn="strong_wolfe")

        def closure(penalty: float = penalty, optimizer: torch.optim.Optimizer = optimizer) -> torch.Tensor:
            optimizer.zero_grad()
            gap = p**2 @ w @ g - target
            loss = cost() + penalty * ((gap - gap.mean(dim=1, keepdim=True)) ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    return float(cost().detach())


@dataclass(frozen=True)
class CheapestChain:
    """A local minimum of the sum of squares under the margins: what `cheapest_chain` finds.

    Attributes
    ----------
    cost : float
        Sum of squared entries of all matrices.
    shortfall : float
        How far the smallest margin falls short of 2.
    predictor : SoftmaxPredictor
        Its f and g.
    """

    cost: float
    shortfall: float
    predictor: SoftmaxPredictor

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of the unembedding steering vectors, averaged over the concepts."""
        g = self.predictor.unembeddings
        m = len(g).bit_length() - 1
        return float(np.mean([mean_pairwise_cosine(unembedding_steering_vectors(g, i)) for i in range(m)]))


def cheapest_chain(architecture: Architecture, n_concepts: int, dim: int, *, seed: int = 0) -> CheapestChain:
    """Minimise the sum of squares under f(x).(g(y) - g(y')) >= 2 for y ~ x, y' not ~ x, from a random start.

    By L-BFGS and an augmented Lagrangian, with no assumption on the table: the independent check of the prices. Not
    convex: what is found is a local minimum, so try several seeds.

    Parameters
    ----------
    architecture
        The chain; with ReLU the minimum is over perceptrons.
    n_concepts
        1 to 3.
    dim
        Of f and g.
    seed
        Of the start.

    Examples
    --------
    >>> found = cheapest_chain(Architecture("names", 1), 2, 3)
    >>> round(found.cost, 2), round(found.mean_cosine, 2)
    (17.86, 0.27)
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=3)
    starts = start_chain(architecture, m, dim, seed=seed, scale=4.0)
    matrices = [each.clone(memory_format=torch.contiguous_format).requires_grad_() for each in starts]
    inputs, agrees = context_inputs(m, architecture.inputs), torch.as_tensor(agreement(m) > 0)
    pairs = torch.nonzero(agrees[:, :, None] & ~agrees[:, None, :]).T
    multipliers, weight = torch.zeros(pairs.shape[1], dtype=torch.float64), 1.0

    def lacking() -> torch.Tensor:
        contexts, words = layers(architecture, inputs, matrices)
        z = contexts[-1] @ words[-1].mT
        return MARGIN - (z[pairs[0], pairs[1]] - z[pairs[0], pairs[2]])

    def lagrangian() -> torch.Tensor:
        pushed = torch.relu(multipliers + weight * lacking())
        return sum((each**2).sum() for each in matrices) + (pushed**2).sum() / (2 * weight)

    for _ in range(ROUNDS):
        optimizer = torch.optim.LBFGS(matrices, max_iter=100, history_size=20, line_search_fn="strong_wolfe")

        def closure(optimizer: torch.optim.Optimizer = optimizer) -> torch.Tensor:
            optimizer.zero_grad()
            value = lagrangian()
            value.backward()
            return value

        optimizer.step(closure)
        with torch.no_grad():
            multipliers = torch.relu(multipliers + weight * lacking())
        weight = min(1.3 * weight, 50.0)
    with torch.no_grad():
        contexts, words = layers(architecture, inputs, matrices)
        cost = sum(float((each**2).sum()) for each in matrices)
        tables = SoftmaxPredictor(contexts[-1].detach(), words[-1].detach())
        return CheapestChain(cost, max(0.0, float(lacking().max())), tables)
