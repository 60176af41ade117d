"""What was written, before anybody knows what the names mean.

The tree is the meeting point of the ways in: text and Python functions become trees, and one reader turns
trees into nodes.  It is as small as the grammar: eight forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from symrnn.reading.tokens import Position


@dataclass(frozen=True, slots=True)
class Num:
    """A number, exactly as written."""

    value: Fraction
    position: Position


@dataclass(frozen=True, slots=True)
class Name:
    """A name by itself."""

    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class Apply:
    """``name(arguments)``, with as many primes as ``order``."""

    name: str
    order: int
    arguments: tuple[Tree, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class SpanItem:
    """``start:stop`` in brackets; None where one is left out."""

    start: Tree | None
    stop: Tree | None
    position: Position


@dataclass(frozen=True, slots=True)
class Subscript:
    """``base[items]``: a time, entries or a block."""

    base: Tree
    items: tuple[Tree | SpanItem, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Transposed:
    """``operand.T``."""

    operand: Tree
    position: Position


@dataclass(frozen=True, slots=True)
class Minus:
    """``-operand``."""

    operand: Tree
    position: Position


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands of one precedence: ``first``, and the rest each with the operator before it.

    Kept flat, so that a sum of ten thousand terms is not ten thousand levels deep.
    """

    first: Tree
    rest: tuple[tuple[str, Tree], ...]
    position: Position

    @property
    def is_sum(self) -> bool:
        """Whether it adds and subtracts, rather than multiplies and divides."""
        return self.rest[0][0] in "+-"


@dataclass(frozen=True, slots=True)
class Raised:
    """``base**exponent``."""

    base: Tree
    exponent: Tree
    position: Position


Tree = Num | Name | Apply | Subscript | Transposed | Minus | Chain | Raised


def parts_of(tree: Tree | SpanItem) -> list[Tree | SpanItem]:
    """The trees directly below one."""
    match tree:
        case Apply(arguments=arguments):
            return list(arguments)
        case Subscript(base=base, items=items):
            return [base, *items]
        case SpanItem(start=start, stop=stop):
            return [p for p in (start, stop) if p is not None]
        case Transposed(operand=operand) | Minus(operand=operand):
            return [operand]
        case Chain(first=first, rest=rest):
            return [first, *(operand for _, operand in rest)]
        case Raised(base=base, exponent=exponent):
            return [base, exponent]
        case _:
            return []


def walk(tree: Tree) -> Iterator[Tree | SpanItem]:
    """The tree and everything below it, without recursion."""
    stack: list[Tree | SpanItem] = [tree]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(reversed(parts_of(found)))


def start(tree: Tree) -> Position:
    """Where the text of a tree begins; its ``position`` is that of its operator or bracket."""
    while True:
        match tree:
            case Subscript(base=inner) | Raised(base=inner) | Transposed(operand=inner) | Chain(first=inner):
                tree = inner
            case _:
                return tree.position


def depth(tree: Tree) -> int:
    """How deep the tree is, without recursion."""
    deepest = 0
    stack: list[tuple[Tree | SpanItem, int]] = [(tree, 1)]
    while stack:
        found, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((part, level + 1) for part in parts_of(found))
    return deepest
