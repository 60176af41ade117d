"""From trees to nodes: what the names mean decides what the forms mean.

One rule per form of :mod:`symrnn.reading.syntax`; the functions of the language stand in
:mod:`symrnn.reading.calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from symrnn.errors import ReadingError, ShapeError, SymrnnError
from symrnn.language import Entry, Index, Layout, Node, Number, Variable, build
from symrnn.language.node import format_shape
from symrnn.reading.hints import unknown_variable
from symrnn.reading.indices import read_index
from symrnn.reading.scope import Scope, ShapeUnknown, Symbol, summand_at
from symrnn.reading.syntax import (
    Apply,
    Chain,
    Minus,
    Name,
    Num,
    Raised,
    SpanItem,
    Subscript,
    Transposed,
    Tree,
    start,
)
from symrnn.reading.tokens import Source

MAX_SWITCHES = 100


@dataclass(frozen=True)
class Reader:
    """Reads trees in a scope.  ``calls`` finds the rule of a function's name."""

    scope: Scope
    layout: Layout
    source: Source
    calls: Callable[[Reader, Apply], Node]

    def inside(self, scope: Scope) -> Reader:
        """The reader of a sum's or product's body."""
        return replace(self, scope=scope)

    def index(self, tree: Tree) -> Index:
        """The time, size or component index that a tree stands for."""
        return read_index(tree, self.scope, self.source)

    def read(self, tree: Tree) -> Node:
        """The node of a tree; an error says where."""
        try:
            return _RULES[type(tree)](self, tree)
        except SymrnnError as error:
            raise error.at(self.source.at(tree.position)) from None


def _number(reader: Reader, tree: Num) -> Node:
    return Number(tree.value)


def _name(reader: Reader, tree: Name) -> Node:
    scope, name = reader.scope, tree.name
    found = scope.whole.get(name)
    if found is not None:
        return _variable(name, found, None)
    index = scope.index(name)
    if index is not None:
        return build.index_number(index)
    raise _unusable(name, scope)


def _variable(name: str, symbol: Symbol, time: Index | None) -> Variable:
    if symbol.shape is None:
        raise ShapeUnknown(name, time is not None)
    return Variable(name, symbol.role, symbol.shape, time)


def _unusable(name: str, scope: Scope) -> SymrnnError:
    """Why a bare name is no expression."""
    if name in scope.timed:
        now = scope.time.index
        return ReadingError(f'"{name}" has one value per time', hint=f"Write {name}[{now}], or the time that is meant.")
    if name in scope.functions:
        return ReadingError(f'"{name}" is a function', hint=f"Write what it is applied to: {name}(...).")
    return unknown_variable(name, scope)


def _minus(reader: Reader, tree: Minus) -> Node:
    return build.neg(reader.read(tree.operand))


def _transposed(reader: Reader, tree: Transposed) -> Node:
    return build.transpose(reader.read(tree.operand))


def _raised(reader: Reader, tree: Raised) -> Node:
    return build.power(reader.read(tree.base), reader.read(tree.exponent))


def _chain(reader: Reader, tree: Chain) -> Node:
    return _sum(reader, tree) if tree.is_sum else _product(reader, tree)


def _sum(reader: Reader, tree: Chain) -> Node:
    terms = [reader.read(tree.first)]
    for operator, operand in tree.rest:
        term = reader.read(operand)
        terms.append(term if operator == "+" else build.neg(term))
    operands = [tree.first, *(operand for _, operand in tree.rest)]
    return _combined(reader, build.add, terms, operands)


def _combined(reader: Reader, combine: Callable[..., Node], parts: list[Node], trees: list[Tree]) -> Node:
    """All parts at once; where they don't fit, the error stands at the first one that doesn't."""
    try:
        return combine(*parts)
    except ShapeError as error:
        for count in range(2, len(parts) + 1):
            try:
                combine(*parts[:count])
            except ShapeError as first:
                raise first.at(reader.source.at(start(trees[count - 1]))) from None
        raise error from None


def _product(reader: Reader, tree: Chain) -> Node:
    """Operators from left to right; a run of the same operator becomes one flat product."""
    parts, trees, running = [reader.read(tree.first)], [tree.first], ""
    switches = 0
    for operator, operand in tree.rest:
        if operator != running or operator == "/":
            parts = [_collapse(reader, running, parts, trees)]
            trees, running, switches = [tree.first], operator, switches + 1
            if switches > MAX_SWITCHES:
                raise ReadingError(
                    "too many different operators in a row", hint="Put parts of it on lines of their own."
                )
        parts.append(reader.read(operand))
        trees.append(operand)
    return _collapse(reader, running, parts, trees)


