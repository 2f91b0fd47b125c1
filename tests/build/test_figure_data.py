"""The data of every figure stand beside it, whole: what plotly draws is what the tables print and the file holds."""

import base64
import copy
import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from linrep_site.figure_data import decoded, states
from linrep_site.figure_tables import MAX_ROWS, Names, csv_text, html_page, shown

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PLOTLY_MIME = "application/vnd.plotly.v1+json"
DRAWN = ("x", "y", "z", "text", "error_x.array", "error_x.arrayminus", "error_y.array", "error_y.arrayminus")
NAMES = Names("A title", "A chapter", "What it shows.", "back.html", "file.csv", "../")

Figure = dict[str, Any]


@cache
def figures() -> dict[str, Figure]:
    """All plotly outputs of the book, by the names of their pages."""
    found = {}
    for path in sorted((ROOT / "book").glob("*/*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        drawn = [output.data[PLOTLY_MIME] for output in outputs if PLOTLY_MIME in output.get("data", {})]
        chapter = "-".join(path.relative_to(ROOT / "book").with_suffix("").parts)
        found |= {f"{chapter}-{number}": figure for number, figure in enumerate(drawn, 1)}
    return found


# ---- what a figure draws, read a second time and in another way ------------------------------------------------------


def at(part: Any, path: str) -> Any:
    for name in path.split("."):
        part = (part or {}).get(name)
    return part


def drawn_states(figure: Figure) -> Iterator[list[tuple[int, Figure]]]:
    """The traces of the first state, of each frame, and of each choice that brings other data."""
    yield list(enumerate(figure["data"]))
    for frame in figure.get("frames") or []:
        which = frame.get("traces", range(len(frame["data"])))
        yield [(i, {**figure["data"][i], **trace}) for i, trace in zip(which, frame["data"], strict=True)]
    layout = figure["layout"]
    steps = [b for menu in layout.get("updatemenus") or [] for b in menu["buttons"]]
    steps += [s for slider in layout.get("sliders") or [] for s in slider["steps"]]
    for step in steps:
        if step["method"] != "restyle" or not set(step["args"][0]) & {"x", "y", "z", "text"}:
            continue
        settings, which = step["args"][0], (*step["args"][1:], range(len(figure["data"])))[0]
        lists = {name: value for name, value in settings.items() if name in ("x", "y", "z", "text")}
        yield [(i, {**figure["data"][i], **{n: v[k] for n, v in lists.items()}}) for k, i in enumerate(which)]


def drawn_columns(trace: Figure) -> dict[str, list[Any]]:
    """What each mark of a trace has, by attribute; cells of a heat map in reading order."""
    if trace["type"] == "heatmap":
        cells = {"z": trace["z"], **({"text": trace["text"]} if "text" in trace else {})}
        columns = {name: [value for row in rows for value in row] for name, rows in cells.items()}
        columns["x"] = trace["x"] * len(trace["z"])
        columns["y"] = [y for y in trace["y"] for _ in trace["x"]]
        return columns
    columns = {name: at(trace, name) for name in DRAWN if isinstance(at(trace, name), list) and at(trace, name)}
    kept = [
        i for i, place in enumerate(zip(*(columns[n] for n in "xyz" if n in columns), strict=True)) if any_of(place)
    ]
    return {name: [values[i] for i in kept] for name, values in columns.items()}


def any_of(place: tuple[Any, ...]) -> bool:
    return any(value is not None for value in place)


def text_of(value: Any) -> str:
    return "" if value is None else str(value)


def csv_complaints(figure: Figure, text: str) -> list[str]:
    """Columns of a figure that its file does not hold, entry by entry."""
    rows = list(csv.DictReader(io.StringIO(text)))
    found, start = [], 0
    for number, state in enumerate(drawn_states(decoded(figure))):
        for index, trace in state:
            columns = drawn_columns(trace)
            length = max(map(len, columns.values()))
            part, start = rows[start : start + length], start + length
            held = {tuple(row[head] for row in part) for head in rows[0]}
            if {row["trace"] for row in part} != {str(index + 1)}:
                found.append(f"state {number}: rows of trace {index + 1} are missing")
            for name, values in columns.items():
                if tuple(map(text_of, values)) not in held:
                    found.append(f"state {number}, trace {index + 1}: {name} differs")
    return found + ([f"{len(rows) - start} rows too many"] if start != len(rows) else [])


def same(cells: tuple[str, ...], values: list[Any]) -> bool:
    """Whether cells print these entries, numbers with four digits."""
    if len(cells) != len(values):
        return False
    scale = max((abs(value) for value in values if isinstance(value, int | float)), default=0)

    def is_same(cell: str, value: Any) -> bool:
        if not isinstance(value, int | float):
            return cell == ("–" if value is None else " ".join(str(value).split()))
        try:
            return abs(float(cell) - value) <= max(6e-4 * abs(value), 1e-9 * scale)
        except ValueError:
            return False

    return all(map(is_same, cells, values))


def printed_rows(table: str) -> list[list[str]]:
    """The cells of a table's body; a parser of any HTML would take a second a page."""
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.S)
    return [[unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in rows]


def html_complaints(figure: Figure, html: str) -> list[str]:
    """Columns of a figure that no table of its page prints. Whoever marks an axis by words sees these."""
    columns: set[tuple[str, ...]] = set()
    tables = [printed_rows(table) for table in re.findall(r"<tbody>(.*?)</tbody>", html, re.S)]
    for rows in tables:
        columns |= set(zip(*rows, strict=True))
        columns.add(tuple(cell for row in rows for cell in row[1:]))  # a heat map, in reading order
    cut = "more are in the file" in html
    found = []
    for number, state in enumerate(drawn_states(decoded(figure))):
        if cut and number:
            break  # what fits; the rest is in the file
        for index, trace in state:
            for name, values in drawn_columns(trace).items():
                if trace["type"] == "heatmap" and name != "z":
                    continue
                axis = figure["layout"].get(
                    f"{trace.get(name + 'axis', name)[0]}axis{trace.get(name + 'axis', '')[1:]}"
                )
                in_words = name in ("x", "y") and trace["type"] != "scatter3d" and (axis or {}).get("ticktext")
                if not in_words and not any(same(column, values) for column in columns):
                    found.append(f"state {number}, trace {index + 1}: {name} is not printed")
    printed = sum(map(len, tables))
    if cut and printed != MAX_ROWS:
        found.append(f"{printed} rows are printed, and more left out")
    return found


# ---- every figure of the book ----------------------------------------------------------------------------------------


def test_there_are_figures() -> None:
    assert len(figures()) > 50


@pytest.mark.site
@pytest.mark.parametrize("name", figures())
def test_the_data_beside_a_figure_are_what_it_draws(name: str) -> None:
    figure, folder = figures()[name], SITE / "_figures"
    html = (folder / f"{name}.html").read_text("utf8")
    assert csv_complaints(figure, (folder / f"{name}.csv").read_text("utf8")) == []
    assert html_complaints(figure, html) == []
    chapter, place = re.search(r'<a href="([^"#]+)#([^"]+)">Back', html).groups()
    shown_there = (folder / chapter).read_text("utf8").partition(f'id="{place}"')[2].partition("</figure>")[0]
    assert f"_figures/{name}.html" in shown_there
    assert f"<p>{escape(figure['layout']['meta']['description'])}</p>" in html
    assert f'href="{name}.csv" download' in html


# ---- the checks can fail ---------------------------------------------------------------------------------------------


def small_figure() -> Figure:
    """Two lines with error bars over the same places, a heat map, a slider with two frames, a menu of other data."""
    lines = [
        {
            "type": "scatter",
            "name": name,
            "x": [0, 1, 2],
            "y": [1.5, 2.25, level],
            "error_y": {"array": [0.1, 0.2, 0.3]},
        }
        for name, level in (("one", 3.125), ("two", 4.0))
    ]
    words = {"type": "scatter", "mode": "markers", "name": "words", "x": [5, None, 6], "y": [7, None, 8]}
    cells = {"type": "heatmap", "x": [1, 2], "y": [3, 4], "z": [[0.1, 0.2], [0.3, None]]}
    frames = [
        {"name": name, "traces": [0], "data": [{"y": [number, 1, 2]}]} for number, name in enumerate(("a", "b"), 10)
    ]
    steps = [{"method": "animate", "args": [[name]], "label": name.upper()} for name in ("a", "b")]
    menu = [{"method": "restyle", "args": [{"x": [[20, 21, 22], [23, 24, 25]]}, [0, 1]], "label": "other"}]
    layout = {
        "meta": {"description": "Lines."},
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "loss (nats)"}},
        "sliders": [{"currentvalue": {"prefix": "at "}, "steps": steps}],
        "updatemenus": [{"name": "Data", "buttons": menu}],
    }
    return {"data": [*lines, {**words, "text": ["man", None, "king"]}, cells], "layout": layout, "frames": frames}


