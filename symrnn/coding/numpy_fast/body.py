"""The fast NumPy version: the planner's stages with every call writing into memory that is there already.

What stays for the loops is what depends on the previous step.  ``make_loss_and_gradients`` makes buffers and views
once; the function that it returns does nothing but calls.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from symrnn.coding.numpy_fast.blocks import AFTER, Block, assigned, into, is_plain_number
from symrnn.coding.numpy_fast.columns import columns_of
from symrnn.coding.numpy_fast.loops import open_loop
from symrnn.coding.numpy_fast.pieces import PieceContext
from symrnn.coding.numpy_fast.statements import StatementWriter
from symrnn.coding.numpy_fast.sweeps import again
from symrnn.coding.numpy_fast.totals import TotalWriter
from symrnn.coding.numpy_fast.values import LoopContext, OnceContext, Operand, Workspace, buffer_slice
from symrnn.coding.python_source import Names
from symrnn.language import Index, Role
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.headings import Headings
from symrnn.planning.interface import Interface
from symrnn.planning.schedule import Stage, shrunk
from symrnn.planning.storage import VIEWS, Storage


class FastBody:
    """The inside of ``make_loss_and_gradients`` for one storage plan."""

    def __init__(self, storage: Storage, interface: Interface, work: Workspace) -> None:
        self.storage, self.schedule, self.interface, self.work = storage, storage.schedule, interface, work
        self.program = self.schedule.program
        self.system = self.program.system
        self.headings = Headings(self.schedule, work.op_names)
        self.blocks: list[Block] = []

    def build(self) -> list[Block]:
        """All stages."""
        for stage in self.schedule.stages:
            kinds = {"once": self._once, "all": self._all, "loop": self._loop, "sweep": self._sweep}
            kinds[stage.kind](stage)
        return self.blocks

    def _comment(self, op: Op) -> str:
        return f"# {self.headings.formula(op)}"

    # ---- step by step

    def _loop(self, stage: Stage) -> None:
        context = LoopContext(self.work, stage)
        lines: list[str] = []
        writer = StatementWriter(self.work, context, lines, reversed_weights=True)
        for op in stage.ops:
            if op.kind in VIEWS:
                continue
            lines.append(self._comment(op))
            writer.write(op, context.timed(Arg(op)))
        block = Block(self.headings.stage(stage), lines)
        self._starts(stage, block)
        open_loop(self.work, stage, context, block)
        self.blocks.append(block)

    def _starts(self, stage: Stage, block: Block) -> None:
        """Initial values into their rows, zeros into what the first step reads of the one before it."""
        ops = set(stage.ops)
        for initial in self.system.initials:
            op = deref(Arg(self.program.variables[initial.state.name, Role.COMPUTED])).op
            if op not in ops or self.storage.kind.get(op) != "buffer":
                continue
            row = self._row(op, initial.time)
            if initial.key in self.work.data_names:
                block.before.append(assigned(row, self.work.data_names[initial.key]))
                continue
            start = deref(Arg(self.program.initials[initial.key])).op
            source = OnceContext(self.work, stage).read(Arg(start)).source if start.kind != "number" else None
            value = source or repr(float(start.data[0]))
            block.before.append(assigned(row, value))
        for op in stage.ops:
            kind = self.storage.kind.get(op)
            if kind == "carried":
                block.before.append(f"{self.work.slot_name(self.storage.slot[op])}.fill(0)")
            elif kind == "buffer" and op.adjoint:
                self._pad(op, block)

    def _pad(self, op: Op, block: Block) -> None:
        slot = self.storage.slot[op]
        assert slot.rows is not None
        time = self.system.time
        name = self.work.slot_name(slot)
        before, after = (time.first - slot.rows[0]).constant or 0, (slot.rows[1] - time.last).constant or 0
        if before:
            block.before.append(f"{name}[:{before}] = 0")
        if after:
            block.before.append(f"{name}[-{after}:] = 0")

    def _row(self, op: Op, time: Index) -> str:
        slot = self.storage.slot[op]
        assert slot.rows is not None
        name = self.work.slot_name(slot)
        row = f"{name}[{self.work.index(time - slot.rows[0])}]"
        return self.work.make(f"{name}_row", row) if op.batched or op.axes else row

    # ---- all times at once

    def _all(self, stage: Stage) -> None:
        assert stage.domain is not None
        columns = columns_of(stage, self.storage)
        length = self.work.factor(stage.domain[1] - stage.domain[0] + 1)
        context = PieceContext(self.work, stage, columns, length)
        lines: list[str] = []
        block = Block(self.headings.stage(stage), lines)
        writer = StatementWriter(self.work, context, lines)
        totals = TotalWriter(self.work, context, self.schedule.fused)
        # The line that makes the pieces comes before what is cut into them.
        place = len(self.work.setup)
        for op in stage.ops:
            if op.kind in VIEWS:
                continue
            if op.kind == "total":
                lines.append(self._comment(op))
                self._accumulate(op, totals, lines, block)
            elif op.kind == "select":
                self._select(op, block)
            elif op.kind in ("between", "count"):
                continue
            else:
                lines.append(self._comment(op))
                writer.write(op, context.timed(Arg(op)))
        if not lines:
            self.blocks.append(block)
            return
        self.work.setup.insert(place, f"{context.bounds} = _pieces({length}, {self._bytes(stage)})")
        self._over_pieces(context, block)
        for op in stage.ops:
            if self.storage.kind.get(op) == "buffer" and op.adjoint:
                self._pad(op, block)
        self.blocks.append(block)

    def _sweep(self, stage: Stage) -> None:
        length = self.work.factor(self.system.time.length)
        context = PieceContext(self.work, stage, set(), length)
        block = Block(self.headings.stage(stage), [])
        writer = StatementWriter(self.work, context, block.lines)
        place = len(self.work.setup)
        for op in stage.ops:
            if op.kind not in VIEWS:
                block.lines.append(self._comment(op))
                writer.write(op, context.timed(Arg(op)))
        self.work.setup.insert(place, f"{context.bounds} = _pieces({length}, {self._bytes(stage)})")
        self._over_pieces(context, block)
        again(self.work, stage, block)
        self.blocks.append(block)

    def _bytes(self, stage: Stage) -> str:
        """Bytes that one time step of a stage touches: its scratch and the buffers that it reads or writes."""
        slots: dict[Any, None] = {}
        for op in stage.ops:
            for arg in [Arg(op), *reads(op)]:
                slot = self.storage.slot.get(arg.op)
                if slot is not None:
                    slots[slot] = None
        widths: dict[str, int] = {}
        for slot in slots:
            width = " * ".join(self.work.factor(a) for a in slot.axes) or "1"
            widths[width] = widths.get(width, 0) + 1
        total = " + ".join(w if c == 1 else f"{c} * {w}" for w, c in widths.items()) or "1"
        return f"({total}) * batch * dtype.itemsize"

    def _over_pieces(self, context: PieceContext, block: Block) -> None:
        names, sequences = [], []
        text = "\n".join(block.lines)
        used = {n.id for n in ast.walk(ast.parse(text or "pass")) if isinstance(n, ast.Name)}
        for name, sequence in (
            ("span", f"[slice(i * batch, j * batch) for i, j in {context.bounds}]"),
            ("when", f"[slice(i, j) for i, j in {context.bounds}]"),
            ("first", f"[i == 0 for i, j in {context.bounds}]"),
        ):
            if name in used:
                names.append(name)
                sequences.append(sequence)
        for name, sequence in context.sequences:
            names.append(name)
            sequences.append(sequence)
        if not names:
            names, sequences = ["_"], [context.bounds]
        views = self.work.make("pieces_of_all", f"list(zip({', '.join(sequences)}))")
        inner = ", ".join(names) + ("," if len(names) == 1 else "")
        block.header = f"for {inner} in {views}"

    def _accumulate(self, op: Op, totals: TotalWriter, lines: list[str], block: Block) -> None:
        text, fills = totals.expression(op)
        name = self.work.name_of(op)
        if not op.axes and not op.batched:
            block.before.append(f"{name} = 0.0")
            lines.append(f"{name} += {text}")
            return
        shape = [*(["batch"] if op.batched else []), *(self.work.index(a) for a in op.axes)]
        made = f"np.empty(({', '.join(shape)}{',' if len(shape) == 1 else ''}), dtype)"
        self.work.setup.append(f"{name} = {made}")
        lines.append("if first:")
        lines.append(f"    {into(text, name)}" if fills else f"    {name}[...] = {text}")
        lines.append("else:")
        lines.append(f"    {self.work.function('add')}({name}, {text}, {name})")

    def _select(self, op: Op, block: Block) -> None:
        """The general values, then those of single times."""
        base, *others = reads(op)
        name = self.work.slot_name(self.storage.slot[op])
        if base.op.kind in ("full", "number"):
            block.after.append(f"{name}.fill({float(base.op.data[-1])!r})")
        else:
            low, high = shrunk(self.schedule.domains[op], op.data)
            source = OnceContext(self.work, self.schedule.stage_of[op]).whole(base, low, high).source
            block.after.append(self._comment(base.op))
            block.after.append(f"{buffer_slice(self.work, op, low, high)}[...] = {source}")
        for arg, time in zip(others, op.data, strict=True):
            row = self._row(op, time)
            if arg.op.kind in ("full", "number"):
                block.after.append(assigned(row, repr(float(arg.op.data[-1]))))
                continue
            context = OnceContext(self.work, self.schedule.stage_of[op])
            if not arg.op.timed:
                block.after.append(assigned(row, context.read(arg).source))
                continue
            whole = context.whole(arg, time, time)
            block.after.append(assigned(row, f"{whole.source}[0]"))

    # ---- once

    def _once(self, stage: Stage) -> None:
        context = OnceContext(self.work, stage)
        lines: list[str] = []
        totals = TotalWriter(self.work, context, self.schedule.fused)
        writer = StatementWriter(self.work, context, lines)
        for op in stage.ops:
            self._once_op(op, context, totals, writer)
        if lines:
            self.blocks.append(Block(self.headings.stage(stage), lines))

    def _once_op(self, op: Op, context: OnceContext, totals: TotalWriter, writer: StatementWriter) -> None:
        lines, name = writer.lines, self.work.name_of(op)
        if op.kind == "at":
            self._at(op, context, lines)
            return
        lines.append(self._comment(op))
        if op.kind == "total":
            text, fills = totals.expression(op)
            if fills:
                shape = ", ".join(self.work.index(a) for a in op.axes)
                self.work.setup.append(f"{name} = np.empty(({shape}{',' if len(op.axes) == 1 else ''}), dtype)")
                lines.append(into(text, name))
            else:
                lines.append(f"{name} = {text}")
        elif op.kind == "batchsum":
            lines.append(f"{name} = {context.read(reads(op)[0]).source}.sum(0)")
        elif is_plain_number(op):
            # Of the type that is computed in: a Python number would widen what an einsum makes of it.
            lines.append(f"{name} = np.array({writer.expression(op, False)}, dtype)")
        else:
            lines.append(f"{name} = {writer.expression(op, False)}")
        lines.append(f"{AFTER}{name}")

    def _at(self, op: Op, context: OnceContext, lines: list[str]) -> None:
        (arg,) = reads(op)
        name = self.work.name_of(op)
        if op in self.schedule.captured:
            return
        lines.append(self._comment(op))
        if self.storage.kind.get(arg.op) == "carried":
            lines.append(f"{name} = {self.work.slot_name(self.storage.slot[arg.op])}")
        else:
            time = op.data[0]
            lines.append(f"{name} = {context.whole(arg, time, time).source}[0]")


def make_workspace(storage: Storage, interface: Interface, reserved: Sequence[str], relu0: float) -> Workspace:
    """Names for everything that is given."""
    system = storage.schedule.program.system
    names = Names(reserved)
    index_names = {r.size: names.give(r.size) for r in interface.sizes}
    for symbol in sorted(system.time.last.names() | system.time.first.names()):
        index_names.setdefault(symbol, names.give(symbol))
    data_names = {}
    for slot in interface.slots:
        shown = slot.key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")
        data_names[slot.key] = names.give(shown)
    return Workspace(storage.schedule, storage, interface, names, index_names, data_names, relu0)


def gradient_source(work: Workspace, op: Op) -> Operand:
    """Where a gradient stands when all is done."""
    inner = deref(Arg(op)).op
    system = work.schedule.program.system
    context = OnceContext(work, work.schedule.stages[-1])
    if inner.timed:
        return context.whole(Arg(inner), system.time.first, system.time.last)
    return context.read(Arg(inner))
