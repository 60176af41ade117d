"""The gradients of a Numba module: one compiled function for all examples, made ready by a function with buffers."""

from __future__ import annotations

import ast

from symrnn.coding import python_source as py
from symrnn.coding.numba.names import RESERVED
from symrnn.coding.numba.places import INLINE, Memory
from symrnn.coding.numba.schedule import ScheduleWriter
from symrnn.coding.numpy_fast.body import make_workspace
from symrnn.coding.numpy_fast.compute import tuple_text
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.python_source import Source
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.graph_builder import build_program
from symrnn.planning.interface import Interface, Slot, build_interface
from symrnn.planning.lowering import Lowering
from symrnn.planning.planner import plan_schedule
from symrnn.planning.storage import assign_storage
from symrnn.planning.system import System

OWN = (
    "infinite", "expected", "fits", "slowly", "compute", "buffers", "lead", "results", "made", "labels", "_all_steps",
    "_ready", "total", "key", "g",
)  # fmt: skip


def plan_numba(system: System, relu0: float) -> Workspace:
    """The plan of a system and names for it.

    Raises UnsupportedError where there is none.
    """
    if not system.has_batch or not system.gradients:
        raise UnsupportedError("nothing that is given has one value per example")
    program = build_program(system)
    schedule = plan_schedule(program)
    interface = build_interface(system)
    if interface.length_slot is None:
        raise UnsupportedError("nothing that is given has a time axis")
    return make_workspace(assign_storage(schedule), interface, [*RESERVED, *OWN], relu0)


def names_of(lines: list[str]) -> set[str]:
    """All names in some lines of source."""
    return {n.id for n in ast.walk(ast.parse("\n".join(lines))) if isinstance(n, ast.Name)}


def inner_shape(work: Workspace, slot: Slot) -> str:
    """The shape in which the compiled function takes an array."""
    axes = [work.index(a) for a in slot.inner]
    return tuple_text(", ".join([*(["steps"] if slot.timed else []), *(["batch"] if slot.per_example else []), *axes]))


