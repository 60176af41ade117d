"""Building expressions: like the constructors, but flat and without zeros and identities.

``matmul(A, eye(n))`` is A, ``add(A, Zeros)`` is A, a product with a zero factor is the zero of the right
shape. Nothing else is rewritten and the order stays: what a teacher wrote is what she gets back.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from fractions import Fraction

from symrnn.language.binder import Product, Sum
from symrnn.language.index import Index, IndexLike
from symrnn.language.leaf import ONE, Eye, IndexNumber, Number, Zeros, number
from symrnn.language.node import Node
from symrnn.language.operation import (
    Add,
    Call,
    Concat,
    Diag,
    Divide,
    Hadamard,
    HStack,
    Inverse,
    MatMul,
    MatrixPower,
    Neg,
    Power,
    Slice,
    Span,
    Transpose,
)

MAX_INDEX_LENGTH = 64


def zeros_like(node: Node) -> Node:
    """The zero of the same shape."""
    return Zeros(node.shape)


def is_zero(node: Node) -> bool:
    """Whether a node is a literal zero."""
    return isinstance(node, Zeros) or (isinstance(node, Number) and node.value == 0)


def is_one(node: Node) -> bool:
    """Whether a node is the number one."""
    return node is ONE


def matmul(*factors: Node) -> Node:
    """The flat matrix product, identities dropped; zero if a factor is."""
    flat, negative = _flat_factors(factors, MatMul)
    if len(flat) > 1:
        shape = MatMul(tuple(flat)).shape
        if any(is_zero(f) for f in flat):
            return Zeros(shape)
    kept = [f for f in flat if not isinstance(f, Eye)] or flat[:1]
    product = kept[0] if len(kept) == 1 else MatMul(tuple(kept))
    return neg(product) if negative else product


def _flat_factors(factors: Iterable[Node], kind: type[Node]) -> tuple[list[Node], bool]:
    """The factors of a product without signs, those of inner products of the same kind too; and the product's sign."""
    flat: list[Node] = []
    negative = False
    stack = list(factors)[::-1]
    while stack:
        factor = stack.pop()
        if isinstance(factor, Neg):
            negative = not negative
            stack.append(factor.args[0])
        elif isinstance(factor, kind):
            stack.extend(factor.args[0][::-1])
        else:
            flat.append(factor)
    return flat, negative


def compose(*factors: Node) -> Node:
    """The chain rule's product: ``@`` between matrices, ``*`` where a scalar variable stands between."""
    result = factors[0]
    for factor in factors[1:]:
        # A 1×1 derivative multiplies like a scalar: beside a third-order factor it would not conform.
        single = result.is_single or factor.is_single
        result = times(result, factor) if single else matmul(result, factor)
    return result


def times(*factors: Node) -> Node:
    """The flat elementwise product, ones dropped; zero if a factor is."""
    flat, negative = _flat_factors(factors, Hadamard)
    shape = Hadamard(tuple(flat)).shape
    if any(is_zero(f) for f in flat):
        return Zeros(shape)
    bare = _join_indices(flat, operator.mul)
    kept = [f for f in bare if not is_one(f)]
    if not kept:
        product = bare[0]
    else:
        product = kept[0] if len(kept) == 1 else Hadamard(tuple(kept))
    if product.shape != shape:
        product = Hadamard(tuple(bare))
    return neg(product) if negative else product


def add(*terms: Node) -> Node:
    """The flat sum without zeros."""
    flat = [g for t in terms for g in (t.args[0] if isinstance(t, Add) else (t,))]
    if len(flat) == 1:
        return flat[0]
    shape = Add(tuple(flat)).shape
    kept = [t for t in _join_indices(flat, operator.add) if not is_zero(t)]
    if not kept:
        return Zeros(shape)
    total = kept[0] if len(kept) == 1 else Add(tuple(kept))
    return total if total.shape == shape else Add(tuple(flat))


def _join_indices(nodes: list[Node], combine: Callable[[Index, Index], Index]) -> list[Node]:
    """The nodes with the leading sizes, times and integers in one: the number ``t - k`` is a single index.

    Only the leading ones, as they are read from left to right; numbers alone stay as they were written.
    """
    total, count = None, 0
    for node in nodes:
        index = _as_index(node)
        if index is None or (total is not None and _length(total) * _length(index) > MAX_INDEX_LENGTH):
            break
        total, count = index if total is None else combine(total, index), count + 1
    if total is None or count < 2 or all(isinstance(n, Number) for n in nodes[:count]):
        return nodes
    return [index_number(total), *nodes[count:]]


