"""Concepts with more than two values: the shape that their values take, and the dimensions it needs.

A context that speaks of concept i tells t with a probability T[t, v] that depends on the value v (see
`LatentConditionalModel`). Up to a number that all tokens share, ln p(y | x) = ln p(y) + sum_i ln T_i[x_i, y_i], the sum
going over the concepts told: so the table ln T of one concept decides its shape, and its rank the dimensions it needs.
Seven kinds of concepts, each a table:

- ``"certain"``: categorical, the value itself is told, as in the paper;
- ``"categorical"``: the value itself, or by mistake any other with equal chances;
- ``"ordinal"``: t with a chance that falls as exp(-|t - v| / width);
- ``"circular"``: the same around a circle, exp(cos(t - v) / width): days of the week;
- ``"continuous"``: Gaussian, exp(-(t - v)^2 / (2 width^2)), on a grid;
- ``"uneven"``: the same, with a width that grows from the first value to the last;
- ``"hierarchical"``: a tree of three groups of three; half of the contexts tell the group, the others the value.

The *shape* of a concept in a predictor is the set of its values' mean unembeddings, the other concepts averaged out.

Book: part "Beyond the assumptions", chapter "Concepts that are not binary". Tellings, statements and study are this
book's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import (
    check_array,
    check_choice,
    check_instance,
    check_integer,
    check_number,
    check_records,
)
from linrep_core.concepts import MAX_VALUES, ConceptGraph
from linrep_core.ensemble import train_many
from linrep_core.geometry import mean_pairwise_cosine
from linrep_core.identifiability import balanced_factors, tables
from linrep_core.intervals import interval
from linrep_core.language import LatentConditionalModel
from linrep_core.logit_distance import centred_log_probabilities
from linrep_core.phase_diagram import FULL_BATCH_STEPS

Array = NDArray[np.float64]

# kind -> (number of values, width); the width of a categorical concept is the probability of a mistake
KINDS: dict[str, tuple[int, float]] = {
    "certain": (5, 0.0),
    "categorical": (5, 0.2),
    "ordinal": (7, 1.0),
    "circular": (7, 0.5),
    "continuous": (9, 2.0),
    "uneven": (9, 2.0),
    "hierarchical": (9, 0.2),
}
GROUPS = 3  # of the hierarchical concept, of three values each
ROOMS = ("one less", "enough", "twice")  # dimensions: one less than the world needs, as many, twice as many
METHODS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam", "learning_rate": 0.02},
    "gradient descent": {"optimizer": "sgd", "learning_rate": 1.0},
}
ERROR = 0.1  # of the binary concept beside the one that is studied
RANK_TOLERANCE = 1e-9  # of singular values, against the largest
N_SHUFFLES = 50
SMALL_CHANGE = 0.05
MEASURES = ("translation", "embedding", "line", "plane", "evenness", "simplex", "circle", "levels", "between")


# ---- what contexts tell -----------------------------------------------------------------------------------------


def telling(kind: str, n_values: int | None = None, width: float | None = None) -> Array:
    """The table T of one kind of concept: T[t, v] is the probability that t is told when the value is v.

    Parameters
    ----------
    kind
        One of `KINDS`.
    n_values
        Number of values *k*, 2 to 127; None for that of `KINDS`. A hierarchical concept has nine.
    width
        How far what is told strays: a probability below 1 for ``"categorical"`` and ``"hierarchical"``, nothing for
        ``"certain"``, else a length in steps; None for that of `KINDS`.

    Returns
    -------
    array of shape (n_tellings, k)
        Columns sum to 1. As many tellings as values, but twelve for a hierarchical concept: groups, then values.

    Examples
    --------
    >>> telling("categorical", 3, 0.2).round(2).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    """
    check_choice("kind", kind, tuple(KINDS))
    k = check_integer("n_values", KINDS[kind][0] if n_values is None else n_values, low=2, high=MAX_VALUES)
    is_chance = kind in ("certain", "categorical", "hierarchical")
    s = check_number("width", KINDS[kind][1] if width is None else width, low=0.0, high=1.0 if is_chance else 1e3)
    if kind == "certain":
        return np.eye(k)
    if s == 0 or (is_chance and s == 1):
        raise ValueError(f"width must be above 0{' and below 1' if is_chance else ''} for {kind}, got {s}")
    if kind == "hierarchical":
        return _tree(k, s)
    if kind == "categorical":
        return (1 - s) * np.eye(k) + s / (k - 1) * (1 - np.eye(k))
    value = np.arange(k)
    apart = np.subtract.outer(value, value)
    widths = s * np.linspace(0.5, 1.5, k) if kind == "uneven" else s
    logs = {
        "ordinal": -abs(apart) / s,
        "circular": np.cos(2 * np.pi * apart / k) / s,
        "continuous": -(apart**2) / (2 * s**2),
        "uneven": -(apart**2) / (2 * widths**2),
    }[kind]
    chances = np.exp(logs)
    return chances / chances.sum(axis=0)


def _tree(n_values: int, error: float) -> Array:
    """Half of the tellings name the group, half the value; by mistake another of the same level."""
    if n_values != GROUPS**2:
        raise ValueError(f"n_values must be {GROUPS**2} for hierarchical, got {n_values}")
    groups = telling("categorical", GROUPS, error).repeat(GROUPS, axis=1)
    return np.vstack([groups, telling("categorical", n_values, error)]) / 2


def centred_log_table(table: Any) -> Array:
    """What each telling adds to the logits of the values: ln T less the mean of each row, and zeros for unknown.

    Parameters
    ----------
    table
        T, shape (n_tellings, k), positive.

    Returns
    -------
    array of shape (n_tellings + 1, k)

    Examples
    --------
    >>> centred_log_table([[0.8, 0.2], [0.2, 0.8]]).round(4).tolist()
    [[0.6931, -0.6931], [-0.6931, 0.6931], [0.0, 0.0]]
    """
    chances = check_array("table", table, shape=("n_tellings", "n_values"))
    if chances.size == 0 or not (chances > 0).all():
        raise ValueError("table must have entries above 0: what rules a value out has no finite logarithm")
    logs = np.log(chances)
    return np.vstack([logs - logs.mean(axis=1, keepdims=True), np.zeros((1, chances.shape[1]))])


def table_rank(table: Any) -> int:
    """How many dimensions a centred table of logits needs: singular values above rounding.

    Examples
    --------
    >>> [table_rank(centred_log_table(telling(kind))) for kind in KINDS if kind != "certain"]
    [4, 6, 2, 2, 3, 8]
    """
    values = np.linalg.svd(check_array("table", table, shape=("n", "k")), compute_uv=False)
    return int((values > RANK_TOLERANCE * max(values.max(initial=0.0), 1e-300)).sum())


def predicted_shape(kind: str, n_values: int | None = None, width: float | None = None) -> Array:
    """The shape of a concept that is alone in its world, in the shortest predictor: shape (k, rank).

    For ``"certain"`` it is the limit of gradient descent's direction, the regular simplex (the chapter proves both).

    Examples
    --------
    >>> bool(likeness(predicted_shape("circular"), template("circle", 7)) > 0.999999)
    True
    """
    chances = telling(kind, n_values, width)
    if kind == "certain":
        return balanced_factors(np.eye(len(chances)) - 1 / len(chances), len(chances) - 1)[1]
    logits = centred_log_table(chances)
    return balanced_factors(logits, table_rank(logits))[1]


# ---- shapes -----------------------------------------------------------------------------------------------------


def template(name: str, n_values: int) -> Array:
    """Points to compare a shape with: ``"simplex"``, ``"line"`` (equal steps) or ``"circle"``; shape (k, dim).

    Examples
    --------
    >>> template("line", 3).tolist()
    [[-1.0], [0.0], [1.0]]
    """
    check_choice("name", name, ("simplex", "line", "circle"))
    k = check_integer("n_values", n_values, low=2, high=MAX_VALUES)
    if name == "simplex":
        return np.eye(k) - 1 / k
    if name == "line":
        return (np.arange(k) - (k - 1) / 2)[:, None]
    angle = 2 * np.pi * np.arange(k) / k
    return np.column_stack([np.cos(angle), np.sin(angle)])


def likeness(first: Any, second: Any) -> float:
    """Are two sets of k points one up to rotation, size and place? The cosine of their centred Gram matrices: 1 if so.

    Parameters
    ----------
    first, second
        Shapes (k, dim) and (k, any dim); row v of both belongs to the same value. 0 if all points of a set coincide.

    Examples
    --------
    >>> round(likeness(template("line", 5), template("simplex", 5)), 6)  # 1 / sqrt(k - 1)
    0.5
    """
    one = _centred(check_array("first", first, shape=("k", "dim")))
    other = _centred(check_array("second", second, shape=(len(one), "dim")))
    lengths = np.linalg.norm(one @ one.T) * np.linalg.norm(other @ other.T)
    return float(np.sum((one @ one.T) * (other @ other.T)) / lengths) if lengths > 0 else 0.0


def overlap(first: Any, second: Any) -> float:
    """Do two sets of points spread along the same directions? 0 if at right angles; for two pairs of points |cosine|.

    Parameters
    ----------
    first, second
        Shapes (k, dim) and (any k, dim); both are centred.

    Examples
    --------
    >>> round(overlap([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [3.0, 3.0]]), 6)
    0.707107
    """
    one = _centred(check_array("first", first, shape=("k", "dim")))
    other = _centred(check_array("second", second, shape=("k", one.shape[1])))
    lengths = np.linalg.norm(one @ one.T) * np.linalg.norm(other @ other.T)
    return float(np.linalg.norm(one @ other.T) / np.sqrt(lengths)) if lengths > 0 else 0.0


def _centred(points: Array) -> Array:
    return points - points.mean(axis=0)


def order_test(points: Any, name: str, *, n_shuffles: int = 999, seed: int = 0) -> dict[str, float]:
    """Compare values with a template in their own order, and in random orders: the control.

    Parameters
    ----------
    points
        Shape (k, dim), in the order of the values.
    name
        See `template`.
    n_shuffles, seed
        Random orders of the template, for the control.

    Returns
    -------
    dict
        ``likeness``; ``shuffled``, its mean over random orders; ``p_value``, the share of orders, this one among them,
        that are as like.

    Examples
    --------
    >>> found = order_test(template("circle", 7), "circle")
    >>> round(found["likeness"], 6), found["p_value"] < 0.02
    (1.0, True)
    """
    table = check_array("points", points, shape=("k", "dim"))
    ideal = template(name, len(table))
    count = check_integer("n_shuffles", n_shuffles, low=1, high=1_000_000)
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    found = likeness(table, ideal)
    others = np.array([likeness(table, rng.permutation(ideal)) for _ in range(count)])
    as_like = 1 + int((others >= found - 1e-12).sum())
    return {"likeness": found, "shuffled": float(others.mean()), "p_value": as_like / (count + 1)}


@dataclass(frozen=True)
class ValueShape:
    """The values of one concept as points.

    Attributes
    ----------
    points : array of shape (k, dim)
        Mean unembedding of each value, over all values of the other concepts, less the mean of these.
    translation : float
        Mean cosine between the shapes (as vectors of k dim numbers) at any two assignments of the other concepts: 1 if
        one is a translation of the other. With two values it is the paper's cosine between steering vectors.
    """

    points: Array
    translation: float

    @property
    def shares(self) -> Array:
        """The share of the shape's spread along each of its axes, largest first; (1, 0, ...) is a line."""
        squares = np.linalg.svd(self.points, compute_uv=False) ** 2
        return squares / squares.sum()

    @property
    def steps(self) -> float:
        """Shortest over longest distance between neighbouring values, first to last: 1 if steps are equal."""
        lengths = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return float(lengths.min() / lengths.max())

    def likeness(self, name: str) -> float:
        """`likeness` to a `template`."""
        return likeness(self.points, template(name, len(self.points)))

    def shuffled_likeness(self, name: str) -> float:
        """The control: mean likeness to the template with its points in random orders (fixed ones)."""
        points, rng = template(name, len(self.points)), np.random.default_rng(0)
        return float(np.mean([likeness(self.points, rng.permutation(points)) for _ in range(N_SHUFFLES)]))

    @property
    def levels(self) -> float:
        """Of nine values in three groups: `overlap` of the groups' centres with the values about their centres."""
        if len(self.points) != GROUPS**2:
            raise ValueError(f"points must be {GROUPS**2} for groups of {GROUPS}, got {len(self.points)}")
        grouped = self.points.reshape(GROUPS, GROUPS, -1)
        centres = grouped.mean(axis=1, keepdims=True)
        return overlap(centres[:, 0], (grouped - centres).reshape(len(self.points), -1))


