"""Links inside the site lead to a page and a place that exist; links out of it have the form of an address."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import SITE, built_pages
from selectolax.lexbor import LexborHTMLParser

pytestmark = pytest.mark.site

PAGES = ["index.html", *built_pages()]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CITATION.cff",
    "book/references.bib",
]
# addresses of works that have one form, by host
FORMS = {"arxiv.org": r"/abs/\d{4}\.\d{4,5}", "doi.org": r"/10\.\d{4,9}/\S+"}


@cache
def tree(path: Path) -> LexborHTMLParser:
    """The page as browsers read it, forty times as fast as BeautifulSoup."""
    return LexborHTMLParser(path.read_text("utf8"))


def attributes(path: Path, selector: str, name: str) -> list[str]:
    """The values of an attribute of all tags that a selector finds, in order."""
    return [tag.attributes[name] or "" for tag in tree(path).css(selector)]


@cache
def anchors(path: Path) -> set[str]:
    """Ids, and the older form of an anchor: a link with a name."""
    return {*attributes(path, "[id]", "id"), *attributes(path, "a[name]", "name")}


def broken_links(path: Path, root: Path) -> list[str]:
    """Addresses on a page, below the root of a site, that lead nowhere."""
    complaints = []
    for tag in tree(path).css("[href], [src], [data-src], [poster]"):
        for attribute in ("href", "src", "data-src", "poster"):
            address = tag.attributes.get(attribute)
            if address is None or urlsplit(address).scheme or address.startswith("//"):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_relative_to(root):
                complaints.append(f"{address} leaves the site")
            elif not target.is_file():
                complaints.append(f"{address} does not exist")
            elif parts.fragment.startswith("lab=") and tree(target).css_first('.linrep-lab[data-size="full"]'):
                continue  # an experiment, which the page's lab reads
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors(target):
                complaints.append(f"{address} has no such place")
    return complaints


def external_links(path: Path) -> list[str]:
    """Addresses on a page that lead out of the site, in order and each once."""
    addresses = [address.strip() for address in attributes(path, "a[href]", "href")]
    outside = (address for address in addresses if urlsplit(address).scheme not in ("", "data", "mailto", "javascript"))
    return list(dict.fromkeys([*outside, *(address for address in addresses if address.startswith("//"))]))


def misshapen(address: str) -> str | None:
    """What is wrong with the form of an address, if anything; nothing is asked of the network."""
    parts = urlsplit(address)
    if parts.scheme != "https":
        return "not https"
    if not re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", parts.netloc):
        return "not the name of a host"
    if re.search(r"[\s<>\"\\^`{|}]", address):
        return "a character that does not belong into an address"
    if re.search(r"[.,;:!?'’”]$", address) or address.count("(") != address.count(")"):
        return "punctuation of the sentence around it"
    form = FORMS.get(parts.netloc)
    if form and not re.fullmatch(form, parts.path):
        return f"not of the form {form}"
    return None


def repeated_ids(path: Path) -> list[str]:
    """Ids that a page gives to two places: a link to them would lead to the first."""
    counts = Counter(attributes(path, "[id]", "id"))
    return [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(site: Path, page: str) -> None:
    assert broken_links(site / page, site) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_id_is_given_twice(site: Path, page: str) -> None:
    assert repeated_ids(site / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_external_links_have_the_form_of_an_address(site: Path, page: str) -> None:
    found = {address: misshapen(address) for address in external_links(site / page)}
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def test_the_sources_of_the_book_are_linked(site: Path) -> None:
    assert len({address for page in PAGES for address in external_links(site / page)}) > 15


@pytest.mark.parametrize("name", DOCUMENTS)
def test_addresses_in_documents_have_the_form_of_an_address(name: str) -> None:
    text = (SITE.parents[1] / name).read_text("utf8")
    found = {address: misshapen(address) for address in re.findall(r"https?://[^\s<>)\]}`\"]+", text)}
    here = ("http://127.0.0.1:", "https://github.com/OWNER/NAME")  # the reader's own machine; a place to fill in
    assert {address: wrong for address, wrong in found.items() if wrong and not address.startswith(here)} == {}


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://arxiv.org/abs/2403.03867", ""),
        ("https://doi.org/10.1162/089976698300017746", ""),
        ("https://en.wikipedia.org/wiki/Mercury_(planet)", ""),
        ("https://example.org/a?b=c#d", ""),
        ("http://example.org", "not https"),
        ("//example.org/a", "not https"),
        ("ftp://example.org/a", "not https"),
        ("https://example", "host"),
        ("https:///a", "host"),
        ("https://example.org/a.", "punctuation"),
        ("https://example.org/a),", "punctuation"),
        ("https://example.org/a)", "punctuation"),
        ("https://example.org/a b", "character"),
        ("https://example.org/{a}", "character"),
        ("https://arxiv.org/pdf/2403.03867", "form"),
        ("https://arxiv.org/abs/240303867", "form"),
        ("https://doi.org/11.1162/1", "form"),
    ],
)
def test_the_check_of_addresses_can_fail(address: str, wrong: str) -> None:
    found = misshapen(address) or ""
    assert bool(found) == bool(wrong)
    assert wrong in found


def test_links_out_of_the_site_are_told_from_those_inside(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<a href='https://a.org/'></a><a href='//b.org'></a><a href='c.html'></a><a href='#d'></a>")
    assert external_links(page) == ["https://a.org/", "//b.org"]


def test_every_page_is_reached_from_the_landing_page(site: Path) -> None:
    start = SITE / "book" / "index.html"
    reached, open_ends = {start}, [start]
    while open_ends:
        path = open_ends.pop()
        for address in attributes(path, "a[href]", "href"):
            target = (path.parent / unquote(urlsplit(address).path)).resolve()
            if target.suffix == ".html" and target.is_file() and target not in reached:
                reached.add(target)
                open_ends.append(target)
    assert {SITE / page for page in built_pages() if page.startswith("book/")} <= reached


def test_links_of_the_data_of_figures_lead_somewhere(site: Path) -> None:
    pages = sorted((site / "_figures").glob("*.html"))
    assert pages
    assert {page.name: broken for page in pages if (broken := broken_links(page, site))} == {}


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
