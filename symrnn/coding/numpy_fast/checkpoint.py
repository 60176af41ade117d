"""Checkpoints: few states of a long sequence are kept, and what lies between two of them is computed again on the way
back.

The schedules of the module serve one segment.  A function of its own goes through the segments, once forward for their
first states alone and once back with everything else.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.compute import Compute, tuple_text
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.python_source import Source
from symrnn.errors import UnsupportedError
from symrnn.language import Cell, Declaration, Node, Role, Start, Variable, build
from symrnn.language.traversal import variables
from symrnn.planning import arrays
from symrnn.planning.graph import Arg, Program
from symrnn.planning.graph_builder import Builder
from symrnn.planning.interface import Interface, Slot
from symrnn.planning.segments import Boundary, Segment, inner_product
from symrnn.planning.system import System, build_system

NOTES = """
Not all states are kept: the sequence is cut into segments of about sqrt(2 steps) steps (longer ones where these fit the
cache), the first state of each is kept, and the rest computed again on the way back.
"""

TITLE = "Segment by segment, from the last to the first; only the state that each begins with is kept."

HEADER = """
length = max({least}, int(np.ceil(np.sqrt(2 * steps))), KEPT_BYTES // max(1, {step_bytes}))
bounds = _segments(steps, length, {least})
count, lengths = len(bounds), {{j - i for i, j in bounds}}
"""


SEGMENTS = '''
def _segments(steps, length, least):
    """Where segments begin and end: about so long, all alike but for the first, which is none or as short as can be."""
    longest = min(length + length // 4, steps)
    sizes = [size for size in range(min(length, steps), longest + 1) if steps % size == 0 or steps % size >= least]
    size = min(sizes or [steps], key=lambda size: steps % size)
    return [(max(0, end - size), end) for end in range(steps % size or size, steps + 1, size)]
'''


def states_program(system: System, segment: Segment) -> Program:
    """The states that a segment leaves, and nothing else."""
    builder = Builder(system)
    builder.define()
    leaves = {}
    for boundary in segment.boundaries:
        variable = builder.variables[boundary.state.name, Role.COMPUTED]
        data = (boundary.time,)
        leaves[boundary.key] = builder.node("at", [Arg(variable)], data, variable.axes, timed=False, adjoint=False)
    nothing = builder.node("number", [], (0,), ())
    return Program(system, builder.variables, nothing, leaves, {})


def step_bytes(work: Workspace) -> str:
    """What a segment's buffers take for each step, as source."""
    widths: dict[str, int] = {}
    for slot in work.storage.buffers():
        width = " * ".join(work.factor(a) for a in slot.axes) or "1"
        widths[width] = widths.get(width, 0) + 1
    total = " + ".join(w if c == 1 else f"{c} * {w}" for w, c in widths.items()) or "1"
    return f"({total}) * batch * dtype.itemsize"


@dataclass
class Checkpoints:
    """Writes the function that goes through the segments; ``outer`` speaks of the whole sequence, ``parts`` of one."""

    segment: Segment
    cell: Cell
    system: System
    interface: Interface
    outer: Workspace
    inner: Interface
    inner_system: System
    parts: list[Compute]
    states: Compute
    chosen: str
    step_bytes: str
    least: int

    def __post_init__(self) -> None:
        give = self.outer.names.give
        self.kept = {b.key: give(f"{self._base(b.key)}_kept") for b in self.segment.boundaries}
        self.mu = {b.key: give(f"mu_{self._base(b.key)}") for b in self.segment.boundaries}
        self.later = {name: give(later) for name, later in self.segment.later.items()}
        self.totals = {key: give(f"total_{key}") for key in self._summed()}
        self.writer = NumpyWriter(self._load, self.outer.index_names, self.outer.relu0, self.outer.helpers)

    def _base(self, key: str) -> str:
        return key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")

    def _summed(self) -> list[str]:
        boundaries = {b.key for b in self.segment.boundaries}
        return [key for key in self.parts[0].work.schedule.program.gradients if key not in boundaries]

    def _load(self, load: arrays.Load) -> ast.expr:
        return py.name(self.mu.get(load.name) or self.outer.data_names[load.name])

    def helpers(self) -> list[str]:
        """Functions that the schedules of a segment use."""
        return [name for part in (*self.parts, self.states) for name in part.work.helpers]

    def sources(self, arguments: list[str]) -> list[Source]:
        """The schedules of a segment, and the function that goes through the segments."""
        found = [Source()]
        self.write(found[0], arguments)
        for part in (*self.parts, self.states):
            found.append(Source())
            part.write(found[-1], self.inner_system, self.inner)
        return found

    # ---- the function

    def write(self, source: Source, arguments: list[str]) -> None:
        """It makes buffers and the functions for segments, and returns what computes with them."""
        sizes = [self.outer.index_names[r.size] for r in self.interface.sizes]
        with source.indented(f"def _checkpointed({', '.join([*sizes, 'steps', 'batch', 'dtype'])})"):
            source.raw(f'"""{TITLE}"""')
            source.block(HEADER.format(least=self.least, step_bytes=self.step_bytes))
            mine = ", ".join(self.outer.index_names[r.size] for r in self.inner.sizes)
            given = f"{mine + ', ' if mine else ''}size, batch, dtype"
            if len(self.parts) > 1:
                source.raw(f"short = {self.chosen}")
                source.raw("make = _few_calls if short else _all_at_once")
            else:
                source.raw("make = _all_at_once")
            source.raw(f"segment = {{size: make({given}) for size in lengths}}")
            source.raw(f"to_the_next = {{size: {self.states.name}({given}) for size in lengths if count > 1}}")
            self._buffers(source)
            source.blank(1)
            with source.indented(f"def compute({', '.join(arguments)})"):
                self._body(source)
            source.raw("return compute")

    def _buffers(self, source: Source) -> None:
        for boundary in self.segment.boundaries:
            axes = self._axes(self.inner.slot[boundary.key])
            source.raw(f"{self.kept[boundary.key]} = np.empty({tuple_text(', '.join(['count', *axes]))}, dtype)")
            source.raw(f"{self.mu[boundary.key]} = np.empty({tuple_text(', '.join(axes))}, dtype)")
        for state, name in self.later.items():
            slot = self.inner.slot[self.segment.later[state]]
            shape = tuple_text(", ".join(["size", *self._axes(slot)]))
            source.raw(f"{name} = {{size: np.zeros({shape}, dtype) for size in lengths}}")
        for key, name in self.totals.items():
            slot = self.inner.slot[key]
            shape = ", ".join([*(["steps"] if slot.timed else []), *self._axes(slot)])
            source.raw(f"{name} = np.empty({tuple_text(shape)}, dtype)")
        source.raw("numbers = [np.array(number, dtype) for number in (0, 1, steps)]")
        source.raw("begins = [np.array(i, dtype) for i, j in bounds]")

    def _axes(self, slot: Slot) -> list[str]:
        return [*(["batch"] if slot.per_example else []), *(self.outer.index(a) for a in slot.inner)]

    def _body(self, source: Source) -> None:
        source.comment("The first state of every segment.")
        for initial in self.system.initials:
            source.raw(f"{self.kept[initial.key]}[0] = {self._start(initial.key)}")
        with source.indented("for k in range(count - 1)"):
            source.raw("i, j = bounds[k]")
            keys = [b.key for b in self.segment.boundaries]
            targets = ", ".join(f"{self.kept[key]}[k + 1]" for key in keys)
            call = f"to_the_next[j - i]({', '.join(self._arguments())})"
            source.raw(f"_, ({targets},) = {call}")
        source.blank(1)
        source.comment("Back: mu is the derivative of all later losses by the state that a segment leaves.")
        source.raw("loss_sum = 0.0")
        for key in self.mu:
            source.raw(f"{self.mu[key]}.fill(0)")
        for key, name in self.totals.items():
            if not self.inner.slot[key].timed:
                source.raw(f"{name}.fill(0)")
        with source.indented("for k in reversed(range(count))"):
            source.raw("i, j = bounds[k]")
            for boundary in self.segment.boundaries:
                source.raw(f"{self.later[boundary.state.name]}[j - i][-{boundary.back}] = {self.mu[boundary.key]}")
            source.raw(f"loss_part, found = segment[j - i]({', '.join(self._arguments())})")
            source.raw("loss_sum += loss_part")
            for place, key in enumerate(self.parts[0].work.schedule.program.gradients):
                if key in self.mu:
                    source.raw(f"{self.mu[key]}[...] = found[{place}]")
                elif self.inner.slot[key].timed:
                    source.raw(f"{self.totals[key]}[i:j] = found[{place}]")
                else:
                    source.raw(f"np.add({self.totals[key]}, found[{place}], {self.totals[key]})")
        for key, text in self._through_starts().items():
            source.comment(f"dL/d{key}: what comes through the initial state")
            source.raw(f"np.add({self.totals[key]}, {text}, {self.totals[key]})")
        results = ", ".join(self._result(g.key) for g in self.system.gradients)
        source.raw(f"return loss_sum, ({results},)")

    def _result(self, key: str) -> str:
        if key not in self.mu:
            return self.totals[key]
        return self.mu[key] if self.interface.slot[key].per_example else f"{self.mu[key]}.sum(0)"

    # ---- what a segment is given

    def _arguments(self) -> list[str]:
        found = []
        labelled = self.parts[0].work.labelled
        special = {self.segment.is_last: "numbers[k == count - 1]", self.segment.length: "numbers[2]"}
        special[self.segment.offset] = "begins[k]"
        later = {self.segment.later[state]: name for state, name in self.later.items()}
        for slot in self.inner.slots:
            if slot.key in self.kept:
                found.append(f"{self.kept[slot.key]}[k]")
            elif slot.key in later:
                found.append(f"{later[slot.key]}[j - i]")
            elif slot.key in special:
                found.append(special[slot.key])
            else:
                found += self._sliced(slot, slot.key in labelled)
        return found

    def _sliced(self, slot: Slot, labelled: bool) -> list[str]:
        name = self.outer.data_names[slot.key]
        if not labelled:
            return [f"{name}[i:j]" if slot.timed else name]
        if not slot.timed:
            return [name, f"{name}_labels"]
        rows = f"{name}_labels[i * batch : j * batch]"
        return [f"None if {name} is None else {name}[i:j]", f"None if {name}_labels is None else {rows}"]

    # ---- initial states that are expressions

    def _start(self, key: str) -> str:
        if key in self.outer.data_names:
            return self.outer.data_names[key]
        initial = next(i for i in self.system.initials if i.key == key)
        assert initial.start is not None
        if any(load.role is Role.COMPUTED for load in arrays.loads(initial.start)):
            raise UnsupportedError(f"{key} is computed from other variables, and a segment begins with data")
        return py.unparse(self.writer.expression(initial.start))

    def _through_starts(self) -> dict[str, str]:
        """The gradients of parameters by way of initial states: those of Σ μ · start."""
        starting = [b for b in self.segment.boundaries if self.cell.state[b.state.name].start == Start.EXPRESSION]
        wanted = [g.key for g in self.system.gradients if g.key not in self.mu]
        terms = [self._inner_product(b) for b in starting]
        read = {v.name for b in starting for v in variables(self.cell.state[b.state.name].initial or build.number(0))}
        keys = [key for key in wanted if key in read]
        if not keys:
            return {}
        targets = tuple(Declaration(b.key, Role.TARGET, b.state.shape) for b in starting)
        from_starts = Cell(
            self.cell.name,
            self.cell.sizes,
            (*(d for d in self.cell.declarations if not d.timed), *targets),
            (),
            (),
            self.cell.time,
            build.add(*terms),
            equal_sizes=self.cell.equal_sizes,
        )
        found = build_system(from_starts, keys, fold_constants=True)
        return {g.key: py.unparse(self.writer.expression(g.expression)) for g in found.gradients}

    def _inner_product(self, boundary: Boundary) -> Node:
        state = self.cell.state[boundary.state.name]
        assert state.initial is not None
        return inner_product(Variable(boundary.key, Role.TARGET, state.shape, None), state.initial)
