"""The sums of a closed form: over the times of the sources, and over the copies of a parameter, window included."""

from __future__ import annotations

from dataclasses import dataclass

from symrnn.calculus.letters import Letters
from symrnn.calculus.products import product
from symrnn.calculus.state_stack import StateStack, state_stacks
from symrnn.language import build
from symrnn.language.build import is_zero
from symrnn.language.cell import Cell
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Delta, Zeros
from symrnn.language.node import Node
from symrnn.language.traversal import free_indices, fresh_index, substitute_indices


@dataclass(frozen=True)
class TimeSums:
    """Writes the sums of one cell's closed forms; ``window`` truncates them."""

    cell: Cell
    window: Index | None

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

        Where all states run one way the answer's range of times says so; where they run both ways, a sum from the one
        time to the other that picks the source does: it is empty on the wrong side.
        """
        if len({s.direction for s in state_stacks(self.cell)}) == 1 or (source - time).constant is not None:
            distance = ((source - time) * stack.direction).constant
            return Zeros(body.shape) if distance is not None and distance < 0 else body
        index = fresh_index("r", free_indices(body) | source.names() | time.names() | self.cell.time.last.names())
        low, high = (time, source) if stack.direction == 1 else (source, time)
        moved = self._at_time(body, source, index)
        return build.sum_over(product(Delta(Index.of(index), source), moved), index, low, high)

    def _at_time(self, body: Node, source: Index, index: str) -> Node:
        """The body with the source's time replaced by a bound index, so that nothing is asked on the wrong side."""
        return substitute_indices(body, {source.name: Index.of(index)}) if source.name is not None else body

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
        if stack.direction == 1:
            low = times.first if self.window is None else index_max(times.first, outer - self.window)
            inner = build.sum_over(body, letters.inner, low, outer)
        else:
            high = times.last if self.window is None else index_min(times.last, outer + self.window)
            inner = build.sum_over(body, letters.inner, outer, high)
        lower, upper = span
        return inner if lower == upper else build.sum_over(inner, letters.outer, lower, upper)

    def source(self, span: tuple[Index, Index], letters: Letters) -> Index:
        """The time of a source: the bound index, or the one time at which it arises."""
        return span[0] if span[0] == span[1] else Index.of(letters.outer)
