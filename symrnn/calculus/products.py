"""Products and blocks as a mathematician leaves them.

before → after
    diag(a) @ diag(b)           → diag(a * b)
    (2 * A) @ B                 → 2 * (A @ B)
    (A @ B)[:, 0:n]             → A @ B[:, 0:n]
    hcat(A, B)[:, 0:n]          → A                 (where A has n columns)
    concat(A, B) @ hcat(C, D)   stays: blocks are not multiplied out
Nothing is distributed over sums, so the shared graph stays small.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce

from symrnn.language import build
from symrnn.language.binder import Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import MINUS_ONE, ONE, Eye, Number, Ones, Zeros
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Concat,
    Diag,
    Divide,
    Entry,
    Hadamard,
    HStack,
    MatMul,
    MatrixPower,
    Neg,
    Slice,
    Span,
    Transpose,
)


def product(*factors: Node) -> Node:
    """The chain rule's product of factors, scalars in front, neighbouring diagonals joined.

    Scalars (no axes) may stand anywhere; matrices must conform.  A lone 1×1 upstream multiplies like a matrix.
    """
    scalars: list[Node] = []
    matrices: list[Node] = []
    coefficient = Fraction(1)
    for factor in _flatten(factors):
        value = numeric(factor)
        if value is not None:
            coefficient *= value
        else:
            (scalars if factor.is_scalar else matrices).append(factor)
    if abs(coefficient) != 1:
        scalars.insert(0, Number(abs(coefficient)))
    whole = [*scalars, build.matmul(*_join_diagonals(matrices))] if matrices else scalars
    result = build.times(*whole) if whole else ONE
    return build.neg(result) if coefficient < 0 else result


def numeric(node: Node) -> Fraction | None:
    """The value of a plain number or a quotient of two; None for anything else."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Divide):
        top, bottom = numeric(node.args[0]), numeric(node.args[1])
        return top / bottom if top is not None and bottom else None
    return None


def folded(node: Hadamard) -> Node:
    """An elementwise product with its plain numbers multiplied out: 2 * (1/2) * v is v."""
    values = [numeric(f) for f in node.args[0]]
    if sum(v is not None for v in values) < 2 and 1 not in values:
        return build.times(*node.args[0])
    coefficient = Fraction(1)
    for value in values:
        coefficient *= value if value is not None else 1
    rest = [f for f, v in zip(node.args[0], values, strict=True) if v is None]
    return build.times(Number(coefficient), *rest)


def _flatten(factors: Iterable[Node]) -> Iterable[Node]:
    for factor in factors:
        if isinstance(factor, MatMul):
            yield from _flatten(factor.args[0])
        elif isinstance(factor, Neg):
            yield MINUS_ONE
            yield from _flatten((factor.args[0],))
        elif isinstance(factor, Hadamard) and _scalar_times_matrix(factor):
            yield from _flatten(factor.args[0])
        else:
            yield factor


def _scalar_times_matrix(node: Hadamard) -> bool:
    shaped = [f for f in node.args[0] if not f.is_scalar]
    return len(shaped) == 1


def _join_diagonals(factors: list[Node]) -> list[Node]:
    joined: list[Node] = []
    for factor in factors:
        if joined and isinstance(factor, Diag) and isinstance(joined[-1], Diag):
            merged = merge_diagonals(joined.pop(), factor)
            joined.append(merged)
        else:
            joined.append(factor)
    return joined


def merge_diagonals(left: Node, right: Node) -> Node:
    """diag(a) diag(b) = diag(a ⊙ b); a reciprocal cancels what it divides."""
    a, b = _column(left.args[0]), _column(right.args[0])
    for numerator, other in ((a, b), (b, a)):
        if isinstance(numerator, Divide) and numerator.args[1] is other:
            top = numerator.args[0]
            if top.is_single:
                size = left.shape[0]
                return build.times(top, Eye(size)) if top is not ONE else Eye(size)
            return Diag(top)
    return Diag(build.times(a, b))


def _column(node: Node) -> Node:
    return node if node.is_column else build.transpose(node)


def scaled_columns(matrix: Node, vector: Node) -> Node:
    """``matrix @ diag(vector)``, where a vector of ones changes nothing."""
    return matrix if isinstance(vector, Ones) else product(matrix, Diag(vector))


def transpose(node: Node) -> Node:
    """The transpose, carried down to the leaves: products reverse, diagonals stay."""
    if isinstance(node, MatMul):
        return product(*(transpose(f) for f in reversed(node.args[0])))
    if isinstance(node, Hadamard):
        return build.times(*(transpose(f) for f in node.args[0]))
    if isinstance(node, Neg):
        return build.neg(transpose(node.args[0]))
    if isinstance(node, Concat):
        return HStack(tuple(transpose(p) for p in node.args[0]))
    if isinstance(node, HStack):
        return Concat(tuple(transpose(p) for p in node.args[0]))
    if isinstance(node, Ones):
        return Ones(node.shape[1], node.shape[0])
    if type(node) is Product:
        return Product(transpose(node.body), node.index, node.last, node.first, -node.step)
    if isinstance(node, MatrixPower):
        return MatrixPower(transpose(node.args[0]), node.args[1])
    if isinstance(node, Sum):
        return Sum(transpose(node.body), node.index, node.lower, node.upper)
    if isinstance(node, Add) and all(
        isinstance(t.args[0] if isinstance(t, Neg) else t, (Transpose, Diag, Eye)) for t in node.args[0]
    ):
        return build.add(*(transpose(t) for t in node.args[0]))
    return build.transpose(node)


