"""Where the values of the narrow schedule stand: in stacks, beside the other gates, in scratch, in columns."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.coding.numpy_fast.values import Workspace, moved_name, sliced
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.schedule import margins
from symrnn.planning.stacks import Form, Group, NarrowPlan, Pack, Stack
from symrnn.planning.storage import Slot, Storage, is_inplace


@dataclass(frozen=True)
class Place:
    """An array and the times of its rows; ``part`` picks features, scratch has no rows."""

    name: str
    low: Index | None = None
    high: Index | None = None
    part: str = ""
    scratch: bool = False


def by_columns(pack: Pack) -> bool:
    """Whether a matrix is kept column by column: on the way back, so that transposed weights are copied as they are."""
    return any(op.adjoint for op in pack.stage.ops)


class Places:
    """Gives every operation its place, and writes the lines that make it."""

    def __init__(self, plan: NarrowPlan, storage: Storage, work: Workspace, columns: set[Op]) -> None:
        self.plan, self.storage, self.work, self.columns = plan, storage, work, columns
        self.schedule = plan.schedule
        self.time = self.schedule.program.system.time
        self.loop_ops = {op for s in self.schedule.stages if s.kind == "loop" for op in s.ops}
        self.flat = self._flat()
        self.known: dict[Op, Place] = {}
        self.matrices: dict[Pack, str] = {}
        self.stack_names: dict[Stack, str] = {}
        self.memory: dict[Pack, tuple[str, bool]] = {}
        self.factor_names: dict[Group, str] = {}
        self.flat_names: dict[Op, str] = {}
        self.apart: str | None = None
        self.fixed: set[tuple[str, str]] = set()
        self.copied: set[tuple[Group, int]] = set()
        self.shared: dict[tuple[Slot, Index, Index], str] = {}

    def _flat(self) -> set[Op]:
        """Numbers per time and example that stand beside vectors in columns."""
        found: set[Op] = set()
        for stage in self.schedule.stages:
            for op in stage.ops:
                if op.axes or not op.timed or not op.batched or op in self.loop_ops:
                    continue
                if any(a.op in self.columns or a.op in found for a in reads(op)):
                    found.add(op)
        return found

    # ---- rows of time

    def of(self, op: Op) -> Place:
        """The place of an operation."""
        if op not in self.known:
            self.known[op] = self._place(op)
        return self.known[op]

    def _place(self, op: Op) -> Place:
        stack = self.plan.home.get(op) or next(
            (s for s in self.plan.stacks if op in s.operands and op not in self.loop_ops), None
        )
        if stack is not None:
            return self._in_stack(stack, op)
        pack = next((p for p in self.plan.packs for f in p.forms if op in self._chain(f)), None)
        if pack is not None:
            return self.in_memory(pack, op)
        group = next((g for g in self.plan.groups if len(g.outputs) > 1 and self._is_factor(g, op)), None)
        if group is not None:
            return self._in_factors(group, op)
        return self._own(op)

    def _own(self, op: Op) -> Place:
        wanted = self.work.name_of(op)
        if op in self.loop_ops and self.storage.kind.get(op) == "step":
            shape = ", ".join([*(self.work.index(a) for a in op.axes), "batch"])
            name = self.work.names.give(f"{wanted}_now")
            self.work.setup.append(f"{name} = np.empty(({shape}{'' if op.axes else ','}), dtype)")
            return Place(name, scratch=True)
        low, high = margins(self.schedule, op)
        if op in self.loop_ops:
            low, high = self._with_starts(op, low, high)
        # Rows that a loop reads beyond its own times are zero; others may stand where another value died.
        written, slot = (low, high) == self.schedule.domains[op], self.storage.slot.get(op)
        if written and slot is not None and (slot, low, high) in self.shared:
            return Place(self.shared[slot, low, high], low, high)
        rows = self.work.index(high - low + 1)
        shape = ", ".join([rows, *(self.work.index(a) for a in op.axes), "batch"])
        name = self.work.names.give(f"{wanted}_all")
        self.work.setup.append(f"{name} = np.{'empty' if written else 'zeros'}(({shape}), dtype)")
        if written and slot is not None:
            self.shared[slot, low, high] = name
        return Place(name, low, high)

    def _with_starts(self, op: Op, low: Index, high: Index) -> tuple[Index, Index]:
        for initial in self.schedule.program.system.initials:
            variable = self.schedule.program.variables.get((initial.state.name, Role.COMPUTED))
            if variable is not None and deref(Arg(variable)).op is op:
                before, after = (low - initial.time).constant, (initial.time - high).constant
                low = initial.time if (before or 0) > 0 else low
                high = initial.time if (after or 0) > 0 else high
        return low, high

    def rows(self, op: Op, low: Index, high: Index) -> str:
        """The rows of an operation from one time to another."""
        return self.cut_rows(self.of(op), low, high)

    def cut_rows(self, place: Place, low: Index, high: Index) -> str:
        """The rows of a place from one time to another."""
        assert place.low is not None
        assert place.high is not None
        text = sliced(self.work, place.name, place.low, place.high, low, high)
        if not place.part:
            return text
        if text.endswith("]"):
            return f"{text[:-1]}, {place.part}]"
        return f"{text}[:, {place.part}]"

    def whole(self, op: Op, low: Index, high: Index) -> str:
        """The same under a name, made once."""
        return self.work.make(f"{self.work.name_of(op)}_view", self.rows(op, low, high))

    def row(self, op: Op, time: Index) -> str:
        """One row."""
        place = self.of(op)
        assert place.low is not None
        where = self.work.index(time - place.low)
        return f"{place.name}[{where}, {place.part}]" if place.part else f"{place.name}[{where}]"

    def step_name(self, op: Op, shift: int) -> str:
        """A name for one row."""
        return moved_name(self.work.name_of(op), shift)

    # ---- stacks

    def stack_name(self, stack: Stack) -> str:
        """The array of a stack."""
        if stack not in self.stack_names:
            adjoint = stack.stage is not None and any(op.adjoint for op in stack.stage.ops)
            name = self.work.names.give("q" if adjoint else "z")
            self.stack_names[stack] = name
            low, high = self.stack_times(stack)
            self.work.setup.append(
                f"{name} = np.zeros(({self.work.index(high - low + 1)}, {self.work.index(stack.height)}, batch), dtype)"
                f"  # a stack: {', '.join('1' if op is None else self._shown(op) for op in stack.rows())}"
            )
            if stack.bias:
                self.work.setup.append(f"{name}[:, {self.work.index(stack.start(None))}] = 1")
        return self.stack_names[stack]

    def _shown(self, op: Op) -> str:
        return (
            op.names[0].split("[")[0] if op.names else str(op.data[0]) if op.kind == "data" else self.work.name_of(op)
        )

    def stack_times(self, stack: Stack) -> tuple[Index, Index]:
        """The rows of a stack: those read by products, and those in which its operands are written."""
        packs = [p for p in self.plan.packs if p.stack is stack]
        shifts = [p.shift for p in packs] + [-stack.offsets[op] for op in stack.operands]
        low, high = self.time.first + min(shifts), self.time.last + max(shifts)
        for op in stack.operands:
            if op in self.loop_ops and self.plan.home.get(op) is stack:
                first, last = self._with_starts(op, self.time.first, self.time.last)
                first, last = first - stack.offsets[op], last - stack.offsets[op]
                low = first if ((low - first).constant or 0) > 0 else low
                high = last if ((last - high).constant or 0) > 0 else high
        return low, high

    def _in_stack(self, stack: Stack, op: Op) -> Place:
        name = self.stack_name(stack)
        low, high = self.stack_times(stack)
        offset = stack.offsets[op]
        start = stack.start(op)
        part = f"{self.work.index(start)}:{self.work.index(start + op.axes[0])}"
        return Place(name, low + offset, high + offset, part)

    def stack_rows(self, stack: Stack, low: Index, high: Index) -> str:
        """All features of a stack from one row to another."""
        first, last = self.stack_times(stack)
        return sliced(self.work, self.stack_name(stack), first, last, low, high)

    def stack_row(self, stack: Stack, time: Index) -> str:
        """One row of a stack."""
        first, _ = self.stack_times(stack)
        return f"{self.stack_name(stack)}[{self.work.index(time - first)}]"

    def stacked(self, stack: Stack, op: Op, low: Index, high: Index) -> str:
        """The part of a stack that an operand from outside fills."""
        place = self._in_stack(stack, op)
        assert place.low is not None
        assert place.high is not None
        text = sliced(self.work, place.name, place.low, place.high, low, high)
        return f"{text[:-1]}, {place.part}]" if text.endswith("]") else f"{text}[:, {place.part}]"

    def group_rows(self, group: Group, low: Index, high: Index) -> str:
        """The memory of all outputs of a group, one axis for the outputs."""
        stack = self.plan.home[group.outputs[0]]
        start = stack.start(group.outputs[0])
        count, size = len(group.outputs), group.outputs[0].axes[0]
        part = f"{self.work.index(start)}:{self.work.index(start + size * count)}"
        rows = self.stack_rows(stack, low, high)
        text = f"{rows[:-1]}, {part}]" if rows.endswith("]") else f"{rows}[:, {part}]"
        return f"{text}.reshape(-1, {count}, {self.work.index(size)}, batch)"

    # ---- packs

    def matrix(self, pack: Pack) -> str:
        """The matrix of a pack."""
        if pack not in self.matrices:
            name = self.work.names.give("weights_back" if by_columns(pack) else "weights")
            self.matrices[pack] = name
            rows, columns = self.work.index(pack.height), self.work.index(pack.stack.height)
            order = ", 'F'" if by_columns(pack) else ""
            self.work.setup.append(f"{name} = np.zeros(({rows}, {columns}), dtype{order})")
        return self.matrices[pack]

    def activation(self, form: Form) -> Op | None:
        """The only function that reads a form and may be computed in its place."""
        readers = [r for r in self.schedule.readers.get(form.op, []) if r is not form.op]
        if len(readers) != 1 or readers[0].kind != "apply" or readers[0].data[1] or readers[0] not in self.loop_ops:
            return None
        act = readers[0]
        return act if act.data[0] in ("sigmoid", "tanh") and is_inplace(act, Arg(form.op)) else None

    def _chain(self, form: Form) -> list[Op]:
        """A form and the function computed in its place."""
        act = self.activation(form)
        return [form.op, *([act] if act is not None and act not in self.plan.home else [])]

    def direct(self, pack: Pack) -> Op | None:
        """For a pack of one form: the value in a stack into which the product may be written at once."""
        if len(pack.forms) != 1:
            return None
        form = pack.forms[0]
        act = self.activation(form)
        if act is not None and act in self.plan.home and self.plan.home[act] is not None:
            return act
        return form.op if form.op in self.plan.home else None

    def pack_memory(self, pack: Pack) -> tuple[str, bool]:
        """The memory of a pack's results, and whether it has a row for every time."""
        if pack not in self.memory:
            ops = [op for f in pack.forms for op in self._chain(f)]
            kept = any(self.storage.kind.get(op) not in ("step", None) for op in ops) or any(
                self._outside_reader(op) for op in ops
            )
            height = self.work.index(pack.height)
            name = self.work.names.give(
                "gates" if len(pack.forms) > 1 else f"{self.work.name_of(pack.forms[0].op)}_sum"
            )
            low, high = self.pack_times(pack)
            shape = f"({self.work.index(high - low + 1)}, {height}, batch)" if kept else f"({height}, batch)"
            # What a loop reads beyond its own times is zero.
            written = kept and (low, high) == (self.time.first, self.time.last)
            self.work.setup.append(f"{name} = np.{'empty' if written else 'zeros'}({shape}, dtype)")
            self.memory[pack] = (name, kept)
        return self.memory[pack]

    def pack_times(self, pack: Pack) -> tuple[Index, Index]:
        """The times for which a pack's memory has rows: those of its loop, and what is read beyond."""
        low, high = self.time.first, self.time.last
        for form in pack.forms:
            for op in self._chain(form):
                if op in self.loop_ops:
                    first, last = self._with_starts(op, *margins(self.schedule, op))
                    low = first if ((low - first).constant or 0) > 0 else low
                    high = last if ((last - high).constant or 0) > 0 else high
        return low, high

    def pack_rows(self, pack: Pack) -> str:
        """The rows of a pack's memory that its loop writes."""
        low, high = self.pack_times(pack)
        return sliced(self.work, self.pack_memory(pack)[0], low, high, self.time.first, self.time.last)

    def _outside_reader(self, op: Op) -> bool:
        return any(r not in self.loop_ops for r in self.schedule.readers.get(op, []))

    def in_memory(self, pack: Pack, op: Op) -> Place:
        """The part of a pack's memory in which a form, or the function of it, stands."""
        direct = self.direct(pack)
        if direct is not None and op is not direct:
            return self.of(direct)
        name, kept = self.pack_memory(pack)
        start = Index.of(0)
        for form in pack.forms:
            if op in self._chain(form):
                break
            start = start + form.op.axes[0]
        part = f"{self.work.index(start)}:{self.work.index(start + op.axes[0])}"
        if not kept:
            return Place(self.work.make(f"{self.work.name_of(op)}_now", f"{name}[{part}]"), scratch=True)
        return Place(name, *self.pack_times(pack), part)

    # ---- factors of groups

    def _is_factor(self, group: Group, op: Op) -> bool:
        at_home = op in self.loop_ops or op in self.plan.home or not op.timed or op.kind == "data"
        mine = [f for f in group.factors if f.op is op]
        return not at_home and len(mine) == 1 and mine[0].shift == 0

    def factors(self, group: Group) -> str:
        """The known factors of a group, (times, outputs, features, batch)."""
        if group not in self.factor_names:
            name = self.work.names.give("factors")
            self.factor_names[group] = name
            size = self.work.index(group.outputs[0].axes[0])
            self.work.setup.append(f"{name} = np.empty((steps, {len(group.factors)}, {size}, batch), dtype)")
        return self.factor_names[group]

    def _in_factors(self, group: Group, op: Op) -> Place:
        if margins(self.schedule, op) != (self.time.first, self.time.last):
            raise UnsupportedError("a factor is wanted beyond the times of its loop")
        place = next(i for i, f in enumerate(group.factors) if f.op is op)
        view = self.work.make(f"{self.work.name_of(op)}_all", f"{self.factors(group)}[:, {place}]")
        return Place(view, self.time.first, self.time.last)

    def copies(self, group: Group) -> list[str]:
        """Factors that stand elsewhere are copied beside the others."""
        lines = []
        for place, factor in enumerate(group.factors):
            if self._is_factor(group, factor.op) and self.of(factor.op).name.startswith(self.work.name_of(factor.op)):
                continue
            if factor.op.kind == "data":
                raise UnsupportedError("an input is a factor of a group")
            low, high = self.time.first + factor.shift, self.time.last + factor.shift
            target = self.work.make("factor", f"{self.factors(group)}[:, {place}]")
            lines.append(f"{target}[...] = {self.whole(factor.op, low, high)}")
        return lines

    # ---- columns

    def column(self, op: Op) -> str:
        """A vector with all times and examples side by side, or a number for each of them."""
        if op not in self.flat_names:
            low, high = self.schedule.domains[op]
            count = f"({self.work.index(high - low + 1)}) * batch"
            shared = self._shared_column(op)
            if shared is not None:
                self.flat_names[op] = shared
                return shared
            name = self.work.names.give(f"{self.work.name_of(op)}_side_by_side" if op.axes else self.work.name_of(op))
            shape = f"({self.work.index(op.axes[0])}, {count})" if op.axes else f"({count},)"
            self.work.setup.append(f"{name} = np.empty({shape}, dtype)")
            self.flat_names[op] = name
        return self.flat_names[op]

    def _shared_column(self, op: Op) -> str | None:
        """The memory of an operand that is not read again."""
        slot = self.storage.slot.get(op)
        if slot is None:
            return None
        for other in slot.values:
            if other in self.flat_names and other.axes == op.axes and other is not op:
                return self.flat_names[other]
        return None

    def as_columns(self, arg: Arg, lines: list[str]) -> str:
        """A value of the loop with all times and examples side by side: a view of one example, else a copy."""
        low, high = self.schedule.domains[arg.op]
        low, high = self.time.first + arg.shift, self.time.last + arg.shift
        view = self.whole(arg.op, low, high)
        size = self.work.index(arg.op.axes[0])
        made = self.work.make(
            f"{self.work.name_of(arg.op)}_side_by_side",
            f"{view}[:, :, 0].T if batch == 1 else np.empty(({size}, len({view}) * batch), dtype)",
        )
        lines.append("if batch > 1:")
        lines.append(f"    {made}.reshape({size}, -1, batch)[...] = {view}.transpose(1, 0, 2)")
        return made

    def turned_back(self, op: Op) -> list[str]:
        """A vector in columns that a stack holds, too."""
        stack = next((s for s in self.plan.stacks if op in s.operands), None)
        if stack is None:
            return []
        low, high = self.schedule.domains[op]
        part = self.work.make(f"{self.work.name_of(op)}_stacked", self.stacked(stack, op, low, high))
        size = self.work.index(op.axes[0])
        return [f"{part}[...] = {self.column(op)}.reshape({size}, -1, batch).transpose(1, 0, 2)"]
