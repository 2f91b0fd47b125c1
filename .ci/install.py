"""Install Python packages: ``python .ci/install.py`` and what ``pip install`` would be given.

uv does it in a tenth of pip's time. It does not read pip's settings (pip.conf, PIP_*), which say where a machine gets
its packages from, so it is told them: the same packages come from the same places. Where uv fails, pip tries.
"""

import ast
import os
import subprocess
import sys

PIP = [sys.executable, "-m", "pip"]
UV = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
# As pip does it: the best version that any place has, not the best of the first place that has any.
UV += ["--index-strategy", "unsafe-best-match"]
TOLD = ("index-url", "extra-index-url", "find-links", "no-index", "constraint", "trusted-host")


def settings(listed: str) -> dict[str, list[str]]:
    """Return pip's settings for installing, out of what ``pip config list`` printed; the environment's word is last."""
    found: dict[str, list[str]] = {}
    for section in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                found[name.removeprefix(f"{section}.")] = ast.literal_eval(value).split()
    return found


def options(found: dict[str, list[str]]) -> list[str]:
    """Return the settings as options of uv."""
    said = []
    for name in TOLD:
        for value in found.get(name, []):
            if name != "no-index":
                said += ["--allow-insecure-host" if name == "trusted-host" else f"--{name}", value]
            elif value.lower() in ("1", "true", "yes", "on"):
                said.append("--no-index")
    return said


def main(arguments: list[str]) -> int:
    """Install, and return the exit status."""
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=True).stdout
    found = settings(listed)
    certificates = {"SSL_CERT_FILE": found["cert"][0]} if found.get("cert") else {}
    if subprocess.run([*UV, *options(found), *arguments], env={**os.environ, **certificates}).returncode == 0:
        return 0
    print("uv could not install; pip tries.", file=sys.stderr, flush=True)
    return subprocess.run([*PIP, "install", *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
