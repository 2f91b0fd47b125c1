"""What a plotly figure shows, read out of its JSON: the numbers and words of every trace in every state.

A figure has the state in which it is first shown, one for each frame that its slider or film reaches, and one for
each button or step of a slider that puts other data in their place. Nothing here knows of pages or files.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np

JSON = dict[str, Any]

# Attributes of a trace that hold one entry a mark, in the order of a table's columns. Those of the first line are
# places on axes, which have titles.
AXES = ("x", "y", "z")
MEASURES = ("u", "v", "w", "a", "b", "c", "i", "j", "k", "labels", "values", "intensity")
GRIDS = {"heatmap", "contour", "surface", "histogram2d", "histogram2dcontour", "image"}
KINDS = {"bar": "bars", "heatmap": "heat map", "scatter": "points", "scatter3d": "points"}
CHANGES = re.compile(rf"({'|'.join([*AXES, *MEASURES])}|text|hovertext|customdata|error_[xyz]\.array(minus)?)$")


@dataclass(frozen=True)
class Column:
    """One column: its head, its entries, and the words that the axis writes at these places, if it does."""

    head: str
    values: list[Any]
    words: list[str] | None = None
    is_log: bool = False
    role: str = ""  # the attribute of the trace that it shows

    @property
    def is_words(self) -> bool:
        """Whether a reader of the figure sees words here."""
        return self.words is not None or any(isinstance(value, str) for value in self.values)

    def seen(self) -> list[Any]:
        """Return what stands in the figure: the words of the axis, or the entries themselves."""
        return self.words or self.values


@dataclass(frozen=True)
class Trace:
    """The marks of one kind: what they are called, when a reader sees them, one row for each."""

    number: int
    name: str
    kind: str
    shown_with: str
    columns: list[Column]
    width: int = 0  # of a heat map, in cells

    @property
    def rows(self) -> int:
        """Number of marks."""
        return max((len(column.values) for column in self.columns), default=0)

    @property
    def title(self) -> str:
        """What to call it where it has no name of its own."""
        return self.name or f"{self.kind} {self.number}"


@dataclass(frozen=True)
class State:
    """The figure after one of its controls was used; the first state has no title."""

    title: str
    traces: list[Trace] = field(default_factory=list)


def decoded(part: Any) -> Any:
    """Return a part of a figure with plotly's packed arrays (``bdata``, ``dtype``) as lists, NaN as None."""
    if isinstance(part, dict) and "bdata" in part:
        kind = np.dtype(part["dtype"]).newbyteorder("<")
        array = np.frombuffer(base64.b64decode(part["bdata"]), kind)
        if "shape" in part:
            array = array.reshape([int(length) for length in str(part["shape"]).split(",")])
        return decoded(array.tolist())
    if isinstance(part, dict):
        return {key: decoded(value) for key, value in part.items()}
    if isinstance(part, list):
        return [decoded(value) for value in part]
    return None if isinstance(part, float) and part != part else part


def plain(text: Any) -> str:
    """Return a text of plotly without its marks of HTML."""
    lines = re.sub(r"\s*<br\s*/?>\s*", "; ", str(text))
    return " ".join(unescape(re.sub(r"</?[a-z][^>]*>", "", lines)).split())


def title_of(part: JSON) -> str:
    """Return the title of an axis or a colour bar."""
    title = part.get("title") or ""
    return plain(title.get("text") or "" if isinstance(title, dict) else title)


def states(figure: JSON) -> list[State]:
    """Return all that a figure can show, its first state first.

    Parameters
    ----------
    figure
        Plotly's JSON of a figure.
    """
    figure = decoded({key: figure.get(key) or {} for key in ("data", "layout", "frames")})
    layout = figure["layout"]
    traces = list(enumerate(figure["data"]))
    when = shown_with(layout, len(traces))
    found = [State("", read(traces, layout, when))]
    titles = frame_titles(layout)
    for number, frame in enumerate(figure["frames"]):
        parts = frame.get("data") or []
        places = frame.get("traces") or range(len(parts))
        changed = [(i, {**_trace(figure["data"], i), **part}) for i, part in zip(places, parts, strict=False)]
        name = str(frame.get("name") or number + 1)
        found.append(State(titles.get(name, f"frame {name}"), read(changed, layout, when)))
    for title, button in buttons(layout):
        changed = restyled(figure["data"], button)
        if changed:
            found.append(State(title, read(changed, layout, when)))
    return found


def _trace(traces: list[JSON], index: int) -> JSON:
    return traces[index] if index < len(traces) else {}


