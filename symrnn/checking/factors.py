"""Which constant an answer is off by, and what that constant is: a number, τ, a size, a scalar of the cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import prod

import numpy as np

from symrnn.checking.comparison import Array
from symrnn.checking.stations import Station
from symrnn.checking.verdict import Factor
from symrnn.emitting.text import index_text
from symrnn.language import Cell, Role

CLOSE = 1e-8
LARGEST_DENOMINATOR = 48
MOST_COUNTED = 5


def common_factor(values: Sequence[Array], truth: Sequence[Array]) -> float | None:
    """The c with values = c · truth at all points of one station; None where there is none, or nothing to compare."""
    a = np.concatenate([np.asarray(v, dtype=float).reshape(-1) for v in values])
    b = np.concatenate([np.asarray(v, dtype=float).reshape(-1) for v in truth])
    scale = float(b @ b)
    if not np.isfinite(a).all() or scale < 1e-20:
        return None
    factor = float(a @ b) / scale
    off = float(np.abs(a - factor * b).max())
    return factor if factor and off <= CLOSE * float(np.abs(a).max()) else None


def explained(cell: Cell, stations: Sequence[Station], factors: Sequence[float]) -> Factor | None:
    """One factor for all stations: a number, or a number times (or over) something that the stations differ in."""
    number = _constant(factors)
    if number is not None:
        return _named(cell, stations[0], number) or Factor(number)
    for symbol, numbers in (*_symbols(cell, stations), *_products(cell, stations)):
        if any(not n for n in numbers):
            continue
        for over in (False, True):
            rest = [f * n if over else f / n for f, n in zip(factors, numbers, strict=True)]
            number = _constant(rest, exact=True)
            if number is not None:
                return Factor(number, symbol, over)
    return None


def _named(cell: Cell, station: Station, number: Fraction | float) -> Factor | None:
    """A number that is a constant of the cell, or one over it: 1/10 is dt where dt = 0.1; 2 and 1/2 are just that."""
    if abs(number) in (1, 2, Fraction(1, 2)):
        return None
    for declared in cell.declarations:
        if declared.role is not Role.CONSTANT or declared.shape or declared.timed:
            continue
        value = float(station.evaluator.value(declared.name))
        for over in (False, True):
            rest = float(number) * value if over else float(number) / value if value else 0.0
            if abs(abs(rest) - 1) <= CLOSE:
                return Factor(Fraction(round(rest)), declared.name, over)
    return None


def _constant(factors: Sequence[float], exact: bool = False) -> Fraction | float | None:
    first = factors[0]
    if any(abs(f - first) > CLOSE * abs(first) for f in factors):
        return None
    rational = Fraction(first).limit_denominator(LARGEST_DENOMINATOR)
    if abs(float(rational) - first) <= CLOSE * abs(first):
        return rational
    return None if exact else first


def _products(cell: Cell, stations: Sequence[Station]) -> Iterator[tuple[str, list[float]]]:
    """The length and the sizes multiplied, as in a mean over steps, examples and classes: at most three."""
    own = {name for name, _ in cell.equal_sizes}
    scalars = {d.name for d in cell.declarations}
    counted = [(name, numbers) for name, numbers in _symbols(cell, stations) if name not in own | scalars]
    for count in (2, 3):
        for chosen in combinations(counted[:MOST_COUNTED], count):
            name = "*".join(f"({n})" if not n.isidentifier() else n for n, _ in chosen)
            yield name, [prod(numbers) for numbers in zip(*(numbers for _, numbers in chosen), strict=True)]


def _symbols(cell: Cell, stations: Sequence[Station]) -> Iterator[tuple[str, list[float]]]:
    """What a factor may be, with its value at every station."""
    length = cell.time.length
    if length.constant is None:
        yield index_text(length), [float(length.value(s.sizes)) for s in stations]
    for name in cell.sizes:
        yield name, [float(s.sizes[name]) for s in stations]
    for declared in cell.declarations:
        if not declared.shape and not declared.timed and declared.role in (Role.PARAMETER, Role.CONSTANT):
            yield declared.name, [float(s.evaluator.value(declared.name)) for s in stations]
