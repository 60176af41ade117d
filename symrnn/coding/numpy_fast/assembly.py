"""The fast NumPy module as a whole: what it takes, the forward pass, the function with buffers, the one without."""

from __future__ import annotations

import ast

from symrnn.coding import python_source as py
from symrnn.coding.numpy_fast.body import FastBody, gradient_source, make_workspace
from symrnn.coding.numpy_fast.caller import Caller
from symrnn.coding.numpy_fast.checkpoint import NOTES as CHECKPOINT_NOTES
from symrnn.coding.numpy_fast.checkpoint import SEGMENTS, Checkpoints, states_program, step_bytes
from symrnn.coding.numpy_fast.compute import NARROW, WIDE, Compute, short_vectors
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.numpy_narrow.body import NarrowBody, gradient_place
from symrnn.coding.numpy_plain.module import ROWS, plain_module
from symrnn.coding.numpy_source.helpers import HELPERS
from symrnn.coding.numpy_source.interface import CHECKS, DIAGNOSIS, LIKE, equation_lines, write_tables
from symrnn.coding.numpy_source.lengths import MASKS, Lengths, with_lengths
from symrnn.coding.numpy_source.lengths import NOTES as LENGTHS_NOTES
from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Source, wrap
from symrnn.errors import UnsupportedError
from symrnn.language import Cell
from symrnn.planning.graph_builder import build_program
from symrnn.planning.interface import Interface, Slot, build_interface
from symrnn.planning.packing import packed_storage
from symrnn.planning.planner import plan_schedule
from symrnn.planning.schedule import Schedule
from symrnn.planning.segments import segment_of
from symrnn.planning.stacking import plan_narrow
from symrnn.planning.storage import Storage, assign_storage
from symrnn.planning.system import System, build_system
from symrnn.planning.truncating import check_truncation
from symrnn.planning.windows import with_lines_for_windows

RESERVED = (
    *("np", "params", "inputs", "targets", "initial", "steps", "batch", "has_batch", "dtype", "given", "data"),
    *("loss", "gradients", "compute", "found", "expected", "first", "span", "when", "places", "i", "j", "rows"),
    *("infinite", "WINDOW", "age", "variables", "final_state", "range", "len", "sum", "float", "int", "dict", "list"),
    *("zip", "slice", "min", "max", "abs", "step", "sigmoid", "softmax", "log_softmax", "layernorm", "l", "O", "I"),
    *("t", "answer", "add", "subtract", "multiply", "divide", "negative", "copyto", "matmul", "maximum", "heaviside"),
    *("logaddexp", "power", "tanh", "exp", "log", "sqrt", "sin", "cos", "add_reduce", "maximum_reduce", "moment"),
    *("fits", "slowly", "lead", "fine", "types", "loss_and_gradients", "make_loss_and_gradients", "forward"),
)
"""Names that the module needs, and those that are hard to read: a cell's own names step aside."""

FEW_STEPS = "_of_few_steps"

NOTES = """
make_loss_and_gradients(sizes, steps, batch, dtype) -> loss_and_gradients with buffers of its own, for many calls
loss_and_gradients(params, inputs, targets, initial=None) -> (loss, gradients), which allocates and keeps nothing
forward(params, inputs, initial=None) -> (variables, final_state)

All are dicts of arrays by the names above.  Sequences are time-major, (steps, n) or (steps, batch, n); a column is
an (n,) array.  The loss is summed over the batch.  What does not depend on the previous step is done for all times at
once: "project" before the loop over the steps, "head" between it and the loop back, "gradients" after that.
"""

PIECES = '''
def _pieces(steps, step_bytes):
    """Cut all times into pieces whose working set fits the cache: [(0, 16), (16, 32), ...]."""
    length = max(1, PIECE_BYTES // max(1, step_bytes))
    return [(i, min(i + length, steps)) for i in range(0, steps, length)]


def _cut(array, pieces, rows):
    """Views of the pieces of an array with so many rows for each time."""
    return [array[i * rows : j * rows] for i, j in pieces]


def _cut_same(array, pieces, rows):
    """Views of the beginning of an array, as long as each piece."""
    return [array[: (j - i) * rows] for i, j in pieces]
'''


def assemble(cell: Cell, options: CodeOptions) -> str:
    """The module's source.

    Raises UnsupportedError where the planner cannot run the recursion step by step.
    """
    given = with_lengths(cell, options)
    cell, options = given.cell, given.options
    truncate = options.window is not None
    lined = with_lines_for_windows(build_system(cell, options.wrt, fold_constants=True, by_age=truncate))
    if truncate:
        check_truncation(lined.system)
    system = lined.system
    if not system.has_batch or not system.gradients:
        raise UnsupportedError("nothing that is given has one value per example")
    interface = build_interface(system)
    parts = _schedules(system, interface, options)
    checkpoints = _checkpoints(given, system, interface, parts[0].work) if options.checkpoint else None
    return _Assembly(given, system, interface, parts, lined.least, checkpoints).text()


