"""MathML out: presentation markup of the MathML Core set, which browsers show without a script.

A hook may give attributes to each derivative and to each term of a sum (see
:class:`symrnn.emitting.boxes.Mark`), so that a page can point at them.  A long formula comes either as one
``math`` element or as several that the page breaks into lines wherever it is narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

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
    flat_row,
)
from symrnn.emitting.breaking import Breaker, segments
from symrnn.emitting.measure import fence_size
from symrnn.emitting.rules import EQUALS
from symrnn.emitting.style import PLAIN, Style
from symrnn.emitting.typeset import Equation, typeset, typeset_formula
from symrnn.errors import UnsupportedError
from symrnn.language import Formula, Layout, Node

Attributes = Callable[[Mark], Mapping[str, str] | None]
"""From a derivative or a term to the attributes of its element; None leaves it alone."""

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
BOLD = "font-weight:bold"


@dataclass(frozen=True)
class Page:
    """What a rule must know of its surroundings: the hook, and whether a script is being set."""

    attributes: Attributes | None = None
    small: bool = False

    def script(self) -> Page:
        """The same inside a subscript or superscript."""
        return replace(self, small=True)


def to_mathml(
    expression: Node | Formula,
    style: Style = PLAIN,
    *,
    layout: Layout = Layout.NUMERATOR,
    attributes: Attributes | None = None,
    block: bool = True,
) -> str:
    """The expression as one ``math`` element; one with parts is a table with the equals signs aligned.

    >>> from symrnn.language import Index, Role, Variable
    >>> h = Variable("h", Role.COMPUTED, (Index.of("n"), Index.of(1)), Index.of("t"))
    >>> to_mathml(h, block=False)
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><msub><mi>h</mi><mi>t</mi></msub></math>'
    """
    page = Page(attributes)
    if not isinstance(expression, Formula):
        return math_element(box_mathml(typeset(expression, style), page), block)
    equations = typeset_formula(expression, style, layout)
    if len(equations) == 1:
        return math_element(_equation(equations[0], page), block)
    return math_element(_table(equations, page), block)


def math_element(content: str, block: bool = True) -> str:
    """Markup inside a ``math`` element; a block has full-size fractions and limits."""
    display = ' display="block"' if block else ""
    return f'<math xmlns="{NAMESPACE}"{display}>{content}</math>'


def _equation(equation: Equation, page: Page) -> str:
    right = box_mathml(equation.right, page)
    return right if equation.bare else f"<mrow>{_left(equation, page)}{right}</mrow>"


def _left(equation: Equation, page: Page) -> str:
    """The left side with its equals sign; nothing for an expression alone."""
    if equation.bare:
        return ""
    left = "" if equation.left is None else box_mathml(equation.left, page)
    return left + box_mathml(EQUALS, page)


# Chromium aligns the contents of a cell by the prefixed value alone; others drop it and keep the first.
_COLUMN = "text-align:{0};text-align:-webkit-{0};padding:0.4em 0.15em"


def _table(equations: Iterable[Equation], page: Page) -> str:
    rows = []
    for equation in equations:
        cells = (("right", f"<mrow>{_left(equation, page)}</mrow>"), ("left", box_mathml(equation.right, page)))
        shown = "".join(f'<mtd style="{_COLUMN.format(side)}">{cell}</mtd>' for side, cell in cells)
        rows.append(f"<mtr>{shown}</mtr>")
    return f'<mtable displaystyle="true">{"".join(rows)}</mtable>'


def to_mathml_flow(
    expression: Node | Box,
    style: Style = PLAIN,
    *,
    attributes: Attributes | None = None,
    lead: Box | None = None,
) -> str:
    """The expression as a run of small ``math`` elements between which a line may end, after a ``lead``.

    Put it into an element of its own.  Delimiters whose ends may be on different lines keep the size that
    their contents ask for.
    """
    box = typeset(expression, style) if isinstance(expression, Node) else expression
    page = Page(attributes)
    breaker = Breaker()
    breaker.avoid([box, lead])
    lines = [_parts(box, lead, breaker, page)]
    for definition in breaker.coming():
        named = flat_row(definition.left or Row(()), EQUALS)
        lines.append(_parts(definition.right, named, breaker, page))
    return "<br>".join("<wbr>".join(_flowing(part) for part in parts) for parts in lines)


def _flowing(content: str) -> str:
    return f'<math xmlns="{NAMESPACE}" displaystyle="true">{content}</math>'


def _parts(box: Box, lead: Box | None, breaker: Breaker, page: Page) -> list[str]:
    """The pieces of a formula between which a line may end, the first with what leads it."""
    first, *rest = (box_mathml(part, page) for part in segments(box, breaker))
    return [first if lead is None else f"<mrow>{box_mathml(lead, page)}{first}</mrow>", *rest]


def _element(name: str, content: str, **attributes: str) -> str:
    shown = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{shown}>{content}</{name}>"


@singledispatch
def box_mathml(box: Box, page: Page) -> str:
    """A box as MathML."""
    raise UnsupportedError(f"MathML has no rule for a {type(box).__name__} box")


@box_mathml.register
def _(box: Glyph, page: Page) -> str:
    text = escape(box.text)
    attributes = {"style": BOLD} if box.bold else {}
    match box.kind:
        case Kind.NUMBER:
            return _element("mn", text, **attributes)
        case Kind.LETTER | Kind.FUNCTION:
            return _element("mi", text, **attributes)
        case Kind.WORD:
            upright = {"mathvariant": "normal"} if len(box.text) == 1 else {}
            return _element("mi", text, **upright, **attributes)
        case _:
            return _operator(box, page)


_TIGHT: Mapping[str, str] = MappingProxyType({"lspace": "0", "rspace": "0"})


def _operator(box: Glyph, page: Page) -> str:
    text = escape(box.text)
    if box.kind is Kind.SIGN and box.text in "∂∇d":
        return _element("mi", text, mathvariant="normal")
    if box.kind is Kind.PUNCTUATION:
        return _element("mo", text, separator="true", **(_TIGHT if page.small else {}))
    if box.kind in (Kind.BINARY, Kind.RELATION):
        return _element("mo", text, form="infix", **(_TIGHT if page.small else {}))
    return _element("mo", text, form="prefix", **_TIGHT)


@box_mathml.register
def _(box: Row, page: Page) -> str:
    parts = []
    for position, item in enumerate(box.items):
        if isinstance(item, Glyph) and item.kind is Kind.BESIDE:
            following = box.items[position + 1] if position + 1 < len(box.items) else None
            before = box.items[position - 1] if position else None
            apart = before is None or _wants_space(before) or _wants_space(following)
            space = "0.17em" if apart and not page.small else "0"
            parts.append(_element("mo", item.text, form="infix", lspace=space, rspace="0"))
        else:
            parts.append(box_mathml(item, page))
            if _is_applied(box.items, position):
                parts.append(_element("mo", "\u2061", form="infix", **_TIGHT))
    return f"<mrow>{''.join(parts)}</mrow>"


def _is_applied(items: tuple[Box, ...], position: int) -> bool:
    """Whether an item is a function's name in front of its arguments."""
    if position + 1 == len(items) or not isinstance(items[position + 1], Fence | Delimiter):
        return False
    item = items[position]
    while isinstance(item, Scripts):
        item = item.base
    return isinstance(item, Glyph) and item.kind is Kind.FUNCTION


