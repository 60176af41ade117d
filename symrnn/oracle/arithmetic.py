"""The arithmetic that an evaluation runs in: floating point here, exact numbers in
:mod:`symrnn.oracle.rational`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from symrnn.errors import DataError, UnsupportedError, did_you_mean
from symrnn.oracle.frame import Array
from symrnn.primitives import Primitive, lookup, names

Function = Callable[..., Array]


class Arithmetic:
    """Floating point, real or complex."""

    exact = False

    def array(self, values: Array) -> Array:
        """These numbers as an array of this arithmetic."""
        return np.asarray(values, dtype=float)

    def number(self, value: Fraction) -> Array:
        """One exact number as a 1×1 array."""
        try:
            return np.array([[float(value)]])
        except OverflowError:
            raise DataError("a number in the expression is too large for floating point") from None

    def primitive(self, record: Primitive, order: int, at_kink: float) -> Function:
        """The numbers of a primitive, or of its derivative of this order."""
        if order == 0:
            return record.evaluate if record.kink is None else _with_kink(record, record.kink, at_kink)
        if order > len(record.slopes):
            raise UnsupportedError(f"the derivative of order {order} of {record.name} has no numbers")
        slope = record.slopes[order - 1]
        return lambda x: slope(x, at_kink)

    def generic(self, name: str, order: int) -> Function:
        """A smooth function that stands for a generic one, the same for the same name."""
        return generic_function(name, order)

    def inverse(self, a: Array) -> Array:
        """The inverse of a square matrix."""
        try:
            return np.linalg.inv(a)
        except np.linalg.LinAlgError:
            raise DataError("inv of a singular matrix") from None

    def determinant(self, a: Array) -> Array:
        """The determinant, as a 1×1 array."""
        return np.linalg.det(a)[..., None, None]

    def matrix_power(self, a: Array, exponent: int) -> Array:
        """The matrix's own power."""
        base = a if exponent >= 0 else self.inverse(a)
        return np.linalg.matrix_power(base, abs(exponent))

    def power(self, base: Array, exponent: Array) -> Array:
        """The elementwise power."""
        return np.power(base, exponent)


def _with_kink(record: Primitive, kink: float, at_kink: float) -> Function:
    """The function, whose slope by complex step is the chosen one where the argument lies on the kink
    exactly.
    """

    def value(x: Array) -> Array:
        y = record.evaluate(x)
        if not np.iscomplexobj(x):
            return y
        on_kink = np.real(x) == kink
        if not on_kink.any():
            return y
        slope = record.slopes[0](np.real(x), at_kink)
        return np.where(on_kink, np.real(y) + 1j * slope * np.imag(x), y)

    return value


FLOAT = Arithmetic()


def generic_function(name: str, order: int) -> Function:
    """``d·x + a·sin(b·x + c)`` with constants drawn from the name, or its derivative of this order.

    Nothing is special about it: not odd, not even, no zero at 0, nowhere flat, analytic; so a derivation with
    a generic activation that is right for it is not right by accident.

    >>> f = generic_function("f", 0)
    >>> bool(abs(f(0.0)) > 0.05)
    True
    """
    seed = zlib.crc32(name.encode())
    a, b, c = (0.35 + 0.2 * ((seed >> shift) % 97) / 97 for shift in (0, 8, 16))
    slope, b, c = 0.8, b + 0.8, c + 0.2
    if order == 0:
        return lambda x: slope * x + a * np.sin(b * x + c)
    linear = slope if order == 1 else 0.0
    return lambda x: linear + a * b**order * np.sin(b * x + c + order * np.pi / 2)


def bound_function(name: str, functions: Mapping[str, str | None]) -> Primitive | None:
    """The primitive behind a name, None for a generic function without a binding.

    Raises UnsupportedError for a name that is neither.
    """
    wanted = functions.get(name, name)
    if wanted is None:
        return None
    record = lookup(wanted)
    if record is None:
        raise UnsupportedError(
            f'the function "{wanted}" has no numbers', hint=did_you_mean(wanted, (*names(), *functions))
        )
    return record
