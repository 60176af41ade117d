"""SymPy expressions as trees of our syntax; every type has a rule, and one without a rule is named and refused.

SymPy sorts sums and elementwise products as it likes, so their order is SymPy's; matrix products keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatch
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement

from symrnn.errors import Location, ReadingError, UnsupportedError
from symrnn.reading.parser import parse
from symrnn.reading.syntax import (
    Apply,
    Chain,
    Minus,
    Name,
    Num,
    Raised,
    Subscript,
    Tree,
)
from symrnn.reading.tokens import Position, Source

FUNCTIONS: Mapping[type, str] = {
    sympy.tanh: "tanh",
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.Abs: "abs",
    sympy.Max: "max",
    sympy.Min: "min",
    sympy.Trace: "trace",
    sympy.Determinant: "det",
    sympy.KroneckerDelta: "delta",
}


class MatrixFunction(sympy.MatrixExpr):
    """A function of a matrix that keeps its shape, ``softmax(o)``, for which SymPy has no expression."""

    def __new__(cls, name: str | sympy.Basic, operand: Any, *rest: Any) -> MatrixFunction:
        label = name if isinstance(name, sympy.Basic) else sympy.Symbol(name)
        return super().__new__(cls, label, operand, *rest)

    @property
    def shape(self) -> tuple[Any, Any]:
        """The operand's shape."""
        return self.args[1].shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return MatrixElement(self, i, j)


@dataclass(frozen=True)
class Place:
    """Where the tree is said to stand, and what bound variables of a lambda stand for."""

    position: Position = (1, 1)
    location: Location | None = None
    bound: Mapping[Any, Tree] = field(default_factory=dict)

    def error(self, message: str, hint: str | None = None) -> ReadingError:
        """An error at this place."""
        return ReadingError(message, location=self.location, hint=hint)

    def number(self, value: int) -> Tree:
        """A whole number as a tree."""
        return Num(Fraction(value), self.position)


@singledispatch
def tree_of(expression: Any, place: Place) -> Tree:
    """The tree of a SymPy expression.

    >>> tree_of(sympy.Symbol("a") + 1, Place()).is_sum
    True

    Raises UnsupportedError for a type that has no rule, by its name.
    """
    raise UnsupportedError(
        f"a SymPy {type(expression).__name__} cannot be read: {str(expression)[:60]}",
        location=place.location,
        hint="Write the equation as text, in the language of cell files.",
    )


@tree_of.register(int)
@tree_of.register(float)
@tree_of.register(Fraction)
def _(expression: float, place: Place) -> Tree:
    return _number(Fraction(str(expression)), place)


@tree_of.register(sympy.Rational)
def _(expression: Any, place: Place) -> Tree:
    top, bottom = int(expression.p), int(expression.q)
    if bottom == 1:
        return _number(Fraction(top), place)
    quotient = Chain(place.number(abs(top)), (("/", place.number(bottom)),), place.position)
    return Minus(quotient, place.position) if top < 0 else quotient


@tree_of.register(sympy.Float)
def _(expression: Any, place: Place) -> Tree:
    if not expression.is_finite:
        raise place.error(f"{expression} is not a number")
    return _number(Fraction(str(expression)), place)


def _number(value: Fraction, place: Place) -> Tree:
    number = Num(abs(value), place.position)
    return Minus(number, place.position) if value < 0 else number


@tree_of.register(sympy.Symbol)
@tree_of.register(sympy.MatrixSymbol)
def _(expression: Any, place: Place) -> Tree:
    known = place.bound.get(expression)
    return known if known is not None else symbol_tree(str(expression.name), place)


def symbol_tree(name: str, place: Place) -> Tree:
    """The tree of a symbol's name, which may hold a time: ``h[t-1]``."""
    try:
        tree = parse(name, Source.of(name, name="symbol"))
    except ReadingError as error:
        raise place.error(
            f'the symbol "{name}" has a name that cannot be read: {error.message}',
            "Names are letters, digits and underscores; times are written by symrnn.at(h, t-1).",
        ) from None
    if isinstance(tree, Name):
        return Name(tree.name, place.position)
    if isinstance(tree, Subscript) and isinstance(tree.base, Name) and len(tree.items) == 1:
        return Subscript(Name(tree.base.name, place.position), tree.items, place.position)
    raise place.error(f'"{name}" is not the name of a variable')


