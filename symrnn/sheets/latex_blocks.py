"""A sheet's blocks in LaTeX; one rule for each kind of block.

Where a sheet shows two layouts, the steps are told in its own, and of the other the results.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod

from symrnn.api.derivation import Derivation
from symrnn.drawing.tikz import to_tikz
from symrnn.emitting.boxes import Box
from symrnn.emitting.latex import box_latex, equation_rows
from symrnn.emitting.measure import width
from symrnn.emitting.report import shape_text
from symrnn.emitting.report_latex import prose as sentence
from symrnn.emitting.style import Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.sheets.chart import chart_tikz
from symrnn.sheets.claims import HEADLINES
from symrnn.sheets.content import (
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
    Space,
    Span,
    Table,
    Words,
)
from symrnn.sheets.notation import FORM_TITLES, Quoted, Told, chain_box, chain_equations, range_boxes, told_steps

TEXT_WIDTH = 42.0
"""How many em a displayed line may have."""

INSET_WIDTH = 38.0
"""The same inside a frame."""

PICTURE = 300.0
"""How wide a graph may be in points."""

WIDE_INLINE = 24.0
"""A formula in a sentence that is wider than this may be broken at its relations."""

MARKS = {"strong": "textbf", "emphasis": "emph", "code": "texttt"}


@dataclass(frozen=True)
class LatexWriter:
    """Writes the blocks of one sheet."""

    style: Style
    inset: bool = False

    @property
    def limit(self) -> float:
        """The room for a displayed line in em."""
        return INSET_WIDTH if self.inset else TEXT_WIDTH

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Several blocks."""
        return "\n\n".join(self.block(block) for block in blocks)

    def claim(self, claim: Claimed) -> str:
        """A claim with its verdict."""
        inner = LatexWriter(self.style, True)
        colour = "right" if claim.right else "erratum"
        verdict = latex_words(HEADLINES[claim.verdict].capitalize())
        head = rf"\textcolor{{{colour}}}{{\textbf{{{verdict}.}}}} The source prints: {inner.prose(claim.printed)}"
        return framed(f"{head}\n\n{inner.blocks(claim.blocks)}", colour)

    def prose(self, prose: Prose) -> str:
        """Words and formulas inside a sentence."""
        return "".join(map(self._span, prose))

    def _span(self, span: Span) -> str:
        if isinstance(span, Words):
            text = latex_words(span.text)
            if span.mark == "emphasis" and len(span.text) <= 2 and span.text.isalpha():
                return f"${span.text}$"
            return rf"\{MARKS[span.mark]}{{{text}}}" if span.mark else text
        return self._inline(chain_box(span.links, self.style))

    def _inline(self, box: Box) -> str:
        return (
            f"${box_latex(box)}$"
            if width(box) <= WIDE_INLINE
            else rf"$\relpenalty=0 \binoppenalty=300 {box_latex(box)}$"
        )

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise UnsupportedError(f"LaTeX has no rule for a block of the kind {type(block).__name__}")

    @block.register
    def _(self, block: Paragraph) -> str:
        return self.prose(block.prose)

    @block.register
    def _(self, block: Items) -> str:
        name = "enumerate" if block.numbered else "itemize"
        return "\n".join([rf"\begin{{{name}}}", *(rf"\item {self.prose(i)}" for i in block.items), rf"\end{{{name}}}"])

    @block.register
    def _(self, block: Equalities) -> str:
        shown = self.display(chain_equations(block.links, self.style))
        return f"{self.prose(block.reason)}\n{shown}" if block.reason else shown

    @block.register
    def _(self, block: Table) -> str:
        columns = _columns((block.head, *block.rows), self.style)
        head = " & ".join(rf"\textit{{{self.prose(entry)}}}" for entry in block.head)
        rows = " \\\\[2pt]\n".join(" & ".join(self.prose(entry) for entry in row) for row in block.rows)
        return (
            f"\\begin{{center}}\\small\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head} \\\\\n\\midrule\n"
            f"{rows} \\\\\n\\bottomrule\n\\end{{tabular}}\n\\end{{center}}"
        )

    @block.register
    def _(self, block: Picture) -> str:
        return _figure(to_tikz(block.graph, self.style, widest=PICTURE))

    @block.register
    def _(self, block: Paths) -> str:
        one = block.sums[0]
        rows = [
            Equation(typeset(one.left, self.style), typeset(build.add(*(lit.term for lit in one.terms)), self.style))
        ]
        return f"{self.display(rows)}\n{_figure(to_tikz(block.graph, self.style, widest=PICTURE))}"

    @block.register
    def _(self, block: Chart) -> str:
        looks = ("solid", "dashed", "dotted", "dash-dotted", "finely dotted")
        curves = "; ".join(f"{latex_words(line.name)} ({looks[n % 5]})" for n, line in enumerate(block.lines))
        caption = rf"\small ${_math(block.upward)}$ over ${_math(block.across)}$: {curves}."
        return _figure(chart_tikz(block), caption)

    @block.register
    def _(self, block: Notice) -> str:
        inner = LatexWriter(self.style, True)
        return framed(f"\\textbf{{{latex_words(block.title)}.}} {inner.blocks(block.blocks)}", "remark")

    @block.register
    def _(self, block: Space) -> str:
        return rf"\vspace*{{{block.lines}\baselineskip}}"

    @block.register
    def _(self, block: Derived) -> str:
        first, *others = block.derivations
        known = block.known[0] if block.known else ()
        told = [self._asked(first), *self._steps(first, known), self._results(first)]
        told += [self._results(other, named=True) for other in others]
        told += [latex_words(note) for note in first.report().notes]
        return "\n\n".join(told)

    def _asked(self, derivation: Derivation) -> str:
        of, wrt = (box_latex(typeset(node, self.style)) for node in (derivation.of, derivation.wrt))
        where = ", ".join(f"${box_latex(box)}$" for box in range_boxes(derivation))
        shape = latex_words(shape_text(derivation.derived))
        told = f"${of}$ by ${wrt}$: {derivation.layout.value} layout, {shape}"
        return rf"\noindent\textcolor{{soft}}{{{told}{', for ' + where if where else ''}}}\nopagebreak"

    def _steps(self, derivation: Derivation, known: tuple[str | None, ...]) -> list[str]:
        return [self._step(told) for told in told_steps(derivation, known)]

    def _step(self, told: Told | Quoted) -> str:
        shown = self.display(told.equations)
        if isinstance(told, Quoted):
            span = f"{told.first}" if told.first == told.last else f"{told.first}--{told.last}"
            return f"\\steptitle{{{span}}}{{By {latex_words(told.question)}.}}\n{shown}"
        rule = latex_words(told.step.rule[:1].upper() + told.step.rule[1:])
        error = "" if told.error is None else rf" \steperror{{{_power(told.error)}}}"
        return f"\\steptitle{{{told.number}}}{{{rule}.}} {latex_words(told.step.reason)}{error}\n{shown}"

    def _results(self, derivation: Derivation, named: bool = False) -> str:
        told = []
        for form in derivation.derived.forms:
            title = FORM_TITLES.get(form.name, form.name)
            count = f", {form.terms} terms" if form.terms is not None else ""
            note = f" ({form.note})" if form.note else ""
            layout = f", {derivation.layout.value} layout" if named else ""
            equations = typeset_formula(derivation.report().claim(form), self.style, derivation.layout)
            told.append(
                f"\\resulttitle{{{latex_words(title + count + note + layout)}}}\n{self.display(equations, INSET_WIDTH)}"
            )
        return framed("\n".join(told), "result")

    def display(self, equations: Sequence[Equation], limit: float | None = None) -> str:
        """Equations as a display whose lines fit."""
        rows: list[str] = []
        bare = [equation for equation in equations if equation.bare and equation.left is None]
        rest = [equation for equation in equations if equation not in bare]
        for equation in bare:
            rows += equation_rows([equation], limit or self.limit)
        if rest:
            made = equation_rows(rest, limit or self.limit)
            goes_on = rest[0].left is None
            if goes_on and made and not made[0].lstrip().startswith("&="):
                made[0] = made[0].replace("& ", "&= ", 1)
            rows += made
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


