"""Sentences: they tell what their context tells, in every way allowed, and the next word's distribution is exact."""

from __future__ import annotations

import numpy as np
import pytest
from worlds import assert_frequencies_agree, dag_world

from linrep_core import ConceptGraph, LatentConditionalModel, Vocabulary
from linrep_core.language import UNKNOWN
from linrep_core.sentences import FILLERS, LAST_WORD, NOT, SYNONYMS, Sentences, SentenceWorld

MODEL = LatentConditionalModel(dag_world())
WORLD = SentenceWorld(MODEL)
WAYS = [
    {},
    {"negations": True},
    {"shuffled": False},
    {"n_synonyms": 1, "n_fillers": 0},
    {"negations": True, "shuffled": False, "n_synonyms": 5, "n_fillers": 4},
]


def understood(world, text):
    """What a reader who knows the words takes from a sentence: a context."""
    meaning = {}
    for concept, pair in enumerate(world.value_words()):
        for value, numbers in enumerate(pair):
            meaning |= {world.words[number]: (concept, value) for number in numbers}
    context, negated = [UNKNOWN] * world.model.n_concepts, False
    for word in text.split():
        if word in meaning:
            concept, value = meaning[word]
            assert context[concept] == UNKNOWN
            context[concept] = 1 - value if negated else value
        else:
            assert word in (*FILLERS, NOT, LAST_WORD)
            assert not negated
        negated = word == NOT
    return context


@pytest.mark.parametrize("ways", WAYS)
def test_a_reader_understands_every_sentence(ways):
    world = SentenceWorld(MODEL, **ways)
    contexts = MODEL.contexts()
    texts = list(world.texts(world.paraphrases(contexts, 10, seed=1)))
    assert [understood(world, text) for text in texts] == np.repeat(contexts, 10, axis=0).tolist()
    assert all(text.split().index(LAST_WORD) == len(text.split()) - 1 for text in texts)
    assert max(len(text.split()) for text in texts) <= world.length
    assert any(NOT in text.split() for text in texts) == bool(ways.get("negations"))


@pytest.mark.parametrize("ways", WAYS)
def test_the_next_word_has_the_exact_distribution_of_its_context(ways):
    world = SentenceWorld(MODEL, **ways)
    sentences, contexts, tokens = world.sample(200_000, seed=3)
    assert_frequencies_agree(contexts, MODEL.weights())
    exact = MODEL.next_token_distribution()
    common = np.argsort(-MODEL.weights())[:8]
    for row in common:
        here = contexts == row
        assert_frequencies_agree(tokens[here], exact[row])
    # and nothing but the context tells of it: the same among the sentences that begin with the same word
    row = common[1]
    for first in np.unique(sentences.words[contexts == row, 0]):
        here = (contexts == row) & (sentences.words[:, 0] == first)
        if here.sum() > 200:
            assert_frequencies_agree(tokens[here], exact[row])


def test_every_way_to_say_it_is_as_likely_as_the_others():
    world = SentenceWorld(MODEL, negations=True)
    words = world.write(np.tile([1, UNKNOWN, UNKNOWN, 0], (60_000, 1)), seed=5).words
    texts = np.array(world.words)[words]
    negated, royal = (texts == NOT).sum(axis=1), np.isin(texts, SYNONYMS["royal"])
    assert_frequencies_agree(negated, [0.25, 0.5, 0.25])
    single = texts[royal]
    assert_frequencies_agree(np.array([SYNONYMS["royal"].index(word) for word in single]), [1 / 3] * 3)
    assert_frequencies_agree(np.isin(texts, FILLERS).sum(axis=1), [0.25, 0.5, 0.25])
    fillers = texts[np.isin(texts, FILLERS)]
    assert_frequencies_agree(np.array([FILLERS.index(word) for word in fillers]), [1 / 4] * 4)
    both = texts[royal.any(axis=1) & np.isin(texts, SYNONYMS["one"]).any(axis=1)]
    first = [next(word for word in row if word in SYNONYMS["royal"] + SYNONYMS["one"]) for row in both]
    assert_frequencies_agree(np.isin(first, SYNONYMS["royal"]).astype(int), [0.5, 0.5])


