"""From definitions to the graph of operations: equal ones once, and each read at a fixed distance."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import singledispatchmethod
from typing import Any

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Axes
from symrnn.planning.association import grouped
from symrnn.planning.expansions import EXPANSIONS
from symrnn.planning.graph import Arg, Key, Op, Program
from symrnn.planning.graph_terms import anchor, clip, is_fixed_part, is_outside, scaled, square, terms_of, written_out
from symrnn.planning.shifting import at_time, shifted
from symrnn.planning.system import Definition, Gradient, System

FEW = 8
"""Sums with fewer terms, over something else than times, are written out."""


def build_program(system: System) -> Program:
    """The graph of a cell's forward equations, adjoints, loss and gradients.

    Raises UnsupportedError for what runs in no loop of single steps (a sum over all earlier times, say).
    """
    assert system.loss is not None
    builder = Builder(system)
    builder.define()
    loss = arrays.batch_sum(system.loss) if system.has_batch else system.loss
    return Program(
        system,
        builder.variables,
        builder.untimed(loss),
        {g.key: builder.gradient(g) for g in system.gradients},
        {i.key: builder.untimed(i.start) for i in system.initials if i.start is not None},
    )


class Builder:
    """Makes operations, equal ones once."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.index = system.time.index
        self.table: dict[tuple[Any, ...], Op] = {}
        self.known: dict[Array, Arg] = {}
        self.variables: dict[Key, Op] = {}

    # ---- nodes

    def node(
        self,
        kind: str,
        args: list[Arg],
        data: tuple[Any, ...],
        axes: Axes,
        batched: bool | None = None,
        timed: bool | None = None,
        adjoint: bool | None = None,
    ) -> Op:
        key = (kind, tuple((id(a.op), a.shift) for a in args), data)
        found = self.table.get(key)
        if found is None:
            found = Op(
                kind,
                args,
                data,
                axes,
                any(a.op.batched for a in args) if batched is None else batched,
                any(a.op.timed for a in args) if timed is None else timed,
                any(a.op.adjoint for a in args) if adjoint is None else adjoint,
                any(a.op.backward for a in args),
            )
            self.table[key] = found
        return found

    def moved(self, kind: str, args: list[Arg], data: tuple[Any, ...], axes: Axes) -> Arg:
        """An operation of operands of one time, at that time: ``tanh(c[t-1])`` is ``tanh(c[t])``, one step before."""
        args, off = self.settled(args)
        if not any(a.op.adjoint for a in args):
            off = anchor(args)
            args = [Arg(a.op, a.shift - off) if a.op.timed else a for a in args]
        return Arg(self.node(kind, args, data, axes), off)

    def settled(self, args: list[Arg]) -> tuple[list[Arg], int]:
        """Reads moved so that the adjoints among them are at the present time, and by how much the result is off."""
        shifts = {a.shift for a in args if a.op.adjoint and a.op.timed}
        if len(shifts) != 1:
            if len(shifts) > 1:
                raise UnsupportedError("a product of adjoints of different times has no place in a recursion")
            return args, 0
        (off,) = shifts
        if not off:
            return args, 0
        return [Arg(a.op, a.shift - off) if a.op.timed else a for a in args], off

    # ---- definitions

    def define(self) -> None:
        for d in self.system.definitions:
            batched = d.expression.batched or (d.role is Role.COMPUTED and d.name in self.system.batched_names)
            self.variables[d.name, d.role] = Op(
                "var", [], (d.name, d.role), d.axes, batched, d.timed, d.role is Role.PART and d.timed
            )
            state = self.system.cell.state.get(d.name) if d.role is Role.COMPUTED else None
            self.variables[d.name, d.role].backward = state is not None and state.backward
        for d in self.system.definitions:
            variable = self.variables[d.name, d.role]
            variable.target = self.definition(d) if d.timed else self.untimed(d.expression)
            variable.target.names.append(d.name if not d.timed else f"{d.name}[{self.index}]")
            # A part is 0 outside the time range, whatever its line would give there.
            variable.target.adjoint = variable.adjoint

    def definition(self, d: Definition) -> Op:
        general = self.build(d.expression)
        if not d.overrides:
            return self.now(general)
        return self.with_overrides(d)

    def now(self, arg: Arg) -> Op:
        """The operation itself where it is read at the present time, else one that copies it."""
        if arg.shift == 0 and arg.op.kind not in ("var", "data") and not arg.op.names:
            return arg.op
        if arg.op.kind not in ("var", "data", "at") and not arg.op.adjoint:
            # What is computed from values of other times stays so: s[t] = y[t-1] + z[t-1].
            moved = [Arg(a.op, a.shift + arg.shift) if a.op.timed else a for a in arg.op.args]
            return self.node(arg.op.kind, moved, (*arg.op.data,), arg.op.axes)
        return self.node("plus", [arg], (Fraction(1),), arg.op.axes, adjoint=False)

    def with_overrides(self, d: Definition) -> Op:
        """Common terms, plus a selection: the general line's other terms, at single times the exception's own."""
        time = self.system.time
        lines = [terms_of(d.expression)]
        when = [t for t, _, _ in d.overrides]
        for at, array, _ in d.overrides:
            moved = at_time(array, at, self.index)
            lines.append([t for t in terms_of(moved) if not is_outside(t, at, self.index, time.first, time.last)])
        common = []
        general, *exceptions = [list(line) for line in lines]
        for term in lines[0]:
            gone = [is_outside(term, at, self.index, time.first, time.last) for at in when]
            # A term may stand several times: each time it is common once.
            if all(lost or term in line for lost, line in zip(gone, exceptions, strict=True)):
                common.append(term)
                for lost, line in zip([False, *gone], [general, *exceptions], strict=True):
                    if not lost:
                        line.remove(term)
        rests = [arrays.plus(line or [arrays.zeros(d.axes)]) for line in (general, *exceptions)]
        args = [Arg(self.now(self.build(r))) for r in rests]
        batched = d.expression.batched or any(r.batched for r in rests)
        selected = self.node("select", args, tuple(when), d.axes, batched=batched, timed=True, adjoint=False)
        if not common:
            return selected
        flow = self.build(arrays.plus(common))
        return self.linear([(flow, Fraction(1)), (Arg(selected), Fraction(1))], d.axes)

    # ---- wanted values

    def untimed(self, array: Array) -> Op:
        """An expression of the whole sequence."""
        arg = self.build(array)
        if arg.op.timed:
            raise UnsupportedError("a quantity of the whole sequence depends on a single time")
        return arg.op

    def gradient(self, gradient: Gradient) -> Op:
        """What a gradient is the value of; a timed one at the present time, the others of the whole sequence.

        Where the recursion computes it, it does so in numerator layout, and the result is turned.
        """
        array = gradient.numerator
        if not gradient.timed and not any(is_fixed_part(load, self.index) for load in arrays.loads(array)):
            return self.untimed(gradient.expression)
        if gradient.timed:
            found = self.now(self.build(array))
        else:
            found = self.linear([(Arg(op), c) for op, c in self.at_fixed_times(array)], array.axes)
        if len(array.axes) < 2:
            return found
        data = (Fraction(1), ((0, 1),), (1, 0), ())
        return self.node("product", [Arg(found)], data, array.axes[::-1])

    def at_fixed_times(self, array: Array) -> list[tuple[Op, Fraction]]:
        """Terms in adjoints of fixed times as values of what the recursion computes anyway: ``(lam_a @ W)[1]``."""
        groups: dict[Index | None, list[Array]] = {}
        for term in terms_of(array):
            times = [load.time for load in arrays.loads(term) if load.role is Role.PART and load.time is not None]
            fixed = [t for t in times if self.index not in t.names()]
            groups.setdefault(fixed[0] if fixed else None, []).append(term)
        found = []
        for time, terms in groups.items():
            together = arrays.plus(terms)
            if time is None:
                found.append((self.untimed(together), Fraction(1)))
                continue
            arg = self.build(at_time(together, time, self.index))
            if not arg.op.timed:
                raise UnsupportedError("an adjoint of a fixed time in a form without one")
            at = self.node("at", [Arg(arg.op)], (time + arg.shift,), arg.op.axes, timed=False, adjoint=False)
            found.append((at, Fraction(1)))
        return found

    # ---- expressions

    def build(self, array: Array) -> Arg:
        """The operation of an array expression, and the distance at which it is read."""
        found = self.known.get(array)
        if found is None:
            found = self.known[array] = self._build(array)
        return found

    @singledispatchmethod
    def _build(self, array: Array) -> Arg:
        raise UnsupportedError(f"the planner has no rule for {type(array).__name__}")

    @_build.register
    def _(self, array: arrays.Load) -> Arg:
        key = (array.name, array.role)
        if key in self.variables:
            op = self.variables[key]
        else:
            timed = array.time is not None
            op = self.node("data", [], key, array.axes, batched=array.batched, timed=timed, adjoint=False)
        if array.time is None:
            return Arg(op)
        if self.index in array.time.names():
            shift = (array.time - Index.of(self.index)).constant
            if shift is None:
                raise UnsupportedError(f"{array.name}[{array.time}] is not read at a fixed distance")
            return Arg(op, shift)
        return Arg(self.node("at", [Arg(op)], (array.time,), array.axes, timed=False, adjoint=False))

    @_build.register
    def _(self, array: arrays.Literal) -> Arg:
        return Arg(self.node("number", [], (array.value,), ()))

    @_build.register
    def _(self, array: arrays.Count) -> Arg:
        (index,) = array.args
        return Arg(self.node("count", [], (index,), (), timed=self.index in index.names()))

    @_build.register
    def _(self, array: arrays.BatchCount) -> Arg:
        return Arg(self.node("batch", [], (), ()))

    @_build.register
    def _(self, array: arrays.Full) -> Arg:
        return Arg(self.node("full", [], array.args, array.axes))

    @_build.register
    def _(self, array: arrays.Identity) -> Arg:
        return Arg(self.node("identity", [], array.args, array.axes))

    @_build.register
    def _(self, array: arrays.Between) -> Arg:
        return Arg(self.node("between", [], array.args, (), timed=self.index in array.times))

    @_build.register
    def _(self, array: arrays.Plus) -> Arg:
        terms = []
        for term in array.terms:
            coefficient, rest = scaled(term)
            terms.append((self.build(rest), coefficient))
        return self.sum(terms, array.axes)

    def sum(self, terms: list[tuple[Arg, Fraction]], axes: Axes) -> Arg:
        """A linear combination at any time; terms at another time than now that come together are added up there."""
        adjoints = [a.op.adjoint for a, _ in terms]
        together = {a.shift for a, _ in terms if a.op.timed}
        if not any(adjoints) or (all(adjoints) and len(together) == 1):
            off = anchor([a for a, _ in terms])
            moved = [(Arg(a.op, a.shift - off) if a.op.timed else a, c) for a, c in terms]
            return Arg(self.linear(moved, axes), off)
        kept: list[tuple[Arg, Fraction]] = []
        for off in dict.fromkeys(a.shift if a.op.adjoint and a.op.timed else 0 for a, _ in terms):
            same = [(a, c) for a, c in terms if (a.shift if a.op.adjoint and a.op.timed else 0) == off]
            if off and len(same) > 1:
                inner = self.linear([(Arg(a.op), c) for a, c in same], axes)
                kept.append((Arg(inner, off), Fraction(1)))
            else:
                kept.extend(same)
        return Arg(self.linear(kept, axes))

    def linear(self, terms: list[tuple[Arg, Fraction]], axes: Axes) -> Op:
        """A linear combination at the present time."""
        if (
            len(terms) == 1
            and terms[0][1] == 1
            and terms[0][0].shift == 0
            and terms[0][0].op.kind not in ("var", "data")
        ):
            return terms[0][0].op
        adjoint = all(a.op.adjoint and a.shift == 0 for a, _ in terms)
        return self.node("plus", [a for a, _ in terms], tuple(c for _, c in terms), axes, adjoint=adjoint)

    @_build.register
    def _(self, array: arrays.Einsum) -> Arg:
        nested = grouped(array)
        if not isinstance(nested, arrays.Einsum):
            return self.build(nested)
        coefficient, rest = scaled(nested)
        if coefficient != nested.coefficient or rest is not nested:
            inner = self.build(rest)
            return self.sum([(inner, coefficient)], array.axes)
        labels = tuple(names for _, names in nested.factors)
        data = (nested.coefficient, labels, nested.out, nested.args[3])
        return self.moved("product", [self.build(a) for a, _ in nested.factors], data, array.axes)

    @_build.register
    def _(self, array: arrays.Apply) -> Arg:
        name, arguments, order = array.args
        if name in EXPANSIONS and not order:
            return self.build(EXPANSIONS[name](*arguments))
        if name == "power" and isinstance(arguments[1], arrays.Literal) and arguments[1].value == 2:
            return self.build(square(arguments[0]))
        return self.moved("apply", [self.build(a) for a in arguments], (name, order), array.axes)

    @_build.register
    def _(self, array: arrays.Largest) -> Arg:
        return self.moved("rowmax", [self.build(array.args[0])], (), ())

    def _moved(self, kind: str, operands: Iterable[Array], data: tuple[Any, ...], axes: Axes) -> Arg:
        return self.moved(kind, [self.build(a) for a in operands], data, axes)

    @_build.register
    def _(self, array: arrays.Cut) -> Arg:
        return self._moved("cut", array.args[:1], array.args[1:], array.axes)

    @_build.register
    def _(self, array: arrays.Element) -> Arg:
        return self._moved("element", array.args[:1], array.args[1:], array.axes)

    @_build.register
    def _(self, array: arrays.Join) -> Arg:
        parts, axis, axes = array.args
        built = [self.build(p) for p in parts]
        shifts = {a.shift for a in built if a.op.adjoint}
        if len(shifts) > 1 or (shifts and not all(a.op.adjoint or a.op.kind in ("full", "number") for a in built)):
            raise UnsupportedError("a stack of adjoints of different times")
        return self._moved("join", parts, (axis, axes), axes)

    @_build.register
    def _(self, array: arrays.Reshape) -> Arg:
        return self._moved("reshape", array.args[:1], array.args[1:], array.axes)

    @_build.register
    def _(self, array: arrays.Linalg) -> Arg:
        kind, operand, exponent = array.args
        if exponent is not None and self.index in exponent.names():
            raise UnsupportedError("a matrix power whose exponent is the time")
        if exponent is not None and exponent.constant in (0, 1):
            return self.build(operand if exponent.constant else arrays.Identity(operand.axes[0]))
        return self.moved("linalg", [self.build(operand)], (kind, exponent), array.axes)

    @_build.register
    def _(self, array: arrays.BatchSum) -> Arg:
        inner = self.build(array.args[0])
        return Arg(self.node("batchsum", [inner._replace(shift=0)], (), array.axes, batched=False), inner.shift)

    @_build.register
    def _(self, array: arrays.OverTime) -> Arg:
        body, index, lower, upper = array.args
        if self.index in lower.names() | upper.names():
            raise UnsupportedError("a sum over all times up to the present one")
        if index != self.index:
            if lower.constant is not None and upper.constant is not None and upper.constant - lower.constant < FEW:
                return self.build(written_out(body, index, range(lower.constant, upper.constant + 1)))
            if any(isinstance(a, (arrays.Linalg, arrays.Element)) and index in a.times for a in arrays.postorder(body)):
                raise UnsupportedError(f"a sum over {index}, which is no time")
            body = shifted(body, {index: Index.of(self.index)})
        parts = []
        for term in terms_of(body):
            coefficient, rest = scaled(term)
            parts.append((self._total(rest, lower, upper), coefficient))
        return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 else self.sum(parts, array.axes)

    def _total(self, term: Array, lower: Index, upper: Index) -> Arg:
        over_batch = isinstance(term, arrays.BatchSum)
        inner = self.build(term.args[0] if over_batch else term)
        if not inner.op.timed:
            return self.build(arrays.times(arrays.Count(upper - lower + 1), term))
        low, high = lower + inner.shift, upper + inner.shift
        if inner.op.adjoint:
            low, high = clip(low, high, self.system)
        batched = inner.op.batched and not over_batch
        op = self.node(
            "total", [Arg(inner.op)], (low, high, over_batch), term.axes, batched=batched, timed=False, adjoint=False
        )
        return Arg(op)
