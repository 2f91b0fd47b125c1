"""The build as such: nothing to do the second time, and no fault of a page passes it."""

import time
from pathlib import Path

import pytest
from linrep_site import formulas
from small_books import FIGURE, ROOT, build, make, notebook_with, output

SECONDS = 15  # that a build of an unchanged site may take


@pytest.mark.site
def test_an_unchanged_site_is_not_built_again() -> None:
    if not (ROOT / "_build" / "html" / ".built").is_file():
        pytest.fail("The site is not built. Run `make site`.", pytrace=False)
    first = make(ROOT, "site")  # in case that a page changed since
    assert first.returncode == 0, first.stdout + first.stderr
    start = time.perf_counter()
    second = make(ROOT, "site")
    assert time.perf_counter() - start < SECONDS
    assert "Nothing to be done" in second.stdout
    assert make(ROOT, "-q", "site").returncode == 0


@pytest.mark.slow
def test_a_sound_page_is_built(small_book: Path) -> None:
    status, said = build(small_book, "", notebook_with(output(FIGURE)))
    assert status == 0, said
    assert 'class="linrep-figure"' in (small_book / "_build/html/book/index.html").read_text("utf8")


FAULTS = {
    "an undefined reference": ("See {ref}`nowhere`.", "undefined label: 'nowhere'"),
    "an undefined equation": ("See {eq}`nowhere`.", "equation not found: nowhere"),
    "an undefined theorem": ("See {prf:ref}`nowhere`.", "nowhere"),
    "an unknown citation": ("See {cite:t}`nobody1900`.", "nobody1900"),
    "a link to a missing page": ("See [this](missing.md).", "missing.md"),
    "a missing picture": ("![a picture](missing.png)", "missing.png"),
    "an unknown directive": (":::{no-such-box}\nText.\n:::", "no-such-box"),
}


@pytest.mark.slow
def test_faults_of_the_text_fail_the_build(small_book: Path) -> None:
    """All at once, since each build takes seconds: `--keep-going` names them all."""
    status, said = build(small_book, "# A title\n\n" + "\n\n".join(fault for fault, _ in FAULTS.values()) + "\n")
    assert status != 0
    assert [name for name, (_, complaint) in FAULTS.items() if complaint not in said] == [], said


@pytest.mark.slow
def test_a_formula_that_does_not_parse_fails_the_build(small_book: Path) -> None:
    status, said = build(small_book, "# A title\n\nLet $\\frac{1}{$ be.\n")
    assert status != 0
    assert "KaTeX" in said or "katex" in said


def test_a_formula_is_typeset_once_in_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(formulas, "typeset_by_server", lambda *what: asked.append(what) or f"html {len(asked)}")
    shown = {"displayMode": True}
    formulas._typeset.cache_clear()
    assert [formulas.typeset("x", how) for how in (None, shown, None, shown)] == ["html 1", "html 2"] * 2
    assert asked == [("x", {}), ("x", shown)]
    formulas._typeset.cache_clear()


@pytest.mark.slow
def test_figures_that_some_reader_cannot_see_fail_the_build(small_book: Path) -> None:
    without_picture = output(FIGURE, picture=False)
    without_words = output({**FIGURE, "layout": {}})
    without_bundle = output({**FIGURE, "data": [{"type": "sankey"}]})
    status, said = build(small_book, "", notebook_with(without_picture, without_words, without_bundle))
    assert status != 0
    for complaint in ("no static picture", "no layout.meta['description']", "no plotly bundle"):
        assert complaint in said
