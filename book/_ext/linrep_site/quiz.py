"""Questions with answers to choose from: no kernel, no mouse and no script needed to learn whether one was right.

    ```{quiz} What does the context do to the log-odds of two words that it does not tell apart?
    * [ ] It raises them.

      Both words agree with the context, so both are raised alike.
    * [x] Nothing.

      It cancels.
    ```

Each answer has its own words, shown when it is chosen: why it is right, or what the mistake is. The choice is a group
of radio buttons, so the arrow keys move it; the style sheet shows the words, and a small script says them to a screen
reader. A question without exactly one right answer, or an answer without words, is a warning, which stops the build.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxTranslator

logger = logging.getLogger(__name__)

RIGHT, WRONG = "[x] ", "[ ] "


class quiz(nodes.General, nodes.Element):
    """A question (its first child) and its answers."""


class quiz_question(nodes.General, nodes.TextElement):
    """What is asked."""


class quiz_answer(nodes.General, nodes.Element):
    """One answer: what can be chosen, and what is then said."""


class quiz_choice(nodes.General, nodes.TextElement):
    """What can be chosen."""


class Quiz(Directive):
    """A question in the argument, answers as a list in the content."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse both, and complain about a question that cannot be answered."""
        env = self.state.document.settings.env
        made = quiz(number=env.new_serialno("quiz") + 1)
        text, _ = self.state.inline_text(self.arguments[0], self.lineno)
        made += quiz_question("", "", *text)
        parsed = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        items = list(parsed.findall(nodes.list_item))
        made += [self._answer(item) for item in items]
        if len(items) < 2 or sum(answer["right"] for answer in made.children[1:]) != 1:
            self._complain("must have two or more answers, exactly one of them marked [x]")
        return [made]

    def _answer(self, item: nodes.list_item) -> quiz_answer:
        first, *rest = item.children
        start = first.children[0].astext() if first.children else ""
        if not start.startswith((RIGHT, WRONG)):
            self._complain(f"must mark each answer with [x] or [ ], got {start[:40]!r}")
        if not rest:
            self._complain(f"must say something about each answer, got nothing about {first.astext()[:40]!r}")
        answer = quiz_answer(right=start.startswith(RIGHT))
        answer += quiz_choice("", "", nodes.Text(start[len(RIGHT) :]), *first.children[1:])
        answer += rest
        return answer

    def _complain(self, words: str) -> None:
        logger.warning(f"a quiz {words}", location=(self.state.document.settings.env.docname, self.lineno))


def visit_quiz(self: SphinxTranslator, node: quiz) -> None:
    """Begin the form."""
    self.quiz_number = node["number"]
    self.body.append('<form class="quiz"><fieldset>')


def depart_quiz(self: SphinxTranslator, node: quiz) -> None:
    """End it with the place where the verdict is spoken."""
    self.body.append('<p class="quiz-verdict" role="status"></p></fieldset></form>\n')


def visit_question(self: SphinxTranslator, node: quiz_question) -> None:
    """The question names the group."""
    self.body.append("<legend>")


def depart_question(self: SphinxTranslator, node: quiz_question) -> None:
    """End the question."""
    self.body.append("</legend>\n")


def visit_answer(self: SphinxTranslator, node: quiz_answer) -> None:
    """A button and what is said stand together."""
    self.body.append(f'<div class="quiz-answer {"is-right" if node["right"] else "is-wrong"}">')


def depart_answer(self: SphinxTranslator, node: quiz_answer) -> None:
    """End what is said."""
    self.body.append("</div></div>\n")


def visit_choice(self: SphinxTranslator, node: quiz_choice) -> None:
    """The button, named by the answer."""
    self.body.append(f'<label><input type="radio" name="quiz-{self.quiz_number}" autocomplete="off"><span>')


def depart_choice(self: SphinxTranslator, node: quiz_choice) -> None:
    """What follows is said when this is chosen."""
    self.body.append('</span></label><div class="quiz-said">')


def visit_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Elsewhere (LaTeX, text) a question is what stands in it."""


def depart_other(self: SphinxTranslator, node: nodes.Element) -> None:
    """Nothing follows."""


def setup(app: Sphinx) -> None:
    """Register the directive, its parts and the script."""
    other = dict.fromkeys(("latex", "text"), (visit_other, depart_other))
    app.add_node(quiz, html=(visit_quiz, depart_quiz), **other)
    app.add_node(quiz_question, html=(visit_question, depart_question), **other)
    app.add_node(quiz_answer, html=(visit_answer, depart_answer), **other)
    app.add_node(quiz_choice, html=(visit_choice, depart_choice), **other)
    app.add_directive("quiz", Quiz)
    app.add_js_file("linrep-quiz.js", loading_method="defer")
