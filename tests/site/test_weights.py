"""Light pages: each kind within its budget (`weights.BUDGETS`), to its end, as a host with compression sends it.

What is loaded without scrolling is a part of that. Plotly and the data of figures come only when a reader comes near,
the lab's script and the search index only where they are used.
"""

import gzip
import random
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
import weights
from browsing import SITE, Visit, built_pages
from page_checks import undrawn_figures
from weights import BUDGETS, COMPRESSED, LAB_PAGE, LEVEL, hasty_scripts, load_of, too_heavy, transferred, weight

pytestmark = pytest.mark.site

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOLLOWED = ["book/how-to-read.html", LAB_PAGE, "book/simulations/table-4.html", "book/proofs/the-bottleneck.html"]


@pytest.mark.parametrize("page", built_pages())
def test_a_page_keeps_within_its_budget(page: str) -> None:
    assert too_heavy(page) == ""


@pytest.mark.parametrize("page", built_pages())
def test_heavy_scripts_wait_for_the_reader(page: str) -> None:
    assert hasty_scripts(page) == []


def test_tables_of_figures_are_light() -> None:
    pages = [path.relative_to(SITE).as_posix() for path in (SITE / "_figures").glob("*.html")]
    assert pages
    assert [too_heavy(page) for page in pages if too_heavy(page)] == []


# ---- the files read from the page are those that a browser asks for ------------------------------------------------


class _CompressingHandler(BaseHTTPRequestHandler):
    """A host as `benchmarks/lighthouse.mjs` plays it, which writes down what it was asked for."""

    asked: set[Path]

    def do_GET(self) -> None:
        path = SITE / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        self.asked.add(path)
        packed = path.suffix in COMPRESSED
        body = gzip.compress(path.read_bytes(), LEVEL, mtime=0) if packed else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[tuple[str, set[Path]]]:
    """The address of a compressing host, and the files that it was asked for."""
    handler = type("Handler", (_CompressingHandler,), {"asked": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", handler.asked
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_browser_asks_for_these_files(visit: Callable[..., Visit], host: tuple[str, set[Path]], page: str) -> None:
    address, asked = host
    opened = visit(address + page, address)
    opened.page.wait_for_load_state("networkidle")
    load = load_of(page)
    assert {path for path in asked if "plotly" in path.name or path.parent.name == "_figures"} == set()
    received = opened.page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
          .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
    )
    assert received == pytest.approx(weight(frozenset(asked)), rel=0.02), "the bytes of a file are not what is sent"
    assert undrawn_figures(opened.page) == []
    opened.page.keyboard.press("End")
    opened.page.wait_for_load_state("networkidle")
    assert asked <= load.all, "more is loaded than the page's weight counts"
    assert weight(frozenset(load.all - asked)) < 0.1 * weight(load.all), "the page's weight counts what is not loaded"
    assert not opened.complaints


# ---- the check can fail --------------------------------------------------------------------------------------------


@pytest.fixture
def small_site(tmp_path: Path) -> Path:
    """A site of one page that loads a file of each kind."""
    (tmp_path / "_static" / "plotly").mkdir(parents=True)
    for name, size in (("a.js", 10), ("lazy.png", 30), ("eager.png", 40), ("font.woff2", 50), ("other.woff2", 60)):
        (tmp_path / "_static" / name).write_bytes(bytes(size))
    (tmp_path / "_static" / "plotly" / "plotly-basic.min.js").write_bytes(random.Random(0).randbytes(3000))
    faces = [("Main", "font", "normal"), ("Math", "other", "italic")]
    css = "".join(f"@font-face{{font-family:KaTeX_{n};font-style:{s};src:url({f}.woff2)}}" for n, f, s in faces)
    rules = ".katex{font:normal 1em KaTeX_Main}.katex .mathnormal{font-family:KaTeX_Math;font-style:italic}"
    (tmp_path / "_static" / "site.css").write_text(css + rules)
    (tmp_path / "page.html").write_text(
        "<link rel=stylesheet href='_static/site.css?v=1'><script src='_static/a.js?v=2'></script>"
        "<span class=katex>x</span><img src='_static/eager.png'><img src='_static/lazy.png' loading=lazy>"
        "<figure class=\"linrep-figure\" data-src='_static/a.js' data-bundle=basic></figure>"
    )
    return tmp_path


def test_all_kinds_of_files_are_counted(small_site: Path) -> None:
    load = load_of("page.html", small_site)
    assert {path.name for path in load.at_once} == {"page.html", "site.css", "a.js", "eager.png", "font.woff2"}
    assert {path.name for path in load.scrolled} == {"a.js", "lazy.png", "plotly-basic.min.js"}
    assert transferred(small_site / "_static/lazy.png") == 30


def test_a_page_over_its_budget_is_named_with_its_heaviest_files(
    small_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert too_heavy("page.html", small_site) == ""
    monkeypatch.setattr(weights, "BUDGETS", {**BUDGETS, "plots": 0.1})
    complaint = too_heavy("page.html", small_site)
    assert complaint.startswith("page.html: 3 kB")
    assert complaint.split(": ")[-1].startswith("plotly-basic.min.js 3, ")


@pytest.mark.parametrize(
    ("html", "hasty"),
    [
        ("<script defer src='_static/plotly/plotly-basic.min.js'></script>", True),
        ("<script src='_figures/a.js'></script>", True),
        ("<link rel=preload as=script href='_static/plotly/plotly-basic.min.js'>", True),
        ("<script src='_static/lab/lab.js?v=1'></script>", True),
        ("<script src='searchindex.js'></script>", True),
        ("<script src='_static/lab/lab.js'></script><div class=\"linrep-lab\">", False),
        ("<script src='_static/a.js'></script>", False),
    ],
)
def test_hasty_scripts_are_noticed(tmp_path: Path, html: str, hasty: bool) -> None:
    (tmp_path / "page.html").write_text(html)
    assert bool(hasty_scripts("page.html", tmp_path)) == hasty