def set_in(path: str, value: Any) -> Callable[[Figure], None]:
    """A change of one entry of a figure."""

    def change(figure: Figure) -> None:
        part: Any = figure
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in steps:
            part = part[step]
        part[last] = value

    return change


MUTATIONS = {
    "a number": set_in("data/0/y/1", 2.26),
    "a place": set_in("data/2/x/0", 5.5),
    "an error bar": set_in("data/1/error_y/array/2", 0.31),
    "a label": set_in("data/2/text/2", "queen"),
    "a cell": set_in("data/3/z/1/0", 0.31),
    "an empty cell": set_in("data/3/z/1/1", 0.5),
    "a frame": set_in("frames/1/data/0/y/0", 12),
    "a choice": set_in("layout/updatemenus/0/buttons/0/args/0/x/1/2", 26),
}


def test_a_small_figure_is_told_whole() -> None:
    figure = small_figure()
    assert csv_complaints(figure, csv_text(figure)) == []
    assert html_complaints(figure, html_page(figure, NAMES)) == []


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS)
def test_the_comparison_notices_one_other_entry(change: Callable[[Figure], None]) -> None:
    told, drawn = small_figure(), small_figure()
    change(drawn)
    assert csv_complaints(drawn, csv_text(told))
    assert html_complaints(drawn, html_page(told, NAMES))


