"""The narrow schedule as NumPy source: few calls on stacked vectors, features before the batch.

Every array over time is (times, features, batch), so that one gate of one step is one block of memory.  Nothing is cut
into pieces: this schedule is for vectors that are short.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symrnn.emitting import python_source as py
from symrnn.emitting.numpy_columns import columns_of
from symrnn.emitting.numpy_expression import BATCH, TIME, NumpyWriter
from symrnn.emitting.numpy_fast import AFTER, Block, FastBody
from symrnn.emitting.numpy_narrow_places import Place, Places
from symrnn.emitting.numpy_statements import StatementWriter
from symrnn.emitting.numpy_values import OnceContext, Operand, StageContext, Workspace, block
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.arrays import Array, Labels
from symrnn.planning.describe import Describer
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface
from symrnn.planning.schedule import Stage, is_source
from symrnn.planning.simplify import is_elementwise
from symrnn.planning.stacking import Form, Group, NarrowPlan, Pack, Stack, needed
from symrnn.planning.storage import Storage

HALF = Fraction(1, 2)


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

    def _lead(self, operand: Operand) -> Labels:
        return (TIME,) if operand.rows or operand.time else ()

    def aligned(self, operand: Operand, names: Labels, out: Labels, target: Operand) -> str:
        if target.columns or (target.rows and operand.rows):
            return super().aligned(operand, names, out, target)
        simple = not operand.op.axes and not (operand.rows or operand.time or operand.batch)
        if operand.op.kind == "number" or simple:
            return operand.source
        load = self.load(operand)
        tail = (BATCH,) if target.batch else ()
        wanted = (*self._lead(target), *out, *tail)
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
        self.lines.append(f"{left}.dot({context.places.as_columns(vectors[0][0], self)}, {target.source})")
        return True


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
        self.gradients = _Gradients(self)

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
        lines = self.places.product_lines()
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
                    place, source = f"{rows}, -1", self._untimed(term.vector.op, lines)
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
        matrix = self.places.matrix(pack)
        dot = work.make(f"{matrix}_dot", f"{matrix}.dot")
        stacked = self._stacked(pack, context)
        out = self._output(pack, context)
        for form in pack.forms:
            lines.append(self.titles._comment(form.op))
        lines.append(f"{dot}({stacked}, {out})")
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

    def _stacked(self, pack: Pack, context: NarrowContext) -> str:
        assert pack.stage.domain is not None
        low, high = (t + pack.shift for t in pack.stage.domain)
        name = self.places.stack_name(pack.stack)
        return context.local(f"{name}_t", ("stack", pack.stack), self.places.stack_rows(pack.stack, low, high))

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


class _Gradients:
    """Sums over time: blocks of one product of stacks where they can be."""

    def __init__(self, body: NarrowBody) -> None:
        self.body, self.plan, self.places = body, body.plan, body.places
        self.products: dict[tuple[object, object, int], str] = {}
        self.covered: set[Op] = set()
        self.blocks_of: dict[Op, tuple[object, object, int, Op, Op | None, bool]] = {}
        for stage in body.schedule.stages:
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
        if inner.op in self.body.schedule.fused:
            if inner.op.data[0] != 1:
                return None
            args = [Arg(a.op, a.shift + inner.shift) for a in reads(inner.op)]
            return list(zip(args, inner.op.data[1], strict=True))
        return [(inner, tuple(range(len(inner.op.axes))))]

    def _homes(self, arg: Arg) -> list[tuple[object, int]]:
        """Stacks in which an operand stands, with the row (relative to the total's time) in which it does."""
        return [(s, arg.shift - s.offsets[arg.op]) for s in self.plan.stacks if arg.op in s.operands]

    def _block(self, op: Op) -> tuple[object, object, int, Op, Op | None, bool] | None:
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

    def _is_adjoint_stack(self, stack: object) -> bool:
        stage = stack.stage  # type: ignore[attr-defined]
        return any(op.adjoint for op in stage.ops)

    def _biases(self) -> None:
        """Sums of a stacked vector: a column of a product that is made anyway."""
        known = {(key[0], key[2]): key for key in ((v[0], v[1], v[2]) for v in self.blocks_of.values()) if key[1].bias}  # type: ignore[attr-defined]
        for stage in self.body.schedule.stages:
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
                        self.body.work.name_of(arg.op)
                        if arg.op.kind != "data"
                        else self.body.work.data_names[arg.op.data[0]],
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
        operand = NarrowContext(self.body.work, stage, self.places, False, set()).timed(arg)
        if not arg.op.batched:
            raise UnsupportedError("the narrow schedule sums values of all examples only")
        return operand.source

    def _sum(self, op: Op, shown: list[tuple[str, str]]) -> str:
        work = self.body.work
        inner = reads(op)[0].op
        fused = inner in self.body.schedule.fused
        if len(shown) == 1 and not fused:
            source, names = shown[0]
            if not op.axes:
                return f"{work.function('add.reduce')}({source}.reshape(-1))"
            return f"{source}.sum(1)" if names.endswith("r") else f"{source}.sum((0, 2))"
        out = "".join("ijkl"[x] for x in inner.data[2]) if fused else ""
        inputs, sources = ",".join(names for _, names in shown), ", ".join(source for source, _ in shown)
        return f"np.einsum('{inputs}->{out}', {sources}, optimize=True)"

    def _of_block(self, stack: object, other: object, offset: int, left: Op, right: Op | None, flip: bool) -> str:
        work = self.body.work
        product = self.places.product_of_stacks(stack, other, offset)
        rows = self._span(stack, left)
        columns = "-1" if right is None else self._span(other, right)
        return work.make("weight_gradient", f"{product}[{rows}, {columns}]" + (".T" if flip else ""))

    def _span(self, stack: object, op: Op) -> str:
        start = stack.start(op)  # type: ignore[attr-defined]
        return f"{self.body.work.index(start)}:{self.body.work.index(start + op.axes[0])}"

    def at(self, op: Op) -> str:
        """A value at a fixed time, examples first again."""
        (arg,) = reads(op)
        time = op.data[0] + arg.shift
        if arg.op in self.plan.absorbed:
            return self._absorbed(arg.op, time) + ".T"
        if arg.op.kind == "data":
            raise UnsupportedError("an input at a fixed time")
        row = self.body.work.make("at_time", self.places.row(arg.op, time))
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
        row = self.body.work.make("first_row", self.places.stack_row(pack.stack, time))
        # Without the bias, which the summand does not have.
        return f"{matrix}[:, :-1].dot({row}[:-1])" if pack.stack.bias else f"{matrix}.dot({row})"


def gradient_place(body: NarrowBody, op: Op) -> str:
    """Where a gradient stands when all is done, examples before features."""
    inner = deref(Arg(op)).op
    if not inner.timed:
        return body.work.name_of(inner)
    time = body.system.time
    whole = body.places.whole(inner, time.first, time.last)
    return f"{whole}.transpose(0, 2, 1)" if inner.axes else whole


__all__ = ["NarrowBody", "Place", "gradient_place"]