class FastGradients:
    """Writes the compiled function; ``roots`` are the arrays where it leaves the gradients."""

    def __init__(self, work: Workspace, system: System) -> None:
        self.work, self.system = work, system
        self.interface: Interface = work.interface
        self.writer = ScheduleWriter(work)
        self.writer.write()
        self.owners: dict[str, str] = {}
        self.roots = {key: self._root(key, op) for key, op in work.schedule.program.gradients.items()}

    @property
    def helpers(self) -> dict[str, None]:
        """The helper functions that the module needs."""
        return self.writer.loops.helpers

    # ---- where gradients stand

    def _root(self, key: str, op: Op) -> str:
        """The array of a gradient as the function that makes buffers sees it."""
        inner, slot = deref(Arg(op)).op, self.interface.slot[key]
        shape = f"{self.work.data_names[key]}_shape"
        if inner.kind in ("number", "full") and not inner.data[-1]:
            return f"np.zeros({shape}, dtype)"
        if inner.kind in INLINE or inner.kind == "data":
            raise UnsupportedError(f"the gradient by {key} is no value of its own")
        memory = self.writer.places.memory(inner)
        name = self._own(key, memory)
        if inner.timed:
            assert memory.rows is not None
            time = self.system.time
            first, stop = time.first - memory.rows[0], time.last - memory.rows[0] + 1
            name = f"{name}[{self.work.index(first)}:{self.work.index(stop)}]"
        if slot.per_example and not inner.batched:
            spread = f"{name}[:, None]" if slot.timed else name
            name = f"np.broadcast_to({spread}, {inner_shape(self.work, slot)})"
        return f"{name}.reshape({shape})"

    def _own(self, key: str, memory: Memory) -> str:
        """An array for this gradient alone, where another one has the same value."""
        if memory.name not in self.owners:
            self.owners[memory.name] = key
            return memory.name
        name = self.work.names.give(f"grad_{self.work.data_names[key]}")
        self.writer.places.made[name] = Memory(name, memory.rows, memory.batched, memory.axes, True)
        self.writer.source.raw(f"{name}[...] = {memory.name}")
        return name

    # ---- the compiled function

    def compiled(self, source: Source) -> None:
        """The function over all steps and examples."""
        writer, work = self.writer, self.work
        places = writer.places
        loss = deref(Arg(work.schedule.program.loss)).op
        shown = repr(float(loss.data[0])) if loss.kind == "number" else ast.unparse(places.result(loss))
        before = self._beginning()
        text = [*before, *writer.source.lines]
        used = names_of(text)
        sizes = [work.index_names[r.size] for r in self.interface.sizes]
        self.slots = [s for s in self.interface.slots if work.data_names[s.key] in used]
        self.memories = [m for m in places.made.values() if m.is_array and m.name in used]
        given = [work.data_names[s.key] for s in self.slots]
        arguments = ["steps", "batch", *sizes, *given, *(m.name for m in self.memories)]
        source.raw("@compiled")
        with source.indented(f"def _all_steps({', '.join(arguments)})"):
            source.raw('"""The loss; the gradients are left in the arrays that are given for them."""')
            for line in self.times(used):
                source.raw(line)
            for line in [*before, *writer.source.lines]:
                source.raw(line)
            source.raw(f"return {shown}")

    def times(self, used: set[str]) -> list[str]:
        lines = []
        length = self.system.time.length
        for name in sorted(self.system.time.last.names() | self.system.time.first.names()):
            shown = self.work.index_names[name]
            if shown in used:
                rest = length - Index.of(name)
                lines.append(f"{shown} = {self.work.index(Index.of('steps') - rest)}")
        return lines

    def _beginning(self) -> list[str]:
        """Other shapes of the arrays, matrices turned, and memory for sums."""
        places, work = self.writer.places, self.work
        lines = self._extended()
        known = {**{m.name: m for m in self._given()}, **places.made}
        for name, tall in places.talls.items():
            memory = known[name]
            assert memory.rows is not None
            rows = work.factor(memory.rows[1] - memory.rows[0] + 1)
            shape = tuple_text(", ".join([f"{rows} * batch", *(work.index(a) for a in memory.axes)]))
            lines.append(f"{tall} = {name}.reshape({shape})")
        for name, flat in places.flats.items():
            memory = known[name]
            width = " * ".join(["batch", *(work.factor(a) for a in memory.axes)])
            lead = [] if memory.rows is None else [work.index(memory.rows[1] - memory.rows[0] + 1)]
            lines.append(f"{flat} = {name}.reshape({tuple_text(', '.join([*lead, width]))})")
        for name, line in places.lines.items():
            memory = known[name]
            assert memory.rows is not None
            rows = work.factor(memory.rows[1] - memory.rows[0] + 1)
            count = " * ".join([rows, "batch", *(work.factor(a) for a in memory.axes)])
            lines.append(f"{line} = {name}.reshape({count})")
        lines += self.writer.products.lines
        for name, axes_ in self.writer.loops.scratch.items():
            if axes_:
                shape = py.unparse(py.tuple_(work.writer.index(a) for a in axes_))
                lines.append(f"{name} = np.empty({shape}, {self._like()}.dtype)")
        return lines

    def _like(self) -> str:
        return next(m.name for m in self.writer.places.made.values() if m.is_array)

    def _given(self) -> list[Memory]:
        time = self.system.time
        found = []
        for slot in self.interface.slots:
            rows = (time.first, time.last) if slot.timed else None
            found.append(Memory(self.work.data_names[slot.key], rows, slot.per_example, slot.inner))
        for key, (name, depth) in self.writer.places.extended.items():
            slot = self.interface.slot[key]
            found.append(Memory(name, (time.first - depth, time.last), slot.per_example, slot.inner))
        return found

    def _extended(self) -> list[str]:
        """Sequences with rows for the times before the first."""
        lines = []
        for key, (name, depth) in self.writer.places.extended.items():
            slot = self.interface.slot[key]
            assert slot.before is not None
            given = self.work.data_names[key]
            axes = "".join(f", {self.work.index(a)}" for a in slot.inner)
            batch = ", batch" if slot.per_example else ""
            lines.append(f"{name} = np.empty((steps + {depth}{batch}{axes}), {given}.dtype)")
            lines += self.writer.before(name, Lowering(lambda _name, _role: False)(slot.before), depth)
            lines.append(f"{name}[{depth}:] = {given}")
        return lines
