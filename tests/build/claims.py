"""Numbers in the prose of the book, and where each of them stands in what the notebooks' cells print.

A *claim* is a decimal number in the text of a page. It holds without further words if it is the rounding of a number
printed right beside it, by the last cell before it that prints numbers or by the first one after it, and if not so many
numbers are printed there that nearly any would do. Every other claim has a line in ``claims.toml``:

``printed``
    a piece of output, of the page or of another one, in which the number stands;
``derived``
    arithmetic on printed numbers that gives it, or a comparison with printed numbers that is true;
``excepted``
    what no cell could print: a setting, a threshold, a guess, a paper's number, a size measured. With the reason.

``python tests/build/claims.py`` counts them by page, and proposes lines for those that are open, to choose from.
"""

import ast
import json
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import nbformat
from prose import prose

BOOK = Path(__file__).resolve().parents[2] / "book"
# what claims.toml holds: kind, page, words, source; and printed numbers with their places
Sources = dict[str, dict[str, dict[str, str]]]
Numbers = list[tuple[float, int]]
PLOTLY_MIME = "application/vnd.plotly.v1+json"
# kinds of output that a reader sees as text; the first one present is the one that the site shows
TEXTS = ("text/markdown", "text/latex", "text/html", "text/plain")
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\.?\d)")
# "Section 5.2", "version 1.0", "Python 3.11": names, not quantities
NAMED = r"(?:[Ss]ections?|[Ff]igures?|[Tt]heorem|[Ll]emma|[Aa]ppendix|[Ee]quation|[Vv]ersion|Python|CC BY|§) ?$"
DECIMAL = re.compile(r"(?<![\w.])(?P<number>\d+\.\d+)(?P<percent>\s?(?:\\?%|per cent))?(?!\.\d)")
# where in a formula a symbol is given its value: $\eta = 0.1$
SETTING = re.compile(r"(?:[A-Za-z']|_\{[^{}]*\}|_\w)\s*=\s*$")
# A match beside the prose says something if few other numbers of that size would match too; in a crowd it does not.
CROWDED = 0.25
# what a reason for an exception begins with
KINDS = ("setting", "threshold", "guess", "example", "paper", "measured")


@dataclass(frozen=True)
class Claim:
    """A decimal number of the prose, the text of its cell and where in it the number stands."""

    number: str
    text: str
    start: int
    percent: bool = False

    @cached_property
    def value(self) -> float:
        """The number, with its sign."""
        return -float(self.number) if re.search(r"(?<![\d\w])\$?[-−]$", self.text[: self.start]) else float(self.number)

    @property
    def words(self) -> str:
        """The number between its neighbours, for people."""
        end = self.start + len(self.number)
        return f"{self.text[max(0, self.start - 60) : self.start]}[[{self.number}]]{self.text[end : end + 30]}"

    def is_rounding_of(self, value: float, places: int | None = None) -> bool:
        """Whether the claim is this value, rounded to as many places as the claim has.

        ``places`` is the number of places to which the value was printed; a claim may not know more of them. A claim
        without a sign may be the size of a negative number: "falls by 0.2". A percentage may be that of a share.
        """
        value = value if self.value < 0 else abs(value)
        shares = (1, 100) if self.percent else (1,)
        return any(self._rounds(value * share, places and places - (share > 1) * 2) for share in shares)

    def _rounds(self, value: float, places: int | None) -> bool:
        mine = len(self.number.partition(".")[2])
        return abs(value - self.value) <= 0.5 * 10.0**-mine + 1e-9 and (places is None or places >= mine)


def plain(text: str) -> str:
    """A text with single spaces."""
    return re.sub(r"\s+", " ", text).strip()


def claims_of(source: str) -> list[Claim]:
    """The decimal numbers of a markdown cell, but for numbers of sections and values given to symbols."""
    text = plain(re.sub(r"(\\[A-Za-z]+)(?=\d)", r"\1 ", prose(source)))
    formulas = [match.span() for match in re.finditer(r"(\$\$?)(?!\$).+?\1", text)]
    found = []
    for match in DECIMAL.finditer(text):
        before = text[: match.start()]
        in_formula = any(first < match.start() < last for first, last in formulas)
        if not re.search(NAMED, before) and not (in_formula and SETTING.search(before)):
            found.append(Claim(match["number"], text, match.start(), bool(match["percent"])))
    return found


def numbers_in(text: str) -> Iterator[tuple[float, int]]:
    """Numbers of a text, each with its number of decimal places."""
    for match in NUMBER.finditer(text):
        word = match.group().replace("−", "-")
        digits, _, exponent = word.lower().partition("e")
        yield float(word), len(digits.partition(".")[2]) - int(exponent or 0)


