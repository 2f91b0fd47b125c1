"""Words with an order, on a table instead of a language model; the committed rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from linrep_core.many_values import template
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results
from linrep_core.word_orders import GEOMETRIES, ORDERED_WORDS, word_order_cell


class Table:
    """Unembeddings of the days on a circle, among random words."""

    def __init__(self, words):
        rng = np.random.default_rng(0)
        table = rng.normal(size=(200, 5))
        table[: len(words), :2] = 3 * template("circle", len(words))
        self.words, self.unembeddings = words, torch.as_tensor(table)

    def single_token(self, word):
        return self.words.index(word) if word in self.words else None


def test_a_circle_among_random_words_is_found():
    rows = word_order_cell("days", n_shuffles=500, model=Table(ORDERED_WORDS["days"]))
    found = {(row["geometry"], row["template"]): row["p_value"] for row in rows}
    assert set(found) == {(geometry, name) for geometry in GEOMETRIES for name in ("circle", "line")}
    assert found["Euclidean", "circle"] < 0.02


def test_a_word_of_several_tokens_is_refused():
    with pytest.raises(ValueError, match="group must be of words of one token each, got 'Tuesday' in days"):
        word_order_cell("days", model=Table(["Monday", "Friday"]))


@pytest.mark.parametrize(("argument", "value"), [("group", "colours"), ("n_shuffles", 0)])
def test_bad_input_says_what_would_be_right(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be"):
        word_order_cell(**{"group": "days", argument: value})


def test_the_committed_rows_are_complete():
    rows = read_results(RESULTS / "many-values-words.csv")
    assert {row["group"] for row in rows} == set(ORDERED_WORDS)
    assert all(0 < row["p_value"] <= 1 for row in rows)
