"""The checks of the lab's configuration, run under Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_configuration_survives_addresses_files_and_hostile_input():
    done = subprocess.run(["node", "--test", HERE / "state.test.mjs"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
