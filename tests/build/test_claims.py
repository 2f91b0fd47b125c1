"""Every decimal number in the prose of a page is one that cells print right beside it, or has a source that is told."""

import tomllib

import nbformat
import pytest
from claims import (
    CROWDED,
    Claim,
    Page,
    all_pages,
    all_sources,
    claims_of,
    complaints,
    crowding,
    how,
    neighbours,
    numbers_in,
    proposals,
    source_of,
)
from prose import prose

PAGES, SOURCES = all_pages(), all_sources()


@pytest.mark.parametrize("name", PAGES)
def test_numbers_of_the_prose_are_those_that_cells_print(name: str) -> None:
    found = complaints(name, PAGES, SOURCES)
    assert not found, "\n" + "\n".join(found) + "\nsee tests/build/claims.py and claims.toml"


def test_sources_are_of_pages_that_exist() -> None:
    assert set(SOURCES) == {"printed", "derived", "excepted"}
    assert {name for kind in SOURCES.values() for name in kind} <= set(PAGES)


@pytest.mark.slow
def test_most_claims_are_results_and_not_exceptions() -> None:
    kinds = [kind for name, page in PAGES.items() for kind in how(name, page, SOURCES)]
    assert len(kinds) > 250, "the checker has gone blind"
    assert kinds.count("excepted") < len(kinds) / 3


@pytest.mark.slow
def test_another_number_in_the_same_sentence_would_be_noticed() -> None:
    noticed = []
    for name, page in PAGES.items():
        for claim, beside in page.claims:
            changed = neighbours(claim)[:: max(1, len(neighbours(claim)) // 8)]
            noticed += [source_of(name, each, beside, SOURCES) == "open" for each in changed]
    assert sum(noticed) / len(noticed) > 0.9


def notebook(*cells: tuple[str, str]) -> Page:
    """A page of cells: ("text", source) or ("output", what is printed)."""
    made = []
    for kind, content in cells:
        if kind == "text":
            made.append(nbformat.v4.new_markdown_cell(content))
        else:
            output = nbformat.v4.new_output("stream", name="stdout", text=content)
            made.append(nbformat.v4.new_code_cell("print(...)", outputs=[output]))
    return Page(nbformat.v4.new_notebook(cells=made))


def found(*cells: tuple[str, str], **sources: dict[str, str]) -> list[str]:
    """Complaints about a page of these cells, with these lines of claims.toml."""
    pages = {"page": notebook(*cells), "other": notebook(("output", "elsewhere 0.55"))}
    return complaints("page", pages, {kind: {"page": lines} for kind, lines in sources.items()})


@pytest.mark.parametrize(
    ("text", "output", "holds"),
    [
        ("The mean is 0.94.", "mean 0.94", True),
        ("The mean is 0.94.", "mean 0.9412", True),
        ("The mean is 0.94.", "mean 0.9461", False),
        ("The mean is 0.94.", "mean 0.49", False),
        ("The mean is 0.940.", "mean 0.94", False),  # a place more than was printed
        ("It falls by 0.94.", "change -0.94", True),
        ("It is at −0.94.", "mean -0.94", True),
        ("It is at −0.94.", "mean +0.94", False),
        ("It is at $-0.94$.", "mean 0.94", False),
        ("A share of 1.5 %.", "share 0.015", True),
        ("A share of 1.5 %.", "share 0.02", False),
        ("A share of 1.5.", "share 0.015", False),
        ("From 0.94 to 0.73.", "0.94 then 0.73", True),
        ("From 0.94 to 0.74.", "0.94 then 0.73", False),
        ("It is $0.94$.", "0.94", True),
        ("It is $0.94$.", "0.95", False),
        ("A loss of 2.5 nats.", "2.5e+00", True),
        ("No number.", "0.5", True),
        ("With $a=0.3$ nothing is claimed.", "0.5", True),
        ("| a table | 0.31 |", "0.32", False),
        ("Text[^1] in **bold 0.31**.", "0.32", False),
    ],
)
def test_a_claim_is_the_rounding_of_what_is_printed_beside_it(text: str, output: str, holds: bool) -> None:
    assert (found(("output", output), ("text", text)) == []) == holds
    assert (found(("text", text), ("output", output)) == []) == holds


def test_what_is_printed_farther_away_needs_to_be_named() -> None:
    far = ("output", "mean 0.94"), ("output", "other 0.11"), ("text", "The mean is 0.94."), ("output", "later 0.22")
    assert found(*far)
    assert found(*far, printed={"mean is 0.94": "mean 0.94"}) == []
    assert found(*far, printed={"mean is 0.94": "mean  0.94\n"}) == []
    assert "not in the output" in found(*far, printed={"mean is 0.94": "mean 0.95"})[0]
    assert "no rounding" in found(*far, printed={"mean is 0.94": "other 0.11"})[0]


def test_a_piece_of_output_does_not_cut_a_number_short() -> None:
    cells = ("output", "mean 0.9438"), ("output", "1.00"), ("text", "The mean is 0.94, or 0.943.")
    assert found(*cells, printed={"mean is 0.94, or 0.943": "mean 0.9438"}), "0.9438 rounds to 0.944"
    assert "not in the output" in found(*cells, printed={"mean is 0.94, or 0.943": "mean 0.943"})[0]


def test_one_number_among_very_many_is_no_evidence() -> None:
    many = " ".join(f"{n / 100:.2f}" for n in range(100))
    assert "crowd" in found(("output", many), ("text", "The mean is 0.64."))[0]
    claim = claims_of("The mean is 0.64.")[0]
    assert crowding(claim, [(0.64, 2)]) == 0
    assert crowding(claim, list(numbers_in(many))) > CROWDED


def test_a_source_may_be_on_another_page() -> None:
    cells = (("text", "There it was 0.55."),)
    assert found(*cells)
    assert found(*cells, printed={"it was 0.55": "other :: elsewhere 0.55"}) == []
    assert found(*cells, printed={"it was 0.55": "other :: elsewhere 0.56"})
    assert found(*cells, printed={"it was 0.55": "nowhere :: elsewhere 0.55"})


def test_pieces_of_output_may_be_joined() -> None:
    cells = ("output", "a 0.11\nb 0.22\nc 0.33"), ("output", "1.00"), ("text", "From 0.11 to 0.33.")
    assert found(*cells, printed={"From 0.11 to 0.33": "a 0.11 … c 0.33"}) == []
    assert found(*cells, printed={"From 0.11 to 0.33": "a 0.11 … c 0.34"})


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0.94 - 0.73", ""),
        ("0.94 - 0.72", "printed nowhere"),
        ("0.94 - 0.7", "printed nowhere"),
        ("0.73 - 0.73", "gives 0"),
        ("0.21", "for granted"),
        ("0.21 + 0", "for granted"),
        ("0.94 > 0.73", "does not speak of"),
        ("0.94 > 0.21", ""),
        ("0.94 < 0.21", "gives False"),
    ],
)
def test_arithmetic_stands_on_printed_numbers_and_comes_out(expression: str, complaint: str) -> None:
    cells = ("output", "0.94 0.73"), ("output", "1.00"), ("text", "It falls by 0.21.")
    assert found(*cells), "without a source it must be open"
    told = found(*cells, derived={"falls by 0.21": expression})
    assert bool(told) == bool(complaint)
    assert complaint in " ".join(told)


