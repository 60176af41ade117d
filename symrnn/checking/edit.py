"""What a change to a formula is, and what the rules that make changes may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from symrnn.checking.places import Place
from symrnn.checking.pool import Pool
from symrnn.emitting.text import to_text
from symrnn.errors import SymrnnError
from symrnn.language import Cell, Formula, Index, Node, Product, Sum
from symrnn.language.traversal import free_indices, variables


@dataclass(frozen=True)
class Change:
    """What could stand at a place instead: the kind of mistake that is undone, and that mistake in words."""

    kind: str
    new: Node
    mistake: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A formula one change away."""

    place: Place
    change: Change
    formula: Formula

    @property
    def before(self) -> str:
        """What stood there."""
        return self.change.before or to_text(self.place.node)

    @property
    def after(self) -> str:
        """What stands there now."""
        return self.change.after or to_text(self.change.new)


Rule = Callable[[Place, "Setting"], Iterator[Change]]


@dataclass(frozen=True)
class Setting:
    """What the rules may use: the cell, the formula, and the pieces that such formulas are made of."""

    cell: Cell
    formula: Formula
    pool: Pool

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Symbols that are no times to be shifted: sizes and the length."""
        return frozenset({*self.cell.sizes, *self.cell.time.last.names(), *self.cell.time.first.names()})

    def bounds(self, place: Place) -> list[Index]:
        """Indices that a limit at this place could be: the ends of time, and the symbols bound around it."""
        return [self.cell.time.first, self.cell.time.last, *(Index.of(name) for name in self.indices(place))]

    def indices(self, place: Place) -> list[str]:
        """The symbols for times that are bound around a place, and those that are open there."""
        around = [node.index for node in place.way[:-1] if isinstance(node, (Sum, Product))]
        return list(dict.fromkeys([*around, *self.free_times(place)]))

    def times(self, place: Place) -> list[Index]:
        """Times at which a piece that is missing at this place may stand: those around it, and their neighbours."""
        found: dict[Index, None] = {Index.of(name): None for name in self.indices(place)}
        found |= {v.time: None for v in variables(place.node) if v.time is not None}
        near = {time + step: None for time in found for step in (1, -1)}
        return list(found | near)

    def free_times(self, place: Place) -> list[str]:
        """The time symbols that are open around a place."""
        part = self.formula.parts[place.part] if place.part is not None else None
        own = sorted(part.time.names()) if part is not None and part.time is not None else []
        root = place.way[0]
        times = {name for v in variables(root) if v.time is not None for name in v.time.names()}
        open_ones = sorted(times & free_indices(root))
        return [name for name in dict.fromkeys([*own, *open_ones]) if name not in self.fixed]


def made(make: Callable[..., Node], *args: Any) -> Node | None:
    """What a constructor gives; nothing where the shapes don't fit."""
    try:
        return make(*args)
    except SymrnnError:
        return None
