"""The stages of a plan as loops that Numba compiles: what a NumPy module does in calls, with the calls taken apart.

Entry by entry operations that follow each other share one loop over their entries; products with matrices go through
``multiply``, which calls BLAS where that pays; sums over times are one product of tall matrices.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from symrnn.coding import python_source as py
from symrnn.coding.numba.loops import LoopWriter, Place
from symrnn.coding.numba.places import INLINE, Places
from symrnn.coding.numba.products import ProductWriter
from symrnn.coding.numba.segments import Segment, is_pointwise
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.python_source import Source
from symrnn.language import Index, Role
from symrnn.planning.arrays import Array
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.headings import Headings
from symrnn.planning.schedule import Stage


class ScheduleWriter:
    """Writes the inside of a compiled function that computes the loss and all gradients of a plan."""

    def __init__(self, work: Workspace) -> None:
        self.work, self.schedule = work, work.schedule
        self.program = self.schedule.program
        self.system = self.program.system
        names = work.names
        self.time = work.index_names.setdefault(self.system.time.index, names.give(self.system.time.index))
        self.example = names.give("b")
        self.flat_name = names.give("r")
        self.places = Places(work, self.example, self.flat_name)
        self.loops = LoopWriter(self.places.load, work.index_names, names, work.relu0)
        self.products = ProductWriter(work, self.places, self.loops)
        self.headings = Headings(self.schedule, work.op_names)
        self.results = {deref(Arg(op)).op for op in self.program.gradients.values()}
        self.places.wanted = frozenset(op for op in self.results if not op.timed)
        self.in_time = False
        self.stage: Stage | None = None

    @property
    def source(self) -> Source:
        """Where statements go."""
        return self.loops.source

    def write(self) -> None:
        """All stages."""
        for stage in self.schedule.stages:
            self.stage = stage
            self.source.blank(1)
            self.source.comment(self.headings.stage(stage))
            if stage.kind != "once":
                self._pads(stage)
                self.products.prepare(stage.ops)
            if stage.kind == "loop":
                self._starts(stage)
                self._open(stage)
            self._operations(stage.ops)
            self._close()

    # ---- loops over times

    def _open(self, stage: Stage) -> None:
        if self.in_time or stage.kind == "once":
            return
        assert stage.domain is not None
        first, stop = (self.work.index(i) for i in (stage.domain[0], stage.domain[1] + 1))
        if stage.direction < 0:
            first, stop = (self.work.index(i) for i in (stage.domain[1], stage.domain[0] - 1))
        self.source.raw(f"for {self.time} in range({first}, {stop}{', -1' if stage.direction < 0 else ''}):")
        self.source.depth += 1
        self.in_time = True

    def _close(self) -> None:
        if self.in_time:
            self.source.depth -= 1
            self.in_time = False

    @contextmanager
    def _nest(self, batched: bool, axes: Sequence[Index]) -> Iterator[Place]:
        """Loops over the examples, where there are any, and over axes."""
        depth = self.source.depth
        if batched:
            self.source.raw(f"for {self.example} in range(batch):")
            self.source.depth += 1
        loops = self.loops.axis_loops(axes)
        with self.loops.nest(loops):
            yield tuple(py.name(name) for name, _ in loops)
        self.source.depth = depth

    # ---- what a loop starts from

    def _starts(self, stage: Stage) -> None:
        inside = set(stage.ops)
        for initial in self.system.initials:
            op = deref(Arg(self.program.variables[initial.state.name, Role.COMPUTED])).op
            if op not in inside or self.work.storage.kind.get(op) != "buffer":
                continue
            memory = self.places.memory(op)
            assert memory.rows is not None
            row = self.work.writer.index(initial.time - memory.rows[0])
            self.source.comment(initial.key)
            with self._nest(memory.batched, memory.axes) as place:
                lead = [row, *([py.name(self.example)] if memory.batched else [])]
                self.source.assign(py.subscript(py.name(memory.name), *lead, *place), self._start(initial.key, place))
        for op in stage.ops:
            if self.work.storage.kind.get(op) == "carried":
                memory = self.places.memory(op)
                wide = memory.batched or memory.axes
                self.source.raw(f"{memory.name}{'[...]' if wide else ''} = 0.0")

    def before(self, name: str, value: Array, depth: int) -> list[str]:
        """The lines that put a sequence's value before its first step into the rows for it."""
        outer, self.loops.source = self.loops.source, Source()
        row, slot = self.loops.axis_names[-1], self.places.slot_of(name)
        with self.source.indented(f"for {row} in range({depth})"), self._nest(slot.per_example, slot.inner) as place:
            lead = [py.name(row), *([py.name(self.example)] if slot.per_example else [])]
            entry = self.loops.entry(value, place if value.axes else ())
            self.source.assign(py.subscript(py.name(name), *lead, *place), entry)
        inner, self.loops.source = self.loops.source, outer
        return inner.lines

    def _start(self, key: str, place: Place) -> ast.expr:
        if key in self.work.data_names:
            slot = self.work.interface.slot[key]
            lead = [py.name(self.example)] if slot.per_example else []
            at = (*lead, *place)
            return py.subscript(py.name(self.work.data_names[key]), *(at or (py.tuple_([]),)))
        value = self.places.stand_in(Arg(deref(Arg(self.program.initials[key])).op))
        return self.loops.entry(value, place if value.axes else ())

    def _pads(self, stage: Stage) -> None:
        """Adjoints are zero beyond the first and the last time."""
        time = self.system.time
        for op in stage.ops:
            if not op.adjoint or self.work.storage.kind.get(op) != "buffer":
                continue
            memory = self.places.memory(op)
            assert memory.rows is not None
            before = (time.first - memory.rows[0]).constant or 0
            after = (memory.rows[1] - time.last).constant or 0
            if before > 0:
                self.source.raw(f"{memory.name}[:{before}] = 0.0")
            if after > 0:
                self.source.raw(f"{memory.name}[-{after}:] = 0.0")

    # ---- operations

    def _operations(self, ops: Sequence[Op]) -> None:
        segment: Segment | None = None
        for op in ops:
            if op.kind in INLINE and op not in self.results:
                continue
            if is_pointwise(op):
                if segment is None or not segment.take(op):
                    self._flush(segment)
                    segment = Segment(self.work, op)
                continue
            self._flush(segment)
            segment = None
            self._alone(op)
        self._flush(segment)

    def _flush(self, segment: Segment | None) -> None:
        """The loop over the entries of operations that go together."""
        if segment is None:
            return
        stage, first = self.stage, segment.ops[0]
        assert stage is not None
        self.places.walk = segment.walk(stage)
        if self.places.walk == "times":
            self._close()
        else:
            self._open(stage)
        depth = self.source.depth
        if self.places.walk:
            self.source.raw(f"for {self.flat_name} in range({self._count(stage, first)}):")
            self.source.depth += 1
            self._entries(segment, tuple(py.name(self.flat_name) for _ in first.axes))
        elif not first.axes and not first.batched:
            self._entries(segment, ())
        else:
            with self._nest(first.batched, first.axes) as place:
                self._entries(segment, place)
        self.source.depth = depth
        self.places.walk = ""
        self.places.locals = {}

    def _count(self, stage: Stage, op: Op) -> str:
        """How many entries are walked over as one."""
        factors = ["batch", *(self.work.factor(a) for a in op.axes)]
        if self.places.walk == "times":
            assert stage.domain is not None
            self.places.first = stage.domain[0]
            factors.insert(0, self.work.factor(stage.domain[1] - stage.domain[0] + 1))
        return " * ".join(factors)

    def _entries(self, segment: Segment, place: Place) -> None:
        for op in segment.ops:
            self.source.comment(self.headings.formula(op))
            value = self.loops.entry(self.places.expression(op), place)
            if op in segment.read_inside():
                name = self.work.names.give(f"{self.work.name_of(op)}_now") if self._is_variable(op) else None
                local = name or self.work.name_of(op)
                self.source.assign(local, value)
                self.places.locals[op] = local
                value = py.name(local)
                if not segment.is_kept(op, self.results):
                    continue
            self._put(op, place, value)

    def _is_variable(self, op: Op) -> bool:
        """Whether the operation's own name is that of an array."""
        return not op.timed

    def _put(self, op: Op, place: Place, value: ast.expr) -> None:
        self.source.assign(self.places.entry(Arg(op), place), value)

    def _alone(self, op: Op) -> None:
        assert self.stage is not None
        if op.kind == "total" or (op.kind == "product" and self.products.is_standard(op) and self.stage.kind == "all"):
            self._close()
        else:
            self._open(self.stage)
        self.source.comment(self.headings.formula(op))
        if op.kind == "product":
            self._product(op)
        elif op.kind == "total":
            self.products.total(op, self.time, self.example)
        elif op.kind == "rowmax":
            self._largest(op)
        elif op.kind == "at":
            self._at(op)
        elif op.kind == "batchsum":
            self._batch_sum(op)
        elif op.kind == "select":
            self._select(op)
        else:
            self._copied(op, self.places.expression(op))
        self.loops.ready = {}

    def _product(self, op: Op) -> None:
        assert self.stage is not None
        if self.products.is_standard(op):
            self.products.multiply(op, self.stage)
            return
        with self._nest(op.batched, ()):
            self.products.contract(op, lambda place: self.places.entry(Arg(op), place))

    def _copied(self, op: Op, value: Array) -> None:
        """What the loop writer computes as a whole, an example at a time."""
        depth = self.source.depth
        if op.batched:
            self.source.raw(f"for {self.example} in range(batch):")
            self.source.depth += 1
        self.loops.store(lambda place: self.places.entry(Arg(op), place), value, op.axes)
        self.source.depth = depth

    def _largest(self, op: Op) -> None:
        (arg,) = reads(op)
        value = self.places.stand_in(arg)
        axis, size = self.loops.axis_loops(arg.op.axes)[0]
        top = self.loops.total_name("top")
        with self._nest(op.batched, ()):
            self.loops.prepare(value)
            self.source.assign(top, self.loops.entry(value, (py.constant(0),)))
            with self.source.indented(f"for {axis} in range(1, {self.work.index(size)})"):
                self.source.assign(top, py.call("max", py.name(top), self.loops.entry(value, (py.name(axis),))))
            self.source.assign(self.places.entry(Arg(op), ()), py.name(top))

    def _at(self, op: Op) -> None:
        self.places.now = op.data[0]
        value = self.places.stand_in(reads(op)[0])
        with self._nest(op.batched, op.axes) as place:
            entry = self.loops.entry(value, place if value.axes else ())
            self._put(op, place, entry)
        self.places.now = None

    def _batch_sum(self, op: Op) -> None:
        (arg,) = reads(op)
        value = self.places.stand_in(arg)
        with self._nest(False, op.axes) as place:
            self._put(op, place, py.constant(0.0))
        with self._nest(arg.op.batched, op.axes) as place:
            target = self.places.entry(Arg(op), place)
            self.source.augment(target, self.loops.entry(value, place))

    def _select(self, op: Op) -> None:
        """The general value, others at single times."""
        base, *others = reads(op)
        for word, (when, arg) in zip(["if", *["elif"] * len(others)], zip(op.data, others, strict=True), strict=False):
            with self.source.indented(f"{word} {self.time} == {self.work.index(when)}"):
                self._selected(op, arg)
        with self.source.indented("else"):
            self._selected(op, base)

    def _selected(self, op: Op, arg: Arg) -> None:
        value = self.places.stand_in(arg)
        with self._nest(op.batched, op.axes) as place:
            self._put(op, place, self.loops.entry(value, place if value.axes else ()))
