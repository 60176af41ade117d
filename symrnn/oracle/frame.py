"""What a compiled expression runs in: values of the unrolled graph, index values, caches, and a budget.

A value is an array whose last two axes are the matrix's (three for a third-order tensor); a scalar is 1×1
inside the oracle.  Any leading axes are a batch, so that one run carries many perturbed copies of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symrnn.errors import DataError
from symrnn.language.node import Node

Array = Any
"""A NumPy array: float, complex, or of exact numbers."""

Slot = tuple[Any, ...]
"""One node of the unrolled graph: ``(name, time)``, the time None for what has none."""

Fn = Callable[["Frame"], Array]
"""A compiled expression."""

BUDGET = 1_000_000
"""How many elementary array operations one evaluation may take."""

LARGEST_ARRAY = 1_000_000
"""How many entries one array may have."""

LARGEST_CACHED = 5_000
"""How many entries an array may have to be cached."""


class Missing(Exception):  # noqa: N818 - a request for a value, not an error
    """A value that is needed and not there yet; whoever drives the evaluation provides it and tries again."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(slot)
        self.slot = slot


class MissingPart(Missing):
    """A formula's part at a time: ``(name, time, other open indices …)``."""


class Slots(dict[Slot, Array]):
    """The values by slot; reading one that is not there asks for it."""

    __slots__ = ()

    def __missing__(self, slot: Slot) -> Array:
        raise Missing(slot)


class RecordingSlots(Slots):
    """Slots that note which of them are read: so the unrolled graph's edges are found."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        super().__init__()
        self.read: set[Slot] = set()

    def __getitem__(self, slot: Slot) -> Array:
        self.read.add(slot)
        return super().__getitem__(slot)


class TooManyOperationsError(DataError):
    """A formula that would never end, or not soon enough."""


class OutOfRange:
    """The value of a formula's part outside the time range: zero, whatever it is multiplied by."""

    def __repr__(self) -> str:
        return "OUT"


OUT = OutOfRange()

CACHE_LIMIT = 20_000
"""How many cached values a frame keeps before it starts afresh: memory stays bounded however long a sum is.
"""

Derive = Callable[[Node, Node, Mapping[str, int], bool], Array]
"""``derive(of, by, times, immediate)``: the partial derivatives, the axes of ``of`` before those of ``by``.
"""


def no_derivative(of: Node, by: Node, times: Mapping[str, int], immediate: bool) -> Array:
    """Stands where inert derivatives have no meaning: in a cell's equations and inside one another."""
    raise DataError("a derivative inside the expression that is differentiated has no numbers here")


Provide = Callable[[Slot, "Frame"], Array]
"""``provide(slot, frame)``: the value of a formula's part that has none yet."""


def no_parts(slot: Slot, frame: Frame) -> Array:
    """Stands where no formula with parts is being evaluated."""
    raise DataError(f'there is no part "{slot[0]}" here')


class Frame:
    """One evaluation: ``values`` by slot, ``parts`` of a formula by slot, ``index`` by position, caches,
    budget.
    """

    __slots__ = ("budget", "derive", "index", "local", "memo", "nesting", "open", "parts", "provide", "values")

    def __init__(self, values: Slots, derive: Derive = no_derivative, budget: int = BUDGET) -> None:
        self.values = values
        self.parts: dict[Slot, Array] = {}
        self.open: set[Slot] = set()
        self.nesting = 0
        self.index: list[Any] = []
        self.memo: dict[Any, Array] = {}
        self.local: dict[Any, Array] = {}
        self.budget = budget
        self.derive = derive
        self.provide: Provide = no_parts

    def spend(self, amount: int) -> None:
        """Count operations; a formula that would never end is stopped here."""
        self.budget -= amount
        if self.budget < 0:
            raise TooManyOperationsError(
                "the formula takes too many operations to evaluate",
                hint="Are the limits of its sums and products what you meant?",
            )
        if len(self.memo) + len(self.local) > CACHE_LIMIT:
            self.memo.clear()
            self.local.clear()