def value_shapes(model: LatentConditionalModel, predictor: Any) -> list[ValueShape]:
    """The shape of each concept's values in a predictor's unembeddings: `linearity` for any number of values.

    Parameters
    ----------
    model
        The world.
    predictor
        A `SoftmaxPredictor`, or a pair of tables, with the world's tokens, all of which occur.

    Returns
    -------
    list of ValueShape, one a concept

    Examples
    --------
    >>> model = LatentConditionalModel(ConceptGraph.random(2, n_values=(3, 2), seed=0))
    >>> tokens = model.tokens()
    >>> simplex_by_line = np.column_stack([np.eye(3)[tokens[:, 0]], tokens[:, 1]])
    >>> [round(shape.translation, 6) for shape in value_shapes(model, (np.zeros((12, 4)), simplex_by_line))]
    [1.0, 1.0]
    """
    check_instance("model", model, LatentConditionalModel)
    _, g = tables(predictor)
    if len(g) != model.n_tokens or not model.token_occurs.all():
        raise ValueError(f"predictor must have {model.n_tokens} unembeddings, all of words that occur, got {len(g)}")
    grid = g.reshape(*model.n_values, g.shape[1])
    found = []
    for concept, k in enumerate(model.n_values):
        each = np.moveaxis(grid, concept, -2).reshape(-1, k, g.shape[1])
        each = each - each.mean(axis=1, keepdims=True)
        found.append(ValueShape(each.mean(axis=0), mean_pairwise_cosine(each.reshape(len(each), -1))))
    return found


