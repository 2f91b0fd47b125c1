"""Depth: lookup tables, deep linear maps, perceptrons and transformers that give f(x), and what a chain of matrices costs.

Book: part "Beyond the assumptions", chapter "Depth and attention". Source: this book; arXiv 2403.03867 has lookup tables
only, and leaves other architectures open.

A predictor is a chain of matrices: from a context's input to f(x), then from g(y) to a word's input. The logits are a
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
    check_seeds,
    check_sequence,
)
from linrep_core._stepping import few_threads
from linrep_core.geometry import MEASURES, embedding_steering_vectors, linearity, mean_pairwise_cosine
from linrep_core.language import LatentConditionalModel
from linrep_core.objectives import LEVELS, LOOKS_PER_STEP, cross_entropy, joint_table, least_loss
from linrep_core.predictor import SoftmaxPredictor
from linrep_core.reproduction import paper_world
from linrep_core.theorems.bottleneck import MARGIN
from linrep_core.theorems.unlimited_dimension import SWITCHED_OFF, singular_maps
from linrep_core.transformer_study import study_world
from linrep_core.violations import Change

Array = NDArray[np.float64]
INPUTS = ("names", "parts")
HIDDEN = 24  # width of every hidden layer of the study: room is scarce at f(x) only
MAX_LAYERS = 10
STARTS = {"small": 0.1, "usual": 1.0, "large": 5.0}  # entries of f and g, beside those of a lookup table's small start
MAX_STUDY_CONCEPTS = 5


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


# ---- predictions ----------------------------------------------------------------------------------------------------


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
    method, start, n_concepts
        Of both cells; `first_start` and `first_dim` where the first has another one.
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