@pytest.mark.parametrize(
    ("reason", "accepted"),
    [("setting: the paper's rate", True), ("setting:", False), ("it is so", False), ("setting: rate", False)],
)
def test_an_exception_has_a_kind_and_a_reason(reason: str, accepted: bool) -> None:
    assert (found(("text", "Adam, rate 0.3."), excepted={"rate 0.3": reason}) == []) == accepted


def test_proposals_are_lines_that_would_do() -> None:
    cells = ("output", "it's a 0.31\nb 0.44\nc 0.312"), ("output", "1.00"), ("text", "So it is 0.31 here, and more.")
    claim, page = notebook(*cells).claims[0][0], notebook(*cells)
    lines = proposals(claim, page)
    assert len(lines) == 2
    for line in lines:
        assert found(*cells, printed=tomllib.loads(line)) == []
    assert proposals(notebook(("text", "It is 0.5.")).claims[0][0], page) == ["# printed nowhere: It is [[0.5]]."]


def test_a_source_goes_with_its_words_only() -> None:
    cells = ("text", "Adam, rate 0.3, ends at 0.3."), ("output", "1.00")
    assert len(found(*cells, excepted={"rate 0.3": "setting: the paper's rate"})) == 1


def test_a_source_without_a_claim_is_a_complaint() -> None:
    told = found(("text", "Adam, rate 0.2."), excepted={"rate 0.3": "setting: the paper's rate"})
    assert any("without a claim" in complaint for complaint in told)
    told = found(("output", "0.2"), ("text", "Adam, rate 0.2."), printed={"Adam": "0.2"})
    assert any("without a claim" in complaint for complaint in told), "words without the number cover nothing"


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("# Version 0.3\n\nText 0.4", ["0.4"]),
        ("(sec-0.5)=\n`0.3` and {ref}`a 0.4 <sec-b>`", []),
        ("```python\nx = 0.3\n```\nText 0.4", ["0.4"]),
        ("```{exercise} 0.99 is no invariant\n:label: ex-0.1\nDoes 0.98?\n```", ["0.98"]),
        ("````{dropdown} Why\n```python\n0.1\n```\nso 0.2\n````\nand 0.3", ["0.2", "0.3"]),
        (":::{prf:proof}\nof 0.2\n:::\nand 0.3", ["0.2", "0.3"]),
        ("In section 5.2, Figure 3.1, Python 3.11 and version 1.0", []),
        ("[a link](https://example.org/0.3) and https://example.org/0.4", []),
        ("$\\eta = 0.1$, $x_{i} = 0.2$, $R^2=0.3$, $\\approx0.4$, $[0.5,0.6]$", ["0.3", "0.4", "0.5", "0.6"]),
        ("1.0.4 is a version, 12 and 49 415 are not decimal", []),
    ],
)
def test_what_counts_as_a_claim(source: str, numbers: list[str]) -> None:
    assert [claim.number for claim in claims_of(source)] == numbers


def test_prose_keeps_the_words_of_directives() -> None:
    assert prose(":::{admonition} Care\n:class: tip\nThe words.\n:::").split() == ["The", "words."]


def test_tables_in_html_and_plain_values_are_read_and_pictures_are_not() -> None:
    html = nbformat.v4.new_output("execute_result", data={"text/html": "<td style='width:0.7'>0.31</td>"})
    figure = {"application/vnd.plotly.v1+json": {"data": [{"y": [0.44]}]}, "text/plain": "0.44"}
    drawn = nbformat.v4.new_output("display_data", data=figure)
    cell = nbformat.v4.new_code_cell("x", outputs=[html, drawn])
    page = Page(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("It is 0.31, not 0.44 or 0.7.")]))
    assert how("page", page, {}) == ["beside", "open", "open"]


def test_signs_of_ranges_are_no_signs_of_numbers() -> None:
    assert [claim.value for claim in claims_of("0.2-0.4 and $-0.3$ and (−0.5)")] == [0.2, 0.4, -0.3, -0.5]
    assert Claim("0.4", "0.4", 0).is_rounding_of(0.4)
