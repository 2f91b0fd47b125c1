"""Third-party files of the pages: copied from the installed packages at every build, never committed."""

import re
import shutil
from pathlib import Path
from urllib.parse import quote

from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).resolve().parents[3]
NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "_build" / "vendor"
LAB = ROOT / "linrep_core" / "lab" / "_built" / "lab.js"

# The plotly bundles that the pages may load, smallest first, and the trace types each one draws.
_BASIC = {"bar", "pie", "scatter"}
PLOTLY_BUNDLES = {
    "basic": _BASIC,
    "cartesian": _BASIC
    | {"box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "image"}
    | {"quiver", "scatterternary", "violin"},
    "gl3d": {"cone", "isosurface", "mesh3d", "scatter", "scatter3d", "streamtube", "surface", "volume"},
}

# Font Awesome's names of the icons that the theme's templates and scripts write, by style.
ICONS = {
    "solid": [
        "angle-right", "arrow-right-from-bracket", "bars", "chevron-down", "chevron-right", "circle-half-stroke",
        "circle-info", "circle-xmark", "code", "download", "expand", "file", "file-pdf", "list", "magnifying-glass",
        "moon", "sun", "angle-left", "arrow-up", "xmark", "rocket",
    ],
    "brands": ["github"],
}  # fmt: skip

# Icons that the theme's style sheet draws by its own variables rather than by a class.
ADMONITION_ICONS = {
    "note": "circle-info", "attention": "circle-exclamation", "caution": "triangle-exclamation",
    "warning": "triangle-exclamation", "danger": "triangle-exclamation", "error": "circle-xmark",
    "hint": "lightbulb", "important": "fire", "tip": "lightbulb", "seealso": "share",
    "todo": "list-check", "versionadded": "circle-plus", "versionchanged": "circle-exclamation",
    "deprecated": "trash",
}  # fmt: skip


def _icon_url(style: str, name: str) -> str:
    """Return one Font Awesome icon as a data address for a style sheet."""
    svg = (NODE_MODULES / "@fortawesome/fontawesome-free/svgs" / style / f"{name}.svg").read_text("utf8")
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    return f"url('data:image/svg+xml,{quote(svg, safe=' =:/')}')"


def icon_css() -> str:
    """Style sheet that draws the icons as masks in the colour of the text around them."""
    rules = ["/* made at build: the icons in use, Font Awesome Free (CC BY 4.0) */"]
    rules += [f".fa-{name}{{--icon:{_icon_url(style, name)}}}" for style, names in ICONS.items() for name in names]
    rules += [f".admonition.{kind}{{--icon:{_icon_url('solid', name)}}}" for kind, name in ADMONITION_ICONS.items()]
    return "\n".join(rules) + "\n"


def _copy_katex() -> None:
    source, target = NODE_MODULES / "katex" / "dist", VENDOR / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    for font in source.glob("fonts/*.woff2"):
        shutil.copyfile(font, target / "fonts" / font.name)
    css = (source / "katex.min.css").read_text("utf8")
    # every browser that runs our scripts reads woff2; a missing fallback file would be a broken link
    css = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", css)
    (target / "katex.min.css").write_text(css, "utf8")


def collect(app: Sphinx, config: Config) -> None:
    """Fill ``_build/vendor`` from the installed packages and let Sphinx copy it into ``_static``."""
    if not NODE_MODULES.is_dir():
        raise FileNotFoundError("node_modules is missing: run `make site`, or `npm ci` first")
    if not LAB.is_file():
        raise FileNotFoundError(f"{LAB} is missing: run `make site`, or `node linrep_core/lab/build.mjs` first")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    _copy_katex()
    (VENDOR / "plotly").mkdir()
    for bundle in PLOTLY_BUNDLES:
        script = NODE_MODULES / f"plotly.js-{bundle}-dist-min" / f"plotly-{bundle}.min.js"
        shutil.copyfile(script, VENDOR / "plotly" / script.name)
    (VENDOR / "reveal").mkdir()
    for name in ("reveal.css", "reveal.js", "plugin/notes.js"):
        shutil.copyfile(NODE_MODULES / "reveal.js/dist" / name, VENDOR / "reveal" / Path(name).name)
    (VENDOR / "lab").mkdir()
    shutil.copyfile(LAB, VENDOR / "lab" / LAB.name)
    (VENDOR / "linrep-icons.css").write_text(icon_css(), "utf8")
    config.html_static_path.append(str(VENDOR))


def setup(app: Sphinx) -> None:
    """Register the style sheets and scripts that every page loads."""
    app.connect("config-inited", collect)
    app.add_css_file("linrep-icons.css")
