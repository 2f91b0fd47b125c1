"""One visit to one page: a browser tab that writes down whatever a reader should never meet."""

import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("SITE") or ROOT / "_build" / "html").resolve()
CUT_OFF = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
WITH_COLLECTOR = "--js-flags=--expose-gc"  # scripts of tests may collect garbage by `gc()`
WIDE, NARROW = 1280, 360  # css pixels: a laptop and the narrowest phone in use
HEIGHT = 900

# Messages of the console that say nothing about the page.
HARMLESS = [
    # Chromium's remark that WebGL on a processor waits for pixels; no graphics card, no remark
    re.compile(r"GPU stall due to ReadPixels"),
    re.compile(r"Automatic fallback to software WebGL"),
    # plotly measures the text of turning figures on a canvas; once for each text, at most
    re.compile(r"Canvas2D: Multiple readback operations"),
]

# Without it what WebGL has drawn cannot be read afterwards (see `controls`); what is drawn stays the same.
_KEEP_DRAWINGS = """
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return getContext.call(this, kind, kind.includes("webgl") ? { ...options, preserveDrawingBuffer: true } : options);
  };"""


def built_pages() -> list[str]:
    """Return the addresses of all pages below the site's root, chapters first."""
    chapters = sorted(path.relative_to(SITE).as_posix() for path in (SITE / "book").rglob("*.html"))
    others = [name for name in ("search.html", "genindex.html") if (SITE / name).is_file()]
    return chapters + others


def chapter_pages() -> list[str]:
    """Return the pages of the chapters, which are notebooks; other pages in their folders are about teaching them."""
    return [page for page in built_pages() if (ROOT / page).with_suffix(".ipynb").is_file()]


def as_page(name: str) -> str:
    """Return what to open so that all of a page can be read from top to bottom: slides are asked for as a page."""
    return name + "?page" if name.startswith("book/slides/part-") else name


class Visit:
    """A page, opened in its own browser context, and the complaints that came up since.

    Parameters
    ----------
    address
        What the reader opens.
    within
        Where everything that the page loads must lie, as the beginning of an address.
    context
        Options of the browser context (viewport, colour scheme ...).
    """

    def __init__(self, browser: Browser, address: str, within: str, **context: Any) -> None:
        self.within = within
        self.complaints: list[str] = []
        options = {"viewport": {"width": WIDE, "height": HEIGHT}, **context}
        self._context = browser.new_context(**options)
        self._context.add_init_script(_KEEP_DRAWINGS)
        self.page: Page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed request: {request.url}"))
        self.page.on("response", self._answered)
        self.page.goto(address, wait_until="load")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(known.search(message.text) for known in HARMLESS):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.within, "data:", "blob:", "about:")):
            self.complaints.append(f"external request: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"answer {response.status}: {response.url}")

    def close(self) -> None:
        """Close the tab and its context."""
        self._context.close()
