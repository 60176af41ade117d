"""In which interval the entries of an elementwise expression lie, whatever the numbers.

``h[t]`` with ``h[t] = tanh(a[t])`` lies in [-1, 1], so the slope ``1 - h[t]**2`` in [0, 1]; ``i * (1 - i)`` of a gate
lies in [0, 1/4].  None is an answer too: nothing bounds ``c[t]`` of an LSTM.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from symrnn.language.cell import Cell
from symrnn.language.leaf import ONE, Number, Ones, Role, Variable, Zeros
from symrnn.language.node import Node
from symrnn.language.operation import Add, Call, Diag, Divide, Hadamard, Neg, Power, Slice, Transpose

Interval = tuple[Fraction, Fraction]

_0, _1 = Fraction(0), Fraction(1)

VALUES: Mapping[str, Interval] = {
    "tanh": (-_1, _1),
    "sigmoid": (_0, _1),
    "softmax": (_0, _1),
    "sin": (-_1, _1),
    "cos": (-_1, _1),
}
"""Where the values of a function lie, whatever its argument."""

SLOPES: Mapping[str, Interval] = {
    "tanh": (_0, _1),
    "sigmoid": (_0, Fraction(1, 4)),
    "relu": (_0, _1),
    "leaky_relu": (Fraction(1, 100), _1),
    "softplus": (_0, _1),
    "sin": (-_1, _1),
    "cos": (-_1, _1),
    "abs": (-_1, _1),
}
"""Where the slopes of a function lie."""


class Ranges:
    """Intervals of the expressions of one cell; states count from the first step on (a given start is anything)."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._open: set[str] = set()

    def of(self, node: Node) -> Interval | None:
        """The interval of all entries, None where nothing bounds them."""
        if isinstance(node, Number):
            return node.value, node.value
        if isinstance(node, (Ones, Zeros)):
            value = _1 if isinstance(node, Ones) else _0
            return value, value
        if isinstance(node, Variable):
            return self._variable(node)
        if isinstance(node, (Transpose, Slice, Diag)):
            return self.of(node.args[0])
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Neg):
            return _negated(self.of(node.args[0]))
        if isinstance(node, Add):
            return self._sum(node)
        if isinstance(node, Hadamard):
            return self.product(node.args[0])
        if isinstance(node, Divide) and isinstance(node.args[1], Number):
            return _times(self.of(node.args[0]), (1 / node.args[1].value, 1 / node.args[1].value))
        if isinstance(node, Power):
            return self._power(node)
        return None

    def _variable(self, node: Variable) -> Interval | None:
        declared = self.cell.declaration.get(node.name)
        if declared is not None:
            given = declared.attributes & {"onehot", "distribution"}
            return (_0, _1) if given else self.of(declared.value) if declared.value is not None else None
        equation = self.cell.equation.get(node.name)
        if node.role is not Role.COMPUTED or node.time is None or equation is None or node.name in self._open:
            return None
        self._open.add(node.name)
        try:
            return self.of(equation.expression)
        finally:
            self._open.discard(node.name)

    def _call(self, node: Call) -> Interval | None:
        name = dict(self.cell.functions).get(node.name) or node.name
        if node.order == 0 and name == "relu":
            inside = self.of(node.arguments[0])
            return None if inside is None else (max(inside[0], _0), max(inside[1], _0))
        return {0: VALUES, 1: SLOPES}.get(node.order, {}).get(name)

    def _sum(self, node: Add) -> Interval | None:
        parts = [self.of(term) for term in node.args[0]]
        if any(part is None for part in parts):
            return None
        return sum((p[0] for p in parts if p), _0), sum((p[1] for p in parts if p), _0)

    def product(self, factors: tuple[Node, ...]) -> Interval | None:
        """The interval of an elementwise product; ``y * (1 - y)`` is taken together."""
        rest = list(factors)
        result: Interval | None = (_1, _1)
        for factor in factors:
            other = Add((ONE, Neg(factor)))
            if factor in rest and other in rest:
                rest.remove(factor)
                rest.remove(other)
                result = _times(result, _logistic(self.of(factor)))
        for factor in rest:
            result = _times(result, self.of(factor))
        return result

    def _power(self, node: Power) -> Interval | None:
        base, exponent = self.of(node.args[0]), node.args[1]
        if base is None or not isinstance(exponent, Number) or exponent.value != 2:
            return None
        ends = [base[0] ** 2, base[1] ** 2]
        return (_0 if base[0] <= 0 <= base[1] else min(ends)), max(ends)


def largest(interval: Interval | None) -> Fraction | None:
    """The largest absolute value in an interval."""
    return None if interval is None else max(abs(interval[0]), abs(interval[1]))


def _negated(interval: Interval | None) -> Interval | None:
    return None if interval is None else (-interval[1], -interval[0])


def _times(left: Interval | None, right: Interval | None) -> Interval | None:
    if left is None or right is None:
        return None
    corners = [a * b for a in left for b in right]
    return min(corners), max(corners)


def _logistic(interval: Interval | None) -> Interval | None:
    """The range of y (1 - y) for y in an interval."""
    if interval is None:
        return None
    low, high = interval
    ends = [low * (1 - low), high * (1 - high)]
    top = Fraction(1, 4) if low <= Fraction(1, 2) <= high else max(ends)
    return min(ends), top
