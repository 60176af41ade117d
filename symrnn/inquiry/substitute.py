"""Numbers put into formulas, stage by stage: *symbolic = substituted = result*, with the stages between.

``h[1] = relu(W @ x[1] + b)`` becomes the same with numbers for W, x and b, then with the products worked out,
then with the argument worked out, then the result.  Each stage is an ordinary expression, so that every
emitter can print it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from symrnn.errors import DataError, UnsupportedError
from symrnn.language import build
from symrnn.language.binder import HadamardProduct, Product, Sum
from symrnn.language.index import Index
from symrnn.language.leaf import IndexNumber, Number, Variable, number
from symrnn.language.node import Node
from symrnn.language.operation import Add, Call, Concat, Divide, HStack, Neg
from symrnn.language.traversal import map_nodes, substitute, substitute_indices, variables
from symrnn.oracle.exact import Numbers

Value = Callable[[Node], Numbers]
"""The value of an expression in which all times are numbers."""

DIGITS = 6
"""How many significant digits of a number are shown that isn't exact."""

MOST_TERMS = 2_000
"""How many terms a sum may have to be written out."""


def number_node(array: Any, digits: int = DIGITS) -> Node:
    """An array of numbers as an expression: a number, or rows of numbers.

    >>> import numpy as np
    >>> number_node(np.array([[Fraction(1, 2)], [Fraction(2)]], dtype=object))
    Concat((Number(Fraction(1, 2)), Number(Fraction(2, 1))))
    """
    if array.shape == ():
        return _number(array.item(), digits)
    if array.ndim != 2:
        raise UnsupportedError(f"an array with {array.ndim} axes is not written out as an expression")
    rows = [_row([_number(entry, digits) for entry in row]) for row in array]
    return rows[0] if len(rows) == 1 and array.shape[1] > 1 else Concat(tuple(rows))


def _row(entries: list[Node]) -> Node:
    return entries[0] if len(entries) == 1 else HStack(tuple(entries))


def _number(entry: object, digits: int) -> Number:
    if isinstance(entry, (Fraction, int)):
        return number(Fraction(entry))
    value = float(entry)  # type: ignore[arg-type]
    if value != value or value in (float("inf"), float("-inf")):
        raise DataError("a value is not a finite number")
    return number(f"{value:.{digits}g}")


def written_out(expression: Node, numbers: Mapping[str, int]) -> Node:
    """The expression with these numbers for times and sizes, sums and products over times written out."""
    count = 0

    def rule(node: Node) -> Node:
        nonlocal count
        if isinstance(node, IndexNumber) and node.index.constant is not None:
            return build.index_number(node.index)
        if not isinstance(node, (Sum, Product)):
            return node
        bounds = [bound.constant for bound in node.args[2:4]]
        if None in bounds:
            raise UnsupportedError(f"the bounds of a sum over {node.index} are not numbers")
        first, last = (bound or 0 for bound in bounds)
        step = node.step if isinstance(node, Product) else 1
        values = range(first, last + step, step)
        count += len(values)
        if count > MOST_TERMS:
            raise DataError(f"more than {MOST_TERMS} terms are too many to write out")
        parts = [substitute_indices(node.body, {node.index: Index.of(value)}) for value in values]
        return _joined(node, [map_nodes(part, rule) for part in parts])

    return map_nodes(substitute_indices(expression, {n: Index.of(v) for n, v in numbers.items()}), rule)


def _joined(node: Sum | Product, parts: list[Node]) -> Node:
    if not parts:
        raise UnsupportedError("an empty sum or product has nothing to write out")
    if isinstance(node, Sum):
        return build.add(*parts)
    if isinstance(node, HadamardProduct) or node.body.is_scalar:
        return build.times(*parts)
    return build.matmul(*parts)


def with_numbers(expression: Node, value: Value) -> Node:
    """The expression with a number, or rows of numbers, for every variable; structure and order stay."""
    known = {v: number_node(value(v).array) for v in variables(expression)}

    def rule(node: Node) -> Node:
        return known[node] if isinstance(node, Variable) else node

    return map_nodes(expression, rule)


def stages(expression: Node, value: Value) -> tuple[Node, ...]:
    """Symbolic, substituted, with functions worked out, with terms, with arguments worked out, the result.

    Stages that look alike come once.  ``expression`` has numbers for times and sizes already
    (:func:`written_out`).
    """
    found = [expression]
    for stage in (
        lambda: with_numbers(expression, value),
        lambda: _functions(expression, value),
        lambda: _terms(expression, value),
        lambda: _arguments(expression, value),
        lambda: _worked_out(expression, value),
    ):
        node = stage()
        if node is not found[-1]:
            found.append(node)
    return tuple(found)


def _worked_out(node: Node, value: Value) -> Node:
    return number_node(value(node).array)


def _functions(node: Node, value: Value) -> Node:
    """The functions within a sum or product worked out: 1 for ``relu'(3)``; one that stands outermost stays."""
    if isinstance(node, (Call, Neg)):
        return with_numbers(node, value)
    calls: dict[Node, Node] = {}
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Call):
            calls[current] = _worked_out(current, value)
        else:
            stack.extend(current.children)
    return with_numbers(substitute(node, calls), value)


def _terms(node: Node, value: Value) -> Node:
    """Every term of a sum, and every product, worked out; what stands inside a function likewise."""
    if isinstance(node, Call) and len(node.arguments) == 1:
        return Call(node.name, (_terms(node.arguments[0], value),), node.order)
    if isinstance(node, Add):
        return Add(tuple(_term(term, value) for term in node.args[0]))
    if isinstance(node, Divide):
        return Divide(_terms(node.args[0], value), _terms(node.args[1], value))
    if isinstance(node, Neg):
        return Neg(_terms(node.args[0], value))
    return _worked_out(node, value)


def _term(node: Node, value: Value) -> Node:
    return Neg(_worked_out(node.args[0], value)) if isinstance(node, Neg) else _worked_out(node, value)


def _arguments(node: Node, value: Value) -> Node:
    """The arguments of functions worked out, the functions still standing."""
    if isinstance(node, Call) and len(node.arguments) == 1:
        return Call(node.name, (_worked_out(node.arguments[0], value),), node.order)
    if isinstance(node, Neg) and isinstance(node.args[0], Call):
        return Neg(_arguments(node.args[0], value))
    return _worked_out(node, value)
