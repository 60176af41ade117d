"""Formulas for the terminal: two-dimensional, or on one line, in Unicode or in ASCII.

Subscripts and superscripts are Unicode's own where it has them, else ``_{...}`` and ``^{...}``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial, singledispatch
from itertools import chain
from types import MappingProxyType
from typing import Protocol

from symrnn.emitting.boxes import (
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
from symrnn.emitting.breaking import Breaker, unwound
from symrnn.emitting.canvas import Canvas, beside, columns, pad, stacked
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.errors import UnsupportedError
from symrnn.language import Formula, Layout, Node

SAMPLE = "∂⁺τ∑∏⊙ᵀₜ₋₁⎛─"
"""What a stream must be able to encode for Unicode to be used."""


class Stream(Protocol):
    """What has an encoding."""

    @property
    def encoding(self) -> str | None: ...


def can_show_unicode(stream: Stream) -> bool:
    """Whether a stream's encoding has the characters that formulas need."""
    try:
        SAMPLE.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


@dataclass(frozen=True)
class Terminal:
    """What a rule must know of where it draws."""

    ascii: bool = False
    linear: bool = False


def to_unicode(
    expression: Node | Formula,
    style: Style = PLAIN,
    *,
    layout: Layout = Layout.NUMERATOR,
    width: int | None = None,
    linear: bool = False,
    ascii: bool = False,
) -> str:
    """The expression as a picture of characters, broken where it is wider than ``width`` columns.

    >>> from symrnn.language import Divide, Index, Role, Variable
    >>> h, nu = (Variable(x, Role.COMPUTED, (), Index.of("t") - 1) for x in ("h", "nu"))
    >>> print(to_unicode(Divide(h, nu)))
    hₜ₋₁
    ────
    νₜ₋₁
    >>> to_unicode(Divide(h, nu), linear=True), to_unicode(Divide(h, nu), linear=True, ascii=True)
    ('hₜ₋₁/νₜ₋₁', 'h_{t-1}/nu_{t-1}')
    """
    terminal = Terminal(ascii, linear)
    if isinstance(expression, Formula):
        equations = typeset_formula(expression, style, layout)
    else:
        equations = (Equation(None, typeset(expression, style), bare=True),)
    return draw_equations(equations, terminal, width)


def draw_equations(equations: Iterable[Equation], terminal: Terminal, width: int | None = None) -> str:
    """Equations under each other, their equals signs in one column; long right sides on several lines."""
    measure = partial(_measure, terminal=terminal)
    given = list(equations) if width is None else unwound(equations, width, measure)
    margin = max((box_canvas(e.left, terminal).width for e in given if e.left is not None), default=0)
    breaker = Breaker(measure)
    breaker.avoid(box for equation in given for box in (equation.left, equation.right))
    blocks: list[str] = []
    # Long entries of matrices may get names on the way; what they stand for comes after the rest.
    for equation in chain(given, breaker.coming()):
        left = None if equation.left is None else box_canvas(equation.left, terminal)
        taken = max(margin, 0 if left is None else left.width) + 3
        lines = _broken(equation.right, breaker, terminal, None if width is None else width - taken)
        if not equation.bare:
            shown = left or Canvas(("",))
            lines[0] = beside([Canvas((" " * (margin - shown.width),)), shown, Canvas((" = ",)), lines[0]])
        indent = Canvas((" " * (0 if equation.bare else margin + 3),))
        rest = [beside([indent, line]) for line in lines[1:]]
        blocks.append("\n".join(str(line) for line in [lines[0], *rest]))
    tall = any("\n" in block for block in blocks)
    return ("\n\n" if tall else "\n").join(blocks)


def _broken(box: Box, breaker: Breaker, terminal: Terminal, width: int | None) -> list[Canvas]:
    if width is None:
        return [box_canvas(box, terminal)]
    room = max(width, 20)
    lines = breaker.lines(box, room - 3, room - 1)
    return [
        box_canvas(line, terminal) if number == 0 else beside([Canvas(("  ",)), box_canvas(line, terminal)])
        for number, line in enumerate(lines)
    ]


def _measure(box: Box, terminal: Terminal) -> float:
    return box_canvas(box, terminal).width


@singledispatch
def box_canvas(box: Box, terminal: Terminal) -> Canvas:
    """A box as characters."""
    raise UnsupportedError(f"the terminal has no rule for a {type(box).__name__} box")


