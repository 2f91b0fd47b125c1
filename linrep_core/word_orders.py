"""Words with an order in a language model: days as a circle and numbers as a line among the unembeddings, or not.

Book: part "Beyond the assumptions", chapter "Concepts that are not binary". The measurement is this book's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from linrep_core._checks import check_choice, check_integer
from linrep_core.llm import LanguageModel, causal_inner_product
from linrep_core.many_values import order_test

ORDERED_WORDS = {
    "days": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "months": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "numbers": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "digits": tuple("0123456789"),
}
GEOMETRIES = ("Euclidean", "causal")


def word_order_cell(group: str, *, n_shuffles: int = 9999, model: LanguageModel | None = None) -> list[dict[str, Any]]:
    """`order_test` of a group of words with both templates, in both geometries.

    Parameters
    ----------
    group
        One of `ORDERED_WORDS`; its words are one token each in the bundled model.
    n_shuffles
        Random orders, for the control.
    model
        None for the bundled one.

    Returns
    -------
    list of dict
        For each geometry and template ``geometry``, ``template``, ``first`` and ``second``, the shares of the two
        largest axes of the words' spread, and the entries of `order_test`.

    Raises
    ------
    ValueError
        If a word is not one token of the model.
    """
    words = ORDERED_WORDS[check_choice("group", group, tuple(ORDERED_WORDS))]
    count = check_integer("n_shuffles", n_shuffles, low=1)
    model = LanguageModel.bundled() if model is None else model
    tokens = [model.single_token(word) for word in words]
    if None in tokens:
        raise ValueError(f"group must be of words of one token each, got {words[tokens.index(None)]!r} in {group}")
    g = model.unembeddings.double().numpy()
    rows = []
    for geometry in GEOMETRIES:
        table = (g if geometry == "Euclidean" else causal_inner_product(g).whiten(g))[tokens]
        sizes = np.linalg.svd(table - table.mean(axis=0), compute_uv=False) ** 2
        shares = {"first": float(sizes[0] / sizes.sum()), "second": float(sizes[1] / sizes.sum())}
        for name in ("circle", "line"):
            found = order_test(table, name, n_shuffles=count)
            rows.append({"geometry": geometry, "template": name, **shares, **found})
    return rows
