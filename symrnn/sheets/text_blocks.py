"""A whole sheet as plain text: formulas drawn with characters, everything else wrapped; one rule per kind of block."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod

from symrnn.api.derivation import Derivation
from symrnn.api.tables import aligned
from symrnn.drawing.terminal import to_terminal
from symrnn.emitting.boxes import Box, Glyph, Kind
from symrnn.emitting.report import shape_text
from symrnn.emitting.style import Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.emitting.unicode_text import Terminal, draw_equations
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.sheets.claims import HEADLINES
from symrnn.sheets.content import (
    Answered,
    Block,
    Chart,
    Claimed,
    Derived,
    Equalities,
    Items,
    Notice,
    Paragraph,
    Paths,
    Picture,
    Prose,
    Solution,
    Space,
    Span,
    Table,
    Words,
)
from symrnn.sheets.notation import FORM_TITLES, Quoted, Told, chain_box, chain_equations, range_boxes, told_steps

WIDTH = 100
_BLANK = Glyph(" ", "", Kind.SIGN)


@dataclass(frozen=True)
class TextWriter:
    """Writes the blocks of one sheet."""

    style: Style
    width: int = WIDTH

    def sheet(self, solution: Solution) -> str:
        """The whole sheet."""
        told = (
            [_underlined(solution.title, "="), solution.source]
            if solution.source
            else [_underlined(solution.title, "=")]
        )
        if solution.variant is not None:
            told.append(f"Variant {solution.variant}")
        told.append(self.blocks(solution.preface))
        for part in solution.parts:
            told += [_underlined(part.label, "="), self.blocks(part.text)]
            told += [self.question(question) for question in part.questions]
        told.append(self.blocks(solution.footer))
        return "\n\n".join(block for block in told if block) + "\n"

    def question(self, question: Answered) -> str:
        """A question with its answer and the claims about it."""
        points = f" ({question.points_text})" if question.points_text else ""
        title = _underlined(f"{question.id} {question.title}".strip() + points, "-")
        parts = [
            title,
            self.blocks(question.statement),
            self.blocks(question.answer),
            *map(self.claim, question.claims),
        ]
        return "\n\n".join(part for part in parts if part)

    def claim(self, claim: Claimed) -> str:
        """A claim with its verdict."""
        head = f"[{HEADLINES[claim.verdict]}] The source prints: {self.prose(claim.printed)}"
        body = self.blocks(claim.blocks)
        told = self._wrapped(head) + (f"\n\n{body}" if body else "")
        return textwrap.indent(told, "  | ", lambda _: True)

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Several blocks."""
        return "\n\n".join(self.block(block) for block in blocks)

    def prose(self, prose: Prose) -> str:
        """Words and formulas inside a sentence."""
        return "".join(map(self._span, prose))

    def _span(self, span: Span) -> str:
        return span.text if isinstance(span, Words) else self._line(chain_box(span.links, self.style))

    def _line(self, box: Box) -> str:
        return draw_equations([Equation(None, box, bare=True)], Terminal(linear=True)).strip()

    def _wrapped(self, text: str) -> str:
        return textwrap.fill(text, self.width - 4)

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise UnsupportedError(f"text has no rule for a block of the kind {type(block).__name__}")

    @block.register
    def _(self, block: Paragraph) -> str:
        return self._wrapped(self.prose(block.prose))

    @block.register
    def _(self, block: Items) -> str:
        marks = (f"{n}. " if block.numbered else "- " for n in range(1, len(block.items) + 1))
        return "\n".join(
            textwrap.fill(self.prose(item), self.width - 4, initial_indent=mark, subsequent_indent=" " * len(mark))
            for mark, item in zip(marks, block.items, strict=True)
        )

    @block.register
    def _(self, block: Equalities) -> str:
        shown = self.display(chain_equations(block.links, self.style))
        return f"{self._wrapped(self.prose(block.reason))}\n\n{shown}" if block.reason else shown

    @block.register
    def _(self, block: Table) -> str:
        return aligned([[self.prose(entry) for entry in row] for row in (block.head, *block.rows)])

    @block.register
    def _(self, block: Picture) -> str:
        return to_terminal(block.graph, lambda node: self._line(typeset(node, self.style))).rstrip()

    @block.register
    def _(self, block: Paths) -> str:
        one = block.sums[0]
        total = typeset(build.add(*(lit.term for lit in one.terms)), self.style)
        return f"{self.display([Equation(typeset(one.left, self.style), total)])}\n\n{self.block(Picture(block.graph))}"

    @block.register
    def _(self, block: Chart) -> str:
        places = [x for x, _ in block.lines[0].points]
        step = max(1, len(places) // 8)
        rows = [[f"{block.upward} at {block.across} =", *(f"{x:g}" for x in places[::step])]]
        rows += [[line.name, *(f"{y:.2g}" for _, y in line.points[::step])] for line in block.lines]
        longest = max(map(len, rows))
        return aligned([row + [""] * (longest - len(row)) for row in rows])

    @block.register
    def _(self, block: Notice) -> str:
        return textwrap.indent(f"{block.title}.\n{self.blocks(block.blocks)}", "  | ", lambda _: True)

    @block.register
    def _(self, block: Space) -> str:
        return "\n" * block.lines

    @block.register
    def _(self, block: Derived) -> str:
        first, *others = block.derivations
        known = block.known[0] if block.known else ()
        told = [self._asked(first), *map(self._step, told_steps(first, known)), *self._results(first)]
        for other in others:
            told += self._results(other, named=True)
        told += [self._wrapped(note) for note in first.report().notes]
        return "\n\n".join(told)

    def _asked(self, derivation: Derivation) -> str:
        of, wrt = (self._line(typeset(node, self.style)) for node in (derivation.of, derivation.wrt))
        where = ", ".join(self._line(box) for box in range_boxes(derivation))
        shape = shape_text(derivation.derived)
        return f"{of} by {wrt}: {derivation.layout.value} layout, {shape}{f', for {where}' if where else ''}"

    def _step(self, told: Told | Quoted) -> str:
        shown = self.display(told.equations)
        if isinstance(told, Quoted):
            return f"({told.first}-{told.last}) By {told.question}.\n\n{shown}"
        error = "" if told.error is None else f" [error {told.error:.0e}]"
        head = f"({told.number}) {told.step.rule[:1].upper()}{told.step.rule[1:]}. {told.step.reason}{error}"
        return f"{self._wrapped(head)}\n\n{shown}"

    def _results(self, derivation: Derivation, named: bool = False) -> list[str]:
        told = []
        for form in derivation.derived.forms:
            count = f", {form.terms} terms" if form.terms is not None else ""
            layout = f", {derivation.layout.value} layout" if named else ""
            equations = typeset_formula(derivation.report().claim(form), self.style, derivation.layout)
            told.append(f"{FORM_TITLES.get(form.name, form.name)}{count}{layout}:\n\n{self.display(equations)}")
        return told

    def display(self, equations: Sequence[Equation]) -> str:
        """Equations as a picture of characters."""
        drawn = []
        for equation in equations:
            goes_on = equation.left is None and not equation.bare
            shown = Equation(_BLANK, equation.right) if goes_on else equation
            drawn.append(
                textwrap.indent(draw_equations([shown], Terminal(), self.width - 8), " " * (2 if goes_on else 4))
            )
        return "\n".join(drawn)


def _underlined(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"
