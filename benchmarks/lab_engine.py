"""Milliseconds a full-batch step of the lab's engine, in headless Chromium, beside a plain-loop step in the same run.

    python benchmarks/lab_engine.py [largest m]

Every variant runs in a fresh page (a page that feeds one function two kinds of arrays runs it two to four times
slower); rounds of all variants alternate, and the fastest batch of each counts, so that a busy machine slows all alike.
The peer does plain gradient descent, and so does the engine where ratios are formed; the last column is its default,
Adam. Goals: 8 times the peer in float32 and 4 times in float64 at m = 7 and 8, and 300 steps a second at m = 7.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, Route, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book/_ext"))

from chromium import FLAGS, find_chromium  # noqa: E402

FILES = {
    "/engine.mjs": ROOT / "linrep_core/lab/_built/engine.mjs",
    "/peer.mjs": ROOT / "benchmarks/lab_engine_peer.mjs",
}
SITE = "http://lab.invalid"  # answered from FILES, no network
ROUNDS = 3
BATCHES = 25  # a page; short ones, so that some are never interrupted
BATCH_SECONDS = 0.02
VARIANTS = {
    "plain loops": {"peer": True},
    "fallback": {"plain": True, "precision": "float64"},
    "WASM f64": {"precision": "float64"},
    "WASM f32": {"precision": "float32"},
    "f32 Adam": {"precision": "float32", "optimizer": "adam"},
}
GOALS = {"WASM f64": 4, "WASM f32": 8}

MEASURE = """async ({ m, variant, batches, seconds }) => {
  const { createTrainer } = await import("/engine.mjs");
  const config = {
    m, d: m, graph: "random", graph_seed: 0, edge_probability: 0.5, context_set: "all", context_weights: "masked",
    mask_probability: 0.5, optimizer: variant.optimizer ?? "sgd", learning_rate: 0.1, start_scale: 1, seed: 0,
    precision: variant.precision ?? "float64",
  };
  const trainer = await createTrainer(config, { plain: variant.plain });
  let advance = (steps) => trainer.advance(steps);
  if (variant.peer) {
    const { plainLoops } = await import("/peer.mjs");
    const { contexts, weights, nextToken } = trainer.language;
    const tokens = 2 ** m;
    const target = new Float64Array(contexts.length * tokens);
    contexts.forEach((x, row) => target.set(nextToken(x), row * tokens));
    const step = plainLoops({ contexts: contexts.length, tokens, d: m, target, weights, ...trainer.tables() });
    advance = (steps) => { for (let i = 0; i < steps; i++) step(0.1); };
  }
  let steps = 1;  // a batch
  for (;;) {  // also warms up
    const begin = performance.now();
    advance(steps);
    const elapsed = performance.now() - begin;
    if (elapsed > 1000 * seconds) break;
    steps = Math.ceil(steps * Math.min(10, Math.max(1.3, 1000 * seconds / (elapsed + 0.01))));
  }
  let best = Infinity;
  for (let batch = 0; batch < batches; batch++) {
    const begin = performance.now();
    advance(steps);
    const elapsed = performance.now() - begin;
    if (elapsed >= 500 * seconds) {
      best = Math.min(best, elapsed / steps);
    } else {  // an interruption had made the batch look long
      steps *= 2;
      batch -= 1;
    }
  }
  return { best, kernel: variant.peer ? "peer" : trainer.kernel };
}"""


def answer(route: Route) -> None:
    """The page and its two modules, from this checkout."""
    path = FILES.get(route.request.url.removeprefix(SITE))
    if path is None:
        route.fulfill(content_type="text/html", body="<!doctype html><title>benchmark</title>")
    else:
        route.fulfill(content_type="text/javascript", body=path.read_text())


def measure(page: Page, m: int, variant: dict) -> float:
    """Milliseconds a step."""
    page.route(f"{SITE}/**", answer)
    page.goto(f"{SITE}/")
    result = page.evaluate(MEASURE, {"m": m, "variant": variant, "batches": BATCHES, "seconds": BATCH_SECONDS})
    wanted = "JavaScript" if variant.get("plain") else "peer" if variant.get("peer") else "WebAssembly"
    if not result["kernel"].startswith(wanted):
        raise RuntimeError(f"wanted {wanted}, but {result['kernel']} ran")
    return result["best"]


def main() -> None:
    """Print the table, row by row."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    subprocess.run(["node", ROOT / "linrep_core/lab/build.mjs", "engine.mjs"], check=True, stdout=subprocess.DEVNULL)
    print("m = d" + "".join(f"{name:>14}" for name in VARIANTS) + "   ratio f64  ratio f32   f32 steps/s")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for m in range(3, largest + 1):
            best = dict.fromkeys(VARIANTS, float("inf"))
            for _ in range(ROUNDS):
                for name, variant in VARIANTS.items():
                    page = browser.new_page()
                    best[name] = min(best[name], measure(page, m, variant))
                    page.close()
            ratios = {name: best["plain loops"] / best[name] for name in GOALS}
            print(
                f"{m:5}"
                + "".join(f"{best[name]:11.3f} ms" for name in VARIANTS)
                + f"{ratios['WASM f64']:11.1f}x{ratios['WASM f32']:10.1f}x{1000 / best['WASM f32']:13.0f}",
                flush=True,
            )
            if m >= 7:
                missed = [
                    f"{name} {ratios[name]:.1f}x < {goal}x" for name, goal in GOALS.items() if ratios[name] < goal
                ]
                print("      goals " + ("missed: " + ", ".join(missed) if missed else "met"))
        version = browser.version
        browser.close()
    print(
        f"Chromium {version}; fastest of {ROUNDS * BATCHES} batches of at least {BATCH_SECONDS} s, fresh page a variant"
    )


if __name__ == "__main__":
    main()
