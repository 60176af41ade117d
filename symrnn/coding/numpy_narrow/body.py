"""The narrow schedule as NumPy source: few calls on stacked vectors, features before the batch.

Every array over time is (times, features, batch), so that one gate of one step is one block of memory.  Nothing is cut
into pieces: this schedule is for vectors that are short.
"""

from __future__ import annotations

from symrnn.coding.numpy_fast.blocks import AFTER, Block
from symrnn.coding.numpy_fast.loops import open_loop
from symrnn.coding.numpy_fast.statements import StatementWriter
from symrnn.coding.numpy_narrow.known import KnownParts
from symrnn.coding.numpy_narrow.places import Place
from symrnn.coding.numpy_narrow.stacks import HALF, NarrowStacks
from symrnn.coding.numpy_narrow.statements import NarrowContext, NarrowStatements
from symrnn.errors import UnsupportedError
from symrnn.language import Index
from symrnn.planning.fission import reads
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.schedule import Stage, is_source
from symrnn.planning.stacking import needed
from symrnn.planning.stacks import Form, Group, Pack


class NarrowBody(NarrowStacks):
    """The inside of the narrow ``compute``."""

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

    # ---- loops

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
                lines.append(self._comment(op))
                writer.write(op, context.timed(Arg(op)))
        block = Block(self.headings.stage(stage), lines)
        self._starts(stage, block)
        block.before += self.known[stage].lines
        open_loop(self.work, stage, context, block)
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
            lines.append(self._comment(form.op))
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
            lines.append(self._comment(act))
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
            writer.lines.append(self._comment(op))
        for arg, coefficient in form.rest:
            if abs(coefficient) != 1:
                raise UnsupportedError("a scaled summand beside a product")
            names = (0,) if arg.op.axes else ()
            source = writer.aligned(writer.read(arg), names, (0,), target)
            writer.call("add" if coefficient == 1 else "subtract", target.source, source, target.source)

    def _group(self, group: Group, context: NarrowContext, lines: list[str]) -> None:
        """All products with one vector in one call."""
        for op in group.outputs:
            lines.append(self._comment(op))
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
        block = Block(self.headings.stage(stage), lines)
        writer = NarrowStatements(self.work, context, lines)
        for op in stage.ops:
            if op not in wanted or is_source(op) or op in self.plan.home:
                continue
            if op.kind in ("select", "between", "count", "batchsum") or len(op.axes) > (2 if op.kind == "total" else 1):
                raise UnsupportedError(f"the narrow schedule has no place for {op.kind}")
            lines.append(self._comment(op))
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
            lines.append(self._comment(op))
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
            self.blocks.append(Block(self.headings.stage(stage), lines))


def gradient_place(body: NarrowBody, op: Op) -> str:
    """Where a gradient stands when all is done, examples before features."""
    inner = deref(Arg(op)).op
    if not inner.timed:
        return body.work.name_of(inner)
    time = body.system.time
    whole = body.places.whole(inner, time.first, time.last)
    return f"{whole}.transpose(0, 2, 1)" if inner.axes else whole


__all__ = ["NarrowBody", "Place", "gradient_place"]
