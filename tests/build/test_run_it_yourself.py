"""Binder and the container stand on the project's own pins, and what they run after installing really runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml
from small_books import ROOT

BINDER = ROOT / ".binder"
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


def pythons_in_use() -> list[str]:
    """The versions of Python under which every change is tested."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text("utf8"))
    return workflow["jobs"]["test"]["strategy"]["matrix"]["python"]


def lines(path: Path) -> list[str]:
    """Lines of a file of requirements, without comments."""
    kept = (line.partition("#")[0].strip() for line in path.read_text("utf8").splitlines())
    return [line for line in kept if line]


def second_lists(requirements: list[str]) -> list[str]:
    """Lines that name a package by themselves instead of referring to the project's own lists."""
    return [line for line in requirements if not re.fullmatch(r"-[cr] \.\./[a-z-]+\.txt", line)]


def test_binder_repeats_no_pin() -> None:
    requirements = lines(BINDER / "requirements.txt")
    assert second_lists(requirements) == []
    named = {(BINDER / line.split()[1]).resolve() for line in requirements}
    assert named == {ROOT / name for name in ("constraints.txt", "requirements.txt", "requirements-llm.txt")}


def test_a_repeated_pin_is_found() -> None:
    assert second_lists(["-r ../requirements.txt", "numpy==2.0", "-e .."]) == ["numpy==2.0", "-e .."]


def test_binder_and_the_container_use_a_python_that_is_tested() -> None:
    assert (BINDER / "runtime.txt").read_text("utf8").strip().removeprefix("python-") in pythons_in_use()
    image, _, version = CONTAINER["image"].partition(":")
    assert (image, version in pythons_in_use()) == ("python", True)
    assert min(pythons_in_use()) == PROJECT["requires-python"].removeprefix(">=")


def test_both_set_up_the_book_with_the_target_of_the_makefile() -> None:
    commands = [CONTAINER["postCreateCommand"], (BINDER / "postBuild").read_text("utf8")]
    assert all(re.search(r"^make setup\b", command, re.M) for command in commands)
    assert re.search(r"^setup:", (ROOT / "Makefile").read_text("utf8"), re.M)
    assert os.access(BINDER / "postBuild", os.X_OK)


def test_the_container_looks_where_make_installs() -> None:
    interpreter = CONTAINER["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"
    assert re.search(r"^VENV := \.venv$", (ROOT / "Makefile").read_text("utf8"), re.M)


def scratch_environment(folder: Path) -> Path:
    """A virtual environment that sees the packages installed for this one, and into which all installing goes."""
    venv.create(folder, with_pip=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "installed_before.pth").write_text("\n".join(installed) + "\n")
    return folder


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, as a clone holds them, after postBuild in an environment of its own."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("the book's folder is no git repository")
    kept = ("linrep_core/", ".binder/", ".ci/")
    for name in filter(None, listed.stdout.split("\0")):
        if (name.startswith(kept) or "/" not in name) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    environment = scratch_environment(folder / "environment")
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    settings |= {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "npm_config_prefer_offline": "true"}
    settings["INSTALLER"] = "pip install --quiet"  # uv would not see what is installed elsewhere
    done = subprocess.run([".binder/postBuild"], cwd=folder, env=settings, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_after_postbuild_the_package_and_the_lab_are_there(scratch: Path) -> None:
    assert (scratch / "linrep_core" / "lab" / "_built" / "lab.mjs").is_file()
    code = "import linrep_core; lab = linrep_core.TrainingLab(m=3, d=2); print(linrep_core.__file__, lab.m, lab.d)"
    python = scratch / "environment" / "bin" / "python"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([python, "-c", code], cwd=scratch.parent, env=clean, capture_output=True, text=True)
    assert done.stdout.split() == [str(scratch / "linrep_core" / "__init__.py"), "3", "2"], done.stderr


@pytest.mark.slow
def test_postbuild_makes_no_second_environment(scratch: Path) -> None:
    assert not (scratch / ".venv").exists()
    assert (scratch / "environment" / "pyvenv.cfg").is_file()


def test_the_page_tells_colab_to_install_the_book_itself() -> None:
    (cell,) = re.findall(r"```text\n(.*?)```", (ROOT / "book" / "run-it.md").read_text("utf8"), flags=re.S)
    assert "git clone" in cell
    assert "ADDRESS" in cell, "an address is the publisher's to give"
    assert re.search(r"%pip install .*--editable \.$", cell, re.M)
    assert second_lists([line for line in cell.splitlines() if "==" in line]) == [], "a second list of versions"
