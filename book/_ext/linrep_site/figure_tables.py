"""A figure's data as a page of tables and as a file of comma-separated values, for readers who want the numbers.

The page needs no script and nothing but a small style sheet; it lies beside the figure's own script.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from linrep_site.figure_data import JSON, Column, State, Trace, states

MAX_ROWS = 2000  # that a page prints; the file holds all
NOTHING = "–"  # where a figure has no mark


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it: the first column heads the rows."""

    caption: str
    heads: list[str]
    rows: list[list[str]]
    ends_in_words: bool = False


@dataclass(frozen=True)
class Names:
    """What a figure's page and file are called, and where the figure stands, as addresses from the page."""

    title: str
    chapter: str
    description: str
    back: str
    file: str
    root: str


# ---- numbers -----------------------------------------------------------------------------------------------------


def shown(value: Any, scale: float = 0.0) -> str:
    """Return an entry as a table prints it: numbers with four digits, what is nothing beside the largest as 0."""
    if value is None:
        return NOTHING
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return str(int(value))
    if abs(value) < 1e-9 * scale:
        return "0"
    digits, _, power = f"{value:.4g}".partition("e")
    return f"{digits}e{int(power)}" if power else digits


def printed(column: Column) -> list[str]:
    """Return the entries of a column as a table prints them."""
    if column.words:
        return column.words
    numbers = [abs(value) for value in column.values if isinstance(value, int | float)]
    scale = 0.0 if column.is_log else max(numbers, default=0.0)
    return [shown(value, scale) for value in column.values]


# ---- tables ------------------------------------------------------------------------------------------------------


def tables(state: State) -> list[Table]:
    """Return the tables of a state: heat maps as they lie, traces over the same places as one table."""
    found, group = [], []
    for trace in state.traces:
        if group and not _joins(group[-1], trace):
            found.append(_of_marks(group, state))
            group = []
        if trace.width:
            found.append(_of_cells(trace, state))
        else:
            group.append(trace)
    return found + ([_of_marks(group, state)] if group else [])


def notes(state: State) -> list[Table]:
    """Return what the cells of heat maps tell in words."""
    found = []
    for trace in state.traces:
        told = [column for column in trace.columns if column.role.startswith("customdata")] if trace.width else []
        if told:
            columns = [trace.columns[0], trace.columns[1], *told]
            found.append(_plain(f"{_caption(trace.title, trace.shown_with, state.title)}: in words", columns))
    return found


def _key_first(trace: Trace) -> list[Column]:
    """Return the columns of a trace with the one first that says which mark it is: words before numbers."""
    columns = list(trace.columns)
    named = next((column for column in columns if column.role == "text"), None)
    if named and all(named.values) and len(set(named.values)) == trace.rows:
        columns.remove(named)
        columns.insert(0, named)
    places = [column for column in columns if column.role in ("x", "y")]
    if len(places) == 2 and columns[0] is places[0] and places[1].is_words and not places[0].is_words:
        columns.remove(places[1])
        columns.insert(0, places[1])
    # what is written at a mark may be what the axis says there
    words = [column for column in columns if column.role in ("x", "y") and column.is_words]
    return [c for c in columns if c.role != "text" or all(c.seen() != other.seen() for other in words)]


def _joins(one: Trace, other: Trace) -> bool:
    """Whether two traces make one table: marks at the same places of one axis, measured along the same other axis."""
    if one.width or other.width or one.shown_with != other.shown_with:
        return False
    first, second = _key_first(one), _key_first(other)
    roles = [[column.role for column in columns] for columns in (first, second)]
    return (
        roles[0][:2] in (["x", "y"], ["y", "x"])
        and roles[1][:2] == roles[0][:2]
        and all(role.startswith("error_") for role in roles[0][2:] + roles[1][2:])
        and first[1].head == second[1].head
        and first[0].head == second[0].head
        and first[0].seen() == second[0].seen()
    )


def _of_marks(group: list[Trace], state: State) -> Table:
    """Return one table of one or more traces over the same places."""
    first = _key_first(group[0])
    if len(group) == 1:
        return _plain(_caption(group[0].title, group[0].shown_with, state.title), first)
    columns, heads = [first[0]], [first[0].head]
    for trace in group:
        for column in _key_first(trace)[1:]:
            columns.append(column)
            heads.append(trace.title if not column.role.startswith("error_") else f"{trace.title}, {column.head}")
    return _plain(_caption(first[1].head, group[0].shown_with, state.title), columns, heads)


def _plain(caption: str, columns: list[Column], heads: list[str] | None = None) -> Table:
    heads = _told_apart(heads or [column.head for column in columns])
    rows = [list(row) for row in zip(*map(printed, columns), strict=True)]
    return Table(caption, heads, rows, columns[-1].is_words)


def _told_apart(heads: list[str]) -> list[str]:
    """Number the heads that would stand over two columns."""
    return [f"{head} ({heads[:i].count(head) + 1})" if heads.count(head) > 1 else head for i, head in enumerate(heads)]


