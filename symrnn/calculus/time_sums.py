"""The sums of a closed form: over the times of the sources, and over the copies of a parameter, window included."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.calculus.letters import Letters
from symrnn.calculus.products import product
from symrnn.calculus.state_stack import StateStack, state_stacks
from symrnn.calculus.steps import TimeSpan
from symrnn.language import build
from symrnn.language.build import is_zero
from symrnn.language.cell import Cell
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Delta, Zeros
from symrnn.language.node import Node
from symrnn.language.traversal import free_indices, fresh_index


@dataclass(frozen=True)
class TimeSums:
    """Writes the sums of one cell's closed forms; ``window`` truncates them.

    ``spans`` are the times for which the answer is asked; None where the one who asks sees to the order of times.
    """

    cell: Cell
    window: Index | None
    spans: tuple[TimeSpan, ...] | None = None

    def over_sources(
        self, stack: StateStack, body: Node, span: tuple[Index, Index], time: Index, letters: Letters, age: int
    ) -> Node:
        """Σ over the times of the sources that act on a time."""
        lower, upper = span
        window = None if self.window is None else self.window - age
        if lower == upper:
            return self._in_window(stack, self._if_reached(stack, body, lower, time), lower, time, window)
        first, last = self.cell.time.first, self.cell.time.last
        if stack.direction == 1:
            low = time if lower == first and not self._before_first(time) else index_max(lower, time)
            high = upper if window is None else index_min(upper, time + window)
        else:
            high = time if upper == last and not self._after_last(time) else index_min(upper, time)
            low = lower if window is None else index_max(lower, time - window)
        return build.sum_over(body, letters.outer, low, high)

    def _in_window(self, stack: StateStack, body: Node, source: Index, time: Index, window: Index | None) -> Node:
        """A single source as a sum that is empty where the time lies too far from it for the window."""
        if window is None or is_zero(body):
            return body
        index = fresh_index("r", free_indices(body) | source.names() | time.names() | self.cell.time.last.names())
        if stack.direction == 1:
            return build.sum_over(body, index, source, index_min(source, time + window))
        return build.sum_over(body, index, index_max(source, time - window), source)

    def _if_reached(self, stack: StateStack, body: Node, source: Index, time: Index) -> Node:
        """A single source acts on a time only in its stack's direction.

        Where the answer's range of times says so, nothing needs to be said; elsewhere (states that run both ways, a
        loss that reads ``h[1]``) a sum from the one time to the other that picks the source does: it is empty on the
        wrong side.  The body then has that sum's index for the source's time, so that nothing is asked there.
        """
        if not self.is_picked(stack, source, time):
            distance = ((source - time) * stack.direction).constant
            return Zeros(body.shape) if distance is not None and distance < 0 else body
        picked = Index.of(self.picked(source, time))
        # An initial value lies before the steps; no source does.
        first, last = self.cell.time.first, self.cell.time.last
        early, late = (first - time).constant, (time - last).constant
        start = first if early is not None and early > 0 else time
        end = last if late is not None and late > 0 else time
        low, high = (start, source) if stack.direction == 1 else (source, end)
        return build.sum_over(product(Delta(picked, source), body), str(picked), low, high)

    def is_picked(self, stack: StateStack, source: Index, time: Index) -> bool:
        """Whether nothing but a sum can say that a single source does not act on a time beyond it."""
        if (source - time).constant is not None:
            return False
        if len({s.direction for s in state_stacks(self.cell)}) > 1:
            return True
        return not self._is_within(stack.direction, source, time)

    def _is_within(self, direction: int, source: Index, time: Index) -> bool:
        """Whether the times of the answer have none beyond the source."""
        if self.spans is None or source == (self.cell.time.last if direction == 1 else self.cell.time.first):
            return True
        if self._before_first(time) or self._after_last(time):
            return True
        asked = {s.index: s.upper if direction == 1 else s.lower for s in self.spans}
        distance = ((source - time.substitute(asked)) * direction).constant
        return distance is not None and distance >= 0

    def picked(self, source: Index, time: Index) -> str:
        """The index of the sum that picks a source."""
        return fresh_index(
            "r", source.names() | time.names() | self.cell.time.last.names() | frozenset(self.cell.sizes)
        )

    def _before_first(self, time: Index) -> bool:
        early = (time - self.cell.time.first).constant
        return early is not None and early < 0

    def _after_last(self, time: Index) -> bool:
        late = (self.cell.time.last - time).constant
        return late is not None and late < 0

    def over_both(self, stack: StateStack, body: Node, span: tuple[Index, Index], letters: Letters) -> Node:
        """Σ_t Σ_{k≤t} body, t the time of the source and k that of the parameter's copy."""
        times = self.cell.time
        outer = self.source(span, letters)
        if self.copy(stack, outer, letters).constant is not None:
            return body
        if stack.direction == 1:
            low = times.first if self.window is None else index_max(times.first, outer - self.window)
            inner = build.sum_over(body, letters.inner, low, outer)
        else:
            high = times.last if self.window is None else index_min(times.last, outer + self.window)
            inner = build.sum_over(body, letters.inner, outer, high)
        lower, upper = span
        return inner if lower == upper else build.sum_over(inner, letters.outer, lower, upper)

    def copy(self, stack: StateStack, source: Index, letters: Letters) -> Index:
        """The time of a parameter's copy: the bound index, or the first step where the source stands there."""
        start = self.cell.time.first if stack.direction == 1 else self.cell.time.last
        return start if source == start and start.constant is not None else Index.of(letters.inner)

    def source(self, span: tuple[Index, Index], letters: Letters) -> Index:
        """The time of a source: the bound index, or the one time at which it arises."""
        return span[0] if span[0] == span[1] else Index.of(letters.outer)