def telling_translation(model: LatentConditionalModel, embeddings: Any, concept: int) -> float:
    """The translation of `ValueShape` for contexts: of the shapes of what is told of a concept.

    Parameters
    ----------
    model
        The world.
    embeddings
        f(x) of all its contexts, shape (n_contexts, dim).
    concept
        0 to m - 1. The shapes are those of its tellings, unknown left out, one for each telling of the other concepts.
    """
    check_instance("model", model, LatentConditionalModel)
    f = check_array("embeddings", embeddings, shape=(model.n_contexts, "dim"))
    concept = check_integer("concept", concept, low=0, high=model.n_concepts - 1)
    grid = f.reshape(*(n + 1 for n in model.n_tellings), f.shape[1])
    each = np.moveaxis(grid, concept, -2)[..., :-1, :].reshape(-1, model.n_tellings[concept], f.shape[1])
    return mean_pairwise_cosine((each - each.mean(axis=1, keepdims=True)).reshape(len(each), -1))


# ---- worlds and training ----------------------------------------------------------------------------------------


def value_world(
    kind: str,
    *,
    n_values: int | None = None,
    width: float | None = None,
    edge_probability: float = 1.0,
    seed: int = 0,
) -> LatentConditionalModel:
    """One concept of a kind, concept 0, beside a binary concept that is told wrongly one time in ten.

    Parameters
    ----------
    kind, n_values, width
        See `telling`. Beside a ``"certain"`` concept the binary one is told for certain too.
    edge_probability
        Whether the two depend on each other.
    seed
        Fixes the graph and its tables.

    Examples
    --------
    >>> needed_dims(value_world("circular"))
    4
    """
    tellings = [telling(kind, n_values, width), telling("categorical", 2, ERROR)]
    sizes = (tellings[0].shape[1], 2)
    graph = ConceptGraph.random(2, edge_probability, n_values=sizes, seed=seed)
    return LatentConditionalModel(graph, tellings=None if kind == "certain" else tellings)


