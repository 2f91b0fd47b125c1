"""The built site loads nothing from outside itself; test_pages.py sees the same from within a browser."""

import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

pytestmark = pytest.mark.site

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"

# What a browser fetches by itself; a link that a reader may follow is none of these.
LOADING = {"src", "srcset", "poster", "data", "background", "data-src", "xlink:href"}
LOADING_LINKS = {"stylesheet", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "icon", "manifest"}
OUTSIDE = re.compile(r"^\s*(?:https?:)?//", re.I)
# Hosts that serve other people's files; plotly's bundles name one for maps, which no bundle of ours draws.
CDNS = re.compile(r"unpkg\.com|jsdelivr|cdnjs|googleapis|gstatic|bootstrapcdn|cdn\.", re.I)


@pytest.fixture(scope="module")
def built() -> Path:
    if not (SITE / "book" / "index.html").is_file():
        pytest.fail(f"The site is not built: {SITE}/book/index.html is missing. Run `make site`.", pytrace=False)
    return SITE


def pages(built: Path) -> list[Path]:
    """All pages; what lies in `_static` are scraps of themes' templates."""
    return [path for path in built.rglob("*.html") if "_static" not in path.parts]


def loaded_by_page(html: str) -> list[str]:
    """Addresses outside the site that a browser would ask for when it opens a page."""
    page = LexborHTMLParser(html)
    found = []
    for tag in page.css("*"):
        given = {name: value or "" for name, value in tag.attributes.items()}
        relations = set(given.get("rel", "").split())
        for name, value in given.items():
            loads = name in LOADING or (name == "href" and tag.tag == "link" and relations & LOADING_LINKS)
            loads = loads or (name == "href" and tag.tag in ("use", "image", "base"))
            if loads and OUTSIDE.match(value):
                found.append(value)
        found += loaded_by_style(given.get("style", ""))
    for style in page.css("style"):
        found += loaded_by_style(style.text())
    return found


def loaded_by_style(css: str) -> list[str]:
    """Addresses outside the site that a style sheet would ask for."""
    addresses = re.findall(r"url\(\s*['\"]?([^'\")]+)", css) + re.findall(r"@import\s+['\"]([^'\"]+)", css)
    return [address for address in addresses if OUTSIDE.match(address)]


def test_no_page_loads_from_elsewhere(built: Path) -> None:
    found = {path.name: loaded_by_page(path.read_text("utf8")) for path in pages(built)}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_no_style_sheet_loads_from_elsewhere(built: Path) -> None:
    found = {path.name: loaded_by_style(path.read_text("utf8")) for path in built.rglob("*.css")}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_no_script_of_a_page_names_a_cdn(built: Path) -> None:
    """Only scripts that some page loads: the themes also bring ones that no page names."""
    scripts = set()
    for path in pages(built):
        for tag in LexborHTMLParser(path.read_text("utf8")).css("script[src]"):
            scripts.add((path.parent / tag.attributes["src"].partition("?")[0]).resolve())
    assert scripts
    named = {path.name: CDNS.findall(path.read_text("utf8")) for path in scripts}
    assert {name: hosts for name, hosts in named.items() if hosts} == {}


def test_every_third_party_file_came_with_a_package(built: Path) -> None:
    """Nothing third-party lies in the sources: what `_static` has beyond ours, the build put there."""
    ours = {path.name for path in Path(built.parents[1] / "book" / "_static").rglob("*") if path.is_file()}
    assert not {name for name in ours if re.search(r"\.min\.|plotly-|katex|axe|woff", name)}


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<script src='https://example.org/a.js'></script>", 1),
        ("<link rel='stylesheet' href='//example.org/a.css'>", 1),
        ("<link rel='preconnect' href='https://example.org'>", 1),
        ("<p style=\"background: url('http://example.org/a.png')\">", 1),
        ("<style>@import 'https://example.org/a.css'; p { background: url(http://example.org/a.png) }</style>", 2),
        ("<a href='https://example.org'>link</a><link rel='canonical' href='https://example.org'>", 0),
        ("<img src='a.png'><img src='data:image/png;base64,AA'>", 0),
    ],
)
def test_the_check_of_pages_can_fail(html: str, count: int) -> None:
    assert len(loaded_by_page(html)) == count


def test_no_rule_styles_a_chapter_anew_for_every_text_that_a_figure_draws(built: Path) -> None:
    """`:has()` on what holds a whole chapter makes a film three times as slow: there the build gives a class."""
    css = (built / "_static" / "site.css").read_text("utf8")
    holders = r"(?:html|body|main|article|section|\.bd-(?:main|content|article-container|article)):has\("
    assert re.findall(holders, css) == []
    assert re.findall(holders, '.bd-content:has(.linrep-lab[data-size="full"]) > p') == [".bd-content:has("]