def _schedules(system: System, interface: Interface, options: CodeOptions) -> list[Compute]:
    """The wide schedule, and the narrow one where there is one."""
    truncate = options.window is not None
    schedule = plan_schedule(build_program(system), truncate)
    parts = [_wide("_all_at_once", WIDE, packed_storage(schedule), interface, options.relu0)]
    narrow = _narrow(schedule, interface, options.relu0) if not truncate else None
    return [*parts, narrow] if narrow is not None else parts


def _wide(name: str, about: str, storage: Storage, interface: Interface, relu0: float) -> Compute:
    work = make_workspace(storage, interface, RESERVED, relu0)
    body = FastBody(storage, interface, work)
    return Compute(name, about, work, body.build(), lambda op: gradient_source(work, op).source)


def _checkpoints(given: Lengths, system: System, interface: Interface, outer: Workspace) -> Checkpoints:
    """The same for a segment, with what goes through all of them."""
    segment = segment_of(given.cell)
    boundaries = {b.key for b in segment.boundaries}
    wanted = [g.key for g in system.gradients if g.key not in boundaries]
    keys = [*wanted, *(b.key for b in segment.boundaries)]
    lined = with_lines_for_windows(build_system(segment.cell, keys, fold_constants=True, of=segment.scalar))
    inner = build_interface(lined.system)
    parts = _schedules(lined.system, inner, given.options)
    for part in parts:
        part.share(parts)
    outer.labelled = set(parts[0].work.labelled)
    storage = packed_storage(plan_schedule(states_program(lined.system, segment)))
    states = _wide("_states", "The states that a segment leaves.", storage, inner, given.options.relu0)
    states.work.labelled = set(parts[0].work.labelled)
    chosen = short_vectors(parts[1].work, parts[1].packs) if len(parts) > 1 else ""
    least = max(segment.least, lined.least)
    bytes_ = step_bytes(parts[0].work)
    return Checkpoints(
        segment, given.cell, system, interface, outer, inner, lined.system, parts, states, chosen, bytes_, least
    )


def _narrow(schedule: Schedule, interface: Interface, relu0: float) -> Compute | None:
    """The schedule for short vectors, where the cell has one."""
    try:
        plan = plan_narrow(schedule)
        if not plan.packs:
            return None
        storage = assign_storage(schedule, plan.stacked())
        work = make_workspace(storage, interface, RESERVED, relu0)
        body = NarrowBody(plan, storage, interface, work)
        return Compute("_few_calls", NARROW, work, body.build(), lambda op: gradient_place(body, op), plan.packs)
    except UnsupportedError:
        return None


