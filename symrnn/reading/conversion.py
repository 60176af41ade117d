"""A value that is given for a variable of another shape: ``state h[n] = 0`` means the zero column."""

from __future__ import annotations

from symrnn.language import SCALAR, Entry, Index, Node, Ones, Shape, Zeros, build
from symrnn.language.build import is_zero

_SINGLE = (Index.of(1), Index.of(1))


def as_shape(value: Node, shape: Shape) -> Node | None:
    """The value as one of this shape, or None where it cannot be: scalars fill, a 1×1 product is a scalar.

    >>> from symrnn.language import ZERO
    >>> as_shape(ZERO, (Index.of("n"), Index.of(1)))
    Zeros((Index('n'), Index('1')))
    """
    if value.shape == shape:
        return value
    if is_zero(value) and value.is_single:
        return Zeros(shape)
    if shape == SCALAR and value.shape == _SINGLE:
        return Entry(value, (Index.of(0), Index.of(0)))
    if value.shape == SCALAR and len(shape) == 2:
        return build.times(value, Ones(*shape))
    return None