def _of_cells(trace: Trace, state: State) -> Table:
    """Return a heat map as it lies in the figure: a row for each place on the axis y."""
    ys, xs, z = trace.columns[:3]
    width, cells = trace.width, printed(z)
    corner = " \\ ".join(head for head in (ys.head, xs.head) if head not in ("x", "y", "name"))
    title = trace.title if z.head == "value" else f"{trace.title}, {z.head}"
    rows = [[name, *cells[i * width : (i + 1) * width]] for i, name in enumerate(printed(ys)[::width])]
    return Table(_caption(title, trace.shown_with, state.title), [corner, *printed(xs)[:width]], rows)


def _caption(title: str, choice: str, state: str) -> str:
    """Return what a table shows, and with which choices a reader of the figure sees it."""
    parts = [title, *(part for part in (choice, state) if part not in title)]
    return "; ".join(parts)


# ---- the page ----------------------------------------------------------------------------------------------------


def html_table(table: Table, room: int) -> str:
    """Return a table, or as many of its rows as there is room for."""
    rows = table.rows[:room]
    cut = f" (the first {len(rows)} of {len(table.rows)} rows)" if len(rows) < len(table.rows) else ""
    caption = escape(table.caption) + cut
    words = ' class="words"' if table.ends_in_words else ""
    first = f'<th scope="col">{escape(table.heads[0])}</th>' if table.heads[0] else "<td></td>"
    heads = first + "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads[1:])
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    # what scrolls sideways must be reached by keyboard, and have a name
    return (
        f'<div class="room" role="region" tabindex="0" aria-label="{caption}">'
        f"<table{words}><caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


class _Sheet:
    """The tables of a page, as long as there is room for rows."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.room = MAX_ROWS
        self.left_out = 0

    def put(self, several: Iterable[Table], title: str = "") -> None:
        """Write tables, below each other or, with a title, to be opened."""
        written = []
        for table in several:
            if self.room > 0:
                written.append(html_table(table, self.room))
            self.left_out += max(0, len(table.rows) - self.room)
            self.room = max(0, self.room - len(table.rows))
        inside = "\n".join(written)
        if written:
            self.parts.append(f"<details><summary>{escape(title)}</summary>\n{inside}\n</details>" if title else inside)


def html_page(figure: JSON, names: Names) -> str:
    """Return the page of tables of a figure.

    Parameters
    ----------
    figure
        Plotly's JSON of the figure.
    names
        Its title, description and addresses.
    """
    first, *others = states(figure)
    sheet = _Sheet()
    sheet.put(tables(first))
    if others:
        sheet.parts.append("<h2>What its controls show</h2>")
    for state in others:
        sheet.put(tables(state), state.title)
    told = notes(first)
    if told:
        sheet.parts.append("<h2>What the figure says where one points</h2>")
    for table in told:
        sheet.put([table], table.caption)
    if sheet.left_out:
        printed = MAX_ROWS - sheet.room
        sheet.parts.append(f"<p>This page prints {printed} rows; {sheet.left_out} more are in the file.</p>")
    return PAGE.format(**{name: escape(value) for name, value in vars(names).items()}, tables="\n".join(sheet.parts))


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the data</title>
<meta name="description" content="The data of a figure of the chapter {chapter}, as tables.">
<link rel="icon" href="{root}_static/favicon.svg">
<link rel="stylesheet" href="{root}_static/linrep-data.css">
<script>try {{ document.documentElement.dataset.theme = localStorage.getItem("mode"); }} catch (e) {{}}</script>
</head>
<body>
<main>
<p><a href="{back}">Back to the figure in its chapter</a></p>
<h1>{title}: the data</h1>
<p>{description}</p>
<p><a href="{file}" download>All numbers, unrounded, as a file (CSV)</a>. In the tables they have four digits.</p>
{tables}
</main>
</body>
</html>
"""


# ---- the file ----------------------------------------------------------------------------------------------------

FIXED = ["state", "trace", "name", "shown with"]


def csv_text(figure: JSON) -> str:
    """Return all data of a figure as comma-separated values, one row a mark, unrounded.

    Parameters
    ----------
    figure
        Plotly's JSON of the figure.
    """
    found = states(figure)
    heads: dict[str, None] = dict.fromkeys(FIXED)
    rows: list[dict[str, Any]] = []
    for state in found:
        for trace in state.traces:
            named = _file_columns(trace)
            heads |= dict.fromkeys(named)
            fixed = dict(zip(FIXED, (state.title, trace.number, trace.name, trace.shown_with), strict=True))
            rows += [{**fixed, **dict(zip(named, row, strict=True))} for row in zip(*named.values(), strict=True)]
    written = io.StringIO()
    writer = csv.DictWriter(written, list(heads), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _file_columns(trace: Trace) -> dict[str, list[Any]]:
    """Return the columns of a trace by the names they have in the file, words of an axis beside its numbers."""
    named: dict[str, list[Any]] = {}
    for column in trace.columns:
        # where an axis has words for a title-less place, its letter says more than "name"
        head = column.role if column.head == "name" else column.head
        while head in named or head in FIXED:
            head += f" ({column.role})"
        named[head] = column.values
        if column.words:
            named[f"{head}, in words"] = column.words
    return named
