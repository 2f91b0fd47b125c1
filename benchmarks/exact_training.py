"""What exact training costs: the tiled loss, many runs at once, natural gradients, each beside its plain peer.

Prints ratios of times measured in this run, on this machine. The peers:

- the dense reference: `torch.nn.functional.cross_entropy(F @ G.T, T)` with the table T of p(y | x), and autograd;
- training one seed after the other with `train`;
- Adam at its default rate, until it has the same excess loss;
- the machine itself: its matrix products and its exponentials, alone.

    python benchmarks/exact_training.py            all parts, about ten minutes on two cores
    python benchmarks/exact_training.py kernel     one of: kernel, small, many, natural, growth
    python benchmarks/exact_training.py growth --save     also writes results/growth.csv, which the book shows
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from linrep_core import ConceptGraph, LatentConditionalModel, SoftmaxPredictor, train
from linrep_core.ensemble import train_many
from linrep_core.kernel import tiled_cross_entropy
from linrep_core.predictor import cross_entropy

REPEATS = 5
SIZES = range(3, 13)
GROWTH = Path(__file__).resolve().parents[1] / "results" / "growth.csv"
ADAM_GIVES_UP = 200_000  # steps


def problem(m: int, dim: int) -> tuple[LatentConditionalModel, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A random world, two random tables and the weights of the contexts."""
    model = LatentConditionalModel(ConceptGraph.random(m, seed=0))
    start = SoftmaxPredictor.initialize(model, dim, initialization="gaussian", scale=0.3, dtype=torch.float32)
    weights = torch.as_tensor(model.weights()).float()
    return model, start.embeddings.requires_grad_(), start.unembeddings.requires_grad_(), weights


def dense_step(m: int, dim: int, *tables: torch.Tensor) -> Callable[[], None]:
    """The loss as anybody writes it first, and its gradients, of random tables or of these."""
    model, f, g, weights = problem(m, dim)
    f, g = tables or (f, g)
    table = torch.as_tensor(model.next_token_distribution()).float()

    def step() -> None:
        f.grad = g.grad = None
        losses = torch.nn.functional.cross_entropy(f @ g.T, table, reduction="none")
        (weights @ losses).backward()

    return step


def tiled_step(m: int, dim: int) -> Callable[[], None]:
    """The same with `tiled_cross_entropy`, which needs no table."""
    model, f, g, weights = problem(m, dim)

    def step() -> None:
        f.grad = g.grad = None
        tiled_cross_entropy(f, g, model.expected_unembedding(g), weights).backward()

    return step


STEPS = {"dense": dense_step, "tiled": tiled_step}


def best_time(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several calls, after one to warm up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory(kind: str, m: int, dim: int) -> float:
    """MiB that a fresh process needs at most, above what the model and the imports take."""
    code = f"import exact_training as b; b.report_memory({kind!r}, {m}, {dim})"
    done = subprocess.run([sys.executable, "-c", code], cwd=sys.path[0], capture_output=True, text=True, check=True)
    return float(done.stdout)


def report_memory(kind: str, m: int, dim: int) -> None:
    """In the fresh process: the peak of one step, less the peak of a problem with one concept."""
    tiled_step(1, 1)()
    before = peak()
    STEPS[kind](m, dim)()
    print(peak() - before)


def peak() -> float:
    """The most memory this process had so far, in MiB (a child's `ru_maxrss` begins with its parent's on Linux)."""
    status = Path("/proc/self/status")
    if status.exists():
        (kib,) = re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())
        return int(kib) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def kernel() -> None:
    """Time and memory of the loss and its gradients, beside the dense reference and the machine's limit."""
    m = dim = 10
    times = {kind: best_time(make(m, dim)) for kind, make in STEPS.items()}
    memory = {kind: peak_memory(kind, m, dim) for kind in STEPS}
    entries = 3**m * 2**m
    rows = torch.randn(256, 2**m)
    exponentials = best_time(rows.exp) * entries / rows.numel()
    left, right = torch.randn(256, dim), torch.randn(dim, 2**m)
    products = 3 * best_time(lambda: left @ right) * entries / (256 * 2**m)
    print(f"exact loss and gradients, m={m}, d={dim}, float32, {torch.get_num_threads()} threads")
    print(f"  dense   {1e3 * times['dense']:8.0f} ms {memory['dense']:8.0f} MiB")
    print(f"  tiled   {1e3 * times['tiled']:8.0f} ms {memory['tiled']:8.0f} MiB")
    faster, smaller = times["dense"] / times["tiled"], memory["dense"] / memory["tiled"]
    print(f"  ratio   {faster:8.1f} x  {smaller:8.1f} x   (goals 4, 3)")
    limit = exponentials + products
    print(
        f"  limit   {1e3 * limit:8.0f} ms: exponentials {1e3 * exponentials:.0f} ms, products {1e3 * products:.0f} ms;"
    )
    print(f"          the tiled loss takes {times['tiled'] / limit:.1f} times that")


