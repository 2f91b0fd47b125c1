"""The lab's engine, to be asked under Node or in Chromium, and what `linrep_core` says to the same configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from chromium import FLAGS, MISSING, find_chromium

HERE = Path(__file__).parent
LAB = HERE.parents[1] / "linrep_core" / "lab"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tables this small cost more to share between threads than to compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder with engine.mjs and worker.js, freshly built."""
    if shutil.which("node") is None:
        pytest.skip("Node is missing: the lab's engine cannot run (make setup brings it)")
    if not (HERE.parents[1] / "node_modules" / "assemblyscript").is_dir():
        pytest.skip("AssemblyScript is missing: the lab's engine cannot be built (make setup brings it)")
    done = subprocess.run(
        ["node", LAB / "build.mjs", "engine.mjs", "worker.js"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return LAB / "_built"


@pytest.fixture(scope="session")
def ask(built: Path) -> Iterator[Ask]:
    """Ask the engine under Node: ``ask("train", config=..., steps=100)``. See engine_operations.mjs."""
    node = subprocess.Popen(
        ["node", HERE / "engine_driver.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )

    def ask_node(operation: str, **request: Any) -> dict[str, Any]:
        node.stdin.write(json.dumps({"operation": operation, **request}) + "\n")
        line = node.stdout.readline()
        assert line, "the engine's process has ended"
        return json.loads(line)

    yield ask_node
    node.stdin.close()
    node.wait(timeout=30)


@pytest.fixture(scope="module")
def page(built: Path) -> Iterator[Any]:
    """A page of Chromium that can import the engine. No network: everything is answered from here."""
    from playwright.sync_api import Route, sync_playwright

    executable = find_chromium()
    if not executable:
        pytest.skip(MISSING)
    files = {"engine.mjs": built / "engine.mjs", "engine_operations.mjs": HERE / "engine_operations.mjs"}

    def serve(route: Route) -> None:
        path = files.get(route.request.url.rsplit("/", 1)[1])
        if path:
            route.fulfill(content_type="text/javascript", body=path.read_text("utf8"))
        else:
            route.fulfill(content_type="text/html", body="<!doctype html><title>engine</title>")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page()
        page.route("http://engine.invalid/**", serve)
        page.goto("http://engine.invalid/")
        yield page
        browser.close()


@pytest.fixture(scope="module")
def ask_browser(page: Any) -> Ask:
    """Ask the engine in Chromium, as `ask` does under Node."""

    def ask_page(operation: str, **request: Any) -> dict[str, Any]:
        return page.evaluate(
            """async (request) => {
              const { answer } = await import("/engine_operations.mjs");
              return answer(await import("/engine.mjs"), request);
            }""",
            {"operation": operation, **request},
        )

    return ask_page
