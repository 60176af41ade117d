"""How the statements of a fast module get at values: names, per-step views, pieces of all times.

Inside a stage every operand is a local name.  A loop and a stage over all times walk over tuples of views that are
made once; what the caller gives comes beside them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.python_source import Names
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface
from symrnn.planning.lowering import Lowering
from symrnn.planning.schedule import Schedule, Stage
from symrnn.planning.storage import VIEWS, Slot, Storage

RUNNING = Index.of("t")


@dataclass
class Workspace:
    """Names and the lines that make buffers, constants and views, shared by all stages of a module."""

    schedule: Schedule
    storage: Storage
    interface: Interface
    names: Names
    index_names: dict[str, str]
    data_names: dict[str, str]
    relu0: float = 0.0
    setup: list[str] = field(default_factory=list)
    prelude: dict[str, str] = field(default_factory=dict)
    prelude_of: dict[str, str] = field(default_factory=dict)
    derived: dict[str, list[str]] = field(default_factory=dict)
    constants: dict[Fraction, str] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    slot_names: dict[Slot, str] = field(default_factory=dict)
    op_names: dict[Op, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    scratch: dict[Slot, str] = field(default_factory=dict)
    locals: set[str] = field(default_factory=set)
    dense: set[str] = field(default_factory=set)
    labelled: set[str] = field(default_factory=set)
    helpers: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table: dict[str, ast.expr] = {}
        self.writer = NumpyWriter(
            lambda load: self.table[load.name],
            self.index_names,
            self.relu0,
            self.helpers,
            frozenset({"t"}),
        )

    # ---- small things

    def index(self, index: Index) -> str:
        """A size or a time as source."""
        return py.unparse(self.writer.index(index))

    def factor(self, index: Index) -> str:
        """The same as a factor, in parentheses where it needs them."""
        text = self.index(index)
        return text if text.isidentifier() or text.isdigit() else f"({text})"

    def function(self, name: str) -> str:
        """A NumPy function under a local name."""
        self.functions[name] = None
        return name.replace(".", "_")

    def constant(self, value: Fraction) -> str:
        """A number as an array without axes: faster than a Python number, and of the right type."""
        if value not in self.constants:
            words = {Fraction(1): "one", Fraction(1, 2): "half", Fraction(0): "zero", Fraction(2): "two"}
            self.constants[value] = self.names.give(words.get(value, f"number_{len(self.constants)}"))
        return self.constants[value]

    def make(self, wanted: str, expression: str, comment: str = "") -> str:
        """Something made once, before the function runs; the same expression has one name."""
        if expression not in self.made:
            name = self.names.give(wanted)
            self.made[expression] = name
            self.setup.append(f"{name} = {expression}" + (f"  # {comment}" if comment else ""))
        return self.made[expression]

    def begin(self, wanted: str, expression: str, comment: str = "") -> str:
        """Something made at the beginning of every call."""
        if expression not in self.prelude:
            self.prelude[expression] = f"{self.names.give(wanted)}" + (f"  # {comment}" if comment else "")
        return self.prelude[expression].split("  #")[0]

    def derive(self, op: Op, wanted: str, expression: str) -> str:
        """A view or copy of a weight, made as soon as the weight is there: given, or computed at some point."""
        if op.kind == "data":
            return self.begin(wanted, expression)
        if op.kind in ("full", "identity"):
            return self.make(wanted, expression)
        if expression not in self.prelude_of:
            name = self.names.give(wanted)
            self.prelude_of[expression] = name
            self.derived.setdefault(self.name_of(op), []).append(f"{name} = {expression}")
        return self.prelude_of[expression]

    # ---- names

    def name_of(self, op: Op) -> str:
        """A Python name for an operation's value."""
        if op not in self.op_names:
            self.op_names[op] = self.names.give(self._wanted(op))
        return self.op_names[op]

    def _wanted(self, op: Op) -> str:
        if op.names:
            return op.names[0].split("[")[0]
        program = self.schedule.program
        if deref(Arg(program.loss)).op is op:
            return "loss"
        for key, gradient in program.gradients.items():
            if deref(Arg(gradient)).op is op:
                return "grad_" + key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")
        return self._derived(op, 0)

    def _derived(self, op: Op, depth: int) -> str:
        """A name from the first operand that has one, and what is done with it; or from who reads it."""
        for reader in self.schedule.readers.get(op, []):
            if reader.names and reader.kind == "plus":
                return reader.names[0].split("[")[0] + "_in"
        word = op.data[0] if op.kind == "apply" else {"rowmax": "max", "total": "sum"}.get(op.kind, "part")
        for arg in reads(op):
            inner = arg.op
            if inner.names:
                return f"{inner.names[0].split('[')[0]}_{word}"
        for arg in reads(op):
            if depth < 4 and arg.op.args:
                return f"{self._derived(arg.op, depth + 1).rsplit('_', 1)[0]}_{word}"
        return word

    def slot_name(self, slot: Slot) -> str:
        """The name of a buffer or of scratch, after what lives there first under a name of its own."""
        if slot not in self.slot_names:
            named = next((v for v in slot.values if v.names), slot.values[0])
            wanted = self._wanted(named)
            self.slot_names[slot] = self.names.give(f"{wanted}_all" if slot.kind == "buffer" else f"{wanted}_now")
        return self.slot_names[slot]

    # ---- generic expressions

    def load(self, source: str, arg: Op, has_time: bool, batched: bool) -> arrays.Load:
        """A stand-in for an operand whose source is known."""
        key = f"{source}|{has_time}|{batched}"
        self.table[key] = py.parse(source)
        return arrays.Load(key, Role.COMPUTED, RUNNING if has_time else None, arg.axes, batched)


