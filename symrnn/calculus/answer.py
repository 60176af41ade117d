"""The closed form for every kind of *by*: leaves, entries and blocks, vec, stacks of leaves."""

from __future__ import annotations

from symrnn.calculus.closed import ClosedForm
from symrnn.calculus.jacobian import to_row
from symrnn.calculus.products import as_scalar, block, product, transpose
from symrnn.calculus.question import By
from symrnn.language import build
from symrnn.language.index import Index
from symrnn.language.leaf import Eye, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Entry, Kron, Slice, Span


def closed_answer(closed: ClosedForm, by: By) -> Node:
    """∂of/∂by in numerator layout; of a vector by a matrix, ∂of/∂vec(by)."""
    if by.stack:
        whole = closed.by_whole_stack(by.stack)
        if whole is not None:
            return whole
        held = frozenset(by.stack)
        columns = [_row(closed, leaf, closed.by_variable(leaf, held)) for leaf in by.stack]
        return build.hcat(*columns)
    leaf = by.leaf
    assert leaf is not None
    derivative = closed.by_variable(leaf) if leaf.time is not None else closed.by_parameter(leaf)
    if closed.of.is_single and leaf.is_scalar:
        return as_scalar(derivative)
    if by.as_vec:
        return _row(closed, leaf, derivative)
    found = derivative if by.selection is None else selected(derivative, by.selection, leaf, closed.of.is_single)
    return in_shape_of(closed.of, by, found)


def in_shape_of(of: Node, by: By, derivative: Node) -> Node:
    """A row by a scalar has the row's own shape; its coordinates, which stand below one another, are turned."""
    by_scalar = isinstance(by.selection, Entry) or (by.leaf is not None and by.leaf.is_scalar)
    turned = by_scalar and of.is_row and not of.is_single and derivative.is_column
    return transpose(derivative) if turned else derivative


def _row(closed: ClosedForm, leaf: Variable, derivative: Node) -> Node:
    return to_row(derivative, leaf.shape) if closed.paths.scalar else derivative


def selected(whole: Node, selection: Node, leaf: Variable, scalar: bool) -> Node:
    """The part of a derivative that belongs to an entry or a block; rows of the variable are its columns."""
    if isinstance(selection, Slice):
        _, rows, columns = selection.args
        return block(whole, columns, rows) if scalar else product(whole, _chosen(leaf, rows, columns))
    assert isinstance(selection, Entry)
    indices: tuple[Index, ...] = selection.args[1]
    if scalar:
        places = indices[::-1] if len(indices) == 2 else indices
        return Entry(whole, places)
    offset = indices[0] if len(indices) == 1 else indices[0] + indices[1] * leaf.shape[0]
    return block(whole, None, (offset, offset + 1))


def _chosen(leaf: Variable, rows: Span, columns: Span) -> Node:
    """The columns of the identity that pick a block's coordinates out of those of the whole variable."""
    height, width = leaf.shape
    down, across = build.take(Eye(height), None, rows), build.take(Eye(width), None, columns)
    if leaf.is_column:
        return down
    return across if leaf.is_row else Kron(across, down)
