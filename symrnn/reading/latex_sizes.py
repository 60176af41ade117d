r"""Constants whose size is not written: I, a bold 1, a 0 in a block matrix.

The I of ``I - \mathbf{1} y^\top`` is an ``Eye`` of an unknown size, a symbol that begins with a question mark.  What
stands beside it says what the size is; whatever is left at the end is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from symrnn.errors import ShapeError
from symrnn.language import (
    SCALAR,
    Concat,
    Eye,
    HStack,
    Index,
    MatrixPower,
    Node,
    Ones,
    Product,
    Shape,
    Transpose,
    Zeros,
    build,
)
from symrnn.language.index import Monomial
from symrnn.language.traversal import free_indices, map_nodes, substitute_indices

_ONE = Index.of(1)
_OPEN = "?"
_WIDTH = "?width"
_BLANK = "?zero"


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
    if kind == "ones":
        return Ones(length, width)
    return Zeros((Index.of(f"{_BLANK}{number}a"), Index.of(f"{_BLANK}{number}b")))


def is_open(node: Node) -> bool:
    """Whether a size in it is still unknown."""
    return any(name.startswith(_OPEN) for name in free_indices(node))


def open_names(axis: Index) -> list[str]:
    """The unknown sizes in an axis."""
    return [name for name in axis.names() if name.startswith(_OPEN)]


def filled(node: Node, sizes: Mapping[str, Index]) -> Node:
    """The node with these sizes put in."""
    return substitute_indices(node, sizes) if sizes else node


def agree(pairs: Sequence[tuple[Index, Index]]) -> dict[str, Index]:
    """The unknown sizes that make pairs of axes equal, as far as that is possible."""
    sizes: dict[str, Index] = {}
    for left, right in pairs:
        found = _solved(left.substitute(sizes), right.substitute(sizes))
        if found is not None:
            name, size = found
            sizes = {n: s.substitute({name: size}) for n, s in sizes.items()}
            sizes[name] = size
    return sizes


def _solved(left: Index, right: Index) -> tuple[str, Index] | None:
    """An unknown size and what it is: ``?1 + n = m + n`` says m, and ``?1 n = n m`` says it too.

    A size is a sum of known ones, never a difference.
    """
    difference = left - right
    for monomial, coefficient in difference.terms:
        unknowns = [a for a in monomial if isinstance(a, str) and a.startswith(_OPEN)]
        if len(unknowns) != 1 or coefficient not in (1, -1):
            continue
        name = unknowns[0]
        others = tuple(a for a in monomial if a != name)
        rest = Index.build({m: -c * coefficient for m, c in difference.terms if m != monomial})
        size = _quotient(rest, others)
        if size is not None and name not in size.names() and _is_a_sum(size):
            return name, size
    return None


def _quotient(index: Index, divisor: Monomial) -> Index | None:
    """The index over a product of symbols, None where it is no multiple of it."""
    terms: dict[Monomial, Fraction | int] = {}
    for monomial, coefficient in index.terms:
        left = list(monomial)
        for atom in divisor:
            if atom not in left:
                return None
            left.remove(atom)
        terms[tuple(left)] = coefficient
    return Index.build(terms)


def _is_a_sum(size: Index) -> bool:
    return all(c > 0 for m, c in size.terms if not any(isinstance(a, str) and a.startswith(_OPEN) for a in m))


def as_columns(node: Node) -> Node:
    """A constant that could have any width is a column, now that it is multiplied."""
    widths = {n for n in free_indices(node) if n.startswith(_WIDTH)} if is_open(node) else set()
    return filled(node, dict.fromkeys(widths, _ONE))


def settle(node: Node, shape: Shape | None = None) -> Node:
    """The node without unknown sizes: what is open in its shape is taken from the one given.

    Raises ShapeError where nothing says how large a constant is.
    """
    if not is_open(node):
        return node
    if shape == SCALAR and isinstance(node, (Eye, Ones)):
        return build.number(1)
    if shape is not None and len(shape) == len(node.shape):
        node = filled(node, agree(list(zip(node.shape, shape, strict=True))))
    node = as_columns(node)
    if is_open(node):
        node = map_nodes(node, _with_joined_zeros)
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
    return filled(node, agree(equal_blocks(node))) if len(node.shape) == 2 else node


# -- blocks -----------------------------------------------------------------------------------------------------


def _with_joined_zeros(node: Node) -> Node:
    """Of zero blocks next to each other in a stack only the total size matters: they become one."""
    if not isinstance(node, (Concat, HStack)):
        return node
    axis = 0 if isinstance(node, Concat) else 1
    kept: list[Node] = []
    for part in node.args[0]:
        if kept and isinstance(part, Zeros) and isinstance(kept[-1], Zeros) and len(part.shape) == 2:
            shape = list(part.shape)
            shape[axis] = kept[-1].shape[axis] + part.shape[axis]
            kept[-1] = Zeros(tuple(shape))
        else:
            kept.append(part)
    return node if len(kept) == len(node.args[0]) else type(node)(tuple(kept))


def adjacent_axes(left: Node, right: Node) -> list[tuple[Index, Index]]:
    """What has to be equal where two matrices are multiplied: the inner sizes, and those of their blocks."""
    columns, rows = blocks(left, 1), blocks(right, 0)
    pairs = list(zip(columns, rows, strict=True)) if len(columns) == len(rows) else []
    return [*pairs, (left.shape[-1], right.shape[0])]


def blocks(node: Node, axis: int) -> tuple[Index, ...]:
    """The sizes of a matrix's blocks along an axis; one for a matrix without blocks."""
    if isinstance(node, (Product, MatrixPower)):
        return blocks(node.args[0], axis)
    if isinstance(node, Transpose) and len(node.shape) == 2:
        return blocks(node.args[0], 1 - axis)
    along, across = (Concat, HStack) if axis == 0 else (HStack, Concat)
    if isinstance(node, along):
        return tuple(part.shape[axis] if part.shape else _ONE for part in node.args[0])
    if isinstance(node, across):
        inner = [blocks(part, axis) for part in node.args[0] if isinstance(part, along)]
        if inner and len({len(i) for i in inner}) == 1:
            return min(inner, key=lambda sizes: sum(len(open_names(size)) for size in sizes))
    return (node.shape[axis],) if len(node.shape) == 2 else ()


def equal_blocks(node: Node) -> list[tuple[Index, Index]]:
    """What has to be equal in a square matrix: its sides, and the blocks along them."""
    rows, columns = blocks(node, 0), blocks(node, 1)
    pairs = list(zip(rows, columns, strict=True)) if len(rows) == len(columns) else []
    return [*pairs, (node.shape[0], node.shape[1])]


def agreeing(nodes: Iterable[Node], pairs: Sequence[tuple[Index, Index]]) -> list[Node]:
    """The nodes with the unknown sizes put in that these pairs determine."""
    sizes = agree(pairs)
    return [filled(node, sizes) for node in nodes]
