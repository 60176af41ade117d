"""The chain rule through one expression, from its output back to its leaves (numerator layout).

For a scalar s and a p×q matrix X the derivative G = ∂s/∂X is q×p, and ds = tr(G dX).  All rules below are read off that
trace: for Y = L X R, ds = tr(H L dX R) = tr(R H L dX), hence ∂s/∂X = R H L with H = ∂s/∂Y: the input on the far left.

Source of the trace method: J. Magnus, H. Neudecker, "Matrix Differential Calculus" (1988), ch. 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch

from symrnn.calculus.padding import Padded, gather
from symrnn.calculus.products import block, outer_split, product, scaled_columns, transpose
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.binder import Sum
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Eye, Number, Ones, Variable, number
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Call,
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
from symrnn.language.traversal import free_indices, fresh_index, postorder, substitute_indices
from symrnn.primitives import PIECEWISE_LINEAR, lookup

Wanted = Callable[[Variable], bool]
Named = Mapping[Node, Node]
"""Expressions that have a name: the right-hand side ``tanh(a[t])`` and its variable ``h[t]``."""


@dataclass(frozen=True)
class Range:
    """A sum's index and bounds that a contribution still runs over."""

    index: str
    lower: Index
    upper: Index


@dataclass(frozen=True)
class Contribution:
    """``value`` is one summand of ∂s/∂leaf; the leaf's time may run over ``ranges``."""

    leaf: Variable
    value: Node
    ranges: tuple[Range, ...] = ()


def pullback(expression: Node, upstream: Node, wanted: Wanted, named: Named | None = None) -> list[Contribution]:
    """All contributions of ∂s/∂leaf for the wanted leaves, given ``upstream`` = ∂s/∂expression.

    Each distinct leaf (name and time) comes once per sum it stands in.  Raises UnsupportedError where a form between
    the expression and a wanted leaf has no rule.
    """
    names = named or {}
    needed = _needed(expression, wanted)
    if expression not in needed:
        return []
    pending: dict[Node, list[Node | Padded]] = {expression: [upstream]}
    found: list[Contribution] = []
    for node in reversed(list(postorder(expression))):
        if node not in pending:
            continue
        adjoint = gather(node, pending.pop(node))
        if isinstance(node, Variable):
            found.append(Contribution(node, adjoint))
        elif isinstance(node, Sum):
            found.extend(_through_sum(node, adjoint, wanted, names))
        else:
            for child, contribution in local_rule(node, adjoint, names):
                if child in needed:
                    pending.setdefault(child, []).append(contribution)
    return found


def _needed(expression: Node, wanted: Wanted) -> set[Node]:
    needed: set[Node] = set()
    for node in postorder(expression):
        if (isinstance(node, Variable) and wanted(node)) or any(c in needed for c in node.children):
            needed.add(node)
    return needed


def _through_sum(node: Sum, adjoint: Node, wanted: Wanted, named: Named) -> Iterator[Contribution]:
    body, index, lower, upper = node.args
    if index in free_indices(adjoint):
        fresh = fresh_index(index, free_indices(adjoint) | free_indices(body))
        body, index = substitute_indices(body, {index: Index.of(fresh)}), fresh
    for inner in pullback(body, adjoint, wanted, named):
        time = inner.leaf.time
        if time is not None and index in time.names():
            yield Contribution(inner.leaf, inner.value, (*inner.ranges, Range(index, lower, upper)))
        else:
            yield Contribution(inner.leaf, build.sum_over(inner.value, index, lower, upper), inner.ranges)


def elementwise_contribution(child: Node, node: Node, adjoint: Node, factor: Node) -> Node:
    """∂s/∂child for a node whose entries are functions of the child's, with local derivative ``factor``."""
    if node.is_single or adjoint.is_single:
        return build.times(adjoint, factor) if adjoint is not ONE else factor
    if child.is_single:
        if factor.is_single:
            return build.times(factor, build.apply("sum", adjoint))
        return _contract(adjoint, factor)
    if factor.is_single:
        return product(factor, adjoint) if factor.is_scalar else build.times(factor, adjoint)
    if node.is_column:
        return scaled_columns(adjoint, factor)
    if node.is_row:
        return product(Diag(factor), adjoint)
    return build.times(adjoint, transpose(factor))


