"""Execute the notebooks of the book in place and draw the static pictures of their figures.

``python book/_ext/run_notebooks.py [NOTEBOOK ...]``, or ``make notebooks``; all notebooks by default.

What is written is what nbval later compares and what the site publishes, so it must not change from one run
to the next: execution counts, metadata and ids are made regular, and nothing about time or place is kept.
"""

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from chromium import FLAGS, MISSING, find_chromium
from linrep_site.assets import LAB, NODE_MODULES
from linrep_site.figures import PLOTLY_MIME, smallest_bundle
from linrep_site.lab import LAB_MIME
from small_png import small_png

BOOK = Path(__file__).resolve().parents[1]
TIMEOUT = 300  # seconds for one cell; a notebook should need less than 60 in all
PICTURE_WIDTH = 720  # css pixels, the width of the text column; pictures have twice as many
PICTURE_HEIGHT = 450

# The room of a full lab on a laptop, and the text column on a laptop and a phone; the lab is laid out by its own width.
LAB_WIDTHS = {"full": 940, "wide": 671, "narrow": 309}
LAB_SETTLES = 500  # milliseconds
LAB_PAGE = "body { margin: 0; font: 17px/1.68 system-ui, sans-serif; color: #22272e }"

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE_INFO = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}


def execute(path: Path) -> nbformat.NotebookNode:
    """Run all cells of a notebook, in the notebook's own folder, as JupyterLab would."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,  # a widget needs a kernel; the lab carries what its page needs in its own output
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    return notebook


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Make regular all that differs between two runs of the same notebook."""
    notebook.metadata = nbformat.NotebookNode(kernelspec=KERNELSPEC, language_info=LANGUAGE_INFO)
    count = 0
    for number, cell in enumerate(notebook.cells):
        # what slides call it by, and what the tests and the site do with it
        kept = {key: cell.metadata[key] for key in ("name", "tags") if cell.metadata.get(key)}
        cell.metadata = nbformat.NotebookNode(kept)
        cell["id"] = f"cell-{number:02d}"
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count


def draw(page: Page, figure: dict[str, Any]) -> str:
    """Return the figure as a base64 PNG on a transparent ground, with dark text."""
    bundle = smallest_bundle(figure)
    if bundle is None:
        raise SystemExit("a figure mixes trace types that no plotly bundle of the site draws together")
    layout = {key: value for key, value in figure["layout"].items() if key != "template"}
    height = layout.get("height") or PICTURE_HEIGHT
    page.goto("about:blank")
    page.add_script_tag(path=NODE_MODULES / f"plotly.js-{bundle}-dist-min" / f"plotly-{bundle}.min.js")
    page.add_script_tag(path=BOOK / "_static" / "linrep-figures.js")
    address = page.evaluate(
        "([figure, width, height]) => linrepPicture(figure, width, height)",
        [{**figure, "layout": layout}, PICTURE_WIDTH, height],
    )
    return address.partition(",")[2]


def draw_lab(page: Page, config: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """Return the first frame of the lab as a base64 PNG, and how high it stands at each width."""
    page.goto("about:blank")
    page.set_content(f"<!doctype html><style>{LAB_PAGE}</style><div class='linrep-lab' id='lab'></div>")
    at_rest = json.dumps({**config, "autoplay": False})
    page.evaluate("config => { lab.dataset.config = config }", at_rest)
    page.add_script_tag(path=LAB)
    page.wait_for_selector("#lab[data-state=alive]")
    lab = page.locator("#lab")
    heights, pictures = {}, {}
    for name, width in LAB_WIDTHS.items():
        lab.evaluate("(lab, width) => { lab.style.width = width + 'px' }", width)
        page.wait_for_timeout(LAB_SETTLES)
        heights[name] = round(lab.bounding_box()["height"])
        pictures[name] = lab.screenshot(omit_background=True, animations="disabled", caret="hide")
    usual = "full" if config["size"] == "full" else "wide"
    return base64.b64encode(small_png(page, pictures[usual])).decode(), heights


def draw_pictures(notebook: nbformat.NotebookNode, page: Page) -> None:
    """Put a PNG beside every plotly figure and every lab."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if not {PLOTLY_MIME, LAB_MIME} & set(data):
                continue
            if "nbval-ignore-output" not in cell.metadata.get("tags", []):
                raise SystemExit(f"{cell.id}: a cell that shows a figure or the lab needs the tag nbval-ignore-output")
            if PLOTLY_MIME in data:
                figure = data[PLOTLY_MIME]
                # plotly's text/html would repeat its script; the MIME type alone draws in JupyterLab
                kept = {PLOTLY_MIME: figure, "image/png": draw(page, json.loads(json.dumps(figure)))}
            else:
                # the widget's own view would be an empty box wherever its kernel no longer runs
                picture, heights = draw_lab(page, data[LAB_MIME])
                kept = {LAB_MIME: data[LAB_MIME], "image/png": picture, "text/plain": data["text/plain"]}
                output["metadata"] = nbformat.NotebookNode({LAB_MIME: heights})
            output["data"] = nbformat.NotebookNode(kept)


def main(paths: list[str]) -> None:
    """Execute the named notebooks, or all of the book, and write them back."""
    chosen = [Path(path).resolve() for path in paths] or sorted(
        path for path in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    chromium = find_chromium()
    if not chromium:
        raise SystemExit(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1)
        for path in chosen:
            start = time.perf_counter()
            notebook = execute(path)
            ran = time.perf_counter() - start
            normalise(notebook)
            draw_pictures(notebook, page)
            nbformat.write(notebook, path)
            print(f"{path.relative_to(BOOK.parent)}: executed in {ran:.1f} s, written", flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
