"""The derivative of one expression by one variable as a matrix, in coordinates (numerator layout).

The coordinates of a scalar are itself, of a vector (column or row) the column of its entries, of a matrix its ``vec``
(column-major).  The Jacobian of y by x is then coordinates(y) by coordinates(x); where both are columns it is the plain
n×m Jacobian.  For Y = L X R it is Rᵀ ⊗ L, from vec(LXR) = (Rᵀ ⊗ L) vec X.

Source: J. Magnus, H. Neudecker, "Matrix Differential Calculus" (1988), ch. 2 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch

from symrnn.calculus.products import block, product, scaled_columns, total, transpose
from symrnn.calculus.pullback import Named, slope, unit_row
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.binder import Sum
from symrnn.language.index import Index
from symrnn.language.leaf import MINUS_ONE, ONE, Eye, Number, Ones, Variable, Zeros, number
from symrnn.language.node import Node, Shape
from symrnn.language.operation import (
    Add,
    Call,
    Commutation,
    Concat,
    Determinant,
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
    Unvec,
    Vec,
)
from symrnn.language.traversal import free_indices, fresh_index, postorder
from symrnn.primitives import lookup

Inner = Callable[[Variable], "Node | None"]
"""The Jacobian of a leaf by the variable in question, or None where it does not depend on it."""


def coordinates(node: Node) -> Node:
    """The column of a node's entries; a scalar stays one."""
    if node.is_scalar or node.is_column:
        return node
    return transpose(node) if node.is_row else Vec(node)


def size(shape: Shape) -> Index:
    """How many coordinates."""
    return shape[0] * shape[1] if shape else Index.of(1)


def identity(shape: Shape) -> Node:
    """The Jacobian of a variable by itself."""
    return Eye(size(shape)) if shape else ONE


def by_leaf(leaf: Variable) -> Inner:
    """The Jacobians of leaves by one of them: the identity for itself, nothing for the others."""
    return lambda variable: identity(leaf.shape) if variable == leaf else None


def zero_block(of: Shape, by: Shape) -> Node:
    """The Jacobian of what does not depend, with the axes that it would have."""
    if not of and not by:
        return Zeros(())
    return Zeros((size(of), size(by)))


def from_row(row: Node, shape: Shape) -> Node:
    """A coordinate row ∂s/∂coordinates(x) as the derivative ∂s/∂x in numerator layout."""
    if not shape or shape[1].constant == 1:
        return row
    if shape[0].constant == 1:
        return transpose(row)
    return transpose(Unvec(transpose(row), *shape))


def to_row(derivative: Node, shape: Shape) -> Node:
    """The derivative ∂s/∂x of a scalar as a row over the coordinates of x."""
    if not shape or shape[1].constant == 1:
        return derivative
    if shape[0].constant == 1:
        return transpose(derivative)
    if isinstance(derivative, Transpose) and isinstance(derivative.args[0], Unvec):
        return transpose(derivative.args[0].args[0])
    return transpose(Vec(transpose(derivative)))


def jacobian(expression: Node, inner: Inner, named: Named) -> Node | None:
    """∂coordinates(expression)/∂x, given the Jacobians of the leaves by x; None where nothing depends on x."""
    done: dict[Node, Node | None] = {}
    for node in postorder(expression):
        if isinstance(node, Variable):
            done[node] = inner(node)
        elif isinstance(node, Sum):
            body = jacobian(node.body, inner, named)
            done[node] = None if body is None else build.sum_over(body, node.index, node.lower, node.upper)
        elif not any(done[c] is not None for c in node.children):
            done[node] = None
        else:
            done[node] = _combine(node, done, named)
    return done[expression]


def _combine(node: Node, done: dict[Node, Node | None], named: Named) -> Node:
    stacked = _stack(node, done)
    if stacked is not None:
        return stacked
    terms = []
    for child, factor in local_jacobian(node, named):
        known = done[child]
        if known is not None:
            terms.append(product(factor, known))
    return total(terms)


