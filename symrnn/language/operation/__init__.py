"""The operations.  A constructor checks shapes and rewrites nothing; :mod:`symrnn.language.build` is for building."""

from symrnn.language.operation.algebra import (
    Add,
    Determinant,
    Diag,
    Divide,
    Hadamard,
    Inverse,
    MatMul,
    MatrixPower,
    Neg,
    Power,
    Trace,
    Transpose,
)
from symrnn.language.operation.call import SHAPES, Call
from symrnn.language.operation.stacking import Commutation, Concat, Entry, HStack, Kron, Slice, Span, Unvec, Vec

__all__ = [
    "SHAPES",
    "Add",
    "Call",
    "Commutation",
    "Concat",
    "Determinant",
    "Diag",
    "Divide",
    "Entry",
    "HStack",
    "Hadamard",
    "Inverse",
    "Kron",
    "MatMul",
    "MatrixPower",
    "Neg",
    "Power",
    "Slice",
    "Span",
    "Trace",
    "Transpose",
    "Unvec",
    "Vec",
]
