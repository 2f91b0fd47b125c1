"""Citation, licences and version of the book: told in several files, and everywhere the same."""

import json
import re
import tomllib
from typing import Any

import pytest
import yaml
from small_books import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]["version"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
# What the format (Citation File Format 1.2.0) demands of every file, and of each person and each reference in it.
REQUIRED = {"cff-version", "message", "title", "authors"}
REQUIRED_OF_REFERENCES = {"type", "title", "authors"}
TYPES = {"software", "dataset"}


def complaints(citation: dict[str, Any]) -> list[str]:
    """What keeps a CITATION.cff from being read by the tools that know the format."""
    found = [f"without {key}" for key in sorted(REQUIRED - set(citation))]
    if citation.get("cff-version") != "1.2.0":
        found.append("cff-version is not 1.2.0")
    if citation.get("type", "software") not in TYPES:
        found.append("type is neither software nor dataset")
    for reference in citation.get("references", []):
        found += [f"a reference without {key}" for key in sorted(REQUIRED_OF_REFERENCES - set(reference))]
    for each in [citation, *citation.get("references", [])]:
        if any(not isinstance(each.get(key, ""), str) for key in ("title", "version", "url", "message", "abstract")):
            found.append("a title, version, address or text that is no string")
        authors = each.get("authors", [{"name": "missing, and said above"}])
        if not authors or not all("name" in person or "family-names" in person for person in authors):
            found.append("an author without a name")
    return found


def bibtex(page: str) -> str:
    """The book's entry as a page prints it."""
    entries = re.findall(r"^@misc\{linrepbook,.*?^\}", page, re.M | re.S)
    assert len(entries) == 1
    return entries[0]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf8")


def test_the_citation_file_is_well_formed() -> None:
    assert complaints(CITATION) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"title": None}, "no string"),
        ({"version": 0.1}, "no string"),
        ({"authors": []}, "without a name"),
        ({"authors": [{"given-names": "Ada"}]}, "without a name"),
        ({"cff-version": "1.0.0"}, "not 1.2.0"),
        ({"type": "book"}, "neither"),
        ({"references": [{"type": "article", "title": "A"}]}, "a reference without authors"),
    ],
)
def test_the_check_of_the_citation_can_fail(change: dict[str, Any], complaint: str) -> None:
    assert complaint in " ".join(complaints({**CITATION, **change}))


@pytest.mark.parametrize("key", sorted(REQUIRED))
def test_a_citation_needs_each_required_key(key: str) -> None:
    assert f"without {key}" in complaints({name: value for name, value in CITATION.items() if name != key})


def test_every_file_tells_the_version_of_pyproject() -> None:
    lock = json.loads(text("package-lock.json"))
    told = {
        "CITATION.cff": CITATION["version"],
        "CHANGELOG.md": re.search(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.M)[1],
        "package.json": json.loads(text("package.json"))["version"],
        "package-lock.json": lock["version"],
        "package-lock.json, the package itself": lock["packages"][""]["version"],
        "README.md": re.search(r"Version ([\d.]+\d)", bibtex(text("README.md")))[1],
    }
    assert {name: version for name, version in told.items() if version != VERSION} == {}


def test_readme_landing_page_and_citation_file_cite_alike() -> None:
    assert bibtex(text("README.md")) == bibtex(text("book/index.md"))
    told = dict(re.findall(r"(\w+)\s*= \{+(.+?)\}+,?$", bibtex(text("README.md")), re.M))
    assert told["title"] == CITATION["title"]
    assert told["author"] == " and ".join(person["name"] for person in CITATION["authors"])
    settings = yaml.safe_load(text("_config.yml"))
    assert told["title"].startswith(settings["title"])
    assert (told["author"], told["year"]) == (settings["author"], settings["copyright"])


def test_the_paper_is_cited_as_in_the_book() -> None:
    paper = CITATION["references"][0]
    entry = text("book/references.bib").partition("@inproceedings{jiang2024origins,")[2].partition("\n}")[0]
    assert paper["title"] in entry
    assert paper["url"] in entry
    assert str(paper["year"]) in entry
    assert all(f"{person['family-names']}, {person['given-names']}" in entry for person in paper["authors"])


def test_both_licences_are_whole_and_told_on_the_landing_page() -> None:
    assert text("LICENSE").startswith("MIT License")
    assert text("LICENSE-TEXT").startswith("Attribution 4.0 International")
    assert "Section 8 -- Interpretation." in text("LICENSE-TEXT")
    assert CITATION["license"] == ["MIT", "CC-BY-4.0"]
    page = text("book/index.md")
    assert "MIT licence" in page
    assert "CC BY 4.0" in page
    assert "(LICENSE)" in text("README.md")
    assert "(LICENSE-TEXT)" in text("README.md")
