"""Denominator layout from numerator layout: transpose everything, which reverses every product.

before → after
    A @ B                        → B.T @ A.T
    prod(A, j, t, k+1, -1)       → prod(A.T, j, k+1, t, 1)
    D(y, x), numerator           → D(y, x), denominator
    part λ_t, a row              → part λ_t, a column
One layout is computed and the other derived from it, so they cannot drift apart.
"""

from __future__ import annotations

from functools import singledispatch

from symrnn.calculus.products import product
from symrnn.language import build
from symrnn.language.binder import HadamardProduct, Product, Sum
from symrnn.language.derivative import ImmediateJacobian, Jacobian
from symrnn.language.formula import Formula, Part
from symrnn.language.layout import Layout
from symrnn.language.leaf import Eye, Ones, Role, Variable, Zeros
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Call,
    Commutation,
    Concat,
    Diag,
    Divide,
    Entry,
    Hadamard,
    HStack,
    Inverse,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Power,
    Slice,
    Trace,
    Transpose,
)
from symrnn.language.traversal import postorder


def in_layout(formula: Formula, layout: Layout) -> Formula:
    """A numerator-layout formula in the layout asked for."""
    if layout is Layout.NUMERATOR:
        return formula
    parts = tuple(Part(p.name, p.time, flip(p.expression)) for p in formula.parts)
    return Formula(flip(formula.expression), parts, formula.of, formula.by, formula.immediate)


def _changes(node: Node) -> bool:
    """Whether a node speaks of derivatives, which have another shape in the other layout."""
    return any(
        isinstance(n, (Jacobian, ImmediateJacobian)) or (isinstance(n, Variable) and n.role is Role.PART)
        for n in postorder(node)
    )


def keep(node: Node) -> Node:
    """The same value, with the derivatives that stand in it turned to the other layout."""
    if not _changes(node):
        return node
    if isinstance(node, Transpose):
        return flip(node.args[0])
    return flip(node) if node.is_scalar else build.transpose(flip(node))


@singledispatch
def flip(node: Node) -> Node:
    """The transposed value, derivatives in the other layout."""
    if not _changes(node):
        return build.transpose(node)
    rebuilt = type(node)(*(_kept(arg) for arg in node.args))
    return build.transpose(rebuilt)


def _kept(arg: object) -> object:
    if isinstance(arg, tuple):
        return tuple(_kept(a) for a in arg)
    return keep(arg) if isinstance(arg, Node) else arg


@flip.register
def _(node: Variable) -> Node:
    if node.role is Role.PART:
        return Variable(node.name, node.role, node.shape[::-1], node.time)
    return build.transpose(node)


@flip.register
def _(node: Jacobian) -> Node:
    return Jacobian(node.of, node.by, node.layout.other)


@flip.register
def _(node: ImmediateJacobian) -> Node:
    return ImmediateJacobian(node.of, node.by, node.layout.other)


@flip.register(MatMul)
def _(node: MatMul) -> Node:
    return product(*(flip(f) for f in reversed(node.args[0])))


@flip.register(Add)
@flip.register(Hadamard)
def _(node: Node) -> Node:
    if isinstance(node, Add):
        return _flip_sum(node)
    return build.times(*(flip(f) for f in node.args[0]))


def _flip_sum(node: Add) -> Node:
    terms = node.args[0]
    if not _changes(node) and all(isinstance(t.args[0] if isinstance(t, Neg) else t, Variable) for t in terms):
        return build.transpose(node)
    return build.add(*(flip(t) for t in terms))


@flip.register
def _(node: Neg) -> Node:
    return build.neg(flip(node.args[0]))


@flip.register
def _(node: Divide) -> Node:
    return build.divide(flip(node.args[0]), flip(node.args[1]))


@flip.register
def _(node: Power) -> Node:
    return build.power(flip(node.args[0]), keep(node.args[1]))


@flip.register
def _(node: Transpose) -> Node:
    return keep(node.args[0])


@flip.register(Diag)
@flip.register(Eye)
def _(node: Node) -> Node:
    if isinstance(node, Diag) and _changes(node):
        return Diag(keep(node.args[0]))
    return node


@flip.register
def _(node: Ones) -> Node:
    return Ones(node.shape[1], node.shape[0])


@flip.register
def _(node: Zeros) -> Node:
    return Zeros(node.shape[::-1])


@flip.register
def _(node: Sum) -> Node:
    return Sum(flip(node.body), node.index, node.lower, node.upper)


@flip.register
def _(node: Product) -> Node:
    return Product(flip(node.body), node.index, node.last, node.first, -node.step)


@flip.register
def _(node: HadamardProduct) -> Node:
    return HadamardProduct(flip(node.body), node.index, node.first, node.last, node.step)


@flip.register
def _(node: MatrixPower) -> Node:
    return MatrixPower(flip(node.args[0]), node.args[1])


@flip.register
def _(node: Inverse) -> Node:
    return Inverse(flip(node.args[0]))


@flip.register
def _(node: Kron) -> Node:
    return Kron(flip(node.args[0]), flip(node.args[1]))


@flip.register
def _(node: Commutation) -> Node:
    return Commutation(node.args[1], node.args[0])


@flip.register
def _(node: Concat) -> Node:
    return HStack(tuple(flip(p) for p in node.args[0]))


@flip.register
def _(node: HStack) -> Node:
    return Concat(tuple(flip(p) for p in node.args[0]))


@flip.register
def _(node: Slice) -> Node:
    operand, rows, columns = node.args
    return Slice(flip(operand), columns, rows)


@flip.register
def _(node: Entry) -> Node:
    operand, indices = node.args
    if not _changes(operand):
        return node
    # Three indices are always those of the vector, then of the matrix as written, in either layout.
    return Entry(flip(operand), indices if len(indices) == 3 else indices[::-1])


@flip.register
def _(node: Trace) -> Node:
    return Trace(flip(node.args[0])) if _changes(node) else node


@flip.register
def _(node: Call) -> Node:
    if not _changes(node):
        return build.transpose(node)
    return Call(node.name, tuple(flip(a) for a in node.arguments), node.order)
