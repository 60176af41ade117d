"""Breaking a long formula into lines: before a + or −, else between two factors, at worst inside parentheses.

Every place where it may be broken has a price, and the cheapest lines that fit are chosen together rather than one
after the other.  Matrices that are too wide get entries of several lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from itertools import accumulate, pairwise

from symrnn.emitting.boxes import Box, Fence, Glyph, Grid, Kind, Lines, Mark, Row, Scripts
from symrnn.emitting.measure import LINE_INDENT, width
from symrnn.emitting.names import letters_box
from symrnn.emitting.pieces import Flattening, Measure, Piece, joined_pieces
from symrnn.emitting.rules import DOT, joined, number_glyph
from symrnn.emitting.typeset import Equation

SEGMENT = 16.0
"""How wide a piece may be that a page cannot break, in em: a phone shows about twenty."""

WIDEST_MATRIX = 18.0
"""How wide a matrix may be on a page, in em, before its entries take several lines."""

WIDEST_LEFT = 0.4
"""What part of a line a left side may take."""

LINE_PRICE = 4.0
"""What every further line costs."""

FENCE_ROOM = 1.0
NARROWEST = 1 / 6
ATTEMPTS = 6
SHRINK = 0.9
MOST_LINES = 5
"""An entry of a matrix that would take more lines gets a name."""

NAMES = "JMQRZ"
OVERFULL = 10_000.0


def break_lines(box: Box, limit: float, first: float | None = None, measure: Measure = width) -> tuple[Box, ...]:
    """The box in lines no wider than ``limit`` (the first no wider than ``first``), as far as possible.

    Widths are in em, unless another measure is given: a terminal's is in characters.
    """
    return Breaker(measure).lines(box, limit, first)


def segments(box: Box, breaker: Breaker) -> tuple[Box, ...]:
    """The box cut where a line may end, for pages that choose the lines themselves.

    It is cut at the cheapest places first; only what is still wide is cut again, at the next cheapest.
    """
    pieces = list(Flattening(WIDEST_MATRIX, breaker.measure).pieces(breaker.fitted(box, WIDEST_MATRIX)))
    return tuple(joined_pieces(part) for part in _refined(pieces))


def _refined(pieces: list[Piece]) -> Iterator[list[Piece]]:
    prices = [piece.price for piece in pieces[1:] if piece.price is not None]
    if not prices or sum(width(piece.box) for piece in pieces) <= SEGMENT:
        yield pieces
        return
    cheapest = min(prices)
    cuts = [0, *(i for i, piece in enumerate(pieces) if i and piece.price == cheapest), len(pieces)]
    for start, stop in pairwise(cuts):
        yield from _refined(pieces[start:stop])


def unwound(equations: Iterable[Equation], limit: float, measure: Measure = width) -> list[Equation]:
    """Equations whose left side would leave no room for the right get it on a line of its own."""
    result: list[Equation] = []
    for equation in equations:
        if equation.left is None or measure(equation.left) <= WIDEST_LEFT * limit:
            result.append(equation)
        else:
            result += [Equation(None, equation.left, bare=True), Equation(None, equation.right)]
    return result


class Memo:
    """A measure that is taken once of every box; a setting shares the boxes of what occurs several times."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._known: dict[int, tuple[Box, float]] = {}

    def __call__(self, box: Box) -> float:
        # The box is kept beside its width, so that its identity is not given to another.
        known = self._known.get(id(box))
        if known is None:
            known = self._known[id(box)] = (box, self._measure(box))
        return known[1]


