"""Breaking a long formula into lines: before a + or −, else between two factors, at worst inside parentheses.

A formula is laid out flat, every place where it may be broken gets a price, and the cheapest lines that fit
are chosen together rather than one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from symrnn.emitting.boxes import Box, Delimiter, Fence, Glyph, Grid, Kind, Lines, Mark, Row, Scripts, flat_row
from symrnn.emitting.measure import LINE_INDENT, fence_size, width
from symrnn.emitting.rules import DOT
from symrnn.emitting.typeset import Equation

PRICES = {Kind.RELATION: 0, Kind.BINARY: 1, Kind.PUNCTUATION: 4, Kind.BESIDE: 6}
"""What a break costs at each kind of glyph, in parentheses DEPTH more for each pair."""

DEPTH = 30
ADDITIVE = "+−"
CIRCLED_PRICE = 3
SEGMENT = 16.0
"""How wide a piece may be that a page cannot break, in em: a phone shows about twenty."""

WIDEST_MATRIX = 38.0
"""How wide a matrix may be on a page, in em, before its entries take several lines."""

FENCE_ROOM = 1.0
WIDEST_LEFT = 0.4
"""What part of a line a left side may take."""

LINE_PRICE = 4.0
"""What every further line costs."""

ATTEMPTS = 4
TALLEST = 4
"""The size of delimiters that ought to stretch, but whose two ends stand on different lines."""

OVERFULL = 10_000.0


@dataclass(frozen=True)
class Piece:
    """Something unbreakable; ``price`` is that of a new line before it, None where there can't be one.

    ``marks`` are those around it, the outermost first.
    """

    box: Box
    price: int | None
    marks: tuple[Mark, ...] = ()


Measure = Callable[[Box], float]


def break_lines(box: Box, limit: float, first: float | None = None, measure: Measure = width) -> tuple[Box, ...]:
    """The box in lines no wider than ``limit`` (the first no wider than ``first``), as far as possible.

    Widths are in em, unless another measure is given: a terminal's is in characters.
    """
    if measure(box) <= (limit if first is None else first):
        return (box,)
    # A line that goes on with a product begins with a dot, where there was a space.
    dot = measure(DOT)
    pieces, widths = _pieces(box, limit, limit - dot, measure)
    leads = [dot - w if _is_beside(piece) else 0.0 for piece, w in zip(pieces, widths, strict=True)]
    ranges = _best(pieces, widths, leads, limit, first)
    return tuple(_line(pieces[start:stop], start > 0) for start, stop in ranges)


def _pieces(box: Box, limit: float, widest: float, measure: Measure) -> tuple[list[Piece], list[float]]:
    """The pieces and their widths; matrices are made narrower until what stands around them fits beside them."""
    target = limit
    for attempt in range(ATTEMPTS):
        pieces = list(Flattening(limit, measure).pieces(fitted(box, target, measure)))
        widths = [measure(piece.box) for piece in pieces]
        excess = max(widths) - widest
        if excess <= 0 or attempt + 1 == ATTEMPTS:
            break
        target = max(target - excess, limit / 3)
    return pieces, widths


def unwound(equations: Iterable[Equation], limit: float, measure: Measure = width) -> list[Equation]:
    """Equations whose left side would leave no room for the right get it on a line of its own."""
    result: list[Equation] = []
    for equation in equations:
        if equation.left is None or measure(equation.left) <= WIDEST_LEFT * limit:
            result.append(equation)
        else:
            result += [Equation(None, equation.left, bare=True), Equation(None, equation.right)]
    return result


def fitted(box: Box, limit: float, measure: Measure = width) -> Box:
    """The box with the entries of its matrices on several lines where the matrix would be wider than ``limit``."""
    match box:
        case Grid():
            return _fitted_grid(box, limit, measure)
        case Row(items):
            return Row(tuple(fitted(item, limit, measure) for item in items))
        case Fence(body=body) | Mark(body=body):
            return replace(box, body=fitted(body, limit - FENCE_ROOM, measure))
        case Scripts(base=base):
            return replace(box, base=fitted(base, limit - FENCE_ROOM, measure))
        case _:
            return box


def _fitted_grid(grid: Grid, limit: float, measure: Measure) -> Grid:
    """The wide columns of a matrix share the room that the narrow ones leave."""
    if measure(grid) <= limit:
        return grid
    wanted = [max(measure(cell) for cell in column) for column in zip(*grid.rows, strict=True)]
    room = limit - measure(grid) + sum(wanted)
    given = _shared(wanted, max(room, limit / 2))
    return replace(
        grid,
        rows=tuple(
            tuple(_lines(cell, width_, measure) for cell, width_ in zip(row, given, strict=True)) for row in grid.rows
        ),
    )


def _shared(wanted: list[float], room: float) -> list[float]:
    """How wide each column may be: what it wants where that is less than its share, else an equal share of the rest."""
    open_ones = sorted(range(len(wanted)), key=lambda i: wanted[i])
    given = [0.0] * len(wanted)
    for position, i in enumerate(open_ones):
        given[i] = min(wanted[i], room / (len(wanted) - position))
        room -= given[i]
    return given


def _lines(cell: Box, limit: float, measure: Measure) -> Box:
    rows = break_lines(cell, limit - LINE_INDENT, limit, measure)
    return rows[0] if len(rows) == 1 else Lines(rows)


def segments(box: Box) -> tuple[Box, ...]:
    """The box cut where a line may end, for pages that choose the lines themselves.

    It is cut at the cheapest places first; only what is still wide is cut again, at the next cheapest.
    """
    pieces = list(Flattening(WIDEST_MATRIX).pieces(fitted(box, WIDEST_MATRIX)))
    return tuple(_marked(part, 0) for part in _refined(pieces))


def _refined(pieces: list[Piece]) -> Iterator[list[Piece]]:
    prices = [piece.price for piece in pieces[1:] if piece.price is not None]
    if not prices or sum(width(piece.box) for piece in pieces) <= SEGMENT:
        yield pieces
        return
    cheapest = min(prices)
    cuts = [0, *(i for i, piece in enumerate(pieces) if i and piece.price == cheapest), len(pieces)]
    for start, stop in pairwise(cuts):
        yield from _refined(pieces[start:stop])


@dataclass(frozen=True)
class Flattening:
    """Boxes as pieces.  Parentheses are opened and their delimiters keep a size of their own.

    Those around a matrix should stretch, so they are opened only where they are wider than ``limit``.
    """

    limit: float
    measure: Measure = width

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


def _is_beside(piece: Piece) -> bool:
    return isinstance(piece.box, Glyph) and piece.box.kind is Kind.BESIDE


def _best(
    pieces: list[Piece], widths: list[float], leads: list[float], limit: float, first: float | None
) -> list[tuple[int, int]]:
    """The cheapest way to cut, as ranges: dynamic programming over the places where a line may begin."""
    cuts = [0, *(i for i, piece in enumerate(pieces) if i and piece.price is not None), len(pieces)]
    sums = [0.0, *accumulate(widths)]
    widest = max(limit, first or 0.0)
    cost: dict[int, tuple[float, int]] = {0: (0.0, 0)}
    for position, stop in enumerate(cuts[1:], 1):
        last = stop == len(pieces)
        price = 0.0 if last else LINE_PRICE + (pieces[stop].price or 0)
        options: list[tuple[float, int]] = []
        for start in reversed(cuts[:position]):
            room = limit if start or first is None else first
            length = sums[stop] - sums[start] + (leads[start] if start else 0.0)
            if options and length > widest:
                break
            options.append((cost[start][0] + _badness(length, room, last) + price, start))
        cost[stop] = min(options)
    ranges = []
    stop = len(pieces)
    while stop:
        ranges.append((cost[stop][1], stop))
        stop = cost[stop][1]
    return ranges[::-1]


def _badness(length: float, room: float, last: bool) -> float:
    """Overfull lines are forbidden as long as there is another way; empty space at the end costs a little."""
    if length > room:
        return OVERFULL * (1.0 + (length - room) / room)
    return 0.0 if last else 3.0 * ((room - length) / room) ** 2


def _line(pieces: list[Piece], continued: bool) -> Box:
    """The pieces beside each other; a product that goes on begins with a dot."""
    first, *rest = pieces
    if continued and _is_beside(first):
        first = replace(first, box=DOT)
    return _marked([first, *rest], 0)


def _marked(pieces: list[Piece], depth: int) -> Box:
    """The pieces in a row, those with the same mark in one mark again."""
    boxes: list[Box] = []
    for mark, run in groupby(pieces, key=lambda piece: piece.marks[depth] if len(piece.marks) > depth else None):
        group = list(run)
        boxes += [piece.box for piece in group] if mark is None else [replace(mark, body=_marked(group, depth + 1))]
    return flat_row(*boxes)
