"""The worker: its messages under Node, and a real one in Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from engine_reference import configuration

REPORT = {
    *("type", "run", "playing", "step", "loss", "excessLoss", "entropyFloor", "cosines", "perConcept", "heatMap"),
    *("crossing", "gradientNorm", "unembeddings", "p", "pHat", "stepsPerSecond"),
}


def replies_to(ask, *messages: Any) -> list[dict[str, Any]]:
    """The replies to messages (numbers are pauses in ms), without the one to the pause at the very end."""
    answer = ask("service", messages=list(messages))
    assert "error" not in answer, answer
    return answer["replies"][:-1]


def start(run: int = 1, **changes: Any) -> dict[str, Any]:
    return {"type": "start", "run": run, "config": configuration(**changes)}


PLAY = {"type": "play", "stepsPerSecond": None}


def test_a_start_is_answered_by_a_report_at_rest(ask):
    (report,) = replies_to(ask, start(run=7))
    assert set(report) == REPORT | {"embeddings"}
    assert (report["type"], report["run"], report["playing"], report["step"]) == ("report", 7, False, 0)
    assert (len(report["embeddings"]), len(report["unembeddings"])) == (27 * 3, 8 * 3)
    assert report["p"] is None
    assert report["pHat"] is None
    assert report["stepsPerSecond"] == 0


def test_the_report_is_the_trainers(ask):
    report = replies_to(ask, start(), {"type": "step", "steps": 5}, 200)[-1]
    trained = ask("train", config=configuration(), steps=5)
    for name in ("step", "loss", "cosines", "perConcept", "heatMap", "gradientNorm", "embeddings", "unembeddings"):
        assert report[name] == trained[name], name


def test_playing_reports_often_enough_and_not_too_often_and_a_pause_ends_it(ask):
    replies = replies_to(ask, start(), PLAY, 600, {"type": "pause"}, 200)
    playing = [reply for reply in replies if reply["playing"]]
    assert 3 <= len(playing) <= 0.8 * 30 + 1
    assert all("embeddings" not in reply for reply in playing)
    steps = [reply["step"] for reply in playing]
    assert steps == sorted(set(steps))
    assert playing[-1]["stepsPerSecond"] > 0
    assert [reply["playing"] for reply in replies][-1] is False  # nothing comes after the pause
    assert len(replies) == len(playing) + 2


def test_a_chosen_speed_is_kept(ask):
    replies = replies_to(ask, start(), {"type": "play", "stepsPerSecond": 40}, 1000, {"type": "pause"}, 20)
    assert 20 <= replies[-1]["step"] <= 50


def test_steps_are_done_exactly_and_then_it_rests(ask):
    replies = replies_to(ask, start(), {"type": "step", "steps": 1000}, 1500)
    assert replies[-1]["step"] == 1000
    assert not replies[-1]["playing"]
    assert "embeddings" in replies[-1]


def test_a_watched_context_is_reported(ask):
    first, watched, unwatched = replies_to(
        ask, start(context_set="none"), {"type": "watch", "context": 26}, {"type": "watch", "context": 0}
    )
    assert first["p"] is None
    assert sum(watched["p"]) == pytest.approx(1)
    assert sum(watched["pHat"]) == pytest.approx(1)
    assert unwatched["p"] == [1, 0, 0, 0, 0, 0, 0, 0]
    assert unwatched["pHat"] is None  # all is known there, and this run trains on what knows nothing


def test_a_watched_context_stays_for_the_next_run_if_it_exists_there(ask):
    watch = {"type": "watch", "context": 26}
    replies = replies_to(ask, start(1), watch, start(2), start(3, m=2))
    assert [reply["p"] is None for reply in replies] == [True, False, False, True]


def test_rate_and_tables(ask):
    tables = {"embeddings": [0.0] * 81, "unembeddings": [0.5] * 24}
    replies = replies_to(
        ask,
        start(),
        {"type": "rate", "learning_rate": 1e-9},
        {"type": "tables", **tables},
        {"type": "step", "steps": 1},
        100,
    )
    assert replies[1]["unembeddings"] == tables["unembeddings"]
    assert replies[-1]["unembeddings"] == pytest.approx(tables["unembeddings"], abs=1e-8)
    assert replies[-1]["step"] == 1


def test_divergence_is_told_and_stops(ask):
    started, diverged = replies_to(ask, start(learning_rate=1e6), PLAY, 200)
    assert started["type"] == "report"
    assert diverged.keys() == {"type", "run", "step", "loss"}
    assert (diverged["type"], diverged["run"]) == ("diverged", 1)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (start(2, m=9), "m must be a whole number from 2 to 8, got 9"),
        ({"type": "start", "run": 2}, "config must be an object"),
        ({"type": "step", "steps": 0}, "steps must be"),
        ({"type": "play", "stepsPerSecond": 0}, "stepsPerSecond must be"),
        ({"type": "watch", "context": 27}, "context must be"),
        ({"type": "rate", "learning_rate": -1}, "learning_rate must be"),
        ({"type": "tables", "embeddings": [], "unembeddings": []}, "embeddings must be"),
        ({"type": "toString"}, "type must be one of"),
        (None, "type must be one of"),
        ("<img onerror=alert(1)>", "type must be one of"),
    ],
)
def test_trouble_is_a_message_and_the_worker_lives_on(ask, message, told):
    _, failed, again = replies_to(ask, start(1), message, start(3))
    assert failed["type"] == "failed"
    assert told in failed["message"]
    assert (again["type"], again["run"]) == ("report", 3)


def test_messages_before_a_start_fail_and_those_behind_a_bad_start_too(ask):
    replies = replies_to(ask, PLAY, start(1, m=1), PLAY, {"type": "step", "steps": 1})
    assert [reply["type"] for reply in replies] == ["failed"] * 4


def test_a_new_start_while_playing_ends_the_old_run(ask):
    replies = replies_to(ask, start(1), PLAY, 100, start(2), 100)
    assert replies[-1]["run"] == 2
    assert replies[-1]["step"] == 0
    runs = [reply["run"] for reply in replies]
    assert runs == sorted(runs)


@pytest.mark.browser
def test_a_real_worker_in_chromium_answers_a_pause_at_once(page, built):
    """The largest lab, from a blob, as on a page from file://. Counted in reports: a busy machine has slow clocks."""
    result = page.evaluate(
        """async ({ source, config }) => {
          const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          const replies = [];
          worker.onmessage = ({ data }) => replies.push(data);
          const until = async (found) => {
            while (!replies.some(found)) await new Promise((resolve) => setTimeout(resolve, 2));
          };
          worker.postMessage({ type: "start", run: 1, config });
          worker.postMessage({ type: "play", stepsPerSecond: null });
          await until(({ step }) => step >= 20);
          const heard = replies.length;
          worker.postMessage({ type: "pause" });
          await until(({ playing, step }) => !playing && step > 0);
          await new Promise((resolve) => setTimeout(resolve, 200));
          worker.terminate();
          return { types: replies.map(({ type }) => type), later: replies.slice(heard).map(({ playing }) => playing) };
        }""",
        {
            "source": (built / "worker.js").read_text("utf8"),
            "config": configuration(m=8, d=8, optimizer="adam", learning_rate=0.02, precision="float32"),
        },
    )
    assert set(result["types"]) == {"report"}
    *playing, last = result["later"]  # the slice that ran when the pause was sent may still have reported
    assert len(playing) <= 2
    assert all(playing)
    assert last is False
