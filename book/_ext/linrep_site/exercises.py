"""What belongs to an exercise besides its question: how hard, how long, a hint; and a sheet of all of them.

    ```{exercise} Counting
    :label: ex-count
    :level: easy
    :minutes: 10
    How many ...?
    ```
    ```{exercise-hint} ex-count
    What may a context say about one concept?
    ```

Exercises are sphinx-exercise's, with two more options. A hint is a closed `<details>`: it opens by mouse, finger or
keyboard, without a script. The directive ``exercise-sheet`` lists the exercises of all chapters for who teaches: level,
minutes, hint, where the solution is, and for those that check themselves the mistakes that are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxTranslator
from sphinx_exercise.directive import ExerciseDirective

from linrep_site.gathered import gathered

logger = logging.getLogger(__name__)

LEVELS = {
    "easy": "applies a definition",
    "medium": "needs a thought, or a short program",
    "hard": "needs an idea, a proof or an hour",
    "open": "nobody has the full answer",
}


def _level(argument: str | None) -> str:
    return directives.choice(argument, tuple(LEVELS))


class GradedExercise(ExerciseDirective):
    """An exercise that says how hard it is and how long it takes."""

    option_spec = ExerciseDirective.option_spec | {"level": _level, "minutes": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        """Put both into a line above the question."""
        made = super().run()
        if not made or "level" not in self.options or "minutes" not in self.options:
            return made
        level, minutes = self.options["level"], self.options["minutes"]
        says = nodes.abbreviation("", level, explanation=LEVELS[level])
        made[0].children[1].insert(
            0, nodes.paragraph("", "", says, nodes.Text(f" · {minutes} minutes"), classes=["effort"])
        )
        kept = self.env.sphinx_exercise_registry[made[0]["label"]]
        kept.update(level=level, minutes=minutes)
        return made


class exercise_hint(nodes.General, nodes.Element):
    """A hint, closed until the reader opens it."""


class ExerciseHint(SphinxDirective):
    """The hint to the exercise whose label is the argument."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse it, and keep it for the sheet."""
        label = self.arguments[0]
        registry = getattr(self.env, "sphinx_exercise_registry", {})
        if registry.get(label, {}).get("docname") != self.env.docname:
            logger.warning(f"a hint must follow its exercise, got {label!r}", location=self.get_location())
            return []
        hint = exercise_hint()
        self.state.nested_parse(self.content, self.content_offset, hint)
        registry[label]["hint"] = [child.deepcopy() for child in hint.children]
        return [hint]


class exercise_sheet(gathered):
    """The place where the exercises of all chapters are listed."""


class ExerciseSheet(SphinxDirective):
    """All exercises, chapter by chapter."""

    def run(self) -> list[nodes.Node]:
        """Leave a place that is filled when all chapters are read."""
        return [exercise_sheet()]


def _chapters(env: BuildEnvironment) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The chapters that have exercises, in the book's order, with their exercises in the chapter's order."""
    by_page: dict[str, list[dict[str, Any]]] = {}
    for label, entry in getattr(env, "sphinx_exercise_registry", {}).items():
        by_page.setdefault(entry["docname"], []).append({"label": label, **entry})
    for page in env.collect_relations():
        if page not in by_page:
            continue
        entries = by_page[page]
        solutions = {e["node"]["target_label"]: e["label"] for e in entries if e["type"].startswith("solution")}
        asked = [e | {"solution": solutions.get(e["label"])} for e in entries if e["type"].startswith("exercise")]
        yield page, sorted(asked, key=lambda entry: _number(env, page, entry["label"]))


def _number(env: BuildEnvironment, page: str, label: str) -> tuple[int, ...]:
    return env.toc_fignumbers.get(page, {}).get("exercise", {}).get(label, ())


class FillSheets(SphinxPostTransform):
    """Write the tables where a page asks for them, before the links in the hints are resolved."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Put a table for each chapter."""
        page = self.env.docname
        for place in list(self.document.findall(exercise_sheet)):
            tables: list[nodes.Node] = []
            for chapter, asked in _chapters(self.env):
                title = self.env.titles[chapter].astext()
                link = _link(self.app, page, chapter, "", title)
                tables.append(nodes.rubric("", "", link, classes=["sheet-chapter"]))
                tables.append(_table(self.app, page, chapter, asked))
            place.replace_self(tables)


