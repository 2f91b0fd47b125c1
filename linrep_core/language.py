"""The latent conditional model: contexts tell some concepts, tokens spell out all of them, p(y | x) is exact.

Book: part "The model", chapters "A world of concepts" and "Predicting the next token".
Source: arXiv 2403.03867, section 2.1 (the model) and section 5.1 (how the simulations sample it).

A context is a vector in {0, 1, unknown}^m with unknown written as -1; a token is a vector in {0, 1}^m. Every sum over
tokens that agree with a context is a *subset sum*: along each concept's axis the two entries (0, 1) become three
(0, 1, unknown = 0 + 1). All 3^m of them cost about 3^m additions; the 3^m by 2^m table is never needed.

Concepts may have more than two values, and contexts need not tell a value for certain: a context that speaks of a
concept tells one of its `tellings`, with a probability that depends on the value (part "Beyond the assumptions",
chapter "Concepts that are not binary"). Along a concept's axis the entries then become those tellings and unknown, by
one small matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy

from linrep_core._checks import (
    as_array,
    check_array,
    check_choice,
    check_distinct_words,
    check_instance,
    check_integer,
    check_number,
    check_sequence,
    shown,
)
from linrep_core._digits import draw_digits, place_values
from linrep_core.concepts import (
    MAX_CONCEPTS,
    MAX_SAMPLES,
    MAX_VALUES,
    ROUNDING,
    ConceptGraph,
    concept_vectors,
)

UNKNOWN = -1
CONTEXT_WEIGHTS = ("masked", "uniform")
MAX_CONTEXTS = 3**MAX_CONCEPTS  # also where concepts have more values or tellings
MAX_PAIRS = 2**24  # (context, token) pairs of which a sampler keeps the cumulative probabilities
MAX_TABLE_ENTRIES = 2**27  # 1 GiB of float64: all contexts up to m = 10 fit, m = 11 does not

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Values = TypeVar("Values", NDArray[np.float64], torch.Tensor)


def subset_sums(values: Values, n_concepts: int) -> Values:
    """Sum a quantity over the tokens that agree with each of the 3^m contexts.

    Parameters
    ----------
    values
        Array or tensor of shape (2**m, ...): one entry a token, concept 0 the highest bit. A nan goes through to
        the sums it belongs to.
    n_concepts
        Number of concepts *m*, 1 to 12.

    Returns
    -------
    array or tensor of shape (3**m, ...)
        Row = the context read as a ternary number with digits 0, 1, 2 = unknown, concept 0 the highest digit.

    Raises
    ------
    ValueError
        For anything else than an array or tensor with 2**m rows.

    Examples
    --------
    >>> subset_sums(np.array([1.0, 10.0]), 1).tolist()
    [1.0, 10.0, 11.0]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CONCEPTS)
    _check_rows(values, 2**m)
    concatenate: Any = torch.cat if isinstance(values, torch.Tensor) else np.concatenate
    shape = tuple(values.shape[1:])
    for concept in range(m):  # 3**concept contexts of the earlier concepts are already there
        split = values.reshape((3**concept, 2, math.prod(shape) * 2 ** (m - 1 - concept)))
        values = concatenate([split, split[:, :1] + split[:, 1:]], 1)
    return values.reshape((3**m, *shape))


def _check_rows(values: Any, n_rows: int) -> None:
    if not isinstance(values, np.ndarray | torch.Tensor) or values.ndim == 0 or len(values) != n_rows:
        raise ValueError(f"values must be an array or tensor with {n_rows} rows, got {_kind(values)}")


