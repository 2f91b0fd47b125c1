"""Kernels for nbval that start in a moment: forks of a process that has imported PyTorch and the like.

A kernel that starts from nothing spends seven seconds on that by the time it has shown its first figure, one that loads
a language model twelve. Each chapter still has a process of its own, which imports `linrep_core` itself.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import IO, Any
from unittest.mock import patch

from jupyter_client.provisioning import local_provisioner
from nbval import kernel

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [  # large packages of others, nothing of ours
        "ipykernel.kernelapp",
        "nbformat",  # what plotly looks for when it shows a figure
        "networkx",
        "scipy.optimize",
        "scipy.stats",
        "torch",
        "transformers.models.auto.tokenization_auto",
        "transformers.models.llama.modeling_llama",
    ]
)
LOOKS_AROUND = ("tqdm.auto", "tqdm.autonotebook")  # they look, when they are imported, whether this is a notebook
start_new_kernel = kernel.start_new_kernel


def run_kernel(ready: Connection, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be a kernel in this folder until somebody ends it."""
    from ipykernel.kernelapp import launch_new_instance

    assert "linrep_core" not in sys.modules
    os.setsid()  # a group of its own, which is ended with it
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as nbval has it
    os.chdir(folder)
    os.environ.update(environment)
    for name in LOOKS_AROUND:
        sys.modules.pop(name, None)
    gc.freeze()  # no need to look through all this for what can be thrown away
    ready.send(True)
    launch_new_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])  # ends when that has ended


class Fork:
    """A kernel's process with those methods of a `subprocess.Popen` that jupyter_client calls."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], *, cwd: str, env: dict[str, str], stderr: IO[str], **_: Any) -> None:
        stderr.close()
        arguments = command[command.index("ipykernel_launcher") + 1 :]
        here, there = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=run_kernel, args=(there, arguments, cwd, env))
        self._process.start()
        there.close()
        here.recv()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start_forked_kernel(**how: Any) -> Any:
    """What nbval calls to start a kernel."""
    with patch.object(local_provisioner, "launch_kernel", Fork):
        try:
            return start_new_kernel(**how)
        except RuntimeError:  # it died: of its ports, chosen before it started, another process had taken one
            return start_new_kernel(**how)


def use_forked_kernels() -> None:
    """Let nbval start its kernels so."""
    # kernels are killed, by nbval's way, and leave locks that somebody else has to throw away: no news
    with patch.dict(os.environ, PYTHONWARNINGS="ignore:resource_tracker"):
        resource_tracker.ensure_running()
    kernel.start_new_kernel = start_forked_kernel