@dataclass
class Operand:
    """Source of a value and which leading axes it has: ``rows`` (times and examples in one), time, batch."""

    source: str
    op: Op
    rows: bool = False
    time: bool = False
    batch: bool = False
    columns: bool = False


class StageContext:
    """Names of the operands of one stage."""

    width = "steps"
    """The most times that a statement is about at once."""

    def __init__(self, work: Workspace, stage: Stage) -> None:
        self.work, self.stage = work, stage
        self.views: dict[tuple[object, ...], str] = {}
        self.sequences: list[tuple[str, str]] = []
        self.given: list[tuple[str, str]] = []
        self.taken: set[str] = set()

    def read(self, arg: Arg) -> Operand:
        """An operand."""
        op = arg.op
        simple = self._untimed(op)
        if simple is not None:
            return simple
        return self.timed(arg)

    def _untimed(self, op: Op) -> Operand | None:
        work = self.work
        if op.kind == "number":
            return Operand(work.constant(op.data[0]), op)
        if op.kind in ("full", "identity"):
            return Operand(work.make("filled", constant_array(op, work)), op)
        if op.timed:
            return None
        if op.kind == "count":
            return Operand(f"({work.index(op.data[0])})", op)
        if op.kind == "batch":
            return Operand("batch", op)
        if op.kind == "data":
            return Operand(work.data_names[op.data[0]], op, batch=op.batched)
        return Operand(work.name_of(op), op, batch=op.batched)

    def timed(self, arg: Arg) -> Operand:
        """An operand with one value per time."""
        raise NotImplementedError

    def here(self, rows: str) -> str:
        """The rows of an array that the statement at hand is about; all of them unless a stage has pieces."""
        return rows

    def beginning(self, wanted: str, array: str, rows: bool = True) -> str:
        """The beginning of an array, as long as what the statement at hand is about."""
        return array

    def local(self, wanted: str, key: tuple[object, ...], sequence: str, given: bool = False) -> str:
        """A name that a stage's loop binds, walking over a sequence."""
        if key not in self.views:
            name = self._free(wanted)
            self.taken.add(name)
            self.work.locals.add(name)
            self.work.names.taken.add(name)
            self.views[key] = name
            (self.given if given else self.sequences).append((name, sequence))
        return self.views[key]

    def _free(self, wanted: str) -> str:
        """A name of this stage alone; other stages may use the same one."""
        for name in (wanted, *(f"{wanted}_{count}" for count in range(2, 100))):
            if name not in self.taken and (name in self.work.locals or name not in self.work.names.taken):
                return name
        return self.work.names.give(wanted)


def constant_array(op: Op, work: Workspace) -> str:
    """The source of a constant array."""
    if op.kind == "identity":
        return f"np.eye({work.index(op.data[0])}, dtype=dtype)"
    shape = ", ".join(work.index(a) for a in op.axes)
    value = float(op.data[1])
    return f"np.full(({shape},), {value!r}, dtype)"


def moved_name(base: str, shift: int) -> str:
    """``h`` at other times: ``h_prev``, ``h_next``, ``h_prev2``."""
    if shift == 0:
        return base
    word = "prev" if shift < 0 else "next"
    return f"{base}_{word}" if abs(shift) == 1 else f"{base}_{word}{abs(shift)}"


def buffer_slice(work: Workspace, op: Op, low: Index, high: Index) -> str:
    """Rows of a buffer from one time to another, both included."""
    slot = work.storage.slot[op]
    assert slot.rows is not None
    return sliced(work, work.slot_name(slot), slot.rows[0], slot.rows[1], low, high)


def sliced(work: Workspace, name: str, first: Index, last: Index, low: Index, high: Index) -> str:
    """``name[low:high]`` for an array whose rows are the times from first to last."""
    start, missing = low - first, last - high
    if start.constant == 0 and missing.constant == 0:
        return name
    begin = "" if start.constant == 0 else work.index(start)
    end = (
        "" if missing.constant == 0 else (f"-{missing.constant}" if missing.constant else work.index(high - first + 1))
    )
    return f"{name}[{begin}:{end}]"