def _contract(adjoint: Node, factor: Node) -> Node:
    if adjoint.is_row:
        return product(adjoint, factor)
    if factor.is_row:
        return product(factor, adjoint)
    return Trace(product(adjoint, factor))


Local = Iterator[tuple[Node, "Node | Padded"]]


@singledispatch
def local_rule(node: Node, adjoint: Node, named: Named) -> Local:
    """The contributions of one node's derivative to its operands'."""
    raise UnsupportedError(
        f"there is no derivative rule for {type(node).__name__}",
        hint="A form without a rule is never taken for zero; differentiate by something that does not stand inside it.",
    )


@local_rule.register
def _(node: MatMul, adjoint: Node, named: Named) -> Local:
    factors = node.args[0]
    for place, factor in enumerate(factors):
        yield factor, product(*factors[place + 1 :], adjoint, *factors[:place])


@local_rule.register
def _(node: Hadamard, adjoint: Node, named: Named) -> Local:
    factors = node.args[0]
    for place, factor in enumerate(factors):
        rest = factors[:place] + factors[place + 1 :]
        yield factor, elementwise_contribution(factor, node, adjoint, build.times(*rest))


@local_rule.register
def _(node: Add, adjoint: Node, named: Named) -> Local:
    for term in node.args[0]:
        yield term, elementwise_contribution(term, node, adjoint, ONE)


@local_rule.register
def _(node: Neg, adjoint: Node, named: Named) -> Local:
    yield node.args[0], build.neg(adjoint)


@local_rule.register
def _(node: Divide, adjoint: Node, named: Named) -> Local:
    top, bottom = node.args
    yield top, elementwise_contribution(top, node, adjoint, build.divide(ONE, bottom))
    slope = build.neg(build.divide(top, build.power(bottom, 2)))
    yield bottom, elementwise_contribution(bottom, node, adjoint, slope)


@local_rule.register
def _(node: Power, adjoint: Node, named: Named) -> Local:
    base, exponent = node.args
    lowered = number(exponent.value - 1) if isinstance(exponent, Number) else build.subtract(exponent, ONE)
    if isinstance(lowered, Number) and lowered.value == 0:
        yield base, adjoint
    else:
        slope = build.times(exponent, build.power(base, lowered))
        yield base, elementwise_contribution(base, node, adjoint, slope)
    by_exponent = build.times(node, build.apply("log", base))
    yield exponent, elementwise_contribution(exponent, node, adjoint, by_exponent)


@local_rule.register
def _(node: MatrixPower, adjoint: Node, named: Named) -> Local:
    base, exponent = node.args
    index = fresh_index("i", free_indices(node) | free_indices(adjoint))
    here = Index.of(index)
    inner = product(build.matrix_power(base, exponent - 1 - here), adjoint, build.matrix_power(base, here))
    yield base, build.sum_over(inner, index, 0, exponent - 1)


@local_rule.register
def _(node: Inverse, adjoint: Node, named: Named) -> Local:
    yield node.args[0], build.neg(product(node, adjoint, node))


@local_rule.register
def _(node: Transpose, adjoint: Node, named: Named) -> Local:
    yield node.args[0], transpose(adjoint)


@local_rule.register
def _(node: Trace, adjoint: Node, named: Named) -> Local:
    size = node.args[0].shape[0]
    yield node.args[0], build.times(adjoint, Eye(size)) if adjoint is not ONE else Eye(size)


@local_rule.register
def _(node: Determinant, adjoint: Node, named: Named) -> Local:
    yield node.args[0], build.times(adjoint, node, Inverse(node.args[0]))


@local_rule.register
def _(node: Diag, adjoint: Node, named: Named) -> Local:
    vector = node.args[0]
    split = outer_split(adjoint)
    if split is not None:
        column, row = split
        along = scaled_columns(row, column)
    else:
        size = node.shape[0]
        along = product(Ones(Index.of(1), size), build.times(adjoint, Eye(size)))
    yield vector, along if vector.is_column else transpose(along)


