r"""How values combine while a formula is being read: what stands side by side, sums, and constants of open size.

The I of ``I - \mathbf{1} y^\top`` is an ``Eye`` of an unknown size, a symbol that begins with a question mark.  What
stands beside it says what the size is; whatever is left at the end is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symrnn.errors import ShapeError, SymrnnError
from symrnn.language import SCALAR, Eye, Index, MatMul, Node, Number, Ones, Shape, Zeros, build
from symrnn.language.node import format_shape
from symrnn.language.traversal import free_indices, substitute_indices

Fail = Callable[[int, SymrnnError], SymrnnError]
"""Gives an error the place of the operand with this number."""

_ONE = Index.of(1)
_OPEN = "?"
_WIDTH = "?width"


def open_constant(kind: str, number: int, index: Index | None = None) -> Node:
    """A constant whose size is not written: ``eye``, ``ones`` (a column unless it must be more), ``zeros``, ``unit``.

    >>> [str(axis) for axis in open_constant("ones", 3).shape]
    ['?3', '?width3']
    """
    length, width = Index.of(f"{_OPEN}{number}"), Index.of(f"{_WIDTH}{number}")
    if kind == "eye":
        return Eye(length)
    if kind == "unit":
        start = index if index is not None else Index.of(0)
        return build.take(Eye(length), None, (start, start + 1))
    return Ones(length, width) if kind == "ones" else Zeros((length, width))


def is_open(node: Node) -> bool:
    """Whether a size in it is still unknown."""
    return any(name.startswith(_OPEN) for name in free_indices(node))


def _unknown(axis: Index) -> str | None:
    name = axis.name
    return name if name is not None and name.startswith(_OPEN) else None


def _filled(node: Node, sizes: Mapping[str, Index]) -> Node:
    return substitute_indices(node, sizes) if sizes else node


def _agree(pairs: Sequence[tuple[Index, Index]]) -> dict[str, Index]:
    """The unknown sizes that make pairs of axes equal, as far as that is possible."""
    sizes: dict[str, Index] = {}
    for left, right in pairs:
        one, other = left.substitute(sizes), right.substitute(sizes)
        name, size = (_unknown(one), other) if _unknown(one) else (_unknown(other), one)
        if name is not None and one != other:
            sizes = {n: s.substitute({name: size}) for n, s in sizes.items()}
            sizes[name] = size
    return sizes


def as_columns(node: Node) -> Node:
    """A constant that could have any width is a column, now that it is multiplied."""
    widths = {n for n in free_indices(node) if n.startswith(_WIDTH)} if is_open(node) else set()
    return _filled(node, {name: _ONE for name in widths})


def settle(node: Node, shape: Shape | None = None) -> Node:
    """The node without unknown sizes: what is open in its shape is taken from the one given.

    Raises ShapeError where nothing says how large a constant is.
    """
    if not is_open(node):
        return node
    if shape == SCALAR and isinstance(node, (Eye, Ones)):
        return build.number(1)
    if shape is not None and len(shape) == len(node.shape):
        node = _filled(node, _agree(list(zip(node.shape, shape, strict=True))))
    node = as_columns(node)
    if is_open(node):
        raise ShapeError(
            "the size of a constant is not determined by what stands around it",
            hint=r"Write its size, as in I_n or \mathbf{1}_n.",
        )
    return node


def transposed(node: Node) -> Node:
    """The transpose."""
    if isinstance(node, Ones):
        return Ones(*node.shape[::-1])
    return build.transpose(node)


def squared(node: Node) -> Node:
    """A matrix with its unknown sizes such that it is square, where that is possible."""
    return _filled(node, _agree([(node.shape[0], node.shape[1])])) if len(node.shape) == 2 else node


# -- elementwise ------------------------------------------------------------------------------------------------


def matched(nodes: Sequence[Node]) -> list[Node]:
    """The operands of an elementwise operation with their unknown sizes made equal."""
    result = list(nodes)
    wide = [i for i, n in enumerate(result) if not n.is_single and len(n.shape) == 2]
    if not any(_unknown(axis) for i in wide for axis in result[i].shape):
        return result
    shapes = [result[i].shape for i in wide]
    pairs = [pair for shape in shapes[1:] for pair in zip(shapes[0], shape, strict=True)]
    sizes = _agree(pairs)
    return [_filled(node, sizes) for node in result]


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
    wide = [n.shape for n in nodes if len(n.shape) > 1]
    sizes = _agree([(left[-1], right[0]) for left, right in zip(wide, wide[1:], strict=False)])
    return [_filled(n, sizes) for n in nodes]


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
    sizes = _agree(pairs)
    return build.block_matrix([_filled(cell, sizes) for cell in row] for row in rows)
