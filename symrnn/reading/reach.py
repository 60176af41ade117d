"""Whether everything is read at times at which it exists.

A step's equation need not make sense at every time: with ``L[t]`` reading ``x[t+1]`` and the loss adding up L
from 1 to tau-1, L is never wanted at tau.  So the check starts from what is wanted, the loss and what the
steps need of each other, and follows it down.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from symrnn.errors import CellError
from symrnn.language import Cell, Equation, Index, Node, Role, State, Variable
from symrnn.reading.ordering import Facts
from symrnn.reading.pieces import Locate
from symrnn.reading.reads import Read, reads

_LONG = 1_000_000
_MOST_RANGES = 12

Range = tuple[Index, Index]


def check_times(cell: Cell, locate: Locate, loss_line: int | None) -> None:
    """Raise CellError where a variable is read at a time at which it has no value."""
    work = _Reach(cell, locate)
    if cell.loss is not None:
        work.want_reads(cell.loss, None, None, loss_line)
    for equation in cell.whole.values():
        work.want_reads(equation.expression, None, None, equation.line)
    work.follow()
    # What nothing asks for is computed at all times.
    for name in cell.equation:
        if name not in work.wanted:
            work.want(name, (cell.time.first, cell.time.last))
            work.follow()


@dataclass
class _Reach:
    """The ranges in which each variable is wanted, growing from what the loss reads."""

    cell: Cell
    locate: Locate
    wanted: dict[str, list[Range]] = field(default_factory=dict)
    todo: list[tuple[str, Range]] = field(default_factory=list)

    def follow(self) -> None:
        while self.todo:
            name, span = self.todo.pop()
            equation = self.cell.equation[name]
            self.want_reads(equation.expression, span, equation, equation.line)

    def want(self, name: str, span: Range) -> None:
        """Note that a variable is wanted in a range, unless it is already."""
        state = self.cell.state.get(name)
        first, last = self.cell.time.first, self.cell.time.last
        low, high = span
        if state is not None:
            low, high = (low, last) if state.backward else (first, high)
        known = self.wanted.setdefault(name, [])
        if any(self._within((low, high), other) for other in known):
            return
        if len(known) >= _MOST_RANGES:
            low, high = first, last
        known.append((low, high))
        self.todo.append((name, (low, high)))

    def _within(self, inner: Range, outer: Range) -> bool:
        return self._holds(inner[0] - outer[0]) and self._holds(outer[1] - inner[1])

    def _holds(self, index: Index) -> bool:
        """Whether an index is never negative in a sequence that is long enough."""
        first, last = self.cell.time.first, self.cell.time.last
        facts = Facts().with_range(self.cell.time.index, first, last)
        long = {name: Index.of(name) + _LONG for name in last.names() - first.names() - set(self.cell.sizes)}
        return facts.nonnegative(index.substitute(long))

    def want_reads(self, expression: Node, span: Range | None, equation: Equation | None, line: int | None) -> None:
        """Check every variable that an expression reads, and note that it is wanted."""
        facts = Facts() if span is None else Facts().with_range(self.cell.time.index, *span)
        for read in reads(expression, facts):
            found = _span(read)
            self._check(read, found, line, equation)
            if read.variable.name in self.cell.equation and read.variable.role is Role.COMPUTED:
                self.want(read.variable.name, found)

    def _check(self, read: Read, span: Range, line: int | None, equation: Equation | None) -> None:
        early, late = self._outside(read.variable)
        first, last = self.cell.time.first - early, self.cell.time.last + late
        if not self._holds(span[0] - first):
            raise self._error(read.variable, span[0], line, equation)
        if not self._holds(last - span[1]):
            raise self._error(read.variable, span[1], line, equation)

    def _outside(self, variable: Variable) -> tuple[int, int]:
        """How many steps before the first and after the last a variable has values."""
        state: State | None = self.cell.state.get(variable.name) if variable.role is Role.COMPUTED else None
        if state is not None:
            return (0, state.depth) if state.backward else (state.depth, 0)
        declared = self.cell.declaration.get(variable.name)
        return (1, 0) if declared is not None and declared.before is not None else (0, 0)

    def _error(self, variable: Variable, time: Index, line: int | None, equation: Equation | None) -> CellError:
        name, times = variable.name, self.cell.time
        hint = self._way_out(variable, time)
        which = "" if equation is None else f" (wanted by {equation.name}[{times.index}])"
        return CellError(
            f"{name}[{time}] is read{which}, and {name} exists at the times {times.first}..{times.last}",
            location=self.locate(line),
            hint=hint,
        )

    def _way_out(self, variable: Variable, time: Index) -> str:
        name, times = variable.name, self.cell.time
        now = times.index
        if variable.role not in (Role.INPUT, Role.TARGET):
            return f"Only a state has values outside the times, one that is read as {name}[{now}-1]."
        if (time - times.first + 1).constant == 0:
            declared = f"{variable.role.value} {name}[n] = 0"
            return f"Declare its value before the first step, as in {declared}, or begin a step later."
        return f"Let the sum end earlier, as in sum(L[{now}], {now}, {times.first}, {times.last - 1})."


def _span(read: Read) -> Range:
    """The first and the last time at which a variable is read."""
    low = high = read.time
    for name, lower, upper in reversed(read.facts.ranges):
        low = low.substitute({name: lower})
        high = high.substitute({name: upper})
    return low, high