def needed_dims(model: LatentConditionalModel) -> int:
    """The smallest dimension of a predictor with this distribution, the rank of its centred logits.

    The ranks of the concepts' tables, and 1 more unless ln p(y) lies in what they span. Where contexts tell for
    certain no finite predictor exists, and a concept counts with the rank k - 1 of the simplex.
    """
    check_instance("model", model, LatentConditionalModel)
    if model.tells_for_certain:
        return sum(k - 1 for k in model.n_values) + 1
    return table_rank(centred_log_probabilities(model.next_token_distribution()))


def shortest_tables(model: LatentConditionalModel, dim: int) -> tuple[Array, Array]:
    """The shortest tables whose logits are ln p(y | x), or what of them fits into so few dimensions: no training.

    Examples
    --------
    >>> model = value_world("circular")
    >>> f, g = shortest_tables(model, needed_dims(model))
    >>> bool(np.allclose(f @ g.T, centred_log_probabilities(model.next_token_distribution())))
    True
    """
    check_instance("model", model, LatentConditionalModel)
    d = check_integer("dim", dim, low=1)
    return balanced_factors(centred_log_probabilities(model.next_token_distribution()), d)


def room_dim(model: LatentConditionalModel, room: str) -> int:
    """The dimension that one of `ROOMS` means in a world.

    Examples
    --------
    >>> [room_dim(value_world("circular"), room) for room in ROOMS]
    [3, 4, 8]
    """
    need = needed_dims(model)
    return {"one less": need - 1, "enough": need, "twice": 2 * need}[check_choice("room", room, ROOMS)]


