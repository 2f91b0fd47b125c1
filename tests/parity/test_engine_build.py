"""How the engine is built, and what it does where WebAssembly is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from engine_reference import configuration

LAB = Path(__file__).parents[2] / "linrep_core" / "lab"
TARGETS = ("engine.mjs", "worker.js", "kernel.mjs")


def build(*targets: str) -> subprocess.CompletedProcess:
    return subprocess.run(["node", LAB / "build.mjs", *targets], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes(built):
    before = {name: (built / name).read_bytes() for name in TARGETS}
    done = build("engine.mjs", "worker.js")
    assert done.returncode == 0, done.stderr
    assert before == {name: (built / name).read_bytes() for name in TARGETS}


def test_the_engine_is_small(built):
    assert (built / "worker.js").stat().st_size < 40_000
    assert (built / "kernel.mjs").stat().st_size < 16_000


def test_an_unknown_target_is_refused(built):
    done = build("engine.js")
    assert done.returncode == 1
    assert "targets must be among engine.mjs" in done.stderr


@pytest.mark.parametrize(
    "missing",
    [
        "delete globalThis.WebAssembly",
        "WebAssembly.compile = async () => { throw new WebAssembly.CompileError('no SIMD') }",
        "WebAssembly.instantiate = async () => { throw new RangeError('no memory left') }",
    ],
)
def test_without_webassembly_the_plain_kernel_trains(built, missing):
    program = f"""
        {missing};
        const {{ createTrainer }} = await import({json.dumps((built / "engine.mjs").as_uri())});
        const trainer = await createTrainer({json.dumps(configuration(precision="float32"))});
        trainer.advance(10);
        console.log(JSON.stringify([trainer.kernel, trainer.report().loss]));
    """
    done = subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    kernel, loss = json.loads(done.stdout)
    assert kernel == "JavaScript, float64"
    assert 0 < loss < 3
