"""How tightly each form binds: frozen data, and the few nodes whose binding depends on what they hold.

Two scales.  The text form has Python's precedence, because Python's syntax reads it.  Mathematics writes the
matrix product by juxtaposition, and has the functions and binders of :mod:`symrnn.emitting.typeset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Call,
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
    Slice,
    Sum,
    Trace,
    Transpose,
    Unvec,
    Variable,
    Vec,
    Zeros,
)


class Level(IntEnum):
    """From the loosest to the tightest, as in Python's grammar.

    LITERAL is a number, which is an atom but takes neither ``.T`` nor ``[i]``.
    """

    SUM = 1
    PRODUCT = 2
    UNARY = 3
    POWER = 4
    LITERAL = 5
    PRIMARY = 6


TEXT_LEVELS: Mapping[type[Node], Level] = MappingProxyType(
    {
        Add: Level.SUM,
        MatMul: Level.PRODUCT,
        Hadamard: Level.PRODUCT,
        Divide: Level.PRODUCT,
        Power: Level.POWER,
        Zeros: Level.PRIMARY,
        Variable: Level.PRIMARY,
        Eye: Level.PRIMARY,
        Ones: Level.PRIMARY,
        Delta: Level.PRIMARY,
        MatrixPower: Level.PRIMARY,
        Inverse: Level.PRIMARY,
        Transpose: Level.PRIMARY,
        Trace: Level.PRIMARY,
        Determinant: Level.PRIMARY,
        Diag: Level.PRIMARY,
        Concat: Level.PRIMARY,
        HStack: Level.PRIMARY,
        Slice: Level.PRIMARY,
        Entry: Level.PRIMARY,
        Call: Level.PRIMARY,
        Kron: Level.PRIMARY,
        Vec: Level.PRIMARY,
        Unvec: Level.PRIMARY,
        Commutation: Level.PRIMARY,
        Sum: Level.PRIMARY,
        Product: Level.PRIMARY,
        HadamardProduct: Level.PRIMARY,
        Jacobian: Level.PRIMARY,
        ImmediateJacobian: Level.PRIMARY,
    }
)


def text_level(node: Node) -> Level:
    """How tightly a node's text binds.

    >>> text_level(IndexNumber(Index.of("t") - 1)).name
    'SUM'
    """
    if isinstance(node, Number):
        return Level.UNARY if node.value < 0 else Level.LITERAL
    if isinstance(node, IndexNumber):
        return index_level(node.index)
    if isinstance(node, Neg):
        return Level.PRODUCT if sign_joins(node.args[0]) else Level.UNARY
    level = TEXT_LEVELS.get(type(node))
    if level is None:
        raise UnsupportedError(f"no precedence is known for a {type(node).__name__} node")
    return level


def index_level(index: Index) -> Level:
    """How tightly the text of a size or time binds."""
    if len(index.terms) > 1:
        return Level.SUM
    if index.constant is not None:
        return Level.UNARY if index.constant < 0 else Level.LITERAL
    return Level.PRIMARY if index.name is not None else Level.PRODUCT


def sign_joins(operand: Node) -> bool:
    """Whether ``-a * b`` may stand for ``-(a * b)``.

    Python takes it as ``(-a) * b``, and reading pulls the sign of a factor in front of the product: the same
    node, unless the leftmost factor is a number or a quotient, which keep their sign.
    """
    if not isinstance(operand, MatMul | Hadamard):
        return False
    leftmost = operand.args[0][0]
    if isinstance(leftmost, MatMul | Hadamard):
        return sign_joins(leftmost)
    return not isinstance(leftmost, Number | IndexNumber | Divide | Add | Neg | Zeros)
