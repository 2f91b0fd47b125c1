"""Write the locks anew: ``make lock``, or ``make newest`` to move every pinned version to the newest first.

``requirements.txt`` pins what the book uses directly, ``requirements-llm.txt`` what a language model needs beside it;
``constraints.txt`` holds all that these need in turn. A line
``name==1.2  # below 2: reason`` keeps `newest` from crossing a version that is another program under the same name.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-llm.txt")
CONSTRAINTS = ROOT / "constraints.txt"
PACKAGES = ROOT / "package.json"
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s#]+)(?P<comment>\s*#\s*below (?P<bound>[0-9.]+).*)?")
# Installed with Python, or only where there is a graphics card: not ours to pin.
NOT_LOCKED = re.compile(r"^(pip|nvidia|triton|cuda)", re.I)


def canonical(name: str) -> str:
    """Return a package's name in the one form in which names compare (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def unpinned(requirements: str) -> list[str]:
    """Return the requirements without their versions, but with their bounds."""
    found = filter(None, map(PINNED.match, requirements.splitlines()))
    return [line["name"] + (f"<{line['bound']}" if line["bound"] else "") for line in found]


def pinned(requirements: str, versions: dict[str, str]) -> str:
    """Return the text of requirements.txt with every version replaced by the one resolved, comments kept."""
    lines = []
    for line in requirements.splitlines():
        match = PINNED.match(line)
        if match:
            version = versions[canonical(match["name"])]
            line = f"{match['name']}=={version}" + line[match.end("version") :]
        lines.append(line)
    return "\n".join(lines) + "\n"


def resolve(requirements: list[str]) -> dict[str, str]:
    """Ask pip what it would install for these requirements on an empty machine; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run([*command, "--report", str(report), *requirements], check=True)
        installed = json.loads(report.read_text("utf8"))["install"]
    # a version's part after the plus sign names one build of it, not another version
    versions = {canonical(part["metadata"]["name"]): part["metadata"]["version"].split("+")[0] for part in installed}
    return dict(sorted(versions.items()))


def main(arguments: list[str]) -> None:
    """Write the locks; with ``--newest`` move the pinned versions first."""
    npm = ["npm", "install", "--package-lock-only"]
    if "--newest" in arguments:
        texts = {path: path.read_text("utf8") for path in REQUIREMENTS}
        versions = resolve([line for text in texts.values() for line in unpinned(text)])  # all must fit together
        for path, text in texts.items():
            path.write_text(pinned(text, versions), "utf8")
        packages = json.loads(PACKAGES.read_text("utf8"))
        for kind, flag in (("dependencies", "--save-prod"), ("devDependencies", "--save-dev")):
            newest = [f"{name}@latest" for name in packages.get(kind, {})]
            subprocess.run([*npm, "--save-exact", flag, *newest], cwd=ROOT, check=True)
    versions = resolve([word for path in REQUIREMENTS for word in ("--requirement", str(path))])
    lines = [f"{name}=={version}" for name, version in versions.items() if not NOT_LOCKED.match(name)]
    header = "# Written by `make lock`: the versions that requirements.txt and requirements-llm.txt resolved to.\n"
    CONSTRAINTS.write_text(header + "\n".join(lines) + "\n", "utf8")
    subprocess.run(npm, cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
