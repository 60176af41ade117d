"""Dual numbers a + bε with ε² = 0: exact forward-mode derivatives of whatever is computed with them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Plain = Fraction | int
PLAIN = (Fraction, int)


class Dual:
    """One dual number; mixes with integers and fractions, and compares by its value.

    >>> x = Dual(Fraction(3), Fraction(1))
    >>> (x * x + 1) / x  # x + 1/x at 3, and its derivative 1 - 1/9
    Dual(10/3, 8/9)
    """

    __slots__ = ("tangent", "value")

    def __init__(self, value: Plain, tangent: Plain) -> None:
        self.value = value
        self.tangent = tangent

    def __repr__(self) -> str:
        return f"Dual({self.value}, {self.tangent})"

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        if not isinstance(other, PLAIN):
            return NotImplemented  # an array takes the number entry by entry
        return Dual(self.value + other, self.tangent)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: Any) -> Dual:
        return self + (-other)

    def __rsub__(self, other: Any) -> Dual:
        return (-self) + other

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.value * other.tangent + self.tangent * other.value)
        if not isinstance(other, PLAIN):
            return NotImplemented
        return Dual(self.value * other, self.tangent * other)

    __rmul__ = __mul__

    def reciprocal(self) -> Dual:
        """1/(a + bε) = 1/a − b/a² ε."""
        inverse = 1 / Fraction(self.value)
        return Dual(inverse, -self.tangent * inverse * inverse)

    def __truediv__(self, other: Any) -> Dual:
        if not isinstance(other, (Dual, *PLAIN)):
            return NotImplemented
        return self * (other.reciprocal() if isinstance(other, Dual) else 1 / Fraction(other))

    def __rtruediv__(self, other: Any) -> Dual:
        return self.reciprocal() * other

    def __eq__(self, other: object) -> bool:
        return bool(self.value == value_of(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < value_of(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > value_of(other))

    def __bool__(self) -> bool:
        return bool(self.value)


def value_of(number: Any) -> Any:
    """The value of a dual number, or the number itself."""
    return number.value if isinstance(number, Dual) else number


def tangent_of(number: Any) -> Any:
    """The derivative that a number carries; a plain number carries none."""
    return number.tangent if isinstance(number, Dual) else Fraction(0)