def test_the_comparison_notices_what_is_missing() -> None:
    figure = small_figure()
    rows = csv_text(figure).splitlines(keepends=True)
    assert csv_complaints(figure, "".join(rows[:-1]))
    assert csv_complaints(figure, "".join([*rows, rows[-1]]))
    less = {**figure, "frames": figure["frames"][:1]}
    assert html_complaints(figure, html_page(less, NAMES))


# ---- how the tables are laid out -------------------------------------------------------------------------------------


def page_of(figure: Figure) -> BeautifulSoup:
    return BeautifulSoup(html_page(figure, NAMES), "html.parser")


def heads_of(page: BeautifulSoup, number: int = 0) -> list[str]:
    return [head.get_text() for head in page.find_all("table")[number].find_all("th", scope="col")]


def test_traces_over_the_same_places_share_a_table() -> None:
    page = page_of(small_figure())
    assert heads_of(page) == ["step", "one", "one, error bar ±", "two", "two, error bar ±"]
    captions = [caption.get_text() for caption in page.find_all("caption")]
    assert captions[:3] == ["loss (nats)", "words", "heat map 4"]
    assert heads_of(page, 1) == ["label", "step", "loss (nats)"], "what names a mark comes first"
    assert [summary.get_text() for summary in page.find_all("summary")] == ["at A", "at B", "Data: other"]


def test_every_table_has_a_caption_and_heads_with_a_scope() -> None:
    for table in page_of(small_figure()).find_all("table"):
        assert table.caption.get_text()
        assert all(cell.get("scope") in ("row", "col") for cell in table.find_all("th"))
        assert all(row.find(["th", "td"]).name == "th" for row in table.tbody.find_all("tr"))


def test_words_of_an_axis_stand_for_places_beside_its_ticks() -> None:
    axis = {"tickvals": [0, 1], "ticktext": ["m = 3", "m = 4"]}
    figure = {"data": [{"type": "scatter", "name": "p", "x": [-0.2, 1.2], "y": [5.0, 6.0]}], "layout": {"xaxis": axis}}
    assert "m = 4" in page_of(figure).get_text()
    assert states(figure)[0].traces[0].columns[0].values == [-0.2, 1.2]  # the file keeps the numbers
    figure["data"][0]["x"] = [0.5, 1.2]
    assert "m = 4" not in page_of(figure).get_text(), "half-way between two ticks is at neither"


