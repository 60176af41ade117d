"""Exact values and derivatives for exact numbers, and a statement where that is not possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

import numpy as np

from symrnn.errors import DataError
from symrnn.language.cell import Cell
from symrnn.language.formula import Formula
from symrnn.language.layout import Layout
from symrnn.language.node import Node
from symrnn.oracle.dual import value_of
from symrnn.oracle.evaluate import NO_TIMES, Evaluator
from symrnn.oracle.frame import Array
from symrnn.oracle.instance import Instance
from symrnn.oracle.rational import DUAL, RATIONAL, NotRationalError

Result = TypeVar("Result")

_FLOAT = np.frompyfunc(float, 1, 1)
_VALUE = np.frompyfunc(value_of, 1, 1)


@dataclass(frozen=True)
class Numbers:
    """A result: an array of fractions where ``exact``, of floats otherwise, and then ``statement`` says why.

    ``touched`` names the functions whose kink was met exactly, so that the derivative there was a convention.
    """

    array: Array
    exact: bool
    statement: str | None = None
    touched: frozenset[str] = frozenset()

    def text(self) -> object:
        """Nested lists of texts such as "3/2" (floats where not exact); a scalar is one text."""
        return _texts(self.array.tolist())


def _texts(entry: object) -> object:
    if isinstance(entry, list):
        return [_texts(inner) for inner in entry]
    return str(entry) if isinstance(entry, Fraction) else entry


class ExactEvaluator:
    """Evaluates over a user's numbers: exactly where every function involved is rational, else in floating
    point.

    ``at_kink`` is the slope of relu, leaky_relu and abs at 0 as a fraction of the jump: 0, ½ or 1.
    """

    def __init__(self, cell: Cell, instance: Instance, at_kink: Fraction | float = 0) -> None:
        self.cell = cell
        self.instance = instance
        self.at_kink = at_kink

    @cached_property
    def exact(self) -> Evaluator:
        """The evaluator over fractions; what is not rational is missing from it."""
        return _guarded(
            lambda: Evaluator(
                self.cell,
                self.instance,
                arithmetic=RATIONAL,
                step=DUAL,
                at_kink=self.at_kink,  # type: ignore[arg-type]
            )
        )

    @cached_property
    def floating(self) -> Evaluator:
        """The evaluator over floats."""
        return Evaluator(self.cell, _in_floats(self.instance), at_kink=float(self.at_kink))

    def evaluate(self, expression: Node | Formula, times: Mapping[str, int] = NO_TIMES) -> Numbers:
        """The value of an expression or formula."""
        return self._either(lambda evaluator: evaluator.evaluate(expression, times))

    def total(
        self, of: Node, by: Node, times: Mapping[str, int] = NO_TIMES, layout: Layout = Layout.NUMERATOR
    ) -> Numbers:
        """The total derivative."""
        return self._either(lambda evaluator: _oriented(evaluator.total(of, by, times), layout))

    def immediate(
        self, of: Node, by: Node, times: Mapping[str, int] = NO_TIMES, layout: Layout = Layout.NUMERATOR
    ) -> Numbers:
        """The immediate derivative."""
        return self._either(lambda evaluator: _oriented(evaluator.immediate(of, by, times), layout))

    def _either(self, compute: Callable[[Evaluator], Array]) -> Numbers:
        try:
            array = _guarded(lambda: compute(self.exact))
        except NotRationalError as error:
            array = compute(self.floating)
            statement = f"in floating point, because {error.message}"
            return Numbers(array, False, statement, self.floating.touched)
        return Numbers(np.asarray(_VALUE(array)), True, None, self.exact.touched)


def _guarded(compute: Callable[[], Result]) -> Result:
    try:
        return compute()
    except ZeroDivisionError:
        raise DataError("a division by zero") from None


def _oriented(array: Array, layout: Layout) -> Array:
    return array if layout is Layout.NUMERATOR else array.transpose()


def _in_floats(instance: Instance) -> Instance:
    """The same numbers in floating point."""

    def convert(value: object) -> object:
        if isinstance(value, Mapping):
            return {time: convert(v) for time, v in value.items()}
        return np.asarray(_FLOAT(np.asarray(value)), dtype=float)

    values = {name: convert(value) for name, value in instance.values.items()}
    initial = {key: convert(value) for key, value in instance.initial.items()}
    return Instance(instance.sizes, values, initial, instance.seed, instance.remarks)
