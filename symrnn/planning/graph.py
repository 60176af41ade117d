"""The recursion as a graph of operations, each at the general time t, with reads of others at fixed distances.

An :class:`Op` is what one or two library calls compute.  A read ``Arg(op, k)`` is the operand's value at time t + k.
Equal operations are one node; an expression in adjoints is moved in time until the adjoints in it are at t, so that
``lam_f[t+1] * f[t+1]`` and ``lam_f[t] * f[t]`` are one node, too, read at two distances.  Variables are nodes that
refer to their definition, which closes the circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatchmethod
from typing import Any, NamedTuple

from symrnn.errors import UnsupportedError
from symrnn.language import Index, Role
from symrnn.planning import arrays
from symrnn.planning.arrays import Array, Axes
from symrnn.planning.association import grouped
from symrnn.planning.expansions import EXPANSIONS
from symrnn.planning.shifting import at_time, shifted
from symrnn.planning.system import Definition, Gradient, System

Key = tuple[str, Role]

FEW = 8
"""Sums with fewer terms, over something else than times, are written out."""


class Arg(NamedTuple):
    """A read: the operand at ``shift`` steps from now."""

    op: Op
    shift: int = 0


@dataclass(eq=False)
class Op:
    """One operation.  ``data`` is what distinguishes operations of one kind.

    ==========  ==============================================  =========================================
    kind        data                                            value
    ==========  ==============================================  =========================================
    var         (name, role)                                    its ``target``'s
    data        (name, role)                                    what the caller gave
    number      (value,)                                        an exact number
    count       (index,)                                        a size or time
    batch       ()                                              how many examples
    full        (axes, value)                                   a constant array
    identity    (size,)                                         the identity matrix
    between     (index, lower, upper)                           1 or 0
    at          (time,)                                         the operand at a fixed time
    plus        coefficients                                    a linear combination
    product     (coefficient, labels, out, extents)             an Einsum
    apply       (name, order)                                   an elementwise primitive
    rowmax      ()                                              the largest entry of a vector
    cut         (axis, start, stop)                             a block along an axis
    element     (axis, index)                                   a place along an axis
    join        (axis, axes)                                    stacking
    reshape     (axes,)                                         the same numbers over other axes
    linalg      (kind, exponent)                                inverse, determinant, power
    total       (lower, upper, over the batch too)              a sum over times
    batchsum    ()                                              a sum over examples
    select      times                                           the first operand, others at these times
    ==========  ==============================================  =========================================
    """

    kind: str
    args: list[Arg]
    data: tuple[Any, ...]
    axes: Axes
    batched: bool
    timed: bool
    adjoint: bool = False
    backward: bool = False
    names: list[str] = field(default_factory=list)
    target: Op | None = None

    def __repr__(self) -> str:
        name = f" {'/'.join(self.names)}" if self.names else ""
        return f"<{self.kind}{name} {self.data if self.kind != 'product' else self.data[1:3]}>"


def deref(arg: Arg) -> Arg:
    """The read of the operation that a variable stands for."""
    op = arg.op
    while op.kind == "var":
        assert op.target is not None
        op = op.target
    return Arg(op, arg.shift)


def walk(roots: Iterable[Op]) -> Iterator[Op]:
    """Every operation below the roots, variables seen through, operands before users wherever no circle forbids it."""
    seen: set[Op] = set()
    stack: list[tuple[Op, bool]] = [(deref(Arg(r)).op, False) for r in reversed(list(roots))]
    while stack:
        op, expanded = stack.pop()
        if expanded:
            yield op
        elif op not in seen:
            seen.add(op)
            stack.append((op, True))
            stack.extend((deref(a).op, False) for a in reversed(op.args))


@dataclass
class Program:
    """The graph: definitions by variable, and what is wanted of it."""

    system: System
    variables: dict[Key, Op]
    loss: Op
    gradients: dict[str, Op]
    initials: dict[str, Op]
    builder: Builder

    def roots(self) -> list[Op]:
        """What has to be computed."""
        return [self.loss, *self.gradients.values()]

    def ops(self) -> list[Op]:
        """All live operations; initial values come with their states."""
        return list(walk([*self.roots(), *self.initials.values()]))


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
        builder,
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
            off = _anchor(args)
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
        lines = [_terms(d.expression)]
        when = [t for t, _, _ in d.overrides]
        for at, array, _ in d.overrides:
            moved = at_time(array, at, self.index)
            lines.append([t for t in _terms(moved) if not _outside(t, at, self.index, time.first, time.last)])
        common = []
        general, *exceptions = [list(line) for line in lines]
        for term in lines[0]:
            gone = [_outside(term, at, self.index, time.first, time.last) for at in when]
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
        if not gradient.timed and not any(_is_fixed_part(load, self.index) for load in arrays.loads(array)):
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
        for term in _terms(array):
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
            coefficient, rest = _scaled(term)
            terms.append((self.build(rest), coefficient))
        return self.sum(terms, array.axes)

    def sum(self, terms: list[tuple[Arg, Fraction]], axes: Axes) -> Arg:
        """A linear combination at any time; terms at another time than now that come together are added up there."""
        adjoints = [a.op.adjoint for a, _ in terms]
        together = {a.shift for a, _ in terms if a.op.timed}
        if not any(adjoints) or (all(adjoints) and len(together) == 1):
            off = _anchor([a for a, _ in terms])
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
        coefficient, rest = _scaled(nested)
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
            return self.build(_square(arguments[0]))
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
                return self.build(_written_out(body, index, range(lower.constant, upper.constant + 1)))
            if any(isinstance(a, (arrays.Linalg, arrays.Element)) and index in a.times for a in arrays.postorder(body)):
                raise UnsupportedError(f"a sum over {index}, which is no time")
            body = shifted(body, {index: Index.of(self.index)})
        parts = []
        for term in _terms(body):
            coefficient, rest = _scaled(term)
            parts.append((self._total(rest, lower, upper), coefficient))
        return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 else self.sum(parts, array.axes)

    def _total(self, term: Array, lower: Index, upper: Index) -> Arg:
        over_batch = isinstance(term, arrays.BatchSum)
        inner = self.build(term.args[0] if over_batch else term)
        if not inner.op.timed:
            return self.build(arrays.times(arrays.Count(upper - lower + 1), term))
        low, high = lower + inner.shift, upper + inner.shift
        if inner.op.adjoint:
            low, high = _clip(low, high, self.system)
        batched = inner.op.batched and not over_batch
        op = self.node(
            "total", [Arg(inner.op)], (low, high, over_batch), term.axes, batched=batched, timed=False, adjoint=False
        )
        return Arg(op)


def _written_out(body: Array, index: str, values: range) -> Array:
    """The terms of a short sum, ``W^0 + W^1 + W^2``."""
    terms = [shifted(body, {index: Index.of(k)}) for k in values]
    return arrays.plus(terms or [arrays.zeros(body.axes)])


def _anchor(args: list[Arg]) -> int:
    """The time of an operation among those of its operands: the latest, or the earliest of what runs backward.

    One of operands that run in either direction is at the present, where both can read it.
    """
    shifts = [a.shift for a in args if a.op.timed]
    if not shifts:
        return 0
    backward = [a.op.backward for a in args if a.op.timed]
    if any(backward) and not all(backward) and min(shifts) <= 0 <= max(shifts):
        return 0
    return min(shifts) if any(backward) else max(shifts)


def _clip(low: Index, high: Index, system: System) -> tuple[Index, Index]:
    """A range cut to the cell's own, beyond which an adjoint is 0."""
    before, after = (system.time.first - low).constant, (high - system.time.last).constant
    return (
        system.time.first if before is not None and before > 0 else low,
        system.time.last if after is not None and after > 0 else high,
    )


