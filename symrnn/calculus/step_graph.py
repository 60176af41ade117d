"""The equations of one step as a graph: who reads whom, at the same step and across time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from symrnn.calculus.pullback import Named
from symrnn.errors import UnsupportedError
from symrnn.language.binder import Sum
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.traversal import find, substitute_indices, variables


@dataclass(frozen=True, eq=False)
class StepGraph:
    """What the calculus asks of a cell's step; made by :func:`step_graph`, one for each cell."""

    cell: Cell
    order: tuple[str, ...]
    named: Named

    def variable(self, name: str, time: Index | None = None) -> Variable:
        """A computed variable, now or at a time."""
        return self.cell.variable(name, self.cell.now if time is None else time)

    def expression(self, name: str) -> Node:
        """The right-hand side of a variable's equation at the present time."""
        return self.cell.equation[name].expression

    def lag(self, leaf: Variable) -> int | None:
        """How many steps back an equation reads a leaf; None where its time is fixed or it has none."""
        if leaf.time is None or self.cell.time.index not in leaf.time.names():
            return None
        distance = (self.cell.now - leaf.time).constant
        if distance is None:
            raise UnsupportedError(
                f"{leaf.name}[{leaf.time}] is not read at a fixed distance from {self.cell.time.index}",
                hint="Read states at t-1, t-2 or t+1; a whole history needs a state that carries it.",
            )
        return distance

    def reads(self, name: str) -> tuple[Variable, ...]:
        """The leaves of a variable's equation."""
        return self._reads[name]

    @cached_property
    def _reads(self) -> dict[str, tuple[Variable, ...]]:
        return {name: tuple(variables(self.expression(name))) for name in self.order}

    @cached_property
    def _readers(self) -> dict[tuple[str, Role], list[str]]:
        """The equations that read a leaf, at whatever time."""
        found: dict[tuple[str, Role], list[str]] = {}
        for name in self.order:
            for key in dict.fromkeys((leaf.name, leaf.role) for leaf in self.reads(name)):
                found.setdefault(key, []).append(name)
        return found

    def lags(self, leaf: Variable) -> list[int]:
        """The distances at which equations read a leaf, at whatever time."""
        name = (leaf.name, leaf.role)
        reads = (v for reader in self._readers.get(name, ()) for v in self.reads(reader) if (v.name, v.role) == name)
        return sorted({lag for v in reads if (lag := self.lag(v)) is not None})

    def consumers(self, name: str) -> list[tuple[str, int]]:
        """The equations that read a variable, with the distance in time."""
        return self._consumers.get(name, [])

    @cached_property
    def _consumers(self) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for name in self.order:
            for leaf in self.reads(name):
                lag = self.lag(leaf) if leaf.role is Role.COMPUTED else None
                if lag is not None:
                    found.setdefault(leaf.name, []).append((name, lag))
        return found

    def ancestors(self, names: frozenset[str]) -> frozenset[str]:
        """All equation variables that some of these depend on, across time too, themselves included."""
        open_names, found = [n for n in names if n in self.cell.equation], set()
        while open_names:
            name = open_names.pop()
            if name in found:
                continue
            found.add(name)
            open_names.extend(
                v.name for v in self.reads(name) if v.role is Role.COMPUTED and v.name in self.cell.equation
            )
        return frozenset(found)

    def descendants(self, *leaves: Variable) -> frozenset[str]:
        """All equation variables that depend on one of these (parameters, inputs, variables at any time)."""
        found: dict[str, None] = {}
        open_keys = [(leaf.name, leaf.role) for leaf in leaves]
        found.update((name, None) for name, role in open_keys if role is Role.COMPUTED and name in self.cell.equation)
        while open_keys:
            for name in self._readers.get(open_keys.pop(), ()):
                if name not in found:
                    found[name] = None
                    open_keys.append((name, Role.COMPUTED))
        return frozenset(found)

    def through_whole(self, leaf: Variable) -> str | None:
        """The untimed equation, read by the steps, in which a parameter stands; no ∂⁺ of a step sees it there."""
        whole = self.cell.whole
        open_names = [v.name for name in self.order for v in self.reads(name) if v.name in whole and v.time is None]
        seen: set[str] = set()
        while open_names:
            name = open_names.pop()
            if name not in seen:
                seen.add(name)
                reads = variables(whole[name].expression)
                if leaf in reads:
                    return name
                open_names.extend(v.name for v in reads if v.name in whole and v.time is None)
        return None

    def evaluable(self, name: str) -> tuple[Index, Index]:
        """The first and last step at which a variable has a value: one that reads x[t+1] has none at the last."""
        late, early = self._reach(name, set())
        return self.cell.time.first + late, self.cell.time.last - early

    def _reach(self, name: str, seen: set[str]) -> tuple[int, int]:
        """How many of the first and of the last steps a variable misses, for the data that it reads."""
        seen.add(name)
        late = early = 0
        for leaf in self.reads(name) if name in self.cell.equation else ():
            distance = self.lag(leaf)
            if distance is None:
                continue
            if leaf.role in (Role.INPUT, Role.TARGET):
                given_before = self.cell.declaration[leaf.name].before is not None
                late, early = max(late, 0 if given_before else distance), max(early, -distance)
            elif leaf.role is Role.COMPUTED and distance == 0 and leaf.name not in seen:
                below = self._reach(leaf.name, seen)
                late, early = max(late, below[0]), max(early, below[1])
        return late, early

    def at(self, node: Node, time: Index) -> Node:
        """An expression of the present step at another time."""
        return substitute_indices(node, {self.cell.time.index: time})


@lru_cache(maxsize=64)
def step_graph(cell: Cell) -> StepGraph:
    """The step graph of a cell."""
    order = cell.step_order()
    named = {cell.equation[name].expression: cell.variable(name, cell.now) for name in order}
    for name in order:
        _check_sums(cell, name)
        _check_whole(cell, name)
    return StepGraph(cell, order, named)


def _check_sums(cell: Cell, name: str) -> None:
    for node in find(cell.equation[name].expression, Sum):
        for leaf in variables(node.args[0]):
            if leaf.role is Role.COMPUTED and leaf.time is not None and node.args[1] in leaf.time.names():
                raise UnsupportedError(
                    f"the equation of {name} sums {leaf.name} over its times within a step",
                    hint="Give the running sum a state of its own: s[t] = s[t-1] + …",
                )


def _check_whole(cell: Cell, name: str) -> None:
    """A step may read an untimed quantity of parameters and inputs, not one that other steps add up to."""
    open_names = [v.name for v in variables(cell.equation[name].expression) if v.name in cell.whole and v.time is None]
    while open_names:
        here = open_names.pop()
        for leaf in variables(cell.whole[here].expression):
            if leaf.role is Role.COMPUTED and leaf.time is not None:
                raise UnsupportedError(
                    f"the equation of {name} reads {here}, which is made of {leaf.name} at other times",
                    hint="Let the steps read a state that carries it.",
                )
            if leaf.name in cell.whole:
                open_names.append(leaf.name)
