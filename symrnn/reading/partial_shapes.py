"""Shapes of expressions that mention variables whose shape nobody declared.

A recurrence speaks of itself: in ``h[t] = tanh(W @ h[t-1] + U @ x[t])`` the shape of h follows from the other
terms.  A partial shape is None where nothing is known, or has None for an axis that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from symrnn.language import Index
from symrnn.primitives import lookup
from symrnn.reading.calls import RULES
from symrnn.reading.ordering import direction
from symrnn.reading.reader import Reader
from symrnn.reading.scope import ShapeUnknown
from symrnn.reading.syntax import Apply, Chain, Minus, Name, Raised, SpanItem, Subscript, Transposed, Tree

Partial = tuple[Index | None, ...] | None

_ONE = Index.of(1)
_KEEPING = {"inv", "matrix_power"}
_SQUARE = {"diag", "inv", "matrix_power", "prod"}
_SUMMING = {"sum": (2, 4), "mean": (2, 4), "prod": (4, 5), "hprod": (4, 5)}


def partial_shape(reader: Reader, tree: Tree) -> Partial:
    """What is known of a tree's shape.  Raises what reading raises where known shapes and names are wrong."""
    try:
        return reader.read(tree).shape
    except ShapeUnknown:
        rule = _RULES.get(type(tree))
        return rule(reader, tree) if rule else None


def is_complete(shape: Partial) -> bool:
    """Whether every axis is known."""
    return shape is not None and all(axis is not None for axis in shape)


def merged(shapes: Iterable[Partial]) -> Partial:
    """What the operands of an elementwise operation say of the result together; scalars say nothing.

    >>> merged([None, (Index.of("n"), None), ()])
    (Index('n'), None)
    """
    found = list(shapes)
    known = [s for s in found if s is not None and not _is_single(s)]
    if not known:
        return None if any(s is None for s in found) else (found[0] if found else None)
    axes = [list(s) for s in known if len(s) == len(known[0])]
    return tuple(next((a[i] for a in axes if a[i] is not None), None) for i in range(len(known[0])))


def _is_single(shape: Partial) -> bool:
    return shape is not None and (shape == () or shape == (_ONE, _ONE))


def _inner(reader: Reader, tree: Minus | Transposed) -> Partial:
    return partial_shape(reader, tree.operand)


def _transposed(reader: Reader, tree: Transposed) -> Partial:
    shape = _inner(reader, tree)
    return None if shape is None else shape[::-1]


def _raised(reader: Reader, tree: Raised) -> Partial:
    return partial_shape(reader, tree.base)


def _chain(reader: Reader, tree: Chain) -> Partial:
    result = partial_shape(reader, tree.first)
    if tree.is_sum:
        return merged([result, *(partial_shape(reader, operand) for _, operand in tree.rest)])
    left: Tree = tree.first
    for operator, operand in tree.rest:
        shape = partial_shape(reader, operand)
        if operator == "@":
            result = _matmul(_as_square(left, result, shape, 0), _as_square(operand, shape, result, 1))
        else:
            result = merged([result, shape])
        left = tree  # what stands before the next factor is a product, square or not
    return result


def _as_square(tree: Tree, shape: Partial, neighbour: Partial, side: int) -> Partial:
    """A factor that is square by its form has its neighbour's inner size."""
    if is_complete(shape) or not (isinstance(tree, Apply) and tree.name in _SQUARE):
        return shape
    size = neighbour[side] if neighbour and len(neighbour) == 2 else None
    return (size, size)


def _matmul(left: Partial, right: Partial) -> Partial:
    rows = left[0] if left and len(left) == 2 else None
    columns = right[1] if right and len(right) == 2 else None
    return (rows, columns)


def _apply(reader: Reader, call: Apply) -> Partial:
    name, arguments = call.name, call.arguments
    if name in _SUMMING and len(arguments) in _SUMMING[name]:
        return _bound(reader, call)
    if name in reader.scope.functions or _keeps_shape(name) or call.order or name.endswith("_prime"):
        shape = partial_shape(reader, arguments[0]) if arguments else None
        return _squared(shape) if name in _KEEPING else shape
    if name == "hadamard":
        return merged(partial_shape(reader, a) for a in arguments)
    if name in ("concat", "hcat"):
        return _stacked([partial_shape(reader, a) for a in arguments], name == "concat")
    if name == "diag" and arguments:
        vector = partial_shape(reader, arguments[0])
        size = next((a for a in vector or () if a is not None and a != _ONE), None)
        return (size, size)
    found = lookup(name)
    scalar = name in ("trace", "det", "delta") or (found is not None and found.kind == "reduction")
    return () if scalar else None


def _keeps_shape(name: str) -> bool:
    found = lookup(name)
    return name in _KEEPING or (found is not None and found.kind != "reduction" and name not in RULES)


def _squared(shape: Partial) -> Partial:
    size = next((a for a in shape or () if a is not None), None)
    return (size, size)


def _stacked(shapes: list[Partial], downward: bool) -> Partial:
    along, across = (0, 1) if downward else (1, 0)
    full = [(_ONE, _ONE) if s == () else s for s in shapes]
    width = next((s[across] for s in full if s and s[across] is not None), None)
    lengths = [s[along] if s else None for s in full]
    total: Index | None = Index.of(0)
    for length in lengths:
        total = None if total is None or length is None else total + length
    return (total, width) if downward else (width, total)


def _bound(reader: Reader, call: Apply) -> Partial:
    name, bounds = call.arguments[1], call.arguments[2:4]
    if not isinstance(name, Name):
        return None
    first, last = (reader.index(b) for b in bounds) if bounds else (reader.scope.time.first, reader.scope.time.last)
    if direction(first, last, reader.scope.facts) == -1:
        first, last = last, first
    scope = reader.scope.bind(name.name, first, last)
    shape = partial_shape(reader.inside(scope), call.arguments[0])
    return _squared(shape) if call.name == "prod" and shape else shape


def _subscript(reader: Reader, tree: Subscript) -> Partial:
    """Entries are scalars; of blocks only the length of the ranges is known."""
    base, items = tree.base, tree.items
    if isinstance(base, Name):
        if base.name in reader.scope.timed:
            items = items[1:]
        if not items:
            return None
    if not any(isinstance(i, SpanItem) for i in items):
        return ()
    if len(items) == 1:
        return (_length(reader, items[0]), None)
    return tuple(_length(reader, item) for item in items)


def _length(reader: Reader, item: Tree | SpanItem) -> Index | None:
    if not isinstance(item, SpanItem):
        return _ONE
    if item.stop is None:
        return None
    stop = reader.index(item.stop)
    return stop if item.start is None else stop - reader.index(item.start)


_RULES: dict[type, Callable[[Reader, Any], Partial]] = {
    Minus: _inner,
    Transposed: _transposed,
    Raised: _raised,
    Chain: _chain,
    Apply: _apply,
    Subscript: _subscript,
}
