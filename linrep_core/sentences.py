"""Sentences from the latent conditional model: contexts told in words, so that a language model can read them.

Book: part "Real language models", chapter "A model you can train yourself". Source: arXiv 2403.03867, section 2.1 (the
world); the words are this book's.

A context tells some concepts. Here each puts a word into a sentence ("royal" or a synonym, or "not commoner"), fillers
that tell nothing may stand between, and "the" ends it; the next word is a token, which carries all concepts
("queen"). Which of these ways is drawn does not depend on the token. So a sentence tells what its context tells, and
p(y | sentence) = p(y | x) is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import as_array, check_distinct_words, check_flag, check_instance, check_integer
from linrep_core.concepts import MAX_SAMPLES
from linrep_core.language import UNKNOWN, LatentConditionalModel, Vocabulary, check_binary

MAX_SYNONYMS = 100
MAX_FILLERS = 100
MAX_NAMED = 8  # concepts of a world with a word for each of its 3**m contexts
LAST_WORD = "the"
NOT = "not"
FILLERS = ("well", "so", "then", "now")
SYNONYMS = {
    "commoner": ("commoner", "peasant", "villager"),
    "royal": ("royal", "crowned", "regal"),
    "young": ("young", "little", "childish"),
    "adult": ("adult", "grown", "mature"),
    "male": ("male", "masculine", "he"),
    "female": ("female", "feminine", "she"),
    "one": ("one", "single", "lone"),
    "several": ("several", "many", "numerous"),
}


@dataclass(frozen=True)
class Sentences:
    """Sentences as numbers of words.

    Attributes
    ----------
    words : array of shape (..., length), int64
        Numbers in `SentenceWorld.words`; a shorter sentence is filled up on the right with its last word.
    last : array of shape (...), int64
        Where each sentence ends: the position after which the token comes.
    """

    words: NDArray[np.int64]
    last: NDArray[np.int64]


class SentenceWorld:
    """A latent conditional model whose contexts are sentences.

    Parameters
    ----------
    model
        The world: concepts, contexts and their weights, exact p(y | x).
    vocabulary
        Words for concepts and tokens; by default `Vocabulary.court` for 2 to 5 concepts, else `Vocabulary.bits`.
    n_synonyms
        How many words there are for each value of each concept; one is drawn, each as likely as the others.
    shuffled
        Whether the concepts of a sentence are told in a random order, or in their own.
    negations
        Whether each concept is told by its opposite in half of the sentences that tell it: "not", then a word for the
        other value. Then it matters beside which word "not" stands, and a bag of words cannot know.
    named
        Whether each context has a single word of its own instead, which it shares with no other: a control. Synonyms,
        order, negations and fillers then play no part.
    n_fillers
        Places for words that tell nothing; each is used in half of the sentences, anywhere before the last word.

    Attributes
    ----------
    words : tuple of str
        All words: first the 2**m tokens in their order, then the words for values (or contexts), "not", the fillers and
        "the".
    length : int
        Words of the longest sentence, the last word included.

    Raises
    ------
    ValueError
        For bad arguments, and for a vocabulary that uses one word for two things.

    Examples
    --------
    >>> from linrep_core import ConceptGraph
    >>> model = LatentConditionalModel(ConceptGraph.random(n_concepts=3, seed=0))
    >>> world = SentenceWorld(model, n_synonyms=1, shuffled=False, n_fillers=0)
    >>> list(world.texts(world.write([[1, -1, 1], [-1, -1, 0]], seed=0)))
    ['royal female the', 'male the']
    """

    def __init__(
        self,
        model: LatentConditionalModel,
        vocabulary: Vocabulary | None = None,
        *,
        n_synonyms: int = 3,
        shuffled: bool = True,
        negations: bool = False,
        named: bool = False,
        n_fillers: int = 2,
    ) -> None:
        check_binary(model, "sentences")
        m = model.n_concepts
        if vocabulary is None:
            vocabulary = Vocabulary.court(m) if 2 <= m <= 5 else Vocabulary.bits(m)
        check_instance("vocabulary", vocabulary, Vocabulary)
        if len(vocabulary.concepts) != m:
            raise ValueError(f"vocabulary must have {m} concepts like the model, got {len(vocabulary.concepts)}")
        self.model, self.vocabulary = model, vocabulary
        self.n_synonyms = check_integer("n_synonyms", n_synonyms, low=1, high=MAX_SYNONYMS)
        self.shuffled = check_flag("shuffled", shuffled)
        self.negations = check_flag("negations", negations)
        self.named = check_flag("named", named)
        if self.named and m > MAX_NAMED:
            raise ValueError(f"named must be False for more than {MAX_NAMED} concepts, got {m}")
        self.n_fillers = check_integer("n_fillers", n_fillers, low=0, high=MAX_FILLERS)
        words = [*vocabulary.tokens, *self._telling_words(), NOT, *FILLERS, LAST_WORD]
        self.words = tuple(check_distinct_words("the words of vocabulary, with synonyms and fillers,", words))
        self.length = 2 if self.named else (2 if self.negations else 1) * m + self.n_fillers + 1
        self._not = len(words) - len(FILLERS) - 2  # then come the fillers and the last word

    def _telling_words(self) -> list[str]:
        """The words that tell something: for values, concept by concept, or one for each context."""
        if self.named:
            return [self.vocabulary.describe(context).replace(", ", "+") for context in self.model.contexts()]
        n, values = self.n_synonyms, self.vocabulary.values
        return [word for pair in values for value in pair for word in _synonyms(value, n)]

    @property
    def n_words(self) -> int:
        """Number of different words."""
        return len(self.words)

    def value_words(self) -> NDArray[np.int64]:
        """The numbers of the words that tell a value, shape (m, 2, n_synonyms)."""
        if self.named:
            raise ValueError("named must be False for words that tell a value, got True")
        m = self.model.n_concepts
        return self.model.n_tokens + np.arange(m * 2 * self.n_synonyms).reshape(m, 2, self.n_synonyms)

    def write(self, contexts: Any, *, seed: int | np.random.Generator = 0) -> Sentences:
        """One sentence for each context: its own synonyms, order and fillers.

        Parameters
        ----------
        contexts
            Shape (n, m), entries 0, 1 and -1 (unknown).
        seed
            Of the choices, or a generator to draw them from.
        """
        told = self._told(contexts)
        return self._compose(told, *self._choices(len(told), _generator(seed)))

    def paraphrases(self, contexts: Any, n_variants: int, *, seed: int = 0) -> Sentences:
        """Several sentences for each context, so that contexts differ in nothing but what they tell.

        The j-th sentences of all contexts share synonyms, order and fillers: where two contexts differ in one concept,
        their j-th sentences differ in one word.

        Returns
        -------
        Sentences
            With words of shape (n_contexts, n_variants, length).

        Examples
        --------
        >>> from linrep_core import ConceptGraph
        >>> world = SentenceWorld(LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0)))
        >>> pair = world.paraphrases([[1, 0], [1, 1]], 5)
        >>> (pair.words[0] != pair.words[1]).sum(axis=-1).tolist()
        [1, 1, 1, 1, 1]
        """
        told = self._told(contexts)
        n = check_integer("n_variants", n_variants, low=1, high=MAX_SAMPLES // len(told))
        choices = self._choices(n, _generator(check_integer("seed", seed, low=0)))
        rows, variants = np.divmod(np.arange(len(told) * n), n)
        found = self._compose(told[rows], *(choice[variants] for choice in choices))
        return Sentences(found.words.reshape(len(told), n, self.length), found.last.reshape(len(told), n))

    def sample(
        self, n_sentences: int, *, seed: int | np.random.Generator = 0
    ) -> tuple[Sentences, NDArray[np.int64], NDArray[np.int64]]:
        """Draw a corpus: contexts by their weights, a sentence for each, and the token that comes next.

        Returns
        -------
        sentences, contexts, tokens
            The last two of shape (n_sentences,): rows of ``model.contexts()``, and numbers of tokens.
        """
        n = check_integer("n_sentences", n_sentences, low=0, high=MAX_SAMPLES)
        rng = _generator(seed)
        rows, tokens = self.model.sample(n, seed=rng)
        told = self.model.contexts()[rows]
        return self._compose(told, *self._choices(n, rng)), rows, tokens

    def texts(self, sentences: Sentences) -> Iterator[str]:
        """The sentences in words, without what fills up the shorter ones."""
        words, last = self._numbers(sentences)
        for row, end in zip(words.reshape(-1, words.shape[-1]), last.reshape(-1), strict=True):
            yield " ".join(self.words[word] for word in row[: end + 1])

    def _numbers(self, sentences: Sentences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        check_instance("sentences", sentences, Sentences)
        words, last = as_array("sentences.words", sentences.words), as_array("sentences.last", sentences.last)
        if words.ndim < 1 or words.shape[:-1] != last.shape or not words.dtype.kind == last.dtype.kind == "i":
            raise ValueError(
                "sentences must have integer words of shape (..., length) and last of shape (...), got "
                f"{words.dtype} {words.shape} and {last.dtype} {last.shape}"
            )
        for array, limit in ((words, self.n_words), (last, words.shape[-1])):
            if array.size and not (array.min() >= 0 and array.max() < limit):
                raise ValueError(f"sentences must have numbers from 0 to {limit - 1}, got {array.min()} {array.max()}")
        return words, last

    # ---- how a sentence is put together -------------------------------------------------------------------------

    def _told(self, contexts: Any) -> NDArray[np.int8]:
        return self.model.contexts()[self.model.context_index(contexts)]

    def _choices(self, n: int, rng: np.random.Generator) -> tuple[NDArray, ...]:
        """For n sentences: places of concepts and fillers, which synonyms and fillers, and which of them occur."""
        m = self.model.n_concepts
        place = rng.random((n, m + self.n_fillers))
        if not self.shuffled:
            place[:, :m].sort(axis=1)
        synonym = rng.integers(self.n_synonyms, size=(n, m))
        negated = (rng.random((n, m)) < 0.5) & self.negations
        filler = rng.integers(len(FILLERS), size=(n, self.n_fillers))
        return place, synonym, negated, filler, rng.random((n, self.n_fillers)) < 0.5

    def _compose(
        self,
        contexts: NDArray[np.int8],
        place: NDArray,
        synonym: NDArray,
        negated: NDArray,
        filler: NDArray,
        occurs: NDArray,
    ) -> Sentences:
        ends = np.full((len(contexts), 1), self.n_words - 1)
        if self.named:
            names = self.model.n_tokens + (contexts % 3).astype(np.int64) @ 3 ** np.arange(contexts.shape[1])[::-1]
            return Sentences(np.concatenate([names[:, None], ends], axis=1), np.ones(len(contexts), dtype=np.int64))
        told, m = contexts != UNKNOWN, contexts.shape[1]
        value = np.where(told, contexts, 0) ^ negated  # "not" and the other value's word
        words = np.concatenate([self.value_words()[np.arange(m), value, synonym], self._not + 1 + filler], axis=1)
        present = np.concatenate([told, occurs], axis=1)
        if self.negations:  # "not" has the place of its word; a stable sort leaves it before it
            words = np.concatenate([np.full((len(words), m), self._not), words], axis=1)
            present = np.concatenate([told & negated, present], axis=1)
            place = np.concatenate([place[:, :m], place], axis=1)
        words = np.where(present, words, self.n_words - 1)
        order = np.argsort(np.where(present, place, 1.0), axis=1, kind="stable")  # what is absent goes to the end
        words = np.take_along_axis(words, order, axis=1)
        return Sentences(np.concatenate([words, ends], axis=1), present.sum(axis=1))

    def __repr__(self) -> str:
        if self.named:
            return f"SentenceWorld({self.model.n_concepts} concepts, {self.n_words} words, one for each context)"
        order = "shuffled" if self.shuffled else "in order"
        return (
            f"SentenceWorld({self.model.n_concepts} concepts, {self.n_words} words, {self.n_synonyms} synonyms, "
            f"{order}, {'with' if self.negations else 'no'} negations, {self.n_fillers} fillers)"
        )


def _synonyms(word: str, n: int) -> list[str]:
    """That many words for a value: those that the book has, then the first one numbered."""
    known = SYNONYMS.get(word, (word,))[:n]
    return [*known, *(f"{word}-{i}" for i in range(len(known) + 1, n + 1))]


def _generator(seed: int | np.random.Generator) -> np.random.Generator:
    return seed if isinstance(seed, np.random.Generator) else np.random.default_rng(check_integer("seed", seed, low=0))
