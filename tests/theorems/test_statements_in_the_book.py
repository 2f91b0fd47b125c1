"""The statements in the code and those on the pages of Parts II and IV are the same; pages use labels that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from linrep_core.theorems import STATEMENTS, StatementCheck
from linrep_core.theorems.statement import Conclusion

BOOK = Path(__file__).resolve().parents[2] / "book"
PROVING = ("proofs", "identifiability")  # folders of the parts that prove
PAGES = [path for folder in PROVING for path in sorted((BOOK / folder).glob("*.ipynb"))]
DIRECTIVE = re.compile(r"^:{3,}\{prf:(\w+)\}[^\n]*\n:label: (\S+)", re.MULTILINE)
KINDS = {"def": "definition", "lem": "lemma", "prop": "proposition", "thm": "theorem", "cor": "corollary"}


def prose(path):
    """The text cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def labels(*folders):
    """Label -> kind of directive, of every statement on the pages of some parts."""
    paths = [path for folder in folders for path in sorted((BOOK / folder).glob("*.ipynb"))]
    found = [match for path in paths for match in DIRECTIVE.findall(prose(path))]
    assert len({label for _, label in found}) == len(found), "a label is given twice"
    return {label: kind for kind, label in found}


@pytest.mark.parametrize("folder", PROVING)
def test_every_statement_on_the_pages_of_a_part_that_proves_runs(folder):
    proved = labels(folder)
    assert proved, "no statements found"
    assert proved.keys() - STATEMENTS.keys() == set()


def test_every_statement_that_runs_is_on_a_page():
    assert STATEMENTS.keys() - labels(*PROVING, "model").keys() == set()


def test_a_label_begins_with_the_kind_of_its_statement():
    for label, kind in labels("model", *PROVING).items():
        assert KINDS[label.split("-")[0]] == kind, label


@pytest.mark.parametrize("label", labels(*PROVING))
def test_every_statement_that_is_proved_is_followed_by_a_proof(label):
    (text,) = (text for path in PAGES if f":label: {label}\n" in (text := prose(path)))
    after = text.split(f":label: {label}\n")[1]
    following = re.search(r"\{prf:(\w+)\}[^`]*$", after, re.MULTILINE)
    assert following is not None
    assert following.group(1) == "proof"


def test_a_check_tells_rounding_from_numbers():
    worst = Conclusion("angle", 3e-16, 1e-7)
    breaks = {"positive": Conclusion("angle", 0.254, 1e-7), "finite": Conclusion("angle", float("nan"), 1e-7)}
    assert str(StatementCheck("thm-x", 5, worst, 1, 0, breaks)).splitlines() == [
        "thm-x: angle",
        "    worst of 5 cases: 0 up to rounding, allowed 1e-07",
        "    without “positive”: 0.25",
        "    without “finite”: nan",
    ]
