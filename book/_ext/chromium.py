"""The installed Chromium: where it is, and the flags under which it draws the same everywhere."""

import os
import shutil
from pathlib import Path

# Chromium without windows, the same engine, opens a page in half the time: no toolbar is started for each.
NAMES = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
APPLICATIONS = [
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
]
MISSING = "Chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM to the path of a Chrome"

# Everything is drawn by the processor: a picture must not depend on a graphics card. WebGL, which the turning figures
# need, keeps working through SwiftShader; the rest of the page is composed without it, four times as fast.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, the one named by ``CHROMIUM`` first, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    return installed or next((str(path) for path in APPLICATIONS if path.is_file()), None)
