"""Print every page of the built site as a PDF: ``make handouts``, or with solutions ``make handouts SOLUTIONS=1``.

The page is printed by Chromium in its own print style (``linrep.css``), so a handout is what a reader's printer would
give, with three things more: proofs lie open, the entries of the bibliography that the chapter cites stand at its end,
and a link to another page, which would lead nowhere on paper, is text. Every file that Chromium asks for is handed to
it from the site's folder, everything else is refused: no server, no network. A page that has not changed since it was
printed is not printed again, so an interrupted run goes on where it stopped.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from chromium import FLAGS, MISSING, find_chromium
from playwright.sync_api import Browser, Page, Route, sync_playwright
from tqdm import tqdm

BOOK = "Where Linear Representations Come From"
BIBLIOGRAPHY = "book/references.html"
MEMORY = ".printed.json"  # beside the handouts: what each was made of
HOST = "http://book.invalid/"  # a name that no network knows (RFC 2606)
PAPERS = {"A4": 210, "Letter": 215.9}  # width in millimetres
MARGIN = {"top": "18mm", "right": "17mm", "bottom": "20mm", "left": "17mm"}  # as in linrep.css
PIXELS = 96 / 25.4  # css pixels in a millimetre

# What is still wider than the paper when lines are broken (an aligned formula, a table) is made smaller as a whole; so
# are printed lines, whose columns would be lost if they were broken, down to a size that can still be read.
FIT = """(smallest) => {
  const width = document.querySelector(".bd-article").clientWidth;
  for (const each of document.querySelectorAll(".bd-article :is(.katex-display > .katex, table, svg, pre)")) {
    const room = width - each.parentElement.getBoundingClientRect().left;
    const space = Math.min(room, each.parentElement.clientWidth || room);
    if (each.matches("pre")) each.style.whiteSpace = "pre";
    const parts = [...each.querySelectorAll(".base, .mtable")].map((part) => part.offsetWidth);
    const ratio = space / Math.max(each.scrollWidth, ...parts);
    if (each.matches("pre") && ratio < smallest) each.style.whiteSpace = "";
    else if (ratio < 0.998) each.style.zoom = ratio.toFixed(3);
  }
}"""
SMALLEST = 0.7  # of the usual size of code


def paper_width(paper: str) -> int:
    """Width between the margins of a sheet, in css pixels."""
    return int((PAPERS[paper] - 2 * 17) * PIXELS)


def chapters(site: Path) -> list[str]:
    """Addresses of the book's pages, relative to the site, in the order of its table of contents."""
    landing = site / "book" / "index.html"
    if not landing.is_file():
        raise FileNotFoundError(f"the site is not built: {landing} is missing; run `make site`")
    contents = BeautifulSoup(landing.read_text("utf8"), "html.parser").select("nav.bd-links a[href]")
    found = [urljoin("book/index.html", str(link["href"]).partition("#")[0]) for link in contents]
    pages = [page for page in dict.fromkeys(["book/index.html", *found]) if (site / page).is_file()]
    return [page for page in pages if page.startswith("book/")]


def name_of(page: str) -> str:
    """File name of a page's handout: ``book/proofs/log-odds.html`` gives ``proofs-log-odds.pdf``."""
    return page.removeprefix("book/").removesuffix(".html").replace("/", "-") + ".pdf"


def show_or_remove_solutions(article: Tag, solutions: bool) -> None:
    """Open every solution and every remark that is closed on the page, or take them out; open the proofs."""
    for solution in article.select("div.solution"):
        if solutions:
            solution["class"] = [*solution["class"], "toggle"]  # as if a reader had opened it
        else:
            solution.decompose()
    for closed in article.select("details"):
        if closed.select("div.proof") or (solutions and "sd-dropdown" in closed["class"]):
            closed["open"] = ""
        else:
            closed.decompose()


def cited_entries(article: Tag, bibliography: Tag | None) -> list[Tag]:
    """Entries of the bibliography that an article refers to, in the bibliography's order."""
    if bibliography is None:
        return []
    file = Path(BIBLIOGRAPHY).name
    cited = {str(link["href"]).partition("#")[2] for link in article.select(f"a[href*='{file}#']")}
    return [entry for entry in bibliography.select("div.citation") if entry.get("id") in cited]


def mend_links(article: Tag, entries: list[Tag]) -> None:
    """Keep links within the handout and links to the outside; let the others be text."""
    ids = {str(entry["id"]) for entry in entries}
    for link in article.select("a[href]"):
        address = urlsplit(str(link["href"]))
        if address.path.endswith(Path(BIBLIOGRAPHY).name) and address.fragment in ids:
            link["href"] = f"#{address.fragment}"
        elif address.path and not address.scheme:
            del link["href"]


def prepare(html: str, bibliography: Tag | None = None, solutions: bool = False) -> str:
    """Return a page as it is to be printed.

    Parameters
    ----------
    html
        The page, as the site has it.
    bibliography
        The article of the page with all references; None leaves the handout without a list of its own.
    solutions
        Whether solutions are printed.
    """
    page = BeautifulSoup(html, "html.parser")
    article = page.select_one("article")
    for script in page.select("script, noscript"):
        script.decompose()
    page.html["data-theme"] = "light"
    show_or_remove_solutions(article, solutions)
    entries = cited_entries(article, bibliography)
    mend_links(article, entries)
    for picture in article.select("img[loading]"):
        del picture["loading"]
    if entries:
        cited = "".join(map(str, entries))
        text = f"<section><h2>References</h2><div class='citation-list' role='list'>{cited}</div></section>"
        article.append(BeautifulSoup(text, "html.parser"))
    return str(page)


