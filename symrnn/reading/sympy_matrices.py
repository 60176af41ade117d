"""SymPy's matrix expressions as trees: the rules of :mod:`symrnn.reading.sympy_syntax` for what only matrices have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice

from symrnn.reading.sympy_syntax import MatrixFunction, Place, chain, tree_of
from symrnn.reading.syntax import Apply, Raised, SpanItem, Subscript, Transposed, Tree


@tree_of.register(sympy.MatPow)
def _(expression: Any, place: Place) -> Tree:
    base, exponent = expression.args
    return Apply("matrix_power", 0, (tree_of(base, place), tree_of(exponent, place)), place.position)


@tree_of.register(sympy.Inverse)
def _(expression: Any, place: Place) -> Tree:
    return Apply("inv", 0, (tree_of(expression.args[0], place),), place.position)


@tree_of.register(sympy.Transpose)
def _(expression: Any, place: Place) -> Tree:
    return Transposed(tree_of(expression.args[0], place), place.position)


@tree_of.register(sympy.HadamardProduct)
def _(expression: Any, place: Place) -> Tree:
    return chain([("*", tree_of(factor, place)) for factor in expression.args], place)


@tree_of.register(sympy.HadamardPower)
def _(expression: Any, place: Place) -> Tree:
    base, exponent = expression.args
    return Raised(tree_of(base, place), tree_of(exponent, place), place.position)


@tree_of.register(sympy.Identity)
def _(expression: Any, place: Place) -> Tree:
    return Apply("eye", 0, (tree_of(expression.shape[0], place),), place.position)


@tree_of.register(sympy.ZeroMatrix)
def _(expression: Any, place: Place) -> Tree:
    return Apply("zeros", 0, tuple(tree_of(size, place) for size in expression.shape), place.position)


@tree_of.register(sympy.OneMatrix)
def _(expression: Any, place: Place) -> Tree:
    return Apply("ones", 0, tuple(tree_of(size, place) for size in expression.shape), place.position)


@tree_of.register(DiagMatrix)
def _(expression: Any, place: Place) -> Tree:
    return Apply("diag", 0, (tree_of(expression.args[0], place),), place.position)


@tree_of.register(sympy.BlockMatrix)
def _(expression: Any, place: Place) -> Tree:
    rows = [
        Apply("hcat", 0, tuple(tree_of(block, place) for block in expression.blocks.row(i)), place.position)
        for i in range(expression.blocks.rows)
    ]
    return Apply("concat", 0, tuple(rows), place.position)


@tree_of.register(sympy.KroneckerProduct)
def _(expression: Any, place: Place) -> Tree:
    first, *rest = (tree_of(factor, place) for factor in expression.args)
    for factor in rest:
        first = Apply("kron", 0, (first, factor), place.position)
    return first


@tree_of.register(ElementwiseApplyFunction)
def _(expression: Any, place: Place) -> Tree:
    return _applied(expression.function, tree_of(expression.expr, place), place)


def _applied(function: Any, operand: Tree, place: Place) -> Tree:
    """A lambda's body with the operand in place of its variable: all its operations are elementwise."""
    if not isinstance(function, sympy.Lambda):
        raise place.error(f"{function} is not a function that can be read")
    (variable,) = function.variables
    return tree_of(function.expr, replace(place, bound={**place.bound, variable: operand}))


@tree_of.register(MatrixElement)
def _(expression: Any, place: Place) -> Tree:
    base, *indices = expression.args
    return Subscript(tree_of(base, place), tuple(tree_of(i, place) for i in indices), place.position)


@tree_of.register(MatrixSlice)
def _(expression: Any, place: Place) -> Tree:
    base, *ranges = expression.args
    return Subscript(tree_of(base, place), tuple(_span(r, place) for r in ranges), place.position)


def _span(found: Any, place: Place) -> SpanItem:
    start, stop, step = found
    if step != 1:
        raise place.error("a block takes every row and column of a range")
    return SpanItem(tree_of(start, place), tree_of(stop, place), place.position)


@tree_of.register(MatrixFunction)
def _(expression: Any, place: Place) -> Tree:
    label, *arguments = expression.args
    return Apply(str(label), 0, tuple(tree_of(a, place) for a in arguments), place.position)
