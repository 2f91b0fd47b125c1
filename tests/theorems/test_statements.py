"""Every statement of the book: it holds where its hypotheses do, and breaks where exactly one of them is dropped."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linrep_core.theorems
from linrep_core.theorems import MODULES, STATEMENTS, check_statement, dependency_graph
from linrep_core.theorems.statement import Conclusion, above, at_most, worst_of

SEEDS = st.integers(0, 2**31 - 1)
PLACES = st.integers(0, 59)  # which of a statement's sizes
SHARED = {"statement", "exact_fit", "descent", "equivalent_pairs"}
EVERY_STATEMENT = [pytest.param(statement, id=label) for label, statement in STATEMENTS.items()]
EVERY_COUNTEREXAMPLE = [
    pytest.param(statement, name, case, id=f"{label}: {name}")
    for label, statement in STATEMENTS.items()
    for name, case in statement.counterexamples().items()
]
EVERY_SPARE = [
    pytest.param(statement, name, id=f"{label}: {name}")
    for label, statement in STATEMENTS.items()
    for name, spare in statement.not_needed.items()
    if spare.example is not None
]
CLEARLY = 1.1  # a broken conclusion uses at least this many times its tolerance

# where it is stated -> label
OF_THE_PAPER = {
    "Definition 2": "def-linear-representation",
    "Theorem 3": "thm-log-odds",
    "Theorem 4": "thm-fixed-embeddings",
    "Theorem 5": "thm-trained-together",
    "Theorem 7": "thm-orthogonality",
    "Corollary 8": "cor-matched-orthogonality",
    "Theorem 10": "thm-neighbours",
    "Proposition 11": "prop-zero-push",
    "Theorem 12": "thm-two-vectors",
    "Lemma 13": "lem-growing-fraction",
}
OF_THE_BOOK = {
    "T1": {"thm-odds-identity", "cor-equal-odds"},
    "T2": {"thm-joint-optimum", "thm-joint-kkt", "thm-joint-alignment"},
    "T3": {"thm-bottleneck", "prop-enough-dimensions"},
    "T4": {"thm-orthogonal-directions"},
}


# ---- they hold, and they break --------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", EVERY_STATEMENT)
@settings(max_examples=8 * settings.default.max_examples)
@given(seed=SEEDS, place=PLACES)
def test_the_conclusion_holds_wherever_the_hypotheses_do(statement, seed, place):
    case = statement.example(seed, statement.sizes[place % len(statement.sizes)])
    assert statement.failing(case) == []
    conclusion = statement.conclusion(case)
    assert conclusion.holds, conclusion


@pytest.mark.parametrize(("statement", "name", "case"), EVERY_COUNTEREXAMPLE)
def test_a_counterexample_drops_one_hypothesis_and_breaks_the_conclusion(statement, name, case):
    assert statement.failing(case) == [name]
    assert statement.conclusion(case).share > CLEARLY


@pytest.mark.parametrize(("statement", "name"), EVERY_SPARE)
@settings(max_examples=10)
@given(seed=SEEDS, place=PLACES)
def test_a_hypothesis_that_is_not_needed_can_fail_alone(statement, name, seed, place):
    case = statement.not_needed[name].example(seed, statement.sizes[place % len(statement.sizes)])
    assert statement.failing(case) in ([name], [])  # a connected world of one concept is separated after all
    assert statement.conclusion(case).holds


@pytest.mark.parametrize("statement", EVERY_STATEMENT)
def test_every_hypothesis_is_either_dropped_with_a_break_or_said_to_be_spare(statement):
    case = statement.example(0, statement.sizes[-1])
    names = [hypothesis.name for hypothesis in statement.hypotheses(case)]
    assert len(set(names)) == len(names)
    broken, spare = set(statement.counterexamples()), set(statement.not_needed)
    assert broken | spare == set(names)
    assert not broken & spare


@pytest.mark.parametrize("statement", EVERY_STATEMENT)
def test_the_same_seed_gives_the_same_case(statement):
    size = statement.sizes[-1]
    first, second = (statement.conclusion(statement.example(3, size)) for _ in range(2))
    assert first == second


# ---- the registry ---------------------------------------------------------------------------------------------------


def test_every_statement_of_the_paper_and_of_the_book_is_there():
    assert set(OF_THE_PAPER.values()) | set().union(*OF_THE_BOOK.values()) <= set(STATEMENTS)
    for name, label in OF_THE_PAPER.items():
        assert name in STATEMENTS[label].source
        assert "2403.03867" in STATEMENTS[label].source
    for name, labels in OF_THE_BOOK.items():
        assert all(name in STATEMENTS[label].title for label in labels)
        assert all("this book" in STATEMENTS[label].source for label in labels)


def test_every_module_that_holds_a_statement_is_registered():
    there = {module.name for module in pkgutil.iter_modules(linrep_core.theorems.__path__)}
    holding = {name for name in there if hasattr(importlib.import_module(f"linrep_core.theorems.{name}"), "STATEMENT")}
    assert holding == set(MODULES)
    assert len(STATEMENTS) == len(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_label_names_its_module(name):
    statement = importlib.import_module(f"linrep_core.theorems.{name}").STATEMENT
    assert statement.label.split("-", 1)[1].replace("-", "_") == name
    assert statement.kind in {"Definition", "Lemma", "Proposition", "Theorem", "Corollary"}
    assert statement.claim
    assert statement.size


@pytest.mark.parametrize("name", [*MODULES, *sorted(SHARED)])
def test_the_examples_in_the_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(f"linrep_core.theorems.{name}")).failed == 0


def test_no_statement_leans_on_itself():
    graph = dependency_graph()
    assert set(graph) == set(STATEMENTS)
    assert nx.is_directed_acyclic_graph(graph)
    assert set(graph.predecessors("thm-log-odds")) == set(STATEMENTS["thm-log-odds"].uses)
    order = {label: number for number, label in enumerate(STATEMENTS)}
    assert all(order[used] < order[label] for used, label in graph.edges)  # proved before it is used


# ---- the parts of a statement ---------------------------------------------------------------------------------------


def test_a_hypothesis_says_by_how_much():
    assert at_most("small", 0.25, 1.0).by_how_much == 0.75
    assert not at_most("small", math.nan, 1.0).holds
    failed = above("positive", -2.0)
    assert not failed.holds
    assert failed.by_how_much == -2.0
    assert not above("positive", 0.0).holds


def test_a_conclusion_that_is_no_number_does_not_hold():
    nothing = Conclusion("cosine of zero vectors", math.nan, 0.1)
    assert not nothing.holds
    assert nothing.share == math.inf
    assert worst_of(Conclusion("angle", 0.05, 0.1), nothing) is nothing


def test_check_statement_keeps_the_worst_case_and_can_find_it_again():
    statement = STATEMENTS["prop-zero-push"]
    check = check_statement(statement, n_instances=40, seed=1)
    assert check.holds
    assert check.n_instances == 40
    assert statement.conclusion(statement.example(check.worst_seed, check.worst_size)) == check.worst
    assert set(check.breaks) == set(statement.counterexamples())
    assert check == check_statement(statement, n_instances=40, seed=1)


def test_check_statement_refuses_examples_that_fail_a_hypothesis():
    statement = STATEMENTS["lem-markov-flip"]
    wrong = replace(statement, example=lambda seed, size: statement.counterexamples()["not adjacent"])
    with pytest.raises(RuntimeError, match=r"lem-markov-flip: example.*not adjacent"):
        check_statement(wrong, n_instances=1)


@pytest.mark.parametrize(("argument", "value"), [("n_instances", 0), ("n_instances", 1.5), ("seed", -1)])
def test_check_statement_names_a_bad_argument(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be .*{value}"):
        check_statement(STATEMENTS["lem-softmax-ratio"], **{argument: value})


def test_a_statement_cannot_lean_on_one_that_is_not_there(monkeypatch):
    lost = replace(STATEMENTS["thm-log-odds"], uses=("thm-nowhere",))
    monkeypatch.setitem(STATEMENTS, "thm-log-odds", lost)
    with pytest.raises(ValueError, match="uses of thm-log-odds must be labels of statements, got 'thm-nowhere'"):
        dependency_graph()
