"""How values combine while a formula is being read: sums, entry by entry, and what stands side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from symrnn.errors import ShapeError, SymrnnError
from symrnn.language import Index, MatMul, Node, Number, Shape, Zeros, build
from symrnn.language.node import format_shape
from symrnn.reading.latex_sizes import (
    adjacent_axes,
    agreeing,
    as_columns,
    is_open,
    open_names,
)

_ONE = Index.of(1)

Fail = Callable[[int, SymrnnError], SymrnnError]
"""Gives an error the place of the operand with this number."""

# -- elementwise ------------------------------------------------------------------------------------------------


def matched(nodes: Sequence[Node]) -> list[Node]:
    """The operands of an elementwise operation with their unknown sizes made equal."""
    result = list(nodes)
    wide = [i for i, n in enumerate(result) if not n.is_single and len(n.shape) == 2]
    if not any(open_names(axis) for i in wide for axis in result[i].shape):
        return result
    shapes = [result[i].shape for i in wide]
    pairs = [pair for shape in shapes[1:] for pair in zip(shapes[0], shape, strict=True)]
    return agreeing(result, pairs)


def total(terms: Sequence[Node], fail: Fail) -> Node:
    """The sum; constants of open size take the shape of the other terms."""
    return _elementwise(build.add, terms, fail)


def hadamard(factors: Sequence[Node], fail: Fail) -> Node:
    """The elementwise product, where scalars multiply anything."""
    return _elementwise(build.times, factors, fail)


def _elementwise(combine: Callable[..., Node], operands: Sequence[Node], fail: Fail) -> Node:
    """All operands at once; where they don't fit, the error stands at the first that doesn't."""
    nodes = matched(operands)
    try:
        return combine(*nodes)
    except ShapeError as error:
        for count in range(2, len(nodes) + 1):
            try:
                combine(*nodes[:count])
            except ShapeError as first:
                raise fail(count - 1, first) from None
        raise fail(len(nodes) - 1, error) from None


def quotient(top: Node, bottom: Node) -> Node:
    """The quotient: elementwise for equal shapes, or by a scalar."""
    if isinstance(bottom, Number) and bottom.value == 0:
        raise ShapeError("division by zero")
    top, bottom = matched([top, bottom])
    return build.divide(top, bottom)


# -- side by side -----------------------------------------------------------------------------------------------


def product(factors: Sequence[Node], fail: Fail) -> Node:
    r"""What stands side by side, multiplied: matrices as matrices, scalars with anything.

    ``y^\top x W`` is a 1×1 product, which counts as a scalar, times a matrix.  Raises ShapeError at the first
    factor that doesn't fit to what stands before it.
    """
    if len(factors) == 1:
        return factors[0]
    nodes = _joined(factors)
    last = max((i for i, n in enumerate(nodes) if not n.is_scalar), default=-1) + 1
    scalars: list[Node] = []
    runs: list[list[Node]] = []
    positions: list[int] = []
    shape: Shape | None = None
    for position, node in enumerate(nodes[:last]):
        if node.is_scalar and not runs:
            scalars.append(node)
        elif node.is_scalar:
            runs[-1][-1] = build.times(runs[-1][-1], node)
        elif shape is not None and (joined := _joined_shape(shape, node)) is not None:
            runs[-1].append(node)
            shape = joined
        else:
            runs.append([node])
            positions.append(position)
            shape = node.shape
    products = [build.matmul(*run) if len(run) > 1 else run[0] for run in runs]
    wide = [i for i, p in enumerate(products) if not p.is_single]
    if len(wide) > 1:
        raise fail(positions[wide[1]], _misfit(products[wide[0]], products[wide[1]]))
    pieces = [*scalars, *products, *nodes[last:]]
    return build.times(*pieces) if len(pieces) > 1 else pieces[0]


def _joined(factors: Sequence[Node]) -> list[Node]:
    """The factors with every unknown size made to fit its neighbours, and constants of any width made columns."""
    if not any(is_open(f) for f in factors):
        return list(factors)
    nodes = [as_columns(f) if any(not g.is_scalar for g in factors if g is not f) else f for f in factors]
    wide = [n for n in nodes if not n.is_single]
    return agreeing(nodes, [pair for left, right in pairwise(wide) for pair in adjacent_axes(left, right)])


def _product_shape(left: Shape, right: Shape) -> Shape | None:
    """The shape of a matrix product, None where these don't multiply."""
    try:
        return MatMul((Zeros(left), Zeros(right))).shape
    except ShapeError:
        return None


def _joined_shape(before: Shape, node: Node) -> Shape | None:
    """The shape of a run of factors with one more; two 1×1 ones are numbers side by side."""
    return None if node.is_single and before == node.shape else _product_shape(before, node.shape)


def fits(left: Node, right: Node) -> bool:
    """Whether these multiply as matrices."""
    return _product_shape(left.shape, right.shape) is not None


def _misfit(left: Node, right: Node) -> ShapeError:
    """Why two neighbours don't multiply."""
    try:
        MatMul((left, right))
    except ShapeError as error:
        return error
    return ShapeError(f"{format_shape(left.shape)} and {format_shape(right.shape)} do not multiply")


# -- blocks -----------------------------------------------------------------------------------------------------


def block_matrix(rows: Sequence[Sequence[Node]]) -> Node:
    """A matrix of blocks, in which a 0 or an I takes the size that its row and column leave it.

    Raises ShapeError where the blocks don't fit, or leave a size open.
    """
    shapes = [[cell.shape or (_ONE, _ONE) for cell in row] for row in rows]
    pairs = [(row[0][0], shape[0]) for row in shapes for shape in row[1:]]
    pairs += [(above[1], below[1]) for row in shapes[1:] for above, below in zip(shapes[0], row, strict=True)]
    cells = agreeing([cell for row in rows for cell in row], pairs)
    width = len(rows[0])
    return build.block_matrix(cells[i : i + width] for i in range(0, len(cells), width))