_COMBINE: dict[str, Callable[..., Node]] = {"@": build.matmul, "*": build.times, "/": build.divide}


def _collapse(reader: Reader, operator: str, parts: list[Node], trees: list[Tree]) -> Node:
    if len(parts) == 1:
        return parts[0]
    if operator == "/" and isinstance(parts[1], Number) and parts[1].value == 0:
        raise ReadingError("division by zero").at(reader.source.at(trees[1].position))
    return _combined(reader, _COMBINE[operator], parts, trees)


def _subscript(reader: Reader, tree: Subscript) -> Node:
    if isinstance(tree.base, Name) and not _is_whole(tree.base.name, reader.scope):
        return _timed(reader, tree.base, tree)
    return _entries(reader, reader.read(tree.base), tree.items)


def _is_whole(name: str, scope: Scope) -> bool:
    """Whether brackets after the name hold entries, not a time; a name that is both has a time there."""
    return name in scope.whole and name not in scope.timed and not _is_summand(name, scope)


def _is_summand(name: str, scope: Scope) -> bool:
    return scope.summand is not None and scope.summand[0] == name


def _timed(reader: Reader, base: Name, tree: Subscript) -> Node:
    scope, name = reader.scope, base.name
    first, *rest = tree.items
    symbol = scope.timed.get(name)
    if symbol is None and not _is_summand(name, scope):
        raise _no_entries(name, scope).at(reader.source.at(base.position))
    if isinstance(first, SpanItem):
        raise ReadingError(
            f'"{name}" has one value per time, and a time is not a range',
            hint=f"Write the time first: {name}[{scope.time.index}][0:n], or sum over it.",
        )
    time = reader.index(first)
    if symbol is not None:
        value: Node = _variable(name, symbol, time)
    else:
        assert scope.summand is not None
        value = summand_at(scope.summand, time)
    return _entries(reader, value, tuple(rest)) if rest else value


def _no_entries(name: str, scope: Scope) -> SymrnnError:
    if scope.index(name) is not None:
        return ReadingError(f'"{name}" is a time or a size, and has no entries')
    if name in scope.functions:
        return ReadingError(f'"{name}" is a function', hint=f"Write {name}(...) with round brackets.")
    return unknown_variable(name, scope)


def _entries(reader: Reader, base: Node, items: tuple[Tree | SpanItem, ...]) -> Node:
    """``W[i, j]``, ``z[0:n]``, ``W[:, n:n+m]``, ``W[i, :]``; entries count from 0."""
    if not any(isinstance(item, SpanItem) for item in items):
        return _entry(reader, base, [item for item in items if not isinstance(item, SpanItem)])
    if len(base.shape) != 2:
        raise ShapeError(f"a block is cut out of a matrix or a vector, not of a {format_shape(base.shape)}")
    if len(items) > 2:
        raise ShapeError(f"a block of {format_shape(base.shape)} takes at most two ranges, but got {len(items)}")
    if len(items) == 2:
        spans = [_span(reader, item, axis) for item, axis in zip(items, base.shape, strict=True)]
    elif base.is_row and not base.is_column:
        spans = [None, _span(reader, items[0], base.shape[1])]
    else:
        spans = [_span(reader, items[0], base.shape[0]), None]
    return build.take(base, spans[0], spans[1])


def _entry(reader: Reader, base: Node, items: list[Tree]) -> Node:
    if not base.shape:
        raise ShapeError("a scalar has no entries")
    if len(items) == 1 and len(base.shape) == 2 and not (base.is_column or base.is_row):
        raise ShapeError(
            f"an entry of a {format_shape(base.shape)} matrix takes two indices",
            hint="Write A[i,j] for an entry, A[i,:] for a row, A[:,j] for a column.",
        )
    return Entry(base, tuple(reader.index(item) for item in items))


def _span(reader: Reader, item: Tree | SpanItem, axis: Index) -> tuple[Index, Index] | None:
    if not isinstance(item, SpanItem):
        single = reader.index(item)
        return (single, single + 1)
    if item.start is None and item.stop is None:
        return None
    start = Index.of(0) if item.start is None else reader.index(item.start)
    stop = axis if item.stop is None else reader.index(item.stop)
    return (start, stop)


def _apply(reader: Reader, tree: Apply) -> Node:
    return reader.calls(reader, tree)


_RULES: dict[type, Callable[[Reader, Any], Node]] = {
    Num: _number,
    Name: _name,
    Minus: _minus,
    Transposed: _transposed,
    Raised: _raised,
    Chain: _chain,
    Subscript: _subscript,
    Apply: _apply,
}
