"""Is a concept a straight line? Steering vectors and the cosines within, across and between concepts.

Book: part "The model", chapters "What is a linear representation?" and "Predicting the next token".
Source: arXiv 2403.03867, Definition 2 and section 5.1 (Table 1, Figure 7).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import as_array, check_array, check_integer
from linrep_core.language import UNKNOWN, LatentConditionalModel, check_binary, check_distinct_contexts
from linrep_core.predictor import SoftmaxPredictor, check_predictor

Array = NDArray[np.float64]
MEASURES = ("unembedding", "embedding", "alignment", "between")
SAFE = (1e-100, 1e100)  # sizes of a vector's largest entry at which squares neither over- nor underflow
MAX_TOLD = 39  # concepts of a context: its ternary number must fit into 63 bits


def unembedding_steering_vectors(unembeddings: Any, concept: int) -> Array:
    """g(y with concept := 1) - g(y with concept := 0) for every assignment of the other concepts.

    Parameters
    ----------
    unembeddings
        Shape (2**m, dim).
    concept
        0 to m - 1.

    Returns
    -------
    array of shape (2**(m - 1), dim)

    Examples
    --------
    >>> unembedding_steering_vectors([[0.0], [1.0], [5.0], [7.0]], concept=1).tolist()
    [[1.0], [2.0]]
    """
    table = check_array("unembeddings", unembeddings, shape=("2**m", "dim"))
    m = len(table).bit_length() - 1
    if m < 1 or len(table) != 2**m:
        raise ValueError(f"unembeddings must have shape (2**m, dim) with m at least 1, got {table.shape}")
    concept = check_integer("concept", concept, low=0, high=m - 1)
    split = table.reshape(2**concept, 2, 2 ** (m - 1 - concept), table.shape[1])
    return (split[:, 1] - split[:, 0]).reshape(-1, table.shape[1])


def embedding_steering_vectors(embeddings: Any, contexts: Any, concept: int) -> Array:
    """f(x with concept := 1) - f(x with concept := 0) for every pair of contexts that are both there.

    Parameters
    ----------
    embeddings
        Shape (n_contexts, dim).
    contexts
        Shape (n_contexts, m), entries 0, 1, -1, no context twice; row r belongs to row r of `embeddings`.
    concept
        0 to m - 1; it is known in both contexts of a pair, the other entries agree.

    Returns
    -------
    array of shape (n_pairs, dim); n_pairs = 3**(m - 1) when all contexts are there, 0 when no pair is.
    """
    table = check_array("embeddings", embeddings, shape=("n_contexts", "dim"))
    array = check_distinct_contexts(contexts, None)
    if len(array) != len(table):
        raise ValueError(f"contexts must have one row for each of the {len(table)} embeddings, got {len(array)}")
    if array.shape[1] > MAX_TOLD:
        raise ValueError(f"contexts must tell of at most {MAX_TOLD} concepts, got {array.shape[1]}")
    concept = check_integer("concept", concept, low=0, high=array.shape[1] - 1)
    lower, upper = _counterfactual_pairs(array, concept)
    return table[upper] - table[lower]


def _counterfactual_pairs(contexts: NDArray[np.int8], concept: int) -> tuple[NDArray, NDArray]:
    """Rows of the contexts with concept = 0 and of their partners with concept = 1."""
    digits = np.where(contexts == UNKNOWN, 2, contexts).astype(np.int64)
    place = 3 ** np.arange(contexts.shape[1])[::-1]
    number = digits @ place
    zeros = np.flatnonzero(contexts[:, concept] == 0)
    order = np.argsort(number, kind="stable")
    position = np.searchsorted(number, number[zeros] + place[concept], sorter=order)
    partner = order[np.minimum(position, len(number) - 1)]
    found = number[partner] == number[zeros] + place[concept]
    return zeros[found], partner[found]


def mean_pairwise_cosine(vectors: Any) -> float:
    """Mean cosine over all pairs of different vectors (self-pairs excluded).

    A zero vector has no direction and counts as cosine 0 with everything. A single vector is parallel to itself: 1.
    No vector at all: nan.

    Examples
    --------
    >>> mean_pairwise_cosine([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    0.3333333333333333
    """
    cosines, _ = _cosines_and_means([_normalize(check_array("vectors", vectors, shape=("n", "dim")))])
    return float(cosines[0])


def mean_cosine_between(first: Any, second: Any) -> float:
    """Mean cosine over all pairs (one vector from each set); nan if a set is empty.

    Examples
    --------
    >>> mean_cosine_between([[1.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]])
    0.5
    """
    first = _normalize(check_array("first", first, shape=("n", "dim")))
    second = _normalize(check_array("second", second, shape=("n", first.shape[1])))
    _, means = _cosines_and_means([first, second])
    return float(means[0] @ means[1])


@dataclass(frozen=True)
class LinearityReport:
    """How straight each concept is: the three numbers of Table 1 of arXiv 2403.03867, concept by concept.

    All averages are plain means over pairs of steering vectors: first within a concept, then (`mean`) over concepts.

    Attributes
    ----------
    unembedding : array of shape (m,)
        Mean cosine over pairs of different unembedding steering vectors of the concept. 1 = linearly represented
        (Definition 2: same direction and same sense).
    embedding : array of shape (m,)
        The same for embedding steering vectors; nan where the contexts hold no counterfactual pair.
    alignment : array of shape (m,)
        Mean cosine over all pairs of one unembedding and one embedding steering vector of the concept (the table's
        third column). 1 = matched.
    between : array of shape (m,)
        Mean over the other concepts of the absolute value in `heat_map`: 0 = orthogonal to the others on average.
        nan for a single concept.
    heat_map : array of shape (m, m)
        Mean cosine between the unembedding steering vectors of two concepts; the diagonal is `unembedding`.
    """

    unembedding: Array
    embedding: Array
    alignment: Array
    between: Array
    heat_map: Array

    def __post_init__(self) -> None:
        m = as_array("unembedding", self.unembedding).size
        for name, shape in (*((name, (m,)) for name in MEASURES), ("heat_map", (m, m))):
            array = as_array(name, getattr(self, name))
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape} beside {m} values of unembedding, got {array.shape}")
            object.__setattr__(self, name, array)

    @property
    def mean(self) -> dict[str, float]:
        """Each measure averaged over the concepts that have it (nan where none has)."""
        return {name: _nanmean(getattr(self, name)) for name in MEASURES}

    def __str__(self) -> str:
        lines = ["concept  unembedding  embedding  alignment  between"]
        rows = [(str(i), *values) for i, values in enumerate(self._rows())]
        for name, *values in [*rows, ("mean", *self.mean.values())]:
            lines.append(f"{name:>7}  {values[0]:11.3f}  {values[1]:9.3f}  {values[2]:9.3f}  {values[3]:7.3f}")
        return "\n".join(lines)

    def _rows(self) -> list[tuple[float, ...]]:
        return list(zip(self.unembedding, self.embedding, self.alignment, self.between, strict=True))


def linearity(model: LatentConditionalModel, predictor: SoftmaxPredictor) -> LinearityReport:
    """Measure how linear, aligned and mutually orthogonal the concepts of a predictor are.

    Raises
    ------
    ValueError
        If the predictor's tables do not have the model's numbers of tokens and contexts, or are not finite; or if a
        concept has other than two values, or contexts tell other than 0 or 1 of it.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> tokens, contexts = model.tokens(), np.where(model.contexts() == -1, 0.5, model.contexts())
    >>> cube = SoftmaxPredictor(contexts - 0.5, tokens.astype(float))
    >>> linearity(model, cube).mean["unembedding"]
    1.0
    """
    check_predictor(model, predictor)
    check_binary(model, "linearity")
    unembeddings = check_array("unembeddings", predictor.unembeddings, shape=("n_tokens", "dim"))
    embeddings = check_array("embeddings", predictor.embeddings, shape=("n_contexts", "dim"))
    contexts = model.contexts() if predictor.contexts is None else predictor.contexts
    m = model.n_concepts

    # of two tokens that are a pair both must occur; tokens told in full are contexts, so the same pairing finds them
    occurs = model.token_occurs
    unembedding, token_means = _within_concepts(unembeddings[occurs], model.tokens()[occurs])
    embedding, context_means = _within_concepts(embeddings, contexts)
    heat_map = token_means @ token_means.T
    np.fill_diagonal(heat_map, unembedding)
    off_diagonal = np.abs(heat_map).sum(axis=1) - np.abs(unembedding)
    return LinearityReport(
        unembedding=unembedding,
        embedding=embedding,
        alignment=(token_means * context_means).sum(axis=1),
        between=off_diagonal / (m - 1) if m > 1 else np.full(1, np.nan),
        heat_map=heat_map,
    )


def _within_concepts(table: Array, contexts: NDArray[np.int8]) -> tuple[Array, Array]:
    """Mean cosine within each concept's steering vectors, shape (m,), and their mean directions, shape (m, dim)."""
    contexts = np.ascontiguousarray(contexts, dtype=np.int8)
    lower, upper, ends = _all_pairs(contexts.tobytes(), contexts.shape[1])
    unit = _normalize(table[upper] - table[lower])  # of all concepts at once: the calls cost more than the sums
    return _cosines_and_means(np.split(unit, ends))


@functools.lru_cache(maxsize=32)  # a training measures the same contexts again and again
def _all_pairs(contexts: bytes, n_concepts: int) -> tuple[NDArray, NDArray, NDArray]:
    """The counterfactual pairs of concept 0, then those of concept 1, ...; and where each concept but the last ends."""
    array = np.frombuffer(contexts, dtype=np.int8).reshape(-1, n_concepts)
    pairs = [_counterfactual_pairs(array, concept) for concept in range(n_concepts)]
    lower, upper = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return lower, upper, np.cumsum([len(zeros) for zeros, _ in pairs])[:-1]


def _cosines_and_means(groups: Sequence[Array]) -> tuple[Array, Array]:
    """Mean cosine over pairs of different rows of each group, and the mean row; all rows have length 1 or 0."""
    counts = np.array([len(unit) for unit in groups])
    totals = np.stack([unit.sum(axis=0) for unit in groups])
    squares = np.array([np.vdot(unit, unit) for unit in groups])
    pairs = np.where(counts > 1, counts * (counts - 1), np.nan)
    cosines = ((totals * totals).sum(axis=1) - squares) / pairs
    cosines[counts == 1] = 1.0
    return cosines, totals / np.where(counts > 0, counts, np.nan)[:, None]


def _mean_cosines_of_sets(sets: Sequence[Array]) -> Array:
    """`mean_pairwise_cosine` of each set of vectors on the diagonal, `mean_cosine_between` each two beside it."""
    cosines, means = _cosines_and_means([_normalize(vectors) for vectors in sets])
    table = np.array([[row @ column for column in means] for row in means])
    np.fill_diagonal(table, cosines)
    return table


def _normalize(vectors: Array) -> Array:
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    if ((largest > 0) & ((largest < SAFE[0]) | (largest > SAFE[1]))).any():
        vectors = np.ldexp(vectors, -np.frexp(largest)[1])  # by a power of two, exactly: no square over- or underflows
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1.0)


def _nanmean(values: Array) -> float:
    return float(values[~np.isnan(values)].mean()) if (~np.isnan(values)).any() else float("nan")
