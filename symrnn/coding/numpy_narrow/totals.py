"""Sums over time in the narrow schedule: blocks of one product of stacks where they can be."""

from __future__ import annotations

from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.numpy_narrow.places import Places
from symrnn.coding.numpy_narrow.products import StackProducts
from symrnn.coding.numpy_narrow.statements import NarrowContext
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.arrays import Labels
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.schedule import Stage
from symrnn.planning.stacks import NarrowPlan, Stack


class NarrowTotals:
    """Sums over time: blocks of one product of stacks where they can be."""

    def __init__(self, plan: NarrowPlan, places: Places, work: Workspace) -> None:
        self.plan, self.places, self.work = plan, places, work
        self.schedule = plan.schedule
        self.products = StackProducts(places)
        self.covered: set[Op] = set()
        self.blocks_of: dict[Op, tuple[Stack, Stack, int, Op, Op | None, bool]] = {}
        for stage in self.schedule.stages:
            for op in stage.ops:
                if op.kind == "total":
                    found = self._block(op)
                    if found is not None:
                        self.blocks_of[op] = found
        self._biases()

    def _factors(self, op: Op) -> list[tuple[Arg, Labels]] | None:
        inner = reads(op)[0]
        if not op.data[2]:
            return None
        if inner.op in self.schedule.fused:
            if inner.op.data[0] != 1:
                return None
            args = [Arg(a.op, a.shift + inner.shift) for a in reads(inner.op)]
            return list(zip(args, inner.op.data[1], strict=True))
        return [(inner, tuple(range(len(inner.op.axes))))]

    def _homes(self, arg: Arg) -> list[tuple[Stack, int]]:
        """Stacks in which an operand stands, with the row (relative to the total's time) in which it does."""
        return [(s, arg.shift - s.offsets[arg.op]) for s in self.plan.stacks if arg.op in s.operands]

    def _block(self, op: Op) -> tuple[Stack, Stack, int, Op, Op | None, bool] | None:
        factors = self._factors(op)
        if factors is None or len(factors) != 2:
            return None
        (a, la), (b, lb) = factors
        if len(la) != 1 or len(lb) != 1 or la == lb or len(op.axes) != 2:
            return None
        out = reads(op)[0].op.data[2]
        for left, right, flip in ((a, b, out[0] == lb[0]), (b, a, out[0] == la[0])):
            for stack, row in self._homes(left):
                for other, line in self._homes(right):
                    if stack is not other and self._is_adjoint_stack(stack) and not self._is_adjoint_stack(other):
                        return stack, other, row - line, left.op, right.op, flip
        return None

    def _is_adjoint_stack(self, stack: Stack) -> bool:
        stage = stack.stage
        return stage is not None and any(op.adjoint for op in stage.ops)

    def _biases(self) -> None:
        """Sums of a stacked vector: a column of a product that is made anyway."""
        known = {(key[0], key[2]): key for key in ((v[0], v[1], v[2]) for v in self.blocks_of.values()) if key[1].bias}
        for stage in self.schedule.stages:
            for op in stage.ops:
                factors = self._factors(op) if op.kind == "total" else None
                if factors is None or len(factors) != 1 or len(op.axes) != 1:
                    continue
                for stack, _ in self._homes(factors[0][0]):
                    key = next((k for (s, _), k in known.items() if s is stack), None)
                    if key is not None:
                        self.blocks_of[op] = (*key, factors[0][0].op, None, False)

    def expression(self, op: Op, context: NarrowContext) -> str:
        """A total."""
        found = self.blocks_of.get(op)
        if found is not None:
            return self._of_block(*found)
        factors = self._factors(op)
        if factors is None:
            raise UnsupportedError("the narrow schedule sums over times and examples only")
        low, high = op.data[0], op.data[1]
        flat = [arg.op in self.places.flat or arg.op in context.columns for arg, _ in factors]
        if any(flat) and not all(flat):
            raise UnsupportedError("a sum of a value in columns with one that is not")
        shown = []
        for arg, labels in factors:
            names = "".join("ijkl"[x] for x in labels)
            if all(flat):
                shown.append((self.places.column(arg.op), f"{names}r"))
            elif not arg.op.timed:
                if arg.op.batched:
                    raise UnsupportedError("the narrow schedule sums values of all times only")
                shown.append(
                    (
                        self.work.name_of(arg.op) if arg.op.kind != "data" else self.work.data_names[arg.op.data[0]],
                        names,
                    )
                )
            elif arg.op.kind == "data":
                shown.append((self._given(arg, low, high), f"t{names}b"))
            else:
                shown.append((self.places.whole(arg.op, low + arg.shift, high + arg.shift), f"t{names}b"))
        return self._sum(op, shown)

    def _given(self, arg: Arg, low: Index, high: Index) -> str:
        """An input over the times of a sum, features before the batch."""
        stage = Stage("all", [], (low, high))
        operand = NarrowContext(self.work, stage, self.places, False, set()).timed(arg)
        if not arg.op.batched:
            raise UnsupportedError("the narrow schedule sums values of all examples only")
        return operand.source

    def _sum(self, op: Op, shown: list[tuple[str, str]]) -> str:
        work = self.work
        inner = reads(op)[0].op
        fused = inner in self.schedule.fused
        if len(shown) == 1 and not fused:
            source, names = shown[0]
            if not op.axes:
                return f"{work.function('add.reduce')}({source}.reshape(-1))"
            return f"{source}.sum(1)" if names.endswith("r") else f"{source}.sum((0, 2))"
        out = "".join("ijkl"[x] for x in inner.data[2]) if fused else ""
        inputs, sources = ",".join(names for _, names in shown), ", ".join(source for source, _ in shown)
        return f"np.einsum('{inputs}->{out}', {sources}, optimize=True)"

    def _of_block(self, stack: Stack, other: Stack, offset: int, left: Op, right: Op | None, flip: bool) -> str:
        work = self.work
        product = self.products.block(stack, other, offset, left, right)
        rows = self._span(stack, left)
        columns = self.work.index(other.start(None)) if right is None else self._span(other, right)
        return work.make("weight_gradient", f"{product}[{rows}, {columns}]" + (".T" if flip else ""))

    def _span(self, stack: Stack, op: Op) -> str:
        start = stack.start(op)
        return f"{self.work.index(start)}:{self.work.index(start + op.axes[0])}"

    def at(self, op: Op) -> str:
        """A value at a fixed time, examples first again."""
        (arg,) = reads(op)
        time = op.data[0] + arg.shift
        if arg.op in self.plan.absorbed:
            return self._absorbed(arg.op, time) + ".T"
        if arg.op.kind == "data":
            raise UnsupportedError("an input at a fixed time")
        row = self.work.make("at_time", self.places.row(arg.op, time))
        return f"{row}.T" if op.axes else row

    def _absorbed(self, op: Op, time: Index) -> str:
        """A summand that was taken into a form: the form's product where all its other operands are 0."""
        pack, form = next((p, f) for p in self.plan.packs for f in p.forms if op in [a.op for a in reads(f.op)])
        inner = {a.op for a in reads(op)} if op.kind == "plus" else {op}
        mine = [t for t in form.terms if t.vector is not None and t.vector.op in self.places.loop_ops]
        direct = [t for t in mine if t.matrix is None and t.vector is not None and t.vector.op not in inner]
        if direct or len(pack.forms) != 1:
            raise UnsupportedError("a summand of a product is asked for by itself")
        matrix = self.places.matrix(pack)
        row = self.work.make("first_row", self.places.stack_row(pack.stack, time))
        # What the loop computes alone, without the bias, which the summand does not have.
        end = self.work.index(pack.stack.start(None)) if pack.stack.bias else None
        return f"{matrix}[:, :{end}].dot({row}[:{end}])" if end else f"{matrix}.dot({row})"
