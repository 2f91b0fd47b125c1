"""A book small enough to be built within a test."""

from pathlib import Path

import pytest
from small_books import small_project


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("project"))
