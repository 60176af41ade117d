"""What the rules from nodes to SymPy have in common: numbers for times and sizes, symbols, and a formula's parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import sympy

from symrnn.errors import DataError, UnsupportedError
from symrnn.language import Index, Node, Part, Shape, TimeRange
from symrnn.language.index import Atom, Extremum

Expression = Any
"""A SymPy expression: a MatrixExpr where the node is a matrix, an Expr where it is a scalar."""

Numbers = Mapping[str, int]
NOTHING: Numbers = MappingProxyType({})

MOST_TERMS = 10_000
"""As many terms of a sum are written out, and no more."""


@dataclass
class Writer:
    """One conversion: the numbers of times and sizes, the formula's parts and those of their values that are known."""

    numbers: Numbers
    sizes: Numbers
    parts: tuple[Part, ...]
    time: TimeRange
    known: dict[tuple[str, int | None], Expression] = field(default_factory=dict)

    def write(self, node: Node) -> Expression:
        """The node's expression."""
        return sympy_rule(node, self)

    def at(self, name: str, value: int) -> Writer:
        """The writer with a number for a bound index."""
        return Writer({**self.numbers, name: value}, self.sizes, self.parts, self.time, self.known)

    def integer(self, index: Index, what: str) -> int:
        """A time's or bound's number; raises DataError where a symbol has none."""
        try:
            return index.value({**self.sizes, **self.numbers})
        except DataError as error:
            raise DataError(f"{what} {index} needs a number: {error.message}", hint="Give tau, t and k.") from None

    def index(self, index: Index) -> Expression:
        """A size or component index, as far as its symbols have numbers."""
        return sympy.Add(*(self._monomial(atoms) * sympy.Rational(c) for atoms, c in index.terms))

    def _monomial(self, atoms: tuple[Atom, ...]) -> Expression:
        return sympy.prod([self._atom(atom) for atom in atoms])

    def _atom(self, atom: Atom) -> Expression:
        if isinstance(atom, Extremum):
            pick = sympy.Max if atom.kind == "max" else sympy.Min
            return pick(*(self.index(argument) for argument in atom.args))
        value = self.numbers.get(atom, self.sizes.get(atom))
        return size_symbol(atom) if value is None else sympy.Integer(value)

    def shape(self, shape: Shape) -> tuple[Expression, ...]:
        """The sizes of the axes."""
        return tuple(self.index(axis) for axis in shape)

    def scalar(self, node: Node) -> Expression:
        """A scalar's expression; that of a 1×1 matrix is its trace."""
        value = self.write(node)
        return value if node.is_scalar else sympy.Trace(value)

    def matrix(self, node: Node) -> Expression:
        """A matrix's expression; that of a scalar is a 1×1 matrix."""
        value = self.write(node)
        return sympy.ImmutableMatrix([[value]]) if node.is_scalar else value

    def part(self, name: str, time: int | None) -> Expression | None:
        """The value of a part at a time; None where the formula has no part of this name."""
        lines = [part for part in self.parts if part.name == name and (part.time is None) == (time is None)]
        if not lines:
            return None
        key = (name, time)
        if key not in self.known:
            self.known[key] = self._part_value(lines, time)
        return self.known[key]

    def _part_value(self, lines: list[Part], time: int | None) -> Expression:
        outside = (
            sympy.ZeroMatrix(*self.shape(lines[0].expression.shape)) if lines[0].expression.shape else sympy.S.Zero
        )
        if time is None:
            return self.write(lines[0].expression)
        first, last = (self.integer(bound, "the time") for bound in (self.time.first, self.time.last))
        if not first <= time <= last:
            return outside
        fixed = self.time.first.names() | self.time.last.names() | self.sizes.keys()
        for line in lines:
            if line.time is not None and not line.is_general(fixed) and self.integer(line.time, "the time") == time:
                return self.write(line.expression)
        general = next((line for line in lines if line.is_general(fixed)), None)
        if general is None or general.time is None or general.time.name is None:
            return outside
        return self.at(general.time.name, time).write(general.expression)


def size_symbol(name: str) -> sympy.Symbol:
    """The one symbol of a size, a time or a component index."""
    return sympy.Symbol(name, integer=True)


def symbol(name: str, shape: Shape, writer: Writer) -> Expression:
    """A scalar's Symbol or a matrix's MatrixSymbol."""
    if not shape:
        return sympy.Symbol(name)
    if len(shape) > 2:
        raise UnsupportedError(
            f"{name} has three axes, and SymPy's matrix expressions have two", hint="Ask for the vec or index form."
        )
    return sympy.MatrixSymbol(name, *writer.shape(shape))


@singledispatch
def sympy_rule(node: Node, writer: Writer) -> Expression:
    """The SymPy expression of one node."""
    raise UnsupportedError(f"the SymPy form has no rule for a {type(node).__name__} node")
