"""Draw the picture of the README: the lab's page at the end of its first run, from the built site.

``python book/_ext/draw_readme.py`` after ``make site``.
"""

from pathlib import Path

from chromium import FLAGS, MISSING, find_chromium
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Open the page, let the first run come to rest, and take the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium() or exit(MISSING), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1080}, color_scheme="light")
        page.goto((ROOT / "_build/html/book/lab/the-lab.html").as_uri())
        page.mouse.wheel(0, 1)
        page.get_by_text("Resting; press play to go on.").first.wait_for(timeout=60_000)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=ROOT / ".github/readme.png", scale="css")
        browser.close()


if __name__ == "__main__":
    main()
