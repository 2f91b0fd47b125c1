"""Depth, the study: which architectures make straight lines, beside what was predicted.

Book: part "Beyond the assumptions", chapter "Depth and attention". Source: this book; arXiv 2403.03867 has lookup
tables only, and leaves other architectures open. What a chain of matrices costs stands in `linrep_core.chains`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import entropy
from tqdm.auto import tqdm

from linrep_core._checks import (
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_iterable,
    check_number,
    check_records,
)
from linrep_core._stepping import few_threads
from linrep_core.chains import (
    Architecture,
    chain_cost,
    cheapest_chain,
    context_inputs,
    layers,
    shortest_chain,
    start_chain,
)
from linrep_core.class_members import smallest_member
from linrep_core.geometry import MEASURES, embedding_steering_vectors, linearity, mean_pairwise_cosine
from linrep_core.intervals import interval
from linrep_core.language import LatentConditionalModel
from linrep_core.objectives import LEVELS, LOOKS_PER_STEP, check_worlds, cross_entropy, joint_table, least_loss
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.reproduction import paper_world
from linrep_core.sentences import SentenceWorld
from linrep_core.transformer_training import TransformerRun, layer_reports, train_transformer

# entries of f, and of g, beside those of a lookup table's small start
STARTS = {"small": (0.1, 0.1), "usual": (1.0, 1.0), "large": (5.0, 5.0), "small words": (1.0, 0.1)}
MAX_STUDY_CONCEPTS = 5


# ---- architectures and predictions -----------------------------------------------------------------------------------


ARCHITECTURES = {
    "table": Architecture("names", 1),
    "names, 2 layers": Architecture("names", 2),
    "names, 3 layers": Architecture("names", 3),
    "names, 4 layers": Architecture("names", 4),
    "words, 2 layers": Architecture("names", 1, 2),
    "both, 2 layers": Architecture("names", 2, 2),
    "names, perceptron": Architecture("names", 2, relu=True),
    "names, deep perceptron": Architecture("names", 3, relu=True),
    "parts": Architecture("parts", 1),
    "parts, 2 layers": Architecture("parts", 2),
    "parts, perceptron": Architecture("parts", 2, relu=True),
    "parts, deep perceptron": Architecture("parts", 3, relu=True),
}


@dataclass(frozen=True)
class Prediction:
    """A difference of two cells, or the mean of one, and the interval that it was said to lie in.

    Attributes
    ----------
    claim, reason : str
    measure : str
        A column of the tables.
    dim : int
    first, second : str or None
        The difference is second minus first, over the same worlds and seeds; without a first it is the second's mean.
    low, high : float
        Refuted by a 95 % interval that lies outside; held if it lies inside; open otherwise.
    level : float
        Share left to learn when the runs are compared.
    method, start : str
        Of both cells.
    first_start : str or None
        That of the first, where it is another one.
    """

    claim: str
    reason: str
    measure: str
    dim: int
    first: str | None
    second: str
    low: float
    high: float
    level: float = 0.01
    method: str = "gradient descent"
    start: str = "usual"
    first_start: str | None = None


# Written down before the first network of this study was trained. What was known: the chapters before (tables bend with
# room; sentences are straight for a bag and a transformer), and the prices below. Dimensions: m = 3, d = 3, 6, 12.
INFINITE = float("inf")
PREDICTIONS = (
    Prediction(
        "one more matrix straightens a table",
        "with K = 3 the linear table is cheaper than the product table, with K = 2 dearer",
        "unembedding", 12, "table", "names, 2 layers", 0.05, INFINITE,
    ),
    Prediction("the same in d = 6", "same", "unembedding", 6, "table", "names, 2 layers", 0.05, INFINITE),
    Prediction("embeddings too", "same", "embedding", 12, "table", "names, 2 layers", 0.05, INFINITE),
    Prediction(
        "the same with Adam", "same", "unembedding", 12, "table", "names, 2 layers", 0.05, INFINITE, method="adam"
    ),
    Prediction(
        "a third matrix straightens more",
        "the smaller the exponent 2/K, the dearer is rank",
        "unembedding", 12, "names, 2 layers", "names, 3 layers", 0.0, INFINITE,
    ),
    Prediction(
        "fewer directions in the logits", "same", "directions", 12, "table", "names, 2 layers", -INFINITE, -0.3
    ),
    Prediction(
        "it does not matter where the matrix stands",
        "the price of Z knows the number of matrices only",
        "directions", 12, "names, 2 layers", "words, 2 layers", -0.3, 0.3,
    ),
    Prediction(
        "the same for one more on each side",
        "same",
        "directions", 12, "names, 3 layers", "both, 2 layers", -0.3, 0.3,
    ),
    Prediction(
        "the deep side looks straighter: words",
        "of one table Z the singular values are shared out by matrices: g has sigma^(2/3) instead of sigma^(1/3)",
        "unembedding", 12, "names, 2 layers", "words, 2 layers", 0.0, INFINITE,
    ),
    Prediction(
        "the deep side looks straighter: contexts",
        "same, for f",
        "embedding", 12, "words, 2 layers", "names, 2 layers", 0.0, INFINITE,
    ),
    Prediction(
        "straighter from layer to layer",
        "layer l of K matrices has sigma^(l/K)",
        "gain inside", 12, None, "names, 3 layers", 0.0, INFINITE,
    ),
    Prediction(
        "a perceptron straightens a table",
        "with ReLU the linear table is still cheaper than the product one, by less",
        "unembedding", 12, "table", "names, perceptron", 0.05, INFINITE,
    ),
    Prediction(
        "and less than a linear map",
        "a hidden layer without negative numbers needs two numbers for a sign",
        "unembedding", 12, "names, perceptron", "names, 2 layers", 0.0, INFINITE,
    ),
    Prediction(
        "parts are straight with room",
        "among sums of parts the linear table is the cheapest of all, in any dimension",
        "unembedding", 12, None, "parts", 0.95, 1.0,
    ),
    Prediction("parts in d = 6", "same", "unembedding", 6, None, "parts", 0.95, 1.0),
    Prediction(
        "depth adds nothing to parts", "there is nothing left to straighten",
        "unembedding", 12, "parts", "parts, 2 layers", -0.05, 0.05,
    ),
    Prediction(
        "a perceptron of parts is straighter than one of names", "it starts from parts",
        "unembedding", 12, "names, perceptron", "parts, perceptron", 0.05, INFINITE,
    ),
    Prediction(
        "and less straight than the parts alone", "it can make products of parts, which bend",
        "unembedding", 12, "parts", "parts, perceptron", -INFINITE, 0.0,
    ),
    Prediction("without room, depth 2 is straight", "bottleneck", "unembedding", 3, None, "names, 2 layers", 0.9, 1.0),
    Prediction("so is a perceptron", "bottleneck", "unembedding", 3, None, "names, perceptron", 0.9, 1.0),
    Prediction(
        "a smaller start is straighter",
        "the chain starts nearer to balance, and grows its singular values one after the other",
        "unembedding", 12, "names, 2 layers", "names, 2 layers", 0.0, INFINITE, start="small", first_start="usual",
    ),
    Prediction(
        "a large start undoes it",
        "lazy: what nothing forces stays as it was",
        "unembedding", 12, "names, 2 layers", "names, 2 layers", -INFINITE, -0.05, level=0.1,
        start="large", first_start="usual",
    ),
    Prediction(
        "shortest chains from a small start",
        "descent keeps the differences of neighbouring matrices' squares, which are small there",
        "excess cost", 12, None, "names, 2 layers", 1.0, 1.1, start="small",
    ),
    Prediction(
        "a transformer straightens names",
        "it is a chain of more than two matrices, with other things between",
        "unembedding", 12, "table", "transformer, names", 0.05, INFINITE, level=0.03,
    ),
    Prediction(
        "and parts are straighter still",
        "parts",
        "unembedding", 12, "transformer, names", "transformer, parts", 0.0, INFINITE, level=0.03,
    ),
)  # fmt: skip


# Written down after the first table, before the second: its embeddings and logits did what was said, its unembeddings
# did not. The reading: what the start left in g, in directions that no context sees, hides them; the more so the longer
# the chain, in which g need not grow as far.
SECOND_PREDICTIONS = (
    Prediction(
        "the same distribution in its shortest tables: one more matrix straightens",
        "there nothing of the start is left but what contexts see",
        "shortest unembedding", 12, "table", "names, 2 layers", 0.1, INFINITE,
    ),
    Prediction(
        "the same with Adam", "same",
        "shortest unembedding", 12, "table", "names, 2 layers", 0.05, INFINITE, method="adam",
    ),
    Prediction("parts in their shortest tables", "same", "shortest unembedding", 12, None, "parts", 0.9, 1.0),
    Prediction(
        "small words only: names, 2 layers",
        "the start of g alone is what hides it",
        "unembedding", 12, "names, 2 layers", "names, 2 layers", 0.1, INFINITE,
        start="small words", first_start="usual",
    ),
    Prediction(
        "small words only: parts", "same", "unembedding", 12, None, "parts", 0.95, 1.0, start="small words"
    ),
    Prediction("parts from a small start", "same", "unembedding", 12, None, "parts", 0.95, 1.0, start="small"),
    Prediction(
        "one more matrix with Adam, from a small start",
        "with little of the start left, the price decides",
        "unembedding", 12, "table", "names, 2 layers", 0.1, INFINITE, method="adam", start="small",
    ),
    Prediction(
        "a perceptron of parts bends them also from a small start", "it can make products of parts",
        "unembedding", 12, "parts", "parts, perceptron", -INFINITE, 0.0, start="small",
    ),
)  # fmt: skip


# ---- training -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """Who takes the steps: full batch, exact loss. Plain descent on longer chains takes smaller steps."""

    optimizer: str
    rate: float
    steps: int


METHODS = {"gradient descent": Method("sgd", 0.5, 4000), "adam": Method("adam", 0.01, 1000)}


@dataclass(frozen=True)
class DepthLook:
    """A chain at one moment.

    Attributes
    ----------
    level : float or None
        The share of what there is to learn below which it had just fallen; None for the last step.
    step : int
    share : float
        Loss above the entropy floor, as a share of that of the predictor that knows nothing.
    matrices : list of tensors
        From a context's input to f(x), then from g(y) to a word's name: the product of all is the table of logits
        (without ReLU, and for parts behind the table of parts).
    context_layers : list of tensors, each of shape (n_contexts, width)
        What flows for each context behind each of its matrices; the last is f(x).
    word_layers : list of tensors, each of shape (2**m, width)
        The same for words; the last is g(y).
    """

    level: float | None
    step: int
    share: float
    matrices: list[torch.Tensor]
    context_layers: list[torch.Tensor]
    word_layers: list[torch.Tensor]

    @property
    def predictor(self) -> SoftmaxPredictor:
        """The pair of tables, f and g."""
        return SoftmaxPredictor(self.context_layers[-1], self.word_layers[-1])


def train_chain(
    models: Any,
    dim: int,
    *,
    architecture: str | Architecture = "table",
    method: str = "gradient descent",
    seeds: Any,
    scale: float = 1.0,
    word_scale: float | None = None,
    steps: int | None = None,
    levels: Any = LEVELS,
    progress: bool = True,
) -> list[list[DepthLook]]:
    """Train a chain for each world on its exact loss, all at once.

    At the start the entries of f and g are on average as large as those of a lookup table's small start
    (`SoftmaxPredictor.initialize`), whatever the architecture: so depth is not confounded with the size of the start.
    With ``"table"`` and scale 1 it is that start, number by number.

    Parameters
    ----------
    models
        A list of worlds with the same number of concepts, all contexts and tokens possible.
    dim
        Dimension *d* of f and g.
    architecture
        A name in `ARCHITECTURES`, or an `Architecture`.
    method
        A name in `METHODS`.
    seeds
        One a world, of its start.
    scale
        Factor on the entries of f and g at the start, shared out evenly among their matrices.
    word_scale
        That of g, where it is another one.
    steps
        None: those of the method.
    levels
        Shares below which a run is looked at, when it first falls below.
    progress
        Whether to show a progress bar.

    Returns
    -------
    list of lists of DepthLook
        For each world its looks in the order of time, the last step at the end. Training ends early when all runs have
        fallen below the smallest level.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> worlds = [paper_world(2, seed)[0] for seed in range(2)]
    >>> kind = {"architecture": "names, 2 layers", "method": "adam"}
    >>> runs = train_chain(worlds, 3, seeds=[0, 1], steps=300, progress=False, **kind)
    >>> [len(looks[-1].matrices) for looks in runs], [looks[-1].share < 0.1 for looks in runs]
    ([3, 3], [True, True])
    """
    kind = _architecture(architecture)
    chosen = METHODS[check_choice("method", method, METHODS)]
    worlds, numbers = check_worlds(models, seeds)
    n_steps = chosen.steps if steps is None else check_integer("steps", steps, low=0)
    below = [check_number(f"levels[{i}]", x, low=0.0) for i, x in enumerate(check_iterable("levels", levels))]
    shown = check_flag("progress", progress)
    sizes = {"scale": scale, "word_scale": word_scale}
    starts = [start_chain(kind, worlds[0].n_concepts, dim, seed=seed, **sizes) for seed in numbers]
    chains = _Chains(worlds, kind, starts)
    with few_threads(chains.joint.numel()):
        return chains.train(chosen, n_steps, sorted(below, reverse=True), shown)


class _Chains:
    """The matrices of all runs, stacked: each of shape (runs, rows, columns)."""

    def __init__(
        self, worlds: list[LatentConditionalModel], kind: Architecture, starts: list[list[torch.Tensor]]
    ) -> None:
        self.kind, self.inputs = kind, context_inputs(worlds[0].n_concepts, kind.inputs)
        stacked = zip(*starts, strict=True)
        self.matrices = [torch.stack(each).contiguous().requires_grad_() for each in stacked]
        self.joint = torch.stack([joint_table(world) for world in worlds])
        self.floor = least_loss("cross-entropy", self.joint)
        self.to_learn = cross_entropy(torch.zeros_like(self.joint), self.joint) - self.floor

    def layers(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """What flows for contexts and for words behind each matrix."""
        return layers(self.kind, self.inputs, self.matrices)

    def losses(self) -> torch.Tensor:
        """Cross-entropy of each run, in nats."""
        contexts, words = self.layers()
        return cross_entropy(contexts[-1] @ words[-1].mT, self.joint)

    def train(self, method: Method, steps: int, levels: list[float], progress: bool) -> list[list[DepthLook]]:
        kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        shorter = (2.0 / self.kind.n_factors) ** 3 if method.optimizer == "sgd" else 1.0  # a long chain curves more
        optimizer = kinds[method.optimizer](self.matrices, lr=method.rate * shorter)
        looks: list[list[DepthLook]] = [[] for _ in self.joint]
        next_look = done = 0
        for step in tqdm(range(steps), disable=not progress, leave=False):
            if step == next_look:
                next_look += max(1, step // LOOKS_PER_STEP)
                self._look(step, looks, levels)
                if levels and all(len(each) == len(levels) for each in looks):
                    break
            optimizer.zero_grad()
            self.losses().sum().backward()
            optimizer.step()
            done = step + 1
        self._look(done, looks, levels)
        for run, share in enumerate(self._shares()):
            looks[run].append(self._seen(None, done, share, run))
        return looks

    @torch.no_grad()
    def _shares(self) -> list[float]:
        return ((self.losses() - self.floor) / self.to_learn).tolist()

    def _look(self, step: int, looks: list[list[DepthLook]], levels: list[float]) -> None:
        for run, share in enumerate(self._shares()):
            while len(looks[run]) < len(levels) and share < levels[len(looks[run])]:
                looks[run].append(self._seen(levels[len(looks[run])], step, share, run))

    @torch.no_grad()
    def _seen(self, level: float | None, step: int, share: float, run: int) -> DepthLook:
        contexts, words = self.layers()
        own = ([each[run].detach().clone() for each in stack] for stack in (self.matrices, contexts, words))
        return DepthLook(level, step, share, *own)


# ---- measures -------------------------------------------------------------------------------------------------------


def context_cosine(model: LatentConditionalModel, table: Any) -> float:
    """Mean over concepts of the mean cosine of a concept's steps between contexts, in any layer.

    Parameters
    ----------
    model
        Whose contexts have the rows of the table, all of them.
    table
        Shape (3**m, width).

    Examples
    --------
    >>> model = paper_world(2, 0)[0]
    >>> round(context_cosine(model, context_inputs(2, "parts")), 6)
    1.0
    """
    check_instance("model", model, LatentConditionalModel)
    contexts = model.contexts()
    layer = check_array("table", table, shape=(len(contexts), "width"))
    steps = [embedding_steering_vectors(layer, contexts, concept) for concept in range(model.n_concepts)]
    return float(np.mean([mean_pairwise_cosine(each) for each in steps]))


def directions(predictor: Any) -> float:
    """In how many directions the logits are not small: the exponential of the entropy of their singular values.

    Parameters
    ----------
    predictor
        A `SoftmaxPredictor`; its logits are centred over words.

    Examples
    --------
    >>> round(directions(SoftmaxPredictor(torch.eye(3)[:, :2], torch.eye(2))), 6)
    1.0
    """
    check_instance("predictor", predictor, SoftmaxPredictor)
    z = predictor.logits().double().numpy()
    return float(np.exp(entropy(np.linalg.svd(z - z.mean(axis=1, keepdims=True), compute_uv=False))))


def chain_excess(look: DepthLook) -> float:
    """Sum of squares of a chain over the least that its product could have: 1 for a shortest chain, and more else.

    For perceptrons it is a number without that meaning, since ReLU stands between the matrices.

    Examples
    --------
    >>> looks = train_chain([paper_world(2, 0)[0]], 3, seeds=[0], steps=0, progress=False)
    >>> chain_excess(looks[0][-1]) >= 1
    True
    """
    check_instance("look", look, DepthLook)
    product = look.matrices[0]
    for matrix in look.matrices[1:]:
        product = product @ matrix
    cost = sum(float((matrix**2).sum()) for matrix in look.matrices)
    return cost / chain_cost(product, len(look.matrices))


def shortest_layers(architecture: str | Architecture, look: DepthLook) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What would flow in the shortest chain of the same length with the same distribution: its layers, as in a look.

    Nothing of the start is left in it that does not move the logits. Beside the layers as trained it tells what the
    exponents of a chain do to the lines from what training did not tidy up.

    Parameters
    ----------
    architecture
        Of the look, without ReLU.
    look
        A moment of a training.

    Returns
    -------
    context_layers, word_layers
        The last of each are f and g; they have as many columns as the product has singular values.

    Raises
    ------
    ValueError
        For an architecture with ReLU, or another one than the look's.

    Examples
    --------
    >>> looks = train_chain([paper_world(2, 0)[0]], 3, seeds=[0], steps=5, progress=False)
    >>> contexts, words = shortest_layers("table", looks[0][-1])
    >>> f, g = contexts[-1], words[-1]
    >>> ours, theirs = (f @ g.T).softmax(dim=1), looks[0][-1].predictor.logits().softmax(dim=1)
    >>> bool(torch.allclose(ours, theirs))
    True
    """
    kind = _architecture(architecture)
    check_instance("look", look, DepthLook)
    if kind.relu or kind.n_factors != len(look.matrices):
        raise ValueError(f"architecture must be the linear one of the look, got {architecture!r}")
    product = look.matrices[0]
    for matrix in look.matrices[1:]:
        product = product @ matrix
    product = product - product.mean(dim=1, keepdim=True)
    chain = [torch.as_tensor(matrix) for matrix in shortest_chain(product, kind.n_factors)]
    n_concepts = look.word_layers[-1].shape[0].bit_length() - 1
    return layers(kind, context_inputs(n_concepts, kind.inputs), chain)


