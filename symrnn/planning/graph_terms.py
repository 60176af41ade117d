"""What the builder of a graph asks about array expressions: their terms, factors and times."""

from __future__ import annotations

from fractions import Fraction

from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.graph import Arg
from symrnn.planning.shifting import shifted
from symrnn.planning.system import System


def written_out(body: Array, index: str, values: range) -> Array:
    """The terms of a short sum, ``W^0 + W^1 + W^2``."""
    terms = [shifted(body, {index: Index.of(k)}) for k in values]
    return arrays.plus(terms or [arrays.zeros(body.axes)])


def anchor(args: list[Arg]) -> int:
    """The time of an operation among those of its operands: the latest, or the earliest of what runs backward.

    One of operands that run in either direction is at the present, where both can read it.
    """
    shifts = [a.shift for a in args if a.op.timed]
    if not shifts:
        return 0
    backward = [a.op.backward for a in args if a.op.timed]
    if any(backward) and not all(backward) and min(shifts) <= 0 <= max(shifts):
        return 0
    return min(shifts) if any(backward) else max(shifts)


def clip(low: Index, high: Index, system: System) -> tuple[Index, Index]:
    """A range cut to the cell's own, beyond which an adjoint is 0."""
    before, after = (system.time.first - low).constant, (high - system.time.last).constant
    return (
        system.time.first if before is not None and before > 0 else low,
        system.time.last if after is not None and after > 0 else high,
    )


def is_fixed_part(load: arrays.Load, index: str) -> bool:
    """Whether a read is that of an adjoint at one time."""
    return load.role is Role.PART and load.time is not None and index not in load.time.names()


def terms_of(array: Array) -> list[Array]:
    """The terms of a sum; of anything else, that alone."""
    return list(array.terms) if isinstance(array, arrays.Plus) else [array]


def is_outside(term: Array, now: Index, index: str, first: Index, last: Index) -> bool:
    """Whether a term at this time reads a part beyond the ends, where it is 0."""
    for load in arrays.loads(term):
        if load.role is Role.PART and load.time is not None:
            time = load.time.substitute({index: now})
            after, before = (time - last).constant, (first - time).constant
            if (after or 0) > 0 or (before or 0) > 0:
                return True
    return False


def scaled(array: Array) -> tuple[Fraction, Array]:
    """A number in front, and the rest."""
    if not isinstance(array, arrays.Einsum) or array.coefficient == 1:
        return Fraction(1), array
    bare = array.factors
    if len(bare) == 1 and bare[0][1] == array.out:
        return array.coefficient, bare[0][0]
    return array.coefficient, arrays.Einsum(Fraction(1), *array.args[1:])


def square(array: Array) -> Array:
    """The product of an array with itself, entry by entry."""
    labels = tuple(range(len(array.axes)))
    return arrays.Einsum(Fraction(1), ((array, labels), (array, labels)), labels, ())
