"""Where a loss touches the variables of a step: contributions with the times at which they arise."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.calculus.pullback import Contribution, Wanted, pullback
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.traversal import substitute_indices


@dataclass(frozen=True)
class Source:
    """At every time r with lower ≤ r ≤ upper, ``value`` (in the cell's time index) is a summand of ∂s/∂variable[r]."""

    name: str
    lower: Index
    upper: Index
    value: Node

    @property
    def is_point(self) -> bool:
        """Whether it arises at one time only."""
        return self.lower == self.upper

    def at(self, index: str, time: Index) -> Node:
        """The value at a time."""
        return substitute_indices(self.value, {index: time})


@dataclass(frozen=True)
class Scattered:
    """What a whole-sequence expression sends to timed variables, and to leaves without a time (parameters)."""

    timed: tuple[Source, ...]
    untimed: tuple[tuple[Variable, Node], ...]


def scatter(cell: Cell, expression: Node, upstream: Node, wanted: Wanted) -> Scattered:
    """∂s/∂leaf for the wanted leaves of an expression of the whole sequence, sorted by when they arise."""
    timed: list[Source] = []
    untimed: list[tuple[Variable, Node]] = []
    for contribution in pullback(expression, upstream, wanted):
        if contribution.leaf.time is None:
            untimed.append((contribution.leaf, contribution.value))
        else:
            timed.append(_source(cell, contribution))
    return Scattered(tuple(timed), tuple(untimed))


def _source(cell: Cell, contribution: Contribution) -> Source:
    leaf, time = contribution.leaf, contribution.leaf.time
    assert time is not None
    if not contribution.ranges:
        return Source(leaf.name, time, time, contribution.value)
    if len(contribution.ranges) > 1:
        raise UnsupportedError(f"{leaf.name} stands under two sums over its time; write one of them as an equation")
    (span,) = contribution.ranges
    shift = time - Index.of(span.index)
    if span.index in shift.names():
        raise UnsupportedError(f"the time {time} of {leaf.name} is not {span.index} plus a constant")
    now = Index.of(cell.time.index)
    value = substitute_indices(contribution.value, {span.index: now - shift})
    return Source(leaf.name, span.lower + shift, span.upper + shift, value)


def computed(leaf: Variable) -> bool:
    """Whether a leaf is defined by an equation (or is an initial value)."""
    return leaf.role in (Role.COMPUTED, Role.LOSS)


def over_range(cell: Cell, value: Node, lower: Index, upper: Index) -> Node:
    """The sum of a per-step value over a range of times; at a single time, the value there."""
    if lower == upper:
        return substitute_indices(value, {cell.time.index: lower})
    return build.sum_over(value, cell.time.index, lower, upper)
