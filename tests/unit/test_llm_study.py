"""The measurement of section 5.2, beside brute force: on vectors made by hand, and on a tiny random model."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from linrep_core import llm_study as study
from linrep_core import llm_zeros as zeros
from linrep_core import steering
from linrep_core.llm import LanguageModel
from linrep_core.reproduction import RESULTS
from linrep_core.word_pairs import TokenConcept, token_concepts, translations, winograd_pairs

pytestmark = pytest.mark.slow  # the packages alone take seconds to import

TABLE = np.random.default_rng(0).normal(size=(60, 5)) @ np.diag([9.0, 1, 1, 1, 1]) + 2.0
FOUND = study.geometries(TABLE)
PLAIN = FOUND["euclidean"]
PAIRS = {"a": TABLE[:20].reshape(10, 2, 5), "b": TABLE[20:32].reshape(6, 2, 5)}
STEPS = np.random.default_rng(1).normal(size=(7, 5)) + np.eye(5)[0]


def cosine(a, b):
    return a @ b / np.sqrt(a @ a * (b @ b))


# ---- geometries -----------------------------------------------------------------------------------------------------


def test_the_first_component_is_the_direction_of_largest_variance():
    direction, share = study.first_component(TABLE)
    variances = [np.var(TABLE @ each) for each in (direction, *np.eye(5)[1:])]
    assert np.argmax(variances) == 0
    assert direction @ direction == pytest.approx(1)
    assert share == pytest.approx(variances[0] / TABLE.var(axis=0).sum())
    assert study.first_component(-TABLE)[0] == pytest.approx(direction)


def test_geometries_are_what_their_names_say():
    assert tuple(FOUND) == study.GEOMETRIES
    direction, _ = study.first_component(TABLE)
    without, causal = FOUND["first component removed"], FOUND["causal"]
    assert PLAIN.unembeddings(STEPS) is STEPS
    for change in (without.unembeddings, without.embeddings):
        assert change(STEPS) @ direction == pytest.approx(np.zeros(7))
        assert change(change(STEPS)) == pytest.approx(change(STEPS))
    assert np.cov(causal.unembeddings(TABLE).T, bias=True) == pytest.approx(np.eye(5))
    logits = causal.embeddings(STEPS) @ causal.unembeddings(TABLE).T
    assert logits == pytest.approx(STEPS @ TABLE.T)


# ---- unembeddings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_the_heat_map_is_the_mean_over_all_pairs_of_vectors(geometry):
    steering = [geometry.unembeddings(each[:, 1] - each[:, 0]) for each in PAIRS.values()]
    expected = np.empty((2, 2))
    for i, left in enumerate(steering):
        for j, right in enumerate(steering):
            values = [cosine(a, b) for k, a in enumerate(left) for n, b in enumerate(right) if i != j or k != n]
            expected[i, j] = np.mean(values)
    assert study.steering_heat_map(PAIRS, geometry) == pytest.approx(expected)


def test_directions_are_means_of_length_one():
    directions = study.concept_directions(PAIRS, PLAIN)
    for direction, pairs in zip(directions, PAIRS.values(), strict=True):
        mean = (pairs[:, 1] - pairs[:, 0]).mean(axis=0)
        assert direction == pytest.approx(mean / np.linalg.norm(mean))


def test_a_concept_that_was_put_there_is_straight_and_its_controls_are_not():
    base = np.random.default_rng(2).normal(size=(30, 40))
    pairs = np.stack([base, base + 3.0 * np.eye(40)[0] + 0.1 * base[::-1]], axis=1)
    table = np.random.default_rng(3).normal(size=(500, 40))
    row = study.straightness(pairs, table, PLAIN)
    assert row["n_pairs"] == 30
    assert row["low"] < row["within"] < row["high"]
    assert row["within"] > 0.9
    assert row["wrong_partners"] < 0.5
    assert abs(row["random"]) < 0.15
    assert row["p_value"] == pytest.approx(1 / (study.RESAMPLES + 1), abs=1e-6)
    shuffled = np.stack([base, np.roll(pairs[:, 1], 7, axis=0)], axis=1)
    assert study.straightness(shuffled, table, PLAIN)["p_value"] > 0.01


# ---- contexts -------------------------------------------------------------------------------------------------------


def test_cosines_are_those_of_the_mean_step():
    directions = study.concept_directions(PAIRS, PLAIN)
    expected = [cosine(STEPS.mean(axis=0), direction) for direction in directions]
    assert study.mean_cosines(STEPS, directions) == pytest.approx(expected)


def test_intervals_hold_the_cosine_and_narrow_with_more_sentences():
    directions = np.eye(5)[:1]
    wide, many = (study.mean_cosine_intervals(np.tile(STEPS, (n, 1)), directions)[0] for n in (1, 30))
    found = study.mean_cosines(STEPS, directions)[0]
    for low, high in (wide, many):
        assert low < found < high
    assert many[1] - many[0] < 0.4 * (wide[1] - wide[0])
    assert wide.tolist() == study.mean_cosine_intervals(STEPS, directions)[0].tolist()
    assert wide.tolist() != study.mean_cosine_intervals(STEPS, directions, seed=1)[0].tolist()


def test_each_sentence_is_compared_with_the_others():
    expected = [cosine(step, np.delete(STEPS, i, axis=0).mean(axis=0)) for i, step in enumerate(STEPS)]
    assert study.sentence_cosines(STEPS) == pytest.approx(expected)


def test_the_model_and_its_control_are_taken_to_the_same_coordinates():
    steps = study.ContextSteps(STEPS, STEPS)
    for geometry in FOUND.values():
        found = steps.sources(geometry)
        assert found["model"] == pytest.approx(geometry.embeddings(STEPS))
        assert found["bag of words"] == pytest.approx(geometry.unembeddings(STEPS))


# ---- what the paper printed -----------------------------------------------------------------------------------------


def test_the_papers_numbers_are_whole():
    paper = study.paper_numbers()
    heat_map = np.array(paper["heat_map"])
    assert paper["concepts"] == list(token_concepts())
    assert heat_map.shape == (27, 27)
    assert (heat_map == heat_map.T).all()
    assert (round(np.diag(heat_map).mean(), 3), round(np.abs(study.off_diagonal(heat_map)).mean(), 3)) == (0.168, 0.011)
    assert tuple(paper["contexts"]) == study.LANGUAGE_PAIRS
    for languages, values in paper["contexts"].items():
        assert len(values) == 27
        assert paper["concepts"][int(np.argmax(values))] == languages


def test_the_headline_of_a_model_is_the_mean_of_its_rows():
    folder = RESULTS / "models"
    tables = study.measured(folder, "smollm2-135m-instruct")
    assert {"summary", "unembeddings", "translations", "winograd"} <= set(tables)
    found = study.headline(tables, "causal")
    rows = {name: [row for row in rows if row["geometry"] == "causal"] for name, rows in tables.items()}
    gaps = [row["within"] - row["wrong_partners"] for row in rows["unembeddings"]]
    assert found["gap"] == pytest.approx(np.mean(gaps))
    assert found["low"] < found["gap"] < found["high"]
    for name, source in (("languages", "model"), ("bag", "bag of words")):
        own = [row for row in rows["translations"] if (row["source"], row["concept"]) == (source, row["languages"])]
        assert len(own) == 4
        assert found[name] == pytest.approx(np.mean([abs(row["cosine"]) for row in own]), abs=1e-6)
    own = [row["own"] for row in rows["winograd"] if row["source"] == "model"]
    assert found["words"] == pytest.approx(np.mean(own), abs=1e-6)
    assert set(study.paper_headline()) < set(found)
    assert study.measured(folder, "llama-of-nobody") == {}
    assert study.headline({}, "causal") == {}


# ---- a tiny model ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random model with a token for every word of the book's concepts."""
    pytest.importorskip("transformers", reason="the packages of requirements-llm.txt are not installed")
    tiny = importlib.import_module("test_llm")
    words = [word for concept in token_concepts().values() for pair in concept.pairs for word in pair]
    words += [word for pair in winograd_pairs() for word in f"{pair.first} {pair.second}".split()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny, "SENTENCES", [" ".join(words)])
        tokenizer = tiny.sentence_piece()
    model = tiny.llama(len(tokenizer), max_position_embeddings=512)
    return tiny.save(tmp_path_factory.mktemp("tiny"), model, tokenizer)


