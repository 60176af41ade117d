"""A long sequence in segments: the cell of one segment, which begins from given states and hands its adjoints back.

A segment knows of the others what crosses its ends: the states it begins with, and the derivative of everything later
by the states it leaves, which is the last row of μ; its other rows are 0.  Its gradients are those of

    L(segment) + Σ_t μ[t] · s[t],

so that the sums over all segments are the gradients of the whole, and the gradients by its initial states are what the
segment before gets for μ.

before → after
    Σ_t e[t]                  → the same over the segment's times
    e[tau], e without a time  → is_last * e, counted once
    tau, t as numbers         → length, t + offset, which are given
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symrnn.errors import UnsupportedError
from symrnn.language import (
    Add,
    Cell,
    Declaration,
    Divide,
    Equation,
    Hadamard,
    Index,
    IndexNumber,
    MatMul,
    Neg,
    Node,
    Product,
    Role,
    Start,
    State,
    Sum,
    Trace,
    Variable,
    build,
)
from symrnn.language.traversal import find, map_nodes, variables

HINT = "Leave --checkpoint out: the ordinary code keeps every state."


@dataclass(frozen=True)
class Boundary:
    """The initial value ``key`` of a segment is ``state`` at ``time`` of the one before, ``back`` rows from its end."""

    key: str
    state: State
    time: Index
    back: int


@dataclass(frozen=True)
class Segment:
    """The cell of a segment, the scalar whose gradients are wanted, and the names of what it is given besides.

    ``later`` is the name of each state's μ.
    """

    cell: Cell
    scalar: Node
    boundaries: tuple[Boundary, ...]
    later: Mapping[str, str]
    is_last: str
    length: str
    offset: str

    @property
    def least(self) -> int:
        """The fewest steps that a segment may have: as many as its states reach back."""
        return max([1, *(b.state.depth for b in self.boundaries)])


def segment_of(cell: Cell) -> Segment:
    """The cell of a segment.

    Raises UnsupportedError for a cell that does not fall apart into segments: with states that run backward, a loss
    that is no sum over the steps, or reads across the ends of segments.
    """
    return _Segments(cell).segment()


def inner_product(a: Node, b: Node) -> Node:
    """The sum of the products of all entries."""
    if not a.shape:
        return build.times(a, b)
    product = build.matmul(build.transpose(a), b)
    return product if a.shape[1].constant == 1 else Trace(product)


class _Segments:
    def __init__(self, cell: Cell) -> None:
        self.cell, self.time = cell, cell.time
        self.taken = {*cell.names(), *cell.sizes, cell.time.index, *cell.time.last.names()}
        self.is_last, self.length, self.offset = (self._fresh(n) for n in ("is_last", "whole_length", "offset"))

    def _fresh(self, wanted: str) -> str:
        while wanted in self.taken:
            wanted += "_"
        self.taken.add(wanted)
        return wanted

    def _refuse(self, reason: str) -> UnsupportedError:
        return UnsupportedError(f'the cell "{self.cell.name}" has no checkpoints: {reason}', hint=HINT)

    def segment(self) -> Segment:
        """The segment."""
        cell = self.cell
        if any(state.backward for state in cell.states):
            raise self._refuse("a state runs backward, and every segment would have to wait for the one after it")
        if not cell.states:
            raise self._refuse("it has no states")
        if cell.loss is None:
            raise self._refuse("it has no loss")
        times = self.time.last.names() | {self.time.index}
        for constant in cell.constants:
            if constant.value is not None and any(n.args[0].names() & times for n in find(constant.value, IndexNumber)):
                raise self._refuse(f"the constant {constant.name} depends on the number of steps")
        boundaries = tuple(
            Boundary(key, state, self.time.last + 1 - back, back)
            for state in cell.states
            for back, (_, _, key) in enumerate((k for k in cell.initial_keys() if k[0] is state), 1)
        )
        later = {state.name: self._fresh(f"later_{state.name}") for state in cell.states}
        given = tuple(
            Declaration(later[s.name], Role.TARGET, s.shape, timed=True, two_axes=s.two_axes) for s in cell.states
        ) + tuple(Declaration(name, Role.CONSTANT, ()) for name in (self.is_last, self.length, self.offset))
        segment = replace(
            cell,
            declarations=cell.declarations + given,
            states=tuple(replace(s, start=Start.GIVEN, initial=None) for s in cell.states),
            equations=tuple(self._equation(e) for e in cell.equations),
            loss=self._part(cell.loss),
        )
        assert segment.loss is not None
        scalar = build.add(segment.loss, *(self._handed_on(state, later[state.name]) for state in cell.states))
        return Segment(segment, scalar, boundaries, later, self.is_last, self.length, self.offset)

    def _handed_on(self, state: State, later: str) -> Node:
        """Σ_t μ[t] · s[t]: the inner product with what the segment leaves."""
        here = Variable(state.name, Role.COMPUTED, state.shape, self.cell.now)
        product = inner_product(Variable(later, Role.TARGET, state.shape, self.cell.now), here)
        return build.sum_over(product, self.time.index, self.time.first, self.time.last)

    def _constant(self, name: str) -> Variable:
        return Variable(name, Role.CONSTANT, (), None)

    # ---- equations

    def _equation(self, equation: Equation) -> Equation:
        if equation.timed:
            self._check_step(equation.expression, f"{equation.name}[{self.time.index}]")
        elif self._timed(equation.expression) and not self._at_end(equation.expression):
            raise self._refuse(f"{equation.name} is a quantity of the whole sequence")
        return replace(equation, expression=self._counted(equation.expression))

    def _check_step(self, expression: Node, where: str, index: str | None = None) -> None:
        """What a step reads has to be there in its own segment: its own data, its states before."""
        now = Index.of(index or self.time.index)
        for variable in self._timed(expression):
            ahead = (variable.time - now).constant if variable.time is not None else None
            is_state = variable.role is Role.COMPUTED and variable.name in self.cell.state
            if ahead != 0 and not (is_state and ahead is not None and ahead < 0):
                raise self._refuse(f"{where} reads {variable.name}[{variable.time}], maybe of another segment")
        if any(isinstance(n, (Sum, Product)) and self._timed(n) for n in find(expression, (Sum, Product))):
            raise self._refuse(f"{where} has a sum or product over times")

    def _counted(self, expression: Node) -> Node:
        """Times as numbers, counted from the beginning of the whole."""
        return map_nodes(expression, self._count)

    def _count(self, node: Node) -> Node:
        if not isinstance(node, IndexNumber):
            return node
        names = node.args[0].names()
        if names & self.time.last.names():
            more = (node.args[0] - self.time.length).constant
            if more is None:
                raise self._refuse(f"the number {node.args[0]} depends on the number of steps")
            length = self._constant(self.length)
            return build.add(length, build.index_number(Index.of(more))) if more else length
        if self.time.index in names:
            if (node.args[0] - self.time.index).constant is None:
                raise self._refuse(f"the number {node.args[0]} depends on the time")
            return build.add(node, self._constant(self.offset))
        return node

    # ---- the loss

    def _timed(self, expression: Node) -> list[Variable]:
        """Variables of single times, and those of the whole sequence that are computed from such."""
        found = []
        for variable in variables(expression):
            if variable.time is not None:
                found.append(variable)
            elif variable.role is Role.COMPUTED and variable.name in self.cell.whole:
                found += self._timed(self.cell.whole[variable.name].expression)
        return found

    def _at_end(self, expression: Node) -> bool:
        return all(v.time == self.time.last for v in self._timed(expression))

    def _part(self, node: Node) -> Node:
        """The part of the loss that is a segment's own; linear in what is summed over the steps."""
        if self._at_end(node) and not any(self._timed(s) for s in find(node, (Sum, Product))):
            return build.times(self._constant(self.is_last), self._counted(node))
        if isinstance(node, Sum):
            return self._sum(node)
        if isinstance(node, Add):
            return build.add(*(self._part(term) for term in node.args[0]))
        if isinstance(node, Neg):
            return build.neg(self._part(node.args[0]))
        if isinstance(node, Divide) and not self._timed(node.args[1]):
            return build.divide(self._part(node.args[0]), self._counted(node.args[1]))
        if isinstance(node, (Hadamard, MatMul)):
            timed = [factor for factor in node.args[0] if self._timed(factor)]
            if len(timed) == 1:
                kept = (self._part(f) if f is timed[0] else self._counted(f) for f in node.args[0])
                return (build.times if isinstance(node, Hadamard) else build.matmul)(*kept)
        raise self._refuse("its loss is no sum over the steps")

    def _sum(self, node: Sum) -> Node:
        if (node.lower, node.upper) != (self.time.first, self.time.last):
            raise self._refuse(f"its loss sums over the times from {node.lower} to {node.upper} alone")
        self._check_step(node.body, "the loss", node.index)
        body = node.body
        if any(isinstance(n, IndexNumber) and node.index in n.args[0].names() for n in find(body, IndexNumber)):
            raise self._refuse("its loss counts the time")
        return Sum(self._counted(body), node.index, node.lower, node.upper)
