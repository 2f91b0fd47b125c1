"""The lab in a live JupyterLab: what the reader moves is seen in Python, what Python sets is seen by the reader."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import nbformat
import pytest
from browsing import ROOT
from playwright.sync_api import Browser, Page, expect

PATIENCE = 90_000  # milliseconds: JupyterLab and a kernel that loads torch, on a busy machine
CELLS = [
    "from linrep_core import TrainingLab\nlab = TrainingLab(m=3, d=2, speed='full')\nlab",
    "print('python has', lab.m, lab.d)",
    "lab.m = 2\nlab.playing = True",
    "lab.playing = False",
    "print('tables', tuple(lab.predictor.unembeddings.shape), lab.step > 0, len(lab.history['loss']) > 1)",
]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a notebook with the cells above, in a server of its own."""
    folder = tmp_path_factory.mktemp("seminar")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "seminar.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    own = {
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTERLAB_SETTINGS_DIR": folder,
    }
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", *options, "--LabApp.news_url=", f"--ServerApp.root_dir={folder}"],
        env={**_environment(), **{name: str(value) for name, value in own.items()}},
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )
    yield f"http://127.0.0.1:{port}/lab/tree/seminar.ipynb"
    server.terminate()
    server.wait(30)
    log.close()


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}


def _open(page: Page, address: str) -> None:
    """Open the notebook as soon as the server answers."""
    for _ in range(PATIENCE // 500):
        try:
            page.goto(address)
            break
        except Exception:  # not yet listening
            page.wait_for_timeout(500)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(CELLS), timeout=PATIENCE)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=PATIENCE)


def _run(page: Page, number: int) -> None:
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    cell.locator(".jp-InputArea-editor .cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-InputArea-prompt")).to_contain_text("[", timeout=PATIENCE)
    expect(cell.locator(".jp-InputArea-prompt")).not_to_contain_text("*", timeout=PATIENCE)


@pytest.mark.slow
def test_settings_and_tables_cross_both_ways(browser: Browser, jupyter: str) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 2400})
    _open(page, jupyter)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    _run(page, 0)
    concepts = cells.nth(0).get_by_role("slider", name="Concepts m")
    expect(concepts).to_have_value("3", timeout=PATIENCE)

    concepts.press("ArrowRight")  # the reader's hand, seen in Python
    expect(concepts).to_have_value("4")
    _run(page, 1)
    expect(cells.nth(1).locator(".jp-OutputArea-output")).to_contain_text("python has 4 2", timeout=PATIENCE)

    _run(page, 2)  # Python's hand, seen by the reader
    expect(concepts).to_have_value("2", timeout=PATIENCE)
    step = cells.nth(0).locator(".ll-page")
    page.wait_for_timeout(1500)
    _run(page, 3)
    expect(step).not_to_have_attribute("data-step", "0")
    page.wait_for_timeout(1500)  # the tables follow when training pauses
    _run(page, 4)
    expect(cells.nth(4).locator(".jp-OutputArea-output")).to_contain_text("tables (4, 2) True True", timeout=PATIENCE)
    page.close()
