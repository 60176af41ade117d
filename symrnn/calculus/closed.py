"""The closed form: sums and ordered products of evaluated Jacobians, τ symbolic.

    ∂L/∂W = Σ_t Σ_{k≤t} (∂⁺L/∂s_t) (Π_{j=t}^{k+1} ∂s_j/∂s_{j−1}) ∂⁺s_k/∂W

The order of summation is t, then k.  With a row in front, the third-order ∂⁺s_k/∂W is never written: what W multiplies
stands on the far left instead.  A backward state runs its indices the other way; a stack that feeds another one in the
opposite direction receives that one's closed form as its source.
"""

from __future__ import annotations

from functools import cached_property

from symrnn.calculus.direct import DirectPaths, direct_paths
from symrnn.calculus.jacobian import by_leaf, from_row, jacobian, size, to_row, zero_block
from symrnn.calculus.letters import Letters
from symrnn.calculus.ordered import ordered_product
from symrnn.calculus.products import block, product, total
from symrnn.calculus.pullback import pullback
from symrnn.calculus.rewrites import finisher
from symrnn.calculus.sources import Source, scatter
from symrnn.calculus.state_stack import StateStack, state_stacks, step_derivatives
from symrnn.calculus.step_graph import step_graph
from symrnn.calculus.steps import TimeSpan
from symrnn.calculus.time_sums import TimeSums
from symrnn.errors import UnsupportedError
from symrnn.language import build
from symrnn.language.build import is_zero
from symrnn.language.cell import Cell, Start
from symrnn.language.index import Index, index_max, index_min
from symrnn.language.leaf import Delta, Eye, Role, Variable, Zeros
from symrnn.language.node import Node
from symrnn.language.traversal import free_indices, fresh_index, substitute_indices, variables


