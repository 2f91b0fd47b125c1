"""Settings of the property-based tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# plain enumeration, shared with the unit tests
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

# The same examples at every run, so that a red build means a change in the code; to hunt for new ones:
# pytest tests/theorems --hypothesis-profile=hunt
settings.register_profile("linrep", derandomize=True, max_examples=25, deadline=None, database=None)
settings.register_profile("hunt", max_examples=200, deadline=None, database=None)
settings.load_profile("linrep")


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tables this small cost more to share between threads than to compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
