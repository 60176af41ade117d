"""A derivation for the terminal: formulas as pictures of characters, as wide as the window."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from symrnn.emitting.boxes import Glyph, Kind
from symrnn.emitting.report import Report, continues, ranges, shape_text, stands_left
from symrnn.emitting.style import Style
from symrnn.emitting.typeset import Equation, typeset_formula
from symrnn.emitting.unicode_text import Terminal, draw_equations, to_unicode
from symrnn.language import Formula, IndexNumber, Layout, Node

WIDTH = 100
INDENT = 4


@dataclass(frozen=True)
class _Pen:
    """Draws formulas in one style and layout."""

    style: Style
    layout: Layout
    width: int
    terminal: Terminal

    def line(self, node: Node) -> str:
        """On one line."""
        return to_unicode(node, self.style, layout=self.layout, linear=True, ascii=self.terminal.ascii)

    def formula(self, formula: Formula) -> str:
        """As a picture, its parts above it."""
        return self._picture(typeset_formula(formula, self.style, self.layout), INDENT)

    def right(self, formula: Formula, left: Formula | None = None) -> str:
        """As the right side of an equation, of which the left side stands above unless given; parts follow."""
        *parts, whole = typeset_formula(formula, self.style, self.layout)
        if left is None:
            drawn = self._picture([Equation(_BLANK, whole.right)], 0)
        else:
            beside = typeset_formula(left, self.style, self.layout)[-1].right
            drawn = self._picture([Equation(beside, whole.right)], INDENT)
        if not parts:
            return drawn
        return f"{drawn}\n\n{' ' * INDENT}where\n\n{self._picture(parts, INDENT)}"

    def _picture(self, equations: Iterable[Equation], indent: int) -> str:
        picture = draw_equations(equations, self.terminal, max(self.width - indent, 40))
        return textwrap.indent(picture, " " * indent)


_BLANK = Glyph(" ", "", Kind.SIGN)


def text(report: Report, width: int = WIDTH, ascii: bool = False) -> str:
    """The forms with their range and how they were checked; with steps, the way there first."""
    question = report.derived.question
    pen = _Pen(report.style, question.layout, width, Terminal(ascii))
    head = f"{report.title}: {pen.line(question.of)} by {pen.line(question.by)}, {question.layout.value} layout, "
    told = [head + shape_text(report.derived)]
    told += [_where(report, pen)] if ranges(report.derived) else []
    blocks = ["\n".join(told)]
    if report.steps:
        blocks += _steps(report, pen)
    for form in report.derived.forms:
        count = f", {form.terms} terms" if form.terms is not None else ""
        note = f" ({form.note})" if form.note else ""
        blocks.append(f"{form.name}{count}{note}\n\n{pen.formula(report.claim(form))}")
    tail = [textwrap.fill(note, width) for note in report.notes]
    if report.checked is not None:
        tail += [f"Every line checked: {report.checked.sentence()}.", *report.checked.remarks]
    if tail:
        blocks.append("\n".join(tail))
    return "\n\n".join(blocks) + "\n"


def _where(report: Report, pen: _Pen) -> str:
    chains = (" ≤ ".join(pen.line(IndexNumber(index)) for index in chain) for chain in ranges(report.derived))
    return f"for {', '.join(chains)}"


def _steps(report: Report, pen: _Pen) -> list[str]:
    blocks, previous = [], None
    for number, step in enumerate(report.derived.steps):
        error = report.error(number)
        shown = f"   [error {error:.1e}]" if error is not None else ""
        reason = textwrap.fill(step.reason, pen.width - 4, initial_indent="    ", subsequent_indent="    ")
        lines = [f"({number + 1}) {step.rule}{shown}", reason]
        left = None
        if not continues(step, previous):
            left = step.before if stands_left(step) else None
            lines += ["", pen.formula(step.before)] if left is None else []
        lines += ["", pen.right(step.after, left)]
        blocks.append("\n".join(lines))
        previous = step
    return blocks