def _telling_sums(values: Values, matrices: Sequence[NDArray[np.float64]]) -> Values:
    """`subset_sums` for any tellings: along each concept's axis the entries are multiplied by that concept's matrix.

    The matrices have shape (n_tellings + 1, n_values): the probability of each telling by value, then ones for unknown.
    """
    shape, before = tuple(values.shape[1:]), 1
    for matrix in matrices:
        table: Any = torch.as_tensor(matrix).to(values) if isinstance(values, torch.Tensor) else matrix
        values = table @ values.reshape(
            (before, matrix.shape[1], math.prod(values.shape) // (before * matrix.shape[1]))
        )
        before *= len(matrix)
    return values.reshape((before, *shape))


def _kind(value: Any) -> str:
    """What a value is, for error messages about arrays."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"{type(value).__name__} of {value.dtype} and shape {tuple(value.shape)}"
    return f"{type(value).__name__} {shown(value)}"


class LatentConditionalModel:
    """Contexts, tokens and the exact next-token distribution p(y | x) = p(C = y | C_D = x_D).

    Parameters
    ----------
    graph
        The world of concepts, at most 12 of them.
    tellings
        What a context that speaks of a concept tells, and how surely: one table a concept, of shape (n_tellings,
        n_values), with entry [t, v] the probability of telling t when the value is v; columns sum to 1. None, for one
        concept or for all: it tells the value for certain, as in the paper. Given the concepts, contexts tell of each
        by itself: p(y | x) is proportional to p(y) prod_{i told} tellings[i][x_i, y_i].
    context_weights
        How often each context is seen in training. ``"masked"`` is the paper's sampling: draw c from the joint, then
        hide each entry with probability `mask_probability`, so a context weighs
        q^(number unknown) (1 - q)^(number known) p(c_D = x_D). With tellings, they are drawn given c, and the last
        factor is the probability of what x tells. ``"uniform"`` weighs every context the same.
    mask_probability
        q above, strictly between 0 and 1. The paper masks with fair coins (1/2).
    possible_tokens
        Shape (n, m): the concept vectors that occur, none twice, at least two; the others get probability 0 and the
        joint is renormalised (the paper's rejection sampling, Table 4). None: all 2^m occur. The tokens that do not
        occur keep their numbers and their unembeddings.

    Attributes
    ----------
    n_concepts, n_tokens, n_contexts : int
        m, 2**m and 3**m; in general m, the product of `n_values` and that of `n_tellings` + 1.
    n_values, n_tellings : tuple of int
        How many values each concept has, and how many things a context can tell of it: by default 2 and 2. The shapes
        below are those of binary concepts told for certain; an entry of a context is a telling, from 0 on, or unknown.
    tellings : tuple of arrays
        The tables, those that were None as well.
    token_occurs : array of shape (2**m,), bool
        Whether each token has positive probability.

    Examples
    --------
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> model.next_token_distribution([[1, -1]]).shape, model.n_contexts
    ((1, 4), 9)
    >>> often_right = [[0.9, 0.2], [0.1, 0.8]]
    >>> overheard = LatentConditionalModel(ConceptGraph.random(1, parameter_range=(0.5, 0.5)), tellings=[often_right])
    >>> overheard.next_token_distribution([[1]]).round(3).tolist()
    [[0.111, 0.889]]
    """

    def __init__(
        self,
        graph: ConceptGraph,
        *,
        tellings: Any = None,
        context_weights: str = "masked",
        mask_probability: float = 0.5,
        possible_tokens: Any = None,
    ) -> None:
        check_instance("graph", graph, ConceptGraph)
        if graph.n_concepts > MAX_CONCEPTS:
            raise ValueError(f"graph must have at most {MAX_CONCEPTS} concepts, got {graph.n_concepts}")
        self.graph = graph
        self.context_weights = check_choice("context_weights", context_weights, CONTEXT_WEIGHTS)
        self.mask_probability = check_number(
            "mask_probability", mask_probability, low=0.0, high=1.0, open_interval=True
        )
        self.n_concepts, self.n_values = graph.n_concepts, graph.n_values
        self._joint = graph.joint()  # (2**m,)
        self.tellings = _check_tellings(tellings, self.n_values)
        self.n_tellings = tuple(len(table) for table in self.tellings)
        self.n_tokens = len(self._joint)
        self.n_contexts = math.prod(n + 1 for n in self.n_tellings)
        if self.n_contexts > MAX_CONTEXTS:
            raise ValueError(f"tellings must make at most {MAX_CONTEXTS} contexts, got {self.n_contexts}")
        # what a context tells by value; the last row, which is also that of -1, is unknown
        self._chances = [np.vstack([table, np.ones((1, table.shape[1]))]) for table in self.tellings]
        self._told_for_certain = [np.array_equal(table, np.eye(len(table))) for table in self.tellings]
        self._as_in_the_paper = self.is_binary and self.tells_for_certain
        self.token_occurs = np.ones(self.n_tokens, dtype=bool)
        if possible_tokens is not None:
            self.token_occurs = _check_tokens(possible_tokens, self.n_values)
            self._joint = np.where(self.token_occurs, self._joint, 0.0)
            self._joint /= self._joint.sum()
        self._context_probability = self.sums_over_tokens(self._joint)  # (3**m,): p(C_D = x_D)
        self._negative_entropy_terms: NDArray[np.float64] | None = None

    # ---- contexts and tokens ------------------------------------------------------------------------------------

    def contexts(self) -> NDArray[np.int8]:
        """All contexts, in the order that every function of this class assumes when it is given none.

        Returns
        -------
        array of shape (3**m, m), int8
            Entries 0, 1 and -1 (unknown). Row = ternary number with digits 0, 1, 2 = unknown, concept 0 highest.
        """
        sizes = [n + 1 for n in self.n_tellings]
        digits = np.indices(sizes, dtype=np.int8).reshape(self.n_concepts, -1).T.copy()
        digits[digits == np.array(self.n_tellings)] = UNKNOWN
        return digits

    def tokens(self) -> NDArray[np.int8]:
        """All tokens as concept vectors, shape (2**m, m): row y holds the binary digits of y, concept 0 highest."""
        return concept_vectors(self.n_concepts, self.n_values)

    @property
    def tells_for_certain(self) -> bool:
        """Whether contexts tell the values themselves, and never a wrong one."""
        return all(self._told_for_certain)

    @property
    def is_binary(self) -> bool:
        """Whether every concept has two values, of which contexts tell 0 or 1 (surely or not)."""
        return set(self.n_values) == set(self.n_tellings) == {2}

    def possible_contexts(self) -> NDArray[np.int8]:
        """The contexts that some possible token agrees with, in the order of `contexts()`: all of them by default."""
        return self.contexts()[self._context_probability > 0]

    def context_index(self, contexts: Any) -> NDArray[np.int64]:
        """The row of each context in `contexts()`.

        Parameters
        ----------
        contexts
            Shape (n, m) with n at least 1, entries 0, 1 and -1 (unknown).

        Raises
        ------
        ValueError
            For an empty set, a wrong shape, or other entries.
        """
        array = check_contexts(contexts, self.n_concepts, n_tellings=self.n_tellings)
        digits = np.where(array == UNKNOWN, self.n_tellings, array).astype(np.int64)
        return digits @ self._context_places()

    def _context_places(self) -> NDArray[np.int64]:
        return place_values([n + 1 for n in self.n_tellings])

    def _rows(self, contexts: Any) -> NDArray[np.int64] | None:
        """The rows of the contexts given, each of positive probability; None stands for all, in order."""
        rows = None if contexts is None else self.context_index(contexts)
        impossible = self._context_probability[slice(None) if rows is None else rows] == 0
        if impossible.any():
            example = (self.contexts() if rows is None else np.asarray(contexts))[impossible][0].tolist()
            raise ValueError(f"contexts must each agree with a possible token (see possible_contexts), got {example}")
        return rows

    def weights(self, contexts: Any = None) -> NDArray[np.float64]:
        """How often each context is seen, as probabilities: shape (n_contexts,), summing to 1 over those given."""
        rows = self._rows(contexts)
        if self.context_weights == "uniform":
            n = self.n_contexts if rows is None else len(rows)
            return np.full(n, 1.0 / n)
        given = slice(None) if rows is None else rows
        log_weight = np.log(self._context_probability[given]) + self._log_mask_weights()[given]
        weight = np.exp(log_weight - log_weight.max())  # a subset of contexts that are rare, however rare, sums to 1
        return weight / weight.sum()

    def context_probabilities(self, contexts: Any = None) -> NDArray[np.float64]:
        """p(C_D = x_D): how probable it is that what each context tells is true, shape (n_contexts,)."""
        rows = self._rows(contexts)
        return self._context_probability.copy() if rows is None else self._context_probability[rows]

    def _log_mask_weights(self) -> NDArray[np.float64]:
        hidden, shown = np.log(self.mask_probability), np.log1p(-self.mask_probability)
        weight = np.zeros(1)
        for n_tellings in self.n_tellings:
            weight = np.add.outer(weight, [*[shown] * n_tellings, hidden]).reshape(-1)
        return weight

    def sums_over_tokens(self, values: Values) -> Values:
        """sum_y p(x tells what it does | y) values(y) for each context: `subset_sums` where it tells for certain.

        Parameters
        ----------
        values
            Array or tensor of shape (2**m, ...).

        Returns
        -------
        array or tensor of shape (3**m, ...)
        """
        if self._as_in_the_paper:
            return subset_sums(values, self.n_concepts)
        _check_rows(values, self.n_tokens)
        return _telling_sums(values, self._chances)

    # ---- the exact distribution ---------------------------------------------------------------------------------

    def next_token_distribution(self, contexts: Any = None) -> NDArray[np.float64]:
        """p(y | x), exactly: the joint restricted to the tokens that agree with the context, renormalised.

        Returns
        -------
        array of shape (n_contexts, 2**m), float64
            Rows sum to 1; column y is the token with binary number y, concept 0 the highest bit.

        Raises
        ------
        ValueError
            If the table would take more than 1 GiB; `expected_unembedding` does without it.
        """
        array = self._checked(contexts)
        self._rows(contexts)
        entries = len(array) * self.n_tokens
        if entries > MAX_TABLE_ENTRIES:
            raise ValueError(
                f"contexts must be few enough for a table of at most {MAX_TABLE_ENTRIES} entries, got {len(array)} "
                f"contexts by {self.n_tokens} tokens; pass a subset, or use expected_unembedding"
            )
        table = np.broadcast_to(self._joint, (len(array), self.n_tokens)).copy()
        for concept, chances in enumerate(self._chances):
            before = math.prod(self.n_values[:concept])
            by_value = table.reshape(len(array), before, self.n_values[concept], -1)  # a view
            by_value *= chances[array[:, concept]][:, None, :, None]
        return table / table.sum(axis=1, keepdims=True)

    def _checked(self, contexts: Any) -> NDArray[np.int8]:
        """The contexts given, checked; all of them if none are."""
        if contexts is None:
            return self.contexts()
        return check_contexts(contexts, self.n_concepts, n_tellings=self.n_tellings)

    def expected_unembedding(self, unembeddings: Values, contexts: Any = None) -> Values:
        """sum_y p(y | x) g(y) for each context, exactly and without the table (cost 3^m d).

        This is the only thing that cross-entropy needs to know about the data: the loss of a predictor at x is
        log sum_y exp(f(x).g(y)) - f(x).(sum_y p(y | x) g(y)).

        Parameters
        ----------
        unembeddings
            Floating-point array or tensor of shape (2**m, d). A nan goes through to the contexts it belongs to, so
            that training can see its own divergence.

        Returns
        -------
        array or tensor of shape (n_contexts, d), of the same kind

        Raises
        ------
        ValueError
            For anything else than a table with 2**m rows, or bad contexts.
        """
        unembeddings = _check_token_table("unembeddings", unembeddings, self.n_tokens)
        joint: Any = self._joint[:, None]
        probability: Any = self._context_probability[:, None]
        rows: Any = self._rows(contexts)
        if isinstance(unembeddings, torch.Tensor):
            joint = torch.as_tensor(joint).to(unembeddings)
            probability = torch.as_tensor(probability).to(unembeddings)
            rows = None if rows is None else torch.as_tensor(rows, device=unembeddings.device)
        total = self.sums_over_tokens(joint * unembeddings)
        return total / probability if rows is None else total[rows] / probability[rows]

    def entropies(self, contexts: Any = None) -> NDArray[np.float64]:
        """The entropy of p(y | x) for each context, in nats: shape (n_contexts,)."""
        if self._negative_entropy_terms is None:
            log_joint = np.log(self._joint, out=np.zeros(self.n_tokens), where=self.token_occurs)
            self._negative_entropy_terms = self.sums_over_tokens(self._joint * log_joint) + self._doubt()
        rows = self._rows(contexts)
        given = slice(None) if rows is None else rows
        probability, terms = self._context_probability[given], self._negative_entropy_terms[given]
        return np.maximum(np.log(probability) - terms / probability, 0.0)

    def _doubt(self) -> NDArray[np.float64] | float:
        """sum_y p(y) p(x | y) ln p(x | y), with x for what the context tells: 0 where contexts tell for certain."""
        total: Any = 0.0
        for concept, chances in enumerate(self._chances):
            if not self._told_for_certain[concept]:
                weighed = [*self._chances]
                weighed[concept] = xlogy(chances, chances)
                total = total + _telling_sums(self._joint, weighed)
        return total

    def entropy_floor(self, contexts: Any = None) -> float:
        """The smallest mean cross-entropy that any predictor can reach on these contexts, in nats.

        The mean is weighted by `weights(contexts)`. Since every context with a concept told for certain forbids tokens,
        the floor is approached but not reached by finite embeddings.
        """
        return float(self.weights(contexts) @ self.entropies(contexts))

    # ---- sampled corpora ----------------------------------------------------------------------------------------

    def sample(
        self, n_samples: int, contexts: Any = None, *, seed: int | np.random.Generator = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A corpus of (context, token) pairs: context drawn by its weight, token from p(y | x).

        Returns
        -------
        contexts, tokens : arrays of shape (n_samples,), int64
            Rows of `contexts()` (or of the contexts given) and token numbers.
        """
        n = check_integer("n_samples", n_samples, low=0, high=MAX_SAMPLES)
        rng = (
            seed if isinstance(seed, np.random.Generator) else np.random.default_rng(check_integer("seed", seed, low=0))
        )
        return self.sampler(contexts)(n, rng)

    def sampler(self, contexts: Any = None) -> Callable[[int, np.random.Generator], Pairs]:
        """A function (n_samples, generator) -> (contexts, tokens) for drawing from the same contexts again and again.

        Raises
        ------
        ValueError
            If the contexts agree with more than 2**24 tokens in all (all contexts with uniform weights: m = 12).
        """
        self._rows(contexts)
        if contexts is None and self.context_weights == "masked":
            return self._sample_masked
        array = self._checked(contexts)
        if self._as_in_the_paper:
            rows, tokens = self._agreeing_pairs(array)
            chance = self.weights(array)[rows] * self._joint[tokens]
            cumulative = np.cumsum(chance / self._context_probability[self.context_index(array)][rows])
        else:
            pairs = self.weights(array)[:, None] * self.next_token_distribution(array)
            rows, tokens = np.nonzero(pairs)
            cumulative = np.cumsum(pairs[rows, tokens])

        def draw(n: int, rng: np.random.Generator) -> Pairs:
            pair = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
            return rows[pair], tokens[pair]

        return draw

    def _agreeing_pairs(self, array: NDArray[np.int8]) -> Pairs:
        """Every (row, token) whose token occurs and agrees with the context of that row."""
        n_pairs = int((2 ** (array == UNKNOWN).sum(axis=1)).sum())
        if n_pairs > MAX_PAIRS:
            raise ValueError(f"contexts must agree with at most {MAX_PAIRS} tokens in all, got {n_pairs}")
        place = 2 ** np.arange(self.n_concepts)[::-1]
        told = np.where(array == UNKNOWN, 0, array) @ place
        patterns, pattern = np.unique(array == UNKNOWN, axis=0, return_inverse=True)
        parts = []
        for number, hidden in enumerate(patterns):
            rows = np.flatnonzero(pattern == number)
            open_bits = concept_vectors(int(hidden.sum())) @ place[hidden] if hidden.any() else np.zeros(1, dtype=int)
            parts.append((np.repeat(rows, len(open_bits)), np.add.outer(told[rows], open_bits).reshape(-1)))
        rows, tokens = (np.concatenate(column) for column in zip(*parts, strict=True))
        occurs = self.token_occurs[tokens]
        return rows[occurs], tokens[occurs]

    def _sample_masked(self, n: int, rng: np.random.Generator) -> Pairs:
        tokens = rng.choice(self.n_tokens, size=n, p=self._joint)
        digits = self.tokens()[tokens].astype(np.int64)
        for concept, table in enumerate(self.tellings):
            if not self._told_for_certain[concept]:
                digits[:, concept] = draw_digits(rng.random(n), table.T[digits[:, concept]])
        hidden = rng.random(digits.shape) < self.mask_probability
        return np.where(hidden, self.n_tellings, digits) @ self._context_places(), tokens

    def __repr__(self) -> str:
        values = "" if self.graph.is_binary else f" with {', '.join(map(str, self.n_values))} values"
        return (
            f"LatentConditionalModel({self.n_concepts} concepts{values}, {self.n_contexts} contexts, "
            f"{self.n_tokens} tokens, context_weights={self.context_weights!r})"
        )


def _check_tellings(tellings: Any, n_values: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
    """One table a concept, those left out being certain."""
    given = [None] * len(n_values) if tellings is None else check_sequence("tellings", tellings, length=len(n_values))
    return tuple(_check_telling(f"tellings[{i}]", given[i], k) for i, k in enumerate(n_values))


def _check_telling(name: str, table: Any, n_values: int) -> NDArray[np.float64]:
    if table is None:
        return np.eye(n_values)
    array = check_array(name, table, shape=("n_tellings", n_values))
    check_integer(f"the number of rows of {name}", len(array), low=1, high=MAX_VALUES)
    if (array < 0).any() or (abs(array.sum(axis=0) - 1) > ROUNDING).any():
        raise ValueError(f"{name} must have columns of probabilities that sum to 1, got {shown(array.tolist())}")
    if not array.any(axis=1).all():
        raise ValueError(f"{name} must have no row of zeros, which is never told, got {shown(array.tolist())}")
    return array


def check_binary(model: LatentConditionalModel, what: str) -> None:
    """Raise a ValueError unless every concept has two values, of which contexts tell 0 or 1, surely or not."""
    check_instance("model", model, LatentConditionalModel)
    if not model.is_binary:
        raise ValueError(
            f"model must have two values and two tellings a concept for {what} (for others there is "
            f"linrep_core.many_values.value_shapes), got {model.n_values} values and {model.n_tellings} tellings"
        )


def check_certain(model: LatentConditionalModel, what: str) -> None:
    """The same, where contexts must tell for certain too: the paper's own model."""
    check_binary(model, what)
    if not model.tells_for_certain:
        raise ValueError(f"model must tell for certain (tellings=None) for {what}, got other tellings")


def _check_tokens(tokens: Any, n_values: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of the 2**m tokens are among the concept vectors given."""
    array = check_contexts(tokens, len(n_values), name="possible_tokens", n_tellings=n_values)
    if (array == UNKNOWN).any():
        raise ValueError(f"possible_tokens must have entries {_entries(n_values, ' or ')}, got {UNKNOWN}")
    occurs = np.zeros(math.prod(n_values), dtype=bool)
    occurs[array @ place_values(n_values)] = True
    if len(array) < 2 or occurs.sum() < len(array):
        raise ValueError(f"possible_tokens must be at least 2 different concept vectors, got {shown(array.tolist())}")
    return occurs


def check_contexts(
    contexts: Any, n_concepts: int | None, *, name: str = "contexts", n_tellings: tuple[int, ...] | int = 2
) -> NDArray[np.int8]:
    """Return contexts as an (n, m) int8 array, or raise a ValueError that says what is wrong with them."""
    array, sizes = as_array(name, contexts), _check_n_tellings(n_tellings)
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one context, got an empty set")
    if array.ndim != 2 or n_concepts not in (None, array.shape[1]):
        raise ValueError(f"{name} must have shape (n, {n_concepts or 'm'}), got {array.shape}")
    if len(sizes) not in (1, array.shape[1]):
        raise ValueError(
            f"n_tellings must be one number, or one for each of the {array.shape[1]} concepts, got {n_tellings}"
        )
    whole = (array >= 0) & (array < np.array(sizes)) & (array == np.floor(array))
    wrong = ~whole & (array != UNKNOWN)
    if wrong.any():
        raise ValueError(
            f"{name} must have entries {_entries(sizes, ', ')} or {UNKNOWN} (unknown), got {array[wrong][0]}"
        )
    return array.astype(np.int8)


def _check_n_tellings(n_tellings: Any) -> list[int]:
    given = n_tellings if isinstance(n_tellings, tuple) else [n_tellings]
    return [check_integer("n_tellings", n, low=1, high=MAX_VALUES) for n in given]


def _entries(sizes: Sequence[int], between: str) -> str:
    """The entries of a context or a concept vector, in words."""
    most = sizes[0] if len(sizes) == 1 else tuple(sizes)
    return f"0{between}1" if set(sizes) == {2} else f"from 0 on, below {most},"


def check_distinct_contexts(
    contexts: Any, n_concepts: int | None, *, n_tellings: tuple[int, ...] | int = 2
) -> NDArray[np.int8]:
    """The same where each context has an embedding of its own, so that none may come twice."""
    array = check_contexts(contexts, n_concepts, n_tellings=n_tellings)
    distinct, times = np.unique(array, axis=0, return_counts=True)
    if len(distinct) < len(array):
        repeated = distinct[times > 1][0].tolist()
        raise ValueError(f"contexts must hold each context once, got {repeated} {times.max()} times")
    return array


def _check_token_table(name: str, table: Any, n_tokens: int) -> Any:
    if not isinstance(table, torch.Tensor):
        table = as_array(name, table)
    elif not table.is_floating_point():
        raise ValueError(f"{name} must hold floating-point numbers, got {_kind(table)}")
    if table.ndim != 2 or len(table) != n_tokens:
        raise ValueError(f"{name} must have shape ({n_tokens}, dim), got {tuple(table.shape)}")
    return table


# ---- words ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vocabulary:
    """Words for concepts and tokens, so that pages show "queen" and not only 111.

    Attributes
    ----------
    concepts
        A name for each concept, for axes and captions.
    values
        For each concept the two words for its values 0 and 1.
    tokens
        A word for each of the 2**m tokens, in the order of their binary numbers.

    Examples
    --------
    >>> words = Vocabulary.court(3)
    >>> words.tokens[0b111], words.describe([1, 1, -1])
    ('queen', 'royal, adult, ?')
    """

    concepts: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        m = len(check_distinct_words("concepts", self.concepts))
        if not 1 <= m <= MAX_CONCEPTS:
            raise ValueError(f"concepts must be 1 to {MAX_CONCEPTS} names, got {m}")
        if len(check_sequence("values", self.values)) != m:
            raise ValueError(f"values must have one pair for each of the {m} concepts, got {len(self.values)}")
        for i, pair in enumerate(self.values):
            check_distinct_words(f"values[{i}]", pair, length=2)
        check_distinct_words("tokens", self.tokens, length=2**m)

    @classmethod
    def court(cls, n_concepts: int) -> Vocabulary:
        """People at court and in the village, for 2 to 5 concepts.

        King, queen, man, woman; then also the young, plurals and Spanish. Every token is a different word: the map
        from concepts to tokens is injective.

        Examples
        --------
        >>> Vocabulary.court(2).tokens
        ('man', 'woman', 'king', 'queen')
        """
        check_integer("n_concepts", n_concepts, low=2, high=5)
        royal, adult, female = ("commoner", "royal"), ("young", "adult"), ("male", "female")
        if n_concepts == 2:
            return cls(("royal", "female"), (royal, female), ("man", "woman", "king", "queen"))
        names = ("royal", "adult", "female", "plural", "Spanish")[:n_concepts]
        values = (royal, adult, female, ("one", "several"), ("English", "Spanish"))[:n_concepts]
        english = "boy girl man woman prince princess king queen"
        english_plural = "boys girls men women princes princesses kings queens"
        spanish = "niño niña hombre mujer príncipe princesa rey reina"
        spanish_plural = "niños niñas hombres mujeres príncipes princesas reyes reinas"
        forms = [text.split() for text in (english, spanish, english_plural, spanish_plural)]
        if n_concepts == 3:
            return cls(names, values, tuple(forms[0]))
        kept = [forms[0], forms[2]] if n_concepts == 4 else forms
        return cls(names, values, tuple(word for person in zip(*kept, strict=True) for word in person))

    @classmethod
    def bits(cls, n_concepts: int) -> Vocabulary:
        """Concepts C0, C1, ... and tokens as bit strings, for any number of concepts up to 12."""
        m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CONCEPTS)
        return cls(
            tuple(f"C{i}" for i in range(m)),
            tuple((f"C{i}=0", f"C{i}=1") for i in range(m)),
            tuple(format(y, f"0{m}b") for y in range(2**m)),
        )

    def describe(self, context: Any) -> str:
        """A context as words: what it tells, and ``?`` for what it leaves open."""
        told = as_array("context", context)
        (entries,) = check_contexts(told[np.newaxis], len(self.concepts), name="context, as one row,")
        return ", ".join(
            "?" if entry == UNKNOWN else pair[entry] for entry, pair in zip(entries, self.values, strict=True)
        )