def test_in_order_the_concepts_come_one_after_the_other():
    world = SentenceWorld(MODEL, shuffled=False, n_fillers=3, negations=True)
    concept_of = {number: c for c, pair in enumerate(world.value_words()) for number in pair.flat}
    for sentence in world.sample(500, seed=0)[0].words:
        order = [concept_of[word] for word in sentence if word in concept_of]
        assert order == sorted(order)


@pytest.mark.parametrize("ways", WAYS)
def test_paraphrases_of_two_contexts_differ_in_one_word_where_these_differ_in_one_concept(ways):
    world = SentenceWorld(MODEL, **ways)
    pair = world.paraphrases([[1, UNKNOWN, 0, 1], [1, UNKNOWN, 1, 1]], 50, seed=2)
    assert ((pair.words[0] != pair.words[1]).sum(axis=-1) == 1).all()
    assert (pair.last[0] == pair.last[1]).all()
    assert len(set(world.texts(pair))) >= 12  # of three words, in every order


def test_the_rest_of_a_short_sentence_is_its_last_word():
    sentences = WORLD.sample(300, seed=0)[0]
    end = WORLD.n_words - 1
    for words, last in zip(sentences.words, sentences.last, strict=True):
        assert (words[last:] == end).all()
        assert (words[:last] != end).all()


def test_the_seed_decides_and_a_generator_goes_on():
    first, again, other = (WORLD.sample(50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0].words, again[0].words)
    np.testing.assert_array_equal(first[2], again[2])
    assert (first[0].words != other[0].words).any()
    rng = np.random.default_rng(0)
    assert (WORLD.sample(50, seed=rng)[0].words != WORLD.sample(50, seed=rng)[0].words).any()


def test_tokens_come_first_and_every_word_is_one_of_a_kind():
    assert WORLD.words[: MODEL.n_tokens] == Vocabulary.court(4).tokens
    assert len(set(WORLD.words)) == WORLD.n_words == 16 + 4 * 2 * 3 + 1 + 4 + 1
    values = WORLD.value_words()
    assert values.shape == (4, 2, 3)
    assert [WORLD.words[word] for word in values[0, 1]] == ["royal", "crowned", "regal"]


def test_words_that_the_book_does_not_have_are_numbered():
    model = LatentConditionalModel(ConceptGraph.random(1, seed=0))
    assert SentenceWorld(model, n_synonyms=2).words[2:6] == ("C0=0", "C0=0-2", "C0=1", "C0=1-2")
    many = SentenceWorld(MODEL, n_synonyms=5)
    assert [many.words[word] for word in many.value_words()[0, 1]] == [
        "royal",
        "crowned",
        "regal",
        "royal-4",
        "royal-5",
    ]


def test_named_contexts_share_no_word():
    world = SentenceWorld(MODEL, named=True)
    contexts = MODEL.contexts()
    texts = list(world.texts(world.paraphrases(contexts, 2)))
    assert texts[0::2] == texts[1::2] == [WORLD.vocabulary.describe(x).replace(", ", "+") + " the" for x in contexts]
    assert len(set(texts)) == MODEL.n_contexts
    sentences, rows, _ = world.sample(50, seed=1)
    assert list(world.texts(sentences)) == [texts[2 * row] for row in rows]
    assert (world.length, world.n_words) == (2, 16 + 81 + 1 + 4 + 1)
    assert repr(world) == "SentenceWorld(4 concepts, 103 words, one for each context)"
    with pytest.raises(ValueError, match="named must be False for words that tell a value"):
        world.value_words()
    with pytest.raises(ValueError, match="named must be False for more than 8 concepts, got 9"):
        SentenceWorld(LatentConditionalModel(ConceptGraph.random(9, 0.1, seed=0)), named=True)


def test_repr_says_how_it_speaks():
    shown = repr(SentenceWorld(MODEL, negations=True))
    assert shown == "SentenceWorld(4 concepts, 46 words, 3 synonyms, shuffled, with negations, 2 fillers)"
    assert "in order, no negations" in repr(SentenceWorld(MODEL, shuffled=False))


def test_no_sentence_is_a_corpus_too():
    sentences, contexts, tokens = WORLD.sample(0)
    assert sentences.words.shape == (0, WORLD.length)
    assert len(contexts) == len(tokens) == 0
    assert list(WORLD.texts(Sentences(sentences.words, sentences.last))) == []
