"""How statements about pieces of all times get at values: times and examples in one axis."""

from __future__ import annotations

from symrnn.coding.numpy_fast.values import (
    Operand,
    StageContext,
    Workspace,
    block,
    buffer_slice,
    data_rows,
    moved_name,
    sliced,
)
from symrnn.language import Index
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Stage
from symrnn.planning.storage import VIEWS


class PieceContext(StageContext):
    """A piece of all times: times and examples in one axis, ``rows``, wherever a value has both."""

    def __init__(self, work: Workspace, stage: Stage, columns: set[Op], length: str) -> None:
        super().__init__(work, stage)
        self.columns = columns
        self.uses_times = False
        self.bounds = work.names.give("pieces")
        self.width = f"{self.bounds}[0][1]"
        self.length = length

    def here(self, rows: str) -> str:
        return f"{rows}[span]"

    def beginning(self, wanted: str, array: str, rows: bool = True) -> str:
        step = "batch" if rows else "1"
        return self.local(wanted, ("beginning", array, step), f"_cut_same({array}, {self.bounds}, {step})")

    def over(self, array: str, rows: bool) -> str:
        """An array cut into pieces."""
        return f"_cut({array}, {self.bounds}, {'batch' if rows else '1'})"

    def timed(self, arg: Arg) -> Operand:
        work, op = self.work, arg.op
        assert self.stage.domain is not None
        low, high = (t + arg.shift for t in self.stage.domain)
        if op.kind in VIEWS:
            return self._block(arg)
        if op.kind in ("between", "count"):
            return self._over_times(op, low, high)
        if op.kind == "data":
            source, first, last = data_rows(work, op)
            rows = sliced(work, source, first, last, low, high)
            return self._data(op, rows, arg.shift)
        if work.storage.kind[op] == "piece":
            return self._scratch(op)
        slot = work.storage.slot[op]
        base = work.slot_name(slot).removesuffix("_all")
        sequence = self._sequence(op, buffer_slice(work, op, low, high))
        name = self.local(moved_name(base, arg.shift), ("buffer", slot, arg.shift), sequence)
        return self._as_rows(name, op)

    def _as_rows(self, name: str, op: Op) -> Operand:
        if op.batched:
            return Operand(name, op, rows=True)
        return Operand(name, op, time=True)

    def _sequence(self, op: Op, rows: str) -> str:
        if op.batched:
            axes = ", ".join(["-1", *(self.work.index(a) for a in op.axes)])
            return self.over(f"{rows}.reshape({axes})", rows=True)
        return self.over(rows, rows=False)

    def _data(self, op: Op, rows: str, shift: int) -> Operand:
        work = self.work
        wanted = moved_name(op.data[0], shift)
        if op.batched:
            axes = ", ".join(["-1", *(work.index(a) for a in op.axes)])
            flat = work.begin(f"{wanted}_rows", f"{rows}.reshape({axes})")
            return Operand(f"{flat}[span]", op, rows=True)
        self.uses_times = True
        return Operand(
            f"{rows}[when]" if ":" not in rows else f"{work.begin(wanted + '_rows', rows)}[when]", op, time=True
        )

    def _over_times(self, op: Op, low: Index, high: Index) -> Operand:
        work = self.work
        self.uses_times = True
        times = f"np.arange({work.index(low)}, {work.index(high + 1)})"
        if op.kind == "count":
            shown = op.data[0].substitute({work.schedule.program.system.time.index: Index.of("moment")})
        else:
            shown = op.data[0].substitute({work.schedule.program.system.time.index: Index.of("moment")})
        moment = work.make("moment", times)
        expression = work.index(shown).replace("moment", moment)
        if op.kind == "between":
            lower, upper = work.index(op.data[1]), work.index(op.data[2])
            expression = f"(({lower} <= {expression}) & ({expression} <= {upper}))"
        values = work.make("at_times", f"np.asarray({expression}, dtype)")
        return Operand(f"{values}[when]", op, time=True)

    def _scratch(self, op: Op) -> Operand:
        work = self.work
        slot = work.storage.slot[op]
        name = work.slot_name(slot)
        axes = [work.factor(a) for a in op.axes]
        columns = op in self.columns and bool(op.axes)
        count = f"{self.width} * batch" if op.batched else self.width
        if slot not in work.scratch:
            work.scratch[slot] = name
            work.setup.append(f"{name} = np.empty({' * '.join([*axes, count])}, dtype)  # scratch for one piece")
        flat = name
        shape = ", ".join([*axes, "rows"] if columns else ["rows", *axes])
        rows = "(j - i) * batch" if op.batched else "j - i"
        size = " * ".join([*axes, "rows"])
        view = f"{flat}[: {size}].reshape({shape})" if axes else f"{flat}[:rows]"
        sequence = f"[{view} for rows in [{rows} for i, j in {self.bounds}]]"
        local = self.local(name.removesuffix("_now"), ("scratch", slot, columns), sequence)
        if op.batched:
            return Operand(local, op, rows=True, columns=columns)
        return Operand(local, op, time=True)

    def _block(self, arg: Arg) -> Operand:
        work, op = self.work, arg.op
        inner = reads(op)[0]
        whole = self.read(Arg(inner.op, inner.shift + arg.shift))
        lead = 1 if whole.rows or whole.time or whole.batch else 0
        return Operand(f"{whole.source}[{block(work, op, lead)}]", op, whole.rows, whole.time, whole.batch)
