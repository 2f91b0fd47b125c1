"""What was said of superposition before the runs, and how the runs answer.

`PREDICTED` holds claims about the tables that `linrep_core.superposition.superposition_cell` and
`linrep_core.toy_model.toy_cell` made; `judge` compares one with its table.

Book: part "Beyond the assumptions", chapter "Superposition".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linrep_core._checks import check_choice, check_instance, check_records
from linrep_core.intervals import interval
from linrep_core.reproduction import RESULTS
from linrep_core.sweeps import read_results

# tables that are one study in several files
TOGETHER = {"superposition": ("superposition", "superposition-absent")}
SAID = ("at least", "at most", "above", "below")


@dataclass(frozen=True)
class Prediction:
    """What was said of a measure before the first run, and how it is judged.

    Attributes
    ----------
    claim : str
        In words.
    table : str
        The results that it is about; ``"superposition"`` stands for its file and ``"superposition-absent"``'s.
    where : dict
        Which rows of it.
    measure : str
        Their entry.
    said : str
        ``"at least"`` or ``"at most"``: the mean; ``"above"`` or ``"below"``: the mean difference to the rows of
        `against`, start by start.
    bound : float
        The number it is compared with.
    reason : str
        From what it follows.
    against : dict, or None
        The other rows of a comparison. An entry ``"measure"`` names another measure of the same rows.
    """

    claim: str
    table: str
    where: Mapping[str, Any]
    measure: str
    said: str
    bound: float
    reason: str
    against: Mapping[str, Any] | None = None


# fmt: off
_EXACT, _TELLING, _SELDOM, _UNEVEN, _PAIR, _CONTROLS = (
    f"superposition-{name}" for name in ("exact", "telling", "seldom", "uneven", "pair", "controls")
)
_GRADED = "superposition"
_PLANE, _CURVE = "a polygon has a corner for every concept", "the moment curve: 2 s dimensions suffice"
_BELOW = "fewer than 2 s dimensions cannot separate the concepts"
_ABSENT = "each absence that can be told costs a dimension"
_RARE = "what interferes comes together with probability of order p squared, a concept with p"
_RELU = "the article's result"


def _naming(m: int, s: int, d: int) -> dict[str, Any]:
    return {"n_concepts": m, "most_active": s, "dim": d}


def _graded(kind: str, d: int, p: float) -> dict[str, Any]:
    return {"contexts": kind, "dim": d, "chance": p}


def _toy(n: int, p: float, values: str) -> dict[str, Any]:
    return {"n_features": n, "chance": p, "values": values}


# Written down before the first run: claim, table, rows, measure, what is said of it, bound, reason, rows to compare.
PREDICTED = tuple(Prediction(*entries) for entries in (
    ("six concepts, one active: the plane does", _EXACT, _naming(6, 1, 2), "left", "at most", 0.05, _PLANE),
    ("... a line does not", _EXACT, _naming(6, 1, 1), "left", "at least", 0.1, _BELOW),
    ("two active: four dimensions do", _EXACT, _naming(6, 2, 4), "left", "at most", 0.05, _CURVE),
    ("... three do not", _EXACT, _naming(6, 2, 3), "left", "above", 0.02, _BELOW, {"dim": 4}),
    ("three active: six do", _EXACT, _naming(6, 3, 6), "left", "at most", 0.05, _CURVE),
    ("... four do not", _EXACT, _naming(6, 3, 4), "left", "above", 0.02, _BELOW, {"dim": 6}),
    ("eight concepts, two active: four do", _EXACT, _naming(8, 2, 4), "left", "at most", 0.05, _CURVE),
    ("words are not straight (m 6, s 2, d 4)", _EXACT, _naming(6, 2, 4), "unembedding", "at most", 0.9,
     "straight words of two active concepts need m dimensions"),
    ("... contexts are straighter", _EXACT, _naming(6, 2, 4), "embedding", "above", 0.1,
     "on the moment curve f is a sum over the concepts named", {"measure": "unembedding"}),
    ("absences told: the plane does not do", _TELLING, _naming(6, 1, 2), "left", "at least", 0.05, _ABSENT),
    ("... nor do five", _TELLING, _naming(6, 1, 5), "left", "above", 0.005, _ABSENT, {"dim": 6}),
    ("... six do", _TELLING, _naming(6, 1, 6), "left", "at most", 0.05, "the simplex"),
    ("naming, d = 3: p .5 leaves more than .03", _GRADED, _graded("naming", 3, 0.5), "left", "above", 0.1, _RARE,
     {"chance": 0.03}),
    ("telling, d = 3: the same", _GRADED, _graded("telling", 3, 0.5), "left", "above", 0.1, _RARE,
     {"chance": 0.03}),
    ("p = .03: telling leaves more than naming", _GRADED, _graded("telling", 3, 0.03), "left", "above", 0.01,
     _ABSENT, {"contexts": "naming"}),
    ("naming, d = 3, p = .03: all six known", _GRADED, _graded("naming", 3, 0.03), "n_known", "at least", 5.9,
     _RARE),
    ("... at p = .5 some are not", _GRADED, _graded("naming", 3, 0.5), "n_known", "at most", 5.0,
     "three lines too few for fair concepts"),
    ("... at p = .5, d = 5 all are", _GRADED, _graded("naming", 5, 0.5), "n_known", "at least", 5.5,
     "six planes cut five dimensions into all but one of the 64 cells"),
    ("... dimensions are shared out in full (p = .03)", _GRADED, _graded("naming", 3, 0.03), "dimensionality",
     "at least", 2.7, "six alike concepts: the vectors form a tight frame"),
    ("unequal telling, p = .5: the seldom told goes", _UNEVEN, {"chance": 0.5, "dim": 3}, "first_known",
     "above", 0.3, "the loss pays for what is told", {"measure": "last_known"}),
    ("... p = .03: none goes", _UNEVEN, {"chance": 0.03, "dim": 3}, "least_known", "at least", 0.8, _RARE),
    ("two on a line, p = .05: both", _PAIR, {"chance": 0.05, "told_last": 0.5}, "n_known", "at least", 1.9,
     "an antipodal pair"),
    ("... p = .5: one", _PAIR, {"chance": 0.5, "told_last": 0.5}, "n_known", "at most", 1.5,
     "the word of both has no place between"),
    ("plain descent: two active, four do", _CONTROLS,
     {"method": "gradient descent", "constants": True, "most_active": 2, "dim": 4}, "left", "at most", 0.1, _CURVE),
    ("no constants: the plane does not do", _CONTROLS,
     {"method": "adam", "constants": False, "most_active": 1, "dim": 2}, "left", "at least", 0.05,
     "no direction is left for frequency"),
    ("... three do", _CONTROLS, {"method": "adam", "constants": False, "most_active": 1, "dim": 3},
     "left", "at most", 0.05, "the cone over the polygon"),
    ("toy model, n = 5, p = .05: a pentagon", "toy-model", _toy(5, 0.05, "graded"), "n_known", "at least", 4.5, _RELU),
    ("... p = 1: two of five", "toy-model", _toy(5, 1.0, "graded"), "known", "at most", 0.45, _RELU),
    ("... n = 8, p = .02: not all", "toy-model", _toy(8, 0.02, "graded"), "n_known", "at most", 6.5,
     "a bias that cuts off the neighbours cuts off faint strengths too"),
    ("... binary: all", "toy-model-binary", _toy(8, 0.02, "binary"), "n_known", "at least", 7.5,
     "with strength 1 the bias costs nothing"),
    ("softmax, m = 8, one active, d = 2: all", _EXACT, _naming(8, 1, 2), "n_known", "at least", 7.9, _PLANE),
    # contexts that tell little: added when some tables were there, before this one was made
    ("seldom told, telling, p = .5, d = 3: no help", _SELDOM, _graded("telling", 3, 0.5), "left", "at least",
     0.2, "one absence told at a time already costs m dimensions"),
    ("seldom told, naming, p = .5, d = 3: no help", _SELDOM, _graded("naming", 3, 0.5), "left", "at least",
     0.2, "one fair concept at a time: the rest must tie"),
    ("seldom told, naming, p = .03: all known", _SELDOM, _graded("naming", 3, 0.03), "n_known", "at least",
     5.9, _RARE),
    ("toy model, two on a line, p = .05: both", "toy-model-pair", {"chance": 0.05, "ratio": 1.0}, "n_known", "at least",
     1.9, _RELU),
    ("... p = 1: one", "toy-model-pair", {"chance": 1.0, "ratio": 1.0}, "known", "at most", 0.55, _RELU),
))
# fmt: on


@dataclass(frozen=True)
class Outcome:
    """A mean, or a mean difference, over starts with its 95 % interval (Student's t), and what it says.

    Attributes
    ----------
    mean, low, high : float
    n : int
        Number of starts.
    verdict : str
        ``"confirmed"`` if the whole interval is on the side of the bound that was said, ``"refuted"`` if it is on the
        other, ``"open"`` if the bound lies in it.
    """

    mean: float
    low: float
    high: float
    n: int
    verdict: str

    def __str__(self) -> str:
        mean, low, high = (round(value, 2) + 0.0 for value in (self.mean, self.low, self.high))  # no minus before 0
        return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def judge(prediction: Prediction, records: Any) -> Outcome:
    """Compare a prediction with the rows of its table.

    Parameters
    ----------
    prediction
        See `Prediction`.
    records
        Rows with ``seed``, the entries of `prediction.where` and the measure.

    Raises
    ------
    ValueError
        If fewer than two rows match, or a start of one side has no partner on the other.

    Examples
    --------
    >>> said = Prediction("little is left", "a table", {"dim": 2}, "left", "at most", 0.1, "a polygon")
    >>> print(judge(said, [{"dim": 2, "seed": k, "left": 0.02 + 0.001 * k} for k in range(10)]))
    0.02 [0.02, 0.03]
    """
    check_instance("prediction", prediction, Prediction)
    check_choice("prediction.said", prediction.said, SAID)
    values = _by_seed(records, prediction.where, prediction.measure)
    if prediction.against is not None:
        other = {**prediction.where, **prediction.against}
        partners = _by_seed(records, other, other.pop("measure", prediction.measure))
        if partners.keys() != values.keys():
            raise ValueError("records must have the same seeds on both sides of a comparison")
        values = {seed: value - partners[seed] for seed, value in values.items()}
    found = interval(list(values.values()))
    up = prediction.said in ("at least", "above")
    sure = found.low >= prediction.bound if up else found.high <= prediction.bound
    wrong = found.high < prediction.bound if up else found.low > prediction.bound
    return Outcome(found.mean, found.low, found.high, found.n, "confirmed" if sure else "refuted" if wrong else "open")


def rows_of(table: str) -> list[dict[str, Any]]:
    """The rows of a table that predictions name, from `results/`.

    Examples
    --------
    >>> {row["contexts"] for row in rows_of("superposition")} == {"naming", "telling"}
    True
    """
    return [row for name in TOGETHER.get(table, (table,)) for row in read_results(RESULTS / f"{name}.csv")]


def _by_seed(records: Any, where: Mapping[str, Any], measure: str) -> dict[int, float]:
    rows = check_records("records", records, ("seed",))
    wanted = {name: value for name, value in where.items() if name != "measure"}
    chosen = {row["seed"]: row[measure] for row in rows if wanted.items() <= row.items()}
    if len(chosen) < 2:
        raise ValueError(f"records must have at least two rows with {wanted}, got {len(chosen)}")
    return chosen
