"""Binder and Colab: offered where they lead somewhere, on the pages of notebooks, and nowhere else."""

import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from linrep_site.launch import launchers
from small_books import ROOT, make, notebook_with
from sphinx.errors import ConfigError

SETTING = re.compile(r'^repository:\n  url: "(.*)"\n  branch: main$', re.M)
ADDRESS = "https://github.com/somebody/a-book"
TOC = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/chapter\n  - file: book/run-it\n"


def launch_links(page: Path) -> dict[str, str]:
    """What the menu of launchers on a page offers, with where each entry leads."""
    html = BeautifulSoup(page.read_text("utf8"), "html.parser")
    return {link.get_text(strip=True): link["href"] for link in html.select(".dropdown-launch-buttons a")}


def built(folder: Path, address: str) -> Path:
    """Build a book of a notebook and two texts whose settings name this repository."""
    settings = (ROOT / "_config.yml").read_text("utf8")
    assert SETTING.search(settings), "the setting of the repository's address has another form"
    (folder / "_config.yml").write_text(SETTING.sub(f'repository:\n  url: "{address}"\n  branch: main', settings))
    (folder / "_toc.yml").write_text(TOC)
    for name in ("index", "run-it"):
        (folder / "book" / f"{name}.md").write_text(f"# The page {name}\n\nText.\n")
    (folder / "book" / "chapter.ipynb").write_text(nbformat.writes(notebook_with()))
    done = make(folder, "site")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html" / "book"


@pytest.mark.slow
def test_with_an_address_notebooks_can_be_launched(small_book: Path) -> None:
    site = built(small_book, ADDRESS)
    links = launch_links(site / "chapter.html")
    assert unquote(links["Binder"]) == (
        "https://mybinder.org/v2/gh/somebody/a-book/main?urlpath=lab/tree/book/chapter.ipynb"
    )
    assert links["Colab"] == "https://colab.research.google.com/github/somebody/a-book/blob/main/book/chapter.ipynb"
    assert links["What runs where"] == "run-it.html"
    assert launch_links(site / "index.html") == {}
    for icon in BeautifulSoup((site / "chapter.html").read_text("utf8"), "html.parser").select(
        ".dropdown-launch-buttons img"
    ):
        assert (site / icon["src"]).resolve().is_file()


@pytest.mark.slow
def test_without_an_address_no_page_offers_it(small_book: Path) -> None:
    site = built(small_book, "")
    for page in ("chapter", "index", "run-it"):
        assert launch_links(site / f"{page}.html") == {}
        assert "mybinder" not in (site / f"{page}.html").read_text("utf8")


def test_colab_opens_notebooks_from_github_alone() -> None:
    assert "colab_url" in launchers(ADDRESS)
    assert "colab_url" not in launchers("https://gitlab.com/somebody/a-book/")
    assert "binderhub_url" in launchers("https://gitlab.com/somebody/a-book/")


@pytest.mark.parametrize("address", ["github.com/a/b", "https://github.com/a", "https://example.org/a/b", "a b"])
def test_an_address_that_leads_nowhere_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="repository url must be"):
        launchers(address)


def test_the_book_names_no_address_that_is_not_its_own() -> None:
    """Whoever publishes the book sets the address; an invented one would send readers to somebody else."""
    (address,) = SETTING.findall((ROOT / "_config.yml").read_text("utf8"))
    assert address == "" or launchers(address)