def _architecture(value: str | Architecture) -> Architecture:
    if isinstance(value, Architecture):
        return value
    return ARCHITECTURES[check_choice("architecture", value, ARCHITECTURES)]


# ---- the study ------------------------------------------------------------------------------------------------------


def depth_cell(
    architecture: str,
    dim: int,
    method: str = "gradient descent",
    start: str = "usual",
    *,
    n_concepts: int = 3,
    n_seeds: int = 12,
    steps: int | None = None,
) -> list[dict[str, Any]]:
    """Every look at the runs of one architecture: a world, a start and a run for each seed, all at once.

    Parameters
    ----------
    architecture
        A name in `ARCHITECTURES`.
    dim, method, steps
        See `train_chain`.
    start
        A name in `STARTS`.
    n_concepts
        2 to 5.
    n_seeds
        Number of runs.

    Returns
    -------
    list of dict
        A record for each look: seed, level (None: the last step), step, share; the mean cosines of `LinearityReport`;
        ``shortest unembedding`` and ``shortest embedding``, those of the shortest two tables with the same
        distribution; `directions`; ``excess cost``, see `chain_excess`, for linear chains; ``context layer 1`` to
        ``3``, the `context_cosine` behind each of the context's matrices but the last (before ReLU), None where there
        is none; ``gain inside``, that of f(x) less that of the first layer.

    Raises
    ------
    ValueError
        For bad arguments.

    Examples
    --------
    >>> rows = depth_cell("names, 2 layers", 3, "adam", n_seeds=2, steps=50)
    >>> [row["level"] for row in rows if row["seed"] == 0][-1] is None, len(rows) >= 2
    (True, True)
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    m = check_integer("n_concepts", n_concepts, low=2, high=MAX_STUDY_CONCEPTS)
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    scale, word_scale = STARTS[check_choice("start", start, STARTS)]
    worlds = [paper_world(m, seed)[0] for seed in seeds]
    kind = {"architecture": architecture, "method": method, "scale": scale, "word_scale": word_scale, "steps": steps}
    runs = train_chain(worlds, dim, seeds=seeds, progress=False, **kind)
    return [
        {"seed": seed, "level": look.level, "step": look.step, "share": look.share, **_measured(world, look, kind)}
        for seed, world, looks in zip(seeds, worlds, runs, strict=True)
        for look in looks
    ]


N_LAYER_COLUMNS = 3  # layers of contexts before f(x) in the deepest architecture of the study


def _measured(world: LatentConditionalModel, look: DepthLook, kind: dict[str, Any]) -> dict[str, float | None]:
    report = linearity(world, look.predictor).mean
    shortest = linearity(world, smallest_member(look.predictor)).mean
    inside = [context_cosine(world, table) for table in look.context_layers]
    empty: list[float | None] = [None] * N_LAYER_COLUMNS
    layers = [*inside[:-1], *empty][:N_LAYER_COLUMNS]
    return {
        **{name: report[name] for name in MEASURES},
        **{f"shortest {name}": shortest[name] for name in MEASURES[:2]},
        "directions": directions(look.predictor),
        "excess cost": None if ARCHITECTURES[kind["architecture"]].relu else chain_excess(look),
        **{f"context layer {i}": value for i, value in enumerate(layers, start=1)},
        "gain inside": inside[-1] - inside[0] if len(inside) > 1 else None,
    }


def price_cell(architecture: str, n_concepts: int, dim: int, *, n_seeds: int = 4) -> list[dict[str, Any]]:
    """`linrep_core.chains.cheapest_chain` from several starts: what the margins cost, before any training.

    Examples
    --------
    >>> [round(row["mean cosine"], 2) for row in price_cell("parts", 2, 3, n_seeds=1)]
    [1.0]
    """
    kind = ARCHITECTURES[check_choice("architecture", architecture, ARCHITECTURES)]
    starts = range(check_integer("n_seeds", n_seeds, low=1, high=1000))
    found = [cheapest_chain(kind, n_concepts, dim, seed=seed) for seed in starts]
    return [
        {"seed": seed, "cost": each.cost, "shortfall": each.shortfall, "mean cosine": each.mean_cosine}
        for seed, each in zip(starts, found, strict=True)
    ]


@dataclass(frozen=True)
class Outcome:
    """What became of a prediction: mean, 95 % interval (Student's t), the number of runs, and the verdict."""

    mean: float
    low: float
    high: float
    n_runs: int
    verdict: str

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def column(records: Any, measure: str, **kind: Any) -> dict[int, float]:
    """By seed: a measure of the runs of one kind that have it.

    Parameters
    ----------
    records
        Rows of the study's tables.
    measure
        A column.
    kind
        Columns and the values that they must have.

    Examples
    --------
    >>> column([{"seed": 0, "dim": 3, "x": 0.5}, {"seed": 0, "dim": 6, "x": 0.1}], "x", dim=3)
    {0: 0.5}
    """
    rows = check_records("records", records, ("seed", measure, *kind))
    return {r["seed"]: r[measure] for r in rows if kind.items() <= r.items() and r[measure] is not None}


def outcome(prediction: Prediction, records: Any) -> Outcome:
    """Judge a prediction by rows of the study's tables, world by world.

    Parameters
    ----------
    prediction
        One of `PREDICTIONS` or `SECOND_PREDICTIONS`.
    records
        Rows with ``architecture``, ``dim``, ``level``, ``method``, ``start``, ``seed`` and the measure.

    Raises
    ------
    ValueError
        If fewer than two worlds have what is compared.

    Examples
    --------
    >>> said = Prediction("rises", "why", "x", 3, None, "table", 0.0, 1.0)
    >>> kind = {"architecture": "table", "dim": 3, "level": 0.01, "method": "gradient descent", "start": "usual"}
    >>> str(outcome(said, [{**kind, "seed": seed, "x": 0.5 + seed / 10} for seed in (0, 1, 2)]))
    '+0.60 [+0.35, +0.85]'
    """
    check_instance("prediction", prediction, Prediction)
    said = prediction
    kind = {"dim": said.dim, "level": said.level, "method": said.method}
    second = column(records, said.measure, architecture=said.second, start=said.start, **kind)
    first = dict.fromkeys(second, 0.0)
    if said.first is not None:
        start = said.first_start or said.start
        first = column(records, said.measure, architecture=said.first, start=start, **kind)
    both = sorted(first.keys() & second.keys())
    if len(both) < 2:
        raise ValueError(f"records must have at least two worlds for {said.claim!r}, got {len(both)}")
    found = interval([second[seed] - first[seed] for seed in both])
    inside = said.low <= found.low and found.high <= said.high
    outside = found.high < said.low or found.low > said.high
    return Outcome(found.mean, found.low, found.high, found.n, "held" if inside else "refuted" if outside else "open")


# ---- sentences ------------------------------------------------------------------------------------------------------

READERS = {  # how a transformer's contexts are told, and its layers; 0 layers are a bag of words with a norm
    "bag, names": (True, 0),
    "transformer, names": (True, 2),
    "bag, parts": (False, 0),
    "transformer, parts": (False, 2),
}
READER_WIDTH = 12


def reader_cell(reader: str, first_seed: int, n_seeds: int, *, steps: int = 800) -> list[dict[str, Any]]:
    """Transformers of width 12 that read sentences about three concepts: looks at levels, and streams at the end.

    Parameters
    ----------
    reader
        A name in `READERS`.
    first_seed, n_seeds
        Worlds (those of `depth_cell`), starts and batches.
    steps
        See `linrep_core.transformer_training.train_transformer`.

    Returns
    -------
    list of dict
        For each level of `LEVELS` the first recorded step below it, and level None for the last step: seed, level,
        step, share and the mean cosines. In the last also ``stream 0`` to ``3``, the embedding cosine before the first
        block, after each and after the norm, and ``stream alignment 0`` to ``3``.

    Examples
    --------
    >>> (row,) = reader_cell("bag, parts", 0, 1, steps=0)
    >>> row["level"] is None, row["stream 3"] is None
    (True, True)
    """
    named, n_layers = READERS[check_choice("reader", reader, READERS)]
    first = check_integer("first_seed", first_seed, low=0, high=10**6)
    rows = []
    for seed in range(first, first + check_integer("n_seeds", n_seeds, low=1, high=1000)):
        world = SentenceWorld(paper_world(3, seed)[0], named=named)
        settings = {"n_layers": n_layers, "width": READER_WIDTH, "steps": steps, "seed": seed}
        run = train_transformer(world, **settings, progress=False)
        rows += [{"seed": seed, **row} for row in _reader_rows(run)]
    return rows


def _reader_rows(run: TransformerRun) -> list[dict[str, Any]]:
    joint = joint_table(run.world.model)
    to_learn = float(cross_entropy(torch.zeros_like(joint), joint) - least_loss("cross-entropy", joint))
    shares = run.history["excess_loss"] / to_learn
    streams = layer_reports(run)
    cosines = [report.mean for report in streams]
    rows = []
    for level in (*LEVELS, None):
        below = np.flatnonzero(shares < level) if level is not None else [len(shares) - 1]
        if len(below) == 0:
            continue
        at, last = below[0], level is None
        row = {"level": level, "step": int(run.history["step"][at]), "share": float(shares[at])}
        row |= {name: float(run.history[name][at]) for name in MEASURES}
        for i in range(N_STREAMS):
            there = last and i < len(cosines)
            row[f"stream {i}"] = cosines[i]["embedding"] if there else None
            row[f"stream alignment {i}"] = cosines[i]["alignment"] if there else None
        rows.append(row)
    return rows


N_STREAMS = 4  # of two blocks
