"""From nodes to SymPy expressions, one rule per node type; functions stand in :mod:`sympy_functions`."""

from __future__ import annotations

from functools import reduce

import sympy
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.hadamard import HadamardPower, hadamard_product
from sympy.matrices.expressions.kronecker import KroneckerProduct

from symrnn.emitting.sympy_writer import MOST_TERMS, Expression, Writer, symbol, sympy_rule
from symrnn.emitting.text import to_text
from symrnn.errors import DataError, UnsupportedError
from symrnn.language import (
    Add,
    Commutation,
    Concat,
    Delta,
    Determinant,
    Diag,
    Divide,
    Entry,
    Eye,
    Hadamard,
    HadamardProduct,
    HStack,
    ImmediateJacobian,
    Index,
    IndexNumber,
    Inverse,
    Jacobian,
    Kron,
    MatMul,
    MatrixPower,
    Neg,
    Node,
    Number,
    Ones,
    Power,
    Product,
    Shape,
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
)
from symrnn.language.traversal import substitute_indices


@sympy_rule.register
def _(node: Number, writer: Writer) -> Expression:
    return sympy.Rational(node.value.numerator, node.value.denominator)


@sympy_rule.register
def _(node: IndexNumber, writer: Writer) -> Expression:
    return writer.index(node.index)


@sympy_rule.register
def _(node: Variable, writer: Writer) -> Expression:
    if node.time is None:
        found = writer.part(node.name, None)
        return symbol(node.name, node.shape, writer) if found is None else found
    value = writer.index(node.time)
    if value.is_Integer:
        found = writer.part(node.name, int(value))
        if found is not None:
            return found
    return symbol(f"{node.name}_{str(value).replace(' ', '')}", node.shape, writer)


@sympy_rule.register
def _(node: Eye, writer: Writer) -> Expression:
    return sympy.Identity(writer.index(node.args[0]))


@sympy_rule.register
def _(node: Ones, writer: Writer) -> Expression:
    return sympy.OneMatrix(*writer.shape(node.shape))


@sympy_rule.register
def _(node: Zeros, writer: Writer) -> Expression:
    return sympy.ZeroMatrix(*writer.shape(node.shape)) if node.shape else sympy.S.Zero


@sympy_rule.register
def _(node: Delta, writer: Writer) -> Expression:
    return sympy.KroneckerDelta(*(writer.index(index) for index in node.args))


@sympy_rule.register
def _(node: Add, writer: Writer) -> Expression:
    terms = node.args[0]
    if node.is_scalar:
        return sympy.Add(*(writer.scalar(term) for term in terms))
    if all(term.is_single for term in terms):
        return reduce(lambda a, b: a + b, [writer.matrix(term) for term in terms])
    ones = sympy.OneMatrix(*writer.shape(node.shape))
    shown = [writer.scalar(term) * ones if term.is_single else writer.write(term) for term in terms]
    return reduce(lambda a, b: a + b, shown)


@sympy_rule.register
def _(node: Neg, writer: Writer) -> Expression:
    return -writer.write(node.args[0])


@sympy_rule.register
def _(node: MatMul, writer: Writer) -> Expression:
    return reduce(lambda a, b: a * b, [writer.matrix(factor) for factor in node.args[0]])


@sympy_rule.register
def _(node: Hadamard, writer: Writer) -> Expression:
    return elementwise_product([(factor, writer) for factor in node.args[0]], node)


def elementwise_product(factors: list[tuple[Node, Writer]], node: Node) -> Expression:
    """Scalars times the elementwise product of the others."""
    if node.is_scalar:
        return sympy.Mul(*(writer.scalar(factor) for factor, writer in factors))
    singles = [writer.scalar(factor) for factor, writer in factors if factor.is_single]
    shaped = [writer.write(factor) for factor, writer in factors if not factor.is_single]
    if not shaped:
        return sympy.ImmutableMatrix([[sympy.Mul(*singles)]])
    product = shaped[0] if len(shaped) == 1 else hadamard_product(*shaped)
    return sympy.Mul(*singles) * product if singles else product


@sympy_rule.register
def _(node: Divide, writer: Writer) -> Expression:
    top, bottom = node.args
    if node.is_scalar:
        return writer.scalar(top) / writer.scalar(bottom)
    if bottom.is_single:
        return writer.matrix(top) / writer.scalar(bottom)
    inverse = HadamardPower(writer.write(bottom), -1)
    return writer.scalar(top) * inverse if top.is_single else hadamard_product(writer.write(top), inverse)


@sympy_rule.register
def _(node: Power, writer: Writer) -> Expression:
    base, exponent = writer.write(node.args[0]), writer.scalar(node.args[1])
    return base**exponent if node.is_scalar else HadamardPower(base, exponent)


@sympy_rule.register
def _(node: MatrixPower, writer: Writer) -> Expression:
    return writer.write(node.args[0]) ** writer.index(node.args[1])


@sympy_rule.register
def _(node: Inverse, writer: Writer) -> Expression:
    return sympy.Inverse(writer.write(node.args[0]))


@sympy_rule.register
def _(node: Transpose, writer: Writer) -> Expression:
    return sympy.transpose(writer.write(node.args[0]))


@sympy_rule.register
def _(node: Trace, writer: Writer) -> Expression:
    return sympy.Trace(writer.write(node.args[0]))


@sympy_rule.register
def _(node: Determinant, writer: Writer) -> Expression:
    return sympy.Determinant(writer.write(node.args[0]))


