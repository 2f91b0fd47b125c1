"""Train a small transformer on sentences, and measure its concepts along the way.

Book: part "Real language models", chapter "A model you can train yourself". Source: the measures are those of arXiv
2403.03867, section 5.1; that they are taken from a transformer is this book's.

A transformer has no table of contexts: f(x) is computed from a sentence. Here f of a context is the mean over several
sentences that tell it, and with these means all measures of `linrep_core.geometry` apply as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from linrep_core._checks import check_flag, check_function, check_instance, check_integer, check_number
from linrep_core._stepping import batches_ahead, few_threads, loss_limit
from linrep_core.geometry import (
    LinearityReport,
    embedding_steering_vectors,
    linearity,
    mean_cosine_between,
    mean_pairwise_cosine,
    unembedding_steering_vectors,
)
from linrep_core.predictor import SoftmaxPredictor, check_dtype
from linrep_core.sentences import Sentences, SentenceWorld
from linrep_core.training import TrainingDiverged, check_device, logarithmic_steps
from linrep_core.transformer import Transformer

WARM_UP = 50  # steps over which the rate rises; from there it falls evenly to zero
N_PARAPHRASES = 4  # sentences a context of the fixed set on which all is measured
PARAPHRASES_SEED = 10**6  # far from the seeds of runs
TRAINING_SENTENCES = 1024  # of a finite corpus, on which memorising is measured
GPU_WIDTH = 256  # narrower ones are slower there
MAX_SENTENCES = 2**22
HISTORY = (
    "step",
    "loss",
    "excess_loss",
    "training_excess",
    "unembedding",
    "embedding",
    "alignment",
    "between",
)


@dataclass
class TransformerRun:
    """What `train_transformer` returns.

    Attributes
    ----------
    transformer : Transformer
        On the CPU.
    world : SentenceWorld
    settings : dict
        The arguments of the run, for tables of results.
    history : dict of arrays
        At logarithmically spaced steps: ``step``; exact ``loss`` and ``excess_loss`` in nats, over all contexts by
        their weights, a few sentences each; ``training_excess``, the loss on the corpus itself less that of the true
        distribution on the same tokens (nan for fresh sentences): below 0 the corpus is being memorised; and the mean
        cosines ``unembedding``, ``embedding``, ``alignment``, ``between`` (see `LinearityReport`).
    steps : int
        Steps done.
    stop_reason : str
        ``"all steps done"`` or ``"interrupted"``.
    """

    transformer: Transformer
    world: SentenceWorld
    settings: dict[str, Any]
    history: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    steps: int = 0
    stop_reason: str = "all steps done"

    @property
    def excess_loss(self) -> float:
        """Final exact mean cross-entropy minus the entropy floor, in nats."""
        return float(self.history["excess_loss"][-1])

    @property
    def n_parameters(self) -> int:
        """Numbers that training chose."""
        return sum(parameter.numel() for parameter in self.transformer.parameters())

    def __repr__(self) -> str:
        return f"TransformerRun(steps={self.steps}, excess_loss={self.excess_loss:.4f}, {self.stop_reason!r})"


def train_transformer(
    world: SentenceWorld,
    *,
    n_layers: int = 2,
    width: int = 32,
    n_heads: int = 2,
    tied: bool = False,
    n_sentences: int | None = None,
    steps: int = 800,
    batch_size: int = 64,
    learning_rate: float = 0.005,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
    callback: Callable[[int, float], None] | None = None,
    progress: bool = True,
) -> TransformerRun:
    """Fit a transformer to the tokens that follow sentences, by cross-entropy and Adam.

    Parameters
    ----------
    world
        Where sentences and tokens come from.
    n_layers, width, n_heads, tied
        See `Transformer`; 0 layers are a bag of words.
    n_sentences
        Size of the corpus, each sentence with one drawn token; None: fresh sentences at every step.
    steps, batch_size
        Steps, at least 0, and sentences each.
    learning_rate
        The highest; it is reached after 50 steps, and falls evenly to 0 at the end.
    seed
        Fixes the start, the corpus and the batches.
    dtype
        float32, or float64 for numbers that are the same to the last printed digit on every machine.
    device
        None chooses a GPU for widths from 256 on when there is one, else the CPU.
    callback
        Called as ``callback(step, excess_loss)`` at each recorded step.
    progress
        Whether to show a progress bar.

    Returns
    -------
    TransformerRun
        Also after Ctrl-C (or the notebook's stop button): what is done is kept and `stop_reason` says so.

    Raises
    ------
    ValueError
        For bad arguments.
    TrainingDiverged
        If the loss is no longer finite, or a thousand times what it was.

    Examples
    --------
    >>> from linrep_core import ConceptGraph, LatentConditionalModel
    >>> world = SentenceWorld(LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0)))
    >>> run = train_transformer(world, n_layers=0, width=8, steps=200, progress=False)
    >>> run.excess_loss < 0.2
    True
    """
    settings = _check_settings(locals())
    shape = {name: settings[name] for name in ("n_layers", "width", "n_heads", "tied")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings["seed"])
        transformer = Transformer(world.n_words, world.length, **shape).to(settings["dtype"])
    run = TransformerRun(transformer, world, settings)
    with few_threads(settings["batch_size"] * settings["width"]):
        trainer = _Trainer(run)
        try:
            title = f"{n_layers} layers, width {width}"
            with tqdm(total=run.settings["steps"], disable=not progress, desc=title, unit="step", leave=False) as bar:
                _take_steps(run, trainer, callback, bar)
        finally:
            transformer.to("cpu").eval()
            run.history = {name: np.array([record[name] for record in trainer.records]) for name in HISTORY}
    return run


def _take_steps(run: TransformerRun, trainer: _Trainer, callback: Callable | None, bar: tqdm) -> None:
    steps = run.settings["steps"]
    record_steps = set(logarithmic_steps(steps))
    try:
        for step in range(steps + 1):
            if step in record_steps:
                record = trainer.record(step)
                bar.set_postfix(excess=f"{record['excess_loss']:.4f}", refresh=False)
                if callback is not None:
                    callback(step, record["excess_loss"])
            if step < steps:
                trainer.step()
                run.steps = step + 1
                bar.update()
    except KeyboardInterrupt:
        run.stop_reason = "interrupted"
        if not trainer.records or trainer.records[-1]["step"] != run.steps:
            trainer.record(run.steps)


class _Trainer:
    """The moving parts of one run: optimiser, stream of batches, the fixed sentences on which all is measured."""

    def __init__(self, run: TransformerRun) -> None:
        self.run, self.world, settings = run, run.world, run.settings
        model = self.world.model
        self.device = _choose_device(settings)
        self.transformer = run.transformer.to(self.device)
        self.records: list[dict[str, float]] = []
        self.optimizer = torch.optim.Adam(self.transformer.parameters(), lr=settings["learning_rate"], fused=True)
        steps = max(settings["steps"], 1)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min((step + 1) / WARM_UP, (steps - step) / steps)
        )
        rng = np.random.default_rng(settings["seed"])
        self.corpus = None if settings["n_sentences"] is None else self.world.sample(settings["n_sentences"], seed=rng)
        self.batches = self._draw_batches(rng, settings["batch_size"])
        self.probabilities = model.next_token_distribution()
        self.sentences = self.world.paraphrases(model.contexts(), N_PARAPHRASES, seed=PARAPHRASES_SEED)
        self.limit = loss_limit(self.world.n_words, 0.0)

    def _draw_batches(self, rng: np.random.Generator, size: int) -> Iterator[tuple[Sentences, NDArray[np.int64]]]:
        while True:
            if self.corpus is None:
                sentences, _, tokens = self.world.sample(size * batches_ahead(size), seed=rng)
                chosen = np.arange(len(tokens)).reshape(-1, size)
            else:
                sentences, _, tokens = self.corpus
                chosen = rng.integers(len(tokens), size=(batches_ahead(size), size))
            for rows in chosen:
                yield Sentences(sentences.words[rows], sentences.last[rows]), tokens[rows]

    def loss_on(self, sentences: Sentences, tokens: NDArray[np.int64]) -> Tensor:
        logits = self.transformer.unembedding(_at_the_end(self.transformer, sentences)[-1])
        return cross_entropy(logits, torch.as_tensor(tokens, device=self.device))

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss = self.loss_on(*next(self.batches))
        if not loss.item() < self.limit:  # also true for nan
            self._diverged(loss.item())
        loss.backward()
        self.optimizer.step()
        self.schedule.step()

    def _diverged(self, loss: float) -> None:
        self.run.stop_reason = "diverged"
        raise TrainingDiverged(self.run, loss)

    @torch.no_grad()
    def record(self, step: int) -> dict[str, float]:
        model = self.world.model
        f = _at_the_end(self.transformer, self.sentences)[-1]
        log_p = self.transformer.unembedding(f).double().log_softmax(dim=-1)[..., : model.n_tokens].cpu().numpy()
        by_context = -(self.probabilities[:, None] * log_p).sum(axis=-1).mean(axis=1)
        loss = float(model.weights() @ by_context)
        if not loss < self.limit:
            self._diverged(loss)
        self.records.append(
            {
                "step": step,
                "loss": loss,
                "excess_loss": loss - model.entropy_floor(),
                "training_excess": self._training_excess(),
                **linearity(model, _as_predictor(self.world, self.transformer, f)).mean,
            }
        )
        return self.records[-1]

    def _training_excess(self) -> float:
        if self.corpus is None:
            return float("nan")
        sentences, contexts, tokens = self.corpus
        some = slice(TRAINING_SENTENCES)
        found = self.loss_on(Sentences(sentences.words[some], sentences.last[some]), tokens[some]).item()
        return float(found + np.log(self.probabilities[contexts[some], tokens[some]]).mean())


def _at_the_end(transformer: Transformer, sentences: Sentences) -> list[Tensor]:
    """The streams after the last word of each sentence, shape (..., width)."""
    device = transformer.embedding.weight.device
    words = torch.as_tensor(sentences.words, device=device)
    last = torch.as_tensor(sentences.last, device=device)
    flat = words.reshape(-1, words.shape[-1])
    rows = torch.arange(len(flat), device=device)
    return [x[rows, last.reshape(-1)].view(*last.shape, -1) for x in transformer.streams(flat)]


def _as_predictor(world: SentenceWorld, transformer: Transformer, features: Tensor) -> SoftmaxPredictor:
    """Tables of f (the mean over a context's sentences) and of g for the tokens."""
    g = transformer.unembedding.weight[: world.model.n_tokens]
    return SoftmaxPredictor(*(table.detach().cpu().double() for table in (features.mean(dim=1), g)))


# ---- looking into a trained transformer -------------------------------------------------------------------------


@torch.no_grad()
def as_predictor(run: TransformerRun, *, n_sentences: int = 32, seed: int = 0) -> SoftmaxPredictor:
    """The transformer as two tables: for each context the mean of f over that many sentences, and g of the tokens.

    Examples
    --------
    >>> from linrep_core import ConceptGraph, LatentConditionalModel
    >>> world = SentenceWorld(LatentConditionalModel(ConceptGraph.random(n_concepts=2, seed=0)))
    >>> run = train_transformer(world, width=8, steps=0, progress=False)
    >>> as_predictor(run).embeddings.shape
    torch.Size([9, 8])
    """
    features = _measured_streams(run, n_sentences, seed)[-1]
    return _as_predictor(run.world, run.transformer, features)


@torch.no_grad()
def layer_reports(run: TransformerRun, *, n_sentences: int = 32, seed: int = 0) -> list[LinearityReport]:
    """The measures with each stream in place of f: before the first block, after each, and after the last norm.

    Returns
    -------
    list of n_layers + 2 reports
        In the first, with layers, a sentence's last position holds nothing of the words before it: steps are 0, and so
        are their cosines.
    """
    streams = _measured_streams(run, n_sentences, seed)
    return [linearity(run.world.model, _as_predictor(run.world, run.transformer, x)) for x in streams]


@torch.no_grad()
def sentence_cosines(run: TransformerRun, *, n_sentences: int = 32, seed: int = 0) -> dict[str, float]:
    """Steps between single sentences that differ in one word, without a mean over ways to say the same.

    Returns
    -------
    dict
        Means over concepts: ``embedding``, the cosine between two such steps of one concept, and ``alignment``, their
        cosine with the unembedding steering vectors.
    """
    f = _measured_streams(run, n_sentences, seed)[-1].double().numpy()
    world, m = run.world, run.world.model.n_concepts
    g, contexts = run.transformer.unembedding.weight[: world.model.n_tokens].double(), world.model.contexts()
    embedding, alignment = [], []
    for concept in range(m):
        steps = [embedding_steering_vectors(f[:, j], contexts, concept) for j in range(f.shape[1])]
        embedding.append(mean_pairwise_cosine(np.concatenate(steps)))
        alignment.append(mean_cosine_between(np.concatenate(steps), unembedding_steering_vectors(g, concept)))
    return {"embedding": float(np.mean(embedding)), "alignment": float(np.mean(alignment))}


@torch.no_grad()
def word_cosines(run: TransformerRun) -> dict[str, float]:
    """What the table that reads the words makes of synonyms and of values.

    Embeddings of words are taken from the mean of their concept's words.

    Returns
    -------
    dict
        Mean cosines: ``synonyms``, between words for one value (1 for a single word); ``opposites``, between words for
        the two values of a concept; ``alignment``, between the step from one value's word to the other's and the
        unembedding steering vectors of the concept.
    """
    check_instance("run", run, TransformerRun)
    world = run.world
    table = run.transformer.embedding.weight.double().numpy()[world.value_words()]  # (m, 2, n_synonyms, width)
    g = run.transformer.unembedding.weight[: world.model.n_tokens].double()
    found: dict[str, list[float]] = {"synonyms": [], "opposites": [], "alignment": []}
    for concept, words in enumerate(table):
        low, high = words - words.mean(axis=(0, 1))
        found["synonyms"].append((mean_pairwise_cosine(low) + mean_pairwise_cosine(high)) / 2)
        found["opposites"].append(mean_cosine_between(low, high))
        found["alignment"].append(mean_cosine_between(high - low, unembedding_steering_vectors(g, concept)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _measured_streams(run: TransformerRun, n_sentences: int, seed: int) -> list[Tensor]:
    """The streams at the ends of so many sentences for each context: (n_contexts, n_sentences, width)."""
    check_instance("run", run, TransformerRun)
    n = check_integer("n_sentences", n_sentences, low=1, high=10_000)
    return _at_the_end(run.transformer, run.world.paraphrases(run.world.model.contexts(), n, seed=seed))


# ---- checks -----------------------------------------------------------------------------------------------------


def _check_settings(arguments: dict[str, Any]) -> dict[str, Any]:
    """The checked arguments of `train_transformer` that say what was done; the shape is the transformer's to check."""
    check_instance("world", arguments["world"], SentenceWorld)
    kept = ("n_layers", "width", "n_heads", "tied", "n_sentences", "steps", "batch_size", "learning_rate", "seed")
    settings = {name: arguments[name] for name in (*kept, "dtype", "device")}
    for name, low, high in (("width", 1, None), ("steps", 0, 2**31), ("batch_size", 1, 2**20), ("seed", 0, 2**63)):
        settings[name] = check_integer(name, settings[name], low=low, high=high)
    if settings["n_sentences"] is not None:
        settings["n_sentences"] = check_integer("n_sentences", settings["n_sentences"], low=1, high=MAX_SENTENCES)
    rate = check_number("learning_rate", settings["learning_rate"], low=0.0, open_interval=True)
    settings["learning_rate"] = rate
    check_dtype("dtype", settings["dtype"])
    if settings["device"] is not None:
        check_device(settings["device"], settings["dtype"])
    check_function("callback", arguments["callback"], of="step and excess loss")
    check_flag("progress", arguments["progress"])
    return settings


def _choose_device(settings: dict[str, Any]) -> torch.device:
    if settings["device"] is not None:
        return torch.device(settings["device"])
    return torch.device("cuda" if torch.cuda.is_available() and settings["width"] >= GPU_WIDTH else "cpu")
