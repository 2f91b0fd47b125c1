"""Steering, beside brute force: on vectors made by hand, on a tiny random model, and on the bundled one's files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_llm_study import folder, model  # noqa: F401 (fixtures)

from linrep_core import figures, steering
from linrep_core import llm_study as study
from linrep_core.reproduction import RESULTS
from linrep_core.word_pairs import single_token_pairs, token_concepts

pytestmark = pytest.mark.slow  # the packages alone take seconds to import

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(60, 5)) @ np.diag([9.0, 1, 1, 1, 1]) + 2.0
FOUND = study.geometries(TABLE)
STEP = np.array([1.0, 2.0, 0.0, -1.0, 0.5])
PAIRS = {
    "a": np.stack([TABLE[:10], TABLE[10:20] * 0.1 + TABLE[:10] + STEP], axis=1),
    "b": np.stack([TABLE[20:26], TABLE[20:26] + TABLE[26:32] * 0.05 + STEP[::-1]], axis=1),
}
FEATURES = RANDOM.normal(size=(3, 5))


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


# ---- directions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_one_unit_of_strength_is_a_nat_for_the_mean_pair(geometry):
    direction = steering.steering_direction(PAIRS["a"], geometry)
    assert steering.log_odds_change(direction, PAIRS["a"]).mean() == pytest.approx(1)
    before = [np.log(softmax(TABLE @ f)) for f in FEATURES]
    after = steering.steered_log_probabilities(FEATURES, TABLE, direction, 3.0)
    change = 3.0 * direction @ (TABLE[7] - TABLE[4])
    for old, new in zip(before, after, strict=True):  # whatever the context, and exactly
        assert (new[7] - new[4]) - (old[7] - old[4]) == pytest.approx(change)
        assert np.exp(new).sum() == pytest.approx(1)


def test_directions_are_those_of_their_geometry():
    mean = (PAIRS["a"][:, 1] - PAIRS["a"][:, 0]).mean(axis=0)
    covariance = np.cov(TABLE.T, bias=True)
    expected = {"euclidean": mean, "causal": np.linalg.inv(covariance) @ mean}
    for name, vector in expected.items():
        direction = steering.steering_direction(PAIRS["a"], FOUND[name])
        assert direction / np.linalg.norm(direction) == pytest.approx(vector / np.linalg.norm(vector))
    component, _ = study.first_component(TABLE)
    assert steering.steering_direction(PAIRS["a"], FOUND["first component removed"]) @ component == pytest.approx(0)


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_a_held_out_pair_is_not_in_its_direction(geometry):
    found = steering.held_out_change(PAIRS["b"], geometry)
    for k, pair in enumerate(PAIRS["b"]):
        direction = steering.steering_direction(np.delete(PAIRS["b"], k, axis=0), geometry)
        assert found[k] == pytest.approx(steering.log_odds_change(direction, pair[None])[0])


@pytest.mark.parametrize("geometry", FOUND.values(), ids=FOUND)
def test_side_effects_are_per_nat_of_a_held_out_pair(geometry):
    table = steering.side_effects(PAIRS, geometry)
    direction = steering.steering_direction(PAIRS["a"], geometry)
    others = np.abs(steering.log_odds_change(direction, PAIRS["b"])).mean()
    assert table[0, 1] == pytest.approx(others / steering.held_out_change(PAIRS["a"], geometry).mean())
    assert table[0, 0] == table[1, 1] == 1


def test_a_concept_at_a_right_angle_is_left_alone():
    base = np.zeros((4, 5))
    pairs = {"x": np.stack([base, base + np.eye(5)[0]], axis=1), "y": np.stack([base, base + np.eye(5)[1]], axis=1)}
    assert steering.side_effects(pairs, FOUND["euclidean"]) == pytest.approx(np.eye(2))
    assert steering.side_effects(pairs, FOUND["causal"])[0, 1] > 0  # another right angle


def test_damage_is_measured_from_the_unsteered():
    plain, steered = (np.log(softmax(row))[None] for row in RANDOM.normal(size=(2, 6)))
    found = steering._damage(plain, steered)
    p, q = np.exp(steered[0]), np.exp(plain[0])
    assert found["entropy"] == pytest.approx(-sum(p * np.log(p)))
    assert found["divergence"] == pytest.approx(sum(p * np.log(p / q)))
    assert found["top"] == pytest.approx(p.max())
    assert steering._damage(plain, plain)["divergence"] == steering._damage(plain, plain)["changed"] == 0


# ---- a tiny model ---------------------------------------------------------------------------------------------------


def test_texts_go_on_with_the_likeliest_token(model):  # noqa: F811
    text, nothing = "king queen", np.zeros((1, model.dim))
    (added,), surprise = steering.continue_texts(model, [text], nothing, n_tokens=3)
    grown, expected = text, []
    for _ in range(3):
        logs = model.next_token_log_probabilities([grown], progress=False)[0]
        expected.append(-float(logs.max()))
        grown += model.token_text(int(logs.argmax()))
    assert text + added == grown
    assert surprise[0] == pytest.approx(np.mean(expected), abs=1e-3)
    push = 1e3 * model.unembeddings[model.single_token(" woman")].numpy()[None]
    nearest = int((model.unembeddings.numpy() @ push[0]).argmax())  # not always the token itself: rows differ in length
    (pushed,), more = steering.continue_texts(model, [text], push, n_tokens=2)
    assert pushed == 2 * model.token_text(nearest)
    assert more[0] > surprise[0]


def test_the_rows_are_whole(folder):  # noqa: F811
    name = str(folder)
    n = len(token_concepts())
    effects = steering.side_effect_study(name)
    assert len(effects) == 3 * n
    measured = [row for row in effects if row["others"] is not None]
    assert measured
    assert all(row["worst"] >= row["others"] > 0 for row in measured)
    strengths = steering.strength_study(name)
    assert len(strengths) == 3 * n * len(steering.STRENGTHS)
    assert all(row["divergence"] == row["changed"] == 0 for row in strengths if row["strength"] == 0)
    assert all(row["divergence"] > 0 for row in strengths if row["strength"] != 0)
    continued = steering.continuation_study(name)
    assert len(continued) == 3 * len(steering.CONTEXTS) * len(steering.CONTINUED)
    data = steering.explorer_data(name)
    assert np.shape(data["tokens"]) == np.shape(data["probabilities"])
    figures.steering_explorer(data)  # of any model


def test_the_explorer_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "explorer.json"
    steering.write_explorer({"schema": 1, "slopes": [[1.0]]}, path)
    assert steering.read_explorer(path)["slopes"] == [[1.0]]
    with pytest.raises(TypeError):
        steering.write_explorer({"schema": object()}, path)
    assert steering.read_explorer(path)["slopes"] == [[1.0]]
    assert [each.name for each in tmp_path.iterdir()] == ["explorer.json"]


# ---- the files of the bundled model ---------------------------------------------------------------------------------


def test_committed_rows_come_out_again(smollm, filed):
    pairs, found = study.concept_pairs(smollm), study.geometries(smollm.unembeddings)
    for name in ("euclidean", "causal"):
        table = steering.side_effects(pairs, found[name])
        for i, row in enumerate(filed("side-effects", geometry=name)):
            assert row["others"] == pytest.approx(np.delete(table[i], i).mean(), abs=1e-3)
            assert row["held_out"] == pytest.approx(
                steering.held_out_change(pairs[row["concept"]], found[name]).mean(), abs=1e-3
            )
    direction = steering.steering_direction(pairs["male-female"], found["causal"])
    text = "My best friend is a"
    (row,) = filed("continuations", geometry="causal", context=text, strength=4)
    (added,), _ = steering.continue_texts(smollm, [text], 4 * direction[None], n_tokens=3)
    assert json.loads(row["continuation"]).startswith(added)


def test_the_explorers_file_comes_out_again(smollm):
    data = steering.read_explorer(RESULTS / "models" / "smollm2-135m-instruct-steering.json")
    assert data["contexts"] == list(steering.CONTEXTS)
    i, j = 3, data["concepts"].index("verb-Ving")
    pairs, found = study.concept_pairs(smollm), study.geometries(smollm.unembeddings)
    kept = single_token_pairs(token_concepts()["verb-Ving"], lambda word: smollm.single_token(f" {word}")).kept
    others = pairs["verb-Ving"][[not {*pair} & {*data["pairs"][j]} for pair in kept]]
    direction = steering.steering_direction(others, found["causal"])
    features = smollm.embed([data["contexts"][i]], progress=False)
    for k, strength in enumerate(data["strengths"]):
        logs = steering.steered_log_probabilities(features, smollm.unembeddings, direction, strength)[0]
        for token, probability in zip(data["tokens"][i][j][k], data["probabilities"][i][j][k], strict=True):
            number = smollm.single_token(token)
            if number is not None:  # a word with its space
                assert np.log(probability) == pytest.approx(logs[number], abs=0.05)
        base, target = data["probabilities"][i][j][k][-2:]
        line = data["log_odds"][i][j] + strength * data["slopes"][j][j]
        assert np.log(target / base) == pytest.approx(line, abs=0.02)


# ---- bad input ------------------------------------------------------------------------------------------------------

PLAIN = FOUND["euclidean"]
CALLS = {
    "pairs": (
        steering.steering_direction,
        {"pairs": PAIRS["a"], "geometry": PLAIN},
        [(PAIRS["a"][:0], "at least one pair"), (np.zeros((2, 2, 5)), "do not cancel"), (TABLE, "shape (n_pairs, 2")],
    ),
    "geometry": (steering.steering_direction, {"geometry": PLAIN, "pairs": PAIRS["a"]}, [("causal", "a Geometry")]),
    "pairs of one": (steering.held_out_change, {"pairs": PAIRS["a"], "geometry": PLAIN}, [(PAIRS["a"][:1], "got 1")]),
    "pairs of all": (steering.side_effects, {"pairs": PAIRS, "geometry": PLAIN}, [([1], "mapping, got [1]")]),
    "direction": (
        steering.log_odds_change,
        {"direction": STEP, "pairs": PAIRS["a"]},
        [(STEP[:2], "shape (5,)"), (STEP * np.nan, "finite")],
    ),
    "features": (
        steering.steered_log_probabilities,
        {"features": FEATURES, "unembeddings": TABLE, "direction": STEP, "strength": 1},
        [(FEATURES[0], "shape (n, 5)")],
    ),
    "strength": (
        steering.steered_log_probabilities,
        {"strength": 1, "features": FEATURES, "unembeddings": TABLE, "direction": STEP},
        [(np.inf, "finite number"), ("strong", "finite number")],
    ),
    "names": (steering.shared_words, {"names": [], "single_token": {}.get}, [("verb", "sequence"), ([3], "strings")]),
    "model": (steering.continue_texts, {"model": None, "texts": [], "pushes": []}, [("bundled", "a LanguageModel")]),
    "path": (steering.read_explorer, {"path": "x"}, [("/no/such.json", "explorer_data made"), (None, "got None")]),
    "data": (steering.write_explorer, {"data": {}, "path": "x.json"}, [([1], "mapping, got [1]")]),
}


@pytest.mark.parametrize(
    ("call", "value", "words"),
    [(call, value, words) for call, (_, _, rows) in CALLS.items() for value, words in rows],
)
def test_bad_input_is_named(call, value, words):
    function, arguments, _ = CALLS[call]
    name = next(iter(arguments))
    with pytest.raises(ValueError) as caught:
        function(**{**arguments, name: value})
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_a_path_with_other_contents_is_refused(tmp_path):
    path = tmp_path / "other.json"
    for text in ("[]", "{}", '{"schema": 2, "slopes": []}', "no json"):
        path.write_text(text, "utf8")
        with pytest.raises(ValueError, match="path must be a file that explorer_data made"):
            steering.read_explorer(path)


def test_bad_texts_and_pushes_are_named(model):  # noqa: F811
    push = np.zeros((1, model.dim))
    with pytest.raises(ValueError, match="pushes must have shape"):
        steering.continue_texts(model, ["king"], push[:, :2])
    with pytest.raises(ValueError, match="texts must hold strings, got 3"):
        steering.continue_texts(model, [3], push)
    with pytest.raises(ValueError, match="n_tokens must be at least 1, got 0"):
        steering.continue_texts(model, ["king"], push, n_tokens=0)
