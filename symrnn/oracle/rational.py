"""Exact arithmetic: arrays of fractions (or of dual numbers over them) and what can be computed with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from symrnn.errors import DataError
from symrnn.oracle.arithmetic import Arithmetic, Function
from symrnn.oracle.differentiate import Step
from symrnn.oracle.dual import Dual, tangent_of, value_of
from symrnn.oracle.frame import Array
from symrnn.primitives import Primitive

_BOTH = (-2, -1)


class NotRationalError(DataError):
    """The expression leaves the rational numbers; in floating point it can be evaluated."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not stay within the rational numbers")
        self.what = what


def fraction(number: Any) -> Any:
    """A number as an exact one: integers, fractions, texts such as "3/2" and "0.1", decimals as they are
    printed.

    >>> fraction("3/2"), fraction(0.1), fraction(2)
    (Fraction(3, 2), Fraction(1, 10), Fraction(2, 1))
    """
    if isinstance(number, (Fraction, Dual)):
        return number
    if isinstance(number, (float, np.floating)):
        return Fraction(repr(float(number)))
    try:
        return Fraction(number if isinstance(number, (int, str)) else int(number))
    except (ValueError, TypeError, ZeroDivisionError):
        raise DataError(f'"{number}" is not a number', hint='Write 1.5, -2 or "3/2".') from None


_EXACT = np.frompyfunc(fraction, 1, 1)
_TANGENT = np.frompyfunc(tangent_of, 1, 1)


class RationalArithmetic(Arithmetic):
    """Fractions; functions that leave them raise NotRationalError."""

    exact = True

    def array(self, values: Array) -> Array:
        given = np.asarray(values)
        found = np.empty(given.shape, dtype=object)
        found[...] = _EXACT(given)
        return found

    def number(self, value: Fraction) -> Array:
        return self.array([[value]])

    def primitive(self, record: Primitive, order: int, at_kink: float) -> Function:
        if record.name in _SLOPES:
            return _elementwise(record.name, order, fraction(at_kink))
        if order == 0 and record.name in _REDUCTIONS:
            return _REDUCTIONS[record.name]
        raise NotRationalError(record.name)

    def generic(self, name: str, order: int) -> Function:
        raise NotRationalError(f"the generic function {name}")

    def inverse(self, a: Array) -> Array:
        return _for_each_matrix(_inverse, a)

    def determinant(self, a: Array) -> Array:
        return _for_each_matrix(lambda one: _eliminated(one)[1].reshape(1, 1), a)

    def matrix_power(self, a: Array, exponent: int) -> Array:
        base = a if exponent >= 0 else self.inverse(a)
        result = self.array(np.eye(a.shape[-1]))
        for _ in range(abs(exponent)):
            result = np.matmul(result, base)
        return result

    def power(self, base: Array, exponent: Array) -> Array:
        """Integer exponents only, one for all entries."""
        exponents = {value_of(e) for e in np.asarray(exponent).flat}
        if len(exponents) != 1 or Fraction(next(iter(exponents))).denominator != 1:
            raise NotRationalError("a power with an exponent that is not an integer")
        times = int(next(iter(exponents)))
        result = self.array(np.ones(base.shape))
        for _ in range(abs(times)):
            result = result * base
        return result if times >= 0 else self.number(Fraction(1)) / result


def _mean(x: Array) -> Array:
    return x.sum(axis=_BOTH, keepdims=True) / Fraction(x.shape[-1] * x.shape[-2])


def _variance(x: Array) -> Array:
    centred = x - _mean(x)
    return _mean(centred * centred)


_REDUCTIONS: Mapping[str, Function] = {
    "sum": lambda x: x.sum(axis=_BOTH, keepdims=True),
    "mean": _mean,
    "var": _variance,
    "norm2": lambda x: (x * x).sum(axis=_BOTH, keepdims=True),
    "dot": lambda x, y: (x * y).sum(axis=_BOTH, keepdims=True),
}

_SLOPES: Mapping[str, tuple[Fraction, Fraction]] = {
    "relu": (Fraction(0), Fraction(1)),
    "leaky_relu": (Fraction(1, 100), Fraction(1)),
    "abs": (Fraction(-1), Fraction(1)),
}
"""Piecewise linear functions through 0: the slopes below and above it."""


def _elementwise(name: str, order: int, at_kink: Fraction) -> Function:
    below, above = _SLOPES[name]
    middle = below + (above - below) * at_kink

    def slope(x: Any) -> Any:
        return above if x > 0 else below if x < 0 else middle

    rules: tuple[Callable[[Any], Any], ...] = (lambda x: x * slope(x), slope)
    return np.frompyfunc(rules[order] if order < 2 else lambda x: Fraction(0), 1, 1)


def _for_each_matrix(operation: Callable[[Array], Array], a: Array) -> Array:
    flat = a.reshape(-1, *a.shape[-2:])
    results = [operation(one) for one in flat]
    found = np.empty((len(results), *results[0].shape), dtype=object)
    for place, result in enumerate(results):
        found[place] = result
    return found.reshape(*a.shape[:-2], *results[0].shape)


def _eliminated(a: Array) -> tuple[Array, Array]:
    """Gauss-Jordan elimination of (A | I): the inverse (where there is one), and the determinant."""
    size = a.shape[0]
    work = np.concatenate([a, RATIONAL.array(np.eye(size))], axis=1)
    determinant = Fraction(1)
    for column in range(size):
        pivot = next((row for row in range(column, size) if work[row, column] != 0), None)
        if pivot is None:
            return work, RATIONAL.array(0)
        if pivot != column:
            work[[column, pivot]] = work[[pivot, column]]
            determinant = -determinant
        determinant = determinant * work[column, column]
        work[column] = work[column] / work[column, column]
        for row in range(size):
            if row != column:
                work[row] = work[row] - work[row, column] * work[column]
    return work[:, size:], RATIONAL.array(determinant)


def _inverse(a: Array) -> Array:
    inverse, determinant = _eliminated(a)
    if determinant == 0:
        raise DataError("inv of a singular matrix")
    return inverse


RATIONAL = RationalArithmetic()


class DualStep(Step):
    """Exact derivatives: every coordinate in its own copy gets a tangent of one."""

    def change(self, value: Array, directions: Array) -> Array:
        changed = np.empty(directions.shape, dtype=object)
        changed[...] = value
        moved = directions != 0
        changed[moved] = [number + Dual(Fraction(0), Fraction(1)) for number in changed[moved]]
        return changed

    def read(self, changed: Array) -> Array:
        return _TANGENT(changed)


DUAL = DualStep()
