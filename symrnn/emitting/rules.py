"""What the rules from nodes to boxes have in common: how tightly notation binds, and how children are set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import singledispatch

from symrnn.emitting.boxes import Box, Fence, Fraction, Glyph, Kind, Row, Scripts, beside, flat_row
from symrnn.emitting.style import Style
from symrnn.errors import UnsupportedError
from symrnn.language import Node


class Tight(IntEnum):
    """From the loosest to the tightest, as mathematics is read.

    ``a + b`` SUM, ``a ⊙ b`` CIRCLED, ``∑ a`` BINDER (open to the right), ``A B`` PRODUCT, ``∂y/∂x`` FRACTION,
    ``x²`` SCRIPTED (takes no second superscript), ``tanh(x)`` CALL (takes a superscript), a letter ATOM.
    """

    SUM = 1
    CIRCLED = 2
    BINDER = 3
    PRODUCT = 4
    FRACTION = 5
    SCRIPTED = 6
    CALL = 7
    ATOM = 8


@dataclass(frozen=True, slots=True)
class Set:
    """A node's notation and how tightly it binds."""

    box: Box
    tight: Tight


class Setter:
    """One setting of a formula in one style; a shared node is set once."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self._known: dict[Node, Set] = {}

    def set(self, node: Node) -> Set:
        """The node's notation."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = rule(node, self)
        return known

    def child(self, node: Node, least: Tight) -> Box:
        """A child's notation, in parentheses where it binds less tightly than asked."""
        found = self.set(node)
        return found.box if found.tight >= least else Fence(found.box)


@singledispatch
def rule(node: Node, setter: Setter) -> Set:
    """The notation of one node; its children's come from the setter."""
    raise UnsupportedError(f"mathematical notation has no rule for a {type(node).__name__} node")


PLUS = Glyph("+", "+", Kind.BINARY)
MINUS = Glyph("−", "-", Kind.BINARY, plain="-")
NEGATIVE = Glyph("−", "-", Kind.SIGN, plain="-")
EQUALS = Glyph("=", "=", Kind.RELATION)
COMMA = Glyph(",", ",", Kind.PUNCTUATION)
SEMICOLON = Glyph(";", ";", Kind.PUNCTUATION)
COLON = Glyph(":", ":", Kind.SIGN)
SLASH = Glyph("/", "/", Kind.SIGN)
DOT = Glyph("·", r"\cdot", Kind.BINARY, plain="*")
KRON = Glyph("⊗", r"\otimes", Kind.BINARY, plain="(x)")
OVER = Glyph("⊘", r"\oslash", Kind.BINARY, plain="./")
HADAMARD = {
    "odot": Glyph("⊙", r"\odot", Kind.BINARY, plain="(.)"),
    "circ": Glyph("∘", r"\circ", Kind.BINARY, plain="o"),
    "ast": Glyph("∗", r"\ast", Kind.BINARY, plain="*"),
}
TRANSPOSE = {
    "top": Glyph("⊤", r"\top", Kind.WORD, plain="T"),
    "T": Glyph("T", r"\mathrm{T}", Kind.WORD),
    "prime": Glyph("′", r"\prime", Kind.SIGN, plain="'"),
}


def number_glyph(text: str) -> Glyph:
    """Digits."""
    return Glyph(text, text, Kind.NUMBER)


def function_glyph(name: str) -> Glyph:
    """The upright name of a function that isn't a primitive: diag, vec, tr."""
    return Glyph(name, rf"\operatorname{{{name}}}", Kind.FUNCTION)


def applied(function: Box, *arguments: Box) -> Set:
    """A function with its arguments in parentheses."""
    return Set(flat_row(function, Fence(joined(arguments))), Tight.CALL)


def joined(boxes: tuple[Box, ...] | list[Box], separator: Glyph = COMMA) -> Box:
    """Boxes with a separator between."""
    items: list[Box] = []
    for box in boxes:
        items += [separator, box] if items else [box]
    return flat_row(*items)


def side_by_side(factors: list[Box], style: Style) -> Box:
    """Factors as a product: with the invisible sign, or a dot where the style or two numbers ask for one."""
    items: list[Box] = []
    for factor in factors:
        if items:
            dotted = style.product == "dot" or _needs_dot(items[-1], factor)
            items.append(DOT if dotted else beside())
        items.append(factor)
    return flat_row(*items)


def _needs_dot(left: Box, right: Box) -> bool:
    """Whether two factors would be misread side by side: α 3 as an index, 3 ⅔ as a mixed number."""
    if isinstance(right, Fraction):
        return _number_at(left, -1) and _number_at(right.top, 0)
    return _number_at(right, 0)


def _number_at(box: Box, end: int) -> bool:
    """Whether a box begins (0) or ends (-1) with a digit or a sign."""
    while isinstance(box, Row | Scripts | Fraction):
        box = box.items[end] if isinstance(box, Row) else box.top if isinstance(box, Fraction) else box.base
    return isinstance(box, Glyph) and box.kind in (Kind.NUMBER, Kind.SIGN)
