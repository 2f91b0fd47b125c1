"""Formulas are typeset at build time by KaTeX, and one that does not parse stops the build."""

import socket
import subprocess
import time
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinxcontrib import katex

from linrep_site.assets import NODE_MODULES

typeset_by_server = katex.render_latex

PATIENCE = 60.0  # seconds for KaTeX to start, and for one formula: a busy machine needs more than the default 5


@cache
def _typeset(latex: str, options: tuple[tuple[str, bool], ...]) -> str:
    return typeset_by_server(latex, dict(options))


def typeset(latex: str, options: dict[str, bool] | None = None) -> str:
    """Return a formula's HTML; more than half of a book's formulas stand in it more than once."""
    return _typeset(latex, tuple((options or {}).items()))


def start_server(rundir: Path, timeout: float) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the process that typesets and connect to it.

    sphinxcontrib-katex connects as soon as the socket's file exists, which may be before anybody listens on it;
    then the build fails by chance and leaves the process behind.
    """
    path = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=path)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=rundir)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(0.01)
    process.kill()
    raise katex.KaTeXServer.timeout_error(timeout)


def configure(app: Sphinx, config: Config) -> None:
    """Point sphinxcontrib-katex to the installed KaTeX."""
    config.katex_css_path = "katex/katex.min.css"
    config.katex_js_path = str(NODE_MODULES / "katex" / "dist" / "katex.min.js")
    # a formula that does not parse stops the build instead of appearing in red on the page
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.render_latex = typeset
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = PATIENCE
    katex.KaTeXServer.start_server_process = staticmethod(start_server)


def setup(app: Sphinx) -> None:
    """Register the configuration."""
    app.connect("config-inited", configure)
