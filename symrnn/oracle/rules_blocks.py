"""Rules for blocks, stacks and entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from symrnn.errors import DataError
from symrnn.language import derivative, operation
from symrnn.language.index import Index
from symrnn.language.node import Node
from symrnn.oracle import tensors
from symrnn.oracle.frame import Array, Fn, Frame
from symrnn.oracle.rules import constant, rule, unary
from symrnn.oracle.scope import Children

if TYPE_CHECKING:
    from symrnn.oracle.compiler import Compiler


@rule.register(operation.Concat)
def _(node: operation.Concat, child: Children, compiler: Compiler) -> Fn:
    runs = [child(part) for part in node.args[0]]
    return lambda frame: tensors.stack_down([run(frame) for run in runs])


@rule.register(operation.HStack)
def _(node: operation.HStack, child: Children, compiler: Compiler) -> Fn:
    runs = [child(part) for part in node.args[0]]
    return lambda frame: tensors.stack_sideways([run(frame) for run in runs])


@rule.register(operation.Slice)
def _(node: operation.Slice, child: Children, compiler: Compiler) -> Fn:
    operand, *spans = node.args
    run, axes = child(operand), compiler.shape(operand.shape)
    bounds = [_span(span, axis, compiler) for span, axis in zip(spans, axes, strict=True)]

    def block(frame: Frame) -> Array:
        rows, columns = (bound(frame.index) for bound in bounds)
        return run(frame)[..., rows, columns]

    return block


def _span(span: operation.Span, axis: int, compiler: Compiler) -> Callable[[list[Any]], slice]:
    if span is None:
        return lambda index: slice(None)
    start, stop = (compiler.index(bound) for bound in span)

    def bounds(index: list[Any]) -> slice:
        low, high = start(index), stop(index)
        if not 0 <= low <= high <= axis:
            raise DataError(f"the slice {low}:{high} leaves an axis of size {axis}")
        return slice(low, high)

    return bounds


@rule.register(operation.Entry)
def _(node: operation.Entry, child: Children, compiler: Compiler) -> Fn:
    operand, indices = node.args
    run, axes = child(operand), compiler.shape(operand.shape)
    places = [compiler.index(index) for index in entry_places(operand, indices)]

    def entry(frame: Frame) -> Array:
        at = [place(frame.index) for place in places]
        checked_entry(at, axes)
        return run(frame)[(..., *at)][..., None, None]

    return entry


def entry_places(operand: Node, indices: tuple[Index, ...]) -> tuple[Index, ...]:
    """The indices in the order of the array's axes.

    One index of a vector gets a zero for the other axis; of a third-order derivative the indices are the
    vector's and then the matrix's as it is written, which numerator layout stores as (n, q, p) and
    denominator as (p, q, n).
    """
    if len(operand.shape) == 3:
        vector, row, column = indices
        return (row, column, vector) if layout_of(operand) is derivative.Layout.DENOMINATOR else (vector, column, row)
    if len(indices) == 1:
        zero = Index.of(0)
        return (indices[0], zero) if operand.is_column else (zero, indices[0])
    return indices


def layout_of(node: Node) -> derivative.Layout:
    """The layout of a third-order tensor: that of the first third-order derivative in it, numerator if there
    is none.
    """
    if isinstance(node, (derivative.Jacobian, derivative.ImmediateJacobian)):
        return node.layout
    return next((layout_of(below) for below in node.children if len(below.shape) == 3), derivative.Layout.NUMERATOR)


def checked_entry(at: list[int], axes: tuple[int, ...]) -> None:
    """An index that leaves its axis is an error: NumPy would count -1 from the end."""
    for index, axis in zip(at, axes, strict=True):
        if not 0 <= index < axis:
            raise DataError(f"the index {index} leaves an axis of size {axis} (entries count from 0)")


@rule.register(operation.Vec)
def _(node: operation.Vec, child: Children, compiler: Compiler) -> Fn:
    return unary(child(node.args[0]), tensors.vec)


@rule.register(operation.Unvec)
def _(node: operation.Unvec, child: Children, compiler: Compiler) -> Fn:
    rows, columns = (compiler.size(axis) for axis in node.args[1:])
    return unary(child(node.args[0]), lambda v: tensors.unvec(v, rows, columns))


@rule.register(operation.Commutation)
def _(node: operation.Commutation, child: Children, compiler: Compiler) -> Fn:
    rows, columns = (compiler.size(axis) for axis in node.args)
    compiler.shape(node.shape)
    return constant(compiler.arithmetic.array(tensors.commutation(rows, columns)))
