"""Words and sentences that differ in one concept: the data behind the steering vectors of a real language model.

Book: part "Real language models". Source: arXiv 2403.03867, section 5.2 and appendix F. The paper takes its 27 concepts
from Park et al. (arXiv 2311.03658), its translations from OPUS Books and its ambiguous sentences from the Winograd
Schema Challenge. The words and sentences in ``data/`` were written for this book; readers who have the corpora read
them with `opus_books` and `winograd_schema`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from linrep_core._checks import (
    check_choice,
    check_distinct_words,
    check_instance,
    check_integer,
    check_mapping,
    check_records,
    check_sequence,
    check_words,
    shown,
)

DATA = Path(__file__).parent / "data"
SCHEMA = 1  # of a file of concepts; a file with another number is refused, not guessed at
LANGUAGES = ("en", "fr", "de", "es")
CONCEPT_ENTRIES = ("name", "from", "to", "description", "pairs")
LARGEST_FILE = 2**26  # bytes; a file is read whole
NEAR_END = 1  # words that may follow the differing one in a Winograd sentence: "near the end" in the paper
MAX_DIFFERING = 2  # words in which the two sentences may differ


@dataclass(frozen=True)
class TokenConcept:
    """One concept as pairs of words, such as ``("king", "queen")`` for male to female.

    Attributes
    ----------
    name : str
    base, target : str
        What the first and the second words of the pairs are.
    description : str
    pairs : tuple of (str, str)
        Every pair once. A word is written as in running text, without the space before it.
    bundled : int or None
        How many pairs are single tokens on both sides in the bundled model; None where the file does not say.
    note : str
        What to keep in mind, such as why there are few pairs; may be empty.

    Raises
    ------
    ValueError
        If the name is empty, or a pair occurs twice, has an empty word, or two equal words.

    Examples
    --------
    >>> TokenConcept("male-female", "male", "female", "a man's word to a woman's", [("king", "queen")]).pairs
    (('king', 'queen'),)
    """

    name: str
    base: str
    target: str
    description: str
    pairs: tuple[tuple[str, str], ...]
    bundled: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "base", "target"):
            _check_text(name, getattr(self, name))
        for name in ("description", "note"):
            check_instance(name, getattr(self, name), str)
        pairs = [_check_pair(f"pairs[{i}]", pair) for i, pair in enumerate(check_sequence("pairs", self.pairs))]
        first_seen: dict[tuple[str, str], int] = {}
        for i, pair in enumerate(pairs):
            if first_seen.setdefault(pair, i) != i:
                raise ValueError(f"pairs[{i}] must be a new pair, got {pair} as in pairs[{first_seen[pair]}]")
        object.__setattr__(self, "pairs", tuple(pairs))
        if self.bundled is not None:
            check_integer("bundled", self.bundled, low=0, high=len(pairs))


@dataclass(frozen=True)
class Translation:
    """The same text in two languages, as two contexts.

    Attributes
    ----------
    first, second : str

    Raises
    ------
    ValueError
        If one of them is empty or no text.

    Examples
    --------
    >>> Translation("Good morning", "Guten Morgen").second
    'Guten Morgen'
    """

    first: str
    second: str

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            _check_text(name, getattr(self, name))


@dataclass(frozen=True)
class WinogradPair:
    """Two contexts that are equal up to their last words.

    Attributes
    ----------
    first, second : str
        They end with the words in which they differ.
    words : (str, str)
        These last words (or phrases); for a pair with a concept, in the order of that concept.
    concept : str or None
        The token concept that `words` is an instance of.

    Raises
    ------
    ValueError
        If a text is empty, does not end with its word, or differs from the other before that.

    Examples
    --------
    >>> WinogradPair("It was too small", "It was too big", ("small", "big"), "small-big").beginning
    'It was too '
    """

    first: str
    second: str
    words: tuple[str, str]
    concept: str | None = None

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            _check_text(name, getattr(self, name))
        words = _check_pair("words", self.words)
        object.__setattr__(self, "words", words)
        if self.concept is not None:
            _check_text("concept", self.concept)
        for name, word in zip(("first", "second"), words, strict=True):
            if not getattr(self, name).endswith(word):
                raise ValueError(f"{name} must end with {shown(word)}, got {shown(getattr(self, name))}")
        if self.beginning != self.second[: -len(words[1])]:
            raise ValueError(f"second must be equal to first up to its last word, got {shown(self.second)}")

    @property
    def beginning(self) -> str:
        """What both contexts share, with the space at its end."""
        return self.first[: -len(self.words[0])]


@dataclass(frozen=True)
class SingleTokens:
    """The pairs of a concept that one tokenizer keeps.

    Attributes
    ----------
    concept : TokenConcept
    kept : tuple of (str, str)
        Both words are single tokens, and not the same one.
    ids : tuple of (int, int)
        Their tokens, pair by pair.
    dropped : tuple of (str, str)
        The other pairs.
    """

    concept: TokenConcept
    kept: tuple[tuple[str, str], ...]
    ids: tuple[tuple[int, int], ...]
    dropped: tuple[tuple[str, str], ...]


def token_concepts(path: Any = None) -> dict[str, TokenConcept]:
    """The 27 concepts of the paper by name, or those of a reader's own file.

    Parameters
    ----------
    path
        A file for `read_token_concepts`; None for the book's own.

    Returns
    -------
    dict of str to TokenConcept, in the order of the file

    Examples
    --------
    >>> concepts = token_concepts()
    >>> len(concepts)
    27
    >>> ("king", "queen") in concepts["male-female"].pairs
    True
    """
    return read_token_concepts(DATA / "token_pairs.json" if path is None else path)


def read_token_concepts(path: Any) -> dict[str, TokenConcept]:
    """Read a file of concepts.

    It is JSON: ``{"schema": 1, "concepts": [...]}``, and a concept is ``{"name": "male-female", "from": "male", "to":
    "female", "description": "...", "pairs": [["king", "queen"], ...]}``. It may have ``bundled`` (a number) and
    ``note`` (a text); other entries are left alone.

    Parameters
    ----------
    path
        Of the file, UTF-8.

    Returns
    -------
    dict of str to TokenConcept, in the order of the file

    Raises
    ------
    ValueError
        If there is no such file or anything in it is not as it must be; the message names file, concept and pair.
    """
    path = _check_path("path", path)
    content = _read_json(path)
    try:
        records = _records(content, "concepts", CONCEPT_ENTRIES)
        check_distinct_words("names of concepts", [record["name"] for record in records])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    concepts = {}
    for record in records:
        try:
            concepts[record["name"]] = TokenConcept(
                record["name"],
                record["from"],
                record["to"],
                record["description"],
                record["pairs"],
                record.get("bundled"),
                record.get("note", ""),
            )
        except ValueError as error:
            raise ValueError(f"{path}: concept {shown(record['name'])}: {error}") from None
    return concepts


def single_token_pairs(concept: TokenConcept, single_token: Callable[[str], int | None]) -> SingleTokens:
    """Keep the pairs of which both words are single tokens.

    Parameters
    ----------
    concept
        Such as ``token_concepts()["male-female"]``.
    single_token
        Takes a word as it stands in `concept.pairs` and returns its token, or None if it is made of several. Most
        tokenizers want the space of running text before it: ``lambda word: vocabulary.get("Ġ" + word)``.

    Returns
    -------
    SingleTokens

    Raises
    ------
    ValueError
        If `single_token` returns anything but None or a token number from 0 on.

    Examples
    --------
    >>> concept = TokenConcept("male-female", "male", "female", "", [("king", "queen"), ("ram", "ewe")])
    >>> split = single_token_pairs(concept, {"king": 7, "queen": 9, "ram": 4}.get)
    >>> split.ids, split.dropped
    (((7, 9),), (('ram', 'ewe'),))
    """
    check_instance("concept", concept, TokenConcept)
    if not callable(single_token):
        raise ValueError(f"single_token must be a function of a word, got {shown(single_token)}")
    ids = [(_token(single_token, base), _token(single_token, target)) for base, target in concept.pairs]
    rows = list(zip(concept.pairs, ids, strict=True))
    # two words that a vocabulary does not tell apart have no direction between them
    kept = [(pair, found) for pair, found in rows if None not in found and found[0] != found[1]]
    return SingleTokens(
        concept,
        kept=tuple(pair for pair, _ in kept),
        ids=tuple(found for _, found in kept),
        dropped=tuple(pair for pair, found in rows if None in found or found[0] == found[1]),
    )


def require_single_tokens(concept: TokenConcept, single_token: Callable[[str], int | None]) -> SingleTokens:
    """The same for a concept whose pairs must all be kept.

    Raises
    ------
    ValueError
        If a pair would be dropped; the message names the concept, the first such pair and how many there are.

    Examples
    --------
    >>> concept = TokenConcept("male-female", "male", "female", "", [("king", "queen")])
    >>> require_single_tokens(concept, {"king": 7, "queen": 9}.get).ids
    ((7, 9),)
    """
    split = single_token_pairs(concept, single_token)
    if split.dropped:
        raise ValueError(
            f"concept {shown(concept.name)} must have pairs of two different single tokens, got {split.dropped[0]} "
            f"({len(split.dropped)} of {len(concept.pairs)} pairs are not)"
        )
    return split


def translations(first: str, second: str) -> tuple[Translation, ...]:
    """The book's sentences in two languages.

    Parameters
    ----------
    first, second
        Two of ``"en"``, ``"fr"``, ``"de"``, ``"es"``.

    Returns
    -------
    tuple of Translation

    Raises
    ------
    ValueError
        If a language is not one of the four, or both are the same.

    Examples
    --------
    >>> len(translations("fr", "es"))
    64
    >>> translations("en", "de")[0].first[:38], translations("en", "de")[0].second[:28]
    ('When we opened the kitchen window this', 'Als wir heute Morgen das Küc')
    """
    check_choice("first", first, LANGUAGES)
    check_choice("second", second, LANGUAGES)
    if first == second:
        raise ValueError(f"second must be another language than first, got {second!r} twice")
    records = _records(_read_json(DATA / "context_pairs.json"), "translations", LANGUAGES)
    return tuple(Translation(record[first], record[second]) for record in records)


def winograd_pairs() -> tuple[WinogradPair, ...]:
    """The book's own pairs of sentences in the style of the Winograd schemas, cut after the word that differs.

    Returns
    -------
    tuple of WinogradPair

    Examples
    --------
    >>> {pair.concept for pair in winograd_pairs()} <= {*token_concepts(), None}
    True
    """
    content = _read_json(DATA / "context_pairs.json")
    records = _records(content, "winograd", ("first", "second", "words", "concept"))
    return tuple(WinogradPair(*(record[key] for key in ("first", "second", "words", "concept"))) for record in records)


def opus_books(path_first: Any, path_second: Any) -> tuple[Translation, ...]:
    """Read a parallel corpus of OPUS, such as OPUS Books: two text files, line by line the same sentence.

    This is the Moses format of the corpus, ``Books.es-fr.es`` beside ``Books.es-fr.fr``. Pairs with an empty line are
    left out, and a pair that occurs again is kept once.

    Parameters
    ----------
    path_first, path_second
        UTF-8, one sentence a line, as many lines in both.

    Returns
    -------
    tuple of Translation

    Raises
    ------
    ValueError
        If a file is missing, is not UTF-8, is larger than 64 MiB, has no text, or the numbers of lines differ.
    """
    paths = _check_path("path_first", path_first), _check_path("path_second", path_second)
    # not str.splitlines: it also breaks at characters that stand within a sentence
    columns = [_read_text(path).removesuffix("\n").split("\n") for path in paths]
    if len(columns[0]) != len(columns[1]):
        raise ValueError(
            f"path_second must have as many lines as path_first, {len(columns[0])}, got {len(columns[1])} ({paths[1]})"
        )
    rows = dict.fromkeys((first.strip(), second.strip()) for first, second in zip(*columns, strict=True))
    pairs = tuple(Translation(first, second) for first, second in rows if first and second)
    if not pairs:
        raise ValueError(f"path_first must have a line of text beside one of path_second, got none ({paths[0]})")
    return pairs


def winograd_schema(path: Any, near_end: int = NEAR_END) -> tuple[WinogradPair, ...]:
    """Read the collection of Winograd schemas (Levesque, Davis, Morgenstern 2012), WSCollection.xml.

    Each ``schema`` of that file is one sentence in three parts (``text`` with ``txt1``, ``pron``, ``txt2``), and the
    sentences that belong together follow each other. Kept are two that differ in one or two words in a row, with at
    most `near_end` words after them; they are cut there, so that the model meets the difference in their last token.
    The paper keeps sentences whose ambiguous word is "near the end" and does not say how near.

    Parameters
    ----------
    path
        Of the XML file.
    near_end
        Words that may follow.

    Returns
    -------
    tuple of WinogradPair
        Without a concept.

    Raises
    ------
    ValueError
        If the file is missing or no such collection, or holds no such pair.
    """
    path = _check_path("path", path)
    near_end = check_integer("near_end", near_end, low=0)
    sentences = list(_schema_sentences(path))
    pairs = []
    i = 0
    while i + 1 < len(sentences):
        found = _difference(sentences[i], sentences[i + 1])
        if found and found[1] <= near_end:
            pairs.append(_cut(sentences[i], sentences[i + 1], *found))
        i += 2 if found else 1  # a sentence without a partner does not put the others out of step
    if not pairs:
        raise ValueError(f"path must hold two sentences that differ near their end, got none in {path}")
    return tuple(pairs)


def _schema_sentences(path: Path) -> Iterator[list[str]]:
    """The words of every sentence of the collection."""
    content = _read_bytes(path)
    if b"<!ENTITY" in content.replace(b"\0", b""):  # in UTF-16 too; entities let a small file fill the memory
        raise ValueError(f"path must be a file without XML entities, got {path}")
    try:
        root = ElementTree.fromstring(content)  # it knows the encoding that the file names
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"path must be an XML file, got {path}: {error}") from None
    schemas = root.findall("schema")
    if not schemas:
        raise ValueError(f"path must be a collection of <schema> elements, got none in {path}")
    for number, schema in enumerate(schemas, start=1):
        for part in ("txt1", "pron", "txt2"):
            if schema.find(f"text/{part}") is None:
                raise ValueError(f"path must have text/{part} in every schema, got none in schema {number} of {path}")
        yield " ".join(schema.findtext(f"text/{part}") or "" for part in ("txt1", "pron", "txt2")).split()


def _difference(first: list[str], second: list[str]) -> tuple[int, int] | None:
    """How many words two sentences share at their beginning and at their end, if they differ in one or two."""
    first, second = _bare(first), _bare(second)
    shorter = min(len(first), len(second))
    start = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    rest = shorter - start
    end = next((i for i in range(rest) if first[-1 - i] != second[-1 - i]), rest)
    differing = [len(sentence) - start - end for sentence in (first, second)]
    return (start, end) if start and all(1 <= n <= MAX_DIFFERING for n in differing) else None


def _bare(sentence: list[str]) -> list[str]:
    """The words without punctuation after them: "tall." and "tall" are one word."""
    return [word.rstrip(".,;:!?") or word for word in sentence]


def _cut(first: list[str], second: list[str], start: int, end: int) -> WinogradPair:
    """Two sentences up to and with the words in which they differ."""
    beginning = " ".join(first[:start])
    words = [" ".join(_bare(sentence)[start : len(sentence) - end]) for sentence in (first, second)]
    return WinogradPair(f"{beginning} {words[0]}", f"{beginning} {words[1]}", (words[0], words[1]))


def _token(single_token: Callable[[str], int | None], word: str) -> int | None:
    found = single_token(word)
    return None if found is None else check_integer(f"single_token({word!r})", found, low=0)


def _check_text(name: str, value: Any) -> str:
    """Return `value` if it is a string that is not blank, or raise a ValueError."""
    check_instance(name, value, str)
    if not value.strip():
        raise ValueError(f"{name} must not be empty, got {value!r}")
    return value


def _check_pair(name: str, value: Any) -> tuple[str, str]:
    """Return `value` as two different words without space around them, or raise a ValueError."""
    first, second = check_words(name, value, length=2)
    for word in (first, second):
        if not word or word != word.strip():
            raise ValueError(f"{name} must have words that are not empty and have no space around them, got {word!r}")
    if first == second:
        raise ValueError(f"{name} must have two different words, got {shown(first)} twice")
    return first, second


def _check_path(name: str, value: Any) -> Path:
    """Return `value` as the path of a file that is there, or raise a ValueError."""
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"{name} must be the path of a file, got {shown(value)}")
    try:
        path = Path(value)
        there = path.is_file()
    except (OSError, TypeError, ValueError):  # a path of bytes; a name that no file can have
        there = False
    if not there:
        raise ValueError(f"{name} must be the path of a file, got {shown(str(value))}: there is none")
    return path


def _read_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"{path} must be at most {LARGEST_FILE} bytes, got {size}")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} must be a file that can be read, got {error.strerror}") from None


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).decode("utf-8-sig")  # with or without the mark that some editors put first
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be UTF-8 text, got other bytes") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} must be JSON, got {error}") from None


def _records(content: Any, entry: str, entries: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """The list under `entry` of a file of schema 1, or a ValueError."""
    content = check_mapping("content", content)
    for needed in ("schema", entry):
        if needed not in content:
            raise ValueError(f"content must have an entry {needed!r}, got {shown(list(content))}")
    check_integer("schema", content["schema"], low=SCHEMA, high=SCHEMA)
    records = check_records(entry, content[entry], entries)
    if not records:
        raise ValueError(f"{entry} must not be empty")
    return records
