"""Places in a formula: single occurrences, so that one of two equal pieces can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symrnn.errors import ShapeError
from symrnn.language import Formula, Node, Part
from symrnn.language.node import format_shape

Path = tuple[int, ...]

MOST_PLACES = 2_500
"""Larger formulas are not searched for a mistake."""


@dataclass(frozen=True)
class Place:
    """One occurrence: in which part (None for the formula's own line), which way down, the nodes on the way."""

    part: int | None
    path: Path
    way: tuple[Node, ...]

    @property
    def node(self) -> Node:
        """What stands there."""
        return self.way[-1]

    @property
    def parent(self) -> Node | None:
        """What it stands in."""
        return self.way[-2] if len(self.way) > 1 else None


def places(formula: Formula) -> Iterator[Place]:
    """Every occurrence in a formula, from the outside in, its own line first."""
    roots: list[tuple[int | None, Node]] = [(None, formula.expression)]
    roots += [(number, part.expression) for number, part in enumerate(formula.parts)]
    count = 0
    for part, root in roots:
        stack: list[Place] = [Place(part, (), (root,))]
        while stack:
            place = stack.pop()
            yield place
            count += 1
            if count > MOST_PLACES:
                return
            below = place.node.children
            stack.extend(
                Place(part, (*place.path, number), (*place.way, below[number])) for number in range(len(below))[::-1]
            )


def replaced(formula: Formula, place: Place, new: Node) -> Formula:
    """The formula with something else at one place; raises ShapeError where it doesn't fit there."""
    for node, number in zip(reversed(place.way[:-1]), reversed(place.path), strict=True):
        new = with_child(node, number, new)
    if place.part is None:
        return Formula(new, formula.parts, formula.of, formula.by, formula.immediate)
    old = formula.parts[place.part]
    if new.shape != old.expression.shape:
        raise ShapeError(f"the part {old.name} would be {format_shape(new.shape)}")
    part = Part(old.name, old.time, new)
    parts = (*formula.parts[: place.part], part, *formula.parts[place.part + 1 :])
    return Formula(formula.expression, parts, formula.of, formula.by, formula.immediate)


def with_child(node: Node, number: int, new: Node) -> Node:
    """A node with its child of this number exchanged."""
    counter = iter(range(len(node.children)))

    def change(arg: Any) -> Any:
        if isinstance(arg, Node):
            return new if next(counter) == number else arg
        return tuple(change(a) for a in arg) if isinstance(arg, tuple) else arg

    return type(node)(*(change(arg) for arg in node.args))


def is_small(formula: Formula) -> bool:
    """Whether a formula has few enough places to try changes at each."""
    return sum(size(root) for root in (formula.expression, *(p.expression for p in formula.parts))) < MOST_PLACES


def size(node: Node) -> int:
    """How many occurrences a node consists of, at most MOST_PLACES."""
    count, stack = 0, [node]
    while stack and count < MOST_PLACES:
        count += 1
        stack.extend(stack.pop().children)
    return count
