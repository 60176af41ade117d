"""The fast NumPy module as a whole: what it takes, the forward pass, the function with buffers, the one without."""

from __future__ import annotations

import ast

from symrnn.emitting import python_source as py
from symrnn.emitting.numpy_compute import NARROW, WIDE, Compute, short_vectors, tuple_text
from symrnn.emitting.numpy_expression import HELPERS
from symrnn.emitting.numpy_fast import FastBody, gradient_source, make_workspace, plan_storage
from symrnn.emitting.numpy_interface import CHECKS, DIAGNOSIS, LIKE, write_tables
from symrnn.emitting.numpy_narrow import NarrowBody, gradient_place
from symrnn.emitting.numpy_plain import ROWS, PlainModule
from symrnn.emitting.options import CodeOptions
from symrnn.emitting.python_source import Source, wrap
from symrnn.emitting.text import to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Cell
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface, Slot, build_interface
from symrnn.planning.stacking import plan_narrow
from symrnn.planning.storage import Storage
from symrnn.planning.system import System, build_system
from symrnn.planning.windows import with_lines_for_windows

RESERVED = (
    *("np", "params", "inputs", "targets", "initial", "steps", "batch", "has_batch", "dtype", "given", "data"),
    *("loss", "gradients", "compute", "found", "expected", "first", "span", "when", "places", "i", "j", "rows"),
    *("infinite", "variables", "final_state", "range", "len", "sum", "float", "int", "dict", "list", "zip", "slice"),
    *("min", "max", "abs", "step", "sigmoid", "softmax", "log_softmax", "layernorm", "l", "O", "I", "t", "answer"),
    *("add", "subtract", "multiply", "divide", "negative", "copyto", "matmul", "maximum", "heaviside", "logaddexp"),
    *("power", "tanh", "exp", "log", "sqrt", "sin", "cos", "add_reduce", "maximum_reduce", "moment"),
    *("fits", "slowly", "lead", "fine", "loss_and_gradients", "make_loss_and_gradients", "forward"),
)

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
    lined = with_lines_for_windows(build_system(cell, options.wrt, fold_constants=True))
    system = lined.system
    if not system.has_batch or not system.gradients:
        raise UnsupportedError("nothing that is given has one value per example")
    storage = plan_storage(system)
    interface = build_interface(system)
    work = make_workspace(storage, interface, RESERVED, options.relu0)
    body = FastBody(storage, interface, work)
    parts = [Compute("_all_at_once", WIDE, work, body.build(), lambda op: gradient_source(work, op).source)]
    narrow = _narrow(storage, interface, options.relu0)
    if narrow is not None:
        parts.append(narrow)
    return _Assembly(cell, system, interface, parts, options, lined.least).text()


def _narrow(storage: Storage, interface: Interface, relu0: float) -> Compute | None:
    """The schedule for short vectors, where the cell has one."""
    try:
        work = make_workspace(storage, interface, RESERVED, relu0)
        plan = plan_narrow(storage.schedule)
        if not plan.packs:
            return None
        body = NarrowBody(plan, storage, interface, work)
        return Compute("_few_calls", NARROW, work, body.build(), lambda op: gradient_place(body, op), plan.packs)
    except UnsupportedError:
        return None


