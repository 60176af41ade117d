"""The equations of a plain module: arrays with a row for every time, and loops that fill them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from symrnn.coding import python_source as py
from symrnn.coding.numpy_plain.terms import PlainTerms
from symrnn.emitting.text import index_text, to_text
from symrnn.language import Index, Node, Role
from symrnn.language.node import format_shape
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.loops import Loop, loops
from symrnn.planning.system import Definition


class PlainSteps(PlainTerms):
    """Allocation, starts and loops."""

    def _is_batched(self, definition: Definition) -> bool:
        return definition.name in self.system.batched_names

    def _allocate(self, definitions: Sequence[Definition]) -> None:
        """Arrays with a row for every time, those before and after the range included."""
        cell = self.system.cell
        below, above = self._margins(definitions)
        first_row = (cell.time.first - self.origin).constant or 0
        wrapped = max(0, below - first_row)
        extra = first_row + above + wrapped
        if any(d.timed for d in definitions):
            self.source.comment(self._rows_comment(wrapped))
            self.source.raw(f"rows = steps + {extra}" if extra else "rows = steps")
        for d in definitions:
            if d.timed:
                shape = [py.name("rows"), *self._lead(d), *(self.writer.index(a) for a in d.axes)]
                self.source.assign(
                    self.computed[d.name, d.role], py.call("np.zeros", py.tuple_(shape), py.name("dtype"))
                )
        self._data_rows(definitions, extra)
        self._starts(definitions)

    def _rows_comment(self, wrapped: int) -> str:
        index = self.system.time.index
        if self.origin.constant != 0:
            return f"Row 0 is time {self.origin}."
        text = f"Row {index} of an array is its value at time {index}"
        return f"{text}; row -1 (the last) stands for time -1." if wrapped else f"{text}."

    def _lead(self, definition: Definition) -> list[ast.expr]:
        batched = definition.expression.batched or (
            definition.role is Role.COMPUTED and definition.name in self.system.batched_names
        )
        return [py.name("batch")] if batched else []

    def _margins(self, definitions: Iterable[Definition]) -> tuple[int, int]:
        """How many rows are needed before and after the time range."""
        below = above = 0
        states = {s.name: s for s in self.system.cell.states}
        for d in definitions:
            if d.name in states and d.role is Role.COMPUTED:
                state = states[d.name]
                below, above = (below, max(above, state.depth)) if state.backward else (max(below, state.depth), above)
        for slot in self.interface.slots:
            if slot.timed and slot.before is not None:
                below = max(below, self.reach[slot.name, slot.role].before)
        return below, above

    def _data_rows(self, definitions: Sequence[Definition], extra: int) -> None:
        """Inputs and targets with their first value in the row of the first time."""
        expressions = [e for d in definitions for e in d.expressions()]
        if any(d.role is Role.PART for d in definitions) or self.writing_loss:
            expressions += [g.expression for g in self.system.gradients]
            if self.system.loss is not None:
                expressions.append(self.system.loss)
        read = {(load.name, load.role) for load in arrays.loads(*expressions)}
        if not extra:
            return
        first = self.row(self.system.time.first)
        for slot in self.interface.slots:
            if not slot.timed or (slot.name, slot.role) not in read:
                continue
            name = self.names[slot.key]
            fill = py.constant(0) if slot.before is None else self.writer.expression(self.lower(slot.before))
            call = py.call("_rows", py.name(name), first, py.name("rows"), fill)
            self.source.assign(name, call)
            self.uses_rows = True

    continuing: bool = False
    uses_rows: bool = False
    writing_loss: bool = False

    def _starts(self, definitions: Sequence[Definition]) -> None:
        names = {d.name for d in definitions if d.role is Role.COMPUTED}
        slots = {s.key: s for s in self.interface.group("initial")}
        for initial in self.system.initials:
            if initial.state.name not in names:
                continue
            target = py.subscript(py.name(self.computed[initial.state.name, Role.COMPUTED]), self.row(initial.time))
            if initial.key in slots:
                self.source.assign(target, py.name(self.names[initial.key]))
                continue
            if initial.start is not None and not arrays.is_zero(initial.start):
                self.source.comment(f"{initial.key} = {to_text(initial.state.initial)}")  # type: ignore[arg-type]
                self.source.assign(target, self.writer.expression(initial.start))
            if self.continuing:
                with self.source.indented(f"if {initial.key!r} in data"):
                    self.source.assign(target, py.subscript(py.name("data"), py.constant(initial.key)))

    def _equations(self, definitions: Sequence[Definition]) -> None:
        for loop in loops(definitions, self.system.time.index):
            if not loop.timed:
                for d in loop.definitions:
                    self._comment(d)
                    self.source.assign(self.computed[d.name, d.role], self.writer.expression(d.expression))
            else:
                with self.source.indented(self._for(loop)):
                    for d in loop.definitions:
                        self._line(d)

    def _for(self, loop: Loop) -> str:
        time = self.system.time
        index = self.index_names[time.index]
        if loop.descending:
            start, stop = self.writer.index(time.last), self.writer.index(time.first - 1)
            return f"for {index} in range({py.unparse(start)}, {py.unparse(stop)}, -1)"
        start, stop = self.writer.index(time.first), self.writer.index(time.last + 1)
        return f"for {index} in range({py.unparse(start)}, {py.unparse(stop)})"

    def _comment(self, d: Definition, node: Node | None = None, time: str | None = None) -> None:
        source = d.source if node is None else node
        when = "" if not d.timed else f"[{time or self.system.time.index}]"
        self.source.comment(f"{d.name}{when} = {to_text(source)}    ({format_shape(source.shape)})")

    def _line(self, d: Definition) -> None:
        index = self.index_names[self.system.time.index]
        target = py.subscript(py.name(self.computed[d.name, d.role]), self.row(Index.of(self.system.time.index)))
        if d.overrides:
            word = "if"
            for time, array, node in d.overrides:
                with self.source.indented(f"{word} {index} == {py.unparse(self.writer.index(time))}"):
                    self._comment(d, node, index_text(time))
                    self._assign(target, array, d, at=time)
                word = "elif"
            with self.source.indented("else"):
                self._comment(d)
                self._assign(target, d.expression, d)
        else:
            self._comment(d)
            test = self._within(d)
            if test:
                with self.source.indented(f"if {test}"):
                    self._assign(target, d.expression, d)
            else:
                self._assign(target, d.expression, d)

    def _within(self, d: Definition) -> str:
        """The times at which an equation's inputs exist, where these are not all."""
        if d.role is not Role.COMPUTED:
            return ""
        reach = self.reach[d.name, d.role]
        index, time = self.index_names[self.system.time.index], self.system.time
        low, high = reach.span(time)
        tests = [f"{index} >= {py.unparse(self.writer.index(low))}"] if reach.late else []
        tests += [f"{index} <= {py.unparse(self.writer.index(high))}"] if reach.early else []
        return " and ".join(tests)

    def _assign(self, target: ast.expr, array: Array, d: Definition, at: Index | None = None) -> None:
        """One value; terms with a part beyond the ends of time are left out there, where the part is 0."""
        now = at if at is not None else Index.of(self.system.time.index)
        terms = [t for t in arrays.terms(array) if not self._vanishes(t)]
        groups: dict[tuple[str, ...], list[Array]] = {}
        for term in terms:
            tests, rest = self._conditions(term, now)
            groups.setdefault(tests, []).append(rest)
        if not any(not arrays.is_zero(t) for t in terms):
            self.source.assign(target, py.constant(0))
            return
        first = True
        for tests in sorted(groups, key=len):
            value = arrays.plus(groups[tests])
            if tests:
                with self.source.indented(f"if {' and '.join(tests)}"):
                    self._store(target, value, first=False)
            else:
                self._store(target, value, first)
            first = False

    def _store(self, target: ast.expr, value: Array, first: bool) -> None:
        if arrays.is_zero(value):
            return
        written = self.writer.expression(value, exact=False)
        if first:
            self.source.assign(target, written)
        else:
            self.source.augment(target, written)
