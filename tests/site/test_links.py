"""Every link inside the site leads to a page that exists, and to a place on it that exists."""

from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import SITE, built_pages
from bs4 import BeautifulSoup

pytestmark = pytest.mark.site

PAGES = ["index.html", *built_pages()]


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf8"), "html.parser")


def anchors(path: Path) -> set[str]:
    """Ids, and the older form of an anchor: a link with a name."""
    page = soup(path)
    return {tag["id"] for tag in page.find_all(id=True)} | {
        tag["name"] for tag in page.find_all("a", attrs={"name": True})
    }


def broken_links(path: Path, root: Path) -> list[str]:
    """Addresses on a page, below the root of a site, that lead nowhere."""
    complaints = []
    for tag in soup(path).find_all(True):
        for attribute in ("href", "src", "data-src", "poster"):
            address = tag.get(attribute)
            if address is None or urlsplit(address).scheme or address.startswith("//"):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_relative_to(root):
                complaints.append(f"{address} leaves the site")
            elif not target.is_file():
                complaints.append(f"{address} does not exist")
            elif parts.fragment.startswith("lab=") and soup(target).select_one('.linrep-lab[data-size="full"]'):
                continue  # an experiment, which the page's lab reads
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors(target):
                complaints.append(f"{address} has no such place")
    return complaints


def repeated_ids(path: Path) -> list[str]:
    """Ids that a page gives to two places: a link to them would lead to the first."""
    counts = Counter(tag["id"] for tag in soup(path).find_all(id=True))
    return [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(site: Path, page: str) -> None:
    assert broken_links(site / page, site) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_id_is_given_twice(site: Path, page: str) -> None:
    assert repeated_ids(site / page) == []


def test_every_page_is_reached_from_the_landing_page(site: Path) -> None:
    start = SITE / "book" / "index.html"
    reached, open_ends = {start}, [start]
    while open_ends:
        path = open_ends.pop()
        for link in soup(path).find_all("a", href=True):
            target = (path.parent / unquote(urlsplit(link["href"]).path)).resolve()
            if target.suffix == ".html" and target.is_file() and target not in reached:
                reached.add(target)
                open_ends.append(target)
    assert {SITE / page for page in built_pages() if page.startswith("book/")} <= reached


def test_the_link_checks_can_fail(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<p id='here'>")
    page = tmp_path / "page.html"
    page.write_text(
        "<i id='a'></i><i id='a'></i><a href='none.html'>1</a><a href='#none'>2</a><a href='other.html#none'>3</a>"
        "<img src='none.png'><a href='../outside.html'>4</a>"
        "<a href='#a'></a><a href='other.html#here'></a><a href='https://example.org'></a><a href='mailto:a@b.c'></a>"
    )
    assert broken_links(page, tmp_path) == [
        "none.html does not exist",
        "#none has no such place",
        "other.html#none has no such place",
        "none.png does not exist",
        "../outside.html leaves the site",
    ]
    assert repeated_ids(page) == ["a"]