def texts_of(output: nbformat.NotebookNode) -> Iterator[str]:
    """What an output shows as text."""
    if output.output_type == "stream":
        yield output.text
    elif output.output_type in ("display_data", "execute_result"):
        shown = [output.data[kind] for kind in TEXTS if kind in output.data and PLOTLY_MIME not in output.data]
        for text in shown[:1]:
            yield re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", " ", text, flags=re.S))


class Page:
    """The claims of a page, each with the numbers printed beside it, and all that the page's cells print."""

    def __init__(self, notebook: nbformat.NotebookNode) -> None:
        self.claims: list[tuple[Claim, Numbers]] = []
        outputs = [
            "\n".join(text for output in cell.get("outputs", []) for text in texts_of(output))
            for cell in notebook.cells
        ]
        self.lines = "\n".join(outputs).splitlines()
        self.output = plain(" ".join(outputs))
        numbers = [list(numbers_in(text)) for text in outputs]
        for position, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown":
                before = next((found for found in reversed(numbers[:position]) if found), [])
                after = next((found for found in numbers[position:] if found), [])
                self.claims += [(claim, before + after) for claim in claims_of(cell.source)]


def neighbours(claim: Claim) -> list[Claim]:
    """The same sentence with another number in it: all with as many places from half to one and a half times it."""
    places, end = len(claim.number.partition(".")[2]), claim.start + len(claim.number)
    mine = round(float(claim.number) * 10**places)
    others = [n for n in range(math.ceil(mine / 2), math.floor(mine * 3 / 2) + 1) if n != mine]
    numbers = [f"{n / 10**places:.{places}f}" for n in others]
    texts = [claim.text[: claim.start] + number + claim.text[end:] for number in numbers]
    return [replace(claim, number=number, text=text) for number, text in zip(numbers, texts, strict=True)]


def crowding(claim: Claim, beside: Numbers) -> float:
    """Which share of the numbers half to one and a half times as large as the claim would match as well."""
    made = neighbours(claim)
    return sum(any(each.is_rounding_of(*number) for number in beside) for each in made) / max(len(made), 1)


def stands_beside(claim: Claim, beside: Numbers) -> bool:
    """Whether the claim is the rounding of a number printed beside it, and not one in a crowd."""
    return any(claim.is_rounding_of(*number) for number in beside) and crowding(claim, beside) < CROWDED


def covers(words: str, claim: Claim) -> bool:
    """Whether the claim's number stands inside these words, where its cell has them."""
    spans = (match.span() for match in re.finditer(re.escape(words), claim.text))
    return any(first <= claim.start < last for first, last in spans)


def value_of(expression: str) -> float | bool:
    """The value of an arithmetic expression or a comparison, with some functions of `math` and min, max, abs."""
    names = {name: getattr(math, name) for name in ("log", "exp", "sqrt", "sin", "cos", "pi")}
    names |= {"min": min, "max": max, "abs": abs}
    return eval(compile(ast.parse(expression, mode="eval"), "claims.toml", "eval"), {"__builtins__": {}}, names)


def stands_in(piece: str, output: str) -> bool:
    """Whether a piece of output is there, its numbers not cut short."""
    return re.search(r"(?<![\d.])" + re.escape(piece) + r"(?!\.?\d)", output) is not None


def wrong_with(expression: str, claim: Claim, page: Page) -> str | None:
    """Why an expression does not give the claim from numbers that the page prints or the claim's own cell tells."""
    printed = {abs(value) for value, _ in numbers_in(page.output)}
    given = {float(match["number"]) for match in DECIMAL.finditer(claim.text)}
    used = {float(word) for word in re.findall(r"\d+\.\d+", expression)}
    mine = float(claim.number)
    if used - printed - given:
        return f"{sorted(used - printed - given)} in {expression!r} printed nowhere on the page"
    value = value_of(expression)
    if isinstance(value, bool):
        return None if value and mine in used else f"{expression!r} gives {value}, or does not speak of the number"
    if mine in used:
        return f"{expression!r} takes for granted what it is to give"
    return None if claim.is_rounding_of(value) else f"{expression!r} gives {value}"


