"""The adjoint recursion: λ_t = ∂⁺L/∂s_t + λ_{t+1} J_{t+1}, one part for every variable of the step.

Numerator layout: the adjoint of a column v is the row ∂L/∂v[t]; of a p×q matrix it is q×p.  Every part is the *total*
derivative by its variable: all future terms, and the ways through other variables of the same step.  The number of
parts is the number of equations and nothing is multiplied out, so the work is linear in the size of the cell and does
not depend on τ.

Source: P. Werbos (1990), "Backpropagation through time"; mathematics of the stacked form in Goodfellow et al. (2016),
section 10.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from symrnn.calculus.products import as_scalar, product, total
from symrnn.calculus.pullback import pullback
from symrnn.calculus.rewrites import finisher
from symrnn.calculus.sources import Scattered, Source, computed, over_range, scatter
from symrnn.calculus.step_graph import StepGraph, step_graph
from symrnn.errors import QuestionError
from symrnn.language import build
from symrnn.language.cell import Cell, Start
from symrnn.language.formula import Part
from symrnn.language.index import Index
from symrnn.language.leaf import ONE, Delta, Role, Variable, Zeros
from symrnn.language.node import Node
from symrnn.language.traversal import free_indices, fresh_index, postorder, substitute_indices, variables

MAX_EXCEPTIONS = 3
"""A source that misses at most so many times at an end is written with lines of their own for those times."""

LONGEST_INLINE = 24
"""An adjoint that depends on no other one is written out where it is used if it has at most so many nodes."""


@dataclass(frozen=True)
class AdjointSystem:
    """The parts, in the order in which one step computes them, and every gradient in terms of them.

    ``adjoint_of`` maps a part's name to the variable whose derivative it is.  ``gradients`` maps leaves (a parameter, a
    timed input ``x[t]`` at the general time, an initial value ``h[0]``) to numerator-layout expressions.
    """

    cell: Cell
    parts: tuple[Part, ...]
    adjoint_of: tuple[tuple[str, str], ...]
    gradients: tuple[tuple[Variable, Node], ...] = field(default=())

    @cached_property
    def gradient(self) -> dict[Variable, Node]:
        """Gradients by leaf."""
        return dict(self.gradients)

    @cached_property
    def part_name(self) -> dict[str, str]:
        """The part of each variable."""
        return {variable: part for part, variable in self.adjoint_of}


def gradient_leaves(cell: Cell) -> tuple[Variable, ...]:
    """Everything that a complete set of gradients covers: parameters, inputs, initial values with data of their own."""
    leaves = [
        Variable(d.name, d.role, d.shape, cell.now if d.timed else None)
        for d in cell.declarations
        if d.role in (Role.PARAMETER, Role.INPUT)
    ]
    for state, time, _ in cell.initial_keys():
        if state.start != Start.EXPRESSION:
            leaves.append(cell.variable(state.name, time))
    return tuple(leaves)


def adjoint_system(
    cell: Cell, wrt: Sequence[Variable] | None = None, of: Node | None = None, by_age: bool = False
) -> AdjointSystem:
    """The adjoint recursion of a scalar of the whole sequence (the cell's loss unless ``of`` says otherwise).

    ``wrt`` are leaves as :func:`gradient_leaves` gives them, or computed variables at the general time; what none of
    them influences gets no part.  ``by_age``: every way across a step leads through a part, so that one who truncates
    can count steps.  Raises QuestionError where there is nothing to differentiate.
    """
    scalar = of if of is not None else cell.loss
    if scalar is None:
        raise QuestionError(
            f'the cell "{cell.name}" has no loss to differentiate', hint="Add a line such as: loss L = sum(L[t], t)"
        )
    leaves = tuple(gradient_leaves(cell) if wrt is None else wrt)
    return _Builder(cell, leaves, scalar, by_age).build()


class _Builder:
    """Collects contributions while the step's equations are walked once, backwards."""

    def __init__(self, cell: Cell, leaves: tuple[Variable, ...], scalar: Node, by_age: bool = False) -> None:
        self.cell, self.by_age = cell, by_age
        self.graph: StepGraph = step_graph(cell)
        self.leaves = leaves
        self.scalar = scalar
        self.finish = finisher(cell)
        self.wanted = frozenset((leaf.name, leaf.role) for leaf in leaves)
        self.taken = frozenset(cell.names())
        self.influenced = self._influenced()
        self.names = {name: self._part_name(name) for name in self.graph.order}
        self.sources: dict[str, list[Source]] = {}
        self.flow: dict[str, dict[int, list[Node]]] = {}
        self.per_step: dict[Variable, list[Node]] = {}
        self.direct: dict[Variable, list[Node]] = {}
        self.written_out: set[str] = set()
        self.whole: dict[str, Node] = {}

    def build(self) -> AdjointSystem:
        self._start()
        live: list[tuple[str, str]] = []
        for name in reversed(self.graph.order):
            if name in self.influenced and self._reached(name):
                if self._is_direct(name):
                    self.written_out.add(name)
                    self._hand_on(name)
                else:
                    live.append((self.names[name], name))
                    self._propagate(name)
        # Lagged contributions of equations that come later in the walk belong to the lines too.
        lines = [line for _, name in live for line in self._lines(name)]
        self._initial_expressions()
        self._whole_equations()
        gradients = tuple((leaf, self._gradient(leaf)) for leaf in self.leaves)
        return AdjointSystem(self.cell, tuple(lines), tuple(live), gradients)

    def _part_name(self, name: str) -> str:
        wanted = f"lam_{name}"
        while wanted in self.taken:
            wanted += "_"
        return wanted

    def _influenced(self) -> frozenset[str]:
        return self.graph.descendants(*self._roots())

    def _roots(self) -> Iterable[Variable]:
        """The leaves, and through a state's initial expression the state that starts with them."""
        yield from self.leaves
        wanted = {(leaf.name, leaf.role) for leaf in self.leaves}
        for name, equation in self.cell.whole.items():
            if any((v.name, v.role) in wanted for v in variables(equation.expression)):
                here = self.cell.variable(name)
                wanted.add((here.name, here.role))
                yield here
        for state in self.cell.states:
            if state.initial is not None and any((n.name, n.role) in wanted for n in variables(state.initial)):
                yield self.cell.variable(state.name, self.cell.now)

    def _wants(self, leaf: Variable) -> bool:
        if computed(leaf):
            return leaf.name in self.influenced or leaf.name in self.cell.whole or self._is_start(leaf.name)
        return (leaf.name, leaf.role) in self.wanted

    def _is_start(self, name: str) -> bool:
        return name in self.cell.state

    def _start(self) -> None:
        pending: dict[str, list[Node]] = {}
        self._take(scatter(self.cell, self.scalar, ONE, self._wants), pending)
        for name in reversed([e.name for e in self.cell.equations if not e.timed]):
            if name in pending:
                upstream = self.whole[name] = self.finish(total(pending.pop(name)))
                self._take(scatter(self.cell, self.cell.whole[name].expression, upstream, self._wants), pending)

    def _take(self, scattered: Scattered, pending: dict[str, list[Node]]) -> None:
        for source in scattered.timed:
            self.sources.setdefault(source.name, []).append(source)
        for leaf, value in scattered.untimed:
            if leaf.role is Role.COMPUTED:
                pending.setdefault(leaf.name, []).append(value)
            else:
                self.direct.setdefault(leaf, []).append(value)

    def _reached(self, name: str) -> bool:
        """Whether the loss depends on a variable at all, now or through later steps."""
        return name in self._reachable

    @cached_property
    def _reachable(self) -> frozenset[str]:
        return self.graph.ancestors(frozenset(self.sources))

    def _is_direct(self, name: str) -> bool:
        """Whether the loss reaches a variable through no adjoint: then it is written out, (ŷ − y)ᵀ needs no name.

        What arises in a part of the times only is always written out: it must not be evaluated at the others, as the
        x[t+1] of a loss up to the last step but one.
        """
        later = self.graph.consumers(name)
        if any(lag for reader, lag in later if reader in self.influenced and self._reached(reader)):
            return False
        if name in self.flow:
            return False
        if self.by_age and any(computed(v) and self.graph.lag(v) for v in variables(self.graph.expression(name))):
            return False
        sources = self.sources.get(name, [])
        if all(self._everywhere(source) for source in sources):
            line = self.finish(total([source.value for source in sources]))
            return sum(1 for _ in postorder(line)) <= LONGEST_INLINE
        return True

    def _everywhere(self, source: Source) -> bool:
        span = self.cell.time
        return source.lower == span.first and source.upper == span.last and not source.is_point

    def _hand_on(self, name: str) -> None:
        """Send a directly reached variable's derivative to what its equation reads, at the times at which it arises."""
        spans: dict[tuple[Index, Index], list[Node]] = {}
        for source in self.sources.get(name, []):
            spans.setdefault((source.lower, source.upper), []).append(source.value)
        for (lower, upper), values in spans.items():
            upstream = self.finish(total(values))
            for found in pullback(self.graph.expression(name), upstream, self._wants, self.graph.named):
                self._sort_in_range(found.leaf, self.finish(found.value), lower, upper)

    def _sort_in_range(self, leaf: Variable, value: Node, lower: Index, upper: Index) -> None:
        lag = self.graph.lag(leaf)
        if lag is not None:
            moved = self.graph.at(value, self.cell.now + lag)
            self.sources.setdefault(leaf.name, []).append(Source(leaf.name, lower - lag, upper - lag, moved))
            return
        summed = over_range(self.cell, value, lower, upper)
        if leaf.time is not None:
            self.sources.setdefault(leaf.name, []).append(Source(leaf.name, leaf.time, leaf.time, summed))
        elif leaf.role is Role.COMPUTED or lower == upper or (lower, upper) != self._all_times():
            self.direct.setdefault(leaf, []).append(summed)
        else:
            self.per_step.setdefault(leaf, []).append(value)

    def _all_times(self) -> tuple[Index, Index]:
        return self.cell.time.first, self.cell.time.last

    def _propagate(self, name: str) -> None:
        upstream = Variable(self.names[name], Role.PART, self._adjoint_shape(name), self.cell.now)
        found = pullback(self.graph.expression(name), upstream, self._wants, self.graph.named)
        for contribution in found:
            self._sort(contribution.leaf, contribution.value)

    def _sort(self, leaf: Variable, value: Node) -> None:
        value = self.finish(value)
        lag = self.graph.lag(leaf)
        span = self.cell.time
        if leaf.role is Role.COMPUTED and lag is not None:
            self.flow.setdefault(leaf.name, {}).setdefault(lag, []).append(value)
        elif lag is not None:
            self.per_step.setdefault(leaf.at(self.cell.now), []).append(self.graph.at(value, self.cell.now + lag))
        elif leaf.time is not None:
            whole = build.sum_over(value, span.index, span.first, span.last)
            self.sources.setdefault(leaf.name, []).append(Source(leaf.name, leaf.time, leaf.time, whole))
        else:
            self.per_step.setdefault(leaf, []).append(value)

    def _adjoint_shape(self, name: str) -> tuple[Index, ...]:
        return self.graph.expression(name).shape[::-1]

    def _flow_terms(self, name: str, time: Index) -> list[Node]:
        """What flows back into a variable at a time from the equations that read it."""
        return [self.graph.at(value, time + lag) for lag, values in self.flow.get(name, {}).items() for value in values]

    def _lines(self, name: str) -> list[Part]:
        now = self.cell.now
        always: list[Node] = []
        special: dict[Index, list[Node]] = {}
        missing: dict[Index, list[Node]] = {}
        for source in self.sources.get(name, []):
            self._place(source, always, special, missing)
        if _may_coincide([*special, *missing]):
            always, special, missing = self._all_picked(name), {}, {}
        flow = self._flow_terms(name, now)
        shape = self._adjoint_shape(name)
        lines = [Part(self.names[name], now, self._sum([*always, *flow], shape))]
        for time in dict.fromkeys([*special, *missing]):
            kept = [v for v in always if v not in missing.get(time, [])]
            terms = [*(self.graph.at(v, time) for v in kept), *special.get(time, []), *self._flow_terms(name, time)]
            lines.append(Part(self.names[name], time, self._sum(terms, shape)))
        return lines

    def _place(
        self, source: Source, always: list[Node], special: dict[Index, list[Node]], missing: dict[Index, list[Node]]
    ) -> None:
        """Sort a source into the general line, lines for single times, or a term that picks its times by a delta."""
        span = self.cell.time
        fixed = self._fixed_names()
        value = self.finish(source.value)
        if source.is_point and source.lower.names() <= fixed:
            special.setdefault(source.lower, []).append(self.graph.at(value, source.lower))
            return
        late, early = (source.lower - span.first).constant, (span.last - source.upper).constant
        if late is not None and early is not None and late <= MAX_EXCEPTIONS and early <= MAX_EXCEPTIONS:
            always.append(value)
            for step in range(late):
                missing.setdefault(span.first + step, []).append(value)
            for step in range(early):
                missing.setdefault(span.last - step, []).append(value)
            return
        always.append(self._picked(source, value))

    def _all_picked(self, name: str) -> list[Node]:
        """The sources of a variable in its general line alone: lines for single times would meet at a small τ."""
        values = []
        for source in self.sources.get(name, []):
            value = self.finish(source.value)
            values.append(value if self._everywhere(source) else self._picked(source, value))
        return values

    def _picked(self, source: Source, value: Node) -> Node:
        now = self.cell.time.index
        if source.is_point:
            return product(Delta(Index.of(now), source.lower), substitute_indices(value, {now: source.lower}))
        index = fresh_index("r", free_indices(value) | self._fixed_names())
        moved = substitute_indices(value, {now: Index.of(index)})
        return build.sum_over(product(Delta(Index.of(now), Index.of(index)), moved), index, source.lower, source.upper)

    def _fixed_names(self) -> frozenset[str]:
        return frozenset(self.cell.sizes) | self.cell.time.last.names() | self.cell.time.first.names()

    def _sum(self, terms: list[Node], shape: tuple[Index, ...]) -> Node:
        return self.finish(total(terms)) if terms else Zeros(shape)

    def _initial_expressions(self) -> None:
        """Initial values that are expressions hand their derivative on to what stands in them."""
        for state, time, _ in self.cell.initial_keys():
            if state.start == Start.EXPRESSION and state.initial is not None:
                upstream = self._initial_gradient(state.name, time)
                for contribution in pullback(state.initial, upstream, self._wants):
                    self.direct.setdefault(contribution.leaf, []).append(contribution.value)

    def _whole_equations(self) -> None:
        """Untimed equations that the steps read hand their derivative on; the loss's own use of them is done."""
        for name in reversed([e.name for e in self.cell.equations if not e.timed]):
            here = self.cell.variable(name)
            if here in self.per_step or here in self.direct:
                handed_on = scatter(
                    self.cell, self.cell.whole[name].expression, self._gradient_by_leaf(here), self._wants
                )
                for source in handed_on.timed:
                    self.sources.setdefault(source.name, []).append(source)
                for leaf, value in handed_on.untimed:
                    self.direct.setdefault(leaf, []).append(value)

    def _initial_gradient(self, name: str, time: Index) -> Node:
        state = self.cell.state[name]
        terms = [
            self.graph.at(value, time + lag)
            for lag, values in self.flow.get(name, {}).items()
            if abs(lag) >= abs((self._edge(state.backward) - time).constant or 0)
            for value in values
        ]
        terms += [s.at(self.cell.time.index, time) for s in self.sources.get(name, []) if self._covers(s, time)]
        return self._sum(terms, state.shape[::-1])

    def _edge(self, backward: bool) -> Index:
        return self.cell.time.last if backward else self.cell.time.first

    def _covers(self, source: Source, time: Index) -> bool:
        low, high = (time - source.lower).constant, (source.upper - time).constant
        return (low is None or low >= 0) and (high is None or high >= 0) and not (low is None and high is None)

    def _gradient(self, leaf: Variable) -> Node:
        if leaf.role is Role.COMPUTED:
            return self._computed_gradient(leaf)
        return self._gradient_by_leaf(leaf)

    def _gradient_by_leaf(self, leaf: Variable) -> Node:
        span = self.cell.time
        steps = self.per_step.get(leaf, [])
        terms = list(self.direct.get(leaf, []))
        if leaf.time is None:
            if steps:
                terms.append(build.sum_over(self.finish(total(steps)), span.index, span.first, span.last))
        else:
            terms.extend(steps)
            terms.extend(self._all_picked(leaf.name))
        found = self._sum(terms, leaf.shape[::-1])
        return as_scalar(found) if leaf.is_scalar else found

    def _computed_gradient(self, leaf: Variable) -> Node:
        if leaf.time is None:
            terms = [*([self.whole[leaf.name]] if leaf.name in self.whole else []), self._gradient_by_leaf(leaf)]
            return self._sum(terms, leaf.shape[::-1])
        initial = {time for state, time, _ in self.cell.initial_keys() if state.name == leaf.name}
        if leaf.time in initial:
            found = self._initial_gradient(leaf.name, leaf.time)
            return as_scalar(found) if leaf.is_scalar else found
        if leaf.name not in self.influenced or not self._reached(leaf.name):
            return Zeros(leaf.shape[::-1])
        if leaf.name in self.written_out:
            shape = self._adjoint_shape(leaf.name)
            return self.graph.at(self._sum(self._all_picked(leaf.name), shape), leaf.time)
        return Variable(self.names[leaf.name], Role.PART, self._adjoint_shape(leaf.name), leaf.time)


def _may_coincide(times: list[Index]) -> bool:
    """Whether two times are the same one at some τ, as 1 and τ are at τ = 1."""
    distinct = list(dict.fromkeys(times))
    return any((a - b).constant is None for place, a in enumerate(distinct) for b in distinct[:place])