def chain(pairs: Sequence[tuple[str, Tree]], place: Place) -> Tree:
    """Operands with the operators before them; the first one's operator is dropped, or is a sign."""
    (sign, first), *rest = pairs
    first = Minus(first, place.position) if sign == "-" else first
    return Chain(first, tuple(rest), place.position) if rest else first


@tree_of.register(sympy.Add)
@tree_of.register(sympy.MatAdd)
def _(expression: Any, place: Place) -> Tree:
    terms = expression.as_ordered_terms() if isinstance(expression, sympy.Add) else expression.args
    return chain([_signed(term, place) for term in terms], place)


def _signed(term: Any, place: Place) -> tuple[str, Tree]:
    """A term with its sign, ``- b`` rather than ``+ (-1)*b``."""
    if term.could_extract_minus_sign() and not isinstance(term, sympy.Add | sympy.MatAdd):
        return "-", tree_of(-term, place)
    return "+", tree_of(term, place)


@tree_of.register(sympy.Mul)
def _(expression: Any, place: Place) -> Tree:
    coefficient, rest = expression.as_coeff_Mul()
    if coefficient.is_negative:
        return Minus(tree_of(-coefficient * rest, place), place.position)
    above: list[tuple[str, Tree]] = []
    below: list[tuple[str, Tree]] = []
    for factor in expression.as_ordered_factors():
        base, exponent = factor.as_base_exp()
        if exponent.is_negative and not isinstance(factor, sympy.exp):
            below.append(("/", tree_of(base**-exponent, place)))
        else:
            above.append(("*", tree_of(factor, place)))
    return chain([*(above or [("*", place.number(1))]), *below], place)


@tree_of.register(sympy.MatMul)
def _(expression: Any, place: Place) -> Tree:
    coefficient, matrices = expression.as_coeff_matrices()
    product = chain([("@", tree_of(m, place)) for m in matrices], place)
    if coefficient == 1:
        return product
    if coefficient == -1:
        return Minus(product, place.position)
    return chain([("*", tree_of(coefficient, place)), ("*", product)], place)


@tree_of.register(sympy.Pow)
def _(expression: Any, place: Place) -> Tree:
    base, exponent = expression.as_base_exp()
    if exponent.is_negative and exponent.is_number:
        return chain([("*", place.number(1)), ("/", tree_of(base**-exponent, place))], place)
    if exponent == sympy.Rational(1, 2):
        return Apply("sqrt", 0, (tree_of(base, place),), place.position)
    return Raised(tree_of(base, place), tree_of(exponent, place), place.position)


@tree_of.register(sympy.Sum)
@tree_of.register(sympy.Product)
def _(expression: Any, place: Place) -> Tree:
    name = "sum" if isinstance(expression, sympy.Sum) else "prod"
    if len(expression.limits) != 1:
        raise place.error(f"a {name} runs over one index", "Write one inside the other.")
    ((index, lower, upper),) = expression.limits
    # SymPy multiplies a product of scalars in ascending order.
    step = (place.number(1),) if name == "prod" else ()
    bounds = (Name(str(index), place.position), tree_of(lower, place), tree_of(upper, place))
    return Apply(name, 0, (tree_of(expression.function, place), *bounds, *step), place.position)


@tree_of.register(AppliedUndef)
def _(expression: Any, place: Place) -> Tree:
    return Apply(str(expression.func), 0, tuple(tree_of(a, place) for a in expression.args), place.position)


@tree_of.register(sympy.Function)
@tree_of.register(sympy.Trace)
@tree_of.register(sympy.Determinant)
@tree_of.register(sympy.Max)
@tree_of.register(sympy.Min)
def _(expression: Any, place: Place) -> Tree:
    name = FUNCTIONS.get(type(expression))
    if name is None:
        raise UnsupportedError(
            f"the SymPy function {type(expression).__name__} cannot be read",
            location=place.location,
            hint='Write sympy.Function("f") for a generic function, and declare it: functions=["f"].',
        )
    return Apply(name, 0, tuple(tree_of(a, place) for a in expression.args), place.position)