@local_rule.register
def _(node: Concat, adjoint: Node, named: Named) -> Local:
    offset = Index.of(0)
    for part in node.args[0]:
        size = part.shape[0] if part.shape else Index.of(1)
        yield part, block(adjoint, None, (offset, offset + size))
        offset = offset + size


@local_rule.register
def _(node: HStack, adjoint: Node, named: Named) -> Local:
    offset = Index.of(0)
    for part in node.args[0]:
        size = part.shape[1] if part.shape else Index.of(1)
        yield part, block(adjoint, (offset, offset + size), None)
        offset = offset + size


@local_rule.register
def _(node: Slice, adjoint: Node, named: Named) -> Local:
    operand, rows, columns = node.args
    yield operand, Padded(adjoint, rows, columns)


@local_rule.register
def _(node: Entry, adjoint: Node, named: Named) -> Local:
    operand, indices = node.args
    spans = [(i, i + 1) for i in indices]
    if len(spans) == 1:
        spans = [spans[0], (Index.of(0), Index.of(1))] if operand.is_column else [(Index.of(0), Index.of(1)), spans[0]]
    (row, _), (column, _) = spans
    if operand.is_column and operand.is_row:
        yield operand, adjoint
        return
    down = unit_row(row, operand.shape[0])
    across = transpose(unit_row(column, operand.shape[1]))
    yield operand, product(adjoint, across, down) if adjoint.is_scalar else product(across, adjoint, down)


def unit_row(place: Index, size: Index) -> Node:
    """The unit row e_placeᵀ of a size, as a slice of the identity."""
    return build.take(Eye(size), (place, place + 1), None)


@local_rule.register
def _(node: Call, adjoint: Node, named: Named) -> Local:
    record = lookup(node.name)
    output = named.get(node, node)
    if record is None or record.kind == "elementwise":
        (operand,) = node.arguments
        yield operand, elementwise_contribution(operand, node, adjoint, slope(node, output))
    elif record.kind == "vector":
        for operand, jacobian in zip(node.arguments, record.jacobian, strict=True):
            matrix = jacobian(output, *node.arguments)
            yield operand, product(adjoint, matrix) if node.is_column else product(transpose(matrix), adjoint)
    else:
        for operand, jacobian in zip(node.arguments, record.jacobian, strict=True):
            yield operand, build.times(adjoint, jacobian(output, *node.arguments))


def slope(node: Call, output: Node) -> Node:
    """The elementwise derivative f'(x), in the output where the primitive has it so."""
    record = lookup(node.name)
    (operand,) = node.arguments
    if record is not None and record.derivative is not None and node.order == 0:
        return record.derivative(output, operand)
    if node.order >= 1 and node.name in PIECEWISE_LINEAR:
        return build.zeros_like(node)
    return Call(node.name, node.arguments, node.order + 1)


@local_rule.register
def _(node: Vec, adjoint: Node, named: Named) -> Local:
    operand = node.args[0]
    rows, columns = operand.shape or (Index.of(1), Index.of(1))
    yield operand, transpose(Unvec(transpose(adjoint), rows, columns))


@local_rule.register
def _(node: Unvec, adjoint: Node, named: Named) -> Local:
    yield node.args[0], transpose(Vec(transpose(adjoint)))


@local_rule.register
def _(node: Kron, adjoint: Node, named: Named) -> Local:
    left, right = node.args
    p, q = right.shape
    taken = free_indices(node) | free_indices(adjoint)
    i = fresh_index("i", taken)
    j = fresh_index("j", taken | {i})
    row, column = Index.of(i), Index.of(j)
    inner = build.take(adjoint, (column * q, (column + 1) * q), (row * p, (row + 1) * p))
    scaled = build.times(Entry(left, (row, column)), inner)
    yield right, Sum(Sum(scaled, j, Index.of(0), left.shape[1] - 1), i, Index.of(0), left.shape[0] - 1)
    unit = product(transpose(unit_row(column, left.shape[1])), unit_row(row, left.shape[0]))
    weighted = build.times(Trace(product(inner, right)), unit)
    yield left, Sum(Sum(weighted, j, Index.of(0), left.shape[1] - 1), i, Index.of(0), left.shape[0] - 1)
