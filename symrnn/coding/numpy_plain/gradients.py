"""Loss and gradients of a plain module."""

from __future__ import annotations

import ast

from symrnn.coding import python_source as py
from symrnn.coding.numpy_plain.window import PlainWindow
from symrnn.emitting.text import to_text
from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array
from symrnn.planning.system import Gradient

LOSS_AND_GRADIENTS = (
    "The loss, summed over the batch, and its gradients by name, each in the shape of what it belongs to."
)


MASKED = "inputs, targets = _masked(inputs, targets)"


class PlainGradients(PlainWindow):
    """The loss, the loops back, and the sums over time."""

    def write_loss_and_gradients(self, name: str = "loss_and_gradients", meaning: str = LOSS_AND_GRADIENTS) -> None:
        """A function of this name that gives the loss and all gradients; ``meaning`` is its docstring."""
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
            if self.masks:
                self.source.raw(MASKED)
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
            self._adjoints(backward)
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
            self.gradient = gradient
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
        self.gradient = None
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
            shown = py.unparse(py.call("_like", value, given)) + self.turned(gradient.key)
            self.source.raw(f"    {gradient.key!r}: {shown},")
        self.source.raw("}")
        self.source.raw("return loss, gradients")

    def turned(self, key: str) -> str:
        """A matrix transposed, where numerator layout is wanted."""
        return ".swapaxes(-1, -2)" if self.options.numerator and len(self.interface.slot[key].axes) == 2 else ""