def _is_fixed_part(load: arrays.Load, index: str) -> bool:
    return load.role is Role.PART and load.time is not None and index not in load.time.names()


def _terms(array: Array) -> list[Array]:
    return list(array.terms) if isinstance(array, arrays.Plus) else [array]


def _outside(term: Array, now: Index, index: str, first: Index, last: Index) -> bool:
    """Whether a term at this time reads a part beyond the ends, where it is 0."""
    for load in arrays.loads(term):
        if load.role is Role.PART and load.time is not None:
            time = load.time.substitute({index: now})
            after, before = (time - last).constant, (first - time).constant
            if (after or 0) > 0 or (before or 0) > 0:
                return True
    return False


def _scaled(array: Array) -> tuple[Fraction, Array]:
    """A number in front, and the rest."""
    if not isinstance(array, arrays.Einsum) or array.coefficient == 1:
        return Fraction(1), array
    bare = array.factors
    if len(bare) == 1 and bare[0][1] == array.out:
        return array.coefficient, bare[0][0]
    return array.coefficient, arrays.Einsum(Fraction(1), *array.args[1:])


def _square(array: Array) -> Array:
    labels = tuple(range(len(array.axes)))
    return arrays.Einsum(Fraction(1), ((array, labels), (array, labels)), labels, ())
