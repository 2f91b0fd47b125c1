"""Last touches on every written page: less to load, and nothing that an accessibility check objects to.

The theme's templates are not copied (they change with every release); the pages are mended after they are
written. Every step may run twice on a page, since Sphinx leaves unchanged pages as they are.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from linrep_site.assets import ROOT
from linrep_site.pictures import make_lighter, renamed

# Style sheets that linrep.css replaces, and the one of a tool that no page uses.
DROPPED_SHEETS = ("proof.css", "exercise.css", "sphinx-thebe.css")

# Style sheets of the slides alone: they stay beside the one that all pages share.
OWN_SHEETS = ("reveal/reveal.css", "linrep-deck.css")

# Scripts that no page uses, and those which only the search page uses (with them the whole search index).
DROPPED_SCRIPTS = ("fontawesome.js", "sphinx-thebe.js")
SEARCH_SCRIPTS = ("searchtools.js", "language_data.js", "searchindex.js")

# Set the colours before the first paint; the theme's own script decides only after the page is read. Paper is light.
THEME_SCRIPT = """<script>
    (function (d) {
      try { d.mode = localStorage.getItem("mode") || "auto"; } catch (e) { d.mode = "auto"; }
      d.theme = d.mode !== "auto" ? d.mode : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      addEventListener("beforeprint", function () { d.onScreen = d.theme; d.theme = "light"; });
      addEventListener("afterprint", function () { d.theme = d.onScreen || d.theme; delete d.onScreen; });
    })(document.documentElement.dataset);
  </script>"""

# What the themes bring and no page asks for (3 MB), relative to ``_static``.
UNUSED = ("scripts/fontawesome.js", "vendor", "webpack-macros.html", "sbt-webpack-macros.html", "sphinx-thebe.js")

_SHEET = re.compile(r'[ \t]*<link\b[^>]*?href="[^"]*?_static/([^"?]+\.css)[^"]*"[^>]*>\n?')
_SCRIPT = re.compile(r"[ \t]*<script\b([^>]*)>(.*?)</script>\n?", re.S)


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the page a description, its first sentences, for search engines and shared links."""
    if 'name="description"' in context.get("metatags", ""):
        return
    text = app.config.project
    if doctree is not None:
        paragraphs = (p for p in doctree.findall(nodes.paragraph) if not any(p.findall(nodes.math)))
        plain = [p.astext() for p in paragraphs if len(p.astext()) > 60]
        text = plain[0] if plain else text
    text = " ".join(text.split())
    if len(text) > 155:
        text = text[:155].rsplit(" ", 1)[0] + " …"
    context["metatags"] = context.get("metatags", "") + f'\n<meta name="description" content="{escape(text)}" />'


def _mend_script(match: re.Match[str], is_search: bool, seen: set[str]) -> str:
    """Drop, defer or keep one script of a page."""
    attributes, body = match.groups()
    source = re.search(r'src="([^"]*)"', attributes)
    if not source:
        # sphinx-thebe and sphinx-togglebutton write their settings twice; a second `const` is an error
        if body in seen or "THEBE_JS_URL" in body or "DOCUMENTATION_OPTIONS." in body:
            return ""
        seen.add(body)
        return match[0]
    name = Path(source[1].partition("?")[0]).name
    if name in DROPPED_SCRIPTS or (name in SEARCH_SCRIPTS and not is_search):
        return ""
    if is_search or "defer" in attributes or "type=" in attributes:
        return match[0]
    return match[0].replace("<script", "<script defer", 1)