def _stack(node: Node, done: dict[Node, Node | None]) -> Node | None:
    """Stacks of columns, and sideways stacks of anything, have the stack of their parts' Jacobians."""
    if isinstance(node, Slice) and node.args[0].is_column:
        inside = done[node.args[0]]
        return block(inside, node.args[1], None) if inside is not None else None
    if not (isinstance(node, HStack) or (isinstance(node, Concat) and node.is_column)):
        return None
    parts = node.args[0]
    width = next(_width(j) for p in parts if (j := done[p]) is not None)
    return build.concat(*(_as_rows(done[p], p, width) for p in parts))


def _width(node: Node) -> Index:
    return node.shape[1] if node.shape else Index.of(1)


def _as_rows(derivative: Node | None, part: Node, width: Index) -> Node:
    return derivative if derivative is not None else Zeros((size(part.shape), width))


def kron(left: Node | None, right: Node | None) -> Node:
    """Left ⊗ right, where None stands for the number one."""
    if left is None or right is None:
        kept = right if left is None else left
        return kept if kept is not None else ONE
    if isinstance(left, Eye) and isinstance(right, Eye):
        return Eye(left.shape[0] * right.shape[0])
    return Kron(left, right)


def diagonal(factor: Node, node: Node) -> Node:
    """diag(factor) over the coordinates of a node; a scalar factor is a multiple of the identity."""
    if node.is_scalar:
        return factor
    if factor.is_single:
        return build.times(factor, Eye(size(node.shape))) if factor is not ONE else Eye(size(node.shape))
    column = coordinates(factor)
    return Eye(column.shape[0]) if isinstance(column, Ones) else Diag(column)


def elementwise(child: Node, node: Node, factor: Node) -> Node:
    """The Jacobian of an elementwise operation by an operand with local derivative ``factor``."""
    if child.is_single and not node.is_single:
        column = coordinates(factor)
        return build.times(factor, Ones(size(node.shape), Index.of(1))) if factor.is_single else column
    return diagonal(factor, node)


Local = Iterator[tuple[Node, Node]]


@singledispatch
def local_jacobian(node: Node, named: Named) -> Local:
    """The Jacobians of one node by its operands, in coordinates."""
    raise UnsupportedError(
        f"there is no Jacobian rule for {type(node).__name__}",
        hint="A form without a rule is never taken for zero; ask for the recursion form instead.",
    )


@local_jacobian.register
def _(node: MatMul, named: Named) -> Local:
    factors = node.args[0]
    for place, factor in enumerate(factors):
        left = build.matmul(*factors[:place]) if place else None
        right = build.matmul(*factors[place + 1 :]) if place + 1 < len(factors) else None
        if isinstance(factor, Diag) and right is not None and right.is_column:
            # L diag(v) r = L diag(r) v
            scaled = Diag(right) if left is None else scaled_columns(left, right)
            yield _on_diagonal(factor), scaled
            continue
        before = transpose(right) if right is not None else _missing(factor.shape[1])
        after = left if left is not None else _missing(factor.shape[0])
        yield factor, kron(before, after)


def _on_diagonal(node: Diag) -> Node:
    """The vector on a diagonal; a row has the same coordinates as its column."""
    return node.args[0]


def _missing(axis: Index) -> Node | None:
    return None if axis.constant == 1 else Eye(axis)


def _diagonal_part(node: Diag) -> Node:
    """The n×n² matrix that takes vec(diag(v)) to v: Σ_i e_i (e_i ⊗ e_i)ᵀ."""
    length = node.shape[0]
    index = fresh_index("i", free_indices(node))
    unit = unit_row(Index.of(index), length)
    return Sum(product(transpose(unit), Kron(unit, unit)), index, Index.of(0), length - 1)


@local_jacobian.register
def _(node: Diag, named: Named) -> Local:
    yield node.args[0], transpose(_diagonal_part(node))


@local_jacobian.register
def _(node: Hadamard, named: Named) -> Local:
    factors = node.args[0]
    for place, factor in enumerate(factors):
        rest = build.times(*factors[:place], *factors[place + 1 :])
        yield factor, elementwise(factor, node, rest)


