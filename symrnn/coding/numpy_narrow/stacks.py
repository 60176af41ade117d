"""Stacks of the narrow schedule: weights side by side in one matrix, and inputs where they are multiplied by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.blocks import AFTER, Block
from symrnn.coding.numpy_fast.columns import columns_of
from symrnn.coding.numpy_fast.statements import StatementWriter
from symrnn.coding.numpy_fast.values import OnceContext, Workspace, block
from symrnn.coding.numpy_narrow.known import KnownParts
from symrnn.coding.numpy_narrow.places import Places
from symrnn.coding.numpy_narrow.statements import NarrowContext, NarrowWriter
from symrnn.coding.numpy_narrow.totals import NarrowTotals
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op
from symrnn.planning.headings import Headings
from symrnn.planning.interface import Interface
from symrnn.planning.schedule import Stage, is_source
from symrnn.planning.stacks import Form, NarrowPlan, Pack, Stack
from symrnn.planning.storage import Storage

HALF = Fraction(1, 2)


@dataclass
class NarrowStacks:
    """What a narrow ``compute`` has at hand, and the statements that fill its stacks."""

    plan: NarrowPlan
    storage: Storage
    interface: Interface
    work: Workspace
    blocks: list[Block] = field(default_factory=list)
    after_loops: int = 0
    computed: set[Op] = field(default_factory=set)
    known: dict[Stage, KnownParts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schedule = self.plan.schedule
        self.program = self.schedule.program
        self.system = self.program.system
        self.work.writer = NarrowWriter(
            lambda load: self.work.table[load.name],
            self.work.index_names,
            self.work.relu0,
            self.work.helpers,
            frozenset({"t"}),
        )
        self.headings = Headings(self.schedule, self.work.op_names)
        self.columns = {stage: columns_of(stage, self.storage) for stage in self.schedule.stages if stage.kind == "all"}
        self.places = Places(self.plan, self.storage, self.work, {op for c in self.columns.values() for op in c})
        self.gradients = NarrowTotals(self.plan, self.places, self.work)

    def _comment(self, op: Op) -> str:
        return f"# {self.headings.formula(op)}"

    def _weights(self) -> None:
        """The matrices of all packs, from the weights of this call."""
        lines: list[str] = []
        for pack in self.plan.packs:
            matrix = self.places.matrix(pack)
            for place, sources in self._blocks_of(pack, lines).items():
                lines += self._assigned(matrix, place, sources)
            halved = self._run(pack, ("sigmoid",))
            if halved:
                rows = sum((f.op.axes[0] for f in halved), Index.of(0))
                part = self.work.make(f"{matrix}_gates", f"{matrix}[:{self.work.index(rows)}]")
                lines.append("# sigmoid(x) = 1/2 + 1/2 tanh(x/2): halved here, one tanh serves all gates.")
                lines.append(f"{self.work.function('multiply')}({part}, {self.work.constant(HALF)}, {part})")
        for stack in self.plan.stacks:
            lines += self._fill(stack)
        if lines:
            self.blocks.append(Block("stack: weights side by side, inputs where they are multiplied", lines))

    def _blocks_of(self, pack: Pack, lines: list[str]) -> dict[str, list[str]]:
        """The blocks of a pack's matrix: what is added up in each of them."""
        work, stack = self.work, pack.stack
        found: dict[str, list[str]] = {}
        row = Index.of(0)
        for form in pack.forms:
            stop = row + form.op.axes[0]
            rows = f"{work.index(row)}:{work.index(stop)}"
            for term in form.terms:
                assert term.vector is not None
                if not term.vector.op.timed:
                    place, source = f"{rows}, {work.index(stack.start(None))}", self._untimed(term.vector.op, lines)
                else:
                    start = stack.start(term.vector.op)
                    end = start + term.vector.op.axes[0]
                    place = f"{rows}, {work.index(start)}:{work.index(end)}"
                    if term.matrix is None:
                        source = work.make("identity", f"np.eye({work.index(stop - row)}, dtype=dtype)")
                    else:
                        source = self._untimed(term.matrix, lines) + (".T" if term.flip else "")
                if term.coefficient != 1:
                    source = f"{py.unparse(py.fraction(term.coefficient))} * {source}"
                found.setdefault(place, []).append(source)
            row = stop
        return found

    def _assigned(self, matrix: str, place: str, sources: list[str]) -> list[str]:
        """The statements that fill one block."""
        part = self.work.make(f"{matrix}_part", f"{matrix}[{place}]")
        if all(source.startswith("identity") for source in sources):
            # The same in every call.
            self.work.setup.append(f"{part}[...] = {' + '.join(sources)}")
            return []
        first, *others = sources
        return [f"{part}[...] = {first}", *(f"{part}[...] += {source}" for source in others)]

    def _untimed(self, op: Op, lines: list[str]) -> str:
        """A weight: as it was given, a block of it, or computed from others right here."""
        if op.kind == "data":
            return self.work.data_names[op.data[0]]
        if op.kind in ("cut", "element") and reads(op)[0].op.kind == "data":
            return f"{self._untimed(reads(op)[0].op, lines)}[{block(self.work, op, 0)}]"
        if op.kind in ("full", "identity", "number"):
            return NarrowContext(self.work, self.schedule.stages[0], self.places, False, set()).read(Arg(op)).source
        self._compute(op, lines)
        return self.work.name_of(op)

    def _compute(self, op: Op, lines: list[str]) -> None:
        """A weight that is computed from others, right here."""
        if op in self.computed or is_source(op):
            return
        self.computed.add(op)
        for arg in reads(op):
            self._compute(arg.op, lines)
        context = OnceContext(self.work, self.schedule.stages[0])
        lines.append(self._comment(op))
        lines.append(f"{self.work.name_of(op)} = {StatementWriter(self.work, context, lines).expression(op, False)}")
        lines.append(f"{AFTER}{self.work.name_of(op)}")

    def _fill(self, stack: Stack) -> list[str]:
        """What is given into a stack."""
        lines = []
        for op in stack.operands:
            if op in self.places.loop_ops or op in self.plan.home or op.kind != "data":
                continue
            time = self.system.time
            part = self.work.make(f"{op.data[0]}_part", self.places.stacked(stack, op, time.first, time.last))
            name = self.work.data_names[op.data[0]]
            slot = self.interface.slot[op.data[0]]
            if slot.before is not None:
                raise UnsupportedError("the narrow schedule has no values before the first step")
            if slot.labels:
                self.work.dense.add(op.data[0])
            lines.append(f"{part}[...] = {name}.transpose(0, 2, 1)")
        return lines

    def _brought(self, stage: Stage) -> list[str]:
        """What other stages have computed into the stacks of a loop."""
        lines = []
        inside = set(stage.ops)
        for stack in self.plan.stacks:
            if stack.stage is not stage:
                continue
            for op in stack.operands:
                if op in inside or op.kind == "data" or (op in self.plan.home and self.plan.home[op] is stack):
                    continue
                if op in {o for c in self.columns.values() for o in c} or self.places.of(
                    op
                ).name == self.places.stack_name(stack):
                    continue
                low, high = self.system.time.first, self.system.time.last
                part = self.work.make(f"{self.work.name_of(op)}_part", self.places.stacked(stack, op, low, high))
                lines.append(f"{part}[...] = {self.places.whole(op, low, high)}")
        return lines

    def _run(self, pack: Pack, functions: tuple[str, ...]) -> list[Form]:
        """The forms at the beginning of a pack that only one of these functions reads, nothing added to them."""
        found = []
        for form in pack.forms:
            act = self.places.activation(form)
            elsewhere = act in self.plan.home and self.places.direct(pack) is None
            if form.rest or act is None or elsewhere or act.data[0] not in functions:
                break
            found.append(form)
        return found
