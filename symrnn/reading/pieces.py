"""What a cell is made of, whichever way it came in: declarations and equations, already nodes.

:func:`symrnn.reading.cell_checks.build_cell` makes the cell of them: it finds the states and holds the whole
to being one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from symrnn.errors import Location
from symrnn.language import Declaration, Equation, Index, Node, Shape, Start, TimeRange

Locate = Callable[[int | None], Location | None]
"""The location of a line number, where the cell came from a text."""


def nowhere(line: int | None) -> Location | None:
    """The locator of cells that come from no text."""
    return None


@dataclass(frozen=True)
class StateLine:
    """What is declared of a state: its shape and how it begins."""

    shape: Shape
    start: str = Start.GIVEN
    initial: Node | None = None
    line: int | None = None
    two_axes: bool = False


@dataclass(frozen=True)
class Pieces:
    """The parts of a cell: the fields of :class:`symrnn.language.Cell`, the states as far as declared."""

    name: str
    sizes: tuple[str, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    states: Mapping[str, StateLine] = field(default_factory=dict)
    equations: tuple[Equation, ...] = ()
    time: TimeRange = field(default_factory=TimeRange)
    loss: Node | None = None
    loss_name: str = "L"
    loss_line: int | None = None
    functions: tuple[tuple[str, str | None], ...] = ()
    equal_sizes: tuple[tuple[str, Index], ...] = ()
    layout: str | None = None
    style: tuple[tuple[str, str], ...] = ()
    comments: tuple[str, ...] = ()
    locate: Locate = nowhere
