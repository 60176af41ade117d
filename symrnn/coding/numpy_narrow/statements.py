"""Statements of the narrow schedule: features before the batch."""

from __future__ import annotations

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.statements import StatementWriter
from symrnn.coding.numpy_fast.values import Operand, StageContext, Workspace
from symrnn.coding.numpy_narrow.places import Places
from symrnn.coding.numpy_source.contractions import BATCH, TIME
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.errors import UnsupportedError
from symrnn.planning.arrays import Array, Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Stage
from symrnn.planning.simplify import is_elementwise


class NarrowWriter(NumpyWriter):
    """Expressions whose batch axis is the last one."""

    def labels(self, array: Array, own: Labels) -> Labels:
        lead = (TIME,) if self.has_time(array) else ()
        return (*lead, *own, *((BATCH,) if array.batched else ()))


class NarrowContext(StageContext):
    """Operands of a step, or of all times, in (times, features, batch)."""

    def __init__(self, work: Workspace, stage: Stage, places: Places, step: bool, columns: set[Op]) -> None:
        super().__init__(work, stage)
        self.places, self.step, self.columns = places, step, columns

    def timed(self, arg: Arg) -> Operand:
        op = arg.op
        if op in self.columns or (op.batched and not op.axes and op in self.places.flat):
            return Operand(self.places.column(op), op, rows=True, columns=bool(op.axes))
        if op.kind == "data":
            return self._data(arg)
        place = self.places.of(op)
        if not self.step:
            assert self.stage.domain is not None
            low, high = (t + arg.shift for t in self.stage.domain)
            return Operand(self.places.whole(op, low, high), op, time=True, batch=op.batched)
        if place.scratch:
            return Operand(place.name, op, batch=op.batched)
        assert self.stage.domain is not None
        low, high = (t + arg.shift for t in self.stage.domain)
        wanted = self.places.step_name(op, arg.shift)
        name = self.local(wanted, ("step", op, arg.shift), self.places.rows(op, low, high))
        return Operand(name, op, batch=op.batched)

    def _untimed(self, op: Op) -> Operand | None:
        found = super()._untimed(op)
        if found is not None and found.batch and op.axes:
            raise UnsupportedError("the narrow schedule has no place for values of one example outside of time")
        return found

    def _data(self, arg: Arg) -> Operand:
        work, op = self.work, arg.op
        assert self.stage.domain is not None
        time = work.schedule.program.system.time
        slot = work.interface.slot[op.data[0]]
        if slot.before is not None or slot.labels:
            raise UnsupportedError("the narrow schedule reads inputs at the cell's own times only")
        low, high = (t + arg.shift for t in self.stage.domain)
        turned = work.data_names[op.data[0]]
        if op.batched and op.axes:
            turned = work.begin(f"{turned}_turned", f"{turned}.transpose(0, 2, 1)")
        start, missing = low - time.first, time.last - high
        if start.constant or missing.constant:
            begin = work.index(start) if start.constant else ""
            end = f"-{missing.constant}" if missing.constant else ""
            turned = work.begin(f"{turned}_part", f"{turned}[{begin}:{end}]")
        if not self.step:
            return Operand(turned, op, time=True, batch=op.batched)
        name = self.local(f"{op.data[0]}_t", ("data", op, arg.shift), turned, given=True)
        return Operand(name, op, batch=op.batched)


