"""A fragment's pieces with the cell's variables, sizes and times in place of the formal ones.

A head counts its steps as its own time line does (1..tau by default), the cell as the cell's: step s of the
head is the cell's time s + first - 1, and the head's tau is the number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from symrnn.errors import CellError
from symrnn.language import Index, IndexNumber, Node, Product, Role, Shape, Sum, TimeRange, Variable
from symrnn.language.traversal import variables
from symrnn.reading.pieces import Pieces, StateLine

Steps = Mapping[str, Index]
"""The head's time symbols as the head's step numbers, written in the cell's symbols."""


@dataclass(frozen=True)
class Transplant:
    """``variables`` maps formal ones to the cell's, ``names`` the head's own names to their new ones."""

    variables: Mapping[str, Variable]
    names: Mapping[str, str]
    sizes: Mapping[str, Index]
    inner: TimeRange
    outer: TimeRange

    def pieces(self, pieces: Pieces) -> Pieces:
        """The head's pieces, in the cell's terms, without the formal variables."""
        steps = self._steps()
        declarations = tuple(
            replace(
                d,
                name=self.names[d.name],
                shape=self._shape(d.shape),
                value=self._maybe(d.value, steps),
                before=self._maybe(d.before, steps),
                two_axes=d.two_axes and not self._narrowed(d.shape),
                line=None,
            )
            for d in pieces.declarations
            if d.name not in self.variables
        )
        equations = tuple(
            replace(e, name=self.names[e.name], expression=self.node(e.expression, steps), line=None)
            for e in pieces.equations
        )
        return replace(
            pieces,
            sizes=tuple(self.names[size] for size in pieces.sizes if size in self.names),
            declarations=declarations,
            states={self.names[name]: self._state(line, steps) for name, line in pieces.states.items()},
            equations=equations,
            loss=self._maybe(pieces.loss, steps),
            loss_name=self.names.get(pieces.loss_name, pieces.loss_name),
            functions=tuple((self.names[name], bound) for name, bound in pieces.functions),
        )

    def _state(self, line: StateLine, steps: Steps) -> StateLine:
        return StateLine(
            self._shape(line.shape),
            line.start,
            self._maybe(line.initial, steps),
            None,
            line.two_axes and not self._narrowed(line.shape),
        )

    def _maybe(self, node: Node | None, steps: Steps) -> Node | None:
        return None if node is None else self.node(node, steps)

    def _steps(self) -> dict[str, Index]:
        last = self.inner.last.name
        if last is None or self.inner.first.constant is None:
            raise CellError(
                "a head's times run from a number to a name", hint="Write time t = 1..tau, or leave it out."
            )
        length = self.outer.length + self.inner.first - 1
        return {last: length, self.inner.index: self._step(self.outer.index)}

    def _step(self, symbol: str) -> Index:
        return Index.of(symbol) - self.outer.first + self.inner.first

    def _shape(self, shape: Shape) -> Shape:
        return tuple(axis.substitute(self.sizes) for axis in shape)

    def _narrowed(self, shape: Shape) -> bool:
        """Whether the formal matrix became a column, which is then written as one."""
        return len(shape) == 2 and shape[1].constant is None and self._shape(shape)[1].constant == 1

    def _number(self, index: Index, steps: Steps) -> Index:
        return index.substitute({**steps, **self.sizes})

    def _time(self, index: Index, steps: Steps) -> Index:
        return self._number(index, steps) + self.outer.first - self.inner.first

    def node(self, node: Node, steps: Steps) -> Node:
        """The node in the cell's terms."""
        if isinstance(node, Variable):
            return self._variable(node, steps)
        if isinstance(node, IndexNumber):
            return IndexNumber(self._number(node.index, steps))
        if isinstance(node, (Sum, Product)):
            return self._bound(node, steps)
        return type(node)(*(self._argument(arg, steps) for arg in node.args))

    def _argument(self, argument: Any, steps: Steps) -> Any:
        if isinstance(argument, tuple):
            return tuple(self._argument(a, steps) for a in argument)
        if isinstance(argument, Node):
            return self.node(argument, steps)
        if isinstance(argument, Index):
            return self._number(argument, steps)
        if isinstance(argument, str):
            return self.names.get(argument, argument)
        return argument

    def _variable(self, node: Variable, steps: Steps) -> Variable:
        time = None if node.time is None else self._time(node.time, steps)
        formal = self.variables.get(node.name)
        if formal is not None and node.role is Role.INPUT:
            return Variable(formal.name, formal.role, formal.shape, time)
        return Variable(self.names[node.name], node.role, self._shape(node.shape), time)

    def _bound(self, node: Sum | Product, steps: Steps) -> Node:
        over_time = any(v.time is not None and node.index in v.time.names() for v in variables(node.body))
        move = self._time if over_time else self._number
        bounds = [move(bound, steps) for bound in node.args[2:4]]
        name = self.outer.index if over_time and node.index == self.inner.index else node.index
        own = self._step(name) if over_time else Index.of(name)
        body = self.node(node.body, {**steps, node.index: own})
        return type(node)(body, name, *bounds, *node.args[4:])