class Breaker:
    """Breaks boxes by one measure, and remembers what it has measured and fitted."""

    def __init__(self, measure: Measure = width) -> None:
        self.measure = Memo(measure)
        self.definitions: list[Equation] = []
        self._grids: dict[tuple[int, float], tuple[Grid, Grid]] = {}
        self._named: dict[int, tuple[Grid, Grid]] = {}
        self._taken: set[str] = set()

    def avoid(self, boxes: Iterable[Box | None]) -> None:
        """Keep from naming anything with a letter that occurs in these boxes."""
        self._taken |= {letter for box in boxes if box is not None for letter in letters_in(box)}

    def coming(self) -> Iterator[Equation]:
        """The definitions, those too that are made while the others are set."""
        position = 0
        while position < len(self.definitions):
            yield self.definitions[position]
            position += 1

    def lines(self, box: Box, limit: float, first: float | None = None) -> tuple[Box, ...]:
        """The box in lines."""
        if self.measure(box) <= (limit if first is None else first):
            return (box,)
        # A line that goes on with a product begins with a dot, where there was a space.
        dot = self.measure(DOT)
        pieces, widths = self._pieces(box, limit, limit - dot)
        leads = [dot - w if piece.is_beside else 0.0 for piece, w in zip(pieces, widths, strict=True)]
        ranges = _best(pieces, widths, leads, limit, first)
        return tuple(_line(pieces[start:stop], start > 0) for start, stop in ranges)

    def _pieces(self, box: Box, limit: float, widest: float) -> tuple[list[Piece], list[float]]:
        """The pieces and their widths; matrices are made narrower until what stands around them fits beside them."""
        target = limit
        for attempt in range(ATTEMPTS):
            pieces = list(Flattening(limit, self.measure).pieces(self.fitted(box, target)))
            widths = [self.measure(piece.box) for piece in pieces]
            excess = max(_runs(pieces, widths)) - widest
            if excess <= 0 or attempt + 1 == ATTEMPTS:
                break
            target = max((target - excess) * SHRINK, limit * NARROWEST)
        return pieces, widths

    def fitted(self, box: Box, limit: float) -> Box:
        """The box with the entries of its matrices on several lines where a matrix is wider than ``limit``."""
        if self.measure(box) <= limit:
            return box
        match box:
            case Grid():
                return self._fitted_grid(box, limit)
            case Row(items):
                return Row(tuple(self.fitted(item, limit) for item in items))
            case Fence(body=body) | Mark(body=body):
                return replace(box, body=self.fitted(body, limit - FENCE_ROOM))
            case Scripts(base=base):
                return replace(box, base=self.fitted(base, limit - FENCE_ROOM))
            case _:
                return box

    def _fitted_grid(self, grid: Grid, limit: float) -> Grid:
        known = self._grids.get((id(grid), limit))
        if known is None:
            known = self._grids[id(grid), limit] = (grid, self._narrowed(grid, limit))
        return known[1]

    def _narrowed(self, grid: Grid, limit: float) -> Grid:
        """The wide columns share the room that the narrow ones leave."""
        wanted = [max(self.measure(cell) for cell in column) for column in zip(*grid.rows, strict=True)]
        room = limit - self.measure(grid) + sum(wanted)
        given = _shared(wanted, max(room, limit / 2))
        rows = tuple(tuple(self._entry(cell, w) for cell, w in zip(row, given, strict=True)) for row in grid.rows)
        if any(isinstance(cell, Lines) and len(cell.rows) > MOST_LINES for row in rows for cell in row):
            return self._with_names(grid, limit)
        return replace(grid, rows=rows)

    def _with_names(self, grid: Grid, limit: float) -> Grid:
        """The matrix with names for its long entries, which are noted as definitions."""
        known = self._named.get(id(grid))
        if known is None:
            letter = next((c for c in NAMES if c not in self._taken), NAMES[0])
            self._taken.add(letter)
            widest = limit / (2 * len(grid.rows[0]))
            rows = tuple(
                tuple(self._name(letter, f"{i}{j}", cell, grid, widest) for j, cell in enumerate(row, 1))
                for i, row in enumerate(grid.rows, 1)
            )
            known = self._named[id(grid)] = (grid, replace(grid, rows=rows))
        return known[1]

    def _name(self, letter: str, place: str, cell: Box, grid: Grid, widest: float) -> Box:
        if self.measure(cell) <= widest:
            return cell
        below: list[Box] = [number_glyph(place)]
        below += [grid.time] if grid.time is not None else []
        label = Scripts(letters_box(letter, False), joined(below))
        self.definitions.append(Equation(label, cell))
        return label

    def _entry(self, cell: Box, limit: float) -> Box:
        rows = self.lines(cell, limit - LINE_INDENT, limit)
        return rows[0] if len(rows) == 1 else Lines(rows)


def letters_in(box: Box) -> Iterator[str]:
    """The letters that occur in a box."""
    match box:
        case Glyph(text=text, kind=Kind.LETTER):
            yield text
        case Glyph():
            return
        case _:
            for name in fields(box):
                yield from _letters_in_value(getattr(box, name.name))


def _letters_in_value(value: object) -> Iterator[str]:
    if isinstance(value, Box):
        yield from letters_in(value)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _letters_in_value(inner)


def _shared(wanted: list[float], room: float) -> list[float]:
    """How wide each column may be: what it wants where that is less than its share, else an equal share of the rest."""
    open_ones = sorted(range(len(wanted)), key=lambda i: wanted[i])
    given = [0.0] * len(wanted)
    for position, i in enumerate(open_ones):
        given[i] = min(wanted[i], room / (len(wanted) - position))
        room -= given[i]
    return given


def _runs(pieces: list[Piece], widths: list[float]) -> list[float]:
    """The widths of what cannot be broken: from one place where a line may begin to the next."""
    runs = [0.0]
    for piece, piece_width in zip(pieces, widths, strict=True):
        if piece.price is not None:
            runs.append(0.0)
        runs[-1] += piece_width
    return runs


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
        # An indent or a lead may leave no room at all.
        return OVERFULL * (1.0 + (length - room) / max(room, 1.0))
    return 0.0 if last else 3.0 * ((room - length) / room) ** 2 if room else 0.0


def _line(pieces: list[Piece], continued: bool) -> Box:
    """The pieces beside each other; a product that goes on begins with a dot."""
    first, *rest = pieces
    if continued and first.is_beside:
        first = replace(first, box=DOT)
    return joined_pieces([first, *rest])
