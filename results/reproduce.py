"""Make the tables of results/: the paper's tables 1 to 4, its figures 6 and 7(a), this book's own studies.

    python results/reproduce.py                      what is missing; or `make results`
    python results/reproduce.py table-1-m3 ...       these rows only
    python results/reproduce.py --list               the rows, with what is done

A row is one file, results/ROW.csv. Ctrl+C keeps what is done and the same command continues; to run a row anew, delete
its file. On two cores tables 1 and 2 take about an hour, the rest of the paper two, the phase diagram three, the
transformers a quarter of an hour, students of distillation, log posteriors, pairs of trainings and violations five
minutes each, optimisers and losses ten, mechanisms a quarter of an hour.
minutes each, optimisers and losses ten, depth twenty.
minutes each, optimisers and losses and superposition ten.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from linrep_core.depth import ARCHITECTURES, READERS, depth_cell, price_cell, reader_cell
from linrep_core.distillation import OBJECTIVES, TEACHERS, distillation_cell
from linrep_core.language import CONTEXT_WEIGHTS
from linrep_core.log_posteriors import AMBIGUITIES, REPORTS, posterior_cell
from linrep_core.many_values import KINDS, ROOMS, value_cell
from linrep_core.mechanisms import DIMS, mechanism_cell
from linrep_core.objectives import RECIPES as OBJECTIVE_RECIPES
from linrep_core.objectives import objective_cell
from linrep_core.phase_diagram import METHODS, STARTS, phase_cell
from linrep_core.reproduction import ROWS, paper_block, paper_heat_maps
from linrep_core.superposition import superposition_cell
from linrep_core.sweeps import Sweep, run_sweep
from linrep_core.toy_model import toy_cell
from linrep_core.trained_pairs import RECIPES, WORLDS, trained_pair_cell
from linrep_core.transformer_study import DEPTHS, VARIANTS, WIDTHS, size_cell, variant_cell
from linrep_core.violations import VIOLATIONS, violation_cell
from linrep_core.word_orders import ORDERED_WORDS, word_order_cell

FOLDER = Path(__file__).parent


def sweep_of(name: str, function: Callable[..., list[dict[str, float]]] = paper_block) -> Sweep:
    """The blocks of runs that make one row, or what another function tells of the same runs."""
    row = ROWS[name]
    first = range(0, row.n_seeds, row.block)
    grid = {"row": [name], "steps": [row.steps], "first_seed": first, "n_seeds": [row.block]}
    return Sweep(function, grid)


def phase_sweep(n_concepts: int) -> Sweep:
    """A row of the phase diagram: 20 runs a cell while it costs a second or so, then 5; from m = 7 on at some d."""
    m = n_concepts
    some = {7: (1, 2, 3, 5, 6, 7, 8, 9, 10, 14, 21, 28), 8: (7, 8, 9, 16, 32)}  # a cell takes up to minutes
    dims = some.get(m, range(1, 4 * m + 1))
    grid = {
        "n_concepts": [m],
        "dim": dims,
        "method": METHODS,
        "start": list(STARTS),
        "context_weights": CONTEXT_WEIGHTS,
        "n_seeds": [20 if m < 5 else 5],
    }
    return Sweep(phase_cell, grid)


def sparse_sweep() -> Sweep:
    """Six concepts where only some of the 64 words and some of the masks ever occur."""
    grid = {
        "n_concepts": [6],
        "dim": [2, 4, 6, 8, 12, 24],
        "n_masks": [None, 32, 8],
        "share_of_tokens": [1.0, 0.5, 0.25],
        "n_seeds": [10],
    }
    return Sweep(phase_cell, grid)


def pair_sweep() -> Sweep:
    """Ten pairs of trainings of one world from two seeds, a world each, with three concepts in d = m, m + 1, 2m, 4m."""
    grid = {"world": list(WORLDS), "recipe": list(RECIPES), "dim": [3, 4, 6, 12], "n_seeds": [10]}
    return Sweep(trained_pair_cell, grid)


def transformer_sweeps() -> dict[str, Sweep]:
    """Transformers of twelve sizes, five seeds each, and variants of one size; learning "not" takes minutes a run."""
    sizes = {"n_layers": DEPTHS, "width": WIDTHS, "first_seed": range(5), "n_seeds": [1]}
    deep = {"n_layers": [4], "width": [32], "first_seed": range(3), "n_seeds": [1]}
    groups: dict[str, list[str]] = {"variants": [], "named": [], "negations": []}
    for name, settings in VARIANTS.items():
        if settings:  # without any it is a size
            kind = "named" if "named" in settings else "negations" if "negations" in settings else "variants"
            groups[kind].append(name)
    sweeps = {"transformers": Sweep(size_cell, sizes), "transformers-deep": Sweep(size_cell, deep)}
    for kind, names in groups.items():
        seeds = range(1 if kind == "negations" else 3)
        grid = {"variant": names, "first_seed": seeds, "n_seeds": [1]}
        sweeps[f"transformers-{kind}"] = Sweep(variant_cell, grid)
    return sweeps


def distillation_sweep(n_concepts: int) -> Sweep:
    """Students of confident and of diffuse teachers; of four concepts only those like their teacher, as a check."""
    all_kinds = n_concepts == 3
    grid = {
        "teacher": list(TEACHERS),
        "n_concepts": [n_concepts],
        "extra_dims": [-2, 0, 4] if all_kinds else [0],
        "objective": OBJECTIVES if all_kinds else ("kl", "logits"),
        "start": list(STARTS) if all_kinds else ["small"],
        "n_seeds": [10],
    }
    return Sweep(distillation_cell, grid)


def posterior_sweeps() -> dict[str, Sweep]:
    """Worlds whose words are ambiguous; whose contexts are soft or sharp; predictors with too few dimensions."""
    shares = [0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99]
    seeds = {"n_seeds": [10]}
    ambiguity = {"dim": [2, 4, 8], "ambiguity": shares, "kind": list(AMBIGUITIES), "reports": list(REPORTS), **seeds}
    sharpness = {"dim": [8], "ambiguity": [0.0, 0.1, 0.6], "sharpness": [0.25, 0.5, 1.0, 2.0, 4.0], **seeds}
    dims = [1, 2, 3, 4, 5, 6, 7, 8, 12]
    dimension = {"dim": dims, "ambiguity": [0.0, 0.1], "reports": list(REPORTS), "edge_probability": [0.0, 1.0]}
    return {
        "log-posteriors": Sweep(posterior_cell, ambiguity),
        "log-posteriors-sharpness": Sweep(posterior_cell, sharpness),
        "log-posteriors-dim": Sweep(posterior_cell, {**dimension, **seeds}),
    }


def violation_sweeps() -> dict[str, Sweep]:
    """Worlds that break an assumption by a dose; the same with independent concepts, plain descent, four concepts."""
    every = {"violation": list(VIOLATIONS)}
    return {
        "violations": Sweep(violation_cell, {**every, "dim": [3, 4, 5, 6], "n_seeds": [20]}),
        "violations-independent": Sweep(
            violation_cell, {**every, "dim": [4], "edge_probability": [0.0], "n_seeds": [20]}
        ),
        "violations-descent": Sweep(
            violation_cell, {**every, "dim": [4], "method": ["gradient descent"], "n_seeds": [20]}
        ),
        "violations-m4": Sweep(violation_cell, {**every, "dim": [5], "n_concepts": [4], "n_seeds": [10]}),
    }


def value_sweeps() -> dict[str, Sweep]:
    """Every kind of concept with one dimension too few, enough, twice as many; independent concepts; plain descent.

    And, looked at afterwards, a categorical concept with more and more values, told for certain or not.
    """
    every = {"kind": list(KINDS), "n_seeds": [20]}
    return {
        "many-values": Sweep(value_cell, {**every, "room": list(ROOMS)}),
        "many-values-independent": Sweep(value_cell, {**every, "edge_probability": [0.0]}),
        "many-values-descent": Sweep(value_cell, {**every, "method": ["gradient descent"], "steps": [4000]}),
        "many-values-sizes": Sweep(
            value_cell,
            {
                "kind": ["certain", "categorical"],
                "n_values": [2, 3, 4, 5, 7],
                "edge_probability": [0.0],
                "n_seeds": [20],
            },
        ),
        "many-values-words": Sweep(word_order_cell, {"group": list(ORDERED_WORDS)}),
    }


def optimiser_sweeps() -> dict[str, Sweep]:
    """Every optimiser and loss in three dimensions; small to large starts; worlds in which no word is impossible."""
    starts = [name for name in OBJECTIVE_RECIPES if "start" in name]
    others = [name for name in OBJECTIVE_RECIPES if "start" not in name]
    losses = [f"{loss}, gradient descent" for loss in ("contrastive", "label smoothing", "squared, logits", "hinge")]
    positive = ["gradient descent", "batches of 10", "Adam", "L-BFGS", "natural gradient", *losses]
    seeds = {"n_seeds": [12]}
    return {
        "optimisers": Sweep(objective_cell, {"recipe": others, "dim": [3, 4, 12], **seeds}),
        "optimisers-starts": Sweep(objective_cell, {"recipe": starts, "dim": [3, 12], **seeds}),
        "optimisers-noisy": Sweep(objective_cell, {"recipe": positive, "dim": [12], "world": ["noisy"], **seeds}),
    }


def mechanism_sweeps() -> dict[str, Sweep]:
    """Three switches with and without room: descent; without zeros for longer; from a small start; with Adam."""
    on_off = [True, False]
    every = {"matched": on_off, "zeros": on_off, "separated": on_off, "dim": list(DIMS), "n_seeds": [12]}
    return {
        "mechanisms": Sweep(mechanism_cell, every),
        "mechanisms-long": Sweep(mechanism_cell, {**every, "zeros": [False], "steps": [30_000]}),
        "mechanisms-small": Sweep(mechanism_cell, {**every, "start_scale": [0.1]}),
        "mechanisms-adam": Sweep(mechanism_cell, {**every, "method": ["adam"], "learning_rate": [None]}),
    }


def depth_sweeps() -> dict[str, Sweep]:
    """Chains of every architecture in d = m, 2m, 4m; other starts; four concepts; transformers that read sentences."""
    seeds = {"n_seeds": [12]}
    some = ["table", "names, 2 layers", "names, 3 layers", "names, perceptron", "parts", "parts, perceptron"]
    methods = {"method": ["gradient descent", "adam"]}
    return {
        "depth": Sweep(depth_cell, {"architecture": list(ARCHITECTURES), "dim": [3, 6, 12], **methods, **seeds}),
        "depth-starts": Sweep(
            depth_cell,
            {
                "architecture": [*some, "parts, 2 layers"],
                "dim": [12],
                **methods,
                "start": ["small", "small words", "large"],
                **seeds,
            },
        ),
        "depth-m4": Sweep(
            depth_cell,
            {"architecture": some, "dim": [16], "method": ["gradient descent"], "n_concepts": [4], "n_seeds": [10]},
        ),
        "depth-prices": Sweep(
            price_cell, {"architecture": [*some, "parts, 2 layers"], "n_concepts": [3], "dim": [12], "n_seeds": [4]}
        ),
        "depth-prices-m2": Sweep(
            price_cell, {"architecture": [*some[:2], *some[3:5]], "n_concepts": [2], "dim": [8], "n_seeds": [8]}
        ),
        "depth-readers": Sweep(reader_cell, {"reader": list(READERS), "first_seed": range(0, 12, 4), "n_seeds": [4]}),
    }


def superposition_sweeps() -> dict[str, Sweep]:
    """Sparse worlds in few dimensions, by how sparse they are and what contexts say; two on a line; the toy model."""
    six, seeds, chances = {"n_concepts": [6]}, {"n_seeds": [10]}, [0.5, 0.3, 0.1, 0.03, 0.01]
    few = {"most_active": [1, 2, 3], "dim": range(1, 7)}
    told = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    pair_chances = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
    grids = {
        "superposition": {**six, "contexts": ["naming"], "chance": chances, "dim": range(1, 7)},
        "superposition-absent": {**six, "contexts": ["telling"], "chance": [0.5, 0.03], "dim": [3]},
        "superposition-seldom": {
            **six,
            "contexts": ["naming", "telling"],
            "chance": [0.5, 0.03],
            "dim": [3],
            "told_first": [0.1],
            "told_last": [0.1],
        },
        "superposition-exact": {"n_concepts": [4, 6, 8], **few},
        "superposition-telling": {**six, "contexts": ["telling"], **few},
        "superposition-uneven": {**six, "chance": chances, "dim": [2, 3, 4], "told_first": [0.9], "told_last": [0.1]},
        "superposition-pair": {"n_concepts": [2], "dim": [1], "chance": pair_chances, "told_last": told},
        "superposition-controls": {
            **six,
            "most_active": [1, 2],
            "dim": range(1, 7),
            "method": ["adam", "gradient descent"],
            "constants": [True, False],
        },
    }
    toy = {"n_features": [5, 8], "dim": [2], "chance": [0.02, 0.05, 0.1, 0.3, 0.6, 1.0], "values": ["graded"]}
    toy_grids = {
        "toy-model": toy,
        "toy-model-binary": {**toy, "chance": [0.02, 0.05, 0.1, 0.3, 0.6, 0.9], "values": ["binary"]},
        "toy-model-pair": {
            "n_features": [2],
            "dim": [1],
            "chance": [0.05, 0.1, 0.3, 0.5, 1.0],
            "ratio": [0.2, 0.5, 1.0, 2.0, 5.0],
            "steps": [1500],
        },
    }
    found = {name: Sweep(superposition_cell, {**grid, **seeds}) for name, grid in grids.items()}
    return {**found, **{name: Sweep(toy_cell, {**grid, **seeds}) for name, grid in toy_grids.items()}}


SWEEPS = {
    **{name: sweep_of(name) for name in ROWS},
    "figure-7a": sweep_of("table-4-m10", paper_heat_maps),
    **{f"phase-m{m}": phase_sweep(m) for m in range(2, 9)},
    "phase-sparse": sparse_sweep(),
    "trained-pairs": pair_sweep(),
    **transformer_sweeps(),
    "distillation": distillation_sweep(3),
    "distillation-m4": distillation_sweep(4),
    **posterior_sweeps(),
    **violation_sweeps(),
    **value_sweeps(),
    **optimiser_sweeps(),
    **mechanism_sweeps(),
    **depth_sweeps(),
    **superposition_sweeps(),
}


def main() -> None:
    """Run the rows that are named, or all."""
    parser = argparse.ArgumentParser(description="Make the tables of results/ from the paper's procedure.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(SWEEPS)}")
    parser.add_argument("--list", action="store_true", help="say what is done")
    parser.add_argument("--backend", default="loky", help="loky, dask or ray")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 for one a core")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in SWEEPS]
    if unknown:
        parser.error(f"no row {unknown[0]!r}; there are {', '.join(SWEEPS)}")
    for name in options.rows or SWEEPS:
        path = FOLDER / f"{name}.csv"
        if options.list:
            print(f"{name:16} {'done' if path.exists() else 'begun' if Path(f'{path}.journal').exists() else '-'}")
            continue
        if not path.exists():
            print(name)
        run_sweep(SWEEPS[name], path, backend=options.backend, n_jobs=options.jobs)


if __name__ == "__main__":
    main()
