"""Settings of the unit tests."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

# The same examples at every run, so that a red build means a change in the code; to hunt for new ones:
# pytest tests/unit --hypothesis-profile=hunt
settings.register_profile("linrep", derandomize=True, max_examples=25, deadline=None, database=None)
settings.register_profile("hunt", max_examples=200, deadline=None, database=None)
settings.load_profile("linrep")


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tables this small cost more to share between threads than to compute: ten times more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
