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
    pieces = list(flatten(fitted(box, limit, measure)))
    widths = [measure(piece.box) for piece in pieces]
    ranges = _best(pieces, widths, limit, first)
    return tuple(_line(pieces[start:stop], start > 0) for start, stop in ranges)


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
    return tuple(_marked(part, 0) for part in _refined(list(flatten(fitted(box, WIDEST_MATRIX)))))


def _refined(pieces: list[Piece]) -> Iterator[list[Piece]]:
    prices = [piece.price for piece in pieces[1:] if piece.price is not None]
    if not prices or sum(width(piece.box) for piece in pieces) <= SEGMENT:
        yield pieces
        return
    cheapest = min(prices)
    cuts = [0, *(i for i, piece in enumerate(pieces) if i and piece.price == cheapest), len(pieces)]
    for start, stop in pairwise(cuts):
        yield from _refined(pieces[start:stop])


def flatten(box: Box, depth: int = 0, marks: tuple[Mark, ...] = ()) -> Iterator[Piece]:
    """A box as pieces.  Fences that needn't stretch are opened, and their delimiters keep their size."""
    if isinstance(box, Row):
        after_comma = False
        for position, item in enumerate(box.items):
            inner = list(flatten(item, depth, marks))
            price = _price(item, depth) if position else None
            if after_comma:
                price = PRICES[Kind.PUNCTUATION] + DEPTH * depth
            yield replace(inner[0], price=price)
            yield from inner[1:]
            after_comma = isinstance(item, Glyph) and item.kind is Kind.PUNCTUATION
    elif isinstance(box, Mark):
        yield from flatten(box.body, depth, (*marks, box))
    elif isinstance(box, Fence) and (size := fence_size(box)) is not None and box.left == "(":
        yield Piece(Delimiter(box.left, size, True), None, marks)
        yield from flatten(box.body, depth + 1, marks)
        yield Piece(Delimiter(box.right, size, False), None, marks)
    else:
        yield Piece(box, None, marks)


def _price(box: Box, depth: int) -> int | None:
    if not isinstance(box, Glyph) or box.kind not in PRICES or box.kind is Kind.PUNCTUATION:
        return None
    circled = box.kind is Kind.BINARY and box.text not in ADDITIVE
    return (CIRCLED_PRICE if circled else PRICES[box.kind]) + DEPTH * depth


def _best(pieces: list[Piece], widths: list[float], limit: float, first: float | None) -> list[tuple[int, int]]:
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
            length = sums[stop] - sums[start]
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
    if continued and isinstance(first.box, Glyph) and first.box.kind is Kind.BESIDE:
        first = replace(first, box=DOT)
    return _marked([first, *rest], 0)


def _marked(pieces: list[Piece], depth: int) -> Box:
    """The pieces in a row, those with the same mark in one mark again."""
    boxes: list[Box] = []
    for mark, run in groupby(pieces, key=lambda piece: piece.marks[depth] if len(piece.marks) > depth else None):
        group = list(run)
        boxes += [piece.box for piece in group] if mark is None else [replace(mark, body=_marked(group, depth + 1))]
    return flat_row(*boxes)
