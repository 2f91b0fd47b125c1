"""Settings of the property-based tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

# plain enumeration, shared with the unit tests
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tables this small cost more to share between threads than to compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
