"""Trees that stand for times, sizes and component indices."""

from __future__ import annotations

from symrnn.errors import ReadingError, SymrnnError
from symrnn.language import Index, index_max, index_min
from symrnn.reading.hints import unknown_index
from symrnn.reading.scope import Scope
from symrnn.reading.syntax import Apply, Chain, Minus, Name, Num, Raised, Tree
from symrnn.reading.tokens import Source

MAX_TERMS = 64
MAX_DEGREE = 16
_MAX_POWER = 6
_EXTREMA = {"max": index_max, "min": index_min}


def read_index(tree: Tree, scope: Scope, source: Source) -> Index:
    """The index that a tree stands for: integers, times, sizes and their sums, products, max and min.

    Raises ReadingError or UnknownNameError where it is none.
    """
    index = _located(tree, scope, source)
    if index.constant is None and not index.names():
        raise ReadingError(f"{index} stands where a whole number is expected", location=source.at(tree.position))
    return index


def _located(tree: Tree, scope: Scope, source: Source) -> Index:
    try:
        return _read(tree, scope, source)
    except SymrnnError as error:
        raise error.at(source.at(tree.position)) from None


def _read(tree: Tree, scope: Scope, source: Source) -> Index:
    match tree:
        case Num(value=value):
            if value.denominator != 1:
                raise ReadingError(f"{value} stands where a whole number is expected")
            return Index.of(value.numerator)
        case Name(name=name):
            return _named(name, scope)
        case Minus(operand=operand):
            return -_located(operand, scope, source)
        case Chain():
            return _chain(tree, scope, source)
        case Raised(base=base, exponent=Num(value=value)) if value in range(1, _MAX_POWER + 1):
            power = once = _located(base, scope, source)
            for _ in range(value.numerator - 1):
                power = _bounded(power, once)
            return power
        case Apply(name=name, arguments=arguments) if name in _EXTREMA and arguments:
            if len(arguments) > MAX_TERMS:
                raise ReadingError(f"{name} takes at most {MAX_TERMS} arguments here")
            return _EXTREMA[name](*(_located(a, scope, source) for a in arguments))
        case _:
            raise ReadingError(
                "expected a time, a size or a whole number",
                hint="Indices are made of integers, times and sizes with + - * max min.",
            )


def _named(name: str, scope: Scope) -> Index:
    known = scope.index(name)
    if known is not None:
        return known
    if scope.may_be_index(name):
        return Index.of(name)
    if name in scope.whole or name in scope.timed or name in scope.functions:
        raise ReadingError(
            f'"{name}" is a variable, and stands where a time or a size is expected',
            hint="Indices are made of integers, times and sizes.",
        )
    raise unknown_index(name, scope)


def _chain(tree: Chain, scope: Scope, source: Source) -> Index:
    total = _located(tree.first, scope, source)
    for operator, operand in tree.rest:
        other = _located(operand, scope, source)
        if operator == "+":
            total = total + other
        elif operator == "-":
            total = total - other
        elif operator == "*":
            total = _bounded(total, other)
        elif operator == "/" and other.constant:
            total = total.divided_by(other.constant)
        else:
            raise ReadingError(f'"{operator}" does not stand in an index', hint="Indices know + - * and / by a number.")
        if len(total.terms) > MAX_TERMS:
            raise ReadingError("the index is too long")
    return total


def _bounded(left: Index, right: Index) -> Index:
    if len(left.terms) * len(right.terms) > MAX_TERMS or degree(left) + degree(right) > MAX_DEGREE:
        raise ReadingError("the index is too long")
    return left * right


def degree(index: Index) -> int:
    """How many factors the longest term has."""
    return max((len(monomial) for monomial, _ in index.terms), default=0)