_SPACED = (Kind.BINARY, Kind.RELATION)


@box_canvas.register
def _(box: Glyph, terminal: Terminal) -> Canvas:
    text = box.ascii if terminal.ascii else box.text
    if box.kind is Kind.BESIDE:
        return Canvas((" ",))
    if box.kind in _SPACED:
        return Canvas((f" {text} ",))
    return Canvas((f"{text} " if box.kind is Kind.PUNCTUATION else _bold(text, box, terminal),))


def _bold(text: str, box: Glyph, terminal: Terminal) -> str:
    """Bold letters from Unicode's mathematical alphabet, where it has them."""
    if not box.bold or terminal.ascii:
        return text
    return "".join(_BOLD.get(character, character) for character in text)


_BOLD: Mapping[str, str] = MappingProxyType(
    {chr(ord("A") + i): chr(0x1D400 + i) for i in range(26)}
    | {chr(ord("a") + i): chr(0x1D41A + i) for i in range(26)}
    | {chr(ord("0") + i): chr(0x1D7CE + i) for i in range(10)}
)


@box_canvas.register
def _(box: Row, terminal: Terminal) -> Canvas:
    parts = [box_canvas(item, terminal) for item in box.items]
    if terminal.linear:
        shown = zip(box.items, parts, strict=True)
        return beside([_grouped(part) if _is_fraction(item) else part for item, part in shown])
    above, below = max(part.base for part in parts), max(part.below for part in parts)
    for number, item in enumerate(box.items):
        base = item.base if isinstance(item, Scripts) else item
        if isinstance(base, Delimiter) and base.size > 1:
            tall = _delimiter(base.text, above, below, terminal)
            parts[number] = _with_scripts(tall, item, terminal) if isinstance(item, Scripts) else tall
    return beside(parts)


def _is_fraction(box: Box) -> bool:
    return isinstance(box.body if isinstance(box, Mark) else box, Fraction)


def _grouped(canvas: Canvas) -> Canvas:
    return beside([Canvas(("(",)), canvas, Canvas((")",))])


_SUB = str.maketrans("0123456789+-−=()aehijklmnoprstuvxβγρϕχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ")
_SUP = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzTNM⊤∗",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴺᴹᵀ*",
)


@box_canvas.register
def _(box: Scripts, terminal: Terminal) -> Canvas:
    return _with_scripts(box_canvas(box.base, terminal), box, terminal)


def _with_scripts(base: Canvas, box: Scripts, terminal: Terminal) -> Canvas:
    sub = "" if box.sub is None else _script(box.sub, "_", _SUB, terminal)
    sup = "" if box.sup is None else _script(box.sup, "^", _SUP, terminal)
    if base.height > 1 and not terminal.linear:
        lines = (sup, *[""] * (base.height - 2), sub)
        width = max(columns(line) for line in lines)
        return beside([base, Canvas(tuple(pad(line, width) for line in lines), base.base)])
    return beside([base, Canvas((sub + sup,))])


def _script(box: Box, mark: str, alphabet: dict[int, int], terminal: Terminal) -> str:
    """A script on the line: small letters if there are such for all of it, else ``_x`` or ``_{x+1}``."""
    text = str(box_canvas(box, Terminal(terminal.ascii, linear=True))).replace(" ", "")
    if set(text) <= set("′″‴'"):
        return text
    if not terminal.ascii:
        small = text.translate(alphabet)
        if all(a != b or a == "*" for a, b in zip(text, small, strict=True)):
            return small
    return f"{mark}{text}" if len(text) == 1 or text.isalnum() else f"{mark}{{{text}}}"