def _wants_space(box: Box | None) -> bool:
    """Whether a factor stands a little apart: fractions, matrices, words, functions, parentheses."""
    match box:
        case Mark(body=body) | Scripts(base=body):
            return _wants_space(body)
        case Row(items):
            return _wants_space(items[0])
        case Glyph(kind=kind, text=text):
            return kind is Kind.FUNCTION or (kind is Kind.WORD and len(text) > 1)
        case _:
            return isinstance(box, Fraction | Grid | Big | Root | Fence | Delimiter)


@box_mathml.register
def _(box: Scripts, page: Page) -> str:
    base = box_mathml(box.base, page)
    if isinstance(box.sup, Glyph) and set(box.sup.text) <= PRIMES:
        # A prime's own glyph is raised and small already, so it stands on the line.
        inner = base if box.sub is None else _element("msub", base + box_mathml(box.sub, page.script()))
        return f"<mrow>{inner}{box_mathml(box.sup, page)}</mrow>"
    scripts = [box_mathml(script, page.script()) for script in (box.sub, box.sup) if script is not None]
    name = "msubsup" if len(scripts) == 2 else "msub" if box.sub is not None else "msup"
    return _element(name, base + "".join(scripts))


_ACCENTS: Mapping[str, str] = MappingProxyType(
    {"hat": "\u02c6", "wide": "\u02c6", "tilde": "\u02dc", "bar": "\u00af", "dot": "\u02d9"}
)


