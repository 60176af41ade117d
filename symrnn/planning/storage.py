"""Where every value of a schedule lives.

========  ==================================================================================================
buffer    rows for all times, the value is read by another stage; several values of disjoint lives share one
step      scratch of one step of a loop
carried   scratch of a loop that the next step reads; zero at the start
piece     scratch for one piece of an ``all`` stage
view      a block or an entry of another value
result    a value of the whole sequence
========  ==================================================================================================

A buffer is handed on in place where the last reader of one value computes another at the same time: the projections
become the gates, the gates' local factors become the deltas.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from symrnn.language import Index, Role
from symrnn.planning.arrays import Axes
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.schedule import Schedule, Stage, margins, operands

VIEWS = frozenset({"cut", "element"})
Rows = tuple[Index, Index]


@dataclass(eq=False)
class Slot:
    """Memory.  ``rows`` are the times that a buffer has rows for; ``values`` what lives in it, one after the other."""

    kind: str
    axes: Axes
    batched: bool
    rows: Rows | None = None
    values: list[Op] = field(default_factory=list)


@dataclass
class Storage:
    """The place of every value that has one."""

    schedule: Schedule
    kind: dict[Op, str] = field(default_factory=dict)
    slot: dict[Op, Slot] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    rows: dict[Op, Rows] = field(default_factory=dict)

    def buffers(self) -> list[Slot]:
        """The buffers."""
        return [s for s in self.slots if s.kind == "buffer"]


def assign_storage(schedule: Schedule, elsewhere: Container[Op] = ()) -> Storage:
    """Decide for every value.  Scratch on the way to what has its place elsewhere stays scratch."""
    return _Assignment(schedule).run(elsewhere)


def is_inplace(op: Op, arg: Arg) -> bool:
    """Whether an operation may write over an operand: entry by entry, same axes, same time."""
    if arg.shift or arg.op.axes != op.axes or arg.op.batched != op.batched or arg.op.timed != op.timed:
        return False
    if op.kind in ("plus", "apply", "select"):
        return True
    if op.kind != "product":
        return False
    labels = op.data[1]
    return all(names in ((), op.data[2]) for names in labels) and not op.data[3]


class _Assignment:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.storage = Storage(schedule)
        self.position = {op: (i, j) for i, stage in enumerate(schedule.stages) for j, op in enumerate(stage.ops)}
        self.consumers = self._consumers()
        self.states = self._state_ops()
        self.results = {deref(Arg(op)).op for op in schedule.program.gradients.values()}

    def _consumers(self) -> dict[Op, list[tuple[Op, int]]]:
        """Who reads an operation at which distance, through products that are never formed and through views."""
        found: dict[Op, list[tuple[Op, int]]] = {}
        for op in self.position:
            for arg in operands(op, self.schedule.fused):
                found.setdefault(arg.op, []).append((op, arg.shift))
        return found

    def _state_ops(self) -> dict[Op, str]:
        program = self.schedule.program
        return {
            deref(Arg(v)).op: name
            for (name, role), v in program.variables.items()
            if role is Role.COMPUTED and name in program.system.cell.state
        }

    def readers(self, op: Op) -> list[tuple[Op, int]]:
        """Readers of a value and of its views."""
        found: list[tuple[Op, int]] = []
        for reader, shift in self.consumers.get(op, []):
            if reader.kind in VIEWS and self.storage.kind.get(reader, "view") == "view":
                found.extend((r, s + shift) for r, s in self.readers(reader))
            found.append((reader, shift))
        return found

    def run(self, elsewhere: Container[Op]) -> Storage:
        for stage in self.schedule.stages:
            for op in stage.ops:
                self.storage.kind[op] = self._kind(op, stage)
        for stage in self.schedule.stages:
            self._registers(stage)
        self._buffers()
        self._coalesce(elsewhere)
        return self.storage

    def _kind(self, op: Op, stage: Stage) -> str:
        if not op.timed:
            return "result"
        if op.kind in VIEWS:
            return "view"
        if op in self.results or (op in self.states and stage.kind == "loop"):
            return "buffer"
        readers = self.readers(op)
        if stage.kind == "all":
            return "piece" if all(self.schedule.stage_of[r] is stage for r, _ in readers) else "buffer"
        if stage.kind == "sweep":
            here = all(self.schedule.stage_of[r] is stage and not shift for r, shift in readers)
            return "piece" if here else "buffer"
        within = [s for r, s in readers if self.schedule.stage_of[r] is stage]
        others = [r for r, _ in readers if self.schedule.stage_of[r] is not stage]
        if not others and not any(within):
            return "step"
        assert stage.domain is not None
        final = stage.domain[1] if stage.direction > 0 else stage.domain[0]
        at_end = all(r.kind == "at" and r.data[0] == final for r in others)
        if at_end and op.adjoint and set(within) <= {0, -stage.direction}:
            return "carried"
        return "buffer"

    # ---- scratch

    def _registers(self, stage: Stage) -> None:
        """Scratch arrays of one stage, each reused once its value has been read for the last time."""
        free: list[Slot] = []
        last_read = self._last_reads(stage)
        for place, op in enumerate(stage.ops):
            kind = self.storage.kind[op]
            if kind == "carried":
                self._give(op, self._new(kind, op))
            elif kind in ("step", "piece"):
                self._give(op, self._pick(op, kind, free, last_read, place))
            for arg in dict.fromkeys(a.op for a in operands(op, self.schedule.fused)):
                owner = self._owner(arg)
                if last_read.get(owner) == place and self.storage.kind.get(owner) in ("step", "piece"):
                    slot = self.storage.slot[owner]
                    if slot.values[-1] is owner and slot not in free:
                        free.append(slot)

    def _owner(self, op: Op) -> Op:
        while op.kind in VIEWS and op in self.position:
            op = reads(op)[0].op
        return op

    def _last_reads(self, stage: Stage) -> dict[Op, int]:
        found: dict[Op, int] = {}
        for place, op in enumerate(stage.ops):
            for arg in operands(op, self.schedule.fused):
                found[self._owner(arg.op)] = place
        return found

    def _pick(self, op: Op, kind: str, free: list[Slot], last_read: dict[Op, int], place: int) -> Slot:
        for arg in operands(op, self.schedule.fused):
            slot = self.storage.slot.get(arg.op)
            mine = slot is not None and self.storage.kind.get(arg.op) == kind and slot.values[-1] is arg.op
            if mine and slot is not None and last_read.get(arg.op) == place and is_inplace(op, arg):
                return slot
        for slot in free:
            if (slot.kind, slot.axes, slot.batched) == (kind, op.axes, op.batched):
                free.remove(slot)
                return slot
        return self._new(kind, op)

    def _new(self, kind: str, op: Op, rows: Rows | None = None) -> Slot:
        slot = Slot(kind, op.axes, op.batched, rows)
        self.storage.slots.append(slot)
        return slot

    def _give(self, op: Op, slot: Slot) -> None:
        slot.values.append(op)
        self.storage.slot[op] = slot

    # ---- buffers

    def _buffers(self) -> None:
        for op in sorted((o for o, k in self.storage.kind.items() if k == "buffer"), key=self.position.__getitem__):
            rows = self._rows(op)
            self.storage.rows[op] = rows
            slot = self._free_slot(op, rows)
            if slot is None:
                slot = self._new("buffer", op, rows)
            self._give(op, slot)

    def _rows(self, op: Op) -> Rows:
        low, high = margins(self.schedule, op)
        name = self.states.get(op)
        if name is not None and self.schedule.stage_of[op].kind == "loop":
            program = self.schedule.program
            times = program.system.cell.initial_times(program.system.cell.state[name])
            for time in times:
                before, after = (low - time).constant, (time - high).constant
                low = time if before is not None and before > 0 else low
                high = time if after is not None and after > 0 else high
        return low, high

    def _free_slot(self, op: Op, rows: Rows) -> Slot | None:
        best: tuple[int, Slot] | None = None
        for slot in self.storage.slots:
            if slot.kind != "buffer" or not slot.values:
                continue
            rank = self._rank(op, rows, slot)
            if rank is not None and (best is None or rank < best[0]):
                best = (rank, slot)
        return best[1] if best else None

    def _rank(self, op: Op, rows: Rows, slot: Slot) -> int | None:
        """How well a slot suits: 0 in place, 1 free and of the same shape; None where it is taken."""
        if slot.axes != op.axes or slot.batched != op.batched or slot.rows != rows or op in self.results:
            return None
        if any(v in self.results or self._kept(v) for v in slot.values):
            return None
        occupant = slot.values[-1]
        stage, place = self.position[op]
        ends = [(self.position[r], s, r) for r, s in self.readers(occupant)]
        if not ends:
            return None
        if all(end[0] < stage for end, _, _ in ends):
            return 1
        if self.schedule.stages[stage].kind == "sweep":
            # Every sweep reads it again.
            return None
        if any(end[0] > stage for end, _, _ in ends):
            return None
        here = [(end[1], s, r) for end, s, r in ends if end[0] == stage]
        if any(s for _, s, _ in here) or self._moves(occupant, stage):
            return None
        last = max(index for index, _, _ in here)
        if last < place:
            return 0
        reads_it = [a for a in operands(op, self.schedule.fused) if a.op is occupant]
        if last == place and reads_it and all(is_inplace(op, a) for a in reads_it):
            return 0
        return None

    def _kept(self, op: Op) -> bool:
        """Whether a row of it is handed out as it stands."""
        return any(reader.kind == "at" for reader, _ in self.readers(op))

    def _coalesce(self, elsewhere: Container[Op]) -> None:
        """Scratch that one operation turns into a buffer's value is computed in the buffer at once."""
        for op, kind in list(self.storage.kind.items()):
            stage, _ = self.position[op]
            if kind != "buffer" or op in elsewhere or self.schedule.stages[stage].kind != "all":
                continue
            current = op
            while (found := self._feeding(current, stage, self.storage.slot[op])) is not None:
                current = found
                self.storage.slot[found].values.remove(found)
                self.storage.kind[found] = "buffer"
                self.storage.slot[found] = self.storage.slot[op]

    def _feeding(self, op: Op, stage: int, slot: Slot) -> Op | None:
        """A piece that only this operation reads and may overwrite, made after the slot's last value was read."""
        earlier = slot.values[: slot.values.index(op)] if op in slot.values else slot.values
        for arg in operands(op, self.schedule.fused):
            inner = arg.op
            if self.storage.kind.get(inner) != "piece" or not is_inplace(op, arg) or not inner.args:
                continue
            if [r for r, _ in self.readers(inner)] != [op] or inner.kind == "select":
                continue
            born = self.position[inner][1]
            busy = [
                self.position[r][1] for value in earlier for r, _ in self.readers(value) if self.position[r][0] == stage
            ]
            late = [r for value in earlier for r, _ in self.readers(value) if self.position[r][0] > stage]
            if not late and all(b < born for b in busy):
                return inner
        return None

    def _moves(self, occupant: Op, stage: int) -> bool:
        """Whether a state lives there: its rows outlast their step."""
        return occupant in self.states and self.position[occupant][0] == stage
