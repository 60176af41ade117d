"""Stacks, slices, entries and the vec operations: what rearranges entries and computes nothing."""

from __future__ import annotations

from symrnn.errors import ShapeError
from symrnn.language.index import Index
from symrnn.language.node import SCALAR, Node, Shape, format_shape
from symrnn.language.operation.algebra import as_matrix_shape, kind_of, matrix_shape


class Concat(Node):
    """Stacking downward, ``Concat(parts)``; scalars count as 1×1."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, parts: tuple[Node, ...]) -> Shape:
        shapes = [as_matrix_shape(p.shape) for p in parts]
        for shape in shapes[1:]:
            if shape[1] != shapes[0][1]:
                raise ShapeError(f"concat of {format_shape(shapes[0])} and {format_shape(shape)}: the widths differ")
        return (sum((s[0] for s in shapes[1:]), shapes[0][0]), shapes[0][1])


class HStack(Node):
    """Stacking sideways, ``hcat`` in a text; scalars count as 1×1."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, parts: tuple[Node, ...]) -> Shape:
        shapes = [as_matrix_shape(p.shape) for p in parts]
        for shape in shapes[1:]:
            if shape[0] != shapes[0][0]:
                raise ShapeError(f"hcat of {format_shape(shapes[0])} and {format_shape(shape)}: the heights differ")
        return (shapes[0][0], sum((s[1] for s in shapes[1:]), shapes[0][1]))


Span = tuple[Index, Index] | None
"""From and to (exclusive), counted from 0; None is the whole axis."""


class Slice(Node):
    """A block ``A[rows, columns]`` with half-open spans; both axes stay, so ``z[0:n]`` of a column is a column."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node, rows: Span, columns: Span) -> Shape:
        shape = matrix_shape(operand, "a slice")
        return tuple(
            axis if span is None else _span_length(span, axis)
            for axis, span in zip(shape, (rows, columns), strict=True)
        )


def _span_length(span: tuple[Index, Index], axis: Index) -> Index:
    start, stop = span
    length = stop - start
    beyond = (stop - axis).constant
    if (start.constant is not None and start.constant < 0) or (beyond is not None and beyond > 0):
        raise ShapeError(f"the slice {start}:{stop} leaves an axis of size {axis}")
    if length.constant is not None and length.constant < 1:
        raise ShapeError(f"the slice {start}:{stop} is empty")
    return length


class Entry(Node):
    """One entry as a scalar, ``Entry(A, indices)``, counted from 0: two indices, or one of a vector.

    An index that is a symbol nobody bound runs over its whole axis: that is the index form of a derivative.
    Of a third-order derivative three indices: those of the vector, then of the matrix as it is *written*, row
    first (``language.md``, 3: of, then by).
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node, indices: tuple[Index, ...]) -> Shape:
        axes = operand.shape
        if len(indices) == 1 and len(axes) == 2 and (operand.is_column or operand.is_row):
            axes = axes[:1] if operand.is_column else axes[1:]
        if len(indices) != len(axes):
            raise ShapeError(f"an entry of {kind_of(operand.shape)} takes {len(axes)} indices, but got {len(indices)}")
        for index, axis in zip(indices, axes, strict=True):
            low, over = index.constant, (index - axis).constant
            if (low is not None and low < 0) or (over is not None and over >= 0):
                raise ShapeError(f"the index {index} leaves an axis of size {axis} (entries count from 0)")
        return SCALAR


class Kron(Node):
    """The Kronecker product of two matrices."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, left: Node, right: Node) -> Shape:
        a, b = as_matrix_shape(left.shape), as_matrix_shape(right.shape)
        return (a[0] * b[0], a[1] * b[1])


class Vec(Node):
    """The column of a matrix's columns, one below the other (column-major, as in textbooks)."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        rows, columns = as_matrix_shape(operand.shape)
        return (rows * columns, Index.of(1))


class Unvec(Node):
    """The p×q matrix whose ``vec`` is the given column: ``unvec(v, p, q)``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node, rows: Index, columns: Index) -> Shape:
        if operand.shape != (rows * columns, Index.of(1)):
            raise ShapeError(
                f"unvec to {rows}×{columns} takes a column of {rows * columns}, but got {format_shape(operand.shape)}"
            )
        return (rows, columns)


class Commutation(Node):
    """The permutation K with ``vec(A.T) = K @ vec(A)`` for a p×q matrix A: ``commutation(p, q)``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, rows: Index, columns: Index) -> Shape:
        return (rows * columns, rows * columns)
