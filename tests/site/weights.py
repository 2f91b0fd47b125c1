"""What a page weighs: the files that a browser asks for, read from the built pages, as many bytes as a host sends.

``python tests/site/weights.py`` prints all pages, heaviest first. That a browser asks for just these files is
tested on some pages (`test_weights.py`); to open and scroll all of them would take half an hour.
"""

import gzip
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from browsing import ROOT, SITE, built_pages

sys.path.append(str(ROOT / "book/_ext"))  # for those who run this file

from page_tags import tags_of

# Kilobytes (1000 bytes) that a page may have transferred, to its end; the one place of these numbers.
BUDGETS = {"text": 300, "plots": 900, "lab": 600}
LAB_PAGE = "book/lab/the-lab.html"

# As common hosts do it: text compressed at zlib's usual level, pictures and fonts as they are.
COMPRESSED = {".html", ".css", ".js", ".svg", ".csv"}
LEVEL = 6


@dataclass(frozen=True)
class Load:
    """The files that a page has asked for: as it stands there, and as the reader comes to its end."""

    at_once: frozenset[Path]
    scrolled: frozenset[Path]

    @property
    def all(self) -> frozenset[Path]:
        """Every file of the page."""
        return self.at_once | self.scrolled


@cache
def transferred(path: Path) -> int:
    """Return the bytes of a file as a host sends it, without the heads of the answer."""
    content = path.read_bytes()
    return len(gzip.compress(content, LEVEL, mtime=0)) if path.suffix in COMPRESSED else len(content)


def kind(page: str, html: str) -> str:
    """Return which budget a page has."""
    if page == LAB_PAGE:
        return "lab"
    return "plots" if 'class="linrep-figure"' in html else "text"


def load_of(page: str, site: Path = SITE) -> Load:
    """Return the files that a page asks for.

    Parameters
    ----------
    page
        Address relative to the site.
    site
        Folder of the built site.
    """
    path = site / page
    tags = [tag for tag in tags_of(path.read_text("utf8")) if not tag.in_noscript]

    def file(address: str) -> Path:
        return (path.parent / address.partition("?")[0].partition("#")[0]).resolve()

    at_once, scrolled = {path.resolve()}, set()
    for tag in tags:
        lazy = tag.get("loading") == "lazy"
        if tag.name in ("script", "img") and "src" in tag and not tag["src"].startswith("data:"):
            (scrolled if lazy else at_once).add(file(tag["src"]))
        elif tag.name == "link" and {"stylesheet", "icon"} & set(tag.get("rel", "").split()):
            at_once.add(file(tag["href"]))
        elif "linrep-figure" in tag.classes and "data-src" in tag:
            scrolled |= {file(tag["data-src"]), site / f"_static/plotly/plotly-{tag['data-bundle']}.min.js"}
    classes = {name for tag in tags for name in tag.classes}
    for sheet in [found for found in at_once if found.suffix == ".css"]:
        at_once |= {(sheet.parent / name).resolve() for name in fonts(sheet, classes)}
    return Load(frozenset(at_once), frozenset(scrolled))


@cache
def _font_rules(sheet: Path) -> tuple[dict[tuple[str, str, str], str], list[tuple[str, str, str, str]]]:
    """Return the files of a sheet's fonts by family, weight and style, and the rules that set a font in formulas."""
    css = sheet.read_text("utf8")
    files, rules = {}, []
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        family = re.search(r"\b(KaTeX_\w+)", body)
        bold = re.search(r"font(?:-weight)?:[^;]*\b(?:700|bold)\b", body)
        italic = re.search(r"font(?:-style)?:[^;]*\bitalic\b", body)
        name = family[1] if family else "KaTeX_Main"
        key = (name, "700" if bold else "400", "italic" if italic else "normal")
        if "@font-face" in selector and family:
            files[key] = re.search(r"url\(['\"]?([^'\")]+)", body)[1]
        elif "katex" in selector and (family or bold or italic) and "@" not in selector:
            rules.append((selector.strip(), *key))
    return files, rules


def fonts(sheet: Path, classes: set[str]) -> set[str]:
    """Return the addresses of the fonts of a sheet in which something on the page is set, as its classes tell."""
    files, rules = _font_rules(sheet)
    used = set()
    for selectors, *key in rules:
        named = [set(re.findall(r"\.([\w-]+)", selector)) for selector in selectors.split(",")]
        if tuple(key) in files and any(names <= classes for names in named):
            used.add(files[tuple(key)])
    return used


def weight(files: frozenset[Path]) -> int:
    """Return the bytes of several files."""
    return sum(map(transferred, files))


def heaviest(files: frozenset[Path], count: int = 5) -> str:
    """Return the names of the heaviest files, with their kilobytes."""
    first = sorted(files, key=transferred, reverse=True)[:count]
    return ", ".join(f"{path.name} {transferred(path) / 1000:.0f}" for path in first)


def too_heavy(page: str, site: Path = SITE) -> str:
    """Return what is wrong with the weight of a page, with the files that make it; nothing if it is light enough."""
    which, load = kind(page, (site / page).read_text("utf8")), load_of(page, site)
    weighs, budget = weight(load.all) / 1000, BUDGETS[which]
    if weighs < budget:
        return ""
    return f"{page}: {weighs:.0f} kB, and a page of the kind {which!r} may have {budget}: {heaviest(load.all)}"


def hasty_scripts(page: str, site: Path = SITE) -> list[str]:
    """Return the heavy scripts that a page loads before a reader comes near, or has no use for."""
    html = (site / page).read_text("utf8")
    sources = re.findall(r"<(?:script|link)\b[^>]*?(?:src|href)=[\"']([^\"']+\.js)", html)
    uses = {"lab.js": 'class="linrep-lab', "searchindex.js": 'id="search-results"'}
    without_use = [name for name in sources if uses.get(Path(name).name, "") not in html]
    return without_use + [name for name in sources if "plotly" in name or "_figures/" in name]


if __name__ == "__main__":
    loads = {page: load_of(page) for page in built_pages()}
    for page, load in sorted(loads.items(), key=lambda item: -weight(item[1].all)):
        which = kind(page, (SITE / page).read_text("utf8"))
        print(
            f"{page:56} {which:5} {weight(load.at_once) / 1000:5.0f} {weight(load.all) / 1000:6.0f}",
            "OVER" if too_heavy(page) else "    ",
            heaviest(load.all),
        )