def title_of(html: str) -> str:
    """The chapter's title, without the sign that links to it."""
    heading = BeautifulSoup(html, "html.parser").select_one("article h1")
    for link in heading.select("a.headerlink, .katex-mathml"):
        link.decompose()
    return heading.get_text().strip()


def running(left: str, right: str) -> str:
    """A line at the head or foot of every sheet; Chromium gives it neither style nor font size."""
    style = "display:flex;justify-content:space-between;width:100%;margin:0 17mm;font:7.5pt sans-serif;color:#59616c"
    return f"<div style='{style}'><span>{left}</span><span>{right}</span></div>"


def open_tab(browser: Browser, site: Path, prepared: dict[str, str], paper: str) -> Page:
    """A tab as wide as the text on the paper, that knows the prepared pages and the site's files alone."""
    site = site.resolve()

    def hand_out(route: Route) -> None:
        path = unquote(urlsplit(route.request.url).path).lstrip("/")
        file = (site / path).resolve()
        if path in prepared:
            route.fulfill(body=prepared[path], content_type="text/html; charset=utf-8")
        elif route.request.url.startswith(HOST) and file.is_relative_to(site) and file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    tab = browser.new_page(viewport={"width": paper_width(paper), "height": 1000}, color_scheme="light")
    tab.emulate_media(media="print")
    tab.route("**/*", hand_out)
    return tab


def installed_chromium() -> str:
    """Path of the browser that prints."""
    executable = find_chromium()
    if not executable:
        raise FileNotFoundError(MISSING)
    return executable


def lay_out(tab: Page, page: str) -> None:
    """Open a prepared page and make it fit the paper."""
    tab.goto(HOST + page, wait_until="load")
    tab.evaluate("() => document.fonts.ready")
    tab.evaluate("() => Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")
    tab.evaluate(FIT, SMALLEST)


def print_page(tab: Page, page: str, html: str, target: Path, paper: str) -> None:
    """Write one handout, whole or not at all."""
    lay_out(tab, page)
    unfinished = target.with_name(target.name + ".part")
    tab.pdf(
        path=unfinished, format=paper, margin=MARGIN, print_background=True, tagged=True, outline=True,
        display_header_footer=True, header_template=running(escape(title_of(html)), ""),
        footer_template=running(BOOK, "<span class='pageNumber'></span> / <span class='totalPages'></span>"),
    )  # fmt: skip
    unfinished.replace(target)


def prepared_pages(site: Path, solutions: bool, pages: list[str] | None) -> dict[str, str]:
    """Return the named pages of a site, or all of its book, as they are to be printed."""
    every = chapters(site)
    unknown = sorted(set(pages or []) - set(every))
    if unknown:
        raise ValueError(f"pages must be pages of the site, got {unknown}")
    bibliography = site / BIBLIOGRAPHY
    references = None
    if bibliography.is_file():
        references = BeautifulSoup(bibliography.read_text("utf8"), "html.parser").article
    return {page: prepare((site / page).read_text("utf8"), references, solutions) for page in pages or every}


@contextmanager
def printing_tab(site: Path, prepared: dict[str, str], paper: str) -> Iterator[Page]:
    """Start the browser that prints; it ends with the block."""
    executable = installed_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield open_tab(browser, site, prepared, paper)
        browser.close()


def print_all(
    site: Path, folder: Path, solutions: bool = False, paper: str = "A4", pages: list[str] | None = None
) -> int:
    """Print what has changed; return the number of handouts that were written.

    Parameters
    ----------
    site
        Folder of the built site.
    folder
        Where the handouts go, and `MEMORY`.
    solutions
        Whether solutions are printed.
    paper
        ``"A4"`` or ``"Letter"``.
    pages
        Addresses relative to the site; all pages of the book if None.
    """
    if paper not in PAPERS:
        raise ValueError(f"paper must be one of {', '.join(PAPERS)}, got {paper!r}")
    prepared = prepared_pages(site, solutions, pages)
    folder.mkdir(parents=True, exist_ok=True)
    memory = folder / MEMORY
    printed = json.loads(memory.read_text("utf8")) if memory.is_file() else {}
    # the page names its style sheet and its pictures by their contents
    made_of = Path(__file__).read_bytes() + paper.encode()
    digests = {page: hashlib.sha256(made_of + html.encode()).hexdigest() for page, html in prepared.items()}
    due = [page for page in prepared if printed.get(page) != digests[page] or not (folder / name_of(page)).is_file()]
    if pages is None:
        for stale in {*folder.glob("*.pdf")} - {folder / name_of(page) for page in prepared}:
            stale.unlink()
    if due:
        with printing_tab(site, prepared, paper) as tab:
            for page in tqdm(due, unit="page", disable=None):
                print_page(tab, page, prepared[page], folder / name_of(page), paper)
                printed[page] = digests[page]
                memory.write_text(json.dumps(printed, indent=1, sort_keys=True), "utf8")
    return len(due)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print the pages of the built site.")
    parser.add_argument("site", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*", help="addresses relative to the site; all if none is named")
    parser.add_argument("--solutions", action="store_true")
    parser.add_argument("--paper", choices=PAPERS, default="A4")
    arguments = parser.parse_intermixed_args()
    count = print_all(arguments.site, arguments.folder, arguments.solutions, arguments.paper, arguments.pages or None)
    print(f"{arguments.folder}: {count} printed, {len(list(arguments.folder.glob('*.pdf')))} in all")
