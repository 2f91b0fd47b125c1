"""Measure language models as section 5.2 of arXiv 2403.03867 does, and keep the rows in results/models/.

    python results/measure_models.py                    the bundled model; or `make models`
    python results/measure_models.py meta-llama/Llama-2-7b-hf ...   any others: folders, .gguf files, hub names
    python results/measure_models.py glove 'bundled#untrained' 'bundled#layers=6'   contrasts: see llm_study.read_model
    python results/measure_models.py --depths 0,6,12    also: the model stopped after so many layers
    python results/measure_models.py --list             what is done

Each model gets eleven small tables, results/models/MODEL-TABLE.csv, and MODEL-steering.json for the figure that steers
it; a variant (`#untrained`) the first five of these, word vectors the two that need no contexts; `--depths` adds one.
Ctrl+C keeps what is done and the same command continues; to measure a model anew, delete its files. Each process loads
the model once.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from linrep_core import llm_equivalence as equivalence
from linrep_core import llm_study as study
from linrep_core import llm_zeros as zeros
from linrep_core import steering
from linrep_core._llm_loading import BUNDLED_NAME
from linrep_core.sweeps import Sweep, run_sweep
from linrep_core.word_pairs import token_concepts
from linrep_core.word_vectors import PACKAGED_NAME

FOLDER = Path(__file__).parent / "models"


def sweeps_of(model: str, depths: Sequence[int] = ()) -> dict[str, Sweep]:
    """The tables of one model."""
    languages = {"model": [model], "languages": list(study.LANGUAGE_PAIRS)}
    tables = {
        "summary": Sweep(study.summary_study, {"model": [model]}),
        "unembeddings": Sweep(study.unembedding_study, {"model": [model], "concept": list(token_concepts())}),
    }
    if is_word_vectors(model):
        return tables
    tables |= {
        "translations": Sweep(study.translation_study, languages),
        "sentences": Sweep(study.sentence_study, languages),
        "winograd": Sweep(study.winograd_study, {"model": [model]}),
    }
    if not is_contrast(model):
        tables |= {
            "zeros": Sweep(zeros.zeros_study, {"model": [model]}),
            "squares": Sweep(zeros.squares_study, {"model": [model]}),
            "side-effects": Sweep(steering.side_effect_study, {"model": [model]}),
            "strengths": Sweep(steering.strength_study, {"model": [model]}),
            "continuations": Sweep(steering.continuation_study, {"model": [model]}),
            "equivalents": Sweep(
                equivalence.equivalents_study, {"model": [model], "change": list(equivalence.CHANGES)}
            ),
        }
    contexts = [*study.LANGUAGE_PAIRS, "winograd"]
    depth = {"model": [model], "n_layers": list(depths), "contexts": contexts}
    return {**tables, "depth": Sweep(study.depth_study, depth)} if depths else tables


def is_word_vectors(model: str) -> bool:
    """Whether this names a table of words rather than a language model."""
    return model.partition("#")[0] == study.GLOVE or model.partition("#")[0].endswith(study.VECTOR_FILES)


def is_contrast(model: str) -> bool:
    """Whether this is something beside a language model as it is: word vectors, or a variant (untrained, cut)."""
    return is_word_vectors(model) or "#" in model


def short_name(model: str) -> str:
    """The beginning of a model's files: ``meta-llama/Llama-2-7b-hf`` becomes ``llama-2-7b-hf``."""
    whole, _, variant = model.partition("#")
    carried = {study.BUNDLED: BUNDLED_NAME, study.GLOVE: PACKAGED_NAME}
    last = carried.get(whole) or re.split(r"[/\\]", whole.rstrip("/\\"))[-1].removesuffix(".gguf")
    return re.sub(r"[^a-z0-9.]+", "-", f"{last} {variant}".lower()).strip("-")


def layers(text: str) -> list[int]:
    """The numbers of ``--depths``."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Measure the models that are named, or the bundled one."""
    parser = argparse.ArgumentParser(description="Measure language models; rows go to results/models/.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a folder, a .gguf file, a hub name, or a variant")
    parser.add_argument("--depths", type=layers, default=[], metavar="N,N", help="also stop after so many layers")
    parser.add_argument("--list", action="store_true", help="say what is done")
    parser.add_argument("--backend", default="loky", help="loky, dask or ray")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 for one a core; 1 for a GPU")
    options = parser.parse_args()
    for model in options.models or [study.BUNDLED]:
        for table, sweep in sweeps_of(model, options.depths).items():
            path = FOLDER / f"{short_name(model)}-{table}.csv"
            if options.list:
                begun = "begun" if Path(f"{path}.journal").exists() else "-"
                print(f"{path.stem:40} {'done' if path.exists() else begun}")
                continue
            if not path.exists():
                print(path.stem)
            run_sweep(sweep, path, backend=options.backend, n_jobs=options.jobs)
        if is_contrast(model):
            continue
        explorer = FOLDER / f"{short_name(model)}-steering.json"
        if options.list:
            print(f"{explorer.stem:40} {'done' if explorer.exists() else '-'}")
        elif not explorer.exists():
            print(explorer.stem)
            steering.write_explorer(steering.explorer_data(model), explorer)


if __name__ == "__main__":
    main()
