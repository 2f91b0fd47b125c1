"""The package and the chapters work from any folder: nothing is read relative to where Python was started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path for path in (ROOT / "book").glob("*/*.ipynb") if not path.parent.name.startswith(("_", ".")))


def code_cells(path):
    cells = json.loads(path.read_text("utf8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_elsewhere(code, folder):
    """Run code in a folder of its own, without help from the environment."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def readme_example():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf8"), flags=re.S)
    return code


@pytest.mark.slow
def test_the_readmes_example_runs_from_an_empty_folder_and_leaves_it_empty(tmp_path):
    code = readme_example().replace("steps=2000", "steps=20") + "\nimport linrep_core\nprint(linrep_core.__file__)"
    done = run_elsewhere(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) in done.stdout.splitlines()[-1]
    assert "unembedding  embedding  alignment  between" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_chapter_reaches_for_a_file_beside_it():
    assert CHAPTERS
    for path in CHAPTERS:
        for cell in code_cells(path):
            assert not re.search(r"open\(|read_csv\(|np\.load|\.\./|sys\.path|os\.chdir|%cd", cell), (path.name, cell)


@pytest.mark.slow
def test_a_notebook_with_the_imports_of_all_chapters_runs_from_another_folder(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    lines = [line for path in CHAPTERS for cell in code_cells(path) for line in cell.splitlines()]
    imports = sorted({line for line in lines if re.match(r"(import|from) .*[^(,\\]$", line)})
    assert any("linrep_core" in line for line in imports)
    notebook = nbformat.v4.new_notebook()
    for code in ("\n".join(imports), readme_example().replace("steps=2000", "steps=20")):
        notebook.cells.append(nbformat.v4.new_code_cell(code))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    assert "unembedding  embedding  alignment  between" in printed
    assert list(tmp_path.iterdir()) == []
