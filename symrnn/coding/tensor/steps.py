"""The stages of a JAX or PyTorch module: what is done for all times at once, and the scans of steps."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from symrnn.coding import python_source as py
from symrnn.coding.python_source import Source
from symrnn.coding.tensor.ahead import compute_ahead
from symrnn.coding.tensor.joints import JOINT, join_products
from symrnn.coding.tensor.kept import KEPT
from symrnn.coding.tensor.names import TensorNames, load_of
from symrnn.coding.tensor.stages import OUTSIDE, Stage
from symrnn.coding.tensor.writer import Span, TensorWriter
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Node, Role
from symrnn.language.node import format_shape
from symrnn.planning import arrays
from symrnn.planning.loops import Key
from symrnn.planning.system import Definition, Initial


class TensorSteps(TensorNames):
    """Writes stages one after the other."""

    def _batched(self, d: Definition) -> bool:
        return any(e.batched for e in d.expressions()) or (
            d.role is Role.COMPUTED and d.name in self.system.batched_names
        )

    def _stages(self, found: list[Stage]) -> None:
        for stage in found:
            if stage.loop:
                self._loop(stage)
            elif stage.timed:
                self._all_times(stage.definitions[0])
            else:
                d = stage.definitions[0]
                self._comment(d)
                value = self.writer.single().full(d.expression, False, self._batched(d))
                self.assign(self.names[d.name, d.role], value)

    def _comment(self, d: Definition, node: Node | None = None, when: str | None = None) -> None:
        source = d.source if node is None else node
        if d.name.endswith(KEPT):
            self.source.comment("A part of the next equation that the adjoints read, too.")
            return
        time = "" if not d.timed else f"[{when or self.system.time.index}]"
        self.source.comment(f"{d.name}{time} = {to_text(source)}    ({format_shape(source.shape)})")

    def _all_times(self, d: Definition) -> None:
        time, key, name = self.system.time, (d.name, d.role), self.names[d.name, d.role]
        state = self.system.cell.state.get(d.name) if d.role is Role.COMPUTED else None
        span = self.reach[key].span(time) if d.role is Role.COMPUTED else (time.first, time.last)
        self._comment(d)
        writer = self._over(span)
        value = writer.full(d.expression, True, self._batched(d))
        for when, array, node in d.overrides:
            self._comment(d, node, index_text(when))
            other = writer.full(array, True, self._batched(d))
            test = ast.Compare(py.name(self.index_names[time.index]), [ast.Eq()], [self.writer.index(when)])
            self.writer.helpers["_at"] = None
            value = py.call("_at", test, other, value)
        self._times_if_needed(span, [value])
        self.assign(name, value)
        if state is not None:
            self._join_initial(d)
        else:
            self.spans[key] = span

    def _over(self, span: Span) -> TensorWriter:
        return self.writer.over(self.system.time.index, span)

    def _times_if_needed(self, span: Span, values: list[ast.expr]) -> None:
        """The times themselves as an array, where an expression over all times reads them."""
        index = self.index_names[self.system.time.index]
        if any(isinstance(n, ast.Name) and n.id == index for v in values for n in ast.walk(v)):
            first, stop = (self.writer.index(i) for i in (span[0], span[1] + 1))
            self.assign(index, py.call("np.arange", first, stop))

    def _loop(self, stage: Stage) -> None:
        time = self.system.time
        stage = join_products(compute_ahead(stage, time.index), time.index)
        for d in stage.definitions:
            if d.name.endswith(JOINT):
                self.names[d.name, d.role] = self.given.give(d.name.removesuffix(JOINT))
        span = (time.first, time.last)
        self._lifted(stage, span)
        kept = sorted((d.name, d.role) for d in stage.definitions if not d.name.endswith(JOINT))
        step = self.given.give("step_" + "_".join(self.names[k] for k in kept[:3]))
        reads = self._step_reads(stage)
        carries = self._carries(stage)
        with self.source.indented(f"def {step}(carry, now)"):
            self._step(stage, reads, carries)
        self._call(stage, step, reads, carries, span)

    def _lifted(self, stage: Stage, span: Span) -> None:
        for lifted in stage.lifted:
            load = lifted.load
            self.names[load.name, load.role] = self.given.give(load.name.removesuffix(OUTSIDE))
            timed = load.time is not None
            if timed:
                self.spans[load.name, load.role] = span
            when = f"[{self.system.time.index}]" if timed else ""
            what = "for all times at once" if timed else "once"
            words = lifted.words or f"What {lifted.name}{when} takes from outside the loop, {what}."
            self.source.comment(words)
            writer = self._over(span) if timed else self.writer.single()
            value = writer.full(lifted.value, timed, load.batched)
            self._times_if_needed(span, [value])
            self.assign(self.names[load.name, load.role], value)

    def _step_reads(self, stage: Stage) -> dict[tuple[str, Role, int], arrays.Load]:
        """What a step reads at distances from the present, other than the loop's own variables."""
        found: dict[tuple[str, Role, int], arrays.Load] = {}
        members = stage.keys()
        for d in stage.definitions:
            for load in arrays.loads(*d.expressions()):
                if load.time is None or (load.name, load.role) in members:
                    continue
                shift = (load.time - Index.of(self.system.time.index)).constant
                if shift is not None:
                    found[load.name, load.role, int(shift)] = load
        return found

    def _carries(self, stage: Stage) -> list[tuple[Definition, int]]:
        """The loop's variables that are read one step on, or two, ...: each with its distance."""
        found = []
        for d in stage.definitions:
            depth = stage.depth((d.name, d.role), self.system.time.index)
            found += [(d, k if stage.descending else -k) for k in range(1, depth + 1)]
        return found

    def _local(self, key: Key, shift: int) -> str:
        """``h_t``, ``h_before``, ``lam_h_after``."""
        words = {0: self.index_names[self.system.time.index], -1: "before", 1: "after"}
        word = words.get(shift) or f"{'before' if shift < 0 else 'after'}_{abs(shift)}"
        return f"{self.names[key]}_{word}"

    def _step(
        self, stage: Stage, reads: Mapping[tuple[str, Role, int], arrays.Load], carries: list[tuple[Definition, int]]
    ) -> None:
        index = self.index_names[self.system.time.index]
        local: dict[tuple[str, Role, int], str] = {}
        for name, role, shift in reads:
            local[name, role, shift] = self._local((name, role), shift)
        for d, shift in carries:
            local[d.name, d.role, shift] = self._local((d.name, d.role), shift)
        for d in stage.definitions:
            local[d.name, d.role, 0] = self._local((d.name, d.role), 0)
        writer = self.writer.inside(local)
        outer, self.source = self.source, Source()
        self.source.depth = outer.depth
        for d in stage.definitions:
            self._line(d, writer, local[d.name, d.role, 0])
        inner, self.source = self.source, outer
        text = ast.parse("\n".join(line[4 * self.source.depth :] for line in inner.lines))
        uses_time = any(isinstance(n, ast.Name) and n.id == index for n in ast.walk(text))
        self._unpacked([local[d.name, d.role, shift] for d, shift in carries], "carry")
        self.timed_scan = uses_time
        self._unpacked([*([index] if uses_time else []), *(local[key] for key in reads)], "now")
        self.source.lines += inner.lines
        values = [local[d.name, d.role, 0] for d in self._kept(stage)]
        moved = [local[d.name, d.role, shift - (1 if shift > 0 else -1)] for d, shift in carries]
        self.source.raw(f"return {_tuple(moved)}, {_tuple(values)}")

    def _unpacked(self, names: list[str], source: str) -> None:
        if names:
            self.source.raw(f"{', '.join(names)}{',' if len(names) == 1 else ''} = {source}")

    def _kept(self, stage: Stage) -> list[Definition]:
        """The definitions whose values are kept for all times."""
        return [d for d in stage.definitions if not d.name.endswith(JOINT)]

    def _line(self, d: Definition, writer: TensorWriter, target: str) -> None:
        if not d.name.endswith(JOINT):
            self._comment(d)
        elif d.role is Role.PART:
            self.source.comment("What the step before this one takes from here.")
        else:
            self.source.comment("All products with the same vector at once.")
        batched = self._batched(d)
        value = writer.full(d.expression, False, batched)
        for when, array, node in d.overrides:
            self._comment(d, node, index_text(when))
            index = self.index_names[self.system.time.index]
            test = ast.Compare(py.name(index), [ast.Eq()], [self.writer.index(when)])
            self.writer.helpers["_at"] = None
            value = py.call("_at", test, writer.full(array, False, batched), value)
        self.assign(target, value)

    def _call(
        self,
        stage: Stage,
        step: str,
        reads: Mapping[tuple[str, Role, int], arrays.Load],
        carries: list[tuple[Definition, int]],
        span: Span,
    ) -> None:
        starts = [self.dialect.translate(self._start(d, shift, span)) for d, shift in carries]
        writer = self._over(span)
        rows = [writer.expression(load) for load in reads.values()]
        if self.timed_scan:
            first, stop = (self.writer.index(i) for i in (span[0], span[1] + 1))
            rows.insert(0, py.call("np.arange", first, stop))
        names = [self.names[d.name, d.role] for d in self._kept(stage)]
        over = _tuple([py.unparse(self.dialect.translate(r)) for r in rows])
        start = _tuple([py.unparse(s) for s in starts])
        reverse = ", reverse=True" if stage.descending else ""
        length = "" if rows else f", length={py.unparse(writer.length)}"
        self.source.raw(f"_, {_tuple(names)} = {self.dialect.scan}({step}, {start}, {over}{length}{reverse})")
        for d in self._kept(stage):
            if d.role is Role.COMPUTED and d.name in self.system.cell.state:
                self._join_initial(d)
            else:
                self.spans[d.name, d.role] = span

    def _start(self, d: Definition, shift: int, span: Span) -> ast.expr:
        """The value before the first step that a loop takes."""
        batched = self._batched(d)
        shape = self.writer.single().shape(d.expression, False, batched)
        if d.role is Role.PART:
            return self.writer.spread(py.constant(0), shape)
        first = (span[0] if shift < 0 else span[1]) + shift
        return self._initial_value(self._initial(d, first), shape)

    def _initial(self, d: Definition, time: Index) -> Initial:
        for initial in self.system.initials:
            if initial.state.name == d.name and initial.time == time:
                return initial
        raise UnsupportedError(f"{d.name} has no value at time {time}")

    def _initial_value(self, initial: Initial, shape: ast.expr) -> ast.expr:
        if initial.key in self.slot_names:
            value: ast.expr = py.name(self.slot_names[initial.key])
        else:
            assert initial.start is not None
            value = self.writer.single().expression(initial.start)
        return self.writer.spread(value, shape)

    def _join_initial(self, d: Definition) -> None:
        """A state's initial values in front of its rows, or behind them."""
        shape = self.writer.single().shape(d.expression, False, self._batched(d))
        time = self.system.time

        def place(initial: Initial) -> int:
            return int((initial.time - time.first).constant or (initial.time - time.last).constant or 0)

        mine = sorted((i for i in self.system.initials if i.state.name == d.name), key=place)
        rows = [py.subscript(self._initial_value(i, shape), ast.Constant(None)) for i in mine]
        name = py.name(self.names[d.name, d.role])
        backward = bool(mine) and mine[0].state.backward
        if mine:
            parts = [name, *rows] if backward else [*rows, name]
            self.source.comment(f"Row 0 is {d.name} at time {self._rows_of(load_of(d, Index.of(0)))[0]}.")
            self.assign(self.names[d.name, d.role], py.call("np.concatenate", py.list_(parts)))


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