@pytest.fixture(scope="module")
def model(folder):
    return LanguageModel.load(folder, device="cpu")


def test_a_bag_of_words_is_the_mean_of_its_tokens(model):
    king, queen = (model.unembeddings[model.single_token(f" {word}")].numpy() for word in ("king", "queen"))
    found = model.bag_of_words(["king queen", "queen", "king king queen"]).numpy()
    assert found == pytest.approx(np.stack([(king + queen) / 2, queen, (2 * king + queen) / 3]), abs=1e-5)
    assert model.lengths(["king queen", "queen"]) == [2, 1]
    assert model.bag_of_words([]).shape == (0, model.dim)


def test_pairs_are_the_rows_of_single_tokens(model):
    concepts = token_concepts()
    pairs = study.concept_pairs(model)
    assert set(pairs) == set(concepts)
    first = concepts["male-female"].pairs[0]
    for side in (0, 1):
        row = model.unembeddings[model.single_token(f" {first[side]}")].numpy()
        assert pairs["male-female"][0, side] == pytest.approx(row)
    few = {"few": TokenConcept("few", "a", "b", "", [("king", "queen"), ("zzzz", "qqqq")])}
    with pytest.raises(ValueError, match="concepts must have one with 5 pairs"):
        study.concept_pairs(model, few)


