"""Packages come from where pip is set up to look, with uv as without it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from small_books import ROOT

SPEC = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
install = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(install)


def options_under(settings: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    """What uv is told where pip has these settings in its file and in the environment."""
    (folder / "pip.conf").write_text(settings)
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PIP_CONFIG_FILE": str(folder / "pip.conf"), **environment}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # the machine's own files come first and lose against these
    return install.options(install.settings(listed))


def test_uv_is_told_where_pip_would_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = "[global]\nindex-url = https://one/simple\nextra-index-url =\n  https://two/simple\n  file:///three\n"
    told = options_under(settings, tmp_path, monkeypatch, PIP_FIND_LINKS="/wheels more", PIP_NO_INDEX="0")
    pairs = list(zip(told[::2], told[1::2], strict=True))
    assert pairs[:3] == [
        ("--index-url", "https://one/simple"),
        ("--extra-index-url", "https://two/simple"),
        ("--extra-index-url", "file:///three"),
    ]
    assert [value for name, value in pairs if name == "--find-links"] == ["/wheels", "more"]


def test_what_is_said_nearer_wins() -> None:
    listed = ":env:.index-url='https://c'\nglobal.index-url='https://a'\ninstall.index-url='https://b'\n"
    assert install.options(install.settings(listed)) == ["--index-url", "https://c"]
    assert install.settings("global.no-index='yes'\n") == {"no-index": ["yes"]}
    assert install.options({"no-index": ["yes"]}) == ["--no-index"]
    assert install.options({"trusted-host": ["h"], "timeout": ["9"]}) == ["--allow-insecure-host", "h"]


@pytest.mark.slow
def test_where_uv_fails_pip_has_the_last_word(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(install, "UV", [sys.executable, "-c", "raise SystemExit(2)"])
    assert install.main(["--quiet", "pip"]) == 0, "which is there already"
    assert "pip tries" in capfd.readouterr().err
    assert install.main(["--quiet", "--no-index", "no-such-package-at-all"]) != 0
