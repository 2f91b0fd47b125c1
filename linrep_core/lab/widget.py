"""`TrainingLab`: the lab as a Jupyter widget. What a reader moves in the browser is here at once, and the other way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from numpy.typing import NDArray

from linrep_core._checks import check_choice
from linrep_core.concepts import ConceptGraph
from linrep_core.lab.config import (
    FIELDS,
    VIEW_FIELDS,
    Config,
    changed_config,
    check_config,
    check_field,
    contexts_of,
    default_config,
    model_of,
    tellings_of,
    told_wrongly_in,
)
from linrep_core.language import LatentConditionalModel
from linrep_core.predictor import SoftmaxPredictor

BUILT = Path(__file__).parent / "_built" / "lab.mjs"
LAB_MIME = "application/vnd.linrep.lab+json"  # an output that the book's static pages draw without a kernel
SIZES = ("full", "small", "mechanisms")
NO_TABLE = np.zeros((0, 0))


class _Setting(traitlets.TraitType):
    """One field of the configuration: every bad value is a ValueError that names it."""

    def validate(self, obj: Any, value: Any) -> Any:
        if not getattr(obj, "_ready", False):  # the whole configuration has been checked, see __init__ and set_state
            return value
        if self.name == "graph" and value == "given" and obj.joint is None:
            raise ValueError("graph must not be set to 'given'; use TrainingLab(model=...) for a world of your own")
        return check_field(self.name, value, obj.config)


class _Table(traitlets.TraitType):
    """A table of vectors, sent to the browser as bytes."""

    def validate(self, obj: Any, value: Any) -> NDArray[np.float64]:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        table = np.asarray(value, dtype=np.float64)
        if table.ndim != 2 or not np.isfinite(table).all():
            raise ValueError(f"{self.name} must be a table of finite numbers, got shape {table.shape}")
        rows = obj.table_rows(self.name) if getattr(obj, "_ready", False) else None
        if table.size and rows is not None and table.shape != (rows, obj.d):
            raise ValueError(f"{self.name} must have shape {(rows, obj.d)}, got {table.shape}")
        return table

    def compare(self, old: Any, new: Any) -> bool:
        return np.array_equal(old, new)

    def set(self, obj: Any, value: Any) -> None:
        """As traitlets' own, which would ask numpy for the truth of an array."""
        new = self._validate(obj, value)
        old = obj._trait_values.get(self.name, NO_TABLE)
        obj._trait_values[self.name] = new
        if old.shape != new.shape or not np.array_equal(old, new):
            obj._notify_trait(self.name, old, new)


def _table_to_json(table: NDArray[np.float64], _: Any) -> dict[str, Any]:
    return {
        "shape": list(table.shape),
        "data": memoryview(np.ascontiguousarray(table)).cast("B") if table.size else b"",
    }


def _table_from_json(value: Any, _: Any) -> NDArray[np.float64]:
    shape = tuple(int(length) for length in value["shape"])
    return np.frombuffer(bytes(value["data"]), dtype="<f8").reshape(shape).copy()


def _setting(name: str) -> _Setting:
    return _Setting(default_config()[name]).tag(sync=True)


def _table() -> _Table:
    return _Table(NO_TABLE).tag(sync=True, to_json=_table_to_json, from_json=_table_from_json)


