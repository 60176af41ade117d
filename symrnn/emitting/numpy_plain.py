"""The shortest clear NumPy version: the recursion line by line, as it stands on the sheet.

One loop over the times for the equations, one back for the adjoints, one for the gradients; O(τ) in time and memory.
Row t of an array is its value at time t.  Beside the fast version it is there for reading and for comparison.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symrnn.emitting import python_source as py
from symrnn.emitting.numpy_expression import HELPERS, NumpyWriter
from symrnn.emitting.numpy_interface import CHECKS, DIAGNOSIS, LIKE, write_tables
from symrnn.emitting.python_source import Names, Source
from symrnn.emitting.text import index_text, to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Declaration, Index, Node, Role
from symrnn.language.node import format_shape
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.interface import Interface, Slot, build_interface, reads_targets
from symrnn.planning.loops import Loop, loops
from symrnn.planning.lowering import Lowering
from symrnn.planning.ranges import Reach, reaches
from symrnn.planning.system import Definition, Gradient, Initial, System
from symrnn.planning.windows import is_inside, split_window

RESERVED = [
    "np",
    "params",
    "inputs",
    "targets",
    "initial",
    "steps",
    "batch",
    "has_batch",
    "dtype",
    "given",
    "data",
    "rows",
    "loss",
    "gradients",
    "variables",
    "final_state",
    "range",
    "len",
    "sum",
    "float",
    "int",
    "dict",
    "min",
    "max",
    "step",
    "sigmoid",
    "softmax",
    "log_softmax",
    "layernorm",
    "l",
    "O",
    "I",
]


LOSS_AND_GRADIENTS = (
    "The loss, summed over the batch, and its gradients by name, each in the shape of what it belongs to."
)


@dataclass
class PlainModule:
    """Writes one module; everything that depends on the cell's names is decided in the constructor."""

    system: System
    relu0: float = 0.0
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        cell = self.system.cell
        self.interface: Interface = build_interface(self.system)
        names = Names(RESERVED)
        self.index_names = {name: names.give(name) for name in (*cell.sizes, *sorted(self._time_names()))}
        self.index_names[cell.time.index] = names.give(cell.time.index)
        self.names = {slot.key: names.give(_python_key(slot)) for slot in self.interface.slots}
        self.computed: dict[tuple[str, Role], str] = {}
        for definition in self.system.definitions:
            self.computed[definition.name, definition.role] = names.give(definition.name)
        self.constants = {d.name: names.give(d.name) for d in self.interface.constants}
        self.gradient_names = {g.key: names.give("grad_" + _python_key(g)) for g in self.system.gradients}
        self.reach: dict[tuple[str, Role], Reach] = reaches(self.system)
        self.writer = NumpyWriter(self._load, self.index_names, self.relu0)

    def _time_names(self) -> set[str]:
        return set(self.system.time.last.names() | self.system.time.first.names())

    # ---- names and rows

    @property
    def origin(self) -> Index:
        """The time of row 0: 0 where times start at 0 or 1, so that row t is time t."""
        first = self.system.time.first
        return Index.of(0) if first.constant in (0, 1) else first

    def row(self, time: Index) -> ast.expr:
        """The row of a time."""
        return self.writer.index(time - self.origin)

    def _load(self, load: arrays.Load) -> ast.expr:
        name = self._array_name(load)
        return py.name(name) if load.time is None else py.subscript(py.name(name), self.row(load.time))

    def _array_name(self, load: arrays.Load) -> str:
        if load.role in (Role.COMPUTED, Role.PART):
            return self.computed[load.name, load.role]
        return self.constants.get(load.name) or self.names[load.name]

    # ---- the module

    def text(self) -> str:
        """The module's source."""
        body = Source()
        self.source = body
        self._forward()
        body.blank(2)
        if self.system.loss is not None:
            self._loss_and_gradients()
        return self._assemble(body)

    def _assemble(self, body: Source) -> str:
        cell = self.system.cell
        head = Source()
        head.raw(f'"""Forward pass and gradients of the cell "{cell.name}", line by line.')
        head.raw()
        for equation in cell.equations:
            time = f"[{cell.time.index}]" if equation.timed else ""
            head.raw(f"    {equation.name}{time} = {to_text(equation.expression)}")
        if cell.loss is not None:
            head.raw(f"    {cell.loss_name} = {to_text(cell.loss)}")
        head.raw()
        head.block(MODULE_NOTES)
        if self.interface.counter is not None:
            key = self.interface.counter.key
            head.raw(f"inputs[{key!r}] is the last time: no array tells how many steps there are.")
        head.raw('"""')
        head.raw()
        head.raw("import numpy as np")
        head.blank(1)
        write_tables(head, self.system, self.interface, self.writer)
        for name in self.writer.helpers:
            head.blank(2)
            head.block(HELPERS[name])
        head.blank(2)
        lines = "\n".join(body.lines)
        return head.text() + "\n\n" + lines.rstrip() + "\n\n\n" + self._helpers()

    def _helpers(self) -> str:
        parts = [CHECKS]
        if self.system.loss is not None:
            parts += [LIKE, DIAGNOSIS]
        return "\n\n".join(p.strip("\n") + "\n" for p in parts)

    def _forward(self) -> None:
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
            self._unpack(body, f"_unpack({arguments})")
            self.source.lines += body.lines

    def _never_told(self, definitions: Sequence[Definition]) -> bool:
        """Whether there are times, but nothing that is given says how many."""
        return self.interface.counter is None and any(d.timed for d in definitions)

    def _nested(self, write: object) -> Source:
        outer, self.source = self.source, Source()
        self.source.depth = outer.depth
        write()  # type: ignore[operator]
        inner, self.source = self.source, outer
        return inner

    def _unpack(self, body: Source, call: str) -> None:
        """``_unpack`` and the names that the body uses, nothing else."""
        used = {
            node.id
            for node in ast.walk(ast.parse("\n".join(line[4:] for line in body.lines)))
            if isinstance(node, ast.Name)
        }
        source = self.source
        source.raw(f"data = {call}")
        for constant in self.interface.constants:
            if self.constants[constant.name] in used and constant.value is not None:
                used |= self._constant_names(constant)
        sizes = [(r.size, self.index_names[r.size]) for r in self.interface.sizes]
        plain = [(key, key) for key in ("steps", "batch", "has_batch", "dtype", "given")]
        read = [s for s in self.interface.slots if s is not self.interface.counter]
        arrays_ = [(s.key, self.names[s.key]) for s in read if s.group != "initial"]
        starts = [(s.key, self.names[s.key]) for s in self.interface.group("initial")]
        length = [n for n in sorted(self._time_names()) if self.index_names[n] in used]
        if length:
            used.add("steps")
        for pairs in (plain, sizes, arrays_, starts):
            kept = [(key, name) for key, name in pairs if name in used]
            if kept:
                left = ", ".join(name for _, name in kept)
                right = ", ".join(f"data[{key!r}]" for key, _ in kept)
                source.raw(f"{left} = {right}")
        for name in length:
            self._solve_length(name)
        for constant in self.interface.constants:
            if self.constants[constant.name] in used and constant.value is not None:
                value = _lower_constant(self, constant)
                source.assign(self.constants[constant.name], value)

    def _constant_names(self, constant: Declaration) -> set[str]:
        value = _lower_constant(self, constant)
        return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}

    def _solve_length(self, name: str) -> None:
        """The symbol in the time range, from the number of steps."""
        length = self.system.time.length
        rest = length - Index.of(name)
        if name in rest.names():
            raise UnsupportedError(f"the number of steps, {length}, does not determine {name}")
        self.source.assign(self.index_names[name], self.writer.index(Index.of("steps") - rest))

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
                text = py.unparse(
                    py.subscript(py.name(self.computed[initial.state.name, Role.COMPUTED]), self._final_row(initial))
                )
                if initial.load.batched:
                    text = f"{text} if has_batch else {text}[0]"
                self.source.raw(f"    {initial.key!r}: {text},")
        self.source.raw("}")
        self.source.raw("return variables, final_state")

    def _final_row(self, initial: Initial) -> ast.expr:
        time = self.system.time
        if initial.state.backward:
            return self.row(initial.time - time.last - 1 + time.first)
        return self.row(initial.time - time.first + 1 + time.last)

    def _is_batched(self, definition: Definition) -> bool:
        return definition.name in self.system.batched_names

    # ---- equations

    def _allocate(self, definitions: Sequence[Definition]) -> None:
        """Arrays with a row for every time, those before and after the range included."""
        cell = self.system.cell
        below, above = self._margins(definitions)
        first_row = (cell.time.first - self.origin).constant or 0
        wrapped = max(0, below - first_row)
        extra = first_row + above + wrapped
        if any(d.timed for d in definitions):
            self.source.comment(self._rows_comment(first_row, wrapped))
            self.source.raw(f"rows = steps + {extra}" if extra else "rows = steps")
        for d in definitions:
            if d.timed:
                shape = [py.name("rows"), *self._lead(d), *(self.writer.index(a) for a in d.axes)]
                self.source.assign(
                    self.computed[d.name, d.role], py.call("np.zeros", py.tuple_(shape), py.name("dtype"))
                )
        self._data_rows(definitions, extra)
        self._starts(definitions)

    def _rows_comment(self, first_row: int, wrapped: int) -> str:
        index = self.system.time.index
        if self.origin.constant != 0:
            return f"Row 0 is time {self.origin}."
        text = f"Row {index} of an array is its value at time {index}"
        return f"{text}; row -1 (the last) stands for time -1." if wrapped else f"{text}."

    def _lead(self, definition: Definition) -> list[ast.expr]:
        batched = definition.expression.batched or (
            definition.role is Role.COMPUTED and definition.name in self.system.batched_names
        )
        return [py.name("batch")] if batched else []

    def _margins(self, definitions: Iterable[Definition]) -> tuple[int, int]:
        """How many rows are needed before and after the time range."""
        below = above = 0
        states = {s.name: s for s in self.system.cell.states}
        for d in definitions:
            if d.name in states and d.role is Role.COMPUTED:
                state = states[d.name]
                below, above = (below, max(above, state.depth)) if state.backward else (max(below, state.depth), above)
        for slot in self.interface.slots:
            if slot.timed and slot.before is not None:
                below = max(below, self.reach[slot.name, slot.role].before)
        return below, above

    def _data_rows(self, definitions: Sequence[Definition], extra: int) -> None:
        """Inputs and targets with their first value in the row of the first time."""
        expressions = [e for d in definitions for e in d.expressions()]
        if any(d.role is Role.PART for d in definitions) or self.writing_loss:
            expressions += [g.expression for g in self.system.gradients]
            if self.system.loss is not None:
                expressions.append(self.system.loss)
        read = {(load.name, load.role) for load in arrays.loads(*expressions)}
        if not extra:
            return
        first = self.row(self.system.time.first)
        for slot in self.interface.slots:
            if not slot.timed or (slot.name, slot.role) not in read:
                continue
            name = self.names[slot.key]
            fill = py.constant(0) if slot.before is None else self.writer.expression(self._lower(slot.before))
            call = py.call("_rows", py.name(name), first, py.name("rows"), fill)
            self.source.assign(name, call)
            self.uses_rows = True

    def _lower(self, node: Node) -> Array:
        return Lowering(lambda name, role: False)(node)

    writing_loss: bool = False
    continuing: bool = False
    uses_rows: bool = False

    def _starts(self, definitions: Sequence[Definition]) -> None:
        names = {d.name for d in definitions if d.role is Role.COMPUTED}
        slots = {s.key: s for s in self.interface.group("initial")}
        for initial in self.system.initials:
            if initial.state.name not in names:
                continue
            target = py.subscript(py.name(self.computed[initial.state.name, Role.COMPUTED]), self.row(initial.time))
            if initial.key in slots:
                self.source.assign(target, py.name(self.names[initial.key]))
                continue
            if initial.start is not None and not arrays.is_zero(initial.start):
                self.source.comment(f"{initial.key} = {to_text(initial.state.initial)}")  # type: ignore[arg-type]
                self.source.assign(target, self.writer.expression(initial.start))
            if self.continuing:
                with self.source.indented(f"if {initial.key!r} in data"):
                    self.source.assign(target, py.subscript(py.name("data"), py.constant(initial.key)))

    def _equations(self, definitions: Sequence[Definition]) -> None:
        for loop in loops(definitions, self.system.time.index):
            if not loop.timed:
                for d in loop.definitions:
                    self._comment(d)
                    self.source.assign(self.computed[d.name, d.role], self.writer.expression(d.expression))
            else:
                with self.source.indented(self._for(loop)):
                    for d in loop.definitions:
                        self._line(d)

    def _for(self, loop: Loop) -> str:
        time = self.system.time
        index = self.index_names[time.index]
        if loop.descending:
            start, stop = self.writer.index(time.last), self.writer.index(time.first - 1)
            return f"for {index} in range({py.unparse(start)}, {py.unparse(stop)}, -1)"
        start, stop = self.writer.index(time.first), self.writer.index(time.last + 1)
        return f"for {index} in range({py.unparse(start)}, {py.unparse(stop)})"

    def _comment(self, d: Definition, node: Node | None = None, time: str | None = None) -> None:
        source = d.source if node is None else node
        when = "" if not d.timed else f"[{time or self.system.time.index}]"
        self.source.comment(f"{d.name}{when} = {to_text(source)}    ({format_shape(source.shape)})")

    def _line(self, d: Definition) -> None:
        index = self.index_names[self.system.time.index]
        target = py.subscript(py.name(self.computed[d.name, d.role]), self.row(Index.of(self.system.time.index)))
        if d.overrides:
            word = "if"
            for time, array, node in d.overrides:
                with self.source.indented(f"{word} {index} == {py.unparse(self.writer.index(time))}"):
                    self._comment(d, node, index_text(time))
                    self._assign(target, array, d, at=time)
                word = "elif"
            with self.source.indented("else"):
                self._comment(d)
                self._assign(target, d.expression, d)
        else:
            self._comment(d)
            test = self._within(d)
            if test:
                with self.source.indented(f"if {test}"):
                    self._assign(target, d.expression, d)
            else:
                self._assign(target, d.expression, d)

    def _within(self, d: Definition) -> str:
        """The times at which an equation's inputs exist, where these are not all."""
        if d.role is not Role.COMPUTED:
            return ""
        reach = self.reach[d.name, d.role]
        index, time = self.index_names[self.system.time.index], self.system.time
        low, high = reach.span(time)
        tests = [f"{index} >= {py.unparse(self.writer.index(low))}"] if reach.late else []
        tests += [f"{index} <= {py.unparse(self.writer.index(high))}"] if reach.early else []
        return " and ".join(tests)

    def _assign(self, target: ast.expr, array: Array, d: Definition, at: Index | None = None) -> None:
        """One value; terms with a part beyond the ends of time are left out there, where the part is 0."""
        now = at if at is not None else Index.of(self.system.time.index)
        terms = [t for t in arrays.terms(array) if not self._vanishes(t)]
        groups: dict[tuple[str, ...], list[Array]] = {}
        for term in terms:
            tests, rest = self._conditions(term, now)
            groups.setdefault(tests, []).append(rest)
        if not any(not arrays.is_zero(t) for t in terms):
            self.source.assign(target, py.constant(0))
            return
        first = True
        for tests in sorted(groups, key=len):
            value = arrays.plus(groups[tests])
            if tests:
                with self.source.indented(f"if {' and '.join(tests)}"):
                    self._store(target, value, first=False)
            else:
                self._store(target, value, first)
            first = False

    def _vanishes(self, term: Array) -> bool:
        """Whether it is surely 0: outside a window, or with a part at a time outside the range."""
        time = self.system.time
        if any(is_inside(w) is False for w in split_window(term)[0]):
            return True
        for load in arrays.loads(term):
            if load.role is Role.PART and load.time is not None:
                after, before = (load.time - time.last).constant, (time.first - load.time).constant
                if (after or 0) > 0 or (before or 0) > 0:
                    return True
        return False

    def _store(self, target: ast.expr, value: Array, first: bool) -> None:
        if arrays.is_zero(value):
            return
        written = self.writer.expression(value, exact=False)
        if first:
            self.source.assign(target, written)
        else:
            self.source.augment(target, written)

    def _conditions(self, term: Array, now: Index) -> tuple[tuple[str, ...], Array]:
        """Under which tests a term counts: the windows in it, and all parts that it reads inside the time range."""
        windows, term = split_window(term)
        tests = dict.fromkeys(self._window(w) for w in windows if is_inside(w) is not True)
        time = self.system.time
        index = self.index_names[time.index]
        for load in arrays.loads(term):
            if load.role is not Role.PART or load.time is None:
                continue
            ahead = (load.time - Index.of(time.index)).constant
            if time.index in now.names() and ahead is not None:
                if ahead > 0:
                    limit = py.unparse(self.writer.index(time.last - ahead))
                    tests[
                        f"{index} <= {limit}" if ahead > 1 else f"{index} < {py.unparse(self.writer.index(time.last))}"
                    ] = None
                elif ahead < 0:
                    tests[f"{index} >= {py.unparse(self.writer.index(time.first - ahead))}"] = None
            elif time.index not in load.time.names():
                for distance, low in ((load.time - time.first, True), (time.last - load.time, False)):
                    if distance.constant is None or distance.constant < 0:
                        a, b = (time.first, load.time) if low else (load.time, time.last)
                        if low and (load.time - time.last).constant == 0:
                            continue
                        if not low and (load.time - time.first).constant == 0:
                            continue
                        tests[f"{py.unparse(self.writer.index(a))} <= {py.unparse(self.writer.index(b))}"] = None
        return tuple(tests), term

    def _window(self, window: arrays.Between) -> str:
        """The test for a window, without a bound that holds at all times."""
        at, low, high = window.args
        time = self.system.time
        shown, lower, upper = (py.unparse(self.writer.index(i)) for i in window.args)
        if low == high:
            return f"{shown} == {lower}"
        if time.index in at.names():
            ahead = at - Index.of(time.index)
            before, after = (low - ahead - time.first).constant, (time.last - high + ahead).constant
            if before is not None and before <= 0:
                return f"{shown} <= {upper}"
            if after is not None and after <= 0:
                return f"{shown} >= {lower}"
        return f"{lower} <= {shown} <= {upper}"

    # ---- loss and gradients

    def _loss_and_gradients(self, name: str = "loss_and_gradients", meaning: str = LOSS_AND_GRADIENTS) -> None:
        with self.source.indented(f"def {name}(params, inputs, targets, initial=None)"):
            self.source.raw(f'"""{meaning}"""')
            timed = any(d.timed for d in self.system.definitions)
            if timed and self.interface.length_slot is None and self.interface.counter is None:
                raise UnsupportedError(
                    f'nothing that is given to the cell "{self.system.cell.name}" tells how many steps there are',
                    hint="Declare an input or a target that is used with a time index.",
                )
            self.writing_loss = True
            body = self._nested(self._loss_body)
            self.writing_loss = False
            self._unpack(body, "_unpack(params, inputs, targets, initial)")
            self.source.lines += body.lines

    def _loss_body(self) -> None:
        forward = [d for d in self.system.definitions if d.role is Role.COMPUTED]
        backward = [d for d in self.system.definitions if d.role is Role.PART]
        self._allocate(forward)
        self._equations(forward)
        self._loss()
        if backward:
            self.source.blank(1)
            self.source.comment("Adjoints: lam_v[t] is the derivative of the loss by v[t], as a row for a column v.")
            for d in backward:
                shape = [py.name("rows"), *self._lead(d), *(self.writer.index(a) for a in d.axes)]
                self.source.assign(
                    self.computed[d.name, d.role], py.call("np.zeros", py.tuple_(shape), py.name("dtype"))
                )
            self._equations(backward)
        self._gradients()

    def _loss(self) -> None:
        cell, loss = self.system.cell, self.system.loss
        assert loss is not None
        assert cell.loss is not None
        self.source.comment(f"{cell.loss_name} = {to_text(cell.loss)}, summed over the batch")
        total = arrays.batch_sum(loss) if self.system.has_batch else loss
        self.source.assign("loss", self.writer.expression(total))
        with self.source.indented("if not np.isfinite(loss)"):
            self.source.raw("_explain_non_finite(given)")

    def _gradients(self) -> None:
        self.source.blank(1)
        looped: list[tuple[Gradient, Array]] = []
        for gradient in self.system.gradients:
            rest, sums = self._split(gradient)
            name = self.gradient_names[gradient.key]
            if gradient.timed:
                looped.append((gradient, gradient.expression))
                shape = [
                    py.name("rows"),
                    *self._gradient_lead(gradient),
                    *(self.writer.index(a) for a in gradient.expression.axes),
                ]
                self.source.assign(name, py.call("np.zeros", py.tuple_(shape), py.name("dtype")))
                continue
            looped += [(gradient, s) for s in sums]
            shape = [*self._gradient_lead(gradient), *(self.writer.index(a) for a in gradient.expression.axes)]
            self.source.assign(name, py.call("np.zeros", py.tuple_(shape), py.name("dtype")))
            if not arrays.is_zero(rest):
                self.source.comment(
                    f"dL/d{gradient.key} = {to_text(gradient.source)}"
                    if not sums
                    else f"dL/d{gradient.key}: the terms outside the sum over time"
                )
                self._assign_gradient(name, rest)
        self._gradient_loops(looped)
        self._return_gradients()

    def _assign_gradient(self, name: str, value: Array) -> None:
        for term in arrays.terms(value):
            if self._vanishes(term):
                continue
            tests, rest = self._conditions(term, Index.of(0))
            statement = (py.name(name), self.writer.expression(rest, exact=False))
            if tests:
                with self.source.indented(f"if {' and '.join(tests)}"):
                    self.source.assign(statement[0], py.binary(statement[0], "+", statement[1]))
            else:
                self.source.assign(statement[0], py.binary(statement[0], "+", statement[1]))

    def _split(self, gradient: Gradient) -> tuple[Array, list[arrays.OverTime]]:
        """Terms outside any sum over the time range, and the sums."""
        expression, time = gradient.expression, self.system.time
        terms = expression.terms if isinstance(expression, arrays.Plus) else (expression,)
        sums = [t for t in terms if isinstance(t, arrays.OverTime) and t.args[2:] == (time.first, time.last)]
        rest = arrays.plus([t for t in terms if t not in sums] or [arrays.zeros(expression.axes)])
        return rest, sums

    def _gradient_lead(self, gradient: Gradient) -> list[ast.expr]:
        slot = self.interface.slot[gradient.key]
        per_example = gradient.expression.batched or (self.system.has_batch and slot.per_example)
        return [py.name("batch")] if per_example else []

    def _gradient_loops(self, looped: list[tuple[Gradient, Array]]) -> None:
        if not looped:
            return
        time = self.system.time
        index = self.index_names[time.index]
        stop = self.writer.index(time.last + 1)
        with self.source.indented(
            f"for {index} in range({py.unparse(self.writer.index(time.first))}, {py.unparse(stop)})"
        ):
            for gradient, array in looped:
                name = py.name(self.gradient_names[gradient.key])
                if gradient.timed:
                    target = py.subscript(name, self.row(Index.of(time.index)))
                    self.source.comment(
                        f"dL/d{gradient.key}[{time.index}] = {to_text(gradient.source)}, in the shape of {gradient.key}"
                    )
                    self._accumulate(target, array)
                    continue
                body, bound = array.args[:2]
                if bound != time.index:
                    raise UnsupportedError(f"a gradient sums over {bound}, not over {time.index}")
                self.source.comment(f"dL/d{gradient.key} = {to_text(gradient.source)}, in the shape of {gradient.key}")
                self._accumulate(name, body)

    def _accumulate(self, target: ast.expr, value: Array) -> None:
        groups: dict[tuple[str, ...], list[Array]] = {}
        for term in arrays.terms(value):
            tests, rest = self._conditions(term, Index.of(self.system.time.index))
            groups.setdefault(tests, []).append(rest)
        for tests, group in groups.items():
            written = self.writer.expression(arrays.plus(group), exact=False)
            if tests:
                with self.source.indented(f"if {' and '.join(tests)}"):
                    self.source.augment(target, written)
            else:
                self.source.augment(target, written)

    def _return_gradients(self) -> None:
        time = self.system.time
        self.source.raw("gradients = {")
        for gradient in self.system.gradients:
            value: ast.expr = py.name(self.gradient_names[gradient.key])
            if gradient.timed:
                value = py.subscript(value, py.slice_(self.row(time.first), self.row(time.last + 1)))
            given = py.subscript(py.name("given"), py.constant(gradient.key))
            self.source.raw(f"    {gradient.key!r}: {py.unparse(py.call('_like', value, given))},")
        self.source.raw("}")
        self.source.raw("return loss, gradients")


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


def _python_key(slot: Slot | Gradient) -> str:
    """``h[0]`` becomes ``h_0``, ``h[-1]`` ``h_m1``, ``h[tau+1]`` ``h_tau1``."""
    key = slot.key
    return key.replace("[", "_").replace("]", "").replace("-", "m").replace("+", "")


def _lower_constant(module: PlainModule, constant: Declaration) -> ast.expr:
    assert constant.value is not None
    return module.writer.expression(module._lower(constant.value))


def emit_plain(system: System, relu0: float = 0.0) -> str:
    """The source of the plain module."""
    module = PlainModule(system, relu0)
    text = module.text()
    if module.uses_rows:
        text = text.rstrip("\n") + "\n\n\n" + ROWS.strip("\n") + "\n"
    return text
