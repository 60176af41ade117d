"""Formulas with parts: named lines, perhaps recursive in time, evaluated on demand without recursion in
Python.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from symrnn.errors import DataError
from symrnn.language.cell import TimeRange
from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.formula import Formula, Part
from symrnn.language.leaf import Variable
from symrnn.language.node import Node, format_shape
from symrnn.oracle.compiler import Compiler, compile_into, free_of, unknown
from symrnn.oracle.frame import OUT, Array, Frame, MissingPart, Slot
from symrnn.oracle.indices import open_names
from symrnn.oracle.scope import Compiled, Known

DEEPEST_PARTS = 80
"""How many levels of expressions the parts may call each other through before they are provided one by one.
"""


@dataclass
class PartLines:
    """All lines of one name: one without time, or a general one and some for single times."""

    name: str
    whole: Node | None = None
    symbol: str | None = None
    general: Node | None = None
    at: dict[int, Node] = field(default_factory=dict)

    @property
    def timed(self) -> bool:
        """Whether the part has a time."""
        return self.whole is None

    def expressions(self) -> list[Node]:
        """Every right-hand side."""
        return [e for e in (self.whole, self.general, *self.at.values()) if e is not None]


def gather(
    parts: tuple[Part, ...], sizes: Mapping[str, int], times: Mapping[str, int] | None = None
) -> dict[str, PartLines]:
    """The parts by name; a name defined twice for the same time is an error.

    ``times`` are the free times: ``P[t] = …`` and then ``P[k] = eye(n)`` is a line for every time and one for k.
    """
    lines: dict[str, PartLines] = {}
    for part in parts:
        line = lines.setdefault(part.name, PartLines(part.name))
        if part.time is None:
            taken, line.whole = bool(line.expressions()), part.expression
        elif line.general is not None and part.time.name != line.symbol and part.time.name in (times or {}):
            time = part.time.value(times or {})
            taken = time in line.at
            line.at[time] = part.expression
        elif part.time.name is not None and part.time.name not in sizes:
            taken = line.general is not None or line.whole is not None
            line.general, line.symbol = part.expression, part.time.name
        else:
            time = part.time.value(sizes)
            taken = time in line.at or line.whole is not None
            line.at[time] = part.expression
        if taken:
            raise DataError(f'the part "{part.name}" is defined twice')
    return lines


class FormulaProgram:
    """One formula compiled against a cell's compiler; what uses no part is shared with other formulas."""

    def __init__(
        self, formula: Formula, compiler: Compiler, time: TimeRange, times: Mapping[str, int] | None = None
    ) -> None:
        self.formula = formula
        self.compiler = compiler
        self.first, self.last = compiler.size(time.first), compiler.size(time.last)
        self.lines = gather(formula.parts, compiler.sizes, times)
        self._open: list[str] = []
        self._others = self._open_indices() if self.lines else {}
        self.known = compiler.scope(self._signature())

    def _signature(self) -> Hashable:
        """What the compiled form of an expression that reads parts depends on.

        The lines of a part with a time are looked up when they are wanted, so formulas that differ in nothing else
        share what they have compiled.
        """
        return tuple(
            (line.name, line.whole, line.general is not None, frozenset(line.at), self._others[line.name])
            for line in self.lines.values()
        )

    def compile(self, node: Node) -> Compiled:
        """The compiled expression in this formula's scope."""
        if not self.lines:
            return self.compiler.compile(node)
        return compile_into(node, self.compiler, self.known, self._special)

    def _special(self, node: Node) -> Compiled | None:
        if isinstance(node, Variable) and node.name in self.lines:
            return self._part(node, self.lines[node.name])
        if isinstance(node, (Jacobian, ImmediateJacobian)):
            return self.compiler.compile(node)
        return None if any(self.known[child].local for child in node.children) else self.compiler.compile(node)

    def _part(self, node: Variable, lines: PartLines) -> Compiled:
        if lines.whole is not None:
            if node.time is not None:
                raise DataError(f'the part "{node.name}" has no time, but {node.name}[{node.time}] is read')
            return self._whole(lines.name, lines.whole, node)
        if node.time is None:
            raise DataError(f'the part "{node.name}" has one value per time; write {node.name}[t]')
        time = self.compiler.index(node.time)
        others = tuple(self.compiler.positions.of(name) for name in sorted(self._others[node.name]))
        name, at, low, high, anywhere = node.name, frozenset(lines.at), self.first, self.last, lines.general is not None

        def read(frame: Frame) -> Array:
            index = frame.index
            now = time(index)
            if now not in at and not low <= now <= high:
                return OUT
            slot = (name, now, *[index[other] for other in others])
            value = frame.parts.get(slot)
            if value is None:
                if now not in at and not anywhere:
                    raise DataError(f'the part "{name}" has no line for the time {now}')
                value = frame.provide(slot, frame)
            return value

        free = open_names(node.time, self.compiler.sizes) | self._others[node.name]
        return Compiled(read, free, self.compiler.zeros(node), vanishes=True, local=True)

    def _whole(self, name: str, expression: Node, node: Variable) -> Compiled:
        if name in self._open:
            raise DataError(f"the parts depend on each other in a circle: {' → '.join([*self._open, name])}")
        self._check_shape(node, expression)
        self._open.append(name)
        inner = self.compile(expression)
        self._open.pop()
        return Compiled(inner.run, inner.free, inner.zeros, inner.vanishes, True, inner.depth)

    def _check_shape(self, node: Variable, expression: Node) -> None:
        if node.shape != expression.shape and not (node.is_single and expression.is_single):
            raise DataError(
                f'the part "{node.name}" is {format_shape(expression.shape)}, but is used as {format_shape(node.shape)}'
            )

    def _open_indices(self) -> dict[str, frozenset[str]]:
        """For each part the open indices of its lines other than its own time: they belong to its slot."""
        found: dict[str, frozenset[str]] = dict.fromkeys(self.lines, frozenset[str]())
        changed = True
        while changed:
            changed = False
            for name, lines in self.lines.items():
                free = frozenset[str]().union(*(self._free(e, found) for e in lines.expressions()))
                free -= {lines.symbol or ""}
                changed, found[name] = changed or free != found[name], free
        return found

    def _free(self, root: Node, others: Mapping[str, frozenset[str]]) -> frozenset[str]:
        below = self.compiler.open_below(tuple(others.items()))
        for node in unknown(root, below):
            free = free_of(node, self.compiler.sizes, Known(below))
            if isinstance(node, Variable) and node.name in others:
                free |= others[node.name]
            below[node] = Compiled(_never, free, None)
        return below[root].free

    def line(self, slot: Slot) -> tuple[Compiled, dict[str, int]]:
        """The compiled right-hand side for a part's slot, and the index values to run it with."""
        name, time, *others = slot
        lines = self.lines[name]
        expression = lines.at.get(time, lines.general)
        assert expression is not None  # the reader of the slot has checked that a line exists
        numbers = dict(zip(sorted(self._others[name]), others, strict=True))
        if time not in lines.at and lines.symbol is not None:
            numbers[lines.symbol] = time
        return self.compile(expression), numbers

    def provide(self, slot: Slot, frame: Frame) -> Array:
        """A part's value at once, or, where the calls are nested deeply already, a request for it."""
        compiled, numbers = self.line(slot)
        if slot in frame.open:
            raise DataError(f'the part "{slot[0]}" at {slot[1]} depends on itself')
        if frame.nesting + compiled.depth > DEEPEST_PARTS:
            raise MissingPart(slot)
        outer = frame.index
        frame.open.add(slot)
        frame.nesting += compiled.depth
        value = self.settle(slot, compiled, numbers, frame)
        frame.index = outer
        frame.nesting -= compiled.depth
        frame.open.discard(slot)
        return value

    def settle(self, slot: Slot, compiled: Compiled, numbers: Mapping[str, int], frame: Frame) -> Array:
        """Evaluate a part's line and keep the value."""
        frame.spend(1)
        frame.index = self.compiler.positions.fresh(numbers)
        value = compiled.run(frame)
        frame.parts[slot] = value = compiled.zeros if value is OUT else value
        return value

    def run(self, root: Compiled, numbers: Mapping[str, int], frame: Frame) -> Array:
        """Run a compiled expression; parts that are too far down are provided first, off the call stack."""
        wanted: list[Slot] = []
        frame.provide = self.provide
        while True:
            frame.open, frame.nesting = set(wanted), 0
            try:
                if not wanted:
                    frame.index = self.compiler.positions.fresh(numbers)
                    return root.run(frame)
                self.settle(wanted[-1], *self.line(wanted[-1]), frame)
                wanted.pop()
            except MissingPart as request:
                wanted.append(request.slot)


def _never(frame: Frame) -> Array:
    raise AssertionError("only the open indices of this expression are asked for")
