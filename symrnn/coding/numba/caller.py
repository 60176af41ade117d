"""What the caller sees of a compiled function: it checks names, shapes and types, and keeps the buffers."""

from __future__ import annotations

from symrnn.coding.numba.fast import FastGradients, inner_shape, names_of
from symrnn.coding.numpy_fast.compute import tuple_text
from symrnn.coding.python_source import Source
from symrnn.planning.interface import Interface, Slot

MAKER = '''
"""A function loss_and_gradients(params, inputs, targets, initial=None) for these sizes, with buffers of its own.

It reuses its buffers: the gradients that it returns are overwritten by the next call.
"""
dtype = np.dtype(dtype)
'''


class Caller:
    """Writes ``make_loss_and_gradients`` and ``loss_and_gradients``; for fewer than ``least`` steps ``few`` serves."""

    def __init__(self, fast: FastGradients, least: int, few: str, dtype: str | None = None) -> None:
        self.dtype = dtype or "float64"
        self.fast, self.work, self.least, self.few = fast, fast.work, least, few
        self.interface: Interface = fast.interface
        self.sizes = [self.work.index_names[r.size] for r in self.interface.sizes]
        self.labelled = [s for s in self.interface.slots if s.labels]
        if self.labelled:
            fast.helpers.update(dict.fromkeys(("in_range", "mark")))

    def write(self, source: Source) -> None:
        """Both functions."""
        arguments = ", ".join([*self.sizes, "steps", "batch=None", f"dtype=np.{self.dtype}"])
        with source.indented(f"def make_loss_and_gradients({arguments})"):
            source.block(MAKER)
            if self.least > 1:
                with source.indented(f"if steps < {self.least}"):
                    source.raw(f"return {self.few}")
            source.raw("has_batch, batch = batch is not None, batch or 1")
            self._buffers(source)
            self._shapes(source)
            source.raw("results = {")
            for key, text in self.fast.roots.items():
                source.raw(f"    {key!r}: {text},")
            source.raw("}")
            self._slowly(source)
            self._quickly(source)
            source.raw("return loss_and_gradients")
        source.blank(2)
        with source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            source.raw('"""The loss, summed over the batch, and its gradients by name, in the shapes of the arrays."""')
            source.raw("data = _unpack(params, inputs, targets, initial)")
            source.raw("batch = data['batch'] if data['has_batch'] else None")
            given = [*(f"data[{r.size!r}]" for r in self.interface.sizes), "data['steps']", "batch", "data['dtype']"]
            source.raw(f"made = make_loss_and_gradients({', '.join(given)})")
            source.raw("return made(params, inputs, targets, initial)")

    def _buffers(self, source: Source) -> None:
        shapes = {m.name: m.shape(self.work) for m in self.fast.memories}
        for line in self.fast.times(names_of([*shapes.values(), *self.fast.roots.values()])):
            source.raw(line)
        for name, shape in shapes.items():
            source.raw(f"{name} = np.empty({shape}, dtype)")
        source.raw(f"buffers = {tuple_text(', '.join(shapes))}")

    def _shapes(self, source: Source) -> None:
        source.raw("lead = (batch,) if has_batch else ()")
        for slot in self.interface.slots:
            name = self.work.data_names[slot.key]
            axes = [self.work.index(a) for a in slot.axes]
            items = [*(["steps"] if slot.timed else []), *(["*lead"] if slot.per_example else []), *axes]
            if slot.is_array or any(f"({name}_shape" in text for text in self.fast.roots.values()):
                source.raw(f"{name}_shape = {tuple_text(', '.join(items))}")
            if slot.labels:
                source.raw(f"{name}_marked = np.zeros({inner_shape(self.work, slot)}, dtype)")

    def _call(self, values: dict[str, str]) -> str:
        given = [values[s.key] for s in self.fast.slots]
        return f"_all_steps({', '.join(['steps', 'batch', *self.sizes, *given])}, *buffers)"

    def _slowly(self, source: Source) -> None:
        source.blank(1)
        with source.indented("def slowly(params, inputs, targets, initial)"):
            source.raw('"""The same for arrays of other types, or with a mistake, which is told."""')
            source.raw("data = _unpack(params, inputs, targets, initial)")
            letters = ", ".join([*(r.size for r in self.interface.sizes), "steps", "batch"])
            mine = ", ".join([*self.sizes, "steps", "batch"])
            theirs = [*(f"data[{r.size!r}]" for r in self.interface.sizes), "data['steps']", "data['batch']"]
            source.raw(f"given = ({', '.join(theirs)})")
            with source.indented(f"if given != ({mine}) or data['has_batch'] != has_batch"):
                source.raw("raise ValueError(")
                source.raw(f"    f'the arrays have ({letters}) = {{given}}, but this function was made for '")
                source.raw(f"    f'({letters}) = {{({mine})}}'")
                source.raw(")")
            ready = {s.key: f"_ready(data[{s.key!r}], {inner_shape(self.work, s)}, dtype)" for s in self.fast.slots}
            source.raw(f"loss = {self._call(ready)}")
            with source.indented("if not abs(loss) < np.inf"):
                source.raw("_explain_non_finite(data['given'])")
            source.raw("return dtype.type(loss), {key: _like(g, data['given'][key]) for key, g in results.items()}")

    def _quickly(self, source: Source) -> None:
        groups = ("params", "inputs", "targets", "initial")
        expected = [str(len(self.interface.group(g))) for g in groups]
        found = ["len(params)", "len(inputs)", "len(targets)", "len(initial or ())"]
        for slot in self.interface.slots:
            if slot.is_array and not slot.labels:
                name = self.work.data_names[slot.key]
                expected += [f"{name}_shape", "dtype", "True"]
                found += [f"{name}.shape", f"{name}.dtype", f"{name}.flags.carray"]
        source.blank(1)
        source.raw(f"expected = ({', '.join(expected)})")
        source.blank(1)
        with source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            source.raw('"""The loss and its gradients by name; they stand in buffers that the next call overwrites."""')
            with source.indented("try"):
                for slot in self.interface.slots:
                    text = f"{slot.group}[{slot.key!r}]"
                    value = text if slot.is_array else f"np.asarray({text}, dtype)"
                    source.raw(f"{self.work.data_names[slot.key]} = {value}")
                source.raw(f"fits = ({', '.join(found)}) == expected")
                for slot in self.labelled:
                    self._labels(source, slot)
            with source.indented("except (KeyError, TypeError, AttributeError, IndexError)"):
                source.raw("fits = False")
            with source.indented("if not fits"):
                source.raw("return slowly(params, inputs, targets, initial)")
            self._mark(source, "1.0")
            source.raw(f"loss = {self._call({s.key: self._shaped(s) for s in self.fast.slots})}")
            self._mark(source, "0.0")
            with source.indented("if not abs(loss) < np.inf"):
                source.raw("_explain_non_finite(_unpack(params, inputs, targets, initial)['given'])")
            source.raw("return dtype.type(loss), results.copy()")

    def _labels(self, source: Source, slot: Slot) -> None:
        """Class labels mark their places in an array of zeros, which is wiped after use."""
        name = self.work.data_names[slot.key]
        source.raw(f"{name}_labels = None")
        with source.indented(f"if {name}.dtype.kind in 'iu' and {name}.shape == {name}_shape[:-1]"):
            source.raw(f"{name}_labels, {name} = {name}.reshape(-1), {name}_marked")
            source.raw(f"fits = fits and in_range({name}_labels, {self.work.index(slot.axes[0])})")
        with source.indented("else"):
            source.raw(f"mine = ({name}.shape, {name}.dtype, {name}.flags.carray)")
            source.raw(f"fits = fits and mine == ({name}_shape, dtype, True)")

    def _mark(self, source: Source, value: str) -> None:
        for slot in self.labelled:
            name = self.work.data_names[slot.key]
            with source.indented(f"if {name}_labels is not None"):
                source.raw(f"mark({name}_marked, {name}_labels, {value})")

    def _shaped(self, slot: Slot) -> str:
        name = self.work.data_names[slot.key]
        if slot.per_example or slot.axes != slot.inner:
            return f"{name}.reshape({inner_shape(self.work, slot)})"
        return name
