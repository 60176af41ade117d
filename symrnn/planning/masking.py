"""Sequences of different lengths in one batch: every one counts as it would alone.

before → after, with mask[t] = 1 while a sequence lasts and then 0, last[t] = 1 at its last step alone
    h[t] = f                     → h_new[t] = f
                                   h[t] = mask[t] * h_new[t] + (1 - mask[t]) * h[t-1]    the state stays what it was
    Σ_t e[t]                     → Σ_t mask[t] * e[t]
    e[tau], of more than states  → Σ_t last[t] * e[t]
    tau as a number              → Σ_t mask[t]
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Cell,
    Declaration,
    Equation,
    Index,
    IndexNumber,
    Node,
    Number,
    Product,
    Role,
    State,
    Sum,
    Variable,
    build,
)
from symrnn.language.traversal import find, fresh_index, map_nodes, postorder, substitute_indices, variables

MASK, LAST = "mask", "last"


@dataclass(frozen=True)
class Masked:
    """A cell with two more inputs, ``mask`` and ``last``, by the names that they have there."""

    cell: Cell
    mask: str
    last: str


def masked(cell: Cell, hold: bool = True) -> Masked:
    """The cell for padded sequences.  ``hold``: a state of the last time is read there, where it is held.

    Raises UnsupportedError where it speaks of times in a way that has no meaning for padded ones.
    """
    taken = {*cell.names(), *cell.sizes, cell.time.index, *cell.time.last.names()}
    mask, last = fresh_index(MASK, taken), fresh_index(LAST, taken)
    if not hold and any(state.backward for state in cell.states):
        raise UnsupportedError(
            "a window together with different lengths has no meaning for a state that runs backward",
            hint="Leave one of the two out.",
        )
    return Masked(_Masking(cell, mask, last, hold).cell(), mask, last)


class _Masking:
    def __init__(self, cell: Cell, mask: str, last: str, hold: bool) -> None:
        self.before, self.mask, self.last, self.hold = cell, mask, last, hold
        self.time = cell.time
        self.taken = {*cell.names(), mask, last}

    def cell(self) -> Cell:
        """The masked cell."""
        added = tuple(Declaration(name, Role.INPUT, (), timed=True) for name in (self.mask, self.last))
        return replace(
            self.before,
            declarations=self.before.declarations + added,
            equations=tuple(found for e in self.before.equations for found in self._equation(e)),
            loss=self._whole(self.before.loss) if self.before.loss is not None else None,
        )

    def _given(self, name: str, time: Index) -> Variable:
        return Variable(name, Role.INPUT, (), time)

    def _equation(self, equation: Equation) -> tuple[Equation, ...]:
        if not equation.timed:
            return (replace(equation, expression=self._whole(equation.expression)),)
        counted = replace(equation, expression=self._counted(equation.expression))
        state = self.before.state.get(equation.name)
        if state is None:
            return (counted,)
        name = f"{equation.name}_new"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        new = Variable(name, Role.COMPUTED, state.shape, self.before.now)
        return (replace(counted, name=name), replace(equation, expression=self._held(state, new)))

    def _held(self, state: State, expression: Node) -> Node:
        """The state's next value while the sequence lasts, and then its last one."""
        now = self.before.now
        mask = self._given(self.mask, now)
        earlier = Variable(state.name, Role.COMPUTED, state.shape, now + (1 if state.backward else -1))
        gone = build.subtract(Number(1), mask)
        return build.add(build.times(mask, expression), build.times(gone, earlier))

    # ---- quantities of the whole sequence

    def _whole(self, expression: Node) -> Node:
        terms = expression.args[0] if isinstance(expression, Add) else (expression,)
        return build.add(*(self._term(term) for term in terms))

    def _term(self, term: Node) -> Node:
        sums = [s for s in find(term, (Sum, Product)) if self._is_over_time(s)]
        if any(isinstance(s, Product) for s in sums):
            raise UnsupportedError("a product over times has no meaning for sequences of different lengths")
        inside = {v for s in sums for v in variables(s)}
        ends = [v for v in variables(term) if v not in inside and self._is_at_end(v)]
        if ends and sums:
            raise UnsupportedError("a sum over times multiplied by a value of the last time, with different lengths")
        if ends:
            return self._counted(self._at_last(term))
        return map_nodes(self._counted(term), lambda n: self._masked_sum(n) if n in self._same(sums) else n)

    def _same(self, sums: list[Node]) -> set[Node]:
        return {self._counted(s) for s in sums}

    def _is_over_time(self, node: Node) -> bool:
        return any(v.time is not None and node.index in v.time.names() for v in variables(node))  # type: ignore[attr-defined]

    def _is_at_end(self, variable: Variable) -> bool:
        """Whether it is read at a time counted from the last one and not simply kept there."""
        if variable.time is None or not variable.time.names() & self.time.last.names():
            return False
        is_state = variable.role is Role.COMPUTED and variable.name in self.before.state
        return not (self.hold and is_state and variable.time == self.time.last)

    def _at_last(self, term: Node) -> Node:
        """The value of a term at the last step of each sequence: all its times move with that step."""
        (name,) = sorted(self.time.last.names()) or ("",)
        index = fresh_index(self.time.index, {v.name for v in variables(term)} | self.time.last.names())
        there = {name: Index.of(index) - (self.time.last - name)}
        moved = map_nodes(term, lambda n: substitute_indices(n, there) if isinstance(n, Variable) else n)
        return build.sum_over(
            build.times(self._given(self.last, Index.of(index)), moved), index, self.time.first, self.time.last
        )

    def _masked_sum(self, node: Node) -> Node:
        assert isinstance(node, Sum)
        left = (self.time.last - node.upper).constant
        if left is None or left < 0 or (node.lower - self.time.first).constant is None:
            raise UnsupportedError(f"a sum up to {node.upper} has no meaning for sequences of different lengths")
        mask = self._given(self.mask, Index.of(node.index) + left)
        return Sum(build.times(mask, node.body), node.index, node.lower, node.upper)

    def _counted(self, expression: Node) -> Node:
        """The number of steps written as each sequence's own."""
        if not any(isinstance(n, IndexNumber) for n in postorder(expression)):
            return expression
        return map_nodes(expression, self._count)

    def _count(self, node: Node) -> Node:
        if not isinstance(node, IndexNumber) or not node.args[0].names() & self.time.last.names():
            return node
        more = (node.args[0] - self.time.length).constant
        if more is None:
            raise UnsupportedError(f"the number {node.args[0]} has no meaning for sequences of different lengths")
        index = fresh_index("j", {self.time.index, *self.before.sizes, *self.before.names()})
        steps = build.sum_over(self._given(self.mask, Index.of(index)), index, self.time.first, self.time.last)
        return build.add(steps, Number(more)) if more else steps
