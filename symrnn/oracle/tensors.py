"""Array operations on the last two or three axes, any leading axes being a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from symrnn.language.layout import Layout
from symrnn.language.node import Shape
from symrnn.oracle.frame import Array

Step = Callable[[Array, Array], Array]


def product_step(left: Shape, right: Shape) -> tuple[Step, Shape]:
    """How two factors of these symbolic shapes multiply, and the product's shape.

    The adjacent axes are contracted.  A row times a third-order tensor loses its axis of one component, and
    so does a third-order tensor times a column.
    """
    shape = left[:-1] + right[1:]
    if len(left) == 2 and len(right) == 2:
        return np.matmul, shape
    if len(right) == 3:
        drops = shape[0].constant == 1
        return (_row_by_tensor if drops else _matrix_by_tensor), (shape[1:] if drops else shape)
    drops = shape[-1].constant == 1
    return (_tensor_by_column if drops else _tensor_by_matrix), (shape[:-1] if drops else shape)


def _matrix_by_tensor(a: Array, b: Array) -> Array:
    flat = b.reshape(*b.shape[:-2], b.shape[-2] * b.shape[-1])
    product = np.matmul(a, flat)
    return product.reshape(*product.shape[:-1], *b.shape[-2:])


def _row_by_tensor(a: Array, b: Array) -> Array:
    return _matrix_by_tensor(a, b)[..., 0, :, :]


def _tensor_by_matrix(a: Array, b: Array) -> Array:
    return np.matmul(a, b[..., None, :, :])


def _tensor_by_column(a: Array, b: Array) -> Array:
    return _tensor_by_matrix(a, b)[..., 0]


def raised(a: Array) -> Array:
    """A scalar (1×1) so that it broadcasts against a third-order tensor."""
    return a[..., None]


def common_batch(arrays: Sequence[Array], core: int = 2) -> list[Array]:
    """The arrays with the same leading axes, so that they can be stacked."""
    if all(a.ndim == core for a in arrays):
        return list(arrays)
    batch = np.broadcast_shapes(*(a.shape[:-core] for a in arrays))
    return [np.broadcast_to(a, batch + a.shape[-core:]) for a in arrays]


def stack_down(arrays: Sequence[Array]) -> Array:
    """One below the other."""
    return np.concatenate(common_batch(arrays), axis=-2)


def stack_sideways(arrays: Sequence[Array]) -> Array:
    """One beside the other."""
    return np.concatenate(common_batch(arrays), axis=-1)


def transposed(a: Array) -> Array:
    """The last two axes exchanged; complex numbers are not conjugated."""
    return a.swapaxes(-1, -2)


def reversed_axes(a: Array) -> Array:
    """The last three axes reversed."""
    return a.swapaxes(-1, -3)


def vec(a: Array) -> Array:
    """Column-major: the columns one below the other."""
    return transposed(a).reshape(*a.shape[:-2], a.shape[-1] * a.shape[-2], 1)


def unvec(a: Array, rows: int, columns: int) -> Array:
    """The matrix with this vec."""
    return transposed(a.reshape(*a.shape[:-2], columns, rows))


def kron(a: Array, b: Array) -> Array:
    """The Kronecker product."""
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    rows, columns = a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1]
    return product.reshape(*product.shape[:-4], rows, columns)


def commutation(rows: int, columns: int) -> Array:
    """The permutation K with ``vec(A.T) = K @ vec(A)`` for A of rows×columns.

    >>> A = np.arange(6.0).reshape(2, 3)
    >>> bool((commutation(2, 3) @ vec(A) == vec(A.T)).all())
    True
    """
    order = np.arange(rows * columns).reshape(columns, rows)  # vec(A)[c*rows + r] is A[r, c]
    return np.eye(rows * columns)[order.T.reshape(-1)]


def in_layout(partials: Array, of: Shape, by: Shape, layout: Layout) -> Array:
    """A derivative's array from the partials, whose axes are those of ``of`` and then those of ``by``.

    Numerator layout as in :mod:`symrnn.language.derivative`; a scalar result is 1×1.
    """
    numerator = _numerator(partials, of, by)
    return numerator if layout is Layout.NUMERATOR else numerator.transpose()


def _numerator(partials: Array, of: Shape, by: Shape) -> Array:
    if _is_single(of):
        core = partials.reshape(partials.shape[len(of) :])
        return core.transpose() if by else core.reshape(1, 1)
    if _is_single(by):
        return partials.reshape(partials.shape[:2])
    lengths = partials.shape[0] * partials.shape[1]
    if _is_vector(of) and _is_vector(by):
        return partials.reshape(lengths, -1)
    return partials.reshape(lengths, *partials.shape[2:]).swapaxes(-1, -2)


def _is_single(shape: Shape) -> bool:
    return all(axis.constant == 1 for axis in shape)


def _is_vector(shape: Shape) -> bool:
    return any(axis.constant == 1 for axis in shape)