def small() -> None:
    """A step of a small problem: the dense reference, and both formulas without a table; then steps of `train`."""
    m = dim = 4
    model, f, g, weights = problem(m, dim)

    def plain_step() -> None:
        f.grad = g.grad = None
        cross_entropy(f, g, model.expected_unembedding(g), weights).backward()

    steps = {"dense": dense_step(m, dim), "plain": plain_step, "tiled": tiled_step(m, dim)}
    times = {name: best_time(step, repeats=1000) for name, step in steps.items()}
    print(f"exact loss and gradients, m={m}, d={dim}, float32")
    for name, seconds in times.items():
        print(f"  {name:7} {1e6 * seconds:8.0f} us, {seconds / times['dense']:.1f} times the dense one")
    n_steps = 1000
    settings = {"steps": n_steps, "optimizer": "adam", "dtype": torch.float32, "progress": False}
    ours = best_time(lambda: train(model, dim, **settings)) / n_steps
    optimizer, step = torch.optim.Adam([f, g]), dense_step(m, dim, f, g)

    def theirs() -> None:
        for _ in range(n_steps):
            step()
            optimizer.step()

    pytorch = best_time(theirs) / n_steps
    print(f"a step of Adam, m={m}, d={dim}, float32")
    print(f"  pytorch {1e6 * pytorch:8.0f} us: the dense loss, autograd and torch.optim")
    print(f"  train   {1e6 * ours:8.0f} us, its record included; pytorch takes {pytorch / ours:.1f} times as long")


def many() -> None:
    """Sixteen seeds at once, beside one after the other."""
    worlds = [LatentConditionalModel(ConceptGraph.random(5, seed=seed)) for seed in range(16)]
    print("16 seeds at m=5, d=5, float64, 1000 steps")
    for title, settings in (
        ("full batch, Adam", {}),
        ("batches of 100, SGD", {"optimizer": "sgd", "batch_size": 100}),
    ):
        common = {"steps": 1000, "progress": False, **settings}
        start = time.perf_counter()
        train_many(worlds, 5, seeds=range(16), **common)
        together = time.perf_counter() - start
        start = time.perf_counter()
        for seed, world in enumerate(worlds):
            train(world, 5, seed=seed, **common)
        alone = time.perf_counter() - start
        ratio = alone / together
        print(f"  {title:20} together {together:6.2f} s, one by one {alone:6.2f} s: {ratio:5.1f} x   (goal 5)")


def natural() -> None:
    """Natural gradients beside Adam, to the same excess loss."""
    print("to the entropy floor plus 1e-6 nats, m=6, d=7, float64")
    for seed in range(3):
        world = LatentConditionalModel(ConceptGraph.random(6, seed=seed))
        common = {"seed": seed, "stop_when": {"excess_loss": 1e-6}, "progress": False}
        start = time.perf_counter()
        ours = train(world, 7, optimizer="natural", steps=400, **common)
        first = time.perf_counter() - start
        start = time.perf_counter()
        adam = train(world, 7, steps=ADAM_GIVES_UP, **common)
        second = time.perf_counter() - start
        more = ">" if adam.excess_loss > 1e-6 else " "
        for name, run, seconds in (("natural", ours, first), ("Adam", adam, second)):
            print(f"  seed {seed} {name:8} {run.steps:7} steps {seconds:7.1f} s, excess {run.excess_loss:.0e} nats")
        print(f"         ratio {more}{second / first:.1f} x   (goal 10)")


def growth() -> list[tuple[float, ...]]:
    """Time and memory of a step over the number of concepts."""
    print("one full-batch step with gradients, d=m, float32")
    print("   m   contexts   tokens    time/ms   memory/MiB")
    rows = []
    for m in tqdm(SIZES, desc="growth", leave=False):
        seconds = best_time(tiled_step(m, m), repeats=2 if m > 10 else 3 * REPEATS)
        rows.append((m, 3**m, 2**m, 1e3 * seconds, peak_memory("tiled", m, m)))
        tqdm.write("  {:2} {:10} {:8} {:10.2f} {:12.0f}".format(*rows[-1]), file=sys.stdout)
    sizes, times = [row[0] for row in rows[-5:]], [row[3] for row in rows[-5:]]
    factor = np.exp(np.polyfit(sizes, np.log(times), 1)[0])
    print(
        f"  from m={sizes[0]} on, one more concept costs {factor:.1f} times as much (and makes 6 times as many logits)"
    )
    return rows


def save_growth(rows: list[tuple[float, ...]]) -> None:
    """Write the table that the book shows."""
    threads = torch.get_num_threads()
    head = f"# one full-batch step with gradients, d=m, float32, {threads} threads, torch {torch.__version__}"
    lines = [head, "m,contexts,tokens,milliseconds,mebibytes"]
    lines += ["{},{},{},{:.4g},{:.0f}".format(*row) for row in rows]
    GROWTH.write_text("\n".join(lines) + "\n", "utf8")


PARTS = {"kernel": kernel, "small": small, "many": many, "natural": natural, "growth": growth}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What exact training costs, each part beside its plain peer.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--save", action="store_true", help="write the growth table to results/")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {min(unknown)!r}; there are {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        found = PARTS[part]()
        if options.save and part == "growth":
            save_growth(found)
