"""The Numba module of a cell: one compiled function that goes through the examples, step by step, entry by entry.

For small cells, where the cost of Python's calls is all there is.  Large ones are better off with matrix products.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding import python_source as py
from symrnn.coding.numba.caller import Caller
from symrnn.coding.numba.example import NumbaExample
from symrnn.coding.numba.fast import FastGradients, plan_numba
from symrnn.coding.numba.loops import LoopWriter
from symrnn.coding.numba.text import (
    COMPILED,
    EXACTLY,
    HELPERS,
    INLINED,
    LIMITS,
    MAKER_NOTES,
    MODULE_NOTES,
    POWERS,
    READY,
    SUPPORT,
)
from symrnn.coding.numpy_source.interface import DIAGNOSIS, equation_lines, write_tables
from symrnn.coding.options import CodeOptions
from symrnn.coding.python_source import Source
from symrnn.coding.tensor.interface import CHECKS, LIKE
from symrnn.coding.tensor.names import names_in
from symrnn.errors import UnsupportedError
from symrnn.language import Cell, Index, Role
from symrnn.planning.interface import Slot, reads_targets
from symrnn.planning.system import Definition, Gradient, build_system
from symrnn.planning.windows import with_lines_for_windows

FEW_STEPS = "_of_few_steps"


class NumbaModule(NumbaExample):
    """Writes one module."""

    wrt: Sequence[str] | None = None
    dtype: str | None = None
    planned = False
    least = 1

    # ---- the module

    def text(self) -> str:
        """The module's source."""
        body, cell = Source(), self.system.cell
        self.source = body
        hidden = reads_targets(cell)
        self.fed_back = any(s.name in hidden for s in cell.states)
        forward = [d for d in self.system.definitions if d.role is Role.COMPUTED]
        early = [d for d in forward if self.fed_back or d.name not in hidden]
        self._compiled("_variables", early, [], store=True)
        self._public_forward(early)
        if self.system.loss is not None:
            if self.interface.length_slot is None and any(d.timed for d in self.system.definitions):
                raise UnsupportedError(
                    f'nothing that is given to the cell "{cell.name}" has a time axis',
                    hint="Declare an input or a target that is used with a time index.",
                )
            fast = self._fast()
            if fast is None or self.least > 1:
                body.blank(2)
                self.writer = self._new_writer_keeping_helpers()
                self._compiled("_all_examples", forward, list(self.system.gradients), store=False)
                self._public_gradients("loss_and_gradients" if fast is None else FEW_STEPS)
            if fast is not None:
                self._write_fast(fast)
        return self._assemble(body)

    def _fast(self) -> FastGradients | None:
        """The gradients by the plan, where there is one."""
        try:
            lined = with_lines_for_windows(build_system(self.system.cell, self.wrt, fold_constants=True))
            self.least = lined.least
            return FastGradients(plan_numba(lined.system, self.relu0), lined.system)
        except UnsupportedError:
            return None

    def _write_fast(self, fast: FastGradients) -> None:
        self.source.blank(2)
        fast.compiled(self.source)
        self.source.blank(2)
        Caller(fast, self.least, FEW_STEPS, self.dtype).write(self.source)
        self.writer.helpers.update(fast.helpers)
        self.planned = True

    def _new_writer_keeping_helpers(self) -> LoopWriter:
        writer = self._new_writer()
        writer.helpers = self.writer.helpers
        return writer

    def _assemble(self, body: Source) -> str:
        cell, head = self.system.cell, Source()
        head.raw(f'"""Numba functions for the cell "{cell.name}": forward pass and gradients, entry by entry.')
        head.raw()
        for line in equation_lines(cell):
            head.raw(f"    {line}")
        head.raw()
        if self.planned:
            head.block(MAKER_NOTES)
        head.block(MODULE_NOTES)
        head.raw('"""')
        head.raw()
        parts = [SUPPORT, CHECKS, *([LIKE, DIAGNOSIS] if cell.loss is not None else [])]
        parts += [READY] if self.planned else []
        helpers = self._helpers()
        text = "\n".join([*body.lines, *helpers, *parts])
        for line in (*(("import math", "") if "math." in text else ()), "import numba", "import numpy as np"):
            head.raw(line)
        head.blank(1)
        head.block(COMPILED)
        if POWERS in helpers:
            head.block(EXACTLY)
        if any("@inlined" in helper for helper in helpers):
            head.block(INLINED)
        if any("FEW" in helper for helper in helpers):
            head.block(LIMITS)
        head.blank(1)
        write_tables(head, self.system, self.interface, self.plain, CodeOptions(dtype=self.dtype))
        for helper in helpers:
            head.blank(2)
            head.block(helper)
        rest = "\n\n\n".join(p.strip("\n") for p in parts)
        return head.text() + "\n\n" + "\n".join(body.lines).rstrip() + "\n\n\n" + rest + "\n"

    def _helpers(self) -> list[str]:
        """Helper functions, those first that others use."""
        found = [HELPERS[name] for name in HELPERS if name in self.writer.helpers]
        return [POWERS, *found] if any("@exactly" in text for text in found) else found

    # ---- the compiled function

    def _compiled(self, name: str, forward: list[Definition], gradients: list[Gradient], store: bool) -> None:
        """A function over all examples; with ``store`` it keeps every variable, else it returns the loss."""
        body = Source()
        body.depth = 2
        self.writer.source = body
        self._initial(forward)
        self._definitions(forward)
        if not store:
            self._loss()
            self._definitions([d for d in self.system.definitions if d.role is Role.PART])
            self._sums(gradients)
        used = self._used(body)
        kept = [d for d in forward if store]
        made = [d for d in self.system.definitions if d.axes or d.timed]
        local = [d for d in made if self.arrays[d.name, d.role] in used and d not in kept]
        arguments = self._arguments(used | self._shape_names([*local, *kept]), kept, gradients)
        self.arguments = arguments
        source = self.source
        source.raw("@compiled")
        with source.indented(f"def {name}({', '.join(arguments)})"):
            for n in self.lengths:
                self._solve_length(n)
            for constant in self.interface.constants:
                if self.constants[constant.name] in used:
                    assert constant.value is not None
                    source.assign(self.constants[constant.name], self._value(constant.value))
            for d in local:
                self._allocate(d)
            for scratch, axes in self.writer.scratch.items():
                if axes:
                    source.assign(scratch, py.call("np.empty", py.tuple_(self.plain.index(a) for a in axes), _DTYPE))
            if not store:
                source.raw("loss = 0.0")
            with source.indented("for example in range(batch)"):
                self._rows_of_the_example(used, kept, gradients)
                source.lines += body.lines
                for d in kept:
                    if not (d.axes or d.timed):
                        name_of = self.arrays[d.name, d.role]
                        source.raw(f"{name_of}_all[example] = {name_of}")
            if not store:
                source.raw("return loss")

    def _used(self, body: Source) -> set[str]:
        shifted = Source()
        shifted.lines = [line[4:] for line in body.lines] or ["    pass"]
        return names_in(shifted)

    def _shape_names(self, definitions: list[Definition]) -> set[str]:
        axes = [a for d in definitions for a in d.axes] + [a for axes in self.writer.scratch.values() for a in axes]
        return {self.index_names[n] for a in axes for n in a.names() if n in self.index_names}

    def _arguments(self, used: set[str], kept: list[Definition], gradients: list[Gradient]) -> list[str]:
        sizes = [self.index_names[r.size] for r in self.interface.sizes if self.index_names[r.size] in used]
        given = [
            f"{self.slots[s.key]}_all" if s.per_example else self.slots[s.key]
            for s in self.interface.slots
            if self.slots[s.key] in used
        ]
        self.wanted_slots = [s for s in self.interface.slots if self.slots[s.key] in used]
        self.wanted_sizes = [r.size for r in self.interface.sizes if self.index_names[r.size] in used]
        results = [self.arrays[d.name, d.role] for d in kept] + [self.results[g.key] for g in gradients]
        return ["steps", "batch", "like", *sizes, *given, *(f"{r}_all" for r in results)]

    def _rows_of_the_example(self, used: set[str], kept: list[Definition], gradients: list[Gradient]) -> None:
        for slot in self.interface.slots:
            name = self.slots[slot.key]
            if slot.per_example and name in used:
                bare = not slot.timed and not slot.inner
                self.source.raw(f"{name} = {name}_all[example{', ...' if bare else ''}]")
        for d in kept:
            name = self.arrays[d.name, d.role]
            if d.axes or d.timed:
                self.source.raw(f"{name} = {name}_all[example]")
        for g in gradients:
            name = self.results[g.key]
            one = f"[example{'' if g.expression.axes or g.timed else ', ...'}]" if self._per_example(g) else ""
            self.source.raw(f"{name} = {name}_all{one}")

    def _allocate(self, d: Definition) -> None:
        shape = [self.plain.index(a) for a in d.axes]
        key = (d.name, d.role)
        if d.timed:
            rows = Index.of("steps") + sum(self.margins.get(key, (0, 0)))
            shape.insert(0, self.plain.index(rows))
        make = "np.zeros" if d.role is Role.PART else "np.ones"
        self.source.assign(self.arrays[key], py.call(make, py.tuple_(shape), _DTYPE))

    # ---- what the caller sees

    def _ready(self, slot: Slot) -> str:
        """The argument for a given array: example first, rows before and after its times."""
        before, after = self.margins.get((slot.name, slot.role), (0, 0)) if slot.timed else (0, 0)
        value = f"_by_example(data, {slot.key!r})" if slot.per_example else f"data[{slot.key!r}]"
        if not (before or after):
            return value
        fill = py.unparse(self._value(slot.before)) if slot.before is not None else "1.0"
        return f"_longer({value}, {before}, {after}, {fill}, {1 if slot.per_example else 0})"

    def _call(self, function: str, results: list[str]) -> None:
        source = self.source
        source.raw("arguments = (")
        source.raw("    steps, batch, np.empty(0, dtype),")
        for size in self.wanted_sizes:
            source.raw(f"    data[{size!r}],")
        for slot in self.wanted_slots:
            source.raw(f"    {self._ready(slot)},")
        source.raw(")")
        source.raw(f"{function}(*arguments, {', '.join(results)})" if results else f"{function}(*arguments)")

    def _sizes_of(self, axes_of: list[tuple[Index, ...]]) -> None:
        names = sorted({n for axes in axes_of for a in axes for n in a.names() if n in self.index_names})
        for slot in self.wanted_slots:
            if slot.before is not None:
                used = {n.id for n in ast.walk(self._value(slot.before)) if isinstance(n, ast.Name)}
                names = sorted({*names, *(n for n in self.index_names if self.index_names[n] in used)})
        sizes = [n for n in names if n not in self.lengths]
        self.source.raw("steps, batch, dtype = data['steps'], data['batch'], data['dtype']")
        for n in sizes:
            self.source.raw(f"{self.index_names[n]} = data[{n!r}]")
        for n in names:
            if n in self.lengths:
                self._solve_length(n)

    def _public_forward(self, definitions: list[Definition]) -> None:
        slot, source = self.interface.length_slot, self.source
        stepless = slot is None or (slot.group == "targets" and not self.fed_back)
        extra = (", targets=None" if self.fed_back else "") + (", steps=None" if stepless else "")
        source.blank(2)
        with source.indented(f"def forward(params, inputs, initial=None{extra})"):
            source.raw('"""All variables by name, time first, and the state from which the next piece starts."""')
            targets = "targets" if self.fed_back else "None"
            source.raw(f"data = _unpack(params, inputs, {targets}, initial{', steps' if stepless else ''})")
            self._sizes_of([d.axes for d in definitions])
            for d in definitions:
                rows = sum(self.margins.get((d.name, d.role), (0, 0)))
                lead = [py.name("batch"), *([self.plain.index(Index.of("steps") + rows)] if d.timed else [])]
                shape = py.tuple_([*lead, *(self.plain.index(a) for a in d.axes)])
                source.assign(self.arrays[d.name, d.role], py.call("np.ones", shape, py.name("dtype")))
            self._call("_variables", [self.arrays[d.name, d.role] for d in definitions])
            self._results(definitions)

    def _results(self, definitions: list[Definition]) -> None:
        time, source = self.system.time, self.source
        source.raw("variables = {")
        for d in definitions:
            before, after = self.margins.get((d.name, d.role), (0, 0))
            reach = self.reach[d.name, d.role]
            cut = (before + reach.late, after + reach.early) if d.timed else ()
            batched = d.name in self.system.batched_names
            arguments = ", ".join([self.arrays[d.name, d.role], f"{batched} and data['has_batch']", f"{batched}"])
            more = f", {cut[0]}, {cut[1]}" if cut else ""
            source.raw(f"    {d.name!r}: {'_time_first' if cut else '_whole'}({arguments}{more}),")
        source.raw("}")
        source.raw("final_state = {")
        names = {d.name for d in definitions}
        for initial in self.system.initials:
            if initial.state.name in names:
                shift = Index.of("steps") if not initial.state.backward else Index.of(0) - Index.of("steps")
                row = initial.time + shift - self._low((initial.state.name, Role.COMPUTED))
                row = row.substitute({n: Index.of("steps") - (time.length - Index.of(n)) for n in self.lengths})
                where = py.unparse(self.plain.index(row))
                batched = initial.load.batched
                value = f"{self.arrays[initial.state.name, Role.COMPUTED]}[:, {where}]"
                source.raw(f"    {initial.key!r}: _whole({value}, {batched} and data['has_batch'], {batched}),")
        source.raw("}")
        source.raw("return variables, final_state")

    def _public_gradients(self, name: str) -> None:
        source = self.source
        source.blank(2)
        with source.indented(f"def {name}(params, inputs, targets, initial=None)"):
            source.raw('"""The loss, summed over the batch, and its gradients by name, in the shapes of the arrays."""')
            source.raw("data = _unpack(params, inputs, targets, initial)")
            source.raw("given = data['given']")
            self._sizes_of([g.expression.axes for g in self.system.gradients])
            for g in self.system.gradients:
                lead = [py.name("batch")] if self._per_example(g) else []
                lead += [py.name("steps")] if g.timed else []
                shape = py.tuple_([*lead, *(self.plain.index(a) for a in g.expression.axes)])
                source.assign(self.results[g.key], py.call("np.zeros", shape, py.name("dtype")))
            at = len(source.lines)
            self._call("_all_examples", [self.results[g.key] for g in self.system.gradients])
            source.lines[-1] = source.lines[-1].replace("_all_examples(", "loss = _all_examples(", 1)
            assert len(source.lines) > at
            with source.indented("if not np.isfinite(loss)"):
                source.raw("_explain_non_finite(given)")
            source.raw("gradients = {")
            for g in self.system.gradients:
                name = self.results[g.key]
                value = f"np.moveaxis({name}, 1, 0)" if g.timed and self._per_example(g) else name
                source.raw(f"    {g.key!r}: _like({value}, given[{g.key!r}]),")
            source.raw("}")
            source.raw("return dtype.type(loss), gradients")


_DTYPE = py.parse("like.dtype")


def emit_numba(cell: Cell, wrt: Sequence[str] | None = None, relu0: float = 0.0, dtype: str | None = None) -> str:
    r"""The source of a Numba module with ``forward`` and ``loss_and_gradients``.

    >>> from symrnn.reading.cellfile import read_cell
    >>> cell = read_cell("size n\ninput x[n]\nstate h[n]\nh[t] = x[t] * h[t-1]\nloss L = norm2(h[tau])")
    >>> "for t in range(tau, 0, -1):" in emit_numba(cell)
    True

    Raises UnsupportedError for a recursion that runs in no loop of steps, QuestionError for an unknown name in ``wrt``.
    """
    module = NumbaModule(build_system(cell, wrt), relu0)
    module.wrt, module.dtype = wrt, dtype
    return module.text()
