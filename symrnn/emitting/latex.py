r"""LaTeX out: fragments to paste, lines that fit, and whole documents.

What is emitted needs amsmath and amssymb alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from itertools import chain
from types import MappingProxyType

from symrnn.emitting.boxes import (
    PRIMES,
    Accent,
    Big,
    Box,
    Delimiter,
    Fence,
    Fraction,
    Glyph,
    Grid,
    Kind,
    Lines,
    Mark,
    Root,
    Row,
    Scripts,
)
from symrnn.emitting.breaking import Breaker, break_lines, unwound
from symrnn.emitting.measure import fence_size, width
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.errors import UnsupportedError
from symrnn.language import Formula, Layout, Node

TEXT_WIDTH = 43.0
"""How many em fit on a line of a document with :data:`PREAMBLE`'s margins (455 pt at 10 pt, a little
spared)."""

INDENT = 2.0
"""The indentation of a continued line, ``\\quad`` twice over, in em."""


def to_latex(expression: Node | Formula, style: Style = PLAIN, layout: Layout = Layout.NUMERATOR) -> str:
    r"""The expression as a fragment for mathematics mode; a formula with parts becomes an ``aligned`` block.

    >>> from symrnn.language import Index, Role, Transpose, Variable
    >>> h = Variable("h", Role.COMPUTED, (Index.of("n"), Index.of(1)), Index.of("t") - 1)
    >>> to_latex(Transpose(h))
    'h_{t - 1}^{\\top}'
    """
    if not isinstance(expression, Formula):
        return box_latex(typeset(expression, style))
    equations = typeset_formula(expression, style, layout)
    if len(equations) == 1:
        return _equation(equations[0], "=")
    return aligned(_equation(equation, "&=") for equation in equations)


def _equation(equation: Equation, sign: str) -> str:
    right = box_latex(equation.right)
    if equation.bare:
        return f"{sign.removesuffix('=')} {right}".lstrip()
    return f"{sign} {right}" if equation.left is None else f"{box_latex(equation.left)} {sign} {right}"


def aligned(rows: Iterable[str]) -> str:
    """Rows under each other, inside mathematics mode."""
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def to_latex_lines(
    expression: Node, style: Style = PLAIN, limit: float = TEXT_WIDTH, first: float | None = None
) -> tuple[str, ...]:
    """The expression in lines no wider than ``limit`` em, the first (beside a left side) than ``first``."""
    return tuple(box_latex(line) for line in break_lines(typeset(expression, style), limit, first))


def display(left: Node | Box | None, rights: Iterable[Node], style: Style = PLAIN, limit: float = TEXT_WIDTH) -> str:
    """A chain ``left = right = … = right`` as rows of an ``align*``, long right sides over several lines."""
    links = [Equation(None, typeset(right, style)) for right in rights]
    if left is not None and links:
        start = typeset(left, style) if isinstance(left, Node) else left
        links[0] = Equation(start, links[0].right)
    return "\\begin{align*}\n" + " \\\\\n".join(equation_rows(links, limit)) + "\n\\end{align*}"


def display_formula(
    formula: Formula, style: Style = PLAIN, layout: Layout = Layout.NUMERATOR, limit: float = TEXT_WIDTH
) -> str:
    """A formula and its parts as an ``align*``, long lines broken."""
    rows = equation_rows(typeset_formula(formula, style, layout), limit)
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def equation_rows(equations: Iterable[Equation], limit: float = TEXT_WIDTH) -> list[str]:
    """The rows of an alignment at the equals signs; a very wide left side stands on rows of its own."""
    given = unwound(equations, limit)
    indent = max((width(e.left) for e in given if e.left is not None), default=0.0)
    room = max(limit - indent - 1.5, limit / 3)
    alone = len(given) == 1 and given[0].left is None
    breaker = Breaker()
    breaker.avoid(box for equation in given for box in (equation.left, equation.right))
    rows = []
    # Long entries of matrices may get names on the way; what they stand for comes after the rest.
    for equation in chain(given, breaker.coming()):
        left = "" if equation.left is None else f"{box_latex(equation.left)} "
        first, *more = (box_latex(line) for line in breaker.lines(equation.right, room - INDENT, room))
        rows.append(f"& {first}" if alone or equation.bare else f"{left}&= {first}")
        rows += [f"&\\qquad {{}}{line}" for line in more]
    return rows


PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage{amsmath,amssymb}
\usepackage[a4paper,margin=25mm]{geometry}
\allowdisplaybreaks
"""
"""The head of a document in which every fragment compiles."""


def standalone(body: str, title: str = "") -> str:
    r"""A whole document around a body (text with displays in it, or a bare fragment).

    >>> "E = m c^2" in standalone("E = m c^2", "Energy")
    True
    """
    display = body if body.lstrip().startswith(("\\begin{align", "\\[", "\\section")) else f"\\[\n{body}\n\\]"
    head = f"\\section*{{{escape(title)}}}\n" if title else ""
    return f"{PREAMBLE}\\begin{{document}}\n{head}{display}\n\\end{{document}}\n"


_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
    }
)


def escape(text: str) -> str:
    r"""Plain text in LaTeX.

    >>> escape("W_hh & 5%")
    'W\\_hh \\& 5\\%'
    """
    return text.translate(_ESCAPES)


@singledispatch
def box_latex(box: Box) -> str:
    """A box in LaTeX."""
    raise UnsupportedError(f"LaTeX has no rule for a {type(box).__name__} box")


@box_latex.register
def _(box: Glyph) -> str:
    return rf"\boldsymbol{{{box.latex}}}" if box.bold and "mathbf" not in box.latex else box.latex


