"""Zero probabilities in a real model, beside brute force: on vectors made by hand, and on a tiny random model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from test_llm_study import folder, model  # noqa: F401 (fixtures)

from linrep_core import llm_study as study
from linrep_core import llm_zeros as zeros
from linrep_core.word_pairs import token_concepts

pytestmark = pytest.mark.slow  # the packages alone take seconds to import

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(60, 5)) @ np.diag([9.0, 1, 1, 1, 1]) + 2.0
FOUND = study.geometries(TABLE)
PAIRS = {"a": TABLE[:20].reshape(10, 2, 5), "b": TABLE[20:32].reshape(6, 2, 5)}
FEATURES = RANDOM.normal(size=(4, 5))
SEEN = [
    zeros.SeenWord("a", 0, "x", "right", "wrong", 1, (1, 0)),
    zeros.SeenWord("a", 0, "y", "right", "wrong", 0, (2, 3)),
    zeros.SeenWord("b", 1, "z", "right", "wrong", 1, (21, 20)),
    zeros.SeenWord("b", 2, "w", "right", "wrong", 0, (22, 23)),
]
OWN = np.array([TABLE[each.tokens[0]] - TABLE[each.tokens[1]] for each in SEEN])


def cosine(a, b):
    return a @ b / np.sqrt(a @ a * (b @ b))


# ---- contexts -------------------------------------------------------------------------------------------------------


def test_a_seen_word_comes_next_in_its_sentence_and_its_partner_is_of_its_concept():
    vocabulary = {}
    for concept in token_concepts().values():
        for pair in concept.pairs:
            for word in pair:
                vocabulary.setdefault(word, len(vocabulary))
    texts = zeros._sentences()
    every = {number: [text for found in texts.values() for n, text in found if n == number] for number in range(125)}
    seen = zeros.seen_words(vocabulary.get)
    assert {each.concept for each in seen} == set(token_concepts())
    for each in seen:
        pair = (each.right, each.wrong) if each.side == 0 else (each.wrong, each.right)
        assert pair in token_concepts()[each.concept].pairs
        assert any(text.startswith(f"{each.context} {each.right}") for text in every[each.sentence])
        assert each.tokens == (vocabulary[each.right], vocabulary[each.wrong])
    assert max(sum(each.concept == name for each in seen) for name in token_concepts()) == zeros.PER_CONCEPT
    assert seen == zeros.seen_words(vocabulary.get)
    assert seen != zeros.seen_words(vocabulary.get, seed=1)
    assert len(zeros.seen_words(vocabulary.get, per_concept=2)) <= 54


def test_frames_come_in_pairs_for_known_concepts_and_do_not_end_with_a_pair():
    found = zeros.frames()
    assert set(found) <= set(token_concepts())
    assert set(study.LANGUAGE_PAIRS) <= set(found)
    assert list(found) == [name for name in token_concepts() if name in found]
    for name, contexts in found.items():
        assert len(contexts) == len(set(contexts)) == 6
        for first, second in contexts:
            assert first != second
            assert first == first.strip()
            assert second == second.strip()
            ends = {first.split()[-1], second.split()[-1]}
            assert name in study.LANGUAGE_PAIRS or ends not in [set(pair) for pair in token_concepts()[name].pairs]


# ---- layers ---------------------------------------------------------------------------------------------------------


def test_layers_hold_each_token_once_with_the_means_of_its_numbers():
    rows = zeros.probability_layers(FEATURES, TABLE)
    logits = FEATURES @ TABLE.T
    logs = np.log10(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert len(rows) > 3
    centred = TABLE - TABLE.mean(axis=0)
    for row in rows:
        inside = [(i, j) for i in range(4) for j in range(60) if row["to"] < logs[i, j] <= row["from"]]
        assert row["share"] == pytest.approx(len(inside) / 240)
        below = np.mean([logits[i].max() - logits[i, j] for i, j in inside])
        assert row["below_top"] == pytest.approx(below)
        for name in ("euclidean", "causal"):
            map_f, map_g = FOUND[name].embeddings, FOUND[name].unembeddings
            expected = np.mean([cosine(map_f(FEATURES[i]), map_g(centred[j])) for i, j in inside])
            assert row[name] == pytest.approx(expected)


# ---- correlation ----------------------------------------------------------------------------------------------------


def test_the_rank_correlation_is_spearmans_with_an_interval_around_it():
    x = RANDOM.normal(size=40)
    y = x + RANDOM.normal(size=40)
    found = zeros.rank_correlation(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.low < found.value < found.high
    assert found.p_value == pytest.approx(0.001)
    noise = zeros.rank_correlation(x, RANDOM.normal(size=40))
    assert noise.p_value > 0.01
    assert str(noise).endswith(f"p = {noise.p_value:.3f}")


def test_clusters_are_resampled_together():
    x = RANDOM.normal(size=10)
    y = x + RANDOM.normal(size=10)
    alone = zeros.rank_correlation(np.tile(x, 8), np.tile(y, 8))
    together = zeros.rank_correlation(np.tile(x, 8), np.tile(y, 8), clusters=list(range(10)) * 8)
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_strata_leave_out_what_differs_between_them():
    concept = np.repeat([0, 1], 30)
    x, y = RANDOM.normal(size=60) + 10 * concept, RANDOM.normal(size=60) + 10 * concept
    assert zeros.rank_correlation(x, y).p_value == pytest.approx(0.001)
    assert zeros.rank_correlation(x, y, strata=concept).p_value > 0.01


# ---- cosines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_cosines_of_seen_words_leave_their_own_pair_out(geometry):
    found = zeros.seen_cosines(SEEN, FEATURES, OWN, PAIRS, geometry)
    places = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    for i, (concept, pair) in enumerate(places):
        f = geometry.embeddings(FEATURES[i])
        assert found["own"][i] == pytest.approx(cosine(f, geometry.unembeddings(OWN[i])))
        rest = np.delete(PAIRS[concept], pair, axis=0)
        mean = geometry.unembeddings((rest[:, 1] - rest[:, 0]).mean(axis=0)) * (1 if SEEN[i].side else -1)
        assert found["others"][i] == pytest.approx(cosine(f, mean))
        other = PAIRS["b" if concept == "a" else "a"]
        direction = geometry.unembeddings((other[:, 1] - other[:, 0]).mean(axis=0))
        assert found["elsewhere"][i] == pytest.approx(abs(cosine(f, direction)))


def test_pairs_that_share_a_word_are_left_out_too():
    pairs = np.stack([PAIRS["a"][0], [PAIRS["a"][0, 0], PAIRS["a"][1, 1]], PAIRS["a"][2]])
    mean = zeros._without(pairs, pairs[0, 1] - pairs[0, 0])
    assert mean == pytest.approx(pairs[2, 1] - pairs[2, 0])


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_a_square_is_what_the_formulas_say(geometry):
    pairs, steps = PAIRS["a"], FEATURES
    found = zeros.square_numbers(steps, pairs, geometry)
    changes = pairs[:, 1] - pairs[:, 0]
    products = np.array([[step @ change for change in changes] for step in steps])
    assert found["push"] == pytest.approx(products.mean())
    assert found["positive"] == pytest.approx(np.mean(products > 0))
    assert found["low"] <= np.median(products) <= found["high"]
    assert found["push_1"] == pytest.approx(products[[0, 2]][:, ::2].mean())
    assert found["push_2"] == pytest.approx(products[[1, 3]][:, 1::2].mean())
    f = geometry.embeddings(steps[[1, 3]].mean(axis=0))
    g = [geometry.unembeddings(change) for change in changes[1::2]]
    assert found["aligned_1"] == pytest.approx(cosine(f, np.mean(g, axis=0)))
    between = [cosine(a, b) for i, a in enumerate(g) for b in g[:i]]
    assert found["straight_1"] == pytest.approx(np.mean(between))


# ---- a tiny model, and the bundled one ------------------------------------------------------------------------------


def test_the_rows_are_what_the_pieces_give(folder, model):  # noqa: F811
    rows = zeros.zeros_study(str(folder))
    seen = zeros.seen_words(lambda word: model.single_token(f" {word}"))
    assert len(rows) == 3 * len(seen)
    logs = model.next_token_log_probabilities([each.context for each in seen], progress=False).numpy()
    for row, each, own in zip(rows, seen, logs, strict=False):
        assert (row["right"], row["concept"], row["geometry"]) == (each.right, each.concept, "euclidean")
        assert row["ln_right"] == pytest.approx(own[each.tokens[0]], abs=1e-3)
        assert row["ln_wrong"] == pytest.approx(own[each.tokens[1]], abs=1e-3)
    odds = [row["ln_right"] - row["ln_wrong"] for row in rows]
    assert (np.sign(odds) == np.sign([row["own"] for row in rows]))[: len(seen)].all()  # the identity
    squares = zeros.squares_study(str(folder))
    assert [row["concept"] for row in squares] == list(zeros.frames()) * 3
    assert len({row["push"] for row in squares}) == len(squares) // 3  # no geometry is involved


def test_committed_rows_come_out_again(smollm, filed):
    pairs, found = study.concept_pairs(smollm), study.geometries(smollm.unembeddings)
    geometry = found["causal"]
    every = zeros.seen_words(lambda word: smollm.single_token(f" {word}"))
    rows = filed("zeros", geometry="causal")
    assert len(rows) == len(every)
    places = range(0, len(every), 31)
    seen = [every[i] for i in places]
    features = smollm.embed([each.context for each in seen], progress=False).numpy().astype(float)
    own = smollm.unembeddings.numpy()[[each.tokens for each in seen]].astype(float)
    cosines = zeros.seen_cosines(seen, features, own[:, 0] - own[:, 1], pairs, geometry)
    odds = (features * (own[:, 0] - own[:, 1])).sum(axis=1)
    for k, i in enumerate(places):
        assert rows[i]["ln_right"] - rows[i]["ln_wrong"] == pytest.approx(odds[k], abs=0.02)
        for name in ("own", "others", "elsewhere"):
            assert rows[i][name] == pytest.approx(cosines[name][k], abs=0.002)
    steps = study.context_steps(smollm, zeros.frames()["noun-plural"], progress=False).embeddings
    (row,) = filed("squares", geometry="causal", concept="noun-plural")
    for name, value in zeros.square_numbers(steps, pairs["noun-plural"], geometry).items():
        assert row[name] == pytest.approx(value, abs=0.02)


# ---- bad input ------------------------------------------------------------------------------------------------------

X = [1.0, 2.0, 3.0]
CALLS = {
    "first": (zeros.rank_correlation, {"first": X, "second": X}, [([1, 1, 1], "differ, got 1 only"), ("ab", "array")]),
    "second": (zeros.rank_correlation, {"second": X, "first": X}, [(X[:2], "as many values as first"), (X + X, "6")]),
    "clusters": (
        zeros.rank_correlation,
        {"clusters": None, "first": X, "second": X},
        [([1], "length 3"), (7, "got 7")],
    ),
    "strata": (zeros.rank_correlation, {"strata": None, "first": X, "second": X}, [([1], "length 3")]),
    "n_resamples": (zeros.rank_correlation, {"n_resamples": 9, "first": X, "second": X}, [(0, "at least 1, got 0")]),
    "seed": (zeros.rank_correlation, {"seed": 0, "first": X, "second": X}, [(-1, "at least 0, got -1")]),
    "per_concept": (zeros.seen_words, {"per_concept": 1, "single_token": {}.get}, [(0, "at least 1, got 0")]),
    "single_token": (zeros.seen_words, {"single_token": {}.get}, [("king", "function of a word, got 'king'")]),
    "features": (
        zeros.probability_layers,
        {"features": FEATURES, "unembeddings": TABLE},
        [(FEATURES[:, :3], "shape (n_contexts, 5)"), (FEATURES[:0], "at least one context")],
    ),
    "unembeddings": (zeros.probability_layers, {"unembeddings": TABLE, "features": FEATURES}, [(TABLE[0], "shape")]),
    "steps": (
        zeros.square_numbers,
        {"steps": FEATURES, "pairs": PAIRS["a"], "geometry": FOUND["causal"]},
        [(FEATURES[:1], "at least 2 and pairs at least 4, got 1"), (FEATURES[:, :2], "shape (n_frames, 5)")],
    ),
    "pairs": (
        zeros.square_numbers,
        {"pairs": PAIRS["a"], "steps": FEATURES, "geometry": FOUND["causal"]},
        [(PAIRS["a"][:3], "at least 4, got 4 and 3"), (FEATURES, "shape (n_pairs, 2, dim)")],
    ),
    "geometry": (
        zeros.square_numbers,
        {"geometry": None, "steps": FEATURES, "pairs": PAIRS["a"]},
        [("causal", "a Geometry, got str 'causal'")],
    ),
    "model": (zeros.zeros_study, {"model": ""}, [("", "a folder"), (3, "a folder")]),
    "own": (
        zeros.seen_cosines,
        {"own": OWN, "seen": SEEN, "features": FEATURES, "pairs": PAIRS, "geometry": FOUND["causal"]},
        [(OWN[:2], "shape (4, dim)")],
    ),
}


@pytest.mark.parametrize(
    ("call", "value", "words"),
    [(call, value, words) for call, (_, _, rows) in CALLS.items() for value, words in rows],
)
def test_bad_input_is_named(call, value, words):
    function, arguments, _ = CALLS[call]
    with pytest.raises(ValueError) as caught:
        function(**{**arguments, call: value})
    assert words in str(caught.value)
    assert call.removesuffix("s") in str(caught.value)
