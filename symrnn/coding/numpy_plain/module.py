"""The shortest clear NumPy version: the recursion line by line, as it stands on the sheet.

One loop over the times for the equations, one back for the adjoints, one for the gradients; O(τ) in time and memory.
Row t of an array is its value at time t.  Beside the fast version it is there for reading and for comparison.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding import python_source as py
from symrnn.coding.numpy_plain.gradients import MASKED, PlainGradients
from symrnn.coding.numpy_source.helpers import HELPERS
from symrnn.coding.numpy_source.interface import CHECKS, DIAGNOSIS, LIKE, equation_lines, write_tables
from symrnn.coding.numpy_source.lengths import MASKS, NOTES, Lengths, with_lengths
from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Source
from symrnn.language import Cell, Role
from symrnn.planning.interface import reads_targets
from symrnn.planning.system import Definition, Initial, build_system


class PlainModule(PlainGradients):
    """Writes one module."""

    def text(self) -> str:
        """The module's source."""
        body = Source()
        self.source = body
        self.write_forward()
        body.blank(2)
        if self.system.loss is not None:
            self.write_loss_and_gradients()
        return self._assemble(body)

    def _assemble(self, body: Source) -> str:
        cell = self.system.cell
        head = Source()
        head.raw(f'"""Forward pass and gradients of the cell "{cell.name}", line by line.')
        head.raw()
        for line in equation_lines(cell):
            head.raw(f"    {line}")
        head.raw()
        head.block(MODULE_NOTES)
        if self.masks:
            head.raw()
            head.block(NOTES)
        if self.interface.counter is not None:
            key = self.interface.counter.key
            head.raw(f"inputs[{key!r}] is the last time: no array tells how many steps there are.")
        head.raw('"""')
        head.raw()
        head.raw("import numpy as np")
        head.blank(1)
        write_tables(head, self.system, self.interface, self.writer, self.options, self.lengths)
        for name in self.writer.helpers:
            head.blank(2)
            head.block(HELPERS[name])
        head.blank(2)
        lines = "\n".join(body.lines)
        return head.text() + "\n\n" + lines.rstrip() + "\n\n\n" + self._helpers()

    def _helpers(self) -> str:
        parts = [CHECKS, *([MASKS] if self.masks else [])]
        if self.system.loss is not None:
            parts += [LIKE, DIAGNOSIS]
        return "\n\n".join(p.strip("\n") + "\n" for p in parts)

    def write_forward(self) -> None:
        """The function ``forward``."""
        hidden = reads_targets(self.system.cell)
        needs_targets = any(s.name in hidden for s in self.system.cell.states)
        wanted = [
            d for d in self.system.definitions if d.role is Role.COMPUTED and (needs_targets or d.name not in hidden)
        ]
        extra = ", targets=None" if needs_targets else ""
        slot = self.interface.length_slot
        stepless = slot.group == "targets" and not needs_targets if slot is not None else self._never_told(wanted)
        extra += ", steps=None" if stepless else ""
        with self.source.indented(f"def forward(params, inputs, initial=None{extra})"):
            self.source.raw('"""All variables by name, time first, and the state from which the next piece starts."""')
            arguments = "params, inputs, targets, initial" if needs_targets else "params, inputs, None, initial"
            arguments += ", steps" if stepless else ""
            arguments += ", continued=True" if self.interface.started else ""
            self.continuing = True
            body = self._nested(lambda: self._forward_body(wanted))
            self.continuing = False
            if self.masks:
                self.source.raw(MASKED if needs_targets else "inputs, _ = _masked(inputs)")
            self._unpack(body, f"_unpack({arguments})")
            self.source.lines += body.lines

    def _never_told(self, definitions: Sequence[Definition]) -> bool:
        """Whether there are times, but nothing that is given says how many."""
        return self.interface.counter is None and any(d.timed for d in definitions)

    def _forward_body(self, definitions: list[Definition]) -> None:
        self._allocate(definitions)
        self._equations(definitions)
        time = self.system.time
        shape = "[:, 0]"
        self.source.raw("variables = {")
        for d in definitions:
            value: ast.expr = py.name(self.computed[d.name, d.role])
            if d.timed:
                low, high = self.reach[d.name, d.role].span(time)
                value = py.subscript(value, py.slice_(self.row(low), self.row(high + 1)))
            text = py.unparse(value)
            if self._is_batched(d):
                text = f"{text} if has_batch else {text}{shape if d.timed else '[0]'}"
            self.source.raw(f"    {d.name!r}: {text},")
        self.source.raw("}")
        self.source.raw("final_state = {")
        names = {d.name for d in definitions}
        for initial in self.system.initials:
            if initial.state.name in names:
                values = py.name(self.computed[initial.state.name, Role.COMPUTED])
                text = py.unparse(py.subscript(values, self._final_row(initial)))
                if self.masks and initial.state.depth > 1 and not initial.state.backward:
                    text = f"{py.unparse(values)}[{self._own_end(initial)}, np.arange(batch)]"
                if initial.load.batched:
                    text = f"{text} if has_batch else {text}[0]"
                self.source.raw(f"    {initial.key!r}: {text},")
        self.source.raw("}")
        self.source.raw("return variables, final_state")

    def _own_end(self, initial: Initial) -> str:
        """The rows of the last steps of sequences of different lengths: a held state has its last value alone."""
        back = (self.system.time.first - 1 - initial.time).constant or 0
        first = (self.system.time.first - 1 - self.origin).constant or 0
        rows = f"data[{self.masks[0]!r}].sum(0).astype(int)"
        return rows if back == first else f"{rows} - {back - first}" if back > first else f"{rows} + {first - back}"

    def _final_row(self, initial: Initial) -> ast.expr:
        time = self.system.time
        if initial.state.backward:
            return self.row(initial.time - time.last - 1 + time.first)
        return self.row(initial.time - time.first + 1 + time.last)


MODULE_NOTES = """
forward(params, inputs, initial=None) -> (variables, final_state)
loss_and_gradients(params, inputs, targets, initial=None) -> (loss, gradients)

All are dicts of arrays by the names above.  Sequences are time-major, (steps, n) or (steps, batch, n); a column is
an (n,) array.  The loss is summed over the batch.
"""

ROWS = '''
def _rows(array, first, rows, fill):
    """The array with its first value in row ``first``; the other rows are filled."""
    full = np.full((rows, *array.shape[1:]), fill, array.dtype)
    full[first : first + len(array)] = array
    return full
'''


def plain_module(given: Lengths) -> PlainModule:
    """The writer of a plain module for a cell and its options."""
    options = given.options
    system = build_system(given.cell, options.wrt, by_age=options.window is not None)
    return PlainModule(system, options, lengths=given)


def emit_plain(cell: Cell, options: CodeOptions | None = None) -> str:
    """The source of the plain module."""
    module = plain_module(with_lengths(cell, options or CodeOptions()))
    text = module.text()
    if module.uses_rows:
        text = text.rstrip("\n") + "\n\n\n" + ROWS.strip("\n") + "\n"
    return text