@box_mathml.register
def _(box: Accent, page: Page) -> str:
    stretchy = "true" if box.mark == "wide" else "false"
    mark = _element("mo", _ACCENTS[box.mark], stretchy=stretchy)
    return _element("mover", box_mathml(box.base, page) + mark, accent="true")


@box_mathml.register
def _(box: Fraction, page: Page) -> str:
    return _element("mfrac", box_mathml(box.top, page) + box_mathml(box.bottom, page))


LARGEST_PLAIN = 2
"""Parentheses in parentheses only get larger around tall things: browsers leave gaps beside stretched ones."""

_SIZES = ("1em", "1.25em", "1.8em", "2.4em", "3em")


@box_mathml.register
def _(box: Fence, page: Page) -> str:
    size = fence_size(box)
    left, right = _delimiter(box.left, size, "prefix"), _delimiter(box.right, size, "postfix")
    return f"<mrow>{left}{box_mathml(box.body, page)}{right}</mrow>"


@box_mathml.register
def _(box: Delimiter, page: Page) -> str:
    return _delimiter(box.text, box.size, "prefix" if box.opening else "postfix")


def _delimiter(text: str, size: int | None, form: str) -> str:
    if size is not None and size <= LARGEST_PLAIN:
        return _element("mo", text, form=form, stretchy="false", **_TIGHT)
    if size is None:
        return _element("mo", text, form=form, stretchy="true", **_TIGHT)
    height = {"minsize": _SIZES[size], "maxsize": _SIZES[size]}
    return _element("mo", text, form=form, stretchy="true", symmetric="true", **height, **_TIGHT)


@box_mathml.register
def _(box: Grid, page: Page) -> str:
    rows = "".join(
        _element("mtr", "".join(_element("mtd", box_mathml(cell, page)) for cell in row)) for row in box.rows
    )
    left, right = _delimiter(box.left, None, "prefix"), _delimiter(box.right, None, "postfix")
    return f"<mrow>{left}{_element('mtable', rows)}{right}</mrow>"


@box_mathml.register
def _(box: Lines, page: Page) -> str:
    style = f"{_COLUMN.format('left')};padding:0.1em 0"
    rows = []
    for number, row in enumerate(box.rows):
        moved = style if number == 0 else f"{style};padding-left:1em"
        rows.append(f'<mtr><mtd style="{moved}">{box_mathml(row, page)}</mtd></mtr>')
    return _element("mtable", "".join(rows))


@box_mathml.register
def _(box: Big, page: Page) -> str:
    symbol = _element("mo", box.symbol.text, largeop="true", movablelimits="false", form="prefix")
    bounds = (box_mathml(bound, page.script()) for bound in (box.lower, box.upper))
    return _element("munderover", symbol + "".join(bounds))


@box_mathml.register
def _(box: Root, page: Page) -> str:
    return _element("msqrt", box_mathml(box.body, page))


@box_mathml.register
def _(box: Mark, page: Page) -> str:
    given = page.attributes(box) if page.attributes is not None else None
    body = box_mathml(box.body, page)
    return body if not given else _element("mrow", body, **given)
