"""The recursion as a graph of operations, each at the general time t, with reads of others at fixed distances.

An :class:`Op` is what one or two library calls compute.  A read ``Arg(op, k)`` is the operand's value at time t + k.
Equal operations are one node; an expression in adjoints is moved in time until the adjoints in it are at t, so that
``lam_f[t+1] * f[t+1]`` and ``lam_f[t] * f[t]`` are one node, too, read at two distances.  Variables are nodes that
refer to their definition, which closes the circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from symrnn.language import Role
from symrnn.planning.arrays import Axes
from symrnn.planning.system import System

Key = tuple[str, Role]


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

    def roots(self) -> list[Op]:
        """What has to be computed."""
        return [self.loss, *self.gradients.values()]

    def ops(self) -> list[Op]:
        """All live operations; initial values come with their states."""
        return list(walk([*self.roots(), *self.initials.values()]))
