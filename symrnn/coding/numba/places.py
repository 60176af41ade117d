"""Where the values of a plan stand in a Numba function: which array, which row, and how its entries are read.

An operand becomes a stand-in, a leaf of an array expression whose entries the loop writer asks for one by one.  Blocks
and single places of other values are no arrays of their own: reading them is reading those at other places.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from symrnn.coding import python_source as py
from symrnn.coding.numba.loops import Place
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.interface import Slot as SlotOfCaller
from symrnn.planning.storage import VIEWS, Rows, Slot

INLINE = (*VIEWS, "number", "count", "batch", "full", "identity", "between")
"""Operations that need no statement: their entries are written where they are read."""


@dataclass
class Memory:
    """An array by name: its rows where it has one for each time, whether it has examples, and its own axes."""

    name: str
    rows: Rows | None
    batched: bool
    axes: tuple[Index, ...]
    wanted: bool = False

    @property
    def is_array(self) -> bool:
        """Whether it is more than a variable of the function."""
        return self.wanted or self.batched or bool(self.axes) or self.rows is not None

    def shape(self, work: Workspace) -> str:
        """Its shape as source."""
        rows = [] if self.rows is None else [work.index(self.rows[1] - self.rows[0] + 1)]
        items = [*rows, *(["batch"] if self.batched else []), *(work.index(a) for a in self.axes)]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


@dataclass
class Places:
    """Names and rows; ``walk``: what is walked over as one axis, "examples" and own axes, or "times" with them."""

    work: Workspace
    example: str
    walker: str
    stage_rows: dict[Slot, Rows] = field(default_factory=dict)
    table: dict[str, Arg] = field(default_factory=dict)
    locals: dict[Op, str] = field(default_factory=dict)
    made: dict[str, Memory] = field(default_factory=dict)
    extended: dict[str, tuple[str, int]] = field(default_factory=dict)
    flats: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    talls: dict[str, str] = field(default_factory=dict)
    wanted: frozenset[Op] = frozenset()
    walk: str = ""
    first: Index = field(default_factory=lambda: Index.of(0))
    now: Index | None = None

    # ---- arrays

    def memory(self, op: Op) -> Memory:
        """The array that holds an operation's value."""
        work = self.work
        if op.kind == "data":
            return self._given(op)
        if op.timed:
            slot = work.storage.slot[op]
            rows = self._rows(op, slot)
            return self._known(Memory(work.slot_name(slot), rows, slot.batched, slot.axes))
        return self._known(Memory(work.name_of(op), None, op.batched, op.axes, op in self.wanted))

    def _rows(self, op: Op, slot: Slot) -> Rows | None:
        if slot.kind == "buffer":
            return slot.rows
        if slot.kind == "piece":
            stage = self.work.schedule.stage_of[op]
            assert stage.domain is not None
            return self.stage_rows.setdefault(slot, stage.domain)
        return None

    def _known(self, memory: Memory) -> Memory:
        self.made.setdefault(memory.name, memory)
        return memory

    def _given(self, op: Op) -> Memory:
        work, name = self.work, op.data[0]
        slot = work.interface.slot.get(name)
        if slot is None:
            raise UnsupportedError(f"{name} is not among the arrays that are given")
        if not op.timed:
            return Memory(work.data_names[name], None, op.batched, op.axes)
        time = work.schedule.program.system.time
        rows = (time.first, time.last)
        if slot.before is None:
            return Memory(work.data_names[name], rows, op.batched, op.axes)
        readers = work.schedule.readers.get(op, [])
        depth = max([0, *(-a.shift for reader in readers for a in reads(reader) if a.op is op)])
        if not depth:
            return Memory(work.data_names[name], rows, op.batched, op.axes)
        if name not in self.extended:
            self.extended[name] = (work.names.give(f"{work.data_names[name]}_full"), depth)
        longer, most = self.extended[name]
        if most != depth:
            raise UnsupportedError(f"{name} is read at several distances before the first step")
        return Memory(longer, (time.first - depth, time.last), op.batched, op.axes)

    def slot_of(self, longer: str) -> SlotOfCaller:
        """What the caller gives for a sequence with rows before its first step."""
        key = next(key for key, (name, _) in self.extended.items() if name == longer)
        return self.work.interface.slot[key]

    # ---- entries

    def load(self, load: arrays.Load, place: Place) -> ast.expr:
        """An entry of a stand-in."""
        if load.name not in self.table:
            return py.name(load.name)
        arg = self.table[load.name]
        if arg.op in self.locals and not arg.shift:
            return py.name(self.locals[arg.op])
        return self.entry(arg, place)

    def entry(self, arg: Arg, place: Place) -> ast.expr:
        """An entry of an operand in memory."""
        memory = self.memory(arg.op)
        lead: list[ast.expr] = []
        if self.walk == "times" and memory.batched:
            return self._on_the_line(memory, arg.shift)
        if memory.rows is not None:
            lead.append(self.row(memory, arg.shift))
        if self.walk and memory.batched:
            flat = self._view(self.flats, memory, "flat")
            return py.subscript(py.name(flat), *lead, py.name(self.walker))
        if memory.batched:
            lead.append(py.name(self.example))
        at = (*lead, *place)
        if at:
            return py.subscript(py.name(memory.name), *at)
        given = arg.op.kind == "data" or arg.op in self.wanted
        return py.subscript(py.name(memory.name), py.tuple_([])) if given else py.name(memory.name)

    def result(self, op: Op) -> ast.expr:
        """The variable of a number of the whole sequence; a wanted one is an array without axes."""
        name = py.name(self.memory(op).name)
        return py.subscript(name, py.tuple_([])) if op in self.wanted else name

    def row(self, memory: Memory, shift: int) -> ast.expr:
        """The row for a time at a distance from the present one."""
        assert memory.rows is not None
        now = Index.of(self.work.schedule.program.system.time.index) if self.now is None else self.now
        return self.work.writer.index(now + shift - memory.rows[0])

    def _on_the_line(self, memory: Memory, shift: int) -> ast.expr:
        """An entry of an array of which all times, examples and entries are walked over as one."""
        assert memory.rows is not None
        before = self.first + shift - memory.rows[0]
        at: ast.expr = py.name(self.walker)
        if before.constant != 0:
            width = [before, *memory.axes]
            skipped = py.chain("*", [py.name("batch"), *(self.work.writer.index(w) for w in width)])
            at = py.binary(at, "+", skipped)
        return py.subscript(py.name(self._view(self.lines, memory, "line")), at)

    def _view(self, known: dict[str, str], memory: Memory, word: str) -> str:
        """The name of the same array with other axes."""
        if memory.name not in known:
            known[memory.name] = self.work.names.give(f"{memory.name}_{word}")
        return known[memory.name]

    def tall(self, memory: Memory) -> str:
        """An array as a matrix with a row for each example at each time."""
        if memory.rows is None or not memory.batched:
            return memory.name
        return self._view(self.talls, memory, "tall")

    # ---- stand-ins

    def stand_in(self, arg: Arg) -> Array:
        """An operand as a leaf of an array expression, or as what is written in its place."""
        op = arg.op
        index = self.work.schedule.program.system.time.index
        moved = {index: (Index.of(index) if self.now is None else self.now) + arg.shift}
        if op.kind == "number":
            return arrays.Literal(op.data[0])
        if op.kind == "count":
            return arrays.Count(op.data[0].substitute(moved))
        if op.kind == "between":
            if any(index in bound.names() for bound in op.data[1:]):
                raise UnsupportedError("a window that moves with the time")
            return arrays.Between(*(i.substitute(moved) for i in op.data))
        if op.kind == "full":
            return arrays.Full(*op.data)
        if op.kind == "identity":
            return arrays.Identity(op.data[0])
        if op.kind == "batch":
            return arrays.Load("batch", Role.COMPUTED, None, (), False)
        if op.kind in VIEWS:
            (inner,) = reads(op)
            below = self.stand_in(Arg(inner.op, inner.shift + arg.shift))
            return arrays.Cut(below, *op.data) if op.kind == "cut" else arrays.Element(below, *op.data)
        key = f"{len(self.table)}: {op!r}"
        known = next((k for k, a in self.table.items() if a == arg), key)
        self.table[known] = arg
        return arrays.Load(known, Role.COMPUTED, None, op.axes, op.batched)

    def expression(self, op: Op) -> Array:
        """An operation as an array expression of stand-ins."""
        parts = [self.stand_in(a) for a in reads(op)]
        rule = _EXPRESSIONS.get(op.kind)
        if rule is None:
            raise UnsupportedError(f"compiled code has no rule for {op.kind}")
        return rule(op, parts)


def _plus(op: Op, parts: list[Array]) -> Array:
    terms = []
    for part, coefficient in zip(parts, op.data, strict=True):
        names = tuple(range(len(part.axes)))
        terms.append(part if coefficient == 1 else arrays.Einsum(coefficient, ((part, names),), names, ()))
    return arrays.Plus(tuple(terms))


def _product(op: Op, parts: list[Array]) -> Array:
    coefficient, labels, out, extents = op.data
    return arrays.Einsum(coefficient, tuple(zip(parts, labels, strict=True)), out, extents)


_EXPRESSIONS = {
    "plus": _plus,
    "product": _product,
    "apply": lambda op, parts: arrays.Apply(op.data[0], tuple(parts), op.data[1]),
    "join": lambda op, parts: arrays.Join(tuple(parts), *op.data),
    "reshape": lambda op, parts: arrays.Reshape(parts[0], *op.data),
    "linalg": lambda op, parts: arrays.Linalg(op.data[0], parts[0], op.data[1]),
}
