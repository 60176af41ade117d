"""Notation without a format: what stands beside, above and around what.

:mod:`symrnn.emitting.typeset` turns nodes into boxes; LaTeX, MathML and the terminal each turn boxes into
text. There are few kinds of box, so that a new output format is one short file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from symrnn.language import Node


class Kind(Enum):
    """What a glyph is, which decides its shape and the space around it."""

    LETTER = "letter"  # a variable's letters, slanted
    WORD = "word"  # a name of several letters, upright
    NUMBER = "number"
    FUNCTION = "function"  # tanh, diag, ReLU: upright, with a thin space before it
    SIGN = "sign"  # ∂, a leading minus: no space around it
    BINARY = "binary"  # + − ⊙ ⊗: spaces on both sides
    RELATION = "relation"
    PUNCTUATION = "punctuation"
    BESIDE = "beside"  # the invisible product of two factors that stand side by side


@dataclass(frozen=True, slots=True)
class Box:
    """Anything that can be set."""


@dataclass(frozen=True, slots=True)
class Glyph(Box):
    """One symbol, in the three spellings that a format may need."""

    text: str
    latex: str
    kind: Kind
    plain: str = ""
    bold: bool = False

    @property
    def ascii(self) -> str:
        """The spelling where there is nothing but ASCII."""
        return self.plain or self.text


@dataclass(frozen=True, slots=True)
class Row(Box):
    """Boxes side by side."""

    items: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Scripts(Box):
    """A base with a subscript, a superscript, or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None


@dataclass(frozen=True, slots=True)
class Accent(Box):
    """A base with ``hat``, ``wide`` (a wide hat), ``tilde``, ``bar`` or ``dot`` above."""

    base: Box
    mark: str


@dataclass(frozen=True, slots=True)
class Fraction(Box):
    """One above the other with a line between."""

    top: Box
    bottom: Box


@dataclass(frozen=True, slots=True)
class Fence(Box):
    """A body between delimiters that are as tall as it is."""

    body: Box
    left: str = "("
    right: str = ")"


@dataclass(frozen=True, slots=True)
class Delimiter(Box):
    """One delimiter of a fence whose two ends stand on different lines; ``size`` counts from 0 to 4."""

    text: str
    size: int
    opening: bool


@dataclass(frozen=True, slots=True)
class Grid(Box):
    """A matrix of boxes between delimiters; ``time`` is the one time that its entries speak of, if there is one."""

    rows: tuple[tuple[Box, ...], ...]
    left: str = "("
    right: str = ")"
    time: Box | None = None


@dataclass(frozen=True, slots=True)
class Lines(Box):
    """A long entry of a matrix on several lines, those after the first moved in a little."""

    rows: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Big(Box):
    """A big operator with its bounds; the body stands beside it."""

    symbol: Glyph
    lower: Box
    upper: Box


@dataclass(frozen=True, slots=True)
class Root(Box):
    """The square root of a body."""

    body: Box


@dataclass(frozen=True, slots=True)
class Mark(Box):
    """A box of which the reader may want to know the node: a derivative, or the n-th term of a sum.

    It looks like its body.  ``kind`` is ``derivative`` or ``term``; ``position`` counts terms from 0.
    """

    body: Box
    node: Node
    kind: str
    position: int | None = None


PRIMES = frozenset("′″‴")
"""The characters of which a superscript of primes is made."""


def beside() -> Glyph:
    """The product sign that isn't printed."""
    return Glyph("\u2062", "", Kind.BESIDE, plain=" ")


def flat_row(*items: Box) -> Box:
    """A row without rows in it; a single item is itself."""
    flat: list[Box] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Row) else (item,))
    return flat[0] if len(flat) == 1 else Row(tuple(flat))
