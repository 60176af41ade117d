"""Which variables an expression reads, at which times, under which sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symrnn.language import Index, Node, Product, Sum, Variable
from symrnn.reading.ordering import Facts


@dataclass(frozen=True)
class Read:
    """A timed variable, and what is known of the bound indices where it is read."""

    variable: Variable
    facts: Facts

    @property
    def time(self) -> Index:
        """When it is read."""
        return self.variable.time or Index.of(0)


def reads(expression: Node, facts: Facts) -> Iterator[Read]:
    """Every timed variable in an expression; one that is read under several ranges comes once for each."""
    seen: set[Node] = set()
    stack: list[Node] = [expression]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Variable):
            if node.time is not None:
                yield Read(node, facts)
        elif isinstance(node, (Sum, Product)):
            yield from reads(node.body, facts.with_range(node.index, *_range(node)))
        else:
            stack.extend(reversed(node.children))


def _range(node: Sum | Product) -> tuple[Index, Index]:
    if isinstance(node, Sum):
        return node.lower, node.upper
    return (node.first, node.last) if node.step > 0 else (node.last, node.first)
