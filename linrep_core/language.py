"""The latent conditional model: contexts tell some concepts, tokens spell out all of them, p(y | x) is exact.

Book: part "The model", chapters "A world of concepts" and "Predicting the next token".
Source: arXiv 2403.03867, section 2.1 (the model) and section 5.1 (how the simulations sample it).

A context is a vector in {0, 1, unknown}^m with unknown written as -1; a token is a vector in {0, 1}^m. Every sum over
tokens that agree with a context is a *subset sum*: along each concept's axis the two entries (0, 1) become three
(0, 1, unknown = 0 + 1). All 3^m of them cost about 3^m additions; the 3^m by 2^m table is never needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core._checks import (
    as_array,
    check_choice,
    check_distinct_words,
    check_instance,
    check_integer,
    check_number,
    check_sequence,
    shown,
)
from linrep_core.concepts import MAX_CONCEPTS, MAX_SAMPLES, ConceptGraph, concept_vectors

UNKNOWN = -1
CONTEXT_WEIGHTS = ("masked", "uniform")
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
    if not isinstance(values, np.ndarray | torch.Tensor) or values.ndim == 0 or len(values) != 2**m:
        raise ValueError(f"values must be an array or tensor with {2**m} rows, got {_kind(values)}")
    concatenate: Any = torch.cat if isinstance(values, torch.Tensor) else np.concatenate
    shape = tuple(values.shape[1:])
    for concept in range(m):  # 3**concept contexts of the earlier concepts are already there
        split = values.reshape((3**concept, 2, math.prod(shape) * 2 ** (m - 1 - concept)))
        values = concatenate([split, split[:, :1] + split[:, 1:]], 1)
    return values.reshape((3**m, *shape))


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
    context_weights
        How often each context is seen in training. ``"masked"`` is the paper's sampling: draw c from the joint, then
        hide each entry with probability `mask_probability`, so a context weighs
        q^(number unknown) (1 - q)^(number known) p(c_D = x_D). ``"uniform"`` weighs every context the same.
    mask_probability
        q above, strictly between 0 and 1. The paper masks with fair coins (1/2).
    possible_tokens
        Shape (n, m): the concept vectors that occur, none twice, at least two; the others get probability 0 and the
        joint is renormalised (the paper's rejection sampling, Table 4). None: all 2^m occur. The tokens that do not
        occur keep their numbers and their unembeddings.

    Attributes
    ----------
    n_concepts, n_tokens, n_contexts : int
        m, 2**m and 3**m.
    token_occurs : array of shape (2**m,), bool
        Whether each token has positive probability.

    Examples
    --------
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0))
    >>> model.next_token_distribution([[1, -1]]).shape, model.n_contexts
    ((1, 4), 9)
    """

    def __init__(
        self,
        graph: ConceptGraph,
        *,
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
        self.n_concepts = graph.n_concepts
        self.n_tokens = 2**self.n_concepts
        self.n_contexts = 3**self.n_concepts
        self.token_occurs = np.ones(self.n_tokens, dtype=bool)
        self._joint = graph.joint()  # (2**m,)
        if possible_tokens is not None:
            self.token_occurs = _check_tokens(possible_tokens, self.n_concepts)
            self._joint = np.where(self.token_occurs, self._joint, 0.0)
            self._joint /= self._joint.sum()
        self._context_probability = subset_sums(self._joint, self.n_concepts)  # (3**m,): p(C_D = x_D)
        self._negative_entropy_terms: NDArray[np.float64] | None = None

    # ---- contexts and tokens ------------------------------------------------------------------------------------

    def contexts(self) -> NDArray[np.int8]:
        """All contexts, in the order that every function of this class assumes when it is given none.

        Returns
        -------
        array of shape (3**m, m), int8
            Entries 0, 1 and -1 (unknown). Row = ternary number with digits 0, 1, 2 = unknown, concept 0 highest.
        """
        m = self.n_concepts
        digits = np.indices((3,) * m, dtype=np.int8).reshape(m, -1).T.copy()
        digits[digits == 2] = UNKNOWN
        return digits

    def tokens(self) -> NDArray[np.int8]:
        """All tokens as concept vectors, shape (2**m, m): row y holds the binary digits of y, concept 0 highest."""
        return concept_vectors(self.n_concepts)

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
        array = check_contexts(contexts, self.n_concepts)
        digits = np.where(array == UNKNOWN, 2, array).astype(np.int64)
        return digits @ (3 ** np.arange(self.n_concepts)[::-1])

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
        for _ in range(self.n_concepts):
            weight = np.add.outer(weight, [shown, shown, hidden]).reshape(-1)
        return weight

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
        array = self.contexts() if contexts is None else check_contexts(contexts, self.n_concepts)
        self._rows(contexts)
        entries = len(array) * self.n_tokens
        if entries > MAX_TABLE_ENTRIES:
            raise ValueError(
                f"contexts must be few enough for a table of at most {MAX_TABLE_ENTRIES} entries, got {len(array)} "
                f"contexts by {self.n_tokens} tokens; pass a subset, or use expected_unembedding"
            )
        table = np.broadcast_to(self._joint, (len(array), self.n_tokens)).copy()
        tokens = self.tokens()
        for concept in range(self.n_concepts):
            told = array[:, concept, None]
            table *= (told == UNKNOWN) | (told == tokens[:, concept])
        return table / table.sum(axis=1, keepdims=True)

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
        total = subset_sums(joint * unembeddings, self.n_concepts)
        return total / probability if rows is None else total[rows] / probability[rows]

    def entropies(self, contexts: Any = None) -> NDArray[np.float64]:
        """The entropy of p(y | x) for each context, in nats: shape (n_contexts,)."""
        if self._negative_entropy_terms is None:
            log_joint = np.log(self._joint, out=np.zeros(self.n_tokens), where=self.token_occurs)
            self._negative_entropy_terms = subset_sums(self._joint * log_joint, self.n_concepts)
        rows = self._rows(contexts)
        given = slice(None) if rows is None else rows
        probability, terms = self._context_probability[given], self._negative_entropy_terms[given]
        return np.maximum(np.log(probability) - terms / probability, 0.0)

    def entropy_floor(self, contexts: Any = None) -> float:
        """The smallest mean cross-entropy that any predictor can reach on these contexts, in nats.

        The mean is weighted by `weights(contexts)`. Since every context with a known concept forbids tokens, the
        floor is approached but not reached by finite embeddings.
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
        array = self.contexts() if contexts is None else check_contexts(contexts, self.n_concepts)
        rows, tokens = self._agreeing_pairs(array)
        chance = self.weights(array)[rows] * self._joint[tokens]
        cumulative = np.cumsum(chance / self._context_probability[self.context_index(array)][rows])

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
        digits[rng.random(digits.shape) < self.mask_probability] = 2
        return digits @ (3 ** np.arange(self.n_concepts)[::-1]), tokens

    def __repr__(self) -> str:
        return (
            f"LatentConditionalModel({self.n_concepts} concepts, {self.n_contexts} contexts, {self.n_tokens} tokens, "
            f"context_weights={self.context_weights!r})"
        )


def _check_tokens(tokens: Any, n_concepts: int) -> NDArray[np.bool_]:
    """Which of the 2**m tokens are among the concept vectors given."""
    array = check_contexts(tokens, n_concepts, name="possible_tokens")
    if (array == UNKNOWN).any():
        raise ValueError(f"possible_tokens must have entries 0 or 1, got {UNKNOWN}")
    numbers = array @ (2 ** np.arange(n_concepts)[::-1])
    occurs = np.zeros(2**n_concepts, dtype=bool)
    occurs[numbers] = True
    if len(array) < 2 or occurs.sum() < len(array):
        raise ValueError(f"possible_tokens must be at least 2 different concept vectors, got {shown(array.tolist())}")
    return occurs


def check_contexts(contexts: Any, n_concepts: int | None, *, name: str = "contexts") -> NDArray[np.int8]:
    """Return contexts as an (n, m) int8 array, or raise a ValueError that says what is wrong with them."""
    array = as_array(name, contexts)
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one context, got an empty set")
    if array.ndim != 2 or n_concepts not in (None, array.shape[1]):
        raise ValueError(f"{name} must have shape (n, {n_concepts or 'm'}), got {array.shape}")
    wrong = (array != 0) & (array != 1) & (array != UNKNOWN)
    if wrong.any():
        raise ValueError(f"{name} must have entries 0, 1 or {UNKNOWN} (unknown), got {array[wrong][0]}")
    return array.astype(np.int8)


def check_distinct_contexts(contexts: Any, n_concepts: int | None) -> NDArray[np.int8]:
    """The same where each context has an embedding of its own, so that none may come twice."""
    array = check_contexts(contexts, n_concepts)
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