def test_steps_are_differences_of_contexts(model):
    contexts = [("king", "queen"), ("man king queen", "woman king queen")]
    steps = study.context_steps(model, contexts, progress=False)
    for i, (first, second) in enumerate(contexts):
        before, after = model.embed([first, second], progress=False).numpy()
        assert steps.embeddings[i] == pytest.approx(after - before, abs=1e-5)
    assert study.within_length(model, contexts, 3, 3) == [contexts[1]]


def test_the_rows_of_translations_are_what_the_pieces_give(folder, model):
    rows = study.translation_study(str(folder), "en-fr")
    contexts = [(pair.first, pair.second) for pair in translations("en", "fr")]
    contexts = study.within_length(model, contexts)
    steps = study.context_steps(model, contexts, progress=False)
    geometry = study.geometries(model.unembeddings)["causal"]
    directions = study.concept_directions(study.concept_pairs(model), geometry)
    for source, vectors in steps.sources(geometry).items():
        chosen = [row for row in rows if (row["geometry"], row["source"]) == ("causal", source)]
        assert [row["concept"] for row in chosen] == [*token_concepts(), "random pairs"]
        assert {row["n_sentences"] for row in chosen} == {len(contexts)}
        found = [row["cosine"] for row in chosen[:-1]]
        assert found == pytest.approx(study.mean_cosines(vectors, directions), abs=1e-4)
    assert len(rows) == 3 * 2 * 28
    sentences = study.sentence_study(str(folder), "en-fr")
    assert [row["source"] for row in sentences] == ["model", "bag of words"] * 3
    assert sentences[4]["within"] == pytest.approx(
        study.sentence_cosines(geometry.embeddings(steps.embeddings)).mean(), abs=1e-4
    )


def test_the_rows_of_winograd_pairs_are_what_the_pieces_give(folder, model):
    rows = study.winograd_study(str(folder))
    pairs = winograd_pairs()
    assert len(rows) == 6 * len(pairs)
    steps = study.context_steps(model, [(pair.first, pair.second) for pair in pairs], progress=False)
    words = [[model.unembeddings[model.single_token(f" {word}")].numpy() for word in pair.words] for pair in pairs]
    words = np.array([second - first for first, second in words], dtype=float)
    table = [[cosine(step, word) for word in words] for step in steps.embeddings.astype(float)]
    for i, row in enumerate(rows[: len(pairs)]):
        assert (row["geometry"], row["source"], row["pair"]) == ("euclidean", "model", i)
        assert row["own"] == pytest.approx(table[i][i], abs=1e-4)
        assert row["others_max"] == pytest.approx(max(table[i][:i] + table[i][i + 1 :]), abs=1e-4)
        assert row["others_mean"] == pytest.approx(np.mean(table[i][:i] + table[i][i + 1 :]), abs=1e-4)
        assert (row["own_concept"] is None) == (pairs[i].concept is None)
    # the texts differ in one word alone: a bag of words steps exactly as the word does
    bags = [row["own"] for row in rows if row["source"] == "bag of words"]
    assert bags == pytest.approx(np.ones(len(bags)), abs=1e-3)