def mend(html: str, is_search: bool = False) -> str:
    """Return a page with only what it needs, and valid."""
    seen: set[str] = set()
    html = _SCRIPT.sub(lambda match: _mend_script(match, is_search, seen), html)
    html = re.sub(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?', "", html)
    html = re.sub(r'<script data-cfasync="false">.*?</script>', lambda _: THEME_SCRIPT, html, flags=re.S)
    html = re.sub(r'(<meta name="viewport"[^>]*>)(.*?)</head>', _only_first_viewport, html, count=1, flags=re.S)
    html = re.sub(r'\s*<meta name="docsearch:[^>]*>', "", html)
    # sphinx-proof and sphinx-exercise give every box the same id, and their box is no section of the page
    html = re.sub(r'<section class="(\w+)-content" id="proof-content">', r'<section class="\1-content">', html)
    html = re.sub(r'<section id="(exercise|solution)-content">', r'<section class="\1-content">', html)
    html = re.sub(r'(<div class="proof[^"]*" )id="proof"', r"\1", html)
    html = re.sub(
        r'<div class="sidebar-primary-item">\s*<div id="ethical-ad-placement".*?</div>\s*</div>', "", html, flags=re.S
    )
    # a name that leaves out what the button shows cannot be spoken to a computer that listens
    html = re.sub(r'(<button class="btn search-button-field[^>]*) aria-label="Search"', r"\1", html)
    html = re.sub(r'<summary aria-label="Toggle hidden content">', "<summary>", html)
    # the arrow that opens a list in the sidebar is a picture
    html = html.replace(
        '<summary><span class="toctree-toggle"', '<summary aria-label="The pages below"><span class="toctree-toggle"'
    )
    # a link in a title that opens a box: a click cannot mean both
    html = re.sub(r"<summary.*?</summary>", lambda match: re.sub(r"</?a\b[^>]*>", "", match[0]), html, flags=re.S)
    # docutils' role of a bibliography's entries is no longer a role
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    # a corner of a table that names nothing is no heading
    html = re.sub(r'<th class="head">(?:<p></p>)?</th>', "<td></td>", html)
    # the sidebar holds more than its navigation, and every part of a page belongs to a landmark
    html = re.sub(
        r'<(div|dialog)( id="pst-primary-sidebar"| class="bd-sidebar-primary)(?![^>]* role=)',
        r'<\1 role="complementary" aria-label="The book"\2',
        html,
    )
    # a page that gives a full lab its width, see linrep.css
    if 'class="linrep-lab" data-size="full"' in html:
        html = html.replace('<div class="bd-content">', '<div class="bd-content with-full-lab">')
    # an icon beside a name says nothing more
    html = re.sub(
        r'<(i|span) class="((?:theme-switch )?fa[sb]? ?(?:fa-)?[^"]*)"(?! aria-hidden)',
        r'<\1 class="\2" aria-hidden="true"',
        html,
    )
    return html


def _only_own_sheet(match: re.Match[str]) -> str:
    return match[0] if match[1] in OWN_SHEETS else ""


def _only_first_viewport(match: re.Match[str]) -> str:
    rest = re.sub(r'\s*<meta name="viewport"[^>]*>', "", match[2])
    return match[1] + rest + "</head>"


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Mend all pages and give them one style sheet."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    others = (out / "_static", out / "_figures")
    pages = [path for path in out.rglob("*.html") if not any(path.is_relative_to(folder) for folder in others)]
    # Sphinx writes the search page at every build, with the sheets that all pages share
    sheets = [
        sheet
        for sheet in _SHEET.findall((out / "search.html").read_text("utf8"))
        if sheet not in DROPPED_SHEETS and sheet != "site.css"
    ]
    # our own rules come last, whatever order the extensions were set up in
    sheets = [*dict.fromkeys(sheets), "linrep.css"]
    for name in UNUSED:
        for path in (out / "_static").glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    lighter = make_lighter(out / "_images")
    texts = {path: renamed(mend(path.read_text("utf8"), path.name == "search.html"), lighter) for path in pages}
    for path, html in texts.items():
        path.write_text(html, "utf8")
    forget_figures(out / "_figures", texts.values())
    subprocess.run(["node", str(ROOT / "book/_ext/purge_css.mjs"), str(out), *sheets], check=True)
    version = hashlib.sha256((out / "_static/site.css").read_bytes()).hexdigest()[:8]
    for path, html in texts.items():
        up = "../" * (len(path.relative_to(out).parts) - 1)
        link = f'    <link rel="stylesheet" href="{up}_static/site.css?v={version}">\n'
        found = _SHEET.search(html)
        if found:
            html = html[: found.start()] + link + _SHEET.sub(_only_own_sheet, html[found.start() :])
            path.write_text(html, "utf8")


def forget_figures(folder: Path, texts: Iterable[str]) -> None:
    """Remove what an earlier build wrote of figures that no page shows any more."""
    named = {Path(name).stem for text in texts for name in re.findall(r"_figures/([\w.-]+)", text)}
    for path in folder.glob("*"):
        if path.stem not in named:
            path.unlink()


def setup(app: Sphinx) -> None:
    """Connect both steps."""
    app.connect("html-page-context", describe)
    # after sphinx-external-toc and the search index, which also write when the build is done
    app.connect("build-finished", finish, priority=900)
