"""Pictures of figures, a fifth as heavy: WebP holds the same pixels as the PNG that a notebook can hold."""

from pathlib import Path

from PIL import Image

HEAVY = 100_000  # bytes of a PNG from which on a third less is worth seconds of the build


def make_lighter(folder: Path) -> list[str]:
    """Write each PNG of a folder as lossless WebP in its place, where that is smaller; return all names so replaced.

    Parameters
    ----------
    folder
        Folder of pictures, as Sphinx copied them.
    """
    for path in sorted(folder.glob("*.png")):
        lighter = path.with_suffix(".webp")
        with Image.open(path) as picture:
            effort = {"quality": 100, "method": 6} if path.stat().st_size > HEAVY else {"quality": 50, "method": 1}
            picture.save(lighter, lossless=True, **effort)
        (path if lighter.stat().st_size < path.stat().st_size else lighter).unlink()
    # those of an earlier build too: the pages that show them may not have been written anew
    return [path.with_suffix(".png").name for path in sorted(folder.glob("*.webp"))]


def renamed(html: str, lighter: list[str]) -> str:
    """Return a page that names the lighter pictures."""
    for name in lighter:
        html = html.replace(f"_images/{name}", f"_images/{Path(name).stem}.webp")
    return html