class TrainingLab(anywidget.AnyWidget):
    """Train a softmax predictor live in the browser, and have the trained vectors in Python.

    Every setting below is an attribute that follows the reader's hand and can be set: ``lab.m = 4``.

    Parameters
    ----------
    model
        Your own world (2 to 8 concepts): a `LatentConditionalModel` or a `ConceptGraph`. None takes it from the
        settings.
    size
        ``"full"``; ``"small"``: play, two sliders and the space of unembeddings; ``"mechanisms"``: the switches of
        `linrep_core.mechanisms`, for whose worlds it is.
    **settings
        `m` (concepts), `d` (dimensions), `graph` ("random", "chain", "independent" or "drawn" with `edges`),
        `graph_seed`, `edge_probability`, `context_set` ("all", "none", or concepts that contexts know: "0", "0,1",
        "0|1"), `context_weights`, `mask_probability`, `told_wrongly` (probability that a told concept is told wrongly,
        below 1/2), `optimizer` ("sgd", "momentum" or "adam"), `learning_rate`, `momentum`, `start_scale`, `seed`,
        `precision`; and for the view `concept`, `context` (letters 0, 1, ?), `speed`.

    Attributes
    ----------
    playing : bool
        Whether it trains; set it to start or pause.
    step, loss, excess_loss, cosines
        The run as it stands, updated twice a second; `cosines` as in `LinearityReport.mean`.
    embeddings, unembeddings : arrays
        The trained tables, updated whenever training pauses; empty before the browser has shown the lab. Setting
        one puts it into the run.
    history : dict of lists
        As `TrainingRun.history`, without norms; updated whenever training pauses.

    Raises
    ------
    ValueError
        For a bad setting, by name.
    RuntimeError
        If the lab's browser part is not built.
    """

    m = _setting("m")
    d = _setting("d")
    graph = _setting("graph")
    graph_seed = _setting("graph_seed")
    edge_probability = _setting("edge_probability")
    edges = _setting("edges")
    joint = _setting("joint")
    context_set = _setting("context_set")
    context_weights = _setting("context_weights")
    mask_probability = _setting("mask_probability")
    told_wrongly = _setting("told_wrongly")
    optimizer = _setting("optimizer")
    learning_rate = _setting("learning_rate")
    momentum = _setting("momentum")
    start_scale = _setting("start_scale")
    seed = _setting("seed")
    precision = _setting("precision")
    concept = _setting("concept")
    context = _setting("context")
    speed = _setting("speed")

    size = traitlets.Unicode("full").tag(sync=True)
    autoplay = traitlets.Bool(False).tag(sync=True)
    address = traitlets.Bool(False).tag(sync=True)  # whether the lab keeps its settings in the page's address
    playing = traitlets.Bool(False).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    loss = traitlets.Float(None, allow_none=True).tag(sync=True)
    excess_loss = traitlets.Float(None, allow_none=True).tag(sync=True)
    cosines = traitlets.Dict().tag(sync=True)
    history = traitlets.Dict().tag(sync=True)
    embeddings = _table()
    unembeddings = _table()

    def __init__(
        self,
        model: LatentConditionalModel | ConceptGraph | None = None,
        *,
        size: str = "full",
        autoplay: bool | None = None,
        **settings: Any,
    ) -> None:
        if not BUILT.is_file():
            raise RuntimeError(
                "The lab's browser part is not built. In the book's root run `npm ci` once and then "
                "`node linrep_core/lab/build.mjs` (`make site` does both)."
            )
        check_choice("size", size, SIZES)
        unknown = set(settings) - set(FIELDS)
        if unknown:
            raise ValueError(
                f"TrainingLab must be given settings among {', '.join(FIELDS)}, got {sorted(unknown)[0]!r}"
            )
        self._ready = False
        self._given_model: LatentConditionalModel | None = None
        if model is not None:
            settings = self._take_model(model, settings)
        config = check_config(settings)
        super().__init__(**config, size=size, autoplay=size == "full" if autoplay is None else bool(autoplay))
        self._ready = True
        self.observe(self._settings_changed, names=list(FIELDS))

    @property
    def _esm(self) -> str:
        """The browser part; anywidget makes a synced trait of it."""
        return BUILT.read_text("utf8")

    # ---- the world and the vectors ------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The settings as one dictionary, as in exported runs."""
        return {name: getattr(self, name) for name in FIELDS}

    @property
    def model(self) -> LatentConditionalModel:
        """The world that is trained on: the one given, or the one that the settings describe."""
        return self._given_model if self._given_model is not None else model_of(self.config)

    @property
    def predictor(self) -> SoftmaxPredictor:
        """The trained vectors; before any training was seen, the start of the run. Setting it loads vectors."""
        contexts = contexts_of(self.config)
        if len(self.embeddings) and len(self.unembeddings):
            return SoftmaxPredictor(torch.tensor(self.embeddings), torch.tensor(self.unembeddings), contexts)
        start = SoftmaxPredictor.initialize(self.model, self.d, contexts=contexts, seed=self.seed)
        return SoftmaxPredictor(start.embeddings * self.start_scale, start.unembeddings * self.start_scale, contexts)

    @predictor.setter
    def predictor(self, predictor: SoftmaxPredictor) -> None:
        if not isinstance(predictor, SoftmaxPredictor):
            raise ValueError(f"predictor must be a SoftmaxPredictor, got {type(predictor).__name__}")
        wanted = (self.table_rows("embeddings"), self.table_rows("unembeddings"), self.d)
        got = (len(predictor.embeddings), len(predictor.unembeddings), predictor.dim)
        if got != wanted:
            raise ValueError(f"predictor must have (contexts, tokens, dimensions) = {wanted}, got {got}")
        with self.hold_sync():
            self.embeddings, self.unembeddings = predictor.embeddings, predictor.unembeddings

    def table_rows(self, name: str) -> int:
        """How many rows the table of "embeddings" or "unembeddings" has."""
        if name == "unembeddings":
            return 2**self.m
        contexts = contexts_of(self.config)
        return 3**self.m if contexts is None else len(contexts)

    def _take_model(self, model: Any, settings: Config) -> Config:
        graph = model.graph if isinstance(model, LatentConditionalModel) else model
        if not isinstance(graph, ConceptGraph):
            raise ValueError(f"model must be a LatentConditionalModel or a ConceptGraph, got {type(model).__name__}")
        if not 2 <= graph.n_concepts <= 8:
            raise ValueError(f"model must have 2 to 8 concepts for the lab, got {graph.n_concepts}")
        wrong = told_wrongly_in(LatentConditionalModel(graph) if model is graph else model)
        fixed = {"m", "graph", "edges", "joint", "graph_seed", "edge_probability"} & set(settings)
        if fixed:
            raise ValueError(f"{sorted(fixed)[0]} must not be given with model, which has it already")
        drawn = graph.dag if graph.dag is not None else graph.markov_random_field
        world = {
            "m": graph.n_concepts,
            "graph": "given",
            "joint": graph.joint().tolist(),
            "edges": [list(map(int, edge)) for edge in sorted(drawn.edges)],
            "told_wrongly": wrong,
        }
        if isinstance(model, LatentConditionalModel):
            world |= {"context_weights": model.context_weights, "mask_probability": model.mask_probability}
        both = {**world, **settings}
        self._given_model = self._told_as(graph, {**default_config(graph.n_concepts), **both})
        return both

    @staticmethod
    def _told_as(graph: ConceptGraph, config: Config) -> LatentConditionalModel:
        """A given graph with the contexts of the settings."""
        kept = {name: config[name] for name in ("context_weights", "mask_probability")}
        return LatentConditionalModel(graph, tellings=tellings_of(config), **kept)

    def _settings_changed(self, change: Any) -> None:
        """Cut what no longer fits, and forget the vectors of the run that has ended."""
        name = change["name"]
        if name in VIEW_FIELDS or name == "learning_rate":
            return
        before = {**self.config, name: change["old"]}
        fitting = changed_config(before, **{name: change["new"]})
        self._ready = False  # `fitting` is right as a whole, not after each of its changes
        with self.hold_sync():
            for other in FIELDS:
                if getattr(self, other) != fitting[other]:
                    setattr(self, other, fitting[other])
            self.embeddings = self.unembeddings = NO_TABLE
        self._ready = True
        if self._given_model is not None and (self.graph != "given" or name == "joint"):
            self._given_model = None
        elif self._given_model is not None and name in ("context_weights", "mask_probability", "told_wrongly"):
            self._given_model = self._told_as(self._given_model.graph, self.config)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the browser sends: all of a configuration's changes at once, checked together."""
        check_config({**self.config, **{name: sync_data[name] for name in FIELDS if name in sync_data}})
        self._ready = False
        try:
            super().set_state(sync_data)
        finally:
            self._ready = True

    # ---- how it shows itself ------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        base = default_config(self.m)
        shown = [name for name in FIELDS if name in ("m", "d") or getattr(self, name) != base[name]]
        shown = [name for name in shown if name != "joint"]
        return f"TrainingLab({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, plain text, and what the book's static pages draw."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        base = default_config(self.m)
        config = {name: value for name, value in self.config.items() if name in ("m", "d") or value != base[name]}
        page = {**config, "size": self.size, "autoplay": self.autoplay}
        return {**data, "text/plain": repr(self), LAB_MIME: page}, metadata
