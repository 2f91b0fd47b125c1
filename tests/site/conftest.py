"""The built site in a real browser, with the network cut off.

Two things are needed and two answers given: a site that is not built is a failure (``make site`` mends it), a
Chromium that is not installed is a skip, counted in the closing summary together with what is missing (or a failure,
with ``BROWSER_TESTS=required``, where nobody would read that summary).
"""

import functools
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import CUT_OFF, SITE, WITH_COLLECTOR, Visit
from chromium import FLAGS, MISSING, find_chromium
from playwright.sync_api import Browser, sync_playwright


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "book" / "index.html").is_file():
        pytest.fail(f"The site is not built: {SITE}/book/index.html is missing. Run `make site`.", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    handler = functools.partial(_QuietHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


# Not for the whole session: Playwright holds an event loop, and the notebook tests that follow start their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if not executable and os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(MISSING, pytrace=False)
    if not executable:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, CUT_OFF, WITH_COLLECTOR])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open addresses; every visit is closed at the end of the test."""
    visits: list[Visit] = []

    def open_address(address: str, within: str, **context: object) -> Visit:
        visits.append(Visit(browser, address, within, **context))
        return visits[-1]

    yield open_address
    for opened in visits:
        opened.close()


@pytest.fixture
def visit_html(visit: Callable[..., Visit], tmp_path: Path) -> Callable[..., Visit]:
    """Open a page written in a test, for the tests of the checks themselves."""

    def open_html(html: str, **context: object) -> Visit:
        (tmp_path / "page.html").write_text(f"<!doctype html><html lang='en'><title>A page</title>{html}", "utf8")
        return visit((tmp_path / "page.html").as_uri(), tmp_path.as_uri(), **context)

    return open_html
