"""What a symbol or a term is explained by: the row or the entry that holds on that page, or nothing."""

import pytest
from docutils import nodes
from linrep_site.explain import Symbol, chosen, plain_text, symbol_keys

GENERAL = Symbol("number of concepts", "symbol-0", "book/model/a-world-of-concepts")
OF_A_PROOF = Symbol("sum of exponentials", "symbol-1", "book/proofs/pull")
OF_ANOTHER = Symbol("a bijection", "symbol-2", "book/identifiability/the-proofs")


@pytest.mark.parametrize(
    ("candidates", "page", "expected"),
    [
        ([GENERAL], "book/beyond/depth", GENERAL),
        ([OF_A_PROOF], "book/proofs/pull", OF_A_PROOF),
        ([OF_A_PROOF], "book/proofs/log-odds", OF_A_PROOF),  # the only meaning in its part
        ([OF_A_PROOF], "book/beyond/depth", None),  # may be another letter there
        ([GENERAL, OF_A_PROOF], "book/proofs/pull", OF_A_PROOF),
        ([GENERAL, OF_A_PROOF], "book/proofs/log-odds", None),  # which of the two is not sure
        ([GENERAL, OF_A_PROOF], "book/simulations/table-1", GENERAL),
        ([OF_A_PROOF, OF_ANOTHER], "book/beyond/depth", None),
        ([OF_A_PROOF, OF_A_PROOF], "book/proofs/pull", None),  # two rows name this page
        ([], "book/proofs/pull", None),
    ],
)
def test_a_symbol_is_explained_where_one_meaning_is_sure(candidates, page, expected):
    assert chosen(candidates, page) == expected


@pytest.mark.parametrize(
    ("formula", "keys"),
    [
        ("m", {"m"}),
        (r"f(x) \in \mathbb R^d", {r"f(x)\in\mathbbR^d", "f(x)"}),
        (r"C = (C_0, \dots)", {r"C=(C_0,\dots)", "C"}),
        (r"y_{i:=a}", {"y_{i:=a}"}),  # an assignment inside a symbol is a part of it
    ],
)
def test_a_symbol_is_known_by_its_row_or_by_what_it_begins_with(formula, keys):
    assert symbol_keys(formula) >= keys - {formula}
    assert "".join(formula.split()) in symbol_keys(formula)


def test_formulas_in_a_meaning_are_written_so_that_a_title_can_show_them():
    words = nodes.paragraph("", "", nodes.Text("logit, "), nodes.math("", r"\hat p(y \mid x) \ne 0"))
    assert plain_text(words) == "logit, p̂(y | x) ≠ 0"
