"""How names are used in a tree: as variables, with what in brackets behind them, or as indices."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from symrnn.reading.scope import Scope
from symrnn.reading.syntax import Apply, Name, SpanItem, Subscript, Tree, parts_of, walk

Items = tuple[Tree | SpanItem, ...] | None

_VALUES_FIRST = MappingProxyType(
    {
        **dict.fromkeys(("sum", "mean", "prod", "hprod", "matrix_power", "unvec"), 1),
        **dict.fromkeys(("eye", "ones", "zeros", "delta", "commutation", "max", "min"), 0),
    }
)
"""How many arguments of a function are values; the others are indices."""


def free_letters(tree: Tree, scope: Scope) -> set[str]:
    """The free indices that a tree uses in brackets."""
    found: set[str] = set()
    for part in walk(tree):
        for item in part.items if isinstance(part, Subscript) else ():
            found |= names_in(item)
    return {name for name in found if scope.may_be_index(name)} - scope.whole.keys()


def variable_uses(tree: Tree) -> Iterator[tuple[str, Items]]:
    """Every name that is used as a variable, with what stands in brackets behind it, None for nothing."""
    stack: list[Tree] = [tree]
    while stack:
        found = stack.pop()
        if isinstance(found, Name):
            yield found.name, None
        elif isinstance(found, Subscript):
            if isinstance(found.base, Name):
                yield found.base.name, found.items
            else:
                stack.append(found.base)
        elif isinstance(found, Apply):
            stack.extend(value_arguments(found.name, found.arguments))
        else:
            stack.extend(part for part in parts_of(found) if not isinstance(part, SpanItem))


def value_arguments(name: str, arguments: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The arguments of a function that are values; those after them are indices."""
    return arguments[: _VALUES_FIRST.get(name, len(arguments))]


def names_in(item: Tree | SpanItem) -> set[str]:
    """The names that occur in an index or a range."""
    return {found.name for side in _sides(item) for found in walk(side) if isinstance(found, Name)}


def _sides(item: Tree | SpanItem) -> list[Tree]:
    return [s for s in (item.start, item.stop) if s is not None] if isinstance(item, SpanItem) else [item]
