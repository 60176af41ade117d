"""Sums, means and products over an index: which index, over which range, in which direction."""

from __future__ import annotations

from types import MappingProxyType

from symrnn.errors import ReadingError
from symrnn.language import HadamardProduct, Index, Node, build
from symrnn.language.traversal import free_indices
from symrnn.reading.ordering import direction
from symrnn.reading.reader import Reader
from symrnn.reading.scope import Scope
from symrnn.reading.syntax import Apply, Minus, Name, Num, Tree


def count_arguments(call: Apply, counts: tuple[int, ...], usage: str) -> None:
    """Raise ReadingError unless a function has one of these numbers of arguments."""
    if len(call.arguments) not in counts:
        allowed = " or ".join(str(c) for c in counts)
        noun = "argument" if counts == (1,) else "arguments"
        raise ReadingError(f"{call.name} takes {allowed} {noun}, but got {len(call.arguments)}", hint=f"Write {usage}.")


def _bound(reader: Reader, call: Apply) -> tuple[Scope, str]:
    """The symbol that is bound, and the scope in which the name written there means it."""
    tree = call.arguments[1]
    if not isinstance(tree, Name):
        raise ReadingError(
            f"the second argument of {call.name} is the name of the index",
            location=reader.source.at(tree.position),
            hint=_BINDER_USAGE[call.name],
        )
    name, scope = tree.name, reader.scope
    if name in scope.time.first.names() | scope.time.last.names():
        raise _error(reader, call, f"is the length of the sequence, and cannot be the index of a {call.name}")
    return scope.shadow(name)


def _error(reader: Reader, call: Apply, what: str) -> ReadingError:
    tree = call.arguments[1]
    assert isinstance(tree, Name)
    location = reader.source.at(tree.position)
    return ReadingError(f'"{tree.name}" {what}', location=location, hint=_BINDER_USAGE[call.name])


_BINDER_USAGE = MappingProxyType(
    {
        "sum": "Write sum(e, t) for all times, sum(e, k, 1, t) for a range, sum(A) for all entries.",
        "mean": "Write mean(e, t) for all times, mean(e, k, 1, t) for a range, mean(A) over all entries.",
        "prod": "Write prod(e, j, t, k+1, -1) for a descending product, prod(e, j, k+1, t, 1) for the other.",
        "hprod": "Write hprod(e, j, k+1, t, 1).",
    }
)


def _range(reader: Reader, call: Apply) -> tuple[Index, Index]:
    """The bounds of a sum: given, or all times."""
    if len(call.arguments) == 2:
        return reader.scope.time.first, reader.scope.time.last
    return reader.index(call.arguments[2]), reader.index(call.arguments[3])


def read_sum(reader: Reader, call: Apply) -> Node:
    """``sum(A)`` over all entries, ``sum(e, t)`` over all times, ``sum(e, k, 1, t)`` over a range."""
    if len(call.arguments) == 1:
        return build.apply("sum", reader.read(call.arguments[0]))
    count_arguments(call, (1, 2, 4), _BINDER_USAGE["sum"].removeprefix("Write ").rstrip("."))
    scope, name = _bound(reader, call)
    lower, upper = _range(reader, call)
    body = reader.inside(scope.bind(name, lower, upper)).read(call.arguments[0])
    if scope.hidden is not reader.scope.hidden and len(call.arguments) == 2 and name not in free_indices(body):
        raise _error(reader, call, "is a size: the times are not counted by it in what is added up")
    return build.sum_over(body, name, lower, upper)


def read_mean(reader: Reader, call: Apply) -> Node:
    """As the sum, over the number of what is added up."""
    if len(call.arguments) == 1:
        return build.apply("mean", reader.read(call.arguments[0]))
    count_arguments(call, (1, 2, 4), _BINDER_USAGE["mean"].removeprefix("Write ").rstrip("."))
    lower, upper = _range(reader, call)
    length = upper - lower + 1
    if length.constant is not None and length.constant < 1:
        raise ReadingError(f"the mean from {lower} to {upper} has no terms")
    return build.times(build.divide(build.number(1), build.index_number(length)), read_sum(reader, call))


def read_product(reader: Reader, call: Apply) -> Node:
    """``prod(e, j, t, k+1, -1)``, the first index leftmost."""
    return build.product_over(*_product_parts(reader, call))


def read_hadamard_product(reader: Reader, call: Apply) -> Node:
    """``hprod(e, j, k+1, t, 1)``."""
    return HadamardProduct(*_product_parts(reader, call))


def _product_parts(reader: Reader, call: Apply) -> tuple[Node, str, Index, Index, int]:
    count_arguments(call, (4, 5), _BINDER_USAGE[call.name].removeprefix("Write ").rstrip("."))
    scope, name = _bound(reader, call)
    first, last = reader.index(call.arguments[2]), reader.index(call.arguments[3])
    step = _step(reader, call, first, last)
    low, high = (first, last) if step > 0 else (last, first)
    body = reader.inside(scope.bind(name, low, high)).read(call.arguments[0])
    return body, name, first, last, step


def _step(reader: Reader, call: Apply, first: Index, last: Index) -> int:
    if len(call.arguments) == 5:
        return _sign(reader, call, call.arguments[4])
    found = direction(first, last, reader.scope.facts)
    if found is None:
        raise ReadingError(
            f"the direction of the {call.name} from {first} to {last} cannot be read from its bounds",
            hint="Write -1 (descending) or 1 (ascending) as its fifth argument; the first is leftmost.",
        )
    return found


def _sign(reader: Reader, call: Apply, tree: Tree) -> int:
    inner = tree.operand if isinstance(tree, Minus) else tree
    if isinstance(inner, Num) and inner.value == 1:
        return -1 if isinstance(tree, Minus) else 1
    raise ReadingError(
        f"the fifth argument of {call.name} is -1 (descending) or 1 (ascending)",
        location=reader.source.at(tree.position),
    )