class _Assembly:
    def __init__(
        self,
        cell: Cell,
        system: System,
        interface: Interface,
        parts: list[Compute],
        options: CodeOptions,
        least: int,
    ) -> None:
        self.cell, self.system, self.interface, self.parts = cell, system, interface, parts
        self.work = parts[0].work
        for part in parts:
            part.share(parts)
        self.options = options
        self.least = least
        self.plain = PlainModule(build_system(cell, options.wrt), options)
        if interface.length_slot is None:
            raise UnsupportedError("nothing that is given has a time axis")

    def text(self) -> str:
        maker = Source()
        self._maker(maker)
        computes = []
        for part in self.parts:
            computes.append(Source())
            part.write(computes[-1], self.system, self.interface)
        allocating = Source()
        self._allocating(allocating)
        self.plain.source = Source()
        self.plain._forward()
        if self.least > 1:
            self.plain.source.blank(2)
            meaning = f"The same line by line, for fewer than {self.least} steps."
            self.plain._loss_and_gradients(FEW_STEPS, meaning)
        head = Source()
        self._head(head)
        for name in dict.fromkeys([*self.work.helpers, *self.plain.writer.helpers]):
            head.blank(2)
            head.block(HELPERS[name])
        parts = [head, maker, allocating, *computes, self.plain.source]
        helpers = [PIECES, CHECKS, LIKE, DIAGNOSIS, *([ROWS] if self.plain.uses_rows else [])]
        texts = ["\n".join(p.lines).strip("\n") for p in parts] + [h.strip("\n") for h in helpers]
        return "\n\n\n".join(texts) + "\n"

    def _head(self, head: Source) -> None:
        cell = self.cell
        head.raw(f'"""Loss and gradients of the cell "{cell.name}": the fast version.')
        head.raw()
        for equation in cell.equations:
            time = f"[{cell.time.index}]" if equation.timed else ""
            for line in wrap(f"{equation.name}{time} = {to_text(equation.expression)}", 108):
                head.raw(f"    {line}")
        if cell.loss is not None:
            head.raw(f"    {cell.loss_name} = {to_text(cell.loss)}")
        head.raw()
        head.block(NOTES)
        head.raw('"""')
        head.raw()
        head.raw("import numpy as np")
        head.blank(1)
        head.raw("PIECE_BYTES = 1 << 20  # the working set of what is done for all times at once: about a cache")
        head.blank(1)
        write_tables(head, self.system, self.interface, self.plain.writer, self.options.dtype)

    # ---- make_loss_and_gradients

    def _sizes(self) -> list[str]:
        return [self.work.index_names[r.size] for r in self.interface.sizes]

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
            if len(self.parts) > 1:
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

    def _label_names(self) -> set[str]:
        return {self.work.data_names[key] for key in self.work.labelled}

    # ---- the function that is made

    def _caller(self, source: Source) -> None:
        slots = self.interface.slots
        self._expectations(source)
        source.blank(1)
        with source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            source.raw('"""The loss and its gradients by name; they stand in buffers that the next call overwrites."""')
            with source.indented("try"):
                for group in ("params", "inputs", "targets", "initial"):
                    members = [s for s in slots if s.group == group]
                    if members:
                        names = ", ".join(self.work.data_names[s.key] for s in members)
                        values = ", ".join(self._taken(s) for s in members)
                        source.raw(f"{names} = {values}")
                found = ["len(params)", "len(inputs)", "len(targets)"]
                found.append("len(initial)" if any(s.group == "initial" for s in slots) else "len(initial or ())")
                for slot in slots:
                    if slot.is_array and not slot.labels:
                        name = self.work.data_names[slot.key]
                        found += [f"{name}.shape", f"{name}.dtype"]
                source.raw(f"fits = ({', '.join(found)}) == expected")
                for slot in slots:
                    if slot.labels:
                        self._labels(source, slot)
                source.raw("answer = compute(" + ", ".join(self._passed()) + ") if fits else None")
            with source.indented("except (KeyError, TypeError, AttributeError, IndexError)"):
                source.raw("answer = None")
            with source.indented("if answer is None"):
                source.raw("return slowly(params, inputs, targets, initial)")
            source.raw("loss, gradients = answer")
            with source.indented("if not abs(loss) < infinite"):
                source.raw("_explain_non_finite(_unpack(params, inputs, targets, initial)['given'])")
            source.raw("return loss, {")
            for place, (key, op) in enumerate(self.work.schedule.program.gradients.items()):
                source.raw(f"    {key!r}: {self._shown(key, op, place)},")
            source.raw("}")

    def _shown(self, key: str, op: Op, place: int) -> str:
        slot = self.interface.slot[key]
        name = self.work.data_names[key]
        seen = [deref(Arg(o)).op for o in self.work.schedule.program.gradients.values()]
        copied = ".copy()" if seen.index(deref(Arg(op)).op) < place and slot.axes else ""
        turned = self.plain.turned(key)
        if slot.per_example or slot.axes != slot.inner:
            return f"gradients[{place}].reshape({name}_shape){turned}{copied}"
        return f"gradients[{place}]{turned}{copied}"

    def _taken(self, slot: Slot) -> str:
        text = f"{slot.group}[{slot.key!r}]"
        return text if slot.is_array else f"np.asarray({text}, dtype)"

    def _expectations(self, source: Source) -> None:
        source.blank(1)
        source.raw("infinite = float('inf')")
        source.raw("lead = (batch,) if has_batch else ()")
        counts = {g: len(self.interface.group(g)) for g in ("params", "inputs", "targets", "initial")}
        expected = [str(count) for count in counts.values()]
        for slot in self.interface.slots:
            name = self.work.data_names[slot.key]
            axes = ", ".join(self.work.index(a) for a in slot.axes)
            parts = (
                (["steps"] if slot.timed else []) + (["*lead"] if slot.per_example else []) + ([axes] if axes else [])
            )
            shape = ", ".join(parts)
            if not slot.is_array:
                continue
            source.raw(f"{name}_shape = {tuple_text(shape)}")
            if not slot.labels:
                expected += [f"{name}_shape", "dtype"]
        source.raw(f"expected = ({', '.join(expected)})")
        source.blank(1)
        with source.indented("def slowly(params, inputs, targets, initial)"):
            source.raw('"""The same for arrays of other types, or with a mistake, which is told."""')
            source.raw("data = _unpack(params, inputs, targets, initial)")
            sizes = ", ".join(f"data[{r.size!r}]" for r in self.interface.sizes)
            mine = ", ".join(self._sizes())
            source.raw(f"given = ({sizes + ', ' if sizes else ''}data['steps'], data['batch'])")
            with source.indented(
                f"if given != ({mine + ', ' if mine else ''}steps, batch) or data['has_batch'] != has_batch"
            ):
                letters = ", ".join([*(r.size for r in self.interface.sizes), "steps", "batch"])
                source.raw(
                    f"raise ValueError(f'the arrays have ({letters}) = {{given}}, but this function was made for '"
                )
                source.raw(f"                 f'({letters}) = {{({mine + ', ' if mine else ''}steps, batch)}}')")
            values = []
            for slot in self.interface.slots:
                values.append(f"{self._for_every_example(slot)}.astype(dtype)")
                if slot.labels and self.work.data_names[slot.key] in self._label_names():
                    values.append("None")
            source.raw(f"loss, gradients = compute({', '.join(values)})")
            with source.indented("if not abs(loss) < infinite"):
                source.raw("_explain_non_finite(data['given'])")
            keys = tuple(self.work.schedule.program.gradients)
            source.raw(f"keys = {keys!r}")
            found = "{key: _like(np.asarray(g), data['given'][key]) for key, g in zip(keys, gradients)}"
            matrices = [key for key in keys if self.plain.turned(key)]
            if not matrices:
                source.raw(f"return loss, {found}")
                return
            source.raw(f"gradients = {found}")
            source.raw(f"gradients.update((key, gradients[key].swapaxes(-1, -2)) for key in {matrices!r})")
            source.raw("return loss, gradients")

    def _for_every_example(self, slot: Slot) -> str:
        """An array that was read in, with its batch axis: one initial value may have come for all examples."""
        value = f"data[{slot.key!r}]"
        if not slot.per_example or not slot.is_array:
            return value
        axes = [self.work.index(a) for a in slot.inner]
        shape = ", ".join([*(["steps"] if slot.timed else []), "batch", *axes])
        return f"np.broadcast_to({value}, {tuple_text(shape)})"

    def _labels(self, source: Source, slot: Slot) -> None:
        name = self.work.data_names[slot.key]
        labelled = name in self._label_names()
        shape = f"{name}_shape"
        with source.indented(f"if {name}.dtype.kind in 'iu' and {name}.shape == {shape}[:-1]"):
            source.raw(f"{name}_labels, {name} = {name}.reshape(-1), None")
            source.raw(f"fits = fits and {name}_labels.min() >= 0")
            if not labelled:
                classes = self.work.index(slot.axes[0])
                lead = (["steps"] if slot.timed else []) + ["batch"]
                source.raw(
                    f"{name} = np.eye({classes}, dtype=dtype)[{name}_labels].reshape({', '.join(lead)}, {classes})"
                )
        with source.indented("else"):
            if labelled:
                source.raw(f"{name}_labels = None")
            source.raw(f"fits = fits and {name}.shape == {shape} and {name}.dtype == dtype")

    def _passed(self) -> list[str]:
        found = []
        for slot in self.interface.slots:
            name = self.work.data_names[slot.key]
            labelled = slot.labels and name in self._label_names()
            if slot.per_example or slot.axes != slot.inner:
                lead = (["steps"] if slot.timed else []) + (["batch"] if slot.per_example else [])
                shape = ", ".join([*lead, *(self.work.index(a) for a in slot.inner)]) or "()"
                text = f"{name}.reshape({shape})"
                found.append(f"{name} if {name} is None else {text}" if labelled else text)
            else:
                found.append(name)
            if labelled:
                found.append(f"{name}_labels")
        return found

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
                floats = [s for s in self.interface.slots if not s.labels and s.is_array]
                types = ", ".join(f"{s.group}[{s.key!r}].dtype" for s in floats)
                source.raw(f"dtype = np.dtype(DTYPE or np.result_type({types}))")
                source.raw("fine = dtype.kind in 'fc' and steps > 0")
            with source.indented("except (KeyError, TypeError, AttributeError, IndexError, ValueError)"):
                source.raw("fine = False")
            with source.indented("if not fine"):
                source.raw("data = _unpack(params, inputs, targets, initial)")
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
