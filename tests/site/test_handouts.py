"""The printed chapters: all of the text and nothing of the frame, solutions only for the lecturer, nothing cut off."""

import copy
import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import handouts
import pytest
from browsing import ROOT, SITE, Visit
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser
from pypdf import PdfReader

pytestmark = [pytest.mark.site, pytest.mark.browser, pytest.mark.slow]

# with theorems, figures, questions and exercises; with proofs that are closed on the page; with two labs
WORLD, ORTHOGONALITY, LAB = (
    "book/model/a-world-of-concepts.html",
    "book/proofs/orthogonality.html",
    "book/lab/the-lab.html",
)
PAGES = [WORLD, ORTHOGONALITY, LAB]
WIDEST = "book/proofs/all-statements.html"


def print_pages(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "book/_ext/handouts.py", str(SITE), str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def students(site: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handouts")
    assert "3 printed, 3 in all" in print_pages(folder, *PAGES)
    return folder


@pytest.fixture(scope="module")
def lecturers(site: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handouts-with-solutions")
    print_pages(folder, "--solutions", "--paper", "Letter", ORTHOGONALITY)
    return folder


def bare(text: str) -> str:
    """A text without what typesetting changes: spaces, ligatures, hyphens."""
    return re.sub(r"[\s\u00ad\u200b-]", "", unicodedata.normalize("NFKC", text))


@cache
def printed(path: Path) -> str:
    return bare("".join(page.extract_text() for page in PdfReader(path).pages))


@cache
def article(page: str) -> Tag:
    """The chapter on the site, without what is there for screen readers alone."""
    found = BeautifulSoup((SITE / page).read_text("utf8"), "html.parser").select_one("article")
    for hidden in found.select(".katex-mathml, .headerlink"):
        hidden.decompose()
    return found


def paragraphs(boxes: list[Tag]) -> list[str]:
    """Texts of paragraphs without formulas (which are painted, and so read out, apart) and of long lines of code."""
    texts = [p.get_text() for box in boxes for p in box.select("p:not(.admonition-title)") if not p.select(".katex")]
    lines = [line for box in boxes for pre in box.select("pre") for line in pre.get_text().splitlines()]
    return [bare(text) for text in (*texts, *lines) if len(bare(text)) > 30 and len(text) < 400]


@pytest.mark.parametrize("page", PAGES)
def test_the_text_is_there(students: Path, page: str) -> None:
    chapter, text = article(page), printed(students / handouts.name_of(page))
    titles = chapter.select("h1, h2, div.proof > .admonition-title, div.exercise > .admonition-title")
    assert len(titles) > 5
    assert [
        title.get_text() for title in titles if not title.select(".katex") and bare(title.get_text()) not in text
    ] == []
    questions = [legend.get_text() for legend in chapter.select(".quiz legend") if not legend.select(".katex")]
    assert [question for question in questions if bare(question) not in text] == []


@pytest.mark.parametrize("page", [WORLD, ORTHOGONALITY])
def test_formulas_are_typeset(students: Path, page: str) -> None:
    """Every sign of the formulas that is no letter of the text occurs as often on paper as on the page."""
    chapter = copy.copy(article(page))
    for solution in chapter.select("div.solution, .quiz-said"):
        solution.decompose()
    on_page = Counter(
        sign for formula in chapter.select(".katex-html") for sign in formula.get_text() if sign in "∑∼Δ⋅∏∣⊆"
    )
    on_paper = Counter(printed(students / handouts.name_of(page)))
    assert sum(on_page.values()) > 20
    assert {sign: (n, on_paper[sign]) for sign, n in on_page.items() if on_paper[sign] < n} == {}


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_is_there(students: Path, page: str) -> None:
    pictures = article(page).select("img")
    on_paper = sum(len(sheet.images) for sheet in PdfReader(students / handouts.name_of(page)).pages)
    assert on_paper == len(pictures) > 0


def test_the_lab_says_that_it_is_a_picture(students: Path) -> None:
    assert bare("it is alive on the page") in printed(students / handouts.name_of(LAB))


def test_closed_proofs_are_printed(students: Path) -> None:
    proofs = paragraphs(article(ORTHOGONALITY).select("details div.proof"))
    text = printed(students / handouts.name_of(ORTHOGONALITY))
    assert "Proof" in text
    assert [proof for proof in proofs if proof not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_frame_is_not_there(students: Path, page: str) -> None:
    whole = BeautifulSoup((SITE / page).read_text("utf8"), "html.parser")
    inside = bare(whole.article.get_text())
    frame = [link.get_text() for link in whole.select("nav.bd-links a, .prev-next-area p")]
    foreign = {bare(text) for text in frame if len(bare(text)) > 12 and bare(text) not in inside}
    text = printed(students / handouts.name_of(page)).replace(bare(handouts.BOOK), "")
    assert len(foreign) > 10
    assert [words for words in foreign if words in text] == []


def test_solutions_are_for_the_lecturer_alone(students: Path, lecturers: Path) -> None:
    solutions = article(ORTHOGONALITY).select("div.solution")
    assert len(solutions) == len(article(ORTHOGONALITY).select("div.exercise")) > 3
    texts = paragraphs(solutions)
    assert len(texts) > 10
    student, lecturer = (printed(folder / handouts.name_of(ORTHOGONALITY)) for folder in (students, lecturers))
    elsewhere = bare(
        " ".join(p.get_text() for p in article(ORTHOGONALITY).select("p, pre") if not p.find_parent(class_="solution"))
    )
    assert [text for text in texts if text in student and text not in elsewhere] == []
    assert [text for text in texts if text not in lecturer] == []


def test_questions_are_not_answered(students: Path) -> None:
    said = paragraphs(article(WORLD).select(".quiz-said"))
    text = printed(students / handouts.name_of(WORLD))
    assert len(said) > 3
    assert [answer for answer in said if answer in text] == []


def test_papers_and_page_numbers(students: Path, lecturers: Path) -> None:
    for folder, width in ((students, 595), (lecturers, 612)):  # points: A4 and Letter
        reader = PdfReader(folder / handouts.name_of(ORTHOGONALITY))
        assert round(float(reader.pages[0].mediabox.width)) == pytest.approx(width, abs=1)
        assert 5 < len(reader.pages) < 30
        assert f"1/{len(reader.pages)}" in bare(reader.pages[0].extract_text())
        assert reader.outline, "no outline"
        assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"], "not tagged"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_out_of_the_book_or_stay_in_the_handout(students: Path, page: str) -> None:
    """A link to another page would name the place where this one lay when it was printed."""
    reader = PdfReader(students / handouts.name_of(page))
    notes = [note.get_object() for sheet in reader.pages for note in sheet.get("/Annots", [])]
    addresses = [str(note["/A"]["/URI"]) for note in notes if "/URI" in note.get("/A", {})]
    assert [address for address in addresses if not address.startswith("https://")] == []


def test_what_is_cited_stands_at_the_end(students: Path) -> None:
    text = printed(students / handouts.name_of(WORLD))
    assert text.rindex("References") < text.rindex(bare("Koller and Nir Friedman. Probabilistic Graphical Models"))


def test_what_has_not_changed_is_not_printed_again(students: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise LookupError("a page would be printed")

    monkeypatch.setattr(handouts, "installed_chromium", refuse)
    assert handouts.print_all(SITE, students, pages=[LAB, ORTHOGONALITY]) == 0
    with pytest.raises(LookupError):
        handouts.print_all(SITE, students, pages=[LAB], paper="Letter")
    memory = students / ".printed.json"
    memory.write_text(json.dumps(json.loads(memory.read_text()) | {LAB: "as it was before"}))
    with pytest.raises(LookupError):
        handouts.print_all(SITE, students, pages=[LAB])


OVERFLOWING = """(width) => [...document.querySelectorAll(".bd-article *")]
  .filter((each) => each.checkVisibility() && !each.closest(".katex-mathml, svg, .quiz-verdict"))
  .filter((each) => each.getBoundingClientRect().right > width + 1)
  .map((each) => `${each.tagName}.${each.className}: ${each.textContent.slice(0, 60)}`)"""


def test_nothing_is_wider_than_the_paper(site: Path, browser: Browser) -> None:
    """On A4, the narrower of the two."""
    pages, width = [WORLD, WIDEST], handouts.paper_width("A4")
    prepared = {page: handouts.prepare((SITE / page).read_text("utf8"), solutions=True) for page in pages}
    tab = handouts.open_tab(browser, SITE, prepared, "A4")
    for page in pages:
        handouts.lay_out(tab, page)
        assert tab.evaluate(OVERFLOWING, width) == [], page
    tab.set_content("<div class='bd-article'><div style='width: 40cm'>too wide</div></div>")
    assert len(tab.evaluate(OVERFLOWING, width)) == 1, "the check sees nothing"
    tab.close()


def test_a_reader_who_prints_the_page_in_the_dark(served: str, visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Dark ink on white paper; of the solutions that which the reader has opened; and all as before afterwards."""
    page = visit(served + ORTHOGONALITY, served, color_scheme="dark").page
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--pst-color-text-base')"
    page.evaluate(f"addEventListener('beforeprint', () => (globalThis.whilePrinting = {ink}))")
    assert page.locator("div.solution").count() > 1
    page.locator("div.solution .toggle-button").first.click()
    page.pdf(path=tmp_path / "page.pdf")
    assert page.evaluate("globalThis.whilePrinting") == "#22272e"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert printed(tmp_path / "page.pdf").count("SolutiontoExercise") == 1


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make site"):
        handouts.print_all(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="paper must be one of A4, Letter, got 'A5'"):
        handouts.print_all(SITE, tmp_path, paper="A5")
    with pytest.raises(ValueError, match=re.escape("book/nowhere.html")):
        handouts.print_all(SITE, tmp_path, pages=["book/nowhere.html"])