def test_a_random_model_has_no_concepts(folder):
    rows = study.unembedding_study(str(folder), "verb-Ved")
    assert [row["geometry"] for row in rows] == list(study.GEOMETRIES)
    # its words are random vectors: only pairs that share a word are parallel, and there are none here
    assert all(abs(row["within"]) < 0.3 for row in rows)
    summary = study.summary_study(str(folder))
    assert [row["geometry"] for row in summary] == list(study.GEOMETRIES)
    assert all(row["n_concepts"] == 27 and not row["tied"] for row in summary)


# ---- variants and word vectors --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A file of word vectors in which one concept is a straight line."""
    chosen = ("male-female", "country-capital")
    words = sorted({word for name in chosen for pair in token_concepts()[name].pairs for word in pair})
    women = {pair[1] for pair in token_concepts()["male-female"].pairs}
    noise = np.random.default_rng(0).normal(size=(len(words), 8))
    table = noise + 5 * np.array([[word in women] * 8 for word in words])
    path = tmp_path_factory.mktemp("vectors") / "small.txt"
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, table, strict=True)))
    return path


def test_a_name_may_ask_for_a_variant(folder, vectors, model):
    assert study.read_model(str(folder)).name == str(folder)
    cut = study.read_model(f"{folder}#layers=1")
    expected = model.cut(1).embed(["king queen"], progress=False).numpy()
    assert cut.embed(["king queen"], progress=False).numpy() == pytest.approx(expected)
    for name, seed in ((f"{folder}#untrained", 0), (f"{folder}#untrained=3", 3)):
        assert study.read_model(name).unembeddings.equal(model.untrained(seed=seed).unembeddings)
    assert study.read_model(str(vectors)).dim == 8
    assert study.read_model(f"{vectors}#words=5").n_tokens == 5


def test_a_variant_that_there_is_not_is_named(folder, vectors):
    with pytest.raises(ValueError, match=r"a language model to have the variant #untrained, got 'small'"):
        study.read_model(f"{vectors}#untrained")
    with pytest.raises(ValueError, match="word vectors to have the variant #words"):
        study.read_model(f"{folder}#words=5")
    with pytest.raises(ValueError, match=r"a number in its variant, such as #layers=6, got #layers"):
        study.read_model(f"{folder}#layers")
    with pytest.raises(ValueError, match="n_layers must be at most 2, got 7"):
        study.read_model(f"{folder}#layers=7")


def test_word_vectors_are_measured_as_unembeddings_are(vectors):
    rows = study.unembedding_study(str(vectors), "male-female")
    assert [row["geometry"] for row in rows] == list(study.GEOMETRIES)
    pairs = study.concept_pairs(study.read_model(str(vectors)))["male-female"]
    assert len(pairs) == rows[0]["n_pairs"] == len(token_concepts()["male-female"].pairs)
    assert rows[0]["within"] > 0.9
    # noise, but the sides differ: a wrong partner is as good as the right one
    assert rows[0]["wrong_partners"] == pytest.approx(rows[0]["within"], abs=0.05)
    summary = study.summary_study(str(vectors))
    assert {(row["dim"], row["tied"], row["n_concepts"]) for row in summary} == {(8, None, 2)}
    assert {row["n_tokens"] for row in summary} == {len(vectors.read_text("utf8").splitlines())}


def test_word_vectors_have_no_contexts(vectors):
    for call in (study.translation_study, study.sentence_study):
        with pytest.raises(ValueError, match="model must be a LanguageModel, got WordVectors"):
            call(str(vectors), "en-fr")
    of_one_model = (
        study.winograd_study,
        zeros.zeros_study,
        zeros.squares_study,
        steering.strength_study,
        steering.continuation_study,
        steering.explorer_data,
    )
    for call in of_one_model:
        with pytest.raises(ValueError, match="model must be a LanguageModel, got WordVectors"):
            call(str(vectors))