@sympy_rule.register
def _(node: Diag, writer: Writer) -> Expression:
    vector = writer.write(node.args[0])
    return DiagMatrix(vector if node.args[0].is_column else sympy.transpose(vector))


@sympy_rule.register
def _(node: Concat, writer: Writer) -> Expression:
    return sympy.BlockMatrix([[writer.matrix(part)] for part in node.args[0]])


@sympy_rule.register
def _(node: HStack, writer: Writer) -> Expression:
    return sympy.BlockMatrix([[writer.matrix(part) for part in node.args[0]]])


@sympy_rule.register
def _(node: Slice, writer: Writer) -> Expression:
    operand, *spans = node.args
    ranges = [
        (sympy.S.Zero, writer.index(axis)) if span is None else (writer.index(span[0]), writer.index(span[1]))
        for span, axis in zip(spans, operand.shape, strict=True)
    ]
    return sympy.MatrixSlice(writer.write(operand), *((start, stop, 1) for start, stop in ranges))


@sympy_rule.register
def _(node: Entry, writer: Writer) -> Expression:
    operand, indices = node.args
    if len(operand.shape) == 3:
        return sympy.Symbol(to_text(_numbered(node, writer)))
    shown = [writer.index(index) for index in indices]
    if len(shown) == 1:
        shown = [shown[0], sympy.S.Zero] if operand.is_column else [sympy.S.Zero, shown[0]]
    return writer.write(operand)[shown[0], shown[1]]


@sympy_rule.register
def _(node: Kron, writer: Writer) -> Expression:
    return KroneckerProduct(*(writer.matrix(part) for part in node.args))


@sympy_rule.register
def _(node: Vec, writer: Writer) -> Expression:
    rows, columns = _numbers(node.args[0].shape, writer, "vec")
    entries = writer.matrix(node.args[0])
    return sympy.ImmutableMatrix([[entries[i, j]] for j in range(columns) for i in range(rows)])


@sympy_rule.register
def _(node: Unvec, writer: Writer) -> Expression:
    rows, columns = _numbers(node.shape, writer, "unvec")
    entries = writer.write(node.args[0])
    return sympy.ImmutableMatrix(rows, columns, lambda i, j: entries[j * rows + i, 0])


@sympy_rule.register
def _(node: Commutation, writer: Writer) -> Expression:
    rows, columns = _numbers(node.args, writer, "commutation")
    size = rows * columns
    return sympy.ImmutableMatrix(size, size, lambda a, b: int((a % columns) * rows + a // columns == b))


def _numbers(shape: Shape, writer: Writer, what: str) -> tuple[int, ...]:
    """The sizes as integers; SymPy has no symbolic vec."""
    shown = writer.shape(shape) or (sympy.S.One, sympy.S.One)
    if not all(size.is_Integer for size in shown):
        raise UnsupportedError(
            f"SymPy has no {what} of symbolic sizes", hint="Give the sizes as numbers, as in sizes={'n': 3}."
        )
    return tuple(int(size) for size in shown)


@sympy_rule.register
def _(node: Sum, writer: Writer) -> Expression:
    lower, upper = writer.integer(node.lower, "the bound"), writer.integer(node.upper, "the bound")
    _limited(upper - lower + 1)
    terms = [writer.at(node.index, value).write(node.body) for value in range(lower, upper + 1)]
    if not terms:
        return sympy.ZeroMatrix(*writer.shape(node.shape)) if node.shape else sympy.S.Zero
    return reduce(lambda a, b: a + b, terms)


@sympy_rule.register
def _(node: Product, writer: Writer) -> Expression:
    writers = _factors(node, writer)
    if node.is_scalar:
        return sympy.Mul(*(w.write(node.body) for w in writers))
    if not writers:
        return sympy.Identity(writer.index(node.shape[0]))
    return reduce(lambda a, b: a * b, [w.write(node.body) for w in writers])


@sympy_rule.register
def _(node: HadamardProduct, writer: Writer) -> Expression:
    writers = _factors(node, writer)
    if not writers and node.shape:
        return sympy.OneMatrix(*writer.shape(node.shape))
    return elementwise_product([(node.body, w) for w in writers], node)


def _factors(node: Product, writer: Writer) -> list[Writer]:
    """The writers of an ordered product's factors, the first index leftmost."""
    first, last = writer.integer(node.first, "the bound"), writer.integer(node.last, "the bound")
    count = (last - first) * node.step + 1
    if count < 0:
        raise DataError(f"the product from {first} to {last} in steps of {node.step} is below the empty product")
    _limited(count)
    return [writer.at(node.index, first + node.step * position) for position in range(count)]


def _limited(count: int) -> None:
    if count > MOST_TERMS:
        raise DataError(f"{count} terms are more than the {MOST_TERMS} that are written out")


@sympy_rule.register
def _(node: Jacobian, writer: Writer) -> Expression:
    return _inert(node, writer)


@sympy_rule.register
def _(node: ImmediateJacobian, writer: Writer) -> Expression:
    return _inert(node, writer)


def _inert(node: Node, writer: Writer) -> Expression:
    """A derivative that nobody has worked out is a symbol named like its text, ``D(h[3], h[2])``."""
    return symbol(to_text(_numbered(node, writer)), node.shape, writer)


def _numbered(node: Node, writer: Writer) -> Node:
    return substitute_indices(node, {name: Index.of(value) for name, value in writer.numbers.items()})
