"""The copy for a memory stick: whole, clean, the same at every making, and alive in a browser without a network."""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import ROOT, SITE, Visit
from offline_copy import FOLDER, START, pack, reachable
from page_checks import undrawn_figures, untypeset_formulas
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.site

PATIENCE = 60_000  # milliseconds, on a busy machine
JUNK = re.compile(r"(^|/)\.|\.map$|\.po$|\.mo$|__pycache__|objects\.inv$|\.pickle$|\.doctree$")


@pytest.fixture(scope="module")
def archive(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make offline` writes, in a folder of the test's own."""
    target = tmp_path_factory.mktemp("offline") / "copy.zip"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "offline", f"OFFLINE={target}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert START in done.stdout
    return target


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, unpacked where a path has a space and an umlaut."""
    stick = tmp_path_factory.mktemp("sticks") / "Müllers USB Stick"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(stick)
    return stick / FOLDER


def test_the_same_site_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    pack(SITE, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_a_site_built_at_another_time_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    """A page with all that it shows."""
    page = Path("book/beyond/mechanisms.html")
    for name, built in (("one", 0), ("other", 10**9)):
        for path in (*(site / "_static").rglob("*"), *(site / page).parent.glob("mechanisms*")):
            if path.is_file():
                copied = tmp_path / name / path.relative_to(site)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copied)
                os.utime(copied, (built, built))
        (tmp_path / name / "book" / "index.html").write_text(f"<a href='{page.relative_to('book')}'>The page</a>")
        assert pack(tmp_path / name, tmp_path / f"{name}.zip") > 10
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_one_folder_opens_to_one_start_file(unpacked: Path) -> None:
    assert [path.name for path in unpacked.parent.iterdir()] == [FOLDER]
    names = ["LICENSE-TEXT.txt", "LICENSE.txt", "READ-ME.txt", START, "site"]
    assert sorted(path.name for path in unpacked.iterdir()) == names
    assert START in (unpacked / "READ-ME.txt").read_text("utf8")


def test_all_chapters_are_in_it_and_no_junk(archive: Path) -> None:
    names = set(zipfile.ZipFile(archive).namelist())
    pages = [path.relative_to(SITE).as_posix() for path in (SITE / "book").rglob("*.html")]
    data = [path.relative_to(SITE).as_posix() for path in (SITE / "_figures").iterdir()]
    assert {Path(name).suffix for name in data} == {".html", ".csv", ".js"}
    assert {f"{FOLDER}/site/{page}" for page in [*pages, *data, "search.html", "searchindex.js"]} <= names
    assert [name for name in names if JUNK.search(name.removeprefix(FOLDER))] == []


def test_what_no_page_names_stays_out(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "book").mkdir(parents=True)
    (site / "book" / "index.html").write_text(
        "<a href='other.html#here'>1</a><img src='a%20b.png'><a href='https://example.org/none.html'>2</a>"
        "<link href='../style.css?v=1'><a href='../../outside.html'>3</a>"
    )
    for name in ("book/other.html", "book/a b.png", "book/stale.html", "font.woff2", ".built", "../outside.html"):
        (site / name).write_text("")
    (site / "style.css").write_text("@font-face { src: url('font.woff2') }")
    expected = ["book/a b.png", "book/index.html", "book/other.html", "font.woff2", "style.css"]
    assert [path.as_posix() for path in reachable(site)] == expected


def test_a_site_that_is_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make site"):
        reachable(tmp_path)


def follow(page: Page, ending: str) -> None:
    """Click the first link that a reader sees to a page with this address."""
    page.locator(f"a[href$='{ending}']:visible").first.click()
    page.wait_for_url(f"**/{ending.removeprefix('../')}", timeout=PATIENCE)
    expect(page.locator(".bd-article h1")).to_be_visible()


@pytest.mark.browser
def test_a_reader_without_network_walks_through_it(unpacked: Path, visit: Callable[..., Visit]) -> None:
    """From the start file by clicks alone: a chapter with formulas and figures, the lab, the search."""
    opened = visit((unpacked / START).as_uri(), unpacked.as_uri())
    page = opened.page
    page.wait_for_url("**/site/book/index.html", timeout=PATIENCE)

    follow(page, "model/what-is-a-linear-representation.html")
    assert page.locator(".katex").count() > 10
    assert untypeset_formulas(page) == []
    assert undrawn_figures(page) == []
    assert page.locator(".js-plotly-plot").count() > 0

    follow(page, "lab/the-lab.html")
    lab = page.locator(".linrep-lab[data-size=full]")
    lab.scroll_into_view_if_needed()
    page.mouse.wheel(0, 1)
    page.wait_for_selector(".ll-page[data-step]", timeout=PATIENCE)
    page.locator("[data-field=m]").first.focus()
    page.keyboard.press("ArrowLeft")
    trained = "Number(document.querySelector('.ll-page').dataset.step) >= 100"
    page.wait_for_function(trained, timeout=PATIENCE)

    page.keyboard.press("Escape")
    page.locator(".search-button-field:visible").first.click()
    page.keyboard.type("bottleneck")
    page.keyboard.press("Enter")
    result = page.locator("#search-results li a").first
    expect(result).to_be_visible(timeout=PATIENCE)
    result.click()
    expect(page.locator(".bd-article h1")).to_be_visible()
    assert page.url.startswith(unpacked.as_uri() + "/site/book/")
    assert opened.complaints == []