def complaints(name: str, pages: dict[str, Page], sources: Sources) -> list[str]:
    """What is wrong with the claims of a page, and with the lines of ``claims.toml`` about it."""
    page, found, used = pages[name], [], set()
    for claim, beside in page.claims:
        lines = [(kind, words) for kind in sources for words in sources[kind].get(name, {}) if covers(words, claim)]
        used |= set(lines)
        if not lines and not stands_beside(claim, beside):
            found.append(f"not printed beside it, or in a crowd of numbers, and without a source: {claim.words}")
        for kind, words in lines:
            found += [
                f"{complaint}: {claim.words}"
                for complaint in _wrong(kind, sources[kind][name][words], claim, name, pages)
            ]
    for kind in sources:
        found += [
            f"{kind} without a claim: {words!r}" for words in sources[kind].get(name, {}) if (kind, words) not in used
        ]
    return found


def _wrong(kind: str, source: str, claim: Claim, name: str, pages: dict[str, Page]) -> list[str]:
    if kind == "excepted":
        known = source.partition(":")[0] in KINDS and len(source.partition(":")[2].split()) > 1
        return [] if known else [f"the reason {source!r} is none of {KINDS} with a few words"]
    if kind == "printed":
        other, _, excerpts = source.rpartition(" :: ")
        pieces = [plain(piece) for piece in excerpts.split(" … ")]
        if other and other not in pages:
            return [f"no page {other!r}"]
        missing = [piece for piece in pieces if not stands_in(piece, pages[other or name].output)]
        if missing:
            return [f"not in the output of {other or name}: {missing}"]
        rounded = any(claim.is_rounding_of(*number) for piece in pieces for number in numbers_in(piece))
        return [] if rounded else [f"no rounding of a number in {excerpts!r}"]
    wrong = wrong_with(source, claim, pages[name])
    return [wrong] if wrong else []


def read_page(path: Path) -> Page:
    """A notebook, or a page of markdown: all text."""
    if path.suffix == ".ipynb":
        return Page(nbformat.read(path, as_version=4))
    return Page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(path.read_text("utf8"))]))


def all_pages() -> dict[str, Page]:
    """The pages of the book by their names without the ending."""
    paths = [path for path in sorted(BOOK.rglob("*")) if path.suffix in (".ipynb", ".md") and path.is_file()]
    ours = [path for path in paths if not any(part.startswith((".", "_")) for part in path.relative_to(BOOK).parts)]
    return {path.relative_to(BOOK).with_suffix("").as_posix(): read_page(path) for path in ours}


def all_sources() -> Sources:
    """What ``claims.toml`` says: by kind, page and words."""
    return tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf8"))


def source_of(name: str, claim: Claim, beside: Numbers, sources: Sources) -> str:
    """The kind of a claim's source, "beside", or "open"."""
    kinds = [kind for kind in sources for words in sources[kind].get(name, {}) if covers(words, claim)]
    return kinds[0] if kinds else "beside" if stands_beside(claim, beside) else "open"


def how(name: str, page: Page, sources: Sources) -> list[str]:
    """For each claim of a page the kind of its source."""
    return [source_of(name, claim, beside, sources) for claim, beside in page.claims]


def quoted(text: str) -> str:
    """A string as TOML writes it."""
    return f"'{text}'" if "'" not in text else json.dumps(text, ensure_ascii=False)


def proposals(claim: Claim, page: Page) -> list[str]:
    """Lines for ``claims.toml``, one for each line of output with such a number: keep the one that is meant, if any."""
    end = claim.start + len(claim.number)
    before, after = claim.text[: claim.start].split(" "), claim.text[end:].split(" ")
    words = " ".join(before[-4:]) + claim.number + " ".join(after[:3])
    lines = {plain(line) for line in page.lines if any(claim.is_rounding_of(*number) for number in numbers_in(line))}
    return [f"{quoted(words)} = {quoted(line)}" for line in sorted(lines)] or [f"# printed nowhere: {claim.words}"]


def main() -> None:
    """Print the counts, and for each open claim lines for ``claims.toml`` to choose from."""
    pages, sources = all_pages(), all_sources()
    columns = ("beside", "printed", "derived", "excepted", "open")
    print(f"{'':40}" + "".join(f"{column:>10}" for column in (*columns, "all")))
    counts = {name: how(name, page, sources) for name, page in pages.items()}
    for name, kinds in [*counts.items(), ("all", [kind for page in counts.values() for kind in page])]:
        print(f"{name:40}" + "".join(f"{kinds.count(c):10}" for c in columns) + f"{len(kinds):10}")
    for name, page in pages.items():
        still = [claim for (claim, _), kind in zip(page.claims, counts[name], strict=True) if kind == "open"]
        if still:
            print(f'\n[printed."{name}"]')
            print("\n".join(line for claim in still for line in proposals(claim, page)))


if __name__ == "__main__":
    main()