LONGEST_FRAME = 28
"""Lines that a frame may have; what is longer has to be broken over pages."""

_RAISED = re.compile("([⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_LOWERED = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")


def latex_words(text: str) -> str:
    r"""A sentence in LaTeX; raised signs and digits are one exponent.

    >>> latex_words("σ⁻¹(T)")
    '$\\sigma$$^{-1}$(T)'
    """
    pieces = _RAISED.split(text)
    return "".join(
        f"$^{{{piece.translate(_LOWERED)}}}$" if place % 2 else sentence(piece) for place, piece in enumerate(pieces)
    )


def framed(body: str, colour: str) -> str:
    """A body on a tinted ground, or between two bars where it may have to be broken over pages."""
    lines = body.count("\\\\") * 2 + body.count("\\begin{align*}") * 3 + len(body.replace("\n\n", " " * 90)) // 160
    name = "remarkbox" if lines <= LONGEST_FRAME else "longbox"
    return f"\\begin{{{name}}}{{{colour}}}\n{body}\n\\end{{{name}}}"


SHORT_ROW, FULL_ROW, WIDEST_COLUMN, GAP = 75.0, 100.0, 40.0, 2.0
"""In characters: a row that fits without breaking entries, a whole line, a column's claim, the room between two."""


def _columns(rows: Sequence[Sequence[Prose]], style: Style) -> str:
    """The columns of a table: as they are where the rows are short, else sharing the line by what is in them."""
    if max(sum(sum(_pieces(entry, style)) for entry in row) for row in rows) < SHORT_ROW:
        return "l" * len(rows[0])
    pieces = [[_pieces(entry, style) for entry in column] for column in zip(*rows, strict=True)]
    least = [GAP + max((max(entry, default=0.0) for entry in column), default=0.0) for column in pieces]
    wanted = [min(max(sum(entry) for entry in column), WIDEST_COLUMN) for column in pieces]
    spare = max(FULL_ROW - sum(least), 0.0) / max(sum(wanted), 1.0)
    widths = [low + spare * more for low, more in zip(least, wanted, strict=True)]
    shares = (width / sum(widths) for width in widths)
    column = r">{{\raggedright\arraybackslash}}p{{\dimexpr {:.3f}\linewidth-2\tabcolsep\relax}}"
    return "".join(column.format(share) for share in shares)


def _pieces(entry: Prose, style: Style) -> list[float]:
    """About how many characters the unbreakable pieces of an entry take: words, and whole formulas."""
    found: list[float] = []
    for span in entry:
        if isinstance(span, Words):
            found += [len(word) + 1.0 for word in span.text.split()]
        else:
            found.append(2.1 * width(chain_box(span.links, style)))
    return found


def _figure(picture: str, caption: str = "") -> str:
    """A picture where TikZ is, a line in words where it isn't."""
    below = f"\n\n{caption}" if caption else ""
    return (
        f"\\ifdefined\\tikzpicture\n\\begin{{center}}\n{picture}{below}\n\\end{{center}}\n"
        "\\else\n\\begin{center}\\itshape (The picture needs TikZ.)\\end{center}\n\\fi"
    )


def _power(error: float) -> str:
    if error == 0:
        return "0"
    digits, exponent = f"{error:.0e}".split("e")
    return rf"{digits}\cdot 10^{{{int(exponent)}}}"


def _math(text: str) -> str:
    """The short labels of charts in mathematics."""
    for sign, latex in (("‖", r"\Vert "), ("∂", r"\partial "), ("−", "-")):
        text = text.replace(sign, latex)
    return text
