"""What a Numba module computes for one example: equations, loss, adjoints, sums for the gradients."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding import python_source as py
from symrnn.coding.numba.loops import Place
from symrnn.coding.numba.names import NumbaNames
from symrnn.emitting.text import index_text, to_text
from symrnn.language import Index, Node, Role
from symrnn.language.node import format_shape
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.loops import Loop, loops
from symrnn.planning.system import Definition, Gradient


class NumbaExample(NumbaNames):
    """Writes the statements of one example."""

    # ---- statements of one example

    def _comment(self, d: Definition, node: Node | None = None, when: str | None = None) -> None:
        source = d.source if node is None else node
        time = "" if not d.timed else f"[{when or self.system.time.index}]"
        self.writer.source.comment(f"{d.name}{time} = {to_text(source)}    ({format_shape(source.shape)})")

    def _initial(self, definitions: Sequence[Definition]) -> None:
        names = {d.name for d in definitions}
        for initial in self.system.initials:
            if initial.state.name not in names:
                continue
            key = (initial.state.name, Role.COMPUTED)
            row = self.writer.index(initial.time - self._low(key))
            axes = initial.load.axes
            if initial.key in self.slots:
                start: Array = arrays.Load(initial.key, Role.PARAMETER, None, axes, False)
            else:
                assert initial.start is not None
                start = initial.start
            name = self.arrays[key]

            def target(place: Place, name: str = name, row: ast.expr = row) -> ast.expr:
                return py.subscript(py.name(name), row, *place)

            self.writer.source.comment(f"{initial.key}")
            self.writer.store(target, start, axes)

    def _definitions(self, definitions: list[Definition]) -> None:
        for loop in loops(definitions, self.system.time.index):
            if not loop.timed:
                d = loop.definitions[0]
                self._comment(d)
                self._store(d, d.expression)
                continue
            self._before_loop(loop)
            with self.writer.scope(self._for(loop)):
                for d in loop.definitions:
                    self._line(self.settled[d.name, d.role])

    def _before_loop(self, loop: Loop) -> None:
        """What does not change from step to step is computed before."""
        members = {(d.name, d.role) for d in loop.definitions}
        for d in loop.definitions:
            for node in arrays.postorder(*self.settled[d.name, d.role].expressions()):
                heavy = isinstance(node, arrays.OverTime) or (isinstance(node, arrays.Einsum) and node.summed)
                free = self.system.time.index not in node.times
                if heavy and free and not any((x.name, x.role) in members for x in arrays.loads(node)):
                    self.writer.prepare(node)

    def _for(self, loop: Loop) -> str:
        time, index = self.system.time, self.writer.index
        name = self.index_names[time.index]
        first, last = (time.last, time.first - 1) if loop.descending else (time.first, time.last + 1)
        step = ", -1" if loop.descending else ""
        return f"for {name} in range({py.unparse(index(first))}, {py.unparse(index(last))}{step})"

    def _line(self, d: Definition) -> None:
        name, index = self.index_names[self.system.time.index], self.writer.index
        if d.overrides:
            for word, (when, array, node) in zip(["if", *["elif"] * len(d.overrides)], d.overrides, strict=False):
                with self.writer.scope(f"{word} {name} == {py.unparse(index(when))}"):
                    self._comment(d, node, index_text(when))
                    self._store(d, array)
            with self.writer.scope("else"):
                self._comment(d)
                self._store(d, d.expression)
            return
        low, high = self.reach[d.name, d.role].span(self.system.time)
        reach = self.reach[d.name, d.role]
        tests = [f"{name} >= {py.unparse(index(low))}"] if reach.late and d.role is Role.COMPUTED else []
        tests += [f"{name} <= {py.unparse(index(high))}"] if reach.early and d.role is Role.COMPUTED else []
        self._comment(d)
        if tests:
            with self.writer.scope(f"if {' and '.join(tests)}"):
                self._store(d, d.expression)
        else:
            self._store(d, d.expression)

    def _store(self, d: Definition, array: Array) -> None:
        key = (d.name, d.role)
        row = (self.writer.index(Index.of(self.system.time.index) - self._low(key)),) if d.timed else ()
        name = py.name(self.arrays[key])
        self.writer.store(lambda place: py.subscript(name, *row, *place) if row or place else name, array, d.axes)

    def _loss(self) -> None:
        cell, loss = self.system.cell, self.system.loss
        assert loss is not None
        assert cell.loss is not None
        self.writer.source.comment(f"{cell.loss_name} = {to_text(cell.loss)}, summed over the examples")
        self.writer.store(lambda place: py.name("loss"), loss, (), add=True)

    # ---- gradients

    def _per_example(self, gradient: Gradient) -> bool:
        return gradient.expression.batched or (
            self.system.has_batch and gradient.leaf.role in (Role.INPUT, Role.TARGET)
        )

    def _sums(self, gradients: list[Gradient]) -> None:
        """Sums over the same times share a loop."""
        time = self.system.time
        looped: dict[tuple[Index, Index], list[tuple[Gradient, Array]]] = {}
        for g in gradients:
            if g.timed:
                looped.setdefault((time.first, time.last), []).append((g, g.expression))
                continue
            for term in g.expression.terms if isinstance(g.expression, arrays.Plus) else (g.expression,):
                if isinstance(term, arrays.OverTime) and term.args[1] == time.index:
                    looped.setdefault(term.args[2:], []).append((g, term.args[0]))
                elif not self._outside(term):
                    self._add(g, term)
        for (first, last), members in looped.items():
            start, stop = (py.unparse(self.writer.index(i)) for i in (first, last + 1))
            with self.writer.scope(f"for {self.index_names[time.index]} in range({start}, {stop})"):
                for g, array in members:
                    self._add(g, array)

    def _add(self, g: Gradient, array: Array) -> None:
        when = f"[{self.system.time.index}]" if g.timed else ""
        self.writer.source.comment(f"dL/d{g.key}{when} = {to_text(g.source)}, in the shape of {g.key}")
        row = (self.writer.index(Index.of(self.system.time.index) - self.system.time.first),) if g.timed else ()
        name = py.name(self.results[g.key])
        axes = g.expression.axes
        empty: Place = (py.tuple_([]),)
        self.writer.store(lambda place: py.subscript(name, *(row + place or empty)), array, axes, add=True)

    def _outside(self, term: Array) -> bool:
        time = self.system.time
        return any(
            load.role is Role.PART
            and load.time is not None
            and (((load.time - time.last).constant or 0) > 0 or ((time.first - load.time).constant or 0) > 0)
            for load in arrays.loads(term)
        )