def block(node: Node, rows: Span, columns: Span) -> Node:
    """A block of a matrix, the slice pushed into products, stacks and sums."""
    if rows is not None and rows[0].constant == 0 and rows[1] == node.shape[0]:
        rows = None
    if columns is not None and columns[0].constant == 0 and columns[1] == node.shape[1]:
        columns = None
    if rows is None and columns is None:
        return node
    if rows is not None and columns is not None:
        return block(block(node, rows, None), None, columns)
    return _block_one(node, rows, columns)


def _block_one(node: Node, rows: Span, columns: Span) -> Node:
    if isinstance(node, Neg):
        return build.neg(block(node.args[0], rows, columns))
    if isinstance(node, Zeros):
        return Zeros(Slice(node, rows, columns).shape)
    if isinstance(node, Add) and all(not t.is_single for t in node.args[0]):
        return build.add(*(block(t, rows, columns) for t in node.args[0]))
    if isinstance(node, Hadamard):
        return build.times(*(f if f.is_scalar else block(f, rows, columns) for f in node.args[0]))
    if isinstance(node, MatMul):
        factors = list(node.args[0])
        place = 0 if rows is not None else -1
        if len(factors[place].shape) == 2:
            factors[place] = block(factors[place], rows, columns)
            return product(*factors)
    if isinstance(node, Concat) and rows is not None:
        return _pick(node, rows, axis=0)
    if isinstance(node, HStack) and columns is not None:
        return _pick(node, columns, axis=1)
    if isinstance(node, Transpose):
        return transpose(block(node.args[0], columns, rows))
    return build.take(node, rows, columns)


def _pick(stack: Node, span: tuple[Index, Index], axis: int) -> Node:
    """The parts of a stack that a span covers exactly, or a plain slice where it cuts through one."""
    kept: list[Node] = []
    offset = Index.of(0)
    inside = False
    for part in stack.args[0]:
        if offset == span[0]:
            inside = True
        if inside and offset != span[1]:
            kept.append(part)
        size = part.shape[axis] if part.shape else Index.of(1)
        offset = offset + size
        if inside and offset == span[1]:
            return build.concat(*kept) if axis == 0 else build.hcat(*kept)
    spans = (span, None) if axis == 0 else (None, span)
    return build.take(stack, *spans)


def as_scalar(node: Node) -> Node:
    """A 1×1 matrix as a scalar."""
    if node.is_scalar or not node.is_single:
        return node
    if isinstance(node, Neg):
        return build.neg(as_scalar(node.args[0]))
    return Entry(node, (Index.of(0), Index.of(0)))


def total(terms: list[Node]) -> Node:
    """The sum of contributions: equal ones collected, diagonals joined, a factor that all begin with in front."""
    counts: dict[Node, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    collected = [t if c == 1 else product(Number(Fraction(c)), t) for t, c in counts.items()]
    return _common_factor(_joined_diagonals(build.add(*collected)))


def _joined_diagonals(node: Node) -> Node:
    """diag(a) + diag(b) − diag(c) = diag(a + b − c), where every term is a diagonal."""
    if not isinstance(node, Add):
        return node
    bare = [t.args[0] if isinstance(t, Neg) else t for t in node.args[0]]
    if not all(isinstance(b, Diag) for b in bare):
        return node
    vectors = [_column(b.args[0]) for b in bare]
    signed = [build.neg(v) if isinstance(t, Neg) else v for v, t in zip(vectors, node.args[0], strict=True)]
    return Diag(build.add(*signed))


def _common_factor(node: Node) -> Node:
    """A B + A C = A (B + C), where every term begins with the same factor."""
    if not isinstance(node, Add) or node.is_single:
        return node
    split = [_first_factor(t) for t in node.args[0]]
    first = split[0][0]
    if first is None or any(f is not first for f, _ in split):
        return node
    return product(first, total([rest for _, rest in split]))


def _first_factor(term: Node) -> tuple[Node | None, Node]:
    """The first matrix factor of a term and what remains, scalars and sign included."""
    if isinstance(term, Neg):
        first, rest = _first_factor(term.args[0])
        return first, build.neg(rest)
    if isinstance(term, Hadamard) and _scalar_times_matrix(term):
        matrix = next(f for f in term.args[0] if not f.is_scalar)
        first, rest = _first_factor(matrix)
        return first, product(*(f for f in term.args[0] if f.is_scalar), rest) if first is not None else rest
    if isinstance(term, MatMul) and len(term.args[0][0].shape) == 2:
        return term.args[0][0], build.matmul(*term.args[0][1:])
    return None, term


def outer_split(node: Node) -> tuple[Node, Node] | None:
    """A product that is a column times a row, taken apart there; None for any other expression."""
    if not isinstance(node, MatMul):
        return None
    factors = node.args[0]
    for cut in range(1, len(factors)):
        left, right = reduce(build.matmul, factors[:cut]), reduce(build.matmul, factors[cut:])
        if left.is_column and right.is_row:
            return left, right
    return None
