"""Which operations share a loop over their entries.

Compilers vectorise a loop only if they can make sure that what it writes is not what it reads.  That takes comparisons
of addresses, and they give up at eight; so a loop does not touch more arrays than that allows.
"""

from __future__ import annotations

from symrnn.coding.numba.loops import SCALARS, SLOPES
from symrnn.coding.numba.places import INLINE
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Stage
from symrnn.planning.storage import VIEWS, Slot

SLOW = frozenset({"tanh", "sigmoid", "exp", "log", "softplus", "sqrt", "sin", "cos"})
"""Functions that take longer than reading and writing an entry."""

COMPARISONS = 8
"""How many comparisons of addresses LLVM makes before a loop."""


def is_pointwise(op: Op) -> bool:
    """Whether every entry is an expression of single entries of the operands."""
    if op.kind in ("plus", "reshape") or (op.kind in INLINE):
        return op.kind == "plus" or op.kind == "reshape"
    if op.kind == "product":
        return not {x for names in op.data[1] for x in names} - set(op.data[2])
    if op.kind == "apply":
        return op.data[0] in (SLOPES if op.data[1] else SCALARS)
    return False


def same_entry(op: Op, place: int) -> bool:
    """Whether an entry of the result needs the same entry of an operand, or the operand has no axes."""
    arg = reads(op)[place]
    if not arg.op.axes:
        return True
    if op.kind in ("plus", "apply"):
        return arg.op.axes == op.axes
    return op.kind == "product" and op.data[1][place] == op.data[2] and not op.data[3]


class Segment:
    """Operations of the same axes, in order."""

    def __init__(self, work: Workspace, op: Op) -> None:
        self.work, self.ops = work, [op]
        self.written: set[object] = {self._cell(Arg(op))}
        self.read: set[object] = set()
        self.elsewhere: set[Slot | Op] = set()
        self._note(op)

    def take(self, op: Op) -> bool:
        """Take an operation in, if it can go along."""
        first = self.ops[0]
        if (op.axes, op.batched, op.timed) != (first.axes, first.batched, first.timed):
            return False
        written = {self._home(o) for o in self.ops}
        for place, arg in enumerate(reads(op)):
            other = not same_entry(op, place) or arg.op.kind in VIEWS or bool(arg.shift)
            below = self._below(arg)
            if other and (below.op in self.ops or self._home(below.op) in written):
                return False
        if self._home(op) in self.elsewhere:
            return False
        known = self.written | {self._cell(Arg(op))}, self.read | self._cells(op)
        if _comparisons(*known) > COMPARISONS:
            return False
        self.ops.append(op)
        self.written.add(self._cell(Arg(op)))
        self._note(op)
        return True

    def _note(self, op: Op) -> None:
        self.read |= self._cells(op)
        for place, arg in enumerate(reads(op)):
            if not same_entry(op, place) or arg.op.kind in VIEWS:
                self.elsewhere.add(self._home(self._below(arg).op))

    def _below(self, arg: Arg) -> Arg:
        while arg.op.kind in VIEWS:
            inner = reads(arg.op)[0]
            arg = Arg(inner.op, inner.shift + arg.shift)
        return arg

    def _home(self, op: Op) -> Slot | Op:
        return self.work.storage.slot.get(op, op)

    def _cell(self, arg: Arg) -> object:
        return self._home(arg.op), arg.shift

    def _cells(self, op: Op) -> set[object]:
        """The arrays, and rows of them, that an operation reads from memory."""
        inside = [self._below(a) for a in reads(op)]
        return {self._cell(a) for a in inside if a.op.kind not in INLINE and (a.shift or a.op not in self.ops)}

    # ---- what is known when all are in

    def walk(self, stage: Stage) -> str:
        """What is walked over as one: "examples" and own axes; "times", too, where that is worth a pass of its own."""
        first = self.ops[0]
        if not first.batched:
            return ""
        slow = stage.kind == "all" and any(op.kind == "apply" and op.data[0] in SLOW for op in self.ops)
        if slow and all(self._walks(op, True) for op in self.ops):
            return "times"
        return "examples" if first.axes and all(self._walks(op, False) for op in self.ops) else ""

    def _walks(self, op: Op, over_times: bool) -> bool:
        if op.kind == "reshape" or (op.kind == "product" and op.data[3]):
            return False
        for place, arg in enumerate(reads(op)):
            inner = arg.op
            if inner.kind in INLINE or not (inner.axes or inner.batched):
                if inner.kind in VIEWS or inner.kind == "identity" or (over_times and inner.timed):
                    return False
                continue
            if not inner.batched or inner.axes != op.axes or not same_entry(op, place):
                return False
            if over_times and not inner.timed:
                return False
        return True

    def read_inside(self) -> set[Op]:
        """Operations that later ones of the segment read."""
        return {a.op for op in self.ops for a in reads(op) if not a.shift and a.op in self.ops}

    def is_kept(self, op: Op, results: set[Op]) -> bool:
        """Whether a value is read outside of the loop, too."""
        if op in results:
            return True
        for reader in self.work.schedule.readers.get(op, []):
            if reader not in self.ops or any(a.op is op and a.shift for a in reads(reader)):
                return True
        return False


def _comparisons(written: set[object], read: set[object]) -> int:
    count = len(written)
    return count * len(read - written) + count * (count - 1) // 2
