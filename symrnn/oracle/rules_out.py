"""What a factor outside the time range does: a product with it is zero, whatever its other factors.

The other factors may not even exist there (h[tau+1]), so the one that may be out of range is looked at first.
"""

from __future__ import annotations

import numpy as np

from symrnn.language.binder import Sum
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Diag,
    Divide,
    Entry,
    Hadamard,
    Kron,
    MatMul,
    Neg,
    Slice,
    Trace,
    Transpose,
    Unvec,
    Vec,
)
from symrnn.oracle.frame import OUT, Array, Fn, Frame
from symrnn.oracle.scope import Children

LINEAR = (Neg, Transpose, Diag, Slice, Entry, Vec, Unvec, Trace, MatMul, Hadamard, Kron)
"""Zero as soon as one child is."""


def vanishing(node: Node, child: Children) -> tuple[Node, ...]:
    """The children whose being out of range makes (or helps to make) the node so."""
    if isinstance(node, (*LINEAR, Add, Sum)):
        return tuple(below for below in node.children if child.vanishes(below))
    if isinstance(node, Divide) and child.vanishes(node.args[0]):
        return (node.args[0],)
    return ()


def may_vanish(node: Node, child: Children) -> bool:
    """Whether the node itself may be out of range."""
    below = vanishing(node, child)
    return len(below) == len(node.children) if isinstance(node, Add) else bool(below)


def guarded(node: Node, child: Children, plain: Fn) -> Fn:
    """The node's function, its vanishing children looked at first."""
    runs = [child.raw(below) for below in vanishing(node, child)]
    if isinstance(node, Add):
        return _sum_of_present(node, child, plain)
    if isinstance(node, Sum):
        return plain

    def run(frame: Frame) -> Array:
        for look in runs:
            if look(frame) is OUT:
                return OUT
        return plain(frame)

    return run


def _sum_of_present(node: Add, child: Children, plain: Fn) -> Fn:
    """The sum of the terms that are in range; where a term was a matrix and the rest is scalar, zeros keep
    its shape.
    """
    scalar_too = any(term.is_single for term in node.args[0]) and not node.is_single
    terms = [child.raw(term) for term in node.args[0]]

    def run(frame: Frame) -> Array:
        present = [value for term in terms if (value := term(frame)) is not OUT]
        if len(present) == len(terms) or scalar_too:
            return plain(frame)
        if not present:
            return OUT
        total = present[0]
        for value in present[1:]:
            total = np.add(total, value)
        return total

    return run
