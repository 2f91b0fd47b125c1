"""Pictures of figures, a fifth as heavy: WebP holds the same pixels as the PNG that a notebook can hold.

To press a picture as small as it gets takes three seconds and makes few of them much smaller than a tenth of a second
does, so only those get them that are still heavy then. It is done once for each picture, and beside the writing of the
pages, which leaves a processor free.
"""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from linrep_site.assets import ROOT

HEAVY = 45_000  # bytes of a WebP from which on a third less is worth seconds of the build
MADE = ROOT / "_build" / "pictures"  # named by what is in the PNG and by how it was pressed; they outlive the site


def _pressed(pixels: Image.Image, method: int) -> bytes:
    """Return the lossless WebP of pixels; method 6 tries every way there is to write them."""
    written = BytesIO()
    pixels.save(written, "WEBP", lossless=True, quality=100, method=method)
    return written.getvalue()


def webp_of(picture: Path, made: Path = MADE) -> Path:
    """Return the lossless WebP of a PNG; it is made if there is none yet.

    Parameters
    ----------
    picture
        The PNG.
    made
        Folder of those made before.
    """
    png = picture.read_bytes()
    target = made / f"{hashlib.sha256(png).hexdigest()}-{HEAVY}.webp"
    if not target.is_file():
        made.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(f".{picture.stem}")
        with Image.open(BytesIO(png)) as pixels:
            webp = _pressed(pixels, 1)
            if len(webp) > HEAVY:
                webp = min(webp, _pressed(pixels, 6), key=len)
        unfinished.write_bytes(webp)
        unfinished.replace(target)
    return target


def make_lighter(folder: Path, made: Path = MADE) -> list[str]:
    """Put the lossless WebP of each PNG of a folder in its place, where that is smaller; return all names so replaced.

    Parameters
    ----------
    folder
        Folder of pictures, as Sphinx copied them.
    made
        Folder of those made before.
    """
    pictures = sorted(folder.glob("*.png"))
    with ThreadPoolExecutor() as pool:
        lighter = list(pool.map(lambda picture: webp_of(picture, made), pictures))
    for picture, webp in zip(pictures, lighter, strict=True):
        if webp.stat().st_size < picture.stat().st_size:
            shutil.copyfile(webp, picture.with_suffix(".webp"))
            picture.unlink()
    # those of an earlier build too: the pages that show them may not have been written anew
    return [path.with_suffix(".png").name for path in sorted(folder.glob("*.webp"))]


def renamed(html: str, lighter: list[str]) -> str:
    """Return a page that names the lighter pictures."""
    for name in lighter:
        html = html.replace(f"_images/{name}", f"_images/{Path(name).stem}.webp")
    return html


def begin(app: Sphinx, env: BuildEnvironment) -> None:
    """Start on the pictures when all pages are read; what is not made in time is left to `make_lighter`."""
    if app.builder.name != "html":
        return
    pool = ThreadPoolExecutor(max_workers=1)  # pages are written meanwhile
    for name in env.images:
        if name.endswith(".png"):
            pool.submit(webp_of, Path(app.srcdir) / name)
    app.connect("build-finished", lambda *_: pool.shutdown(cancel_futures=True), priority=0)


def setup(app: Sphinx) -> None:
    """Connect the early start."""
    app.connect("env-updated", begin)