def test_the_whole_depth_is_the_whole_model(folder):
    rows = study.depth_study(str(folder), 2, "en-fr")
    whole = [row for row in study.translation_study(str(folder), "en-fr") if row["source"] == "model"]
    for row in rows:
        here = {each["concept"]: each["cosine"] for each in whole if each["geometry"] == row["geometry"]}
        assert row["own"] == pytest.approx(here["en-fr"])
        assert row["chance"] == pytest.approx(here.pop("random pairs"))
        assert abs(here[row["leader"]]) == max(map(abs, here.values()))
        assert row["low"] <= row["high"]
    winograd = study.depth_study(str(folder), 1, "winograd")
    assert [row["geometry"] for row in winograd] == list(study.GEOMETRIES)
    assert all(row["low"] < row["own"] < row["high"] for row in winograd)
    other = study.depth_study(str(folder), 0, "en-fr")
    assert [row["own"] for row in other] != [row["own"] for row in rows]


# ---- bad input ------------------------------------------------------------------------------------------------------

NAN = float("nan")
VECTORS = [
    ([[1.0], [2.0, 3.0]], "without ragged rows"),
    ([[NAN] * 5], "finite entries, got nan"),
    ("ab", "array of real numbers"),
    ([1.0, 2.0], "shape"),
]
CALLS = {
    "unembeddings": (study.geometries, {"unembeddings": TABLE}, [*VECTORS, ([[1.0, 2.0]], "at least 2 rows")]),
    "first_component": (study.first_component, {"unembeddings": TABLE}, [(np.ones((3, 2)), "rows that differ")]),
    "first": (study.cosine_table, {"first": STEPS, "second": STEPS}, VECTORS),
    "second": (study.cosine_table, {"second": STEPS, "first": STEPS}, [*VECTORS, ([[1.0, 2.0]], "shape (k, 5)")]),
    "table": (study.off_diagonal, {"table": np.eye(2)}, [(np.ones((2, 3)), "square, got (2, 3)"), (3, "shape")]),
    "steps": (study.mean_cosines, {"steps": STEPS, "directions": STEPS}, [*VECTORS, (np.ones((0, 5)), "at least one")]),
    "steps of intervals": (study.mean_cosine_intervals, {"steps": STEPS, "directions": STEPS}, VECTORS),
    "seed": (
        study.mean_cosine_intervals,
        {"seed": 0, "steps": STEPS, "directions": STEPS},
        [(-1, "at least 0, got -1"), (0.5, "integer, got 0.5")],
    ),
    "steps of sentences": (study.sentence_cosines, {"steps": STEPS}, [*VECTORS, (STEPS[:1], "at least 2")]),
    "pairs": (
        study.steering_heat_map,
        {"pairs": PAIRS, "geometry": PLAIN},
        [({}, "at least one concept"), ([1], "mapping"), ({"a": [[1.0]]}, "pairs['a'] must have shape")],
    ),
    "geometry": (study.concept_directions, {"geometry": PLAIN, "pairs": PAIRS}, [("causal", "a Geometry, got str")]),
    "pairs of one": (
        study.straightness,
        {"pairs": PAIRS["a"], "unembeddings": TABLE, "geometry": PLAIN},
        [(STEPS, "shape (n_pairs, 2, dim)")],
    ),
    "model": (study.concept_pairs, {"model": None}, [(None, "a LanguageModel"), ("bundled", "a LanguageModel")]),
    "embeddings": (study.ContextSteps, {"embeddings": STEPS, "words": STEPS}, [*VECTORS, (STEPS[:0], "at least one")]),
    "words": (
        study.ContextSteps,
        {"words": STEPS, "embeddings": STEPS},
        [*VECTORS[2:], (STEPS[:3], "shape (7, 5)"), (STEPS * NAN, "finite")],
    ),
    "name of a model": (
        study.summary_study,
        {"model": "x"},
        [("", "a folder"), ([3], "a folder"), ("/no/such", "got")],
    ),
    "contexts": (
        study.depth_study,
        {"contexts": "en-fr", "model": "x", "n_layers": 1},
        [("en-de", "one of 'fr-es'"), (0, "got 0")],
    ),
    "n_layers": (
        study.depth_study,
        {"n_layers": 1, "model": "x", "contexts": "winograd"},
        [(-1, "at least 0, got -1"), ("2", "integer, got '2'")],
    ),
    "folder": (study.measured, {"folder": RESULTS, "name": "x"}, [("/no/such", "a folder of results"), (3, "got 3")]),
    "name": (study.measured, {"name": "x", "folder": RESULTS}, [("", "got ''"), ("a/b", "got 'a/b'"), (3, "got 3")]),
    "tables": (study.headline, {"tables": {}, "geometry": "causal"}, [([1], "mapping, got [1]"), (None, "mapping")]),
    "geometry of tables": (study.headline, {"geometry": "causal", "tables": {}}, [("plain", "one of 'euclidean'")]),
    "concept": (
        study.unembedding_study,
        {"concept": "a", "model": "x"},
        [("king", "one of 'verb-3pSg'"), (0, "got 0")],
    ),
}


