"""Sums, products, powers and what else is computed from matrices.  A constructor checks shapes and rewrites nothing."""

from __future__ import annotations

from functools import reduce

from symrnn.errors import ShapeError
from symrnn.language.index import Index
from symrnn.language.node import SCALAR, Node, Shape, format_shape


def as_matrix_shape(shape: Shape) -> Shape:
    """A scalar counts as 1×1 where matrices are stacked."""
    if len(shape) == 3:
        raise ShapeError("a third-order tensor cannot be stacked")
    return shape or (Index.of(1), Index.of(1))


def matrix_shape(node: Node, what: str) -> Shape:
    """The shape of a matrix or vector; anything else is a ShapeError that names the operation."""
    if len(node.shape) != 2:
        raise ShapeError(f"{what} takes a matrix or a vector, but got a {kind_of(node.shape)}")
    return node.shape


def kind_of(shape: Shape) -> str:
    """A shape in words, as a message shows it."""
    return "scalar" if shape == SCALAR else f"{format_shape(shape)} array"


def _square(node: Node, what: str) -> Shape:
    rows, columns = matrix_shape(node, what)
    if rows != columns:
        raise ShapeError(f"{what} takes a square matrix, but got {format_shape(node.shape)}")
    return node.shape


def _common(nodes: tuple[Node, ...], what: str, way_out: str) -> Shape:
    """The shape of an elementwise operation: all equal, scalars and 1×1 apart."""
    shaped = [n for n in nodes if not n.is_single]
    if not shaped:
        return next((n.shape for n in nodes if n.shape != SCALAR), SCALAR)
    for node in shaped[1:]:
        if node.shape != shaped[0].shape:
            raise ShapeError(
                f"{what} of {format_shape(shaped[0].shape)} and {format_shape(node.shape)}: the shapes differ",
                hint=way_out,
            )
    return shaped[0].shape


def _product_shape(left: Shape, right: Shape) -> Shape:
    if SCALAR in (left, right):
        raise ShapeError(
            f"@ of {format_shape(left)} and {format_shape(right)}: @ multiplies matrices",
            hint="Write * to multiply by a scalar.",
        )
    if left[-1] != right[0]:
        raise ShapeError(
            f"@ of {format_shape(left)} and {format_shape(right)}: the inner sizes {left[-1]} and {right[0]} differ",
            hint=_transpose_hint(left, right),
        )
    shape = left[:-1] + right[1:]
    # A row times a vector-by-matrix tensor is scalar-by-matrix: its axis of one component goes (and mirrored).
    if len(shape) == 3 and len(right) == 3 and shape[0].constant == 1:
        return shape[1:]
    if len(shape) == 3 and len(left) == 3 and shape[-1].constant == 1:
        return shape[:-1]
    if len(shape) > 3:
        raise ShapeError(f"@ of {format_shape(left)} and {format_shape(right)} has more than three axes")
    return shape


def _transpose_hint(left: Shape, right: Shape) -> str | None:
    if len(left) != 2 or len(right) != 2:
        return None
    if left[0] == right[0]:
        return f"The transposed left factor would fit: {format_shape(left[::-1])} and {format_shape(right)}."
    if left[1] == right[1]:
        return f"The transposed right factor would fit: {format_shape(left)} and {format_shape(right[::-1])}."
    if left == right:
        return "Write * for the elementwise (Hadamard) product."
    return None


class MatMul(Node):
    """The matrix product of two or more factors, ``MatMul(factors)``, in the order that was written.

    With a third-order factor (n, q, p), a vector by a matrix in numerator layout, ``@`` contracts the adjacent
    axes; a row (1, n) times it is q×p.
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, factors: tuple[Node, ...]) -> Shape:
        if len(factors) < 2:
            raise ShapeError("a matrix product has at least two factors")
        return reduce(_product_shape, [f.shape for f in factors])


class Hadamard(Node):
    """The elementwise product ``Hadamard(factors)`` of equal shapes, where scalars multiply anything."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, factors: tuple[Node, ...]) -> Shape:
        return _common(
            factors,
            "*",
            "Write @ for the matrix product, or give both factors the same shape for the hadamard product.",
        )


class Add(Node):
    """The sum ``Add(terms)`` of equal shapes; only scalars broadcast.  A subtraction is the sum with a ``Neg``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, terms: tuple[Node, ...]) -> Shape:
        return _common(terms, "+", "Only scalars broadcast; write a bias of a minibatch as ones(B) @ b.T.")


class Neg(Node):
    """The negative."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        return operand.shape


class Divide(Node):
    """The elementwise quotient; either side may be a scalar."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, numerator: Node, denominator: Node) -> Shape:
        return _common((numerator, denominator), "/", "Divide equal shapes elementwise, or by a scalar.")


class Power(Node):
    """The elementwise power ``base**exponent`` with a scalar exponent."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, base: Node, exponent: Node) -> Shape:
        if not exponent.is_single:
            raise ShapeError(f"the exponent of ** is a scalar, but got {format_shape(exponent.shape)}")
        return base.shape


class MatrixPower(Node):
    """The matrix's own power ``matrix_power(A, k)`` with an integer exponent, symbolic or not."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, base: Node, exponent: Index) -> Shape:
        return _square(base, "matrix_power")


class Inverse(Node):
    """The inverse of a square matrix."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        return _square(operand, "inv")


class Transpose(Node):
    """The transpose: all axes reversed, so a scalar stays as it is."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        return operand.shape[::-1]


class Trace(Node):
    """The trace of a square matrix."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        _square(operand, "trace")
        return SCALAR


class Determinant(Node):
    """The determinant of a square matrix."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        _square(operand, "det")
        return SCALAR


class Diag(Node):
    """The diagonal matrix of a column or a row."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        rows, columns = matrix_shape(operand, "diag")
        if not (operand.is_column or operand.is_row):
            raise ShapeError(f"diag takes a vector, but got {format_shape(operand.shape)}")
        size = rows if operand.is_column else columns
        return (size, size)