class _Assembly(Caller):
    def __init__(
        self,
        given: Lengths,
        system: System,
        interface: Interface,
        parts: list[Compute],
        least: int,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.cell, self.system, self.parts, self.options = given.cell, system, parts, given.options
        self.checkpoints = checkpoints
        if checkpoints is None:
            for part in parts:
                part.share(parts)
        self.least = max(least, checkpoints.least) if checkpoints is not None else least
        super().__init__(interface, parts[0].work, plain_module(given))
        if interface.length_slot is None:
            raise UnsupportedError("nothing that is given has a time axis")

    def text(self) -> str:
        maker = Source()
        self._maker(maker)
        computes = []
        for part in self.parts if self.checkpoints is None else ():
            computes.append(Source())
            part.write(computes[-1], self.system, self.interface)
        if self.checkpoints is not None:
            computes = self.checkpoints.sources(self.parts[0].arguments(self.interface))
        allocating = Source()
        self._allocating(allocating)
        self.plain.source = Source()
        self.plain.write_forward()
        if self.least > 1:
            self.plain.source.blank(2)
            meaning = f"The same line by line, for fewer than {self.least} steps."
            self.plain.write_loss_and_gradients(FEW_STEPS, meaning)
        head = Source()
        self._head(head)
        used = self.checkpoints.helpers() if self.checkpoints is not None else ()
        for name in dict.fromkeys([*self.work.helpers, *used, *self.plain.writer.helpers]):
            head.blank(2)
            head.block(HELPERS[name])
        parts = [head, maker, allocating, *computes, self.plain.source]
        masks = [MASKS] if self.plain.masks else []
        segments = [SEGMENTS] if self.checkpoints is not None else []
        helpers = [PIECES, *segments, CHECKS, *masks, LIKE, DIAGNOSIS, *([ROWS] if self.plain.uses_rows else [])]
        texts = ["\n".join(p.lines).strip("\n") for p in parts] + [h.strip("\n") for h in helpers]
        return "\n\n\n".join(texts) + "\n"

    def _head(self, head: Source) -> None:
        cell = self.cell
        head.raw(f'"""Loss and gradients of the cell "{cell.name}": the fast version.')
        head.raw()
        for line in equation_lines(cell):
            for part in wrap(line, 108):
                head.raw(f"    {part}")
        head.raw()
        head.block(NOTES)
        if self.plain.masks:
            head.raw()
            head.block(LENGTHS_NOTES)
        if self.checkpoints is not None:
            head.raw()
            head.block(CHECKPOINT_NOTES)
        head.raw('"""')
        head.raw()
        head.raw("import numpy as np")
        head.blank(1)
        head.raw("PIECE_BYTES = 1 << 20  # the working set of what is done for all times at once: about a cache")
        if any(slot.labels for slot in self.interface.slots):
            head.raw("UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}")
        if self.checkpoints is not None:
            head.raw("KEPT_BYTES = 1 << 20  # what a segment may keep at the least: what fits the cache is not saved")
        head.blank(1)
        write_tables(head, self.system, self.interface, self.plain.writer, self.options, self.plain.lengths)

    # ---- make_loss_and_gradients

    def _maker(self, source: Source) -> None:
        arguments = ", ".join([*self._sizes(), "steps", "batch=None", f"dtype=np.{self.options.dtype or 'float64'}"])
        with source.indented(f"def make_loss_and_gradients({arguments})"):
            source.block('''
"""A function loss_and_gradients(params, inputs, targets, initial=None) for these sizes, with buffers of its own.

It reuses its buffers: the gradients that it returns are overwritten by the next call.
"""
''')
            source.raw("dtype = np.dtype(dtype)")
            if self.least > 1:
                with source.indented(f"if steps < {self.least}"):
                    source.raw(f"return {FEW_STEPS}")
            source.raw("has_batch, batch = batch is not None, batch or 1")
            given = ", ".join([*self._sizes(), "steps", "batch", "dtype"])
            if self.checkpoints is not None:
                source.raw(f"compute = _checkpointed({given})")
            elif len(self.parts) > 1:
                source.comment(
                    "Short vectors: a call costs more than its work, so there are few of them, on stacked vectors."
                )
                source.comment(
                    "Long ones: nothing is multiplied in the loops that could be outside, and nothing is copied."
                )
                source.raw(f"short = {short_vectors(self.parts[1].work, self.parts[1].packs)}")
                source.raw(f"compute = (_few_calls if short else _all_at_once)({given})")
            else:
                source.raw(f"compute = _all_at_once({given})")
            self._caller(source)
            source.raw("return loss_and_gradients")

    # ---- loss_and_gradients

    def _allocating(self, source: Source) -> None:
        length = self.interface.length_slot
        lead = self.interface.batch_slot
        assert length is not None
        with source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            source.raw('"""The loss, summed over the batch, and its gradients by name; allocates what it needs."""')
            with source.indented("try"):
                for rule in self.interface.sizes:
                    slot = self.interface.slot[rule.key]
                    axis: ast.expr = py.parse(f"{slot.group}[{rule.key!r}].shape[{rule.axis}]")
                    if rule.rest.terms:
                        axis = py.binary(axis, "-", self.work.writer.index(rule.rest))
                    if rule.divisor != 1:
                        axis = py.binary(axis, "//", py.constant(rule.divisor))
                    source.assign(self.work.index_names[rule.size], axis)
                source.raw(f"steps = len({length.group}[{length.key!r}])")
                source.raw(self._batch_line(lead))
                masks = self.plain.masks
                floats = [s for s in self.interface.slots if not s.labels and s.is_array and s.key not in masks]
                types = "".join(f"{s.group}[{s.key!r}].dtype, " for s in floats)
                if self.options.dtype or not floats:
                    source.raw("dtype = np.dtype(DTYPE)")
                else:
                    source.raw(f"types = ({types.rstrip()})")
                    source.raw("dtype = types[0] if types.count(types[0]) == len(types) else np.result_type(*types)")
                source.raw("fine = dtype.kind in 'fc' and steps > 0")
            with source.indented("except (KeyError, TypeError, AttributeError, IndexError, ValueError)"):
                source.raw("fine = False")
            with source.indented("if not fine"):
                given = "*_masked(inputs, targets)" if self.plain.masks else "inputs, targets"
                source.raw(f"data = _unpack(params, {given}, initial)")
                for rule in self.interface.sizes:
                    source.raw(f"{self.work.index_names[rule.size]} = data[{rule.size!r}]")
                source.raw("steps, dtype = data['steps'], data['dtype']")
                source.raw("batch = data['batch'] if data['has_batch'] else None")
            arguments = ", ".join([*self._sizes(), "steps", "batch", "dtype"])
            source.raw(f"return make_loss_and_gradients({arguments})(params, inputs, targets, initial)")

    def _batch_line(self, lead: Slot | None) -> str:
        if lead is None:
            return "batch = None"
        given = f"{lead.group}[{lead.key!r}]"
        own = len(lead.axes) + int(lead.timed)
        place = 1 if lead.timed else 0
        if lead.labels:
            return (
                f"batch = {given}.shape[{place}] if {given}.ndim == {own} + ({given}.dtype.kind not in 'iu') else None"
            )
        return f"batch = {given}.shape[{place}] if {given}.ndim == {own + 1} else None"