def value_cell(
    kind: str,
    room: str = "enough",
    *,
    n_values: int | None = None,
    edge_probability: float = 1.0,
    method: str = "adam",
    steps: int = FULL_BATCH_STEPS,
    n_seeds: int = 20,
) -> list[dict[str, Any]]:
    """Worlds with a concept of one kind, trained and measured: a world and a start for each seed.

    Parameters
    ----------
    kind, n_values, edge_probability
        See `value_world`.
    room
        One of `ROOMS`.
    method, steps
        One of `METHODS`, on the exact loss, from the small start of lookup tables.
    n_seeds
        Number of worlds.

    Returns
    -------
    list of dict
        For each seed ``dim``, ``excess_loss`` (nats) and the measures of concept 0: ``translation``, ``line`` and
        ``plane`` (shares of the first axis and of two), ``evenness`` of steps, likeness to ``simplex`` and ``circle``,
        ``levels`` (hierarchical only), ``between`` (`overlap` with the binary concept), ``circle_shuffled`` (the
        control), and ``embedding``, the translation of what contexts tell. With ``exact_`` before the name, the same of
        the shortest predictor of this dimension; None where there is none.

    Examples
    --------
    >>> (row,) = value_cell("circular", n_seeds=1, steps=300)
    >>> round(row["exact_circle"], 2), row["dim"]
    (1.0, 4)
    """
    seeds = range(check_integer("n_seeds", n_seeds, low=1, high=10_000))
    check_choice("method", method, tuple(METHODS))
    world = {"n_values": n_values, "edge_probability": edge_probability}
    models = [value_world(kind, **world, seed=seed) for seed in seeds]
    dims, rows = [room_dim(model, room) for model in models], []
    for dim in sorted(set(dims)):
        chosen = [i for i in seeds if dims[i] == dim]
        given = [models[i] for i in chosen]
        runs = train_many(given, dim, seeds=chosen, steps=steps, **METHODS[method], n_records=2, progress=False)
        for model, run in zip(given, runs, strict=True):
            trained = shape_measures(model, run.predictor)
            exact = dict.fromkeys(trained)
            if not model.tells_for_certain:
                exact = shape_measures(model, shortest_tables(model, dim))
            named = {f"exact_{name}": value for name, value in exact.items()}
            found = {"dim": dim, "seed": run.settings["seed"], "excess_loss": run.excess_loss}
            rows.append({**found, **trained, **named})
    return rows


def shape_measures(model: LatentConditionalModel, predictor: Any) -> dict[str, float | None]:
    """The measures of `value_cell` for one predictor: the shape of concept 0, and its place beside concept 1."""
    shape, other = value_shapes(model, predictor)[:2]
    shares = np.pad(shape.shares, (0, 2))
    f, _ = tables(predictor)
    return {
        "translation": shape.translation,
        "embedding": telling_translation(model, f, 0),
        "line": float(shares[0]),
        "plane": float(shares[:2].sum()),
        "evenness": shape.steps,
        "simplex": shape.likeness("simplex"),
        "circle": shape.likeness("circle"),
        "circle_shuffled": shape.shuffled_likeness("circle"),
        "levels": shape.levels if model.n_tellings[0] > model.n_values[0] else None,
        "between": overlap(shape.points, other.points),
    }


# ---- predictions, written down before the first run ---------------------------------------------------------------


