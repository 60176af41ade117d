"""The operations.  A constructor checks shapes and rewrites nothing; :mod:`symrnn.language.build` is for building."""

from __future__ import annotations

from functools import reduce

from symrnn.errors import ShapeError
from symrnn.language.index import Index
from symrnn.language.node import SCALAR, Node, Shape, format_shape


def _matrix(node: Node, what: str) -> Shape:
    if len(node.shape) != 2:
        raise ShapeError(f"{what} takes a matrix or a vector, but got a {_kind(node.shape)}")
    return node.shape


def _kind(shape: Shape) -> str:
    return "scalar" if shape == SCALAR else f"{format_shape(shape)} array"


def _square(node: Node, what: str) -> Shape:
    rows, columns = _matrix(node, what)
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
        return _common(factors, "*", "Write @ for the matrix product, or give both factors the same shape for the hadamard product.")


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
        rows, columns = _matrix(operand, "diag")
        if not (operand.is_column or operand.is_row):
            raise ShapeError(f"diag takes a vector, but got {format_shape(operand.shape)}")
        size = rows if operand.is_column else columns
        return (size, size)


class Concat(Node):
    """Stacking downward, ``Concat(parts)``; scalars count as 1×1."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, parts: tuple[Node, ...]) -> Shape:
        shapes = [_as_matrix(p.shape) for p in parts]
        for shape in shapes[1:]:
            if shape[1] != shapes[0][1]:
                raise ShapeError(f"concat of {format_shape(shapes[0])} and {format_shape(shape)}: the widths differ")
        return (sum((s[0] for s in shapes[1:]), shapes[0][0]), shapes[0][1])


class HStack(Node):
    """Stacking sideways, ``hcat`` in a text; scalars count as 1×1."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, parts: tuple[Node, ...]) -> Shape:
        shapes = [_as_matrix(p.shape) for p in parts]
        for shape in shapes[1:]:
            if shape[0] != shapes[0][0]:
                raise ShapeError(f"hcat of {format_shape(shapes[0])} and {format_shape(shape)}: the heights differ")
        return (shapes[0][0], sum((s[1] for s in shapes[1:]), shapes[0][1]))


def _as_matrix(shape: Shape) -> Shape:
    if len(shape) == 3:
        raise ShapeError("a third-order tensor cannot be stacked")
    return shape or (Index.of(1), Index.of(1))


Span = tuple[Index, Index] | None
"""From and to (exclusive), counted from 0; None is the whole axis."""


class Slice(Node):
    """A block ``A[rows, columns]`` with half-open spans; both axes stay, so ``z[0:n]`` of a column is a column."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node, rows: Span, columns: Span) -> Shape:
        shape = _matrix(operand, "a slice")
        return tuple(
            axis if span is None else _span_length(span, axis) for axis, span in zip(shape, (rows, columns), strict=True)
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
            raise ShapeError(f"an entry of {_kind(operand.shape)} takes {len(axes)} indices, but got {len(indices)}")
        for index, axis in zip(indices, axes, strict=True):
            low, over = index.constant, (index - axis).constant
            if (low is not None and low < 0) or (over is not None and over >= 0):
                raise ShapeError(f"the index {index} leaves an axis of size {axis} (entries count from 0)")
        return SCALAR


class Call(Node):
    """A primitive applied to arguments, ``Call(name, arguments, order)``; see :mod:`symrnn.primitives`.

    ``order`` counts the primes of an elementwise function: ``tanh'(a)`` is ``Call("tanh", (a,), 1)``.  The name may
    also be a generic function that the cell declares.  The shape rules of the few primitives that are not
    elementwise stand in ``SHAPES``.
    """

    __slots__ = ()

    @classmethod
    def infer_shape(cls, name: str, arguments: tuple[Node, ...], order: int = 0) -> Shape:
        from_arguments = SHAPES.get(name)
        if from_arguments is not None:
            if order:
                raise ShapeError(f"{name} is not elementwise, so {name}' has no meaning")
            return from_arguments(name, arguments)
        if len(arguments) != 1:
            raise ShapeError(f"{name} takes one argument, but got {len(arguments)}")
        return arguments[0].shape

    def __new__(cls, name: str, arguments: tuple[Node, ...], order: int = 0) -> Call:
        return super().__new__(cls, name, arguments, order)

    @property
    def name(self) -> str:
        """The primitive's or the generic function's name."""
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def arguments(self) -> tuple[Node, ...]:
        """What it is applied to."""
        return self.args[1]  # type: ignore[no-any-return]

    @property
    def order(self) -> int:
        """How many primes."""
        return self.args[2]  # type: ignore[no-any-return]


def _vector_shape(name: str, arguments: tuple[Node, ...]) -> Shape:
    (operand,) = _arity(name, arguments, 1)
    if not (operand.is_column or operand.is_row):
        raise ShapeError(f"{name} takes one column or one row, but got {_kind(operand.shape)}")
    return operand.shape


def _normalisation_shape(name: str, arguments: tuple[Node, ...]) -> Shape:
    operand, epsilon = _arity(name, arguments, 2)
    if not epsilon.is_single:
        raise ShapeError(f"the second argument of {name} is a scalar, but got {format_shape(epsilon.shape)}")
    return _vector_shape(name, (operand,))


def _reduction_shape(name: str, arguments: tuple[Node, ...]) -> Shape:
    _arity(name, arguments, 1)
    return SCALAR


def _dot_shape(name: str, arguments: tuple[Node, ...]) -> Shape:
    left, right = _arity(name, arguments, 2)
    if left.shape != right.shape:
        raise ShapeError(f"dot of {format_shape(left.shape)} and {format_shape(right.shape)}: the shapes differ")
    return SCALAR


def _arity(name: str, arguments: tuple[Node, ...], count: int) -> tuple[Node, ...]:
    if len(arguments) != count:
        raise ShapeError(f"{name} takes {count} argument{'s' if count > 1 else ''}, but got {len(arguments)}")
    return arguments


SHAPES = {
    "softmax": _vector_shape,
    "log_softmax": _vector_shape,
    "layernorm": _normalisation_shape,
    "norm2": _reduction_shape,
    "sum": _reduction_shape,
    "mean": _reduction_shape,
    "var": _reduction_shape,
    "dot": _dot_shape,
}


class Kron(Node):
    """The Kronecker product of two matrices."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, left: Node, right: Node) -> Shape:
        a, b = _as_matrix(left.shape), _as_matrix(right.shape)
        return (a[0] * b[0], a[1] * b[1])


class Vec(Node):
    """The column of a matrix's columns, one below the other (column-major, as in textbooks)."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node) -> Shape:
        rows, columns = _as_matrix(operand.shape)
        return (rows * columns, Index.of(1))


class Unvec(Node):
    """The p×q matrix whose ``vec`` is the given column: ``unvec(v, p, q)``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, operand: Node, rows: Index, columns: Index) -> Shape:
        if operand.shape != (rows * columns, Index.of(1)):
            raise ShapeError(f"unvec to {rows}×{columns} takes a column of {rows * columns}, but got {format_shape(operand.shape)}")
        return (rows, columns)


class Commutation(Node):
    """The permutation K with ``vec(A.T) = K @ vec(A)`` for a p×q matrix A: ``commutation(p, q)``."""

    __slots__ = ()

    @classmethod
    def infer_shape(cls, rows: Index, columns: Index) -> Shape:
        return (rows * columns, rows * columns)