def _link(app: Sphinx, page: str, target: str, label: str, words: str) -> nodes.reference:
    address = app.builder.get_relative_uri(page, target) + (f"#{label}" if label else "")
    return nodes.reference("", "", nodes.Text(words), internal=True, refuri=address)


def _table(app: Sphinx, page: str, chapter: str, asked: list[dict[str, Any]]) -> nodes.table:
    """The exercises of one chapter: what, how hard, how long, hint and known mistakes."""
    heads = ("Exercise", "Level", "Minutes", "Hint, and what goes wrong", "Solution")
    widths = (26, 8, 8, 48, 10)
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(widths))
    group += nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph("", head)) for head in heads)))
    rows = [_row(app, page, chapter, entry) for entry in asked]
    total = sum(entry.get("minutes", 0) for entry in asked)
    rows.append(_plain_row(f"{len(asked)} exercises", "", str(total), "", ""))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=["exercise-sheet", "colwidths-given"])


def _plain_row(*words: str) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in words))


def _row(app: Sphinx, page: str, chapter: str, entry: dict[str, Any]) -> nodes.row:
    number = ".".join(map(str, _number(app.env, chapter, entry["label"])))
    subtitle = entry["node"].children[0].astext().removeprefix("Exercise").strip()
    row = _plain_row("", entry.get("level", ""), str(entry.get("minutes", "")), "", "")
    row[0][0] += _link(app, page, chapter, entry["label"], f"{number} {subtitle}".strip())
    row[3].clear()
    row[3] += [_moved(child, page) for child in entry.get("hint", [])] + _mistakes(entry["label"])
    if entry["solution"]:
        row[4][0] += _link(app, page, chapter, entry["solution"], "solution")
    return row


def _moved(child: nodes.Node, page: str) -> nodes.Node:
    """A piece of a chapter for another page: its links start from there."""
    copy = child.deepcopy()
    for link in copy.findall(addnodes.pending_xref):
        link["refdoc"] = page
    return copy


def _mistakes(label: str) -> list[nodes.Node]:
    """What the check of an exercise says to the mistakes it knows."""
    from linrep_core import exercises  # takes seconds to load, and only the sheet needs it

    if label not in exercises.labels():
        return []
    asked = exercises.exercise(label)
    said = [asked.judge(mistake()).words for mistake in asked.mistakes]
    items = [nodes.list_item("", nodes.paragraph("", words)) for words in said]
    return [nodes.paragraph("", "Checks itself, and says:"), nodes.bullet_list("", *items)]


def visit_hint(self: SphinxTranslator, node: exercise_hint) -> None:
    """Begin a closed box."""
    self.body.append('<details class="exercise-hint"><summary>Hint</summary>\n')


def depart_hint(self: SphinxTranslator, node: exercise_hint) -> None:
    """End it."""
    self.body.append("</details>\n")


def visit_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Elsewhere (LaTeX, text) a hint is what stands in it."""


def depart_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Nothing follows."""


def setup(app: Sphinx) -> None:
    """Take the place of sphinx-exercise's directive, and register the others."""
    app.setup_extension("sphinx_exercise")
    app.add_directive("exercise", GradedExercise, override=True)
    other = dict.fromkeys(("latex", "text"), (visit_other, depart_other))
    app.add_node(exercise_hint, html=(visit_hint, depart_hint), **other)
    app.add_node(exercise_sheet)
    app.add_directive("exercise-hint", ExerciseHint)
    app.add_directive("exercise-sheet", ExerciseSheet)
    app.add_post_transform(FillSheets)
