"""What an answer is held against: of what, by what, and the times and component indices that it leaves free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symrnn.calculus.question import question_spans
from symrnn.calculus.steps import Question, TimeSpan
from symrnn.checking.comparison import admissible_times, spread
from symrnn.checking.verification import entry_spans
from symrnn.language import Cell, Entry, Index, Layout, Node, derivative_shape
from symrnn.language.node import format_shape
from symrnn.language.traversal import find

MOST_POINTS = 10
"""At how many values of the free times an answer is tried on one sequence."""


@dataclass(frozen=True)
class Asked:
    """A question about a cell; ``layout`` is None where either will do, ``immediate`` asks for ∂⁺."""

    cell: Cell
    of: Node
    by: Node
    layout: Layout | None = None
    immediate: bool = False

    @property
    def question(self) -> Question:
        """The same as the calculus has it, in the layout asked for, else numerator."""
        return Question(self.of, self.by, self.layout or Layout.NUMERATOR)

    @property
    def spans(self) -> tuple[TimeSpan, ...]:
        """The free times and component indices, and where each may stand."""
        return (*question_spans(self.cell, self.of, self.by), *entry_spans(self.question))

    @property
    def free(self) -> frozenset[str]:
        """The symbols that the question leaves free."""
        return frozenset(span.index for span in self.spans)

    def points(self, numbers: Mapping[str, int], most: int = MOST_POINTS) -> list[dict[str, int]]:
        """Values of the free symbols at which an answer is tried; none where the question has no answer there."""
        return spread(list(admissible_times(self.spans, numbers)), most)

    def about(self, of: Node, by: Node, immediate: bool = False) -> Asked:
        """The same layout, another derivative."""
        return replace(self, of=of, by=by, immediate=immediate)

    @property
    def axes(self) -> int:
        """How many components' indices an answer in index form leaves free."""
        return 0 if self._has_entries() else _long_axes(self.of) + _long_axes(self.by)

    def with_letters(self, letters: tuple[str, ...]) -> Asked | None:
        """The question about one component, its axes counted by these letters; None where they don't fit."""
        of_axes, by_axes = (_long_axes(side) for side in (self.of, self.by))
        if len(letters) != of_axes + by_axes or not letters or self._has_entries():
            return None
        return self.about(
            _component(self.of, letters[:of_axes]), _component(self.by, letters[of_axes:]), self.immediate
        )

    def _has_entries(self) -> bool:
        return isinstance(self.of, Entry) or isinstance(self.by, Entry)

    def shown_shape(self, layout: Layout) -> str:
        """The derivative's shape in a layout, in words."""
        return format_shape(derivative_shape(self.of.shape, self.by.shape, layout))


def _long_axes(node: Node) -> int:
    return sum(axis.constant != 1 for axis in node.shape)


def _component(node: Node, letters: tuple[str, ...]) -> Node:
    if not letters:
        return node
    return Entry(node, tuple(Index.of(letter) for letter in letters))


def letters_of(*nodes: Node | None) -> tuple[str, ...]:
    """The symbols that stand in entries, as the i and j of ``W[i, j]``, in the order they are met."""
    found: dict[str, None] = {}
    for node in nodes:
        for entry in find(node, Entry) if node is not None else ():
            for index in entry.args[1]:
                for name in sorted(index.names()):
                    found[name] = None
    return tuple(found)