@dataclass(frozen=True)
class Prediction:
    """What a cell's mean measure should be: at least or at most a number, or near the theory's, or unchanged.

    Attributes
    ----------
    kind, room, measure : str
        Which cell, and what of it.
    relation : str
        ``"at least"`` or ``"at most"`` `value`; ``"near"``: within 0.05 of it; ``"stays"`` or ``"falls"``: against the
        room ``"enough"``, seed by seed, by less or more than 0.05.
    value : float or None
    reason : str
        Why. What would refute it is the 95 % interval on the other side.
    """

    kind: str
    room: str
    measure: str
    relation: str
    value: float | None
    reason: str

    def verdict(self, records: Any) -> tuple[float, float, float, str]:
        """Mean, 95 % interval (Student's t) and ``"holds"``, ``"refuted"`` or ``"unsure"`` from rows of `value_cell`.

        Parameters
        ----------
        records
            Rows with ``kind``, ``room``, ``seed`` and the measure.
        """
        rows = check_records("records", records, ("kind", "room", "seed", self.measure))
        found = {row["seed"]: row[self.measure] for row in rows if (row["kind"], row["room"]) == (self.kind, self.room)}
        if self.relation in ("stays", "falls"):
            before = {
                row["seed"]: row[self.measure] for row in rows if (row["kind"], row["room"]) == (self.kind, "enough")
            }
            found = {seed: found[seed] - before[seed] for seed in sorted(found.keys() & before.keys())}
        mean, low, high = mean_interval(list(found.values()))
        bounds = {
            "at least": (self.value, np.inf),
            "at most": (-np.inf, self.value),
            "near": (self._value - SMALL_CHANGE, self._value + SMALL_CHANGE),
            "stays": (-SMALL_CHANGE, SMALL_CHANGE),
            "falls": (-np.inf, -SMALL_CHANGE),
        }[self.relation]
        if bounds[0] <= low and high <= bounds[1]:
            return mean, low, high, "holds"
        return mean, low, high, "refuted" if high < bounds[0] or low > bounds[1] else "unsure"

    @property
    def _value(self) -> float:
        return float("nan") if self.value is None else self.value


def mean_interval(values: Any) -> tuple[float, float, float]:
    """Mean and 95 % interval (Student's t) of independent runs, at least two.

    Examples
    --------
    >>> tuple(round(x, 2) for x in mean_interval([0.8, 0.9, 1.0]))
    (0.9, 0.65, 1.15)
    """
    found = interval(values)
    if found.n < 2:
        raise ValueError(f"values must hold at least two runs, got {found.n}")
    return found.mean, found.low, found.high


def _theory(kind: str) -> ValueShape:
    return ValueShape(_centred(predicted_shape(kind)), 1.0)


def _predictions() -> tuple[Prediction, ...]:
    sums = "ln p(y | x) is a sum over concepts; only ln p(y), one direction, mixes them"
    alike = "no value is nearer to another: by symmetry a regular simplex"
    margin = "the shortest margins of one for k values are the regular simplex; a limit, slowly reached"
    free = "as T3: with zero probabilities, room beyond the sum of ranks is used to bend"
    finite = "no zero probability: the exact fit is finite and leaves spare dimensions at their start"
    least = "the direction with the smallest singular value is given up, and carries little of the shape"
    soft = [kind for kind in KINDS if kind != "certain"]
    main = {"certain": "simplex", "categorical": "simplex", "circular": "circle", "hierarchical": "levels"}
    made = [Prediction(kind, "enough", "translation", "at least", 0.9, sums) for kind in KINDS]
    made += [Prediction(kind, "enough", "between", "at most", 0.2, "errors that sum to the same: T4") for kind in KINDS]
    made += [Prediction("categorical", "enough", "simplex", "at least", 0.95, alike)]
    made += [Prediction("certain", "enough", "simplex", "at least", 0.95, margin)]
    made += [
        Prediction("circular", "enough", "circle", "at least", 0.95, "a table of differences: Fourier, one frequency")
    ]
    made += [Prediction("circular", "enough", "circle_shuffled", "at most", 0.6, "the order is what makes it a circle")]
    made += [
        Prediction("hierarchical", "enough", "levels", "at most", 0.1, "groups and members are other eigenvectors")
    ]
    for kind in ("ordinal", "continuous", "uneven"):
        why = "the singular values of ln T; and no telling of three values is a line"
        made += [Prediction(kind, "enough", "line", "near", round(float(_theory(kind).shares[0]), 3), why)]
        made += [Prediction(kind, "enough", "evenness", "near", round(_theory(kind).steps, 3), "the shape of ln T")]
    made += [Prediction("continuous", "enough", "plane", "at least", 0.95, "ln T is v and v^2: a parabola")]
    for kind in KINDS:
        measure = main.get(kind, "line")
        made += [Prediction(kind, "one less", measure, "stays", None, least)]
        made += [
            Prediction(
                kind,
                "twice",
                "translation",
                "stays" if kind in soft else "falls",
                None,
                finite if kind in soft else free,
            )
        ]
        if kind in soft:
            made += [Prediction(kind, "twice", measure, "stays", None, finite)]
    return tuple(made)


PREDICTED = _predictions()