@box_latex.register
def _(box: Row) -> str:
    parts: list[str] = []
    for position, item in enumerate(box.items):
        if isinstance(item, Glyph) and item.kind is Kind.BESIDE:
            parts.append(_between(box.items[position - 1], box.items[position + 1 :]))
        elif isinstance(item, Glyph) and item.kind in (Kind.BINARY, Kind.RELATION):
            parts.append(f" {item.latex} ")
        elif isinstance(item, Glyph) and item.kind is Kind.PUNCTUATION:
            parts.append(f"{item.latex} ")
        else:
            parts.append(_after(parts, box_latex(item)))
    return "".join(parts)


def _after(parts: list[str], text: str) -> str:
    """A blank where a command would otherwise run into the next letter."""
    last = parts[-1] if parts else ""
    word = last.rpartition("\\")[2] if "\\" in last else ""
    return f" {text}" if word.isalpha() and text[:1].isalpha() else text


def _between(left: Box, rest: tuple[Box, ...]) -> str:
    """The space between two factors: thin beside a fraction, a matrix or a word, and after a parenthesis."""
    right = rest[0] if rest else None
    if right is None or (isinstance(right, Glyph) and right.kind is Kind.FUNCTION):
        return " "
    large = _is_large(left) or _is_large(right) or isinstance(left, Fence | Delimiter)
    return r"\, " if large else " "


def _is_large(box: Box | None) -> bool:
    match box:
        case Mark(body=body) | Scripts(base=body):
            return _is_large(body)
        case Glyph(kind=kind):
            return kind is Kind.WORD and len(box.text) > 1
        case _:
            return isinstance(box, Fraction | Grid | Big | Root)


@box_latex.register
def _(box: Scripts) -> str:
    base = box_latex(box.base)
    if isinstance(box.base, Scripts | Row):
        base = f"{{{base}}}"
    sub = f"_{_script(box.sub)}" if box.sub is not None else ""
    if isinstance(box.sup, Glyph) and set(box.sup.text) <= PRIMES:
        return f"{base}{sub}{box.sup.plain}"
    sup = f"^{_script(box.sup)}" if box.sup is not None else ""
    return f"{base}{sub}{sup}"


def _script(box: Box) -> str:
    """A script in braces, except for one letter or digit."""
    text = box_latex(box)
    return text if len(text) == 1 and text.isalnum() else f"{{{text}}}"


_ACCENTS: Mapping[str, str] = MappingProxyType(
    {"hat": r"\hat", "wide": r"\widehat", "tilde": r"\tilde", "bar": r"\bar", "dot": r"\dot"}
)


@box_latex.register
def _(box: Accent) -> str:
    wide = isinstance(box.base, Glyph) and len(box.base.text) > 1
    command = {"hat": r"\widehat", "tilde": r"\widetilde", "bar": r"\overline"}.get(box.mark) if wide else None
    return f"{command or _ACCENTS[box.mark]}{{{box_latex(box.base)}}}"


@box_latex.register
def _(box: Fraction) -> str:
    return rf"\frac{{{box_latex(box.top)}}}{{{box_latex(box.bottom)}}}"


_SIZES = ("", r"\bigl", r"\Bigl", r"\biggl", r"\Biggl")
_DELIMITERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"|": (r"\lvert", r"\rvert"), "‖": (r"\lVert", r"\rVert"), "⟨": (r"\langle", ""), "⟩": ("", r"\rangle")}
)


@box_latex.register
def _(box: Fence) -> str:
    size = fence_size(box)
    left, right = (_delimiter(text, opening) for text, opening in ((box.left, True), (box.right, False)))
    body = box_latex(box.body)
    if size is None:
        return rf"\left{left} {body} \right{right}"
    blank = " " if left[-1].isalpha() else ""
    return f"{_sized(left, size, True)}{blank}{body}{_sized(right, size, False)}"


@box_latex.register
def _(box: Delimiter) -> str:
    return _sized(_delimiter(box.text, box.opening), box.size, box.opening)


def _delimiter(text: str, opening: bool) -> str:
    return _DELIMITERS[text][0 if opening else 1] if text in _DELIMITERS else text


def _sized(delimiter: str, size: int, opening: bool) -> str:
    command = _SIZES[size] if opening else _SIZES[size].replace("gl", "gr")
    return f"{command}{delimiter}"


@box_latex.register
def _(box: Grid) -> str:
    environment = {"(": "pmatrix", "[": "bmatrix"}[box.left]
    tall = any(isinstance(cell, Lines) or _is_large(cell) for row in box.rows for cell in row)
    between = r" \\[1ex] " if tall else r" \\ "
    rows = between.join(" & ".join(box_latex(cell) for cell in row) for row in box.rows)
    return rf"\begin{{{environment}}} {rows} \end{{{environment}}}"


@box_latex.register
def _(box: Lines) -> str:
    first, *rest = (box_latex(row) for row in box.rows)
    rows = [f"& {first}", *(f"& \\quad {{}}{row}" for row in rest)]
    body = " \\\\ ".join(rows)
    return rf"\begin{{aligned}} {body} \end{{aligned}}"


@box_latex.register
def _(box: Big) -> str:
    return f"{box.symbol.latex}_{{{box_latex(box.lower)}}}^{{{box_latex(box.upper)}}} "


@box_latex.register
def _(box: Root) -> str:
    return rf"\sqrt{{{box_latex(box.body)}}}"


@box_latex.register
def _(box: Mark) -> str:
    return box_latex(box.body)
