"""How many random examples the property-based tests look at, and how two processes share the tests."""

import re
import sys
from typing import Any

import pytest
from hypothesis import settings

# The same examples at every run, so that a red build means a change in the code; few of them in `make fast`. To hunt
# for new ones: pytest tests/theorems --hypothesis-profile=hunt
settings.register_profile("linrep", derandomize=True, max_examples=25, deadline=None, database=None)
settings.register_profile("fast", settings.get_profile("linrep"), max_examples=5)
settings.register_profile("hunt", max_examples=200, deadline=None, database=None)
settings.load_profile("linrep")

# What takes longest comes first, so that both processes end together: files whose single tests take long, then pages
# in a browser, then notebooks.
LONGEST = [r"tests/(build|parity|site/test_jupyterlab)", r"tests/site/", r"\.ipynb"]
PAGE = re.compile(r"(?P<tests>tests/site/test_pages\.py::\w+)::.*\[(?P<page>[\w/.-]+\.html)")


def pytest_configure(config: pytest.Config) -> None:
    """Fork the notebooks' kernels from one process; on Linux, where forks of what has loaded much are safe."""
    if config.getoption("nbval", False) and sys.platform == "linux":
        from forked_kernels import use_forked_kernels

        use_forked_kernels()


def rank(scope: str) -> int:
    """Return the place of a scope's kind in the list of what takes longest."""
    return next((place for place, kind in enumerate(LONGEST) if re.search(kind, scope)), len(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share whole files, classes and notebooks as `--dist=loadscope` does, but `test_pages` page by page."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            page = PAGE.search(nodeid)
            return f"{page['tests']} {page['page']}" if page else super()._split_scope(nodeid)

        def _assign_work_unit(self, node: Any) -> None:
            first = min(self.workqueue, key=rank)  # of one kind, the scope with most tests
            self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return Scheduling(config, log) if config.getoption("dist") == "loadscope" else None
