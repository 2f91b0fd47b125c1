"""Pack the built site into one file for a memory stick: ``make offline``.

Into the copy goes what a reader can reach: a page, and whatever a page, a style sheet or a script in the copy names.
The same site gives the same bytes: files in order, one date for all, nothing of the machine.
"""

import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from page_tags import tags_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "where-linear-representations-come-from"
START = "START-HERE.html"
DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can hold
LANDING_PAGE = "book/index.html"

# What scripts ask for by names that they put together, and the licences that must travel with what they cover.
NAMED_BY_SCRIPTS = ("_static/plotly/*.js", "_static/scripts/*.LICENSE.txt")

START_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Where Linear Representations Come From</title>
<link rel="icon" href="data:,">
<meta http-equiv="refresh" content="0; url=site/{LANDING_PAGE}">
<p><a href="site/{LANDING_PAGE}">To the book</a></p>
</html>
"""

READ_ME = f"""Where Linear Representations Come From: the book, to be read without a network

1. Unpack the whole file first; inside the packed file the pages do not find one another.
2. Open {START} in a browser. Nothing is installed, nothing is sent anywhere.

Pages, figures, the lab and the search work from a folder or a memory stick, and from a server of plain files.
To change the code one needs the book's own folder: see the page "What runs where".

Licences: LICENSE.txt (code), LICENSE-TEXT.txt (text and figures).
"""


def named_in(path: Path) -> list[str]:
    """Addresses that a page or a style sheet names, as they stand there."""
    if path.suffix == ".css":
        return re.findall(r"url\(\s*['\"]?([^'\")]+)", path.read_text("utf8"))
    if path.suffix != ".html":
        return []
    names = ("href", "src", "data-src", "poster", "action")
    return [tag[name] for tag in tags_of(path.read_text("utf8")) for name in names if tag.get(name)]


def reachable(site: Path) -> list[Path]:
    """Files of the site that a reader comes to from the landing page, relative to it and in order.

    Parameters
    ----------
    site
        Folder of the built site.

    Raises
    ------
    FileNotFoundError
        If the site is not built.
    """
    site = site.resolve()
    if not (site / LANDING_PAGE).is_file():
        raise FileNotFoundError(f"the site is not built: {site / LANDING_PAGE} is missing; run `make site`")
    found: set[Path] = set()
    open_ends = [site / LANDING_PAGE, *(path for pattern in NAMED_BY_SCRIPTS for path in site.glob(pattern))]
    while open_ends:
        path = open_ends.pop()
        if path in found or not path.is_file() or not path.is_relative_to(site):
            continue
        found.add(path)
        addresses = [urlsplit(address) for address in named_in(path)]
        open_ends += [(path.parent / unquote(a.path)).resolve() for a in addresses if a.path and not a.scheme]
    return sorted(path.relative_to(site) for path in found)


def pack(site: Path, target: Path, folder: str = FOLDER, more: Mapping[str, bytes] | None = None) -> int:
    """Write the copy; return the number of its files.

    Parameters
    ----------
    site
        Folder of the built site.
    target
        The file to write.
    folder
        Name of the one folder that the file holds.
    more
        Further files by their names in that folder, or others in place of its own.
    """
    contents = {START: START_PAGE.encode(), "READ-ME.txt": READ_ME.encode()}
    contents |= {f"{name}.txt": (ROOT / name).read_bytes() for name in ("LICENSE", "LICENSE-TEXT")}
    contents |= {f"site/{path.as_posix()}": (site / path).read_bytes() for path in reachable(site)}
    contents |= more or {}
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", DATE)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)
    unfinished.replace(target)
    return len(contents)


if __name__ == "__main__":
    site, target = map(Path, sys.argv[1:3])
    count = pack(site, target)
    print(f"{target}: {count} files, {target.stat().st_size / 1e6:.0f} MB. Unpack it and open {START}.")