def data_rows(work: Workspace, op: Op) -> tuple[str, Index, Index]:
    """A given sequence: its name and the first and last time of its rows."""
    time = work.schedule.program.system.time
    name, role = op.data
    slot = work.interface.slot[name]
    source = work.data_names[name]
    if role is Role.TARGET and slot.labels:
        work.dense.add(name)
    if slot.before is None:
        return source, time.first, time.last
    depth = max([0, *(-(a.shift) for reader in work.schedule.readers.get(op, []) for a in reads(reader) if a.op is op)])
    if not depth:
        return source, time.first, time.last
    from_value = before_value(work, name)
    shape = ", ".join([str(depth), "batch", *(work.index(a) for a in slot.inner)])
    extended = work.begin(
        f"{source}_full", f"np.concatenate([np.broadcast_to({from_value}, ({shape})).astype(dtype), {source}])"
    )
    return extended, time.first - depth, time.last


def before_value(work: Workspace, name: str) -> str:
    """The declared value of a sequence before its first step."""
    declaration = work.schedule.program.system.cell.declaration[name]
    assert declaration.before is not None
    array = Lowering(lambda _name, _role: False)(declaration.before)
    if arrays.loads(array):
        raise UnsupportedError(f"the value of {name} before the first step is computed from parameters")
    return py.unparse(work.writer.expression(array))


class LoopContext(StageContext):
    """One step: operands are rows of buffers, scratch, and rows of what is given."""

    def timed(self, arg: Arg) -> Operand:
        work, op = self.work, arg.op
        assert self.stage.domain is not None
        low, high = (t + arg.shift for t in self.stage.domain)
        if op.kind in VIEWS:
            return self._block(arg)
        if op.kind == "data":
            source, first, last = data_rows(work, op)
            sequence = sliced(work, source, first, last, low, high)
            name = self.local(moved_name(f"{source}_t", arg.shift), ("data", op, arg.shift), sequence, given=True)
            return Operand(name, op, batch=op.batched)
        kind = work.storage.kind[op]
        slot = work.storage.slot[op]
        if kind in ("step", "carried"):
            return Operand(work.slot_name(slot), op, batch=op.batched)
        base = work.slot_name(slot).removesuffix("_all")
        name = self.local(moved_name(base, arg.shift), ("buffer", slot, arg.shift), buffer_slice(work, op, low, high))
        return Operand(name, op, batch=op.batched)

    def _block(self, arg: Arg) -> Operand:
        work, op = self.work, arg.op
        inner = reads(op)[0]
        below = Arg(inner.op, inner.shift + arg.shift)
        lead = 1 if op.batched else 0
        if work.storage.kind.get(inner.op) in ("step", "carried"):
            name = work.make(
                work.name_of(op), f"{work.slot_name(work.storage.slot[inner.op])}[{block(work, op, lead)}]"
            )
            return Operand(name, op, batch=op.batched)
        whole = self.read(below)
        if inner.op.kind == "data" or inner.op.kind in VIEWS or not inner.op.timed:
            return Operand(f"{whole.source}[{block(work, op, lead)}]", op, batch=op.batched)
        assert self.stage.domain is not None
        low, high = (t + below.shift for t in self.stage.domain)
        sequence = f"{buffer_slice(work, inner.op, low, high)}[{block(work, op, lead + 1)}]"
        name = self.local(moved_name(work.name_of(op), arg.shift), ("block", op, arg.shift), sequence)
        return Operand(name, op, batch=op.batched)


def block(work: Workspace, op: Op, lead: int) -> str:
    """The subscript of a cut or an element behind some leading axes."""
    axis = op.data[0] + lead
    if op.kind == "cut":
        start, stop = op.data[1], op.data[2]
        what = f"{work.index(start) if start.constant != 0 else ''}:{work.index(stop)}"
    else:
        what = work.index(op.data[1])
    return ", ".join([":"] * axis + [what])


class OnceContext(StageContext):
    """Values of the whole sequence; timed ones are there as a whole, time and batch first."""

    def timed(self, arg: Arg) -> Operand:
        raise UnsupportedError("a value of one time outside of all loops")

    def whole(self, arg: Arg, low: Index, high: Index) -> Operand:
        """All rows of a timed value from one time to another."""
        work, op = self.work, arg.op
        low, high = low + arg.shift, high + arg.shift
        if op.kind in VIEWS:
            inner = reads(op)[0]
            found = self.whole(Arg(inner.op, inner.shift), low, high)
            lead = 1 + int(op.batched)
            return Operand(f"{found.source}[{block(work, op, lead)}]", op, time=True, batch=op.batched)
        if op.kind == "data":
            source, first, last = data_rows(work, op)
            return Operand(sliced(work, source, first, last, low, high), op, time=True, batch=op.batched)
        return Operand(buffer_slice(work, op, low, high), op, time=True, batch=op.batched)

    def flat(self, arg: Arg, low: Index, high: Index) -> str:
        """The same with times and examples in one axis, made once where possible."""
        operand = self.whole(arg, low, high)
        axes = ", ".join(["-1", *(self.work.index(a) for a in arg.op.axes)])
        base = arg.op.data[0] if arg.op.kind == "data" else self.work.name_of(arg.op)
        expression = f"{operand.source}.reshape({axes})"
        wanted = f"{moved_name(base, arg.shift)}_rows"
        if arg.op.kind == "data":
            return self.work.begin(wanted, expression)
        return self.work.make(wanted, expression)