class ClosedForm:
    """All closed forms of one quantity ``of``; a pure function of its arguments, its parts computed once.

    ``spans`` are the times for which the answer is asked: beyond them nothing need be said; None where the one who
    asks sees to the order of times.
    """

    def __init__(
        self,
        cell: Cell,
        of: Node,
        letters: Letters,
        window: Index | None = None,
        spans: tuple[TimeSpan, ...] | None = None,
    ) -> None:
        self.cell, self.of, self.letters, self.window = cell, of, letters, window
        self.graph = step_graph(cell)
        self.local = step_derivatives(cell)
        self.finish = finisher(cell)
        self.sums = TimeSums(cell, window, spans)
        self._rows: dict[StateStack, dict[tuple[Index, Index], Node]] = {}

    @cached_property
    def paths(self) -> DirectPaths:
        """The direct paths, with what later stacks send to earlier ones added."""
        paths = direct_paths(self.cell, self.of)
        stacks = state_stacks(self.cell)
        for place in reversed(range(len(stacks))):
            self._rows[stacks[place]] = self._stack_rows(stacks[place], paths)
            for earlier in stacks[:place]:
                self._feed(stacks[place], earlier, paths)
        return paths

    def rows(self, stack: StateStack) -> dict[tuple[Index, Index], Node]:
        """∂⁺of/∂s_t by range of times, as rows over the stack's coordinates."""
        return self._rows[stack] if self.paths else {}

    def _stack_rows(self, stack: StateStack, paths: DirectPaths) -> dict[tuple[Index, Index], Node]:
        here = self._time_of()
        if self.of == stack.node(here) and not stack.is_single:
            return {(here, here): Eye(size(self.of.shape))}
        spans: dict[tuple[Index, Index], dict[str, Node]] = {}
        for name in dict.fromkeys(c.name for c in stack.components):
            shape = self.cell.state[name].shape
            for span, value in paths.grouped(name).items():
                inside = self._inside(span)
                if inside is not None:
                    spans.setdefault(inside, {})[name] = to_row(value, shape) if paths.scalar else value
        return {span: self._row(stack, parts) for span, parts in spans.items()}

    def _inside(self, span: tuple[Index, Index]) -> tuple[Index, Index] | None:
        """The part of a range that lies within the steps; what touches initial values is not the stack's."""
        first, last = self.cell.time.first, self.cell.time.last
        lower, upper = span
        if lower == upper:
            outside = [(lower - first).constant, (last - upper).constant]
            return None if any(d is not None and d < 0 for d in outside) else span
        return index_max(first, lower), index_min(last, upper)

    def _row(self, stack: StateStack, parts: dict[str, Node]) -> Node:
        height = self._height()
        blocks = [
            parts[c.name] if c.age == 0 and c.name in parts else zero_block(height, self.cell.state[c.name].shape)
            for c in stack.components
        ]
        return blocks[0] if stack.is_single else build.hcat(*blocks)

    def _time_of(self) -> Index:
        """The time of a quantity at one time; the cell's own where there is none."""
        return next((v.time for v in variables(self.of) if v.time is not None), self.cell.now)

    def _height(self) -> tuple[Index, ...]:
        return () if self.of.is_single else (size(self.of.shape), Index.of(1))

    def _feed(self, later: StateStack, earlier: StateStack, paths: DirectPaths) -> None:
        """Send the closed adjoint of a later stack to the states of an earlier one that its step reads."""
        now, span = self.cell.now, self.cell.time
        if not self._rows[later]:
            return
        for leaf in self._reads(later, earlier):
            column = self.local.stack_column(later, leaf, self._others(later))
            lag = self.graph.lag(leaf)
            if column is None or lag is None:
                continue
            value = self.finish(
                total(self.adjoint(later, now, Letters.avoiding(self.cell, frozenset({str(now)})), column))
            )
            shape = self.cell.state[leaf.name].shape
            shown = from_row(value, shape) if paths.scalar else value
            moved = self.graph.at(shown, now + lag)
            paths.timed.setdefault(leaf.name, []).append(Source(leaf.name, span.first - lag, span.last - lag, moved))

    def _reads(self, later: StateStack, earlier: StateStack) -> list[Variable]:
        """The states of an earlier stack, at the times at which the later one's step reads them."""
        feeding = self.graph.ancestors(later.names)
        found = {
            leaf: None
            for name in self.graph.order
            if name in feeding and name not in earlier.names
            for leaf in self.graph.reads(name)
            if leaf.role is Role.COMPUTED and leaf.name in earlier.names
        }
        return list(found)

    def adjoint(
        self, stack: StateStack, time: Index, letters: Letters, column: Node | None = None, age: int = 0
    ) -> list[Node]:
        """λ_time @ column as a list of terms, one for every range of sources.

        λ_t = Σ_{r≥t} (∂⁺of/∂s_r) Π_{j=r}^{t+1} J_j, the descending product; for a backward stack r ≤ t, ascending.
        ``age``: so many steps before ``time`` lies what is asked about, which a window counts.
        """
        terms = []
        for span, row in self._rows[stack].items():
            source = self.sums.source(span, letters)
            if span[0] == span[1] and self.sums.is_picked(stack, source, time):
                source = Index.of(self.sums.picked(source, time))
            body = self._path(stack, row, source, time, letters, column)
            terms.append(self.sums.over_sources(stack, body, span, time, letters, age))
        return terms

    def _path(
        self, stack: StateStack, row: Node, source: Index, copy: Index, letters: Letters, column: Node | None
    ) -> Node:
        """(∂⁺of/∂s_source) (Π J) column, where ``column`` stands at the time ``copy`` already."""
        now = self.cell.time.index
        at_source = substitute_indices(row, {now: source})
        factor = substitute_indices(stack.jacobian, {now: Index.of(letters.factor)})
        between = ordered_product(factor, letters.factor, source, copy + stack.direction, -stack.direction)
        factors = [at_source, between, *([column] if column is not None else [])]
        return product(*factors)

    def by_parameter(self, leaf: Variable) -> Node:
        """∂of/∂leaf for a leaf without a time: a parameter, an untimed input, a quantity of the whole sequence."""
        if leaf.name not in self.cell.whole:
            return self._by_untimed(leaf)
        return self._total([*self.paths.whole.get(leaf.name, []), self._by_untimed(leaf)], leaf)

    def _by_untimed(self, leaf: Variable) -> Node:
        """The same without what the loss reads of a whole-sequence quantity itself, which is direct in its parts."""
        terms = list(self.paths.untimed.get(leaf, []))
        for stack in state_stacks(self.cell):
            for span, row in self.rows(stack).items():
                for body in self._copies(stack, row, leaf, self.sums.source(span, self.letters)):
                    terms.append(self.sums.over_both(stack, body, span, self.letters))
        terms.extend(self._through_starts(leaf))
        terms.extend(self._through_whole(leaf))
        return self._total(terms, leaf)

    def _through_whole(self, leaf: Variable) -> list[Node]:
        """What reaches the steps through an untimed equation, ``ctx = tanh(C @ z)``; the loss's own use is direct."""
        terms: list[Node] = []
        for equation in self.cell.whole.values():
            if leaf in variables(equation.expression):
                here = self.cell.variable(equation.name)
                terms.extend(self._handed_on(equation.expression, self._by_untimed(here), leaf))
        return terms

    def acts_through_whole(self, leaf: Variable) -> bool:
        """Whether a leaf reaches the steps through an untimed equation."""
        if leaf.time is not None:
            return bool(self._whole_sources(leaf.name))
        return any(not is_zero(value) for value in self._through_whole(leaf))

    def _whole_sources(self, name: str) -> list[tuple[tuple[Index, Index], Node]]:
        """The same for a timed input that an untimed equation sums up, ``xbar = mean(x[t], t)``."""
        found: list[tuple[tuple[Index, Index], Node]] = []
        for equation in self.cell.whole.values():
            if any(
                v.name == name and v.time is not None and v.role is not Role.COMPUTED
                for v in variables(equation.expression)
            ):
                upstream = self._by_untimed(self.cell.variable(equation.name))
                if is_zero(upstream):
                    continue
                if not self.paths.scalar:
                    raise UnsupportedError(f"{name} acts through {equation.name}, a quantity of the whole sequence")
                scattered = scatter(self.cell, equation.expression, upstream, lambda v: v.name == name)
                found.extend(((s.lower, s.upper), s.value) for s in scattered.timed)
        return found

    def _handed_on(self, expression: Node, upstream: Node, leaf: Variable) -> list[Node]:
        """``upstream``, the derivative by an expression of leaves, as a derivative by one of them."""
        if self.paths.scalar:
            return [c.value for c in pullback(expression, upstream, lambda v: v == leaf)]
        local = jacobian(expression, by_leaf(leaf), {})
        return [] if local is None else [product(upstream, local)]

    def _others(self, stack: StateStack) -> frozenset[Variable]:
        """The states of the other stacks now: what goes through them arrives as their own sources."""
        return frozenset(self.cell.variable(name, self.cell.now) for name in self.cell.state if name not in stack.names)

    def _column(self, stack: StateStack, leaf: Variable, held: frozenset[Variable] = frozenset()) -> Node | None:
        """∂s_t/∂leaf within the step, without the ways through other stacks; None where there is none."""
        others = self._others(stack)
        return None if leaf in others else self.local.stack_column(stack, leaf, held | others)

    def _copies(self, stack: StateStack, row: Node, leaf: Variable, outer: Index) -> list[Node]:
        """The summand at (source t, copy k) for every equation that contains the leaf."""
        inner = self.sums.copy(stack, outer, self.letters)
        if not self.paths.scalar:
            column = self._column(stack, leaf)
            if column is None:
                return []
            return [self.finish(self._path(stack, row, outer, inner, self.letters, self.graph.at(column, inner)))]
        bodies = []
        for name in self.graph.order:
            if any(v == leaf for v in self.graph.reads(name)):
                found = self._copy_in(stack, row, name, leaf, outer, inner)
                if found is not None:
                    bodies.append(found)
        return bodies

    def _copy_in(
        self, stack: StateStack, row: Node, name: str, leaf: Variable, source: Index, copy: Index
    ) -> Node | None:
        here = self.graph.variable(name)
        column = self._column(stack, here)
        if column is None:
            return None
        path = self._path(stack, row, source, copy, self.letters, self.graph.at(column, copy))
        upstream = from_row(self.finish(path), here.shape)
        expression = self.graph.at(self.graph.expression(name), copy)
        named = {expression: here.at(copy)}
        moved = leaf if leaf.time is None else leaf.at(leaf.time.substitute({self.cell.time.index: copy}))
        values = [c.value for c in pullback(expression, upstream, lambda v: v == moved, named)]
        return self.finish(total(values)) if values else None

    def _through_starts(self, leaf: Variable) -> list[Node]:
        """λ_0 ∂⁺s_0/∂θ, where an initial value is an expression that contains the leaf."""
        terms: list[Node] = []
        for state, time, _ in self.cell.initial_keys():
            if state.start == Start.EXPRESSION and state.initial is not None and leaf in variables(state.initial):
                terms.extend(self._handed_on(state.initial, self.by_initial(state.name, time), leaf))
        return terms

    def by_initial(self, name: str, time: Index) -> Node:
        """∂of/∂h[0] (h[-1], h[tau+1]): the component of λ before the first step, and what reads it directly."""
        stack = next(s for s in state_stacks(self.cell) if name in s.names)
        start = self.cell.time.first - 1 if stack.direction == 1 else self.cell.time.last + 1
        paths = self.paths
        shape = self.cell.state[name].shape
        letters = Letters.avoiding(self.cell, free_indices(self.of) - {self.cell.time.index})
        age = abs((start - time).constant or 0)
        row = self.finish(total(terms)) if (terms := self.adjoint(stack, start, letters, age=age)) else None
        part = None if row is None else self._component(stack, row, name, time)
        found = [] if part is None else [from_row(part, shape) if paths.scalar else part]
        found.extend(self.direct_initial(name, time))
        return self.finish(total(found)) if found else self._zero(shape)

    def direct_initial(self, name: str, time: Index) -> list[Node]:
        """What touches an initial value itself; a source at a free time is one of the steps, or counted there."""
        comparable = [s for s in self.paths.timed.get(name, []) if (s.lower - time).constant is not None]
        return self.direct_at(name, time) if comparable else []

    def _component(self, stack: StateStack, row: Node, name: str, time: Index) -> Node:
        start = self.cell.time.first - 1 if stack.direction == 1 else self.cell.time.last + 1
        if stack.is_single:
            return row
        offset = Index.of(0)
        for component in stack.components:
            width = size(self.cell.state[component.name].shape)
            if component.name == name and stack.variable(component, start).time == time:
                return block(row, None, (offset, offset + width))
            offset = offset + width
        raise AssertionError(f"{name}[{time}] is no component of the stack")

    def by_whole_stack(self, leaves: tuple[Variable, ...]) -> Node | None:
        """∂of/∂s_k where the leaves are a stack's components at one time, in its order; None for other leaves."""
        time = leaves[0].time
        assert time is not None
        for stack in state_stacks(self.cell):
            if leaves == tuple(stack.variable(c, time) for c in stack.components) and self.rows(stack):
                return self.finish(total(self.adjoint(stack, time, self.letters)))
        return None

    def by_variable(self, leaf: Variable, held: frozenset[Variable] = frozenset()) -> Node:
        """∂of/∂leaf for a variable, input or timed parameter at a time (symbolic or not)."""
        assert leaf.time is not None
        if self._is_initial(leaf):
            return self.by_initial(leaf.name, leaf.time)
        terms = [] if leaf.name in self.cell.state else self.direct_at(leaf.name, leaf.time)
        now = self.cell.now
        for stack in state_stacks(self.cell):
            for lag in self._lags(leaf):
                here = frozenset(v.at(now - lag) for v in held if v.time == leaf.time)
                column = self._column(stack, leaf.at(now - lag), here)
                if column is not None and self.rows(stack):
                    time = leaf.time + lag
                    found = self.adjoint(stack, time, self.letters, self.graph.at(column, time))
                    value = self.finish(total(found))
                    terms.append(from_row(value, leaf.shape) if self.paths.scalar else value)
        return self._total(terms, leaf)

    def _lags(self, leaf: Variable) -> list[int]:
        """The distances at which equations read a leaf; a computed variable is taken at its own step."""
        return [0] if leaf.role is Role.COMPUTED else self.graph.lags(leaf)

    def _is_initial(self, leaf: Variable) -> bool:
        state = self.cell.state.get(leaf.name)
        return state is not None and leaf.role is Role.COMPUTED and leaf.time in self.cell.initial_times(state)

    def direct_at(self, name: str, time: Index) -> list[Node]:
        """The direct derivative by a variable at one time: ranges that contain it, points that coincide with it."""
        found = []
        for (lower, upper), value in [*self.paths.grouped(name).items(), *self._whole_sources(name)]:
            here = substitute_indices(value, {self.cell.time.index: time})
            if lower != upper:
                edges = [(time - lower).constant, (upper - time).constant]
                if not any(e is not None and e < 0 for e in edges):
                    found.append(self._within(value, time, lower, upper))
            elif lower == time:
                found.append(here)
            elif (lower - time).constant is None:
                found.append(product(Delta(time, lower), here))
        return found

    def _within(self, value: Node, time: Index, lower: Index, upper: Index) -> Node:
        """A value that arises in a range of times only, picked by a delta where the range is not the whole."""
        whole, now = self.cell.time, self.cell.time.index
        if (lower == whole.first and upper == whole.last) or time.constant is not None:
            return substitute_indices(value, {now: time})
        index = fresh_index("r", free_indices(value) | time.names() | lower.names() | upper.names())
        moved = substitute_indices(value, {now: Index.of(index)})
        return build.sum_over(product(Delta(time, Index.of(index)), moved), index, lower, upper)

    def _zero(self, shape: tuple[Index, ...]) -> Node:
        return Zeros(shape[::-1]) if self.paths.scalar else zero_block(self._height(), shape)

    def _total(self, terms: list[Node], leaf: Variable) -> Node:
        return self.finish(total(terms)) if terms else self._zero(leaf.shape)