class NarrowStatements(StatementWriter):
    """The rules for statements, with the batch in the last place."""

    def lead(self, operand: Operand) -> Labels:
        return (TIME,) if operand.rows or operand.time else ()

    def aligned(self, operand: Operand, names: Labels, out: Labels, target: Operand) -> str:
        if target.columns or (target.rows and operand.rows):
            return super().aligned(operand, names, out, target)
        simple = not operand.op.axes and not (operand.rows or operand.time or operand.batch)
        if operand.op.kind == "number" or simple:
            return operand.source
        load = self.load(operand)
        tail = (BATCH,) if target.batch else ()
        wanted = (*self.lead(target), *out, *tail)
        text = py.unparse(self.work.writer.aligned(load, names, wanted, exact=False))
        if names and not operand.batch and target.batch and not (operand.rows or operand.time):
            # A weight vector beside the batch: a column, made once for every call.
            return self.work.derive(operand.op, f"{operand.source}_column", f"{operand.source}[:, None]")
        return text

    def store(self, op: Op, target: Operand) -> None:
        entrywise = op.kind in ("plus", "apply") or (op.kind == "product" and is_elementwise(op))
        if not entrywise or target.columns or target.rows:
            raise UnsupportedError(f"the narrow schedule has no call for {op.kind}")
        self.lines.append(f"{target.source}[...] = {self.expression(op, False)}")

    def write(self, op: Op, target: Operand) -> None:
        if self._special(op, target):
            return
        super().write(op, target)

    def _special(self, op: Op, target: Operand) -> bool:
        """What depends on where the batch stands: sums over features and products with matrices."""
        if target.columns or target.rows:
            return op.kind == "product" and self._into_columns(op, target)
        if op.kind == "rowmax":
            operand = self.read(reads(op)[0])
            axis = 1 if operand.time else 0
            self.call("maximum.reduce", operand.source, str(axis), "None", target.source)
            return True
        if op.kind != "product":
            return False
        _, labels, out, extents = op.data
        summed = {x for names in labels for x in names} - set(out)
        if not summed:
            return False
        if extents or op.data[0] != 1:
            raise UnsupportedError("the narrow schedule has no call for this product")
        operands = [self.read(a) for a in reads(op)]
        axis = 1 if target.time else 0
        if len(operands) == 1:
            self.call("add.reduce", operands[0].source, str(axis), "None", target.source)
            return True
        lead = "t" if target.time else ""
        if labels == ((0,), (0,)) and all(o.batch for o in operands):
            a, b = (o.source for o in operands)
            self.lines.append(f"np.einsum('{lead}ib,{lead}ib->{lead}b', {a}, {b}, out={target.source})")
            return True
        return self._matrix_product(op, operands, target)

    def _matrix_product(self, op: Op, operands: list[Operand], target: Operand) -> bool:
        labels, out = op.data[1], op.data[2]
        pairs = list(zip(operands, labels, strict=True))
        matrices = [(o, n) for o, n in pairs if len(n) == 2 and not (o.time or o.batch)]
        vectors = [(o, n) for o, n in pairs if len(n) == 1 and o.batch]
        if len(matrices) != 1 or len(vectors) != 1 or len(out) != 1:
            raise UnsupportedError("the narrow schedule multiplies vectors by weights only")
        matrix, names = matrices[0]
        shown = matrix.source
        if names[0] != out[0]:
            shown = self.work.derive(matrix.op, f"{matrix.source}_t", f"{matrix.source}.T")
        self.call("matmul", shown, vectors[0][0].source, target.source)
        return True

    def _into_columns(self, op: Op, target: Operand) -> bool:
        """The product that begins a chain in columns: all times and examples side by side."""
        context = self.context
        assert isinstance(context, NarrowContext)
        labels, out = op.data[1], op.data[2]
        if len(op.args) != 2 or len(out) != 1 or not target.columns:
            return False
        pairs = list(zip(reads(op), labels, strict=True))
        vectors = [(a, n) for a, n in pairs if len(n) == 1 and a.op.timed and a.op not in context.columns]
        matrices = [(a, n) for a, n in pairs if len(n) == 2]
        if len(vectors) != 1 or len(matrices) != 1 or not vectors[0][0].op.axes or op.data[0] != 1:
            return False
        matrix, names = self.read(matrices[0][0]), matrices[0][1]
        left = matrix.source if names[0] == out[0] else f"{matrix.source}.T"
        self.lines.append(f"{left}.dot({context.places.as_columns(vectors[0][0], self.lines)}, {target.source})")
        return True
