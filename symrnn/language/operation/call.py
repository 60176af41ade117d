"""Functions applied to arguments: primitives and the generic functions that a cell declares."""

from __future__ import annotations

from symrnn.errors import ShapeError
from symrnn.language.node import SCALAR, Node, Shape, format_shape
from symrnn.language.operation.algebra import kind_of


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
        return self.args[0]

    @property
    def arguments(self) -> tuple[Node, ...]:
        """What it is applied to."""
        return self.args[1]

    @property
    def order(self) -> int:
        """How many primes."""
        return self.args[2]


def _vector_shape(name: str, arguments: tuple[Node, ...]) -> Shape:
    (operand,) = _arity(name, arguments, 1)
    if not (operand.is_column or operand.is_row):
        raise ShapeError(f"{name} takes one column or one row, but got {kind_of(operand.shape)}")
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