def _length(index: Index) -> int:
    """How many symbols and numbers an index is made of."""
    return sum(1 + len(monomial) for monomial, _ in index.terms)


def _as_index(node: Node) -> Index | None:
    """The index that a number stands for, where it is a whole one."""
    if isinstance(node, Neg):
        inner = _as_index(node.args[0])
        return None if inner is None else -inner
    if isinstance(node, IndexNumber):
        return node.index
    if isinstance(node, Number) and node.value.denominator == 1:
        return Index.of(node.value.numerator)
    return None


def subtract(left: Node, right: Node) -> Node:
    """``left - right``."""
    return add(left, neg(right))


def neg(node: Node) -> Node:
    """The negative; a double one cancels."""
    if isinstance(node, Neg):
        return node.args[0]
    if isinstance(node, Number):
        return Number(-node.value)
    return node if is_zero(node) else Neg(node)


def divide(numerator: Node, denominator: Node) -> Node:
    """The elementwise quotient; over one it is the numerator."""
    if is_one(denominator):
        return numerator
    quotient = Divide(numerator, denominator)
    return Zeros(quotient.shape) if is_zero(numerator) else quotient


def power(base: Node, exponent: Node | int | Fraction) -> Node:
    """The elementwise power; the first power is the base."""
    shown = exponent if isinstance(exponent, Node) else number(exponent)
    return base if is_one(shown) else Power(base, shown)


def matrix_power(base: Node, exponent: IndexLike) -> Node:
    """The matrix's own power; A⁰ = I and A¹ = A."""
    shown = Index.of(exponent)
    if shown.constant == 0:
        return Eye(MatrixPower(base, shown).shape[0])
    return base if shown.constant == 1 or isinstance(base, Eye) else MatrixPower(base, shown)


def transpose(node: Node) -> Node:
    """The transpose, carried inward over products (which reverse), sums, signs and stacks."""
    if node.is_scalar:
        return node
    if isinstance(node, Transpose):
        return node.args[0]
    if isinstance(node, (Eye, Diag)):
        return node
    if isinstance(node, Zeros):
        return Zeros(node.shape[::-1])
    return Transpose(node)


def inverse(node: Node) -> Node:
    """The inverse; of the identity it is the identity."""
    return node if isinstance(node, Eye) else Inverse(node)


def diag(node: Node) -> Node:
    """The diagonal matrix of a vector; of zeros it is zero."""
    made = Diag(node)
    return Zeros(made.shape) if is_zero(node) else made


def concat(*parts: Node) -> Node:
    """Stacking downward; of one part it is the part."""
    if len(parts) == 1:
        return parts[0]
    made = Concat(tuple(parts))
    return Zeros(made.shape) if all(is_zero(p) for p in parts) else made


def hcat(*parts: Node) -> Node:
    """Stacking sideways; of one part it is the part."""
    if len(parts) == 1:
        return parts[0]
    made = HStack(tuple(parts))
    return Zeros(made.shape) if all(is_zero(p) for p in parts) else made


def block_matrix(rows: Iterable[Iterable[Node]]) -> Node:
    """A matrix of blocks, row by row."""
    return concat(*(hcat(*row) for row in rows))


def take(node: Node, rows: Span, columns: Span) -> Node:
    """A block; the whole is the matrix itself."""
    whole = tuple(
        None if span is None or (span[0].constant == 0 and span[1] == axis) else span
        for span, axis in zip((rows, columns), node.shape, strict=True)
    )
    return node if whole == (None, None) else Slice(node, *whole)


def apply(name: str, *arguments: Node, order: int = 0) -> Node:
    """A primitive or generic function applied."""
    return Call(name, tuple(arguments), order)


def index_number(index: IndexLike) -> Node:
    """A size or time as a number in an expression; a constant one is a plain number."""
    shown = Index.of(index)
    return number(shown.constant) if shown.constant is not None else IndexNumber(shown)


def sum_over(body: Node, index: str, lower: IndexLike, upper: IndexLike) -> Node:
    """The sum over a range; of zero it is zero, over a single value it is that term."""
    low, high = Index.of(lower), Index.of(upper)
    return body if is_zero(body) else Sum(body, index, low, high)


def product_over(body: Node, index: str, first: IndexLike, last: IndexLike, step: int) -> Node:
    """The ordered product over a range; of identities it is the identity."""
    made = Product(body, index, Index.of(first), Index.of(last), step)
    return body if isinstance(body, Eye) or is_one(body) else made
