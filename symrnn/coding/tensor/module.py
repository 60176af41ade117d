"""One module for a library of arrays: projections, a scan of steps, the head, a reversed scan, gradients.

What JAX and PyTorch modules have in common; :class:`Dialect` holds what differs.  The adjoint recursion is the cell's
own, written out; no automatic differentiation is involved.
"""

from __future__ import annotations

import ast

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.interface import equation_lines, write_tables
from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Source
from symrnn.coding.tensor.interface import CHECKS, LIKE, MODULE_NOTES
from symrnn.coding.tensor.kept import KEPT
from symrnn.coding.tensor.names import load_of, names_in
from symrnn.coding.tensor.stages import stages
from symrnn.coding.tensor.steps import TensorSteps
from symrnn.emitting.text import to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.interface import reads_targets
from symrnn.planning.system import Definition, Gradient


class TensorModule(TensorSteps):
    """Writes one module."""

    # ---- the module

    def text(self) -> str:
        """The module's source."""
        body = Source()
        self.source = body
        self._functions()
        head = self._head()
        lines = "\n".join(body.lines).rstrip()
        return head.text() + "\n\n" + lines + "\n\n\n" + self._support()

    def _head(self) -> Source:
        cell, head = self.system.cell, Source()
        head.raw(f'"""{self.dialect.title} functions for the cell "{cell.name}": forward pass and gradients.')
        head.raw()
        for line in equation_lines(cell):
            head.raw(f"    {line}")
        head.raw()
        head.block(MODULE_NOTES)
        head.block(self.dialect.notes)
        head.raw('"""')
        head.raw()
        for line in self.dialect.imports:
            head.raw(line)
        head.blank(1)
        write_tables(head, self.system, self.interface, self.writer, CodeOptions(dtype=self.dtype))
        for name in self.writer.helpers:
            if name in self.dialect.helpers:
                head.blank(2)
                head.block(self.dialect.helpers[name])
        head.blank(1)
        return head

    def _support(self) -> str:
        parts = [self.dialect.support, CHECKS, *([LIKE] if self.system.loss is not None else [])]
        return "\n\n\n".join(p.strip("\n") for p in parts) + "\n"

    def _functions(self) -> None:
        computed = [d for d in self.system.definitions if d.role is Role.COMPUTED]
        hidden = reads_targets(self.system.cell)
        self.needs_targets = any(s.name in hidden for s in self.system.cell.states)
        early = [d for d in computed if self.needs_targets or d.name not in hidden]
        late = [d for d in computed if d not in early]
        self._function("_forward(data)", "All variables by name, a row for each time.", lambda: self._variables(early))
        self._public_forward(early)
        if self.system.loss is None:
            return
        self._needs_length()
        self.source.blank(2)
        self._function(
            "_loss(data, variables)", "The loss, summed over the batch, and all variables.", lambda: self._loss(late)
        )
        self.source.blank(2)
        parts = [d for d in self.system.definitions if d.role is Role.PART]
        text = "The adjoint recursion, and from it the gradients, each in the shape of what it belongs to."
        self._function("_gradients(data, variables)", text, lambda: self._gradients(parts))
        self._public_gradients()

    def _needs_length(self) -> None:
        timed = any(d.timed for d in self.system.definitions)
        if timed and self.interface.length_slot is None:
            raise UnsupportedError(
                f'nothing that is given to the cell "{self.system.cell.name}" has a time axis',
                hint="Declare an input or a target that is used with a time index.",
            )

    # ---- forward

    def _variables(self, definitions: list[Definition]) -> None:
        self._stages(stages(definitions, self.system))
        pairs = ", ".join(f"{d.name!r}: {self.names[d.name, d.role]}" for d in definitions)
        self.source.raw(f"return {{{pairs}}}")

    def _public_forward(self, definitions: list[Definition]) -> None:
        slot = self.interface.length_slot
        stepless = slot is None or (slot.group == "targets" and not self.needs_targets)
        extra = (", targets=None" if self.needs_targets else "") + (", steps=None" if stepless else "")
        self.source.blank(2)
        with self.source.indented(f"def forward(params, inputs, initial=None{extra})"):
            self.source.raw('"""All variables by name, time first, and the state from which the next piece starts."""')
            outer, self.source = self.source, Source()
            self.source.depth = outer.depth
            self._results(definitions)
            inner, self.source = self.source, outer
            given = "targets" if self.needs_targets else "None"
            self.source.raw(f"data = _unpack(params, inputs, {given}, initial{', steps' if stepless else ''})")
            self.source.raw("found = _forward(data)")
            names = names_in(inner)
            if "has_batch" in names:
                self.source.raw("has_batch = data['has_batch']")
            if self.fixed & names:
                self.source.raw("steps = data['steps']")
            for name in sorted(self._time_names()):
                if self.index_names[name] in names:
                    self._solve_length(name)
            self.source.lines += inner.lines

    def _results(self, definitions: list[Definition]) -> None:
        time = self.system.time
        self.source.raw("variables = {")
        for d in definitions:
            if d.name.endswith(KEPT):
                continue
            value: ast.expr = py.parse(f"found[{d.name!r}]")
            if d.timed:
                low, high = self._rows_of(load_of(d, Index.of(time.index)))
                first, last = self.reach[d.name, d.role].span(time)
                start = None if first == low else self.writer.index(first - low)
                stop = None if last == high else self.writer.index(last - low + 1)
                value = value if start is None and stop is None else py.subscript(value, py.slice_(start, stop))
            text = py.unparse(value)
            if self._batched(d):
                text = f"{text} if has_batch else {text}{'[:, 0]' if d.timed else '[0]'}"
            self.source.raw(f"    {d.name!r}: {text},")
        self.source.raw("}")
        self.source.raw("final_state = {")
        names = {d.name for d in definitions}
        for initial in self.system.initials:
            if initial.state.name in names:
                shift = time.length if not initial.state.backward else Index.of(0) - time.length
                low, _ = self._rows_of(initial.load)
                text = f"found[{initial.state.name!r}][{py.unparse(self.writer.index(initial.time + shift - low))}]"
                text = f"{text} if has_batch else {text}[0]" if initial.load.batched else text
                self.source.raw(f"    {initial.key!r}: {text},")
        self.source.raw("}")
        self.source.raw("return variables, final_state")

    # ---- loss and gradients

    def _loss(self, definitions: list[Definition]) -> None:
        cell, system = self.system.cell, self.system
        assert system.loss is not None
        assert cell.loss is not None
        self._stages(stages(definitions, system))
        self.source.comment(f"{cell.loss_name} = {to_text(cell.loss)}, summed over the batch")
        total = arrays.batch_sum(system.loss) if system.has_batch else system.loss
        self.assign("loss", self.writer.spread(self.writer.single().expression(total), py.tuple_([])))
        pairs = "".join(f", {d.name!r}: {self.names[d.name, d.role]}" for d in definitions)
        self.source.raw(f"return loss, {{**variables{pairs}}}" if pairs else "return loss, variables")

    def _gradients(self, definitions: list[Definition]) -> None:
        if definitions:
            self.source.comment("Adjoints: lam_v[t] is the derivative of the loss by v[t], as a row for a column v.")
        self._stages(stages(definitions, self.system))
        for gradient in self.system.gradients:
            self._gradient(gradient)
        self.source.raw("return {")
        for gradient in self.system.gradients:
            name = self.gradient_names[gradient.key]
            self.source.raw(f"    {gradient.key!r}: _like({name}, given[{gradient.key!r}]),")
        self.source.raw("}")

    def _gradient(self, gradient: Gradient) -> None:
        name, time = self.gradient_names[gradient.key], self.system.time
        when = f"[{time.index}]" if gradient.timed else ""
        self.source.comment(f"dL/d{gradient.key}{when} = {to_text(gradient.source)}, in the shape of {gradient.key}")
        per_example = gradient.expression.batched or (
            self.system.has_batch and gradient.leaf.role in (Role.INPUT, Role.TARGET)
        )
        if gradient.timed:
            span = (time.first, time.last)
            value = self._over(span).full(gradient.expression, True, per_example)
            self._times_if_needed(span, [value])
        else:
            value = self.writer.single().full(self._inside(gradient.expression), False, per_example)
        self.assign(name, value)

    def _inside(self, array: arrays.Array) -> arrays.Array:
        """The terms whose parts are all within the time range; a part is 0 outside it."""
        terms = array.terms if isinstance(array, arrays.Plus) else (array,)
        kept = [t for t in terms if not self._vanishes(t)]
        return array if len(kept) == len(terms) else arrays.plus(kept or [arrays.zeros(array.axes)])

    def _vanishes(self, term: arrays.Array) -> bool:
        time = self.system.time
        return any(
            load.role is Role.PART
            and load.time is not None
            and (((load.time - time.last).constant or 0) > 0 or ((time.first - load.time).constant or 0) > 0)
            for load in arrays.loads(term)
        )

    def _public_gradients(self) -> None:
        self.source.blank(2)
        if self.dialect.quiet:
            self.source.raw(self.dialect.quiet)
        with self.source.indented("def loss_and_gradients(params, inputs, targets, initial=None)"):
            self.source.block('''
"""The loss, summed over the batch, and its gradients by name, each in the shape of what it belongs to."""
data = _unpack(params, inputs, targets, initial)
loss, variables = _loss(data, _forward(data))
return loss, _gradients(data, variables)
''')
        if self.dialect.loss:
            self.source.blank(2)
            self.source.block(self.dialect.loss)
