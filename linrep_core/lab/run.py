"""Reading a run that the lab saved as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linrep_core.lab.config import check_config, contexts_of, model_of
from linrep_core.language import LatentConditionalModel
from linrep_core.predictor import SoftmaxPredictor

RUN_FORMAT = "linrep-run/1"
HISTORY = ("step", "loss", "excess_loss", "unembedding", "embedding", "alignment", "between")
MAX_CHARACTERS = 32_000_000  # the largest honest run (m = 8, d = 16) has about 3 million
MAX_HISTORY = 100_000


def read_run(
    path_or_json: str | Path,
) -> tuple[LatentConditionalModel, SoftmaxPredictor, dict[str, NDArray[np.float64]]]:
    """The world, the trained vectors and the history of a run saved by the lab ("Save the run").

    Parameters
    ----------
    path_or_json
        The file's path, or the JSON itself (a string that begins with a brace).

    Returns
    -------
    model, predictor, history
        As after ``run = train(model, ...)``: ``predictor`` is like ``run.predictor`` and ``history`` like
        ``run.history``, without the norms.

    Raises
    ------
    ValueError
        For damage of any kind, naming what is wrong. A run is read whole or not at all.
    OSError
        For a file that cannot be read.
    """
    data = _parse(path_or_json)
    if not isinstance(data, dict) or data.get("format") != RUN_FORMAT:
        raise ValueError(f"format must be {RUN_FORMAT!r}, got {_short(data)}")
    if not isinstance(data.get("config"), dict):
        raise ValueError(f"config must be an object with named settings, got {_short(data.get('config'))}")
    config = check_config(data["config"])
    model, contexts = model_of(config), contexts_of(config)
    tables = data.get("tables")
    if not isinstance(tables, dict):
        raise ValueError(f"tables must hold embeddings and unembeddings, got {_short(tables)}")
    rows = {"embeddings": model.n_contexts if contexts is None else len(contexts), "unembeddings": model.n_tokens}
    embeddings, unembeddings = (
        torch.as_tensor(_table(name, tables.get(name), count, config["d"])) for name, count in rows.items()
    )
    return model, SoftmaxPredictor(embeddings, unembeddings, contexts), _history(data.get("history"))


def _parse(path_or_json: str | Path) -> Any:
    text = path_or_json
    if isinstance(text, Path) or not text.lstrip().startswith("{"):
        path = Path(text)
        if path.stat().st_size > MAX_CHARACTERS:
            raise ValueError(f"a run must have at most {MAX_CHARACTERS} characters, got {path.stat().st_size}")
        text = path.read_text("utf8")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"a run must have at most {MAX_CHARACTERS} characters, got {len(text)}")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("a run must not be nested this deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"numbers must be finite, got {name}")


def _table(name: str, value: Any, rows: int, dim: int) -> NDArray[np.float64]:
    right = isinstance(value, list) and len(value) == rows
    right = right and all(isinstance(row, list) and len(row) == dim and all(map(_is_number, row)) for row in value)
    if not right:
        raise ValueError(f"{name} must be a table of {rows} rows of {dim} finite numbers, got {_short(value)}")
    table = np.array(value, dtype=np.float64)
    if not np.isfinite(table).all():
        raise ValueError(f"{name} must be finite, got {_short(value)}")
    return table


def _history(value: Any) -> dict[str, NDArray[np.float64]]:
    wrong = f"history must hold equally long lists {', '.join(HISTORY)}, the steps ascending, got {_short(value)}"
    if not isinstance(value, dict) or not all(isinstance(value.get(name), list) for name in HISTORY):
        raise ValueError(wrong)
    columns = {name: value[name] for name in HISTORY}
    length = len(columns["step"])
    if length > MAX_HISTORY or any(len(column) != length for column in columns.values()):
        raise ValueError(wrong)
    if not all(entry is None or _is_number(entry) for column in columns.values() for entry in column):
        raise ValueError(wrong)
    history = {
        name: np.array([np.nan if entry is None else entry for entry in column], dtype=np.float64)
        for name, column in columns.items()
    }
    steps = history["step"]
    if not ((steps >= 0).all() and (steps == np.floor(steps)).all() and (np.diff(steps) > 0).all()):
        raise ValueError(wrong)
    return history


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
