"""Kernels that are forks start as others do, and once more where another process was quicker to take a port."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")]


def test_a_kernel_that_finds_its_port_taken_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import forked_kernels

    taken: list[socket.socket] = []
    begin = forked_kernels.Fork.__init__

    def after_another(self: Any, command: list[str], **how: Any) -> None:
        if not taken:
            port = json.loads(Path(command[command.index("-f") + 1]).read_text("utf8"))["shell_port"]
            taken.append(socket.create_server(("127.0.0.1", port)))
        begin(self, command, **how)

    monkeypatch.setattr(forked_kernels.Fork, "__init__", after_another)
    with Path(os.devnull).open("w") as nowhere:
        manager, client = forked_kernels.start_forked_kernel(startup_timeout=60, stderr=nowhere, cwd=str(tmp_path))
    try:
        assert taken
        client.kernel_info(reply=True, timeout=30)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        taken[0].close()