@local_jacobian.register
def _(node: Add, named: Named) -> Local:
    for term in node.args[0]:
        yield term, elementwise(term, node, ONE)


@local_jacobian.register
def _(node: Neg, named: Named) -> Local:
    yield node.args[0], MINUS_ONE


@local_jacobian.register
def _(node: Divide, named: Named) -> Local:
    top, bottom = node.args
    yield top, elementwise(top, node, build.divide(ONE, bottom))
    yield bottom, elementwise(bottom, node, build.neg(build.divide(top, build.power(bottom, 2))))


@local_jacobian.register
def _(node: Power, named: Named) -> Local:
    base, exponent = node.args
    lowered = number(exponent.value - 1) if isinstance(exponent, Number) else build.subtract(exponent, ONE)
    if isinstance(lowered, Number) and lowered.value == 0:
        yield base, diagonal(ONE, node)
    else:
        yield base, elementwise(base, node, build.times(exponent, build.power(base, lowered)))
    yield exponent, elementwise(exponent, node, build.times(node, build.apply("log", base)))


@local_jacobian.register
def _(node: MatrixPower, named: Named) -> Local:
    base, exponent = node.args
    index = fresh_index("i", free_indices(node))
    here = Index.of(index)
    inner = Kron(transpose(build.matrix_power(base, exponent - 1 - here)), build.matrix_power(base, here))
    yield base, Sum(inner, index, Index.of(0), exponent - 1)


@local_jacobian.register
def _(node: Inverse, named: Named) -> Local:
    yield node.args[0], build.neg(Kron(transpose(node), node))


@local_jacobian.register
def _(node: Transpose, named: Named) -> Local:
    operand = node.args[0]
    if operand.is_column or operand.is_row:
        yield operand, identity(operand.shape)
    else:
        yield operand, Commutation(*operand.shape)


@local_jacobian.register
def _(node: Trace, named: Named) -> Local:
    yield node.args[0], transpose(Vec(Eye(node.args[0].shape[0])))


@local_jacobian.register
def _(node: Determinant, named: Named) -> Local:
    inverse = Inverse(node.args[0])
    yield node.args[0], build.times(node, transpose(Vec(transpose(inverse))))


@local_jacobian.register
def _(node: Concat, named: Named) -> Local:
    rows, columns = node.shape
    offset = Index.of(0)
    for part in node.args[0]:
        height = part.shape[0] if part.shape else Index.of(1)
        placed = build.take(Eye(rows), None, (offset, offset + height))
        yield part, kron(Eye(columns), placed)
        offset = offset + height


@local_jacobian.register
def _(node: Slice, named: Named) -> Local:
    operand, rows, columns = node.args
    height, width = operand.shape
    down = build.take(Eye(height), rows, None) if rows is not None else _missing(height)
    across = build.take(Eye(width), columns, None) if columns is not None else _missing(width)
    yield operand, kron(across, down)


@local_jacobian.register
def _(node: Entry, named: Named) -> Local:
    operand, indices = node.args
    places = list(indices)
    if len(places) == 1:
        yield operand, unit_row(places[0], size(operand.shape))
        return
    yield operand, Kron(unit_row(places[1], operand.shape[1]), unit_row(places[0], operand.shape[0]))


@local_jacobian.register
def _(node: Call, named: Named) -> Local:
    record = lookup(node.name)
    output = named.get(node, node)
    if record is None or record.kind == "elementwise":
        yield node.arguments[0], diagonal(slope(node, output), node)
    elif record.kind == "vector":
        for operand, rule in zip(node.arguments, record.jacobian, strict=True):
            yield operand, rule(output, *node.arguments)
    else:
        for operand, rule in zip(node.arguments, record.jacobian, strict=True):
            yield operand, to_row(rule(output, *node.arguments), operand.shape)


@local_jacobian.register
def _(node: Vec, named: Named) -> Local:
    yield node.args[0], identity(node.args[0].shape)


@local_jacobian.register
def _(node: Unvec, named: Named) -> Local:
    yield node.args[0], identity(node.args[0].shape)