def buttons(layout: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield the title and the settings of everything that a reader can choose in a figure."""
    for menu in layout.get("updatemenus") or []:
        for button in menu.get("buttons") or []:
            yield ": ".join(filter(None, [plain(menu.get("name") or ""), plain(button.get("label") or "")])), button
    for slider in layout.get("sliders") or []:
        shown = slider.get("currentvalue") or {}
        for step in slider.get("steps") or []:
            yield plain(f"{shown.get('prefix') or ''}{step.get('label') or ''}{shown.get('suffix') or ''}"), step


def frame_titles(layout: JSON) -> dict[str, str]:
    """Return what the slider calls each frame."""
    titles = {}
    for title, button in buttons(layout):
        target = (button.get("args") or [None])[0]
        names = target if isinstance(target, list) else [target]
        if button.get("method") == "animate" and len(names) == 1 and names[0] is not None:
            titles.setdefault(str(names[0]), title)
    return titles


def changes(button: JSON, count: int) -> tuple[JSON, list[int]]:
    """Return the attributes of traces that a button sets, and the numbers of these traces."""
    args = button.get("args") or []
    if button.get("method") not in ("restyle", "update") or not args or not isinstance(args[0], dict):
        return {}, []
    place = 1 if button["method"] == "restyle" else 2
    which = args[place] if len(args) > place and args[place] is not None else range(count)
    return args[0], [which] if isinstance(which, int) else list(which)


def restyled(traces: list[JSON], button: JSON) -> list[tuple[int, JSON]]:
    """Return the traces to which a button gives other data, by their numbers; none where it changes looks only."""
    settings, which = changes(button, len(traces))
    if not any(CHANGES.match(name) for name in settings):
        return []
    changed = []
    for order, index in enumerate(which):
        trace = traces[index]
        for name, value in settings.items():
            # a list holds one entry a trace, and begins anew at its end
            entry = value[order % len(value)] if isinstance(value, list) and value else value
            trace = _with(trace, name.split("."), entry)
        changed.append((index, trace))
    return changed


def _with(part: JSON, path: list[str], value: Any) -> JSON:
    """Return a copy of a part of a figure with one attribute set."""
    inner = part.get(path[0])
    return {**part, path[0]: _with(inner if isinstance(inner, dict) else {}, path[1:], value) if path[1:] else value}


def shown_with(layout: JSON, count: int) -> list[str]:
    """Return for each trace the choices with which a reader sees it; nothing where it is always seen."""
    said: list[list[str]] = [[] for _ in range(count)]
    for menu in layout.get("updatemenus") or []:
        seen: list[list[str]] = [[] for _ in range(count)]
        hidden = [False] * count
        for button in menu.get("buttons") or []:
            settings, which = changes(button, count)
            value = settings.get("visible", settings.get("opacity"))
            for order, index in enumerate(which if value is not None else []):
                shown = value[order % len(value)] if isinstance(value, list) else value
                if shown:
                    seen[index].append(plain(button.get("label") or ""))
                hidden[index] |= not shown
        for index in range(count):
            if hidden[index] and seen[index]:
                said[index].append(" or ".join(seen[index]))
    return ["; ".join(choices) for choices in said]


def read(traces: list[tuple[int, JSON]], layout: JSON, when: list[str]) -> list[Trace]:
    """Return the traces that hold data, as tables of marks."""
    found = []
    for index, trace in traces:
        is_grid = trace.get("type") in GRIDS and bool(trace.get("z"))
        columns = _grid(trace, layout) if is_grid else _marks(trace, layout)
        if columns:
            label = when[index] if index < len(when) else ""
            name = plain(trace.get("name") or "")
            width = max(map(len, trace["z"])) if is_grid else 0
            found.append(Trace(index + 1, name, _kind(trace), label, columns, width))
    return found


def _kind(trace: JSON) -> str:
    kind = trace.get("type", "scatter")
    mode = trace.get("mode", "lines")
    return "lines" if kind.startswith("scatter") and mode == "lines" else KINDS.get(kind, kind)


def _axis(trace: JSON, layout: JSON, letter: str) -> JSON:
    if trace.get("type") in ("scatter3d", "surface", "mesh3d", "cone", "streamtube", "isosurface", "volume"):
        return (layout.get(trace.get("scene") or "scene") or {}).get(f"{letter}axis") or {}
    name = trace.get(f"{letter}axis") or letter
    return layout.get(name[0] + "axis" + name[1:]) or {}


def _place(trace: JSON, layout: JSON, letter: str, values: list[Any]) -> Column:
    """Return the column of one axis, with the words that stand there if it is marked by words."""
    axis = _axis(trace, layout, letter)
    column = Column(title_of(axis) or letter, values, tick_words(axis, values), axis.get("type") == "log", letter)
    return Column("name", values, column.words, role=letter) if column.is_words and not title_of(axis) else column


def tick_words(axis: JSON, values: list[Any]) -> list[str] | None:
    """Return the words at which marks stand, if every mark stands nearer to one tick than half-way to the next."""
    places, texts = axis.get("tickvals") or [], axis.get("ticktext") or []
    numbers = [value for value in values if isinstance(value, int | float)]
    if not texts or len(texts) != len(places) or len(numbers) != len(values) or not numbers:
        return None
    gap = min((abs(one - other) for one, other in pairwise(places)), default=1)
    nearest = [min(range(len(places)), key=lambda i: abs(places[i] - value)) for value in numbers]
    if any(abs(places[i] - value) > 0.45 * gap for i, value in zip(nearest, numbers, strict=True)):
        return None
    return [plain(texts[i]) for i in nearest]


def _marks(trace: JSON, layout: JSON) -> list[Column]:
    """Return the columns of a trace whose data are lists, one row a mark."""
    places = [letter for letter in AXES if isinstance(trace.get(letter), list) and trace[letter]]
    measures = [name for name in MEASURES if isinstance(trace.get(name), list) and trace[name]]
    lists = {name: trace[name] for name in (*places, *measures)}
    length = max((len(values) for values in lists.values()), default=0)
    padded = {name: [*values, *[None] * (length - len(values))] for name, values in lists.items()}
    # a row of nothing lifts the pen between two strokes
    kept = [row for row in range(length) if any(values[row] is not None for values in padded.values())]

    def picked(values: list[Any]) -> list[Any]:
        return [values[row] if row < len(values) else None for row in kept]

    columns = [_place(trace, layout, letter, picked(padded[letter])) for letter in places]
    columns += [Column(name, picked(padded[name]), role=name) for name in measures]
    columns += [Column(c.head, picked(c.values), role=c.role) for c in [*_errors(trace), *_extras(trace, layout)]]
    if len(kept) < length and kept and "lines" in trace.get("mode", "lines"):
        strokes = [row - place for place, row in enumerate(kept)]
        numbers = {first: number for number, first in enumerate(dict.fromkeys(strokes), 1)}
        if len(numbers) > 1:
            columns.insert(0, Column("stroke", [numbers[stroke] for stroke in strokes], role="stroke"))
    return columns if kept else []


def _errors(trace: JSON) -> list[Column]:
    columns = []
    for letter in AXES:
        error = trace.get(f"error_{letter}") or {}
        up, down = error.get("array"), error.get("arrayminus")
        if not isinstance(up, list) or error.get("visible") is False:
            continue
        if not isinstance(down, list) or error.get("symmetric") or down == up:
            columns.append(Column("error bar ±", up, role=f"error_{letter}"))
        else:
            columns.append(Column("error bar +", up, role=f"error_{letter}"))
            columns.append(Column("error bar −", down, role=f"error_{letter}minus"))
    return columns


def _extras(trace: JSON, layout: JSON) -> list[Column]:
    """Return what is written at the marks or told of them, and numbers that are shown as colour or size."""
    columns = []
    for name, head in (("text", "label"), ("hovertext", "hover text")):
        if isinstance(trace.get(name), list):
            columns.append(Column(head, _words(trace[name]), role=name))
    columns += _notes(trace, trace.get("customdata"))
    marker = trace.get("marker") or {}
    colours, sizes = marker.get("color"), marker.get("size")
    if _is_numbers(colours):
        bar = marker.get("colorbar") or (layout.get(marker.get("coloraxis") or "coloraxis") or {}).get("colorbar") or {}
        columns.append(Column(title_of(bar) or "colour", colours, role="marker.color"))
    if _is_numbers(sizes) and len(set(sizes)) > 2:  # with two sizes some marks are only pointed out
        columns.append(Column("size", sizes, role="marker.size"))
    return columns


def _words(values: list[Any]) -> list[Any]:
    return [plain(value) if isinstance(value, str) else value for value in values]


def _is_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, int | float) for value in values if value is not None)


def _notes(trace: JSON, rows: Any) -> list[Column]:
    """Return the parts of ``customdata`` that the figure tells; others serve its script."""
    if not isinstance(rows, list):
        return []
    template = f"{trace.get('hovertemplate') or ''}{trace.get('texttemplate') or ''}"
    told = dict.fromkeys(re.findall(r"%\{customdata(?:\[(\d+)\])?", template))
    columns = []
    for order, part in enumerate(told, 1):
        entries = [row if part == "" or row is None else row[int(part)] for row in rows]
        columns.append(Column("note" if len(told) == 1 else f"note {order}", _words(entries), role=f"customdata{part}"))
    return columns


def _grid(trace: JSON, layout: JSON) -> list[Column]:
    """Return the columns of a heat map, one row a cell."""
    cells = trace["z"]
    width = max(len(row) for row in cells)
    xs = trace.get("x") or [(trace.get("x0") or 0) + i * (trace.get("dx") or 1) for i in range(width)]
    ys = trace.get("y") or [(trace.get("y0") or 0) + i * (trace.get("dy") or 1) for i in range(len(cells))]
    if trace.get("type") == "surface":
        bar_title = title_of(_axis(trace, layout, "z"))
    else:
        bar_title = title_of(trace.get("colorbar") or {})
    flat = [value for row in cells for value, _ in zip_longest(row, range(width))]
    columns = [
        _place(trace, layout, "y", [y for y in ys[: len(cells)] for _ in range(width)]),
        _place(trace, layout, "x", list(xs[:width]) * len(cells)),
        Column(bar_title or "value", flat, role="z"),
    ]
    if isinstance(trace.get("text"), list):
        labels = _words([value for row in trace["text"] for value in row])
        columns.append(Column("label", labels, role="text"))
    notes = trace.get("customdata")
    return columns + (_notes(trace, [cell for row in notes for cell in row]) if isinstance(notes, list) else [])