@pytest.mark.parametrize(
    ("call", "value", "words"),
    [(call, value, words) for call, (_, _, rows) in CALLS.items() for value, words in rows],
)
def test_bad_input_is_named(call, value, words):
    function, arguments, _ = CALLS[call]
    name = next(iter(arguments))
    if name == "model" and isinstance(value, str) and value == "/no/such":
        pytest.importorskip("transformers")
    with pytest.raises(ValueError) as caught:
        function(**{**arguments, name: value})
    message = str(caught.value)
    assert words in message
    assert name.removesuffix("s") in message or "name_or_path" in message


@pytest.mark.parametrize(
    ("contexts", "words"),
    [
        ([], "at least one pair of texts, got none"),
        ([("a",)], "contexts[0] must have length 2"),
        ([("a", 3)], "contexts[0] must hold strings, got 3"),
        ("ab", "contexts must be a sequence"),
        ([("a", "")], "at least one token"),
        ([("a", "king " * 600)], "at most the 512 tokens"),
    ],
)
def test_bad_contexts_are_named(model, contexts, words):
    with pytest.raises(ValueError) as caught:
        study.context_steps(model, contexts, progress=False)
    assert words in str(caught.value)


def test_bad_lengths_and_languages_are_named(folder, model):
    with pytest.raises(ValueError, match="longest must be at least 5, got 4"):
        study.within_length(model, [("a", "b")], 5, 4)
    for function in (study.translation_study, study.sentence_study):
        for languages in ("es-fr", ["fr-es"], None):
            with pytest.raises(ValueError, match="languages must be one of 'fr-es'"):
                function(str(folder), languages)


# ---- the files of results/models/, measured anew in part ------------------------------------------------------------


@pytest.mark.slow
def test_the_files_are_what_the_bundled_model_gives(smollm, filed, monkeypatch):
    monkeypatch.setattr(study, "read_model", lambda name: smollm)
    for row, again in zip(
        filed("unembeddings", concept="country-capital"),
        study.unembedding_study("bundled", "country-capital"),
        strict=True,
    ):
        assert {name: row[name] for name in again} == pytest.approx(again, abs=1e-3)
    model, pairs, spaces = study._studied("bundled")
    geometry = spaces["causal"]
    contexts = [(pair.first, pair.second) for pair in translations("de", "es")]
    vectors = study.context_steps(model, contexts, progress=False).sources(geometry)
    directions = study.concept_directions(pairs, geometry)
    for source, steps in vectors.items():
        rows = filed("translations", languages="de-es", geometry="causal", source=source)[:-1]
        assert [row["concept"] for row in rows] == list(pairs)
        assert [row["cosine"] for row in rows] == pytest.approx(study.mean_cosines(steps, directions), abs=2e-3)
        (row,) = filed("sentences", languages="de-es", geometry="causal", source=source)
        assert row["within"] == pytest.approx(study.sentence_cosines(steps).mean(), abs=2e-3)