_ACCENTS: Mapping[str, str] = MappingProxyType(
    {"hat": "\u0302", "wide": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307"}
)


@box_canvas.register
def _(box: Accent, terminal: Terminal) -> Canvas:
    text = str(box_canvas(box.base, terminal))
    if terminal.ascii:
        return Canvas((text + ("hat" if box.mark == "wide" else box.mark),))
    return Canvas((unicodedata.normalize("NFC", text + _ACCENTS[box.mark]),))


@box_canvas.register
def _(box: Fraction, terminal: Terminal) -> Canvas:
    top, bottom = box_canvas(box.top, terminal), box_canvas(box.bottom, terminal)
    if terminal.linear:
        shown = [_grouped(part) if " " in part.lines[0] else part for part in (top, bottom)]
        return beside([shown[0], Canvas(("/",)), shown[1]])
    bar = ("-" if terminal.ascii else "─") * max(top.width, bottom.width)
    return stacked([top, Canvas((bar,)), bottom], base=1)


@box_canvas.register
def _(box: Fence, terminal: Terminal) -> Canvas:
    body = box_canvas(box.body, terminal)
    left, right = (_delimiter(text, body.base, body.below, terminal) for text in (box.left, box.right))
    return beside([left, body, right])


@box_canvas.register
def _(box: Delimiter, terminal: Terminal) -> Canvas:
    return _delimiter(box.text, 0, 0, terminal)


_TALL: Mapping[str, str] = MappingProxyType(
    {"(": "⎛⎜⎝", ")": "⎞⎟⎠", "[": "⎡⎢⎣", "]": "⎤⎥⎦", "|": "│││", "‖": "║║║", "⟨": "⟨⟨⟨", "⟩": "⟩⟩⟩"}
)
_TALL_ASCII: Mapping[str, str] = MappingProxyType({"(": "/|\\", ")": "\\|/", "[": "[[[", "]": "]]]", "‖": "|||"})
_ASCII: Mapping[str, str] = MappingProxyType({"‖": "||", "⟨": "<", "⟩": ">"})


def _delimiter(text: str, above: int, below: int, terminal: Terminal) -> Canvas:
    """A delimiter that reaches so many lines above and below the base line."""
    plain = _ASCII.get(text, text) if terminal.ascii else text
    count = above + below + 1
    if count == 1:
        return Canvas((plain,))
    top, middle, bottom = tuple(_TALL_ASCII.get(text, plain * 3) if terminal.ascii else _TALL[text])
    return Canvas((top, *[middle] * (count - 2), bottom), above)


@box_canvas.register
def _(box: Grid, terminal: Terminal) -> Canvas:
    cells = [[box_canvas(cell, terminal) for cell in row] for row in box.rows]
    if terminal.linear:
        rows = "; ".join(", ".join(str(cell) for cell in row) for row in cells)
        return Canvas((f"[{rows}]",))
    widths = [max(cell.width for cell in column) for column in zip(*cells, strict=True)]
    drawn = [_grid_row(row, widths) for row in cells]
    if any(cell.height > 1 for row in cells for cell in row):
        drawn = [part for row in drawn for part in (row, Canvas((" ",)))][:-1]
    body = stacked(drawn, base=0)
    body = Canvas(body.lines, (body.height - 1) // 2)
    left, right = (_delimiter(text, body.base, body.below, terminal) for text in (box.left, box.right))
    return beside([left, body, right])


def _grid_row(row: list[Canvas], widths: list[int]) -> Canvas:
    parts: list[Canvas] = []
    for cell, width in zip(row, widths, strict=True):
        lines = tuple(pad(line, width, centred=True) for line in cell.lines)
        parts += [Canvas(("  ",))] if parts else []
        parts.append(Canvas(lines, cell.base))
    return beside(parts)


@box_canvas.register
def _(box: Lines, terminal: Terminal) -> Canvas:
    rows = [box_canvas(row, terminal) for row in box.rows]
    if terminal.linear:
        return beside(rows)
    moved = [rows[0], *(beside([Canvas((" ",)), row]) for row in rows[1:])]
    whole = stacked(moved, base=0, left=True)
    return Canvas(whole.lines, (whole.height - 1) // 2)


@box_canvas.register
def _(box: Big, terminal: Terminal) -> Canvas:
    symbol = box_canvas(box.symbol, terminal)
    lower, upper = (
        str(box_canvas(bound, Terminal(terminal.ascii, linear=True))).replace(" ", "")
        for bound in (box.lower, box.upper)
    )
    if terminal.linear:
        return Canvas((f"{symbol}[{lower}..{upper}] ",))
    drawn = stacked([Canvas((upper,)), symbol, Canvas((lower,))], base=1)
    return beside([drawn, Canvas((" ",))])


@box_canvas.register
def _(box: Root, terminal: Terminal) -> Canvas:
    name = "sqrt" if terminal.ascii else "√"
    return beside([Canvas((name,)), box_canvas(Fence(box.body), terminal)])


@box_canvas.register
def _(box: Mark, terminal: Terminal) -> Canvas:
    return box_canvas(box.body, terminal)