def test_a_trace_says_with_which_choice_it_is_seen() -> None:
    figure = {"data": [{"type": "scatter", "y": [1, 2], "x": [1, 2]} for _ in range(3)], "layout": {}}
    visible = [[True, False, True], [False, True, True]]
    buttons = [
        {"method": "restyle", "args": [{"visible": each}], "label": name}
        for each, name in zip(visible, "ab", strict=True)
    ]
    figure["layout"]["updatemenus"] = [{"buttons": buttons}]
    assert [trace.shown_with for trace in states(figure)[0].traces] == ["a", "b", ""]


def test_strokes_are_numbered_where_the_pen_is_lifted() -> None:
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [1, 2, None, None, 3, 4, None],
        "y": [5, 6, None, None, 7, 8, None],
    }
    columns = states({"data": [line]})[0].traces[0].columns
    assert [(column.head, column.values) for column in columns] == [
        ("stroke", [1, 1, 2, 2]),
        ("x", [1, 2, 3, 4]),
        ("y", [5, 6, 7, 8]),
    ]


def test_only_what_the_figure_tells_of_its_own_data_is_a_note() -> None:
    trace = {"type": "scatter", "x": [1], "y": [2], "customdata": [["in<br>words", "lab=1"]]}
    told = states({"data": [{**trace, "hovertemplate": "%{customdata[0]}"}]})[0].traces[0].columns
    assert [column.values for column in told if column.role.startswith("customdata")] == [["in; words"]]
    assert len(states({"data": [trace]})[0].traces[0].columns) == 2


@pytest.mark.parametrize("kind", ["f8", "f4", "i4", "u1"])
def test_packed_arrays_are_read(kind: str) -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype=f"<{kind}")
    packed = {"dtype": kind, "bdata": base64.b64encode(array.tobytes()).decode(), "shape": "2, 3"}
    flat = {"dtype": kind, "bdata": base64.b64encode(array.ravel().tobytes()).decode()}
    assert decoded({"z": packed, "x": [flat]}) == {"z": [[1, 2, 3], [4, 5, 6]], "x": [[1, 2, 3, 4, 5, 6]]}
    figure = small_figure()
    same_figure = copy.deepcopy(figure)
    same_figure["data"][0]["y"] = {
        "dtype": "f8",
        "bdata": base64.b64encode(np.array([1.5, 2.25, 3.125]).tobytes()).decode(),
    }
    assert csv_text(same_figure) == csv_text(figure)


def test_what_is_no_number_is_nothing() -> None:
    packed = {"dtype": "f8", "bdata": base64.b64encode(np.array([1.0, np.nan]).tobytes()).decode()}
    assert decoded(packed) == [1.0, None]


def test_a_long_table_says_what_it_leaves_out() -> None:
    points = {
        "type": "scatter3d",
        "x": [*range(MAX_ROWS + 7)],
        "y": [*range(MAX_ROWS + 7)],
        "z": [*range(MAX_ROWS + 7)],
    }
    text = page_of({"data": [points, {"type": "bar", "x": [1], "y": [2]}], "layout": {}}).get_text()
    assert f"the first {MAX_ROWS} of {MAX_ROWS + 7} rows" in text
    assert f"prints {MAX_ROWS} rows; 8 more" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1234567, "1234567"),
        (3.0, "3"),
        (1.23456e-7, "1.235e-7"),
        (-0.0, "0"),
        (None, "–"),
        ("a word", "a word"),
    ],
)
def test_numbers_are_rounded(value: Any, text: str) -> None:
    assert shown(value) == text


def test_what_is_nothing_beside_the_largest_is_zero() -> None:
    assert shown(1e-17, scale=1.0) == "0"
    assert shown(1e-17) == "1e-17"


def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    figure = {"data": [{"type": "bar", "name": "a & b", "x": ["<", "5 > 3"], "y": [1, 2]}], "layout": {}}
    page = page_of(figure)
    assert page.caption.get_text() == "a & b"
    assert [cell.get_text() for cell in page.find_all("th", scope="row")] == ["<", "5 > 3"]
