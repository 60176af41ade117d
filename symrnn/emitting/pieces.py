"""A formula laid out flat: pieces that cannot be broken, and the price of a new line before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from symrnn.emitting.boxes import Box, Delimiter, Fence, Glyph, Kind, Mark, Row, Scripts, flat_row
from symrnn.emitting.measure import fence_size

PRICES = {Kind.RELATION: 0, Kind.BINARY: 1, Kind.PUNCTUATION: 4, Kind.BESIDE: 6}
"""What a break costs at each kind of glyph, in parentheses DEPTH more for each pair."""

DEPTH = 30
ADDITIVE = "+−"
CIRCLED_PRICE = 3

TALLEST = 4
"""The size of delimiters that ought to stretch, but whose two ends stand on different lines."""

Measure = Callable[[Box], float]
"""How wide a box is: in em, or in a terminal's columns."""


@dataclass(frozen=True)
class Piece:
    """Something unbreakable; ``price`` is that of a new line before it, None where there can't be one.

    ``marks`` are those around it, the outermost first.
    """

    box: Box
    price: int | None
    marks: tuple[Mark, ...] = ()

    @property
    def is_beside(self) -> bool:
        """Whether it is the invisible product sign."""
        return isinstance(self.box, Glyph) and self.box.kind is Kind.BESIDE


@dataclass(frozen=True)
class Flattening:
    """Boxes as pieces.  Parentheses are opened and their delimiters keep a size of their own.

    Those around a matrix should stretch, so they are opened only where they are wider than ``limit``.
    """

    limit: float
    measure: Measure

    def pieces(self, box: Box, depth: int = 0, marks: tuple[Mark, ...] = ()) -> Iterator[Piece]:
        """The pieces of a box."""
        match box:
            case Row():
                yield from self._row(box, depth, marks)
            case Mark(body=body):
                yield from self.pieces(body, depth, (*marks, box))
            case Fence() if (size := self._size(box)) is not None:
                yield Piece(Delimiter(box.left, size, True), None, marks)
                yield from self.pieces(box.body, depth + 1, marks)
                yield Piece(Delimiter(box.right, size, False), None, marks)
            case Scripts(base=base) if self._closes(base):
                *inner, closing = self.pieces(base, depth, marks)
                yield from inner
                yield replace(closing, box=replace(box, base=closing.box))
            case _:
                yield Piece(box, None, marks)

    def _closes(self, box: Box) -> bool:
        """Whether a box ends with a parenthesis that is to be opened, so that scripts can stand at its end."""
        last = box.items[-1] if isinstance(box, Row) else box
        return isinstance(last, Fence) and self._size(last) is not None

    def _size(self, fence: Fence) -> int | None:
        """The size of the delimiters if the fence is to be opened."""
        if fence.left != "(":
            return None
        size = fence_size(fence)
        return TALLEST if size is None and self.measure(fence) > self.limit else size

    def _row(self, box: Row, depth: int, marks: tuple[Mark, ...]) -> Iterator[Piece]:
        after_comma = False
        for position, item in enumerate(box.items):
            first, *rest = self.pieces(item, depth, marks)
            price = _price(item, depth) if position else None
            if after_comma:
                price = PRICES[Kind.PUNCTUATION] + DEPTH * depth
            yield replace(first, price=price)
            yield from rest
            after_comma = isinstance(item, Glyph) and item.kind is Kind.PUNCTUATION


def _price(box: Box, depth: int) -> int | None:
    if not isinstance(box, Glyph) or box.kind not in PRICES or box.kind is Kind.PUNCTUATION:
        return None
    circled = box.kind is Kind.BINARY and box.text not in ADDITIVE
    return (CIRCLED_PRICE if circled else PRICES[box.kind]) + DEPTH * depth


def joined_pieces(pieces: list[Piece]) -> Box:
    """The pieces of one line in a row: parentheses whose two ends are in it are whole again, and so are marks."""
    open_at: list[int] = []
    done: list[Piece] = []
    for piece in pieces:
        delimiter = piece.box.base if isinstance(piece.box, Scripts) else piece.box
        if not isinstance(delimiter, Delimiter):
            done.append(piece)
        elif delimiter.opening:
            open_at.append(len(done))
            done.append(piece)
        elif not open_at:
            done.append(piece)
        else:
            start = open_at.pop()
            done[start:] = [_closed(done[start], done[start + 1 :], piece, delimiter)]
    return _marked(done, 0)


def _closed(opening: Piece, inner: list[Piece], closing: Piece, delimiter: Delimiter) -> Piece:
    """A fence from its delimiters and what is between them, with the scripts that stand at its end."""
    assert isinstance(opening.box, Delimiter)
    fence: Box = Fence(_marked(inner, len(opening.marks)), opening.box.text, delimiter.text)
    if isinstance(closing.box, Scripts):
        fence = replace(closing.box, base=fence)
    return Piece(fence, opening.price, opening.marks)


def _marked(pieces: list[Piece], depth: int) -> Box:
    """The pieces in a row, those with the same mark in one mark again, from the ``depth``-th mark on."""
    boxes: list[Box] = []
    for mark, run in groupby(pieces, key=lambda piece: piece.marks[depth] if len(piece.marks) > depth else None):
        group = list(run)
        if mark is None:
            boxes += [piece.box for piece in group]
        else:
            boxes.append(replace(mark, body=_marked(group, depth + 1)))
    return flat_row(*boxes)
