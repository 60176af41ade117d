"""The narrow schedule as NumPy source: few calls on stacked vectors, features before the batch.

Every array over time is (times, features, batch), so that one gate of one step is one block of memory.  Nothing is cut
into pieces: this schedule is for vectors that are short.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.emitting import python_source as py
from symrnn.emitting.numpy_blocks import AFTER, Block
from symrnn.emitting.numpy_columns import columns_of
from symrnn.emitting.numpy_fast import FastBody
from symrnn.emitting.numpy_narrow_known import KnownParts
from symrnn.emitting.numpy_narrow_places import Place, Places
from symrnn.emitting.numpy_narrow_statements import NarrowContext, NarrowStatements, NarrowWriter
from symrnn.emitting.numpy_narrow_totals import NarrowTotals
from symrnn.emitting.numpy_statements import StatementWriter
from symrnn.emitting.numpy_values import OnceContext, Workspace, block
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.describe import Describer
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface
from symrnn.planning.schedule import Stage, is_source
from symrnn.planning.stacking import needed
from symrnn.planning.stacks import Form, Group, NarrowPlan, Pack, Stack
from symrnn.planning.storage import Storage

HALF = Fraction(1, 2)


@dataclass
class NarrowBody:
    """The inside of the narrow ``compute``."""

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
        self.describer = Describer(self.system.time.index)
        self.describer.short = self.work.op_names
        self.work.writer = NarrowWriter(
            lambda load: self.work.table[load.name],
            self.work.index_names,
            self.work.relu0,
            self.work.helpers,
            frozenset({"t"}),
        )
        self.titles = FastBody(self.storage, self.interface, self.work)
        self.columns = {
            stage: columns_of(stage, self.storage, self.interface)
            for stage in self.schedule.stages
            if stage.kind == "all"
        }
        self.places = Places(self.plan, self.storage, self.work, {op for c in self.columns.values() for op in c})
        self.gradients = NarrowTotals(self.plan, self.places, self.work)

    def build(self) -> list[Block]:
        """All stages; raises UnsupportedError where one has no narrow form."""
        wanted = self._wanted()
        self._weights()
        for stage in self.schedule.stages:
            if stage.kind == "loop":
                self._loop(stage)
            elif stage.kind == "all":
                self._all(stage, wanted)
            else:
                self._once(stage, wanted)
        self._products()
        return self.blocks

    def _products(self) -> None:
        """The products of stacks, right after the last loop."""
        lines = self.gradients.products.lines()
        if lines:
            self.blocks.insert(self.after_loops, Block("gradients: all weights in one product of stacks", lines))

    def _wanted(self) -> set[Op]:
        """What has to be computed outside the loops."""
        roots = [deref(Arg(op)).op for op in self.program.roots()]
        roots += [deref(Arg(op)).op for op in self.program.initials.values()]
        for group in self.plan.groups:
            roots += [a.op for a in group.factors]
        for stack in self.plan.stacks:
            roots += [op for op in stack.operands if op not in self.places.loop_ops]
        for pack in self.plan.packs:
            for form in pack.forms:
                roots += [a.op for a, _ in form.rest]
                roots += [t.matrix for t in form.terms if t.matrix is not None]
                roots += [t.vector.op for t in form.terms if t.vector is not None and not t.vector.op.timed]
        done = {f.op for p in self.plan.packs for f in p.forms} | self.plan.absorbed
        for stage in self.schedule.stages:
            if stage.kind == "loop":
                roots += [a.op for op in stage.ops if op not in done for a in reads(op)]
        roots = [op for op in roots if op not in done]
        covered = self.gradients.covered
        return needed(self.plan, [op for op in roots if op not in covered]) - covered

    # ---- weights and data in stacks

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
        lines.append(self.titles._comment(op))
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

    # ---- loops

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

    def _loop(self, stage: Stage) -> None:
        context = NarrowContext(self.work, stage, self.places, True, set())
        self.known[stage] = KnownParts(self.places, self.work, stage)
        lines: list[str] = []
        writer = NarrowStatements(self.work, context, lines)
        packs = {f.op: p for p in self.plan.packs if p.stage is stage for f in p.forms}
        groups = {op: g for g in self.plan.groups if g.stage is stage for op in g.outputs}
        done: set[object] = set(self.plan.absorbed)
        outer = [f.op for p in self.plan.packs if p.stage is stage for f in p.forms if f.op not in set(stage.ops)]
        for op in self._sequence(stage, outer):
            if op in done:
                continue
            if op in packs:
                if packs[op] not in done:
                    done.add(packs[op])
                    done |= self._pack(packs[op], context, lines)
                self._rest(op, packs[op], writer, context)
            elif op in groups:
                if groups[op] not in done:
                    done.add(groups[op])
                    self._group(groups[op], context, lines)
            else:
                lines.append(self.titles._comment(op))
                writer.write(op, context.timed(Arg(op)))
        block = Block(self.titles._title(stage), lines)
        self._starts(stage, block)
        block.before += self.known[stage].lines
        self.titles._header(stage, context, block)  # type: ignore[arg-type]
        self.blocks.append(block)
        self.after_loops = len(self.blocks)

    def _sequence(self, stage: Stage, outer: list[Op]) -> list[Op]:
        """The operations of a step, with forms of outer operations before those that read them."""
        found: list[Op] = []
        for op in stage.ops:
            for arg in reads(op):
                if arg.op in outer and arg.op not in found:
                    found.append(arg.op)
            found.append(op)
        return found

    def _pack(self, pack: Pack, context: NarrowContext, lines: list[str]) -> set[object]:
        """One product for all forms, and the functions that follow it at once."""
        work = self.work
        out = self._output(pack, context)
        for form in pack.forms:
            lines.append(self.titles._comment(form.op))
        self._product(pack, context, out, lines)
        for form in pack.forms:
            if form.op in self.plan.home and self.places.direct(pack) is None:
                target = context.timed(Arg(form.op)).source
                lines.append(f"{work.function('copyto')}({target}, {self._alone(pack, form, context)})")
        gates, both = self._run(pack, ("sigmoid",)), self._run(pack, ("sigmoid", "tanh"))
        if not both:
            return set()
        acts = [a for f in both if (a := self.places.activation(f)) is not None]
        for act in acts:
            lines.append(self.titles._comment(act))
        half = work.constant(HALF)
        if len(pack.forms) == 1 and self.places.direct(pack) is None:
            target = context.timed(Arg(acts[0])).source
            lines.append(f"{work.function('tanh')}({out}, {target})")
            gate = target
        else:
            whole = self._part(pack, both, context)
            lines.append(f"{work.function('tanh')}({whole}, {whole})")
            gate = self._part(pack, gates, context) if gates else ""
        if gates:
            lines.append(f"{work.function('multiply')}({gate}, {half}, {gate})")
            lines.append(f"{work.function('add')}({gate}, {half}, {gate})")
        return set(acts)

    def _product(self, pack: Pack, context: NarrowContext, out: str, lines: list[str]) -> None:
        """The product itself; where that is worth it, what is known before the loop is only added."""
        assert pack.stage.domain is not None
        low, high = (t + pack.shift for t in pack.stage.domain)
        name, rows = self.places.stack_name(pack.stack), self.places.stack_rows(pack.stack, low, high)
        found = self.known[pack.stage].product(pack, rows)
        if found is None:
            matrix = self.places.matrix(pack)
            dot = self.work.make(f"{matrix}_dot", f"{matrix}.dot")
            lines.append(f"{dot}({context.local(f'{name}_t', ('stack', pack.stack), rows)}, {out})")
            return
        dot, mine, known = found
        lines.append(f"{dot}({context.local(f'{name}_t', ('stack', pack.stack), mine)}, {out})")
        lines.append("if apart:")
        added = context.local("known_t", ("known", pack), f"({known} if apart else [None] * steps)")
        lines.append(f"    {self.work.function('add')}({out}, {added}, {out})")

    def _output(self, pack: Pack, context: NarrowContext) -> str:
        direct = self.places.direct(pack)
        if direct is not None:
            return context.timed(Arg(direct)).source
        return self._part(pack, pack.forms, context)

    def _part(self, pack: Pack, forms: list[Form], context: NarrowContext) -> str:
        """A run of forms in the pack's memory."""
        direct = self.places.direct(pack)
        if direct is not None:
            return context.timed(Arg(direct)).source
        rows = sum((f.op.axes[0] for f in forms), Index.of(0))
        name, is_buffer = self.places.pack_memory(pack)
        whole = len(forms) == len(pack.forms)
        if is_buffer:
            written = self.places.pack_rows(pack)
            part = f", :{self.work.index(rows)}]"
            cut = f"{written[:-1]}{part}" if written.endswith("]") else f"{written}[:{part}"
            return context.local(f"{name}_t", ("pack", pack, len(forms)), written if whole else cut)
        return name if whole else self.work.make(f"{name}_part", f"{name}[:{self.work.index(rows)}]")

    def _alone(self, pack: Pack, form: Form, context: NarrowContext) -> str:
        """One form in the pack's memory."""
        place = self.places.in_memory(pack, form.op)
        if place.scratch:
            return place.name
        assert pack.stage.domain is not None
        rows = self.places.cut_rows(place, *pack.stage.domain)
        return context.local(f"{self.work.name_of(form.op)}_out", ("form", form), rows)

    def _rest(self, op: Op, pack: Pack, writer: NarrowStatements, context: NarrowContext) -> None:
        form = next(f for f in pack.forms if f.op is op)
        target = context.timed(Arg(op))
        if form.rest:
            writer.lines.append(self.titles._comment(op))
        for arg, coefficient in form.rest:
            if abs(coefficient) != 1:
                raise UnsupportedError("a scaled summand beside a product")
            names = (0,) if arg.op.axes else ()
            source = writer.aligned(writer.read(arg), names, (0,), target)
            writer.call("add" if coefficient == 1 else "subtract", target.source, source, target.source)

    def _group(self, group: Group, context: NarrowContext, lines: list[str]) -> None:
        """All products with one vector in one call."""
        for op in group.outputs:
            lines.append(self.titles._comment(op))
        shared = context.timed(Arg(group.shared)).source
        if len(group.outputs) == 1:
            factor = context.read(group.factors[0]).source
            target = context.timed(Arg(group.outputs[0])).source
            lines.append(f"{self.work.function('multiply')}({shared}, {factor}, {target})")
            return
        factors = self.places.factors(group)
        known = context.local(f"{factors}_t", ("factors", group), factors)
        low, high = group.stage.domain  # type: ignore[misc]
        target = context.local(
            self.places.step_name(group.outputs[0], 0) + "_and",
            ("group", group),
            self.places.group_rows(group, low, high),
        )
        lines.append(f"{self.work.function('multiply')}({shared}, {known}, {target})")

    def _starts(self, stage: Stage, block: Block) -> None:
        inside = set(stage.ops)
        block.before += self._brought(stage)
        for initial in self.system.initials:
            variable = self.program.variables.get((initial.state.name, initial.load.role))
            if variable is None or deref(Arg(variable)).op not in inside:
                continue
            op = deref(Arg(variable)).op
            row = self.work.make(f"{initial.state.name}_start", self.places.row(op, initial.time))
            key = initial.key
            if key in self.work.data_names:
                name = self.work.data_names[key]
                turned = f"{name}.T" if self.interface.slot[key].per_example else f"{name}[:, None]"
                block.before.append(f"{row}[...] = {turned if op.axes else name}")
            else:
                start = deref(Arg(self.program.initials[key])).op
                if start.kind not in ("number", "full"):
                    raise UnsupportedError("the narrow schedule starts from given values or numbers")
                block.before.append(f"{row}[...] = {float(start.data[-1])!r}")
        for group in self.plan.groups:
            if group.stage is stage and len(group.outputs) > 1:
                block.before += self.places.copies(group)

    # ---- outside the loops

    def _all(self, stage: Stage, wanted: set[Op]) -> None:
        columns = self.columns[stage]
        context = NarrowContext(self.work, stage, self.places, False, columns)
        lines: list[str] = []
        block = Block(self.titles._title(stage), lines)
        writer = NarrowStatements(self.work, context, lines)
        for op in stage.ops:
            if op not in wanted or is_source(op) or op in self.plan.home:
                continue
            if op.kind in ("select", "between", "count", "batchsum") or len(op.axes) > (2 if op.kind == "total" else 1):
                raise UnsupportedError(f"the narrow schedule has no place for {op.kind}")
            lines.append(self.titles._comment(op))
            if op.kind == "total":
                lines.append(f"{self.work.name_of(op)} = {self.gradients.expression(op, context)}")
                continue
            writer.write(op, context.timed(Arg(op)))
            if op in columns:
                lines += self.places.turned_back(op)
        if lines:
            self.blocks.append(block)

    def _once(self, stage: Stage, wanted: set[Op]) -> None:
        context = NarrowContext(self.work, stage, self.places, False, set())
        lines: list[str] = []
        writer = StatementWriter(self.work, context, lines)
        for op in stage.ops:
            if op not in wanted or op in self.computed:
                continue
            lines.append(self.titles._comment(op))
            if op.kind == "at":
                lines.append(f"{self.work.name_of(op)} = {self.gradients.at(op)}")
            elif op.kind == "total":
                lines.append(f"{self.work.name_of(op)} = {self.gradients.expression(op, context)}")
            elif op.batched or op.kind == "batchsum":
                raise UnsupportedError("the narrow schedule has no place for values of one example outside of time")
            else:
                lines.append(f"{self.work.name_of(op)} = {writer.expression(op, False)}")
                lines.append(f"{AFTER}{self.work.name_of(op)}")
        if lines:
            self.blocks.append(Block(self.titles._title(stage), lines))


def gradient_place(body: NarrowBody, op: Op) -> str:
    """Where a gradient stands when all is done, examples before features."""
    inner = deref(Arg(op)).op
    if not inner.timed:
        return body.work.name_of(inner)
    time = body.system.time
    whole = body.places.whole(inner, time.first, time.last)
    return f"{whole}.transpose(0, 2, 1)" if inner.axes else whole


__all__ = ["NarrowBody", "Place", "gradient_place"]
