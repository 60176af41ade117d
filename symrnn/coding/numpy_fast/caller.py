"""The function that a fast module makes for some sizes: it checks at the least cost what it is given, and computes."""

from __future__ import annotations

from symrnn.coding.numpy_fast.compute import tuple_text
from symrnn.coding.numpy_fast.values import Workspace
from symrnn.coding.numpy_plain.gradients import MASKED
from symrnn.coding.numpy_plain.module import PlainModule
from symrnn.coding.python_source import Source
from symrnn.planning.graph import Arg, Op, deref
from symrnn.planning.interface import Interface, Slot


class Caller:
    """Writes it: names and shapes are compared at once; what does not fit is looked at slowly, and told."""

    def __init__(self, interface: Interface, work: Workspace, plain: PlainModule) -> None:
        self.interface, self.work, self.plain = interface, work, plain

    def _sizes(self) -> list[str]:
        return [self.work.index_names[r.size] for r in self.interface.sizes]

    def _label_names(self) -> set[str]:
        return {self.work.data_names[key] for key in self.work.labelled}

    def _caller(self, source: Source) -> None:
        slots = self.interface.slots
        self._expectations(source)
        source.blank(1)
        with source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            source.raw('"""The loss and its gradients by name; they stand in buffers that the next call overwrites."""')
            if self.plain.masks:
                source.raw(MASKED)
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
            classes = self.work.index(slot.axes[0])
            source.comment("Read without a sign, a negative label is a large one.")
            unsigned = f"{name}_labels.view(UNSIGNED[{name}_labels.itemsize])"
            source.raw(f"fits = fits and np.maximum.reduce({unsigned}) < {classes}")
            if not labelled:
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
