"""One schedule of a fast module as a function: it makes buffers and views, and returns what computes with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from symrnn.coding.numpy_fast.blocks import AFTER, Block
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.python_source import Source
from symrnn.language import Index
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface
from symrnn.planning.stacks import Pack
from symrnn.planning.system import System

WIDE = "Everything that can be is done for all times at once; arrays are (times, batch, features)."
NARROW = "As few calls per step as there can be, on stacked vectors; arrays are (times, features, batch)."


@dataclass
class Compute:
    """A schedule as text."""

    name: str
    about: str
    work: Workspace
    blocks: list[Block]
    gradient: Callable[[Op], str]
    packs: list[Pack] = field(default_factory=list)

    def share(self, others: list[Compute]) -> None:
        """All schedules take the same arguments."""
        for other in others:
            self.work.labelled |= other.work.labelled

    def write(self, source: Source, system: System, interface: Interface) -> None:
        """The function."""
        sizes = [self.work.index_names[r.size] for r in interface.sizes]
        with source.indented(f"def {self.name}({', '.join([*sizes, 'steps', 'batch', 'dtype'])})"):
            source.raw(f'"""{self.about}"""')
            inner = Source()
            inner.depth = source.depth
            self._compute(inner, interface)
            self.work.setup, inner.lines = without_unused(self.work.setup, inner.lines)
            self._setup(source, inner, system)
            source.lines += inner.lines
            source.raw("return compute")

    def _setup(self, source: Source, inner: Source, system: System) -> None:
        text = re.sub(r"#.*", "", "\n".join([*self.work.setup, *inner.lines, *self._buffers()]))
        for name in sorted(system.time.last.names() | system.time.first.names()):
            shown = self.work.index_names[name]
            if re.search(rf"\b{shown}\b", text):
                rest = system.time.length - Index.of(name)
                source.assign(shown, self.work.writer.index(Index.of("steps") - rest))
        for name in sorted(self.work.functions):
            source.raw(f"{name.replace('.', '_')} = np.{name}")
        for value, name in self.work.constants.items():
            if re.search(rf"\b{name}\b", text):
                source.raw(f"{name} = np.array({float(value)!r}, dtype)")
        source.comment("Buffers, time first; then views: one tuple for every step, one for every piece.")
        for line in self._buffers():
            source.raw(line)
        for line in self.work.setup:
            source.raw(line)

    def _buffers(self) -> list[str]:
        lines = []
        made_in_setup = {line.split(" = ")[0] for line in self.work.setup}
        for slot in self.work.storage.slots:
            if slot not in self.work.slot_names:
                continue
            name = self.work.slot_names[slot]
            if slot.kind == "piece" or name in made_in_setup:
                continue
            axes = [self.work.index(a) for a in slot.axes]
            lead = ["batch"] if slot.batched else []
            if slot.kind == "buffer":
                assert slot.rows is not None
                rows = self.work.index(slot.rows[1] - slot.rows[0] + 1)
                shape = ", ".join([rows, *lead, *axes])
                names = [v.names[0] for v in slot.values if v.names]
                shown = f"  # {', '.join(names)}" if names else ""
                lines.append(f"{name} = np.empty({tuple_text(shape)}, dtype){shown}")
            else:
                shape = ", ".join([*lead, *axes])
                lines.append(f"{name} = np.empty({tuple_text(shape)}, dtype)")
        return lines

    def _label_names(self) -> set[str]:
        return {self.work.data_names[key] for key in self.work.labelled}

    def arguments(self, interface: Interface) -> list[str]:
        """The names of what it takes: arrays with time and batch in front, and labels where these may come."""
        names = []
        for slot in interface.slots:
            name = self.work.data_names[slot.key]
            names.append(name)
            if slot.labels and name in self._label_names():
                names.append(f"{name}_labels")
        return names

    def _compute(self, source: Source, interface: Interface) -> None:
        source.blank(1)
        with source.indented(f"def compute({', '.join(self.arguments(interface))})"):
            for key in sorted(self.work.dense):
                name = self.work.data_names[key]
                if name in self._label_names():
                    classes = self.work.index(interface.slot[key].axes[0])
                    with source.indented(f"if {name} is None"):
                        dense = f"np.eye({classes}, dtype=dtype)[{name}_labels]"
                        source.raw(f"{name} = {dense}.reshape(steps, batch, {classes})")
            for expression, name in self.work.prelude.items():
                head, mark, note = name.partition("  #")
                source.raw(f"{head} = {expression}{mark}{note}")
            for block in self.blocks:
                source.blank(1)
                source.comment(block.comment)
                self._block(source, block)
            source.blank(1)
            loss = deref(Arg(self.work.schedule.program.loss)).op
            results = [self._result(key, op, interface) for key, op in self.work.schedule.program.gradients.items()]
            source.raw(f"return {self._scalar(loss)}, ({', '.join(results)},)")

    def _scalar(self, op: Op) -> str:
        if op.kind == "number":
            return repr(float(op.data[0]))
        return self.work.name_of(op)

    def _result(self, key: str, op: Op, interface: Interface) -> str:
        inner = deref(Arg(op)).op
        slot = interface.slot[key]
        lead = ["steps"] if slot.timed else []
        if inner.kind in ("number", "full") and not inner.data[-1]:
            lead += ["batch"] if slot.per_example else []
            shape = ", ".join([*lead, *(self.work.index(a) for a in slot.inner)])
            return f"np.zeros({tuple_text(shape)}, dtype)"
        source = self.gradient(op)
        if slot.per_example and not inner.batched:
            shape = ", ".join([*lead, "batch", *(self.work.index(a) for a in slot.inner)])
            spread = f"{source}[:, None]" if slot.timed else source
            return f"np.broadcast_to({spread}, {tuple_text(shape)})"
        return source

    def _block(self, source: Source, block: Block) -> None:
        for line in block.before:
            source.raw(line)
        if block.outer:
            with source.indented(block.outer):
                with source.indented(block.header):
                    self._lines(source, block.lines)
                self._lines(source, block.inner_after)
        elif block.header:
            with source.indented(block.header):
                self._lines(source, block.lines)
        else:
            self._lines(source, block.lines)
        for line in block.after:
            source.raw(line)

    def _lines(self, source: Source, lines: list[str]) -> None:
        for line in lines:
            if line.startswith(AFTER):
                for derived in self.work.derived.get(line.removeprefix(AFTER), []):
                    source.raw(derived)
            elif line.startswith("# "):
                source.comment(line[2:])
            else:
                source.raw(line)


def without_unused(setup: list[str], body: list[str]) -> tuple[list[str], list[str]]:
    """The lines without assignments to names that nothing reads, and their comments."""
    while True:
        code = re.sub(r"#.*", "", "\n".join([*setup, *body]))
        counts = Counter(re.findall(r"\b[A-Za-z_]\w*", code))

        def unused(line: str, counts: Counter[str] = counts) -> bool:
            found = re.match(r"\s*([A-Za-z_]\w*) = ", line)
            return found is not None and counts[found.group(1)] == 1

        kept_setup = [line for line in setup if not unused(line)]
        kept: list[str] = []
        for line in body:
            if unused(line):
                while kept and kept[-1].lstrip().startswith("#") and "  (" in "".join(kept[-1:]):
                    kept.pop()
            else:
                kept.append(line)
        if len(kept_setup) == len(setup) and len(kept) == len(body):
            return setup, body
        setup, body = kept_setup, kept


def short_vectors(work: Workspace, packs: list[Pack]) -> str:
    """The test that chooses between the schedules, from the sizes of the vectors in the loops; measured crossovers."""
    loops = [op for s in work.schedule.stages if s.kind == "loop" for op in s.ops]
    sizes = dict.fromkeys(work.index(op.axes[0]) for op in loops if op.axes)
    longest = next(iter(sizes)) if len(sizes) == 1 else f"max({', '.join(sizes)})"
    gates = max(len(pack.forms) for pack in packs)
    if gates == 1:
        return f"{longest} <= 16 and {longest} * batch <= 128"
    return f"{longest} <= 16 and {longest} * batch <= 1024 or {longest} <= 64 and batch == 1"


def tuple_text(items: str) -> str:
    """A tuple of some items."""
    return f"({items})" if not items or "," in items else f"({items},)"
